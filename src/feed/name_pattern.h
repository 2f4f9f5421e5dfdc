/* Texts with named parts, such as "urn:ngsi-ld:Lamp:{lamp}": taken apart by one, put together by another. Pure. */
#ifndef MACHI_FEED_NAME_PATTERN_H
#define MACHI_FEED_NAME_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define NAME_PATTERN_NAMES_MAX 16u

struct name_piece {
	struct str literal; /* before the name */
	struct str name; /* STR_NONE: none, the last piece */
};

struct name_pattern {
	struct name_piece *pieces; /* in the arena */
	size_t count;
};

struct name_value {
	struct str name, value;
};

/* Names are letters, digits and "_"; any other brace stands for itself, so that JSON needs no escapes. text is
 * borrowed. to_match: names must not follow each other at once, nor come twice. ERR_INVALID, ERR_LIMIT (too many),
 * ERR_MEMORY. */
MUST_CHECK enum err_code name_pattern_parse(struct str text, bool to_match, struct arena *arena,
					    struct name_pattern *ret_pattern, struct error *err);
/* Does the whole text fit? Names then have values, of a byte at least and as short as can be, in `values`, which has
 * room for NAME_PATTERN_NAMES_MAX; *ret_count: how many. Borrowed from text and pattern. */
bool name_pattern_match(const struct name_pattern *pattern, struct str text, struct name_value *values,
			size_t *ret_count);
/* The first name that is not among the values; STR_NONE: all are. */
struct str name_pattern_missing(const struct name_pattern *pattern, const struct name_value *values, size_t count);
/* The text with the values put in; put (NULL: as it is) writes each, knowing what stands before it. */
void name_pattern_fill(const struct name_pattern *pattern, const struct name_value *values, size_t count,
		       void (*put)(void *self, struct buf *out, const struct name_value *value), void *self,
		       struct buf *out);

#endif
