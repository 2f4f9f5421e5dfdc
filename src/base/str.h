/* Borrowed strings: a pointer and a length, no terminator promised. All functions are pure and thread-safe. */
#ifndef MACHI_BASE_STR_H
#define MACHI_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *at; /* borrowed; may be NULL only when len is 0 */
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: "%.*s", STR_FMT(name). Lengths are cut at 2³¹ − 1. */
#define STR_FMT(s) ((s).len > 0x7fffffff ? 0x7fffffff : (int)(s).len), ((s).at ? (s).at : "")

struct str str_from(const char *text); /* NULL gives STR_NONE */
char *str_to_c(struct str s); /* a copy that ends in a zero byte, for free(); NULL: no memory */
struct str str_part(struct str s, size_t from, size_t to); /* [from, to), clamped to s */
static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.at == b.at || a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
int str_cmp(struct str a, struct str b); /* byte order; <0, 0, >0 */
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only, for HTTP header names */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_find(struct str s, char c, size_t *ret_index);
bool str_contains(struct str s, struct str part);
bool str_is_utf8(struct str s); /* RFC 3629 */
struct str str_trim(struct str s); /* ASCII space, tab, CR, LF */

/* Cuts the piece before the first separator off *rest; false when *rest is exhausted (at is NULL).
 * "a,,b" gives "a", "", "b"; an empty string gives one empty piece. */
bool str_next(struct str *rest, char separator, struct str *ret_piece);

/* Whole-string conversions: false (and *ret untouched) on any other character, empty input or overflow. */
bool str_to_int64(struct str s, int64_t *ret);
bool str_to_uint64(struct str s, uint64_t *ret);
bool str_to_double(struct str s, double *ret); /* decimal, finite; no hex, no inf or nan */

/* 64-bit hash by folded multiplication, eight bytes a step; differs between byte orders, so never store it. Give a
 * random seed where strangers choose the keys. */
uint64_t str_hash(struct str s, uint64_t seed);

/* True if the secret equals the guess; time depends on the lengths only. */
bool str_eq_constant_time(struct str secret, struct str guess);

#endif
