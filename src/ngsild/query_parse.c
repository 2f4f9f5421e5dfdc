/* From the text of q to its tree, by recursive descent over the grammar of clause 4.9:
 *
 *   query = all *("|" all)          all = one *(";" one)          one = "(" query ")" / term
 *   term  = path [operator values]  path = name *("." name) ["[" member *("." member) "]"]
 *
 * AND binds tighter than OR. The clause's ABNF has no parentheses inside parentheses, its example 6 does; here they
 * nest up to QUERY_Q_DEPTH_MAX. Names are expanded once, here, so that evaluating compares IRIs. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <string.h>

/* ---- attribute paths ---- */

#define MEMBERS_STAMP (MEMBER_BIT(MEMBER_CREATED_AT) | MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_DELETED_AT))
#define MEMBERS_TIME (MEMBERS_STAMP | MEMBER_BIT(MEMBER_OBSERVED_AT) | MEMBER_BIT(MEMBER_EXPIRES_AT))
/* Core members that a path may end with: of the entity, and of an attribute's instance. */
#define MEMBERS_OF_ENTITY (MEMBERS_STAMP | MEMBER_BIT(MEMBER_EXPIRES_AT) | MEMBER_BIT(MEMBER_SCOPE))
#define MEMBERS_OF_INSTANCE                                                                                            \
	(MEMBERS_TIME | MEMBER_BIT(MEMBER_UNIT_CODE) | MEMBER_BIT(MEMBER_DATASET_ID) | MEMBER_BIT(MEMBER_VALUE_TYPE) | \
	 MEMBER_BIT(MEMBER_OBJECT_TYPE))

static enum err_code parse_step(struct scan *scan, struct list *steps, enum member *ret_member)
{
	struct str name, iri;
	enum err_code code;

	scan_spaces(scan);
	size_t from = scan->at;

	if (steps->count == QUERY_PATH_STEPS_MAX)
		return scan_fail(scan, from, ERR_TOO_COMPLEX, "more than %d names in one path", QUERY_PATH_STEPS_MAX);
	if (*ret_member != MEMBER_NONE)
		return scan_fail(scan, from, ERR_INVALID, "nothing can follow a core member in a path");
	code = scan_name(scan, &name);
	if (code)
		return code;
	*ret_member = member_of(name);
	if (*ret_member == MEMBER_NONE) {
		code = scan_expand(scan, from, name, &iri);
		if (code)
			return code;
	} else if (member_in(*ret_member, steps->count ? MEMBERS_OF_INSTANCE : MEMBERS_OF_ENTITY)) {
		iri = name;
	} else {
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is no attribute that can be queried",
				 STR_FMT(name));
	}
	struct str *step = list_push(scan->arena, steps, sizeof(*step));

	if (!step)
		return scan_no_memory(scan);
	*step = iri;
	return ERR_OK;
}

/* Names of JSON members and language tags: anything but what ends them here. "*" is any language. */
static bool is_trail_byte(char c)
{
	return (unsigned char)c > ' ' && !strchr(".[]{}()\"", c);
}

static enum err_code parse_trail(struct scan *scan, struct q_path *path)
{
	struct list keys = {NULL, 0, 0};

	do {
		scan_spaces(scan);
		size_t from = scan->at;

		while (scan->at < scan->text.len && is_trail_byte(scan->text.at[scan->at]))
			scan->at++;
		if (scan->at == from)
			return scan_fail(scan, from, ERR_INVALID, "expected a member name, found \"%.*s\"",
					 STR_FMT(scan_here(scan)));
		if (keys.count == QUERY_PATH_STEPS_MAX)
			return scan_fail(scan, from, ERR_TOO_COMPLEX, "more than %d member names in brackets",
					 QUERY_PATH_STEPS_MAX);
		struct str *key = list_push(scan->arena, &keys, sizeof(*key));

		if (!key)
			return scan_no_memory(scan);
		*key = str_part(scan->text, from, scan->at);
	} while (scan_take(scan, "."));
	if (!scan_take(scan, "]"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ] or . in a trailing path, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	path->trail = (const struct str *)keys.at;
	path->trail_count = keys.count;
	return ERR_OK;
}

static enum err_code parse_path(struct scan *scan, struct q_path *path, enum member *ret_member)
{
	struct list steps = {NULL, 0, 0};
	enum err_code code;

	*ret_member = MEMBER_NONE;
	do {
		code = parse_step(scan, &steps, ret_member);
		if (code)
			return code;
	} while (scan_take(scan, "."));
	path->steps = (const struct str *)steps.at;
	path->step_count = steps.count;
	path->is_member = *ret_member != MEMBER_NONE;
	if (*ret_member == MEMBER_MODIFIED_AT)
		path->member_else = STR("createdAt");
	size_t from = scan->at;

	if (scan_take(scan, "{"))
		return scan_fail(scan, from, ERR_UNSUPPORTED,
				 "queries into linked entities (attribute{…}) are not offered");
	if (!scan_take(scan, "["))
		return ERR_OK;
	if (path->is_member)
		return scan_fail(scan, from, ERR_INVALID, "a core member has no compound value");
	return parse_trail(scan, path);
}

/* ---- values ---- */

/* What a value is worth against a core member: times compare with times only, whether quoted or not. */
static void coerce(struct q_value *value, enum member member)
{
	if (!member_in(member, MEMBERS_TIME))
		return;
	if (value->type == Q_TEXT && time_parse_iso(value->text, false, &value->int64))
		value->type = Q_DATETIME;
	if (member_in(member, MEMBERS_STAMP))
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

/* One value, list or range behind == and !=; one ComparableValue behind the order operators. */
static enum err_code parse_values(struct scan *scan, struct q_term *term, enum member member)
{
	struct list items = {NULL, 0, 0};
	bool equality = term->op == Q_EQUAL || term->op == Q_UNEQUAL;

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
	enum err_code code = parse_path(scan, &term->path, &member);

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
