/* Type selection (clause 4.17) and the lists of ids and attributes.
 *
 *   selection = alternative *(("|" / ",") alternative)      alternative = "(" type *(";" type) ")" / type */
#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"
#include "ngsild/name_int.h"
#include "ngsild/query_int.h"

#include <stdlib.h>
#include <string.h>

/* A type as it stands there: a name or a URI, up to a delimiter of this language. */
static enum err_code parse_type(struct scan *scan, struct list *parts)
{
	scan_spaces(scan);
	size_t from = scan->at;

	while (scan->at < scan->text.len && !strchr("|,;() ", scan->text.at[scan->at]))
		scan->at++;
	struct str name = str_part(scan->text, from, scan->at), iri;

	if (name.len == 0)
		return scan_fail(scan, from, ERR_INVALID, "expected a type, found \"%.*s\"", STR_FMT(scan_here(scan)));
	if (!name_is_legal(name))
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is neither a name nor a URI",
				 STR_FMT(str_part(name, 0, 80)));
	enum err_code code = scan_expand(scan, from, name, &iri);

	if (code)
		return code;
	struct str *part = list_push(scan->arena, parts, sizeof(*part));

	if (!part)
		return scan_no_memory(scan);
	*part = iri;
	return ERR_OK;
}

static enum err_code parse_alternative(struct scan *scan, struct list *choices)
{
	struct list parts = {NULL, 0, 0};
	bool grouped = scan_take(scan, "(");
	enum err_code code;

	do {
		if (++scan->terms > QUERY_CHOICES_MAX)
			return scan_fail(scan, scan->at, ERR_TOO_COMPLEX, "more than %d types", QUERY_CHOICES_MAX);
		code = parse_type(scan, &parts);
		if (code)
			return code;
	} while (grouped && scan_take(scan, ";"));
	if (grouped && !scan_take(scan, ")"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ; or ), found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	struct choice *choice = list_push(scan->arena, choices, sizeof(*choice));

	if (!choice)
		return scan_no_memory(scan);
	*choice = (struct choice){(const struct str *)parts.at, parts.count};
	return ERR_OK;
}

enum err_code query_parse_types(struct scan *scan)
{
	struct list choices = {NULL, 0, 0};

	if (str_eq(str_trim(scan->text), STR("*"))) /* any type (6.4.3.2) */
		return ERR_OK;
	do {
		enum err_code code = parse_alternative(scan, &choices);

		if (code)
			return code;
	} while (scan_take(scan, "|") || scan_take(scan, ","));
	if (!scan_end(scan))
		return scan_fail(scan, scan->at, ERR_INVALID,
				 "expected | or , (types that must all be there stand in parentheses), found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	scan->query->types = (struct choices){(const struct choice *)choices.at, choices.count};
	return ERR_OK;
}

static bool has_type(const struct json *types, struct str iri)
{
	for (uint32_t i = 0; i < types->count; i++)
		if (str_eq(json_text(&types->items[i]), iri))
			return true;
	return false;
}

bool choices_hold(const struct choices *choices, const struct json *list,
		  bool (*has)(const struct json *list, struct str part))
{
	if (!json_is(list, JSON_ARRAY))
		return false;
	for (size_t i = 0; i < choices->count; i++) {
		const struct choice *choice = &choices->list[i];
		size_t part = 0;

		while (part < choice->part_count && has(list, choice->parts[part]))
			part++;
		if (part == choice->part_count)
			return true;
	}
	return false;
}

bool query_eval_types(const struct choices *choices, const struct json *entity)
{
	return choices_hold(choices, json_get(entity, STR("type")), has_type);
}

static int compare_ids(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum err_code query_parse_ids(struct scan *scan)
{
	struct list ids = {NULL, 0, 0};
	struct str rest = scan->text, piece;

	while (str_next(&rest, ',', &piece)) {
		struct str id = str_trim(piece);
		size_t at = (size_t)(piece.at - scan->text.at);

		if (!expand_is_uri(id))
			return scan_fail(scan, at, ERR_INVALID, "\"%.*s\" is no URI", STR_FMT(str_part(id, 0, 80)));
		if (ids.count == QUERY_IDS_MAX)
			return scan_fail(scan, at, ERR_TOO_COMPLEX, "more than %d ids", QUERY_IDS_MAX);
		struct str *slot = list_push(scan->arena, &ids, sizeof(*slot));

		if (!slot)
			return scan_no_memory(scan);
		*slot = id;
	}
	struct str *sorted = (struct str *)ids.at;
	size_t kept = 0;

	if (ids.count > 1)
		qsort(sorted, ids.count, sizeof(*sorted), compare_ids);
	for (size_t i = 0; i < ids.count; i++)
		if (i == 0 || !str_eq(sorted[i], sorted[kept - 1]))
			sorted[kept++] = sorted[i];
	scan->query->ids = sorted;
	scan->query->id_count = kept;
	return ERR_OK;
}

/* The member of an entity that a name in attrs asks for. Documents leave modifiedAt out while it is equal to createdAt:
 * both are there when createdAt is. */
static struct str attr_key(struct str name)
{
	return member_of(name) == MEMBER_MODIFIED_AT ? STR("createdAt") : name;
}

/* Braces say what is shown of linked entities and select nothing (4.21). System attributes may be listed (5.7.2.4). */
enum err_code query_parse_attrs(struct scan *scan)
{
	struct projection *projection = NULL;
	enum err_code code = projection_read(scan, PROJECT_ATTRIBUTES, scan->query->linked_levels, &projection);

	if (code)
		return code;
	struct str *attrs = arena_array(scan->arena, struct str, projection->count);

	if (!attrs)
		return scan_no_memory(scan);
	for (size_t i = 0; i < projection->count; i++)
		attrs[i] = attr_key(projection->terms[i].name);
	scan->query->attrs = attrs;
	scan->query->attr_count = projection->count;
	return ERR_OK;
}

static enum err_code parse_names(struct scan *scan, const struct projection **ret_names)
{
	struct projection *names = NULL;
	enum err_code code = projection_read(scan, PROJECT_ATTRIBUTES, 0, &names);

	if (code == ERR_OK)
		*ret_names = names;
	return code;
}

enum err_code query_parse_expand_values(struct scan *scan)
{
	return parse_names(scan, &scan->query->expand_values);
}

enum err_code query_parse_json_keys(struct scan *scan)
{
	return parse_names(scan, &scan->query->json_keys);
}
