/* Values as texts (LogicalTypes.md). */
#include "base/buf.h"
#include "base/time_value.h"
#include "parquet/parquet_int.h"

#include <math.h>
#include <stdio.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_DAY (INT64_C(86400) * NS_PER_S)
#define JULIAN_1970 2440588 /* the Julian day of 1970-01-01 */
#define TEXT_BYTES 80
#define YEARS_FIRST_DAY (-719162) /* 0001-01-01 */
#define YEARS_LAST_DAY 2932896 /* 9999-12-31 */
#define INT128_BYTES 16u

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

static uint64_t get(struct str bytes, size_t at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = len; i-- > 0;)
		value = value << 8 | (uint8_t)bytes.at[at + i];
	return value;
}

static int64_t whole(const struct parquet_field *field, struct str value)
{
	uint64_t bits = get(value, 0, field->width);

	return field->physical == PARQUET_INT32 ? (int64_t)(int32_t)(uint32_t)bits : (int64_t)bits;
}

static bool keep(struct arena *arena, const char *text, int len, struct str *ret)
{
	*ret = len < 0 ? STR_NONE : arena_dup(arena, (struct str){text, (size_t)len});
	return ret->at;
}

/* ---- numbers ---- */

/* The shortest text that reads back as the same number; nothing of what is none. */
static bool real_text(const struct parquet_field *field, struct str value, struct arena *arena, struct str *ret)
{
	bool is_single = field->physical == PARQUET_FLOAT;
	uint64_t bits = get(value, 0, field->width);
	uint32_t low = (uint32_t)bits;
	double number, back = 0;
	char text[TEXT_BYTES];
	float single;
	int len = 0;

	if (is_single) {
		memcpy(&single, &low, sizeof(single));
		number = (double)single;
	} else {
		memcpy(&number, &bits, sizeof(number));
	}
	*ret = STR_NONE;
	if (!isfinite(number))
		return true;
	for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
		len = snprintf(text, sizeof(text), "%.*g", digits, number);
		if (str_to_double((struct str){text, (size_t)len}, &back) &&
		    (is_single ? (float)back == (float)number : back == number))
			break;
	}
	return keep(arena, text, len, ret);
}

/* unscaled / 10^scale, exactly. */
static bool decimal_text(int128 unscaled, int32_t scale, struct arena *arena, struct str *ret)
{
	char digits[TEXT_BYTES], text[TEXT_BYTES];
	bool negative = unscaled < 0;
	uint128 rest = negative ? -(uint128)unscaled : (uint128)unscaled;
	int count = 0, len = 0;

	while (rest > 0 || count <= scale) {
		digits[count++] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	}
	if (negative)
		text[len++] = '-';
	while (count > 0) {
		text[len++] = digits[--count];
		if (count == scale && scale > 0)
			text[len++] = '.';
	}
	return keep(arena, text, len, ret);
}

/* Big-endian two's complement; what is wider than 128 bits is nothing. */
static bool decimal_of(const struct parquet_field *field, struct str value, struct arena *arena, struct str *ret)
{
	uint128 bits = 0;

	if (field->physical == PARQUET_INT32 || field->physical == PARQUET_INT64)
		return decimal_text(whole(field, value), field->scale, arena, ret);
	*ret = STR_NONE;
	if (value.len == 0 || value.len > INT128_BYTES)
		return true;
	if ((uint8_t)value.at[0] & 0x80)
		bits = ~bits;
	for (size_t i = 0; i < value.len; i++)
		bits = bits << 8 | (uint8_t)value.at[i];
	return decimal_text((int128)bits, field->scale, arena, ret);
}

/* ---- times ---- */

static int64_t floor_div(int64_t number, int64_t by, int64_t *ret_rest)
{
	int64_t quotient = number / by, rest = number % by;

	if (rest < 0) {
		quotient--;
		rest += by;
	}
	*ret_rest = rest;
	return quotient;
}

static bool date_text(int64_t days, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];

	*ret = STR_NONE;
	if (days < YEARS_FIRST_DAY || days > YEARS_LAST_DAY)
		return true;
	struct civil_date date = civil_from_days(days);

	return keep(arena, text, snprintf(text, sizeof(text), "%04d-%02d-%02d", date.year, date.month, date.day), ret);
}

/* ns since midnight, with 3, 6 or 9 decimals where it needs them. */
static int put_clock(char *text, size_t room, int64_t ns)
{
	int64_t s = ns / NS_PER_S;
	int len = snprintf(text, room, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));

	ns %= NS_PER_S;
	if (ns == 0)
		return len;
	len += snprintf(text + len, room - (size_t)len, ".%09d", (int)ns);
	while (memcmp(text + len - 3, "000", 3) == 0)
		len -= 3;
	return len;
}

static bool moment_text(int64_t days, int64_t ns, bool is_utc, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];

	*ret = STR_NONE;
	if (days < YEARS_FIRST_DAY || days > YEARS_LAST_DAY)
		return true;
	struct civil_date date = civil_from_days(days);
	int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT", date.year, date.month, date.day);

	len += put_clock(text + len, sizeof(text) - (size_t)len, ns);
	if (is_utc)
		text[len++] = 'Z';
	return keep(arena, text, len, ret);
}

static bool timestamp_text(const struct parquet_field *field, int64_t value, struct arena *arena, struct str *ret)
{
	int64_t rest, days = floor_div(value, NS_PER_DAY / field->unit_ns, &rest);

	return moment_text(days, rest * field->unit_ns, field->is_utc, arena, ret);
}

static bool clock_text(const struct parquet_field *field, int64_t value, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];

	*ret = STR_NONE;
	if (value < 0 || value >= NS_PER_DAY / field->unit_ns)
		return true;
	return keep(arena, text, put_clock(text, sizeof(text), value * field->unit_ns), ret);
}

/* What Impala and old Sparks write: nanoseconds of a Julian day, taken for UTC. */
static bool int96_text(struct str value, struct arena *arena, struct str *ret)
{
	uint64_t ns = get(value, 0, 8);
	int64_t days = (int64_t)get(value, 8, 4) - JULIAN_1970;

	*ret = STR_NONE;
	return ns >= (uint64_t)NS_PER_DAY || moment_text(days, (int64_t)ns, true, arena, ret);
}

/* ---- all ---- */

static bool uuid_text(struct str value, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];
	int len = 0;

	for (size_t i = 0; i < value.len; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%02x",
				i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", (unsigned int)(uint8_t)value.at[i]);
	return keep(arena, text, len, ret);
}

static bool plain_text(const struct parquet_field *field, struct str value, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];

	switch (field->physical) {
	case PARQUET_BOOLEAN:
		*ret = value.at[0] ? STR("true") : STR("false");
		return true;
	case PARQUET_INT32:
	case PARQUET_INT64:
		return keep(arena, text, snprintf(text, sizeof(text), "%lld", (long long)whole(field, value)), ret);
	case PARQUET_INT96:
		return int96_text(value, arena, ret);
	case PARQUET_FLOAT:
	case PARQUET_DOUBLE:
		return real_text(field, value, arena, ret);
	default:
		*ret = arena_dup(arena, value);
		return ret->at;
	}
}

bool parquet_text(const struct parquet_field *field, struct str value, struct arena *arena, struct str *ret)
{
	char text[TEXT_BYTES];

	*ret = STR_NONE;
	if (!value.at)
		return true;
	switch (field->meaning) {
	case PARQUET_UNSIGNED:
		return keep(arena, text,
			    snprintf(text, sizeof(text), "%llu", (unsigned long long)get(value, 0, field->width)), ret);
	case PARQUET_DECIMAL:
		return decimal_of(field, value, arena, ret);
	case PARQUET_DATE:
		return date_text(whole(field, value), arena, ret);
	case PARQUET_TIME:
		return clock_text(field, whole(field, value), arena, ret);
	case PARQUET_TIMESTAMP:
		return timestamp_text(field, whole(field, value), arena, ret);
	case PARQUET_UUID:
		return uuid_text(value, arena, ret);
	default:
		return plain_text(field, value, arena, ret);
	}
}
