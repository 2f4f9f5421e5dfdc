/* The tree of a parsed query. For use inside this room. */
#ifndef MACHI_PROMQL_TREE_H
#define MACHI_PROMQL_TREE_H

#include "promql/lex.h"
#include "promql/pattern.h"
#include "promql/promql.h"

enum node_kind {
	NODE_NUMBER,
	NODE_STRING,
	NODE_SELECTOR, /* an instant vector */
	NODE_RANGE, /* a selector over a range: args[0] */
	NODE_SUBQUERY, /* args[0] over a range, in steps */
	NODE_CALL,
	NODE_AGGREGATE, /* args[0]; args[1] is the parameter where the operation has one */
	NODE_BINARY,
	NODE_MINUS, /* of args[0] */
	NODE_PAREN, /* around args[0] */
};

enum operation {
	OP_OR,
	OP_AND,
	OP_UNLESS,
	OP_EQUAL,
	OP_NOT_EQUAL,
	OP_LESS_EQUAL,
	OP_LESS,
	OP_GREATER_EQUAL,
	OP_GREATER,
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_MODULO,
	OP_ATAN2,
	OP_POWER,
	OP_COUNT
};

static inline bool op_is_set(enum operation op)
{
	return op <= OP_UNLESS;
}

static inline bool op_is_comparison(enum operation op)
{
	return op >= OP_EQUAL && op <= OP_GREATER;
}

enum aggregation {
	AGGREGATE_SUM,
	AGGREGATE_AVG,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_COUNT,
	AGGREGATE_GROUP,
	AGGREGATE_STDDEV,
	AGGREGATE_STDVAR,
	AGGREGATE_TOPK,
	AGGREGATE_BOTTOMK,
	AGGREGATE_QUANTILE,
	AGGREGATE_COUNT_VALUES,
	AGGREGATE_NONE
};

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

struct names {
	struct str *at;
	size_t count;
};

enum cardinality { ONE_TO_ONE, MANY_TO_ONE /* group_left */, ONE_TO_MANY /* group_right */ };

struct matching {
	enum cardinality cardinality;
	bool on; /* by these labels; otherwise ignoring them */
	bool grouped; /* group_left or group_right was written */
	struct names labels, include;
};

#define MEMO_COUNT 3 /* labels that a node makes of labels: its own, and two for the sides of an operator */

struct promql_function;
struct labelset;
struct memo;

struct node {
	enum node_kind kind;
	enum promql_type type;
	struct str text; /* where it begins */
	double number;
	struct str string;
	/* selectors, ranges, subqueries; the offset and "@" of a range are its selector's */
	struct promql_selector selector;
	bool has_offset;
	int64_t offset_ms;
	enum at_kind at;
	int64_t at_ms;
	int64_t range_ms, step_ms; /* step 0: the default */
	/* calls, aggregations, operators */
	const struct promql_function *function;
	enum aggregation aggregation;
	bool without, grouped; /* grouped: by or without was written */
	struct names grouping;
	enum operation op;
	bool return_bool;
	struct matching matching;
	struct node **args;
	size_t arg_count;
	/* while evaluating: what prepare.c and labels.c keep here */
	struct loaded {
		struct labelset *labels;
		const struct promql_point *points;
		size_t count;
		size_t from, to; /* the window of the last step, for the next to go on from */
	} * series;
	size_t series_count;
	struct memo *memos[MEMO_COUNT];
	const struct promql_pattern *pattern; /* of label_replace() */
};

struct promql_query {
	struct arena *arena;
	struct str text;
	struct node *root;
	struct promql_pattern **patterns; /* owned */
	size_t pattern_count, pattern_room;
};

/* ---- functions ---- */

#define FUNCTION_ARGS_MAX 5
#define VARIADIC SIZE_MAX

struct promql_function {
	const char *name;
	enum promql_type type; /* of the result */
	enum promql_type args[FUNCTION_ARGS_MAX];
	size_t arg_count;
	size_t optional; /* how many may be missing at the end; VARIADIC: the last may come any number of times */
	/* how it is computed, one of them */
	double (*of_value)(double value);
	enum function_id {
		F_VALUE, /* by of_value */
		F_ABSENT,
		F_ABSENT_OVER_TIME,
		F_AVG_OVER_TIME,
		F_CHANGES,
		F_CLAMP,
		F_CLAMP_MAX,
		F_CLAMP_MIN,
		F_COUNT_OVER_TIME,
		F_DELTA,
		F_DERIV,
		F_HISTOGRAM_QUANTILE,
		F_HOLT_WINTERS,
		F_IDELTA,
		F_INCREASE,
		F_IRATE,
		F_LABEL_JOIN,
		F_LABEL_REPLACE,
		F_LAST_OVER_TIME,
		F_MAX_OVER_TIME,
		F_MIN_OVER_TIME,
		F_PI,
		F_PREDICT_LINEAR,
		F_PRESENT_OVER_TIME,
		F_QUANTILE_OVER_TIME,
		F_RATE,
		F_RESETS,
		F_ROUND,
		F_SCALAR,
		F_SORT,
		F_SORT_DESC,
		F_STDDEV_OVER_TIME,
		F_STDVAR_OVER_TIME,
		F_SUM_OVER_TIME,
		F_TIME,
		F_TIMESTAMP,
		F_VECTOR,
		/* of times in seconds */
		F_DAY_OF_MONTH,
		F_DAY_OF_WEEK,
		F_DAY_OF_YEAR,
		F_DAYS_IN_MONTH,
		F_HOUR,
		F_MINUTE,
		F_MONTH,
		F_YEAR,
	} id;
};

const struct promql_function *function_find(struct str name);

/* ---- parsing ---- */

struct parser {
	struct lexer lexer;
	struct token token; /* the next one */
	struct promql_query *query;
	struct error *err;
	unsigned depth, node_count;
};

bool parser_is(const struct parser *parser, const char *sign); /* the next token is this sign */
bool parser_is_word(const struct parser *parser, const char *word); /* …this word, in any case */
/* Goes on to the next token; an error when that is none. */
MUST_CHECK enum err_code parser_advance(struct parser *parser);
MUST_CHECK enum err_code parser_expect(struct parser *parser, const char *sign, const char *where);
enum err_code parser_unexpected(const struct parser *parser, const char *where);
MUST_CHECK enum err_code parser_names(struct parser *parser, struct names *ret_names); /* "(a, b)" */
struct node *parser_node(struct parser *parser, enum node_kind kind, struct node *arg); /* NULL: err is set */

/* Compiles an expression, which the query owns. */
MUST_CHECK enum err_code query_pattern(struct promql_query *query, struct str text,
				       const struct promql_pattern **ret_pattern, struct error *err);

/* parse_selector.c: the matchers in braces of a selector whose name was read (or STR_NONE). */
MUST_CHECK enum err_code parse_matchers(struct parser *parser, struct node *node, struct str name);
/* "[5m]", "[1h:5m]", "offset 5m", "@ 1609746000" behind an expression. */
MUST_CHECK enum err_code parse_modifiers(struct parser *parser, struct node **node);

/* check.c: types. Sets them, and says what does not fit. */
MUST_CHECK enum err_code check_call(const struct parser *parser, struct node *node);
MUST_CHECK enum err_code check_aggregate(const struct parser *parser, struct node *node);
MUST_CHECK enum err_code check_binary(const struct parser *parser, struct node *node);
const char *type_name(enum promql_type type); /* as messages have it: "instant vector" */
const char *op_name(enum operation op);

static inline struct node *unparen(struct node *node)
{
	while (node->kind == NODE_PAREN)
		node = node->args[0];
	return node;
}

#endif
