/* Memory of frequencies: a feed of 1,800 trips of 20 stops that leave every 60 s all day, which is 2.6 million runs.
 * Ours imports it and keeps it ready to run; the peer is the same engine given each run as a trip of its own, as a
 * program that expands frequencies would hold it, and only for one hour of the day. Each in a process of its own. */
#include "bench.h"

#include "base/cleanup.h"
#include "base/time_value.h"
#include "broker/broker.h"
#include "feed/gtfs_import.h"
#include "feed/timetable.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIPS 1800
#define STOPS 20
#define HOURS_EXPANDED 1

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_frequencies: %s\n", what);
	exit(EXIT_FAILURE);
}

static FILE *file_in(const char *folder, const char *name)
{
	CLEANUP_MEMORY char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		die("no memory");
	FILE *file = fopen(path, "w");

	if (!file)
		die(path);
	return file;
}

static void put(const char *folder, const char *name, const char *text)
{
	FILE *file = file_in(folder, name);

	(void)fputs(text, file);
	(void)fclose(file);
}

/* A trip's stop times; minute: when it leaves. */
static void put_times(FILE *times, const char *trip, int number, int minute)
{
	for (int i = 0; i < STOPS; i++, minute += 2)
		(void)fprintf(times, "%s,%02d:%02d:00,%02d:%02d:00,s%d,%d\n", trip, minute / 60, minute % 60,
			      minute / 60, minute % 60, (number + i) % 500, i + 1);
}

static void write_feed(const char *folder, bool expanded)
{
	put(folder, "agency.txt", "agency_name,agency_timezone\nA,Etc/UTC\n");
	put(folder, "routes.txt", "route_id,route_type\n1,3\n");
	put(folder, "calendar.txt",
	    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
	    "W,1,1,1,1,1,1,1,20200101,20401231\n");
	FILE *stops = file_in(folder, "stops.txt"), *trips = file_in(folder, "trips.txt");
	FILE *times = file_in(folder, "stop_times.txt");

	(void)fputs("stop_id,stop_name,stop_lat,stop_lon\n", stops);
	for (int i = 0; i < 500; i++)
		(void)fprintf(stops, "s%d,Stop %d,%.6f,%.6f\n", i, i, 1.2 + i % 25 * 0.005, 103.6 + i * 0.001);
	(void)fclose(stops);
	(void)fputs("route_id,service_id,trip_id\n", trips);
	(void)fputs("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n", times);
	for (int t = 0; t < TRIPS; t++) {
		for (int minute = 0; minute < (expanded ? HOURS_EXPANDED * 60 : 1); minute++) {
			char trip[40];

			(void)snprintf(trip, sizeof(trip), "t%d-%d", t, minute);
			(void)fprintf(trips, "1,W,%s\n", trip);
			put_times(times, trip, t, minute);
		}
	}
	(void)fclose(trips);
	(void)fclose(times);
	FILE *frequencies = file_in(folder, "frequencies.txt");

	(void)fputs("trip_id,start_time,end_time,headway_secs,exact_times\n", frequencies);
	for (int t = 0; t < TRIPS && !expanded; t++)
		(void)fprintf(frequencies, "t%d-0,00:00:00,24:00:00,60,1\n", t);
	(void)fclose(frequencies);
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_MEMORY char *name = NULL;

		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			die("no memory");
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			remove_folder(name);
		(void)unlink(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

/* Imports the feed; with vehicles > 0, loads it back and moves that many of its vehicles for a few ticks. */
static void work(const char *folder, const char *feed, bool dry_run)
{
	static struct gtfs_report report;
	struct broker *broker = NULL;
	struct store *store = NULL;
	struct timetable *timetable = NULL;
	struct timetable_stats stats;
	struct error err = {0};
	struct broker_options options = {.data_path = dry_run ? NULL : folder, .create = true};

	if (broker_new(&options, &broker, &err) || broker_tenant(broker, STR_NONE, true, &store, &err))
		die(err.detail);
	gtfs_report_init(&report);
	struct gtfs_import_options import = {.path = feed, .feed = STR("many"), .dry_run = dry_run};

	if (gtfs_import(broker, store, &import, &report, &err))
		die(err.detail);
	struct timetable_options timetable_options = timetable_defaults();

	timetable_options.feed = STR("many");
	if (!time_parse_iso(STR("2026-11-23T08:15:00Z"), false, &timetable_options.start_us))
		die("no time");
	if (!dry_run && timetable_start(broker, &timetable_options, &timetable, &err))
		die(err.detail);
	for (int i = 0; i < 600 && timetable; i++) {
		timetable_stats(timetable, &stats);
		if (stats.ticks >= 2)
			break;
		(void)usleep(100000);
	}
	/* 38 minutes at one a minute for each trip: 68,400 runs are under way, of which 20,000 are moved. */
	if (timetable && (stats.vehicles != 20000 || stats.vehicles_refused != 48400))
		die("the vehicles are not as many as they should be");
	(void)timetable_stop(timetable);
	gtfs_report_done(&report);
	(void)broker_free(broker);
}

/* The most memory that the work had, in MB. */
static double memory_of(bool expanded)
{
	char folder[] = "/tmp/machi-bench-XXXXXX";
	CLEANUP_MEMORY char *feed = NULL;
	struct rusage usage;
	int status = 0;

	if (!mkdtemp(folder) || asprintf(&feed, "%s.feed", folder) < 0)
		die("no folder");
	char *made = feed;

	if (mkdir(made, 0700) != 0)
		die("no folder");
	write_feed(feed, expanded);
	pid_t child = fork();

	if (child < 0)
		die("no process");
	if (child == 0) {
		work(folder, feed, expanded);
		exit(EXIT_SUCCESS);
	}
	if (wait4(child, &status, 0, &usage) != child || status != 0)
		die("the work failed");
	remove_folder(feed);
	remove_folder(folder);
	return (double)usage.ru_maxrss * 1024 / 1e6;
}

int main(void)
{
	static const char what[] = "GTFS with frequencies, 1,800 trips every 60 s all day";
	double ours[3], peer[1];

	for (size_t i = 0; i < 3; i++)
		ours[i] = memory_of(false);
	peer[0] = memory_of(true);
	bench_report_rounds(what, "ours: imported, loaded, 20,000 vehicles moving", ours, 3, "MB RSS");
	bench_report_rounds(what, "expanded: one hour of it, only read and checked", peer, 1, "MB RSS");
	return EXIT_SUCCESS;
}
