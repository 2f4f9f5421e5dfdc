/* Versions of one entity put together. */
#include "ngsild/union.h"

#include "base/map.h"
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/expiry.h"

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory to put an entity together");
}

static bool time_of(const struct json *node, struct str key, int64_t *ret_us)
{
	return time_parse_iso(json_text(json_get(node, key)), false, ret_us);
}

/* ---- which of two instances stays (4.5.5.3) ---- */

static bool is_over(const struct json *instance, int64_t now_us)
{
	int64_t us;

	return time_of(instance, STR("expiresAt"), &us) && us <= now_us;
}

/* Is other more current than what is there? */
static bool is_later(const struct json *there, const struct json *other)
{
	int64_t there_us, other_us;
	bool there_observed = time_of(there, STR("observedAt"), &there_us);
	bool other_observed = time_of(other, STR("observedAt"), &other_us);

	if (there_observed != other_observed)
		return other_observed;
	if (there_observed && there_us != other_us)
		return other_us > there_us;
	return document_modified_us(other) > document_modified_us(there);
}

/* ---- arrays of texts: types, scopes ---- */

static bool has_text(const struct json *array, struct str text)
{
	for (uint32_t i = 0; i < array->count; i++)
		if (str_eq(json_text(&array->items[i]), text))
			return true;
	return false;
}

static enum err_code add_texts(struct arena *arena, struct json *entity, struct str key, const struct json *texts,
			       struct error *err)
{
	struct json *have = json_get(entity, key);

	if (!json_is(texts, JSON_ARRAY))
		return ERR_OK;
	if (!have)
		have = json_set(arena, entity, key, json_array());
	for (uint32_t i = 0; have && i < texts->count; i++)
		if (!has_text(have, json_text(&texts->items[i])) && !json_push(arena, have, texts->items[i]))
			have = NULL;
	return have ? ERR_OK : no_memory(err);
}

/* ---- stamps and expiry ---- */

static void stamp_put(struct arena *arena, struct json *entity, struct str key, int64_t us)
{
	(void)json_set(arena, entity, key, json_int(arena, us));
}

/* Made when the first of them was, changed when the last was; 0 stands for not known. */
static void add_stamps(struct arena *arena, struct json *entity, const struct json *other)
{
	int64_t created_us = document_created_us(entity), modified_us = document_modified_us(entity);
	int64_t other_us = document_created_us(other), other_modified_us = document_modified_us(other);

	if (other_us && (!created_us || other_us < created_us))
		created_us = other_us;
	if (other_modified_us > modified_us)
		modified_us = other_modified_us;
	stamp_put(arena, entity, STR("createdAt"), created_us);
	if (modified_us != created_us)
		stamp_put(arena, entity, STR("modifiedAt"), modified_us);
	else
		(void)json_remove(entity, STR("modifiedAt"));
}

/* 4.5.5.2: what the entity says of its end is said of each attribute that would end later, or never. */
static enum err_code expiry_to_attributes(struct arena *arena, struct json *entity, struct error *err)
{
	const struct json *own = json_get(entity, STR("expiresAt"));
	int64_t end_us, us;

	if (!own || !time_of(entity, STR("expiresAt"), &end_us))
		return ERR_OK;
	for (uint32_t i = 0; i < entity->count; i++) {
		struct json *instances = &entity->members[i].value;

		if (!document_is_attribute(entity->members[i].key) || !json_is(instances, JSON_ARRAY))
			continue;
		for (uint32_t j = 0; j < instances->count; j++) {
			struct json *instance = &instances->items[j];

			if (time_of(instance, STR("expiresAt"), &us) && us <= end_us)
				continue;
			if (!json_set(arena, instance, STR("expiresAt"), *own))
				return no_memory(err);
		}
	}
	return ERR_OK;
}

static bool same_expiry(const struct json *a, const struct json *b)
{
	int64_t a_us = INT64_MAX, b_us = INT64_MAX;

	(void)time_of(a, STR("expiresAt"), &a_us);
	(void)time_of(b, STR("expiresAt"), &b_us);
	return a_us == b_us;
}

/* 4.5.5.3: none as soon as one version has none, else the latest. */
static enum err_code add_expiry(struct arena *arena, struct json *entity, const struct json *other, struct error *err)
{
	const struct json *theirs = json_get(other, STR("expiresAt"));
	int64_t us, their_us;

	if (!json_get(entity, STR("expiresAt")))
		return ERR_OK;
	if (!theirs) {
		(void)json_remove(entity, STR("expiresAt"));
		return ERR_OK;
	}
	if (time_of(entity, STR("expiresAt"), &us) && time_of(other, STR("expiresAt"), &their_us) && their_us <= us)
		return ERR_OK;
	return json_set(arena, entity, STR("expiresAt"), *theirs) ? ERR_OK : no_memory(err);
}

/* ---- attributes ---- */

static uint32_t same_dataset(const struct json *instances, const struct json *instance)
{
	uint32_t i = 0;

	while (i < instances->count && !str_eq(instance_dataset(&instances->items[i]), instance_dataset(instance)))
		i++;
	return i;
}

/* The default instance stands first (document.h). */
static enum err_code put_instance(struct arena *arena, struct json *instances, const struct json *instance,
				  struct error *err)
{
	if (!json_push(arena, instances, *instance))
		return no_memory(err);
	for (uint32_t i = instances->count - 1; i > 0 && !instance_dataset(instance).len; i--) {
		struct json moved = instances->items[i - 1];

		instances->items[i - 1] = instances->items[i];
		instances->items[i] = moved;
	}
	return ERR_OK;
}

static enum err_code add_attribute(struct arena *arena, struct json *entity, const struct json_member *attribute,
				   int64_t now_us, struct error *err)
{
	struct json *instances = json_get(entity, attribute->key);
	enum err_code code = ERR_OK;

	if (!instances)
		return json_add(arena, entity, attribute->key, attribute->value) ? ERR_OK : no_memory(err);
	for (uint32_t i = 0; code == ERR_OK && i < attribute->value.count; i++) {
		const struct json *instance = &attribute->value.items[i];
		uint32_t at = same_dataset(instances, instance);

		if (at == instances->count)
			code = put_instance(arena, instances, instance, err);
		else if (!is_over(instance, now_us) && is_later(&instances->items[at], instance))
			instances->items[at] = *instance;
	}
	return code;
}

static enum err_code add_version(struct arena *arena, struct json *entity, const struct union_version *version,
				 int64_t now_us, struct error *err)
{
	const struct json *other = version->entity;
	uint32_t own_count = entity->count;
	enum err_code code = add_texts(arena, entity, STR("type"), json_get(other, STR("type")), err);

	if (code == ERR_OK)
		code = add_texts(arena, entity, STR("scope"), json_get(other, STR("scope")), err);
	if (code == ERR_OK && !version->auxiliary) {
		code = add_expiry(arena, entity, other, err);
		add_stamps(arena, entity, other);
	}
	for (uint32_t i = 0; code == ERR_OK && i < other->count; i++) {
		const struct json_member *member = &other->members[i];

		if (!document_is_attribute(member->key) || !json_is(&member->value, JSON_ARRAY))
			continue;
		if (version->auxiliary && own_count > 0 && json_get(entity, member->key))
			continue;
		code = add_attribute(arena, entity, member, now_us, err);
	}
	return code;
}

/* ---- all of it ---- */

/* Those that count, in their order. */
static size_t versions_alive(const struct union_version *versions, size_t count, int64_t now_us,
			     struct union_version *ret)
{
	size_t alive = 0;

	for (size_t i = 0; i < count; i++) {
		if (expiry_is_over(versions[i].entity, now_us))
			continue;
		(void)expiry_hide(versions[i].entity, now_us);
		ret[alive++] = versions[i];
	}
	return alive;
}

/* An end of which not all of them know is one of their attributes alone. */
static enum err_code expiries_settle(struct arena *arena, const struct union_version *versions, size_t count,
				     struct error *err)
{
	bool same = true;
	enum err_code code = ERR_OK;

	for (size_t i = 1; i < count; i++)
		same = same && same_expiry(versions[0].entity, versions[i].entity);
	for (size_t i = 0; code == ERR_OK && !same && i < count; i++)
		code = expiry_to_attributes(arena, versions[i].entity, err);
	return code;
}

enum err_code union_entity(struct arena *arena, const struct union_version *versions, size_t count, int64_t now_us,
			   struct json **ret_entity, struct error *err)
{
	struct union_version *alive = arena_array(arena, struct union_version, count);

	if (!alive)
		return no_memory(err);
	count = versions_alive(versions, count, now_us, alive);
	*ret_entity = NULL;
	if (count == 0)
		return ERR_OK;
	enum err_code code = expiries_settle(arena, alive, count, err);
	struct json *entity = alive[0].entity;

	for (size_t i = 1; code == ERR_OK && i < count; i++)
		code = add_version(arena, entity, &alive[i], now_us, err);
	if (code == ERR_OK)
		*ret_entity = entity;
	return code;
}

/* ---- over time ---- */

static bool moment_of(const struct json *instance, struct str timeproperty, int64_t *ret_us)
{
	const struct json *time = json_get(instance, timeproperty);

	if (!time && str_eq(timeproperty, STR("modifiedAt"))) /* the same as createdAt (document.h) */
		time = json_get(instance, STR("createdAt"));
	return json_int64(time, ret_us) ? *ret_us != 0 : time_parse_iso(json_text(time), false, ret_us);
}

/* What two instances have in common that say the same thing of the same time; at NULL: no memory. */
static struct str moment_key(struct arena *arena, const struct json *instance, struct str timeproperty)
{
	struct str dataset = instance_dataset(instance), id = json_text(json_get(instance, STR("instanceId")));
	int64_t us;

	if (moment_of(instance, timeproperty, &us))
		return arena_printf(arena, "%lld %.*s", (long long)us, STR_FMT(dataset));
	if (id.len && document_created_us(instance))
		return arena_printf(arena, "?%lld %lld %.*s", (long long)document_created_us(instance),
				    (long long)document_modified_us(instance), STR_FMT(id));
	return arena_printf(arena, "?%p", (const void *)instance);
}

/* From the instance of this number on. */
static bool moments_index(struct arena *arena, const struct json *instances, uint32_t from, struct str timeproperty,
			  struct map *map)
{
	bool good = true;

	for (uint32_t i = from; good && i < instances->count; i++) {
		struct str key = moment_key(arena, &instances->items[i], timeproperty);

		good = key.at && map_set(map, key, (void *)((uintptr_t)i + 1));
	}
	return good;
}

/* Only what others say is looked for in the map: what it says of one moment several times stays. */
static bool add_moments(struct arena *arena, struct json *instances, const struct json *added, struct str timeproperty,
			bool auxiliary, struct map *map)
{
	uint32_t before = instances->count;
	bool good = true;

	for (uint32_t i = 0; good && i < added->count; i++) {
		const struct json *instance = &added->items[i];
		struct str key = moment_key(arena, instance, timeproperty);
		uintptr_t at = key.at ? (uintptr_t)map_get(map, key) : 0;

		if (!at)
			good = key.at && json_push(arena, instances, *instance);
		else if (!auxiliary && is_later(&instances->items[at - 1], instance))
			instances->items[at - 1] = *instance;
	}
	return good && moments_index(arena, instances, before, timeproperty, map);
}

/* The attribute's instances of all versions behind the first. */
static bool add_series(struct arena *arena, struct json_member *attribute, const struct union_version *versions,
		       size_t count, struct str timeproperty)
{
	struct json *instances = &attribute->value;
	struct map map;

	map_init(&map, (uint64_t)(uintptr_t)attribute);
	bool good = moments_index(arena, instances, 0, timeproperty, &map);

	for (size_t i = 1; good && i < count; i++) {
		const struct json *added = json_get(versions[i].entity, attribute->key);

		if (json_is(added, JSON_ARRAY))
			good = add_moments(arena, instances, added, timeproperty, versions[i].auxiliary, &map);
	}
	map_done(&map);
	return good;
}

/* Deleted when the last of them was, and no sooner than all of them. */
static enum err_code add_deletion(struct arena *arena, struct json *entity, const struct json *other, struct error *err)
{
	const struct json *theirs = json_get(other, STR("deletedAt"));
	int64_t us, their_us;

	if (!json_int64(json_get(entity, STR("deletedAt")), &us))
		return ERR_OK;
	if (!json_int64(theirs, &their_us))
		(void)json_remove(entity, STR("deletedAt"));
	else if (their_us > us && !json_set(arena, entity, STR("deletedAt"), *theirs))
		return no_memory(err);
	return ERR_OK;
}

static bool is_over_time(const struct json_member *member)
{
	return (document_is_attribute(member->key) || str_eq(member->key, STR("scope"))) &&
	       json_is(&member->value, JSON_ARRAY);
}

/* Types, stamps, and the names of what it has beside. */
static enum err_code add_names(struct arena *arena, struct json *entity, const struct union_version *version,
			       struct error *err)
{
	const struct json *other = version->entity;
	enum err_code code = add_texts(arena, entity, STR("type"), json_get(other, STR("type")), err);

	if (code == ERR_OK && !version->auxiliary) {
		code = add_deletion(arena, entity, other, err);
		add_stamps(arena, entity, other);
	}
	for (uint32_t i = 0; code == ERR_OK && i < other->count; i++)
		if (is_over_time(&other->members[i]) && !json_get(entity, other->members[i].key) &&
		    !json_add(arena, entity, other->members[i].key, json_array()))
			code = no_memory(err);
	return code;
}

enum err_code union_evolution(struct arena *arena, const struct union_version *versions, size_t count,
			      struct str timeproperty, struct json **ret_entity, struct error *err)
{
	struct json *entity = count ? versions[0].entity : NULL;
	enum err_code code = ERR_OK;

	for (size_t i = 1; code == ERR_OK && i < count; i++)
		code = add_names(arena, entity, &versions[i], err);
	for (uint32_t i = 0; code == ERR_OK && count > 1 && i < entity->count; i++)
		if (is_over_time(&entity->members[i]) &&
		    !add_series(arena, &entity->members[i], versions, count, timeproperty))
			code = no_memory(err);
	*ret_entity = entity;
	return code;
}
