/* Accounts: /api/v1/accounts, …/{name}, …/{name}/password. A new account and a reset one get a password for one
 * sign-in, which this answer alone shows. */
#include "api/gate_int.h"

#define ANSWER_BYTES_MAX ((size_t)8 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct accounting {
	const struct json *body; /* of the request; NULL: it has none */
	struct access_account account;
	struct access_account *all;
	size_t count;
	char password[ACCESS_ONE_TIME_CHARS + 1];
};

/* ---- out ---- */

static void put_member(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, ",\"%s\":", name);
	json_write_string(out, text);
}

static void put_account(struct buf *out, const struct access_account *account)
{
	buf_put(out, STR("{\"name\":"));
	json_write_string(out, account->name);
	put_member(out, "displayName", account->display_name);
	put_member(out, "role", access_role_name(account->role));
	buf_put(out, STR(",\"services\":"));
	put_services(out, account->services);
	buf_put(out, STR(",\"tenants\":"));
	if (account->all_tenants)
		buf_put(out, STR("null"));
	else
		put_texts(out, account->tenants, account->tenant_count);
	buf_printf(out,
		   ",\"disabled\":%s,\"mustChangePassword\":%s,\"createdAt\":", account->disabled ? "true" : "false",
		   account->must_change_password ? "true" : "false");
	put_time_or_null(out, account->created_us);
	buf_put(out, STR(",\"lastSignInAt\":"));
	put_time_or_null(out, account->last_sign_in_us);
	buf_put(out, STR(",\"lockedUntil\":"));
	put_time_or_null(out, account->locked_until_us);
	buf_put_char(out, '}');
}

/* The account of call->work, with its one-time password where it has got one. */
static void answer_account(struct call *call, int status)
{
	const struct accounting *work = call->work;
	struct buf out;

	buf_init(&out, ANSWER_BYTES_MAX);
	put_account(&out, &work->account);
	if (work->password[0]) {
		out.len--; /* its "}" */
		put_member(&out, "oneTimePassword", str_from(work->password));
		buf_put_char(&out, '}');
	}
	gate_answer_json(call, status, &out);
}

/* ---- in ---- */

static const struct member changeable[] = {
	{"name", JSON_STRING, false},    {"displayName", JSON_STRING, false}, {"role", JSON_STRING, false},
	{"services", JSON_ARRAY, false}, {"tenants", JSON_ARRAY, false},      {"disabled", JSON_BOOL, false},
};

static enum err_code read_services(const struct json *list, uint32_t *ret, struct error *err)
{
	uint32_t services = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		struct str name = json_text(&list->items[i]);
		unsigned int service;

		if (!access_service_read(name, &service))
			return err_set(err, ERR_INVALID, "there is no service \"%.*s\"",
				       STR_FMT(str_part(name, 0, 60)));
		services |= 1u << service;
	}
	*ret = services;
	return ERR_OK;
}

enum err_code gate_read_tenants(struct call *call, const struct json *list, bool *ret_all, const struct str **ret,
				uint32_t *ret_count)
{
	struct str *tenants;

	*ret_all = !json_is(list, JSON_ARRAY);
	*ret_count = 0;
	if (*ret_all)
		return ERR_OK;
	if (list->count > ACCESS_TENANTS_MAX)
		return err_set(&call->error, ERR_INVALID, "more than %u tenants", ACCESS_TENANTS_MAX);
	tenants = arena_array(call->arena, struct str, list->count + 1);
	if (!tenants)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	for (uint32_t i = 0; i < list->count; i++) {
		tenants[i] = json_text(&list->items[i]);
		if (!tenants[i].at || (tenants[i].len && !broker_tenant_is_name(tenants[i])))
			return err_set(&call->error, ERR_INVALID, "\"tenants\" has something that names no tenant");
	}
	*ret = tenants;
	*ret_count = list->count;
	return ERR_OK;
}

/* What the body says; the rest of the account stays. */
static enum err_code read_account(struct call *call, const struct json *body, struct access_account *account)
{
	const struct json *role = json_get(body, STR("role")), *services = json_get(body, STR("services"));
	const struct json *tenants = json_get(body, STR("tenants")), *disabled = json_get(body, STR("disabled"));
	const struct json *display_name = json_get(body, STR("displayName"));
	enum err_code code = ERR_OK;

	if (role && !access_role_read(json_text(role), &account->role))
		return err_set(&call->error, ERR_INVALID, "there is no role \"%.*s\"",
			       STR_FMT(str_part(json_text(role), 0, 60)));
	if (display_name)
		account->display_name = json_text(display_name);
	if (disabled)
		account->disabled = disabled->kind == JSON_BOOL && disabled->boolean;
	if (json_is(services, JSON_ARRAY))
		code = read_services(services, &account->services, &call->error);
	if (!code && tenants)
		code = gate_read_tenants(call, tenants, &account->all_tenants, &account->tenants,
					 &account->tenant_count);
	if (!code && account->services && account->role != ACCESS_OFFICER)
		code = err_set(&call->error, ERR_INVALID, "services belong to the role officer alone");
	return code;
}

/* ---- the operations ---- */

static struct accounting *accounting_new(struct call *call)
{
	struct accounting *work = arena_new(call->arena, struct accounting);

	if (!work) {
		(void)err_set(&call->error, ERR_MEMORY, "no memory for this request");
		answer_error(call, ERR_MEMORY, &call->error);
	}
	call->work = work;
	return work;
}

/* On the api's thread, whatever the operation is. */
static void run(struct call *call, enum err_code (*work)(struct call *call), void (*answer)(struct call *call))
{
	if (!call->api->options.access)
		answer_problem(call, PROBLEM_CONFLICT, "this server keeps no accounts");
	else if (accounting_new(call))
		call_work(call, work, answer);
}

/* The same, with a body. */
static void run_with_body(struct call *call, enum err_code (*work)(struct call *call),
			  void (*answer)(struct call *call))
{
	const struct json *body = NULL;
	enum err_code code = gate_body(call, changeable, COUNT(changeable), &body);

	if (code)
		answer_error(call, code, &call->error);
	else if (!call->api->options.access)
		answer_problem(call, PROBLEM_CONFLICT, "this server keeps no accounts");
	else if (accounting_new(call)) {
		((struct accounting *)call->work)->body = body;
		call_work(call, work, answer);
	}
}

static void answer_nothing(struct call *call)
{
	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 204);
}

static void answer_one(struct call *call)
{
	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else
		answer_account(call, 200);
}

static enum err_code do_list(struct call *call)
{
	struct accounting *work = call->work;

	return access_accounts(call->api->options.access, call->arena, &work->all, &work->count, &call->error);
}

static void answer_list(struct call *call)
{
	const struct accounting *work = call->work;
	struct buf out;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	buf_init(&out, ANSWER_BYTES_MAX);
	buf_put(&out, STR("{\"accounts\":["));
	for (size_t i = 0; i < work->count; i++) {
		if (i)
			buf_put_char(&out, ',');
		put_account(&out, &work->all[i]);
	}
	buf_put(&out, STR("]}"));
	gate_answer_json(call, 200, &out);
}

void list_accounts(struct call *call)
{
	run(call, do_list, answer_list);
}

static enum err_code find(struct call *call)
{
	struct accounting *work = call->work;

	return access_account(call->api->options.access, call->variables[0], call->arena, &work->account, &call->error);
}

void show_account(struct call *call)
{
	run(call, find, answer_one);
}

static enum err_code do_add(struct call *call)
{
	struct accounting *work = call->work;
	struct access *access = call->api->options.access;
	enum err_code code;

	work->account =
		(struct access_account){.name = json_text(json_get(work->body, STR("name"))), .all_tenants = true};
	if (!work->account.name.len)
		return err_set(&call->error, ERR_INVALID, "\"name\" is missing: a text");
	code = read_account(call, work->body, &work->account);
	if (!code)
		code = access_account_add(access, &work->account, work->password, &call->error);
	if (!code)
		code = access_account(access, work->account.name, call->arena, &work->account, &call->error);
	return code;
}

static void answer_added(struct call *call)
{
	const struct accounting *work = call->work;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	(void)http_response_header(call->request, "Location",
				   arena_printf(call->arena, "/api/v1/accounts/%.*s", STR_FMT(work->account.name)));
	answer_account(call, 201);
}

void add_account(struct call *call)
{
	run_with_body(call, do_add, answer_added);
}

static enum err_code do_change(struct call *call)
{
	struct accounting *work = call->work;
	struct str name = json_text(json_get(work->body, STR("name")));
	enum err_code code = find(call);

	if (!code && name.at && !str_eq(name, work->account.name))
		code = err_set(&call->error, ERR_INVALID, "an account keeps its name");
	if (!code)
		code = read_account(call, work->body, &work->account);
	if (!code)
		code = access_account_change(call->api->options.access, &work->account, &call->error);
	return code;
}

void change_account(struct call *call)
{
	run_with_body(call, do_change, answer_one);
}

static enum err_code do_remove(struct call *call)
{
	return access_account_remove(call->api->options.access, call->variables[0], &call->error);
}

void remove_account(struct call *call)
{
	run(call, do_remove, answer_nothing);
}

static enum err_code do_reset(struct call *call)
{
	struct accounting *work = call->work;
	enum err_code code =
		access_account_reset(call->api->options.access, call->variables[0], work->password, &call->error);

	return code ? code : find(call);
}

void reset_account(struct call *call)
{
	run(call, do_reset, answer_one);
}
