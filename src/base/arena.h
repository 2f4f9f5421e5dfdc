/* Arenas: many small allocations that die together, with a cap in bytes.
 *
 * One arena per request (H2O's pools, PostgreSQL's memory contexts). Thread: one owner at a time. */
#ifndef MACHI_BASE_ARENA_H
#define MACHI_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

#define ARENA_ALIGN 16u

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *at, *end; /* free room in the newest block */
	size_t bytes; /* taken from the system so far */
	size_t bytes_max; /* never exceeded */
	size_t first_bytes; /* of the first block */
};

/* An initialised arena owns nothing yet: it allocates at the first use. */
void arena_init(struct arena *arena, size_t bytes_max);
/* For what there are many of, each small and living long: the first block has so many bytes, and those behind it half
 * of what is there. */
void arena_init_small(struct arena *arena, size_t bytes_max, size_t first_bytes);
void arena_done(struct arena *arena); /* frees all; the arena may be initialised again */
void arena_clear(struct arena *arena); /* frees all but one block of ordinary size, for reuse */

/* arena_alloc() where the newest block has no room. */
void *arena_alloc_slow(struct arena *arena, size_t size) __attribute__((malloc, warn_unused_result));

/* Memory aligned to 16 bytes, not zeroed; NULL when the cap or the system refuses. size 0 gives a unique pointer. */
__attribute__((malloc, warn_unused_result)) static inline void *arena_alloc(struct arena *arena, size_t size)
{
	char *at = (char *)(((uintptr_t)arena->at + ARENA_ALIGN - 1) & ~(uintptr_t)(ARENA_ALIGN - 1));

	if (size == 0)
		size = 1;
	if (!arena->at || at > arena->end || size > (size_t)(arena->end - at))
		return arena_alloc_slow(arena, size);
	arena->at = at + size;
	return at;
}

/* The same, zeroed. */
void *arena_zalloc(struct arena *arena, size_t size) __attribute__((malloc, warn_unused_result));
/* count × size with overflow checked. */
void *arena_array_alloc(struct arena *arena, size_t count, size_t size) __attribute__((malloc, warn_unused_result));
/* A list that doubles: at itself where its room is more than count, else a copy with twice the room, or the first one;
 * *room follows. NULL: refused, and the list is as it was. */
void *arena_grow(struct arena *arena, void *at, size_t count, size_t *room, size_t size, size_t room_first)
	__attribute__((warn_unused_result));
/* Unaligned bytes, for text; padding_bytes more are readable behind them and zero. */
char *arena_bytes(struct arena *arena, size_t len, size_t padding_bytes) __attribute__((malloc, warn_unused_result));

#define arena_new(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_array_alloc((arena), (count), sizeof(type)))

/* Copies, NUL-terminated behind len for C callers. at is NULL when memory was refused (an empty copy is not NULL). */
struct str arena_dup(struct arena *arena, struct str s);
struct str arena_concat(struct arena *arena, struct str a, struct str b);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
