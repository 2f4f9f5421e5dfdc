/* A set of ids as hashes. */
#include "feed/id_set.h"

#include <stdlib.h>

#define ROOM_MIN 1024u
#define SEED 0x6774667321u

void id_set_done(struct id_set *set)
{
	free(set->hashes);
	*set = (struct id_set){0};
}

void id_set_clear(struct id_set *set)
{
	set->count = 0;
	set->sorted = false;
}

bool id_set_add(struct id_set *set, struct str id)
{
	if (set->count == set->room) {
		size_t room = set->room ? set->room * 2 : ROOM_MIN;
		uint64_t *more = realloc(set->hashes, room * sizeof(*more));

		if (!more)
			return false;
		set->hashes = more;
		set->room = room;
	}
	set->hashes[set->count++] = str_hash(id, SEED);
	set->sorted = false;
	return true;
}

static int compare(const void *a_void, const void *b_void)
{
	uint64_t a = *(const uint64_t *)a_void, b = *(const uint64_t *)b_void;

	return a < b ? -1 : a > b;
}

bool id_set_has(struct id_set *set, struct str id)
{
	uint64_t hash = str_hash(id, SEED);

	if (set->count == 0)
		return false;
	if (!set->sorted)
		qsort(set->hashes, set->count, sizeof(hash), compare);
	set->sorted = true;
	return bsearch(&hash, set->hashes, set->count, sizeof(hash), compare);
}
