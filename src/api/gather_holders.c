/* Entity maps of what was gathered: who holds which entity (4.3.6.7, 5.2.39). */
#include "api/gather_int.h"

bool gather_map_allows(const struct entity_map *map, struct str id, const struct source *source)
{
	for (size_t at = 0; map && at < entity_map_count(map); at++) {
		if (!str_eq(entity_map_at(map, at), id))
			continue;
		for (size_t i = 0; i < entity_map_source_count(map); i++)
			if (str_eq(entity_map_source(map, i)->registration_id, source_id(source)))
				return entity_map_holds(map, at, i + 1);
		return false;
	}
	return true;
}

static void holders_mark(const struct source_list *sources, const struct gathered *gathered, uint64_t *words)
{
	for (size_t i = 0; i < gathered->count; i++) {
		size_t holder = 0;

		for (size_t s = 0; gathered->holders[i] && s < sources->count; s++)
			if (gathered->holders[i] == sources->at[s])
				holder = s + 1;
		words[holder / 64] |= UINT64_C(1) << (holder % 64);
	}
}

enum err_code gather_map_new(const struct gather *gather, const struct source_list *sources,
			     const struct str *linked_maps, const struct entity_map_marks *marks, int64_t life_us,
			     struct entity_map **ret_map)
{
	struct call *call = gather->call;
	struct arena *arena = call->arena;
	size_t count = gather->count, row = entity_map_words(sources->count);
	struct str *ids = arena_array(arena, struct str, count);
	struct entity_map_source *named = arena_array(arena, struct entity_map_source, sources->count);
	uint64_t *holders = arena_zalloc(arena, count * row * sizeof(uint64_t));

	if (!ids || !named || !holders)
		return err_set(&call->error, ERR_LIMIT, "the entity map does not fit into a request's memory");
	for (size_t i = 0; i < count; i++) {
		ids[i] = gather->at[i]->id;
		holders_mark(sources, gather->at[i], &holders[i * row]);
	}
	for (size_t i = 0; i < sources->count; i++)
		named[i] =
			(struct entity_map_source){source_id(sources->at[i]), linked_maps ? linked_maps[i] : STR_NONE};
	const struct entity_map_draft draft = {ids, count, named, sources->count, holders};

	return broker_map_make_of(call->api->options.broker, call->tenant, &draft, marks, life_us, ret_map,
				  &call->error);
}
