/* Names of types, attributes and scopes: their grammar over Unicode. */
#include "ngsild/name_int.h"

#include "ngsild/expand.h"

static bool in_ranges(const struct code_range *ranges, size_t count, uint32_t code)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (code > ranges[middle].last)
			low = middle + 1;
		else if (code < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

/* The code point at *at of valid UTF-8, and *at behind it. Cut sequences give U+FFFD, which no name may hold. */
static uint32_t next_code(struct str text, size_t *at)
{
	unsigned char lead = (unsigned char)text.at[(*at)++];
	int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
	uint32_t code = lead & (0x3fu >> more);

	if (lead < 0x80)
		return lead;
	for (; more > 0; more--) {
		if (*at >= text.len)
			return 0xfffd;
		code = code << 6 | ((unsigned char)text.at[(*at)++] & 0x3fu);
	}
	return code;
}

static bool is_letter(uint32_t code)
{
	if (code < 0x80)
		return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
	return in_ranges(name_letters, name_letters_count, code);
}

static bool is_name_char(uint32_t code)
{
	if (code < 0x80)
		return is_letter(code) || (code >= '0' && code <= '9') || code == '_';
	return is_letter(code) || in_ranges(name_numbers, name_numbers_count, code);
}

static bool is_plain_name(struct str name)
{
	size_t at = 0;

	if (name.len == 0 || !is_letter(next_code(name, &at)))
		return false;
	while (at < name.len)
		if (!is_name_char(next_code(name, &at)))
			return false;
	return true;
}

bool name_is_legal(struct str name)
{
	size_t colon;

	if (is_plain_name(name))
		return true;
	if (!str_find(name, ':', &colon))
		return false;
	if (is_plain_name(str_part(name, 0, colon)) && is_plain_name(str_part(name, colon + 1, name.len)))
		return true;
	return expand_is_uri(name);
}

bool scope_is_legal(struct str scope)
{
	struct str rest = str_starts(scope, STR("/")) ? str_part(scope, 1, scope.len) : scope, level;

	if (rest.len == 0)
		return false;
	while (str_next(&rest, '/', &level))
		if (!is_plain_name(level))
			return false;
	return true;
}
