/* Names of an entity's members from one @context to another. */
#include "ngsild/entity_rename.h"

#include "ngsild/attribute_int.h"

struct renaming {
	struct arena *arena;
	const struct context *from, *to;
	bool failed;
};

static struct str renamed(struct renaming *r, struct str name)
{
	struct str iri;

	if (context_expand(r->from, r->arena, name, &iri, NULL) != ERR_OK)
		return name;
	return context_compact(r->to, r->arena, iri);
}

/* A text, or an array of texts. */
static struct json renamed_terms(struct renaming *r, const struct json *value)
{
	struct json list = json_array();

	if (json_is(value, JSON_STRING))
		return json_string(renamed(r, json_text(value)));
	if (!json_is(value, JSON_ARRAY))
		return *value;
	for (uint32_t i = 0; i < value->count; i++) {
		struct json item = json_is(&value->items[i], JSON_STRING)
					   ? json_string(renamed(r, json_text(&value->items[i])))
					   : value->items[i];

		r->failed = r->failed || !json_push(r->arena, &list, item);
	}
	return list;
}

static bool is_instance(const struct json *node)
{
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++) {
		enum member member = member_of(node->members[i].key);

		if (member_in(member, MEMBERS_VALUE) ||
		    (member == MEMBER_TYPE && attribute_kind(json_text(&node->members[i].value))))
			return true;
	}
	return false;
}

static struct json renamed_attribute(struct renaming *r, const struct json *value, unsigned int depth);

static struct json renamed_instance(struct renaming *r, const struct json *instance, unsigned int depth)
{
	struct json copy = json_object();

	for (uint32_t i = 0; i < instance->count; i++) {
		const struct json_member *member = &instance->members[i];
		enum member which = member_of(member->key);
		struct str key = member->key;
		struct json value = member->value;

		if (which == MEMBER_CONTEXT)
			continue;
		if (which == MEMBER_VOCAB || which == MEMBER_OBJECT_TYPE) {
			value = renamed_terms(r, &member->value);
		} else if (which == MEMBER_NONE) {
			key = renamed(r, key);
			value = renamed_attribute(r, &member->value, depth + 1);
		}
		r->failed = r->failed || !json_add(r->arena, &copy, key, value);
	}
	return copy;
}

/* Recursion is bounded by the parser's depth. */
static struct json renamed_attribute(struct renaming *r, const struct json *value, unsigned int depth)
{
	struct json list = json_array();

	if (depth > JSON_DEPTH_MAX)
		return *value;
	if (is_instance(value))
		return renamed_instance(r, value, depth);
	if (!json_is(value, JSON_ARRAY))
		return *value;
	for (uint32_t i = 0; i < value->count; i++)
		r->failed = r->failed || !json_push(r->arena, &list, renamed_attribute(r, &value->items[i], depth + 1));
	return list;
}

struct json *entity_rename(struct arena *arena, const struct json *body, const struct context *from,
			   const struct context *to)
{
	struct renaming r = {arena, from, to, false};
	struct json copy = json_object();

	for (uint32_t i = 0; json_is(body, JSON_OBJECT) && i < body->count; i++) {
		const struct json_member *member = &body->members[i];
		enum member which = member_of(member->key);

		if (which == MEMBER_CONTEXT)
			continue;
		if (which == MEMBER_TYPE)
			r.failed = r.failed || !json_add(arena, &copy, member->key, renamed_terms(&r, &member->value));
		else if (which == MEMBER_NONE)
			r.failed = r.failed || !json_add(arena, &copy, renamed(&r, member->key),
							 renamed_attribute(&r, &member->value, 0));
		else
			r.failed = r.failed || !json_add(arena, &copy, member->key, member->value);
	}
	return r.failed ? NULL : json_new(arena, copy);
}

struct json *attribute_rename(struct arena *arena, const struct json *body, const struct context *from,
			      const struct context *to)
{
	struct renaming r = {arena, from, to, false};
	struct json copy = renamed_attribute(&r, body, 0);

	return r.failed ? NULL : json_new(arena, copy);
}
