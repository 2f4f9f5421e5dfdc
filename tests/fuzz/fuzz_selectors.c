/* Lines in threes as the id, idPattern and type of selectors: refused with a reason, or evaluated without harm; what
 * matches has one of the ids or types that stores may narrow by. An empty line leaves its member out. */
#include "query_fuzz.h"

#define SELECTORS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_either(const struct narrow *narrow, const struct json *entity)
{
	bool either = narrow->either_id_count + narrow->either_type_count == 0;

	for (size_t i = 0; i < narrow->either_id_count; i++)
		either = either || str_eq(narrow->either_ids[i], document_id(entity));
	for (size_t i = 0; i < narrow->either_type_count; i++)
		either = either || document_has_type(entity, narrow->either_type_iris[i]);
	assert(either);
	query_fuzz_check(narrow, entity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	struct query_selector selectors[SELECTORS] = {{STR_NONE, STR_NONE, STR_NONE}};
	struct query_text text = {.selectors = selectors};
	struct str rest = {(const char *)data, size}, line;
	struct error err = {.code = ERR_OK};
	struct query *query;
	struct arena arena;

	for (size_t i = 0; i < SELECTORS * 3 && str_next(&rest, '\n', &line); i++) {
		struct query_selector *selector = &selectors[i / 3];

		if (line.len)
			*(i % 3 == 0 ? &selector->ids : i % 3 == 1 ? &selector->id_pattern : &selector->type) = line;
		text.selector_count = i / 3 + 1;
	}
	arena_init(&arena, 1 << 22);
	if (query_new(&arena, fuzz->parser, &text, fuzz->core, &query, &err) == ERR_OK) {
		for (int i = 0; i < FUZZ_ENTITIES; i++)
			if (query_matches(query, fuzz->entities[i]))
				check_either(query_narrow(query), fuzz->entities[i]);
		query_done(query);
	} else {
		assert(err.code != ERR_OK && err.code != ERR_INTERNAL && err.detail[0]);
	}
	arena_done(&arena);
	return 0;
}
