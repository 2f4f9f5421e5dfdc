/* Reading the pieces of query texts: names, literals, regular expressions, and errors that say where.
 *
 * What an unquoted value is depends on how it reads, so the longest run up to a delimiter is taken and then classified:
 * number, dateTime, date, time, true, false, else URI or word. The delimiters are those of the q grammar (; | , and the
 * closing parenthesis); URIs that hold such characters have to be quoted. */
#include "base/time_value.h"
#include "ngsild/expand.h"
#include "ngsild/name_int.h"
#include "ngsild/query_int.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 24

void scan_tell(const struct scan *scan, size_t at, enum err_code code, const char *where, const char *format, ...)
{
	char detail[ERROR_DETAIL_BYTES];
	size_t character = 1;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	for (size_t i = 0; i < at && i < scan->text.len; i++)
		character += ((unsigned char)scan->text.at[i] & 0xC0) != 0x80;
	(void)err_set_at(scan->err, code, where, "%s, character %zu: %s", scan->name, character, detail);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void scan_spaces(struct scan *scan)
{
	while (scan->at < scan->text.len && is_space(scan->text.at[scan->at]))
		scan->at++;
}

bool scan_end(struct scan *scan)
{
	scan_spaces(scan);
	return scan->at >= scan->text.len;
}

bool scan_take(struct scan *scan, const char *token)
{
	struct str expected = str_from(token);

	scan_spaces(scan);
	if (!str_starts(str_part(scan->text, scan->at, scan->text.len), expected))
		return false;
	scan->at += expected.len;
	return true;
}

struct str scan_here(const struct scan *scan)
{
	size_t to = scan->at + SHOWN_BYTES_MAX;

	if (scan->at >= scan->text.len)
		return STR("the end");
	while (to < scan->text.len && ((unsigned char)scan->text.at[to] & 0xC0) == 0x80)
		to++;
	return str_part(scan->text, scan->at, to);
}

void *list_push(struct arena *arena, struct list *list, size_t element_bytes)
{
	char *at = arena_grow(arena, list->at, list->count, &list->room, element_bytes, 4);

	if (!at)
		return NULL;
	list->at = at;
	return memset(list->at + list->count++ * element_bytes, 0, element_bytes);
}

/* ---- names ---- */

/* Characters that a name or a prefixed name may have; which of them are letters name_is_legal() knows. */
bool scan_is_name_byte(char c)
{
	unsigned char u = (unsigned char)c;

	return ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || (u >= '0' && u <= '9') || u == '_' || u == ':' || u >= 0x80;
}

enum err_code scan_name(struct scan *scan, struct str *ret_name)
{
	scan_spaces(scan);
	size_t from = scan->at;

	while (scan->at < scan->text.len && scan_is_name_byte(scan->text.at[scan->at]))
		scan->at++;
	struct str name = str_part(scan->text, from, scan->at);

	if (name.len == 0)
		return scan_fail(scan, from, ERR_INVALID, "expected a name, found \"%.*s\"", STR_FMT(scan_here(scan)));
	if (!name_is_legal(name))
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is no name (a letter, then letters, digits and _)",
				 STR_FMT(str_part(name, 0, 60)));
	*ret_name = name;
	return ERR_OK;
}

enum err_code scan_expand(struct scan *scan, size_t at, struct str name, struct str *ret_iri)
{
	struct error why;
	struct str iri;
	enum err_code code = context_expand(scan->context, scan->arena, name, &iri, &why);

	if (code)
		return scan_fail(scan, at, code, "%s", why.detail);
	iri = arena_dup(scan->arena, iri);
	if (!iri.at)
		return scan_no_memory(scan);
	if (scan->names) {
		struct scanned_name *named = list_push(scan->arena, scan->names, sizeof(*named));

		if (!named)
			return scan_no_memory(scan);
		*named = (struct scanned_name){(size_t)(name.at - scan->text.at), name.len, iri};
	}
	*ret_iri = iri;
	return ERR_OK;
}

/* ---- literals ---- */

/* Moves behind the closing quote of the string that opens at the position. */
static enum err_code scan_quoted(struct scan *scan, struct str *ret_with_quotes)
{
	size_t from = scan->at++;

	while (scan->at < scan->text.len && scan->text.at[scan->at] != '"')
		scan->at += scan->text.at[scan->at] == '\\' ? 2 : 1;
	if (scan->at >= scan->text.len) {
		scan->at = scan->text.len;
		return scan_fail(scan, from, ERR_INVALID, "the quoted string does not end");
	}
	*ret_with_quotes = str_part(scan->text, from, ++scan->at);
	return ERR_OK;
}

static enum err_code scan_string(struct scan *scan, struct q_value *ret_value)
{
	size_t from = scan->at;
	struct str quoted;
	struct json *node = NULL;
	struct error why;
	enum err_code code = scan_quoted(scan, &quoted);

	if (code)
		return code;
	code = json_parse(scan->parser, scan->arena, quoted, NULL, &node, &why);
	if (code == ERR_INVALID)
		return scan_fail(scan, from, code, "the quoted string is not valid JSON: %.120s", why.detail);
	if (code)
		return scan_fail(scan, from, code, "%.120s", why.detail);
	*ret_value = (struct q_value){.type = Q_TEXT, .text = json_text(node)};
	return ERR_OK;
}

static bool number_value(struct scan *scan, struct str token, struct q_value *ret_value)
{
	struct json *node = NULL;
	struct error why;

	if (json_parse(scan->parser, scan->arena, token, NULL, &node, &why) || !json_is(node, JSON_NUMBER))
		return false;
	*ret_value = (struct q_value){.type = Q_NUMBER, .number = node->number};
	ret_value->integer = json_int64(node, &ret_value->int64);
	return true;
}

/* Number, dateTime, date or time: the ComparableValues that need no quotes. All begin with a digit or a minus. */
static bool plain_value(struct scan *scan, struct str token, struct q_value *ret_value)
{
	struct q_value value = {.type = Q_DATETIME};
	struct civil_date date;

	if (token.len == 0 || (token.at[0] != '-' && (token.at[0] < '0' || token.at[0] > '9')))
		return false;
	if (time_parse_iso(token, false, &value.int64)) {
		*ret_value = value;
		return true;
	}
	if (date_parse_iso(token, &date)) {
		*ret_value = (struct q_value){.type = Q_DATE, .int64 = days_from_civil(date)};
		return true;
	}
	value.type = Q_TIME;
	if (time_of_day_parse_iso(token, &value.int64)) {
		*ret_value = value;
		return true;
	}
	return number_value(scan, token, ret_value);
}

/* A comma inside dateTime or time stands before the decimals of the seconds (4.6.3): these texts have a colon and end
 * with Z, so that a comma before the Z belongs to them. */
static bool comma_is_decimal(struct str token)
{
	size_t colon;

	return token.len > 0 && token.at[0] >= '0' && token.at[0] <= '9' && str_find(token, ':', &colon) &&
	       token.at[token.len - 1] != 'Z';
}

/* The run up to a delimiter, spaces behind it left out; up to ".." where what stands before it is a literal. */
static struct str scan_run(struct scan *scan, struct q_value *value, bool *ret_plain)
{
	struct str text = scan->text;
	size_t from = scan->at, to = from;

	for (; to < text.len; to++) {
		char c = text.at[to];

		if (c == ';' || c == '|' || c == ')' || (c == ',' && !comma_is_decimal(str_part(text, from, to))))
			break;
		if (c == '.' && to + 1 < text.len && text.at[to + 1] == '.' &&
		    plain_value(scan, str_part(text, from, to), value))
			break;
	}
	while (to > from && is_space(text.at[to - 1]))
		to--;
	struct str token = str_part(text, from, to);

	*ret_plain = plain_value(scan, token, value);
	scan->at = to;
	return token;
}

/* A word, for terms of vocabularies: no space, quote, bracket or ".." inside, a letter first. */
static bool is_word(struct str token)
{
	unsigned char first = (unsigned char)token.at[0];

	if ((first | 0x20) < 'a' || ((first | 0x20) > 'z' && first < 0x80))
		return false;
	for (size_t i = 0; i < token.len; i++)
		if ((unsigned char)token.at[i] <= ' ' || strchr("\"()<>=!~[]{}", token.at[i]))
			return false;
	return !str_contains(token, STR(".."));
}

enum err_code scan_value(struct scan *scan, struct q_value *ret_value, bool *ret_bare)
{
	struct q_value value;
	bool plain;

	scan_spaces(scan);
	*ret_bare = false;
	if (scan->at < scan->text.len && scan->text.at[scan->at] == '"')
		return scan_string(scan, ret_value);
	size_t from = scan->at;
	struct str token = scan_run(scan, &value, &plain);

	if (plain) {
		*ret_value = value;
	} else if (str_eq(token, STR("true")) || str_eq(token, STR("false"))) {
		*ret_value = (struct q_value){.type = Q_BOOL, .boolean = token.at[0] == 't'};
	} else if (token.len && (expand_is_uri(token) || is_word(token))) {
		*ret_value = (struct q_value){.type = Q_TEXT, .text = token};
		*ret_bare = true;
	} else if (token.len) {
		return scan_fail(scan, from, ERR_INVALID,
				 "\"%.*s\" is no number, time, date, boolean or URI; texts need quotes",
				 STR_FMT(str_part(token, 0, 60)));
	} else {
		return scan_fail(scan, from, ERR_INVALID, "expected a value, found \"%.*s\"", STR_FMT(scan_here(scan)));
	}
	return ERR_OK;
}

/* ---- regular expressions ---- */

/* The byte behind the bracket expression that opens at from: a ] right behind [ or [^ is one of its characters. */
static size_t behind_bracket(struct str text, size_t from)
{
	size_t at = from + 1;

	if (at < text.len && text.at[at] == '^')
		at++;
	if (at < text.len && text.at[at] == ']')
		at++;
	for (; at < text.len && text.at[at] != ']'; at++)
		if (text.at[at] == '[' && at + 1 < text.len && text.at[at + 1] == ':') {
			size_t inner = at + 2;

			while (inner + 1 < text.len && !(text.at[inner] == ':' && text.at[inner + 1] == ']'))
				inner++;
			at = inner + 1 < text.len ? inner + 1 : at;
		}
	return at < text.len ? at + 1 : text.len;
}

static size_t bare_pattern_end(struct str text, size_t at)
{
	size_t parentheses = 0;

	while (at < text.len) {
		char c = text.at[at];

		if (c == '[') {
			at = behind_bracket(text, at);
			continue;
		}
		if (c == '\\' && at + 1 < text.len)
			at++;
		else if (c == '(')
			parentheses++;
		else if (parentheses == 0 && (c == ')' || c == ';' || c == '|'))
			break;
		else if (c == ')')
			parentheses--;
		at++;
	}
	return at;
}

enum err_code scan_pattern(struct scan *scan, struct str *ret_text)
{
	scan_spaces(scan);
	size_t from = scan->at;

	if (from < scan->text.len && scan->text.at[from] == '"') {
		struct str quoted;
		enum err_code code = scan_quoted(scan, &quoted);

		if (code == ERR_OK)
			*ret_text = str_part(quoted, 1, quoted.len - 1);
		return code;
	}
	scan->at = bare_pattern_end(scan->text, from);
	*ret_text = str_part(scan->text, from, scan->at);
	if (ret_text->len == 0)
		return scan_fail(scan, from, ERR_INVALID, "expected a regular expression, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	return ERR_OK;
}
