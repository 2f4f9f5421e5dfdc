/* The inside of the publisher of GTFS. */
#ifndef MACHI_FEED_GTFS_PUBLISH_INT_H
#define MACHI_FEED_GTFS_PUBLISH_INT_H

#include "feed/gtfs_int.h"
#include "feed/gtfs_publish.h"

#include <pthread.h>
#include <stdatomic.h>

struct kept {
	struct gtfs_publication publication; /* first: what others hold */
	_Atomic unsigned holders;
	struct store *store; /* that it is of */
	char timetable[GTFS_FEED_NAME_BYTES_MAX + 1];
	enum gtfs_document document;
	bool planned_too;
	char mark[64]; /* of the import that a zip is of */
	int64_t made_ms; /* CLOCK_MONOTONIC */
	uint64_t used; /* the greater, the later it was asked for */
	uint64_t hash; /* of what the ETag stands for */
};

/* ---- gtfs_publish_make.c ---- */

/* What the ask is for, made anew. before: what was made of it last, or NULL. */
MUST_CHECK enum err_code gtfs_publication_make(struct broker *broker, struct store *store, const struct gtfs_ask *ask,
					       const struct gtfs_watch *watch, const struct kept *before,
					       struct kept **ret_kept, struct error *err);
/* Is what was made before still what there is? */
MUST_CHECK enum err_code gtfs_publication_is_fresh(struct store *store, const struct kept *kept, bool *ret_fresh,
						   struct error *err);

#endif
