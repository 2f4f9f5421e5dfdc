/* Opening and closing a connection, and what every connection has set. */
#include "store/sqlite_int.h"

#include <assert.h>
#include <string.h>

/* SQLite's count of the memory it uses takes a lock of the whole process at every allocation, and nobody reads it. It
 * can be turned off only before SQLite is first used: when the program is loaded, no other thread can be there yet. */
__attribute__((constructor)) static void configure_library(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite_page_cache_install();
}

/* What every connection has. FULL: a commit is on the disk when it returns. secure_delete FAST overwrites what is
 * deleted as long as that costs no further page. No memory map: its pages would count as the daemon's memory. */
static enum err_code conn_settings(struct sqlite_conn *conn, enum sqlite_use use, uint32_t cache_bytes,
				   struct error *err)
{
	char text[64];
	const char *const settings[] = {
		"PRAGMA synchronous=FULL",
		"PRAGMA mmap_size=0",
		"PRAGMA secure_delete=FAST",
		"PRAGMA cell_size_check=ON",
		"PRAGMA trusted_schema=OFF",
		"PRAGMA wal_autocheckpoint=0",
		"PRAGMA recursive_triggers=OFF",
		use == SQLITE_USE_WRITE ? "PRAGMA query_only=OFF" : "PRAGMA query_only=ON",
	};
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		enum err_code code = sqlite_pragma(conn, settings[i], NULL, err);

		if (code)
			return code;
	}
	(void)snprintf(text, sizeof(text), "PRAGMA cache_size=-%u", cache_bytes / 1024);
	enum err_code code = sqlite_pragma(conn, text, NULL, err);

	if (code)
		return code;
	(void)snprintf(text, sizeof(text), "PRAGMA journal_size_limit=%lld", (long long)SQLITE_WAL_BYTES_KEEP);
	return sqlite_pragma(conn, text, NULL, err);
}

/* SQLite would take "file:…" for a URI with options. */
static char *plain_path(const char *path)
{
	if (strncmp(path, "file:", 5) != 0)
		return strdup(path);
	char *plain = NULL;

	return asprintf(&plain, "./%s", path) < 0 ? NULL : plain;
}

enum err_code sqlite_conn_open(struct sqlite_conn *conn, const char *path, enum sqlite_use use, uint32_t cache_bytes,
			       uint32_t busy_timeout_ms, struct error *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (use == SQLITE_USE_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

	*conn = (struct sqlite_conn){.path = plain_path(path)};
	sqlite_name_texts_init(conn);
	if (!conn->path)
		return err_set(err, ERR_MEMORY, "no memory to open %s", path);
	enum err_code code = use == SQLITE_USE_WRITE ? sqlite_log_vfs_new(&conn->log_vfs, err) : ERR_OK;

	if (code == ERR_OK) {
		int rc = sqlite3_open_v2(conn->path, &conn->db, flags,
					 conn->log_vfs ? sqlite_log_vfs_name(conn->log_vfs) : NULL);

		code = rc == SQLITE_OK ? ERR_OK : sqlite_fail(conn, rc, "opening it", err);
	}
	if (code == ERR_OK) {
		(void)sqlite3_busy_timeout(conn->db, busy_timeout_ms > INT32_MAX ? INT32_MAX : (int)busy_timeout_ms);
		code = conn_settings(conn, use, cache_bytes, err);
	}
	if (code)
		sqlite_conn_close(conn);
	return code;
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
	for (size_t sql = 0; sql < SQL_COUNT; sql++)
		for (size_t i = 0; i < SQLITE_STATEMENTS_IDLE_MAX; i++)
			(void)sqlite3_finalize(conn->idle[sql][i]);
	int rc = sqlite3_close(conn->db);

	assert(rc == SQLITE_OK); /* else a statement was not given back */
	(void)rc;
	(void)sqlite_log_vfs_free(conn->log_vfs);
	sqlite_name_texts_done(conn);
	free(conn->path);
	*conn = (struct sqlite_conn){0};
}
