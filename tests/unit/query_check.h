/* What the tests of queries share: entities from normalized JSON by the real expansion, queries from texts. */
#ifndef MACHI_TESTS_QUERY_CHECK_H
#define MACHI_TESTS_QUERY_CHECK_H

#include "check.h"
#include "ngsild/expand.h"
#include "ngsild/query.h"

#include <string.h>

#define VOCAB NGSILD_DEFAULT_VOCAB

static struct arena arena;
static struct json_parser *parser;
static struct context *core;

static inline void query_check_begin(void)
{
	struct error err;

	arena_init(&arena, 512u << 20);
	parser = json_parser_new();
	CHECK_OK(context_core_new(&core, &err), &err);
}

static inline int query_check_end(void)
{
	core = context_unref(core);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}

/* JSON as it is, with ' for ". */
static inline struct json *parse(const char *text)
{
	struct error err;
	struct json *json = NULL;
	size_t len = strlen(text);
	char *at = arena_bytes(&arena, len, 1);

	for (size_t i = 0; i < len; i++)
		at[i] = text[i] == '\'' ? '"' : text[i];
	if (!CHECK_OK(json_parse(parser, &arena, (struct str){at, len}, NULL, &json, &err), &err))
		printf("# in %s\n", text);
	return json;
}

/* The expanded document of a normalized entity; created at 2024-01-01T00:00:00Z. */
__attribute__((unused)) static struct json *entity(const char *text)
{
	struct expand_options options = {.context = core, .now_us = INT64_C(1704067200000000)};
	struct json *document = NULL;
	struct error err;

	if (!CHECK_OK(expand_entity(&arena, parse(text), &options, &document, &err), &err))
		printf("# in %s\n", text);
	return document;
}

static inline struct query *build(const struct query_text *text)
{
	struct query *query = NULL;
	struct error err;

	return CHECK_OK(query_new(&arena, parser, text, core, &query, &err), &err) ? query : NULL;
}

static inline bool matches(const struct query_text *text, const struct json *document)
{
	struct query *query = build(text);
	bool result = query && query_matches(query, document);

	query_done(query);
	return result;
}

#endif
