/* A column of int64_t as bytes, inside the room: times, order numbers, mantissas, the bits of doubles, indexes.
 *
 *   head    byte: transform (2 bits), coding of the residuals (2 bits), HEAD_STEP, HEAD_RANGE,
 *           HEAD_CENTRE
 *   first   signed varint, less a base that both sides know
 *   step    with HEAD_STEP: varint; all differences to the first are multiples of it
 *   slope   of INTS_BEND: signed varint, the first difference
 *   centre  with HEAD_CENTRE: signed varint
 *   range   with HEAD_RANGE: last − first (signed), first − min, max − first (varints)
 *   the residuals (residuals_int.h), of y = (value − first) / step, y of the first being 0
 *
 * INTS_RAW: y itself; INTS_DELTA: y − the y before; INTS_BEND: the difference of differences; INTS_XOR: bits that
 * differ from the value before, as the number of which zigzag is the bits. All arithmetic is modulo 2⁶⁴. A constant
 * column and one of equal steps take no residuals, and any of their values is had without reading the others. */
#ifndef MACHI_SERIES_INTS_INT_H
#define MACHI_SERIES_INTS_INT_H

#include "series/residuals_int.h"

enum ints_transform { INTS_RAW, INTS_DELTA, INTS_BEND, INTS_XOR };

#define INTS_RANGE_FROM 32u /* fewer values are read to know their range */

/* What an encoder works in; about 200 KB. */
struct ints_work {
	int64_t y[SERIES_POINTS_MAX];
	int64_t residuals[3][SERIES_POINTS_MAX];
	uint8_t lanes[LANES * LANE_BYTES_MAX];
};

enum ints_kind {
	INTS_OF_VALUES, /* mantissas, indexes */
	INTS_WITH_RANGE, /* times and numbers, whose range is asked for */
	INTS_OF_DOUBLES /* bits of doubles in the order of their values */
};

/* count at least 1. */
void ints_write(struct buf *out, const int64_t *values, uint32_t count, int64_t base, enum ints_kind kind,
		struct ints_work *work);

struct ints {
	uint32_t count;
	enum ints_transform transform;
	enum coding coding;
	bool has_range;
	int64_t first, slope, centre;
	uint64_t step;
	int64_t last, min, max; /* when has_range or regular */
	struct byte_in section; /* of the residuals */
};

/* Reads the head of a column that takes all of in. False when it is none. */
bool ints_open(struct byte_in in, uint32_t count, int64_t base, struct ints *ret);
/* Value i is first + i · ret_step. */
bool ints_are_regular(const struct ints *ints, int64_t *ret_step);
/* All values. False when the bytes are none. */
bool ints_read(const struct ints *ints, int64_t *ret_values);
/* The same less base, modulo 2³². */
bool ints_read_low(const struct ints *ints, int64_t base, uint32_t *ret_values);

#endif
