/* How pure code gets at the entities that Relationships point to (GS CIM 009 V1.9.1 clause 4.5.23): its caller says.
 * For queries that reach into linked entities (4.9) and for answers that show them. */
#ifndef MACHI_NGSILD_LINKED_H
#define MACHI_NGSILD_LINKED_H

#include "json/json.h"

#define LINKED_LEVELS_MAX 16 /* joinLevel, and braces within braces in q, pick, omit and attrs */

struct linked_source {
	/* The expanded document of this id, alive as long as the caller's work on the entity that linked to it; NULL:
	 * there is none. A source that fails says NULL and keeps the error for who made it. */
	const struct json *(*find)(void *self, struct str id);
	void *self;
};

#endif
