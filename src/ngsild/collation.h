/* The order of texts by an ICU collation, named as RFC 6067 does.
 * Source: GS CIM 009 V1.9.1 clause 4.23; RFC 6067; the choice of ICU: docs/decisions/0008-collation.md.
 * For use inside this room. Pure; a collation belongs to one thread. */
#ifndef MACHI_NGSILD_COLLATION_H
#define MACHI_NGSILD_COLLATION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define COLLATION_NAME_BYTES_MAX 150
#define COLLATION_TEXT_BYTES_MAX 16384 /* of a text: longer ones are told apart by so many bytes */

struct collation;

/* name: a BCP 47 tag such as "de-u-co-phonebk"; STR_NONE: the root collation, which "und-x-icu" names too.
 * ERR_INVALID: no such tag, a language that ICU has no collation for, or a keyword or value that it does not know. */
MUST_CHECK enum err_code collation_new(struct str name, struct collation **ret_collation, struct error *err);
struct collation *collation_free(struct collation *collation);

/* Appends the text's sort key: bytes without zero and a zero behind them, in byte order as the texts are in the
 * collation's. Scratch lies in the arena. A buffer that cannot take it stays failed; false when memory is refused. */
bool collation_key(const struct collation *collation, struct arena *scratch, struct str text, struct buf *out);

#endif
