/* Time values. */
#include "base/time_value.h"

#include <stdio.h>

int64_t days_from_civil(struct civil_date date)
{
	int64_t year = date.year - (date.month <= 2 ? 1 : 0);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month_from_march = (date.month + 9) % 12;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

struct civil_date civil_from_days(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	return (struct civil_date){
		.year = (int32_t)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
		.month = (int32_t)month,
		.day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
	};
}

int weekday_from_days(int64_t days)
{
	int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */

	return (int)(weekday < 0 ? weekday + 7 : weekday);
}

/* Reads exactly count digits at *at and moves on; false when there are fewer. */
static bool digits(struct str text, size_t *at, int count, int32_t *ret)
{
	int32_t value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (*at >= text.len || text.at[*at] < '0' || text.at[*at] > '9')
			return false;
		value = value * 10 + (text.at[*at] - '0');
	}
	*ret = value;
	return true;
}

static bool literal(struct str text, size_t *at, char c)
{
	if (*at >= text.len || text.at[*at] != c)
		return false;
	(*at)++;
	return true;
}

static bool date_at(struct str text, size_t *at, struct civil_date *ret)
{
	struct civil_date date;

	if (!digits(text, at, 4, &date.year) || !literal(text, at, '-') || !digits(text, at, 2, &date.month) ||
	    !literal(text, at, '-') || !digits(text, at, 2, &date.day))
		return false;
	if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	struct civil_date back = civil_from_days(days_from_civil(date));

	if (back.month != date.month || back.day != date.day)
		return false;
	*ret = date;
	return true;
}

static bool fraction_at(struct str text, size_t *at, int64_t *us)
{
	if (*at >= text.len || (text.at[*at] != '.' && text.at[*at] != ','))
		return true;
	(*at)++;
	int64_t unit = US_PER_S;
	size_t from = *at;

	for (; *at < text.len && text.at[*at] >= '0' && text.at[*at] <= '9'; (*at)++) {
		unit /= 10;
		if (unit == 0)
			return false;
		*us += (text.at[*at] - '0') * unit;
	}
	return *at > from;
}

static bool time_at(struct str text, size_t *at, int64_t *ret_us)
{
	int32_t hour, minute, second;

	if (!digits(text, at, 2, &hour) || !literal(text, at, ':') || !digits(text, at, 2, &minute) ||
	    !literal(text, at, ':') || !digits(text, at, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*ret_us = ((hour * INT64_C(60) + minute) * 60 + second) * US_PER_S;
	return fraction_at(text, at, ret_us);
}

static bool zone_at(struct str text, size_t *at, bool offset_allowed, int64_t *us)
{
	if (literal(text, at, 'Z'))
		return true;
	if (!offset_allowed || *at >= text.len || (text.at[*at] != '+' && text.at[*at] != '-'))
		return false;
	int64_t sign = text.at[(*at)++] == '+' ? -1 : 1;
	int32_t hour, minute;

	if (!digits(text, at, 2, &hour) || !literal(text, at, ':') || !digits(text, at, 2, &minute) || hour > 23 ||
	    minute > 59)
		return false;
	*us += sign * (hour * INT64_C(60) + minute) * 60 * US_PER_S;
	return true;
}

bool time_parse_iso(struct str text, bool offset_allowed, int64_t *ret_us)
{
	size_t at = 0;
	struct civil_date date;
	int64_t us;

	if (!date_at(text, &at, &date) || !literal(text, &at, 'T') || !time_at(text, &at, &us) ||
	    !zone_at(text, &at, offset_allowed, &us) || at != text.len)
		return false;
	*ret_us = days_from_civil(date) * US_PER_DAY + us;
	return true;
}

bool date_parse_iso(struct str text, struct civil_date *ret_date)
{
	size_t at = 0;
	struct civil_date date;

	if (!date_at(text, &at, &date) || at != text.len)
		return false;
	*ret_date = date;
	return true;
}

bool time_of_day_parse_iso(struct str text, int64_t *ret_us)
{
	size_t at = 0;
	int64_t us;

	if (!time_at(text, &at, &us) || !literal(text, &at, 'Z') || at != text.len)
		return false;
	*ret_us = us;
	return true;
}

/* The last `digits` digits of a number, and what stands before them. */
static char *put_digits(char *to, char before, int64_t number, unsigned digits)
{
	*to = before;
	for (unsigned i = digits; i > 0; i--, number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + 1 + digits;
}

#define TIME_OF_DAY_AT 10u /* in the text, behind the date */

/* From 'T' on; returns the end. */
static char *put_time_of_day(char *to, int64_t of_day)
{
	int64_t second = of_day / US_PER_S, fraction = of_day % US_PER_S;

	to = put_digits(to, 'T', second / 3600, 2);
	to = put_digits(to, ':', second / 60 % 60, 2);
	to = put_digits(to, ':', second % 60, 2);
	if (fraction && fraction % US_PER_MS == 0)
		to = put_digits(to, '.', fraction / US_PER_MS, 3);
	else if (fraction)
		to = put_digits(to, '.', fraction, 6);
	*to++ = 'Z';
	*to = '\0';
	return to;
}

/* Floored, also before 1970. */
static int64_t day_of(int64_t us)
{
	return us / US_PER_DAY - (us % US_PER_DAY < 0 ? 1 : 0);
}

struct str time_format_iso(int64_t us, char buffer[static TIME_ISO_BYTES])
{
	int64_t days = day_of(us);
	struct civil_date date = civil_from_days(days);
	char *to = buffer + 4;

	/* By hand, as answers of years of history are made of little else. */
	buffer[0] = (char)('0' + date.year / 1000 % 10);
	buffer[1] = (char)('0' + date.year / 100 % 10);
	buffer[2] = (char)('0' + date.year / 10 % 10);
	buffer[3] = (char)('0' + date.year % 10);
	to = put_digits(to, '-', date.month, 2);
	to = put_digits(to, '-', date.day, 2);
	to = put_time_of_day(to, us - days * US_PER_DAY);
	return (struct str){buffer, (size_t)(to - buffer)};
}

struct str time_text_next(struct time_text *last, int64_t us)
{
	if (last->len && last->us == us)
		return (struct str){last->at, last->len};
	if (last->len && day_of(last->us) == day_of(us)) {
		char *to = put_time_of_day(last->at + TIME_OF_DAY_AT, us - day_of(us) * US_PER_DAY);

		last->len = (size_t)(to - last->at);
	} else {
		last->len = time_format_iso(us, last->at).len;
	}
	last->us = us;
	return (struct str){last->at, last->len};
}
