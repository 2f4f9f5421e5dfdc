/* Merging an entity's own members (type, scope, expiresAt), and what a fragment must not say. */
#include "ngsild/merge_int.h"

#include "ngsild/expand.h"

static bool has_text(const struct json *array, struct str text)
{
	for (uint32_t i = 0; json_is(array, JSON_ARRAY) && i < array->count; i++)
		if (str_eq(json_text(&array->items[i]), text))
			return true;
	return false;
}

bool merge_same_texts(const struct json *a, const struct json *b)
{
	if (!a || !b)
		return !a && !b;
	if (!json_is(a, JSON_ARRAY) || !json_is(b, JSON_ARRAY) || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!has_text(b, json_text(&a->items[i])))
			return false;
	return true;
}

static enum err_code add_texts(struct merge *m, struct str key, const struct json *texts, uint32_t count_max,
			       bool *ret_changed)
{
	struct json *array = json_get(m->entity, key);

	for (uint32_t i = 0; json_is(texts, JSON_ARRAY) && i < texts->count; i++) {
		if (has_text(array, json_text(&texts->items[i])))
			continue;
		if (!array)
			array = json_add(m->arena, m->entity, key, json_array());
		if (array && array->count >= count_max)
			return err_set(m->err, ERR_INVALID, "\"%.*s\" would have more than %u items", STR_FMT(key),
				       count_max);
		if (!array || !json_push(m->arena, array, texts->items[i]))
			return merge_no_memory(m);
		*ret_changed = true;
	}
	return ERR_OK;
}

enum err_code merge_types(struct merge *m, const struct json *types)
{
	return add_texts(m, STR("type"), types, EXPAND_TYPES_MAX, &m->result.type_changed);
}

enum err_code merge_scope(struct merge *m, enum merge_rule rule, const struct json *scope)
{
	const struct json *own = json_get(m->entity, STR("scope"));

	if (!scope || (rule == RULE_UPDATE && !own)) /* 5.6.2: only a scope that is there is replaced */
		return ERR_OK;
	if (node_is_null(scope)) {
		m->result.scope_changed = json_remove(m->entity, STR("scope"));
		return ERR_OK;
	}
	if (rule == RULE_APPEND_ONLY)
		return add_texts(m, STR("scope"), scope, EXPAND_SCOPES_MAX, &m->result.scope_changed);
	if (merge_same_texts(own, scope))
		return ERR_OK;
	if (!json_set(m->arena, m->entity, STR("scope"), *scope))
		return merge_no_memory(m);
	m->result.scope_changed = true;
	return ERR_OK;
}

enum err_code merge_expiry(struct merge *m, enum merge_rule rule, const struct json *expires)
{
	const struct json *own = json_get(m->entity, STR("expiresAt"));

	if (!expires || (own && rule == RULE_APPEND_ONLY) || (own && json_equal(own, expires)))
		return ERR_OK;
	if (node_is_null(expires)) {
		m->result.changed = json_remove(m->entity, STR("expiresAt")) || m->result.changed;
		return ERR_OK;
	}
	if (!json_set(m->arena, m->entity, STR("expiresAt"), *expires))
		return merge_no_memory(m);
	m->result.changed = true;
	return ERR_OK;
}

enum err_code merge_check_id(const struct merge *m, const struct json *fragment)
{
	const struct json *id = json_get(fragment, STR("id"));

	if (id && !str_eq(json_text(id), document_id(m->entity)))
		return err_set(m->err, ERR_INVALID, "\"id\" is \"%.*s\", but the entity is %.*s",
			       STR_FMT(json_text(id)), STR_FMT(document_id(m->entity)));
	return ERR_OK;
}

/* Is there a Null anywhere in an instance or its sub-attributes? */
static bool holds_null(const struct json *instance)
{
	if (instance_is_null(instance))
		return true;
	for (uint32_t i = 0; i < instance->count; i++) {
		const struct json *value = &instance->members[i].value;

		if (node_is_null(value))
			return true;
		for (uint32_t k = 0; document_is_attribute(instance->members[i].key) && k < value->count; k++)
			if (holds_null(&value->items[k]))
				return true;
	}
	return false;
}

enum err_code merge_check_no_null(const struct merge *m, const struct json *fragment)
{
	for (uint32_t i = 0; i < fragment->count; i++) {
		const struct json_member *member = &fragment->members[i];
		bool found = node_is_null(&member->value);

		for (uint32_t k = 0; document_is_attribute(member->key) && k < member->value.count; k++)
			found = found || holds_null(&member->value.items[k]);
		if (found)
			return err_set(m->err, ERR_INVALID, "%.*s: \"urn:ngsi-ld:null\" deletes in an update only",
				       STR_FMT(member->key));
	}
	return ERR_OK;
}
