/* Writing and reading segments. */
#include "store/segment.h"

#include "base/time_value.h"

#include <string.h>
#include <zlib.h>

#define SEGMENT_VERSION 1
#define SEGMENT_CHECKSUM_BYTES 4u
#define VARINT_BYTES_MAX 10u

static uint64_t zigzag(int64_t value)
{
	uint64_t doubled = (uint64_t)value << 1;

	return value < 0 ? ~doubled : doubled;
}

static int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Differences wrap around, and so do the sums that undo them. */
static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* ---- writing ---- */

static char *write_varint(char *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (char)(value | 0x80);
		value >>= 7;
	}
	*to++ = (char)value;
	return to;
}

static void put_varint(struct buf *out, uint64_t value)
{
	char bytes[VARINT_BYTES_MAX];

	buf_put(out, (struct str){bytes, (size_t)(write_varint(bytes, value) - bytes)});
}

/* Numbers as the first and differences. */
static void put_numbers(struct buf *out, const int64_t *numbers, uint32_t count)
{
	size_t before = out->len;
	char *to = buf_extend(out, (size_t)count * VARINT_BYTES_MAX);
	int64_t last = 0;

	if (!to)
		return;
	for (uint32_t i = 0; i < count; i++) {
		to = write_varint(to, zigzag(minus(numbers[i], last)));
		last = numbers[i];
	}
	out->len = before + (size_t)(to - (out->at + before));
}

static void put_field(struct buf *out, const struct segment_field *field, uint32_t count)
{
	put_varint(out, (uint64_t)field->name);
	buf_put_char(out, (char)((unsigned)field->kind | (unsigned)field->scale << 3));
	switch (field->kind) {
	case SERIES_DOUBLE:
		buf_put(out, (struct str){(const char *)field->doubles, (size_t)count * sizeof(double)});
		break;
	case SERIES_TEXT:
		for (uint32_t i = 0; i < count; i++) {
			put_varint(out, field->texts[i].len);
			buf_put(out, field->texts[i]);
		}
		break;
	default:
		put_numbers(out, field->mantissas, count);
	}
}

void segment_begin(struct buf *out, int64_t created_us)
{
	buf_put_char(out, SEGMENT_VERSION);
	put_varint(out, (uint64_t)(created_us / US_PER_S));
}

/* The chain's length stands before it: room for four bytes of it is kept, a varint that is written at full length. */
#define LENGTH_BYTES 4u
#define LENGTH_MAX ((size_t)1 << (7 * LENGTH_BYTES))

void segment_put(struct buf *out, int64_t subject_before, const struct segment_chain *chain)
{
	put_varint(out, (uint64_t)(chain->subject - subject_before));
	put_varint(out, chain->record_count);
	size_t length_at = out->len;

	if (!buf_extend(out, LENGTH_BYTES))
		return;
	put_numbers(out, chain->at_us, chain->record_count);
	put_varint(out, chain->field_count);
	for (uint32_t i = 0; i < chain->field_count; i++)
		put_field(out, &chain->fields[i], chain->record_count);
	size_t len = out->len - length_at - LENGTH_BYTES;

	if (len >= LENGTH_MAX)
		out->failed = ERR_LIMIT;
	for (uint32_t i = 0; out->failed == ERR_OK && i < LENGTH_BYTES; i++, len >>= 7)
		out->at[length_at + i] = (char)((len & 0x7F) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

static uint32_t checksum(const char *at, size_t len)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)at, len);
}

void segment_end(struct buf *out)
{
	uint32_t sum = checksum(out->at, out->len);

	for (unsigned i = 0; i < SEGMENT_CHECKSUM_BYTES; i++)
		buf_put_char(out, (char)(sum >> (8 * i)));
}

/* ---- reading ---- */

static enum err_code broken(struct error *err)
{
	return err_set(err, ERR_CORRUPT, "a segment of the history is damaged");
}

/* NULL at the end, or when there is no such number. */
static const unsigned char *read_varint(const unsigned char *at, const unsigned char *end, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; at && at < end && shift < 64; shift += 7) {
		unsigned char byte = *at++;

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80) {
			*ret = value;
			return at;
		}
	}
	return NULL;
}

enum err_code segment_open(struct segment_reader *reader, struct str bytes, struct error *err)
{
	uint64_t created_s;
	uint32_t sum = 0;

	if (bytes.len < 2 + SEGMENT_CHECKSUM_BYTES)
		return broken(err);
	size_t len = bytes.len - SEGMENT_CHECKSUM_BYTES;

	for (unsigned i = 0; i < SEGMENT_CHECKSUM_BYTES; i++)
		sum |= (uint32_t)(unsigned char)bytes.at[len + i] << (8 * i);
	if (sum != checksum(bytes.at, len))
		return broken(err);
	if (bytes.at[0] != SEGMENT_VERSION)
		return err_set(err, ERR_VERSION, "a segment of version %d", bytes.at[0]);
	*reader = (struct segment_reader){.end = (const unsigned char *)bytes.at + len};
	reader->at = read_varint((const unsigned char *)bytes.at + 1, reader->end, &created_s);
	if (!reader->at || created_s > (uint64_t)(INT64_MAX / US_PER_S))
		return broken(err);
	reader->created_us = (int64_t)created_s * US_PER_S;
	reader->chain_end = reader->at;
	return ERR_OK;
}

enum err_code segment_next(struct segment_reader *reader, bool *ret_more, struct error *err)
{
	uint64_t subject, records, len;
	const unsigned char *at = reader->chain_end;

	*ret_more = at < reader->end;
	if (!*ret_more)
		return ERR_OK;
	at = read_varint(at, reader->end, &subject);
	at = read_varint(at, reader->end, &records);
	at = read_varint(at, reader->end, &len);
	if (!at || len > (uint64_t)(reader->end - at) || records == 0 || records > SEGMENT_RECORDS_MAX)
		return broken(err);
	reader->subject = plus(reader->subject, (int64_t)subject);
	reader->records = (uint32_t)records;
	reader->at = at;
	reader->chain_end = at + len;
	return ERR_OK;
}

static const unsigned char *read_numbers(const unsigned char *at, const unsigned char *end, int64_t *numbers,
					 uint32_t count)
{
	int64_t last = 0;
	uint64_t value = 0;

	for (uint32_t i = 0; at && i < count; i++) {
		if (at < end && *at < 0x80)
			value = *at++;
		else
			at = read_varint(at, end, &value);
		last = plus(last, unzigzag(value));
		numbers[i] = last;
	}
	return at;
}

static const unsigned char *read_texts(const unsigned char *at, const unsigned char *end, struct str *texts,
				       uint32_t count)
{
	uint64_t len;

	for (uint32_t i = 0; at && i < count; i++) {
		at = read_varint(at, end, &len);
		if (!at || len > (uint64_t)(end - at))
			return NULL;
		texts[i] = (struct str){(const char *)at, (size_t)len};
		at += len;
	}
	return at;
}

/* NULL when the bytes are not right; *ret_memory false when there was no memory. */
static const unsigned char *read_field(const unsigned char *at, const unsigned char *end, uint32_t count,
				       struct arena *arena, struct segment_field *field, bool *ret_memory)
{
	uint64_t name;

	at = read_varint(at, end, &name);
	if (!at || at == end)
		return NULL;
	*field = (struct segment_field){.name = (int64_t)name, .kind = *at & 7, .scale = *at >> 3};
	at++;
	if (field->scale > SERIES_SCALE_MAX || (field->scale > 0 && field->kind != SERIES_DECIMAL))
		return NULL;
	if (field->kind == SERIES_DECIMAL || field->kind == SERIES_BOOLEAN) {
		int64_t *mantissas = arena_array(arena, int64_t, count);

		*ret_memory = mantissas != NULL;
		field->mantissas = mantissas;
		return mantissas ? read_numbers(at, end, mantissas, count) : NULL;
	}
	if (field->kind == SERIES_TEXT) {
		struct str *texts = arena_array(arena, struct str, count);

		*ret_memory = texts != NULL;
		field->texts = texts;
		return texts ? read_texts(at, end, texts, count) : NULL;
	}
	if (field->kind != SERIES_DOUBLE || (size_t)(end - at) < (size_t)count * sizeof(double))
		return NULL;
	double *doubles = arena_array(arena, double, count);

	*ret_memory = doubles != NULL;
	field->doubles = doubles;
	if (!doubles)
		return NULL;
	memcpy(doubles, at, (size_t)count * sizeof(double));
	return at + (size_t)count * sizeof(double);
}

enum err_code segment_read(const struct segment_reader *reader, struct arena *arena, struct segment_chain *ret,
			   struct error *err)
{
	const unsigned char *end = reader->chain_end;
	uint64_t field_count;
	int64_t *at_us = arena_array(arena, int64_t, reader->records);
	bool memory = at_us != NULL;
	const unsigned char *at = memory ? read_numbers(reader->at, end, at_us, reader->records) : NULL;

	at = read_varint(at, end, &field_count);
	if (memory && (!at || field_count == 0 || field_count > SEGMENT_FIELDS_MAX))
		return broken(err);
	struct segment_field *fields = memory ? arena_array(arena, struct segment_field, field_count) : NULL;

	memory = fields != NULL;
	for (uint64_t i = 0; memory && at && i < field_count; i++)
		at = read_field(at, end, reader->records, arena, &fields[i], &memory);
	if (!memory)
		return err_set(err, ERR_MEMORY, "no memory for history");
	if (at != end)
		return broken(err);
	*ret = (struct segment_chain){.subject = reader->subject,
				      .record_count = reader->records,
				      .field_count = (uint32_t)field_count,
				      .at_us = at_us,
				      .fields = fields};
	return ERR_OK;
}
