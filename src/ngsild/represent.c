/* From the expanded document to the text that clients get, in one pass and without a second tree: entities and
 * GeoJSON Features. */
#include "ngsild/represent_int.h"

static bool among(const struct str *names, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

/* attrs speaks of attributes only; pick and omit of id, type and scope too (5.7.1). */
static bool is_shown(const struct represent_options *o, struct str key, bool attribute)
{
	if (attribute && o->attrs && !among(o->attrs, o->attrs_count, key))
		return false;
	if (o->pick && !among(o->pick, o->pick_count, key))
		return false;
	return !o->omit || !among(o->omit, o->omit_count, key);
}

static void put_scope(const struct writer *w, const struct json *scopes)
{
	put_key(w->out, STR("scope"));
	put_value(w->out, json_is(scopes, JSON_ARRAY) && scopes->count == 1 ? &scopes->items[0] : scopes);
}

static void put_entity_member(const struct writer *w, const struct json *entity, const struct json_member *member)
{
	const struct represent_options *o = w->options;

	switch (member_of(member->key)) {
	case MEMBER_NONE:
		if (document_is_attribute(member->key) && is_shown(o, member->key, true))
			put_attribute(w, member->key, &member->value, true);
		return;
	case MEMBER_SCOPE:
		if (is_shown(o, STR("scope"), true))
			put_scope(w, &member->value);
		return;
	case MEMBER_CREATED_AT:
		if (o->sys_attrs)
			put_stamps(w, entity);
		return;
	case MEMBER_EXPIRES_AT:
		if (!o->sys_attrs)
			return;
		put_key(w->out, member->key);
		put_value(w->out, &member->value);
		return;
	default: /* id and type are written before; modifiedAt with createdAt */
		return;
	}
}

static void put_id(const struct writer *w, const struct json *entity)
{
	const struct json *id = json_get(entity, STR("id"));

	if (!id || !is_shown(w->options, STR("id"), false))
		return;
	put_key(w->out, STR("id"));
	put_value(w->out, id);
}

/* All members but id and the @context. */
static void put_entity_members(const struct writer *w, const struct json *entity)
{
	const struct json *types = json_get(entity, STR("type"));

	if (types && is_shown(w->options, STR("type"), false)) {
		put_key(w->out, STR("type"));
		put_terms(w, types, true, true);
	}
	for (uint32_t i = 0; json_is(entity, JSON_OBJECT) && i < entity->count; i++)
		put_entity_member(w, entity, &entity->members[i]);
}

/* The value of the selected GeoProperty; NULL when the entity has none (4.5.16.1). */
static const struct json *feature_geometry(const struct represent_options *o, const struct json *entity)
{
	struct str dataset = str_eq(o->dataset_id, NGSILD_DATASET_DEFAULT) ? STR_NONE : o->dataset_id;
	const struct json *instance = document_instance(entity, o->geometry_property, dataset);
	const struct attribute_kind *kind = instance ? attribute_kind_of(instance) : NULL;

	return kind && str_eq(kind->name, STR("GeoProperty")) ? instance_value(instance) : NULL;
}

/* A GeoJSON Feature (4.5.16.2, 4.5.17.1). */
static void put_feature_members(const struct writer *w, const struct json *entity)
{
	const struct json *geometry = feature_geometry(w->options, entity);

	put(w->out, STR("\"type\":\"Feature\",\"geometry\":"));
	if (geometry)
		put_value(w->out, geometry);
	else
		put(w->out, STR("null,"));
	put(w->out, STR("\"properties\":{"));
	put_entity_members(w, entity);
	close_with(w->out, '}');
	put(w->out, STR(","));
}

enum err_code represent_entity(struct buf *out, struct arena *arena, const struct json *entity,
			       const struct represent_options *options, struct error *err)
{
	bool feature = options->format == REPRESENT_GEOJSON;
	const struct writer w = {out, arena, options, feature ? options->properties_format : options->format};

	if (w.format > REPRESENT_SIMPLIFIED)
		return err_set(err, ERR_INTERNAL, "a Feature's properties cannot be written as format %d",
			       (int)w.format);
	put(out, STR("{"));
	put_id(&w, entity);
	if (feature)
		put_feature_members(&w, entity);
	else
		put_entity_members(&w, entity);
	if (options->context_value) {
		put_key(out, STR("@context"));
		put_value(out, options->context_value);
	}
	close_with(out, '}');
	return ERR_OK;
}
