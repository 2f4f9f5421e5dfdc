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
/* Mantissas of [from, to) into the slice's count, min, max, first, last, sum and squares; at least one. small: all lie
 * within ±2^25, so that squares of a chunk fit 64 bits. */
void slice_of_mantissas(const int64_t *mantissas, uint32_t from, uint32_t to, bool small, struct sums_slice *ret);

#define SLICE_SMALL_MAX (INT64_C(1) << 25)

#endif
