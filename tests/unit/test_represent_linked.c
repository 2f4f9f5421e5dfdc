/* Linked entities inline (GS CIM 009 V1.9.1 clauses 4.5.23, 4.5.4, 5.7.1.5): annex C.2.2's prints, the examples of
 * 4.5.4, and the sentences on what is followed. The entities linked to come from a table, as from a store. */
#include "ngsild_bench.h"

#define STORED_MAX 32

static const struct json *stored[STORED_MAX];
static int stored_count, finds;

static const struct json *find(void *self, struct str id)
{
	(void)self;
	finds++;
	for (int i = 0; i < stored_count; i++)
		if (str_eq(document_id(stored[i]), id))
			return stored[i];
	return NULL;
}

static void store_all(const struct context *context, const char *const *texts, int count)
{
	stored_count = 0;
	for (int i = 0; i < count; i++)
		stored[stored_count++] = expanded(texts[i], context);
}

#define PARKING(attributes)                                                                                            \
	"{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"type\": \"OffStreetParking\", " attributes "}"
#define NAMED(id, type, name) "{\"id\": \"urn:ngsi-ld:" id "\", \"type\": \"" type "\", \"name\": " name "}"

static const char *const annex_entities[] = {
	PARKING("\"name\": {\"value\": \"Top Parking\", \"type\": \"Property\"},"
		"\"operatedBy\": {\"object\": \"urn:ngsi-ld:Company:BigParkingCorp\", \"type\": \"Relationship\"}"),
	NAMED("Person:Alice", "Person", "\"Alice\""),
	NAMED("Person:Bob", "Person", "\"Bob\""),
	NAMED("City:Antwerp", "City", "\"Antwerp\""),
	NAMED("City:Rotterdam", "City", "\"Rotterdam\""),
	NAMED("City:Amsterdam", "City", "\"Amsterdam\""),
};

/* The vehicle in a form of annex C, with the linked entities put into the members given. */
static struct str with_linked(const char *vehicle, const char *member, const char *list, const char *parking,
			      const char *people, const char *cities)
{
	struct json *expected = parse(vehicle);
	struct json *parked = json_get(expected, STR("isParked")), *passengers = json_get(expected, STR("passengers")),
		    *route = json_get(expected, STR("route"));
	struct buf out;

	if (member) {
		json_set(&arena, parked, str_from(member), *parse(parking));
		json_set(&arena, passengers, str_from(member), *parse(people));
		json_set(&arena, route, str_from(list), *parse(cities));
	} else {
		*parked = *parse(parking);
		*passengers = *parse(people);
		*route = *parse(cities);
	}
	buf_init(&out, 1 << 16);
	json_write(&out, expected);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

static void annex_c_comes_out_with_linked_entities_inline(void)
{
	struct represent_links links = {.source = {find, NULL}, .levels = 1};
	struct represent_options options = {.context = annex, .links = &links};

	store_all(annex, annex_entities, 6);
	const struct json *vehicle = expanded(VEHICLE_NORMALIZED, annex);

#define N(text) "{\"value\": \"" text "\", \"type\": \"Property\"}"
	CHECK_JSON(represented(vehicle, &options),
		   with_linked(VEHICLE_NORMALIZED, "entity", "entityList", annex_entities[0],
			       "[" NAMED("Person:Alice", "Person", N("Alice")) "," NAMED("Person:Bob", "Person",
											 N("Bob")) "]",
			       "[" NAMED("City:Antwerp", "City", N("Antwerp")) "," NAMED(
				       "City:Rotterdam", "City", N("Rotterdam")) "," NAMED("City:Amsterdam", "City",
											   N("Amsterdam")) "]")
			   .at);
#undef N
#define CITIES                                                                                                         \
	"[" NAMED("City:Antwerp", "City", "\"Antwerp\"") "," NAMED(                                                    \
		"City:Rotterdam", "City", "\"Rotterdam\"") "," NAMED("City:Amsterdam", "City", "\"Amsterdam\"") "]"
#define PEOPLE "[" NAMED("Person:Alice", "Person", "\"Alice\"") "," NAMED("Person:Bob", "Person", "\"Bob\"") "]"
	options.format = REPRESENT_CONCISE;
	CHECK_JSON(represented(vehicle, &options),
		   with_linked(VEHICLE_CONCISE, "entity", "entityList",
			       PARKING("\"name\": \"Top Parking\", \"operatedBy\": {\"object\":"
				       " \"urn:ngsi-ld:Company:BigParkingCorp\"}"),
			       PEOPLE, CITIES)
			   .at);
	options.format = REPRESENT_SIMPLIFIED;
	CHECK_JSON(represented(vehicle, &options),
		   with_linked(
			   VEHICLE_SIMPLIFIED, NULL, NULL,
			   PARKING("\"name\": \"Top Parking\", \"operatedBy\": \"urn:ngsi-ld:Company:BigParkingCorp\""),
			   PEOPLE, CITIES)
			   .at);
}

#define ENTITY(id, attributes) "{\"id\": \"urn:" id "\", \"type\": \"T\", " attributes "}"

/* The entity urn:a out of the texts, simplified. */
static struct str simplified(uint32_t levels, const char *const *texts, int count,
			     const struct represent_selection *show)
{
	struct represent_links links = {.source = {find, NULL}, .levels = levels};
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED, .links = &links};

	if (show)
		options.show = *show;
	store_all(core, texts, count);
	return represented(stored[0], &options);
}

static void join_level_bounds_the_depth(void)
{
	static const char *const chain[] = {ENTITY("a", "\"r\": {\"object\": \"urn:b\"}"),
					    ENTITY("b", "\"r\": {\"object\": \"urn:c\"}"),
					    ENTITY("c", "\"r\": {\"object\": \"urn:d\"}"), ENTITY("d", "\"v\": 1")};

	CHECK_JSON(simplified(1, chain, 4, NULL), ENTITY("a", "\"r\": " ENTITY("b", "\"r\": \"urn:c\"")));
	CHECK_JSON(simplified(2, chain, 4, NULL),
		   ENTITY("a", "\"r\": " ENTITY("b", "\"r\": " ENTITY("c", "\"r\": \"urn:d\""))));
	CHECK_JSON(simplified(9, chain, 4, NULL),
		   ENTITY("a", "\"r\": " ENTITY("b", "\"r\": " ENTITY("c", "\"r\": " ENTITY("d", "\"v\": 1")))));
}

static void loops_end_where_an_entity_would_stand_in_itself(void)
{
	static const char *const ring[] = {ENTITY("a", "\"r\": {\"object\": [\"urn:a\", \"urn:b\"]}"),
					   ENTITY("b", "\"r\": {\"object\": [\"urn:a\", \"urn:b\", \"urn:c\"]}"),
					   ENTITY("c", "\"r\": {\"object\": \"urn:a\"}")};

	CHECK_JSON(simplified(16, ring, 3, NULL),
		   ENTITY("a", "\"r\": [\"urn:a\", " ENTITY(
				       "b", "\"r\": [\"urn:a\", \"urn:b\", " ENTITY("c", "\"r\": \"urn:a\"") "]") "]"));
}

static void ids_that_the_request_has_met_are_not_followed(void)
{
	static const char *const pair[] = {ENTITY("a", "\"r\": {\"object\": [\"urn:b\", \"urn:c\"]}"),
					   ENTITY("b", "\"v\": 1"), ENTITY("c", "\"v\": 2")};
	const struct str met[] = {STR("urn:x"), STR("urn:c")};
	struct represent_links links = {.source = {find, NULL}, .levels = 1, .met = met, .met_count = 2};
	struct represent_options options = {.context = core, .format = REPRESENT_CONCISE, .links = &links};

	store_all(core, pair, 3);
	CHECK_JSON(
		represented(stored[0], &options),
		ENTITY("a", "\"r\": {\"object\": [\"urn:b\", \"urn:c\"], \"entity\": [" ENTITY("b", "\"v\": 1") "]}"));
}

static void what_is_not_there_stays_a_uri(void)
{
	static const char *const texts[] = {
		ENTITY("a", "\"one\": {\"object\": \"urn:gone\"}, \"many\": {\"object\": [\"urn:gone\", \"urn:b\"]},"
			    " \"none\": {\"object\": [\"urn:gone\"]}, \"list\": {\"objectList\": [\"urn:gone\", "
			    "\"urn:b\"]}"),
		ENTITY("b", "\"v\": 1")};
	struct represent_links links = {.source = {find, NULL}, .levels = 1};
	struct represent_options options = {.context = core, .format = REPRESENT_CONCISE, .links = &links};

	CHECK_JSON(simplified(1, texts, 2, NULL),
		   ENTITY("a", "\"one\": \"urn:gone\", \"many\": [\"urn:gone\", " ENTITY(
				       "b", "\"v\": 1") "],"
							" \"none\": [\"urn:gone\"], \"list\": [\"urn:gone\", " ENTITY(
								"b", "\"v\": 1") "]"));
	CHECK_JSON(represented(stored[0], &options),
		   ENTITY("a", "\"one\": {\"object\": \"urn:gone\"},"
			       " \"many\": {\"object\": [\"urn:gone\", \"urn:b\"], \"entity\": [" ENTITY(
				       "b", "\"v\": 1") "]},"
							" \"none\": {\"object\": [\"urn:gone\"]},"
							" \"list\": {\"objectList\": [\"urn:gone\", \"urn:b\"], "
							"\"entityList\": [" ENTITY("b", "\"v\": 1") "]}"));
}

static void relationships_of_attributes_stay_uris(void)
{
	/* As providedBy in annex C.2.2, whose Bob is stored. */
	static const char *const texts[] = {
		ENTITY("a", "\"p\": {\"value\": 1, \"by\": {\"object\": \"urn:b\"}}, \"r\": {\"object\": \"urn:b\","
			    " \"by\": {\"object\": \"urn:b\"}}"),
		ENTITY("b", "\"v\": 1")};
	struct represent_links links = {.source = {find, NULL}, .levels = 3};
	struct represent_options options = {.context = core, .format = REPRESENT_CONCISE, .links = &links};

	store_all(core, texts, 2);
	CHECK_JSON(represented(stored[0], &options),
		   ENTITY("a", "\"p\": {\"value\": 1, \"by\": {\"object\": \"urn:b\"}}, \"r\": {\"object\": \"urn:b\","
			       " \"by\": {\"object\": \"urn:b\"}, \"entity\": " ENTITY("b", "\"v\": 1") "}"));
}

static const struct projection *projection(const char *text)
{
	const struct projection *projection = NULL;

	CHECK_OK(projection_new(&arena, core, "pick", str_from(text), PROJECT_MEMBERS, 2, &projection, &err), &err);
	return projection;
}

static void projections_reach_into_linked_entities(void)
{
	static const char *const texts[] = {
		ENTITY("a", "\"r\": {\"object\": \"urn:b\"}, \"s\": {\"object\": \"urn:c\"}, \"v\": 1, \"w\": 2"),
		ENTITY("b", "\"v\": 3, \"w\": 4, \"s\": {\"object\": \"urn:c\"}"), ENTITY("c", "\"v\": 5, \"w\": 6")};
	struct represent_selection show = {.pick = projection("r{v}")};

	CHECK_JSON(simplified(1, texts, 3, &show), "{\"r\": {\"v\": 3}}");
	show.pick = projection("id,r{id,v},v"); /* the braces' own list is whole */
	CHECK_JSON(simplified(1, texts, 3, &show),
		   "{\"id\": \"urn:a\", \"r\": {\"id\": \"urn:b\", \"v\": 3}, \"v\": 1}");
	show.pick = projection("id,v,s"); /* the same list for every entity of the answer */
	CHECK_JSON(simplified(1, texts, 3, &show),
		   "{\"id\": \"urn:a\", \"s\": {\"id\": \"urn:c\", \"v\": 5}, \"v\": 1}");
	show.pick = projection("r{s{w}}");
	CHECK_JSON(simplified(2, texts, 3, &show), "{\"r\": {\"s\": {\"w\": 6}}}");
	show = (struct represent_selection){.omit = projection("w,type,r{s},s")};
	CHECK_JSON(simplified(2, texts, 3, &show),
		   "{\"id\": \"urn:a\", \"r\": {\"id\": \"urn:b\", \"v\": 3}, \"v\": 1}");
	show = (struct represent_selection){.attrs = projection("r{v}")};
	CHECK_JSON(simplified(1, texts, 3, &show), ENTITY("a", "\"r\": " ENTITY("b", "\"v\": 3")));
	/* What is not shown is not looked for. */
	finds = 0;
	show = (struct represent_selection){.omit = projection("r,s")};
	CHECK_JSON(simplified(2, texts, 3, &show), ENTITY("a", "\"v\": 1, \"w\": 2"));
	CHECK(finds == 0);
}

static void datasets_and_languages_hold_for_linked_entities_too(void)
{
	static const char *const texts[] = {
		ENTITY("a", "\"r\": [{\"object\": \"urn:b\"}, {\"object\": \"urn:c\", \"datasetId\": \"urn:d:1\"},"
			    " {\"object\": \"urn:a\", \"datasetId\": \"urn:d:2\"}]"),
		ENTITY("b", "\"v\": [{\"value\": 1}, {\"value\": 2, \"datasetId\": \"urn:d:2\"}]"),
		ENTITY("c", "\"says\": {\"languageMap\": {\"en\": \"yes\", \"fr\": \"oui\"}}")};
	const struct str datasets[] = {STR("@none"), STR("urn:d:1")};
	struct language_filter *language = NULL;
	struct represent_links links = {.source = {find, NULL}, .levels = 1};
	struct represent_options options = {.context = core,
					    .format = REPRESENT_SIMPLIFIED,
					    .links = &links,
					    .dataset_ids = datasets,
					    .dataset_count = 2};

	CHECK_OK(language_filter_new(&arena, STR("fr"), &language, &err), &err);
	options.language = language;
	store_all(core, texts, 3);
	CHECK_JSON(represented(stored[0], &options),
		   ENTITY("a", "\"r\": {\"dataset\": {\"@none\": " ENTITY("b", "\"v\": 1") ", \"urn:d:1\": " ENTITY(
				       "c", "\"says\": \"oui\"") "}}"));
	options.format = REPRESENT_GEOJSON;
	options.properties_format = REPRESENT_SIMPLIFIED;
	options.geometry_property = STR("https://uri.etsi.org/ngsi-ld/location");
	CHECK_JSON(represented(stored[0], &options),
		   "{\"id\": \"urn:a\", \"type\": \"Feature\", \"geometry\": null, \"properties\": {\"type\": \"T\","
		   " \"r\": {\"dataset\": {\"@none\": " ENTITY("b", "\"v\": 1") ", \"urn:d:1\": " ENTITY(
			   "c", "\"says\": \"oui\"") "}}}}");
}

static void an_answer_that_links_too_much_fails_its_buffer(void)
{
	/* Twelve entities, each linked to all others: 11 + 11 × 10 + … entities shown. */
	const struct json *all[12];
	struct represent_links links = {.source = {find, NULL}, .levels = LINKED_LEVELS_MAX};
	struct represent_options options = {
		.context = core, .format = REPRESENT_SIMPLIFIED, .links = &links, .show.pick = projection("r")};
	struct str objects = STR("");
	struct buf out;

	for (int i = 0; i < 12; i++)
		objects = arena_printf(&arena, "%.*s%s\"urn:e%d\"", STR_FMT(objects), i ? "," : "", i);
	for (int i = 0; i < 12; i++)
		all[i] = expanded(arena_printf(&arena,
					       "{\"id\": \"urn:e%d\", \"type\": \"T\", \"r\": {\"object\": [%.*s]}}", i,
					       STR_FMT(objects))
					  .at,
				  core);
	memcpy(stored, all, sizeof(all));
	stored_count = 12;
	buf_init(&out, (size_t)1 << 30);
	CHECK_OK(represent_entity(&out, &arena, stored[0], &options, &err), &err);
	CHECK(buf_check(&out, "the answer", &err) == ERR_LIMIT && links.shown == REPRESENT_LINKED_MAX + 1);
	buf_done(&out);
}

struct seen {
	char text[512];
	size_t len;
};

static bool see(void *self, struct str id, const struct represent_selection *show)
{
	struct seen *seen = self;

	seen->len += (size_t)snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len, "%.*s%s ", STR_FMT(id),
				      show->pick ? "*" : "");
	return seen->len < 60;
}

static void links_are_listed_in_the_answers_order(void)
{
	const struct json *entity =
		expanded(ENTITY("a", "\"r\": [{\"object\": [\"urn:1\", \"urn:2\"]}, {\"object\": \"urn:3\","
				     " \"datasetId\": \"urn:d:1\"}], \"l\": {\"objectList\": [\"urn:2\", \"urn:2\"]},"
				     " \"p\": {\"value\": \"urn:9\", \"by\": {\"object\": \"urn:8\"}}"),
			 core);
	const struct str dataset = STR("@none");
	struct represent_options options = {.context = core};
	struct seen seen = {.len = 0};

	represent_each_link(entity, &options, see, &seen);
	CHECK_STR(str_from(seen.text), STR("urn:1 urn:2 urn:3 urn:2 urn:2 "));
	seen.len = 0;
	options.dataset_ids = &dataset;
	options.dataset_count = 1;
	options.show.pick = projection("r{v},l");
	represent_each_link(entity, &options, see, &seen);
	CHECK_STR(str_from(seen.text), STR("urn:1* urn:2* urn:2* urn:2* "));
	seen.len = 50; /* the second call says that it is enough */
	represent_each_link(entity, &options, see, &seen);
	CHECK(seen.len == 50 + 14);
}

int main(void)
{
	bench_open();
	RUN(annex_c_comes_out_with_linked_entities_inline);
	RUN(join_level_bounds_the_depth);
	RUN(loops_end_where_an_entity_would_stand_in_itself);
	RUN(ids_that_the_request_has_met_are_not_followed);
	RUN(what_is_not_there_stays_a_uri);
	RUN(relationships_of_attributes_stay_uris);
	RUN(projections_reach_into_linked_entities);
	RUN(datasets_and_languages_hold_for_linked_entities_too);
	RUN(an_answer_that_links_too_much_fails_its_buffer);
	RUN(links_are_listed_in_the_answers_order);
	bench_close();
	return check_done();
}
