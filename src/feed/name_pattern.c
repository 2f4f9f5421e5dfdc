/* Texts with named parts. */
#include "feed/name_pattern.h"

#include <string.h>

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name that begins with the brace at `from`; STR_NONE: it is a brace and no more. */
static struct str name_at(struct str text, size_t from)
{
	size_t to = from + 1;

	while (to < text.len && is_name_char(text.at[to]))
		to++;
	return text.at[from] == '{' && to > from + 1 && to < text.len && text.at[to] == '}'
		       ? str_part(text, from + 1, to)
		       : STR_NONE;
}

static size_t count_names(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += name_at(text, i).at != NULL;
	return count;
}

static enum err_code check_piece(const struct name_pattern *pattern, const struct name_piece *piece, struct error *err)
{
	if (pattern->count && piece->literal.len == 0)
		return err_set(err, ERR_INVALID, "nothing stands between \"{%.*s}\" and the name before it",
			       STR_FMT(piece->name));
	for (size_t i = 0; i < pattern->count; i++)
		if (str_eq(pattern->pieces[i].name, piece->name))
			return err_set(err, ERR_INVALID, "\"{%.*s}\" comes twice", STR_FMT(piece->name));
	return ERR_OK;
}

enum err_code name_pattern_parse(struct str text, bool to_match, struct arena *arena, struct name_pattern *ret_pattern,
				 struct error *err)
{
	size_t names = count_names(text), from = 0;
	struct name_pattern pattern = {.pieces = arena_array(arena, struct name_piece, names + 1)};
	enum err_code code = ERR_OK;

	if (names > NAME_PATTERN_NAMES_MAX)
		return err_set(err, ERR_LIMIT, "%zu names in braces, at most %u are taken", names,
			       NAME_PATTERN_NAMES_MAX);
	if (!pattern.pieces)
		return err_set(err, ERR_MEMORY, "no memory for a pattern");
	for (size_t i = 0; i < text.len && !code; i++) {
		struct str name = name_at(text, i);
		struct name_piece piece = {str_part(text, from, i), name};

		if (!name.at)
			continue;
		if (to_match)
			code = check_piece(&pattern, &piece, err);
		pattern.pieces[pattern.count++] = piece;
		i += name.len + 1;
		from = i + 1;
	}
	pattern.pieces[pattern.count++] = (struct name_piece){str_part(text, from, text.len), STR_NONE};
	if (!code)
		*ret_pattern = pattern;
	return code;
}

/* Where the literal stands at or behind `from`; text.len + 1: nowhere. The last one stands at the end. */
static size_t find(struct str text, size_t from, struct str literal, bool at_end)
{
	if (at_end)
		return literal.len <= text.len && text.len - literal.len >= from && str_ends(text, literal)
			       ? text.len - literal.len
			       : text.len + 1;
	for (size_t i = from; i + literal.len <= text.len; i++)
		if (memcmp(text.at + i, literal.at, literal.len) == 0)
			return i;
	return text.len + 1;
}

bool name_pattern_match(const struct name_pattern *pattern, struct str text, struct name_value *values,
			size_t *ret_count)
{
	size_t at = pattern->pieces[0].literal.len;

	if (pattern->count == 1)
		at = str_eq(text, pattern->pieces[0].literal) ? at : text.len + 1;
	else if (!str_starts(text, pattern->pieces[0].literal))
		return false;
	for (size_t i = 1; i < pattern->count; i++) {
		const struct name_piece *next = &pattern->pieces[i];
		size_t end = at < text.len ? find(text, at + 1, next->literal, i + 1 == pattern->count) : text.len + 1;

		if (end > text.len)
			return false;
		values[i - 1] = (struct name_value){pattern->pieces[i - 1].name, str_part(text, at, end)};
		at = end + next->literal.len;
	}
	*ret_count = pattern->count - 1;
	return at == text.len;
}

static const struct name_value *value_of(struct str name, const struct name_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(values[i].name, name))
			return &values[i];
	return NULL;
}

struct str name_pattern_missing(const struct name_pattern *pattern, const struct name_value *values, size_t count)
{
	for (size_t i = 0; i + 1 < pattern->count; i++)
		if (!value_of(pattern->pieces[i].name, values, count))
			return pattern->pieces[i].name;
	return STR_NONE;
}

void name_pattern_fill(const struct name_pattern *pattern, const struct name_value *values, size_t count,
		       void (*put)(void *self, struct buf *out, const struct name_value *value), void *self,
		       struct buf *out)
{
	for (size_t i = 0; i < pattern->count; i++) {
		const struct name_piece *piece = &pattern->pieces[i];
		const struct name_value *value = piece->name.at ? value_of(piece->name, values, count) : NULL;

		buf_put(out, piece->literal);
		if (value && put)
			put(self, out, value);
		else if (value)
			buf_put(out, value->value);
	}
}
