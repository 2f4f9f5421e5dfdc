/* What nodes send: messages, each with a byte for its kind and one for its length before it. What is made of one is a
 * document of its own; commands to what was born do not fail otherwise than with an error. */
#include "sparkplug/sparkplug.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct sparkplug_taken *taken, struct arena *arena, const struct sparkplug_topic *topic)
{
	struct buf text;

	for (size_t i = 0; i < taken->device_count; i++)
		assert(sparkplug_device_death(arena, topic, taken->devices[i]));
	if (!taken->document)
		return;
	const struct json *metrics = json_get(taken->document, STR("metrics"));

	assert(json_is(metrics, JSON_ARRAY) && metrics->count <= SPARKPLUG_METRICS_MAX);
	buf_init(&text, (size_t)64 << 20);
	json_write(&text, taken->document);
	assert(!text.failed && str_is_utf8(buf_str(&text)));
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sparkplug *sparkplug = sparkplug_new();
	int64_t now_us = 1486144502122000;
	struct arena arena;

	assert(sparkplug);
	arena_init(&arena, (size_t)64 << 20);
	for (size_t at = 0; at + 2 <= size; now_us += 30000000) {
		struct sparkplug_topic topic = {
			.group = STR("g"), .node = STR("n"), .message = data[at] % SPARKPLUG_MESSAGE_COUNT};
		size_t len = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
		struct str payload = {(const char *)data + at + 2, len}, command;
		struct sparkplug_taken taken;
		struct error err;

		if (topic.message >= SPARKPLUG_DBIRTH)
			topic.device = data[at] & 0x80 ? STR("d") : STR("e");
		if (sparkplug_take(sparkplug, &topic, payload, now_us, &arena, &taken, &err) == ERR_OK)
			look_at(&taken, &arena, &topic);
		(void)!sparkplug_command(sparkplug, &topic, STR("m"), STR("1"), now_us, &arena, &command, &err);
		arena_clear(&arena);
		at += 2 + len;
	}
	arena_done(&arena);
	(void)sparkplug_free(sparkplug);
	return 0;
}
