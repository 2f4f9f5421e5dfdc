/* Functions of a range vector: rates and their kin, and what is taken over time. */
#include "promql/eval_int.h"

#include <math.h>
#include <stdlib.h>

/* What a function sees of a series at a step. */
struct window {
	const struct promql_point *points;
	size_t count;
	int64_t start_ms, end_ms; /* the range itself */
	int64_t time_ms; /* of the step */
	double parameters[2];
	double *values; /* room for count, where the function wants it */
};

/* Source: extrapolatedRate() of Prometheus: the difference of the last and the first sample, resets of a counter added,
 * drawn out to the ends of the range where a sample is to be expected near them. */
static bool extrapolated(const struct window *window, bool counter, bool per_second, double *ret)
{
	const struct promql_point *first = &window->points[0];

	if (window->count < 2)
		return false;
	const struct promql_point *last = &window->points[window->count - 1];
	double result = last->value - first->value;

	for (size_t i = 1; counter && i < window->count; i++)
		if (window->points[i].value < window->points[i - 1].value)
			result += window->points[i - 1].value;
	double to_start = (double)(first->time_ms - window->start_ms) / 1000;
	double to_end = (double)(window->end_ms - last->time_ms) / 1000;
	double sampled = (double)(last->time_ms - first->time_ms) / 1000;
	double average = sampled / (double)(window->count - 1);

	/* A counter is not below zero: no further back than to where it would have been zero. */
	if (counter && result > 0 && first->value >= 0) {
		double to_zero = sampled * (first->value / result);

		if (to_zero < to_start)
			to_start = to_zero;
	}
	double threshold = average * 1.1, interval = sampled;

	interval += to_start < threshold ? to_start : average / 2;
	interval += to_end < threshold ? to_end : average / 2;
	double factor = interval / sampled;

	if (per_second)
		factor /= (double)(window->end_ms - window->start_ms) / 1000;
	*ret = result * factor;
	return true;
}

static bool last_two(const struct window *window, bool rate, double *ret)
{
	if (window->count < 2)
		return false;
	const struct promql_point *last = &window->points[window->count - 1], *before = last - 1;
	double value = rate && last->value < before->value ? last->value : last->value - before->value;
	int64_t interval_ms = last->time_ms - before->time_ms;

	*ret = rate ? value / ((double)interval_ms / 1000) : value;
	return interval_ms != 0;
}

/* Least squares, times in seconds from origin_ms. */
static void regression(const struct window *window, int64_t origin_ms, double *slope, double *intercept)
{
	struct kahan x = {0}, y = {0}, xy = {0}, x2 = {0};
	double n = (double)window->count;
	bool constant = true;

	for (size_t i = 0; i < window->count; i++) {
		double value = window->points[i].value;
		double seconds = (double)(window->points[i].time_ms - origin_ms) / 1e3;

		constant = constant && value == window->points[0].value;
		kahan_add(&x, seconds);
		kahan_add(&y, value);
		kahan_add(&xy, seconds * value);
		kahan_add(&x2, seconds * seconds);
	}
	if (constant) {
		*slope = isinf(window->points[0].value) ? NAN : 0;
		*intercept = isinf(window->points[0].value) ? NAN : window->points[0].value;
		return;
	}
	double sum_x = x.sum + x.rest, sum_y = y.sum + y.rest;
	double covariance = xy.sum + xy.rest - sum_x * sum_y / n;
	double variance = x2.sum + x2.rest - sum_x * sum_x / n;

	*slope = covariance / variance;
	*intercept = sum_y / n - *slope * sum_x / n;
}

static bool predict(const struct window *window, bool slope_only, double *ret)
{
	double slope, intercept;

	if (window->count < 2)
		return false;
	regression(window, slope_only ? window->points[0].time_ms : window->time_ms, &slope, &intercept);
	*ret = slope_only ? slope : slope * window->parameters[0] + intercept;
	return true;
}

static double mean_of(const struct window *window)
{
	struct kahan mean = {0};

	for (size_t i = 0; i < window->count; i++) {
		double value = window->points[i].value, count = (double)(i + 1);

		if (isinf(mean.sum) && (isinf(value) ? (mean.sum > 0) == (value > 0) : !isnan(value)))
			continue;
		kahan_add(&mean, value / count - mean.sum / count);
	}
	return isinf(mean.sum) ? mean.sum : mean.sum + mean.rest;
}

static double sum_of(const struct window *window)
{
	struct kahan sum = {0};

	for (size_t i = 0; i < window->count; i++)
		kahan_add(&sum, window->points[i].value);
	return isinf(sum.sum) ? sum.sum : sum.sum + sum.rest;
}

static double variance_of(const struct window *window)
{
	struct kahan mean = {0}, squares = {0};

	for (size_t i = 0; i < window->count; i++) {
		double value = window->points[i].value;
		double delta = value - (mean.sum + mean.rest);

		kahan_add(&mean, delta / (double)(i + 1));
		kahan_add(&squares, delta * (value - (mean.sum + mean.rest)));
	}
	return (squares.sum + squares.rest) / (double)window->count;
}

static double extreme_of(const struct window *window, bool greatest)
{
	double extreme = window->points[0].value;

	for (size_t i = 1; i < window->count; i++) {
		double value = window->points[i].value;

		if (isnan(extreme) || (greatest ? value > extreme : value < extreme))
			extreme = value;
	}
	return extreme;
}

static double changes_of(const struct window *window, bool resets)
{
	double count = 0;

	for (size_t i = 1; i < window->count; i++) {
		double before = window->points[i - 1].value, value = window->points[i].value;

		if (resets)
			count += value < before;
		else
			count += value != before && !(isnan(value) && isnan(before));
	}
	return count;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	if (isnan(x) || isnan(y))
		return (isnan(y) != 0) - (isnan(x) != 0); /* NaN first */
	return (x > y) - (x < y);
}

double quantile_of(double q, double *values, size_t count)
{
	if (count == 0 || isnan(q))
		return NAN;
	if (q < 0 || q > 1)
		return q < 0 ? -INFINITY : INFINITY;
	qsort(values, count, sizeof(*values), compare_doubles);
	double rank = q * (double)(count - 1), weight = rank - floor(rank);
	size_t lower = (size_t)floor(rank), upper = lower + 1 < count ? lower + 1 : count - 1;

	return values[lower] * (1 - weight) + values[upper] * weight;
}

/* Double exponential smoothing. */
static bool smoothed(const struct window *window, double *ret)
{
	double factor = window->parameters[0], trend_factor = window->parameters[1];

	if (window->count < 2)
		return false;
	double before = 0, now = window->points[0].value, trend = window->points[1].value - window->points[0].value;

	for (size_t i = 1; i < window->count; i++) {
		if (i > 1)
			trend = trend_factor * (now - before) + (1 - trend_factor) * trend;
		double next = factor * window->points[i].value + (1 - factor) * (now + trend);

		before = now;
		now = next;
	}
	*ret = now;
	return true;
}

/* One line a function. False: nothing comes of this series. */
static bool compute(enum function_id id, const struct window *window, double *ret)
{
	switch (id) {
	case F_RATE:
		return extrapolated(window, true, true, ret);
	case F_INCREASE:
		return extrapolated(window, true, false, ret);
	case F_DELTA:
		return extrapolated(window, false, false, ret);
	case F_IRATE:
		return last_two(window, true, ret);
	case F_IDELTA:
		return last_two(window, false, ret);
	case F_DERIV:
		return predict(window, true, ret);
	case F_PREDICT_LINEAR:
		return predict(window, false, ret);
	case F_HOLT_WINTERS:
		return smoothed(window, ret);
	case F_AVG_OVER_TIME:
		*ret = mean_of(window);
		break;
	case F_SUM_OVER_TIME:
		*ret = sum_of(window);
		break;
	case F_MIN_OVER_TIME:
		*ret = extreme_of(window, false);
		break;
	case F_MAX_OVER_TIME:
		*ret = extreme_of(window, true);
		break;
	case F_COUNT_OVER_TIME:
		*ret = (double)window->count;
		break;
	case F_LAST_OVER_TIME:
		*ret = window->points[window->count - 1].value;
		break;
	case F_PRESENT_OVER_TIME:
		*ret = 1;
		break;
	case F_STDDEV_OVER_TIME:
		*ret = sqrt(variance_of(window));
		break;
	case F_STDVAR_OVER_TIME:
		*ret = variance_of(window);
		break;
	case F_CHANGES:
		*ret = changes_of(window, false);
		break;
	case F_RESETS:
		*ret = changes_of(window, true);
		break;
	case F_QUANTILE_OVER_TIME:
		for (size_t i = 0; i < window->count; i++)
			window->values[i] = window->points[i].value;
		*ret = quantile_of(window->parameters[0], window->values, window->count);
		break;
	default:
		return false;
	}
	return true;
}

/* The argument that is the range; evaluates the scalars beside it. */
static enum err_code arguments(struct eval *eval, const struct node *node, int64_t time_ms, struct window *window,
			       struct node **ret_range)
{
	size_t parameters = 0;
	enum err_code code = ERR_OK;

	for (size_t i = 0; !code && i < node->arg_count; i++)
		if (node->args[i]->type == PROMQL_MATRIX)
			*ret_range = unparen(node->args[i]);
		else
			code = eval_scalar(eval, node->args[i], time_ms, &window->parameters[parameters++]);
	if (!code && node->function->id == F_HOLT_WINTERS)
		for (size_t i = 0; i < 2; i++)
			if (!(window->parameters[i] > 0 && window->parameters[i] < 1))
				return err_set(eval->err, ERR_CONFLICT,
					       "invalid %s factor. Expected: 0 < factor < 1, got: %g",
					       i ? "trend" : "smoothing", window->parameters[i]);
	return code;
}

static enum err_code absent_over_time(struct eval *eval, struct node *node, struct vector *found, int64_t time_ms)
{
	if (found->count > 0) {
		found->count = 0;
		return ERR_OK;
	}
	enum err_code code = eval_room(eval, 1, found);

	if (code)
		return code;
	found->at[0] = (struct sample){labels_of_absent(eval, node->args[0]), 1, time_ms};
	found->count = 1;
	return found->at[0].labels ? ERR_OK : eval_no_memory(eval);
}

static enum err_code over_series(struct eval *eval, struct node *node, struct loaded *series, struct window *window,
				 struct vector *ret)
{
	enum function_id id = node->function->id;
	double value;

	loaded_window(series, window->start_ms, window->end_ms);
	window->points = series->points + series->from;
	window->count = series->to - series->from;
	if (window->count == 0)
		return ERR_OK;
	enum err_code code = eval_spend(eval, window->count);

	if (code)
		return code;
	if (id == F_QUANTILE_OVER_TIME) {
		window->values = arena_array(&eval->step, double, window->count);
		if (!window->values)
			return eval_no_memory(eval);
	}
	if (id == F_ABSENT_OVER_TIME)
		value = 0;
	else if (!compute(id, window, &value))
		return ERR_OK;
	struct labelset *labels =
		id == F_LAST_OVER_TIME ? series->labels : labels_without_name(eval, node, series->labels);

	if (!labels)
		return eval_no_memory(eval);
	ret->at[ret->count++] = (struct sample){labels, value, window->time_ms};
	return ERR_OK;
}

enum err_code eval_over_range(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	struct window window = {.time_ms = time_ms};
	struct node *range = NULL;
	enum err_code code = arguments(eval, node, time_ms, &window, &range);

	if (code)
		return code;
	if (!range)
		return err_set(eval->err, ERR_INTERNAL, "a function of a range without its range");
	window.end_ms = reference_ms(eval, range->kind == NODE_RANGE ? range->args[0] : range, time_ms);
	window.start_ms = window.end_ms - range->range_ms;
	code = eval_room(eval, range->series_count, ret);
	if (!code)
		code = eval_spend(eval, range->series_count);
	for (size_t i = 0; !code && i < range->series_count; i++)
		code = over_series(eval, node, &range->series[i], &window, ret);
	if (code)
		return code;
	return node->function->id == F_ABSENT_OVER_TIME ? absent_over_time(eval, node, ret, time_ms)
							: eval_unique(eval, ret);
}
