/* What a registration's document may say: its members as tables, and what the clauses demand of their values.
 *
 * Members that no table has, and the read-only ones of table 5.2.9-2, are passed over and not kept, as of subscriptions
 * (subscription_check.c). */
#include "base/duration.h"
#include "base/time_value.h"
#include "ngsild/name_int.h"
#include "ngsild/registration_int.h"

#include <assert.h>

static_assert(REGISTRATION_LIST_MAX == SHAPE_LIST_MAX, "what the header promises is what the walk looks at");

/* ---- values ---- */

static enum err_code check_type(const struct checking *c, const struct place *place, const struct json *value)
{
	return str_eq(json_text(value), STR("ContextSourceRegistration"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is to be \"ContextSourceRegistration\"");
}

static enum err_code check_web_address(const struct checking *c, const struct place *place, const struct json *value)
{
	static const struct str schemes[] = {SHAPE_NAME("http://"), SHAPE_NAME("https://")};
	struct str path;

	return value_address(c, place, json_text(value), schemes, sizeof(schemes) / sizeof(schemes[0]), "http or https",
			     &path);
}

static enum err_code check_entity_type(const struct checking *c, const struct place *place, const struct json *value)
{
	return name_is_legal(json_text(value)) ? ERR_OK
					       : place_fail(c, place, ERR_INVALID, "is no type's name: \"%.*s\"",
							    STR_FMT(str_part(json_text(value), 0, 80)));
}

static enum err_code check_mode(const struct checking *c, const struct place *place, const struct json *value)
{
	return AMONG(json_text(value), STR("inclusive"), STR("exclusive"), STR("redirect"), STR("auxiliary"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID,
				    "is to be \"inclusive\", \"exclusive\", \"redirect\" or \"auxiliary\"");
}

static enum err_code check_operation(const struct checking *c, const struct place *place, const struct json *value)
{
	return registration_operations_named(json_text(value))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is no operation nor group of them (4.20): \"%.*s\"",
				    STR_FMT(str_part(json_text(value), 0, 80)));
}

static enum err_code check_duration(const struct checking *c, const struct place *place, const struct json *value)
{
	int64_t us;

	return duration_parse_iso(json_text(value), &us)
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is no duration such as \"PT15M\": \"%.*s\"",
				    STR_FMT(str_part(json_text(value), 0, 80)));
}

static enum err_code check_scope(const struct checking *c, const struct place *place, const struct json *value)
{
	return scope_is_legal(json_text(value)) ? ERR_OK
						: place_fail(c, place, ERR_INVALID, "is no scope (4.18): \"%.*s\"",
							     STR_FMT(str_part(json_text(value), 0, 80)));
}

static enum err_code check_geometry(const struct checking *c, const struct place *place, const struct json *value)
{
	struct error why = {.code = ERR_OK};
	enum err_code code = geo_check(value, &why);

	return code ? place_fail(c, place, code, "is no geometry: %s", why.detail) : ERR_OK;
}

static bool is_host_char(char ch)
{
	return ch == ':' || ch == '[' || ch == ']';
}

/* A pseudonym of RFC 7230 is a token; a host with a port, which the Via header allows in its place, may stand here
 * too. */
static enum err_code check_alias(const struct checking *c, const struct place *place, const struct json *value)
{
	for (uint32_t i = 0; i < value->count; i++)
		if (!value_is_token_char(value->text[i]) && !is_host_char(value->text[i]))
			return place_fail(c, place, ERR_INVALID, "is to be a pseudonym (RFC 7230): \"%.*s\"",
					  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

static enum err_code check_interval(const struct checking *c, const struct place *place, const struct json *interval)
{
	int64_t start_us = 0, end_us = 0;

	if (time_parse_iso(json_text(json_get(interval, STR("startAt"))), false, &start_us) &&
	    time_parse_iso(json_text(json_get(interval, STR("endAt"))), false, &end_us) && end_us < start_us)
		return place_fail(c, place, ERR_INVALID, "ends before it begins");
	return ERR_OK;
}

/* The keys with a meaning of their own (4.3.6.6). */
static enum err_code check_source_pair(const struct checking *c, const struct place *place, const struct json *pair)
{
	const struct place where = {place, STR("value"), 0};
	const struct json *value = json_get(pair, STR("value"));
	struct str key = json_text(json_get(pair, STR("key")));

	if (AMONG(key, STR("accept"), STR("contentType")) &&
	    !AMONG(json_text(value), STR("application/json"), STR("application/ld+json")))
		return place_fail(c, &where, ERR_INVALID,
				  "is to be \"application/json\" or \"application/ld+json\" for %.*s", STR_FMT(key));
	if (str_eq(key, STR("jsonldContext")))
		return check_web_address(c, &where, value);
	if (str_eq(key, STR("ngsildConformance")))
		return value_version(c, &where, value);
	return ERR_OK;
}

static enum err_code check_info(const struct checking *c, const struct place *place, const struct json *info)
{
	return shape_given(info, STR("entities")) || shape_given(info, STR("propertyNames")) ||
			       shape_given(info, STR("relationshipNames"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "needs entities, propertyNames or relationshipNames");
}

/* ---- what members demand of each other ---- */

/* An exclusive registration is about attributes of entities by their ids (4.3.6.3). */
static enum err_code check_exclusive_entity(const struct checking *c, const struct place *place,
					    const struct json *entity)
{
	const struct place id = {place, STR("id"), 0}, pattern = {place, STR("idPattern"), 0};

	if (!shape_given(entity, STR("id")))
		return place_fail(c, &id, ERR_INVALID, "is missing, which mode exclusive needs");
	return shape_given(entity, STR("idPattern"))
		       ? place_fail(c, &pattern, ERR_INVALID, "cannot go with mode exclusive")
		       : ERR_OK;
}

static enum err_code check_exclusive_info(const struct checking *c, const struct place *place, const struct json *info)
{
	const struct place list = {place, STR("entities"), 0};
	const struct json *entities = shape_given(info, STR("entities"));
	enum err_code code = ERR_OK;

	if (!entities)
		return place_fail(c, &list, ERR_INVALID, "is missing, which mode exclusive needs");
	for (uint32_t i = 0; code == ERR_OK && i < entities->count; i++) {
		const struct place item = {&list, STR_NONE, i};

		code = check_exclusive_entity(c, &item, &entities->items[i]);
	}
	if (code)
		return code;
	return shape_given(info, STR("propertyNames")) || shape_given(info, STR("relationshipNames"))
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID,
				    "needs propertyNames or relationshipNames for mode exclusive");
}

static enum err_code check_exclusive(const struct checking *c, const struct json *document)
{
	const struct place list = {NULL, STR("information"), 0};
	const struct json *infos = shape_given(document, STR("information"));
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && i < infos->count; i++) {
		const struct place item = {&list, STR_NONE, i};

		code = check_exclusive_info(c, &item, &infos->items[i]);
	}
	return code;
}

/* An auxiliary registration is asked and never written to (5.9.2.4). */
static enum err_code check_auxiliary(const struct checking *c, const struct json *document)
{
	const struct place list = {NULL, STR("operations"), 0};
	const struct json *named = shape_given(document, STR("operations"));

	if (!named)
		return place_fail(c, &list, ERR_INVALID, "is missing, which mode auxiliary needs");
	for (uint32_t i = 0; i < named->count; i++) {
		const struct place item = {&list, STR_NONE, i};

		if (!AMONG(json_text(&named->items[i]), STR("retrieveOps"), STR("retrieveEntity"), STR("queryEntity")))
			return place_fail(c, &item, ERR_INVALID,
					  "is to be \"retrieveOps\", \"retrieveEntity\" or \"queryEntity\" for mode "
					  "auxiliary");
	}
	return ERR_OK;
}

enum err_code registration_check_whole(const struct checking *c, const struct json *document)
{
	struct str mode = json_text(shape_given(document, STR("mode")));

	if (str_eq(mode, STR("exclusive")))
		return check_exclusive(c, document);
	return str_eq(mode, STR("auxiliary")) ? check_auxiliary(c, document) : ERR_OK;
}

/* ---- the tables ---- */

static const struct rule entity_rules[] = {
	{SHAPE_NAME("id"), RULE_TEXT, false, NULL, value_uri},
	{SHAPE_NAME("idPattern"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("type"), RULE_TEXT_OR_TEXTS, true, NULL, check_entity_type},
};
static const struct shape entity_shape = SHAPE_OF(entity_rules);

static const struct rule info_rules[] = {
	{SHAPE_NAME("entities"), RULE_OBJECTS, false, &entity_shape, NULL},
	{SHAPE_NAME("propertyNames"), RULE_TEXTS, false, NULL, value_attribute},
	{SHAPE_NAME("relationshipNames"), RULE_TEXTS, false, NULL, value_attribute},
};
static const struct shape info_shape = SHAPE_OF(info_rules);

static const struct rule interval_rules[] = {
	{SHAPE_NAME("startAt"), RULE_TEXT, true, NULL, value_time},
	{SHAPE_NAME("endAt"), RULE_TEXT, false, NULL, value_time},
};
static const struct shape interval_shape = SHAPE_OF(interval_rules);

static const struct rule management_rules[] = {
	{SHAPE_NAME("cacheDuration"), RULE_TEXT, false, NULL, check_duration},
	{SHAPE_NAME("cooldown"), RULE_POSITIVE, false, NULL, NULL},
	{SHAPE_NAME("localOnly"), RULE_BOOL, false, NULL, NULL},
	{SHAPE_NAME("timeout"), RULE_POSITIVE, false, NULL, NULL},
};
static const struct shape management_shape = SHAPE_OF(management_rules);

static const struct rule rules[] = {
	{SHAPE_NAME("id"), RULE_TEXT, false, NULL, value_uri},
	{SHAPE_NAME("type"), RULE_TEXT, true, NULL, check_type},
	{SHAPE_NAME("endpoint"), RULE_TEXT, true, NULL, check_web_address},
	{SHAPE_NAME("information"), RULE_OBJECTS, true, &info_shape, check_info},
	{SHAPE_NAME("contextSourceAlias"), RULE_TEXT, false, NULL, check_alias},
	{SHAPE_NAME("contextSourceInfo"), RULE_OBJECTS, false, &pair_shape, check_source_pair},
	{SHAPE_NAME("datasetId"), RULE_TEXTS, false, NULL, value_dataset},
	{SHAPE_NAME("description"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("expiresAt"), RULE_TEXT, false, NULL, value_expiry},
	{SHAPE_NAME("location"), RULE_OBJECT, false, NULL, check_geometry},
	{SHAPE_NAME("management"), RULE_OBJECT, false, &management_shape, NULL},
	{SHAPE_NAME("managementInterval"), RULE_OBJECT, false, &interval_shape, check_interval},
	{SHAPE_NAME("mode"), RULE_TEXT, false, NULL, check_mode},
	{SHAPE_NAME("observationInterval"), RULE_OBJECT, false, &interval_shape, check_interval},
	{SHAPE_NAME("observationSpace"), RULE_OBJECT, false, NULL, check_geometry},
	{SHAPE_NAME("operations"), RULE_TEXTS, false, NULL, check_operation},
	{SHAPE_NAME("operationSpace"), RULE_OBJECT, false, NULL, check_geometry},
	{SHAPE_NAME("refreshRate"), RULE_TEXT, false, NULL, check_duration},
	{SHAPE_NAME("registrationName"), RULE_TEXT, false, NULL, NULL},
	{SHAPE_NAME("scope"), RULE_TEXT_OR_TEXTS, false, NULL, check_scope},
	{SHAPE_NAME("tenant"), RULE_TEXT, false, NULL, value_header},
};
const struct shape registration_shape = SHAPE_OF(rules);

/* ---- all of it ---- */

enum err_code registration_check(const struct json *document, bool fragment, int64_t now_us, struct error *err)
{
	const struct checking c = {REGISTRATION_SUBJECT, fragment, now_us, err};

	if (!json_is(document, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a registration is to be a JSON object");
	enum err_code code = shape_check(&c, &registration_shape, NULL, document);

	if (code || fragment)
		return code;
	code = registration_check_whole(&c, document);
	return code ? code : registration_check_hidden(&c, document);
}

enum err_code registration_keep(struct arena *arena, const struct json *document, struct json **ret_document,
				struct error *err)
{
	const struct checking c = {REGISTRATION_SUBJECT, false, INT64_MIN, err};

	return shape_keep(&c, arena, &registration_shape, document, ret_document);
}

enum err_code registration_merge(struct arena *arena, const struct json *document, const struct json *fragment,
				 int64_t now_us, struct json **ret_document, struct error *err)
{
	const struct checking whole = {REGISTRATION_SUBJECT, false, now_us, err};
	struct json *result = NULL;
	enum err_code code = shape_merge(&whole, arena, &registration_shape, document, fragment, &result);

	if (code == ERR_OK)
		code = registration_keep_hidden(&whole, arena, document, fragment, result);
	if (code == ERR_OK)
		code = shape_check(&whole, &registration_shape, NULL, result);
	if (code == ERR_OK)
		code = registration_check_whole(&whole, result);
	if (code == ERR_OK)
		*ret_document = result;
	return code;
}
