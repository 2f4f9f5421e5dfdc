/* GTFS Realtime and entities: messages about an imported GTFS feed become Vehicle, GtfsTripUpdate and Alert entities,
 * and such entities become messages again. No I/O: who fetches, stores and serves stands outside.
 *
 *  * A struct realtime is one feed's memory of what it has told: so only what changed is told again, and what vanished
 * from a message is deleted. What the entities say is in README.md of this room; the rules are those of GTFS Realtime
 * 2.0 (gtfs.org/documentation/realtime). Thread: one owner. */
#ifndef MACHI_FEED_REALTIME_H
#define MACHI_FEED_REALTIME_H

#include "broker/broker.h"
#include "engine/transit/delay.h"
#include "engine/transit/feed.h"
#include "engine/transit/zone.h"

#define REALTIME_SOURCES_MAX 8u /* URLs of one feed: positions, trip updates and alerts often have one each */
#define REALTIME_TOLD_MAX 1000000u /* entities of one feed */
#define REALTIME_AHEAD_US_MAX (INT64_C(3600) * 1000000) /* a message from farther in the future is of a wrong clock */
#define REALTIME_FINDINGS 8u

struct realtime_options {
	/* Of the ids of the entities: urn:ngsi-ld:Vehicle:FEED:…. Another name than that of a timetable feed, which
	 * takes vehicles with its name for its own. */
	struct str feed;
	struct str timetable; /* the GTFS feed, as imported */
	struct transit_on_time on_time; /* both 0: TRANSIT_EARLY_S, TRANSIT_LATE_S */
};

struct realtime;

/* The timetable (gtfs_load(), borrowed; NULL: none, so nothing is matched) and its zone must outlive the realtime or
 * the next realtime_set_timetable(). Errors: ERR_INVALID (names), ERR_MEMORY. */
MUST_CHECK enum err_code realtime_new(const struct realtime_options *options, const struct context *context,
				      const struct transit_feed *timetable, const struct transit_zone *zone,
				      struct realtime **ret_realtime, struct error *err);
struct realtime *realtime_free(struct realtime *realtime);
/* After an import: everything is told anew, whole, by the next messages. */
void realtime_set_timetable(struct realtime *realtime, const struct transit_feed *timetable,
			    const struct transit_zone *zone);

/* Why a trip that a message names is not one of the timetable's runs. */
enum realtime_reason {
	REALTIME_MATCHED,
	REALTIME_EXTRA, /* it is said to be none: added, new, duplicated, replacing another */
	REALTIME_NO_TRIP, /* none is named; perhaps a route */
	REALTIME_NO_TIMETABLE,
	REALTIME_UNKNOWN_TRIP,
	REALTIME_NOT_RUNNING, /* left out by the import's check */
	REALTIME_BAD_DATE, /* start_date is no YYYYMMDD */
	REALTIME_BAD_TIME, /* start_time is no HH:MM:SS */
	REALTIME_OTHER_DAY, /* the trip does not run on start_date, or near now */
	REALTIME_OTHER_TIME, /* the trip does not leave at start_time */
	REALTIME_TIME_WANTED, /* a trip of frequencies without start_time */
	REALTIME_REASON_COUNT
};

/* "matched", "trip unknown" and so on. */
const char *realtime_reason_text(enum realtime_reason reason);
/* In a word, for counts: "matched", "unknownTrip". */
const char *realtime_reason_name(enum realtime_reason reason);

struct realtime_finding {
	enum realtime_reason reason;
	char entity[64]; /* id in the message, cut */
	char trip[64]; /* trip_id, cut */
};

struct realtime_report {
	bool old; /* the message is not newer than the one before, and was left */
	int64_t timestamp_s; /* of its header; GTFSRT_TIME_NONE */
	uint32_t entities; /* read */
	uint32_t refused; /* entities that break the format */
	uint32_t vehicles, trip_updates, alerts; /* taken */
	uint32_t ignored; /* deleted, or none of the three, or with an id too long to be part of ours */
	uint32_t repeated; /* entities about what an earlier one of the message was about, left */
	uint32_t by_reason[REALTIME_REASON_COUNT]; /* of vehicles and trip updates */
	uint32_t stops_unknown; /* stops named that the trip, or the timetable, does not have, or out of order */
	uint32_t places_refused; /* positions that are nowhere on earth, or 0,0 */
	uint32_t created, changed, unchanged, deleted; /* entities: told whole, told in part, not told, deleted */
	struct transit_punctuality punctuality; /* of the runs with a delay, as they are now */
	struct realtime_finding findings[REALTIME_FINDINGS]; /* the first that were not matched */
	uint32_t finding_count;
	struct error refusal; /* of the first entity refused */
};

/* Who is told. An operation is BROKER_REPLACE (whole), BROKER_APPEND_ATTRIBUTES (a fragment, to overwrite) or
 * BROKER_DELETE (entity NULL). All of it lies in the arena of the take, in the realtime and in its timetable: they stay
 * as they are until what was told is durable. An error ends the take. */
struct realtime_sink {
	enum err_code (*add)(void *self, enum broker_operation operation, struct str id, const struct json *entity,
			     struct error *err);
	void *self;
};

/* Takes a FULL_DATASET message from one of the feed's sources (0 to REALTIME_SOURCES_MAX − 1). now_us stamps what is
 * created. Errors: those of gtfsrt_decode(); ERR_UNSUPPORTED (DIFFERENTIAL); ERR_INVALID (from the future), ERR_LIMIT,
 * ERR_MEMORY, and the sink's: after which everything is told anew, whole, by the next message. */
MUST_CHECK enum err_code realtime_take(struct realtime *realtime, uint32_t source, struct str bytes, int64_t now_us,
				       struct arena *arena, const struct realtime_sink *sink,
				       struct realtime_report *ret_report, struct error *err);

/* Is this an entity that the feed has told and not deleted? For those who look for leftovers after a start. */
bool realtime_has(const struct realtime *realtime, struct str id);
/* What was told of this entity did not get into the store: the next message of its source tells it whole, also where it
 * is the same message. */
void realtime_lost(struct realtime *realtime, struct str id);
/* "urn:ngsi-ld:Vehicle:FEED:" and so on, of 0 ≤ i < REALTIME_TYPES: the prefixes of all its entities' ids. */
#define REALTIME_TYPES 3u
struct str realtime_prefix(const struct realtime *realtime, unsigned i);

/* The headways of the trips that the last messages told of (transit_headways()): route and stop are indices of the
 * timetable's tables. In the arena. ERR_MEMORY. */
MUST_CHECK enum err_code realtime_headways(const struct realtime *realtime, struct arena *arena,
					   struct transit_headway **ret_headways, size_t *ret_count, struct error *err);

/* ---- the service as a whole ---- */

struct realtime_route { /* sums, of which the means are told */
	struct transit_punctuality punctuality;
	double delay_sum_s;
	uint64_t headways, planned_headways, waits;
	double headway_sum_s, planned_headway_sum_s;
	double excess_wait_sum_s; /* how much longer passengers who come at random wait than by the timetable */
};

struct realtime_summary {
	uint32_t told[REALTIME_TYPES]; /* vehicles, trip updates, alerts */
	struct transit_punctuality punctuality; /* of the runs with a delay, as they are now */
	double delay_sum_s;
	struct realtime_route *routes; /* of all rows of the timetable */
	uint32_t route_count;
};

/* In the arena. ERR_MEMORY. */
MUST_CHECK enum err_code realtime_summarise(const struct realtime *realtime, struct arena *arena,
					    struct realtime_summary *ret_summary, struct error *err);

#define REALTIME_REPORT "GtfsRealtimeReport" /* urn:ngsi-ld:GtfsRealtimeReport:FEED */
#define REALTIME_ROUTE_REPORT "GtfsRouteReport" /* urn:ngsi-ld:GtfsRouteReport:FEED:ROUTE */

/* The same as entities, whole: one of the feed, and one of each route that something is known of. by_reason: of the
 * last message of each source, added up. Ids and entities lie in the arena. Errors: the sink's, ERR_MEMORY. */
MUST_CHECK enum err_code realtime_tell_summary(const struct realtime *realtime, const struct context *context,
					       const struct realtime_summary *summary, const uint32_t *by_reason,
					       int64_t now_us, struct arena *arena, const struct realtime_sink *sink,
					       struct error *err);

/* ---- the way back ---- */

/* Gathers entities into a message for journey planners: Vehicle, GtfsTripUpdate and Alert entities of any feed that are
 * about this timetable; others are passed over. */
struct realtime_writer;

struct realtime_writer_options {
	struct str timetable; /* the GTFS feed, as imported */
	bool planned_too; /* vehicles that nobody saw (positionBasis other than "observed") as well */
	int64_t seen_from_s; /* vehicles that were last seen before this are passed over; 0: none is */
};

/* The writer lies in the arena, with all that it gathers. ERR_INVALID (name), ERR_MEMORY. */
MUST_CHECK enum err_code realtime_writer_new(const struct realtime_writer_options *options, struct arena *arena,
					     struct realtime_writer **ret_writer, struct error *err);
/* An expanded document, which need not outlive the call. *ret_taken: it is in the message. ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code realtime_writer_add(struct realtime_writer *writer, const struct json *entity, bool *ret_taken,
					     struct error *err);
/* The message with this header timestamp, in the arena. ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code realtime_writer_done(struct realtime_writer *writer, int64_t now_us, struct str *ret_bytes,
					      struct error *err);

#endif
