/* Discovery: /types and /attributes. Source: GS CIM 009 V1.9.1 clauses 5.7.5 to 5.7.10, 5.2.24 to 5.2.28, 6.25 to 6.28.
 *
 * A list's id is made of its tenant's name: every tenant has one list of types and one of attributes. */
#include "api/api_int.h"

#include "broker/discovery.h"

/* An answer being made: a tree in the call's arena. */
struct answer {
	struct call *call;
	const struct context *context; /* by which names are compacted */
	const struct json *member; /* "@context" of every object; NULL: a Link header says it */
	bool failed; /* no memory */
};

static void answer_open(struct answer *answer, struct call *call)
{
	*answer = (struct answer){.call = call, .context = call->context};
	call_context_out(call, &answer->context, &answer->member);
}

static void put(struct answer *answer, struct json *object, struct str key, struct json value)
{
	if (!json_add(answer->call->arena, object, key, value))
		answer->failed = true;
}

static void push(struct answer *answer, struct json *array, struct json value)
{
	if (!json_push(answer->call->arena, array, value))
		answer->failed = true;
}

static struct json name_of(const struct answer *answer, struct str iri)
{
	return json_string(represent_name(answer->context, answer->call->arena, iri));
}

static struct json count_of(const struct answer *answer, uint64_t count)
{
	return json_int(answer->call->arena, count > INT64_MAX ? INT64_MAX : (int64_t)count);
}

/* {"id", "type"} to begin with. */
static struct json thing(struct answer *answer, struct str id, struct str type)
{
	struct json object = json_object();

	put(answer, &object, STR("id"), json_string(id));
	put(answer, &object, STR("type"), json_string(type));
	return object;
}

static void put_context(struct answer *answer, struct json *object)
{
	if (answer->member)
		put(answer, object, STR("@context"), *answer->member);
}

static struct str list_id(const struct answer *answer, struct str type)
{
	struct str tenant = answer->call->tenant;

	return arena_printf(answer->call->arena, "urn:ngsi-ld:%.*s%s%.*s", STR_FMT(type), tenant.len ? ":" : "",
			    STR_FMT(tenant));
}

/* Answers with the tree, or with what went wrong on the way to it. */
static void answer_close(struct answer *answer, enum err_code code, const struct json *body)
{
	struct call *call = answer->call;
	struct buf out;

	if (code == ERR_OK && answer->failed)
		code = err_set(&call->error, ERR_MEMORY, "no memory for the answer");
	buf_init(&out, call->api->options.answer_bytes_max);
	if (code == ERR_OK) {
		json_write(&out, body);
		code = buf_check(&out, "the answer", &call->error);
	}
	if (code == ERR_OK) {
		answer_represented(call, &out);
		return;
	}
	buf_done(&out);
	answer_error(call, code, &call->error);
}

/* ---- types ---- */

static struct json kinds_of(struct answer *answer, unsigned int kinds)
{
	struct json list = json_array();

	for (enum census_kind kind = CENSUS_PROPERTY; kind < CENSUS_KIND_COUNT; kind++)
		if (kinds & (1u << kind))
			push(answer, &list, json_string(census_kind_name(kind)));
	return list;
}

/* Clause 5.2.24. */
static struct json type_list(struct answer *answer, const struct discovery_types *types)
{
	struct json list = json_array();
	struct json object = thing(answer, list_id(answer, STR("EntityTypeList")), STR("EntityTypeList"));

	for (size_t i = 0; i < types->count; i++)
		push(answer, &list, name_of(answer, types->items[i].iri));
	put(answer, &object, STR("typeList"), list);
	put_context(answer, &object);
	return object;
}

/* Clause 5.2.25. */
static struct json entity_type(struct answer *answer, const struct discovery_type *type)
{
	struct json object = thing(answer, type->iri, STR("EntityType")), names = json_array();

	for (size_t i = 0; i < type->attribute_count; i++)
		push(answer, &names, name_of(answer, type->attributes[i].iri));
	put(answer, &object, STR("typeName"), name_of(answer, type->iri));
	put(answer, &object, STR("attributeNames"), names);
	put_context(answer, &object);
	return object;
}

static void types_found(struct call *call)
{
	struct answer answer;
	struct discovery_types types;
	struct json body = json_array();
	bool details;

	if (!call_flag(call, P_DETAILS, &details))
		return;
	answer_open(&answer, call);
	enum err_code code =
		discover_types(call->loop->reader, call->tenant, details, call->arena, &types, &call->error);

	if (code == ERR_OK && !details)
		body = type_list(&answer, &types);
	for (size_t i = 0; code == ERR_OK && details && i < types.count; i++)
		push(&answer, &body, entity_type(&answer, &types.items[i]));
	answer_close(&answer, code, &body);
}

void retrieve_types(struct call *call)
{
	call_with_context(call, types_found);
}

/* Clause 5.2.26; its attributes by 5.2.28 with id, type, attributeName and attributeTypes only. */
static struct json entity_type_info(struct answer *answer, const struct discovery_type *type)
{
	struct json object = thing(answer, type->iri, STR("EntityTypeInfo")), details = json_array();

	for (size_t i = 0; i < type->attribute_count; i++) {
		const struct discovery_attribute *attribute = &type->attributes[i];
		struct json one = thing(answer, attribute->iri, STR("Attribute"));

		put(answer, &one, STR("attributeName"), name_of(answer, attribute->iri));
		put(answer, &one, STR("attributeTypes"), kinds_of(answer, attribute->kinds));
		push(answer, &details, one);
	}
	put(answer, &object, STR("typeName"), name_of(answer, type->iri));
	put(answer, &object, STR("entityCount"), count_of(answer, type->entity_count));
	put(answer, &object, STR("attributeDetails"), details);
	put_context(answer, &object);
	return object;
}

static void type_found(struct call *call)
{
	struct answer answer;
	struct discovery_type type;
	struct json body = json_null();
	struct str iri;

	answer_open(&answer, call);
	enum err_code code = context_expand(call->context, call->arena, call->variables[0], &iri, &call->error);

	if (code == ERR_OK)
		code = discover_type(call->loop->reader, call->tenant, iri, call->arena, &type, &call->error);
	if (code == ERR_OK)
		body = entity_type_info(&answer, &type);
	answer_close(&answer, code, &body);
}

void retrieve_type(struct call *call)
{
	call_with_context(call, type_found);
}

/* ---- attributes ---- */

/* Clause 5.2.27. */
static struct json attribute_list(struct answer *answer, const struct discovery_attributes *attributes)
{
	struct json list = json_array();
	struct json object = thing(answer, list_id(answer, STR("AttributeList")), STR("AttributeList"));

	for (size_t i = 0; i < attributes->count; i++)
		push(answer, &list, name_of(answer, attributes->items[i].iri));
	put(answer, &object, STR("attributeList"), list);
	put_context(answer, &object);
	return object;
}

/* Clause 5.2.28; 5.7.9 shows no more than the names, 5.7.10 the counts too. */
static struct json attribute_info(struct answer *answer, const struct discovery_attribute *attribute, bool counts)
{
	struct json object = thing(answer, attribute->iri, STR("Attribute")), names = json_array();

	for (size_t i = 0; i < attribute->type_count; i++)
		push(answer, &names, name_of(answer, attribute->type_iris[i]));
	put(answer, &object, STR("attributeName"), name_of(answer, attribute->iri));
	if (counts) {
		put(answer, &object, STR("attributeCount"), count_of(answer, attribute->instance_count));
		put(answer, &object, STR("attributeTypes"), kinds_of(answer, attribute->kinds));
	}
	put(answer, &object, STR("typeNames"), names);
	put_context(answer, &object);
	return object;
}

static void attributes_found(struct call *call)
{
	struct answer answer;
	struct discovery_attributes attributes;
	struct json body = json_array();
	bool details;

	if (!call_flag(call, P_DETAILS, &details))
		return;
	answer_open(&answer, call);
	enum err_code code =
		discover_attributes(call->loop->reader, call->tenant, details, call->arena, &attributes, &call->error);

	if (code == ERR_OK && !details)
		body = attribute_list(&answer, &attributes);
	for (size_t i = 0; code == ERR_OK && details && i < attributes.count; i++)
		push(&answer, &body, attribute_info(&answer, &attributes.items[i], false));
	answer_close(&answer, code, &body);
}

void retrieve_attributes(struct call *call)
{
	call_with_context(call, attributes_found);
}

static void attribute_found(struct call *call)
{
	struct answer answer;
	struct discovery_attribute attribute;
	struct json body = json_null();
	struct str iri;

	answer_open(&answer, call);
	enum err_code code = context_expand(call->context, call->arena, call->variables[0], &iri, &call->error);

	if (code == ERR_OK)
		code = discover_attribute(call->loop->reader, call->tenant, iri, call->arena, &attribute, &call->error);
	if (code == ERR_OK)
		body = attribute_info(&answer, &attribute, true);
	answer_close(&answer, code, &body);
}

void retrieve_attribute(struct call *call)
{
	call_with_context(call, attribute_found);
}
