/* Signing in and out, and the password: /api/v1/session, /api/v1/session/password. The session's key is in a cookie
 * that scripts cannot read and other sites' pages do not send; what changes something by it needs the CSRF token as
 * well, which GET /api/v1/session tells to the console's own page. */
#include "api/gate_int.h"

#include "base/time_value.h"

#define ANSWER_BYTES_MAX (64u << 10)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct signing {
	struct str name, password, wanted, peer;
	struct access_signed_in result;
	int64_t retry_s;
};

/* ---- who it is ---- */

static void put_caller(struct buf *out, const struct access_caller *caller)
{
	struct str tenants[COUNT(caller->tenants)];

	for (uint32_t i = 0; i < caller->tenant_count; i++)
		tenants[i] = str_from(caller->tenants[i]);
	buf_put(out, STR("{\"name\":"));
	json_write_string(out, str_from(caller->name));
	buf_put(out, STR(",\"role\":"));
	json_write_string(out, access_role_name(caller->role));
	buf_put(out, STR(",\"services\":"));
	put_services(out, caller->services);
	buf_put(out, STR(",\"tenants\":"));
	if (caller->all_tenants)
		buf_put(out, STR("null"));
	else
		put_texts(out, tenants, caller->tenant_count);
	buf_put_char(out, '}');
}

static void answer_session(struct call *call, const struct access_caller *caller)
{
	const struct api_options *options = &call->api->options;
	bool known = caller->by == ACCESS_BY_SESSION || caller->by == ACCESS_BY_TOKEN;
	struct buf out;

	buf_init(&out, ANSWER_BYTES_MAX);
	buf_put(&out, gate_is_open(call->api) ? STR("{\"mode\":\"open\",\"account\":")
					      : STR("{\"mode\":\"accounts\",\"account\":"));
	if (known)
		put_caller(&out, caller);
	else
		buf_put(&out, STR("null"));
	buf_put(&out, STR(",\"permissions\":"));
	put_permissions(&out, caller->permissions);
	buf_put(&out, STR(",\"csrfToken\":"));
	json_write_string(&out, str_from(caller->csrf_token));
	buf_printf(&out, ",\"mustChangePassword\":%s,\"expiresAt\":", caller->must_change_password ? "true" : "false");
	put_time_or_null(&out, caller->expires_us);
	buf_put(&out, STR(",\"city\":"));
	json_write_string(&out, str_from(options->console.city ? options->console.city : ""));
	buf_put(&out, STR(",\"version\":"));
	json_write_string(&out, str_from(options->version));
	buf_put_char(&out, '}');
	gate_answer_json(call, 200, &out);
}

void show_session(struct call *call)
{
	answer_session(call, call->caller);
}

/* ---- in ---- */

static void set_cookie(struct call *call, const char *secret, bool ends)
{
	struct str name = gate_cookie_name(call->api);
	bool secure = str_starts(name, STR("__Host-"));

	(void)http_response_header(call->request, "Set-Cookie",
				   arena_printf(call->arena, "%.*s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
						STR_FMT(name), secret, secure ? "; Secure" : "",
						ends ? "; Max-Age=0" : ""));
}

static enum err_code do_sign_in(struct call *call)
{
	struct signing *signing = call->work;

	return access_sign_in(call->api->options.access, signing->name, signing->password, signing->peer,
			      &signing->result, &signing->retry_s, &call->error);
}

static void answer_sign_in(struct call *call)
{
	const struct signing *signing = call->work;

	switch (call->write_code) {
	case ERR_OK:
		set_cookie(call, signing->result.secret, false);
		answer_session(call, &signing->result.caller);
		break;
	case ERR_DENIED:
		answer_problem(call, PROBLEM_UNKNOWN_CALLER, "%s", call->error.detail);
		break;
	case ERR_LIMIT:
		(void)http_response_header(call->request, "Retry-After",
					   arena_printf(call->arena, "%lld", (long long)signing->retry_s));
		answer_problem(call, PROBLEM_LOCKED_OUT, "%s", call->error.detail);
		break;
	default:
		answer_error(call, call->write_code, &call->error);
	}
}

/* NULL: answered. */
static struct signing *signing_new(struct call *call)
{
	struct signing *signing = arena_new(call->arena, struct signing);

	if (!signing) {
		(void)err_set(&call->error, ERR_MEMORY, "no memory for this request");
		answer_error(call, ERR_MEMORY, &call->error);
		return NULL;
	}
	signing->peer = gate_peer(call);
	call->work = signing;
	return signing;
}

static bool has_accounts(struct call *call)
{
	if (!gate_is_open(call->api))
		return true;
	answer_problem(call, PROBLEM_CONFLICT, "this server was started with --open: nobody signs in");
	return false;
}

void sign_in(struct call *call)
{
	static const struct member members[] = {{"name", JSON_STRING, true}, {"password", JSON_STRING, true}};
	const struct json *body;

	if (!has_accounts(call))
		return;
	if (!origin_trusted(call->api, call->request)) {
		answer_problem(call, PROBLEM_FORBIDDEN, "a page of another site may sign nobody in");
		return;
	}
	enum err_code code = gate_body(call, members, COUNT(members), &body);
	struct signing *signing = code ? NULL : signing_new(call);

	if (code) {
		answer_error(call, code, &call->error);
	} else if (signing) {
		signing->name = json_text(json_get(body, STR("name")));
		signing->password = json_text(json_get(body, STR("password")));
		call_work(call, do_sign_in, answer_sign_in);
	}
}

/* ---- out ---- */

static bool by_session(struct call *call)
{
	if (call->caller->by == ACCESS_BY_SESSION)
		return true;
	answer_problem(call, PROBLEM_CONFLICT, "this is for who has signed in, not for API tokens");
	return false;
}

static enum err_code do_sign_out(struct call *call)
{
	return access_sign_out(call->api->options.access, call->caller, &call->error);
}

static void answer_sign_out(struct call *call)
{
	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	set_cookie(call, "", true);
	answer_empty(call, 204);
}

void sign_out(struct call *call)
{
	if (has_accounts(call) && by_session(call))
		call_work(call, do_sign_out, answer_sign_out);
}

/* ---- the password ---- */

static enum err_code do_change_password(struct call *call)
{
	const struct signing *signing = call->work;

	return access_password(call->api->options.access, call->caller, signing->password, signing->wanted,
			       &call->error);
}

static void answer_change_password(struct call *call)
{
	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 204);
}

void change_password(struct call *call)
{
	static const struct member members[] = {{"current", JSON_STRING, true}, {"new", JSON_STRING, true}};
	const struct json *body;

	if (!has_accounts(call) || !by_session(call))
		return;
	enum err_code code = gate_body(call, members, COUNT(members), &body);
	struct signing *signing = code ? NULL : signing_new(call);

	if (code) {
		answer_error(call, code, &call->error);
	} else if (signing) {
		signing->password = json_text(json_get(body, STR("current")));
		signing->wanted = json_text(json_get(body, STR("new")));
		call_work(call, do_change_password, answer_change_password);
	}
}
