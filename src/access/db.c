/* access.db: opening it, its tables, and running statements. Who changes the tables counts ACCESS_SCHEMA up and brings
 * older files to it here. */
#include "access/access_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ACCESS_SCHEMA 1
#define ACCESS_APPLICATION_ID 0x4D614163 /* "MaAc" in the file's header */
#define BUSY_MS 10000 /* `machi account …` writes beside the daemon */
#define WAL_BYTES_KEEP (4 << 20)

static const char schema[] =
	"CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	" display_name TEXT NOT NULL, role TEXT NOT NULL, services INTEGER NOT NULL, tenants TEXT,"
	" password TEXT NOT NULL, disabled INTEGER NOT NULL, must_change INTEGER NOT NULL,"
	" created_us INTEGER NOT NULL, signed_in_us INTEGER NOT NULL, failures INTEGER NOT NULL,"
	" locked_until_us INTEGER NOT NULL) STRICT;"
	"CREATE TABLE sessions(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
	" account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" created_us INTEGER NOT NULL, used_us INTEGER NOT NULL, ends_us INTEGER NOT NULL) STRICT;"
	"CREATE INDEX sessions_account ON sessions(account);"
	"CREATE TABLE tokens(id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,"
	" account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE, title TEXT NOT NULL,"
	" scopes INTEGER NOT NULL, tenants TEXT, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,"
	" used_us INTEGER NOT NULL) STRICT;"
	"CREATE INDEX tokens_account ON tokens(account);"
	"CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, account TEXT NOT NULL,"
	" by TEXT NOT NULL, peer TEXT NOT NULL, tenant TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,"
	" status INTEGER NOT NULL, count INTEGER NOT NULL, request_id TEXT NOT NULL) STRICT;"
	"CREATE INDEX audit_account ON audit(account, id);"
	"CREATE INDEX audit_action ON audit(action, id);"
	"PRAGMA application_id=1298219363;"
	"PRAGMA user_version=1;";

static_assert(ACCESS_APPLICATION_ID == 1298219363, "the schema has the same number");

/* ---- statements ---- */

enum err_code db_fail(struct access_db *db, int rc, struct error *err)
{
	const char *text = sqlite3_errmsg(db->handle);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return err_set(err, ERR_MEMORY, "access.db: no memory");
	case SQLITE_FULL:
		return err_set(err, ERR_NO_ROOM, "access.db: no room left on the disk");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT, "access.db is damaged: %s", text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_TIMEOUT, "access.db: another process holds it");
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_EXISTS, "access.db: %s", text);
	default:
		return err_set(err, ERR_IO, "access.db: %s", text);
	}
}

enum err_code db_prepare(struct access_db *db, const char *sql, sqlite3_stmt **ret, struct error *err)
{
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? ERR_OK : db_fail(db, rc, err);
}

enum err_code db_step(struct access_db *db, sqlite3_stmt *statement, bool *ret_there, struct error *err)
{
	int rc = sqlite3_step(statement);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(db, rc, err);
	*ret_there = rc == SQLITE_ROW;
	return ERR_OK;
}

enum err_code db_run(struct access_db *db, sqlite3_stmt *statement, struct error *err)
{
	bool there;
	enum err_code code = db_step(db, statement, &there, err);

	(void)sqlite3_finalize(statement);
	return code;
}

enum err_code db_execute(struct access_db *db, const char *sql, struct error *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : db_fail(db, rc, err);
}

enum err_code db_begin(struct access_db *db, struct error *err)
{
	return db_execute(db, "BEGIN IMMEDIATE", err);
}

enum err_code db_end(struct access_db *db, enum err_code code, struct error *err)
{
	if (!code)
		code = db_execute(db, "COMMIT", err);
	if (code)
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

void bind_text(sqlite3_stmt *statement, int place, struct str text)
{
	if (text.at)
		(void)sqlite3_bind_text64(statement, place, text.at, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		(void)sqlite3_bind_null(statement, place);
}

void bind_number(sqlite3_stmt *statement, int place, int64_t number)
{
	(void)sqlite3_bind_int64(statement, place, number);
}

void bind_digest(sqlite3_stmt *statement, int place, const unsigned char digest[ACCESS_DIGEST_BYTES])
{
	(void)sqlite3_bind_blob(statement, place, digest, ACCESS_DIGEST_BYTES, SQLITE_TRANSIENT);
}

struct str column_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? (struct str){text, (size_t)sqlite3_column_bytes(statement, column)} : STR_NONE;
}

/* ---- opening ---- */

static enum err_code pragma_number(struct access_db *db, const char *sql, int64_t *ret, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
	bool there = false;
	enum err_code code = db_prepare(db, sql, &statement, err);

	if (!code)
		code = db_step(db, statement, &there, err);
	if (!code)
		*ret = there ? sqlite3_column_int64(statement, 0) : 0;
	return code;
}

static enum err_code settings(struct access_db *db, bool in_memory, struct error *err)
{
	static const char *const all[] = {"PRAGMA synchronous=FULL",          "PRAGMA foreign_keys=ON",
					  "PRAGMA trusted_schema=OFF",        "PRAGMA secure_delete=FAST",
					  "PRAGMA cell_size_check=ON",        "PRAGMA cache_size=-2048",
					  "PRAGMA journal_size_limit=4194304"};
	enum err_code code = in_memory ? ERR_OK : db_execute(db, "PRAGMA journal_mode=WAL", err);

	static_assert(WAL_BYTES_KEEP == 4194304, "the list says the same");
	(void)sqlite3_busy_timeout(db->handle, BUSY_MS);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	for (size_t i = 0; !code && i < sizeof(all) / sizeof(all[0]); i++)
		code = db_execute(db, all[i], err);
	return code;
}

static enum err_code open_one(struct access *access, struct access_db *db, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (access->path ? 0 : SQLITE_OPEN_CREATE);
	int rc = sqlite3_open_v2(access->path ? access->path : ":memory:", &db->handle, flags, NULL);

	return rc == SQLITE_OK ? settings(db, !access->path, err) : db_fail(db, rc, err);
}

/* Made beforehand, so that it is nobody else's from its first byte on; SQLite gives its log the same mode. */
static enum err_code make_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
	int failed = fchmod(fd, 0600);

	(void)close(fd);
	return failed ? err_set(err, ERR_IO, "%s cannot be kept from others: %s", path, strerror(errno)) : ERR_OK;
}

static enum err_code check_schema(struct access_db *db, struct error *err)
{
	int64_t version = 0, application = 0;
	enum err_code code = pragma_number(db, "PRAGMA user_version", &version, err);

	if (!code)
		code = pragma_number(db, "PRAGMA application_id", &application, err);
	if (!code && version == 0)
		return db_execute(db, schema, err);
	if (!code && application != ACCESS_APPLICATION_ID)
		return err_set(err, ERR_VERSION, "access.db is not Machi's");
	if (!code && version > ACCESS_SCHEMA)
		return err_set(err, ERR_VERSION, "access.db was written by a newer Machi (%lld)", (long long)version);
	return code;
}

/* Who comes at the same time makes no second one: it is looked at within the transaction. */
static enum err_code make_schema(struct access_db *db, struct error *err)
{
	enum err_code code = db_begin(db, err);

	return code ? code : db_end(db, check_schema(db, err), err);
}

enum err_code db_open(struct access *access, struct error *err)
{
	enum err_code code = access->path ? make_file(access->path, err) : ERR_OK;

	if (!code)
		code = open_one(access, &access->write, err);
	if (!code)
		code = make_schema(&access->write, err);
	if (!code && access->path)
		code = open_one(access, &access->own_read, err);
	return code;
}

void db_close(struct access *access)
{
	(void)sqlite3_close(access->own_read.handle);
	(void)sqlite3_close(access->write.handle);
}
