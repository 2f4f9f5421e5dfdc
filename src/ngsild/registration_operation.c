/* The names of operations that a source may take part in, and of groups of them.
 * Source: GS CIM 009 V1.9.1 tables 4.20-1, 4.20-2. */
#include "ngsild/registration_int.h"

#include <assert.h>

#define BIT(operation) (UINT64_C(1) << (operation))

static_assert(SOURCE_OPERATION_COUNT <= 64, "a bit each");

static const struct str names[SOURCE_OPERATION_COUNT] = {
	[SOURCE_CREATE_ENTITY] = SHAPE_NAME("createEntity"),
	[SOURCE_UPDATE_ENTITY] = SHAPE_NAME("updateEntity"),
	[SOURCE_APPEND_ATTRS] = SHAPE_NAME("appendAttrs"),
	[SOURCE_UPDATE_ATTRS] = SHAPE_NAME("updateAttrs"),
	[SOURCE_DELETE_ATTRS] = SHAPE_NAME("deleteAttrs"),
	[SOURCE_DELETE_ENTITY] = SHAPE_NAME("deleteEntity"),
	[SOURCE_CREATE_BATCH] = SHAPE_NAME("createBatch"),
	[SOURCE_UPSERT_BATCH] = SHAPE_NAME("upsertBatch"),
	[SOURCE_UPDATE_BATCH] = SHAPE_NAME("updateBatch"),
	[SOURCE_DELETE_BATCH] = SHAPE_NAME("deleteBatch"),
	[SOURCE_UPSERT_TEMPORAL] = SHAPE_NAME("upsertTemporal"),
	[SOURCE_APPEND_ATTRS_TEMPORAL] = SHAPE_NAME("appendAttrsTemporal"),
	[SOURCE_DELETE_ATTRS_TEMPORAL] = SHAPE_NAME("deleteAttrsTemporal"),
	[SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL] = SHAPE_NAME("updateAttrInstanceTemporal"),
	[SOURCE_DELETE_ATTR_INSTANCE_TEMPORAL] = SHAPE_NAME("deleteAttrInstanceTemporal"),
	[SOURCE_DELETE_TEMPORAL] = SHAPE_NAME("deleteTemporal"),
	[SOURCE_MERGE_ENTITY] = SHAPE_NAME("mergeEntity"),
	[SOURCE_REPLACE_ENTITY] = SHAPE_NAME("replaceEntity"),
	[SOURCE_REPLACE_ATTRS] = SHAPE_NAME("replaceAttrs"),
	[SOURCE_MERGE_BATCH] = SHAPE_NAME("mergeBatch"),
	[SOURCE_PURGE_ENTITY] = SHAPE_NAME("purgeEntity"),
	[SOURCE_RETRIEVE_ENTITY] = SHAPE_NAME("retrieveEntity"),
	[SOURCE_QUERY_ENTITY] = SHAPE_NAME("queryEntity"),
	[SOURCE_QUERY_BATCH] = SHAPE_NAME("queryBatch"),
	[SOURCE_RETRIEVE_TEMPORAL] = SHAPE_NAME("retrieveTemporal"),
	[SOURCE_QUERY_TEMPORAL] = SHAPE_NAME("queryTemporal"),
	[SOURCE_RETRIEVE_ENTITY_TYPES] = SHAPE_NAME("retrieveEntityTypes"),
	[SOURCE_RETRIEVE_ENTITY_TYPE_DETAILS] = SHAPE_NAME("retrieveEntityTypeDetails"),
	[SOURCE_RETRIEVE_ENTITY_TYPE_INFO] = SHAPE_NAME("retrieveEntityTypeInfo"),
	[SOURCE_RETRIEVE_ATTR_TYPES] = SHAPE_NAME("retrieveAttrTypes"),
	[SOURCE_RETRIEVE_ATTR_TYPE_DETAILS] = SHAPE_NAME("retrieveAttrTypeDetails"),
	[SOURCE_RETRIEVE_ATTR_TYPE_INFO] = SHAPE_NAME("retrieveAttrTypeInfo"),
	[SOURCE_CREATE_SUBSCRIPTION] = SHAPE_NAME("createSubscription"),
	[SOURCE_UPDATE_SUBSCRIPTION] = SHAPE_NAME("updateSubscription"),
	[SOURCE_RETRIEVE_SUBSCRIPTION] = SHAPE_NAME("retrieveSubscription"),
	[SOURCE_QUERY_SUBSCRIPTION] = SHAPE_NAME("querySubscription"),
	[SOURCE_DELETE_SUBSCRIPTION] = SHAPE_NAME("deleteSubscription"),
	[SOURCE_RETRIEVE_ENTITY_MAP] = SHAPE_NAME("retrieveEntityMap"),
	[SOURCE_UPDATE_ENTITY_MAP] = SHAPE_NAME("updateEntityMap"),
	[SOURCE_DELETE_ENTITY_MAP] = SHAPE_NAME("deleteEntityMap"),
	[SOURCE_CREATE_ENTITY_MAP_QUERY_ENTITY] = SHAPE_NAME("createEntityMapQueryEntity"),
	[SOURCE_CREATE_ENTITY_MAP_QUERY_TEMPORAL] = SHAPE_NAME("createEntityMapQueryTemporal"),
	[SOURCE_RETRIEVE_CONTEXT_SOURCE_IDENTITY] = SHAPE_NAME("retrieveContextSourceIdentity"),
};

#define DISCOVERY                                                                                                      \
	(BIT(SOURCE_RETRIEVE_ENTITY_TYPES) | BIT(SOURCE_RETRIEVE_ENTITY_TYPE_DETAILS) |                                \
	 BIT(SOURCE_RETRIEVE_ENTITY_TYPE_INFO) | BIT(SOURCE_RETRIEVE_ATTR_TYPES) |                                     \
	 BIT(SOURCE_RETRIEVE_ATTR_TYPE_DETAILS) | BIT(SOURCE_RETRIEVE_ATTR_TYPE_INFO))
#define SUBSCRIPTIONS                                                                                                  \
	(BIT(SOURCE_CREATE_SUBSCRIPTION) | BIT(SOURCE_UPDATE_SUBSCRIPTION) | BIT(SOURCE_RETRIEVE_SUBSCRIPTION) |       \
	 BIT(SOURCE_QUERY_SUBSCRIPTION) | BIT(SOURCE_DELETE_SUBSCRIPTION))
#define ENTITY_MAPS                                                                                                    \
	(BIT(SOURCE_RETRIEVE_ENTITY_MAP) | BIT(SOURCE_UPDATE_ENTITY_MAP) | BIT(SOURCE_DELETE_ENTITY_MAP) |             \
	 BIT(SOURCE_CREATE_ENTITY_MAP_QUERY_ENTITY))
#define RETRIEVE_OPS (BIT(SOURCE_RETRIEVE_ENTITY) | BIT(SOURCE_QUERY_ENTITY))
#define UPDATE_OPS                                                                                                     \
	(BIT(SOURCE_UPDATE_ENTITY) | BIT(SOURCE_UPDATE_ATTRS) | BIT(SOURCE_REPLACE_ENTITY) | BIT(SOURCE_REPLACE_ATTRS))
#define ASSOCIATION_OPS                                                                                                \
	(RETRIEVE_OPS | BIT(SOURCE_QUERY_BATCH) | DISCOVERY | SUBSCRIPTIONS |                                          \
	 BIT(SOURCE_RETRIEVE_CONTEXT_SOURCE_IDENTITY))
#define FEDERATION_OPS (ASSOCIATION_OPS | ENTITY_MAPS)
#define REDIRECTION_OPS                                                                                                \
	(UPDATE_OPS | RETRIEVE_OPS | DISCOVERY | ENTITY_MAPS | BIT(SOURCE_CREATE_ENTITY) | BIT(SOURCE_APPEND_ATTRS) |  \
	 BIT(SOURCE_DELETE_ATTRS) | BIT(SOURCE_DELETE_ENTITY) | BIT(SOURCE_MERGE_ENTITY) | BIT(SOURCE_PURGE_ENTITY) |  \
	 BIT(SOURCE_RETRIEVE_CONTEXT_SOURCE_IDENTITY))

static const struct group {
	struct str name;
	uint64_t operations;
} groups[] = {
	{SHAPE_NAME("federationOps"), FEDERATION_OPS},   {SHAPE_NAME("associationOps"), ASSOCIATION_OPS},
	{SHAPE_NAME("updateOps"), UPDATE_OPS},           {SHAPE_NAME("retrieveOps"), RETRIEVE_OPS},
	{SHAPE_NAME("redirectionOps"), REDIRECTION_OPS},
};

uint64_t registration_operations_named(struct str name)
{
	for (size_t i = 0; i < SOURCE_OPERATION_COUNT; i++)
		if (str_eq(name, names[i]))
			return BIT(i);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (str_eq(name, groups[i].name))
			return groups[i].operations;
	return 0;
}

/* "If no specific subset of operations is defined …, the default set … matches … federationOps." */
uint64_t registration_operations_of(const struct json *document)
{
	const struct json *list = json_get(document, STR("operations"));
	uint64_t operations = 0;

	if (!list)
		return FEDERATION_OPS;
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		operations |= registration_operations_named(json_text(&list->items[i]));
	return operations;
}

struct str source_operation_name(enum source_operation operation)
{
	return names[operation];
}

bool registration_supports(const struct registration *registration, enum source_operation operation)
{
	return registration->operations & BIT(operation);
}
