/* Geometry: GeoJSON in, predicates over GEOS, distances on the ellipsoid's sphere.
 *
 * Coordinates are longitude, latitude in degrees (WGS 84, RFC 7946); distances are metres. Source: RFC 7946;
 * GS CIM 009 V1.9.1 clauses 4.7 and 4.10; distances: great circle (haversine) with the mean Earth radius 6,371,008.8 m.
 * Thread: a struct geo_engine belongs to one thread; geometries made by it too. */
#ifndef MACHI_GEO_GEO_H
#define MACHI_GEO_GEO_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

struct geo_box {
	double west, south, east, north; /* degrees; west <= east: no box crosses the antimeridian */
};

struct geo_point {
	double lon, lat; /* degrees */
};

/* Checks a GeoJSON geometry (Point, MultiPoint, LineString, MultiLineString, Polygon, MultiPolygon): type, nesting,
 * ranges (|lon| <= 180, |lat| <= 90), closed rings of four positions at least, rings that cross neither themselves nor
 * each other, holes inside. GeometryCollection is refused (4.7). Errors: ERR_INVALID naming the position or the place
 * of a crossing, ERR_MEMORY. */
MUST_CHECK enum err_code geo_check(const struct json *geometry, struct error *err);

/* The bounding box of a checked geometry. False for one without positions. */
bool geo_bounds(const struct json *geometry, struct geo_box *ret_box);
/* True when the node is a GeoJSON Point with two or three numbers. */
bool geo_point_of(const struct json *geometry, struct geo_point *ret_point);

double geo_distance_m(struct geo_point a, struct geo_point b);
/* Initial bearing from a to b, degrees clockwise from north in [0, 360). */
double geo_bearing_deg(struct geo_point a, struct geo_point b);
/* The box that holds all points within distance_m of the box; widened to all longitudes near a pole or when it would
 * cross the antimeridian. */
struct geo_box geo_box_grow(struct geo_box box, double distance_m);
bool geo_box_overlaps(struct geo_box a, struct geo_box b);

enum geo_relation {
	GEO_NEAR, /* distance between min and max */
	GEO_WITHIN,
	GEO_CONTAINS,
	GEO_INTERSECTS,
	GEO_EQUALS,
	GEO_DISJOINT,
	GEO_OVERLAPS
};

struct geo_query {
	enum geo_relation relation;
	double distance_m_min; /* GEO_NEAR; 0 when not given */
	double distance_m_max; /* GEO_NEAR; INFINITY when not given */
	const struct json *geometry; /* the reference geometry, checked */
};

/* GEOS context, prepared reference geometry and scratch; one per thread and query. */
struct geo_matcher;
/* The query and its geometry must outlive the matcher. Errors: ERR_INVALID (self-intersecting ring …), ERR_MEMORY. */
MUST_CHECK enum err_code geo_matcher_new(const struct geo_query *query, struct geo_matcher **ret_matcher,
					 struct error *err);
struct geo_matcher *geo_matcher_free(struct geo_matcher *matcher);
/* Does the target geometry (an entity's GeoProperty value, checked) stand in the relation to the reference?
 * "within": the target lies within the reference. Points in boxes and near points are decided without GEOS. */
bool geo_matches(struct geo_matcher *matcher, const struct json *target);

/* Metres between the nearest places of the reference and the target, whatever the relation: exact (haversine) between
 * points, else as matcher.c and distance.c say. False when the target has no place. */
bool geo_matcher_distance_m(struct geo_matcher *matcher, const struct json *target, double *ret_m);

/* The box that every match of the query must overlap (to narrow by an index); false when any place may match. */
bool geo_query_box(const struct geo_query *query, struct geo_box *ret_box);

#endif
