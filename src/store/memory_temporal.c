/* Temporal evolution in the memory store: every question reads all points of a series, which makes it the model that
 * other kinds are held against. */
#include "store/memory_int.h"
#include "store/temporal_int.h"

#include "base/cleanup.h"
#include "series/rollup.h"

#include <stdlib.h>

static struct memory_store *store_of(struct store_snapshot *snapshot)
{
	return ((struct memory_reader *)snapshot)->store;
}

/* ---- instances ---- */

/* The instance in the arena; the point's document stays the store's. */
static enum err_code read_point(struct json_parser *parser, struct arena *arena, const struct memory_point *point,
				struct store_instance *ret, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *document;
	enum err_code code =
		json_parse(parser, arena, (struct str){point->doc->at, point->doc->len}, &options, &document, err);

	if (code)
		return code;
	return store_instance_read(arena, document, point->kind, point->at_us, (int64_t)point->order, ret, err);
}

/* Every committed point of a series is shown; points are given back. */
static enum err_code each_point(struct memory_reader *reader, struct str id, struct str attribute_iri,
				struct str dataset_id, struct arena *arena,
				enum err_code (*visit)(void *self, const struct store_instance *instance,
						       int64_t kept_us, struct error *err),
				void *self, struct error *err)
{
	struct memory_store *store = reader->store;
	size_t count = 0;

	(void)pthread_mutex_lock(&store->lock);
	const struct memory_series *series = memory_series_find(store, id, attribute_iri, dataset_id);

	(void)pthread_mutex_unlock(&store->lock);
	if (!series)
		return ERR_OK;
	CLEANUP_MEMORY struct memory_point *points = memory_points_take(store, series, INT64_MIN, INT64_MAX, &count);
	enum err_code code = ERR_OK;

	if (!points)
		return err_set(err, ERR_MEMORY, "no memory for history");
	for (size_t i = 0; i < count; i++) {
		struct store_instance instance;

		if (code == ERR_OK)
			code = read_point(reader->parser, arena, &points[i], &instance, err);
		if (code == ERR_OK)
			code = visit(self, &instance, points[i].kept_us, err);
		(void)memory_text_unref(points[i].doc);
	}
	return code;
}

static enum err_code list_instance(void *self, const struct store_instance *instance, int64_t kept_us,
				   struct error *err)
{
	if (kept_us)
		return ERR_OK;
	return instance_list_add(self, instance) ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for history");
}

enum err_code memory_series_read(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, const struct store_window *window, bool latest,
				 uint32_t count_max, struct arena *arena, struct store_instances *ret,
				 struct error *err)
{
	struct instance_list list;

	instance_list_init(&list, window, latest, count_max);
	enum err_code code = each_point((struct memory_reader *)snapshot, id, attribute_iri, dataset_id, arena,
					list_instance, &list, err);

	if (code == ERR_OK)
		code = instance_list_take(&list, arena, ret, err);
	instance_list_done(&list);
	return code;
}

struct summing {
	enum store_time by;
	struct series_periods periods;
	bool *cut;
};

/* Is the bucket that is left of the instance whole in one period? If not, what it touches is not known. */
static bool bucket_counts(const struct summing *summing, int64_t at_us, int64_t kept_us)
{
	const struct series_periods *periods = &summing->periods;
	int64_t from_us = series_bucket_index(at_us, kept_us) * kept_us, to_us = from_us + kept_us;
	bool whole = false;

	for (size_t i = 0; i + 1 < periods->edge_count; i++) {
		bool touches = from_us < periods->edges[i + 1] && to_us > periods->edges[i];

		if (touches && from_us >= periods->edges[i] && to_us <= periods->edges[i + 1])
			whole = true;
		else if (touches)
			summing->cut[i] = true;
	}
	return whole;
}

static enum err_code sum_instance(void *self, const struct store_instance *instance, int64_t kept_us, struct error *err)
{
	const struct summing *summing = self;

	if (kept_us && (summing->by != STORE_OBSERVED_AT || !bucket_counts(summing, instance->observed_us, kept_us)))
		return ERR_OK;
	return store_sums_add(instance, summing->by, summing->periods.edges, summing->periods.edge_count,
			      summing->periods.sums, err);
}

enum err_code memory_series_sums(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				 /* NOLINTNEXTLINE(readability-non-const-parameter): summing writes it */
				 struct series_sums *sums, bool *cut, struct error *err)
{
	struct summing summing = {by, {edges, count, sums}, cut};
	struct arena arena;

	arena_init(&arena, STORE_TXN_ARENA_BYTES_MAX);
	enum err_code code = each_point((struct memory_reader *)snapshot, id, attribute_iri, dataset_id, &arena,
					sum_instance, &summing, err);

	arena_done(&arena);
	return code;
}

struct reach {
	int64_t from_us, to_us;
	struct store_span *span;
};

static enum err_code note_reach(void *self, const struct store_instance *instance, int64_t kept_us, struct error *err)
{
	const struct reach *reach = self;

	(void)err;
	if (!kept_us)
		return ERR_OK;
	int64_t from_us = series_bucket_index(instance->observed_us, kept_us) * kept_us;
	int64_t to_us = from_us + kept_us - 1;

	if (to_us < reach->from_us || from_us > reach->to_us)
		return ERR_OK;
	from_us = from_us > reach->from_us ? from_us : reach->from_us;
	to_us = to_us < reach->to_us ? to_us : reach->to_us;
	if (!reach->span->any || from_us < reach->span->from_us)
		reach->span->from_us = from_us;
	if (!reach->span->any || to_us > reach->span->to_us)
		reach->span->to_us = to_us;
	reach->span->any = true;
	return ERR_OK;
}

enum err_code memory_series_kept(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret,
				 struct error *err)
{
	struct reach reach = {from_us, to_us, ret};
	struct arena arena;

	arena_init(&arena, STORE_TXN_ARENA_BYTES_MAX);
	enum err_code code = each_point((struct memory_reader *)snapshot, id, attribute_iri, dataset_id, &arena,
					note_reach, &reach, err);

	arena_done(&arena);
	return code;
}

static bool has_points(const struct memory_series *series)
{
	for (size_t i = 0; i < series->point_count; i++)
		if (series->points[i].committed)
			return true;
	return false;
}

enum err_code memory_series_list(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 const struct store_series **ret_series, size_t *ret_count, struct error *err)
{
	struct memory_store *store = store_of(snapshot);
	size_t room = 0, count = 0;
	bool good;

	(void)pthread_mutex_lock(&store->lock);
	for (const struct memory_series *series = store->series; series; series = series->next)
		room += str_eq(series->id, id) && has_points(series);
	struct store_series *list = arena_array(arena, struct store_series, room);

	good = list != NULL;
	for (const struct memory_series *series = store->series; good && series; series = series->next) {
		if (!str_eq(series->id, id) || !has_points(series))
			continue;
		list[count] = (struct store_series){arena_dup(arena, series->attribute_iri), STR_NONE};
		good = list[count].attribute_iri.at != NULL;
		if (good && series->dataset_id.len) {
			list[count].dataset_id = arena_dup(arena, series->dataset_id);
			good = list[count].dataset_id.at != NULL;
		}
		count++;
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (!good)
		return err_set(err, ERR_MEMORY, "no memory to list series");
	*ret_series = list;
	*ret_count = count;
	return ERR_OK;
}

/* ---- subjects ---- */

/* An item of the list of subjects has for text the types that were kept or given, as a JSON array. */
static bool add_types(struct arena *arena, const struct json *from, struct store_subject *subject, struct str *types)
{
	for (uint32_t i = 0; json_is(from, JSON_ARRAY) && i < from->count; i++) {
		struct str type = json_text(&from->items[i]);
		bool known = false;

		for (size_t t = 0; t < subject->type_count; t++)
			known = known || str_eq(types[t], type);
		if (known)
			continue;
		types[subject->type_count] = arena_dup(arena, type);
		if (!types[subject->type_count++].at)
			return false;
	}
	return true;
}

static uint32_t count_of(const struct json *types)
{
	return json_is(types, JSON_ARRAY) ? types->count : 0;
}

static struct json *parse_text(struct memory_reader *reader, struct memory_text *text, struct arena *arena)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *tree = NULL;

	if (text && json_parse(reader->parser, arena, (struct str){text->at, text->len}, &options, &tree, NULL))
		tree = NULL;
	(void)memory_text_unref(text);
	return tree;
}

static enum err_code describe(struct memory_reader *reader, struct str id, struct memory_text *kept,
			      struct arena *arena, struct store_subject *ret, struct error *err)
{
	struct memory_store *store = reader->store;
	const struct json *entity = parse_text(reader, memory_text_find(store, &store->entities, id), arena);
	const struct json *others = parse_text(reader, kept, arena);
	const struct json *own = json_get(entity, STR("type"));
	struct str *types = arena_array(arena, struct str, (size_t)count_of(own) + count_of(others) + 1);
	struct store_subject subject = {.id = arena_dup(arena, id),
					.types = types,
					.created_us = entity ? document_created_us(entity) : STORE_NO_TIME,
					.modified_us = entity ? document_modified_us(entity) : STORE_NO_TIME,
					.gone_us = STORE_NO_TIME};

	if (!types || !subject.id.at || !add_types(arena, own, &subject, types) ||
	    !add_types(arena, others, &subject, types))
		return err_set(err, ERR_MEMORY, "no memory for a subject");
	*ret = subject;
	return ERR_OK;
}

enum err_code memory_subject_get(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 struct store_subject *ret, struct error *err)
{
	struct memory_reader *reader = (struct memory_reader *)snapshot;
	struct memory_text *kept = memory_text_find(reader->store, &reader->store->subjects, id);

	if (!kept)
		return err ? err_set(err, ERR_NOT_FOUND, "there is no history of %.*s", STR_FMT(id)) : ERR_NOT_FOUND;
	return describe(reader, id, kept, arena, ret, err);
}

struct found {
	int64_t number;
	struct str id;
	struct memory_text *kept;
};

static bool may_match(const struct narrow *narrow, const struct store_subject *subject)
{
	bool id = narrow->id_count == 0, type = narrow->type_count == 0;

	for (size_t i = 0; !id && i < narrow->id_count; i++)
		id = str_eq(narrow->ids[i], subject->id);
	for (size_t i = 0; !type && i < narrow->type_count; i++)
		for (size_t t = 0; !type && t < subject->type_count; t++)
			type = str_eq(narrow->type_iris[i], subject->types[t]);
	return id && type;
}

/* All subjects behind `after`, in the order of their numbers. */
static enum err_code list_subjects(struct memory_store *store, int64_t after, struct arena *arena,
				   struct found **ret_found, size_t *ret_count, struct error *err)
{
	size_t count = 0;
	bool good;

	(void)pthread_mutex_lock(&store->lock);
	struct found *found = arena_array(arena, struct found, store->subjects.committed.count);

	good = found != NULL;
	for (const struct memory_item *item = store->subjects.first; good && item; item = item->next) {
		if (!item->committed || item->number <= after)
			continue;
		found[count] = (struct found){item->number, arena_dup(arena, item->key), NULL};
		good = found[count].id.at != NULL;
		found[count++].kept = memory_text_ref(item->committed);
	}
	(void)pthread_mutex_unlock(&store->lock);
	*ret_found = found;
	*ret_count = count;
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to list subjects");
}

enum err_code memory_subject_each(struct store_snapshot *snapshot, const struct narrow *narrow, int64_t after,
				  bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				  void *self, struct error *err)
{
	struct memory_reader *reader = (struct memory_reader *)snapshot;
	struct found *found = NULL;
	struct arena arena;
	size_t count = 0;
	bool more = true;

	arena_init(&arena, STORE_TXN_ARENA_BYTES_MAX);
	enum err_code code = list_subjects(reader->store, after, &arena, &found, &count, err);

	for (size_t i = 0; i < count; i++) {
		struct store_subject subject;

		if (code || !more) {
			(void)memory_text_unref(found[i].kept);
			continue;
		}
		code = describe(reader, found[i].id, found[i].kept, &arena, &subject, err);
		if (code == ERR_OK && may_match(narrow, &subject))
			more = visit(self, found[i].number, &subject);
	}
	arena_done(&arena);
	return code;
}

/* ---- in a transaction ---- */

enum err_code memory_subject_add(struct memory_store *store, struct store_txn *txn, struct str id,
				 const struct str *types, size_t type_count, bool *ret_created, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct memory_item *item = map_get(&store->subjects.pending, id);
	struct json *list = json_new(&txn->arena, json_array());
	bool good = list != NULL;

	if (item && json_parse(txn->parser, &txn->arena, (struct str){item->pending->at, item->pending->len}, &options,
			       &list, err))
		return ERR_MEMORY;
	*ret_created = !item;
	for (size_t i = 0; good && i < type_count; i++) {
		bool known = false;

		for (uint32_t k = 0; k < list->count; k++)
			known = known || str_eq(json_text(&list->items[k]), types[i]);
		if (!known)
			good = json_push(&txn->arena, list, json_string(types[i])) != NULL;
	}
	struct memory_text *text = good ? memory_text_json(list) : NULL;

	if (text && !item)
		item = memory_item_new(store, &store->subjects, id);
	if (!text || !item) {
		(void)memory_text_unref(text);
		return err_set(err, ERR_MEMORY, "no memory for a subject");
	}
	txn->changed = true;
	return memory_item_change(store, &store->subjects, item, text, err);
}

enum err_code memory_txn_subject_add(struct store_backend *backend, struct store_txn *txn, struct str id,
				     const struct str *types, size_t type_count, bool *ret_created, struct error *err)
{
	return memory_subject_add((struct memory_store *)backend, txn, id, types, type_count, ret_created, err);
}

enum err_code memory_txn_subject_has(struct store_backend *backend, struct str id, bool *ret_has, struct error *err)
{
	(void)err;
	*ret_has = map_get(&((struct memory_store *)backend)->subjects.pending, id) != NULL;
	return ERR_OK;
}

struct meant {
	struct str id, attribute_iri, dataset_id;
	bool any_attribute, any_dataset, one;
	uint64_t order;
};

static bool is_meant(const struct meant *meant, const struct memory_series *series)
{
	return str_eq(series->id, meant->id) &&
	       (meant->any_attribute || str_eq(series->attribute_iri, meant->attribute_iri)) &&
	       (meant->any_dataset || str_eq(series->dataset_id, meant->dataset_id));
}

/* Marks what is meant as gone; the last one's series and point are told. */
static bool remove_points(struct memory_store *store, const struct meant *meant, size_t *ret_count,
			  struct memory_series **ret_series, struct memory_point *ret_point)
{
	bool good = true;

	*ret_count = 0;
	(void)pthread_mutex_lock(&store->lock);
	for (struct memory_series *series = store->series; good && series; series = series->next) {
		for (size_t i = 0; good && is_meant(meant, series) && i < series->point_count; i++) {
			struct memory_point *point = &series->points[i];

			if (point->gone || (meant->one && (point->kept_us || point->order != meant->order)))
				continue;
			good = memory_undo_reserve(store);
			if (!good)
				break;
			store->undo[store->undo_count++] =
				(struct memory_undo){.kind = UNDO_PRUNE, .series = series, .order = point->order};
			point->gone = true;
			(*ret_count)++;
			*ret_series = series;
			*ret_point = *point;
		}
	}
	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

static enum err_code delete_meant(struct store_backend *backend, struct store_txn *txn, const struct meant *meant,
				  size_t *ret_count, struct error *err)
{
	struct memory_series *series;
	struct memory_point point;

	txn->changed = true;
	if (!remove_points((struct memory_store *)backend, meant, ret_count, &series, &point))
		return err_set(err, ERR_MEMORY, "no memory to delete history");
	return ERR_OK;
}

static enum err_code not_there(struct error *err, struct str id)
{
	return err_set(err, ERR_NOT_FOUND, "there is no such history of %.*s", STR_FMT(str_part(id, 0, 150)));
}

enum err_code memory_txn_subject_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
					struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	const struct meant meant = {.id = id, .any_attribute = true, .any_dataset = true};
	struct memory_item *item = map_get(&store->subjects.pending, id);
	size_t count;
	bool entity = map_get(&store->entities.pending, id) != NULL;

	if (!item)
		return not_there(err, id);
	enum err_code code = delete_meant(backend, txn, &meant, &count, err);
	struct memory_text *none = code == ERR_OK && entity ? memory_text_new(STR("[]")) : NULL;

	if (code == ERR_OK && entity && !none)
		code = err_set(err, ERR_MEMORY, "no memory to delete history");
	return code ? code : memory_item_change(store, &store->subjects, item, none, err);
}

enum err_code memory_txn_series_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
				       struct str attribute_iri, struct str dataset_id, bool all, struct error *err)
{
	const struct meant meant = {
		.id = id, .attribute_iri = attribute_iri, .dataset_id = dataset_id, .any_dataset = all};
	size_t count;
	enum err_code code = delete_meant(backend, txn, &meant, &count, err);

	return code == ERR_OK && count == 0 ? not_there(err, id) : code;
}

enum err_code memory_txn_instance_replace(struct store_backend *backend, struct store_txn *txn, struct str id,
					  struct str attribute_iri, int64_t number, const struct json *instance,
					  int64_t now_us, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	const struct meant meant = {
		.id = id, .attribute_iri = attribute_iri, .any_dataset = true, .one = true, .order = (uint64_t)number};
	struct memory_series *series = NULL;
	struct memory_point point;
	struct store_instance before;
	struct json *document;
	size_t count;

	txn->changed = true;
	if (!remove_points(store, &meant, &count, &series, &point))
		return err_set(err, ERR_MEMORY, "no memory to correct history");
	if (count == 0)
		return not_there(err, id);
	if (!instance)
		return ERR_OK;
	enum err_code code = read_point(txn->parser, &txn->arena, &point, &before, err);

	if (code == ERR_OK)
		code = store_instance_correct(&txn->arena, before.shape->instance, instance, now_us, &document, err);
	if (code)
		return code;
	const struct change change = {.kind = point.kind == CHANGE_DELETED ? CHANGE_UPDATED : point.kind,
				      .attribute_iri = series->attribute_iri,
				      .dataset_id = series->dataset_id,
				      .after = document};

	return memory_history_put(store, id, &change, now_us, point.order) ? ERR_OK
									   : err_set(err, ERR_MEMORY, "no memory");
}

/* What this transaction did counts; so nothing is looked at but what it left. */
enum err_code memory_txn_has_instance(struct store_backend *backend, struct store_txn *txn, struct str id,
				      struct str attribute_iri, struct str dataset_id, const struct json *instance,
				      int64_t observed_us, bool *ret_has, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	const struct memory_series *series;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	series = memory_series_find(store, id, attribute_iri, dataset_id);
	for (size_t i = 0; series && i < series->point_count && !code && !*ret_has; i++) {
		const struct memory_point *point = &series->points[i];
		struct store_instance there;

		if (point->gone || point->kept_us || point->at_us != observed_us)
			continue;
		code = read_point(txn->parser, &txn->arena, point, &there, err);
		if (!code)
			code = store_instance_says(&txn->arena, &there, instance, observed_us, ret_has, err);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}
