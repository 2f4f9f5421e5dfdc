/* The order that a client asks entities to be in: each entity gets a key, and keys compare as bytes.
 * Source: GS CIM 009 V1.9.1 clauses 4.23, 5.2.43. Pure. A struct order belongs to one thread (ICU, GEOS inside). */
#ifndef MACHI_NGSILD_ORDER_H
#define MACHI_NGSILD_ORDER_H

#include "base/buf.h"
#include "ngsild/context.h"
#include "ngsild/document.h"

#define ORDER_TERMS_MAX 16 /* in orderBy; more is ERR_TOO_COMPLEX */
#define ORDER_TERM_BYTES_MAX 65536 /* of one term's part in a key: arrays and objects are told apart by so many */
#define ORDER_KEY_BYTES_MAX ((size_t)ORDER_TERMS_MAX * 2 * ORDER_TERM_BYTES_MAX)

/* The texts as a client sends them; STR_NONE when absent. */
struct order_text {
	struct str order_by; /* "name,age;desc" */
	struct str from; /* coordinates of the reference geometry as JSON; dist-asc and dist-desc need it */
	struct str geometry; /* its type; default "Point" */
	struct str collation; /* RFC 6067; default: ICU's root */
};

struct order;

/* Builds in the arena; names are expanded with context, which must outlive the order (names are compacted with it where
 * clients see compacted ones: types and vocab). order_by must be there.
 * Errors: ERR_INVALID naming the parameter and the character, ERR_TOO_COMPLEX, ERR_MEMORY. order_done() releases what
 * the arena does not hold. */
MUST_CHECK enum err_code order_new(struct arena *arena, struct json_parser *parser, const struct order_text *text,
				   const struct context *context, struct order **ret_order, struct error *err);
void order_done(struct order *order); /* NULL is fine */

/* Writes the entity's key (of an expanded document) over what out held: what comes before in the order has the key that
 * is less, byte by byte, the shorter one when all bytes are alike. Equal keys are equal in the order: they stay as they
 * were (creation). out is to allow ORDER_KEY_BYTES_MAX. ERR_MEMORY. */
MUST_CHECK enum err_code order_key(const struct order *order, struct arena *scratch, const struct json *entity,
				   struct buf *out, struct error *err);

#endif
