/* Using contexts: names to IRIs and back. Contexts never change once built, so all of this is safe from any thread. */
#include "ngsild/context_int.h"

#include <assert.h>
#include <stdlib.h>

#define PREFIX_TRIES_MAX 32u /* places in an IRI where a prefix may end, counted from its end */

static const struct str vocab = {NGSILD_DEFAULT_VOCAB, sizeof(NGSILD_DEFAULT_VOCAB) - 1};

struct context *context_ref(struct context *context)
{
	(void)atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

struct context *context_unref(struct context *context)
{
	if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) > 1)
		return NULL;
	(void)context_unref(context->core);
	map_done(&context->terms);
	map_done(&context->by_iri);
	map_done(&context->prefixes);
	arena_done(&context->arena);
	free(context);
	return NULL;
}

const struct context_term *context_find(const struct context *context, struct str name)
{
	const struct context_term *term = context->core ? map_get(&context->core->terms, name) : NULL;

	return term ? term : map_get(&context->terms, name);
}

bool context_split(struct str name, struct str *ret_prefix, struct str *ret_suffix)
{
	size_t colon;

	if (!str_find(name, ':', &colon))
		return false;
	struct str prefix = str_part(name, 0, colon);
	struct str suffix = str_part(name, colon + 1, name.len);

	if (str_eq(prefix, STR("_")) || str_starts(suffix, STR("//")))
		return false;
	*ret_prefix = prefix;
	*ret_suffix = suffix;
	return true;
}

bool context_has_scheme(struct str name)
{
	size_t colon;

	if (!str_find(name, ':', &colon) || colon == 0)
		return false;
	for (size_t i = 0; i < colon; i++) {
		char c = name.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

		if (!letter && (i == 0 || !other))
			return false;
	}
	return true;
}

static enum err_code concat(struct arena *arena, struct str a, struct str b, struct str *ret, struct error *err)
{
	struct str joined = arena_concat(arena, a, b);

	if (!joined.at)
		return err_set(err, ERR_MEMORY, "no memory to expand \"%.*s\"", STR_FMT(str_part(b, 0, 100)));
	*ret = joined;
	return ERR_OK;
}

enum err_code context_expand(const struct context *context, struct arena *arena, struct str name, struct str *ret_iri,
			     struct error *err)
{
	struct str prefix, suffix;

	if (name.len == 0)
		return err_set(err, ERR_INVALID, "an empty name");
	if (name.at[0] == '@')
		return err_set(err, ERR_INVALID, "\"%.*s\" is a JSON-LD keyword, not a name",
			       STR_FMT(str_part(name, 0, 100)));
	const struct context_term *term = context_find(context, name);

	if (term && term->iri.len == 0)
		return err_set(err, ERR_INVALID, "the @context maps \"%.*s\" to null: it has no meaning",
			       STR_FMT(str_part(name, 0, 100)));
	if (term && term->reverse)
		return err_set(err, ERR_INVALID, "the @context defines \"%.*s\" by @reverse: it names no attribute",
			       STR_FMT(str_part(name, 0, 100)));
	if (term && term->iri.at[0] == '@')
		return err_set(err, ERR_INVALID, "\"%.*s\" stands for the JSON-LD keyword \"%.*s\"",
			       STR_FMT(str_part(name, 0, 100)), STR_FMT(term->iri));
	if (term) {
		*ret_iri = term->iri;
		return ERR_OK;
	}
	if (context_split(name, &prefix, &suffix)) {
		term = context_find(context, prefix);
		if (term && term->prefix)
			return concat(arena, term->iri, suffix, ret_iri, err);
	}
	if (context_has_scheme(name) || str_starts(name, STR("_:"))) {
		*ret_iri = name;
		return ERR_OK;
	}
	return concat(arena, vocab, name, ret_iri, err);
}

bool context_ends_prefix(struct str iri)
{
	char c = iri.len ? iri.at[iri.len - 1] : '\0';

	return c == ':' || c == '/' || c == '?' || c == '#' || c == '[' || c == ']' || c == '@';
}

static const struct context_term *find_prefix(const struct context *context, struct str iri)
{
	const struct context_term *term = context->core ? map_get(&context->core->prefixes, iri) : NULL;

	return term ? term : map_get(&context->prefixes, iri);
}

/* The shortest prefix:suffix, the first in byte order among those of equal length. */
static struct str compact_by_prefix(const struct context *context, struct arena *arena, struct str iri)
{
	struct str best = iri;
	size_t tries = 0;

	for (size_t end = iri.len - 1; end > 0 && tries < PREFIX_TRIES_MAX; end--) {
		if (!context_ends_prefix(str_part(iri, 0, end)))
			continue;
		tries++;
		struct str suffix = str_part(iri, end, iri.len);
		const struct context_term *term = find_prefix(context, str_part(iri, 0, end));

		if (!term || term->name.len + 1 + suffix.len >= best.len || str_starts(suffix, STR("//")))
			continue;
		struct str name = arena_printf(arena, "%.*s:%.*s", STR_FMT(term->name), STR_FMT(suffix));

		/* A term of that very name means something else. */
		if (name.at && !context_find(context, name))
			best = name;
	}
	return best;
}

struct str context_compact(const struct context *context, struct arena *arena, struct str iri)
{
	struct str suffix = STR_NONE;
	const struct context_term *term = NULL;

	if (iri.len == 0)
		return iri;
	if (str_starts(iri, vocab)) /* where no term of the core lies */
		suffix = str_part(iri, vocab.len, iri.len);
	else if (context->core)
		term = map_get(&context->core->by_iri, iri);
	if (!term)
		term = map_get(&context->by_iri, iri);
	if (term)
		return term->name;
	if (suffix.len && suffix.at[0] != '@' && !context_has_scheme(suffix) && !str_starts(suffix, STR("_:")) &&
	    !context_find(context, suffix)) {
		struct str prefix, rest;

		if (!context_split(suffix, &prefix, &rest) || !context_find(context, prefix))
			return suffix;
	}
	return compact_by_prefix(context, arena, iri);
}

struct str context_term_type(const struct context *context, struct str term)
{
	const struct context_term *found = context_find(context, term);

	return found ? found->type : STR_NONE;
}
