/* Arenas: a list of blocks with a bump pointer in the newest.
 *
 * Ordinary blocks double from 4 KiB to 256 KiB; an allocation over a quarter of the next block's size gets a block of
 * its own, linked behind the newest so that the newest keeps its free room. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES_MIN 4096u
#define ARENA_BLOCK_BYTES_MAX 262144u

struct arena_block {
	struct arena_block *next;
	size_t bytes; /* with this header */
};

static_assert(sizeof(struct arena_block) % ARENA_ALIGN == 0, "block data stays aligned");

void arena_init(struct arena *arena, size_t bytes_max)
{
	arena_init_small(arena, bytes_max, ARENA_BLOCK_BYTES_MIN);
}

void arena_init_small(struct arena *arena, size_t bytes_max, size_t first_bytes)
{
	*arena = (struct arena){.bytes_max = bytes_max, .first_bytes = first_bytes};
}

void arena_done(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena_init_small(arena, arena->bytes_max, arena->first_bytes);
}

void arena_clear(struct arena *arena)
{
	struct arena_block *keep = NULL;
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		if (!keep && block->bytes <= ARENA_BLOCK_BYTES_MAX)
			keep = block;
		else
			free(block);
		block = next;
	}
	arena_init_small(arena, arena->bytes_max, arena->first_bytes);
	if (!keep)
		return;
	keep->next = NULL;
	arena->blocks = keep;
	arena->bytes = keep->bytes;
	arena->at = (char *)(keep + 1);
	arena->end = (char *)keep + keep->bytes;
}

static struct arena_block *block_new(struct arena *arena, size_t bytes)
{
	if (bytes > arena->bytes_max - arena->bytes)
		return NULL;
	struct arena_block *block = malloc(bytes);

	if (!block)
		return NULL;
	block->bytes = bytes;
	arena->bytes += bytes;
	return block;
}

static size_t block_bytes_next(const struct arena *arena)
{
	size_t half = arena->first_bytes < ARENA_BLOCK_BYTES_MIN ? arena->bytes / 2 : arena->bytes;
	size_t bytes = half < arena->first_bytes ? arena->first_bytes : half;

	if (bytes > ARENA_BLOCK_BYTES_MAX)
		bytes = ARENA_BLOCK_BYTES_MAX;
	size_t left = arena->bytes_max - arena->bytes;

	return bytes < left ? bytes : left;
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
	size_t bytes = block_bytes_next(arena);

	if (size > SIZE_MAX / 2)
		return NULL;
	size_t need = size + sizeof(struct arena_block);

	if (need > bytes / 4 && arena->blocks) {
		struct arena_block *own = block_new(arena, need);

		if (!own)
			return NULL;
		own->next = arena->blocks->next;
		arena->blocks->next = own;
		return own + 1;
	}
	struct arena_block *block = block_new(arena, need > bytes ? need : bytes);

	if (!block)
		return NULL;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->at = (char *)(block + 1) + size;
	arena->end = (char *)block + block->bytes;
	return block + 1;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	void *p = arena_alloc(arena, size);

	return p ? memset(p, 0, size) : NULL;
}

void *arena_array_alloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
}

void *arena_grow(struct arena *arena, void *at, size_t count, size_t *room, size_t size, size_t room_first)
{
	size_t wanted = *room ? *room * 2 : room_first;

	if (count < *room)
		return at;
	void *grown = arena_array_alloc(arena, wanted, size);

	if (!grown)
		return NULL;
	if (count)
		memcpy(grown, at, count * size);
	*room = wanted;
	return grown;
}

char *arena_bytes(struct arena *arena, size_t len, size_t padding_bytes)
{
	size_t bytes;

	if (__builtin_add_overflow(len, padding_bytes, &bytes))
		return NULL;
	char *p;

	if (arena->at && bytes <= (size_t)(arena->end - arena->at)) {
		p = arena->at;
		arena->at += bytes;
	} else {
		p = arena_alloc_slow(arena, bytes ? bytes : 1);
	}
	if (p)
		memset(p + len, 0, padding_bytes);
	return p;
}

struct str arena_concat(struct arena *arena, struct str a, struct str b)
{
	char *copy = arena_bytes(arena, a.len + b.len, 1);

	if (!copy)
		return STR_NONE;
	if (a.len)
		memcpy(copy, a.at, a.len);
	if (b.len)
		memcpy(copy + a.len, b.at, b.len);
	return (struct str){copy, a.len + b.len};
}

struct str arena_dup(struct arena *arena, struct str s)
{
	return arena_concat(arena, s, STR_NONE);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);

	va_end(args);
	char *text = len < 0 ? NULL : arena_bytes(arena, (size_t)len, 1);

	if (text)
		(void)vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text ? (struct str){text, (size_t)len} : STR_NONE;
}
