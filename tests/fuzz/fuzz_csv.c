/* The CSV parser: whatever comes, the rows are the same however the text is cut, and lie within the bounds. */
#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t hash, rows, bad;
	uint64_t line; /* of the last row */
};

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	struct sum *sum = self;

	(void)err;
	if (row->field_count == 0 || row->field_count > CSV_FIELDS_MAX || row->line <= sum->line)
		abort();
	sum->line = row->line;
	sum->rows++;
	for (size_t i = 0; i < row->field_count; i++)
		sum->hash = str_hash(row->fields[i], sum->hash + row->line);
	return ERR_OK;
}

static enum err_code take_bad(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct sum *sum = self;

	(void)err;
	if (line <= sum->line)
		abort();
	sum->line = line;
	sum->bad++;
	sum->hash = str_hash(str_from(reason), sum->hash);
	return ERR_OK;
}

static struct sum parse(struct str text, size_t piece)
{
	struct sum sum = {0};
	struct csv_options options = {.row = take_row, .bad = take_bad, .self = &sum};
	struct csv *csv;
	struct error err;

	if (csv_new(&options, &csv, &err))
		abort();
	for (size_t at = 0; at < text.len; at += piece)
		if (csv_feed(csv, str_part(text, at, at + piece), &err))
			abort();
	if (csv_finish(csv, &err))
		abort();
	(void)csv_free(csv);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct sum whole = parse(text, size ? size : 1);

	for (size_t piece = 1; piece <= 9; piece += 4) {
		struct sum cut = parse(text, piece);

		if (memcmp(&whole, &cut, sizeof(cut)) != 0)
			abort();
	}
	return 0;
}
