/* What a builder demands of points: the promises of points.h, since readers rely on them. */
#include "series/block_int.h"

#include <math.h>

static bool mantissas_fit(const struct series_points *points)
{
	int64_t most = points->kind == SERIES_BOOLEAN ? 1 : points->scale > 0 ? SERIES_MANTISSA_MAX : INT64_MAX;
	int64_t least = points->kind == SERIES_BOOLEAN ? 0 : points->scale > 0 ? -SERIES_MANTISSA_MAX : INT64_MIN;
	bool good = true;

	for (uint32_t i = 0; i < points->count; i++)
		good &= points->mantissas[i] >= least && points->mantissas[i] <= most;
	return good;
}

static bool values_fit(const struct series_points *points)
{
	bool good = true;

	if (points->kind == SERIES_DOUBLE)
		for (uint32_t i = 0; i < points->count; i++)
			good &= (bool)isfinite(points->doubles[i]);
	else if (points->kind < SERIES_TEXT)
		good = mantissas_fit(points);
	return good;
}

static bool times_ascend(const struct series_points *points)
{
	for (uint32_t i = 1; i < points->count; i++)
		if (points->at_us[i] < points->at_us[i - 1] ||
		    (points->at_us[i] == points->at_us[i - 1] &&
		     series_column_get(&points->number, i) < series_column_get(&points->number, i - 1)))
			return false;
	return true;
}

static bool shapes_exist(const struct series_points *points)
{
	bool good = points->shape.at || (uint64_t)points->shape.all < points->shape_count;

	for (uint32_t i = 0; points->shape.at && i < points->count; i++)
		good &= (uint64_t)points->shape.at[i] < points->shape_count;
	return good;
}

enum err_code builder_check(const struct series_builder *builder, const struct series_key *key,
			    const struct series_points *points, struct error *err)
{
	if (points->count == 0 || points->count > SERIES_POINTS_MAX)
		return err_set(err, ERR_INVALID, "a chunk of %u points, not 1 to %u", points->count, SERIES_POINTS_MAX);
	if (points->kind >= SERIES_KIND_COUNT || points->scale > SERIES_SCALE_MAX ||
	    (points->scale > 0 && points->kind != SERIES_DECIMAL && points->kind != SERIES_FIXED))
		return err_set(err, ERR_INVALID, "a chunk of kind %u with scale %u", (unsigned)points->kind,
			       points->scale);
	if (!times_ascend(points))
		return err_set(err, ERR_INVALID, "times, or the order numbers of equal times, do not ascend");
	if (!values_fit(points))
		return err_set(err, ERR_INVALID, "a value is beyond its kind's bounds");
	if (!shapes_exist(points))
		return err_set(err, ERR_INVALID, "a point's shape is none of the %u given", points->shape_count);
	if (key->dataset.len > SERIES_DATASET_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a datasetId of %zu bytes, more than %u", key->dataset.len,
			       SERIES_DATASET_BYTES_MAX);
	if (builder->count > 0 && series_key_cmp(&builder->last_key, key) > 0)
		return err_set(err, ERR_INVALID, "chunks are not in the order of their keys");
	if (builder->count >= SERIES_BLOCK_CHUNKS_MAX)
		return err_set(err, ERR_LIMIT, "a block has %u chunks", SERIES_BLOCK_CHUNKS_MAX);
	return ERR_OK;
}
