/* The notification's body after GS CIM 009 V1.9.1 clauses 4.3.6.8, 4.5.0, 4.5.2–4.5.24, 4.15, 4.18, 5.2.14.1, 5.3.1,
 * 5.5.4, 5.8.6 and 6.3.8.
 *
 * Goal: each format, and each way in which attributes and entities can have changed, comes out as the clauses word it.
 * Method: an update by the merging functions is notified, and the body is compared with a text written from the clause
 * that the case quotes. */
#include "ngsild/subscription.h"
#include "ngsild_bench.h"

#include "base/cleanup.h"

DEFINE_CLEANUP(struct subscription *, subscription);

#define LATER_US (NOW_US + 60 * INT64_C(1000000)) /* 2027-01-15T08:01:00Z: when things change */
#define THEN "\"2027-01-15T08:00:00Z\""
#define LATER "\"2027-01-15T08:01:00Z\""
#define NULL_TEXT "\"urn:ngsi-ld:null\""

#define E "{\"id\": \"urn:x:1\", \"type\": \"T\", "
#define SHOWN "\"id\": \"urn:x:1\", \"type\": \"T\""

struct noted {
	struct context *context; /* NULL: the core */
	const char *context_value;
	const struct linked_source *linked;
	struct notification_met *met;
};

/* members: of the subscription, notification: of its notification, endpoint: of that; each with a comma in front. */
static struct subscription *subscribed(struct context *own, const char *members, const char *notification,
				       const char *endpoint)
{
	struct subscription *subscription = NULL;
	struct str text = arena_printf(&arena,
				       "{\"id\": \"urn:s:1\", \"type\": \"Subscription\", \"entities\": [{\"type\":"
				       " \"T\"}]%s, \"notification\": {\"endpoint\": {\"uri\": \"http://h\"%s}%s}}",
				       members, endpoint, notification);
	const struct json *document = parse(text.at);

	if (!CHECK_OK(subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, NOW_US, &err), &err) ||
	    !CHECK_OK(subscription_new(document, own ? own : core, parser, &subscription, &err), &err))
		printf("# in %s\n", text.at);
	return subscription;
}

static struct str body(const struct subscription *s, const struct noted *noted, const struct subscription_event *events,
		       size_t count)
{
	const struct notification_frame frame = {.subscription = s,
						 .context = noted->context ? noted->context : core,
						 .context_value =
							 noted->context_value ? parse(noted->context_value) : NULL,
						 .id = STR("urn:n:1"),
						 .notified_us = LATER_US,
						 .linked = noted->linked,
						 .met = noted->met};
	struct buf out;

	buf_init(&out, 1u << 20);
	notification_begin(&out, &frame);
	for (size_t i = 0; i < count; i++)
		CHECK_OK(notification_entity(&out, &arena, &frame, &events[i], &err), &err);
	notification_end(&out, &frame);
	CHECK_OK(buf_check(&out, "the body", &err), &err);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static struct str data_of(struct str text)
{
	struct json *json = NULL;
	struct buf out;

	CHECK_OK(json_parse(parser, &arena, text, NULL, &json, &err), &err);
	buf_init(&out, 1u << 20);
	if (CHECK(json_get(json, STR("data"))))
		json_write(&out, json_get(json, STR("data")));
	struct str data = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return data;
}

/* An update (5.6.2) of an entity; Null removes. */
static struct subscription_event updated(const char *before, const char *fragment)
{
	struct json *entity = expanded(before, core), *patch = NULL;
	struct merge_result result = {0};

	CHECK_OK(expand_text(fragment, core, true, &patch), &err);
	const struct json *old = json_dup(&arena, entity);

	CHECK_OK(merge_update(&arena, entity, patch, LATER_US, &result, &err), &err);
	return (struct subscription_event){old, entity, result.changes, result.scope_changed, LATER_US, NULL};
}

static void check_event(const char *members, const char *notification, const struct subscription_event *event,
			const char *data)
{
	CLEANUP(subscription) struct subscription *s = subscribed(NULL, members, notification, "");

	if (s)
		CHECK_JSON(data_of(body(s, &(struct noted){0}, event, 1)), data);
}

static void check_update(const char *members, const char *notification, const char *before, const char *fragment,
			 const char *data)
{
	const struct subscription_event event = updated(before, fragment);

	check_event(members, notification, &event, data);
}

static void check_deletion(const char *notification, const char *before, const char *data)
{
	const struct subscription_event event = {.before = expanded(before, core), .at_us = LATER_US};

	check_event("", notification, &event, data);
}

/* ---- the frame ---- */

/* 5.3.1 */
static void the_structure_is_that_of_the_table(void)
{
	CLEANUP(subscription) struct subscription *s = subscribed(NULL, "", "", "");
	CLEANUP(subscription)
	struct subscription *ld = subscribed(NULL, "", "", ", \"accept\": \"application/ld+json\"");
	const struct subscription_event events[] = {
		{.after = expanded(E "\"a\": 1}", core)},
		{.after = expanded("{\"id\": \"urn:x:2\", \"type\": \"T\"}", core)},
	};
	const struct noted noted = {.context_value = "[\"http://example.org/c.jsonld\"]"};

	if (!s || !ld)
		return;
	CHECK_JSON(body(s, &noted, events, 2),
		   "{\"id\": \"urn:n:1\", \"type\": \"Notification\", \"subscriptionId\": \"urn:s:1\","
		   " \"notifiedAt\": " LATER ", \"data\": [{" SHOWN ", \"a\": {\"type\": \"Property\", \"value\": 1}},"
		   " {\"id\": \"urn:x:2\", \"type\": \"T\"}]}");
	/* 5.2.3: the @context is a member of the Notification when it is pure JSON-LD. */
	CHECK_JSON(body(ld, &noted, events, 1),
		   "{\"id\": \"urn:n:1\", \"type\": \"Notification\", \"subscriptionId\": \"urn:s:1\","
		   " \"notifiedAt\": " LATER ", \"data\": [{" SHOWN ", \"a\": {\"type\": \"Property\", \"value\": 1}}],"
		   " \"@context\": [\"http://example.org/c.jsonld\"]}");
}

/* 4.5.16, 5.3.1, 6.3.8 */
static void geo_json_makes_a_feature_collection(void)
{
	const struct subscription_event events[] = {
		{.after = expanded(E "\"a\": 1, \"location\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}", core)},
		{.before = expanded("{\"id\": \"urn:x:2\", \"type\": \"T\", \"a\": 1, \"location\": {\"type\":"
				    " \"Point\", \"coordinates\": [1, 2]}}",
				    core),
		 .at_us = LATER_US},
	};
	const struct noted noted = {.context_value = "\"http://c\""};
#define FEATURES                                                                                                       \
	"{\"type\": \"FeatureCollection\", \"features\": [{\"id\": \"urn:x:1\", \"type\": \"Feature\", \"geometry\":"  \
	" {\"type\": \"Point\", \"coordinates\": [1, 2]}, \"properties\": {\"type\": \"T\", \"a\": 1, \"location\":"   \
	" {\"type\": \"Point\", \"coordinates\": [1, 2]}}}, {\"id\": \"urn:x:2\", \"type\": \"Feature\", "             \
	"\"geometry\":"                                                                                                \
	" null, \"properties\": {\"type\": \"T\", \"deletedAt\": " LATER "}}]"
	static const struct {
		const char *endpoint, *data;
	} table[] = {
		{"", FEATURES ", \"@context\": \"http://c\"}"},
		{", \"receiverInfo\": [{\"key\": \"Prefer\", \"value\": \"body=ld+json\"}]",
		 FEATURES ", \"@context\": \"http://c\"}"},
		{", \"receiverInfo\": [{\"key\": \"X\", \"value\": \"y\"}, {\"key\": \"Prefer\", \"value\":"
		 " \"body=json\"}]",
		 FEATURES "}"},
	};
#undef FEATURES

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct str endpoint =
			arena_printf(&arena, ", \"accept\": \"application/geo+json\"%s", table[i].endpoint);
		CLEANUP(subscription)
		struct subscription *s = subscribed(NULL, "", ", \"format\": \"simplified\"", endpoint.at);

		if (!s)
			return;
		struct str text = body(s, &noted, events, 2);

		CHECK_JSON(data_of(text), table[i].data);
		CHECK(str_ends(text, STR("}}")) && subscription_endpoint(s)->context_linked == (i == 2));
	}
}

static void a_geometry_that_went_is_null(void)
{
	CLEANUP(subscription)
	struct subscription *s = subscribed(NULL, "", ", \"sysAttrs\": true, \"pick\": [\"id\", \"location\"]",
					    ", \"accept\": \"application/geo+json\"");
	const struct subscription_event event =
		updated(E "\"location\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}",
			"{\"location\": {\"type\": \"GeoProperty\", \"value\": " NULL_TEXT "}}");

	if (s) {
		struct str text = data_of(body(s, &(struct noted){0}, &event, 1));

		CHECK(str_contains(text, STR("\"geometry\":null")));
		CHECK(str_contains(text, STR("\"location\":{\"type\":\"GeoProperty\",\"value\":\"urn:ngsi-ld:null\"")));
	}
}

/* ---- representations ---- */

#define ALL_KINDS                                                                                                      \
	"\"p\": 1, \"r\": {\"object\": \"urn:o:1\"}, \"l\": {\"languageMap\": {\"en\": \"yes\", \"fr\": \"oui\"}},"    \
	" \"v\": {\"vocab\": \"w\"}, \"j\": {\"json\": {\"k\": 1}}, \"pl\": {\"valueList\": [1, 2]},"                  \
	" \"rl\": {\"objectList\": [\"urn:o:1\", \"urn:o:2\"]}"

static void each_format_is_that_of_entities(void)
{
	const struct subscription_event event = {.after = expanded(E ALL_KINDS "}", core)};
	static const char *const simplified =
		"[{" SHOWN ", \"p\": 1, \"r\": \"urn:o:1\", \"l\": {\"languageMap\": {\"en\": \"yes\", \"fr\":"
		" \"oui\"}}, \"v\": {\"vocab\": \"w\"}, \"j\": {\"json\": {\"k\": 1}}, \"pl\": [1, 2],"
		" \"rl\": [\"urn:o:1\", \"urn:o:2\"]}]";
	static const char *const normalized =
		"[{" SHOWN ", \"p\": {\"type\": \"Property\", \"value\": 1}, \"r\": {\"type\": \"Relationship\","
		" \"object\": \"urn:o:1\"}, \"l\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"en\":"
		" \"yes\", \"fr\": \"oui\"}}, \"v\": {\"type\": \"VocabProperty\", \"vocab\": \"w\"}, \"j\": {"
		" \"type\": \"JsonProperty\", \"json\": {\"k\": 1}}, \"pl\": {\"type\": \"ListProperty\","
		" \"valueList\": [1, 2]}, \"rl\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\":"
		" \"urn:o:1\"}, {\"object\": \"urn:o:2\"}]}}]";

	check_event("", "", &event, normalized);
	check_event("", ", \"format\": \"normalized\"", &event, normalized);
	check_event("", ", \"format\": \"concise\"", &event, "[" E ALL_KINDS "}]");
	check_event("", ", \"format\": \"simplified\"", &event, simplified);
	check_event("", ", \"format\": \"keyValues\"", &event, simplified);
}

static void members_are_picked_and_left_out(void)
{
	const struct subscription_event event = {.after = expanded(E "\"a\": 1, \"b\": 2, \"scope\": \"/A\"}", core)};
#define C ", \"format\": \"concise\""
	check_event("", C, &event, "[{" SHOWN ", \"a\": 1, \"b\": 2, \"scope\": \"/A\"}]");
	check_event("", C ", \"attributes\": [\"a\"]", &event, "[{" SHOWN ", \"a\": 1}]");
	check_event("", C ", \"pick\": [\"id\", \"b\"]", &event, "[{\"id\": \"urn:x:1\", \"b\": 2}]");
	check_event("", C ", \"omit\": [\"a\", \"scope\"]", &event, "[{" SHOWN ", \"b\": 2}]");
	check_event("", C ", \"pick\": [\"a,b\", \"type\"], \"omit\": [\"c\"]", &event,
		    "[{\"type\": \"T\", \"a\": 1, \"b\": 2}]");
#undef C
}

/* "Only the Attribute instances are to be included that match the datasetId member" */
static void datasets_are_selected(void)
{
	const struct subscription_event event = {
		.after = expanded(E "\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}], \"b\": 3}",
				  core)};

	check_event(", \"datasetId\": [\"urn:d:1\"]", ", \"format\": \"concise\"", &event,
		    "[{" SHOWN ", \"a\": {\"value\": 2, \"datasetId\": \"urn:d:1\"}}]");
	check_event(", \"datasetId\": [\"@none\"]", ", \"format\": \"concise\"", &event,
		    "[{" SHOWN ", \"a\": 1, \"b\": 3}]");
}

/* 4.15; 4.3.6.8; 4.8 */
static void languages_versions_and_stamps_are_heeded(void)
{
	const struct subscription_event event = {
		.after = expanded(E "\"l\": {\"languageMap\": {\"en\": \"yes\", \"fr\": \"oui\"}}}", core)};
	const struct subscription_event scoped = {
		.after = expanded(E "\"scope\": \"/A\", \"v\": {\"vocab\": \"w\"}}", core)};
	struct subscription_event stamped = updated(E "\"a\": 1}", "{\"a\": 2}");

	check_event(", \"lang\": \"fr\"", "", &event,
		    "[{" SHOWN ", \"l\": {\"type\": \"Property\", \"value\": \"oui\", \"lang\": \"fr\"}}]");
	check_event(", \"lang\": \"en\"", ", \"format\": \"simplified\"", &event, "[{" SHOWN ", \"l\": \"yes\"}]");
	/* Tables 4.3.6.8-1: scope came with 1.4, VocabProperty with 1.8. */
	check_event(", \"ngsildConformance\": \"1.3\"", "", &scoped,
		    "[{" SHOWN ", \"v\": {\"type\": \"Property\", \"value\": \"w\"}}]");
	check_event(", \"ngsildConformance\": \"1.9\"", "", &scoped,
		    "[{" SHOWN ", \"scope\": \"/A\", \"v\": {\"type\": \"VocabProperty\", \"vocab\": \"w\"}}]");
	check_event("", ", \"sysAttrs\": true", &stamped,
		    "[{" SHOWN ", \"createdAt\": " THEN ", \"modifiedAt\": " LATER ", \"a\": {\"type\": \"Property\","
		    " \"value\": 2, \"createdAt\": " THEN ", \"modifiedAt\": " LATER "}}]");
}

/* 4.3.6.8: what becomes a Property has a Property's value, also when it went. */
static void what_went_is_told_as_its_version_knows_it(void)
{
	const char *before = E "\"l\": {\"languageMap\": {\"en\": \"x\"}}, \"rl\": {\"objectList\": [\"urn:o:1\"]}}";
	const char *loses = "{\"l\": " NULL_TEXT ", \"rl\": " NULL_TEXT "}";

	check_update(", \"ngsildConformance\": \"1.3\"", "", before, loses,
		     "[{" SHOWN ", \"l\": " NULL_TEXT ", \"rl\": " NULL_TEXT "}]");
	check_update(", \"ngsildConformance\": \"1.3\"", ", \"showChanges\": true", before, loses,
		     "[{" SHOWN ", \"l\": {\"type\": \"Property\", \"value\": " NULL_TEXT "},"
		     " \"rl\": {\"type\": \"Relationship\", \"object\": " NULL_TEXT "}}]");
}

/* Names are expanded by the subscription's @context and written by jsonldContext. */
static void names_are_written_by_the_context_of_the_notification(void)
{
	CLEANUP(subscription)
	struct subscription *s =
		subscribed(annex, "", ", \"format\": \"concise\", \"attributes\": [\"speed\", \"name\"]", "");
	const struct subscription_event event = {
		.after = expanded("{\"id\": \"urn:x:1\", \"type\": \"Vehicle\", \"speed\": 51, \"street\": 5}", annex)};
	struct noted noted = {.context = annex};

	if (!s)
		return;
	CHECK_JSON(data_of(body(s, &noted, &event, 1)),
		   "[{\"id\": \"urn:x:1\", \"type\": \"Vehicle\", \"speed\": 51}]");
	noted.context = core;
	CHECK_JSON(data_of(body(s, &noted, &event, 1)),
		   "[{\"id\": \"urn:x:1\", \"type\": \"http://example.org/vehicle/Vehicle\","
		   " \"http://example.org/vehicle/speed\": 51}]");
}

/* ---- changes ---- */

/* 5.2.14.1: "the previous value of Properties or languageMap of Language Properties or object of Relationships is
 * provided in addition to the current one … in case of modifications and deletions, but not of creations"; the clauses
 * of the other kinds (4.5.20.2–4.5.24.2) have their own members. */
static void show_changes_gives_each_kind_its_previous_member(void)
{
	check_update("", ", \"showChanges\": true", E ALL_KINDS "}",
		     "{\"p\": 2, \"r\": {\"object\": \"urn:o:2\"}, \"l\": {\"languageMap\": {\"en\": \"no\"}},"
		     " \"v\": {\"vocab\": \"x\"}, \"j\": {\"json\": [3]}, \"pl\": {\"valueList\": [4]},"
		     " \"rl\": {\"objectList\": [\"urn:o:3\"]}, \"n\": 9}",
		     "[{" SHOWN ", \"p\": {\"type\": \"Property\", \"value\": 2, \"previousValue\": 1},"
		     " \"r\": {\"type\": \"Relationship\", \"object\": \"urn:o:2\", \"previousObject\": \"urn:o:1\"},"
		     " \"l\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"no\"},"
		     " \"previousLanguageMap\": {\"en\": \"yes\", \"fr\": \"oui\"}},"
		     " \"v\": {\"type\": \"VocabProperty\", \"vocab\": \"x\", \"previousVocab\": \"w\"},"
		     " \"j\": {\"type\": \"JsonProperty\", \"json\": [3], \"previousJson\": {\"k\": 1}},"
		     " \"pl\": {\"type\": \"ListProperty\", \"valueList\": [4], \"previousValueList\": [1, 2]},"
		     " \"rl\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:o:3\"}],"
		     "  \"previousObjectList\": [{\"object\": \"urn:o:1\"}, {\"object\": \"urn:o:2\"}]},"
		     " \"n\": {\"type\": \"Property\", \"value\": 9}}]");
	/* Concise: a value with its previous one is an object; lists of URIs stay texts (4.5.22.3). */
	check_update("", ", \"showChanges\": true, \"format\": \"concise\"",
		     E "\"p\": 1, \"q\": 5, \"rl\": {\"objectList\": [\"urn:o:1\"]}}",
		     "{\"p\": 2, \"rl\": {\"objectList\": [\"urn:o:2\"]}}",
		     "[{" SHOWN ", \"p\": {\"value\": 2, \"previousValue\": 1}, \"q\": 5,"
		     " \"rl\": {\"objectList\": [\"urn:o:2\"], \"previousObjectList\": [\"urn:o:1\"]}}]");
	/* A Property has no previousObject: what was of another kind is not shown (4.5.2.2). */
	check_update("", ", \"showChanges\": true", E "\"p\": {\"object\": \"urn:o:1\"}}", "{\"p\": 1}",
		     "[{" SHOWN ", \"p\": {\"type\": \"Property\", \"value\": 1}}]");
	/* Only the instance that changed. */
	check_update("", ", \"showChanges\": true, \"format\": \"concise\"",
		     E "\"p\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}]}",
		     "{\"p\": {\"value\": 3, \"datasetId\": \"urn:d:1\"}}",
		     "[{" SHOWN ", \"p\": [{\"value\": 1}, {\"value\": 3, \"previousValue\": 2,"
		     " \"datasetId\": \"urn:d:1\"}]}]");
}

#define LOSES_A "{\"a\": " NULL_TEXT "}"

/* "If an Attribute has been deleted, only the name of the attribute as key and the URI "urn:ngsi-ld:null" as value
 * shall be provided, unless more information is required." */
static void a_deleted_attribute_is_its_name_and_null(void)
{
	static const char *const formats[] = {"normalized", "concise", "simplified"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const char *format = arena_printf(&arena, ", \"format\": \"%s\", \"omit\": [\"b\"]", formats[i]).at;

		check_update("", format, E "\"a\": 1, \"b\": 2}", LOSES_A, "[{" SHOWN ", \"a\": " NULL_TEXT "}]");
		check_update("", format, E "\"a\": {\"object\": \"urn:o:1\"}}", LOSES_A,
			     "[{" SHOWN ", \"a\": " NULL_TEXT "}]");
		check_update("", format, E "\"a\": {\"languageMap\": {\"en\": \"x\"}}}", LOSES_A,
			     "[{" SHOWN ", \"a\": " NULL_TEXT "}]");
	}
	/* What is not to be shown is not shown as deleted either. */
	check_update("", ", \"attributes\": [\"b\"], \"format\": \"concise\"", E "\"a\": 1, \"b\": 2}", LOSES_A,
		     "[{" SHOWN ", \"b\": 2}]");
	check_update(", \"datasetId\": [\"urn:d:1\"]", "", E "\"a\": 1}", LOSES_A, "[{" SHOWN "}]");
}

/* "a datasetId needs to be provided; the notification.sysAttrs is set to true …; notification.showChanges is set to
 * true": "a JSON object with all the required information is provided, where the value or the object is set to the URI"
 * or "the languageMap is set to {"@none": "urn:ngsi-ld:null"}"; of arrays 4.5.0: "an array with one single NGSI-LD
 * Null". */
static void a_deleted_attribute_of_which_more_is_told_is_an_object(void)
{
#define LOST(kind, member) "\"type\": \"" kind "\", \"" member "\": " NULL_TEXT
	check_update("", "", E "\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}]}",
		     "{\"a\": {\"value\": " NULL_TEXT ", \"datasetId\": \"urn:d:1\"}}",
		     "[{" SHOWN ", \"a\": [{\"type\": \"Property\", \"value\": 1}, {" LOST(
			     "Property", "value") ","
						  " \"datasetId\": \"urn:d:1\"}]}]");
	check_update("", "", E "\"a\": {\"value\": 2, \"datasetId\": \"urn:d:1\"}}",
		     "{\"a\": {\"value\": " NULL_TEXT ", \"datasetId\": \"urn:d:1\"}}",
		     "[{" SHOWN ", \"a\": {" LOST("Property", "value") ", \"datasetId\": \"urn:d:1\"}}]");
	check_update("", ", \"format\": \"simplified\"",
		     E "\"a\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}]}",
		     "{\"a\": {\"value\": " NULL_TEXT ", \"datasetId\": \"urn:d:1\"}}",
		     "[{" SHOWN ", \"a\": {\"dataset\": {\"@none\": 1, \"urn:d:1\": " NULL_TEXT "}}}]");
	check_update("", ", \"sysAttrs\": true, \"pick\": [\"a\"], \"omit\": [\"createdAt\", \"modifiedAt\"]",
		     E "\"a\": 1}", LOSES_A,
		     "[{\"a\": {" LOST("Property", "value") ", \"createdAt\": " THEN ", \"modifiedAt\": " THEN ","
							    " \"deletedAt\": " LATER "}}]");
	check_update("", ", \"showChanges\": true", E "\"a\": 1}", LOSES_A,
		     "[{" SHOWN ", \"a\": {" LOST("Property", "value") ", \"previousValue\": 1}}]");
	check_update("", ", \"showChanges\": true", E "\"a\": {\"object\": \"urn:o:1\"}}", LOSES_A,
		     "[{" SHOWN ", \"a\": {" LOST("Relationship", "object") ", \"previousObject\": \"urn:o:1\"}}]");
	check_update("", ", \"showChanges\": true", E "\"a\": {\"languageMap\": {\"en\": \"x\"}}}", LOSES_A,
		     "[{" SHOWN ", \"a\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"@none\": " NULL_TEXT
		     "}, \"previousLanguageMap\": {\"en\": \"x\"}}}]");
	check_update("", ", \"showChanges\": true", E "\"a\": {\"valueList\": [1]}}", LOSES_A,
		     "[{" SHOWN ", \"a\": {\"type\": \"ListProperty\", \"valueList\": [" NULL_TEXT
		     "], \"previousValueList\": [1]}}]");
	check_update("", ", \"showChanges\": true", E "\"a\": {\"objectList\": [\"urn:o:1\"]}}", LOSES_A,
		     "[{" SHOWN ", \"a\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": " NULL_TEXT
		     "}], \"previousObjectList\": [{\"object\": \"urn:o:1\"}]}}]");
	check_update("", ", \"showChanges\": true, \"format\": \"concise\"", E "\"a\": 1}", LOSES_A,
		     "[{" SHOWN ", \"a\": {\"value\": " NULL_TEXT ", \"previousValue\": 1}}]");
#undef LOST
}

/* 4.18: the Null "shall be only used and only appear in case of deleted scopes" */
static void a_deleted_scope_is_null(void)
{
	check_update("", ", \"format\": \"concise\"", E "\"scope\": [\"/A\", \"/B\"], \"a\": 1}",
		     "{\"scope\": " NULL_TEXT "}", "[{" SHOWN ", \"a\": 1, \"scope\": " NULL_TEXT "}]");
	check_update("", ", \"format\": \"concise\"", E "\"scope\": \"/A\", \"a\": 1}", "{\"scope\": \"/B\"}",
		     "[{" SHOWN ", \"a\": 1, \"scope\": \"/B\"}]");
}

/* "If the notification was triggered by the deletion of an Entity and the notification.showChanges member is not set to
 * true, only the deletedAt system property shall be provided. In case notification.sysAttrs is set to true, also
 * createdAt and modifiedAt shall be provided." */
static void a_deleted_entity_tells_when(void)
{
	const char *before = E "\"a\": 1, \"r\": {\"object\": \"urn:o:1\"}, \"scope\": \"/A\"}";

	check_deletion("", before, "[{" SHOWN ", \"deletedAt\": " LATER "}]");
	check_deletion(", \"format\": \"simplified\"", before, "[{" SHOWN ", \"deletedAt\": " LATER "}]");
	check_deletion(", \"attributes\": [\"a\"]", before, "[{" SHOWN ", \"deletedAt\": " LATER "}]");
	check_deletion(", \"sysAttrs\": true", before,
		       "[{" SHOWN ", \"createdAt\": " THEN ", \"modifiedAt\": " THEN ", \"deletedAt\": " LATER "}]");
	check_deletion(", \"showChanges\": true", before,
		       "[{" SHOWN ", \"a\": {\"type\": \"Property\", \"value\": " NULL_TEXT ", \"previousValue\": 1},"
		       " \"r\": {\"type\": \"Relationship\", \"object\": " NULL_TEXT
		       ", \"previousObject\": \"urn:o:1\"}, \"deletedAt\": " LATER "}]");
	check_deletion(", \"showChanges\": true, \"attributes\": [\"a\"], \"format\": \"concise\"", before,
		       "[{" SHOWN ", \"a\": {\"value\": " NULL_TEXT ", \"previousValue\": 1}, \"deletedAt\": " LATER
		       "}]");
}

/* One write may delete an instance and bring it back, or change it twice. */
static void several_changes_of_one_write_are_told_as_one(void)
{
	struct subscription_event first = updated(E "\"a\": 1, \"b\": 5}", LOSES_A), second;
	struct json *entity = json_dup(&arena, first.after), *fragment = NULL;
	struct merge_result result = {0};

	CHECK_OK(expand_text("{\"a\": 3}", core, true, &fragment), &err);
	CHECK_OK(merge_update(&arena, entity, fragment, LATER_US, &result, &err), &err);
	second = first;
	second.after = entity;
	struct change *chain = result.changes, *last = arena_new(&arena, struct change);

	*last = *first.changes;
	last->next = chain;
	second.changes = last;
	check_event("", ", \"format\": \"concise\", \"showChanges\": true", &second,
		    "[{" SHOWN ", \"a\": {\"value\": 3, \"previousValue\": 1}, \"b\": 5}]");
	check_event("", ", \"format\": \"concise\"", &second, "[{" SHOWN ", \"a\": 3, \"b\": 5}]");
}

/* ---- linked entities (4.5.23) ---- */

static const struct json *find(void *self, struct str id)
{
	const struct json *known = self;

	return json_get(known, id);
}

static void linked_entities_are_joined(void)
{
	struct json *known = json_new(&arena, json_object());
	const struct linked_source source = {find, known};
	const struct noted noted = {.linked = &source};
	const struct subscription_event event = {
		.after = expanded(E "\"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"]}}", core)};
	static const struct {
		const char *notification, *data;
	} table[] = {
		{"", "[{" SHOWN ", \"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"]}}]"},
		{", \"join\": \"@none\"", "[{" SHOWN ", \"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"]}}]"},
		{", \"join\": \"inline\"",
		 "[{" SHOWN ", \"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"], \"entity\": [{\"id\": \"urn:x:2\","
		 " \"type\": \"U\", \"s\": {\"object\": \"urn:x:3\"}, \"c\": 7}]}}]"},
		{", \"join\": \"flat\"",
		 "[{" SHOWN ", \"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"]}}, {\"id\": \"urn:x:2\", \"type\": \"U\","
		 " \"s\": {\"object\": \"urn:x:3\"}, \"c\": 7}]"},
		{", \"join\": \"flat\", \"joinLevel\": 2, \"pick\": [\"id\", \"r{id,s{c}}\"]",
		 "[{\"id\": \"urn:x:1\", \"r\": {\"object\": [\"urn:x:2\", \"urn:x:9\"]}}, {\"id\": \"urn:x:2\","
		 " \"s\": {\"object\": \"urn:x:3\"}}, {\"c\": 8}]"},
	};

	CHECK(json_add(
		&arena, known, STR("urn:x:2"),
		*expanded("{\"id\": \"urn:x:2\", \"type\": \"U\", \"s\": {\"object\": \"urn:x:3\"}, \"c\": 7}", core)));
	CHECK(json_add(
		&arena, known, STR("urn:x:3"),
		*expanded("{\"id\": \"urn:x:3\", \"type\": \"U\", \"r\": {\"object\": \"urn:x:1\"}, \"c\": 8}", core)));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct str notification = arena_printf(&arena, ", \"format\": \"concise\"%s", table[i].notification);
		CLEANUP(subscription) struct subscription *s = subscribed(NULL, "", notification.at, "");

		if (s)
			CHECK_JSON(data_of(body(s, &noted, &event, 1)), table[i].data);
	}
}

/* "This array will consist of both Linking Entities and Linked Entities": each once. */
static void a_flat_notification_tells_each_linked_entity_once(void)
{
	struct json *known = json_new(&arena, json_object());
	const struct linked_source source = {find, known};
	struct noted noted = {.linked = &source, .met = notification_met_new()};
	CLEANUP(subscription)
	struct subscription *s =
		subscribed(NULL, "", ", \"join\": \"flat\", \"joinLevel\": 2, \"format\": \"simplified\"", "");
#define LINK(id, to) "{\"id\": \"urn:x:" id "\", \"type\": \"T\", \"r\": {\"object\": \"urn:x:" to "\"}}"
#define FLAT(id, to) "{\"id\": \"urn:x:" id "\", \"type\": \"T\", \"r\": \"urn:x:" to "\"}"
	static const char *const entities[] = {LINK("4", "5"), LINK("5", "6"), LINK("6", "7"), LINK("7", "8")};

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		const struct json *entity = expanded(entities[i], core);

		CHECK(json_add(&arena, known, document_id(entity), *entity));
	}
	/* 1 leads to 4 and 5; 2 leads to 4 again, and to nothing new; 3 is nearer to 5, and so leads to 6. 9
	 * links to what nobody knows. */
	const struct subscription_event events[] = {{.after = expanded(LINK("1", "4"), core)},
						    {.after = expanded(LINK("2", "4"), core)},
						    {.after = expanded(LINK("3", "5"), core)},
						    {.after = expanded(LINK("9", "1"), core)}};

	if (s && CHECK(noted.met))
		CHECK_JSON(data_of(body(s, &noted, events, 4)),
			   "[" FLAT("1", "4") ", " FLAT("4", "5") ", " FLAT("5", "6") ", " FLAT("2", "4") ", " FLAT(
				   "3", "5") ", " FLAT("6", "7") ", " FLAT("9", "1") "]");
	noted.met = notification_met_free(noted.met);
#undef LINK
#undef FLAT
}

static void refused_memory_is_an_error(void)
{
	CLEANUP(subscription)
	struct subscription *s = subscribed(NULL, "", ", \"showChanges\": true, \"sysAttrs\": true", "");
	const struct subscription_event event = updated(E ALL_KINDS "}", "{\"p\": 2, \"r\": " NULL_TEXT "}");
	const struct notification_frame frame = {.subscription = s, .context = core, .id = STR("urn:n:1")};
	enum err_code code = ERR_MEMORY;
	size_t room = 0;

	for (; s && code == ERR_MEMORY && room < 1u << 20; room += 64) {
		struct arena small;
		struct buf out;

		arena_init(&small, room);
		buf_init(&out, 1u << 20);
		code = notification_entity(&out, &small, &frame, &event, &err);
		CHECK(code == ERR_OK || code == ERR_MEMORY);
		buf_done(&out);
		arena_done(&small);
	}
	CHECK(code == ERR_OK && room > 512);
}

/* ---- several told as one ---- */

/* *count: as in notification_join(). */
static struct str join_some(const char *const *texts, size_t *count)
{
	struct str bodies[8], text = STR_NONE;
	struct buf out;

	for (size_t i = 0; i < *count; i++)
		bodies[i] = arena_dup(&arena, str_from(texts[i]));
	buf_init(&out, 1u << 20);
	if (notification_join(&out, &arena, parser, bodies, count, STR("urn:n:9"), LATER_US, &err) == ERR_OK)
		text = arena_dup(&arena, buf_str(&out));
	buf_done(&out);
	return text;
}

static struct str joined(const char *const *texts, size_t count)
{
	size_t all = count;
	struct str text = join_some(texts, &count);

	CHECK(!text.at || count == all);
	return text;
}

/* 5.3.2: a notification has one triggerReason. */
static void only_what_is_told_for_the_same_reason_is_told_as_one(void)
{
	static const char *const texts[] = {
		"{\"id\": \"urn:n:1\", \"triggerReason\": \"updated\", \"data\": [{\"id\": \"urn:a\", \"n\": 1}]}",
		"{\"id\": \"urn:n:2\", \"triggerReason\": \"updated\", \"data\": [{\"id\": \"urn:a\", \"n\": 2}]}",
		"{\"id\": \"urn:n:3\", \"triggerReason\": \"noLongerMatching\", \"data\": [{\"id\": \"urn:a\"}]}",
		"{\"id\": \"urn:n:4\", \"triggerReason\": \"updated\", \"data\": [{\"id\": \"urn:a\"}]}"};
	size_t count = 4;

	CHECK_STR(join_some(texts, &count),
		  STR("{\"id\":\"urn:n:9\",\"triggerReason\":\"updated\",\"data\":[{\"id\":\"urn:a\",\"n\":2}]}"));
	CHECK(count == 2);
	count = 2;
	CHECK(join_some(texts + 2, &count).at && count == 1);
}

/* 5.8.6: "The notification message shall include all the subscribed Entities that changed". */
static void several_are_told_as_one(void)
{
	static const char *const plain[] = {
		"{\"id\": \"urn:n:1\", \"type\": \"Notification\", \"subscriptionId\": \"urn:s:1\", "
		"\"notifiedAt\": " THEN
		", \"data\": [{\"id\": \"urn:a\", \"n\": 1.50}], \"@context\": [\"http://c\", {\"id\": \"x:id\"}]}",
		"{\"id\": \"urn:n:2\", \"type\": \"Notification\", \"subscriptionId\": \"urn:s:1\", "
		"\"notifiedAt\": " THEN ", \"data\": [{\"id\": \"urn:b\", \"n\": 2}, {\"id\": \"urn:c\", \"n\": 3}]}",
		"{\"id\": \"urn:n:3\", \"type\": \"Notification\", \"subscriptionId\": \"urn:s:1\", "
		"\"notifiedAt\": " THEN ", \"data\": [{\"id\": \"urn:a\", \"n\": 12345678901234567890.10}]}"};
	static const char *const places[] = {
		"{\"id\": \"urn:n:1\", \"data\": {\"type\": \"FeatureCollection\", \"features\": [{\"id\": \"urn:a\", "
		"\"type\": \"Feature\"}], \"@context\": \"http://c\"}}",
		"{\"id\": \"urn:n:2\", \"data\": {\"type\": \"FeatureCollection\", \"features\": [{\"id\": \"urn:b\", "
		"\"type\": \"Feature\"}], \"@context\": \"http://c\"}}"};
	static const char *const wrong[] = {"{\"id\": \"urn:n:1\", \"data\": []}", "{\"id\": \"urn:n:2\"}"};

	CHECK_STR(
		joined(plain, 3),
		STR("{\"id\":\"urn:n:9\",\"type\":\"Notification\",\"subscriptionId\":\"urn:s:1\",\"notifiedAt\":" LATER
		    ",\"data\":[{\"id\":\"urn:a\",\"n\":12345678901234567890.10},{\"id\":\"urn:b\",\"n\":2},"
		    "{\"id\":\"urn:c\",\"n\":3}],\"@context\":[\"http://c\",{\"id\":\"x:id\"}]}"));
	CHECK_STR(joined(places, 2),
		  STR("{\"id\":\"urn:n:9\",\"data\":{\"type\":\"FeatureCollection\",\"features\":[{\"id\":\"urn:a\","
		      "\"type\":\"Feature\"},{\"id\":\"urn:b\",\"type\":\"Feature\"}],\"@context\":\"http://c\"}}"));
	CHECK(!joined(wrong, 2).at && err.code == ERR_CORRUPT);
}

int main(void)
{
	bench_open();
	RUN(the_structure_is_that_of_the_table);
	RUN(geo_json_makes_a_feature_collection);
	RUN(several_are_told_as_one);
	RUN(only_what_is_told_for_the_same_reason_is_told_as_one);
	RUN(a_geometry_that_went_is_null);
	RUN(each_format_is_that_of_entities);
	RUN(members_are_picked_and_left_out);
	RUN(datasets_are_selected);
	RUN(languages_versions_and_stamps_are_heeded);
	RUN(what_went_is_told_as_its_version_knows_it);
	RUN(names_are_written_by_the_context_of_the_notification);
	RUN(show_changes_gives_each_kind_its_previous_member);
	RUN(a_deleted_attribute_is_its_name_and_null);
	RUN(a_deleted_attribute_of_which_more_is_told_is_an_object);
	RUN(a_deleted_scope_is_null);
	RUN(a_deleted_entity_tells_when);
	RUN(several_changes_of_one_write_are_told_as_one);
	RUN(linked_entities_are_joined);
	RUN(a_flat_notification_tells_each_linked_entity_once);
	RUN(refused_memory_is_an_error);
	bench_close();
	return check_done();
}
