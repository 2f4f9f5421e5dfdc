/* What a Parquet file says of itself: columns, and where the pages of each group of rows lie (parquet.thrift). */
#include "parquet/parquet_int.h"

#define REPETITION_OPTIONAL 1
#define REPETITION_REPEATED 2
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define DECIMAL_DIGITS_MAX 38
#define DECIMAL_BYTES_MAX 16u

struct element { /* of the schema */
	int64_t physical; /* −1: a group */
	int64_t width, repetition, children, converted, scale, precision;
	struct str name;
	/* the logical type, which newer files have beside the converted one */
	enum parquet_meaning meaning;
	bool has_logical, is_unsigned, is_utc;
	int64_t unit_ns;
};

static enum err_code damaged(struct error *err, const char *what)
{
	return err_set(err, ERR_INVALID, "the file is damaged, or no Parquet: %s", what);
}

/* ---- logical types ---- */

static int64_t read_unit(struct thrift *thrift, enum thrift_type type)
{
	struct thrift_field field = {0};
	int64_t unit_ns = 0;

	if (!thrift_enter(thrift, type))
		return 0;
	while (thrift_next(thrift, &field)) {
		unit_ns = field.id == 1 ? NS_PER_MS : field.id == 2 ? NS_PER_US : 1;
		thrift_skip(thrift, field.type);
	}
	thrift_leave(thrift);
	return unit_ns;
}

static void read_time_type(struct thrift *thrift, enum thrift_type type, struct element *element)
{
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, type))
		return;
	while (thrift_next(thrift, &field)) {
		if (field.id == 1)
			element->is_utc = field.type == THRIFT_TRUE;
		else if (field.id == 2)
			element->unit_ns = read_unit(thrift, field.type);
		else
			thrift_skip(thrift, field.type);
	}
	thrift_leave(thrift);
}

/* {1: the scale, or the bits; 2: the precision, or whether there is a sign} */
static void read_number_type(struct thrift *thrift, enum thrift_type type, struct element *element)
{
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, type))
		return;
	while (thrift_next(thrift, &field)) {
		if (field.id == 1 && element->meaning == PARQUET_DECIMAL)
			element->scale = thrift_int(thrift, field.type);
		else if (field.id == 2 && element->meaning != PARQUET_DECIMAL)
			element->is_unsigned = field.type == THRIFT_FALSE;
		else
			thrift_skip(thrift, field.type);
	}
	thrift_leave(thrift);
}

static void read_logical(struct thrift *thrift, enum thrift_type type, struct element *element)
{
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, type))
		return;
	while (thrift_next(thrift, &field)) {
		element->has_logical = true;
		switch (field.id) {
		case 5:
			element->meaning = PARQUET_DECIMAL;
			read_number_type(thrift, field.type, element);
			break;
		case 7:
		case 8:
			element->meaning = field.id == 7 ? PARQUET_TIME : PARQUET_TIMESTAMP;
			read_time_type(thrift, field.type, element);
			break;
		case 10:
			read_number_type(thrift, field.type, element);
			if (element->is_unsigned)
				element->meaning = PARQUET_UNSIGNED;
			break;
		default:
			element->meaning = field.id == 6    ? PARQUET_DATE
					   : field.id == 14 ? PARQUET_UUID
							    : PARQUET_PLAIN_MEANING;
			thrift_skip(thrift, field.type);
		}
	}
	thrift_leave(thrift);
}

/* The older way to say it (ConvertedType). */
static void take_converted(struct element *element)
{
	switch (element->converted) {
	case 5:
		element->meaning = PARQUET_DECIMAL;
		return;
	case 6:
		element->meaning = PARQUET_DATE;
		return;
	case 7:
	case 8:
		element->meaning = PARQUET_TIME;
		break;
	case 9:
	case 10:
		element->meaning = PARQUET_TIMESTAMP;
		break;
	case 11:
	case 12:
	case 13:
	case 14:
		element->meaning = PARQUET_UNSIGNED;
		return;
	default:
		return;
	}
	element->is_utc = true;
	element->unit_ns = element->converted % 2 ? NS_PER_MS : NS_PER_US;
}

/* ---- the schema ---- */

static void read_element(struct thrift *thrift, struct element *element)
{
	struct thrift_field field = {0};

	*element = (struct element){.physical = -1, .converted = -1};
	if (!thrift_enter(thrift, THRIFT_STRUCT))
		return;
	while (thrift_next(thrift, &field))
		switch (field.id) {
		case 1:
			element->physical = thrift_int(thrift, field.type);
			break;
		case 2:
			element->width = thrift_int(thrift, field.type);
			break;
		case 3:
			element->repetition = thrift_int(thrift, field.type);
			break;
		case 4:
			element->name = thrift_binary(thrift, field.type);
			break;
		case 5:
			element->children = thrift_int(thrift, field.type);
			break;
		case 6:
			element->converted = thrift_int(thrift, field.type);
			break;
		case 7:
			element->scale = thrift_int(thrift, field.type);
			break;
		case 8:
			element->precision = thrift_int(thrift, field.type);
			break;
		case 10:
			read_logical(thrift, field.type, element);
			break;
		default:
			thrift_skip(thrift, field.type);
		}
	thrift_leave(thrift);
	if (!element->has_logical)
		take_converted(element);
	if (element->children > 0)
		element->physical = -1;
}

static bool fits(const struct parquet_field *field)
{
	enum parquet_physical physical = field->physical;
	bool is_int = physical == PARQUET_INT32 || physical == PARQUET_INT64;

	switch (field->meaning) {
	case PARQUET_UNSIGNED:
		return is_int;
	case PARQUET_TIME:
	case PARQUET_TIMESTAMP:
		return is_int && field->unit_ns > 0;
	case PARQUET_DATE:
		return physical == PARQUET_INT32;
	case PARQUET_DECIMAL:
		return field->scale >= 0 && field->scale <= DECIMAL_DIGITS_MAX &&
		       (is_int || physical == PARQUET_BYTE_ARRAY ||
			(physical == PARQUET_FIXED && field->width <= DECIMAL_BYTES_MAX));
	case PARQUET_UUID:
		return physical == PARQUET_FIXED && field->width == 16;
	default:
		return true;
	}
}

static enum err_code take_field(struct parquet_layout *layout, const struct element *element, struct error *err)
{
	static const uint32_t widths[PARQUET_PHYSICAL_COUNT] = {0, 4, 8, 12, 4, 8, 0, 0};
	struct parquet_field *field = &layout->fields[layout->field_count];

	if (element->physical < 0 || element->physical >= PARQUET_PHYSICAL_COUNT)
		return damaged(err, "a column of an unknown type");
	*field = (struct parquet_field){.name = element->name,
					.physical = (enum parquet_physical)element->physical,
					.meaning = element->meaning,
					.width = widths[element->physical],
					.scale = (int32_t)(element->scale > DECIMAL_DIGITS_MAX ? -1 : element->scale),
					.unit_ns = element->unit_ns,
					.is_utc = element->is_utc,
					.optional = element->repetition == REPETITION_OPTIONAL,
					.leaf = layout->leaf_count};
	if (field->physical == PARQUET_FIXED) {
		if (element->width <= 0 || element->width > (int64_t)PARQUET_VALUE_BYTES_MAX)
			return damaged(err, "a column whose values have no length");
		field->width = (uint32_t)element->width;
	}
	if (!fits(field))
		field->meaning = PARQUET_PLAIN_MEANING;
	layout->field_count++;
	return ERR_OK;
}

/* Elements come depth first; behind the root, those of its children that are leaves are columns that are read. */
static enum err_code read_schema(struct thrift *thrift, enum thrift_type type, struct arena *arena,
				 struct parquet_layout *layout, struct error *err)
{
	uint32_t count = thrift_list(thrift, type, THRIFT_STRUCT);
	uint64_t inside = 0; /* elements of a group that are still to come */
	struct element element;

	if (count < 2 || layout->fields)
		return damaged(err, "it has no columns");
	layout->fields =
		arena_array(arena, struct parquet_field, count < PARQUET_COLUMNS_MAX ? count : PARQUET_COLUMNS_MAX);
	if (!layout->fields)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	read_element(thrift, &element); /* the root */
	for (uint32_t i = 1; i < count && !thrift->bad; i++) {
		read_element(thrift, &element);
		if (element.children < 0 || (uint64_t)element.children > count)
			return damaged(err, "a group of columns without an end");
		bool is_group = element.children > 0;
		enum err_code code = ERR_OK;

		if (inside > 0)
			inside--;
		else if (!is_group && element.repetition != REPETITION_REPEATED) {
			if (layout->field_count == PARQUET_COLUMNS_MAX)
				return err_set(err, ERR_LIMIT, "the file has more than %u columns",
					       PARQUET_COLUMNS_MAX);
			code = take_field(layout, &element, err);
		}
		if (code)
			return code;
		inside += (uint64_t)element.children;
		layout->leaf_count += !is_group;
	}
	return thrift->bad ? damaged(err, "its columns") : ERR_OK;
}

/* ---- groups of rows ---- */

struct chunk_place {
	int64_t codec, data_at, dictionary_at, bytes;
};

static void read_chunk_data(struct thrift *thrift, enum thrift_type type, struct chunk_place *place)
{
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, type))
		return;
	while (thrift_next(thrift, &field))
		switch (field.id) {
		case 4:
			place->codec = thrift_int(thrift, field.type);
			break;
		case 7:
			place->bytes = thrift_int(thrift, field.type);
			break;
		case 9:
			place->data_at = thrift_int(thrift, field.type);
			break;
		case 11:
			place->dictionary_at = thrift_int(thrift, field.type);
			break;
		default:
			thrift_skip(thrift, field.type);
		}
	thrift_leave(thrift);
}

/* True: the pages are in this file, and not encrypted. */
static bool read_chunk(struct thrift *thrift, uint64_t file_bytes, struct parquet_chunk *chunk)
{
	struct thrift_field field = {0};
	struct chunk_place place = {0};
	bool is_here = true;

	if (!thrift_enter(thrift, THRIFT_STRUCT))
		return false;
	while (thrift_next(thrift, &field)) {
		if (field.id == 3) {
			read_chunk_data(thrift, field.type, &place);
		} else {
			is_here = is_here && field.id != 1 && field.id != 8; /* another file; its key */
			thrift_skip(thrift, field.type);
		}
	}
	thrift_leave(thrift);
	int64_t at =
		place.dictionary_at > 0 && place.dictionary_at < place.data_at ? place.dictionary_at : place.data_at;

	if (at < 0 || place.bytes < 0 || (uint64_t)at > file_bytes || (uint64_t)place.bytes > file_bytes - (uint64_t)at)
		return false;
	*chunk = (struct parquet_chunk){(uint64_t)at, (uint64_t)at + (uint64_t)place.bytes, place.codec};
	return is_here && !thrift->bad;
}

static enum err_code read_chunks(struct thrift *thrift, enum thrift_type type, uint64_t file_bytes,
				 const struct parquet_layout *layout, struct parquet_group *group, struct error *err)
{
	uint32_t count = thrift_list(thrift, type, THRIFT_STRUCT);
	size_t field = 0;

	if (count != layout->leaf_count)
		return damaged(err, "rows with other columns");
	for (uint32_t leaf = 0; leaf < count; leaf++) {
		struct parquet_chunk chunk;
		bool good = read_chunk(thrift, file_bytes, &chunk);

		if (thrift->bad)
			return damaged(err, "where its columns lie");
		if (field == layout->field_count || layout->fields[field].leaf != leaf)
			continue;
		if (!good)
			return err_set(err, ERR_UNSUPPORTED,
				       "the column \"%.*s\" lies in another file, is encrypted, or beyond the end",
				       STR_FMT(str_part(layout->fields[field].name, 0, 60)));
		group->chunks[field++] = chunk;
	}
	return ERR_OK;
}

static enum err_code read_group(struct thrift *thrift, uint64_t file_bytes, struct arena *arena,
				const struct parquet_layout *layout, struct parquet_group *group, struct error *err)
{
	struct thrift_field field = {0};
	enum err_code code = ERR_OK;
	bool has_chunks = false;
	int64_t rows = -1;

	group->chunks = arena_array(arena, struct parquet_chunk, layout->field_count);
	if (!group->chunks)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	if (!thrift_enter(thrift, THRIFT_STRUCT))
		return damaged(err, "a group of rows");
	while (!code && thrift_next(thrift, &field)) {
		if (field.id == 1) {
			code = read_chunks(thrift, field.type, file_bytes, layout, group, err);
			has_chunks = true;
		} else if (field.id == 3) {
			rows = thrift_int(thrift, field.type);
		} else {
			thrift_skip(thrift, field.type);
		}
	}
	thrift_leave(thrift);
	if (!code && (!has_chunks || rows < 0 || thrift->bad))
		code = damaged(err, "a group of rows");
	group->rows = (uint64_t)rows;
	return code;
}

static enum err_code read_groups(struct thrift *thrift, enum thrift_type type, uint64_t file_bytes, struct arena *arena,
				 struct parquet_layout *layout, struct error *err)
{
	uint32_t count = thrift_list(thrift, type, THRIFT_STRUCT);
	enum err_code code = ERR_OK;

	if (thrift->bad || !layout->fields || layout->groups)
		return damaged(err, "its groups of rows");
	layout->groups = arena_array(arena, struct parquet_group, count);
	if (!layout->groups)
		return err_set(err, ERR_MEMORY, "no memory for a Parquet file");
	for (uint32_t i = 0; i < count && !code; i++) {
		code = read_group(thrift, file_bytes, arena, layout, &layout->groups[i], err);
		if (!code && __builtin_add_overflow(layout->rows, layout->groups[i].rows, &layout->rows))
			code = damaged(err, "the number of its rows");
	}
	layout->group_count = count;
	return code;
}

enum err_code parquet_read_footer(struct str footer, uint64_t file_bytes, struct arena *arena,
				  struct parquet_layout *ret_layout, struct error *err)
{
	struct thrift thrift = {.rest = footer};
	struct parquet_layout layout = {0};
	struct thrift_field field = {0};
	enum err_code code = ERR_OK;

	if (!thrift_enter(&thrift, THRIFT_STRUCT))
		return damaged(err, "its end");
	while (!code && thrift_next(&thrift, &field)) {
		if (field.id == 2)
			code = read_schema(&thrift, field.type, arena, &layout, err);
		else if (field.id == 4)
			code = read_groups(&thrift, field.type, file_bytes, arena, &layout, err);
		else
			thrift_skip(&thrift, field.type);
	}
	if (!code && (thrift.bad || !layout.groups))
		code = damaged(err, "its end");
	if (!code && layout.field_count == 0)
		code = err_set(err, ERR_UNSUPPORTED, "all columns of the file are groups or repeated");
	if (!code)
		*ret_layout = layout;
	return code;
}
