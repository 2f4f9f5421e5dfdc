/* /openapi.json: made from the table of operations, so that it says what is served and nothing else; the schemas of
 * entities and results are a file of their own (data/openapi/components.json). Source: OpenAPI 3.0.3. */
#include "api/api_int.h"

#include <stdlib.h>

#define OPENAPI_BYTES_MAX (UINT64_C(4) << 20)

extern const unsigned char openapi_components[];
extern const size_t openapi_components_bytes;

static void set_text(struct arena *arena, struct json *object, struct str key, const char *text)
{
	(void)json_add(arena, object, key, json_string(str_from(text)));
}

/* {"$ref": "#/components/<kind>/<name>"} */
static struct json reference(struct arena *arena, const char *kind, const char *name)
{
	struct json object = json_object();

	(void)json_add(arena, &object, STR("$ref"), json_string(arena_printf(arena, "#/components/%s/%s", kind, name)));
	return object;
}

static struct json parameter_node(struct arena *arena, struct str name, const char *place, bool required,
				  const char *type, const char *text)
{
	struct json parameter = json_object(), schema = json_object();

	(void)json_add(arena, &parameter, STR("name"), json_string(name));
	set_text(arena, &parameter, STR("in"), place);
	(void)json_add(arena, &parameter, STR("required"), json_bool(required));
	set_text(arena, &parameter, STR("description"), text);
	set_text(arena, &schema, STR("type"), type);
	(void)json_add(arena, &parameter, STR("schema"), schema);
	return parameter;
}

/* The names between braces of "/entities/{entityId}". */
static void path_parameters(struct arena *arena, struct json *list, struct str path)
{
	size_t open, close;

	while (str_find(path, '{', &open) && str_find(path, '}', &close)) {
		(void)json_push(arena, list,
				parameter_node(arena, str_part(path, open + 1, close), "path", true, "string",
					       "Percent-encoded."));
		path = str_part(path, close + 1, path.len);
	}
}

static struct json options_node(struct arena *arena, unsigned int options)
{
	static const char *const keywords[] = {"normalized",     "concise",         "simplified", "sysAttrs",
					       "count",          "noOverwrite",     "update",     "replace",
					       "temporalValues", "aggregatedValues"};
	struct str text = STR("Comma-separated keywords:");

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (options & (1u << i))
			text = arena_printf(arena, "%.*s %s", STR_FMT(text), keywords[i]);
	return parameter_node(arena, STR("options"), "query", false, "string", text.at ? text.at : "");
}

static struct json parameters_node(struct arena *arena, const struct operation *operation)
{
	struct json list = json_array();

	path_parameters(arena, &list, str_from(operation->path));
	for (enum parameter i = 0; i < PARAMETER_COUNT; i++) {
		const struct parameter_rule *rule = &parameter_rules[i];

		if (!(operation->parameters & PARAMETER_BIT(i)) || !rule->offered)
			continue;
		(void)json_push(arena, &list,
				i == P_OPTIONS
					? options_node(arena, operation->options)
					: parameter_node(arena, rule->name, "query", false, rule->schema, rule->text));
	}
	if (operation->plain)
		return list;
	(void)json_push(arena, &list, reference(arena, "parameters", "Tenant"));
	if (operation->on_snapshots)
		(void)json_push(arena, &list, reference(arena, "parameters", "Snapshot"));
	if (operation->parameters & (PARAMETER_BIT(P_ENTITY_MAP) | PARAMETER_BIT(P_ENTITY_MAP_ID)))
		(void)json_push(arena, &list, reference(arena, "parameters", "EntityMap"));
	if (operation->body != BODY_IDS)
		(void)json_push(arena, &list, reference(arena, "parameters", "ContextLink"));
	return list;
}

static struct json media_node(struct arena *arena, const char *const *types, size_t count, struct json schema)
{
	struct json content = json_object(), media = json_object();

	(void)json_add(arena, &media, STR("schema"), schema);
	for (size_t i = 0; i < count; i++)
		(void)json_add(arena, &content, str_from(types[i]), media);
	return content;
}

static struct json array_schema(struct arena *arena, struct json items)
{
	struct json schema = json_object();

	set_text(arena, &schema, STR("type"), "array");
	(void)json_add(arena, &schema, STR("items"), items);
	return schema;
}

static struct json body_node(struct arena *arena, const struct operation *operation)
{
	static const char *const types[] = {"application/json", "application/ld+json", "application/merge-patch+json"};
	static const char *const names[] = {[BODY_ENTITY] = "Entity",
					    [BODY_FRAGMENT] = "EntityFragment",
					    [BODY_ATTRIBUTE] = "Attribute",
					    [BODY_ENTITIES] = "Entity",
					    [BODY_IDS] = "EntityId",
					    [BODY_QUERY] = "Query",
					    [BODY_CONTEXT] = "LdContextDocument",
					    [BODY_SUBSCRIPTION] = "Subscription",
					    [BODY_SUBSCRIPTION_FRAGMENT] = "SubscriptionFragment",
					    [BODY_REGISTRATION] = "CSourceRegistration",
					    [BODY_REGISTRATION_FRAGMENT] = "CSourceRegistrationFragment",
					    [BODY_SNAPSHOT] = "Snapshot",
					    [BODY_SNAPSHOT_FRAGMENT] = "SnapshotFragment",
					    [BODY_TEMPORAL] = "EntityTemporal",
					    [BODY_TEMPORAL_FRAGMENT] = "EntityTemporalFragment",
					    [BODY_TEMPORAL_INSTANCE] = "EntityTemporalFragment"};
	struct json node = json_object();
	struct json schema = reference(arena, "schemas", names[operation->body]);

	if (operation->body == BODY_ENTITIES || operation->body == BODY_IDS)
		schema = array_schema(arena, schema);
	(void)json_add(arena, &node, STR("required"), json_bool(true));
	(void)json_add(arena, &node, STR("content"),
		       media_node(arena, types, operation->method == METHOD_PATCH ? 3 : 2, schema));
	return node;
}

static const char *discovery_schema(const struct operation *operation)
{
	static const char *const names[] = {[ANSWER_TYPES] = "EntityTypes",
					    [ANSWER_TYPE] = "EntityTypeInfo",
					    [ANSWER_ATTRIBUTES] = "Attributes",
					    [ANSWER_ATTRIBUTE] = "AttributeInfo",
					    [ANSWER_IDENTITY] = "ContextSourceIdentity",
					    [ANSWER_ENTITY_MAP] = "EntityMap",
					    [ANSWER_CONTEXTS] = "StoredContexts",
					    [ANSWER_CONTEXT] = "StoredContext"};

	return names[operation->answer];
}

/* Of answers that are one of a kind, or a list of them; NULL: it is another. */
static const char *named_schema(enum answer_kind answer, bool *ret_one)
{
	*ret_one = answer == ANSWER_SUBSCRIPTION || answer == ANSWER_REGISTRATION || answer == ANSWER_TEMPORAL ||
		   answer == ANSWER_SNAPSHOT;
	switch (answer) {
	case ANSWER_SUBSCRIPTION:
	case ANSWER_SUBSCRIPTIONS:
		return "Subscription";
	case ANSWER_REGISTRATION:
	case ANSWER_REGISTRATIONS:
		return "CSourceRegistration";
	case ANSWER_SNAPSHOT:
		return "Snapshot";
	case ANSWER_TEMPORAL:
	case ANSWER_TEMPORALS:
		return "EntityTemporal";
	default:
		return NULL;
	}
}

static struct json success_node(struct arena *arena, const struct operation *operation, struct str status)
{
	static const char *const json_types[] = {"application/json", "application/ld+json", "application/geo+json"};
	static const char *const plain_types[] = {"application/json"};
	static const char *const text_types[] = {"text/plain"};
	bool metrics = str_eq(str_from(operation->id), STR("metrics"));
	struct json node = json_object(), any = json_object();
	bool one;
	struct json entity = reference(arena, "schemas", "Entity");

	set_text(arena, &node, STR("description"), "Done.");
	if (str_eq(status, STR("207"))) {
		bool batch = operation->body == BODY_ENTITIES || operation->body == BODY_IDS ||
			     operation->run == purge_snapshots;

		(void)json_add(
			arena, &node, STR("content"),
			media_node(arena, plain_types, 1,
				   reference(arena, "schemas", batch ? "BatchOperationResult" : "UpdateResult")));
	} else if (operation->answer == ANSWER_ENTITY || operation->answer == ANSWER_ENTITIES) {
		(void)json_add(arena, &node, STR("content"),
			       media_node(arena, json_types, 3,
					  operation->answer == ANSWER_ENTITIES ? array_schema(arena, entity) : entity));
	} else if (operation->answer == ANSWER_IDS && str_eq(status, STR("201"))) {
		(void)json_add(arena, &node, STR("content"),
			       media_node(arena, plain_types, 1,
					  array_schema(arena, reference(arena, "schemas", "EntityId"))));
	} else if (operation->answer >= ANSWER_TYPES && operation->answer <= ANSWER_CONTEXT) {
		struct json schema = reference(arena, "schemas", discovery_schema(operation));

		(void)json_add(arena, &node, STR("content"), media_node(arena, json_types, 2, schema));
	} else if (named_schema(operation->answer, &one)) {
		struct json schema = reference(arena, "schemas", named_schema(operation->answer, &one));

		if (!one)
			schema = array_schema(arena, schema);
		(void)json_add(arena, &node, STR("content"), media_node(arena, json_types, 2, schema));
	} else if (operation->answer == ANSWER_PROTOBUF || operation->answer == ANSWER_ZIP) {
		static const char *const file_types[] = {"application/x-protobuf", "application/zip"};

		set_text(arena, &any, STR("type"), "string");
		set_text(arena, &any, STR("format"), "binary");
		(void)json_add(arena, &node, STR("content"),
			       media_node(arena, &file_types[operation->answer == ANSWER_ZIP], 1, any));
	} else if (operation->answer == ANSWER_PLAIN && !str_eq(status, STR("101"))) {
		(void)json_add(arena, &node, STR("content"),
			       media_node(arena, metrics ? text_types : plain_types, 1, any));
	}
	return node;
}

static struct json responses_node(struct arena *arena, const struct operation *operation)
{
	struct json responses = json_object();
	struct str status, rest = str_from(operation->statuses);

	while (str_next(&rest, ' ', &status))
		(void)json_add(arena, &responses, status, success_node(arena, operation, status));
	(void)json_add(arena, &responses, STR("default"), reference(arena, "responses", "Problem"));
	return responses;
}

static struct json operation_node(struct arena *arena, const struct operation *operation)
{
	struct json node = json_object(), tags = json_array();
	struct str tag = str_part(str_from(operation->path), 1, SIZE_MAX);
	size_t slash;

	if (str_find(tag, '/', &slash))
		tag = str_part(tag, 0, slash);
	(void)json_push(arena, &tags, json_string(operation->plain ? STR("server") : tag));
	set_text(arena, &node, STR("operationId"), operation->id);
	set_text(arena, &node, STR("summary"), operation->summary);
	(void)json_add(arena, &node, STR("tags"), tags);
	if (operation->clauses[0])
		(void)json_add(arena, &node, STR("description"),
			       json_string(arena_printf(arena, "GS CIM 009 V1.9.1 clauses %s.", operation->clauses)));
	(void)json_add(arena, &node, STR("parameters"), parameters_node(arena, operation));
	if (operation->body != BODY_NONE)
		(void)json_add(arena, &node, STR("requestBody"), body_node(arena, operation));
	(void)json_add(arena, &node, STR("responses"), responses_node(arena, operation));
	return node;
}

static struct json paths_node(struct api *api, struct arena *arena)
{
	static const struct str verbs[METHOD_COUNT] = {
		{"get", 3}, {"post", 4}, {"put", 3}, {"patch", 5}, {"delete", 6}};
	struct json paths = json_object();

	for (size_t i = 0; i < api->route_count; i++) {
		const struct route *route = &api->routes[i];
		struct json item = json_object();

		for (enum method method = 0; method < METHOD_COUNT; method++)
			if (route->methods[method])
				(void)json_add(arena, &item, verbs[method],
					       operation_node(arena, route->methods[method]));
		if (item.count > 0)
			(void)json_add(arena, &paths, route->path, item);
	}
	return paths;
}

static struct json info_node(const struct api *api, struct arena *arena)
{
	struct json info = json_object(), licence = json_object();

	set_text(arena, &info, STR("title"), "Machi: NGSI-LD");
	set_text(arena, &info, STR("version"), api->options.version);
	set_text(arena, &info, STR("description"),
		 "What this server answers of ETSI GS CIM 009 V1.9.1 (NGSI-LD). Known operations of the standard that "
		 "are not "
		 "listed here are answered with the problem OperationNotSupported.");
	set_text(arena, &licence, STR("name"), "Apache-2.0");
	(void)json_add(arena, &info, STR("license"), licence);
	return info;
}

static enum err_code openapi_make(struct api *api, struct arena *arena, struct json_parser *parser, struct error *err)
{
	struct json *components = NULL;
	struct json root = json_object();
	struct buf out;
	enum err_code code =
		json_parse(parser, arena, (struct str){(const char *)openapi_components, openapi_components_bytes},
			   NULL, &components, err);

	if (code != ERR_OK)
		return err_while(err, "reading the built-in components of the API's description");
	set_text(arena, &root, STR("openapi"), "3.0.3");
	(void)json_add(arena, &root, STR("info"), info_node(api, arena));
	(void)json_add(arena, &root, STR("paths"), paths_node(api, arena));
	(void)json_add(arena, &root, STR("components"), *components);
	buf_init(&out, OPENAPI_BYTES_MAX);
	json_write(&out, &root);
	code = buf_check(&out, "the API's description", err);
	if (code == ERR_OK)
		api->openapi = arena_dup(&api->arena, buf_str(&out));
	buf_done(&out);
	if (code == ERR_OK && !api->openapi.at)
		return err_set(err, ERR_MEMORY, "no memory for the API's description");
	etag_make(api->openapi, api->openapi_etag);
	return code;
}

enum err_code openapi_init(struct api *api, struct error *err)
{
	struct json_parser *parser = json_parser_new();
	struct arena arena;

	if (!parser)
		return err_set(err, ERR_MEMORY, "no memory for a parser");
	arena_init(&arena, OPENAPI_BYTES_MAX * 4);
	enum err_code code = openapi_make(api, &arena, parser, err);

	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}

void show_openapi(struct call *call)
{
	answer_static(call, STR("application/json"), call->api->openapi, call->api->openapi_etag);
}
