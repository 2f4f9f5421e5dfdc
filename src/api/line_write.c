/* InfluxDB's way in: POST /write, /api/v1/write, /api/v2/write take line protocol, plain or gzipped, into the history
 * of a tenant; beside them what clients ask first, GET /ping and POST /query with CREATE DATABASE.
 *
 * The tenant is that of the header NGSILD-Tenant; without it the one that `db` or `bucket` names, if there is such a
 * tenant, else the default one. 204 when every line is stored. Lines that break a rule are left out: 400 then, with
 * the first of them and how many, as InfluxDB's partial writes are; the others are stored. Source:
 * docs.influxdata.com, API of InfluxDB v1.8 (/write, /ping, /query) and v2 (/api/v2/write). */
#include "api/form.h"

#include "base/cleanup.h"
#include "broker/lines.h"

#include <stdlib.h>

#define LINE_PARTIAL_BYTES_MAX ((size_t)64 << 10)
#define INFLUXDB_VERSION "1.8.10" /* whose behaviour this is */

struct line_work {
	struct broker_lines lines;
};

void line_version_header(struct call *call)
{
	(void)http_response_header(call->request, "X-Influxdb-Version", STR(INFLUXDB_VERSION));
}

/* ---- answers ---- */

static int status_of(enum err_code code)
{
	switch (code) {
	case ERR_INVALID:
		return 400;
	case ERR_DENIED:
		return 401;
	case ERR_TENANT:
	case ERR_NOT_FOUND:
		return 404;
	case ERR_LIMIT:
		return 413;
	case ERR_UNSUPPORTED:
		return 501;
	case ERR_CONFLICT:
	case ERR_TIMEOUT:
		return 503;
	case ERR_NO_ROOM:
		return 507;
	default:
		return 500;
	}
}

/* {"error": text}; the buffer is taken. */
static void answer_error_text(struct call *call, int status, struct buf *text)
{
	struct buf out;

	buf_init(&out, LINE_PARTIAL_BYTES_MAX * 2);
	buf_put(&out, STR("{\"error\":"));
	json_write_string(&out, buf_str(text));
	buf_put_char(&out, '}');
	buf_done(text);
	line_version_header(call);
	answer_buf(call, status, STR("application/json"), &out);
}

void line_answer_failure(struct call *call, enum err_code code)
{
	struct buf text;

	buf_init(&text, LINE_PARTIAL_BYTES_MAX);
	/* What lies behind a failure of ours is for the log. */
	if (status_of(code) == 500)
		buf_put(&text, STR("internal error"));
	else
		buf_put(&text, str_from(call->error.detail));
	answer_error_text(call, status_of(code), &text);
}

static void answer_partial(struct call *call, const struct broker_lines *lines)
{
	uint64_t shown = lines->bad_count < LINES_BAD_SHOWN ? lines->bad_count : LINES_BAD_SHOWN;
	struct buf text;

	buf_init(&text, LINE_PARTIAL_BYTES_MAX);
	buf_put(&text, lines->line_count ? STR("partial write: ") : STR("unable to parse: "));
	for (uint64_t i = 0; i < shown; i++)
		buf_printf(&text, "line %llu: %.*s; ", (unsigned long long)lines->bad[i].number,
			   STR_FMT(lines->bad[i].reason));
	buf_printf(&text, "dropped=%llu", (unsigned long long)lines->bad_count);
	answer_error_text(call, 400, &text);
}

static void finish(struct call *call, enum err_code code)
{
	struct line_work *work = call->work;

	if (code) {
		line_answer_failure(call, code);
	} else if (work->lines.bad_count > 0) {
		answer_partial(call, &work->lines);
	} else {
		line_version_header(call);
		answer_empty(call, 204);
	}
	broker_lines_done(&work->lines);
}

/* ---- a write ---- */

static void wake(struct broker_lines *lines)
{
	struct call *call = lines->self;

	http_request_wake(call->request);
}

static void go_on(struct call *call)
{
	struct line_work *work = call->work;
	bool waits = false;
	enum err_code code = broker_lines_run(&work->lines, &waits, &call->error);

	if (code == ERR_OK && waits)
		call_wait(call, go_on);
	else
		finish(call, code);
}

/* The store of the header's tenant, of the one that db or bucket names, or of the default one. */
static enum err_code find_store(struct call *call, const struct form *form, struct store **ret)
{
	struct broker *broker = call->api->options.broker;
	struct str tenant = http_request_header(call->request, STR("NGSILD-Tenant"));
	struct str named = form_get(form, "db").len ? form_get(form, "db") : form_get(form, "bucket");
	enum err_code code;

	if (tenant.len) {
		code = call_header_tenant(call);
		return code ? code : broker_tenant(broker, tenant, false, ret, &call->error);
	}
	if (!broker_tenant_is_name(named) || broker_tenant(broker, named, false, ret, NULL) != ERR_OK)
		named = STR_NONE;
	code = gate_tenant(call, named);
	return code ? code : broker_tenant(broker, named, false, ret, &call->error);
}

static enum err_code prepare(struct call *call, struct line_work *work)
{
	struct form form;
	enum err_code code = form_read_url(call, &form, &call->error);

	if (code == ERR_OK && !line_precision_from(form_get(&form, "precision"), &work->lines.precision))
		code = err_set(&call->error, ERR_INVALID, "the precision is one of n, ns, u, us, ms, s, m, h");
	if (code == ERR_OK)
		code = find_store(call, &form, &work->lines.store);
	return code ? code : call_unpacked_body(call, LINE_BODY_BYTES_MAX, &work->lines.text);
}

void write_lines(struct call *call)
{
	struct line_work *work = arena_new(call->arena, struct line_work);

	if (!work) {
		(void)err_set(&call->error, ERR_MEMORY, "no memory for this request");
		line_answer_failure(call, ERR_MEMORY);
		return;
	}
	call->work = work;
	work->lines.broker = call->api->options.broker;
	work->lines.arena = call->arena;
	work->lines.wake = wake;
	work->lines.self = call;
	enum err_code code = prepare(call, work);

	/* A collector with nothing to say has said it. */
	if (code || work->lines.text.len == 0)
		finish(call, code);
	else
		go_on(call);
}

/* ---- what clients ask first ---- */

void ping_lines(struct call *call)
{
	line_version_header(call);
	answer_empty(call, 204);
}

/* Databases are tenants here and need not be created: CREATE DATABASE is fine, all else is not offered. */
void query_lines(struct call *call)
{
	struct form form;
	enum err_code code = form_read(call, &form, &call->error);
	struct str query = code ? STR_NONE : form_get(&form, "q");

	if (code) {
		line_answer_failure(call, code);
	} else if (str_eq_nocase(str_part(str_trim(query), 0, sizeof("CREATE DATABASE") - 1), STR("CREATE DATABASE"))) {
		line_version_header(call);
		answer_text(call, 200, STR("application/json"), STR("{\"results\":[{\"statement_id\":0}]}"));
	} else {
		(void)err_set(&call->error, ERR_INVALID,
			      "InfluxQL is not offered; PromQL is, at /api/v1/query, and NGSI-LD");
		line_answer_failure(call, ERR_INVALID);
	}
}
