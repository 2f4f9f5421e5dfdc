/* Looking for what has expired in an expanded document. Recursion goes as deep as sub-attributes nest, which the
 * parser and the broker bound. */
#include "ngsild/expiry.h"

#include "base/time_value.h"

/* Every key of a document passes here, on every read: the length tells almost all of them apart. */
static const struct json *expires_of(const struct json *node)
{
	static const struct str key = {"expiresAt", 9};

	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++)
		if (node->members[i].key.len == key.len && str_eq(node->members[i].key, key))
			return &node->members[i].value;
	return NULL;
}

/* INT64_MAX: never. */
static int64_t expires_us(const struct json *node)
{
	const struct json *expires = expires_of(node);
	int64_t us;

	return expires && time_parse_iso(json_text(expires), true, &us) ? us : INT64_MAX;
}

static bool holds_instances(const struct json_member *member)
{
	return json_is(&member->value, JSON_ARRAY) && document_is_attribute(member->key);
}

static int64_t earliest_us(const struct json *node)
{
	int64_t earliest = expires_us(node);

	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++) {
		const struct json_member *member = &node->members[i];

		for (uint32_t k = 0; holds_instances(member) && k < member->value.count; k++) {
			int64_t us = earliest_us(&member->value.items[k]);

			earliest = us < earliest ? us : earliest;
		}
	}
	return earliest;
}

bool expiry_is_over(const struct json *entity, int64_t now_us)
{
	return expires_us(entity) <= now_us;
}

bool expiry_earliest(const struct json *entity, int64_t *ret_us)
{
	int64_t us = earliest_us(entity);

	if (us == INT64_MAX)
		return false;
	*ret_us = us;
	return true;
}

/* Expired instances of one attribute go. */
static bool hide_instances(struct json *instances, int64_t now_us)
{
	bool hidden = false;

	for (uint32_t k = instances->count; k-- > 0;) {
		struct json *instance = &instances->items[k];

		if (expires_us(instance) <= now_us)
			hidden = json_remove_at(instances, k) || hidden;
		else
			hidden = expiry_hide(instance, now_us) || hidden;
	}
	return hidden;
}

bool expiry_hide(struct json *entity, int64_t now_us)
{
	bool hidden = false;

	for (uint32_t i = json_is(entity, JSON_OBJECT) ? entity->count : 0; i-- > 0;) {
		struct json_member *member = &entity->members[i];

		if (!holds_instances(member) || !hide_instances(&member->value, now_us))
			continue;
		hidden = true;
		if (member->value.count == 0)
			(void)json_remove(entity, member->key);
	}
	return hidden;
}
