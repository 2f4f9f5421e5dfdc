/* Compiling a feed into a plan: ways and patterns are made once for all trips that share them. */
#include "engine/transit/plan_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OFF_WAY_M_MAX 500.0 /* a feed's distances that put a stop farther than this from itself are not believed */

/* What the compiling needs and the plan does not. */
struct compile {
	struct transit_plan *plan;
	const struct transit_tables *tables;
	uint32_t *shape_paths; /* the path of each shape, TRANSIT_NONE until it is made */
	struct arena keys; /* of the patterns */
	struct map patterns; /* key → index + 1 */
	struct geo_point *points; /* scratch */
	uint32_t points_room;
	uint32_t paths_room, patterns_room;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the plan of a feed");
}

static enum err_code scratch_points(struct compile *compile, uint32_t count, struct error *err)
{
	if (count <= compile->points_room)
		return ERR_OK;
	struct geo_point *more = realloc(compile->points, count * sizeof(*more));

	if (!more)
		return no_memory(err);
	compile->points = more;
	compile->points_room = count;
	return ERR_OK;
}

/* Copies the rows that every run refers to. */
static enum err_code copy_network(struct compile *compile, struct error *err)
{
	const struct transit_tables *tables = compile->tables;
	struct transit_plan *plan = compile->plan;
	struct arena *arena = &plan->arena;

	plan->routes = arena_array(arena, struct transit_plan_route, tables->route_count);
	plan->stops = arena_array(arena, struct transit_plan_stop, tables->stop_count);
	if (!plan->routes || !plan->stops)
		return no_memory(err);
	for (uint32_t i = 0; i < tables->route_count; i++) {
		const struct transit_route *from = &tables->routes[i];
		struct transit_plan_route to = {arena_dup(arena, from->id), arena_dup(arena, from->short_name),
						arena_dup(arena, from->long_name), arena_dup(arena, from->color),
						from->type};

		if (!to.id.at || !to.short_name.at || !to.long_name.at || !to.color.at)
			return no_memory(err);
		plan->routes[i] = to;
	}
	for (uint32_t i = 0; i < tables->stop_count; i++) {
		const struct transit_stop *from = &tables->stops[i];
		struct transit_plan_stop to = {arena_dup(arena, from->id), arena_dup(arena, from->name), from->place};

		if (!to.id.at || !to.name.at)
			return no_memory(err);
		plan->stops[i] = to;
	}
	return ERR_OK;
}

static enum err_code copy_calendar(struct compile *compile, struct error *err)
{
	const struct transit_tables *tables = compile->tables;
	struct transit_plan *plan = compile->plan;

	plan->services = arena_array(&plan->arena, struct plan_service, tables->service_count);
	plan->exceptions = arena_array(&plan->arena, struct plan_exception, tables->exception_count);
	plan->windows = arena_array(&plan->arena, struct window, tables->frequency_count);
	if (!plan->services || !plan->exceptions || !plan->windows)
		return no_memory(err);
	for (uint32_t i = 0; i < tables->service_count; i++) {
		const struct transit_service *from = &tables->services[i];

		plan->services[i] = (struct plan_service){
			.first_day = from->has_week ? from->first_day : 1,
			.last_day = from->has_week ? from->last_day : 0,
			.weekdays = from->weekdays,
			.exceptions = from->exceptions,
			.exception_count = from->exception_count,
		};
	}
	for (uint32_t i = 0; i < tables->exception_count; i++)
		plan->exceptions[i] =
			(struct plan_exception){tables->exceptions[i].day, tables->exceptions[i].type == 1};
	for (uint32_t i = 0; i < tables->frequency_count; i++) {
		const struct transit_frequency *from = &tables->frequencies[i];

		plan->windows[i] = (struct window){from->start, from->end, from->headway, from->exact};
	}
	plan->service_count = tables->service_count;
	plan->window_count = tables->frequency_count;
	return ERR_OK;
}

/* One path more from the scratch points. */
static enum err_code add_path(struct compile *compile, uint32_t count, uint32_t *ret_path, struct error *err)
{
	struct transit_plan *plan = compile->plan;

	assert(plan->path_count < compile->paths_room);
	enum err_code code = path_new(&plan->arena, compile->points, count, &plan->paths[plan->path_count], err);

	if (!code)
		*ret_path = plan->path_count++;
	return code;
}

static enum err_code shape_path(struct compile *compile, uint32_t shape, uint32_t *ret_path, struct error *err)
{
	const struct transit_shape *from = &compile->tables->shapes[shape];
	uint32_t path = compile->shape_paths[shape];
	enum err_code code = path == TRANSIT_NONE ? scratch_points(compile, from->point_count, err) : ERR_OK;

	if (code)
		return code;
	if (path == TRANSIT_NONE) {
		for (uint32_t i = 0; i < from->point_count; i++) {
			const struct transit_point *point = &compile->tables->points[from->points + i];

			compile->points[i] = (struct geo_point){point->lon, point->lat};
		}
		code = add_path(compile, from->point_count, &path, err);
		if (code)
			return code;
		compile->shape_paths[shape] = path;
	}
	*ret_path = path;
	return ERR_OK;
}

/* A shape's distance in the feed's unit as metres along its path. */
static double metres_of(const struct transit_point *points, uint32_t count, const struct path *path, double distance)
{
	uint32_t i = 1;

	while (i + 1 < count && points[i].distance < distance)
		i++;
	double part = points[i].distance - points[i - 1].distance;
	double t = part > 0 ? (distance - points[i - 1].distance) / part : 0;

	return path->along_m[i - 1] + fmin(fmax(t, 0), 1) * (path->along_m[i] - path->along_m[i - 1]);
}

/* Places the stops by shape_dist_traveled. False when the feed's distances cannot be meant so. */
static bool place_by_distance(const struct compile *compile, const struct transit_trip *trip, struct pattern *pattern)
{
	const struct transit_stop_time *times = &compile->tables->times[trip->times];
	const struct path *path = &compile->plan->paths[pattern->path];

	if (trip->shape == TRANSIT_NONE || !compile->tables->shapes[trip->shape].has_distances)
		return false;
	const struct transit_shape *shape = &compile->tables->shapes[trip->shape];
	const struct transit_point *points = &compile->tables->points[shape->points];

	for (uint32_t i = 0; i < trip->time_count; i++) {
		if (isnan(times[i].distance) || (i > 0 && times[i].distance < times[i - 1].distance))
			return false;
		double along = metres_of(points, shape->point_count, path, times[i].distance);
		struct geo_point place = path_at(path, along, NULL);

		if (geo_distance_m(place, compile->tables->stops[times[i].stop].place) > OFF_WAY_M_MAX)
			return false;
		pattern->along_m[i] = (float)along;
		if (i > 0)
			pattern->along_m[i] = fmaxf(pattern->along_m[i], pattern->along_m[i - 1]);
	}
	return true;
}

static enum err_code place_stops(struct compile *compile, const struct transit_trip *trip, struct pattern *pattern,
				 struct error *err)
{
	enum err_code code =
		trip->shape == TRANSIT_NONE ? ERR_OK : shape_path(compile, trip->shape, &pattern->path, err);

	if (!code)
		code = scratch_points(compile, pattern->stop_count, err);
	if (code)
		return code;
	for (uint32_t i = 0; i < pattern->stop_count; i++)
		compile->points[i] = compile->tables->stops[pattern->stops[i]].place;
	if (trip->shape == TRANSIT_NONE) {
		code = add_path(compile, pattern->stop_count, &pattern->path, err);
		for (uint32_t i = 0; !code && i < pattern->stop_count; i++)
			pattern->along_m[i] = (float)compile->plan->paths[pattern->path].along_m[i];
		return code;
	}
	if (place_by_distance(compile, trip, pattern))
		return ERR_OK;
	return path_project(&compile->plan->paths[pattern->path], compile->points, pattern->stop_count,
			    pattern->along_m, err);
}

static enum err_code new_pattern(struct compile *compile, const struct transit_trip *trip, uint32_t *ret_pattern,
				 struct error *err)
{
	const struct transit_stop_time *times = &compile->tables->times[trip->times];
	struct transit_plan *plan = compile->plan;
	uint32_t count = trip->time_count;
	struct pattern pattern = {
		.stop_count = count,
		.stops = arena_array(&plan->arena, uint32_t, count),
		.arrive_s = arena_array(&plan->arena, float, count),
		.depart_s = arena_array(&plan->arena, float, count),
		.along_m = arena_array(&plan->arena, float, count),
	};

	if (!pattern.stops || !pattern.arrive_s || !pattern.depart_s || !pattern.along_m)
		return no_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		pattern.stops[i] = times[i].stop;
		pattern.arrive_s[i] = (float)(times[i].arrival - times[0].departure);
		pattern.depart_s[i] = (float)(times[i].departure - times[0].departure);
	}
	enum err_code code = place_stops(compile, trip, &pattern, err);

	if (code)
		return code;
	pattern_spread(&pattern);
	assert(plan->pattern_count < compile->patterns_room);
	plan->patterns[plan->pattern_count] = pattern;
	*ret_pattern = plan->pattern_count++;
	return ERR_OK;
}

/* The words that tell a trip's way and driving times from another's. */
static struct str pattern_key(struct compile *compile, const struct transit_trip *trip)
{
	const struct transit_stop_time *times = &compile->tables->times[trip->times];
	bool distances = trip->shape != TRANSIT_NONE && compile->tables->shapes[trip->shape].has_distances;
	size_t words = 1 + (size_t)trip->time_count * 5;
	uint32_t *key = arena_array(&compile->keys, uint32_t, words), *at = key;

	if (!key)
		return STR_NONE;
	*at++ = trip->shape;
	for (uint32_t i = 0; i < trip->time_count; i++) {
		*at++ = times[i].stop;
		*at++ = (uint32_t)(times[i].arrival - times[0].departure);
		*at++ = (uint32_t)(times[i].departure - times[0].departure);
		if (distances) {
			memcpy(at, &times[i].distance, sizeof(times[i].distance));
			at += 2;
		}
	}
	return (struct str){(const char *)key, (size_t)(at - key) * sizeof(*key)};
}

static enum err_code pattern_of(struct compile *compile, const struct transit_trip *trip, uint32_t *ret_pattern,
				struct error *err)
{
	struct str key = pattern_key(compile, trip);
	uintptr_t known = key.at ? (uintptr_t)map_get(&compile->patterns, key) : 0;

	if (known) {
		*ret_pattern = (uint32_t)(known - 1);
		return ERR_OK;
	}
	enum err_code code = key.at ? new_pattern(compile, trip, ret_pattern, err) : no_memory(err);

	if (!code && !map_set(&compile->patterns, key, (void *)(uintptr_t)(*ret_pattern + 1)))
		return no_memory(err);
	return code;
}

/* No run of the trip ends later than this after its service day's start. */
static int32_t span_of(const struct transit_plan *plan, const struct plan_trip *trip)
{
	const struct pattern *pattern = &plan->patterns[trip->pattern];
	int32_t last = trip->depart_s;

	for (uint32_t w = 0; w < trip->window_count; w++)
		if (plan->windows[trip->windows + w].end > last || w == 0)
			last = plan->windows[trip->windows + w].end;
	return last + (int32_t)pattern->arrive_s[pattern->stop_count - 1] + 1;
}

static enum err_code copy_trips(struct compile *compile, struct error *err)
{
	const struct transit_tables *tables = compile->tables;
	struct transit_plan *plan = compile->plan;

	for (uint32_t i = 0; i < tables->trip_count; i++) {
		const struct transit_trip *from = &tables->trips[i];
		struct plan_trip to = {
			.id = arena_dup(&plan->arena, from->id),
			.headsign = arena_dup(&plan->arena, from->headsign),
			.route = from->route,
			.service = from->service,
			.windows = from->frequencies,
			.window_count = from->frequency_count,
			.direction = from->direction,
		};

		if (from->left_out || from->time_count < 2)
			continue;
		enum err_code code =
			to.id.at && to.headsign.at ? pattern_of(compile, from, &to.pattern, err) : no_memory(err);

		if (code)
			return code;
		to.depart_s = tables->times[from->times].departure;
		int32_t span_s = span_of(plan, &to);

		if (span_s > plan->span_s)
			plan->span_s = span_s;
		plan->trips[plan->trip_count++] = to;
	}
	return plan->trip_count ? ERR_OK : err_set(err, ERR_INVALID, "the feed has no trip that can run");
}

static enum err_code compile_all(struct compile *compile, struct error *err)
{
	const struct transit_tables *tables = compile->tables;
	struct transit_plan *plan = compile->plan;

	compile->paths_room = tables->shape_count + tables->trip_count;
	compile->patterns_room = tables->trip_count;
	compile->shape_paths = calloc(tables->shape_count + 1u, sizeof(*compile->shape_paths));
	plan->paths = arena_array(&plan->arena, struct path, compile->paths_room);
	plan->patterns = arena_array(&plan->arena, struct pattern, compile->patterns_room);
	plan->trips = arena_array(&plan->arena, struct plan_trip, tables->trip_count);
	if (!compile->shape_paths || !plan->paths || !plan->patterns || !plan->trips)
		return no_memory(err);
	for (uint32_t i = 0; i < tables->shape_count; i++)
		compile->shape_paths[i] = TRANSIT_NONE;
	enum err_code code = copy_network(compile, err);

	if (!code)
		code = copy_calendar(compile, err);
	return code ? code : copy_trips(compile, err);
}

enum err_code transit_plan_new(const struct transit_feed *feed, struct transit_zone *zone,
			       struct transit_plan **ret_plan, struct error *err)
{
	struct transit_plan *plan = calloc(1, sizeof(*plan));
	struct compile compile = {.plan = plan, .tables = transit_feed_tables(feed)};

	if (!plan)
		return no_memory(err);
	arena_init(&plan->arena, TRANSIT_PLAN_BYTES_MAX);
	arena_init(&compile.keys, TRANSIT_PLAN_BYTES_MAX);
	map_init(&compile.patterns, 0);
	enum err_code code = compile_all(&compile, err);

	free(compile.shape_paths);
	free(compile.points);
	map_done(&compile.patterns);
	arena_done(&compile.keys);
	if (code) {
		(void)transit_plan_free(plan);
		return code;
	}
	plan->zone = zone;
	*ret_plan = plan;
	return ERR_OK;
}

struct transit_plan *transit_plan_free(struct transit_plan *plan)
{
	if (plan) {
		(void)transit_zone_free(plan->zone);
		arena_done(&plan->arena);
		free(plan);
	}
	return NULL;
}

void transit_plan_size(const struct transit_plan *plan, struct transit_plan_size *ret_size)
{
	*ret_size = (struct transit_plan_size){
		.trips = plan->trip_count,
		.patterns = plan->pattern_count,
		.paths = plan->path_count,
		.windows = plan->window_count,
		.bytes = plan->arena.bytes,
	};
	for (uint32_t i = 0; i < plan->path_count; i++)
		ret_size->points += plan->paths[i].count;
}

struct transit_plan_trip transit_plan_trip(const struct transit_plan *plan, uint32_t index)
{
	const struct plan_trip *trip = &plan->trips[index];
	const struct pattern *pattern = &plan->patterns[trip->pattern];

	return (struct transit_plan_trip){
		.id = trip->id,
		.headsign = trip->headsign,
		.route = trip->route,
		.direction = trip->direction,
		.stop_count = pattern->stop_count,
		.stops = pattern->stops,
	};
}

const struct transit_plan_route *transit_plan_route(const struct transit_plan *plan, uint32_t route)
{
	return &plan->routes[route];
}

const struct transit_plan_stop *transit_plan_stop(const struct transit_plan *plan, uint32_t stop)
{
	return &plan->stops[stop];
}

const struct transit_zone *transit_plan_zone(const struct transit_plan *plan)
{
	return plan->zone;
}

struct transit_way transit_trip_way(const struct transit_plan *plan, uint32_t trip)
{
	const struct pattern *pattern = &plan->patterns[plan->trips[trip].pattern];
	const struct path *path = &plan->paths[pattern->path];

	return (struct transit_way){path->lon, path->lat, path->along_m, path->count, pattern->along_m};
}
