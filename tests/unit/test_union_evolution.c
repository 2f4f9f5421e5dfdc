/* One evolution out of several brokers' (union_evolution), and what of another broker's words expansion keeps for it.
 *
 * Goal: every instance once, whoever has it, the current one of two that have the same time; auxiliary sources add to
 * gaps alone (GS CIM 009 V1.9.1, 4.5.5.3, 5.7.3.4, 5.7.4.4). Method: small evolutions by hand; and series at random of
 * which every broker has a part, held against a table of times. */
#include "base/time_value.h"
#include "ngsild/union.h"
#include "ngsild_bench.h"
#include "random_util.h"

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define OBSERVED STR("observedAt")
#define ROUNDS 200
#define TIMES 40
#define VERSIONS 4

static struct json *evolution(const char *members)
{
	const struct expand_options options = {.context = core, .temporal = true, .stamped = true};
	struct json *body = parse(arena_printf(&arena, "{\"id\": \"urn:x:1\", %s}", members).at), *entity = NULL;

	if (!body || !CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err))
		abort();
	return entity;
}

static struct json *united(struct union_version *versions, size_t count, struct str timeproperty)
{
	struct json *entity = NULL;

	CHECK_OK(union_evolution(&arena, versions, count, timeproperty, &entity, &err), &err);
	return entity;
}

static struct json *two(const char *base, const char *added, bool auxiliary)
{
	struct union_version versions[] = {{evolution(base), false}, {evolution(added), auxiliary}};

	return united(versions, 2, OBSERVED);
}

/* The values of an attribute that are numbers, in the order of the array, as "1 2 3". */
static struct str values(const struct json *entity, const char *iri)
{
	const struct json *instances = json_get(entity, str_from(iri));
	struct str text = STR("");

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
		const struct json *value = document_value(&instances->items[i]);

		text = arena_printf(&arena, "%.*s%s%.*s", STR_FMT(text), i ? " " : "", (int)value->count, value->text);
	}
	return text;
}

#define AT(minute) "\"observedAt\": \"2026-01-01T00:0" #minute ":00Z\""
#define P(number, minute) "{\"type\": \"Property\", \"value\": " #number ", " AT(minute) "}"
#define MODIFIED(number, minute, day)                                                                                  \
	"{\"type\": \"Property\", \"value\": " #number ", " AT(minute) ", \"createdAt\": \"2026-02-01T00:00:00Z\", "   \
								       "\"modifiedAt\": \"2026-02-0" #day              \
								       "T00:00:00Z\"}"

static void instances_of_all_are_there_once(void)
{
	struct json *entity = two("\"type\": \"T\", \"a\": [" P(1, 1) "," P(2, 2) "]",
				  "\"type\": [\"T\", \"U\"], \"a\": [" P(3, 3) "], \"b\": [" P(4, 1) "]", false);

	CHECK_STR(values(entity, V "a"), STR("1 2 3"));
	CHECK_STR(values(entity, V "b"), STR("4"));
	CHECK(json_get(entity, STR("type"))->count == 2 && document_has_type(entity, STR(V "U")));
	/* The same words at the same time are one instance. */
	entity = two("\"type\": \"T\", \"a\": [" P(1, 1) "]", "\"type\": \"T\", \"a\": [" P(1, 1) "," P(2, 2) "]",
		     false);
	CHECK_STR(values(entity, V "a"), STR("1 2"));
	/* What one broker says twice it means twice. */
	entity = two("\"type\": \"T\", \"a\": [" P(1, 1) "," P(5, 1) "]", "\"type\": \"T\", \"a\": [" P(2, 2) "]",
		     false);
	CHECK_STR(values(entity, V "a"), STR("1 5 2"));
	CHECK(!united(NULL, 0, OBSERVED));
}

static void of_one_time_the_later_modification_stays(void)
{
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [" MODIFIED(1, 1, 2) "," MODIFIED(2, 2, 4) "]",
			     "\"type\": \"T\", \"a\": [" MODIFIED(3, 1, 3) "," MODIFIED(4, 2, 3) "]", false),
			 V "a"),
		  STR("3 2"));
	/* Neither is later: the first. */
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [" P(1, 1) "]", "\"type\": \"T\", \"a\": [" P(2, 1) "]", false),
			 V "a"),
		  STR("1"));
	/* Times are instants, however they are written. */
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [" P(1, 1) "]",
			     "\"type\": \"T\", \"a\": [{\"value\": 2, \"observedAt\": \"2026-01-01T00:01:00.000Z\"}]",
			     false),
			 V "a"),
		  STR("1"));
}

static void datasets_are_told_apart(void)
{
	const char *other = "\"type\": \"T\", \"a\": [{\"value\": 2, \"datasetId\": \"urn:d:1\", " AT(1) "}]";

	CHECK_STR(values(two("\"type\": \"T\", \"a\": [" P(1, 1) "]", other, false), V "a"), STR("1 2"));
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [{\"value\": 1, \"datasetId\": \"urn:d:1\", " AT(1) "}]", other,
			     false),
			 V "a"),
		  STR("1"));
}

static void auxiliary_sources_fill_gaps(void)
{
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [" MODIFIED(1, 1, 2) "]",
			     "\"type\": \"T\", \"a\": [" MODIFIED(2, 1, 9) "," P(3, 3) "]", true),
			 V "a"),
		  STR("1 3"));
	CHECK_STR(values(two("\"type\": \"T\"", "\"type\": \"T\", \"a\": [" P(3, 3) "]", true), V "a"), STR("3"));
}

/* The time of a query may be another one; what has none is told apart by who it is. */
static void the_time_is_that_of_the_query(void)
{
	const char *one = "\"type\": \"T\", \"a\": [{\"value\": 1, \"createdAt\": \"2026-01-01T00:00:00Z\", "
			  "\"instanceId\": \"urn:i:1\"}]";
	const char *same = "\"type\": \"T\", \"a\": [{\"value\": 2, \"createdAt\": \"2026-01-01T00:00:00Z\", "
			   "\"instanceId\": \"urn:i:1\"}]";
	const char *other = "\"type\": \"T\", \"a\": [{\"value\": 2, \"createdAt\": \"2026-01-01T00:00:01Z\", "
			    "\"instanceId\": \"urn:i:1\"}]";
	struct union_version versions[] = {{evolution(one), false}, {evolution(same), false}};

	CHECK_STR(values(united(versions, 2, STR("createdAt")), V "a"), STR("1"));
	versions[0].entity = evolution(one);
	CHECK_STR(values(united(versions, 2, STR("modifiedAt")), V "a"), STR("1")); /* never modified: createdAt */
	CHECK_STR(values(two(one, same, false), V "a"), STR("1"));
	CHECK_STR(values(two(one, other, false), V "a"), STR("1 2"));
	CHECK_STR(values(two("\"type\": \"T\", \"a\": [{\"value\": 1}]", "\"type\": \"T\", \"a\": [{\"value\": 1}]",
			     false),
			 V "a"),
		  STR("1 1"));
}

static void the_scope_is_a_series_too(void)
{
	const struct json *scope =
		json_get(two("\"type\": \"T\", \"scope\": [{\"type\": \"Property\", \"value\": \"/a\", " AT(1) "}]",
			     "\"type\": \"T\", \"scope\": [{\"type\": \"Property\", \"value\": \"/a\", " AT(
				     1) "}, {\"type\": \"Property\", \"value\": \"/b\", " AT(2) "}]",
			     false),
			 STR("scope"));

	CHECK(json_is(scope, JSON_ARRAY) && scope->count == 2);
}

static int64_t stamp_of(const struct json *node, const char *name)
{
	int64_t us = 0;

	(void)json_int64(json_get(node, str_from(name)), &us);
	return us;
}

#define DAY(number) "\"2026-01-0" #number "T00:00:00Z\""

static int64_t day(unsigned int number)
{
	int64_t us = 0;

	CHECK(time_parse_iso(arena_printf(&arena, "2026-01-0%uT00:00:00Z", number), false, &us));
	return us;
}

/* deletedAt of the entity: only when nobody has it any more. */
static void an_entity_is_deleted_when_all_say_so(void)
{
	const char *gone = "\"type\": \"T\", \"deletedAt\": " DAY(3),
		   *later = "\"type\": \"T\", \"deletedAt\": " DAY(5);
	const char *here = "\"type\": \"T\", \"createdAt\": " DAY(2) ", \"modifiedAt\": " DAY(4);

	CHECK(stamp_of(two(gone, later, false), "deletedAt") == day(5));
	CHECK(stamp_of(two(later, gone, false), "deletedAt") == day(5));
	CHECK(!json_get(two(gone, here, false), STR("deletedAt")));
	CHECK(!json_get(two(here, gone, false), STR("deletedAt")));
	CHECK(stamp_of(two(gone, here, true), "deletedAt") == day(3));
	CHECK(stamp_of(two(here, gone, false), "createdAt") == day(2) &&
	      stamp_of(two(gone, here, false), "modifiedAt") == day(4));
}

/* What another broker says of an instance is kept: who it is, its stamps, that it is a deletion, of every kind. */
static void words_of_others_are_kept(void)
{
	struct json *entity = evolution("\"type\": \"T\", \"deletedAt\": " DAY(
		6) ", \"a\": [{\"type\": \"Property\", \"value\": 1, "
		   "\"instanceId\": \"urn:i:1\", \"createdAt\": " DAY(1) ", \"modifiedAt\": " DAY(
			   2) "}, "
			      "{\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\", \"deletedAt\": " DAY(3) "}]");
	const struct json *instances = json_get(entity, STR(V "a"));

	CHECK(stamp_of(entity, "deletedAt") == day(6) && stamp_of(&instances->items[0], "createdAt") == day(1) &&
	      stamp_of(&instances->items[0], "modifiedAt") == day(2));
	CHECK_STR(json_text(json_get(&instances->items[0], STR("instanceId"))), STR("urn:i:1"));
	CHECK(!json_get(&instances->items[0], STR("deletedAt")) &&
	      stamp_of(&instances->items[1], "deletedAt") == day(3));
	static const char *const deletions[] = {
		"\"type\": \"Relationship\", \"object\": \"urn:ngsi-ld:null\"",
		"\"type\": \"LanguageProperty\", \"languageMap\": {\"@none\": \"urn:ngsi-ld:null\"}",
		"\"type\": \"VocabProperty\", \"vocab\": \"urn:ngsi-ld:null\"",
		"\"type\": \"JsonProperty\", \"json\": \"urn:ngsi-ld:null\"",
		"\"type\": \"ListProperty\", \"valueList\": [\"urn:ngsi-ld:null\"]",
		"\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:ngsi-ld:null\"}]",
		"\"type\": \"GeoProperty\", \"value\": \"urn:ngsi-ld:null\"",
	};

	for (size_t i = 0; i < sizeof(deletions) / sizeof(deletions[0]); i++)
		CHECK(evolution(
			arena_printf(&arena, "\"type\": \"T\", \"a\": [{%s, \"deletedAt\": " DAY(3) "}]", deletions[i])
				.at));
	(void)evolution("\"type\": \"T\", \"location\": [{\"type\": \"GeoProperty\", \"value\": \"urn:ngsi-ld:null\", "
			"\"deletedAt\": " DAY(3) "}], \"scope\": [{\"type\": \"Property\", \"value\": "
						 "\"urn:ngsi-ld:null\", \"deletedAt\": " DAY(3) "}]");
	/* Null alone says nothing, and clients say none of this. */
	const struct expand_options stamped = {.context = core, .temporal = true, .stamped = true};
	const struct expand_options client = {.context = core, .temporal = true};
	struct json *null = parse("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": [{\"type\": \"Property\", \"value\": "
				  "\"urn:ngsi-ld:null\"}]}");
	struct json *ids =
		parse("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": [{\"type\": \"Property\", \"value\": 1, "
		      "\"instanceId\": \"urn:i:1\", \"deletedAt\": " DAY(3) "}]}");

	CHECK(expand_entity(&arena, null, &stamped, &entity, &err) == ERR_INVALID);
	CHECK_OK(expand_entity(&arena, ids, &client, &entity, &err), &err);
	instances = json_get(entity, STR(V "a"));
	CHECK(!json_get(&instances->items[0], STR("instanceId")) && !json_get(&instances->items[0], STR("deletedAt")));
}

/* ---- at random ---- */

struct table { /* by minute: 0 nothing, else the value that is to stay */
	uint32_t value[TIMES];
	uint32_t modified[TIMES];
};

static struct union_version random_version(struct random *random, bool auxiliary, struct table *table)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_put(&text, STR("\"type\": \"T\", \"a\": ["));
	for (uint32_t minute = 0, put = 0; minute < TIMES; minute++) {
		uint32_t value = roll(random, 1000) + 1, modified = roll(random, 5) + 2;

		if (roll(random, 3) == 0)
			continue;
		buf_printf(&text,
			   "%s{\"type\": \"Property\", \"value\": %u, \"observedAt\": \"2026-01-01T00:%02u:00Z\", "
			   "\"createdAt\": \"2026-01-01T00:00:00Z\", \"modifiedAt\": \"2026-01-0%uT00:00:00Z\"}",
			   put++ ? "," : "", value, minute, modified);
		if (table->value[minute] && (auxiliary || modified <= table->modified[minute]))
			continue;
		table->value[minute] = value;
		table->modified[minute] = modified;
	}
	buf_put(&text, STR("]"));
	buf_put_char(&text, '\0');
	/* A series may be empty by chance: then there is none. */
	bool empty = str_contains(buf_str(&text), STR("[]"));
	struct union_version version = {evolution(empty ? "\"type\": \"T\"" : buf_str(&text).at), auxiliary};

	buf_done(&text);
	return version;
}

static void parts_at_random_make_the_table(void)
{
	struct random random = {20260301};

	for (int round = 0; round < ROUNDS; round++) {
		struct union_version versions[VERSIONS];
		struct table table = {.value = {0}};
		size_t count = 1 + roll(&random, VERSIONS), plain = 1 + roll(&random, (uint32_t)count), found = 0,
		       wanted = 0;

		for (size_t i = 0; i < count; i++)
			versions[i] = random_version(&random, i >= plain, &table);
		const struct json *instances = json_get(united(versions, count, OBSERVED), STR(V "a"));

		for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
			int64_t us = 0, value = 0;

			CHECK(time_parse_iso(json_text(json_get(&instances->items[i], OBSERVED)), false, &us));
			CHECK(json_int64(document_value(&instances->items[i]), &value));
			found += CHECK(table.value[us / US_PER_S / 60 % 60] == (uint32_t)value);
		}
		for (uint32_t minute = 0; minute < TIMES; minute++)
			wanted += table.value[minute] > 0;
		CHECK(found == wanted);
		arena_clear(&arena);
	}
}

int main(void)
{
	bench_open();
	RUN(instances_of_all_are_there_once);
	RUN(of_one_time_the_later_modification_stays);
	RUN(datasets_are_told_apart);
	RUN(auxiliary_sources_fill_gaps);
	RUN(the_time_is_that_of_the_query);
	RUN(the_scope_is_a_series_too);
	RUN(an_entity_is_deleted_when_all_say_so);
	RUN(words_of_others_are_kept);
	RUN(parts_at_random_make_the_table);
	bench_close();
	return check_done();
}
