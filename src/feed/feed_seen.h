/* What was told before: numbers that stand for rows which a service gives again and again, so that each is stored once.
 *
 * A row that has times of its own may be older than what its entity has, and would then be looked for in the history
 * with every poll. What is known is what the last whole round gave, and what this one has given so far; at most
 * FEED_SEEN_MAX numbers, beyond which rows are taken each time. Not over a restart. Pure. Thread: one owner. */
#ifndef MACHI_FEED_FEED_SEEN_H
#define MACHI_FEED_FEED_SEEN_H

#include "base/buf.h"
#include "json/json.h"

#define FEED_SEEN_MAX 1000000u /* of one */

struct feed_seen;

struct feed_seen *feed_seen_new(void); /* NULL: no memory */
struct feed_seen *feed_seen_free(struct feed_seen *seen);

/* The number of an entity as it would be added; 0: no attribute has an observedAt, or there is no memory. */
uint64_t feed_seen_tag(struct feed_seen *seen, const struct json *entity);
/* Is it known? Then it stays known for the next round. */
bool feed_seen_knows(struct feed_seen *seen, uint64_t tag);
void feed_seen_add(struct feed_seen *seen, uint64_t tag);
/* It was not stored after all. */
void feed_seen_forget(struct feed_seen *seen, uint64_t tag);
/* All has been given: what was not given again is forgotten. */
void feed_seen_end_round(struct feed_seen *seen);

#endif
