/* Taking points out of packed blocks. A block is read and written anew without them, in its place; one that would be
 * left empty goes. Only loses points: that is how whoever read it before notices (sqlite_merge.c). */
#include "store/sqlite_block_revise.h"

#include "store/instance_pack.h"

#include <string.h>

#define REVISE_BLOCKS_A_TURN 64

struct revision {
	struct sqlite_conn *conn;
	struct series_builder *builder; /* owned */
	struct arena directory, points;
	sqlite_point_filter meant;
	void *self;
	uint64_t removed, removed_buckets;
	struct rollup_set *kept; /* owned; buckets that stay, of the subject at hand */
	int64_t subject; /* at hand */
	bool any; /* the new block has a chunk */
	int64_t buckets; /* kept ones in it */
	int64_t left, subject_min, subject_max, at_us_min, at_us_max;
};

/* ---- one chunk ---- */

static void keep_column(struct series_column *column, int64_t *to, const bool *keep, uint32_t count)
{
	uint32_t kept = 0;

	if (!column->at)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (keep[i])
			to[kept++] = column->at[i];
	column->at = to;
}

static bool keep_values(struct series_points *points, const bool *keep, struct arena *arena)
{
	uint32_t count = points->count, kept = 0;
	int64_t *mantissas = points->mantissas ? arena_array(arena, int64_t, count) : NULL;
	double *doubles = points->doubles ? arena_array(arena, double, count) : NULL;
	struct str *texts = points->texts ? arena_array(arena, struct str, count) : NULL;

	if ((points->mantissas && !mantissas) || (points->doubles && !doubles) || (points->texts && !texts))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!keep[i])
			continue;
		if (mantissas)
			mantissas[kept] = points->mantissas[i];
		if (doubles)
			doubles[kept] = points->doubles[i];
		if (texts)
			texts[kept] = points->texts[i];
		kept++;
	}
	points->mantissas = mantissas;
	points->doubles = doubles;
	points->texts = texts;
	return true;
}

/* The points that stay. */
static bool keep_points(struct series_points *points, const bool *keep, uint32_t kept, struct arena *arena)
{
	struct series_column at = {.at = points->at_us};
	struct series_column *columns[] = {&at, &points->number, &points->created_us, &points->modified_us,
					   &points->shape};

	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
		int64_t *to = arena_array(arena, int64_t, points->count);

		if (!to)
			return false;
		keep_column(columns[c], to, keep, points->count);
	}
	if (!keep_values(points, keep, arena))
		return false;
	points->at_us = at.at;
	points->count = kept;
	return true;
}

static void note(struct revision *revision, int64_t subject, int64_t first, int64_t last, uint32_t points)
{
	if (!revision->any) {
		revision->subject_min = subject;
		revision->at_us_min = first;
		revision->at_us_max = last;
	}
	revision->any = true;
	revision->subject_max = subject;
	revision->at_us_min = first < revision->at_us_min ? first : revision->at_us_min;
	revision->at_us_max = last > revision->at_us_max ? last : revision->at_us_max;
	revision->left += points;
}

/* ---- roll-ups ---- */

/* Derived ones are left out when anything was: they are made again when the block is put together with others, or
 * looked at for its age. */
static enum err_code copy_rollup(struct revision *revision, const struct series_block *block, uint32_t index,
				 struct error *err)
{
	struct series_key of = series_block_key(block, index);
	const struct series_key raw = {of.subject, sqlite_key_name(sqlite_key_nid(&of), true), of.dataset};
	const struct series_key key = {of.subject, sqlite_key_nid(&of), of.dataset};
	struct series_bucket *buckets = NULL;
	struct series_rollup rollup;

	arena_clear(&revision->points);
	enum err_code code = rollup_chunk_open(block, index, &revision->points, &rollup, err);

	if (code || rollup.derived)
		return code;
	code = series_rollup_read(&rollup, &revision->points, &buckets, err);
	for (uint32_t i = 0; code == ERR_OK && i < rollup.count; i++) {
		int64_t from_us = buckets[i].index * rollup.period_us;
		struct series_sums *sums;

		if (revision->meant(revision->self, &raw, from_us + rollup.period_us - 1, SQLITE_NO_NUMBER)) {
			revision->removed_buckets++;
			continue;
		}
		code = rollup_set_keep(revision->kept, &key, rollup.period_us, from_us, &sums, err);
		if (code == ERR_OK)
			code = series_sums_merge(sums, &buckets[i].sums, err);
	}
	return code;
}

static enum err_code flush_rollups(struct revision *revision, struct error *err)
{
	struct rollup_written written;

	if (rollup_set_is_empty(revision->kept))
		return ERR_OK;
	enum err_code code = rollup_set_flush(revision->kept, revision->builder, &written, err);

	if (code == ERR_OK && written.buckets > 0) {
		note(revision, revision->subject, written.from_us, written.to_us - 1, 0);
		revision->buckets += written.buckets;
	}
	return code;
}

static enum err_code copy_chunk(struct revision *revision, const struct series_block *block, uint32_t index,
				struct error *err)
{
	struct series_key key = series_block_key(block, index);
	struct series_points points;
	enum err_code code = ERR_OK;

	if (key.subject != revision->subject)
		code = flush_rollups(revision, err);
	revision->subject = key.subject;
	if (code == ERR_OK && sqlite_key_is_rollup(&key))
		return copy_rollup(revision, block, index, err);
	arena_clear(&revision->points);
	if (code == ERR_OK)
		code = series_block_read(block, index, &revision->points, &points, err);

	if (code)
		return code;
	bool *keep = arena_array(&revision->points, bool, points.count);
	uint32_t kept = 0;

	if (!keep)
		return err_set(err, ERR_MEMORY, "no memory to change history");
	for (uint32_t i = 0; i < points.count; i++) {
		keep[i] = !revision->meant(revision->self, &key, points.at_us[i], series_column_get(&points.number, i));
		kept += keep[i];
	}
	revision->removed += points.count - kept;
	if (kept == 0)
		return ERR_OK;
	if (kept < points.count && !keep_points(&points, keep, kept, &revision->points))
		return err_set(err, ERR_MEMORY, "no memory to change history");
	note(revision, key.subject, points.at_us[0], points.at_us[points.count - 1], points.count);
	return series_builder_add(revision->builder, &key, &points, err);
}

/* ---- one block ---- */

static enum err_code copy_block(struct revision *revision, int64_t bid, struct error *err)
{
	struct series_block block;
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(revision->conn, SQL_BLOCK_DOC, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bid);
	code = sqlite_step(revision->conn, stmt, "changing packed history", &row, err);
	arena_clear(&revision->directory);
	if (code == ERR_OK && row) {
		const struct str bytes = {sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)};

		code = series_block_open(bytes, &revision->directory, &block, err);
		for (uint32_t i = 0; code == ERR_OK && i < block.count; i++)
			code = copy_chunk(revision, &block, i, err);
		if (code == ERR_OK)
			code = flush_rollups(revision, err);
		if (code)
			code = err_while(err, "changing block %lld of %s", (long long)bid, revision->conn->path);
	}
	sqlite_give(revision->conn, SQL_BLOCK_DOC, stmt);
	return code;
}

static enum err_code store_block(struct revision *revision, int64_t bid, struct error *err)
{
	enum sqlite_sql sql = revision->any ? SQL_BLOCK_REPLACE : SQL_BLOCK_DELETE;
	struct str bytes = STR_NONE;
	sqlite3_stmt *stmt;
	enum err_code code = ERR_OK;

	if (revision->any)
		code = series_builder_finish(revision->builder, &bytes, err);
	if (code == ERR_OK)
		code = sqlite_take(revision->conn, sql, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bid);
	if (revision->any) {
		sqlite_bind_int(stmt, 2, revision->subject_min);
		sqlite_bind_int(stmt, 3, revision->subject_max);
		sqlite_bind_int(stmt, 4, revision->at_us_min);
		sqlite_bind_int(stmt, 5, revision->at_us_max);
		sqlite_bind_int(stmt, 6, revision->left);
		(void)sqlite3_bind_blob64(stmt, 7, bytes.at, bytes.len, SQLITE_STATIC);
	}
	code = sqlite_finish(revision->conn, sql, stmt, "changing packed history", err);
	if (code || !revision->any)
		return code;
	return sqlite_retention_set(revision->conn, bid, revision->buckets, 0, err);
}

static enum err_code remove_from_block(struct sqlite_conn *conn, int64_t bid, sqlite_point_filter meant, void *self,
				       uint64_t *ret_removed, uint64_t *ret_buckets, struct error *err)
{
	struct revision revision = {.conn = conn, .meant = meant, .self = self};
	enum err_code code = series_builder_new(SERIES_BLOCK_BYTES_MAX, &revision.builder, err);

	if (code == ERR_OK)
		code = rollup_set_new(&revision.kept, err);
	if (code) {
		(void)series_builder_free(revision.builder);
		return code;
	}
	arena_init(&revision.directory, SQLITE_SCRATCH_BYTES_MAX);
	arena_init(&revision.points, SQLITE_SCRATCH_BYTES_MAX);
	code = copy_block(&revision, bid, err);
	if (code == ERR_OK && revision.removed + revision.removed_buckets > 0)
		code = store_block(&revision, bid, err);
	arena_done(&revision.points);
	arena_done(&revision.directory);
	(void)rollup_set_free(revision.kept);
	(void)series_builder_free(revision.builder);
	*ret_removed = revision.removed;
	*ret_buckets = revision.removed_buckets;
	return code;
}

enum err_code sqlite_block_remove(struct sqlite_conn *conn, int64_t bid, sqlite_point_filter meant, void *self,
				  uint64_t *ret_removed, struct error *err)
{
	uint64_t buckets;

	return remove_from_block(conn, bid, meant, self, ret_removed, &buckets, err);
}

/* ---- what is meant ---- */

struct found_blocks {
	int64_t bids[REVISE_BLOCKS_A_TURN];
	size_t count;
	int64_t behind; /* blocks up to here have been dealt with */
	const struct sqlite_meant *meant;
};

static bool may_hold(const struct sqlite_meant *meant, const struct series_block *block, uint32_t index,
		     struct error *err, enum err_code *ret_code)
{
	struct series_chunk chunk;

	if (!meant->one)
		return true;
	*ret_code = series_block_chunk(block, index, &chunk, err);
	return *ret_code == ERR_OK && chunk.number.min <= meant->number && chunk.number.max >= meant->number;
}

static enum err_code find_block(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				struct error *err)
{
	struct found_blocks *found = self;
	enum err_code code = ERR_OK;

	if (found->count == REVISE_BLOCKS_A_TURN || !may_hold(found->meant, block, index, err, &code))
		return code;
	for (size_t i = 0; i < found->count; i++)
		if (found->bids[i] == bid)
			return ERR_OK;
	found->bids[found->count++] = bid;
	return ERR_OK;
}

static bool point_is_meant(void *self, const struct series_key *key, int64_t at_us, int64_t number)
{
	const struct sqlite_meant *meant = self;

	(void)at_us;
	return key->subject == meant->subject && (meant->nid == 0 || sqlite_key_nid(key) == meant->nid) &&
	       (meant->any_dataset || str_eq(key->dataset, meant->dataset)) && (!meant->one || number == meant->number);
}

enum err_code sqlite_blocks_remove(struct sqlite_conn *conn, const struct sqlite_meant *meant, uint64_t *ret_removed,
				   uint64_t *ret_buckets, struct error *err)
{
	const struct sqlite_series_key key = {meant->subject, meant->nid, meant->dataset, meant->any_dataset};
	struct found_blocks found = {.meant = meant};
	uint64_t removed = 0, buckets = 0, before;
	enum err_code code;

	*ret_removed = *ret_buckets = 0;
	do {
		before = *ret_removed + *ret_buckets;
		found.count = 0;
		code = sqlite_each_chunk(conn, &key, &sqlite_all, find_block, &found, err);
		if (code == ERR_OK && !meant->one)
			code = sqlite_each_rollup(conn, &key, &sqlite_all, find_block, &found, err);
		for (size_t i = 0; code == ERR_OK && i < found.count; i++) {
			code = remove_from_block(conn, found.bids[i], point_is_meant, (void *)(uintptr_t)meant,
						 &removed, &buckets, err);
			if (code == ERR_OK) {
				*ret_removed += removed;
				*ret_buckets += buckets;
			}
		}
		/* What was found is gone from the blocks; of one number there is nothing more. */
	} while (code == ERR_OK && found.count == REVISE_BLOCKS_A_TURN && *ret_removed + *ret_buckets > before);
	return code;
}

/* ---- one instance ---- */

struct search {
	const struct sqlite_meant *meant;
	struct arena *arena;
	struct json_parser *parser;
	struct json *document;
	enum change_kind kind;
	struct str dataset;
};

static enum err_code search_chunk(void *self, int64_t bid, const struct series_block *block, uint32_t index,
				  struct error *err)
{
	struct search *search = self;
	struct series_points points;
	struct shape_cache shapes;
	struct store_instance instance;
	enum err_code code = ERR_OK;

	(void)bid;
	if (search->document || !may_hold(search->meant, block, index, err, &code))
		return code;
	code = series_block_read(block, index, search->arena, &points, err);
	for (uint32_t i = 0; code == ERR_OK && !search->document && i < points.count; i++) {
		if (series_column_get(&points.number, i) != search->meant->number)
			continue;
		code = shape_cache_init(&shapes, block, search->arena, err);
		if (code == ERR_OK)
			code = instance_unpack(&shapes, block, &points, i, search->parser, search->arena, &instance,
					       err);
		if (code)
			return code;
		search->document = store_instance_document(search->arena, &instance);
		search->kind = instance.shape->kind;
		search->dataset = arena_dup(search->arena, series_block_key(block, index).dataset);
		if (!search->document || !search->dataset.at)
			return err_set(err, ERR_MEMORY, "no memory to find an instance");
	}
	return code;
}

enum err_code sqlite_blocks_find(struct sqlite_conn *conn, struct sqlite_meant *meant, struct json_parser *parser,
				 struct arena *arena, struct json **ret_document, enum change_kind *ret_kind,
				 struct error *err)
{
	const struct sqlite_series_key key = {meant->subject, meant->nid, meant->dataset, meant->any_dataset};
	struct search search = {.meant = meant, .arena = arena, .parser = parser};
	enum err_code code = sqlite_each_chunk(conn, &key, &sqlite_all, search_chunk, &search, err);

	if (code || !search.document)
		return code;
	*ret_document = json_dup(arena, search.document); /* texts may lie in the block */
	*ret_kind = search.kind;
	meant->dataset = search.dataset;
	meant->any_dataset = false;
	return *ret_document ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to find an instance");
}
