/* Functions of instant vectors and scalars. */
#include "promql/eval_int.h"

#include "base/time_value.h"

#include <math.h>
#include <stdlib.h>

/* ---- parts of dates ---- */

#define CIVIL_SECONDS_MAX 2e11 /* beyond year 8000; what lies further has no date */

static double part_of_date(enum function_id id, double time)
{
	if (!(fabs(time) < CIVIL_SECONDS_MAX))
		return NAN;
	int64_t seconds = (int64_t)time;
	int64_t days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0), minute = (seconds - days * 86400) / 60,
		hour = minute / 60;
	struct civil_date date = civil_from_days(days);
	struct civil_date next = {date.month == 12 ? date.year + 1 : date.year, date.month % 12 + 1, 1};

	switch (id) {
	case F_MINUTE:
		return (double)(minute % 60);
	case F_HOUR:
		return (double)hour;
	case F_DAY_OF_WEEK: /* from Sunday, 0 */
		return (weekday_from_days(days) + 1) % 7;
	case F_DAY_OF_MONTH:
		return date.day;
	case F_DAY_OF_YEAR:
		return (double)(days - days_from_civil((struct civil_date){date.year, 1, 1}) + 1);
	case F_DAYS_IN_MONTH:
		return (double)(days_from_civil(next) - days_from_civil((struct civil_date){date.year, date.month, 1}));
	case F_MONTH:
		return date.month;
	default:
		return date.year;
	}
}

/* ---- a value of each sample ---- */

/* As Go's math.Max and math.Min: NaN when one is. */
static double larger(double a, double b)
{
	return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

static double smaller(double a, double b)
{
	return isnan(a) || isnan(b) ? NAN : fmin(a, b);
}

static double of_sample(const struct node *node, const struct sample *sample, const double *parameters, int64_t time_ms)
{
	double value = sample->value, inverse;

	switch (node->function->id) {
	case F_VALUE:
		return node->function->of_value(value);
	case F_CLAMP:
		return larger(parameters[0], smaller(parameters[1], value));
	case F_CLAMP_MAX:
		return smaller(parameters[0], value);
	case F_CLAMP_MIN:
		return larger(parameters[0], value);
	case F_ROUND: /* parameters[0] is 1 when it is not given */
		inverse = 1.0 / parameters[0];
		return floor(value * inverse + 0.5) / inverse;
	case F_TIMESTAMP:
		return (double)(unparen(node->args[0])->kind == NODE_SELECTOR ? sample->time_ms : time_ms) / 1000;
	default:
		return part_of_date(node->function->id, value);
	}
}

static enum err_code of_samples(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	double parameters[2] = {1, 0};
	enum err_code code = eval_vector(eval, node->args[0], time_ms, ret);

	for (size_t i = 1; !code && i < node->arg_count; i++)
		code = eval_scalar(eval, node->args[i], time_ms, &parameters[i - 1]);
	if (!code)
		code = eval_spend(eval, ret->count);
	if (code)
		return code;
	if (node->function->id == F_CLAMP && parameters[1] < parameters[0])
		ret->count = 0;
	for (size_t i = 0; i < ret->count; i++) {
		struct sample *sample = &ret->at[i];

		sample->value = of_sample(node, sample, parameters, time_ms);
		sample->labels = labels_without_name(eval, node, sample->labels);
		if (!sample->labels)
			return eval_no_memory(eval);
	}
	return eval_unique(eval, ret);
}

/* ---- the others ---- */

static enum err_code one_sample(struct eval *eval, struct labelset *labels, double value, int64_t time_ms,
				struct vector *ret)
{
	enum err_code code = labels ? eval_room(eval, 1, ret) : eval_no_memory(eval);

	if (!code)
		ret->at[ret->count++] = (struct sample){labels, value, time_ms};
	return code;
}

static enum err_code absent(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	enum err_code code = eval_vector(eval, node->args[0], time_ms, ret);

	if (code)
		return code;
	if (ret->count == 0)
		return one_sample(eval, labels_of_absent(eval, node->args[0]), 1, time_ms, ret);
	ret->count = 0;
	return ERR_OK;
}

static enum err_code to_scalar(struct eval *eval, struct node *node, int64_t time_ms, double *ret)
{
	struct vector vector;
	enum err_code code = eval_vector(eval, node->args[0], time_ms, &vector);

	if (!code)
		*ret = vector.count == 1 ? vector.at[0].value : NAN;
	return code;
}

static enum err_code to_vector(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	double value = 0;
	enum err_code code = eval_scalar(eval, node->args[0], time_ms, &value);

	return code ? code : one_sample(eval, eval->empty, value, time_ms, ret);
}

/* NaN last either way. */
static int compare_samples(const void *a, const void *b, bool descending)
{
	double x = ((const struct sample *)a)->value, y = ((const struct sample *)b)->value;

	if (isnan(x) || isnan(y))
		return (isnan(x) != 0) - (isnan(y) != 0);
	return descending ? (x < y) - (x > y) : (x > y) - (x < y);
}

static int ascending(const void *a, const void *b)
{
	return compare_samples(a, b, false);
}

static int descending(const void *a, const void *b)
{
	return compare_samples(a, b, true);
}

static enum err_code sorted(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	enum err_code code = eval_vector(eval, node->args[0], time_ms, ret);

	if (!code)
		qsort(ret->at, ret->count, sizeof(*ret->at),
		      node->function->id == F_SORT_DESC ? descending : ascending);
	return code;
}

enum err_code eval_call(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret)
{
	switch (node->function->id) {
	case F_PI:
		ret->scalar = M_PI;
		return ERR_OK;
	case F_TIME:
		ret->scalar = (double)time_ms / 1000;
		return ERR_OK;
	case F_SCALAR:
		return to_scalar(eval, node, time_ms, &ret->scalar);
	case F_VECTOR:
		return to_vector(eval, node, time_ms, &ret->vector);
	case F_ABSENT:
		return absent(eval, node, time_ms, &ret->vector);
	case F_SORT:
	case F_SORT_DESC:
		return sorted(eval, node, time_ms, &ret->vector);
	case F_HISTOGRAM_QUANTILE:
		return histogram_quantile(eval, node, time_ms, &ret->vector);
	case F_LABEL_JOIN:
	case F_LABEL_REPLACE:
		return label_functions(eval, node, time_ms, &ret->vector);
	default:
		break;
	}
	for (size_t i = 0; i < node->arg_count; i++)
		if (node->args[i]->type == PROMQL_MATRIX)
			return eval_over_range(eval, node, time_ms, &ret->vector);
	if (node->arg_count == 0) /* hour() and the like: of now */
		return one_sample(eval, eval->empty, part_of_date(node->function->id, (double)time_ms / 1000), time_ms,
				  &ret->vector);
	return of_samples(eval, node, time_ms, &ret->vector);
}
