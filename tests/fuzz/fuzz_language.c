/* Any text as lang: refused with a reason, or a filter whose weights fall and which chooses a language of any map. */
#include "ngsild/language.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose(struct arena *arena, const struct language_filter *filter)
{
	static const char *const tags[] = {"en-GB", "fr", "@none", "zh-Hant-CN", "de-CH-1996"};
	struct json map = json_object();

	assert(!language_choose(filter, &map));
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		json_add(arena, &map, str_from(tags[i]), json_string(STR("text")));
		const struct json_member *chosen = language_choose(filter, &map);

		assert(chosen >= map.members && chosen < map.members + map.count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct language_filter *filter = NULL;
	struct error err = {.code = ERR_OK};
	struct arena arena;

	arena_init(&arena, 1 << 20);
	if (language_filter_new(&arena, (struct str){(const char *)data, size}, &filter, &err) == ERR_OK) {
		assert(filter->count > 0 && filter->count <= LANGUAGE_RANGES_MAX);
		for (size_t i = 1; i < filter->count; i++)
			assert(filter->ranges[i].weight <= filter->ranges[i - 1].weight);
		choose(&arena, filter);
	} else {
		assert(err.code != ERR_OK && err.code != ERR_INTERNAL && err.detail[0]);
	}
	arena_done(&arena);
	return 0;
}
