/* Numbers of line protocol: 1.5, -3, 12i, 7u, 1e-3. Nearly all that meters send have few digits and no exponent; those
 * become an integer and a scale in one pass. What does not fit is read again as a double. */
#include "lineproto/lines_int.h"

#define DIGITS_MAX 18u /* of these any number fits an int64_t */

struct digits {
	const char *first; /* behind the sign */
	const char *behind;
	uint64_t value; /* of the first DIGITS_MAX digits */
	uint32_t count; /* without leading zeros */
	uint32_t decimals;
	bool any, point, negative;
};

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline void take(struct digits *digits, char c)
{
	digits->any = true;
	if (digits->count == 0 && c == '0')
		return;
	if (++digits->count <= DIGITS_MAX)
		digits->value = digits->value * 10 + (uint64_t)(c - '0');
}

static inline struct digits read_digits(const char *at, const char *end)
{
	struct digits digits = {.negative = *at == '-'};

	if (*at == '-' || *at == '+')
		at++;
	digits.first = at;
	for (; at < end && is_digit(*at); at++)
		take(&digits, *at);
	if (at < end && *at == '.') {
		digits.point = true;
		for (at++; at < end && is_digit(*at); at++, digits.decimals++)
			take(&digits, *at);
	}
	digits.behind = at;
	return digits;
}

static const char not_number[] = "not a number";

/* A float with an exponent or with more digits than a decimal has room for. */
static const char *read_double(const char *at, const char *end, const struct digits *digits, struct line_field *field,
			       const char **ret_reason)
{
	const char *to = digits->behind;

	if (to < end && (*to == 'e' || *to == 'E')) {
		to++;
		if (to < end && (*to == '+' || *to == '-'))
			to++;
		while (to < end && is_digit(*to))
			to++;
	}
	struct str text = {at, (size_t)(to - at)};

	field->kind = LINE_DOUBLE;
	field->raw = text;
	if (text.at[0] == '+')
		text = str_part(text, 1, text.len);
	if (str_to_double(text, &field->real))
		return to;
	*ret_reason = "not a number, or beyond the range of a 64-bit float";
	return NULL;
}

/* "12i" and "7u": the letter stands behind the digits. */
static const char *read_integer(const struct digits *digits, struct line_field *field, const char **ret_reason)
{
	struct str text = {digits->first, (size_t)(digits->behind - digits->first)};
	bool is_unsigned = *digits->behind == 'u';
	uint64_t value = digits->value;

	*ret_reason = "not an integer";
	if (digits->point || (is_unsigned && digits->negative))
		return NULL;
	while (text.len > 1 && text.at[0] == '0')
		text = str_part(text, 1, text.len);
	*ret_reason = "an integer beyond 64 bits";
	if (digits->count > DIGITS_MAX && !str_to_uint64(text, &value))
		return NULL;
	bool fits = value <= (uint64_t)INT64_MAX + (digits->negative ? 1 : 0);

	if (!fits && !is_unsigned)
		return NULL;
	field->kind = fits ? LINE_DECIMAL : LINE_WHOLE;
	field->raw = text;
	field->mantissa = digits->negative ? (int64_t)(0 - value) : (int64_t)value;
	return digits->behind + 1;
}

const char *line_number(const char *at, const char *end, struct line_field *field, const char **ret_reason)
{
	struct digits digits = read_digits(at, end);
	char next = digits.behind < end ? *digits.behind : '\n';

	field->scale = 0;
	field->raw_escaped = false;
	*ret_reason = not_number;
	if (!digits.any)
		return NULL;
	if (next == 'i' || next == 'u')
		return read_integer(&digits, field, ret_reason);
	bool minus_zero = digits.count == 0 && digits.negative;

	if (next == 'e' || next == 'E' || digits.count > DIGITS_MAX || digits.decimals > DIGITS_MAX || minus_zero)
		return read_double(at, end, &digits, field, ret_reason);
	field->kind = LINE_DECIMAL;
	field->raw = (struct str){at, (size_t)(digits.behind - at)};
	field->mantissa = digits.negative ? -(int64_t)digits.value : (int64_t)digits.value;
	field->scale = (uint8_t)digits.decimals;
	return digits.behind;
}
