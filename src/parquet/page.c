/* Pages of a column: read, unpacked, and their values one after another. */
#include "parquet/parquet_int.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define HEAD_BYTES_MAX 65536u /* of a page; statistics may make it long */
#define HEAD_BYTES_FIRST 512u
#define PAGE_VALUES_MAX (1u << 26)
#define DATA_PAGE 0
#define DICTIONARY_PAGE 2
#define DATA_PAGE_2 3
#define GZIP_OR_ZLIB (15 + 32)

struct page_head {
	int64_t type, plain_bytes, stored_bytes;
	int64_t values, encoding, level_encoding;
	int64_t definition_bytes, repetition_bytes; /* of DATA_PAGE_2 */
	bool is_packed; /* of DATA_PAGE_2: its values are compressed */
	size_t head_bytes;
};

static enum err_code damaged(struct error *err, const char *what)
{
	return err_set(err, ERR_INVALID, "a page is damaged: %s", what);
}

static char *room_for(struct parquet_buffer *buffer, size_t bytes)
{
	if (bytes > buffer->room) {
		char *grown = realloc(buffer->at, bytes);

		if (!grown)
			return NULL;
		buffer->at = grown;
		buffer->room = bytes;
	}
	return buffer->at ? buffer->at : (buffer->at = malloc(1));
}

void parquet_cursor_begin(struct parquet_cursor *cursor, const struct parquet_field *field,
			  const struct parquet_chunk *chunk)
{
	cursor->field = field;
	cursor->at = chunk->at;
	cursor->end = chunk->end;
	cursor->codec = chunk->codec;
	cursor->dictionary_count = 0;
	cursor->left = 0;
}

void parquet_cursor_done(struct parquet_cursor *cursor)
{
	free(cursor->stored.at);
	free(cursor->page.at);
	free(cursor->dictionary_bytes.at);
	free(cursor->previous.at);
	free(cursor->dictionary);
	*cursor = (struct parquet_cursor){0};
}

/* ---- heads ---- */

static void read_part(struct thrift *thrift, enum thrift_type type, struct page_head *head)
{
	bool is_second = head->type == DATA_PAGE_2;
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, type))
		return;
	while (thrift_next(thrift, &field)) {
		if (field.id == 1)
			head->values = thrift_int(thrift, field.type);
		else if (field.id == (is_second ? 4 : 2))
			head->encoding = thrift_int(thrift, field.type);
		else if (head->type == DATA_PAGE && field.id == 3)
			head->level_encoding = thrift_int(thrift, field.type);
		else if (is_second && field.id == 5)
			head->definition_bytes = thrift_int(thrift, field.type);
		else if (is_second && field.id == 6)
			head->repetition_bytes = thrift_int(thrift, field.type);
		else if (is_second && field.id == 7)
			head->is_packed = field.type == THRIFT_TRUE;
		else
			thrift_skip(thrift, field.type);
	}
	thrift_leave(thrift);
}

/* False: the bytes are no head, or not all of it. */
static bool read_head(struct str bytes, struct page_head *head)
{
	struct thrift thrift = {.rest = bytes};
	struct thrift_field field = {0};

	*head = (struct page_head){.type = -1, .level_encoding = PARQUET_RLE, .is_packed = true};
	if (!thrift_enter(&thrift, THRIFT_STRUCT))
		return false;
	while (thrift_next(&thrift, &field)) {
		if (field.id == 1)
			head->type = thrift_int(&thrift, field.type);
		else if (field.id == 2)
			head->plain_bytes = thrift_int(&thrift, field.type);
		else if (field.id == 3)
			head->stored_bytes = thrift_int(&thrift, field.type);
		else if (field.id == 5 || field.id == 7 || field.id == 8)
			read_part(&thrift, field.type, head);
		else
			thrift_skip(&thrift, field.type);
	}
	head->head_bytes = bytes.len - thrift.rest.len;
	return !thrift.bad;
}

static enum err_code check_head(const struct page_head *head, const struct parquet_cursor *cursor, struct error *err)
{
	int64_t most = head->type == DICTIONARY_PAGE ? PARQUET_DICTIONARY_BYTES_MAX : PARQUET_PAGE_BYTES_MAX;

	if (head->stored_bytes < 0 || head->plain_bytes < 0 ||
	    (uint64_t)head->stored_bytes > cursor->end - cursor->at - head->head_bytes)
		return damaged(err, "its length");
	if (head->plain_bytes > most || head->stored_bytes > (int64_t)PARQUET_PAGE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a page of %lld bytes, at most %lld are read",
			       (long long)head->plain_bytes, (long long)most);
	if (head->values < 0 || head->values > (int64_t)PAGE_VALUES_MAX)
		return err_set(err, ERR_LIMIT, "a page of %lld values, at most %u are read", (long long)head->values,
			       PAGE_VALUES_MAX);
	return ERR_OK;
}

/* Its bytes go to cursor->stored. */
static enum err_code fetch(struct parquet_cursor *cursor, const struct parquet_source *source, struct page_head *head,
			   struct error *err)
{
	uint64_t there = cursor->end - cursor->at;
	bool good = false;
	size_t len = 0;

	for (size_t try = HEAD_BYTES_FIRST; !good && len < there && try <= HEAD_BYTES_MAX;
	     try *= HEAD_BYTES_MAX / HEAD_BYTES_FIRST) {
		len = there < try ? (size_t)there : try;
		char *at = room_for(&cursor->stored, len);

		if (!at)
			return err_set(err, ERR_MEMORY, "no memory for a page");
		if (!source->read(source->self, cursor->at, at, len))
			return err_set(err, ERR_IO, "it cannot be read");
		good = read_head((struct str){at, len}, head);
	}
	if (!good)
		return damaged(err, "its head");
	enum err_code code = check_head(head, cursor, err);

	if (code)
		return code;
	char *at = room_for(&cursor->stored, (size_t)head->stored_bytes);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory for a page");
	if (!source->read(source->self, cursor->at + head->head_bytes, at, (size_t)head->stored_bytes))
		return err_set(err, ERR_IO, "it cannot be read");
	cursor->at += head->head_bytes + (uint64_t)head->stored_bytes;
	return ERR_OK;
}

/* ---- unpacking ---- */

static bool inflate_all(struct str from, char *to, size_t len)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)from.at, .avail_in = (uInt)from.len, .avail_out = (uInt)len};

	stream.next_out = (Bytef *)to;
	if (inflateInit2(&stream, GZIP_OR_ZLIB) != Z_OK)
		return false;
	int done = inflate(&stream, Z_FINISH);

	(void)inflateEnd(&stream);
	return (done == Z_STREAM_END || (done == Z_BUF_ERROR && len == 0)) && stream.avail_out == 0;
}

static enum err_code unpack(int64_t codec, struct str from, char *to, size_t len, struct error *err)
{
	size_t made = len;
	bool good;

	switch (codec) {
	case PARQUET_UNCOMPRESSED:
		good = from.len == len;
		if (good && len)
			memcpy(to, from.at, len);
		break;
	case PARQUET_SNAPPY:
		good = snappy_uncompressed_length(from.at, from.len, &made) == SNAPPY_OK && made == len &&
		       snappy_uncompress(from.at, from.len, to, &made) == SNAPPY_OK && made == len;
		break;
	case PARQUET_GZIP:
		good = inflate_all(from, to, len);
		break;
	case PARQUET_ZSTD:
		good = ZSTD_decompress(to, len, from.at, from.len) == len;
		break;
	default:
		return err_set(err, ERR_UNSUPPORTED,
			       "it is compressed by codec %lld; Snappy, gzip and Zstandard are read", (long long)codec);
	}
	return good ? ERR_OK : damaged(err, "what is compressed");
}

/* The page's plain bytes into buffer; of its stored ones `skip` are not compressed. */
static enum err_code unpack_page(struct parquet_cursor *cursor, const struct page_head *head,
				 struct parquet_buffer *buffer, size_t skip, struct str *ret, struct error *err)
{
	struct str stored = {cursor->stored.at, (size_t)head->stored_bytes};
	size_t plain = (size_t)head->plain_bytes;

	if (skip > stored.len || skip > plain)
		return damaged(err, "its levels");
	char *at = room_for(buffer, plain);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory for a page");
	if (skip)
		memcpy(at, stored.at, skip);
	*ret = (struct str){at, plain};
	bool is_packed = head->type != DATA_PAGE_2 || head->is_packed;

	/* A page without values has nothing that could be unpacked. */
	if (is_packed && stored.len == skip && plain == skip)
		return ERR_OK;
	return unpack(is_packed ? cursor->codec : PARQUET_UNCOMPRESSED, str_part(stored, skip, stored.len), at + skip,
		      plain - skip, err);
}

/* ---- PLAIN ---- */

static uint32_t get_32(const char *at)
{
	const unsigned char *bytes = (const unsigned char *)at;

	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool take_bytes(struct str *from, size_t len, struct str *ret)
{
	if (len > from->len)
		return false;
	*ret = str_part(*from, 0, len);
	*from = str_part(*from, len, from->len);
	return true;
}

static bool take_plain(const struct parquet_field *field, struct str *from, struct str *ret)
{
	struct str len;

	if (field->physical != PARQUET_BYTE_ARRAY)
		return take_bytes(from, field->width, ret);
	return take_bytes(from, 4, &len) && get_32(len.at) <= PARQUET_VALUE_BYTES_MAX &&
	       take_bytes(from, get_32(len.at), ret);
}

static enum err_code read_dictionary(struct parquet_cursor *cursor, const struct page_head *head, struct error *err)
{
	struct str rest;
	enum err_code code = unpack_page(cursor, head, &cursor->dictionary_bytes, 0, &rest, err);

	if (code)
		return code;
	if (cursor->field->physical == PARQUET_BOOLEAN || (uint64_t)head->values > rest.len)
		return damaged(err, "its dictionary");
	if ((size_t)head->values > cursor->dictionary_room) {
		struct str *grown = realloc(cursor->dictionary, (size_t)head->values * sizeof(*grown));

		if (!grown)
			return err_set(err, ERR_MEMORY, "no memory for a dictionary");
		cursor->dictionary = grown;
		cursor->dictionary_room = (size_t)head->values;
	}
	for (int64_t i = 0; i < head->values; i++)
		if (!take_plain(cursor->field, &rest, &cursor->dictionary[i]))
			return damaged(err, "its dictionary");
	cursor->dictionary_count = (size_t)head->values;
	return ERR_OK;
}

/* ---- data pages ---- */

static enum err_code begin_values(struct parquet_cursor *cursor, struct str values, struct error *err)
{
	const struct parquet_field *field = cursor->field;
	bool is_bytes = field->physical == PARQUET_BYTE_ARRAY || field->physical == PARQUET_FIXED;
	bool is_int = field->physical == PARQUET_INT32 || field->physical == PARQUET_INT64;
	struct str part;

	cursor->values = values;
	switch (cursor->encoding) {
	case PARQUET_PLAIN:
		parquet_runs_init(&cursor->indexes, STR_NONE, 1);
		cursor->split_next = 0; /* of booleans: the next bit */
		return ERR_OK;
	case PARQUET_PLAIN_DICTIONARY:
	case PARQUET_RLE_DICTIONARY:
		if (values.len == 0) {
			parquet_runs_init(&cursor->indexes, STR_NONE, 0);
			return ERR_OK;
		}
		if ((uint8_t)values.at[0] > 32)
			return damaged(err, "its indexes");
		parquet_runs_init(&cursor->indexes, str_part(values, 1, values.len), (uint8_t)values.at[0]);
		return ERR_OK;
	case PARQUET_RLE:
		if (field->physical != PARQUET_BOOLEAN || !take_bytes(&values, 4, &part) ||
		    !take_bytes(&values, get_32(part.at), &part))
			return damaged(err, "its runs");
		parquet_runs_init(&cursor->indexes, part, 1);
		return ERR_OK;
	case PARQUET_DELTA_BINARY:
		return is_int && parquet_deltas_init(&cursor->deltas, values) ? ERR_OK
									      : damaged(err, "its differences");
	case PARQUET_DELTA_LENGTH:
		return is_bytes && parquet_deltas_init(&cursor->deltas, values) &&
				       cursor->deltas.left <= cursor->left &&
				       parquet_deltas_end(&cursor->deltas, &cursor->values)
			       ? ERR_OK
			       : damaged(err, "its lengths");
	case PARQUET_DELTA_BYTES:
		cursor->previous_len = 0;
		return is_bytes && parquet_deltas_init(&cursor->deltas, values) &&
				       cursor->deltas.left <= cursor->left &&
				       parquet_deltas_end(&cursor->deltas, &part) &&
				       parquet_deltas_init(&cursor->suffixes, part) &&
				       cursor->suffixes.left <= cursor->left &&
				       parquet_deltas_end(&cursor->suffixes, &cursor->values)
			       ? ERR_OK
			       : damaged(err, "its prefixes");
	case PARQUET_BYTE_STREAM_SPLIT:
		if (field->width == 0 || field->width > sizeof(cursor->scratch) || values.len % field->width)
			return damaged(err, "its streams");
		cursor->split_count = values.len / field->width;
		cursor->split_next = 0;
		return ERR_OK;
	default:
		return err_set(err, ERR_UNSUPPORTED, "its values are in encoding %d, which is not read",
			       (int)cursor->encoding);
	}
}

static enum err_code read_data(struct parquet_cursor *cursor, const struct page_head *head, struct error *err)
{
	bool is_second = head->type == DATA_PAGE_2;
	struct str plain, levels = STR_NONE, part;
	size_t skip = 0;

	if (is_second &&
	    (head->repetition_bytes != 0 || head->definition_bytes < 0 || head->definition_bytes > head->stored_bytes))
		return damaged(err, "its levels");
	if (is_second)
		skip = (size_t)head->definition_bytes;
	enum err_code code = unpack_page(cursor, head, &cursor->page, skip, &plain, err);

	if (code)
		return code;
	if (is_second) {
		levels = str_part(plain, 0, skip);
		plain = str_part(plain, skip, plain.len);
	} else if (cursor->field->optional) {
		if (head->level_encoding != PARQUET_RLE)
			return err_set(err, ERR_UNSUPPORTED, "its levels are in encoding %lld, which is not read",
				       (long long)head->level_encoding);
		if (!take_bytes(&plain, 4, &part) || !take_bytes(&plain, get_32(part.at), &levels))
			return damaged(err, "its levels");
	}
	parquet_runs_init(&cursor->levels, levels, 1);
	cursor->left = (uint64_t)head->values;
	cursor->encoding = (enum parquet_encoding)head->encoding;
	return begin_values(cursor, plain, err);
}

enum err_code parquet_read_page(struct parquet_cursor *cursor, const struct parquet_source *source, struct error *err)
{
	enum err_code code = ERR_OK;

	cursor->left = 0;
	while (!code && cursor->left == 0) {
		struct page_head head;

		if (cursor->at >= cursor->end)
			return damaged(err, "there are fewer values than rows");
		code = fetch(cursor, source, &head, err);
		if (!code && head.type == DICTIONARY_PAGE)
			code = read_dictionary(cursor, &head, err);
		else if (!code && (head.type == DATA_PAGE || head.type == DATA_PAGE_2))
			code = read_data(cursor, &head, err);
	}
	return code;
}

/* ---- values ---- */

static bool next_boolean(struct parquet_cursor *cursor, struct str *ret)
{
	uint32_t value;

	if (cursor->encoding == PARQUET_RLE) {
		if (!parquet_runs_next(&cursor->indexes, &value))
			return false;
	} else {
		if (cursor->split_next / 8 >= cursor->values.len)
			return false;
		value = (uint32_t)((uint8_t)cursor->values.at[cursor->split_next / 8] >> cursor->split_next % 8) & 1;
		cursor->split_next++;
	}
	cursor->scratch[0] = value ? 1 : 0;
	*ret = (struct str){cursor->scratch, 1};
	return true;
}

static bool next_difference(struct parquet_cursor *cursor, struct str *ret)
{
	int64_t value;

	if (!parquet_deltas_next(&cursor->deltas, &value))
		return false;
	for (uint32_t i = 0; i < cursor->field->width; i++)
		cursor->scratch[i] = (char)(unsigned char)((uint64_t)value >> 8 * i);
	*ret = (struct str){cursor->scratch, cursor->field->width};
	return true;
}

/* Is the length one that this column's values have? */
static bool is_length(const struct parquet_cursor *cursor, uint64_t len)
{
	return len <= PARQUET_VALUE_BYTES_MAX &&
	       (cursor->field->physical != PARQUET_FIXED || len == cursor->field->width);
}

static bool next_of_length(struct parquet_cursor *cursor, struct str *ret)
{
	int64_t len;

	return parquet_deltas_next(&cursor->deltas, &len) && len >= 0 && is_length(cursor, (uint64_t)len) &&
	       take_bytes(&cursor->values, (size_t)len, ret);
}

/* So many bytes of the value before, and a suffix. */
static bool next_of_prefix(struct parquet_cursor *cursor, struct str *ret)
{
	int64_t prefix, len;
	struct str suffix;

	if (!parquet_deltas_next(&cursor->deltas, &prefix) || !parquet_deltas_next(&cursor->suffixes, &len) ||
	    prefix < 0 || (uint64_t)prefix > cursor->previous_len || len < 0 ||
	    (uint64_t)len > PARQUET_VALUE_BYTES_MAX || !is_length(cursor, (uint64_t)prefix + (uint64_t)len) ||
	    !take_bytes(&cursor->values, (size_t)len, &suffix))
		return false;
	char *at = room_for(&cursor->previous, (size_t)(prefix + len));

	if (!at)
		return false;
	if (len)
		memcpy(at + prefix, suffix.at, (size_t)len);
	cursor->previous_len = (size_t)(prefix + len);
	*ret = (struct str){at, cursor->previous_len};
	return true;
}

static bool next_split(struct parquet_cursor *cursor, struct str *ret)
{
	if (cursor->split_next >= cursor->split_count)
		return false;
	for (uint32_t i = 0; i < cursor->field->width; i++)
		cursor->scratch[i] = cursor->values.at[i * cursor->split_count + cursor->split_next];
	cursor->split_next++;
	*ret = (struct str){cursor->scratch, cursor->field->width};
	return true;
}

static bool next_value(struct parquet_cursor *cursor, struct str *ret)
{
	uint32_t index;

	switch (cursor->encoding) {
	case PARQUET_PLAIN_DICTIONARY:
	case PARQUET_RLE_DICTIONARY:
		if (!parquet_runs_next(&cursor->indexes, &index) || index >= cursor->dictionary_count)
			return false;
		*ret = cursor->dictionary[index];
		return true;
	case PARQUET_DELTA_BINARY:
		return next_difference(cursor, ret);
	case PARQUET_DELTA_LENGTH:
		return next_of_length(cursor, ret);
	case PARQUET_DELTA_BYTES:
		return next_of_prefix(cursor, ret);
	case PARQUET_BYTE_STREAM_SPLIT:
		return next_split(cursor, ret);
	default:
		return cursor->field->physical == PARQUET_BOOLEAN ? next_boolean(cursor, ret)
								  : take_plain(cursor->field, &cursor->values, ret);
	}
}

bool parquet_cursor_next(struct parquet_cursor *cursor, struct str *ret)
{
	uint32_t level = 1;

	if (cursor->field->optional && !parquet_runs_next(&cursor->levels, &level))
		return false;
	cursor->left--;
	*ret = STR_NONE;
	return level == 0 || next_value(cursor, ret);
}
