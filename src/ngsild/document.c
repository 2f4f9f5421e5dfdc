/* Reading expanded entity documents. */
#include "ngsild/document.h"

#include <string.h>

struct str document_id(const struct json *entity)
{
	return json_text(json_get(entity, STR("id")));
}

bool document_has_type(const struct json *entity, struct str type_iri)
{
	const struct json *types = json_get(entity, STR("type"));

	if (json_is(types, JSON_STRING))
		return str_eq(json_text(types), type_iri);
	for (uint32_t i = 0; json_is(types, JSON_ARRAY) && i < types->count; i++)
		if (str_eq(json_text(&types->items[i]), type_iri))
			return true;
	return false;
}

int64_t document_created_us(const struct json *node)
{
	int64_t us = 0;

	(void)json_int64(json_get(node, STR("createdAt")), &us); /* 0 when absent */
	return us;
}

int64_t document_modified_us(const struct json *node)
{
	int64_t us;

	return json_int64(json_get(node, STR("modifiedAt")), &us) ? us : document_created_us(node);
}

struct json *document_instance(const struct json *entity, struct str attribute_iri, struct str dataset_id)
{
	struct json *instances = json_get(entity, attribute_iri);

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		if (str_eq(json_text(json_get(&instances->items[i], STR("datasetId"))), dataset_id))
			return &instances->items[i];
	return NULL;
}

/* The member that holds the value of an attribute of this type (4.5.2–4.5.24); STR_NONE for no attribute type. */
static struct str value_member(struct str type)
{
	if (str_eq(type, STR("Property")) || str_eq(type, STR("GeoProperty")))
		return STR("value");
	if (str_eq(type, STR("Relationship")))
		return STR("object");
	if (str_eq(type, STR("LanguageProperty")))
		return STR("languageMap");
	if (str_eq(type, STR("VocabProperty")))
		return STR("vocab");
	if (str_eq(type, STR("JsonProperty")))
		return STR("json");
	if (str_eq(type, STR("ListProperty")))
		return STR("valueList");
	if (str_eq(type, STR("ListRelationship")))
		return STR("objectList");
	return STR_NONE;
}

struct json *document_value(const struct json *instance)
{
	struct str member = value_member(json_text(json_get(instance, STR("type"))));

	return member.len ? json_get(instance, member) : NULL;
}
