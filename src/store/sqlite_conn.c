/* One SQLite connection: its settings, its statements (all the SQL there is, beside the schema and the check), errors.
 *
 * Statements are prepared at their first use and kept; the texts never vary, values are bound. */
#include "store/sqlite_int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVEPOINT] = "SAVEPOINT one",
	[SQL_UNDO] = "ROLLBACK TO one",
	[SQL_RELEASE] = "RELEASE one",

	[SQL_ENTITY_GET] = "SELECT iid, doc FROM entity WHERE id = ?1",
	[SQL_ENTITY_IID] = "SELECT iid FROM entity WHERE id = ?1",
	[SQL_ENTITY_DOC] = "SELECT doc FROM entity WHERE id = ?1",
	[SQL_ENTITY_DOC_BY_IID] = "SELECT doc FROM entity WHERE iid = ?1",
	[SQL_ENTITY_ALL] = "SELECT doc FROM entity ORDER BY iid",
	[SQL_ENTITY_IDS] = "SELECT id FROM entity WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
	[SQL_ENTITY_INSERT] = "INSERT INTO entity(id, created, modified, expires, doc) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_ENTITY_UPDATE] = "UPDATE entity SET created = ?2, modified = ?3, expires = ?4, doc = ?5 WHERE iid = ?1",
	[SQL_ENTITY_DELETE] = "DELETE FROM entity WHERE iid = ?1",
	[SQL_ENTITY_IDS_RANGE] = "SELECT iid FROM entity WHERE id >= ?1 AND id < ?2 ORDER BY iid",
	[SQL_ENTITY_IDS_RANGE_COUNT] =
		"SELECT count(*) FROM (SELECT 1 FROM entity WHERE id >= ?1 AND id < ?2 LIMIT ?3)",

	[SQL_NAME_GET] = "SELECT nid FROM name WHERE iri = ?1",
	[SQL_NAME_ADD] = "INSERT INTO name(iri) VALUES (?1)",

	[SQL_TYPE_ADD] = "INSERT INTO entity_type(nid, iid) VALUES (?1, ?2)",
	[SQL_TYPE_DELETE] = "DELETE FROM entity_type WHERE nid = ?1 AND iid = ?2",
	[SQL_TYPE_STREAM] = "SELECT iid FROM entity_type WHERE nid = ?1 AND iid >= ?2 ORDER BY iid",
	[SQL_TYPE_COUNT] = "SELECT count(*) FROM (SELECT 1 FROM entity_type WHERE nid = ?1 LIMIT ?2)",

	[SQL_SCOPE_ADD] = "INSERT INTO scope(scope, iid) VALUES (?1, ?2)",
	[SQL_SCOPE_DELETE] = "DELETE FROM scope WHERE scope = ?1 AND iid = ?2",
	/* "/" + 1 is "0": everything below a scope lies between the two. */
	[SQL_SCOPE_SORTED] = "SELECT iid FROM scope WHERE scope = ?1 UNION "
			     "SELECT iid FROM scope WHERE scope >= ?1 || '/' AND scope < ?1 || '0' ORDER BY 1",
	[SQL_SCOPE_COUNT] = "SELECT (SELECT count(*) FROM (SELECT 1 FROM scope WHERE scope = ?1 LIMIT ?2)) + "
			    "(SELECT count(*) FROM (SELECT 1 FROM scope WHERE scope >= ?1 || '/' AND "
			    "scope < ?1 || '0' LIMIT ?2))",

	[SQL_VALUE_ADD] = "INSERT INTO attr_index(nid, value, iid) VALUES (?1, ?2, ?3)",
	[SQL_VALUE_DELETE] = "DELETE FROM attr_index WHERE nid = ?1 AND value = ?2 AND iid = ?3",
	[SQL_VALUE_STREAM] = "SELECT iid FROM attr_index WHERE nid = ?1 AND value = ?2 AND iid >= ?3 ORDER BY iid",
	[SQL_VALUE_SORTED] = "SELECT iid FROM attr_index WHERE nid = ?1 AND value >= ?2 AND value <= ?3 UNION "
			     "SELECT iid FROM attr_index WHERE nid = ?1 AND value = x'' ORDER BY 1",
	[SQL_VALUE_COUNT] =
		"SELECT (SELECT count(*) FROM (SELECT 1 FROM attr_index WHERE nid = ?1 AND value >= ?2 AND value <= ?3 "
		"LIMIT ?4)) + "
		"(SELECT count(*) FROM (SELECT 1 FROM attr_index WHERE nid = ?1 AND value = x'' LIMIT ?4))",

	[SQL_GEO_PUT] = "INSERT OR REPLACE INTO geo(gid, west, east, south, north) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_GEO_DELETE] = "DELETE FROM geo WHERE gid = ?1",
	[SQL_GEO_SORTED] = "SELECT DISTINCT gid / 64 FROM geo WHERE east >= ?1 AND west <= ?2 AND north >= ?3 AND "
			   "south <= ?4 ORDER BY 1",
	[SQL_GEO_COUNT] = "SELECT count(*) FROM (SELECT 1 FROM geo WHERE east >= ?1 AND west <= ?2 AND north >= ?3 "
			  "AND south <= ?4 LIMIT ?5)",

	[SQL_SUBJECT_GET] = "SELECT subject FROM subject WHERE id = ?1",
	[SQL_SUBJECT_GONE] = "UPDATE subject SET gone_us = ?2 WHERE subject = ?1 AND gone_us IS NOT ?2",
	/* In the order of ids, from ?1 on. */
	[SQL_SUBJECT_NEXT_GONE] = "SELECT subject, id FROM subject WHERE gone_us IS NOT NULL AND id >= ?1 AND "
				  "gone_us < ?2 ORDER BY id LIMIT 1",
	[SQL_SUBJECT_LAST_POINT] = "SELECT max(p.at_us) FROM series s CROSS JOIN slice l CROSS JOIN point p "
				   "ON p.slice = l.slice AND p.sid = s.sid WHERE s.subject = ?1",
	[SQL_SUBJECT_DROP_SERIES] = "DELETE FROM series WHERE subject = ?1",
	[SQL_SUBJECT_DROP] = "DELETE FROM subject WHERE subject = ?1",
	[SQL_SUBJECT_ADD] = "INSERT INTO subject(id) VALUES (?1)",
	[SQL_SERIES_GET] = "SELECT sid FROM series WHERE subject = ?1 AND nid = ?2 AND dataset = ?3",
	[SQL_SERIES_ADD] = "INSERT INTO series(subject, nid, dataset) VALUES (?1, ?2, ?3)",
	[SQL_SERIES_SUBJECT_ID] = "SELECT u.id FROM series s CROSS JOIN subject u ON u.subject = s.subject "
				  "WHERE s.sid = ?1",
	[SQL_POINT_ADD] = "INSERT INTO point(slice, sid, at_us, seq, kind, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
			  "ON CONFLICT DO NOTHING",
	[SQL_POINT_NEXT_SEQ] = "SELECT max(seq) + 1 FROM point WHERE slice = ?1 AND sid = ?2 AND at_us = ?3",
	[SQL_POINT_NEXT_SERIES] = "SELECT sid FROM point WHERE slice = ?1 AND sid >= ?2 ORDER BY sid LIMIT 1",
	[SQL_POINT_DELETE] = "DELETE FROM point WHERE (slice, sid, at_us, seq) IN (SELECT slice, sid, at_us, seq "
			     "FROM point WHERE slice = ?1 AND sid = ?2 AND at_us < ?3 LIMIT ?4)",
	[SQL_POINT_DELETE_SLICE] = "DELETE FROM point WHERE slice = ?1",
	[SQL_POINT_READ] = "SELECT p.at_us, p.kind, p.doc FROM slice s CROSS JOIN point p ON p.slice = s.slice AND "
			   "p.sid = ?1 AND p.at_us >= ?2 AND p.at_us <= ?3 WHERE s.at_us_max >= ?2 AND "
			   "s.at_us_min <= ?3 ORDER BY p.at_us, p.slice, p.seq",
	[SQL_SLICE_ADD] = "INSERT INTO slice(slice, at_us_min, at_us_max, points) VALUES (?1, ?2, ?3, ?4) "
			  "ON CONFLICT DO UPDATE SET at_us_min = min(at_us_min, excluded.at_us_min), "
			  "at_us_max = max(at_us_max, excluded.at_us_max), points = points + excluded.points",
	/* And the first of those that are passed over. */
	[SQL_SLICE_OLDER] = "SELECT slice, at_us_max, points, (SELECT min(p.slice) FROM slice p WHERE p.slice >= ?1 "
			    "AND p.slice < s.slice) FROM slice s WHERE slice >= ?1 AND at_us_min < ?2 "
			    "ORDER BY slice LIMIT 1",
	[SQL_SLICE_TAKE] = "UPDATE slice SET points = points - ?2 WHERE slice = ?1",
	[SQL_SLICE_DROP_EMPTY] = "DELETE FROM slice WHERE slice = ?1 AND points = 0",

	[SQL_COUNTER_ADD] = "UPDATE counter SET value = value + ?2 WHERE name = ?1",
	[SQL_COUNTER_GET] = "SELECT value FROM counter WHERE name = ?1",

	[SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[SQL_META_SET] = "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = "
			 "excluded.value",
	[SQL_META_DELETE] = "DELETE FROM meta WHERE key = ?1",
};

static_assert(INDEX_GEO_SLOTS == 64, "SQL_GEO_SORTED divides by it");

/* ---- errors ---- */

enum err_code sqlite_fail(const struct sqlite_conn *conn, int rc, const char *doing, struct error *err)
{
	const char *path = conn->path ? conn->path : "?";
	const char *text = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);
	int system = conn->db ? sqlite3_system_errno(conn->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_NO_ROOM, "%s: no room left on the disk; while %s", path, doing);
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return err_set(err, ERR_MEMORY, "%s: no memory; while %s", path, doing);
		if (system == ENOSPC || system == EDQUOT)
			return err_set(err, ERR_NO_ROOM, "%s: %s; while %s", path, strerror(system), doing);
		return err_set(err, ERR_IO, "%s: input/output error %d (%s); while %s", path, rc,
			       system ? strerror(system) : text, doing);
	case SQLITE_CORRUPT:
		return err_set(err, ERR_CORRUPT, "%s: the database file is damaged (%s); while %s", path, text, doing);
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT, "%s: is not a database file; while %s", path, doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return err_set(err, ERR_IO, "%s: cannot be written (%s); while %s", path, text, doing);
	case SQLITE_CANTOPEN:
		return err_set(err, ERR_IO, "%s: cannot be opened (%s); while %s", path,
			       system ? strerror(system) : text, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return err_set(err, ERR_TIMEOUT, "%s: another process holds the database; while %s", path, doing);
	case SQLITE_NOMEM:
		return err_set(err, ERR_MEMORY, "%s: no memory; while %s", path, doing);
	case SQLITE_TOOBIG:
		return err_set(err, ERR_LIMIT, "%s: text too long; while %s", path, doing);
	default:
		return err_set(err, ERR_INTERNAL, "%s: SQLite error %d (%s); while %s", path, rc, text, doing);
	}
}

/* ---- statements ---- */

enum err_code sqlite_take(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt **ret_stmt, struct error *err)
{
	for (size_t i = 0; i < SQLITE_STATEMENTS_IDLE_MAX; i++) {
		if (!conn->idle[sql][i])
			continue;
		*ret_stmt = TAKE(conn->idle[sql][i]);
		return ERR_OK;
	}
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(conn->db, sql_texts[sql], -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc != SQLITE_OK)
		return sqlite_fail(conn, rc, "preparing a statement", err);
	*ret_stmt = stmt;
	return ERR_OK;
}

void sqlite_give(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	/* It repeats the error of the last step, which was reported then. */
	(void)sqlite3_reset(stmt);
	for (size_t i = 0; i < SQLITE_STATEMENTS_IDLE_MAX; i++) {
		if (conn->idle[sql][i])
			continue;
		conn->idle[sql][i] = stmt;
		return;
	}
	(void)sqlite3_finalize(stmt);
}

enum err_code sqlite_ready(struct sqlite_conn *conn, enum sqlite_sql sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code == ERR_OK)
		sqlite_give(conn, sql, stmt);
	return code;
}

/* Binding borrowed values to a statement that is not running can only fail by a mistake of ours. */
void sqlite_bind_int(sqlite3_stmt *stmt, int index, int64_t value)
{
	int rc = sqlite3_bind_int64(stmt, index, value);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_double(sqlite3_stmt *stmt, int index, double value)
{
	int rc = sqlite3_bind_double(stmt, index, value);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_text(sqlite3_stmt *stmt, int index, struct str text)
{
	int rc = sqlite3_bind_text64(stmt, index, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_partial(sqlite3_stmt *stmt, int index)
{
	int rc = sqlite3_bind_zeroblob(stmt, index, 0);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_bind_present(sqlite3_stmt *stmt, int index)
{
	int rc = sqlite3_bind_blob(stmt, index, "", 1, SQLITE_STATIC);

	assert(rc == SQLITE_OK);
	(void)rc;
}

struct str sqlite_text(sqlite3_stmt *stmt, int column)
{
	/* A column of another type (a damaged or foreign file) gives its bytes as they are: no conversion, no copy. */
	const char *at = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);

	return at && len > 0 ? (struct str){at, (size_t)len} : STR("");
}

enum err_code sqlite_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, const char *doing, bool *ret_row,
			  struct error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sqlite_fail(conn, rc, doing, err);
	*ret_row = rc == SQLITE_ROW;
	return ERR_OK;
}

enum err_code sqlite_finish(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt, const char *doing,
			    struct error *err)
{
	bool row;
	enum err_code code = sqlite_step(conn, stmt, doing, &row, err);

	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_run(struct sqlite_conn *conn, enum sqlite_sql sql, const char *doing, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	return code ? code : sqlite_finish(conn, sql, stmt, doing, err);
}

enum err_code sqlite_number(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt, const char *doing,
			    int64_t *ret_number, bool *ret_row, struct error *err)
{
	bool row = false;
	enum err_code code = sqlite_step(conn, stmt, doing, &row, err);

	if (code == ERR_OK) {
		*ret_number = row ? sqlite3_column_int64(stmt, 0) : 0;
		*ret_row = row;
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_exec(struct sqlite_conn *conn, const char *sql, const char *doing, struct error *err)
{
	int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : sqlite_fail(conn, rc, doing, err);
}

enum err_code sqlite_pragma(struct sqlite_conn *conn, const char *sql, int64_t *ret_number, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return sqlite_fail(conn, rc, sql, err);
	bool row = false;
	enum err_code code = sqlite_step(conn, stmt, sql, &row, err);

	if (code == ERR_OK && ret_number)
		*ret_number = row ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return code;
}

/* ---- opening ---- */

/* SQLite's count of the memory it uses takes a lock of the whole process at every allocation, and nobody reads it. It
 * can be turned off only before SQLite is first used: when the program is loaded, no other thread can be there yet. */
__attribute__((constructor)) static void configure_library(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
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
	if (!conn->path)
		return err_set(err, ERR_MEMORY, "no memory to open %s", path);
	int rc = sqlite3_open_v2(conn->path, &conn->db, flags, NULL);
	enum err_code code = rc == SQLITE_OK ? ERR_OK : sqlite_fail(conn, rc, "opening it", err);

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
	free(conn->path);
	*conn = (struct sqlite_conn){0};
}
