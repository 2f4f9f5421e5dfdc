/* A piece of a roll-up as bytes, inside the room.
 *
 *   eight zeros (readers of columns load whole words)
 *   head       byte: ROLLUP_DERIVED
 *   period     varint, microseconds
 *   plain      varint, how many buckets are plain; others: varint, how many are not
 *   first      signed varint, index of the first bucket of all; span: varint, last − first
 *   scale      byte, of the plain ones
 *   columns    thirteen, of the plain ones: varint length, integers (ints_int.h)
 *   others     one after the other, see write_other()
 *   eight zeros
 *
 * Plain is a bucket whose numbers are decimals of the piece's scale within ROLLUP_MANTISSA_MAX, so that its exact sums
 * fit 128 bits. Sums are kept as those of what a number is more than the least one: small where numbers are alike. */
#ifndef MACHI_SERIES_ROLLUP_INT_H
#define MACHI_SERIES_ROLLUP_INT_H

#include "series/bytes_int.h"
#include "series/rollup.h"

#define ROLLUP_DERIVED 1u
#define ROLLUP_MANTISSA_MAX (INT64_C(1) << 46)
#define ROLLUP_COUNT_MAX (UINT64_C(1) << 32) /* of a plain bucket's numbers: n · m² stays below 2^124 */

enum rollup_column {
	ROLLUP_INDEX, /* less the piece's first */
	ROLLUP_COUNT,
	ROLLUP_OTHERS,
	ROLLUP_FIRST_US, /* less the bucket's beginning */
	ROLLUP_LAST_US,
	ROLLUP_FIRST_NUMBER,
	ROLLUP_LAST_NUMBER,
	ROLLUP_MIN,
	ROLLUP_MAX, /* less the least, as what follows */
	ROLLUP_FIRST,
	ROLLUP_LAST,
	ROLLUP_SUM,
	ROLLUP_SQUARES,
	ROLLUP_COLUMNS
};

/* Limbs of the sums of doubles; NULL: there are none. The second makes room for them. */
struct sums_limbs {
	uint64_t *sum, *squares;
	size_t sum_count, squares_count;
};
struct sums_limbs sums_wide_limbs(const struct series_sums *sums);
MUST_CHECK enum err_code sums_wide_make(struct series_sums *sums, struct sums_limbs *ret, struct error *err);

#endif
