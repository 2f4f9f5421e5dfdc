/* Tables of the SQLite store, and how a file of an earlier version becomes one of this version.
 *
 * Each migration is a step from version n to n + 1, run in one transaction with its version row: a file is always of
 * one version, whatever happens meanwhile. The version stands in the header (user_version, what we go by) and in meta,
 * where people look. docs/decisions/0005-store-schema.md says what was compared. */
#include "store/sqlite_int.h"

static const char *const migrations[SQLITE_SCHEMA_VERSION] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"INSERT INTO counter VALUES ('entities', 0), ('points', 0), ('drops', 0);"

	/* subject: where the entity's history is, also when there is none yet. */
	"CREATE TABLE entity(iid INTEGER PRIMARY KEY, subject INTEGER NOT NULL, id TEXT NOT NULL UNIQUE,"
	" created INTEGER NOT NULL, modified INTEGER NOT NULL, expires INTEGER, doc TEXT NOT NULL) STRICT;"
	"CREATE INDEX entity_expires ON entity(expires) WHERE expires IS NOT NULL;"
	"CREATE TABLE name(nid INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE entity_type(nid INTEGER NOT NULL, iid INTEGER NOT NULL, PRIMARY KEY (nid, iid))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE scope(scope TEXT NOT NULL, iid INTEGER NOT NULL, PRIMARY KEY (scope, iid))"
	" STRICT, WITHOUT ROWID;"
	/* Rows (value, iid) of one attribute in their order, up to high and high_iid (value_log.h); a page holds one
	 * such chunk. Then changes of them that are not done yet. */
	"CREATE TABLE value_chunk(cid INTEGER PRIMARY KEY, nid INTEGER NOT NULL, high ANY NOT NULL,"
	" high_iid INTEGER NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX value_chunk_high ON value_chunk(nid, high, high_iid);"
	"CREATE TABLE value_log(lid INTEGER PRIMARY KEY, nid INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" changes BLOB NOT NULL) STRICT;"
	"CREATE INDEX value_log_nid ON value_log(nid);"
	/* within 0: of all entities, else of those of that type; kind 0: entities of the type `name`. */
	"CREATE TABLE census(within INTEGER NOT NULL, name INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" count INTEGER NOT NULL, PRIMARY KEY (within, name, kind)) STRICT, WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE geo USING rtree(gid, west, east, south, north);"
	"CREATE TABLE cell(cell INTEGER NOT NULL, gid INTEGER NOT NULL, PRIMARY KEY (cell, gid)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE record(rid INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL,"
	" UNIQUE (kind, id)) STRICT;"

	/* gone_us: since when there is no entity of this id; NULL while there is one. */
	"CREATE TABLE subject(subject INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, gone_us INTEGER) STRICT;"
	"CREATE INDEX subject_gone ON subject(id, gone_us) WHERE gone_us IS NOT NULL;"
	/* Types beside those of the entity: of one that is gone, or given with a temporal representation. */
	"CREATE TABLE subject_type(nid INTEGER NOT NULL, subject INTEGER NOT NULL, PRIMARY KEY (nid, subject))"
	" STRICT, WITHOUT ROWID;"
	/* packed 1: its points lie in blocks, and its rows are to be deleted. */
	"CREATE TABLE slice(slice INTEGER PRIMARY KEY, at_us_min INTEGER NOT NULL, at_us_max INTEGER NOT NULL,"
	" points INTEGER NOT NULL, packed INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX slice_at ON slice(at_us_max);"
	"CREATE TABLE point(slice INTEGER NOT NULL, subject INTEGER NOT NULL, nid INTEGER NOT NULL,"
	" dataset TEXT NOT NULL, at_us INTEGER NOT NULL, seq INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" doc TEXT NOT NULL, PRIMARY KEY (slice, subject, nid, dataset, at_us, seq)) STRICT, WITHOUT ROWID;"
	/* Several points of one write in one row: doc is a list of [nid, dataset, at_us, kind, instance]. With row
	 * numbers, because long rows fit the pages of such a table, not those of an index. */
	"CREATE TABLE bundle(bid INTEGER PRIMARY KEY, slice INTEGER NOT NULL, subject INTEGER NOT NULL,"
	" seq INTEGER NOT NULL, at_us_min INTEGER NOT NULL, at_us_max INTEGER NOT NULL, points INTEGER NOT NULL,"
	" doc TEXT NOT NULL, UNIQUE (slice, subject, seq)) STRICT;"
	/* Packed history: runs of blocks (series/block.h) in the order of their subjects. */
	"CREATE TABLE run(rid INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, at_us_min INTEGER NOT NULL,"
	" at_us_max INTEGER NOT NULL, points INTEGER NOT NULL) STRICT;"
	"CREATE TABLE block(bid INTEGER PRIMARY KEY AUTOINCREMENT, rid INTEGER NOT NULL, subject_min INTEGER NOT NULL,"
	" subject_max INTEGER NOT NULL, at_us_min INTEGER NOT NULL, at_us_max INTEGER NOT NULL,"
	" points INTEGER NOT NULL, doc BLOB NOT NULL) STRICT;"
	/* Batches of values as they came (segment.h). */
	"CREATE TABLE segment(gid INTEGER PRIMARY KEY AUTOINCREMENT, at_us_min INTEGER NOT NULL,"
	" at_us_max INTEGER NOT NULL, points INTEGER NOT NULL, doc BLOB NOT NULL) STRICT;"
	"CREATE INDEX segment_at ON segment(at_us_max, at_us_min, gid, points);"
	"CREATE INDEX block_run ON block(rid, subject_min, subject_max, at_us_min, at_us_max);"
	"CREATE INDEX block_order ON block(rid, bid, points);"
	"CREATE INDEX block_old ON block(bid, at_us_min, at_us_max, points);",

	/* Beside blocks: how many kept buckets of roll-ups one holds, and when retention has to look at it again (0: it
	 * has not yet). A block without a row has none, and was not looked at. */
	"CREATE TABLE retention(bid INTEGER PRIMARY KEY, buckets INTEGER NOT NULL, due_us INTEGER NOT NULL) STRICT;"
	"CREATE TRIGGER block_gone AFTER DELETE ON block BEGIN DELETE FROM retention WHERE bid = OLD.bid; END;",

	/* The outbox. entity '': none. The index also serves counting, so it has due_us; what was made to wait has a
	 * further one, to be replaced by. The counter: the last number given. */
	"CREATE TABLE owed(number INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, entity TEXT NOT NULL,"
	" made_us INTEGER NOT NULL, due_us INTEGER NOT NULL, tries INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
	"CREATE INDEX owed_of ON owed(subscription, number, due_us);"
	"CREATE INDEX owed_waiting ON owed(subscription, entity) WHERE tries = 0 AND due_us > made_us;"
	"CREATE TABLE dead(number INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, entity TEXT NOT NULL,"
	" made_us INTEGER NOT NULL, due_us INTEGER NOT NULL, tries INTEGER NOT NULL, dead_us INTEGER NOT NULL,"
	" why TEXT NOT NULL, body BLOB NOT NULL) STRICT;"
	"CREATE INDEX dead_of ON dead(subscription);"
	"INSERT INTO counter VALUES ('owed', 0);",

	/* Entities and instances may be packed: BLOBs beside texts (document_pack.h), which stay until they are put
	 * again. Nothing that is stored changes, so the rows need not be written anew. */
	"UPDATE sqlite_schema SET sql = replace(sql, 'doc TEXT', 'doc ANY') WHERE type = 'table' AND "
	"name IN ('entity', 'point');",
};

static enum err_code read_versions(struct sqlite_conn *conn, int64_t *ret_application, int64_t *ret_version,
				   int64_t *ret_tables, struct error *err)
{
	enum err_code code = sqlite_pragma(conn, "PRAGMA application_id", ret_application, err);

	if (code == ERR_OK)
		code = sqlite_pragma(conn, "PRAGMA user_version", ret_version, err);
	if (code == ERR_OK)
		code = sqlite_pragma(conn, "SELECT count(*) FROM sqlite_schema", ret_tables, err);
	return code;
}

static enum err_code refuse_versions(const struct sqlite_conn *conn, int64_t application, int64_t version,
				     int64_t tables, struct error *err)
{
	if (application != SQLITE_APPLICATION_ID && (tables > 0 || application != 0))
		return err_set(err, ERR_VERSION, "%s: is a database of another program (application id 0x%llx)",
			       conn->path, (unsigned long long)application);
	if (version > SQLITE_SCHEMA_VERSION)
		return err_set(err, ERR_VERSION, "%s: has schema version %lld, this program knows up to %d", conn->path,
			       (long long)version, SQLITE_SCHEMA_VERSION);
	if (version < 0 || (version == 0 && tables > 0))
		return err_set(err, ERR_CORRUPT, "%s: schema version %lld with %lld tables", conn->path,
			       (long long)version, (long long)tables);
	return ERR_OK;
}

static enum err_code migrate_step(struct sqlite_conn *conn, int64_t version, struct error *err)
{
	char text[256];
	enum err_code code = sqlite_exec(conn, migrations[version], "bringing the schema forward", err);

	if (code)
		return code;
	(void)snprintf(text, sizeof(text),
		       "PRAGMA user_version=%lld; PRAGMA application_id=%d;"
		       "INSERT INTO meta(key, value) VALUES ('schema_version', '%lld')"
		       " ON CONFLICT DO UPDATE SET value = excluded.value",
		       (long long)version + 1, SQLITE_APPLICATION_ID, (long long)version + 1);
	return sqlite_exec(conn, text, "writing the schema version", err);
}

/* Inside a write transaction: another process may have migrated meanwhile. */
static enum err_code migrate_all(struct sqlite_conn *conn, struct error *err)
{
	int64_t application, version, tables, cookie = 0;
	char text[64];
	enum err_code code = read_versions(conn, &application, &version, &tables, err);

	if (code == ERR_OK)
		code = refuse_versions(conn, application, version, tables, err);
	for (; code == ERR_OK && version < SQLITE_SCHEMA_VERSION; version++)
		code = migrate_step(conn, version, err);
	if (code == ERR_OK)
		code = sqlite_pragma(conn, "PRAGMA schema_version", &cookie, err);
	(void)snprintf(text, sizeof(text), "PRAGMA schema_version=%lld", (long long)cookie + 1);
	return code ? code : sqlite_pragma(conn, text, NULL, err);
}

static enum err_code migrate_in_transaction(struct sqlite_conn *conn, struct error *err)
{
	enum err_code code = sqlite_exec(conn, "BEGIN IMMEDIATE", "bringing the schema forward", err);

	if (code)
		return code;
	code = migrate_all(conn, err);
	if (code == ERR_OK)
		code = sqlite_exec(conn, "COMMIT", "bringing the schema forward", err);
	if (code && !sqlite3_get_autocommit(conn->db))
		(void)sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

/* A step may change what a column is declared as (https://sqlite.org/lang_altertable.html, "Making Other Kinds Of Table
 * Schema Changes"): meanwhile the texts of the schema may be written. Afterwards everybody is told to read them again
 * by their version, and this connection by RESET. */
static enum err_code migrate(struct sqlite_conn *conn, struct error *err)
{
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	enum err_code code = sqlite_pragma(conn, "PRAGMA writable_schema=ON", NULL, err);

	if (code == ERR_OK)
		code = migrate_in_transaction(conn, err);
	if (code == ERR_OK)
		code = sqlite_pragma(conn, "PRAGMA writable_schema=RESET", NULL, err);
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return code; /* a connection that failed is closed */
}

enum err_code sqlite_schema_migrate(struct sqlite_conn *conn, struct error *err)
{
	int64_t application, version, tables;
	char text[48];
	enum err_code code = read_versions(conn, &application, &version, &tables, err);

	if (code == ERR_OK)
		code = refuse_versions(conn, application, version, tables, err);
	if (code)
		return code;
	if (tables == 0) {
		/* Both only count before the first table. */
		(void)snprintf(text, sizeof(text), "PRAGMA page_size=%d", SQLITE_PAGE_BYTES);
		code = sqlite_pragma(conn, text, NULL, err);
		if (code == ERR_OK)
			code = sqlite_pragma(conn, "PRAGMA auto_vacuum=NONE", NULL, err);
	}
	if (code == ERR_OK)
		code = sqlite_pragma(conn, "PRAGMA journal_mode=WAL", NULL, err);
	if (code || version == SQLITE_SCHEMA_VERSION)
		return code;
	return migrate(conn, err);
}

enum err_code sqlite_schema_verify(struct sqlite_conn *conn, struct error *err)
{
	int64_t application, version, tables;
	enum err_code code = read_versions(conn, &application, &version, &tables, err);

	if (code == ERR_OK)
		code = refuse_versions(conn, application, version, tables, err);
	if (code == ERR_OK && version < SQLITE_SCHEMA_VERSION)
		code = err_set(err, ERR_VERSION,
			       "%s: has schema version %lld; open it for writing once to bring it to version %d",
			       conn->path, (long long)version, SQLITE_SCHEMA_VERSION);
	return code;
}
