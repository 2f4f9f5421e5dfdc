/* The steps before an operation: tenant, representation, parameters, body.
 * Source: GS CIM 009 V1.9.1 clauses 6.3.4, 6.3.7, 6.3.10, 6.3.13, 6.3.14, 6.3.20, 6.3.22; 5.5.4, 5.5.15. */
#include "api/api_int.h"

#include "broker/snapshots.h"
#include "ngsild/expand.h"

#include <assert.h>

#define BODY_SMALL_BYTES 65536u /* no memory for one of these: the system is short of it, not the body too large */

/* ---- headers ---- */

static bool tenant_take(struct call *call)
{
	struct str tenant = http_request_header(call->request, STR("NGSILD-Tenant"));

	return tenant.at ? call_tenant(call, tenant) : call_default_tenant(call);
}

bool call_default_tenant(struct call *call)
{
	enum err_code code = gate_tenant(call, STR_NONE);

	if (code)
		answer_error(call, code, &call->error);
	return !code;
}

/* A place that is no tenant has a name that is none (broker.h): nobody gets there by writing it. */
bool call_tenant(struct call *call, struct str name)
{
	if (!broker_tenant_is_name(name)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "a tenant's name has 1 to %d letters, digits, \"_\" or \"-\"",
			       BROKER_TENANT_NAME_BYTES_MAX);
		return false;
	}
	enum err_code code = gate_tenant(call, name);

	if (code) {
		answer_error(call, code, &call->error);
		return false;
	}
	call->tenant = call->tenant_name = name;
	return true;
}

enum err_code call_header_tenant(struct call *call)
{
	struct str name = http_request_header(call->request, STR("NGSILD-Tenant"));

	if (name.len && !broker_tenant_is_name(name))
		return err_set(&call->error, ERR_INVALID, "a tenant's name has letters, digits, \"_\" or \"-\"");
	enum err_code code = gate_tenant(call, name);

	if (!code)
		call->tenant = call->tenant_name = name.len ? name : STR_NONE;
	return code;
}

bool call_snapshot_refuse(struct call *call)
{
	if (!http_request_header(call->request, STR("NGSILD-Snapshot")).at)
		return true;
	answer_problem(call, PROBLEM_OPERATION_NOT_SUPPORTED, "%s is no operation on a snapshot (5.5.15)",
		       call->operation->id);
	return false;
}

/* The snapshot takes the tenant's place for all that follows. Never is it done to the living city instead (6.3.22). */
static bool snapshot_take(struct call *call)
{
	struct str id = http_request_header(call->request, STR("NGSILD-Snapshot"));

	if (!id.at || !call->operation->on_snapshots)
		return call_snapshot_refuse(call);
	if (!expand_is_uri(id)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "a snapshot's id is a URI, not \"%.*s\"",
			       STR_FMT(str_part(id, 0, 150)));
		return false;
	}
	enum err_code code =
		broker_snapshot_hold(call->api->options.broker, call->tenant, id, &call->place, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	call->tenant = broker_place_name(call->place);
	return true;
}

static bool media_take(struct call *call)
{
	bool geo = call->operation->answer == ANSWER_ENTITY || call->operation->answer == ANSWER_ENTITIES;
	unsigned int offered = 1u << MEDIA_JSON | 1u << MEDIA_LD_JSON | (geo ? 1u << MEDIA_GEO_JSON : 0);
	struct str accept = http_request_header(call->request, STR("Accept"));

	/* What answers without a representation has nothing that could be unacceptable; whoever takes GeoJSON alone is
	 * refused nevertheless (6.3.4). */
	if (call->operation->answer == ANSWER_NONE || call->operation->answer == ANSWER_IDS) {
		unsigned int any = 1u << MEDIA_JSON | 1u << MEDIA_LD_JSON | 1u << MEDIA_GEO_JSON;

		if (accept_choose(accept, any) != MEDIA_GEO_JSON || accept_choose(accept, offered) != MEDIA_COUNT)
			return true;
	}
	call->media = accept_choose(accept, offered);
	if (call->media != MEDIA_COUNT)
		return true;
	call->media = MEDIA_JSON;
	answer_problem(call, PROBLEM_NOT_ACCEPTABLE,
		       "this resource is available as application/json, "
		       "application/ld+json%s",
		       geo ? ", application/geo+json" : "");
	return false;
}

/* Clause 6.3.4: no Content-Length is 411, another Content-Type is 415, both without a body. */
static bool content_take(struct call *call)
{
	if (call->operation->body == BODY_NONE)
		return true;
	if (!http_request_header(call->request, STR("Content-Length")).at) {
		answer_empty(call, 411);
		return false;
	}
	switch (content_type(http_request_header(call->request, STR("Content-Type")))) {
	case CONTENT_JSON:
		return true;
	case CONTENT_LD_JSON:
		call->ld_body = true;
		return true;
	case CONTENT_MERGE_PATCH:
		if (call->operation->method == METHOD_PATCH)
			return true;
		break;
	case CONTENT_OTHER:
		break;
	}
	if (call->operation->method == METHOD_PATCH)
		(void)http_response_header(call->request, "Accept-Patch", STR(ACCEPT_PATCH)); /* RFC 5789 section 2.2 */
	answer_empty(call, 415);
	return false;
}

/* ---- parameters ---- */

static bool parameter_find(struct str name, enum parameter *ret)
{
	for (enum parameter i = 0; i < PARAMETER_COUNT; i++) {
		if (str_eq(name, parameter_rules[i].name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool parameter_take(struct call *call, const struct http_parameter *given)
{
	enum parameter parameter;

	if (!parameter_find(given->key, &parameter) || !(call->operation->parameters & PARAMETER_BIT(parameter))) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "%s has no parameter \"%.*s\"", call->operation->id,
			       STR_FMT(given->key));
		return false;
	}
	const struct parameter_rule *rule = &parameter_rules[parameter];

	if (call->parameters[parameter].at) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "the parameter \"%.*s\" comes twice",
			       STR_FMT(rule->name));
		return false;
	}
	if (!rule->offered && !(rule->neutral && str_eq(given->value, str_from(rule->neutral)))) {
		answer_problem(call, PROBLEM_OPERATION_NOT_SUPPORTED,
			       "this broker does not offer the parameter \"%.*s\" yet", STR_FMT(rule->name));
		return false;
	}
	call->parameters[parameter] = given->value;
	return true;
}

struct option_name {
	struct str name;
	enum option option;
};

static const struct option_name option_names[] = {
	{{"normalized", 10}, OPTION_NORMALIZED},
	{{"concise", 7}, OPTION_CONCISE},
	{{"simplified", 10}, OPTION_SIMPLIFIED},
	{{"keyValues", 9}, OPTION_SIMPLIFIED},
	{{"sysAttrs", 8}, OPTION_SYS_ATTRS},
	{{"count", 5}, OPTION_COUNT},
	{{"noOverwrite", 11}, OPTION_NO_OVERWRITE},
	{{"update", 6}, OPTION_UPDATE},
	{{"replace", 7}, OPTION_REPLACE},
	{{"temporalValues", 14}, OPTION_TEMPORAL_VALUES},
	{{"aggregatedValues", 16}, OPTION_AGGREGATED_VALUES},
};

static unsigned int option_named(struct str name)
{
	for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++)
		if (str_eq(name, option_names[i].name))
			return option_names[i].option;
	return 0;
}

static bool options_take(struct call *call)
{
	struct str keyword, rest = call->parameters[P_OPTIONS];

	while (rest.at && str_next(&rest, ',', &keyword)) {
		unsigned int option = option_named(str_trim(keyword));

		if (!(option & call->operation->options)) {
			answer_problem(call, PROBLEM_INVALID_REQUEST, "%s has no option \"%.*s\"", call->operation->id,
				       STR_FMT(keyword));
			return false;
		}
		call->options |= option;
	}
	return true;
}

static void format_set(struct call *call, unsigned int wanted)
{
	if (wanted & OPTION_CONCISE)
		call->format = REPRESENT_CONCISE;
	else if (wanted & OPTION_SIMPLIFIED)
		call->format = REPRESENT_SIMPLIFIED;
	else
		call->format = REPRESENT_NORMALIZED;
	if (wanted & OPTION_TEMPORAL_VALUES)
		call->form = TEMPORAL_VALUES;
	else if (wanted & OPTION_AGGREGATED_VALUES)
		call->form = TEMPORAL_AGGREGATED;
}

static bool answers_evolutions(const struct call *call)
{
	return call->operation->answer == ANSWER_TEMPORAL || call->operation->answer == ANSWER_TEMPORALS;
}

/* "format" wins over "options" (6.3.7, 6.3.12); of the formats among the options only one makes sense. */
static bool format_take(struct call *call)
{
	struct str format = call->parameters[P_FORMAT];
	unsigned int formats = answers_evolutions(call) ? OPTIONS_TEMPORAL : OPTIONS_FORMAT;
	unsigned int wanted = format.at ? option_named(format) : call->options & formats;

	if (format.at && !(wanted & formats)) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "there is no format \"%.*s\"", STR_FMT(format));
		return false;
	}
	if (wanted & (wanted - 1)) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "the options name more than one format");
		return false;
	}
	format_set(call, wanted);
	return true;
}

static bool parameters_take(struct call *call)
{
	size_t count;
	const struct http_parameter *given = http_request_parameters(call->request, &count);

	for (size_t i = 0; i < count; i++)
		if (!parameter_take(call, &given[i]))
			return false;
	if (!options_take(call) || !format_take(call))
		return false;
	/* Where nothing is shown it says nothing (6.4.3.3). */
	if (call->parameters[P_GEOMETRY_PROPERTY].at && call->media != MEDIA_GEO_JSON &&
	    call->operation->answer != ANSWER_NONE) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "geometryProperty needs Accept: application/geo+json");
		return false;
	}
	bool local;

	if (call->parameters[P_LOCAL].at && !call_flag(call, P_LOCAL, &local))
		return false;
	/* Whatever was said (6.3.18). */
	if (call->place && call->operation->parameters & PARAMETER_BIT(P_LOCAL))
		call->parameters[P_LOCAL] = STR("true");
	return true;
}

bool call_flag(struct call *call, enum parameter parameter, bool *ret_value)
{
	struct str text = call->parameters[parameter];

	if (text.at && !str_eq(text, STR("true")) && !str_eq(text, STR("false"))) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "%.*s is true or false, not \"%.*s\"",
			       STR_FMT(parameter_rules[parameter].name), STR_FMT(text));
		return false;
	}
	*ret_value = str_eq(text, STR("true"));
	return true;
}

bool call_number(struct call *call, enum parameter parameter, uint64_t *ret_value)
{
	struct str text = call->parameters[parameter];

	if (!text.at)
		return true;
	if (!str_to_uint64(text, ret_value)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "%.*s is a whole number of 0 or more, not \"%.*s\"",
			       STR_FMT(parameter_rules[parameter].name), STR_FMT(text));
		return false;
	}
	return true;
}

bool call_entity_id(struct call *call, struct str *ret_id)
{
	struct str id = call->variables[0];

	if (!expand_is_uri(id)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "an entity's id is a URI, not \"%.*s\"", STR_FMT(id));
		return false;
	}
	*ret_id = id;
	return true;
}

/* ---- body ---- */

static const enum json_kind body_kinds[] = {
	[BODY_ENTITY] = JSON_OBJECT,
	[BODY_FRAGMENT] = JSON_OBJECT,
	[BODY_ATTRIBUTE] = JSON_OBJECT,
	[BODY_ENTITIES] = JSON_ARRAY,
	[BODY_IDS] = JSON_ARRAY,
	[BODY_QUERY] = JSON_OBJECT,
	[BODY_CONTEXT] = JSON_OBJECT,
	[BODY_SUBSCRIPTION] = JSON_OBJECT,
	[BODY_SUBSCRIPTION_FRAGMENT] = JSON_OBJECT,
	[BODY_REGISTRATION] = JSON_OBJECT,
	[BODY_REGISTRATION_FRAGMENT] = JSON_OBJECT,
	[BODY_SNAPSHOT] = JSON_OBJECT,
	[BODY_SNAPSHOT_FRAGMENT] = JSON_OBJECT,
	[BODY_TEMPORAL] = JSON_OBJECT,
	[BODY_TEMPORAL_FRAGMENT] = JSON_OBJECT,
	[BODY_TEMPORAL_INSTANCE] = JSON_OBJECT,
};

static bool body_take(struct call *call)
{
	struct error err = {0};

	if (call->operation->body == BODY_NONE)
		return true;
	enum err_code code = json_parse(broker_reader_parser(call->loop->reader), call->arena,
					http_request_body(call->request), NULL, &call->body, &err);

	if (code == ERR_INVALID || code == ERR_LIMIT) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "%s", err.detail);
		return false;
	}
	/* Short texts of many small values take far more memory than their length. Sending it again would not help. */
	if (code == ERR_MEMORY && http_request_body(call->request).len > BODY_SMALL_BYTES) {
		problem_refuse(call->api, call->request, 413,
			       "the body holds more values than the memory of a request (http.request_memory_max)");
		return false;
	}
	if (code != ERR_OK) {
		answer_error(call, code, &err);
		return false;
	}
	/* An attribute may be sent as the array of its instances. */
	if (json_is(call->body, body_kinds[call->operation->body]) ||
	    ((call->operation->body == BODY_ATTRIBUTE || call->operation->body == BODY_TEMPORAL_INSTANCE) &&
	     json_is(call->body, JSON_ARRAY)))
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "the body is to be a JSON %s",
		       body_kinds[call->operation->body] == JSON_ARRAY ? "array" : "object");
	return false;
}

bool call_prepare(struct call *call)
{
	return tenant_take(call) && snapshot_take(call) && media_take(call) && content_take(call) &&
	       parameters_take(call) && body_take(call);
}
