/* Any text as pick and omit: refused with a reason, or read into lists without names twice, in which every name is
 * found, and by which entities that link to each other come out as JSON. */
#include "ngsild/represent.h"
#include "query_fuzz.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct projection *list)
{
	assert(list->count > 0 && list->count <= PROJECTION_TERMS_MAX);
	for (size_t i = 0; i < list->count; i++) {
		const struct projection_term *term = &list->terms[i];

		assert(projection_names(list, term->name) && (term->linked || projection_omits(list, term->name)));
		for (size_t k = 0; k < i; k++)
			assert(!str_eq(list->terms[k].name, term->name));
		if (!term->linked)
			continue;
		assert(term->linked->outer == list && projection_linked(list, term->name) == term->linked);
		check_list(term->linked);
	}
}

static void represent(struct query_fuzz *fuzz, struct arena *arena, const struct represent_selection *show)
{
	const struct json_parse_options twice = {.duplicates_allowed =
							 true}; /* two default instances of an attribute */
	struct represent_links links = {.source = {query_fuzz_find, fuzz}, .levels = 3};
	struct represent_options options = {.context = fuzz->core, .show = *show, .links = &links};
	struct error err;
	struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 20);
	for (int i = 0; i < FUZZ_ENTITIES; i++) {
		options.format = (enum represent_format)(i % 3);
		buf_clear(&out);
		if (represent_entity(&out, arena, fuzz->entities[i], &options, &err) != ERR_OK || out.failed)
			abort();
		if (json_parse(fuzz->parser, arena, buf_str(&out), &twice, &tree, &err) != ERR_OK)
			abort();
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	const struct projection *list = NULL;
	struct str text = {(const char *)data, size};
	struct error err = {.code = ERR_OK};
	struct arena arena;

	arena_init(&arena, 1 << 22);
	if (projection_new(&arena, fuzz->core, "pick", text, PROJECT_MEMBERS, 3, &list, &err) == ERR_OK) {
		check_list(list);
		represent(fuzz, &arena, &(struct represent_selection){.pick = list});
		represent(fuzz, &arena, &(struct represent_selection){.omit = list});
	} else {
		assert(err.code != ERR_OK && err.code != ERR_INTERNAL && err.detail[0]);
	}
	arena_done(&arena);
	return 0;
}
