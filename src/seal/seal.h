/* Sealing: secrets that are stored are encrypted by a key that is not stored with them.
 *
 * What is sealed is a text: "1.KEY.BYTES", KEY the id of the key that opens it, BYTES a random nonce and what
 * XChaCha20-Poly1305 makes of the secret (docs/decisions/0016-sealing.md). It opens only for the purpose that it was
 * sealed for, so that who can write to the store cannot put one secret in the place of another.
 * Keys are those of a file, a line each; the first seals, all open: to change keys, put a new one above. The file is
 * made at the first sealing; it may be a link to one elsewhere. What holds a key in memory is locked there and wiped.
 * Thread: any. */
#ifndef MACHI_SEAL_SEAL_H
#define MACHI_SEAL_SEAL_H

#include "base/arena.h"
#include "base/error.h"

#define SEAL_BYTES_MAX ((size_t)1 << 20) /* of a secret; more is ERR_LIMIT */
#define SEAL_KEYS_MAX 64u /* in a file; more is ERR_LIMIT */
#define SEAL_KEY_ID_DIGITS 16
#define SEAL_PSEUDONYM_DIGITS 32

struct seal_keys;

/* The file is not looked at before it is needed. path NULL: a key of this process alone, for what it forgets anyway. */
MUST_CHECK enum err_code seal_keys_new(const char *path, struct seal_keys **ret_keys, struct error *err);
struct seal_keys *seal_keys_free(struct seal_keys *keys);

/* purpose: what the secret is for, told again to open it. The text lies in the arena.
 * ERR_NOT_FOUND: the file is missing though it has sealed what was to be opened before: another key would hide that.
 * ERR_DENIED: others may read the file. ERR_INVALID: it holds something else. ERR_IO, ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code seal(struct seal_keys *keys, struct str secret, struct str purpose, struct arena *arena,
			      struct str *ret_sealed, struct error *err);
/* ERR_NOT_FOUND: the file, or this key in it, is missing. ERR_CORRUPT: it was sealed for another purpose, or is
 * damaged. Those of the file as above. */
MUST_CHECK enum err_code seal_open(struct seal_keys *keys, struct str sealed, struct str purpose, struct arena *arena,
				   struct str *ret_secret, struct error *err);
/* Was it sealed by the key that seals now? True also when there is none. */
bool seal_is_current(struct seal_keys *keys, struct str sealed);

/* A name instead of a text that says who somebody is: the same for the same text and purpose, and not to be turned back
 * without the file of keys, however few texts there are to try. Hexadecimal digits and a NUL: BLAKE2b (RFC 7693) of 16
 * bytes of the text, with the key that BLAKE2b of 32 bytes makes of the purpose with the last key of the file. That one
 * is the oldest, so that a new one above changes nothing; once it is taken out, names are others. The file is made if
 * there is none. Errors as of seal(). */
MUST_CHECK enum err_code seal_pseudonym(struct seal_keys *keys, struct str text, struct str purpose,
					char ret_digits[static SEAL_PSEUDONYM_DIGITS + 1], struct error *err);

#endif
