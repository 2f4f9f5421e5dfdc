/* Reading the files of a feed: in the order in which rows refer to each other, each pushed through the engine's
 * reader. */
#include "feed/gtfs_int.h"

#include "engine/transit/read.h"
#include "engine/transit/value.h"

#include <string.h>

static void tell(void *self, enum transit_file file, uint64_t line, enum transit_finding finding, const char *what)
{
	enum gtfs_finding_kind kind = finding == TRANSIT_SKIPPED    ? GTFS_SKIPPED
				      : finding == TRANSIT_REPAIRED ? GTFS_REPAIRED
								    : GTFS_NOTE;

	gtfs_report_tell(self, transit_file_name(file), line, kind, what);
}

static enum err_code take_chunk(void *self, struct str chunk, struct error *err)
{
	return transit_reader_feed(self, chunk, err);
}

static enum err_code read_file(struct gtfs_source *source, enum transit_file file, struct transit_feed *feed,
			       struct gtfs_report *report, struct error *err)
{
	struct transit_reader *reader = NULL;
	enum err_code code = transit_reader_new(feed, file, &reader, err);

	if (!code)
		code = gtfs_source_read(source, transit_file_name(file), take_chunk, reader, err);
	if (!code)
		code = transit_reader_finish(reader, err);
	if (reader) {
		gtfs_report_file(report, transit_file_name(file))->rows = transit_reader_rows(reader);
		report->rows += transit_reader_rows(reader);
	}
	(void)transit_reader_free(reader);
	return code;
}

/* "missing": nothing runs without it. Either calendar file will do. */
static enum err_code check_present(struct gtfs_source *source, struct error *err)
{
	static const enum transit_file required[] = {TRANSIT_AGENCY, TRANSIT_STOPS, TRANSIT_ROUTES, TRANSIT_TRIPS,
						     TRANSIT_STOP_TIMES};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!gtfs_source_has(source, transit_file_name(required[i])))
			return err_set(err, ERR_INVALID, "this is no GTFS feed: %s is missing",
				       transit_file_name(required[i]));
	if (!gtfs_source_has(source, transit_file_name(TRANSIT_CALENDAR)) &&
	    !gtfs_source_has(source, transit_file_name(TRANSIT_CALENDAR_DATES)))
		return err_set(err, ERR_INVALID,
			       "this is no GTFS feed: calendar.txt and calendar_dates.txt are missing");
	return ERR_OK;
}

/* Files of the feed that nothing is made of are told, so that nobody looks for them in vain. */
static void tell_unread(void *self, const char *file)
{
	struct gtfs_report *report = self;
	struct str name = str_from(file);

	for (unsigned known = 0; known < TRANSIT_FILE_COUNT; known++)
		if (str_eq_nocase(name, str_from(transit_file_name(known))))
			return;
	if (!str_ends(name, STR(".txt")) && !str_ends(name, STR(".geojson")))
		return;
	struct str copy = arena_dup(&report->arena, name);

	if (copy.at && str_is_utf8(copy))
		gtfs_report_tell(report, copy.at, 0, GTFS_NOTE, "is not read");
}

static enum err_code read_files(struct gtfs_source *source, struct transit_feed *feed, struct gtfs_report *report,
				struct error *err)
{
	enum err_code code = check_present(source, err);

	for (unsigned file = 0; file < TRANSIT_FILE_COUNT && !code; file++)
		if (gtfs_source_has(source, transit_file_name(file)))
			code = read_file(source, file, feed, report, err);
	if (!code)
		code = transit_feed_check(feed, err);
	for (size_t i = 0; i < report->file_count; i++)
		report->files[i].taken = report->files[i].rows - report->files[i].skipped;
	return code;
}

enum err_code gtfs_read_feed(struct gtfs_source *source, struct gtfs_report *report, struct transit_feed **ret_feed,
			     struct error *err)
{
	struct transit_report engine_report = {tell, report};
	struct transit_feed *feed = NULL;
	enum err_code code = transit_feed_new(&engine_report, &feed, err);

	if (!code)
		code = read_files(source, feed, report, err);
	gtfs_source_each(source, tell_unread, report);
	if (code)
		feed = transit_feed_free(feed);
	else
		*ret_feed = feed;
	return code;
}
