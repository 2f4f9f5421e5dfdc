/* Evolutions over this broker and other sources (5.7.3.4, 5.7.4.4).
 *
 * Every source that matches is asked for instances as they are; those of one entity are put together, laid over this
 * broker's history (store/overlay.h) and read from there as if all had been here: filters where entities may be spread
 * (splitEntities), datasetIds, lastN, aggregates, limits and pages are done once, by the code that does them for this
 * broker alone. Entities of which no source has anything are read where they lie.
 *
 * A source that gives a range only (206, 6.3.10) makes the answer one of no more than that range. Where everything has
 * to be looked at before anything can be said (aggregates, filters that are put here) it is asked for the rest. */
#include "api/gather_temporal_int.h"
#include "base/time_value.h"
#include "store/overlay.h"

#define PARTS_FIRST 8u
#define PARTS_MAX 100000u /* of one request; more is ERR_LIMIT */

static void release(void *self)
{
	struct gather_temporal *g = self;

	store_overlay_done(g->merged.overlay);
	query_done(g->matching);
	question_done(&g->question);
	if (g->asked)
		asked_done(g->asked);
}

enum err_code gather_temporal_no_memory(struct gather_temporal *g)
{
	return err_set(&g->call->error, ERR_LIMIT, "the evolutions of all sources do not fit into a request's memory");
}

static bool backwards(const struct gather_temporal *g)
{
	return g->t->query.last_n > 0 && !g->whole;
}

/* ---- parts ---- */

struct part *gather_temporal_part(struct gather_temporal *g, const struct part *part)
{
	struct arena *arena = g->call->arena;
	struct part *added = arena_new(arena, struct part);
	struct part **parts =
		added && g->part_count < PARTS_MAX
			? arena_grow(arena, g->parts, g->part_count, &g->part_room, sizeof(struct part *), PARTS_FIRST)
			: NULL;

	if (!parts)
		return NULL;
	g->parts = parts;
	*added = *part;
	g->parts[g->part_count++] = added;
	return added;
}

static struct str ids_of(struct gather_temporal *g, const struct json *list)
{
	struct buf out;

	if (!json_is(list, JSON_ARRAY))
		return STR_NONE;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	for (uint32_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_put_char(&out, ',');
		buf_put(&out, json_text(json_get(&list->items[i], STR("id"))));
	}
	return buf_to_arena(&out, g->call->arena);
}

/* The range of the part, from where it was cut; the instances at that time come once more (5.5.9, 6.3.10). */
static enum err_code rest_add(struct gather_temporal *g, struct forward *forward, const struct json *list,
			      int64_t from_us)
{
	const struct part *part = forward->self;
	struct part rest = *part;

	if ((part->relation == TEMPORAL_AFTER || part->relation == TEMPORAL_BETWEEN) && from_us <= part->at_us) {
		forward_warn(forward, 299); /* more at one moment than it gives at all */
		return ERR_OK;
	}
	if (part->relation == TEMPORAL_BEFORE)
		rest.end_us = part->at_us;
	rest.relation = part->relation == TEMPORAL_BEFORE || part->relation == TEMPORAL_BETWEEN ? TEMPORAL_BETWEEN
												: TEMPORAL_AFTER;
	rest.at_us = from_us;
	rest.got = 0;
	rest.need = UINT64_MAX;
	rest.ended = rest.more = false;
	rest.ids = g->asked ? ids_of(g, list) : STR_NONE;
	if ((g->asked && !rest.ids.at) || !gather_temporal_part(g, &rest))
		return gather_temporal_no_memory(g);
	return ERR_OK;
}

static void note_cut(struct gather_temporal *g, int64_t end_us)
{
	struct broker_temporal_cut *cut = &g->merged.cut;

	if (backwards(g))
		cut->first_us = cut->cut && cut->first_us > end_us ? cut->first_us : end_us;
	else
		cut->last_us = cut->cut && cut->last_us < end_us ? cut->last_us : end_us;
	cut->cut = true;
}

/* ---- what came back ---- */

static enum err_code take_range(struct gather_temporal *g, struct forward *forward, const struct json *list)
{
	int64_t start_us, end_us;

	if (forward->status != 206)
		return ERR_OK;
	if (!temporal_range_read(forward_header(forward, WANTED_RANGE), &start_us, &end_us)) {
		forward_warn(forward, 299);
		return ERR_OK;
	}
	if (g->whole)
		return rest_add(g, forward, list, end_us);
	note_cut(g, end_us);
	return ERR_OK;
}

static enum err_code take_evolution(struct gather_temporal *g, struct forward *forward, const struct json *body,
				    struct context *context, bool *bad)
{
	struct json *evolution = NULL;
	enum err_code code = gather_expand_temporal(forward, body, context, &evolution);

	if (code == ERR_OK && evolution && g->id.at && !str_eq(document_id(evolution), g->id))
		code = ERR_INVALID;
	if (code == ERR_OK && evolution)
		return gather_add(g->gather, evolution, forward->source);
	if (code != ERR_OK && code != ERR_INVALID)
		return gather_temporal_no_memory(g);
	*bad = *bad || code == ERR_INVALID;
	return ERR_OK;
}

static uint64_t page_limit(const struct part *part)
{
	uint64_t wanted = part->need - part->got;

	return wanted < TEMPORAL_PAGE ? wanted : TEMPORAL_PAGE;
}

/* One evolution that is none does not spoil the others. */
static enum err_code take_body(struct gather_temporal *g, struct forward *forward, struct json *body,
			       struct context *context)
{
	struct part *part = forward->self;
	bool bad = json_is(body, JSON_ARRAY) != (g->asked != NULL);
	enum err_code code = ERR_OK;

	part->ended = true;
	if (g->mapping && json_is(body, JSON_OBJECT))
		return gather_temporal_map_take_ids(g, forward, body);
	if (!bad && g->asked) {
		part->more = body->count > 0 && (forward_has_next(forward) || body->count >= page_limit(part));
		part->got += body->count;
		part->ended = !part->more || part->got >= part->need;
		if (g->mapping)
			return gather_temporal_map_take_ids(g, forward, body);
		for (uint32_t i = 0; code == ERR_OK && i < body->count; i++)
			code = take_evolution(g, forward, &body->items[i], context, &bad);
	} else if (!bad) {
		code = take_evolution(g, forward, body, context, &bad);
	}
	if (bad)
		forward_warn(forward, 111);
	return code == ERR_OK && !(bad && part->ended) ? take_range(g, forward, body) : code;
}

/* ERR_TIMEOUT: suspended. */
static enum err_code take_answer(struct gather_temporal *g, struct forward *forward)
{
	struct part *part = forward->self;
	struct json *body = NULL;
	struct context *context = NULL;
	enum err_code code = forward_take(forward, &body, &context);

	if (code == ERR_TIMEOUT)
		return code;
	if (body)
		return take_body(g, forward, body, context);
	part->ended = true;
	return code == ERR_MEMORY ? gather_temporal_no_memory(g) : ERR_OK;
}

/* ---- asking ---- */

static void put_time(struct buf *out, struct str name, int64_t us)
{
	char text[TIME_ISO_BYTES];

	put_parameter(out, name, time_format_iso(us, text));
}

static void put_times(struct buf *out, const struct part *part)
{
	static const struct str names[] = {[TEMPORAL_BEFORE] = {"before", 6},
					   [TEMPORAL_AFTER] = {"after", 5},
					   [TEMPORAL_BETWEEN] = {"between", 7}};

	if (part->relation == TEMPORAL_ANY)
		return;
	put_parameter(out, STR("timerel"), names[part->relation]);
	put_time(out, STR("timeAt"), part->at_us);
	if (part->relation == TEMPORAL_BETWEEN)
		put_time(out, STR("endTimeAt"), part->end_us);
}

static struct str path_of(struct gather_temporal *g, const struct part *part)
{
	struct arena *arena = g->call->arena;

	if (gather_temporal_makes_map(g, part))
		return STR("/temporal/entityMaps");
	return g->asked ? STR("/temporal/entities") : arena_concat(arena, STR("/temporal"), entity_path(arena, g->id));
}

static enum err_code request_add(struct gather_temporal *g, struct part *part)
{
	struct call *call = g->call;
	struct forward *forward = forward_add(g->round, part->source, "GET", path_of(g, part));
	struct buf out;

	if (!forward)
		return ERR_LIMIT;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	buf_put(&out, part->parameters);
	put_parameter(&out, STR("id"), part->ids);
	put_times(&out, part);
	if (g->mapping && !gather_temporal_makes_map(g, part))
		put_parameter(&out, STR("lastN"), STR("1")); /* that it is there is enough */
	else if (backwards(g))
		put_parameter(&out, STR("lastN"), g->call->parameters[P_LAST_N]);
	if (g->asked && !gather_temporal_makes_map(g, part))
		buf_printf(&out, "&limit=%llu", (unsigned long long)page_limit(part));
	if (part->got)
		buf_printf(&out, "&offset=%llu", (unsigned long long)part->got);
	forward->query = buf_to_arena(&out, call->arena);
	forward->context_value = call->context_value;
	forward->entity_map = part->entity_map;
	forward->self = part;
	return forward->query.at ? ERR_OK : gather_temporal_no_memory(g);
}

static void take_answers(struct call *call);

/* A round with what is still wanted; perhaps with none. */
static enum err_code next_round(struct gather_temporal *g)
{
	enum err_code code = forward_round_new(g->call, &g->round);

	g->next = 0;
	for (size_t i = 0; code == ERR_OK && i < g->part_count; i++)
		if (!g->parts[i]->ended)
			code = request_add(g, g->parts[i]);
	return code;
}

static void take_answers(struct call *call)
{
	struct gather_temporal *g = call->work;
	enum err_code code = ERR_OK;

	call->resume = take_answers;
	for (; code == ERR_OK && g->next < g->round->count; g->next++) {
		code = take_answer(g, g->round->at[g->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK)
		code = next_round(g);
	if (code == ERR_OK && g->round->count == 0 && g->asked && g->split && !g->completing) {
		code = gather_temporal_complete(g);
		if (code == ERR_OK)
			code = next_round(g);
	}
	if (code != ERR_OK)
		temporal_answer_failure(g->t, code);
	else if (g->round->count > 0)
		forward_send(g->round, take_answers);
	else if (g->mapping)
		gather_temporal_map_make(g);
	else
		gather_temporal_finish(g);
}

void gather_temporal_run(struct gather_temporal *g)
{
	enum err_code code = next_round(g);

	if (code == ERR_OK)
		forward_send(g->round, take_answers);
	else
		temporal_answer_failure(g->t, code);
}

/* What is asked of entities. */
static void put_question(struct gather_temporal *g, const struct source *source, const struct narrowed *narrowed,
			 const struct query_text *text, struct buf *out)
{
	bool something = narrowed->type.at || narrowed->attrs.at || (!g->split && (text->q.at || text->georel.at));

	put_parameter(out, STR("attrs"), narrowed->attrs);
	if (!g->asked)
		return;
	put_parameter(out, STR("idPattern"), narrowed->id_pattern);
	put_parameter(out, STR("type"), narrowed->type);
	if (!g->split)
		gather_put_filters(g->call, text, out);
	/* A query has to say something, unless all that the source has itself is meant (5.7.4.4). */
	if (!something && !source_management(source).local_only)
		put_parameter(out, STR("local"), STR("true"));
}

/* ERR_TIMEOUT: suspended. */
static enum err_code first_part(struct gather_temporal *g, struct source *source)
{
	struct call *call = g->call;
	const struct temporal_query *query = &g->t->query;
	struct part part = {.source = source,
			    .relation = query->relation,
			    .at_us = query->at_us,
			    .end_us = query->end_us,
			    .need = g->need};
	struct narrowed narrowed = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};
	struct query_text text = g->text;
	struct context *names = NULL;
	struct buf out;
	enum err_code code = forward_names(call, source, &names);

	if (code == ERR_OK)
		code = gather_narrow(call, source, &g->question.asked, &text, names, &narrowed);
	if (code == ERR_OK && g->asked && !g->split)
		code = forward_rename_q(call, names, &g->text.q, &text.q);
	if (code != ERR_OK)
		return code;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	put_parameter(&out, STR("options"), STR("sysAttrs"));
	put_question(g, source, &narrowed, &text, &out);
	put_parameter(&out, STR("timeproperty"), call->parameters[P_TIMEPROPERTY]);
	part.parameters = buf_to_arena(&out, call->arena);
	part.ids = g->asked ? narrowed.ids : STR_NONE;
	g->first[g->next] = part;
	return part.parameters.at && (!gather_temporal_asks_first(g, source) || gather_temporal_part(g, &part))
		       ? ERR_OK
		       : gather_temporal_no_memory(g);
}

static void ask(struct call *call)
{
	struct gather_temporal *g = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; code == ERR_OK && g->next < g->sources.count; g->next++) {
		code = first_part(g, g->sources.at[g->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code != ERR_OK)
		temporal_answer_failure(g->t, code);
	else if (g->asked && g->t->map)
		gather_temporal_map_page(g);
	else
		gather_temporal_run(g);
}

/* ---- what is asked ---- */

/* What q and the geo-query look at may be elsewhere when entities are spread. */
static enum err_code matching_make(struct gather_temporal *g)
{
	struct call *call = g->call;
	struct registration_question *match = &g->question.asked;
	struct query_text text = {.ids = g->text.ids,
				  .id_pattern = g->text.id_pattern,
				  .type = g->text.type,
				  .selectors = g->text.selectors,
				  .selector_count = g->text.selector_count};

	if (!g->asked) {
		match->entity.id = g->id;
		return ERR_OK;
	}
	if (!g->split)
		text.scope_q = g->text.scope_q;
	enum err_code code = query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context,
				       &g->matching, &call->error);

	match->query = g->matching;
	return code;
}

static enum err_code sources_find(struct gather_temporal *g)
{
	struct call *call = g->call;
	struct registration_question *match = &g->question.asked;
	const struct query_text *text = &g->text;
	/* Filters that are put here may look at any attribute, whatever is shown in the end. */
	bool all = g->split && (text->q.at || text->scope_q.at || text->georel.at);
	enum err_code code = all ? ERR_OK : question_take_attributes(call, &g->question);

	if (code == ERR_OK)
		code = question_take_datasets(call, &g->question);
	if (code == ERR_OK)
		code = question_take_temporal(call, &g->question);
	if (code == ERR_OK)
		code = question_take_csf(call, &g->question);
	if (code == ERR_OK)
		code = matching_make(g);
	/* A retrieval without a time is one of whatever is known (5.7.3.4). */
	match->any_time = !match->temporal;
	if (code == ERR_OK)
		code = call_sources(call, g->asked ? SOURCE_QUERY_TEMPORAL : SOURCE_RETRIEVE_TEMPORAL, false, match,
				    &g->sources);
	return code;
}

static void begin(struct gather_temporal *g)
{
	const struct query_text *text = &g->text;
	struct call *call = g->call;
	bool filtered = text->attrs.at || text->q.at || text->scope_q.at || text->georel.at;

	call->work = g;
	g->split = g->asked && gather_is_split(call);
	/* The last of an attribute that a source would choose are not those that remain after a filter. */
	g->whole = g->t->form.form == TEMPORAL_AGGREGATED || (g->split && filtered) ||
		   (g->t->query.last_n && call->parameters[P_DATASET_ID].at);
	g->need = UINT64_MAX;
	if (g->asked && !g->page.count && !(g->split && filtered) && g->page.offset < UINT32_MAX)
		g->need = g->page.offset + g->page.limit + 1;
	enum err_code code = sources_find(g);

	if (code == ERR_OK) {
		g->first = arena_array(call->arena, struct part, g->sources.count);
		code = g->first ? gather_new(call, &g->gather) : gather_temporal_no_memory(g);
	}
	if (code == ERR_OK)
		code = gather_temporal_map_take(g);
	if (code != ERR_OK) {
		temporal_answer_failure(g->t, code);
		return;
	}
	g->gather->parts = true;
	ask(call);
}

static struct gather_temporal *gather_temporal_new(struct temporal_call *t, struct asked *asked)
{
	struct call *call = t->call;
	struct gather_temporal *g = arena_new(call->arena, struct gather_temporal);

	if (g)
		*g = (struct gather_temporal){.t = t, .call = call, .asked = asked};
	if (g && call_on_end(call, release, g))
		return g;
	if (asked)
		asked_done(asked);
	answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
	return NULL;
}

void gather_temporal_one(struct temporal_call *t, struct str id)
{
	struct gather_temporal *g = gather_temporal_new(t, NULL);

	if (!g)
		return;
	g->id = id;
	begin(g);
}

void gather_temporal_page(struct temporal_call *t, const struct query_text *text, struct asked *asked,
			  const struct broker_page *page)
{
	struct gather_temporal *g = gather_temporal_new(t, asked);

	if (!g)
		return;
	g->text = *text;
	g->page = *page;
	begin(g);
}
