/* Instances into columns and out of them.
 *
 * A shape's text is a letter for what happened (C created, U updated, D deleted) and the instance's JSON in which
 * value, createdAt, modifiedAt and an observedAt in its shortest form are null, at their places. When nothing
 * follows the letter, the point's value is the whole instance as JSON: so deletions are kept, and series whose
 * instances differ in more than value and times. */
#include "store/instance_pack.h"

#include "base/time_value.h"

#include <math.h>
#include <string.h>

static const char kind_letters[] = "CUD"; /* by enum change_kind */

#define SHAPE_BYTES_MAX 4096 /* of one that is worth sharing */
#define SHAPES_A_CHUNK_MAX 64u /* different ones; more: whole texts */

struct str instance_whole_shape(enum change_kind kind)
{
	return (struct str){&kind_letters[kind], 1};
}

/* ---- taking apart ---- */

static bool is_shortest_time(const struct json *member)
{
	char buffer[TIME_ISO_BYTES];
	int64_t us;

	return time_parse_iso(json_text(member), true, &us) && str_eq(time_format_iso(us, buffer), json_text(member));
}

static void write_member(struct buf *shape, const struct json_member *member, bool blank)
{
	json_write_string(shape, member->key);
	buf_put_char(shape, ':');
	if (blank)
		buf_put(shape, STR("null"));
	else
		json_write(shape, &member->value);
}

/* False when a stamp is no number, as none of ours is. */
static bool write_shape(const struct json *document, const struct json *value, struct buf *shape)
{
	buf_put_char(shape, '{');
	for (uint32_t i = 0; i < document->count; i++) {
		const struct json_member *member = &document->members[i];
		bool stamp = str_eq(member->key, STR("createdAt")) || str_eq(member->key, STR("modifiedAt"));
		bool observed = str_eq(member->key, STR("observedAt"));

		if (stamp && member->value.kind != JSON_NUMBER)
			return false;
		if (i > 0)
			buf_put_char(shape, ',');
		write_member(shape, member,
			     stamp || &member->value == value || (observed && is_shortest_time(&member->value)));
	}
	buf_put_char(shape, '}');
	return true;
}

static enum err_code write_text(struct arena *arena, const struct json *node, struct str *ret, struct error *err)
{
	struct buf text;

	buf_init(&text, STORE_DOCUMENT_BYTES_MAX);
	json_write(&text, node);
	enum err_code code = buf_check(&text, "history", err);

	if (code == ERR_OK) {
		*ret = arena_dup(arena, buf_str(&text));
		if (!ret->at)
			code = err_set(err, ERR_MEMORY, "no memory to pack history");
	}
	buf_done(&text);
	return code;
}

static void split_number(const struct json *value, struct packed_point *point)
{
	struct str text = {value->text, value->count};
	struct series_number number;

	if (series_number_read(text, &number)) {
		point->kind = SERIES_DECIMAL;
		point->mantissa = number.mantissa;
		point->scale = number.scale;
		point->trimmed = number.trimmed;
	} else if (series_double_read(text, &point->real)) {
		point->kind = SERIES_DOUBLE;
	} else {
		point->kind = SERIES_RAW;
		point->text = text;
	}
}

static enum err_code split_value(struct arena *arena, const struct json *value, struct packed_point *point,
				 struct error *err)
{
	switch (value->kind) {
	case JSON_NUMBER:
		split_number(value, point);
		return ERR_OK;
	case JSON_BOOL:
		point->kind = SERIES_BOOLEAN;
		point->mantissa = value->boolean;
		return ERR_OK;
	case JSON_STRING:
		point->kind = SERIES_TEXT;
		point->text = json_text(value);
		return ERR_OK;
	default:
		point->kind = SERIES_RAW;
		return write_text(arena, value, &point->text, err);
	}
}

enum err_code instance_split(struct arena *arena, const struct json *document, enum change_kind kind, int64_t at_us,
			     struct packed_point *point, struct buf *shape, struct error *err)
{
	const struct json *value = document_value(document);
	size_t before = shape->len;

	if (!value)
		return err_set(err, ERR_CORRUPT, "a point of the history is no instance of an attribute");
	point->at_us = at_us;
	point->created_us = document_created_us(document);
	point->modified_us = document_modified_us(document);
	point->observed = kind != CHANGE_DELETED && json_get(document, STR("observedAt")) != NULL;
	buf_put_char(shape, kind_letters[kind]);
	bool split =
		kind != CHANGE_DELETED && write_shape(document, value, shape) && shape->len - before <= SHAPE_BYTES_MAX;
	enum err_code code = buf_check(shape, "shape", err);

	if (code)
		return code;
	if (split)
		return split_value(arena, value, point, err);
	shape->len = before + 1;
	if (kind == CHANGE_DELETED)
		point->modified_us = at_us;
	point->kind = SERIES_RAW;
	point->text = point->whole;
	return point->whole.at ? ERR_OK : write_text(arena, document, &point->text, err);
}

/* ---- into columns ---- */

struct columns {
	int64_t *at_us, *number, *created_us, *modified_us, *shape, *mantissas;
	double *doubles;
	struct str *texts;
	struct str *shapes;
};

static bool columns_new(struct arena *arena, size_t count, struct columns *ret)
{
	ret->at_us = arena_array(arena, int64_t, count);
	ret->number = arena_array(arena, int64_t, count);
	ret->created_us = arena_array(arena, int64_t, count);
	ret->modified_us = arena_array(arena, int64_t, count);
	ret->shape = arena_array(arena, int64_t, count);
	ret->mantissas = arena_array(arena, int64_t, count);
	ret->doubles = arena_array(arena, double, count);
	ret->texts = arena_array(arena, struct str, count);
	ret->shapes = arena_array(arena, struct str, SHAPES_A_CHUNK_MAX);
	return ret->at_us && ret->number && ret->created_us && ret->modified_us && ret->shape && ret->mantissas &&
	       ret->doubles && ret->texts && ret->shapes;
}

/* The number of a point's shape among the chunk's own; false when there are too many. */
static bool take_shape(const struct packed_point *point, const struct str *shapes, uint32_t *seen, struct columns *to,
		       struct series_points *ret, int64_t *ret_index)
{
	for (uint32_t i = ret->shape_count; i-- > 0;) {
		if (seen[i] != point->shape)
			continue;
		*ret_index = i;
		return true;
	}
	if (ret->shape_count == SHAPES_A_CHUNK_MAX)
		return false;
	seen[ret->shape_count] = point->shape;
	to->shapes[ret->shape_count] = shapes[point->shape];
	*ret_index = ret->shape_count++;
	return true;
}

/* Is one decimal kind to be had for all, and with which scale? */
static bool settle_scale(const struct packed_point *points, size_t count, struct series_points *ret)
{
	bool trimmed = true, fixed = true;
	int64_t mantissa;

	ret->scale = 0;
	for (size_t i = 0; i < count; i++) {
		trimmed = trimmed && points[i].trimmed;
		fixed = fixed && points[i].scale == points[0].scale;
		if (points[i].scale > ret->scale)
			ret->scale = points[i].scale;
	}
	ret->kind = trimmed ? SERIES_DECIMAL : SERIES_FIXED;
	if (!trimmed)
		return fixed;
	for (size_t i = 0; i < count; i++)
		if (!series_number_rescale(points[i].mantissa, points[i].scale, ret->scale, &mantissa))
			return false;
	return true;
}

static bool fill_values(const struct packed_point *points, size_t count, struct columns *to, struct series_points *ret)
{
	bool good = true;

	ret->kind = points[0].kind;
	if (ret->kind == SERIES_DECIMAL && !settle_scale(points, count, ret))
		return false;
	for (size_t i = 0; good && i < count; i++) {
		if (ret->kind == SERIES_DECIMAL || ret->kind == SERIES_FIXED)
			good = series_number_rescale(points[i].mantissa, points[i].scale, ret->scale,
						     &to->mantissas[i]);
		else if (ret->kind == SERIES_BOOLEAN)
			to->mantissas[i] = points[i].mantissa;
		else if (ret->kind == SERIES_DOUBLE)
			to->doubles[i] = points[i].real;
		else
			to->texts[i] = points[i].text;
	}
	return good;
}

/* Texts of decimals that are not of one kind. */
static enum err_code fill_number_texts(const struct packed_point *points, size_t count, struct arena *scratch,
				       struct columns *to, struct series_points *ret, struct error *err)
{
	char buffer[SERIES_NUMBER_BYTES];

	ret->kind = SERIES_RAW;
	ret->scale = 0;
	for (size_t i = 0; i < count; i++) {
		to->texts[i] = arena_dup(
			scratch, series_decimal_write(points[i].mantissa, points[i].scale, !points[i].trimmed, buffer));
		if (!to->texts[i].at)
			return err_set(err, ERR_MEMORY, "no memory to pack history");
	}
	return ERR_OK;
}

/* Whole texts; what their shapes say is what happened. */
static enum err_code fill_whole(const struct packed_point *points, size_t count, const struct str *shapes,
				struct columns *to, struct series_points *ret, struct error *err)
{
	ret->kind = SERIES_RAW;
	ret->scale = 0;
	ret->shape_count = (uint32_t)strlen(kind_letters);
	for (uint32_t k = 0; k < ret->shape_count; k++)
		to->shapes[k] = instance_whole_shape((enum change_kind)k);
	for (size_t i = 0; i < count; i++) {
		const char *letter = strchr(kind_letters, shapes[points[i].shape].at[0]);

		if (!points[i].whole.at)
			return err_set(err, ERR_INTERNAL, "an instance has too many shapes and no text");
		to->shape[i] = letter - kind_letters;
		to->texts[i] = points[i].whole;
	}
	return ERR_OK;
}

static enum err_code fill(const struct packed_point *points, size_t count, const struct str *shapes,
			  struct arena *scratch, struct columns *to, struct series_points *ret, struct error *err)
{
	uint32_t seen[SHAPES_A_CHUNK_MAX];
	bool shared = true;

	*ret = (struct series_points){.count = (uint32_t)count,
				      .at_us = to->at_us,
				      .number = {.at = to->number},
				      .created_us = {.at = to->created_us},
				      .modified_us = {.at = to->modified_us},
				      .shape = {.at = to->shape},
				      .shapes = to->shapes,
				      .mantissas = to->mantissas,
				      .doubles = to->doubles,
				      .texts = to->texts};
	for (size_t i = 0; i < count; i++) {
		to->at_us[i] = points[i].at_us;
		to->number[i] = points[i].number;
		to->created_us[i] = points[i].created_us;
		to->modified_us[i] = points[i].modified_us;
		shared = shared && take_shape(&points[i], shapes, seen, to, ret, &to->shape[i]);
	}
	if (!shared)
		return fill_whole(points, count, shapes, to, ret, err);
	return fill_values(points, count, to, ret) ? ERR_OK : fill_number_texts(points, count, scratch, to, ret, err);
}

enum err_code instance_pack(struct series_builder *builder, const struct packed_point *points, size_t count,
			    const struct str *shapes, struct arena *scratch, size_t *ret_added, struct error *err)
{
	struct columns columns;

	*ret_added = 0;
	arena_clear(scratch);
	if (!columns_new(scratch, count < SERIES_POINTS_MAX ? count : SERIES_POINTS_MAX, &columns))
		return err_set(err, ERR_MEMORY, "no memory to pack history");
	while (*ret_added < count) {
		size_t part = count - *ret_added < SERIES_POINTS_MAX ? count - *ret_added : SERIES_POINTS_MAX;
		const struct packed_point *first = &points[*ret_added];
		struct series_points chunk;
		enum err_code code = fill(first, part, shapes, scratch, &columns, &chunk, err);

		if (code == ERR_OK)
			code = series_builder_add(builder, &first->key, &chunk, err);
		if (code)
			return code;
		*ret_added += part;
	}
	return ERR_OK;
}

/* ---- out of columns ---- */

enum err_code shape_cache_init(struct shape_cache *cache, const struct series_block *block, struct arena *arena,
			       struct error *err)
{
	cache->count = block->shape_count;
	cache->at = arena_array(arena, const struct store_shape *, (size_t)block->shape_count + 1);
	cache->observed = arena_array(arena, bool, (size_t)block->shape_count + 1);
	cache->whole = arena_array(arena, bool, (size_t)block->shape_count + 1);
	if (!cache->at || !cache->observed || !cache->whole)
		return err_set(err, ERR_MEMORY, "no memory for history");
	memset(cache->at, 0, ((size_t)block->shape_count + 1) * sizeof(*cache->at));
	return ERR_OK;
}

static enum err_code parse(struct json_parser *parser, struct arena *arena, struct str text, struct json **ret,
			   struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	enum err_code code = json_parse(parser, arena, text, &options, ret, err);

	return code == ERR_INVALID ? err_set(err, ERR_CORRUPT, "packed history is not JSON") : code;
}

static enum err_code read_shape(struct shape_cache *cache, uint32_t at, struct str text, struct json_parser *parser,
				struct arena *arena, struct error *err)
{
	const char *letter = text.len ? memchr(kind_letters, text.at[0], strlen(kind_letters)) : NULL;
	struct store_shape *shape = arena_new(arena, struct store_shape);
	struct json *document = NULL;

	if (!letter)
		return err_set(err, ERR_CORRUPT, "packed history has a shape that says not what happened");
	if (!shape)
		return err_set(err, ERR_MEMORY, "no memory for history");
	shape->kind = (enum change_kind)(letter - kind_letters);
	cache->whole[at] = text.len == 1;
	if (!cache->whole[at]) {
		enum err_code code = parse(parser, arena, str_part(text, 1, text.len), &document, err);
		const struct json *value = code ? NULL : document_value(document);

		if (code)
			return code;
		for (uint32_t i = 0; value && i < document->count; i++)
			if (&document->members[i].value == value)
				shape->value_name = document->members[i].key;
		if (!value)
			return err_set(err, ERR_CORRUPT, "packed history has a shape that is no instance");
		shape->instance = document;
		cache->observed[at] = json_get(document, STR("observedAt")) != NULL;
	}
	cache->at[at] = shape;
	return ERR_OK;
}

static struct json number_node(struct arena *arena, const struct series_points *points, uint32_t index)
{
	static const double powers[SERIES_SCALE_MAX + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
							    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	char buffer[SERIES_NUMBER_BYTES];
	struct str text = arena_dup(arena, series_value_write(points, index, buffer));
	struct json node = {.kind = text.at ? JSON_NUMBER : JSON_NULL, .count = (uint32_t)text.len, .text = text.at};

	/* A decimal of at most fifteen digits divided by a power of ten that a double holds exactly: rounded once. */
	node.number = points->kind == SERIES_DOUBLE ? points->doubles[index]
						    : (double)points->mantissas[index] / powers[points->scale];
	node.integer = text.at && !memchr(text.at, '.', text.len) && !memchr(text.at, 'e', text.len);
	return node;
}

static enum err_code value_node(struct json_parser *parser, struct arena *arena, const struct series_points *points,
				uint32_t index, struct json *ret, struct error *err)
{
	struct json *node = NULL;
	enum err_code code = ERR_OK;

	switch (points->kind) {
	case SERIES_BOOLEAN:
		*ret = json_bool(points->mantissas[index] != 0);
		return ERR_OK;
	case SERIES_TEXT:
		*ret = json_string(arena_dup(arena, points->texts[index]));
		return ret->text ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for history");
	case SERIES_RAW:
		code = parse(parser, arena, points->texts[index], &node, err);
		if (code == ERR_OK)
			*ret = *node;
		return code;
	default:
		*ret = number_node(arena, points, index);
		return ret->kind == JSON_NUMBER ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for history");
	}
}

static enum err_code unpack_whole(const struct series_points *points, uint32_t index, enum change_kind kind,
				  struct json_parser *parser, struct arena *arena, struct store_instance *ret,
				  struct error *err)
{
	struct json *document;

	if (points->kind != SERIES_RAW)
		return err_set(err, ERR_CORRUPT, "packed history has whole instances that are no JSON");
	enum err_code code = parse(parser, arena, points->texts[index], &document, err);

	if (code)
		return code;
	return store_instance_read(arena, document, kind, points->at_us[index],
				   series_column_get(&points->number, index), ret, err);
}

enum err_code instance_unpack(struct shape_cache *cache, const struct series_block *block,
			      const struct series_points *points, uint32_t index, struct json_parser *parser,
			      struct arena *arena, struct store_instance *ret, struct error *err)
{
	uint64_t at = (uint64_t)series_column_get(&points->shape, index);
	enum err_code code = ERR_OK;

	if (at >= cache->count)
		return err_set(err, ERR_CORRUPT, "packed history has a point without shape");
	if (!cache->at[at])
		code = read_shape(cache, (uint32_t)at, block->shapes[at], parser, arena, err);
	if (code)
		return code;
	if (cache->whole[at])
		return unpack_whole(points, index, cache->at[at]->kind, parser, arena, ret, err);
	*ret = (struct store_instance){.observed_us = cache->observed[at] ? points->at_us[index] : STORE_NO_TIME,
				       .created_us = series_column_get(&points->created_us, index),
				       .modified_us = series_column_get(&points->modified_us, index),
				       .deleted_us = STORE_NO_TIME,
				       .number = series_column_get(&points->number, index),
				       .shape = cache->at[at]};
	return value_node(parser, arena, points, index, &ret->value, err);
}
