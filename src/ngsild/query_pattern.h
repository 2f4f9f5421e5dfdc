/* Regular expressions of clients: POSIX extended syntax, matched in time linear in the text.
 * Source: GS CIM 009 V1.9.1 clause 4.9 (RegExp), IEEE 1003.2 section 2.8; the choice of engine and what differs from
 * POSIX: docs/decisions/0003-regular-expressions.md. For use inside this room.
 * Thread: a pattern is immutable and may be shared. */
#ifndef MACHI_NGSILD_QUERY_PATTERN_H
#define MACHI_NGSILD_QUERY_PATTERN_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define PATTERN_MEMORY_BYTES_MAX (2 << 20) /* of one compiled pattern with its states */

struct pattern;

/* Errors: ERR_INVALID (says what and where), ERR_TOO_COMPLEX (the compiled form passes its bound), ERR_MEMORY. */
MUST_CHECK enum err_code pattern_new(struct str text, struct pattern **ret_pattern, struct error *err);
struct pattern *pattern_free(struct pattern *pattern);
/* Does the pattern match somewhere in text, as regexec() searches? ^ and $ are the text's ends, . is any character. */
bool pattern_matches(const struct pattern *pattern, struct str text);

/* Chains of patterns that die together. */
void pattern_chain(struct pattern **chain, struct pattern *pattern); /* takes ownership */
void pattern_free_chain(struct pattern *chain);

/* The literal start that every match begins with: what stands behind a leading "^" up to the first operator, in the
 * arena. STR_NONE when there is none. *ret_memory is false when memory was refused. */
struct str pattern_prefix(struct arena *arena, struct str text, bool *ret_memory);

#ifdef __cplusplus
}
#endif

#endif
