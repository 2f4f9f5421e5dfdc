/* What bench_api.py puts beside the daemon: plain programs that do the least of the same work.
 *
 *   bench_api_peer constant BYTES THREADS   libmicrohttpd answering one constant; prints its port, ends with its input
 *   bench_api_peer upsert FILE ROWS A_COMMIT SECONDS SEED
 *                                           bare SQLite (WAL, synchronous=FULL) upserting rows of 1 KB by their text
 *                                           ids at random places of a table of ROWS; prints rows a second
 *   bench_api_peer sync FILE BYTES SECONDS  writes BYTES and waits for the disk, over and over; prints times a second
 */
#include "base/str.h"
#include "bench.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define ROW_BYTES 1024
#define SYNC_FILE_BYTES ((int64_t)32 << 20) /* then it starts anew, as a log does */

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_api_peer: %s: %s\n", what, why);
	exit(1);
}

static uint64_t number_of(const char *text)
{
	int64_t number = 0;

	if (!str_to_int64(str_from(text), &number) || number < 0)
		fail(text, "not a number");
	return (uint64_t)number;
}

/* ---- a constant answer ---- */

/* libmicrohttpd dictates the types. */
// NOLINTBEGIN(readability-non-const-parameter)
static enum MHD_Result answer_constant(void *cls, struct MHD_Connection *connection, const char *url,
				       const char *method, const char *version, const char *upload,
				       size_t *upload_bytes, void **seen)
{
	static int mark;
	const struct str *answer = cls;

	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	(void)upload_bytes;
	if (!*seen) {
		*seen = &mark;
		return MHD_YES;
	}
	struct MHD_Response *response =
		MHD_create_response_from_buffer(answer->len, (void *)(uintptr_t)answer->at, MHD_RESPMEM_PERSISTENT);

	(void)MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, 200, response);

	MHD_destroy_response(response);
	return result;
}
// NOLINTEND(readability-non-const-parameter)

static int run_constant(char **argv)
{
	size_t bytes = number_of(argv[0]);
	char *text = malloc(bytes + 1);

	if (!text)
		fail("constant", "no memory");
	memset(text, 'a', bytes);
	struct str answer = {text, bytes};
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer_constant, &answer,
				 MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)number_of(argv[1]), MHD_OPTION_END);

	if (!daemon)
		fail("libmicrohttpd", "did not start");
	printf("%u\n", (unsigned int)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	(void)fflush(stdout);
	while (getchar() != EOF)
		continue;
	MHD_stop_daemon(daemon);
	free(text);
	return 0;
}

/* ---- bare SQLite ---- */

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(db));
}

static void upsert(sqlite3 *db, sqlite3_stmt *stmt, uint64_t number, uint64_t version)
{
	char id[80], text[ROW_BYTES + 1];
	int len = snprintf(id, sizeof(id), "urn:ngsi-ld:WeatherObserved:bench:%07llu", (unsigned long long)number);

	memset(text, 'a' + (char)(version % 26), ROW_BYTES);
	(void)snprintf(text, ROW_BYTES, "{\"id\":\"%s\",\"version\":%llu", id, (unsigned long long)version);
	(void)sqlite3_bind_text(stmt, 1, id, len, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 2, text, ROW_BYTES, SQLITE_STATIC);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail("upserting", sqlite3_errmsg(db));
	(void)sqlite3_reset(stmt);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static sqlite3 *open_rows(const char *path, uint64_t rows, sqlite3_stmt **ret_stmt)
{
	sqlite3 *db;
	sqlite3_stmt *count;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail("opening", sqlite3_errmsg(db));
	exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
		 "CREATE TABLE IF NOT EXISTS entity(iid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT)");
	if (sqlite3_prepare_v2(db, "SELECT count(*) FROM entity", -1, &count, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(
		    db, "INSERT INTO entity(id, doc) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET doc = excluded.doc", -1,
		    ret_stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(count) != SQLITE_ROW)
		fail("preparing", sqlite3_errmsg(db));
	uint64_t have = (uint64_t)sqlite3_column_int64(count, 0);

	(void)sqlite3_finalize(count);
	exec(db, "BEGIN");
	for (; have < rows; have++)
		upsert(db, *ret_stmt, have, 0);
	exec(db, "COMMIT");
	return db;
}

static int run_upsert(char **argv)
{
	uint64_t rows = number_of(argv[1]), a_commit = number_of(argv[2]), done = 0, state = number_of(argv[4]);
	sqlite3_stmt *stmt;
	sqlite3 *db = open_rows(argv[0], rows, &stmt);
	int64_t start = bench_now_ns(), until = start + (int64_t)number_of(argv[3]) * 1000000000;

	while (bench_now_ns() < until) {
		exec(db, "BEGIN IMMEDIATE");
		for (uint64_t i = 0; i < a_commit; i++, done++)
			upsert(db, stmt, next_random(&state) % rows, done);
		exec(db, "COMMIT");
	}
	printf("%.1f\n", (double)done * 1e9 / (double)(bench_now_ns() - start));
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return 0;
}

/* ---- the disk alone ---- */

static int run_sync(char **argv)
{
	size_t bytes = number_of(argv[1]);
	char *text = calloc(1, bytes);
	int fd = open(argv[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t times = 0;

	if (fd < 0 || !text)
		fail(argv[0], "cannot be made");
	/* Once through: later rounds write where the file is already, as a log that starts anew. */
	for (int64_t at = 0; at < SYNC_FILE_BYTES; at += (int64_t)bytes)
		if (pwrite(fd, text, bytes, at) != (ssize_t)bytes)
			fail(argv[0], "cannot be written");
	if (fsync(fd) != 0)
		fail(argv[0], "cannot be synced");
	int64_t start = bench_now_ns(), until = start + (int64_t)number_of(argv[2]) * 1000000000, at = 0;

	for (; bench_now_ns() < until; times++, at = (at + (int64_t)bytes) % SYNC_FILE_BYTES)
		if (pwrite(fd, text, bytes, at) != (ssize_t)bytes || fdatasync(fd) != 0)
			fail(argv[0], "cannot be written");
	printf("%.1f\n", (double)times * 1e9 / (double)(bench_now_ns() - start));
	(void)close(fd);
	(void)unlink(argv[0]);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "constant") == 0)
		return run_constant(argv + 2);
	if (argc == 7 && strcmp(argv[1], "upsert") == 0)
		return run_upsert(argv + 2);
	if (argc == 5 && strcmp(argv[1], "sync") == 0)
		return run_sync(argv + 2);
	fail("usage", "see the comment at the top of bench_api_peer.c");
}
