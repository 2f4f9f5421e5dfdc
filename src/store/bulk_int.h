/* Batches, between bulk.c and the kind of store that takes them. */
#ifndef MACHI_STORE_BULK_INT_H
#define MACHI_STORE_BULK_INT_H

#include "store/block_sink.h"
#include "store/bulk.h"
#include "store/segment.h"

struct made_segment {
	struct str bytes; /* borrowed */
	int64_t at_us_min, at_us_max, points;
};

/* Of a finished batch: its blocks, and its segment if it has one. */
struct block_sink *store_bulk_sink(struct store_bulk *bulk);
bool store_bulk_segment(const struct store_bulk *bulk, struct made_segment *ret);
int64_t store_bulk_generation(const struct store_bulk *bulk);

/* For packing segments: adds what one subject said, then makes chunks of it in the sink and forgets it. */
MUST_CHECK enum err_code store_bulk_add_chain(struct store_bulk *bulk, const struct segment_chain *chain,
					      int64_t created_us, struct error *err);
MUST_CHECK enum err_code store_bulk_put_chunks(struct store_bulk *bulk, struct error *err);

#endif
