/* Attributes in the simplified representation (4.5.4), as a merge takes them (6.5.3.4). What kind of attribute a value
 * belongs to is not said: the attribute merged into decides, so instances have no "type" here. */
#include "ngsild/expand_int.h"

#define SIMPLIFIED_MEMBERS 3u /* value, datasetId, createdAt */

/* {"languageMap": …}, {"json": …}, {"vocab": …}: the one member's value; anything else is the value itself. */
static enum member unwrap(const struct json *body, const struct json **ret_value)
{
	*ret_value = body;
	if (!json_is(body, JSON_OBJECT) || body->count != 1)
		return MEMBER_VALUE;
	enum member member = member_of(body->members[0].key);
	const struct attribute_kind *kind = attribute_kind_of_member(member);

	if (!kind || kind->simplified != SIMPLIFIED_MEMBER)
		return MEMBER_VALUE;
	*ret_value = &body->members[0].value;
	return member;
}

static enum err_code add_instance(const struct expansion *x, struct str name, const struct json *body,
				  struct str dataset, struct json *instances)
{
	const struct json *value;
	enum member member = unwrap(body, &value);
	struct json instance = {0}, checked = {0};
	enum err_code code;

	if ((code = expand_check_proof(x, name, value)) || (code = expand_member(x, NULL, member, value, &checked)) ||
	    (code = expand_object(x, SIMPLIFIED_MEMBERS, &instance)) ||
	    (code = expand_add(x, &instance, member_name(member), checked)))
		return code;
	if (dataset.len && (code = expand_add(x, &instance, STR("datasetId"), json_string(dataset))))
		return code;
	if ((code = expand_add(x, &instance, STR("createdAt"), x->now)))
		return code;
	return expand_push(x, instances, instance);
}

/* {"dataset": {datasetId or "@none": value, …}} (4.5.4, several instances). The default one comes first. */
static enum err_code add_datasets(const struct expansion *x, struct str name, const struct json *datasets,
				  struct json *instances)
{
	const struct json *first = json_get(datasets, NGSILD_DATASET_DEFAULT);
	struct json id = {0};
	enum err_code code = ERR_OK;

	if (datasets->count == 0 || datasets->count > EXPAND_INSTANCES_MAX)
		return err_set(x->err, ERR_INVALID, "\"dataset\" has %u instances, 1 to %u may be there",
			       datasets->count, EXPAND_INSTANCES_MAX);
	if (first)
		code = add_instance(x, name, first, STR_NONE, instances);
	for (uint32_t i = 0; i < datasets->count && !code; i++) {
		const struct json_member *member = &datasets->members[i];

		if (&member->value == first)
			continue;
		struct json key = json_string(member->key);

		code = expand_member(x, NULL, MEMBER_DATASET_ID, &key, &id);
		if (!code)
			code = add_instance(x, name, &member->value, member->key, instances);
	}
	return code;
}

enum err_code expand_simplified(const struct expansion *x, struct str name, const struct json *body, struct json *ret)
{
	const struct json *datasets =
		json_is(body, JSON_OBJECT) && body->count == 1 ? json_get(body, STR("dataset")) : NULL;
	bool several = datasets && json_is(datasets, JSON_OBJECT);
	struct json instances = {0};
	enum err_code code = expand_array(x, several ? datasets->count : 1, &instances);

	if (!code)
		code = several ? add_datasets(x, name, datasets, &instances)
			       : add_instance(x, name, body, STR_NONE, &instances);
	if (!code)
		*ret = instances;
	return code;
}
