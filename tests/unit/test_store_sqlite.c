/* What only the SQLite store has: a file. Its header and modes are read with SQLite itself; damage is done with SQLite
 * or with plain writes into the file. */
#include "store/outbox.h"
#include "store_util.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>

#define ENTITY(id, rest) "{\"id\":\"" id "\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1" rest "}"
#define NUMBER(iri, n) ",\"" iri "\":[{\"type\":\"Property\",\"value\":" n ",\"createdAt\":1}]"
#define PLACE                                                                                                          \
	",\"" LOCATION_IRI "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[103.7,1.3]}," \
	"\"createdAt\":1}]"
#define AREA                                                                                                           \
	",\"https://example.org/area\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Polygon\",\"coordinates\":"    \
	"[[[103,1],[104,1],[104,2],[103,1]]]},\"createdAt\":1}]"

static enum err_code open_with(const struct store_options *options, struct store **ret_store, struct error *err)
{
	return store_sqlite_open(options, ret_store, err);
}

/* Runs SQL on the file from outside and gives column 0 of the first row as a number. */
static int64_t sql_on(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t number = -1;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	const char *rest = sql;

	while (*rest && CHECK(sqlite3_prepare_v2(db, rest, -1, &stmt, &rest) == SQLITE_OK)) {
		int rc = sqlite3_step(stmt);

		if (rc == SQLITE_ROW)
			number = sqlite3_column_int64(stmt, 0);
		else if (rc != SQLITE_DONE)
			printf("# %s: %s\n", sql, sqlite3_errmsg(db));
		(void)sqlite3_finalize(stmt);
	}
	(void)sqlite3_close(db);
	return number;
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fwrite(text, 1, len, file) == len);
	if (file)
		(void)fclose(file);
}

static void the_file_says_whose_it_is(void)
{
	struct test_folder folder;
	struct stat status;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	CHECK(stat(folder.file, &status) == 0 && (status.st_mode & 0777) == 0600);
	CHECK_OK(upsert(store, ENTITY("urn:bus:1", ",\"expiresAt\":\"1970-01-01T00:00:07Z\""), &err), &err);
	(void)store_free(store);
	CHECK(sql_on(folder.file, "PRAGMA application_id") == 0x4D616368);
	CHECK(sql_on(folder.file, "PRAGMA user_version") == 4);
	CHECK(sql_on(folder.file, "SELECT value FROM meta WHERE key = 'schema_version'") == 4);
	CHECK(sql_on(folder.file, "SELECT 1 FROM pragma_journal_mode WHERE journal_mode = 'wal'") == 1);
	CHECK(sql_on(folder.file, "SELECT expires FROM entity") == 7 * US_PER_S);
	CHECK(sql_on(folder.file, "SELECT typeof(doc) = 'blob' AND length(doc) < 150 FROM entity") == 1);
	check_clean(folder.file);
	folder_remove(&folder);
}

static void what_cannot_be_opened_is_named(void)
{
	struct test_folder folder;
	struct store *store = NULL;
	struct error err = {0};
	char path[200], junk[4096];

	folder_make(&folder);
	CHECK(open_with(&(struct store_options){.path = folder.file}, &store, &err) == ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), str_from(folder.file)));
	CHECK(open_with(&(struct store_options){.path = folder.file, .read_only = true, .create = true}, &store,
			&err) == ERR_NOT_FOUND);
	CHECK(open_with(&(struct store_options){.path = folder.path, .create = true}, &store, &err) == ERR_IO);
	(void)snprintf(path, sizeof(path), "%s/none/city.db", folder.path);
	CHECK(open_with(&(struct store_options){.path = path, .create = true}, &store, &err) == ERR_IO);
	memset(junk, 'x', sizeof(junk));
	write_file(folder.file, junk, sizeof(junk));
	CHECK(open_with(&(struct store_options){.path = folder.file, .create = true}, &store, &err) == ERR_CORRUPT);
	CHECK(str_contains(str_from(err.detail), STR("not a database")));
	(void)unlink(folder.file);
	(void)sql_on(folder.file, "CREATE TABLE other(x)");
	CHECK(open_with(&(struct store_options){.path = folder.file, .create = true}, &store, &err) == ERR_VERSION);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM sqlite_schema") == 1);
	CHECK(store == NULL);
	folder_remove(&folder);
}

static void a_newer_schema_is_refused_with_both_versions(void)
{
	struct test_folder folder;
	struct store *store = NULL;
	struct error err = {0};
	uint64_t findings;

	folder_make(&folder);
	(void)store_free(open_kind(true, &folder));
	(void)sql_on(folder.file, "PRAGMA user_version = 41");
	CHECK(open_with(&(struct store_options){.path = folder.file}, &store, &err) == ERR_VERSION);
	CHECK(str_contains(str_from(err.detail), STR("41")) && str_contains(str_from(err.detail), STR("up to 4")));
	CHECK(open_with(&(struct store_options){.path = folder.file, .read_only = true}, &store, &err) == ERR_VERSION);
	CHECK(store_sqlite_check(folder.file, NULL, NULL, &findings, &err) == ERR_VERSION);
	folder_remove(&folder);
}

static bool count_visit(void *self, struct str bytes)
{
	*(size_t *)self += bytes.len > 0;
	return true;
}

static size_t count_all(struct store *store)
{
	struct store_reader *reader = NULL;
	struct narrow narrow = {.type_count = 0};
	size_t count = 0;
	struct error err = {0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	CHECK_OK(store_scan(reader, &narrow, count_visit, &count, &err), &err);
	(void)store_reader_free(reader);
	return count;
}

/* What the steps of the schema behind that version made. */
#define BACK_TO_3                                                                                                      \
	"UPDATE entity SET doc = '" TEXT_OF_3 "'; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "        \
	"replace(sql, 'doc ANY', 'doc TEXT') WHERE name IN ('entity', 'point'); PRAGMA user_version = 3; "
#define TEXT_OF_3                                                                                                      \
	"{\"id\":\"urn:bus:1\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI                                \
	"\":[{\"type\":\"Property\",\"value\":7,\"createdAt\":1}]}"
static const char *const back_to[] = {
	BACK_TO_3,
	BACK_TO_3 "DROP TABLE owed; DROP TABLE dead; DELETE FROM counter WHERE name = 'owed'; PRAGMA user_version = 2",
	BACK_TO_3 "DROP TRIGGER block_gone; DROP TABLE retention; DROP TABLE owed; DROP TABLE dead; "
		  "DELETE FROM counter WHERE name = 'owed'; PRAGMA user_version = 1",
};

static enum err_code owe_one(struct store_txn *txn, void *self, struct error *err)
{
	const struct store_owed owed = {.subscription = 1, .body = STR("x")};

	return store_txn_owe(txn, &owed, false, self, err);
}

static void a_file_of_an_earlier_schema_is_brought_forward(void)
{
	struct test_folder folder;
	struct error err = {0};

	for (size_t i = 0; i < sizeof(back_to) / sizeof(back_to[0]); i++) {
		struct store *store = NULL;
		int64_t number = 0;

		folder_make(&folder);
		store = open_kind(true, &folder);
		CHECK_OK(upsert(store, ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "7")), &err), &err);
		(void)store_free(store);
		(void)sql_on(folder.file, back_to[i]);
		(void)sql_on(folder.file, "UPDATE meta SET value = (SELECT user_version FROM pragma_user_version) "
					  "WHERE key = 'schema_version'");
		CHECK(open_with(&(struct store_options){.path = folder.file, .read_only = true}, &store, &err) ==
		      ERR_VERSION);
		CHECK(str_contains(str_from(err.detail), STR("bring it to version 4")));
		store = open_kind(true, &folder);
		CHECK_OK(apply(store, owe_one, &number, &err), &err);
		CHECK(number == 1);
		CHECK(sql_on(folder.file, "SELECT typeof(doc) = 'text' FROM entity") == 1);
		CHECK(count_all(store) == 1);
		CHECK_OK(upsert(store, ENTITY("urn:bus:2", NUMBER(SPEED_IRI, "8")), &err), &err);
		CHECK_OK(upsert(store, ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "8")), &err), &err);
		(void)store_free(store);
		CHECK(sql_on(folder.file, "PRAGMA user_version") == 4);
		CHECK(sql_on(folder.file, "SELECT value FROM counter WHERE name = 'owed'") == 1);
		CHECK(sql_on(folder.file, "SELECT count(*) FROM entity WHERE typeof(doc) = 'blob'") == 2);
		check_clean(folder.file);
		folder_remove(&folder);
	}
}

static void never_done(struct store_write *write, enum err_code code, const struct error *err)
{
	(void)write;
	(void)code;
	(void)err;
	abort();
}

static void reading_only_sees_what_a_writer_commits(void)
{
	struct test_folder folder;
	struct store *reading = NULL;
	struct error err = {0};
	struct test_write write = {.write = {.run = test_run, .done = never_done}, .body = upsert_body};

	folder_make(&folder);
	struct store *writing = open_kind(true, &folder);

	CHECK_OK(open_with(&(struct store_options){.path = folder.file, .read_only = true}, &reading, &err), &err);
	CHECK(count_all(reading) == 0);
	CHECK_OK(upsert(writing, ENTITY("urn:bus:1", ""), &err), &err);
	CHECK(count_all(reading) == 1);
	CHECK(store_submit(reading, &write.write, &err) == ERR_DENIED);
	(void)store_free(writing);
	CHECK(count_all(reading) == 1);
	(void)store_free(reading);
	folder_remove(&folder);
}

/* Two daemons on one file: each remembers names that it saw; neither may trust a memory that a rollback took back. */
static void two_writers_share_names(void)
{
	struct test_folder folder;
	struct error err = {0};
	char text[300];

	folder_make(&folder);
	struct store *a = open_kind(true, &folder), *b = open_kind(true, &folder);

	for (int i = 0; i < 60; i++) {
		struct store *store = i % 2 ? a : b;

		(void)snprintf(text, sizeof(text),
			       ENTITY("urn:bus:%d", NUMBER("https://example.org/n%d", "1") NUMBER(SPEED_IRI, "%d")), i,
			       i / 3, i);
		CHECK_OK(upsert(store, text, &err), &err);
	}
	CHECK(count_all(a) == 60 && count_all(b) == 60);
	(void)store_free(a);
	(void)store_free(b);
	check_clean(folder.file);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM name") == 22);
	folder_remove(&folder);
}

static void a_file_held_by_another_is_waited_for_and_then_reported(void)
{
	struct test_folder folder;
	struct store *store = NULL;
	struct error err = {0};
	sqlite3 *other = NULL;

	folder_make(&folder);
	CHECK_OK(open_with(&(struct store_options){.path = folder.file, .create = true, .busy_timeout_ms = 50}, &store,
			   &err),
		 &err);
	CHECK(sqlite3_open(folder.file, &other) == SQLITE_OK);
	CHECK(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(upsert(store, ENTITY("urn:bus:1", ""), &err) == ERR_TIMEOUT);
	CHECK(str_contains(str_from(err.detail), str_from(folder.file)));
	CHECK(count_all(store) == 0); /* reading goes on */
	CHECK(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
	CHECK_OK(upsert(store, ENTITY("urn:bus:1", ""), &err), &err);
	(void)sqlite3_close(other);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- backup ---- */

struct endless {
	struct store *store;
	pthread_t thread;
	_Atomic bool stop;
	int written;
};

static void *write_on(void *self)
{
	struct endless *endless = self;
	char text[400];
	struct error err = {0};

	while (!endless->stop) {
		(void)snprintf(text, sizeof(text), ENTITY("urn:bus:%d", NUMBER(SPEED_IRI, "%d") PLACE),
			       endless->written % 500, endless->written);
		CHECK_OK(upsert(endless->store, text, &err), &err);
		endless->written++;
	}
	return NULL;
}

static size_t files_in(const struct test_folder *folder)
{
	DIR *dir = opendir(folder->path);
	size_t count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		(void)closedir(dir);
	return count - 2; /* "." and ".." */
}

static void a_backup_is_whole_while_others_write(void)
{
	struct test_folder folder, target;
	struct error err = {0};
	struct endless endless = {.stop = false};
	char copy[200];

	folder_make(&folder);
	folder_make(&target);
	endless.store = open_kind(true, &folder);
	CHECK(pthread_create(&endless.thread, NULL, write_on, &endless) == 0);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(copy, sizeof(copy), "%s/copy-%d.db", target.path, i);
		CHECK_OK(store_sqlite_backup(folder.file, copy, &err), &err);
		check_clean(copy);
	}
	endless.stop = true;
	(void)pthread_join(endless.thread, NULL);
	(void)store_free(endless.store);
	CHECK(files_in(&target) == 10);
	/* A backup of the backup, opened as a store, holds what the last copy held. */
	CHECK_OK(store_sqlite_backup(copy, target.file, &err), &err);
	struct store *store = open_kind(true, &target);

	CHECK((int64_t)count_all(store) == sql_on(copy, "SELECT count(*) FROM entity"));
	(void)store_free(store);
	folder_remove(&folder);
	folder_remove(&target);
}

static void a_backup_replaces_nothing(void)
{
	struct test_folder folder;
	struct error err = {0};
	char copy[200], log[240];

	folder_make(&folder);
	(void)store_free(open_kind(true, &folder));
	(void)snprintf(copy, sizeof(copy), "%s/copy.db", folder.path);
	(void)snprintf(log, sizeof(log), "%s-wal", copy);
	CHECK(store_sqlite_backup(folder.file, folder.file, &err) == ERR_EXISTS);
	write_file(log, "old", 3);
	CHECK(store_sqlite_backup(folder.file, copy, &err) == ERR_EXISTS);
	CHECK(str_contains(str_from(err.detail), STR("-wal")));
	(void)unlink(log);
	(void)snprintf(log, sizeof(log), "%s/none/copy.db", folder.path);
	CHECK(store_sqlite_backup(folder.file, log, &err) == ERR_IO);
	CHECK(store_sqlite_backup(copy, log, &err) == ERR_NOT_FOUND);
	CHECK(files_in(&folder) == 1);
	CHECK_OK(store_sqlite_backup(folder.file, copy, &err), &err);
	write_file(folder.file, "no database at all, but long enough to be looked at by anyone ........", 70);
	(void)snprintf(log, sizeof(log), "%s/second.db", folder.path);
	CHECK(store_sqlite_backup(folder.file, log, &err) == ERR_CORRUPT);
	CHECK(files_in(&folder) == 2);
	folder_remove(&folder);
}

/* ---- the check ---- */

struct findings {
	char text[4000];
	size_t len;
};

static void take_finding(void *self, const char *finding)
{
	struct findings *findings = self;

	if (findings->len < sizeof(findings->text))
		findings->len += (size_t)snprintf(findings->text + findings->len,
						  sizeof(findings->text) - findings->len, "%s\n", finding);
}

static enum err_code put_with_history(struct store_txn *txn, void *self, struct error *err)
{
	const struct json *entity = txn_parse(txn, self);
	struct merge_result result = {0};
	enum err_code code = store_txn_put(txn, NULL, entity, err);

	if (code == ERR_OK)
		code = merge_whole(store_txn_arena(txn), entity, CHANGE_CREATED, &result, err);
	return code ? code : store_txn_history(txn, document_id(entity), result.changes, 1, err);
}

/* Of the speeds, 0 to 7 of the entities 1 to 8: ten bytes each. */
#define CHUNK "UPDATE value_chunk SET "
#define SPEEDS " WHERE nid = (SELECT nid FROM name WHERE iri LIKE '%speed')"

static const struct {
	const char *damage, *finding;
} damages[] = {
	{CHUNK "rows = 7, body = CAST(substr(body, 1, 50) || substr(body, 61) AS BLOB)" SPEEDS,
	 "urn:bus:5: not in the index of values"},
	{CHUNK "body = CAST(substr(body, 1, 52) || x'0000000000405340' || substr(body, 61) AS BLOB)" SPEEDS,
	 "urn:bus:5: not in the index of values"},
	{CHUNK "body = CAST(substr(body, 1, 52) || x'0000000000405340' || substr(body, 61) AS BLOB)" SPEEDS,
	 "a chunk of attribute 2 is out of order"},
	{CHUNK "rows = 9, high = 99, high_iid = 6, body = CAST(body || x'04060000000000c05840' AS BLOB)" SPEEDS,
	 "index of values: has"},
	{CHUNK "rows = 9, high = 99, high_iid = 1000, body = CAST(body || x'04e8070000000000c05840' AS BLOB)" SPEEDS,
	 "index of values: there is no entity 1000"},
	{CHUNK "rows = 9" SPEEDS, "a chunk of attribute 2 is damaged"},
	{CHUNK "high_iid = 9" SPEEDS, "a chunk of attribute 2 is damaged"},
	{CHUNK "body = substr(body, 1, 79)" SPEEDS, "a chunk of attribute 2 is damaged"},
	{"DELETE FROM value_chunk", "urn:bus:5: not in the index of values"},
	{"DELETE FROM entity_type WHERE iid = 3", "urn:bus:2: not in the index of types"},
	{"INSERT INTO entity_type VALUES (1, 1000)", "index of types: there is no entity 1000"},
	{"DELETE FROM scope", "not in the index of scopes"},
	{"DELETE FROM cell WHERE gid = 4 * 64", "urn:bus:3: not in the index of cells"},
	{"UPDATE cell SET cell = 1 WHERE gid = 4 * 64", "urn:bus:3: not in the index of cells"},
	{"INSERT INTO cell VALUES (1, 1000 * 64)", "index of cells: there is no entity 1000"},
	{"DELETE FROM geo WHERE gid = 4 * 64 + 1", "urn:bus:3: not in the index of places"},
	{"UPDATE geo SET west = 1, east = 2 WHERE gid = 4 * 64 + 1", "urn:bus:3: not in the index of places"},
	{"INSERT INTO geo VALUES (1000 * 64, 1, 1, 1, 1)", "index of places: there is no entity 1000"},
	{"UPDATE entity SET doc = '{\"id\":' WHERE iid = 2", "urn:bus:1: its document is no JSON"},
	{"UPDATE entity SET doc = '[]' WHERE iid = 2", "urn:bus:1: its document is no JSON object"},
	{"UPDATE entity SET doc = x'' WHERE iid = 2",
	 "urn:bus:1: its document is no JSON object: a packed document with "},
	{"UPDATE entity SET doc = x'02' || doc WHERE iid = 2", "urn:bus:1: its document is no JSON"},
	{"UPDATE entity SET doc = CAST(substr(doc, 1, length(doc) - 3) AS BLOB) WHERE iid = 2", "an early end"},
	{"UPDATE entity SET doc = x'01410230' WHERE iid = 2", "urn:bus:1: its document has the id"},
	{"UPDATE entity SET doc = x'01417F20' WHERE iid = 2", "urn:bus:1: its document is no JSON object: "},
	{"UPDATE entity SET id = 'urn:other' WHERE iid = 2", "its document has the id \"urn:bus:1\""},
	{"UPDATE entity SET created = 7 WHERE iid = 2", "urn:bus:1: created or modified"},
	{"UPDATE entity SET expires = 7 WHERE iid = 2", "urn:bus:1: expires"},
	{"DELETE FROM entity WHERE iid = 2", "there is no entity 2"},
	{"UPDATE counter SET value = 3 WHERE name = 'entities'", "counter entities: 3"},
	{"UPDATE counter SET value = 3 WHERE name = 'points'", "counter points: 3"},
	{"UPDATE slice SET points = 3", "slice 0: what is noted"},
	{"UPDATE slice SET at_us_max = at_us_min - 1", "slice 0: what is noted"},
	{"INSERT INTO slice VALUES (9, 0, 0, 0, 0)", "slice 9: is noted, but has no points"},
	{"UPDATE point SET doc = 'x' WHERE subject = 1", "is not JSON"},
	{"UPDATE point SET doc = x'01' WHERE subject = 1",
	 "point of subject 1 in slice 0: a packed document with an early end"},
	{"UPDATE point SET doc = CAST(substr(doc, 1, length(doc) - 1) AS BLOB) WHERE subject = 1", "an early end"},
	{"UPDATE point SET kind = 7 WHERE subject = 1", "unknown kind"},
	{"UPDATE point SET nid = nid + 1000 WHERE subject = 1", "its subject or its name is not there"},
	{"UPDATE bundle SET points = 3", "bundle of subject 9 in slice 0: is no list of points"},
	{"UPDATE bundle SET doc = '[[1],[2],[3],[4]]', points = 4", "is no list of points"},
	{"UPDATE bundle SET at_us_min = at_us_min - 1", "its bounds are not those of its points"},
	{"DELETE FROM bundle", "slice 0: what is noted"},
	{"DELETE FROM subject", "its subject or its name is not there"},
	{"UPDATE entity SET subject = 1 WHERE iid = 2", "urn:bus:1: names subject 1"},
	{"UPDATE entity SET subject = 1000 WHERE iid = 2", "urn:bus:1: names subject 1000"},
	{"UPDATE owed SET subscription = 0", "notification 1: names no subscription"},
	{"UPDATE owed SET tries = -1", "negative number of times"},
	{"UPDATE counter SET value = 0 WHERE name = 'owed'", "notification 1: its number was never given"},
	{"DELETE FROM counter WHERE name = 'owed'", "notification 1: its number was never given"},
	{"UPDATE owed SET number = -1", "its number was never given"},
	{"INSERT INTO dead SELECT number, subscription, entity, made_us, due_us, tries, 1, 'x', body FROM owed",
	 "notification 1: is owed and a dead letter"},
	{"UPDATE meta SET value = '0' WHERE key = 'schema_version'", "schema_version 0"},
};

static void the_check_finds_what_was_done_to_the_file(void)
{
	struct test_folder folder, damaged;
	struct error err = {0};
	char text[700];

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	for (int i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text),
			       ENTITY("urn:bus:%d", ",\"scope\":[\"/a\"]" NUMBER(SPEED_IRI, "%d") PLACE AREA), i, i);
		CHECK_OK(apply(store, put_with_history, text, &err), &err);
	}
	CHECK_OK(apply(store, put_with_history,
		       (void *)(uintptr_t)ENTITY("urn:many",
						 NUMBER("urn:a", "91") NUMBER("urn:b", "92") NUMBER("urn:c", "93")
							 NUMBER("urn:d", "94") NUMBER("urn:e", "95")),
		       &err),
		 &err);
	CHECK_OK(apply(store, owe_one, NULL, &err), &err);
	(void)store_free(store);
	check_clean(folder.file);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct findings findings = {.len = 0};
		uint64_t count = 0;

		folder_make(&damaged);
		CHECK_OK(store_sqlite_backup(folder.file, damaged.file, &err), &err);
		(void)sql_on(damaged.file, damages[i].damage);
		CHECK_OK(store_sqlite_check(damaged.file, take_finding, &findings, &count, &err), &err);
		if (!CHECK(count > 0 && str_contains(str_from(findings.text), str_from(damages[i].finding))))
			printf("# after %s: %s\n", damages[i].damage, findings.text);
		folder_remove(&damaged);
	}
	folder_remove(&folder);
}

static void damaged_pages_are_found_and_survived(void)
{
	struct test_folder folder, damaged;
	struct error err = {0};
	char text[400];
	uint64_t noticed = 0;
	struct stat status;

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	for (int i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text), ENTITY("urn:bus:%d", NUMBER(SPEED_IRI, "%d") PLACE), i, i);
		CHECK_OK(apply(store, put_with_history, text, &err), &err);
	}
	(void)store_free(store);
	CHECK(stat(folder.file, &status) == 0);
	for (off_t at = 4096; at < status.st_size; at += 4096) {
		struct store_reader *reader = NULL;
		uint64_t count = 0;
		size_t seen = 0;

		folder_make(&damaged);
		CHECK_OK(store_sqlite_backup(folder.file, damaged.file, &err), &err);
		CLEANUP_FD int fd = open(damaged.file, O_WRONLY);
		char junk[64];

		memset(junk, (int)(at >> 12), sizeof(junk));
		CHECK(pwrite(fd, junk, sizeof(junk), at) == (ssize_t)sizeof(junk));
		enum err_code code = store_sqlite_check(damaged.file, NULL, NULL, &count, &err);

		noticed += code == ERR_CORRUPT || (code == ERR_OK && count > 0);
		/* Serving from it must not crash either. */
		store = NULL;
		if (open_with(&(struct store_options){.path = damaged.file}, &store, &err) == ERR_OK) {
			if (store_reader_new(store, &reader, &err) == ERR_OK) {
				(void)!store_scan(reader, &(struct narrow){.exact = true}, count_visit, &seen, &err);
				(void)store_reader_free(reader);
			}
			(void)!upsert(store, ENTITY("urn:bus:7", NUMBER(SPEED_IRI, "8")), &err);
			(void)!remove_entity(store, "urn:bus:8", &err);
			(void)store_free(store);
		}
		folder_remove(&damaged);
	}
	/* Free pages may be damaged without anybody's loss; there are next to none here. */
	CHECK(noticed + 3 >= (uint64_t)(status.st_size / 4096 - 1));
	printf("# damage noticed in %llu of %lld pages\n", (unsigned long long)noticed,
	       (long long)(status.st_size / 4096 - 1));
	folder_remove(&folder);
}

/* ---- size ---- */

struct big {
	size_t bytes;
	int number;
};

static enum err_code put_big(struct store_txn *txn, void *self, struct error *err)
{
	const struct big *big = self;
	struct json *entity = txn_parse(txn, ENTITY("urn:big", NUMBER(NOTE_IRI, "\"x\"")));
	char *text = arena_alloc(store_txn_arena(txn), big->bytes);
	struct json *before = NULL;

	if (!text)
		return err_set(err, ERR_MEMORY, "no memory for the test");
	memset(text, 'a' + big->number, big->bytes);
	*document_value(document_instance(entity, STR(NOTE_IRI), STR_NONE)) =
		json_string((struct str){text, big->bytes});
	enum err_code code = store_txn_get(txn, STR("urn:big"), &before, NULL);

	return code && code != ERR_NOT_FOUND ? code : store_txn_put(txn, before, entity, err);
}

static void a_document_too_long_is_refused_and_the_log_is_cut(void)
{
	struct test_folder folder;
	struct store_stats stats;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	CHECK(apply(store, put_big, &(struct big){(size_t)65 << 20, 0}, &err) == ERR_LIMIT);
	CHECK(count_all(store) == 0);
	for (int i = 0; i < 12; i++)
		CHECK_OK(apply(store, put_big, &(struct big){(size_t)20 << 20, i}, &err), &err);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	/* A writer waits for the copying when 64 MiB wait; its last transaction comes on top of that. */
	CHECK(stats.wal_bytes < (uint64_t)140 << 20 && stats.database_bytes < (uint64_t)100 << 20);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- choosing an index ---- */

#define MANY 20000

static enum err_code put_many(struct store_txn *txn, void *self, struct error *err)
{
	char text[400];
	enum err_code code = ERR_OK;

	(void)self;
	for (int i = 0; code == ERR_OK && i < MANY; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:x:%05d\",\"type\":[\"%s\"],\"scope\":[\"/s%d\"],\"createdAt\":1" NUMBER(
				       SPEED_IRI, "%d") NUMBER(NOTE_IRI, "\"t%02d\"") "}",
			       i, i % 2 ? BUS_IRI : STOP_IRI, i % 10, (i * 7919) % MANY, i % 100);
		code = store_txn_put(txn, NULL, txn_parse(txn, text), err);
		arena_clear(store_txn_arena(txn));
	}
	return code;
}

struct expectation {
	int next, low, high, type, note, found, candidates, stop_after;
};

/* Every entity that ought to come must come, in order; those between are candidates that an evaluator would drop. */
static bool expect_next(void *self, struct str bytes)
{
	struct expectation *e = self;
	int64_t number = 0;

	(void)str_to_int64(str_part(bytes, sizeof("{\"id\":\"urn:x:") - 1, sizeof("{\"id\":\"urn:x:") + 4), &number);
	e->candidates++;
	CHECK(number >= e->next);
	for (; e->next <= number; e->next++) {
		int value = (e->next * 7919) % MANY;
		bool wanted = value >= e->low && value <= e->high && (e->type < 0 || e->next % 2 == e->type) &&
			      (e->note < 0 || e->next % 100 == e->note);

		if (wanted && !CHECK(e->next == number))
			return false;
		e->found += wanted;
	}
	return e->candidates != e->stop_after;
}

static int expected_count(const struct expectation *e)
{
	int count = 0;

	for (int i = 0; i < MANY; i++) {
		int value = (i * 7919) % MANY;

		count += value >= e->low && value <= e->high && (e->type < 0 || i % 2 == e->type) &&
			 (e->note < 0 || i % 100 == e->note);
	}
	return count;
}

static void candidates_of_large_sets_are_complete_and_in_order(void)
{
	static const int widths[] = {0, 50, 1500, 9000, MANY};
	struct test_folder folder;
	struct store_reader *reader = NULL;
	struct error err = {0};
	struct str types[] = {STR(STOP_IRI), STR(BUS_IRI)};

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	CHECK_OK(apply(store, put_many, NULL, &err), &err);
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
		for (int type = -1; type < 2; type++) {
			for (int note = -1; note < 100; note += 50) {
				struct expectation e = {
					.low = 500, .high = 500 + widths[w], .type = type, .note = note};
				char text[8] = "";
				struct narrow_attribute attributes[2] = {{.attribute_iri = STR(SPEED_IRI),
									  .op = NARROW_RANGE,
									  .has_low = true,
									  .has_high = true,
									  .low_number = e.low,
									  .high_number = e.high}};
				struct narrow narrow = {.type_iris = &types[type < 0 ? 0 : type],
							.type_count = type < 0 ? 0 : 1,
							.attributes = attributes,
							.attribute_count = note < 0 ? 1 : 2};
				uint64_t count = 0;

				(void)snprintf(text, sizeof(text), "t%02d", note < 0 ? 0 : note);
				attributes[1] = (struct narrow_attribute){.attribute_iri = STR(NOTE_IRI),
									  .op = NARROW_RANGE,
									  .is_text = true,
									  .has_low = true,
									  .has_high = true,
									  .low_text = str_from(text),
									  .high_text = str_from(text)};
				CHECK_OK(store_scan(reader, &narrow, expect_next, &e, &err), &err);
				CHECK(e.found == expected_count(&e));
				CHECK_OK(store_count(reader, &narrow, &count, &err), &err);
				CHECK((int)count == e.candidates);
				/* An index was used: far fewer candidates than entities where few match. */
				CHECK(e.candidates <= 4 * e.found + MANY / 2 || widths[w] >= 9000);
			}
		}
	}
	(void)store_reader_free(reader);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- subjects of history ---- */

struct life {
	const char *id;
	bool ends; /* else it begins */
	int64_t now_us;
};

static enum err_code live_body(struct store_txn *txn, void *self, struct error *err)
{
	const struct life *life = self;
	char text[300];

	(void)snprintf(text, sizeof(text), ENTITY("%s", NUMBER(SPEED_IRI, "3")), life->id);
	struct json *entity = txn_parse(txn, text);
	const struct json *instance = json_at(json_get(entity, STR(SPEED_IRI)), 0);
	struct change change = {.kind = life->ends ? CHANGE_DELETED : CHANGE_CREATED,
				.attribute_iri = STR(SPEED_IRI),
				.before = life->ends ? instance : NULL,
				.after = life->ends ? NULL : instance};
	enum err_code code = life->ends ? store_txn_delete(txn, entity, err) : store_txn_put(txn, NULL, entity, err);

	return code ? code : store_txn_history(txn, str_from(life->id), &change, life->now_us, err);
}

static void live(struct store *store, const char *id, bool ends, int64_t now_us)
{
	struct life life = {id, ends, now_us};
	struct error err = {0};

	CHECK_OK(apply(store, live_body, &life, &err), &err);
}

static enum err_code prune_all_body(struct store_txn *txn, void *self, struct error *err)
{
	const struct life *life = self;
	uint32_t rows;

	return store_txn_prune_history(txn, str_from(life->id), life->now_us, 1000, &rows, err);
}

static void prune(struct store *store, const char *prefix, int64_t before_us)
{
	struct life life = {prefix, false, before_us};
	struct error err = {0};

	CHECK_OK(apply(store, prune_all_body, &life, &err), &err);
}

static void subjects_without_entity_and_points_are_dropped(void)
{
	static const char count[] = "SELECT count(*) FROM subject";
	struct test_folder folder;

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	live(store, "urn:bus:1", false, 10);
	live(store, "urn:bus:1", true, 1000);
	live(store, "urn:bus:2", false, 10); /* stays */
	live(store, "urn:bus:3", false, 10);
	live(store, "urn:bus:3", true, 1000);
	live(store, "urn:bus:3", false, 2000); /* comes back */
	live(store, "urn:bus-9", false, 10); /* sorts before "urn:bus:" and has another prefix */
	live(store, "urn:bus-9", true, 1000);
	CHECK(sql_on(folder.file, count) == 4);
	prune(store, "urn:bus:", 1000); /* the deletion itself is not older than that */
	CHECK(sql_on(folder.file, count) == 4);
	prune(store, "urn:bus:", 5000);
	CHECK(sql_on(folder.file, count) == 3);
	CHECK(sql_on(folder.file, "SELECT count(*) FROM subject WHERE id = 'urn:bus:1'") == 0);
	prune(store, "", 5000);
	CHECK(sql_on(folder.file, count) == 2);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

static void places_at_the_ends_of_the_earth_are_in_order(void)
{
	static const char *const places[] = {"[179.9,0]", "[-179.9,89.9]", "[180,-90]", "[-180,90]", "[0.1,-89.99]"};
	struct test_folder folder;
	struct error err = {0};
	char text[400];

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:p:%zu\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" LOCATION_IRI
			       "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":%s},"
			       "\"createdAt\":1}]}",
			       i, places[i]);
		CHECK_OK(upsert(store, text, &err), &err);
	}
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

int main(void)
{
	RUN(the_file_says_whose_it_is);
	RUN(what_cannot_be_opened_is_named);
	RUN(a_newer_schema_is_refused_with_both_versions);
	RUN(a_file_of_an_earlier_schema_is_brought_forward);
	RUN(reading_only_sees_what_a_writer_commits);
	RUN(two_writers_share_names);
	RUN(a_file_held_by_another_is_waited_for_and_then_reported);
	RUN(a_backup_is_whole_while_others_write);
	RUN(a_backup_replaces_nothing);
	RUN(the_check_finds_what_was_done_to_the_file);
	RUN(damaged_pages_are_found_and_survived);
	RUN(a_document_too_long_is_refused_and_the_log_is_cut);
	RUN(candidates_of_large_sets_are_complete_and_in_order);
	RUN(subjects_without_entity_and_points_are_dropped);
	RUN(places_at_the_ends_of_the_earth_are_in_order);
	return check_done();
}
