/* The projection language of GS CIM 009 V1.9.1 clause 4.21: each production, its examples, and what 5.7.1.4 and 5.7.1.5
 * say on linked entities. */
#include "ngsild/projection.h"
#include "ngsild_bench.h"

#define V NGSILD_DEFAULT_VOCAB

static const struct projection *read_at(const char *text, enum projection_kind kind, uint32_t levels)
{
	const struct projection *projection = NULL;

	if (!CHECK_OK(projection_new(&arena, core, "pick", str_from(text), kind, levels, &projection, &err), &err))
		printf("# in %s\n", text);
	return projection;
}

static void refused(const char *text, uint32_t levels, enum err_code expected, const char *why)
{
	const struct projection *projection = NULL;
	enum err_code code =
		projection_new(&arena, core, "pick", str_from(text), PROJECT_MEMBERS, levels, &projection, &err);

	if (!CHECK(code == expected && !projection) || !CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# %s: %s\n", text, err.detail);
}

static void a_list_takes_commas_and_pipes(void)
{
	const struct projection *one = read_at("temperature", PROJECT_MEMBERS, 0);
	const struct projection *many = read_at("temperature,humidity|id , type", PROJECT_MEMBERS, 0);

	CHECK(one->count == 1 && projection_names(one, STR(V "temperature")));
	CHECK(many->count == 4 && projection_names(many, STR(V "humidity")) && projection_names(many, STR("id")));
	CHECK(projection_names(many, STR("type")) && !projection_names(many, STR("scope")));
	CHECK(read_at("a,a|a", PROJECT_MEMBERS, 0)->count == 1);
	CHECK(projection_names(read_at("location,https://example.org/x", PROJECT_MEMBERS, 0),
			       STR("https://example.org/x")));
	CHECK(projection_names(read_at("location", PROJECT_MEMBERS, 0), STR("https://uri.etsi.org/ngsi-ld/location")));
}

static void braces_speak_of_linked_entities(void)
{
	const struct projection *three = read_at("observation{temperature,humidity}", PROJECT_MEMBERS, 1);
	const struct projection *inner = projection_linked(three, STR(V "observation"));

	CHECK(three->count == 1 && projection_names(three, STR(V "observation")));
	CHECK(inner->count == 2 && projection_names(inner, STR(V "temperature")) &&
	      !projection_names(inner, STR("id")));
	/* Without braces the parameter's own list counts. */
	CHECK(projection_linked(three, STR(V "other")) == three && projection_linked(inner, STR(V "x")) == three);
	CHECK(projection_linked(NULL, STR(V "x")) == NULL);
	inner = projection_linked(read_at("a { b { c | d } } , e", PROJECT_MEMBERS, 2), STR(V "a"));
	CHECK(projection_names(projection_linked(inner, STR(V "b")), STR(V "d")));
	/* Two lists for one Relationship are one. */
	inner = projection_linked(read_at("a{b},a{c},a", PROJECT_MEMBERS, 1), STR(V "a"));
	CHECK(inner->count == 2 && projection_names(inner, STR(V "b")) && projection_names(inner, STR(V "c")));
}

static void what_is_omitted_stays_omitted_in_linked_entities(void)
{
	const struct projection *omit = read_at("x,a{b,c{d}},e", PROJECT_MEMBERS, 2);
	const struct projection *in_a = projection_linked(omit, STR(V "a"));
	const struct projection *in_c = projection_linked(in_a, STR(V "c"));

	CHECK(projection_omits(omit, STR(V "x")) && !projection_omits(omit, STR(V "a")) &&
	      projection_omits(omit, STR(V "e")));
	CHECK(projection_omits(in_a, STR(V "b")) && projection_omits(in_a, STR(V "x")) &&
	      !projection_omits(in_a, STR(V "c")));
	CHECK(projection_omits(in_c, STR(V "d")) && projection_omits(in_c, STR(V "x")) &&
	      !projection_omits(in_c, STR(V "b")) && !projection_omits(omit, STR(V "d")));
	CHECK(!projection_omits(NULL, STR(V "x")));
	/* A list is a disjunction (4.21): named without braces too, it is left out, whichever comes first. */
	CHECK(projection_omits(read_at("a{b},a", PROJECT_MEMBERS, 1), STR(V "a")));
	CHECK(projection_omits(read_at("a|a{b}", PROJECT_MEMBERS, 1), STR(V "a")));
	omit = read_at("a,c{a{b}}", PROJECT_MEMBERS, 2);
	CHECK(projection_omits(projection_linked(omit, STR(V "c")), STR(V "a")));
}

static void attrs_name_attributes_only(void)
{
	/* Table 6.5.3.1-1: as pick, but id, type and scope are not allowed; 5.7.2.4: system attributes may be. */
	static const char *const members[] = {"id", "type", "scope", "@id", "value"};
	const struct projection *attrs = read_at("a,createdAt|modifiedAt,expiresAt", PROJECT_ATTRIBUTES, 0);

	CHECK(projection_names(attrs, STR(V "a")) && projection_names(attrs, STR("createdAt")));
	for (int i = 0; i < 5; i++)
		CHECK(projection_new(&arena, core, "attrs", str_from(members[i]), PROJECT_ATTRIBUTES, 0, &attrs,
				     &err) == ERR_INVALID &&
		      str_contains(str_from(err.detail), STR("is no attribute")));
}

static void broken_lists_say_where(void)
{
	refused("", 0, ERR_INVALID, "pick, character 1: expected a name, found \"the end\"");
	refused("a,", 0, ERR_INVALID, "character 3");
	refused("a,,b", 0, ERR_INVALID, "character 3");
	refused("a b", 0, ERR_INVALID, "character 3: expected , or |");
	refused("a-b", 0, ERR_INVALID, "\"a-b\" is no attribute name");
	refused("value", 0, ERR_INVALID, "no member of an entity");
	refused("a{b", 1, ERR_INVALID, "expected , | or }");
	refused("a{}", 1, ERR_INVALID, "character 3");
	refused("a{b}}", 1, ERR_INVALID, "character 5");
	refused("id{b}", 1, ERR_INVALID, "\"id\" links to no entities");
	refused("a{b}", 0, ERR_INVALID, "needs join");
	refused("a{b{c}}", 1, ERR_INVALID, "deeper than joinLevel, which is 1");
	refused("a{b}{c}", 2, ERR_INVALID, "character 5");
}

static void bounds_are_kept(void)
{
	struct str text = STR("a0"), nested = STR("a");

	for (int i = 1; i < PROJECTION_TERMS_MAX; i++)
		text = arena_printf(&arena, "%.*s,a%d", STR_FMT(text), i);
	CHECK(read_at(text.at, PROJECT_MEMBERS, 0)->count == PROJECTION_TERMS_MAX);
	refused(arena_concat(&arena, text, STR(",b")).at, 0, ERR_TOO_COMPLEX, "1024 names");
	for (int i = 0; i < LINKED_LEVELS_MAX; i++)
		nested = arena_printf(&arena, "a{%.*s}", STR_FMT(nested));
	CHECK(read_at(nested.at, PROJECT_MEMBERS, LINKED_LEVELS_MAX) != NULL);
	refused(arena_printf(&arena, "a{%.*s}", STR_FMT(nested)).at, UINT32_MAX, ERR_INVALID, "deeper");
}

int main(void)
{
	bench_open();
	RUN(a_list_takes_commas_and_pipes);
	RUN(braces_speak_of_linked_entities);
	RUN(what_is_omitted_stays_omitted_in_linked_entities);
	RUN(attrs_name_attributes_only);
	RUN(broken_lists_say_where);
	RUN(bounds_are_kept);
	bench_close();
	return check_done();
}
