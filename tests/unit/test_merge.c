/* Merging after GS CIM 009 V1.9.1 clauses 5.5.8, 5.6.2–5.6.5, 5.6.8 and 5.6.18.
 *
 * Goal: the clauses' examples come out as printed; what does not change keeps its stamps and makes no history; the
 * change records tell the whole difference. Method: the examples, the rules case by case, and random entities and
 * fragments against the algorithm of 5.5.8 written naively here, on documents without stamps. */
#include "ngsild/merge.h"
#include "ngsild_bench.h"

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define LATER_US (NOW_US + 1000000)

/* Stamped later than the entities, as fragments are. */
static struct json *fragment_of(const char *text)
{
	struct expand_options options = {.context = core, .now_us = LATER_US, .fragment = true};
	struct json *body = parse(text), *fragment = NULL;

	if (!body || !CHECK_OK(expand_entity(&arena, body, &options, &fragment, &err), &err))
		printf("# in %s\n", text);
	return fragment;
}

static struct json *entity_of(const char *attributes)
{
	return expanded(
		arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\"%s%s}", *attributes ? ", " : "", attributes)
			.at,
		core);
}

static struct json *instances_of(const char *text)
{
	struct expand_options options = {.context = core, .now_us = NOW_US, .fragment = true};
	struct json *instances = NULL;
	struct str iri;

	CHECK_OK(expand_attribute(&arena, STR("a"), parse(text), &options, &iri, &instances, &err), &err);
	return instances;
}

static bool check_entity(const struct json *entity, const char *attributes, const char *file, int line)
{
	struct represent_options options = {.context = core};
	struct str expected =
		arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\"%s%s}", *attributes ? ", " : "", attributes);

	return check_json(represented(entity, &options), expected.at, file, line);
}
#define CHECK_ENTITY(entity, attributes) check_entity((entity), (attributes), __FILE__, __LINE__)

static struct merge_result updated(struct json *entity, const char *fragment)
{
	struct merge_result result = {0};

	CHECK_OK(merge_update(&arena, entity, fragment_of(fragment), LATER_US, &result, &err), &err);
	return result;
}

static struct merge_result appended(struct json *entity, const char *fragment, bool overwrite)
{
	struct merge_result result = {0};

	CHECK_OK(merge_append(&arena, entity, fragment_of(fragment), overwrite, LATER_US, &result, &err), &err);
	return result;
}

static size_t change_count(const struct merge_result *result)
{
	size_t count = 0;

	for (const struct change *change = result->changes; change; change = change->next)
		count++;
	return count;
}

/* ---- the standard's examples ---- */

#define TEMPERATURE                                                                                                    \
	"\"a\": {\"type\": \"Property\", \"value\": 25, \"unitCode\": \"CEL\","                                        \
	" \"observedAt\": \"2022-03-14T01:59:26.535Z\"}"

static void a_partial_update_leaves_other_members_untouched(void)
{
	/* 5.5.8, example 1. */
	struct json *entity = entity_of(TEMPERATURE);
	struct merge_result result = {0};

	CHECK_OK(merge_partial(&arena, entity, STR(V "a"),
			       instances_of("{\"type\": \"Property\", \"value\": 100,"
					    " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}"),
			       LATER_US, &result, &err),
		 &err);
	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 100, \"unitCode\": \"CEL\","
			     " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}");
	CHECK(result.changed && change_count(&result) == 1 && result.changes->kind == CHANGE_UPDATED);
	CHECK(json_equal(document_value(result.changes->before), parse("25")));
	CHECK(json_equal(document_value(result.changes->after), parse("100")));
	CHECK(document_created_us(result.changes->after) == NOW_US);
	CHECK(document_modified_us(result.changes->after) == LATER_US);
	CHECK(document_modified_us(entity) == LATER_US && document_created_us(entity) == NOW_US);
}

static void an_update_replaces_the_whole_attribute(void)
{
	/* 5.5.8, example 2. */
	struct json *entity = entity_of(TEMPERATURE);
	struct merge_result result = updated(entity, "{\"a\": {\"type\": \"Property\", \"value\": 100,"
						     " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}}");

	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 100,"
			     " \"observedAt\": \"2022-03-14T13:00:00.000Z\"}");
	CHECK(result.changed && change_count(&result) == 1);
	CHECK(document_created_us(document_instance(entity, STR(V "a"), STR_NONE)) == NOW_US);
}

static void null_deletes_the_attribute(void)
{
	/* 5.5.8, example 3. */
	struct json *entity = entity_of(TEMPERATURE ", \"b\": 1");
	struct merge_result result =
		updated(entity, "{\"a\": {\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\"}}");

	CHECK_ENTITY(entity, "\"b\": {\"type\": \"Property\", \"value\": 1}");
	CHECK(change_count(&result) == 1 && result.changes->kind == CHANGE_DELETED && !result.changes->after);
	CHECK(json_equal(document_value(result.changes->before), parse("25")));
	/* What is not there needs no deleting. */
	result = updated(entity, "{\"a\": \"urn:ngsi-ld:null\"}");
	CHECK(!result.changed && !result.changes && !result.refusals);
}

static void the_fragment_of_clause_5_4_changes_adds_and_removes(void)
{
	struct json *entity = entity_of("\"batteryLevel\": {\"type\": \"Property\", \"value\": 9,"
					" \"observedAt\": \"2022-03-14T12:00:00.000Z\","
					" \"providedBy\": {\"type\": \"Relationship\", \"object\": \"urn:x:2\"}},"
					" \"uncharged\": {\"type\": \"Property\", \"value\": true}");
	struct merge_result result =
		updated(entity, "{\"id\": \"urn:x:1\", \"type\": \"T\", \"batteryLevel\": {\"type\": \"Property\","
				" \"value\": 7, \"observedAt\": \"2022-03-14T12:51:02.000Z\","
				" \"providedBy\": \"urn:ngsi-ld:null\"},"
				" \"uncharged\": {\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\"}}");

	CHECK_ENTITY(entity, "\"batteryLevel\": {\"type\": \"Property\", \"value\": 7,"
			     " \"observedAt\": \"2022-03-14T12:51:02.000Z\"}");
	CHECK(change_count(&result) == 2 && !result.type_changed);
}

static void every_kind_of_attribute_has_its_form_of_null(void)
{
	/* 4.5.0, 4.5.18, 4.5.21, 4.5.22 */
	struct json *entity = entity_of("\"a\": {\"object\": \"urn:x:2\"}, \"b\": {\"languageMap\": {\"en\": \"x\"}},"
					" \"c\": {\"valueList\": [1]}, \"d\": {\"objectList\": [\"urn:x:2\"]},"
					" \"e\": {\"vocab\": \"x\"}, \"f\": {\"json\": [\"urn:ngsi-ld:null\"]},"
					" \"g\": {\"type\": \"Point\", \"coordinates\": [1, 2]}, \"h\": 1");
	struct merge_result result =
		updated(entity, "{\"a\": {\"object\": \"urn:ngsi-ld:null\"},"
				" \"b\": {\"languageMap\": {\"@none\": \"urn:ngsi-ld:null\"}},"
				" \"c\": {\"valueList\": [\"urn:ngsi-ld:null\"]},"
				" \"d\": {\"objectList\": [\"urn:ngsi-ld:null\"]},"
				" \"e\": {\"vocab\": \"urn:ngsi-ld:null\"}, \"f\": {\"json\": \"urn:ngsi-ld:null\"},"
				" \"g\": \"urn:ngsi-ld:null\"}");

	CHECK_ENTITY(entity, "\"h\": {\"type\": \"Property\", \"value\": 1}");
	CHECK(change_count(&result) == 7);
	/* A JsonProperty's content is its own affair. */
	entity = entity_of("");
	updated(entity, "{\"f\": {\"json\": [\"urn:ngsi-ld:null\"]}}");
	CHECK(json_get(entity, STR(V "f")) != NULL);
}

/* ---- append ---- */

static void an_append_adds_and_replaces(void)
{
	struct json *entity = entity_of("\"a\": 1");
	struct merge_result result = appended(entity, "{\"a\": 2, \"b\": {\"object\": \"urn:x:2\"}}", true);

	CHECK_ENTITY(entity, "\"a\": {\"type\": \"Property\", \"value\": 2},"
			     " \"b\": {\"type\": \"Relationship\", \"object\": \"urn:x:2\"}");
	CHECK(change_count(&result) == 2 && !result.refusals);
	CHECK(result.changes->kind == CHANGE_UPDATED && result.changes->next->kind == CHANGE_CREATED);
	CHECK_STR(result.changes->next->attribute_iri, STR(V "b"));
	CHECK(!result.changes->next->before && document_created_us(result.changes->next->after) == LATER_US);
}

static void an_append_without_overwriting_leaves_what_is_there(void)
{
	struct json *entity = entity_of("\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}]");
	struct merge_result result = appended(
		entity, "{\"a\": [{\"value\": 3}, {\"value\": 4, \"datasetId\": \"urn:d:2\"}], \"b\": 5}", false);

	CHECK_ENTITY(entity, "\"a\": [{\"type\": \"Property\", \"value\": 1},"
			     " {\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:1\"},"
			     " {\"type\": \"Property\", \"value\": 4, \"datasetId\": \"urn:d:2\"}],"
			     " \"b\": {\"type\": \"Property\", \"value\": 5}");
	CHECK(change_count(&result) == 2);
	CHECK(result.refusals && !result.refusals->next && result.refusals->reason);
	CHECK_STR(result.refusals->attribute_iri, STR(V "a"));
}

static void an_append_knows_no_null(void)
{
	static const char *const fragments[] = {
		"{\"a\": \"urn:ngsi-ld:null\"}",
		"{\"a\": {\"value\": 1, \"unitCode\": \"urn:ngsi-ld:null\"}}",
		"{\"a\": {\"value\": 1, \"s\": \"urn:ngsi-ld:null\"}}",
		"{\"scope\": \"urn:ngsi-ld:null\"}",
	};

	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
		struct json *entity = entity_of("\"a\": 1");
		struct merge_result result;

		CHECK(merge_append(&arena, entity, fragment_of(fragments[i]), true, LATER_US, &result, &err) ==
		      ERR_INVALID);
	}
}

static void the_default_instance_stays_first(void)
{
	struct json *entity = entity_of("\"a\": {\"value\": 1, \"datasetId\": \"urn:d:1\"}");

	appended(entity, "{\"a\": 2}", true);
	CHECK_ENTITY(entity, "\"a\": [{\"type\": \"Property\", \"value\": 2},"
			     " {\"type\": \"Property\", \"value\": 1, \"datasetId\": \"urn:d:1\"}]");
}

/* ---- nothing new ---- */

static void saying_the_same_again_changes_nothing(void)
{
	struct json *entity = entity_of(TEMPERATURE ", \"b\": [{\"value\": {\"x\": 1, \"y\": [1]}, \"s\": 2},"
						    " {\"value\": 5, \"datasetId\": \"urn:d:1\"}], \"scope\": \"/s\"");
	struct json *before = json_dup(&arena, entity);
	/* Another order of members, another way to write the numbers. */
	const char *same =
		"{\"scope\": [\"/s\"], \"type\": [\"T\"], \"b\": [{\"datasetId\": \"urn:d:1\", \"value\": 5.0},"
		" {\"s\": 2, \"value\": {\"y\": [1e0], \"x\": 1}}], \"a\": {\"unitCode\": \"CEL\","
		" \"observedAt\": \"2022-03-14T01:59:26.535Z\", \"value\": 25}}";
	struct merge_result result = appended(entity, same, true);

	CHECK(!result.changed && !result.changes && json_equal(entity, before));
	result = updated(entity, same);
	CHECK(!result.changed && !result.changes && json_equal(entity, before));
	CHECK_OK(merge_replace(&arena, entity, fragment_of(same), LATER_US, &result, &err), &err);
	CHECK(!result.changed && !result.changes && json_equal(entity, before));
	CHECK_OK(merge_partial(&arena, entity, STR(V "a"), instances_of("{\"unitCode\": \"CEL\"}"), LATER_US, &result,
			       &err),
		 &err);
	CHECK(!result.changed && !result.changes && json_equal(entity, before));
}

static void sub_attributes_that_stay_keep_their_stamps(void)
{
	struct json *entity = entity_of("\"a\": {\"value\": 1, \"s\": 2, \"t\": 3}");

	updated(entity, "{\"a\": {\"value\": 9, \"s\": 2, \"t\": 4, \"u\": 5}}");
	const struct json *a = document_instance(entity, STR(V "a"), STR_NONE);
	const struct json *s = document_instance(a, STR(V "s"), STR_NONE);
	const struct json *t = document_instance(a, STR(V "t"), STR_NONE);
	const struct json *u = document_instance(a, STR(V "u"), STR_NONE);

	CHECK(document_created_us(a) == NOW_US && document_modified_us(a) == LATER_US);
	CHECK(document_created_us(s) == NOW_US && document_modified_us(s) == NOW_US);
	CHECK(document_created_us(t) == NOW_US && document_modified_us(t) == LATER_US);
	CHECK(document_created_us(u) == LATER_US && !json_get(u, STR("modifiedAt")));
}

static void the_fragment_is_left_as_it_was(void)
{
	struct json *entity = entity_of(TEMPERATURE);
	struct json *fragment = fragment_of("{\"a\": {\"value\": 1, \"s\": 2, \"unitCode\": \"urn:ngsi-ld:null\"},"
					    " \"b\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d\"}],"
					    " \"type\": [\"T\", \"U\"]}");
	struct json *copy = json_dup(&arena, fragment);
	struct merge_result result;

	CHECK_OK(merge_update(&arena, entity, fragment, LATER_US, &result, &err), &err);
	CHECK(json_equal(fragment, copy));
}

/* ---- members of the entity ---- */

static void types_are_added_and_never_taken(void)
{
	struct json *entity = entity_of("");
	struct merge_result result = updated(entity, "{\"type\": [\"U\", \"T\"]}");

	CHECK(result.type_changed && result.changed && !result.changes);
	CHECK(json_equal(json_get(entity, STR("type")), parse("[\"" V "T\", \"" V "U\"]")));
	result = appended(entity, "{\"type\": \"U\"}", false);
	CHECK(!result.type_changed && !result.changed);
}

static void scopes_follow_the_operation(void)
{
	/* 5.6.2: replaced when there, else ignored. */
	struct json *entity = entity_of("");
	struct merge_result result = updated(entity, "{\"scope\": \"/s\"}");

	CHECK(!result.changed && !json_get(entity, STR("scope")));
	/* 5.6.3: set, replaced, or added to without overwriting. */
	result = appended(entity, "{\"scope\": \"/s\"}", false);
	CHECK(result.scope_changed && json_equal(json_get(entity, STR("scope")), parse("[\"/s\"]")));
	result = appended(entity, "{\"scope\": [\"/t\", \"/s\"]}", false);
	CHECK(result.scope_changed && json_equal(json_get(entity, STR("scope")), parse("[\"/s\", \"/t\"]")));
	result = appended(entity, "{\"scope\": \"/u\"}", true);
	CHECK(result.scope_changed && json_equal(json_get(entity, STR("scope")), parse("[\"/u\"]")));
	result = updated(entity, "{\"scope\": [\"/v\", \"/w\"]}");
	CHECK(result.scope_changed && json_equal(json_get(entity, STR("scope")), parse("[\"/v\", \"/w\"]")));
	result = updated(entity, "{\"scope\": [\"/w\", \"/v\"]}");
	CHECK(!result.changed);
	result = updated(entity, "{\"scope\": \"urn:ngsi-ld:null\"}");
	CHECK(result.scope_changed && !json_get(entity, STR("scope")));
}

static void the_end_of_an_entity_can_be_set_and_taken_back(void)
{
	struct json *entity = entity_of("");

	CHECK(updated(entity, "{\"expiresAt\": \"2030-01-01T00:00:00Z\"}").changed);
	CHECK_STR(json_text(json_get(entity, STR("expiresAt"))), STR("2030-01-01T00:00:00Z"));
	CHECK(!appended(entity, "{\"expiresAt\": \"2031-01-01T00:00:00Z\"}", false).changed);
	CHECK(updated(entity, "{\"expiresAt\": \"urn:ngsi-ld:null\"}").changed);
	CHECK(!json_get(entity, STR("expiresAt")));
}

static void a_fragment_of_another_entity_is_refused(void)
{
	struct json *entity = entity_of("");
	struct merge_result result;

	CHECK(merge_update(&arena, entity, fragment_of("{\"id\": \"urn:x:2\"}"), LATER_US, &result, &err) ==
	      ERR_INVALID);
}

/* ---- partial update ---- */

static void a_partial_update_reaches_datasets_and_sub_attributes(void)
{
	struct json *entity = entity_of("\"a\": [{\"value\": 1, \"unitCode\": \"CEL\", \"s\": ["
					"{\"value\": 2}, {\"value\": 3, \"datasetId\": \"urn:d:1\"}], \"t\": 4},"
					" {\"value\": 5, \"datasetId\": \"urn:d:1\"}]");
	struct merge_result result = {0};

	CHECK_OK(merge_partial(&arena, entity, STR(V "a"),
			       instances_of("[{\"unitCode\": \"urn:ngsi-ld:null\", \"value\": 1,"
					    " \"s\": [{\"value\": 6, \"datasetId\": \"urn:d:1\"},"
					    " {\"value\": 7, \"datasetId\": \"urn:d:2\"}],"
					    " \"t\": \"urn:ngsi-ld:null\", \"u\": 8},"
					    " {\"value\": \"urn:ngsi-ld:null\", \"datasetId\": \"urn:d:1\"}]"),
			       LATER_US, &result, &err),
		 &err);
	CHECK_ENTITY(entity,
		     "\"a\": {\"type\": \"Property\", \"value\": 1, \"s\": [{\"type\": \"Property\", \"value\": 2},"
		     " {\"type\": \"Property\", \"value\": 6, \"datasetId\": \"urn:d:1\"},"
		     " {\"type\": \"Property\", \"value\": 7, \"datasetId\": \"urn:d:2\"}],"
		     " \"u\": {\"type\": \"Property\", \"value\": 8}}");
	CHECK(change_count(&result) == 2 && result.changes->next->kind == CHANGE_DELETED);
	CHECK_STR(result.changes->next->dataset_id, STR("urn:d:1"));
}

static enum err_code partial_code(const char *attributes, const char *instances)
{
	struct merge_result result;

	return merge_partial(&arena, entity_of(attributes), STR(V "a"), instances_of(instances), LATER_US, &result,
			     &err);
}

static void a_partial_update_keeps_the_kind_of_the_attribute(void)
{
	static const char geo[] = "\"a\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\","
				  " \"coordinates\": [1, 2]}}";

	CHECK(partial_code("", "{\"value\": 1}") == ERR_NOT_FOUND);
	CHECK(partial_code("\"a\": 1", "{\"value\": 1, \"datasetId\": \"urn:d:1\"}") == ERR_NOT_FOUND);
	CHECK(partial_code("\"a\": 1", "{\"type\": \"Relationship\", \"object\": \"urn:x:2\"}") == ERR_INVALID);
	CHECK(partial_code("\"a\": 1", "{\"object\": \"urn:x:2\"}") == ERR_INVALID);
	CHECK(partial_code("\"a\": {\"object\": \"urn:x:2\"}", "{\"value\": 1}") == ERR_INVALID);
	CHECK(partial_code("\"a\": {\"object\": \"urn:x:2\"}", "{\"unitCode\": \"CEL\"}") == ERR_INVALID);
	CHECK(partial_code(geo, "{\"value\": 5}") == ERR_INVALID);
	CHECK(partial_code(geo, "{\"value\": {\"type\": \"Point\", \"coordinates\": [3, 4]}}") == ERR_OK);
	CHECK(partial_code(geo, "{\"observedAt\": \"2026-01-01T00:00:00Z\"}") == ERR_OK);
	CHECK(partial_code("\"a\": 1", "{\"value\": {\"type\": \"Point\", \"coordinates\": [3, 4]}}") == ERR_OK);
}

/* ---- delete, replace, whole ---- */

static void a_delete_takes_one_instance_or_all(void)
{
	struct json *entity = entity_of("\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"},"
					" {\"value\": 3, \"datasetId\": \"urn:d:2\"}], \"b\": 1, \"scope\": \"/s\"");
	struct merge_result result = {0};

	CHECK_OK(merge_delete(&arena, entity, STR(V "a"), STR("urn:d:1"), false, LATER_US, &result, &err), &err);
	CHECK(change_count(&result) == 1 && json_get(entity, STR(V "a"))->count == 2);
	CHECK(merge_delete(&arena, entity, STR(V "a"), STR("urn:d:1"), false, LATER_US, &result, &err) ==
	      ERR_NOT_FOUND);
	CHECK_OK(merge_delete(&arena, entity, STR(V "a"), STR_NONE, false, LATER_US, &result, &err), &err);
	CHECK(result.changes->dataset_id.len == 0);
	CHECK(merge_delete(&arena, entity, STR(V "a"), STR("@none"), false, LATER_US, &result, &err) == ERR_NOT_FOUND);
	CHECK_OK(merge_delete(&arena, entity, STR(V "a"), STR_NONE, true, LATER_US, &result, &err), &err);
	CHECK(!json_get(entity, STR(V "a")) && json_get(entity, STR(V "b")));
	CHECK(merge_delete(&arena, entity, STR(V "a"), STR_NONE, true, LATER_US, &result, &err) == ERR_NOT_FOUND);
	CHECK_OK(merge_delete(&arena, entity, STR("https://uri.etsi.org/ngsi-ld/scope"), STR_NONE, false, LATER_US,
			      &result, &err),
		 &err);
	CHECK(result.scope_changed && !json_get(entity, STR("scope")));
	CHECK(merge_delete(&arena, entity, STR("createdAt"), STR_NONE, false, LATER_US, &result, &err) ==
	      ERR_NOT_FOUND);
}

static void a_replacement_tells_the_difference(void)
{
	struct json *entity = entity_of("\"a\": 1, \"b\": [{\"value\": 2}, {\"value\": 3, \"datasetId\": \"urn:d:1\"}],"
					" \"c\": 4, \"scope\": \"/s\"");
	struct json *other = NULL;
	struct merge_result result = {0};

	CHECK_OK(expand_text("{\"id\": \"urn:x:1\", \"type\": \"U\", \"d\": 5, \"a\": 1, \"b\": 9}", core, false,
			     &other),
		 &err);
	CHECK_OK(merge_replace(&arena, entity, other, LATER_US, &result, &err), &err);
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED};

	CHECK_STR(represented(entity, &options), STR("{\"id\":\"urn:x:1\",\"type\":\"U\",\"d\":5,\"a\":1,\"b\":9}"));
	/* d came, b changed, b's second instance and c went; a is the same. */
	CHECK(change_count(&result) == 4 && result.type_changed && result.scope_changed && result.changed);
	CHECK(result.changes->kind == CHANGE_CREATED && result.changes->next->kind == CHANGE_UPDATED);
	CHECK(result.changes->next->next->kind == CHANGE_DELETED);
	CHECK_STR(result.changes->next->next->dataset_id, STR("urn:d:1"));
	CHECK(document_created_us(entity) == NOW_US && document_modified_us(entity) == LATER_US);
	CHECK(document_modified_us(document_instance(entity, STR(V "a"), STR_NONE)) == NOW_US);
	CHECK(document_created_us(document_instance(entity, STR(V "b"), STR_NONE)) == NOW_US);
}

static void a_whole_entity_is_as_many_changes_as_instances(void)
{
	struct json *entity =
		entity_of("\"a\": 1, \"b\": [{\"value\": 2}, {\"value\": 3, \"datasetId\": \"urn:d:1\"}]");
	struct merge_result result = {0};

	CHECK_OK(merge_whole(&arena, entity, CHANGE_CREATED, &result, &err), &err);
	CHECK(change_count(&result) == 3 && result.changed && result.changes->after && !result.changes->before);
	CHECK_OK(merge_whole(&arena, entity, CHANGE_DELETED, &result, &err), &err);
	CHECK(change_count(&result) == 3 && !result.changes->after && result.changes->before);
}

static void growth_is_bounded(void)
{
	struct json *entity = entity_of("");
	struct json fragment = json_object();
	struct merge_result result;

	for (int i = 0; i < EXPAND_ATTRIBUTES_MAX; i++)
		json_add(&arena, &fragment, arena_printf(&arena, "urn:a:%d", i), *instances_of("1"));
	CHECK(merge_append(&arena, entity, &fragment, true, LATER_US, &result, &err) == ERR_INVALID);
}

/* ---- random documents against the clause's algorithm ---- */

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void put_random_attributes(struct buf *out, uint64_t *state, bool nulls, int depth)
{
	for (int a = 0; a < 4; a++) {
		bool some = false;

		if (draw(state) % 3 == 0)
			continue;
		buf_printf(out, ", \"%s%d\": [", depth ? "s" : "a", a);
		for (int d = 0; d < 3; d++) {
			if (draw(state) % 3 == 0 && (some || d < 2))
				continue;
			buf_printf(out, "%s{\"type\": \"Property\", \"value\": ", some ? ", " : "");
			if (nulls && draw(state) % 5 == 0)
				buf_put(out, STR("\"urn:ngsi-ld:null\""));
			else
				buf_printf(out, "%d", (int)(draw(state) % 3));
			if (draw(state) % 3 == 0)
				buf_printf(out, ", \"unitCode\": \"%s\"",
					   nulls && draw(state) % 3 == 0 ? "urn:ngsi-ld:null" : "CEL");
			if (d)
				buf_printf(out, ", \"datasetId\": \"urn:d:%d\"", d);
			if (depth == 0 && draw(state) % 2 == 0)
				put_random_attributes(out, state, nulls, 1);
			buf_put(out, STR("}"));
			some = true;
		}
		buf_put(out, STR("]"));
	}
}

static struct json *random_document(uint64_t *state, bool nulls)
{
	struct buf text;
	struct json *entity = NULL;

	buf_init(&text, 1u << 20);
	buf_put(&text, STR("{\"id\": \"urn:x:1\", \"type\": \"T\""));
	put_random_attributes(&text, state, nulls, 0);
	buf_put(&text, STR("}"));
	struct str body = arena_dup(&arena, buf_str(&text));

	buf_done(&text);
	CHECK_OK(expand_text(body.at, core, nulls, &entity), &err);
	return entity;
}

/* A copy without stamps and, from a fragment, without whatever is Null. */
static struct json *plain(const struct json *node)
{
	struct json copy = *node;

	if (json_is(node, JSON_ARRAY)) {
		copy = json_array();
		for (uint32_t i = 0; i < node->count; i++)
			if (!str_eq(json_text(json_get(&node->items[i], STR("value"))), STR("urn:ngsi-ld:null")))
				json_push(&arena, &copy, *plain(&node->items[i]));
	} else if (json_is(node, JSON_OBJECT)) {
		copy = json_object();
		for (uint32_t i = 0; i < node->count; i++) {
			const struct json_member *member = &node->members[i];

			if (str_ends(member->key, STR("edAt")) ||
			    str_eq(json_text(&member->value), STR("urn:ngsi-ld:null")))
				continue;
			struct json *value = plain(&member->value);

			if (!json_is(value, JSON_ARRAY) || value->count)
				json_add(&arena, &copy, member->key, *value);
		}
	}
	return json_new(&arena, copy);
}

static size_t index_of(const struct json *array, const struct json *instance)
{
	size_t i = 0;

	while (json_at(array, i) && !str_eq(json_text(json_get(json_at(array, i), STR("datasetId"))),
					    json_text(json_get(instance, STR("datasetId")))))
		i++;
	return i;
}

/* 5.5.8, member by member, on a document without stamps. */
static void naive_update(struct json *target, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];

		for (uint32_t k = 0; str_starts(member->key, STR(V)) && k < member->value.count; k++) {
			const struct json *instance = json_at(&member->value, k);
			struct json *array = json_get(target, member->key);

			if (!array)
				array = json_add(&arena, target, member->key, json_array());
			size_t at = index_of(array, instance);

			(void)json_remove_at(array, at);
			if (!str_eq(json_text(json_get(instance, STR("value"))), STR("urn:ngsi-ld:null")))
				json_push(&arena, array, *plain(instance));
			if (array->count == 0)
				json_remove(target, member->key);
		}
	}
}

/* Arrays of instances in any order: sorted by datasetId they can be compared. */
static void sort_instances(struct json *node)
{
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++) {
		struct json *value = &node->members[i].value;

		if (!str_starts(node->members[i].key, STR(V)))
			continue;
		for (uint32_t a = 0; a < value->count; a++) {
			for (uint32_t b = a; b > 0; b--) {
				struct json swap = value->items[b];

				if (str_cmp(json_text(json_get(&value->items[b - 1], STR("datasetId"))),
					    json_text(json_get(&swap, STR("datasetId")))) <= 0)
					break;
				value->items[b] = value->items[b - 1];
				value->items[b - 1] = swap;
			}
		}
		for (uint32_t a = 0; a < value->count; a++)
			sort_instances(&value->items[a]);
	}
}

static bool same_plain(const struct json *a, const struct json *b)
{
	struct json *left = plain(a), *right = plain(b);

	sort_instances(left);
	sort_instances(right);
	return json_equal(left, right);
}

/* Plays the changes onto before: each must find what it says was there, and after must come of it. */
static void check_changes(const struct json *before, const struct merge_result *result, const struct json *after)
{
	struct json *played = json_dup(&arena, before);

	for (const struct change *change = result->changes; change; change = change->next) {
		struct json *slot = document_instance(played, change->attribute_iri, change->dataset_id);
		struct json *array = json_get(played, change->attribute_iri);

		CHECK((change->kind == CHANGE_CREATED) == !change->before);
		CHECK((change->kind == CHANGE_DELETED) == !change->after);
		CHECK(change->before ? slot && json_equal(slot, change->before) : !slot);
		if (!array)
			array = json_add(&arena, played, change->attribute_iri, json_array());
		if (slot)
			(void)json_remove_at(array, (size_t)(slot - array->items));
		if (change->after)
			json_push(&arena, array, *change->after);
		if (array->count == 0)
			(void)json_remove(played, change->attribute_iri);
	}
	CHECK(same_plain(played, after));
}

static void merges_agree_with_the_algorithm_of_the_clause(void)
{
	uint64_t state = 7;

	for (int round = 0; round < 1000; round++) {
		arena_clear(&arena);
		struct json *entity = random_document(&state, false), *before = json_dup(&arena, entity);
		const struct json *fragment = random_document(&state, true);
		struct json *expected = plain(entity);
		struct merge_result result = {0}, again = {0};

		naive_update(expected, fragment);
		CHECK_OK(merge_update(&arena, entity, fragment, LATER_US, &result, &err), &err);
		CHECK(same_plain(entity, expected));
		CHECK(result.changed == !same_plain(before, entity));
		check_changes(before, &result, entity);
		CHECK_OK(merge_update(&arena, entity, fragment, LATER_US + 1, &again, &err), &err);
		CHECK(!again.changed && !again.changes);

		struct json *addition = random_document(&state, false);

		json_set(&arena, addition, STR("createdAt"), json_int(&arena, LATER_US));

		before = json_dup(&arena, entity);
		expected = plain(entity);
		naive_update(expected, addition);
		CHECK_OK(merge_append(&arena, entity, addition, true, LATER_US + 2, &result, &err), &err);
		CHECK(same_plain(entity, expected));
		check_changes(before, &result, entity);
		CHECK_OK(merge_append(&arena, entity, addition, true, LATER_US + 3, &again, &err), &err);
		CHECK(!again.changed && !again.changes);

		before = json_dup(&arena, entity);
		CHECK_OK(merge_replace(&arena, entity, addition, LATER_US + 4, &result, &err), &err);
		CHECK(same_plain(entity, addition));
		check_changes(before, &result, entity);
	}
}

static void no_memory_is_an_error_and_nothing_else(void)
{
	const struct json *fragment = fragment_of("{\"a\": {\"value\": 1, \"s\": 2}, \"b\": {\"object\": \"urn:x:2\"},"
						  " \"type\": \"U\", \"scope\": \"/s\"}");
	enum err_code code = ERR_MEMORY;

	for (size_t bytes = 0; bytes < 65536 && code; bytes += 256) {
		struct json *entity = entity_of(TEMPERATURE);
		struct merge_result result = {0};
		struct arena small;

		arena_init(&small, bytes);
		code = merge_append(&small, entity, fragment, true, LATER_US, &result, &err);
		CHECK(code == ERR_OK || (code == ERR_MEMORY && !result.changed));
		arena_done(&small);
	}
	CHECK(code == ERR_OK);
}

int main(void)
{
	bench_open();
	RUN(a_partial_update_leaves_other_members_untouched);
	RUN(an_update_replaces_the_whole_attribute);
	RUN(null_deletes_the_attribute);
	RUN(the_fragment_of_clause_5_4_changes_adds_and_removes);
	RUN(every_kind_of_attribute_has_its_form_of_null);
	RUN(an_append_adds_and_replaces);
	RUN(an_append_without_overwriting_leaves_what_is_there);
	RUN(an_append_knows_no_null);
	RUN(the_default_instance_stays_first);
	RUN(saying_the_same_again_changes_nothing);
	RUN(sub_attributes_that_stay_keep_their_stamps);
	RUN(the_fragment_is_left_as_it_was);
	RUN(types_are_added_and_never_taken);
	RUN(scopes_follow_the_operation);
	RUN(the_end_of_an_entity_can_be_set_and_taken_back);
	RUN(a_fragment_of_another_entity_is_refused);
	RUN(a_partial_update_reaches_datasets_and_sub_attributes);
	RUN(a_partial_update_keeps_the_kind_of_the_attribute);
	RUN(a_delete_takes_one_instance_or_all);
	RUN(a_replacement_tells_the_difference);
	RUN(a_whole_entity_is_as_many_changes_as_instances);
	RUN(growth_is_bounded);
	RUN(merges_agree_with_the_algorithm_of_the_clause);
	RUN(no_memory_is_an_error_and_nothing_else);
	bench_close();
	return check_done();
}
