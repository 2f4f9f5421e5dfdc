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
	uint32_t parts;
	struct error *err;
};

/* Defines the terms of one context object, its @vocab first. */
MUST_CHECK enum err_code context_define_all(struct build *build, const struct json *object);
MUST_CHECK enum err_code context_no_memory(const struct build *build);
/* As much of a name as an error message shows. */
struct str context_shown(struct str text);

#endif
