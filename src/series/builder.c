/* Building blocks: chunks one behind the other, then the shapes and the directory. */
#include "series/block_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <zstd.h>

#define SHAPES_ZSTD_LEVEL 3
/* More than any chunk that is within its bounds can come to, so that it is measured before it is refused. */
#define CHUNKS_BYTES_MAX ((size_t)SERIES_BLOCK_BYTES_MAX + 2 * (size_t)SERIES_TEXT_BYTES_MAX)

static void start(struct series_builder *builder)
{
	static const char head[BLOCK_HEAD_BYTES] = {'M', 'S', 'B', SERIES_BLOCK_VERSION};

	buf_clear(&builder->chunks);
	buf_clear(&builder->entries);
	buf_clear(&builder->shapes);
	buf_clear(&builder->shape_lengths);
	map_done(&builder->shape_map);
	map_init(&builder->shape_map, 0);
	arena_clear(&builder->arena);
	builder->count = 0;
	builder->finished = builder->has_kept = false;
	builder->last_key = (struct series_key){0};
	buf_put(&builder->chunks, (struct str){head, sizeof(head)});
}

enum err_code series_builder_new(size_t bytes_max, struct series_builder **ret, struct error *err)
{
	struct series_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return err_set(err, ERR_MEMORY, "no memory to build a block of series");
	builder->bytes_max = bytes_max < SERIES_BLOCK_BYTES_MAX ? bytes_max : SERIES_BLOCK_BYTES_MAX;
	buf_init(&builder->chunks, CHUNKS_BYTES_MAX);
	buf_init(&builder->entries, CHUNKS_BYTES_MAX);
	buf_init(&builder->shapes, SERIES_SHAPE_BYTES_MAX);
	buf_init(&builder->shape_lengths, SERIES_SHAPES_MAX * sizeof(uint32_t));
	buf_init(&builder->part, CHUNKS_BYTES_MAX);
	buf_init(&builder->last_dataset, SERIES_DATASET_BYTES_MAX);
	arena_init(&builder->arena, 2 * (size_t)SERIES_SHAPE_BYTES_MAX);
	map_init(&builder->shape_map, 0);
	/* Room taken once, so that keeping a dataset never fails. */
	if (!buf_extend(&builder->last_dataset, SERIES_DATASET_BYTES_MAX)) {
		(void)series_builder_free(builder);
		return err_set(err, ERR_MEMORY, "no memory to build a block of series");
	}
	start(builder);
	*ret = builder;
	return ERR_OK;
}

struct series_builder *series_builder_free(struct series_builder *builder)
{
	if (!builder)
		return NULL;
	buf_done(&builder->chunks);
	buf_done(&builder->entries);
	buf_done(&builder->shapes);
	buf_done(&builder->shape_lengths);
	buf_done(&builder->part);
	buf_done(&builder->last_dataset);
	map_done(&builder->shape_map);
	arena_done(&builder->arena);
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		free(builder->kept[i].at);
	free(builder);
	return NULL;
}

static enum err_code write_values(struct series_builder *builder, const struct series_points *points, struct error *err)
{
	struct buf *out = &builder->chunks;

	switch (points->kind) {
	case SERIES_DECIMAL:
	case SERIES_FIXED:
	case SERIES_BOOLEAN:
		ints_write(out, points->mantissas, points->count, 0, INTS_OF_VALUES, &builder->work);
		return ERR_OK;
	case SERIES_DOUBLE:
		for (uint32_t i = 0; i < points->count; i++)
			builder->values[i] = double_to_ordered(points->doubles[i]);
		ints_write(out, builder->values, points->count, 0, INTS_OF_DOUBLES, &builder->work);
		return ERR_OK;
	default:
		return texts_write(out, points->texts, points->count, &builder->work, err);
	}
}

static enum err_code write_chunk(struct series_builder *builder, const struct series_points *points,
				 const struct placing *placing, struct error *err)
{
	struct buf *out = &builder->chunks;
	size_t from = out->len;
	struct sums_slice summary;
	bool has_summary = summary_of(points, &summary);

	(void)buf_extend(out, CHUNK_CHECKSUM_BYTES);
	out_byte(out, (uint8_t)((unsigned)points->kind | (has_summary ? CHUNK_SUMMARY : 0) |
				(unsigned)points->scale << CHUNK_SCALE_SHIFT));
	out_varint(out, points->count);
	builder_columns_write(builder, points->count, placing);
	if (has_summary)
		summary_write(out, &summary);
	enum err_code code = write_values(builder, points, err);

	if (!code)
		code = buf_check(out, "chunks of a block", err);
	if (!code) {
		uint8_t *at = (uint8_t *)out->at + from;

		half_store(at, checksum(at + CHUNK_CHECKSUM_BYTES, out->len - from - CHUNK_CHECKSUM_BYTES));
	}
	return code;
}

static enum err_code write_entry(struct series_builder *builder, const struct series_key *key, size_t bytes,
				 struct error *err)
{
	const struct series_key *last = &builder->last_key;
	struct buf *out = &builder->entries;

	out_signed(out, wrap_sub(key->subject, last->subject));
	out_signed(out, wrap_sub(key->name, last->name));
	if (key->dataset.len == 0) {
		out_varint(out, DATASET_NONE);
	} else if (str_eq(key->dataset, last->dataset)) {
		out_varint(out, DATASET_AS_BEFORE);
	} else {
		out_varint(out, key->dataset.len + DATASET_INLINE);
		buf_put(out, key->dataset);
	}
	out_varint(out, bytes);
	enum err_code code = buf_check(out, "directory of a block", err);

	if (!code && series_builder_bytes(builder) > builder->bytes_max)
		code = err_set(err, ERR_LIMIT, "a block of series has %zu bytes at most", builder->bytes_max);
	return code;
}

static enum err_code add_chunk(struct series_builder *builder, const struct series_key *key,
			       const struct series_points *points, struct error *err)
{
	struct placing placing = {.columns = {[COLUMN_AT] = {.at = points->at_us},
					      [COLUMN_NUMBER] = points->number,
					      [COLUMN_CREATED] = points->created_us,
					      [COLUMN_MODIFIED] = points->modified_us}};
	size_t from = builder->chunks.len;
	enum err_code code = builder_shapes(builder, points, &placing.columns[COLUMN_SHAPE], err);

	code = code ? code : builder_place(builder, points->count, &placing, err);
	code = code ? code : write_chunk(builder, points, &placing, err);
	return code ? code : write_entry(builder, key, builder->chunks.len - from, err);
}

enum err_code series_builder_add(struct series_builder *builder, const struct series_key *key,
				 const struct series_points *points, struct error *err)
{
	if (builder->finished)
		start(builder);
	size_t chunks = builder->chunks.len, entries = builder->entries.len;
	uint32_t shapes = builder_shape_count(builder);
	enum err_code code = builder_check(builder, key, points, err);

	if (code)
		return code;
	if (builder->count == 0)
		builder->bases = (struct chunk_bases){points->at_us[0], series_column_get(&points->number, 0)};
	code = add_chunk(builder, key, points, err);
	if (code) {
		builder->chunks.len = chunks;
		builder->entries.len = entries;
		builder->chunks.failed = builder->entries.failed = ERR_OK;
		builder_shapes_cut(builder, shapes);
		/* What is kept is in part of the chunk that is not there now. */
		builder->has_kept = false;
		return code;
	}
	buf_clear(&builder->last_dataset);
	buf_put(&builder->last_dataset, key->dataset);
	builder->last_key = (struct series_key){key->subject, key->name, buf_str(&builder->last_dataset)};
	builder->has_kept = true;
	builder->count++;
	return ERR_OK;
}

uint32_t series_builder_count(const struct series_builder *builder)
{
	return builder->finished ? 0 : builder->count;
}

size_t series_builder_bytes(const struct series_builder *builder)
{
	if (builder->finished)
		return BLOCK_HEAD_BYTES + DIRECTORY_EXTRA_BYTES_MAX + BLOCK_FOOT_BYTES;
	/* The length of a shape takes five bytes at most. */
	return builder->chunks.len + builder->entries.len + builder->shapes.len +
	       (size_t)builder_shape_count(builder) * 5 + DIRECTORY_EXTRA_BYTES_MAX + BLOCK_FOOT_BYTES;
}

static enum err_code write_shapes(struct series_builder *builder, struct error *err)
{
	struct buf *out = &builder->chunks;
	size_t room = ZSTD_compressBound(builder->shapes.len), bytes = builder->shapes.len;
	CLEANUP_MEMORY char *packed = bytes >= SHAPES_ZSTD_FROM ? malloc(room) : NULL;

	if (bytes >= SHAPES_ZSTD_FROM) {
		if (!packed)
			return err_set(err, ERR_MEMORY, "no memory to compress shapes");
		bytes = ZSTD_compress(packed, room, builder->shapes.at, builder->shapes.len, SHAPES_ZSTD_LEVEL);
		if (ZSTD_isError(bytes))
			return err_set(err, ERR_MEMORY, "zstd: %s", ZSTD_getErrorName(bytes));
	}
	bool smaller = bytes < builder->shapes.len;

	out_varint(out, builder_shape_count(builder));
	for (uint32_t i = 0; i < builder_shape_count(builder); i++) {
		uint32_t len;

		memcpy(&len, builder->shape_lengths.at + i * sizeof(len), sizeof(len));
		out_varint(out, len);
	}
	out_byte(out, smaller);
	out_varint(out, smaller ? bytes : builder->shapes.len);
	buf_put(out, smaller ? (struct str){packed, bytes} : buf_str(&builder->shapes));
	return ERR_OK;
}

enum err_code series_builder_finish(struct series_builder *builder, struct str *ret_bytes, struct error *err)
{
	struct buf *out = &builder->chunks;
	size_t from = out->len;
	uint8_t foot[BLOCK_FOOT_BYTES];

	assert(builder->count > 0 && !builder->finished);
	out_varint(out, builder->count);
	out_signed(out, builder->bases.at_us);
	out_signed(out, builder->bases.number);
	enum err_code code = write_shapes(builder, err);

	buf_put(out, buf_str(&builder->entries));
	if (!code)
		code = buf_check(out, "directory of a block", err);
	if (!code) {
		half_store(foot, (uint32_t)(out->len - from));
		half_store(foot + 4, checksum((const uint8_t *)out->at + from, out->len - from));
		buf_put(out, (struct str){(const char *)foot, sizeof(foot)});
		code = buf_check(out, "foot of a block", err);
	}
	if (code) {
		out->len = from;
		out->failed = ERR_OK;
		return code;
	}
	*ret_bytes = buf_str(out);
	builder->finished = true;
	return ERR_OK;
}
