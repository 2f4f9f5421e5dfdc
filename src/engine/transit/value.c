/* The field types of GTFS. */
#include "engine/transit/value.h"

#include "base/time_value.h"
#include "engine/transit/feed.h"

#include <math.h>
#include <string.h>

/* Reads up to digits_max digits from *at on; returns how many there were. */
static size_t digits(struct str text, size_t *at, size_t digits_max, int32_t *ret)
{
	size_t from = *at;
	int32_t value = 0;

	while (*at < text.len && *at - from < digits_max && text.at[*at] >= '0' && text.at[*at] <= '9')
		value = value * 10 + (text.at[(*at)++] - '0');
	*ret = value;
	return *at - from;
}

static bool colon(struct str text, size_t *at)
{
	return *at < text.len && text.at[(*at)++] == ':';
}

bool transit_parse_time(struct str text, int32_t *ret_s)
{
	size_t at = 0;
	int32_t hour, minute, second;

	if (digits(text, &at, 3, &hour) < 1 || !colon(text, &at) || digits(text, &at, 2, &minute) != 2 ||
	    !colon(text, &at) || digits(text, &at, 2, &second) != 2 || at != text.len)
		return false;
	int32_t total = (hour * 60 + minute) * 60 + second;

	if (minute > 59 || second > 59 || total > TRANSIT_TIME_MAX_S)
		return false;
	*ret_s = total;
	return true;
}

bool transit_parse_date(struct str text, int32_t *ret_day)
{
	size_t at = 0;
	struct civil_date date;

	if (digits(text, &at, 4, &date.year) != 4 || digits(text, &at, 2, &date.month) != 2 ||
	    digits(text, &at, 2, &date.day) != 2 || at != text.len)
		return false;
	if (date.year < 1900 || date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	int64_t days = days_from_civil(date);
	struct civil_date back = civil_from_days(days);

	if (back.month != date.month || back.day != date.day)
		return false;
	*ret_day = (int32_t)days;
	return true;
}

bool transit_parse_int(struct str text, int32_t min, int32_t max, int32_t *ret)
{
	int64_t value;

	if (!str_to_int64(text, &value) || value < min || value > max)
		return false;
	*ret = (int32_t)value;
	return true;
}

bool transit_parse_place(struct str lon_text, struct str lat_text, double *ret_lon, double *ret_lat)
{
	double lon, lat;

	if (!str_to_double(lon_text, &lon) || !str_to_double(lat_text, &lat) || fabs(lon) > 180 || fabs(lat) > 90)
		return false;
	*ret_lon = lon;
	*ret_lat = lat;
	return true;
}

bool transit_parse_distance(struct str text, double *ret)
{
	double value;

	if (!str_to_double(text, &value) || value < 0)
		return false;
	*ret = value;
	return true;
}

static void put_two(char *at, int32_t value)
{
	at[0] = (char)('0' + value / 10 % 10);
	at[1] = (char)('0' + value % 10);
}

struct str transit_format_time(int32_t seconds, char buffer[static TRANSIT_TIME_BYTES])
{
	int32_t hours = seconds / 3600;
	size_t at = 0;

	if (hours > 99)
		buffer[at++] = (char)('0' + hours / 100 % 10);
	put_two(buffer + at, hours % 100);
	buffer[at + 2] = buffer[at + 5] = ':';
	put_two(buffer + at + 3, seconds / 60 % 60);
	put_two(buffer + at + 6, seconds % 60);
	return (struct str){buffer, at + 8};
}
