/* Attributes as text: names, values and instances in normalized, concise and simplified form. */
#include "ngsild/represent_int.h"

#include "base/time_value.h"
#include "ngsild/name_int.h"

static void put_time(struct buf *out, struct str key, int64_t us)
{
	char text[TIME_ISO_BYTES];

	put_key(out, key);
	put(out, STR("\""));
	put(out, time_format_iso(us, text));
	put(out, STR("\","));
}

struct str represent_name(const struct context *context, struct arena *arena, struct str iri)
{
	struct str name = context_compact(context, arena, iri);

	return name_is_legal(name) ? name : iri;
}

/* The name of an attribute or type. */
static void put_name(const struct writer *w, struct str iri)
{
	json_write_string(w->out, represent_name(w->options->context, w->arena, iri));
}

void put_attribute_name(const struct writer *w, struct str iri)
{
	if (document_is_attribute(iri))
		put_name(w, iri);
	else
		json_write_string(w->out, iri);
	put(w->out, STR(":"));
}

/* names: of types; else any term of the vocabulary. */
static void put_term(const struct writer *w, struct str iri, bool names)
{
	if (names)
		put_name(w, iri);
	else
		json_write_string(w->out, context_compact(w->options->context, w->arena, iri));
}

void put_terms(const struct writer *w, const struct json *terms, bool names, bool single)
{
	if (json_is(terms, JSON_STRING)) {
		put_term(w, json_text(terms), names);
	} else if (json_is(terms, JSON_ARRAY) && terms->count == 1 && single) {
		put_term(w, json_text(&terms->items[0]), names);
	} else {
		put(w->out, STR("["));
		for (uint32_t i = 0; json_is(terms, JSON_ARRAY) && i < terms->count; i++) {
			put_term(w, json_text(&terms->items[i]), names);
			put(w->out, STR(","));
		}
		close_with(w->out, ']');
	}
	put(w->out, STR(","));
}

void put_stamps(const struct writer *w, const struct json *node, bool created, bool modified)
{
	int64_t created_us = document_created_us(node), modified_us = document_modified_us(node);

	/* 0: of another broker, which did not say. */
	if (created && created_us)
		put_time(w->out, STR("createdAt"), created_us);
	if (modified && modified_us)
		put_time(w->out, STR("modifiedAt"), modified_us);
}

bool dataset_shown(const struct represent_options *o, const struct json *instance)
{
	struct str dataset = o->dataset_ids ? instance_dataset(instance) : STR_NONE;

	for (size_t i = 0; o->dataset_ids && i < o->dataset_count; i++)
		if (str_eq(dataset.len ? dataset : NGSILD_DATASET_DEFAULT, o->dataset_ids[i]))
			return true;
	return !o->dataset_ids;
}

/* ---- languages (4.15) ---- */

/* The text to show of a LanguageProperty, when the request names languages; else NULL. */
static const struct json_member *chosen_language(const struct writer *w, const struct json *instance)
{
	const struct attribute_kind *kind = w->options->language ? attribute_kind_of(instance) : NULL;

	if (!kind || kind->value != MEMBER_LANGUAGE_MAP)
		return NULL;
	return language_choose(w->options->language, instance_value(instance));
}

/* The text as a Property's value, and which language it is: no attribute of its own ("non-reified"). */
static void put_language(const struct writer *w, const struct json_member *language)
{
	put_key(w->out, STR("value"));
	put_value(w->out, &language->value);
	put_key(w->out, STR("lang"));
	json_write_string(w->out, language->key);
	put(w->out, STR(","));
}

/* ---- one value ---- */

static void put_object_uris(const struct writer *w, const struct json *list)
{
	put(w->out, STR("["));
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		put_value(w->out, json_get(&list->items[i], STR("object")));
	close_with(w->out, ']');
	put(w->out, STR(","));
}

static void put_simplified(const struct writer *w, struct str iri, const struct json *instance, bool own)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);
	const struct json *value = instance_value(instance);
	const struct json_member *language = chosen_language(w, instance);

	if (json_is(instance, JSON_STRING) || instance_is_null(instance)) {
		put(w->out, STR("\"urn:ngsi-ld:null\","));
	} else if (!kind || !value) {
		put(w->out, STR("null,")); /* no document that expansion made */
	} else if (language) {
		put_value(w->out, &language->value);
	} else if (own && links_wanted(w, instance)) {
		put_linked_value(w, iri, instance);
	} else if (kind->simplified == SIMPLIFIED_OBJECTS) {
		put_object_uris(w, value);
	} else if (kind->simplified == SIMPLIFIED_MEMBER) {
		put(w->out, STR("{"));
		put_key(w->out, member_name(kind->value));
		if (kind->value == MEMBER_VOCAB)
			put_terms(w, value, false, false);
		else
			put_value(w->out, value);
		close_with(w->out, '}');
		put(w->out, STR(","));
	} else {
		put_value(w->out, value);
	}
}

/* ---- concise ---- */

/* Would a reader take this object for an instance rather than a value? */
static bool reads_as_instance(const struct json *value)
{
	for (uint32_t i = 0; json_is(value, JSON_OBJECT) && i < value->count; i++) {
		enum member member = member_of(value->members[i].key);

		if (member == MEMBER_TYPE || (member >= MEMBER_VALUE && member < MEMBER_COUNT))
			return true;
	}
	return false;
}

/* Can the value stand alone and be read back as what it is (4.5.2.3, 4.7.3)? */
static bool value_alone_suffices(const struct writer *w, const struct attribute_kind *kind, const struct json *instance)
{
	static const uint64_t stamps =
		MEMBER_BIT(MEMBER_CREATED_AT) | MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_EXPIRES_AT);
	const struct json *value = NULL;

	if (!kind->bare)
		return false;
	for (uint32_t i = 0; i < instance->count; i++) {
		enum member member = member_of(instance->members[i].key);

		if (member == kind->value)
			value = &instance->members[i].value;
		else if (member != MEMBER_TYPE && (w->options->sys_attrs || !member_in(member, stamps)))
			return false;
	}
	if (!value || str_eq(kind->name, STR("GeoProperty")))
		return value != NULL;
	if (json_is(value, JSON_ARRAY)) {
		for (uint32_t i = 0; i < value->count; i++)
			if (reads_as_instance(&value->items[i]))
				return false;
	}
	return !reads_as_instance(value);
}

/* The type is inferred but for a Property whose value is a geometry. */
static bool needs_type(const struct attribute_kind *kind, const struct json *instance)
{
	return str_eq(kind->name, STR("Property")) && attribute_is_geometry(instance_value(instance));
}

/* ---- instances ---- */

static void put_member(const struct writer *w, const struct json *instance, const struct json_member *member,
		       bool type_shown)
{
	const struct represent_options *o = w->options;
	enum member which = member_of(member->key);

	switch (which) {
	case MEMBER_NONE:
		if (document_is_attribute(member->key))
			put_attribute(w, member->key, &member->value, false);
		return;
	case MEMBER_CREATED_AT:
		if (o->sys_attrs)
			put_stamps(w, instance, true, true);
		return;
	case MEMBER_MODIFIED_AT:
		return;
	case MEMBER_EXPIRES_AT: /* a system attribute too (4.22, 6.3.11) */
		if (!o->sys_attrs)
			return;
		break;
	case MEMBER_TYPE:
		if (!type_shown)
			return;
		break;
	case MEMBER_VOCAB:
	case MEMBER_PREVIOUS_VOCAB:
	case MEMBER_VALUE_TYPE:
	case MEMBER_OBJECT_TYPE:
	case MEMBER_ENTITY_TYPE_SEALED:
		put_key(w->out, member->key);
		put_terms(w, &member->value, which == MEMBER_OBJECT_TYPE || which == MEMBER_ENTITY_TYPE_SEALED, false);
		return;
	case MEMBER_OBJECT_LIST:
	case MEMBER_PREVIOUS_OBJECT_LIST:
		if (w->format != REPRESENT_CONCISE)
			break;
		put_key(w->out, member->key);
		put_object_uris(w, &member->value);
		return;
	default:
		break;
	}
	put_key(w->out, member->key);
	put_value(w->out, &member->value);
}

void put_instance_member(const struct writer *w, const struct json *instance, const struct json_member *member)
{
	put_member(w, instance, member, true);
}

/* A LanguageProperty turned into a Property: its type and its value's member say so, the rest stays. */
static void put_member_in(const struct writer *w, const struct json *instance, const struct json_member *member,
			  const struct json_member *language)
{
	switch (member_of(member->key)) {
	case MEMBER_LANGUAGE_MAP:
		put_language(w, language);
		return;
	case MEMBER_TYPE:
		if (w->format != REPRESENT_CONCISE)
			put(w->out, STR("\"type\":\"Property\","));
		return;
	default:
		put_member(w, instance, member, true);
	}
}

/* alone: not one of several, among which a bare value would be taken for something else. */
static void put_instance(const struct writer *w, struct str iri, const struct json *instance, bool own, bool alone)
{
	const struct json_member *language = chosen_language(w, instance);
	bool type_shown = true;

	if (json_is(instance, JSON_STRING)) { /* a bare NGSI-LD Null */
		put_value(w->out, instance);
		return;
	}
	if (w->format == REPRESENT_CONCISE) {
		const struct attribute_kind *kind = attribute_kind_of(instance);

		if (kind && alone && value_alone_suffices(w, kind, instance)) {
			put_value(w->out, instance_value(instance));
			return;
		}
		type_shown = !kind || needs_type(kind, instance);
	}
	put(w->out, STR("{"));
	for (uint32_t i = 0; i < instance->count; i++) {
		if (language)
			put_member_in(w, instance, &instance->members[i], language);
		else
			put_member(w, instance, &instance->members[i], type_shown);
	}
	if (own && links_wanted(w, instance))
		put_linked_member(w, iri, instance);
	close_with(w->out, '}');
	put(w->out, STR(","));
}

/* Several instances, simplified: {"dataset": {"@none": …, datasetId: …}} (4.5.4). */
static void put_datasets(const struct writer *w, struct str iri, const struct json *instances, bool own)
{
	put(w->out, STR("{\"dataset\":{"));
	for (uint32_t i = 0; i < instances->count; i++) {
		struct str dataset = instance_dataset(&instances->items[i]);

		if (own && !dataset_shown(w->options, &instances->items[i]))
			continue;
		json_write_string(w->out, dataset.len ? dataset : NGSILD_DATASET_DEFAULT);
		put(w->out, STR(":"));
		put_simplified(w, iri, &instances->items[i], own);
	}
	close_with(w->out, '}');
	put(w->out, STR("},"));
}

static void put_instances(const struct writer *w, struct str iri, const struct json *instances, bool own)
{
	put(w->out, STR("["));
	for (uint32_t i = 0; i < instances->count; i++)
		if (!own || dataset_shown(w->options, &instances->items[i]))
			put_instance(w, iri, &instances->items[i], own, false);
	close_with(w->out, ']');
	put(w->out, STR(","));
}

void put_attribute(const struct writer *w, struct str iri, const struct json *instances, bool own)
{
	const struct json *only = NULL;
	uint32_t shown = 0;

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
		if (own && !dataset_shown(w->options, &instances->items[i]))
			continue;
		only = &instances->items[i];
		shown++;
	}
	if (shown == 0)
		return;
	put_name(w, iri);
	put(w->out, STR(":"));
	if (w->format == REPRESENT_SIMPLIFIED) {
		if (shown == 1)
			put_simplified(w, iri, only, own);
		else
			put_datasets(w, iri, instances, own);
	} else if (shown == 1) {
		put_instance(w, iri, only, own, true);
	} else {
		put_instances(w, iri, instances, own);
	}
}
