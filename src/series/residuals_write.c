/* Writing residuals: the cheapest way is found from a histogram and a count of runs, then written. */
#include "series/residuals_int.h"

#include <assert.h>
#include <math.h>

#define SAMPLES 31u /* of which the centre is the median */
#define MEDIAN_BITS 3u /* the shift leaves the median magnitude so many bits, so that most are tokens of their own */
#define TABLE_BITS_PER_TOKEN 2u
#define CODED_BITS_FIXED 64u /* header, padding of streams */

static unsigned width_of(int64_t min, int64_t max)
{
	return bit_length((uint64_t)max - (uint64_t)min);
}

static void sort_samples(int64_t *samples, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		int64_t sample = samples[i];
		uint32_t at = i;

		for (; at > 0 && samples[at - 1] > sample; at--)
			samples[at] = samples[at - 1];
		samples[at] = sample;
	}
}

/* A value in the middle of most, and how many bits the median distance from it has (zigzag). */
static int64_t find_centre(const int64_t *residuals, uint32_t count, unsigned *ret_bits)
{
	int64_t samples[SAMPLES] = {0};
	uint32_t taken = count < SAMPLES ? count : SAMPLES;

	for (uint32_t i = 0; i < taken; i++)
		samples[i] = residuals[(uint64_t)i * count / taken];
	sort_samples(samples, taken);
	int64_t centre = samples[taken / 2];

	for (uint32_t i = 0; i < taken; i++)
		samples[i] = (int64_t)(zigzag(wrap_sub(samples[i], centre)) >> 1);
	sort_samples(samples, taken);
	*ret_bits = bit_length((uint64_t)samples[taken / 2] << 1);
	return centre;
}

static void count_tokens(const int64_t *residuals, uint32_t count, struct residual_plan *plan)
{
	memset(plan->counts, 0, sizeof(plan->counts));
	for (uint32_t i = 0; i < count; i++)
		plan->counts[token_of(zigzag(wrap_sub(residuals[i], plan->centre)), plan->shift)]++;
}

/* Bits of the section by the entropy of its tokens. */
static double coded_bits(struct residual_plan *plan, uint32_t count)
{
	double bits = CODED_BITS_FIXED, all = log2((double)count);

	for (uint32_t token = 0; token < CODE_TOKENS_MAX - plan->shift; token++)
		if (plan->counts[token] > 0) {
			double times = (double)plan->counts[token];

			bits += times * (all - log2(times) + token_extra(token, plan->shift));
			plan->tokens = token + 1;
		}
	return bits + TABLE_BITS_PER_TOKEN * plan->tokens;
}

static void plan_coded(const int64_t *residuals, uint32_t count, struct residual_plan *plan)
{
	struct residual_plan coded = {.coding = CODING_CODED};
	unsigned bits;

	coded.centre = find_centre(residuals, count, &bits);
	coded.shift = bits > MEDIAN_BITS ? bits - MEDIAN_BITS : 0;
	count_tokens(residuals, count, &coded);
	coded.bits = (uint64_t)coded_bits(&coded, count);
	/* All in one token can only be extra bits: packing does as well. */
	if (coded.bits < plan->bits && coded.counts[coded.tokens - 1] < count)
		*plan = coded;
}

/* Looks at all once: least and greatest residual, runs and the longest one. */
void residuals_plan(const int64_t *residuals, uint32_t count, struct residual_plan *ret_plan)
{
	int64_t min = residuals[0], max = residuals[0];
	uint32_t runs = 1, run_start = 0, longest = 0;

	for (uint32_t i = 1; i < count; i++) {
		min = residuals[i] < min ? residuals[i] : min;
		max = residuals[i] > max ? residuals[i] : max;
		if (residuals[i] != residuals[i - 1]) {
			longest = i - run_start > longest ? i - run_start : longest;
			run_start = i;
			runs++;
		}
	}
	longest = count - run_start > longest ? count - run_start : longest;
	*ret_plan = (struct residual_plan){.centre = min, .coding = CODING_CONSTANT};
	if (min == max)
		return;
	ret_plan->width = width_of(min, max);
	ret_plan->run_width = bit_length(longest - 1);
	ret_plan->runs = runs;
	ret_plan->coding = CODING_PACKED;
	ret_plan->bits = 8 + (uint64_t)count * ret_plan->width;
	uint64_t run_bits = 32 + (uint64_t)runs * (ret_plan->width + ret_plan->run_width);

	if (run_bits < ret_plan->bits) {
		ret_plan->coding = CODING_RUNS;
		ret_plan->bits = run_bits;
	}
	if (count >= CODED_FROM)
		plan_coded(residuals, count, ret_plan);
}

/* ---- bits ---- */

struct bit_out {
	uint64_t word; /* bits not yet stored, `count` of them, less than 8 between calls */
	unsigned count;
	uint8_t *at; /* where whole words may be stored */
};

/* At most 56 bits; value has no others. */
static inline void bits_put(struct bit_out *out, uint64_t value, unsigned count)
{
	out->word |= value << out->count;
	out->count += count;
	word_store(out->at, out->word);
	out->at += out->count >> 3;
	out->word >>= out->count & ~7u;
	out->count &= 7;
}

static inline void bits_put_long(struct bit_out *out, uint64_t value, unsigned count)
{
	if (count > 56) {
		bits_put(out, value & 0xffffffff, 32);
		value >>= 32;
		count -= 32;
	}
	bits_put(out, value, count);
}

static size_t bits_end(struct bit_out *out, const uint8_t *start)
{
	if (out->count > 0)
		*out->at++ = (uint8_t)out->word;
	return (size_t)(out->at - start);
}

static void put_bytes(struct buf *out, const uint8_t *bytes, size_t len)
{
	buf_put(out, (struct str){(const char *)bytes, len});
}

/* count ≤ SERIES_POINTS_MAX values less centre, through the lanes as one piece of memory. */
static_assert(LANES * LANE_BYTES_MAX >= SERIES_POINTS_MAX * 8u + 16u, "values of 64 bits fit into the lanes' memory");

static void write_packed(struct buf *out, const int64_t *residuals, uint32_t count, const struct residual_plan *plan,
			 uint8_t *memory)
{
	struct bit_out bits = {.at = memory};

	out_byte(out, (uint8_t)plan->width);
	for (uint32_t i = 0; i < count; i++)
		bits_put_long(&bits, (uint64_t)residuals[i] - (uint64_t)plan->centre, plan->width);
	put_bytes(out, memory, bits_end(&bits, memory));
}

static void write_runs(struct buf *out, const int64_t *residuals, uint32_t count, const struct residual_plan *plan,
		       uint8_t *memory)
{
	struct bit_out bits = {.at = memory};

	out_varint(out, plan->runs);
	out_byte(out, (uint8_t)plan->width);
	out_byte(out, (uint8_t)plan->run_width);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || residuals[i] != residuals[i - 1])
			bits_put_long(&bits, (uint64_t)residuals[i] - (uint64_t)plan->centre, plan->width);
	put_bytes(out, memory, bits_end(&bits, memory));
	bits = (struct bit_out){.at = memory};
	for (uint32_t i = 0, start = 0; i < count; i++)
		if (i + 1 == count || residuals[i + 1] != residuals[i]) {
			bits_put(&bits, i - start, plan->run_width);
			start = i + 1;
		}
	put_bytes(out, memory, bits_end(&bits, memory));
}

static void put_reversed(struct buf *out, const uint8_t *bytes, size_t len)
{
	char *to = buf_extend(out, len);

	for (size_t i = 0; to && i < len; i++)
		to[i] = (char)bytes[len - 1 - i];
}

static void put_streams(struct buf *out, const uint8_t *const *starts, const size_t *lens)
{
	out_varint(out, lens[0] + lens[1]);
	for (unsigned lane = 0; lane < LANES; lane += 2) {
		put_bytes(out, starts[lane], lens[lane]);
		put_reversed(out, starts[lane + 1], lens[lane + 1]);
	}
}

static void write_coded(struct buf *out, const int64_t *residuals, uint32_t count, const struct residual_plan *plan,
			uint8_t *memory)
{
	uint8_t lengths[CODE_TOKENS_MAX];
	uint16_t codes[CODE_TOKENS_MAX];
	uint32_t lanes = count >= LANES_FROM ? LANES : 1;
	struct bit_out bits[LANES];
	const uint8_t *starts[LANES];
	size_t lens[LANES] = {0};

	huffman_lengths(plan->counts, plan->tokens, CODE_BITS_MAX, lengths);
	huffman_codes(lengths, plan->tokens, codes);
	out_byte(out, (uint8_t)plan->shift);
	out_byte(out, (uint8_t)(plan->tokens - 2));
	huffman_lengths_write(out, lengths, plan->tokens);
	for (uint32_t lane = 0; lane < lanes; lane++) {
		starts[lane] = memory + (size_t)lane * LANE_BYTES_MAX;
		bits[lane] = (struct bit_out){0};
		bits[lane].at = memory + (size_t)lane * LANE_BYTES_MAX;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = zigzag(wrap_sub(residuals[i], plan->centre));
		uint32_t token = token_of(value, plan->shift);
		unsigned extra = token_extra(token, plan->shift);
		struct bit_out *lane = &bits[i & (lanes - 1)];

		bits_put(lane, codes[token], lengths[token]);
		if (extra > 0)
			bits_put_long(lane, value & ((UINT64_C(1) << extra) - 1), extra);
	}
	for (uint32_t lane = 0; lane < lanes; lane++)
		lens[lane] = bits_end(&bits[lane], starts[lane]);
	if (lanes == 1)
		put_bytes(out, starts[0], lens[0]);
	else
		put_streams(out, starts, lens);
}

void residuals_write(struct buf *out, const int64_t *residuals, uint32_t count, const struct residual_plan *plan,
		     uint8_t *lanes)
{
	assert(count >= 1 && count <= SERIES_POINTS_MAX);
	switch (plan->coding) {
	case CODING_CONSTANT:
		return;
	case CODING_PACKED:
		write_packed(out, residuals, count, plan, lanes);
		return;
	case CODING_RUNS:
		write_runs(out, residuals, count, plan, lanes);
		return;
	case CODING_CODED:
		write_coded(out, residuals, count, plan, lanes);
		return;
	}
}
