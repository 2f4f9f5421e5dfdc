/* Entity maps: the ids that a query found, kept for a while so that pages of it stay one set (clauses 4.5.25, 5.2.39,
 * 5.5.9.3, 5.14). They live in memory ("internal storage, or memory") and are lost with the process; a client that
 * names one that is gone gets a new one (5.7.2.4).
 *
 * The ids of a map never change their places; those that no longer match are marked as gone. A page's offset is a place
 * in the map, so pointers to other pages stay right whatever has gone meanwhile.
 * Thread: every function from any. */
#ifndef MACHI_BROKER_ENTITY_MAP_H
#define MACHI_BROKER_ENTITY_MAP_H

#include "broker/broker.h"

#define ENTITY_MAPS_MAX 1024u /* of all tenants; one more and the one unused for longest goes */
#define ENTITY_MAPS_BYTES_MAX (UINT64_C(128) << 20) /* of all of them; likewise */
#define ENTITY_MAP_IDS_MAX 1000000u /* in one map; a query with more matches is ERR_LIMIT */
#define ENTITY_MAP_BYTES_MAX (UINT64_C(64) << 20) /* of one map; likewise */
#define ENTITY_MAP_LIFE_US (INT64_C(3600) * 1000000) /* when the client does not say */
#define ENTITY_MAP_LIFE_US_MAX (INT64_C(86400) * 1000000) /* a longer wish is cut */
#define ENTITY_MAP_ID_PREFIX "urn:ngsi-ld:EntityMap:"

struct entity_map; /* counted */
struct entity_map *entity_map_ref(struct entity_map *map);
struct entity_map *entity_map_unref(struct entity_map *map);

/* Marks by which a later request is held against the one that made the map: equal texts give equal marks. */
struct entity_map_marks {
	uint64_t context, query, order;
};

struct str entity_map_id(const struct entity_map *map);
const struct entity_map_marks *entity_map_marks(const struct entity_map *map);
int64_t entity_map_expires_us(const struct entity_map *map);
/* The ids that are not gone, in the map's order. visit returning false stops. */
void entity_map_each(const struct entity_map *map, bool (*visit)(void *self, struct str id, size_t at), void *self);

/* Makes a map of all matches of the query (order NULL: by creation), keeps it for the tenant and gives a reference.
 * life_us 0: ENTITY_MAP_LIFE_US. ERR_LIMIT: too many matches. */
MUST_CHECK enum err_code broker_map_make(struct broker_reader *reader, struct str tenant, const struct query *query,
					 const struct order *order, const struct entity_map_marks *marks,
					 int64_t life_us, struct entity_map **ret_map, struct error *err);
/* A map over several sources (4.3.6.7): which of them holds which entity. */
struct entity_map_source {
	struct str registration_id;
	struct str linked_map; /* the map that the source made of its own, as it names it; STR_NONE: none */
};
struct entity_map_draft {
	const struct str *ids;
	size_t count;
	const struct entity_map_source *sources;
	size_t source_count;
	/* For each id entity_map_words() words: bit 0 this broker, bit i + 1 source i. NULL: this broker holds all. */
	const uint64_t *holders;
};
size_t entity_map_words(size_t source_count);
/* Everything is copied. ERR_LIMIT: too many ids, or too much text. */
MUST_CHECK enum err_code broker_map_make_of(struct broker *broker, struct str tenant,
					    const struct entity_map_draft *draft, const struct entity_map_marks *marks,
					    int64_t life_us, struct entity_map **ret_map, struct error *err);
size_t entity_map_count(const struct entity_map *map); /* places */
struct str entity_map_at(const struct entity_map *map, size_t at);
bool entity_map_is_gone(const struct entity_map *map, size_t at);
void entity_map_mark_gone(struct entity_map *map, size_t at);
/* As many places back from this one as it takes for a page of what is not known to be gone. */
uint64_t entity_map_before(const struct entity_map *map, uint64_t at, uint64_t limit);
size_t entity_map_left(const struct entity_map *map); /* places that are not known to be gone */
size_t entity_map_source_count(const struct entity_map *map);
const struct entity_map_source *entity_map_source(const struct entity_map *map, size_t source);
/* Does this broker (holder 0), or source holder - 1, hold the entity? */
bool entity_map_holds(const struct entity_map *map, size_t at, size_t holder);
/* A map of one entity (5.7.1.4). */
MUST_CHECK enum err_code broker_map_make_one(struct broker *broker, struct str tenant, struct str entity_id,
					     const struct entity_map_marks *marks, int64_t life_us,
					     struct entity_map **ret_map, struct error *err);
/* ERR_NOT_FOUND: the tenant has no such map, or it has expired. ret_map is a reference. */
MUST_CHECK enum err_code broker_map_find(struct broker *broker, struct str tenant, struct str id,
					 struct entity_map **ret_map, struct error *err);
/* ERR_NOT_FOUND as above. A time later than ENTITY_MAP_LIFE_US_MAX from now is cut; one that has passed ends it. */
MUST_CHECK enum err_code broker_map_set_expiry(struct broker *broker, struct str tenant, struct str id,
					       int64_t expires_us, struct error *err);
MUST_CHECK enum err_code broker_map_delete(struct broker *broker, struct str tenant, struct str id, struct error *err);

#endif
