/* Linked entities within the answer (4.5.23): which URIs are followed, and how they are shown inline.
 *
 * Followed are the Relationships and ListRelationships of an entity itself, as annex C.2.2 shows it: Relationships of
 * attributes stay URIs. A URI is not followed where it would close a loop: when it is the entity's own, that of an
 * entity around it, or one that the request says to be around it (containedBy). An entity that several entities link to
 * is shown in each of them. */
#include "ngsild/represent_int.h"

static bool is_link(const struct json *instance)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);

	return kind && (kind->value == MEMBER_OBJECT || kind->value == MEMBER_OBJECT_LIST);
}

/* How many URIs the value of a link holds, and each of them: a text, texts, or objects with the one member "object". */
static uint32_t target_count(const struct json *value)
{
	return json_is(value, JSON_ARRAY) ? value->count : json_is(value, JSON_STRING) ? 1 : 0;
}

static struct str target_at(const struct json *value, uint32_t index)
{
	if (!json_is(value, JSON_ARRAY))
		return json_text(value);
	const struct json *object = json_get(&value->items[index], STR("object"));

	return json_text(object ? object : &value->items[index]);
}

static struct represent_selection linked_selection(const struct represent_selection *show, struct str iri)
{
	return (struct represent_selection){projection_linked(show->attrs, iri), projection_linked(show->pick, iri),
					    projection_linked(show->omit, iri)};
}

void represent_each_link(const struct json *entity, const struct represent_options *options,
			 bool (*visit)(void *self, struct str id, const struct represent_selection *show), void *self)
{
	for (uint32_t i = 0; json_is(entity, JSON_OBJECT) && i < entity->count; i++) {
		struct str key = entity->members[i].key;
		const struct json *instances = &entity->members[i].value;

		if (!document_is_attribute(key) || !is_shown(&options->show, key, true))
			continue;
		struct represent_selection show = linked_selection(&options->show, key);

		for (uint32_t k = 0; json_is(instances, JSON_ARRAY) && k < instances->count; k++) {
			const struct json *instance = &instances->items[k];
			const struct json *value = instance_value(instance);

			if (!is_link(instance) || !dataset_shown(options, instance))
				continue;
			for (uint32_t target = 0; target < target_count(value); target++)
				if (!visit(self, target_at(value, target), &show))
					return;
		}
	}
}

/* ---- inline ---- */

bool links_wanted(const struct writer *w, const struct json *instance)
{
	return w->options->links && w->level < w->options->links->levels && is_link(instance);
}

static bool is_met(const struct writer *w, struct str id)
{
	const struct represent_links *links = w->options->links;

	for (const struct ancestor *ancestor = &w->here; ancestor; ancestor = ancestor->outer)
		if (str_eq(ancestor->id, id))
			return true;
	for (size_t i = 0; i < links->met_count; i++)
		if (str_eq(links->met[i], id))
			return true;
	return false;
}

/* The entity to show for a URI; NULL when there is none, or it has been met. */
static const struct json *linked_entity(const struct writer *w, struct str id)
{
	struct represent_links *links = w->options->links;

	if (w->out->failed || id.len == 0 || is_met(w, id))
		return NULL;
	const struct json *entity = links->source.find(links->source.self, id);

	if (entity && ++links->shown > REPRESENT_LINKED_MAX) {
		w->out->failed = ERR_LIMIT;
		return NULL;
	}
	return entity;
}

/* An entity that the Relationship of this IRI points to. Recursion is bounded by LINKED_LEVELS_MAX. */
static void put_linked(const struct writer *w, struct str iri, const struct json *entity)
{
	struct writer inner = *w;

	inner.show = linked_selection(&w->show, iri);
	inner.here = (struct ancestor){document_id(entity), &w->here};
	inner.level = w->level + 1;
	put_linked_entity(&inner, entity);
}

void put_linked_member(const struct writer *w, struct str iri, const struct json *instance)
{
	const struct json *value = instance_value(instance);
	bool list = attribute_kind_of(instance)->value == MEMBER_OBJECT_LIST, several = json_is(value, JSON_ARRAY);
	bool some = false;

	for (uint32_t i = 0; i < target_count(value); i++) {
		const struct json *entity = linked_entity(w, target_at(value, i));

		if (!entity)
			continue;
		if (!some) {
			put_key(w->out, member_name(list ? MEMBER_ENTITY_LIST : MEMBER_ENTITY));
			put(w->out, several ? STR("[") : STR(""));
		}
		some = true;
		put_linked(w, iri, entity);
	}
	if (!some || !several)
		return;
	close_with(w->out, ']');
	put(w->out, STR(","));
}

/* One URI's place in the simplified value: what is not there stays a URI. */
static void put_linked_or_uri(const struct writer *w, struct str iri, struct str id)
{
	const struct json *entity = linked_entity(w, id);

	if (entity) {
		put_linked(w, iri, entity);
		return;
	}
	json_write_string(w->out, id);
	put(w->out, STR(","));
}

void put_linked_value(const struct writer *w, struct str iri, const struct json *instance)
{
	const struct json *value = instance_value(instance);

	if (!json_is(value, JSON_ARRAY)) {
		put_linked_or_uri(w, iri, json_text(value));
		return;
	}
	put(w->out, STR("["));
	for (uint32_t i = 0; i < target_count(value); i++)
		put_linked_or_uri(w, iri, target_at(value, i));
	close_with(w->out, ']');
	put(w->out, STR(","));
}
