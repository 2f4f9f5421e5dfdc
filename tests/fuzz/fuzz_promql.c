/* PromQL: whatever the query, it is refused or answered within its bounds; an answer has ordered, unique labels and
 * times in their order. The samples are few and fixed. */
#include "promql/promql.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MAX 200000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct promql_point points[] = {{0, 1}, {60000, 3}, {120000, 2}, {200000, 0.5}, {1000000, -4}};

static enum err_code select_series(void *self, const struct promql_request *request, struct arena *arena,
				   const struct promql_series **ret_series, size_t *ret_count, struct error *err)
{
	static const char *const names[] = {"a", "b"}, *const values[] = {"x", "y", "+Inf"};
	struct promql_series *found = arena_array(arena, struct promql_series, 6);

	(void)self;
	if (!found)
		return err_set(err, ERR_MEMORY, "no memory");
	if (request->from_ms > request->to_ms)
		abort();
	*ret_count = 0;
	for (size_t i = 0; i < 6; i++) {
		struct promql_label *labels = arena_array(arena, struct promql_label, 2);

		if (!labels)
			return err_set(err, ERR_MEMORY, "no memory");
		labels[0] = (struct promql_label){STR("__name__"), str_from(names[i % 2])};
		labels[1] = (struct promql_label){STR("le"), str_from(values[i / 2])};
		found[*ret_count] = (struct promql_series){{labels, 2}, points, 5 - i / 2};
		if (promql_selector_holds(request->selector, &found[*ret_count].labels))
			(*ret_count)++;
	}
	*ret_series = found;
	return ERR_OK;
}

static void expect(bool so)
{
	if (!so)
		abort();
}

static void look_at(const struct promql_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct promql_series *series = &result->series[i];

		expect(series->count > 0 && series->labels.count <= PROMQL_LABELS_MAX);
		for (size_t j = 0; j < series->labels.count; j++)
			expect(series->labels.at[j].value.len > 0);
		for (size_t j = 1; j < series->labels.count; j++)
			expect(str_cmp(series->labels.at[j - 1].name, series->labels.at[j].name) < 0);
		for (size_t j = 1; j < series->count; j++)
			expect(series->points[j - 1].time_ms < series->points[j].time_ms);
	}
}

static void run(struct str text, struct promql_run run)
{
	const struct promql_source source = {select_series, NULL};
	struct promql_query *query = NULL;
	struct promql_result result;
	struct error err;
	struct arena arena;

	run.work_max = WORK_MAX;
	arena_init(&arena, (size_t)64 << 20);
	enum err_code code = promql_parse(&arena, text, &query, &err);

	if (!code)
		code = promql_eval(query, &run, &source, &arena, &result, &err);
	if (!code)
		look_at(&result);
	(void)promql_free(query);
	arena_done(&arena);
	expect(code != ERR_INTERNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	run(text, (struct promql_run){.start_ms = 250000, .end_ms = 250000});
	run(text, (struct promql_run){.start_ms = 0, .end_ms = 300000, .step_ms = 30000});
	return 0;
}
