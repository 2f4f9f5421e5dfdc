/* The geo room: GeoJSON rules against RFC 7946, distances against published and hand-calculated values and against
 * dense sampling, relations against the textbook cases of DE-9IM (OGC 06-103r4, clause 6.1.15). */
#include "base/cleanup.h"
#include "check.h"
#include "geo/geo.h"

#include <string.h>

static struct arena arena;
static struct json_parser *parser;

/* JSON as it is, with ' for " so that geometries can be read here. */
static const struct json *parse(const char *text)
{
	struct error err;
	struct json *json = NULL;
	struct str copy = arena_dup(&arena, str_from(text));
	char *at = arena_bytes(&arena, copy.len, 1);

	for (size_t i = 0; i < copy.len; i++)
		at[i] = copy.at[i] == '\'' ? '"' : copy.at[i];
	CHECK_OK(json_parse(parser, &arena, (struct str){at, copy.len}, NULL, &json, &err), &err);
	return json;
}

static const struct json *shape(const char *type, const char *coordinates)
{
	struct str text = arena_printf(&arena, "{'type':'%s','coordinates':%s}", type, coordinates);
	const struct json *json = parse(text.at);
	struct error err;

	CHECK_OK(geo_check(json, &err), &err);
	return json;
}

static const struct json *point_shape(double lon, double lat)
{
	struct str text = arena_printf(&arena, "[%.12f,%.12f]", lon, lat);

	return shape("Point", text.at);
}

static bool related(enum geo_relation relation, const struct json *target, const struct json *reference)
{
	struct geo_query query = {.relation = relation, .distance_m_max = INFINITY, .geometry = reference};
	struct geo_matcher *matcher = NULL;
	struct error err;
	struct geo_box box, target_box;

	if (!CHECK_OK(geo_matcher_new(&query, &matcher, &err), &err))
		return false;
	bool matches = geo_matches(matcher, target);

	/* What matches must overlap the box that stores narrow by. */
	if (matches && geo_query_box(&query, &box) && geo_bounds(target, &target_box))
		CHECK(geo_box_overlaps(box, target_box));
	(void)geo_matcher_free(matcher);
	return matches;
}

static bool near(const struct json *target, const struct json *reference, double min, double max)
{
	struct geo_query query = {
		.relation = GEO_NEAR, .distance_m_min = min, .distance_m_max = max, .geometry = reference};
	struct geo_matcher *matcher = NULL;
	struct error err;
	struct geo_box box, target_box;

	if (!CHECK_OK(geo_matcher_new(&query, &matcher, &err), &err))
		return false;
	bool matches = geo_matches(matcher, target);

	if (matches && geo_query_box(&query, &box) && geo_bounds(target, &target_box))
		CHECK(geo_box_overlaps(box, target_box));
	(void)geo_matcher_free(matcher);
	return matches;
}

static void check_refused(const char *text, const char *why)
{
	struct error err = {.code = ERR_OK};

	if (!CHECK(geo_check(parse(text), &err) == ERR_INVALID))
		printf("# accepted: %s\n", text);
	else if (!CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# said: %s\n", err.detail);
}

/* The examples of RFC 7946, appendix A. */
static void geometries_of_the_rfc_are_accepted(void)
{
	struct error err;
	static const char *const texts[] = {
		"{'type':'Point','coordinates':[100.0,0.0]}",
		"{'type':'Point','coordinates':[100.0,0.0,12.5]}",
		"{'type':'LineString','coordinates':[[100.0,0.0],[101.0,1.0]]}",
		"{'type':'Polygon','coordinates':[[[100.0,0.0],[101.0,0.0],[101.0,1.0],[100.0,1.0],[100.0,0.0]],"
		"[[100.8,0.8],[100.8,0.2],[100.2,0.2],[100.2,0.8],[100.8,0.8]]]}",
		"{'type':'MultiPoint','coordinates':[[100.0,0.0],[101.0,1.0]]}",
		"{'type':'MultiLineString','coordinates':[[[100.0,0.0],[101.0,1.0]],[[102.0,2.0],[103.0,3.0]]]}",
		"{'type':'MultiPolygon','coordinates':[[[[102.0,2.0],[103.0,2.0],[103.0,3.0],[102.0,3.0],"
		"[102.0,2.0]]],[[[100.0,0.0],[101.0,0.0],[101.0,1.0],[100.0,1.0],[100.0,0.0]]]]}",
		"{'type':'MultiPoint','coordinates':[]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_OK(geo_check(parse(texts[i]), &err), &err);
}

static void broken_geometries_are_refused_with_their_place(void)
{
	check_refused("{'type':'GeometryCollection','geometries':[]}", "GeometryCollection");
	check_refused("{'type':'point','coordinates':[0,0]}", "point");
	check_refused("{'coordinates':[0,0]}", "type");
	check_refused("[1,2]", "object");
	check_refused("{'type':'Point'}", "no coordinates");
	check_refused("{'type':'Point','coordinates':[1]}", "two or three");
	check_refused("{'type':'Point','coordinates':[1,2,3,4]}", "two or three");
	check_refused("{'type':'Point','coordinates':['1',2]}", "two or three");
	check_refused("{'type':'Point','coordinates':{}}", "two or three");
	check_refused("{'type':'Point','coordinates':[180.5,2]}", "coordinates: longitude 180.5");
	check_refused("{'type':'LineString','coordinates':[[1,2]]}", "1 positions, a LineString needs 2");
	check_refused("{'type':'LineString','coordinates':[[1,2],[3,-91]]}", "coordinates[1]: latitude -91");
	check_refused("{'type':'LineString','coordinates':[1,2]}", "coordinates[0]");
	check_refused("{'type':'Polygon','coordinates':[]}", "needs 1");
	check_refused("{'type':'Polygon','coordinates':[[[0,0],[1,0],[0,0]]]}", "coordinates[0]: 3 positions");
	check_refused("{'type':'Polygon','coordinates':[[[0,0],[1,0],[1,1],[0,1]]]}",
		      "coordinates[0]: the ring's last");
	check_refused(
		"{'type':'MultiPolygon','coordinates':[[[[0,0],[1,0],[1,1],[0,0]]],[[[0,0],[1,0],[1,'a'],[0,0]]]]}",
		"coordinates[1][0][2]");
}

static void boxes_hold_all_positions(void)
{
	struct geo_box box;
	struct geo_point at;

	CHECK(geo_bounds(shape("LineString", "[[103.6,1.2],[104.1,1.5],[103.9,1.1]]"), &box));
	CHECK(box.west == 103.6 && box.east == 104.1 && box.south == 1.1 && box.north == 1.5);
	CHECK(!geo_bounds(shape("MultiPoint", "[]"), &box));
	CHECK(!geo_bounds(NULL, &box));
	CHECK(geo_point_of(shape("Point", "[8,40]"), &at) && at.lon == 8 && at.lat == 40);
	CHECK(!geo_point_of(shape("MultiPoint", "[[8,40]]"), &at));
	CHECK(geo_box_overlaps((struct geo_box){0, 0, 1, 1}, (struct geo_box){1, 1, 2, 2}));
	CHECK(!geo_box_overlaps((struct geo_box){0, 0, 1, 1}, (struct geo_box){1.1, 0, 2, 1}));
}

/* By hand: a degree of a great circle is π/180 · 6,371,008.8 m = 111,195.080 m, a quarter 10,007,557.2 m.
 * Published: Nashville BNA 36.12 N 86.67 W to Los Angeles LAX 33.94 N 118.40 W, 2,886.44 km with a radius of 6,371 km
 * (the haversine task of Rosetta Code), here times 6371.0088/6371; Land's End 50°03'59"N 5°42'53"W to John o' Groats
 * 58°38'38"N 3°04'12"W, 968.9 km and an initial bearing of 009°07'11" (Chris Veness, Movable Type Scripts). */
static void distances_and_bearings_agree_with_published_ones(void)
{
	struct geo_point origin = {0, 0}, east = {1, 0}, north = {0, 1}, quarter = {90, 0}, pole = {0, 90};
	struct geo_point bna = {-86.67, 36.12}, lax = {-118.40, 33.94};
	struct geo_point lands_end = {-(5 + 42 / 60. + 53 / 3600.), 50 + 3 / 60. + 59 / 3600.};
	struct geo_point john = {-(3 + 4 / 60. + 12 / 3600.), 58 + 38 / 60. + 38 / 3600.};

	CHECK_NEAR(geo_distance_m(origin, east), 111195.080, 0.001);
	CHECK_NEAR(geo_distance_m(origin, north), 111195.080, 0.001);
	CHECK_NEAR(geo_distance_m(origin, quarter), 10007557.18, 0.1);
	CHECK_NEAR(geo_distance_m(east, pole), 10007557.18, 0.1);
	CHECK_NEAR(geo_distance_m((struct geo_point){-179.5, 0}, (struct geo_point){179.5, 0}), 111195.080, 0.001);
	CHECK_NEAR(geo_distance_m(origin, (struct geo_point){180, 0}), 20015114.35, 0.1);
	CHECK(geo_distance_m(bna, bna) == 0);
	CHECK_NEAR(geo_distance_m(bna, lax), 2886448.4, 10);
	CHECK_NEAR(geo_distance_m(lands_end, john), 968.9e3, 60);
	CHECK_NEAR(geo_bearing_deg(lands_end, john), 9 + 7 / 60. + 11 / 3600., 0.5 / 3600);
	CHECK_NEAR(geo_bearing_deg(origin, north), 0, 1e-12);
	CHECK_NEAR(geo_bearing_deg(origin, east), 90, 1e-12);
	CHECK_NEAR(geo_bearing_deg(north, origin), 180, 1e-12);
	CHECK_NEAR(geo_bearing_deg(east, origin), 270, 1e-12);
}

static double fraction(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)(*state >> 11) / 9007199254740992.0;
}

/* Where a great circle of bearing θ and length d from a place ends (spherical trigonometry, direct problem). */
static struct geo_point destination(struct geo_point from, double bearing_deg, double distance_m)
{
	const double rad = 3.14159265358979323846 / 180;
	double delta = distance_m / 6371008.8, theta = bearing_deg * rad, lat = from.lat * rad;
	double lat_to = asin(sin(lat) * cos(delta) + cos(lat) * sin(delta) * cos(theta));
	double lon_to = from.lon * rad + atan2(sin(theta) * sin(delta) * cos(lat), cos(delta) - sin(lat) * sin(lat_to));

	return (struct geo_point){remainder(lon_to / rad, 360), lat_to / rad};
}

/* Method: walk from random places in random directions; no arrival within the distance may lie outside the box. */
static void a_grown_box_holds_every_place_within_the_distance(void)
{
	uint64_t state = 7;

	for (int i = 0; i < 20000; i++) {
		struct geo_point from = {fraction(&state) * 360 - 180, fraction(&state) * 180 - 90};
		struct geo_box box = {from.lon, from.lat, from.lon, from.lat};
		double distance_m = pow(10, fraction(&state) * 7.3);
		struct geo_box grown = geo_box_grow(box, distance_m);
		struct geo_point to = destination(from, fraction(&state) * 360, distance_m * 0.999999);
		struct geo_box at = {to.lon, to.lat, to.lon, to.lat};

		if (!CHECK(geo_box_overlaps(grown, at)))
			printf("# %.9g,%.9g %.9g m to %.9g,%.9g\n", from.lon, from.lat, distance_m, to.lon, to.lat);
		CHECK_NEAR(geo_distance_m(from, to), distance_m * 0.999999, distance_m * 1e-6 + 0.01);
	}
	struct geo_box half = geo_box_grow((struct geo_box){10, 0, 10, 0}, 111195.080);

	CHECK_NEAR(half.west, 9, 1e-6);
	CHECK_NEAR(half.north, 1, 1e-6);
	half = geo_box_grow((struct geo_box){10, 60, 10, 60}, 111195.080);
	CHECK_NEAR(half.east, 10 + asin(sin(3.14159265358979 / 180) / 0.5) * 180 / 3.14159265358979, 1e-6);
}

static void near_takes_the_distance_between_points(void)
{
	const struct json *origin = shape("Point", "[103.8,1.3]");

	CHECK(near(shape("Point", "[103.8,1.3]"), origin, 0, 1));
	CHECK(near(shape("Point", "[103.81,1.3]"), origin, 0, 1112)); /* 0.01° · cos 1.3° = 1111.66 m */
	CHECK(!near(shape("Point", "[103.81,1.3]"), origin, 0, 1111));
	CHECK(near(shape("Point", "[103.81,1.3]"), origin, 1111, INFINITY));
	CHECK(!near(shape("Point", "[103.81,1.3]"), origin, 1112, INFINITY));
	CHECK(!near(origin, origin, 1, INFINITY));
	CHECK(near(shape("Point", "[-179.999,0]"), shape("Point", "[179.999,0]"), 0, 223));
	CHECK(!near(shape("Point", "[-179.999,0]"), shape("Point", "[179.999,0]"), 0, 222));
}

/* By hand on the equator: 0.1° is 11,119.5 m. */
static void near_takes_the_nearest_place_of_lines_and_polygons(void)
{
	const struct json *line = shape("LineString", "[[0,-1],[0,1]]");
	const struct json *square = shape("Polygon", "[[[0,-1],[2,-1],[2,1],[0,1],[0,-1]]]");
	const struct json *holed = shape("Polygon", "[[[0,-1],[2,-1],[2,1],[0,1],[0,-1]],"
						    "[[0.5,-0.5],[1.5,-0.5],[1.5,0.5],[0.5,0.5],[0.5,-0.5]]]");
	const struct json *left = shape("Point", "[-0.1,0]"), *middle = shape("Point", "[1,0]");
	const struct json *shapes[] = {line, square};

	for (int i = 0; i < 2; i++) {
		CHECK(near(left, shapes[i], 0, 11120) && !near(left, shapes[i], 0, 11119));
		CHECK(near(shapes[i], left, 0, 11120) && !near(shapes[i], left, 0, 11119));
	}
	CHECK(near(middle, square, 0, 0.001));
	CHECK(near(square, middle, 0, 0.001));
	CHECK(!near(middle, square, 0.001, INFINITY));
	CHECK(near(middle, holed, 0, 55598) && !near(middle, holed, 0, 55590)); /* half a degree to the hole's rim */
	CHECK(near(shape("LineString", "[[-0.1,-1],[-0.1,1]]"), square, 0, 11120));
	CHECK(!near(shape("LineString", "[[-0.1,-1],[-0.1,1]]"), square, 0, 11117));
	CHECK(near(shape("LineString", "[[1,0],[1,0.5]]"), square, 0, 0.001)); /* inside: distance 0 */
	CHECK(near(shape("MultiPoint", "[[-5,0],[-0.1,0]]"), line, 0, 11120));
	CHECK(near(shape("LineString", "[[-179.95,-1],[-179.95,1]]"), shape("LineString", "[[179.95,-1],[179.95,1]]"),
		   0, 11120));
	CHECK(!near(shape("LineString", "[[-179.95,-1],[-179.95,1]]"), shape("LineString", "[[179.95,-1],[179.95,1]]"),
		    0, 11115));
	CHECK(near(shape("Point", "[-179.95,0]"), shape("LineString", "[[179.95,-1],[179.95,1]]"), 0, 11120));
	CHECK(!near(shape("MultiPoint", "[]"), line, 0, 1e9));
}

/* Method: sample a side densely, take the smallest haversine as the truth, and see that the threshold falls within the
 * bound that the room promises (0.1 % up to 100 km between 70° S and 70° N; samples are 1/4000 of the side apart). */
static void the_distance_to_a_side_keeps_its_error_bound(void)
{
	uint64_t state = 11;

	for (int i = 0; i < 300; i++) {
		struct geo_point a = {fraction(&state) * 350 - 175, fraction(&state) * 139 - 69.5};
		struct geo_point b = {a.lon + fraction(&state) * 2 - 1, a.lat + (fraction(&state) - 0.5)};
		struct geo_point p = {a.lon + fraction(&state) * 0.8 - 0.4, a.lat + fraction(&state) * 0.8 - 0.4};
		double truth = INFINITY;

		for (int j = 0; j <= 4000; j++) {
			double t = j / 4000.0;
			struct geo_point s = {a.lon + t * (b.lon - a.lon), a.lat + t * (b.lat - a.lat)};

			truth = fmin(truth, geo_distance_m(p, s));
		}
		struct str text = arena_printf(&arena, "[[%.12f,%.12f],[%.12f,%.12f]]", a.lon, a.lat, b.lon, b.lat);
		const struct json *line = shape("LineString", text.at), *point = point_shape(p.lon, p.lat);

		CHECK(near(point, line, 0, truth * 1.001 + 0.01));
		CHECK(!near(point, line, 0, truth * 0.999 - 20));
		CHECK(near(line, point, 0, truth * 1.001 + 0.01));
	}
}

/* The same for two lines at 45°, 0.45° (50 km) of latitude at most: bound 0.8 %. */
static void the_distance_between_lines_keeps_its_error_bound(void)
{
	uint64_t state = 13;

	for (int i = 0; i < 60; i++) {
		struct geo_point at[4];
		double truth = INFINITY;

		for (int j = 0; j < 4; j++)
			at[j] = (struct geo_point){7 + fraction(&state) * 0.3 + (j > 1 ? 0.4 : 0),
						   45 + fraction(&state) * 0.45};
		for (int j = 0; j <= 400; j++)
			for (int k = 0; k <= 400; k++) {
				double t = j / 400.0, u = k / 400.0;
				struct geo_point s = {at[0].lon + t * (at[1].lon - at[0].lon),
						      at[0].lat + t * (at[1].lat - at[0].lat)};
				struct geo_point r = {at[2].lon + u * (at[3].lon - at[2].lon),
						      at[2].lat + u * (at[3].lat - at[2].lat)};

				truth = fmin(truth, geo_distance_m(s, r));
			}
		struct str one = arena_printf(&arena, "[[%.12f,%.12f],[%.12f,%.12f]]", at[0].lon, at[0].lat, at[1].lon,
					      at[1].lat);
		struct str two = arena_printf(&arena, "[[%.12f,%.12f],[%.12f,%.12f]]", at[2].lon, at[2].lat, at[3].lon,
					      at[3].lat);

		CHECK(near(shape("LineString", one.at), shape("LineString", two.at), 0, truth * 1.008));
		CHECK(!near(shape("LineString", one.at), shape("LineString", two.at), 0, truth * 0.98));
	}
}

#define SQUARE "[[[0,0],[4,0],[4,4],[0,4],[0,0]]]"
#define TRIANGLE "[[[0,0],[4,0],[0,4],[0,0]]]"

/* A point's interior must meet the interior of what it lies within; its boundary only touches. */
static void points_are_within_interiors_only(void)
{
	const struct json *places[] = {shape("Polygon", SQUARE), shape("Polygon", TRIANGLE)};

	for (int i = 0; i < 2; i++) {
		const struct json *place = places[i];
		const struct json *in = shape("Point", "[1,1]"), *edge = shape("Point", "[2,0]");
		const struct json *corner = shape("Point", "[0,0]"), *out = shape("Point", "[5,1]");

		CHECK(related(GEO_WITHIN, in, place) && related(GEO_INTERSECTS, in, place));
		CHECK(!related(GEO_WITHIN, edge, place) && related(GEO_INTERSECTS, edge, place));
		CHECK(!related(GEO_WITHIN, corner, place) && related(GEO_INTERSECTS, corner, place));
		CHECK(!related(GEO_WITHIN, out, place) && !related(GEO_INTERSECTS, out, place));
		CHECK(!related(GEO_DISJOINT, in, place) && !related(GEO_DISJOINT, edge, place));
		CHECK(related(GEO_DISJOINT, out, place));
		CHECK(!related(GEO_CONTAINS, in, place) && !related(GEO_EQUALS, in, place));
		CHECK(!related(GEO_OVERLAPS, in, place));
		CHECK(related(GEO_CONTAINS, place, in) && !related(GEO_CONTAINS, place, edge));
		CHECK(!related(GEO_WITHIN, place, in));
		CHECK(related(GEO_INTERSECTS, place, edge) && related(GEO_DISJOINT, place, out));
	}
	CHECK(!related(GEO_WITHIN, shape("Point", "[3,3]"), places[1])); /* in the triangle's box, outside it */
	CHECK(related(GEO_DISJOINT, shape("Point", "[3,3]"), places[1]));
}

static void points_relate_to_points(void)
{
	const struct json *a = shape("Point", "[1,1]"), *same = shape("Point", "[1.0,1.0,7]"),
			  *b = shape("Point", "[1,2]");

	CHECK(related(GEO_EQUALS, same, a) && related(GEO_WITHIN, same, a) && related(GEO_CONTAINS, same, a));
	CHECK(related(GEO_INTERSECTS, same, a) && !related(GEO_DISJOINT, same, a) && !related(GEO_OVERLAPS, same, a));
	CHECK(!related(GEO_EQUALS, b, a) && !related(GEO_INTERSECTS, b, a) && related(GEO_DISJOINT, b, a));
}

static void areas_relate_as_the_textbook_says(void)
{
	const struct json *square = shape("Polygon", SQUARE);
	const struct json *inner = shape("Polygon", "[[[1,1],[2,1],[2,2],[1,2],[1,1]]]");
	const struct json *shared_edge = shape("Polygon", "[[[0,0],[2,0],[2,2],[0,2],[0,0]]]");
	const struct json *across = shape("Polygon", "[[[2,2],[6,2],[6,6],[2,6],[2,2]]]");
	const struct json *touching = shape("Polygon", "[[[4,0],[8,0],[8,4],[4,4],[4,0]]]");
	const struct json *apart = shape("Polygon", "[[[5,5],[6,5],[6,6],[5,6],[5,5]]]");
	const struct json *turned = shape("Polygon", "[[[4,4],[4,2],[4,0],[0,0],[0,4],[4,4]]]");
	const struct json *holed = shape("Polygon", "[[[-1,-1],[9,-1],[9,9],[-1,9],[-1,-1]],"
						    "[[0.5,0.5],[3,0.5],[3,3],[0.5,3],[0.5,0.5]]]");

	CHECK(related(GEO_WITHIN, inner, square) && related(GEO_CONTAINS, square, inner));
	CHECK(!related(GEO_CONTAINS, inner, square) && !related(GEO_OVERLAPS, inner, square));
	CHECK(related(GEO_WITHIN, shared_edge, square) && related(GEO_INTERSECTS, shared_edge, square));
	CHECK(related(GEO_OVERLAPS, across, square) && related(GEO_INTERSECTS, across, square));
	CHECK(!related(GEO_WITHIN, across, square) && !related(GEO_CONTAINS, across, square));
	CHECK(related(GEO_INTERSECTS, touching, square) && !related(GEO_OVERLAPS, touching, square));
	CHECK(!related(GEO_DISJOINT, touching, square));
	CHECK(related(GEO_DISJOINT, apart, square) && !related(GEO_INTERSECTS, apart, square));
	CHECK(related(GEO_EQUALS, turned, square) && related(GEO_WITHIN, turned, square));
	CHECK(related(GEO_CONTAINS, turned, square) && !related(GEO_OVERLAPS, turned, square));
	CHECK(related(GEO_DISJOINT, inner, holed)); /* it lies in the hole */
	CHECK(!related(GEO_WITHIN, inner, holed));
}

static void lines_and_collections_relate_as_the_textbook_says(void)
{
	const struct json *square = shape("Polygon", SQUARE), *road = shape("LineString", "[[-1,2],[5,2]]");
	const struct json *part = shape("LineString", "[[0,2],[7,2]]"), *lane = shape("LineString", "[[1,2],[3,2]]");
	const struct json *rim = shape("LineString", "[[0,0],[4,0]]");

	CHECK(related(GEO_INTERSECTS, road, square) && !related(GEO_OVERLAPS, road, square)); /* it crosses */
	CHECK(related(GEO_WITHIN, lane, square) && !related(GEO_WITHIN, road, square));
	CHECK(!related(GEO_WITHIN, rim, square) && related(GEO_INTERSECTS, rim, square));
	CHECK(related(GEO_OVERLAPS, part, road) && related(GEO_WITHIN, lane, road));
	CHECK(related(GEO_INTERSECTS, shape("MultiPoint", "[[9,9],[1,1]]"), square));
	CHECK(!related(GEO_WITHIN, shape("MultiPoint", "[[9,9],[1,1]]"), square));
	CHECK(related(GEO_WITHIN, shape("MultiPoint", "[[2,2],[1,1]]"), square));
	CHECK(related(GEO_OVERLAPS, shape("MultiPoint", "[[2,2],[1,1]]"), shape("MultiPoint", "[[2,2],[3,3]]")));
	CHECK(related(GEO_INTERSECTS, shape("MultiLineString", "[[[9,9],[8,8]],[[1,1],[9,1]]]"), square));
	CHECK(related(
		GEO_WITHIN, shape("Point", "[11,11]"),
		shape("MultiPolygon", "[[[[0,0],[4,0],[4,4],[0,0]]],[[[10,10],[14,10],[14,14],[10,14],[10,10]]]]")));
	CHECK(!related(GEO_INTERSECTS, shape("MultiPoint", "[]"), square));
}

static void invalid_references_are_refused_and_invalid_targets_do_not_match(void)
{
	/* geo_check refuses it; databases of before may hold some. */
	const struct json *bow_tie = parse("{'type':'Polygon','coordinates':[[[0,0],[4,4],[4,0],[0,4],[0,0]]]}");
	struct geo_query query = {.relation = GEO_WITHIN, .distance_m_max = INFINITY, .geometry = bow_tie};
	struct geo_matcher *matcher = NULL;
	struct error err = {.code = ERR_OK};

	CHECK(geo_matcher_new(&query, &matcher, &err) == ERR_INVALID && !matcher);
	CHECK(str_contains(str_from(err.detail), STR("Self-intersection")));
	query.geometry = shape("MultiPoint", "[]");
	CHECK(geo_matcher_new(&query, &matcher, &err) == ERR_INVALID && !matcher);
	CHECK(!related(GEO_WITHIN, parse("{'type':'Polygon','coordinates':[[[1,1],['x',2]]]}"),
		       shape("Polygon", SQUARE)));
	CHECK(!related(GEO_DISJOINT, parse("{'type':'Point','coordinates':'1,1'}"), shape("Polygon", SQUARE)));
	CHECK(!related(GEO_DISJOINT, parse("17"), shape("Polygon", SQUARE)));
	CHECK(!near(parse("{'type':'Point'}"), shape("Polygon", SQUARE), 0, 1e9));
	CHECK(!near(parse("{'type':'Polygon','coordinates':[[[1,1],[2,2],[1,1]]]}"),
		    shape("LineString", "[[7,7],[8,8]]"), 0, 1e5));
}

static void only_bounded_relations_have_a_box(void)
{
	struct geo_query query = {
		.relation = GEO_DISJOINT, .distance_m_max = INFINITY, .geometry = shape("Point", "[8,40]")};
	struct geo_box box = {0, 0, 0, 0};

	CHECK(!geo_query_box(&query, &box));
	query.relation = GEO_NEAR;
	CHECK(!geo_query_box(&query, &box));
	query.distance_m_max = 111195.08;
	CHECK(geo_query_box(&query, &box));
	CHECK_NEAR(box.north, 41, 1e-6);
	query.relation = GEO_WITHIN;
	CHECK(geo_query_box(&query, &box) && box.west == 8 && box.north == 40);
}

int main(void)
{
	arena_init(&arena, 256u << 20);
	parser = json_parser_new();
	RUN(geometries_of_the_rfc_are_accepted);
	RUN(broken_geometries_are_refused_with_their_place);
	RUN(boxes_hold_all_positions);
	RUN(distances_and_bearings_agree_with_published_ones);
	RUN(a_grown_box_holds_every_place_within_the_distance);
	RUN(near_takes_the_distance_between_points);
	RUN(near_takes_the_nearest_place_of_lines_and_polygons);
	RUN(the_distance_to_a_side_keeps_its_error_bound);
	RUN(the_distance_between_lines_keeps_its_error_bound);
	RUN(points_are_within_interiors_only);
	RUN(points_relate_to_points);
	RUN(areas_relate_as_the_textbook_says);
	RUN(lines_and_collections_relate_as_the_textbook_says);
	RUN(invalid_references_are_refused_and_invalid_targets_do_not_match);
	RUN(only_bounded_relations_have_a_box);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
