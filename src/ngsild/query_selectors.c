/* Several selectors (clause 5.2.33): an entity fits when it fits any of them.
 *
 * One selector, or several that differ by type alone, are the same as the parameters of a GET, for which stores have
 * exact answers; only what is left is kept as a list. */
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <string.h>

#define EITHER_TYPES_MAX 256 /* of all selectors together, to narrow by; with more the evaluator alone decides */

void query_selectors_done(struct query *query)
{
	for (size_t i = 0; i < query->selector_count; i++)
		query->selectors[i].id_pattern = pattern_free(query->selectors[i].id_pattern);
	query->selector_count = 0;
}

/* The parsers of ids, pattern and types write into the query: from there the selector takes them. */
static enum err_code parse_selector(struct query *query, const struct scan *base, const struct query_selector *text,
				    struct selector *ret)
{
	enum err_code code = query_parse_part(base, "id", text->ids, query_parse_ids);

	if (code == ERR_OK && !text->ids.at)
		code = query_parse_part(base, "idPattern", text->id_pattern, query_parse_id_pattern);
	if (code == ERR_OK)
		code = query_parse_part(base, "type", text->type, query_parse_types);
	*ret = (struct selector){query->ids, query->id_count, query->id_pattern, query->types};
	query->ids = NULL;
	query->id_count = 0;
	query->id_pattern = NULL;
	query->types = (struct choices){NULL, 0};
	return code;
}

static bool types_alone(const struct query *query)
{
	for (size_t i = 0; i < query->selector_count; i++)
		if (query->selectors[i].id_count || query->selectors[i].id_pattern)
			return false;
	return true;
}

/* A selector without any type is one for all entities. */
static enum err_code join_types(struct query *query, struct arena *arena, struct error *err)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < query->selector_count; i++) {
		if (query->selectors[i].types.count == 0) {
			query->selector_count = 0;
			return ERR_OK;
		}
		count += query->selectors[i].types.count;
	}
	struct choice *list = arena_array(arena, struct choice, count);

	if (!list)
		return err_set(err, ERR_MEMORY, "no memory for the selectors of a query");
	for (size_t i = 0; i < query->selector_count; i++) {
		const struct choices *types = &query->selectors[i].types;

		memcpy(&list[at], types->list, types->count * sizeof(*list));
		at += types->count;
	}
	query->types = (struct choices){list, count};
	query->selector_count = 0;
	return ERR_OK;
}

static void take_only(struct query *query)
{
	const struct selector *only = &query->selectors[0];

	query->ids = only->ids;
	query->id_count = only->id_count;
	query->id_pattern = only->id_pattern;
	query->types = only->types;
	query->selector_count = 0;
}

enum err_code query_build_selectors(struct query *query, const struct scan *base, const struct query_text *text)
{
	bool others = text->ids.at || text->id_pattern.at || text->type.at;
	enum err_code code = ERR_OK;

	if (text->selector_count == 0)
		return ERR_OK;
	if (text->selector_count > QUERY_SELECTORS_MAX)
		return err_set(base->err, ERR_TOO_COMPLEX, "more than %d selectors", QUERY_SELECTORS_MAX);
	struct query parsed = {.selectors = arena_array(base->arena, struct selector, text->selector_count)};
	struct scan scan = *base;

	if (!parsed.selectors)
		return err_set(base->err, ERR_MEMORY, "no memory for the selectors of a query");
	scan.query = &parsed;
	for (size_t i = 0; code == ERR_OK && i < text->selector_count; i++) {
		code = parse_selector(&parsed, &scan, &text->selectors[i], &parsed.selectors[i]);
		parsed.selector_count++;
		if (code)
			code = err_while(base->err, "reading selector %zu", i);
	}
	query->selectors = parsed.selectors;
	query->selector_count = parsed.selector_count;
	if (code || others) /* in error query_done() frees the patterns */
		return code;
	if (query->selector_count == 1)
		take_only(query);
	else if (types_alone(query))
		code = join_types(query, base->arena, base->err);
	return code;
}

static bool fits(const struct selector *selector, const struct json *entity)
{
	struct str id = document_id(entity);

	return query_id_among(selector->ids, selector->id_count, id) &&
	       (!selector->id_pattern || pattern_matches(selector->id_pattern, id)) &&
	       (selector->types.count == 0 || query_eval_types(&selector->types, entity));
}

bool query_eval_selectors(const struct query *query, const struct json *entity)
{
	for (size_t i = 0; i < query->selector_count; i++)
		if (fits(&query->selectors[i], entity))
			return true;
	return false;
}

/* Of a selector with ids the ids are taken, of any other the types (of each alternative the first); one that has
 * neither may be any entity. */
static bool count_either(const struct query *query, size_t *ret_ids, size_t *ret_types)
{
	*ret_ids = *ret_types = 0;
	for (size_t i = 0; i < query->selector_count; i++) {
		const struct selector *selector = &query->selectors[i];

		if (selector->id_count == 0 && selector->types.count == 0)
			return false;
		if (selector->id_count)
			*ret_ids += selector->id_count;
		else
			*ret_types += selector->types.count;
	}
	return query->selector_count > 0 && *ret_types <= EITHER_TYPES_MAX;
}

static void add_once(struct str *list, size_t *count, struct str text)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i], text))
			return;
	list[(*count)++] = text;
}

bool query_narrow_selectors(struct query *query, struct arena *arena)
{
	size_t id_room, type_room, id_count = 0, type_count = 0;

	if (!count_either(query, &id_room, &type_room))
		return true;
	struct str *ids = arena_array(arena, struct str, id_room + 1);
	struct str *types = arena_array(arena, struct str, type_room + 1);

	if (!ids || !types)
		return false;
	for (size_t i = 0; i < query->selector_count; i++) {
		const struct selector *selector = &query->selectors[i];

		if (selector->id_count)
			memcpy(&ids[id_count], selector->ids, selector->id_count * sizeof(*ids));
		id_count += selector->id_count;
		for (size_t j = 0; !selector->id_count && j < selector->types.count; j++)
			add_once(types, &type_count, selector->types.list[j].parts[0]);
	}
	query->narrow.either_ids = ids;
	query->narrow.either_id_count = id_count;
	query->narrow.either_type_iris = types;
	query->narrow.either_type_count = type_count;
	return true;
}
