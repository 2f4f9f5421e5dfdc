/* The expanded entity document: the one shape in which entities are stored, evaluated and merged.
 *
 *   { "id": URI, "type": [IRI, …], "scope": [text, …]?, "createdAt": µs, "modifiedAt": µs?, "expiresAt": DateTime?,
 *     attribute IRI: [ instance, … ], … }
 *   instance: { "type": "Property", "value": any, "datasetId": URI?, "observedAt": DateTime?, "unitCode": text?, …,
 *               "createdAt": µs, "modifiedAt": µs?, sub-attribute IRI: [ instance, … ], … }
 *
 * Names of the core vocabulary stay short; every other member name is a full IRI, so a key of an entity is an
 * attribute exactly when document_is_attribute() says so. Instances of an attribute are always an array, the default
 * instance (no datasetId) first when there is one. createdAt and modifiedAt are integers (µs since 1970);
 * modifiedAt is left out while equal to createdAt. Values stay as they were sent, numbers to the digit.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.1–4.5.5, 4.8. */
#ifndef MACHI_NGSILD_DOCUMENT_H
#define MACHI_NGSILD_DOCUMENT_H

#include "json/json.h"

#define NGSILD_NULL STR("urn:ngsi-ld:null") /* 4.5.0 */

/* True for a member of an entity or instance that is an attribute rather than a core member: attribute names are IRIs
 * and have a colon after the scheme, the core's short names have none. Every member is asked, many times; the schemes
 * of nearly all names are urn, http or https. */
static inline bool document_is_attribute(struct str key)
{
	if (key.len > 5 && (key.at[3] == ':' || key.at[4] == ':' || key.at[5] == ':'))
		return true;
	return key.len && memchr(key.at, ':', key.len) != NULL;
}

struct str document_id(const struct json *entity);
bool document_has_type(const struct json *entity, struct str type_iri);
int64_t document_created_us(const struct json *node); /* entity or instance; 0 when absent */
int64_t document_modified_us(const struct json *node); /* createdAt when modifiedAt is left out */

/* The instance of an attribute with this datasetId (STR_NONE: the default instance); NULL when absent. */
struct json *document_instance(const struct json *entity, struct str attribute_iri, struct str dataset_id);

/* The value node of an instance whatever its type: value, object, languageMap, vocab, json, valueList, objectList.
 * NULL for a document that breaks the rules. */
struct json *document_value(const struct json *instance);

#endif
