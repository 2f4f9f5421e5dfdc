/* Blocks of compressed chunks: points of many series in one piece of bytes.
 *
 * A chunk holds up to SERIES_POINTS_MAX points of one series and one kind. A block holds chunks in the order of their
 * keys; several may have the same key. Columns that equal the previous chunk's are stored once; shapes once a block.
 * The directory and each chunk have checksums of their own: a damaged chunk is ERR_CORRUPT and leaves the others
 * readable (except those that share its columns). Bytes from anywhere may be opened: what is read from them stays
 * within them and within the bounds below. Format: README.md. Pure. Thread: a builder has one owner; a block that is
 * open may be read by many threads. */
#ifndef MACHI_SERIES_BLOCK_H
#define MACHI_SERIES_BLOCK_H

#include "base/buf.h"
#include "series/points.h"
#include "series/sums.h"

#define SERIES_BLOCK_VERSION 1
#define SERIES_BLOCK_BYTES_MAX (UINT32_C(64) << 20)
#define SERIES_BLOCK_CHUNKS_MAX 65536u
#define SERIES_SHAPES_MAX 65536u /* different ones of a block */
#define SERIES_SHAPE_BYTES_MAX (UINT32_C(1) << 24) /* of all shapes of a block together */
#define SERIES_TEXT_BYTES_MAX (UINT32_C(1) << 24) /* of all texts of a chunk together */
#define SERIES_DATASET_BYTES_MAX 65535u

struct series_key {
	int64_t subject, name;
	struct str dataset;
};

int series_key_cmp(const struct series_key *a, const struct series_key *b); /* <0, 0, >0; dataset in byte order */

/* ---- writing ---- */

struct series_builder;

/* bytes_max bounds the block that comes out, at most SERIES_BLOCK_BYTES_MAX. ERR_MEMORY. */
MUST_CHECK enum err_code series_builder_new(size_t bytes_max, struct series_builder **ret, struct error *err);
struct series_builder *series_builder_free(struct series_builder *builder);

/* Adds a chunk behind the others; its key must not be less than theirs. Copies what it needs. ERR_INVALID: keys out of
 * order, points that break points.h (says which); ERR_LIMIT: a bound above, or bytes_max: then the block can be
 * finished without this chunk; ERR_MEMORY. After an error the builder is as it was before the call. */
MUST_CHECK enum err_code series_builder_add(struct series_builder *builder, const struct series_key *key,
					    const struct series_points *points, struct error *err);
uint32_t series_builder_count(const struct series_builder *builder); /* chunks added */
size_t series_builder_bytes(const struct series_builder *builder); /* what finishing now would give, at most */
/* The block's bytes, borrowed until the next call of this builder, which then is empty again. At least one chunk must
 * have been added. */
MUST_CHECK enum err_code series_builder_finish(struct series_builder *builder, struct str *ret_bytes,
					       struct error *err);

/* ---- reading ---- */

struct series_entry;

struct series_block {
	struct str bytes; /* borrowed: must outlive this */
	uint32_t count; /* of chunks */
	const struct series_entry *entries; /* in the arena */
	const struct str *shapes; /* in the arena */
	uint32_t shape_count;
	int64_t base_us, base_number; /* this room's own */
};

/* Reads the directory into the arena. ERR_CORRUPT, ERR_VERSION (of a newer program), ERR_MEMORY. */
MUST_CHECK enum err_code series_block_open(struct str bytes, struct arena *arena, struct series_block *ret,
					   struct error *err);
/* The key of a chunk, by the directory alone; its dataset is borrowed from the block. */
struct series_key series_block_key(const struct series_block *block, uint32_t index);
/* The first chunk whose key is not less; block->count when there is none. */
uint32_t series_block_find(const struct series_block *block, const struct series_key *key);

struct series_range {
	int64_t min, max;
};

struct series_chunk {
	struct series_key key; /* borrowed from the block */
	enum series_kind kind;
	uint8_t scale;
	uint32_t count;
	struct series_range at_us, number, created_us, modified_us;
};

/* What a chunk says of itself, without reading its points (a chunk of few points is read). ERR_CORRUPT, as below. */
MUST_CHECK enum err_code series_block_chunk(const struct series_block *block, uint32_t index, struct series_chunk *ret,
					    struct error *err);
/* The whole chunk, in the arena; shapes are the block's. ERR_MEMORY. */
MUST_CHECK enum err_code series_block_read(const struct series_block *block, uint32_t index, struct arena *arena,
					   struct series_points *ret, struct error *err);
/* Times and values alone: the other columns come as { NULL, 0 } and say nothing, shapes as none. */
MUST_CHECK enum err_code series_block_read_values(const struct series_block *block, uint32_t index, struct arena *arena,
						  struct series_points *ret, struct error *err);
/* Adds all points of a chunk to sums. Decimals and booleans in chunks of many points: by the chunk's summary, without
 * reading them. ERR_MEMORY: of the sums' arena. After an error sums may hold a part. */
MUST_CHECK enum err_code series_block_sum(const struct series_block *block, uint32_t index, struct series_sums *sums,
					  struct error *err);
/* Adds the points of a chunk to the periods that they lie in: sums[i] has those of edges[i] ≤ at_us < edges[i + 1].
 * edge_count is at least 2, edges ascend, sums has edge_count − 1 places. A chunk that lies in one period whole is
 * added by its summary. Errors as above. */
MUST_CHECK enum err_code series_block_sum_periods(const struct series_block *block, uint32_t index,
						  const int64_t *edges, size_t edge_count, struct series_sums *sums,
						  struct error *err);
/* Every checksum, and every chunk read once. ERR_CORRUPT names the first chunk that is damaged. */
MUST_CHECK enum err_code series_block_check(const struct series_block *block, struct error *err);

#endif
