/* Building a context, shared by context_build.c (parts and order) and context_define.c (the terms of one object). */
#ifndef MACHI_NGSILD_CONTEXT_BUILD_INT_H
#define MACHI_NGSILD_CONTEXT_BUILD_INT_H

#include "ngsild/context_int.h"

struct build {
	struct context *context;
	const struct context_resolver *resolver;
	struct json_parser *parser; /* made for the first remote part */
	struct arena scratch;
	struct str vocab; /* the user's @vocab so far */
	bool is_protected; /* "@protected" of the object being read */
	uint32_t parts;
	struct error *err;
};

/* context_term.c: the members of an expanded definition, checked and taken into term (but for @id and @type, which are
 * IRIs to be expanded). */
MUST_CHECK enum err_code context_check_definition(const struct build *build, const struct json *object,
						  struct context_term *term);
/* The members of a context object that are keywords. */
MUST_CHECK enum err_code context_check_keywords(struct build *build, const struct json *object);
/* A keyword of JSON-LD 1.1, or what only looks like one ("@" and letters), which is passed over. */
bool context_is_keyword(struct str name);
bool context_looks_like_keyword(struct str name);
uint8_t context_rank(const struct context_term *term, bool has_language);

/* Defines the terms of one context object, its @vocab first. */
MUST_CHECK enum err_code context_define_all(struct build *build, const struct json *object);
MUST_CHECK enum err_code context_no_memory(const struct build *build);
/* As much of a name as an error message shows. */
struct str context_shown(struct str text);

#endif
