/* Writing roll-ups, and adding points to buckets. */
#include "series/rollup_int.h"

#include "base/cleanup.h"
#include "series/big_int.h"
#include "series/ints_int.h"
#include "series/sums_int.h"

#include <math.h>

#define LIMB_BITS 64u
#define COLUMN_BYTES_MAX ((size_t)1 << 20)

static const uint64_t powers[SERIES_SCALE_MAX + 1] = {1,
						      10,
						      100,
						      1000,
						      10000,
						      100000,
						      1000000,
						      10000000,
						      100000000,
						      1000000000,
						      10000000000,
						      100000000000,
						      1000000000000,
						      10000000000000,
						      100000000000000,
						      1000000000000000};

/* ---- adding points ---- */

enum err_code series_sums_add_points(struct series_sums *sums, const struct series_points *points, uint32_t from,
				     uint32_t to, struct error *err)
{
	enum err_code code = ERR_OK;

	if (from < to && points->mantissas) {
		struct sums_slice slice = {.scale = points->scale,
					   .first_us = points->at_us[from],
					   .last_us = points->at_us[to - 1],
					   .first_number = series_column_get(&points->number, from),
					   .last_number = series_column_get(&points->number, to - 1)};

		/* Equals in time and number: the least and the greatest count, one by one. */
		bool alike = to - from > 1 && ((points->at_us[from] == points->at_us[from + 1] &&
						series_column_get(&points->number, from + 1) == slice.first_number) ||
					       (points->at_us[to - 1] == points->at_us[to - 2] &&
						series_column_get(&points->number, to - 2) == slice.last_number));

		if (!alike) {
			slice_of_mantissas(points->mantissas, from, to, &slice);
			sums_add_slice(sums, &slice);
			return ERR_OK;
		}
	}
	for (uint32_t i = from; code == ERR_OK && i < to; i++)
		code = series_sums_add_point(sums, points, i, err);
	return code;
}

/* ---- plain buckets ---- */

/* A bucket's numbers as decimals of one scale. */
struct plain {
	int64_t min, max, first, last;
	uint64_t sum, squares; /* of what numbers are more than the least */
};

/* The integer of 10^−scale that a double stands for. */
static bool read_mantissa(double value, uint8_t scale, int64_t *ret)
{
	double scaled = value * (double)powers[scale];

	if (!(fabs(scaled) < (double)ROLLUP_MANTISSA_MAX))
		return false;
	*ret = llrint(scaled);
	return (double)*ret / (double)powers[scale] == value;
}

static uint64_t divide(uint64_t *limbs, size_t count, uint64_t by)
{
	uint64_t rest = 0;

	for (size_t i = count; i-- > 0;) {
		wide_uint part = (wide_uint)rest << LIMB_BITS | limbs[i];

		limbs[i] = (uint64_t)(part / by);
		rest = (uint64_t)(part % by);
	}
	return rest;
}

/* limbs · 10^(times · (to − from)), from one scale to another, when that is whole and fits. */
static bool rescale(const uint64_t *from, size_t count, uint8_t from_scale, uint8_t to_scale, unsigned times,
		    wide_uint *ret)
{
	uint64_t limbs[SERIES_SQUARES_LIMBS];

	memcpy(limbs, from, count * sizeof(*limbs));
	for (unsigned i = 0; i < times; i++) {
		if (to_scale >= from_scale)
			big_multiply_small(limbs, count, powers[to_scale - from_scale]);
		else if (divide(limbs, count, powers[from_scale - to_scale]) != 0)
			return false;
	}
	for (size_t i = 2; i < count; i++)
		if (limbs[i] != 0)
			return false;
	*ret = (wide_uint)limbs[1] << LIMB_BITS | limbs[0];
	return true;
}

static bool read_sum(const struct series_sums *sums, uint8_t scale, wide_uint *ret)
{
	const uint64_t *from = sums->sum;
	uint64_t limbs[SERIES_SUM_LIMBS], carry = 1;
	bool negative = from[SERIES_SUM_LIMBS - 1] >> (LIMB_BITS - 1);

	for (size_t i = 0; i < SERIES_SUM_LIMBS; i++) {
		limbs[i] = negative ? ~from[i] + carry : from[i];
		carry = negative && carry && limbs[i] == 0;
	}
	if (!rescale(limbs, SERIES_SUM_LIMBS, sums->scale, scale, 1, ret))
		return false;
	if (negative)
		*ret = 0 - *ret;
	return true;
}

static bool read_plain(const struct series_sums *sums, uint8_t scale, struct plain *ret)
{
	wide_uint sum, squares;

	if (sums->count == 0) {
		*ret = (struct plain){0};
		return true;
	}
	if (sums->count >= ROLLUP_COUNT_MAX || sums->others >= ROLLUP_COUNT_MAX || sums->wide ||
	    !read_mantissa(sums->min, scale, &ret->min) || !read_mantissa(sums->max, scale, &ret->max) ||
	    !read_mantissa(sums->first, scale, &ret->first) || !read_mantissa(sums->last, scale, &ret->last) ||
	    !read_sum(sums, scale, &sum) ||
	    !rescale(sums->squares, SERIES_SQUARES_LIMBS, sums->scale, scale, 2, &squares))
		return false;
	wide_uint least = (wide_uint)(wide_int)ret->min;

	/* Σ(x − l) = Σx − n·l; Σ(x − l)² = Σx² − 2·l·Σx + n·l² = Σx² − 2·l·Σ(x − l) − n·l². */
	wide_uint rest = sum - sums->count * least;
	wide_uint rest_squares = squares - 2 * least * rest - sums->count * least * least;

	if (rest > INT64_MAX || rest_squares > INT64_MAX)
		return false;
	ret->sum = (uint64_t)rest;
	ret->squares = (uint64_t)rest_squares;
	return true;
}

/* The smallest scale at which the bucket is plain; SERIES_SCALE_MAX + 1: at none. */
static uint8_t find_scale(const struct series_sums *sums, uint8_t from)
{
	struct plain plain;
	uint8_t scale = from;

	while (scale <= SERIES_SCALE_MAX && !read_plain(sums, scale, &plain))
		scale++;
	return scale;
}

/* ---- bytes ---- */

struct writing {
	const struct series_bucket *buckets;
	uint32_t count;
	int64_t period_us;
	uint8_t scale;
	uint32_t plain_count;
	int64_t columns[ROLLUP_COLUMNS][SERIES_ROLLUP_BUCKETS_MAX];
	bool plain[SERIES_ROLLUP_BUCKETS_MAX];
	struct ints_work work;
};

static void put_plain(struct writing *writing, uint32_t place, const struct series_bucket *bucket,
		      const struct plain *plain)
{
	const struct series_sums *sums = &bucket->sums;
	int64_t start_us = bucket->index * writing->period_us;
	bool any = sums->count > 0;
	const int64_t row[ROLLUP_COLUMNS] = {
		[ROLLUP_INDEX] = bucket->index - writing->buckets[0].index,
		[ROLLUP_COUNT] = (int64_t)sums->count,
		[ROLLUP_OTHERS] = (int64_t)sums->others,
		[ROLLUP_FIRST_US] = any ? wrap_sub(sums->first_us, start_us) : 0,
		[ROLLUP_LAST_US] = any ? wrap_sub(sums->last_us, start_us) : 0,
		[ROLLUP_FIRST_NUMBER] = sums->first_number,
		[ROLLUP_LAST_NUMBER] = sums->last_number,
		[ROLLUP_MIN] = plain->min,
		[ROLLUP_MAX] = plain->max - plain->min,
		[ROLLUP_FIRST] = plain->first - plain->min,
		[ROLLUP_LAST] = plain->last - plain->min,
		[ROLLUP_SUM] = (int64_t)plain->sum,
		[ROLLUP_SQUARES] = (int64_t)plain->squares,
	};

	for (size_t i = 0; i < ROLLUP_COLUMNS; i++)
		writing->columns[i][place] = row[i];
}

/* The scale that most need; those that are not plain with it are others. */
static void sort_out(struct writing *writing)
{
	uint8_t scale = 0;

	for (uint32_t i = 0; i < writing->count; i++) {
		uint8_t found = find_scale(&writing->buckets[i].sums, scale);

		writing->plain[i] = found <= SERIES_SCALE_MAX;
		scale = writing->plain[i] ? found : scale;
	}
	writing->scale = scale;
	writing->plain_count = 0;
	for (uint32_t i = 0; i < writing->count; i++) {
		struct plain plain;

		writing->plain[i] = writing->plain[i] && read_plain(&writing->buckets[i].sums, scale, &plain);
		if (writing->plain[i])
			put_plain(writing, writing->plain_count++, &writing->buckets[i], &plain);
	}
}

/* Varint how many, the limbs: without those at the end that only repeat the sign. */
static void write_limbs(struct buf *out, const uint64_t *limbs, size_t count)
{
	uint64_t sign = count > 0 && limbs[count - 1] >> (LIMB_BITS - 1) ? UINT64_MAX : 0;

	while (count > 0 && limbs[count - 1] == sign)
		count--;
	out_varint(out, (uint64_t)count << 1 | (sign & 1));
	for (size_t i = 0; i < count; i++) {
		uint8_t *at = (uint8_t *)buf_extend(out, sizeof(limbs[i]));

		if (at)
			word_store(at, limbs[i]);
	}
}

static void write_double(struct buf *out, double value)
{
	uint8_t *at = (uint8_t *)buf_extend(out, sizeof(value));
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (at)
		word_store(at, bits);
}

/* Index less the piece's first, count, others; unless count is 0: the four numbers as doubles, times and order numbers
 * of first and last, scale, limbs of sum and squares, and of the sums of doubles. */
static void write_other(struct buf *out, const struct writing *writing, const struct series_bucket *bucket)
{
	const struct series_sums *sums = &bucket->sums;
	struct sums_limbs wide = sums_wide_limbs(sums);
	int64_t start_us = bucket->index * writing->period_us;

	out_varint(out, (uint64_t)(bucket->index - writing->buckets[0].index));
	out_varint(out, sums->count);
	out_varint(out, sums->others);
	if (sums->count == 0)
		return;
	write_double(out, sums->min);
	write_double(out, sums->max);
	write_double(out, sums->first);
	write_double(out, sums->last);
	out_signed(out, wrap_sub(sums->first_us, start_us));
	out_signed(out, wrap_sub(sums->last_us, start_us));
	out_signed(out, sums->first_number);
	out_signed(out, sums->last_number);
	out_byte(out, sums->scale);
	write_limbs(out, sums->sum, SERIES_SUM_LIMBS);
	write_limbs(out, sums->squares, SERIES_SQUARES_LIMBS);
	write_limbs(out, wide.sum, wide.sum_count);
	write_limbs(out, wide.squares, wide.squares_count);
}

static void write_columns(struct buf *out, struct writing *writing, struct buf *part)
{
	for (size_t i = 0; writing->plain_count > 0 && i < ROLLUP_COLUMNS; i++) {
		buf_clear(part);
		ints_write(part, writing->columns[i], writing->plain_count, 0, INTS_OF_VALUES, &writing->work);
		if (part->failed)
			out->failed = part->failed;
		out_varint(out, part->len);
		buf_put(out, buf_str(part));
	}
}

static void write_slack(struct buf *out)
{
	for (unsigned i = 0; i < SLACK_BYTES; i++)
		out_byte(out, 0);
}

static bool lies_in_time(const struct series_bucket *buckets, uint32_t count, int64_t period_us)
{
	int64_t start, end;

	return !__builtin_mul_overflow(buckets[0].index, period_us, &start) &&
	       !__builtin_mul_overflow(buckets[count - 1].index + 1, period_us, &end);
}

enum err_code series_rollup_write(struct buf *out, int64_t period_us, bool derived, const struct series_bucket *buckets,
				  uint32_t count, struct error *err)
{
	struct buf part;

	if (!lies_in_time(buckets, count, period_us))
		return err_set(err, ERR_INVALID, "buckets beyond all times");
	CLEANUP_MEMORY struct writing *writing = malloc(sizeof(*writing));

	if (!writing)
		return err_set(err, ERR_MEMORY, "no memory to roll up");
	writing->buckets = buckets;
	writing->count = count;
	writing->period_us = period_us;
	sort_out(writing);
	buf_init(&part, COLUMN_BYTES_MAX);
	write_slack(out);
	out_byte(out, derived ? ROLLUP_DERIVED : 0);
	out_varint(out, (uint64_t)period_us);
	out_varint(out, writing->plain_count);
	out_varint(out, count - writing->plain_count);
	out_signed(out, buckets[0].index);
	out_varint(out, (uint64_t)(buckets[count - 1].index - buckets[0].index));
	out_byte(out, writing->scale);
	write_columns(out, writing, &part);
	for (uint32_t i = 0; i < count; i++)
		if (!writing->plain[i])
			write_other(out, writing, &buckets[i]);
	write_slack(out);
	buf_done(&part);
	return buf_check(out, "roll-up", err);
}
