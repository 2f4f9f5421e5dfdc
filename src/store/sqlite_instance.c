/* Is an instance in the history already? Asked on the writer's connection before one that arrives late is appended.
 *
 * Its moment and its series say where it could lie: in the rows of few slices, in one chunk of each run of blocks, in
 * the batches of that time. Slices are found by the times that they hold; those that this transaction has added to say
 * so only once its sums are stored, so they are looked into by their numbers. */
#include "store/instance_pack.h"
#include "store/sqlite_int.h"

#define PLAIN_MEMBERS 3u /* type, value, observedAt */

struct search {
	struct sqlite_store *store;
	struct store_txn *txn;
	const struct json *instance;
	int64_t observed_us;
	struct sqlite_series_key key;
	struct arena points; /* of a chunk */
	bool found;
};

static enum err_code compare(struct search *search, const struct store_instance *there, struct error *err)
{
	return store_instance_says(&search->txn->arena, there, search->instance, search->observed_us, &search->found,
				   err);
}

/* ---- rows ---- */

static enum err_code compare_row(struct search *search, sqlite3_stmt *stmt, struct error *err)
{
	struct sqlite_conn *conn = &search->store->writer;
	struct arena *arena = &search->txn->arena;
	int kind = sqlite3_column_int(stmt, 1);
	struct store_instance there;
	struct json *document;

	if (kind < CHANGE_CREATED || kind > CHANGE_DELETED)
		return err_set(err, ERR_CORRUPT, "%s: a point of the history is of kind %d", conn->path, kind);
	enum err_code code = sqlite_document_borrow(conn, stmt, 2, search->txn->parser, arena, &document, err);

	if (code == ERR_OK)
		code = store_instance_read(arena, document, (enum change_kind)kind, search->observed_us, 0, &there,
					   err);
	return code ? code : compare(search, &there, err);
}

/* fifth: what the statement's last parameter is. */
static enum err_code search_rows(struct search *search, enum sqlite_sql sql, int64_t fifth, struct error *err)
{
	struct sqlite_conn *conn = &search->store->writer;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, search->key.subject);
	sqlite_bind_int(stmt, 2, search->key.nid);
	sqlite_bind_text(stmt, 3, search->key.dataset);
	sqlite_bind_int(stmt, 4, search->observed_us);
	sqlite_bind_int(stmt, 5, fifth);
	while (code == ERR_OK && !search->found) {
		code = sqlite_step(conn, stmt, "looking for an instance", &row, err);
		if (code || !row)
			break;
		code = compare_row(search, stmt, err);
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

/* The slices whose sums are kept aside. */
static enum err_code search_new_rows(struct search *search, struct error *err)
{
	const struct sqlite_slice_sum *sums[] = {&search->store->now.slice, &search->store->kept.slice};
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]) && !code && !search->found; i++)
		if (sums[i]->points > 0 && sums[i]->at_us_min <= search->observed_us &&
		    sums[i]->at_us_max >= search->observed_us)
			code = search_rows(search, SQL_POINT_AT_IN_SLICE, sums[i]->number, err);
	return code;
}

/* ---- what is packed ---- */

static enum err_code search_points(struct search *search, const struct series_block *block,
				   const struct series_points *points, struct error *err)
{
	struct shape_cache shapes = {0};
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; i < points->count && points->at_us[i] <= search->observed_us; i++) {
		struct store_instance there;

		if (points->at_us[i] < search->observed_us)
			continue;
		if (!shapes.at)
			code = shape_cache_init(&shapes, block, &search->points, err);
		if (code == ERR_OK)
			code = instance_unpack(&shapes, block, points, i, search->txn->parser, &search->points, &there,
					       err);
		if (code == ERR_OK)
			code = compare(search, &there, err);
		if (code || search->found)
			return code;
	}
	return ERR_OK;
}

static enum err_code search_chunk(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				  struct error *err)
{
	struct search *search = self;
	struct series_key of = series_block_key(block, index);
	struct series_points points;

	(void)bid;
	if (search->found || !sqlite_key_is_observed(&of))
		return ERR_OK;
	arena_clear(&search->points);
	enum err_code code = series_block_read(block, index, &search->points, &points, err);

	return code ? code : search_points(search, block, &points, err);
}

static bool is_found(void *self, const struct series_range *at_us)
{
	const struct search *search = self;

	(void)at_us;
	return search->found;
}

/* Can it have come in a batch of values? Those say a plain value and when it was observed. It costs much to look: a
 * batch has no index of whom it speaks. */
static bool may_be_in_batch(const struct search *search)
{
	const struct json *instance = search->instance, *value = json_get(instance, STR("value"));
	uint32_t members = PLAIN_MEMBERS;

	members += json_get(instance, STR("createdAt")) != NULL;
	members += json_get(instance, STR("modifiedAt")) != NULL;
	return instance->count == members && str_eq(json_text(json_get(instance, STR("type"))), STR("Property")) &&
	       (json_is(value, JSON_NUMBER) || json_is(value, JSON_BOOL) || json_is(value, JSON_STRING));
}

static enum err_code search_chunks(struct search *search, struct error *err)
{
	const struct sqlite_part part = {search->observed_us, search->observed_us, false, is_found};
	struct sqlite_conn *conn = &search->store->writer;

	arena_init(&search->points, SQLITE_SCRATCH_BYTES_MAX);
	enum err_code code = sqlite_each_block_chunk(conn, &search->key, &part, search_chunk, search, err);

	if (code == ERR_OK && !search->found && may_be_in_batch(search))
		code = sqlite_each_segment_chunk(conn, &search->key, &part, search_chunk, search, err);
	arena_done(&search->points);
	return code;
}

/* ---- the question ---- */

static enum err_code find_series(struct search *search, struct str id, struct str attribute_iri, struct error *err)
{
	const struct sqlite_known *known = sqlite_known_find(search->store, id);
	enum err_code code = sqlite_name_look_up(search->store, attribute_iri, &search->key.nid, err);

	if (code || !search->key.nid)
		return code;
	if (!known)
		return sqlite_subject_find(&search->store->writer, id, &search->key.subject, err);
	search->key.subject = known->subject;
	return ERR_OK;
}

enum err_code sqlite_txn_has_instance(struct store_backend *backend, struct store_txn *txn, struct str id,
				      struct str attribute_iri, struct str dataset_id, const struct json *instance,
				      int64_t observed_us, bool *ret_has, struct error *err)
{
	struct search search = {.store = (struct sqlite_store *)backend,
				.txn = txn,
				.instance = instance,
				.observed_us = observed_us,
				.key = {.dataset = dataset_id}};
	enum err_code code = find_series(&search, id, attribute_iri, err);

	if (code || !search.key.subject)
		return code;
	code = search_new_rows(&search, err);
	if (code == ERR_OK && !search.found)
		code = search_rows(&search, SQL_POINT_AT, observed_us, err);
	if (code == ERR_OK && !search.found)
		code = search_chunks(&search, err);
	*ret_has = code == ERR_OK && search.found;
	return code;
}
