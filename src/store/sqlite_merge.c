/* Putting runs together. A series that gets a few points in every packing would come to lie in as many chunks as there
 * were packings; so when eight runs of a level are there, they become one of the next. Chunks of one series are joined
 * by their columns, and only where their times overlap are points sorted.
 *
 * Blocks are read and written beside the writer; one transaction then puts the new run in the place of the old ones,
 * unless one of them was changed meanwhile (a block that is changed loses points, so their sum tells). */
#include "store/point_buffer.h"
#include "store/sqlite_pack_int.h"

#include <string.h>

#define MERGE_RUNS 8u /* of one level */
#define MERGE_RUNS_MAX 256u /* at once */
#define MERGE_POINTS_MAX ((int64_t)128 << 20) /* in the run that comes out */

struct run {
	int64_t rid, level, points, blocks, buckets;
};

/* Reads the blocks of a run one after the other. */
struct cursor {
	struct run run;
	int64_t bid; /* of the block at hand */
	char *bytes; /* owned */
	struct arena arena, points; /* of the block's directory; of the chunk that is read */
	struct series_block block;
	uint32_t *shapes; /* owned: the block's shapes by the merger's numbers */
	uint32_t index;
	struct series_chunk chunk; /* at index */
	bool at_end;
};

struct merger {
	struct sqlite_packer *packer;
	struct cursor *cursors; /* owned */
	size_t count;
	struct map shape_numbers;
	struct str *shapes; /* owned; texts in the arena */
	size_t shape_count, shape_room;
	struct arena arena, scratch;
	struct point_buffer buffer;
	struct series_key key; /* of what the buffer holds; its dataset in dataset_text */
	struct buf dataset_text;
	struct block_sink sink;
	int64_t points;
	int64_t damaged; /* the number of a block that cannot be read; 0: none */
};

/* An error is one of the block at hand. */
static enum err_code blame(struct merger *merger, const struct cursor *cursor, enum err_code code)
{
	if (code == ERR_CORRUPT || code == ERR_VERSION)
		merger->damaged = cursor->bid;
	return code;
}

/* ---- which runs ---- */

static enum err_code list_runs(struct sqlite_conn *conn, struct run runs[static MERGE_RUNS_MAX], size_t *ret_count,
			       struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_RUN_LIST, &stmt, err);

	if (code)
		return code;
	*ret_count = 0;
	while (*ret_count < MERGE_RUNS_MAX) {
		code = sqlite_step(conn, stmt, "looking for history to put together", &row, err);
		if (code || !row)
			break;
		runs[(*ret_count)++] = (struct run){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
						    sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
						    sqlite3_column_int64(stmt, 4)};
	}
	sqlite_give(conn, SQL_RUN_LIST, stmt);
	return code;
}

/* Moves those to be put together to the front (they come by level): so many that it is worth it, not too large
 * together. */
static size_t choose(struct run *runs, size_t count, bool all)
{
	size_t wanted = all ? 2 : MERGE_RUNS;

	for (size_t first = 0; first < count;) {
		int64_t points = runs[first].points;
		size_t end = first + 1;

		while (end < count && (all || runs[end].level == runs[first].level) &&
		       points + runs[end].points <= MERGE_POINTS_MAX)
			points += runs[end++].points;
		if (end - first >= wanted) {
			memmove(runs, runs + first, (end - first) * sizeof(*runs));
			return end - first;
		}
		first = all ? end : first + 1;
	}
	return 0;
}

/* ---- reading ---- */

static enum err_code number_shape(struct merger *merger, struct str text, uint32_t *ret, struct error *err)
{
	uintptr_t known = (uintptr_t)map_get(&merger->shape_numbers, text);

	if (known) {
		*ret = (uint32_t)(known - 1);
		return ERR_OK;
	}
	if (merger->shape_count == merger->shape_room) {
		size_t room = merger->shape_room ? merger->shape_room * 2 : 64;
		struct str *grown = realloc(merger->shapes, room * sizeof(*grown));

		if (!grown)
			return err_set(err, ERR_MEMORY, "no memory to put history together");
		merger->shapes = grown;
		merger->shape_room = room;
	}
	struct str copy = arena_dup(&merger->arena, text);

	if (!copy.at || !map_set(&merger->shape_numbers, copy, (void *)(uintptr_t)(merger->shape_count + 1)))
		return err_set(err, ERR_MEMORY, "no memory to put history together");
	*ret = (uint32_t)merger->shape_count;
	merger->shapes[merger->shape_count++] = copy;
	return ERR_OK;
}

static enum err_code open_block(struct merger *merger, struct cursor *cursor, struct str bytes, struct error *err)
{
	free(cursor->bytes);
	free(cursor->shapes);
	cursor->shapes = NULL;
	arena_clear(&cursor->arena);
	cursor->bytes = malloc(bytes.len + 1);
	if (!cursor->bytes)
		return err_set(err, ERR_MEMORY, "no memory to put history together");
	memcpy(cursor->bytes, bytes.at, bytes.len);
	enum err_code code =
		series_block_open((struct str){cursor->bytes, bytes.len}, &cursor->arena, &cursor->block, err);

	if (code)
		return code;
	cursor->shapes = calloc((size_t)cursor->block.shape_count + 1, sizeof(*cursor->shapes));
	if (!cursor->shapes)
		return err_set(err, ERR_MEMORY, "no memory to put history together");
	for (uint32_t i = 0; code == ERR_OK && i < cursor->block.shape_count; i++)
		code = number_shape(merger, cursor->block.shapes[i], &cursor->shapes[i], err);
	cursor->index = 0;
	return code;
}

static enum err_code next_block(struct merger *merger, struct cursor *cursor, struct error *err)
{
	struct sqlite_conn *conn = &merger->packer->conn;
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_BLOCK_NEXT, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, cursor->run.rid);
	sqlite_bind_int(stmt, 2, cursor->bid);
	code = sqlite_step(conn, stmt, "reading packed history", &row, err);
	if (code == ERR_OK && row) {
		cursor->bid = sqlite3_column_int64(stmt, 0);
		code = open_block(merger, cursor,
				  (struct str){sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1)},
				  err);
		if (code)
			code = blame(merger, cursor, err_while(err, "reading block %lld", (long long)cursor->bid));
	}
	cursor->at_end = !row;
	sqlite_give(conn, SQL_BLOCK_NEXT, stmt);
	return code;
}

/* The cursor stands on its next chunk, or at its end. */
static enum err_code settle(struct merger *merger, struct cursor *cursor, struct error *err)
{
	enum err_code code = ERR_OK;

	while (code == ERR_OK && !cursor->at_end && cursor->index >= cursor->block.count)
		code = next_block(merger, cursor, err);
	if (code == ERR_OK && !cursor->at_end)
		code = blame(merger, cursor, series_block_chunk(&cursor->block, cursor->index, &cursor->chunk, err));
	return code;
}

/* By series, kind and time. */
static int compare_chunks(const struct series_chunk *a, const struct series_chunk *b)
{
	int order = series_key_cmp(&a->key, &b->key);

	if (order != 0)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->at_us.min < b->at_us.min ? -1 : a->at_us.min > b->at_us.min;
}

static struct cursor *first_cursor(struct merger *merger)
{
	struct cursor *first = NULL;

	for (size_t i = 0; i < merger->count; i++) {
		struct cursor *cursor = &merger->cursors[i];

		if (!cursor->at_end && (!first || compare_chunks(&cursor->chunk, &first->chunk) < 0))
			first = cursor;
	}
	return first;
}

/* ---- joining ---- */

static enum err_code emit(struct merger *merger, size_t count, struct error *err)
{
	struct point_buffer *buffer = &merger->buffer;
	enum err_code code = point_buffer_sort(buffer, err);

	while (code == ERR_OK && count > 0) {
		size_t part = count < SERIES_POINTS_MAX ? count : SERIES_POINTS_MAX;
		struct series_points points;

		arena_clear(&merger->scratch);
		code = point_buffer_front(buffer, part, merger->shapes, &merger->scratch, &points, err);
		if (code == ERR_OK)
			code = block_sink_chunk(&merger->sink, &merger->key, &points, err);
		merger->points += (int64_t)part;
		point_buffer_drop(buffer, part);
		count -= part;
	}
	return code;
}

/* What lies before at_us cannot be joined by anything that follows: whole chunks of it leave. */
static enum err_code emit_before(struct merger *merger, int64_t at_us, struct error *err)
{
	struct point_buffer *buffer = &merger->buffer;

	if (buffer->count < SERIES_POINTS_MAX)
		return ERR_OK;
	enum err_code code = point_buffer_sort(buffer, err);
	size_t count = 0;

	if (code)
		return code;
	if (buffer->columns[0][buffer->count - 1] < at_us)
		count = buffer->count;
	else
		while (count < buffer->count && buffer->columns[0][count] < at_us)
			count++;
	return emit(merger, count - count % SERIES_POINTS_MAX, err);
}

static bool can_join(const struct merger *merger, const struct series_chunk *chunk)
{
	const struct point_buffer *buffer = &merger->buffer;

	return buffer->count > 0 && series_key_cmp(&merger->key, &chunk->key) == 0 && buffer->kind == chunk->kind;
}

/* Decimals get the larger one of two scales, where all of them can have it. */
static bool level_scales(struct merger *merger, struct series_points *points, struct arena *arena)
{
	struct point_buffer *buffer = &merger->buffer;

	if (points->scale == buffer->scale)
		return true;
	if (points->scale > buffer->scale)
		return point_buffer_rescale(buffer, points->scale);
	if (points->kind != SERIES_DECIMAL)
		return false;
	int64_t *mantissas = arena_array(arena, int64_t, points->count);

	for (uint32_t i = 0; i < points->count; i++)
		if (!mantissas ||
		    !series_number_rescale(points->mantissas[i], points->scale, buffer->scale, &mantissas[i]))
			return false;
	points->mantissas = mantissas;
	points->scale = buffer->scale;
	return true;
}

static enum err_code begin(struct merger *merger, const struct series_chunk *chunk, struct error *err)
{
	enum err_code code = emit(merger, merger->buffer.count, err);

	if (code)
		return code;
	buf_clear(&merger->dataset_text);
	buf_put(&merger->dataset_text, chunk->key.dataset);
	merger->key = chunk->key;
	merger->key.dataset = buf_str(&merger->dataset_text);
	point_buffer_begin(&merger->buffer, chunk->kind, chunk->scale);
	return buf_check(&merger->dataset_text, "dataset", err);
}

/* Kept buckets are put together; derived ones are derived again. */
static enum err_code take_rollup(struct merger *merger, struct cursor *cursor, struct error *err)
{
	enum err_code code = emit(merger, merger->buffer.count, err);
	const struct series_key key = {cursor->chunk.key.subject, sqlite_key_nid(&cursor->chunk.key),
				       cursor->chunk.key.dataset};

	arena_clear(&cursor->points);
	if (code == ERR_OK)
		code = blame(
			merger, cursor,
			sqlite_rollup_keep(&merger->sink, &key, &cursor->block, cursor->index, &cursor->points, err));
	cursor->index++;
	return code ? code : settle(merger, cursor, err);
}

static enum err_code take_chunk(struct merger *merger, struct cursor *cursor, struct error *err)
{
	struct series_points points;

	if (sqlite_key_is_rollup(&cursor->chunk.key))
		return take_rollup(merger, cursor, err);
	enum err_code code = can_join(merger, &cursor->chunk) ? emit_before(merger, cursor->chunk.at_us.min, err)
							      : begin(merger, &cursor->chunk, err);

	if (code == ERR_OK) {
		arena_clear(&cursor->points);
		code = blame(merger, cursor,
			     series_block_read(&cursor->block, cursor->index, &cursor->points, &points, err));
	}
	if (code == ERR_OK && !level_scales(merger, &points, &cursor->points))
		code = begin(merger, &cursor->chunk, err);
	if (code == ERR_OK)
		code = blame(
			merger, cursor,
			point_buffer_add(&merger->buffer, &points, cursor->shapes, cursor->block.shape_count, err));
	cursor->index++;
	return code ? code : settle(merger, cursor, err);
}

static enum err_code join(struct merger *merger, struct error *err)
{
	struct cursor *cursor;
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < merger->count; i++)
		code = settle(merger, &merger->cursors[i], err);
	while (code == ERR_OK && (cursor = first_cursor(merger)) && !packer_must_stop(merger->packer))
		code = take_chunk(merger, cursor, err);
	if (code == ERR_OK)
		code = emit(merger, merger->buffer.count, err);
	return code ? code : block_sink_finish(&merger->sink, err);
}

/* ---- storing ---- */

struct merge_write {
	struct store_write write; /* first */
	struct merger *merger;
};

static enum err_code run_on_run(struct sqlite_store *store, enum sqlite_sql sql, int64_t rid, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, rid);
	return sqlite_finish(&store->writer, sql, stmt, "putting history together", err);
}

static enum err_code verify(struct sqlite_store *store, const struct run *run, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(&store->writer, SQL_RUN_SUM, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, run->rid);
	code = sqlite_step(&store->writer, stmt, "putting history together", &row, err);
	if (code == ERR_OK &&
	    (!row || sqlite3_column_int64(stmt, 0) != run->blocks || sqlite3_column_int64(stmt, 1) != run->points ||
	     sqlite3_column_int64(stmt, 2) != run->buckets))
		code = err_set(err, ERR_CONFLICT, "history was changed while it was put together");
	sqlite_give(&store->writer, SQL_RUN_SUM, stmt);
	return code;
}

static enum err_code run_merge(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct merger *merger = ((struct merge_write *)(void *)write)->merger;
	struct sqlite_store *store = merger->packer->store;
	int64_t level = 0;
	enum err_code code = ERR_OK;

	txn->changed = true;
	for (size_t i = 0; code == ERR_OK && i < merger->count; i++) {
		const struct run *run = &merger->cursors[i].run;

		code = verify(store, run, err);
		if (code == ERR_OK)
			code = run_on_run(store, SQL_BLOCK_DELETE_RUN, run->rid, err);
		if (code == ERR_OK)
			code = run_on_run(store, SQL_RUN_DELETE, run->rid, err);
		level = run->level > level ? run->level : level;
	}
	return code ? code : sqlite_run_add(store, level + 1, &merger->sink, err);
}

/* ---- a merge ---- */

static enum err_code merger_init(struct merger *merger, struct sqlite_packer *packer, const struct run *runs,
				 size_t count, struct error *err)
{
	*merger = (struct merger){.packer = packer, .count = count};
	arena_init(&merger->arena, SQLITE_SCRATCH_BYTES_MAX);
	arena_init(&merger->scratch, SQLITE_SCRATCH_BYTES_MAX);
	map_init(&merger->shape_numbers, 0);
	buf_init(&merger->dataset_text, SERIES_DATASET_BYTES_MAX);
	point_buffer_init(&merger->buffer);
	merger->cursors = calloc(count, sizeof(*merger->cursors));
	for (size_t i = 0; merger->cursors && i < count; i++) {
		merger->cursors[i].run = runs[i];
		arena_init(&merger->cursors[i].arena, SQLITE_SCRATCH_BYTES_MAX);
		arena_init(&merger->cursors[i].points, SQLITE_SCRATCH_BYTES_MAX);
	}
	enum err_code code = block_sink_init(&merger->sink, err);

	if (code == ERR_OK)
		code = block_sink_roll_up(&merger->sink, &packer->rules.find, err);
	return code || merger->cursors ? code : err_set(err, ERR_MEMORY, "no memory to put history together");
}

static void merger_done(struct merger *merger)
{
	for (size_t i = 0; merger->cursors && i < merger->count; i++) {
		free(merger->cursors[i].bytes);
		free(merger->cursors[i].shapes);
		arena_done(&merger->cursors[i].arena);
		arena_done(&merger->cursors[i].points);
	}
	free(merger->cursors);
	free(merger->shapes);
	block_sink_done(&merger->sink);
	point_buffer_done(&merger->buffer);
	buf_done(&merger->dataset_text);
	map_done(&merger->shape_numbers);
	arena_done(&merger->scratch);
	arena_done(&merger->arena);
}

static enum err_code check_points(const struct merger *merger, struct error *err)
{
	int64_t points = 0;

	for (size_t i = 0; i < merger->count; i++)
		points += merger->cursors[i].run.points;
	if (points == merger->points)
		return ERR_OK;
	return err_set(err, ERR_CORRUPT, "%s: runs say that they have %lld points, they have %lld",
		       merger->packer->store->path, (long long)points, (long long)merger->points);
}

/* *ret_more: something was put together, perhaps there is more. */
static enum err_code merge_once(struct sqlite_packer *packer, bool all, struct store_pack_result *result,
				bool *ret_more, struct error *err)
{
	struct run runs[MERGE_RUNS_MAX];
	struct merger merger;
	size_t count = 0;

	*ret_more = false;
	enum err_code code = sqlite_run(&packer->conn, SQL_BEGIN_READ, "starting to put history together", err);

	if (code == ERR_OK)
		code = list_runs(&packer->conn, runs, &count, err);
	count = code ? 0 : choose(runs, count, all);
	if (count == 0) {
		enum err_code ended = sqlite_run(&packer->conn, SQL_COMMIT, "ending to read", NULL);

		return code ? code : ended;
	}
	code = merger_init(&merger, packer, runs, count, err);
	if (code == ERR_OK)
		code = join(&merger, err);
	(void)!sqlite_run(&packer->conn, SQL_COMMIT, "ending to read", NULL);
	if (code == ERR_OK && !packer_must_stop(packer)) {
		struct merge_write write = {.write = {.run = run_merge}, .merger = &merger};

		code = check_points(&merger, err);
		if (code == ERR_OK)
			code = store_apply(packer->owner, &write.write, err);
		*ret_more = code == ERR_OK;
		if (code == ERR_OK)
			result->merged_points += (uint64_t)merger.points;
	}
	if (code && merger.damaged) {
		struct error damage = *err;

		code = sqlite_aside_block(packer, merger.damaged, &damage, result, err);
		*ret_more = code == ERR_OK;
	}
	merger_done(&merger);
	return code == ERR_CONFLICT ? ERR_OK : code;
}

enum err_code sqlite_merge_runs(struct sqlite_packer *packer, bool all, struct store_pack_result *result,
				struct error *err)
{
	bool more = true;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && more && !packer_must_stop(packer))
		code = merge_once(packer, all, result, &more, err);
	return code;
}
