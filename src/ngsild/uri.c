/* Is this text a URI? RFC 3986, sections 2 and 3, with the wider characters of RFC 3987. */
#include "ngsild/expand.h"

static bool is_alpha(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The bytes of the character that begins here, beyond ASCII; 0: not UTF-8 (RFC 3629). Bodies have been checked, texts
 * out of headers have not. */
static size_t wide_len(struct str text, size_t at)
{
	const unsigned char *byte = (const unsigned char *)text.at + at;
	size_t left = text.len - at, len = byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;

	if (len == 0 || len > left || byte[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate, beyond U+10FFFF. */
	if ((byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xed && byte[1] > 0x9f) ||
	    (byte[0] == 0xf0 && byte[1] < 0x90) || (byte[0] == 0xf4 && byte[1] > 0x8f))
		return 0;
	return len;
}

/* "ucschar" and, in a query, "iprivate" (2.2); without what sets the direction of writing, which is forbidden (4.1). */
static bool is_wide(struct str text, size_t at, size_t len, bool in_query)
{
	const unsigned char *byte = (const unsigned char *)text.at + at;
	uint32_t code = byte[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		code = code << 6 | (byte[i] & 0x3fu);
	if ((code >= 0xe000 && code <= 0xf8ff) || code >= 0xf0000)
		return in_query && (code & 0xfffe) != 0xfffe;
	if (code < 0xa0 || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e))
		return false;
	/* Noncharacters and specials, tags. */
	return !(code >= 0xfdd0 && code <= 0xfdef) && !(code >= 0xfff0 && code <= 0xffff) &&
	       (code & 0xfffe) != 0xfffe && !(code >= 0xe0000 && code <= 0xe0fff);
}

/* Letters, digits and the marks of "unreserved" and "reserved" but / ? # [ ], which have their places. */
static bool is_plain(char c)
{
	/* One bit for each of the characters 0x20 to 0x7f. */
	static const uint32_t plain[3] = {
		0x2fff7fd2u, /* !$&'()*+,-.0-9:;= */
		0x87ffffffu, /* @A-Z_ */
		0x47fffffeu, /* a-z~ */
	};
	unsigned char byte = (unsigned char)c;

	return byte >= 0x20 && byte < 0x80 && (plain[byte / 32 - 1] >> (byte % 32) & 1);
}

/* The length of the scheme, 0 when the text has none. */
static size_t scheme_len(struct str text)
{
	if (text.len == 0 || !is_alpha(text.at[0]))
		return 0;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.at[i];

		if (c == ':')
			return i;
		if (!is_alpha(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.')
			return 0;
	}
	return 0;
}

bool expand_is_uri(struct str text)
{
	size_t scheme = scheme_len(text);
	bool in_authority = false, in_query = false, in_fragment = false;

	if (scheme == 0 || scheme + 1 >= text.len)
		return false;
	for (size_t i = scheme + 1; i < text.len; i++) {
		if (is_plain(text.at[i]))
			continue;
		if ((unsigned char)text.at[i] >= 0x80) {
			size_t len = wide_len(text, i);

			if (len == 0 || !is_wide(text, i, len, in_query))
				return false;
			i += len - 1;
			continue;
		}
		switch (text.at[i]) {
		case '/':
			in_authority = i == scheme + 2 && text.at[i - 1] == '/';
			break;
		case '?':
			in_authority = false;
			in_query = !in_fragment;
			break;
		case '#':
			if (in_fragment)
				return false;
			in_fragment = true;
			in_authority = in_query = false;
			break;
		case '%':
			if (i + 2 >= text.len || !is_hex(text.at[i + 1]) || !is_hex(text.at[i + 2]))
				return false;
			break;
		case '[': /* round an IPv6 address only */
		case ']':
			if (!in_authority)
				return false;
			break;
		default:
			return false;
		}
	}
	return true;
}
