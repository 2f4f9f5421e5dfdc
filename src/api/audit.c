/* GET /api/v1/audit: who changed what, the latest first. */
#include "api/form.h"
#include "api/gate_int.h"

#include "base/time_value.h"

#define ANSWER_BYTES_MAX ((size_t)8 << 20)

struct auditing {
	struct access_audit_query query;
	struct access_event *events;
	size_t count;
};

static void put_member(struct buf *out, const char *name, struct str text)
{
	if (!text.len)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_write_string(out, text);
}

static void put_event(struct buf *out, const struct access_event *event)
{
	buf_printf(out, "{\"id\":%lld,\"at\":", (long long)event->id);
	put_time_or_null(out, event->at_us);
	put_member(out, "account", event->account);
	put_member(out, "by", event->by);
	put_member(out, "peer", event->peer);
	put_member(out, "tenant", event->tenant);
	put_member(out, "action", event->action);
	put_member(out, "target", event->target);
	put_member(out, "requestId", event->request_id);
	if (event->status)
		buf_printf(out, ",\"status\":%d", event->status);
	buf_printf(out, ",\"count\":%llu}", (unsigned long long)event->count);
}

static enum err_code do_list(struct call *call)
{
	struct auditing *work = call->work;

	return access_audit_read(call->api->options.access, &work->query, call->arena, &work->events, &work->count,
				 &call->error);
}

static void answer_list(struct call *call)
{
	const struct auditing *work = call->work;
	struct buf out;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	buf_init(&out, ANSWER_BYTES_MAX);
	buf_put(&out, STR("{\"events\":["));
	for (size_t i = 0; i < work->count; i++) {
		if (i)
			buf_put_char(&out, ',');
		put_event(&out, &work->events[i]);
	}
	buf_put(&out, STR("]}"));
	gate_answer_json(call, 200, &out);
}

static enum err_code read_time(struct str text, const char *name, int64_t *ret, struct error *err)
{
	if (!text.len || time_parse_iso(text, true, ret))
		return ERR_OK;
	return err_set(err, ERR_INVALID, "%s is a DateTime such as 2026-01-31T12:00:00Z", name);
}

static enum err_code read_number(struct str text, const char *name, int64_t *ret, struct error *err)
{
	if (!text.len || (str_to_int64(text, ret) && *ret >= 0))
		return ERR_OK;
	return err_set(err, ERR_INVALID, "%s is a whole number of 0 or more", name);
}

static enum err_code read_query(struct call *call, struct access_audit_query *query)
{
	static const char *const known[] = {"account", "action", "tenant", "from", "to", "before", "limit"};
	int64_t limit = 0;
	struct form form;
	enum err_code code = form_read_url(call, &form, &call->error);

	for (size_t i = 0; code == ERR_OK && i < form.count; i++) {
		bool found = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			found = found || str_eq(form.fields[i].name, str_from(known[k]));
		if (!found)
			return err_set(&call->error, ERR_INVALID, "listAudit has no parameter \"%.*s\"",
				       STR_FMT(str_part(form.fields[i].name, 0, 60)));
	}
	if (code)
		return code;
	*query = (struct access_audit_query){.account = form_get(&form, "account"),
					     .action = form_get(&form, "action"),
					     .tenant = form_get(&form, "tenant")};
	code = read_time(form_get(&form, "from"), "from", &query->from_us, &call->error);
	if (!code)
		code = read_time(form_get(&form, "to"), "to", &query->to_us, &call->error);
	if (!code)
		code = read_number(form_get(&form, "before"), "before", &query->before_id, &call->error);
	if (!code)
		code = read_number(form_get(&form, "limit"), "limit", &limit, &call->error);
	query->limit = limit > 1000 ? 1000 : (uint32_t)limit;
	return code;
}

void list_audit(struct call *call)
{
	struct auditing *work = arena_new(call->arena, struct auditing);
	enum err_code code =
		work ? read_query(call, &work->query) : err_set(&call->error, ERR_MEMORY, "no memory for this request");

	call->work = work;
	if (code)
		answer_error(call, code, &call->error);
	else if (!call->api->options.access)
		answer_problem(call, PROBLEM_CONFLICT, "this server keeps no audit log");
	else
		call_work(call, do_list, answer_list);
}
