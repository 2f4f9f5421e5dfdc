/* Any two lines as what is sealed and its purpose: it is refused, for nobody here has the key; what is sealed of it
 * opens again, and not for another purpose. */
#include "seal/seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, text = {"", 0}, secret = STR_NONE, sealed = STR_NONE;
	struct seal_keys *keys = NULL;
	struct arena arena;
	struct error err;

	(void)str_next(&rest, '\n', &text);
	struct str purpose = rest.at ? rest : STR("");

	arena_init(&arena, (size_t)16 << 20);
	if (seal_keys_new(NULL, &keys, &err) != ERR_OK || seal(keys, text, purpose, &arena, &sealed, &err) != ERR_OK)
		abort();
	if (seal_open(keys, text, purpose, &arena, &secret, &err) == ERR_OK)
		abort();
	(void)seal_is_current(keys, text);
	if (seal_open(keys, sealed, purpose, &arena, &secret, &err) != ERR_OK || !str_eq(secret, text))
		abort();
	if (seal_open(keys, sealed, STR("another one"), &arena, &secret, &err) != ERR_CORRUPT)
		abort();
	arena_done(&arena);
	(void)seal_keys_free(keys);
	return 0;
}
