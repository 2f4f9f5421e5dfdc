/* The language filter: which of a LanguageProperty's texts is shown.
 * Source: GS CIM 009 V1.9.1 clauses 4.15, 5.7.1.5, 5.7.2.5; RFC 3282 and RFC 9110 section 12.5.4 (Accept-Language),
 * RFC 4647 section 3.4 (lookup). Pure. */
#ifndef MACHI_NGSILD_LANGUAGE_H
#define MACHI_NGSILD_LANGUAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define LANGUAGE_RANGES_MAX 64 /* in one filter; more is ERR_TOO_COMPLEX */

struct language_range {
	struct str tag; /* "fr-CH"; "*" is any */
	uint16_t weight; /* thousandths */
};

struct language_filter {
	const struct language_range *ranges; /* heaviest first, as sent among equals; weight 0 at the end: not wanted */
	size_t count;
};

/* "fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", also between double quotes as clause 4.15 writes it. Lives in the arena; tags are
 * borrowed from text. Errors: ERR_INVALID naming the range, ERR_TOO_COMPLEX, ERR_MEMORY. */
MUST_CHECK enum err_code language_filter_new(struct arena *arena, struct str text, struct language_filter **ret_filter,
					     struct error *err);

/* The member of the languageMap to show; NULL when the map has none. For each range in turn: the same tag, then the
 * first one that it begins (en: en-GB), then the tag with subtags cut off from the end (de-CH-1996: de-CH, de); "*" is
 * "@none", else the first that no other range names. When nothing fits: "@none", else the first language that is not
 * unwanted, else the first. */
const struct json_member *language_choose(const struct language_filter *filter, const struct json *map);

#endif
