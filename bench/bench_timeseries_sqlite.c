/* Bare SQLite with plain rows, as the least that a store of history does: WAL, synchronous=FULL, transactions of
 * 100,000 points, prepared statements, the key of the rows is series and time. */
#include "bench_timeseries_peer.h"

#include "bench.h"

#include <sqlite3.h>

#define POINTS_A_COMMIT 100000u
#define ASKS 301u
#define WARM_UP_ASKS 5u
#define ASKING_NS_MAX INT64_C(3000000000)
#define MINUTE_S 60

struct layout {
	const char *create, *insert, *day, *hours;
};

/* Meter and field make a series: meter * 4 + field. */
static const struct layout layouts[] = {
	{"CREATE TABLE reading(meter INTEGER, at INTEGER, power REAL, voltage REAL, energy REAL, factor REAL,"
	 " PRIMARY KEY (meter, at)) WITHOUT ROWID",
	 "INSERT INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	 "SELECT json_group_array(json_array(at, power)) FROM reading WHERE meter = ?1 AND at BETWEEN ?2 AND ?3",
	 "SELECT json_group_array(json_array(hour, mean)) FROM (SELECT at / 3600 * 3600 AS hour, avg(power) AS mean"
	 " FROM reading WHERE meter = ?1 AND at BETWEEN ?2 AND ?3 GROUP BY 1)"},
	{"CREATE TABLE point(series INTEGER, at INTEGER, value REAL, PRIMARY KEY (series, at)) WITHOUT ROWID",
	 "INSERT INTO point VALUES (?1, ?2, ?3)",
	 "SELECT json_group_array(json_array(at, value)) FROM point WHERE series = ?1 * 4 AND at BETWEEN ?2 AND ?3",
	 "SELECT json_group_array(json_array(hour, mean)) FROM (SELECT at / 3600 * 3600 AS hour, avg(value) AS mean"
	 " FROM point WHERE series = ?1 * 4 AND at BETWEEN ?2 AND ?3 GROUP BY 1)"},
};

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		peer_fail(sql, sqlite3_errmsg(db));
}

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		peer_fail(path, db ? sqlite3_errmsg(db) : "no memory");
	exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536");
	return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		peer_fail(sql, sqlite3_errmsg(db));
	return stmt;
}

static void run(sqlite3 *db, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE || sqlite3_reset(stmt) != SQLITE_OK)
		peer_fail("running a statement", sqlite3_errmsg(db));
}

static void insert_points(sqlite3 *db, sqlite3_stmt *insert, int64_t meter, int64_t at_s, const double *values)
{
	for (int field = 0; field < (int)METERS_FIELDS; field++) {
		(void)sqlite3_bind_int64(insert, 1, meter * (int)METERS_FIELDS + field);
		(void)sqlite3_bind_int64(insert, 2, at_s);
		(void)sqlite3_bind_double(insert, 3, values[field]);
		run(db, insert);
	}
}

static void insert_row(sqlite3 *db, sqlite3_stmt *insert, int64_t meter, int64_t at_s, const double *values)
{
	(void)sqlite3_bind_int64(insert, 1, meter);
	(void)sqlite3_bind_int64(insert, 2, at_s);
	for (int field = 0; field < (int)METERS_FIELDS; field++)
		(void)sqlite3_bind_double(insert, 3 + field, values[field]);
	run(db, insert);
}

/* Minute by minute, as they come; returns how many points. */
static uint64_t insert_all(sqlite3 *db, int row_a_point, const struct peer_slice *slice, const struct meters *set)
{
	sqlite3_stmt *insert = prepare(db, layouts[row_a_point].insert);
	uint64_t points = 0;

	exec(db, "BEGIN IMMEDIATE");
	for (uint32_t minute = 0; minute < slice->minutes; minute++)
		for (uint32_t meter = 0; meter < slice->meters; meter++) {
			int64_t at_s = slice->start_s + (int64_t)minute * MINUTE_S;
			double values[METERS_FIELDS];

			for (unsigned i = 0; i < METERS_FIELDS; i++)
				values[i] = meters_double(meters_series(set, meter, (enum meters_field)i)[minute],
							  (enum meters_field)i);
			if (row_a_point)
				insert_points(db, insert, slice->first_meter + meter, at_s, values);
			else
				insert_row(db, insert, slice->first_meter + meter, at_s, values);
			points += METERS_FIELDS;
			if (points % POINTS_A_COMMIT == 0)
				exec(db, "COMMIT; BEGIN IMMEDIATE");
		}
	exec(db, "COMMIT");
	(void)sqlite3_finalize(insert);
	return points;
}

void peer_sqlite_fill(const char *path, int row_a_point, const struct peer_slice *slice)
{
	struct meters set = peer_meters(slice);
	double from = peer_cpu_s();
	sqlite3 *db = open_database(path);

	exec(db, layouts[row_a_point].create);
	uint64_t points = insert_all(db, row_a_point, slice, &set);

	exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	printf("%llu %.6f\n", (unsigned long long)points, peer_cpu_s() - from);
	(void)sqlite3_close(db);
	meters_done(&set);
}

void peer_sqlite_add(const char *path, int row_a_point, const struct peer_slice *slice)
{
	struct meters set = peer_meters(slice);
	sqlite3 *db = open_database(path);

	(void)insert_all(db, row_a_point, slice, &set);
	exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	(void)sqlite3_close(db);
	meters_done(&set);
}

void peer_sqlite_ask(const char *path, int row_a_point, int hourly, const struct peer_slice *slice)
{
	const struct layout *layout = &layouts[row_a_point];
	sqlite3 *db = open_database(path);
	sqlite3_stmt *ask = prepare(db, hourly ? layout->hours : layout->day);
	static double ms[ASKS];
	int64_t begin = bench_now_ns();
	size_t count = 0;

	for (uint32_t i = 0; i < ASKS + WARM_UP_ASKS && (!count || bench_now_ns() - begin < ASKING_NS_MAX); i++) {
		int64_t start = bench_now_ns();

		(void)sqlite3_bind_int64(ask, 1, slice->first_meter + i * 811 % slice->meters);
		(void)sqlite3_bind_int64(ask, 2, slice->start_s);
		(void)sqlite3_bind_int64(ask, 3, slice->start_s + ((int64_t)slice->minutes - 1) * MINUTE_S);
		if (sqlite3_step(ask) != SQLITE_ROW || sqlite3_column_bytes(ask, 0) < (int)slice->minutes / MINUTE_S)
			peer_fail("asking", sqlite3_errmsg(db));
		(void)sqlite3_reset(ask);
		if (i >= WARM_UP_ASKS)
			ms[count++] = (double)(bench_now_ns() - start) / 1e6;
	}
	printf("%.6f\n", bench_median(ms, count));
	(void)sqlite3_finalize(ask);
	(void)sqlite3_close(db);
}
