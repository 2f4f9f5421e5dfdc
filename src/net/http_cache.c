/* Freshness of answers, and links in headers. Both are written by strangers: what is malformed counts as not said,
 * except an Expires that is no date, which means "already expired" (RFC 9111, 5.3). */
#include "net/http_cache.h"

#include "base/time_value.h"

#define HEURISTIC_SHARE 10 /* RFC 9111, 4.2.2: a typical setting is 10 % */

/* ---- dates (RFC 9110, 5.6.7) ---- */

static bool two_digits(struct str text, size_t at, int32_t *ret)
{
	if (at + 2 > text.len || text.at[at + 1] < '0' || text.at[at + 1] > '9')
		return false;
	char tens = text.at[at] == ' ' ? '0' : text.at[at]; /* asctime writes days below ten so */

	if (tens < '0' || tens > '9')
		return false;
	*ret = (tens - '0') * 10 + (text.at[at + 1] - '0');
	return true;
}

static int32_t month_of(struct str name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int32_t month = 0; month < 12; month++)
		if (str_eq(name, (struct str){names + (size_t)month * 3, 3}))
			return month + 1;
	return 0;
}

struct date_layout { /* where the parts stand */
	size_t day, month, year, year_digits, time;
};

static bool parse_layout(struct str text, const struct date_layout *layout, int64_t *ret_s)
{
	int32_t day, hour, minute, second, high = 0, low;

	if (!two_digits(text, layout->day, &day) || !two_digits(text, layout->time, &hour) ||
	    !two_digits(text, layout->time + 3, &minute) || !two_digits(text, layout->time + 6, &second))
		return false;
	if (text.at[layout->time + 2] != ':' || text.at[layout->time + 5] != ':')
		return false;
	if (layout->year_digits == 4 && !two_digits(text, layout->year, &high))
		return false;
	if (!two_digits(text, layout->year + layout->year_digits - 2, &low))
		return false;
	int32_t month = month_of(str_part(text, layout->month, layout->month + 3));
	/* Two digits: of this century, until they lie too far ahead. */
	int32_t year = layout->year_digits == 4 ? high * 100 + low : low + (low < 70 ? 2000 : 1900);

	if (!month || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_s = days_from_civil((struct civil_date){year, month, day}) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". */
static bool parse_date(struct str text, int64_t *ret_s)
{
	static const struct date_layout fixdate = {5, 8, 12, 4, 17};
	static const struct date_layout asctime = {8, 4, 20, 4, 11};
	struct date_layout rfc850 = {2, 5, 9, 2, 12};
	size_t comma;

	text = str_trim(text);
	if (!str_find(text, ',', &comma))
		return text.len == 24 && parse_layout(text, &asctime, ret_s);
	if (!str_ends(text, STR(" GMT")))
		return false;
	if (comma == 3 && text.len == 29)
		return parse_layout(text, &fixdate, ret_s);
	return text.len == comma + 24 && parse_layout(str_part(text, comma, text.len), &rfc850, ret_s);
}

/* ---- directives ---- */

/* Cuts the piece before the first separator outside of quotes off *rest. */
static bool next_unquoted(struct str *rest, char separator, struct str *ret_piece)
{
	bool quoted = false;
	size_t at = 0;

	if (!rest->at)
		return false;
	for (; at < rest->len && (quoted || rest->at[at] != separator); at++) {
		if (quoted && rest->at[at] == '\\' && at + 1 < rest->len)
			at++;
		else if (rest->at[at] == '"')
			quoted = !quoted;
	}
	*ret_piece = str_part(*rest, 0, at);
	*rest = at < rest->len ? str_part(*rest, at + 1, rest->len) : STR_NONE;
	return true;
}

static struct str unquote(struct str text)
{
	return text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"' ? str_part(text, 1, text.len - 1)
										  : text;
}

/* RFC 9111, 1.2.2: a number too large for us counts as the largest. */
static bool parse_seconds(struct str text, uint64_t *ret)
{
	uint64_t value = 0;

	text = str_trim(text);
	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.at[i] - '0');
		if (value > HTTP_FRESH_S_MAX)
			value = HTTP_FRESH_S_MAX;
	}
	*ret = value;
	return true;
}

struct directives {
	bool no_store, no_cache, has_max_age, has_s_maxage;
	uint64_t max_age_s, s_maxage_s;
};

static void take_directive(struct directives *directives, struct str name, struct str value)
{
	/* The first of several that disagree; a number that is none means stale (RFC 9111, 4.2.1). */
	if (str_eq_nocase(name, STR("no-store"))) {
		directives->no_store = true;
	} else if (str_eq_nocase(name, STR("no-cache"))) {
		directives->no_cache = directives->no_cache || !value.at; /* with fields: those alone */
	} else if (str_eq_nocase(name, STR("max-age")) && !directives->has_max_age) {
		directives->has_max_age = true;
		if (!parse_seconds(value, &directives->max_age_s))
			directives->max_age_s = 0;
	} else if (str_eq_nocase(name, STR("s-maxage")) && !directives->has_s_maxage) {
		directives->has_s_maxage = true;
		if (!parse_seconds(value, &directives->s_maxage_s))
			directives->s_maxage_s = 0;
	}
}

static struct directives parse_directives(struct str cache_control)
{
	struct directives directives = {0};
	struct str piece;

	while (next_unquoted(&cache_control, ',', &piece)) {
		size_t equals;
		struct str value = STR_NONE;

		if (str_find(piece, '=', &equals)) {
			value = unquote(str_trim(str_part(piece, equals + 1, piece.len)));
			piece = str_part(piece, 0, equals);
		}
		take_directive(&directives, str_trim(piece), value);
	}
	return directives;
}

static uint64_t span_s(int64_t from_s, int64_t to_s)
{
	if (to_s <= from_s)
		return 0;
	return (uint64_t)(to_s - from_s) < HTTP_FRESH_S_MAX ? (uint64_t)(to_s - from_s) : HTTP_FRESH_S_MAX;
}

struct http_freshness http_freshness(const struct http_cache_fields *fields, int64_t now_s)
{
	struct directives directives = parse_directives(fields->cache_control);
	struct http_freshness freshness = {.no_store = directives.no_store, .stated = true};
	int64_t date_s = now_s, expires_s, modified_s;
	uint64_t age_s = 0;

	if (fields->date.at && !parse_date(fields->date, &date_s))
		date_s = now_s;
	if (fields->age.at && !parse_seconds(fields->age, &age_s))
		age_s = 0;
	if (directives.no_store || directives.no_cache) {
		freshness.fresh_s = 0;
	} else if (directives.has_s_maxage) {
		freshness.fresh_s = directives.s_maxage_s;
	} else if (directives.has_max_age) {
		freshness.fresh_s = directives.max_age_s;
	} else if (fields->expires.at) {
		freshness.fresh_s = parse_date(fields->expires, &expires_s) ? span_s(date_s, expires_s) : 0;
	} else {
		freshness.stated = false;
		freshness.heuristic = fields->last_modified.at && parse_date(fields->last_modified, &modified_s);
		if (freshness.heuristic)
			freshness.fresh_s = span_s(modified_s, date_s) / HEURISTIC_SHARE;
	}
	/* What it has aged on its way through other caches. */
	freshness.fresh_s = freshness.fresh_s > age_s ? freshness.fresh_s - age_s : 0;
	return freshness;
}

bool http_retry_after_s(struct str retry_after, int64_t now_s, uint64_t *ret_s)
{
	int64_t moment_s;

	if (parse_seconds(retry_after, ret_s))
		return true;
	if (!parse_date(str_trim(retry_after), &moment_s))
		return false;
	*ret_s = span_s(now_s, moment_s);
	return true;
}

/* ---- links ---- */

static bool has_word(struct str words, struct str word)
{
	struct str piece;

	while (str_next(&words, ' ', &piece))
		if (str_eq_nocase(piece, word))
			return true;
	return false;
}

static bool link_fits(struct str parameters, struct str relation, struct str type)
{
	bool has_relation = false, has_type = false;
	struct str parameter;

	while (next_unquoted(&parameters, ';', &parameter)) {
		size_t equals;

		if (!str_find(parameter, '=', &equals))
			continue;
		struct str name = str_trim(str_part(parameter, 0, equals));
		struct str value = unquote(str_trim(str_part(parameter, equals + 1, parameter.len)));

		if (str_eq_nocase(name, STR("rel")))
			has_relation = has_relation || has_word(value, relation);
		else if (str_eq_nocase(name, STR("type")))
			has_type = has_type || str_eq_nocase(value, type);
	}
	return has_relation && has_type;
}

struct str http_link_target(struct str link, struct str relation, struct str type)
{
	struct str rest = str_trim(link);

	while (rest.len) {
		size_t close;
		struct str parameters = STR_NONE;

		if (rest.at[0] != '<' || !str_find(rest, '>', &close))
			return STR_NONE;
		struct str target = str_part(rest, 1, close);

		rest = str_part(rest, close + 1, rest.len);
		(void)next_unquoted(&rest, ',', &parameters);
		rest = str_trim(rest);
		if (link_fits(parameters, relation, type))
			return target;
	}
	return STR_NONE;
}
