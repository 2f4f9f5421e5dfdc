/* The gate before every operation: who asks, whether he may, and that what he changes is in the audit log before it is
 * changed. What each operation needs is a column of the table of operations; what it says nothing of is refused.
 *
 * A caller shows who he is by the console's cookie or by an API token, which comes as "Authorization: Bearer", as
 * "Token" (InfluxDB's clients), as the password of "Basic", or as X-Auth-Token (FIWARE's). A cookie is sent by browsers
 * whether their user means it or not: what changes something by it needs the session's X-CSRF-Token too, and an Origin
 * that is this server's (OWASP: synchronizer token pattern). */
#include "api/gate_int.h"

#include "net/http_basic.h"

#include <string.h>

#define CHANGES                                                                                                        \
	(ACCESS_CITY_WRITE | ACCESS_COMMAND | ACCESS_SUBSCRIPTIONS_WRITE | ACCESS_REGISTRATIONS_WRITE |                \
	 ACCESS_FEEDS_RUN | ACCESS_FEEDS_WRITE | ACCESS_NOTIFICATIONS_WRITE | ACCESS_ACCOUNTS_WRITE)
#define TARGET_BYTES_MAX 300u /* of a path in the audit log */

static const struct access_caller nobody = {.by = ACCESS_BY_NOTHING};
static const struct access_caller everybody = {
	.by = ACCESS_BY_OPEN, .name = "(open)", .permissions = ACCESS_ALL, .all_tenants = true};
static const struct access_caller itself = {
	.by = ACCESS_BY_NOTHING, .name = "(itself)", .permissions = ACCESS_ALL, .all_tenants = true};

bool caller_may(const struct call *call, uint32_t permission)
{
	return call->caller && (call->caller->permissions & permission) == permission;
}

bool gate_is_open(const struct api *api)
{
	return api->options.open || !api->options.access;
}

/* ---- who ---- */

struct str call_bearer(struct call *call)
{
	static const char *const schemes[] = {"Bearer ", "Token "};
	struct str authorization = http_request_header(call->request, STR("Authorization"));
	struct str user, password;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct str scheme = str_from(schemes[i]);

		if (authorization.len > scheme.len && str_eq_nocase(str_part(authorization, 0, scheme.len), scheme))
			return str_trim(str_part(authorization, scheme.len, authorization.len));
	}
	if (http_basic_read(authorization, call->arena, &user, &password))
		return password;
	return http_request_header(call->request, STR("X-Auth-Token"));
}

struct str gate_cookie_name(const struct api *api)
{
	/* The prefix makes browsers refuse a cookie that another host or a page without TLS has set (RFC 6265bis). */
	return str_starts(str_from(api->options.public_url), STR("https://")) ? STR("__Host-machi") : STR("machi");
}

/* The value of the cookie of this name (RFC 6265 section 4.2.1); STR_NONE: it was not sent. */
struct str gate_cookie_read(struct str header, struct str name)
{
	struct str pair;

	while (str_next(&header, ';', &pair)) {
		size_t at;

		pair = str_trim(pair);
		if (str_find(pair, '=', &at) && str_eq(str_part(pair, 0, at), name))
			return str_part(pair, at + 1, pair.len);
	}
	return STR_NONE;
}

static bool is_own_secret(const struct api *api, struct str bearer)
{
	return api->options.own_secret && str_eq_constant_time(str_from(api->options.own_secret), bearer);
}

/* call->caller, by what the request brings; ERR_DENIED: it brings nothing, or nothing that is known. */
static enum err_code find_caller(struct call *call)
{
	struct access *access = call->api->options.access;
	struct str bearer = call_bearer(call);
	struct str secret =
		gate_cookie_read(http_request_header(call->request, STR("Cookie")), gate_cookie_name(call->api));
	struct access_caller *caller;

	if (is_own_secret(call->api, bearer)) {
		call->caller = &itself;
		return ERR_OK;
	}
	if (!bearer.len && !secret.len)
		return err_set(&call->error, ERR_DENIED, "sign in, or send an API token (Authorization: Bearer TOKEN)");
	caller = arena_new(call->arena, struct access_caller);
	if (!caller)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	enum err_code code = bearer.len ? access_caller_by_token(access, bearer, caller, &call->error)
					: access_caller_by_session(access, secret, caller, &call->error);

	if (code == ERR_OK)
		call->caller = caller;
	return code;
}

static bool answer_unknown(struct call *call, enum err_code code)
{
	if (code == ERR_DENIED) {
		(void)http_response_header(call->request, "WWW-Authenticate", STR("Bearer realm=\"machi\""));
		answer_problem(call, PROBLEM_UNKNOWN_CALLER, "%s", call->error.detail);
	} else {
		answer_error(call, code, &call->error);
	}
	return false;
}

/* ---- whether ---- */

static bool is_safe(struct call *call)
{
	return call->operation->method == METHOD_GET;
}

static bool is_own_page(struct call *call)
{
	struct str token = http_request_header(call->request, STR("X-CSRF-Token"));

	return origin_trusted(call->api, call->request) &&
	       str_eq_constant_time(str_from(call->caller->csrf_token), token);
}

static bool has_permission(const struct call *call)
{
	uint32_t needs = call->operation->needs, has = call->caller->permissions;
	uint32_t wanted = needs & ACCESS_ALL;

	if (needs & NEEDS_ALL_TENANTS && !call->caller->all_tenants)
		return false;
	if (needs & NEEDS_FEEDS_TOKEN)
		return (has & ACCESS_CITY_WRITE) != 0;
	if (needs & (NEEDS_SIGNED_IN | NEEDS_KNOWN | NEEDS_PUBLIC))
		return true;
	if (wanted == NEEDS_COMMANDS)
		return (has & wanted) != 0;
	return wanted && (has & wanted) == wanted;
}

static bool refuse_permission(struct call *call)
{
	uint32_t needs = call->operation->needs;

	if (needs & NEEDS_ALL_TENANTS && !call->caller->all_tenants)
		answer_problem(call, PROBLEM_FORBIDDEN,
			       "%s is for those who are not kept to some of the tenants, as %s is", call->operation->id,
			       call->caller->name);
	else
		answer_problem(call, PROBLEM_FORBIDDEN, "%s needs %.*s, which %s has not", call->operation->id,
			       STR_FMT(access_permission_name((enum access_permission)(needs & -needs))),
			       call->caller->name);
	return false;
}

static bool enter_known(struct call *call)
{
	if (call->caller->by == ACCESS_BY_SESSION && !is_safe(call) && !is_own_page(call)) {
		answer_problem(
			call, PROBLEM_FORBIDDEN,
			"what changes something by a session needs its X-CSRF-Token and an Origin of this server");
		return false;
	}
	if (call->caller->must_change_password && !(call->operation->needs & NEEDS_SIGNED_IN)) {
		answer_problem(call, PROBLEM_FORBIDDEN, "the one-time password has to be changed first");
		return false;
	}
	return has_permission(call) || refuse_permission(call);
}

/* ---- --open ---- */

/* "localhost", "127.0.0.1:8080", "[::1]": a page of another site that has its name point here comes by that name (DNS
 * rebinding), and what has no password is protected by nothing else. */
static bool is_loopback_name(struct str host)
{
	size_t colon = host.len;

	if (host.len && host.at[0] == '[')
		return str_starts(host, STR("[::1]"));
	(void)str_find(host, ':', &colon);
	host = str_part(host, 0, colon);
	return str_eq_nocase(host, STR("localhost")) || str_starts(host, STR("127."));
}

static bool is_public_url(const struct api *api, struct str host)
{
	struct str url = str_from(api->options.public_url ? api->options.public_url : "");

	return host.len > 0 && url.len > host.len + 3 && str_ends(url, host) &&
	       str_ends(str_part(url, 0, url.len - host.len), STR("://"));
}

static bool enter_open(struct call *call)
{
	struct str host = http_request_header(call->request, STR("Host"));

	call->caller = &everybody;
	if (!call->api->options.open)
		return true;
	if (host.at && !is_loopback_name(host) && !is_public_url(call->api, host)) {
		answer_problem(call, PROBLEM_FORBIDDEN,
			       "with --open this server answers to names of its own machine alone, not to \"%.*s\"",
			       STR_FMT(str_part(host, 0, 100)));
		return false;
	}
	if (!is_safe(call) && !origin_trusted(call->api, call->request)) {
		answer_problem(call, PROBLEM_FORBIDDEN, "a page of another site may change nothing here");
		return false;
	}
	return true;
}

/* ---- in ---- */

/* A feed that has a token of its own looks at it itself (feed/feed.h); an API token or a session opens any. */
static bool enter_feed(struct call *call)
{
	struct str bearer = call_bearer(call);
	bool own = bearer.len && !str_starts(bearer, STR(ACCESS_TOKEN_PREFIX));
	bool session = !bearer.len && http_request_header(call->request, STR("Cookie")).at;

	call->caller = &nobody;
	if (own || (!bearer.len && !session))
		return true;
	enum err_code code = find_caller(call);

	if (code)
		return answer_unknown(call, code);
	if (caller_may(call, ACCESS_CITY_WRITE))
		return enter_known(call);
	answer_problem(call, PROBLEM_FORBIDDEN, "%s needs city:write, which %s has not", call->operation->id,
		       call->caller->name);
	return false;
}

bool gate_enter(struct call *call)
{
	uint32_t needs = call->operation->needs;
	enum err_code code;

	if (gate_is_open(call->api))
		return enter_open(call);
	if (needs & NEEDS_FEEDS_TOKEN)
		return enter_feed(call);
	code = find_caller(call);
	if (needs & NEEDS_PUBLIC) {
		call->caller = code ? &nobody : call->caller;
		return true;
	}
	return code ? answer_unknown(call, code) : enter_known(call);
}

enum err_code gate_tenant(struct call *call, struct str name)
{
	if (!call->caller || call->caller->by == ACCESS_BY_NOTHING || access_caller_has_tenant(call->caller, name))
		return ERR_OK;
	return err_set(&call->error, ERR_DENIED, "%s is kept to other tenants than %s%.*s%s", call->caller->name,
		       name.len ? "\"" : "", STR_FMT(name.len ? str_part(name, 0, 64) : STR("the default one")),
		       name.len ? "\"" : "");
}

/* ---- an officer's commands ---- */

static bool services_have(struct call *call, const struct json *entity)
{
	const struct json *types = json_get(entity, STR("type"));

	for (uint32_t i = 0; json_is(types, JSON_ARRAY) && i < types->count; i++)
		if (!access_service_has_type(call->caller->services, json_text(&types->items[i])))
			return false;
	return json_is(types, JSON_ARRAY) && types->count > 0;
}

/* Who may command but not write changes what belongs to his services alone. */
static bool enter_entity(struct call *call)
{
	struct json *entity = NULL;
	enum err_code code;

	if (call->operation->needs != NEEDS_COMMANDS || caller_may(call, ACCESS_CITY_WRITE))
		return true;
	code = broker_retrieve(call->loop->reader, call->tenant, call->variables[0], call->arena, &entity,
			       &call->error);
	if (code) {
		answer_error(call, code, &call->error);
		return false;
	}
	if (services_have(call, entity))
		return true;
	answer_problem(call, PROBLEM_FORBIDDEN, "%.*s is of no type that belongs to the services of %s",
		       STR_FMT(str_part(call->variables[0], 0, 150)), call->caller->name);
	return false;
}

/* ---- the audit log ---- */

static struct access_event event_of(struct call *call, int status)
{
	const char *by = "open";

	if (call->caller->by == ACCESS_BY_SESSION)
		by = "session";
	else if (call->caller->by == ACCESS_BY_TOKEN)
		by = arena_printf(call->arena, "token:%lld", (long long)call->caller->token).at;
	return (struct access_event){
		.account = str_from(call->caller->name),
		.by = str_from(by),
		.peer = gate_peer(call),
		.tenant = call->tenant_name,
		.action = str_from(call->operation->id),
		.target = str_part(http_request_path(call->request), 0, TARGET_BYTES_MAX),
		.status = status,
		.count = 1,
		.request_id = http_request_id(call->request),
	};
}

static bool is_audited(const struct call *call)
{
	const struct operation *operation = call->operation;

	return call->api->options.access && operation && call->caller && call->caller->by != ACCESS_BY_NOTHING &&
	       (operation->needs & CHANGES || (operation->needs & NEEDS_KNOWN && operation->method != METHOD_GET));
}

static void on_audited(void *self, enum err_code code)
{
	struct call *call = self;
	struct error err;

	if (code)
		(void)err_set(&err, code, "the audit log cannot be written, so nothing is changed");
	call_ended(call, code, code ? &err : NULL);
}

static void run_audited(struct call *call)
{
	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else
		call->operation->run(call);
}

void gate_run(struct call *call)
{
	if (!enter_entity(call))
		return;
	/* What people do is on the disk before it is done. Programs do the same thing many times a second, and are
	 * counted when it is done. */
	if (!is_audited(call) || call->caller->by != ACCESS_BY_SESSION) {
		call->operation->run(call);
		return;
	}
	const struct access_event event = event_of(call, 0);
	enum err_code code =
		access_audit(call->api->options.access, &event, on_audited, call, &call->audit_id, &call->error);

	if (code)
		answer_error(call, code, &call->error);
	else
		call_wait(call, run_audited);
}

void gate_ended(struct call *call, int status)
{
	struct access *access = call->api->options.access;

	if (call->audit_id) {
		access_audit_ended(access, call->audit_id, status);
	} else if (is_audited(call)) {
		const struct access_event event = event_of(call, status);

		access_audit_count(access, &event);
	}
}
