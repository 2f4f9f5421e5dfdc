/* The geo-query (clause 4.10): georel, geometry, coordinates and geoproperty belong together.
 *
 *   georel = "near" 1*2(";" ("maxDistance" / "minDistance") "==" metres) / "within" / "contains" / …
 *
 * The clause's grammar gives near exactly one distance; both at once are taken as a ring. */
#include "ngsild/expand.h"
#include "ngsild/query_int.h"

#include <math.h>
#include <string.h>

static enum err_code parse_distance(struct scan *scan, struct geo_query *geo)
{
	bool max = scan_take(scan, "maxDistance");

	if (!max && !scan_take(scan, "minDistance"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected maxDistance or minDistance, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	if (!scan_take(scan, "=="))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ==, found \"%.*s\"", STR_FMT(scan_here(scan)));
	scan_spaces(scan);
	struct q_value value = {.type = Q_NEVER};
	size_t from = scan->at;
	bool bare;
	enum err_code code = scan_value(scan, &value, &bare);

	if (code)
		return code;
	if (value.type != Q_NUMBER || !(value.number > 0))
		return scan_fail(scan, from, ERR_INVALID, "a distance is a number of metres greater than 0");
	double *slot = max ? &geo->distance_m_max : &geo->distance_m_min;

	if (max ? isfinite(*slot) : *slot > 0)
		return scan_fail(scan, from, ERR_INVALID, "%s is given twice", max ? "maxDistance" : "minDistance");
	*slot = value.number;
	return ERR_OK;
}

static enum err_code parse_near(struct scan *scan, struct geo_query *geo)
{
	geo->relation = GEO_NEAR;
	if (!scan_take(scan, ";"))
		return scan_fail(scan, scan->at, ERR_INVALID,
				 "near needs ;maxDistance== or ;minDistance==, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	do {
		enum err_code code = parse_distance(scan, geo);

		if (code)
			return code;
	} while (scan_take(scan, ";"));
	return ERR_OK;
}

static enum err_code parse_georel(struct scan *scan, struct geo_query *geo)
{
	static const struct {
		const char *name;
		enum geo_relation relation;
	} relations[] = {
		{"within", GEO_WITHIN}, {"contains", GEO_CONTAINS}, {"intersects", GEO_INTERSECTS},
		{"equals", GEO_EQUALS}, {"disjoint", GEO_DISJOINT}, {"overlaps", GEO_OVERLAPS},
	};
	bool found = scan_take(scan, "near");
	enum err_code code = found ? parse_near(scan, geo) : ERR_OK;

	if (code)
		return code;
	for (size_t i = 0; !found && i < sizeof(relations) / sizeof(relations[0]); i++) {
		found = scan_take(scan, relations[i].name);
		geo->relation = relations[i].relation;
	}
	if (!found || !scan_end(scan))
		return scan_fail(
			scan, scan->at, ERR_INVALID,
			"expected near, within, contains, intersects, equals, disjoint or overlaps, found \"%.*s\"",
			STR_FMT(scan_here(scan)));
	return ERR_OK;
}

/* Of a checked geometry. */
static uint64_t count_positions(const struct json *coordinates)
{
	uint64_t count = 0;

	if (!json_is(coordinates, JSON_ARRAY))
		return 0;
	if (coordinates->count > 0 && !json_is(&coordinates->items[0], JSON_ARRAY))
		return 1;
	for (uint32_t i = 0; i < coordinates->count; i++)
		count += count_positions(&coordinates->items[i]);
	return count;
}

static enum err_code build_geometry(struct query *query, const struct scan *scan, const struct query_text *text)
{
	struct json *coordinates = NULL;
	enum err_code code = json_parse(scan->parser, scan->arena, text->coordinates, NULL, &coordinates, scan->err);

	if (code)
		return err_while(scan->err, "reading coordinates");
	struct str type = arena_dup(scan->arena, text->geometry);
	struct json *geometry = json_new(scan->arena, json_object());

	if (!type.at || !geometry || !json_add(scan->arena, geometry, STR("type"), json_string(type)) ||
	    !json_add(scan->arena, geometry, STR("coordinates"), *coordinates))
		return scan_no_memory(scan);
	code = geo_check(geometry, scan->err);
	if (code)
		return err_while(scan->err, "reading geometry and coordinates");
	/* The distance to each candidate takes a walk along the whole of it. */
	if (query->geo.relation == GEO_NEAR && count_positions(coordinates) > QUERY_NEAR_POSITIONS_MAX)
		return err_set(scan->err, ERR_TOO_COMPLEX, "coordinates: near a geometry of more than %d positions",
			       QUERY_NEAR_POSITIONS_MAX);
	query->geo.geometry = geometry;
	code = geo_matcher_new(&query->geo, &query->geo_matcher, scan->err);
	return code ? err_while(scan->err, "reading geometry and coordinates") : ERR_OK;
}

/* A name, or an IRI, which stands in subscriptions (5.2.13). */
static enum err_code parse_property(struct scan *scan, struct str *ret_iri)
{
	struct str name = scan->text;
	bool iri = expand_is_uri(name);
	enum err_code code = iri ? ERR_OK : scan_name(scan, &name);

	if (code == ERR_OK && !iri && !scan_end(scan))
		code = scan_fail(scan, scan->at, ERR_INVALID, "expected one attribute name");
	return code ? code : scan_expand(scan, 0, name, ret_iri);
}

enum err_code query_build_geo(struct query *query, const struct scan *scan, const struct query_text *text)
{
	struct scan georel = *scan, property = *scan;

	if (!text->georel.at && !text->geometry.at && !text->coordinates.at)
		return ERR_OK;
	if (!text->georel.at || !text->geometry.at || !text->coordinates.at)
		return err_set(scan->err, ERR_INVALID, "georel, geometry and coordinates go together: %s is missing",
			       !text->georel.at     ? "georel"
			       : !text->geometry.at ? "geometry"
						    : "coordinates");
	query->geo = (struct geo_query){.distance_m_max = INFINITY};
	georel.name = "georel";
	georel.text = text->georel;
	property.name = "geoproperty";
	property.text = text->geoproperty.at ? text->geoproperty : STR("location");
	enum err_code code = parse_georel(&georel, &query->geo);

	if (code == ERR_OK)
		code = parse_property(&property, &query->geo_iri);
	return code ? code : build_geometry(query, scan, text);
}

/* Any instance of the GeoProperty suffices (5.7.2.4); an entity without it never matches, also not "disjoint". */
bool query_eval_geo(const struct query *query, const struct json *entity)
{
	const struct json *instances = json_get(entity, query->geo_iri);

	if (!json_is(instances, JSON_ARRAY))
		return false;
	for (uint32_t i = 0; i < instances->count; i++) {
		const struct json *instance = &instances->items[i];

		if (str_eq(json_text(json_get(instance, STR("type"))), STR("GeoProperty")) &&
		    geo_matches(query->geo_matcher, json_get(instance, STR("value"))))
			return true;
	}
	return false;
}
