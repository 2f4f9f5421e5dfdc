/* Blocks in the making: what packing and merging write, held until one transaction stores it as a run. */
#ifndef MACHI_STORE_BLOCK_SINK_H
#define MACHI_STORE_BLOCK_SINK_H

#include "series/block.h"
#include "store/instance_pack.h"
#include "store/rollup_set.h"

#define SINK_BLOCK_BYTES ((size_t)240 << 10) /* a block is closed when it has so many; long rows waste little room */
#define SINK_BLOCK_BYTES_MAX ((size_t)32 << 20) /* of one, with a chunk of large texts */

struct made_block {
	int64_t subject_min, subject_max, at_us_min, at_us_max, points;
	int64_t buckets; /* kept ones, of roll-ups */
	bool any; /* it has a chunk */
	char *bytes; /* owned */
	size_t len;
};

/* What rules say of chunks of this key: *ret_name is the attribute's number, *ret_rule the rule whose tiers are to be
 * derived; NULL: none are. */
struct block_rules {
	enum err_code (*find)(void *self, const struct series_key *key, int64_t *ret_name,
			      const struct store_rule **ret_rule, struct error *err);
	void *self;
};

struct block_sink {
	struct series_builder *builder; /* owned */
	struct made_block open; /* what the builder has so far */
	struct rollup_set *rollups; /* owned; NULL: none are made */
	int64_t rollup_subject; /* whose */
	const struct block_rules *rules; /* borrowed; with rollups */
	struct made_block *blocks; /* owned */
	size_t count, room;
	struct arena scratch;
};

MUST_CHECK enum err_code block_sink_init(struct block_sink *sink, struct error *err);
void block_sink_done(struct block_sink *sink);
void block_sink_clear(struct block_sink *sink); /* of finished blocks */
/* Makes roll-ups too, from chunks that are added whole. Before the first of them. */
MUST_CHECK enum err_code block_sink_roll_up(struct block_sink *sink, const struct block_rules *rules,
					    struct error *err);
/* Points of one key and kind in the order of time; keys ascend from call to call. */
MUST_CHECK enum err_code block_sink_points(struct block_sink *sink, const struct packed_point *points, size_t count,
					   const struct str *shapes, struct error *err);
MUST_CHECK enum err_code block_sink_chunk(struct block_sink *sink, const struct series_key *key,
					  const struct series_points *points, struct error *err);
/* Room for a bucket to keep of a series (key->name: the attribute's number); its subject's chunks came before. */
MUST_CHECK enum err_code block_sink_keep(struct block_sink *sink, const struct series_key *key, int64_t period_us,
					 int64_t at_us, struct series_sums **ret_sums, struct error *err);
/* Closes the last block. */
MUST_CHECK enum err_code block_sink_finish(struct block_sink *sink, struct error *err);

#endif
