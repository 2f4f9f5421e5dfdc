/* Residuals, inside the room: what is left of a column when what was to be expected is taken away, as bits.
 *
 * A residual is an int64_t near a centre. Three ways to write a section of them, and the way that costs nothing:
 *   constant  all are the centre
 *   packed    residual − centre (the least one) in as many bits as the largest needs
 *   coded     v = zigzag(residual − centre) as a token and extra bits: q = v >> shift is a token of its own below
 *             TOKENS_DIRECT, followed by the low `shift` bits; larger ones have a token for each bit length, followed
 *             by all bits below the highest. Tokens have Huffman codes.
 *   runs      pairs of a residual and how often it stands, both packed
 *
 * Section "coded": byte shift, byte tokens − 2, lengths of codes, then bit streams. From LANES_FROM residuals on they
 * lie in four streams (residual i in stream i mod 4), which a processor decodes at the same time: in two parts with a
 * stream that begins at either end of each, the second one's bytes in reverse order, so that only the border between
 * the parts has to be said (varint). Fewer lie in one stream. Widths are bytes, counts varints. */
#ifndef MACHI_SERIES_RESIDUALS_INT_H
#define MACHI_SERIES_RESIDUALS_INT_H

#include "series/huffman_int.h"
#include "series/points.h"

#include <assert.h>

#define TOKENS_DIRECT 64u
#define TOKEN_BITS_DIRECT 6u /* q below TOKENS_DIRECT has so many bits at most */
#define LANES 4u
#define LANES_FROM 128u
#define CODED_FROM 24u /* fewer residuals are never coded: the table would cost more than it saves */

enum coding { CODING_CONSTANT, CODING_PACKED, CODING_CODED, CODING_RUNS };

static inline uint32_t token_of(uint64_t value, unsigned shift)
{
	uint64_t q = value >> shift;

	return q < TOKENS_DIRECT ? (uint32_t)q : TOKENS_DIRECT + bit_length(q) - TOKEN_BITS_DIRECT - 1;
}

/* Bits that follow a token. */
static inline unsigned token_extra(uint32_t token, unsigned shift)
{
	return token < TOKENS_DIRECT ? shift : token - TOKENS_DIRECT + TOKEN_BITS_DIRECT + shift;
}

/* The least value of a token; extra is its token_extra(). */
static inline uint64_t token_base(uint32_t token, unsigned shift, unsigned extra)
{
	return token < TOKENS_DIRECT ? (uint64_t)token << shift : UINT64_C(1) << extra;
}

/* ---- writing ---- */

#define LANE_BYTES_MAX (SERIES_POINTS_MAX / LANES * 10u + 16u) /* a code and 63 extra bits are less than 80 bits */

struct residual_plan {
	enum coding coding;
	int64_t centre;
	uint64_t bits; /* what the section will take, about */
	unsigned shift; /* coded */
	unsigned width; /* packed; runs: of the residuals */
	unsigned run_width;
	uint32_t runs;
	uint32_t tokens; /* coded: the last one that occurs and one more */
	uint32_t counts[CODE_TOKENS_MAX];
};

/* The cheapest way for these residuals (count at least 1). */
void residuals_plan(const int64_t *residuals, uint32_t count, struct residual_plan *ret_plan);
/* Appends the section. lanes: LANES · LANE_BYTES_MAX bytes to work in. */
void residuals_write(struct buf *out, const int64_t *residuals, uint32_t count, const struct residual_plan *plan,
		     uint8_t *lanes);

/* ---- reading ---- */

/* Room for the residuals of a column; they come in narrow when is_narrow, otherwise in wide. The centre is not in
 * them. */
struct residuals {
	bool is_narrow;
	int32_t narrow[SERIES_POINTS_MAX];
	int64_t *wide; /* the caller's */
};

/* Reads a section, which must end where in ends. False when it is none. */
bool residuals_read(struct byte_in *in, enum coding coding, uint32_t count, struct residuals *ret);

#endif
