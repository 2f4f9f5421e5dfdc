/* A window of points in columns. */
#include "store/point_buffer.h"

#include <stdlib.h>
#include <string.h>

enum { AT, NUMBER, CREATED, MODIFIED, SHAPE, VALUE, COLUMNS };

#define BUFFER_TEXT_BYTES_MAX ((size_t)256 << 20)

void point_buffer_init(struct point_buffer *buffer)
{
	*buffer = (struct point_buffer){.sorted = true};
	arena_init(&buffer->arena, BUFFER_TEXT_BYTES_MAX);
}

void point_buffer_done(struct point_buffer *buffer)
{
	for (size_t c = 0; c < COLUMNS; c++)
		free(buffer->columns[c]);
	free(buffer->texts);
	arena_done(&buffer->arena);
}

static bool has_texts(const struct point_buffer *buffer)
{
	return buffer->kind == SERIES_TEXT || buffer->kind == SERIES_RAW;
}

void point_buffer_begin(struct point_buffer *buffer, enum series_kind kind, uint8_t scale)
{
	buffer->kind = kind;
	buffer->scale = scale;
	buffer->count = buffer->text_count = 0;
	buffer->sorted = true;
	arena_clear(&buffer->arena);
}

static bool make_room(struct point_buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : SERIES_POINTS_MAX;

	while (room < buffer->count + more || room < buffer->text_count + more)
		room *= 2;
	if (room == buffer->room)
		return true;
	for (size_t c = 0; c < COLUMNS; c++) {
		int64_t *grown = realloc(buffer->columns[c], room * sizeof(*grown));

		if (!grown)
			return false;
		buffer->columns[c] = grown;
	}
	struct str *texts = realloc(buffer->texts, room * sizeof(*texts));

	if (!texts)
		return false;
	buffer->texts = texts;
	buffer->room = room;
	return true;
}

bool point_buffer_rescale(struct point_buffer *buffer, uint8_t scale)
{
	int64_t *values = buffer->columns[VALUE], mantissa;

	if (buffer->kind != SERIES_DECIMAL)
		return buffer->scale == scale;
	for (size_t i = 0; i < buffer->count; i++)
		if (!series_number_rescale(values[i], buffer->scale, scale, &mantissa))
			return false;
	for (size_t i = 0; i < buffer->count; i++)
		(void)series_number_rescale(values[i], buffer->scale, scale, &values[i]);
	buffer->scale = scale;
	return true;
}

static void put_column(int64_t *to, const struct series_column *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		to[i] = series_column_get(from, i);
}

static bool put_values(struct point_buffer *buffer, const struct series_points *points)
{
	int64_t *values = buffer->columns[VALUE] + buffer->count;

	for (uint32_t i = 0; has_texts(buffer) && i < points->count; i++) {
		buffer->texts[buffer->text_count] = arena_dup(&buffer->arena, points->texts[i]);
		if (!buffer->texts[buffer->text_count].at)
			return false;
		values[i] = (int64_t)buffer->text_count++;
	}
	if (points->kind == SERIES_DOUBLE)
		memcpy(values, points->doubles, points->count * sizeof(*values));
	else if (!has_texts(buffer))
		memcpy(values, points->mantissas, points->count * sizeof(*values));
	return true;
}

enum err_code point_buffer_add(struct point_buffer *buffer, const struct series_points *points, const uint32_t *shapes,
			       uint32_t shape_count, struct error *err)
{
	if (!make_room(buffer, points->count) || !put_values(buffer, points))
		return err_set(err, ERR_MEMORY, "no memory to put history together");
	int64_t *at_us = buffer->columns[AT] + buffer->count, *shape = buffer->columns[SHAPE] + buffer->count;

	memcpy(at_us, points->at_us, points->count * sizeof(*at_us));
	put_column(buffer->columns[NUMBER] + buffer->count, &points->number, points->count);
	put_column(buffer->columns[CREATED] + buffer->count, &points->created_us, points->count);
	put_column(buffer->columns[MODIFIED] + buffer->count, &points->modified_us, points->count);
	for (uint32_t i = 0; i < points->count; i++) {
		uint64_t of_block = (uint64_t)series_column_get(&points->shape, i);

		if (of_block >= shape_count)
			return err_set(err, ERR_CORRUPT, "packed history has a point without shape");
		shape[i] = shapes[of_block];
	}
	/* Equal moments may stand in the wrong order of numbers too. */
	if (buffer->count > 0 && at_us[0] <= at_us[-1])
		buffer->sorted = false;
	buffer->count += points->count;
	return ERR_OK;
}

/* ---- order ---- */

struct place {
	int64_t at_us, number;
	size_t from;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void permute(int64_t *column, const struct place *places, size_t count, int64_t *spare)
{
	memcpy(spare, column, count * sizeof(*column));
	for (size_t i = 0; i < count; i++)
		column[i] = spare[places[i].from];
}

enum err_code point_buffer_sort(struct point_buffer *buffer, struct error *err)
{
	if (buffer->sorted)
		return ERR_OK;
	struct place *places = malloc(buffer->count * sizeof(*places));
	int64_t *spare = malloc(buffer->count * sizeof(*spare));
	bool good = places && spare;

	for (size_t i = 0; good && i < buffer->count; i++)
		places[i] = (struct place){buffer->columns[AT][i], buffer->columns[NUMBER][i], i};
	if (good) {
		qsort(places, buffer->count, sizeof(*places), compare_places);
		for (size_t c = 0; c < COLUMNS; c++)
			permute(buffer->columns[c], places, buffer->count, spare);
		buffer->sorted = true;
	}
	free(places);
	free(spare);
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to put history together");
}

/* ---- out ---- */

/* The chunk's own list of shapes, and the column in its numbers. */
static bool own_shapes(const struct point_buffer *buffer, size_t count, const struct str *shapes, struct arena *arena,
		       struct series_points *ret)
{
	int64_t *column = arena_array(arena, int64_t, count), *own = arena_array(arena, int64_t, count);
	struct str *texts = NULL;
	uint32_t own_count = 0;

	if (!column || !own)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t at = own_count;

		while (at > 0 && own[at - 1] != buffer->columns[SHAPE][i])
			at--;
		if (at == 0) {
			own[own_count] = buffer->columns[SHAPE][i];
			at = ++own_count;
		}
		column[i] = at - 1;
	}
	texts = arena_array(arena, struct str, own_count);
	for (uint32_t i = 0; texts && i < own_count; i++)
		texts[i] = shapes[own[i]];
	ret->shape = (struct series_column){.at = column};
	ret->shapes = texts;
	ret->shape_count = own_count;
	return texts != NULL;
}

static bool own_values(const struct point_buffer *buffer, size_t count, struct arena *arena, struct series_points *ret)
{
	const int64_t *values = buffer->columns[VALUE];

	if (has_texts(buffer)) {
		struct str *texts = arena_array(arena, struct str, count);

		for (size_t i = 0; texts && i < count; i++)
			texts[i] = buffer->texts[values[i]];
		ret->texts = texts;
		return texts != NULL;
	}
	if (buffer->kind != SERIES_DOUBLE) {
		ret->mantissas = values;
		return true;
	}
	double *doubles = arena_array(arena, double, count);

	if (doubles)
		memcpy(doubles, values, count * sizeof(*doubles));
	ret->doubles = doubles;
	return doubles != NULL;
}

enum err_code point_buffer_front(struct point_buffer *buffer, size_t count, const struct str *shapes,
				 struct arena *arena, struct series_points *ret, struct error *err)
{
	*ret = (struct series_points){.kind = buffer->kind,
				      .scale = buffer->scale,
				      .count = (uint32_t)count,
				      .at_us = buffer->columns[AT],
				      .number = {.at = buffer->columns[NUMBER]},
				      .created_us = {.at = buffer->columns[CREATED]},
				      .modified_us = {.at = buffer->columns[MODIFIED]}};
	if (!own_shapes(buffer, count, shapes, arena, ret) || !own_values(buffer, count, arena, ret))
		return err_set(err, ERR_MEMORY, "no memory to put history together");
	return ERR_OK;
}

void point_buffer_drop(struct point_buffer *buffer, size_t count)
{
	buffer->count -= count;
	for (size_t c = 0; c < COLUMNS; c++)
		memmove(buffer->columns[c], buffer->columns[c] + count, buffer->count * sizeof(int64_t));
	/* Texts stay where they are until all are gone: values are their places. */
	if (buffer->count == 0)
		point_buffer_begin(buffer, buffer->kind, buffer->scale);
}
