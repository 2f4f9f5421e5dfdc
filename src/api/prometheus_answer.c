/* Answers of Prometheus's API. */
#include "api/prometheus.h"

static const struct str json = {"application/json", 16};

struct kind {
	int status;
	const char *type;
};

static struct kind kind_of(enum err_code code)
{
	switch (code) {
	case ERR_INVALID:
	case ERR_LIMIT:
		return (struct kind){400, "bad_data"};
	case ERR_DENIED:
		return (struct kind){403, "execution"};
	case ERR_TENANT:
	case ERR_NOT_FOUND:
		return (struct kind){404, "not_found"};
	case ERR_CONFLICT:
	case ERR_TOO_COMPLEX:
	case ERR_MEMORY:
	case ERR_UNSUPPORTED:
		return (struct kind){422, "execution"};
	case ERR_TIMEOUT:
		return (struct kind){503, "timeout"};
	default:
		return (struct kind){500, "internal"};
	}
}

static void answer_failure(struct call *call, struct kind kind, struct str message)
{
	struct buf out;

	buf_init(&out, 4096);
	buf_printf(&out, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", kind.type);
	json_write_string(&out, message);
	buf_put_char(&out, '}');
	answer_buf(call, kind.status, json, &out);
}

/* Causes inside the house stay in the log. */
void prometheus_error(struct call *call, enum err_code code, const struct error *err)
{
	struct kind kind = kind_of(code);

	if (err != &call->error)
		call->error = *err;
	answer_failure(call, kind,
		       kind.status >= 500 ? STR("the server's log holds the cause under this request's X-Request-Id")
					  : str_from(err->detail));
}

void prometheus_invalid(struct call *call, const char *parameter, const char *reason)
{
	answer_failure(call, (struct kind){400, "bad_data"},
		       arena_printf(call->arena, "invalid parameter \"%s\": %s", parameter, reason));
}

void prometheus_open(struct call *call, struct buf *out)
{
	buf_init(out, call->api->options.answer_bytes_max);
	buf_put(out, STR("{\"status\":\"success\",\"data\":"));
}

void prometheus_close(struct call *call, struct buf *out, const char *warning)
{
	if (warning) {
		buf_put(out, STR(",\"warnings\":["));
		json_write_string(out, str_from(warning));
		buf_put_char(out, ']');
	}
	buf_put_char(out, '}');
	/* A client that asks for less can have it: no 503. */
	if (out->failed == ERR_LIMIT) {
		(void)err_set(&call->error, ERR_TOO_COMPLEX, "the answer is longer than %zu bytes", out->bytes_max);
		buf_done(out);
		prometheus_error(call, ERR_TOO_COMPLEX, &call->error);
		return;
	}
	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	answer_buf(call, 200, json, out);
}

void prometheus_put_labels(struct buf *out, const struct promql_labels *labels)
{
	buf_put_char(out, '{');
	for (size_t i = 0; i < labels->count; i++) {
		if (i)
			buf_put_char(out, ',');
		json_write_string(out, labels->at[i].name);
		buf_put_char(out, ':');
		json_write_string(out, labels->at[i].value);
	}
	buf_put_char(out, '}');
}

/* Seconds, with three decimals where there are milliseconds. */
static void put_time(struct buf *out, int64_t ms)
{
	uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	if (ms < 0)
		buf_put_char(out, '-');
	buf_put_int64(out, (int64_t)(size / 1000));
	if (size % 1000)
		buf_printf(out, ".%03u", (unsigned)(size % 1000));
}

static void put_point(struct buf *out, int64_t ms, double value)
{
	char number[PROMQL_NUMBER_BYTES];

	buf_put_char(out, '[');
	put_time(out, ms);
	buf_put(out, STR(",\""));
	buf_put(out, promql_number_text(value, number));
	buf_put(out, STR("\"]"));
}

static void put_series(struct buf *out, const struct promql_series *series, bool vector)
{
	buf_put(out, STR("{\"metric\":"));
	prometheus_put_labels(out, &series->labels);
	buf_put(out, vector ? STR(",\"value\":") : STR(",\"values\":["));
	for (size_t i = 0; i < series->count; i++) {
		if (i)
			buf_put_char(out, ',');
		put_point(out, series->points[i].time_ms, series->points[i].value);
	}
	buf_put(out, vector ? STR("}") : STR("]}"));
}

void prometheus_put_result(struct buf *out, const struct promql_result *result, int64_t time_ms)
{
	buf_printf(out, "{\"resultType\":\"%s\",\"result\":", promql_type_name(result->type));
	if (result->type == PROMQL_SCALAR) {
		put_point(out, time_ms, result->scalar);
	} else if (result->type == PROMQL_STRING) {
		buf_put_char(out, '[');
		put_time(out, time_ms);
		buf_put_char(out, ',');
		json_write_string(out, result->string);
		buf_put_char(out, ']');
	} else {
		buf_put_char(out, '[');
		for (size_t i = 0; i < result->count; i++) {
			if (i)
				buf_put_char(out, ',');
			put_series(out, &result->series[i], result->type == PROMQL_VECTOR);
		}
		buf_put_char(out, ']');
	}
	buf_put_char(out, '}');
}
