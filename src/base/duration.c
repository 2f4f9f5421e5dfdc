/* ISO 8601 durations: P[nY][nM][nW][nD][T[nH][nM][nS]]. */
#include "base/duration.h"

#include "base/time_value.h"

#include <stddef.h>

#define DIGITS_MAX 18 /* of a number; no sensible duration has more */

static const struct unit {
	char letter;
	bool time; /* stands behind the T */
	int64_t us;
} units[] = {
	{'Y', false, 365 * US_PER_DAY}, {'M', false, 30 * US_PER_DAY}, {'W', false, 7 * US_PER_DAY},
	{'D', false, US_PER_DAY},       {'H', true, 3600 * US_PER_S},  {'M', true, 60 * US_PER_S},
	{'S', true, US_PER_S},
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

bool duration_parse_iso(struct str text, int64_t *ret_us)
{
	double sum_us = 0;
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
		if (unit == UNIT_COUNT)
			return false;
		sum_us += number * (double)units[unit++].us;
		any = true;
		at++;
	}
	if (!any)
		return false;
	*ret_us = sum_us >= (double)INT64_MAX ? INT64_MAX : (int64_t)(sum_us + 0.5);
	return true;
}
