/* Fuzz target: an array of entities as other brokers may answer, put together (4.5.5).
 *
 * What comes out is an entity that a client could have sent, of that id, with each datasetId of an attribute once; put
 * together with itself it stays as it is; its names said under another @context and back are the same names. */
#include "demand.h"
#include "ngsild/entity_rename.h"
#include "ngsild/expand.h"
#include "ngsild/represent.h"
#include "ngsild/union.h"
#include "json/json.h"

#define ARENA_BYTES_MAX (64u << 20)
#define OUT_BYTES_MAX (16u << 20)
#define VERSIONS_MAX 8u
#define NOW_US INT64_C(1800000000000000)

struct trial {
	struct arena arena;
	struct json_parser *parser;
	struct context *core, *other;
};

static struct json *expanded(struct trial *trial, const struct json *body, const struct context *context)
{
	const struct expand_options options = {.context = context, .stamped = true};
	struct json *entity = NULL;
	struct error err;

	return expand_entity(&trial->arena, body, &options, &entity, &err) == ERR_OK ? entity : NULL;
}

/* The normalized text with stamps, parsed; NULL when it is too much for this trial. */
static struct json *represented(struct trial *trial, const struct json *entity)
{
	const struct represent_options options = {.context = trial->core, .sys_attrs = true};
	const struct json_parse_options parse_options = {.depth_max = 2 * JSON_DEPTH_MAX};
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

static struct json *united(struct trial *trial, struct json *const *entities, size_t count)
{
	struct union_version versions[VERSIONS_MAX];
	struct json *entity = NULL;
	struct error err;

	for (size_t i = 0; i < count; i++)
		versions[i] = (struct union_version){json_dup(&trial->arena, entities[i]), i % 3 == 2};
	enum err_code code = union_entity(&trial->arena, versions, count, NOW_US, &entity, &err);

	demand(code == ERR_OK || code == ERR_MEMORY);
	return code == ERR_OK ? entity : NULL;
}

static void check_names(struct trial *trial, const struct json *text)
{
	struct json *there = entity_rename(&trial->arena, text, trial->core, trial->other);
	struct json *back = there ? entity_rename(&trial->arena, there, trial->other, trial->core) : NULL;
	struct json *entity = back ? expanded(trial, text, trial->core) : NULL;
	struct json *again = back ? expanded(trial, back, trial->core) : NULL;

	demand(!back || !entity || (again && json_equal(entity, again)));
}

static void run(struct trial *trial, const struct json *list)
{
	struct json *entities[VERSIONS_MAX], *entity, *text, *twice[2];
	size_t count = 0;

	for (uint32_t i = 0; i < list->count && count < VERSIONS_MAX; i++) {
		struct json *one = expanded(trial, &list->items[i], trial->core);

		if (one && (count == 0 || str_eq(document_id(one), document_id(entities[0]))))
			entities[count++] = one;
	}
	entity = count ? united(trial, entities, count) : NULL;
	text = entity ? represented(trial, entity) : NULL;
	if (!text)
		return;
	demand(str_eq(document_id(entity), document_id(entities[0])));
	twice[0] = twice[1] = expanded(trial, text, trial->core);
	/* More types or members than an entity may have is what several may come to. */
	if (!twice[0])
		return;
	struct json *same = united(trial, twice, 2), *same_text = same ? represented(trial, same) : NULL;

	demand(!same_text || json_equal(same_text, text));
	check_names(trial, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char names[] = "{\"a\":\"urn:n:a\",\"b\":\"https://uri.etsi.org/ngsi-ld/default-context/c\","
				    "\"T\":\"urn:t:1\",\"@vocab\":\"urn:v:\"}";
	struct trial trial = {.parser = json_parser_new()};
	struct json *list = NULL, *value = NULL;
	struct error err;

	arena_init(&trial.arena, ARENA_BYTES_MAX);
	demand(trial.parser && context_core_new(&trial.core, &err) == ERR_OK);
	demand(json_parse(trial.parser, &trial.arena, STR(names), NULL, &value, &err) == ERR_OK &&
	       context_new(trial.core, value, NULL, &trial.other, &err) == ERR_OK);
	if (json_parse(trial.parser, &trial.arena, (struct str){(const char *)data, size}, NULL, &list, &err) ==
		    ERR_OK &&
	    json_is(list, JSON_ARRAY))
		run(&trial, list);
	(void)context_unref(trial.other);
	(void)context_unref(trial.core);
	(void)json_parser_free(trial.parser);
	arena_done(&trial.arena);
	return 0;
}
