/* Subscriptions after GS CIM 009 V1.9.1 clauses 5.2.12–5.2.15, 5.2.22, 5.2.33, 5.5.4, 5.5.8, 5.8.1, 5.8.2 and 5.8.6.
 *
 * Goal: each restriction of the tables refuses what breaks it, naming the member; updates follow 5.5.8 and 5.8.2.4; and
 * a change concerns a subscription exactly when the clauses say so. Method: annex C.4's subscription and small ones, of
 * which each case changes one thing; changes come from the merging functions that the broker uses. */
#include "ngsild/subscription.h"
#include "ngsild_bench.h"

#include "base/cleanup.h"

DEFINE_CLEANUP(struct subscription *, subscription);

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define END "\"notification\": {\"endpoint\": {\"uri\": \"http://my.endpoint.org/notify\"}}}"
#define OF_T "{\"type\": \"Subscription\", \"entities\": [{\"type\": \"T\"}], "

/* C.4, without its @context. */
#define ANNEX_C4                                                                                                       \
	"{\"id\": \"urn:ngsi-ld:Subscription:mySubscription\", \"type\": \"Subscription\","                            \
	"\"entities\": [{\"type\": \"Vehicle\"}], \"watchedAttributes\": [\"speed\"], \"q\": \"speed>50\","            \
	"\"geoQ\": {\"georel\": \"near;maxDistance==2000\", \"geometry\": \"Point\", \"coordinates\": [-1, 100]},"     \
	"\"notification\": {\"attributes\": [\"speed\"], \"format\": \"keyValues\","                                   \
	"\"endpoint\": {\"uri\": \"http://my.endpoint.org/notify\", \"accept\": \"application/json\"}}}"

/* ---- shape ---- */

static void accepted(const char *text, bool fragment)
{
	if (!CHECK_OK(subscription_check(parse(text), SUBSCRIPTION_TO_ENTITIES, fragment, NOW_US, &err), &err))
		printf("# in %s\n", text);
}

static void refused_as(const char *text, bool fragment, enum err_code code, const char *member)
{
	err = (struct error){0};
	enum err_code is = subscription_check(parse(text), SUBSCRIPTION_TO_ENTITIES, fragment, NOW_US, &err);

	if (!CHECK(is == code) || !CHECK(str_contains(str_from(err.detail), str_from(member))))
		printf("# %s: %s, not naming %s, in %s\n", err_name(is), err.detail, member, text);
}

static void refused(const char *text, const char *member)
{
	refused_as(text, false, ERR_INVALID, member);
}

static void refused_fragment(const char *text, const char *member)
{
	refused_as(text, true, ERR_INVALID, member);
}

static void annex_c_and_every_member_is_accepted(void)
{
	accepted(ANNEX_C4, false);
	accepted("{\"id\": \"urn:s:1\", \"type\": \"Subscription\", \"entities\": [{\"id\": [\"urn:x:1\", \"urn:x:2\"],"
		 " \"idPattern\": \".*\", \"type\": \"(A;B)|C\"}, {\"type\": \"D\", \"id\": \"urn:x:3\"}],"
		 " \"notificationTrigger\": [\"entityCreated\", \"entityUpdated\", \"entityDeleted\","
		 "  \"attributeCreated\", \"attributeUpdated\", \"attributeDeleted\"], \"watchedAttributes\": [\"a\","
		 "  \"https://example.org/b\"], \"q\": \"a>1\", \"geoQ\": {\"georel\": \"within\","
		 "  \"geometry\": \"Polygon\", \"coordinates\": \"[[[0,0],[1,0],[1,1],[0,0]]]\","
		 "  \"geoproperty\": \"location\"}, \"scopeQ\": \"/A/#\", \"csf\": \"a==1\","
		 " \"datasetId\": [\"urn:d:1\", \"@none\"], \"description\": \"d\", \"expandValues\": \"a,b\","
		 " \"expiresAt\": \"2027-01-15T08:00:01Z\", \"isActive\": false, \"jsonKeys\": \"c\","
		 " \"jsonldContext\": \"https://example.org/c.jsonld\", \"lang\": \"fr-CH,fr;q=0.9,*;q=0.5\","
		 " \"localOnly\": true, \"ngsildConformance\": \"1.6\", \"splitEntities\": false,"
		 " \"subscriptionName\": \"n\", \"throttling\": 0.5, \"notification\": {\"endpoint\": {"
		 "  \"uri\": \"mqtts://user:pass@broker.example:8883/a/b\", \"accept\": \"application/ld+json\","
		 "  \"cooldown\": 1.5, \"timeout\": 100, \"notifierInfo\": [{\"key\": \"MQTT-QoS\", \"value\": \"2\"},"
		 "  {\"key\": \"MQTT-Version\", \"value\": \"mqtt3.1.1\"}], \"receiverInfo\": [{\"key\":"
		 "  \"Authorization\", \"value\": \"Bearer x\"}]}, \"format\": \"concise\", \"join\": \"inline\","
		 "  \"joinLevel\": 2, \"omit\": [\"b\"], \"pick\": [\"id\", \"a{c}\"], \"showChanges\": true,"
		 "  \"sysAttrs\": true}}",
		 false);
	/* Read-only members are ignored (5.2.2, 5.2.12, 5.2.14.2), and so is what nobody knows. */
	accepted(OF_T "\"status\": 5, \"createdAt\": 7, \"other\": {}, \"notification\": {\"timesSent\": \"x\","
		      " \"lastFailure\": 0, \"status\": null, \"endpoint\": {\"uri\": \"https://h\", \"x\": 1}}}",
		 false);
}

static void each_restriction_of_a_subscription_is_kept(void)
{
	accepted(OF_T "\"description\": \"\", \"subscriptionName\": \"\", " END, false);
	refused(OF_T "\"q\": \"\", " END, "q is empty");
	refused("{\"entities\": [{\"type\": \"T\"}], " END, "type is missing");
	refused("{\"type\": \"Entity\", \"entities\": [{\"type\": \"T\"}], " END, "type");
	refused(OF_T "\"id\": \"none\", " END, "id");
	refused(OF_T "\"x\": 1}", "notification is missing");
	refused("{\"type\": \"Subscription\", " END, "entities or watchedAttributes");
	refused("{\"type\": \"Subscription\", \"localOnly\": false, " END, "entities or watchedAttributes");
	accepted("{\"type\": \"Subscription\", \"localOnly\": true, " END, false);
	accepted("{\"type\": \"Subscription\", \"watchedAttributes\": [\"a\"], " END, false);
	refused("{\"type\": \"Subscription\", \"entities\": [], " END, "entities");
	refused(OF_T "\"watchedAttributes\": [], " END, "watchedAttributes");
	refused(OF_T "\"watchedAttributes\": \"a\", " END, "watchedAttributes");
	refused(OF_T "\"watchedAttributes\": [\"a\", \"\"], " END, "watchedAttributes[1]");
	refused(OF_T "\"watchedAttributes\": [\"id\"], " END, "watchedAttributes[0]");
	refused(OF_T "\"watchedAttributes\": [\"<>\"], " END, "watchedAttributes[0]");
	refused(OF_T "\"notificationTrigger\": [\"entityCreated\", \"entityRenamed\"], " END, "notificationTrigger[1]");
	refused(OF_T "\"notificationTrigger\": [], " END, "notificationTrigger");
	refused(OF_T "\"q\": 5, " END, "q");
	refused(OF_T "\"scopeQ\": [\"/A\"], " END, "scopeQ");
	refused(OF_T "\"csf\": true, " END, "csf");
	refused(OF_T "\"temporalQ\": {\"timerel\": \"after\", \"timeAt\": \"2020-01-01T00:00:00Z\"}, " END,
		"temporalQ");
	refused(OF_T "\"datasetId\": [\"x\"], " END, "datasetId[0]");
	refused(OF_T "\"datasetId\": \"urn:d:1\", " END, "datasetId");
	refused(OF_T "\"description\": 1, " END, "description");
	refused(OF_T "\"isActive\": \"true\", " END, "isActive");
	refused(OF_T "\"localOnly\": 1, " END, "localOnly");
	refused(OF_T "\"splitEntities\": 0, " END, "splitEntities");
	refused(OF_T "\"subscriptionName\": {}, " END, "subscriptionName");
	refused(OF_T "\"jsonldContext\": \"x\", " END, "jsonldContext");
	refused(OF_T "\"ngsildConformance\": \"1\", " END, "ngsildConformance");
	refused(OF_T "\"ngsildConformance\": \"1.6.1\", " END, "ngsildConformance");
	refused(OF_T "\"ngsildConformance\": 1.6, " END, "ngsildConformance");
	refused("[]", "object");
}

static void times_and_numbers_are_checked(void)
{
	refused(OF_T "\"expiresAt\": \"tomorrow\", " END, "expiresAt");
	refused(OF_T "\"expiresAt\": 5, " END, "expiresAt");
	refused(OF_T "\"expiresAt\": \"2027-01-15T07:59:59Z\", " END, "expiresAt lies in the past");
	refused_fragment("{\"expiresAt\": \"2020-01-01T00:00:00Z\", \"isActive\": true}", "expiresAt");
	accepted(OF_T "\"throttling\": 0.001, " END, false);
	refused(OF_T "\"throttling\": 0, " END, "throttling");
	refused(OF_T "\"throttling\": -1, " END, "throttling");
	refused(OF_T "\"throttling\": \"5\", " END, "throttling");
	accepted(OF_T "\"timeInterval\": 60, " END, false);
	refused(OF_T "\"timeInterval\": 0, " END, "timeInterval");
	refused(OF_T "\"timeInterval\": 60, \"watchedAttributes\": [\"a\"], " END, "watchedAttributes");
	refused(OF_T "\"timeInterval\": 60, \"throttling\": 5, " END, "throttling");
	refused("{\"type\": \"Subscription\", \"timeInterval\": 60, " END, "needs entities");
	accepted("{\"type\": \"Subscription\", \"timeInterval\": 60, \"localOnly\": true, " END, false);
}

static void selectors_and_geo_queries_are_checked(void)
{
#define SELECTED(selector) "{\"type\": \"Subscription\", \"entities\": [" selector "], " END
	refused(SELECTED("\"T\""), "entities[0]");
	refused(SELECTED("{\"id\": \"urn:x:1\"}"), "entities[0].type is missing");
	refused(SELECTED("{\"type\": \"T\", \"id\": \"x\"}"), "entities[0].id");
	refused(SELECTED("{\"type\": \"T\"}, {\"type\": \"T\", \"id\": [\"urn:x:1\", \"x\"]}"), "entities[1].id[1]");
	refused(SELECTED("{\"type\": \"T\", \"id\": []}"), "entities[0].id");
	refused(SELECTED("{\"type\": \"T\", \"idPattern\": 5}"), "entities[0].idPattern");
	refused(SELECTED("{\"type\": [\"T\"]}"), "entities[0].type");
	accepted(SELECTED("{\"type\": \"*\"}"), false);
	refused("{\"type\": \"Subscription\", \"localOnly\": false, \"entities\": [{\"type\": \"*\"}], " END,
		"entities[0]");
#undef SELECTED
#define GEO(members) OF_T "\"geoQ\": {" members "}, " END
	refused(GEO("\"georel\": \"within\", \"geometry\": \"Point\""), "geoQ.coordinates is missing");
	refused(GEO("\"georel\": \"within\", \"coordinates\": [1, 2]"), "geoQ.geometry is missing");
	refused(GEO("\"geometry\": \"Point\", \"coordinates\": [1, 2]"), "geoQ.georel is missing");
	refused(GEO("\"georel\": \"within\", \"geometry\": \"Dot\", \"coordinates\": [1, 2]"), "geoQ.geometry");
	refused(GEO("\"georel\": \"within\", \"geometry\": \"GeometryCollection\", \"coordinates\": [1]"),
		"geoQ.geometry");
	refused(GEO("\"georel\": \"within\", \"geometry\": \"Point\", \"coordinates\": {}"), "geoQ.coordinates");
	refused(GEO("\"georel\": \"within\", \"geometry\": \"Point\", \"coordinates\": [1, 2],"
		    " \"geoproperty\": \"type\""),
		"geoQ.geoproperty");
#undef GEO
}

static void notifications_are_checked(void)
{
#define NOTE(members) OF_T "\"notification\": {\"endpoint\": {\"uri\": \"http://h\"}, " members "}}"
	refused(OF_T "\"notification\": {}}", "notification.endpoint is missing");
	refused(OF_T "\"notification\": [1]}", "notification");
	refused(NOTE("\"attributes\": []"), "notification.attributes");
	refused(NOTE("\"attributes\": [\"type\"]"), "notification.attributes[0]");
	refused(NOTE("\"pick\": []"), "notification.pick");
	refused(NOTE("\"omit\": [1]"), "notification.omit[0]");
	refused(NOTE("\"attributes\": [\"a\"], \"pick\": [\"a\"]"), "attributes");
	refused(NOTE("\"attributes\": [\"a\"], \"omit\": [\"b\"]"), "attributes");
	accepted(NOTE("\"pick\": [\"a\"], \"omit\": [\"b\"]"), false);
	refused(NOTE("\"format\": \"short\""), "notification.format");
	accepted(NOTE("\"showChanges\": true, \"format\": \"concise\""), false);
	refused(NOTE("\"showChanges\": true, \"format\": \"keyValues\""), "showChanges");
	refused(NOTE("\"showChanges\": true, \"format\": \"simplified\""), "showChanges");
	accepted(NOTE("\"showChanges\": false, \"format\": \"simplified\""), false);
	refused(NOTE("\"sysAttrs\": \"yes\""), "notification.sysAttrs");
	refused(NOTE("\"join\": \"deep\""), "notification.join");
	refused(NOTE("\"join\": \"flat\", \"joinLevel\": 0"), "notification.joinLevel");
	refused(NOTE("\"join\": \"flat\", \"joinLevel\": 1.5"), "notification.joinLevel");
	refused_as(NOTE("\"join\": \"flat\", \"joinLevel\": 99"), false, ERR_TOO_COMPLEX, "notification.joinLevel");
#undef NOTE
}

static void endpoints_are_checked(void)
{
#define AT(members) OF_T "\"notification\": {\"endpoint\": {" members "}}}"
#define HTTP "\"uri\": \"http://h\", "
	static const char *const bad[] = {
		"h",         "http://", "http:///p",          "http://:80/", "ftp://h/",     "http:h",       "mqtt://h",
		"mqtt://h/", "urn:x:1", "file:///etc/passwd", "http://u@/p", "http://h h/p", "mqtt:///topic"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(arena_printf(&arena, AT("\"uri\": \"%s\""), bad[i]).at, "notification.endpoint.uri");
	accepted(AT("\"uri\": \"HTTPS://[::1]:8080/p?q#f\""), false);
	accepted(AT("\"uri\": \"mqtt://h/t\""), false);
	refused(AT("\"accept\": \"application/json\""), "notification.endpoint.uri is missing");
	refused(AT("\"uri\": 5"), "notification.endpoint.uri");
	refused(AT(HTTP "\"accept\": \"text/plain\""), "notification.endpoint.accept");
	refused(AT("\"uri\": \"mqtt://h/t\", \"accept\": \"application/geo+json\""), "notification.endpoint");
	refused(AT(HTTP "\"timeout\": 0"), "notification.endpoint.timeout");
	refused(AT(HTTP "\"cooldown\": -5"), "notification.endpoint.cooldown");
	refused(AT(HTTP "\"receiverInfo\": {\"key\": \"a\", \"value\": \"b\"}"), "notification.endpoint.receiverInfo");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a\"}]"), "notification.endpoint.receiverInfo[0].value");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a\", \"value\": 5}]"), "receiverInfo[0].value");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a b\", \"value\": \"c\"}]"), "receiverInfo[0].key");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a:\", \"value\": \"c\"}]"), "receiverInfo[0].key");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a\", \"value\": \"b\\r\\nHost: c\"}]"),
		"receiverInfo[0].value");
	refused(AT(HTTP "\"receiverInfo\": [{\"key\": \"a\", \"value\": \"b\\u0000\"}]"), "receiverInfo[0].value");
	refused(AT(HTTP "\"notifierInfo\": [{\"key\": \"MQTT-QoS\", \"value\": \"3\"}]"), "notifierInfo[0]");
	refused(AT(HTTP "\"notifierInfo\": [{\"key\": \"a\", \"value\": \"b\"}, {\"key\": \"MQTT-Version\","
			" \"value\": \"5\"}]"),
		"notifierInfo[1]");
#undef AT
#undef HTTP
}

/* 4.5.0, 5.5.4 */
static void nulls_remove_in_fragments_alone(void)
{
	refused(OF_T "\"q\": null, " END, "q is null");
	refused(OF_T "\"description\": \"urn:ngsi-ld:null\", " END, "description is null");
	refused(OF_T "\"watchedAttributes\": [\"urn:ngsi-ld:null\"], " END, "watchedAttributes is null");
	accepted("{\"q\": null, \"description\": \"urn:ngsi-ld:null\", \"throttling\": \"urn:ngsi-ld:null\","
		 " \"watchedAttributes\": [\"urn:ngsi-ld:null\"], \"geoQ\": null}",
		 true);
	accepted("{}", true);
	refused_fragment("{\"notification\": null}", "notification cannot be removed");
	refused_fragment("{\"type\": null}", "type");
	refused_fragment("{\"notification\": {\"format\": \"concise\"}}", "notification.endpoint is missing");
	refused_fragment("{\"notification\": {\"endpoint\": {\"uri\": null}}}", "notification.endpoint.uri");
	accepted("{\"notification\": {\"format\": null, \"endpoint\": {\"uri\": \"http://h\"}}}", true);
	refused_fragment("{\"timeInterval\": 5, \"throttling\": 5}", "throttling");
	accepted("{\"timeInterval\": 5, \"throttling\": null}", true);
}

/* ---- updates ---- */

static struct str json_text_of(const struct json *json)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	json_write(&out, json);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static enum err_code merge(const char *document, const char *fragment, struct json **ret)
{
	err = (struct error){0};
	return subscription_merge(&arena, SUBSCRIPTION_TO_ENTITIES, parse(document), parse(fragment), NOW_US, ret,
				  &err);
}

static void check_merged(const char *document, const char *fragment, const char *expected)
{
	struct json *result = NULL;

	accepted(fragment, true);
	if (CHECK_OK(merge(document, fragment, &result), &err))
		CHECK_JSON(json_text_of(result), expected);
}

static void what_is_kept_are_the_known_members(void)
{
	struct json *kept = NULL;

	CHECK_OK(subscription_keep(&arena,
				   parse(OF_T "\"status\": \"active\", \"x\": 1, \"modifiedAt\": 5, \"notification\": {"
					      "\"timesSent\": 7, \"status\": \"ok\", \"endpoint\": {\"y\": 2, \"uri\": "
					      "\"http://h\", \"receiverInfo\": [{\"key\": \"a\", \"value\": \"b\","
					      " \"z\": 1}]}}}"),
				   &kept, &err),
		 &err);
	CHECK_JSON(json_text_of(kept), OF_T "\"notification\": {\"endpoint\": {\"uri\": \"http://h\","
					    " \"receiverInfo\": [{\"key\": \"a\", \"value\": \"b\"}]}}}");
}

static void members_are_added_replaced_and_removed(void)
{
	struct json *result = NULL;

	check_merged(OF_T "\"q\": \"a>1\", \"description\": \"d\", " END,
		     "{\"q\": \"b\", \"description\": null, \"scopeQ\": \"/A\", \"status\": \"paused\"}",
		     OF_T "\"q\": \"b\", \"scopeQ\": \"/A\", " END);
	/* 5.5.8: the target member value is replaced by the value given in the Fragment. */
	check_merged(OF_T "\"notification\": {\"format\": \"concise\", \"endpoint\": {\"uri\": \"http://h\","
			  " \"timeout\": 5}}}",
		     "{\"id\": \"urn:s:1\", \"notification\": {\"sysAttrs\": true, \"endpoint\": {\"uri\":"
		     " \"http://i\", \"timeout\": null}}}",
		     OF_T "\"id\": \"urn:s:1\", \"notification\": {\"sysAttrs\": true, \"endpoint\": {\"uri\":"
			  " \"http://i\"}}}");
	CHECK(merge(ANNEX_C4, "{\"id\": \"urn:ngsi-ld:Subscription:other\"}", &result) == ERR_INVALID);
	CHECK(merge(ANNEX_C4, "{\"id\": null}", &result) == ERR_INVALID);
	check_merged(ANNEX_C4, "{\"id\": \"urn:ngsi-ld:Subscription:mySubscription\", \"type\": \"Subscription\"}",
		     ANNEX_C4);
	/* What comes out is a subscription again. */
	CHECK(merge(OF_T END, "{\"entities\": null}", &result) == ERR_INVALID);
	CHECK(merge(OF_T "\"watchedAttributes\": [\"a\"], " END, "{\"timeInterval\": 5}", &result) == ERR_INVALID);
	CHECK(merge(OF_T "\"throttling\": 5, " END, "{\"timeInterval\": 5}", &result) == ERR_INVALID);
	check_merged(OF_T "\"watchedAttributes\": [\"a\"], " END,
		     "{\"timeInterval\": 5, \"watchedAttributes\": [\"urn:ngsi-ld:null\"]}",
		     OF_T "\"timeInterval\": 5, " END);
}

static enum subscription_status status_at(const struct subscription *subscription, int64_t now_us)
{
	return subscription_status_at(subscription_is_paused(subscription), subscription_expires_us(subscription),
				      now_us);
}

/* 5.8.2.4, the extra behaviour, sentence by sentence: which status follows. */
static enum subscription_status status_after(const char *document, const char *fragment)
{
	CLEANUP(subscription) struct subscription *subscription = NULL;
	struct json *result = NULL;

	if (!CHECK_OK(merge(document, fragment, &result), &err) ||
	    !CHECK_OK(subscription_new(result, core, parser, &subscription, &err), &err))
		return SUBSCRIPTION_EXPIRED;
	return status_at(subscription, NOW_US);
}

static void status_follows_updates_as_the_clause_has_it(void)
{
#define PAST "\"expiresAt\": \"2026-01-01T00:00:00Z\", "
#define FUTURE "\"expiresAt\": \"2028-01-01T00:00:00Z\""
	CHECK(status_after(OF_T "\"isActive\": false, " END, "{\"isActive\": true}") == SUBSCRIPTION_ACTIVE);
	CHECK(status_after(OF_T PAST "\"isActive\": false, " END, "{\"isActive\": true}") == SUBSCRIPTION_EXPIRED);
	CHECK(status_after(OF_T PAST END, "{\"isActive\": true, " FUTURE "}") == SUBSCRIPTION_ACTIVE);
	CHECK(status_after(OF_T END, "{\"isActive\": false}") == SUBSCRIPTION_PAUSED);
	CHECK(status_after(OF_T PAST END, "{\"isActive\": false}") == SUBSCRIPTION_EXPIRED);
	CHECK(status_after(OF_T PAST END, "{" FUTURE "}") == SUBSCRIPTION_ACTIVE);
	CHECK(status_after(OF_T PAST "\"isActive\": false, " END, "{" FUTURE "}") == SUBSCRIPTION_ACTIVE);
	CHECK(status_after(OF_T FUTURE ", \"isActive\": false, " END, "{" FUTURE "}") == SUBSCRIPTION_PAUSED);
	CHECK(status_after(OF_T PAST END, "{\"description\": \"d\"}") == SUBSCRIPTION_EXPIRED);
	CHECK(status_after(OF_T PAST END, "{\"expiresAt\": null}") == SUBSCRIPTION_ACTIVE);
#undef PAST
#undef FUTURE
}

/* ---- compiled ---- */

static struct subscription *compiled(const char *text, struct context *context)
{
	struct subscription *subscription = NULL;
	const struct json *document = parse(text);

	if (!CHECK_OK(subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, NOW_US, &err), &err) ||
	    !CHECK_OK(subscription_new(document, context, parser, &subscription, &err), &err))
		printf("# in %s\n", text);
	return subscription;
}

static void not_compiled(const char *text, const char *names)
{
	CLEANUP(subscription) struct subscription *subscription = NULL;

	err = (struct error){0};
	enum err_code code = subscription_new(parse(text), core, parser, &subscription, &err);

	if (!CHECK(code == ERR_INVALID) || !CHECK(str_contains(str_from(err.detail), str_from(names))))
		printf("# %s: %s\n", err_name(code), err.detail);
}

static void texts_in_languages_of_their_own_are_checked(void)
{
	not_compiled(OF_T "\"q\": \"a>>1\", " END, "q");
	not_compiled(OF_T "\"q\": \"a{b}==1\", " END, "q");
	not_compiled(OF_T "\"csf\": \"(\", " END, "csf");
	not_compiled(OF_T "\"scopeQ\": \"//\", " END, "scopeQ");
	not_compiled(OF_T "\"lang\": \"???\", " END, "???");
	not_compiled(OF_T "\"geoQ\": {\"georel\": \"nearby\", \"geometry\": \"Point\", \"coordinates\": [1, 2]}, " END,
		     "georel");
	not_compiled(OF_T "\"geoQ\": {\"georel\": \"within\", \"geometry\": \"Polygon\", \"coordinates\": [1]}, " END,
		     "coordinates");
	not_compiled("{\"entities\": [{\"type\": \"T;\"}], " END, "type");
	not_compiled("{\"entities\": [{\"type\": \"T\"}, {\"type\": \"T\", \"idPattern\": \"(\"}], " END, "selector 1");
	not_compiled(OF_T "\"notification\": {\"pick\": [\"a{b}\"], \"endpoint\": {\"uri\": \"http://h\"}}}", "pick");
	not_compiled(OF_T "\"notification\": {\"pick\": [\"a\"], \"omit\": [\"a\"], \"endpoint\": {\"uri\":"
			  " \"http://h\"}}}",
		     "omit");
}

static void what_it_says_can_be_asked_for(void)
{
	CLEANUP(subscription)
	struct subscription *s = compiled(
		"{\"id\": \"urn:s:1\", \"type\": \"Subscription\", \"watchedAttributes\": [\"speed\", \"a\"],"
		" \"entities\": [{\"type\": \"Vehicle|(A;B)\"}, {\"type\": \"T\", \"id\": [\"urn:x:2\","
		" \"urn:x:1\"]}, {\"type\": \"*\", \"idPattern\": \"^urn\"}], \"throttling\": 0.25, \"isActive\": "
		"false,"
		" \"expiresAt\": \"2028-01-01T00:00:00.5Z\", \"jsonldContext\": \"http://c\", \"notification\": {"
		" \"endpoint\": {\"uri\": \"https://h/p\", \"accept\": \"application/ld+json\", \"timeout\": 1.5,"
		" \"cooldown\": 1e300, \"receiverInfo\": [{\"key\": \"A\", \"value\": \"1\"}, {\"key\": \"A\","
		" \"value\": \"2\"}], \"notifierInfo\": [{\"key\": \"B\", \"value\": \"3\"}]}}}",
		annex);
	CLEANUP(subscription) struct subscription *plain = compiled(OF_T "\"timeInterval\": 2, " END, core);
	const struct subscription_key *keys = NULL;
	size_t count = 0;

	if (!s || !plain)
		return;
	const struct subscription_endpoint *endpoint = subscription_endpoint(s);
	const struct str *watched = subscription_watched(s, &count);

	CHECK(count == 2);
	CHECK_STR(watched[0], STR("http://example.org/vehicle/speed"));
	CHECK_STR(watched[1], STR(V "a"));
	CHECK(subscription_keys(s, &keys) == 3);
	CHECK(keys[0].id_count == 0 && keys[0].type_count == 2 && keys[1].id_count == 2 && keys[1].type_count == 0);
	CHECK(keys[2].id_count == 0 && keys[2].type_count == 0);
	CHECK_STR(keys[0].type_iris[0], STR("http://example.org/vehicle/Vehicle"));
	CHECK_STR(keys[0].type_iris[1], STR(V "A"));
	CHECK_STR(keys[1].ids[0], STR("urn:x:1"));
	CHECK_STR(subscription_id(s), STR("urn:s:1"));
	CHECK(subscription_throttling_us(s) == 250000 && subscription_interval_us(s) == 0);
	CHECK(subscription_is_paused(s) && subscription_expires_us(s) == INT64_C(1830297600500000));
	CHECK(status_at(s, NOW_US) == SUBSCRIPTION_PAUSED);
	CHECK(status_at(s, INT64_C(1830297600500000)) == SUBSCRIPTION_EXPIRED);
	CHECK_STR(endpoint->uri, STR("https://h/p"));
	CHECK(endpoint->accept == SUBSCRIPTION_JSON_LD && !endpoint->context_linked);
	CHECK(endpoint->timeout_ms == 2 && endpoint->cooldown_ms == UINT32_MAX);
	CHECK(endpoint->receiver_count == 2 && endpoint->notifier_count == 1);
	CHECK_STR(endpoint->receiver_info[1].value, STR("2"));
	CHECK(subscription_interval_us(plain) == 2000000 && subscription_expires_us(plain) == INT64_MAX);
	CHECK(status_at(plain, NOW_US) == SUBSCRIPTION_ACTIVE);
	CHECK(subscription_endpoint(plain)->accept == SUBSCRIPTION_JSON &&
	      subscription_endpoint(plain)->context_linked);
	CHECK(subscription_keys(plain, &keys) == 1 && keys[0].type_count == 1);
	CHECK(query_matches(subscription_query(plain), expanded("{\"id\": \"urn:x:1\", \"type\": \"T\"}", core)));
}

static void without_selectors_there_are_no_keys(void)
{
	CLEANUP(subscription)
	struct subscription *s = compiled("{\"type\": \"Subscription\", \"watchedAttributes\": [\"a\"], " END, core);
	CLEANUP(subscription)
	struct subscription *any =
		compiled("{\"type\": \"Subscription\", \"entities\": [{\"type\": \"*\"}], " END, core);
	const struct subscription_key *keys = NULL;

	CHECK(s && subscription_keys(s, &keys) == 0);
	CHECK(any && subscription_keys(any, &keys) == 1 && keys[0].id_count == 0 && keys[0].type_count == 0);
}

/* ---- what concerns it ---- */

#define E "{\"id\": \"urn:x:1\", \"type\": \"T\", "
#define BEFORE E "\"a\": 1, \"b\": 2, \"scope\": \"/A\"}"

static bool event_concerns(const char *members, const struct subscription_event *event)
{
	CLEANUP(subscription)
	struct subscription *s =
		compiled(arena_printf(&arena, "{\"type\": \"Subscription\", %s" END, members).at, core);

	return s && subscription_concerns(s, event);
}

/* Does an update (5.6.2, Null removes) of this entity concern it? */
static bool update_concerns(const char *members, const char *before, const char *fragment)
{
	struct json *entity = expanded(before, core), *expanded_fragment = NULL;
	struct merge_result result = {0};

	CHECK_OK(expand_text(fragment, core, true, &expanded_fragment), &err);
	const struct json *old = json_dup(&arena, entity);

	CHECK_OK(merge_update(&arena, entity, expanded_fragment, NOW_US + 1, &result, &err), &err);
	const struct subscription_event event = {.before = old,
						 .after = entity,
						 .changes = result.changes,
						 .scope_changed = result.scope_changed,
						 .at_us = NOW_US + 1};

	return event_concerns(members, &event);
}

static bool creation_concerns(const char *members, const char *after)
{
	return event_concerns(members, &(struct subscription_event){.after = expanded(after, core)});
}

static bool deletion_concerns(const char *members, const char *before)
{
	return event_concerns(members, &(struct subscription_event){.before = expanded(before, core)});
}

#define S_T "\"entities\": [{\"type\": \"T\"}], "
#define ON(trigger) S_T "\"notificationTrigger\": [\"" trigger "\"], "
#define CREATES "{\"c\": 3}"
#define UPDATES "{\"a\": 5}"
#define DELETES "{\"a\": \"urn:ngsi-ld:null\"}"

static void each_trigger_says_which_changes_count(void)
{
	/* Trigger; then a new attribute, a changed one, a deleted one, the entity's creation, its deletion. */
	static const struct {
		const char *members;
		bool created, updated, deleted, entity_created, entity_deleted;
	} table[] = {
		{S_T, true, true, false, true, false}, /* attributeCreated and attributeUpdated */
		{ON("attributeCreated"), true, false, false, true, false},
		{ON("attributeUpdated"), false, true, false, false, false},
		{ON("attributeDeleted"), false, false, true, false, true},
		{ON("entityUpdated"), true, true, true, true, true},
		{ON("entityCreated"), false, false, false, true, false},
		{ON("entityDeleted"), false, false, false, false, true},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *members = table[i].members;

		CHECK(update_concerns(members, BEFORE, CREATES) == table[i].created);
		CHECK(update_concerns(members, BEFORE, UPDATES) == table[i].updated);
		CHECK(update_concerns(members, BEFORE, DELETES) == table[i].deleted);
		CHECK(creation_concerns(members, BEFORE) == table[i].entity_created);
		CHECK(deletion_concerns(members, BEFORE) == table[i].entity_deleted);
		CHECK(!update_concerns(members, BEFORE, "{\"a\": 1}")); /* the value that it had */
	}
	/* An entity without any attribute is created all the same, but no attribute is. */
	CHECK(creation_concerns(ON("entityCreated"), "{\"id\": \"urn:x:1\", \"type\": \"T\"}"));
	CHECK(!creation_concerns(S_T, "{\"id\": \"urn:x:1\", \"type\": \"T\"}"));
	/* With a timeInterval, notifications come regardless of changes. */
	CHECK(!update_concerns(S_T "\"timeInterval\": 5, ", BEFORE, UPDATES));
}

static void watched_attributes_narrow_every_trigger(void)
{
#define WATCH "\"watchedAttributes\": [\"c\", \"a\"], "
	CHECK(update_concerns(S_T WATCH, BEFORE, UPDATES));
	CHECK(update_concerns(S_T WATCH, BEFORE, CREATES));
	CHECK(!update_concerns(S_T WATCH, BEFORE, "{\"b\": 5}"));
	CHECK(update_concerns(S_T WATCH, BEFORE, "{\"b\": 5, \"a\": 6}"));
	CHECK(!update_concerns(S_T WATCH, BEFORE, "{\"b\": 5, \"a\": 1}"));
	CHECK(creation_concerns(S_T WATCH, E "\"a\": 1}"));
	CHECK(!creation_concerns(S_T WATCH, E "\"b\": 1}"));
	CHECK(!creation_concerns(ON("entityCreated") WATCH, E "\"b\": 1}"));
	CHECK(deletion_concerns(ON("entityDeleted") WATCH, E "\"c\": 1}"));
	CHECK(!deletion_concerns(ON("entityDeleted") WATCH, E "\"b\": 1}"));
	/* Without selectors: all entities with one of them. */
	CHECK(update_concerns(WATCH, BEFORE, UPDATES));
	CHECK(!update_concerns(WATCH, BEFORE, "{\"b\": 5}"));
	/* One kind of change of a watched attribute, another of the others. */
	CHECK(!update_concerns(ON("attributeDeleted") WATCH, BEFORE, "{\"b\": \"urn:ngsi-ld:null\", \"a\": 2}"));
#undef WATCH
}

static void sub_attributes_and_instances_are_part_of_an_attribute(void)
{
	const char *before = E "\"a\": [{\"value\": 1, \"unit\": \"x\"}, {\"value\": 2, \"datasetId\": \"urn:d:1\"}]}";

	/* "any of the members (including children) in its corresponding JSON-LD node" */
	CHECK(update_concerns(S_T, before, "{\"a\": {\"value\": 1, \"unit\": \"y\"}}"));
	CHECK(!update_concerns(S_T, before, "{\"a\": {\"value\": 1, \"unit\": \"x\"}}"));
	CHECK(update_concerns(S_T, before, "{\"a\": {\"value\": 3, \"datasetId\": \"urn:d:1\"}}"));
	/* datasetId says what is included (5.8.6), not what is watched. */
	CHECK(update_concerns(S_T "\"datasetId\": [\"urn:d:9\"], ", before,
			      "{\"a\": {\"value\": 3, \"datasetId\": \"urn:d:1\"}}"));
	CHECK(update_concerns(ON("attributeCreated"), before, "{\"a\": {\"value\": 3, \"datasetId\": \"urn:d:2\"}}"));
	CHECK(update_concerns(ON("attributeDeleted"), before,
			      "{\"a\": {\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\","
			      " \"datasetId\": \"urn:d:1\"}}"));
}

static void scopes_count_as_a_property_and_types_as_none(void)
{
	const char *bare = E "\"a\": 1}";
	struct json *entity = expanded(bare, core), *fragment = NULL;
	struct merge_result result = {0};

	CHECK(update_concerns(S_T, BEFORE, "{\"scope\": \"/B\"}"));
	CHECK(!update_concerns(S_T "\"watchedAttributes\": [\"a\"], ", BEFORE, "{\"scope\": \"/B\"}"));
	CHECK(!update_concerns(ON("attributeCreated"), BEFORE, "{\"scope\": \"/B\"}"));
	CHECK(update_concerns(ON("attributeDeleted"), BEFORE, "{\"scope\": \"urn:ngsi-ld:null\"}"));
	CHECK(!update_concerns(S_T, BEFORE, "{\"scope\": \"urn:ngsi-ld:null\"}"));
	CHECK(!update_concerns("\"entities\": [{\"type\": \"U\"}], ", BEFORE, "{\"type\": \"U\"}"));
	/* A scope where there was none comes by appending. */
	const struct json *old = json_dup(&arena, entity);

	CHECK_OK(expand_text("{\"scope\": \"/B\"}", core, true, &fragment), &err);
	CHECK_OK(merge_append(&arena, entity, fragment, true, NOW_US + 1, &result, &err), &err);
	const struct subscription_event event = {old, entity, result.changes, result.scope_changed, NOW_US + 1, NULL};

	CHECK(result.scope_changed && event_concerns(ON("attributeCreated"), &event));
	CHECK(!event_concerns(ON("attributeUpdated"), &event));
}

static void selectors_say_which_entities(void)
{
#define SELECT(selectors) "\"entities\": [" selectors "], "
	CHECK(!update_concerns(SELECT("{\"type\": \"U\"}"), BEFORE, UPDATES));
	CHECK(update_concerns(SELECT("{\"type\": \"U|T\"}"), BEFORE, UPDATES));
	CHECK(!update_concerns(SELECT("{\"type\": \"(U;T)\"}"), BEFORE, UPDATES));
	CHECK(update_concerns(SELECT("{\"type\": \"*\"}"), BEFORE, UPDATES));
	CHECK(update_concerns(SELECT("{\"type\": \"U\"}, {\"type\": \"T\"}"), BEFORE, UPDATES));
	CHECK(update_concerns(SELECT("{\"type\": \"T\", \"id\": \"urn:x:1\"}"), BEFORE, UPDATES));
	CHECK(!update_concerns(SELECT("{\"type\": \"T\", \"id\": [\"urn:x:2\", \"urn:x:3\"]}"), BEFORE, UPDATES));
	CHECK(update_concerns(SELECT("{\"type\": \"T\", \"idPattern\": \"^urn:x:\"}"), BEFORE, UPDATES));
	CHECK(!update_concerns(SELECT("{\"type\": \"T\", \"idPattern\": \"^urn:y:\"}"), BEFORE, UPDATES));
	/* "id takes precedence over idPattern" (5.2.33), also of one selector alone. */
	CHECK(update_concerns(SELECT("{\"type\": \"T\", \"id\": \"urn:x:1\", \"idPattern\": \"^urn:y:\"}"), BEFORE,
			      UPDATES));
	CHECK(!deletion_concerns(SELECT("{\"type\": \"U\"}") "\"notificationTrigger\": [\"entityDeleted\"], ", BEFORE));
#undef SELECT
}

static void conditions_are_held_against_the_entity_as_it_is_now(void)
{
	CHECK(update_concerns(S_T "\"q\": \"a>4\", ", BEFORE, UPDATES));
	CHECK(!update_concerns(S_T "\"q\": \"a<4\", ", BEFORE, UPDATES));
	CHECK(update_concerns(S_T "\"q\": \"b==2\", ", BEFORE, UPDATES));
	CHECK(!update_concerns(S_T "\"q\": \"d\", ", BEFORE, UPDATES));
	CHECK(deletion_concerns(ON("entityDeleted") "\"q\": \"a==1\", ", BEFORE));
	CHECK(!deletion_concerns(ON("entityDeleted") "\"q\": \"a==2\", ", BEFORE));
	CHECK(update_concerns(S_T "\"scopeQ\": \"/A\", ", BEFORE, UPDATES));
	CHECK(!update_concerns(S_T "\"scopeQ\": \"/B\", ", BEFORE, UPDATES));
	CHECK(update_concerns(S_T "\"scopeQ\": \"/B\", ", BEFORE, "{\"scope\": \"/B\"}"));
	CHECK(!event_concerns(S_T, &(struct subscription_event){.at_us = NOW_US})); /* nothing happened */
}

/* C.4: "Entities of Type Vehicle which speed is greater than 50, and located close to" a point; the point of the print
 * lies at no latitude that there is, so another stands for it. */
static void annex_c4_watches_fast_vehicles_near_a_point(void)
{
	static const struct {
		const char *type, *speed, *place;
		bool concerns;
	} table[] = {
		{"Vehicle", "51", "[-1, 40]", true},
		{"Vehicle", "50", "[-1, 40]", false},
		{"Vehicle", "51", "[-1, 41]", false},
		{"Other", "51", "[-1, 40]", false},
	};
	CLEANUP(subscription)
	struct subscription *s =
		compiled("{\"type\": \"Subscription\", \"entities\": [{\"type\": \"Vehicle\"}], \"watchedAttributes\":"
			 " [\"speed\"], \"q\": \"speed>50\", \"geoQ\": {\"georel\": \"near;maxDistance==2000\","
			 " \"geometry\": \"Point\", \"coordinates\": [-1, 40]}, " END,
			 annex);

	for (size_t i = 0; s && i < sizeof(table) / sizeof(table[0]); i++) {
		struct str text = arena_printf(&arena,
					       "{\"id\": \"urn:ngsi-ld:Vehicle:1\", \"type\": \"%s\", \"speed\": %s,"
					       " \"location\": {\"type\": \"Point\", \"coordinates\": %s}}",
					       table[i].type, table[i].speed, table[i].place);
		const struct subscription_event event = {.after = expanded(text.at, annex)};

		CHECK(subscription_concerns(s, &event) == table[i].concerns);
	}
}

static const struct json *find_one(void *self, struct str id)
{
	return str_eq(id, STR("urn:x:2")) ? self : NULL;
}

static void linked_terms_hold_for_what_is_found(void)
{
	CLEANUP(subscription)
	struct subscription *s = compiled(
		OF_T "\"q\": \"r{x}==1|b==2\", \"notification\": {\"join\": \"inline\", \"endpoint\": {\"uri\":"
		     " \"http://h\"}}}",
		core);
	const struct subscription_event linked = {.after = expanded(E "\"r\": {\"object\": \"urn:x:2\"}}", core)};
	const struct subscription_event other = {.after = expanded(E "\"b\": 2}", core)};

	CHECK(s && !subscription_concerns(s, &linked) && subscription_concerns(s, &other));
	struct json *target = expanded("{\"id\": \"urn:x:2\", \"type\": \"U\", \"x\": 1}", core);
	const struct linked_source source = {find_one, target};
	const struct subscription_event found = {.after = linked.after, .linked = &source};

	CHECK(s && subscription_concerns(s, &found));
}

/* ---- as clients get it ---- */

static struct str shown(const char *document, struct context *own, const struct subscription_state *state,
			const struct subscription_show *show)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK_OK(subscription_represent(&out, &arena, parse(document), own, state, show, &err), &err);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static const struct subscription_state fresh = {.last_notification_us = INT64_MIN,
						.last_success_us = INT64_MIN,
						.last_failure_us = INT64_MIN,
						.created_us = NOW_US,
						.modified_us = NOW_US + 1000000};

static void it_comes_back_as_it_was_sent_with_its_status(void)
{
	const struct subscription_show plain = {.context = core}, with = {core, parse("\"http://c\""), true};
	struct subscription_state state = fresh;

	CHECK_JSON(shown(OF_T "\"isActive\": true, " END, core, &state, &plain),
		   OF_T "\"isActive\": true, \"status\": \"active\", " END);
	state.status = SUBSCRIPTION_EXPIRED;
	CHECK_JSON(shown(OF_T END, core, &state, &with),
		   OF_T "\"status\": \"expired\", \"createdAt\": \"2027-01-15T08:00:00Z\","
			" \"modifiedAt\": \"2027-01-15T08:00:01Z\", \"@context\": \"http://c\", " END);
	state = (struct subscription_state){.status = SUBSCRIPTION_PAUSED,
					    .failed_last = true,
					    .times_sent = 3,
					    .times_failed = 1,
					    .last_notification_us = NOW_US + 2,
					    .last_success_us = NOW_US,
					    .last_failure_us = NOW_US + 2};
	CHECK_JSON(shown(OF_T END, core, &state, &plain),
		   OF_T "\"status\": \"paused\", \"notification\": {\"endpoint\": {\"uri\":"
			" \"http://my.endpoint.org/notify\"}, \"status\": \"failed\", \"timesSent\": 3,"
			" \"timesFailed\": 1, \"lastNotification\": \"2027-01-15T08:00:00.000002Z\","
			" \"lastSuccess\": \"2027-01-15T08:00:00Z\","
			" \"lastFailure\": \"2027-01-15T08:00:00.000002Z\"}}");
	state.failed_last = false;
	CHECK(str_contains(shown(OF_T END, core, &state, &plain), STR("\"status\":\"ok\"")));
}

static void names_follow_the_context_of_the_answer(void)
{
	const struct subscription_show plain = {.context = core}, same = {.context = annex};
	const char *document =
		"{\"type\": \"Subscription\", \"entities\": [{\"type\": \"(Vehicle;A)|OffStreetParking\", \"id\":"
		" \"urn:x:1\"}, {\"type\": \"*\"}], \"watchedAttributes\": [\"speed\", \"b\"], \"q\": \"speed>50\","
		" \"geoQ\": {\"georel\": \"within\", \"geometry\": \"Point\", \"coordinates\": [1, 2], \"geoproperty\":"
		" \"source\"}, \"notification\": {\"pick\": [\"id\", \"isParked{name,id}\"], \"omit\": [\"speed\"],"
		" \"endpoint\": {\"uri\": \"http://h\"}}, \"status\": \"active\"}";
	struct json *iris = NULL, *back = NULL;

	CHECK_JSON(shown(document, annex, &fresh, &same), document);
	CHECK_JSON(shown(document, annex, &fresh, &plain),
		   "{\"type\": \"Subscription\", \"entities\": [{\"type\":"
		   " \"(http://example.org/vehicle/Vehicle;A)|http://example.org/parking/OffStreetParking\","
		   " \"id\": \"urn:x:1\"}, {\"type\": \"*\"}], \"watchedAttributes\":"
		   " [\"http://example.org/vehicle/speed\", \"b\"], \"q\": \"speed>50\", \"geoQ\": {\"georel\":"
		   " \"within\", \"geometry\": \"Point\", \"coordinates\": [1, 2], \"geoproperty\":"
		   " \"http://example.org/hasSource\"}, \"notification\": {\"pick\": [\"id\","
		   " \"http://example.org/common/isParked{http://example.org/common/name,id}\"], \"omit\":"
		   " [\"http://example.org/vehicle/speed\"], \"endpoint\": {\"uri\": \"http://h\"}},"
		   " \"status\": \"active\"}");
	/* As IRIs, which a fragment under another @context can be merged as; and back. */
	CHECK_OK(subscription_rename(&arena, parse(document), annex, NULL, &iris, &err), &err);
	CHECK_STR(json_text(json_at(json_get(iris, STR("watchedAttributes")), 1)), STR(V "b"));
	CHECK_OK(subscription_rename(&arena, iris, core, annex, &back, &err), &err);
	CHECK_JSON(json_text_of(back), document);
}

/* An arena that refuses earlier and later: an error, or the whole answer. */
static void refused_memory_is_an_error(void)
{
	const struct json *document = parse(ANNEX_C4), *fragment = parse("{\"q\": null, \"throttling\": 5}");
	const struct subscription_show show = {.context = core, .sys_attrs = true};
	enum err_code code = ERR_MEMORY;
	size_t room = 0;

	for (; code == ERR_MEMORY && room < 1u << 20; room += 64) {
		struct json *merged = NULL;
		struct arena small;
		struct buf out;

		arena_init(&small, room);
		buf_init(&out, 1u << 20);
		code = subscription_merge(&small, SUBSCRIPTION_TO_ENTITIES, document, fragment, NOW_US, &merged, &err);
		if (code == ERR_OK)
			code = subscription_represent(&out, &small, merged, annex, &fresh, &show, &err);
		CHECK(code == ERR_OK || code == ERR_MEMORY);
		buf_done(&out);
		arena_done(&small);
	}
	CHECK(code == ERR_OK && room > 1024);
}

int main(void)
{
	bench_open();
	RUN(annex_c_and_every_member_is_accepted);
	RUN(each_restriction_of_a_subscription_is_kept);
	RUN(times_and_numbers_are_checked);
	RUN(selectors_and_geo_queries_are_checked);
	RUN(notifications_are_checked);
	RUN(endpoints_are_checked);
	RUN(nulls_remove_in_fragments_alone);
	RUN(what_is_kept_are_the_known_members);
	RUN(members_are_added_replaced_and_removed);
	RUN(status_follows_updates_as_the_clause_has_it);
	RUN(texts_in_languages_of_their_own_are_checked);
	RUN(what_it_says_can_be_asked_for);
	RUN(without_selectors_there_are_no_keys);
	RUN(each_trigger_says_which_changes_count);
	RUN(watched_attributes_narrow_every_trigger);
	RUN(sub_attributes_and_instances_are_part_of_an_attribute);
	RUN(scopes_count_as_a_property_and_types_as_none);
	RUN(selectors_say_which_entities);
	RUN(conditions_are_held_against_the_entity_as_it_is_now);
	RUN(annex_c4_watches_fast_vehicles_near_a_point);
	RUN(linked_terms_hold_for_what_is_found);
	RUN(it_comes_back_as_it_was_sent_with_its_status);
	RUN(names_follow_the_context_of_the_answer);
	RUN(refused_memory_is_an_error);
	bench_close();
	return check_done();
}
