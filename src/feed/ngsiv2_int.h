/* What the files of NGSIv2 share: texts and values in the words of NGSI-LD. Those that make something give STR_NONE, or
 * a node of kind JSON_NULL, where there is no memory. */
#ifndef MACHI_FEED_NGSIV2_INT_H
#define MACHI_FEED_NGSIV2_INT_H

#include "feed/ngsiv2.h"

/* Ids that other entities may refer to. */
struct str ngsiv2_urn(struct arena *arena, struct str id, struct str type);
/* What a Relationship points at, by the attribute's name. */
struct str ngsiv2_target(struct arena *arena, struct str id, struct str attribute_name);
/* Of types, attributes and their metadata. */
struct str ngsiv2_name(struct arena *arena, struct str name);
/* A name that means something else than an attribute. */
bool ngsiv2_name_is_taken(struct str name);
/* "location" and its like, which are for places alone. */
bool ngsiv2_name_is_place(struct str name);
struct str ngsiv2_scope(struct arena *arena, struct str path);

/* A moment in ISO 8601, with an offset, "Z" or neither (UTC), or a date. */
bool ngsiv2_time(struct str text, int64_t *ret_us);
/* "2026-01-01T00:00:00Z" in the arena. */
struct str ngsiv2_time_text(struct arena *arena, int64_t us);

/* The geometry of a value of this type. False: it is none, or there is no memory (*ret_failed). */
bool ngsiv2_geometry(struct arena *arena, struct str type, const struct json *value, struct json *ret_geometry,
		     bool *ret_failed);
/* May a Property hold it? */
bool ngsiv2_value_is_plain(const struct json *value);

#endif
