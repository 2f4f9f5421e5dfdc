/* Replays a fuzz target's corpus as an ordinary test: every seed as it is, and variants of it that are the same in
 * every run.
 *
 * Usage: fuzz_x FOLDER (TAP, one case a seed) or fuzz_x FILE [VARIANT] (one seed, or one variant of it, for a
 * debugger). The variants of a seed: its beginnings, and copies with a few bytes flipped, dropped, doubled or moved,
 * drawn from a generator seeded with the seed's own bytes. A target that dies names the seed and the variant first. */
#include "base/cleanup.h"
#include "base/str.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_BYTES_MAX (1024u * 1024u)
#ifndef VARIANTS_PART
#define VARIANTS_PART 1u /* of a target whose inputs take long: so many times fewer variants of each seed */
#endif
#define TRUNCATIONS_MAX (256u / VARIANTS_PART) /* beginnings of a seed, evenly spread over its length */
#define MUTATIONS (1024u / VARIANTS_PART)
#define MUTATION_STEPS_MAX 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Offered by ASan's runtime; absent in builds without it. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* What is being fed now, written before each call: the last words, where nothing may be formatted any more. */
static char now[512];

struct seed {
	uint8_t *bytes; /* owned */
	size_t len;
};

static void last_words(void)
{
	ssize_t written = write(STDERR_FILENO, now, strlen(now));

	(void)written;
}

static void on_abort(int number)
{
	last_words();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* splitmix64, from its public description. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static bool seed_read(const char *path, struct seed *ret_seed)
{
	CLEANUP_FILE FILE *file = fopen(path, "rb");
	CLEANUP_MEMORY uint8_t *bytes = malloc(SEED_BYTES_MAX);

	if (!file || !bytes)
		return false;
	size_t len = fread(bytes, 1, SEED_BYTES_MAX, file);

	if (ferror(file) || fgetc(file) != EOF)
		return false;
	*ret_seed = (struct seed){TAKE(bytes), len};
	return true;
}

/* The target gets memory of exactly the length, so that ASan sees a read of one byte too many. */
static void feed(const uint8_t *bytes, size_t len)
{
	CLEANUP_MEMORY uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, bytes, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
}

/* One change of the bytes; their room is one byte more than their length. Returns the new length. */
static size_t mutate(uint8_t *bytes, size_t len, uint64_t *state)
{
	static const char signs[] = "\"\\{}[](),:;=<>!~|&*%-+.0 9e\n\r\t\0\x7f\x80\xc3\xff";
	size_t at = draw(state) % len, to = draw(state) % len;

	switch (draw(state) % 5) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << (draw(state) % 8));
		return len;
	case 1:
		bytes[at] = (uint8_t)signs[draw(state) % (sizeof(signs) - 1)];
		return len;
	case 2:
		memmove(bytes + at, bytes + at + 1, len - at - 1);
		return len > 1 ? len - 1 : len;
	case 3:
		memmove(bytes + at + 1, bytes + at, len - at);
		return len + 1;
	default:
		bytes[to] = bytes[at];
		return len;
	}
}

static void feed_mutated(const struct seed *seed, uint64_t *state)
{
	size_t len = seed->len;
	CLEANUP_MEMORY uint8_t *bytes = malloc(len + MUTATION_STEPS_MAX);

	if (!bytes)
		abort();
	memcpy(bytes, seed->bytes, len);
	for (uint64_t step = draw(state) % MUTATION_STEPS_MAX + 1; step > 0; step--)
		len = mutate(bytes, len, state);
	feed(bytes, len);
}

/* True if this variant is to be fed, which is then noted for the last words. only: SIZE_MAX for all. */
static bool wanted(const char *path, size_t variant, size_t only)
{
	if (only != SIZE_MAX && only != variant)
		return false;
	(void)snprintf(now, sizeof(now), "fuzz replay: died at variant %zu of %s\n", variant, path);
	return true;
}

static size_t replay(const char *path, const struct seed *seed, size_t only)
{
	size_t step = seed->len / TRUNCATIONS_MAX + 1, variant = 0;
	uint64_t state = str_hash((struct str){(const char *)seed->bytes, seed->len}, 0);

	if (wanted(path, variant++, only))
		feed(seed->bytes, seed->len);
	for (size_t len = 0; len < seed->len; len += step)
		if (wanted(path, variant++, only))
			feed(seed->bytes, len);
	for (size_t i = 0; seed->len > 0 && i < MUTATIONS; i++) {
		uint64_t own_state = state + i;

		if (wanted(path, variant++, only))
			feed_mutated(seed, &own_state);
	}
	return variant;
}

static bool replay_file(const char *path, size_t number, size_t only)
{
	struct seed seed;

	if (!seed_read(path, &seed)) {
		printf("not ok %zu - %s cannot be read, or is over %u bytes\n", number, path, SEED_BYTES_MAX);
		return false;
	}
	printf("ok %zu - %s and variants, %zu inputs\n", number, path, replay(path, &seed, only));
	(void)fflush(stdout);
	free(seed.bytes);
	return true;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_folder(const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, not_hidden, alphasort), good = 0;

	for (int i = 0; i < count; i++) {
		CLEANUP_MEMORY char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			abort();
		good += replay_file(path, (size_t)i + 1, SIZE_MAX);
		free(entries[i]);
	}
	free((void *)entries);
	if (count <= 0) {
		printf("not ok 1 - %s has seeds\n1..1\n", folder);
		return EXIT_FAILURE;
	}
	printf("1..%d\n", count);
	return good == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	uint64_t only = SIZE_MAX;

	if (argc < 2 || argc > 3 || (argc == 3 && !str_to_uint64(str_from(argv[2]), &only))) {
		(void)fprintf(stderr, "usage: %s FOLDER | FILE [VARIANT]\n", argv[0]);
		return 64;
	}
	(void)signal(SIGABRT, on_abort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(last_words);
	DIR *folder = opendir(argv[1]);

	if (!folder)
		return replay_file(argv[1], 1, only) ? EXIT_SUCCESS : EXIT_FAILURE;
	(void)closedir(folder);
	return replay_folder(argv[1]);
}
