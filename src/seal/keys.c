/* The keys: a file of lines, read once and made when there is none, and their memory. */
#include "seal/seal_int.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS (KEY_BYTES * 2)
#define FILE_BYTES_MAX 65536u
#define SUFFIX ".XXXXXX"

static const char head[] =
	"# What this city keeps secret is sealed by the first key here; all of them open. Without its key it is lost, "
	"and\n"
	"# with it a copy of the databases is open: keep a copy of this file, apart from theirs. A key a line.\n";

struct seal_keys {
	char *path; /* owned; NULL: none */
	pthread_mutex_t lock; /* guards the following; the keys never change once they are there */
	struct seal_key *list; /* owned; of sodium_malloc(), read-only; NULL: not read yet */
	size_t count;
	bool missed; /* what the file had sealed was looked for in vain */
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for keys");
}

enum err_code seal_keys_new(const char *path, struct seal_keys **ret_keys, struct error *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium cannot be used here");
	struct seal_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return no_memory(err);
	keys->path = path ? strdup(path) : NULL;
	if (path && !keys->path) {
		free(keys);
		return no_memory(err);
	}
	(void)pthread_mutex_init(&keys->lock, NULL);
	*ret_keys = keys;
	return ERR_OK;
}

struct seal_keys *seal_keys_free(struct seal_keys *keys)
{
	if (!keys)
		return NULL;
	sodium_free(keys->list); /* which wipes it */
	(void)pthread_mutex_destroy(&keys->lock);
	free(keys->path);
	free(keys);
	return NULL;
}

const char *seal_keys_path(const struct seal_keys *keys)
{
	return keys->path ? keys->path : "the memory of this process";
}

void seal_keys_miss(struct seal_keys *keys)
{
	(void)pthread_mutex_lock(&keys->lock);
	keys->missed = true;
	(void)pthread_mutex_unlock(&keys->lock);
}

/* ---- texts ---- */

static void name_key(struct seal_key *key)
{
	unsigned char hash[crypto_generichash_BYTES];

	(void)crypto_generichash(hash, sizeof(hash), key->bytes, sizeof(key->bytes), NULL, 0);
	(void)sodium_bin2hex(key->id, sizeof(key->id), hash, SEAL_KEY_ID_DIGITS / 2);
}

static enum err_code read_line(struct str line, unsigned number, struct seal_keys *keys, struct error *err)
{
	struct seal_key *key = &keys->list[keys->count];
	const char *end = NULL;
	size_t bytes = 0;

	if (line.len == 0 || line.at[0] == '#')
		return ERR_OK;
	if (keys->count == SEAL_KEYS_MAX)
		return err_set(err, ERR_LIMIT, "%s holds more than %u keys", keys->path, SEAL_KEYS_MAX);
	if (line.len != KEY_DIGITS ||
	    sodium_hex2bin(key->bytes, KEY_BYTES, line.at, line.len, NULL, &bytes, &end) != 0 || bytes != KEY_BYTES)
		return err_set(err, ERR_INVALID, "line %u of %s is no key of %zu hexadecimal digits", number,
			       keys->path, (size_t)KEY_DIGITS);
	name_key(key);
	keys->count++;
	return ERR_OK;
}

static enum err_code read_text(struct seal_keys *keys, struct str text, struct error *err)
{
	enum err_code code = ERR_OK;
	struct str line;
	unsigned number = 0;

	while (code == ERR_OK && str_next(&text, '\n', &line))
		code = read_line(str_trim(line), ++number, keys, err);
	if (code == ERR_OK && keys->count == 0)
		code = err_set(err, ERR_INVALID, "%s holds no key", keys->path);
	return code;
}

/* ---- the file ---- */

static enum err_code cannot(const char *what, const char *path, struct error *err)
{
	return err_set(err, ERR_IO, "cannot %s the file of keys %s: %s", what, path, strerror(errno));
}

static enum err_code check_mode(int fd, const char *path, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return cannot("look at", path, err);
	if (!S_ISREG(status.st_mode))
		return err_set(err, ERR_INVALID, "%s is no file", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, ERR_DENIED, "others may read or write the file of keys %s: chmod 600 it", path);
	return ERR_OK;
}

static enum err_code read_bytes(int fd, const char *path, char *bytes, size_t *ret_count, struct error *err)
{
	size_t count = 0;

	for (;;) {
		ssize_t got = read(fd, bytes + count, FILE_BYTES_MAX - count);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cannot("read", path, err);
		count += (size_t)got;
		if (count == FILE_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "%s has %u bytes or more", path, FILE_BYTES_MAX);
		if (got == 0)
			break;
	}
	*ret_count = count;
	return ERR_OK;
}

/* With the lock held. ERR_OK without keys: there is no file. */
static enum err_code load(struct seal_keys *keys, struct error *err)
{
	CLEANUP_FD int fd = open(keys->path, O_RDONLY | O_CLOEXEC);
	size_t count = 0;

	if (fd < 0)
		return errno == ENOENT ? ERR_OK : cannot("open", keys->path, err);
	enum err_code code = check_mode(fd, keys->path, err);

	if (code != ERR_OK)
		return code;
	char *bytes = sodium_malloc(FILE_BYTES_MAX);

	keys->list = bytes ? sodium_allocarray(SEAL_KEYS_MAX, sizeof(*keys->list)) : NULL;
	keys->count = 0;
	code = keys->list ? read_bytes(fd, keys->path, bytes, &count, err) : no_memory(err);
	if (code == ERR_OK)
		code = read_text(keys, (struct str){bytes, count}, err);
	sodium_free(bytes);
	if (code == ERR_OK) {
		(void)sodium_mprotect_readonly(keys->list);
	} else {
		sodium_free(keys->list);
		keys->list = NULL;
	}
	return code;
}

static bool write_all(int fd, const char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t put = write(fd, bytes, count);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		count -= (size_t)put;
	}
	return true;
}

static bool write_key(int fd)
{
	unsigned char *key = sodium_malloc(KEY_BYTES);
	char *text = sodium_malloc(KEY_DIGITS + 2);
	bool good = key && text;

	if (good) {
		randombytes_buf(key, KEY_BYTES);
		(void)sodium_bin2hex(text, KEY_DIGITS + 1, key, KEY_BYTES);
		text[KEY_DIGITS] = '\n';
		good = write_all(fd, head, sizeof(head) - 1) && write_all(fd, text, KEY_DIGITS + 1) && fsync(fd) == 0;
	}
	sodium_free(key);
	sodium_free(text);
	return good;
}

/* So that the name survives a power cut before anything is sealed by it. */
static bool sync_folder(const char *path)
{
	CLEANUP_MEMORY char *copy = strdup(path);
	CLEANUP_FD int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd >= 0 && fsync(fd) == 0;
}

/* Whole or not at all, and never over another's. */
static enum err_code create_file(const char *path, struct error *err)
{
	CLEANUP_MEMORY char *name = NULL;

	if (asprintf(&name, "%s" SUFFIX, path) < 0)
		return no_memory(err);
	CLEANUP_FD int fd = mkostemp(name, O_CLOEXEC); /* for its owner alone */

	if (fd < 0)
		return cannot("make", path, err);
	bool good = write_key(fd) && (link(name, path) == 0 || errno == EEXIST) && sync_folder(path);
	enum err_code code = good ? ERR_OK : cannot("make", path, err);

	(void)unlink(name);
	return code;
}

/* ---- taken ---- */

/* With the lock held. */
static enum err_code make_own(struct seal_keys *keys, struct error *err)
{
	keys->list = sodium_allocarray(1, sizeof(*keys->list));
	if (!keys->list)
		return no_memory(err);
	randombytes_buf(keys->list[0].bytes, KEY_BYTES);
	name_key(&keys->list[0]);
	keys->count = 1;
	(void)sodium_mprotect_readonly(keys->list);
	return ERR_OK;
}

static enum err_code create(struct seal_keys *keys, struct error *err)
{
	if (!keys->path)
		return make_own(keys, err);
	if (keys->missed)
		return err_set(err, ERR_NOT_FOUND,
			       "the file of keys %s is missing, which has sealed what is stored here: put it back",
			       keys->path);
	enum err_code code = create_file(keys->path, err);

	if (code == ERR_OK)
		code = load(keys, err);
	if (code == ERR_OK && !keys->list)
		code = err_set(err, ERR_IO, "the file of keys %s leads nowhere", keys->path);
	return code;
}

enum err_code seal_keys_take(struct seal_keys *keys, bool create_it, const struct seal_key **ret_list,
			     size_t *ret_count, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&keys->lock);
	if (!keys->list && keys->path)
		code = load(keys, err);
	if (code == ERR_OK && !keys->list && create_it)
		code = create(keys, err);
	if (code == ERR_OK && keys->list) {
		*ret_list = keys->list;
		*ret_count = keys->count;
	}
	(void)pthread_mutex_unlock(&keys->lock);
	return code;
}
