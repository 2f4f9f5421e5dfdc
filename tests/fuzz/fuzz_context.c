/* Any JSON text as an "@context" value, with itself as the remote document behind every URL: no crash, no endless
 * loop, and every name that compaction gives expands to the IRI that it stands for. And any string in it as a reference
 * relative to any other: what is resolved is absolute, has no fragment, and means itself when resolved again. */
#include "ngsild/context.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err_code fetch_itself(void *self, struct str url, struct context_document *ret_document, struct error *err)
{
	(void)err;
	*ret_document = (struct context_document){*(const struct str *)self, url};
	return ERR_OK;
}

/* IRIs made from the context's own strings: every definition's value, and something behind it. */
static void check_names(const struct context *context, struct arena *arena, const struct json *node)
{
	struct error err;

	for (uint32_t i = 0; json_is(node, JSON_ARRAY) && i < node->count; i++)
		check_names(context, arena, &node->items[i]);
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++) {
		struct str iri, back;

		check_names(context, arena, &node->members[i].value);
		if (context_expand(context, arena, node->members[i].key, &iri, &err) != ERR_OK)
			continue;
		struct str name = context_compact(context, arena, iri);

		/* A name left as it is may look like prefix:suffix of this context; all others must come back. */
		if (name.at != iri.at && context_expand(context, arena, name, &back, &err) == ERR_OK)
			assert(str_eq(back, iri));
		(void)context_term_type(context, node->members[i].key);
	}
}

static void check_reference(struct arena *arena, struct str base, struct str reference)
{
	struct str url, again;
	size_t at;

	if (!context_url_resolve(arena, base, reference, &url))
		return;
	assert(str_find(url, ':', &at) && !str_find(url, '#', &at));
	assert(context_url_resolve(arena, url, url, &again) && str_eq(again, url));
	(void)context_url_is_core(url);
}

static void check_references(struct arena *arena, const struct json *node)
{
	if (json_is(node, JSON_STRING)) {
		check_reference(arena, STR("http://a/b/c/d;p?q"), json_text(node));
		check_reference(arena, json_text(node), STR("../x?y"));
	}
	for (uint32_t i = 0; json_is(node, JSON_ARRAY) && i < node->count; i++)
		check_references(arena, &node->items[i]);
	for (uint32_t i = 0; json_is(node, JSON_OBJECT) && i < node->count; i++)
		check_references(arena, &node->members[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct context *core;
	struct str text = {(const char *)data, size};
	struct context_resolver resolver = {fetch_itself, &text};
	struct json_parser *parser = json_parser_new();
	struct context *context = NULL;
	struct arena arena;
	struct error err;
	struct json *value;

	if (!parser || (!core && context_core_new(&core, &err) != ERR_OK))
		abort();
	arena_init(&arena, 1u << 30);
	if (json_parse(parser, &arena, text, NULL, &value, &err) == ERR_OK) {
		check_references(&arena, value);
		if (context_new(core, value, &resolver, &context, &err) == ERR_OK)
			check_names(context, &arena, value);
	}
	(void)context_unref(context);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return 0;
}
