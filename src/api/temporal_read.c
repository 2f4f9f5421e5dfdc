/* Temporal evolutions retrieved and queried.
 * Source: GS CIM 009 V1.9.1 clauses 5.7.3, 5.7.4, 5.14.5, 6.3.10 to 6.3.12, 6.18.3.2, 6.19.3.1, 6.24.3.1,
 * 6.35. */
#include "api/forward_int.h"
#include "api/temporal_int.h"
#include "base/time_value.h"
#include "broker/identity.h"

enum err_code temporal_holder(struct call *call, struct str *ret_holder)
{
	struct error err;
	enum err_code code = broker_identity(call->loop->reader, call->tenant, call->arena, ret_holder, &err);

	/* Whose tenant is not there has no instances. */
	if (code == ERR_OK || code == ERR_NOT_FOUND || code == ERR_TENANT)
		return ERR_OK;
	return err_set(&call->error, code, "%s", err.detail);
}

static enum err_code temporal_take(struct temporal_call *t)
{
	struct call *call = t->call;
	const struct str *texts = call->parameters;
	const struct temporal_text text = {.timerel = texts[P_TIMEREL],
					   .time_at = texts[P_TIME_AT],
					   .end_time_at = texts[P_END_TIME_AT],
					   .timeproperty = texts[P_TIMEPROPERTY],
					   .last_n = texts[P_LAST_N],
					   .aggr_methods = texts[P_AGGR_METHODS],
					   .aggr_period = texts[P_AGGR_PERIOD],
					   .aggregated = call->form == TEMPORAL_AGGREGATED};
	struct str holder = STR_NONE;
	enum err_code code = temporal_query_read(&text, &t->query, &call->error);

	if (code == ERR_OK)
		code = call_representation(call, &t->represent, &call->error);
	if (code == ERR_OK)
		code = temporal_holder(call, &holder);
	t->form = (struct temporal_options){call->form, &t->query, &t->represent, holder};
	t->ask = (struct broker_temporal_ask){.temporal = &t->query,
					      .form = call->form,
					      .represent = &t->represent,
					      .holder = holder,
					      .instances_max = call->api->options.instances_max,
					      .total_max = call->api->options.instances_total_max};
	return code;
}

static void release(void *self)
{
	struct temporal_call *t = self;

	arena_done(&t->arena);
	t->map = entity_map_unref(t->map);
}

/* False: answered. */
static bool temporal_new(struct call *call, struct temporal_call **ret)
{
	struct temporal_call *t = arena_new(call->arena, struct temporal_call);

	if (!t || !call_on_end(call, release, t)) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return false;
	}
	t->call = call;
	arena_init(&t->arena, API_TEMPORAL_BYTES_MAX);
	*ret = t;
	return true;
}

/* A method that does not apply to what the client asked for is InvalidRequest (5.7.4.4). */
void temporal_answer_failure(struct temporal_call *t, enum err_code code)
{
	struct call *call = t->call;

	forward_warnings_put(call);
	if (code == ERR_UNSUPPORTED)
		answer_problem(call, PROBLEM_INVALID_REQUEST, "%s", call->error.detail);
	else
		answer_query_error(call, code);
}

/* Clause 6.3.10: what range of time a partial answer holds, so that the client can ask for the rest. */
static void range_header(const struct temporal_call *t, const struct broker_temporal_cut *range)
{
	const struct temporal_query *query = &t->query;
	struct arena *arena = t->call->arena;
	bool backwards = query->last_n > 0;
	int64_t start_us = backwards ? range->last_us : range->first_us;
	int64_t end_us = backwards ? range->first_us : range->last_us;
	char start[TIME_ISO_BYTES], end[TIME_ISO_BYTES];
	struct str size = STR("*");

	if (backwards) {
		size = arena_printf(arena, "%llu", (unsigned long long)query->last_n);
		if (query->relation == TEMPORAL_BEFORE)
			start_us = query->at_us;
		if (query->relation == TEMPORAL_BETWEEN)
			start_us = query->end_us;
	} else if (query->relation == TEMPORAL_AFTER || query->relation == TEMPORAL_BETWEEN) {
		start_us = query->at_us;
	}
	(void)http_response_header(t->call->request, "Content-Range",
				   arena_printf(arena, "DateTime %.*s-%.*s/%.*s",
						STR_FMT(time_format_iso(start_us, start)),
						STR_FMT(time_format_iso(end_us, end)), STR_FMT(size)));
}

static void answer_evolution(struct temporal_call *t, const struct broker_temporal_cut *range, struct buf *out)
{
	if (range->cut && range->any)
		range_header(t, range);
	forward_warnings_put(t->call);
	answer_represented_as(t->call, range->cut && range->any ? 206 : t->made ? 201 : 200, out);
}

/* ---- retrieve ---- */

static enum err_code retrieve_into(struct temporal_call *t, struct str id, struct broker_temporal_cut *range,
				   struct buf *out)
{
	struct call *call = t->call;
	struct temporal_entity entity;
	enum err_code code = broker_temporal_retrieve(call->loop->reader, call->tenant, id, &t->ask, &t->arena, &entity,
						      range, &call->error);

	if (code != ERR_OK)
		return code;
	call_context_out(call, &t->represent.context, &t->represent.context_value);
	code = represent_temporal(out, &t->arena, &entity, &t->form, &call->error);
	return code == ERR_OK ? buf_check(out, "the answer", &call->error) : code;
}

void temporal_answer_one(struct temporal_call *t, struct str id)
{
	struct broker_temporal_cut range;
	struct buf out;

	buf_init(&out, t->call->api->options.answer_bytes_max);
	enum err_code code = retrieve_into(t, id, &range, &out);

	if (code == ERR_OK)
		code = t->map_of_one(t, id);
	if (code == ERR_OK)
		answer_evolution(t, &range, &out);
	else
		temporal_answer_failure(t, code);
	buf_done(&out);
}

static enum err_code map_of_one(struct temporal_call *t, struct str id)
{
	return entity_map_of_one(t->call, id);
}

static void answer_own(struct temporal_call *t, struct str id)
{
	t->map_of_one = map_of_one;
	temporal_answer_one(t, id);
}

static void retrieve(struct call *call)
{
	struct temporal_call *t;
	struct str id;
	bool answered = false;

	if (!call_entity_id(call, &id) || !temporal_new(call, &t))
		return;
	bool distributed = call_is_distributed(call, &answered);

	if (answered)
		return;
	enum err_code code = temporal_take(t);

	if (code != ERR_OK)
		temporal_answer_failure(t, code);
	else if (distributed)
		gather_temporal_one(t, id);
	else
		answer_own(t, id);
	if (!distributed)
		arena_done(&t->arena);
}

void retrieve_temporal(struct call *call)
{
	call_with_context(call, retrieve);
}

/* ---- query ---- */

static enum err_code put_page(struct temporal_call *t, const struct broker_temporal_page *page, struct buf *out)
{
	struct call *call = t->call;
	enum err_code code = ERR_OK;

	call_context_out(call, &t->represent.context, &t->represent.context_value);
	buf_put_char(out, '[');
	for (size_t i = 0; i < page->count && code == ERR_OK; i++) {
		if (i > 0)
			buf_put_char(out, ',');
		code = represent_temporal(out, &call->loop->scratch, &page->entities[i], &t->form, &call->error);
		arena_clear(&call->loop->scratch);
	}
	buf_put_char(out, ']');
	return code == ERR_OK ? buf_check(out, "the answer", &call->error) : code;
}

static enum err_code query_into(struct temporal_call *t, const struct asked *asked, struct broker_page *page,
				struct broker_temporal_page *ret, struct buf *out)
{
	struct call *call = t->call;

	t->ask.query = asked->query;
	enum err_code code =
		broker_temporal_query(call->loop->reader, call->tenant, &t->ask, page, &t->arena, ret, &call->error);

	if (code == ERR_OK)
		code = put_page(t, ret, out);
	return code == ERR_OK ? page_headers(call, page, &ret->result, false) : code;
}

void temporal_answer_page(struct temporal_call *t, const struct asked *asked, struct broker_page *page)
{
	struct broker_temporal_page result;
	struct buf out;

	buf_init(&out, t->call->api->options.answer_bytes_max);
	enum err_code code = query_into(t, asked, page, &result, &out);

	if (code == ERR_OK)
		answer_evolution(t, &result.range, &out);
	else
		temporal_answer_failure(t, code);
	buf_done(&out);
}

static enum err_code take_for_query(struct temporal_call *t)
{
	enum err_code code = temporal_take(t);

	if (code == ERR_OK && t->query.relation == TEMPORAL_ANY)
		return err_set(&t->call->error, ERR_INVALID,
			       "a temporal query is needed: timerel and timeAt (5.7.4.4)");
	return code;
}

/* True: asked goes with the call, which waits for other sources. */
static bool query_answer(struct call *call, const struct query_text *text, struct asked *asked, bool only_map)
{
	struct broker_page page;
	struct temporal_call *t;
	bool answered = false;
	bool distributed = !asked->local && call_is_distributed(call, &answered);

	if (answered || !page_take(call, &page) || !temporal_new(call, &t))
		return false;
	t->only_map = only_map;
	page.order = asked->order;
	enum err_code code = take_for_query(t);

	if (code == ERR_OK)
		asked_mark_temporal(call, asked);
	if (code == ERR_OK && !distributed)
		code = temporal_map_take(t, asked, &page);
	if (code != ERR_OK)
		temporal_answer_failure(t, code);
	else if (distributed)
		gather_temporal_page(t, text, asked, &page);
	else if (only_map)
		temporal_map_answer(t);
	else
		temporal_answer_page(t, asked, &page);
	if (!distributed)
		arena_done(&t->arena);
	return code == ERR_OK && distributed;
}

/* Clause 5.7.4.4: by id alone, and only of what this broker holds itself. */
static bool order_allowed(struct call *call, const struct query_text *text)
{
	struct str order = str_trim(call->parameters[P_ORDER_BY]);
	bool local, any = str_eq(text->type, STR("*"));

	if (!call->parameters[P_ORDER_BY].at)
		return true;
	if (!call_flag(call, P_LOCAL, &local))
		return false;
	if (!local && !any) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "orderBy needs local=true in temporal queries");
		return false;
	}
	if (str_eq(order, STR("id")) || str_eq(order, STR("id;asc")) || str_eq(order, STR("id;desc")))
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "temporal evolutions are ordered by id alone, not by \"%.*s\"",
		       STR_FMT(order));
	return false;
}

/* "or filter conditions indicate the use of Linked Entity retrieval" (5.7.4.4). */
static bool join_refuse(struct call *call)
{
	if (!call->parameters[P_JOIN].at || str_eq(call->parameters[P_JOIN], STR("@none")))
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "temporal evolutions are not joined with linked entities");
	return false;
}

static void query_run_temporal(struct call *call, struct query_text *text, bool only_map)
{
	struct asked *asked = arena_new(call->arena, struct asked);

	if (!asked) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	if (!join_refuse(call) || !order_allowed(call, text) || !query_ask(call, text, asked))
		return;
	if (!query_answer(call, text, asked, only_map))
		asked_done(asked);
}

static void by_get(struct call *call, bool only_map)
{
	struct query_text text = query_text_of(call);

	query_run_temporal(call, &text, only_map);
}

static void by_body(struct call *call, bool only_map)
{
	struct query_text text;
	enum err_code code = query_body_read(call, &text);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		query_run_temporal(call, &text, only_map);
}

static void query_by_get(struct call *call)
{
	by_get(call, false);
}

void query_temporal(struct call *call)
{
	call_with_context(call, query_by_get);
}

static void query_by_body(struct call *call)
{
	by_body(call, false);
}

void query_temporal_by_post(struct call *call)
{
	call_with_context(call, query_by_body);
}

/* ---- entity maps ---- */

static void map_by_get(struct call *call)
{
	by_get(call, true);
}

void create_temporal_entity_map(struct call *call)
{
	call_with_context(call, map_by_get);
}

static void map_by_body(struct call *call)
{
	by_body(call, true);
}

void create_temporal_entity_map_by_post(struct call *call)
{
	call_with_context(call, map_by_body);
}
