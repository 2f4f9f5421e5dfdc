/* Reading orderBy and what belongs to it (clause 4.23.3).
 *
 *   orderBy = term *("," term)      term = path [";" ("asc" / "desc" / "dist-asc" / "dist-desc")]
 *
 * The path is that of a query (4.9), or "id" or "type" (5.2.43). */
#include "ngsild/attribute_int.h"
#include "ngsild/order_int.h"

#include <math.h>

void order_done(struct order *order)
{
	if (!order)
		return;
	order->collation = collation_free(order->collation);
	order->matcher = geo_matcher_free(order->matcher);
}

/* ---- terms ---- */

static enum err_code parse_direction(struct scan *scan, struct order_term *term)
{
	static const struct {
		const char *name;
		bool descending, by_distance;
	} directions[] = {
		{"asc", false, false},
		{"desc", true, false},
		{"dist-asc", false, true},
		{"dist-desc", true, true},
	};

	if (!scan_take(scan, ";"))
		return ERR_OK;
	scan_spaces(scan);
	size_t from = scan->at;

	while (scan->at < scan->text.len && scan->text.at[scan->at] != ',' && scan->text.at[scan->at] != ' ')
		scan->at++;
	struct str name = str_part(scan->text, from, scan->at);

	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
		if (!str_eq(name, str_from(directions[i].name)))
			continue;
		term->descending = directions[i].descending;
		term->by_distance = directions[i].by_distance;
		return ERR_OK;
	}
	return scan_fail(scan, from, ERR_INVALID, "expected asc, desc, dist-asc or dist-desc, found \"%.*s\"",
			 STR_FMT(str_part(name, 0, 40)));
}

/* "id" and "type" stand alone: where more follows it is a path, which refuses them. */
static bool take_member(struct scan *scan, struct order_term *term)
{
	struct scan ahead = *scan;
	struct error unseen;
	struct str name;

	ahead.err = &unseen;
	if (scan_name(&ahead, &name) != ERR_OK)
		return false;
	scan_spaces(&ahead);
	if (ahead.at < ahead.text.len && ahead.text.at[ahead.at] != ',' && ahead.text.at[ahead.at] != ';')
		return false;
	if (member_of(name) != MEMBER_ID && member_of(name) != MEMBER_TYPE)
		return false;
	term->target = member_of(name) == MEMBER_ID ? ORDER_BY_ID : ORDER_BY_TYPE;
	scan->at = ahead.at;
	return true;
}

static enum err_code parse_term(struct scan *scan, struct list *terms)
{
	struct order_term *term = list_push(scan->arena, terms, sizeof(*term));
	enum err_code code = ERR_OK;

	if (!term)
		return scan_no_memory(scan);
	if (terms->count > ORDER_TERMS_MAX)
		return scan_fail(scan, scan->at, ERR_TOO_COMPLEX, "more than %d terms", ORDER_TERMS_MAX);
	if (!take_member(scan, term)) {
		term->target = ORDER_BY_PATH;
		code = query_parse_path(scan, &term->path);
	}
	return code ? code : parse_direction(scan, term);
}

static enum err_code parse_terms(struct scan *scan, struct order *order)
{
	struct list terms = {NULL, 0, 0};
	size_t linked;

	if (str_find(scan->text, '{', &linked))
		return scan_fail(scan, linked, ERR_INVALID, "linked entities have no place in an order");
	do {
		enum err_code code = parse_term(scan, &terms);

		if (code)
			return code;
	} while (scan_take(scan, ","));
	if (!scan_end(scan))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected \",\" or \";\", found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	order->terms = (const struct order_term *)terms.at;
	order->term_count = terms.count;
	return ERR_OK;
}

/* ---- the place that distances are taken from ---- */

static enum err_code build_from(struct order *order, const struct scan *scan, const struct order_text *text)
{
	struct json *coordinates = NULL;
	enum err_code code = json_parse(scan->parser, scan->arena, text->from, NULL, &coordinates, scan->err);

	if (code)
		return err_while(scan->err, "reading orderFrom");
	struct str type = arena_dup(scan->arena, text->geometry.at ? text->geometry : STR("Point"));
	struct json *geometry = json_new(scan->arena, json_object());

	if (!type.at || !geometry || !json_add(scan->arena, geometry, STR("type"), json_string(type)) ||
	    !json_add(scan->arena, geometry, STR("coordinates"), *coordinates))
		return scan_no_memory(scan);
	code = geo_check(geometry, scan->err);
	order->from =
		(struct geo_query){.relation = GEO_NEAR, .distance_m_max = (double)INFINITY, .geometry = geometry};
	if (code == ERR_OK)
		code = geo_matcher_new(&order->from, &order->matcher, scan->err);
	return code ? err_while(scan->err, "reading orderFrom and orderGeometry") : ERR_OK;
}

static bool needs_place(const struct order *order)
{
	for (size_t i = 0; i < order->term_count; i++)
		if (order->terms[i].by_distance)
			return true;
	return false;
}

static enum err_code build(struct order *order, struct scan *scan, const struct order_text *text)
{
	enum err_code code;

	if (str_trim(text->order_by).len == 0)
		return err_set(scan->err, ERR_INVALID, "orderBy is empty");
	scan->name = "orderBy";
	scan->text = arena_dup(scan->arena, text->order_by);
	if (!scan->text.at)
		return scan_no_memory(scan);
	code = parse_terms(scan, order);
	if (code == ERR_OK && text->from.at)
		code = build_from(order, scan, text);
	if (code == ERR_OK && !text->from.at && text->geometry.at)
		return err_set(scan->err, ERR_INVALID, "orderGeometry needs orderFrom");
	if (code == ERR_OK && !text->from.at && needs_place(order))
		return err_set(scan->err, ERR_INVALID, "an order by distance needs orderFrom");
	return code ? code : collation_new(text->collation, &order->collation, scan->err);
}

enum err_code order_new(struct arena *arena, struct json_parser *parser, const struct order_text *text,
			const struct context *context, struct order **ret_order, struct error *err)
{
	struct order *order = arena_new(arena, struct order);
	struct error unseen;

	if (!err)
		err = &unseen;
	if (!order)
		return err_set(err, ERR_MEMORY, "no memory for an order");
	struct scan scan = {.name = "the order", .arena = arena, .parser = parser, .context = context, .err = err};

	order->context = context;
	enum err_code code = build(order, &scan, text);

	if (code) {
		order_done(order);
		return code;
	}
	*ret_order = order;
	return ERR_OK;
}
