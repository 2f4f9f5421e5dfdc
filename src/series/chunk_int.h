/* One chunk as bytes, inside the room.
 *
 *   checksum   four bytes, of all that follows
 *   head       byte: kind (3 bits), CHUNK_SUMMARY, scale (4 bits)
 *   count      varint
 *   columns    three bytes: for each of the five columns, in their order, four bits, the lowest first: COLUMN_OWN, the
 *              column lies here; COLUMN_AS_BEFORE, it is the column before it of this chunk; else it is that of the
 *              chunk so many before this one, which does not borrow it in turn
 *   own ones   varint length, integers (ints_int.h); the shape's are numbers of the block's shapes
 *   summary    with CHUNK_SUMMARY: min (signed), max − min, first − min, last − min, Σ(m − min), Σ(m − min)² (varints),
 *              of mantissas
 *   values     integers; of doubles: their bits, turned so that their order is that of integers; of texts: see below
 *
 * Texts: varint number of different ones; unless all are different: varint length, integers, which one each point has;
 * varint length, integers, the lengths of the different ones; byte, 1 when a zstd frame follows; their bytes. */
#ifndef MACHI_SERIES_CHUNK_INT_H
#define MACHI_SERIES_CHUNK_INT_H

#include "series/block.h"
#include "series/ints_int.h"
#include "series/sums_int.h"

enum column { COLUMN_AT, COLUMN_NUMBER, COLUMN_CREATED, COLUMN_MODIFIED, COLUMN_SHAPE, COLUMN_COUNT };

#define COLUMN_OWN 0u
#define COLUMN_DISTANCE_MAX 14u
#define COLUMN_AS_BEFORE 15u
#define CHUNK_CHECKSUM_BYTES 4u
#define CHUNK_KIND 0x07u
#define CHUNK_SUMMARY 0x08u
#define CHUNK_SCALE_SHIFT 4
#define SUMMARY_FROM 32u /* points; fewer are read to sum them */
#define SUMMARY_MANTISSA_MAX (INT64_C(1) << 56) /* so that the sum of squares of a chunk fits 128 bits */

/* What first values are written less of. */
struct chunk_bases {
	int64_t at_us; /* of the three times */
	int64_t number;
};

static inline int64_t column_base(const struct chunk_bases *bases, enum column column)
{
	return column == COLUMN_SHAPE ? 0 : column == COLUMN_NUMBER ? bases->number : bases->at_us;
}

/* The bits of a double as an integer that is greater when the double is, and back. */
static inline int64_t double_to_ordered(double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits < 0 ? bits ^ INT64_MAX : bits;
}

static inline double double_from_ordered(int64_t ordered)
{
	int64_t bits = ordered < 0 ? ordered ^ INT64_MAX : ordered;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* ---- writing ---- */

/* Appends the values' bytes. Sticky errors are out's; ERR_MEMORY. */
MUST_CHECK enum err_code texts_write(struct buf *out, const struct str *texts, uint32_t count, struct ints_work *work,
				     struct error *err);
bool summary_of(const struct series_points *points, struct sums_slice *ret);
void summary_write(struct buf *out, const struct sums_slice *summary);

/* ---- reading ---- */

struct chunk {
	const struct series_block *block;
	uint32_t index;
	enum series_kind kind;
	uint8_t scale;
	uint32_t count;
	bool has_summary;
	uint8_t codes[COLUMN_COUNT];
	struct byte_in columns[COLUMN_COUNT]; /* own ones */
	struct byte_in summary, values;
};

/* A chunk, and the one before it that was last asked for a column, so that its checksum is not taken again. */
struct chunk_family {
	struct chunk chunk, lender;
	bool has_lender;
};

MUST_CHECK enum err_code chunk_open(const struct series_block *block, uint32_t index, struct chunk *ret,
				    struct error *err);
MUST_CHECK enum err_code chunk_family_open(const struct series_block *block, uint32_t index, struct chunk_family *ret,
					   struct error *err);
MUST_CHECK enum err_code chunk_column(struct chunk_family *family, enum column column, struct ints *ret,
				      struct error *err);
/* Sums of mantissas as the chunk tells them; only with has_summary. Times and numbers are left alone. */
MUST_CHECK enum err_code chunk_summary(const struct chunk *chunk, struct sums_slice *ret, struct error *err);
/* The values as integers (all kinds but texts). */
MUST_CHECK enum err_code chunk_ints(const struct chunk *chunk, int64_t *ret_values, struct error *err);
/* The same less base, modulo 2³². */
MUST_CHECK enum err_code chunk_low(const struct chunk *chunk, int64_t base, uint32_t *ret_values, struct error *err);
MUST_CHECK enum err_code chunk_texts(const struct chunk *chunk, struct arena *arena, const struct str **ret_texts,
				     struct error *err);
#define chunk_corrupt(chunk, what, err)                                                                                \
	err_set((err), ERR_CORRUPT, "chunk %u of a block of series: its %s cannot be read", (chunk)->index, (what))

/* ---- the block ---- */

struct series_entry {
	struct series_key key; /* dataset is borrowed from the block's bytes */
	uint32_t offset, bytes;
};

struct chunk_bases block_bases(const struct series_block *block);

#endif
