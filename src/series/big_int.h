/* Integers of many limbs of 64 bits, the least first, inside the room. Lengths are the caller's: results are modulo
 * 2^(64·count); negative numbers are two's complement. */
#ifndef MACHI_SERIES_BIG_INT_H
#define MACHI_SERIES_BIG_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a += or −= b · 2^(64·at); b is not negative. */
void big_add(uint64_t *a, size_t count, const uint64_t *b, size_t b_count, size_t at);
void big_sub(uint64_t *a, size_t count, const uint64_t *b, size_t b_count, size_t at);
/* a += b, both signed and of count limbs. */
void big_add_signed(uint64_t *a, const uint64_t *b, size_t count);
bool big_is_negative(const uint64_t *a, size_t count);
void big_negate(uint64_t *a, size_t count);
void big_multiply_small(uint64_t *a, size_t count, uint64_t factor); /* of either sign */
/* ret (2 · count limbs) = a². a not negative. */
void big_square(const uint64_t *a, size_t count, uint64_t *ret);
void big_shift_left(uint64_t *a, size_t count, size_t bits);

#define BIG_LIMBS_MAX 80u
#define BIG_DIVISORS_MAX 4u

/* The magnitude a · 2^exponent over the product of divisors, rounded once to the nearest double, ties
 * to even. scaled: as a number in [1, 4] to be multiplied by 2^*ret_exponent, which is even; otherwise that is 0. */
double big_ratio(const uint64_t *a, size_t count, int exponent, const uint64_t *divisors, size_t divisor_count,
		 bool scaled, int *ret_exponent);

#endif
