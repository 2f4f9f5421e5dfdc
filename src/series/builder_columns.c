/* Columns beside the values: shapes become numbers of the block's, and what the chunk before has is not written again.
 *
 * The last columns are kept as they were given, so that those of the next chunk can be held against them: the
 * attributes of one thing mostly come at the same times, and often the points of many things. */
#include "series/block_int.h"

#include <stdlib.h>

uint32_t builder_shape_count(const struct series_builder *builder)
{
	return (uint32_t)(builder->shape_lengths.len / sizeof(uint32_t));
}

void builder_shapes_cut(struct series_builder *builder, uint32_t count)
{
	builder->shapes.failed = builder->shape_lengths.failed = ERR_OK;
	while (builder_shape_count(builder) > count) {
		uint32_t len;

		builder->shape_lengths.len -= sizeof(len);
		memcpy(&len, builder->shape_lengths.at + builder->shape_lengths.len, sizeof(len));
		builder->shapes.len -= len;
		(void)map_remove(&builder->shape_map, (struct str){builder->shapes.at + builder->shapes.len, len});
	}
}

static enum err_code add_shape(struct series_builder *builder, struct str shape, struct error *err)
{
	uint32_t len = (uint32_t)shape.len;
	uintptr_t number = builder_shape_count(builder) + 1;
	struct str key = arena_dup(&builder->arena, shape);

	if (number > SERIES_SHAPES_MAX || builder->shapes.len + shape.len > SERIES_SHAPE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a block has %u shapes of %u bytes", SERIES_SHAPES_MAX,
			       SERIES_SHAPE_BYTES_MAX);
	buf_put(&builder->shapes, shape);
	buf_put(&builder->shape_lengths, (struct str){(const char *)&len, sizeof(len)});
	if (!key.at || builder->shapes.failed || builder->shape_lengths.failed)
		return err_set(err, ERR_MEMORY, "no memory for shapes");
	/* The number is kept in place of a pointer. */
	if (!map_set(&builder->shape_map, key, (void *)number))
		return err_set(err, ERR_MEMORY, "no memory for shapes");
	return ERR_OK;
}

static enum err_code shape_number(struct series_builder *builder, struct str shape, int64_t *ret, struct error *err)
{
	struct str key = shape.len > 0 ? shape : STR("");
	uintptr_t number = (uintptr_t)map_get(&builder->shape_map, key);
	enum err_code code = ERR_OK;

	if (number == 0) {
		code = add_shape(builder, key, err);
		number = builder_shape_count(builder);
	}
	*ret = (int64_t)number - 1;
	return code;
}

enum err_code builder_shapes(struct series_builder *builder, const struct series_points *points,
			     struct series_column *ret, struct error *err)
{
	enum err_code code = ERR_OK;
	int64_t last = -1, number = 0;

	if (!points->shape.at) {
		code = shape_number(builder, points->shapes[points->shape.all], &number, err);
		*ret = (struct series_column){.all = number};
		return code;
	}
	for (uint32_t i = 0; !code && i < points->count; i++) {
		if (points->shape.at[i] != last) {
			last = points->shape.at[i];
			code = shape_number(builder, points->shapes[last], &number, err);
		}
		builder->values[i] = number;
	}
	*ret = (struct series_column){.at = builder->values};
	return code;
}

static bool is_constant(const struct series_column *column, uint32_t count)
{
	for (uint32_t i = 1; column->at && i < count; i++)
		if (column->at[i] != column->at[0])
			return false;
	return true;
}

static bool same_columns(const struct series_column *a, const struct series_column *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (series_column_get(a, i) != series_column_get(b, i))
			return false;
	return true;
}

/* Is column i what the chunk before has? A constant is, however many points it has. */
static bool is_kept(const struct series_builder *builder, unsigned i, uint32_t count, const struct placing *placing)
{
	const struct kept_column *kept = &builder->kept[i];
	const struct series_column *column = &placing->columns[i];

	if (!builder->has_kept || builder->count - kept->owner > COLUMN_DISTANCE_MAX)
		return false;
	if (placing->constant[i] || kept->is_constant)
		return placing->constant[i] && kept->is_constant && kept->all == series_column_get(column, 0);
	return builder->kept_points == count && memcmp(kept->at, column->at, count * sizeof(*kept->at)) == 0;
}

/* modifiedAt is mostly createdAt. */
static bool is_as_before(unsigned i, uint32_t count, const struct placing *placing)
{
	return i == COLUMN_MODIFIED && same_columns(&placing->columns[i], &placing->columns[COLUMN_CREATED], count);
}

static enum err_code keep(struct kept_column *kept, const struct series_column *column, bool constant, uint32_t count,
			  uint32_t owner, struct error *err)
{
	if (!constant && !kept->at) {
		kept->at = malloc(SERIES_POINTS_MAX * sizeof(*kept->at));
		if (!kept->at)
			return err_set(err, ERR_MEMORY, "no memory to build a block of series");
	}
	kept->is_constant = constant;
	kept->all = series_column_get(column, 0);
	kept->owner = owner;
	if (!constant)
		memcpy(kept->at, column->at, count * sizeof(*kept->at));
	return ERR_OK;
}

enum err_code builder_place(struct series_builder *builder, uint32_t count, struct placing *placing, struct error *err)
{
	enum err_code code = ERR_OK;

	for (unsigned i = 0; !code && i < COLUMN_COUNT; i++) {
		placing->constant[i] = is_constant(&placing->columns[i], count);
		if (is_kept(builder, i, count, placing)) {
			placing->codes[i] = (uint8_t)(builder->count - builder->kept[i].owner);
			continue;
		}
		placing->codes[i] = is_as_before(i, count, placing) ? COLUMN_AS_BEFORE : COLUMN_OWN;
		code = keep(&builder->kept[i], &placing->columns[i], placing->constant[i], count, builder->count, err);
	}
	builder->kept_points = count;
	return code;
}

void builder_columns_write(struct series_builder *builder, uint32_t count, const struct placing *placing)
{
	struct buf *out = &builder->chunks, *part = &builder->part;

	for (unsigned i = 0; i < COLUMN_COUNT; i += 2)
		out_byte(out, (uint8_t)(placing->codes[i] | (i + 1 < COLUMN_COUNT ? placing->codes[i + 1] << 4 : 0)));
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		const struct series_column *column = &placing->columns[i];
		int64_t first = series_column_get(column, 0);

		if (placing->codes[i] != COLUMN_OWN)
			continue;
		buf_clear(part);
		/* A constant is written as a column of one value is. */
		ints_write(part, placing->constant[i] ? &first : column->at, placing->constant[i] ? 1 : count,
			   column_base(&builder->bases, i), i == COLUMN_SHAPE ? INTS_OF_VALUES : INTS_WITH_RANGE,
			   &builder->work);
		out_varint(out, part->len);
		buf_put(out, buf_str(part));
		if (part->failed)
			out->failed = part->failed;
	}
}
