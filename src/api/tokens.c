/* API tokens: /api/v1/tokens, …/{id}. Whoever is signed in has his own; those of others are for who may write accounts.
 * A token is shown once, in the answer that makes it. */
#include "api/gate_int.h"

#include "base/time_value.h"

#define ANSWER_BYTES_MAX ((size_t)8 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct tokening {
	const struct json *body;
	struct access_token token;
	struct access_token *all;
	size_t count;
	int64_t id;
	char text[ACCESS_TOKEN_CHARS + 1];
};

static void put_token(struct buf *out, const struct access_token *token)
{
	buf_printf(out, "{\"id\":%lld,\"account\":", (long long)token->id);
	json_write_string(out, token->account);
	buf_put(out, STR(",\"title\":"));
	json_write_string(out, token->title);
	buf_put(out, STR(",\"scopes\":"));
	put_permissions(out, token->scopes);
	buf_put(out, STR(",\"tenants\":"));
	if (token->all_tenants)
		buf_put(out, STR("null"));
	else
		put_texts(out, token->tenants, token->tenant_count);
	buf_put(out, STR(",\"createdAt\":"));
	put_time_or_null(out, token->created_us);
	buf_put(out, STR(",\"expiresAt\":"));
	put_time_or_null(out, token->expires_us);
	buf_put(out, STR(",\"lastUsedAt\":"));
	put_time_or_null(out, token->last_used_us);
	buf_put_char(out, '}');
}

/* NULL: answered. Tokens are of accounts; with --open nobody has one, but they are shown and made for when it ends. */
static struct tokening *tokening_new(struct call *call)
{
	struct tokening *work;

	if (!call->api->options.access) {
		answer_problem(call, PROBLEM_CONFLICT, "this server keeps no accounts");
		return NULL;
	}
	work = arena_new(call->arena, struct tokening);
	if (!work) {
		(void)err_set(&call->error, ERR_MEMORY, "no memory for this request");
		answer_error(call, ERR_MEMORY, &call->error);
	}
	call->work = work;
	return work;
}

/* ---- list ---- */

static enum err_code do_list(struct call *call)
{
	struct tokening *work = call->work;
	struct str whose = caller_may(call, ACCESS_ACCOUNTS_READ) ? STR_NONE : str_from(call->caller->name);

	return access_tokens(call->api->options.access, whose, call->arena, &work->all, &work->count, &call->error);
}

static void answer_list(struct call *call)
{
	const struct tokening *work = call->work;
	struct buf out;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	buf_init(&out, ANSWER_BYTES_MAX);
	buf_put(&out, STR("{\"tokens\":["));
	for (size_t i = 0; i < work->count; i++) {
		if (i)
			buf_put_char(&out, ',');
		put_token(&out, &work->all[i]);
	}
	buf_put(&out, STR("]}"));
	gate_answer_json(call, 200, &out);
}

void list_tokens(struct call *call)
{
	if (tokening_new(call))
		call_work(call, do_list, answer_list);
}

/* ---- add ---- */

static enum err_code read_scopes(const struct json *list, uint32_t *ret, struct error *err)
{
	*ret = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		uint32_t scope = 0;
		struct str name = json_text(&list->items[i]);
		enum err_code code = access_permissions_read(name, &scope, err);

		if (code)
			return code;
		*ret |= scope;
	}
	return *ret ? ERR_OK : err_set(err, ERR_INVALID, "\"scopes\" names nothing that the token may do");
}

/* A token does no more than who makes it: neither its account's role nor its maker's scopes or tenants are passed. */
static enum err_code check_maker(struct call *call, const struct access_token *token)
{
	const struct access_caller *caller = call->caller;

	if (!str_eq(token->account, str_from(caller->name)) && !caller_may(call, ACCESS_ACCOUNTS_WRITE))
		return err_set(&call->error, ERR_DENIED, "tokens of other accounts need accounts:write");
	if (caller->by == ACCESS_BY_TOKEN && token->scopes & ~caller->permissions)
		return err_set(&call->error, ERR_DENIED, "a token makes none that may do more than itself");
	if (!caller->all_tenants && token->all_tenants)
		return err_set(&call->error, ERR_DENIED, "\"tenants\" is to name some of those that %s is kept to",
			       caller->name);
	for (uint32_t i = 0; i < token->tenant_count; i++)
		if (!access_caller_has_tenant(caller, token->tenants[i]))
			return err_set(&call->error, ERR_DENIED, "%s is kept to other tenants than \"%.*s\"",
				       caller->name, STR_FMT(str_part(token->tenants[i], 0, 64)));
	return ERR_OK;
}

static enum err_code read_token(struct call *call, const struct json *body, struct access_token *token)
{
	struct str account = json_text(json_get(body, STR("account")));
	struct str expires = json_text(json_get(body, STR("expiresAt")));
	enum err_code code;

	token->account = account.len ? account : str_from(call->caller->name);
	token->title = json_text(json_get(body, STR("title")));
	if (expires.len && !time_parse_iso(expires, true, &token->expires_us))
		return err_set(&call->error, ERR_INVALID, "\"expiresAt\" is a DateTime such as 2027-01-31T12:00:00Z");
	code = read_scopes(json_get(body, STR("scopes")), &token->scopes, &call->error);
	if (!code)
		code = gate_read_tenants(call, json_get(body, STR("tenants")), &token->all_tenants, &token->tenants,
					 &token->tenant_count);
	return code ? code : check_maker(call, token);
}

static enum err_code do_add(struct call *call)
{
	struct tokening *work = call->work;

	return access_token_add(call->api->options.access, &work->token, &work->id, work->text, &call->error);
}

static void answer_added(struct call *call)
{
	struct tokening *work = call->work;
	struct buf out;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	work->token.id = work->id;
	buf_init(&out, ANSWER_BYTES_MAX);
	put_token(&out, &work->token);
	out.len--; /* its "}" */
	buf_put(&out, STR(",\"token\":"));
	json_write_string(&out, str_from(work->text));
	buf_put_char(&out, '}');
	(void)http_response_header(call->request, "Location",
				   arena_printf(call->arena, "/api/v1/tokens/%lld", (long long)work->id));
	gate_answer_json(call, 201, &out);
}

void add_token(struct call *call)
{
	static const struct member members[] = {
		{"title", JSON_STRING, true},   {"scopes", JSON_ARRAY, true},      {"account", JSON_STRING, false},
		{"tenants", JSON_ARRAY, false}, {"expiresAt", JSON_STRING, false},
	};
	const struct json *body = NULL;
	struct tokening *work = tokening_new(call);

	if (!work)
		return;
	enum err_code code = gate_body(call, members, COUNT(members), &body);

	if (!code)
		code = read_token(call, body, &work->token);
	if (code)
		answer_error(call, code, &call->error);
	else
		call_work(call, do_add, answer_added);
}

/* ---- remove ---- */

static bool is_among(const struct tokening *work, int64_t id)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->all[i].id == id)
			return true;
	return false;
}

static enum err_code do_remove(struct call *call)
{
	struct tokening *work = call->work;
	struct str whose = caller_may(call, ACCESS_ACCOUNTS_WRITE) ? STR_NONE : str_from(call->caller->name);
	enum err_code code =
		access_tokens(call->api->options.access, whose, call->arena, &work->all, &work->count, &call->error);

	if (!code && !is_among(work, work->id))
		code = err_set(&call->error, ERR_NOT_FOUND, "there is no token %lld that is yours to remove",
			       (long long)work->id);
	return code ? code : access_token_remove(call->api->options.access, work->id, &call->error);
}

static void answer_removed(struct call *call)
{
	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 204);
}

void remove_token(struct call *call)
{
	struct tokening *work = tokening_new(call);

	if (!work)
		return;
	if (str_to_int64(call->variables[0], &work->id))
		call_work(call, do_remove, answer_removed);
	else
		answer_problem(call, PROBLEM_NOT_FOUND, "there is no token \"%.*s\"",
			       STR_FMT(str_part(call->variables[0], 0, 60)));
}
