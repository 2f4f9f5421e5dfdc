/* Reading and building trees. Nodes are values of 32 bytes; only containers own memory, in the arena. */
#include "json/json.h"

#include <assert.h>
#include <string.h>

#define ROOM_MIN 4u

static struct json_member *find(const struct json *object, struct str key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (uint32_t i = 0; i < object->count; i++) {
		struct json_member *member = &object->members[i];

		if (member->key.len != key.len)
			continue;
		/* The first letter tells most names of one length apart, without a call. */
		if (key.len == 0 || (member->key.at[0] == key.at[0] && memcmp(member->key.at, key.at, key.len) == 0))
			return member;
	}
	return NULL;
}

struct json *json_get(const struct json *object, struct str key)
{
	struct json_member *member = find(object, key);

	return member ? &member->value : NULL;
}

struct json *json_at(const struct json *array, size_t index)
{
	return json_is(array, JSON_ARRAY) && index < array->count ? &array->items[index] : NULL;
}

/* ---- building ---- */

struct json json_null(void)
{
	return (struct json){.kind = JSON_NULL};
}

struct json json_bool(bool value)
{
	return (struct json){.kind = JSON_BOOL, .boolean = value};
}

struct json json_string(struct str text)
{
	assert(text.len <= UINT32_MAX);
	return (struct json){.kind = JSON_STRING, .count = (uint32_t)text.len, .text = text.at ? text.at : ""};
}

struct json json_array(void)
{
	return (struct json){.kind = JSON_ARRAY};
}

struct json json_object(void)
{
	return (struct json){.kind = JSON_OBJECT};
}

struct json *json_new(struct arena *arena, struct json value)
{
	struct json *node = arena_alloc(arena, sizeof(*node));

	if (node)
		*node = value;
	return node;
}

/* Doubles the children's memory when it is full; the old piece stays in the arena until that goes. */
static bool make_room(struct arena *arena, struct json *parent, size_t child_bytes)
{
	if (parent->count < parent->room)
		return true;
	if (parent->room > UINT32_MAX / 2)
		return false;
	uint32_t room = parent->room < ROOM_MIN ? ROOM_MIN : parent->room * 2;
	void *children = arena_array_alloc(arena, room, child_bytes);

	if (!children)
		return false;
	if (parent->count)
		memcpy(children, parent->items, parent->count * child_bytes);
	parent->items = children;
	parent->room = room;
	return true;
}

struct json *json_push(struct arena *arena, struct json *array, struct json value)
{
	assert(array->kind == JSON_ARRAY);
	if (!make_room(arena, array, sizeof(struct json)))
		return NULL;
	struct json *item = &array->items[array->count++];

	*item = value;
	return item;
}

struct json *json_add(struct arena *arena, struct json *object, struct str key, struct json value)
{
	assert(object->kind == JSON_OBJECT);
	if (!make_room(arena, object, sizeof(struct json_member)))
		return NULL;
	struct json_member *member = &object->members[object->count++];

	*member = (struct json_member){.key = {key.at ? key.at : "", key.len}, .value = value};
	return &member->value;
}

struct json *json_set(struct arena *arena, struct json *object, struct str key, struct json value)
{
	struct json_member *member = find(object, key);

	if (!member)
		return json_add(arena, object, key, value);
	member->value = value;
	return &member->value;
}

bool json_remove(struct json *object, struct str key)
{
	struct json_member *member = find(object, key);

	if (!member)
		return false;
	object->count--;
	memmove(member, member + 1, (size_t)(object->members + object->count - member) * sizeof(*member));
	return true;
}

bool json_remove_at(struct json *array, size_t index)
{
	struct json *item = json_at(array, index);

	if (!item)
		return false;
	array->count--;
	memmove(item, item + 1, (array->count - index) * sizeof(*item));
	return true;
}

static bool dup_text(struct arena *arena, const char **text, size_t len)
{
	struct str copy = arena_dup(arena, (struct str){*text, len});

	*text = copy.at;
	return copy.at != NULL;
}

static bool dup_into(struct arena *arena, struct json *to, const struct json *from)
{
	*to = *from;
	switch (from->kind) {
	case JSON_NUMBER:
	case JSON_STRING:
		return dup_text(arena, &to->text, from->count);
	case JSON_ARRAY:
		to->room = from->count;
		to->items = arena_array(arena, struct json, from->count);
		if (!to->items)
			return false;
		for (uint32_t i = 0; i < from->count; i++)
			if (!dup_into(arena, &to->items[i], &from->items[i]))
				return false;
		return true;
	case JSON_OBJECT:
		to->room = from->count;
		to->members = arena_array(arena, struct json_member, from->count);
		if (!to->members)
			return false;
		for (uint32_t i = 0; i < from->count; i++) {
			to->members[i].key = from->members[i].key;
			if (!dup_text(arena, &to->members[i].key.at, from->members[i].key.len) ||
			    !dup_into(arena, &to->members[i].value, &from->members[i].value))
				return false;
		}
		return true;
	default:
		return true;
	}
}

static bool dup_nodes_into(struct arena *arena, struct json *to, const struct json *from)
{
	bool object = from->kind == JSON_OBJECT, good = true;

	*to = *from;
	if (!object && from->kind != JSON_ARRAY)
		return true;
	to->room = from->count;
	if (object) {
		to->members = arena_array(arena, struct json_member, from->count);
		if (!to->members)
			return false;
	} else {
		to->items = arena_array(arena, struct json, from->count);
		if (!to->items)
			return false;
	}
	for (uint32_t i = 0; good && i < from->count; i++) {
		if (object)
			to->members[i].key = from->members[i].key;
		good = object ? dup_nodes_into(arena, &to->members[i].value, &from->members[i].value)
			      : dup_nodes_into(arena, &to->items[i], &from->items[i]);
	}
	return good;
}

struct json *json_dup_nodes(struct arena *arena, const struct json *node)
{
	struct json *copy = json_new(arena, json_null());

	return copy && dup_nodes_into(arena, copy, node) ? copy : NULL;
}

struct json *json_dup(struct arena *arena, const struct json *node)
{
	struct json *copy = json_new(arena, json_null());

	return copy && dup_into(arena, copy, node) ? copy : NULL;
}
