/* Keys that are random, their digests, and passwords. */
#include "access/access_int.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(crypto_pwhash_STRBYTES == ACCESS_HASH_CHARS, "a hash fits");
static_assert(crypto_hash_sha256_BYTES == ACCESS_DIGEST_BYTES, "a digest fits");

#define KEY_BYTES 32u
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* Of a password that nobody knows: what a name that is none is compared with, so that it takes as long. */
static const char nobodys_hash[] =
	"$argon2id$v=19$m=65536,t=2,p=1$TWFjaGlNYWNoaU1hY2hpTQ$3pOFsFqJjJ6ZlkG6R8vGQe0cJGZ6qgJbI0sD2v0b3x8";

/* The most used of the lists of leaked passwords that are long enough to be allowed, in lower case (NIST SP 800-63B,
 * 5.1.1.2: compare with those "known to be commonly-used"). */
static const char *const common[] = {
	"1234567890",  "0123456789",  "9876543210",   "1111111111",  "0000000000",    "12345678910",   "123456789a",
	"a123456789",  "qwertyuiop",  "asdfghjkl;",   "1q2w3e4r5t",  "1qaz2wsx3edc",  "q1w2e3r4t5",    "zaq12wsxcde3",
	"password12",  "password123", "password1234", "passw0rd123", "p@ssw0rd123",   "p@ssword123",   "iloveyou12",
	"iloveyou123", "letmein123",  "welcome123",   "welcome1234", "administrator", "administrador", "admin12345",
	"admin123456", "adminadmin",  "changeme123",  "changemenow", "smartcity1",    "smartcity123",  "machimachi",
	"superman123", "football123", "baseball123",  "sunshine123", "princess123",   "qwerty12345",   "qwerty123456",
	"abcdefghij",  "abcdefghijk", "abc1234567",   "1234567891",  "123123123123",  "1122334455",
};

void secret_make(char ret[ACCESS_SECRET_CHARS + 1])
{
	unsigned char key[KEY_BYTES];

	randombytes_buf(key, sizeof(key));
	(void)sodium_bin2base64(ret, ACCESS_SECRET_CHARS + 1, key, sizeof(key), BASE64);
	sodium_memzero(key, sizeof(key));
}

void secret_digest(struct str secret, unsigned char ret[ACCESS_DIGEST_BYTES])
{
	(void)crypto_hash_sha256(ret, (const unsigned char *)secret.at, secret.len);
}

void secret_csrf(struct str secret, char ret[ACCESS_SECRET_CHARS + 1])
{
	static const char purpose[] = "machi csrf 1";
	unsigned char digest[ACCESS_DIGEST_BYTES];
	crypto_hash_sha256_state state;

	(void)crypto_hash_sha256_init(&state);
	(void)crypto_hash_sha256_update(&state, (const unsigned char *)purpose, sizeof(purpose));
	(void)crypto_hash_sha256_update(&state, (const unsigned char *)secret.at, secret.len);
	(void)crypto_hash_sha256_final(&state, digest);
	(void)sodium_bin2base64(ret, ACCESS_SECRET_CHARS + 1, digest, sizeof(digest), BASE64);
}

/* "xxxxx-xxxxx-xxxxx-xxxxxx": 21 characters of 32 are 105 bits, none of which is mistaken for another. */
void one_time_password(char ret[ACCESS_ONE_TIME_CHARS + 1])
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

	static_assert(sizeof(alphabet) == 33, "each is as likely as any other");
	for (size_t i = 0; i < ACCESS_ONE_TIME_CHARS; i++)
		ret[i] = i == 5 || i == 11 || i == 17 ? '-' : alphabet[randombytes_uniform(32)];
	ret[ACCESS_ONE_TIME_CHARS] = '\0';
}

static bool is_common(struct str password)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (str_eq_nocase(password, str_from(common[i])))
			return true;
	return false;
}

static bool is_one_character(struct str password)
{
	for (size_t i = 1; i < password.len; i++)
		if (password.at[i] != password.at[0])
			return false;
	return true;
}

enum err_code password_check(struct str name, struct str password, struct error *err)
{
	if (password.len < ACCESS_PASSWORD_BYTES_MIN || password.len > ACCESS_PASSWORD_BYTES_MAX)
		return err_set(err, ERR_INVALID, "a password has %d to %d characters", ACCESS_PASSWORD_BYTES_MIN,
			       ACCESS_PASSWORD_BYTES_MAX);
	if (!str_is_utf8(password))
		return err_set(err, ERR_INVALID, "a password is UTF-8 text");
	if (str_eq_nocase(password, name))
		return err_set(err, ERR_INVALID, "a password is not the account's name");
	if (is_common(password) || is_one_character(password))
		return err_set(err, ERR_INVALID, "this password is among the most used ones");
	return ERR_OK;
}

enum err_code password_hash(struct access *access, struct str password, char ret[ACCESS_HASH_CHARS], struct error *err)
{
	(void)pthread_mutex_lock(&access->hash_lock);
	int rc = crypto_pwhash_str(ret, password.at ? password.at : "", password.len,
				   crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE);

	(void)pthread_mutex_unlock(&access->hash_lock);
	return rc == 0 ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to hash a password (64 MiB)");
}

bool password_fits(struct access *access, struct str hash, struct str password)
{
	char text[ACCESS_HASH_CHARS] = {0};
	struct str used = hash.at && hash.len < sizeof(text) ? hash : STR_NONE;

	if (!used.at)
		used = STR(nobodys_hash);
	memcpy(text, used.at, used.len);
	(void)pthread_mutex_lock(&access->hash_lock);
	bool fits = crypto_pwhash_str_verify(text, password.at ? password.at : "", password.len) == 0;

	(void)pthread_mutex_unlock(&access->hash_lock);
	return fits && hash.at && hash.len < sizeof(text);
}

bool password_hash_is_old(struct str hash)
{
	char text[ACCESS_HASH_CHARS] = {0};

	if (hash.len >= sizeof(text))
		return false;
	memcpy(text, hash.at, hash.len);
	return crypto_pwhash_str_needs_rehash(text, crypto_pwhash_OPSLIMIT_INTERACTIVE,
					      crypto_pwhash_MEMLIMIT_INTERACTIVE) == 1;
}
