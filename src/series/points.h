/* Points of a series in columns, and numbers as the decimals that their texts are.
 *
 * A point is one instance of an attribute: when it holds (at_us, microseconds since 1970), its order number, when it
 * was created and modified, what it says beside its value (its shape, a text that many points share), and its value.
 * The values of one series_points are all of one kind. Pure. Thread: the owner of the structs. */
#ifndef MACHI_SERIES_POINTS_H
#define MACHI_SERIES_POINTS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum series_kind {
	SERIES_DECIMAL, /* mantissa · 10^−scale; its text has no zero behind the last digit behind the point: 27.3, 5 */
	SERIES_FIXED, /* mantissa · 10^−scale; its text has exactly `scale` digits behind the point: 230.10 */
	SERIES_DOUBLE, /* finite; its text is series_double_write()'s */
	SERIES_BOOLEAN, /* mantissas 0 and 1 */
	SERIES_TEXT, /* what strings hold, decoded: any bytes */
	SERIES_RAW, /* the JSON text of anything */
	SERIES_KIND_COUNT
};

#define SERIES_SCALE_MAX 15
/* Decimals with a scale lie within ±SERIES_MANTISSA_MAX: fifteen digits, which a double tells apart (DBL_DIG), so that
 * a number is the same decimal whether it comes as a text or as a double. With scale 0 all of int64_t is allowed. */
#define SERIES_MANTISSA_MAX INT64_C(999999999999999)
#define SERIES_POINTS_MAX 4096u /* of one chunk */

/* A column of one number a point. */
struct series_column {
	const int64_t *at; /* borrowed; NULL: every point has `all` */
	int64_t all;
};

static inline int64_t series_column_get(const struct series_column *column, uint32_t index)
{
	return column->at ? column->at[index] : column->all;
}

/* All arrays are borrowed (or lie in the arena they were read into). */
struct series_points {
	enum series_kind kind;
	uint8_t scale; /* SERIES_DECIMAL and SERIES_FIXED: 0 to SERIES_SCALE_MAX; else 0 */
	uint32_t count; /* 1 to SERIES_POINTS_MAX where points are packed */
	const int64_t *at_us; /* ascending; those that are equal are in the order of their numbers */
	struct series_column number; /* order numbers */
	struct series_column created_us, modified_us;
	struct series_column shape; /* indexes of shapes */
	const struct str *shapes;
	uint32_t shape_count;
	/* One of these three, by kind. */
	const int64_t *mantissas; /* SERIES_DECIMAL, SERIES_FIXED, SERIES_BOOLEAN */
	const double *doubles;
	const struct str *texts; /* SERIES_TEXT, SERIES_RAW */
};

/* ---- numbers and their texts ---- */

struct series_number {
	int64_t mantissa;
	uint8_t scale; /* digits behind the point, as written */
	bool trimmed; /* scale is 0 or the last digit is not 0: SERIES_DECIMAL has it, else only SERIES_FIXED */
};

/* A JSON number's text as a decimal that series_decimal_write() gives back byte for byte. False when there is none:
 * an exponent, a negative zero, beyond the bounds above, or no JSON number at all. */
bool series_number_read(struct str text, struct series_number *ret);
/* The mantissa of the same value with another scale. False when it needs more digits or passes the bounds. */
bool series_number_rescale(int64_t mantissa, uint8_t from_scale, uint8_t to_scale, int64_t *ret);

#define SERIES_NUMBER_BYTES 32 /* holds any text of the two writers */
/* The text of a decimal; fixed: all `scale` digits behind the point, otherwise no zeros at their end. In buffer. */
struct str series_decimal_write(int64_t mantissa, uint8_t scale, bool fixed, char buffer[static SERIES_NUMBER_BYTES]);
/* The text of a finite double: the fewest digits of printf's roundings that read back as the same bits, written as
 * ECMAScript does (plain from 1e-6 to below 1e21, else as 1.5e-7, 1e+21); −0 is "-0". In buffer. */
struct str series_double_write(double value, char buffer[static SERIES_NUMBER_BYTES]);
/* A JSON number's text as a double. False when series_double_write() would write it another way. */
bool series_double_read(struct str text, double *ret);

/* The JSON text of value `index`, for every kind but SERIES_TEXT (whose text must be quoted by the caller). In buffer,
 * or borrowed from the points. */
struct str series_value_write(const struct series_points *points, uint32_t index,
			      char buffer[static SERIES_NUMBER_BYTES]);

#endif
