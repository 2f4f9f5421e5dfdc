/* JSON Merge Patch (RFC 7396, section 2) on values, with NGSI-LD Null where the RFC has null: JSON's own null is a
 * value like others here, which only a JsonProperty or a JSON literal may hold.
 *
 * An object is merged member by member, anything else replaces; what is merged into nothing loses its Nulls on the way.
 * Members keep the target's order, new ones follow. Large objects are looked up by a map, so that two of n members cost
 * n steps and not n². Recursion is bounded by the parser's depth. */
#include "ngsild/merge_int.h"

#include "base/map.h"

#define FEW_MEMBERS 16u /* so few are compared one by one */

struct patch_object {
	const struct json *patch;
	struct map map; /* of the patch's members by their keys; unused for few */
	bool *met; /* by member: the target has it */
};

static bool is_literal(const struct json *value)
{
	return str_eq(json_text(json_get(value, STR("@type"))), STR("@json"));
}

static bool patch_open(struct arena *arena, const struct json *patch, struct patch_object *ret)
{
	struct patch_object object = {.patch = patch};
	bool good = true;

	map_init(&object.map, 0);
	object.met = arena_zalloc(arena, patch->count * sizeof(*object.met));
	for (uint32_t i = 0; patch->count > FEW_MEMBERS && i < patch->count && good; i++)
		good = map_set(&object.map, patch->members[i].key, &patch->members[i]);
	*ret = object;
	return good && object.met;
}

/* The patch's member of this key; NULL when it says nothing of it. */
static const struct json_member *patch_member(const struct patch_object *object, struct str key)
{
	if (object->patch->count > FEW_MEMBERS)
		return map_get(&object->map, key);
	for (uint32_t i = 0; i < object->patch->count; i++)
		if (str_eq(object->patch->members[i].key, key))
			return &object->patch->members[i];
	return NULL;
}

static bool merge_member(struct arena *arena, const struct json *target, const struct json_member *patch,
			 bool literal_whole, struct json *object)
{
	struct json merged = {0};

	if (node_is_null(&patch->value))
		return true;
	return merge_json(arena, target, &patch->value, literal_whole, &merged) &&
	       json_add(arena, object, patch->key, merged);
}

static bool merge_members(struct arena *arena, const struct json *target, struct patch_object *patch,
			  bool literal_whole, struct json *object)
{
	for (uint32_t i = 0; target && json_is(target, JSON_OBJECT) && i < target->count; i++) {
		const struct json_member *own = &target->members[i], *over = patch_member(patch, own->key);

		if (over)
			patch->met[over - patch->patch->members] = true;
		if (over ? !merge_member(arena, &own->value, over, literal_whole, object)
			 : !json_add(arena, object, own->key, own->value))
			return false;
	}
	for (uint32_t i = 0; i < patch->patch->count; i++)
		if (!patch->met[i] && !merge_member(arena, NULL, &patch->patch->members[i], literal_whole, object))
			return false;
	return true;
}

bool merge_json(struct arena *arena, const struct json *target, const struct json *patch, bool literal_whole,
		struct json *ret)
{
	struct json object = json_object();
	struct patch_object opened;

	if (literal_whole && is_literal(target)) /* one value: nothing of it is merged into */
		target = NULL;
	if (!json_is(patch, JSON_OBJECT) || (literal_whole && is_literal(patch))) {
		*ret = *patch;
		return true;
	}
	bool good = patch_open(arena, patch, &opened) && merge_members(arena, target, &opened, literal_whole, &object);

	map_done(&opened.map);
	*ret = object;
	return good;
}
