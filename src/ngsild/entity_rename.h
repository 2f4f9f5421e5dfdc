/* What a client sent, with its names by another @context: for brokers that want requests in a @context of their own
 * (GS CIM 009 V1.9.1 clause 4.3.6.6, "jsonldContext"). Pure. */
#ifndef MACHI_NGSILD_ENTITY_RENAME_H
#define MACHI_NGSILD_ENTITY_RENAME_H

#include "ngsild/context.h"

/* An entity or Entity Fragment in any representation, with names of attributes and of their attributes, types and terms
 * of VocabProperties by `to` instead of `from`; without "@context". Values stay. In the arena, sharing with body. NULL:
 * no memory. Names that from cannot expand stay as they are. */
struct json *entity_rename(struct arena *arena, const struct json *body, const struct context *from,
			   const struct context *to);
/* The same of one attribute: an instance, or an array of them. */
struct json *attribute_rename(struct arena *arena, const struct json *body, const struct context *from,
			      const struct context *to);

#endif
