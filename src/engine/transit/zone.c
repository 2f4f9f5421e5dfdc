/* TZif files: a table of transitions, and a rule for the time behind the last of them. */
#include "engine/transit/zone.h"

#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 44u
#define TYPES_MAX 256u
#define OFFSET_MAX_S 93600 /* RFC 8536 3.2: −25 to 26 hours */

enum rule_form { RULE_MONTH, RULE_JULIAN, RULE_DAY };

/* When clocks change, each year. */
struct rule {
	enum rule_form form;
	int32_t month, week, day; /* Mm.w.d; Jn and n use day */
	int32_t time_s; /* of the local time before the change */
};

struct transit_zone {
	int64_t *transitions; /* ascending */
	uint8_t *types; /* of each transition */
	uint32_t transition_count;
	int32_t offsets[TYPES_MAX]; /* of each type */
	uint32_t type_count;
	bool has_footer;
	bool has_summer;
	int32_t standard_s, summer_s; /* offsets of the footer */
	struct rule to_summer, to_standard;
};

/* A cursor; reading behind the end gives zeros and marks it. */
struct cursor {
	struct str bytes;
	size_t at;
	bool short_of;
};

static const uint8_t *take(struct cursor *cursor, size_t count)
{
	if (count > cursor->bytes.len - cursor->at) {
		cursor->short_of = true;
		return NULL;
	}
	const uint8_t *at = (const uint8_t *)cursor->bytes.at + cursor->at;

	cursor->at += count;
	return at;
}

static uint64_t take_big_endian(struct cursor *cursor, size_t count)
{
	const uint8_t *at = take(cursor, count);
	uint64_t value = 0;

	for (size_t i = 0; at && i < count; i++)
		value = value << 8 | at[i];
	return value;
}

struct counts {
	uint8_t version;
	uint32_t utc, standard, leaps, transitions, types, letters;
};

static enum err_code take_header(struct cursor *cursor, struct counts *ret, struct error *err)
{
	const uint8_t *magic = take(cursor, 4);
	const uint8_t *version = take(cursor, 16);

	if (!magic || !version || memcmp(magic, "TZif", 4) != 0)
		return err_set(err, ERR_CORRUPT, "no time zone file: it does not begin with TZif");
	struct counts counts = {.version = version[0]};
	uint32_t *fields[] = {&counts.utc,         &counts.standard, &counts.leaps,
			      &counts.transitions, &counts.types,    &counts.letters};

	for (size_t i = 0; i < 6; i++)
		*fields[i] = (uint32_t)take_big_endian(cursor, 4);
	if (cursor->short_of)
		return err_set(err, ERR_CORRUPT, "time zone file ends within its header");
	if (counts.transitions > TRANSIT_ZONE_TRANSITIONS_MAX || counts.types == 0 || counts.types > TYPES_MAX ||
	    counts.letters > 65536 || counts.leaps > 65536 || counts.utc > TYPES_MAX || counts.standard > TYPES_MAX)
		return err_set(err, ERR_CORRUPT, "time zone file counts %u transitions and %u types",
			       counts.transitions, counts.types);
	*ret = counts;
	return ERR_OK;
}

static enum err_code take_tables(struct cursor *cursor, const struct counts *counts, size_t time_bytes,
				 struct transit_zone *zone, struct error *err)
{
	zone->transitions = calloc(counts->transitions + 1u, sizeof(*zone->transitions));
	zone->types = calloc(counts->transitions + 1u, 1);
	if (!zone->transitions || !zone->types)
		return err_set(err, ERR_MEMORY, "no memory for a time zone");
	for (uint32_t i = 0; i < counts->transitions; i++) {
		uint64_t value = take_big_endian(cursor, time_bytes);

		zone->transitions[i] = time_bytes == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
		if (i > 0 && zone->transitions[i] <= zone->transitions[i - 1] && !cursor->short_of)
			return err_set(err, ERR_CORRUPT, "time zone file: transition %u is not behind the one before",
				       i);
	}
	for (uint32_t i = 0; i < counts->transitions; i++) {
		zone->types[i] = (uint8_t)take_big_endian(cursor, 1);
		if (zone->types[i] >= counts->types)
			return err_set(err, ERR_CORRUPT, "time zone file: transition %u has type %u of %u", i,
				       zone->types[i], counts->types);
	}
	for (uint32_t i = 0; i < counts->types; i++) {
		zone->offsets[i] = (int32_t)(uint32_t)take_big_endian(cursor, 4);
		(void)take_big_endian(cursor, 2);
		if (zone->offsets[i] > OFFSET_MAX_S || zone->offsets[i] < -OFFSET_MAX_S)
			return err_set(err, ERR_CORRUPT, "time zone file: offset of %d s", zone->offsets[i]);
	}
	(void)take(cursor, counts->letters + counts->leaps * (time_bytes + 4) + counts->standard + counts->utc);
	zone->transition_count = counts->transitions;
	zone->type_count = counts->types;
	return cursor->short_of ? err_set(err, ERR_CORRUPT, "time zone file ends within its tables") : ERR_OK;
}

/* ---- the footer: a TZ string such as "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool number(struct str text, size_t *at, int32_t max, int32_t *ret)
{
	int32_t value = 0;
	size_t from = *at;

	for (; *at < text.len && text.at[*at] >= '0' && text.at[*at] <= '9' && value <= max; (*at)++)
		value = value * 10 + (text.at[*at] - '0');
	*ret = value;
	return *at > from && value <= max;
}

static bool literal(struct str text, size_t *at, char c)
{
	if (*at >= text.len || text.at[*at] != c)
		return false;
	(*at)++;
	return true;
}

/* Letters, or anything within <…>. */
static bool zone_letters(struct str text, size_t *at)
{
	size_t from = *at;

	if (literal(text, at, '<')) {
		while (*at < text.len && text.at[*at] != '>')
			(*at)++;
		return literal(text, at, '>');
	}
	while (*at < text.len && ((text.at[*at] | 0x20) >= 'a' && (text.at[*at] | 0x20) <= 'z'))
		(*at)++;
	return *at - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(struct str text, size_t *at, int32_t hours_max, int32_t *ret_s)
{
	int32_t sign = literal(text, at, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;

	if (sign == 1)
		(void)literal(text, at, '+');
	if (!number(text, at, hours_max, &hours))
		return false;
	if (literal(text, at, ':') && !number(text, at, 59, &minutes))
		return false;
	if (literal(text, at, ':') && !number(text, at, 59, &seconds))
		return false;
	*ret_s = sign * ((hours * 60 + minutes) * 60 + seconds);
	return true;
}

static bool change_rule(struct str text, size_t *at, struct rule *ret)
{
	struct rule rule = {.time_s = 7200};
	bool good;

	if (!literal(text, at, ','))
		return false;
	if (literal(text, at, 'M')) {
		rule.form = RULE_MONTH;
		good = number(text, at, 12, &rule.month) && rule.month >= 1 && literal(text, at, '.') &&
		       number(text, at, 5, &rule.week) && rule.week >= 1 && literal(text, at, '.') &&
		       number(text, at, 6, &rule.day);
	} else if (literal(text, at, 'J')) {
		rule.form = RULE_JULIAN;
		good = number(text, at, 365, &rule.day) && rule.day >= 1;
	} else {
		rule.form = RULE_DAY;
		good = number(text, at, 365, &rule.day);
	}
	if (good && literal(text, at, '/'))
		good = clock_time(text, at, 167, &rule.time_s);
	*ret = rule;
	return good;
}

static bool footer(struct str text, struct transit_zone *zone)
{
	size_t at = 0;
	int32_t west;

	if (text.len == 0)
		return true; /* nothing is known about the time behind the last transition */
	if (!zone_letters(text, &at) || !clock_time(text, &at, 24, &west))
		return false;
	zone->has_footer = true;
	zone->standard_s = zone->summer_s = -west;
	if (at == text.len)
		return true;
	zone->has_summer = true;
	zone->summer_s = zone->standard_s + 3600;
	if (!zone_letters(text, &at))
		return false;
	if (at < text.len && text.at[at] != ',') {
		if (!clock_time(text, &at, 24, &west))
			return false;
		zone->summer_s = -west;
	}
	return change_rule(text, &at, &zone->to_summer) && change_rule(text, &at, &zone->to_standard) && at == text.len;
}

static enum err_code take_footer(struct cursor *cursor, struct transit_zone *zone, struct error *err)
{
	struct str rest = str_part(cursor->bytes, cursor->at, cursor->bytes.len);
	size_t end;

	if (rest.len < 2 || rest.at[0] != '\n' || !str_find(str_part(rest, 1, rest.len), '\n', &end))
		return err_set(err, ERR_CORRUPT, "time zone file has no footer");
	struct str text = str_part(rest, 1, end + 1);

	if (!footer(text, zone))
		return err_set(err, ERR_CORRUPT, "time zone file: \"%.*s\" is no rule", STR_FMT(str_part(text, 0, 80)));
	return ERR_OK;
}

static enum err_code parse(struct str bytes, struct transit_zone *zone, struct error *err)
{
	struct cursor cursor = {.bytes = bytes};
	struct counts counts;
	enum err_code code = take_header(&cursor, &counts, err);

	if (code)
		return code;
	if (counts.version == 0)
		return take_tables(&cursor, &counts, 4, zone, err);
	(void)take(&cursor, counts.transitions * (size_t)5 + counts.types * (size_t)6 + counts.letters +
				    counts.leaps * (size_t)8 + counts.standard + counts.utc);
	code = take_header(&cursor, &counts, err);
	if (!code)
		code = take_tables(&cursor, &counts, 8, zone, err);
	return code ? code : take_footer(&cursor, zone, err);
}

enum err_code transit_zone_parse(struct str bytes, struct transit_zone **ret_zone, struct error *err)
{
	if (bytes.len > TRANSIT_ZONE_FILE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "time zone file is larger than %u bytes", TRANSIT_ZONE_FILE_BYTES_MAX);
	struct transit_zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return err_set(err, ERR_MEMORY, "no memory for a time zone");
	enum err_code code = parse(bytes, zone, err);

	if (code) {
		(void)transit_zone_free(zone);
		return code;
	}
	*ret_zone = zone;
	return ERR_OK;
}

struct transit_zone *transit_zone_free(struct transit_zone *zone)
{
	if (zone) {
		free(zone->transitions);
		free(zone->types);
		free(zone);
	}
	return NULL;
}

/* ---- looking up ---- */

static bool leap_year(int32_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The local second, as if it were UTC, at which a rule applies in a year. */
static int64_t rule_local_s(const struct rule *rule, int32_t year)
{
	int64_t first = days_from_civil((struct civil_date){year, 1, 1}), day;

	if (rule->form == RULE_MONTH) {
		int64_t month = days_from_civil((struct civil_date){year, rule->month, 1});
		struct civil_date next = {rule->month == 12 ? year + 1 : year, rule->month % 12 + 1, 1};
		/* weekday_from_days counts from Monday, the rule from Sunday. */
		int64_t to_first = (rule->day - (weekday_from_days(month) + 1) % 7 + 7) % 7;

		day = month + to_first + (rule->week - 1) * INT64_C(7);
		if (day >= days_from_civil(next))
			day -= 7;
	} else if (rule->form == RULE_JULIAN) {
		day = first + rule->day - 1 + (leap_year(year) && rule->day >= 60 ? 1 : 0);
	} else {
		day = first + rule->day;
	}
	return day * 86400 + rule->time_s;
}

static int32_t footer_offset_s(const struct transit_zone *zone, int64_t unix_s)
{
	if (!zone->has_summer)
		return zone->standard_s;
	int64_t local = unix_s + zone->standard_s;
	int32_t year = civil_from_days(local / 86400 - (local % 86400 < 0 ? 1 : 0)).year;
	int64_t summer = rule_local_s(&zone->to_summer, year) - zone->standard_s;
	int64_t standard = rule_local_s(&zone->to_standard, year) - zone->summer_s;
	bool is_summer =
		summer < standard ? unix_s >= summer && unix_s < standard : unix_s >= summer || unix_s < standard;

	return is_summer ? zone->summer_s : zone->standard_s;
}

int32_t transit_zone_offset_s(const struct transit_zone *zone, int64_t unix_s)
{
	uint32_t low = 0, high = zone->transition_count;

	while (low < high) { /* the first transition behind the instant */
		uint32_t middle = low + (high - low) / 2;

		if (zone->transitions[middle] <= unix_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->transition_count && zone->has_footer)
		return footer_offset_s(zone, unix_s);
	return zone->offsets[low == 0 ? 0 : zone->types[low - 1]];
}

int64_t transit_zone_day_start_s(const struct transit_zone *zone, int32_t day)
{
	int64_t noon = day * INT64_C(86400) + 43200;
	int64_t unix_s = noon - transit_zone_offset_s(zone, noon);

	/* Once more with the offset that holds there; clocks do not change at noon, so it stays. */
	unix_s = noon - transit_zone_offset_s(zone, unix_s);
	return unix_s - 43200;
}

bool transit_zone_name_good(struct str name)
{
	if (name.len == 0 || name.len > 64 || name.at[0] == '/' || name.at[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			     c == '-' || c == '+' || c == '/';

		if (!plain)
			return false;
	}
	return true;
}
