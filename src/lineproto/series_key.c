/* Keys of series. Seldom called: a caller remembers what a key stands for by its bytes. */
#include "lineproto/series_key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The part of text up to the first unescaped separator, which is cut off with it. A backslash escapes the byte behind
 * it; InfluxDB looks no further back than that. */
static struct str cut(struct str *rest, char separator, bool *ret_found)
{
	size_t at = 0;

	while (at < rest->len && (rest->at[at] != separator || (at > 0 && rest->at[at - 1] == '\\')))
		at++;
	struct str part = str_part(*rest, 0, at);

	*ret_found = at < rest->len;
	*rest = str_part(*rest, at + 1, rest->len);
	return part;
}

/* Takes out the backslashes that stand before one of the characters; others are part of the text. */
static struct str unescaped(struct arena *arena, struct str raw, const char *escapable)
{
	char *to = arena_bytes(arena, raw.len, 1);
	size_t len = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.at[i] == '\\' && i + 1 < raw.len && raw.at[i + 1] && strchr(escapable, raw.at[i + 1]))
			i++;
		to[len++] = raw.at[i];
	}
	return (struct str){to, len};
}

static int compare_tags(const void *a, const void *b)
{
	return str_cmp(((const struct line_tag *)a)->name, ((const struct line_tag *)b)->name);
}

static enum err_code read_tag(struct arena *arena, struct str text, struct line_tag *tag, struct error *err)
{
	struct str value = text;
	bool found;
	struct str name = cut(&value, '=', &found), more = value;

	if (name.len == 0)
		return err_set(err, ERR_INVALID, "a tag without name");
	if (!found || value.len == 0)
		return err_set(err, ERR_INVALID, "the tag \"%.*s\" has no value", STR_FMT(str_part(name, 0, 100)));
	(void)cut(&more, '=', &found);
	if (found)
		return err_set(err, ERR_INVALID, "the value of the tag \"%.*s\" holds an unescaped \"=\"",
			       STR_FMT(str_part(name, 0, 100)));
	tag->name = unescaped(arena, name, ",= ");
	tag->value = unescaped(arena, value, ",= ");
	if (!tag->name.at || !tag->value.at)
		return err_set(err, ERR_MEMORY, "no memory for tags");
	return ERR_OK;
}

static enum err_code read_tags(struct arena *arena, struct str rest, struct line_key *key, struct error *err)
{
	struct line_tag *tags = arena_array(arena, struct line_tag, LINE_TAGS_MAX);
	size_t count = 0;

	if (!tags)
		return err_set(err, ERR_MEMORY, "no memory for tags");
	for (bool more = true; more; count++) {
		struct str tag = cut(&rest, ',', &more);

		if (count == LINE_TAGS_MAX)
			return err_set(err, ERR_LIMIT, "more than %u tags", LINE_TAGS_MAX);
		enum err_code code = read_tag(arena, tag, &tags[count], err);

		if (code)
			return code;
	}
	qsort(tags, count, sizeof(*tags), compare_tags);
	for (size_t i = 1; i < count; i++)
		if (str_eq(tags[i - 1].name, tags[i].name))
			return err_set(err, ERR_INVALID, "the tag \"%.*s\" is there twice",
				       STR_FMT(str_part(tags[i].name, 0, 100)));
	key->tags = tags;
	key->tag_count = count;
	return ERR_OK;
}

enum err_code line_key_parse(struct arena *arena, struct str text, struct line_key *ret_key, struct error *err)
{
	struct line_key key = {0};
	bool found;
	struct str measurement = cut(&text, ',', &found);

	if (measurement.len == 0)
		return err_set(err, ERR_INVALID, "no measurement");
	key.measurement = unescaped(arena, measurement, ", ");
	if (!key.measurement.at)
		return err_set(err, ERR_MEMORY, "no memory for a measurement");
	enum err_code code = found ? read_tags(arena, text, &key, err) : ERR_OK;

	if (!code)
		*ret_key = key;
	return code;
}

struct str line_key_tag(const struct line_key *key, struct str name)
{
	for (size_t i = 0; i < key->tag_count; i++)
		if (str_eq(key->tags[i].name, name))
			return key->tags[i].value;
	return STR_NONE;
}

/* ---- the URN ---- */

static const struct str urn_start = {"urn:ngsi-ld:", 12};

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

static size_t encoded_bytes(struct str text)
{
	size_t bytes = text.len;

	for (size_t i = 0; i < text.len; i++)
		bytes += is_unreserved(text.at[i]) ? 0 : 2;
	return bytes;
}

static char *put(char *to, struct str text)
{
	memcpy(to, text.at, text.len);
	return to + text.len;
}

static char *put_encoded(char *to, struct str text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		if (is_unreserved(text.at[i])) {
			*to++ = text.at[i];
			continue;
		}
		*to++ = '%';
		*to++ = hex[(uint8_t)text.at[i] >> 4];
		*to++ = hex[(uint8_t)text.at[i] & 15];
	}
	return to;
}

struct str line_key_urn(struct arena *arena, const struct line_key *key)
{
	size_t len = urn_start.len + encoded_bytes(key->measurement);

	for (size_t i = 0; i < key->tag_count; i++)
		len += 2 + encoded_bytes(key->tags[i].name) + encoded_bytes(key->tags[i].value);
	char *urn = arena_bytes(arena, len, 1);

	if (!urn)
		return STR_NONE;
	char *at = put_encoded(put(urn, urn_start), key->measurement);

	for (size_t i = 0; i < key->tag_count; i++) {
		at = put_encoded(put(at, STR(":")), key->tags[i].name);
		at = put_encoded(put(at, STR("=")), key->tags[i].value);
	}
	assert((size_t)(at - urn) == len);
	return (struct str){urn, len};
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(struct arena *arena, struct str text, struct str *ret)
{
	char *to = arena_bytes(arena, text.len, 1);
	size_t len = 0;

	for (size_t i = 0; to && i < text.len; i++) {
		char c = text.at[i];

		if (c == '%') {
			int high = i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (!is_unreserved(c)) {
			return false;
		}
		to[len++] = c;
	}
	*ret = (struct str){to, len};
	return to && len > 0;
}

bool line_key_from_urn(struct arena *arena, struct str urn, struct line_key *ret_key)
{
	struct str rest = str_part(urn, urn_start.len, urn.len), part;
	struct line_tag *tags;
	size_t count = 0, colons = 0;

	for (size_t i = 0; i < urn.len; i++)
		colons += urn.at[i] == ':';
	if (!str_starts(urn, urn_start) || colons < 3 || colons - 2 > LINE_TAGS_MAX)
		return false;
	tags = arena_array(arena, struct line_tag, colons - 2);
	if (!tags || !str_next(&rest, ':', &part) || !decode(arena, part, &ret_key->measurement))
		return false;
	while (str_next(&rest, ':', &part)) {
		struct line_tag *tag = &tags[count];
		struct str value = part, name;

		if (!str_next(&value, '=', &name) || !decode(arena, name, &tag->name) ||
		    !decode(arena, value, &tag->value) || (count > 0 && str_cmp(tags[count - 1].name, tag->name) >= 0))
			return false;
		count++;
	}
	ret_key->tags = tags;
	ret_key->tag_count = count;
	return true;
}
