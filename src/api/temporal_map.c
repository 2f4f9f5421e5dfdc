/* Entity maps of queries for evolutions: which entities match is found once, pages then look at these alone, with the
 * whole query, and leave out what no longer matches.
 * Source: GS CIM 009 V1.9.1 clauses 5.5.9.3, 5.7.4.4, 5.14.5, 6.35. */
#include "api/temporal_int.h"

#define IDS_FIRST 256u

enum err_code temporal_map_wish(struct temporal_call *t, const struct asked *asked, bool *ret_wanted,
				int64_t *ret_life_us)
{
	struct call *call = t->call;
	enum err_code code = entity_map_wish(call, &t->map, ret_wanted, ret_life_us);

	if (code == ERR_OK && t->only_map) {
		t->map = entity_map_unref(t->map);
		*ret_wanted = true;
	}
	if (code != ERR_OK || !t->map)
		return code;
	code = entity_map_check(call, t->map, asked);
	if (code == ERR_OK && asked->order && entity_map_marks(t->map)->order != asked->marks.order)
		return err_set(&call->error, ERR_INVALID,
			       "this entity map was made with another order: its pages keep the one it has");
	return code;
}

/* ---- making one ---- */

struct ids {
	struct arena *arena;
	struct str *at;
	size_t count, room;
	bool failed;
};

static bool take_id(void *self, struct str id)
{
	struct ids *ids = self;

	struct str *at = arena_grow(ids->arena, ids->at, ids->count, &ids->room, sizeof(*at), IDS_FIRST);

	ids->failed = !at;
	if (ids->failed)
		return false;
	ids->at = at;
	ids->at[ids->count] = arena_dup(ids->arena, id);
	ids->failed = !ids->at[ids->count].at;
	ids->count += !ids->failed;
	return !ids->failed;
}

enum err_code temporal_map_own_ids(struct temporal_call *t, const struct query *query, const struct order *order,
				   struct arena *arena, const struct str **ret_ids, size_t *ret_count)
{
	struct call *call = t->call;
	struct broker_temporal_ask ask = t->ask;
	struct ids ids = {.arena = arena};

	ask.query = query;
	enum err_code code =
		broker_temporal_ids(call->loop->reader, call->tenant, &ask, order, take_id, &ids, &call->error);

	if (code == ERR_OK && ids.failed)
		code = err_set(&call->error, ERR_LIMIT, "the entity map does not fit into a request's memory");
	*ret_ids = ids.at;
	*ret_count = ids.count;
	return code;
}

static enum err_code make(struct temporal_call *t, const struct asked *asked, int64_t life_us)
{
	struct call *call = t->call;
	struct entity_map_draft draft = {.count = 0};
	enum err_code code = temporal_map_own_ids(t, asked->query, asked->order, &t->arena, &draft.ids, &draft.count);

	if (code == ERR_OK)
		code = broker_map_make_of(call->api->options.broker, call->tenant, &draft, &asked->marks, life_us,
					  &t->map, &call->error);
	arena_clear(&t->arena);
	t->made = code == ERR_OK;
	return code;
}

void temporal_map_use(struct temporal_call *t, const struct asked *asked, struct broker_page *page)
{
	page->map = t->map;
	page->map_keeps = entity_map_marks(t->map)->query != asked->marks.query;
	page->order = NULL; /* the map is in it */
	entity_map_header(t->call, t->map);
}

enum err_code temporal_map_take(struct temporal_call *t, const struct asked *asked, struct broker_page *page)
{
	int64_t life_us;
	bool wanted = false;
	enum err_code code = temporal_map_wish(t, asked, &wanted, &life_us);

	if (code == ERR_OK && !t->map && wanted)
		code = make(t, asked, life_us);
	if (code == ERR_OK && t->map)
		temporal_map_use(t, asked, page);
	return code;
}

void temporal_map_answer(struct temporal_call *t)
{
	entity_map_answer(t->call, 201, entity_map_ref(t->map));
}
