/* GTFS feeds out of their entities: importing what was exported changes nothing, in any feed that is at hand; the rows
 * of the tiny feed are checked by hand against its files and the format (gtfs.org, RFC 4180); the same entities give
 * the same bytes. tests/scenario/gtfs_realtime.py has other programs read the zip. */
#include "feed/gtfs_export.h"
#include "feed/gtfs_source.h"
#include "gtfs_util.h"

#define ZIP_BYTES_MAX ((size_t)256 << 20)

static struct gtfs_report report; /* too large for a stack */

static enum err_code export(struct gtfs_test *test, const char *feed, struct buf *zip, struct error *err) {
	struct store_reader *reader = NULL; enum err_code code = store_reader_new(test->store, &reader, err);

	if (!code) code = gtfs_export(reader, str_from(feed), NULL, zip, err);
	(void)store_reader_free(reader);
	return code;
}

/* The path of the bytes in the test's folder. */
static const char *save(struct gtfs_test *test, const struct buf *zip, char path[static 128])
{
	write_file(test->folder, "feed.zip", buf_str(zip));
	(void)snprintf(path, 128, "%s/feed.zip", test->folder);
	return path;
}

/* Imported, exported, imported: the same entities; and in a store of its own the same bytes. */
static void check_round_trip(const char *path)
{
	struct gtfs_test test, other;
	struct error err = {0};
	struct buf zip, again;
	char file[128];

	buf_init(&zip, ZIP_BYTES_MAX);
	buf_init(&again, ZIP_BYTES_MAX);
	gtfs_test_open(&test, NULL);
	gtfs_test_open(&other, NULL);
	CHECK_OK(import_path(&test, path ? path : test.feed, "town", &report, &err), &err);
	uint64_t entities = report.entities;

	gtfs_report_done(&report);
	CHECK_OK(export(&test, "town", &zip, &err), &err);
	CHECK_OK(import_path(&test, save(&test, &zip, file), "town", &report, &err), &err);
	CHECK(report.unchanged == entities && report.created == 0 && report.changed == 0 && report.deleted == 0);
	for (size_t i = 0; i < report.file_count; i++)
		CHECK(report.files[i].skipped == 0);
	for (size_t i = 0; i < report.finding_count; i++)
		printf("# %s:%d: %.*s\n", report.findings[i].file, (int)report.findings[i].line,
		       STR_FMT(report.findings[i].what));
	gtfs_report_done(&report);
	CHECK_OK(import_path(&other, file, "town", &report, &err), &err);
	CHECK(report.created == entities);
	gtfs_report_done(&report);
	CHECK_OK(export(&other, "town", &again, &err), &err);
	CHECK_STR(buf_str(&again), buf_str(&zip));
	gtfs_test_close(&other);
	gtfs_test_close(&test);
	buf_done(&again);
	buf_done(&zip);
}

static void importing_what_was_exported_changes_nothing(void)
{
	char path[400];

	check_round_trip(NULL);
	(void)snprintf(path, sizeof(path), "%s/data/singapore/gtfs.zip", source_root());
	if (access(path, R_OK) == 0)
		check_round_trip(path);
	else
		printf("# SKIPPED: %s is not there\n", path);
	(void)snprintf(path, sizeof(path), "%s/../shared/data/gtfs/bogor.zip", source_root());
	if (access(path, R_OK) == 0)
		check_round_trip(path);
	else
		printf("# SKIPPED: %s is not there\n", path);
}

/* ---- rows ---- */

static enum err_code take(void *self, struct str chunk, struct error *err)
{
	(void)err;
	buf_put(self, chunk);
	return ERR_OK;
}

static void check_file(struct gtfs_source *source, const char *name, const char *expected)
{
	struct error err = {0};
	struct buf text;

	buf_init(&text, 1u << 20);
	if (CHECK_OK(gtfs_source_read(source, name, take, &text, &err), &err))
		CHECK_STR(buf_str(&text), str_from(expected));
	buf_done(&text);
}

static void the_rows_are_those_of_the_format(void)
{
	struct gtfs_source *source = NULL;
	struct gtfs_test test;
	struct error err = {0};
	struct buf zip;

	buf_init(&zip, ZIP_BYTES_MAX);
	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	CHECK_OK(export(&test, "tiny", &zip, &err), &err);
	CHECK_OK(gtfs_source_open_bytes(buf_str(&zip), "the zip", &source, &err), &err);
	check_file(source, "agency.txt",
		   "agency_id,agency_name,agency_url,agency_timezone,agency_lang,agency_phone,agency_fare_url,"
		   "agency_email\r\nTB,\"Town \"\"Blue\"\" Buses\",https://buses.example/,Etc/UTC,en,,,\r\n");
	/* A stop that a station lies in, one with a line end in its name, one with an odd id. */
	check_file(source, "stops.txt",
		   "stop_id,stop_code,stop_name,stop_desc,stop_lat,stop_lon,zone_id,stop_url,location_type,"
		   "parent_station,stop_timezone,wheelchair_boarding,platform_code\r\n"
		   "p,100,\"Place, old\",,0,0,,,,,,1,\r\n"
		   "q,,\"Quay\nnorth\",,0,0.01,,,,hub,,,\r\n"
		   "r,,Ring,,0,0.02,,,,,,2,\r\n"
		   "s,,Café 町,,0,0.04,,,,,,,\r\n"
		   "a b/c?,,Odd id,,0.001,0.02,,,,,,,\r\n"
		   "hub,,Hub,,0,0.01,,,1,,,,\r\n");
	check_file(source, "calendar.txt",
		   "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\r\n"
		   "W,1,1,1,1,1,0,0,20240101,20241231\r\n");
	check_file(source, "calendar_dates.txt", "service_id,date,exception_type\r\nW,20240603,2\r\nX,20240608,1\r\n");
	/* r lies a third of the way from q, left at 8:11, to s, reached at 8:40: 580 s of 1,740 s. */
	check_file(source, "stop_times.txt",
		   "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,pickup_type,drop_off_type,"
		   "shape_dist_traveled,timepoint\r\n"
		   "plain,08:00:00,08:00:00,p,1,,,,,1\r\n"
		   "plain,08:10:00,08:11:00,q,2,,,,,1\r\n"
		   "plain,08:20:40,08:20:40,r,3,via ring,,,,0\r\n"
		   "plain,08:40:00,08:40:00,s,4,,,,,1\r\n"
		   "often,00:00:00,00:00:00,s,10,,,,,\r\n"
		   "often,00:20:00,00:20:00,p,20,,,,,\r\n"
		   "night,25:10:00,25:10:00,p,1,,,,,\r\n"
		   "night,25:40:00,25:40:00,s,2,,,,,\r\n"
		   "odd id/1,10:00:00,10:00:00,p,1,,,,,\r\n"
		   "odd id/1,10:30:00,10:30:00,a b/c?,2,,,,,\r\n");
	check_file(source, "frequencies.txt",
		   "trip_id,start_time,end_time,headway_secs,exact_times\r\noften,06:00:00,09:00:00,600,0\r\n");
	(void)gtfs_source_free(source);
	gtfs_test_close(&test);
	buf_done(&zip);
}

static void what_is_not_there_or_too_large_is_refused(void)
{
	struct gtfs_test test;
	struct error err = {0};
	struct buf zip;

	buf_init(&zip, 512);
	gtfs_test_open(&test, NULL);
	CHECK(export(&test, "tiny", &zip, &err) == ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), STR("no GTFS feed \"tiny\" was imported")));
	CHECK(export(&test, "no/name", &zip, &err) == ERR_INVALID);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	buf_clear(&zip);
	CHECK(export(&test, "tiny", &zip, &err) == ERR_LIMIT);
	gtfs_test_close(&test);
	buf_done(&zip);
}

int main(void)
{
	RUN(importing_what_was_exported_changes_nothing);
	RUN(the_rows_are_those_of_the_format);
	RUN(what_is_not_there_or_too_large_is_refused);
	return check_done();
}
