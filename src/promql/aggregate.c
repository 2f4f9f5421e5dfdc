/* Aggregations: sum, avg, …, topk, quantile, count_values. */
#include "promql/eval_int.h"

#include <math.h>
#include <stdlib.h>

struct group {
	struct labelset *labels;
	double count, value, mean;
	size_t first; /* of its members, once they are sorted */
};

/* A sample of a group, for what needs all of them. */
struct member {
	size_t group, index;
	double value;
};

struct groups {
	struct group *at;
	size_t count;
	struct member *members; /* NULL: not wanted */
	size_t member_count;
};

static struct labelset *group_labels(struct eval *eval, struct node *node, struct labelset *labels)
{
	return labels_picked(eval, &node->memos[0], labels, &node->grouping, !node->without, node->without);
}

static void begin(const struct node *node, struct group *group, double value)
{
	bool spread = node->aggregation == AGGREGATE_STDDEV || node->aggregation == AGGREGATE_STDVAR;

	group->count = 1;
	group->mean = value;
	group->value = spread ? 0 : node->aggregation == AGGREGATE_GROUP ? 1 : value;
}

static bool mean_stays(double mean, double value)
{
	if (!isinf(mean))
		return false;
	return isinf(value) ? (mean > 0) == (value > 0) : !isnan(value);
}

static void add(const struct node *node, struct group *group, double value)
{
	double delta = value - group->mean;

	group->count++;
	switch (node->aggregation) {
	case AGGREGATE_SUM:
		group->value += value;
		break;
	case AGGREGATE_AVG:
		if (!mean_stays(group->mean, value))
			group->mean += value / group->count - group->mean / group->count;
		break;
	case AGGREGATE_MIN:
		if (group->value > value || isnan(group->value))
			group->value = value;
		break;
	case AGGREGATE_MAX:
		if (group->value < value || isnan(group->value))
			group->value = value;
		break;
	case AGGREGATE_STDDEV:
	case AGGREGATE_STDVAR:
		group->mean += delta / group->count;
		group->value += delta * (value - group->mean);
		break;
	default:
		break;
	}
}

static double outcome(const struct node *node, const struct group *group)
{
	switch (node->aggregation) {
	case AGGREGATE_AVG:
		return group->mean;
	case AGGREGATE_COUNT:
	case AGGREGATE_COUNT_VALUES:
		return group->count;
	case AGGREGATE_STDDEV:
		return sqrt(group->value / group->count);
	case AGGREGATE_STDVAR:
		return group->value / group->count;
	default:
		return group->value;
	}
}

/* The labels of count_values: the sample's with its value beside them, grouped. */
static struct labelset *labels_with_value(struct eval *eval, struct node *node, const struct sample *sample,
					  struct str label)
{
	char buffer[PROMQL_NUMBER_BYTES];
	struct str value = arena_dup(eval->arena, promql_plain_text(sample->value, buffer));
	struct label_list list;

	if (!value.at)
		return NULL;
	list_from(&list, labels_pick(eval, sample->labels, &node->grouping, !node->without, node->without));
	return list_set(&list, label, value) ? labels_intern(eval, list.at, list.count) : NULL;
}

static enum err_code put_in_groups(struct eval *eval, struct node *node, const struct vector *vector, struct str label,
				   struct groups *groups)
{
	uint64_t mark = ++eval->mark;

	for (size_t i = 0; i < vector->count; i++) {
		const struct sample *sample = &vector->at[i];
		struct labelset *labels = label.at ? labels_with_value(eval, node, sample, label)
						   : group_labels(eval, node, sample->labels);

		if (!labels)
			return eval_no_memory(eval);
		if (labels->mark != mark) {
			labels->mark = mark;
			labels->slot = groups->count;
			groups->at[groups->count].labels = labels;
			begin(node, &groups->at[groups->count++], sample->value);
		} else {
			add(node, &groups->at[labels->slot], sample->value);
		}
		if (groups->members)
			groups->members[groups->member_count++] = (struct member){labels->slot, i, sample->value};
	}
	return ERR_OK;
}

/* By group; within, from the greatest (topk) or the least value on, NaN last, equals as they came. */
static int compare_members(const struct member *a, const struct member *b, bool greatest_first)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (isnan(a->value) || isnan(b->value) || a->value == b->value) {
		int nans = (isnan(a->value) != 0) - (isnan(b->value) != 0);

		return nans ? nans : a->index < b->index ? -1 : 1;
	}
	return (a->value < b->value) == greatest_first ? 1 : -1;
}

static int greatest_first(const void *a, const void *b)
{
	return compare_members(a, b, true);
}

static int least_first(const void *a, const void *b)
{
	return compare_members(a, b, false);
}

static enum err_code top(struct eval *eval, const struct node *node, const struct vector *vector, struct groups *groups,
			 double k, struct vector *ret)
{
	if (!(k > -9.2e18 && k < 9.2e18))
		return err_set(eval->err, ERR_CONFLICT, "Scalar value %g overflows int64", k);
	qsort(groups->members, groups->member_count, sizeof(struct member),
	      node->aggregation == AGGREGATE_TOPK ? greatest_first : least_first);
	enum err_code code = eval_room(eval, groups->member_count, ret);

	for (size_t i = 0, of_group = 0; !code && i < groups->member_count; i++) {
		of_group = i > 0 && groups->members[i].group == groups->members[i - 1].group ? of_group + 1 : 0;
		if ((double)of_group < floor(k < 0 ? 0 : k))
			ret->at[ret->count++] = vector->at[groups->members[i].index];
	}
	return code;
}

static enum err_code quantiles(struct eval *eval, struct groups *groups, double q, struct vector *ret)
{
	double *values = arena_array(&eval->step, double, groups->member_count);
	enum err_code code = eval_room(eval, groups->count, ret);

	if (code || !values)
		return code ? code : eval_no_memory(eval);
	qsort(groups->members, groups->member_count, sizeof(struct member), least_first);
	for (size_t i = 0; i < groups->member_count; i++)
		values[i] = groups->members[i].value;
	for (size_t i = 0, end; i < groups->member_count; i = end) {
		size_t group = groups->members[i].group;

		for (end = i; end < groups->member_count && groups->members[end].group == group;)
			end++;
		ret->at[ret->count++] =
			(struct sample){groups->at[group].labels, quantile_of(q, values + i, end - i), 0};
	}
	return code;
}

static enum err_code parameters(struct eval *eval, struct node *node, int64_t time_ms, double *number,
				struct str *label)
{
	if (node->aggregation != AGGREGATE_COUNT_VALUES)
		return node->arg_count > 1 ? eval_scalar(eval, node->args[1], time_ms, number) : ERR_OK;
	*label = eval_string(node->args[1]);
	if (!promql_is_label_name(*label))
		return err_set(eval->err, ERR_CONFLICT, "invalid label name \"%.*s\"",
			       STR_FMT(str_part(*label, 0, 60)));
	return ERR_OK;
}

enum err_code eval_aggregate(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	bool ranked = node->aggregation == AGGREGATE_TOPK || node->aggregation == AGGREGATE_BOTTOMK;
	bool members = ranked || node->aggregation == AGGREGATE_QUANTILE;
	struct vector vector;
	struct str label = STR_NONE;
	double number = 0;
	enum err_code code = parameters(eval, node, time_ms, &number, &label);

	if (!code)
		code = eval_vector(eval, node->args[0], time_ms, &vector);
	if (!code)
		code = eval_spend(eval, vector.count);
	if (code)
		return code;
	struct groups groups = {
		.at = arena_array(&eval->step, struct group, vector.count),
		.members = members ? arena_array(&eval->step, struct member, vector.count) : NULL,
	};

	if (!groups.at || (members && !groups.members))
		return eval_no_memory(eval);
	code = put_in_groups(eval, node, &vector, label, &groups);
	if (code)
		return code;
	if (ranked)
		return top(eval, node, &vector, &groups, number, ret);
	if (members)
		return quantiles(eval, &groups, number, ret);
	code = eval_room(eval, groups.count, ret);
	for (size_t i = 0; !code && i < groups.count; i++)
		ret->at[ret->count++] = (struct sample){groups.at[i].labels, outcome(node, &groups.at[i]), time_ms};
	return code;
}
