/* Texts and JSON: a dictionary of the different ones, and zstd over its bytes where that is less. */
#include "series/chunk_int.h"

#include "base/cleanup.h"
#include "base/map.h"

#include <zstd.h>

#define ZSTD_LEVEL 3
#define ZSTD_FROM_BYTES 64u /* fewer never get smaller by it */

struct dictionary {
	struct map map; /* text: its number + 1 */
	int64_t indexes[SERIES_POINTS_MAX];
	int64_t lengths[SERIES_POINTS_MAX];
	uint32_t first[SERIES_POINTS_MAX]; /* a point that has the text */
	uint32_t count;
	size_t bytes;
};

static enum err_code dictionary_fill(struct dictionary *dictionary, const struct str *texts, uint32_t count,
				     struct error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct str key = texts[i].len > 0 ? texts[i] : STR("");
		uintptr_t known = (uintptr_t)map_get(&dictionary->map, key);

		if (known == 0) {
			known = ++dictionary->count;
			dictionary->first[known - 1] = i;
			dictionary->lengths[known - 1] = (int64_t)key.len;
			dictionary->bytes += key.len;
			/* The number is kept in place of a pointer. */
			if (!map_set(&dictionary->map, key, (void *)known))
				return err_set(err, ERR_MEMORY, "no memory for a dictionary of texts");
		}
		dictionary->indexes[i] = (int64_t)known - 1;
	}
	if (dictionary->bytes > SERIES_TEXT_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "texts of a chunk have %zu bytes, more than %u", dictionary->bytes,
			       SERIES_TEXT_BYTES_MAX);
	return ERR_OK;
}

static void write_ints(struct buf *out, const int64_t *values, uint32_t count, struct buf *part, struct ints_work *work)
{
	buf_clear(part);
	ints_write(part, values, count, 0, INTS_OF_VALUES, work);
	if (part->failed)
		out->failed = part->failed;
	out_varint(out, part->len);
	buf_put(out, buf_str(part));
}

static enum err_code write_bytes(struct buf *out, struct str plain, struct error *err)
{
	size_t room = ZSTD_compressBound(plain.len);
	CLEANUP_MEMORY char *packed = plain.len >= ZSTD_FROM_BYTES ? malloc(room) : NULL;
	size_t bytes = plain.len;

	if (plain.len >= ZSTD_FROM_BYTES) {
		if (!packed)
			return err_set(err, ERR_MEMORY, "no memory to compress %zu bytes", plain.len);
		bytes = ZSTD_compress(packed, room, plain.at, plain.len, ZSTD_LEVEL);
		if (ZSTD_isError(bytes))
			return err_set(err, ERR_MEMORY, "zstd: %s", ZSTD_getErrorName(bytes));
	}
	bool smaller = bytes < plain.len;

	out_byte(out, smaller);
	buf_put(out, smaller ? (struct str){packed, bytes} : plain);
	return ERR_OK;
}

static enum err_code write_dictionary(struct buf *out, const struct dictionary *dictionary, const struct str *texts,
				      uint32_t count, struct ints_work *work, struct error *err)
{
	struct buf part;

	out_varint(out, dictionary->count);
	buf_init(&part, SERIES_BLOCK_BYTES_MAX);
	if (dictionary->count < count)
		write_ints(out, dictionary->indexes, count, &part, work);
	write_ints(out, dictionary->lengths, dictionary->count, &part, work);
	buf_clear(&part);
	for (uint32_t i = 0; i < dictionary->count; i++)
		buf_put(&part, texts[dictionary->first[i]]);
	enum err_code code = buf_check(&part, "texts of a chunk", err);

	code = code ? code : write_bytes(out, buf_str(&part), err);
	buf_done(&part);
	return code;
}

enum err_code texts_write(struct buf *out, const struct str *texts, uint32_t count, struct ints_work *work,
			  struct error *err)
{
	CLEANUP_MEMORY struct dictionary *dictionary = calloc(1, sizeof(*dictionary));

	if (!dictionary)
		return err_set(err, ERR_MEMORY, "no memory for a dictionary of texts");
	map_init(&dictionary->map, 0);
	enum err_code code = dictionary_fill(dictionary, texts, count, err);

	map_done(&dictionary->map);
	return code ? code : write_dictionary(out, dictionary, texts, count, work, err);
}

/* ---- reading ---- */

/* Integers with their length before them. */
static bool read_ints(struct byte_in *in, uint32_t count, int64_t *ret_values)
{
	struct byte_in part = in_part(in, (size_t)in_varint(in));
	struct ints ints;

	return !in->bad && ints_open(part, count, 0, &ints) && ints_read(&ints, ret_values);
}

/* The bytes of all texts, `bytes` of them, in the arena. */
static enum err_code read_bytes(const struct chunk *chunk, struct byte_in *in, size_t bytes, struct arena *arena,
				const char **ret_at, struct error *err)
{
	uint8_t packed = in_byte(in);

	if (in->bad || packed > 1 || (packed == 0 && in_left(in) != bytes))
		return chunk_corrupt(chunk, "texts", err);
	char *plain = arena_bytes(arena, bytes, 0);

	if (!plain)
		return err_set(err, ERR_MEMORY, "no memory for texts of %zu bytes", bytes);
	if (packed == 0 && bytes > 0)
		memcpy(plain, in->at, bytes);
	if (packed == 1 && ZSTD_decompress(plain, bytes, in->at, in_left(in)) != bytes)
		return chunk_corrupt(chunk, "compressed texts", err);
	*ret_at = plain;
	return ERR_OK;
}

/* lengths of `count` texts whose bytes stand one behind the other. False when they are no lengths. */
static bool add_lengths(const int64_t *lengths, uint32_t count, size_t *ret_bytes)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (lengths[i] < 0 || lengths[i] > (int64_t)SERIES_TEXT_BYTES_MAX)
			return false;
		bytes += (size_t)lengths[i];
	}
	*ret_bytes = bytes;
	return bytes <= SERIES_TEXT_BYTES_MAX;
}

static bool spread(const int64_t *indexes, uint32_t count, const struct str *distinct, uint32_t distinct_count,
		   struct str *ret_texts)
{
	for (uint32_t i = 0; i < count; i++) {
		if (indexes[i] < 0 || indexes[i] >= (int64_t)distinct_count)
			return false;
		ret_texts[i] = distinct[indexes[i]];
	}
	return true;
}

enum err_code chunk_texts(const struct chunk *chunk, struct arena *arena, const struct str **ret_texts,
			  struct error *err)
{
	struct byte_in in = chunk->values;
	uint32_t count = chunk->count, distinct_count = in_below(&in, count + 1);
	int64_t *indexes = arena_array(arena, int64_t, count), *lengths = arena_array(arena, int64_t, count);
	struct str *texts = arena_array(arena, struct str, count), *distinct = texts;
	const char *at = NULL;
	size_t bytes;

	if (distinct_count < count)
		distinct = arena_array(arena, struct str, count);
	if (!indexes || !lengths || !texts || !distinct)
		return err_set(err, ERR_MEMORY, "no memory for %u texts", count);
	if (in.bad || distinct_count == 0 || (distinct_count < count && !read_ints(&in, count, indexes)) ||
	    !read_ints(&in, distinct_count, lengths) || !add_lengths(lengths, distinct_count, &bytes))
		return chunk_corrupt(chunk, "lengths of texts", err);
	enum err_code code = read_bytes(chunk, &in, bytes, arena, &at, err);

	if (code)
		return code;
	for (uint32_t i = 0; i < distinct_count; at += lengths[i++])
		distinct[i] = (struct str){at, (size_t)lengths[i]};
	if (distinct != texts && !spread(indexes, count, distinct, distinct_count, texts))
		return chunk_corrupt(chunk, "which texts", err);
	*ret_texts = texts;
	return ERR_OK;
}
