/* What proxied registrations keep to themselves (4.3.6.3, 5.9.2.4): against each other, and against entities held here.
 *
 * An exclusive one claims attributes of entities by their ids alone, whatever types it names: "no further exclusive or
 * redirect registrations … for that same combination of Entity ID and Attributes". A redirect one claims the entities
 * that it describes, by type and id or pattern, and of these the attributes that it names, or all. */
#include "ngsild/query_pattern.h"
#include "ngsild/registration_int.h"

/* ---- against each other ---- */

static bool share_type(const struct json *ones, const struct json *others)
{
	const struct json *list = json_get(ones, STR("type"));

	for (uint32_t i = 0; i < list->count; i++)
		if (document_has_type(others, json_text(&list->items[i])))
			return true;
	return false;
}

/* Does what another registration says of entities cover this one, which has an id? */
static bool covers(const struct registered_entity *other, const struct registered_entity *entity)
{
	if (other->id.at)
		return str_eq(other->id, entity->id);
	return (!other->id_pattern || pattern_matches(other->id_pattern, entity->id)) &&
	       share_type(other->types, entity->types);
}

static bool share_entity(const struct registered_info *exclusive, const struct registered_info *other)
{
	for (size_t i = 0; i < exclusive->entity_count; i++)
		for (size_t k = 0; k < other->entity_count; k++)
			if (covers(&other->entities[k], &exclusive->entities[i]))
				return true;
	return other->entity_count == 0;
}

/* Both are sorted. */
static bool share_attribute(const struct registered_info *one, const struct registered_info *other)
{
	size_t i = 0, k = 0;

	while (i < one->attribute_count && k < other->attribute_count) {
		int difference = str_cmp(one->attributes[i], other->attributes[k]);

		if (difference == 0)
			return true;
		if (difference < 0)
			i++;
		else
			k++;
	}
	return one->attribute_count == 0 || other->attribute_count == 0;
}

static bool excludes(const struct registration *keeper, const struct registration *intruder)
{
	for (size_t i = 0; i < keeper->info_count; i++)
		for (size_t k = 0; k < intruder->info_count; k++)
			if (share_attribute(&keeper->infos[i], &intruder->infos[k]) &&
			    share_entity(&keeper->infos[i], &intruder->infos[k]))
				return true;
	return false;
}

static bool is_proxied(const struct registration *r)
{
	return r->mode == REGISTRATION_EXCLUSIVE || r->mode == REGISTRATION_REDIRECT;
}

bool registration_conflicts(const struct registration *one, const struct registration *other)
{
	if (!is_proxied(one) || !is_proxied(other))
		return false;
	if (one->mode == REGISTRATION_EXCLUSIVE)
		return excludes(one, other);
	return other->mode == REGISTRATION_EXCLUSIVE && excludes(other, one);
}

/* ---- against entities ---- */

static bool has_all_types(const struct json *entity, const struct json *types)
{
	const struct json *list = json_get(types, STR("type"));

	for (uint32_t i = 0; i < list->count; i++)
		if (!document_has_type(entity, json_text(&list->items[i])))
			return false;
	return true;
}

static bool describes(const struct registered_entity *registered, enum registration_mode mode,
		      const struct json *entity)
{
	struct str id = document_id(entity);

	if (registered->id.at && !str_eq(registered->id, id))
		return false;
	if (registered->id_pattern && !pattern_matches(registered->id_pattern, id))
		return false;
	return mode == REGISTRATION_EXCLUSIVE || has_all_types(entity, registered->types);
}

static bool has_attribute(const struct registered_info *info, const struct json *entity)
{
	for (size_t i = 0; i < info->attribute_count; i++)
		if (json_get(entity, info->attributes[i]))
			return true;
	return info->attribute_count == 0;
}

static bool info_claims(const struct registered_info *info, enum registration_mode mode, const struct json *entity)
{
	bool described = info->entity_count == 0;

	for (size_t i = 0; !described && i < info->entity_count; i++)
		described = describes(&info->entities[i], mode, entity);
	return described && has_attribute(info, entity);
}

bool registration_claims(const struct registration *registration, const struct json *entity)
{
	for (size_t i = 0; is_proxied(registration) && i < registration->info_count; i++)
		if (info_claims(&registration->infos[i], registration->mode, entity))
			return true;
	return false;
}

void registration_claim(const struct registration *registration, struct registration_claim *ret)
{
	*ret = registration->claim;
}
