/* Packed history: the chunks of a series in the blocks of all runs.
 *
 * A run is what one packing made: blocks in the order of their subjects, each a row of some ten thousand points
 * (series/block.h). A subject is looked for in each run whose times are asked for, from the last block that may hold it
 * backwards. */
#include "series/block.h"
#include "store/sqlite_int.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_ARENA_BYTES_MAX ((size_t)256 << 20)
#define CANDIDATES_BYTES_MAX ((size_t)64 << 20) /* two million blocks */

/* A block that may hold what is asked for. */
struct candidate {
	int64_t bid;
	struct series_range at_us;
};

struct walk {
	struct sqlite_conn *conn;
	const struct sqlite_series_key *key;
	const struct sqlite_part *part;
	sqlite_block_visitor visit;
	void *self;
	struct candidate *candidates; /* in `found` */
	size_t count, room;
	struct arena found;
	struct arena arena; /* directories of blocks */
	struct error *err;
};

const struct sqlite_part sqlite_all = {.from_us = INT64_MIN, .to_us = INT64_MAX};

/* ---- chunks of a block ---- */

static bool is_meant(const struct sqlite_series_key *key, const struct series_key *of)
{
	return key->nid == 0 || key->any_dataset || str_eq(of->dataset, key->dataset);
}

static bool is_behind(const struct sqlite_series_key *key, bool rollups, const struct series_key *of)
{
	return of->subject != key->subject || sqlite_key_is_rollup(of) != rollups ||
	       (key->nid != 0 && sqlite_key_nid(of) != key->nid);
}

static uint32_t first_of(const struct series_block *block, const struct sqlite_series_key *key, bool rollups)
{
	struct series_key first = {.subject = key->subject};

	if (rollups)
		first.name = ROLLUP_NAME + key->nid;
	else
		first.name = key->nid ? sqlite_key_name(key->nid, true) : INT64_MIN;
	return series_block_find(block, &first);
}

bool sqlite_block_next(const struct series_block *block, const struct sqlite_series_key *key, bool rollups,
		       uint32_t *index)
{
	uint32_t i = *index == UINT32_MAX ? first_of(block, key, rollups) : *index + 1;

	for (; i < block->count; i++) {
		struct series_key of = series_block_key(block, i);

		if (is_behind(key, rollups, &of))
			return false;
		if (is_meant(key, &of)) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* ---- blocks ---- */

static enum err_code visit_block(struct walk *walk, int64_t bid, struct str bytes)
{
	struct series_block block;

	arena_clear(&walk->arena);
	enum err_code code = series_block_open(bytes, &walk->arena, &block, walk->err);

	if (code)
		return err_while(walk->err, "opening block %lld of %s", (long long)bid, walk->conn->path);
	code = walk->visit(walk->self, bid, &block, walk->err);
	return code ? err_while(walk->err, "reading block %lld of %s", (long long)bid, walk->conn->path) : ERR_OK;
}

/* Blocks that were read within a snapshot that is held are kept for the next look at them. */
static void keep_bytes(struct sqlite_conn *conn, int64_t bid, struct str bytes)
{
	struct sqlite_block_cache *cache = &conn->blocks;
	if (!cache->on || bytes.len > SQLITE_BLOCKS_KEPT_BYTES_MAX)
		return;
	if (cache->count == SQLITE_BLOCKS_KEPT_MAX || cache->bytes + bytes.len > SQLITE_BLOCKS_KEPT_BYTES_MAX)
		sqlite_block_cache_clear(cache);
	char *copy = malloc(bytes.len);

	if (!copy)
		return; /* it works without */
	memcpy(copy, bytes.at, bytes.len);
	cache->kept[cache->count++] = (struct sqlite_block_kept){bid, copy, bytes.len};
	cache->bytes += bytes.len;
}

void sqlite_block_cache_clear(struct sqlite_block_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		free(cache->kept[i].at);
	cache->count = 0;
	cache->bytes = 0;
}

static enum err_code read_block(struct walk *walk, int64_t bid)
{
	const struct sqlite_block_cache *cache = &walk->conn->blocks;
	sqlite3_stmt *stmt;
	bool row = false;

	for (size_t i = 0; i < cache->count; i++)
		if (cache->kept[i].bid == bid)
			return visit_block(walk, bid, (struct str){cache->kept[i].at, cache->kept[i].len});
	enum err_code code = sqlite_take(walk->conn, SQL_BLOCK_DOC, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bid);
	code = sqlite_step(walk->conn, stmt, "reading packed history", &row, walk->err);
	if (code == ERR_OK && row) {
		const void *at = sqlite3_column_blob(stmt, 0);
		struct str bytes = {at, (size_t)sqlite3_column_bytes(stmt, 0)};

		code = visit_block(walk, bid, bytes);
		if (code == ERR_OK)
			keep_bytes(walk->conn, bid, bytes);
	}
	sqlite_give(walk->conn, SQL_BLOCK_DOC, stmt);
	return code;
}

static bool add_candidate(struct walk *walk, int64_t bid, const struct series_range *at_us)
{
	if (walk->count == walk->room) {
		size_t room = walk->room ? walk->room * 2 : 64;
		struct candidate *grown = arena_array(&walk->found, struct candidate, room);

		if (!grown)
			return false;
		for (size_t i = 0; i < walk->count; i++)
			grown[i] = walk->candidates[i];
		walk->candidates = grown;
		walk->room = room;
	}
	walk->candidates[walk->count++] = (struct candidate){bid, *at_us};
	return true;
}

/* The blocks of a run that hold the subject: a few, or many for one with a long history. */
static enum err_code find_blocks(struct walk *walk, int64_t rid)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(walk->conn, SQL_BLOCK_OF, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, rid);
	sqlite_bind_int(stmt, 2, walk->key->subject);
	while (code == ERR_OK) {
		code = sqlite_step(walk->conn, stmt, "looking for packed history", &row, walk->err);
		if (code || !row || sqlite3_column_int64(stmt, 1) < walk->key->subject)
			break;
		const struct series_range at_us = {sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3)};

		if (at_us.max < walk->part->from_us || at_us.min > walk->part->to_us)
			continue;
		if (!add_candidate(walk, sqlite3_column_int64(stmt, 0), &at_us))
			code = err_set(walk->err, ERR_MEMORY, "no memory for a list of packed history");
	}
	sqlite_give(walk->conn, SQL_BLOCK_OF, stmt);
	return code;
}

static enum err_code find_all(struct walk *walk)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(walk->conn, SQL_RUN_IN_TIME, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, walk->part->from_us);
	sqlite_bind_int(stmt, 2, walk->part->to_us);
	while (code == ERR_OK) {
		code = sqlite_step(walk->conn, stmt, "looking for packed history", &row, walk->err);
		if (code || !row)
			break;
		code = find_blocks(walk, sqlite3_column_int64(stmt, 0));
	}
	sqlite_give(walk->conn, SQL_RUN_IN_TIME, stmt);
	return code;
}

static int order_of(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_start(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	int order = order_of(left->at_us.min, right->at_us.min);

	return order ? order : order_of(left->bid, right->bid);
}

static int by_end_backwards(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	int order = order_of(right->at_us.max, left->at_us.max);

	return order ? order : order_of(right->bid, left->bid);
}

enum err_code sqlite_each_block(struct sqlite_conn *conn, const struct sqlite_series_key *key,
				const struct sqlite_part *part, sqlite_block_visitor visit, void *self,
				struct error *err)
{
	struct walk walk = {.conn = conn, .key = key, .part = part, .visit = visit, .self = self, .err = err};

	arena_init(&walk.found, CANDIDATES_BYTES_MAX);
	arena_init(&walk.arena, BLOCK_ARENA_BYTES_MAX);
	enum err_code code = find_all(&walk);

	if (walk.count)
		qsort(walk.candidates, walk.count, sizeof(*walk.candidates),
		      part->latest_first ? by_end_backwards : by_start);
	for (size_t i = 0; code == ERR_OK && i < walk.count; i++) {
		if (part->enough && part->enough(self, &walk.candidates[i].at_us))
			break;
		code = read_block(&walk, walk.candidates[i].bid);
	}
	arena_done(&walk.arena);
	arena_done(&walk.found);
	return code;
}

/* ---- chunks of all blocks ---- */

struct chunk_walk {
	const struct sqlite_series_key *key;
	const struct sqlite_part *part;
	sqlite_chunk_visitor visit;
	void *self;
};

/* `enough` is asked about blocks; its self is that of the visitor. */
static bool is_enough(void *self, const struct series_range *at_us)
{
	const struct chunk_walk *walk = self;

	return walk->part->enough && walk->part->enough(walk->self, at_us);
}

/* Chunks of one key need not follow each other in time: where values change their kind they overlap. */
enum err_code sqlite_visit_part(const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self, int64_t bid,
				const struct series_block *block, uint32_t index, struct error *err)
{
	struct series_chunk chunk;

	if (part->from_us == INT64_MIN && part->to_us == INT64_MAX && !part->enough)
		return visit(self, bid, block, index, err);
	enum err_code code = series_block_chunk(block, index, &chunk, err);

	if (code || chunk.at_us.max < part->from_us || chunk.at_us.min > part->to_us ||
	    (part->enough && part->enough(self, &chunk.at_us)))
		return code;
	return visit(self, bid, block, index, err);
}

static enum err_code visit_backwards(const struct chunk_walk *walk, int64_t bid, const struct series_block *block,
				     struct error *err)
{
	uint32_t first, index = UINT32_MAX, end;
	enum err_code code = ERR_OK;

	if (!sqlite_block_next(block, walk->key, false, &index))
		return ERR_OK;
	first = index;
	do
		end = index + 1;
	while (sqlite_block_next(block, walk->key, false, &index));
	for (uint32_t i = end; code == ERR_OK && i-- > first;) {
		struct series_key of = series_block_key(block, i);

		if (is_meant(walk->key, &of))
			code = sqlite_visit_part(walk->part, walk->visit, walk->self, bid, block, i, err);
	}
	return code;
}

static enum err_code visit_chunks(void *self, int64_t bid, const struct series_block *block, struct error *err)
{
	const struct chunk_walk *walk = self;
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;

	if (walk->part->latest_first)
		return visit_backwards(walk, bid, block, err);
	while (code == ERR_OK && sqlite_block_next(block, walk->key, false, &index))
		code = sqlite_visit_part(walk->part, walk->visit, walk->self, bid, block, index, err);
	return code;
}

static enum err_code visit_rollups(void *self, int64_t bid, const struct series_block *block, struct error *err)
{
	const struct chunk_walk *walk = self;
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && sqlite_block_next(block, walk->key, true, &index))
		code = walk->visit(walk->self, bid, block, index, err);
	return code;
}

static enum err_code walk_chunks(struct sqlite_conn *conn, const struct chunk_walk *walk, sqlite_block_visitor visit,
				 struct error *err)
{
	struct sqlite_part part = *walk->part;

	part.enough = is_enough;
	return sqlite_each_block(conn, walk->key, &part, visit, (void *)(uintptr_t)walk, err);
}

enum err_code sqlite_each_block_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
				      const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
				      struct error *err)
{
	const struct chunk_walk walk = {key, part, visit, self};

	return walk_chunks(conn, &walk, visit_chunks, err);
}

enum err_code sqlite_each_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
				const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
				struct error *err)
{
	enum err_code code = sqlite_each_block_chunk(conn, key, part, visit, self, err);

	return code ? code : sqlite_each_segment_chunk(conn, key, part, visit, self, err);
}

enum err_code sqlite_each_rollup(struct sqlite_conn *conn, const struct sqlite_series_key *key,
				 const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
				 struct error *err)
{
	const struct chunk_walk walk = {key, part, visit, self};

	return walk_chunks(conn, &walk, visit_rollups, err);
}
