/* Entity maps: the shelf that they are kept on. Pages out of them: entity_map_page.c. */
#include "broker/entity_map_int.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entity_maps {
	pthread_mutex_t lock; /* guards all below and the maps' links, owners and expiries; held for a look only */
	struct map by_id; /* struct entity_map *, one reference each */
	struct entity_map *newest, *oldest; /* by their last use */
	size_t count;
	uint64_t bytes;
};

enum err_code entity_maps_new(struct entity_maps **ret_maps, struct error *err)
{
	struct entity_maps *maps = calloc(1, sizeof(*maps));

	if (!maps)
		return err_set(err, ERR_MEMORY, "no memory for entity maps");
	(void)pthread_mutex_init(&maps->lock, NULL);
	map_init(&maps->by_id, 0); /* the ids are ours: random */
	*ret_maps = maps;
	return ERR_OK;
}

/* ---- one map ---- */

struct entity_map *entity_map_ref(struct entity_map *map)
{
	atomic_fetch_add_explicit(&map->references, 1, memory_order_relaxed);
	return map;
}

struct entity_map *entity_map_unref(struct entity_map *map)
{
	if (map && atomic_fetch_sub_explicit(&map->references, 1, memory_order_acq_rel) == 1) {
		free(map->ends);
		free(map->text);
		free(map->gone);
		free(map->sources);
		free(map->holders);
		free(map);
	}
	return NULL;
}

struct str entity_map_id(const struct entity_map *map)
{
	return str_from(map->id);
}

const struct entity_map_marks *entity_map_marks(const struct entity_map *map)
{
	return &map->marks;
}

int64_t entity_map_expires_us(const struct entity_map *map)
{
	return atomic_load(&map->expires_us);
}

struct str entity_map_at(const struct entity_map *map, size_t at)
{
	size_t from = at ? map->ends[at - 1] : 0;

	return (struct str){map->text + from, map->ends[at] - from};
}

bool entity_map_is_gone(const struct entity_map *map, size_t at)
{
	return atomic_load_explicit(&map->gone[at / 64], memory_order_relaxed) >> (at % 64) & 1;
}

void entity_map_mark_gone(struct entity_map *map, size_t at)
{
	(void)atomic_fetch_or_explicit(&map->gone[at / 64], UINT64_C(1) << (at % 64), memory_order_relaxed);
}

uint64_t entity_map_before(const struct entity_map *map, uint64_t at, uint64_t limit)
{
	if (at > map->count)
		at = map->count;
	for (uint64_t found = 0; at > 0 && found < limit; at--)
		found += !entity_map_is_gone(map, (size_t)at - 1);
	return at;
}

size_t entity_map_left(const struct entity_map *map)
{
	size_t left = 0;

	for (size_t at = 0; at < map->count; at++)
		left += !entity_map_is_gone(map, at);
	return left;
}

void entity_map_each(const struct entity_map *map, bool (*visit)(void *self, struct str id, size_t at), void *self)
{
	for (size_t at = 0; at < map->count; at++)
		if (!entity_map_is_gone(map, at) && !visit(self, entity_map_at(map, at), at))
			return;
}

size_t entity_map_count(const struct entity_map *map)
{
	return map->count;
}

size_t entity_map_words(size_t source_count)
{
	return source_count / 64 + 1;
}

size_t entity_map_source_count(const struct entity_map *map)
{
	return map->source_count;
}

const struct entity_map_source *entity_map_source(const struct entity_map *map, size_t source)
{
	return &map->sources[source];
}

bool entity_map_holds(const struct entity_map *map, size_t at, size_t holder)
{
	if (!map->holders)
		return holder == 0;
	return map->holders[at * entity_map_words(map->source_count) + holder / 64] >> (holder % 64) & 1;
}

static enum err_code map_name(struct entity_map *map, struct str tenant, struct error *err)
{
	(void)snprintf(map->id, sizeof(map->id), ENTITY_MAP_ID_PREFIX);
	(void)snprintf(map->tenant, sizeof(map->tenant), "%.*s", STR_FMT(tenant));
	return random_id(map->id + sizeof(ENTITY_MAP_ID_PREFIX) - 1, err);
}

enum err_code entity_map_new(size_t count, size_t text_bytes, struct entity_map **ret_map, struct error *err)
{
	struct entity_map *map = calloc(1, sizeof(*map));
	size_t words = count / 64 + 1;

	if (map) {
		atomic_init(&map->references, 1);
		map->count = count;
		map->ends = calloc(count + 1, sizeof(*map->ends));
		map->text = malloc(text_bytes + 1);
		map->gone = calloc(words, sizeof(*map->gone));
		map->bytes = sizeof(*map) + (count + 1) * sizeof(*map->ends) + text_bytes + words * sizeof(*map->gone);
	}
	if (!map || !map->ends || !map->text || !map->gone) {
		(void)entity_map_unref(map);
		return err_set(err, ERR_MEMORY, "no memory for an entity map of %zu ids", count);
	}
	*ret_map = map;
	return ERR_OK;
}

void entity_map_put(struct entity_map *map, size_t at, struct str id)
{
	size_t from = at ? map->ends[at - 1] : 0;

	memcpy(map->text + from, id.at, id.len);
	map->ends[at] = (uint32_t)(from + id.len);
}

/* ---- the shelf; the lock is held ---- */

static void unlink_map(struct entity_maps *maps, struct entity_map *map)
{
	*(map->newer ? &map->newer->older : &maps->newest) = map->older;
	*(map->older ? &map->older->newer : &maps->oldest) = map->newer;
	map->newer = map->older = NULL;
}

static void link_newest(struct entity_maps *maps, struct entity_map *map)
{
	map->older = maps->newest;
	*(maps->newest ? &maps->newest->newer : &maps->oldest) = map;
	maps->newest = map;
}

static void drop(struct entity_maps *maps, struct entity_map *map)
{
	unlink_map(maps, map);
	(void)map_remove(&maps->by_id, entity_map_id(map));
	maps->count--;
	maps->bytes -= map->bytes;
	(void)entity_map_unref(map);
}

static void drop_expired(struct entity_maps *maps, int64_t now_us)
{
	for (struct entity_map *map = maps->oldest; map;) {
		struct entity_map *newer = map->newer;

		if (entity_map_expires_us(map) <= now_us)
			drop(maps, map);
		map = newer;
	}
}

/* Takes a reference of its own. */
static bool shelve(struct entity_maps *maps, struct entity_map *map, int64_t now_us)
{
	drop_expired(maps, now_us);
	while (maps->oldest && (maps->count >= ENTITY_MAPS_MAX || maps->bytes + map->bytes > ENTITY_MAPS_BYTES_MAX))
		drop(maps, maps->oldest);
	if (!map_set(&maps->by_id, entity_map_id(map), map))
		return false;
	link_newest(maps, entity_map_ref(map));
	maps->count++;
	maps->bytes += map->bytes;
	return true;
}

static struct entity_map *find(struct entity_maps *maps, struct str tenant, struct str id, int64_t now_us)
{
	struct entity_map *map = map_get(&maps->by_id, id);

	if (!map || !str_eq(str_from(map->tenant), tenant))
		return NULL;
	if (entity_map_expires_us(map) > now_us)
		return map;
	drop(maps, map);
	return NULL;
}

struct entity_maps *entity_maps_free(struct entity_maps *maps)
{
	if (!maps)
		return NULL;
	while (maps->oldest)
		drop(maps, maps->oldest);
	map_done(&maps->by_id);
	(void)pthread_mutex_destroy(&maps->lock);
	free(maps);
	return NULL;
}

/* ---- over several sources ---- */

static struct str text_put(char **at, struct str text)
{
	char *begin = *at;

	if (!text.at)
		return STR_NONE;
	if (text.len)
		memcpy(begin, text.at, text.len);
	*at += text.len;
	return (struct str){begin, text.len};
}

/* The sources and their texts, in one piece. */
static bool sources_copy(struct entity_map *map, const struct entity_map_draft *draft)
{
	size_t bytes = draft->source_count * sizeof(*map->sources);

	for (size_t i = 0; i < draft->source_count; i++)
		bytes += draft->sources[i].registration_id.len + draft->sources[i].linked_map.len;
	map->sources = malloc(bytes + 1);
	if (!map->sources)
		return false;
	char *at = (char *)(map->sources + draft->source_count);

	for (size_t i = 0; i < draft->source_count; i++)
		map->sources[i] = (struct entity_map_source){text_put(&at, draft->sources[i].registration_id),
							     text_put(&at, draft->sources[i].linked_map)};
	map->source_count = draft->source_count;
	map->bytes += bytes;
	return true;
}

static bool holders_copy(struct entity_map *map, const struct entity_map_draft *draft)
{
	size_t bytes = draft->count * entity_map_words(draft->source_count) * sizeof(uint64_t);

	map->holders = malloc(bytes + 1);
	if (map->holders && bytes)
		memcpy(map->holders, draft->holders, bytes);
	map->bytes += bytes;
	return map->holders != NULL;
}

static enum err_code map_of_draft(const struct entity_map_draft *draft, struct entity_map **ret_map, struct error *err)
{
	size_t text_bytes = 0;

	for (size_t i = 0; i < draft->count; i++)
		text_bytes += draft->ids[i].len;
	if (draft->count > ENTITY_MAP_IDS_MAX || text_bytes > ENTITY_MAP_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%zu entities are more than an entity map holds", draft->count);
	enum err_code code = entity_map_new(draft->count, text_bytes, ret_map, err);

	if (code != ERR_OK)
		return code;
	for (size_t i = 0; i < draft->count; i++)
		entity_map_put(*ret_map, i, draft->ids[i]);
	if (!draft->holders || (sources_copy(*ret_map, draft) && holders_copy(*ret_map, draft)))
		return ERR_OK;
	*ret_map = entity_map_unref(*ret_map);
	return err_set(err, ERR_MEMORY, "no memory for an entity map of %zu ids", draft->count);
}

enum err_code broker_map_make_of(struct broker *broker, struct str tenant, const struct entity_map_draft *draft,
				 const struct entity_map_marks *marks, int64_t life_us, struct entity_map **ret_map,
				 struct error *err)
{
	struct entity_map *map = NULL;
	enum err_code code = map_of_draft(draft, &map, err);

	if (code == ERR_OK)
		code = entity_map_keep(broker, tenant, marks, life_us, map, err);
	if (code == ERR_OK)
		*ret_map = map;
	else
		(void)entity_map_unref(map);
	return code;
}

/* ---- for everybody ---- */

static int64_t expiry(int64_t now_us, int64_t life_us)
{
	if (life_us <= 0)
		life_us = ENTITY_MAP_LIFE_US;
	return now_us + (life_us < ENTITY_MAP_LIFE_US_MAX ? life_us : ENTITY_MAP_LIFE_US_MAX);
}

enum err_code entity_map_keep(struct broker *broker, struct str tenant, const struct entity_map_marks *marks,
			      int64_t life_us, struct entity_map *map, struct error *err)
{
	struct entity_maps *maps = broker->maps;
	int64_t now_us = broker_now_us(broker);
	enum err_code code = map_name(map, tenant, err);

	if (code != ERR_OK)
		return code;
	map->marks = *marks;
	atomic_store(&map->expires_us, expiry(now_us, life_us));
	(void)pthread_mutex_lock(&maps->lock);
	bool kept = shelve(maps, map, now_us);

	(void)pthread_mutex_unlock(&maps->lock);
	return kept ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to keep an entity map");
}

static enum err_code unknown(struct str id, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no entity map %.*s", STR_FMT(str_part(id, 0, 120)));
}

enum err_code broker_map_find(struct broker *broker, struct str tenant, struct str id, struct entity_map **ret_map,
			      struct error *err)
{
	struct entity_maps *maps = broker->maps;

	(void)pthread_mutex_lock(&maps->lock);
	struct entity_map *map = find(maps, tenant, id, broker_now_us(broker));

	if (map) {
		unlink_map(maps, map);
		link_newest(maps, map);
		*ret_map = entity_map_ref(map);
	}
	(void)pthread_mutex_unlock(&maps->lock);
	return map ? ERR_OK : unknown(id, err);
}

enum err_code broker_map_set_expiry(struct broker *broker, struct str tenant, struct str id, int64_t expires_us,
				    struct error *err)
{
	struct entity_maps *maps = broker->maps;
	int64_t now_us = broker_now_us(broker), latest_us = now_us + ENTITY_MAP_LIFE_US_MAX;

	(void)pthread_mutex_lock(&maps->lock);
	struct entity_map *map = find(maps, tenant, id, now_us);

	if (map)
		atomic_store(&map->expires_us, expires_us < latest_us ? expires_us : latest_us);
	(void)pthread_mutex_unlock(&maps->lock);
	return map ? ERR_OK : unknown(id, err);
}

enum err_code broker_map_delete(struct broker *broker, struct str tenant, struct str id, struct error *err)
{
	struct entity_maps *maps = broker->maps;

	(void)pthread_mutex_lock(&maps->lock);
	struct entity_map *map = find(maps, tenant, id, broker_now_us(broker));

	if (map)
		drop(maps, map);
	(void)pthread_mutex_unlock(&maps->lock);
	return map ? ERR_OK : unknown(id, err);
}
