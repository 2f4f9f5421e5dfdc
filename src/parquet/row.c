/* Rows of a Parquet file: the columns side by side. */
#include "parquet/parquet_read_int.h"

static enum err_code of_column(const struct parquet_field *field, enum err_code code, struct error *err)
{
	const struct error cause = *err;

	return err_set(err, code, "column \"%.*s\": %s", STR_FMT(str_part(field->name, 0, 60)), cause.detail);
}

/* False: there are no more groups with rows. */
static bool begin_group(struct parquet *parquet)
{
	const struct parquet_layout *layout = &parquet->layout;

	while (parquet->group_left == 0) {
		if (parquet->group_next == layout->group_count)
			return false;
		const struct parquet_group *group = &layout->groups[parquet->group_next++];

		parquet->group_left = group->rows;
		for (size_t i = 0; i < layout->field_count; i++)
			parquet_cursor_begin(&parquet->cursors[i], &layout->fields[i], &group->chunks[i]);
	}
	return true;
}

enum err_code parquet_next(struct parquet *parquet, struct arena *arena, struct str *values, bool *ret_there,
			   struct error *err)
{
	const struct parquet_layout *layout = &parquet->layout;
	struct error why;

	*ret_there = begin_group(parquet);
	for (size_t i = 0; *ret_there && i < layout->field_count; i++) {
		struct parquet_cursor *cursor = &parquet->cursors[i];
		struct str value;
		enum err_code code = cursor->left > 0 ? ERR_OK : parquet_read_page(cursor, &parquet->source, &why);

		if (!code && !parquet_cursor_next(cursor, &value))
			code = err_set(&why, ERR_INVALID, "a page is damaged: its values");
		if (code) {
			*err = why;
			return of_column(&layout->fields[i], code, err);
		}
		if (!parquet_text(&layout->fields[i], value, arena, &values[i]))
			return err_set(err, ERR_MEMORY, "no memory for a row");
	}
	parquet->group_left -= *ret_there;
	return ERR_OK;
}
