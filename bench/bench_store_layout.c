/* Layouts that the SQLite store could have had, in bare SQLite: the figures behind docs/decisions/0004-store-schema.md.
 *
 * The load is a running city: 4,500 vehicles that all move every five seconds of the city's time, each step one durable
 * commit. Compared by processor time a step, bytes written a step (the log and what is copied back from it), reading
 * and pruning:
 *  - history: where points lie;
 *  - places: what an R*Tree costs when the objects move;
 *  - documents: the page size. */
#include "base/str.h"
#include "bench.h"

#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define VEHICLES 4500
#define SERIES (2 * VEHICLES)
#define STEPS 120
#define STEP_US INT64_C(5000000)
#define START_US INT64_C(1763785260000000)

__attribute__((noreturn)) static void fail(sqlite3 *db, const char *what)
{
	(void)fprintf(stderr, "bench_store_layout: %s: %s\n", what, db ? sqlite3_errmsg(db) : "no database");
	exit(1);
}

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail(db, sql);
	return stmt;
}

static void run(sqlite3 *db, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail(db, sqlite3_sql(stmt));
	(void)sqlite3_reset(stmt);
}

static sqlite3 *open_database(char path[static 64], int page_bytes)
{
	sqlite3 *db;
	char sql[64];

	(void)snprintf(path, 64, "/tmp/machi-bench-XXXXXX");
	int fd = mkstemp(path);

	if (fd < 0 || sqlite3_open(path, &db) != SQLITE_OK)
		fail(NULL, "opening");
	(void)close(fd);
	(void)snprintf(sql, sizeof(sql), "PRAGMA page_size=%d", page_bytes);
	exec(db, sql);
	exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=10000;"
		 "PRAGMA cache_size=-8192; PRAGMA secure_delete=FAST");
	return db;
}

static void close_database(sqlite3 *db, const char *path)
{
	char name[80];

	(void)sqlite3_close(db);
	(void)unlink(path);
	(void)snprintf(name, sizeof(name), "%s-wal", path);
	(void)unlink(name);
	(void)snprintf(name, sizeof(name), "%s-shm", path);
	(void)unlink(name);
}

struct usage {
	double cpu_ms;
	double written_mb;
};

static struct usage usage_now(void)
{
	struct rusage usage;
	char line[128];
	uint64_t bytes = 0;
	FILE *file = fopen("/proc/self/io", "r");

	(void)getrusage(RUSAGE_SELF, &usage);
	while (file && fgets(line, sizeof(line), file))
		if (str_starts(str_from(line), STR("wchar:")) &&
		    str_to_uint64(str_trim(str_part(str_from(line), 6, sizeof(line))), &bytes))
			break;
	if (file)
		(void)fclose(file);
	return (struct usage){(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
				      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3,
			      (double)bytes / 1e6};
}

static void report_steps(const char *what, const char *side, struct usage from)
{
	struct usage to = usage_now();
	char name[120];
	double cpu = (to.cpu_ms - from.cpu_ms) / STEPS, written = (to.written_mb - from.written_mb) / STEPS;

	(void)snprintf(name, sizeof(name), "%s: processor time a step", what);
	bench_report(name, side, cpu, cpu, cpu, "ms");
	(void)snprintf(name, sizeof(name), "%s: written a step", what);
	bench_report(name, side, written, written, written, "MB");
}

/* ---- history ---- */

struct layout {
	const char *name, *create, *insert, *read, *prune;
};

static const struct layout layouts[] = {
	{"by series",
	 "CREATE TABLE point(slice INTEGER, sid INTEGER, at_us INTEGER, doc TEXT, PRIMARY KEY (sid, at_us)) WITHOUT "
	 "ROWID",
	 "INSERT INTO point VALUES (?1, ?2, ?3, ?4)", "SELECT sum(length(doc)) FROM point WHERE sid = ?1",
	 "DELETE FROM point WHERE at_us < ?1"},
	{"by arrival, indexed by series",
	 "CREATE TABLE point(slice INTEGER, sid INTEGER, at_us INTEGER, doc TEXT); CREATE INDEX by_series ON "
	 "point(sid, at_us)",
	 "INSERT INTO point VALUES (?1, ?2, ?3, ?4)", "SELECT sum(length(doc)) FROM point WHERE sid = ?1",
	 "DELETE FROM point WHERE at_us < ?1"},
	{"by slice of arrival, then series",
	 "CREATE TABLE point(slice INTEGER, sid INTEGER, at_us INTEGER, doc TEXT, PRIMARY KEY (slice, sid, at_us)) "
	 "WITHOUT ROWID;"
	 "CREATE TABLE slice(slice INTEGER PRIMARY KEY)",
	 "INSERT INTO point VALUES (?1, ?2, ?3, ?4)",
	 "SELECT sum(length(doc)) FROM slice s CROSS JOIN point p ON p.slice = s.slice AND p.sid = ?1",
	 "DELETE FROM point WHERE slice < ?1 >> 24"},
	{"by arrival, no index", "CREATE TABLE point(slice INTEGER, sid INTEGER, at_us INTEGER, doc TEXT)",
	 "INSERT INTO point VALUES (?1, ?2, ?3, ?4)", "SELECT sum(length(doc)) FROM point WHERE sid = ?1",
	 "DELETE FROM point WHERE at_us < ?1"},
};

static void step_history(sqlite3 *db, sqlite3_stmt *insert, int64_t now_us)
{
	char doc[200];

	exec(db, "BEGIN IMMEDIATE");
	for (int sid = 0; sid < SERIES; sid++) {
		int len = snprintf(
			doc, sizeof(doc),
			"{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[103.%06d,1.3%05d]},"
			"\"observedAt\":\"2026-11-22T04:21:00Z\",\"createdAt\":%lld}",
			sid, sid, (long long)now_us);

		(void)sqlite3_bind_int64(insert, 1, now_us >> 24);
		(void)sqlite3_bind_int64(insert, 2, sid);
		(void)sqlite3_bind_int64(insert, 3, now_us);
		(void)sqlite3_bind_text(insert, 4, doc, len, SQLITE_STATIC);
		run(db, insert);
	}
	exec(db, "COMMIT");
}

static void bench_layout(const struct layout *layout)
{
	char path[64];
	sqlite3 *db = open_database(path, 4096);
	struct usage from;

	exec(db, layout->create);
	sqlite3_stmt *insert = prepare(db, layout->insert);

	/* What is there before shapes the tree: half of the steps are not counted. */
	for (int i = 0; i < STEPS; i++)
		step_history(db, insert, START_US + i * STEP_US);
	from = usage_now();
	for (int i = STEPS; i < 2 * STEPS; i++)
		step_history(db, insert, START_US + i * STEP_US);
	report_steps("history of 9,000 series", layout->name, from);
	if (strstr(layout->create, "TABLE slice"))
		exec(db, "INSERT INTO slice SELECT DISTINCT slice FROM point");
	exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_stmt *read = prepare(db, layout->read);
	int64_t start = bench_now_ns();

	for (int i = 0; i < 10; i++) {
		(void)sqlite3_bind_int64(read, 1, i * 811);
		if (sqlite3_step(read) != SQLITE_ROW || sqlite3_column_int64(read, 0) < 2 * STEPS * 100)
			fail(db, "reading a series");
		(void)sqlite3_reset(read);
	}
	double ms = (double)(bench_now_ns() - start) / 1e7;

	bench_report("history: reading 20 minutes of a series", layout->name, ms, ms, ms, "ms");
	sqlite3_stmt *prune = prepare(db, layout->prune);

	from = usage_now();
	(void)sqlite3_bind_int64(prune, 1, START_US + STEPS * STEP_US);
	run(db, prune);
	struct usage to = usage_now();
	double us = (to.cpu_ms - from.cpu_ms) * 1e3 / ((double)STEPS * SERIES);

	bench_report("history: pruning the older half, a point", layout->name, us, us, us, "us");
	(void)sqlite3_finalize(insert);
	(void)sqlite3_finalize(read);
	(void)sqlite3_finalize(prune);
	close_database(db, path);
}

/* ---- places ---- */

struct vehicle {
	double lon, lat, heading; /* degrees, radians */
	int64_t cell;
};

enum place_side { PLACE_EXACT, PLACE_SLACK, PLACE_CELLS, PLACE_BTREE, PLACE_SIDES };

static const char *const place_names[] = {"R*Tree, exact boxes", "R*Tree, boxes with 250 m of slack",
					  "R*Tree, cells of 1/256 degree", "B-tree of cell numbers"};

#define METRES_PER_DEGREE 111195.0
#define SPEED_M_PER_STEP 40.0
#define SLACK_DEGREES (250.0 / METRES_PER_DEGREE)

static void put_box(sqlite3 *db, sqlite3_stmt *put, int64_t id, double west, double east, double south, double north)
{
	(void)sqlite3_bind_int64(put, 1, id * 64);
	(void)sqlite3_bind_double(put, 2, west);
	(void)sqlite3_bind_double(put, 3, east);
	(void)sqlite3_bind_double(put, 4, south);
	(void)sqlite3_bind_double(put, 5, north);
	run(db, put);
}

static void place_cell(sqlite3 *db, sqlite3_stmt *put, sqlite3_stmt *drop, enum place_side side, int64_t id,
		       struct vehicle *v)
{
	double x = floor(v->lon * 256), y = floor(v->lat * 256);
	int64_t cell = (int64_t)y * 100000 + (int64_t)x;

	if (cell == v->cell)
		return;
	if (side == PLACE_CELLS) {
		put_box(db, put, id, x / 256, (x + 1) / 256, y / 256, (y + 1) / 256);
	} else {
		(void)sqlite3_bind_int64(drop, 1, v->cell);
		(void)sqlite3_bind_int64(drop, 2, id);
		run(db, drop);
		(void)sqlite3_bind_int64(put, 1, cell);
		(void)sqlite3_bind_int64(put, 2, id);
		run(db, put);
	}
	v->cell = cell;
}

static void place(sqlite3 *db, sqlite3_stmt *put, sqlite3_stmt *drop, sqlite3_stmt *get, enum place_side side,
		  int64_t id, struct vehicle *v)
{
	if (side == PLACE_EXACT) {
		put_box(db, put, id, v->lon, v->lon, v->lat, v->lat);
	} else if (side == PLACE_SLACK) {
		/* The stored box has to be read to know whether it still holds. */
		(void)sqlite3_bind_int64(get, 1, id * 64);
		bool inside = sqlite3_step(get) == SQLITE_ROW && sqlite3_column_double(get, 0) <= v->lon &&
			      sqlite3_column_double(get, 1) >= v->lon && sqlite3_column_double(get, 2) <= v->lat &&
			      sqlite3_column_double(get, 3) >= v->lat;

		(void)sqlite3_reset(get);
		if (!inside)
			put_box(db, put, id, v->lon - SLACK_DEGREES, v->lon + SLACK_DEGREES, v->lat - SLACK_DEGREES,
				v->lat + SLACK_DEGREES);
	} else {
		place_cell(db, put, drop, side, id, v);
	}
}

/* In [0, 1): the same streets for every side. */
static double draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)(*state >> 11) / (double)(UINT64_C(1) << 53);
}

static void move(struct vehicle *v, uint64_t *state)
{
	double turn = draw(state);

	v->heading += (turn - 0.5) * 0.6;
	v->lon += cos(v->heading) * SPEED_M_PER_STEP / METRES_PER_DEGREE;
	v->lat += sin(v->heading) * SPEED_M_PER_STEP / METRES_PER_DEGREE;
	if (v->lon < 103.6 || v->lon > 104.0 || v->lat < 1.22 || v->lat > 1.46)
		v->heading += 3.14159265;
}

static void bench_places(enum place_side side)
{
	char path[64];
	sqlite3 *db = open_database(path, 4096);
	struct vehicle *vehicles = calloc(VEHICLES, sizeof(*vehicles));
	uint64_t state = 1;

	exec(db, "CREATE VIRTUAL TABLE geo USING rtree(gid, west, east, south, north);"
		 "CREATE TABLE cell(cell INTEGER, iid INTEGER, PRIMARY KEY (cell, iid)) WITHOUT ROWID");
	sqlite3_stmt *put = prepare(db, side == PLACE_BTREE ? "INSERT INTO cell VALUES (?1, ?2)"
							    : "INSERT OR REPLACE INTO geo VALUES (?1, ?2, ?3, ?4, ?5)");
	sqlite3_stmt *drop = prepare(db, "DELETE FROM cell WHERE cell = ?1 AND iid = ?2");
	sqlite3_stmt *get = prepare(db, "SELECT west, east, south, north FROM geo WHERE gid = ?1");

	if (!vehicles)
		exit(1);
	for (int i = 0; i < VEHICLES; i++)
		vehicles[i] = (struct vehicle){.lon = 103.6 + 0.4 * draw(&state),
					       .lat = 1.22 + 0.24 * draw(&state),
					       .heading = 6.28 * draw(&state),
					       .cell = -1};
	struct usage from = usage_now();

	for (int step = 0; step <= STEPS; step++) {
		exec(db, "BEGIN IMMEDIATE");
		for (int i = 0; i < VEHICLES; i++) {
			move(&vehicles[i], &state);
			place(db, put, drop, get, side, i + 1, &vehicles[i]);
		}
		exec(db, "COMMIT");
		if (step == 0)
			from = usage_now(); /* the first one puts all of them in */
	}
	report_steps("places of 4,500 moving vehicles", place_names[side], from);
	(void)sqlite3_finalize(put);
	(void)sqlite3_finalize(drop);
	(void)sqlite3_finalize(get);
	free(vehicles);
	close_database(db, path);
}

/* ---- documents ---- */

static void bench_page_size(int page_bytes)
{
	char path[64], doc[1500], name[40];
	sqlite3 *db = open_database(path, page_bytes);

	exec(db, "CREATE TABLE entity(iid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, modified INTEGER, doc TEXT)");
	memset(doc, 'x', sizeof(doc));
	sqlite3_stmt *insert = prepare(db, "INSERT INTO entity(id, modified, doc) VALUES (?1, 0, ?2)");
	sqlite3_stmt *update = prepare(db, "UPDATE entity SET modified = ?2, doc = ?3 WHERE iid = ?1");

	exec(db, "BEGIN IMMEDIATE");
	for (int i = 0; i < 20 * VEHICLES; i++) {
		int len = snprintf(name, sizeof(name), "urn:ngsi-ld:Vehicle:bus:%06d", i);

		(void)sqlite3_bind_text(insert, 1, name, len, SQLITE_STATIC);
		(void)sqlite3_bind_text(insert, 2, doc, 900 + i * 37 % 400, SQLITE_STATIC);
		run(db, insert);
	}
	exec(db, "COMMIT");
	exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	struct usage from = usage_now();

	for (int step = 0; step < STEPS; step++) {
		exec(db, "BEGIN IMMEDIATE");
		/* Vehicles lie together, as an import or a feed made them. */
		for (int i = 0; i < VEHICLES; i++) {
			(void)sqlite3_bind_int64(update, 1, 10 * VEHICLES + i);
			(void)sqlite3_bind_int64(update, 2, step);
			(void)sqlite3_bind_text(update, 3, doc, 900 + (i * 37 + step) % 400, SQLITE_STATIC);
			run(db, update);
		}
		exec(db, "COMMIT");
	}
	(void)snprintf(name, sizeof(name), "pages of %d bytes", page_bytes);
	report_steps("documents of 4,500 vehicles", name, from);
	(void)sqlite3_finalize(insert);
	(void)sqlite3_finalize(update);
	close_database(db, path);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		bench_layout(&layouts[i]);
	for (int side = 0; side < PLACE_SIDES; side++)
		bench_places((enum place_side)side);
	bench_page_size(4096);
	bench_page_size(8192);
	bench_page_size(16384);
	return 0;
}
