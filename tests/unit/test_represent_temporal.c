/* EntityTemporal in and out: clauses 4.5.6–4.5.9, 4.5.19, 5.2.20.
 *
 * Goal: the clauses' examples of every kind of attribute are taken and come out again as printed there, normalized,
 * simplified and aggregated. Method: the text is expanded, its instances become points as a store would give them (here
 * by the test, from the documents), and what is written is compared with the clauses' text. */
#include "base/time_value.h"
#include "ngsild/represent_temporal.h"
#include "ngsild_bench.h"

#include <stdio.h>

#define ID "urn:ngsi-ld:Vehicle:B9211"
#define POINTS_MAX 64
#define ATTRIBUTES_MAX 16

static struct temporal_point all_points[ATTRIBUTES_MAX][POINTS_MAX];
static struct temporal_attribute attributes[ATTRIBUTES_MAX];
static struct temporal_aggregate aggregates[ATTRIBUTES_MAX];
static struct temporal_sums sums[ATTRIBUTES_MAX][POINTS_MAX];
static struct str types[] = {{"https://uri.etsi.org/ngsi-ld/default-context/Vehicle", 52}};

static enum err_code expand_temporal_text(const char *text, bool fragment, struct json **ret)
{
	struct expand_options options = {.context = core, .now_us = NOW_US, .fragment = fragment, .temporal = true};
	struct json *body = parse(text);

	return body ? expand_entity(&arena, body, &options, ret, &err) : ERR_INTERNAL;
}

static int64_t time_of(const struct json *instance, const char *name)
{
	int64_t us = TEMPORAL_NO_TIME;

	(void)time_parse_iso(json_text(json_get(instance, str_from(name))), true, &us);
	return us;
}

static struct temporal_point point_of(const struct json *instance, int64_t number)
{
	return (struct temporal_point){.observed_us = time_of(instance, "observedAt"),
				       .created_us = NOW_US,
				       .modified_us = NOW_US,
				       .deleted_us = TEMPORAL_NO_TIME,
				       .number = number,
				       .instance = instance,
				       .value = document_value(instance)};
}

/* The points of an expanded EntityTemporal, numbered from 1 in each attribute. */
static struct temporal_entity entity_of(const struct json *entity)
{
	struct temporal_entity result = {.id = document_id(entity),
					 .types = types,
					 .type_count = 1,
					 .created_us = TEMPORAL_NO_TIME,
					 .modified_us = TEMPORAL_NO_TIME,
					 .deleted_us = TEMPORAL_NO_TIME,
					 .attributes = attributes};

	for (uint32_t i = 0; i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];

		if (!document_is_attribute(member->key) && !str_eq(member->key, TEMPORAL_SCOPE))
			continue;
		struct temporal_attribute *attribute = &attributes[result.count];
		struct temporal_point *points = all_points[result.count++];

		for (uint32_t k = 0; k < member->value.count; k++)
			points[k] = point_of(&member->value.items[k], (int64_t)k + 1);
		*attribute =
			(struct temporal_attribute){.iri = member->key, .points = points, .count = member->value.count};
	}
	return result;
}

static struct str written(const struct temporal_entity *entity, const struct temporal_options *options)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	enum err_code code = represent_temporal(&out, &arena, entity, options, &err);
	struct str text = code ? STR("\"refused\"") : arena_dup(&arena, buf_str(&out));

	CHECK_OK(buf_check(&out, "the text", &err), &err);
	buf_done(&out);
	return text;
}

static const struct temporal_query by_observed = {.property = TEMPORAL_OBSERVED_AT};

/* The attributes alone, so that cases need not repeat id and type. */
static struct str shown_as(const char *body, enum temporal_form form, const struct represent_options *how)
{
	struct represent_options represent = how ? *how : (struct represent_options){.context = core};
	const struct temporal_options options = {form, &by_observed, &represent, STR_NONE};
	struct projection_term terms[] = {{STR("id"), NULL, true}, {STR("type"), NULL, true}};
	const struct projection omit = {terms, 2, NULL};
	struct json *entity = NULL;
	char text[8192];

	(void)snprintf(text, sizeof(text), "{\"id\": \"" ID "\", \"type\": \"Vehicle\", %s}", body);
	if (!CHECK_OK(expand_temporal_text(text, false, &entity), &err))
		return STR("null");
	represent.context = core;
	represent.show.omit = &omit;
	struct temporal_entity temporal = entity_of(entity);

	return written(&temporal, &options);
}

/* ---- taking ---- */

#define SPEEDS                                                                                                         \
	"\"speed\": [{\"type\": \"Property\", \"value\": 120, \"observedAt\": \"2018-08-01T12:03:00Z\"},"              \
	"{\"type\": \"Property\", \"value\": 80, \"observedAt\": \"2018-08-01T12:05:00Z\"},"                           \
	"{\"type\": \"Property\", \"value\": 100, \"observedAt\": \"2018-08-01T12:07:00Z\"}]"

static void an_instance_alone_needs_no_array(void)
{
	struct json *entity = NULL;

	CHECK_OK(expand_temporal_text("{\"id\": \"" ID "\", \"type\": \"Vehicle\", \"speed\": {\"value\": 1,"
				      " \"observedAt\": \"2018-08-01T12:03:00Z\", \"instanceId\": \"urn:a:b\","
				      " \"modifiedAt\": \"2018-08-01T12:03:00Z\"}}",
				      false, &entity),
		 &err);
	const struct json *instances = json_get(entity, STR("https://uri.etsi.org/ngsi-ld/default-context/speed"));

	CHECK(json_is(instances, JSON_ARRAY) && instances->count == 1);
	/* What the system makes is not taken (5.2.5). */
	CHECK(!json_get(json_at(instances, 0), STR("instanceId")) &&
	      !json_get(json_at(instances, 0), STR("modifiedAt")));
}

/* As many instances as one likes have one datasetId, in their order; sub-attributes are no series. */
static void instances_follow_one_another(void)
{
	struct json *entity = NULL;

	CHECK_OK(expand_temporal_text("{\"id\": \"" ID "\", \"type\": \"Vehicle\"," SPEEDS "}", false, &entity), &err);
	const struct json *instances = json_get(entity, STR("https://uri.etsi.org/ngsi-ld/default-context/speed"));

	CHECK(instances->count == 3 && json_get(json_at(instances, 1), STR("value"))->number == 80);
	CHECK(expand_temporal_text("{\"id\": \"" ID "\", \"type\": \"Vehicle\", \"speed\": [{\"value\": 1, \"by\":"
				   " [{\"value\": 1}, {\"value\": 2}]}, {\"value\": 2}]}",
				   false, &entity) == ERR_INVALID);
}

static void what_is_no_series_is_refused(void)
{
	static const char *const bad[] = {
		"\"speed\": []",
		"\"speed\": {\"type\": \"Property\", \"values\": []}",
		"\"speed\": {\"type\": \"Property\", \"values\": [1, 2]}",
		"\"speed\": {\"type\": \"Property\", \"values\": [[1, \"yesterday\"]]}",
		"\"speed\": {\"type\": \"Property\", \"values\": [[1, \"2018-08-01T12:03:00Z\", 2]]}",
		"\"speed\": {\"type\": \"Relationship\", \"values\": [[1, \"2018-08-01T12:03:00Z\"]]}",
		"\"speed\": {\"type\": \"Property\", \"values\": [[1, \"2018-08-01T12:03:00Z\"]], \"unitCode\": \"X\"}",
		"\"speed\": {\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\"}",
		"\"speed\": [{\"type\": \"Property\", \"value\": 1}, 2]",
		"\"scope\": {\"type\": \"Property\", \"value\": \"/a\", \"unitCode\": \"X\"}",
		"\"scope\": {\"type\": \"Relationship\", \"object\": \"urn:a:b\"}",
		"\"scope\": {\"type\": \"Property\"}",
		"\"scope\": []",
		"\"scope\": [{\"type\": \"Property\", \"value\": \"not a scope\"}]",
	};
	struct json *entity = NULL;
	char text[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"id\": \"" ID "\", \"type\": \"Vehicle\", %s}", bad[i]);
		if (!CHECK(expand_temporal_text(text, false, &entity) == ERR_INVALID))
			printf("# %s\n", bad[i]);
		(void)snprintf(text, sizeof(text), "{%s}", bad[i]);
		CHECK(expand_temporal_text(text, true, &entity) == ERR_INVALID);
	}
}

/* ---- simplified ---- */

/* The examples of clause 4.5.9, one for each kind, all go in and come out. */
static void examples_of_the_clause_come_back(void)
{
	static const char *const examples[] = {
		"\"name\": {\"type\": \"Property\", \"values\": [[\"Joe Bloggs\", \"2022-08-09T18:25:02Z\"],"
		" [\"Bill Smith\", \"2022-08-10T18:25:02Z\"]]}",
		"\"says\": {\"type\": \"LanguageProperty\", \"languageMaps\": [[{\"languageMap\": {\"en\": \"yes\","
		" \"fr\": \"oui\"}}, \"2022-08-09T18:25:02Z\"], [{\"languageMap\": {\"en\": \"no\", \"fr\": \"non\"}},"
		" \"2022-08-10T18:25:02Z\"]]}",
		"\"period\": {\"type\": \"ListProperty\", \"valueLists\": [[[\"First\", \"Second\", \"Third\","
		" \"Fourth\"], \"2022-08-09T18:25:02Z\"], [[\"1st\", \"2nd\", \"3rd\", \"4th\"],"
		" \"2022-08-10T18:25:02Z\"]]}",
		"\"parkingTickets\": {\"type\": \"JsonProperty\", \"jsons\": [[{\"json\": [{\"id\":"
		" \"85a6cc52-0589-45f9\", \"value\": \"Overstay 60 minutes\"}]}, \"2022-08-09T18:25:02Z\"]]}",
		"\"gender\": {\"type\": \"VocabProperty\", \"vocabs\": [[{\"vocab\": \"Male\"},"
		" \"2022-08-09T18:25:02Z\"], [{\"vocab\": \"Female\"}, \"2022-08-10T18:25:02Z\"]]}",
		"\"spouse\": {\"type\": \"Relationship\", \"objects\": [[\"urn:ngsi-ld:Person:123455\","
		" \"2022-08-09T18:25:02Z\"], [\"urn:ngsi-ld:Person:999999\", \"2022-08-10T18:25:02Z\"]]}",
		"\"activeDevices\": {\"type\": \"Relationship\", \"objects\": [[[\"urn:ngsi-ld:Device:14142\","
		" \"urn:ngsi-ld:Device:13562\"], \"2022-08-09T18:25:02Z\"]]}",
		"\"membersPresent\": {\"type\": \"ListRelationship\", \"objectLists\": [[[\"urn:ngsi-ld:Person:Alice\","
		" \"urn:ngsi-ld:Person:Bob\"], \"2022-08-09T18:25:02Z\"]]}",
		"\"place\": {\"type\": \"GeoProperty\", \"values\": [[{\"type\": \"Point\", \"coordinates\":"
		" [-8.5, 41.2]}, \"2022-08-09T18:25:02Z\"]]}",
		"\"scope\": {\"type\": \"Property\", \"values\": [[\"/Madrid/Centro\", \"2018-08-01T11:00:00Z\"],"
		" [[\"/Madrid/Centro\", \"/Company123/UnitA\"], \"2018-08-01T12:10:00Z\"]]}",
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		(void)snprintf(text, sizeof(text), "{%s}", examples[i]);
		CHECK_JSON(shown_as(examples[i], TEMPORAL_VALUES, NULL), text);
	}
}

/* C.5.6 out of what C.5.5 prints. */
static void instances_become_pairs(void)
{
	CHECK_JSON(shown_as(SPEEDS, TEMPORAL_VALUES, NULL),
		   "{\"speed\": {\"type\": \"Property\", \"values\": [[120, \"2018-08-01T12:03:00Z\"],"
		   " [80, \"2018-08-01T12:05:00Z\"], [100, \"2018-08-01T12:07:00Z\"]]}}");
}

/* 4.5.5: several datasetIds give arrays; the default one comes first and has no name. */
static void datasets_make_an_array(void)
{
	CHECK_JSON(shown_as("\"speed\": [{\"value\": 1, \"datasetId\": \"urn:a:gps\", \"observedAt\":"
			    " \"2018-08-01T12:00:00Z\"}, {\"value\": 2, \"observedAt\": \"2018-08-01T12:01:00Z\"},"
			    " {\"value\": 3, \"datasetId\": \"urn:a:gps\", \"observedAt\": \"2018-08-01T12:02:00Z\"}]",
			    TEMPORAL_VALUES, NULL),
		   "{\"speed\": [{\"type\": \"Property\", \"values\": [[2, \"2018-08-01T12:01:00Z\"]]},"
		   " {\"type\": \"Property\", \"datasetId\": \"urn:a:gps\", \"values\": [[1, \"2018-08-01T12:00:00Z\"],"
		   " [3, \"2018-08-01T12:02:00Z\"]]}]}");
}

static struct language_filter *languages(const char *text)
{
	struct language_filter *filter = NULL;

	CHECK_OK(language_filter_new(&arena, str_from(text), &filter, &err), &err);
	return filter;
}

#define SAYS                                                                                                           \
	"\"says\": [{\"languageMap\": {\"en\": \"yes\", \"fr\": \"oui\"}, \"observedAt\": \"2022-08-09T18:25:02Z\"}]"

static void one_language_is_a_property(void)
{
	const struct represent_options how = {.language = languages("fr")};

	CHECK_JSON(shown_as(SAYS, TEMPORAL_VALUES, &how),
		   "{\"says\": {\"type\": \"Property\", \"values\": [[\"oui\", \"2022-08-09T18:25:02Z\"]]}}");
	struct str text = shown_as(SAYS, TEMPORAL_NORMALIZED, &how);

	CHECK(str_contains(text, STR("{\"type\":\"Property\",\"value\":\"oui\",\"lang\":\"fr\",\"observedAt\"")));
}

/* ---- normalized ---- */

static void normalized_instances_have_an_id_each(void)
{
	struct str text = shown_as("\"speed\": {\"type\": \"Property\", \"value\": 27.350, \"unitCode\": \"KMH\","
				   " \"observedAt\": \"2018-08-01T12:03:00.5Z\", \"by\": {\"object\": \"urn:a:b\"}}",
				   TEMPORAL_NORMALIZED, NULL);
	char expected[512];

	(void)snprintf(expected, sizeof(expected),
		       "{\"speed\": [{\"type\": \"Property\", \"value\": 27.350, \"unitCode\": \"KMH\", \"observedAt\":"
		       " \"2018-08-01T12:03:00.500Z\", \"by\": {\"type\": \"Relationship\", \"object\": \"urn:a:b\"},"
		       " \"instanceId\": \"urn:ngsi-ld:Instance:%016llx:1\"}]}",
		       (unsigned long long)temporal_mark(STR_NONE, STR(ID),
							 STR("https://uri.etsi.org/ngsi-ld/default-context/speed")));
	CHECK_JSON(text, expected);
	CHECK(str_contains(text, STR("27.350"))); /* to the digit */
}

/* 6.3.11: times of the system's when asked for; and the one that the query is about. */
static void system_times_are_shown_on_request(void)
{
	const struct represent_options sys = {.sys_attrs = true};
	struct str text = shown_as(SPEEDS, TEMPORAL_NORMALIZED, &sys);

	CHECK(str_contains(text, STR("\"createdAt\":")) && str_contains(text, STR("\"modifiedAt\":")));
	text = shown_as(SPEEDS, TEMPORAL_NORMALIZED, NULL);
	CHECK(!str_contains(text, STR("\"createdAt\":")) && !str_contains(text, STR("\"modifiedAt\":")));
	struct temporal_entity entity = {.id = STR(ID), .attributes = attributes, .count = 1};
	const struct temporal_query by_modified = {.property = TEMPORAL_MODIFIED_AT};
	const struct represent_options plain = {.context = core};
	const struct temporal_options options = {TEMPORAL_NORMALIZED, &by_modified, &plain, STR_NONE};

	text = written(&entity, &options);
	CHECK(!str_contains(text, STR("\"createdAt\":")) && str_contains(text, STR("\"modifiedAt\":")));
}

/* The scope has no members but its times (4.5.6). */
static void the_scope_has_times_alone(void)
{
	CHECK_JSON(shown_as("\"scope\": [{\"type\": \"Property\", \"value\": [\"/a\"], \"observedAt\":"
			    " \"2018-08-01T12:03:00Z\"}, {\"type\": \"Property\", \"value\": [\"/a\", \"/b\"],"
			    " \"observedAt\": \"2018-08-01T12:04:00Z\"}]",
			    TEMPORAL_NORMALIZED, NULL),
		   "{\"scope\": [{\"type\": \"Property\", \"value\": \"/a\", \"observedAt\": \"2018-08-01T12:03:00Z\"},"
		   " {\"type\": \"Property\", \"value\": [\"/a\", \"/b\"], \"observedAt\":"
		   " \"2018-08-01T12:04:00Z\"}]}");
	CHECK_JSON(shown_as("\"scope\": [\"/a\", \"/b\"]", TEMPORAL_NORMALIZED, NULL),
		   "{\"scope\": [{\"type\": \"Property\", \"value\": [\"/a\", \"/b\"]}]}");
}

/* 4.5.7, 4.5.8, 4.5.0: a deletion is NGSI-LD Null, as each kind writes it, with deletedAt. */
static void deletions_are_null(void)
{
	static const char *const kinds[][3] = {
		{"\"a\": {\"value\": 1, \"unitCode\": \"X\"}", "\"type\":\"Property\",\"value\":\"urn:ngsi-ld:null\"",
		 "\"values\":[[\"urn:ngsi-ld:null\","},
		{"\"a\": {\"object\": \"urn:a:b\"}", "\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:null\"",
		 "\"objects\":[[\"urn:ngsi-ld:null\","},
		{"\"a\": {\"languageMap\": {\"en\": \"x\"}}",
		 "\"type\":\"LanguageProperty\",\"languageMap\":{\"@none\":\"urn:ngsi-ld:null\"}",
		 "\"languageMaps\":[[{\"languageMap\":{\"@none\":\"urn:ngsi-ld:null\"}},"},
		{"\"a\": {\"vocab\": \"x\"}", "\"type\":\"VocabProperty\",\"vocab\":\"urn:ngsi-ld:null\"",
		 "\"vocabs\":[[{\"vocab\":\"urn:ngsi-ld:null\"},"},
		{"\"a\": {\"json\": {}}", "\"type\":\"JsonProperty\",\"json\":\"urn:ngsi-ld:null\"",
		 "\"jsons\":[[{\"json\":\"urn:ngsi-ld:null\"},"},
		{"\"a\": {\"valueList\": [1]}", "\"type\":\"ListProperty\",\"valueList\":[\"urn:ngsi-ld:null\"]",
		 "\"valueLists\":[[[\"urn:ngsi-ld:null\"],"},
		{"\"a\": {\"objectList\": [\"urn:a:b\"]}",
		 "\"type\":\"ListRelationship\",\"objectList\":[{\"object\":\"urn:ngsi-ld:null\"}]",
		 "\"objectLists\":[[[\"urn:ngsi-ld:null\"],"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)shown_as(kinds[i][0], TEMPORAL_NORMALIZED, NULL);
		all_points[0][0].deleted = true;
		all_points[0][0].deleted_us = all_points[0][0].modified_us = NOW_US + US_PER_S;
		struct temporal_entity entity = {.id = STR(ID), .attributes = attributes, .count = 1};
		const struct represent_options plain = {.context = core};
		struct temporal_options options = {TEMPORAL_NORMALIZED, &by_observed, &plain, STR_NONE};
		struct str text = written(&entity, &options);

		CHECK(str_contains(text, str_from(kinds[i][1])) && str_contains(text, STR("\"deletedAt\":\"")));
		CHECK(!str_contains(text, STR("unitCode")));
		options.form = TEMPORAL_VALUES;
		text = written(&entity, &options);
		if (!CHECK(str_contains(text, str_from(kinds[i][2]))))
			printf("# %.*s\n", STR_FMT(text));
	}
}

/* ---- aggregated ---- */

/* Sums, naively. */
static void add_up(struct temporal_aggregate *aggregate, struct temporal_sums *ret)
{
	for (size_t i = 0; i < aggregate->periods.count; i++) {
		struct temporal_sums *s = &ret[i];

		*s = (struct temporal_sums){.min = INFINITY, .max = -INFINITY};
		for (size_t k = 0; k < aggregate->count; k++) {
			const struct temporal_point *point = &aggregate->points[k];
			double x = point->value->kind == JSON_BOOL ? point->value->boolean : point->value->number;

			if (point->observed_us < aggregate->periods.edges[i] ||
			    point->observed_us >= aggregate->periods.edges[i + 1])
				continue;
			s->count++;
			s->sum += x;
			s->sumsq += x * x;
			s->min = fmin(s->min, x);
			s->max = fmax(s->max, x);
		}
		if (s->count) {
			s->avg = s->sum / (double)s->count;
			s->stddev = sqrt(s->sumsq / (double)s->count - s->avg * s->avg);
		}
	}
	aggregate->sums = ret;
}

static struct str aggregated(const char *body, const char *methods, const char *period, bool named)
{
	const struct temporal_text said = {.timerel = STR("between"),
					   .time_at = STR("2018-08-01T12:00:00Z"),
					   .end_time_at = STR("2018-08-01T13:00:00Z"),
					   .aggregated = true,
					   .aggr_methods = str_from(methods),
					   .aggr_period = str_from(period)};
	struct temporal_query query = {.last_n = 0};
	const struct represent_options plain = {.context = core};
	const struct temporal_options options = {TEMPORAL_AGGREGATED, &query, &plain, STR_NONE};
	struct temporal_entity entity = {.id = STR(ID), .attributes = attributes, .count = 1};

	CHECK_OK(temporal_query_read(&said, &query, &err), &err);
	(void)shown_as(body, TEMPORAL_NORMALIZED, NULL);
	struct temporal_aggregate *aggregate = &aggregates[0];
	bool numbers = true;

	*aggregate = (struct temporal_aggregate){.points = attributes[0].points, .count = attributes[0].count};
	for (size_t i = 0; i < aggregate->count; i++) {
		uint8_t kind = aggregate->points[i].value->kind;

		numbers = numbers && (kind == JSON_NUMBER || kind == JSON_BOOL);
	}
	CHECK_OK(temporal_periods_make(&arena, &query, aggregate->points[0].observed_us,
				       aggregate->points[aggregate->count - 1].observed_us, &aggregate->periods, &err),
		 &err);
	if (numbers)
		add_up(aggregate, sums[0]);
	attributes[0] = (struct temporal_attribute){
		.iri = attributes[0].iri, .aggregates = aggregate, .aggregate_count = 1, .named = named};
	return written(&entity, &options);
}

/* C.5.14 to the letter. */
static void the_aggregated_example(void)
{
	CHECK_JSON(aggregated(SPEEDS, "max,avg", "PT4M", true),
		   "{\"id\": \"" ID "\", \"speed\": {\"type\": \"Property\","
		   " \"max\": [[120, \"2018-08-01T12:00:00Z\", \"2018-08-01T12:04:00Z\"],"
		   " [100, \"2018-08-01T12:04:00Z\", \"2018-08-01T12:08:00Z\"]],"
		   " \"avg\": [[120, \"2018-08-01T12:00:00Z\", \"2018-08-01T12:04:00Z\"],"
		   " [90, \"2018-08-01T12:04:00Z\", \"2018-08-01T12:08:00Z\"]]}}");
}

#define RANGE ", \"2018-08-01T12:00:00Z\", \"2018-08-01T13:00:00Z\"]]"

/* {"values": [[v, t], …]} of these values, a minute apart. */
static const char *series(const char *plural, const char *type, const char *values)
{
	static char text[2048];
	struct json *list = parse(values);
	size_t at = (size_t)snprintf(text, sizeof(text), "\"a\": {\"type\": \"%s\", \"%s\": [", type, plural);

	for (uint32_t i = 0; list && i < list->count; i++) {
		struct buf out;

		buf_init(&out, 1024);
		json_write(&out, &list->items[i]);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s[%.*s, \"2018-08-01T12:%02u:00Z\"]",
				       i ? "," : "", STR_FMT(buf_str(&out)), i + 1);
		buf_done(&out);
	}
	(void)snprintf(text + at, sizeof(text) - at, "]}");
	return text;
}

static const char *const methods[] = {"avg", "distinctCount", "max", "min", "stddev", "sum", "sumsq", "totalCount"};
static const struct {
	const char *plural, *type, *values;
	const char *results[8];
} rows[] = {
	{"values", "Property", "[\"b\", \"a\", \"Z\", \"a\"]", {NULL, "3", "\"b\"", "\"Z\"", NULL, NULL, NULL, "4"}},
	{"values", "Property", "[2, 4, 4, 4, 5, 5, 7, 9]", {"5", "5", "9", "2", "2", "40", "232", "8"}},
	{"values",
	 "Property",
	 "[{\"a\": 1, \"b\": 2}, {\"b\": 2.0, \"a\": 1}, {}]",
	 {NULL, "2", NULL, NULL, NULL, NULL, NULL, "3"}},
	{"values", "Property", "[[1, 2, 3], [1], [5, 6]]", {"2", "3", "3", "1", NULL, "6", NULL, "3"}},
	{"values", "Property", "[true, true, false, true]", {"0.75", "2", "1", "0", NULL, "3", "3", "4"}},
	{"values",
	 "Property",
	 "[{\"@type\": \"DateTime\", \"@value\": \"2018-02-01T12:00:00Z\"},"
	 " {\"@type\": \"DateTime\", \"@value\": \"2018-01-01T12:00:00Z\"}]",
	 {NULL, "2", "{\"@type\": \"DateTime\", \"@value\": \"2018-02-01T12:00:00Z\"}",
	  "{\"@type\": \"DateTime\", \"@value\": \"2018-01-01T12:00:00Z\"}", NULL, NULL, NULL, "2"}},
	{"values",
	 "Property",
	 "[{\"@type\": \"Date\", \"@value\": \"2018-02-01\"}, {\"@type\": \"Date\", \"@value\": "
	 "\"2018-02-01\"}]",
	 {NULL, "1", "{\"@type\": \"Date\", \"@value\": \"2018-02-01\"}",
	  "{\"@type\": \"Date\", \"@value\": \"2018-02-01\"}", NULL, NULL, NULL, "2"}},
	{"values",
	 "Property",
	 "[{\"@type\": \"Time\", \"@value\": \"08:00:00Z\"}, {\"@type\": \"Time\", \"@value\": \"09:30:01Z\"}]",
	 {"{\"@type\": \"Time\", \"@value\": \"08:45:00.500Z\"}", "2",
	  "{\"@type\": \"Time\", \"@value\": \"09:30:01Z\"}", "{\"@type\": \"Time\", \"@value\": \"08:00:00Z\"}", NULL,
	  NULL, NULL, "2"}},
	{"values",
	 "Property",
	 "[{\"@type\": \"@id\", \"@value\": \"urn:a:b\"}]",
	 {NULL, "1", NULL, NULL, NULL, NULL, NULL, "1"}},
	{"objects",
	 "Relationship",
	 "[\"urn:a:1\", [\"urn:a:1\", \"urn:a:2\"], \"urn:a:2\"]",
	 {NULL, "2", NULL, NULL, NULL, NULL, NULL, "3"}},
	{"objectLists",
	 "ListRelationship",
	 "[[\"urn:a:1\", \"urn:a:2\"], [\"urn:a:2\", \"urn:a:3\"]]",
	 {NULL, "3", NULL, NULL, NULL, NULL, NULL, "2"}},
	{"valueLists", "ListProperty", "[[1, 2, 3], [1]]", {"2", "2", "3", "1", NULL, "4", NULL, "2"}},
	{"vocabs", "VocabProperty", "[\"x\", \"y\", \"x\"]", {NULL, "2", NULL, NULL, NULL, NULL, NULL, "3"}},
	{"values", "Property", "[1, \"a\"]", {NULL, "2", NULL, NULL, NULL, NULL, NULL, "2"}},
};

/* One value of the whole hour for each method of tables 4.5.19.1-1 to -3; N/A where they say so. */
static void every_method_on_every_type(void)
{
	char expected[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < 8; k++) {
			const char *body = series(rows[i].plural, rows[i].type, rows[i].values);
			struct str text = aggregated(body, methods[k], "PT0S", true);

			if (rows[i].results[k]) {
				(void)snprintf(expected, sizeof(expected),
					       "{\"id\": \"" ID "\", \"a\": {\"type\": \"%s\", \"%s\": [[%s" RANGE "}}",
					       rows[i].type, methods[k], rows[i].results[k]);
				CHECK_JSON(text, expected);
			} else if (i != 4) { /* the deviation of booleans is an irrational number, below */
				CHECK_JSON(text, "\"refused\"");
			}
			/* Not asked for by name, an attribute that a method does not apply to just lacks it. */
			if (!rows[i].results[k] && i != 4)
				CHECK_JSON(aggregated(body, methods[k], "PT0S", false), "{\"id\": \"" ID "\"}");
		}
	}
	struct str text = aggregated(series("values", "Property", "[true, true, false, true]"), "stddev", "PT0S", true);

	CHECK(str_contains(text, STR("[[0.4330127"))); /* sqrt(3)/4 */
}

static void applicable_methods_stay(void)
{
	CHECK_JSON(aggregated(series("values", "Property", "[\"b\"]"), "avg,max", "PT0S", false),
		   "{\"id\": \"" ID "\", \"a\": {\"type\": \"Property\", \"max\": [[\"b\"" RANGE "}}");
}

/* 5.2.5: valueType says what the values' texts are. */
static void value_types_count(void)
{
	CHECK_JSON(aggregated("\"a\": [{\"value\": \"08:00:00Z\", \"valueType\": \"Time\", \"observedAt\":"
			      " \"2018-08-01T12:01:00Z\"}, {\"value\": \"10:00:00Z\", \"valueType\": \"Time\","
			      " \"observedAt\": \"2018-08-01T12:02:00Z\"}]",
			      "avg", "PT0S", true),
		   "{\"id\": \"" ID "\", \"a\": {\"type\": \"Property\", \"avg\": [[\"09:00:00Z\"" RANGE "}}");
}

int main(void)
{
	bench_open();
	RUN(an_instance_alone_needs_no_array);
	RUN(instances_follow_one_another);
	RUN(what_is_no_series_is_refused);
	RUN(examples_of_the_clause_come_back);
	RUN(instances_become_pairs);
	RUN(datasets_make_an_array);
	RUN(one_language_is_a_property);
	RUN(normalized_instances_have_an_id_each);
	RUN(system_times_are_shown_on_request);
	RUN(the_scope_has_times_alone);
	RUN(deletions_are_null);
	RUN(the_aggregated_example);
	RUN(every_method_on_every_type);
	RUN(applicable_methods_stay);
	RUN(value_types_count);
	bench_close();
	return check_done();
}
