/* Percent-decoding, query strings and request ids: the texts of a request that outsiders choose.
 * Source: RFC 3986 sections 2.1 and 3.4; UTF-8 by RFC 3629. Pure. */
#include "net/http_int.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Length of the well-formed character at `at`, 0 when there is none. RFC 3629 section 4: no overlong forms, no
 * surrogates, nothing above U+10FFFF. */
static size_t utf8_character(const unsigned char *at, size_t len)
{
	unsigned char lead = at[0];
	size_t need = lead < 0x80 ? 1 : lead >= 0xC2 && lead <= 0xDF ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;

	if (need == 1)
		return 1;
	if (lead < 0xC2 || lead > 0xF4 || len < need)
		return 0;
	unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return need;
}

bool http_utf8_valid(struct str text)
{
	for (size_t at = 0; at < text.len;) {
		size_t step = utf8_character((const unsigned char *)text.at + at, text.len - at);

		if (!step)
			return false;
		at += step;
	}
	return true;
}

bool http_decode(struct arena *arena, struct str raw, struct str *ret_text)
{
	char *text = arena_bytes(arena, raw.len, 1);
	size_t len = 0;

	if (!text)
		return false;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.at[i];

		if (c == '%') {
			bool whole = raw.len - i > 2;
			int high = whole ? hex_digit(raw.at[i + 1]) : -1;
			int low = whole ? hex_digit(raw.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return false;
		text[len++] = c;
	}
	text[len] = '\0';
	if (!http_utf8_valid((struct str){text, len}))
		return false;
	*ret_text = (struct str){text, len};
	return true;
}

struct str http_field_join(struct arena *arena, struct str first, struct str next)
{
	return first.at ? arena_printf(arena, "%.*s, %.*s", STR_FMT(first), STR_FMT(next)) : next;
}

bool http_query_parse(struct arena *arena, struct str query, struct http_parameter **ret_parameters, size_t *ret_count,
		      const char **ret_reason)
{
	struct str piece, rest = query;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < query.len; i++)
		room += query.at[i] == '&';
	if (room > HTTP_PARAMETERS_MAX) {
		*ret_reason = "too many query parameters";
		return false;
	}
	struct http_parameter *parameters = arena_array(arena, struct http_parameter, room);

	*ret_reason = "the query has a malformed percent escape, a NUL or invalid UTF-8";
	if (!parameters)
		return false;
	while (str_next(&rest, '&', &piece)) {
		size_t equals = piece.len;

		if (piece.len == 0)
			continue;
		(void)str_find(piece, '=', &equals);
		struct http_parameter *parameter = &parameters[count++];

		if (!http_decode(arena, str_part(piece, 0, equals), &parameter->key) ||
		    !http_decode(arena, str_part(piece, equals + 1, piece.len), &parameter->value))
			return false;
	}
	*ret_parameters = parameters;
	*ret_count = count;
	return true;
}

/* Safe in logs and headers of any kind. */
bool http_request_id_valid(struct str id)
{
	if (id.len == 0 || id.len > HTTP_REQUEST_ID_BYTES_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];
		bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!alphanumeric && !memchr("-_.:", c, 4))
			return false;
	}
	return true;
}
