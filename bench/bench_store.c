/* The SQLite store under its own safety settings (WAL, synchronous=FULL) beside a bare SQLite loop on the same disk.
 *
 * Updates read a vehicle's document of about 1 KB, change speed, heading and place, store it with its index rows and
 * append three points of history: the store's side does all of that, the bare side only upserts a text of the same
 * length by its id, 100 rows a commit, or one. Inserts come in writes of 1,000 entities. Reading: all documents of a
 * type through the store's scan, as texts, beside SELECT doc over the same table, and as the trees that queries are
 * evaluated on, beside SELECT doc and our parser. */
#include "base/cleanup.h"
#include "bench.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTITIES 20000u
#define INSERTS_A_WRITE 1000u
#define SUBMITTERS 64u
#define UPDATES_MANY 20000u
#define UPDATES_ONE 300u
#define BARE_ROWS_A_COMMIT 100u
#define ROUNDS 3u
#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define LOCATION "https://uri.etsi.org/ngsi-ld/location"

static char folder[64];

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_store: %s: %s\n", what, why);
	exit(1);
}

static void must(enum err_code code, const char *what, const struct error *err)
{
	if (code)
		fail(what, err->detail);
}

static size_t vehicle_id(char *text, size_t room, unsigned i)
{
	return (size_t)snprintf(text, room, "urn:ngsi-ld:Vehicle:singapore:bus:10-1-%06u", i);
}

static struct str vehicle(struct arena *arena, unsigned i, unsigned version)
{
	return arena_printf(
		arena,
		"{\"id\":\"urn:ngsi-ld:Vehicle:singapore:bus:10-1-%06u\",\"type\":[\"" VOCAB "Vehicle\"],"
		"\"createdAt\":1763785260000000,\"modifiedAt\":17637852600%05u,"
		"\"" VOCAB "vehicleType\":[{\"type\":\"Property\",\"value\":\"bus\",\"createdAt\":1763785260000000}],"
		"\"" LOCATION
		"\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[103.%06u,1.3%05u]},"
		"\"observedAt\":\"2026-11-22T04:21:00Z\",\"createdAt\":1763785260000000,\"modifiedAt\":"
		"1763785260000001}],"
		"\"" VOCAB "heading\":[{\"type\":\"Property\",\"value\":%u.5,\"unitCode\":\"DD\","
		"\"createdAt\":1763785260000000}],"
		"\"" VOCAB "speed\":[{\"type\":\"Property\",\"value\":%u.25,\"unitCode\":\"KMH\","
		"\"observedAt\":\"2026-11-22T04:21:00Z\",\"createdAt\":1763785260000000}],"
		"\"" VOCAB "nextStop\":[{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsStop:singapore:%05u\","
		"\"createdAt\":1763785260000000}],"
		"\"" VOCAB "serviceStatus\":[{\"type\":\"Property\",\"value\":[\"%s\",\"scheduled\"],"
		"\"createdAt\":1763785260000000}]}",
		i, version % 100000, 600000 + (i * 397 + version * 360) % 400000, (i * 7919 + version * 90) % 100000,
		(i * 7 + version) % 360, (i * 13 + version) % 60, 76000 + i % 100, i % 3 ? "onRoute" : "atStop");
}

/* ---- the store's side ---- */

struct job {
	struct store_write write; /* first */
	unsigned first, count, version;
	bool insert;
};

static enum err_code put_one(struct store_txn *txn, const struct job *job, unsigned i, struct error *err)
{
	struct arena *arena = store_txn_arena(txn);
	struct json *before = NULL, *after = NULL;
	struct merge_result result;
	char id[80];
	size_t len = vehicle_id(id, sizeof(id), i);
	enum err_code code = store_txn_get(txn, (struct str){id, len}, &before, job->insert ? NULL : err);

	if (code && !(code == ERR_NOT_FOUND && job->insert))
		return code;
	code = json_parse(store_txn_parser(txn), arena, vehicle(arena, i, job->version), NULL, &after, err);
	if (code)
		return code;
	if (!before)
		return store_txn_put(txn, NULL, after, err);
	struct json *entity = json_dup(arena, before);

	code = merge_replace(arena, entity, after, 1763785260000000 + job->version * INT64_C(5000000), &result, err);
	if (code == ERR_OK)
		code = store_txn_put(txn, before, entity, err);
	if (code == ERR_OK)
		code = store_txn_history(txn, document_id(entity), result.changes,
					 1763785260000000 + job->version * INT64_C(5000000), err);
	return code;
}

static enum err_code run_job(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct job *job = (const struct job *)write;
	enum err_code code = ERR_OK;

	for (unsigned i = 0; code == ERR_OK && i < job->count; i++) {
		code = put_one(txn, job, (job->first + i) % ENTITIES, err);
		arena_clear(store_txn_arena(txn));
	}
	return code;
}

static struct store *open_store(char path[static 96])
{
	struct store *store = NULL;
	struct error err = {0};

	(void)snprintf(path, 96, "%s/city.db", folder);
	must(store_sqlite_open(&(struct store_options){.path = path, .create = true}, &store, &err), "opening", &err);
	return store;
}

static double run_inserts(struct store *store)
{
	struct error err = {0};
	int64_t start = bench_now_ns();

	for (unsigned i = 0; i < ENTITIES; i += INSERTS_A_WRITE) {
		struct job job = {{.run = run_job}, i, INSERTS_A_WRITE, 0, true};

		must(store_apply(store, &job.write, &err), "inserting", &err);
	}
	return ENTITIES * 1e9 / (double)(bench_now_ns() - start);
}

struct submitter {
	pthread_t thread;
	struct store *store;
	unsigned number, of, updates, version;
};

static void *submit_updates(void *self)
{
	const struct submitter *submitter = self;
	struct error err = {0};

	for (unsigned i = submitter->number; i < submitter->updates; i += submitter->of) {
		struct job job = {{.run = run_job}, i * 7919u, 1, submitter->version, false};

		must(store_apply(submitter->store, &job.write, &err), "updating", &err);
	}
	return NULL;
}

static double run_updates(struct store *store, unsigned submitters, unsigned updates, unsigned version)
{
	struct submitter all[SUBMITTERS];
	int64_t start = bench_now_ns();

	for (unsigned i = 0; i < submitters; i++) {
		all[i] = (struct submitter){
			.store = store, .number = i, .of = submitters, .updates = updates, .version = version};
		if (pthread_create(&all[i].thread, NULL, submit_updates, &all[i]) != 0)
			fail("starting a thread", "refused");
	}
	for (unsigned i = 0; i < submitters; i++)
		(void)pthread_join(all[i].thread, NULL);
	return updates * 1e9 / (double)(bench_now_ns() - start);
}

static double run_feed(struct store *store, unsigned version, double *ret_cpu_us)
{
	struct rusage before, after;
	struct error err = {0};
	struct job job = {{.run = run_job}, 0, 4500, version, false};

	(void)getrusage(RUSAGE_SELF, &before);
	int64_t start = bench_now_ns();

	must(store_apply(store, &job.write, &err), "updating", &err);
	double seconds = (double)(bench_now_ns() - start) / 1e9;

	(void)getrusage(RUSAGE_SELF, &after);
	*ret_cpu_us = ((double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1e6 +
		       (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
		       (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1e6 +
		       (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec)) /
		      4500;
	return 4500 / seconds;
}

struct seen {
	uint64_t count, bytes;
};

static bool see(void *self, struct str bytes)
{
	struct seen *seen = self;

	seen->count++;
	seen->bytes += bytes.len;
	return true;
}

static double run_scan(struct store_reader *reader, struct seen *ret_seen)
{
	struct str type = STR(VOCAB "Vehicle");
	struct narrow narrow = {.type_iris = &type, .type_count = 1, .exact = true};
	struct error err = {0};
	int64_t start = bench_now_ns();

	*ret_seen = (struct seen){0};
	must(store_scan(reader, &narrow, see, ret_seen, &err), "scanning", &err);
	if (ret_seen->count != ENTITIES)
		fail("scanning", "not all were seen");
	return (double)ret_seen->count * 1e9 / (double)(bench_now_ns() - start);
}

/* What a query is given: trees. */
struct trees {
	struct json_parser *parser;
	struct arena arena;
	uint64_t count;
};

static bool see_tree(void *self, struct json *entity)
{
	struct trees *trees = self;

	trees->count += json_is(entity, JSON_OBJECT);
	return true;
}

static double run_tree_scan(struct store_reader *reader, struct trees *trees)
{
	struct str type = STR(VOCAB "Vehicle");
	struct narrow narrow = {.type_iris = &type, .type_count = 1, .exact = true};
	const struct store_tree_sight sight = {
		.visit = see_tree, .self = trees, .parser = trees->parser, .arena = &trees->arena};
	struct error err = {0};
	int64_t start = bench_now_ns();

	trees->count = 0;
	must(store_scan_trees(reader, &narrow, &sight, &err), "scanning", &err);
	if (trees->count != ENTITIES)
		fail("scanning", "not all were seen");
	return ENTITIES * 1e9 / (double)(bench_now_ns() - start);
}

/* ---- bare SQLite ---- */

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(db));
}

static sqlite3 *open_bare(void)
{
	char path[96];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/bare.db", folder);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail("opening", sqlite3_errmsg(db));
	exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=10000;"
		 "PRAGMA cache_size=-8192;"
		 "CREATE TABLE IF NOT EXISTS entity(iid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT)");
	return db;
}

static double bare_upserts(sqlite3 *db, unsigned rows, unsigned rows_a_commit, unsigned version)
{
	sqlite3_stmt *stmt;
	struct arena arena;
	char id[80];

	arena_init(&arena, 1 << 20);
	if (sqlite3_prepare_v2(
		    db, "INSERT INTO entity(id, doc) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET doc = excluded.doc", -1,
		    &stmt, NULL) != SQLITE_OK)
		fail("preparing", sqlite3_errmsg(db));
	int64_t start = bench_now_ns();

	for (unsigned i = 0; i < rows; i++) {
		unsigned number = (rows_a_commit == INSERTS_A_WRITE ? i : i * 7919u) % ENTITIES;

		arena_clear(&arena);
		struct str text = vehicle(&arena, number, version);

		if (i % rows_a_commit == 0)
			exec(db, "BEGIN IMMEDIATE");
		(void)sqlite3_bind_text(stmt, 1, id, (int)vehicle_id(id, sizeof(id), number), SQLITE_STATIC);
		(void)sqlite3_bind_text(stmt, 2, text.at, (int)text.len, SQLITE_STATIC);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			fail("upserting", sqlite3_errmsg(db));
		(void)sqlite3_reset(stmt);
		if ((i + 1) % rows_a_commit == 0 || i + 1 == rows)
			exec(db, "COMMIT");
	}
	double rate = rows * 1e9 / (double)(bench_now_ns() - start);

	(void)sqlite3_finalize(stmt);
	arena_done(&arena);
	return rate;
}

static double bare_scan(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	uint64_t count = 0, bytes = 0;

	if (sqlite3_prepare_v2(db, "SELECT doc FROM entity", -1, &stmt, NULL) != SQLITE_OK)
		fail("preparing", sqlite3_errmsg(db));
	int64_t start = bench_now_ns();

	for (; sqlite3_step(stmt) == SQLITE_ROW; count++) {
		const unsigned char *text = sqlite3_column_text(stmt, 0);

		bytes += text ? (uint64_t)sqlite3_column_bytes(stmt, 0) : 0;
	}
	(void)sqlite3_finalize(stmt);
	if (count != ENTITIES || bytes == 0)
		fail("scanning", "not all were seen");
	return (double)count * 1e9 / (double)(bench_now_ns() - start);
}

static double bare_tree_scan(sqlite3 *db, struct trees *trees)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	sqlite3_stmt *stmt;
	uint64_t count = 0;

	if (sqlite3_prepare_v2(db, "SELECT doc FROM entity", -1, &stmt, NULL) != SQLITE_OK)
		fail("preparing", sqlite3_errmsg(db));
	int64_t start = bench_now_ns();

	for (; sqlite3_step(stmt) == SQLITE_ROW; count++) {
		struct str text = {sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)};
		struct json *entity;
		struct error err = {0};

		arena_clear(&trees->arena);
		must(json_parse(trees->parser, &trees->arena, text, &options, &entity, &err), "reading", &err);
	}
	(void)sqlite3_finalize(stmt);
	if (count != ENTITIES)
		fail("scanning", "not all were seen");
	return (double)count * 1e9 / (double)(bench_now_ns() - start);
}

/* ---- rounds ---- */

enum figure {
	INSERT_OURS,
	INSERT_BARE,
	MANY_OURS,
	MANY_BARE,
	ONE_OURS,
	ONE_BARE,
	FEED_OURS,
	FEED_CPU,
	SCAN_OURS,
	SCAN_BARE,
	TREES_OURS,
	TREES_BARE,
	FIGURES
};

static const struct {
	const char *what, *side, *unit;
} figures[FIGURES] = {
	[INSERT_OURS] = {"inserting 20,000 vehicles of 1 KB, 1,000 a write", "ours", "entities/s"},
	[INSERT_BARE] = {"inserting 20,000 vehicles of 1 KB, 1,000 a write", "bare SQLite, text only", "entities/s"},
	[MANY_OURS] = {"durable updates", "ours, 64 submitters, with indices and history", "updates/s"},
	[MANY_BARE] = {"durable updates", "bare SQLite, 100 rows a commit, text only", "updates/s"},
	[ONE_OURS] = {"durable updates one after the other", "ours, with indices and history", "updates/s"},
	[ONE_BARE] = {"durable updates one after the other", "bare SQLite, text only", "updates/s"},
	[FEED_OURS] = {"a feed's 4,500 vehicles in one write", "ours, with indices and history", "updates/s"},
	[FEED_CPU] = {"a feed's 4,500 vehicles in one write, processor time each", "ours", "us"},
	[SCAN_OURS] = {"scanning 20,000 documents as texts", "ours, by type", "documents/s"},
	[SCAN_BARE] = {"scanning 20,000 documents as texts", "bare SQLite, whole table", "documents/s"},
	[TREES_OURS] = {"scanning 20,000 documents as trees", "ours, by type", "documents/s"},
	[TREES_BARE] = {"scanning 20,000 documents as trees", "bare SQLite, whole table, and our parser",
			"documents/s"},
};

static void report_sizes(struct store *store)
{
	struct store_stats stats;
	struct error err = {0};
	char text[200];

	must(store_stats(store, &stats, &err), "counting", &err);
	(void)snprintf(
		text, sizeof(text),
		"after the rounds: %llu entities, %llu points, %.1f MB, log %.1f MB, %llu commits of %llu writes",
		(unsigned long long)stats.entities, (unsigned long long)stats.history_rows,
		(double)stats.database_bytes / 1e6, (double)stats.wal_bytes / 1e6, (unsigned long long)stats.commits,
		(unsigned long long)stats.writes);
	bench_note(text);
}

static void remove_files(void)
{
	static const char *const names[] = {"city.db", "city.db-wal", "city.db-shm",
					    "bare.db", "bare.db-wal", "bare.db-shm"};
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
}

static void report_bytes_per_entity(const char *path, const char *bare_path, uint64_t doc_bytes)
{
	struct stat ours, bare;

	if (stat(path, &ours) != 0 || stat(bare_path, &bare) != 0)
		fail("measuring", path);
	double each = (double)ours.st_size / ENTITIES, bare_each = (double)bare.st_size / ENTITIES;
	double doc = (double)doc_bytes / ENTITIES;

	bench_report("bytes on disk for an entity", "ours, with its indices", each, each, each, "bytes");
	bench_report("bytes on disk for an entity", "bare SQLite, id and text", bare_each, bare_each, bare_each,
		     "bytes");
	bench_report("bytes on disk for an entity", "its document alone", doc, doc, doc, "bytes");
}

static void one_round(double rounds[FIGURES][ROUNDS], unsigned round)
{
	char path[96], bare_path[96];
	struct store *store = open_store(path);
	struct store_reader *reader = NULL;
	struct error err = {0};
	sqlite3 *bare = open_bare();
	struct seen seen;
	struct trees trees = {.parser = json_parser_new()};

	if (!trees.parser)
		fail("starting", "no memory");
	arena_init(&trees.arena, (size_t)64 << 20);
	(void)snprintf(bare_path, sizeof(bare_path), "%s/bare.db", folder);
	rounds[INSERT_OURS][round] = run_inserts(store);
	rounds[INSERT_BARE][round] = bare_upserts(bare, ENTITIES, INSERTS_A_WRITE, 0);
	must(store_reader_new(store, &reader, &err), "reading", &err);
	rounds[SCAN_OURS][round] = run_scan(reader, &seen);
	rounds[SCAN_BARE][round] = bare_scan(bare);
	rounds[TREES_OURS][round] = run_tree_scan(reader, &trees);
	rounds[TREES_BARE][round] = bare_tree_scan(bare, &trees);
	arena_done(&trees.arena);
	(void)json_parser_free(trees.parser);
	(void)store_reader_free(reader);
	if (round == 0) {
		/* The last to close copies the log back. */
		(void)store_free(store);
		(void)sqlite3_close(bare);
		report_bytes_per_entity(path, bare_path, seen.bytes);
		store = open_store(path);
		bare = open_bare();
	}
	rounds[MANY_OURS][round] = run_updates(store, SUBMITTERS, UPDATES_MANY, 1);
	rounds[MANY_BARE][round] = bare_upserts(bare, UPDATES_MANY, BARE_ROWS_A_COMMIT, 1);
	rounds[ONE_OURS][round] = run_updates(store, 1, UPDATES_ONE, 2);
	rounds[ONE_BARE][round] = bare_upserts(bare, UPDATES_ONE, 1, 2);
	(void)run_feed(store, 3, &rounds[FEED_CPU][round]);
	rounds[FEED_OURS][round] = run_feed(store, 4, &rounds[FEED_CPU][round]);
	if (round + 1 == ROUNDS)
		report_sizes(store);
	(void)store_free(store);
	(void)sqlite3_close(bare);
	remove_files();
}

int main(void)
{
	static double rounds[FIGURES][ROUNDS];

	(void)snprintf(folder, sizeof(folder), "/tmp/machi-bench-XXXXXX");
	if (!mkdtemp(folder))
		fail("making a folder", folder);
	for (unsigned round = 0; round < ROUNDS; round++)
		one_round(rounds, round);
	for (int i = 0; i < FIGURES; i++)
		bench_report_rounds(figures[i].what, figures[i].side, rounds[i], ROUNDS, figures[i].unit);
	(void)rmdir(folder);
	return 0;
}
