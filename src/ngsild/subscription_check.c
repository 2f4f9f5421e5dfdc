/* What a subscription's document may say: its members as tables, and what the clauses demand of their values.
 *
 * A member that no table has is passed over and not kept (subscription_merge.c): 5.5.4 asks for what the data types
 * define, JSON-LD lets anybody say more, and what nothing heeds is not to come back as if it were heeded. The read-only
 * members are passed over in the same way, as 5.2.12 and 5.2.14.2 have it. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"
#include "ngsild/name_int.h"
#include "ngsild/subscription_int.h"

static bool is_among(struct str text, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, list[i]))
			return true;
	return false;
}

#define AMONG(text, ...)                                                                                               \
	is_among((text), (const struct str[]){__VA_ARGS__},                                                            \
		 sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* ---- values ---- */

static enum err_code check_uri(const struct checking *c, const struct place *place, const struct json *value)
{
	if (!expand_is_uri(json_text(value)))
		return place_fail(c, place, ERR_INVALID, "is no URI: \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

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

static enum err_code check_name(const struct checking *c, const struct place *place, const struct json *value)
{
	struct str name = json_text(value);

	if (!name_is_legal(name) || member_of(name) != MEMBER_NONE)
		return place_fail(c, place, ERR_INVALID, "is no attribute's name: \"%.*s\"",
				  STR_FMT(str_part(name, 0, 80)));
	return ERR_OK;
}

static enum err_code check_dataset(const struct checking *c, const struct place *place, const struct json *value)
{
	return str_eq(json_text(value), NGSILD_DATASET_DEFAULT) ? ERR_OK : check_uri(c, place, value);
}

static enum err_code check_expiry(const struct checking *c, const struct place *place, const struct json *value)
{
	int64_t us;

	if (!time_parse_iso(json_text(value), false, &us))
		return place_fail(c, place, ERR_INVALID, "is no DateTime in UTC: \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return us < c->now_us ? place_fail(c, place, ERR_INVALID, "lies in the past") : ERR_OK;
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

/* "major.minor" */
static enum err_code check_version(const struct checking *c, const struct place *place, const struct json *value)
{
	struct str rest = json_text(value), major = STR_NONE, minor = STR_NONE;
	uint64_t number;

	(void)str_next(&rest, '.', &major);
	if (!str_next(&rest, '.', &minor) || rest.at || !str_to_uint64(major, &number) || number == 0 ||
	    !str_to_uint64(minor, &number))
		return place_fail(c, place, ERR_INVALID, "is no version such as \"1.6\": \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

/* ---- endpoints ---- */

static bool is_mqtt(struct str uri)
{
	return str_eq_nocase(str_part(uri, 0, 7), STR("mqtt://")) ||
	       str_eq_nocase(str_part(uri, 0, 8), STR("mqtts://"));
}

/* What stands behind the scheme of an endpoint that notifications can go to; STR_NONE for any other. */
static struct str behind_scheme(struct str uri)
{
	static const char *const schemes[] = {"http://", "https://", "mqtt://", "mqtts://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct str scheme = str_from(schemes[i]);

		if (str_eq_nocase(str_part(uri, 0, scheme.len), scheme))
			return str_part(uri, scheme.len, uri.len);
	}
	return STR_NONE;
}

static enum err_code check_endpoint_uri(const struct checking *c, const struct place *place, const struct json *value)
{
	struct str uri = json_text(value), rest = behind_scheme(uri);
	size_t host = 0, at;

	if (!expand_is_uri(uri) || !rest.at)
		return place_fail(c, place, ERR_INVALID, "is no URI of http, https, mqtt or mqtts: \"%.*s\"",
				  STR_FMT(str_part(uri, 0, 80)));
	while (host < rest.len && rest.at[host] != '/' && rest.at[host] != '?' && rest.at[host] != '#')
		host++;
	struct str authority = str_part(rest, 0, host), topic = str_part(rest, host + 1, rest.len);

	if (str_find(authority, '@', &at)) /* a user's name holds no bare "@" */
		authority = str_part(authority, at + 1, authority.len);
	if (authority.len == 0 || authority.at[0] == ':')
		return place_fail(c, place, ERR_INVALID, "names no host: \"%.*s\"", STR_FMT(str_part(uri, 0, 80)));
	if (is_mqtt(uri) && topic.len == 0)
		return place_fail(c, place, ERR_INVALID, "names no topic behind the host (7.2)");
	return ERR_OK;
}

static bool is_token_char(char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
	       (ch != '\0' && strchr("!#$%&'*+-.^_`|~", ch));
}

/* RFC 7230, 3.2: a header's name is a token (and so can no metadata's name of MQTT hurt). */
static enum err_code check_key(const struct checking *c, const struct place *place, const struct json *value)
{
	for (uint32_t i = 0; i < value->count; i++)
		if (!is_token_char(value->text[i]))
			return place_fail(c, place, ERR_INVALID, "is to be a header's name (RFC 7230)");
	return ERR_OK;
}

/* RFC 7230, 3.2: no line ends nor other control characters but the tab. */
static enum err_code check_value(const struct checking *c, const struct place *place, const struct json *value)
{
	for (uint32_t i = 0; i < value->count; i++) {
		unsigned char byte = (unsigned char)value->text[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return place_fail(c, place, ERR_INVALID, "holds a control character");
	}
	return ERR_OK;
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

/* A member that is there and is not null. */
static const struct json *given(const struct json *object, struct str name)
{
	const struct json *value = json_get(object, name);

	if (json_is(value, JSON_NULL) || node_is_null(value) ||
	    (json_is(value, JSON_ARRAY) && value->count == 1 && node_is_null(json_at(value, 0))))
		return NULL;
	return value;
}

static bool is_true(const struct json *value)
{
	return json_is(value, JSON_BOOL) && value->boolean;
}

/* attributes is the older word for pick, without id, type and scope: one or the other (5.2.14.1). */
static enum err_code check_notification(const struct checking *c, const struct place *place,
					const struct json *notification)
{
	struct str format = json_text(given(notification, STR("format")));
	bool attributes = given(notification, STR("attributes"));

	if (is_true(given(notification, STR("showChanges"))) && AMONG(format, STR("simplified"), STR("keyValues")))
		return place_fail(c, place, ERR_INVALID, "cannot have showChanges with the format \"%.*s\"",
				  STR_FMT(format));
	if (attributes && (given(notification, STR("pick")) || given(notification, STR("omit"))))
		return place_fail(c, place, ERR_INVALID, "has attributes, which go with neither pick nor omit");
	return ERR_OK;
}

static enum err_code check_own_scope(const struct checking *c, const struct json *document)
{
	const struct json *entities = given(document, STR("entities")), *local = given(document, STR("localOnly"));

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

enum err_code subscription_check_whole(const struct checking *c, const struct json *document)
{
	bool entities = given(document, STR("entities")), watched = given(document, STR("watchedAttributes"));
	bool interval = given(document, STR("timeInterval")), local = is_true(given(document, STR("localOnly")));

	if (interval && watched)
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which excludes watchedAttributes");
	if (interval && given(document, STR("throttling")))
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which excludes throttling");
	if (c->fragment)
		return check_own_scope(c, document);
	if (interval && !entities && !local)
		return place_fail(c, NULL, ERR_INVALID, "has timeInterval, which needs entities unless localOnly");
	if (!entities && !watched && !local)
		return place_fail(c, NULL, ERR_INVALID, "needs entities or watchedAttributes, unless localOnly");
	return check_own_scope(c, document);
}

/* 5.2.12 has temporalQ for subscriptions to Context Source Registrations alone. */
static enum err_code check_no_temporal(const struct checking *c, const struct place *place, const struct json *value)
{
	(void)value;
	return place_fail(c, place, ERR_INVALID, "is for subscriptions to Context Source Registrations alone");
}

/* ---- the tables ---- */

#define NAME(literal)                                                                                                  \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}
#define SHAPE(rules)                                                                                                   \
	{                                                                                                              \
		(rules), sizeof(rules) / sizeof((rules)[0])                                                            \
	}

static const struct rule selector_rules[] = {
	{NAME("id"), RULE_TEXT_OR_TEXTS, false, NULL, check_uri},
	{NAME("idPattern"), RULE_TEXT, false, NULL, NULL},
	{NAME("type"), RULE_TEXT, true, NULL, NULL},
};
static const struct shape selector_shape = SHAPE(selector_rules);

static const struct rule geo_rules[] = {
	{NAME("georel"), RULE_TEXT, true, NULL, NULL},
	{NAME("geometry"), RULE_TEXT, true, NULL, check_geometry},
	{NAME("coordinates"), RULE_TEXT_OR_ARRAY, true, NULL, NULL},
	{NAME("geoproperty"), RULE_TEXT, false, NULL, check_name},
};
static const struct shape geo_shape = SHAPE(geo_rules);

static const struct rule pair_rules[] = {
	{NAME("key"), RULE_TEXT, true, NULL, check_key},
	{NAME("value"), RULE_ANY_TEXT, true, NULL, check_value},
};
static const struct shape pair_shape = SHAPE(pair_rules);

static const struct rule endpoint_rules[] = {
	{NAME("uri"), RULE_TEXT, true, NULL, check_endpoint_uri},
	{NAME("accept"), RULE_TEXT, false, NULL, check_accept},
	{NAME("cooldown"), RULE_POSITIVE, false, NULL, NULL},
	{NAME("notifierInfo"), RULE_OBJECTS, false, &pair_shape, check_notifier_pair},
	{NAME("receiverInfo"), RULE_OBJECTS, false, &pair_shape, NULL},
	{NAME("timeout"), RULE_POSITIVE, false, NULL, NULL},
};
static const struct shape endpoint_shape = SHAPE(endpoint_rules);

static const struct rule notification_rules[] = {
	{NAME("endpoint"), RULE_OBJECT, true, &endpoint_shape, check_endpoint},
	{NAME("attributes"), RULE_TEXTS, false, NULL, check_name},
	{NAME("format"), RULE_TEXT, false, NULL, check_format},
	{NAME("join"), RULE_TEXT, false, NULL, check_join},
	{NAME("joinLevel"), RULE_WHOLE, false, NULL, check_join_level},
	{NAME("omit"), RULE_TEXTS, false, NULL, NULL},
	{NAME("pick"), RULE_TEXTS, false, NULL, NULL},
	{NAME("showChanges"), RULE_BOOL, false, NULL, NULL},
	{NAME("sysAttrs"), RULE_BOOL, false, NULL, NULL},
};
static const struct shape notification_shape = SHAPE(notification_rules);

static const struct rule rules[] = {
	{NAME("id"), RULE_TEXT, false, NULL, check_uri},
	{NAME("type"), RULE_TEXT, true, NULL, check_type},
	{NAME("entities"), RULE_OBJECTS, false, &selector_shape, NULL},
	{NAME("notification"), RULE_OBJECT, true, &notification_shape, check_notification},
	{NAME("notificationTrigger"), RULE_TEXTS, false, NULL, check_trigger},
	{NAME("watchedAttributes"), RULE_TEXTS, false, NULL, check_name},
	{NAME("q"), RULE_TEXT, false, NULL, NULL},
	{NAME("geoQ"), RULE_OBJECT, false, &geo_shape, NULL},
	{NAME("scopeQ"), RULE_TEXT, false, NULL, NULL},
	{NAME("temporalQ"), RULE_OBJECT, false, &geo_shape, check_no_temporal},
	{NAME("csf"), RULE_TEXT, false, NULL, NULL},
	{NAME("datasetId"), RULE_TEXTS, false, NULL, check_dataset},
	{NAME("description"), RULE_ANY_TEXT, false, NULL, NULL},
	{NAME("expandValues"), RULE_TEXT, false, NULL, NULL},
	{NAME("expiresAt"), RULE_TEXT, false, NULL, check_expiry},
	{NAME("isActive"), RULE_BOOL, false, NULL, NULL},
	{NAME("jsonKeys"), RULE_TEXT, false, NULL, NULL},
	{NAME("jsonldContext"), RULE_TEXT, false, NULL, check_uri},
	{NAME("lang"), RULE_TEXT, false, NULL, NULL},
	{NAME("localOnly"), RULE_BOOL, false, NULL, NULL},
	{NAME("ngsildConformance"), RULE_TEXT, false, NULL, check_version},
	{NAME("splitEntities"), RULE_BOOL, false, NULL, NULL},
	{NAME("subscriptionName"), RULE_ANY_TEXT, false, NULL, NULL},
	{NAME("throttling"), RULE_POSITIVE, false, NULL, NULL},
	{NAME("timeInterval"), RULE_POSITIVE, false, NULL, NULL},
};
const struct shape subscription_shape = SHAPE(rules);

/* ---- all of it ---- */

enum err_code subscription_check(const struct json *document, bool fragment, int64_t now_us, struct error *err)
{
	const struct checking c = {fragment, now_us, err};

	if (!json_is(document, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a subscription is to be a JSON object");
	enum err_code code = shape_check(&c, &subscription_shape, NULL, document);

	return code ? code : subscription_check_whole(&c, document);
}
