/* Any bytes as a JSON document: no crash, and what is accepted is written as a document that reads as the same tree
 * and is written the same again. */
#include "json/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(struct json_parser *parser, struct arena *arena, const struct json *tree)
{
	struct buf first, second;
	struct json *again = NULL;
	struct error err;

	buf_init(&first, SIZE_MAX / 2);
	buf_init(&second, SIZE_MAX / 2);
	json_write(&first, tree);
	enum err_code code = json_parse(parser, arena, buf_str(&first), NULL, &again, &err);

	assert(code == ERR_OK);
	assert(json_equal(tree, again));
	json_write(&second, again);
	assert(str_eq(buf_str(&first), buf_str(&second)));
	const struct json *copy = json_dup(arena, tree);

	assert(copy && json_equal(copy, tree));
	buf_done(&first);
	buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_parser *parser = json_parser_new();
	struct json_parse_options loose = {.depth_max = 200, .duplicates_allowed = true};
	struct str text = {(const char *)data, size};
	struct arena arena;
	struct error err;
	struct json *tree, *same;

	if (!parser)
		abort();
	arena_init(&arena, 1u << 30);
	enum err_code code = json_parse(parser, &arena, text, NULL, &tree, &err);

	assert(code == ERR_OK || (err.code == code && err.detail[0]));
	if (code == ERR_OK) {
		check_tree(parser, &arena, tree);
		code = json_parse(parser, &arena, text, &loose, &same, &err);
		assert(code == ERR_OK && json_equal(tree, same));
	} else {
		code = json_parse(parser, &arena, text, &loose, &same, &err);
		assert(code == ERR_OK || err.code == code);
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	return 0;
}
