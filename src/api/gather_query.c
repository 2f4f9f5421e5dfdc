/* Query Entities over this broker and other sources (5.7.2.4, 4.3.6.7).
 *
 * Entities come in one order: this broker's own first, then those of each source, in the order of sources; one that was
 * met before is part of what was met. Of each source as many entities are asked for as the page may need. Where an
 * entity may be spread over sources (splitEntities) the filters are left out of the requests and put to the entities
 * once they are together; so with filters all that the sources have is looked at. Else the entities of the page are
 * asked for once more of those sources that had more to give and may have them by what they are registered for. */
#include "api/gather_query_int.h"

#include <string.h>

static void release(void *self)
{
	struct gather_query *q = self;

	query_done(q->broad);
	query_done(q->matching);
	question_done(&q->question);
	asked_done(q->asked);
	(void)entity_map_unref(q->map);
}

void gather_fail(struct call *call, enum err_code code)
{
	forward_warnings_put(call);
	answer_query_error(call, code);
}

/* ---- the page ---- */

static enum err_code feed_page(void *self, bool (*visit)(void *visitor, const struct json *entity), void *visitor,
			       struct broker_page_result *ret_result)
{
	struct gather_query *q = self;
	const struct broker_page *page = &q->page;
	struct broker_page_result result = {.first = page->offset};
	bool complete = q->own_complete;
	uint64_t total = q->own_total, spare = q->gather->versions - q->gather->count;

	for (size_t i = 0; i < q->sources.count; i++) {
		complete = complete && q->asking[i].complete;
		total += q->asking[i].total;
	}
	result.total = complete ? q->match_count : total > spare ? total - spare : 0;
	if (page->last_when_beyond && complete && page->limit && q->match_count && result.first >= q->match_count)
		result.first = q->match_count - 1;
	for (uint64_t at = result.first; at < q->match_count && result.returned < page->limit; at++) {
		result.returned++;
		if (!visit(visitor, q->matches[at]->entity))
			break;
	}
	result.behind = result.first + result.returned;
	result.last = result.returned ? result.behind - 1 : 0;
	result.more = result.behind < q->match_count || (!complete && result.behind < result.total);
	result.before = result.first > page->limit ? result.first - page->limit : 0;
	*ret_result = result;
	return ERR_OK;
}

static void answer(struct gather_query *q)
{
	const struct page_feed feed = {feed_page, q};

	q->call->linked = gather_linked(q->gather);
	if (q->options.links)
		q->options.links->source = q->call->linked;
	forward_warnings_put(q->call);
	query_page_answer(q->call, &q->options, &q->page, &feed, 200);
}

/* ---- which of them match ---- */

bool gather_is_match(const struct gather_query *q, const struct gathered *gathered)
{
	const struct linked_source linked = gather_linked(q->gather);

	if (gathered->ids_only)
		return true; /* whoever has it has found that it matches */
	if (!gathered->entity)
		return false;
	/* What one source has whole it has filtered itself, perhaps by attributes that it does not show. */
	if (!q->split && (gathered->count > 1 || gathered->holders[0]))
		return query_selects(q->asked->query, gathered->entity);
	return query_matches_linked(q->asked->query, gathered->entity, &linked);
}

static enum err_code find_matches(struct gather_query *q)
{
	struct gather *gather = q->gather;
	struct call *call = q->call;
	enum err_code code = ERR_OK;

	q->matches = arena_array(call->arena, struct gathered *, gather->count);
	if (!q->matches)
		return err_set(&call->error, ERR_LIMIT, "the matches do not fit into the memory of a request");
	q->match_count = 0;
	for (size_t i = 0; code == ERR_OK && i < gather->count; i++) {
		code = gather_unite(gather, gather->at[i]);
		if (code == ERR_OK && gather_is_match(q, gather->at[i]))
			q->matches[q->match_count++] = gather->at[i];
	}
	return code;
}

/* ---- the second look: what others have of the entities of the page ---- */

static void take_answers(struct call *call);

static bool holds(const struct gathered *gathered, const struct source *source)
{
	for (size_t i = 0; i < gathered->count; i++)
		if (gathered->holders[i] == source)
			return gathered->versions[i].entity != NULL;
	return false;
}

enum err_code gather_request_add(struct gather_query *q, struct asking *asking, const char *path, struct str page)
{
	struct call *call = q->call;
	struct forward *forward = forward_add(q->round, asking->source, "GET", str_from(path));
	struct buf out;

	if (!forward)
		return ERR_LIMIT;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	buf_put(&out, asking->parameters);
	if (!str_starts(page, STR("id=")))
		put_parameter(&out, STR("id"), asking->ids);
	if (out.len && page.len)
		buf_put_char(&out, '&');
	buf_put(&out, page);
	forward->query = buf_to_arena(&out, call->arena);
	forward->context_value = call->context_value;
	forward->self = asking;
	forward->entity_map = asking->entity_map;
	return forward->query.at ? ERR_OK : err_set(&call->error, ERR_LIMIT, "no memory for requests to sources");
}

/* The ids of matches from..to of the page that the source has not given, as a parameter. */
static struct str ids_missing(struct gather_query *q, const struct asking *asking, size_t from, size_t to)
{
	struct buf ids, out;

	buf_init(&ids, API_SCRATCH_BYTES_MAX);
	for (size_t i = from; i < to; i++) {
		const struct registration_entity entity = {.id = q->matches[i]->id};

		if (holds(q->matches[i], asking->source) || !source_covers(asking->source, &entity, STR_NONE))
			continue;
		if (ids.len)
			buf_put_char(&ids, ',');
		buf_put(&ids, q->matches[i]->id);
	}
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	if (ids.len)
		put_parameter(&out, STR("id"), buf_str(&ids));
	buf_printf(&out, "%slimit=%u", out.len ? "&" : "", GATHER_IDS);
	bool some = ids.len > 0;

	buf_done(&ids);
	struct str text = buf_to_arena(&out, q->call->arena);

	return some ? text : STR("");
}

static enum err_code complete_page(struct gather_query *q, bool *ret_asks)
{
	size_t from = q->page.offset < q->match_count ? (size_t)q->page.offset : q->match_count;
	size_t to = q->match_count - from < q->page.limit ? q->match_count : from + (size_t)q->page.limit;
	enum err_code code = forward_round_new(q->call, &q->round);

	for (size_t i = 0; code == ERR_OK && i < q->sources.count; i++) {
		struct asking *asking = &q->asking[i];

		if (asking->complete && asking->got <= q->page_need)
			continue;
		for (size_t at = from; code == ERR_OK && at < to; at += GATHER_IDS) {
			struct str page = ids_missing(q, asking, at, to - at < GATHER_IDS ? to : at + GATHER_IDS);

			if (!page.at)
				code = err_set(&q->call->error, ERR_LIMIT, "no memory for requests to sources");
			else if (page.len)
				code = gather_request_add(q, asking, "/entities", page);
		}
	}
	*ret_asks = code == ERR_OK && q->round->count > 0;
	return code;
}

static void finish(struct gather_query *q)
{
	bool asks = false;
	enum err_code code = q->own_code == ERR_OK ? find_matches(q) : q->own_code;

	if (code == ERR_OK && q->page_need != GATHER_ALL && !q->completing) {
		q->completing = true;
		q->next = 0;
		code = complete_page(q, &asks);
	}
	if (code != ERR_OK)
		gather_fail(q->call, code);
	else if (asks)
		forward_send(q->round, take_answers);
	else
		answer(q);
}

/* ---- what came back ---- */

/* Beyond the page only the number counts. */
static enum err_code take_id(struct gather_query *q, const struct forward *forward, const struct json *body)
{
	struct str id = json_text(json_get(body, STR("id")));
	const struct registration_entity about = {.id = id};

	return id.len && source_covers(forward->source, &about, STR_NONE)
		       ? gather_add_id(q->gather, id, forward->source)
		       : ERR_OK;
}

/* One entity that is none does not spoil the others. first: how many the source has given before. */
static enum err_code take_entities(struct gather_query *q, struct forward *forward, struct json *list,
				   struct context *context, uint64_t first)
{
	bool bad = false;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && i < list->count; i++) {
		struct json *entity = NULL;

		if (!q->map && !q->completing && first + i >= q->page_need) {
			code = take_id(q, forward, &list->items[i]);
			continue;
		}
		code = gather_expand(forward, &list->items[i], context, &entity);
		bad = bad || code == ERR_INVALID;
		if (code == ERR_OK && entity)
			code = gather_add(q->gather, entity, forward->source);
		else if (code == ERR_INVALID)
			code = ERR_OK;
		else if (code != ERR_OK)
			code = err_set(&q->call->error, ERR_LIMIT, "the answers do not fit into a request's memory");
	}
	if (bad)
		forward_warn(forward, 111);
	return code;
}

void gather_note_page(struct gather_query *q, struct asking *asking, const struct forward *forward, uint32_t count)
{
	uint64_t total, wanted = q->need - asking->got;

	if (q->completing || q->map)
		return;
	asking->got += count;
	if (str_to_uint64(forward_header(forward, WANTED_COUNT), &total)) {
		asking->total = total;
		asking->total_known = true;
	}
	asking->complete = !forward_has_next(forward) && count < (wanted < GATHER_PAGE ? wanted : GATHER_PAGE);
	asking->complete = asking->complete || count == 0 || (asking->total_known && asking->got >= asking->total);
	if (!asking->total_known || asking->complete)
		asking->total = asking->got;
}

/* ERR_TIMEOUT: suspended. */
enum err_code gather_take_answer(struct gather_query *q, struct forward *forward)
{
	struct asking *asking = forward->self;
	struct json *list = NULL;
	struct context *context = NULL;
	enum err_code code = forward_take(forward, &list, &context);

	if (code == ERR_TIMEOUT)
		return code;
	if (json_is(list, JSON_ARRAY)) {
		uint64_t first = q->completing || q->map ? 0 : asking->got;

		gather_note_page(q, asking, forward, list->count);
		return take_entities(q, forward, list, context, first);
	}
	if (list)
		forward_warn(forward, 111);
	asking->complete = true;
	return ERR_OK;
}

static enum err_code next_pages(struct gather_query *q);

static void take_answers(struct call *call)
{
	struct gather_query *q = call->work;
	enum err_code code = q->own_code;

	call->resume = take_answers;
	for (; code == ERR_OK && q->next < q->round->count; q->next++) {
		code = q->mapping ? gather_map_take_ids(q, q->round->at[q->next])
				  : gather_take_answer(q, q->round->at[q->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK && !q->completing)
		code = next_pages(q);
	if (code != ERR_OK)
		gather_fail(call, code);
	else if (!q->completing && q->round->count > 0)
		forward_send(q->round, take_answers);
	else if (q->mapping)
		gather_map_make(q);
	else
		finish(q);
}

/* ---- asking ---- */

/* A round with a page of each source that has more and of which more is wanted; perhaps with none. */
static enum err_code next_pages(struct gather_query *q)
{
	struct call *call = q->call;
	enum err_code code = forward_round_new(call, &q->round);

	q->next = 0;
	for (size_t i = 0; code == ERR_OK && i < q->sources.count; i++) {
		struct asking *asking = &q->asking[i];
		uint64_t wanted = q->need - asking->got;
		struct buf out;

		if (asking->complete || asking->got >= q->need)
			continue;
		if (asking->got > GATHER_IDS_MAX)
			return err_set(&call->error, ERR_LIMIT, "a source has more than %u entities", GATHER_IDS_MAX);
		buf_init(&out, API_SCRATCH_BYTES_MAX);
		buf_printf(&out, "limit=%u", (unsigned int)(wanted < GATHER_PAGE ? wanted : GATHER_PAGE));
		if (asking->got)
			buf_printf(&out, "&offset=%llu", (unsigned long long)asking->got);
		if (q->page.count)
			buf_put(&out, STR("&count=true"));
		struct str page = buf_to_arena(&out, call->arena);

		if (q->mapping && source_supports(asking->source, SOURCE_CREATE_ENTITY_MAP_QUERY_ENTITY)) {
			code = gather_request_add(q, asking, "/entityMaps", STR(""));
			continue;
		}
		code = page.at ? gather_request_add(q, asking, "/entities", page)
			       : err_set(&call->error, ERR_LIMIT, "no memory for requests to sources");
	}
	return code;
}

struct own {
	struct gather_query *q;
	uint64_t count;
};

static bool take_own_entity(void *self, const struct json *entity)
{
	struct own *own = self;
	struct gather_query *q = own->q;
	struct json *copy;

	own->count++;
	if (q->mapping || own->count > q->page_need) {
		q->own_code = gather_add_id(q->gather, arena_dup(q->call->arena, document_id(entity)), NULL);
		return q->own_code == ERR_OK;
	}
	copy = json_dup(q->call->arena, entity);
	q->own_code = copy ? gather_add(q->gather, copy, NULL)
			   : err_set(&q->call->error, ERR_LIMIT, "the entities do not fit into a request's memory");
	return q->own_code == ERR_OK;
}

static enum err_code take_own(struct gather_query *q)
{
	struct call *call = q->call;
	struct own own = {.q = q};
	struct broker_page page = {.limit = q->need == GATHER_ALL ? GATHER_IDS_MAX + 1u : q->need};
	struct broker_page_result result = {0};
	enum err_code code = broker_query(call->loop->reader, call->tenant, q->split ? q->broad : q->asked->query,
					  &page, take_own_entity, &own, &result, &call->error);

	if (code == ERR_OK)
		code = q->own_code;
	q->own_complete = !result.more;
	q->own_total = own.count;
	return code;
}

void gather_put_filters(const struct call *call, const struct query_text *text, struct buf *out)
{
	put_parameter(out, STR("q"), text->q);
	put_parameter(out, STR("scopeQ"), text->scope_q);
	put_parameter(out, STR("georel"), text->georel);
	put_parameter(out, STR("geometry"), text->geometry);
	put_parameter(out, STR("coordinates"), text->coordinates);
	put_parameter(out, STR("geoproperty"), text->geoproperty);
	put_parameter(out, STR("expandValues"), text->expand_values);
	put_parameter(out, STR("jsonKeys"), text->json_keys);
	put_parameter(out, STR("splitEntities"), call->parameters[P_SPLIT_ENTITIES]);
}

/* ERR_TIMEOUT: suspended. */
static enum err_code parameters_make(struct gather_query *q, struct asking *asking)
{
	struct call *call = q->call;
	struct narrowed narrowed = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};
	struct registration_question asked = q->question.asked;
	struct context *names = NULL;
	struct query_text text = q->text;
	struct buf out;
	enum err_code code = forward_names(call, asking->source, &names);

	/* A filter too: an entity without them may have what another filter is about. */
	if (q->split)
		asked.attribute_count = 0;

	if (code == ERR_OK)
		code = gather_narrow(call, asking->source, &asked, &text, names, &narrowed);
	if (code != ERR_OK)
		return code;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	asking->ids = narrowed.ids;
	put_parameter(&out, STR("idPattern"), narrowed.id_pattern);
	put_parameter(&out, STR("type"), narrowed.type);
	put_parameter(&out, STR("attrs"), narrowed.attrs);
	if (!q->split) {
		code = forward_rename_q(call, names, &q->text.q, &text.q);
		gather_put_filters(call, &text, &out);
	}
	/* With the filters gone nothing may be left that a query has to say: then all that it has itself is meant. */
	if (!narrowed.type.at && !narrowed.attrs.at && (q->split || (!q->text.q.at && !q->text.georel.at)))
		put_parameter(&out, STR("local"), STR("true"));
	put_parameter(&out, STR("options"), STR("sysAttrs"));
	asking->parameters = buf_to_arena(&out, call->arena);
	if (code == ERR_OK && !asking->parameters.at)
		code = err_set(&call->error, ERR_LIMIT, "no memory for requests to sources");
	return code;
}

static void ask(struct call *call)
{
	struct gather_query *q = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; code == ERR_OK && q->next < q->sources.count; q->next++) {
		code = parameters_make(q, &q->asking[q->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK && q->map) {
		gather_map_page(q);
		return;
	}
	if (code == ERR_OK)
		code = take_own(q);
	if (code == ERR_OK)
		code = next_pages(q);
	if (code == ERR_OK)
		forward_send(q->round, take_answers);
	else
		gather_fail(call, code);
}

/* ---- what is asked ---- */

/* Attribute names are matched with those registered; what q and the geo-query look at may be elsewhere when entities
 * are spread. */
static enum err_code queries_make(struct gather_query *q)
{
	struct call *call = q->call;
	struct json_parser *parser = broker_reader_parser(call->loop->reader);
	struct query_text broad = {.ids = q->text.ids,
				   .id_pattern = q->text.id_pattern,
				   .type = q->text.type,
				   .selectors = q->text.selectors,
				   .selector_count = q->text.selector_count};
	struct query_text matching = broad;

	if (!q->split)
		matching.scope_q = q->text.scope_q;
	enum err_code code = query_new(call->arena, parser, &broad, call->context, &q->broad, &call->error);

	if (code == ERR_OK)
		code = query_new(call->arena, parser, &matching, call->context, &q->matching, &call->error);
	q->question.asked.query = q->matching;
	return code;
}

static enum err_code sources_find(struct gather_query *q)
{
	struct call *call = q->call;
	enum err_code code = question_take_attributes(call, &q->question);

	if (code == ERR_OK)
		code = question_take_datasets(call, &q->question);
	if (code == ERR_OK)
		code = question_take_csf(call, &q->question);
	if (code == ERR_OK)
		code = queries_make(q);
	/* What the filters look at may be where the attributes that are asked for are not. */
	if (q->split && (q->text.q.at || q->text.georel.at))
		q->question.asked.attribute_count = 0;
	if (code == ERR_OK)
		code = call_sources(call, SOURCE_QUERY_ENTITY, false, &q->question.asked, &q->sources);
	if (code != ERR_OK)
		return code;
	q->asking = arena_array(call->arena, struct asking, q->sources.count);
	if (!q->asking)
		return err_set(&call->error, ERR_MEMORY, "no memory for sources");
	for (size_t i = 0; i < q->sources.count; i++)
		q->asking[i] = (struct asking){.source = q->sources.at[i]};
	return ERR_OK;
}

bool gather_is_split(const struct call *call)
{
	struct str said = call->parameters[P_SPLIT_ENTITIES];

	return said.at ? str_eq(said, STR("true")) : call->api->options.split_entities;
}

static enum err_code begin(struct gather_query *q)
{
	struct call *call = q->call;
	const struct query_text *text = &q->text;
	enum err_code code = sources_find(q);

	if (code == ERR_OK && q->asked->order && q->sources.count > 0)
		code = err_set(&call->error, ERR_INVALID,
			       "orderBy needs local=true: no order is kept over several brokers (5.7.2.4)");
	if (code == ERR_OK)
		code = gather_new(call, &q->gather);
	q->filtered = text->attrs.at || text->q.at || text->scope_q.at || text->georel.at;
	if (code == ERR_OK)
		code = gather_map_take(q);
	q->page_need = q->page.offset + q->page.limit + 1;
	if (q->page_need < q->page.limit || (q->split && q->filtered)) /* beyond all numbers, or who knows which */
		q->page_need = GATHER_ALL;
	q->need = q->mapping || q->page.count ? GATHER_ALL : q->page_need;
	return code;
}

void gather_query(struct call *call, const struct query_text *text, struct asked *asked, const struct broker_page *page,
		  const struct represent_options *options, bool only_map)
{
	struct gather_query *q = arena_new(call->arena, struct gather_query);
	enum err_code code;

	if (!q || !call_on_end(call, release, q)) {
		asked_done(asked);
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	*q = (struct gather_query){.call = call,
				   .asked = asked,
				   .text = *text,
				   .page = *page,
				   .options = *options,
				   .split = gather_is_split(call),
				   .only_map = only_map};
	call->work = q;
	code = begin(q);
	if (code != ERR_OK)
		gather_fail(call, code);
	else
		ask(call);
}
