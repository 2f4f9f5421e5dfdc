/* Evaluation, shared by its files. For use inside this room.
 *
 * First all samples that a query can touch are loaded (prepare.c), subqueries evaluated on the way; then the tree is
 * evaluated at each step. Label sets are interned: equal sets are one object, so that they are compared by address,
 * and what a node makes of a set (without its name, grouped, …) is remembered. */
#ifndef MACHI_PROMQL_EVAL_INT_H
#define MACHI_PROMQL_EVAL_INT_H

#include "promql/tree.h"

struct labelset {
	struct promql_labels labels;
	uint64_t hash;
	struct labelset *next; /* in its bucket */
	uint64_t mark; /* who used slot last */
	size_t slot;
	uint64_t result_mark; /* the same for the series of results */
	size_t result_slot;
};

struct sample {
	struct labelset *labels;
	double value;
	int64_t time_ms; /* of a selector's sample when it was taken; otherwise of the step */
};

struct vector {
	struct sample *at;
	size_t count;
};

struct value {
	enum promql_type type;
	double scalar;
	struct str string;
	struct vector vector;
};

struct steps {
	int64_t start_ms, end_ms, step_ms;
};

struct eval {
	struct promql_query *query;
	const struct promql_run *run;
	const struct promql_source *source;
	struct arena *arena; /* of what lives as long as the result */
	struct arena step; /* of what lives as long as a step */
	struct labelset **buckets;
	size_t bucket_count, labelset_count;
	struct labelset *empty; /* no labels */
	uint64_t mark;
	uint64_t work;
	struct error *err;
};

/* ---- eval.c ---- */

MUST_CHECK enum err_code eval_node(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret);
MUST_CHECK enum err_code eval_vector(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret);
MUST_CHECK enum err_code eval_scalar(struct eval *eval, struct node *node, int64_t time_ms, double *ret);
struct str eval_string(struct node *node); /* of a literal */
/* Evaluates a tree at all steps; the series of what comes out, in the arena. */
MUST_CHECK enum err_code eval_steps(struct eval *eval, struct node *node, const struct steps *steps,
				    struct loaded **ret_series, size_t *ret_count);
/* Room for samples of this step. */
MUST_CHECK enum err_code eval_room(struct eval *eval, size_t count, struct vector *ret);
/* Says how many samples are looked at; ERR_TOO_COMPLEX beyond the bound. */
MUST_CHECK enum err_code eval_spend(struct eval *eval, uint64_t samples);
/* No two samples have the same labels. */
MUST_CHECK enum err_code eval_unique(struct eval *eval, const struct vector *vector);
enum err_code eval_no_memory(struct eval *eval);

/* ---- prepare.c ---- */

MUST_CHECK enum err_code prepare(struct eval *eval, struct node *node, const struct steps *steps);
/* What time a selector or subquery looks at for a step. */
int64_t reference_ms(const struct eval *eval, const struct node *node, int64_t time_ms);
/* The points of a loaded series within [from_ms, to_ms]. */
void loaded_window(struct loaded *series, int64_t from_ms, int64_t to_ms);

/* ---- labels.c: NULL always means no memory ---- */

struct label_list {
	struct promql_label at[PROMQL_LABELS_MAX + 8];
	size_t count;
};

struct labelset *labels_intern(struct eval *eval, const struct promql_label *at, size_t count);
struct labelset *labels_without_name(struct eval *eval, struct node *node, struct labelset *from);
/* The labels of these names, or all others; with the metric's name dropped in any case, or only by its being listed. */
struct labelset *labels_pick(struct eval *eval, const struct labelset *from, const struct names *names, bool keep,
			     bool drop_name);
/* The same, remembered in one of the node's memos. */
struct labelset *labels_picked(struct eval *eval, struct memo **memo, struct labelset *from, const struct names *names,
			       bool keep, bool drop_name);
struct labelset *memo_get(const struct memo *memo, const struct labelset *from);
bool memo_set(struct eval *eval, struct memo **memo, const struct labelset *from, struct labelset *to);
struct str labels_get(const struct labelset *labels, struct str name); /* "" when there is none */
void list_from(struct label_list *list, const struct labelset *labels);
bool list_set(struct label_list *list, struct str name, struct str value); /* "" removes; false: no room */
struct str labels_text(struct eval *eval, const struct labelset *labels); /* {a="b"} for messages */

/* ---- the rest ---- */

MUST_CHECK enum err_code eval_binary(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret);
MUST_CHECK enum err_code eval_aggregate(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret);
MUST_CHECK enum err_code eval_call(struct eval *eval, struct node *node, int64_t time_ms, struct value *ret);
/* range.c: functions of a range vector. */
MUST_CHECK enum err_code eval_over_range(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret);
MUST_CHECK enum err_code histogram_quantile(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret);
MUST_CHECK enum err_code label_functions(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret);
/* The labels of absent(selector). */
struct labelset *labels_of_absent(struct eval *eval, struct node *node);
double quantile_of(double q, double *values, size_t count); /* sorts values */

struct kahan {
	double sum, rest;
};

/* Neumaier's sum. */
static inline void kahan_add(struct kahan *kahan, double value)
{
	double sum = kahan->sum + value;

	if (__builtin_fabs(kahan->sum) >= __builtin_fabs(value))
		kahan->rest += (kahan->sum - sum) + value;
	else
		kahan->rest += (value - sum) + kahan->sum;
	kahan->sum = sum;
}

#endif
