/* The terms of one context object.
 *
 * Definitions may use each other in any order, so each is made when it is first needed; one that needs itself is an
 * error. A user's definition of a term of the core is checked and passed over. */
#include "ngsild/context_build_int.h"

#define DEFINITION_CHAIN_MAX 64u /* definitions that wait for one another */

static const struct str default_vocab = {NGSILD_DEFAULT_VOCAB, sizeof(NGSILD_DEFAULT_VOCAB) - 1};

enum definition_state { DEFINITION_NEW, DEFINITION_OPEN, DEFINITION_DONE };

struct definition {
	const struct json_member *member;
	enum definition_state state;
};

struct scope { /* one context object */
	struct build *build;
	struct map definitions; /* by name */
};

static enum err_code define(struct scope *scope, struct definition *definition, unsigned depth);

/* ---- expanding inside definitions ---- */

static enum err_code define_first(struct scope *scope, struct str name, unsigned depth)
{
	struct definition *definition = map_get(&scope->definitions, name);

	return definition ? define(scope, definition, depth + 1) : ERR_OK;
}

static enum err_code join(struct build *build, struct str a, struct str b, struct str *ret)
{
	struct str joined = arena_concat(&build->context->arena, a, b);

	if (!joined.at)
		return context_no_memory(build);
	*ret = joined;
	return ERR_OK;
}

/* A name that is no term of its own: prefix:suffix, IRI, or relative to the vocabulary. */
static enum err_code expand_other(struct scope *scope, struct str name, unsigned depth, struct str *ret_iri)
{
	struct build *build = scope->build;
	struct str prefix, suffix;

	if (context_split(name, &prefix, &suffix) && prefix.len) {
		enum err_code code = define_first(scope, prefix, depth);

		if (code != ERR_OK)
			return code;
		const struct context_term *term = context_find(build->context, prefix);

		if (term && term->prefix)
			return join(build, term->iri, suffix, ret_iri);
	}
	if (context_has_scheme(name) || str_starts(name, STR("_:"))) {
		*ret_iri = name;
		return ERR_OK;
	}
	return join(build, build->vocab.len ? build->vocab : default_vocab, name, ret_iri);
}

static enum err_code expand_iri(struct scope *scope, struct str name, unsigned depth, struct str *ret_iri)
{
	if (name.len == 0)
		return err_set(scope->build->err, ERR_INVALID, "an empty IRI in an @context");
	if (name.at[0] == '@') {
		*ret_iri = name;
		return ERR_OK;
	}
	enum err_code code = define_first(scope, name, depth);

	if (code != ERR_OK)
		return code;
	const struct context_term *term = context_find(scope->build->context, name);

	if (!term)
		return expand_other(scope, name, depth, ret_iri);
	if (term->iri.len == 0)
		return err_set(scope->build->err, ERR_INVALID, "\"%.*s\" is used in a definition, and is null",
			       STR_FMT(context_shown(name)));
	*ret_iri = term->iri;
	return ERR_OK;
}

/* ---- definitions ---- */

static bool same_definition(const struct context_term *a, const struct context_term *b)
{
	return str_eq(a->iri, b->iri) && !a->type.at == !b->type.at && str_eq(a->type, b->type);
}

/* A protected term may be defined again if that says the same (JSON-LD 1.1 API, 4.2.2, 29). */
static enum err_code keep_protected(const struct build *build, struct context_term *made)
{
	const struct context_term *before = map_get(&build->context->terms, made->name);

	if (!before || !before->is_protected)
		return ERR_OK;
	if (!same_definition(before, made) || before->prefix != made->prefix || before->reverse != made->reverse ||
	    before->container != made->container)
		return err_set(build->err, ERR_INVALID, "term \"%.*s\" is protected and cannot be defined anew",
			       STR_FMT(context_shown(made->name)));
	made->is_protected = true;
	return ERR_OK;
}

static enum err_code add_term(struct build *build, struct context_term *made)
{
	struct context *context = build->context;
	struct context_term *term = arena_new(&context->arena, struct context_term);
	enum err_code code = keep_protected(build, made);

	if (code != ERR_OK)
		return code;
	if (context->core && context->terms.count >= CONTEXT_TERMS_MAX)
		return err_set(build->err, ERR_LIMIT, "an @context with more than %d terms", CONTEXT_TERMS_MAX);
	if (!term)
		return context_no_memory(build);
	*term = *made;
	term->name = arena_dup(&context->arena, made->name);
	term->iri = arena_dup(&context->arena, made->iri);
	term->type = made->type.at ? arena_dup(&context->arena, made->type) : STR_NONE;
	if (!term->name.at || !term->iri.at || (made->type.at && !term->type.at) ||
	    !map_set(&context->terms, term->name, term))
		return context_no_memory(build);
	return ERR_OK;
}

static bool has_colon_or_slash(struct str name)
{
	size_t at;

	return str_find(name, ':', &at) || str_find(name, '/', &at);
}

static bool has_inner_colon(struct str name)
{
	size_t at;

	return (name.len > 2 && str_find(str_part(name, 1, name.len - 1), ':', &at)) || str_find(name, '/', &at);
}

/* The IRI of a term whose "@id" (or "@reverse", or value) is id; NULL: there is none. A name that is a compact IRI
 * already cannot be given another meaning (4.2.2, 14.2.5). */
static enum err_code take_iri(struct scope *scope, const struct json *id, unsigned depth, struct context_term *term)
{
	struct build *build = scope->build;
	struct str own;

	if (!id || str_eq(json_text(id), term->name))
		return expand_other(scope, term->name, depth, &term->iri);
	if (str_eq(json_text(id), STR("@context")))
		return err_set(build->err, ERR_INVALID, "term \"%.*s\": @context has no other name",
			       STR_FMT(context_shown(term->name)));
	enum err_code code = expand_iri(scope, json_text(id), depth, &term->iri);

	if (code != ERR_OK || !has_inner_colon(term->name))
		return code;
	code = expand_other(scope, term->name, depth, &own);
	if (code == ERR_OK && !str_eq(own, term->iri))
		code = err_set(build->err, ERR_INVALID, "term \"%.*s\" means %.*s already",
			       STR_FMT(context_shown(term->name)), STR_FMT(context_shown(own)));
	return code;
}

static enum err_code take_type(struct scope *scope, const struct json *type, unsigned depth, struct context_term *term)
{
	enum err_code code = expand_iri(scope, json_text(type), depth, &term->type);

	if (code != ERR_OK || term->type.at[0] != '@')
		return code;
	if (str_eq(term->type, STR("@id")) || str_eq(term->type, STR("@vocab")) || str_eq(term->type, STR("@json")) ||
	    str_eq(term->type, STR("@none")))
		return ERR_OK;
	return err_set(scope->build->err, ERR_INVALID, "term \"%.*s\": %.*s is no @type",
		       STR_FMT(context_shown(term->name)), STR_FMT(context_shown(term->type)));
}

static enum err_code take_prefix(const struct build *build, const struct json *value, struct context_term *term)
{
	const struct json *prefix = json_get(value, STR("@prefix"));
	bool keyword = str_starts(term->iri, STR("@"));

	if (prefix && prefix->boolean && keyword)
		return err_set(build->err, ERR_INVALID, "term \"%.*s\": a keyword is no prefix",
			       STR_FMT(context_shown(term->name)));
	if (json_is(value, JSON_STRING)) /* a simple term */
		term->prefix = !keyword && !has_colon_or_slash(term->name) && context_ends_prefix(term->iri);
	else
		term->prefix = prefix && prefix->boolean;
	return ERR_OK;
}

static enum err_code define_made(struct scope *scope, const struct json_member *member, unsigned depth)
{
	struct build *build = scope->build;
	const struct json *value = &member->value;
	bool object = json_is(value, JSON_OBJECT);
	struct context_term term = {.name = member->key, .is_protected = build->is_protected};
	enum err_code code = ERR_OK;

	if (object)
		code = context_check_definition(build, value, &term);
	else if (!json_is(value, JSON_STRING) && !json_is(value, JSON_NULL))
		code = err_set(build->err, ERR_INVALID, "term \"%.*s\" must be a string or an object",
			       STR_FMT(context_shown(member->key)));
	if (code != ERR_OK || (build->context->core && map_get(&build->context->core->terms, member->key)))
		return code;
	const struct json *id = object ? json_get(value, term.reverse ? STR("@reverse") : STR("@id")) : value;
	const struct json *type = json_get(value, STR("@type"));

	if (context_looks_like_keyword(json_text(id)) && !context_is_keyword(json_text(id)))
		return ERR_OK; /* reserved for later versions of JSON-LD: passed over (4.2.2, 14.2.2) */
	if (json_is(id, JSON_NULL)) {
		term.iri = STR("");
		return add_term(build, &term);
	}
	code = take_iri(scope, id, depth, &term);
	if (code == ERR_OK && type)
		code = take_type(scope, type, depth, &term);
	if (code == ERR_OK)
		code = take_prefix(build, value, &term);
	if (code != ERR_OK)
		return code;
	term.rank = context_rank(&term, json_get(value, STR("@language")) != NULL);
	return add_term(build, &term);
}

static enum err_code define(struct scope *scope, struct definition *definition, unsigned depth)
{
	struct build *build = scope->build;
	struct str name = definition->member->key;

	if (definition->state == DEFINITION_DONE)
		return ERR_OK;
	if (definition->state == DEFINITION_OPEN)
		return err_set(build->err, ERR_INVALID, "term \"%.*s\" is defined by itself",
			       STR_FMT(context_shown(name)));
	if (depth > DEFINITION_CHAIN_MAX)
		return err_set(build->err, ERR_LIMIT, "term \"%.*s\": more than %u definitions depend on one another",
			       STR_FMT(context_shown(name)), DEFINITION_CHAIN_MAX);
	definition->state = DEFINITION_OPEN;
	enum err_code code = define_made(scope, definition->member, depth);

	definition->state = DEFINITION_DONE;
	return code;
}

static enum err_code read_vocab(struct scope *scope, const struct json *vocab)
{
	struct build *build = scope->build;

	if (json_is(vocab, JSON_NULL)) {
		build->vocab = STR_NONE;
		return ERR_OK;
	}
	if (vocab->count == 0)
		return ERR_OK; /* relative to the document, which has no address of its own */
	struct str iri;
	enum err_code code = expand_iri(scope, json_text(vocab), 0, &iri);

	if (code == ERR_OK)
		build->vocab = iri;
	return code;
}

static enum err_code define_in(struct scope *scope, const struct json *object)
{
	struct build *build = scope->build;
	struct definition *definitions = arena_array(&build->scratch, struct definition, object->count);
	size_t count = 0;

	if (!definitions)
		return context_no_memory(build);
	for (uint32_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];

		if (member->key.at[0] == '@')
			continue; /* keywords are no terms */
		definitions[count] = (struct definition){.member = member};
		if (!map_set(&scope->definitions, member->key, &definitions[count]))
			return context_no_memory(build);
		count++;
	}
	const struct json *vocab = json_get(object, STR("@vocab"));
	enum err_code code = vocab ? read_vocab(scope, vocab) : ERR_OK;

	for (size_t i = 0; i < count && code == ERR_OK; i++)
		code = define(scope, &definitions[i], 0);
	return code;
}

enum err_code context_define_all(struct build *build, const struct json *object)
{
	struct scope scope = {.build = build};

	map_init(&scope.definitions, build->context->terms.seed);
	enum err_code code = context_check_keywords(build, object);

	if (code == ERR_OK)
		code = define_in(&scope, object);

	map_done(&scope.definitions);
	return code;
}
