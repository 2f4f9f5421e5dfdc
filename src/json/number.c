/* Numbers: making them, reading them exactly, and comparing trees by value.
 *
 * Two numbers are the same when their decimal values are: 1.0 is 1 and 1e2 is 100, but 9007199254740993 is not
 * 9007199254740992 although both round to the same double. So tokens are compared digit by digit. */
#include "json/json.h"
#include "json/json_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define EXPONENT_MAX INT64_C(1000000000)

static struct json number_node(struct arena *arena, const char *token, size_t len, bool integer, double value)
{
	struct str copy = arena_dup(arena, (struct str){token, len});

	if (!copy.at)
		return json_null();
	return (struct json){
		.kind = JSON_NUMBER, .integer = integer, .count = (uint32_t)len, .text = copy.at, .number = value};
}

struct json json_int(struct arena *arena, int64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	return number_node(arena, digits + at, sizeof(digits) - at, true, (double)value);
}

static bool is_integer_text(const char *text, size_t len)
{
	return !memchr(text, '.', len) && !memchr(text, 'e', len);
}

struct json json_double(struct arena *arena, double value)
{
	char text[JSON_NUMBER_TEXT_BYTES];

	assert(isfinite(value));
	size_t len = json_number_to_text(value, text);

	return number_node(arena, text, len, is_integer_text(text, len), value);
}

struct json json_decimal(struct arena *arena, double value, int decimals)
{
	char text[JSON_NUMBER_TEXT_BYTES];

	assert(isfinite(value));
	assert(decimals >= 0 && decimals <= 17);
	size_t len = json_number_to_fixed(value, decimals, text);

	if (decimals > 0) {
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
	}
	if (len == 2 && text[0] == '-' && text[1] == '0') {
		text[0] = '0';
		len = 1;
	}
	double rounded = 0;

	(void)json_number_from_text(text, len, &rounded); /* zero stays zero */
	return number_node(arena, text, len, is_integer_text(text, len), rounded);
}

bool json_int64(const struct json *number, int64_t *ret)
{
	if (!json_is(number, JSON_NUMBER) || !number->integer)
		return false;
	return str_to_int64((struct str){number->text, number->count}, ret);
}

/* ---- comparing ---- */

/* 0.d1d2d3… × 10^exponent, d1 and the last digit not zero. */
struct decimal {
	bool negative;
	const char *digits, *end; /* may run over a point, which is passed over */
	int64_t exponent;
};

static const char *skip_back(const char *start, const char *end)
{
	while (end > start && (end[-1] == '0' || end[-1] == '.'))
		end--;
	return end;
}

static struct decimal decimal_of(const struct json *number)
{
	const char *at = number->text, *end = at + number->count;
	struct decimal decimal = {.negative = *at == '-'};
	const char *e = memchr(at, 'e', number->count);

	at += decimal.negative;
	if (!e)
		e = memchr(at, 'E', (size_t)(end - at));
	int64_t exponent = 0;

	for (const char *p = e ? e + 1 : end; p < end; p++)
		if (*p >= '0' && *p <= '9' && exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*p - '0');
	if (e && e[1] == '-')
		exponent = -exponent;
	const char *stop = e ? e : end;
	const char *point = memchr(at, '.', (size_t)(stop - at));
	const char *first = at;

	while (first < stop && (*first == '0' || *first == '.'))
		first++;
	if (!point)
		point = stop;
	/* The first digit stands point - first places before the point, or first - point - 1 zeros behind it. */
	decimal.exponent = exponent + (first < point ? point - first : point + 1 - first);
	decimal.digits = first;
	decimal.end = skip_back(first, stop);
	if (decimal.digits == decimal.end) {
		decimal.negative = false; /* -0 is 0 */
		decimal.exponent = 0;
	}
	return decimal;
}

static bool numbers_equal(const struct json *a, const struct json *b)
{
	if (a->count == b->count && memcmp(a->text, b->text, a->count) == 0)
		return true;
	if (a->number != b->number)
		return false;
	struct decimal x = decimal_of(a), y = decimal_of(b);

	if (x.negative != y.negative || x.exponent != y.exponent)
		return false;
	while (x.digits < x.end && y.digits < y.end) {
		if (*x.digits == '.') {
			x.digits++;
			continue;
		}
		if (*y.digits == '.') {
			y.digits++;
			continue;
		}
		if (*x.digits++ != *y.digits++)
			return false;
	}
	return x.digits == x.end && y.digits == y.end;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		const struct json_member *member = &a->members[i];
		/* Written in the same order as a rule. */
		const struct json *other =
			str_eq(b->members[i].key, member->key) ? &b->members[i].value : json_get(b, member->key);

		if (!other || !json_equal(&member->value, other))
			return false;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case JSON_BOOL:
		return a->boolean == b->boolean;
	case JSON_NUMBER:
		return numbers_equal(a, b);
	case JSON_STRING:
		return str_eq(json_text(a), json_text(b));
	case JSON_ARRAY:
		for (uint32_t i = 0; a->count == b->count && i < a->count; i++)
			if (!json_equal(&a->items[i], &b->items[i]))
				return false;
		return a->count == b->count;
	case JSON_OBJECT:
		return a->count == b->count && objects_equal(a, b);
	default:
		return true;
	}
}
