/* What a chunk of decimals says of itself: written less of the smallest mantissa, so that it takes a dozen bytes. */
#include "series/chunk_int.h"

bool summary_of(const struct series_points *points, struct sums_slice *ret)
{
	if (points->count < SUMMARY_FROM || points->kind > SERIES_BOOLEAN || points->kind == SERIES_DOUBLE)
		return false;
	*ret = (struct sums_slice){.scale = points->scale};
	slice_of_mantissas(points->mantissas, 0, points->count, ret);
	return ret->min >= -SUMMARY_MANTISSA_MAX && ret->max <= SUMMARY_MANTISSA_MAX;
}

void summary_write(struct buf *out, const struct sums_slice *summary)
{
	wide_int sum = summary->sum;
	wide_uint squares = summary->squares;

	slice_shift(summary->count, -summary->min, &sum, &squares);
	out_signed(out, summary->min);
	out_varint(out, (uint64_t)(summary->max - summary->min));
	out_varint(out, (uint64_t)(summary->first - summary->min));
	out_varint(out, (uint64_t)(summary->last - summary->min));
	out_wide(out, (wide_uint)sum);
	out_wide(out, squares);
}

/* Whatever the values are: the first and the last lie within the range, and the sums, still less of the smallest, are
 * those of so many such values. */
static bool is_possible(const struct sums_slice *summary)
{
	if (summary->min < -SUMMARY_MANTISSA_MAX || summary->max > SUMMARY_MANTISSA_MAX ||
	    summary->max < summary->min || summary->first < summary->min || summary->first > summary->max ||
	    summary->last < summary->min || summary->last > summary->max)
		return false;
	wide_uint range = (wide_uint)(summary->max - summary->min), sum = (wide_uint)summary->sum;

	return sum <= summary->count * range && summary->squares >= sum && summary->squares <= sum * range;
}

enum err_code chunk_summary(const struct chunk *chunk, struct sums_slice *ret, struct error *err)
{
	struct byte_in in = chunk->summary;

	ret->count = chunk->count;
	ret->scale = chunk->scale;
	ret->min = in_signed(&in);
	ret->max = wrap_add(ret->min, (int64_t)in_varint(&in));
	ret->first = wrap_add(ret->min, (int64_t)in_varint(&in));
	ret->last = wrap_add(ret->min, (int64_t)in_varint(&in));
	ret->sum = (wide_int)in_wide(&in);
	ret->squares = in_wide(&in);
	if (in.bad || !is_possible(ret))
		return chunk_corrupt(chunk, "summary", err);
	slice_shift(chunk->count, ret->min, &ret->sum, &ret->squares);
	return ERR_OK;
}
