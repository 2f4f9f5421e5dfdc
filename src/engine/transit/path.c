/* Ways as polylines: where a distance lies on one, and where stops lie on it.
 *
 * Stops seldom lie on the line, and a line may pass one place twice (loops, branches served there and back), so the
 * nearest point of each stop for itself may send a vehicle back. Sought is the placement p(1) ≤ p(2) ≤ … ≤ p(n) with
 * the smallest Σ d², d being the distance of a stop from its place. With the stops as rows and the segments as columns
 * that is a shortest path through a table, found row by row:
 *
 *   cost(i, j) = d²(i, j) + min over k < j of cost(i − 1, k),    or on the same segment behind the stop before.
 *
 * Two stops that one segment's places would put in the wrong order share the place of the first, which is a little
 * more than the smallest sum; it happens to stops a few metres apart only. Work and memory are n × m cells. Distances
 * near a stop are taken in the plane that touches the globe there. */
#include "engine/transit/plan_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define METRES_PER_DEGREE (6371008.8 * 3.14159265358979323846 / 180)

enum err_code path_new(struct arena *arena, const struct geo_point *points, uint32_t count, struct path *ret_path,
		       struct error *err)
{
	struct path path = {
		.lon = arena_array(arena, double, count),
		.lat = arena_array(arena, double, count),
		.along_m = arena_array(arena, double, count),
		.count = count,
	};

	assert(count >= 2);
	if (!path.lon || !path.lat || !path.along_m)
		return err_set(err, ERR_MEMORY, "no memory for a way of %u points", count);
	for (uint32_t i = 0; i < count; i++) {
		path.lon[i] = points[i].lon;
		path.lat[i] = points[i].lat;
		path.along_m[i] = i == 0 ? 0 : path.along_m[i - 1] + geo_distance_m(points[i - 1], points[i]);
	}
	*ret_path = path;
	return ERR_OK;
}

static struct geo_point point_of(const struct path *path, uint32_t i)
{
	return (struct geo_point){path->lon[i], path->lat[i]};
}

/* The segment that holds a distance: the last whose beginning is not behind it. */
static uint32_t segment_at(const struct path *path, double along_m)
{
	uint32_t low = 0, high = path->count - 2;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (path->along_m[middle] <= along_m)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* The bearing of a segment; of one without length, that of the nearest one that has some. */
static double bearing_of(const struct path *path, uint32_t segment)
{
	for (uint32_t i = segment; i + 1 < path->count; i++)
		if (path->along_m[i + 1] > path->along_m[i])
			return geo_bearing_deg(point_of(path, i), point_of(path, i + 1));
	for (uint32_t i = segment; i > 0; i--)
		if (path->along_m[i] > path->along_m[i - 1])
			return geo_bearing_deg(point_of(path, i - 1), point_of(path, i));
	return 0;
}

struct geo_point path_at(const struct path *path, double along_m, double *ret_bearing_deg)
{
	uint32_t i = segment_at(path, along_m);
	double length = path->along_m[i + 1] - path->along_m[i];
	double t = length > 0 ? (along_m - path->along_m[i]) / length : 0;

	t = fmin(fmax(t, 0), 1);
	if (ret_bearing_deg)
		*ret_bearing_deg = bearing_of(path, i);
	return (struct geo_point){
		path->lon[i] + t * (path->lon[i + 1] - path->lon[i]),
		path->lat[i] + t * (path->lat[i + 1] - path->lat[i]),
	};
}

/* The plane that touches the globe at a stop. */
struct plane {
	struct geo_point origin;
	double x_scale; /* metres for a degree of longitude there */
};

static struct plane plane_at(struct geo_point origin)
{
	return (struct plane){origin, METRES_PER_DEGREE * cos(origin.lat * 3.14159265358979323846 / 180)};
}

/* Squared distance (m²) from the plane's origin to segment i, at its place not before t_min; *ret_t: 0 to 1. */
static double squared_to(const struct path *path, const struct plane *plane, uint32_t i, double t_min, double *ret_t)
{
	double ax = (path->lon[i] - plane->origin.lon) * plane->x_scale;
	double ay = (path->lat[i] - plane->origin.lat) * METRES_PER_DEGREE;
	double dx = (path->lon[i + 1] - path->lon[i]) * plane->x_scale;
	double dy = (path->lat[i + 1] - path->lat[i]) * METRES_PER_DEGREE;
	double length2 = dx * dx + dy * dy;
	double t = length2 > 0 ? -(ax * dx + ay * dy) / length2 : 0;

	t = fmin(fmax(t, t_min), 1);
	double x = ax + t * dx, y = ay + t * dy;

	*ret_t = t;
	return x * x + y * y;
}

static float along_of(const struct path *path, uint32_t segment, double t)
{
	return (float)(path->along_m[segment] + t * (path->along_m[segment + 1] - path->along_m[segment]));
}

/* The table of the search; rows are stops, columns segments. */
struct fit {
	double *cost, *cost_before; /* one row each */
	float *t; /* all cells: place on the segment */
	uint32_t *from; /* all cells: the segment of the stop before */
	uint32_t columns;
};

static void fit_row(const struct path *path, struct geo_point stop, uint32_t row, struct fit *fit)
{
	struct plane plane = plane_at(stop);
	const float *t_before = row ? &fit->t[(size_t)(row - 1) * fit->columns] : NULL;
	float *t_row = &fit->t[(size_t)row * fit->columns];
	uint32_t *from_row = &fit->from[(size_t)row * fit->columns];
	double best = INFINITY; /* of the row before, over the columns to the left */
	uint32_t best_at = 0;

	for (uint32_t j = 0; j < fit->columns; j++) {
		double t, t_same, squared = squared_to(path, &plane, j, 0, &t);

		from_row[j] = best_at;
		t_row[j] = (float)t;
		fit->cost[j] = row ? best + squared : squared;
		if (!row)
			continue;
		double same = fit->cost_before[j];

		same += t_before[j] > t ? squared_to(path, &plane, j, t_before[j], &t_same) : (t_same = t, squared);
		if (same <= fit->cost[j]) {
			fit->cost[j] = same;
			from_row[j] = j;
			t_row[j] = (float)t_same;
		}
		if (fit->cost_before[j] < best) {
			best = fit->cost_before[j];
			best_at = j;
		}
	}
}

static void fit_stops(const struct path *path, const struct geo_point *stops, uint32_t count, struct fit *fit,
		      float *ret_along)
{
	for (uint32_t i = 0; i < count; i++) {
		fit_row(path, stops[i], i, fit);
		double *swap = fit->cost;

		fit->cost = fit->cost_before;
		fit->cost_before = swap;
	}
	uint32_t at = 0;

	for (uint32_t j = 1; j < fit->columns; j++)
		if (fit->cost_before[j] < fit->cost_before[at])
			at = j;
	for (uint32_t i = count; i-- > 0;) {
		size_t cell = (size_t)i * fit->columns + at;

		ret_along[i] = along_of(path, at, (double)fit->t[cell]);
		at = fit->from[cell];
	}
}

/* For ways too long for the table. */
static void project_forward(const struct path *path, const struct geo_point *stops, uint32_t count, float *ret_along)
{
	uint32_t segment = 0;
	double t_min = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct plane plane = plane_at(stops[i]);
		double best = INFINITY, best_t = t_min, t;
		uint32_t best_segment = segment;

		for (uint32_t j = segment; j + 1 < path->count; j++) {
			double squared = squared_to(path, &plane, j, j == segment ? t_min : 0, &t);

			if (squared < best) {
				best = squared;
				best_t = t;
				best_segment = j;
			}
		}
		segment = best_segment;
		t_min = best_t;
		ret_along[i] = along_of(path, segment, t_min);
	}
}

enum err_code path_project(const struct path *path, const struct geo_point *stops, uint32_t count, float *ret_along,
			   struct error *err)
{
	uint32_t columns = path->count - 1;
	size_t cells = (size_t)count * columns;

	if (cells > PATH_PROJECT_CELLS_MAX) {
		project_forward(path, stops, count, ret_along);
	} else {
		CLEANUP_MEMORY double *rows = calloc((size_t)columns * 2, sizeof(*rows));
		CLEANUP_MEMORY float *t = calloc(cells, sizeof(*t));
		CLEANUP_MEMORY uint32_t *from = calloc(cells, sizeof(*from));
		struct fit fit = {rows, rows ? rows + columns : NULL, t, from, columns};

		if (!rows || !t || !from)
			return err_set(err, ERR_MEMORY, "no memory to place %u stops on a way", count);
		fit_stops(path, stops, count, &fit, ret_along);
	}
	/* Rounding to float must not turn equal places round. */
	for (uint32_t i = 1; i < count; i++)
		ret_along[i] = fmaxf(ret_along[i], ret_along[i - 1]);
	return ERR_OK;
}
