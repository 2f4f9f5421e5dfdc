/* Numbers as decimals and as doubles, and the texts that they are written as: each reader accepts just what its writer
 * writes, so that a number kept by its value comes back byte for byte. */
#include "series/points.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 19 /* of an int64_t */
#define PLAIN_EXPONENT_MIN (-7) /* ECMAScript, Number::toString: decimal exponents written without an e */
#define PLAIN_EXPONENT_MAX 20
#define SHORTEST_DIGITS_MAX 17

static_assert(DBL_DIG == 15, "a decimal of fifteen digits survives a double");

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits [from, to) into *value, skipping the point; at most DIGITS_MAX of them, so that it fits. */
static bool read_digits(struct str text, size_t from, uint64_t *ret_value, size_t *ret_point)
{
	uint64_t value = 0;
	size_t digits = 0, point = text.len;

	for (size_t i = from; i < text.len; i++) {
		if (text.at[i] == '.' && point == text.len && i > from && i + 1 < text.len) {
			point = i;
			continue;
		}
		if (!is_digit(text.at[i]) || ++digits > DIGITS_MAX)
			return false;
		value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ret_value = value;
	*ret_point = point;
	return digits > 0;
}

bool series_number_read(struct str text, struct series_number *ret)
{
	bool negative = text.len > 0 && text.at[0] == '-';
	size_t from = negative, point;
	uint64_t value;

	if (!read_digits(text, from, &value, &point))
		return false;
	size_t scale = point == text.len ? 0 : text.len - point - 1;

	if ((text.at[from] == '0' && point != from + 1) || (negative && value == 0) || scale > SERIES_SCALE_MAX)
		return false;
	if (value > (scale > 0 ? (uint64_t)SERIES_MANTISSA_MAX : (uint64_t)INT64_MAX + negative))
		return false;
	*ret = (struct series_number){.mantissa = (int64_t)(negative ? 0 - value : value),
				      .scale = (uint8_t)scale,
				      .trimmed = scale == 0 || text.at[text.len - 1] != '0'};
	return true;
}

bool series_number_rescale(int64_t mantissa, uint8_t from_scale, uint8_t to_scale, int64_t *ret)
{
	for (; from_scale < to_scale; from_scale++)
		if (__builtin_mul_overflow(mantissa, 10, &mantissa))
			return false;
	for (; from_scale > to_scale; from_scale--) {
		if (mantissa % 10 != 0)
			return false;
		mantissa /= 10;
	}
	if (to_scale > SERIES_SCALE_MAX ||
	    (to_scale > 0 && (mantissa < -SERIES_MANTISSA_MAX || mantissa > SERIES_MANTISSA_MAX)))
		return false;
	*ret = mantissa;
	return true;
}

struct str series_decimal_write(int64_t mantissa, uint8_t scale, bool fixed, char buffer[static SERIES_NUMBER_BYTES])
{
	uint64_t rest = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
	size_t at = SERIES_NUMBER_BYTES;

	assert(scale <= SERIES_SCALE_MAX);
	for (; !fixed && scale > 0 && rest % 10 == 0; scale--)
		rest /= 10;
	for (uint8_t behind = scale; behind > 0; behind--, rest /= 10)
		buffer[--at] = (char)('0' + rest % 10);
	if (scale > 0)
		buffer[--at] = '.';
	do {
		buffer[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (mantissa < 0)
		buffer[--at] = '-';
	return (struct str){buffer + at, SERIES_NUMBER_BYTES - at};
}

/* The digits of |value| without zeros at their end, and the decimal exponent of the first one. */
static size_t shortest_digits(double value, char digits[static SHORTEST_DIGITS_MAX], int *ret_exponent)
{
	char text[SERIES_NUMBER_BYTES];
	/* Fifteen digits that read back hold every shorter text that does, but for denormals. */
	int precision = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
	double back;

	for (;; precision++) {
		int len = snprintf(text, sizeof(text), "%.*e", precision - 1, fabs(value));

		assert(len > 0 && (size_t)len < sizeof(text));
		if (precision == SHORTEST_DIGITS_MAX ||
		    (str_to_double((struct str){text, (size_t)len}, &back) && back == fabs(value)))
			break;
	}
	size_t count = 0;
	const char *at = text;

	for (; *at != 'e'; at++)
		if (is_digit(*at))
			digits[count++] = *at;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	int exponent = 0;

	for (const char *e = at + 2; *e; e++)
		exponent = exponent * 10 + (*e - '0');
	*ret_exponent = at[1] == '-' ? -exponent : exponent;
	return count;
}

/* A text under way. The longest has 25 characters: a sign, "0.", six zeros and seventeen digits are 26. */
struct writing {
	char *at;
	size_t len;
};

static void put(struct writing *out, char c)
{
	assert(out->len < SERIES_NUMBER_BYTES);
	out->at[out->len++] = c;
}

static void put_plain(struct writing *out, const char *digits, int count, int exponent)
{
	int from = exponent < 0 ? exponent : 0, to = exponent > count - 1 ? exponent : count - 1;

	/* i counts the digits of the number: those before 0 and behind count are zeros. */
	for (int i = from; i <= to; i++) {
		put(out, i >= 0 && i < count ? digits[i] : '0');
		if (i == (exponent < 0 ? from : exponent) && i < to)
			put(out, '.');
	}
}

static void put_exponent(struct writing *out, const char *digits, int count, int exponent)
{
	int size = exponent < 0 ? -exponent : exponent;

	put(out, digits[0]);
	if (count > 1)
		put(out, '.');
	for (int i = 1; i < count; i++)
		put(out, digits[i]);
	put(out, 'e');
	put(out, exponent < 0 ? '-' : '+');
	for (int unit = size >= 100 ? 100 : size >= 10 ? 10 : 1; unit > 0; unit /= 10)
		put(out, (char)('0' + size / unit % 10));
}

struct str series_double_write(double value, char buffer[static SERIES_NUMBER_BYTES])
{
	struct writing out = {0};
	char digits[SHORTEST_DIGITS_MAX] = {0};
	int exponent;

	assert(isfinite(value));
	size_t count = shortest_digits(value, digits, &exponent);

	out.at = buffer;
	if (signbit(value))
		put(&out, '-');
	if (exponent >= PLAIN_EXPONENT_MIN + 1 && exponent <= PLAIN_EXPONENT_MAX)
		put_plain(&out, digits, (int)count, exponent);
	else
		put_exponent(&out, digits, (int)count, exponent);
	return (struct str){buffer, out.len};
}

bool series_double_read(struct str text, double *ret)
{
	char buffer[SERIES_NUMBER_BYTES];
	double value;

	if (text.len > SERIES_NUMBER_BYTES || !str_to_double(text, &value) || !isfinite(value) ||
	    !str_eq(series_double_write(value, buffer), text))
		return false;
	*ret = value;
	return true;
}

struct str series_value_write(const struct series_points *points, uint32_t index,
			      char buffer[static SERIES_NUMBER_BYTES])
{
	assert(index < points->count);
	switch (points->kind) {
	case SERIES_DECIMAL:
	case SERIES_FIXED:
		return series_decimal_write(points->mantissas[index], points->scale, points->kind == SERIES_FIXED,
					    buffer);
	case SERIES_DOUBLE:
		return series_double_write(points->doubles[index], buffer);
	case SERIES_BOOLEAN:
		return points->mantissas[index] ? STR("true") : STR("false");
	default:
		return points->texts[index];
	}
}
