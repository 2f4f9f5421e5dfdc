/* Evolutions of several brokers put together, read and answered with; and which of them are asked for once more.
 *
 * Where no filter is put here, no more entities of a source are wanted than the page may need. An entity of the page
 * may then be one of those that a source has behind them: such a source is asked for it by its id. */
#include "api/gather_temporal_int.h"

#include "store/overlay.h"

/* What is here of it is one version more. */
static enum err_code lay_over(struct gather_temporal *g, struct gathered *gathered)
{
	struct call *call = g->call;
	struct temporal_call *t = g->t;
	struct json *own = NULL, *evolution = NULL;
	enum err_code code = broker_temporal_own(call->loop->reader, call->tenant, gathered->id, &t->ask,
						 g->asked && !g->split, &t->arena, &own, &call->error);

	if (code == ERR_OK && own)
		code = gather_add(g->gather, own, NULL);
	if (code == ERR_OK)
		code = union_evolution(&t->arena, gathered->versions, gathered->count,
				       temporal_property_name(t->query.property), &evolution, &call->error);
	return code == ERR_OK ? store_overlay_add(g->merged.overlay, evolution, &call->error) : code;
}

static enum err_code put_together(struct gather_temporal *g)
{
	struct gather *gather = g->gather;
	enum err_code code = ERR_OK;

	g->merged.overlay = store_overlay_new(&g->t->arena);
	g->merged.judged = !g->split;
	if (!g->merged.overlay)
		return gather_temporal_no_memory(g);
	if (g->asked)
		g->t->ask.query = g->asked->query;
	for (size_t i = 0; code == ERR_OK && i < gather->count; i++)
		code = lay_over(g, gather->at[i]);
	return code == ERR_MEMORY ? gather_temporal_no_memory(g) : code;
}

void gather_temporal_finish(struct gather_temporal *g)
{
	struct temporal_call *t = g->t;
	enum err_code code = put_together(g);

	t->ask.merged = &g->merged;
	/* What a source that failed has is not gone. */
	g->page.map_keeps = g->page.map_keeps || g->call->warnings.len > 0;
	if (code != ERR_OK)
		temporal_answer_failure(t, code);
	else if (g->asked)
		temporal_answer_page(t, g->asked, &g->page);
	else
		temporal_answer_one(t, g->id);
	store_overlay_done(g->merged.overlay);
	g->merged.overlay = NULL;
	arena_done(&t->arena);
}

/* ---- the second look ---- */

struct ids { /* that may be on the page; in the arena */
	const struct str *at;
	size_t count;
};

/* What this broker has itself on the pages up to the one that is asked for. */
static enum err_code own_ids(struct gather_temporal *g, struct arena *arena, struct ids *ret)
{
	struct call *call = g->call;
	struct temporal_query query = g->t->query;
	struct broker_temporal_ask ask = g->t->ask;
	const struct broker_page page = {.limit = g->need};
	struct broker_temporal_page own;
	struct str *ids;

	query.last_n = 1;
	ask.query = g->asked->query;
	ask.temporal = &query;
	ask.form = TEMPORAL_VALUES;
	ask.total_max = UINT64_MAX;
	enum err_code code =
		broker_temporal_query(call->loop->reader, call->tenant, &ask, &page, arena, &own, &call->error);

	if (code == ERR_TENANT)
		return ERR_OK;
	ids = code == ERR_OK ? arena_array(call->arena, struct str, own.count) : NULL;
	if (code == ERR_OK && !ids)
		return gather_temporal_no_memory(g);
	for (size_t i = 0; code == ERR_OK && i < own.count; i++) {
		ids[i] = arena_dup(call->arena, own.entities[i].id);
		if (!ids[i].at)
			return gather_temporal_no_memory(g);
	}
	*ret = (struct ids){ids, code == ERR_OK ? own.count : 0};
	return code;
}

static bool has_given(const struct gather_temporal *g, const struct source *source, struct str id)
{
	const struct gathered *gathered = map_get(&g->gather->by_id, id);

	for (size_t i = 0; gathered && i < gathered->count; i++)
		if (gathered->holders[i] == source)
			return true;
	return false;
}

struct asking_again {
	struct gather_temporal *g;
	const struct part *first;
	struct buf ids;
	size_t count;
};

static enum err_code ask_now(struct asking_again *again)
{
	struct part part = *again->first;

	if (again->count == 0)
		return ERR_OK;
	part.ids = arena_dup(again->g->call->arena, buf_str(&again->ids));
	part.got = 0;
	part.need = UINT64_MAX;
	part.ended = part.more = false;
	buf_clear(&again->ids);
	again->count = 0;
	return part.ids.at && gather_temporal_part(again->g, &part) ? ERR_OK : gather_temporal_no_memory(again->g);
}

static enum err_code ask_again(struct asking_again *again, struct str id)
{
	struct source *source = again->first->source;
	const struct registration_entity about = {.id = id};

	if (has_given(again->g, source, id) || !source_covers(source, &about, STR_NONE))
		return ERR_OK;
	if (again->count > 0)
		buf_put_char(&again->ids, ',');
	buf_put(&again->ids, id);
	again->count++;
	return again->count == TEMPORAL_PAGE ? ask_now(again) : ERR_OK;
}

static enum err_code complete_part(struct gather_temporal *g, const struct part *first, const struct ids *own)
{
	struct asking_again again = {.g = g, .first = first};
	enum err_code code = ERR_OK;

	buf_init(&again.ids, API_SCRATCH_BYTES_MAX);
	for (size_t i = 0; code == ERR_OK && i < own->count; i++)
		if (!map_get(&g->gather->by_id, own->at[i]))
			code = ask_again(&again, own->at[i]);
	for (size_t i = 0; code == ERR_OK && i < g->gather->count; i++)
		code = ask_again(&again, g->gather->at[i]->id);
	if (code == ERR_OK)
		code = ask_now(&again);
	buf_done(&again.ids);
	return code;
}

enum err_code gather_temporal_complete(struct gather_temporal *g)
{
	size_t count = g->part_count;
	struct ids own = {NULL, 0};
	bool any = false;
	enum err_code code = ERR_OK;

	g->completing = true;
	for (size_t i = 0; i < count; i++)
		any = any || (g->parts[i]->more && g->parts[i]->got >= g->parts[i]->need);
	if (any)
		code = own_ids(g, &g->t->arena, &own);
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		const struct part *part = g->parts[i];

		/* One that was asked by ids gives them all. */
		if (part->more && part->got >= part->need && !part->ids.at)
			code = complete_part(g, part, &own);
	}
	return code;
}
