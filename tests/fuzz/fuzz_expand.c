/* Fuzz target: a client's JSON through expansion, representation and merging.
 *
 * Whatever is accepted must be representable in each format as text that parses; the normalized and the concise text
 * must expand to the same document again; and merging an entity into itself must change nothing. */
#include "ngsild/expand.h"
#include "ngsild/merge.h"
#include "ngsild/represent.h"
#include "trial_fuzz.h"
#include "json/json.h"

#define ARENA_BYTES_MAX (32u << 20)
#define OUT_BYTES_MAX (16u << 20)

static struct json *represented(struct trial *trial, const struct json *entity, enum represent_format format)
{
	struct represent_options options = {.context = trial->context,
					    .format = format,
					    .geometry_property = STR("https://uri.etsi.org/ngsi-ld/location")};
	/* Representing may nest a level deeper than the parser's bound: "dataset". */
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

static void check_back(struct trial *trial, const struct json *entity, const struct json *text)
{
	struct expand_options options = {.context = trial->context, .now_us = 1};
	struct json *again = NULL;
	struct error err = {0};

	if (!text)
		return;
	enum err_code code = expand_entity(&trial->arena, text, &options, &again, &err);

	demand(code == ERR_OK || code == ERR_MEMORY);
	demand(code || json_equal(entity, again));
}

static void check_merge(struct trial *trial, const struct json *entity)
{
	struct json *copy = json_dup(&trial->arena, entity);
	struct merge_result result;
	struct error err;

	if (!copy)
		return;
	enum err_code code = merge_append(&trial->arena, copy, entity, true, 2, &result, &err);

	demand(code == ERR_MEMORY || (code == ERR_OK && !result.changed && !result.changes));
	code = merge_replace(&trial->arena, copy, entity, 3, &result, &err);
	demand(code == ERR_MEMORY || (code == ERR_OK && !result.changed && !result.changes));
}

static void run(struct trial *trial, struct str bytes)
{
	struct expand_options options = {.context = trial->context, .now_us = 1};
	struct json *body = NULL, *entity = NULL, *fragment = NULL, *instances = NULL;
	struct merge_result result;
	struct error err;
	struct str iri;

	if (json_parse(trial->parser, &trial->arena, bytes, NULL, &body, &err))
		return;
	if (!expand_entity(&trial->arena, body, &options, &entity, &err)) {
		check_back(trial, entity, represented(trial, entity, REPRESENT_NORMALIZED));
		check_back(trial, entity, represented(trial, entity, REPRESENT_CONCISE));
		(void)represented(trial, entity, REPRESENT_SIMPLIFIED);
		(void)represented(trial, entity, REPRESENT_GEOJSON);
		check_merge(trial, entity);
	}
	options.fragment = true;
	if (!expand_entity(&trial->arena, body, &options, &fragment, &err) && entity) {
		struct json *copy = json_dup(&trial->arena, entity);

		demand(!copy || merge_update(&trial->arena, copy, fragment, 2, &result, &err) != ERR_INTERNAL);
	}
	if (!expand_attribute(&trial->arena, STR("a"), body, &options, &iri, &instances, &err) && entity) {
		(void)json_set(&trial->arena, entity, iri, *instances);
		enum err_code code = merge_partial(&trial->arena, entity, iri, instances, 2, &result, &err);

		demand(code != ERR_INTERNAL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_trial(data, size, ARENA_BYTES_MAX);
}
