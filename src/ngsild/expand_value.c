/* The members of attribute instances, one by one: values, objects, maps, times, units. */
#include "ngsild/expand_int.h"

#include "base/time_value.h"
#include "geo/geo.h"
#include "ngsild/name_int.h"

#include <string.h>

#define LANGUAGE_SUBTAG_BYTES_MAX 8u /* RFC 5646, 2.1 */

/* A merge replaces an array as a whole (RFC 7396), so nothing in it can be deleted. */
static enum err_code check_items(const struct expansion *x, struct str member, const struct json *array)
{
	struct expansion inner = *x;
	enum err_code code = ERR_OK;

	inner.merge = false;
	for (uint32_t i = 0; i < array->count && !code; i++)
		code = expand_check_value(&inner, member, &array->items[i]);
	return code;
}

enum err_code expand_check_value(const struct expansion *x, struct str member, const struct json *value)
{
	enum err_code code = ERR_OK;

	switch ((enum json_kind)value->kind) {
	case JSON_NULL:
		return err_set(x->err, ERR_INVALID, "\"%.*s\" holds null, which no value may be or contain",
			       STR_FMT(member));
	case JSON_STRING:
		if (node_is_null(value))
			return err_set(x->err, ERR_INVALID,
				       "\"%.*s\" holds \"urn:ngsi-ld:null\" where nothing can be deleted",
				       STR_FMT(member));
		return ERR_OK;
	case JSON_ARRAY:
		return check_items(x, member, value);
	case JSON_OBJECT:
		/* A JSON literal is not looked into (4.5.0). */
		if (str_eq(json_text(json_get(value, STR("@type"))), STR("@json")))
			return ERR_OK;
		for (uint32_t i = 0; i < value->count && !code; i++) {
			if (str_eq(value->members[i].key, STR("@context")))
				return err_set(x->err, ERR_INVALID,
					       "\"%.*s\" holds an @context; only the top level may", STR_FMT(member));
			if (!x->merge || !node_is_null(&value->members[i].value))
				code = expand_check_value(x, member, &value->members[i].value);
		}
		return code;
	case JSON_BOOL:
	case JSON_NUMBER:
		break;
	}
	return ERR_OK;
}

enum err_code expand_time(const struct expansion *x, struct str member, const struct json *value, struct json *ret)
{
	struct str text = json_text(value);
	int64_t us;
	size_t comma;

	if (!json_is(value, JSON_STRING) || !time_parse_iso(text, false, &us))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is no DateTime such as \"2026-01-31T12:00:00.5Z\"",
			       STR_FMT(member));
	if (str_find(text, ',', &comma)) {
		char *copy = arena_bytes(x->arena, text.len, 1);

		if (!copy)
			return err_set(x->err, ERR_MEMORY, "no memory for a time");
		memcpy(copy, text.at, text.len);
		copy[comma] = '.';
		text.at = copy;
	}
	*ret = json_string(text);
	return ERR_OK;
}

static enum err_code check_uri(const struct expansion *x, struct str member, const struct json *value)
{
	if (!json_is(value, JSON_STRING))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" must be a URI", STR_FMT(member));
	if (!expand_is_uri(json_text(value)))
		return err_set(x->err, ERR_INVALID, "\"%.*s\": \"%.*s\" is not a URI", STR_FMT(member),
			       STR_FMT(json_text(value)));
	if (node_is_null(value))
		return err_set(x->err, ERR_INVALID, "\"%.*s\" is \"urn:ngsi-ld:null\" where nothing can be deleted",
			       STR_FMT(member));
	return ERR_OK;
}

/* A Relationship's object: a URI or an array of them. */
static enum err_code object_value(const struct expansion *x, const struct json *value, struct json *ret)
{
	enum err_code code = ERR_OK;

	if (json_is(value, JSON_ARRAY)) {
		for (uint32_t i = 0; i < value->count && !code; i++)
			code = check_uri(x, STR("object"), &value->items[i]);
		if (!code && value->count == 0)
			code = err_set(x->err, ERR_INVALID, "\"object\" is an empty array");
	} else {
		code = check_uri(x, STR("object"), value);
	}
	if (!code)
		*ret = *value;
	return code;
}

/* A ListRelationship's objects: stored as [{"object": URI}, …]; clients may send the URIs alone (4.5.22.3). */
static enum err_code object_list(const struct expansion *x, const struct json *value, struct json *ret)
{
	struct json list = {0};
	enum err_code code;

	if (!json_is(value, JSON_ARRAY))
		return err_set(x->err, ERR_INVALID, "\"objectList\" must be an array");
	if ((code = expand_array(x, value->count, &list)))
		return code;
	for (uint32_t i = 0; i < value->count; i++) {
		const struct json *uri = &value->items[i];
		struct json item = {0};

		if (json_is(uri, JSON_OBJECT)) {
			if (uri->count != 1 || !json_get(uri, STR("object")))
				return err_set(x->err, ERR_INVALID,
					       "\"objectList\": item %u must have the one member \"object\"", i + 1);
			uri = json_get(uri, STR("object"));
		}
		if (!(x->nulls && value->count == 1 && node_is_null(uri)) &&
		    (code = check_uri(x, STR("objectList"), uri)))
			return code;
		if ((code = expand_object(x, 1, &item)) || (code = expand_add(x, &item, STR("object"), *uri)) ||
		    (code = expand_push(x, &list, item)))
			return code;
	}
	*ret = list;
	return ERR_OK;
}

static enum err_code value_list(const struct expansion *x, const struct json *value, struct json *ret)
{
	enum err_code code = ERR_OK;

	if (!json_is(value, JSON_ARRAY))
		return err_set(x->err, ERR_INVALID, "\"valueList\" must be an array");
	if (!(x->nulls && value->count == 1 && node_is_null(&value->items[0])))
		code = expand_check_value(x, STR("valueList"), value);
	if (!code)
		*ret = *value;
	return code;
}

bool expand_is_language_tag(struct str tag)
{
	struct str rest = tag, part;

	if (str_eq(tag, NGSILD_DATASET_DEFAULT))
		return true;
	while (str_next(&rest, '-', &part)) {
		if (part.len == 0 || part.len > LANGUAGE_SUBTAG_BYTES_MAX)
			return false;
		for (size_t i = 0; i < part.len; i++) {
			char c = part.at[i];
			bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

			if (!letter && (part.at == tag.at || c < '0' || c > '9'))
				return false;
		}
	}
	return true;
}

static enum err_code language_text(const struct expansion *x, struct str tag, const struct json *value)
{
	bool good = json_is(value, JSON_STRING) && (x->merge || !node_is_null(value));

	if (json_is(value, JSON_ARRAY)) {
		good = value->count > 0;
		for (uint32_t i = 0; i < value->count; i++)
			good = good && json_is(&value->items[i], JSON_STRING) && !node_is_null(&value->items[i]);
	}
	if (!good)
		return err_set(x->err, ERR_INVALID, "\"languageMap\": \"%.*s\" needs a text or an array of texts",
			       STR_FMT(tag));
	return ERR_OK;
}

static enum err_code language_map(const struct expansion *x, const struct json *value, struct json *ret)
{
	enum err_code code = ERR_OK;

	/* The language of a text alone is the merge's (6.5.3.4). */
	if (x->merge && !node_is_null(value) && !json_is(value, JSON_OBJECT)) {
		*ret = *value;
		return language_text(x, NGSILD_DATASET_DEFAULT, value);
	}
	if (!json_is(value, JSON_OBJECT) || value->count == 0)
		return err_set(x->err, ERR_INVALID, "\"languageMap\" must be an object of language tags and texts");
	bool deletes = x->nulls && value->count == 1 && node_is_null(json_get(value, NGSILD_DATASET_DEFAULT));

	for (uint32_t i = 0; i < value->count && !deletes; i++) {
		struct str tag = value->members[i].key;

		if (!expand_is_language_tag(tag))
			return err_set(x->err, ERR_INVALID, "\"languageMap\": \"%.*s\" is no language tag (RFC 5646)",
				       STR_FMT(tag));
		if ((code = language_text(x, tag, &value->members[i].value)))
			return code;
	}
	*ret = *value;
	return ERR_OK;
}

/* GeoJSON; also as a text that holds it (4.7.2), which is stored as the geometry it stands for. */
static enum err_code geometry(const struct expansion *x, const struct json *value, struct json *ret)
{
	struct json *parsed = NULL;
	enum err_code code;

	if (json_is(value, JSON_STRING)) {
		struct json_parser *parser = json_parser_new();

		if (!parser)
			return err_set(x->err, ERR_MEMORY, "no memory for a parser");
		code = json_parse(parser, x->arena, json_text(value), NULL, &parsed, x->err);
		(void)json_parser_free(parser);
		if (code && code != ERR_MEMORY)
			return err_set(x->err, ERR_INVALID, "\"value\" is a text that holds no GeoJSON geometry");
		if (code)
			return code;
		value = parsed;
	}
	/* Part of a geometry is checked when it has been merged. */
	code = x->merge ? expand_check_value(x, STR("value"), value) : geo_check(value, x->err);
	if (code) {
		(void)err_while(x->err, "reading \"value\", a GeoJSON geometry");
		return code;
	}
	*ret = *value;
	return ERR_OK;
}

enum err_code expand_check_place(const struct expansion *x, struct str iri, const struct json *instances)
{
	if (!attribute_is_place(iri))
		return ERR_OK;
	for (uint32_t i = 0; i < instances->count; i++) {
		const struct json *instance = &instances->items[i], *value = instance_value(instance);
		const struct attribute_kind *kind = attribute_kind_of(instance);
		bool fits = kind ? str_eq(kind->name, STR("GeoProperty"))
				 : !value || (json_get(instance, STR("value")) == value && json_is(value, JSON_OBJECT));

		if (!fits && !instance_is_null(instance))
			return err_set(
				x->err, ERR_INVALID,
				"this attribute of an entity is a GeoProperty whose value is a GeoJSON geometry%s%s",
				kind ? ", not a " : "", kind ? kind->name.at : "");
	}
	return ERR_OK;
}

static enum err_code text_value(const struct expansion *x, enum member member, const struct json *value,
				struct json *ret)
{
	if (!json_is(value, JSON_STRING) || value->count == 0)
		return err_set(x->err, ERR_INVALID, "\"%.*s\" must be a text", STR_FMT(member_name(member)));
	*ret = *value;
	return ERR_OK;
}

static enum err_code value_type(const struct expansion *x, const struct attribute_kind *kind, const struct json *value,
				struct json *ret)
{
	enum err_code code;

	if (!json_is(value, JSON_STRING))
		return err_set(x->err, ERR_INVALID, "\"valueType\" must be a text");
	if ((code = expand_terms(x, value, false, STR("valueType"), ret)))
		return code;
	if (kind && kind->value == MEMBER_LANGUAGE_MAP && !str_eq(json_text(ret), NGSILD_LANG_STRING_IRI))
		return err_set(x->err, ERR_INVALID, "\"valueType\" of a LanguageProperty can only be \"langString\"");
	return ERR_OK;
}

/* One flat switch. */
enum err_code expand_member(const struct expansion *x, const struct attribute_kind *kind, enum member member,
			    const struct json *value, struct json *ret)
{
	enum err_code code = ERR_OK;

	/* Null deletes any member but datasetId (5.5.8); lists and language maps have a form of Null of their own. */
	if (x->nulls && node_is_null(value) && member != MEMBER_DATASET_ID && member != MEMBER_LANGUAGE_MAP) {
		*ret = *value;
		return ERR_OK;
	}
	switch (member) {
	case MEMBER_VALUE:
		if (kind && str_eq(kind->name, STR("GeoProperty")))
			return geometry(x, value, ret);
		if (!(code = expand_check_value(x, STR("value"), value)))
			*ret = *value;
		return code;
	case MEMBER_OBJECT:
		return object_value(x, value, ret);
	case MEMBER_LANGUAGE_MAP:
		return language_map(x, value, ret);
	case MEMBER_VOCAB:
		return expand_terms(x, value, false, STR("vocab"), ret);
	case MEMBER_JSON:
		if (node_is_null(value))
			return expand_check_value(x, STR("json"), value);
		*ret = *value;
		return ERR_OK;
	case MEMBER_VALUE_LIST:
		return value_list(x, value, ret);
	case MEMBER_OBJECT_LIST:
		return object_list(x, value, ret);
	case MEMBER_DATASET_ID:
	case MEMBER_ENTITY_ID_SEALED:
		if (!(code = check_uri(x, member_name(member), value)))
			*ret = *value;
		return code;
	case MEMBER_OBSERVED_AT:
	case MEMBER_EXPIRES_AT:
		return expand_time(x, member_name(member), value, ret);
	case MEMBER_UNIT_CODE:
		return text_value(x, member, value, ret);
	case MEMBER_VALUE_TYPE:
		return value_type(x, kind, value, ret);
	case MEMBER_OBJECT_TYPE:
	case MEMBER_ENTITY_TYPE_SEALED:
		return expand_terms(x, value, true, member_name(member), ret);
	default:
		return err_set(x->err, ERR_INTERNAL, "member %d has no check", (int)member);
	}
}
