/* The inside of a context, shared by the files that build it and that use it. */
#ifndef MACHI_NGSILD_CONTEXT_INT_H
#define MACHI_NGSILD_CONTEXT_INT_H

#include "base/map.h"
#include "ngsild/context.h"

#include <stdatomic.h>

#define CONTEXT_BYTES_MAX (16u << 20) /* memory of one context */

/* data/ngsi-ld, compiled in by tools/embed.py */
extern const unsigned char ngsild_core_context[];
extern const size_t ngsild_core_context_bytes;

struct context_term {
	struct str name;
	struct str iri; /* or a keyword such as "@id"; empty: the context takes the meaning away (null) */
	struct str type; /* of its definition; STR_NONE without */
	bool prefix; /* may stand before a colon */
	bool reverse; /* defined by "@reverse": names no attribute */
	bool is_protected; /* may only be defined again as the same */
	uint8_t container; /* enum context_container bits */
	uint8_t rank; /* among terms of one IRI the lowest is compacted to (JSON-LD 1.1 API, 7.2) */
};

enum context_container {
	CONTAINER_LIST = 1 << 0,
	CONTAINER_SET = 1 << 1,
	CONTAINER_LANGUAGE = 1 << 2,
	CONTAINER_INDEX = 1 << 3,
	CONTAINER_ID = 1 << 4,
	CONTAINER_TYPE = 1 << 5,
	CONTAINER_GRAPH = 1 << 6
};

struct context {
	atomic_uint references;
	struct context *core; /* counted; NULL in the core itself */
	struct arena arena; /* terms and their texts */
	struct map terms; /* by name: struct context_term; no term of the core in a user context */
	struct map by_iri; /* by IRI: the shortest of the terms for it, the first in byte order among those */
	struct map prefixes; /* by IRI: the same for terms that are prefixes; IRIs end in one of :/?#[]@ */
};

/* A term of the core or, failing that, of the user's context; NULL when neither has it. */
const struct context_term *context_find(const struct context *context, struct str name);

/* Splits "prefix:suffix". False without a colon, and for what can only be an IRI ("scheme://…", "_:node"). */
bool context_split(struct str name, struct str *ret_prefix, struct str *ret_suffix);
/* Does it begin with an RFC 3986 scheme and a colon? */
bool context_has_scheme(struct str name);

/* Is the last character one that a simple term's IRI must end in to be a prefix (JSON-LD 1.1, 4.4)? */
bool context_ends_prefix(struct str iri);

#endif
