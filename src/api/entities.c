/* One entity: create, retrieve, delete, replace.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.1, 5.6.6, 5.6.18, 5.7.1, 6.4.3.1, 6.5.3. */
#include "api/distribute_int.h"
#include "api/gather_int.h"

#include "ngsild/expand.h"

/* ---- create ---- */

void answer_created(struct call *call, struct str root)
{
	answer_created_at(call, root, call->write.items[0].id);
}

void answer_created_at(struct call *call, struct str root, struct str id)
{
	struct buf location;

	/* Path characters of RFC 3986 section 3.3 stay, the rest is percent-encoded. */
	buf_init(&location, 8192);
	buf_put(&location, root);
	buf_put_percent(&location, id, STR("!$&'()*+,;=:@"));
	(void)http_response_header(call->request, "Location", buf_str(&location));
	buf_done(&location);
	answer_empty(call, 201);
}

static void created(struct call *call)
{
	if (call_written(call))
		answer_created(call, STR(API_ROOT "/entities/"));
}

static void create_expanded(struct call *call)
{
	struct broker_item *item = arena_new(call->arena, struct broker_item);
	struct json *entity;
	const struct expand_options options = {.context = call->context,
					       .now_us = broker_now_us(call->api->options.broker)};
	enum err_code code = expand_entity(call->arena, call->body, &options, &entity, &call->error);

	if (code == ERR_OK && !item)
		code = err_set(&call->error, ERR_MEMORY, "no memory for the entity");
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	item->operation = BROKER_CREATE;
	item->id = document_id(entity);
	item->entity = entity;
	distribute_write(call, item, &(struct distributed){SOURCE_CREATE_ENTITY, RESULT_OF_ENTITY, created, 201});
}

void create_entity(struct call *call)
{
	call_with_context(call, create_expanded);
}

/* ---- retrieve ---- */

static enum err_code entity_find(struct call *call, struct str id, struct json **ret_entity)
{
	bool fits;
	enum err_code code =
		broker_retrieve(call->loop->reader, call->tenant, id, call->arena, ret_entity, &call->error);

	if (code == ERR_NOT_FOUND)
		return err_set(&call->error, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(id));
	if (code == ERR_OK)
		code = call_selects(call, call->parameters[P_TYPE], call->parameters[P_ATTRS], *ret_entity, &fits,
				    &call->error);
	if (code == ERR_OK && !fits)
		return err_set(&call->error, ERR_NOT_FOUND,
			       "the entity %.*s is not of the types asked for or has none of the attributes",
			       STR_FMT(id));
	return code;
}

static enum err_code entity_write(struct call *call, struct str id, struct buf *out)
{
	struct json *entity;
	struct represent_options options;
	struct call_join join;
	enum err_code code = call_join(call, &join, &call->error);

	if (code == ERR_OK)
		code = call_representation(call, &options, &call->error);
	if (code == ERR_OK && join.kind != JOIN_NONE) {
		code = linked_retrieve(call, &join, id, &options, out);
		return code == ERR_OK ? buf_check(out, "the answer", &call->error) : code;
	}
	if (code == ERR_OK)
		code = entity_find(call, id, &entity);
	if (code != ERR_OK)
		return code;
	call_context_out(call, &options.context, &options.context_value);
	code = represent_entity(out, call->arena, entity, &options, &call->error);
	return code == ERR_OK ? buf_check(out, "the answer", &call->error) : code;
}

static void retrieve(struct call *call)
{
	struct str id;
	struct buf out;
	bool answered = false;

	if (!call_entity_id(call, &id))
		return;
	if (call_is_distributed(call, &answered)) {
		gather_retrieve(call, id);
		return;
	}
	if (answered)
		return;
	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = entity_write(call, id, &out);

	if (code == ERR_OK)
		code = entity_map_of_one(call, id);
	if (code == ERR_OK) {
		answer_represented(call, &out);
		return;
	}
	buf_done(&out);
	answer_error(call, code, &call->error);
}

void retrieve_entity(struct call *call)
{
	call_with_context(call, retrieve);
}

/* ---- delete and replace ---- */

bool call_may_be_elsewhere(struct call *call, enum err_code code)
{
	call->not_here = code == ERR_NOT_FOUND && broker_has_registrations(call->api->options.broker, call->tenant);
	return call->not_here;
}

static void done_without_content(struct call *call)
{
	if (call_written(call))
		answer_empty(call, 204);
}

static void submit(struct call *call, enum broker_operation operation, struct str id, const struct json *entity,
		   enum source_operation distributed)
{
	struct broker_item *item = arena_new(call->arena, struct broker_item);

	if (!item) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	item->operation = operation;
	item->id = id;
	item->entity = entity;
	item->must_exist = true;
	distribute_write(call, item, &(struct distributed){distributed, RESULT_OF_ENTITY, done_without_content, 204});
}

/* The type parameter picks among entities of one id; here it can only say yes or no (6.5.3.2). */
static bool type_fits(struct call *call, struct str id)
{
	struct json *entity;

	if (!call->parameters[P_TYPE].at)
		return true;
	enum err_code code = entity_find(call, id, &entity);

	if (code != ERR_OK && call_may_be_elsewhere(call, code))
		return true;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	return code == ERR_OK;
}

static void delete_found(struct call *call)
{
	struct str id;

	if (call_entity_id(call, &id) && type_fits(call, id))
		submit(call, BROKER_DELETE, id, NULL, SOURCE_DELETE_ENTITY);
}

void delete_entity(struct call *call)
{
	call_with_context(call, delete_found);
}

/* The body is a whole entity; it may leave out the id, which the path says. */
static enum err_code replacement_make(struct call *call, struct str id, struct json **ret_entity)
{
	struct json *before;
	const struct expand_options options = {.context = call->context,
					       .now_us = broker_now_us(call->api->options.broker)};
	bool named = json_get(call->body, STR("id")) || json_get(call->body, STR("@id"));
	enum err_code code = entity_find(call, id, &before);

	if (code != ERR_OK && !call_may_be_elsewhere(call, code))
		return code;
	if (!named && !json_add(call->arena, call->body, STR("id"), json_string(id)))
		return err_set(&call->error, ERR_MEMORY, "no memory for the entity");
	code = expand_entity(call->arena, call->body, &options, ret_entity, &call->error);
	if (code == ERR_OK && !str_eq(document_id(*ret_entity), id))
		return err_set(&call->error, ERR_INVALID, "the body's id is not that of the path");
	return code;
}

static void replace(struct call *call)
{
	struct str id;
	struct json *entity;

	if (!call_entity_id(call, &id))
		return;
	enum err_code code = replacement_make(call, id, &entity);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		submit(call, BROKER_REPLACE, id, entity, SOURCE_REPLACE_ENTITY);
}

void replace_entity(struct call *call)
{
	call_with_context(call, replace);
}
