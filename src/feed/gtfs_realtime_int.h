/* The inside of feeds of kind gtfs_realtime, shared by their files. */
#ifndef MACHI_FEED_GTFS_REALTIME_INT_H
#define MACHI_FEED_GTFS_REALTIME_INT_H

#include "feed/feed_fetch_int.h"
#include "feed/gtfs_int.h"
#include "feed/id_set.h"
#include "feed/realtime.h"

#define GTFS_REALTIME_ETAG_BYTES 256u /* a longer one is not used */

struct gtfs_realtime_settings { /* in the feed's arena */
	struct str timetable;
	const char *urls[REALTIME_SOURCES_MAX];
	struct str shown[REALTIME_SOURCES_MAX]; /* the URLs as people may see them */
	uint32_t url_count;
	uint32_t interval_s, timeout_s, forget_s;
	size_t message_bytes_max;
	struct transit_on_time on_time;
	struct feed_headers headers; /* secret */
};

/* What the counts of this kind are, in their order. */
enum gtfs_realtime_count {
	COUNT_TRIPS, /* one for each enum realtime_reason */
	COUNT_RUNS_EARLY = COUNT_TRIPS + REALTIME_REASON_COUNT,
	COUNT_RUNS_ON_TIME,
	COUNT_RUNS_LATE,
	COUNT_VEHICLES,
	COUNT_TRIP_UPDATES,
	COUNT_ALERTS,
	COUNT_STOPS_UNKNOWN,
	COUNT_PLACES_REFUSED,
	COUNT_NOT_MODIFIED,
	COUNT_OLD,
	COUNT_FAILED,
	COUNT_COUNT
};

/* One URL. */
struct gtfs_realtime_source {
	int64_t due_ms; /* CLOCK_MONOTONIC */
	int64_t wanted_pause_ms; /* it said so; 0: it did not */
	int64_t pause_ms; /* behind the last failure; 0: it did not fail */
	char etag[GTFS_REALTIME_ETAG_BYTES], modified[64]; /* of the last good message; "": none */
	bool heard; /* there was a good message since the feed started */
	bool told; /* something of it may be in the store */
	int64_t good_ms; /* when it answered last as it should */
	char trouble[ERROR_DETAIL_BYTES]; /* "": none */
	uint32_t by_reason[REALTIME_REASON_COUNT]; /* of its last message, with what follows */
	uint32_t stops_unknown, places_refused;
};

struct gtfs_realtime {
	struct feed *feed;
	const struct gtfs_realtime_settings *settings;
	struct store_reader *reader;
	struct realtime *realtime;
	struct transit_feed *timetable; /* NULL: it is not there */
	struct transit_zone *zone;
	char mark[64]; /* of the import that it was loaded from; "": none */
	char load_trouble[ERROR_DETAIL_BYTES];
	int64_t load_retry_ms;
	struct arena arena; /* of what is being told, until it is durable */
	struct buf body; /* of the message that is being fetched */
	struct gtfs_realtime_source sources[REALTIME_SOURCES_MAX];
	struct id_set reported; /* the ids of the routes' reports that were told last */
	bool lost; /* something of the message that is being told came to nothing */
	bool swept; /* leftovers have been removed */
	int64_t started_ms, report_ms; /* when the next report is due */
};

/* ---- gtfs_realtime_read.c ---- */

enum err_code gtfs_realtime_read(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node);

/* ---- gtfs_realtime_load.c ---- */

/* Loads the timetable anew where an import has changed it. What was wrong is in load_trouble. */
void gtfs_realtime_load(struct gtfs_realtime *session);
/* Has a GTFS feed been imported under the feed's own name? Then the vehicles are its. */
MUST_CHECK enum err_code gtfs_realtime_check_name(struct gtfs_realtime *session, struct error *err);
/* Deletes what an earlier run of the feed told and this one has not. */
MUST_CHECK enum err_code gtfs_realtime_sweep(struct gtfs_realtime *session, struct error *err);
/* Deletes reports of routes that are not in session->reported. */
MUST_CHECK enum err_code gtfs_realtime_sweep_reports(struct gtfs_realtime *session, struct error *err);

/* ---- gtfs_realtime_poll.c ---- */

/* Fetches from the source and tells what comes, until it is durable. False: the feed stops. */
bool gtfs_realtime_poll(struct gtfs_realtime *session, uint32_t source);
/* A struct realtime_sink's. */
enum err_code gtfs_realtime_tell(void *session, enum broker_operation operation, struct str id,
				 const struct json *entity, struct error *err);

#endif
