/* Selectors: matchers, and what stands behind them: ranges, subqueries, offsets, "@". */
#include "promql/tree.h"

#include <math.h>
#include <string.h>

enum err_code query_pattern(struct promql_query *query, struct str text, const struct promql_pattern **ret_pattern,
			    struct error *err)
{
	struct promql_pattern *pattern = NULL;

	if (query->pattern_count == query->pattern_room) {
		size_t room = query->pattern_room ? query->pattern_room * 2 : 8;
		struct promql_pattern **more = arena_array(query->arena, struct promql_pattern *, room);

		if (!more)
			return err_set(err, ERR_MEMORY, "no memory for a query");
		if (query->pattern_count)
			memcpy(more, query->patterns, query->pattern_count * sizeof(*more));
		query->patterns = more;
		query->pattern_room = room;
	}
	enum err_code code = promql_pattern_new(text, &pattern, err);

	if (code)
		return code;
	query->patterns[query->pattern_count++] = pattern;
	*ret_pattern = pattern;
	return ERR_OK;
}

static enum err_code parse_matcher(struct parser *parser, struct promql_matcher *matcher)
{
	static const char *const signs[] = {"=", "!=", "=~", "!~"};
	static const char where[] = "label matching";
	size_t sign = 0;

	if (parser->token.kind != TOKEN_NAME)
		return parser_unexpected(parser, where);
	*matcher = (struct promql_matcher){.name = parser->token.text};
	enum err_code code = parser_advance(parser);

	if (code)
		return code;
	while (sign < 4 && !parser_is(parser, signs[sign]))
		sign++;
	if (sign == 4)
		return parser_unexpected(parser, where);
	matcher->match = (enum promql_match)sign;
	code = parser_advance(parser);
	if (code)
		return code;
	if (parser->token.kind != TOKEN_STRING)
		return parser_unexpected(parser, where);
	matcher->value = parser->token.string;
	if (matcher->match >= PROMQL_REGEX)
		code = query_pattern(parser->query, matcher->value, &matcher->pattern, parser->err);
	return code ? code : parser_advance(parser);
}

static enum err_code parse_braces(struct parser *parser, struct promql_matcher *matchers, size_t *count)
{
	enum err_code code = parser_advance(parser);

	while (!code && !parser_is(parser, "}")) {
		if (*count == PROMQL_LABELS_MAX)
			return err_set(parser->err, ERR_LIMIT, "more than %u matchers", PROMQL_LABELS_MAX);
		code = parse_matcher(parser, &matchers[(*count)++]);
		if (!code && !parser_is(parser, "}"))
			code = parser_expect(parser, ",", "label matching");
	}
	return code ? code : parser_advance(parser);
}

/* Is there a name twice, or nothing that a series without labels would not fit? */
static enum err_code check_matchers(const struct parser *parser, const struct node *node, struct str name)
{
	bool narrows = false;

	for (size_t i = 0; i < node->selector.count; i++) {
		const struct promql_matcher *matcher = &node->selector.matchers[i];

		if (name.at && i > 0 && matcher->match == PROMQL_EQUAL && str_eq(matcher->name, STR("__name__")))
			return lex_fail(&parser->lexer, node->text,
					"metric name must not be set twice: \"%.*s\" or \"%.*s\"",
					STR_FMT(str_part(name, 0, 60)), STR_FMT(str_part(matcher->value, 0, 60)));
		narrows = narrows || !promql_matcher_holds(matcher, STR(""));
	}
	if (!narrows)
		return lex_fail(&parser->lexer, node->text,
				"vector selector must contain at least one non-empty matcher");
	return ERR_OK;
}

enum err_code parse_matchers(struct parser *parser, struct node *node, struct str name)
{
	struct promql_matcher matchers[PROMQL_LABELS_MAX];
	size_t count = 0;

	if (name.at)
		matchers[count++] = (struct promql_matcher){.name = STR("__name__"), .value = name};
	enum err_code code = parser_is(parser, "{") ? parse_braces(parser, matchers, &count) : ERR_OK;

	if (code)
		return code;
	struct promql_matcher *kept = arena_array(parser->query->arena, struct promql_matcher, count);

	if (!kept)
		return err_set(parser->err, ERR_MEMORY, "no memory for a query");
	if (count)
		memcpy(kept, matchers, count * sizeof(*kept));
	node->selector = (struct promql_selector){kept, count};
	node->type = PROMQL_VECTOR;
	return check_matchers(parser, node, name);
}

/* ---- what stands behind ---- */

/* The node whose offset and "@" a modifier behind this one sets; NULL where none may stand. */
static struct node *modified(struct node *node)
{
	if (node->kind == NODE_RANGE)
		return node->args[0];
	return node->kind == NODE_SELECTOR || node->kind == NODE_SUBQUERY ? node : NULL;
}

static enum err_code parse_offset(struct parser *parser, struct node *node)
{
	struct node *target = modified(node);
	enum err_code code = parser_advance(parser);
	bool negative = parser_is(parser, "-");

	if (!code && (negative || parser_is(parser, "+")))
		code = parser_advance(parser);
	if (code)
		return code;
	if (parser->token.kind != TOKEN_DURATION)
		return parser_unexpected(parser, "offset");
	if (!target)
		return lex_fail(&parser->lexer, node->text,
				"offset modifier must be preceded by an instant vector selector or range vector "
				"selector or a subquery");
	if (target->has_offset)
		return lex_fail(&parser->lexer, parser->token.text, "offset may not be set multiple times");
	target->has_offset = true;
	target->offset_ms = negative ? -parser->token.duration_ms : parser->token.duration_ms;
	return parser_advance(parser);
}

/* A time in seconds; "start()"; "end()". */
static enum err_code parse_at_time(struct parser *parser, struct node *target)
{
	bool negative = parser_is(parser, "-");
	enum err_code code = negative || parser_is(parser, "+") ? parser_advance(parser) : ERR_OK;

	if (code)
		return code;
	if (parser_is_word(parser, "start") || parser_is_word(parser, "end")) {
		target->at = parser_is_word(parser, "start") ? AT_START : AT_END;
		code = parser_advance(parser);
		if (!code)
			code = parser_expect(parser, "(", "@");
		return code ? code : parser_expect(parser, ")", "@");
	}
	if (parser->token.kind != TOKEN_NUMBER)
		return parser_unexpected(parser, "@");
	double ms = round(parser->token.number * 1000);

	if (!(fabs(ms) < 9e15))
		return lex_fail(&parser->lexer, parser->token.text, "timestamp out of bounds for @ modifier");
	target->at = AT_TIME;
	target->at_ms = negative ? -(int64_t)ms : (int64_t)ms;
	return parser_advance(parser);
}

static enum err_code parse_at(struct parser *parser, struct node *node)
{
	struct node *target = modified(node);
	struct str place = parser->token.text;
	enum err_code code = parser_advance(parser);

	if (code)
		return code;
	if (!target)
		return lex_fail(&parser->lexer, node->text,
				"@ modifier must be preceded by an instant vector selector or range vector selector or "
				"a subquery");
	if (target->at != AT_NONE)
		return lex_fail(&parser->lexer, place, "@ <timestamp> may not be set multiple times");
	return parse_at_time(parser, target);
}

static enum err_code make_range(struct parser *parser, struct node **node, int64_t range_ms)
{
	const struct node *inner = *node;

	if (inner->kind != NODE_SELECTOR)
		return lex_fail(&parser->lexer, inner->text, "ranges only allowed for vector selectors");
	if (inner->has_offset)
		return lex_fail(&parser->lexer, inner->text, "no offset modifiers allowed before range");
	if (inner->at != AT_NONE)
		return lex_fail(&parser->lexer, inner->text, "no @ modifiers allowed before range");
	struct node *made = parser_node(parser, NODE_RANGE, *node);

	if (!made)
		return err_sure(parser->err->code);
	made->type = PROMQL_MATRIX;
	made->range_ms = range_ms;
	*node = made;
	return ERR_OK;
}

static enum err_code make_subquery(struct parser *parser, struct node **node, int64_t range_ms, int64_t step_ms)
{
	if ((*node)->type != PROMQL_VECTOR)
		return lex_fail(&parser->lexer, (*node)->text,
				"subquery is only allowed on instant vector, got %s instead", type_name((*node)->type));
	struct node *made = parser_node(parser, NODE_SUBQUERY, *node);

	if (!made)
		return err_sure(parser->err->code);
	made->type = PROMQL_MATRIX;
	made->range_ms = range_ms;
	made->step_ms = step_ms;
	*node = made;
	return ERR_OK;
}

/* "[5m]" or "[1h:5m]", "[1h:]". */
static enum err_code parse_range(struct parser *parser, struct node **node)
{
	static const char where[] = "a range";
	int64_t range_ms, step_ms = 0;
	bool subquery = false;
	enum err_code code = parser_advance(parser);

	if (code)
		return code;
	if (parser->token.kind != TOKEN_DURATION)
		return parser_unexpected(parser, where);
	range_ms = parser->token.duration_ms;
	code = parser_advance(parser);
	if (!code && parser_is(parser, ":")) {
		subquery = true;
		code = parser_advance(parser);
		if (!code && parser->token.kind == TOKEN_DURATION) {
			step_ms = parser->token.duration_ms;
			code = parser_advance(parser);
		}
	}
	if (!code)
		code = parser_expect(parser, "]", where);
	if (code)
		return code;
	return subquery ? make_subquery(parser, node, range_ms, step_ms) : make_range(parser, node, range_ms);
}

enum err_code parse_modifiers(struct parser *parser, struct node **node)
{
	enum err_code code = ERR_OK;

	for (unsigned count = 0; !code; count++) {
		if (count == PROMQL_DEPTH_MAX)
			return err_set(parser->err, ERR_LIMIT, "more than %u modifiers in a row", PROMQL_DEPTH_MAX);
		if (parser_is(parser, "["))
			code = parse_range(parser, node);
		else if (parser_is_word(parser, "offset"))
			code = parse_offset(parser, *node);
		else if (parser_is(parser, "@"))
			code = parse_at(parser, *node);
		else
			break;
	}
	return code;
}

/* ---- matching ---- */

bool promql_matcher_holds(const struct promql_matcher *matcher, struct str value)
{
	switch (matcher->match) {
	case PROMQL_EQUAL:
		return str_eq(value, matcher->value);
	case PROMQL_NOT_EQUAL:
		return !str_eq(value, matcher->value);
	case PROMQL_REGEX:
		return promql_pattern_matches(matcher->pattern, value);
	case PROMQL_NOT_REGEX:
		return !promql_pattern_matches(matcher->pattern, value);
	}
	return false;
}

bool promql_selector_holds(const struct promql_selector *selector, const struct promql_labels *labels)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];
		struct str value = STR("");

		for (size_t j = 0; j < labels->count; j++)
			if (str_eq(labels->at[j].name, matcher->name))
				value = labels->at[j].value;
		if (!promql_matcher_holds(matcher, value))
			return false;
	}
	return true;
}

enum err_code promql_selector(const struct promql_query *query, struct promql_selector *ret_selector, struct error *err)
{
	const struct node *node = query->root;

	if (node->kind != NODE_SELECTOR || node->has_offset || node->at != AT_NONE)
		return err_set(err, ERR_INVALID,
			       "1:1: parse error: a series selector is wanted, such as temperature{type=\"Room\"}");
	*ret_selector = node->selector;
	return ERR_OK;
}
