/* What a regular expression demands its matches to begin with, read off its text. */
#include "ngsild/query_pattern.h"

#include <string.h>

static bool is_operator(char c)
{
	return strchr(".[]()*+?{}^$|", c) != NULL;
}

/* An escaped letter or digit may be a class (\d) or a boundary (\b); an escaped mark is that mark. */
static bool is_mark(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x80 && u > ' ' && u != 0x7f && !((u | 0x20) >= 'a' && (u | 0x20) <= 'z') && !(u >= '0' && u <= '9');
}

struct str pattern_prefix(struct arena *arena, struct str text, bool *ret_memory)
{
	*ret_memory = true;
	/* A | anywhere may offer another beginning, even inside a class: not worth telling apart. */
	if (!str_starts(text, STR("^")) || str_contains(text, STR("|")))
		return STR_NONE;
	char *prefix = arena_bytes(arena, text.len, 1);
	size_t len = 0, last = 0, at = 1; /* last: where the last character of prefix begins */

	*ret_memory = prefix != NULL;
	while (prefix && at < text.len && text.at[at] != '\0' && !is_operator(text.at[at])) {
		bool escape = text.at[at] == '\\';

		if (escape && (at + 1 >= text.len || !is_mark(text.at[at + 1])))
			break;
		at += escape ? 1 : 0;
		last = len;
		do
			prefix[len++] = text.at[at++];
		while (at < text.len && ((unsigned char)text.at[at] & 0xC0) == 0x80);
	}
	/* What a repetition follows may be missing altogether. */
	if (at < text.len && strchr("*?{", text.at[at]) && text.at[at] != '\0')
		len = last;
	return prefix && len ? (struct str){prefix, len} : STR_NONE;
}
