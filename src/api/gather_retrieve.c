/* Retrieve Entity, when other sources may hold parts of it (5.7.1.4). */
#include "api/gather_int.h"

struct retrieval {
	struct str id;
	struct represent_options options;
	struct call_join join;
	struct question question;
	struct query *by_type; /* owned; what the parameter type says; NULL: nothing */
	struct source_list sources;
	size_t next; /* source to make a request for, then request to read */
	struct forward_round *round;
	struct gather *gather;
	struct entity_map *map; /* a reference: the one that the request names; NULL: none */
	bool map_wanted; /* a new one */
	int64_t map_life_us;
};

static void release(void *self)
{
	struct retrieval *retrieval = self;

	question_done(&retrieval->question);
	query_done(retrieval->by_type);
	(void)entity_map_unref(retrieval->map);
}

/* ---- writing ---- */

static enum err_code flat_write(struct call *call, struct retrieval *retrieval, const struct json *entity,
				const struct json *member, struct buf *out)
{
	struct linked_page *page = NULL;

	collection_open(out, call->media);
	enum err_code code = linked_page_new(call, &retrieval->join, &retrieval->options, &page, &call->error);

	if (code == ERR_OK)
		code = represent_entity(out, call->arena, entity, &retrieval->options, &call->error);
	if (code == ERR_OK && !linked_page_add(page, entity, out->bytes_max - out->len)) {
		code = linked_page_code(page);
		out->failed = ERR_LIMIT;
	}
	if (code == ERR_OK && !out->failed)
		linked_page_write(page, out, false);
	collection_close(out, call->media, member);
	(void)linked_page_free(page);
	return code;
}

static enum err_code entity_write(struct call *call, struct retrieval *retrieval, const struct json *entity,
				  struct buf *out)
{
	const struct json *member = NULL;
	bool flat = retrieval->join.kind == JOIN_FLAT;
	enum err_code code;

	call_context_out(call, &retrieval->options.context, &member);
	if (!flat || call->media != MEDIA_GEO_JSON)
		retrieval->options.context_value = member;
	call->linked = gather_linked(retrieval->gather);
	if (retrieval->options.links)
		retrieval->options.links->source = call->linked;
	code = flat ? flat_write(call, retrieval, entity, member, out)
		    : represent_entity(out, call->arena, entity, &retrieval->options, &call->error);
	return code == ERR_OK ? buf_check(out, "the answer", &call->error) : code;
}

/* ---- entity maps (5.7.1.4) ---- */

/* The map that was asked for: of this entity, and who holds it. */
static enum err_code map_make(struct retrieval *retrieval)
{
	const struct entity_map_marks marks = {0, 0, 0};

	return gather_map_new(retrieval->gather, &retrieval->sources, NULL, &marks, retrieval->map_life_us,
			      &retrieval->map);
}

/* ---- the answer ---- */

static void answer(struct call *call, struct retrieval *retrieval, const struct json *entity)
{
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = entity_write(call, retrieval, entity, &out);

	if (code == ERR_OK && !retrieval->map && retrieval->map_wanted)
		code = map_make(retrieval);
	if (code == ERR_OK && retrieval->map)
		entity_map_header(call, retrieval->map);
	forward_warnings_put(call);
	if (code == ERR_OK) {
		answer_represented(call, &out);
		return;
	}
	buf_done(&out);
	answer_error(call, code, &call->error);
}

static enum err_code put_together(struct call *call, struct retrieval *retrieval, struct json **ret_entity)
{
	struct gather *gather = retrieval->gather;
	bool fits = false;
	enum err_code code = gather->count > 0 ? gather_unite(gather, gather->at[0]) : ERR_OK;

	if (code != ERR_OK)
		return code;
	*ret_entity = gather->count > 0 ? gather->at[0]->entity : NULL;
	if (!*ret_entity)
		return err_set(&call->error, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(retrieval->id));
	code = call_selects(call, call->parameters[P_TYPE], call->parameters[P_ATTRS], *ret_entity, &fits,
			    &call->error);
	if (code == ERR_OK && !fits)
		return err_set(&call->error, ERR_NOT_FOUND,
			       "the entity %.*s is not of the types asked for or has none of the attributes",
			       STR_FMT(retrieval->id));
	return code;
}

/* ---- what came back ---- */

/* ERR_TIMEOUT: suspended. Whatever else is wrong with an answer is told as a warning, and the answer left out. */
static enum err_code take_answer(struct retrieval *retrieval, struct forward *forward)
{
	struct json *body = NULL, *entity = NULL;
	struct context *context = NULL;
	enum err_code code = forward_take(forward, &body, &context);

	if (code == ERR_TIMEOUT || !body)
		return code == ERR_TIMEOUT ? code : ERR_OK;
	code = gather_expand(forward, body, context, &entity);
	if (code == ERR_OK && entity && !str_eq(document_id(entity), retrieval->id))
		code = ERR_INVALID;
	if (code != ERR_OK)
		forward_warn(forward, 111);
	else if (entity)
		return gather_add(retrieval->gather, entity, forward->source);
	return ERR_OK;
}

static void take_answers(struct call *call)
{
	struct retrieval *retrieval = call->work;
	struct json *entity = NULL;
	enum err_code code = ERR_OK;

	call->resume = take_answers;
	for (; code == ERR_OK && retrieval->next < retrieval->round->count; retrieval->next++) {
		code = take_answer(retrieval, retrieval->round->at[retrieval->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK)
		code = put_together(call, retrieval, &entity);
	if (code == ERR_OK)
		answer(call, retrieval, entity);
	else
		gather_fail(call, code);
}

/* ---- asking ---- */

static enum err_code take_own(struct call *call, struct retrieval *retrieval)
{
	struct json *entity = NULL;
	enum err_code code =
		broker_retrieve(call->loop->reader, call->tenant, retrieval->id, call->arena, &entity, &call->error);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	return code == ERR_OK ? gather_add(retrieval->gather, entity, NULL) : code;
}

static enum err_code add_request(struct call *call, struct retrieval *retrieval, struct source *source)
{
	const struct query_text text = {.type = call->parameters[P_TYPE]};
	struct narrowed narrowed = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};
	struct forward *forward;
	struct context *names = NULL;
	struct buf out;
	enum err_code code = forward_names(call, source, &names);

	if (code == ERR_OK)
		code = gather_narrow(call, source, &retrieval->question.asked, &text, names, &narrowed);
	if (code != ERR_OK)
		return code;
	forward = forward_add(retrieval->round, source, "GET", entity_path(call->arena, retrieval->id));
	if (!forward)
		return ERR_LIMIT;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	put_parameter(&out, STR("options"), STR("sysAttrs"));
	put_parameter(&out, STR("type"), narrowed.type);
	put_parameter(&out, STR("attrs"), narrowed.attrs);
	forward->query = buf_to_arena(&out, call->arena);
	forward->context_value = call->context_value;
	return forward->query.at ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for a request");
}

static void ask(struct call *call)
{
	struct retrieval *retrieval = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; code == ERR_OK && retrieval->next < retrieval->sources.count; retrieval->next++) {
		if (gather_map_allows(retrieval->map, retrieval->id, retrieval->sources.at[retrieval->next]))
			code = add_request(call, retrieval, retrieval->sources.at[retrieval->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK)
		code = take_own(call, retrieval);
	if (code != ERR_OK) {
		gather_fail(call, code);
		return;
	}
	retrieval->next = 0;
	forward_send(retrieval->round, take_answers);
}

/* Whoever may know the entity, by its id and, where they were said, its types and the attributes wanted (5.12). */
static enum err_code sources_find(struct call *call, struct retrieval *retrieval)
{
	struct registration_question *match = &retrieval->question.asked;
	const struct query_text text = {.ids = retrieval->id, .type = call->parameters[P_TYPE]};
	enum err_code code = question_take_attributes(call, &retrieval->question);

	if (code == ERR_OK)
		code = question_take_datasets(call, &retrieval->question);
	match->entity.id = retrieval->id;
	if (code == ERR_OK && text.type.at) {
		code = query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context,
				 &retrieval->by_type, &call->error);
		match->query = retrieval->by_type;
		match->entity.id = STR_NONE;
	}
	if (code == ERR_OK)
		code = call_sources(call, SOURCE_RETRIEVE_ENTITY, false, match, &retrieval->sources);
	return code;
}

void gather_retrieve(struct call *call, struct str id)
{
	struct retrieval *retrieval = arena_new(call->arena, struct retrieval);
	enum err_code code = ERR_OK;

	if (!retrieval || !call_on_end(call, release, retrieval)) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	retrieval->id = id;
	call->work = retrieval;
	code = call_join(call, &retrieval->join, &call->error);
	if (code == ERR_OK)
		code = call_representation(call, &retrieval->options, &call->error);
	if (code == ERR_OK)
		code = entity_map_wish(call, &retrieval->map, &retrieval->map_wanted, &retrieval->map_life_us);
	if (code == ERR_OK)
		code = sources_find(call, retrieval);
	if (code == ERR_OK)
		code = gather_new(call, &retrieval->gather);
	if (code == ERR_OK)
		code = forward_round_new(call, &retrieval->round);
	if (code == ERR_OK)
		ask(call);
	else
		gather_fail(call, code);
}
