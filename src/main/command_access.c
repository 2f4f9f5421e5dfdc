/* machi account, token and audit: who may sign in, by which tokens, and who changed what; in the city's access.db, also
 * while a daemon serves the folder, which knows of it within a second. Whoever may write the folder may do this: it is
 * the way back in for an administrator who has lost his password. What is changed is in the audit log. */
#include "access/access.h"
#include "base/log_line.h"
#include "base/time_value.h"
#include "main/command_table.h"
#include "main/folder.h"
#include "main/say.h"
#include "main/session.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define ARENA_BYTES_MAX ((size_t)64 << 20)

struct access_call {
	const struct call *call;
	struct access *access;
	struct arena arena;
	struct buf out;
	bool json;
};

static enum exit_status open_access(struct access_call *work, const struct call *call)
{
	const char *data = session_data(call);
	const struct access_options options = {.folder = data};
	struct error err;
	enum err_code code = folder_check_city(data, true, &err);

	*work = (struct access_call){.call = call};
	arena_init(&work->arena, ARENA_BYTES_MAX);
	buf_init(&work->out, TEXT_BYTES_MAX);
	if (!code)
		code = access_new(&options, &work->access, &err);
	if (!code)
		return EXIT_GOOD;
	enum exit_status status = say_error(&err);

	return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
}

/* Prints what there is to print, where all went well. */
static enum exit_status close_access(struct access_call *work, enum err_code code, const struct error *err)
{
	enum exit_status status = EXIT_GOOD;

	(void)access_free(work->access);
	if (code == ERR_NOT_FOUND) {
		say("%s", err->detail);
		status = EXIT_NOT_FOUND;
	} else if (code) {
		status = say_error(err);
	} else if (work->out.len) {
		status = say_result(&work->out);
	}
	buf_done(&work->out);
	arena_done(&work->arena);
	return status;
}

/* In the audit log, as done by somebody on the machine itself. */
static void note(struct access_call *work, const char *action, struct str target)
{
	const char *login = getenv("SUDO_USER");
	struct str user = str_from(login ? login : getenv("USER"));
	struct str account = arena_printf(&work->arena, "(machine) %.*s", STR_FMT(str_part(user, 0, 40)));
	const struct access_event event = {.account = str_trim(account),
					   .by = STR("command"),
					   .action = str_from(action),
					   .target = target,
					   .status = 200,
					   .count = 1};

	if (access_audit(work->access, &event, NULL, NULL, NULL, NULL))
		say("the audit log could not be written");
}

/* ---- accounts ---- */

static void put_list(struct buf *out, const char *empty, const struct str *texts, uint32_t count)
{
	if (count == 0)
		buf_put(out, str_from(empty));
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_put_char(out, ',');
		buf_put(out, texts[i].len ? texts[i] : STR("-"));
	}
}

static uint32_t service_names(uint32_t services, struct str names[static ACCESS_SERVICE_COUNT])
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < ACCESS_SERVICE_COUNT; i++)
		if (services & 1u << i)
			names[count++] = access_service_name(i);
	return count;
}

static void put_time(struct buf *out, int64_t us, const char *none)
{
	char text[TIME_ISO_BYTES];

	buf_put(out, us ? time_format_iso(us / US_PER_S * US_PER_S, text) : str_from(none));
}

static const char *state_of(const struct access_account *account)
{
	if (account->disabled)
		return "disabled";
	if (account->locked_until_us)
		return "locked";
	return account->must_change_password ? "one-time password" : "active";
}

static void put_account(struct buf *out, const struct access_account *account)
{
	struct str services[ACCESS_SERVICE_COUNT] = {0};
	uint32_t count = service_names(account->services, services);

	buf_printf(out, "%-24.*s %-14.*s ", STR_FMT(account->name), STR_FMT(access_role_name(account->role)));
	put_list(out, "-", services, count);
	buf_printf(out, "  %s  tenants: ", state_of(account));
	if (account->all_tenants)
		buf_put(out, STR("all"));
	else
		put_list(out, "none", account->tenants, account->tenant_count);
	buf_put(out, STR("  last sign-in: "));
	put_time(out, account->last_sign_in_us, "never");
	buf_put_char(out, '\n');
}

static void put_account_json(struct buf *out, const struct access_account *account)
{
	struct str services[ACCESS_SERVICE_COUNT] = {0};
	uint32_t count = service_names(account->services, services);

	buf_put(out, STR("{\"name\":"));
	json_write_string(out, account->name);
	buf_put(out, STR(",\"displayName\":"));
	json_write_string(out, account->display_name);
	buf_printf(out, ",\"role\":\"%.*s\",\"services\":[", STR_FMT(access_role_name(account->role)));
	for (uint32_t i = 0; i < count; i++)
		buf_printf(out, "%s\"%.*s\"", i ? "," : "", STR_FMT(services[i]));
	buf_put(out, account->all_tenants ? STR("],\"tenants\":null") : STR("],\"tenants\":["));
	for (uint32_t i = 0; i < account->tenant_count && !account->all_tenants; i++) {
		if (i)
			buf_put_char(out, ',');
		json_write_string(out, account->tenants[i]);
	}
	buf_printf(out, "%s,\"state\":\"%s\",\"lastSignInAt\":\"", account->all_tenants ? "" : "]", state_of(account));
	put_time(out, account->last_sign_in_us, "");
	buf_put(out, STR("\"}\n"));
}

enum exit_status command_account_list(const struct call *call)
{
	struct access_account *all = NULL;
	struct access_call work;
	struct error err = {0};
	size_t count = 0;
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	work.json = call_has(call, "json");
	enum err_code code = access_accounts(work.access, &work.arena, &all, &count, &err);

	for (size_t i = 0; !code && i < count; i++)
		(work.json ? put_account_json : put_account)(&work.out, &all[i]);
	return close_access(&work, code, &err);
}

static enum err_code read_services(struct str list, uint32_t *ret, struct error *err)
{
	uint32_t services = 0;
	struct str name;

	while (list.len && str_next(&list, ',', &name)) {
		unsigned int service;

		if (!access_service_read(str_trim(name), &service))
			return err_set(err, ERR_INVALID, "there is no service \"%.*s\"",
				       STR_FMT(str_part(name, 0, 60)));
		services |= 1u << service;
	}
	*ret = services;
	return ERR_OK;
}

/* "a,b", "-" for the default tenant; "all". */
static enum err_code read_tenants(struct access_call *work, struct str list, bool *ret_all, const struct str **ret,
				  uint32_t *ret_count, struct error *err)
{
	struct str *tenants = arena_array(&work->arena, struct str, ACCESS_TENANTS_MAX);
	uint32_t count = 0;
	struct str name;

	*ret_all = !list.at || str_eq(list, STR("all"));
	if (*ret_all)
		return ERR_OK;
	while (tenants && str_next(&list, ',', &name)) {
		if (count == ACCESS_TENANTS_MAX)
			return err_set(err, ERR_INVALID, "more than %u tenants", ACCESS_TENANTS_MAX);
		tenants[count++] = str_eq(name, STR("-")) ? STR("") : name;
	}
	*ret = tenants;
	*ret_count = count;
	return tenants ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for tenants");
}

/* What the options say; the rest of the account stays. */
static enum err_code read_options(struct access_call *work, struct access_account *account, struct error *err)
{
	const struct call *call = work->call;
	enum err_code code = ERR_OK;

	if (call_has(call, "role") && !access_role_read(call_str(call, "role"), &account->role))
		return err_set(err, ERR_INVALID, "there is no role \"%s\"", call_text(call, "role"));
	if (call_has(call, "display-name"))
		account->display_name = call_str(call, "display-name");
	if (call_has(call, "services"))
		code = read_services(call_str(call, "services"), &account->services, err);
	if (!code && call_has(call, "tenants"))
		code = read_tenants(work, call_str(call, "tenants"), &account->all_tenants, &account->tenants,
				    &account->tenant_count, err);
	if (!code && account->services && account->role != ACCESS_OFFICER)
		code = err_set(err, ERR_INVALID, "services belong to the role officer alone");
	return code;
}

static void put_password(struct access_call *work, const char *password)
{
	buf_printf(&work->out, "%s\n", password);
	if (isatty(STDERR_FILENO))
		say("this is the password for the first sign-in; it is not shown again");
}

enum exit_status command_account_add(const struct call *call)
{
	struct access_account account = {.name = str_from(call_argument(call, 0)), .all_tenants = true};
	char password[ACCESS_ONE_TIME_CHARS + 1];
	struct access_call work;
	struct error err = {0};
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = read_options(&work, &account, &err);

	if (!code)
		code = access_account_add(work.access, &account, password, &err);
	if (!code) {
		note(&work, "addAccount", account.name);
		put_password(&work, password);
	}
	explicit_bzero(password, sizeof(password));
	return close_access(&work, code, &err);
}

enum exit_status command_account_change(const struct call *call)
{
	struct str name = str_from(call_argument(call, 0));
	struct access_account account;
	struct access_call work;
	struct error err = {0};
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = access_account(work.access, name, &work.arena, &account, &err);

	if (!code && call_has(call, "disable") && call_has(call, "enable"))
		code = err_set(&err, ERR_INVALID, "--enable and --disable exclude each other");
	if (!code) {
		account.disabled = call_has(call, "disable") || (account.disabled && !call_has(call, "enable"));
		code = read_options(&work, &account, &err);
	}
	if (!code)
		code = access_account_change(work.access, &account, &err);
	if (!code)
		note(&work, "changeAccount", account.name);
	return close_access(&work, code, &err);
}

enum exit_status command_account_reset(const struct call *call)
{
	struct str name = str_from(call_argument(call, 0));
	char password[ACCESS_ONE_TIME_CHARS + 1];
	struct access_call work;
	struct error err = {0};
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = access_account_reset(work.access, name, password, &err);

	if (!code) {
		note(&work, "resetAccount", name);
		put_password(&work, password);
	}
	explicit_bzero(password, sizeof(password));
	return close_access(&work, code, &err);
}

enum exit_status command_account_remove(const struct call *call)
{
	struct str name = str_from(call_argument(call, 0));
	struct access_call work;
	struct error err = {0};
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = access_account_remove(work.access, name, &err);

	if (!code)
		note(&work, "removeAccount", name);
	return close_access(&work, code, &err);
}

/* ---- tokens ---- */

static void put_scopes(struct buf *out, uint32_t scopes)
{
	bool first = true;

	for (unsigned int i = 0; i < ACCESS_PERMISSION_COUNT; i++) {
		if (!(scopes & 1u << i))
			continue;
		buf_printf(out, "%s%.*s", first ? "" : " ",
			   STR_FMT(access_permission_name((enum access_permission)(1u << i))));
		first = false;
	}
}

static void put_token(struct access_call *work, const struct access_token *token)
{
	struct buf *out = &work->out;

	if (work->json) {
		buf_printf(out, "{\"id\":%lld,\"account\":", (long long)token->id);
		json_write_string(out, token->account);
		buf_put(out, STR(",\"title\":"));
		json_write_string(out, token->title);
		buf_put(out, STR(",\"scopes\":\""));
		put_scopes(out, token->scopes);
		buf_put(out, STR("\",\"expiresAt\":\""));
		put_time(out, token->expires_us, "");
		buf_put(out, STR("\",\"lastUsedAt\":\""));
		put_time(out, token->last_used_us, "");
		buf_put(out, STR("\"}\n"));
		return;
	}
	buf_printf(out, "%6lld  %-24.*s ", (long long)token->id, STR_FMT(token->account));
	log_put_safe(out, token->title);
	buf_put(out, STR("  scopes: "));
	put_scopes(out, token->scopes);
	buf_put(out, STR("  ends: "));
	put_time(out, token->expires_us, "never");
	buf_put(out, STR("  last used: "));
	put_time(out, token->last_used_us, "never");
	buf_put_char(out, '\n');
}

enum exit_status command_token_list(const struct call *call)
{
	struct access_token *all = NULL;
	struct access_call work;
	struct error err = {0};
	size_t count = 0;
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	work.json = call_has(call, "json");
	enum err_code code = access_tokens(work.access, call_str(call, "account"), &work.arena, &all, &count, &err);

	for (size_t i = 0; !code && i < count; i++)
		put_token(&work, &all[i]);
	return close_access(&work, code, &err);
}

static enum err_code read_token(struct access_call *work, struct access_token *token, struct error *err)
{
	const struct call *call = work->call;
	uint64_t days = call_count(call, "days");
	struct timespec now;
	enum err_code code = access_permissions_read(call_str(call, "scopes"), &token->scopes, err);

	(void)clock_gettime(CLOCK_REALTIME, &now);
	token->account = str_from(call_argument(call, 0));
	token->title = str_from(call_argument(call, 1));
	token->expires_us = days ? (now.tv_sec + (int64_t)days * 86400) * US_PER_S : 0;
	if (!code)
		code = read_tenants(work, call_str(call, "tenants"), &token->all_tenants, &token->tenants,
				    &token->tenant_count, err);
	return code;
}

enum exit_status command_token_add(const struct call *call)
{
	char text[ACCESS_TOKEN_CHARS + 1] = "";
	struct access_token token = {0};
	struct access_call work;
	struct error err = {0};
	int64_t id = 0;
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = read_token(&work, &token, &err);

	if (!code)
		code = access_token_add(work.access, &token, &id, text, &err);
	if (!code) {
		note(&work, "addToken", arena_printf(&work.arena, "%lld", (long long)id));
		buf_printf(&work.out, "%s\n", text);
	}
	explicit_bzero(text, sizeof(text));
	return close_access(&work, code, &err);
}

enum exit_status command_token_remove(const struct call *call)
{
	const char *given = call_argument(call, 0);
	struct access_call work;
	struct error err = {0};
	int64_t id = 0;

	if (!str_to_int64(str_from(given), &id)) {
		(void)err_set(&err, ERR_INVALID, "\"%s\" is not the number of a token, as list shows it", given);
		return say_usage(call->command, &err);
	}
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	enum err_code code = access_token_remove(work.access, id, &err);

	if (!code)
		note(&work, "removeToken", str_from(given));
	return close_access(&work, code, &err);
}

/* ---- the audit log ---- */

static void put_event_json(struct buf *out, const struct access_event *event)
{
	const struct {
		const char *name;
		struct str text;
	} texts[] = {{"account", event->account},     {"by", event->by},         {"peer", event->peer},
		     {"tenant", event->tenant},       {"action", event->action}, {"target", event->target},
		     {"requestId", event->request_id}};

	buf_printf(out, "{\"id\":%lld,\"at\":\"", (long long)event->id);
	put_time(out, event->at_us, "");
	buf_put_char(out, '"');
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_printf(out, ",\"%s\":", texts[i].name);
		json_write_string(out, texts[i].text);
	}
	buf_printf(out, ",\"status\":%d,\"count\":%llu}\n", event->status, (unsigned long long)event->count);
}

static void put_event(struct access_call *work, const struct access_event *event)
{
	struct buf *out = &work->out;

	if (work->json) {
		put_event_json(out, event);
		return;
	}
	put_time(out, event->at_us, "");
	buf_put(out, STR("  "));
	log_put_safe(out, event->account);
	buf_put(out, STR("  "));
	log_put_safe(out, event->action);
	buf_put(out, STR("  "));
	log_put_safe(out, event->target);
	buf_printf(out, "  %d  %llu x  ", event->status, (unsigned long long)event->count);
	log_put_safe(out, event->by);
	buf_put_char(out, ' ');
	log_put_safe(out, event->peer);
	buf_put_char(out, '\n');
}

static enum err_code read_query(const struct call *call, struct access_audit_query *query, struct error *err)
{
	struct str from = call_str(call, "from"), to = call_str(call, "to");

	query->account = call_str(call, "account");
	query->action = call_str(call, "action");
	query->limit = (uint32_t)call_count(call, "limit");
	if (from.at && !time_parse_iso(from, true, &query->from_us))
		return err_set(err, ERR_INVALID, "--from is a DateTime such as 2026-01-31T12:00:00Z");
	if (to.at && !time_parse_iso(to, true, &query->to_us))
		return err_set(err, ERR_INVALID, "--to is a DateTime such as 2026-01-31T12:00:00Z");
	return ERR_OK;
}

enum exit_status command_audit(const struct call *call)
{
	struct access_audit_query query = {0};
	struct access_event *events = NULL;
	struct access_call work;
	struct error err = {0};
	size_t count = 0;

	if (read_query(call, &query, &err))
		return say_usage(call->command, &err);
	enum exit_status status = open_access(&work, call);

	if (status) {
		(void)close_access(&work, ERR_OK, NULL);
		return status;
	}
	work.json = call_has(call, "json");
	enum err_code code = access_audit_read(work.access, &query, &work.arena, &events, &count, &err);

	for (size_t i = 0; !code && i < count; i++)
		put_event(&work, &events[i]);
	return close_access(&work, code, &err);
}
