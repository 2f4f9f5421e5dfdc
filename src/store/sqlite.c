/* The SQLite store: opening, closing, transactions, figures, and the table of operations. */
#include "store/sqlite_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct sqlite_store *sqlite_store(struct store_backend *backend)
{
	return (struct sqlite_store *)backend;
}

/* ---- transactions (writer's thread) ---- */

static void forget_uncommitted(struct sqlite_store *store)
{
	if (store->names_new) {
		sqlite_names_clear(store);
		sqlite_name_texts_done(&store->writer);
	}
	store->names_new = false;
	sqlite_known_clear(store);
}

/* What was gone may be back. */
static void forget_undone(struct sqlite_store *store)
{
	forget_uncommitted(store);
	sqlite_values_forget(store);
	store->prune.set = store->prune_blocks.set = false;
}

static enum err_code sqlite_begin(struct store_backend *backend, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	enum err_code code = ERR_OK;

	forget_uncommitted(store);
	sqlite_sums_clear(store);
	sqlite_outbox_forget(store);
	sqlite_slice_settle(store);
	sqlite_pending_clear(&store->pending);
	store->savepoints = false;
	census_clear(&store->census);
	/* A rollback that failed is made up for. */
	if (!sqlite3_get_autocommit(store->writer.db))
		code = sqlite_run(&store->writer, SQL_ROLLBACK, "rolling back", err);
	return code ? code : sqlite_run(&store->writer, SQL_BEGIN_WRITE, "starting to write", err);
}

static void sqlite_rollback(struct store_backend *backend)
{
	struct sqlite_store *store = sqlite_store(backend);

	forget_undone(store);
	/* SQLite may have rolled back by itself. */
	if (!sqlite3_get_autocommit(store->writer.db))
		(void)!sqlite_run(&store->writer, SQL_ROLLBACK, "rolling back", NULL);
}

static enum err_code sqlite_settle(struct store_backend *backend, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	enum err_code code = sqlite_values_log(store, err);

	if (code == ERR_OK)
		code = sqlite_values_merge(store, false, err);
	if (code == ERR_OK)
		code = sqlite_sums_store(store, err);
	if (code == ERR_OK)
		code = sqlite_outbox_store(store, err);
	return code ? code : sqlite_census_store(store, err);
}

static enum err_code sqlite_commit(struct store_backend *backend, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	enum err_code code = sqlite_run(&store->writer, SQL_COMMIT, "committing", err);

	if (code)
		sqlite_rollback(backend);
	store->names_new = false;
	return code;
}

static enum err_code sqlite_savepoint(struct store_backend *backend, struct error *err)
{
	sqlite_store(backend)->savepoints = true;
	return sqlite_run(&sqlite_store(backend)->writer, SQL_SAVEPOINT, "setting a savepoint", err);
}

static enum err_code sqlite_undo(struct store_backend *backend, struct error *err)
{
	forget_undone(sqlite_store(backend));
	sqlite_sums_undo(sqlite_store(backend));
	sqlite_outbox_undo(sqlite_store(backend));
	sqlite_pending_clear(&sqlite_store(backend)->pending);
	census_drop(&sqlite_store(backend)->census);
	return sqlite_run(&sqlite_store(backend)->writer, SQL_UNDO, "undoing a write", err);
}

static enum err_code sqlite_release(struct store_backend *backend, struct error *err)
{
	return sqlite_run(&sqlite_store(backend)->writer, SQL_RELEASE, "releasing a savepoint", err);
}

static bool sqlite_alive(struct store_backend *backend)
{
	return !sqlite3_get_autocommit(sqlite_store(backend)->writer.db);
}

static void sqlite_write_start(struct store_backend *backend)
{
	sqlite_sums_start(sqlite_store(backend));
	sqlite_outbox_start(sqlite_store(backend));
}

static enum err_code sqlite_write_finish(struct store_backend *backend, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	enum err_code code = store->savepoints ? sqlite_values_log(store, err) : ERR_OK;

	if (code == ERR_OK)
		code = sqlite_sums_finish(store, err);
	return code ? code : sqlite_census_finish(store, err);
}

/* ---- the write-ahead log ---- */

static int note_wal_pages(void *self, sqlite3 *db, const char *schema, int pages)
{
	(void)db;
	(void)schema;
	((struct sqlite_store *)self)->wal_pages = pages;
	return SQLITE_OK;
}

static void sqlite_housekeeping(struct store_backend *backend)
{
	sqlite_checkpoint_if_due(sqlite_store(backend));
}

/* ---- figures ---- */

static uint64_t file_bytes(const char *path, const char *suffix)
{
	CLEANUP_MEMORY char *name = NULL;
	struct stat status;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return 0;
	return stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static enum err_code read_counter(struct sqlite_conn *conn, const char *name, uint64_t *ret_value, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t value;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_COUNTER_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, str_from(name));
	code = sqlite_number(conn, SQL_COUNTER_GET, stmt, "reading a counter", &value, &row, err);
	if (code == ERR_OK)
		*ret_value = value < 0 ? 0 : (uint64_t)value;
	return code;
}

static enum err_code stats_locked(struct sqlite_store *store, struct store_stats *stats, struct error *err)
{
	enum err_code code = ERR_OK;

	if (!store->stats_conn.db)
		code = sqlite_conn_open(&store->stats_conn, store->path,
					store->read_only ? SQLITE_USE_READ_ONLY : SQLITE_USE_READ, 64 * 1024,
					store->busy_timeout_ms, err);
	if (code == ERR_OK)
		code = read_counter(&store->stats_conn, "entities", &stats->entities, err);
	if (code == ERR_OK)
		code = read_counter(&store->stats_conn, "points", &stats->history_rows, err);
	return code;
}

static enum err_code sqlite_stats(struct store_backend *backend, struct store_stats *stats, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);

	(void)pthread_mutex_lock(&store->stats_lock);
	enum err_code code = stats_locked(store, stats, err);

	(void)pthread_mutex_unlock(&store->stats_lock);
	stats->database_bytes = file_bytes(store->path, "");
	stats->wal_bytes = file_bytes(store->path, "-wal");
	return code;
}

/* ---- opening and closing ---- */

/* The next to open it finds the index of values whole. Nothing is lost when that cannot be: the log stays. */
static void merge_at_end(struct sqlite_store *store)
{
	if (!store->writer.db || store->read_only)
		return;
	(void)sqlite3_busy_timeout(store->writer.db, 0);
	if (sqlite_begin((struct store_backend *)store, NULL))
		return;
	if (sqlite_values_merge(store, true, NULL) || sqlite_commit((struct store_backend *)store, NULL))
		sqlite_rollback((struct store_backend *)store);
}

static void sqlite_close(struct store_backend *backend)
{
	struct sqlite_store *store = sqlite_store(backend);

	sqlite_copier_done(&store->copier);
	merge_at_end(store);
	sqlite_conn_close(&store->stats_conn);
	sqlite_conn_close(&store->writer);
	(void)pthread_mutex_destroy(&store->stats_lock);
	free(store->places);
	sqlite_values_done(store);
	sqlite_names_clear(store);
	map_done(&store->names);
	census_done(&store->census);
	arena_done(&store->name_texts);
	buf_done(&store->text);
	buf_done(&store->document);
	free(store->path);
	free(store);
}

static const struct store_backend_ops sqlite_ops = {
	.begin = sqlite_begin,
	.settle = sqlite_settle,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.savepoint = sqlite_savepoint,
	.undo = sqlite_undo,
	.reader_release = sqlite_reader_release,
	.alive = sqlite_alive,
	.write_start = sqlite_write_start,
	.write_finish = sqlite_write_finish,
	.housekeeping = sqlite_housekeeping,
	.txn_get = sqlite_txn_get,
	.txn_put = sqlite_txn_put,
	.txn_delete = sqlite_txn_delete,
	.txn_history = sqlite_txn_history,
	.txn_has_instance = sqlite_txn_has_instance,
	.txn_each_id = sqlite_txn_each_id,
	.txn_set_meta = sqlite_txn_set_meta,
	.txn_record_put = sqlite_txn_record_put,
	.txn_record_delete = sqlite_txn_record_delete,
	.txn_record_get = sqlite_txn_record_get,
	.txn_each_expired = sqlite_txn_each_expired,
	.txn_prune = sqlite_txn_prune,
	.txn_subject_add = sqlite_txn_subject_add,
	.txn_subject_has = sqlite_txn_subject_has,
	.txn_subject_delete = sqlite_txn_subject_delete,
	.txn_series_delete = sqlite_txn_series_delete,
	.txn_instance_replace = sqlite_txn_instance_replace,
	.txn_owe = sqlite_txn_owe,
	.txn_owed_done = sqlite_txn_owed_done,
	.txn_owed_joined = sqlite_txn_owed_joined,
	.txn_owed_retry = sqlite_txn_owed_retry,
	.txn_owed_bury = sqlite_txn_owed_bury,
	.txn_owed_drop = sqlite_txn_owed_drop,
	.txn_dead_replay = sqlite_txn_dead_replay,
	.txn_dead_drop = sqlite_txn_dead_drop,
	.reader_new = sqlite_reader_new,
	.reader_free = sqlite_reader_free,
	.stats = sqlite_stats,
	.close = sqlite_close,
	.get = sqlite_get,
	.scan = sqlite_scan,
	.get_tree = sqlite_get_tree,
	.scan_trees = sqlite_scan_trees,
	.get_meta = sqlite_get_meta,
	.next_expiry = sqlite_next_expiry,
	.record_get = sqlite_record_get,
	.record_each = sqlite_record_each,
	.pack = sqlite_pack,
	.txn_bulk_subjects = sqlite_txn_bulk_subjects,
	.txn_bulk_name = sqlite_txn_bulk_name,
	.txn_bulk = sqlite_txn_bulk,
	.history_stats = sqlite_history_stats,
	.series_read = sqlite_series_read,
	.series_sums = sqlite_series_sums,
	.series_kept = sqlite_series_kept,
	.reader_hold = sqlite_reader_hold,
	.release = sqlite_release,
	.series_list = sqlite_series_list,
	.subject_get = sqlite_subject_get,
	.subject_each = sqlite_subject_each,
	.census = sqlite_census,
	.outbox_read = sqlite_outbox_read,
	.outbox_debts = sqlite_outbox_debts,
	.clone = sqlite_clone,
};

/* Makes the empty file with a mode of its own, before SQLite has it open: closing a second descriptor of an open
 * database would drop SQLite's locks. */
static enum err_code create_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "cannot create %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return ERR_OK;
}

static enum err_code check_file(const struct store_options *options, struct error *err)
{
	struct stat status;

	if (stat(options->path, &status) == 0) {
		if (S_ISREG(status.st_mode))
			return ERR_OK;
		return err_set(err, ERR_IO, "%s is not a file", options->path);
	}
	if (errno != ENOENT)
		return err_set(err, ERR_IO, "cannot reach %s: %s", options->path, strerror(errno));
	if (!options->create || options->read_only)
		return err_set(err, ERR_NOT_FOUND, "there is no database %s", options->path);
	return create_file(options->path, err);
}

static enum err_code open_conns(struct sqlite_store *store, struct error *err)
{
	struct sqlite_conn *conn = &store->writer;
	enum sqlite_use use = store->read_only ? SQLITE_USE_READ_ONLY : SQLITE_USE_WRITE;
	enum err_code code = sqlite_conn_open(conn, store->path, use, store->cache_bytes, store->busy_timeout_ms, err);

	if (code)
		return code;
	if (!store->read_only) {
		(void)sqlite3_wal_hook(conn->db, note_wal_pages, store);
		code = sqlite_schema_migrate(conn, err);
		/* Rolling back must not need memory. */
		return code ? code : sqlite_ready(conn, SQL_ROLLBACK, err);
	}
	code = sqlite_schema_verify(conn, err);
	sqlite_conn_close(conn);
	return code;
}

enum err_code store_sqlite_open(const struct store_options *options, struct store **ret_store, struct error *err)
{
	if (!options->path)
		return store_memory_open(ret_store, err);
	enum err_code code = check_file(options, err);

	if (code)
		return code;
	struct sqlite_store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(err, ERR_MEMORY, "no memory for a store");
	store->read_only = options->read_only;
	store->busy_timeout_ms = options->busy_timeout_ms ? options->busy_timeout_ms : SQLITE_BUSY_MS_DEFAULT;
	store->cache_bytes = options->cache_bytes_max ? options->cache_bytes_max : SQLITE_CACHE_BYTES_DEFAULT;
	store->path = strdup(options->path);
	sqlite_copier_init(&store->copier, store->path);
	buf_init(&store->text, STORE_DOCUMENT_BYTES_MAX);
	buf_init(&store->document, STORE_DOCUMENT_BYTES_MAX);
	arena_init(&store->name_texts, SQLITE_SCRATCH_BYTES_MAX);
	map_init(&store->names, 0);
	sqlite_values_init(store);
	census_init(&store->census);
	(void)pthread_mutex_init(&store->stats_lock, NULL);
	store->places = store->read_only ? NULL : sqlite_places_new();
	bool whole = store->path && (store->read_only || store->places);

	code = whole ? open_conns(store, err) : err_set(err, ERR_MEMORY, "no memory for a store");
	if (code) {
		sqlite_close((struct store_backend *)store);
		return code;
	}
	return store_new(&sqlite_ops, (struct store_backend *)store, options->read_only, ret_store, err);
}
