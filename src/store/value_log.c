/* Rows of the index of values, and changes of them, as bytes, and back. */
#include "store/value_log.h"

#include <assert.h>
#include <string.h>

#define ADD 4u /* beside the kind in the first byte */
#define SAME 8u /* value as before */
#define NUMBER_BYTES 8u
#define VARINT_BYTES_MAX 10u

static_assert(INDEX_PRESENT < ADD, "kinds leave the bit free");
static_assert(INDEX_TEXT_BYTES_MAX <= 127, "a length is one byte");

/* ---- writing ---- */

static void put_varint(struct buf *log, uint64_t number)
{
	char bytes[VARINT_BYTES_MAX];
	size_t len = 0;

	for (; number > 127; number >>= 7)
		bytes[len++] = (char)(number | 128);
	bytes[len++] = (char)number;
	buf_put(log, (struct str){bytes, len});
}

static void put_number(struct buf *log, double number)
{
	char bytes[NUMBER_BYTES];
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(bits >> 8 * i);
	buf_put(log, (struct str){bytes, sizeof(bytes)});
}

int value_change_cmp(const struct value_change *a, const struct value_change *b)
{
	int order = index_value_cmp(&a->value, &b->value);

	return order != 0 || a->iid == b->iid ? order : a->iid < b->iid ? -1 : 1;
}

void value_log_put(struct buf *log, const struct value_change *before, const struct value_change *change)
{
	const struct index_value *value = &change->value;
	bool same = before && index_value_cmp(&before->value, value) == 0;

	buf_put_char(log, (char)(value->kind | (change->add ? ADD : 0) | (same ? SAME : 0)));
	put_varint(log, (uint64_t)change->iid - (same ? (uint64_t)before->iid : 0));
	if (same)
		return;
	if (value->kind == INDEX_NUMBER)
		put_number(log, value->number);
	if (value->kind != INDEX_TEXT)
		return;
	assert(value->text.len <= INDEX_TEXT_BYTES_MAX);
	buf_put_char(log, (char)value->text.len);
	buf_put(log, value->text);
}

/* ---- reading ---- */

static bool take(struct str *log, size_t len, struct str *ret)
{
	if (log->len < len)
		return false;
	*ret = (struct str){log->at, len};
	*log = (struct str){log->at + len, log->len - len};
	return true;
}

static bool take_byte(struct str *log, unsigned *ret)
{
	struct str byte;

	if (!take(log, 1, &byte))
		return false;
	*ret = (unsigned char)byte.at[0];
	return true;
}

static bool take_varint(struct str *log, uint64_t *ret)
{
	uint64_t number = 0;
	unsigned byte;

	for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
		if (!take_byte(log, &byte))
			return false;
		number |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*ret = number;
			return true;
		}
	}
	return false;
}

static bool take_number(struct str *log, double *ret)
{
	struct str bytes;
	uint64_t bits = 0;

	if (!take(log, NUMBER_BYTES, &bytes))
		return false;
	for (size_t i = 0; i < NUMBER_BYTES; i++)
		bits |= (uint64_t)(unsigned char)bytes.at[i] << 8 * i;
	memcpy(ret, &bits, sizeof(bits));
	return true;
}

static bool take_text(struct str *log, struct str *ret)
{
	unsigned len;

	return take_byte(log, &len) && len <= INDEX_TEXT_BYTES_MAX && take(log, len, ret);
}

bool value_log_next(struct str *log, struct value_change *change)
{
	struct index_value value = {0};
	struct str rest = *log;
	uint64_t number;
	unsigned head;

	if (!take_byte(&rest, &head) || head >= 2 * SAME || !take_varint(&rest, &number))
		return false;
	change->add = head & ADD;
	if (head & SAME) {
		change->iid = (int64_t)((uint64_t)change->iid + number);
		*log = rest;
		return true;
	}
	value.kind = (enum index_kind)(head & (ADD - 1));
	if (value.kind == INDEX_NUMBER && !take_number(&rest, &value.number))
		return false;
	if (value.kind == INDEX_TEXT && !take_text(&rest, &value.text))
		return false;
	change->iid = (int64_t)number;
	change->value = value;
	*log = rest;
	return true;
}
