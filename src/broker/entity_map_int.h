/* Inside of entity maps, shared by the shelf (entity_map.c) and what makes and reads maps (entity_map_page.c). */
#ifndef MACHI_BROKER_ENTITY_MAP_INT_H
#define MACHI_BROKER_ENTITY_MAP_INT_H

#include "broker/entity_map.h"
#include "broker/random_id.h"
#include "broker/read_int.h"

#include <assert.h>
#include <stdatomic.h>

#define ENTITY_MAP_ID_BYTES (sizeof(ENTITY_MAP_ID_PREFIX) - 1 + RANDOM_ID_BYTES)

struct entity_map {
	_Atomic uint32_t references;
	char id[ENTITY_MAP_ID_BYTES];
	char tenant[BROKER_PLACE_NAME_BYTES_MAX + 1]; /* the place; "" is the default tenant */
	struct entity_map_marks marks;
	_Atomic int64_t expires_us;
	size_t count; /* places */
	uint32_t *ends; /* owned: where the id of each place ends in text */
	char *text; /* owned */
	_Atomic uint64_t *gone; /* owned: a bit a place */
	struct entity_map_source *sources; /* owned, in one piece with their texts; NULL: none */
	size_t source_count;
	uint64_t *holders; /* owned: as in struct entity_map_draft; NULL: all are this broker's */
	uint64_t bytes; /* of all this */
	struct entity_map *newer, *older; /* on the shelf */
};

static_assert(ENTITY_MAP_BYTES_MAX < UINT32_MAX, "ends are 32 bits");

/* Of so many places, not yet known to anybody; entity_map_put() fills them in ascending order. */
MUST_CHECK enum err_code entity_map_new(size_t count, size_t text_bytes, struct entity_map **ret_map,
					struct error *err);
void entity_map_put(struct entity_map *map, size_t at, struct str id);
/* Gives it a name and puts it on the shelf, which takes a reference of its own. */
MUST_CHECK enum err_code entity_map_keep(struct broker *broker, struct str tenant, const struct entity_map_marks *marks,
					 int64_t life_us, struct entity_map *map, struct error *err);

#endif
