/* Entity maps over several sources (4.3.6.7, 5.14.4): which source holds which entity, found once; pages then ask each
 * source for what it holds of them, by ids, and leave out what no longer matches. */
#include "api/gather_query_int.h"

#include <string.h>

/* ---- which map ---- */

enum err_code gather_map_take(struct gather_query *q)
{
	struct call *call = q->call;
	int64_t life_us = 0;
	bool wanted = false;
	enum err_code code = entity_map_wish(call, &q->map, &wanted, &life_us);

	if (code != ERR_OK)
		return code;
	if (q->only_map) {
		q->map = entity_map_unref(q->map);
		wanted = true;
	}
	q->mapping = !q->map && wanted;
	return q->map ? entity_map_check(call, q->map, q->asked) : ERR_OK;
}

/* ---- making one ---- */

static enum err_code add_id(struct gather_query *q, struct asking *asking, struct str id)
{
	const struct registration_entity about = {.id = id};

	return id.len && source_covers(asking->source, &about, STR_NONE) ? gather_add_id(q->gather, id, asking->source)
									 : ERR_OK;
}

/* An EntityMap, or a list of entities. */
static enum err_code take_ids(struct gather_query *q, struct asking *asking, const struct json *body)
{
	const struct json *map = json_get(body, STR("entityMap"));
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && json_is(map, JSON_OBJECT) && i < map->count; i++)
		code = add_id(q, asking, map->members[i].key);
	for (uint32_t i = 0; code == ERR_OK && json_is(body, JSON_ARRAY) && i < body->count; i++)
		code = add_id(q, asking, json_text(json_get(&body->items[i], STR("id"))));
	return code;
}

enum err_code gather_map_take_ids(struct gather_query *q, struct forward *forward)
{
	struct asking *asking = forward->self;
	struct json *body;

	if (!(forward->sent && forward_settle(forward, true)) || forward->code != ERR_OK) {
		if (forward->status != 404)
			forward_warn_failure(forward);
		asking->complete = true;
		return ERR_OK;
	}
	body = forward_body(forward);
	if (json_is(body, JSON_OBJECT)) {
		asking->complete = true;
		asking->entity_map = json_text(json_get(body, STR("id")));
	} else if (json_is(body, JSON_ARRAY)) {
		gather_note_page(q, asking, forward, body->count);
	} else {
		forward_warn(forward, 111);
		asking->complete = true;
	}
	return take_ids(q, asking, body);
}

static enum err_code map_new(struct gather_query *q, int64_t life_us)
{
	struct call *call = q->call;
	struct str *linked_maps = arena_array(call->arena, struct str, q->sources.count);

	if (!linked_maps)
		return err_set(&call->error, ERR_LIMIT, "the entity map does not fit into a request's memory");
	for (size_t i = 0; i < q->sources.count; i++)
		linked_maps[i] = q->asking[i].entity_map;
	return gather_map_new(q->gather, &q->sources, linked_maps, &q->asked->marks, life_us, &q->map);
}

void gather_map_make(struct gather_query *q)
{
	struct call *call = q->call;
	struct entity_map *unused = NULL;
	int64_t life_us = 0;
	bool wanted;
	enum err_code code = entity_map_wish(call, &unused, &wanted, &life_us);

	(void)entity_map_unref(unused);
	if (code == ERR_OK)
		code = map_new(q, life_us);
	if (code != ERR_OK) {
		gather_fail(call, code);
		return;
	}
	q->mapping = false;
	q->made = true;
	if (!q->only_map) {
		gather_map_page(q);
		return;
	}
	forward_warnings_put(call);
	entity_map_header(call, q->map);
	entity_map_answer(call, 201, entity_map_ref(q->map));
}

/* ---- a page of one ---- */

static enum err_code feed_page(void *self, bool (*visit)(void *visitor, const struct json *entity), void *visitor,
			       struct broker_page_result *ret_result)
{
	struct gather_query *q = self;
	size_t count = entity_map_count(q->map), ahead = q->place;
	struct broker_page_result result = {.first = q->page.offset, .total = q->map_matches};

	for (size_t i = 0; i < q->shown_count; i++) {
		result.returned++;
		result.last = q->shown_at[i];
		if (!visit(visitor, q->shown[i]))
			break;
	}
	/* With a count all places were looked at: what follows the page is behind its last entity. */
	if (q->page.count && q->shown_count == q->page.limit && q->shown_count > 0)
		ahead = q->shown_at[q->shown_count - 1] + 1;
	result.behind = ahead;
	while (ahead < count && entity_map_is_gone(q->map, ahead))
		ahead++;
	result.more = ahead < count;
	result.before = entity_map_before(q->map, q->page.offset, q->page.limit);
	*ret_result = result;
	return ERR_OK;
}

static void answer(struct gather_query *q)
{
	const struct page_feed feed = {feed_page, q};

	q->call->linked = gather_linked(q->gather);
	if (q->options.links)
		q->options.links->source = q->call->linked;
	q->page.map = q->map;
	entity_map_header(q->call, q->map);
	forward_warnings_put(q->call);
	query_page_answer(q->call, &q->options, &q->page, &feed, q->made ? 201 : 200);
}

static bool page_full(const struct gather_query *q)
{
	return q->shown_count >= q->page.limit;
}

static void next_chunk(struct gather_query *q);

/* What the sources said of the places under way: shown, or gone. */
static enum err_code judge_chunk(struct gather_query *q)
{
	bool trims = entity_map_marks(q->map)->query == q->asked->marks.query;

	for (size_t i = 0; i < q->chunk_count; i++) {
		size_t at = q->chunk[i];
		struct gathered *gathered = map_get(&q->gather->by_id, entity_map_at(q->map, at));
		enum err_code code = gathered ? gather_unite(q->gather, gathered) : ERR_OK;

		if (code != ERR_OK)
			return code;
		if (!gathered || !gather_is_match(q, gathered)) {
			if (trims && (!q->call->warnings.len || gathered))
				entity_map_mark_gone(q->map, at);
			continue;
		}
		if (at >= q->page.offset && !page_full(q)) {
			q->shown_at[q->shown_count] = at;
			q->shown[q->shown_count++] = gathered->entity;
		}
		q->map_matches++;
	}
	return ERR_OK;
}

static void take_answers(struct call *call)
{
	struct gather_query *q = call->work;
	enum err_code code = ERR_OK;

	call->resume = take_answers;
	for (; code == ERR_OK && q->next < q->round->count; q->next++) {
		code = gather_take_answer(q, q->round->at[q->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK)
		code = judge_chunk(q);
	if (code == ERR_OK)
		next_chunk(q);
	else
		gather_fail(call, code);
}

/* The asking of the source that the map knows by this number; NULL: it is no source any more. */
static struct asking *asking_of(struct gather_query *q, size_t number)
{
	struct str id = entity_map_source(q->map, number)->registration_id;

	for (size_t i = 0; i < q->sources.count; i++)
		if (str_eq(source_id(q->sources.at[i]), id))
			return &q->asking[i];
	return NULL;
}

static enum err_code ask_source(struct gather_query *q, size_t number)
{
	struct asking *asking = asking_of(q, number);
	struct buf ids, out;
	size_t count = 0;

	if (!asking)
		return ERR_OK;
	asking->entity_map = entity_map_source(q->map, number)->linked_map;
	buf_init(&ids, API_SCRATCH_BYTES_MAX);
	for (size_t i = 0; i < q->chunk_count; i++) {
		if (!entity_map_holds(q->map, q->chunk[i], number + 1))
			continue;
		if (count++ > 0)
			buf_put_char(&ids, ',');
		buf_put(&ids, entity_map_at(q->map, q->chunk[i]));
	}
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	if (count > 0) {
		put_parameter(&out, STR("id"), buf_str(&ids));
		buf_printf(&out, "&limit=%zu", count);
	}
	buf_done(&ids);
	struct str page = buf_to_arena(&out, q->call->arena);

	if (!page.at)
		return err_set(&q->call->error, ERR_LIMIT, "no memory for requests to sources");
	return count > 0 ? gather_request_add(q, asking, "/entities", page) : ERR_OK;
}

static enum err_code take_own(struct gather_query *q, size_t at)
{
	struct call *call = q->call;
	struct json *entity = NULL;
	enum err_code code;

	if (!entity_map_holds(q->map, at, 0))
		return ERR_OK;
	code = broker_retrieve(call->loop->reader, call->tenant, entity_map_at(q->map, at), call->arena, &entity,
			       &call->error);
	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	return code == ERR_OK ? gather_add(q->gather, entity, NULL) : code;
}

static enum err_code ask_chunk(struct gather_query *q)
{
	enum err_code code = gather_new(q->call, &q->gather);

	if (code == ERR_OK)
		code = forward_round_new(q->call, &q->round);
	for (size_t i = 0; code == ERR_OK && i < q->chunk_count; i++)
		code = take_own(q, q->chunk[i]);
	for (size_t i = 0; code == ERR_OK && i < entity_map_source_count(q->map); i++)
		code = ask_source(q, i);
	q->next = 0;
	return code;
}

/* The next places that are not gone; none when the page is full, unless all are to be counted. */
static void next_chunk(struct gather_query *q)
{
	size_t count = entity_map_count(q->map);
	size_t wanted = q->page.count ? GATHER_IDS : (size_t)q->page.limit - q->shown_count;

	if (wanted > GATHER_IDS)
		wanted = GATHER_IDS;
	q->chunk_count = 0;
	for (; q->chunk_count < wanted && q->place < count; q->place++)
		if (!entity_map_is_gone(q->map, q->place))
			q->chunk[q->chunk_count++] = q->place;
	enum err_code code = q->chunk_count > 0 ? ask_chunk(q) : ERR_OK;

	if (code != ERR_OK)
		gather_fail(q->call, code);
	else if (q->chunk_count > 0)
		forward_send(q->round, take_answers);
	else
		answer(q);
}

void gather_map_page(struct gather_query *q)
{
	struct arena *arena = q->call->arena;

	q->chunk = arena_array(arena, size_t, GATHER_IDS);
	q->shown = arena_array(arena, const struct json *, q->page.limit);
	q->shown_at = arena_array(arena, size_t, q->page.limit);
	if (!q->chunk || !q->shown || !q->shown_at) {
		gather_fail(q->call,
			    err_set(&q->call->error, ERR_LIMIT, "the page does not fit into a request's memory"));
		return;
	}
	q->place = q->page.count ? 0 : (size_t)q->page.offset;
	if (q->place > entity_map_count(q->map))
		q->place = entity_map_count(q->map);
	next_chunk(q);
}
