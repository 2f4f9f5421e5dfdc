/* Times as tables write them. The C library's strptime is left alone: it follows the locale and skips white space. */
#include "base/time_value.h"
#include "feed/mapping.h"

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
				     "jul", "aug", "sep", "oct", "nov", "dec"};

struct fields {
	int32_t year, month, day, hour, minute, second;
};

static bool read_digits(struct str text, size_t *at, size_t least, size_t most, int32_t *ret)
{
	int32_t value = 0;
	size_t count = 0;

	while (count < most && *at < text.len && text.at[*at] >= '0' && text.at[*at] <= '9') {
		value = value * 10 + (text.at[(*at)++] - '0');
		count++;
	}
	*ret = value;
	return count >= least;
}

static bool read_month_name(struct str text, size_t *at, int32_t *ret)
{
	for (int32_t i = 0; i < 12; i++) {
		if (str_eq_nocase(str_part(text, *at, *at + 3), str_from(months[i]))) {
			*ret = i + 1;
			*at += 3;
			return true;
		}
	}
	return false;
}

static bool read_letter(struct str text, size_t *at, char letter, struct fields *fields)
{
	switch (letter) {
	case 'Y':
		return read_digits(text, at, 4, 4, &fields->year);
	case 'y': /* 69 to 99: 19.., 00 to 68: 20.. (POSIX) */
		if (!read_digits(text, at, 2, 2, &fields->year))
			return false;
		fields->year += fields->year >= 69 ? 1900 : 2000;
		return true;
	case 'm':
		return read_digits(text, at, 1, 2, &fields->month);
	case 'b':
		return read_month_name(text, at, &fields->month);
	case 'd':
		return read_digits(text, at, 1, 2, &fields->day);
	case 'H':
		return read_digits(text, at, 1, 2, &fields->hour);
	case 'M':
		return read_digits(text, at, 2, 2, &fields->minute);
	case 'S':
		return read_digits(text, at, 2, 2, &fields->second);
	case '%':
		return *at < text.len && text.at[(*at)++] == '%';
	default:
		return false;
	}
}

static bool to_us(const struct fields *fields, int64_t *ret_us)
{
	struct civil_date date = {fields->year, fields->month, fields->day};

	if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31 || fields->hour > 23 ||
	    fields->minute > 59 || fields->second > 59)
		return false;
	int64_t days = days_from_civil(date);
	struct civil_date back = civil_from_days(days);

	if (back.day != date.day || back.month != date.month)
		return false;
	*ret_us = days * US_PER_DAY + ((fields->hour * INT64_C(60) + fields->minute) * 60 + fields->second) * US_PER_S;
	return true;
}

static bool read_pattern(struct str text, struct str format, int64_t zone_us, int64_t *ret_us)
{
	struct fields fields = {.month = 1, .day = 1};
	size_t at = 0;
	int64_t us;

	for (size_t i = 0; i < format.len; i++) {
		if (format.at[i] == '%' && i + 1 < format.len) {
			if (!read_letter(text, &at, format.at[++i], &fields))
				return false;
		} else if (at >= text.len || text.at[at++] != format.at[i]) {
			return false;
		}
	}
	if (at != text.len || !to_us(&fields, &us))
		return false;
	*ret_us = us - zone_us;
	return true;
}

static bool read_unix(struct str text, int64_t unit_us, int64_t *ret_us)
{
	int64_t number, us;

	/* Year 9999 is where our texts end. */
	if (!str_to_int64(text, &number) || __builtin_mul_overflow(number, unit_us, &us) ||
	    us >= INT64_C(253402300800) * US_PER_S || us < -INT64_C(62135596800) * US_PER_S)
		return false;
	*ret_us = us;
	return true;
}

#define OFFSET_FROM 21u /* the shortest text that ends in "+hhmm" */
#define SECONDS_END 19u /* of "2018-12-11T23:10:00" */
#define DECIMALS_MAX 6u

/* ISO 8601's basic form of an offset, "+1100", becomes "+11:00"; there is room for the colon. */
static size_t spread_offset(char *text, size_t len)
{
	if (len < OFFSET_FROM || (text[len - 5] != '+' && text[len - 5] != '-'))
		return len;
	for (size_t i = len - 4; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return len;
	text[len] = text[len - 1];
	text[len - 1] = text[len - 2];
	text[len - 2] = ':';
	return len + 1;
}

/* "2018-12-11T23:10:00" with an offset, with Z, or in the zone; a blank may stand for the T. Digits behind the sixth
 * decimal, which some clocks have, are cut. */
static bool read_iso(struct str text, int64_t zone_us, int64_t *ret_us)
{
	char copy[64]; /* two more than the longest text */
	size_t len = 0, decimals = 0;
	bool in_decimals = false;

	if (text.len < 16 || text.len > sizeof(copy) - 3)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = i == 10 && text.at[i] == ' ' ? 'T' : text.at[i];

		decimals += in_decimals;
		in_decimals = i == SECONDS_END ? c == '.' || c == ',' : in_decimals && c >= '0' && c <= '9';
		if (!in_decimals || decimals <= DECIMALS_MAX)
			copy[len++] = c;
	}
	len = spread_offset(copy, len);
	if (time_parse_iso((struct str){copy, len}, true, ret_us))
		return true;
	copy[len] = 'Z';
	if (!time_parse_iso((struct str){copy, len + 1}, false, ret_us))
		return false;
	*ret_us -= zone_us;
	return true;
}

bool mapping_time(struct str text, struct str format, int64_t zone_us, int64_t *ret_us)
{
	if (format.len == 0 || str_eq(format, STR("iso")))
		return read_iso(text, zone_us, ret_us);
	if (str_eq(format, STR("unix")))
		return read_unix(text, US_PER_S, ret_us);
	if (str_eq(format, STR("unix_ms")))
		return read_unix(text, US_PER_MS, ret_us);
	if (str_eq(format, STR("unix_us")))
		return read_unix(text, 1, ret_us);
	if (str_eq(format, STR("unix_ns")))
		return text.len > 3 && read_unix(str_part(text, 0, text.len - 3), 1, ret_us);
	return read_pattern(text, format, zone_us, ret_us);
}

bool mapping_time_format_is_good(struct str format)
{
	size_t at;

	if (str_eq(format, STR("iso")) || str_eq(format, STR("unix")) || str_eq(format, STR("unix_ms")) ||
	    str_eq(format, STR("unix_us")) || str_eq(format, STR("unix_ns")))
		return true;
	for (size_t i = 0; i < format.len; i++) {
		if (format.at[i] != '%')
			continue;
		if (++i >= format.len || !str_find(STR("YymbdHMS%"), format.at[i], &at))
			return false;
	}
	return str_contains(format, STR("%"));
}
