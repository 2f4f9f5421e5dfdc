/* Entities of NGSIv2 as NGSI-LD: what an entity and its attributes consist of. */
#include "feed/ngsiv2_int.h"

#include "ngsild/document.h"

#define SAME_NAME_MAX 64u /* names that become one, such as "a-b" and "a_b" */

struct conversion {
	struct arena *arena;
	const struct ngsiv2_options *options;
	bool has_time; /* of the whole entity */
	struct str time; /* ISO 8601 */
	bool failed; /* no memory */
};

/* An attribute, or an element of metadata, as it came. */
struct given {
	struct str name, type; /* type: STR_NONE where there is none */
	const struct json *value; /* NULL: none */
	const struct json *metadata; /* NULL: none */
};

static bool is_one_of(struct str text, const char *const *words)
{
	for (; *words; words++)
		if (str_eq(text, str_from(*words)))
			return true;
	return false;
}

static void add(struct conversion *conversion, struct json *object, struct str key, struct json value)
{
	conversion->failed = conversion->failed || !key.at || !json_add(conversion->arena, object, key, value);
}

/* Null, or the text that means deletion in NGSI-LD: there is no value. */
static bool is_nothing(const struct json *value)
{
	return !value || value->kind == JSON_NULL || str_eq(json_text(value), NGSILD_NULL);
}

/* ---- which kind of attribute ---- */

static bool is_texts(const struct json *value)
{
	if (!json_is(value, JSON_ARRAY))
		return json_text(value).len > 0;
	for (size_t i = 0; i < value->count; i++)
		if (json_text(&value->items[i]).len == 0)
			return false;
	return value->count > 0;
}

static bool is_relationship(const struct given *given)
{
	static const char *const types[] = {"Relationship", "Reference", NULL};
	bool is_ref = str_starts(given->name, STR("ref")) && given->name.len > 3 && given->name.at[3] >= 'A' &&
		      given->name.at[3] <= 'Z';

	return (is_ref || is_one_of(given->type, types)) && is_texts(given->value);
}

static bool is_geo_type(struct str type)
{
	static const char *const types[] = {"geo:json", "geo:point", "geo:line", "geo:box", "geo:polygon", NULL};

	return is_one_of(type, types);
}

static bool is_time_type(struct str type)
{
	static const char *const types[] = {"DateTime", "ISO8601", NULL};

	return is_one_of(type, types);
}

/* What keyValues do not say: that something is a place or a time, by how it looks. */
static struct str guess_type(const struct json *value)
{
	int64_t us;

	if (json_get(value, STR("coordinates")) && json_get(value, STR("type")))
		return STR("geo:json");
	if (json_text(value).len > 10 && ngsiv2_time(json_text(value), &us))
		return STR("DateTime");
	return STR_NONE;
}

/* ---- values ---- */

static void put_targets(struct conversion *conversion, const struct given *given, struct json *attribute)
{
	struct json targets = json_array(), object;

	if (!json_is(given->value, JSON_ARRAY)) {
		object = json_string(ngsiv2_target(conversion->arena, json_text(given->value), given->name));
		conversion->failed = conversion->failed || !object.text;
	} else {
		for (size_t i = 0; i < given->value->count; i++) {
			struct str target =
				ngsiv2_target(conversion->arena, json_text(&given->value->items[i]), given->name);

			conversion->failed = conversion->failed || !target.at ||
					     !json_push(conversion->arena, &targets, json_string(target));
		}
		object = targets;
	}
	add(conversion, attribute, STR("type"), json_string(STR("Relationship")));
	add(conversion, attribute, STR("object"), object);
}

static struct json typed_time(struct conversion *conversion, int64_t us)
{
	struct json value = json_object();
	struct str text = ngsiv2_time_text(conversion->arena, us);

	conversion->failed = conversion->failed || !text.at;
	add(conversion, &value, STR("@type"), json_string(STR("DateTime")));
	add(conversion, &value, STR("@value"), json_string(text));
	return value;
}

/* "PostalAddress" is the type of the object, not of the attribute alone. */
static struct json address(struct conversion *conversion, const struct json *value)
{
	struct json copy = json_object();

	add(conversion, &copy, STR("type"), json_string(STR("PostalAddress")));
	for (size_t i = 0; i < value->count; i++)
		add(conversion, &copy, value->members[i].key, value->members[i].value);
	return copy;
}

/* The attribute with its type and value; which is told. */
enum made { MADE_PROPERTY, MADE_PLACE, MADE_OTHER };

static enum made put_value(struct conversion *conversion, const struct given *given, struct json *attribute)
{
	const struct json *value = given->value;
	struct json geometry;
	int64_t us;

	if (is_relationship(given)) {
		put_targets(conversion, given, attribute);
		return MADE_OTHER;
	}
	if (is_geo_type(given->type) &&
	    ngsiv2_geometry(conversion->arena, given->type, value, &geometry, &conversion->failed)) {
		add(conversion, attribute, STR("type"), json_string(STR("GeoProperty")));
		add(conversion, attribute, STR("value"), geometry);
		return MADE_PLACE;
	}
	if (!ngsiv2_value_is_plain(value)) {
		add(conversion, attribute, STR("type"), json_string(STR("JsonProperty")));
		add(conversion, attribute, STR("json"), *value);
		return MADE_OTHER;
	}
	add(conversion, attribute, STR("type"), json_string(STR("Property")));
	if (is_time_type(given->type) && ngsiv2_time(json_text(value), &us))
		add(conversion, attribute, STR("value"), typed_time(conversion, us));
	else if (str_eq(given->type, STR("PostalAddress")) && json_is(value, JSON_OBJECT) &&
		 !json_get(value, STR("type")))
		add(conversion, attribute, STR("value"), address(conversion, value));
	else
		add(conversion, attribute, STR("value"), *value);
	return MADE_PROPERTY;
}

/* The name in the object, which has none like it yet. */
static struct str free_name(struct conversion *conversion, const struct json *object, struct str name, enum made made)
{
	struct str free = ngsiv2_name(conversion->arena, name);

	if (free.at && ngsiv2_name_is_place(free) && made != MADE_PLACE)
		free = arena_concat(conversion->arena, free, STR("_"));
	for (size_t i = 0; free.at && json_get(object, free) && i < SAME_NAME_MAX; i++)
		free = arena_concat(conversion->arena, free, STR("_"));
	conversion->failed = conversion->failed || !free.at;
	return free;
}

/* ---- metadata ---- */

static bool is_builtin_metadata(struct str name)
{
	static const char *const names[] = {"dateCreated", "dateModified", "previousValue", "actionType", NULL};

	return is_one_of(name, names);
}

static bool take_time(struct conversion *conversion, const struct given *given, struct json *attribute)
{
	static const char *const names[] = {"TimeInstant", "timestamp", "dateObserved", "observedAt", NULL};
	int64_t us;

	if (!is_one_of(given->name, names) || json_get(attribute, STR("observedAt")) ||
	    !ngsiv2_time(json_text(given->value), &us))
		return false;
	struct str text = ngsiv2_time_text(conversion->arena, us);

	conversion->failed = conversion->failed || !text.at;
	add(conversion, attribute, STR("observedAt"), json_string(text));
	return true;
}

static void put_metadatum(struct conversion *conversion, const struct given *given, enum made made,
			  struct json *attribute)
{
	struct json sub = json_object();

	if (is_builtin_metadata(given->name) || is_nothing(given->value) || take_time(conversion, given, attribute))
		return;
	if (str_eq(given->name, STR("unitCode")) && made == MADE_PROPERTY && json_text(given->value).len) {
		add(conversion, attribute, STR("unitCode"), *given->value);
		return;
	}
	enum made sub_made = put_value(conversion, given, &sub);

	add(conversion, attribute, free_name(conversion, attribute, given->name, sub_made), sub);
}

static void put_metadata(struct conversion *conversion, const struct given *given, enum made made,
			 struct json *attribute)
{
	for (size_t i = 0; json_is(given->metadata, JSON_OBJECT) && i < given->metadata->count; i++) {
		const struct json_member *member = &given->metadata->members[i];
		const struct given element = {.name = member->key,
					      .type = json_text(json_get(&member->value, STR("type"))),
					      .value = json_get(&member->value, STR("value"))};

		put_metadatum(conversion, &element, made, attribute);
	}
	if (conversion->has_time && !json_get(attribute, STR("observedAt")))
		add(conversion, attribute, STR("observedAt"), json_string(conversion->time));
}

/* ---- entities ---- */

bool ngsiv2_looks_simplified(const struct json *entity)
{
	for (size_t i = 0; json_is(entity, JSON_OBJECT) && i < entity->count; i++) {
		const struct json *value = &entity->members[i].value;
		size_t known = 0;

		known += json_get(value, STR("value")) ? 1 : 0;
		known += json_get(value, STR("type")) ? 1 : 0;
		known += json_get(value, STR("metadata")) ? 1 : 0;
		if (str_eq(entity->members[i].key, STR("id")) || str_eq(entity->members[i].key, STR("type")))
			continue;
		if (!json_get(value, STR("value")) || known != value->count)
			return true;
	}
	return false;
}

static struct given attribute_of(const struct conversion *conversion, const struct json_member *member)
{
	if (conversion->options->simplified)
		return (struct given){.name = member->key, .type = guess_type(&member->value), .value = &member->value};
	return (struct given){.name = member->key,
			      .type = json_text(json_get(&member->value, STR("type"))),
			      .value = json_get(&member->value, STR("value")),
			      .metadata = json_get(&member->value, STR("metadata"))};
}

static const struct json *value_of(const struct conversion *conversion, const struct json *entity, struct str name)
{
	const struct json *attribute = json_get(entity, name);

	return conversion->options->simplified ? attribute : json_get(attribute, STR("value"));
}

static bool is_head(struct str name)
{
	static const char *const names[] = {"id",          "type",        "dateCreated",    "dateModified",
					    "dateExpires", "servicePath", "alterationType", NULL};

	return is_one_of(name, names);
}

static void put_attribute(struct conversion *conversion, const struct json_member *member, struct json *to)
{
	const struct given given = attribute_of(conversion, member);
	struct json attribute = json_object();

	/* A TimeInstant that all others have as their time is said. */
	if (is_head(given.name) || is_nothing(given.value) ||
	    (conversion->has_time && str_eq(given.name, STR("TimeInstant")) &&
	     str_eq(conversion->options->time_name, STR("TimeInstant"))))
		return;
	enum made made = put_value(conversion, &given, &attribute);

	put_metadata(conversion, &given, made, &attribute);
	add(conversion, to, free_name(conversion, to, given.name, made), attribute);
}

static void put_scope(struct conversion *conversion, const struct json *entity, struct json *to)
{
	struct str path = json_text(value_of(conversion, entity, STR("servicePath")));
	struct str scope = ngsiv2_scope(conversion->arena, path.at ? path : conversion->options->service_path);

	conversion->failed = conversion->failed || !scope.at;
	if (scope.len)
		add(conversion, to, STR("scope"), json_string(scope));
}

static void put_expiry(struct conversion *conversion, const struct json *entity, struct json *to)
{
	int64_t us;

	if (!ngsiv2_time(json_text(value_of(conversion, entity, STR("dateExpires"))), &us))
		return;
	struct str text = ngsiv2_time_text(conversion->arena, us);

	conversion->failed = conversion->failed || !text.at;
	add(conversion, to, STR("expiresAt"), json_string(text));
}

static void find_time(struct conversion *conversion, const struct json *entity)
{
	int64_t us;

	conversion->has_time =
		ngsiv2_time(json_text(value_of(conversion, entity, conversion->options->time_name)), &us);
	if (!conversion->has_time)
		return;
	conversion->time = ngsiv2_time_text(conversion->arena, us);
	conversion->failed = conversion->failed || !conversion->time.at;
}

enum err_code ngsiv2_to_ngsild(struct arena *arena, const struct json *entity, const struct ngsiv2_options *options,
			       struct json **ret_entity, struct error *err)
{
	struct conversion conversion = {.arena = arena, .options = options};
	struct str id = json_text(json_get(entity, STR("id"))), type = json_text(json_get(entity, STR("type")));
	struct json *to = json_new(arena, json_object());

	if (id.len == 0)
		return err_set(err, ERR_INVALID, "an entity without an id");
	if (type.len == 0)
		type = NGSIV2_DEFAULT_TYPE;
	if (!to)
		return err_set(err, ERR_MEMORY, "no memory for an entity");
	struct str urn = ngsiv2_urn(arena, id, type), name = ngsiv2_name(arena, type);

	conversion.failed = !urn.at || !name.at;
	add(&conversion, to, STR("id"), json_string(urn));
	add(&conversion, to, STR("type"), json_string(name));
	put_scope(&conversion, entity, to);
	put_expiry(&conversion, entity, to);
	find_time(&conversion, entity);
	for (size_t i = 0; i < entity->count; i++)
		put_attribute(&conversion, &entity->members[i], to);
	if (conversion.failed)
		return err_set(err, ERR_MEMORY, "no memory for the entity \"%.*s\"", STR_FMT(str_part(id, 0, 100)));
	*ret_entity = to;
	return ERR_OK;
}
