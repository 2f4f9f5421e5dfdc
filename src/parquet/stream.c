/* Values in a page that are packed: runs of one value or of bits, and differences (Encodings.md). */
#include "parquet/parquet_int.h"

#define BLOCK_VALUES_MAX (1u << 20)

static bool take_varint(struct str *rest, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 10 && i < rest->len; i++) {
		uint8_t byte = (uint8_t)rest->at[i];

		value |= (uint64_t)(byte & 0x7F) << 7 * i;
		if (byte < 0x80) {
			*rest = str_part(*rest, i + 1, rest->len);
			*ret = value;
			return true;
		}
	}
	return false;
}

/* width bits from the bit on, the lowest first; they are there. */
static uint64_t bits_at(struct str bytes, uint32_t bit, uint32_t width)
{
	uint64_t value = 0;

	for (uint32_t got = 0; got < width;) {
		uint32_t at = bit + got, offset = at % 8;
		uint32_t take = 8 - offset < width - got ? 8 - offset : width - got;
		uint64_t part = (uint64_t)((uint8_t)bytes.at[at / 8] >> offset) & ((1u << take) - 1);

		value |= part << got;
		got += take;
	}
	return value;
}

/* ---- runs ---- */

void parquet_runs_init(struct parquet_runs *runs, struct str bytes, uint32_t width)
{
	*runs = (struct parquet_runs){.rest = bytes, .width = width};
}

static bool begin_run(struct parquet_runs *runs)
{
	uint64_t head;
	size_t bytes = (runs->width + 7) / 8;

	if (!take_varint(&runs->rest, &head))
		return false;
	runs->packed = head & 1;
	runs->left = runs->packed ? (head >> 1) * 8 : head >> 1;
	runs->bit = 0;
	if (runs->packed || runs->left == 0)
		return runs->left > 0 && head >> 1 <= UINT32_MAX;
	if (runs->rest.len < bytes)
		return false;
	runs->value = (uint32_t)bits_at(runs->rest, 0, (uint32_t)bytes * 8);
	runs->rest = str_part(runs->rest, bytes, runs->rest.len);
	return true;
}

bool parquet_runs_next(struct parquet_runs *runs, uint32_t *ret)
{
	if (runs->left == 0 && !begin_run(runs))
		return false;
	runs->left--;
	if (!runs->packed) {
		*ret = runs->value;
		return true;
	}
	if ((uint64_t)runs->bit + runs->width > runs->rest.len * 8)
		return false;
	*ret = (uint32_t)bits_at(runs->rest, runs->bit, runs->width);
	runs->bit += runs->width;
	runs->rest = str_part(runs->rest, runs->bit / 8, runs->rest.len);
	runs->bit %= 8;
	return true;
}

/* ---- differences ---- */

static uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ (0 - (value & 1));
}

bool parquet_deltas_init(struct parquet_deltas *deltas, struct str bytes)
{
	uint64_t first;

	*deltas = (struct parquet_deltas){.rest = bytes, .first = true};
	if (!take_varint(&deltas->rest, &deltas->block) || !take_varint(&deltas->rest, &deltas->minis) ||
	    !take_varint(&deltas->rest, &deltas->left) || !take_varint(&deltas->rest, &first))
		return false;
	deltas->value = unzigzag(first);
	deltas->mini_index = deltas->minis;
	return deltas->minis > 0 && deltas->block <= BLOCK_VALUES_MAX && deltas->block % deltas->minis == 0 &&
	       deltas->block / deltas->minis > 0 && deltas->block / deltas->minis % 8 == 0;
}

/* The next miniblock's width; a new block has its widths before the first one. */
static bool begin_mini(struct parquet_deltas *deltas)
{
	uint64_t least;

	if (deltas->bit % 8)
		return false;
	deltas->rest = str_part(deltas->rest, deltas->bit / 8, deltas->rest.len);
	deltas->bit = 0;
	if (deltas->mini_index == deltas->minis) {
		if (!take_varint(&deltas->rest, &least) || deltas->rest.len < deltas->minis)
			return false;
		deltas->step_min = unzigzag(least);
		deltas->widths = str_part(deltas->rest, 0, deltas->minis);
		deltas->rest = str_part(deltas->rest, deltas->minis, deltas->rest.len);
		deltas->mini_index = 0;
	}
	deltas->width = (uint8_t)deltas->widths.at[deltas->mini_index++];
	deltas->mini_left = deltas->block / deltas->minis;
	return deltas->width <= 64;
}

static bool step(struct parquet_deltas *deltas)
{
	if (deltas->mini_left == 0 && !begin_mini(deltas))
		return false;
	if ((uint64_t)deltas->bit + deltas->width > deltas->rest.len * 8)
		return false;
	deltas->value += deltas->step_min + bits_at(deltas->rest, deltas->bit, deltas->width);
	deltas->bit += deltas->width;
	deltas->mini_left--;
	return true;
}

bool parquet_deltas_next(struct parquet_deltas *deltas, int64_t *ret)
{
	if (deltas->left == 0 || (!deltas->first && !step(deltas)))
		return false;
	deltas->first = false;
	deltas->left--;
	*ret = (int64_t)deltas->value;
	return true;
}

bool parquet_deltas_end(const struct parquet_deltas *deltas, struct str *ret_rest)
{
	struct parquet_deltas copy = *deltas;
	int64_t value;

	while (copy.left > 0)
		if (!parquet_deltas_next(&copy, &value))
			return false;
	/* The last miniblock is whole, however few of its values count. */
	uint64_t bits = copy.bit + copy.mini_left * copy.width;

	if (bits / 8 > copy.rest.len)
		return false;
	*ret_rest = str_part(copy.rest, bits / 8, copy.rest.len);
	return true;
}
