/* What a subscription's document may say: its members as tables, and what the clauses demand of their values.
 *
 * A member that no table has is passed over and not kept (subscription_merge.c): 5.5.4 asks for what the data types
 * define, JSON-LD lets anybody say more, and what nothing heeds is not to come back as if it were heeded. The read-only
 * members are passed over in the same way, as 5.2.12 and 5.2.14.2 have it. */
#include "ngsild/attribute_int.h"
#include "ngsild/subscription_int.h"

#include <assert.h>

static_assert(SUBSCRIPTION_LIST_MAX == SHAPE_LIST_MAX, "what the header promises is what the walk looks at");

/* ---- values ---- */

static enum err_code check_type(const struct checking *c, const struct place *place, const struct json *value)
{
	return str_eq(json_text(value), STR("Subscription"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is to be \"Subscription\"");
}

static enum err_code check_trigger(const struct checking *c, const struct place *place, const struct json *value)
{
	return AMONG(json_text(value), STR("entityCreated"), STR("entityUpdated"), STR("entityDeleted"),
		     STR("attributeCreated"), STR("attributeUpdated"), STR("attributeDeleted"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is no notification trigger: \"%.*s\"",
				    STR_FMT(str_part(json_text(value), 0, 80)));
}

/* 5.2.13 excepts GeometryCollection; georel and coordinates are read with the query. */
static enum err_code check_geometry(const struct checking *c, const struct place *place, const struct json *value)
{
	if (!attribute_is_geometry_type(json_text(value)) || str_eq(json_text(value), STR("GeometryCollection")))
		return place_fail(c, place, ERR_INVALID, "is no type of geometry here: \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

static enum err_code check_format(const struct checking *c, const struct place *place, const struct json *value)
{
	return AMONG(json_text(value), STR("normalized"), STR("concise"), STR("simplified"), STR("keyValues"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID,
				    "is to be \"normalized\", \"concise\", \"simplified\" or \"keyValues\"");
}

static enum err_code check_join(const struct checking *c, const struct place *place, const struct json *value)
{
	return AMONG(json_text(value), STR("flat"), STR("inline"), STR("@none"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is to be \"flat\", \"inline\" or \"@none\"");
}

static enum err_code check_join_level(const struct checking *c, const struct place *place, const struct json *value)
{
	return value->number > LINKED_LEVELS_MAX
		       ? place_fail(c, place, ERR_TOO_COMPLEX, "is at most %d here", LINKED_LEVELS_MAX)
		       : ERR_OK;
}

static enum err_code check_accept(const struct checking *c, const struct place *place, const struct json *value)
{
	return AMONG(json_text(value), STR("application/json"), STR("application/ld+json"), STR("application/geo+json"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID,
				    "is to be \"application/json\", \"application/ld+json\" or "
				    "\"application/geo+json\"");
}

/* ---- endpoints ---- */

static bool is_mqtt(struct str uri)
{
	return str_eq_nocase(str_part(uri, 0, 7), STR("mqtt://")) ||
	       str_eq_nocase(str_part(uri, 0, 8), STR("mqtts://"));
}

static enum err_code check_endpoint_uri(const struct checking *c, const struct place *place, const struct json *value)
{
	static const struct str schemes[] = {SHAPE_NAME("http://"), SHAPE_NAME("https://"), SHAPE_NAME("mqtt://"),
					     SHAPE_NAME("mqtts://")};
	struct str uri = json_text(value), topic = STR_NONE;
	enum err_code code = value_address(c, place, uri, schemes, sizeof(schemes) / sizeof(schemes[0]),
					   "http, https, mqtt or mqtts", &topic);

	if (code == ERR_OK && is_mqtt(uri) && topic.len == 0)
		return place_fail(c, place, ERR_INVALID, "names no topic behind the host (7.2)");
	return code;
}

/* The parameters of table 7.2-1. */
static enum err_code check_notifier_pair(const struct checking *c, const struct place *place, const struct json *pair)
{
	struct str key = json_text(json_get(pair, STR("key"))), value = json_text(json_get(pair, STR("value")));

	if (str_eq(key, STR("MQTT-QoS")) && !AMONG(value, STR("0"), STR("1"), STR("2")))
		return place_fail(c, place, ERR_INVALID, "MQTT-QoS is to be \"0\", \"1\" or \"2\"");
	if (str_eq(key, STR("MQTT-Version")) && !AMONG(value, STR("mqtt3.1.1"), STR("mqtt5.0")))
		return place_fail(c, place, ERR_INVALID, "MQTT-Version is to be \"mqtt3.1.1\" or \"mqtt5.0\"");
	return ERR_OK;
}

/* 7.2 knows JSON and JSON-LD alone. */
static enum err_code check_endpoint(const struct checking *c, const struct place *place, const struct json *endpoint)
{
	if (is_mqtt(json_text(json_get(endpoint, STR("uri")))) &&
	    str_eq(json_text(json_get(endpoint, STR("accept"))), STR("application/geo+json")))
		return place_fail(c, place, ERR_INVALID, "cannot have MQTT with \"application/geo+json\"");
	return ERR_OK;
}

/* ---- what members demand of each other ---- */

static bool is_true(const struct json *value)
{
	return json_is(value, JSON_BOOL) && value->boolean;
}

/* attributes is the older word for pick, without id, type and scope: one or the other (5.2.14.1). */
static enum err_code check_notification(const struct checking *c, const struct place *place,
					const struct json *notification)
{
	struct str format = json_text(shape_given(notification, STR("format")));
	bool attributes = shape_given(notification, STR("attributes"));

	if (is_true(shape_given(notification, STR("showChanges"))) &&
	    AMONG(format, STR("simplified"), STR("keyValues")))
		return place_fail(c, place, ERR_INVALID, "cannot have showChanges with the format \"%.*s\"",
				  STR_FMT(format));
	if (attributes && (shape_given(notification, STR("pick")) || shape_given(notification, STR("omit"))))
		return place_fail(c, place, ERR_INVALID, "has attributes, which go with neither pick nor omit");
	return ERR_OK;
}

static enum err_code check_own_scope(const struct checking *c, const struct json *document)
{
	const struct json *entities = shape_given(document, STR("entities")),
			  *local = shape_given(document, STR("localOnly"));

	if (!json_is(local, JSON_BOOL) || local->boolean)
		return ERR_OK;
	for (uint32_t i = 0; json_is(entities, JSON_ARRAY) && i < entities->count; i++) {
		const struct place list = {NULL, STR("entities"), 0}, item = {&list, STR_NONE, i};

		if (str_eq(json_text(json_get(&entities->items[i], STR("type"))), STR("*")))
			return place_fail(c, &item, ERR_INVALID,
					  "asks for any type, which localOnly false excludes (5.2.33)");
	}
	return ERR_OK;
}

/* 5.2.12 has temporalQ for subscriptions to Context Source Registrations alone; these are told of in a list of
 * registrations (5.3.2), which no FeatureCollection can be. */
static enum err_code check_kind(const struct checking *c, enum subscription_kind kind, const struct json *document)
{
	static const struct place temporal = {NULL, SHAPE_NAME("temporalQ"), 0},
				  notification = {NULL, SHAPE_NAME("notification"), 0},
				  endpoint = {&notification, SHAPE_NAME("endpoint"), 0},
				  accept = {&endpoint, SHAPE_NAME("accept"), 0};
	const struct json *to = subscription_member(document, STR("notification"), STR("endpoint"));

	if (kind == SUBSCRIPTION_TO_ENTITIES && shape_given(document, STR("temporalQ")))
		return place_fail(c, &temporal, ERR_INVALID,
				  "is for subscriptions to Context Source Registrations alone");
	if (kind == SUBSCRIPTION_TO_REGISTRATIONS &&
	    str_eq(json_text(json_get(to, STR("accept"))), STR("application/geo+json")))
		return place_fail(c, &accept, ERR_INVALID,
				  "is not for registrations, which are no Features: \"application/geo+json\"");
	return ERR_OK;
}

static enum err_code check_together(const struct checking *c, const struct json *document)
{
	bool entities = shape_given(document, STR("entities")),
	     watched = shape_given(document, STR("watchedAttributes"));
	bool interval = shape_given(document, STR("timeInterval")),
	     local = is_true(shape_given(document, STR("localOnly")));

	if (interval && watched)
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which excludes watchedAttributes");
	if (interval && shape_given(document, STR("throttling")))
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which excludes throttling");
	if (c->fragment)
		return check_own_scope(c, document);
	if (interval && !entities && !local)
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which needs entities unless localOnly");
	if (!entities && !watched && !local)
		return place_fail(c, NULL, ERR_INVALID, "needs entities or watchedAttributes, unless localOnly");
	return check_own_scope(c, document);
}

enum err_code subscription_check_whole(const struct checking *c, enum subscription_kind kind,
				       const struct json *document)
{
	enum err_code code = check_kind(c, kind, document);

	return code ? code : check_together(c, document);
}

/* ---- the tables ---- */

static const struct rule selector_rules[] = {
	{SHAPE_NAME("id"), RULE_TEXT_OR_TEXTS, false, NULL, value_uri},
	{SHAPE_NAME("idPattern"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("type"), RULE_TEXT, true, NULL, NULL},
};
static const struct shape selector_shape = SHAPE_OF(selector_rules);

static const struct rule geo_rules[] = {
	{SHAPE_NAME("georel"), RULE_TEXT, true, NULL, NULL},
	{SHAPE_NAME("geometry"), RULE_TEXT, true, NULL, check_geometry},
	{SHAPE_NAME("coordinates"), RULE_TEXT_OR_ARRAY, true, NULL, NULL},
	{SHAPE_NAME("geoproperty"), RULE_TEXT, false, NULL, value_attribute},
};
static const struct shape geo_shape = SHAPE_OF(geo_rules);

/* 5.2.21, without what is for representations of evolutions. */
static const struct rule temporal_rules[] = {
	{SHAPE_NAME("timerel"), RULE_TEXT, true, NULL, NULL},
	{SHAPE_NAME("timeAt"), RULE_TEXT, true, NULL, NULL},
	{SHAPE_NAME("endTimeAt"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("timeproperty"), RULE_TEXT, false, NULL, NULL},
};
static const struct shape temporal_shape = SHAPE_OF(temporal_rules);

static const struct rule endpoint_rules[] = {
	{SHAPE_NAME("uri"), RULE_TEXT, true, NULL, check_endpoint_uri},
	{SHAPE_NAME("accept"), RULE_TEXT, false, NULL, check_accept},
	{SHAPE_NAME("cooldown"), RULE_POSITIVE, false, NULL, NULL},
	{SHAPE_NAME("notifierInfo"), RULE_OBJECTS, false, &pair_shape, check_notifier_pair},
	{SHAPE_NAME("receiverInfo"), RULE_OBJECTS, false, &pair_shape, NULL},
	{SHAPE_NAME("timeout"), RULE_POSITIVE, false, NULL, NULL},
};
static const struct shape endpoint_shape = SHAPE_OF(endpoint_rules);

static const struct rule notification_rules[] = {
	{SHAPE_NAME("endpoint"), RULE_OBJECT, true, &endpoint_shape, check_endpoint},
	{SHAPE_NAME("attributes"), RULE_TEXTS, false, NULL, value_attribute},
	{SHAPE_NAME("format"), RULE_TEXT, false, NULL, check_format},
	{SHAPE_NAME("join"), RULE_TEXT, false, NULL, check_join},
	{SHAPE_NAME("joinLevel"), RULE_WHOLE, false, NULL, check_join_level},
	{SHAPE_NAME("omit"), RULE_TEXTS, false, NULL, NULL},
	{SHAPE_NAME("pick"), RULE_TEXTS, false, NULL, NULL},
	{SHAPE_NAME("showChanges"), RULE_BOOL, false, NULL, NULL},
	{SHAPE_NAME("sysAttrs"), RULE_BOOL, false, NULL, NULL},
};
static const struct shape notification_shape = SHAPE_OF(notification_rules);

static const struct rule rules[] = {
	{SHAPE_NAME("id"), RULE_TEXT, false, NULL, value_uri},
	{SHAPE_NAME("type"), RULE_TEXT, true, NULL, check_type},
	{SHAPE_NAME("entities"), RULE_OBJECTS, false, &selector_shape, NULL},
	{SHAPE_NAME("notification"), RULE_OBJECT, true, &notification_shape, check_notification},
	{SHAPE_NAME("notificationTrigger"), RULE_TEXTS, false, NULL, check_trigger},
	{SHAPE_NAME("watchedAttributes"), RULE_TEXTS, false, NULL, value_attribute},
	{SHAPE_NAME("q"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("geoQ"), RULE_OBJECT, false, &geo_shape, NULL},
	{SHAPE_NAME("scopeQ"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("temporalQ"), RULE_OBJECT, false, &temporal_shape, NULL},
	{SHAPE_NAME("csf"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("datasetId"), RULE_TEXTS, false, NULL, value_dataset},
	{SHAPE_NAME("description"), RULE_ANY_TEXT, false, NULL, NULL},
	{SHAPE_NAME("expandValues"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("expiresAt"), RULE_TEXT, false, NULL, value_expiry},
	{SHAPE_NAME("isActive"), RULE_BOOL, false, NULL, NULL},
	{SHAPE_NAME("jsonKeys"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("jsonldContext"), RULE_TEXT, false, NULL, value_uri},
	{SHAPE_NAME("lang"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("localOnly"), RULE_BOOL, false, NULL, NULL},
	{SHAPE_NAME("ngsildConformance"), RULE_TEXT, false, NULL, value_version},
	{SHAPE_NAME("splitEntities"), RULE_BOOL, false, NULL, NULL},
	{SHAPE_NAME("subscriptionName"), RULE_ANY_TEXT, false, NULL, NULL},
	{SHAPE_NAME("throttling"), RULE_POSITIVE, false, NULL, NULL},
	{SHAPE_NAME("timeInterval"), RULE_POSITIVE, false, NULL, NULL},
};
const struct shape subscription_shape = SHAPE_OF(rules);

/* ---- all of it ---- */

enum err_code subscription_check(const struct json *document, enum subscription_kind kind, bool fragment,
				 int64_t now_us, struct error *err)
{
	const struct checking c = {"the subscription", fragment, now_us, err};

	if (!json_is(document, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a subscription is to be a JSON object");
	enum err_code code = shape_check(&c, &subscription_shape, NULL, document);

	return code ? code : subscription_check_whole(&c, kind, document);
}
