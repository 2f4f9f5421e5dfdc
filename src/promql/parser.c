/* What the files of the grammar share: going from token to token, nodes, lists of labels. */
#include "promql/tree.h"

#include <string.h>

bool parser_is(const struct parser *parser, const char *sign)
{
	return parser->token.kind == TOKEN_SIGN && str_eq(parser->token.text, str_from(sign));
}

bool parser_is_word(const struct parser *parser, const char *word)
{
	return parser->token.kind == TOKEN_NAME && str_eq_nocase(parser->token.text, str_from(word));
}

enum err_code parser_advance(struct parser *parser)
{
	parser->token = lex_next(&parser->lexer);
	return parser->token.kind == TOKEN_BAD ? err_sure(parser->err->code) : ERR_OK;
}

enum err_code parser_unexpected(const struct parser *parser, const char *where)
{
	struct str text = str_part(parser->token.text, 0, 60);

	if (parser->token.kind == TOKEN_END)
		return lex_fail(&parser->lexer, text, "unexpected end of input in %s", where);
	return lex_fail(&parser->lexer, text, "unexpected \"%.*s\" in %s", STR_FMT(text), where);
}

enum err_code parser_expect(struct parser *parser, const char *sign, const char *where)
{
	return parser_is(parser, sign) ? parser_advance(parser) : parser_unexpected(parser, where);
}

struct node *parser_node(struct parser *parser, enum node_kind kind, struct node *arg)
{
	if (++parser->node_count > PROMQL_NODES_MAX) {
		(void)err_set(parser->err, ERR_LIMIT, "a query of more than %u parts", PROMQL_NODES_MAX);
		return NULL;
	}
	struct node *node = arena_new(parser->query->arena, struct node);
	struct node **args = arg && node ? arena_array(parser->query->arena, struct node *, 2) : NULL;

	if (!node || (arg && !args)) {
		(void)err_set(parser->err, ERR_MEMORY, "no memory for a query");
		return NULL;
	}
	node->kind = kind;
	node->text = parser->token.text;
	if (arg) {
		args[0] = arg;
		node->args = args;
		node->arg_count = 1;
		node->text = arg->text;
		node->type = arg->type;
	}
	return node;
}

enum err_code parser_names(struct parser *parser, struct names *ret_names)
{
	static const char where[] = "a list of labels";
	struct str names[PROMQL_LABELS_MAX];
	size_t count = 0;

	parser->lexer.in_braces = true; /* so that a colon is no part of a name, and "inf" is one */
	enum err_code code = parser_expect(parser, "(", where);

	while (!code && !parser_is(parser, ")")) {
		if (parser->token.kind != TOKEN_NAME)
			return parser_unexpected(parser, where);
		if (count == PROMQL_LABELS_MAX)
			return err_set(parser->err, ERR_LIMIT, "more than %u labels in a list", PROMQL_LABELS_MAX);
		names[count++] = parser->token.text;
		code = parser_advance(parser);
		if (!code && !parser_is(parser, ")"))
			code = parser_expect(parser, ",", where);
	}
	parser->lexer.in_braces = false;
	if (code)
		return code;
	ret_names->at = arena_array(parser->query->arena, struct str, count);
	if (!ret_names->at)
		return err_set(parser->err, ERR_MEMORY, "no memory for labels");
	if (count)
		memcpy(ret_names->at, names, count * sizeof(*names));
	ret_names->count = count;
	return parser_advance(parser);
}
