/* NGSIv2 to NGSI-LD: the entities that FIWARE's how-to migrates, as it publishes them; examples of the NGSIv2
 * specification, converted by hand; and that everything is what GS CIM 009 allows. */
#include "check.h"
#include "feed/ngsiv2.h"
#include "ngsild/context.h"
#include "ngsild/expand.h"

static struct arena arena;
static struct json_parser *parser;
static struct context *context;
static struct error err;

static struct json *parse(const char *text)
{
	struct json *document = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &document, &err), &err);
	return document;
}

static struct json *convert_as(const char *text, const struct ngsiv2_options *options)
{
	const struct expand_options expansion = {.context = context, .now_us = 1};
	struct json *entity = NULL, *expanded = NULL;

	CHECK_OK(ngsiv2_to_ngsild(&arena, parse(text), options, &entity, &err), &err);
	if (entity)
		CHECK_OK(expand_entity(&arena, entity, &expansion, &expanded, &err), &err);
	return entity;
}

static void becomes_as(const char *text, const char *wanted, const struct ngsiv2_options *options)
{
	struct json *got = convert_as(text, options);
	struct buf out;

	if (CHECK(got && json_equal(got, parse(wanted))))
		return;
	buf_init(&out, 1 << 20);
	if (got)
		json_write(&out, got);
	printf("# of %s\n# got %.*s\n# wanted %s\n", text, STR_FMT(buf_str(&out)), wanted);
	buf_done(&out);
}

static void becomes(const char *text, const char *wanted)
{
	const struct ngsiv2_options options = {.time_name = STR("TimeInstant")};

	becomes_as(text, wanted, &options);
}

/* An attribute x of an entity a of type T. */
static void attribute_becomes(const char *text, const char *wanted)
{
	becomes(arena_printf(&arena, "{\"id\":\"urn:a:1\",\"type\":\"T\",%s}", text).at,
		arena_printf(&arena, "{\"id\":\"urn:a:1\",\"type\":\"T\"%s%s}", wanted[0] ? "," : "", wanted).at);
}

/* FIWARE Data Models, "NGSI-LD HowTo", "Example of migration to NGSI-LD". */
static void the_published_migration_is_ours(void)
{
	becomes("{\"id\":\"AirQualityObserved:RZ:Obsv4567\",\"type\":\"AirQualityObserved\","
		"\"dateObserved\":{\"type\":\"DateTime\",\"value\":\"2018-08-07T12:00:00\"},"
		"\"NO2\":{\"type\":\"Number\",\"value\":22,"
		"\"metadata\":{\"unitCode\":{\"type\":\"Text\",\"value\":\"GP\"}}},"
		"\"refPointOfInterest\":{\"type\":\"Reference\",\"value\":\"PointOfInterest:RZ:MainSquare\"}}",
		"{\"id\":\"urn:ngsi-ld:AirQualityObserved:RZ:Obsv4567\",\"type\":\"AirQualityObserved\","
		"\"dateObserved\":{\"type\":\"Property\","
		"\"value\":{\"@type\":\"DateTime\",\"@value\":\"2018-08-07T12:00:00Z\"}},"
		"\"NO2\":{\"type\":\"Property\",\"value\":22,\"unitCode\":\"GP\"},"
		"\"refPointOfInterest\":{\"type\":\"Relationship\","
		"\"object\":\"urn:ngsi-ld:PointOfInterest:RZ:MainSquare\"}}");
	becomes("{\"id\":\"PointOfInterest:RZ:MainSquare\",\"type\":\"PointOfInterest\","
		"\"category\":{\"type\":\"List\",\"value\":[\"113\"]},"
		"\"description\":{\"type\":\"Text\",\"value\":\"Beach of RZ\"},"
		"\"location\":{\"type\":\"geo:json\",\"value\":{\"type\":\"Point\",\"coordinates\":[-8,44]}}}",
		"{\"id\":\"urn:ngsi-ld:PointOfInterest:RZ:MainSquare\",\"type\":\"PointOfInterest\","
		"\"category\":{\"type\":\"Property\",\"value\":[\"113\"]},"
		"\"description\":{\"type\":\"Property\",\"value\":\"Beach of RZ\"},"
		"\"location\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[-8,44]}}}");
}

/* NGSIv2 specification: GET /v2/entities, "Retrieve Entity", "Special Attribute Types". */
static void examples_of_the_specification_are_converted(void)
{
	becomes("{\"type\":\"Car\",\"id\":\"P-9873-K\",\"speed\":{\"value\":100,\"type\":\"number\",\"metadata\":{"
		"\"accuracy\":{\"value\":2,\"type\":\"Number\"},"
		"\"timestamp\":{\"value\":\"2015-06-04T07:20:27.378Z\",\"type\":\"DateTime\"}}}}",
		"{\"id\":\"urn:ngsi-ld:Car:P-9873-K\",\"type\":\"Car\",\"speed\":{\"type\":\"Property\",\"value\":100,"
		"\"observedAt\":\"2015-06-04T07:20:27.378Z\",\"accuracy\":{\"type\":\"Property\",\"value\":2}}}");
	becomes("{\"type\":\"Room\",\"id\":\"Bcn_Welt\",\"temperature\":{\"value\":21.7,\"type\":\"Number\"},"
		"\"location\":{\"value\":\"41.3763726, 2.1864475\",\"type\":\"geo:point\","
		"\"metadata\":{\"crs\":{\"value\":\"WGS84\",\"type\":\"Text\"}}}}",
		"{\"id\":\"urn:ngsi-ld:Room:Bcn_Welt\",\"type\":\"Room\","
		"\"temperature\":{\"type\":\"Property\",\"value\":21.7},\"location\":{\"type\":\"GeoProperty\","
		"\"value\":{\"type\":\"Point\",\"coordinates\":[2.1864475,41.3763726]},"
		"\"crs\":{\"type\":\"Property\",\"value\":\"WGS84\"}}}");
	attribute_becomes("\"timestamp\":{\"value\":\"2017-06-17T07:21:24.238Z\",\"type\":\"DateTime\"}",
			  "\"timestamp\":{\"type\":\"Property\","
			  "\"value\":{\"@type\":\"DateTime\",\"@value\":\"2017-06-17T07:21:24.238Z\"}}");
	/* The box's lower corner has the smaller latitude, its longitudes are −8.6533 and −8.6531. */
	attribute_becomes("\"place\":{\"value\":[\"40.63881265804603, -8.653321266174316\","
			  "\"40.63913831188419, -8.653149604797363\"],\"type\":\"geo:box\"}",
			  "\"place\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Polygon\",\"coordinates\":[["
			  "[-8.653321266174316,40.63881265804603],[-8.653149604797363,40.63881265804603],"
			  "[-8.653149604797363,40.63913831188419],[-8.653321266174316,40.63913831188419],"
			  "[-8.653321266174316,40.63881265804603]]]}}");
}

static void ids_become_uris(void)
{
	static const struct {
		const char *id, *type, *uri;
	} cases[] = {
		{"Room1", "Room", "urn:ngsi-ld:Room:Room1"},
		{"Room:1", "Room", "urn:ngsi-ld:Room:1"},
		{"Room", "Room", "urn:ngsi-ld:Room:Room"},
		{"Room:", "Room", "urn:ngsi-ld:Room:Room:"},
		{"sensor:1", "Device", "urn:ngsi-ld:Device:sensor:1"},
		{"urn:ngsi-ld:Room:1", "Room", "urn:ngsi-ld:Room:1"},
		{"https://city.example/rooms/1", "Room", "https://city.example/rooms/1"},
		{"50%_<a>", "T", "urn:ngsi-ld:T:50%25_%3Ca%3E"},
		{"\xc3\xa9", "T", "urn:ngsi-ld:T:%C3%A9"},
		{"1", "Street-Light", "urn:ngsi-ld:Street-Light:1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ngsiv2_options options = {.time_name = STR("TimeInstant")};
		struct json *got = convert_as(
			arena_printf(&arena, "{\"id\":\"%s\",\"type\":\"%s\"}", cases[i].id, cases[i].type).at,
			&options);

		CHECK_STR(json_text(json_get(got, STR("id"))), str_from(cases[i].uri));
	}
}

static void references_are_relationships(void)
{
	attribute_becomes("\"refRoom\":{\"type\":\"Text\",\"value\":\"1\"}",
			  "\"refRoom\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Room:1\"}");
	attribute_becomes("\"refDevice\":{\"type\":\"Text\",\"value\":[\"sensor:1\",\"urn:ngsi-ld:Device:2\"]}",
			  "\"refDevice\":{\"type\":\"Relationship\","
			  "\"object\":[\"urn:ngsi-ld:Device:sensor:1\",\"urn:ngsi-ld:Device:2\"]}");
	attribute_becomes("\"isIn\":{\"type\":\"Relationship\",\"value\":\"Building:7\"}",
			  "\"isIn\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Building:7\"}");
	/* None of these is one: a word that begins so, a number, nothing. */
	attribute_becomes("\"reference\":{\"type\":\"Text\",\"value\":\"1\"},\"refund\":{\"value\":\"a\"},"
			  "\"refNumber\":{\"value\":5},\"refEmpty\":{\"value\":\"\"}",
			  "\"reference\":{\"type\":\"Property\",\"value\":\"1\"},"
			  "\"refund\":{\"type\":\"Property\",\"value\":\"a\"},"
			  "\"refNumber\":{\"type\":\"Property\",\"value\":5},"
			  "\"refEmpty\":{\"type\":\"Property\",\"value\":\"\"}");
}

static void names_are_those_of_ngsi_ld(void)
{
	attribute_becomes("\"PM2.5\":{\"value\":1},\"2nd\":{\"value\":2},\"a:b\":{\"value\":3},\"a-b\":{\"value\":4},"
			  "\"a_b\":{\"value\":5}",
			  "\"PM2_5\":{\"type\":\"Property\",\"value\":1},\"x2nd\":{\"type\":\"Property\",\"value\":2},"
			  "\"a_b\":{\"type\":\"Property\",\"value\":3},\"a_b_\":{\"type\":\"Property\",\"value\":4},"
			  "\"a_b__\":{\"type\":\"Property\",\"value\":5}");
	attribute_becomes(
		"\"scope\":{\"value\":1},\"value\":{\"value\":2},\"observedAt\":{\"value\":\"now\"},"
		"\"createdAt\":{\"value\":3},\"@context\":{\"value\":4}",
		"\"scope_\":{\"type\":\"Property\",\"value\":1},\"value_\":{\"type\":\"Property\",\"value\":2},"
		"\"observedAt_\":{\"type\":\"Property\",\"value\":\"now\"},"
		"\"createdAt_\":{\"type\":\"Property\",\"value\":3},"
		"\"x_context\":{\"type\":\"Property\",\"value\":4}");
	attribute_becomes("\"location\":{\"type\":\"Text\",\"value\":\"kitchen\"},"
			  "\"operationSpace\":{\"type\":\"geo:point\",\"value\":\"95, 0\"}",
			  "\"location_\":{\"type\":\"Property\",\"value\":\"kitchen\"},"
			  "\"operationSpace_\":{\"type\":\"Property\",\"value\":\"95, 0\"}");
	becomes("{\"id\":\"a\"}", "{\"id\":\"urn:ngsi-ld:Thing:a\",\"type\":\"Thing\"}");
	becomes("{\"id\":\"a\",\"type\":\"Street-Light\"}",
		"{\"id\":\"urn:ngsi-ld:Street-Light:a\",\"type\":\"Street_Light\"}");
}

static void values_keep_what_they_say(void)
{
	attribute_becomes("\"x\":{\"type\":\"StructuredValue\",\"value\":{\"a\":[1.50,\"b\",true],\"c\":{}}}",
			  "\"x\":{\"type\":\"Property\",\"value\":{\"a\":[1.50,\"b\",true],\"c\":{}}}");
	attribute_becomes("\"x\":{\"type\":\"None\",\"value\":null}", "");
	attribute_becomes("\"x\":{\"type\":\"StructuredValue\",\"value\":{\"a\":null}}",
			  "\"x\":{\"type\":\"JsonProperty\",\"json\":{\"a\":null}}");
	attribute_becomes("\"x\":{\"type\":\"Text\",\"value\":\"urn:ngsi-ld:null\"}", "");
	attribute_becomes("\"x\":{\"type\":\"StructuredValue\",\"value\":[\"urn:ngsi-ld:null\"]}",
			  "\"x\":{\"type\":\"JsonProperty\",\"json\":[\"urn:ngsi-ld:null\"]}");
	attribute_becomes("\"x\":{\"type\":\"StructuredValue\",\"value\":[{\"@context\":\"http://e.com/\"}]}",
			  "\"x\":{\"type\":\"JsonProperty\",\"json\":[{\"@context\":\"http://e.com/\"}]}");
	attribute_becomes("\"address\":{\"type\":\"PostalAddress\",\"value\":{\"addressLocality\":\"Tokyo\"}}",
			  "\"address\":{\"type\":\"Property\","
			  "\"value\":{\"type\":\"PostalAddress\",\"addressLocality\":\"Tokyo\"}}");
	attribute_becomes("\"x\":{\"type\":\"DateTime\",\"value\":\"2026-01-01T01:30:00+01:00\"}",
			  "\"x\":{\"type\":\"Property\","
			  "\"value\":{\"@type\":\"DateTime\",\"@value\":\"2026-01-01T00:30:00Z\"}}");
	attribute_becomes("\"x\":{\"type\":\"DateTime\",\"value\":\"tomorrow\"}",
			  "\"x\":{\"type\":\"Property\",\"value\":\"tomorrow\"}");
}

static void places_are_geoproperties(void)
{
	attribute_becomes("\"p\":{\"type\":\"geo:line\",\"value\":[\"1,2\",\"3, 4\"]}",
			  "\"p\":{\"type\":\"GeoProperty\","
			  "\"value\":{\"type\":\"LineString\",\"coordinates\":[[2,1],[4,3]]}}");
	attribute_becomes("\"p\":{\"type\":\"geo:polygon\",\"value\":[\"0,0\",\"0,2\",\"2,2\",\"0,0\"]}",
			  "\"p\":{\"type\":\"GeoProperty\","
			  "\"value\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,2],[0,0]]]}}");
	/* As Orion has it, a Feature is its geometry. */
	attribute_becomes(
		"\"location\":{\"type\":\"geo:json\",\"value\":{\"type\":\"Feature\",\"properties\":{},"
		"\"geometry\":{\"type\":\"Point\",\"coordinates\":[1,2]}}}",
		"\"location\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[1,2]}}");
	/* What is no place stays what it is: the specification's own example of an invalid polygon, cut short. */
	attribute_becomes("\"p\":{\"type\":\"geo:polygon\",\"value\":[\"0,0\",\"0,2\",\"2,0\",\"2,2\"]}",
			  "\"p\":{\"type\":\"Property\",\"value\":[\"0,0\",\"0,2\",\"2,0\",\"2,2\"]}");
	attribute_becomes(
		"\"p\":{\"type\":\"geo:point\",\"value\":\"here\"},\"q\":{\"type\":\"geo:box\",\"value\":[\"1,2\"]},"
		"\"r\":{\"type\":\"geo:json\",\"value\":\"1,2\"},\"s\":{\"type\":\"geo:point\",\"value\":null}",
		"\"p\":{\"type\":\"Property\",\"value\":\"here\"},\"q\":{\"type\":\"Property\",\"value\":[\"1,2\"]},"
		"\"r\":{\"type\":\"Property\",\"value\":\"1,2\"}");
}

static void metadata_say_when_and_in_what(void)
{
	attribute_becomes(
		"\"x\":{\"value\":1,\"metadata\":{\"TimeInstant\":{\"type\":\"DateTime\","
		"\"value\":\"2026-01-01T00:00:00.000Z\"},\"dateCreated\":{\"type\":\"DateTime\","
		"\"value\":\"2020-01-01T00:00:00.000Z\"},\"previousValue\":{\"value\":0},"
		"\"actionType\":{\"value\":\"update\"},\"type\":{\"value\":\"a\"},\"unitCode\":{\"value\":5},"
		"\"location\":{\"value\":\"WGS84\"},\"none\":{\"value\":null},"
		"\"checked\":{\"type\":\"DateTime\",\"value\":\"2026-01-02\"}}}",
		"\"x\":{\"type\":\"Property\",\"value\":1,\"observedAt\":\"2026-01-01T00:00:00Z\","
		"\"type_\":{\"type\":\"Property\",\"value\":\"a\"},"
		"\"unitCode_\":{\"type\":\"Property\",\"value\":5},"
		"\"location_\":{\"type\":\"Property\",\"value\":\"WGS84\"},\"checked\":{\"type\":\"Property\","
		"\"value\":{\"@type\":\"DateTime\",\"@value\":\"2026-01-02T00:00:00Z\"}}}");
	attribute_becomes("\"x\":{\"value\":1,\"metadata\":{\"timestamp\":{\"value\":\"soon\"}}},"
			  "\"refRoom\":{\"value\":\"Room:1\",\"metadata\":{\"unitCode\":{\"value\":\"C62\"}}}",
			  "\"x\":{\"type\":\"Property\",\"value\":1,"
			  "\"timestamp\":{\"type\":\"Property\",\"value\":\"soon\"}},"
			  "\"refRoom\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Room:1\","
			  "\"unitCode_\":{\"type\":\"Property\",\"value\":\"C62\"}}");
}

static void a_time_of_the_entity_is_that_of_its_attributes(void)
{
	const struct ngsiv2_options observed = {.time_name = STR("dateObserved")};

	attribute_becomes("\"TimeInstant\":{\"type\":\"DateTime\",\"value\":\"2026-01-01T00:00:00.000Z\"},"
			  "\"a\":{\"value\":1},\"b\":{\"value\":2,\"metadata\":{\"timestamp\":"
			  "{\"value\":\"2025-01-01T00:00:00Z\"}}}",
			  "\"a\":{\"type\":\"Property\",\"value\":1,\"observedAt\":\"2026-01-01T00:00:00Z\"},"
			  "\"b\":{\"type\":\"Property\",\"value\":2,\"observedAt\":\"2025-01-01T00:00:00Z\"}");
	becomes_as("{\"id\":\"a\",\"type\":\"T\",\"dateObserved\":{\"type\":\"DateTime\",\"value\":\"2026-01-01T00:00:"
		   "00Z\"},"
		   "\"v\":{\"value\":1},\"TimeInstant\":{\"value\":\"2020-01-01T00:00:00Z\"}}",
		   "{\"id\":\"urn:ngsi-ld:T:a\",\"type\":\"T\",\"dateObserved\":{\"type\":\"Property\","
		   "\"value\":{\"@type\":\"DateTime\",\"@value\":\"2026-01-01T00:00:00Z\"},"
		   "\"observedAt\":\"2026-01-01T00:00:00Z\"},"
		   "\"v\":{\"type\":\"Property\",\"value\":1,\"observedAt\":\"2026-01-01T00:00:00Z\"},"
		   "\"TimeInstant\":{\"type\":\"Property\",\"value\":\"2020-01-01T00:00:00Z\","
		   "\"observedAt\":\"2026-01-01T00:00:00Z\"}}",
		   &observed);
}

static void builtin_attributes_are_what_they_mean(void)
{
	const struct ngsiv2_options options = {.time_name = STR("TimeInstant"),
					       .service_path = STR("/Madrid/2026/a-b")};

	becomes_as(
		"{\"id\":\"a\",\"type\":\"T\",\"dateCreated\":{\"value\":\"2020-01-01T00:00:00Z\"},"
		"\"dateModified\":{\"value\":\"2020-01-01T00:00:00Z\"},\"alterationType\":{\"value\":\"entityChange\"},"
		"\"dateExpires\":{\"type\":\"DateTime\",\"value\":\"2099-01-01T00:00:00.000Z\"}}",
		"{\"id\":\"urn:ngsi-ld:T:a\",\"type\":\"T\",\"scope\":\"/Madrid/x2026/a_b\","
		"\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
		&options);
	becomes_as("{\"id\":\"a\",\"type\":\"T\",\"servicePath\":{\"type\":\"Text\",\"value\":\"/Paris\"}}",
		   "{\"id\":\"urn:ngsi-ld:T:a\",\"type\":\"T\",\"scope\":\"/Paris\"}", &options);
	becomes_as("{\"id\":\"a\",\"type\":\"T\",\"servicePath\":{\"type\":\"Text\",\"value\":\"/\"}}",
		   "{\"id\":\"urn:ngsi-ld:T:a\",\"type\":\"T\"}", &options);
}

static void key_values_are_guessed(void)
{
	const struct ngsiv2_options options = {.time_name = STR("TimeInstant"), .simplified = true};

	CHECK(ngsiv2_looks_simplified(parse("{\"id\":\"R12345\",\"type\":\"Room\",\"temperature\":22}")));
	CHECK(ngsiv2_looks_simplified(parse("{\"id\":\"a\",\"x\":{\"value\":1,\"other\":2}}")));
	CHECK(!ngsiv2_looks_simplified(parse("{\"id\":\"a\",\"x\":{\"value\":1}}")));
	CHECK(!ngsiv2_looks_simplified(parse("{\"id\":\"a\",\"x\":{\"type\":\"T\",\"value\":null,\"metadata\":{}}}")));
	CHECK(!ngsiv2_looks_simplified(parse("{\"id\":\"a\",\"type\":\"T\"}")));
	becomes_as("{\"id\":\"R12345\",\"type\":\"Room\",\"temperature\":22,\"refFloor\":\"3\","
		   "\"TimeInstant\":\"2026-01-01T00:00:00.00Z\",\"servicePath\":\"/"
		   "a\",\"opened\":\"2025-12-31T08:00:00Z\","
		   "\"location\":{\"type\":\"Point\",\"coordinates\":[1,2]},\"tags\":[\"a\"],\"gone\":null}",
		   "{\"id\":\"urn:ngsi-ld:Room:R12345\",\"type\":\"Room\",\"scope\":\"/a\",\"temperature\":"
		   "{\"type\":\"Property\",\"value\":22,\"observedAt\":\"2026-01-01T00:00:00Z\"},"
		   "\"refFloor\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Floor:3\","
		   "\"observedAt\":\"2026-01-01T00:00:00Z\"},\"opened\":{\"type\":\"Property\","
		   "\"value\":{\"@type\":\"DateTime\",\"@value\":\"2025-12-31T08:00:00Z\"},"
		   "\"observedAt\":\"2026-01-01T00:00:00Z\"},\"location\":{\"type\":\"GeoProperty\","
		   "\"value\":{\"type\":\"Point\",\"coordinates\":[1,2]},\"observedAt\":\"2026-01-01T00:00:00Z\"},"
		   "\"tags\":{\"type\":\"Property\",\"value\":[\"a\"],\"observedAt\":\"2026-01-01T00:00:00Z\"}}",
		   &options);
}

static void what_is_no_entity_is_refused(void)
{
	const struct ngsiv2_options options = {.time_name = STR("TimeInstant")};
	static const char *const texts[] = {"{}", "[]", "5", "{\"id\":5}", "{\"id\":\"\"}", "{\"type\":\"T\"}"};
	struct json *entity = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(ngsiv2_to_ngsild(&arena, parse(texts[i]), &options, &entity, &err) == ERR_INVALID);
}

static void no_memory_is_told(void)
{
	const struct ngsiv2_options options = {.time_name = STR("TimeInstant"), .service_path = STR("/a")};
	const struct json *given = parse("{\"id\":\"a b\",\"type\":\"T-T\",\"x\":{\"value\":{\"a\":null}},"
					 "\"p\":{\"type\":\"geo:box\",\"value\":[\"1,2\",\"3,4\"]},"
					 "\"refA\":{\"value\":[\"1\",\"2\"]},\"location\":{\"value\":1}}");
	size_t refused = 0;

	for (size_t bytes = 0; bytes < 32768; bytes += 16) {
		struct arena small;
		struct json *entity = NULL;

		arena_init_small(&small, bytes, 16);
		enum err_code code = ngsiv2_to_ngsild(&small, given, &options, &entity, &err);

		CHECK(code == ERR_MEMORY ? !entity : code == ERR_OK && entity);
		refused += code == ERR_MEMORY;
		arena_done(&small);
	}
	CHECK(refused > 10);
}

int main(void)
{
	arena_init(&arena, 64 << 20);
	parser = json_parser_new();
	CHECK_OK(context_core_new(&context, &err), &err);
	RUN(the_published_migration_is_ours);
	RUN(examples_of_the_specification_are_converted);
	RUN(ids_become_uris);
	RUN(references_are_relationships);
	RUN(names_are_those_of_ngsi_ld);
	RUN(values_keep_what_they_say);
	RUN(places_are_geoproperties);
	RUN(metadata_say_when_and_in_what);
	RUN(a_time_of_the_entity_is_that_of_its_attributes);
	RUN(builtin_attributes_are_what_they_mean);
	RUN(key_values_are_guessed);
	RUN(what_is_no_entity_is_refused);
	RUN(no_memory_is_told);
	(void)context_unref(context);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
