/* What expires in a store: entities, attributes and their sub-attributes with an expiresAt (GS CIM 009 V1.9.1 clause
 * 4.22). Stores keep for each entity the earliest moment at which anything of it expires (ngsild/expiry.h), in an index
 * of its own; who reads hides what is over, who sweeps removes it. */
#ifndef MACHI_STORE_EXPIRY_H
#define MACHI_STORE_EXPIRY_H

#include "store/store.h"

/* The earliest expiry of all that is stored; INT64_MAX when nothing expires. While it lies ahead, no reader need look
 * for what has expired. */
MUST_CHECK enum err_code store_next_expiry(struct store_reader *reader, int64_t *ret_us, struct error *err);

/* Visits the ids of entities of which something expired at or before now_us, the earliest first, at most count_max of
 * them. visit returning false stops; it may change and delete what it is shown. */
MUST_CHECK enum err_code store_txn_each_expired(struct store_txn *txn, int64_t now_us, uint32_t count_max,
						bool (*visit)(void *self, struct str id), void *self,
						struct error *err);

#endif
