/* Delays along a trip, and what they say of a service: how much of it is on time, and how evenly vehicles come.
 *
 * Source: GTFS Realtime (gtfs.org), "Trip Updates": a delay told for a stop holds for the stops behind it until another
 * update says otherwise. A stop that is skipped does not end it, one without data does. A delay of the trip as a whole
 * holds up to the first stop that is told of. Pure. Delays are seconds, positive when late. */
#ifndef MACHI_ENGINE_TRANSIT_DELAY_H
#define MACHI_ENGINE_TRANSIT_DELAY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSIT_DELAY_NONE INT32_MIN /* not known */
#define TRANSIT_INSTANT_NONE INT64_MIN

enum transit_told_kind { TRANSIT_TOLD_TIMES, TRANSIT_TOLD_SKIPPED, TRANSIT_TOLD_NO_DATA };

/* What was told of one call of the trip. */
struct transit_told {
	uint32_t call; /* 0, 1, … within the trip; each greater than the one before */
	enum transit_told_kind kind;
	int32_t arrival_delay_s,
		departure_delay_s; /* of TRANSIT_TOLD_TIMES; with neither, delays are unknown from here */
};

struct transit_call_delay {
	int32_t arrival_s, departure_s; /* TRANSIT_DELAY_NONE: not known */
	bool skipped;
};

/* Fills call_count delays. A call of which only the arrival was told leaves with the same delay; where only the
 * departure was, the delay from before holds for the arrival. Calls before the first one told of have trip_delay_s,
 * which may be TRANSIT_DELAY_NONE. */
void transit_spread_delays(const struct transit_told *told, size_t told_count, int32_t trip_delay_s,
			   struct transit_call_delay *ret_delays, size_t call_count);

/* ---- punctuality ---- */

/* A departure counts as on time from so early to so late, both included. */
struct transit_on_time {
	int32_t early_s, late_s;
};

#define TRANSIT_EARLY_S 60 /* the defaults */
#define TRANSIT_LATE_S 300

struct transit_punctuality {
	uint64_t early, on_time, late;
};

/* Counts a delay; TRANSIT_DELAY_NONE does not count. */
void transit_count_delay(struct transit_punctuality *counts, const struct transit_on_time *window, int32_t delay_s);
/* Counts the departures of a trip: of all its calls but the last, those that are not skipped and have a delay. */
void transit_count_departures(struct transit_punctuality *counts, const struct transit_on_time *window,
			      const struct transit_call_delay *delays, size_t call_count);
/* Of those counted, the part that is on time, 0 to 1; NAN of none. */
double transit_on_time_share(const struct transit_punctuality *counts);

/* ---- headways ---- */

struct transit_departure {
	uint32_t route, stop;
	int32_t direction;
	int64_t planned_us; /* TRANSIT_INSTANT_NONE: an extra one */
	int64_t observed_us; /* or predicted; TRANSIT_INSTANT_NONE: cancelled, or not known */
};

/* Of a route in one direction at a stop. A wait is that of passengers who come at random: half the mean headway where
 * vehicles come evenly, more where they bunch (Σh² / 2Σh). */
struct transit_headway {
	uint32_t route, stop;
	int32_t direction;
	uint32_t planned_count, observed_count; /* headways: one less than departures */
	double planned_mean_s, observed_mean_s, observed_max_s; /* NAN without two departures */
	double planned_wait_s, observed_wait_s;
};

/* Sorts the departures, and writes one headway for each route, direction and stop, in that order; ret_headways has room
 * for count. Returns how many. Bunched vehicles that overtake each other are taken in the order in which they come. */
size_t transit_headways(struct transit_departure *departures, size_t count, struct transit_headway *ret_headways);

#endif
