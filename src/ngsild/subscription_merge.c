/* What is kept of a subscription's document, and updates of it.
 *
 * 5.5.8 replaces members of the outermost object as a whole, where 5.4 speaks of a merge patch: so the notification
 * of a fragment is a whole one, too. A null deeper in it only says that a member of the new object is not there. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/subscription_int.h"

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

enum err_code subscription_keep(struct arena *arena, const struct json *document, struct json **ret_document,
				struct error *err)
{
	struct json *kept = json_new(arena, json_object());

	if (!kept || !keep_object(arena, &subscription_shape, document, kept))
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	*ret_document = kept;
	return ERR_OK;
}

/* ---- updates ---- */

static bool put_over(struct arena *arena, struct json *document, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];
		const struct rule *rule = shape_rule(&subscription_shape, member->key);
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

static bool has_expired(const struct json *document, int64_t now_us)
{
	int64_t expires_us;

	return time_parse_iso(json_text(json_get(document, STR("expiresAt"))), false, &expires_us) &&
	       expires_us <= now_us;
}

/* 5.8.2.4: of an expired subscription a new expiresAt alone makes an active one, also of one that was paused. */
static void revive(struct json *result, const struct json *document, const struct json *fragment, int64_t now_us)
{
	const struct json *expires = json_get(fragment, STR("expiresAt"));
	struct json *active = json_get(result, STR("isActive"));

	if (active && json_is(expires, JSON_STRING) && !node_is_null(expires) && !json_get(fragment, STR("isActive")) &&
	    has_expired(document, now_us))
		*active = json_bool(true);
}

enum err_code subscription_merge(struct arena *arena, const struct json *document, const struct json *fragment,
				 int64_t now_us, struct json **ret_document, struct error *err)
{
	const struct checking whole = {false, INT64_MIN, err}; /* what has expired may be updated */
	const struct json *id = json_get(fragment, STR("id")), *own = json_get(document, STR("id"));
	struct json *result = NULL;

	if (id && own && !json_equal(id, own))
		return err_set(err, ERR_INVALID, "id is \"%.*s\", but the subscription is %.*s", STR_FMT(json_text(id)),
			       STR_FMT(json_text(own)));
	enum err_code code = subscription_keep(arena, document, &result, err);

	if (code)
		return code;
	if (!put_over(arena, result, fragment))
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	revive(result, document, fragment, now_us);
	code = shape_check(&whole, &subscription_shape, NULL, result);
	if (code == ERR_OK)
		code = subscription_check_whole(&whole, result);
	if (code == ERR_OK)
		*ret_document = result;
	return code;
}
