/* Varints and the checksum.
 *
 * The checksum is a multiply-and-fold hash over words of eight bytes in two chains, as wyhash and its kin are, kept to
 * 32 bits: damage goes unnoticed once in 2³² times. It guards against disks, not against people: whoever can write the
 * database can write any checksum. */
#include "series/bytes_int.h"

#define WIDE_BYTES_MAX 19 /* 128 bits by sevens */
#define VARINT_BYTES_MAX 10

static uint8_t in_any(struct byte_in *in)
{
	if (in->at == in->end) {
		in->bad = true;
		return 0;
	}
	return *in->at++;
}

wide_uint in_wide(struct byte_in *in)
{
	wide_uint value = 0;

	for (unsigned i = 0; i < WIDE_BYTES_MAX; i++) {
		uint8_t byte = in_any(in);

		value |= (wide_uint)(byte & 0x7f) << 7 * i;
		if (byte < 0x80)
			return value;
	}
	in->bad = true;
	return 0;
}

uint64_t in_varint(struct byte_in *in)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
		uint8_t byte = in_any(in);

		value |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80)
			return value;
	}
	in->bad = true;
	return 0;
}

uint32_t in_below(struct byte_in *in, uint32_t limit)
{
	uint64_t value = in_varint(in);

	if (value >= limit) {
		in->bad = true;
		return 0;
	}
	return (uint32_t)value;
}

int64_t in_signed(struct byte_in *in)
{
	return unzigzag(in_varint(in));
}

uint8_t in_byte(struct byte_in *in)
{
	return in_any(in);
}

struct byte_in in_part(struct byte_in *in, size_t bytes)
{
	struct byte_in part = {in->at, in->at, in->bad};

	if (bytes > in_left(in)) {
		in->bad = part.bad = true;
		return part;
	}
	in->at += bytes;
	part.end = in->at;
	return part;
}

void out_wide(struct buf *out, wide_uint value)
{
	for (; value >= 0x80; value >>= 7)
		out_byte(out, (uint8_t)(value | 0x80));
	out_byte(out, (uint8_t)value);
}

void out_varint(struct buf *out, uint64_t value)
{
	out_wide(out, value);
}

void out_signed(struct buf *out, int64_t value)
{
	out_varint(out, zigzag(value));
}

void out_byte(struct buf *out, uint8_t byte)
{
	buf_put_char(out, (char)byte);
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	wide_uint product = (wide_uint)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t checksum(const uint8_t *bytes, size_t len)
{
	/* The first 256 bits behind the point of π. */
	const uint64_t k0 = 0x243f6a8885a308d3u, k1 = 0x13198a2e03707344u, k2 = 0xa4093822299f31d0u,
		       k3 = 0x082efa98ec4e6c89u;
	uint64_t a = len ^ k0, b = len ^ k1;
	uint8_t tail[32] = {0};

	for (; len >= 32; bytes += 32, len -= 32) {
		a = fold(a ^ word_load(bytes), k2 ^ word_load(bytes + 8));
		b = fold(b ^ word_load(bytes + 16), k3 ^ word_load(bytes + 24));
	}
	if (len > 0)
		memcpy(tail, bytes, len);
	a = fold(a ^ word_load(tail), k2 ^ word_load(tail + 8));
	b = fold(b ^ word_load(tail + 16), k3 ^ word_load(tail + 24));
	uint64_t sum = fold(a ^ k1, b ^ k0);

	return (uint32_t)(sum ^ sum >> 32);
}
