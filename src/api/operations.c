/* The table of operations: what the router serves, what requests may say, and what /openapi.json describes. One truth
 * for all three. Source: GS CIM 009 V1.9.1 table 6.2-1 and the tables of parameters in clauses 6.4 to 6.38. */
#include "api/api_int.h"

#include <assert.h>

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		(text), sizeof(text) - 1                                                                               \
	}
#define BIT PARAMETER_BIT
#define P_WHERE                                                                                                        \
	(BIT(P_ID) | BIT(P_ID_PATTERN) | BIT(P_TYPE) | BIT(P_ATTRS) | BIT(P_Q) | BIT(P_SCOPE_Q) | BIT(P_GEOREL) |      \
	 BIT(P_GEOMETRY) | BIT(P_COORDINATES) | BIT(P_GEOPROPERTY) | BIT(P_CSF) | BIT(P_SPLIT_ENTITIES) |              \
	 BIT(P_EXPAND_VALUES) | BIT(P_JSON_KEYS))
#define P_SHOW                                                                                                         \
	(BIT(P_PICK) | BIT(P_OMIT) | BIT(P_DATASET_ID) | BIT(P_FORMAT) | BIT(P_OPTIONS) | BIT(P_GEOMETRY_PROPERTY) |   \
	 BIT(P_LANG) | BIT(P_JOIN) | BIT(P_JOIN_LEVEL) | BIT(P_CONTAINED_BY) | BIT(P_ENTITY_MAP) |                     \
	 BIT(P_ENTITY_MAP_LIFETIME))
#define P_PAGE                                                                                                         \
	(BIT(P_LIMIT) | BIT(P_OFFSET) | BIT(P_COUNT) | BIT(P_ORDER_BY) | BIT(P_ORDER_FROM) | BIT(P_ORDER_GEOMETRY) |   \
	 BIT(P_COLLATION))
#define P_LOCAL_ONLY BIT(P_LOCAL)
#define P_TARGET (BIT(P_TYPE) | BIT(P_LOCAL))

const struct parameter_rule parameter_rules[PARAMETER_COUNT] = {
	[P_ID] = {NAME("id"), "string", "Comma-separated entity ids (URIs).", true, NULL},
	[P_ID_PATTERN] = {NAME("idPattern"), "string", "POSIX extended regular expression that ids match.", true, NULL},
	[P_TYPE] = {NAME("type"), "string", "Selection of entity types (4.17), such as Vehicle or Bus,Tram.", true,
		    NULL},
	[P_ATTRS] = {NAME("attrs"), "string",
		     "Comma-separated attribute names: at least one exists, only these are shown.", true, NULL},
	[P_Q] = {NAME("q"), "string", "Query on attribute values (4.9), such as speed>50;brandName==\"Mercedes\".",
		 true, NULL},
	[P_SCOPE_Q] = {NAME("scopeQ"), "string", "Scope query (4.19), such as /Madrid/#.", true, NULL},
	[P_GEOREL] = {NAME("georel"), "string", "Geo-relationship (4.10), such as near;maxDistance==2000.", true, NULL},
	[P_GEOMETRY] = {NAME("geometry"), "string", "Type of the reference geometry, such as Point.", true, NULL},
	[P_COORDINATES] = {NAME("coordinates"), "string", "Coordinates of the reference geometry as a JSON array.",
			   true, NULL},
	[P_GEOPROPERTY] = {NAME("geoproperty"), "string", "GeoProperty that the geo-query looks at; default location.",
			   true, NULL},
	[P_GEOMETRY_PROPERTY] = {NAME("geometryProperty"), "string",
				 "GeoProperty shown as the geometry of GeoJSON answers; default location.", true, NULL},
	[P_PICK] = {NAME("pick"), "string", "Comma-separated members to show: id, type, scope or attribute names.",
		    true, NULL},
	[P_OMIT] = {NAME("omit"), "string", "Comma-separated members to leave out.", true, NULL},
	[P_DATASET_ID] = {NAME("datasetId"), "string",
			  "Instance of the attributes: a URI, or @none for the default one.", true, NULL},
	[P_DELETE_ALL] = {NAME("deleteAll"), "boolean", "true: every instance of the attribute.", true, NULL},
	[P_FORMAT] = {NAME("format"), "string", "normalized, concise, or simplified (also keyValues).", true, NULL},
	[P_OPTIONS] = {NAME("options"), "string", "Comma-separated keywords.", true, NULL},
	[P_LIMIT] = {NAME("limit"), "integer", "Entities in the answer at most; 0 only together with count.", true,
		     NULL},
	[P_OFFSET] = {NAME("offset"), "integer", "Matches to skip.", true, NULL},
	[P_COUNT] = {NAME("count"), "boolean", "true: the header NGSILD-Results-Count tells the number of all matches.",
		     true, NULL},
	[P_LOCAL] = {NAME("local"), "boolean", "true: only what this broker holds itself.", true, NULL},
	[P_CSF] = {NAME("csf"), "string", "Context source filter; without registrations nothing is filtered.", true,
		   NULL},
	[P_SPLIT_ENTITIES] = {NAME("splitEntities"), "boolean", "Entities spread over brokers; none are here.", true,
			      NULL},
	[P_CONTAINED_BY] = {NAME("containedBy"), "string", "Ids met before in linked entity retrieval.", true, NULL},
	[P_JOIN] = {NAME("join"), "string", "Linked entity retrieval.", false, "@none"},
	[P_JOIN_LEVEL] = {NAME("joinLevel"), "integer", "Depth of linked entity retrieval.", false, NULL},
	[P_LANG] = {NAME("lang"), "string", "Natural language of the answer.", false, NULL},
	[P_ENTITY_MAP] = {NAME("entityMap"), "boolean", "Location of the entity map.", false, "false"},
	[P_ENTITY_MAP_LIFETIME] = {NAME("entityMapLifetime"), "string", "Life of the entity map.", false, NULL},
	[P_ORDER_BY] = {NAME("orderBy"), "string", "Order of the entities.", false, NULL},
	[P_ORDER_FROM] = {NAME("orderFrom"), "string", "Place to order by distance from.", false, NULL},
	[P_ORDER_GEOMETRY] = {NAME("orderGeometry"), "string", "Geometry type of orderFrom.", false, NULL},
	[P_COLLATION] = {NAME("collation"), "string", "ICU collation of the order.", false, NULL},
	[P_EXPAND_VALUES] = {NAME("expandValues"), "string", "Attributes whose values are expanded to URIs.", false,
			     NULL},
	[P_JSON_KEYS] = {NAME("jsonKeys"), "string", "Attributes whose values are opaque JSON.", false, NULL},
};

/* An operation of the standard that this broker does not offer yet. */
#define LATER(verb, place, name, title, clause)                                                                        \
	{                                                                                                              \
		.method = (verb), .path = (place), .id = (name), .summary = (title), .clauses = (clause)               \
	}

const struct operation operations[] = {
	{METHOD_POST, "/entities", "createEntity", "Create an entity", "5.6.1, 6.4.3.1", P_LOCAL_ONLY, 0, BODY_ENTITY,
	 ANSWER_NONE, "201", false, true, create_entity},
	{METHOD_GET, "/entities", "queryEntities", "Query entities", "5.7.2, 6.4.3.2",
	 P_WHERE | P_SHOW | P_PAGE | P_LOCAL_ONLY, OPTIONS_READ | OPTION_COUNT, BODY_NONE, ANSWER_ENTITIES, "200",
	 false, false, query_entities},
	LATER(METHOD_DELETE, "/entities", "purgeEntities", "Purge entities", "5.6.21, 6.4.3.3"),
	{METHOD_GET, "/entities/{entityId}", "retrieveEntity", "Retrieve an entity", "5.7.1, 6.5.3.1",
	 BIT(P_ATTRS) | P_SHOW | P_TARGET, OPTIONS_READ, BODY_NONE, ANSWER_ENTITY, "200", false, false,
	 retrieve_entity},
	{METHOD_DELETE, "/entities/{entityId}", "deleteEntity", "Delete an entity", "5.6.6, 6.5.3.2", P_TARGET, 0,
	 BODY_NONE, ANSWER_NONE, "204", false, false, delete_entity},
	LATER(METHOD_PATCH, "/entities/{entityId}", "mergeEntity", "Merge an entity", "5.6.17, 6.5.3.4"),
	{METHOD_PUT, "/entities/{entityId}", "replaceEntity", "Replace an entity", "5.6.18, 6.5.3.3", P_TARGET, 0,
	 BODY_FRAGMENT, ANSWER_NONE, "204", false, false, replace_entity},
	{METHOD_POST, "/entities/{entityId}/attrs", "appendAttributes", "Append attributes", "5.6.3, 6.6.3.1",
	 P_TARGET | BIT(P_OPTIONS), OPTION_NO_OVERWRITE, BODY_FRAGMENT, ANSWER_NONE, "204 207", false, false,
	 append_attributes},
	{METHOD_PATCH, "/entities/{entityId}/attrs", "updateAttributes", "Update attributes", "5.6.2, 6.6.3.2",
	 P_TARGET, 0, BODY_FRAGMENT, ANSWER_NONE, "204 207", false, false, update_attributes},
	{METHOD_PATCH, "/entities/{entityId}/attrs/{attrId}", "partialUpdateAttribute", "Update an attribute in part",
	 "5.6.4, 6.7.3.1", P_TARGET, 0, BODY_ATTRIBUTE, ANSWER_NONE, "204", false, false, partial_update},
	{METHOD_DELETE, "/entities/{entityId}/attrs/{attrId}", "deleteAttribute", "Delete an attribute",
	 "5.6.5, 6.7.3.2", P_TARGET | BIT(P_DATASET_ID) | BIT(P_DELETE_ALL), 0, BODY_NONE, ANSWER_NONE, "204", false,
	 false, delete_attribute},
	LATER(METHOD_PUT, "/entities/{entityId}/attrs/{attrId}", "replaceAttribute", "Replace an attribute",
	      "5.6.19, 6.7.3.3"),

	{METHOD_POST, "/entityOperations/create", "batchCreate", "Create many entities", "5.6.7, 6.14.3.1",
	 P_LOCAL_ONLY, 0, BODY_ENTITIES, ANSWER_IDS, "201 207", false, true, batch_create},
	{METHOD_POST, "/entityOperations/upsert", "batchUpsert", "Create or update many entities", "5.6.8, 6.15.3.1",
	 P_LOCAL_ONLY | BIT(P_OPTIONS), OPTION_UPDATE | OPTION_REPLACE, BODY_ENTITIES, ANSWER_IDS, "201 204 207", false,
	 false, batch_upsert},
	{METHOD_POST, "/entityOperations/update", "batchUpdate", "Update many entities", "5.6.9, 6.16.3.1",
	 P_LOCAL_ONLY | BIT(P_OPTIONS), OPTION_NO_OVERWRITE, BODY_ENTITIES, ANSWER_NONE, "204 207", false, false,
	 batch_update},
	{METHOD_POST, "/entityOperations/delete", "batchDelete", "Delete many entities", "5.6.10, 6.17.3.1",
	 P_LOCAL_ONLY, 0, BODY_IDS, ANSWER_NONE, "204 207", false, false, batch_delete},
	{METHOD_POST, "/entityOperations/query", "queryByPost", "Query entities by a body", "5.7.2, 6.23.3.1",
	 P_PAGE | P_LOCAL_ONLY | BIT(P_FORMAT) | BIT(P_OPTIONS) | BIT(P_GEOMETRY_PROPERTY), OPTIONS_READ | OPTION_COUNT,
	 BODY_QUERY, ANSWER_ENTITIES, "200", false, false, query_by_post},
	LATER(METHOD_POST, "/entityOperations/merge", "batchMerge", "Merge many entities", "5.6.20, 6.31.3.1"),

	LATER(METHOD_POST, "/subscriptions", "createSubscription", "Create a subscription", "5.8.1, 6.10.3.1"),
	LATER(METHOD_GET, "/subscriptions", "querySubscriptions", "List subscriptions", "5.8.4, 6.10.3.2"),
	LATER(METHOD_GET, "/subscriptions/{subscriptionId}", "retrieveSubscription", "Retrieve a subscription",
	      "5.8.3, 6.11.3.1"),
	LATER(METHOD_PATCH, "/subscriptions/{subscriptionId}", "updateSubscription", "Update a subscription",
	      "5.8.2, 6.11.3.2"),
	LATER(METHOD_DELETE, "/subscriptions/{subscriptionId}", "deleteSubscription", "Delete a subscription",
	      "5.8.5, 6.11.3.3"),
	LATER(METHOD_GET, "/types", "retrieveTypes", "Available entity types", "5.7.5, 5.7.6, 6.25.3.1"),
	LATER(METHOD_GET, "/types/{type}", "retrieveType", "One entity type", "5.7.7, 6.26.3.1"),
	LATER(METHOD_GET, "/attributes", "retrieveAttributes", "Available attributes", "5.7.8, 5.7.9, 6.27.3.1"),
	LATER(METHOD_GET, "/attributes/{attrId}", "retrieveAttribute", "One attribute", "5.7.10, 6.28.3.1"),
	LATER(METHOD_POST, "/csourceRegistrations", "createRegistration", "Register a context source",
	      "5.9.2, 6.8.3.1"),
	LATER(METHOD_GET, "/csourceRegistrations", "queryRegistrations", "Discover registrations", "5.10.2, 6.8.3.2"),
	LATER(METHOD_GET, "/csourceRegistrations/{registrationId}", "retrieveRegistration", "Retrieve a registration",
	      "5.10.1, 6.9.3.1"),
	LATER(METHOD_PATCH, "/csourceRegistrations/{registrationId}", "updateRegistration", "Update a registration",
	      "5.9.3, 6.9.3.2"),
	LATER(METHOD_DELETE, "/csourceRegistrations/{registrationId}", "deleteRegistration", "Delete a registration",
	      "5.9.4, 6.9.3.3"),
	LATER(METHOD_POST, "/csourceSubscriptions", "createRegistrationSubscription", "Subscribe to registrations",
	      "5.11.2, 6.12.3.1"),
	LATER(METHOD_GET, "/csourceSubscriptions", "queryRegistrationSubscriptions",
	      "List subscriptions to registrations", "5.11.5, 6.12.3.2"),
	LATER(METHOD_GET, "/csourceSubscriptions/{subscriptionId}", "retrieveRegistrationSubscription",
	      "Retrieve a subscription to registrations", "5.11.4, 6.13.3.1"),
	LATER(METHOD_PATCH, "/csourceSubscriptions/{subscriptionId}", "updateRegistrationSubscription",
	      "Update a subscription to registrations", "5.11.3, 6.13.3.2"),
	LATER(METHOD_DELETE, "/csourceSubscriptions/{subscriptionId}", "deleteRegistrationSubscription",
	      "Delete a subscription to registrations", "5.11.6, 6.13.3.3"),
	LATER(METHOD_POST, "/temporal/entities", "upsertTemporal", "Create or update a temporal evolution",
	      "5.6.11, 6.18.3.1"),
	LATER(METHOD_GET, "/temporal/entities", "queryTemporal", "Query temporal evolutions", "5.7.4, 6.18.3.2"),
	LATER(METHOD_GET, "/temporal/entities/{entityId}", "retrieveTemporal", "Retrieve a temporal evolution",
	      "5.7.3, 6.19.3.1"),
	LATER(METHOD_DELETE, "/temporal/entities/{entityId}", "deleteTemporal", "Delete a temporal evolution",
	      "5.6.16, 6.19.3.2"),
	LATER(METHOD_POST, "/temporal/entities/{entityId}/attrs", "appendTemporal", "Add instances of attributes",
	      "5.6.12, 6.20.3.1"),
	LATER(METHOD_DELETE, "/temporal/entities/{entityId}/attrs/{attrId}", "deleteTemporalAttribute",
	      "Delete an attribute's evolution", "5.6.13, 6.21.3.1"),
	LATER(METHOD_PATCH, "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}", "updateTemporalInstance",
	      "Modify an attribute instance", "5.6.14, 6.22.3.1"),
	LATER(METHOD_DELETE, "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}", "deleteTemporalInstance",
	      "Delete an attribute instance", "5.6.15, 6.22.3.2"),
	LATER(METHOD_POST, "/temporal/entityOperations/query", "queryTemporalByPost",
	      "Query temporal evolutions by a body", "5.7.4, 6.24.3.1"),
	LATER(METHOD_GET, "/temporal/entityMaps", "createTemporalEntityMap", "Make a temporal entity map",
	      "5.15.4, 6.35.3.1"),
	LATER(METHOD_POST, "/temporal/entityMaps", "createTemporalEntityMapByPost",
	      "Make a temporal entity map by a body", "5.15.4, 6.35.3.2"),
	LATER(METHOD_GET, "/entityMaps", "createEntityMap", "Make an entity map", "5.14.4, 6.34.3.1"),
	LATER(METHOD_POST, "/entityMaps", "createEntityMapByPost", "Make an entity map by a body", "5.14.4, 6.34.3.2"),
	LATER(METHOD_GET, "/entityMaps/{entityMapId}", "retrieveEntityMap", "Retrieve an entity map",
	      "5.14.1, 6.32.3.1"),
	LATER(METHOD_PATCH, "/entityMaps/{entityMapId}", "updateEntityMap", "Update an entity map", "5.14.2, 6.32.3.2"),
	LATER(METHOD_DELETE, "/entityMaps/{entityMapId}", "deleteEntityMap", "Delete an entity map",
	      "5.14.3, 6.32.3.3"),
	LATER(METHOD_POST, "/jsonldContexts", "addContext", "Add a @context", "5.13.2, 6.29.3.1"),
	LATER(METHOD_GET, "/jsonldContexts", "listContexts", "List @contexts", "5.13.3, 6.29.3.2"),
	LATER(METHOD_GET, "/jsonldContexts/{contextId}", "serveContext", "Serve a @context", "5.13.4, 6.30.3.1"),
	LATER(METHOD_DELETE, "/jsonldContexts/{contextId}", "deleteContext", "Delete or reload a @context",
	      "5.13.5, 6.30.3.2"),
	LATER(METHOD_GET, "/info/sourceIdentity", "retrieveIdentity", "Identity of this context source",
	      "5.15.1, 6.33.3.1"),
	LATER(METHOD_POST, "/snapshots", "createSnapshot", "Create a snapshot", "5.16.1, 6.36.3.1"),
	LATER(METHOD_DELETE, "/snapshots", "purgeSnapshots", "Purge snapshots", "5.16.7, 6.36.3.2"),
	LATER(METHOD_GET, "/snapshots/{snapshotId}", "retrieveSnapshot", "A snapshot's status", "5.16.3, 6.37.3.1"),
	LATER(METHOD_PATCH, "/snapshots/{snapshotId}", "updateSnapshot", "Update a snapshot's status",
	      "5.16.4, 6.37.3.2"),
	LATER(METHOD_DELETE, "/snapshots/{snapshotId}", "deleteSnapshot", "Delete a snapshot", "5.16.5, 6.37.3.3"),
	LATER(METHOD_POST, "/snapshots/{snapshotId}/clone", "cloneSnapshot", "Clone a snapshot", "5.16.2, 6.38.3.1"),

	{METHOD_GET, "/health", "health", "Is the process alive?", "", 0, 0, BODY_NONE, ANSWER_PLAIN, "200", true,
	 false, show_health},
	{METHOD_GET, "/ready", "ready", "Does it take requests? 503 while starting or draining", "", 0, 0, BODY_NONE,
	 ANSWER_PLAIN, "200", true, false, show_ready},
	{METHOD_GET, "/metrics", "metrics", "Counters for Prometheus", "", 0, 0, BODY_NONE, ANSWER_PLAIN, "200", true,
	 false, show_metrics},
	{METHOD_GET, "/openapi.json", "openapi", "This description", "", 0, 0, BODY_NONE, ANSWER_PLAIN, "200", true,
	 false, show_openapi},
};

const size_t operation_count = sizeof(operations) / sizeof(operations[0]);

static_assert(sizeof(operations) / sizeof(operations[0]) <= API_OPERATIONS_MAX, "metrics have a row for each");
static_assert(PARAMETER_COUNT <= 64, "parameters are bits");
