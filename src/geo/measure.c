/* Boxes, distances and bearings: what needs no predicates. */
#include "geo/geo_int.h"

#include <math.h>

#define BOX_SLACK 1e-9 /* relative widening that keeps rounding from losing a match at the edge */

static void box_take(struct geo_box *box, struct geo_point point)
{
	box->west = fmin(box->west, point.lon);
	box->east = fmax(box->east, point.lon);
	box->south = fmin(box->south, point.lat);
	box->north = fmax(box->north, point.lat);
}

static void box_walk(const struct json *node, int levels, struct geo_box *box)
{
	struct geo_point point;

	if (levels == 0) {
		if (geo_position(node, &point))
			box_take(box, point);
		return;
	}
	if (!json_is(node, JSON_ARRAY))
		return;
	for (uint32_t i = 0; i < node->count; i++)
		box_walk(&node->items[i], levels - 1, box);
}

bool geo_bounds(const struct json *geometry, struct geo_box *ret_box)
{
	enum geo_kind kind;
	struct geo_box box = {INFINITY, INFINITY, -INFINITY, -INFINITY};

	if (!geo_kind_of(geometry, &kind))
		return false;
	box_walk(geo_coordinates(geometry), geo_kinds[kind].levels, &box);
	if (!(box.west <= box.east && box.south <= box.north))
		return false;
	*ret_box = box;
	return true;
}

bool geo_point_of(const struct json *geometry, struct geo_point *ret_point)
{
	if (!str_eq(json_text(json_get(geometry, STR("type"))), STR("Point")))
		return false;
	return geo_position(json_get(geometry, STR("coordinates")), ret_point);
}

/* Haversine: hav d = hav Δφ + cos φ₁ cos φ₂ hav Δλ; well-conditioned for short distances. */
double geo_distance_m(struct geo_point a, struct geo_point b)
{
	double half_lat = sin((b.lat - a.lat) * GEO_DEGREE_RAD / 2);
	double half_lon = sin((b.lon - a.lon) * GEO_DEGREE_RAD / 2);
	double hav =
		half_lat * half_lat + cos(a.lat * GEO_DEGREE_RAD) * cos(b.lat * GEO_DEGREE_RAD) * half_lon * half_lon;

	return 2 * GEO_EARTH_RADIUS_M * asin(sqrt(fmin(hav, 1)));
}

double geo_bearing_deg(struct geo_point a, struct geo_point b)
{
	double lat_a = a.lat * GEO_DEGREE_RAD, lat_b = b.lat * GEO_DEGREE_RAD;
	double lon = (b.lon - a.lon) * GEO_DEGREE_RAD;
	double y = sin(lon) * cos(lat_b);
	double x = cos(lat_a) * sin(lat_b) - sin(lat_a) * cos(lat_b) * cos(lon);
	double bearing = fmod(atan2(y, x) / GEO_DEGREE_RAD + 360, 360);

	return bearing < 360 ? bearing : 0;
}

/* A circle of angular radius δ around a place at latitude φ reaches asin(sin δ / cos φ) of longitude to each side
 * (where meridians touch it), provided that it holds no pole; the box's latitude nearest to a pole is the worst. */
struct geo_box geo_box_grow(struct geo_box box, double distance_m)
{
	static const struct geo_box world = {-180, -90, 180, 90};
	double delta = distance_m / GEO_EARTH_RADIUS_M * (1 + BOX_SLACK) + 1e-12;

	if (!(delta < 3.14))
		return world;
	double delta_deg = delta / GEO_DEGREE_RAD;
	struct geo_box grown = {-180, fmax(box.south - delta_deg, -90), 180, fmin(box.north + delta_deg, 90)};

	if (grown.south <= -90 || grown.north >= 90)
		return grown;
	double lat_worst = fmax(fabs(box.south), fabs(box.north)) * GEO_DEGREE_RAD;
	double lon_deg = asin(fmin(sin(delta) / cos(lat_worst), 1)) / GEO_DEGREE_RAD * (1 + BOX_SLACK);

	if (box.west - lon_deg < -180 || box.east + lon_deg > 180)
		return grown;
	grown.west = box.west - lon_deg;
	grown.east = box.east + lon_deg;
	return grown;
}

bool geo_box_overlaps(struct geo_box a, struct geo_box b)
{
	return a.west <= b.east && b.west <= a.east && a.south <= b.north && b.south <= a.north;
}
