/* Are the areas of a geometry areas at all? (RFC 7946 section 3.1.6: linear rings; OGC 06-103r4 clause 6.1.11)
 *
 * A ring that crosses itself bounds no area: whether a place lies in a bow tie is anybody's guess, so that within,
 * contains and the other relations would be undefined. Such a polygon is refused where it comes in, with the place of
 * the crossing, rather than stored and then matched by nothing. Points and lines have no such rule: a line may cross
 * itself. GEOS decides; its context costs a few microseconds, so that only polygons pay. */
#include "base/cleanup.h"
#include "geo/geo_int.h"

struct validity {
	GEOSContextHandle_t geos;
	GEOSGeometry *shape;
	char *reason;
	GEOSGeometry *place; /* a point */
};

static void quiet(const char *message, void *self)
{
	(void)message;
	(void)self;
}

static void validity_done(struct validity *validity)
{
	if (validity->place)
		GEOSGeom_destroy_r(validity->geos, validity->place);
	if (validity->reason)
		GEOSFree_r(validity->geos, validity->reason);
	if (validity->shape)
		GEOSGeom_destroy_r(validity->geos, validity->shape);
	if (validity->geos)
		GEOS_finish_r(validity->geos);
}

static enum err_code judge(struct validity *validity, const struct json *geometry, const char *type, struct error *err)
{
	GEOSContextHandle_t geos = validity->geos = GEOS_init_r();
	struct geo_point at;

	if (!geos)
		return err_set(err, ERR_MEMORY, "no memory for a GEOS context");
	GEOSContext_setErrorMessageHandler_r(geos, quiet, NULL);
	GEOSContext_setNoticeMessageHandler_r(geos, quiet, NULL);
	validity->shape = geo_shape_new(geos, geometry);
	if (!validity->shape)
		return err_set(err, ERR_INVALID, "coordinates: the %s cannot be built", type);
	if (GEOSisValidDetail_r(geos, validity->shape, 0, &validity->reason, &validity->place) == 1)
		return ERR_OK;
	const char *reason = validity->reason ? validity->reason : "it bounds no area";

	if (validity->place && GEOSGeomGetX_r(geos, validity->place, &at.lon) == 1 &&
	    GEOSGeomGetY_r(geos, validity->place, &at.lat) == 1)
		return err_set(err, ERR_INVALID, "coordinates: the %s is not valid: %s at [%.10g, %.10g]", type, reason,
			       at.lon, at.lat);
	return err_set(err, ERR_INVALID, "coordinates: the %s is not valid: %s", type, reason);
}

enum err_code geo_check_areas(const struct json *geometry, struct error *err)
{
	struct validity validity = {0};
	enum geo_kind kind;

	if (!geo_kind_of(geometry, &kind) || (kind != GEO_POLYGON && kind != GEO_MULTI_POLYGON))
		return ERR_OK;
	enum err_code code = judge(&validity, geometry, geo_kinds[kind].name.at, err);

	validity_done(&validity);
	return code;
}
