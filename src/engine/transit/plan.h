/* A feed made ready to run: which trips are under way at an instant, and where their vehicles are.
 *
 * A plan is compiled from a checked feed (feed.h) and keeps nothing of it. Trips that take the same way with the same
 * driving times share them; windows of frequencies.txt stay windows: the runs that are under way are found by
 * arithmetic, so a trip that leaves every minute costs no more than one that leaves once. Pure; immutable once made,
 * so any thread may read it. */
#ifndef MACHI_ENGINE_TRANSIT_PLAN_H
#define MACHI_ENGINE_TRANSIT_PLAN_H

#include "engine/transit/feed.h"
#include "engine/transit/zone.h"

#define TRANSIT_PLAN_BYTES_MAX (INT64_C(4) << 30)

struct transit_plan;

struct transit_plan_route {
	struct str id, short_name, long_name, color;
	int32_t type; /* route_type */
};

struct transit_plan_stop {
	struct str id, name;
	struct geo_point place;
};

struct transit_plan_trip {
	struct str id, headsign;
	uint32_t route;
	int8_t direction; /* 0, 1; −1: not told */
	uint32_t stop_count;
	const uint32_t *stops; /* stop_count indices */
};

/* Takes the zone on success. ERR_MEMORY, ERR_INVALID when no trip can run. */
MUST_CHECK enum err_code transit_plan_new(const struct transit_feed *feed, struct transit_zone *zone,
					  struct transit_plan **ret_plan, struct error *err);
struct transit_plan *transit_plan_free(struct transit_plan *plan);

struct transit_plan_size {
	uint32_t trips, patterns, paths, points, windows;
	size_t bytes; /* memory of the plan */
};

void transit_plan_size(const struct transit_plan *plan, struct transit_plan_size *ret_size);

/* Borrowed from the plan; the indices are those of runs and positions. */
struct transit_plan_trip transit_plan_trip(const struct transit_plan *plan, uint32_t index);
const struct transit_plan_route *transit_plan_route(const struct transit_plan *plan, uint32_t route);
const struct transit_plan_stop *transit_plan_stop(const struct transit_plan *plan, uint32_t stop);

/* One journey of one vehicle. trip, day and start_s together name it. */
struct transit_run {
	uint32_t trip; /* index in the plan */
	int32_t day; /* service date, days since 1970-01-01 */
	int32_t start_s; /* departure at the first stop, seconds since the service day's start; may pass 86,400 */
	bool by_frequency; /* one of a window's runs */
	bool exact; /* its times are a timetable's: false for frequencies with exact_times 0 */
};

/* Every run that has left its first stop and not yet reached its last one at this instant (µs since 1970), ordered by
 * service date, trip and start. A run lasts from its departure at the first stop to before its arrival at the last.
 * visit returning false stops. Returns how many were visited. */
uint64_t transit_active(const struct transit_plan *plan, int64_t at_us,
			bool (*visit)(void *self, const struct transit_run *run), void *self);

struct transit_position {
	struct geo_point place; /* on the trip's way */
	double bearing_deg; /* of the way there, clockwise from north, [0, 360) */
	double speed_m_s; /* mean of the leg; 0 at a stop */
	double along_m; /* from the way's beginning */
	uint32_t next_stop; /* index of the stop in the trip's list: the one it is heading for, or standing at */
	bool standing;
	int64_t next_arrival_us; /* when it arrives at next_stop, µs since 1970 */
};

/* False when the run is not under way at this instant. */
bool transit_run_position(const struct transit_plan *plan, const struct transit_run *run, int64_t at_us,
			  struct transit_position *ret_position);

/* The plan's time zone. */
const struct transit_zone *transit_plan_zone(const struct transit_plan *plan);
/* Does the service of a trip run on this date? */
bool transit_trip_runs_on(const struct transit_plan *plan, uint32_t trip, int32_t day);

/* How far along its way each stop of a trip lies (metres, never falling), and the way itself. */
struct transit_way {
	const double *lon, *lat, *along_m; /* of the points */
	uint32_t point_count;
	const float *stop_along_m; /* of the trip's stops */
};

struct transit_way transit_trip_way(const struct transit_plan *plan, uint32_t trip);

#endif
