/* Samples of attributes for PromQL, the same on the memory store and on SQLite: what the labels are, which attributes
 * are series, that a selector finds what its matchers say; and that reading only the latest value at each step (sums
 * between the steps) gives what last_over_time() gets from all the samples. Times and values are of a fixed
 * pseudo-random walk. */
#include "base/time_value.h"
#include "broker/samples.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"

#include <string.h>

#define START_S INT64_C(1795321200) /* 2026-11-22T04:20:00Z */
#define VALUES 300

static int64_t now_us;
static struct broker *broker;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return now_us;
}

static void put(const char *text)
{
	struct expand_options options = {.context = broker_core_context(broker), .now_us = now_us};
	struct json *body = NULL, *entity = NULL;
	struct store *store = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &body, &err), &err);
	CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	struct broker_item item = {
		.operation = BROKER_UPSERT, .id = document_id(entity), .entity = entity, .overwrite = true};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};

	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK_OK(item.outcome.code, &item.outcome.error);
}

/* Room r0 is measured every 20 to 60 s, now and then with a pause; r1 seldom, and without observedAt. */
static void fill(void)
{
	uint32_t dice = 12345;
	int64_t at_s = START_S;
	char text[1000], at[TIME_ISO_BYTES];

	for (unsigned i = 0; i < VALUES; i++) {
		dice = dice * 1664525 + 1013904223;
		at_s += 20 + dice % 40 + (i % 50 == 49 ? 400 : 0);
		now_us = at_s * US_PER_S;
		(void)snprintf(
			text, sizeof(text),
			"{\"id\":\"urn:ngsi-ld:Room:r0\",\"type\":\"Room\",\"https://example.org/temp-in\":{\"type\":"
			"\"Property\",\"value\":%u.%u,\"unitCode\":\"CEL\",\"observedAt\":\"%s\"},\"open\":"
			"{\"type\":\"Property\",\"value\":%s,\"observedAt\":\"%s\"}}",
			dice % 40, dice / 64 % 10, time_format_iso(now_us, at).at, dice % 3 ? "true" : "false",
			time_format_iso(now_us, at).at);
		put(text);
		if (i % 10)
			continue;
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:ngsi-ld:Room:r1\",\"type\":[\"Room\",\"Hall\"],"
			       "\"https://example.org/terms#load\":{\"type\":\"Property\",\"value\":%u,"
			       "\"datasetId\":\"urn:d:1\"},\"name\":{\"type\":\"Property\",\"value\":\"n%u\"}}",
			       i, i);
		put(text);
	}
	now_us = START_S * US_PER_S;
	put("{\"id\":\"urn:ngsi-ld:disk:device=sda%201:host=a:id=7\",\"type\":\"disk\",\"used\":{\"type\":\"Property\","
	    "\"value\":5,\"observedAt\":\"2026-11-22T04:20:00Z\"}}");
}

/* ---- asking ---- */

static struct promql_result ask(const char *text, int64_t start_s, int64_t end_s, int64_t step_s)
{
	struct samples_source samples = {reader, STR_NONE};
	const struct promql_source source = {samples_select, &samples};
	const struct promql_run run = {.start_ms = start_s * 1000, .end_ms = end_s * 1000, .step_ms = step_s * 1000};
	struct promql_query *query = NULL;
	struct promql_result result = {0};

	if (CHECK_OK(promql_parse(&arena, str_from(text), &query, &err), &err))
		CHECK_OK(promql_eval(query, &run, &source, &arena, &result, &err), &err);
	(void)promql_free(query);
	return result;
}

static void put_labels(struct buf *out, const struct promql_labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		buf_printf(out, "%s%.*s=%.*s", i ? "," : "", STR_FMT(labels->at[i].name), STR_FMT(labels->at[i].value));
	buf_put_char(out, '\n');
}

static bool take_labels(void *self, const struct promql_labels *labels)
{
	put_labels(self, labels);
	return true;
}

static void labels_say_what_is_measured(void)
{
	struct samples_source samples = {reader, STR_NONE};
	struct buf out;

	buf_init(&out, 10000);
	CHECK_OK(samples_each(&samples, NULL, 0, take_labels, &out, &err), &err);
	CHECK(str_contains(buf_str(&out), STR("__name__=open,attribute=open,id=urn:ngsi-ld:Room:r0,type=Room\n")));
	CHECK(str_contains(buf_str(&out), STR("__name__=temp_in,attribute=https://example.org/temp-in,"
					      "id=urn:ngsi-ld:Room:r0,type=Room,unitCode=CEL\n")));
	CHECK(str_contains(buf_str(&out),
			   STR("__name__=load,attribute=https://example.org/terms#load,datasetId=urn:d:1,"
			       "id=urn:ngsi-ld:Room:r1,type=")));
	CHECK(str_contains(buf_str(&out), STR("__name__=used,attribute=used,device=sda 1,host=a,"
					      "id=urn:ngsi-ld:disk:device=sda%201:host=a:id=7,tag_id=7,type=disk\n")));
	/* Texts are no series. */
	CHECK(!str_contains(buf_str(&out), STR("name=name")));
	buf_done(&out);
}

static void selectors_find_what_they_name(void)
{
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {
		{"{id=\"urn:ngsi-ld:Room:r0\"}", 2},
		{"{id=~\".*:r.\"}", 3},
		{"{type=\"Room\"}", 2}, /* r1 is a Room and a Hall */
		{"{type=~\".*Hall.*\"}", 1},
		{"temp_in", 1},
		{"{attribute=\"https://example.org/temp-in\"}", 1},
		{"{unitCode=\"CEL\"}", 1},
		{"{unitCode!=\"CEL\",id!=\"\"}", 3},
		{"{datasetId=\"urn:d:1\"}", 1},
		{"{host=\"a\"}", 1},
		{"{host=\"b\"}", 0},
		{"load{type=\"Room\"}", 0},
		{"{type=\"no such type\"}", 0},
		{"name", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text;

		buf_init(&text, 1000);
		buf_printf(&text, "last_over_time(%s[1w])%c", cases[i].text, '\0');
		if (!CHECK(ask(text.at, START_S + 100000, START_S + 100000, 0).count == cases[i].count))
			printf("# %s\n", cases[i].text);
		buf_done(&text);
	}
}

/* Every step from before the first value to behind the last. */
static void latest_is_what_all_say(const char *name, int64_t start_s, int64_t step_s)
{
	struct buf text;

	buf_init(&text, 1000);
	buf_printf(&text, "last_over_time(%s[5m])%c", name, '\0');
	struct promql_result few = ask(name, start_s, start_s + 16000, step_s);
	struct promql_result all = ask(text.at, start_s, start_s + 16000, step_s);

	buf_done(&text);
	if (!CHECK(few.count == 1 && all.count == 1 && few.series[0].count == all.series[0].count))
		return;
	for (size_t i = 0; i < few.series[0].count; i++)
		CHECK(few.series[0].points[i].time_ms == all.series[0].points[i].time_ms &&
		      few.series[0].points[i].value == all.series[0].points[i].value);
}

static void latest_values_at_steps(void)
{
	for (int64_t step_s = 2; step_s < 2000; step_s = step_s * 3 + 1)
		for (int64_t offset_s = -700; offset_s < 100; offset_s += 333) {
			latest_is_what_all_say("temp_in", START_S + offset_s, step_s);
			latest_is_what_all_say("open", START_S + offset_s, step_s);
			latest_is_what_all_say("load", START_S + offset_s, step_s);
		}
}

static void all_samples_are_read(void)
{
	const struct promql_result count = ask("count_over_time(temp_in[1w])", START_S + 100000, START_S + 100000, 0);
	const struct promql_result open = ask("sum_over_time(open[1w])", START_S + 100000, START_S + 100000, 0);
	uint32_t dice = 12345, wanted = 0;

	for (unsigned i = 0; i < VALUES; i++) {
		dice = dice * 1664525 + 1013904223;
		wanted += dice % 3 > 0;
	}
	CHECK(count.count == 1 && count.series[0].points[0].value == VALUES);
	CHECK(open.count == 1 && open.series[0].points[0].value == wanted);
}

static void refusals(void)
{
	struct samples_source samples = {reader, STR("nobody")};
	const struct promql_source source = {samples_select, &samples};
	const struct promql_run run = {.start_ms = 1000, .end_ms = 1000};
	struct promql_query *query = NULL;
	struct promql_result result;

	CHECK_OK(promql_parse(&arena, STR("a"), &query, &err), &err);
	CHECK(promql_eval(query, &run, &source, &arena, &result, &err) == ERR_TENANT);
	(void)promql_free(query);
}

static void with_broker(const char *folder, void (*run)(void))
{
	struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	arena_init(&arena, (size_t)512 << 20);
	parser = json_parser_new();
	now_us = START_S * US_PER_S;
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
	fill();
	run();
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
	parser = json_parser_free(parser);
	arena_done(&arena);
}

static void all_cases(void)
{
	labels_say_what_is_measured();
	selectors_find_what_they_name();
	all_samples_are_read();
	latest_values_at_steps();
	refusals();
}

static void on_memory(void)
{
	with_broker(NULL, all_cases);
}

static void on_sqlite(void)
{
	char folder[] = "/tmp/machi-samples-XXXXXX";

	if (!mkdtemp(folder))
		abort();
	with_broker(folder, all_cases);
	remove_folder(folder);
}

int main(void)
{
	RUN(on_memory);
	RUN(on_sqlite);
	return check_done();
}
