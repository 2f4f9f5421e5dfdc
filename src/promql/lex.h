/* Tokens of PromQL. For use inside this room. */
#ifndef MACHI_PROMQL_LEX_H
#define MACHI_PROMQL_LEX_H

#include "base/arena.h"
#include "base/error.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* identifiers and words */
	TOKEN_NUMBER,
	TOKEN_DURATION,
	TOKEN_STRING,
	TOKEN_SIGN, /* punctuation and operators: text says which */
	TOKEN_BAD, /* err says why */
};

struct token {
	enum token_kind kind;
	struct str text; /* as it stands in the query */
	double number;
	int64_t duration_ms;
	struct str string; /* decoded, in the arena */
};

struct lexer {
	struct arena *arena;
	struct str text;
	size_t at;
	bool in_braces, in_brackets; /* where a colon is no part of a name */
	struct error *err;
};

/* The next token. A bad one has set *err with its place. */
struct token lex_next(struct lexer *lexer);
/* "1:5: parse error: …" at a place of the text. */
enum err_code lex_fail(const struct lexer *lexer, struct str place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
