/* Things found by texts that they stand under, of several kinds: what subscriptions and registrations are found by.
 * Thread: one at a time. For use inside this room. */
#ifndef MACHI_BROKER_KEY_INDEX_H
#define MACHI_BROKER_KEY_INDEX_H

#include "base/map.h"

#define KEY_KINDS_MAX 9

struct key_bucket;
struct key_index {
	struct map buckets[KEY_KINDS_MAX]; /* by texts; owned */
};

/* Where a thing stands, so that taking it out needs nothing else. All zero at first. */
struct key_places {
	struct key_bucket **at; /* owned; room is the power of two above */
	uint32_t count;
};

struct key_list { /* borrowed, until the index changes */
	void *const *at;
	size_t count;
};

void key_index_init(struct key_index *index, uint64_t seed);
void key_index_done(struct key_index *index);
/* Puts the thing under the text, if it was not the last that was. False: no memory; what it stood under before it still
 * does. */
bool key_index_add(struct key_index *index, unsigned kind, struct str key, void *thing, struct key_places *places)
	__attribute__((warn_unused_result));
void key_index_remove(struct key_places *places, const void *thing); /* from wherever it stands */
/* Those under the text; a thing may be among them twice. */
struct key_list key_index_find(const struct key_index *index, unsigned kind, struct str key);

#endif
