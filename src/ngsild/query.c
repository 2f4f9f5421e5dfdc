/* Queries as a whole: building from the client's texts, and the order in which an entity is held against the parts. */
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <stdlib.h>
#include <string.h>

void query_done(struct query *query)
{
	if (!query)
		return;
	query->id_pattern = pattern_free(query->id_pattern);
	query_selectors_done(query);
	pattern_free_chain(query->patterns);
	query->patterns = NULL;
	query->geo_matcher = geo_matcher_free(query->geo_matcher);
}

/* Runs one parameter's parser over a copy of its text, so that the query outlives the request's. */
enum err_code query_parse_part(const struct scan *base, const char *name, struct str text,
			       enum err_code (*parse)(struct scan *scan))
{
	struct scan scan = *base;

	if (!text.at)
		return ERR_OK;
	if (str_trim(text).len == 0)
		return err_set(base->err, ERR_INVALID, "%s is empty", name);
	scan.name = name;
	scan.text = arena_dup(base->arena, text);
	if (!scan.text.at)
		return scan_no_memory(&scan);
	return parse(&scan);
}

static enum err_code parse_q(struct scan *scan)
{
	return query_parse_q(scan, &scan->query->q);
}

enum err_code query_parse_id_pattern(struct scan *scan)
{
	struct error why;

	if (scan->text.len > QUERY_PATTERN_BYTES_MAX)
		return err_set(scan->err, ERR_TOO_COMPLEX, "idPattern has more than %d bytes", QUERY_PATTERN_BYTES_MAX);
	enum err_code code = pattern_new(scan->text, &scan->query->id_pattern, &why);

	return code ? err_set(scan->err, code, "idPattern: %s", why.detail) : ERR_OK;
}

static enum err_code build(const struct scan *base, const struct query_text *text)
{
	const struct {
		const char *name;
		struct str text;
		enum err_code (*parse)(struct scan *scan);
	} parts[] = {
		{"id", text->ids, query_parse_ids},
		{"idPattern", text->id_pattern, query_parse_id_pattern},
		{"type", text->type, query_parse_types},
		{"attrs", text->attrs, query_parse_attrs},
		{"expandValues", text->expand_values, query_parse_expand_values},
		{"jsonKeys", text->json_keys, query_parse_json_keys},
		{"q", text->q, parse_q},
		{"scopeQ", text->scope_q, query_parse_scopes},
	};
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
		code = query_parse_part(base, parts[i].name, parts[i].text, parts[i].parse);
	if (code == ERR_OK)
		code = query_build_selectors(base->query, base, text);
	if (code == ERR_OK)
		code = query_build_geo(base->query, base, text);
	return code ? code : query_build_narrow(base->query, base->arena, text->id_pattern, base->err);
}

enum err_code query_new(struct arena *arena, struct json_parser *parser, const struct query_text *text,
			const struct context *context, struct query **ret_query, struct error *err)
{
	struct query *query = arena_new(arena, struct query);
	struct error unseen;

	if (!err)
		err = &unseen;
	if (!query)
		return err_set(err, ERR_MEMORY, "no memory for a query");
	struct scan base = {
		.name = "the query", .arena = arena, .parser = parser, .context = context, .query = query, .err = err};
	query->linked_levels = text->linked_levels < LINKED_LEVELS_MAX ? text->linked_levels : LINKED_LEVELS_MAX;
	enum err_code code = build(&base, text);

	if (code) {
		query_done(query);
		return code;
	}
	*ret_query = query;
	return ERR_OK;
}

bool query_id_among(const struct str *ids, size_t count, struct str id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int difference = str_cmp(ids[middle], id);

		if (difference == 0)
			break;
		if (difference < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return count == 0 || low < high;
}

static bool id_matches(const struct query *query, struct str id)
{
	return query_id_among(query->ids, query->id_count, id) &&
	       (!query->id_pattern || pattern_matches(query->id_pattern, id));
}

static bool has_any_attr(const struct query *query, const struct json *entity)
{
	for (size_t i = 0; i < query->attr_count; i++)
		if (json_get(entity, query->attrs[i]))
			return true;
	return query->attr_count == 0;
}

bool query_matches(const struct query *query, const struct json *entity)
{
	return query_matches_linked(query, entity, NULL);
}

static bool q_holds(const struct query *query, const struct json *entity, const struct linked_source *linked)
{
	return !query->q || query_eval_q(query->q, entity, linked);
}

bool query_selects(const struct query *query, const struct json *entity)
{
	if (query->types.count && !query_eval_types(&query->types, entity))
		return false;
	if ((query->id_count || query->id_pattern) && !id_matches(query, document_id(entity)))
		return false;
	return !query->selector_count || query_eval_selectors(query, entity);
}

/* The cheapest questions first. Where entities are joined, q may have to look for others: then it comes last. */
bool query_matches_linked(const struct query *query, const struct json *entity, const struct linked_source *linked)
{
	if (!query_selects(query, entity))
		return false;
	if (query->scopes.count && !query_eval_scopes(&query->scopes, entity))
		return false;
	if (!has_any_attr(query, entity))
		return false;
	bool q_last = query->linked_levels > 0;

	return (q_last || q_holds(query, entity, linked)) && (!query->geo_iri.at || query_eval_geo(query, entity)) &&
	       (!q_last || q_holds(query, entity, linked));
}

/* A member's name or an attribute's IRI. The scope is the client's to set, so it counts as an attribute does. */
static bool is_system(struct str key)
{
	enum member member = member_of(key);

	return member == MEMBER_NONE ? member_is_iri(key) : member != MEMBER_SCOPE;
}

/* Of a path the first step counts: in speed.modifiedAt an attribute is named. */
static bool q_names_attribute(const struct q_node *node)
{
	if (node->kind == Q_TERM)
		return !is_system(node->term->path.steps[0]);
	for (const struct q_node *child = node->first; child; child = child->next)
		if (q_names_attribute(child))
			return true;
	return false;
}

bool query_names_attribute(const struct query *query)
{
	for (size_t i = 0; i < query->attr_count; i++)
		if (!is_system(query->attrs[i]))
			return true;
	return query->q && q_names_attribute(query->q);
}

static bool q_each_name(const struct q_node *node, bool (*visit)(void *self, struct str name), void *self)
{
	if (node->kind == Q_TERM)
		return visit(self, node->term->path.steps[0]);
	for (const struct q_node *child = node->first; child; child = child->next)
		if (!q_each_name(child, visit, self))
			return false;
	return true;
}

bool query_each_name(const struct query *query, bool (*visit)(void *self, struct str name), void *self)
{
	return !query->q || q_each_name(query->q, visit, self);
}

static bool q_reads(const struct q_node *node, struct str iri)
{
	if (node->kind == Q_TERM)
		return str_eq(node->term->path.steps[0], iri);
	for (const struct q_node *child = node->first; child; child = child->next)
		if (q_reads(child, iri))
			return true;
	return false;
}

bool query_reads(const struct query *query, struct str attribute_iri)
{
	return (query->geo_iri.at && str_eq(query->geo_iri, attribute_iri)) ||
	       (query->q && q_reads(query->q, attribute_iri));
}

bool query_asks_scope(const struct query *query)
{
	return query->scopes.count > 0;
}

bool query_scopes_match(const struct query *query, const struct json *scopes)
{
	return query->scopes.count == 0 || choices_hold(&query->scopes, scopes, query_has_scope);
}
