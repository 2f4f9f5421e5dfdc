/* What a chunk of decimals says of itself: written less of the smallest mantissa, so that it takes a dozen bytes. */
#include "series/chunk_int.h"

bool summary_of(const struct series_points *points, struct sums_slice *ret)
{
	if (points->count < SUMMARY_FROM || points->kind > SERIES_BOOLEAN || points->kind == SERIES_DOUBLE)
		return false;
	*ret = (struct sums_slice){.scale = points->scale};
	slice_of_mantissas(points->mantissas, 0, points->count, false, ret);
	return ret->min >= -SUMMARY_MANTISSA_MAX && ret->max <= SUMMARY_MANTISSA_MAX;
}

/* Σ(m − a) and Σ(m − a)² from Σm and Σm², and with −a the other way. */
static void shift_sums(uint64_t count, int64_t by, wide_int *sum, wide_uint *squares)
{
	wide_uint shift = (wide_uint)(wide_int)by;

	*squares += count * shift * shift - 2 * shift * (wide_uint)*sum;
	*sum = (wide_int)((wide_uint)*sum - count * shift);
}

void summary_write(struct buf *out, const struct sums_slice *summary)
{
	wide_int sum = summary->sum;
	wide_uint squares = summary->squares;

	shift_sums(summary->count, summary->min, &sum, &squares);
	out_signed(out, summary->min);
	out_varint(out, (uint64_t)(summary->max - summary->min));
	out_varint(out, (uint64_t)(summary->first - summary->min));
	out_varint(out, (uint64_t)(summary->last - summary->min));
	out_wide(out, (wide_uint)sum);
	out_wide(out, squares);
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
	if (in.bad || ret->min < -SUMMARY_MANTISSA_MAX || ret->max > SUMMARY_MANTISSA_MAX)
		return chunk_corrupt(chunk, "summary", err);
	shift_sums(chunk->count, wrap_sub(0, ret->min), &ret->sum, &ret->squares);
	return ERR_OK;
}
