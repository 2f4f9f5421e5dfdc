/* Fuzz target: an array of an entity and of fragments that are merged into it, one after the other (5.6.17).
 *
 * Whatever is merged, the entity stays one that a client could have sent: its normalized text expands to the same
 * again, so no NGSI-LD Null, no member of another kind and no half geometry is left in it. The same fragment a second
 * time changes nothing. A fragment that is refused is no worse than that. */
#include "ngsild/expand.h"
#include "ngsild/expiry.h"
#include "ngsild/merge.h"
#include "ngsild/represent.h"
#include "trial_fuzz.h"
#include "json/json.h"

#define ARENA_BYTES_MAX (64u << 20)
#define OUT_BYTES_MAX (16u << 20)
#define FRAGMENTS_MAX 4u

/* The normalized text, parsed; NULL when it is too much for this trial. */
static struct json *represented(struct trial *trial, const struct json *entity)
{
	struct represent_options options = {.context = trial->context};
	struct json_parse_options parse_options = {.depth_max = 2 * JSON_DEPTH_MAX};
	struct json *again = NULL;
	struct error err;
	struct buf out;

	buf_init(&out, OUT_BYTES_MAX);
	demand(represent_entity(&out, &trial->arena, entity, &options, &err) == ERR_OK);
	enum err_code code = buf_check(&out, "the text", &err);

	if (code == ERR_OK)
		code = json_parse(trial->parser, &trial->arena, buf_str(&out), &parse_options, &again, &err);
	demand(code == ERR_OK || code == ERR_MEMORY || code == ERR_LIMIT);
	buf_done(&out);
	return code == ERR_OK ? again : NULL;
}

static void check_valid(struct trial *trial, const struct json *entity)
{
	struct expand_options options = {.context = trial->context, .now_us = 1};
	struct json *text = represented(trial, entity), *again = NULL;
	struct error err = {0};

	if (!text)
		return;
	enum err_code code = expand_entity(&trial->arena, text, &options, &again, &err);

	demand(code == ERR_OK || code == ERR_MEMORY);
	if (code)
		return;
	const struct json *text_again = represented(trial, again);

	demand(!text_again || json_equal(text, text_again));
}

/* The entity with the fragment merged in; as it was when the fragment is refused. */
static struct json *merge(struct trial *trial, struct json *entity, const struct json *body,
			  const struct merge_patch_options *patch)
{
	const struct expand_options options = {.context = trial->context,
					       .now_us = 2,
					       .fragment = true,
					       .merge = true,
					       .simplified = patch->simplified};
	struct json *copy = json_dup(&trial->arena, entity), *fragment = NULL;
	struct merge_result result;
	struct error err;

	if (!copy || expand_entity(&trial->arena, body, &options, &fragment, &err))
		return entity;
	enum err_code code = merge_patch(&trial->arena, copy, fragment, patch, 3, &result, &err);

	demand(code != ERR_INTERNAL && code != ERR_CORRUPT);
	if (code)
		return entity;
	check_valid(trial, copy);
	code = merge_patch(&trial->arena, copy, fragment, patch, 4, &result, &err);
	demand(code == ERR_MEMORY || (code == ERR_OK && !result.changed && !result.changes));
	return copy;
}

static void run(struct trial *trial, struct str bytes)
{
	const struct merge_patch_options plain = {0};
	const struct merge_patch_options params = {.simplified = true,
						   .lang = STR("de"),
						   .observed_at = STR("2030-01-01T00:00:00Z"),
						   .context = trial->context};
	const struct expand_options options = {.context = trial->context, .now_us = 1};
	struct json *body = NULL, *entity = NULL;
	struct merge_result result;
	struct error err;

	if (json_parse(trial->parser, &trial->arena, bytes, NULL, &body, &err) ||
	    expand_entity(&trial->arena, json_at(body, 0), &options, &entity, &err))
		return;
	for (uint32_t i = 1; i < body->count && i <= FRAGMENTS_MAX; i++) {
		(void)merge(trial, entity, &body->items[i], &params);
		entity = merge(trial, entity, &body->items[i], &plain);
	}
	demand(merge_expire(&trial->arena, entity, INT64_MAX - 1, &result, &err) != ERR_INTERNAL);
	check_valid(trial, entity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_trial(data, size, ARENA_BYTES_MAX);
}
