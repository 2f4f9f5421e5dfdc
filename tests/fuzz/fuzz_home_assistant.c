/* What devices announce and then say: lines, in turn a discovery message and a payload for each of the topics that were
 * told of so far. Bodies are entities with an id and a type; what is forgotten is told of no more. */
#include "feed/ha_template.h"
#include "feed/home_assistant.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct home_assistant_found found;

static void look(void)
{
	assert(found.count <= HOME_ASSISTANT_BODIES_MAX);
	for (size_t i = 0; i < found.count; i++)
		assert(json_text(json_get(found.bodies[i], STR("id"))).len &&
		       str_eq(json_text(json_get(found.bodies[i], STR("type"))), STR("Device")));
}

static void take(const struct home_assistant *ha, struct json_parser *parser, struct str payload, struct arena *arena)
{
	struct str topic;
	struct error err;

	for (size_t i = 0; (topic = home_assistant_topic(ha, i)).at; i++) {
		struct json *json = NULL;

		if (json_parse(parser, arena, payload, NULL, &json, &err) != ERR_OK)
			json = NULL;
		if (home_assistant_take(ha, topic, payload, json, STR_NONE, arena, &found, &err) == ERR_OK)
			look();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	struct context *context = NULL;
	struct home_assistant *ha;
	struct json_parser *parser = json_parser_new();
	struct arena arena;
	struct error err;

	assert(context_core_new(&context, &err) == ERR_OK);
	ha = home_assistant_new(context);
	assert(ha && parser);
	arena_init(&arena, (size_t)64 << 20);
	(void)!ha_template_check(rest, &err);
	for (unsigned turn = 0; str_next(&rest, '\n', &line); turn++) {
		struct json *config = NULL;
		struct str topic = arena_printf(&arena, "homeassistant/%s/o%u/config",
						turn % 4 < 2 ? "sensor" : "device", turn % 8);

		if (turn % 2)
			take(ha, parser, line, &arena);
		else if (json_parse(parser, &arena, line, NULL, &config, &err) == ERR_OK &&
			 home_assistant_discover(ha, topic, config, &arena, &found, &err) == ERR_OK)
			look();
		arena_clear(&arena);
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	(void)home_assistant_free(ha);
	(void)context_unref(context);
	return 0;
}
