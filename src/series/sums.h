/* Exact sums of numbers: count, sum, mean, squares, smallest and largest, first and last.
 *
 * What comes out does not depend on the order or the grouping in which values went in, to the last bit: sums are
 * kept exactly, as integers of 10^−15 at most (their squares of 10^−30) and, for doubles that are no such decimals,
 * as the binary numbers that they are over the whole range of doubles; they are rounded once, when asked for. A
 * number counts as the decimal that its text is: 0.1 and 0.2 give 0.3. A double that a decimal of at most fifteen
 * digits with at most fifteen behind the point rounds to counts as this decimal, so that it matters not how a number
 * was kept. Pure. Thread: one owner. */
#ifndef MACHI_SERIES_SUMS_H
#define MACHI_SERIES_SUMS_H

#include "series/points.h"

#define SERIES_SUM_LIMBS 3
#define SERIES_SQUARES_LIMBS 5

struct series_wide; /* sums of doubles that are no decimals; in the arena, there at the first of them */

struct series_sums {
	uint64_t count; /* of numbers and booleans (as 1 and 0) */
	uint64_t others; /* of values that are neither */
	/* The following say nothing while count is 0. −0 counts as 0. */
	double min, max;
	int64_t first_us, last_us; /* when the first and the last one hold; equals: the least and the greatest number */
	int64_t first_number, last_number;
	double first, last;
	/* This room's own. */
	uint64_t sum[SERIES_SUM_LIMBS]; /* of 10^−scale, two's complement, least limb first */
	uint64_t squares[SERIES_SQUARES_LIMBS]; /* of 10^−(2 · scale) */
	uint8_t scale; /* the largest of the decimals that were added */
	struct arena *arena;
	struct series_wide *wide;
};

/* Nothing added yet. The arena must live as long as the sums; it is used only when doubles are added that are no
 * decimals. */
void series_sums_clear(struct series_sums *sums, struct arena *arena);

/* Adds a number that holds at at_us and has this order number. Bounds of mantissa and scale: points.h. */
void series_sums_add_decimal(struct series_sums *sums, int64_t at_us, int64_t number, int64_t mantissa, uint8_t scale);
/* value must be finite. ERR_MEMORY: the arena refused; nothing was added. err may be NULL, as below. */
MUST_CHECK enum err_code series_sums_add_double(struct series_sums *sums, int64_t at_us, int64_t number, double value,
						struct error *err);
/* Any JSON text: a number counts as one, true and false as 1 and 0, all else is one of the others. */
MUST_CHECK enum err_code series_sums_add_text(struct series_sums *sums, int64_t at_us, int64_t number, struct str text,
					      struct error *err);
/* The point of this index, of any kind; SERIES_TEXT is one of the others. */
MUST_CHECK enum err_code series_sums_add_point(struct series_sums *sums, const struct series_points *points,
					       uint32_t index, struct error *err);
/* All that `from` holds, which stays as it is. */
MUST_CHECK enum err_code series_sums_merge(struct series_sums *sums, const struct series_sums *from, struct error *err);

/* Correctly rounded; 0 when nothing was added; infinite beyond the range of doubles. */
double series_sums_sum(const struct series_sums *sums);
double series_sums_avg(const struct series_sums *sums);
double series_sums_sumsq(const struct series_sums *sums); /* of the values' squares */
/* Of the population: √(Σx²/n − (Σx/n)²), from exact sums; off by three units in the last place at most. */
double series_sums_stddev(const struct series_sums *sums);

#endif
