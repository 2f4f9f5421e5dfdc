/* Long reads of a whole timetable can be given up: who watches is asked before each entity. */
#ifndef MACHI_FEED_GTFS_WATCH_H
#define MACHI_FEED_GTFS_WATCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct gtfs_watch {
	bool (*goes_on)(void *self); /* false: it ends with ERR_CONFLICT. The reading thread; cheap */
	void *self;
};

/* NULL: nobody watches. */
MUST_CHECK static inline enum err_code gtfs_watch_ask(const struct gtfs_watch *watch, struct error *err)
{
	if (watch && !watch->goes_on(watch->self))
		return err_set(err, ERR_CONFLICT, "the reading of a timetable was given up");
	return ERR_OK;
}

#endif
