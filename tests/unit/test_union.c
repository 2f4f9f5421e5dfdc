/* Versions of one entity put together, after GS CIM 009 V1.9.1 clauses 4.3.6.2, 4.5.5.2 and 4.5.5.3; and what a request
 * says under another @context (4.3.6.6).
 *
 * Goal: which instance stays, what becomes of an end that not all know, what auxiliary sources may add. Method: small
 * documents as sources answer with sysAttrs, and the outcome worked out by the clauses' sentences. */
#include "ngsild/entity_rename.h"
#include "ngsild/query.h"
#include "ngsild/union.h"
#include "ngsild_bench.h"

#define AT "\"2027-01-15T0"
#define VERSIONS_MAX 4

/* As another broker answers. */
static struct json *answered(const char *members)
{
	const struct expand_options options = {.context = core, .stamped = true};
	const char *text =
		arena_printf(&arena, "{\"id\":\"urn:x\",\"type\":\"T\"%s%s}", *members ? "," : "", members).at;
	struct json *body = NULL, *entity = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &body, &err), &err);
	CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	return entity;
}

static struct str shown(const struct json *entity, bool sys_attrs)
{
	const struct represent_options options = {.context = core, .sys_attrs = sys_attrs};

	return entity ? represented(entity, &options) : STR("nothing");
}

/* The attributes of what the versions give, simplified; one that begins with "+" is auxiliary. */
static struct json *united(const char *const *texts, size_t count)
{
	struct union_version versions[VERSIONS_MAX];
	struct json *entity = NULL;

	for (size_t i = 0; i < count; i++)
		versions[i] = (struct union_version){answered(texts[i] + (texts[i][0] == '+')), texts[i][0] == '+'};
	CHECK_OK(union_entity(&arena, versions, count, NOW_US, &entity, &err), &err);
	return entity;
}

#define UNITED(...)                                                                                                    \
	united((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct str value_of(const struct json *entity, const char *name, const char *dataset)
{
	struct str iri = arena_printf(&arena, NGSILD_DEFAULT_VOCAB "%s", name);

	return json_text(document_value(document_instance(entity, iri, dataset ? str_from(dataset) : STR_NONE)));
}

static void attributes_are_taken_together(void)
{
	CHECK_STR(shown(UNITED("\"a\":{\"value\":\"A\"}", "\"b\":{\"value\":\"B\"}"), false),
		  STR("{\"id\":\"urn:x\",\"type\":\"T\",\"a\":{\"type\":\"Property\",\"value\":\"A\"},"
		      "\"b\":{\"type\":\"Property\",\"value\":\"B\"}}"));
	struct json *entity = UNITED("\"a\":{\"value\":\"A\",\"datasetId\":\"urn:d:1\"}", "\"a\":{\"value\":\"B\"}");

	CHECK_STR(value_of(entity, "a", "urn:d:1"), STR("A"));
	CHECK_STR(value_of(entity, "a", NULL), STR("B"));
	/* The default instance comes first (document.h). */
	CHECK(!json_get(json_at(json_get(entity, STR(NGSILD_DEFAULT_VOCAB "a")), 0), STR("datasetId")));
}

/* 4.5.5.3, in its order: what has expired goes; observedAt; modifiedAt. */
static void the_most_current_instance_stays(void)
{
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\",\"observedAt\":" AT "1:00:00Z\"}",
				  "\"a\":{\"value\":\"2\",\"observedAt\":" AT "2:00:00Z\"}"),
			   "a", NULL),
		  STR("2"));
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\",\"observedAt\":" AT "3:00:00Z\"}",
				  "\"a\":{\"value\":\"2\",\"observedAt\":" AT "2:00:00Z\"}"),
			   "a", NULL),
		  STR("1"));
	/* observedAt counts before modifiedAt. */
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\",\"observedAt\":" AT "3:00:00Z\",\"modifiedAt\":" AT
				  "3:00:00Z\"}",
				  "\"a\":{\"value\":\"2\",\"observedAt\":" AT "2:00:00Z\",\"modifiedAt\":" AT
				  "4:00:00Z\"}"),
			   "a", NULL),
		  STR("1"));
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\",\"modifiedAt\":" AT "3:00:00Z\"}",
				  "\"a\":{\"value\":\"2\",\"createdAt\":" AT "4:00:00Z\"}"),
			   "a", NULL),
		  STR("2"));
	/* An instance that has expired is discarded, however lately it was observed. */
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\",\"observedAt\":" AT "1:00:00Z\"}",
				  "\"a\":{\"value\":\"2\",\"observedAt\":" AT "2:00:00Z\",\"expiresAt\":" AT
				  "7:00:00Z\"}"),
			   "a", NULL),
		  STR("1"));
}

static void types_and_scopes_are_those_of_all(void)
{
	struct json *one = answered("\"scope\":\"/a\""), *other = answered("\"scope\":[\"/b\",\"/a\"]"), *entity = NULL;

	(void)json_push(&arena, json_get(other, STR("type")), json_string(STR("urn:type:2")));
	const struct union_version versions[] = {{one, false}, {other, false}};

	CHECK_OK(union_entity(&arena, versions, 2, NOW_US, &entity, &err), &err);
	CHECK_STR(shown(entity, false),
		  STR("{\"id\":\"urn:x\",\"type\":[\"T\",\"urn:type:2\"],\"scope\":[\"/a\",\"/b\"]}"));
}

/* 4.5.5.2 and the end of 4.5.5.3; now is 08:00. */
static void an_end_that_not_all_know_is_that_of_attributes(void)
{
	CHECK_STR(shown(UNITED("\"expiresAt\":" AT "9:00:00Z\",\"a\":{\"value\":1},\"b\":{\"value\":1,\"expiresAt\":" AT
			       "8:30:00Z\"}",
			       "\"c\":{\"value\":1}"),
			true),
		  STR("{\"id\":\"urn:x\",\"type\":\"T\","
		      "\"a\":{\"type\":\"Property\",\"value\":1,\"expiresAt\":\"2027-01-15T09:00:00Z\"},"
		      "\"b\":{\"type\":\"Property\",\"value\":1,\"expiresAt\":\"2027-01-15T08:30:00Z\"},"
		      "\"c\":{\"type\":\"Property\",\"value\":1}}"));
	/* Two that differ: the later one is the entity's. */
	CHECK_STR(json_text(json_get(UNITED("\"expiresAt\":" AT "8:30:00Z\"", "\"expiresAt\":" AT "9:30:00Z\""),
				     STR("expiresAt"))),
		  STR("2027-01-15T09:30:00Z"));
	/* The same end everywhere stays the entity's alone. */
	CHECK(!document_instance(UNITED("\"expiresAt\":" AT "9:00:00Z\",\"a\":{\"value\":1}",
					"\"expiresAt\":" AT "9:00:00Z\",\"b\":{\"value\":1}"),
				 STR(NGSILD_DEFAULT_VOCAB "a"), STR_NONE) ||
	      !json_get(document_instance(UNITED("\"expiresAt\":" AT "9:00:00Z\",\"a\":{\"value\":1}",
						 "\"expiresAt\":" AT "9:00:00Z\",\"b\":{\"value\":1}"),
					  STR(NGSILD_DEFAULT_VOCAB "a"), STR_NONE),
			STR("expiresAt")));
	/* What has ended is not there (5.7.1.4). */
	CHECK_STR(shown(UNITED("\"expiresAt\":" AT "7:00:00Z\",\"a\":{\"value\":1}"), false), STR("nothing"));
	CHECK_STR(shown(UNITED("\"expiresAt\":" AT "7:00:00Z\",\"a\":{\"value\":1}", "\"b\":{\"value\":1}"), false),
		  STR("{\"id\":\"urn:x\",\"type\":\"T\",\"b\":{\"type\":\"Property\",\"value\":1}}"));
}

static void auxiliary_sources_only_add(void)
{
	CHECK_STR(
		value_of(UNITED("\"a\":{\"value\":\"1\"}", "+\"a\":{\"value\":\"2\",\"observedAt\":" AT "2:00:00Z\"}"),
			 "a", NULL),
		STR("1"));
	CHECK_STR(value_of(UNITED("\"a\":{\"value\":\"1\"}", "+\"b\":{\"value\":\"2\"}"), "b", NULL), STR("2"));
	/* The attribute as a whole: not even another dataset of it. */
	CHECK(!value_of(UNITED("\"a\":{\"value\":\"1\"}", "+\"a\":{\"value\":\"2\",\"datasetId\":\"urn:d:1\"}"), "a",
			"urn:d:1")
		       .at);
	CHECK_STR(value_of(UNITED("+\"a\":{\"value\":\"1\"}"), "a", NULL), STR("1"));
}

static void stamps_are_the_first_creation_and_the_last_change(void)
{
	struct json *entity = UNITED("\"createdAt\":" AT "3:00:00Z\",\"modifiedAt\":" AT "4:00:00Z\"",
				     "\"createdAt\":" AT "1:00:00Z\"", "");

	CHECK_STR(shown(entity, true), STR("{\"id\":\"urn:x\",\"type\":\"T\",\"createdAt\":\"2027-01-15T01:00:00Z\","
					   "\"modifiedAt\":\"2027-01-15T04:00:00Z\"}"));
	/* A source that says nothing of them is not made to say something. */
	CHECK_STR(shown(UNITED(""), true), STR("{\"id\":\"urn:x\",\"type\":\"T\"}"));
}

/* ---- under another @context ---- */

static struct json *json_of(const char *text)
{
	struct json *json = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &json, &err), &err);
	return json;
}

static struct str text_of(const struct json *json)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	json_write(&out, json);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static void a_body_is_said_under_another_context(void)
{
	const char *body =
		"{\"id\":\"urn:x\",\"type\":\"Vehicle\",\"speed\":{\"value\":1,\"reliability\":{\"value\":0.5},"
		"\"observedAt\":\"2027-01-15T01:00:00Z\"},\"category\":{\"vocab\":\"commercial\"},"
		"\"name\":\"A\",\"other\":{\"speed\":1}}";
	const char *said =
		"{\"id\":\"urn:x\",\"type\":\"http://example.org/vehicle/Vehicle\",\"http://example.org/vehicle/"
		"speed\":"
		"{\"value\":1,\"http://example.org/common/reliability\":{\"value\":0.5},"
		"\"observedAt\":\"2027-01-15T01:00:00Z\"},"
		"\"http://example.org/vehicle/category\":{\"vocab\":\"http://example.org/vehicle/commercial\"},"
		"\"http://example.org/common/name\":\"A\",\"other\":{\"speed\":1}}";
	struct json *renamed = entity_rename(&arena, json_of(body), annex, core);

	CHECK_STR(text_of(renamed), str_from(said));
	CHECK_STR(text_of(entity_rename(&arena, renamed, core, annex)), str_from(body));
}

static void q_is_said_under_another_context(void)
{
	struct context *short_names = NULL;
	struct str q = STR_NONE;
	struct json *value =
		json_of("{\"v\":\"http://example.org/vehicle/speed\",\"n\":\"http://example.org/common/name\"}");

	CHECK_OK(context_new(core, value, NULL, &short_names, &err), &err);
	CHECK_OK(query_rename_q(&arena, parser, STR("(speed>50|name==\"speed\");speed.reliability[a.speed]<1;other"),
				annex, short_names, &q, &err),
		 &err);
	CHECK_STR(q, STR("(v>50|n==\"speed\");v.http://example.org/common/reliability[a.speed]<1;other"));
	(void)context_unref(short_names);
	CHECK(query_rename_q(&arena, parser, STR("speed>"), annex, core, &q, &err) == ERR_INVALID);
}

int main(void)
{
	bench_open();
	RUN(attributes_are_taken_together);
	RUN(the_most_current_instance_stays);
	RUN(types_and_scopes_are_those_of_all);
	RUN(an_end_that_not_all_know_is_that_of_attributes);
	RUN(auxiliary_sources_only_add);
	RUN(stamps_are_the_first_creation_and_the_last_change);
	RUN(a_body_is_said_under_another_context);
	RUN(q_is_said_under_another_context);
	bench_close();
	return check_done();
}
