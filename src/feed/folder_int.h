/* What the files of feeds of kind folder share.
 *
 * A file is taken once: a mark by its name has the size and the time that it had then. Marks are durable where the
 * file stays in the folder; else its being moved or deleted is the mark. Both come after its rows are durable, so
 * that a crash loses nothing. How far a file has come is noted now and then, and when the feed stops; what was taken
 * behind the last note is taken again after a crash. */
#ifndef MACHI_FEED_FOLDER_INT_H
#define MACHI_FEED_FOLDER_INT_H

#include "base/map.h"
#include "feed/table_int.h"

#define FOLDER_FILES_MAX 10000u /* found at once; others are found when these are done */
#define FOLDER_FLYING_MAX 64u /* files that have been read, and are on their way into the store */
#define FOLDER_WHY_BYTES ERROR_DETAIL_BYTES

enum folder_after { FOLDER_KEEP, FOLDER_MOVE, FOLDER_DELETE };

struct folder_settings {
	const char *path, *pattern;
	enum rows_format format;
	enum folder_after after;
	uint32_t settle_s, interval_s;
};

struct folder_mark {
	uint64_t size;
	int64_t mtime_ns;
	uint64_t scan; /* that saw it last */
	bool taken; /* as it was then: size and mtime_ns */
	bool renamed; /* it came whole, by a rename */
	bool flying; /* it is being taken */
	uint64_t rows; /* of a file that was left in the middle: so many are durable, as it was then */
	bool recorded; /* the store has it */
	struct folder_mark *next; /* of those that are forgotten together */
	char name[];
};

struct folder_found {
	struct folder_mark *mark;
	uint64_t size;
	int64_t mtime_ns;
};

struct folder_flight { /* a file that has been read */
	struct folder_mark *mark;
	uint64_t number; /* its receipt's */
	bool receipted; /* it has been given to the intake */
	bool landed; /* its rows are durable */
	char why[FOLDER_WHY_BYTES]; /* it could not be read; "": it could */
};

struct folder_session { /* feed->session */
	struct feed *feed;
	const struct folder_settings *settings;
	int folder_fd, watch_fd; /* −1: not open */
	struct map marks; /* by name; owned */
	uint64_t scan;
	struct folder_found *found; /* owned; those whose turn it is, the oldest first */
	size_t found_count, found_next;
	bool news; /* something happened in the folder */
	int64_t scan_ms; /* when it is looked at again; CLOCK_MONOTONIC */
	/* the file that is being read */
	struct folder_mark *mark; /* NULL: none */
	struct rows *rows;
	struct table *table;
	uint64_t number; /* of its receipts */
	uint64_t row; /* how many have been taken, or passed over because they were before */
	uint64_t skip; /* so many are passed over */
	uint64_t asked_row, durable_row; /* what a receipt was given for; what came back */
	struct folder_flight flights[FOLDER_FLYING_MAX];
	size_t flight_first, flight_count;
	uint64_t last_number;
};

/* ---- folder_scan.c ---- */

/* Opens and watches it. ERR_IO, with the reason. */
MUST_CHECK enum err_code folder_open(struct folder_session *session, struct error *err);
void folder_close(struct folder_session *session);
/* What happened in the folder since. */
void folder_hear(struct folder_session *session);
/* Looks at the folder: what is to be taken, and when to look again. An error closes it; ERR_IO: it is gone, too. */
MUST_CHECK enum err_code folder_scan(struct folder_session *session, struct error *err);
/* The mark of a name, made when it is new; NULL: no memory. */
struct folder_mark *folder_mark(struct folder_session *session, struct str name);
void folder_forget_all(struct folder_session *session);

/* ---- folder_moments.c ---- */

/* Do the rows of the feed's files go into the history at once, past the batches? */
bool folder_takes_moments(const struct folder_session *session);
/* The session's file by csv_import(), whose errors these are. */
MUST_CHECK enum err_code folder_import(struct folder_session *session, int fd, struct error *err);

/* ---- folder_done.c ---- */

/* The marks that the store has. */
MUST_CHECK enum err_code folder_load(struct folder_session *session, struct error *err);
/* So many rows of the file are durable: it goes on behind them, unless it changes. */
void folder_note_rows(struct folder_session *session, struct folder_mark *mark, uint64_t rows);
/* What is to be done with a file whose rows are durable, or that could not be read (why is not ""). */
void folder_finish(struct folder_session *session, struct folder_mark *mark, const char *why);
/* Of files that are there no more: a list. */
void folder_forget_records(struct folder_session *session, const struct folder_mark *gone);

#endif
