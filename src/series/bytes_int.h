/* Bytes of the format, inside the room: little-endian words, varints (seven bits a byte, the lowest first), zigzag.
 *
 * A reader that runs out of bytes, or into a varint that is too long, is marked bad and gives zeros from there on; it
 * is looked at once at the end. */
#ifndef MACHI_SERIES_BYTES_INT_H
#define MACHI_SERIES_BYTES_INT_H

#include "base/buf.h"

#include <string.h>

/* Readers of bit streams load whole words: so many bytes before and behind any stream can be read. */
#define SLACK_BYTES 8u

__extension__ typedef unsigned __int128 wide_uint;
__extension__ typedef __int128 wide_int;

struct byte_in {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint64_t word_load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline void word_store(uint8_t *at, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(at, &word, sizeof(word));
}

static inline uint32_t half_load(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void half_store(uint8_t *at, uint32_t half)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(half >> 8 * i);
}

static inline uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (0 - ((uint64_t)value >> 63));
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

/* The difference and the sum modulo 2⁶⁴: what one takes away the other gives back, whatever the values. */
static inline int64_t wrap_sub(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t wrap_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline unsigned bit_length(uint64_t value)
{
	return value ? 64u - (unsigned)__builtin_clzll(value) : 0;
}

static inline size_t in_left(const struct byte_in *in)
{
	return (size_t)(in->end - in->at);
}

wide_uint in_wide(struct byte_in *in);
uint64_t in_varint(struct byte_in *in);
uint32_t in_below(struct byte_in *in, uint32_t limit); /* a varint less than limit, otherwise bad */
int64_t in_signed(struct byte_in *in);
uint8_t in_byte(struct byte_in *in);
struct byte_in in_part(struct byte_in *in, size_t bytes); /* the next bytes as a reader of their own */

void out_wide(struct buf *out, wide_uint value);
void out_varint(struct buf *out, uint64_t value);
void out_signed(struct buf *out, int64_t value);
void out_byte(struct buf *out, uint8_t byte);

/* 32 bits of a hash of the bytes. */
uint32_t checksum(const uint8_t *bytes, size_t len);

#endif
