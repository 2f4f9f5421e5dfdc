/* Opening chunks: the checksum, the parts, and whose column is whose. */
#include "series/chunk_int.h"

/* The columns' codes, and those that lie here. */
static bool read_columns(struct byte_in *in, struct chunk *chunk)
{
	uint8_t codes[3] = {in_byte(in), in_byte(in), in_byte(in)};

	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		chunk->codes[i] = codes[i / 2] >> (i % 2 * 4) & 0x0f;
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (chunk->codes[i] == COLUMN_OWN)
			chunk->columns[i] = in_part(in, (size_t)in_varint(in));
	return codes[2] <= 0x0f && chunk->codes[COLUMN_AT] != COLUMN_AS_BEFORE &&
	       chunk->codes[COLUMN_SHAPE] != COLUMN_AS_BEFORE;
}

static void skip_summary(struct byte_in *in)
{
	for (unsigned i = 0; i < 4; i++)
		(void)in_varint(in);
	(void)in_wide(in);
	(void)in_wide(in);
}

static bool read_parts(struct byte_in *in, struct chunk *chunk)
{
	uint8_t head = in_byte(in);

	chunk->kind = head & CHUNK_KIND;
	chunk->has_summary = head & CHUNK_SUMMARY;
	chunk->scale = head >> CHUNK_SCALE_SHIFT;
	chunk->count = in_below(in, SERIES_POINTS_MAX + 1);
	if (chunk->kind >= SERIES_KIND_COUNT || chunk->count == 0 || chunk->scale > SERIES_SCALE_MAX ||
	    (chunk->scale > 0 && chunk->kind != SERIES_DECIMAL && chunk->kind != SERIES_FIXED) ||
	    (chunk->has_summary && (chunk->kind > SERIES_BOOLEAN || chunk->kind == SERIES_DOUBLE)))
		return false;
	if (!read_columns(in, chunk))
		return false;
	chunk->summary = chunk->values = *in;
	if (chunk->has_summary) {
		skip_summary(in);
		chunk->values = *in;
	}
	return !in->bad;
}

enum err_code chunk_open(const struct series_block *block, uint32_t index, struct chunk *ret, struct error *err)
{
	const struct series_entry *entry = &block->entries[index];
	const uint8_t *at = (const uint8_t *)block->bytes.at + entry->offset;
	struct byte_in in = {at, at + entry->bytes, false};

	*ret = (struct chunk){.block = block, .index = index};
	if (in_left(&in) < CHUNK_CHECKSUM_BYTES)
		return chunk_corrupt(ret, "checksum", err);
	in.at += CHUNK_CHECKSUM_BYTES;
	if (checksum(in.at, in_left(&in)) != half_load(at))
		return err_set(err, ERR_CORRUPT, "chunk %u of a block of series does not have its checksum", index);
	return read_parts(&in, ret) ? ERR_OK : chunk_corrupt(ret, "head", err);
}

enum err_code chunk_family_open(const struct series_block *block, uint32_t index, struct chunk_family *ret,
				struct error *err)
{
	ret->has_lender = false;
	return chunk_open(block, index, &ret->chunk, err);
}

static enum err_code open_lender(struct chunk_family *family, uint32_t index, struct error *err)
{
	enum err_code code = ERR_OK;

	if (family->has_lender && family->lender.index == index)
		return ERR_OK;
	family->has_lender = false;
	code = chunk_open(family->chunk.block, index, &family->lender, err);
	if (code)
		return err_while_at(err, "reading chunk %u", family->chunk.index);
	family->has_lender = true;
	return ERR_OK;
}

/* From the chunk to its lender, in either to the column before, at most once around for each column. */
enum err_code chunk_column(struct chunk_family *family, enum column column, struct ints *ret, struct error *err)
{
	const struct chunk *chunk = &family->chunk;
	struct chunk_bases bases = block_bases(chunk->block);
	unsigned at = column;
	uint8_t code;

	for (bool lent = false; (code = chunk->codes[at]) != COLUMN_OWN;) {
		if (code == COLUMN_AS_BEFORE) {
			at--;
			lent = false;
			continue;
		}
		if (lent || code > chunk->index)
			return chunk_corrupt(&family->chunk, "column's place", err);
		enum err_code failed = open_lender(family, chunk->index - code, err);

		if (failed)
			return failed;
		chunk = &family->lender;
		lent = true;
	}
	int64_t step;

	/* A constant can be lent to a chunk of any number of points. */
	if (!ints_open(chunk->columns[at], family->chunk.count, column_base(&bases, at), ret) ||
	    (chunk->count != family->chunk.count && (!ints_are_regular(ret, &step) || step != 0)))
		return chunk_corrupt(&family->chunk, "column", err);
	return ERR_OK;
}

enum err_code chunk_ints(const struct chunk *chunk, int64_t *ret_values, struct error *err)
{
	struct ints ints;

	if (!ints_open(chunk->values, chunk->count, 0, &ints) || !ints_read(&ints, ret_values))
		return chunk_corrupt(chunk, "values", err);
	return ERR_OK;
}

enum err_code chunk_low(const struct chunk *chunk, int64_t base, uint32_t *ret_values, struct error *err)
{
	struct ints ints;

	if (!ints_open(chunk->values, chunk->count, 0, &ints) || !ints_read_low(&ints, base, ret_values))
		return chunk_corrupt(chunk, "values", err);
	return ERR_OK;
}
