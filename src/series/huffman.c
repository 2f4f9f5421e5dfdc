/* Huffman codes: lengths from counts, codes from lengths, a decoder's table from codes.
 *
 * Lengths come from the merging of the two rarest, over tokens sorted by count, so that two queues do (A. Moffat and
 * J. Katajainen, In-Place Calculation of Minimum-Redundancy Codes, 1995, take it further). Lengths over the limit are
 * cut to it; the room that this takes is given back by the rarest of the shorter codes, until the sum of 2^−length is
 * one again. */
#include "series/huffman_int.h"

#include <assert.h>

#define LENGTH_BITS 4 /* a length that is neither the one before nor a neighbour */

/* The tokens that occur, rarest first. */
static uint32_t sort_tokens(const uint32_t *counts, uint32_t tokens, uint8_t *order)
{
	uint32_t used = 0;

	for (uint32_t token = tokens; token-- > 0;) {
		uint32_t at = used;

		if (counts[token] == 0)
			continue;
		for (; at > 0 && counts[order[at - 1]] > counts[token]; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)token;
		used++;
	}
	return used;
}

/* Depths of the leaves of the tree that merging makes; node i < used is a leaf, the others are made in order. */
static void tree_depths(const uint32_t *counts, const uint8_t *order, uint32_t used, uint8_t *ret_depths)
{
	uint32_t weights[2 * CODE_TOKENS_MAX], parents[2 * CODE_TOKENS_MAX] = {0};
	uint8_t depths[2 * CODE_TOKENS_MAX];
	uint32_t leaf = 0, inner = used;

	for (uint32_t i = 0; i < used; i++)
		weights[i] = counts[order[i]];
	for (uint32_t made = used; made < 2 * used - 1; made++) {
		weights[made] = 0;
		for (unsigned side = 0; side < 2; side++) {
			bool takes_leaf = leaf < used && (inner == made || weights[leaf] <= weights[inner]);
			uint32_t taken = takes_leaf ? leaf++ : inner++;

			weights[made] += weights[taken];
			parents[taken] = made;
		}
	}
	depths[2 * used - 2] = 0;
	for (uint32_t i = 2 * used - 2; i-- > 0;)
		depths[i] = (uint8_t)(depths[parents[i]] + 1);
	memcpy(ret_depths, depths, used);
}

/* depths descend (rarest first). Makes none longer than limit and the code complete. */
static void limit_depths(uint8_t *depths, uint32_t used, unsigned limit)
{
	uint32_t room = 1u << limit, taken = 0;

	for (uint32_t i = 0; i < used; i++) {
		if (depths[i] > limit)
			depths[i] = (uint8_t)limit;
		taken += 1u << (limit - depths[i]);
	}
	for (uint32_t i = 0; taken > room; i++) {
		assert(i < used);
		for (; depths[i] < limit && taken > room; depths[i]++)
			taken -= 1u << (limit - depths[i] - 1);
	}
	while (taken < room)
		for (uint32_t i = used; i-- > 0 && taken < room;)
			if (taken + (1u << (limit - depths[i])) <= room) {
				taken += 1u << (limit - depths[i]);
				depths[i]--;
			}
}

void huffman_lengths(const uint32_t *counts, uint32_t tokens, unsigned limit, uint8_t *ret_lengths)
{
	uint8_t order[CODE_TOKENS_MAX], depths[CODE_TOKENS_MAX];

	assert(tokens <= CODE_TOKENS_MAX && limit <= CODE_BITS_MAX);
	uint32_t used = sort_tokens(counts, tokens, order);

	assert(used >= 2 && used <= 1u << limit);
	tree_depths(counts, order, used, depths);
	limit_depths(depths, used, limit);
	memset(ret_lengths, 0, tokens);
	for (uint32_t i = 0; i < used; i++)
		ret_lengths[order[i]] = depths[i];
}

/* The next code of the same length, bits turned round: adds one at the high end. */
static uint32_t next_turned(uint32_t code, unsigned length)
{
	uint32_t bit = 1u << (length - 1);

	for (; code & bit; bit >>= 1)
		code ^= bit;
	return code | bit;
}

/* The tokens by length, those of one length in their order; ends[l] is behind the last one of length l. */
static void by_length(const uint8_t *lengths, uint32_t tokens, uint8_t *order, uint32_t ends[CODE_BITS_MAX + 1])
{
	uint32_t starts[CODE_BITS_MAX + 2] = {0};

	for (uint32_t i = 0; i < tokens; i++)
		starts[lengths[i] + 1]++;
	for (unsigned length = 1; length <= CODE_BITS_MAX + 1; length++)
		starts[length] += starts[length - 1];
	memcpy(ends, starts, (CODE_BITS_MAX + 1) * sizeof(*ends));
	for (uint32_t i = 0; i < tokens; i++)
		order[ends[lengths[i]]++] = (uint8_t)i;
}

void huffman_codes(const uint8_t *lengths, uint32_t tokens, uint16_t *ret_codes)
{
	uint8_t order[CODE_TOKENS_MAX];
	uint32_t ends[CODE_BITS_MAX + 1], code = 0;

	by_length(lengths, tokens, order, ends);
	/* A code that is lengthened keeps its low bits: turned round, zeros are added at the high end. */
	for (unsigned length = 1; length <= CODE_BITS_MAX; length++)
		for (uint32_t i = ends[length - 1]; i < ends[length]; i++) {
			ret_codes[order[i]] = (uint16_t)code;
			code = next_turned(code, length);
		}
}

void huffman_table(const uint8_t *lengths, const uint32_t *entries, uint32_t tokens, unsigned bits, uint32_t *table)
{
	uint8_t order[CODE_TOKENS_MAX];
	uint32_t ends[CODE_BITS_MAX + 1], code = 0;

	by_length(lengths, tokens, order, ends);
	/* A table for codes of up to one bit more is the one before twice, with the new codes put over it. */
	for (unsigned length = 1; length <= bits; length++) {
		memcpy(table + (1u << (length - 1)), table, sizeof(*table) << (length - 1));
		for (uint32_t i = ends[length - 1]; i < ends[length]; i++) {
			table[code] = entries[order[i]] + length * CODE_ENTRY_UNIT;
			code = next_turned(code, length);
		}
	}
}

/* Bits of the table of lengths. */
struct length_bits {
	struct buf *out;
	uint8_t byte;
	unsigned count;
};

static void put_bits(struct length_bits *bits, unsigned value, unsigned count)
{
	for (; count > 0; count--, value >>= 1) {
		bits->byte = (uint8_t)(bits->byte | (value & 1) << bits->count);
		if (++bits->count == 8) {
			out_byte(bits->out, bits->byte);
			bits->byte = 0;
			bits->count = 0;
		}
	}
}

/* 0: as before; 01: one more; 011: one less; 111 and four bits: any. The first token is compared with 4. */
#define LENGTH_BEFORE_FIRST 4u

void huffman_lengths_write(struct buf *out, const uint8_t *lengths, uint32_t tokens)
{
	struct length_bits bits = {.out = out};
	unsigned before = LENGTH_BEFORE_FIRST;

	for (uint32_t i = 0; i < tokens; before = lengths[i++])
		if (lengths[i] == before) {
			put_bits(&bits, 0, 1);
		} else if (lengths[i] == before + 1) {
			put_bits(&bits, 1, 2);
		} else if (lengths[i] + 1u == before) {
			put_bits(&bits, 3, 3);
		} else {
			put_bits(&bits, 7, 3);
			put_bits(&bits, lengths[i], LENGTH_BITS);
		}
	if (bits.count > 0)
		out_byte(out, bits.byte);
}

struct length_reader {
	struct byte_in *in;
	uint8_t byte;
	unsigned left;
};

static unsigned take_bits(struct length_reader *reader, unsigned count)
{
	unsigned value = 0;

	for (unsigned i = 0; i < count; i++, reader->left--, reader->byte >>= 1) {
		if (reader->left == 0) {
			reader->byte = in_byte(reader->in);
			reader->left = 8;
		}
		value |= (unsigned)(reader->byte & 1) << i;
	}
	return value;
}

static unsigned take_length(struct length_reader *reader, unsigned before)
{
	if (take_bits(reader, 1) == 0)
		return before;
	if (take_bits(reader, 1) == 0)
		return before + 1;
	return take_bits(reader, 1) == 0 ? before - 1 : take_bits(reader, LENGTH_BITS);
}

bool huffman_lengths_read(struct byte_in *in, uint32_t tokens, uint8_t *ret_lengths, unsigned *ret_bits)
{
	struct length_reader reader = {.in = in};
	unsigned before = LENGTH_BEFORE_FIRST, longest = 0;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < tokens; i++) {
		unsigned length = take_length(&reader, before);

		if (length > CODE_BITS_MAX || in->bad)
			return false;
		ret_lengths[i] = (uint8_t)length;
		taken += length > 0 ? 1u << (CODE_BITS_MAX - length) : 0;
		longest = length > longest ? length : longest;
		before = length;
	}
	*ret_bits = longest;
	return taken == 1u << CODE_BITS_MAX;
}
