/* Merge Entity: PATCH /entities/{entityId}.
 * Source: GS CIM 009 V1.9.1 clauses 5.5.12, 5.6.17, 6.5.3.4. */
#include "api/distribute_int.h"

#include "base/time_value.h"
#include "ngsild/expand.h"

#include <string.h>

/* "format", or for older clients "options", says that the fragment is simplified; there is no other format here. */
static enum err_code format_check(struct call *call)
{
	if (call->parameters[P_FORMAT].at && call->format != REPRESENT_SIMPLIFIED)
		return err_set(&call->error, ERR_INVALID, "format is simplified or keyValues here, not \"%.*s\"",
			       STR_FMT(call->parameters[P_FORMAT]));
	return ERR_OK;
}

/* A DateTime (4.6.3), its decimal comma turned to a point as in bodies. */
static enum err_code observed_at_read(struct call *call, struct str *ret)
{
	struct str given = call->parameters[P_OBSERVED_AT];
	int64_t us;
	size_t comma;

	if (!given.at)
		return ERR_OK;
	if (!time_parse_iso(given, false, &us))
		return err_set(&call->error, ERR_INVALID,
			       "observedAt is a DateTime such as 2026-01-31T12:00:00.5Z, not \"%.*s\"", STR_FMT(given));
	if (str_find(given, ',', &comma)) {
		char *copy = arena_bytes(call->arena, given.len, 1);

		if (!copy)
			return err_set(&call->error, ERR_MEMORY, "no memory for a time");
		memcpy(copy, given.at, given.len);
		copy[comma] = '.';
		given.at = copy;
	}
	*ret = given;
	return ERR_OK;
}

static enum err_code options_read(struct call *call, struct merge_patch_options *options)
{
	struct str lang = call->parameters[P_LANG];
	enum err_code code = format_check(call);

	if (code == ERR_OK && lang.at && !expand_is_language_tag(lang))
		code = err_set(&call->error, ERR_INVALID, "lang is one language tag (RFC 5646), not \"%.*s\"",
			       STR_FMT(lang));
	options->lang = lang;
	options->simplified = call->format == REPRESENT_SIMPLIFIED;
	options->context = call->context;
	return code == ERR_OK ? observed_at_read(call, &options->observed_at) : code;
}

static void merged(struct call *call)
{
	if (call_written(call))
		answer_empty(call, 204);
}

static enum err_code fragment_read(struct call *call, struct str id, bool simplified, struct json **ret_fragment)
{
	const struct expand_options options = {.context = call->context,
					       .now_us = broker_now_us(call->api->options.broker),
					       .fragment = true,
					       .merge = true,
					       .simplified = simplified};
	enum err_code code = expand_entity(call->arena, call->body, &options, ret_fragment, &call->error);

	if (code == ERR_OK && document_id(*ret_fragment).at && !str_eq(document_id(*ret_fragment), id))
		code = err_set(&call->error, ERR_INVALID, "the body's id is not that of the path");
	return code;
}

static void merge(struct call *call)
{
	struct merge_patch_options *options = arena_new(call->arena, struct merge_patch_options);
	struct broker_item *item = arena_new(call->arena, struct broker_item);
	struct json *fragment;
	struct str id;

	if (!call_target(call, &id))
		return;
	enum err_code code = options && item ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for the fragment");

	if (code == ERR_OK)
		code = options_read(call, options);
	if (code == ERR_OK)
		code = fragment_read(call, id, options->simplified, &fragment);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	item->operation = BROKER_MERGE;
	item->id = id;
	item->entity = fragment;
	item->patch = options;
	distribute_write(call, item, &(struct distributed){SOURCE_MERGE_ENTITY, RESULT_OF_ENTITY, merged, 204});
}

void merge_entity(struct call *call)
{
	call_with_context(call, merge);
}
