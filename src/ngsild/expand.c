/* From what clients send to the expanded document: the entity's own members, names and the tree.
 *
 * Every rule of the clauses is checked on the way, so that whatever lies in a store is right: readers never check
 * again. Nothing is copied but the nodes (32 bytes each); texts stay where the parser put them. The rules for kinds
 * of attributes and their members are tables in attribute.c; expand_instance.c applies them, expand_value.c checks
 * the members' values. */
#include "ngsild/expand_int.h"

#include "base/time_value.h"
#include "ngsild/name_int.h"

#include <stdlib.h>

#define FEW_TEXTS 16u /* so few are compared pairwise */

static enum err_code no_memory(const struct expansion *x)
{
	return err_set(x->err, ERR_MEMORY, "no memory left for this request");
}

enum err_code expand_object(const struct expansion *x, size_t count, struct json *ret)
{
	struct json object = json_object();

	object.members = arena_array(x->arena, struct json_member, count);
	if (!object.members)
		return no_memory(x);
	object.room = (uint32_t)count;
	*ret = object;
	return ERR_OK;
}

enum err_code expand_array(const struct expansion *x, size_t count, struct json *ret)
{
	struct json array = json_array();

	array.items = arena_array(x->arena, struct json, count);
	if (!array.items)
		return no_memory(x);
	array.room = (uint32_t)count;
	*ret = array;
	return ERR_OK;
}

enum err_code expand_add(const struct expansion *x, struct json *object, struct str key, struct json value)
{
	/* The only null that a document may hold lies inside a JsonProperty's value: as a node of its own here it means
	 * that a number found no memory. */
	if (value.kind == JSON_NULL && !str_eq(key, STR("json")))
		return no_memory(x);
	return json_add(x->arena, object, key, value) ? ERR_OK : no_memory(x);
}

enum err_code expand_push(const struct expansion *x, struct json *array, struct json value)
{
	return json_push(x->arena, array, value) ? ERR_OK : no_memory(x);
}

static int compare_texts(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool expand_all_differ(struct str *texts, size_t count, struct str *ret_twice)
{
	if (count > FEW_TEXTS)
		qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 1; i < count; i++) {
		size_t first = count > FEW_TEXTS ? i - 1 : 0;

		for (size_t k = first; k < i; k++) {
			if (str_eq(texts[k], texts[i])) {
				*ret_twice = texts[i];
				return false;
			}
		}
	}
	return true;
}

enum err_code expand_name(const struct expansion *x, struct str name, struct str *ret_iri)
{
	if (!name_is_legal(name))
		return err_set(x->err, ERR_INVALID,
			       "\"%.*s\" is no name: a letter, then letters, digits and \"_\", or a URI",
			       STR_FMT(name));
	return context_expand(x->context, x->arena, name, ret_iri, x->err);
}

enum err_code expand_attribute_name(const struct expansion *x, struct str name, struct str *ret_iri)
{
	struct str iri = STR_NONE;
	enum err_code code;

	if (member_of(name) != MEMBER_NONE)
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is reserved and cannot name an attribute", STR_FMT(name));
	if ((code = expand_name(x, name, &iri)))
		return code;
	if (member_is_iri(iri))
		return err_set(x->err, ERR_INVALID,
			       "\"%.*s\" stands for %.*s, which is reserved and cannot name an attribute",
			       STR_FMT(name), STR_FMT(iri));
	*ret_iri = iri;
	return ERR_OK;
}

static enum err_code expand_term(const struct expansion *x, const struct json *term, bool names, struct str member,
				 struct json *ret)
{
	struct str iri = STR_NONE;
	enum err_code code;

	if (!json_is(term, JSON_STRING))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" must be a text or an array of texts", STR_FMT(member));
	if (node_is_null(term))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is \"urn:ngsi-ld:null\" where nothing can be deleted",
			       STR_FMT(member));
	code = names ? expand_name(x, json_text(term), &iri)
		     : context_expand(x->context, x->arena, json_text(term), &iri, x->err);
	if (code) {
		(void)err_while(x->err, "reading \"%.*s\"", STR_FMT(member));
		return code;
	}
	*ret = json_string(iri);
	return ERR_OK;
}

enum err_code expand_terms(const struct expansion *x, const struct json *value, bool names, struct str member,
			   struct json *ret)
{
	struct json array = {0}, iri = {0};
	enum err_code code;

	if (!json_is(value, JSON_ARRAY))
		return expand_term(x, value, names, member, ret);
	if (value->count == 0)
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is an empty array", STR_FMT(member));
	if ((code = expand_array(x, value->count, &array)))
		return code;
	for (uint32_t i = 0; i < value->count; i++)
		if ((code = expand_term(x, &value->items[i], names, member, &iri)) ||
		    (code = expand_push(x, &array, iri)))
			return code;
	*ret = array;
	return ERR_OK;
}

static enum err_code push_distinct(const struct expansion *x, struct json *array, struct json value)
{
	for (uint32_t i = 0; i < array->count; i++)
		if (str_eq(json_text(&array->items[i]), json_text(&value)))
			return ERR_OK;
	return expand_push(x, array, value);
}

/* "type" of an entity: always an array in the document, each type once (4.5.1). */
static enum err_code add_types(const struct expansion *x, const struct json *value, struct json *entity)
{
	struct json types = {0}, iris = {0};
	enum err_code code;

	if (json_is(value, JSON_ARRAY) && value->count > EXPAND_TYPES_MAX)
		return err_set(x->err, ERR_INVALID, "\"type\" has more than %u names", EXPAND_TYPES_MAX);
	if ((code = expand_terms(x, value, true, STR("type"), &iris)))
		return code;
	if ((code = expand_array(x, json_is(&iris, JSON_ARRAY) ? iris.count : 1, &types)))
		return code;
	if (json_is(&iris, JSON_STRING))
		code = expand_push(x, &types, iris);
	for (uint32_t i = 0; json_is(&iris, JSON_ARRAY) && i < iris.count && !code; i++)
		code = push_distinct(x, &types, iris.items[i]);
	return code ? code : expand_add(x, entity, STR("type"), types);
}

static enum err_code push_scope(const struct expansion *x, struct json *scopes, const struct json *scope)
{
	struct str text = json_text(scope);

	if (!json_is(scope, JSON_STRING) || !scope_is_legal(text))
		return err_set(x->err, ERR_INVALID, "\"scope\": \"%.*s\" is no scope such as \"/Madrid/Gardens\"",
			       STR_FMT(text));
	return push_distinct(x, scopes, *scope);
}

enum err_code expand_scopes(const struct expansion *x, const struct json *value, struct json *ret)
{
	bool several = json_is(value, JSON_ARRAY);
	enum err_code code;

	if (several && value->count == 0)
		return err_set(x->err, ERR_INVALID, "\"scope\" is an empty array");
	if (several && value->count > EXPAND_SCOPES_MAX)
		return err_set(x->err, ERR_INVALID, "\"scope\" has more than %u items", EXPAND_SCOPES_MAX);
	if ((code = expand_array(x, several ? value->count : 1, ret)))
		return code;
	if (!several)
		code = push_scope(x, ret, value);
	for (uint32_t i = 0; several && i < value->count && !code; i++)
		code = push_scope(x, ret, &value->items[i]);
	return code;
}

static enum err_code add_scopes(const struct expansion *x, const struct json *value, struct json *entity)
{
	struct json scopes = {0};
	enum err_code code;

	if (x->nulls && node_is_null(value))
		return expand_add(x, entity, STR("scope"), *value);
	code = x->temporal ? expand_temporal_scope(x, value, &scopes) : expand_scopes(x, value, &scopes);
	return code ? code : expand_add(x, entity, STR("scope"), scopes);
}

static enum err_code add_id(const struct expansion *x, const struct json *value, struct json *entity)
{
	if (!json_is(value, JSON_STRING) || !expand_is_uri(json_text(value)) || node_is_null(value))
		return err_set(x->err, ERR_INVALID, "\"id\" must be a URI");
	return expand_add(x, entity, STR("id"), *value);
}

/* The entity's own members as sent; NULL: absent. */
struct own_members {
	const struct json *body; /* all of them */
	const struct json *id, *type, *scope, *expires;
};

/* The slot of an own member; NULL for members that are none of these. */
static const struct json **own_slot(struct own_members *own, enum member member)
{
	switch (member) {
	case MEMBER_ID:
		return &own->id;
	case MEMBER_TYPE:
		return &own->type;
	case MEMBER_SCOPE:
		return &own->scope;
	case MEMBER_EXPIRES_AT:
		return &own->expires;
	default:
		return NULL;
	}
}

/* Members that the system generates are ignored (5.2.2), the @context has been read before. */
static bool is_left_out(enum member member)
{
	static const uint64_t set = MEMBER_BIT(MEMBER_CONTEXT) | MEMBER_BIT(MEMBER_CREATED_AT) |
				    MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_DELETED_AT);

	return member_in(member, set);
}

/* Sorts the members: the entity's own, and the rest, which are attributes. */
static enum err_code sort_members(const struct expansion *x, const struct json *body, struct own_members *ret_own,
				  const struct json_member **attributes, size_t *ret_count)
{
	struct own_members own = {.body = body};
	size_t count = 0;

	for (uint32_t i = 0; i < body->count; i++) {
		enum member member = member_of(body->members[i].key);
		const struct json **slot = own_slot(&own, member);

		if (slot && *slot)
			return err_set(x->err, ERR_INVALID, "\"%.*s\" is given twice", STR_FMT(body->members[i].key));
		if (slot)
			*slot = &body->members[i].value;
		else if (!is_left_out(member))
			attributes[count++] = &body->members[i];
	}
	*ret_own = own;
	*ret_count = count;
	return ERR_OK;
}

static bool stamp_read(const struct json *body, struct str key, int64_t *ret_us)
{
	const struct json *stamp = json_get(body, key);

	return stamp && time_parse_iso(json_text(stamp), false, ret_us);
}

enum err_code expand_add_stamps(const struct expansion *x, const struct json *body, struct json *object)
{
	struct json created = x->now;
	int64_t created_us, modified_us;
	bool was_created = x->stamped && stamp_read(body, STR("createdAt"), &created_us);

	if (was_created)
		created = json_int(x->arena, created_us);
	enum err_code code = expand_add(x, object, STR("createdAt"), created);

	if (code || !x->stamped || !stamp_read(body, STR("modifiedAt"), &modified_us) ||
	    (was_created && modified_us == created_us))
		return code;
	return expand_add(x, object, STR("modifiedAt"), json_int(x->arena, modified_us));
}

enum err_code expand_add_deletion(const struct expansion *x, const struct json *body, struct json *object)
{
	int64_t us;

	if (!x->stamped || !x->temporal || !stamp_read(body, STR("deletedAt"), &us))
		return ERR_OK;
	return expand_add(x, object, STR("deletedAt"), json_int(x->arena, us));
}

/* id, type, scope, createdAt, expiresAt: in this order, before the attributes. */
static enum err_code add_own_members(const struct expansion *x, const struct own_members *own, bool fragment,
				     struct json *entity)
{
	struct json time = {0};
	enum err_code code;

	if (!fragment && (!own->id || !own->type))
		return err_set(x->err, ERR_INVALID, "the entity has no \"%s\"", own->id ? "type" : "id");
	if ((own->id && (code = add_id(x, own->id, entity))) ||
	    (own->type && (code = add_types(x, own->type, entity))) ||
	    (own->scope && (code = add_scopes(x, own->scope, entity))) ||
	    (code = expand_add_stamps(x, own->body, entity)) || (code = expand_add_deletion(x, own->body, entity)))
		return code;
	/* The system's (6.3.11), of the current state alone. */
	if (!own->expires || x->temporal)
		return ERR_OK;
	if ((code = expand_member(x, NULL, MEMBER_EXPIRES_AT, own->expires, &time)))
		return code;
	return expand_add(x, entity, STR("expiresAt"), time);
}

static enum err_code add_attribute(const struct expansion *x, struct str name, const struct json *body,
				   struct json *entity)
{
	struct json instances = {0};
	struct str iri = STR_NONE;
	enum err_code code;

	if ((code = expand_attribute_name(x, name, &iri)))
		return code;
	code = x->simplified ? expand_simplified(x, name, body, &instances)
	       : x->temporal ? expand_temporal(x, name, body, &instances)
			     : expand_instances(x, name, body, &instances);
	if (code || (code = expand_check_place(x, iri, &instances))) {
		(void)err_while(x->err, "reading attribute \"%.*s\"", STR_FMT(name));
		return code;
	}
	return expand_add(x, entity, iri, instances);
}

static enum err_code expand_members(const struct expansion *x, const struct json *body, bool fragment,
				    struct json *entity)
{
	struct own_members own = {0};
	size_t count = 0;
	enum err_code code;

	if (body->count > EXPAND_ATTRIBUTES_MAX)
		return err_set(x->err, ERR_INVALID, "an entity has more than %u members", EXPAND_ATTRIBUTES_MAX);
	const struct json_member **attributes = arena_array(x->arena, const struct json_member *, body->count);

	if (!attributes)
		return no_memory(x);
	if ((code = sort_members(x, body, &own, attributes, &count)) ||
	    (code = expand_object(x, (size_t)body->count + EXPAND_STAMPS, entity)) ||
	    (code = add_own_members(x, &own, fragment, entity)))
		return code;
	for (size_t i = 0; i < count; i++)
		if ((code = add_attribute(x, attributes[i]->key, &attributes[i]->value, entity)))
			return code;
	return count > 1 ? expand_check_attributes(x, entity) : ERR_OK;
}

static struct expansion expansion_of(struct arena *arena, const struct expand_options *options, struct error *err)
{
	return (struct expansion){.arena = arena,
				  .context = options->context,
				  .now = json_int(arena, options->now_us),
				  .nulls = options->fragment && !options->temporal,
				  .partial = options->merge,
				  .merge = options->merge,
				  .simplified = options->simplified,
				  .temporal = options->temporal,
				  .stamped = options->stamped,
				  .err = err};
}

enum err_code expand_entity(struct arena *arena, const struct json *body, const struct expand_options *options,
			    struct json **ret_entity, struct error *err)
{
	struct expansion x = expansion_of(arena, options, err);
	struct json entity = {0};
	enum err_code code;

	if (!json_is(body, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "an entity must be a JSON object");
	if ((code = expand_members(&x, body, options->fragment, &entity)))
		return code;
	struct json *kept = json_new(arena, entity);

	if (!kept)
		return no_memory(&x);
	*ret_entity = kept;
	return ERR_OK;
}

/* body without its "@context", which the caller has read: the attribute's top level is the document's. */
static enum err_code without_context(const struct expansion *x, const struct json *body, struct json *ret)
{
	struct json copy = *body;
	enum err_code code;

	if (json_is(body, JSON_OBJECT) && json_get(body, STR("@context"))) {
		if ((code = expand_object(x, body->count, &copy)))
			return code;
		for (uint32_t i = 0; i < body->count; i++)
			if (!str_eq(body->members[i].key, STR("@context")) &&
			    !json_add(x->arena, &copy, body->members[i].key, body->members[i].value))
				return no_memory(x);
	}
	*ret = copy;
	return ERR_OK;
}

enum err_code expand_attribute(struct arena *arena, struct str attribute_name, const struct json *body,
			       const struct expand_options *options, struct str *ret_iri, struct json **ret_instances,
			       struct error *err)
{
	struct expansion x = expansion_of(arena, options, err);
	struct json instances = {0}, bare = {0};
	struct str iri = STR_NONE;
	enum err_code code;

	x.partial = options->fragment;
	if ((code = expand_attribute_name(&x, attribute_name, &iri)) || (code = without_context(&x, body, &bare)))
		return code;
	if ((code = expand_instances(&x, attribute_name, &bare, &instances)) ||
	    (code = expand_check_place(&x, iri, &instances))) {
		(void)err_while(err, "reading attribute \"%.*s\"", STR_FMT(attribute_name));
		return code;
	}
	struct json *kept = json_new(arena, instances);

	if (!kept)
		return no_memory(&x);
	*ret_iri = iri;
	*ret_instances = kept;
	return ERR_OK;
}

enum err_code expand_attribute_iri(struct arena *arena, const struct context *context, struct str name,
				   struct str *ret_iri, struct error *err)
{
	const struct expansion x = {.arena = arena, .context = context, .err = err};

	return expand_attribute_name(&x, name, ret_iri);
}
