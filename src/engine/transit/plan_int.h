/* A plan's inside, shared within this room. */
#ifndef MACHI_ENGINE_TRANSIT_PLAN_INT_H
#define MACHI_ENGINE_TRANSIT_PLAN_INT_H

#include "engine/transit/plan.h"

/* A polyline with the distance of each point from its beginning. */
struct path {
	double *lon, *lat; /* degrees */
	double *along_m;
	uint32_t count; /* at least 2 */
};

/* A way with stops and driving times; trips that differ only in when they leave share one. Times are seconds from the
 * departure at the first stop. */
struct pattern {
	uint32_t path;
	uint32_t stop_count;
	uint32_t *stops;
	float *arrive_s, *depart_s; /* never falling: arrive[i] <= depart[i] <= arrive[i + 1] */
	float *along_m; /* never falling */
};

struct window {
	int32_t start, end, headway;
	bool exact;
};

struct plan_service {
	int32_t first_day, last_day; /* of the weekly rule; first > last: there is none */
	uint8_t weekdays;
	uint32_t exceptions, exception_count;
};

struct plan_exception {
	int32_t day;
	bool added;
};

struct plan_trip {
	struct str id, headsign;
	uint32_t route, service, pattern;
	int32_t depart_s; /* at the first stop; counts for trips without windows only */
	uint32_t windows, window_count;
	int8_t direction;
};

struct transit_plan {
	struct arena arena; /* everything below, texts included */
	struct transit_zone *zone; /* owned */
	struct transit_plan_route *routes;
	struct transit_plan_stop *stops;
	struct plan_service *services;
	struct plan_exception *exceptions;
	struct plan_trip *trips;
	struct pattern *patterns;
	struct path *paths;
	struct window *windows;
	uint32_t trip_count, pattern_count, path_count, service_count, window_count;
	int32_t span_s; /* no run ends later than this after its service day's start */
};

/* ---- path.c ---- */

/* Points in, a path in the arena out; ERR_MEMORY. */
MUST_CHECK enum err_code path_new(struct arena *arena, const struct geo_point *points, uint32_t count,
				  struct path *ret_path, struct error *err);
/* Where a distance lies on the path; distances outside are clamped. ret_bearing may be NULL. */
struct geo_point path_at(const struct path *path, double along_m, double *ret_bearing_deg);

#define PATH_PROJECT_CELLS_MAX 2000000u /* stops × segments that the best fit is sought among */

/* Places stops on the path, in their order: of all placements that never go back, the one with the smallest sum of
 * squared distances (see path.c). Above PATH_PROJECT_CELLS_MAX each stop takes the nearest place that is not before the
 * last one's. ret_along has count places. ERR_MEMORY. */
MUST_CHECK enum err_code path_project(const struct path *path, const struct geo_point *stops, uint32_t count,
				      float *ret_along, struct error *err);

/* ---- pattern.c ---- */

/* Stops with one and the same time (feeds round to minutes) would make a vehicle jump: shares the time out by the way
 * up to the next later one, or from the one before. */
void pattern_spread(struct pattern *pattern);

#endif
