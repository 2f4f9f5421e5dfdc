/* Merge patch after GS CIM 009 V1.9.1 clauses 5.5.12, 5.6.17 and 6.5.3.4, and Replace Attribute (5.6.19).
 *
 * Goal: the clause's examples come out as printed, values merge as RFC 7396 says, what is not named stays as it is, and
 * what would be no attribute is refused. Method: the clause's examples, the table of RFC 7396's appendix A (through a
 * JsonProperty and a Property), the rules case by case, and random values against the RFC's algorithm written down
 * naively here. */
#include "ngsild/merge.h"
#include "ngsild_bench.h"

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define LATER_US (NOW_US + 1000000)
#define NUL "\"urn:ngsi-ld:null\""

static struct json *entity_of(const char *attributes)
{
	return expanded(
		arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\"%s%s}", *attributes ? ", " : "", attributes)
			.at,
		core);
}

static enum err_code try_merge(struct json *entity, const char *fragment, const struct merge_patch_options *options,
			       struct merge_result *ret_result)
{
	const struct expand_options expand = {.context = core,
					      .now_us = LATER_US,
					      .fragment = true,
					      .merge = true,
					      .simplified = options && options->simplified};
	struct json *body = parse(fragment), *expanded_fragment = NULL;
	enum err_code code = body ? expand_entity(&arena, body, &expand, &expanded_fragment, &err) : ERR_INTERNAL;

	return code ? code : merge_patch(&arena, entity, expanded_fragment, options, LATER_US, ret_result, &err);
}

static struct merge_result merged_with(struct json *entity, const char *fragment,
				       const struct merge_patch_options *options)
{
	struct merge_result result = {0};

	if (!CHECK_OK(try_merge(entity, fragment, options, &result), &err))
		printf("# in %s\n", fragment);
	return result;
}

static struct merge_result merged(struct json *entity, const char *fragment)
{
	return merged_with(entity, fragment, NULL);
}

static bool check_refused(const char *attributes, const char *fragment, const struct merge_patch_options *options,
			  const char *file, int line)
{
	struct merge_result result = {0};
	enum err_code code = try_merge(entity_of(attributes), fragment, options, &result);

	if (code == ERR_INVALID)
		return true;
	printf("# %s onto %s: %s\n", fragment, attributes, err_name(code));
	return check_true(false, "refused as ERR_INVALID", file, line);
}
#define CHECK_REFUSED(attributes, fragment, options) check_refused(attributes, fragment, options, __FILE__, __LINE__)

static bool check_entity(const struct json *entity, const char *attributes, const char *file, int line)
{
	struct represent_options options = {.context = core};
	struct str expected =
		arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\"%s%s}", *attributes ? ", " : "", attributes);

	return check_json(represented(entity, &options), expected.at, file, line);
}
#define CHECK_ENTITY(entity, attributes) check_entity((entity), (attributes), __FILE__, __LINE__)

static size_t change_count(const struct merge_result *result)
{
	size_t count = 0;

	for (const struct change *change = result->changes; change; change = change->next)
		count++;
	return count;
}

/* ---- the standard's examples ---- */

static void an_attribute_keeps_what_the_fragment_does_not_name(void)
{
	/* 5.5.12, example 1. */
	struct json *entity =
		entity_of("\"temperature\": {\"type\": \"Property\", \"value\": 25, \"unitCode\": \"CEL\","
			  " \"observedAt\": \"2022-03-14T01:59:26.535Z\"}");
	struct merge_result result = merged(entity, "{\"temperature\": {\"type\": \"Property\", \"value\": 100,"
						    " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}}");

	CHECK_ENTITY(entity, "\"temperature\": {\"type\": \"Property\", \"value\": 100, \"unitCode\": \"CEL\","
			     " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}");
	if (!CHECK(result.changed && result.changes && change_count(&result) == 1))
		return;
	CHECK(result.changes->kind == CHANGE_UPDATED);
	CHECK(json_equal(document_value(result.changes->before), parse("25")));
	CHECK(json_equal(document_value(result.changes->after), parse("100")));
	CHECK(document_created_us(result.changes->after) == NOW_US);
	CHECK(document_modified_us(result.changes->after) == LATER_US);
	CHECK(document_modified_us(entity) == LATER_US && document_created_us(entity) == NOW_US);
}

static void a_value_that_is_an_object_is_merged_inside(void)
{
	/* 5.5.12, example 2. */
	struct json *entity = entity_of("\"address\": {\"type\": \"Property\", \"value\": {\"street\":"
					" \"Straße des 17. Juni\", \"city\": \"Berlin\", \"country\": \"Germany\"}}");

	merged(entity, "{\"address\": {\"type\": \"Property\", \"value\": {\"street\": \"Pariser Platz\","
		       " \"country\": " NUL "}}}");
	CHECK_ENTITY(entity, "\"address\": {\"type\": \"Property\", \"value\": {\"street\": \"Pariser Platz\","
			     " \"city\": \"Berlin\"}}");
}

/* ---- RFC 7396, appendix A; null is NGSI-LD Null in a fragment ---- */

static const struct {
	const char *original, *patch, *result;
} rfc_cases[] = {
	{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"a\":" NUL "}", "{}"},
	{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":" NUL "}", "{\"b\":\"c\"}"},
	{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":" NUL "}}", "{\"a\":{\"b\":\"d\"}}"},
	{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	{"{\"a\":\"foo\"}", NUL, NULL},
	{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"}, /* null in JSON-LD: a JsonProperty only (4.5.0) */
	{"[1,2]", "{\"a\":\"b\",\"c\":" NUL "}", "{\"a\":\"b\"}"},
	{"{}", "{\"a\":{\"bb\":{\"ccc\":" NUL "}}}", "{\"a\":{\"bb\":{}}}"},
};

static void check_rfc_case(size_t i, const char *type, const char *member)
{
	struct json *entity = entity_of(
		arena_printf(&arena, "\"a\": {\"type\": \"%s\", \"%s\": %s}", type, member, rfc_cases[i].original).at);

	merged(entity,
	       arena_printf(&arena, "{\"a\": {\"type\": \"%s\", \"%s\": %s}}", type, member, rfc_cases[i].patch).at);
	const struct json *instance = document_instance(entity, STR(V "a"), STR_NONE);

	if (!rfc_cases[i].result)
		CHECK(!instance);
	else if (!CHECK(instance && json_equal(document_value(instance), parse(rfc_cases[i].result))))
		printf("# %s with %s\n", rfc_cases[i].original, rfc_cases[i].patch);
}

static void values_merge_as_appendix_a_of_rfc_7396_says(void)
{
	for (size_t i = 0; i < sizeof(rfc_cases) / sizeof(rfc_cases[0]); i++) {
		check_rfc_case(i, "JsonProperty", "json");
		if (!strstr(rfc_cases[i].original, "null"))
			check_rfc_case(i, "Property", "value");
	}
}

/* ---- random values against the RFC's algorithm ---- */

static uint64_t random_state = 42;

static uint32_t roll(uint32_t sides)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % sides;
}

static void put_random(struct buf *out, int depth, bool nulls)
{
	static const char *const scalars[] = {"1", "\"x\"", "true", "-2.5", "[1,{\"b\":2}]", "\"\""};
	uint32_t count = roll(4) ? roll(5) : 12 + roll(20); /* few and many members */

	if (depth == 0 || roll(3) == 0) {
		buf_put(out, nulls && roll(3) == 0 ? STR(NUL) : str_from(scalars[roll(6)]));
		return;
	}
	buf_put_char(out, '{');
	for (uint32_t i = 0; i < count; i++) {
		/* Distinct names out of a small pool, so that many meet. */
		buf_printf(out, "%s\"m%u\":", i ? "," : "", i * 2 + roll(2));
		put_random(out, depth - 1, nulls);
	}
	buf_put_char(out, '}');
}

/* MergePatch(Target, Patch) of RFC 7396, section 2, line by line. */
static struct json naive_merge(const struct json *target, const struct json *patch)
{
	struct json result = json_object();

	if (!json_is(patch, JSON_OBJECT))
		return *patch;
	if (json_is(target, JSON_OBJECT))
		result = *json_dup(&arena, target);
	for (uint32_t i = 0; i < patch->count; i++) {
		struct str name = patch->members[i].key;
		const struct json *value = &patch->members[i].value;

		if (json_is(value, JSON_STRING) && str_eq(json_text(value), STR("urn:ngsi-ld:null")))
			(void)json_remove(&result, name);
		else
			CHECK(json_set(&arena, &result, name, naive_merge(json_get(&result, name), value)) != NULL);
	}
	return result;
}

static void random_values_merge_as_the_naive_algorithm_has_it(void)
{
	struct buf target, patch;

	buf_init(&target, 1u << 20);
	buf_init(&patch, 1u << 20);
	for (int round = 0; round < 400; round++) {
		buf_clear(&target);
		buf_clear(&patch);
		put_random(&target, 3, false);
		buf_put(&patch, STR("{\"m0\":"));
		put_random(&patch, 3, true);
		buf_put_char(&patch, '}');
		struct str before = arena_dup(&arena, buf_str(&target)), over = arena_dup(&arena, buf_str(&patch));
		struct json *entity = entity_of(arena_printf(&arena, "\"a\": {\"json\": %s}", before.at).at);

		merged(entity, arena_printf(&arena, "{\"a\": {\"json\": %s}}", over.at).at);
		struct json expected = naive_merge(parse(before.at), parse(over.at));
		const struct json *instance = document_instance(entity, STR(V "a"), STR_NONE);

		if (!CHECK(instance && json_equal(document_value(instance), &expected)))
			printf("# %s with %s\n", before.at, over.at);
	}
	buf_done(&target);
	buf_done(&patch);
}

/* ---- Null and arrays ---- */

static void null_removes_at_any_depth_and_is_refused_in_arrays(void)
{
	struct json *entity =
		entity_of("\"a\": {\"type\": \"Property\", \"value\": {\"x\": {\"y\": 1, \"z\": 2}},"
			  " \"unitCode\": \"CEL\", \"p\": {\"type\": \"Property\", \"value\": 1,"
			  " \"q\": {\"type\": \"Property\", \"value\": 2}, \"r\": 3}}, \"b\": 1, \"c\": 2");
	struct merge_result result = merged(
		entity, "{\"a\": {\"type\": \"Property\", \"value\": {\"x\": {\"y\": " NUL "}}, \"unitCode\": " NUL
			", \"p\": {\"type\": \"Property\", \"q\": " NUL "}}, \"b\": " NUL
			", \"c\": {\"type\": \"Property\", \"value\": " NUL "}, \"d\": " NUL "}");

	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": {\"x\": {\"z\": 2}}, \"p\": {\"type\":"
			     " \"Property\", \"value\": 1, \"r\": {\"type\": \"Property\", \"value\": 3}}}");
	if (!CHECK(change_count(&result) == 3) || !result.changes || !result.changes->next)
		return;
	CHECK(result.changes->kind == CHANGE_UPDATED);
	CHECK(result.changes->next->kind == CHANGE_DELETED && !result.changes->next->after);
	CHECK(json_equal(document_value(result.changes->next->before), parse("1")));
	/* What comes new has no Nulls either. */
	entity = entity_of("");
	merged(entity, "{\"a\": {\"value\": {\"x\": " NUL ", \"y\": {\"z\": " NUL "}}, \"p\": " NUL
		       ", \"q\": 1, \"observedAt\": " NUL "}}");
	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": {\"y\": {}}, \"q\": {\"type\": \"Property\","
			     " \"value\": 1}}");
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"value\": [" NUL "]}}", NULL);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"value\": {\"x\": [{\"y\": " NUL "}]}}}", NULL);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"value\": 1, \"datasetId\": " NUL "}}", NULL);
	CHECK_REFUSED("", "{\"type\": " NUL "}", NULL);
}

static void a_json_literal_is_one_value(void)
{
	struct json *entity =
		entity_of("\"a\": {\"value\": {\"@type\": \"@json\", \"@value\": {\"x\": null, \"y\": 1}}}");

	merged(entity, "{\"a\": {\"value\": {\"@type\": \"@json\", \"@value\": {\"y\": 2}}}}");
	CHECK(json_equal(document_value(document_instance(entity, STR(V "a"), STR_NONE)),
			 parse("{\"@type\": \"@json\", \"@value\": {\"y\": 2}}")));
	merged(entity, "{\"a\": {\"value\": {\"z\": 3, \"@type\": " NUL "}}}");
	CHECK(json_equal(document_value(document_instance(entity, STR(V "a"), STR_NONE)), parse("{\"z\": 3}")));
	merged(entity, "{\"a\": {\"value\": {\"@type\": \"@json\", \"@value\": {\"y\": 2}}}}");
	CHECK_ENTITY(entity,
		     "\"a\": {\"type\": \"Property\", \"value\": {\"@type\": \"@json\", \"@value\": {\"y\": 2}}}");
}

/* ---- kinds ---- */

static void language_maps_merge_by_language(void)
{
	static const char *const street = "\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"fr\": \"Grand"
					  " Place\", \"nl\": \"Grote Markt\", \"@none\": \"square\"}}";
	struct json *entity = entity_of(street);

	merged(entity, "{\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"nl\": " NUL
		       ", \"de\": [\"Markt\", \"Platz\"], \"@none\": " NUL "}}}");
	CHECK_ENTITY(entity, "\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"fr\": \"Grand Place\","
			     " \"de\": [\"Markt\", \"Platz\"]}}");
	merged(entity, "{\"s\": {\"languageMap\": {\"fr\": \"La place\"}, \"valueType\": \"langString\"}}");
	CHECK(document_value(document_instance(entity, STR(V "s"), STR_NONE))->count == 2);
	/* {"@none": Null} alone is the map's Null (4.5.18.2). */
	merged(entity, "{\"s\": {\"languageMap\": {\"@none\": " NUL "}}}");
	CHECK_ENTITY(entity, "");
	CHECK_REFUSED(street, "{\"s\": {\"languageMap\": {\"fr\": " NUL ", \"nl\": " NUL ", \"@none\": " NUL "}}}",
		      NULL);
	CHECK_REFUSED(street, "{\"s\": {\"languageMap\": \"Grand Place\"}}", NULL);
	CHECK_REFUSED(street, "{\"s\": {\"languageMap\": " NUL "}}", NULL);
	CHECK_REFUSED(street, "{\"s\": \"Grand Place\"}", NULL);
	CHECK_REFUSED(street, "{\"s\": {\"languageMap\": {\"fr\": \"x\"}, \"unitCode\": \"CEL\"}}", NULL);
	CHECK_REFUSED(street, "{\"s\": {\"languageMap\": {\"fr\": \"x\"}, \"valueType\": \"Integer\"}}", NULL);
}

static void a_text_goes_into_the_language_of_the_request(void)
{
	/* 5.6.17.4; "a string or string array" (6.5.3.4), however the text is wrapped. */
	static const struct merge_patch_options german = {.lang = {"de", 2}};
	static const char *const texts[] = {"\"Platz\"", "{\"value\": \"Platz\"}",
					    "{\"type\": \"Property\", \"value\": \"Platz\"}",
					    "{\"type\": \"LanguageProperty\", \"languageMap\": \"Platz\"}"};
	static const char *const before = "\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"fr\": \"Place\","
					  " \"de\": \"Markt\"}}";

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json *entity = entity_of(before);

		merged_with(entity, arena_printf(&arena, "{\"s\": %s}", texts[i]).at, &german);
		CHECK_ENTITY(entity, "\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"fr\": \"Place\","
				     " \"de\": \"Platz\"}}");
	}
	struct merge_patch_options simplified = {.lang = STR("de"), .simplified = true, .context = core};
	struct json *entity = entity_of(before);

	merged_with(entity, "{\"s\": [\"Platz\", \"Markt\"], \"t\": \"text\"}", &simplified);
	CHECK_ENTITY(entity, "\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"fr\": \"Place\","
			     " \"de\": [\"Platz\", \"Markt\"]}}, \"t\": {\"type\": \"Property\", \"value\": \"text\"}");
	merged_with(entity, "{\"s\": " NUL "}", &simplified);
	CHECK_ENTITY(entity, "\"t\": {\"type\": \"Property\", \"value\": \"text\"}");
	/* Other kinds do not mind the language. */
	merged_with(entity, "{\"t\": {\"type\": \"Property\", \"value\": \"new\"}}", &german);
	CHECK_ENTITY(entity, "\"t\": {\"type\": \"Property\", \"value\": \"new\"}");
	CHECK_REFUSED(before, "{\"s\": 5}", &simplified);
	CHECK_REFUSED(before, "{\"s\": [\"a\", 5]}", &german);
}

static void other_kinds_replace_their_value_and_keep_the_rest(void)
{
	struct json *entity = entity_of(
		"\"r\": {\"type\": \"Relationship\", \"object\": \"urn:x:2\", \"objectType\": \"U\", \"p\": 1},"
		"\"v\": {\"type\": \"VocabProperty\", \"vocab\": [\"a\", \"b\"], \"p\": 1},"
		"\"l\": {\"type\": \"ListProperty\", \"valueList\": [1, 2, 3], \"unitCode\": \"MMT\"},"
		"\"o\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:x:3\"}]},"
		"\"location\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]},"
		" \"observedAt\": \"2026-01-01T00:00:00Z\"}");

	merged(entity, "{\"r\": {\"object\": [\"urn:x:4\", \"urn:x:5\"]}, \"v\": {\"vocab\": \"c\"},"
		       "\"l\": {\"valueList\": [4]}, \"o\": {\"objectList\": [\"urn:x:6\"], \"objectType\": \"U\"},"
		       "\"location\": {\"type\": \"GeoProperty\", \"value\": {\"coordinates\": [3, 4]}}}");
	CHECK_ENTITY(
		entity,
		"\"r\": {\"type\": \"Relationship\", \"object\": [\"urn:x:4\", \"urn:x:5\"], \"objectType\": \"U\","
		" \"p\": {\"type\": \"Property\", \"value\": 1}},"
		"\"v\": {\"type\": \"VocabProperty\", \"vocab\": \"c\", \"p\": {\"type\": \"Property\", \"value\": 1}},"
		"\"l\": {\"type\": \"ListProperty\", \"valueList\": [4], \"unitCode\": \"MMT\"},"
		"\"o\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:x:6\"}],"
		" \"objectType\": \"U\"},"
		"\"location\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [3, 4]},"
		" \"observedAt\": \"2026-01-01T00:00:00Z\"}");
	merged(entity, "{\"r\": {\"type\": \"Relationship\", \"object\": " NUL "}, \"v\": {\"vocab\": " NUL "},"
		       "\"l\": {\"valueList\": [" NUL "]}, \"o\": {\"objectList\": [{\"object\": " NUL "}]},"
		       "\"location\": " NUL "}");
	CHECK_ENTITY(entity, "");
}

static void what_would_be_no_attribute_is_refused(void)
{
	static const char *const point = "\"g\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\","
					 " \"coordinates\": [1, 2]}}";

	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"type\": \"Relationship\", \"object\": \"urn:x:2\"}}", NULL);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"object\": \"urn:x:2\"}}", NULL);
	CHECK_REFUSED("\"a\": {\"object\": \"urn:x:2\"}", "{\"a\": \"urn:x:3\"}", NULL);
	CHECK_REFUSED("\"a\": {\"object\": \"urn:x:2\"}", "{\"a\": {\"unitCode\": \"CEL\"}}", NULL);
	CHECK_REFUSED("", "{\"a\": {\"type\": \"Property\", \"unitCode\": \"CEL\"}}", NULL);
	CHECK_REFUSED("", "{\"a\": {\"observedAt\": \"2026-01-01T00:00:00Z\"}}", NULL);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"p\": {\"type\": \"Property\"}, \"value\": 1}}", NULL);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"value\": 1, \"p\": {\"unitCode\": \"CEL\"}}}", NULL);
	CHECK_REFUSED(point, "{\"g\": {\"value\": {\"coordinates\": [1, 200, 3, 4, 5]}}}", NULL);
	CHECK_REFUSED(point, "{\"g\": {\"value\": {\"type\": \"Polygon\"}}}", NULL);
	CHECK_REFUSED(point, "{\"g\": 5}", NULL);
	CHECK_REFUSED("", "{\"g\": {\"type\": \"GeoProperty\", \"value\": {\"coordinates\": [1, 2]}}}", NULL);
	CHECK_REFUSED("", "{\"id\": \"urn:x:other\"}", NULL);
	CHECK_REFUSED("", "{\"a\": null}", NULL);
}

/* ---- instances and sub-attributes ---- */

static void instances_are_told_apart_by_dataset_id(void)
{
	struct json *entity = entity_of("\"a\": [{\"value\": 1, \"unitCode\": \"CEL\"},"
					" {\"value\": 2, \"unitCode\": \"CEL\", \"datasetId\": \"urn:d:1\"}]");
	struct merge_result result =
		merged(entity, "{\"a\": [{\"value\": 20, \"datasetId\": \"urn:d:1\"}, {\"value\": 3, \"datasetId\":"
			       " \"urn:d:2\"}, {\"unitCode\": \"KEL\"}]}");

	CHECK_ENTITY(entity,
		     "\"a\": [{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"KEL\"},"
		     " {\"type\": \"Property\", \"value\": 20, \"unitCode\": \"CEL\", \"datasetId\": \"urn:d:1\"},"
		     " {\"type\": \"Property\", \"value\": 3, \"datasetId\": \"urn:d:2\"}]");
	if (!CHECK(change_count(&result) == 3) || !result.changes || !result.changes->next ||
	    !result.changes->next->next)
		return;
	CHECK(result.changes->kind == CHANGE_UPDATED);
	CHECK(result.changes->next->next->kind == CHANGE_CREATED && !result.changes->next->next->before);
	CHECK_STR(result.changes->next->next->dataset_id, STR("urn:d:2"));
	/* Null deletes the instance that it names. */
	merged(entity, "{\"a\": [{\"value\": " NUL "}, {\"value\": " NUL ", \"datasetId\": \"urn:d:2\"}]}");
	merged(entity, "{\"a\": {\"type\": \"Property\", \"value\": " NUL ", \"datasetId\": \"urn:d:2\"}}");
	merged(entity, "{\"a\": " NUL "}");
	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 20, \"unitCode\": \"CEL\", \"datasetId\":"
			     " \"urn:d:1\"}");
	/* A default instance that comes later is first all the same. */
	merged(entity, "{\"a\": 7}");
	CHECK(json_get(entity, STR(V "a"))->count == 2);
	CHECK(json_equal(document_value(json_at(json_get(entity, STR(V "a")), 0)), parse("7")));
}

static void sub_attributes_merge_like_attributes(void)
{
	struct json *entity = entity_of(
		"\"a\": {\"value\": 1, \"p\": [{\"value\": {\"x\": 1}}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}],"
		" \"q\": {\"object\": \"urn:x:2\", \"w\": {\"languageMap\": {\"en\": \"a\"}}}}");

	merged(entity, "{\"a\": {\"type\": \"Property\", \"p\": [{\"value\": {\"y\": 2}}, {\"value\": " NUL
		       ", \"datasetId\": \"urn:d:1\"}, {\"value\": 4, \"datasetId\": \"urn:d:2\"}],"
		       " \"q\": {\"type\": \"Relationship\", \"w\": {\"languageMap\": {\"de\": \"b\"}}}}}");
	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 1,"
			     " \"p\": [{\"type\": \"Property\", \"value\": {\"x\": 1, \"y\": 2}},"
			     " {\"type\": \"Property\", \"value\": 4, \"datasetId\": \"urn:d:2\"}],"
			     " \"q\": {\"type\": \"Relationship\", \"object\": \"urn:x:2\", \"w\": {\"type\":"
			     " \"LanguageProperty\", \"languageMap\": {\"en\": \"a\", \"de\": \"b\"}}}}");
	const struct json *instance = document_instance(entity, STR(V "a"), STR_NONE);

	CHECK(document_modified_us(instance) == LATER_US && document_created_us(instance) == NOW_US);
	CHECK(document_created_us(document_instance(instance, STR(V "p"), STR("urn:d:2"))) == LATER_US);
	CHECK(document_created_us(document_instance(instance, STR(V "p"), STR_NONE)) == NOW_US);
}

static void saying_the_same_again_changes_nothing(void)
{
	struct json *entity = entity_of("\"a\": {\"value\": {\"x\": 1, \"y\": [2]}, \"observedAt\":"
					" \"2026-01-01T00:00:00Z\", \"p\": 1}, \"b\": {\"object\": \"urn:x:2\"}");
	struct merge_result result =
		merged(entity, "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"value\": {\"x\": 1.0}, \"p\": 1},"
			       " \"b\": {\"type\": \"Relationship\"}, \"c\": " NUL "}");

	CHECK(!result.changed && !result.changes && document_modified_us(entity) == NOW_US);
	CHECK(!merged(entity, "{}").changed);
	result = merged(entity, "{\"a\": {\"value\": {\"x\": 2}}}");
	CHECK(change_count(&result) == 1);
	CHECK(document_modified_us(document_instance(document_instance(entity, STR(V "a"), STR_NONE), STR(V "p"),
						     STR_NONE)) == NOW_US);
}

/* ---- parameters ---- */

static void the_common_observed_at_moves_those_that_have_one(void)
{
	static const struct merge_patch_options at = {.observed_at = {"2030-01-01T00:00:00Z", 20}};
	struct json *entity = entity_of("\"a\": {\"value\": 1, \"observedAt\": \"2026-01-01T00:00:00Z\"}, \"b\": 2,"
					"\"c\": {\"value\": 3, \"observedAt\": \"2026-01-01T00:00:00Z\"},"
					"\"d\": {\"value\": 4, \"observedAt\": \"2026-01-01T00:00:00Z\"},"
					"\"e\": {\"value\": 5, \"observedAt\": \"2026-01-01T00:00:00Z\"}");

	merged_with(entity,
		    "{\"a\": 10, \"b\": 20, \"c\": {\"value\": 30, \"observedAt\": \"2028-01-01T00:00:00Z\"},"
		    " \"d\": {\"value\": 40, \"observedAt\": " NUL "}, \"f\": 60}",
		    &at);
	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 10, \"observedAt\": \"2030-01-01T00:00:00Z\"},"
			     "\"b\": {\"type\": \"Property\", \"value\": 20},"
			     "\"c\": {\"type\": \"Property\", \"value\": 30, \"observedAt\": \"2028-01-01T00:00:00Z\"},"
			     "\"d\": {\"type\": \"Property\", \"value\": 40},"
			     "\"e\": {\"type\": \"Property\", \"value\": 5, \"observedAt\": \"2026-01-01T00:00:00Z\"},"
			     "\"f\": {\"type\": \"Property\", \"value\": 60}");
}

static void simplified_values_take_the_type_of_what_is_there(void)
{
	static const char *const before =
		"\"p\": {\"value\": {\"x\": 1}, \"unitCode\": \"CEL\"}, \"r\": {\"object\": \"urn:x:2\", \"q\": 1},"
		"\"v\": {\"vocab\": \"a\"}, \"j\": {\"json\": {\"x\": 1}}, \"s\": {\"languageMap\": {\"en\": \"a\"}},"
		"\"l\": {\"valueList\": [1]}, \"o\": {\"objectList\": [\"urn:x:3\"]},"
		"\"location\": {\"type\": \"Point\", \"coordinates\": [1, 2]}";
	const struct merge_patch_options options = {.simplified = true, .context = core};
	struct json *entity = entity_of(before);

	merged_with(
		entity,
		"{\"p\": {\"value\": 2, \"type\": \"Property\"}, \"r\": \"urn:x:4\", \"v\": {\"vocab\": \"b\"},"
		"\"j\": {\"json\": {\"y\": 2}}, \"s\": {\"languageMap\": {\"de\": \"b\"}}, \"l\": [2, 3],"
		"\"o\": [\"urn:x:5\", \"urn:x:6\"], \"location\": {\"coordinates\": [3, 4]},"
		"\"n\": {\"type\": \"Point\", \"coordinates\": [5, 6]}, \"m\": {\"vocab\": \"c\"}, \"k\": \"urn:x:7\"}",
		&options);
	CHECK_ENTITY(
		entity,
		"\"p\": {\"type\": \"Property\", \"value\": {\"x\": 1, \"value\": 2, \"type\": \"Property\"},"
		" \"unitCode\": \"CEL\"},"
		"\"r\": {\"type\": \"Relationship\", \"object\": \"urn:x:4\", \"q\": {\"type\": \"Property\","
		" \"value\": 1}},"
		"\"v\": {\"type\": \"VocabProperty\", \"vocab\": \"b\"},"
		"\"j\": {\"type\": \"JsonProperty\", \"json\": {\"x\": 1, \"y\": 2}},"
		"\"s\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"a\", \"de\": \"b\"}},"
		"\"l\": {\"type\": \"ListProperty\", \"valueList\": [2, 3]},"
		"\"o\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:x:5\"},"
		" {\"object\": \"urn:x:6\"}]},"
		"\"location\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [3, 4]}},"
		"\"n\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [5, 6]}},"
		"\"m\": {\"type\": \"VocabProperty\", \"vocab\": \"c\"},"
		"\"k\": {\"type\": \"Property\", \"value\": \"urn:x:7\"}");
	/* A VocabProperty's term alone is expanded like one. */
	entity = entity_of(before);
	merged_with(entity, "{\"v\": [\"Vehicle\", \"b\"], \"j\": {\"z\": 3}, \"r\": [\"urn:x:8\"]}", &options);
	CHECK_STR(json_text(json_at(document_value(document_instance(entity, STR(V "v"), STR_NONE)), 0)),
		  STR(V "Vehicle"));
	CHECK(json_equal(document_value(document_instance(entity, STR(V "j"), STR_NONE)),
			 parse("{\"x\": 1, \"z\": 3}")));
	CHECK_REFUSED(before, "{\"r\": \"no URI\"}", &options);
	CHECK_REFUSED(before, "{\"r\": []}", &options);
	CHECK_REFUSED(before, "{\"o\": \"urn:x:5\"}", &options);
	CHECK_REFUSED(before, "{\"l\": 5}", &options);
	CHECK_REFUSED(before, "{\"v\": 5}", &options);
	CHECK_REFUSED(before, "{\"s\": \"a\"}", &options);
	CHECK_REFUSED(before, "{\"p\": {\"vocab\": \"b\"}}", &options);
	CHECK_REFUSED(before, "{\"r\": {\"json\": 1}}", &options);
	CHECK_REFUSED(before, "{\"location\": \"here\"}", &options);
}

static void simplified_datasets_are_instances(void)
{
	const struct merge_patch_options options = {.simplified = true, .context = core};
	struct json *entity = entity_of("\"a\": [{\"value\": 1, \"unitCode\": \"CEL\"}, {\"value\": 2, \"datasetId\":"
					" \"urn:d:1\"}, {\"value\": 3, \"datasetId\": \"urn:d:2\"}]");

	merged_with(entity,
		    "{\"a\": {\"dataset\": {\"urn:d:1\": 20, \"@none\": 10, \"urn:d:2\": " NUL ", \"urn:d:3\": 30}}}",
		    &options);
	CHECK_ENTITY(entity, "\"a\": [{\"type\": \"Property\", \"value\": 10, \"unitCode\": \"CEL\"},"
			     " {\"type\": \"Property\", \"value\": 20, \"datasetId\": \"urn:d:1\"},"
			     " {\"type\": \"Property\", \"value\": 30, \"datasetId\": \"urn:d:3\"}]");
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"dataset\": {\"no URI\": 1}}}", &options);
	CHECK_REFUSED("\"a\": 1", "{\"a\": {\"dataset\": {}}}", &options);
}

static void type_scope_and_expiry_of_the_entity(void)
{
	struct json *entity = entity_of("\"scope\": \"/a\", \"b\": 1");
	struct merge_result result =
		merged(entity, "{\"type\": [\"U\", \"T\"], \"scope\": [\"/b\", \"/c\"], \"expiresAt\":"
			       " \"2030-01-01T00:00:00Z\"}");

	CHECK(result.changed && result.type_changed && result.scope_changed && !result.changes);
	CHECK(document_has_type(entity, STR(V "T")) && document_has_type(entity, STR(V "U")));
	CHECK(json_equal(json_get(entity, STR("scope")), parse("[\"/b\", \"/c\"]")));
	CHECK_STR(json_text(json_get(entity, STR("expiresAt"))), STR("2030-01-01T00:00:00Z"));
	result = merged(entity, "{\"scope\": " NUL ", \"expiresAt\": " NUL "}");
	CHECK(result.scope_changed && !json_get(entity, STR("scope")) && !json_get(entity, STR("expiresAt")));
	/* A scope comes also where there was none (5.6.17.4). */
	CHECK(merged(entity, "{\"scope\": \"/d\"}").scope_changed && json_get(entity, STR("scope")));
	CHECK(!merged(entity, "{\"scope\": \"/d\"}").changed);
}

/* ---- Replace Attribute ---- */

static struct json *instances_of(const char *text)
{
	struct expand_options options = {.context = core, .now_us = LATER_US};
	struct json *instances = NULL;
	struct str iri;

	CHECK_OK(expand_attribute(&arena, STR("a"), parse(text), &options, &iri, &instances, &err), &err);
	return instances;
}

static void a_replaced_attribute_keeps_nothing_but_its_creation(void)
{
	struct json *entity = entity_of("\"a\": [{\"value\": 1, \"unitCode\": \"CEL\", \"p\": 1}, {\"value\": 2,"
					" \"datasetId\": \"urn:d:1\"}], \"b\": 1");
	struct merge_result result = {0};

	CHECK_OK(merge_replace_attribute(&arena, entity, STR(V "a"),
					 instances_of("{\"type\": \"Relationship\", \"object\": \"urn:x:2\"}"),
					 LATER_US, &result, &err),
		 &err);
	CHECK_ENTITY(entity,
		     "\"a\": [{\"type\": \"Relationship\", \"object\": \"urn:x:2\"}, {\"type\": \"Property\","
		     " \"value\": 2, \"datasetId\": \"urn:d:1\"}], \"b\": {\"type\": \"Property\", \"value\": 1}");
	CHECK(change_count(&result) == 1 && result.changes->kind == CHANGE_UPDATED && !result.refusals);
	CHECK(document_created_us(result.changes->after) == NOW_US);
	CHECK(document_modified_us(result.changes->after) == LATER_US);
	/* Again: nothing. */
	CHECK_OK(merge_replace_attribute(&arena, entity, STR(V "a"), instances_of("{\"object\": \"urn:x:2\"}"),
					 LATER_US + 1, &result, &err),
		 &err);
	CHECK(!result.changed);
	/* One instance is there, one is not. */
	CHECK_OK(merge_replace_attribute(&arena, entity, STR(V "a"),
					 instances_of("[{\"value\": 3, \"datasetId\": \"urn:d:1\"}, {\"value\": 4,"
						      " \"datasetId\": \"urn:d:9\"}]"),
					 LATER_US, &result, &err),
		 &err);
	CHECK(change_count(&result) == 1 && result.refusals && !result.refusals->next);
	CHECK(merge_replace_attribute(&arena, entity, STR(V "a"),
				      instances_of("{\"value\": 4, \"datasetId\": \"urn:d:9\"}"), LATER_US, &result,
				      &err) == ERR_NOT_FOUND);
	CHECK(merge_replace_attribute(&arena, entity, STR(V "z"), instances_of("4"), LATER_US, &result, &err) ==
	      ERR_NOT_FOUND);
}

int main(void)
{
	bench_open();
	RUN(an_attribute_keeps_what_the_fragment_does_not_name);
	RUN(a_value_that_is_an_object_is_merged_inside);
	RUN(values_merge_as_appendix_a_of_rfc_7396_says);
	RUN(random_values_merge_as_the_naive_algorithm_has_it);
	RUN(null_removes_at_any_depth_and_is_refused_in_arrays);
	RUN(a_json_literal_is_one_value);
	RUN(language_maps_merge_by_language);
	RUN(a_text_goes_into_the_language_of_the_request);
	RUN(other_kinds_replace_their_value_and_keep_the_rest);
	RUN(what_would_be_no_attribute_is_refused);
	RUN(instances_are_told_apart_by_dataset_id);
	RUN(sub_attributes_merge_like_attributes);
	RUN(saying_the_same_again_changes_nothing);
	RUN(the_common_observed_at_moves_those_that_have_one);
	RUN(simplified_values_take_the_type_of_what_is_there);
	RUN(simplified_datasets_are_instances);
	RUN(type_scope_and_expiry_of_the_entity);
	RUN(a_replaced_attribute_keeps_nothing_but_its_creation);
	bench_close();
	return check_done();
}
