/* Tables into a store in memory: what comes out is asked of the broker, as a client would. Expected values are read
 * off the tables below. */
#include "check.h"
#include "feed/csv_import.h"

#include <string.h>
#include <unistd.h>

static struct broker *broker;
static struct store *store;
static struct arena arena;
static struct error err;
static int64_t clock_now_us;

static int64_t fake_clock(void)
{
	return clock_now_us;
}

static void city_begins(void)
{
	struct broker_options options = {.create = true, .clock_us = fake_clock};

	clock_now_us = INT64_C(1543924800000000);
	CHECK_OK(broker_new(&options, &broker, &err), &err);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
}

static void city_ends(void)
{
	broker = broker_free(broker);
	store = NULL;
}

static enum err_code import(const char *map, const char *table, struct csv_import_report *report)
{
	char path[] = "/tmp/machi-csv-XXXXXX";
	struct mapping *mapping = NULL;
	int fd = mkstemp(path);

	csv_import_report_init(report);
	CHECK(fd >= 0 && write(fd, table, strlen(table)) == (ssize_t)strlen(table));
	enum err_code code = mapping_parse(STR("m.yaml"), str_from(map), &mapping, &err);

	if (CHECK_OK(code, &err)) {
		struct csv_import_options options = {.path = path, .mapping = mapping};

		code = csv_import(broker, store, &options, report, &err);
	}
	(void)mapping_free(mapping);
	(void)close(fd);
	(void)unlink(path);
	clock_now_us += 60000000;
	return code;
}

/* The simplified entity as text; "" when it is not there. */
static struct str entity(const char *id)
{
	struct broker_reader *reader = NULL;
	struct json *found = NULL;
	struct buf text;
	struct represent_options options = {.context = broker_core_context(broker), .format = REPRESENT_SIMPLIFIED};
	struct str shown = STR("");

	buf_init(&text, 1 << 20);
	if (CHECK_OK(broker_reader_new(broker, &reader, &err), &err) &&
	    broker_retrieve(reader, STR_NONE, str_from(id), &arena, &found, &err) == ERR_OK &&
	    CHECK_OK(represent_entity(&text, &arena, found, &options, &err), &err))
		shown = arena_dup(&arena, buf_str(&text));
	buf_done(&text);
	(void)broker_reader_free(reader);
	return shown;
}

static bool count_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	(void)at_us;
	(void)kind;
	(void)bytes;
	(*(int *)self)++;
	return true;
}

static int history_points(const char *id, const char *name)
{
	struct store_reader *reader = NULL;
	struct str iri;
	int points = 0;

	CHECK_OK(context_expand(broker_core_context(broker), &arena, str_from(name), &iri, &err), &err);
	if (CHECK_OK(store_reader_new(store, &reader, &err), &err))
		CHECK_OK(store_history(reader, str_from(id), iri, STR_NONE, INT64_MIN, INT64_MAX, count_point, &points,
				       &err),
			 &err);
	(void)store_reader_free(reader);
	return points;
}

static const char parks[] = "id: \"urn:p:{id}\"\ntype: OffStreetParking\nnothing: NA\n"
			    "observed_at: {column: at, format: \"%Y-%m-%d %H:%M\", zone: \"+08:00\"}\nattributes:\n"
			    "  name: {kind: text, column: name, observed_at: none}\n"
			    "  free: {kind: integer, column: lots, required: true}\n";

static void rows_become_entities_and_again_change_nothing(void)
{
	static const char table[] =
		"id,name,lots,at\r\n1,\"Suntec, City\",1352,2018-12-11 23:10\r\n2,NA,0,2018-12-11 23:10\r\n";
	struct csv_import_report report;

	city_begins();
	CHECK_OK(import(parks, table, &report), &err);
	CHECK(report.rows == 2 && report.taken == 2 && report.created == 2 && report.transactions == 1);
	csv_import_report_done(&report);
	CHECK_STR(entity("urn:p:1"),
		  STR("{\"id\":\"urn:p:1\",\"type\":\"OffStreetParking\",\"name\":\"Suntec, City\",\"free\":1352}"));
	CHECK_STR(entity("urn:p:2"), STR("{\"id\":\"urn:p:2\",\"type\":\"OffStreetParking\",\"free\":0}"));
	CHECK_OK(import(parks, table, &report), &err);
	CHECK(report.unchanged == 2 && report.created == 0 && report.changed == 0);
	csv_import_report_done(&report);
	CHECK(history_points("urn:p:1", "free") == 1); /* nothing changed, nothing was written */
	CHECK_OK(import(parks, "id,name,lots,at\n1,\"Suntec, City\",9,2018-12-11 23:20\n", &report), &err);
	CHECK(report.changed == 1);
	csv_import_report_done(&report);
	CHECK(history_points("urn:p:1", "free") == 2 && history_points("urn:p:1", "name") == 1);
	city_ends();
}

static void bad_rows_are_left_out_and_told_by_line(void)
{
	struct csv_import_report report;
	struct buf text;

	city_begins();
	CHECK_OK(import(parks,
			"id,name,lots,at\n1,a,x,2018-12-11 23:10\n2,\"two\nlines\",5,2018-12-11 23:10\n"
			"3,a,b,c,d,e\n,a,1,2018-12-11 23:10\n5,a,1,tomorrow\n6,a\n7,q\"q,2,2018-12-11 23:10\n",
			&report),
		 &err);
	CHECK(report.rows == 7 && report.taken == 2 && report.skipped == 5 && report.entities == 2);
	if (CHECK(report.finding_count == 5)) {
		CHECK(report.findings[0].line == 2 && str_contains(report.findings[0].what, STR("column \"lots\"")));
		CHECK(report.findings[1].line == 5 && str_contains(report.findings[1].what, STR("6 fields")));
		CHECK(report.findings[2].line == 6 && str_contains(report.findings[2].what, STR("part of the id")));
		CHECK(report.findings[3].line == 7 && str_contains(report.findings[3].what, STR("column \"at\"")));
		CHECK(report.findings[4].line == 8 &&
		      str_contains(report.findings[4].what, STR("column \"lots\" is empty")));
	}
	buf_init(&text, 1 << 20);
	csv_import_report_write(&report, "t.csv", &text);
	CHECK(str_contains(buf_str(&text), STR("t.csv:5: skipped: 6 fields where the header has 4")));
	CHECK(str_contains(buf_str(&text), STR("7 rows: 2 taken, 5 skipped\n")));
	buf_done(&text);
	csv_import_report_done(&report);
	city_ends();
}

static void what_the_standard_refuses_is_told_as_well(void)
{
	struct csv_import_report report;

	city_begins();
	CHECK_OK(import("id: \"{id}\"\ntype: T\nattributes: {a: {kind: relationship, column: to}}\n",
			"id,to\nurn:x:1,urn:y:1\nno uri,urn:y:1\nurn:x:3,no uri\n", &report),
		 &err);
	CHECK(report.taken == 1 && report.skipped == 2 && report.findings[0].line == 3 && report.findings[1].line == 4);
	csv_import_report_done(&report);
	city_ends();
}

static void modes_append_update_and_replace(void)
{
	static const char append[] =
		"id: \"urn:s:{id}\"\ntype: Stop\nmode: append\nattributes: {on: {kind: integer, column: on}}\n";
	static const char update[] =
		"id: \"urn:s:{id}\"\ntype: Stop\nmode: update\nattributes: {off: {kind: integer, column: on}}\n";
	static const char replace[] = "id: \"urn:s:{id}\"\ntype: Stop\nattributes: {name: {kind: text, column: on}}\n";
	struct csv_import_report report;

	city_begins();
	CHECK_OK(import(append, "id,on\n1,10\n", &report), &err);
	CHECK(report.created == 1);
	csv_import_report_done(&report);
	CHECK_OK(import(update, "id,on\n1,20\n2,30\n", &report), &err);
	CHECK(report.changed == 1 && report.created == 0 && report.skipped == 1 && report.findings[0].line == 3);
	csv_import_report_done(&report);
	CHECK_STR(entity("urn:s:1"), STR("{\"id\":\"urn:s:1\",\"type\":\"Stop\",\"on\":10,\"off\":20}"));
	CHECK_STR(entity("urn:s:2"), STR(""));
	CHECK_OK(import(append, "id,on\n1,11\n2,12\n", &report), &err);
	CHECK(report.changed == 1 && report.created == 1);
	csv_import_report_done(&report);
	CHECK_STR(entity("urn:s:1"), STR("{\"id\":\"urn:s:1\",\"type\":\"Stop\",\"on\":11,\"off\":20}"));
	CHECK_OK(import(replace, "id,on\n1,x\n", &report), &err);
	csv_import_report_done(&report);
	CHECK_STR(entity("urn:s:1"), STR("{\"id\":\"urn:s:1\",\"type\":\"Stop\",\"name\":\"x\"}"));
	city_ends();
}

static void rows_of_one_entity_are_one_write(void)
{
	struct csv_import_report report;

	city_begins();
	CHECK_OK(import("id: urn:taxis\ntype: TaxiAvailability\nattributes:\n  n: {kind: count}\n"
			"  location: {kind: point, longitude: x, latitude: y, gather: true}\n",
			"x,y\n103.1,1.5\n103.2,1.25\n103.4,1.75\n", &report),
		 &err);
	CHECK(report.rows == 3 && report.taken == 3 && report.entities == 1 && report.created == 1);
	csv_import_report_done(&report);
	CHECK_STR(entity("urn:taxis"),
		  STR("{\"id\":\"urn:taxis\",\"type\":\"TaxiAvailability\",\"n\":3,\"location\":{\"type\":"
		      "\"MultiPoint\",\"coordinates\":[[103.1,1.5],[103.2,1.25],[103.4,1.75]]}}"));
	CHECK(history_points("urn:taxis", "n") == 1);
	city_ends();
}

static void history_can_be_left_out(void)
{
	struct csv_import_report report;

	city_begins();
	CHECK_OK(import("id: urn:x:1\ntype: T\nhistory: false\nattributes: {a: {kind: text, column: a}}\n", "a\n1\n",
			&report),
		 &err);
	csv_import_report_done(&report);
	CHECK(history_points("urn:x:1", "a") == 0);
	city_ends();
}

static void tables_that_are_none_change_nothing(void)
{
	struct csv_import_report report;
	struct mapping *mapping = NULL;

	city_begins();
	CHECK(import(parks, "", &report) == ERR_INVALID && strstr(err.detail, "empty"));
	csv_import_report_done(&report);
	CHECK(import(parks, "id,name,lot,at\n1,a,2,b\n", &report) == ERR_INVALID && strstr(err.detail, "\"lots\"") &&
	      strstr(err.detail, "did you mean \"lot\"?"));
	csv_import_report_done(&report);
	CHECK_OK(mapping_parse(STR("m"), str_from(parks), &mapping, &err), &err);
	struct csv_import_options options = {.path = "/nowhere/file.csv", .mapping = mapping};

	csv_import_report_init(&report);
	CHECK(csv_import(broker, store, &options, &report, &err) == ERR_NOT_FOUND &&
	      strstr(err.detail, "/nowhere/file.csv"));
	csv_import_report_done(&report);
	(void)mapping_free(mapping);
	city_ends();
}

int main(void)
{
	arena_init(&arena, 64 << 20);
	RUN(rows_become_entities_and_again_change_nothing);
	RUN(bad_rows_are_left_out_and_told_by_line);
	RUN(what_the_standard_refuses_is_told_as_well);
	RUN(modes_append_update_and_replace);
	RUN(rows_of_one_entity_are_one_write);
	RUN(history_can_be_left_out);
	RUN(tables_that_are_none_change_nothing);
	arena_done(&arena);
	return check_done();
}
