/* Basic authentication: base64 (RFC 4648 section 4) of "user:password". */
#include "net/http_basic.h"

#define SCHEME STR("Basic ")

/* The six bits of a digit; -1: it is none. */
static int bits_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict: whole groups of four, padded, and no bits left over. */
static bool decode(struct str text, struct arena *arena, struct str *ret)
{
	char *to = arena_bytes(arena, text.len / 4 * 3, 1);
	size_t len = 0, digits = text.len;
	uint32_t bits = 0;

	if (!to || text.len % 4 != 0)
		return false;
	while (digits > 0 && text.len - digits < 2 && text.at[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++) {
		int six = bits_of(text.at[i]);

		if (six < 0)
			return false;
		bits = bits << 6 | (uint32_t)six;
		if (i % 4 != 0) /* the first of a group completes no byte */
			to[len++] = (char)(bits >> (6 - i % 4 * 2) & 0xff);
	}
	if (digits % 4 != 0 && bits & ((1u << (digits % 4 == 2 ? 4 : 2)) - 1))
		return false;
	*ret = (struct str){to, len};
	return true;
}

bool http_basic_read(struct str header, struct arena *arena, struct str *ret_user, struct str *ret_password)
{
	struct str text;
	size_t colon;

	if (header.len < SCHEME.len || !str_eq_nocase(str_part(header, 0, SCHEME.len), SCHEME) ||
	    !decode(str_trim(str_part(header, SCHEME.len, header.len)), arena, &text) || !str_find(text, ':', &colon))
		return false;
	*ret_user = str_part(text, 0, colon);
	*ret_password = str_part(text, colon + 1, text.len);
	return true;
}
