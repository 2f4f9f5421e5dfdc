/* Operators: scalars, a vector and a scalar, two vectors matched by labels, sets. */
#include "promql/eval_int.h"

#include <math.h>

/* The result, and whether a comparison holds. */
static double operate(enum operation op, double left, double right, bool *keep)
{
	*keep = true;
	switch (op) {
	case OP_ADD:
		return left + right;
	case OP_SUBTRACT:
		return left - right;
	case OP_MULTIPLY:
		return left * right;
	case OP_DIVIDE:
		return left / right;
	case OP_MODULO:
		return fmod(left, right);
	case OP_ATAN2:
		return atan2(left, right);
	case OP_POWER:
		return pow(left, right);
	case OP_EQUAL:
		*keep = left == right;
		return left;
	case OP_NOT_EQUAL:
		*keep = left != right;
		return left;
	case OP_LESS_EQUAL:
		*keep = left <= right;
		return left;
	case OP_LESS:
		*keep = left < right;
		return left;
	case OP_GREATER_EQUAL:
		*keep = left >= right;
		return left;
	case OP_GREATER:
		*keep = left > right;
		return left;
	default:
		return NAN;
	}
}

static double operate_scalars(const struct node *node, double left, double right)
{
	bool keep;
	double value = operate(node->op, left, right, &keep);

	return op_is_comparison(node->op) ? keep : value;
}

/* A result is no longer what its name says; but atan2 keeps it in Prometheus. */
static bool drops_name(const struct node *node)
{
	return (!op_is_comparison(node->op) && node->op != OP_ATAN2) || node->return_bool;
}

/* scalar_left: the scalar stands on the left. */
static enum err_code with_scalar(struct eval *eval, struct node *node, struct vector *vector, double scalar,
				 bool scalar_left)
{
	size_t kept = 0;

	for (size_t i = 0; i < vector->count; i++) {
		struct sample sample = vector->at[i];
		bool keep;
		double value = operate(node->op, scalar_left ? scalar : sample.value,
				       scalar_left ? sample.value : scalar, &keep);

		if (node->return_bool)
			sample.value = keep;
		else if (!keep)
			continue;
		else if (!op_is_comparison(node->op))
			sample.value = value;
		if (drops_name(node))
			sample.labels = labels_without_name(eval, node, sample.labels);
		if (!sample.labels)
			return eval_no_memory(eval);
		vector->at[kept++] = sample;
	}
	vector->count = kept;
	return eval_unique(eval, vector);
}

/* ---- two vectors ---- */

/* What of a sample's labels must be equal on both sides; remembered by side (1 left, 2 right). */
static struct labelset *signature(struct eval *eval, struct node *node, unsigned side, struct labelset *labels)
{
	return labels_picked(eval, &node->memos[side], labels, &node->matching.labels, node->matching.on,
			     !node->matching.on);
}

/* The labels of a result: many's, or what both have in common, with what is included of one's. */
static struct labelset *result_labels(struct eval *eval, struct node *node, struct labelset *many,
				      const struct labelset *one)
{
	const struct matching *matching = &node->matching;

	if (matching->cardinality == ONE_TO_ONE)
		return labels_picked(eval, &node->memos[0], many, &matching->labels, matching->on, drops_name(node));
	struct labelset *labels = drops_name(node) ? labels_without_name(eval, node, many) : many;

	if (!labels || matching->include.count == 0)
		return labels;
	struct label_list list;

	list_from(&list, labels);
	for (size_t i = 0; i < matching->include.count; i++)
		if (!list_set(&list, matching->include.at[i], labels_get(one, matching->include.at[i])))
			return NULL;
	return labels_intern(eval, list.at, list.count);
}

/* Marks each signature with the index of its sample on the side of which there must be one. */
static enum err_code mark_ones(struct eval *eval, struct node *node, const struct vector *ones, unsigned side)
{
	eval->mark++;
	for (size_t i = 0; i < ones->count; i++) {
		struct labelset *sig = signature(eval, node, side, ones->at[i].labels);

		if (!sig)
			return eval_no_memory(eval);
		if (sig->mark == eval->mark)
			return err_set(
				eval->err, ERR_CONFLICT,
				"found duplicate series for the match group %.*s on the %s hand-side of the "
				"operation; many-to-many matching not allowed: matching labels must be unique on "
				"one side",
				STR_FMT(str_part(labels_text(eval, sig), 0, 60)), side == 1 ? "left" : "right");
		sig->mark = eval->mark;
		sig->slot = i;
	}
	return ERR_OK;
}

static enum err_code match_one(struct eval *eval, struct node *node, const struct sample *many,
			       const struct sample *one, struct vector *ret)
{
	bool swapped = node->matching.cardinality == ONE_TO_MANY, keep;
	double value = operate(node->op, swapped ? one->value : many->value, swapped ? many->value : one->value, &keep);

	if (node->return_bool)
		value = keep;
	else if (!keep)
		return ERR_OK;
	struct labelset *labels = result_labels(eval, node, many->labels, one->labels);

	if (!labels)
		return eval_no_memory(eval);
	ret->at[ret->count++] = (struct sample){labels, value, many->time_ms};
	return ERR_OK;
}

/* Every sample of the many side with its partner. side: the many side's. */
static enum err_code match_many(struct eval *eval, struct node *node, const struct vector *many, unsigned side,
				const struct vector *one, bool *taken, struct vector *ret)
{
	enum err_code code = ERR_OK;
	uint64_t mark = eval->mark;

	for (size_t i = 0; !code && i < many->count; i++) {
		const struct labelset *sig = signature(eval, node, side, many->at[i].labels);
		size_t before = ret->count;

		if (!sig)
			return eval_no_memory(eval);
		if (sig->mark != mark)
			continue;
		code = match_one(eval, node, &many->at[i], &one->at[sig->slot], ret);
		if (code || ret->count == before)
			continue;
		if (node->matching.cardinality == ONE_TO_ONE && taken[sig->slot])
			return err_set(eval->err, ERR_CONFLICT,
				       "multiple matches for labels: many-to-one matching must be explicit "
				       "(group_left/group_right)");
		taken[sig->slot] = true;
	}
	return code;
}

static enum err_code match_vectors(struct eval *eval, struct node *node, const struct vector *left,
				   const struct vector *right, struct vector *ret)
{
	bool swapped = node->matching.cardinality == ONE_TO_MANY;
	const struct vector *many = swapped ? right : left, *one = swapped ? left : right;
	enum err_code code = eval_room(eval, many->count, ret);

	if (code || many->count == 0 || one->count == 0)
		return code;
	bool *taken = arena_zalloc(&eval->step, one->count);

	if (!taken)
		return eval_no_memory(eval);
	code = mark_ones(eval, node, one, swapped ? 1 : 2);
	if (!code)
		code = match_many(eval, node, many, swapped ? 2 : 1, one, taken, ret);
	if (!code && node->matching.cardinality != ONE_TO_ONE && eval_unique(eval, ret))
		return err_set(eval->err, ERR_CONFLICT,
			       "multiple matches for labels: grouping labels must ensure unique matches");
	return code ? code : eval_unique(eval, ret);
}

/* ---- sets ---- */

static enum err_code mark_all(struct eval *eval, struct node *node, const struct vector *vector, unsigned side)
{
	eval->mark++;
	for (size_t i = 0; i < vector->count; i++) {
		struct labelset *sig = signature(eval, node, side, vector->at[i].labels);

		if (!sig)
			return eval_no_memory(eval);
		sig->mark = eval->mark;
	}
	return ERR_OK;
}

/* Those of a vector whose signature is among the marked, or is not. */
static enum err_code add_marked(struct eval *eval, struct node *node, const struct vector *vector, unsigned side,
				bool marked, struct vector *ret)
{
	for (size_t i = 0; i < vector->count; i++) {
		const struct labelset *sig = signature(eval, node, side, vector->at[i].labels);

		if (!sig)
			return eval_no_memory(eval);
		if ((sig->mark == eval->mark) == marked)
			ret->at[ret->count++] = vector->at[i];
	}
	return ERR_OK;
}

static enum err_code sets(struct eval *eval, struct node *node, const struct vector *left, const struct vector *right,
			  struct vector *ret)
{
	enum err_code code = eval_room(eval, left->count + right->count, ret);

	if (code)
		return code;
	if (node->op == OP_OR) {
		for (size_t i = 0; i < left->count; i++)
			ret->at[ret->count++] = left->at[i];
		code = mark_all(eval, node, left, 1);
		if (!code)
			code = add_marked(eval, node, right, 2, false, ret);
	} else {
		code = mark_all(eval, node, right, 2);
		if (!code)
			code = add_marked(eval, node, left, 1, node->op == OP_AND, ret);
	}
	return code ? code : eval_unique(eval, ret);
}

enum err_code eval_binary(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret)
{
	struct value left, right;
	enum err_code code = eval_node(eval, node->args[0], time_ms, &left);

	if (!code)
		code = eval_node(eval, node->args[1], time_ms, &right);
	if (!code)
		code = eval_spend(eval, left.vector.count + right.vector.count);
	if (code)
		return code;
	if (left.type == PROMQL_SCALAR && right.type == PROMQL_SCALAR) {
		ret->scalar = operate_scalars(node, left.scalar, right.scalar);
		return ERR_OK;
	}
	if (right.type == PROMQL_SCALAR || left.type == PROMQL_SCALAR) {
		bool scalar_left = left.type == PROMQL_SCALAR;

		ret->vector = scalar_left ? right.vector : left.vector;
		return with_scalar(eval, node, &ret->vector, scalar_left ? left.scalar : right.scalar, scalar_left);
	}
	return op_is_set(node->op) ? sets(eval, node, &left.vector, &right.vector, &ret->vector)
				   : match_vectors(eval, node, &left.vector, &right.vector, &ret->vector);
}
