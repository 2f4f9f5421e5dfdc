/* Packed history: the chunks of a series in the blocks of all runs.
 *
 * A run is what one packing made: blocks in the order of their subjects, each a row of some ten thousand points
 * (series/block.h). A subject is looked for in each run whose times are asked for, from the last block that may hold it
 * backwards. */
#include "series/block.h"
#include "store/sqlite_int.h"

#define BLOCKS_A_TURN 64
#define BLOCK_ARENA_BYTES_MAX ((size_t)256 << 20)

struct walk {
	struct sqlite_conn *conn;
	const struct sqlite_series_key *key;
	int64_t from_us, to_us;
	sqlite_block_visitor visit;
	void *self;
	struct arena arena; /* directories of blocks */
	struct error *err;
};

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

static enum err_code read_block(struct walk *walk, int64_t bid)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(walk->conn, SQL_BLOCK_DOC, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bid);
	code = sqlite_step(walk->conn, stmt, "reading packed history", &row, walk->err);
	if (code == ERR_OK && row) {
		const void *bytes = sqlite3_column_blob(stmt, 0);

		code = visit_block(walk, bid, (struct str){bytes, (size_t)sqlite3_column_bytes(stmt, 0)});
	}
	sqlite_give(walk->conn, SQL_BLOCK_DOC, stmt);
	return code;
}

/* The blocks of a run that hold the subject: a few, or many for one with a long history. */
static enum err_code find_blocks(struct walk *walk, int64_t rid, int64_t *bids, size_t skip, size_t *ret_count)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(walk->conn, SQL_BLOCK_OF, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, rid);
	sqlite_bind_int(stmt, 2, walk->key->subject);
	*ret_count = 0;
	while (*ret_count < BLOCKS_A_TURN) {
		code = sqlite_step(walk->conn, stmt, "looking for packed history", &row, walk->err);
		if (code || !row || sqlite3_column_int64(stmt, 1) < walk->key->subject)
			break;
		bool meant =
			sqlite3_column_int64(stmt, 3) >= walk->from_us && sqlite3_column_int64(stmt, 2) <= walk->to_us;

		if (meant && skip > 0)
			skip--;
		else if (meant)
			bids[(*ret_count)++] = sqlite3_column_int64(stmt, 0);
	}
	sqlite_give(walk->conn, SQL_BLOCK_OF, stmt);
	return code;
}

static enum err_code visit_run(struct walk *walk, int64_t rid)
{
	int64_t bids[BLOCKS_A_TURN];
	size_t count = BLOCKS_A_TURN, seen = 0;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && count == BLOCKS_A_TURN) {
		code = find_blocks(walk, rid, bids, seen, &count);
		for (size_t i = 0; code == ERR_OK && i < count; i++)
			code = read_block(walk, bids[i]);
		seen += count;
	}
	return code;
}

enum err_code sqlite_each_block(struct sqlite_conn *conn, const struct sqlite_series_key *key, int64_t from_us,
				int64_t to_us, sqlite_block_visitor visit, void *self, struct error *err)
{
	struct walk walk = {
		.conn = conn, .key = key, .from_us = from_us, .to_us = to_us, .visit = visit, .self = self, .err = err};
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_RUN_IN_TIME, &stmt, err);

	if (code)
		return code;
	arena_init(&walk.arena, BLOCK_ARENA_BYTES_MAX);
	sqlite_bind_int(stmt, 1, from_us);
	sqlite_bind_int(stmt, 2, to_us);
	while (code == ERR_OK) {
		code = sqlite_step(conn, stmt, "looking for packed history", &row, err);
		if (code || !row)
			break;
		code = visit_run(&walk, sqlite3_column_int64(stmt, 0));
	}
	arena_done(&walk.arena);
	sqlite_give(conn, SQL_RUN_IN_TIME, stmt);
	return code;
}

/* ---- chunks of all blocks ---- */

struct chunk_walk {
	const struct sqlite_series_key *key;
	int64_t from_us, to_us;
	bool latest_first;
	sqlite_chunk_visitor visit;
	void *self;
};

/* The chunks of one series and kind follow each other in the order of their times. */
static enum err_code visit_backwards(const struct chunk_walk *walk, int64_t bid, const struct series_block *block,
				     struct error *err)
{
	uint32_t first = UINT32_MAX, index = UINT32_MAX, last;
	enum err_code code = ERR_OK;

	if (!sqlite_block_next(block, walk->key, false, &index))
		return ERR_OK;
	first = last = index;
	while (sqlite_block_next(block, walk->key, false, &index))
		last = index;
	for (uint32_t i = last; code == ERR_OK && i >= first; i--) {
		struct series_key of = series_block_key(block, i);
		struct series_chunk chunk;

		if (is_meant(walk->key, &of)) {
			code = series_block_chunk(block, i, &chunk, err);
			if (code == ERR_OK && chunk.at_us.max >= walk->from_us && chunk.at_us.min <= walk->to_us)
				code = walk->visit(walk->self, bid, block, i, err);
		}
		if (i == 0)
			break;
	}
	return code;
}

static enum err_code visit_chunks(void *self, int64_t bid, const struct series_block *block, struct error *err)
{
	const struct chunk_walk *walk = self;
	uint32_t index = UINT32_MAX;
	enum err_code code = ERR_OK;

	if (walk->latest_first)
		return visit_backwards(walk, bid, block, err);
	while (code == ERR_OK && sqlite_block_next(block, walk->key, false, &index)) {
		struct series_chunk chunk;

		code = series_block_chunk(block, index, &chunk, err);
		if (code == ERR_OK && chunk.at_us.max >= walk->from_us && chunk.at_us.min <= walk->to_us)
			code = walk->visit(walk->self, bid, block, index, err);
	}
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

enum err_code sqlite_each_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key, int64_t from_us,
				int64_t to_us, bool latest_first, sqlite_chunk_visitor visit, void *self,
				struct error *err)
{
	struct chunk_walk walk = {key, from_us, to_us, latest_first, visit, self};
	enum err_code code = sqlite_each_block(conn, key, from_us, to_us, visit_chunks, &walk, err);

	return code ? code : sqlite_each_segment_chunk(conn, key, from_us, to_us, visit, self, err);
}

enum err_code sqlite_each_rollup(struct sqlite_conn *conn, const struct sqlite_series_key *key, int64_t from_us,
				 int64_t to_us, sqlite_chunk_visitor visit, void *self, struct error *err)
{
	struct chunk_walk walk = {key, from_us, to_us, false, visit, self};

	return sqlite_each_block(conn, key, from_us, to_us, visit_rollups, &walk, err);
}
