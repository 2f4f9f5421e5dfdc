/* Prometheus's HTTP API over the history of attributes: what Grafana's Prometheus data source asks. Queries run on the
 * loop that got them, so they are bounded: in samples looked at, in memory, and reading in time (query.time_max). */
#include "api/prometheus.h"

#include "base/time_value.h"

#include <math.h>

#define SECONDS_MAX 9e12 /* of times and steps */

bool prometheus_begin(struct call *call, struct form *ret_form)
{
	enum err_code code = call_header_tenant(call);

	if (code == ERR_OK)
		code = form_read(call, ret_form, &call->error);
	if (code)
		prometheus_error(call, code, &call->error);
	return code == ERR_OK;
}

struct samples_source prometheus_source(struct call *call)
{
	return (struct samples_source){call->loop->reader, call->tenant};
}

bool prometheus_time(struct str text, int64_t *ret_ms)
{
	double seconds;
	int64_t us;

	if (str_to_double(text, &seconds) && fabs(seconds) < SECONDS_MAX) {
		*ret_ms = (int64_t)llround(seconds * 1000);
		return true;
	}
	if (!time_parse_iso(text, true, &us))
		return false;
	*ret_ms = us / US_PER_MS;
	return true;
}

static bool step_from(struct str text, int64_t *ret_ms)
{
	double seconds;

	if (!str_to_double(text, &seconds))
		return promql_duration_from(text, ret_ms);
	if (!(seconds > 0 && seconds < SECONDS_MAX))
		return false;
	*ret_ms = (int64_t)llround(seconds * 1000);
	return *ret_ms > 0;
}

static void evaluate(struct call *call, struct promql_query *query, const struct promql_run *run)
{
	struct samples_source samples = prometheus_source(call);
	const struct promql_source source = {samples_select, &samples};
	struct promql_result result;
	struct arena arena;
	struct buf out;

	arena_init(&arena, PROMETHEUS_BYTES_MAX);
	enum err_code code = promql_eval(query, run, &source, &arena, &result, &call->error);

	if (code) {
		prometheus_error(call, code, &call->error);
	} else {
		prometheus_open(call, &out);
		prometheus_put_result(&out, &result, run->start_ms);
		prometheus_close(call, &out, NULL);
	}
	arena_done(&arena);
}

static void parse_and_evaluate(struct call *call, const struct form *form, const struct promql_run *run)
{
	struct promql_query *query = NULL;
	struct str text = form_get(form, "query");
	enum err_code code = promql_parse(call->arena, text.at ? text : STR(""), &query, &call->error);

	if (code == ERR_OK)
		evaluate(call, query, run);
	else if (code == ERR_INVALID)
		prometheus_invalid(call, "query", call->error.detail);
	else
		prometheus_error(call, code, &call->error);
	(void)promql_free(query);
}

void prometheus_query(struct call *call)
{
	struct promql_run run = {.work_max = PROMETHEUS_WORK_MAX};
	struct form form;

	if (!prometheus_begin(call, &form))
		return;
	struct str time = form_get(&form, "time");

	run.start_ms = broker_now_us(call->api->options.broker) / US_PER_MS;
	if (time.len && !prometheus_time(time, &run.start_ms)) {
		prometheus_invalid(call, "time", "not a valid timestamp");
		return;
	}
	run.end_ms = run.start_ms;
	parse_and_evaluate(call, &form, &run);
}

void prometheus_query_range(struct call *call)
{
	struct promql_run run = {.work_max = PROMETHEUS_WORK_MAX};
	struct form form;

	if (!prometheus_begin(call, &form))
		return;
	if (!prometheus_time(form_get(&form, "start"), &run.start_ms))
		prometheus_invalid(call, "start", "not a valid timestamp");
	else if (!prometheus_time(form_get(&form, "end"), &run.end_ms))
		prometheus_invalid(call, "end", "not a valid timestamp");
	else if (run.end_ms < run.start_ms)
		prometheus_invalid(call, "end", "end timestamp must not be before start time");
	else if (!step_from(form_get(&form, "step"), &run.step_ms))
		prometheus_invalid(call, "step", "not a valid duration greater than 0");
	else
		parse_and_evaluate(call, &form, &run);
}

void prometheus_build_info(struct call *call)
{
	answer_text(call, 200, STR("application/json"),
		    arena_printf(call->arena,
				 "{\"status\":\"success\",\"data\":{\"version\":\"" PROMETHEUS_VERSION
				 "\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\","
				 "\"goVersion\":\"\",\"server\":\"Machi %s\"}}",
				 call->api->options.version));
}

/* What metrics mean is not known by name: attributes of the same name may be anything. */
void prometheus_metadata(struct call *call)
{
	answer_text(call, 200, STR("application/json"), STR("{\"status\":\"success\",\"data\":{}}"));
}
