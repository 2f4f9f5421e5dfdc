/* Representation after GS CIM 009 V1.9.1 clauses 4.5.1–4.5.5, 4.21, 4.22, 5.7.1 and 6.3.11.
 *
 * Goal: annex C's entities come out in each of the forms that annex C prints, and what comes out expands to the
 * document it came from. Method: expand the normalized print, represent, compare with the other prints; then the
 * identity expand(represent(x)) = x over those entities and over random ones. */
#include "ngsild_bench.h"

#define V "https://uri.etsi.org/ngsi-ld/default-context/"

static struct str shown(const struct json *entity, const struct context *context, enum represent_format format)
{
	struct represent_options options = {.context = context, .format = format};

	return represented(entity, &options);
}

static void annex_c_entities_come_out_in_each_form_printed_there(void)
{
	const struct json *vehicle = expanded(VEHICLE_NORMALIZED, annex);
	const struct json *parking = expanded(PARKING_NORMALIZED, annex);
	const struct json *speeds = expanded(SPEEDS_NORMALIZED, annex);

	CHECK_JSON(shown(vehicle, annex, REPRESENT_NORMALIZED), VEHICLE_NORMALIZED);
	CHECK_JSON(shown(vehicle, annex, REPRESENT_CONCISE), VEHICLE_CONCISE);
	CHECK_JSON(shown(vehicle, annex, REPRESENT_SIMPLIFIED), VEHICLE_SIMPLIFIED);
	CHECK_JSON(shown(parking, annex, REPRESENT_NORMALIZED), PARKING_NORMALIZED);
	CHECK_JSON(shown(parking, annex, REPRESENT_CONCISE), PARKING_CONCISE);
	CHECK_JSON(shown(parking, annex, REPRESENT_SIMPLIFIED), PARKING_SIMPLIFIED);
	CHECK_JSON(shown(speeds, annex, REPRESENT_NORMALIZED), SPEEDS_NORMALIZED);
	CHECK_JSON(shown(speeds, annex, REPRESENT_SIMPLIFIED), SPEEDS_SIMPLIFIED);
	CHECK_JSON(shown(expanded(STORE_SIGNED, core), core, REPRESENT_NORMALIZED), STORE_SIGNED);
}

static void members_come_in_the_order_of_the_document(void)
{
	const struct json *parking = expanded("{\"b\": 2, \"type\": \"T\", \"a\": {\"unitCode\": \"X\", \"value\": 1},"
					      " \"scope\": \"/s\", \"id\": \"urn:x:1\"}",
					      core);

	CHECK_STR(shown(parking, core, REPRESENT_NORMALIZED),
		  STR("{\"id\":\"urn:x:1\",\"type\":\"T\",\"scope\":\"/s\",\"b\":{\"type\":\"Property\",\"value\":2},"
		      "\"a\":{\"type\":\"Property\",\"unitCode\":\"X\",\"value\":1}}"));
}

static void names_unknown_to_the_context_stay_iris(void)
{
	/* 5.5.7: with the core context only, terms of the user's context are fully qualified names. */
	CHECK_JSON(shown(expanded(PARKING_NORMALIZED, annex), core, REPRESENT_SIMPLIFIED),
		   "{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\","
		   "\"type\": \"http://example.org/parking/OffStreetParking\","
		   "\"http://example.org/common/name\": \"Downtown One\","
		   "\"http://example.org/parking/availableSpotNumber\": 121,"
		   "\"http://example.org/parking/totalSpotNumber\": 200,"
		   "\"location\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}");
}

static void datasets_make_one_object_of_simplified_values(void)
{
	/* 4.5.4, examples 2, 13 and 19 (shortened). */
	const struct json *entity = expanded(
		"{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"], \"name\": ["
		"{\"value\": \"David Bowie\", \"datasetId\": \"urn:ngsi-ld:datasetId:001\"},"
		"{\"value\": \"David Robert Jones\"}],"
		"\"providedBy\": [{\"object\": \"urn:ngsi-ld:Device:31415\"},"
		"{\"object\": \"urn:ngsi-ld:Device:27182\", \"datasetId\": \"urn:ngsi-ld:datasetId:001\"}],"
		"\"route\": [{\"objectList\": [\"urn:ngsi-ld:BusStop:0101\"]},"
		"{\"objectList\": [\"urn:ngsi-ld:BusStop:0102\"], \"datasetId\": \"urn:ngsi-ld:datasetId:002\"}]}",
		core);

	CHECK_JSON(shown(entity, core, REPRESENT_SIMPLIFIED),
		   "{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"], \"name\": {\"dataset\": {"
		   "\"@none\": \"David Robert Jones\", \"urn:ngsi-ld:datasetId:001\": \"David Bowie\"}},"
		   "\"providedBy\": {\"dataset\": {\"@none\": \"urn:ngsi-ld:Device:31415\","
		   "\"urn:ngsi-ld:datasetId:001\": \"urn:ngsi-ld:Device:27182\"}},"
		   "\"route\": {\"dataset\": {\"@none\": [\"urn:ngsi-ld:BusStop:0101\"],"
		   "\"urn:ngsi-ld:datasetId:002\": [\"urn:ngsi-ld:BusStop:0102\"]}}}");
}

static void datasets_can_be_asked_for_one_or_several(void)
{
	const struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": [{\"value\": 1, \"s\": ["
					     "{\"value\": 2, \"datasetId\": \"urn:d:2\"}, {\"value\": 3}]},"
					     "{\"value\": 4, \"datasetId\": \"urn:d:1\"}], \"b\": 5}",
					     core);
	const struct str one = STR("urn:d:1"), none = STR("@none"),
			 both[] = {STR("urn:d:9"), STR("@none"), STR("urn:d:1")};
	struct represent_options options = {.context = core, .dataset_ids = &one, .dataset_count = 1};

	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\","
		   "\"a\": {\"type\": \"Property\", \"value\": 4, \"datasetId\": \"urn:d:1\"}}");
	options.format = REPRESENT_SIMPLIFIED;
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": 4}");
	options.dataset_ids = &none;
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": 1, \"b\": 5}");
	options.dataset_ids = both; /* in the document's order, those that are there */
	options.dataset_count = 3;
	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"dataset\": {\"@none\": 1, \"urn:d:1\": 4}},"
		   " \"b\": 5}");
	options.format = REPRESENT_CONCISE; /* sub-attributes keep all their instances */
	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": [{\"value\": 1, \"s\": [{\"value\": 3},"
		   " {\"value\": 2, \"datasetId\": \"urn:d:2\"}]}, {\"value\": 4, \"datasetId\": \"urn:d:1\"}],"
		   " \"b\": 5}");
}

static void system_attributes_are_shown_when_asked_for(void)
{
	struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"expiresAt\": \"2030-01-01T00:00:00Z\","
				       " \"a\": {\"value\": 1, \"expiresAt\": \"2030-01-01T00:00:00Z\", \"s\": 2}}",
				       core);
	struct represent_options options = {.context = core};

	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"type\": \"Property\", \"value\": 1,"
		   " \"s\": {\"type\": \"Property\", \"value\": 2}}}");
	options.format = REPRESENT_CONCISE;
	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"value\": 1, \"s\": 2}}");
	/* Modified a second after it was created. */
	json_set(&arena, entity, STR("modifiedAt"), json_int(&arena, NOW_US + 1000000));
	options.sys_attrs = true;
#define STAMPS "\"createdAt\": \"2027-01-15T08:00:00Z\", \"modifiedAt\": \"2027-01-15T08:00:00Z\""
	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"expiresAt\": \"2030-01-01T00:00:00Z\","
		   " \"createdAt\": \"2027-01-15T08:00:00Z\", \"modifiedAt\": \"2027-01-15T08:00:01Z\","
		   " \"a\": {\"value\": 1, \"expiresAt\": \"2030-01-01T00:00:00Z\", " STAMPS ","
		   " \"s\": {\"value\": 2, " STAMPS "}}}");
#undef STAMPS
}

static const struct projection *projection(const char *text, enum projection_kind kind)
{
	const struct projection *projection = NULL;

	CHECK_OK(projection_new(&arena, core, "pick", str_from(text), kind, 0, &projection, &err), &err);
	return projection;
}

static void attrs_pick_and_omit_choose_members(void)
{
	const struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"scope\": [\"/s\", \"/t\"],"
					     " \"a\": {\"value\": 1, \"b\": 2}, \"b\": 3, \"c\": 4}",
					     core);
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED};

	options.show.attrs = projection("a,c,x", PROJECT_ATTRIBUTES);
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": 1, \"c\": 4}");
	options.show = (struct represent_selection){.pick = projection("id|scope,b", PROJECT_MEMBERS)};
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"scope\": [\"/s\", \"/t\"], \"b\": 3}");
	options.show = (struct represent_selection){.omit = projection("id,scope|b", PROJECT_MEMBERS)};
	CHECK_JSON(represented(entity, &options), "{\"type\": \"T\", \"a\": 1, \"c\": 4}");
	options.show.pick = projection("a,b", PROJECT_MEMBERS);
	CHECK_JSON(represented(entity, &options), "{\"a\": 1}");
	/* Sub-attributes are not chosen among. */
	options = (struct represent_options){.context = core, .show.pick = projection("a", PROJECT_MEMBERS)};
	CHECK_JSON(represented(entity, &options),
		   "{\"a\": {\"type\": \"Property\", \"value\": 1, \"b\": {\"type\": \"Property\", \"value\": 2}}}");
	options.show.pick = projection("x", PROJECT_MEMBERS);
	CHECK_JSON(represented(entity, &options), "{}");
}

static void system_attributes_are_chosen_among_by_name(void)
{
	const struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\","
					     " \"expiresAt\": \"2030-01-01T00:00:00Z\"}",
					     core);
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED, .sys_attrs = true};
#define CREATED "\"createdAt\": \"2027-01-15T08:00:00Z\""
#define MODIFIED "\"modifiedAt\": \"2027-01-15T08:00:00Z\""
#define EXPIRES "\"expiresAt\": \"2030-01-01T00:00:00Z\""

	options.show.omit = projection("createdAt", PROJECT_MEMBERS);
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"type\": \"T\", " EXPIRES ", " MODIFIED "}");
	options.show.omit = projection("modifiedAt|expiresAt,type", PROJECT_MEMBERS);
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", " CREATED "}");
	options.show = (struct represent_selection){.pick = projection("id,modifiedAt", PROJECT_MEMBERS)};
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", " MODIFIED "}");
	options.show = (struct represent_selection){.attrs = projection("createdAt,a", PROJECT_ATTRIBUTES)};
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", \"type\": \"T\", " CREATED "}");
	/* Where none is named, sysAttrs asks for all of them (6.3.11). */
	options.show = (struct represent_selection){.pick = projection("id", PROJECT_MEMBERS)};
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\", " EXPIRES ", " CREATED ", " MODIFIED "}");
	options.sys_attrs = false;
	options.show.pick = projection("id,createdAt", PROJECT_MEMBERS);
	CHECK_JSON(represented(entity, &options), "{\"id\": \"urn:x:1\"}");
#undef CREATED
#undef MODIFIED
#undef EXPIRES
}

static void the_context_is_written_last_when_given(void)
{
	const struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": 1}", core);
	struct json *value = parse("[\"http://example.org/c.jsonld\", {\"x\": \"urn:x\"}]");
	struct represent_options options = {.context = core, .format = REPRESENT_SIMPLIFIED, .context_value = value};

	CHECK_STR(represented(entity, &options),
		  STR("{\"id\":\"urn:x:1\",\"type\":\"T\",\"a\":1,"
		      "\"@context\":[\"http://example.org/c.jsonld\",{\"x\":\"urn:x\"}]}"));
}

static void a_feature_has_the_geometry_beside_its_properties(void)
{
	/* C.2.3, with the coordinates of the normalized print. */
#define POINT "{\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}"
#define FEATURE "{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"type\": \"Feature\", \"geometry\": "
	const struct json *parking = expanded(PARKING_NORMALIZED, annex);
	struct represent_options options = {.context = annex,
					    .format = REPRESENT_GEOJSON,
					    .geometry_property = STR("https://uri.etsi.org/ngsi-ld/location")};

	CHECK_JSON(represented(parking, &options), FEATURE POINT
		   ", \"properties\": {\"type\": \"OffStreetParking\","
		   "\"name\": {\"type\": \"Property\", \"value\": \"Downtown One\"},"
		   "\"availableSpotNumber\": {\"type\": \"Property\", \"value\": 121,"
		   "  \"observedAt\": \"2017-07-29T12:05:02Z\","
		   "  \"reliability\": {\"type\": \"Property\", \"value\": 0.7},"
		   "  \"providedBy\": {\"type\": \"Relationship\", \"object\": \"urn:ngsi-ld:Camera:C1\"}},"
		   "\"location\": {\"type\": \"GeoProperty\", \"value\": " POINT "},"
		   "\"totalSpotNumber\": {\"type\": \"Property\", \"value\": 200}}}");
	options.properties_format = REPRESENT_CONCISE;
	CHECK_JSON(represented(parking, &options),
		   FEATURE POINT ", \"properties\": {\"type\": \"OffStreetParking\", \"name\": \"Downtown One\","
				 "\"availableSpotNumber\": {\"value\": 121, \"observedAt\": \"2017-07-29T12:05:02Z\","
				 "  \"reliability\": 0.7, \"providedBy\": {\"object\": \"urn:ngsi-ld:Camera:C1\"}},"
				 "\"location\": " POINT ", \"totalSpotNumber\": 200}}");
	options.properties_format = REPRESENT_SIMPLIFIED;
	options.context_value = parse("\"http://example.org/parking.jsonld\"");
	CHECK_JSON(represented(parking, &options),
		   FEATURE POINT ", \"properties\": {\"type\": \"OffStreetParking\", \"name\": \"Downtown One\","
				 "\"availableSpotNumber\": 121, \"totalSpotNumber\": 200, \"location\": " POINT "},"
				 "\"@context\": \"http://example.org/parking.jsonld\"}");
	/* 4.5.16.1: without the GeoProperty, or with another kind under its name, the geometry is null. */
	options.context_value = NULL;
	options.geometry_property = STR("http://example.org/common/name");
	CHECK(str_contains(represented(parking, &options), STR("\"geometry\":null,")));
	options.geometry_property = STR("http://example.org/none");
	CHECK(str_contains(represented(parking, &options), STR("\"geometry\":null,")));
#undef POINT
#undef FEATURE
}

static void a_feature_takes_the_geometry_of_the_dataset_asked_for(void)
{
	const struct json *entity =
		expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"location\": [{\"value\": {\"type\": \"Point\","
			 " \"coordinates\": [1, 2]}}, {\"value\": {\"type\": \"Point\", \"coordinates\": [3, 4]},"
			 " \"datasetId\": \"urn:d:1\"}]}",
			 core);
	const struct str datasets[] = {STR("urn:d:0"), STR("urn:d:1")};
	struct represent_options options = {.context = core,
					    .format = REPRESENT_GEOJSON,
					    .properties_format = REPRESENT_SIMPLIFIED,
					    .geometry_property = STR("https://uri.etsi.org/ngsi-ld/location"),
					    .dataset_ids = datasets,
					    .dataset_count = 2};

	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"Feature\", \"geometry\": {\"type\": \"Point\","
		   " \"coordinates\": [3, 4]}, \"properties\": {\"type\": \"T\","
		   " \"location\": {\"type\": \"Point\", \"coordinates\": [3, 4]}}}");
	options.dataset_ids = NULL;
	CHECK(str_contains(represented(entity, &options),
			   STR("\"geometry\":{\"type\":\"Point\",\"coordinates\":[1,2]}")));
}

static void a_full_buffer_stays_failed(void)
{
	const struct json *entity = expanded(PARKING_NORMALIZED, core);
	struct represent_options options = {.context = core};
	struct buf out;

	buf_init(&out, 256);
	CHECK_OK(represent_entity(&out, &arena, entity, &options, &err), &err);
	CHECK(buf_check(&out, "the text", &err) == ERR_LIMIT);
	buf_done(&out);
}

static void values_that_read_as_attributes_are_wrapped_when_concise(void)
{
	/* Each is the value of a Property and must come back as that. */
	static const char *const values[] = {
		"{\"type\": \"Point\", \"coordinates\": [1, 2]}",
		"{\"type\": \"Property\", \"value\": 1}",
		"{\"value\": 1}",
		"{\"object\": \"urn:x:1\"}",
		"{\"unitCode\": \"X\"}",
		"{\"type\": \"anything\"}",
		"{\"@type\": \"DateTime\", \"@value\": \"2018-12-04T12:00:00Z\"}",
		"[{\"value\": 1}]",
		"[{\"type\": \"Property\"}, 5]",
		"[{\"type\": \"Point\", \"coordinates\": [1, 2]}]",
		"[[{\"value\": 1}]]",
		"[]",
		"{}",
		"{\"id\": 1, \"scope\": 2}",
		"{\"a\": {\"type\": \"Property\", \"value\": 1}}",
		"\"\"",
		"{\"\": \"\\u0000\\\"\\\\\\ud83d\\ude00\"}",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct str text = arena_printf(&arena,
					       "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"type\": \"Property\","
					       " \"value\": %s}}",
					       values[i]);
		const struct json *entity = expanded(text.at, core);
		struct str concise = shown(entity, core, REPRESENT_CONCISE);
		struct str normalized = shown(entity, core, REPRESENT_NORMALIZED);

		if (!CHECK(json_equal(entity, expanded(concise.at, core))))
			printf("# %s\n", concise.at);
		CHECK(json_equal(entity, expanded(normalized.at, core)));
	}
}

/* ---- random entities ---- */

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void put_random_value(struct buf *out, uint64_t *state, int depth)
{
	static const char *const keys[] = {"type", "value", "a", "object", "@type", "coordinates", "datasetId", "x y"};
	uint64_t choice = draw(state) % (depth > 2 ? 4 : 6), count = draw(state) % 4;

	switch (choice) {
	case 0:
		buf_printf(out, "%d", (int)(draw(state) % 2000) - 1000);
		return;
	case 1:
		buf_printf(out, "%s", draw(state) % 2 ? "true" : "-0.5e-3");
		return;
	case 2:
		buf_printf(out, "\"t\\n\\u00e9%d\"", (int)(draw(state) % 100));
		return;
	case 3:
		buf_put(out, draw(state) % 2 ? STR("{\"type\": \"Point\", \"coordinates\": [1.5, 2]}")
					     : STR("\"Property\""));
		return;
	case 4:
		buf_put(out, STR("["));
		for (uint64_t i = 0; i < count; i++) {
			buf_put(out, i ? STR(",") : STR(""));
			put_random_value(out, state, depth + 1);
		}
		buf_put(out, STR("]"));
		return;
	default:
		buf_put(out, STR("{"));
		for (uint64_t i = 0; i < count; i++) {
			buf_printf(out, "%s\"%s\": ", i ? "," : "", keys[(draw(state) % 2) * 4 + i]);
			put_random_value(out, state, depth + 1);
		}
		buf_put(out, STR("}"));
	}
}

static void put_random_attribute(struct buf *out, uint64_t *state, int depth);

static void put_random_instance(struct buf *out, uint64_t *state, int depth, uint64_t dataset)
{
	static const char *const fixed[] = {
		"\"type\": \"Relationship\", \"object\": \"urn:x:2\", \"objectType\": \"T\"",
		"\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [103.8, 1.3]}",
		"\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"a\", \"fr\": [\"b\"]}",
		"\"type\": \"VocabProperty\", \"vocab\": [\"x\", \"y z\"]",
		"\"type\": \"JsonProperty\", \"json\": {\"id\": null, \"type\": [1]}",
		"\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:x:1\"}]",
		"\"type\": \"ListProperty\", \"valueList\": [1, {\"a\": \"b\"}], \"valueType\": \"Integer\"",
	};
	uint64_t kind = draw(state) % 12;

	buf_put(out, STR("{"));
	if (kind < 7) {
		buf_put(out, str_from(fixed[kind]));
	} else {
		buf_put(out, STR("\"type\": \"Property\", \"value\": "));
		put_random_value(out, state, 0);
		if (draw(state) % 3 == 0)
			buf_put(out, STR(", \"unitCode\": \"CEL\""));
	}
	if (draw(state) % 3 == 0)
		buf_put(out, STR(", \"observedAt\": \"2026-01-01T00:00:00.25Z\""));
	if (dataset)
		buf_printf(out, ", \"datasetId\": \"urn:d:%d\"", (int)dataset);
	for (uint64_t i = draw(state) % 3; depth < 3 && i > 0; i--) {
		buf_printf(out, ", \"sub%d\": ", (int)i);
		put_random_attribute(out, state, depth + 1);
	}
	buf_put(out, STR("}"));
}

static void put_random_attribute(struct buf *out, uint64_t *state, int depth)
{
	uint64_t count = draw(state) % 4 == 0 ? 1 + draw(state) % 3 : 0;

	if (count == 0) {
		put_random_instance(out, state, depth, 0);
		return;
	}
	buf_put(out, STR("["));
	for (uint64_t i = 0; i < count; i++) {
		buf_put(out, i ? STR(",") : STR(""));
		put_random_instance(out, state, depth, i);
	}
	buf_put(out, STR("]"));
}

static void what_is_represented_expands_to_what_it_came_from(void)
{
	uint64_t state = 1;

	for (int round = 0; round < 2000; round++) {
		struct buf text;

		arena_clear(&arena);
		buf_init(&text, 1u << 20);
		buf_put(&text, STR("{\"id\": \"urn:x:1\", \"type\": [\"A\", \"urn:y:B\"]"));
		for (uint64_t i = draw(&state) % 5; i > 0; i--) {
			buf_printf(&text, ", \"a%d\": ", (int)i);
			put_random_attribute(&text, &state, 0);
		}
		buf_put(&text, STR("}"));
		struct str body = arena_dup(&arena, buf_str(&text));

		buf_done(&text);
		const struct json *entity = expanded(body.at, annex);
		struct str normalized = shown(entity, annex, REPRESENT_NORMALIZED);
		struct str concise = shown(entity, annex, REPRESENT_CONCISE);

		if (!CHECK(entity && json_equal(entity, expanded(normalized.at, annex))))
			printf("# normalized %s\n# from %s\n", normalized.at, body.at);
		if (!CHECK(json_equal(entity, expanded(concise.at, annex))))
			printf("# concise %s\n# from %s\n", concise.at, body.at);
		CHECK(concise.len <= normalized.len);
	}
}

int main(void)
{
	bench_open();
	RUN(annex_c_entities_come_out_in_each_form_printed_there);
	RUN(members_come_in_the_order_of_the_document);
	RUN(names_unknown_to_the_context_stay_iris);
	RUN(datasets_make_one_object_of_simplified_values);
	RUN(datasets_can_be_asked_for_one_or_several);
	RUN(system_attributes_are_shown_when_asked_for);
	RUN(attrs_pick_and_omit_choose_members);
	RUN(system_attributes_are_chosen_among_by_name);
	RUN(the_context_is_written_last_when_given);
	RUN(a_feature_has_the_geometry_beside_its_properties);
	RUN(a_feature_takes_the_geometry_of_the_dataset_asked_for);
	RUN(a_full_buffer_stays_failed);
	RUN(values_that_read_as_attributes_are_wrapped_when_concise);
	RUN(what_is_represented_expands_to_what_it_came_from);
	bench_close();
	return check_done();
}
