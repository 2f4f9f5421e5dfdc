/* A GTFS feed into the store: parsed, checked, and made into entities after the Smart Data Models for urban mobility.
 *
 * The whole feed is read and checked first; then one transaction brings the store's entities of this feed into line
 * with it: what is new is created, what differs is replaced part by part, what vanished is deleted. Bad rows are left
 * out and reported by file and line. Source: the GTFS Schedule reference (gtfs.org). Blocks its caller: commands and
 * worker threads only. */
#ifndef MACHI_FEED_GTFS_IMPORT_H
#define MACHI_FEED_GTFS_IMPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "broker/broker.h"

#define GTFS_FINDINGS_MAX 200u /* kept in a report; the counts go on */
#define GTFS_FILES_MAX 24u /* files of a feed that are looked at */
#define GTFS_FILE_BYTES_MAX (INT64_C(4) << 30) /* one unpacked file */
#define GTFS_FEED_BYTES_MAX (INT64_C(8) << 30) /* all unpacked files together */
#define GTFS_DOWNLOAD_BYTES_MAX (INT64_C(512) << 20) /* a zip from a URL */
#define GTFS_RATIO_MAX 200 /* unpacked bytes for each byte of the zip, beyond the first GTFS_RATIO_FREE_BYTES */
#define GTFS_RATIO_FREE_BYTES (INT64_C(16) << 20)
#define GTFS_FEED_NAME_BYTES_MAX 64u

struct gtfs_import_options {
	const char *path; /* a .zip, a folder, or an http:// or https:// URL of a .zip */
	/* The feed's name, part of every id: letters, digits, "-", "_" and ".". Importing again under the same name
	 * updates. */
	struct str feed;
	struct context *context; /* names of types and attributes; NULL: the core context */
	/* Appends the document behind a URL to body (body->bytes_max bounds it). NULL: URLs are refused. */
	enum err_code (*fetch)(void *self, const char *url, struct buf *body, struct error *err);
	void *fetch_self;
	bool dry_run; /* read, check and report; leave the store as it is */
};

enum gtfs_finding_kind {
	GTFS_SKIPPED, /* the row was left out */
	GTFS_REPAIRED, /* the row was taken, with a field put right or left out */
	GTFS_NOTE /* about the file as a whole */
};

struct gtfs_finding {
	const char *file; /* "stop_times.txt"; static text, or in the report's arena */
	uint64_t line; /* 0: the file as a whole */
	enum gtfs_finding_kind kind;
	struct str what; /* a sentence; in the report's arena */
};

struct gtfs_file_count {
	const char *file;
	uint64_t rows; /* data rows read */
	uint64_t taken, skipped; /* rows: taken + skipped = rows */
	uint64_t repaired; /* fields put right or left out, in rows that were taken */
};

struct gtfs_report {
	struct gtfs_file_count files[GTFS_FILES_MAX];
	size_t file_count;
	struct gtfs_finding findings[GTFS_FINDINGS_MAX]; /* the first ones */
	size_t finding_count;
	uint64_t findings_total; /* all, also those not kept */
	uint64_t rows; /* data rows of all files */
	uint64_t entities; /* of the feed after the import */
	uint64_t created, changed, unchanged, deleted; /* entities; created + changed + unchanged = entities */
	uint64_t read_us, store_us; /* how long reading and storing took */
	struct arena arena; /* texts of findings */
};

void gtfs_report_init(struct gtfs_report *report);
void gtfs_report_done(struct gtfs_report *report);
/* For people: a table of the files, the findings ("stop_times.txt:12: skipped: …"), the entities. */
void gtfs_report_write(const struct gtfs_report *report, struct buf *out);

/* Errors: ERR_INVALID (not a feed: a required file or column is missing, nothing usable; feed name), ERR_NOT_FOUND
 * (path), ERR_LIMIT (a bound above), ERR_IO, ERR_CORRUPT (zip), and the store's. On any error the store is as it was.
 * The report (initialised by the caller) is filled as far as things went, also on errors. */
MUST_CHECK enum err_code gtfs_import(struct broker *broker, struct store *store,
				     const struct gtfs_import_options *options, struct gtfs_report *report,
				     struct error *err);

/* Takes all entities of a feed away, vehicles of its timetable included. ret_deleted may be NULL. */
MUST_CHECK enum err_code gtfs_remove(struct broker *broker, struct store *store, struct str feed, uint64_t *ret_deleted,
				     struct error *err);

#endif
