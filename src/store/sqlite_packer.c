/* The packer: one at a time for each file, and in which order it works; runs in the database. */
#include "store/sqlite_block_revise.h"
#include "store/sqlite_pack_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SHRINK_WORTH_PART 4 /* of the pages that nothing needs: a quarter */

bool packer_must_stop(const struct sqlite_packer *packer)
{
	return store_is_closing(packer->owner);
}

/* ---- the lock ---- */

static enum err_code lock(const struct sqlite_store *store, int *ret_fd, struct error *err)
{
	CLEANUP_MEMORY char *path = NULL;

	if (asprintf(&path, "%s-pack", store->path) < 0) {
		path = NULL;
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return ERR_OK;
	}
	bool held = errno == EWOULDBLOCK;
	enum err_code code = err_set(err, held ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
				     held ? "the history is being packed already" : strerror(errno));

	(void)close(fd);
	return code;
}

/* ---- runs ---- */

enum err_code sqlite_retention_set(struct sqlite_conn *conn, int64_t bid, int64_t buckets, int64_t due_us,
				   struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_RETENTION_SET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bid);
	sqlite_bind_int(stmt, 2, buckets);
	sqlite_bind_int(stmt, 3, due_us);
	return sqlite_finish(conn, SQL_RETENTION_SET, stmt, "noting roll-ups", err);
}

static enum err_code add_block(struct sqlite_store *store, int64_t rid, const struct made_block *block,
			       struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_BLOCK_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, rid);
	sqlite_bind_int(stmt, 2, block->subject_min);
	sqlite_bind_int(stmt, 3, block->subject_max);
	sqlite_bind_int(stmt, 4, block->at_us_min);
	sqlite_bind_int(stmt, 5, block->at_us_max);
	sqlite_bind_int(stmt, 6, block->points);
	(void)sqlite3_bind_blob64(stmt, 7, block->bytes, block->len, SQLITE_STATIC);
	code = sqlite_finish(&store->writer, SQL_BLOCK_ADD, stmt, "storing packed history", err);
	if (code || block->buckets == 0)
		return code;
	return sqlite_retention_set(&store->writer, sqlite3_last_insert_rowid(store->writer.db), block->buckets, 0,
				    err);
}

static enum err_code add_run(struct sqlite_store *store, int64_t level, const struct block_sink *sink, int64_t *ret_rid,
			     struct error *err)
{
	int64_t min = INT64_MAX, max = INT64_MIN, points = 0;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_RUN_ADD, &stmt, err);

	if (code)
		return code;
	for (size_t i = 0; i < sink->count; i++) {
		const struct made_block *block = &sink->blocks[i];

		min = block->at_us_min < min ? block->at_us_min : min;
		max = block->at_us_max > max ? block->at_us_max : max;
		points += block->points;
	}
	sqlite_bind_int(stmt, 1, level);
	sqlite_bind_int(stmt, 2, min);
	sqlite_bind_int(stmt, 3, max);
	sqlite_bind_int(stmt, 4, points);
	code = sqlite_finish(&store->writer, SQL_RUN_ADD, stmt, "storing packed history", err);
	*ret_rid = sqlite3_last_insert_rowid(store->writer.db);
	return code;
}

enum err_code sqlite_run_add(struct sqlite_store *store, int64_t level, const struct block_sink *sink,
			     struct error *err)
{
	int64_t rid = 0;

	if (sink->count == 0)
		return ERR_OK;
	enum err_code code = add_run(store, level, sink, &rid, err);

	for (size_t i = 0; code == ERR_OK && i < sink->count; i++)
		code = add_block(store, rid, &sink->blocks[i], err);
	return code;
}

/* ---- packing ---- */

static enum err_code pack(struct sqlite_packer *packer, const struct store_pack_options *options,
			  struct store_pack_result *result, struct error *err)
{
	packer->parser = json_parser_new();
	if (!packer->parser)
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	enum err_code code = sqlite_conn_open(&packer->conn, packer->store->path, SQLITE_USE_READ,
					      packer->store->cache_bytes / 4, packer->store->busy_timeout_ms, err);

	if (code == ERR_OK)
		code = sqlite_ready(&packer->conn, SQL_COMMIT, err);
	sqlite_rules_init(&packer->rules, &packer->conn, packer->owner->retention);
	/* Rows that are damaged are an error, and do not keep the rest from being packed. */
	enum err_code rows = code ? code : sqlite_pack_rows(packer, options, result, err);
	struct error rest = {0};

	code = rows == ERR_CORRUPT ? ERR_OK : rows;
	if (code == ERR_OK)
		code = sqlite_pack_segments(packer, options, result, &rest);
	if (code == ERR_OK)
		code = sqlite_merge_runs(packer, options->all, result, &rest);
	if (code == ERR_OK)
		code = sqlite_retain(packer, options, result, &rest);
	if (code == ERR_OK)
		code = sqlite_aside_count(&packer->conn, &result->damaged, &rest);
	sqlite_rules_done(&packer->rules);
	if (code && rows == ERR_OK)
		*err = rest;
	return rows ? rows : code;
}

/* VACUUM makes a copy of what is used and puts that in the place of the whole, in one transaction. Row numbers stay, as
 * every table whose rows are named elsewhere has an INTEGER PRIMARY KEY. */
static enum err_code shrink(struct sqlite_packer *packer, struct error *err)
{
	struct sqlite_conn *conn = &packer->conn;
	int64_t pages = 0, unused = 0;
	enum err_code code = sqlite_pragma(conn, "PRAGMA page_count", &pages, err);

	if (code == ERR_OK)
		code = sqlite_pragma(conn, "PRAGMA freelist_count", &unused, err);
	if (code || unused < pages / SHRINK_WORTH_PART)
		return code;
	code = sqlite_pragma(conn, "PRAGMA query_only=OFF", NULL, err);
	if (code == ERR_OK)
		code = sqlite_pragma(conn, "VACUUM", NULL, err);
	/* The copy lies in the log: closing copies it back and cuts the file. */
	return code;
}

enum err_code sqlite_pack(struct store *owner, struct store_backend *backend, const struct store_pack_options *options,
			  struct store_pack_result *result, struct error *err)
{
	struct sqlite_packer packer = {.owner = owner, .store = (struct sqlite_store *)backend};
	struct error local = {0};
	enum err_code code;

	/* What is damaged is found by its error. */
	err = err ? err : &local;
	code = lock(packer.store, &packer.lock_fd, err);

	if (code)
		return code;
	code = pack(&packer, options, result, err);
	if (code == ERR_OK && options->shrink)
		code = shrink(&packer, err);
	sqlite_conn_close(&packer.conn);
	(void)json_parser_free(packer.parser);
	(void)close(packer.lock_fd);
	return code;
}
