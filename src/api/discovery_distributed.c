/* Types and attributes of other sources put to those that are known here (5.7.11, the second way: they are asked).
 *
 * Names that a source was not registered for are left out (4.3.6.1). Counts are added up: an entity that two sources
 * hold counts twice, which 5.7.11 allows as an estimate. */
#include "api/discovery_int.h"

#include <stdlib.h>
#include <string.h>

struct putting {
	struct call *call;
	struct discovery *discovery;
	struct forward *forward;
	const struct context *context; /* of the answer's names */
	struct registration_part part; /* what the source is registered for */
	bool failed; /* no memory */
};

/* ---- lists ---- */

/* The list, copied to where there is room for so many more; NULL: no memory, which is noted. */
static void *with_room(struct putting *p, const void *items, size_t count, size_t more, size_t bytes)
{
	char *roomy = arena_array_alloc(p->call->arena, count + more, bytes);

	if (!roomy)
		p->failed = true;
	else if (count)
		memcpy(roomy, items, count * bytes);
	return roomy;
}

static size_t length(const struct json *list)
{
	return json_is(list, JSON_ARRAY) ? list->count : 0;
}

static bool types_reserve(struct putting *p, size_t more)
{
	struct discovery_types *types = &p->discovery->types;
	struct discovery_type *items = with_room(p, types->items, types->count, more, sizeof(*items));

	if (items)
		types->items = items;
	return items != NULL;
}

static bool attributes_reserve(struct putting *p, struct discovery_attribute **list, size_t count, size_t more)
{
	struct discovery_attribute *items = with_room(p, *list, count, more, sizeof(*items));

	if (items)
		*list = items;
	return items != NULL;
}

/* Room for it has been reserved, as for those below. */
static struct discovery_type *type_put(struct putting *p, struct str iri)
{
	struct discovery_types *types = &p->discovery->types;

	for (size_t i = 0; i < types->count; i++)
		if (str_eq(types->items[i].iri, iri))
			return &types->items[i];
	types->items[types->count] = (struct discovery_type){.iri = iri};
	return &types->items[types->count++];
}

static struct discovery_attribute *attribute_put(struct discovery_attribute *list, size_t *count, struct str iri)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i].iri, iri))
			return &list[i];
	list[*count] = (struct discovery_attribute){.iri = iri};
	return &list[(*count)++];
}

static void attribute_type_put(struct discovery_attribute *attribute, struct str iri)
{
	for (size_t i = 0; i < attribute->type_count; i++)
		if (str_eq(attribute->type_iris[i], iri))
			return;
	attribute->type_iris[attribute->type_count++] = iri;
}

/* ---- names ---- */

static bool is_registered(const struct str *list, size_t count, struct str iri)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i], iri))
			return true;
	return count == 0;
}

static bool name_read(struct putting *p, const struct json *name, bool type, struct str *ret_iri)
{
	struct str iri;

	if (!json_text(name).len || context_expand(p->context, p->call->arena, json_text(name), &iri, NULL) != ERR_OK)
		return false;
	*ret_iri = iri;
	return type ? is_registered(p->part.type_iris, p->part.type_count, iri)
		    : is_registered(p->part.attribute_iris, p->part.attribute_count, iri);
}

static unsigned int kinds_read(const struct json *list)
{
	unsigned int kinds = 0;

	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		for (enum census_kind kind = CENSUS_PROPERTY; kind < CENSUS_KIND_COUNT; kind++)
			if (str_eq(census_kind_name(kind), json_text(&list->items[i])))
				kinds |= 1u << kind;
	return kinds;
}

static uint64_t count_read(const struct json *number)
{
	int64_t count;

	return json_int64(number, &count) && count > 0 ? (uint64_t)count : 0;
}

/* ---- what a source says ---- */

static void names_put_types(struct putting *p, const struct json *names)
{
	struct str iri;

	for (size_t i = 0; i < length(names); i++)
		if (name_read(p, &names->items[i], true, &iri))
			(void)type_put(p, iri);
}

static void type_attributes_put(struct putting *p, struct discovery_type *type, const struct json *names)
{
	struct str iri;

	if (!attributes_reserve(p, &type->attributes, type->attribute_count, length(names)))
		return;
	for (size_t i = 0; i < length(names); i++)
		if (name_read(p, &names->items[i], false, &iri))
			(void)attribute_put(type->attributes, &type->attribute_count, iri);
}

static void types_put(struct putting *p, const struct json *body)
{
	const struct json *list = json_get(body, STR("typeList"));
	struct str iri;

	if (!types_reserve(p, length(list) + length(body)))
		return;
	names_put_types(p, list);
	for (size_t i = 0; i < length(body); i++)
		if (name_read(p, json_get(&body->items[i], STR("typeName")), true, &iri))
			type_attributes_put(p, type_put(p, iri), json_get(&body->items[i], STR("attributeNames")));
}

static void type_info_put(struct putting *p, const struct json *body)
{
	const struct json *details = json_get(body, STR("attributeDetails"));
	struct discovery_type *type;
	struct str iri;

	if (!is_registered(p->part.type_iris, p->part.type_count, p->discovery->iri) || !types_reserve(p, 1))
		return;
	type = type_put(p, p->discovery->iri);
	p->discovery->found = true;
	type->entity_count += count_read(json_get(body, STR("entityCount")));
	if (!attributes_reserve(p, &type->attributes, type->attribute_count, length(details)))
		return;
	for (size_t i = 0; i < length(details); i++) {
		const struct json *one = &details->items[i];

		if (name_read(p, json_get(one, STR("attributeName")), false, &iri))
			attribute_put(type->attributes, &type->attribute_count, iri)->kinds |=
				kinds_read(json_get(one, STR("attributeTypes")));
	}
}

static void attribute_types_put(struct putting *p, struct discovery_attribute *attribute, const struct json *one)
{
	const struct json *names = json_get(one, STR("typeNames"));
	struct str *iris = with_room(p, attribute->type_iris, attribute->type_count, length(names), sizeof(*iris)), iri;

	if (!iris)
		return;
	attribute->type_iris = iris;
	for (size_t i = 0; i < length(names); i++)
		if (name_read(p, &names->items[i], true, &iri))
			attribute_type_put(attribute, iri);
}

static void attributes_put(struct putting *p, const struct json *body)
{
	struct discovery_attributes *all = &p->discovery->attributes;
	const struct json *list = json_get(body, STR("attributeList"));
	struct str iri;

	if (!attributes_reserve(p, &all->items, all->count, length(list) + length(body)))
		return;
	for (size_t i = 0; i < length(list); i++)
		if (name_read(p, &list->items[i], false, &iri))
			(void)attribute_put(all->items, &all->count, iri);
	for (size_t i = 0; i < length(body); i++)
		if (name_read(p, json_get(&body->items[i], STR("attributeName")), false, &iri))
			attribute_types_put(p, attribute_put(all->items, &all->count, iri), &body->items[i]);
}

static void attribute_info_put(struct putting *p, const struct json *body)
{
	struct discovery_attributes *all = &p->discovery->attributes;
	struct discovery_attribute *attribute;

	if (!is_registered(p->part.attribute_iris, p->part.attribute_count, p->discovery->iri) ||
	    !attributes_reserve(p, &all->items, all->count, 1))
		return;
	attribute = attribute_put(all->items, &all->count, p->discovery->iri);
	p->discovery->found = true;
	attribute->instance_count += count_read(json_get(body, STR("attributeCount")));
	attribute->kinds |= kinds_read(json_get(body, STR("attributeTypes")));
	attribute_types_put(p, attribute, body);
}

static enum err_code put(struct call *call, struct discovery *discovery, struct forward *forward,
			 const struct context *context, const struct json *body)
{
	struct putting p = {.call = call, .discovery = discovery, .forward = forward, .context = context};
	struct registration_part *parts = NULL;
	size_t count = 0;

	if (!source_parts(forward->source, NULL, call->arena, &parts, &count) ||
	    !registration_parts_join(call->arena, parts, count, &p.part))
		p.failed = true;
	else if (discovery->what == DISCOVERED_TYPES)
		types_put(&p, body);
	else if (discovery->what == DISCOVERED_TYPE)
		type_info_put(&p, body);
	else if (discovery->what == DISCOVERED_ATTRIBUTES)
		attributes_put(&p, body);
	else
		attribute_info_put(&p, body);
	return p.failed ? err_set(&call->error, ERR_MEMORY, "no memory for what sources know") : ERR_OK;
}

/* ---- what came back ---- */

/* ERR_TIMEOUT: suspended. */
static enum err_code take_answer(struct discovery *discovery, struct forward *forward)
{
	struct json *body = NULL;
	struct context *context = NULL;
	enum err_code code = forward_take(forward, &body, &context);

	if (code == ERR_TIMEOUT)
		return code;
	return body ? put(forward->round->call, discovery, forward, context, body) : ERR_OK;
}

static int by_type_iri(const void *a, const void *b)
{
	return str_cmp(((const struct discovery_type *)a)->iri, ((const struct discovery_type *)b)->iri);
}

static int by_attribute_iri(const void *a, const void *b)
{
	return str_cmp(((const struct discovery_attribute *)a)->iri, ((const struct discovery_attribute *)b)->iri);
}

static void sort_all(struct discovery *discovery)
{
	struct discovery_types *types = &discovery->types;
	struct discovery_attributes *attributes = &discovery->attributes;

	if (types->count)
		qsort(types->items, types->count, sizeof(*types->items), by_type_iri);
	for (size_t i = 0; i < types->count; i++)
		if (types->items[i].attribute_count)
			qsort(types->items[i].attributes, types->items[i].attribute_count,
			      sizeof(*types->items[i].attributes), by_attribute_iri);
	if (attributes->count)
		qsort(attributes->items, attributes->count, sizeof(*attributes->items), by_attribute_iri);
}

static void take_answers(struct call *call)
{
	struct discovery *discovery = call->work;
	enum err_code code = ERR_OK;

	call->resume = take_answers;
	for (; code == ERR_OK && discovery->next < discovery->round->count; discovery->next++) {
		code = take_answer(discovery, discovery->round->at[discovery->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	sort_all(discovery);
	forward_warnings_put(call);
	discovery->answer(call);
}

/* ---- asking ---- */

static enum source_operation operation_of(const struct discovery *discovery)
{
	switch (discovery->what) {
	case DISCOVERED_TYPES:
		return discovery->details ? SOURCE_RETRIEVE_ENTITY_TYPE_DETAILS : SOURCE_RETRIEVE_ENTITY_TYPES;
	case DISCOVERED_TYPE:
		return SOURCE_RETRIEVE_ENTITY_TYPE_INFO;
	case DISCOVERED_ATTRIBUTES:
		return discovery->details ? SOURCE_RETRIEVE_ATTR_TYPE_DETAILS : SOURCE_RETRIEVE_ATTR_TYPES;
	default:
		return SOURCE_RETRIEVE_ATTR_TYPE_INFO;
	}
}

/* Of one by its name under the @context that goes along. ERR_TIMEOUT: suspended. */
static enum err_code request_add(struct call *call, struct discovery *discovery, struct source *source)
{
	bool types = discovery->what == DISCOVERED_TYPES || discovery->what == DISCOVERED_TYPE;
	struct forward *forward;
	struct context *names = NULL;
	struct buf path;
	enum err_code code = forward_names(call, source, &names);

	if (code != ERR_OK)
		return code;
	buf_init(&path, API_SCRATCH_BYTES_MAX);
	buf_put(&path, types ? STR("/types") : STR("/attributes"));
	if (discovery->iri.at) {
		buf_put_char(&path, '/');
		put_escaped(&path, context_compact(names, call->arena, discovery->iri));
	}
	forward = forward_add(discovery->round, source, "GET", buf_to_arena(&path, call->arena));
	if (!forward)
		return ERR_LIMIT;
	forward->query = discovery->details ? STR("details=true") : STR("");
	forward->context_value = call->context_value;
	return ERR_OK;
}

static void ask(struct call *call)
{
	struct discovery *discovery = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; code == ERR_OK && discovery->next < discovery->sources.count; discovery->next++) {
		code = request_add(call, discovery, discovery->sources.at[discovery->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	discovery->next = 0;
	if (code == ERR_OK)
		forward_send(discovery->round, take_answers);
	else
		answer_error(call, code, &call->error);
}

void discovery_distribute(struct call *call)
{
	struct discovery *discovery = call->work;
	struct registration_question *match = arena_new(call->arena, struct registration_question);
	bool answered = false;
	enum err_code code = ERR_MEMORY;

	if (!call_is_distributed(call, &answered)) {
		if (!answered)
			discovery->answer(call);
		return;
	}
	if (match)
		code = call_sources(call, operation_of(discovery), false, match, &discovery->sources);
	if (code == ERR_OK)
		code = forward_round_new(call, &discovery->round);
	if (code == ERR_OK)
		ask(call);
	else
		answer_error(call, code, &call->error);
}
