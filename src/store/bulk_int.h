/* Batches, between bulk.c and the kind of store that takes them. */
#ifndef MACHI_STORE_BULK_INT_H
#define MACHI_STORE_BULK_INT_H

#include "store/block_sink.h"
#include "store/bulk.h"

struct block_sink *store_bulk_sink(struct store_bulk *bulk); /* of a finished batch */
int64_t store_bulk_generation(const struct store_bulk *bulk);

#endif
