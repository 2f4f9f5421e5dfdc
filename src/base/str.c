/* Borrowed strings. */
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct str str_from(const char *text)
{
	return text ? (struct str){text, strlen(text)} : STR_NONE;
}

char *str_to_c(struct str s)
{
	char *copy = malloc(s.len + 1);

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.at, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct str str_part(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from >= to)
		return (struct str){s.at ? s.at + (from < s.len ? from : s.len) : NULL, 0};
	return (struct str){s.at + from, to - from};
}

int str_cmp(struct str a, struct str b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared ? memcmp(a.at, b.at, shared) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool str_eq_nocase(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_part(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_part(s, s.len - suffix.len, s.len), suffix);
}

bool str_find(struct str s, char c, size_t *ret_index)
{
	const char *hit = s.len ? memchr(s.at, c, s.len) : NULL;

	if (!hit)
		return false;
	*ret_index = (size_t)(hit - s.at);
	return true;
}

bool str_contains(struct str s, struct str part)
{
	return part.len == 0 || (s.len >= part.len && memmem(s.at, s.len, part.at, part.len) != NULL);
}

/* RFC 3629: no overlong forms, surrogates, or beyond 10FFFF. */
bool str_is_utf8(struct str text)
{
	for (size_t i = 0; i < text.len;) {
		unsigned char lead = (unsigned char)text.at[i];
		size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
		uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
		uint32_t code = lead & (0x3fu >> more);

		i++;
		if (lead < 0x80)
			continue;
		if (lead < 0xc2 || lead > 0xf4 || text.len - i < more)
			return false;
		for (; more > 0; more--, i++) {
			if (((unsigned char)text.at[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | ((unsigned char)text.at[i] & 0x3f);
		}
		if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool str_next(struct str *rest, char separator, struct str *ret_piece)
{
	if (!rest->at)
		return false;
	size_t index;

	if (!str_find(*rest, separator, &index)) {
		*ret_piece = *rest;
		*rest = STR_NONE;
		return true;
	}
	*ret_piece = str_part(*rest, 0, index);
	rest->at += index + 1;
	rest->len -= index + 1;
	return true;
}

bool str_to_uint64(struct str s, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.at[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool str_to_int64(struct str s, int64_t *ret)
{
	bool negative = s.len > 0 && s.at[0] == '-';
	uint64_t magnitude;

	if (!str_to_uint64(negative ? str_part(s, 1, s.len) : s, &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return true;
}

/* Longest decimal that we accept as a number: far beyond any double's digits, small enough for the stack. */
#define NUMBER_BYTES_MAX 512

static bool only_number_characters(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!memchr("+-.0123456789eE", s.at[i], 15))
			return false;
	return true;
}

bool str_to_double(struct str s, double *ret)
{
	char text[NUMBER_BYTES_MAX + 1];
	char *end;

	if (s.len == 0 || s.len > NUMBER_BYTES_MAX || !only_number_characters(s))
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	errno = 0;
	double value = strtod(text, &end);

	if (end != text + s.len || !isfinite(value))
		return false;
	*ret = value;
	return true;
}

/* The 128-bit product folded: every bit of both factors reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static uint64_t load_up_to_8(const char *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)(unsigned char)at[i] << 8 * i;
	return word;
}

uint64_t str_hash(struct str s, uint64_t seed)
{
	const uint64_t odd_a = 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
	const uint64_t odd_b = 0xD1B54A32D192ED03u;
	uint64_t hash = seed ^ mix(s.len + odd_a, odd_b);
	const char *at = s.at;
	size_t left = s.len;

	for (; left > 8; at += 8, left -= 8)
		hash = mix(hash ^ load_8(at), odd_a);
	if (left)
		hash = mix(hash ^ load_up_to_8(at, left), odd_b);
	return mix(hash ^ odd_b, odd_a);
}

bool str_eq_constant_time(struct str secret, struct str guess)
{
	unsigned char difference = secret.len == guess.len ? 0 : 1;

	for (size_t i = 0; i < guess.len; i++)
		difference |= (unsigned char)(guess.at[i] ^ (secret.len ? secret.at[i % secret.len] : 0));
	return difference == 0;
}
