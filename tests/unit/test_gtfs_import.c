/* The import of GTFS feeds. Expected counts and entities of the tiny feed (tests/data/gtfs-tiny) are made by hand from
 * its rows; that a document is what a client's entity would become is checked by sending it through the API's own way
 * (representation and expansion). Real feeds are tried where they are at hand. */
#include "gtfs_util.h"

#include "ngsild/expand.h"
#include "ngsild/represent.h"

#include <archive.h>
#include <archive_entry.h>

#define TINY_ENTITIES 27u

static struct gtfs_report report; /* too large for a stack */

static uint64_t skipped_in(const char *file)
{
	for (size_t i = 0; i < report.file_count; i++)
		if (strcmp(report.files[i].file, file) == 0) {
			CHECK(report.files[i].taken + report.files[i].skipped == report.files[i].rows);
			return report.files[i].skipped;
		}
	return 0;
}

static bool has_finding(const char *file, uint64_t line, const char *part)
{
	for (size_t i = 0; i < report.finding_count; i++)
		if (strcmp(report.findings[i].file, file) == 0 && report.findings[i].line == line &&
		    str_contains(report.findings[i].what, str_from(part)))
			return true;
	printf("# no finding %s:%d with \"%s\"\n", file, (int)line, part);
	return false;
}

static struct json *retrieve(struct gtfs_test *test, const char *id)
{
	struct json *entity = NULL;
	struct error err = {0};

	if (!CHECK_OK(broker_retrieve(test->reader, STR_NONE, str_from(id), &test->arena, &entity, &err), &err))
		printf("# %s\n", id);
	return entity;
}

static struct str represented(struct gtfs_test *test, const struct json *entity, enum represent_format format,
			      struct buf *out)
{
	struct represent_options options = {.context = broker_core_context(test->broker), .format = format};
	struct error err = {0};

	buf_init(out, 1u << 24);
	CHECK_OK(represent_entity(out, &test->arena, entity, &options, &err), &err);
	return buf_str(out);
}

/* The entity, simplified, says just this. */
static void check_entity(struct gtfs_test *test, const char *id, const char *expected)
{
	struct json *entity = retrieve(test, id), *ours = NULL, *theirs = NULL;
	struct error err = {0};
	struct buf out;

	if (!entity)
		return;
	struct str text = represented(test, entity, REPRESENT_SIMPLIFIED, &out);
	struct json_parser *parser = broker_reader_parser(test->reader);

	CHECK_OK(json_parse(parser, &test->arena, text, NULL, &ours, &err), &err);
	if (CHECK_OK(json_parse(parser, &test->arena, str_from(expected), NULL, &theirs, &err), &err) &&
	    !json_equal(ours, theirs))
		CHECK_STR(text, str_from(expected));
	buf_done(&out);
}

static void the_tiny_feed_gives_these_entities(void)
{
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	CHECK(report.entities == TINY_ENTITIES && report.created == TINY_ENTITIES);
	CHECK(count_entities(&test) == TINY_ENTITIES);
	check_entity(&test, "urn:ngsi-ld:GtfsAgency:tiny:TB",
		     "{\"id\":\"urn:ngsi-ld:GtfsAgency:tiny:TB\",\"type\":\"GtfsAgency\",\"name\":\"Town \\\"Blue\\\" "
		     "Buses\","
		     "\"source\":\"https://buses.example/\",\"page\":\"https://buses.example/\","
		     "\"timezone\":\"Etc/UTC\",\"language\":\"en\"}");
	check_entity(&test, "urn:ngsi-ld:GtfsStop:tiny:q",
		     "{\"id\":\"urn:ngsi-ld:GtfsStop:tiny:q\",\"type\":\"GtfsStop\",\"name\":\"Quay\\nnorth\","
		     "\"location\":{\"type\":\"Point\",\"coordinates\":[0.01,0]},"
		     "\"hasParentStation\":\"urn:ngsi-ld:GtfsStation:tiny:hub\","
		     "\"operatedBy\":\"urn:ngsi-ld:GtfsAgency:tiny:TB\"}");
	check_entity(&test, "urn:ngsi-ld:GtfsTrip:tiny:plain",
		     "{\"id\":\"urn:ngsi-ld:GtfsTrip:tiny:plain\",\"type\":\"GtfsTrip\","
		     "\"hasRoute\":\"urn:ngsi-ld:GtfsRoute:tiny:1\",\"hasService\":\"urn:ngsi-ld:GtfsService:tiny:W\","
		     "\"hasShape\":\"urn:ngsi-ld:GtfsShape:tiny:l\",\"headSign\":\"Café 町\",\"direction\":0}");
	/* r lies a third of the way from q (08:11) to s (08:40): 9 min 40 s. */
	check_entity(&test, "urn:ngsi-ld:GtfsStopTime:tiny:plain",
		     "{\"id\":\"urn:ngsi-ld:GtfsStopTime:tiny:plain\",\"type\":\"GtfsStopTime\","
		     "\"hasTrip\":\"urn:ngsi-ld:GtfsTrip:tiny:plain\","
		     "\"hasStop\":[\"urn:ngsi-ld:GtfsStop:tiny:p\",\"urn:ngsi-ld:GtfsStop:tiny:q\","
		     "\"urn:ngsi-ld:GtfsStop:tiny:r\",\"urn:ngsi-ld:GtfsStop:tiny:s\"],\"stopSequence\":[1,2,3,4],"
		     "\"arrivalTime\":[\"08:00:00\",\"08:10:00\",\"08:20:40\",\"08:40:00\"],"
		     "\"departureTime\":[\"08:00:00\",\"08:11:00\",\"08:20:40\",\"08:40:00\"],"
		     "\"stopHeadsign\":[\"\",\"\",\"via ring\",\"\"],\"timepoint\":[1,1,0,1]}");
	check_entity(
		&test, "urn:ngsi-ld:GtfsFrequency:tiny:often:06:00:00",
		"{\"id\":\"urn:ngsi-ld:GtfsFrequency:tiny:often:06:00:00\",\"type\":\"GtfsFrequency\","
		"\"hasTrip\":\"urn:ngsi-ld:GtfsTrip:tiny:often\",\"startTime\":\"06:00:00\",\"endTime\":\"09:00:00\","
		"\"headwaySeconds\":600,\"exactTimes\":false}");
	check_entity(
		&test, "urn:ngsi-ld:GtfsShape:tiny:l",
		"{\"id\":\"urn:ngsi-ld:GtfsShape:tiny:l\",\"type\":\"GtfsShape\",\"location\":{\"type\":\"LineString\","
		"\"coordinates\":[[0,0],[0.02,0],[0.04,0]]}}");
	check_entity(&test, "urn:ngsi-ld:GtfsCalendarDateRule:tiny:X:20240608",
		     "{\"id\":\"urn:ngsi-ld:GtfsCalendarDateRule:tiny:X:20240608\",\"type\":\"GtfsCalendarDateRule\","
		     "\"hasService\":\"urn:ngsi-ld:GtfsService:tiny:X\",\"appliesOn\":\"2024-06-08\",\"exceptionType\":"
		     "\"1\"}");
	check_entity(&test, "urn:ngsi-ld:GtfsTransferRule:tiny:p~q",
		     "{\"id\":\"urn:ngsi-ld:GtfsTransferRule:tiny:p~q\",\"type\":\"GtfsTransferRule\","
		     "\"hasOrigin\":\"urn:ngsi-ld:GtfsStop:tiny:p\",\"hasDestination\":\"urn:ngsi-ld:GtfsStop:tiny:q\","
		     "\"transferType\":2,\"minimumTransferTime\":120}");
	/* What a URN cannot hold is escaped. */
	CHECK(retrieve(&test, "urn:ngsi-ld:GtfsStop:tiny:a%20b%2Fc%3F"));
	CHECK(retrieve(&test, "urn:ngsi-ld:GtfsStopTime:tiny:odd%20id%2F1"));
	gtfs_report_done(&report);
	gtfs_test_close(&test);
}

static void bad_rows_are_reported_by_file_line_and_reason(void)
{
	struct gtfs_test test;
	struct error err = {0};
	struct buf text;

	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	CHECK(skipped_in("stops.txt") == 1 && skipped_in("routes.txt") == 1 && skipped_in("trips.txt") == 2);
	CHECK(skipped_in("calendar_dates.txt") == 1 && skipped_in("stop_times.txt") == 4);
	CHECK(skipped_in("frequencies.txt") == 1 && skipped_in("transfers.txt") == 1 && skipped_in("agency.txt") == 0);
	CHECK(has_finding("stops.txt", 8, "latitude")); /* line 3 goes over two */
	CHECK(has_finding("stops.txt", 6, "parent_station"));
	CHECK(has_finding("stop_times.txt", 13, "\"xx\" is no time"));
	CHECK(has_finding("stop_times.txt", 14, "nosuch"));
	CHECK(has_finding("stop_times.txt", 15, "closing quote"));
	CHECK(has_finding("trips.txt", 5, "fewer than two stops"));
	CHECK(has_finding("levels.txt", 0, "not read"));
	buf_init(&text, 1u << 20);
	gtfs_report_write(&report, &text);
	CHECK(str_contains(buf_str(&text), STR("stop_times.txt:13: skipped: ")));
	buf_done(&text);
	gtfs_report_done(&report);
	gtfs_test_close(&test);
}

struct each {
	struct gtfs_test *test;
	unsigned checked;
};

/* Sends the document out as a client would get it, and in again as a client would send it. */
static bool check_expansion(void *self, const struct json *entity)
{
	struct each *each = self;
	struct json *body = NULL, *again = NULL;
	struct error err = {0};
	struct buf out;
	struct expand_options options = {.context = broker_core_context(each->test->broker),
					 .now_us = document_created_us(entity)};
	struct json *copy = json_dup(&each->test->arena, entity);
	struct str text = represented(each->test, copy, REPRESENT_NORMALIZED, &out);
	struct json_parser *parser = json_parser_new();

	CHECK_OK(json_parse(parser, &each->test->arena, text, NULL, &body, &err), &err);
	CHECK_OK(expand_entity(&each->test->arena, body, &options, &again, &err), &err);
	if (!json_equal(copy, again)) {
		struct buf a, b;

		buf_init(&a, 1u << 20);
		buf_init(&b, 1u << 20);
		json_write(&a, copy);
		json_write(&b, again);
		CHECK_STR(buf_str(&a), buf_str(&b));
		buf_done(&a);
		buf_done(&b);
	}
	each->checked++;
	(void)json_parser_free(parser);
	buf_done(&out);
	return true;
}

static void documents_are_what_expansion_would_make_of_them(void)
{
	struct query_text text = {.id_pattern = STR("^urn:ngsi-ld:Gtfs.*")};
	struct broker_page page = {.limit = 1000};
	struct broker_page_result result;
	struct query *query = NULL;
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	struct each each = {&test, 0};

	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	CHECK_OK(query_new(&test.arena, broker_reader_parser(test.reader), &text, broker_core_context(test.broker),
			   &query, &err),
		 &err);
	CHECK_OK(broker_query(test.reader, STR_NONE, query, &page, check_expansion, &each, &result, &err), &err);
	CHECK(each.checked == TINY_ENTITIES);
	query_done(query);
	gtfs_report_done(&report);
	gtfs_test_close(&test);
}

static void an_import_that_says_the_same_changes_nothing(void)
{
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	struct store_stats before = {0}, after = {0};

	CHECK_OK(store_stats(test.store, &before, &err), &err);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	CHECK(report.unchanged == TINY_ENTITIES && report.created + report.changed + report.deleted == 0);
	CHECK_OK(store_stats(test.store, &after, &err), &err);
	CHECK(after.history_rows == 0 && before.history_rows == 0); /* static data leaves no history */
	gtfs_report_done(&report);
	gtfs_test_close(&test);
}

static void an_import_changes_what_changed_and_deletes_what_vanished(void)
{
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	CHECK_OK(import_path(&test, test.feed, "other", &report, &err), &err);
	gtfs_report_done(&report);
	CHECK(count_entities(&test) == 2 * TINY_ENTITIES);
	edit_file(test.feed, "stops.txt", "r,Ring,", "r,Ring road,");
	edit_file(test.feed, "frequencies.txt", "often,06:00:00,09:00:00,600,0", "often,06:30:00,09:00:00,600,0");
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	CHECK(report.changed == 1 && report.created == 1 && report.deleted == 1);
	CHECK(report.unchanged == TINY_ENTITIES - 2);
	CHECK(count_entities(&test) == 2 * TINY_ENTITIES); /* the other feed stays as it is */
	check_entity(&test, "urn:ngsi-ld:GtfsStop:tiny:r",
		     "{\"id\":\"urn:ngsi-ld:GtfsStop:tiny:r\",\"type\":\"GtfsStop\",\"name\":\"Ring road\","
		     "\"location\":{\"type\":\"Point\",\"coordinates\":[0.02,0]},\"wheelChairAccessible\":2,"
		     "\"operatedBy\":\"urn:ngsi-ld:GtfsAgency:tiny:TB\"}");
	gtfs_report_done(&report);
	uint64_t deleted = 0;

	CHECK_OK(gtfs_remove(test.broker, test.store, STR("tiny"), &deleted, &err), &err);
	CHECK(deleted == TINY_ENTITIES && count_entities(&test) == TINY_ENTITIES);
	gtfs_test_close(&test);
}

static void what_is_no_feed_leaves_the_store_as_it_was(void)
{
	struct gtfs_test test;
	struct error err = {0};
	char path[200];

	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, test.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	(void)snprintf(path, sizeof(path), "%s/trips.txt", test.feed);
	write_file(test.feed, "trips.txt", STR("route_id,service_id,trip_id\n"));
	CHECK(import_path(&test, test.feed, "tiny", &report, &err) == ERR_INVALID); /* nothing can run */
	gtfs_report_done(&report);
	(void)unlink(path);
	CHECK(import_path(&test, test.feed, "tiny", &report, &err) == ERR_INVALID);
	CHECK(str_contains(str_from(err.detail), STR("trips.txt is missing")));
	gtfs_report_done(&report);
	CHECK(import_path(&test, "/nowhere/at/all", "tiny", &report, &err) == ERR_NOT_FOUND);
	gtfs_report_done(&report);
	CHECK(import_path(&test, "https://feeds.example/x.zip", "tiny", &report, &err) == ERR_UNSUPPORTED);
	gtfs_report_done(&report);
	CHECK(import_path(&test, test.feed, "ti:ny", &report, &err) == ERR_INVALID);
	gtfs_report_done(&report);
	(void)snprintf(path, sizeof(path), "%s/stops.txt", test.feed);
	CHECK(import_path(&test, path, "tiny", &report, &err) == ERR_CORRUPT); /* a file that is no zip */
	gtfs_report_done(&report);
	CHECK(count_entities(&test) == TINY_ENTITIES);
	gtfs_test_close(&test);
}

static enum err_code fetch_file(void *self, const char *url, struct buf *body, struct error *err)
{
	(void)err;
	CHECK(strcmp(url, "https://feeds.example/sg.zip") == 0);
	char folder[400];

	(void)snprintf(folder, sizeof(folder), "%s/data/singapore", source_root());
	(void)read_file(folder, "gtfs.zip", body);
	*(bool *)self = true;
	return ERR_OK;
}

static void a_real_zip_comes_in_whole_from_disk_and_from_a_url(void)
{
	struct gtfs_test test;
	struct error err = {0};
	bool fetched = false;
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/data/singapore/gtfs.zip", source_root());
	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, path, "singapore", &report, &err), &err);
	/* wc -l of the files, less their headers; awk for trips without stop times and headways of 0. */
	CHECK(report.rows == 104348 && skipped_in("trips.txt") == 12 && skipped_in("frequencies.txt") == 3);
	CHECK(skipped_in("stops.txt") + skipped_in("shapes.txt") + skipped_in("stop_times.txt") == 0);
	uint64_t entities = report.entities;

	gtfs_report_done(&report);
	gtfs_report_init(&report);
	CHECK_OK(gtfs_import(test.broker, test.store,
			     &(struct gtfs_import_options){.path = "https://feeds.example/sg.zip",
							   .feed = STR("singapore"),
							   .fetch = fetch_file,
							   .fetch_self = &fetched},
			     &report, &err),
		 &err);
	CHECK(fetched && report.unchanged == entities && report.changed + report.created + report.deleted == 0);
	gtfs_report_done(&report);
	/* Bytes lost at the end or within leave the store as it was. */
	struct buf zip;

	buf_init(&zip, 1u << 24);
	(void)snprintf(path, sizeof(path), "%s/data/singapore", source_root());
	(void)read_file(path, "gtfs.zip", &zip);
	write_file(test.folder, "cut.zip", str_part(buf_str(&zip), 0, zip.len / 2));
	memset(zip.at + zip.len / 3, 0, 1000);
	write_file(test.folder, "hurt.zip", buf_str(&zip));
	buf_done(&zip);
	(void)snprintf(path, sizeof(path), "%s/cut.zip", test.folder);
	CHECK(import_path(&test, path, "singapore", &report, &err) == ERR_CORRUPT);
	gtfs_report_done(&report);
	(void)snprintf(path, sizeof(path), "%s/hurt.zip", test.folder);
	CHECK(import_path(&test, path, "singapore", &report, &err) == ERR_CORRUPT);
	gtfs_report_done(&report);
	CHECK(count_entities(&test) == entities);
	gtfs_test_close(&test);
}

/* Adds a file to a zip under way: the text, so many times. */
static void zip_file(struct archive *zip, const char *path, struct str text, size_t times)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_size(entry, (la_int64_t)(text.len * times));
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	CHECK(archive_write_header(zip, entry) == ARCHIVE_OK);
	for (size_t i = 0; i < times; i++)
		CHECK(archive_write_data(zip, text.at, text.len) == (la_ssize_t)text.len);
	archive_entry_free(entry);
}

/* Zips the tiny feed's files below a prefix; agency.txt as given when times is not 0. */
static void zip_tiny(const struct gtfs_test *test, const char *to, const char *prefix, struct str agency, size_t times)
{
	struct archive *zip = archive_write_new();
	DIR *dir = opendir(test->feed);

	CHECK(archive_write_set_format_zip(zip) == ARCHIVE_OK && archive_write_open_filename(zip, to) == ARCHIVE_OK);
	zip_file(zip, "__MACOSX/feed/._stops.txt", STR("shadow"), 1);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char path[400];
		struct buf buf;

		if (entry->d_name[0] == '.')
			continue;
		buf_init(&buf, 1u << 20);
		struct str text = read_file(test->feed, entry->d_name, &buf);
		bool replaced = times && strcmp(entry->d_name, "agency.txt") == 0;

		(void)snprintf(path, sizeof(path), "%s%s", prefix, entry->d_name);
		zip_file(zip, path, replaced ? agency : text, replaced ? times : 1);
		buf_done(&buf);
	}
	(void)closedir(dir);
	CHECK(archive_write_close(zip) == ARCHIVE_OK);
	(void)archive_write_free(zip);
}

static void odd_and_evil_zips_are_understood_or_refused(void)
{
	static char much[65536];
	struct gtfs_test test;
	struct error err = {0};
	char path[200];

	gtfs_test_open(&test, NULL);
	(void)snprintf(path, sizeof(path), "%s/test.zip", test.folder);
	zip_tiny(&test, path, "../../feed/", STR_NONE, 0); /* below a folder, with names that would lead elsewhere */
	CHECK_OK(import_path(&test, path, "tiny", &report, &err), &err);
	CHECK(report.entities == TINY_ENTITIES);
	gtfs_report_done(&report);
	memset(much, '\n', sizeof(much));
	zip_tiny(&test, path, "", (struct str){much, sizeof(much)}, 1000); /* 65 MB out of some 64 KB */
	CHECK(import_path(&test, path, "tiny", &report, &err) == ERR_LIMIT);
	CHECK(str_contains(str_from(err.detail), STR("200 times its size")));
	gtfs_report_done(&report);
	CHECK(count_entities(&test) == TINY_ENTITIES);
	gtfs_test_close(&test);
}

static void bogor_comes_in_with_its_quirks(void)
{
	struct gtfs_test test;
	struct error err = {0};
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/../shared/data/gtfs/bogor.zip", source_root());
	if (access(path, R_OK) != 0) {
		printf("# SKIPPED: %s is not there\n", path);
		return;
	}
	gtfs_test_open(&test, NULL);
	CHECK_OK(import_path(&test, path, "bogor", &report, &err), &err);
	CHECK(report.rows == 177130 && skipped_in("stop_times.txt") == 0);
	CHECK(skipped_in("frequencies.txt") == 24); /* they name trips that are not there */
	gtfs_report_done(&report);
	gtfs_test_close(&test);
}

int main(void)
{
	RUN(the_tiny_feed_gives_these_entities);
	RUN(bad_rows_are_reported_by_file_line_and_reason);
	RUN(documents_are_what_expansion_would_make_of_them);
	RUN(an_import_that_says_the_same_changes_nothing);
	RUN(an_import_changes_what_changed_and_deletes_what_vanished);
	RUN(what_is_no_feed_leaves_the_store_as_it_was);
	RUN(a_real_zip_comes_in_whole_from_disk_and_from_a_url);
	RUN(odd_and_evil_zips_are_understood_or_refused);
	RUN(bogor_comes_in_with_its_quirks);
	return check_done();
}
