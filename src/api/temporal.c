/* Temporal evolutions changed: created or updated, instances added, modified, deleted.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.11 to 5.6.16, 6.18.3.1, 6.19.3.2, 6.20.3.1, 6.21.3.1, 6.22.3. */
#include "api/distribute_int.h"
#include "api/temporal_int.h"

#include "ngsild/expand.h"
#include "ngsild/temporal.h"

#define SCOPE_IRI STR("https://uri.etsi.org/ngsi-ld/scope")

static struct expand_options expand_temporally(struct call *call, bool fragment)
{
	return (struct expand_options){.context = call->context,
				       .now_us = broker_now_us(call->api->options.broker),
				       .fragment = fragment,
				       .temporal = true};
}

static struct broker_item *item_new(struct call *call, enum broker_operation operation, struct str id)
{
	struct broker_item *item = arena_new(call->arena, struct broker_item);

	if (!item) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	item->operation = operation;
	item->id = id;
	return item;
}

static void done_without_content(struct call *call)
{
	if (call_written(call))
		answer_empty(call, 204);
}

static void change(struct call *call, struct broker_item *item, enum source_operation operation,
		   enum distributed_result result)
{
	distribute_write(call, item, &(struct distributed){operation, result, done_without_content, 204});
}

/* ---- create or update, add ---- */

static void upserted(struct call *call)
{
	if (!call_written(call))
		return;
	const struct broker_item *item = &call->write.items[0];

	if (item->outcome.created)
		answer_created(call, STR(API_ROOT "/temporal/entities/"));
	else
		answer_empty(call, 204);
}

static void upsert(struct call *call)
{
	const struct expand_options options = expand_temporally(call, false);
	struct json *entity;
	enum err_code code = expand_entity(call->arena, call->body, &options, &entity, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	struct broker_item *item = item_new(call, BROKER_TEMPORAL_UPSERT, document_id(entity));

	if (!item)
		return;
	item->entity = entity;
	distribute_write(call, item, &(struct distributed){SOURCE_UPSERT_TEMPORAL, RESULT_OF_ENTITY, upserted, 0});
}

void upsert_temporal(struct call *call)
{
	call_with_context(call, upsert);
}

static void append(struct call *call)
{
	const struct expand_options options = expand_temporally(call, true);
	struct json *fragment;
	struct str id;

	if (!call_entity_id(call, &id))
		return;
	enum err_code code = expand_entity(call->arena, call->body, &options, &fragment, &call->error);

	if (code == ERR_OK && document_id(fragment).at && !str_eq(document_id(fragment), id))
		code = err_set(&call->error, ERR_INVALID, "the body's id is not that of the path");
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	struct broker_item *item = item_new(call, BROKER_TEMPORAL_APPEND, id);

	if (!item)
		return;
	item->entity = fragment;
	change(call, item, SOURCE_APPEND_ATTRS_TEMPORAL, RESULT_OF_ATTRIBUTES);
}

void append_temporal(struct call *call)
{
	call_with_context(call, append);
}

/* ---- one attribute ---- */

/* The attribute that the path names: its IRI, or the scope's series. */
static enum err_code series_named(struct call *call, struct str *ret_iri)
{
	struct str name = call->variables[1], iri = STR_NONE;
	enum err_code code = ERR_OK;

	if (str_eq(name, STR("scope")))
		iri = SCOPE_IRI;
	else if (name.len && name.at[0] != '@')
		code = context_expand(call->context, call->arena, name, &iri, &call->error);
	if (code == ERR_OK && str_eq(iri, SCOPE_IRI)) {
		*ret_iri = STR("scope");
		return ERR_OK;
	}
	return code == ERR_OK ? expand_attribute_iri(call->arena, call->context, name, ret_iri, &call->error) : code;
}

/* Sets id and attribute; false: answered. */
static bool target_take(struct call *call, enum broker_operation operation, struct broker_item **ret_item)
{
	struct str id;

	if (!call_entity_id(call, &id))
		return false;
	*ret_item = item_new(call, operation, id);
	if (!*ret_item)
		return false;
	enum err_code code = series_named(call, &(*ret_item)->attribute_iri);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	return code == ERR_OK;
}

static void drop_series(struct call *call)
{
	struct str dataset = call->parameters[P_DATASET_ID];
	struct broker_item *item;

	if (!target_take(call, BROKER_TEMPORAL_DELETE_ATTRIBUTE, &item) ||
	    !call_flag(call, P_DELETE_ALL, &item->delete_all))
		return;
	if (str_eq(dataset, STR("@none")))
		dataset = STR_NONE;
	if (dataset.at && !expand_is_uri(dataset)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "datasetId is a URI, not \"%.*s\"", STR_FMT(dataset));
		return;
	}
	item->dataset_id = dataset;
	change(call, item, SOURCE_DELETE_ATTRS_TEMPORAL, RESULT_OF_ATTRIBUTES);
}

void delete_temporal_attribute(struct call *call)
{
	call_with_context(call, drop_series);
}

/* ---- one instance ---- */

/* A URI that names none of this attribute's instances is one that does not exist, here. */
static bool instance_take(struct call *call, enum broker_operation operation, struct broker_item **ret_item)
{
	struct str instance = call->variables[2], holder = STR_NONE;

	if (!target_take(call, operation, ret_item))
		return false;
	if (!expand_is_uri(instance)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "an instanceId is a URI, not \"%.*s\"",
			       STR_FMT(instance));
		return false;
	}
	enum err_code code = temporal_holder(call, &holder);

	if (code == ERR_OK &&
	    !temporal_instance_number(instance, temporal_mark(holder, (*ret_item)->id, (*ret_item)->attribute_iri),
				      &(*ret_item)->instance_number))
		code = err_set(&call->error, ERR_NOT_FOUND, "there is no instance \"%.*s\" of this attribute",
			       STR_FMT(instance));
	if (code == ERR_OK)
		return true;
	if (call_may_be_elsewhere(call, code))
		return true;
	answer_error(call, code, &call->error);
	return false;
}

/* The fragment of an EntityTemporal is one attribute, in whose array lies one instance (5.6.14.3). Taken are also that
 * array and that instance alone, which the attribute in the path says enough of. */
static bool is_fragment(struct call *call, struct str iri)
{
	struct str name, found;
	size_t others = 0;
	bool attribute = false;

	for (uint32_t i = 0; json_is(call->body, JSON_OBJECT) && i < call->body->count; i++) {
		name = call->body->members[i].key;
		if (str_eq(name, iri) ||
		    (context_expand(call->context, call->arena, name, &found, NULL) == ERR_OK && str_eq(found, iri)))
			attribute = json_is(&call->body->members[i].value, JSON_ARRAY) ||
				    json_is(&call->body->members[i].value, JSON_OBJECT);
		else if (!str_eq(name, STR("@context")) && !str_eq(name, STR("id")) && !str_eq(name, STR("type")))
			others++;
	}
	return attribute && others == 0;
}

static enum err_code no_instance(struct call *call)
{
	return err_set(&call->error, ERR_INVALID,
		       "the body is to hold the attribute of the path with exactly one instance (5.6.14.3)");
}

/* The body as {"<attribute>": …}. */
static enum err_code as_fragment(struct call *call, struct str iri, struct json **ret_body)
{
	struct json body = json_object(), instance = *call->body;

	*ret_body = call->body;
	if (is_fragment(call, iri))
		return ERR_OK;
	if (json_is(&instance, JSON_OBJECT))
		(void)json_remove(&instance, STR("@context"));
	/* The scope's name needs no expansion; an attribute's own does, as the path has it. */
	if (!json_add(call->arena, &body, str_eq(iri, STR("scope")) ? iri : call->variables[1], instance))
		return err_set(&call->error, ERR_MEMORY, "no memory for the instance");
	*ret_body = json_new(call->arena, body);
	return *ret_body ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for the instance");
}

static enum err_code instance_read(struct call *call, struct broker_item *item)
{
	const struct expand_options options = expand_temporally(call, true);
	struct json *body, *entity;
	enum err_code code = as_fragment(call, item->attribute_iri, &body);

	if (code == ERR_OK)
		code = expand_entity(call->arena, body, &options, &entity, &call->error);
	if (code != ERR_OK)
		return code;
	call->body = body; /* as it goes to others */
	item->instances = json_get(entity, item->attribute_iri);
	return json_is(item->instances, JSON_ARRAY) && item->instances->count == 1 ? ERR_OK : no_instance(call);
}

static void put_instance(struct call *call)
{
	struct broker_item *item;

	if (!instance_take(call, BROKER_TEMPORAL_REPLACE_INSTANCE, &item))
		return;
	enum err_code code = instance_read(call, item);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		change(call, item, SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL, RESULT_OF_ATTRIBUTES);
}

void update_temporal_instance(struct call *call)
{
	call_with_context(call, put_instance);
}

static void drop_instance(struct call *call)
{
	struct broker_item *item;

	if (instance_take(call, BROKER_TEMPORAL_DELETE_INSTANCE, &item))
		change(call, item, SOURCE_DELETE_ATTR_INSTANCE_TEMPORAL, RESULT_OF_ATTRIBUTES);
}

void delete_temporal_instance(struct call *call)
{
	call_with_context(call, drop_instance);
}

/* ---- all of it ---- */

void delete_temporal(struct call *call)
{
	struct broker_item *item;
	struct str id;

	if (!call_entity_id(call, &id))
		return;
	item = item_new(call, BROKER_TEMPORAL_DELETE, id);
	if (item)
		change(call, item, SOURCE_DELETE_TEMPORAL, RESULT_OF_ENTITY);
}
