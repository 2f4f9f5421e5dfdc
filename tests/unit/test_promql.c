/* PromQL where Prometheus itself is not at hand (tests/promql compares the two): texts of numbers and names, bounds,
 * errors with their places, and values computed by hand. */
#include "base/buf.h"
#include "check.h"
#include "promql/promql.h"

#include <string.h>

/* A counter that is reset, 0 to 600 s, and a gauge of two rooms. */
static const struct promql_point counter[] = {{0, 0}, {60000, 60}, {120000, 120}, {180000, 30}, {240000, 90}};
static const struct promql_point warm[] = {{0, 20}, {60000, 21}, {120000, 22}, {180000, 23}, {240000, 24}};
static const struct promql_point cold[] = {{0, 5}, {60000, 6}, {120000, 4}};
static const struct promql_label counter_labels[] = {{{"__name__", 8}, {"energy", 6}}, {{"id", 2}, {"m1", 2}}};
static const struct promql_label warm_labels[] = {{{"__name__", 8}, {"temp", 4}}, {{"room", 4}, {"a", 1}}};
static const struct promql_label cold_labels[] = {{{"__name__", 8}, {"temp", 4}}, {{"room", 4}, {"b", 1}}};
static const struct promql_series all[] = {
	{{counter_labels, 2}, counter, 5},
	{{warm_labels, 2}, warm, 5},
	{{cold_labels, 2}, cold, 3},
};

struct seen {
	struct promql_request request;
	unsigned calls;
};

static enum err_code select_series(void *self, const struct promql_request *request, struct arena *arena,
				   const struct promql_series **ret_series, size_t *ret_count, struct error *err)
{
	struct promql_series *found = arena_array(arena, struct promql_series, 3);
	struct seen *seen = self;

	if (!found)
		return err_set(err, ERR_MEMORY, "no memory");
	seen->request = *request;
	seen->calls++;
	*ret_count = 0;
	for (size_t i = 0; i < 3; i++)
		if (promql_selector_holds(request->selector, &all[i].labels))
			found[(*ret_count)++] = all[i];
	*ret_series = found;
	return ERR_OK;
}

/* The answer as text: "{room=a} 20@0 21@60;", or the error. */
static enum err_code ask_run(struct str text, const struct promql_run *run, struct buf *out, struct seen *seen)
{
	const struct promql_source source = {select_series, seen};
	struct promql_query *query = NULL;
	struct promql_result result;
	struct error err = {0};
	struct arena arena;
	char number[PROMQL_NUMBER_BYTES];

	arena_init(&arena, (size_t)64 << 20);
	enum err_code code = promql_parse(&arena, text, &query, &err);

	if (!code)
		code = promql_eval(query, run, &source, &arena, &result, &err);
	if (code) {
		buf_put(out, str_from(err.detail));
	} else if (result.type == PROMQL_SCALAR) {
		buf_put(out, promql_number_text(result.scalar, number));
	} else if (result.type == PROMQL_STRING) {
		buf_put(out, result.string);
	} else {
		for (size_t i = 0; i < result.count; i++) {
			const struct promql_series *series = &result.series[i];

			for (size_t j = 0; j < series->labels.count; j++)
				buf_printf(out, "%s%.*s=%.*s", j ? "," : "", STR_FMT(series->labels.at[j].name),
					   STR_FMT(series->labels.at[j].value));
			for (size_t j = 0; j < series->count; j++)
				buf_printf(out, " %.*s@%ld",
					   STR_FMT(promql_number_text(series->points[j].value, number)),
					   (long)(series->points[j].time_ms / 1000));
			buf_put(out, STR("; "));
		}
	}
	(void)promql_free(query);
	arena_done(&arena);
	return code;
}

static void check_ask(const char *text, const struct promql_run *run, const char *expected)
{
	struct seen seen = {0};
	struct buf out;

	buf_init(&out, 1u << 20);
	(void)ask_run(str_from(text), run, &out, &seen);
	CHECK_STR(buf_str(&out), str_from(expected));
	buf_done(&out);
}

#define AT(seconds, text, expected)                                                                                    \
	check_ask(text, &(struct promql_run){.start_ms = (seconds)*1000, .end_ms = (seconds)*1000}, expected)
#define OVER(start, end, step, text, expected)                                                                         \
	check_ask(text, &(struct promql_run){.start_ms = (start)*1000, .end_ms = (end)*1000, .step_ms = (step)*1000},  \
		  expected)

static void instants(void)
{
	AT(100, "temp", "__name__=temp,room=a 21@100; __name__=temp,room=b 6@100; ");
	/* 300 s behind its last sample a series is still there, a millisecond later not */
	AT(420, "temp{room='b'}", "__name__=temp,room=b 4@420; ");
	AT(421, "temp{room='b'}", "");
	AT(-1, "temp", "");
	AT(100, "sum(temp)", " 27@100; ");
	AT(100, "temp - on () group_left energy", "room=a -39@100; room=b -54@100; ");
	AT(100, "\"text\"", "text");
	AT(100, "1 + 2 * 3 ^ 2", "19");
}

/* 0…240 s: 120 up, then 30 from nothing, then 60: 210; sampled from end to end, so nothing is drawn out. */
static void rates(void)
{
	AT(240, "increase(energy[4m])", "id=m1 210@240; ");
	AT(240, "rate(energy[4m])", "id=m1 0.875@240; ");
	AT(240, "resets(energy[4m])", "id=m1 1@240; ");
	AT(240, "deriv(temp{room='a'}[4m]) * 60", "room=a 1@240; ");
	AT(240, "predict_linear(temp{room='a'}[4m], 120)", "room=a 26@240; ");
	AT(240, "avg_over_time(temp[2m])", "room=a 23@240; room=b 4@240; ");
	AT(240, "stdvar_over_time(temp{room='a'}[4m])", "room=a 2@240; ");
}

static void ranges(void)
{
	OVER(0, 120, 60, "temp", "__name__=temp,room=a 20@0 21@60 22@120; __name__=temp,room=b 5@0 6@60 4@120; ");
	OVER(0, 120, 60, "time()", " 0@0 60@60 120@120; ");
	OVER(0, 240, 120, "temp > 20", "__name__=temp,room=a 22@120 24@240; ");
	OVER(0, 0, 1, "\"a\"", "invalid expression type \"string\" for range query, must be Scalar or instant Vector");
	OVER(0, 240, 120, "max_over_time(sum(temp)[2m:1m])", " 25@0 27@120 28@240; ");
}

static void sources_are_asked_for_what_is_needed(void)
{
	struct promql_run run = {.start_ms = 1000000, .end_ms = 2000000, .step_ms = 50000};
	struct seen seen = {0};
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK(!ask_run(STR("rate(energy[1m] offset 10s)"), &run, &out, &seen));
	CHECK(seen.calls == 1 && seen.request.from_ms == 930000 && seen.request.to_ms == 1990000);
	CHECK(seen.request.step_ms == 50000 && seen.request.range_ms == 60000);
	CHECK(!ask_run(STR("temp @ 1500"), &run, &out, &seen));
	CHECK(seen.request.from_ms == 1200000 && seen.request.to_ms == 1500000 && seen.request.step_ms == 0);
	buf_done(&out);
}

static void errors_name_their_place(void)
{
	AT(0, "", "1:1: parse error: no expression found in input");
	AT(0, "sum(temp", "1:9: parse error: unexpected end of input in the arguments of a function");
	AT(0, "1 +\n  )", "2:3: parse error: unexpected \")\" in an expression");
	AT(0, "{}", "1:1: parse error: vector selector must contain at least one non-empty matcher");
	AT(0, "rate(temp)",
	   "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector");
	AT(0, "f(1)", "1:1: parse error: unknown function with name \"f\"");
	AT(0, "temp{room=~\"(\"}", "not a regular expression: missing ): (");
	AT(0, "energy + on () temp",
	   "found duplicate series for the match group {} on the right hand-side of the operation; "
	   "many-to-many matching not allowed: matching labels must be unique on one side");
}

static enum err_code repeated(const char *start, const char *part, size_t count, const char *middle, const char *close)
{
	const struct promql_run run = {0};
	struct buf text, out;
	struct seen seen = {0};

	buf_init(&text, 1u << 20);
	buf_init(&out, 1u << 20);
	buf_put(&text, str_from(start));
	for (size_t i = 0; i < count; i++)
		buf_put(&text, str_from(part));
	buf_put(&text, str_from(middle));
	for (size_t i = 0; i < count; i++)
		buf_put(&text, str_from(close));
	enum err_code code = ask_run(buf_str(&text), &run, &out, &seen);

	buf_done(&text);
	buf_done(&out);
	return code;
}

static void bounds(void)
{
	struct promql_run run = {.end_ms = PROMQL_STEPS_MAX - 1, .step_ms = 1};
	struct seen seen = {0};
	struct buf out;

	CHECK(repeated("", "(", PROMQL_DEPTH_MAX - 1, "1", ")") == ERR_OK);
	CHECK(repeated("", "(", PROMQL_DEPTH_MAX, "1", ")") == ERR_LIMIT);
	CHECK(repeated("", "-", PROMQL_DEPTH_MAX, "1", "") == ERR_LIMIT);
	CHECK(repeated("1", "+1", PROMQL_NODES_MAX / 2 - 1, "", "") == ERR_OK);
	CHECK(repeated("1", "+1", PROMQL_NODES_MAX / 2, "", "") == ERR_LIMIT);
	CHECK(repeated("sum by (", "a,", PROMQL_LABELS_MAX, ") (temp)", "") == ERR_OK);
	CHECK(repeated("sum by (", "a,", PROMQL_LABELS_MAX + 1, ") (temp)", "") == ERR_LIMIT);
	CHECK(repeated("temp{", "a='',", PROMQL_LABELS_MAX - 1, "}", "") == ERR_OK);
	CHECK(repeated("temp{", "a='',", PROMQL_LABELS_MAX, "}", "") == ERR_LIMIT);
	CHECK(repeated("label_join(temp,'a','b'", ",'c'", PROMQL_ARGUMENTS_MAX - 3, ")", "") == ERR_OK);
	CHECK(repeated("label_join(temp,'a','b'", ",'c'", PROMQL_ARGUMENTS_MAX - 2, ")", "") == ERR_LIMIT);
	CHECK(repeated("'", "a", PROMQL_TEXT_BYTES_MAX, "'", "") == ERR_LIMIT);
	buf_init(&out, 1u << 20);
	CHECK(!ask_run(STR("vector(1)"), &run, &out, &seen));
	run.end_ms++;
	CHECK(ask_run(STR("vector(1)"), &run, &out, &seen) == ERR_LIMIT);
	run = (struct promql_run){.start_ms = 240000, .end_ms = 240000, .work_max = 20};
	CHECK(!ask_run(STR("sum_over_time(temp[4m])"), &run, &out, &seen));
	run.work_max = 4;
	CHECK(ask_run(STR("sum_over_time(temp[4m])"), &run, &out, &seen) == ERR_TOO_COMPLEX);
	buf_done(&out);
}

static void texts_of_numbers(void)
{
	static const struct {
		double value;
		const char *number, *plain;
	} cases[] = {
		{0, "0", "0"},
		{-0.0, "-0", "-0"},
		{27.35, "27.35", "27.35"},
		{-1234567, "-1234567", "-1234567"},
		{0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
		{1e-6, "0.000001", "0.000001"},
		{1.5e-7, "1.5e-07", "0.00000015"},
		{123456789012345680000.0, "123456789012345680000", "123456789012345680000"},
		{1e21, "1e+21", "1000000000000000000000"},
		{5e-324, "5e-324", NULL},
		{HUGE_VAL, "+Inf", "+Inf"},
		{-HUGE_VAL, "-Inf", "-Inf"},
		{NAN, "NaN", "NaN"},
	};
	char buffer[PROMQL_NUMBER_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_STR(promql_number_text(cases[i].value, buffer), str_from(cases[i].number));
		if (cases[i].plain)
			CHECK_STR(promql_plain_text(cases[i].value, buffer), str_from(cases[i].plain));
	}
	CHECK(promql_plain_text(5e-324, buffer).len == 326);
	CHECK(promql_plain_text(-1.7976931348623157e308, buffer).len == 310);
}

static void names_and_durations(void)
{
	struct arena arena;
	int64_t ms;

	arena_init(&arena, 1u << 20);
	CHECK_STR(promql_name_from(&arena, STR("usage_idle")), STR("usage_idle"));
	CHECK_STR(promql_name_from(&arena, STR("temp (\xC2\xB0"
					       "C)")),
		  STR("temp___C_"));
	CHECK_STR(promql_name_from(&arena, STR("5min")), STR("_5min"));
	CHECK_STR(promql_name_from(&arena, STR("")), STR("_"));
	arena_done(&arena);
	CHECK(promql_duration_from(STR("1h30m"), &ms) && ms == 5400000);
	CHECK(promql_duration_from(STR("1y2w3d4h5m6s7ms"), &ms) &&
	      ms == 31536000000 + 1209600000 + 259200000 + 14400000 + 300000 + 6000 + 7);
	CHECK(!promql_duration_from(STR(""), &ms) && !promql_duration_from(STR("5"), &ms));
	CHECK(!promql_duration_from(STR("1m1h"), &ms) && !promql_duration_from(STR("1m1m"), &ms));
	CHECK(!promql_duration_from(STR("0s"), &ms) && !promql_duration_from(STR("99999999999y"), &ms));
}

static void selectors(void)
{
	struct promql_query *query = NULL;
	struct promql_selector selector;
	struct error err = {0};
	struct arena arena;

	arena_init(&arena, 1u << 20);
	CHECK_OK(promql_parse(&arena, STR("temp{room=~\"a|c\"}"), &query, &err), &err);
	CHECK_OK(promql_selector(query, &selector, &err), &err);
	CHECK(!promql_selector_holds(&selector, &all[0].labels) && promql_selector_holds(&selector, &all[1].labels) &&
	      !promql_selector_holds(&selector, &all[2].labels));
	query = promql_free(query);
	CHECK_OK(promql_parse(&arena, STR("temp offset 5m"), &query, &err), &err);
	CHECK(promql_selector(query, &selector, &err) == ERR_INVALID);
	(void)promql_free(query);
	arena_done(&arena);
}

int main(void)
{
	RUN(instants);
	RUN(rates);
	RUN(ranges);
	RUN(sources_are_asked_for_what_is_needed);
	RUN(errors_name_their_place);
	RUN(bounds);
	RUN(texts_of_numbers);
	RUN(names_and_durations);
	RUN(selectors);
	return check_done();
}
