/* The rows of a file or text, pulled one after another in bounded memory: of a table its fields, of JSON lines a line
 * each, of a JSON document the whole. Thread: one owner. */
#ifndef MACHI_FEED_ROWS_INT_H
#define MACHI_FEED_ROWS_INT_H

#include "base/arena.h"
#include "base/csv.h"
#include "base/error.h"

#define ROWS_LINE_BYTES_MAX (1u << 20) /* of JSON lines */
#define ROWS_DOCUMENT_BYTES_MAX (32u << 20) /* of a JSON document */

enum rows_format { ROWS_CSV, ROWS_JSON_LINES, ROWS_JSON, ROWS_PARQUET, ROWS_FORMAT_COUNT };

const char *rows_format_name(enum rows_format format); /* "csv" */
/* By how the name ends: .csv, .tsv, .txt; .jsonl, .ndjson; .json, .geojson; .parquet. False: by none of these. */
bool rows_format_of(struct str name, enum rows_format *ret_format);

bool rows_are_table(enum rows_format format); /* with a header, and columns */

struct row {
	uint64_t line; /* where it begins, from 1; of Parquet, which row it is */
	const struct str *fields; /* of a table; valid until the next one, as the text */
	size_t field_count;
	struct str text; /* of JSON */
	const char *bad; /* why it cannot be read; NULL: it can */
};

struct rows;

/* separator: of tables. The descriptor becomes theirs, also on an error. */
MUST_CHECK enum err_code rows_of_file(int fd, enum rows_format format, char separator, struct rows **ret_rows,
				      struct error *err);
/* text is borrowed. */
MUST_CHECK enum err_code rows_of_text(struct str text, enum rows_format format, char separator, struct rows **ret_rows,
				      struct error *err);
struct rows *rows_free(struct rows *rows);

/* The next row; of a table the first one is its header. *ret_there false: there are no more. ERR_IO; ERR_LIMIT: the
 * document is too long; ERR_MEMORY. */
MUST_CHECK enum err_code rows_next(struct rows *rows, struct row *ret_row, bool *ret_there, struct error *err);
uint64_t rows_bytes(const struct rows *rows); /* read so far */

#endif
