/* Rows of files through a feed's mappings. Of a table a column means, as for csv_import(), what stands below that
 * name in the header; "topic" and "received" mean the file's name and when it is read, where the table has no such
 * columns. Rows of JSON are messages like others, whose topic is the file's name. Thread: the feed's. */
#ifndef MACHI_FEED_TABLE_INT_H
#define MACHI_FEED_TABLE_INT_H

#include "feed/feed_int.h"
#include "feed/rows_int.h"

struct table;

/* name is borrowed: that of a file, for topics and sentences. Of CSV the header has been read: ERR_INVALID names the
 * column that a mapping reads and it has not. header NULL: the rows are JSON. */
MUST_CHECK enum err_code table_new(struct feed *feed, struct str name, const struct row *header,
				   struct table **ret_table, struct error *err);
struct table *table_free(struct table *table);
/* The place of a column in the header, or CSV_NO_COLUMN. */
size_t table_column(const struct table *table, struct str name);
/* Adds what becomes of the row to the batch that is being filled; what does not become anything is counted. */
void table_take(struct table *table, const struct row *row);

/* The first row of a table, which has to be there. ERR_INVALID: there is none, or it is unreadable. */
MUST_CHECK enum err_code table_header(struct rows *rows, struct row *ret_header, struct error *err);

/* All of a text, for dry runs; an error of the text as a whole is counted. */
void table_try(struct feed *feed, enum rows_format format, struct str name, struct str text);
/* The separator of the feed's tables, which its first mapping says. */
char table_separator(const struct feed *feed);

#endif
