/* GTFS import: rows a second into a fresh database, durable, to queryable entities; beside it the same rows through
 * python3's csv and sqlite3 into plain tables (one transaction, synchronous=FULL), and reading and checking alone. */
#include "bench.h"

#include "base/cleanup.h"
#include "broker/broker.h"
#include "feed/gtfs_import.h"
#include "peer.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 5u

/* Prints the rows and the seconds between the first byte read and the commit. */
static const char peer_text[] =
	"import csv, io, sqlite3, sys, time, zipfile\n"
	"start = time.monotonic()\n"
	"db = sqlite3.connect(sys.argv[2])\n"
	"db.execute('PRAGMA journal_mode=WAL')\n"
	"db.execute('PRAGMA synchronous=FULL')\n"
	"rows = 0\n"
	"with zipfile.ZipFile(sys.argv[1]) as feed:\n"
	"    for name in feed.namelist():\n"
	"        if not name.endswith('.txt'):\n"
	"            continue\n"
	"        reader = csv.reader(io.TextIOWrapper(feed.open(name), 'utf-8-sig', newline=''))\n"
	"        columns = next(reader)\n"
	"        table = name.rsplit('/')[-1][:-4]\n"
	"        db.execute('CREATE TABLE %s(%s)' % (table, ','.join('\"%s\"' % c for c in columns)))\n"
	"        n = len(columns)\n"
	"        good = [(r + [''] * n)[:n] for r in reader if r]\n"
	"        db.executemany('INSERT INTO %s VALUES (%s)' % (table, ','.join('?' * n)), good)\n"
	"        rows += len(good)\n"
	"db.commit()\n"
	"print(rows, time.monotonic() - start)\n";

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_gtfs_import: %s\n", what);
	exit(EXIT_FAILURE);
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_MEMORY char *name = NULL;

		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			die("no memory");
		(void)unlink(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

/* Rows a second of one import into a new folder. */
static double run_ours(const char *zip, bool dry_run, uint64_t *ret_rows)
{
	static struct gtfs_report report;
	char folder[] = "/tmp/machi-bench-XXXXXX";
	struct broker *broker = NULL;
	struct store *store = NULL;
	struct error err = {0};

	if (!mkdtemp(folder))
		die("no folder");
	struct broker_options options = {.data_path = folder, .create = true};

	if (broker_new(&options, &broker, &err) || broker_tenant(broker, STR_NONE, true, &store, &err))
		die(err.detail);
	gtfs_report_init(&report);
	struct gtfs_import_options import = {.path = zip, .feed = STR("bench"), .dry_run = dry_run};
	int64_t start = bench_now_ns();

	if (gtfs_import(broker, store, &import, &report, &err))
		die(err.detail);
	double seconds = (double)(bench_now_ns() - start) / 1e9;
	struct store_stats stats;

	if (store_stats(store, &stats, &err) || (!dry_run && stats.entities != report.entities))
		die("not all entities are there");
	*ret_rows = report.rows;
	gtfs_report_done(&report);
	(void)broker_free(broker);
	remove_folder(folder);
	return (double)*ret_rows / seconds;
}

static double run_peer(const char *zip, uint64_t rows)
{
	char folder[] = "/tmp/machi-bench-XXXXXX", out[200];
	CLEANUP_MEMORY char *script = NULL, *database = NULL;
	uint64_t done = 0;
	double seconds = 0;

	if (!mkdtemp(folder) || asprintf(&script, "%s/peer.py", folder) < 0 ||
	    asprintf(&database, "%s/peer.db", folder) < 0)
		die("no folder");
	FILE *file = fopen(script, "w");

	if (!file || fputs(peer_text, file) < 0 || fclose(file) != 0)
		die("no peer's script");
	const char *argv[] = {"python3", script, zip, database, NULL};

	peer_figures(peer_run(argv, out, sizeof(out)), &done, &seconds);
	if (done < rows / 100 * 99)
		die("the peer did not do its work");
	remove_folder(folder);
	return (double)done / seconds;
}

static void bench_feed(const char *name, const char *zip)
{
	double ours[ROUNDS], peer[ROUNDS], limit[ROUNDS];
	uint64_t rows = 0;
	char what[200];

	for (size_t round = 0; round < ROUNDS; round++) {
		ours[round] = run_ours(zip, false, &rows);
		peer[round] = run_peer(zip, rows);
		limit[round] = run_ours(zip, true, &rows);
	}
	(void)snprintf(what, sizeof(what), "GTFS import, %s, %llu rows, durable", name, (unsigned long long)rows);
	bench_report_rounds(what, "ours", ours, ROUNDS, "rows/s");
	bench_report_rounds(what, "python3 csv + sqlite3, plain tables", peer, ROUNDS, "rows/s");
	bench_report_rounds(what, "limit: reading and checking alone", limit, ROUNDS, "rows/s");
}

int main(int argc, char **argv)
{
	CLEANUP_MEMORY char *singapore = NULL, *bogor = NULL;
	const char *root = argc > 1 ? argv[1] : ".";

	if (asprintf(&singapore, "%s/data/singapore/gtfs.zip", root) < 0 ||
	    asprintf(&bogor, "%s/../shared/data/gtfs/bogor.zip", root) < 0)
		die("no memory");
	bench_feed("Singapore", singapore);
	if (access(bogor, R_OK) == 0)
		bench_feed("Bogor", bogor);
	else
		bench_note("the feed of Bogor is not there and was left out");
	return EXIT_SUCCESS;
}
