/* Fuzz target: bytes in the place of a packed document. They are refused by the tree and by the text alike, or both are
 * the same document, which packed once more comes back the same. */
#include "../unit/names_util.h"
#include "demand.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES ((size_t)16 << 20)

static struct test_names dictionary; /* of some names; new ones go behind them */

static struct document_names start(void)
{
	static const char *const known[] = {"https://example.org/Bus", "https://example.org/speed", "urn:\"quoted\\",
					    "urn:é"};
	struct document_names names = test_names_start(&dictionary);
	int64_t number;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		demand(names.number_of(names.self, str_from(known[i]), &number, NULL) == ERR_OK);
	return names;
}

static void pack_again(const struct document_names *names, const struct json *tree, struct str text,
		       struct arena *arena)
{
	bool packed = false, expires;
	struct json *again = NULL;
	struct buf bytes, written;

	buf_init(&bytes, TEXT_BYTES);
	buf_init(&written, TEXT_BYTES);
	enum err_code code = document_pack(tree, DOCUMENT_ENTITY, names, &bytes, &packed, &expires, NULL);

	demand(code == ERR_OK || (code == ERR_LIMIT && dictionary.count == TEST_NAMES_MAX));
	if (code == ERR_OK && packed) {
		demand(document_unpack(buf_str(&bytes), names, arena, &again, NULL) == ERR_OK);
		json_write(&written, again);
		demand(str_eq(buf_str(&written), text));
	}
	buf_done(&bytes);
	buf_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct document_names names = start();
	struct json *tree = NULL;
	struct buf text, written;
	struct arena arena;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&text, TEXT_BYTES);
	buf_init(&written, TEXT_BYTES);
	enum err_code by_tree = document_unpack(bytes, &names, &arena, &tree, NULL);
	enum err_code by_text = document_unpack_text(bytes, &names, &text, NULL);

	demand(by_text == by_tree || by_text == ERR_LIMIT || by_tree == ERR_MEMORY);
	if (by_tree == ERR_OK && by_text == ERR_OK) {
		json_write(&written, tree);
		demand(str_eq(buf_str(&written), buf_str(&text)));
		pack_again(&names, tree, buf_str(&text), &arena);
	}
	buf_done(&written);
	buf_done(&text);
	arena_done(&arena);
	arena_done(&dictionary.arena);
	return 0;
}
