/* Attribute instances: which kind, which members, concise or normalized, one or several. */
#include "ngsild/expand_int.h"

#include <assert.h>

#define INSTANCE_EXTRA_MEMBERS (1u + EXPAND_STAMPS) /* type and stamps, which clients may leave out */

/* What an instance as sent by a client is about. */
struct shape {
	const struct json *type; /* the node of "type" or "@type"; NULL when absent */
	enum member value; /* the member that holds a value; MEMBER_NONE */
	const struct json *value_node;
	bool members; /* some core member is there that only an instance has */
};

static enum err_code shape_of(const struct expansion *x, const struct json *body, struct shape *ret)
{
	struct shape shape = {0};

	for (uint32_t i = 0; i < body->count; i++) {
		enum member member = member_of(body->members[i].key);

		if (member == MEMBER_TYPE) {
			if (shape.type)
				return err_set(x->err, ERR_INVALID, "\"type\" is given twice");
			shape.type = &body->members[i].value;
		} else if (member_in(member, MEMBERS_VALUE)) {
			if (shape.value)
				return err_set(x->err, ERR_INVALID, "\"%.*s\" and \"%.*s\" exclude each other",
					       STR_FMT(member_name(shape.value)), STR_FMT(member_name(member)));
			shape.value = member;
			shape.value_node = &body->members[i].value;
		} else if (member >= MEMBER_DATASET_ID && member <= MEMBER_ENTITY_LIST) {
			shape.members = true;
		}
	}
	*ret = shape;
	return ERR_OK;
}

static const struct attribute_kind *kind_named(const struct expansion *x, const struct json *type)
{
	struct str iri = STR_NONE;
	const struct attribute_kind *kind = attribute_kind(json_text(type));

	if (kind || !json_is(type, JSON_STRING))
		return kind;
	/* "ngsi-ld:Property" is as good. */
	if (context_expand(x->context, x->arena, json_text(type), &iri, NULL))
		return NULL;
	return attribute_kind(iri);
}

/* A JSON-LD typed value: {"@type": …, "@value": …} (4.6.3). */
static bool is_typed_value(const struct json *node)
{
	return json_get(node, STR("@type")) && json_get(node, STR("@value")) && !json_get(node, STR("type"));
}

/* Could clients mean an attribute instance by this object rather than a value? */
static bool looks_like_instance(const struct expansion *x, const struct json *node)
{
	struct shape shape = {0};

	if (!json_is(node, JSON_OBJECT) || attribute_is_geometry(node) || is_typed_value(node))
		return false;
	if (shape_of(x, node, &shape))
		return true;
	if (shape.value || (x->merge && shape.members))
		return true;
	return shape.type && kind_named(x, shape.type);
}

/* The kind of an instance: said, or inferred from the value's member (concise, 4.5.2.3, 4.7.3). *ret NULL: a fragment
 * that does not say. */
static enum err_code kind_of(const struct expansion *x, const struct shape *shape, const struct attribute_kind **ret)
{
	const struct attribute_kind *kind = NULL;

	if (shape->type) {
		kind = kind_named(x, shape->type);
		if (!kind && json_is(shape->type, JSON_STRING))
			return err_set(x->err, ERR_INVALID, "\"type\": \"%.*s\" is no kind of attribute",
				       STR_FMT(json_text(shape->type)));
		if (!kind)
			return err_set(x->err, ERR_INVALID, "\"type\" must be a text");
	} else if (shape->value && !x->partial) {
		kind = attribute_kind_of_member(shape->value);
		if (shape->value == MEMBER_VALUE && attribute_is_geometry(shape->value_node))
			kind = attribute_kind(STR("GeoProperty"));
	}
	*ret = kind;
	return ERR_OK;
}

/* Is the core member allowed in an instance of this kind (NULL: not known)? *ret_keep false: it is the system's. */
static enum err_code judge_member(const struct expansion *x, const struct attribute_kind *kind, struct str attribute,
				  struct str key, enum member member, bool *ret_keep)
{
	static const uint64_t sealed = MEMBER_BIT(MEMBER_ENTITY_ID_SEALED) | MEMBER_BIT(MEMBER_ENTITY_TYPE_SEALED);
	uint64_t allowed = 0, ignored = 0;

	for (enum member value = MEMBER_VALUE; !kind && value <= MEMBER_OBJECT_LIST; value++) {
		allowed |= attribute_kind_of_member(value)->allowed;
		ignored |= attribute_kind_of_member(value)->ignored;
	}
	if (kind) {
		allowed = kind->allowed;
		ignored = kind->ignored;
	}
	if (member_in(member, allowed | ignored)) {
		*ret_keep = member_in(member, allowed);
		return ERR_OK;
	}
	/* Only a Property of this very name is sealed (4.5.2.2). */
	if (member_in(member, sealed) && str_eq(attribute, STR("ngsildproof")) &&
	    (kind ? kind->value == MEMBER_VALUE : x->merge)) {
		*ret_keep = true;
		return ERR_OK;
	}
	if (member == MEMBER_CONTEXT)
		return err_set(x->err, ERR_INVALID, "an @context may stand at the top level only");
	if (kind)
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is not allowed in a %.*s", STR_FMT(key),
			       STR_FMT(kind->name));
	return err_set(x->err, ERR_INVALID, "\"%.*s\" is not allowed in an attribute", STR_FMT(key));
}

static enum err_code add_sub_attribute(const struct expansion *x, struct str name, const struct json *body,
				       struct json *instance)
{
	struct expansion inner = *x;
	struct json instances = {0};
	struct str iri = STR_NONE;
	enum err_code code;

	inner.partial = x->merge;
	inner.temporal = false;
	if ((code = expand_attribute_name(x, name, &iri)))
		return code;
	if ((code = expand_instances(&inner, name, body, &instances))) {
		(void)err_while(x->err, "reading sub-attribute \"%.*s\"", STR_FMT(name));
		return code;
	}
	return expand_add(x, instance, iri, instances);
}

enum err_code expand_check_proof(const struct expansion *x, struct str attribute, const struct json *value)
{
	if (!str_eq(attribute, STR("ngsildproof")) || json_is(value, JSON_OBJECT) ||
	    (x->nulls && str_eq(json_text(value), NGSILD_NULL)))
		return ERR_OK;
	return err_set(x->err, ERR_INVALID, "the value of \"ngsildproof\" must be an object: the proof");
}

static enum err_code add_core_member(const struct expansion *x, const struct attribute_kind *kind, struct str attribute,
				     const struct json_member *member, struct json *instance)
{
	enum member which = member_of(member->key);
	struct json value = {0};
	enum err_code code;
	bool keep = false;

	if (which == MEMBER_TYPE)
		return ERR_OK;
	if ((code = judge_member(x, kind, attribute, member->key, which, &keep)) || !keep)
		return code;
	/* "@none" names the default instance, which has no datasetId (4.5.5). */
	if (which == MEMBER_DATASET_ID && str_eq(json_text(&member->value), NGSILD_DATASET_DEFAULT))
		return ERR_OK;
	if (which == MEMBER_VALUE && (code = expand_check_proof(x, attribute, &member->value)))
		return code;
	if ((code = expand_member(x, kind, which, &member->value, &value)))
		return code;
	return expand_add(x, instance, member->key, value);
}

enum err_code expand_check_attributes(const struct expansion *x, const struct json *parent)
{
	struct str *iris = arena_array(x->arena, struct str, parent->count);
	struct str twice;
	size_t count = 0;

	if (!iris)
		return err_set(x->err, ERR_MEMORY, "no memory for %u attribute names", parent->count);
	for (uint32_t i = 0; i < parent->count; i++)
		if (member_of(parent->members[i].key) == MEMBER_NONE)
			iris[count++] = parent->members[i].key;
	if (expand_all_differ(iris, count, &twice))
		return ERR_OK;
	return err_set(x->err, ERR_INVALID, "two names stand for the attribute %.*s", STR_FMT(twice));
}

static enum err_code add_members(const struct expansion *x, const struct attribute_kind *kind, struct str attribute,
				 const struct json *body, struct json *instance)
{
	enum err_code code = ERR_OK;
	uint32_t subs = 0;

	if (body->count > EXPAND_ATTRIBUTES_MAX)
		return err_set(x->err, ERR_INVALID, "an attribute has more than %u members", EXPAND_ATTRIBUTES_MAX);
	for (uint32_t i = 0; i < body->count && !code; i++) {
		const struct json_member *member = &body->members[i];

		if (member_of(member->key) == MEMBER_NONE) {
			subs++;
			code = add_sub_attribute(x, member->key, &member->value, instance);
		} else {
			code = add_core_member(x, kind, attribute, member, instance);
		}
	}
	return !code && subs > 1 ? expand_check_attributes(x, instance) : code;
}

bool expand_is_deletion(const struct expansion *x, const struct json *body)
{
	return x->stamped && x->temporal && json_is(json_get(body, STR("deletedAt")), JSON_STRING);
}

/* What an evolution of another broker's says of an instance beside its stamps. */
static enum err_code add_marks(const struct expansion *x, const struct json *body, struct json *instance)
{
	const struct json *id = json_get(body, STR("instanceId"));
	enum err_code code = expand_add_deletion(x, body, instance);

	if (code || !x->stamped || !x->temporal || !json_is(id, JSON_STRING) || !expand_is_uri(json_text(id)))
		return code;
	return expand_add(x, instance, STR("instanceId"), *id);
}

/* An object that is an instance, with whatever members it has. */
static enum err_code instance_of_object(const struct expansion *x, struct str name, const struct json *body,
					const struct shape *shape, struct json *ret)
{
	const struct attribute_kind *kind = NULL;
	struct json instance = {0};
	enum err_code code;

	if ((code = kind_of(x, shape, &kind)))
		return code;
	if (kind && shape->value != kind->value && !(x->partial && !shape->value)) {
		if (shape->value)
			return err_set(x->err, ERR_INVALID, "\"%.*s\" is not allowed in a %.*s",
				       STR_FMT(member_name(shape->value)), STR_FMT(kind->name));
		return err_set(x->err, ERR_INVALID, "a %.*s needs \"%.*s\"", STR_FMT(kind->name),
			       STR_FMT(member_name(kind->value)));
	}
	if ((code = expand_object(x, body->count + INSTANCE_EXTRA_MEMBERS, &instance)))
		return code;
	if (kind && (code = expand_add(x, &instance, STR("type"), json_string(kind->name))))
		return code;
	struct expansion inside = *x;

	inside.nulls = x->nulls || expand_is_deletion(x, body);
	if ((code = add_members(&inside, kind, name, body, &instance)) ||
	    (code = expand_add_stamps(x, body, &instance)) || (code = add_marks(x, body, &instance)))
		return code;
	*ret = instance;
	return ERR_OK;
}

/* Concise: the value alone (4.5.2.3, 4.7.3). */
static enum err_code instance_of_value(const struct expansion *x, struct str name, const struct json *value,
				       struct json *ret)
{
	const struct attribute_kind *kind =
		attribute_kind(attribute_is_geometry(value) ? STR("GeoProperty") : STR("Property"));
	struct json instance = {0}, checked = {0};
	enum err_code code;

	if (x->merge) /* whose value it is, the attribute that is merged into says */
		kind = NULL;
	if ((code = expand_check_proof(x, name, value)) ||
	    (code = expand_member(x, kind, MEMBER_VALUE, value, &checked)) ||
	    (code = expand_object(x, 1 + INSTANCE_EXTRA_MEMBERS, &instance)) ||
	    (kind && (code = expand_add(x, &instance, STR("type"), json_string(kind->name)))) ||
	    (code = expand_add(x, &instance, STR("value"), checked)) ||
	    (code = expand_add(x, &instance, STR("createdAt"), x->now)))
		return code;
	*ret = instance;
	return ERR_OK;
}

static enum err_code expand_instance(const struct expansion *x, struct str name, const struct json *body,
				     struct json *ret)
{
	struct shape shape = {0};
	enum err_code code;

	if (!json_is(body, JSON_OBJECT))
		return instance_of_value(x, name, body, ret);
	/* A geometry's "type" and a typed value's "@type" are not the attribute's. */
	if (attribute_is_geometry(body) || is_typed_value(body))
		return instance_of_value(x, name, body, ret);
	if ((code = shape_of(x, body, &shape)))
		return code;
	/* A merge's object without any member of an instance is a value, as in all other operations. */
	if (shape.type || shape.value || (x->partial && (!x->merge || shape.members)))
		return instance_of_object(x, name, body, &shape, ret);
	if (shape.members)
		return err_set(x->err, ERR_INVALID, "neither \"value\" nor \"object\" nor another value is there");
	return instance_of_value(x, name, body, ret);
}

static void move_to_front(struct json *items, uint32_t from)
{
	struct json moved = items[from];

	for (; from > 0; from--)
		items[from] = items[from - 1];
	items[0] = moved;
}

/* The datasetIds differ and the default instance comes first. */
static enum err_code order_instances(const struct expansion *x, struct json *instances)
{
	struct str *datasets = arena_array(x->arena, struct str, instances->count);
	struct str twice;

	if (!datasets)
		return err_set(x->err, ERR_MEMORY, "no memory for %u datasetIds", instances->count);
	for (uint32_t i = 0; i < instances->count; i++) {
		datasets[i] = instance_dataset(&instances->items[i]);
		if (datasets[i].len == 0)
			move_to_front(instances->items, i);
	}
	if (expand_all_differ(datasets, instances->count, &twice))
		return ERR_OK;
	if (twice.len == 0)
		return err_set(x->err, ERR_INVALID,
			       "two instances have no \"datasetId\"; one at most may be the default");
	return err_set(x->err, ERR_INVALID, "\"datasetId\" \"%.*s\" occurs twice", STR_FMT(twice));
}

enum err_code expand_instances(const struct expansion *x, struct str name, const struct json *body, struct json *ret)
{
	struct json instances = {0}, instance = {0};
	enum err_code code;
	uint32_t alike = 0, most = x->temporal ? EXPAND_TEMPORAL_INSTANCES_MAX : EXPAND_INSTANCES_MAX;

	for (uint32_t i = 0; json_is(body, JSON_ARRAY) && i < body->count; i++)
		alike += looks_like_instance(x, &body->items[i]);
	if (alike == 0) {
		if ((code = expand_array(x, 1, &instances)) || (code = expand_instance(x, name, body, &instance)))
			return code;
		*ret = instances;
		return expand_push(x, ret, instance);
	}
	assert(json_is(body, JSON_ARRAY));
	if (body->count > most)
		return err_set(x->err, ERR_INVALID, "an attribute has more than %u instances", most);
	if (alike < body->count)
		return err_set(x->err, ERR_INVALID, "an array holds attribute instances and other things beside");
	if ((code = expand_array(x, body->count, &instances)))
		return code;
	for (uint32_t i = 0; i < body->count; i++) {
		if ((code = expand_instance(x, name, &body->items[i], &instance))) {
			(void)err_while(x->err, "reading instance %u", i + 1);
			return code;
		}
		if ((code = expand_push(x, &instances, instance)))
			return code;
	}
	*ret = instances;
	return body->count > 1 && !x->temporal ? order_instances(x, ret) : ERR_OK;
}
