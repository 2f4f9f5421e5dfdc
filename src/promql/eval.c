/* Evaluation: the steps of a query, and the nodes of its tree at a step. */
#include "promql/eval_int.h"

#include <assert.h>
#include <string.h>

#define STEP_BYTES_MAX ((size_t)256 << 20) /* of what one step needs */

enum err_code eval_no_memory(struct eval *eval)
{
	return err_set(eval->err, ERR_MEMORY, "a query needs more memory than it may have");
}

enum err_code eval_spend(struct eval *eval, uint64_t samples)
{
	eval->work += samples;
	if (eval->run->work_max && eval->work > eval->run->work_max)
		return err_set(eval->err, ERR_TOO_COMPLEX, "query processing would look at more than %lu samples",
			       (unsigned long)eval->run->work_max);
	return ERR_OK;
}

enum err_code eval_room(struct eval *eval, size_t count, struct vector *ret)
{
	ret->count = 0;
	ret->at = arena_array(&eval->step, struct sample, count);
	return ret->at ? ERR_OK : eval_no_memory(eval);
}

enum err_code eval_unique(struct eval *eval, const struct vector *vector)
{
	eval->mark++;
	for (size_t i = 0; i < vector->count; i++) {
		if (vector->at[i].labels->mark == eval->mark)
			return err_set(eval->err, ERR_CONFLICT, "vector cannot contain metrics with the same labelset");
		vector->at[i].labels->mark = eval->mark;
	}
	return ERR_OK;
}

struct str eval_string(struct node *node)
{
	return unparen(node)->string;
}

enum err_code eval_vector(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	struct value value;
	enum err_code code = eval_node(eval, node, time_ms, &value);

	if (!code)
		*ret = value.vector;
	return code;
}

enum err_code eval_scalar(struct eval *eval, struct node *node, int64_t time_ms, double *ret)
{
	struct value value;
	enum err_code code = eval_node(eval, node, time_ms, &value);

	if (!code)
		*ret = value.scalar;
	return code;
}

static enum err_code eval_selector(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	int64_t at_ms = reference_ms(eval, node, time_ms);
	enum err_code code = eval_room(eval, node->series_count, ret);

	if (!code)
		code = eval_spend(eval, node->series_count);
	if (code)
		return code;
	for (size_t i = 0; i < node->series_count; i++) {
		struct loaded *series = &node->series[i];

		loaded_window(series, at_ms - eval->run->lookback_ms, at_ms);
		if (series->to > series->from)
			ret->at[ret->count++] = (struct sample){series->labels, series->points[series->to - 1].value,
								series->points[series->to - 1].time_ms};
	}
	return ERR_OK;
}

static enum err_code eval_minus(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret)
{
	enum err_code code = eval_node(eval, node->args[0], time_ms, ret);

	ret->scalar = -ret->scalar;
	for (size_t i = 0; !code && i < ret->vector.count; i++) {
		struct sample *sample = &ret->vector.at[i];

		sample->value = -sample->value;
		sample->labels = labels_without_name(eval, node, sample->labels);
		if (!sample->labels)
			return eval_no_memory(eval);
	}
	return code ? code : eval_unique(eval, &ret->vector);
}

enum err_code eval_node(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret)
{
	*ret = (struct value){.type = node->type};
	switch (node->kind) {
	case NODE_NUMBER:
		ret->scalar = node->number;
		return ERR_OK;
	case NODE_STRING:
		ret->string = node->string;
		return ERR_OK;
	case NODE_SELECTOR:
		return eval_selector(eval, node, time_ms, &ret->vector);
	case NODE_PAREN:
		return eval_node(eval, node->args[0], time_ms, ret);
	case NODE_MINUS:
		return eval_minus(eval, node, time_ms, ret);
	case NODE_BINARY:
		return eval_binary(eval, node, time_ms, ret);
	case NODE_AGGREGATE:
		return eval_aggregate(eval, node, time_ms, &ret->vector);
	case NODE_CALL:
		return eval_call(eval, node, time_ms, ret);
	case NODE_RANGE:
	case NODE_SUBQUERY:
		break; /* only functions of ranges and the whole query look at these */
	}
	return err_set(eval->err, ERR_INTERNAL, "a range where there should be none");
}

/* ---- steps ---- */

/* Series that grow by a point at a time. */
struct growing {
	struct loaded *series;
	struct grown {
		struct promql_point *points;
		size_t room;
	} * grown; /* of each */
	size_t count, room;
	uint64_t mark;
};

static bool grow_list(struct eval *eval, struct growing *growing)
{
	size_t room = growing->room ? growing->room * 2 : 16;
	struct loaded *series = arena_array(eval->arena, struct loaded, room);
	struct grown *grown = arena_array(eval->arena, struct grown, room);

	if (!series || !grown)
		return false;
	if (growing->count) {
		memcpy(series, growing->series, growing->count * sizeof(*series));
		memcpy(grown, growing->grown, growing->count * sizeof(*grown));
	}
	growing->series = series;
	growing->grown = grown;
	growing->room = room;
	return true;
}

static bool grow_points(struct eval *eval, struct grown *grown, size_t count)
{
	size_t room = grown->room ? grown->room * 2 : 4;
	struct promql_point *points = arena_array(eval->arena, struct promql_point, room);

	if (!points)
		return false;
	if (count)
		memcpy(points, grown->points, count * sizeof(*points));
	*grown = (struct grown){points, room};
	return true;
}

static bool add_point(struct eval *eval, struct growing *growing, struct labelset *labels, struct promql_point point)
{
	if (labels->result_mark != growing->mark) {
		if (growing->count == growing->room && !grow_list(eval, growing))
			return false;
		labels->result_mark = growing->mark;
		labels->result_slot = growing->count;
		growing->grown[growing->count] = (struct grown){0};
		growing->series[growing->count++] = (struct loaded){.labels = labels};
	}
	assert(growing->series && labels->result_slot < growing->count);
	struct loaded *series = &growing->series[labels->result_slot];
	struct grown *grown = &growing->grown[labels->result_slot];

	if (series->count == grown->room && !grow_points(eval, grown, series->count))
		return false;
	grown->points[series->count++] = point;
	series->points = grown->points;
	return true;
}

enum err_code eval_steps(struct eval *eval, struct node *node, const struct steps *steps, struct loaded **ret_series,
			 size_t *ret_count)
{
	struct growing growing = {.mark = ++eval->mark};
	enum err_code code = ERR_OK;

	for (int64_t time_ms = steps->start_ms; time_ms <= steps->end_ms; time_ms += steps->step_ms) {
		struct value value;

		arena_clear(&eval->step);
		code = eval_node(eval, node, time_ms, &value);
		if (!code)
			code = eval_spend(eval, value.vector.count + 1);
		if (code)
			return code;
		bool good = value.type != PROMQL_SCALAR ||
			    add_point(eval, &growing, eval->empty, (struct promql_point){time_ms, value.scalar});

		for (size_t i = 0; good && i < value.vector.count; i++)
			good = add_point(eval, &growing, value.vector.at[i].labels,
					 (struct promql_point){time_ms, value.vector.at[i].value});
		if (!good)
			return eval_no_memory(eval);
	}
	*ret_series = growing.series;
	*ret_count = growing.count;
	return ERR_OK;
}

/* ---- whole queries ---- */

static enum err_code give_series(struct eval *eval, const struct loaded *series, size_t count,
				 struct promql_result *ret)
{
	struct promql_series *given = arena_array(eval->arena, struct promql_series, count);

	if (!given)
		return eval_no_memory(eval);
	ret->count = 0;
	for (size_t i = 0; i < count; i++)
		if (series[i].to > series[i].from)
			given[ret->count++] =
				(struct promql_series){series[i].labels->labels, series[i].points + series[i].from,
						       series[i].to - series[i].from};
	ret->series = given;
	return ERR_OK;
}

/* A range vector as the answer of an instant query. */
static enum err_code instant_matrix(struct eval *eval, struct node *node, struct promql_result *ret)
{
	const struct node *timed = node->kind == NODE_RANGE ? node->args[0] : node;
	int64_t at_ms = reference_ms(eval, timed, eval->run->start_ms);

	for (size_t i = 0; i < node->series_count; i++)
		loaded_window(&node->series[i], at_ms - node->range_ms, at_ms);
	ret->type = PROMQL_MATRIX;
	return give_series(eval, node->series, node->series_count, ret);
}

static enum err_code instant(struct eval *eval, struct node *root, struct promql_result *ret)
{
	struct node *node = unparen(root);
	struct value value;

	if (node->type == PROMQL_MATRIX)
		return instant_matrix(eval, node, ret);
	enum err_code code = eval_node(eval, node, eval->run->start_ms, &value);

	if (code)
		return code;
	struct promql_point *points = arena_array(eval->arena, struct promql_point, value.vector.count);
	struct promql_series *series = arena_array(eval->arena, struct promql_series, value.vector.count);

	if (!points || !series)
		return eval_no_memory(eval);
	for (size_t i = 0; i < value.vector.count; i++) {
		points[i] = (struct promql_point){eval->run->start_ms, value.vector.at[i].value};
		series[i] = (struct promql_series){value.vector.at[i].labels->labels, &points[i], 1};
	}
	*ret = (struct promql_result){.type = value.type,
				      .scalar = value.scalar,
				      .string = value.string,
				      .series = series,
				      .count = value.vector.count};
	return ERR_OK;
}

static enum err_code range(struct eval *eval, struct node *root, const struct steps *steps, struct promql_result *ret)
{
	struct loaded *series = NULL;
	size_t count = 0;
	enum err_code code = eval_steps(eval, root, steps, &series, &count);

	if (code)
		return code;
	for (size_t i = 0; i < count; i++)
		series[i].to = series[i].count;
	ret->type = PROMQL_MATRIX;
	return give_series(eval, series, count, ret);
}

static bool in_bounds(int64_t time_ms)
{
	return time_ms >= -PROMQL_TIME_MS_MAX && time_ms <= PROMQL_TIME_MS_MAX;
}

static enum err_code check_run(const struct promql_run *run, enum promql_type type, struct error *err)
{
	if (!in_bounds(run->start_ms) || !in_bounds(run->end_ms) || !in_bounds(run->step_ms))
		return err_set(err, ERR_INVALID, "a time out of bounds");
	if (run->step_ms < 0)
		return err_set(err, ERR_INVALID, "zero or negative query resolution step widths are not accepted");
	if (run->step_ms == 0)
		return ERR_OK;
	if (type != PROMQL_SCALAR && type != PROMQL_VECTOR)
		return err_set(err, ERR_INVALID,
			       "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
			       type == PROMQL_MATRIX ? "range vector" : "string");
	if (run->end_ms < run->start_ms)
		return err_set(err, ERR_INVALID, "end timestamp must not be before start time");
	if ((run->end_ms - run->start_ms) / run->step_ms >= PROMQL_STEPS_MAX)
		return err_set(err, ERR_LIMIT,
			       "exceeded maximum resolution of %u points per timeseries. Try decreasing the query "
			       "resolution (?step=XX)",
			       PROMQL_STEPS_MAX);
	return ERR_OK;
}

enum err_code promql_eval(struct promql_query *query, const struct promql_run *run, const struct promql_source *source,
			  struct arena *arena, struct promql_result *ret_result, struct error *err)
{
	struct promql_run whole = *run;
	struct promql_result result = {.type = query->root->type};
	enum err_code code = check_run(run, query->root->type, err);

	if (code)
		return code;
	if (!whole.lookback_ms)
		whole.lookback_ms = PROMQL_LOOKBACK_MS;
	struct eval eval = {.query = query, .run = &whole, .source = source, .arena = arena, .err = err};
	struct steps steps = {run->start_ms, run->step_ms ? run->end_ms : run->start_ms,
			      run->step_ms ? run->step_ms : 1};

	arena_init(&eval.step, STEP_BYTES_MAX);
	eval.empty = labels_intern(&eval, NULL, 0);
	code = eval.empty ? prepare(&eval, query->root, &steps) : eval_no_memory(&eval);
	if (!code)
		code = run->step_ms ? range(&eval, query->root, &steps, &result) : instant(&eval, query->root, &result);
	arena_done(&eval.step);
	if (!code)
		*ret_result = result;
	return code;
}
