/* Retention in the memory store, the model of what others do: an instance that is too old stays, marked with the period
 * of the bucket that it would be kept in; nobody sees it but sums, and those only as a part of that whole bucket. */
#include "store/memory_int.h"
#include "store/temporal_int.h"

#include "base/cleanup.h"
#include "series/rollup.h"

#include <stdlib.h>

struct retaining {
	struct memory_store *store;
	struct memory_reader reader; /* for the types of subjects */
	const struct store_retention *retention;
	int64_t now_us;
	struct store_pack_result *result;
	struct arena arena;
};

/* *ret_observed: its time is when it was observed. */
static enum err_code is_observed(struct retaining *retaining, const struct memory_point *point, bool *ret_observed,
				 struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *document;
	struct store_instance instance;

	enum err_code code = json_parse(retaining->reader.parser, &retaining->arena,
					(struct str){point->doc->at, point->doc->len}, &options, &document, err);

	if (code == ERR_OK)
		code = store_instance_read(&retaining->arena, document, point->kind, point->at_us,
					   (int64_t)point->order, &instance, err);
	if (code == ERR_OK)
		*ret_observed = instance.observed_us != STORE_NO_TIME && point->kind != CHANGE_DELETED;
	return code;
}

/* *ret_period: as memory_point's, −1: it is to go. */
static enum err_code place(struct retaining *retaining, const struct store_rule *rule, const struct memory_point *point,
			   int64_t *ret_period, struct error *err)
{
	int64_t period_us = point->kept_us ? point->kept_us : 1;
	int64_t from_us = series_bucket_index(point->at_us, period_us) * period_us;
	int64_t to_be_us = store_rule_period(rule, period_us, from_us, retaining->now_us);
	bool observed = true;
	enum err_code code = ERR_OK;

	if (to_be_us == period_us) {
		*ret_period = point->kept_us;
		return ERR_OK;
	}
	if (!point->kept_us)
		code = is_observed(retaining, point, &observed, err);
	*ret_period = to_be_us && observed ? to_be_us : -1;
	if (code == ERR_OK && !point->kept_us)
		retaining->result->expired_points++;
	return code;
}

static enum err_code retain_series(struct retaining *retaining, struct memory_series *series,
				   const struct store_rule *rule, struct error *err)
{
	size_t kept = 0;
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < series->point_count; i++) {
		struct memory_point point = series->points[i];
		int64_t period_us = point.kept_us;

		if (code == ERR_OK && point.committed && !point.gone)
			code = place(retaining, rule, &point, &period_us, err);
		if (period_us < 0) {
			(void)memory_text_unref(point.doc);
			continue;
		}
		point.kept_us = period_us;
		series->points[kept++] = point;
	}
	series->point_count = kept;
	return code;
}

/* ---- subjects of whom nothing is left ---- */

struct forget_write {
	struct store_write write; /* first */
	struct memory_store *store;
	struct str id;
};

static bool has_history(const struct memory_store *store, struct str id)
{
	for (const struct memory_series *series = store->series; series; series = series->next)
		if (series->point_count > 0 && str_eq(series->id, id))
			return true;
	return false;
}

static enum err_code run_forget(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct forget_write *forget = (const struct forget_write *)(const void *)write;

	if (has_history(forget->store, forget->id) || map_get(&forget->store->entities.pending, forget->id))
		return ERR_OK;
	enum err_code code = store_txn_subject_delete(txn, forget->id, err);

	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* ---- all ---- */

static enum err_code retain_all(struct retaining *retaining, struct store *owner, struct error *err)
{
	struct memory_store *store = retaining->store;
	enum err_code code = ERR_OK;

	for (struct memory_series *series = store->series; code == ERR_OK && series; series = series->next) {
		struct store_subject subject;
		struct forget_write forget = {.write = {.run = run_forget}, .store = store, .id = series->id};
		size_t before = series->point_count;

		arena_clear(&retaining->arena);
		code = memory_subject_get((struct store_snapshot *)&retaining->reader, series->id, &retaining->arena,
					  &subject, NULL);
		if (code == ERR_NOT_FOUND) {
			code = ERR_OK;
			continue;
		}
		const struct store_rule *rule = code ? NULL
						     : store_rule_find(retaining->retention, subject.types,
								       subject.type_count, series->attribute_iri);

		if (!rule)
			continue;
		(void)pthread_mutex_lock(&store->lock);
		code = retain_series(retaining, series, rule, err);
		(void)pthread_mutex_unlock(&store->lock);
		if (code == ERR_OK && before > 0 && series->point_count == 0)
			code = store_apply(owner, &forget.write, err);
	}
	return code;
}

enum err_code memory_pack(struct store *owner, struct store_backend *backend, const struct store_pack_options *options,
			  struct store_pack_result *result, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	struct retaining retaining = {.store = store,
				      .reader = {store, json_parser_new()},
				      .retention = owner->retention,
				      .now_us = options->now_us,
				      .result = result};
	enum err_code code =
		retaining.reader.parser ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to look at history");

	arena_init(&retaining.arena, STORE_TXN_ARENA_BYTES_MAX);
	if (code == ERR_OK && retaining.retention && retaining.retention->count > 0)
		code = retain_all(&retaining, owner, err);
	arena_done(&retaining.arena);
	(void)json_parser_free(retaining.reader.parser);
	return code;
}
