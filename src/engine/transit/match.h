/* Which run of a feed is meant: a trip, and perhaps a service date and a start time, as somebody who watches vehicles
 * names it. Source: GTFS Realtime reference (gtfs.org), TripDescriptor. Pure over a checked feed. */
#ifndef MACHI_ENGINE_TRANSIT_MATCH_H
#define MACHI_ENGINE_TRANSIT_MATCH_H

#include "engine/transit/plan.h"

#define TRANSIT_DAY_NONE INT32_MIN

struct transit_asked {
	uint32_t trip; /* in the tables */
	int32_t day; /* service date, days since 1970-01-01; TRANSIT_DAY_NONE: that of the run nearest to near_us */
	int32_t start_s; /* since the service day's start; TRANSIT_TIME_NONE: not told */
	int64_t near_us;
};

enum transit_fit {
	TRANSIT_FITS,
	TRANSIT_NOT_RUNNING, /* the trip itself was left out of the feed by its check */
	TRANSIT_OTHER_DAY, /* its service does not run on that date, or on no date near */
	TRANSIT_OTHER_TIME, /* it leaves at another time; of frequencies: in no window, or between two exact runs */
	TRANSIT_TIME_WANTED, /* a trip of frequencies has many runs: only a start time tells which */
};

/* The run is told when it fits. Of frequencies without exact times any start within a window fits. */
enum transit_fit transit_match(const struct transit_tables *tables, const struct transit_zone *zone,
			       const struct transit_asked *asked, struct transit_run *ret_run);
/* Does a service run on this date? */
bool transit_service_runs(const struct transit_tables *tables, uint32_t service, int32_t day);
/* Where in the trip (0, 1, …) is the stop time with this stop_sequence, or the first one from `from` on with this stop?
 * TRANSIT_NONE: nowhere. */
uint32_t transit_call_of_sequence(const struct transit_tables *tables, uint32_t trip, uint32_t sequence);
uint32_t transit_call_of_stop(const struct transit_tables *tables, uint32_t trip, uint32_t stop, uint32_t from);

#endif
