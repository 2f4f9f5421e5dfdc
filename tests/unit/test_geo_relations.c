/* Every relation of a geo-query over every pair of geometry types (GS CIM 009 V1.9.1 clause 4.10), by cases drawn on
 * squared paper. What must come out was written down from the definitions of OGC 06-103r4, clause 6.1.15.3:
 *   within: a lies in b and their interiors meet; contains: the other way round; intersects: they share a place;
 *   disjoint: they share none; equals: the same places; overlaps: same dimension, the interiors meet in that dimension,
 *   neither holds the other.
 * And polygons that are none, refused with the place that makes them so. */
#include "base/cleanup.h"
#include "check.h"
#include "geo/geo.h"

#include <string.h>

static struct arena arena;
static struct json_parser *parser;

enum holds { W = 1, C = 2, I = 4, EQ = 8, D = 16, O = 32 };

static const enum geo_relation relations[] = {GEO_WITHIN, GEO_CONTAINS, GEO_INTERSECTS,
					      GEO_EQUALS, GEO_DISJOINT, GEO_OVERLAPS};

static const struct json *geometry(const char *type, const char *coordinates)
{
	struct str text = arena_printf(&arena, "{\"type\":\"%s\",\"coordinates\":%s}", type, coordinates);
	struct json *json = NULL;
	struct error err;

	CHECK_OK(json_parse(parser, &arena, text, NULL, &json, &err), &err);
	return json;
}

static int holding(const struct json *target, const struct json *reference)
{
	int holds = 0;

	for (int i = 0; i < 6; i++) {
		struct geo_query query = {.relation = relations[i], .distance_m_max = INFINITY, .geometry = reference};
		struct geo_matcher *matcher = NULL;
		struct geo_box box, of_target;
		struct error err;

		if (!CHECK_OK(geo_matcher_new(&query, &matcher, &err), &err))
			continue;
		if (geo_matches(matcher, target)) {
			holds |= 1 << i;
			/* What matches overlaps the box that stores narrow by. */
			if (geo_query_box(&query, &box))
				CHECK(geo_bounds(target, &of_target) && geo_box_overlaps(box, of_target));
		}
		(void)geo_matcher_free(matcher);
	}
	return holds;
}

struct pair {
	const char *target_type, *target, *reference_type, *reference;
	int holds;
};

#define P "Point"
#define MP "MultiPoint"
#define L "LineString"
#define ML "MultiLineString"
#define A "Polygon"
#define MA "MultiPolygon"
#define SQUARE "[[[0,0],[4,0],[4,4],[0,4],[0,0]]]" /* the 4 × 4 square at the origin */
#define ROUND "[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,3],[3,3],[3,1],[1,1]]]" /* with a hole of 2 × 2 */
#define TWO "[[[[0,0],[2,0],[2,2],[0,2],[0,0]]],[[[4,4],[6,4],[6,6],[4,6],[4,4]]]]" /* two 2 × 2 squares */

static const struct pair points[] = {
	{P, "[1,2]", P, "[1,2]", W | C | I | EQ},
	{P, "[1,2]", P, "[1,2.5]", D},
	{P, "[1,2]", MP, "[[0,0],[1,2]]", W | I},
	{P, "[1,2]", MP, "[[1,2]]", W | C | I | EQ},
	{P, "[1,1]", MP, "[[0,0],[1,2]]", D},
	{P, "[2,2]", L, "[[0,0],[4,4]]", W | I},
	{P, "[0,0]", L, "[[0,0],[4,4]]", I}, /* an end of a line is its boundary */
	{P, "[2,1]", L, "[[0,0],[4,4]]", D},
	{P, "[0,0]", L, "[[0,0],[4,0],[4,4],[0,0]]", W | I}, /* a closed line has no boundary */
	{P, "[5,5]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", W | I},
	{P, "[6,6]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", I},
	{P, "[2,2]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", D},
	{P, "[1,1]", A, SQUARE, W | I},
	{P, "[0,2]", A, SQUARE, I}, /* the edge is the boundary */
	{P, "[4,4]", A, SQUARE, I},
	{P, "[5,2]", A, SQUARE, D},
	{P, "[2,2]", A, ROUND, D},
	{P, "[1,2]", A, ROUND, I},
	{P, "[0.5,2]", A, ROUND, W | I},
	{P, "[5,5]", MA, TWO, W | I},
	{P, "[2,1]", MA, TWO, I},
	{P, "[3,3]", MA, TWO, D},
	{MP, "[[1,2],[3,4]]", P, "[3,4]", C | I},
	{MP, "[[1,2],[3,4]]", P, "[3,5]", D},
	{MP, "[[1,2],[3,4]]", MP, "[[3,4],[1,2]]", W | C | I | EQ},
	{MP, "[[1,2],[3,4]]", MP, "[[3,4],[5,6],[1,2]]", W | I},
	{MP, "[[1,2],[3,4]]", MP, "[[3,4],[5,6]]", I | O},
	{MP, "[[1,2],[3,4]]", MP, "[[5,6]]", D},
	{MP, "[[1,1],[2,2]]", L, "[[0,0],[4,4]]", W | I},
	{MP, "[[0,0],[4,4]]", L, "[[0,0],[4,4]]", I}, /* both ends: no interior is met */
	{MP, "[[0,0],[2,2]]", L, "[[0,0],[4,4]]", W | I},
	{MP, "[[1,1],[9,9]]", L, "[[0,0],[4,4]]", I},
	{MP, "[[1,2],[9,9]]", L, "[[0,0],[4,4]]", D},
	{MP, "[[0.5,0.5],[5,5]]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", W | I},
	{MP, "[[1,1],[2,2]]", A, SQUARE, W | I},
	{MP, "[[0,0],[2,2]]", A, SQUARE, W | I},
	{MP, "[[0,0],[4,0]]", A, SQUARE, I},
	{MP, "[[1,1],[9,9]]", A, SQUARE, I},
	{MP, "[[2,2],[9,9]]", A, ROUND, D},
	{MP, "[[1,1],[5,5]]", MA, TWO, W | I},
};

static const struct pair lines[] = {
	{L, "[[0,0],[4,4]]", P, "[2,2]", C | I},
	{L, "[[0,0],[4,4]]", P, "[0,0]", I},
	{L, "[[0,0],[4,4]]", MP, "[[1,1],[2,2]]", C | I},
	{L, "[[0,0],[4,4]]", MP, "[[1,1],[2,3]]", I},
	{L, "[[0,0],[4,4]]", L, "[[4,4],[0,0]]", W | C | I | EQ}, /* either way round */
	{L, "[[0,0],[4,4]]", L, "[[0,0],[1,1],[4,4]]", W | C | I | EQ},
	{L, "[[1,1],[2,2]]", L, "[[0,0],[4,4]]", W | I},
	{L, "[[0,0],[4,4]]", L, "[[1,1],[2,2]]", C | I},
	{L, "[[0,0],[2,2]]", L, "[[1,1],[4,4]]", I | O},
	{L, "[[0,0],[4,4]]", L, "[[0,4],[4,0]]", I}, /* they cross: a point is no line */
	{L, "[[0,0],[1,1]]", L, "[[1,1],[4,0]]", I}, /* they touch */
	{L, "[[0,0],[1,1]]", L, "[[2,2],[4,0]]", D},
	{L, "[[0,0],[1,1]]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", W | I},
	{L, "[[0,0],[5,5]]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", I | O},
	{L, "[[1,2],[2,3]]", ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", D},
	{L, "[[1,1],[3,3]]", A, SQUARE, W | I},
	{L, "[[0,0],[4,4]]", A, SQUARE, W | I}, /* ends on the boundary, the rest inside */
	{L, "[[0,0],[4,0]]", A, SQUARE, I}, /* all of it on the boundary */
	{L, "[[2,2],[9,9]]", A, SQUARE, I},
	{L, "[[5,0],[5,4]]", A, SQUARE, D},
	{L, "[[0,2],[4,2]]", A, ROUND, I}, /* through the hole */
	{L, "[[1.5,1.5],[2.5,2.5]]", A, ROUND, D},
	{L, "[[1,1],[5,5]]", MA, TWO, I},
	{L, "[[0.5,0.5],[1.5,1.5]]", MA, TWO, W | I},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", P, "[5,5]", C | I},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", MP, "[[0.5,0.5],[5,5]]", C | I},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", L, "[[0,0],[6,6]]", W | I},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", L, "[[0,0],[5,5]]", I | O},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", ML, "[[[6,6],[4,4]],[[1,1],[0,0]]]", W | C | I | EQ},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", ML, "[[[0,0],[1,1]],[[7,7],[8,8]]]", I | O},
	{ML, "[[[0,0],[1,1]],[[4,4],[6,6]]]", ML, "[[[0,1],[1,2]]]", D},
	{ML, "[[[1,1],[2,2]],[[1,3],[3,1]]]", A, SQUARE, W | I},
	{ML, "[[[1,1],[2,2]],[[5,5],[6,6]]]", A, SQUARE, I},
	{ML, "[[[5,5],[6,6]],[[7,7],[8,8]]]", A, SQUARE, D},
	{ML, "[[[0.5,0.5],[1,1]],[[5,5],[5.5,5.5]]]", MA, TWO, W | I},
};

static const struct pair areas[] = {
	{A, SQUARE, P, "[1,1]", C | I},
	{A, SQUARE, P, "[0,0]", I},
	{A, SQUARE, P, "[5,5]", D},
	{A, SQUARE, MP, "[[1,1],[0,0]]", C | I},
	{A, ROUND, MP, "[[2,2],[0.5,0.5]]", I},
	{A, SQUARE, L, "[[1,1],[3,3]]", C | I},
	{A, SQUARE, L, "[[0,0],[0,4]]", I},
	{A, SQUARE, ML, "[[[1,1],[2,2]],[[1,3],[3,1]]]", C | I},
	{A, SQUARE, A, "[[[4,4],[0,4],[0,0],[4,0],[4,4]]]", W | C | I | EQ}, /* another beginning */
	{A, SQUARE, A, "[[[0,0],[0,4],[4,4],[4,0],[0,0]]]", W | C | I | EQ}, /* the other way round */
	{A, "[[[1,1],[2,1],[2,2],[1,1]]]", A, SQUARE, W | I},
	{A, SQUARE, A, "[[[1,1],[2,1],[2,2],[1,1]]]", C | I},
	{A, "[[[2,2],[6,2],[6,6],[2,6],[2,2]]]", A, SQUARE, I | O},
	{A, "[[[4,0],[8,0],[8,4],[4,4],[4,0]]]", A, SQUARE, I}, /* an edge in common */
	{A, "[[[4,4],[8,4],[8,8],[4,8],[4,4]]]", A, SQUARE, I}, /* a corner */
	{A, "[[[5,5],[8,5],[8,8],[5,8],[5,5]]]", A, SQUARE, D},
	{A, "[[[1.5,1.5],[2.5,1.5],[2.5,2.5],[1.5,1.5]]]", A, ROUND, D}, /* in the hole */
	{A, "[[[1,1],[3,1],[3,3],[1,3],[1,1]]]", A, ROUND, I}, /* just the hole */
	{A, ROUND, A, SQUARE, W | I},
	{A, "[[[0,0],[2,0],[2,2],[0,2],[0,0]]]", MA, TWO, W | I},
	{A, SQUARE, MA, TWO, I | O},
	{A, "[[[2,2],[4,2],[4,4],[2,2]]]", MA, TWO, I}, /* corners only */
	{A, "[[[2.5,2.5],[3.5,2.5],[3,3.5],[2.5,2.5]]]", MA, TWO, D},
	{MA, TWO, P, "[5,5]", C | I},
	{MA, TWO, MP, "[[1,1],[5,5]]", C | I},
	{MA, TWO, MP, "[[3,3],[5,5]]", I},
	{MA, TWO, L, "[[0.5,0.5],[1.5,1.5]]", C | I},
	{MA, TWO, ML, "[[[0.5,0.5],[1,1]],[[5,5],[5.5,5.5]]]", C | I},
	{MA, TWO, A, "[[[0,0],[6,0],[6,6],[0,6],[0,0]]]", W | I},
	{MA, TWO, A, SQUARE, I | O},
	{MA, TWO, A, "[[[4.5,4.5],[5,4.5],[5,5],[4.5,4.5]]]", C | I},
	{MA, TWO, MA, "[[[[4,4],[6,4],[6,6],[4,6],[4,4]]],[[[0,0],[2,0],[2,2],[0,2],[0,0]]]]", W | C | I | EQ},
	{MA, TWO, MA, "[[[[0,0],[2,0],[2,2],[0,2],[0,0]]],[[[8,8],[9,8],[9,9],[8,8]]]]", I | O},
	{MA, TWO, MA, "[[[[2,0],[3,0],[3,1],[2,0]]],[[[8,8],[9,8],[9,9],[8,8]]]]", I},
	{MA, TWO, MA, "[[[[8,8],[9,8],[9,9],[8,8]]]]", D},
};

static void hold(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct pair *pair = &pairs[i];
		const struct json *target = geometry(pair->target_type, pair->target);
		const struct json *reference = geometry(pair->reference_type, pair->reference);
		struct error err;

		CHECK_OK(geo_check(target, &err), &err);
		CHECK_OK(geo_check(reference, &err), &err);
		int holds = holding(target, reference);

		if (!CHECK(holds == pair->holds))
			printf("# %s %s against %s %s: %x instead of %x\n", pair->target_type, pair->target,
			       pair->reference_type, pair->reference, holds, pair->holds);
		/* The other way round within and contains change places, all else stays. */
		const struct json *back = reference, *forth = target;
		int other = holding(back, forth), swapped = holds & ~(W | C);

		swapped |= (holds & W ? C : 0) | (holds & C ? W : 0);
		if (!CHECK(other == swapped))
			printf("# %s %s against %s %s: %x instead of %x\n", pair->reference_type, pair->reference,
			       pair->target_type, pair->target, other, swapped);
	}
}

static void points_relate_to_all_kinds(void)
{
	hold(points, sizeof(points) / sizeof(points[0]));
}

static void lines_relate_to_all_kinds(void)
{
	hold(lines, sizeof(lines) / sizeof(lines[0]));
}

static void areas_relate_to_all_kinds(void)
{
	hold(areas, sizeof(areas) / sizeof(areas[0]));
}

static bool near(const struct json *target, const struct json *reference, double min_m, double max_m)
{
	struct geo_query query = {
		.relation = GEO_NEAR, .distance_m_min = min_m, .distance_m_max = max_m, .geometry = reference};
	struct geo_matcher *matcher = NULL;
	struct error err;

	if (!CHECK_OK(geo_matcher_new(&query, &matcher, &err), &err))
		return false;
	bool matches = geo_matches(matcher, target);

	(void)geo_matcher_free(matcher);
	return matches;
}

/* One of each kind whose nearest place to the meridian of Greenwich on the equator lies one degree east of it. */
static void near_measures_to_the_nearest_place_of_all_kinds(void)
{
	static const char *const east[][2] = {
		{P, "[1,0]"},
		{MP, "[[3,0],[1,0]]"},
		{L, "[[1,0],[2,0]]"},
		{ML, "[[[3,0],[2,0]],[[2,0],[1,0]]]"},
		{A, "[[[1,-1],[2,-1],[2,1],[1,1],[1,-1]]]"},
		{MA, "[[[[3,0],[4,0],[4,1],[3,0]]],[[[1,-1],[2,-1],[2,1],[1,1],[1,-1]]]]"}};
	static const char *const west[][2] = {{P, "[0,0]"},
					      {MP, "[[0,0],[-5,0]]"},
					      {L, "[[-1,0],[0,0]]"},
					      {ML, "[[[-1,0],[0,0]],[[-3,0],[-2,0]]]"},
					      {A, "[[[0,-1],[0,1],[-1,0],[0,-1]]]"},
					      {MA, "[[[[0,-1],[0,1],[-1,0],[0,-1]]]]"}};
	const double degree_m = 111195.08; /* π / 180 × 6,371,008.8 m */

	for (int i = 0; i < 6; i++)
		for (int k = 0; k < 6; k++) {
			const struct json *a = geometry(east[i][0], east[i][1]), *b = geometry(west[k][0], west[k][1]);
			bool good = near(a, b, 0, degree_m * 1.001) && !near(a, b, 0, degree_m * 0.999) &&
				    near(b, a, degree_m * 0.999, INFINITY) && !near(b, a, degree_m * 1.001, INFINITY);

			if (!CHECK(good))
				printf("# %s and %s\n", east[i][0], west[k][0]);
		}
}

static void refused(const char *type, const char *coordinates, const char *why)
{
	struct error err = {.code = ERR_OK};

	if (!CHECK(geo_check(geometry(type, coordinates), &err) == ERR_INVALID) ||
	    !CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# %s %s: %s\n", type, coordinates, err.detail);
}

static void rings_that_cross_are_refused_with_the_place(void)
{
	refused(A, "[[[0,0],[4,4],[4,0],[0,4],[0,0]]]", "the Polygon is not valid: Self-intersection at [2, 2]");
	refused(A, "[[[0,0],[10,0],[10,10],[4,-2],[0,10],[0,0]]]", "Self-intersection at [");
	refused(MA, "[[[[9,9],[10,9],[10,10],[9,9]]],[[[0,0],[4,4],[4,0],[0,4],[0,0]]]]",
		"the MultiPolygon is not valid: Self-intersection at [2, 2]");
	refused(MA, "[[[[0,0],[4,0],[4,4],[0,4],[0,0]]],[[[2,2],[6,2],[6,6],[2,6],[2,2]]]]", "Self-intersection at [");
	refused(A, "[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[5,5],[6,5],[6,6],[5,5]]]", "Hole lies outside shell at [");
	refused(A, "[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[3,3],[5,3],[5,3.5],[3,3.5],[3,3]]]", "at [4, 3");
	refused(A, "[[[1,1],[1,1],[1,1],[1,1]]]", "not valid");
	refused(A, "[[[0,0],[1,1],[2,2],[0,0]]]", "not valid");
}

static void rings_that_only_touch_and_lines_that_cross_are_fine(void)
{
	static const char *const texts[][2] = {
		{L, "[[0,0],[4,4],[4,0],[0,4]]"},
		{L, "[[1,1],[1,1]]"},
		{A, "[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[0,0],[2,1],[1,2],[0,0]]]"}, /* a hole at a corner */
		{MA, "[[[[0,0],[2,0],[2,2],[0,2],[0,0]]],[[[2,2],[4,2],[4,4],[2,4],[2,2]]]]"},
		{A, "[[[-180,-90],[180,-90],[180,90],[-180,90],[-180,-90]]]"},
		{MA, "[]"}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err;

		CHECK_OK(geo_check(geometry(texts[i][0], texts[i][1]), &err), &err);
	}
}

int main(void)
{
	arena_init(&arena, 64u << 20);
	parser = json_parser_new();
	RUN(points_relate_to_all_kinds);
	RUN(lines_relate_to_all_kinds);
	RUN(areas_relate_to_all_kinds);
	RUN(near_measures_to_the_nearest_place_of_all_kinds);
	RUN(rings_that_cross_are_refused_with_the_place);
	RUN(rings_that_only_touch_and_lines_that_cross_are_fine);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
