/* What a registration says of what is asked: no more than that may be asked of its source (4.3.6.1). */
#include "ngsild/registration_int.h"

#include <stdlib.h>

bool registration_covers(const struct registration *registration, const struct registration_entity *entity,
			 struct str attribute_iri)
{
	const struct registration_question question = {
		.entity = *entity, .attribute_iris = &attribute_iri, .attribute_count = attribute_iri.at ? 1 : 0};

	for (size_t i = 0; i < registration->info_count; i++)
		if (registration_info_matches(registration, &registration->infos[i], &question))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorted, each once; how many are left. */
static size_t sort_once(struct str *list, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !str_eq(list[kept - 1], list[i]))
			list[kept++] = list[i];
	return kept;
}

/* ---- the same in short ---- */

static bool shorten(struct arena *arena, struct registration_part *part)
{
	size_t room = 0, id_count = 0, type_count = 0;

	for (size_t i = 0; i < part->entity_count; i++)
		room += part->entities[i].type_count;
	struct str *ids = arena_array(arena, struct str, part->entity_count);
	struct str *types = arena_array(arena, struct str, room);

	if (!ids || !types)
		return false;
	for (size_t i = 0; i < part->entity_count; i++) {
		const struct registration_part_entity *entity = &part->entities[i];

		if (entity->id.at)
			ids[id_count++] = entity->id;
		for (size_t k = 0; k < entity->type_count; k++)
			types[type_count++] = entity->type_iris[k];
	}
	part->ids = ids;
	part->id_count = id_count == part->entity_count ? sort_once(ids, id_count) : 0;
	part->type_iris = types;
	part->type_count = sort_once(types, type_count);
	return true;
}

/* ---- one ---- */

static bool take_entity(struct arena *arena, const struct registered_entity *entity,
			struct registration_part_entity *ret)
{
	const struct json *list = json_get(entity->types, STR("type"));
	struct str *types = arena_array(arena, struct str, list->count);

	for (uint32_t i = 0; types && i < list->count; i++)
		types[i] = json_text(&list->items[i]);
	*ret = (struct registration_part_entity){entity->id, entity->id_pattern_text, types, list->count};
	return types != NULL;
}

static bool take_attributes(struct arena *arena, const struct registered_info *info, struct registration_part *part)
{
	struct str *list = arena_array(arena, struct str, info->attribute_count);

	if (list && info->attribute_count)
		memcpy(list, info->attributes, info->attribute_count * sizeof(*list));
	part->attribute_iris = list;
	part->attribute_count = list ? sort_once(list, info->attribute_count) : 0;
	return list != NULL;
}

static bool take_info(struct arena *arena, const struct registration *registration, const struct registered_info *info,
		      const struct registration_question *question, struct registration_part *part)
{
	struct registration_part_entity *list = arena_array(arena, struct registration_part_entity, info->entity_count);

	*part = (struct registration_part){.entities = list};
	if (!list)
		return false;
	for (size_t i = 0; i < info->entity_count; i++)
		if (registration_entity_matches(registration, &info->entities[i], question) &&
		    !take_entity(arena, &info->entities[i], &list[part->entity_count++]))
			return false;
	return take_attributes(arena, info, part) && shorten(arena, part);
}

bool registration_parts(struct arena *arena, const struct registration *registration,
			const struct registration_question *question, struct registration_part **ret_parts,
			size_t *ret_count)
{
	struct registration_part *parts = arena_array(arena, struct registration_part, registration->info_count);
	size_t count = 0;

	for (size_t i = 0; parts && i < registration->info_count; i++) {
		const struct registered_info *info = &registration->infos[i];

		if (registration_info_matches(registration, info, question) &&
		    !take_info(arena, registration, info, question, &parts[count++]))
			return false;
	}
	*ret_parts = parts;
	*ret_count = count;
	return parts != NULL;
}

/* ---- all as one ---- */

/* Where one of them is not restricted, all are not. */
static void weigh(const struct registration_part *parts, size_t count, size_t *ret_entities, size_t *ret_attributes)
{
	bool entities = count > 0, attributes = count > 0;

	*ret_entities = *ret_attributes = 0;
	for (size_t i = 0; i < count; i++) {
		entities = entities && parts[i].entity_count > 0;
		attributes = attributes && parts[i].attribute_count > 0;
		*ret_entities += parts[i].entity_count;
		*ret_attributes += parts[i].attribute_count;
	}
	*ret_entities = entities ? *ret_entities : 0;
	*ret_attributes = attributes ? *ret_attributes : 0;
}

bool registration_parts_join(struct arena *arena, const struct registration_part *parts, size_t count,
			     struct registration_part *ret)
{
	size_t entity_room, attribute_room;

	weigh(parts, count, &entity_room, &attribute_room);
	struct registration_part_entity *entities = arena_array(arena, struct registration_part_entity, entity_room);
	struct str *attributes = arena_array(arena, struct str, attribute_room);
	struct registration_part all = {.entities = entities, .attribute_iris = attributes};

	if (!entities || !attributes)
		return false;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; entity_room && k < parts[i].entity_count; k++)
			entities[all.entity_count++] = parts[i].entities[k];
		for (size_t k = 0; attribute_room && k < parts[i].attribute_count; k++)
			attributes[all.attribute_count++] = parts[i].attribute_iris[k];
	}
	all.attribute_count = sort_once(attributes, all.attribute_count);
	if (!shorten(arena, &all))
		return false;
	*ret = all;
	return true;
}
