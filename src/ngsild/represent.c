/* From the expanded document to the text that clients get, in one pass and without a second tree: entities and
 * GeoJSON Features. */
#include "ngsild/fallback.h"
#include "ngsild/represent_int.h"

/* attrs speaks of attributes only; pick and omit of id, type and scope too (5.7.1). */
bool is_shown(const struct represent_selection *show, struct str key, bool attribute)
{
	if (attribute && show->attrs && !projection_names(show->attrs, key))
		return false;
	return (!show->pick || projection_names(show->pick, key)) && !projection_omits(show->omit, key);
}

bool represent_shows(const struct represent_selection *show, struct str key, bool attribute)
{
	return is_shown(show, key, attribute);
}

/* Of the entity's own: those named where the request names any, all that sysAttrs asks for where it names none. */
bool stamp_shown(const struct writer *w, struct str key)
{
	static const enum member stamps[] = {MEMBER_CREATED_AT, MEMBER_MODIFIED_AT, MEMBER_EXPIRES_AT};
	const struct projection *list = w->show.pick ? w->show.pick : w->show.attrs;
	bool named = false;

	if (!w->options->sys_attrs || projection_omits(w->show.omit, key))
		return false;
	for (size_t i = 0; list && i < sizeof(stamps) / sizeof(stamps[0]); i++)
		named = named || projection_names(list, member_name(stamps[i]));
	return !named || projection_names(list, key);
}

static void put_scope(const struct writer *w, const struct json *scopes)
{
	put_key(w->out, STR("scope"));
	put_value(w->out, json_is(scopes, JSON_ARRAY) && scopes->count == 1 ? &scopes->items[0] : scopes);
}

static void put_entity_member(const struct writer *w, const struct json *entity, const struct json_member *member)
{
	switch (member_of(member->key)) {
	case MEMBER_NONE:
		if (document_is_attribute(member->key) && is_shown(&w->show, member->key, true))
			put_attribute(w, member->key, &member->value, true);
		return;
	case MEMBER_SCOPE:
		if (is_shown(&w->show, STR("scope"), true))
			put_scope(w, &member->value);
		return;
	case MEMBER_CREATED_AT:
		put_stamps(w, entity, stamp_shown(w, STR("createdAt")), stamp_shown(w, STR("modifiedAt")));
		return;
	case MEMBER_EXPIRES_AT:
		if (!stamp_shown(w, member->key))
			return;
		put_key(w->out, member->key);
		put_value(w->out, &member->value);
		return;
	case MEMBER_DELETED_AT: /* of a notification, about the one thing that it is to tell (5.8.6) */
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

	if (!id || !is_shown(&w->show, STR("id"), false))
		return;
	put_key(w->out, STR("id"));
	put_value(w->out, id);
}

/* All members but id and the @context. */
static void put_entity_members(const struct writer *w, const struct json *entity)
{
	const struct json *types = json_get(entity, STR("type"));

	if (types && is_shown(&w->show, STR("type"), false)) {
		put_key(w->out, STR("type"));
		put_terms(w, types, true, true);
	}
	for (uint32_t i = 0; json_is(entity, JSON_OBJECT) && i < entity->count; i++)
		put_entity_member(w, entity, &entity->members[i]);
}

/* Of the attribute that holds a Feature's geometry, the first instance asked for, without a wish the default one. */
static const struct json *geometry_instance(const struct represent_options *o, const struct json *entity)
{
	const struct json *instance = NULL;

	if (!o->dataset_ids)
		return document_instance(entity, o->geometry_property, STR_NONE);
	for (size_t i = 0; i < o->dataset_count && !instance; i++) {
		struct str id = o->dataset_ids[i];

		instance = document_instance(entity, o->geometry_property,
					     str_eq(id, NGSILD_DATASET_DEFAULT) ? STR_NONE : id);
	}
	return instance;
}

/* The value of the selected GeoProperty; NULL when the entity has none (4.5.16.1). */
static const struct json *feature_geometry(const struct represent_options *o, const struct json *entity)
{
	const struct json *instance = geometry_instance(o, entity);
	const struct attribute_kind *kind = instance ? attribute_kind_of(instance) : NULL;

	return kind && str_eq(kind->name, STR("GeoProperty")) && !instance_is_null(instance) ? instance_value(instance)
											     : NULL;
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

/* The entity as the version asked for knows it. Without memory nothing, and the buffer has failed. */
static const struct json *as_version(const struct writer *w, const struct json *entity)
{
	const struct represent_options *o = w->options;
	const struct json *fallen = entity;

	if (o->version)
		fallen = fallback_entity(w->arena, o->context, entity, o->version, o->language != NULL);
	if (!fallen)
		w->out->failed = ERR_MEMORY;
	return fallen;
}

void put_linked_entity(const struct writer *w, const struct json *entity)
{
	entity = as_version(w, entity);
	put(w->out, STR("{"));
	put_id(w, entity);
	put_entity_members(w, entity);
	close_with(w->out, '}');
	put(w->out, STR(","));
}

enum err_code represent_entity(struct buf *out, struct arena *arena, const struct json *entity,
			       const struct represent_options *options, struct error *err)
{
	bool feature = options->format == REPRESENT_GEOJSON;
	const struct writer w = {.out = out,
				 .arena = arena,
				 .options = options,
				 .format = feature ? options->properties_format : options->format,
				 .show = options->show,
				 .here = {document_id(entity), NULL}};

	if (w.format > REPRESENT_SIMPLIFIED)
		return err_set(err, ERR_INTERNAL, "a Feature's properties cannot be written as format %d",
			       (int)w.format);
	entity = as_version(&w, entity);
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
