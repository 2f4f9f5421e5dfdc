/* Transient entities and attributes: what has expired is as good as deleted before anybody removes it.
 * An expiresAt stands on the entity, on instances of its attributes, and on those of their sub-attributes.
 * Source: GS CIM 009 V1.9.1 clause 4.22. Pure: now comes from the caller. merge_expire() in merge.h removes with
 * changes recorded. */
#ifndef MACHI_NGSILD_EXPIRY_H
#define MACHI_NGSILD_EXPIRY_H

#include "ngsild/document.h"

/* Has the entity itself expired: an expiresAt at or before now_us? */
bool expiry_is_over(const struct json *entity, int64_t now_us);
/* The earliest expiresAt anywhere in the entity; false when there is none. */
bool expiry_earliest(const struct json *entity, int64_t *ret_us);
/* Takes attribute instances that have expired, and expired sub-attributes of the others, out of the entity (or of an
 * instance), in place. False when nothing had expired. The entity's own expiresAt is not looked at. */
bool expiry_hide(struct json *entity, int64_t now_us);

#endif
