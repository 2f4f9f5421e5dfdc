/* Reading residuals, from bytes that nobody vouches for.
 *
 * Bit streams are read by loading a word at the byte where the next bit is. Loads reach SLACK_BYTES beyond a stream at
 * most: each position is held against the stream's end before it is loaded from, so what damaged bytes can do is give
 * wrong residuals, which the end then shows: streams must be used up to less than a byte.
 *
 * The coded way is what speed hangs on. A table entry holds in its low byte the bits of the code and of what follows
 * it, so that a shift by the entry leads to the next code; then the bits of the code alone; and in the upper half
 * the value, or the least one of its token. While no token has extra bits the upper half is the finished residual.
 * Four streams are decoded side by side: each waits for its own table look-up, and the processor fills the time with
 * the others. */
#include "series/residuals_int.h"

#define WORD_BITS_SURE 57u /* of a loaded word, whatever the bit that it begins at */
#define NARROW_BITS 31u /* packed values that fit an int32_t */
#define ENTRY_VALUE_SHIFT 16
#define ENTRY_LENGTH_SHIFT 8

struct stream {
	const uint8_t *start; /* of bytes in reverse order: behind the last one */
	uint64_t at, end; /* bits */
	bool reversed;
};

static inline uint64_t stream_word(const struct stream *stream)
{
	uint64_t byte = stream->at >> 3;
	uint64_t word = stream->reversed ? __builtin_bswap64(word_load(stream->start - byte - 8))
					 : word_load(stream->start + byte);

	return word >> (stream->at & 7);
}

static inline uint64_t low_bits(uint64_t word, unsigned count)
{
	return count >= 64 ? word : word & ((UINT64_C(1) << count) - 1);
}

/* Up to 64 bits; zeros beyond the end, which the position then shows. */
static uint64_t stream_take(struct stream *stream, unsigned count)
{
	uint64_t low = 0;
	unsigned done = 0;

	if (stream->at > stream->end)
		return 0;
	if (count > WORD_BITS_SURE) {
		low = low_bits(stream_word(stream), 32);
		done = 32;
		stream->at += 32;
		if (stream->at > stream->end)
			return 0;
	}
	low |= low_bits(stream_word(stream), count - done) << done;
	stream->at += count - done;
	return low;
}

/* A stream of count · width bits from the next bytes of in. */
static struct stream take_packed(struct byte_in *in, uint32_t count, unsigned width)
{
	uint64_t bits = (uint64_t)count * width;
	struct byte_in part = in_part(in, (size_t)((bits + 7) / 8));

	return (struct stream){.start = part.at, .end = (uint64_t)(part.end - part.at) * 8};
}

static bool read_packed(struct byte_in *in, uint32_t count, struct residuals *ret)
{
	unsigned width = in_byte(in);

	if (width == 0 || width > 64)
		return false;
	struct stream stream = take_packed(in, count, width);

	if (in->bad)
		return false;
	ret->is_narrow = width <= NARROW_BITS;
	if (ret->is_narrow) {
		uint64_t mask = (UINT64_C(1) << width) - 1;

		for (uint32_t i = 0; i < count; i++) {
			uint64_t at = (uint64_t)i * width;

			ret->narrow[i] = (int32_t)(word_load(stream.start + (at >> 3)) >> (at & 7) & mask);
		}
		return true;
	}
	for (uint32_t i = 0; i < count; i++)
		ret->wide[i] = (int64_t)stream_take(&stream, width);
	return true;
}

static bool read_runs(struct byte_in *in, uint32_t count, struct residuals *ret)
{
	uint32_t runs = in_below(in, count + 1);
	unsigned width = in_byte(in), run_width = in_byte(in);

	if (runs == 0 || width > 64 || run_width > 32)
		return false;
	struct stream values = take_packed(in, runs, width), lengths = take_packed(in, runs, run_width);
	uint32_t done = 0;

	if (in->bad)
		return false;
	ret->is_narrow = false;
	for (uint32_t i = 0; i < runs; i++) {
		int64_t value = (int64_t)stream_take(&values, width);
		uint64_t length = stream_take(&lengths, run_width) + 1;

		if (length > count - done)
			return false;
		for (uint64_t k = 0; k < length; k++)
			ret->wide[done++] = value;
	}
	return done == count;
}

/* ---- coded ---- */

struct coded {
	unsigned shift, bits; /* bits: of the longest code */
	bool plain; /* no token has extra bits */
	unsigned take_bits_max; /* of a code and what follows it */
	unsigned value_bits_max;
	uint32_t tokens;
	uint32_t table[1u << CODE_BITS_MAX];
	uint32_t lanes;
	struct stream streams[LANES];
};

/* Upper half of an entry: the residual itself, the least value, or the token, by how wide the values are. */
static uint32_t make_entry(const struct coded *coded, uint32_t token)
{
	unsigned extra = token_extra(token, coded->shift);

	if (coded->value_bits_max > ENTRY_VALUE_SHIFT)
		return token << ENTRY_VALUE_SHIFT;
	uint64_t base = token_base(token, coded->shift, extra);

	if (coded->plain)
		base = (uint64_t)unzigzag(base);
	return (uint32_t)base << ENTRY_VALUE_SHIFT | extra;
}

static bool read_table(struct byte_in *in, struct coded *coded)
{
	uint8_t lengths[CODE_TOKENS_MAX];
	uint32_t entries[CODE_TOKENS_MAX];

	coded->shift = in_byte(in);
	coded->tokens = in_byte(in) + 2u;
	if (coded->shift >= 64 || coded->tokens > CODE_TOKENS_MAX - coded->shift)
		return false;
	if (!huffman_lengths_read(in, coded->tokens, lengths, &coded->bits))
		return false;
	coded->take_bits_max = coded->value_bits_max = 0;
	coded->plain = true;
	for (uint32_t token = 0; token < coded->tokens; token++)
		if (lengths[token] > 0) {
			unsigned extra = token_extra(token, coded->shift), take = lengths[token] + extra;

			/* The largest value of the token. */
			uint64_t most = token_base(token, coded->shift, extra) + low_bits(UINT64_MAX, extra);

			coded->take_bits_max = take > coded->take_bits_max ? take : coded->take_bits_max;
			coded->value_bits_max = bit_length(most);
			coded->plain = coded->plain && extra == 0;
		}
	for (uint32_t token = 0; token < coded->tokens; token++)
		entries[token] = make_entry(coded, token);
	huffman_table(lengths, entries, coded->tokens, coded->bits, coded->table);
	return true;
}

static bool read_streams(struct byte_in *in, uint32_t count, struct coded *coded)
{
	coded->lanes = count >= LANES_FROM ? LANES : 1;
	if (coded->lanes == 1) {
		struct byte_in part = in_part(in, in_left(in));

		coded->streams[0] = (struct stream){.start = part.at, .end = (uint64_t)(part.end - part.at) * 8};
		return true;
	}
	uint64_t first = in_varint(in);

	if (in->bad || first > in_left(in))
		return false;
	for (uint32_t lane = 0; lane < LANES; lane += 2) {
		struct byte_in part = in_part(in, lane == 0 ? (size_t)first : in_left(in));
		uint64_t bits = (uint64_t)(part.end - part.at) * 8;

		coded->streams[lane] = (struct stream){.start = part.at, .end = bits};
		coded->streams[lane + 1] = (struct stream){.start = part.end, .end = bits, .reversed = true};
	}
	return true;
}

/* Two streams that share a part must have used up all of it, but for bits of a last byte each. */
static bool streams_ended(const struct coded *coded)
{
	for (uint32_t lane = 0; lane < coded->lanes; lane += 2) {
		uint64_t bytes = (coded->streams[lane].at + 7) / 8;

		if (coded->lanes > 1)
			bytes += (coded->streams[lane + 1].at + 7) / 8;
		if (bytes * 8 != coded->streams[lane].end)
			return false;
	}
	return true;
}

/* The next residual of a stream, whatever its width. */
static int64_t take_residual(const struct coded *coded, struct stream *stream)
{
	if (stream->at > stream->end)
		return 0;
	uint32_t entry = coded->table[low_bits(stream_word(stream), coded->bits)];
	uint32_t upper = entry >> ENTRY_VALUE_SHIFT;

	unsigned length = entry >> ENTRY_LENGTH_SHIFT & 0xff;

	stream->at += length;
	if (coded->value_bits_max > ENTRY_VALUE_SHIFT) {
		unsigned extra = token_extra(upper, coded->shift);

		return unzigzag(token_base(upper, coded->shift, extra) + stream_take(stream, extra));
	}
	if (coded->plain)
		return (int16_t)upper;
	return unzigzag(upper + stream_take(stream, (entry & 0xff) - length));
}

/* The residual that an entry stands for; word holds its code and what follows it. */
static inline __attribute__((always_inline)) int32_t entry_residual(uint32_t entry, uint64_t word, bool plain)
{
	if (plain)
		return (int32_t)entry >> ENTRY_VALUE_SHIFT;
	unsigned length = entry >> ENTRY_LENGTH_SHIFT & 0xff, extra = (entry & 0xff) - length;

	return (int32_t)unzigzag((entry >> ENTRY_VALUE_SHIFT) + low_bits(word >> length, extra));
}

/* Four streams side by side, `each` residuals of every stream from one load. Returns how many residuals were read:
 * those that are left, and those of a stream that has run out, are the caller's to read one by one. plain: no token has
 * extra bits. */
static inline __attribute__((always_inline)) uint32_t read_lanes(struct coded *coded, uint32_t count, bool plain,
								 uint32_t each, int32_t *ret)
{
	const uint32_t *table = coded->table;
	uint64_t mask = (UINT64_C(1) << coded->bits) - 1;
	struct stream a = coded->streams[0], b = coded->streams[1], c = coded->streams[2], d = coded->streams[3];
	int32_t *to_a = ret, *to_b = ret + 1, *to_c = ret + 2, *to_d = ret + 3;
	uint32_t done = 0;

	b.reversed = d.reversed = true; /* as they are; now the compiler knows */
	a.reversed = c.reversed = false;
	/* What it must not know is that four stores are neighbours: gathering them in a vector register costs more. */
	__asm__("" : "+r"(to_b), "+r"(to_c), "+r"(to_d));
	for (; count - done >= each * LANES; done += each * LANES) {
		if (a.at > a.end || b.at > b.end || c.at > c.end || d.at > d.end)
			break;
		uint64_t wa = stream_word(&a), wb = stream_word(&b), wc = stream_word(&c), wd = stream_word(&d);
		/* Sums of entries: their low bytes are the bits taken, 57 at most together. */
		uint32_t sa = 0, sb = 0, sc = 0, sd = 0;

#pragma GCC unroll 4
		for (uint32_t i = done; i < done + each * LANES; i += LANES) {
			uint32_t ea = table[wa & mask], eb = table[wb & mask];
			uint32_t ec = table[wc & mask], ed = table[wd & mask];

			to_a[i] = entry_residual(ea, wa, plain);
			to_b[i] = entry_residual(eb, wb, plain);
			to_c[i] = entry_residual(ec, wc, plain);
			to_d[i] = entry_residual(ed, wd, plain);
			wa >>= ea & 63;
			wb >>= eb & 63;
			wc >>= ec & 63;
			wd >>= ed & 63;
			sa += ea;
			sb += eb;
			sc += ec;
			sd += ed;
		}
		a.at += sa & 0xff;
		b.at += sb & 0xff;
		c.at += sc & 0xff;
		d.at += sd & 0xff;
	}
	coded->streams[0].at = a.at;
	coded->streams[1].at = b.at;
	coded->streams[2].at = c.at;
	coded->streams[3].at = d.at;
	return done;
}

static uint32_t read_quickly(struct coded *coded, uint32_t count, int32_t *ret)
{
	if (coded->lanes == 1)
		return 0;
	if (coded->plain)
		return read_lanes(coded, count, true, 4, ret);
	return coded->take_bits_max * 4 <= WORD_BITS_SURE ? read_lanes(coded, count, false, 4, ret)
							  : read_lanes(coded, count, false, 2, ret);
}

static bool read_coded(struct byte_in *in, uint32_t count, struct residuals *ret)
{
	struct coded coded;
	uint32_t done = 0;

	if (!read_table(in, &coded) || !read_streams(in, count, &coded))
		return false;
	ret->is_narrow = coded.value_bits_max <= ENTRY_VALUE_SHIFT;
	if (ret->is_narrow)
		done = read_quickly(&coded, count, ret->narrow);
	for (; done < count; done++) {
		int64_t residual = take_residual(&coded, &coded.streams[done & (coded.lanes - 1)]);

		if (ret->is_narrow)
			ret->narrow[done] = (int32_t)residual;
		else
			ret->wide[done] = residual;
	}
	return streams_ended(&coded);
}

bool residuals_read(struct byte_in *in, enum coding coding, uint32_t count, struct residuals *ret)
{
	bool good = false;

	switch (coding) {
	case CODING_CONSTANT:
		ret->is_narrow = true;
		memset(ret->narrow, 0, count * sizeof(*ret->narrow));
		good = true;
		break;
	case CODING_PACKED:
		good = read_packed(in, count, ret);
		break;
	case CODING_CODED:
		good = read_coded(in, count, ret);
		break;
	case CODING_RUNS:
		good = read_runs(in, count, ret);
		break;
	}
	return good && !in->bad && in->at == in->end;
}
