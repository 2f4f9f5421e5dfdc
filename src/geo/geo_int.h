/* Shared inside the geo room: the kinds of geometry, walks over coordinates, the bridge to GEOS. */
#ifndef MACHI_GEO_GEO_INT_H
#define MACHI_GEO_GEO_INT_H

#include "geo/geo.h"

#include <geos_c.h>

#define GEO_EARTH_RADIUS_M 6371008.8 /* mean radius of the WGS 84 ellipsoid, (2a + b) / 3 */
#define GEO_DEGREE_RAD 0.017453292519943295 /* π / 180 */

enum geo_kind {
	GEO_POINT,
	GEO_MULTI_POINT,
	GEO_LINE_STRING,
	GEO_MULTI_LINE_STRING,
	GEO_POLYGON,
	GEO_MULTI_POLYGON,
	GEO_KIND_COUNT
};

struct geo_kind_rule {
	struct str name; /* the GeoJSON type */
	int levels; /* arrays around a position */
	uint32_t positions_min; /* in the innermost array */
	bool ring; /* innermost arrays are closed */
};

extern const struct geo_kind_rule geo_kinds[GEO_KIND_COUNT];

/* False when the node is no object with a known type. */
bool geo_kind_of(const struct json *geometry, enum geo_kind *ret_kind);
/* The coordinates of a geometry that was checked; NULL when it was not. */
const struct json *geo_coordinates(const struct json *geometry);
/* A position of two or three numbers. */
bool geo_position(const struct json *position, struct geo_point *ret_point);

/* Metres from a point to the nearest place of a checked geometry: 0 inside a polygon, INFINITY without positions.
 * For segments under 100 km between 70° S and 70° N the result is at most 0.1 % above the true minimum. */
double geo_distance_to_m(struct geo_point point, const struct json *geometry);

/* Polygons and MultiPolygons: no ring crosses itself or another, holes lie inside. ERR_INVALID names the place.
 * The geometry has passed the rest of geo_check. */
MUST_CHECK enum err_code geo_check_areas(const struct json *geometry, struct error *err);

/* The same shape for GEOS (longitude as x, latitude as y); NULL when the geometry breaks the rules of geo_check or
 * memory is refused. The caller destroys it. */
GEOSGeometry *geo_shape_new(GEOSContextHandle_t geos, const struct json *geometry);

#endif
