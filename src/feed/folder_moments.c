/* Tables of mode series: csv_import() puts their rows into the history compressed, and once only. */
#include "feed/csv_import.h"
#include "feed/folder_int.h"

#include <stdlib.h>

bool folder_takes_moments(const struct folder_session *session)
{
	const struct feed *feed = session->feed;

	return session->settings->format == ROWS_CSV && feed->map_count == 1 &&
	       mapping_mode(feed->maps[0].mapping) == MAPPING_SERIES;
}

static bool goes_on(void *self)
{
	struct feed *feed = self;

	feed_show(feed, feed->own.state, NULL);
	return feed_goes_on(feed);
}

static void count(struct feed *feed, const struct csv_import_report *report)
{
	feed->own.messages += report->rows;
	feed->own.message_us = feed_now_us(feed);
	feed->beside.created += report->created;
	feed->beside.changed += report->changed;
	feed->beside.unchanged += report->unchanged;
	feed->beside.commits += report->transactions;
	for (size_t i = 0; i < report->finding_count; i++) {
		feed->row_line = report->findings[i].line;
		feed_drop(feed, FEED_DROP_INVALID, "%.*s", STR_FMT(report->findings[i].what));
	}
	feed->own.dropped[FEED_DROP_INVALID] += report->skipped - report->finding_count;
	feed->row_line = 0;
}

enum err_code folder_import(struct folder_session *session, int fd, struct error *err)
{
	struct feed *feed = session->feed;
	struct csv_import_report *report = malloc(sizeof(*report));
	const struct csv_import_options options = {.path = session->mark->name,
						   .has_fd = true,
						   .fd = fd,
						   .mapping = feed->maps[0].mapping,
						   .context = feed->context,
						   .goes_on = goes_on,
						   .goes_on_self = feed};

	if (!report)
		return err_set(err, ERR_MEMORY, "no memory for the rows of a file");
	csv_import_report_init(report);
	enum err_code code = csv_import(feed->options->broker, feed->store, &options, report, err);

	feed->row_file = str_from(session->mark->name);
	feed->own.bytes += session->mark->size;
	count(feed, report);
	csv_import_report_done(report);
	free(report);
	return code;
}
