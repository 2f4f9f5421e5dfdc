/* From GeoJSON to GEOS geometries, longitude as x and latitude as y. */
#include "base/cleanup.h"
#include "geo/geo_int.h"

#include <limits.h>

static GEOSCoordSequence *sequence_new(GEOSContextHandle_t geos, const struct json *line)
{
	if (!json_is(line, JSON_ARRAY) || line->count > INT_MAX)
		return NULL;
	GEOSCoordSequence *sequence = GEOSCoordSeq_create_r(geos, line->count, 2);

	for (uint32_t i = 0; sequence && i < line->count; i++) {
		struct geo_point at;

		if (!geo_position(&line->items[i], &at) || !GEOSCoordSeq_setXY_r(geos, sequence, i, at.lon, at.lat)) {
			GEOSCoordSeq_destroy_r(geos, sequence);
			return NULL;
		}
	}
	return sequence;
}

static GEOSGeometry *point_new(GEOSContextHandle_t geos, const struct json *position)
{
	struct geo_point at;

	return geo_position(position, &at) ? GEOSGeom_createPointFromXY_r(geos, at.lon, at.lat) : NULL;
}

static GEOSGeometry *line_new(GEOSContextHandle_t geos, const struct json *line)
{
	GEOSCoordSequence *sequence = sequence_new(geos, line);

	return sequence ? GEOSGeom_createLineString_r(geos, sequence) : NULL; /* takes the sequence in any case */
}

static GEOSGeometry *ring_new(GEOSContextHandle_t geos, const struct json *ring)
{
	GEOSCoordSequence *sequence = sequence_new(geos, ring);

	return sequence ? GEOSGeom_createLinearRing_r(geos, sequence) : NULL;
}

typedef GEOSGeometry *maker(GEOSContextHandle_t geos, const struct json *node);

/* All parts of an array, made one by one; NULL and nothing left behind when one cannot be made. */
static GEOSGeometry **parts_new(GEOSContextHandle_t geos, const struct json *array, maker *make)
{
	GEOSGeometry **parts = json_is(array, JSON_ARRAY) ? calloc(array->count + 1u, sizeof(*parts)) : NULL;

	for (uint32_t i = 0; parts && i < array->count; i++) {
		parts[i] = make(geos, &array->items[i]);
		if (parts[i])
			continue;
		while (i > 0)
			GEOSGeom_destroy_r(geos, parts[--i]);
		free(parts);
		return NULL;
	}
	return parts;
}

static GEOSGeometry *polygon_new(GEOSContextHandle_t geos, const struct json *rings)
{
	CLEANUP_MEMORY GEOSGeometry **parts = parts_new(geos, rings, ring_new);

	if (!parts || rings->count == 0)
		return NULL;
	return GEOSGeom_createPolygon_r(geos, parts[0], parts + 1, rings->count - 1);
}

static GEOSGeometry *collection_new(GEOSContextHandle_t geos, int type, const struct json *array, maker *make)
{
	CLEANUP_MEMORY GEOSGeometry **parts = parts_new(geos, array, make);

	return parts ? GEOSGeom_createCollection_r(geos, type, parts, array->count) : NULL;
}

GEOSGeometry *geo_shape_new(GEOSContextHandle_t geos, const struct json *geometry)
{
	enum geo_kind kind;
	const struct json *coordinates = geo_coordinates(geometry);

	if (!coordinates || !geo_kind_of(geometry, &kind))
		return NULL;
	switch (kind) {
	case GEO_POINT:
		return point_new(geos, coordinates);
	case GEO_MULTI_POINT:
		return collection_new(geos, GEOS_MULTIPOINT, coordinates, point_new);
	case GEO_LINE_STRING:
		return line_new(geos, coordinates);
	case GEO_MULTI_LINE_STRING:
		return collection_new(geos, GEOS_MULTILINESTRING, coordinates, line_new);
	case GEO_POLYGON:
		return polygon_new(geos, coordinates);
	case GEO_MULTI_POLYGON:
		return collection_new(geos, GEOS_MULTIPOLYGON, coordinates, polygon_new);
	case GEO_KIND_COUNT:
		break;
	}
	return NULL;
}
