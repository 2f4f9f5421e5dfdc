/* What a query needs before its steps are gone through: samples for its selectors, and its subqueries evaluated. */
#include "promql/eval_int.h"

#include <string.h>

#define SUBQUERY_STEP_MS INT64_C(60000) /* when it says none: Prometheus's evaluation interval */

int64_t reference_ms(const struct eval *eval, const struct node *node, int64_t time_ms)
{
	switch (node->at) {
	case AT_NONE:
		break;
	case AT_TIME:
		time_ms = node->at_ms;
		break;
	case AT_START:
		time_ms = eval->run->start_ms;
		break;
	case AT_END:
		time_ms = eval->run->end_ms;
		break;
	}
	return time_ms - node->offset_ms;
}

/* The first point later than this time, from `from` on. */
static size_t later_than(const struct loaded *series, size_t from, int64_t time_ms)
{
	size_t low = from, high, stride = 1;

	/* Steps lie close together: look near by first. */
	for (high = from; high < series->count && series->points[high].time_ms <= time_ms; stride *= 2) {
		low = high + 1;
		high += stride;
	}
	if (high > series->count)
		high = series->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (series->points[middle].time_ms <= time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void loaded_window(struct loaded *series, int64_t from_ms, int64_t to_ms)
{
	bool back = series->from > 0 && series->points[series->from - 1].time_ms >= from_ms;

	series->from = later_than(series, back ? 0 : series->from, from_ms - 1);
	if (series->to <= series->from || series->points[series->to - 1].time_ms > to_ms)
		series->to = series->from;
	series->to = later_than(series, series->to, to_ms);
}

static enum err_code load(struct eval *eval, struct node *node, const struct promql_request *request)
{
	const struct promql_series *series = NULL;
	size_t count = 0;
	enum err_code code = eval->source->select(eval->source->self, request, eval->arena, &series, &count, eval->err);

	if (code)
		return code;
	node->series = arena_array(eval->arena, struct loaded, count);
	if (!node->series)
		return eval_no_memory(eval);
	for (size_t i = 0; i < count; i++) {
		if (series[i].labels.count > PROMQL_LABELS_MAX)
			return err_set(eval->err, ERR_LIMIT, "a series of more than %u labels", PROMQL_LABELS_MAX);
		struct labelset *labels = labels_intern(eval, series[i].labels.at, series[i].labels.count);

		if (!labels)
			return eval_no_memory(eval);
		node->series[i] = (struct loaded){labels, series[i].points, series[i].count, 0, 0};
	}
	node->series_count = count;
	return ERR_OK;
}

static enum err_code load_selector(struct eval *eval, struct node *node, const struct node *selector,
				   const struct steps *steps, int64_t back_ms)
{
	struct promql_request request = {
		.selector = &selector->selector,
		.from_ms = reference_ms(eval, selector, steps->start_ms) - back_ms,
		.to_ms = reference_ms(eval, selector, steps->end_ms),
		.start_ms = reference_ms(eval, selector, steps->start_ms),
		.step_ms = steps->start_ms == steps->end_ms || selector->at != AT_NONE ? 0 : steps->step_ms,
		.range_ms = node->range_ms,
	};

	return load(eval, node, &request);
}

static int64_t round_up(int64_t time_ms, int64_t step_ms)
{
	int64_t down = time_ms / step_ms * step_ms;

	return down < time_ms ? down + step_ms : down;
}

static enum err_code prepare_subquery(struct eval *eval, struct node *node, const struct steps *steps)
{
	struct steps inner = {
		.step_ms = node->step_ms ? node->step_ms : SUBQUERY_STEP_MS,
		.end_ms = reference_ms(eval, node, steps->end_ms),
	};

	inner.start_ms = round_up(reference_ms(eval, node, steps->start_ms) - node->range_ms, inner.step_ms);
	if (inner.start_ms > inner.end_ms)
		return ERR_OK;
	enum err_code code = prepare(eval, node->args[0], &inner);

	return code ? code : eval_steps(eval, node->args[0], &inner, &node->series, &node->series_count);
}

static bool out_of_bounds(const struct eval *eval, const struct node *node, const struct steps *steps)
{
	int64_t start_ms = reference_ms(eval, node, steps->start_ms), end_ms = reference_ms(eval, node, steps->end_ms);

	return start_ms < -PROMQL_TIME_MS_MAX || end_ms > PROMQL_TIME_MS_MAX || start_ms > PROMQL_TIME_MS_MAX ||
	       end_ms < -PROMQL_TIME_MS_MAX;
}

enum err_code prepare(struct eval *eval, struct node *node, const struct steps *steps)
{
	const struct node *timed = node->kind == NODE_RANGE ? node->args[0] : node;

	if (out_of_bounds(eval, timed, steps))
		return err_set(eval->err, ERR_INVALID, "a time out of bounds");
	switch (node->kind) {
	case NODE_SELECTOR:
		return load_selector(eval, node, node, steps, eval->run->lookback_ms);
	case NODE_RANGE:
		return load_selector(eval, node, node->args[0], steps, node->range_ms);
	case NODE_SUBQUERY:
		return prepare_subquery(eval, node, steps);
	default:
		break;
	}
	for (size_t i = 0; i < node->arg_count; i++) {
		enum err_code code = prepare(eval, node->args[i], steps);

		if (code)
			return code;
	}
	return ERR_OK;
}
