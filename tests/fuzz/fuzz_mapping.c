/* Mapping files and rows: a NUL byte divides the input into the mapping and the texts of a row, one a line. Nothing may
 * crash, and every entity that comes out has the id and type that a mapping promises. */
#include "feed/mapping.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct mapping *mapping, struct str row)
{
	struct str values[MAPPING_COLUMNS_MAX] = {0};
	enum mapping_result result;
	struct json *entity = NULL;
	struct arena arena;
	struct error err;
	size_t count;

	(void)mapping_columns(mapping, &count);
	for (size_t i = 0; i < count && str_next(&row, '\n', &values[i]); i++)
		continue;
	arena_init(&arena, 16 << 20);
	if (mapping_apply(mapping, &arena, values, &result, &entity, &err) == ERR_OK && result == MAPPING_TAKEN) {
		assert(json_text(json_get(entity, STR("id"))).len > 0 && json_get(entity, STR("type")));
		struct json *more = json_dup(&arena, entity);

		if (more)
			(void)mapping_merge(mapping, &arena, entity, more);
	}
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *divide = size ? memchr(data, 0, size) : NULL;
	size_t len = divide ? (size_t)(divide - data) : size;
	struct mapping *mapping = NULL;
	struct error err;

	if (mapping_parse(STR("fuzz.yaml"), (struct str){(const char *)data, len}, &mapping, &err) == ERR_OK)
		use(mapping, (struct str){(const char *)data + (divide ? len + 1 : len), divide ? size - len - 1 : 0});
	(void)mapping_free(mapping);
	return 0;
}
