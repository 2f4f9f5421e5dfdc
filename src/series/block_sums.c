/* Sums over chunks: by their summaries where a chunk lies in one period, otherwise by its values, decoded into memory
 * that fits the processor's first cache, and in one pass over the periods. */
#include "series/block_int.h"

#include <assert.h>
#include <math.h>

/* Times or numbers of a chunk: of equal steps, and then none is decoded, or as they are. */
struct steps {
	bool regular;
	int64_t first, step;
	const int64_t *at;
};

static int64_t step_at(const struct steps *steps, uint32_t i)
{
	return steps->regular ? (int64_t)((uint64_t)steps->first + i * (uint64_t)steps->step) : steps->at[i];
}

struct columns {
	struct steps times, numbers;
	int64_t time_values[SERIES_POINTS_MAX];
	int64_t number_values[SERIES_POINTS_MAX];
};

static enum err_code open_steps(struct chunk_family *family, enum column column, int64_t *memory, struct steps *ret,
				struct error *err)
{
	struct ints ints;
	enum err_code code = chunk_column(family, column, &ints, err);

	if (code)
		return code;
	*ret = (struct steps){.first = ints.first, .at = memory};
	/* A column that wraps around has no range, and does not ascend. */
	ret->regular = ints.has_range && ints_are_regular(&ints, &ret->step);
	if (!ret->regular && !ints_read(&ints, memory))
		return chunk_corrupt(&family->chunk, "column", err);
	return ERR_OK;
}

static enum err_code open_columns(struct chunk_family *family, struct columns *ret, struct error *err)
{
	enum err_code code = open_steps(family, COLUMN_AT, ret->time_values, &ret->times, err);
	bool good = true;

	code = code ? code : open_steps(family, COLUMN_NUMBER, ret->number_values, &ret->numbers, err);
	if (code)
		return code;
	if (ret->times.regular)
		good = ret->times.step >= 0;
	else
		for (uint32_t i = 1; i < family->chunk.count; i++)
			good &= ret->time_values[i - 1] <= ret->time_values[i];
	return good ? ERR_OK : chunk_corrupt(&family->chunk, "times", err);
}

/* The first point from `from` on that lies at `edge` or later. */
static uint32_t first_from(const struct steps *times, uint32_t from, uint32_t count, int64_t edge)
{
	uint32_t to = count;

	if (times->regular && times->step > 0) {
		if (edge <= times->first)
			return from;
		uint64_t way = (uint64_t)edge - (uint64_t)times->first, step = (uint64_t)times->step;
		uint64_t index = way / step + (way % step != 0);

		return index < from ? from : index < count ? (uint32_t)index : count;
	}
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (step_at(times, middle) < edge)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Values of a chunk, as its kind has them. */
struct values {
	const struct chunk *chunk;
	bool is_low; /* of mantissas that the summary says are near each other: low instead of ints */
	int64_t base; /* of low */
	uint32_t most; /* of low, so the summary says */
	uint32_t low[SERIES_POINTS_MAX];
	int64_t ints[SERIES_POINTS_MAX];
	const struct str *texts; /* SERIES_RAW */
	struct arena arena;
};

static enum err_code open_values(const struct chunk *chunk, struct values *ret, struct error *err)
{
	struct sums_slice summary;
	enum err_code code = ERR_OK;

	ret->chunk = chunk;
	ret->is_low = false;
	if (chunk->kind == SERIES_TEXT)
		return ERR_OK;
	if (chunk->kind == SERIES_RAW)
		return chunk_texts(chunk, &ret->arena, &ret->texts, err);
	if (chunk->has_summary) {
		code = chunk_summary(chunk, &summary, err);
		if (code)
			return code;
		ret->is_low = summary.max - summary.min < SLICE_LOW_MAX;
		ret->base = summary.min;
		ret->most = ret->is_low ? (uint32_t)(summary.max - summary.min) : 0;
	}
	return ret->is_low ? chunk_low(chunk, ret->base, ret->low, err) : chunk_ints(chunk, ret->ints, err);
}

static enum err_code add_one_by_one(const struct values *values, const struct columns *columns, uint32_t from,
				    uint32_t to, struct series_sums *sums, struct error *err)
{
	enum err_code code = ERR_OK;

	for (uint32_t i = from; !code && i < to; i++) {
		int64_t at_us = step_at(&columns->times, i), number = step_at(&columns->numbers, i);
		double value;

		if (values->chunk->kind == SERIES_RAW) {
			code = series_sums_add_text(sums, at_us, number, values->texts[i], err);
			continue;
		}
		value = double_from_ordered(values->ints[i]);
		code = isfinite(value) ? series_sums_add_double(sums, at_us, number, value, err)
				       : chunk_corrupt(values->chunk, "doubles", err);
	}
	return code;
}

static enum err_code add_mantissas(const struct values *values, const struct columns *columns, uint32_t from,
				   uint32_t to, struct series_sums *sums, struct error *err)
{
	struct sums_slice slice = {.scale = values->chunk->scale,
				   .first_us = step_at(&columns->times, from),
				   .first_number = step_at(&columns->numbers, from),
				   .last_us = step_at(&columns->times, to - 1),
				   .last_number = step_at(&columns->numbers, to - 1)};

	if (values->is_low) {
		if (!slice_of_low(values->low, from, to, values->base, values->most, &slice))
			return chunk_corrupt(values->chunk, "summary", err);
		sums_add_slice(sums, &slice);
		return ERR_OK;
	}
	slice_of_mantissas(values->ints, from, to, &slice);
	if (slice.min >= -SUMMARY_MANTISSA_MAX && slice.max <= SUMMARY_MANTISSA_MAX) {
		sums_add_slice(sums, &slice);
		return ERR_OK;
	}
	/* Their squares together could be beyond 128 bits. */
	for (uint32_t i = from; i < to; i++)
		series_sums_add_decimal(sums, step_at(&columns->times, i), step_at(&columns->numbers, i),
					values->ints[i], slice.scale);
	return ERR_OK;
}

/* Points [from, to), at least one. */
static enum err_code add_slice(const struct values *values, const struct columns *columns, uint32_t from, uint32_t to,
			       struct series_sums *sums, struct error *err)
{
	switch (values->chunk->kind) {
	case SERIES_DECIMAL:
	case SERIES_FIXED:
	case SERIES_BOOLEAN:
		return add_mantissas(values, columns, from, to, sums, err);
	case SERIES_TEXT:
		sums->others += to - from;
		return ERR_OK;
	default:
		return add_one_by_one(values, columns, from, to, sums, err);
	}
}

/* The whole chunk into one sum, by what it says of itself. */
static enum err_code add_summary(struct chunk_family *family, struct series_sums *sums, struct error *err)
{
	const struct chunk *chunk = &family->chunk;
	struct sums_slice slice;
	struct ints times, numbers;
	int64_t values[SERIES_POINTS_MAX];
	enum err_code code = chunk_summary(chunk, &slice, err);

	code = code ? code : chunk_column(family, COLUMN_AT, &times, err);
	code = code ? code : chunk_column(family, COLUMN_NUMBER, &numbers, err);
	if (code)
		return code;
	slice.first_us = times.first;
	slice.first_number = numbers.first;
	if (!times.has_range && !ints_read(&times, values))
		return chunk_corrupt(chunk, "times", err);
	slice.last_us = times.has_range ? times.last : values[chunk->count - 1];
	if (!numbers.has_range && !ints_read(&numbers, values))
		return chunk_corrupt(chunk, "order numbers", err);
	slice.last_number = numbers.has_range ? numbers.last : values[chunk->count - 1];
	sums_add_slice(sums, &slice);
	return ERR_OK;
}

/* The last edge that is not greater; edges[0] is not. */
static size_t period_of(const int64_t *edges, size_t count, int64_t at_us)
{
	size_t from = 0, to = count;

	while (to - from > 1) {
		size_t middle = from + (to - from) / 2;

		if (edges[middle] <= at_us)
			from = middle;
		else
			to = middle;
	}
	return from;
}

static enum err_code add_periods(struct chunk_family *family, const int64_t *edges, size_t edge_count,
				 struct series_sums *sums, struct error *err)
{
	const struct chunk *chunk = &family->chunk;
	struct columns columns;
	struct values values;
	enum err_code code = open_columns(family, &columns, err);

	if (code)
		return code;
	uint32_t at = first_from(&columns.times, 0, chunk->count, edges[0]);

	if (at == chunk->count)
		return ERR_OK;
	arena_init(&values.arena, SIZE_MAX);
	code = open_values(chunk, &values, err);
	for (size_t i = period_of(edges, edge_count, step_at(&columns.times, at));
	     !code && at < chunk->count && i + 1 < edge_count; i++) {
		uint32_t to = first_from(&columns.times, at, chunk->count, edges[i + 1]);

		if (to > at)
			code = add_slice(&values, &columns, at, to, &sums[i], err);
		at = to;
	}
	arena_done(&values.arena);
	return code;
}

enum err_code series_block_sum_periods(const struct series_block *block, uint32_t index, const int64_t *edges,
				       size_t edge_count, struct series_sums *sums, struct error *err)
{
	struct chunk_family family;
	struct ints times;

	assert(index < block->count && edge_count >= 2);
	enum err_code code = chunk_family_open(block, index, &family, err);

	code = code ? code : chunk_column(&family, COLUMN_AT, &times, err);
	if (code)
		return code;
	if (times.has_range) {
		if (times.max < edges[0] || times.min >= edges[edge_count - 1])
			return ERR_OK;
		size_t period = times.min < edges[0] ? 0 : period_of(edges, edge_count, times.min);

		if (times.min >= edges[0] && times.max < edges[period + 1] && family.chunk.has_summary)
			return add_summary(&family, &sums[period], err);
	}
	return add_periods(&family, edges, edge_count, sums, err);
}

enum err_code series_block_sum(const struct series_block *block, uint32_t index, struct series_sums *sums,
			       struct error *err)
{
	struct chunk_family family;
	struct columns columns;
	struct values values;

	assert(index < block->count);
	enum err_code code = chunk_family_open(block, index, &family, err);

	if (code)
		return code;
	if (family.chunk.has_summary)
		return add_summary(&family, sums, err);
	code = open_columns(&family, &columns, err);
	if (code)
		return code;
	arena_init(&values.arena, SIZE_MAX);
	code = open_values(&family.chunk, &values, err);
	code = code ? code : add_slice(&values, &columns, 0, family.chunk.count, sums, err);
	arena_done(&values.arena);
	return code;
}
