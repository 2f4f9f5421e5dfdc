/* An entity's attributes: append, update, update one in part, delete one, replace one.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.2 to 5.6.5, 5.6.19, 6.6.3, 6.7.3, 5.2.18, 5.2.19. */
#include "api/distribute_int.h"

#include "ngsild/expand.h"

/* The names of what went in: the fragment's attributes, or the one attribute, unless refused as a whole. Of a replaced
 * attribute some instances may have gone in and others not: then it is on both lists. */
static struct json accepted_names(struct call *call, const struct broker_item *item)
{
	struct json accepted = json_array();

	if (item->operation == BROKER_REPLACE_ATTRIBUTE)
		(void)json_push(call->arena, &accepted, json_string(item->attribute_iri));
	for (uint32_t i = 0; item->entity && i < item->entity->count; i++) {
		struct str name = item->entity->members[i].key;
		const struct merge_refusal *refusal = item->outcome.refusals;

		while (refusal && !str_eq(refusal->attribute_iri, name))
			refusal = refusal->next;
		if (document_is_attribute(name) && !refusal)
			(void)json_push(call->arena, &accepted, json_string(name));
	}
	return accepted;
}

/* 204 when every attribute went in, else an UpdateResult with full names (6.3.6). */
static void updated(struct call *call)
{
	if (!call_written(call))
		return;
	const struct broker_item *item = &call->write.items[0];

	if (!item->outcome.refusals) {
		answer_empty(call, 204);
		return;
	}
	struct json result = json_object(), accepted = accepted_names(call, item), refused = json_array();
	struct buf out;

	for (const struct merge_refusal *refusal = item->outcome.refusals; refusal; refusal = refusal->next) {
		struct json details = json_object();

		(void)json_add(call->arena, &details, STR("attributeName"), json_string(refusal->attribute_iri));
		(void)json_add(call->arena, &details, STR("reason"), json_string(str_from(refusal->reason)));
		(void)json_push(call->arena, &refused, details);
	}
	(void)json_add(call->arena, &result, STR("updated"), accepted);
	(void)json_add(call->arena, &result, STR("notUpdated"), refused);
	buf_init(&out, call->api->options.answer_bytes_max);
	json_write(&out, &result);
	answer_buf(call, 207, STR("application/json"), &out);
}

static void done_without_content(struct call *call)
{
	if (call_written(call))
		answer_empty(call, 204);
}

bool call_target(struct call *call, struct str *ret_id)
{
	struct json *entity;
	bool fits;

	if (!call_entity_id(call, ret_id))
		return false;
	if (!call->parameters[P_TYPE].at)
		return true;
	enum err_code code =
		broker_retrieve(call->loop->reader, call->tenant, *ret_id, call->arena, &entity, &call->error);

	if (code == ERR_OK)
		code = call_selects(call, call->parameters[P_TYPE], STR_NONE, entity, &fits, &call->error);
	if (code == ERR_NOT_FOUND || (code == ERR_OK && !fits))
		code = err_set(&call->error, ERR_NOT_FOUND, "there is no entity %.*s of that type", STR_FMT(*ret_id));
	if (code != ERR_OK && call_may_be_elsewhere(call, code))
		return true;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	return code == ERR_OK;
}

static void submit_fragment(struct call *call, enum broker_operation operation, enum source_operation distributed)
{
	struct str id;
	struct json *fragment;
	struct broker_item *item = arena_new(call->arena, struct broker_item);
	const struct expand_options options = {
		.context = call->context, .now_us = broker_now_us(call->api->options.broker), .fragment = true};

	if (!call_target(call, &id))
		return;
	enum err_code code = expand_entity(call->arena, call->body, &options, &fragment, &call->error);

	if (code == ERR_OK && !item)
		code = err_set(&call->error, ERR_MEMORY, "no memory for the fragment");
	if (code == ERR_OK && document_id(fragment).at && !str_eq(document_id(fragment), id))
		code = err_set(&call->error, ERR_INVALID, "the body's id is not that of the path");
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	item->operation = operation;
	item->id = id;
	item->entity = fragment;
	item->overwrite = !(call->options & OPTION_NO_OVERWRITE);
	distribute_write(call, item, &(struct distributed){distributed, RESULT_OF_ATTRIBUTES, updated, 204});
}

static void append(struct call *call)
{
	submit_fragment(call, BROKER_APPEND_ATTRIBUTES, SOURCE_APPEND_ATTRS);
}

void append_attributes(struct call *call)
{
	call_with_context(call, append);
}

static void update(struct call *call)
{
	submit_fragment(call, BROKER_UPDATE_ATTRIBUTES, SOURCE_UPDATE_ENTITY);
}

void update_attributes(struct call *call)
{
	call_with_context(call, update);
}

/* Clauses 5.6.4.4, 5.6.5.4 and 5.6.19.4: id and type are no attributes; scope may be deleted, but not patched. */
static bool attribute_named(struct call *call, bool scope_allowed, struct str *ret_name)
{
	struct str name = call->variables[1];

	if (name.len == 0 || name.at[0] == '@' || str_eq(name, STR("id")) || str_eq(name, STR("type")) ||
	    (!scope_allowed && str_eq(name, STR("scope")))) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "\"%.*s\" is not an attribute that this operation changes", STR_FMT(name));
		return false;
	}
	*ret_name = name;
	return true;
}

/* The body put onto one attribute. A replacement is a whole attribute, without Nulls (5.5.4). */
static void submit_attribute(struct call *call, enum broker_operation operation, enum source_operation distributed)
{
	struct str id, name;
	struct json *instances;
	struct broker_item *item = arena_new(call->arena, struct broker_item);
	const struct expand_options options = {.context = call->context,
					       .now_us = broker_now_us(call->api->options.broker),
					       .fragment = operation == BROKER_PARTIAL_UPDATE};

	if (!call_target(call, &id) || !attribute_named(call, false, &name))
		return;
	enum err_code code = item ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for the attribute");

	if (code == ERR_OK)
		code = expand_attribute(call->arena, name, call->body, &options, &item->attribute_iri, &instances,
					&call->error);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	item->operation = operation;
	item->id = id;
	item->instances = instances;
	distribute_write(call, item, &(struct distributed){distributed, RESULT_OF_ATTRIBUTES, updated, 204});
}

static void patch_attribute(struct call *call)
{
	submit_attribute(call, BROKER_PARTIAL_UPDATE, SOURCE_UPDATE_ATTRS);
}

void partial_update(struct call *call)
{
	call_with_context(call, patch_attribute);
}

static void put_attribute(struct call *call)
{
	submit_attribute(call, BROKER_REPLACE_ATTRIBUTE, SOURCE_REPLACE_ATTRS);
}

void replace_attribute(struct call *call)
{
	call_with_context(call, put_attribute);
}

/* Clause 5.6.5.4: the name is to be one that an attribute may have (4.6.2), or the scope's. */
static enum err_code droppable_expand(struct call *call, struct str name, struct str *ret_iri)
{
	struct str iri;
	enum err_code code = context_expand(call->context, call->arena, name, &iri, &call->error);

	if (code == ERR_OK && str_eq(iri, STR("https://uri.etsi.org/ngsi-ld/scope"))) {
		*ret_iri = iri;
		return ERR_OK;
	}
	return code == ERR_OK ? expand_attribute_iri(call->arena, call->context, name, ret_iri, &call->error) : code;
}

static void drop_attribute(struct call *call)
{
	struct str id, name;
	struct broker_item *item = arena_new(call->arena, struct broker_item);

	if (!call_target(call, &id) || !attribute_named(call, true, &name))
		return;
	enum err_code code = item ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for this request");

	if (code == ERR_OK && !call_flag(call, P_DELETE_ALL, &item->delete_all))
		return;
	if (code == ERR_OK && call->parameters[P_DATASET_ID].at && !expand_is_uri(call->parameters[P_DATASET_ID]))
		code = err_set(&call->error, ERR_INVALID, "datasetId is a URI, not \"%.*s\"",
			       STR_FMT(call->parameters[P_DATASET_ID]));
	if (code == ERR_OK)
		code = droppable_expand(call, name, &item->attribute_iri);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	item->operation = BROKER_DELETE_ATTRIBUTE;
	item->id = id;
	item->dataset_id = call->parameters[P_DATASET_ID];
	distribute_write(call, item,
			 &(struct distributed){SOURCE_DELETE_ATTRS, RESULT_OF_ATTRIBUTES, done_without_content, 204});
}

void delete_attribute(struct call *call)
{
	call_with_context(call, drop_attribute);
}
