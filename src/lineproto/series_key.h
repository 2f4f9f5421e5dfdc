/* The key of a series in line protocol, "measurement,tag=value,…", taken apart, and the id that it gives an entity.
 * Pure. Thread: any. */
#ifndef MACHI_LINEPROTO_SERIES_KEY_H
#define MACHI_LINEPROTO_SERIES_KEY_H

#include "base/arena.h"
#include "base/error.h"

#define LINE_TAGS_MAX 256u /* in a key */

struct line_tag {
	struct str name, value; /* without escapes; never empty */
};

struct line_key {
	struct str measurement; /* without escapes; never empty */
	const struct line_tag *tags; /* in the order of their names, each name once */
	size_t tag_count;
};

/* Takes lines.h's struct line.key apart, into the arena. ERR_INVALID: without measurement, a tag without name or value,
 * a tag twice. ERR_LIMIT: more than LINE_TAGS_MAX tags. ERR_MEMORY. */
MUST_CHECK enum err_code line_key_parse(struct arena *arena, struct str text, struct line_key *ret_key,
					struct error *err);

/* The value of a tag; STR_NONE when there is none. */
struct str line_key_tag(const struct line_key *key, struct str name);

/* "urn:ngsi-ld:cpu:core=0:host=a%20b": the URN of a key's own, by measurement and tags. Different keys have different
 * ones, since all but the unreserved characters of RFC 3986 are percent-encoded. In the arena; at is NULL when memory
 * was refused. */
struct str line_key_urn(struct arena *arena, const struct line_key *key);
/* The key that line_key_urn() made a URN of. False when it is none of a key with tags. */
bool line_key_from_urn(struct arena *arena, struct str urn, struct line_key *ret_key);

#endif
