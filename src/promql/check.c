/* Types: what may stand where. Messages as Prometheus has them. */
#include "promql/tree.h"

const char *promql_type_name(enum promql_type type)
{
	static const char *const names[] = {"scalar", "vector", "matrix", "string"};

	return names[type];
}

const char *type_name(enum promql_type type)
{
	static const char *const names[] = {"scalar", "instant vector", "range vector", "string"};

	return names[type];
}

enum err_code check_call(const struct parser *parser, struct node *node)
{
	const struct promql_function *function = node->function;
	bool variadic = function->optional == VARIADIC;
	size_t least = variadic ? function->arg_count - 1 : function->arg_count - function->optional;

	node->type = function->type;
	if (node->arg_count < least || (!variadic && node->arg_count > function->arg_count))
		return lex_fail(&parser->lexer, node->text, "expected %s%u argument(s) in call to \"%s\", got %u",
				node->arg_count < least && (variadic || function->optional) ? "at least "
				: function->optional                                        ? "at most "
											    : "",
				(unsigned)(node->arg_count < least ? least : function->arg_count), function->name,
				(unsigned)node->arg_count);
	for (size_t i = 0; i < node->arg_count; i++) {
		enum promql_type wanted = function->args[i < function->arg_count ? i : function->arg_count - 1];

		if (node->args[i]->type != wanted)
			return lex_fail(&parser->lexer, node->args[i]->text,
					"expected type %s in call to function \"%s\", got %s", type_name(wanted),
					function->name, type_name(node->args[i]->type));
	}
	return ERR_OK;
}

enum err_code check_aggregate(const struct parser *parser, struct node *node)
{
	static const char wrong[] = "expected type %s in aggregation %s, got %s";
	enum promql_type parameter = node->aggregation == AGGREGATE_COUNT_VALUES ? PROMQL_STRING : PROMQL_SCALAR;

	node->type = PROMQL_VECTOR;
	if (node->args[0]->type != PROMQL_VECTOR)
		return lex_fail(&parser->lexer, node->args[0]->text, wrong, type_name(PROMQL_VECTOR), "expression",
				type_name(node->args[0]->type));
	if (node->arg_count > 1 && node->args[1]->type != parameter)
		return lex_fail(&parser->lexer, node->args[1]->text, wrong, type_name(parameter), "parameter",
				type_name(node->args[1]->type));
	return ERR_OK;
}

static bool both_have(const struct matching *matching, struct str *ret_name)
{
	for (size_t i = 0; i < matching->labels.count; i++)
		for (size_t j = 0; j < matching->include.count; j++)
			if (str_eq(matching->labels.at[i], matching->include.at[j])) {
				*ret_name = matching->labels.at[i];
				return true;
			}
	return false;
}

enum err_code check_binary(const struct parser *parser, struct node *node)
{
	const struct lexer *lexer = &parser->lexer;
	enum promql_type left = node->args[0]->type, right = node->args[1]->type;
	bool vectors = left == PROMQL_VECTOR && right == PROMQL_VECTOR;
	struct str twice;

	node->type = left == PROMQL_SCALAR && right == PROMQL_SCALAR ? PROMQL_SCALAR : PROMQL_VECTOR;
	if ((left != PROMQL_SCALAR && left != PROMQL_VECTOR) || (right != PROMQL_SCALAR && right != PROMQL_VECTOR))
		return lex_fail(lexer, node->text,
				"binary expression must contain only scalar and instant vector types");
	if (node->return_bool && !op_is_comparison(node->op))
		return lex_fail(lexer, node->text, "bool modifier can only be used on comparison operators");
	if (op_is_comparison(node->op) && !node->return_bool && node->type == PROMQL_SCALAR)
		return lex_fail(lexer, node->text, "comparisons between scalars must use BOOL modifier");
	if (op_is_set(node->op) && node->matching.grouped)
		return lex_fail(lexer, node->text, "no grouping allowed for \"%s\" operation", op_name(node->op));
	if (op_is_set(node->op) && !vectors)
		return lex_fail(lexer, node->text, "set operator \"%s\" not allowed in binary scalar expression",
				op_name(node->op));
	if (node->matching.labels.count && !vectors)
		return lex_fail(lexer, node->text, "vector matching only allowed between instant vectors");
	if (node->matching.on && both_have(&node->matching, &twice))
		return lex_fail(lexer, node->text, "label \"%.*s\" must not occur in ON and GROUP clause at once",
				STR_FMT(str_part(twice, 0, 60)));
	return ERR_OK;
}
