/* A block as bytes, inside the room.
 *
 *   head        eight bytes: "MSB", SERIES_BLOCK_VERSION, zeros
 *   chunks      chunk_int.h
 *   directory   varint number of chunks; two signed varints, the bases of times and of order numbers; shapes: varint
 *               number, varint length of each, byte, 1 when their bytes are a zstd frame, varint how many, their bytes;
 *               for each chunk: subject, name, each less the one before (signed varints), dataset (varint: 0 none, 1
 *               that of the chunk before, n + 2: n bytes follow), varint bytes of the chunk
 *   foot        eight bytes: length of the directory, its checksum
 *
 * Head and foot are also what bit streams may be read beyond (SLACK_BYTES). */
#ifndef MACHI_SERIES_BLOCK_INT_H
#define MACHI_SERIES_BLOCK_INT_H

#include "base/map.h"
#include "series/chunk_int.h"

#include <assert.h>

#define BLOCK_HEAD_BYTES 8u
#define BLOCK_FOOT_BYTES 8u
#define DIRECTORY_EXTRA_BYTES_MAX 64u /* of the directory, beside shapes, their lengths and entries */
#define ENTRY_BYTES_MIN 4u
#define DATASET_NONE 0u
#define DATASET_AS_BEFORE 1u
#define DATASET_INLINE 2u
#define SHAPES_ZSTD_FROM 64u /* bytes */

static_assert(BLOCK_HEAD_BYTES >= SLACK_BYTES && BLOCK_FOOT_BYTES >= SLACK_BYTES, "streams may be read beyond");

/* A column as it was given last, and where it lies. */
struct kept_column {
	bool is_constant;
	int64_t all;
	int64_t *at; /* owned, of SERIES_POINTS_MAX */
	uint32_t owner; /* index of the chunk that it lies in */
};

struct series_builder {
	size_t bytes_max;
	struct buf chunks; /* with the head */
	struct buf entries; /* of the directory */
	struct buf shapes; /* one behind the other */
	struct buf shape_lengths; /* uint32_t each */
	struct buf part; /* to work in */
	struct map shape_map; /* text: number + 1; keys in arena */
	struct arena arena;
	uint32_t count;
	bool finished; /* the bytes are the caller's until the next call, which starts anew */
	struct chunk_bases bases;
	struct series_key last_key; /* its dataset in last_dataset */
	struct buf last_dataset;
	bool has_kept;
	uint32_t kept_points;
	struct kept_column kept[COLUMN_COUNT];
	int64_t values[SERIES_POINTS_MAX]; /* to work in: shapes, doubles */
	struct ints_work work;
};

/* Where the columns of a chunk lie. */
struct placing {
	struct series_column columns[COLUMN_COUNT];
	bool constant[COLUMN_COUNT];
	uint8_t codes[COLUMN_COUNT];
};

/* ERR_INVALID or ERR_LIMIT, saying what is wrong with the chunk. */
MUST_CHECK enum err_code builder_check(const struct series_builder *builder, const struct series_key *key,
				       const struct series_points *points, struct error *err);
/* Takes the shapes that the points have into the block; the column of their numbers, perhaps in builder->values. */
MUST_CHECK enum err_code builder_shapes(struct series_builder *builder, const struct series_points *points,
					struct series_column *ret, struct error *err);
uint32_t builder_shape_count(const struct series_builder *builder);
void builder_shapes_cut(struct series_builder *builder, uint32_t count); /* takes back those behind `count` */
/* Decides where the columns of placing lie, and keeps those that are new. */
MUST_CHECK enum err_code builder_place(struct series_builder *builder, uint32_t count, struct placing *placing,
				       struct error *err);
void builder_columns_write(struct series_builder *builder, uint32_t count, const struct placing *placing);

#endif
