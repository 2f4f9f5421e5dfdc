/* A hash map from strings to pointers: open addressing, insertion only grows, removal by tombstone.
 *
 * Keys are borrowed: they must outlive the map, or be duplicated into an arena by the caller. Thread: one owner. */
#ifndef MACHI_BASE_MAP_H
#define MACHI_BASE_MAP_H

#include "base/str.h"

struct map_slot {
	struct str key;
	void *value; /* NULL: never used, or a tombstone when key.at is not NULL */
	uint64_t hash;
};

struct map {
	struct map_slot *slots; /* owned, a power of two many */
	size_t room;
	size_t count; /* live entries */
	size_t used; /* live entries and tombstones */
	uint64_t seed;
};

void map_init(struct map *map, uint64_t seed);
void map_done(struct map *map);
void *map_get(const struct map *map, struct str key); /* NULL when absent */
/* Sets or replaces; value must not be NULL. False when the system gives no memory (the map is unchanged). */
bool map_set(struct map *map, struct str key, void *value) __attribute__((warn_unused_result));
void *map_remove(struct map *map, struct str key); /* the removed value, NULL when absent */
/* Iterates in no order: start with *at = 0; false at the end. Do not change the map meanwhile. */
bool map_each(const struct map *map, size_t *at, struct str *ret_key, void **ret_value);

#endif
