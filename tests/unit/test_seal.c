/* Sealing: what is sealed opens for its purpose and with its key alone, and the file of keys is guarded. */
#include "check.h"
#include "folder_util.h"
#include "seal/seal.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

static struct arena arena;
static struct error err;
static char folder[] = "/tmp/machi-seal-XXXXXX";
static char path[64];

static struct seal_keys *keys_of(const char *file)
{
	struct seal_keys *keys = NULL;

	CHECK_OK(seal_keys_new(file, &keys, &err), &err);
	return keys;
}

static struct str sealed_by(struct seal_keys *keys, const char *secret, const char *purpose)
{
	struct str text = STR_NONE;

	CHECK_OK(seal(keys, str_from(secret), str_from(purpose), &arena, &text, &err), &err);
	return text;
}

static enum err_code open_it(struct seal_keys *keys, struct str sealed, const char *purpose, const char *expected)
{
	struct str secret = STR_NONE;
	enum err_code code = seal_open(keys, sealed, str_from(purpose), &arena, &secret, &err);

	if (code == ERR_OK)
		CHECK_STR(secret, str_from(expected));
	return code;
}

static void write_file(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

static const char *read_file(void)
{
	FILE *file = fopen(path, "r");
	char *text = arena_zalloc(&arena, 4096);

	CHECK(file && fread(text, 1, 4095, file) > 0);
	if (file)
		(void)fclose(file);
	return text;
}

/* ---- promises ---- */

static void it_opens_for_its_purpose_alone(void)
{
	struct seal_keys *keys = keys_of(NULL), *others = keys_of(NULL);
	struct str one = sealed_by(keys, "Bearer swordfish", "urn:r:1 Authorization");
	struct str again = sealed_by(keys, "Bearer swordfish", "urn:r:1 Authorization");
	struct str none = sealed_by(keys, "", "p");

	CHECK(!str_eq(one, again)); /* nobody sees that they are the same */
	CHECK(!str_contains(one, STR("swordfish")) && !memchr(one.at, '"', one.len));
	CHECK(open_it(keys, one, "urn:r:1 Authorization", "Bearer swordfish") == ERR_OK);
	CHECK(open_it(keys, again, "urn:r:1 Authorization", "Bearer swordfish") == ERR_OK);
	CHECK(open_it(keys, none, "p", "") == ERR_OK);
	CHECK(open_it(keys, one, "urn:r:2 Authorization", "") == ERR_CORRUPT);
	CHECK(open_it(keys, one, "", "") == ERR_CORRUPT);
	CHECK(open_it(others, one, "urn:r:1 Authorization", "") == ERR_NOT_FOUND); /* it has no key yet */
	(void)sealed_by(others, "x", "y");
	CHECK(open_it(others, one, "urn:r:1 Authorization", "") == ERR_NOT_FOUND);
	(void)seal_keys_free(keys);
	(void)seal_keys_free(others);
}

/* Every text that differs from it in one byte, is shorter, or has more behind it. */
static void what_was_changed_does_not_open(void)
{
	struct seal_keys *keys = keys_of(NULL);
	struct str sealed = sealed_by(keys, "a secret", "p");
	char *copy = arena_bytes(&arena, sealed.len + 4, 1);

	memcpy(copy, sealed.at, sealed.len);
	for (size_t i = 0; i < sealed.len; i++) {
		copy[i] = (char)(sealed.at[i] == 'A' ? 'B' : 'A');
		CHECK(open_it(keys, (struct str){copy, sealed.len}, "p", "") != ERR_OK);
		copy[i] = sealed.at[i];
		CHECK(open_it(keys, str_part(sealed, 0, i), "p", "") != ERR_OK);
	}
	memcpy(copy + sealed.len, "AAAA", 4);
	CHECK(open_it(keys, (struct str){copy, sealed.len + 4}, "p", "") == ERR_CORRUPT);
	CHECK(open_it(keys, (struct str){copy, sealed.len}, "p", "a secret") == ERR_OK);
	(void)seal_keys_free(keys);
}

static void the_file_is_made_for_its_owner_alone(void)
{
	struct seal_keys *keys = keys_of(path), *later = NULL;
	struct stat status;

	CHECK(stat(path, &status) != 0);
	CHECK(open_it(keys, STR("nothing sealed"), "p", "") == ERR_CORRUPT && stat(path, &status) != 0);
	struct str sealed = sealed_by(keys, "x", "p");

	CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
	later = keys_of(path);
	CHECK(open_it(later, sealed, "p", "x") == ERR_OK && seal_is_current(later, sealed));
	(void)seal_keys_free(later);
	CHECK(chmod(path, 0640) == 0);
	later = keys_of(path);
	CHECK(open_it(later, sealed, "p", "") == ERR_DENIED && strstr(err.detail, path));
	CHECK(chmod(path, 0600) == 0 && open_it(later, sealed, "p", "x") == ERR_OK);
	(void)seal_keys_free(later);
	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0);
}

/* A new key would hide that the old one is gone. */
static void a_missing_file_is_not_made_anew(void)
{
	struct seal_keys *keys = keys_of(path);
	struct str sealed = sealed_by(keys, "x", "p"), other = STR_NONE;
	const char *text = read_file();

	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0);
	keys = keys_of(path);
	CHECK(open_it(keys, sealed, "p", "") == ERR_NOT_FOUND && strstr(err.detail, path));
	CHECK(seal(keys, STR("y"), STR("p"), &arena, &other, &err) == ERR_NOT_FOUND && strstr(err.detail, path));
	write_file(text, 0600);
	CHECK(open_it(keys, sealed, "p", "x") == ERR_OK);
	CHECK(seal(keys, STR("y"), STR("p"), &arena, &other, &err) == ERR_OK);
	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0);
}

static void the_first_key_seals_and_all_open(void)
{
	static const char ones[] = "1111111111111111111111111111111111111111111111111111111111111111";
	struct seal_keys *keys = keys_of(path);
	struct str old = sealed_by(keys, "x", "p");
	const char *text = read_file();

	(void)seal_keys_free(keys);
	write_file(arena_printf(&arena, "# new\n%s\r\n\n%s", ones, text).at, 0600);
	keys = keys_of(path);
	CHECK(open_it(keys, old, "p", "x") == ERR_OK && !seal_is_current(keys, old));
	struct str now = sealed_by(keys, "x", "p");

	CHECK(seal_is_current(keys, now));
	(void)seal_keys_free(keys);
	write_file(arena_printf(&arena, "%s\n", ones).at, 0600);
	keys = keys_of(path);
	CHECK(open_it(keys, now, "p", "x") == ERR_OK && open_it(keys, old, "p", "") == ERR_NOT_FOUND);
	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0);
}

static void a_file_of_something_else_is_refused(void)
{
	static const char *const texts[] = {"",
					    "# nothing\n",
					    "secret\n",
					    "0000\n",
					    "zz11111111111111111111111111111111111111111111111111111111111111\n",
					    "111111111111111111111111111111111111111111111111111111111111111\n",
					    "11111111111111111111111111111111111111111111111111111111111111111\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct seal_keys *keys = keys_of(path);
		struct str sealed = STR_NONE;

		write_file(texts[i], 0600);
		CHECK(seal(keys, STR("x"), STR("p"), &arena, &sealed, &err) == ERR_INVALID);

		(void)seal_keys_free(keys);
		CHECK(unlink(path) == 0);
	}
}

static void links_are_followed(void)
{
	char elsewhere[96];
	struct seal_keys *keys = keys_of(path);
	struct str sealed = STR_NONE;

	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	CHECK(symlink(elsewhere, path) == 0);
	CHECK(seal(keys, STR("x"), STR("p"), &arena, &sealed, &err) == ERR_IO);
	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0);
	keys = keys_of(elsewhere);
	sealed = sealed_by(keys, "x", "p");
	(void)seal_keys_free(keys);
	CHECK(symlink(elsewhere, path) == 0);
	keys = keys_of(path);
	CHECK(open_it(keys, sealed, "p", "x") == ERR_OK);
	(void)seal_keys_free(keys);
	CHECK(unlink(path) == 0 && unlink(elsewhere) == 0);
}

/* ---- threads ---- */

struct sealer {
	struct seal_keys *keys;
	struct arena arena;
	struct str sealed;
};

static void *seal_one(void *self)
{
	struct sealer *sealer = self;
	struct error local;

	(void)!seal(sealer->keys, STR("x"), STR("p"), &sealer->arena, &sealer->sealed, &local);
	return NULL;
}

/* As several processes would: one file comes of it, and whose it is does not matter. */
static void all_who_make_the_file_at_once_have_one_key(void)
{
	struct sealer sealers[4];
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		sealers[i] = (struct sealer){.keys = keys_of(path)};
		arena_init(&sealers[i].arena, 1u << 16);
		CHECK(pthread_create(&threads[i], NULL, seal_one, &sealers[i]) == 0);
	}
	for (size_t i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < 4; i++) {
		CHECK(open_it(sealers[0].keys, sealers[i].sealed, "p", "x") == ERR_OK);
		arena_done(&sealers[i].arena);
	}
	for (size_t i = 0; i < 4; i++)
		(void)seal_keys_free(sealers[i].keys);
	CHECK(unlink(path) == 0);
}

static void bounds_are_kept(void)
{
	struct seal_keys *keys = keys_of(NULL);
	struct str text = STR_NONE, long_one = {arena_zalloc(&arena, SEAL_BYTES_MAX + 1), SEAL_BYTES_MAX + 1};
	struct arena small;

	CHECK(seal(keys, long_one, STR("p"), &arena, &text, &err) == ERR_LIMIT);
	long_one.len--;
	CHECK_OK(seal(keys, long_one, STR("p"), &arena, &text, &err), &err);
	arena_init(&small, 64);
	CHECK(seal(keys, STR("x"), STR("p"), &small, &text, &err) == ERR_MEMORY);
	arena_done(&small);
	(void)seal_keys_free(keys);
}

/* The digits are those of Python's hashlib: key = blake2b(purpose, digest_size=32, key=bytes.fromhex("11" * 32)), then
 * blake2b(text, digest_size=16, key=key). */
static void a_pseudonym_is_made_by_the_oldest_key(void)
{
	static const char one[] = "1111111111111111111111111111111111111111111111111111111111111111\n";
	static const char two[] = "2222222222222222222222222222222222222222222222222222222222222222\n"
				  "1111111111111111111111111111111111111111111111111111111111111111\n";
	char digits[SEAL_PSEUDONYM_DIGITS + 1], other[SEAL_PSEUDONYM_DIGITS + 1];

	for (int i = 0; i < 2; i++) {
		write_file(i ? two : one, 0600);
		struct seal_keys *keys = keys_of(path);

		CHECK_OK(seal_pseudonym(keys, STR("DEADBEEF"), STR("card"), digits, &err), &err);
		CHECK_STR(str_from(digits), STR("5044fa58699602b29605cf1c23e109ae"));
		CHECK_OK(seal_pseudonym(keys, STR("DEADBEEF"), STR("name"), other, &err), &err);
		CHECK(strcmp(digits, other) != 0);
		CHECK_OK(seal_pseudonym(keys, STR("DEADBEE0"), STR("card"), other, &err), &err);
		CHECK(strcmp(digits, other) != 0);
		(void)seal_keys_free(keys);
	}
	CHECK(chmod(path, 0644) == 0);
	struct seal_keys *keys = keys_of(path);

	CHECK(seal_pseudonym(keys, STR("DEADBEEF"), STR("card"), digits, &err) == ERR_DENIED);
	(void)seal_keys_free(keys);
}

int main(void)
{
	arena_init(&arena, (size_t)64 << 20);
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/secret.key", folder);
	RUN(it_opens_for_its_purpose_alone);
	RUN(what_was_changed_does_not_open);
	RUN(the_file_is_made_for_its_owner_alone);
	RUN(a_missing_file_is_not_made_anew);
	RUN(the_first_key_seals_and_all_open);
	RUN(a_file_of_something_else_is_refused);
	RUN(links_are_followed);
	RUN(all_who_make_the_file_at_once_have_one_key);
	RUN(bounds_are_kept);
	RUN(a_pseudonym_is_made_by_the_oldest_key);
	arena_done(&arena);
	remove_folder(folder);
	return check_done();
}
