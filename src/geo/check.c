/* Is this JSON a GeoJSON geometry that NGSI-LD accepts? (RFC 7946 section 3.1; GS CIM 009 V1.9.1 clause 4.7.1)
 *
 * The six kinds differ only in how many arrays stand around a position, in how many positions the innermost array must
 * hold and in whether it must be closed, so one walk driven by a table checks them all. */
#include "geo/geo_int.h"

#include <math.h>
#include <stdio.h>

#define LEVELS_MAX 4 /* MultiPolygon: polygons, rings, positions, numbers */
#define PLACE_BYTES 96

const struct geo_kind_rule geo_kinds[GEO_KIND_COUNT] = {
	[GEO_POINT] = {{"Point", 5}, 0, 1, false},
	[GEO_MULTI_POINT] = {{"MultiPoint", 10}, 1, 0, false},
	[GEO_LINE_STRING] = {{"LineString", 10}, 1, 2, false},
	[GEO_MULTI_LINE_STRING] = {{"MultiLineString", 15}, 2, 2, false},
	[GEO_POLYGON] = {{"Polygon", 7}, 2, 4, true},
	[GEO_MULTI_POLYGON] = {{"MultiPolygon", 12}, 3, 4, true},
};

/* Where the walk stands: the index taken at each level of arrays. */
struct place {
	uint32_t index[LEVELS_MAX];
	int depth;
};

static const char *place_text(const struct place *place, char buffer[static PLACE_BYTES])
{
	int len = snprintf(buffer, PLACE_BYTES, "coordinates");

	for (int i = 0; i < place->depth; i++)
		len += snprintf(buffer + len, PLACE_BYTES - (size_t)len, "[%u]", place->index[i]);
	return buffer;
}

bool geo_kind_of(const struct json *geometry, enum geo_kind *ret_kind)
{
	struct str type = json_text(json_get(geometry, STR("type")));

	for (int kind = 0; kind < GEO_KIND_COUNT; kind++)
		if (str_eq(type, geo_kinds[kind].name)) {
			*ret_kind = (enum geo_kind)kind;
			return true;
		}
	return false;
}

const struct json *geo_coordinates(const struct json *geometry)
{
	const struct json *coordinates = json_get(geometry, STR("coordinates"));

	return json_is(coordinates, JSON_ARRAY) ? coordinates : NULL;
}

bool geo_position(const struct json *position, struct geo_point *ret_point)
{
	if (!json_is(position, JSON_ARRAY) || position->count < 2 || position->count > 3)
		return false;
	for (uint32_t i = 0; i < position->count; i++)
		if (position->items[i].kind != JSON_NUMBER)
			return false;
	*ret_point = (struct geo_point){position->items[0].number, position->items[1].number};
	return true;
}

static enum err_code check_position(const struct json *position, const struct place *place, struct error *err)
{
	char at[PLACE_BYTES];
	struct geo_point point;

	if (!geo_position(position, &point))
		return err_set(err, ERR_INVALID, "%s: a position is an array of two or three numbers",
			       place_text(place, at));
	if (!(fabs(point.lon) <= 180))
		return err_set(err, ERR_INVALID, "%s: longitude %.10g is outside -180 to 180", place_text(place, at),
			       point.lon);
	if (!(fabs(point.lat) <= 90))
		return err_set(err, ERR_INVALID, "%s: latitude %.10g is outside -90 to 90", place_text(place, at),
			       point.lat);
	return ERR_OK;
}

static enum err_code check_ring_closed(const struct json *ring, const struct place *place, struct error *err)
{
	char at[PLACE_BYTES];
	const struct json *first = &ring->items[0], *last = &ring->items[ring->count - 1];
	bool same = first->count == last->count;

	for (uint32_t i = 0; same && i < first->count; i++)
		same = first->items[i].number == last->items[i].number;
	if (!same)
		return err_set(err, ERR_INVALID, "%s: the ring's last position differs from its first",
			       place_text(place, at));
	return ERR_OK;
}

/* Recursion is bounded by the rule's levels, three at most. */
static enum err_code check_level(const struct json *node, int levels, const struct geo_kind_rule *rule,
				 struct place *place, struct error *err)
{
	char at[PLACE_BYTES];

	if (levels == 0)
		return check_position(node, place, err);
	if (!json_is(node, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "%s: expected an array", place_text(place, at));
	uint32_t count_min = levels == 1 ? rule->positions_min : levels == 2 && rule->ring ? 1 : 0;

	if (node->count < count_min)
		return err_set(err, ERR_INVALID, "%s: %u %s, a %s needs %u at least", place_text(place, at),
			       node->count, levels == 1 ? "positions" : "rings", rule->name.at, count_min);
	place->depth++;
	for (uint32_t i = 0; i < node->count; i++) {
		place->index[place->depth - 1] = i;
		enum err_code code = check_level(&node->items[i], levels - 1, rule, place, err);

		if (code)
			return code;
	}
	place->depth--;
	return levels == 1 && rule->ring ? check_ring_closed(node, place, err) : ERR_OK;
}

enum err_code geo_check(const struct json *geometry, struct error *err)
{
	enum geo_kind kind;
	struct place place = {.depth = 0};

	if (!json_is(geometry, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a geometry is an object with type and coordinates");
	if (!geo_kind_of(geometry, &kind)) {
		struct str type = json_text(json_get(geometry, STR("type")));

		return err_set(err, ERR_INVALID,
			       "geometry type \"%.*s\" is none of Point, MultiPoint, LineString, MultiLineString, "
			       "Polygon, MultiPolygon",
			       type.len > 40 ? 40 : (int)type.len, type.at ? type.at : "");
	}
	const struct json *coordinates = json_get(geometry, STR("coordinates"));

	if (!coordinates)
		return err_set(err, ERR_INVALID, "the %s has no coordinates", geo_kinds[kind].name.at);
	enum err_code code = check_level(coordinates, geo_kinds[kind].levels, &geo_kinds[kind], &place, err);

	return code ? code : geo_check_areas(geometry, err);
}
