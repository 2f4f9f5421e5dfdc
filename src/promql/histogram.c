/* histogram_quantile(): of classic histograms, series with a label "le".
 * Source: bucketQuantile() of Prometheus 2.42. */
#include "promql/eval_int.h"

#include <math.h>
#include <stdlib.h>

struct bucket {
	size_t group;
	double upper, count;
};

static int compare_buckets(const void *a, const void *b)
{
	const struct bucket *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->upper > y->upper) - (x->upper < y->upper);
}

/* Adds up buckets of one bound, and makes counts never fall. */
static size_t put_right(struct bucket *buckets, size_t count)
{
	size_t last = 0;

	for (size_t i = 1; i < count; i++)
		if (buckets[i].upper == buckets[last].upper)
			buckets[last].count += buckets[i].count;
		else
			buckets[++last] = buckets[i];
	for (size_t i = 1; i <= last; i++)
		if (buckets[i].count < buckets[i - 1].count)
			buckets[i].count = buckets[i - 1].count;
	return last + 1;
}

static double bucket_quantile(double q, struct bucket *buckets, size_t count)
{
	if (isnan(q))
		return NAN;
	if (q < 0 || q > 1)
		return q < 0 ? -INFINITY : INFINITY;
	if (!(buckets[count - 1].upper == INFINITY))
		return NAN;
	count = put_right(buckets, count);
	double observations = buckets[count - 1].count, rank = q * observations;
	size_t b = 0;

	if (count < 2 || observations == 0)
		return NAN;
	while (b < count - 1 && !(buckets[b].count >= rank))
		b++;
	if (b == count - 1)
		return buckets[count - 2].upper;
	if (b == 0 && buckets[0].upper <= 0)
		return buckets[0].upper;
	double start = b > 0 ? buckets[b - 1].upper : 0, below = b > 0 ? buckets[b - 1].count : 0;

	return start + (buckets[b].upper - start) * ((rank - below) / (buckets[b].count - below));
}

static bool upper_bound(struct str text, double *ret)
{
	if (str_eq_nocase(text, STR("+Inf")) || str_eq_nocase(text, STR("Inf"))) {
		*ret = INFINITY;
		return true;
	}
	return str_to_double(text, ret);
}

/* The buckets, with the number of the histogram that each belongs to. */
static enum err_code gather(struct eval *eval, struct node *node, const struct vector *vector, struct bucket *buckets,
			    size_t *ret_count, struct labelset **histograms)
{
	static const struct str le = {"le", 2};
	struct str names[] = {STR("le")};
	const struct names without = {names, 1};
	size_t count = 0, histogram_count = 0;
	uint64_t mark = ++eval->mark;

	for (size_t i = 0; i < vector->count; i++) {
		struct bucket *bucket = &buckets[count];

		if (!upper_bound(labels_get(vector->at[i].labels, le), &bucket->upper))
			continue;
		struct labelset *labels =
			labels_picked(eval, &node->memos[0], vector->at[i].labels, &without, false, true);

		if (!labels)
			return eval_no_memory(eval);
		if (labels->mark != mark) {
			labels->mark = mark;
			labels->slot = histogram_count;
			histograms[histogram_count++] = labels;
		}
		bucket->group = labels->slot;
		bucket->count = vector->at[i].value;
		count++;
	}
	*ret_count = count;
	return ERR_OK;
}

enum err_code histogram_quantile(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	struct vector vector = {0};
	double q = 0;
	size_t count = 0;
	enum err_code code = eval_scalar(eval, node->args[0], time_ms, &q);

	if (!code)
		code = eval_vector(eval, node->args[1], time_ms, &vector);
	if (!code)
		code = eval_spend(eval, vector.count);
	if (!code)
		code = eval_room(eval, vector.count, ret);
	if (code)
		return code;
	struct bucket *buckets = arena_array(&eval->step, struct bucket, vector.count);
	struct labelset **histograms = arena_array(&eval->step, struct labelset *, vector.count);

	if (!buckets || !histograms)
		return eval_no_memory(eval);
	code = gather(eval, node, &vector, buckets, &count, histograms);
	if (code)
		return code;
	qsort(buckets, count, sizeof(*buckets), compare_buckets);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && buckets[end].group == buckets[i].group;)
			end++;
		ret->at[ret->count++] = (struct sample){histograms[buckets[i].group],
							bucket_quantile(q, buckets + i, end - i), time_ms};
	}
	return ERR_OK;
}
