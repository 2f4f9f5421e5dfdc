/* An entity as earlier versions of the standard knew it. Members and kinds are told apart by the tables of attribute.c;
 * what is said here is only since when each is known. */
#include "ngsild/fallback.h"

#include "ngsild/attribute_int.h"

#define VERSION_DATASETS 103u /* several types, datasetId, observedAt, unitCode */
#define VERSION_SCOPES 104u /* scope, LanguageProperty */
#define VERSION_LISTS 108u /* JsonProperty, VocabProperty, ListProperty, ListRelationship, objectType */
#define VERSION_EXPIRY 109u /* expiresAt, valueType */

struct fallback {
	struct arena *arena;
	const struct context *context;
	unsigned int version;
	bool keep_languages;
	bool failed; /* no memory */
};

static void add(struct fallback *f, struct json *object, struct str key, struct json value)
{
	if (!json_add(f->arena, object, key, value))
		f->failed = true;
}

static void push(struct fallback *f, struct json *array, struct json value)
{
	if (!json_push(f->arena, array, value))
		f->failed = true;
}

/* The version that introduced a member of an instance; attributes and all others are as old as the standard. */
static unsigned int member_since(enum member member)
{
	switch (member) {
	case MEMBER_DATASET_ID:
	case MEMBER_OBSERVED_AT:
	case MEMBER_UNIT_CODE:
		return VERSION_DATASETS;
	case MEMBER_OBJECT_TYPE:
		return VERSION_LISTS;
	case MEMBER_EXPIRES_AT:
	case MEMBER_VALUE_TYPE:
		return VERSION_EXPIRY;
	default:
		return FALLBACK_VERSION_OLDEST;
	}
}

/* Is this member, the value of its kind, to become a Property's value or a Relationship's object? */
static bool value_falls(const struct fallback *f, enum member member)
{
	switch (member) {
	case MEMBER_LANGUAGE_MAP:
		return f->version < VERSION_SCOPES && !f->keep_languages;
	case MEMBER_JSON:
	case MEMBER_VOCAB:
	case MEMBER_VALUE_LIST:
	case MEMBER_OBJECT_LIST:
		return f->version < VERSION_LISTS;
	default:
		return false;
	}
}

/* IRIs of the vocabulary become the terms that the answer would have shown. */
static struct json terms_of(struct fallback *f, const struct json *vocab)
{
	struct json list = json_array();

	if (json_is(vocab, JSON_STRING))
		return json_string(context_compact(f->context, f->arena, json_text(vocab)));
	for (uint32_t i = 0; json_is(vocab, JSON_ARRAY) && i < vocab->count; i++)
		push(f, &list, json_string(context_compact(f->context, f->arena, json_text(&vocab->items[i]))));
	return list;
}

static struct json objects_of(struct fallback *f, const struct json *object_list)
{
	struct json list = json_array();

	for (uint32_t i = 0; json_is(object_list, JSON_ARRAY) && i < object_list->count; i++) {
		const struct json *object = json_get(&object_list->items[i], STR("object"));

		if (object)
			push(f, &list, *object);
	}
	return list;
}

/* value NULL: what notifications tell of as gone. */
static void add_value(struct fallback *f, struct json *instance, enum member member, const struct json *value)
{
	if (member == MEMBER_OBJECT_LIST)
		add(f, instance, STR("object"), value ? objects_of(f, value) : json_string(NGSILD_NULL));
	else if (!value)
		add(f, instance, STR("value"), json_string(NGSILD_NULL));
	else
		add(f, instance, STR("value"), member == MEMBER_VOCAB ? terms_of(f, value) : *value);
}

static struct json instances_of(struct fallback *f, const struct json *instances);

static struct json instance_of(struct fallback *f, const struct json *instance)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);
	bool falls = kind && value_falls(f, kind->value);
	struct json result = json_object();

	for (uint32_t i = 0; json_is(instance, JSON_OBJECT) && i < instance->count; i++) {
		const struct json_member *one = &instance->members[i];
		enum member member = member_of(one->key);

		if (member_since(member) > f->version)
			continue;
		if (member == MEMBER_NONE && document_is_attribute(one->key))
			add(f, &result, one->key, instances_of(f, &one->value));
		else if (falls && member == MEMBER_TYPE)
			add(f, &result, one->key,
			    json_string(kind->value == MEMBER_OBJECT_LIST ? STR("Relationship") : STR("Property")));
		else if (falls && member_in(member, MEMBERS_PREVIOUS))
			continue;
		else if (falls && member == kind->value)
			add_value(f, &result, member, instance_is_null(instance) ? NULL : &one->value);
		else
			add(f, &result, one->key, one->value);
	}
	return result;
}

/* Recursion goes as deep as sub-attributes nest, which the parser and the broker bound. The default instance, which is
 * the only one that the oldest versions know, comes first. */
static struct json instances_of(struct fallback *f, const struct json *instances)
{
	struct json list = json_array();

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
		const struct json *instance = &instances->items[i];

		push(f, &list, json_is(instance, JSON_OBJECT) ? instance_of(f, instance) : *instance);
		if (f->version < VERSION_DATASETS)
			break;
	}
	return list;
}

static struct json first_of(struct fallback *f, const struct json *types)
{
	struct json list = json_array();

	if (!json_is(types, JSON_ARRAY) || types->count == 0)
		return *types;
	push(f, &list, types->items[0]);
	return list;
}

const struct json *fallback_entity(struct arena *arena, const struct context *context, const struct json *entity,
				   unsigned int version, bool keep_languages)
{
	struct fallback f = {arena, context, version, keep_languages, false};
	struct json *result = version < FALLBACK_VERSION_NEWEST ? json_new(arena, json_object()) : NULL;

	if (version >= FALLBACK_VERSION_NEWEST)
		return entity;
	for (uint32_t i = 0; result && json_is(entity, JSON_OBJECT) && i < entity->count; i++) {
		const struct json_member *one = &entity->members[i];
		enum member member = member_of(one->key);

		if (member == MEMBER_EXPIRES_AT || (member == MEMBER_SCOPE && version < VERSION_SCOPES))
			continue;
		if (member == MEMBER_TYPE && version < VERSION_DATASETS)
			add(&f, result, one->key, first_of(&f, &one->value));
		else if (member == MEMBER_NONE && document_is_attribute(one->key))
			add(&f, result, one->key, instances_of(&f, &one->value));
		else
			add(&f, result, one->key, one->value);
	}
	return f.failed ? NULL : result;
}
