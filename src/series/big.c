/* Integers of many limbs: schoolbook arithmetic, and the one rounding that turns them into a double. */
#include "series/big_int.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide_uint;

#define LIMB_BITS 64u
#define MORE_LIMBS_MAX 5u /* behind the point of a quotient of 65 bits, by divisors that have 256 together */
#define EXPONENT_MIN (DBL_MIN_EXP - DBL_MANT_DIG) /* of the lowest bit of a double */

void big_add(uint64_t *a, size_t count, const uint64_t *b, size_t b_count, size_t at)
{
	bool carry = false;

	for (size_t i = 0; i + at < count && (i < b_count || carry); i++) {
		wide_uint sum = (wide_uint)a[at + i] + (i < b_count ? b[i] : 0) + carry;

		a[at + i] = (uint64_t)sum;
		carry = sum >> LIMB_BITS;
	}
}

void big_sub(uint64_t *a, size_t count, const uint64_t *b, size_t b_count, size_t at)
{
	bool borrow = false;

	for (size_t i = 0; i + at < count && (i < b_count || borrow); i++) {
		wide_uint rest = (wide_uint)a[at + i] - (i < b_count ? b[i] : 0) - borrow;

		a[at + i] = (uint64_t)rest;
		borrow = rest >> LIMB_BITS;
	}
}

void big_add_signed(uint64_t *a, const uint64_t *b, size_t count)
{
	big_add(a, count, b, count, 0);
}

bool big_is_negative(const uint64_t *a, size_t count)
{
	return a[count - 1] >> (LIMB_BITS - 1);
}

void big_negate(uint64_t *a, size_t count)
{
	bool carry = true;

	for (size_t i = 0; i < count; i++) {
		a[i] = ~a[i] + carry;
		carry = carry && a[i] == 0;
	}
}

void big_multiply_small(uint64_t *a, size_t count, uint64_t factor)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < count; i++) {
		wide_uint product = (wide_uint)a[i] * factor + carry;

		a[i] = (uint64_t)product;
		carry = (uint64_t)(product >> LIMB_BITS);
	}
}

void big_square(const uint64_t *a, size_t count, uint64_t *ret)
{
	memset(ret, 0, 2 * count * sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		uint64_t carry = 0;

		for (size_t k = 0; k < count; k++) {
			wide_uint sum = (wide_uint)a[i] * a[k] + ret[i + k] + carry;

			ret[i + k] = (uint64_t)sum;
			carry = (uint64_t)(sum >> LIMB_BITS);
		}
		ret[i + count] = carry;
	}
}

void big_shift_left(uint64_t *a, size_t count, size_t bits)
{
	size_t limbs = bits / LIMB_BITS, rest = bits % LIMB_BITS;

	for (size_t i = count; i-- > 0;) {
		uint64_t high = i >= limbs ? a[i - limbs] : 0, low = i >= limbs + 1 ? a[i - limbs - 1] : 0;

		a[i] = rest > 0 ? high << rest | low >> (LIMB_BITS - rest) : high;
	}
}

/* Divides and says whether something was left over. */
static bool divide_small(uint64_t *a, size_t count, uint64_t divisor)
{
	uint64_t rest = 0;

	for (size_t i = count; i-- > 0;) {
		/* Most of the time that a sum takes to become a double goes into divisions of two limbs. */
		if (rest == 0) {
			rest = a[i] % divisor;
			a[i] /= divisor;
			continue;
		}
		wide_uint part = (wide_uint)rest << LIMB_BITS | a[i];

		a[i] = (uint64_t)(part / divisor);
		rest = (uint64_t)(part % divisor);
	}
	return rest != 0;
}

/* The highest 64 bits of a number that is not 0, the lowest of them set when anything below is; *ret_exponent is
 * theirs. */
static uint64_t highest_bits(const uint64_t *a, size_t count, bool more_below, int *ret_exponent)
{
	size_t top = count - 1;

	while (a[top] == 0)
		top--;
	unsigned shift = (unsigned)__builtin_clzll(a[top]);
	uint64_t below = top > 0 ? a[top - 1] : 0, bits = a[top] << shift;

	if (shift > 0)
		bits |= below >> (LIMB_BITS - shift);
	more_below = more_below || below << shift != 0;
	for (size_t i = 0; i + 1 < top; i++)
		more_below = more_below || a[i] != 0;
	*ret_exponent = (int)(top * LIMB_BITS) - (int)shift;
	return bits | more_below;
}

static double power_of_two(int exponent)
{
	uint64_t bits = (uint64_t)(exponent + DBL_MAX_EXP - 1) << (DBL_MANT_DIG - 1);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* bits · 2^exponent with the lowest `drop` bits rounded away; 64 at most. */
static double round_bits(uint64_t bits, unsigned drop, int exponent)
{
	if (drop > LIMB_BITS)
		return 0.0;
	uint64_t kept = drop == LIMB_BITS ? 0 : bits >> drop, half = UINT64_C(1) << (drop - 1);
	uint64_t lost = drop == LIMB_BITS ? bits : bits & ((UINT64_C(1) << drop) - 1);

	if (lost > half || (lost == half && (kept & 1)))
		kept++;
	exponent += (int)drop;
	/* A power of two that is a double itself: the product is exact as long as it is no denormal, as ldexp()'s
	 * is. */
	if (exponent > -900 && exponent < 900)
		return (double)kept * power_of_two(exponent);
	return ldexp((double)kept, exponent);
}

/* How many limbs behind the point give the quotient 64 bits at least. */
static size_t more_limbs(size_t count, uint64_t highest, const uint64_t *divisors, size_t divisor_count)
{
	size_t bits = count * LIMB_BITS - (size_t)__builtin_clzll(highest), wanted = LIMB_BITS + 1;

	for (size_t i = 0; i < divisor_count; i++)
		wanted += LIMB_BITS - (size_t)__builtin_clzll(divisors[i]);
	return wanted > bits ? (wanted - bits + LIMB_BITS - 1) / LIMB_BITS : 0;
}

double big_ratio(const uint64_t *a, size_t count, int exponent, const uint64_t *divisors, size_t divisor_count,
		 bool scaled, int *ret_exponent)
{
	uint64_t quotient[BIG_LIMBS_MAX + MORE_LIMBS_MAX];
	bool more_below = false;
	int place;

	assert(count <= BIG_LIMBS_MAX && divisor_count <= BIG_DIVISORS_MAX);
	while (count > 0 && a[count - 1] == 0)
		count--;
	*ret_exponent = 0;
	if (count == 0)
		return 0.0;
	size_t more = more_limbs(count, a[count - 1], divisors, divisor_count);

	memset(quotient, 0, more * sizeof(*quotient));
	memcpy(quotient + more, a, count * sizeof(*a));
	for (size_t i = 0; i < divisor_count; i++)
		more_below |= divide_small(quotient, count + more, divisors[i]);
	uint64_t bits = highest_bits(quotient, count + more, more_below, &place);

	exponent += place - (int)(more * LIMB_BITS);
	if (scaled) {
		*ret_exponent = exponent + (int)LIMB_BITS - 1;
		*ret_exponent -= *ret_exponent & 1;
		return round_bits(bits, LIMB_BITS - DBL_MANT_DIG, exponent - *ret_exponent);
	}
	int drop = LIMB_BITS - DBL_MANT_DIG;

	/* Denormals have fewer bits. */
	if (exponent + drop < EXPONENT_MIN)
		drop = EXPONENT_MIN - exponent;
	return round_bits(bits, (unsigned)drop, exponent);
}
