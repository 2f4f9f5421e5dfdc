/* A table into the store by a mapping: rows become entities, the file is one transaction, and importing it again
 * changes nothing. Blocks its caller: commands and worker threads only. */
#ifndef MACHI_FEED_CSV_IMPORT_H
#define MACHI_FEED_CSV_IMPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "broker/broker.h"
#include "feed/mapping.h"

#define CSV_FINDINGS_MAX 200u /* kept in a report; the counts go on */
/* A file beyond these is stored in several transactions, in order; rows of one entity that are further apart than that
 * are then taken as separate changes of it. */
#define CSV_IMPORT_ENTITIES_MAX 200000u
#define CSV_IMPORT_BYTES_MAX (512u << 20)

struct csv_import_options {
	const char *path; /* "-": standard input */
	bool has_fd; /* it is read in place of the path, which then only names it; it stays the caller's */
	int fd;
	/* Asked now and then; false: the import ends with ERR_CONFLICT, and what is stored stays. NULL: it goes on. */
	bool (*goes_on)(void *self);
	void *goes_on_self;
	const struct mapping *mapping;
	struct context *context; /* names of types and attributes; NULL: the core context */
	/* Instead of storing: gets every entity (normalized, as a client would send it) in the order of the file. An
	 * error ends the import. */
	enum err_code (*dry_run)(void *self, const struct json *entity, struct error *err);
	void *dry_run_self;
};

struct csv_finding {
	uint64_t line;
	struct str what; /* why the row was left out; in the report's arena */
};

struct csv_import_report {
	uint64_t rows; /* data rows read; taken + skipped = rows */
	uint64_t taken, skipped;
	uint64_t entities; /* created + changed + unchanged; those of a dry run */
	uint64_t created, changed, unchanged;
	uint64_t points; /* mode series: new in the history */
	uint64_t transactions;
	struct csv_finding findings[CSV_FINDINGS_MAX]; /* the first ones */
	size_t finding_count;
	struct arena arena;
};

void csv_import_report_init(struct csv_import_report *report);
void csv_import_report_done(struct csv_import_report *report);
/* For people: what was left out and why, by line, then the counts. name stands before the line numbers. */
void csv_import_report_write(const struct csv_import_report *report, const char *name, struct buf *out);

/* store may be NULL in a dry run (which checks the entities all the same). Errors: ERR_NOT_FOUND (file), ERR_INVALID (a
 * column that the mapping reads is missing in the header, not a table), ERR_IO, ERR_LIMIT, ERR_MEMORY, and the store's.
 * On an error nothing of the transaction under way is stored. Rows that do not fit are no error: they are in the
 * report. */
MUST_CHECK enum err_code csv_import(struct broker *broker, struct store *store,
				    const struct csv_import_options *options, struct csv_import_report *report,
				    struct error *err);

#endif
