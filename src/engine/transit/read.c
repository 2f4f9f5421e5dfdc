/* Reading the files of a feed: from CSV rows to the row functions, which the file's form names. */
#include "engine/transit/read_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err_code header(struct transit_reader *reader, const struct csv_row *row, struct error *err)
{
	for (size_t i = 0; i < reader->column_count; i++) {
		reader->places[i] = csv_column(row, str_from(reader->columns[i].name));
		if (reader->places[i] == CSV_NO_COLUMN && reader->columns[i].required)
			return err_set(err, ERR_INVALID, "%s has no column %s", transit_file_name(reader->file),
				       reader->columns[i].name);
	}
	reader->has_header = true;
	return ERR_OK;
}

static const struct file_form *form_of(enum transit_file file)
{
	const struct file_form *form = transit_small_form(file);

	return form ? form : transit_service_form(file);
}

static enum err_code on_row(void *self, const struct csv_row *row, struct error *err)
{
	struct transit_reader *reader = self;

	if (!reader->has_header)
		return header(reader, row, err);
	reader->rows++;
	reader->row = row;
	reader->skipped = false;
	return form_of(reader->file)->row(reader, err);
}

static enum err_code on_bad(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct transit_reader *reader = self;

	if (!reader->has_header)
		return err_set(err, ERR_INVALID, "%s:%llu: %s", transit_file_name(reader->file),
			       (unsigned long long)line, reason);
	reader->rows++;
	transit_tell(reader->feed, reader->file, line, TRANSIT_SKIPPED, "%s", reason);
	return ERR_OK;
}

enum err_code transit_reader_new(struct transit_feed *feed, enum transit_file file, struct transit_reader **ret_reader,
				 struct error *err)
{
	struct transit_reader *reader = calloc(1, sizeof(*reader));
	const struct file_form *form = form_of(file);

	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory to read %s", transit_file_name(file));
	assert(form && form->column_count <= READER_COLUMNS_MAX);
	reader->feed = feed;
	reader->file = file;
	reader->columns = form->columns;
	reader->column_count = form->column_count;
	reader->last_trip = reader->last_shape = TRANSIT_NONE;
	struct csv_options options = {.row = on_row, .bad = on_bad, .self = reader};
	enum err_code code = csv_new(&options, &reader->csv, err);

	if (code) {
		free(reader);
		return code;
	}
	*ret_reader = reader;
	return ERR_OK;
}

struct transit_reader *transit_reader_free(struct transit_reader *reader)
{
	if (reader) {
		(void)csv_free(reader->csv);
		free(reader);
	}
	return NULL;
}

enum err_code transit_reader_feed(struct transit_reader *reader, struct str chunk, struct error *err)
{
	return csv_feed(reader->csv, chunk, err);
}

enum err_code transit_reader_finish(struct transit_reader *reader, struct error *err)
{
	enum err_code code = csv_finish(reader->csv, err);

	if (!code && !reader->has_header)
		return err_set(err, ERR_INVALID, "%s is empty", transit_file_name(reader->file));
	return code;
}

uint64_t transit_reader_rows(const struct transit_reader *reader)
{
	return reader->rows;
}

__attribute__((format(printf, 3, 0))) static void tell(struct transit_reader *reader, enum transit_finding finding,
						       const char *format, va_list args)
{
	char text[320];

	(void)vsnprintf(text, sizeof(text), format, args);
	transit_tell(reader->feed, reader->file, reader->row->line, finding, "%s", text);
}

enum err_code row_skip(struct transit_reader *reader, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	if (!reader->skipped)
		tell(reader, TRANSIT_SKIPPED, why, args);
	va_end(args);
	reader->skipped = true;
	return ERR_OK;
}

void row_repaired(struct transit_reader *reader, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	tell(reader, TRANSIT_REPAIRED, what, args);
	va_end(args);
}

struct str row_value(const struct transit_reader *reader, size_t column)
{
	return csv_value(reader->row, reader->places[column]);
}

enum err_code row_text(struct transit_reader *reader, size_t column, struct str *ret_text, struct error *err)
{
	struct str value = row_value(reader, column);

	if (!str_is_utf8(value)) {
		row_repaired(reader, "%s is not UTF-8 and was left out", reader->columns[column].name);
		value = STR("");
	}
	return transit_text(reader->feed, value, ret_text, err);
}

bool row_id(struct transit_reader *reader, size_t column, struct str *ret_id)
{
	struct str value = row_value(reader, column);
	const char *name = reader->columns[column].name;

	if (value.len == 0)
		(void)row_skip(reader, "%s is empty", name);
	else if (value.len > TRANSIT_ID_BYTES_MAX)
		(void)row_skip(reader, "%s is longer than %u bytes", name, TRANSIT_ID_BYTES_MAX);
	else if (!str_is_utf8(value))
		(void)row_skip(reader, "%s is not UTF-8", name);
	*ret_id = value;
	return !reader->skipped;
}

int32_t row_option(struct transit_reader *reader, size_t column, int32_t min, int32_t max, int32_t fallback)
{
	struct str value = row_value(reader, column);
	int32_t number = fallback;

	if (value.len > 0 && !transit_parse_int(value, min, max, &number))
		row_repaired(reader, "%s \"%.*s\" is no whole number from %d to %d and was left out",
			     reader->columns[column].name, STR_FMT(str_part(value, 0, 40)), min, max);
	return number;
}
