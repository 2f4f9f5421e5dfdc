/* Attributes over time, as EntityTemporal has them (5.2.20): arrays of instances, or the simplified temporal
 * representation (4.5.9), {"type": "Property", "values": [[value, time], …]}. The latter is turned into the former,
 * each time an observedAt, so that every rule of instances is checked in one place. */
#include "ngsild/expand_int.h"

#define PAIR_MEMBERS 4u /* type, value, datasetId, observedAt */

/* How 4.5.9 names the values of each kind. */
static const struct form {
	struct str plural;
	enum member member; /* of one instance */
	bool wrapped; /* each value is an object with that member */
} forms[] = {
	{{"values", 6}, MEMBER_VALUE, false},
	{{"objects", 7}, MEMBER_OBJECT, false},
	{{"vocabs", 6}, MEMBER_VOCAB, true},
	{{"jsons", 5}, MEMBER_JSON, true},
	{{"languageMaps", 12}, MEMBER_LANGUAGE_MAP, true},
	{{"valueLists", 10}, MEMBER_VALUE_LIST, false},
	{{"objectLists", 11}, MEMBER_OBJECT_LIST, false},
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

/* NULL: no simplified temporal representation. */
static const struct form *form_of(const struct json *body)
{
	for (size_t i = 0; json_is(body, JSON_OBJECT) && i < FORM_COUNT; i++)
		if (json_is(json_get(body, forms[i].plural), JSON_ARRAY))
			return &forms[i];
	return NULL;
}

static enum err_code check_form(const struct expansion *x, const struct form *form, const struct json *body)
{
	const struct json *type = json_get(body, STR("type"));
	const struct attribute_kind *kind = type ? attribute_kind(json_text(type)) : NULL;

	if (type && (!kind || kind->value != form->member))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" does not go with this \"type\"", STR_FMT(form->plural));
	for (uint32_t i = 0; i < body->count; i++) {
		struct str key = body->members[i].key;

		if (!str_eq(key, STR("type")) && !str_eq(key, STR("datasetId")) && !str_eq(key, form->plural))
			return err_set(x->err, ERR_INVALID, "\"%.*s\" does not go with \"%.*s\"", STR_FMT(key),
				       STR_FMT(form->plural));
	}
	return ERR_OK;
}

/* One element: [value, time]. */
static enum err_code add_pair(const struct expansion *x, const struct form *form, const struct json *body,
			      const struct json *pair, struct json *instances)
{
	const struct json *type = json_get(body, STR("type")), *dataset = json_get(body, STR("datasetId"));
	const struct json *value = json_at(pair, 0);
	struct json instance = {0};
	enum err_code code;

	if (!json_is(pair, JSON_ARRAY) || pair->count != 2)
		return err_set(x->err, ERR_INVALID, "each element is an array of a value and its time");
	if (form->wrapped && json_is(value, JSON_OBJECT) && value->count == 1 &&
	    json_get(value, member_name(form->member)))
		value = &value->members[0].value;
	if ((code = expand_object(x, PAIR_MEMBERS, &instance)) ||
	    (type && (code = expand_add(x, &instance, STR("type"), *type))))
		return code;
	if (!json_add(x->arena, &instance, member_name(form->member), *value))
		return err_set(x->err, ERR_MEMORY, "no memory for an instance");
	if ((dataset && (code = expand_add(x, &instance, STR("datasetId"), *dataset))) ||
	    (code = expand_add(x, &instance, STR("observedAt"), pair->items[1])))
		return code;
	return expand_push(x, instances, instance);
}

static enum err_code add_pairs(const struct expansion *x, const struct form *form, const struct json *body,
			       struct json *instances)
{
	const struct json *pairs = json_get(body, form->plural);
	enum err_code code = check_form(x, form, body);

	for (uint32_t i = 0; i < pairs->count && !code; i++) {
		code = add_pair(x, form, body, &pairs->items[i], instances);
		if (code)
			(void)err_while(x->err, "reading element %u of \"%.*s\"", i + 1, STR_FMT(form->plural));
	}
	return code;
}

/* The body with all its simplified parts as instances; itself when it has none. */
static enum err_code as_instances(const struct expansion *x, const struct json *body, struct json *ret)
{
	bool several = json_is(body, JSON_ARRAY);
	uint32_t count = several ? body->count : 1;
	const struct json *items = several ? body->items : body;
	struct json instances = {0};
	bool any = false;
	enum err_code code;

	if (several && count == 0)
		return err_set(x->err, ERR_INVALID, "there is no instance");
	for (uint32_t i = 0; i < count && !any; i++)
		any = form_of(&items[i]) != NULL;
	*ret = *body;
	if (!any)
		return ERR_OK;
	if ((code = expand_array(x, count, &instances)))
		return code;
	for (uint32_t i = 0; i < count && !code; i++) {
		const struct form *form = form_of(&items[i]);

		code = form ? add_pairs(x, form, &items[i], &instances) : expand_push(x, &instances, items[i]);
	}
	if (!code && instances.count == 0)
		return err_set(x->err, ERR_INVALID, "there is no instance");
	*ret = instances;
	return code;
}

enum err_code expand_temporal(const struct expansion *x, struct str name, const struct json *body, struct json *ret)
{
	struct json instances = {0};
	enum err_code code = as_instances(x, body, &instances);

	return code ? code : expand_instances(x, name, &instances, ret);
}

/* ---- the scope (4.5.6): a Property whose only sub-members are times ---- */

struct scope_members {
	const struct json *value, *observed;
};

static enum err_code scope_members(const struct expansion *x, const struct json *body, struct scope_members *ret)
{
	for (uint32_t i = 0; i < body->count; i++) {
		const struct json *value = &body->members[i].value;

		switch (member_of(body->members[i].key)) {
		case MEMBER_VALUE:
			ret->value = value;
			break;
		case MEMBER_OBSERVED_AT:
			ret->observed = value;
			break;
		case MEMBER_TYPE:
			if (!str_eq(json_text(value), STR("Property")))
				return err_set(x->err, ERR_INVALID, "a scope over time is a Property");
			break;
		case MEMBER_CREATED_AT:
		case MEMBER_MODIFIED_AT:
		case MEMBER_DELETED_AT:
		case MEMBER_INSTANCE_ID:
			break;
		default:
			return err_set(x->err, ERR_INVALID, "\"%.*s\" is not allowed in a scope over time",
				       STR_FMT(body->members[i].key));
		}
	}
	return ret->value ? ERR_OK : err_set(x->err, ERR_INVALID, "a scope over time needs \"value\"");
}

/* What another broker says of a scope that was deleted. */
static bool is_deleted_scope(const struct expansion *x, const struct json *body, const struct json *value)
{
	return expand_is_deletion(x, body) && node_is_null(value);
}

static enum err_code add_scope(const struct expansion *x, const struct json *body, struct json *instances)
{
	struct scope_members said = {.value = body};
	struct json instance = {0}, scopes = {0}, time = {0};
	enum err_code code = ERR_OK;

	if (json_is(body, JSON_OBJECT)) {
		said.value = NULL;
		code = scope_members(x, body, &said);
	}
	if (!code && is_deleted_scope(x, body, said.value))
		scopes = *said.value;
	else if (!code)
		code = expand_scopes(x, said.value, &scopes);
	if (code || (code = expand_object(x, PAIR_MEMBERS + EXPAND_STAMPS, &instance)) ||
	    (code = expand_add(x, &instance, STR("type"), json_string(STR("Property")))) ||
	    (code = expand_add(x, &instance, STR("value"), scopes)))
		return code;
	if (said.observed && ((code = expand_time(x, STR("observedAt"), said.observed, &time)) ||
			      (code = expand_add(x, &instance, STR("observedAt"), time))))
		return code;
	if ((code = expand_add_stamps(x, body, &instance)) || (code = expand_add_deletion(x, body, &instance)))
		return code;
	return expand_push(x, instances, instance);
}

enum err_code expand_temporal_scope(const struct expansion *x, const struct json *body, struct json *ret)
{
	struct json instances = {0};
	bool objects = false;
	enum err_code code;

	if ((code = as_instances(x, body, &instances)))
		return code;
	for (uint32_t i = 0; json_is(&instances, JSON_ARRAY) && i < instances.count; i++)
		objects = objects || json_is(&instances.items[i], JSON_OBJECT);
	if ((code = expand_array(x, objects ? instances.count : 1, ret)))
		return code;
	if (!objects)
		code = add_scope(x, &instances, ret);
	for (uint32_t i = 0; objects && i < instances.count && !code; i++)
		code = add_scope(x, &instances.items[i], ret);
	if (code)
		(void)err_while(x->err, "reading the scope");
	return code;
}
