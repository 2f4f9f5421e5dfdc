/* Entity maps of evolutions over several sources (5.7.4.4, 5.14.5.4): which source holds which entity, found once; a
 * page then asks each source for what it holds of the page's candidates, by their ids. What no longer matches is left
 * out: such a page is shorter than its limit. */
#include "api/gather_temporal_int.h"

#define IDS_AT_ONCE TEMPORAL_PAGE

static enum err_code map_of_one(struct temporal_call *t, struct str id);

/* ---- which map ---- */

/* What is here comes first. */
static enum err_code take_own(struct gather_temporal *g)
{
	struct call *call = g->call;
	const struct str *ids = NULL;
	size_t count = 0;
	enum err_code code =
		temporal_map_own_ids(g->t, g->split ? g->matching : g->asked->query, NULL, call->arena, &ids, &count);

	for (size_t i = 0; code == ERR_OK && i < count; i++)
		code = gather_add_id(g->gather, ids[i], NULL);
	return code == ERR_TENANT ? ERR_OK : code;
}

enum err_code gather_temporal_map_take(struct gather_temporal *g)
{
	struct temporal_call *t = g->t;
	enum err_code code;

	t->map_of_one = map_of_one;
	t->self = g;
	if (!g->asked)
		return entity_map_wish(g->call, &t->map, &g->map_wanted, &g->map_life_us);
	if (g->asked->order && g->sources.count > 0)
		return err_set(&g->call->error, ERR_INVALID, "orderBy needs local=true in temporal queries");
	code = temporal_map_wish(t, g->asked, &g->map_wanted, &g->map_life_us);
	g->mapping = code == ERR_OK && g->map_wanted && !t->map;
	if (!g->mapping)
		return code;
	g->need = UINT64_MAX;
	g->linked_maps = arena_array(g->call->arena, struct str, g->sources.count);
	if (!g->linked_maps)
		return gather_temporal_no_memory(g);
	for (size_t i = 0; i < g->sources.count; i++)
		g->linked_maps[i] = STR_NONE;
	return take_own(g);
}

bool gather_temporal_asks_first(const struct gather_temporal *g, const struct source *source)
{
	return g->asked ? !g->t->map : gather_map_allows(g->t->map, g->id, source);
}

bool gather_temporal_makes_map(const struct gather_temporal *g, const struct part *part)
{
	return g->mapping && source_supports(part->source, SOURCE_CREATE_ENTITY_MAP_QUERY_TEMPORAL);
}

/* ---- making one ---- */

static enum err_code add_id(struct gather_temporal *g, struct source *source, struct str id)
{
	const struct registration_entity about = {.id = id};

	return id.len && source_covers(source, &about, STR_NONE) ? gather_add_id(g->gather, id, source) : ERR_OK;
}

static void note_linked(struct gather_temporal *g, const struct source *source, struct str id)
{
	for (size_t i = 0; i < g->sources.count; i++)
		if (g->sources.at[i] == source)
			g->linked_maps[i] = id;
}

enum err_code gather_temporal_map_take_ids(struct gather_temporal *g, struct forward *forward, const struct json *body)
{
	const struct json *map = json_get(body, STR("entityMap"));
	enum err_code code = ERR_OK;

	if (json_is(body, JSON_OBJECT) && !json_is(map, JSON_OBJECT)) {
		forward_warn(forward, 111);
		return ERR_OK;
	}
	if (json_is(map, JSON_OBJECT))
		note_linked(g, forward->source, json_text(json_get(body, STR("id"))));
	for (uint32_t i = 0; code == ERR_OK && map && i < map->count; i++)
		code = add_id(g, forward->source, map->members[i].key);
	for (uint32_t i = 0; code == ERR_OK && !map && i < body->count; i++)
		code = add_id(g, forward->source, json_text(json_get(&body->items[i], STR("id"))));
	return code;
}

void gather_temporal_map_make(struct gather_temporal *g)
{
	struct temporal_call *t = g->t;
	enum err_code code =
		gather_map_new(g->gather, &g->sources, g->linked_maps, &g->asked->marks, g->map_life_us, &t->map);

	g->mapping = false;
	t->made = code == ERR_OK;
	if (code == ERR_OK && !t->only_map)
		code = gather_new(g->call, &g->gather);
	if (code != ERR_OK) {
		temporal_answer_failure(t, code);
		return;
	}
	if (!t->only_map) {
		g->gather->parts = true;
		gather_temporal_map_page(g);
		return;
	}
	forward_warnings_put(g->call);
	entity_map_header(g->call, t->map);
	temporal_map_answer(t);
}

/* ---- a page of one ---- */

static const struct part *first_of(const struct gather_temporal *g, size_t number)
{
	struct str id = entity_map_source(g->t->map, number)->registration_id;

	for (size_t i = 0; i < g->sources.count; i++)
		if (str_eq(source_id(g->sources.at[i]), id))
			return &g->first[i];
	return NULL; /* it is no source any more */
}

static enum err_code ask_now(struct gather_temporal *g, size_t number, struct buf *ids)
{
	const struct part *first = first_of(g, number);

	if (!first || ids->len == 0) {
		buf_clear(ids);
		return ERR_OK;
	}
	struct part part = *first;

	part.ids = arena_dup(g->call->arena, buf_str(ids));
	part.entity_map = entity_map_source(g->t->map, number)->linked_map;
	part.need = UINT64_MAX;
	buf_clear(ids);
	return part.ids.at && gather_temporal_part(g, &part) ? ERR_OK : gather_temporal_no_memory(g);
}

/* Of one source, so many ids at a time. */
static enum err_code ask_source(struct gather_temporal *g, size_t number)
{
	const struct entity_map *map = g->t->map;
	size_t count = 0;
	struct buf ids;
	enum err_code code = ERR_OK;

	buf_init(&ids, API_SCRATCH_BYTES_MAX);
	for (uint64_t at = g->page.offset; code == ERR_OK && at < g->page.map_end; at++) {
		if (entity_map_is_gone(map, (size_t)at) || !entity_map_holds(map, (size_t)at, number + 1))
			continue;
		if (ids.len > 0)
			buf_put_char(&ids, ',');
		buf_put(&ids, entity_map_at(map, (size_t)at));
		if (++count % IDS_AT_ONCE == 0)
			code = ask_now(g, number, &ids);
	}
	if (code == ERR_OK)
		code = ask_now(g, number, &ids);
	buf_done(&ids);
	return code;
}

/* As many candidates as the page may show. An offset behind all of them is that of the last one (6.3.10). */
static void take_places(struct gather_temporal *g)
{
	const struct entity_map *map = g->t->map;
	struct broker_page *page = &g->page;
	uint64_t count = entity_map_count(map), taken = 0;

	if (page->last_when_beyond && page->limit > 0 && page->offset > count)
		page->offset = entity_map_before(map, count, 1);
	page->map_partly = true;
	page->map_end = page->offset < count ? page->offset : count;
	for (; page->map_end < count && taken < page->limit; page->map_end++)
		taken += !entity_map_is_gone(map, (size_t)page->map_end);
}

void gather_temporal_map_page(struct gather_temporal *g)
{
	struct temporal_call *t = g->t;
	enum err_code code = ERR_OK;

	temporal_map_use(t, g->asked, &g->page);
	take_places(g);
	g->completing = true; /* who holds what is known */
	g->part_count = 0;
	for (size_t i = 0; code == ERR_OK && i < entity_map_source_count(t->map); i++)
		code = ask_source(g, i);
	if (code == ERR_OK)
		gather_temporal_run(g);
	else
		temporal_answer_failure(t, code);
}

/* ---- of one entity (5.7.3.4) ---- */

static enum err_code map_of_one(struct temporal_call *t, struct str id)
{
	const struct entity_map_marks marks = {0, 0, 0};
	struct gather_temporal *g = t->self;
	struct call *call = g->call;
	enum err_code code = ERR_OK;

	if (!t->map && g->map_wanted && g->gather->count == 0)
		code = broker_map_make_one(call->api->options.broker, call->tenant, id, &marks, g->map_life_us, &t->map,
					   &call->error);
	else if (!t->map && g->map_wanted)
		code = gather_map_new(g->gather, &g->sources, NULL, &marks, g->map_life_us, &t->map);
	if (code == ERR_OK && t->map)
		entity_map_header(call, t->map);
	return code;
}
