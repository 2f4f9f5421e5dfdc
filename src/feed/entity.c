/* Building expanded entity documents as trees. */
#include "feed/entity_int.h"

void entity_begin_fragment(struct entity *entity, struct arena *arena, int64_t now_us)
{
	*entity = (struct entity){
		.arena = arena, .root = json_object(), .created = json_int(arena, now_us), .observed = json_null()};
	entity->failed = entity->created.kind == JSON_NULL;
}

void entity_begin(struct entity *entity, struct arena *arena, struct str id, struct str type_iri, int64_t now_us)
{
	entity_begin_fragment(entity, arena, now_us);
	struct json types = json_array();

	entity_push(entity, &types, json_string(type_iri));
	entity_member(entity, &entity->root, STR("id"), json_string(id));
	entity_member(entity, &entity->root, STR("type"), types);
	entity_member(entity, &entity->root, STR("createdAt"), entity->created);
}

void entity_expect(struct entity *entity, uint32_t attributes)
{
	uint32_t room = entity->root.count + attributes;
	struct json_member *members = arena_array(entity->arena, struct json_member, room);

	if (!members) {
		entity->failed = true;
		return;
	}
	for (uint32_t i = 0; i < entity->root.count; i++)
		members[i] = entity->root.members[i];
	entity->root.members = members;
	entity->root.room = room;
}

struct json entity_array(struct entity *entity, uint32_t count)
{
	struct json array = json_array();

	if (count == 0)
		return array;
	array.items = arena_array(entity->arena, struct json, count);
	if (array.items)
		array.room = count;
	else
		entity->failed = true;
	return array;
}

void entity_push(struct entity *entity, struct json *array, struct json item)
{
	if (!json_push(entity->arena, array, item))
		entity->failed = true;
}

void entity_member(struct entity *entity, struct json *object, struct str key, struct json value)
{
	if (!json_add(entity->arena, object, key, value))
		entity->failed = true;
}

/* One instance: its kind, its value under the kind's member, the unit and times. */
static void add_instance(struct entity *entity, struct str iri, struct str kind, struct str member, struct json value,
			 struct str unit_code)
{
	struct json instance = json_object(), instances = entity_array(entity, 1);
	bool observed = entity->observed.kind != JSON_NULL;
	uint32_t room = 3u + observed + (unit_code.len != 0);

	/* The makers of numbers give null when the arena refuses. */
	if (value.kind == JSON_NULL)
		entity->failed = true;
	instance.members = arena_array(entity->arena, struct json_member, room);
	if (instance.members)
		instance.room = room;
	entity_member(entity, &instance, STR("type"), json_string(kind));
	entity_member(entity, &instance, member, value);
	if (observed)
		entity_member(entity, &instance, STR("observedAt"), entity->observed);
	if (unit_code.len)
		entity_member(entity, &instance, STR("unitCode"), json_string(unit_code));
	entity_member(entity, &instance, STR("createdAt"), entity->created);
	entity_push(entity, &instances, instance);
	entity_member(entity, &entity->root, iri, instances);
}

void entity_property(struct entity *entity, struct str iri, struct json value)
{
	add_instance(entity, iri, STR("Property"), STR("value"), value, STR_NONE);
}

void entity_text(struct entity *entity, struct str iri, struct str value)
{
	if (value.len)
		entity_property(entity, iri, json_string(value));
}

void entity_number(struct entity *entity, struct str iri, int64_t value)
{
	entity_property(entity, iri, json_int(entity->arena, value));
}

void entity_with_unit(struct entity *entity, struct str iri, struct json value, struct str unit_code)
{
	add_instance(entity, iri, STR("Property"), STR("value"), value, unit_code);
}

void entity_list(struct entity *entity, struct str iri, struct json items)
{
	add_instance(entity, iri, STR("ListProperty"), STR("valueList"), items, STR_NONE);
}

void entity_relationship(struct entity *entity, struct str iri, struct str target)
{
	if (!target.at)
		entity->failed = true;
	add_instance(entity, iri, STR("Relationship"), STR("object"), json_string(target), STR_NONE);
}

void entity_relationships(struct entity *entity, struct str iri, struct json targets)
{
	add_instance(entity, iri, STR("Relationship"), STR("object"), targets, STR_NONE);
}

void entity_languages(struct entity *entity, struct str iri, struct json map)
{
	add_instance(entity, iri, STR("LanguageProperty"), STR("languageMap"), map, STR_NONE);
}

void entity_geo(struct entity *entity, struct str iri, struct json geometry)
{
	add_instance(entity, iri, STR("GeoProperty"), STR("value"), geometry, STR_NONE);
}

struct json entity_coordinates(struct entity *entity, struct geo_point place, int decimals)
{
	struct json pair = entity_array(entity, 2);
	struct json lon = json_decimal(entity->arena, place.lon, decimals);
	struct json lat = json_decimal(entity->arena, place.lat, decimals);

	if (lon.kind == JSON_NULL || lat.kind == JSON_NULL)
		entity->failed = true;
	entity_push(entity, &pair, lon);
	entity_push(entity, &pair, lat);
	return pair;
}

struct json entity_point(struct entity *entity, struct geo_point place, int decimals)
{
	struct json point = json_object();

	entity_member(entity, &point, STR("type"), json_string(STR("Point")));
	entity_member(entity, &point, STR("coordinates"), entity_coordinates(entity, place, decimals));
	return point;
}

struct json *entity_done(struct entity *entity)
{
	struct json *root = entity->failed ? NULL : json_new(entity->arena, entity->root);

	return root;
}
