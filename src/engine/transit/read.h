/* The files of a GTFS feed, pushed in chunks, into its tables. Pure. Thread: one owner.
 *
 * Files must come in the order of enum transit_file, since rows refer to rows of earlier files. */
#ifndef MACHI_ENGINE_TRANSIT_READ_H
#define MACHI_ENGINE_TRANSIT_READ_H

#include "engine/transit/feed.h"

struct transit_reader;

MUST_CHECK enum err_code transit_reader_new(struct transit_feed *feed, enum transit_file file,
					    struct transit_reader **ret_reader, struct error *err);
struct transit_reader *transit_reader_free(struct transit_reader *reader);

/* Errors: ERR_INVALID when a required column is missing or the file is no table; ERR_LIMIT, ERR_MEMORY. Rows that
 * cannot stand are told to the feed's report and left out. */
MUST_CHECK enum err_code transit_reader_feed(struct transit_reader *reader, struct str chunk, struct error *err);
MUST_CHECK enum err_code transit_reader_finish(struct transit_reader *reader, struct error *err);
/* Rows behind the header so far, bad ones included. */
uint64_t transit_reader_rows(const struct transit_reader *reader);

#endif
