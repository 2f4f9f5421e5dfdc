/* Checks of values that the tables of several documents name: URIs, names, times, what goes into a header. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"
#include "ngsild/name_int.h"
#include "ngsild/shape.h"

bool value_among(struct str text, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, list[i]))
			return true;
	return false;
}

enum err_code value_uri(const struct checking *c, const struct place *place, const struct json *value)
{
	if (!expand_is_uri(json_text(value)))
		return place_fail(c, place, ERR_INVALID, "is no URI: \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

enum err_code value_attribute(const struct checking *c, const struct place *place, const struct json *value)
{
	struct str name = json_text(value);

	if (!name_is_legal(name) || member_of(name) != MEMBER_NONE)
		return place_fail(c, place, ERR_INVALID, "is no attribute's name: \"%.*s\"",
				  STR_FMT(str_part(name, 0, 80)));
	return ERR_OK;
}

enum err_code value_dataset(const struct checking *c, const struct place *place, const struct json *value)
{
	return str_eq(json_text(value), NGSILD_DATASET_DEFAULT) ? ERR_OK : value_uri(c, place, value);
}

enum err_code value_time(const struct checking *c, const struct place *place, const struct json *value)
{
	int64_t us;

	if (!time_parse_iso(json_text(value), false, &us))
		return place_fail(c, place, ERR_INVALID, "is no DateTime in UTC: \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

enum err_code value_expiry(const struct checking *c, const struct place *place, const struct json *value)
{
	int64_t us = INT64_MAX;

	if (!time_parse_iso(json_text(value), false, &us))
		return value_time(c, place, value);
	return us < c->now_us ? place_fail(c, place, ERR_INVALID, "lies in the past") : ERR_OK;
}

/* "major.minor" */
enum err_code value_version(const struct checking *c, const struct place *place, const struct json *value)
{
	struct str rest = json_text(value), major = STR_NONE, minor = STR_NONE;
	uint64_t number;

	(void)str_next(&rest, '.', &major);
	if (!str_next(&rest, '.', &minor) || rest.at || !str_to_uint64(major, &number) || number == 0 ||
	    !str_to_uint64(minor, &number))
		return place_fail(c, place, ERR_INVALID, "is no version such as \"1.6\": \"%.*s\"",
				  STR_FMT(str_part(json_text(value), 0, 80)));
	return ERR_OK;
}

/* ---- endpoints ---- */

static struct str behind_scheme(struct str uri, const struct str *schemes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(str_part(uri, 0, schemes[i].len), schemes[i]))
			return str_part(uri, schemes[i].len, uri.len);
	return STR_NONE;
}

enum err_code value_address(const struct checking *c, const struct place *place, struct str uri,
			    const struct str *schemes, size_t count, const char *in_words, struct str *ret_path)
{
	struct str rest = behind_scheme(uri, schemes, count);
	size_t host = 0, at;

	if (!expand_is_uri(uri) || !rest.at)
		return place_fail(c, place, ERR_INVALID, "is no URI of %s: \"%.*s\"", in_words,
				  STR_FMT(str_part(uri, 0, 80)));
	while (host < rest.len && rest.at[host] != '/' && rest.at[host] != '?' && rest.at[host] != '#')
		host++;
	struct str authority = str_part(rest, 0, host);

	if (str_find(authority, '@', &at)) /* a user's name holds no bare "@" */
		authority = str_part(authority, at + 1, authority.len);
	if (authority.len == 0 || authority.at[0] == ':')
		return place_fail(c, place, ERR_INVALID, "names no host: \"%.*s\"", STR_FMT(str_part(uri, 0, 80)));
	*ret_path = str_part(rest, host + 1, rest.len);
	return ERR_OK;
}

bool value_is_token_char(char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
	       (ch != '\0' && strchr("!#$%&'*+-.^_`|~", ch));
}

enum err_code value_header_name(const struct checking *c, const struct place *place, const struct json *value)
{
	for (uint32_t i = 0; i < value->count; i++)
		if (!value_is_token_char(value->text[i]))
			return place_fail(c, place, ERR_INVALID, "is to be a header's name (RFC 7230)");
	return ERR_OK;
}

enum err_code value_header(const struct checking *c, const struct place *place, const struct json *value)
{
	for (uint32_t i = 0; i < value->count; i++) {
		unsigned char byte = (unsigned char)value->text[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return place_fail(c, place, ERR_INVALID, "holds a control character");
	}
	return ERR_OK;
}

static const struct rule pair_rules[] = {
	{SHAPE_NAME("key"), RULE_TEXT, true, NULL, value_header_name},
	{SHAPE_NAME("value"), RULE_ANY_TEXT, true, NULL, value_header},
};
const struct shape pair_shape = SHAPE_OF(pair_rules);
