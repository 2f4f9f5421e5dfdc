/* What is kept of a document, and a fragment put over one.
 *
 * 5.5.8 replaces members of the outermost object as a whole, where 5.4 speaks of a merge patch: so the notification
 * of a fragment is a whole one, too. A null deeper in it only says that a member of the new object is not there. */
#include "ngsild/shape.h"

static bool keep_object(struct arena *arena, const struct shape *shape, const struct json *object, struct json *ret);

/* Recursion goes as deep as shapes nest. */
static bool keep_value(struct arena *arena, const struct rule *rule, const struct json *value, struct json *ret)
{
	if (!rule->shape) {
		*ret = *value;
		return true;
	}
	if (rule->type == RULE_OBJECT)
		return keep_object(arena, rule->shape, value, ret);
	*ret = json_array();
	for (uint32_t i = 0; i < value->count; i++) {
		struct json item;

		if (!keep_object(arena, rule->shape, &value->items[i], &item) || !json_push(arena, ret, item))
			return false;
	}
	return true;
}

static bool keep_object(struct arena *arena, const struct shape *shape, const struct json *object, struct json *ret)
{
	*ret = json_object();
	for (uint32_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		const struct rule *rule = shape_rule(shape, member->key);
		struct json kept;

		if (!rule || rule_is_null(rule, &member->value))
			continue;
		if (!keep_value(arena, rule, &member->value, &kept) || !json_add(arena, ret, rule->name, kept))
			return false;
	}
	return true;
}

enum err_code shape_keep(const struct checking *c, struct arena *arena, const struct shape *shape,
			 const struct json *document, struct json **ret_document)
{
	struct json *kept = json_new(arena, json_object());

	if (!kept || !keep_object(arena, shape, document, kept))
		return err_set(c->err, ERR_MEMORY, "no memory for %s", c->subject);
	*ret_document = kept;
	return ERR_OK;
}

/* ---- updates ---- */

static bool put_over(struct arena *arena, const struct shape *shape, struct json *document, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];
		const struct rule *rule = shape_rule(shape, member->key);
		struct json kept;

		if (!rule)
			continue;
		if (rule_is_null(rule, &member->value)) {
			(void)json_remove(document, rule->name);
			continue;
		}
		if (!keep_value(arena, rule, &member->value, &kept) || !json_set(arena, document, rule->name, kept))
			return false;
	}
	return true;
}

enum err_code shape_merge(const struct checking *c, struct arena *arena, const struct shape *shape,
			  const struct json *document, const struct json *fragment, struct json **ret_document)
{
	const struct json *id = json_get(fragment, STR("id")), *own = json_get(document, STR("id"));
	struct json *result = NULL;

	if (id && own && !json_equal(id, own))
		return err_set(c->err, ERR_INVALID, "id is \"%.*s\", but %s is %.*s", STR_FMT(json_text(id)),
			       c->subject, STR_FMT(json_text(own)));
	enum err_code code = shape_keep(c, arena, shape, document, &result);

	if (code)
		return code;
	if (!put_over(arena, shape, result, fragment))
		return err_set(c->err, ERR_MEMORY, "no memory for %s", c->subject);
	*ret_document = result;
	return ERR_OK;
}
