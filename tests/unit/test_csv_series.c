/* Tables of moments (mode "series") into a store on disk: every row is in the history once, however often, in whatever
 * order and in how many files it comes; the entity shows the latest. Expected values are read off the tables. */
#include "check.h"
#include "feed/csv_import.h"
#include "store/temporal.h"

#include <string.h>
#include <unistd.h>

#define INSTANCES_MAX 5000u

static char folder[] = "/tmp/machi-csv-series-XXXXXX";
static struct broker *broker;
static struct store *store;
static struct arena arena;
static struct error err;

static void city_begins(void)
{
	char path[64];
	struct broker_options options = {.data_path = folder, .create = true};

	(void)snprintf(path, sizeof(path), "%s/machi.db", folder);
	(void)unlink(path);
	CHECK_OK(broker_new(&options, &broker, &err), &err);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
}

static void city_ends(void)
{
	broker = broker_free(broker);
	store = NULL;
	arena_clear(&arena);
}

static const char meters[] = "id: \"urn:m:{id}\"\ntype: Meter\nmode: series\n"
			     "observed_at: {column: at, format: \"%Y-%m-%d %H:%M\", zone: \"+00:00\"}\nattributes:\n"
			     "  name: {kind: text, column: name, observed_at: none}\n"
			     "  power: {kind: number, column: power}\n"
			     "  on: {kind: boolean, column: on}\n"
			     "  state: {kind: text, column: state}\n";

static bool import(const char *map, const char *table, struct csv_import_report *report)
{
	char path[] = "/tmp/machi-csv-XXXXXX";
	struct mapping *mapping = NULL;
	int fd = mkstemp(path);
	bool good = false;

	csv_import_report_init(report);
	CHECK(fd >= 0 && write(fd, table, strlen(table)) == (ssize_t)strlen(table));
	if (CHECK_OK(mapping_parse(STR("m.yaml"), str_from(map), &mapping, &err), &err)) {
		struct csv_import_options options = {.path = path, .mapping = mapping};

		good = CHECK_OK(csv_import(broker, store, &options, report, &err), &err);
	}
	csv_import_report_done(report);
	(void)mapping_free(mapping);
	(void)close(fd);
	(void)unlink(path);
	return good;
}

/* "value value …" of a series in the order of time, with the minute of each where minutes are asked for. */
static struct str history(const char *id, const char *name)
{
	const struct store_window window = {.by = STORE_OBSERVED_AT, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_reader *reader = NULL;
	struct store_instances found = {0};
	struct buf text;
	struct str iri;

	buf_init(&text, 1 << 20);
	CHECK_OK(context_expand(broker_core_context(broker), &arena, str_from(name), &iri, &err), &err);
	if (CHECK_OK(store_reader_new(store, &reader, &err), &err))
		CHECK_OK(store_series_read(reader, str_from(id), iri, STR_NONE, &window, false, INSTANCES_MAX, &arena,
					   &found, &err),
			 &err);
	for (size_t i = 0; i < found.count; i++) {
		buf_printf(&text, "%s%lld:", i ? " " : "",
			   (long long)(found.at[i].observed_us - INT64_C(1772323200000000)) / 60000000);
		json_write(&text, &found.at[i].value);
	}
	struct str shown = arena_dup(&arena, buf_str(&text));

	(void)store_reader_free(reader);
	buf_done(&text);
	return shown;
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

#define HEADER "id,name,at,power,on,state\n"

static void every_row_is_a_moment_and_the_latest_is_the_state(void)
{
	struct csv_import_report report;

	city_begins();
	import(meters,
	       HEADER "1,One,2026-03-01 00:02,0.30,true,b\n2,Two,2026-03-01 00:00,7,false,\n"
		      "1,One,2026-03-01 00:00,0.10,false,a\n1,Uno,2026-03-01 00:01,0.20,true,a\n",
	       &report);
	CHECK(report.rows == 4 && report.taken == 4 && report.entities == 2 && report.created == 2);
	CHECK(report.points == 3 * 3 + 2);
	CHECK_STR(history("urn:m:1", "on"), STR("0:false 1:true 2:true"));
	CHECK_STR(history("urn:m:1", "state"), STR("0:\"a\" 1:\"a\" 2:\"b\""));
	CHECK_STR(history("urn:m:2", "power"), STR("0:7"));
	CHECK_STR(history("urn:m:2", "state"), STR(""));
	CHECK_STR(history("urn:m:1", "name"), STR("")); /* it has no time */
	CHECK_STR(entity("urn:m:1"), STR("{\"id\":\"urn:m:1\",\"type\":\"Meter\",\"name\":\"One\",\"power\":0.3,"
					 "\"on\":true,\"state\":\"b\"}"));
	city_ends();
}

static void what_was_imported_before_is_not_imported_again(void)
{
	static const char first[] = HEADER "1,One,2026-03-01 00:00,1,,\n1,One,2026-03-01 00:01,2,,\n";
	struct csv_import_report report;

	city_begins();
	import(meters, first, &report);
	CHECK(report.points == 2 && report.created == 1);
	import(meters, first, &report);
	CHECK(report.points == 0 && report.unchanged == 1);
	/* The file has grown, at both ends and in between; a row stands in it twice. */
	import(meters,
	       HEADER "1,One,2026-02-28 23:59,0,,\n1,One,2026-03-01 00:00,1,,\n1,One,2026-03-01 00:01,2,,\n"
		      "1,One,2026-03-01 00:02,3,,\n1,One,2026-03-01 00:02,3,,\n",
	       &report);
	CHECK(report.points == 2 && report.changed == 1);
	CHECK_STR(history("urn:m:1", "power"), STR("-1:0 0:1 1:2 2:3"));
	/* Another value of the same moment is another instance. */
	import(meters, HEADER "1,One,2026-03-01 00:00,9,,\n", &report);
	CHECK(report.points == 1);
	CHECK_STR(history("urn:m:1", "power"), STR("-1:0 0:1 0:9 1:2 2:3"));
	city_ends();
}

static void older_rows_leave_the_state_as_it_is(void)
{
	struct csv_import_report report;

	city_begins();
	import(meters, HEADER "1,One,2026-03-01 00:05,5,true,\n", &report);
	import(meters, HEADER "1,Old,2026-03-01 00:04,4,false,x\n", &report);
	CHECK(report.points == 3);
	CHECK_STR(history("urn:m:1", "power"), STR("4:4 5:5"));
	CHECK_STR(entity("urn:m:1"), STR("{\"id\":\"urn:m:1\",\"type\":\"Meter\",\"name\":\"Old\",\"power\":5,"
					 "\"on\":true,\"state\":\"x\"}"));
	city_ends();
}

static void what_cannot_be_a_moment_is_told(void)
{
	static const char with_unit[] = "id: \"urn:m:{id}\"\ntype: Meter\nmode: series\n"
					"observed_at: {column: at, format: \"%Y-%m-%d %H:%M\", zone: \"+00:00\"}\n"
					"attributes:\n  power: {kind: number, column: power, unit: KWT}\n";
	static const char bad_id[] = "id: \"{id}\"\ntype: Meter\nmode: series\n"
				     "observed_at: {column: at, format: \"%Y-%m-%d %H:%M\", zone: \"+00:00\"}\n"
				     "attributes:\n  power: {kind: number, column: power}\n";
	struct csv_import_report report;

	city_begins();
	import(with_unit, HEADER "1,One,2026-03-01 00:05,5,true,\n", &report);
	CHECK(report.rows == 1 && report.skipped == 1 && report.points == 0);
	CHECK_STR(entity("urn:m:1"), STR(""));
	import(bad_id, HEADER "nouri,One,2026-03-01 00:05,5,true,\nurn:x:1,One,2026-03-01 00:05,5,true,\n", &report);
	CHECK(report.rows == 2 && report.skipped == 1 && report.points == 1 && report.created == 1);
	CHECK_STR(history("nouri", "power"), STR(""));
	CHECK_STR(history("urn:x:1", "power"), STR("5:5"));
	city_ends();
}

/* More than one page of what is there already is read, and one moment may have more than a page. */
static void many_rows_are_compared_by_pages(void)
{
	struct csv_import_report report;
	struct buf table;

	city_begins();
	buf_init(&table, 1 << 20);
	buf_put(&table, STR(HEADER));
	for (int i = 0; i < 4500; i++)
		buf_printf(&table, "1,One,2026-03-01 00:%02d,%d,,\n", i < 4200 ? 7 : 8, i);
	buf_put_char(&table, '\0');
	import(meters, table.at, &report);
	CHECK(report.points == 4500);
	import(meters, table.at, &report);
	CHECK(report.points == 0 && report.unchanged == 1);
	buf_done(&table);
	city_ends();
}

int main(void)
{
	char path[64];

	arena_init(&arena, (size_t)64 << 20);
	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	RUN(every_row_is_a_moment_and_the_latest_is_the_state);
	RUN(what_was_imported_before_is_not_imported_again);
	RUN(older_rows_leave_the_state_as_it_is);
	RUN(what_cannot_be_a_moment_is_told);
	RUN(many_rows_are_compared_by_pages);
	(void)snprintf(path, sizeof(path), "%s/machi.db", folder);
	(void)unlink(path);
	(void)rmdir(folder);
	arena_done(&arena);
	return check_done();
}
