/* From the text of q to its tree, by recursive descent over the grammar of clause 4.9:
 *
 *   query = all *("|" all)      all = one *(";" one)      one = "(" query ")" / term      term = path [operator values]
 *
 * Paths are read in query_path.c. AND binds tighter than OR. The clause's ABNF has no parentheses inside parentheses,
 * its example 6 does; here they nest up to QUERY_Q_DEPTH_MAX. Names are expanded once, here, so that evaluating
 * compares IRIs. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <string.h>

/* ---- values ---- */

/* What a value is worth against a core member: times compare with times only, whether quoted or not. */
static void coerce(struct q_value *value, enum member member)
{
	if (!member_in(member, QUERY_MEMBERS_TIME))
		return;
	if (value->type == Q_TEXT && time_parse_iso(value->text, false, &value->int64))
		value->type = Q_DATETIME;
	if (member_in(member, QUERY_MEMBERS_STAMP))
		value->type = value->type == Q_DATETIME ? Q_STAMP : Q_NEVER;
}

static enum err_code parse_item(struct scan *scan, enum member member, struct q_item *item, bool *ret_comparable)
{
	bool bare;
	size_t from = scan->at;
	enum err_code code = scan_value(scan, &item->low, &bare);

	if (code)
		return code;
	*ret_comparable = !bare && item->low.type != Q_BOOL;
	if (scan_take(scan, "..")) {
		bool bare_high;
		bool comparable = *ret_comparable;

		code = scan_value(scan, &item->high, &bare_high);
		if (code)
			return code;
		if (!comparable || bare_high || item->high.type != item->low.type)
			return scan_fail(scan, from, ERR_INVALID,
					 "a range needs two numbers, two texts, or two times of one kind");
		item->range = true;
		coerce(&item->high, member);
	}
	coerce(&item->low, member);
	return ERR_OK;
}

/* Are the values of the attribute that the path leads to to be expanded? jsonKeys wins: such values are no terms. */
static bool expands_values(const struct query *query, const struct q_path *path)
{
	while (path->linked)
		path = path->linked;
	struct str target = path->steps[path->step_count - 1];

	return query->expand_values && !path->is_member && projection_names(query->expand_values, target) &&
	       !(query->json_keys && projection_names(query->json_keys, target));
}

/* expandValues: a text stands also for the IRI that the @context makes of it, as the target's value would (4.9,
 * example 12). One that the @context cannot expand stands for itself alone. */
static enum err_code add_expanded(struct scan *scan, struct list *items)
{
	const struct q_item *item = (const struct q_item *)items->at + items->count - 1;
	struct q_item expanded = *item;

	if (item->range || item->low.type != Q_TEXT)
		return ERR_OK;
	enum err_code code = context_expand(scan->context, scan->arena, item->low.text, &expanded.low.text, NULL);

	if (code || str_eq(expanded.low.text, item->low.text))
		return code == ERR_MEMORY ? scan_no_memory(scan) : ERR_OK;
	expanded.low.text = arena_dup(scan->arena, expanded.low.text);
	struct q_item *slot = list_push(scan->arena, items, sizeof(*slot));

	if (!slot || !expanded.low.text.at)
		return scan_no_memory(scan);
	*slot = expanded;
	return ERR_OK;
}

/* One value, list or range behind == and !=; one ComparableValue behind the order operators. */
static enum err_code parse_values(struct scan *scan, struct q_term *term, enum member member)
{
	struct list items = {NULL, 0, 0};
	bool equality = term->op == Q_EQUAL || term->op == Q_UNEQUAL;
	bool expands = equality && expands_values(scan->query, &term->path);

	scan_spaces(scan);
	size_t from = scan->at;

	do {
		struct q_item *item = list_push(scan->arena, &items, sizeof(*item));
		bool comparable = false;

		if (!item)
			return scan_no_memory(scan);
		if (items.count > QUERY_VALUES_MAX)
			return scan_fail(scan, scan->at, ERR_TOO_COMPLEX, "more than %d values", QUERY_VALUES_MAX);
		enum err_code code = parse_item(scan, member, item, &comparable);

		if (code)
			return code;
		if (!equality && (!comparable || item->range))
			return scan_fail(
				scan, from, ERR_INVALID,
				"the operators > >= < <= take one number, quoted text, dateTime, date or time");
		if (item->range && items.count > 1)
			return scan_fail(scan, from, ERR_INVALID, "a list of values cannot hold a range");
		if (expands && (code = add_expanded(scan, &items)))
			return code;
	} while (equality && scan_take(scan, ","));
	term->items = (const struct q_item *)items.at;
	term->item_count = items.count;
	if (term->item_count > 1 && term->items[0].range)
		return scan_fail(scan, from, ERR_INVALID, "a list of values cannot hold a range");
	return ERR_OK;
}

static enum err_code parse_pattern(struct scan *scan, struct q_term *term)
{
	struct str text;
	struct error why;
	struct pattern *pattern;

	scan_spaces(scan);
	size_t from = scan->at;
	enum err_code code = scan_pattern(scan, &text);

	if (code)
		return code;
	if (text.len > QUERY_PATTERN_BYTES_MAX)
		return scan_fail(scan, from, ERR_TOO_COMPLEX, "a regular expression of more than %d bytes",
				 QUERY_PATTERN_BYTES_MAX);
	code = pattern_new(text, &pattern, &why);
	if (code)
		return scan_fail(scan, from, code, "%s", why.detail);
	pattern_chain(&scan->query->patterns, pattern);
	term->pattern = pattern;
	return ERR_OK;
}

/* ---- terms ---- */

static enum q_op parse_operator(struct scan *scan)
{
	static const struct {
		const char *text;
		enum q_op op;
	} operators[] = {
		{"!~=", Q_NO_MATCH},  {"~=", Q_MATCH},   {"==", Q_EQUAL},  {"!=", Q_UNEQUAL},
		{">=", Q_GREATER_EQ}, {"<=", Q_LESS_EQ}, {">", Q_GREATER}, {"<", Q_LESS},
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (scan_take(scan, operators[i].text))
			return operators[i].op;
	return Q_EXISTS;
}

static enum err_code parse_term(struct scan *scan, struct q_node **ret_node)
{
	static const struct q_item no_item = {.low = {.type = Q_NEVER}};
	struct q_term *term = arena_new(scan->arena, struct q_term);
	struct q_node *node = arena_new(scan->arena, struct q_node);
	enum member member;

	if (!term || !node)
		return scan_no_memory(scan);
	if (++scan->terms > QUERY_Q_TERMS_MAX)
		return scan_fail(scan, scan->at, ERR_TOO_COMPLEX, "more than %d terms", QUERY_Q_TERMS_MAX);
	enum err_code code = query_parse_term_path(scan, &term->path, &member);

	if (code)
		return code;
	term->items = &no_item;
	term->op = parse_operator(scan);
	if (term->op == Q_MATCH || term->op == Q_NO_MATCH)
		code = parse_pattern(scan, term);
	else if (term->op != Q_EXISTS)
		code = parse_values(scan, term, member);
	if (code)
		return code;
	*node = (struct q_node){.kind = Q_TERM, .term = term};
	*ret_node = node;
	return ERR_OK;
}

static enum err_code parse_any(struct scan *scan, struct q_node **ret_node);

static enum err_code parse_one(struct scan *scan, struct q_node **ret_node)
{
	scan_spaces(scan);
	size_t from = scan->at;

	if (!scan_take(scan, "("))
		return parse_term(scan, ret_node);
	if (++scan->depth > QUERY_Q_DEPTH_MAX)
		return scan_fail(scan, from, ERR_TOO_COMPLEX, "parentheses nested more than %d deep",
				 QUERY_Q_DEPTH_MAX);
	enum err_code code = parse_any(scan, ret_node);

	if (code)
		return code;
	scan->depth--;
	if (!scan_take(scan, ")"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ; | or ), found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	return ERR_OK;
}

/* one *(separator one) as a node of the given kind; a single one stands for itself. */
static enum err_code parse_series(struct scan *scan, enum q_kind kind, const char *separator,
				  enum err_code (*parse)(struct scan *, struct q_node **), struct q_node **ret_node)
{
	struct q_node *first = NULL, **tail = &first;

	do {
		enum err_code code = parse(scan, tail);

		if (code)
			return code;
		tail = &(*tail)->next;
	} while (scan_take(scan, separator));
	if (!first->next) {
		*ret_node = first;
		return ERR_OK;
	}
	struct q_node *node = arena_new(scan->arena, struct q_node);

	if (!node)
		return scan_no_memory(scan);
	*node = (struct q_node){.kind = kind, .first = first};
	*ret_node = node;
	return ERR_OK;
}

static enum err_code parse_all(struct scan *scan, struct q_node **ret_node)
{
	return parse_series(scan, Q_AND, ";", parse_one, ret_node);
}

static enum err_code parse_any(struct scan *scan, struct q_node **ret_node)
{
	return parse_series(scan, Q_OR, "|", parse_all, ret_node);
}

enum err_code query_parse_q(struct scan *scan, struct q_node **ret_root)
{
	struct q_node *root = NULL;
	enum err_code code = parse_any(scan, &root);

	if (code)
		return code;
	if (!scan_end(scan))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected an operator, ; or |, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	*ret_root = root;
	return ERR_OK;
}
