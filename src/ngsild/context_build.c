/* Building contexts from "@context" values: the parts, in order.
 *
 * Later definitions of a term replace earlier ones, as in JSON-LD 1.1. The core then has precedence: a user's
 * definition of one of its terms is passed over, and its @vocab is the fallback, so that a user's own @vocab only
 * serves the terms that are defined without an "@id". When all is read, the terms are indexed by IRI. */
#include "ngsild/context_build_int.h"

#include <assert.h>
#include <stdlib.h>

#define SCRATCH_BYTES_MAX (64u << 20) /* parsed remote parts, while building */

struct chain { /* the remote contexts being read, innermost first */
	struct str url;
	struct str base; /* of relative references */
	const struct chain *outer;
};

static enum err_code build_value(struct build *build, const struct json *value, const struct chain *chain);

enum err_code context_no_memory(const struct build *build)
{
	return err_set(build->err, ERR_MEMORY, "no memory for an @context (at most %u bytes)", CONTEXT_BYTES_MAX);
}

struct str context_shown(struct str text)
{
	return str_part(text, 0, 100);
}

/* ---- remote parts ---- */

/* The absolute URL of a reference, which must not be one of those that lead here. */
static enum err_code take_url(struct build *build, struct str reference, const struct chain *chain, struct str *ret_url,
			      struct error *err)
{
	struct str url;

	if (!context_url_resolve(&build->scratch, chain ? chain->base : STR_NONE, reference, &url))
		return err_set(err, ERR_INVALID, "the @context reference \"%.*s\" is no absolute URL",
			       STR_FMT(context_shown(reference)));
	if (!context_url_is_core(url) && ++build->parts > CONTEXT_PARTS_MAX)
		return err_set(err, ERR_LIMIT, "an @context of more than %d parts", CONTEXT_PARTS_MAX);
	for (const struct chain *link = chain; link; link = link->outer)
		if (str_eq(link->url, url))
			return err_set(err, ERR_INVALID, "the @context %.*s refers to itself",
				       STR_FMT(context_shown(url)));
	*ret_url = url;
	return ERR_OK;
}

/* The value of the document's "@context"; the base of its references goes into link. */
static enum err_code read_remote(struct build *build, struct chain *link, const struct json **ret_value)
{
	struct context_document remote = {0};
	struct json *document;

	if (!build->resolver)
		return err_set(build->err, ERR_CONTEXT, "the @context %.*s is remote and cannot be had here",
			       STR_FMT(context_shown(link->url)));
	enum err_code code = build->resolver->fetch(build->resolver->self, link->url, &remote, build->err);

	if (code != ERR_OK)
		return code;
	if (!build->parser)
		build->parser = json_parser_new();
	if (!build->parser)
		return context_no_memory(build);
	code = json_parse(build->parser, &build->scratch, remote.body, NULL, &document, build->err);
	if (code != ERR_OK)
		return code;
	*ret_value = json_get(document, STR("@context"));
	if (!*ret_value)
		return err_set(build->err, ERR_INVALID, "no \"@context\" in the document");
	if (remote.base.at)
		link->base = remote.base;
	return ERR_OK;
}

static enum err_code build_url(struct build *build, struct str reference, const struct chain *outer)
{
	struct chain link = {.outer = outer};
	const struct json *value = NULL;
	enum err_code code = take_url(build, reference, outer, &link.url, build->err);

	if (code != ERR_OK || context_url_is_core(link.url))
		return code;
	link.base = link.url;
	code = read_remote(build, &link, &value);
	if (code == ERR_OK) {
		assert(value);
		code = build_value(build, value, &link);
	}
	if (code != ERR_OK)
		(void)err_while(build->err, "reading the @context %.*s", STR_FMT(context_shown(link.url)));
	return code;
}

/* JSON-LD 1.1 API, 4.1.2, 5.6: the imported object's members, as far as this one does not have them itself. */
static enum err_code import(struct build *build, const struct json *reference, const struct chain *chain,
			    const struct json **object)
{
	struct chain link = {.outer = chain};
	const struct json *value = NULL;

	if (!json_is(reference, JSON_STRING))
		return err_set(build->err, ERR_INVALID, "@import must be a string");
	enum err_code code = take_url(build, json_text(reference), chain, &link.url, build->err);

	if (code != ERR_OK || context_url_is_core(link.url))
		return code;
	code = read_remote(build, &link, &value);
	if (code == ERR_OK && (!json_is(value, JSON_OBJECT) || json_get(value, STR("@import"))))
		code = err_set(build->err, ERR_INVALID, "an imported @context must be one object without @import");
	if (code != ERR_OK)
		return err_while(build->err, "importing the @context %.*s", STR_FMT(context_shown(link.url)));
	struct json *merged = json_dup(&build->scratch, value);

	for (uint32_t i = 0; merged && i < (*object)->count; i++)
		if (!json_set(&build->scratch, merged, (*object)->members[i].key, (*object)->members[i].value))
			merged = NULL;
	if (!merged)
		return context_no_memory(build);
	*object = merged;
	return ERR_OK;
}

/* ---- parts ---- */

static enum err_code build_object(struct build *build, const struct json *object, const struct chain *chain)
{
	const struct json *reference = json_get(object, STR("@import"));
	enum err_code code = reference ? import(build, reference, chain, &object) : ERR_OK;

	if (code != ERR_OK)
		return code;
	if (json_get(object, STR("@context")))
		return err_set(build->err, ERR_INVALID, "an @context within an @context");
	if (object->count > CONTEXT_TERMS_MAX)
		return err_set(build->err, ERR_LIMIT, "an @context with more than %d terms", CONTEXT_TERMS_MAX);
	return context_define_all(build, object);
}

/* Forgets what came before; the core cannot be forgotten. */
static enum err_code build_null(struct build *build)
{
	struct map *terms = &build->context->terms;
	uint64_t seed = terms->seed;
	struct str name;
	void *term;
	size_t at = 0;

	while (map_each(terms, &at, &name, &term))
		if (((const struct context_term *)term)->is_protected)
			return err_set(build->err, ERR_INVALID, "null would forget the protected term \"%.*s\"",
				       STR_FMT(context_shown(name)));
	map_done(terms);
	map_init(terms, seed);
	build->vocab = STR_NONE;
	return ERR_OK;
}

static enum err_code build_array(struct build *build, const struct json *array, const struct chain *chain)
{
	if (array->count > CONTEXT_PARTS_MAX)
		return err_set(build->err, ERR_LIMIT, "an @context of %u parts, at most %d are allowed", array->count,
			       CONTEXT_PARTS_MAX);
	for (uint32_t i = 0; i < array->count; i++) {
		const struct json *item = &array->items[i];
		enum err_code code = json_is(item, JSON_ARRAY) ? err_set(build->err, ERR_INVALID,
									 "element %u of an @context is an array", i)
							       : build_value(build, item, chain);

		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

static enum err_code build_value(struct build *build, const struct json *value, const struct chain *chain)
{
	switch (value->kind) {
	case JSON_STRING:
		return build_url(build, json_text(value), chain);
	case JSON_ARRAY:
		return build_array(build, value, chain);
	case JSON_OBJECT:
		return build_object(build, value, chain);
	case JSON_NULL:
		return build_null(build);
	default:
		return err_set(build->err, ERR_INVALID, "an @context must be a URL, an object or an array of these");
	}
}

/* ---- the whole ---- */

/* JSON-LD 1.1 API, 4.3 and 7.2: by what the term's definition fits, then the shortest, then the first in byte order. */
static bool is_better(const struct context_term *a, const struct context_term *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->name.len != b->name.len ? a->name.len < b->name.len : str_cmp(a->name, b->name) < 0;
}

static bool offer(struct map *map, struct context_term *term)
{
	const struct context_term *best = map_get(map, term->iri);

	if (best && !is_better(term, best))
		return true;
	return map_set(map, term->iri, term);
}

static bool index_by_iri(struct context *context)
{
	struct str name;
	void *value;
	size_t at = 0;

	while (map_each(&context->terms, &at, &name, &value)) {
		struct context_term *term = value;

		if (term->iri.len == 0 || term->iri.at[0] == '@' || term->reverse)
			continue;
		if (!offer(&context->by_iri, term))
			return false;
		if (term->prefix && context_ends_prefix(term->iri) && !offer(&context->prefixes, term))
			return false;
	}
	return true;
}

static enum err_code context_build(struct context *core, const struct json *value,
				   const struct context_resolver *resolver, struct context **ret_context,
				   struct error *err)
{
	struct context *context = calloc(1, sizeof(*context));

	if (!context)
		return err_set(err, ERR_MEMORY, "no memory for an @context");
	struct build build = {.context = context, .resolver = resolver, .err = err};
	/* The address makes the tables' order unknown to those who would fill them with colliding names. */
	uint64_t seed = (uint64_t)(uintptr_t)context;

	atomic_init(&context->references, 1);
	context->core = core ? context_ref(core) : NULL;
	arena_init(&context->arena, CONTEXT_BYTES_MAX);
	arena_init(&build.scratch, SCRATCH_BYTES_MAX);
	map_init(&context->terms, seed);
	map_init(&context->by_iri, seed);
	map_init(&context->prefixes, seed);
	enum err_code code = build_value(&build, value, NULL);

	if (code == ERR_OK && !index_by_iri(context))
		code = context_no_memory(&build);
	(void)json_parser_free(build.parser);
	arena_done(&build.scratch);
	if (code != ERR_OK) {
		(void)context_unref(context);
		return code;
	}
	*ret_context = context;
	return ERR_OK;
}

enum err_code context_new(struct context *core, const struct json *value, const struct context_resolver *resolver,
			  struct context **ret_context, struct error *err)
{
	return context_build(core, value, resolver, ret_context, err);
}

enum err_code context_core_new(struct context **ret_context, struct error *err)
{
	struct str text = {(const char *)ngsild_core_context, ngsild_core_context_bytes};
	struct json_parser *parser = json_parser_new();
	struct arena arena;
	struct json *document;

	if (!parser)
		return err_set(err, ERR_MEMORY, "no memory for the core @context");
	arena_init(&arena, SCRATCH_BYTES_MAX);
	enum err_code code = json_parse(parser, &arena, text, NULL, &document, err);

	if (code == ERR_OK)
		code = context_build(NULL, json_get(document, STR("@context")), NULL, ret_context, err);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}
