/* Numbers as Prometheus's API writes them: shortest texts, with an exponent only where they are very small or large. */
#include "promql/pattern.h"
#include "promql/promql.h"

#include <math.h>
#include <string.h>

#define PLAIN_FROM 1e-6
#define PLAIN_BELOW 1e21
#define SCIENTIFIC_BYTES 32 /* 17 digits, signs, point and exponent */

/* The texts of what is not finite. */
static bool not_finite(double value, struct str *ret)
{
	if (isfinite(value))
		return false;
	*ret = isnan(value) ? STR("NaN") : value > 0 ? STR("+Inf") : STR("-Inf");
	return true;
}

/* The digits of "d.ddde±xx" without the point, and where the point belongs: behind the first `point` of them. */
static struct str digits_of(struct str scientific, char digits[static SCIENTIFIC_BYTES], int64_t *ret_point)
{
	size_t len = 0, at = 0;
	int64_t exponent = 0;

	for (; at < scientific.len && scientific.at[at] != 'e'; at++)
		if (scientific.at[at] != '.' && scientific.at[at] != '-')
			digits[len++] = scientific.at[at];
	at += at + 1 < scientific.len && scientific.at[at + 1] == '+' ? 2 : 1;
	(void)str_to_int64(str_part(scientific, at, scientific.len), &exponent);
	*ret_point = exponent + 1;
	return (struct str){digits, len};
}

static char *fill(char *to, char c, int64_t count)
{
	for (; count > 0; count--)
		*to++ = c;
	return to;
}

static char *copy(char *to, struct str text)
{
	memcpy(to, text.at, text.len);
	return to + text.len;
}

struct str promql_plain_text(double value, char buffer[static PROMQL_NUMBER_BYTES])
{
	char scientific[SCIENTIFIC_BYTES], digits[SCIENTIFIC_BYTES];
	struct str text;
	int64_t point;

	if (not_finite(value, &text))
		return text;
	text = digits_of((struct str){scientific, promql_shortest(value, scientific, sizeof(scientific))}, digits,
			 &point);
	char *to = signbit(value) ? fill(buffer, '-', 1) : buffer;
	size_t before = point <= 0 ? 0 : (size_t)point < text.len ? (size_t)point : text.len;

	to = before ? copy(to, str_part(text, 0, before)) : fill(to, '0', 1);
	to = fill(to, '0', point - (int64_t)text.len);
	if (before < text.len) {
		to = fill(fill(to, '.', 1), '0', -point);
		to = copy(to, str_part(text, before, text.len));
	}
	return (struct str){buffer, (size_t)(to - buffer)};
}

struct str promql_number_text(double value, char buffer[static PROMQL_NUMBER_BYTES])
{
	double size = fabs(value);
	struct str text;

	if (not_finite(value, &text))
		return text;
	if (size == 0 || (size >= PLAIN_FROM && size < PLAIN_BELOW))
		return promql_plain_text(value, buffer);
	return (struct str){buffer, promql_shortest(value, buffer, PROMQL_NUMBER_BYTES)};
}
