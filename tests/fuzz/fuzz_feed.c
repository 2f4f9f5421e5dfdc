/* Feeds' documents and the messages that they are tried with: a NUL divides document, topic and payload. Whatever comes
 * out has an id and a type, and every message becomes something or is dropped for a reason. */
#include "feed/feed.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t entities, dropped;
};

static enum err_code take(void *self, const struct json *entity, struct error *err)
{
	struct seen *seen = self;

	(void)err;
	assert(json_text(json_get(entity, STR("id"))).len > 0 && json_get(entity, STR("type")));
	seen->entities++;
	return ERR_OK;
}

static void drop(void *self, enum feed_drop drop, const char *why)
{
	struct seen *seen = self;

	assert(drop < FEED_DROP_COUNT && feed_drop_name(drop) && why[0]);
	seen->dropped++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct broker *broker;
	const struct broker_options options = {.create = true};
	struct str rest = {(const char *)data, size}, document_text = STR_NONE, topic = STR_NONE;
	struct yaml_tree *document = NULL;
	struct seen seen = {0};
	struct arena arena;
	struct error err;

	if (!broker && broker_new(&options, &broker, &err) != ERR_OK)
		return 0;
	const struct feed_trial trial = {.broker = broker, .entity = take, .dropped = drop, .self = &seen};

	(void)str_next(&rest, '\0', &document_text);
	(void)str_next(&rest, '\0', &topic);
	arena_init(&arena, 16 << 20);
	if (yaml_tree_parse(&arena, STR("fuzz.yaml"), document_text, &document, &err) == ERR_OK && document) {
		bool read = feed_check(document, &err) == ERR_OK;

		assert(read || err.detail[0]);
		if (read && !yaml_tree_get(document, STR("context")) &&
		    feed_try(&trial, document, false, topic, rest, &err) == ERR_OK)
			assert(seen.entities + seen.dropped > 0);
	}
	arena_done(&arena);
	return 0;
}
