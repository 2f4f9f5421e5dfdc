/* The temporal query language and the periods of an aggregation: clause 4.11's sentences, and calendars by hand. */
#include "base/time_value.h"
#include "check.h"
#include "ngsild/temporal.h"

#include <string.h>

static struct error err;

static int64_t at(const char *text)
{
	int64_t us = 0;

	CHECK(time_parse_iso(str_from(text), false, &us));
	return us;
}

static enum err_code read_as(const char *timerel, const char *time_at, const char *end_time_at,
			     struct temporal_query *ret)
{
	const struct temporal_text text = {
		.timerel = str_from(timerel), .time_at = str_from(time_at), .end_time_at = str_from(end_time_at)};

	return temporal_query_read(&text, ret, &err);
}

/* before is exclusive, after inclusive, between includes its beginning and not its end (4.11). */
static void bounds_are_those_of_the_clause(void)
{
	struct temporal_query query;
	int64_t from_us, to_us;

	CHECK_OK(read_as("before", "2017-12-13T14:20:00Z", NULL, &query), &err);
	temporal_bounds(&query, &from_us, &to_us);
	CHECK(from_us == INT64_MIN && to_us == at("2017-12-13T14:19:59.999999Z"));
	CHECK(query.property == TEMPORAL_OBSERVED_AT);
	CHECK_OK(read_as("after", "2017-12-13T14:20:00Z", NULL, &query), &err);
	temporal_bounds(&query, &from_us, &to_us);
	CHECK(from_us == at("2017-12-13T14:20:00Z") && to_us == INT64_MAX);
	CHECK_OK(read_as("between", "2017-12-13T14:20:00Z", "2017-12-13T14:40:00Z", &query), &err);
	temporal_bounds(&query, &from_us, &to_us);
	CHECK(from_us == at("2017-12-13T14:20:00Z") && to_us == at("2017-12-13T14:39:59.999999Z"));
	CHECK_OK(read_as("between", "2017-12-13T14:20:00Z", "2017-12-13T14:20:00Z", &query), &err);
	temporal_bounds(&query, &from_us, &to_us);
	CHECK(from_us > to_us);
	CHECK_OK(read_as(NULL, NULL, NULL, &query), &err);
	temporal_bounds(&query, &from_us, &to_us);
	CHECK(query.relation == TEMPORAL_ANY && from_us == INT64_MIN && to_us == INT64_MAX);
}

static void what_does_not_fit_is_refused(void)
{
	static const char *const bad[][3] = {
		{"near", "2017-12-13T14:20:00Z", NULL},
		{"before", NULL, NULL},
		{NULL, "2017-12-13T14:20:00Z", NULL},
		{"before", "2017-12-13", NULL},
		{"before", "", NULL},
		{"between", "2017-12-13T14:20:00Z", NULL},
		{"after", "2017-12-13T14:20:00Z", "2017-12-13T14:40:00Z"},
		{NULL, NULL, "2017-12-13T14:40:00Z"},
		{"between", "2017-12-13T14:20:00Z", "yesterday"},
		{"between", "2017-12-13T14:40:00Z", "2017-12-13T14:20:00Z"},
	};
	struct temporal_query query = {.last_n = 77};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(read_as(bad[i][0], bad[i][1], bad[i][2], &query) == ERR_INVALID && query.last_n == 77);
	static const char *const counts[] = {"0", "-1", "1.5", "", "many"};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct temporal_text text = {.last_n = str_from(counts[i])};

		CHECK(temporal_query_read(&text, &query, &err) == ERR_INVALID);
	}
	const struct temporal_text property = {.timeproperty = STR("expiresAt")};

	CHECK(temporal_query_read(&property, &query, &err) == ERR_INVALID);
}

static void methods_and_periods_are_read(void)
{
	struct temporal_text text = {.aggregated = true,
				     .aggr_methods = STR("max, avg,max"),
				     .aggr_period = STR("P1Y2M3DT4H5M6S"),
				     .timeproperty = STR("modifiedAt"),
				     .last_n = STR("5")};
	struct temporal_query query;

	CHECK_OK(temporal_query_read(&text, &query, &err), &err);
	CHECK(query.methods == (1u << TEMPORAL_MAX | 1u << TEMPORAL_AVG) && query.period_months == 14);
	CHECK(query.period_us == 3 * US_PER_DAY + (4 * 3600 + 5 * 60 + 6) * US_PER_S && query.last_n == 5);
	CHECK(query.property == TEMPORAL_MODIFIED_AT);
	text.aggr_period = STR("P2W");
	CHECK_OK(temporal_query_read(&text, &query, &err), &err);
	CHECK(query.period_months == 0 && query.period_us == 14 * US_PER_DAY);
	text.aggr_period = STR("P0D");
	CHECK_OK(temporal_query_read(&text, &query, &err), &err);
	CHECK(query.period_months == 0 && query.period_us == 0);
	static const char *const bad[] = {"", "1D", "P1.5M", "P0000-00-01T00:00:00", "P20000Y", "PT"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text.aggr_period = str_from(bad[i]);
		CHECK(temporal_query_read(&text, &query, &err) == ERR_INVALID);
	}
	text.aggr_period = STR_NONE;
	text.aggr_methods = STR("max,median");
	CHECK(temporal_query_read(&text, &query, &err) == ERR_INVALID);
	text.aggr_methods = STR_NONE;
	CHECK(temporal_query_read(&text, &query, &err) == ERR_INVALID);
	text.aggregated = false; /* "only applicable if aggregatedValues is present" (5.2.21) */
	text.aggr_period = STR("nonsense");
	CHECK_OK(temporal_query_read(&text, &query, &err), &err);
	CHECK(query.methods == 0);
}

/* ---- periods ---- */

static struct arena arena;

static struct temporal_query query_of(const char *timerel, const char *time_at, const char *end_time_at,
				      const char *period)
{
	const struct temporal_text text = {.timerel = str_from(timerel),
					   .time_at = str_from(time_at),
					   .end_time_at = str_from(end_time_at),
					   .aggregated = true,
					   .aggr_methods = STR("avg"),
					   .aggr_period = str_from(period)};
	struct temporal_query query = {.last_n = 0};

	CHECK_OK(temporal_query_read(&text, &query, &err), &err);
	return query;
}

static void check_edges(struct temporal_query query, const char *first, const char *last, const char *const *edges)
{
	struct temporal_periods periods;
	size_t count = 0;

	arena_clear(&arena);
	if (!CHECK_OK(temporal_periods_make(&arena, &query, at(first), at(last), &periods, &err), &err))
		return;
	while (edges[count])
		count++;
	if (!CHECK(periods.count + 1 == count))
		return;
	for (size_t i = 0; i < count; i++) {
		char text[TIME_ISO_BYTES];

		CHECK_STR(time_format_iso(i + 1 < count ? periods.edges[i] : periods.end_us, text), str_from(edges[i]));
	}
}

#define EDGES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Annex C, C.5.14: four minutes from noon on; the periods behind the last instance are not made. */
static void periods_of_the_example(void)
{
	check_edges(query_of("between", "2018-08-01T12:00:00Z", "2018-08-01T13:00:00Z", "PT4M"), "2018-08-01T12:03:00Z",
		    "2018-08-01T12:07:00Z",
		    EDGES("2018-08-01T12:00:00Z", "2018-08-01T12:04:00Z", "2018-08-01T12:08:00Z"));
}

static void the_last_period_ends_where_the_range_does(void)
{
	check_edges(
		query_of("between", "2018-08-01T12:00:00Z", "2018-08-01T13:00:00Z", "PT25M"), "2018-08-01T12:03:00Z",
		"2018-08-01T12:59:00Z",
		EDGES("2018-08-01T12:00:00Z", "2018-08-01T12:25:00Z", "2018-08-01T12:50:00Z", "2018-08-01T13:00:00Z"));
	check_edges(query_of("before", "2018-08-01T13:00:00Z", NULL, "PT40M"), "2018-08-01T12:10:00Z",
		    "2018-08-01T12:59:00Z",
		    EDGES("2018-08-01T12:10:00Z", "2018-08-01T12:50:00Z", "2018-08-01T13:00:00Z"));
	check_edges(query_of("after", "2018-08-01T12:00:00Z", NULL, "PT40M"), "2018-08-01T12:41:00Z",
		    "2018-08-01T12:59:00Z", EDGES("2018-08-01T12:40:00Z", "2018-08-01T13:20:00Z"));
}

static void nothing_is_the_whole_range(void)
{
	check_edges(query_of("between", "2018-08-01T12:00:00Z", "2018-08-01T13:00:00Z", "PT0S"), "2018-08-01T12:03:00Z",
		    "2018-08-01T12:07:00Z", EDGES("2018-08-01T12:00:00Z", "2018-08-01T13:00:00Z"));
	check_edges(query_of("after", "2018-08-01T12:00:00Z", NULL, NULL), "2018-08-01T12:03:00Z",
		    "2018-08-01T12:07:00Z", EDGES("2018-08-01T12:00:00Z", "2018-08-01T12:07:00Z"));
	check_edges(query_of("before", "2018-08-01T12:00:00Z", NULL, "P0D"), "2018-08-01T11:03:00Z",
		    "2018-08-01T11:07:00Z", EDGES("2018-08-01T11:03:00Z", "2018-08-01T12:00:00Z"));
	check_edges(query_of(NULL, NULL, NULL, "PT0S"), "2018-08-01T11:03:00Z", "2018-08-01T11:03:00Z",
		    EDGES("2018-08-01T11:03:00Z", "2018-08-01T11:03:00Z"));
}

static void months_are_the_calendars(void)
{
	/* 2024 is a leap year; the 31st comes back after shorter months. */
	check_edges(query_of("after", "2024-01-31T06:30:00Z", NULL, "P1M"), "2024-01-31T06:30:00Z",
		    "2024-05-31T06:29:59Z",
		    EDGES("2024-01-31T06:30:00Z", "2024-02-29T06:30:00Z", "2024-03-31T06:30:00Z",
			  "2024-04-30T06:30:00Z", "2024-05-31T06:30:00Z"));
	check_edges(
		query_of("after", "2023-11-30T00:00:00Z", NULL, "P1M"), "2024-01-01T00:00:00Z", "2024-02-29T00:00:00Z",
		EDGES("2023-12-30T00:00:00Z", "2024-01-30T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-30T00:00:00Z"));
	/* 2100 is none. */
	check_edges(query_of("after", "2096-02-29T00:00:00Z", NULL, "P1Y"), "2099-12-31T00:00:00Z",
		    "2100-12-31T00:00:00Z",
		    EDGES("2099-02-28T00:00:00Z", "2100-02-28T00:00:00Z", "2101-02-28T00:00:00Z"));
	check_edges(query_of("after", "2024-01-31T00:00:00Z", NULL, "P1M1DT12H"), "2024-03-01T12:00:00Z",
		    "2024-03-01T12:00:00Z", EDGES("2024-03-01T12:00:00Z", "2024-04-03T00:00:00Z"));
	/* Before 1970, and over it. */
	check_edges(query_of("after", "1969-12-31T23:59:59.5Z", NULL, "P1M"), "1969-12-31T23:59:59.5Z",
		    "1970-02-28T23:59:59.4Z",
		    EDGES("1969-12-31T23:59:59.500Z", "1970-01-31T23:59:59.500Z", "1970-02-28T23:59:59.500Z"));
}

/* UTC has no summer time: the days of Europe's changes (2026-03-29, 2026-10-25) have 24 hours, and weeks 7 days. */
static void days_and_weeks_have_one_length(void)
{
	check_edges(
		query_of("after", "2026-03-28T00:00:00Z", NULL, "P1D"), "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z",
		EDGES("2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z"));
	check_edges(query_of("after", "2026-10-19T00:00:00Z", NULL, "P1W"), "2026-10-25T23:00:00Z",
		    "2026-10-26T00:00:00Z",
		    EDGES("2026-10-19T00:00:00Z", "2026-10-26T00:00:00Z", "2026-11-02T00:00:00Z"));
}

/* Only what lies between the first and the last instance counts, so a range of decades costs nothing. */
static void periods_are_bounded_by_what_is_there(void)
{
	struct temporal_periods periods;
	struct temporal_query query = query_of("after", "1971-01-01T00:00:00Z", NULL, "PT1S");

	check_edges(query, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z",
		    EDGES("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"));
	int64_t first_us = at("2026-01-01T00:00:00Z");
	int64_t last_us = first_us + (TEMPORAL_PERIODS_MAX - 1) * US_PER_S;

	CHECK_OK(temporal_periods_make(&arena, &query, first_us, last_us, &periods, &err), &err);
	CHECK(periods.count == TEMPORAL_PERIODS_MAX);
	CHECK(temporal_periods_make(&arena, &query, first_us, last_us + US_PER_S, &periods, &err) == ERR_TOO_COMPLEX);
	/* Where the calendar ends, so does the last period. */
	check_edges(query_of("after", "2026-01-01T00:00:00Z", NULL, "P9000Y"), "2026-01-01T00:00:00Z",
		    "2026-02-01T00:00:00Z", EDGES("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
}

static void instance_ids_name_attribute_and_number(void)
{
	uint64_t mark = temporal_mark(STR("one"), STR("urn:ngsi-ld:Vehicle:B9211"), STR("https://example.org/speed"));
	char text[80];
	int64_t number = 0;

	(void)snprintf(text, sizeof(text), TEMPORAL_INSTANCE_PREFIX "%016llx:%lld", (unsigned long long)mark, -12LL);
	CHECK(temporal_instance_number(str_from(text), mark, &number) && number == -12);
	CHECK(!temporal_instance_number(str_from(text), mark + 1, &number));
	text[strlen(text) - 2] = 'x';
	CHECK(!temporal_instance_number(str_from(text), mark, &number));
	CHECK(!temporal_instance_number(STR("urn:ngsi-ld:Instance:"), mark, &number));
	CHECK(!temporal_instance_number(STR("urn:a:b"), mark, &number));
	CHECK(!temporal_instance_number(
		STR("urn:a:b"),
		temporal_mark(STR("two"), STR("urn:ngsi-ld:Vehicle:B9211"), STR("https://example.org/speed")),
		&number));
	/* FNV-1a's published value for "a", carried on by hand over the bytes that end the texts. */
	uint64_t hash = UINT64_C(0xaf63dc4c8601ec8c);

	for (int texts = 0; texts < 3; texts++)
		hash = (hash ^ 0xff) * UINT64_C(0x100000001b3);
	CHECK(temporal_mark(STR("a"), STR_NONE, STR_NONE) == hash);
}

/* 6.3.10: "DateTime", both ends, "/" and a size. */
static void ranges_of_partial_answers_are_read(void)
{
	static const char *const bad[] = {"",
					  "bytes 0-1/2",
					  "DateTime",
					  "DateTime 2026-01-01T00:00:00Z/*",
					  "DateTime 2026-01-01T00:00:00Z-/*",
					  "DateTime 2026-01-01-2026-01-02/*",
					  "DateTime -2026-01-01T00:00:00Z/*",
					  "DateTime 2026-01-01T00:00:00Z-2026-13-01T00:00:00Z/*"};
	int64_t start_us = 0, end_us = 0;

	CHECK(temporal_range_read(STR("DateTime 2026-01-01T00:00:00Z-2026-01-02T03:04:05.678Z/*"), &start_us, &end_us));
	CHECK(start_us == at("2026-01-01T00:00:00Z") && end_us == at("2026-01-02T03:04:05.678Z"));
	CHECK(temporal_range_read(STR(" DateTime  2026-01-02T00:00:00Z-2026-01-01T00:00:00Z/100 "), &start_us,
				  &end_us));
	CHECK(start_us == at("2026-01-02T00:00:00Z") && end_us == at("2026-01-01T00:00:00Z"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!temporal_range_read(str_from(bad[i]), &start_us, &end_us));
	CHECK(!temporal_range_read(STR_NONE, &start_us, &end_us));
}

int main(void)
{
	arena_init(&arena, (size_t)16 << 20);
	RUN(bounds_are_those_of_the_clause);
	RUN(what_does_not_fit_is_refused);
	RUN(methods_and_periods_are_read);
	RUN(periods_of_the_example);
	RUN(the_last_period_ends_where_the_range_does);
	RUN(nothing_is_the_whole_range);
	RUN(months_are_the_calendars);
	RUN(days_and_weeks_have_one_length);
	RUN(periods_are_bounded_by_what_is_there);
	RUN(instance_ids_name_attribute_and_number);
	RUN(ranges_of_partial_answers_are_read);
	arena_done(&arena);
	return check_done();
}
