/* ISO 8601 durations: P[nY][nM][nW][nD][T[nH][nM][nS]]. */
#include "base/duration.h"

#include "base/time_value.h"

#include <stddef.h>

#define DIGITS_MAX 18 /* of a number; no sensible duration has more */

static const struct unit {
	char letter;
	bool time; /* stands behind the T */
	int64_t us;
	int32_t months; /* 0: its length does not depend on the calendar */
} units[] = {
	{'Y', false, 365 * US_PER_DAY, 12}, {'M', false, 30 * US_PER_DAY, 1}, {'W', false, 7 * US_PER_DAY, 0},
	{'D', false, US_PER_DAY, 0},        {'H', true, 3600 * US_PER_S, 0},  {'M', true, 60 * US_PER_S, 0},
	{'S', true, US_PER_S, 0},
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at *at as whole and decimals; false when there are none, or too many. */
static bool take_number(struct str text, size_t *at, double *ret_number, bool *ret_decimals)
{
	double number = 0, place = 1;
	size_t from = *at;

	for (; *at < text.len && is_digit(text.at[*at]); ++*at)
		number = number * 10 + (text.at[*at] - '0');
	if (*at == from || *at - from > DIGITS_MAX)
		return false;
	*ret_decimals = *at < text.len && (text.at[*at] == '.' || text.at[*at] == ',');
	if (*ret_decimals) {
		from = ++*at;
		for (; *at < text.len && is_digit(text.at[*at]); ++*at)
			number += (text.at[*at] - '0') * (place /= 10);
		if (*at == from || *at - from > DIGITS_MAX)
			return false;
	}
	*ret_number = number;
	return true;
}

/* The unit of this letter behind those already used; UNIT_COUNT when there is none. */
static size_t find_unit(char letter, bool time, size_t from)
{
	while (from < UNIT_COUNT && (units[from].letter != letter || units[from].time != time))
		from++;
	return from;
}

/* Calls add for each component; false when the text is no duration, or add says so. */
static bool each_component(struct str text, bool (*add)(void *self, const struct unit *unit, double number), void *self)
{
	bool time = false, decimals = false, any = false;
	size_t unit = 0, at = 1;

	if (text.len < 2 || text.at[0] != 'P')
		return false;
	while (at < text.len) {
		double number;

		if (text.at[at] == 'T' && !time) {
			time = true;
			at++;
			any = false; /* something must follow */
			continue;
		}
		/* Decimals are the last component's only. */
		if (decimals || !take_number(text, &at, &number, &decimals) || at == text.len)
			return false;
		unit = find_unit(text.at[at], time, unit);
		if (unit == UNIT_COUNT || !add(self, &units[unit++], number))
			return false;
		any = true;
		at++;
	}
	return any;
}

static int64_t whole_us(double us)
{
	return us >= (double)INT64_MAX ? INT64_MAX : (int64_t)(us + 0.5);
}

static bool add_us(void *self, const struct unit *unit, double number)
{
	double *sum_us = self;

	*sum_us += number * (double)unit->us;
	return true;
}

bool duration_parse_iso(struct str text, int64_t *ret_us)
{
	double sum_us = 0;

	if (!each_component(text, add_us, &sum_us))
		return false;
	*ret_us = whole_us(sum_us);
	return true;
}

struct calendar_sum {
	double months, us;
};

static bool add_calendar(void *self, const struct unit *unit, double number)
{
	struct calendar_sum *sum = self;

	if (unit->months) {
		sum->months += number * unit->months;
		return number == (double)(int64_t)number && sum->months <= DURATION_MONTHS_MAX;
	}
	sum->us += number * (double)unit->us;
	return true;
}

bool duration_parse_calendar(struct str text, int32_t *ret_months, int64_t *ret_us)
{
	struct calendar_sum sum = {0, 0};

	if (!each_component(text, add_calendar, &sum))
		return false;
	*ret_months = (int32_t)sum.months;
	*ret_us = whole_us(sum.us);
	return true;
}

bool duration_parse_seconds(struct str text, uint64_t *ret_s)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} known[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"", 1}};
	size_t digits = 0;
	uint64_t number;

	while (digits < text.len && is_digit(text.at[digits]))
		digits++;
	if (!str_to_uint64(str_part(text, 0, digits), &number))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq_nocase(str_trim(str_part(text, digits, text.len)), str_from(known[i].unit)))
			return !__builtin_mul_overflow(number, known[i].seconds, ret_s);
	return false;
}
