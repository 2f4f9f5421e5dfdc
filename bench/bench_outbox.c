/* What it costs to owe notifications and to be done with them, in processor time and in bytes of the write-ahead log.
 *
 * 6,000 notifications of 500 bytes, 1,000 a commit, for one subscription or for twenty in turn; then done, 1,000 a
 * commit: of all subscriptions at one pace, or of one after the other, as where receivers come back one by one. Beside
 * the store stands bare SQLite with the same settings and statements prepared once, in several layouts: rows by number
 * alone are the least it can cost, though nobody could find what is owed to whom in them. No log is copied back
 * meanwhile. Figures of docs/decisions/0013-outbox.md. */
#include "base/cleanup.h"
#include "bench.h"
#include "store/outbox.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTIFICATIONS 6000u
#define ROWS_A_COMMIT 1000u
#define BODY_BYTES 500u
#define ROUNDS 15u
#define MADE_US 1763785260000000
#define COLUMNS                                                                                                        \
	"subscription INTEGER NOT NULL, entity TEXT NOT NULL, made_us INTEGER NOT NULL, due_us INTEGER NOT NULL, "     \
	"tries INTEGER NOT NULL, body BLOB NOT NULL"

enum figure { OWE_CPU, OWE_LOG, DONE_CPU, DONE_LOG, READ_CPU, DEBTS_CPU, FIGURES };

static const struct layout {
	const char *name, *schema;
	bool own_numbers; /* false: SQLite gives them */
} layouts[] = {
	{"bare SQLite: rows by number", "CREATE TABLE owed(number INTEGER PRIMARY KEY, " COLUMNS ") STRICT", true},
	{"bare SQLite: and an index (subscription)",
	 "CREATE TABLE owed(number INTEGER PRIMARY KEY, " COLUMNS ") STRICT; CREATE INDEX o ON owed(subscription)",
	 true},
	{"bare SQLite: and an index (subscription, number, due_us)",
	 "CREATE TABLE owed(number INTEGER PRIMARY KEY, " COLUMNS ") STRICT; "
	 "CREATE INDEX o ON owed(subscription, number, due_us)",
	 true},
	{"bare SQLite: the same with AUTOINCREMENT",
	 "CREATE TABLE owed(number INTEGER PRIMARY KEY AUTOINCREMENT, " COLUMNS ") STRICT; "
	 "CREATE INDEX o ON owed(subscription, number, due_us)",
	 false},
	{"bare SQLite: WITHOUT ROWID (subscription, number)",
	 "CREATE TABLE owed(number INTEGER NOT NULL, " COLUMNS ", PRIMARY KEY (subscription, number)) "
	 "STRICT, WITHOUT ROWID",
	 true},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))
#define OURS LAYOUTS

static char folder[64], path[96], body[BODY_BYTES];
static double figures[LAYOUTS + 1][FIGURES][ROUNDS];

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_outbox: %s: %s\n", what, why);
	exit(1);
}

static void must(enum err_code code, const char *what, const struct error *err)
{
	if (code)
		fail(what, err->detail);
}

static double cpu_us(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static double log_bytes(void)
{
	char name[104];
	struct stat status;

	(void)snprintf(name, sizeof(name), "%s-wal", path);
	return stat(name, &status) == 0 ? (double)status.st_size : 0;
}

static void remove_files(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char name[104];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		(void)unlink(name);
	}
}

static int64_t subscription_of(unsigned number, unsigned subscriptions)
{
	return 1 + (number - 1) % subscriptions;
}

static const struct scene {
	const char *what;
	unsigned subscriptions;
	bool one_by_one;
} scenes[] = {
	{"1 subscription", 1, false},
	{"20 subscriptions", 20, false},
	{"20 subscriptions one after the other", 20, true},
};

/* The i-th that is done: subscription after subscription, within a commit or of all. */
static int64_t done_number(unsigned i, const struct scene *scene)
{
	unsigned span = scene->one_by_one ? NOTIFICATIONS : ROWS_A_COMMIT, each = span / scene->subscriptions;

	return 1 + i / span * span + i % span / each + (int64_t)(i % span % each) * scene->subscriptions;
}

static size_t entity_of(char *text, size_t room, unsigned number)
{
	return (size_t)snprintf(text, room, "urn:ngsi-ld:Vehicle:singapore:bus:10-1-%06u", number);
}

/* ---- the store ---- */

struct job {
	struct store_write write; /* first */
	unsigned first;
	const struct scene *scene;
};

static enum err_code owe_some(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct job *job = (const struct job *)write;
	enum err_code code = ERR_OK;
	char entity[64] = "";

	for (unsigned i = job->first; code == ERR_OK && i < job->first + ROWS_A_COMMIT; i++) {
		const struct store_owed owed = {.subscription = subscription_of(i, job->scene->subscriptions),
						.entity_id = {entity, entity_of(entity, sizeof(entity), i)},
						.made_us = MADE_US + i,
						.due_us = MADE_US + i,
						.body = {body, sizeof(body)}};

		code = store_txn_owe(txn, &owed, false, NULL, err);
	}
	return code;
}

static enum err_code be_done(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct job *job = (const struct job *)write;
	int64_t numbers[ROWS_A_COMMIT];

	for (unsigned i = 0; i < ROWS_A_COMMIT; i++)
		numbers[i] = done_number(job->first + i, job->scene);
	return store_txn_owed_done(txn, numbers, ROWS_A_COMMIT, err);
}

static void run_jobs(struct store *store,
		     enum err_code (*run)(struct store_write *, struct store_txn *, struct error *), unsigned first,
		     const struct scene *scene)
{
	struct error err = {0};

	for (unsigned i = 0; i < NOTIFICATIONS; i += ROWS_A_COMMIT) {
		struct job job = {{.run = run}, first + i, scene};

		must(store_apply(store, &job.write, &err), "writing", &err);
	}
}

static void read_all(struct store *store, unsigned subscriptions, unsigned round)
{
	struct store_reader *reader = NULL;
	struct store_debt *debts = NULL;
	size_t count = 0, seen = 0;
	struct arena arena;
	struct error err = {0};

	must(store_reader_new(store, &reader, &err), "reading", &err);
	arena_init(&arena, (size_t)64 << 20);
	double start = cpu_us();

	for (unsigned i = 1; i <= subscriptions; i++) {
		struct store_owed_list list = {0};
		int64_t after = 0;

		do {
			arena_clear(&arena);
			must(store_owed_read(reader, i, after, 500, SIZE_MAX, &arena, &list, &err), "reading", &err);
			seen += list.count;
			after = list.count ? list.at[list.count - 1].number : after;
		} while (list.count);
	}
	figures[OURS][READ_CPU][round] = (cpu_us() - start) / NOTIFICATIONS;
	start = cpu_us();
	must(store_debts(reader, &arena, &debts, &count, &err), "counting", &err);
	figures[OURS][DEBTS_CPU][round] = (cpu_us() - start) / NOTIFICATIONS;
	if (seen != NOTIFICATIONS || count != subscriptions || debts[0].owed != NOTIFICATIONS / subscriptions)
		fail("reading", "not all were seen");
	arena_done(&arena);
	(void)store_reader_free(reader);
}

static void run_ours(const struct scene *scene, unsigned round)
{
	struct store *store = NULL;
	struct error err = {0};

	must(store_sqlite_open(&(struct store_options){.path = path, .create = true}, &store, &err), "opening", &err);
	double cpu = cpu_us(), log = log_bytes();

	run_jobs(store, owe_some, 1, scene);
	figures[OURS][OWE_CPU][round] = (cpu_us() - cpu) / NOTIFICATIONS;
	figures[OURS][OWE_LOG][round] = (log_bytes() - log) / NOTIFICATIONS;
	read_all(store, scene->subscriptions, round);
	cpu = cpu_us();
	log = log_bytes();
	run_jobs(store, be_done, 0, scene);
	figures[OURS][DONE_CPU][round] = (cpu_us() - cpu) / NOTIFICATIONS;
	figures[OURS][DONE_LOG][round] = (log_bytes() - log) / NOTIFICATIONS;
	(void)store_free(store);
	remove_files();
}

/* ---- bare SQLite ---- */

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(db));
	return stmt;
}

static void step(sqlite3 *db, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail("writing", sqlite3_errmsg(db));
	(void)sqlite3_reset(stmt);
}

static void bare_owe(sqlite3 *db, const struct layout *layout, const struct scene *scene)
{
	sqlite3_stmt *stmt = prepare(db, "INSERT INTO owed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	char entity[64] = "";

	for (unsigned i = 1; i <= NOTIFICATIONS; i++) {
		if (i % ROWS_A_COMMIT == 1)
			exec(db, "BEGIN IMMEDIATE");
		if (layout->own_numbers)
			(void)sqlite3_bind_int64(stmt, 1, i);
		(void)sqlite3_bind_int64(stmt, 2, subscription_of(i, scene->subscriptions));
		(void)sqlite3_bind_text(stmt, 3, entity, (int)entity_of(entity, sizeof(entity), i), SQLITE_STATIC);
		(void)sqlite3_bind_int64(stmt, 4, MADE_US + i);
		(void)sqlite3_bind_int64(stmt, 5, MADE_US + i);
		(void)sqlite3_bind_int64(stmt, 6, 0);
		(void)sqlite3_bind_blob(stmt, 7, body, sizeof(body), SQLITE_STATIC);
		step(db, stmt);
		if (i % ROWS_A_COMMIT == 0)
			exec(db, "COMMIT");
	}
	(void)sqlite3_finalize(stmt);
}

static void bare_done(sqlite3 *db, const struct layout *layout, const struct scene *scene)
{
	/* Where the number is no key of its own, the subscription has to be known. */
	bool by_both = strstr(layout->schema, "WITHOUT ROWID") != NULL;
	sqlite3_stmt *stmt = prepare(db, by_both ? "DELETE FROM owed WHERE number = ?1 AND subscription = ?2"
						 : "DELETE FROM owed WHERE number = ?1");

	for (unsigned i = 0; i < NOTIFICATIONS; i++) {
		int64_t number = done_number(i, scene);

		if (i % ROWS_A_COMMIT == 0)
			exec(db, "BEGIN IMMEDIATE");
		(void)sqlite3_bind_int64(stmt, 1, number);
		if (by_both)
			(void)sqlite3_bind_int64(stmt, 2, subscription_of((unsigned)number, scene->subscriptions));
		step(db, stmt);
		if (i % ROWS_A_COMMIT == ROWS_A_COMMIT - 1)
			exec(db, "COMMIT");
	}
	(void)sqlite3_finalize(stmt);
}

static void run_bare(size_t side, const struct scene *scene, unsigned round)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail("opening", sqlite3_errmsg(db));
	exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
		 "PRAGMA cache_size=-32768; PRAGMA secure_delete=FAST");
	exec(db, layouts[side].schema);
	double cpu = cpu_us(), log = log_bytes();

	bare_owe(db, &layouts[side], scene);
	figures[side][OWE_CPU][round] = (cpu_us() - cpu) / NOTIFICATIONS;
	figures[side][OWE_LOG][round] = (log_bytes() - log) / NOTIFICATIONS;
	cpu = cpu_us();
	log = log_bytes();
	bare_done(db, &layouts[side], scene);
	figures[side][DONE_CPU][round] = (cpu_us() - cpu) / NOTIFICATIONS;
	figures[side][DONE_LOG][round] = (log_bytes() - log) / NOTIFICATIONS;
	(void)sqlite3_close(db);
	remove_files();
}

/* ---- rounds ---- */

static void report(const struct scene *scene)
{
	static const struct {
		const char *what, *unit;
	} names[FIGURES] = {
		[OWE_CPU] = {"owing a notification of 500 bytes, 1,000 a commit", "us"},
		[OWE_LOG] = {"owing it, in the log", "bytes"},
		[DONE_CPU] = {"being done with it, 1,000 a commit", "us"},
		[DONE_LOG] = {"being done with it, in the log", "bytes"},
		[READ_CPU] = {"reading it, 500 at a time", "us"},
		[DEBTS_CPU] = {"counting it", "us"},
	};
	char what[120];

	for (size_t figure = 0; figure < FIGURES; figure++)
		for (size_t side = 0; side <= LAYOUTS; side++) {
			size_t at = side == 0 ? OURS : side - 1;

			if (at != OURS && figure >= READ_CPU)
				continue;
			/* Only being done with them is another thing then. */
			if (scene->one_by_one && figure != DONE_CPU && figure != DONE_LOG)
				continue;
			(void)snprintf(what, sizeof(what), "%s, %s", names[figure].what, scene->what);
			bench_report_rounds(what, at == OURS ? "ours" : layouts[at].name, figures[at][figure], ROUNDS,
					    names[figure].unit);
		}
}

int main(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/machi-bench-XXXXXX");
	if (!mkdtemp(folder))
		fail("making a folder", folder);
	(void)snprintf(path, sizeof(path), "%s/city.db", folder);
	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		for (unsigned round = 0; round < ROUNDS; round++) {
			run_ours(&scenes[i], round);
			for (size_t side = 0; side < LAYOUTS; side++)
				run_bare(side, &scenes[i], round);
		}
		report(&scenes[i]);
	}
	(void)rmdir(folder);
	return 0;
}
