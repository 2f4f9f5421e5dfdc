/* Roll-ups in the making, of the series that one block holds of one subject: buckets are gathered as the subject's
 * points go by, and written behind its last chunk. Kept ones are all that is left of their instances; derived ones
 * repeat what instances of the same block say, for queries to read in their place. */
#ifndef MACHI_STORE_ROLLUP_SET_H
#define MACHI_STORE_ROLLUP_SET_H

#include "series/block.h"
#include "series/rollup.h"
#include "store/retention.h"

/* Fewer instances a bucket cost as little to read as the bucket. */
#define ROLLUP_DERIVE_POINTS 24u
#define ROLLUP_DERIVE_BUCKETS 4u

struct rollup_set;

/* The key of a chunk of roll-ups, behind all of instances of its subject; key->name of what is handed in below is the
 * attribute's number alone. */
#define ROLLUP_NAME (INT64_C(1) << 62)

MUST_CHECK enum err_code rollup_set_new(struct rollup_set **ret, struct error *err);
struct rollup_set *rollup_set_free(struct rollup_set *set);
bool rollup_set_is_empty(const struct rollup_set *set);

/* Derives the rule's tiers (NULL: none) of points that were observed at at_us. Points of one series come kind by kind.
 * When they are no values, nothing is derived of this series until the set is flushed. ERR_MEMORY. */
MUST_CHECK enum err_code rollup_set_derive(struct rollup_set *set, const struct series_key *key,
					   const struct store_rule *rule, const struct series_points *points,
					   struct error *err);
/* False: there are whole instances among them, which take a parser to read. */
bool rollup_points_are_values(const struct series_points *points);
/* Makes room for a bucket to keep: what holds at at_us goes into *ret_sums. */
MUST_CHECK enum err_code rollup_set_keep(struct rollup_set *set, const struct series_key *key, int64_t period_us,
					 int64_t at_us, struct series_sums **ret_sums, struct error *err);

/* What flushing wrote of kept buckets. */
struct rollup_written {
	int64_t buckets, from_us, to_us; /* all lie in [from_us, to_us) */
};

/* Writes what has been gathered, which then is gone. */
MUST_CHECK enum err_code rollup_set_flush(struct rollup_set *set, struct series_builder *builder,
					  struct rollup_written *written, struct error *err);

/* A chunk of roll-ups, as written above. In the arena. ERR_CORRUPT. */
MUST_CHECK enum err_code rollup_chunk_open(const struct series_block *block, uint32_t index, struct arena *arena,
					   struct series_rollup *ret, struct error *err);
/* The same chunk in another block. */
MUST_CHECK enum err_code rollup_chunk_write(struct series_builder *builder, const struct series_key *key,
					    struct str bytes, int64_t at_us, struct error *err);

#endif
