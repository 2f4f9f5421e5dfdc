/* A hash map from strings to pointers: linear probing at a load of at most 3/4. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define MAP_ROOM_MIN 16u

void map_init(struct map *map, uint64_t seed)
{
	*map = (struct map){.seed = seed};
}

void map_done(struct map *map)
{
	free(map->slots);
	map_init(map, map->seed);
}

static struct map_slot *find(const struct map *map, struct str key, uint64_t hash)
{
	if (!map->room)
		return NULL;
	for (size_t i = hash & (map->room - 1);; i = (i + 1) & (map->room - 1)) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->value && !slot->key.at)
			return NULL;
		if (slot->value && slot->hash == hash && str_eq(slot->key, key))
			return slot;
	}
}

static void place(struct map *map, const struct map_slot *entry)
{
	size_t i = entry->hash & (map->room - 1);

	while (map->slots[i].value)
		i = (i + 1) & (map->room - 1);
	if (!map->slots[i].key.at)
		map->used++;
	map->slots[i] = *entry;
	map->count++;
}

static bool rehash(struct map *map)
{
	size_t room = MAP_ROOM_MIN;

	while (room * 3 / 4 < (map->count + 1) * 3 / 2)
		room *= 2;
	struct map_slot *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return false;
	struct map old = *map;

	map->slots = slots;
	map->room = room;
	map->count = 0;
	map->used = 0;
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].value)
			place(map, &old.slots[i]);
	free(old.slots);
	return true;
}

void *map_get(const struct map *map, struct str key)
{
	struct map_slot *slot = find(map, key, str_hash(key, map->seed));

	return slot ? slot->value : NULL;
}

bool map_set(struct map *map, struct str key, void *value)
{
	assert(value);
	uint64_t hash = str_hash(key, map->seed);
	struct map_slot *slot = find(map, key, hash);

	if (slot) {
		slot->key = key;
		slot->value = value;
		return true;
	}
	if ((map->used + 1) > map->room * 3 / 4 && !rehash(map))
		return false;
	/* An empty key would look like a slot never used. */
	if (!key.at)
		key.at = "";
	place(map, &(struct map_slot){key, value, hash});
	return true;
}

void *map_remove(struct map *map, struct str key)
{
	struct map_slot *slot = find(map, key, str_hash(key, map->seed));

	if (!slot)
		return NULL;
	void *value = slot->value;

	slot->value = NULL;
	slot->key = STR("");
	map->count--;
	return value;
}

bool map_each(const struct map *map, size_t *at, struct str *ret_key, void **ret_value)
{
	while (*at < map->room) {
		const struct map_slot *slot = &map->slots[(*at)++];

		if (slot->value) {
			*ret_key = slot->key;
			*ret_value = slot->value;
			return true;
		}
	}
	return false;
}
