/* Evaluates PromQL over samples of a file, for compare.py, which puts the answers beside Prometheus's own.
 *
 * Usage: evaluate SAMPLES. A line of SAMPLES is a sample: "a=b;c=d<TAB>TIME_MS<TAB>VALUE", in the order of labels, then
 * time. A line of standard input is a query: "TIME_MS<TAB>TEXT" or "START_MS<TAB>END_MS<TAB>STEP_MS<TAB>TEXT"; the
 * answer is a line of JSON as Prometheus's API has it. */
#include "base/buf.h"
#include "promql/promql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 1000u
#define POINTS_MAX 20000u
#define LINE_MAX_BYTES 70000u
#define ARENA_BYTES_MAX ((size_t)512 << 20)

struct samples {
	struct arena arena;
	struct promql_series series[SERIES_MAX];
	size_t count;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "evaluate: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct promql_labels read_labels(struct arena *arena, struct str text)
{
	struct promql_label *labels = arena_array(arena, struct promql_label, PROMQL_LABELS_MAX);
	struct str rest = arena_dup(arena, text), pair;
	size_t count = 0;

	while (str_next(&rest, ';', &pair)) {
		struct str name;

		if (!str_next(&pair, '=', &name))
			die("a label without value");
		labels[count++] = (struct promql_label){name, pair};
	}
	return (struct promql_labels){labels, count};
}

static void read_sample(struct samples *samples, struct str *last, struct str line)
{
	struct str labels, time;
	struct promql_point point = {0};

	if (!str_next(&line, '\t', &labels) || !str_next(&line, '\t', &time) || !str_to_int64(time, &point.time_ms) ||
	    !str_to_double(line, &point.value))
		die("a sample that is none");
	if (!str_eq(labels, *last)) {
		struct promql_series *series = &samples->series[samples->count++];

		if (samples->count > SERIES_MAX)
			die("too many series");
		*last = arena_dup(&samples->arena, labels);
		*series = (struct promql_series){read_labels(&samples->arena, labels),
						 arena_array(&samples->arena, struct promql_point, POINTS_MAX), 0};
	}
	struct promql_series *series = &samples->series[samples->count - 1];

	((struct promql_point *)(uintptr_t)series->points)[series->count++] = point;
}

static void read_samples(struct samples *samples, const char *path)
{
	static char line[LINE_MAX_BYTES];
	FILE *file = fopen(path, "re");
	struct str last = STR_NONE;

	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file))
		read_sample(samples, &last, str_trim(str_from(line)));
	(void)fclose(file);
}

/* Only what was asked for, so that a query which looks beyond is seen. */
static enum err_code select_series(void *self, const struct promql_request *request, struct arena *arena,
				   const struct promql_series **ret_series, size_t *ret_count, struct error *err)
{
	const struct samples *samples = self;
	struct promql_series *found = arena_array(arena, struct promql_series, samples->count);
	size_t count = 0;

	if (!found)
		return err_set(err, ERR_MEMORY, "no memory for series");
	for (size_t i = 0; i < samples->count; i++) {
		struct promql_series series = samples->series[i];

		if (!promql_selector_holds(request->selector, &series.labels))
			continue;
		while (series.count > 0 && series.points[0].time_ms < request->from_ms) {
			series.points++;
			series.count--;
		}
		while (series.count > 0 && series.points[series.count - 1].time_ms > request->to_ms)
			series.count--;
		if (series.count > 0)
			found[count++] = series;
	}
	*ret_series = found;
	*ret_count = count;
	return ERR_OK;
}

static void put_text(struct buf *out, struct str text)
{
	buf_put_char(out, '"');
	for (size_t i = 0; i < text.len; i++)
		if ((uint8_t)text.at[i] < ' ' || text.at[i] == '"' || text.at[i] == '\\')
			buf_printf(out, "\\u%04x", (uint8_t)text.at[i]);
		else
			buf_put_char(out, text.at[i]);
	buf_put_char(out, '"');
}

static void put_point(struct buf *out, int64_t time_ms, double value)
{
	char number[PROMQL_NUMBER_BYTES];

	buf_printf(out, "[%.3f,\"%.*s\"]", (double)time_ms / 1000, STR_FMT(promql_number_text(value, number)));
}

static void put_series(struct buf *out, const struct promql_series *series, bool instant)
{
	buf_put(out, STR("{\"metric\":{"));
	for (size_t i = 0; i < series->labels.count; i++) {
		if (i)
			buf_put_char(out, ',');
		put_text(out, series->labels.at[i].name);
		buf_put_char(out, ':');
		put_text(out, series->labels.at[i].value);
	}
	buf_put(out, instant ? STR("},\"value\":") : STR("},\"values\":["));
	for (size_t i = 0; i < series->count; i++) {
		if (i)
			buf_put_char(out, ',');
		put_point(out, series->points[i].time_ms, series->points[i].value);
	}
	buf_put(out, instant ? STR("}") : STR("]}"));
}

static void put_result(struct buf *out, const struct promql_result *result, int64_t time_ms)
{
	buf_printf(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":",
		   promql_type_name(result->type));
	if (result->type == PROMQL_SCALAR) {
		put_point(out, time_ms, result->scalar);
	} else if (result->type == PROMQL_STRING) {
		buf_printf(out, "[%.3f,", (double)time_ms / 1000);
		put_text(out, result->string);
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
	buf_put(out, STR("}}"));
}

static void answer(struct samples *samples, struct str line, struct buf *out)
{
	const struct promql_source source = {select_series, samples};
	struct promql_run run = {0};
	struct promql_query *query = NULL;
	struct promql_result result;
	struct error err = {0};
	struct str field;
	struct arena arena;
	int64_t times[3] = {0};
	size_t count = 0;

	for (; count < 3; count++) {
		struct str rest = line;

		if (!str_next(&rest, '\t', &field) || !rest.at || !str_to_int64(field, &times[count]))
			break;
		line = rest;
	}
	run = count == 1 ? (struct promql_run){.start_ms = times[0], .end_ms = times[0]}
			 : (struct promql_run){.start_ms = times[0], .end_ms = times[1], .step_ms = times[2]};
	arena_init(&arena, ARENA_BYTES_MAX);
	enum err_code code = promql_parse(&arena, line, &query, &err);

	if (!code)
		code = promql_eval(query, &run, &source, &arena, &result, &err);
	if (code) {
		buf_put(out, STR("{\"status\":\"error\",\"error\":"));
		put_text(out, str_from(err.detail));
		buf_put_char(out, '}');
	} else {
		put_result(out, &result, times[0]);
	}
	(void)promql_free(query);
	arena_done(&arena);
}

int main(int argc, char **argv)
{
	static struct samples samples;
	static char line[LINE_MAX_BYTES];
	struct buf out;

	if (argc != 2)
		die("usage: evaluate SAMPLES");
	arena_init(&samples.arena, ARENA_BYTES_MAX);
	read_samples(&samples, argv[1]);
	buf_init(&out, (size_t)256 << 20);
	while (fgets(line, sizeof(line), stdin)) {
		struct str text = str_from(line);

		buf_clear(&out);
		answer(&samples, str_part(text, 0, text.len - 1), &out);
		(void)printf("%.*s\n", STR_FMT(buf_str(&out)));
	}
	buf_done(&out);
	arena_done(&samples.arena);
	return EXIT_SUCCESS;
}
