/* Reading Accept-Language lists and choosing among the languages of a map. */
#include "ngsild/language.h"

#include "ngsild/attribute_int.h"

#include <stdlib.h>

#define SUBTAG_BYTES_MAX 8u /* RFC 5646, section 2.1 */
#define WEIGHT_DIGITS_MAX 3u
#define WEIGHT_ONE 1000u
#define ANY STR("*")

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* language-range of RFC 4647, section 2.1: letters, then letters and digits, or "*". */
static bool is_range(struct str tag)
{
	struct str rest = tag, part;

	if (str_eq(tag, ANY))
		return true;
	while (str_next(&rest, '-', &part)) {
		if (part.len == 0 || part.len > SUBTAG_BYTES_MAX)
			return false;
		for (size_t i = 0; i < part.len; i++)
			if (!is_letter(part.at[i]) && (part.at == tag.at || !is_digit(part.at[i])))
				return false;
	}
	return true;
}

/* "0.8": 0 or 1, a point and up to three digits (RFC 9110, 12.4.2). */
static bool read_weight(struct str text, uint16_t *ret_weight)
{
	unsigned int weight = 0, scale = WEIGHT_ONE;

	if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1') || text.len > 2 + WEIGHT_DIGITS_MAX)
		return false;
	weight = (unsigned int)(text.at[0] - '0') * WEIGHT_ONE;
	if (text.len > 1 && text.at[1] != '.')
		return false;
	for (size_t i = 2; i < text.len; i++) {
		if (!is_digit(text.at[i]))
			return false;
		scale /= 10;
		weight += (unsigned int)(text.at[i] - '0') * scale;
	}
	if (weight > WEIGHT_ONE)
		return false;
	*ret_weight = (uint16_t)weight;
	return true;
}

static bool read_range(struct str piece, struct language_range *ret_range)
{
	struct str parameter, tag;

	(void)str_next(&piece, ';', &tag);
	tag = str_trim(tag);
	*ret_range = (struct language_range){.tag = tag, .weight = WEIGHT_ONE};
	if (!is_range(tag))
		return false;
	if (!piece.at)
		return true;
	(void)str_next(&piece, ';', &parameter);
	parameter = str_trim(parameter);
	return !piece.at && parameter.len > 2 && str_eq_nocase(str_part(parameter, 0, 2), STR("q=")) &&
	       read_weight(str_part(parameter, 2, parameter.len), &ret_range->weight);
}

/* Heavier ones first; few, and equal ones keep their order. */
static void insert(struct language_range *ranges, size_t count, struct language_range range)
{
	size_t at = count;

	for (; at > 0 && ranges[at - 1].weight < range.weight; at--)
		ranges[at] = ranges[at - 1];
	ranges[at] = range;
}

static struct str unquoted(struct str text)
{
	text = str_trim(text);
	if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
		return str_part(text, 1, text.len - 1);
	return text;
}

enum err_code language_filter_new(struct arena *arena, struct str text, struct language_filter **ret_filter,
				  struct error *err)
{
	struct language_filter *filter = arena_new(arena, struct language_filter);
	struct language_range *ranges = arena_array(arena, struct language_range, LANGUAGE_RANGES_MAX);
	struct str piece, rest = unquoted(text);
	size_t count = 0;

	if (!filter || !ranges)
		return err_set(err, ERR_MEMORY, "no memory for a language filter");
	while (str_next(&rest, ',', &piece)) {
		struct language_range range;

		if (count == LANGUAGE_RANGES_MAX)
			return err_set(err, ERR_TOO_COMPLEX, "lang names more than %d languages", LANGUAGE_RANGES_MAX);
		if (!read_range(piece, &range))
			return err_set(err, ERR_INVALID, "lang: \"%.*s\" is no language such as fr-CH, *, or en;q=0.8",
				       STR_FMT(str_part(str_trim(piece), 0, 60)));
		insert(ranges, count++, range);
	}
	*filter = (struct language_filter){.ranges = ranges, .count = count};
	*ret_filter = filter;
	return ERR_OK;
}

/* Is prefix the whole tag, or what stands before one of its hyphens? (RFC 4647, 3.3.1) */
static bool begins(struct str prefix, struct str tag)
{
	return tag.len >= prefix.len && str_eq_nocase(str_part(tag, 0, prefix.len), prefix) &&
	       (tag.len == prefix.len || tag.at[prefix.len] == '-');
}

static bool is_unwanted(const struct language_filter *filter, struct str tag)
{
	for (size_t i = filter->count; i > 0 && filter->ranges[i - 1].weight == 0; i--)
		if (begins(filter->ranges[i - 1].tag, tag))
			return true;
	return false;
}

/* Does the filter speak of this language by another range than "*"? */
static bool is_named(const struct language_filter *filter, struct str tag)
{
	for (size_t i = 0; i < filter->count; i++)
		if (begins(filter->ranges[i].tag, tag))
			return true;
	return false;
}

static const struct json_member *exact(const struct json *map, struct str tag)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (str_eq_nocase(map->members[i].key, tag))
			return &map->members[i];
	return NULL;
}

static const struct json_member *begun(const struct language_filter *filter, const struct json *map, struct str tag)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (begins(tag, map->members[i].key) && !is_unwanted(filter, map->members[i].key))
			return &map->members[i];
	return NULL;
}

/* Cuts the last subtag off, and a single letter or digit that then stands at the end (RFC 4647, 3.4). */
static struct str shorter(struct str tag)
{
	size_t len = tag.len;

	while (len > 0 && tag.at[len - 1] != '-')
		len--;
	if (len > 0)
		len--;
	if (len > 1 && tag.at[len - 2] == '-')
		len -= 2;
	return str_part(tag, 0, len);
}

static const struct json_member *lookup(const struct language_filter *filter, const struct json *map, struct str tag)
{
	const struct json_member *found = exact(map, tag);

	if (!found)
		found = begun(filter, map, tag);
	for (tag = shorter(tag); !found && tag.len > 0; tag = shorter(tag))
		found = exact(map, tag);
	return found;
}

/* What "*" stands for: the languages that no other range names (RFC 9110, 12.5.4). */
static const struct json_member *any_other(const struct language_filter *filter, const struct json *map)
{
	const struct json_member *found = exact(map, NGSILD_DATASET_DEFAULT);

	for (uint32_t i = 0; !found && i < map->count; i++)
		if (!is_named(filter, map->members[i].key))
			found = &map->members[i];
	return found;
}

const struct json_member *language_choose(const struct language_filter *filter, const struct json *map)
{
	const struct json_member *found = NULL;

	if (!json_is(map, JSON_OBJECT) || map->count == 0)
		return NULL;
	for (size_t i = 0; i < filter->count && !found && filter->ranges[i].weight > 0; i++)
		found = str_eq(filter->ranges[i].tag, ANY) ? any_other(filter, map)
							   : lookup(filter, map, filter->ranges[i].tag);
	if (!found)
		found = exact(map, NGSILD_DATASET_DEFAULT);
	for (uint32_t i = 0; !found && i < map->count; i++)
		if (!is_unwanted(filter, map->members[i].key))
			found = &map->members[i];
	return found ? found : &map->members[0];
}
