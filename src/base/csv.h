/* Comma-separated text, pushed in chunks of any size, handed out row by row.
 *
 * Source: RFC 4180, and what files do beyond it: a byte order mark is left out; rows end in CRLF, LF or CR; a quoted
 * field may hold separators, line ends and doubled quotes; the last row needs no line end; empty lines are left out.
 * A quote inside a field that did not begin with one is an ordinary character. Bytes are not decoded. Fields point
 * into the chunk where that is possible. Pure. Thread: a parser has one owner. */
#ifndef MACHI_BASE_CSV_H
#define MACHI_BASE_CSV_H

#include "base/error.h"
#include "base/str.h"

#define CSV_FIELDS_MAX 1024u /* in one row */
#define CSV_FIELD_BYTES_MAX 262144u
#define CSV_ROW_BYTES_MAX 1048576u /* line ends within quotes included */
#define CSV_NO_COLUMN SIZE_MAX

struct csv_row {
	const struct str *fields; /* quotes removed; all borrowed until the callback returns */
	size_t field_count; /* at least 1 */
	uint64_t line; /* where the row begins, from 1 */
};

struct csv_options {
	char separator; /* 0: a comma */
	/* Every row, the header included. An error stops the parser and is what csv_feed or csv_finish returns. */
	enum err_code (*row)(void *self, const struct csv_row *row, struct error *err);
	/* A row that breaks the form (text behind a closing quote, a quote never closed, a bound passed) is left out
	 * and told here; parsing goes on behind it. NULL: such a row is an error of csv_feed, naming the line. */
	enum err_code (*bad)(void *self, uint64_t line, const char *reason, struct error *err);
	void *self;
};

struct csv;

/* options are copied. ERR_INVALID for a separator that is a quote or line end, ERR_MEMORY. */
MUST_CHECK enum err_code csv_new(const struct csv_options *options, struct csv **ret_csv, struct error *err);
struct csv *csv_free(struct csv *csv);

/* More bytes; they may go when the call returns. After an error the parser must not be fed again. */
MUST_CHECK enum err_code csv_feed(struct csv *csv, struct str chunk, struct error *err);
/* The end of the text: the row under way comes out. */
MUST_CHECK enum err_code csv_finish(struct csv *csv, struct error *err);

/* The column of a header row with this name (white space around names does not count, case does), or CSV_NO_COLUMN. */
size_t csv_column(const struct csv_row *header, struct str name);
/* csv_column for many names at once; ret_columns has count places. */
void csv_columns(const struct csv_row *header, const struct str *names, size_t count, size_t *ret_columns);
/* The field in this column, white space around it removed; empty when the row is too short or column is
 * CSV_NO_COLUMN. */
struct str csv_value(const struct csv_row *row, size_t column);

#endif
