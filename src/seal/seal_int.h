/* Shared by the files of the room. */
#ifndef MACHI_SEAL_SEAL_INT_H
#define MACHI_SEAL_SEAL_INT_H

#include "seal/seal.h"

#include <sodium.h>

#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES

struct seal_key {
	char id[SEAL_KEY_ID_DIGITS + 1]; /* of its hash, so that it need not be written beside it */
	unsigned char bytes[KEY_BYTES];
};

/* The keys, in memory that is locked and wiped; ret_count 0: there is no file. create: makes it then, unless something
 * that it sealed was looked for. They live as long as `keys`. */
MUST_CHECK enum err_code seal_keys_take(struct seal_keys *keys, bool create, const struct seal_key **ret_list,
					size_t *ret_count, struct error *err);
/* Something was to be opened, and there is no file. */
void seal_keys_miss(struct seal_keys *keys);
const char *seal_keys_path(const struct seal_keys *keys); /* for sentences; never NULL */

#endif
