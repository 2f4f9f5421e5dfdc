/* The grammar of PromQL: expressions by precedence, calls, aggregations. Recursive descent with one token ahead. */
#include "promql/tree.h"

#include <assert.h>

static enum err_code parse_expression(struct parser *parser, int precedence, struct node **ret_node);

static const struct {
	const char *name;
	int precedence;
	enum operation op;
} operators[] = {
	{"or", 1, OP_OR},        {"and", 2, OP_AND},       {"unless", 2, OP_UNLESS}, {"==", 3, OP_EQUAL},
	{"!=", 3, OP_NOT_EQUAL}, {"<=", 3, OP_LESS_EQUAL}, {"<", 3, OP_LESS},        {">=", 3, OP_GREATER_EQUAL},
	{">", 3, OP_GREATER},    {"+", 4, OP_ADD},         {"-", 4, OP_SUBTRACT},    {"*", 5, OP_MULTIPLY},
	{"/", 5, OP_DIVIDE},     {"%", 5, OP_MODULO},      {"atan2", 5, OP_ATAN2},   {"^", 6, OP_POWER},
};
#define OPERATOR_COUNT (sizeof(operators) / sizeof(operators[0]))
#define PRECEDENCE_UNARY 5 /* -2^2 is -(2^2), -a*b is (-a)*b */

const char *op_name(enum operation op)
{
	for (size_t i = 0; i < OPERATOR_COUNT; i++)
		if (operators[i].op == op)
			return operators[i].name;
	return "";
}

/* The index of the operator that the next token is; OPERATOR_COUNT when none. */
static size_t operator_here(const struct parser *parser)
{
	size_t i = 0;

	while (i < OPERATOR_COUNT && !parser_is(parser, operators[i].name) &&
	       !parser_is_word(parser, operators[i].name))
		i++;
	return i;
}

static const struct {
	const char *name;
	bool parameter;
} aggregations[] = {
	[AGGREGATE_SUM] = {"sum", false},          [AGGREGATE_AVG] = {"avg", false},
	[AGGREGATE_MIN] = {"min", false},          [AGGREGATE_MAX] = {"max", false},
	[AGGREGATE_COUNT] = {"count", false},      [AGGREGATE_GROUP] = {"group", false},
	[AGGREGATE_STDDEV] = {"stddev", false},    [AGGREGATE_STDVAR] = {"stdvar", false},
	[AGGREGATE_TOPK] = {"topk", true},         [AGGREGATE_BOTTOMK] = {"bottomk", true},
	[AGGREGATE_QUANTILE] = {"quantile", true}, [AGGREGATE_COUNT_VALUES] = {"count_values", true},
};

static enum aggregation aggregation_find(struct str name)
{
	enum aggregation found = 0;

	while (found < AGGREGATE_NONE && !str_eq_nocase(name, str_from(aggregations[found].name)))
		found++;
	return found;
}

/* Behind an argument: goes on to the next one or to the ")". */
static enum err_code next_argument(struct parser *parser, const struct node *node)
{
	if (parser_is(parser, ")"))
		return ERR_OK;
	enum err_code code = parser_expect(parser, ",", "the arguments of a function");

	if (!code && parser_is(parser, ")") && node->kind == NODE_CALL)
		return lex_fail(&parser->lexer, parser->token.text,
				"trailing commas not allowed in function call args");
	return code;
}

/* "(a, b)" of a call or aggregation, up to behind the ")". */
static enum err_code parse_arguments(struct parser *parser, struct node *node)
{
	struct node *args[PROMQL_ARGUMENTS_MAX];
	size_t count = 0;
	enum err_code code = parser_expect(parser, "(", "the arguments of a function");

	while (!code && !parser_is(parser, ")")) {
		if (count == PROMQL_ARGUMENTS_MAX)
			return err_set(parser->err, ERR_LIMIT, "more than %u arguments", PROMQL_ARGUMENTS_MAX);
		code = parse_expression(parser, 0, &args[count++]);
		if (!code)
			code = next_argument(parser, node);
	}
	if (code)
		return code;
	node->args = arena_array(parser->query->arena, struct node *, count);
	if (!node->args)
		return err_set(parser->err, ERR_MEMORY, "no memory for a query");
	for (size_t i = 0; i < count; i++)
		node->args[i] = args[i];
	node->arg_count = count;
	return parser_advance(parser);
}

static enum err_code parse_grouping(struct parser *parser, struct node *node)
{
	if (!parser_is_word(parser, "by") && !parser_is_word(parser, "without"))
		return ERR_OK;
	node->without = parser_is_word(parser, "without");
	node->grouped = true;
	enum err_code code = parser_advance(parser);

	return code ? code : parser_names(parser, &node->grouping);
}

/* An aggregation, its name read; by and without before or behind its arguments. */
static enum err_code parse_aggregate(struct parser *parser, enum aggregation aggregation, struct str name,
				     struct node **ret_node)
{
	struct node *node = parser_node(parser, NODE_AGGREGATE, NULL);

	if (!node)
		return err_sure(parser->err->code);
	node->text = name;
	node->aggregation = aggregation;
	enum err_code code = parse_grouping(parser, node);

	if (!code)
		code = parse_arguments(parser, node);
	if (!code && !node->grouped)
		code = parse_grouping(parser, node);
	if (code)
		return code;
	size_t wanted = aggregations[aggregation].parameter ? 2 : 1;

	if (node->arg_count == 0)
		return lex_fail(&parser->lexer, name, "no arguments for aggregate expression provided");
	if (node->arg_count != wanted)
		return lex_fail(&parser->lexer, name,
				"wrong number of arguments for aggregate expression provided, expected %u, got %u",
				(unsigned)wanted, (unsigned)node->arg_count);
	if (wanted == 2) {
		struct node *parameter = node->args[0];

		node->args[0] = node->args[1];
		node->args[1] = parameter;
	}
	*ret_node = node;
	return check_aggregate(parser, node);
}

static enum err_code parse_call(struct parser *parser, struct str name, struct node **ret_node)
{
	struct node *node = parser_node(parser, NODE_CALL, NULL);

	if (!node)
		return err_sure(parser->err->code);
	node->text = name;
	node->function = function_find(name);
	if (!node->function)
		return lex_fail(&parser->lexer, name, "unknown function with name \"%.*s\"",
				STR_FMT(str_part(name, 0, 60)));
	enum err_code code = parse_arguments(parser, node);

	if (code)
		return code;
	*ret_node = node;
	return check_call(parser, node);
}

/* What begins with a word: an aggregation, a call, or a selector. */
static enum err_code parse_word(struct parser *parser, struct node **ret_node)
{
	struct str name = parser->token.text;
	enum aggregation aggregation = aggregation_find(name);
	enum err_code code = parser_advance(parser);

	if (code)
		return code;
	bool call = parser_is(parser, "(");

	if (aggregation != AGGREGATE_NONE &&
	    (call || parser_is_word(parser, "by") || parser_is_word(parser, "without")))
		return parse_aggregate(parser, aggregation, name, ret_node);
	if (call)
		return parse_call(parser, name, ret_node);
	struct node *node = parser_node(parser, NODE_SELECTOR, NULL);

	if (!node)
		return err_sure(parser->err->code);
	node->text = name;
	*ret_node = node;
	return parse_matchers(parser, node, name);
}

static enum err_code parse_paren(struct parser *parser, struct node **ret_node)
{
	struct str place = parser->token.text;
	struct node *inner = NULL;
	enum err_code code = parser_advance(parser);

	if (!code)
		code = parse_expression(parser, 0, &inner);
	if (!code)
		code = parser_expect(parser, ")", "a paren expression");
	if (code)
		return code;
	struct node *node = parser_node(parser, NODE_PAREN, inner);

	if (!node)
		return err_sure(parser->err->code);
	node->text = place;
	*ret_node = node;
	return ERR_OK;
}

static enum err_code parse_literal(struct parser *parser, struct node **ret_node)
{
	bool number = parser->token.kind == TOKEN_NUMBER;
	struct node *node = parser_node(parser, number ? NODE_NUMBER : NODE_STRING, NULL);

	if (!node)
		return err_sure(parser->err->code);
	node->type = number ? PROMQL_SCALAR : PROMQL_STRING;
	node->number = parser->token.number;
	node->string = parser->token.string;
	*ret_node = node;
	return parser_advance(parser);
}

static enum err_code parse_primary(struct parser *parser, struct node **ret_node)
{
	enum err_code code;

	switch (parser->token.kind) {
	case TOKEN_NUMBER:
	case TOKEN_STRING:
		code = parse_literal(parser, ret_node);
		break;
	case TOKEN_NAME:
		if (operator_here(parser) < OPERATOR_COUNT || parser_is_word(parser, "bool"))
			return parser_unexpected(parser, "an expression");
		code = parse_word(parser, ret_node);
		break;
	default:
		if (parser_is(parser, "(")) {
			code = parse_paren(parser, ret_node);
			break;
		}
		if (!parser_is(parser, "{"))
			return parser_unexpected(parser, "an expression");
		*ret_node = parser_node(parser, NODE_SELECTOR, NULL);
		code = *ret_node ? parse_matchers(parser, *ret_node, STR_NONE) : err_sure(parser->err->code);
	}
	return code ? code : parse_modifiers(parser, ret_node);
}

static enum err_code parse_unary(struct parser *parser, struct node **ret_node)
{
	bool minus = parser_is(parser, "-");
	struct str place = parser->token.text;

	if (!minus && !parser_is(parser, "+"))
		return parse_primary(parser, ret_node);
	struct node *inner = NULL;
	enum err_code code = parser_advance(parser);

	if (!code)
		code = parse_expression(parser, PRECEDENCE_UNARY + 1, &inner);
	if (code)
		return code;
	assert(inner);
	if (inner->type != PROMQL_SCALAR && inner->type != PROMQL_VECTOR)
		return lex_fail(
			&parser->lexer, place,
			"unary expression only allowed on expressions of type scalar or instant vector, got \"%s\"",
			type_name(inner->type));
	*ret_node = inner;
	if (!minus)
		return ERR_OK;
	*ret_node = parser_node(parser, NODE_MINUS, inner);
	if (!*ret_node)
		return err_sure(parser->err->code);
	(*ret_node)->text = place;
	return ERR_OK;
}

/* "bool", "on (…)", "ignoring (…)", "group_left (…)" behind an operator. */
static enum err_code parse_matching(struct parser *parser, struct node *node)
{
	struct matching *matching = &node->matching;
	enum err_code code = ERR_OK;

	if (parser_is_word(parser, "bool")) {
		node->return_bool = true;
		code = parser_advance(parser);
	}
	matching->on = parser_is_word(parser, "on");
	if (code || (!matching->on && !parser_is_word(parser, "ignoring")))
		return code;
	node->grouped = true;
	code = parser_advance(parser);
	if (!code)
		code = parser_names(parser, &matching->labels);
	bool left = parser_is_word(parser, "group_left");

	if (code || (!left && !parser_is_word(parser, "group_right")))
		return code;
	matching->grouped = true;
	matching->cardinality = left ? MANY_TO_ONE : ONE_TO_MANY;
	code = parser_advance(parser);
	return code || !parser_is(parser, "(") ? code : parser_names(parser, &matching->include);
}

static enum err_code parse_operator(struct parser *parser, size_t index, struct node **node)
{
	struct node *binary = parser_node(parser, NODE_BINARY, *node);

	if (!binary)
		return err_sure(parser->err->code);
	binary->op = operators[index].op;
	enum err_code code = parser_advance(parser);

	if (!code)
		code = parse_matching(parser, binary);
	if (!code) /* "^" binds to the right, all others to the left */
		code = parse_expression(parser, operators[index].precedence + (binary->op == OP_POWER ? 0 : 1),
					&binary->args[1]);
	if (code)
		return code;
	binary->arg_count = 2;
	*node = binary;
	return check_binary(parser, binary);
}

static enum err_code parse_expression(struct parser *parser, int precedence, struct node **ret_node)
{
	if (parser->depth++ == PROMQL_DEPTH_MAX)
		return err_set(parser->err, ERR_LIMIT, "expressions nested deeper than %u", PROMQL_DEPTH_MAX);
	struct node *node = NULL;
	enum err_code code = parse_unary(parser, &node);

	while (!code) {
		size_t index = operator_here(parser);

		if (index == OPERATOR_COUNT || operators[index].precedence < precedence)
			break;
		code = parse_operator(parser, index, &node);
	}
	parser->depth--;
	if (!code)
		*ret_node = node;
	return code;
}

enum err_code promql_parse(struct arena *arena, struct str text, struct promql_query **ret_query, struct error *err)
{
	struct error unused;
	struct promql_query *query;

	if (text.len > PROMQL_TEXT_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a query of over %u bytes", PROMQL_TEXT_BYTES_MAX);
	query = arena_new(arena, struct promql_query);
	if (!query)
		return err_set(err, ERR_MEMORY, "no memory for a query");
	query->arena = arena;
	query->text = text;
	if (!err)
		err = &unused;
	struct parser parser = {.lexer = {.arena = arena, .text = text, .err = err}, .query = query, .err = err};
	enum err_code code = parser_advance(&parser);

	if (!code && parser.token.kind == TOKEN_END)
		code = lex_fail(&parser.lexer, parser.token.text, "no expression found in input");
	if (!code)
		code = parse_expression(&parser, 0, &query->root);
	if (!code && parser.token.kind != TOKEN_END)
		code = parser_unexpected(&parser, "an expression");
	if (code)
		(void)promql_free(query);
	else
		*ret_query = query;
	return code;
}

struct promql_query *promql_free(struct promql_query *query)
{
	if (query) {
		for (size_t i = 0; i < query->pattern_count; i++)
			(void)promql_pattern_free(query->patterns[i]);
		query->pattern_count = 0;
	}
	return NULL;
}

enum promql_type promql_type(const struct promql_query *query)
{
	return query->root->type;
}
