/* Canonical Huffman codes of at most CODE_BITS_MAX bits, inside the room. Codes are complete: every pattern of bits
 * begins with one, so that a decoder needs no case for one that is none. Bits are taken from the low end of words, so
 * codes are stored with their bits turned round. */
#ifndef MACHI_SERIES_HUFFMAN_INT_H
#define MACHI_SERIES_HUFFMAN_INT_H

#include "series/bytes_int.h"

#define CODE_BITS_MAX 11u
#define CODE_TOKENS_MAX 122u
#define CODE_ENTRY_UNIT 0x0101u

/* How many bits each token's code has, 0 for those that do not occur. Two at least must occur; no code is longer than
 * limit, which 2^limit tokens at most allow. */
void huffman_lengths(const uint32_t *counts, uint32_t tokens, unsigned limit, uint8_t *ret_lengths);
void huffman_codes(const uint8_t *lengths, uint32_t tokens, uint16_t *ret_codes);

/* The table of lengths as bits: most lengths are that of the token before, or one more. */
void huffman_lengths_write(struct buf *out, const uint8_t *lengths, uint32_t tokens);
/* False when the table is not one of a complete code; otherwise the length of the longest code. */
bool huffman_lengths_read(struct byte_in *in, uint32_t tokens, uint8_t *ret_lengths, unsigned *ret_bits);
/* Puts entries[token], with its code's length added to both of its low bytes, at every place of table (2^bits) whose
 * low bits are its code. */
void huffman_table(const uint8_t *lengths, const uint32_t *entries, uint32_t tokens, unsigned bits, uint32_t *table);

#endif
