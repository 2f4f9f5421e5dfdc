/* Expiry after GS CIM 009 V1.9.1 clause 4.22: entities, attributes and their sub-attributes.
 *
 * Goal: what has expired is found, hidden, and removed with the changes told; nothing else is touched. Method: small
 * documents with moments around now; the removal's change records played onto the old document give the new one. */
#include "ngsild/expiry.h"
#include "ngsild/merge.h"
#include "ngsild_bench.h"

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define PAST "\"expiresAt\": \"2027-01-15T07:59:59Z\""
#define NOW "\"expiresAt\": \"2027-01-15T08:00:00Z\""
#define FUTURE "\"expiresAt\": \"2027-01-15T08:00:01Z\""
#define LATER_US (NOW_US + 10)

static struct json *entity_of(const char *attributes)
{
	return expanded(
		arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\"%s%s}", *attributes ? ", " : "", attributes)
			.at,
		core);
}

static struct str simplified(const struct json *entity)
{
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED};

	return represented(entity, &options);
}

static int64_t earliest(const char *attributes)
{
	int64_t us = 0;

	return expiry_earliest(entity_of(attributes), &us) ? us : INT64_MAX;
}

static void the_earliest_expiry_is_that_of_anything_in_the_entity(void)
{
	const int64_t second = 1000000;

	CHECK(earliest("") == INT64_MAX && earliest("\"a\": 1") == INT64_MAX);
	CHECK(earliest(FUTURE ", \"a\": 1") == NOW_US + second);
	CHECK(earliest("\"a\": {\"value\": 1, " NOW "}, " FUTURE) == NOW_US);
	CHECK(earliest("\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\", " PAST "}]") ==
	      NOW_US - second);
	CHECK(earliest("\"a\": {\"value\": 1, \"p\": {\"value\": 1, \"q\": {\"object\": \"urn:x:2\", " PAST "}}}") ==
	      NOW_US - second);
	/* A value's own member of that name is data. */
	CHECK(earliest("\"a\": {\"value\": {" PAST "}}") == INT64_MAX);
	CHECK(earliest("\"a\": {\"json\": {\"b:c\": [{" PAST "}]}}") == INT64_MAX);
}

static void an_entity_is_over_at_its_moment(void)
{
	CHECK(expiry_is_over(entity_of(PAST), NOW_US) && expiry_is_over(entity_of(NOW), NOW_US));
	CHECK(!expiry_is_over(entity_of(FUTURE), NOW_US) && !expiry_is_over(entity_of(""), NOW_US));
	CHECK(!expiry_is_over(entity_of("\"a\": {\"value\": 1, " PAST "}"), NOW_US));
}

static void what_has_expired_is_hidden_and_nothing_else(void)
{
	struct json *entity = entity_of(
		"\"a\": {\"value\": 1, " PAST "}, \"b\": {\"value\": 2, " FUTURE "}, \"c\": [{\"value\": 3, " NOW
		"}, {\"value\": 4, \"datasetId\": \"urn:d:1\"}], \"d\": {\"value\": 5, \"p\": {\"value\": 6, " PAST
		"}, \"r\": 7}, \"e\": {\"object\": \"urn:x:2\", " PAST "}");

	CHECK(expiry_hide(entity, NOW_US));
	CHECK_JSON(simplified(entity), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"b\": 2, \"c\": 4, \"d\": 5}");
	const struct json *d = document_instance(entity, STR(V "d"), STR_NONE);

	CHECK(!json_get(d, STR(V "p")) && json_get(d, STR(V "r")));
	CHECK(!expiry_hide(entity, NOW_US));
	CHECK(document_modified_us(entity) == NOW_US);
}

/* Changes of whole instances, played onto a document. */
static void play(struct json *entity, const struct change *change)
{
	for (; change; change = change->next) {
		struct json *instances = json_get(entity, change->attribute_iri);
		uint32_t i = 0;

		while (i < instances->count &&
		       !str_eq(json_text(json_get(&instances->items[i], STR("datasetId"))), change->dataset_id))
			i++;
		CHECK(i < instances->count && json_equal(&instances->items[i], change->before));
		if (change->kind == CHANGE_UPDATED)
			instances->items[i] = *change->after;
		else
			CHECK(change->kind == CHANGE_DELETED && !change->after && json_remove_at(instances, i));
		if (instances->count == 0)
			(void)json_remove(entity, change->attribute_iri);
	}
}

static void the_removal_tells_what_went(void)
{
	struct json *entity =
		entity_of("\"a\": [{\"value\": 1, " PAST "}, {\"value\": 2, \"datasetId\": \"urn:d:1\", " NOW
			  "}], \"b\": {\"value\": 3, \"p\": {\"value\": 4, " PAST "}}, \"c\": 5, \"d\": [{"
			  "\"value\": 6}, {\"value\": 7, \"datasetId\": \"urn:d:1\", " PAST "}]");
	struct json *before = json_dup(&arena, entity);
	struct merge_result result = {0};
	size_t deleted = 0, updated = 0;

	CHECK_OK(merge_expire(&arena, entity, LATER_US, &result, &err), &err);
	for (const struct change *change = result.changes; change; change = change->next) {
		deleted += change->kind == CHANGE_DELETED;
		updated += change->kind == CHANGE_UPDATED;
	}
	CHECK(result.changed && deleted == 3 && updated == 1);
	CHECK_JSON(simplified(entity), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"b\": 3, \"c\": 5, \"d\": 6}");
	play(before, result.changes);
	CHECK(json_set(&arena, before, STR("modifiedAt"), json_int(&arena, LATER_US)) && json_equal(before, entity));
	const struct json *b = document_instance(entity, STR(V "b"), STR_NONE);

	CHECK(!json_get(b, STR(V "p")) && document_created_us(b) == NOW_US && document_modified_us(b) == LATER_US);
	CHECK_OK(merge_expire(&arena, entity, LATER_US, &result, &err), &err);
	CHECK(!result.changed && !result.changes);
}

/* ---- reducing an entity (5.6.21) ---- */

static struct json *reduced(const char *attributes, const struct merge_reduction *reduction, size_t *ret_deleted)
{
	struct json *entity = entity_of(attributes);
	struct merge_result result = {0};

	CHECK_OK(merge_reduce(&arena, entity, reduction, LATER_US, &result, &err), &err);
	*ret_deleted = 0;
	for (const struct change *change = result.changes; change; change = change->next)
		*ret_deleted += change->kind == CHANGE_DELETED && !change->after && change->before;
	return entity;
}

static void keep_and_drop_say_what_goes(void)
{
	static const char *const all = "\"scope\": \"/s\", \"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\":"
				       " \"urn:d:1\"}], \"b\": 2, \"c\": 3, " FUTURE;
	const struct str a[] = {STR(V "a")}, ab[] = {STR(V "a"), STR(V "b")}, b[] = {STR(V "b")};
	const struct str scope[] = {STR("https://uri.etsi.org/ngsi-ld/scope")};
	size_t deleted;

	struct json *entity = reduced(all, &(struct merge_reduction){.drop = a, .drop_count = 1}, &deleted);
	CHECK_JSON(simplified(entity), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"scope\": \"/s\", \"b\": 2, \"c\": 3}");
	CHECK(deleted == 2 && json_get(entity, STR("expiresAt")) && document_modified_us(entity) == LATER_US);
	entity = reduced(all, &(struct merge_reduction){.keep = b, .keep_count = 1}, &deleted);
	CHECK_JSON(simplified(entity), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"b\": 2}");
	CHECK(deleted == 3 && json_get(entity, STR("expiresAt")));
	entity = reduced(all, &(struct merge_reduction){.keep = ab, .keep_count = 2, .drop = a, .drop_count = 1},
			 &deleted);
	CHECK_JSON(simplified(entity), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"b\": 2}");
	entity = reduced(all, &(struct merge_reduction){.drop = scope, .drop_count = 1}, &deleted);
	CHECK(!json_get(entity, STR("scope")) && deleted == 0 && document_modified_us(entity) == LATER_US);
	entity = reduced("\"c\": 3", &(struct merge_reduction){.drop = ab, .drop_count = 2}, &deleted);
	CHECK(deleted == 0 && document_modified_us(entity) == NOW_US);
}

int main(void)
{
	bench_open();
	RUN(the_earliest_expiry_is_that_of_anything_in_the_entity);
	RUN(an_entity_is_over_at_its_moment);
	RUN(what_has_expired_is_hidden_and_nothing_else);
	RUN(the_removal_tells_what_went);
	RUN(keep_and_drop_say_what_goes);
	bench_close();
	return check_done();
}
