/* Queries in a body: the data type Query turned into the parameters of a GET.
 * Source: GS CIM 009 V1.9.1 clauses 5.2.13, 5.2.23, 5.2.33, 5.2.43, 6.23.3.1, 6.34.3.2. */
#include "api/query_int.h"

enum member_kind {
	MEMBER_TEXT,
	MEMBER_TEXTS, /* an array of strings, not empty; one string alone is taken too */
	MEMBER_FLAG,
	MEMBER_COUNT,
	MEMBER_COORDINATES, /* a JSON array, or its text */
	MEMBER_OWN, /* read apart */
	MEMBER_TEMPORAL /* read apart, of Query Temporal Evolution of Entities alone (5.7.4) */
};

struct member_rule {
	struct str name;
	enum member_kind kind;
	enum parameter parameter; /* that holds its text */
};

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		(text), sizeof(text) - 1                                                                               \
	}
#define RULE_COUNT(rules) (sizeof(rules) / sizeof((rules)[0]))

static const struct member_rule query_rules[] = {
	{NAME("type"), MEMBER_OWN, PARAMETER_COUNT},
	{NAME("entities"), MEMBER_OWN, PARAMETER_COUNT},
	{NAME("geoQ"), MEMBER_OWN, PARAMETER_COUNT},
	{NAME("ordering"), MEMBER_OWN, PARAMETER_COUNT},
	{NAME("q"), MEMBER_TEXT, P_Q},
	{NAME("scopeQ"), MEMBER_TEXT, P_SCOPE_Q},
	{NAME("csf"), MEMBER_TEXT, P_CSF},
	{NAME("attrs"), MEMBER_TEXTS, P_ATTRS},
	{NAME("pick"), MEMBER_TEXTS, P_PICK},
	{NAME("omit"), MEMBER_TEXTS, P_OMIT},
	{NAME("datasetId"), MEMBER_TEXTS, P_DATASET_ID},
	{NAME("containedBy"), MEMBER_TEXTS, P_CONTAINED_BY},
	{NAME("expandValues"), MEMBER_TEXTS, P_EXPAND_VALUES},
	{NAME("jsonKeys"), MEMBER_TEXTS, P_JSON_KEYS},
	{NAME("lang"), MEMBER_TEXT, P_LANG},
	{NAME("join"), MEMBER_TEXT, P_JOIN},
	{NAME("joinLevel"), MEMBER_COUNT, P_JOIN_LEVEL},
	{NAME("entityMap"), MEMBER_FLAG, P_ENTITY_MAP},
	{NAME("entityMapLifetime"), MEMBER_TEXT, P_ENTITY_MAP_LIFETIME},
	{NAME("splitEntities"), MEMBER_FLAG, P_SPLIT_ENTITIES},
	{NAME("temporalQ"), MEMBER_TEMPORAL, PARAMETER_COUNT},
	{NAME("aggrParams"), MEMBER_TEMPORAL, PARAMETER_COUNT},
};

static const struct member_rule geo_rules[] = {
	{NAME("georel"), MEMBER_TEXT, P_GEOREL},
	{NAME("geometry"), MEMBER_TEXT, P_GEOMETRY},
	{NAME("geoproperty"), MEMBER_TEXT, P_GEOPROPERTY},
	{NAME("coordinates"), MEMBER_COORDINATES, P_COORDINATES},
};

static const struct member_rule ordering_rules[] = {
	{NAME("orderBy"), MEMBER_TEXTS, P_ORDER_BY},
	{NAME("coordinates"), MEMBER_COORDINATES, P_ORDER_FROM},
	{NAME("geometry"), MEMBER_TEXT, P_ORDER_GEOMETRY},
	{NAME("collation"), MEMBER_TEXT, P_COLLATION},
};

static const struct member_rule temporal_rules[] = {
	{NAME("timerel"), MEMBER_TEXT, P_TIMEREL},
	{NAME("timeAt"), MEMBER_TEXT, P_TIME_AT},
	{NAME("endTimeAt"), MEMBER_TEXT, P_END_TIME_AT},
	{NAME("timeproperty"), MEMBER_TEXT, P_TIMEPROPERTY},
	{NAME("lastN"), MEMBER_COUNT, P_LAST_N},
	{NAME("aggrMethods"), MEMBER_TEXTS, P_AGGR_METHODS},
	{NAME("aggrPeriodDuration"), MEMBER_TEXT, P_AGGR_PERIOD},
};

static const struct member_rule aggregation_rules[] = {
	{NAME("aggrMethods"), MEMBER_TEXTS, P_AGGR_METHODS},
	{NAME("aggrPeriodDuration"), MEMBER_TEXT, P_AGGR_PERIOD},
};

/* ---- one member ---- */

static enum err_code fault(struct call *call, struct str member, const char *expected)
{
	return err_set(&call->error, ERR_INVALID, "the member \"%.*s\" of Query is to be %s",
		       STR_FMT(str_part(member, 0, 80)), expected);
}

/* A string, or the strings of an array joined by commas. */
static enum err_code texts_of(struct call *call, struct str name, const struct json *value, struct str *ret)
{
	struct buf joined;

	if (json_is(value, JSON_STRING) && value->count > 0) {
		*ret = json_text(value);
		return ERR_OK;
	}
	if (!json_is(value, JSON_ARRAY) || value->count == 0)
		return fault(call, name, "an array of strings, not empty");
	buf_init(&joined, API_SCRATCH_BYTES_MAX);
	for (uint32_t i = 0; i < value->count; i++) {
		struct str text = json_text(&value->items[i]);

		if (text.len == 0) {
			buf_done(&joined);
			return fault(call, name, "an array of strings, not empty, and none of them empty");
		}
		if (i > 0)
			buf_put_char(&joined, ',');
		buf_put(&joined, text);
	}
	enum err_code code = buf_check(&joined, "a list in the body", &call->error);

	*ret = arena_dup(call->arena, buf_str(&joined));
	buf_done(&joined);
	return code;
}

static enum err_code coordinates_of(struct call *call, struct str name, const struct json *value, struct str *ret)
{
	struct buf out;

	if (json_is(value, JSON_STRING)) {
		*ret = json_text(value);
		return ERR_OK;
	}
	if (!json_is(value, JSON_ARRAY))
		return fault(call, name, "a JSON array");
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	json_write(&out, value);
	enum err_code code = buf_check(&out, "the coordinates", &call->error);

	*ret = arena_dup(call->arena, buf_str(&out));
	buf_done(&out);
	return code;
}

static enum err_code count_of(struct call *call, struct str name, const struct json *value, struct str *ret)
{
	int64_t number;

	if (!json_is(value, JSON_NUMBER) || !json_int64(value, &number) || number < 1)
		return fault(call, name, "a whole number of 1 or more");
	*ret = arena_printf(call->arena, "%lld", (long long)number);
	return ERR_OK;
}

/* One flat switch. */
static enum err_code text_of(struct call *call, const struct member_rule *rule, const struct json *value,
			     struct str *ret)
{
	switch (rule->kind) {
	case MEMBER_TEXT:
		if (!json_is(value, JSON_STRING))
			return fault(call, rule->name, "a string");
		*ret = json_text(value);
		return ERR_OK;
	case MEMBER_TEXTS:
		return texts_of(call, rule->name, value, ret);
	case MEMBER_FLAG:
		if (!json_is(value, JSON_BOOL))
			return fault(call, rule->name, "true or false");
		*ret = value->boolean ? STR("true") : STR("false");
		return ERR_OK;
	case MEMBER_COUNT:
		return count_of(call, rule->name, value, ret);
	case MEMBER_COORDINATES:
		return coordinates_of(call, rule->name, value, ret);
	case MEMBER_TEMPORAL:
		/* Of a snapshot's queries it is told before whose is whose (5.2.41). */
		if (str_starts(str_from(call->operation->path), STR("/temporal/")) ||
		    call->operation->body == BODY_SNAPSHOT)
			break;
		return err_set(&call->error, ERR_INVALID,
			       "the member \"%.*s\" of Query belongs to temporal queries alone (5.2.23)",
			       STR_FMT(rule->name));
	case MEMBER_OWN:
		break;
	}
	return ERR_OK;
}

static enum err_code member_read(struct call *call, const struct member_rule *rule, const struct json *value)
{
	struct str text = STR_NONE;
	enum err_code code = text_of(call, rule, value, &text);

	if (code != ERR_OK || rule->parameter == PARAMETER_COUNT)
		return code;
	if (!text.at)
		return err_set(&call->error, ERR_MEMORY, "no memory for the query");
	const struct parameter_rule *offered = &parameter_rules[rule->parameter];

	if (!offered->offered && !(offered->neutral && str_eq(text, str_from(offered->neutral))))
		return err_set(&call->error, ERR_UNSUPPORTED, "the member \"%.*s\" of Query is not offered yet",
			       STR_FMT(rule->name));
	call->parameters[rule->parameter] = text;
	return ERR_OK;
}

/* Every member of the object by its rule; there are no others. */
static enum err_code members_read(struct call *call, const struct json *object, const char *of,
				  const struct member_rule *rules, size_t count)
{
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		size_t at = 0;

		while (at < count && !str_eq(rules[at].name, member->key))
			at++;
		if (at == count)
			return err_set(&call->error, ERR_INVALID, "%s has no member \"%.*s\"", of,
				       STR_FMT(str_part(member->key, 0, 80)));
		code = member_read(call, &rules[at], &member->value);
	}
	return code;
}

/* ---- objects inside ---- */

static enum err_code object_read(struct call *call, struct str name, const struct member_rule *rules, size_t count)
{
	const struct json *object = json_get(call->body, name);

	if (!object)
		return ERR_OK;
	if (!json_is(object, JSON_OBJECT))
		return fault(call, name, "an object");
	enum err_code code = members_read(call, object, name.at, rules, count);

	return code == ERR_OK ? ERR_OK : err_while(&call->error, "reading \"%.*s\"", STR_FMT(name));
}

static enum err_code selector_read(struct call *call, const struct json *object, struct query_selector *selector)
{
	if (!json_is(object, JSON_OBJECT))
		return err_set(&call->error, ERR_INVALID, "it is to be an object");
	for (uint32_t i = 0; i < object->count; i++) {
		struct str key = object->members[i].key;
		const struct json *value = &object->members[i].value;
		enum err_code code = ERR_OK;

		if (str_eq(key, STR("id")))
			code = texts_of(call, key, value, &selector->ids);
		else if (str_eq(key, STR("idPattern")))
			selector->id_pattern = json_text(value);
		else if (str_eq(key, STR("type")))
			selector->type = json_text(value);
		else
			return err_set(&call->error, ERR_INVALID, "EntitySelector has no member \"%.*s\"",
				       STR_FMT(str_part(key, 0, 80)));
		if (code != ERR_OK)
			return code;
		if (!str_eq(key, STR("id")) && !json_is(value, JSON_STRING))
			return err_set(&call->error, ERR_INVALID, "\"%.*s\" is to be a string", STR_FMT(key));
	}
	if (!selector->type.len)
		return err_set(&call->error, ERR_INVALID, "it has no type");
	return ERR_OK;
}

static enum err_code selectors_read(struct call *call, struct query_text *text)
{
	const struct json *list = json_get(call->body, STR("entities"));

	if (!list)
		return ERR_OK;
	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return fault(call, STR("entities"), "an array of selectors, not empty");
	struct query_selector *selectors = arena_array(call->arena, struct query_selector, list->count);

	if (!selectors)
		return err_set(&call->error, ERR_MEMORY, "no memory for the query");
	for (uint32_t i = 0; i < list->count; i++) {
		selectors[i] = (struct query_selector){STR_NONE, STR_NONE, STR_NONE};
		if (selector_read(call, &list->items[i], &selectors[i]) != ERR_OK)
			return err_while(&call->error, "reading selector %u of \"entities\"", i);
	}
	/* One alone says what a GET says. */
	if (list->count == 1) {
		call->parameters[P_ID] = selectors[0].ids;
		call->parameters[P_ID_PATTERN] = selectors[0].ids.at ? STR_NONE : selectors[0].id_pattern;
		call->parameters[P_TYPE] = selectors[0].type;
		return ERR_OK;
	}
	text->selectors = selectors;
	text->selector_count = list->count;
	return ERR_OK;
}

enum err_code query_body_read(struct call *call, struct query_text *text)
{
	struct query_text own = {.selector_count = 0};
	enum err_code code = ERR_OK;

	if (!str_eq(json_text(json_get(call->body, STR("type"))), STR("Query")))
		return err_set(&call->error, ERR_INVALID, "the body's type is to be \"Query\"");
	code = members_read(call, call->body, "Query", query_rules, RULE_COUNT(query_rules));
	if (code == ERR_OK)
		code = selectors_read(call, &own);
	if (code == ERR_OK)
		code = object_read(call, STR("geoQ"), geo_rules, RULE_COUNT(geo_rules));
	if (code == ERR_OK)
		code = object_read(call, STR("ordering"), ordering_rules, RULE_COUNT(ordering_rules));
	if (code == ERR_OK)
		code = object_read(call, STR("temporalQ"), temporal_rules, RULE_COUNT(temporal_rules));
	if (code == ERR_OK)
		code = object_read(call, STR("aggrParams"), aggregation_rules, RULE_COUNT(aggregation_rules));
	if (code != ERR_OK)
		return code;
	*text = query_text_of(call);
	text->selectors = own.selectors;
	text->selector_count = own.selector_count;
	return ERR_OK;
}

static void query_by_body(struct call *call)
{
	struct query_text text;
	enum err_code code = query_body_read(call, &text);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		query_run(call, &text);
}

void query_by_post(struct call *call)
{
	call_with_context(call, query_by_body);
}
