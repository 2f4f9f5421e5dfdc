/* Pruning packed history by age. A block that is old as a whole goes, where everybody's points are meant; otherwise it
 * is written anew without the old points of those meant, which costs as much as packing it: so blocks that were looked
 * at for a prefix are left alone until their points have grown a minute older. */
#include "store/sqlite_block_revise.h"

#include "base/time_value.h"

#include <string.h>

#define PRUNE_AGAIN_US (60 * US_PER_S)
#define PRUNE_BLOCKS_MAX 64u /* looked into by one call */

struct old_points {
	struct sqlite_conn *conn;
	struct str prefix;
	int64_t before_us;
	int64_t subject; /* the last one asked for; 0: none */
	bool meant;
	enum err_code code;
	struct error *err;
};

/* Is it one of the prefix? */
static bool subject_is_meant(struct old_points *old, int64_t subject)
{
	sqlite3_stmt *stmt;
	bool row = false;

	if (old->prefix.len == 0 || subject == old->subject)
		return old->prefix.len == 0 || old->meant;
	old->subject = subject;
	old->meant = false;
	enum err_code code = sqlite_take(old->conn, SQL_SUBJECT_ID, &stmt, old->err);

	if (code == ERR_OK) {
		sqlite_bind_int(stmt, 1, subject);
		code = sqlite_step(old->conn, stmt, "looking for old history", &row, old->err);
		if (code == ERR_OK)
			old->meant = row && str_starts(sqlite_text(stmt, 0), old->prefix);
		sqlite_give(old->conn, SQL_SUBJECT_ID, stmt);
	}
	if (code)
		old->code = code;
	return old->meant;
}

static bool point_is_old(void *self, const struct series_key *key, int64_t at_us, int64_t number)
{
	struct old_points *old = self;

	(void)number;
	return at_us < old->before_us && old->code == ERR_OK && subject_is_meant(old, key->subject);
}

struct old_block {
	int64_t bid, at_us_max, points;
};

static enum err_code next_block(struct sqlite_store *store, int64_t behind, int64_t before_us, struct old_block *ret,
				bool *ret_found, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_BLOCK_OLD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, behind);
	sqlite_bind_int(stmt, 2, before_us);
	code = sqlite_step(&store->writer, stmt, "looking for old history", ret_found, err);
	if (code == ERR_OK && *ret_found)
		*ret = (struct old_block){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
					  sqlite3_column_int64(stmt, 2)};
	sqlite_give(&store->writer, SQL_BLOCK_OLD, stmt);
	return code;
}

static enum err_code prune_block(struct sqlite_store *store, const struct old_block *block, struct old_points *old,
				 uint64_t *ret_removed, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code;

	if (old->prefix.len > 0 || block->at_us_max >= old->before_us) {
		code = sqlite_block_remove(&store->writer, block->bid, point_is_old, old, ret_removed, err);
		return code ? code : old->code;
	}
	*ret_removed = (uint64_t)block->points;
	code = sqlite_take(&store->writer, SQL_BLOCK_DELETE, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, block->bid);
	return sqlite_finish(&store->writer, SQL_BLOCK_DELETE, stmt, "pruning history", err);
}

/* Where to begin: behind the blocks that were looked at lately. */
static void begin(struct sqlite_prune_blocks *mark, struct str prefix, int64_t before_us)
{
	bool same = mark->set && str_eq((struct str){mark->prefix, mark->prefix_len}, prefix);

	if (same && before_us >= mark->before_us && before_us - mark->before_us < PRUNE_AGAIN_US)
		return;
	mark->set = prefix.len <= sizeof(mark->prefix);
	mark->prefix_len = mark->set ? prefix.len : 0;
	if (mark->prefix_len)
		memcpy(mark->prefix, prefix.at, prefix.len);
	mark->bid = 0;
	mark->before_us = before_us;
}

enum err_code sqlite_prune_packed(struct sqlite_store *store, struct str id_prefix, int64_t before_us,
				  uint32_t rows_max, uint32_t *rows, struct error *err)
{
	struct sqlite_prune_blocks *mark = &store->prune_blocks;
	struct old_points old = {.conn = &store->writer, .prefix = id_prefix, .before_us = before_us, .err = err};
	struct old_block block = {0};
	bool found = true;
	enum err_code code = ERR_OK;

	begin(mark, id_prefix, before_us);
	for (uint32_t i = 0; code == ERR_OK && i < PRUNE_BLOCKS_MAX && *rows < rows_max; i++) {
		uint64_t removed = 0;

		code = next_block(store, mark->bid, before_us, &block, &found, err);
		if (code || !found)
			break;
		code = prune_block(store, &block, &old, &removed, err);
		mark->bid = block.bid;
		store->now.points -= (int64_t)removed;
		*rows += (uint32_t)removed;
	}
	return code;
}
