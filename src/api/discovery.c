/* Discovery: /types and /attributes. Source: GS CIM 009 V1.9.1 clauses 5.7.5 to 5.7.10, 5.2.24 to 5.2.28, 6.25 to 6.28.
 *
 * A list's id is made of its tenant's name: every tenant has one list of types and one of attributes. */
#include "api/discovery_int.h"

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

static void answer_types(struct call *call)
{
	const struct discovery *discovery = call->work;
	const struct discovery_types *types = &discovery->types;
	struct answer answer;
	struct json body = json_array();

	answer_open(&answer, call);
	if (!discovery->details)
		body = type_list(&answer, types);
	for (size_t i = 0; discovery->details && i < types->count; i++)
		push(&answer, &body, entity_type(&answer, &types->items[i]));
	answer_close(&answer, ERR_OK, &body);
}

/* call->work; answers the request itself and returns NULL where it cannot be made. */
static struct discovery *discovery_new(struct call *call, enum discovered what, void (*answer)(struct call *call))
{
	struct discovery *discovery = arena_new(call->arena, struct discovery);

	if (!discovery) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	discovery->what = what;
	discovery->answer = answer;
	call->work = discovery;
	if (call->operation->parameters & PARAMETER_BIT(P_DETAILS))
		return call_flag(call, P_DETAILS, &discovery->details) ? discovery : NULL;
	return discovery;
}

/* What is known here is there (or why it is not): others are asked. */
static void discovery_go_on(struct call *call, enum err_code code)
{
	if (code == ERR_OK)
		discovery_distribute(call);
	else
		answer_error(call, code, &call->error);
}

static void types_found(struct call *call)
{
	struct discovery *discovery = discovery_new(call, DISCOVERED_TYPES, answer_types);

	if (discovery)
		discovery_go_on(call, discover_types(call->loop->reader, call->tenant, discovery->details, call->arena,
						     &discovery->types, &call->error));
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

static void answer_type(struct call *call)
{
	const struct discovery *discovery = call->work;
	struct json body = json_null();
	struct answer answer;

	answer_open(&answer, call);
	if (discovery->found)
		body = entity_type_info(&answer, &discovery->types.items[0]);
	answer_close(&answer, discovery->found ? ERR_OK : discovery->code, &body);
}

/* One that is not known here may be known elsewhere. */
static enum err_code known_here(struct discovery *discovery, enum err_code code)
{
	discovery->code = code;
	discovery->found = code == ERR_OK;
	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static void type_found(struct call *call)
{
	struct discovery *discovery = discovery_new(call, DISCOVERED_TYPE, answer_type);
	struct discovery_type *type = arena_new(call->arena, struct discovery_type);

	if (!discovery)
		return;
	if (!type) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	enum err_code code =
		context_expand(call->context, call->arena, call->variables[0], &discovery->iri, &call->error);

	if (code == ERR_OK)
		code = known_here(discovery, discover_type(call->loop->reader, call->tenant, discovery->iri,
							   call->arena, type, &call->error));
	if (discovery->found)
		discovery->types = (struct discovery_types){type, 1};
	discovery_go_on(call, code);
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

static void answer_attributes(struct call *call)
{
	const struct discovery *discovery = call->work;
	const struct discovery_attributes *attributes = &discovery->attributes;
	struct answer answer;
	struct json body = json_array();

	answer_open(&answer, call);
	if (!discovery->details)
		body = attribute_list(&answer, attributes);
	for (size_t i = 0; discovery->details && i < attributes->count; i++)
		push(&answer, &body, attribute_info(&answer, &attributes->items[i], false));
	answer_close(&answer, ERR_OK, &body);
}

static void attributes_found(struct call *call)
{
	struct discovery *discovery = discovery_new(call, DISCOVERED_ATTRIBUTES, answer_attributes);

	if (discovery)
		discovery_go_on(call, discover_attributes(call->loop->reader, call->tenant, discovery->details,
							  call->arena, &discovery->attributes, &call->error));
}

void retrieve_attributes(struct call *call)
{
	call_with_context(call, attributes_found);
}

static void answer_attribute(struct call *call)
{
	const struct discovery *discovery = call->work;
	struct json body = json_null();
	struct answer answer;

	answer_open(&answer, call);
	if (discovery->found)
		body = attribute_info(&answer, &discovery->attributes.items[0], true);
	answer_close(&answer, discovery->found ? ERR_OK : discovery->code, &body);
}

static void attribute_found(struct call *call)
{
	struct discovery *discovery = discovery_new(call, DISCOVERED_ATTRIBUTE, answer_attribute);
	struct discovery_attribute *attribute = arena_new(call->arena, struct discovery_attribute);

	if (!discovery)
		return;
	if (!attribute) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	enum err_code code =
		context_expand(call->context, call->arena, call->variables[0], &discovery->iri, &call->error);

	if (code == ERR_OK)
		code = known_here(discovery, discover_attribute(call->loop->reader, call->tenant, discovery->iri,
								call->arena, attribute, &call->error));
	if (discovery->found)
		discovery->attributes = (struct discovery_attributes){attribute, 1};
	discovery_go_on(call, code);
}

void retrieve_attribute(struct call *call)
{
	call_with_context(call, attribute_found);
}
