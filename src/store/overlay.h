/* Evolutions that are not the store's alone: laid over a reader, so that of their ids it reads what they say instead of
 * what is stored, and everything else as before.
 *
 * Who puts evolutions together out of those of several brokers reads them by this as if one store had them all: the
 * same windows, filters and sums. Thread: one, the reader's. */
#ifndef MACHI_STORE_OVERLAY_H
#define MACHI_STORE_OVERLAY_H

#include "store/temporal.h"

struct store_overlay; /* in its arena */

/* NULL: no memory. */
struct store_overlay *store_overlay_new(struct arena *arena);
void store_overlay_done(struct store_overlay *overlay); /* NULL is fine */

/* An expanded EntityTemporal with id and type (expand.h, "stamped"), each id once; borrowed. A stamp of 0 is none. An
 * instance with deletedAt is a deletion. ERR_MEMORY; ERR_CORRUPT: something in it is no instance. */
MUST_CHECK enum err_code store_overlay_add(struct store_overlay *overlay, const struct json *evolution,
					   struct error *err);

/* The reader below, seen through the overlay: for store/temporal.h alone, and as long as both are there. It is not
 * freed. store_hold() of either holds both. Subjects of the overlay that the store does not have, or of which it has
 * other types, come behind the store's own. NULL: no memory. */
struct store_reader *store_overlay_reader(struct store_overlay *overlay, struct store_reader *below);

#endif
