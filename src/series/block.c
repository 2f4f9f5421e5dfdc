/* Opening blocks: foot, directory, shapes; and finding chunks by their keys. */
#include "series/block_int.h"

#include <assert.h>
#include <zstd.h>

int series_key_cmp(const struct series_key *a, const struct series_key *b)
{
	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	return str_cmp(a->dataset, b->dataset);
}

struct chunk_bases block_bases(const struct series_block *block)
{
	return (struct chunk_bases){block->base_us, block->base_number};
}

static enum err_code corrupt(const char *what, struct error *err)
{
	return err_set(err, ERR_CORRUPT, "a block of series: its %s cannot be read", what);
}

/* Head and foot; the directory's bytes. */
static enum err_code find_directory(struct str bytes, struct byte_in *ret, struct error *err)
{
	const uint8_t *at = (const uint8_t *)bytes.at;

	if (bytes.len < BLOCK_HEAD_BYTES + BLOCK_FOOT_BYTES || bytes.len > SERIES_BLOCK_BYTES_MAX ||
	    memcmp(at, "MSB", 3) != 0)
		return corrupt("head", err);
	if (at[3] != SERIES_BLOCK_VERSION)
		return err_set(err, ERR_VERSION, "a block of series of version %u, not %u", at[3],
			       SERIES_BLOCK_VERSION);
	const uint8_t *foot = at + bytes.len - BLOCK_FOOT_BYTES;
	uint32_t len = half_load(foot);

	if (len > bytes.len - BLOCK_HEAD_BYTES - BLOCK_FOOT_BYTES)
		return corrupt("foot", err);
	*ret = (struct byte_in){foot - len, foot, false};
	if (checksum(ret->at, len) != half_load(foot + 4))
		return err_set(err, ERR_CORRUPT, "the directory of a block of series does not have its checksum");
	return ERR_OK;
}

/* The bytes of all shapes, in the arena. */
static enum err_code read_shape_bytes(struct byte_in *in, size_t bytes, struct arena *arena, const char **ret_at,
				      struct error *err)
{
	uint8_t packed = in_byte(in);
	struct byte_in stored = in_part(in, (size_t)in_varint(in));

	if (in->bad || packed > 1 || (packed == 0 && in_left(&stored) != bytes))
		return corrupt("shapes", err);
	char *at = arena_bytes(arena, bytes, 0);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory for the shapes of a block");
	if (packed == 0 && bytes > 0)
		memcpy(at, stored.at, bytes);
	if (packed == 1 && ZSTD_decompress(at, bytes, stored.at, in_left(&stored)) != bytes)
		return corrupt("compressed shapes", err);
	*ret_at = at;
	return ERR_OK;
}

static enum err_code read_shapes(struct byte_in *in, struct arena *arena, struct series_block *block, struct error *err)
{
	uint32_t count = in_below(in, SERIES_SHAPES_MAX + 1);
	const char *at = NULL;
	size_t bytes = 0;

	if (in->bad || count > in_left(in))
		return corrupt("shapes", err);
	struct str *shapes = arena_array(arena, struct str, count);

	if (!shapes)
		return err_set(err, ERR_MEMORY, "no memory for %u shapes", count);
	for (uint32_t i = 0; i < count; i++) {
		shapes[i].len = in_below(in, SERIES_SHAPE_BYTES_MAX + 1);
		bytes += shapes[i].len;
	}
	if (in->bad || bytes > SERIES_SHAPE_BYTES_MAX)
		return corrupt("shapes", err);
	enum err_code code = read_shape_bytes(in, bytes, arena, &at, err);

	if (code)
		return code;
	for (uint32_t i = 0; i < count; at += shapes[i++].len)
		shapes[i].at = at;
	block->shapes = shapes;
	block->shape_count = count;
	return ERR_OK;
}

static struct str read_dataset(struct byte_in *in, struct str before)
{
	uint32_t code = in_below(in, SERIES_DATASET_BYTES_MAX + DATASET_INLINE + 1);

	if (code < DATASET_INLINE)
		return code == DATASET_AS_BEFORE ? before : STR_NONE;
	struct byte_in part = in_part(in, code - DATASET_INLINE);

	return (struct str){(const char *)part.at, in_left(&part)};
}

/* Entries; their chunks fill the bytes between head and directory. */
static bool read_entries(struct byte_in *in, uint32_t count, uint32_t chunks_end, struct series_entry *ret)
{
	struct series_entry last = {.offset = BLOCK_HEAD_BYTES};

	for (uint32_t i = 0; i < count; i++) {
		struct series_key key;

		key.subject = wrap_add(last.key.subject, in_signed(in));
		key.name = wrap_add(last.key.name, in_signed(in));
		key.dataset = read_dataset(in, last.key.dataset);
		uint32_t offset = last.offset + last.bytes, bytes = in_below(in, chunks_end - offset + 1);

		if (in->bad || (i > 0 && series_key_cmp(&last.key, &key) > 0))
			return false;
		last = ret[i] = (struct series_entry){key, offset, bytes};
	}
	return in_left(in) == 0 && last.offset + last.bytes == chunks_end;
}

enum err_code series_block_open(struct str bytes, struct arena *arena, struct series_block *ret, struct error *err)
{
	struct series_block block = {.bytes = bytes};
	struct byte_in in;
	enum err_code code = find_directory(bytes, &in, err);

	if (code)
		return code;
	uint32_t chunks_end = (uint32_t)(in.at - (const uint8_t *)bytes.at);

	block.count = in_below(&in, SERIES_BLOCK_CHUNKS_MAX + 1);
	block.base_us = in_signed(&in);
	block.base_number = in_signed(&in);
	code = read_shapes(&in, arena, &block, err);
	if (code)
		return code;
	if (in.bad || (uint64_t)block.count * ENTRY_BYTES_MIN > in_left(&in))
		return corrupt("directory", err);
	struct series_entry *entries = arena_array(arena, struct series_entry, block.count);

	if (!entries)
		return err_set(err, ERR_MEMORY, "no memory for the directory of %u chunks", block.count);
	if (!read_entries(&in, block.count, chunks_end, entries))
		return corrupt("directory", err);
	block.entries = entries;
	*ret = block;
	return ERR_OK;
}

struct series_key series_block_key(const struct series_block *block, uint32_t index)
{
	assert(index < block->count);
	return block->entries[index].key;
}

uint32_t series_block_find(const struct series_block *block, const struct series_key *key)
{
	uint32_t from = 0, to = block->count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (series_key_cmp(&block->entries[middle].key, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}
