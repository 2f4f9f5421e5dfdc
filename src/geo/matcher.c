/* One geo-query against many targets.
 *
 * Cheapest test first: a target point is decided by haversine (near) or by the reference's box alone where that says
 * enough; boxes that do not meet settle everything else but "near"; only what is left becomes a GEOS geometry and is
 * held against the prepared reference. Predicates are planar, in degrees, as PostGIS does for its type geometry.
 *
 * "near" between two geometries that are no points: GEOS finds the nearest pair of places in a local equirectangular
 * projection and haversine measures each pair; the smallest counts. The projection stretches latitudes by 1 / cos φ of
 * one latitude, the reference's centre first, then half-way between the pair found (PASSES_MAX times at most). The
 * result is never below the true minimum; a place may be chosen wrongly when the scale differs along the shapes, which
 * costs at most the relative error tan φ · Δφ, Δφ (in radians) being how far in latitude the true pair's middle lies
 * from the middle of the pair found: 0.8 % for a reference reaching 50 km from north to south at 45°.
 */
#include "base/cleanup.h"
#include "geo/geo_int.h"

#include <math.h>
#include <string.h>

#define PASSES_MAX 4
#define SCALE_MIN 0.01 /* beyond 89.4° of latitude degrees of longitude are taken as at 89.4° */
#define MESSAGE_BYTES 160

struct geo_matcher {
	const struct geo_query *query;
	GEOSContextHandle_t geos;
	GEOSGeometry *reference; /* owned, made for prepared and for distances */
	const GEOSPreparedGeometry *prepared; /* owned, borrows reference */
	struct geo_box box; /* of the reference */
	struct geo_box near_box; /* GEO_NEAR with a maximum: what lies outside is too far */
	struct geo_point point; /* when is_point */
	bool bounded; /* near_box is set */
	bool is_point; /* the reference is a Point */
	bool is_box; /* the reference is an axis-parallel rectangle */
	char message[MESSAGE_BYTES]; /* GEOS's last complaint */
};

static void take_message(const char *message, void *self)
{
	struct geo_matcher *matcher = self;
	size_t len = strnlen(message, MESSAGE_BYTES - 1);

	memcpy(matcher->message, message, len);
	matcher->message[len] = '\0';
}

struct geo_matcher *geo_matcher_free(struct geo_matcher *matcher)
{
	if (!matcher)
		return NULL;
	if (matcher->prepared)
		GEOSPreparedGeom_destroy_r(matcher->geos, matcher->prepared);
	if (matcher->reference)
		GEOSGeom_destroy_r(matcher->geos, matcher->reference);
	if (matcher->geos)
		GEOS_finish_r(matcher->geos);
	free(matcher);
	return NULL;
}

DEFINE_CLEANUP(struct geo_matcher *, geo_matcher);

static enum err_code check_valid(struct geo_matcher *matcher, struct error *err)
{
	if (GEOSisValid_r(matcher->geos, matcher->reference) == 1)
		return ERR_OK;
	char *reason = GEOSisValidReason_r(matcher->geos, matcher->reference);
	enum err_code code =
		err_set(err, ERR_INVALID, "the geometry is not valid: %s", reason ? reason : matcher->message);

	if (reason)
		GEOSFree_r(matcher->geos, reason);
	return code;
}

/* A rectangle along the axes: five positions, each side level or upright, no two in a row alike, no hole. */
static bool is_rectangle(const struct json *geometry)
{
	enum geo_kind kind;
	const struct json *rings = geo_coordinates(geometry);

	if (!rings || !geo_kind_of(geometry, &kind) || kind != GEO_POLYGON || rings->count != 1)
		return false;
	const struct json *ring = &rings->items[0];
	struct geo_point at[5];

	if (!json_is(ring, JSON_ARRAY) || ring->count != 5)
		return false;
	for (uint32_t i = 0; i < 5; i++)
		if (!geo_position(&ring->items[i], &at[i]))
			return false;
	bool level_first = at[0].lat == at[1].lat;

	for (int i = 0; i < 4; i++) {
		bool level = at[i].lat == at[i + 1].lat, upright = at[i].lon == at[i + 1].lon;

		if (level == upright || level != (level_first == (i % 2 == 0)))
			return false;
	}
	return true;
}

static enum err_code prepare(struct geo_matcher *matcher, struct error *err)
{
	const struct geo_query *query = matcher->query;

	if (!geo_bounds(query->geometry, &matcher->box))
		return err_set(err, ERR_INVALID, "the reference geometry has no positions");
	matcher->is_point = geo_point_of(query->geometry, &matcher->point);
	matcher->is_box = is_rectangle(query->geometry);
	matcher->bounded = query->relation == GEO_NEAR && isfinite(query->distance_m_max);
	if (matcher->bounded)
		matcher->near_box = geo_box_grow(matcher->box, query->distance_m_max);
	GEOSContext_setErrorMessageHandler_r(matcher->geos, take_message, matcher);
	matcher->reference = geo_shape_new(matcher->geos, query->geometry);
	if (!matcher->reference)
		return err_set(err, ERR_INVALID, "the reference geometry cannot be built%s%s",
			       matcher->message[0] ? ": " : "", matcher->message);
	enum err_code code = check_valid(matcher, err);

	if (code)
		return code;
	matcher->prepared = GEOSPrepare_r(matcher->geos, matcher->reference);
	return matcher->prepared ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a prepared geometry");
}

enum err_code geo_matcher_new(const struct geo_query *query, struct geo_matcher **ret_matcher, struct error *err)
{
	CLEANUP(geo_matcher) struct geo_matcher *matcher = calloc(1, sizeof(*matcher));

	if (!matcher)
		return err_set(err, ERR_MEMORY, "no memory for a geo matcher");
	matcher->query = query;
	matcher->geos = GEOS_init_r();
	if (!matcher->geos)
		return err_set(err, ERR_MEMORY, "no memory for a GEOS context");
	enum err_code code = prepare(matcher, err);

	if (code == ERR_OK)
		*ret_matcher = TAKE(matcher);
	return code;
}

/* Near: "within the buffer" of the maximum includes its edge, "disjoint from the buffer" of the minimum does not. */
static bool distance_holds(const struct geo_query *query, double distance_m)
{
	return distance_m <= query->distance_m_max &&
	       (query->distance_m_min <= 0 || distance_m > query->distance_m_min);
}

struct stretch {
	double scale; /* a degree of longitude in degrees of latitude: latitudes are divided by it */
	double move_lon; /* added to longitudes */
};

static int stretch_xy(double *x, double *y, void *self)
{
	const struct stretch *stretch = self;

	*x += stretch->move_lon;
	*y /= stretch->scale;
	return 1;
}

/* The nearest pair of places of two shapes under one stretch; false when GEOS fails. */
static bool nearest_pair(struct geo_matcher *matcher, const GEOSGeometry *target, struct stretch *stretch,
			 double target_move_lon, struct geo_point pair[static 2])
{
	GEOSContextHandle_t geos = matcher->geos;
	struct stretch moved = {stretch->scale, target_move_lon};
	GEOSGeometry *a = GEOSGeom_transformXY_r(geos, matcher->reference, stretch_xy, stretch);
	GEOSGeometry *b = GEOSGeom_transformXY_r(geos, target, stretch_xy, &moved);
	GEOSCoordSequence *places = a && b ? GEOSNearestPoints_r(geos, a, b) : NULL;
	bool good = places != NULL;

	for (unsigned i = 0; good && i < 2; i++) {
		good = GEOSCoordSeq_getXY_r(geos, places, i, &pair[i].lon, &pair[i].lat) == 1;
		pair[i].lat *= stretch->scale;
	}
	if (places)
		GEOSCoordSeq_destroy_r(geos, places);
	if (a)
		GEOSGeom_destroy_r(geos, a);
	if (b)
		GEOSGeom_destroy_r(geos, b);
	return good;
}

static double scale_at(double lat)
{
	return fmax(cos(lat * GEO_DEGREE_RAD), SCALE_MIN);
}

/* Infinite when GEOS cannot say. */
static double shapes_distance_m(struct geo_matcher *matcher, const GEOSGeometry *target, struct geo_box target_box)
{
	double between_lon = (target_box.west + target_box.east - matcher->box.west - matcher->box.east) / 2;
	double move_lon = between_lon > 180 ? -360 : between_lon < -180 ? 360 : 0;
	struct stretch stretch = {scale_at((matcher->box.south + matcher->box.north) / 2), 0};
	double nearest_m = INFINITY;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		struct geo_point pair[2];

		if (!nearest_pair(matcher, target, &stretch, move_lon, pair))
			return nearest_m;
		nearest_m = fmin(nearest_m, geo_distance_m(pair[0], pair[1]));
		double scale = scale_at((pair[0].lat + pair[1].lat) / 2);

		if (fabs(scale - stretch.scale) < 1e-7 || nearest_m <= 0)
			break;
		stretch.scale = scale;
	}
	return nearest_m;
}

/* box is the target's; infinite when it cannot be said. */
static double distance_m(struct geo_matcher *matcher, const struct json *target, const struct geo_point *point,
			 struct geo_box box)
{
	if (point && matcher->is_point)
		return geo_distance_m(matcher->point, *point);
	if (point)
		return geo_distance_to_m(*point, matcher->query->geometry);
	if (matcher->is_point)
		return geo_distance_to_m(matcher->point, target);
	GEOSGeometry *shape = geo_shape_new(matcher->geos, target);

	if (!shape)
		return INFINITY;
	double nearest_m = shapes_distance_m(matcher, shape, box);

	GEOSGeom_destroy_r(matcher->geos, shape);
	return nearest_m;
}

static bool box_of(const struct json *target, struct geo_point *point, bool *is_point, struct geo_box *box)
{
	*is_point = geo_point_of(target, point);
	if (!*is_point)
		return geo_bounds(target, box);
	*box = (struct geo_box){point->lon, point->lat, point->lon, point->lat};
	return true;
}

bool geo_matcher_distance_m(struct geo_matcher *matcher, const struct json *target, double *ret_m)
{
	struct geo_point point;
	struct geo_box box;
	bool is_point;

	if (!box_of(target, &point, &is_point, &box))
		return false;
	double nearest_m = distance_m(matcher, target, is_point ? &point : NULL, box);

	if (!isfinite(nearest_m))
		return false;
	*ret_m = nearest_m;
	return true;
}

static bool near_matches(struct geo_matcher *matcher, const struct json *target)
{
	struct geo_point point;
	struct geo_box box;
	bool is_point;

	if (!box_of(target, &point, &is_point, &box) || (matcher->bounded && !geo_box_overlaps(matcher->near_box, box)))
		return false;
	double nearest_m = distance_m(matcher, target, is_point ? &point : NULL, box);

	return isfinite(nearest_m) && distance_holds(matcher->query, nearest_m);
}

/* A point that lies in the reference's box, where box or point say all; false when GEOS has to. */
static bool point_decides(const struct geo_matcher *matcher, struct geo_point point, bool *ret_matches)
{
	const struct geo_box *box = &matcher->box;

	switch (matcher->query->relation) {
	case GEO_WITHIN: /* a point on the boundary is not within (DE-9IM: interiors must meet) */
		*ret_matches = matcher->is_point || (point.lon > box->west && point.lon < box->east &&
						     point.lat > box->south && point.lat < box->north);
		return matcher->is_point || matcher->is_box;
	case GEO_INTERSECTS:
		*ret_matches = true;
		return matcher->is_point || matcher->is_box;
	case GEO_DISJOINT:
		*ret_matches = false;
		return matcher->is_point || matcher->is_box;
	case GEO_CONTAINS:
	case GEO_EQUALS:
		*ret_matches = matcher->is_point;
		return matcher->is_point || matcher->is_box;
	case GEO_OVERLAPS: /* two single points never overlap, nor a point and anything larger */
		*ret_matches = false;
		return matcher->is_point || matcher->is_box;
	case GEO_NEAR:
		break;
	}
	return false;
}

/* GEOS answers 0, 1 or 2 for an exception; what cannot be decided does not match. */
static bool shape_matches(struct geo_matcher *matcher, const GEOSGeometry *shape)
{
	GEOSContextHandle_t geos = matcher->geos;
	const GEOSPreparedGeometry *prepared = matcher->prepared;

	switch (matcher->query->relation) {
	case GEO_WITHIN:
		return GEOSPreparedContains_r(geos, prepared, shape) == 1;
	case GEO_CONTAINS:
		return GEOSPreparedWithin_r(geos, prepared, shape) == 1;
	case GEO_INTERSECTS:
		return GEOSPreparedIntersects_r(geos, prepared, shape) == 1;
	case GEO_EQUALS:
		return GEOSEquals_r(geos, matcher->reference, shape) == 1;
	case GEO_DISJOINT:
		return GEOSPreparedDisjoint_r(geos, prepared, shape) == 1;
	case GEO_OVERLAPS:
		return GEOSPreparedOverlaps_r(geos, prepared, shape) == 1;
	case GEO_NEAR:
		break;
	}
	return false;
}

bool geo_matches(struct geo_matcher *matcher, const struct json *target)
{
	struct geo_point point;
	struct geo_box box;
	bool matches = false;

	if (matcher->query->relation == GEO_NEAR)
		return near_matches(matcher, target);
	bool is_point = geo_point_of(target, &point);

	if (is_point)
		box = (struct geo_box){point.lon, point.lat, point.lon, point.lat};
	else if (!geo_bounds(target, &box))
		return false;
	if (!geo_box_overlaps(matcher->box, box))
		return matcher->query->relation == GEO_DISJOINT;
	if (is_point && point_decides(matcher, point, &matches))
		return matches;
	GEOSGeometry *shape = geo_shape_new(matcher->geos, target);

	if (!shape)
		return false;
	matches = shape_matches(matcher, shape);
	GEOSGeom_destroy_r(matcher->geos, shape);
	return matches;
}

bool geo_query_box(const struct geo_query *query, struct geo_box *ret_box)
{
	struct geo_box box;

	if (query->relation == GEO_DISJOINT || (query->relation == GEO_NEAR && !isfinite(query->distance_m_max)) ||
	    !geo_bounds(query->geometry, &box))
		return false;
	*ret_box = query->relation == GEO_NEAR ? geo_box_grow(box, query->distance_m_max) : box;
	return true;
}
