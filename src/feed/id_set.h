/* A set of ids, kept as 64-bit hashes: filled first, asked afterwards. Two ids with one hash are taken for one; with a
 * million ids that happens once in tens of millions of sets. Shared within this room. */
#ifndef MACHI_FEED_ID_SET_H
#define MACHI_FEED_ID_SET_H

#include "base/str.h"

struct id_set {
	uint64_t *hashes; /* owned */
	size_t count, room;
	bool sorted;
};

/* A zeroed struct is an empty set. */
void id_set_done(struct id_set *set);
void id_set_clear(struct id_set *set);
/* False when memory is refused. */
bool id_set_add(struct id_set *set, struct str id) __attribute__((warn_unused_result));
bool id_set_has(struct id_set *set, struct str id);

#endif
