/* Reading chunks of a block: what they say of themselves, and their points. */
#include "series/block_int.h"

#include <assert.h>
#include <math.h>

static enum err_code no_memory(uint32_t count, struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for %u points", count);
}

static enum err_code column_range(struct chunk_family *family, enum column column, struct series_range *ret,
				  struct error *err)
{
	int64_t values[SERIES_POINTS_MAX];
	struct ints ints;
	enum err_code code = chunk_column(family, column, &ints, err);

	if (code)
		return code;
	if (ints.has_range) {
		*ret = (struct series_range){ints.min, ints.max};
		return ERR_OK;
	}
	if (!ints_read(&ints, values))
		return chunk_corrupt(&family->chunk, "column", err);
	*ret = (struct series_range){values[0], values[0]};
	for (uint32_t i = 1; i < ints.count; i++) {
		ret->min = values[i] < ret->min ? values[i] : ret->min;
		ret->max = values[i] > ret->max ? values[i] : ret->max;
	}
	return ERR_OK;
}

enum err_code series_block_chunk(const struct series_block *block, uint32_t index, struct series_chunk *ret,
				 struct error *err)
{
	struct chunk_family family;
	struct series_chunk chunk;

	assert(index < block->count);
	enum err_code code = chunk_family_open(block, index, &family, err);

	if (code)
		return code;
	chunk.key = block->entries[index].key;
	chunk.kind = family.chunk.kind;
	chunk.scale = family.chunk.scale;
	chunk.count = family.chunk.count;
	code = column_range(&family, COLUMN_AT, &chunk.at_us, err);
	code = code ? code : column_range(&family, COLUMN_NUMBER, &chunk.number, err);
	code = code ? code : column_range(&family, COLUMN_CREATED, &chunk.created_us, err);
	code = code ? code : column_range(&family, COLUMN_MODIFIED, &chunk.modified_us, err);
	if (!code)
		*ret = chunk;
	return code;
}

/* A column in the arena; one without steps as the one number that it is. */
static enum err_code read_column(struct chunk_family *family, enum column column, struct arena *arena,
				 struct series_column *ret, struct error *err)
{
	struct ints ints;
	int64_t step;
	enum err_code code = chunk_column(family, column, &ints, err);

	if (code)
		return code;
	if (ints_are_regular(&ints, &step) && step == 0) {
		*ret = (struct series_column){.all = ints.first};
		return ERR_OK;
	}
	int64_t *values = arena_array(arena, int64_t, ints.count);

	if (!values)
		return no_memory(ints.count, err);
	if (!ints_read(&ints, values))
		return chunk_corrupt(&family->chunk, "column", err);
	*ret = (struct series_column){.at = values};
	return ERR_OK;
}

static bool times_ascend(const int64_t *at_us, uint32_t count)
{
	bool good = true;

	for (uint32_t i = 1; i < count; i++)
		good &= at_us[i - 1] <= at_us[i];
	return good;
}

/* What others rely on where they use values without looking. */
static bool mantissas_fit(const struct chunk *chunk, const int64_t *mantissas)
{
	int64_t most = chunk->kind == SERIES_BOOLEAN ? 1 : chunk->scale > 0 ? SERIES_MANTISSA_MAX : INT64_MAX;
	int64_t least = chunk->kind == SERIES_BOOLEAN ? 0 : chunk->scale > 0 ? -SERIES_MANTISSA_MAX : INT64_MIN;
	bool good = true;

	for (uint32_t i = 0; i < chunk->count; i++)
		good &= mantissas[i] >= least && mantissas[i] <= most;
	return good;
}

static enum err_code read_doubles(const struct chunk *chunk, struct arena *arena, const double **ret, struct error *err)
{
	int64_t ordered[SERIES_POINTS_MAX];
	double *doubles = arena_array(arena, double, chunk->count);
	bool good = true;

	if (!doubles)
		return no_memory(chunk->count, err);
	enum err_code code = chunk_ints(chunk, ordered, err);

	if (code)
		return code;
	for (uint32_t i = 0; i < chunk->count; i++) {
		doubles[i] = double_from_ordered(ordered[i]);
		good &= (bool)isfinite(doubles[i]);
	}
	*ret = doubles;
	return good ? ERR_OK : chunk_corrupt(chunk, "doubles", err);
}

static enum err_code read_mantissas(const struct chunk *chunk, struct arena *arena, const int64_t **ret,
				    struct error *err)
{
	int64_t *mantissas = arena_array(arena, int64_t, chunk->count);

	if (!mantissas)
		return no_memory(chunk->count, err);
	enum err_code code = chunk_ints(chunk, mantissas, err);

	if (!code && !mantissas_fit(chunk, mantissas))
		code = chunk_corrupt(chunk, "values", err);
	*ret = mantissas;
	return code;
}

static enum err_code read_values(const struct chunk *chunk, struct arena *arena, struct series_points *points,
				 struct error *err)
{
	switch (chunk->kind) {
	case SERIES_DECIMAL:
	case SERIES_FIXED:
	case SERIES_BOOLEAN:
		return read_mantissas(chunk, arena, &points->mantissas, err);
	case SERIES_DOUBLE:
		return read_doubles(chunk, arena, &points->doubles, err);
	default:
		return chunk_texts(chunk, arena, &points->texts, err);
	}
}

static enum err_code read_times(struct chunk_family *family, struct arena *arena, struct series_points *points,
				struct error *err)
{
	int64_t *at_us = arena_array(arena, int64_t, points->count);
	struct ints ints;

	if (!at_us)
		return no_memory(points->count, err);
	enum err_code code = chunk_column(family, COLUMN_AT, &ints, err);

	if (code)
		return code;
	if (!ints_read(&ints, at_us) || !times_ascend(at_us, points->count))
		return chunk_corrupt(&family->chunk, "times", err);
	points->at_us = at_us;
	return ERR_OK;
}

static enum err_code read_shapes(struct chunk_family *family, struct arena *arena, struct series_points *points,
				 struct error *err)
{
	enum err_code code = read_column(family, COLUMN_SHAPE, arena, &points->shape, err);
	bool good = true;

	if (code)
		return code;
	points->shapes = family->chunk.block->shapes;
	points->shape_count = family->chunk.block->shape_count;
	for (uint32_t i = 0; i < (points->shape.at ? points->count : 1); i++)
		good &= (uint64_t)series_column_get(&points->shape, i) < points->shape_count;
	return good ? ERR_OK : chunk_corrupt(&family->chunk, "shapes", err);
}

/* Opens the chunk and reads its times and values. */
static enum err_code read_base(const struct series_block *block, uint32_t index, struct arena *arena,
			       struct chunk_family *family, struct series_points *ret, struct error *err)
{
	assert(index < block->count);
	enum err_code code = chunk_family_open(block, index, family, err);

	if (code)
		return code;
	*ret = (struct series_points){
		.kind = family->chunk.kind, .scale = family->chunk.scale, .count = family->chunk.count};
	code = read_times(family, arena, ret, err);
	return code ? code : read_values(&family->chunk, arena, ret, err);
}

enum err_code series_block_read_values(const struct series_block *block, uint32_t index, struct arena *arena,
				       struct series_points *ret, struct error *err)
{
	struct chunk_family family;
	struct series_points points;
	enum err_code code = read_base(block, index, arena, &family, &points, err);

	if (!code)
		*ret = points;
	return code;
}

enum err_code series_block_read(const struct series_block *block, uint32_t index, struct arena *arena,
				struct series_points *ret, struct error *err)
{
	struct chunk_family family;
	struct series_points points;
	enum err_code code = read_base(block, index, arena, &family, &points, err);

	code = code ? code : read_column(&family, COLUMN_NUMBER, arena, &points.number, err);
	code = code ? code : read_column(&family, COLUMN_CREATED, arena, &points.created_us, err);
	code = code ? code : read_column(&family, COLUMN_MODIFIED, arena, &points.modified_us, err);
	code = code ? code : read_shapes(&family, arena, &points, err);
	if (!code)
		*ret = points;
	return code;
}

/* Does the summary say what the values are? */
static enum err_code check_summary(const struct series_block *block, uint32_t index, const struct series_points *points,
				   struct error *err)
{
	struct sums_slice told, real;
	struct chunk chunk;
	enum err_code code = chunk_open(block, index, &chunk, err);

	if (code || !chunk.has_summary)
		return code;
	code = chunk_summary(&chunk, &told, err);
	if (code)
		return code;
	slice_of_mantissas(points->mantissas, 0, points->count, &real);
	if (told.min != real.min || told.max != real.max || told.first != real.first || told.last != real.last ||
	    told.sum != real.sum || told.squares != real.squares)
		return chunk_corrupt(&chunk, "summary", err);
	return ERR_OK;
}

enum err_code series_block_check(const struct series_block *block, struct error *err)
{
	enum err_code code = ERR_OK;
	struct arena arena;

	arena_init(&arena, SIZE_MAX);
	for (uint32_t i = 0; !code && i < block->count; i++) {
		struct series_points points;

		arena_clear(&arena);
		code = series_block_read(block, i, &arena, &points, err);
		code = code ? code : check_summary(block, i, &points, err);
	}
	arena_done(&arena);
	return code;
}
