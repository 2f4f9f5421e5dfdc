/* Secrets to texts and back. */
#include "seal/seal_int.h"

#include <string.h>

#define FORM "1."
#define HEAD_BYTES (sizeof(FORM) - 1 + SEAL_KEY_ID_DIGITS + 1) /* with the point behind the key's id */
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory to seal or open");
}

static const unsigned char *bytes_of(struct str text)
{
	return (const unsigned char *)text.at;
}

enum err_code seal(struct seal_keys *keys, struct str secret, struct str purpose, struct arena *arena,
		   struct str *ret_sealed, struct error *err)
{
	const struct seal_key *list = NULL;
	unsigned long long cipher_bytes = 0;
	size_t key_count = 0, bytes = NONCE_BYTES + secret.len + TAG_BYTES;

	if (secret.len > SEAL_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a secret has more than %zu bytes", SEAL_BYTES_MAX);
	enum err_code code = seal_keys_take(keys, true, &list, &key_count, err);

	if (code != ERR_OK)
		return code;
	size_t room = sodium_base64_ENCODED_LEN(bytes, BASE64); /* with the NUL */
	unsigned char *made = arena_alloc(arena, bytes);
	char *text = arena_bytes(arena, HEAD_BYTES + room, 1);

	if (!made || !text)
		return no_memory(err);
	randombytes_buf(made, NONCE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(made + NONCE_BYTES, &cipher_bytes, bytes_of(secret),
							 secret.len, bytes_of(purpose), purpose.len, NULL, made,
							 list[0].bytes);
	memcpy(text, FORM, sizeof(FORM) - 1);
	memcpy(text + sizeof(FORM) - 1, list[0].id, SEAL_KEY_ID_DIGITS);
	text[HEAD_BYTES - 1] = '.';
	(void)sodium_bin2base64(text + HEAD_BYTES, room, made, bytes, BASE64);
	*ret_sealed = (struct str){text, HEAD_BYTES + room - 1};
	return ERR_OK;
}

/* The id of the key; false: it is no text that seal() makes. */
static bool read_head(struct str sealed, struct str *ret_id)
{
	if (sealed.len <= HEAD_BYTES || !str_starts(sealed, STR(FORM)) || sealed.at[HEAD_BYTES - 1] != '.')
		return false;
	*ret_id = str_part(sealed, sizeof(FORM) - 1, HEAD_BYTES - 1);
	return true;
}

static const struct seal_key *find_key(const struct seal_key *list, size_t count, struct str id)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(id, str_from(list[i].id)))
			return &list[i];
	return NULL;
}

static enum err_code take_key(struct seal_keys *keys, struct str sealed, const struct seal_key **ret_key,
			      struct error *err)
{
	const struct seal_key *list = NULL;
	struct str id = STR_NONE;
	size_t count = 0;

	if (!read_head(sealed, &id))
		return err_set(err, ERR_CORRUPT, "it is no sealed text");
	enum err_code code = seal_keys_take(keys, false, &list, &count, err);

	if (code != ERR_OK)
		return code;
	if (count == 0) {
		seal_keys_miss(keys);
		return err_set(err, ERR_NOT_FOUND, "the file of its key %.*s is missing: %s", STR_FMT(id),
			       seal_keys_path(keys));
	}
	*ret_key = find_key(list, count, id);
	return *ret_key ? ERR_OK
			: err_set(err, ERR_NOT_FOUND, "its key %.*s is not in %s", STR_FMT(id), seal_keys_path(keys));
}

static enum err_code damaged(struct error *err)
{
	return err_set(err, ERR_CORRUPT, "it does not open: it, or what it belongs to, is not what it was");
}

enum err_code seal_open(struct seal_keys *keys, struct str sealed, struct str purpose, struct arena *arena,
			struct str *ret_secret, struct error *err)
{
	const struct seal_key *key = NULL;
	enum err_code code = take_key(keys, sealed, &key, err);

	if (code != ERR_OK)
		return code;
	struct str coded = str_part(sealed, HEAD_BYTES, sealed.len);
	unsigned char *bytes = arena_alloc(arena, coded.len);
	char *secret = arena_bytes(arena, coded.len, 1);
	unsigned long long secret_bytes = 0;
	size_t count = 0;

	if (!bytes || !secret)
		return no_memory(err);
	if (sodium_base642bin(bytes, coded.len, coded.at, coded.len, NULL, &count, NULL, BASE64) != 0 ||
	    count < NONCE_BYTES + TAG_BYTES)
		return damaged(err);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)secret, &secret_bytes, NULL,
						       bytes + NONCE_BYTES, count - NONCE_BYTES, bytes_of(purpose),
						       purpose.len, bytes, key->bytes) != 0)
		return damaged(err);
	*ret_secret = (struct str){secret, (size_t)secret_bytes};
	return ERR_OK;
}

enum err_code seal_pseudonym(struct seal_keys *keys, struct str text, struct str purpose,
			     char ret_digits[static SEAL_PSEUDONYM_DIGITS + 1], struct error *err)
{
	unsigned char key[KEY_BYTES], name[SEAL_PSEUDONYM_DIGITS / 2];
	const struct seal_key *list = NULL;
	size_t count = 0;
	enum err_code code = seal_keys_take(keys, true, &list, &count, err);

	if (code != ERR_OK)
		return code;
	(void)crypto_generichash(key, sizeof(key), bytes_of(purpose), purpose.len, list[count - 1].bytes, KEY_BYTES);
	(void)crypto_generichash(name, sizeof(name), bytes_of(text), text.len, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	(void)sodium_bin2hex(ret_digits, SEAL_PSEUDONYM_DIGITS + 1, name, sizeof(name));
	return ERR_OK;
}

bool seal_is_current(struct seal_keys *keys, struct str sealed)
{
	const struct seal_key *list = NULL;
	struct error unseen;
	struct str id;
	size_t count = 0;

	if (seal_keys_take(keys, false, &list, &count, &unseen) != ERR_OK || count == 0 || !read_head(sealed, &id))
		return true;
	return str_eq(id, str_from(list[0].id));
}
