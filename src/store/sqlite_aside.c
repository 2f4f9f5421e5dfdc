/* Setting aside what is damaged. */
#include "store/sqlite_pack_int.h"

struct aside_write {
	struct store_write write; /* first */
	struct sqlite_store *store;
	int64_t number;
};

static enum err_code run_on(struct sqlite_store *store, enum sqlite_sql sql, int64_t number, int64_t rid,
			    struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	if (rid)
		sqlite_bind_int(stmt, 2, rid);
	return sqlite_finish(&store->writer, sql, stmt, "setting aside what is damaged", err);
}

enum err_code sqlite_aside_segment_now(struct sqlite_store *store, int64_t gid, struct error *err)
{
	return run_on(store, SQL_SEGMENT_ASIDE, gid, 0, err);
}

static enum err_code run_segment(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct aside_write *aside = (const struct aside_write *)(const void *)write;

	txn->changed = true;
	return sqlite_aside_segment_now(aside->store, aside->number, err);
}

/* The block may be gone by now: then its run gets no row, and none is made. */
static enum err_code run_block(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct aside_write *aside = (const struct aside_write *)(const void *)write;
	enum err_code code = run_on(aside->store, SQL_ASIDE_RUN, aside->number, 0, err);

	txn->changed = true;
	if (code || sqlite3_changes(aside->store->writer.db) == 0)
		return code;
	return run_on(aside->store, SQL_BLOCK_ASIDE, aside->number, sqlite3_last_insert_rowid(aside->store->writer.db),
		      err);
}

static enum err_code set_aside(struct sqlite_packer *packer, struct aside_write *aside, const struct error *damage,
			       struct store_pack_result *result, struct error *err)
{
	aside->store = packer->store;
	enum err_code code = store_apply(packer->owner, &aside->write, err);

	if (code == ERR_OK && result->damage.code == ERR_OK)
		result->damage = *damage;
	return code;
}

enum err_code sqlite_aside_segment(struct sqlite_packer *packer, int64_t gid, const struct error *damage,
				   struct store_pack_result *result, struct error *err)
{
	struct aside_write aside = {.write = {.run = run_segment}, .number = gid};

	return set_aside(packer, &aside, damage, result, err);
}

enum err_code sqlite_aside_block(struct sqlite_packer *packer, int64_t bid, const struct error *damage,
				 struct store_pack_result *result, struct error *err)
{
	struct aside_write aside = {.write = {.run = run_block}, .number = bid};

	return set_aside(packer, &aside, damage, result, err);
}

enum err_code sqlite_aside_count(struct sqlite_conn *conn, uint64_t *ret_count, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t count = 0;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_ASIDE_COUNT, &stmt, err);

	if (code == ERR_OK)
		code = sqlite_number(conn, SQL_ASIDE_COUNT, stmt, "counting what is damaged", &count, &row, err);
	*ret_count = (uint64_t)count;
	return code;
}
