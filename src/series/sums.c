/* Exact sums.
 *
 * Decimals: m · 10^−s is an integer of 10^−15 at most, and its square one of 10^−30; three and five limbs hold 2^64 of
 * them. The unit is that of the largest scale so far: it is mostly one, and then nothing has to be multiplied.
 * Doubles that are no decimals: a double is an integer of 2^−1074, its square one of 2^−2148, so that 34 and 67 limbs
 * hold the sums of all of them (a superaccumulator, after U. Kulisch). Both are added to in any order with the same
 * result; they meet, as integers of 2^−1074 · 10^−scale, when a result is asked for, which is rounded once. */
#include "series/sums.h"

#include "series/big_int.h"
#include "series/rollup_int.h"
#include "series/sums_int.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#define WIDE_LIMBS 34u
#define WIDE_SQUARES_LIMBS 67u
#define WIDE_EXPONENT 1074 /* of the lowest bit of a double */
#define LIMB_BITS 64u
#define JOINT_LIMBS (WIDE_LIMBS + 1)
#define JOINT_SQUARES_LIMBS (WIDE_SQUARES_LIMBS + 2)
#define UNIT UINT64_C(1000000000000000) /* 10^SERIES_SCALE_MAX */

struct series_wide {
	uint64_t sum[WIDE_LIMBS];
	uint64_t squares[WIDE_SQUARES_LIMBS];
};

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

void series_sums_clear(struct series_sums *sums, struct arena *arena)
{
	/* Field by field: a compiler's way to clear a struct this large takes longer. */
	sums->count = sums->others = 0;
	sums->min = sums->max = sums->first = sums->last = 0;
	sums->first_us = sums->last_us = sums->first_number = sums->last_number = 0;
	for (unsigned i = 0; i < SERIES_SUM_LIMBS; i++)
		sums->sum[i] = 0;
	for (unsigned i = 0; i < SERIES_SQUARES_LIMBS; i++)
		sums->squares[i] = 0;
	sums->scale = 0;
	sums->arena = arena;
	sums->wide = NULL;
}

/* ---- what does not need exactness: least, greatest, first, last ---- */

struct end {
	int64_t at_us, number;
	double value;
};

static bool end_before(struct end a, struct end b)
{
	if (a.at_us != b.at_us)
		return a.at_us < b.at_us;
	return a.number != b.number ? a.number < b.number : a.value < b.value;
}

static void take_ends(struct series_sums *sums, struct end first, struct end last, double min, double max)
{
	struct end old_first = {sums->first_us, sums->first_number, sums->first};
	struct end old_last = {sums->last_us, sums->last_number, sums->last};
	bool empty = sums->count == 0;

	if (empty || min < sums->min)
		sums->min = min;
	if (empty || max > sums->max)
		sums->max = max;
	if (empty || end_before(first, old_first)) {
		sums->first_us = first.at_us;
		sums->first_number = first.number;
		sums->first = first.value;
	}
	if (empty || end_before(old_last, last)) {
		sums->last_us = last.at_us;
		sums->last_number = last.number;
		sums->last = last.value;
	}
}

/* ---- decimals ---- */

static double decimal_value(int64_t mantissa, uint8_t scale)
{
	/* One correctly rounded division of two exact numbers; integers of any size have scale 0. */
	return (double)mantissa / (double)powers[scale];
}

/* Both sums in the unit of a larger scale. */
static void scale_up(uint64_t *sum, uint64_t *squares, uint8_t from_scale, uint8_t to_scale)
{
	/* Modulo 2^192 a negative sum is multiplied as any other. */
	big_multiply_small(sum, SERIES_SUM_LIMBS, powers[to_scale - from_scale]);
	big_multiply_small(squares, SERIES_SQUARES_LIMBS, powers[to_scale - from_scale]);
	big_multiply_small(squares, SERIES_SQUARES_LIMBS, powers[to_scale - from_scale]);
}

static void add_limbs(struct series_sums *sums, const uint64_t *sum, const uint64_t *squares)
{
	big_add_signed(sums->sum, sum, SERIES_SUM_LIMBS);
	big_add(sums->squares, SERIES_SQUARES_LIMBS, squares, SERIES_SQUARES_LIMBS, 0);
}

/* Sums of decimals of one scale. */
static void add_sums(struct series_sums *sums, wide_int sum, wide_uint squares, uint8_t scale)
{
	uint64_t high = sum < 0 ? UINT64_MAX : 0;
	uint64_t limbs[SERIES_SUM_LIMBS] = {(uint64_t)sum, (uint64_t)((wide_uint)sum >> LIMB_BITS), high};
	uint64_t more[SERIES_SQUARES_LIMBS] = {(uint64_t)squares, (uint64_t)(squares >> LIMB_BITS)};

	if (scale > sums->scale) {
		scale_up(sums->sum, sums->squares, sums->scale, scale);
		sums->scale = scale;
	} else if (scale < sums->scale) {
		scale_up(limbs, more, scale, sums->scale);
	}
	add_limbs(sums, limbs, more);
}

void sums_add_slice(struct series_sums *sums, const struct sums_slice *slice)
{
	struct end first = {slice->first_us, slice->first_number, decimal_value(slice->first, slice->scale)};
	struct end last = {slice->last_us, slice->last_number, decimal_value(slice->last, slice->scale)};

	take_ends(sums, first, last, decimal_value(slice->min, slice->scale), decimal_value(slice->max, slice->scale));
	sums->count += slice->count;
	add_sums(sums, slice->sum, slice->squares, slice->scale);
}

void slice_of_mantissas(const int64_t *mantissas, uint32_t from, uint32_t to, struct sums_slice *ret)
{
	int64_t min = mantissas[from], max = min;
	wide_int sum = 0;
	wide_uint squares = 0;

	for (uint32_t i = from; i < to; i++) {
		int64_t value = mantissas[i];

		min = value < min ? value : min;
		max = value > max ? value : max;
		sum += value;
		squares += (wide_uint)((wide_int)value * value);
	}
	ret->count = to - from;
	ret->first = mantissas[from];
	ret->last = mantissas[to - 1];
	ret->sum = sum;
	ret->squares = squares;
	ret->min = min;
	ret->max = max;
}

bool slice_of_low(const uint32_t *low, uint32_t from, uint32_t to, int64_t base, uint32_t most, struct sums_slice *ret)
{
	int32_t min = (int32_t)low[from], max = min;
	uint64_t sum = 0, squares = 0;

	for (uint32_t i = from; i < to; i++) {
		int32_t value = (int32_t)low[i];

		min = value < min ? value : min;
		max = value > max ? value : max;
		sum += low[i];
		squares += (uint64_t)low[i] * low[i];
	}
	if (min < 0 || (uint32_t)max > most)
		return false;
	ret->count = to - from;
	ret->first = base + (int64_t)low[from];
	ret->last = base + (int64_t)low[to - 1];
	ret->sum = (wide_int)sum;
	ret->squares = squares;
	ret->min = base + min;
	ret->max = base + max;
	slice_shift(ret->count, base, &ret->sum, &ret->squares);
	return true;
}

void slice_shift(uint64_t count, int64_t by, wide_int *sum, wide_uint *squares)
{
	wide_uint shift = (wide_uint)(wide_int)by, old = (wide_uint)*sum;

	*squares += count * shift * shift + 2 * shift * old;
	*sum = (wide_int)(old + count * shift);
}

void series_sums_add_decimal(struct series_sums *sums, int64_t at_us, int64_t number, int64_t mantissa, uint8_t scale)
{
	struct end end = {at_us, number, decimal_value(mantissa, scale)};

	assert(scale <= SERIES_SCALE_MAX);
	take_ends(sums, end, end, end.value, end.value);
	sums->count++;
	add_sums(sums, mantissa, (wide_uint)((wide_int)mantissa * mantissa), scale);
}

/* ---- doubles ---- */

/* The decimal that a double stands for: at most fifteen digits, at most fifteen behind the point. */
static bool double_as_decimal(double value, int64_t *ret_mantissa, uint8_t *ret_scale)
{
	uint8_t scale = SERIES_SCALE_MAX;

	if (fabs(value) >= (double)UNIT)
		return false;
	while (scale > 0 && fabs(value) * (double)powers[scale] >= (double)UNIT)
		scale--;
	/* If there is such a decimal, it is the nearest with this scale too. */
	int64_t mantissa = (int64_t)(value * (double)powers[scale] + (value < 0 ? -0.5 : 0.5));

	if (decimal_value(mantissa, scale) != value)
		return false;
	*ret_mantissa = mantissa;
	*ret_scale = scale;
	return true;
}

static enum err_code need_wide(struct series_sums *sums, struct error *err)
{
	assert(sums->arena != NULL);
	if (!sums->wide)
		sums->wide = arena_new(sums->arena, struct series_wide);
	return sums->wide ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for sums of doubles");
}

static struct sums_limbs limbs_of(struct series_wide *wide)
{
	return (struct sums_limbs){wide->sum, wide->squares, WIDE_LIMBS, WIDE_SQUARES_LIMBS};
}

struct sums_limbs sums_wide_limbs(const struct series_sums *sums)
{
	return sums->wide ? limbs_of(sums->wide) : (struct sums_limbs){0};
}

enum err_code sums_wide_make(struct series_sums *sums, struct sums_limbs *ret, struct error *err)
{
	enum err_code code = need_wide(sums, err);

	if (code == ERR_OK)
		*ret = limbs_of(sums->wide);
	return code;
}

/* value = ±mantissa · 2^(place − 1074). */
static void add_wide(struct series_wide *wide, double value)
{
	int exponent;
	double fraction = frexp(fabs(value), &exponent);
	int place = exponent - DBL_MANT_DIG + WIDE_EXPONENT;
	uint64_t mantissa = (uint64_t)ldexp(fraction, DBL_MANT_DIG), limbs[2];

	/* Denormals: their lowest bits are zeros. */
	if (place < 0) {
		mantissa >>= -place;
		place = 0;
	}
	wide_uint shifted = (wide_uint)mantissa << ((unsigned)place % LIMB_BITS);

	limbs[0] = (uint64_t)shifted;
	limbs[1] = (uint64_t)(shifted >> LIMB_BITS);
	if (value < 0)
		big_sub(wide->sum, WIDE_LIMBS, limbs, 2, (unsigned)place / LIMB_BITS);
	else
		big_add(wide->sum, WIDE_LIMBS, limbs, 2, (unsigned)place / LIMB_BITS);
	wide_uint square = (wide_uint)mantissa * mantissa;
	uint64_t squares[3] = {(uint64_t)square, (uint64_t)(square >> LIMB_BITS), 0};

	big_shift_left(squares, 3, 2 * (unsigned)place % LIMB_BITS);
	big_add(wide->squares, WIDE_SQUARES_LIMBS, squares, 3, 2 * (unsigned)place / LIMB_BITS);
}

enum err_code series_sums_add_double(struct series_sums *sums, int64_t at_us, int64_t number, double value,
				     struct error *err)
{
	struct end end = {at_us, number, value + 0.0}; /* −0 becomes 0 */
	int64_t mantissa;
	uint8_t scale;

	assert(isfinite(value));
	if (double_as_decimal(value, &mantissa, &scale)) {
		series_sums_add_decimal(sums, at_us, number, mantissa, scale);
		return ERR_OK;
	}
	enum err_code code = need_wide(sums, err);

	if (code)
		return code;
	take_ends(sums, end, end, end.value, end.value);
	sums->count++;
	add_wide(sums->wide, value);
	return ERR_OK;
}

enum err_code series_sums_add_text(struct series_sums *sums, int64_t at_us, int64_t number, struct str text,
				   struct error *err)
{
	struct series_number decimal;
	double value;

	if (series_number_read(text, &decimal))
		series_sums_add_decimal(sums, at_us, number, decimal.mantissa, decimal.scale);
	else if (str_eq(text, STR("true")) || str_eq(text, STR("false")))
		series_sums_add_decimal(sums, at_us, number, text.at[0] == 't', 0);
	else if (text.len > 0 && (text.at[0] == '-' || (text.at[0] >= '0' && text.at[0] <= '9')) &&
		 str_to_double(text, &value) && isfinite(value))
		return series_sums_add_double(sums, at_us, number, value, err);
	else
		sums->others++;
	return ERR_OK;
}

enum err_code series_sums_add_point(struct series_sums *sums, const struct series_points *points, uint32_t index,
				    struct error *err)
{
	int64_t at_us = points->at_us[index], number = series_column_get(&points->number, index);

	assert(index < points->count);
	switch (points->kind) {
	case SERIES_DECIMAL:
	case SERIES_FIXED:
	case SERIES_BOOLEAN:
		series_sums_add_decimal(sums, at_us, number, points->mantissas[index], points->scale);
		return ERR_OK;
	case SERIES_DOUBLE:
		return series_sums_add_double(sums, at_us, number, points->doubles[index], err);
	case SERIES_RAW:
		return series_sums_add_text(sums, at_us, number, points->texts[index], err);
	default:
		sums->others++;
		return ERR_OK;
	}
}

static void merge_decimals(struct series_sums *sums, const struct series_sums *from)
{
	uint64_t sum[SERIES_SUM_LIMBS], squares[SERIES_SQUARES_LIMBS];

	memcpy(sum, from->sum, sizeof(sum));
	memcpy(squares, from->squares, sizeof(squares));
	if (from->scale > sums->scale) {
		scale_up(sums->sum, sums->squares, sums->scale, from->scale);
		sums->scale = from->scale;
	} else if (from->scale < sums->scale) {
		scale_up(sum, squares, from->scale, sums->scale);
	}
	add_limbs(sums, sum, squares);
}

enum err_code series_sums_merge(struct series_sums *sums, const struct series_sums *from, struct error *err)
{
	enum err_code code = from->wide ? need_wide(sums, err) : ERR_OK;

	if (code)
		return code;
	sums->others += from->others;
	if (from->count == 0)
		return ERR_OK;
	take_ends(sums, (struct end){from->first_us, from->first_number, from->first},
		  (struct end){from->last_us, from->last_number, from->last}, from->min, from->max);
	sums->count += from->count;
	merge_decimals(sums, from);
	if (from->wide) {
		big_add_signed(sums->wide->sum, from->wide->sum, WIDE_LIMBS);
		big_add(sums->wide->squares, WIDE_SQUARES_LIMBS, from->wide->squares, WIDE_SQUARES_LIMBS, 0);
	}
	return ERR_OK;
}

/* ---- results ---- */

/* An exact sum on its way to a result: limbs · 2^exponent · 10^−scale, or 10^(−2·scale) of squares. */
struct exact {
	uint64_t limbs[BIG_LIMBS_MAX];
	size_t count;
	int exponent;
	bool negative;
};

static void joint_sum(const struct series_sums *sums, struct exact *ret)
{
	uint64_t decimals[SERIES_SUM_LIMBS], wide[WIDE_LIMBS];

	*ret = (struct exact){.count = SERIES_SUM_LIMBS};
	memcpy(decimals, sums->sum, sizeof(decimals));
	if (sums->wide) {
		memcpy(wide, sums->wide->sum, sizeof(wide));
		bool down = big_is_negative(wide, WIDE_LIMBS),
		     decimals_down = big_is_negative(decimals, SERIES_SUM_LIMBS);

		ret->count = JOINT_LIMBS;
		ret->exponent = -WIDE_EXPONENT;
		if (down)
			big_negate(wide, WIDE_LIMBS);
		if (decimals_down)
			big_negate(decimals, SERIES_SUM_LIMBS);
		memcpy(ret->limbs, decimals, sizeof(decimals));
		big_shift_left(ret->limbs, JOINT_LIMBS, WIDE_EXPONENT);
		if (decimals_down)
			big_negate(ret->limbs, JOINT_LIMBS);
		uint64_t scaled[JOINT_LIMBS] = {0};

		memcpy(scaled, wide, sizeof(wide));
		big_multiply_small(scaled, JOINT_LIMBS, powers[sums->scale]);
		if (down)
			big_negate(scaled, JOINT_LIMBS);
		big_add_signed(ret->limbs, scaled, JOINT_LIMBS);
	} else {
		memcpy(ret->limbs, decimals, sizeof(decimals));
	}
	ret->negative = big_is_negative(ret->limbs, ret->count);
	if (ret->negative)
		big_negate(ret->limbs, ret->count);
}

static void joint_squares(const struct series_sums *sums, struct exact *ret)
{
	*ret = (struct exact){.count = SERIES_SQUARES_LIMBS};
	memcpy(ret->limbs, sums->squares, sizeof(sums->squares));
	if (sums->wide) {
		uint64_t scaled[JOINT_SQUARES_LIMBS] = {0};

		ret->count = JOINT_SQUARES_LIMBS;
		ret->exponent = -2 * WIDE_EXPONENT;
		big_shift_left(ret->limbs, JOINT_SQUARES_LIMBS, 2 * WIDE_EXPONENT);
		memcpy(scaled, sums->wide->squares, sizeof(sums->wide->squares));
		big_multiply_small(scaled, JOINT_SQUARES_LIMBS, powers[sums->scale]);
		big_multiply_small(scaled, JOINT_SQUARES_LIMBS, powers[sums->scale]);
		big_add(ret->limbs, JOINT_SQUARES_LIMBS, scaled, JOINT_SQUARES_LIMBS, 0);
	}
}

static double rounded(const struct exact *exact, const uint64_t *divisors, size_t count)
{
	int exponent;
	double size = big_ratio(exact->limbs, exact->count, exact->exponent, divisors, count, false, &exponent);

	return exact->negative ? 0.0 - size : size;
}

#define DOUBLE_WHOLE_MAX (UINT64_C(1) << DBL_MANT_DIG) /* all integers up to it are doubles */

/* The sum, or the mean where count is not 1. */
static double rounded_sum(const struct series_sums *sums, uint64_t count)
{
	const uint64_t divisors[] = {powers[sums->scale], count};
	uint64_t limbs[SERIES_SUM_LIMBS], divisor;
	bool negative = big_is_negative(sums->sum, SERIES_SUM_LIMBS);
	struct exact exact;
	int exponent;

	if (sums->wide) {
		joint_sum(sums, &exact);
		return rounded(&exact, divisors, 2);
	}
	memcpy(limbs, sums->sum, sizeof(limbs));
	if (negative)
		big_negate(limbs, SERIES_SUM_LIMBS);
	/* Mostly all is small, and one division of two exact numbers rounds once too. */
	bool small = !__builtin_mul_overflow(divisors[0], count, &divisor) && divisor <= DOUBLE_WHOLE_MAX &&
		     limbs[0] <= DOUBLE_WHOLE_MAX && (limbs[1] | limbs[2]) == 0;
	double size = small ? (double)limbs[0] / (double)divisor
			    : big_ratio(limbs, SERIES_SUM_LIMBS, 0, divisors, 2, false, &exponent);

	return negative ? 0.0 - size : size;
}

double series_sums_sum(const struct series_sums *sums)
{
	return rounded_sum(sums, 1);
}

double series_sums_avg(const struct series_sums *sums)
{
	return sums->count > 0 ? rounded_sum(sums, sums->count) : 0.0;
}

double series_sums_sumsq(const struct series_sums *sums)
{
	struct exact squares;

	joint_squares(sums, &squares);
	return rounded(&squares, (const uint64_t[]){powers[sums->scale], powers[sums->scale]}, 2);
}

/* √((n·Σx² − (Σx)²) / n²), exact but for two roundings: of the quotient, which is the same in any unit, and of the
 * root. */
double series_sums_stddev(const struct series_sums *sums)
{
	struct exact sum, squares;
	uint64_t square[BIG_LIMBS_MAX] = {0};
	int exponent;

	if (sums->count == 0)
		return 0.0;
	joint_sum(sums, &sum);
	joint_squares(sums, &squares);
	/* Both squares are in the same unit, 2^(2·exponent) · 10^(−2·scale). */
	squares.count = 2 * sum.count > squares.count + 1 ? 2 * sum.count : squares.count + 1;
	assert(squares.count <= BIG_LIMBS_MAX && squares.exponent == 2 * sum.exponent);
	big_multiply_small(squares.limbs, squares.count, sums->count);
	big_square(sum.limbs, sum.count, square);
	big_sub(squares.limbs, squares.count, square, 2 * sum.count, 0);
	const uint64_t unit = powers[sums->scale], divisors[] = {unit, unit, sums->count, sums->count};
	double size = sqrt(big_ratio(squares.limbs, squares.count, squares.exponent, divisors, 4, true, &exponent));

	return ldexp(size, exponent / 2);
}
