/* Reading the files of a feed, shared by the files of this room that know their columns. */
#ifndef MACHI_ENGINE_TRANSIT_READ_INT_H
#define MACHI_ENGINE_TRANSIT_READ_INT_H

#include "base/csv.h"
#include "engine/transit/feed_int.h"
#include "engine/transit/read.h"
#include "engine/transit/value.h"

#define READER_COLUMNS_MAX 16u

struct column {
	const char *name;
	bool required; /* the file cannot be read without it */
};

struct transit_reader {
	struct transit_feed *feed;
	enum transit_file file;
	const struct column *columns;
	size_t column_count;
	size_t places[READER_COLUMNS_MAX]; /* of each column in a row */
	struct csv *csv;
	bool has_header;
	uint64_t rows;
	const struct csv_row *row; /* the one being read */
	bool skipped; /* it was left out */
	uint32_t last_trip, last_shape; /* of the row before: rows come in runs */
};

/* A file's columns and what is done with a row. */
struct file_form {
	const struct column *columns;
	size_t column_count;
	enum err_code (*row)(struct transit_reader *reader, struct error *err);
};

const struct file_form *transit_small_form(enum transit_file file); /* read_small.c; NULL: not one of its files */
const struct file_form *transit_service_form(enum transit_file file); /* read_service.c */

/* Leaves the row out and tells why; always ERR_OK, so that a row function ends with it. */
enum err_code row_skip(struct transit_reader *reader, const char *why, ...) __attribute__((format(printf, 2, 3)));
void row_repaired(struct transit_reader *reader, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* The field as it stands, trimmed; empty when there is none. */
struct str row_value(const struct transit_reader *reader, size_t column);
/* A text for the tables; one that is no UTF-8 is left out and told. */
MUST_CHECK enum err_code row_text(struct transit_reader *reader, size_t column, struct str *ret_text,
				  struct error *err);
/* False, and the row skipped, when the id is empty, too long or no UTF-8. */
bool row_id(struct transit_reader *reader, size_t column, struct str *ret_id);
/* A whole number; absent or wrong (which is told) gives the fallback. */
int32_t row_option(struct transit_reader *reader, size_t column, int32_t min, int32_t max, int32_t fallback);

#endif
