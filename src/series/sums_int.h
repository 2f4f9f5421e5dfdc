/* Sums, inside the room: many decimals at once. */
#ifndef MACHI_SERIES_SUMS_INT_H
#define MACHI_SERIES_SUMS_INT_H

#include "series/bytes_int.h"
#include "series/sums.h"

/* Decimals of one scale in the order of their times: what they come to. count at least 1. */
struct sums_slice {
	uint64_t count;
	int64_t min, max, first, last; /* mantissas */
	int64_t first_us, last_us, first_number, last_number;
	wide_int sum; /* of mantissas */
	wide_uint squares;
	uint8_t scale;
};

void sums_add_slice(struct series_sums *sums, const struct sums_slice *slice);
/* Mantissas of [from, to), at least one, into the slice's count, min, max, first, last, sum and squares. */
void slice_of_mantissas(const int64_t *mantissas, uint32_t from, uint32_t to, struct sums_slice *ret);
/* The same of mantissas that come less base, which is within ±2^62, and are then `most` at most, less than
 * SLICE_LOW_MAX, so that their squares fit 64 bits. False, and nothing is certain of *ret, when one is more. */
bool slice_of_low(const uint32_t *low, uint32_t from, uint32_t to, int64_t base, uint32_t most, struct sums_slice *ret);
/* Σ(m + by) and Σ(m + by)² from Σm and Σm². */
void slice_shift(uint64_t count, int64_t by, wide_int *sum, wide_uint *squares);

#define SLICE_LOW_MAX (INT64_C(1) << 26)

#endif
