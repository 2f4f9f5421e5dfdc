/* Tokens of PromQL: names, numbers as Go reads them, durations, three kinds of strings, operators. */
#include "promql/lex.h"

#include "promql/promql.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_code lex_fail(const struct lexer *lexer, struct str place, const char *format, ...)
{
	const char *begin = lexer->text.at;
	size_t end = place.at ? (size_t)(place.at - begin) : lexer->text.len, line = 1, column = 1;
	char detail[ERROR_DETAIL_BYTES];
	va_list arguments;

	for (size_t i = 0; i < end && i < lexer->text.len; i++, column++)
		if (begin[i] == '\n') {
			line++;
			column = 0;
		}
	va_start(arguments, format);
	(void)vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	return err_set(lexer->err, ERR_INVALID, "%u:%u: parse error: %s", (unsigned)line, (unsigned)column, detail);
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool is_name_part(char c)
{
	return is_name_start(c) || is_digit(c);
}

bool promql_is_label_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_name_start(text.at[i]) && (i == 0 || !is_digit(text.at[i])))
			return false;
	return text.len > 0;
}

struct str promql_name_from(struct arena *arena, struct str text)
{
	char *name = arena_bytes(arena, text.len + 1, 1);
	size_t len = 0;

	if (!name)
		return STR_NONE;
	if (text.len == 0 || is_digit(text.at[0]))
		name[len++] = '_';
	for (size_t i = 0; i < text.len; i++)
		if (((uint8_t)text.at[i] & 0xC0) != 0x80) /* a character of several bytes is one "_" */
			name[len++] = is_name_part(text.at[i]) ? text.at[i] : '_';
	return (struct str){name, len};
}

static char peek_at(const struct lexer *lexer, size_t offset)
{
	return lexer->at + offset < lexer->text.len ? lexer->text.at[lexer->at + offset] : '\0';
}

static void skip_blank(struct lexer *lexer)
{
	for (; lexer->at < lexer->text.len; lexer->at++) {
		char c = lexer->text.at[lexer->at];

		if (c == '#')
			while (lexer->at < lexer->text.len && lexer->text.at[lexer->at] != '\n')
				lexer->at++;
		else if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return;
	}
}

static struct token bad(void)
{
	return (struct token){.kind = TOKEN_BAD};
}

/* ---- numbers and durations ---- */

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"y", INT64_C(31536000000)},
	     {"w", 604800000},
	     {"d", 86400000},
	     {"h", 3600000},
	     {"m", 60000},
	     {"s", 1000},
	     {"ms", 1}};

bool promql_duration_from(struct str text, int64_t *ret_ms)
{
	int64_t total = 0, unit_ms;
	size_t unit = 0, at = 0;

	while (at < text.len) {
		size_t from = at, name;
		int64_t count;

		while (at < text.len && is_digit(text.at[at]))
			at++;
		if (!str_to_int64(str_part(text, from, at), &count))
			return false;
		for (name = at; at < text.len && !is_digit(text.at[at]);)
			at++;
		while (unit < sizeof(units) / sizeof(units[0]) &&
		       !str_eq(str_part(text, name, at), str_from(units[unit].name)))
			unit++;
		if (unit == sizeof(units) / sizeof(units[0]) ||
		    __builtin_mul_overflow(count, units[unit++].ms, &unit_ms) ||
		    __builtin_add_overflow(total, unit_ms, &total) || total > INT64_MAX / 1000000)
			return false;
	}
	if (total == 0)
		return false;
	*ret_ms = total;
	return true;
}

static bool to_integer(struct str text, double *ret)
{
	unsigned base = 10;
	uint64_t value = 0;

	if (text.len > 1 && text.at[0] == '0') {
		base = text.at[1] == 'x' || text.at[1] == 'X' ? 16 : 8;
		text = str_part(text, base == 16 ? 2 : 1, text.len);
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		unsigned digit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;

		if (digit >= base || value > (UINT64_MAX >> 5))
			return false;
		value = value * base + digit;
	}
	*ret = (double)value;
	return text.len > 0 && value <= INT64_MAX;
}

static struct token lex_number(struct lexer *lexer)
{
	size_t from = lexer->at, at = from;
	const char *text = lexer->text.at;
	size_t len = lexer->text.len;
	bool hex = text[at] == '0' && at + 1 < len && (text[at + 1] | 0x20) == 'x';
	struct token token = {.kind = TOKEN_NUMBER};

	if (hex)
		for (at += 2;
		     at < len && (is_digit(text[at]) || ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'f'));)
			at++;
	while (!hex && at < len && is_digit(text[at]))
		at++;
	if (!hex && at < len && text[at] == '.')
		for (at++; at < len && is_digit(text[at]);)
			at++;
	if (!hex && at < len && (text[at] | 0x20) == 'e') {
		at += at + 1 < len && (text[at + 1] == '+' || text[at + 1] == '-') ? 2 : 1;
		while (at < len && is_digit(text[at]))
			at++;
	}
	bool number = at == len || !is_name_part(text[at]);

	while (at < len && is_name_part(text[at]))
		at++;
	token.text = str_part(lexer->text, from, at);
	lexer->at = at;
	if (number && (to_integer(token.text, &token.number) || (!hex && str_to_double(token.text, &token.number))))
		return token;
	token.kind = TOKEN_DURATION;
	if (promql_duration_from(token.text, &token.duration_ms))
		return token;
	(void)lex_fail(lexer, token.text, "bad number or duration syntax: \"%.*s\" (a duration must be greater than 0)",
		       STR_FMT(str_part(token.text, 0, 60)));
	return bad();
}

/* ---- strings ---- */

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *put_utf8(char *to, uint32_t rune)
{
	if (rune < 0x80) {
		*to++ = (char)rune;
	} else if (rune < 0x800) {
		*to++ = (char)(0xC0 | rune >> 6);
		*to++ = (char)(0x80 | (rune & 0x3F));
	} else if (rune < 0x10000) {
		*to++ = (char)(0xE0 | rune >> 12);
		*to++ = (char)(0x80 | (rune >> 6 & 0x3F));
		*to++ = (char)(0x80 | (rune & 0x3F));
	} else {
		*to++ = (char)(0xF0 | rune >> 18);
		*to++ = (char)(0x80 | (rune >> 12 & 0x3F));
		*to++ = (char)(0x80 | (rune >> 6 & 0x3F));
		*to++ = (char)(0x80 | (rune & 0x3F));
	}
	return to;
}

/* Digits of an escape: count of them in this base; -1 when they are not there. */
static int64_t escape_digits(struct str text, size_t at, size_t count, int base)
{
	int64_t value = 0;

	for (size_t i = at; i < at + count; i++) {
		int digit = i < text.len ? hex_value(text.at[i]) : -1;

		if (digit < 0 || digit >= base)
			return -1;
		value = value * base + digit;
	}
	return value;
}

/* One escape behind its backslash, at text.at[*at]; false when there is no such escape. */
static bool unescape(struct str text, size_t *at, char quote, char **to)
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	char c = *at < text.len ? text.at[*at] : '\0';
	const char *simple = c ? strchr(names, c) : NULL;
	size_t count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	int64_t value;

	if (simple || (c && c == quote)) {
		*(*to)++ = simple ? values[simple - names] : quote;
		(*at)++;
		return true;
	}
	if (count) {
		value = escape_digits(text, *at + 1, count, 16);
		*at += count + 1;
	} else {
		value = escape_digits(text, *at, 3, 8);
		*at += 3;
	}
	if (value < 0 || value > 0x10FFFF || (count > 2 && value >= 0xD800 && value < 0xE000) ||
	    (count <= 2 && value >= 0x80)) /* bytes that alone are no UTF-8: labels are texts */
		return false;
	if (count > 2)
		*to = put_utf8(*to, (uint32_t)value);
	else
		*(*to)++ = (char)value;
	return true;
}

static struct token lex_string(struct lexer *lexer)
{
	size_t from = lexer->at, at = from + 1;
	struct str text = lexer->text;
	char quote = text.at[from];
	char *decoded = arena_bytes(lexer->arena, text.len - from, 1), *to = decoded;

	if (!decoded) {
		(void)err_set(lexer->err, ERR_MEMORY, "no memory for a string");
		return bad();
	}
	while (at < text.len && text.at[at] != quote) {
		if (text.at[at] == '\n' && quote != '`')
			break;
		if (text.at[at] != '\\' || quote == '`') {
			*to++ = text.at[at++];
			continue;
		}
		at++;
		if (!unescape(text, &at, quote, &to)) {
			(void)lex_fail(lexer, str_part(text, from, from), "unknown escape sequence in a string");
			return bad();
		}
	}
	if (at >= text.len || text.at[at] != quote) {
		(void)lex_fail(lexer, str_part(text, from, from), "unterminated %sstring",
			       quote == '`' ? "raw " : "quoted ");
		return bad();
	}
	lexer->at = at + 1;
	return (struct token){.kind = TOKEN_STRING,
			      .text = str_part(text, from, at + 1),
			      .string = {decoded, (size_t)(to - decoded)}};
}

/* ---- the rest ---- */

static struct token lex_name(struct lexer *lexer)
{
	size_t from = lexer->at;
	bool colons = !lexer->in_braces && !lexer->in_brackets;

	while (is_name_part(peek_at(lexer, 0)) || (colons && peek_at(lexer, 0) == ':'))
		lexer->at++;
	struct token token = {.kind = TOKEN_NAME, .text = str_part(lexer->text, from, lexer->at)};

	if (str_eq_nocase(token.text, STR("inf")) && !lexer->in_braces) {
		token.kind = TOKEN_NUMBER;
		token.number = INFINITY;
	} else if (str_eq_nocase(token.text, STR("nan")) && !lexer->in_braces) {
		token.kind = TOKEN_NUMBER;
		token.number = NAN;
	}
	return token;
}

static struct token lex_sign(struct lexer *lexer)
{
	static const char *const doubles[] = {"==", "!=", "<=", ">=", "=~", "!~"};
	struct str two = str_part(lexer->text, lexer->at, lexer->at + 2);
	struct str sign = str_part(two, 0, 1);

	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		if (str_eq(two, str_from(doubles[i])))
			sign = two;
	if (!memchr("(){}[],:@+-*/%^=!<>", sign.at[0], 19)) {
		(void)lex_fail(lexer, sign, "unexpected character: \"%.*s\"", STR_FMT(sign));
		return bad();
	}
	lexer->at += sign.len;
	lexer->in_braces = sign.at[0] == '{' || (lexer->in_braces && sign.at[0] != '}');
	lexer->in_brackets = sign.at[0] == '[' || (lexer->in_brackets && sign.at[0] != ']');
	return (struct token){.kind = TOKEN_SIGN, .text = sign};
}

struct token lex_next(struct lexer *lexer)
{
	skip_blank(lexer);
	if (lexer->at >= lexer->text.len)
		return (struct token){.kind = TOKEN_END, .text = {lexer->text.at + lexer->text.len, 0}};
	char c = peek_at(lexer, 0);

	if (is_digit(c) || (c == '.' && is_digit(peek_at(lexer, 1))))
		return lex_number(lexer);
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(lexer);
	if (is_name_start(c) || (c == ':' && !lexer->in_braces && !lexer->in_brackets))
		return lex_name(lexer);
	return lex_sign(lexer);
}
