/* Expansion after GS CIM 009 V1.9.1: the standard's examples (annex C) and the rules of clauses 4.5, 4.6, 4.7, 5.5.4.
 *
 * Goal: what the clauses allow becomes the document they describe; what they prohibit is refused by a text that names
 * the place. Method: annex C gives entities in normalized and concise form that must expand alike; expected documents
 * are written by hand from the clauses. */
#include "ngsild_bench.h"

#define STAMP "\"createdAt\": 1800000000000000"
#define DEFAULT_VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"

static void annex_c_parking_becomes_the_document_that_the_clauses_describe(void)
{
	struct json *entity = expanded(PARKING_NORMALIZED, annex);

	CHECK(json_equal(entity,
			 parse("{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\","
			       "\"type\": [\"http://example.org/parking/OffStreetParking\"], " STAMP ","
			       "\"http://example.org/common/name\": [{\"type\": \"Property\","
			       "  \"value\": \"Downtown One\", " STAMP "}],"
			       "\"http://example.org/parking/availableSpotNumber\": [{\"type\": \"Property\","
			       "  \"value\": 121, \"observedAt\": \"2017-07-29T12:05:02Z\", " STAMP ","
			       "  \"http://example.org/common/reliability\": [{\"type\": \"Property\","
			       "    \"value\": 0.7, " STAMP "}],"
			       "  \"http://example.org/common/providedBy\": [{\"type\": \"Relationship\","
			       "    \"object\": \"urn:ngsi-ld:Camera:C1\", " STAMP "}]}],"
			       "\"http://example.org/parking/totalSpotNumber\": [{\"type\": \"Property\","
			       "  \"value\": 200, " STAMP "}],"
			       "\"https://uri.etsi.org/ngsi-ld/location\": [{\"type\": \"GeoProperty\", " STAMP ","
			       "  \"value\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}]}")));
}

static void concise_and_normalized_examples_of_annex_c_expand_alike(void)
{
	CHECK(json_equal(expanded(PARKING_NORMALIZED, annex), expanded(PARKING_CONCISE, annex)));
	CHECK(json_equal(expanded(VEHICLE_NORMALIZED, annex), expanded(VEHICLE_CONCISE, annex)));
}

static void types_terms_and_lists_of_annex_c_are_coerced_to_iris(void)
{
	const struct json *vehicle = expanded(VEHICLE_NORMALIZED, annex);
	const struct json *category = document_instance(vehicle, STR("http://example.org/vehicle/category"), STR_NONE);
	const struct json *depths =
		document_instance(vehicle, STR("http://example.org/vehicle/tyreTreadDepths"), STR_NONE);
	const struct json *parked = document_instance(vehicle, STR("http://example.org/common/isParked"), STR_NONE);

	CHECK_STR(json_text(json_get(category, STR("vocab"))), STR("http://example.org/vehicle/non-commercial"));
	CHECK_STR(json_text(json_get(depths, STR("valueType"))), STR("http://www.w3.org/2001/XMLSchema#Integer"));
	CHECK_STR(json_text(json_get(parked, STR("objectType"))), STR("http://example.org/parking/OffStreetParking"));
	CHECK(document_is_attribute(STR("http://example.org/common/isParked")));
	CHECK_STR(json_text(document_value(parked)), STR("urn:ngsi-ld:OffStreetParking:Downtown1"));
}

static void instances_lie_in_an_array_with_the_default_one_first(void)
{
	struct json *entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"speed\": ["
				       "{\"type\": \"Property\", \"value\": 1, \"datasetId\": \"urn:d:1\"},"
				       "{\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:2\"},"
				       "{\"value\": 3, \"datasetId\": \"@none\"}]}",
				       core);
	const struct json *speeds = json_get(entity, STR(DEFAULT_VOCAB "speed"));

	CHECK(json_is(speeds, JSON_ARRAY) && speeds->count == 3);
	CHECK(document_instance(entity, STR(DEFAULT_VOCAB "speed"), STR_NONE) == json_at(speeds, 0));
	CHECK(json_equal(document_value(json_at(speeds, 0)), parse("3")));
	CHECK(!json_get(json_at(speeds, 0), STR("datasetId")));
	CHECK_STR(json_text(json_get(json_at(speeds, 1), STR("datasetId"))), STR("urn:d:1"));
	CHECK_STR(json_text(json_get(json_at(speeds, 2), STR("datasetId"))), STR("urn:d:2"));
}

/* The attribute "a" of an entity, as expanded with the core context; NULL when refused. */
static const struct json *instance_of(const char *attribute)
{
	struct str text = arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": %s}", attribute);

	return document_instance(expanded(text.at, core), STR(DEFAULT_VOCAB "a"), STR_NONE);
}

static void check_instance(const char *attribute, const char *expected)
{
	struct json *instance = json_dup(&arena, instance_of(attribute));

	if (instance)
		CHECK(json_remove(instance, STR("createdAt")));
	if (!CHECK(instance && json_equal(instance, parse(expected))))
		printf("# %s\n", attribute);
}

static void a_value_alone_is_a_property_or_a_geoproperty(void)
{
	check_instance("5", "{\"type\": \"Property\", \"value\": 5}");
	check_instance("\"text\"", "{\"type\": \"Property\", \"value\": \"text\"}");
	check_instance("false", "{\"type\": \"Property\", \"value\": false}");
	check_instance("[1, [2, 3], \"x\"]", "{\"type\": \"Property\", \"value\": [1, [2, 3], \"x\"]}");
	check_instance("[]", "{\"type\": \"Property\", \"value\": []}");
	check_instance("{\"street\": \"Pariser Platz\"}",
		       "{\"type\": \"Property\", \"value\": {\"street\": \"Pariser Platz\"}}");
	check_instance("[{\"street\": 1}, 5]", "{\"type\": \"Property\", \"value\": [{\"street\": 1}, 5]}");
	check_instance("{\"type\": \"Point\", \"coordinates\": [1, 2]}",
		       "{\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}");
	check_instance("{\"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]}, \"unitCode\": \"X\"}",
		       "{\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]},"
		       " \"unitCode\": \"X\"}");
	/* C.6: a typed value. */
	check_instance("{\"@type\": \"DateTime\", \"@value\": \"2018-12-04T12:00:00Z\"}",
		       "{\"type\": \"Property\", \"value\": {\"@type\": \"DateTime\","
		       " \"@value\": \"2018-12-04T12:00:00Z\"}}");
	check_instance("{\"type\": \"Property\", \"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}",
		       "{\"type\": \"Property\", \"value\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}");
}

static void every_kind_of_attribute_is_inferred_from_its_value_member(void)
{
	check_instance("{\"object\": \"urn:x:2\"}", "{\"type\": \"Relationship\", \"object\": \"urn:x:2\"}");
	check_instance("{\"languageMap\": {\"en\": \"a\", \"zh-Hant\": [\"b\", \"c\"], \"@none\": \"d\"}}",
		       "{\"type\": \"LanguageProperty\","
		       " \"languageMap\": {\"en\": \"a\", \"zh-Hant\": [\"b\", \"c\"], \"@none\": \"d\"}}");
	check_instance("{\"vocab\": [\"x\", \"http://y/z\"]}",
		       "{\"type\": \"VocabProperty\", \"vocab\": [\"" DEFAULT_VOCAB "x\", \"http://y/z\"]}");
	check_instance("{\"json\": {\"id\": \"85a6\", \"value\": null, \"@context\": 1}}",
		       "{\"type\": \"JsonProperty\", \"json\": {\"id\": \"85a6\", \"value\": null, \"@context\": 1}}");
	check_instance("{\"valueList\": [3, \"a\", {\"b\": 1}]}",
		       "{\"type\": \"ListProperty\", \"valueList\": [3, \"a\", {\"b\": 1}]}");
	check_instance("{\"objectList\": [\"urn:x:2\", {\"object\": \"urn:x:3\"}]}",
		       "{\"type\": \"ListRelationship\","
		       " \"objectList\": [{\"object\": \"urn:x:2\"}, {\"object\": \"urn:x:3\"}]}");
}

static void members_of_the_system_are_ignored(void)
{
	/* 5.2.2, 5.2.5 and the tables of output-only members. */
	check_instance(
		"{\"type\": \"Property\", \"value\": 1, \"createdAt\": \"x\", \"modifiedAt\": 1, \"deletedAt\": 2,"
		" \"instanceId\": \"urn:i\", \"previousValue\": 3}",
		"{\"type\": \"Property\", \"value\": 1}");
	check_instance("{\"type\": \"Relationship\", \"object\": \"urn:x:2\", \"previousObject\": \"urn:x:1\","
		       " \"entity\": {\"id\": \"urn:x:2\"}}",
		       "{\"type\": \"Relationship\", \"object\": \"urn:x:2\"}");
	struct json *entity =
		expanded("{\"id\": \"urn:x:1\", \"type\": \"T\", \"createdAt\": \"2000-01-01T00:00:00Z\","
			 " \"modifiedAt\": \"2000-01-01T00:00:00Z\", \"deletedAt\": \"2000-01-01T00:00:00Z\"}",
			 core);

	CHECK(json_equal(entity, parse("{\"id\": \"urn:x:1\", \"type\": [\"" DEFAULT_VOCAB "T\"], " STAMP "}")));
}

static void an_entity_may_have_types_scopes_and_an_end(void)
{
	struct json *entity = expanded("{\"@id\": \"urn:x:1\", \"@type\": [\"A\", \"B\", \"A\"], \"expiresAt\":"
				       "\"2030-01-01T00:00:00,5Z\", \"scope\": [\"/Madrid/Gardens\", \"CompanyA\"],"
				       "\"@context\": {\"ignored\": \"here\"}}",
				       core);

	CHECK(json_equal(entity, parse("{\"id\": \"urn:x:1\", \"type\": [\"" DEFAULT_VOCAB "A\", \"" DEFAULT_VOCAB
				       "B\"], \"scope\": [\"/Madrid/Gardens\", \"CompanyA\"], " STAMP ","
				       "\"expiresAt\": \"2030-01-01T00:00:00.5Z\"}")));
	entity = expanded("{\"id\": \"urn:x:1\", \"type\": \"A\", \"scope\": \"/a\"}", core);
	CHECK(json_equal(json_get(entity, STR("scope")), parse("[\"/a\"]")));
}

static void a_signed_property_of_annex_c_is_taken(void)
{
	const struct json *store = expanded(STORE_SIGNED, core);
	const struct json *address = document_instance(store, STR(DEFAULT_VOCAB "address"), STR_NONE);
	const struct json *proof =
		document_instance(address, STR("https://uri.etsi.org/ngsi-ld/ngsildproof"), STR_NONE);

	CHECK_STR(json_text(json_get(proof, STR("entityIdSealed"))), STR("urn:ngsi-ld:Store:002"));
	CHECK_STR(json_text(json_get(proof, STR("entityTypeSealed"))), STR(DEFAULT_VOCAB "Store"));
}

static void a_geometry_may_come_as_a_text(void)
{
	/* 4.7.2 */
	check_instance("{\"type\": \"GeoProperty\", \"value\": \"{\\\"type\\\": \\\"Point\\\", "
		       "\\\"coordinates\\\": [-8.5, 41.2]}\"}",
		       "{\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}");
}

static void numbers_stay_as_they_were_written(void)
{
	const struct json *instance = instance_of("{\"type\": \"Property\", \"value\": 1.2500e3}");
	const struct json *value = document_value(instance);

	CHECK(json_is(value, JSON_NUMBER));
	CHECK_STR(((struct str){value->text, value->count}), STR("1.2500e3"));
}

/* ---- refusals ---- */

struct refusal {
	const char *attribute; /* value of "a" */
	const char *says; /* part of the error's text */
};

static void check_refused(const char *text, bool fragment, const char *says, enum err_code expected)
{
	struct json *entity = NULL;
	enum err_code code = expand_text(text, core, fragment, &entity);

	if (!CHECK(code == expected && !entity && str_contains(str_from(err.detail), str_from(says))))
		printf("# %s: %s, should say %s; from %s\n", err_name(code), err.detail, says, text);
}

static const struct refusal refusals[] = {
	{"null", "null"},
	{"{\"type\": \"Property\"}", "needs \"value\""},
	{"{\"type\": \"Property\", \"value\": null}", "\"value\" holds null"},
	{"{\"type\": \"Property\", \"value\": {\"x\": [1, null]}}", "\"value\" holds null"},
	{"{\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\"}", "urn:ngsi-ld:null"},
	{"\"urn:ngsi-ld:null\"", "urn:ngsi-ld:null"},
	{"{\"type\": \"Property\", \"value\": {\"x\": \"urn:ngsi-ld:null\"}}", "urn:ngsi-ld:null"},
	{"{\"type\": \"Property\", \"value\": {\"@context\": {}}}", "@context"},
	{"{\"type\": \"Property\", \"value\": 1, \"@context\": {}}", "@context"},
	{"{\"type\": \"Property\", \"value\": 1, \"object\": \"urn:x:1\"}", "exclude each other"},
	{"{\"type\": \"Property\", \"object\": \"urn:x:1\"}", "\"object\" is not allowed in a Property"},
	{"{\"type\": \"Property\", \"value\": 1, \"objectType\": \"T\"}", "\"objectType\" is not allowed"},
	{"{\"type\": \"Property\", \"value\": 1, \"entity\": {}}", "\"entity\" is not allowed"},
	{"{\"type\": \"Property\", \"value\": 1, \"previousObject\": \"urn:x\"}", "\"previousObject\""},
	{"{\"type\": \"Property\", \"value\": 1, \"entityIdSealed\": \"urn:x:1\"}", "\"entityIdSealed\""},
	{"{\"type\": \"Property\", \"value\": 1, \"id\": \"urn:x\"}", "\"id\" is not allowed"},
	{"{\"type\": \"Property\", \"value\": 1, \"scope\": \"/a\"}", "\"scope\" is not allowed"},
	{"{\"type\": \"Property\", \"value\": 1, \"unitCode\": 5}", "\"unitCode\""},
	{"{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"\"}", "\"unitCode\""},
	{"{\"type\": \"Property\", \"value\": 1, \"valueType\": 5}", "\"valueType\""},
	{"{\"type\": \"Property\", \"value\": 1, \"observedAt\": \"2026-02-30T00:00:00Z\"}", "\"observedAt\""},
	{"{\"type\": \"Property\", \"value\": 1, \"observedAt\": \"2026-02-03T00:00:00+08:00\"}", "DateTime"},
	{"{\"type\": \"Property\", \"value\": 1, \"observedAt\": 5}", "\"observedAt\""},
	{"{\"type\": \"Property\", \"value\": 1, \"expiresAt\": \"tomorrow\"}", "\"expiresAt\""},
	{"{\"type\": \"Property\", \"value\": 1, \"datasetId\": \"one\"}", "\"datasetId\""},
	{"{\"type\": \"Property\", \"value\": 1, \"datasetId\": \"urn:ngsi-ld:null\"}", "\"datasetId\""},
	{"{\"type\": \"Relationship\"}", "needs \"object\""},
	{"{\"type\": \"Relationship\", \"value\": \"urn:x:1\"}", "\"value\" is not allowed"},
	{"{\"type\": \"Relationship\", \"object\": \"not a uri\"}", "not a URI"},
	{"{\"type\": \"Relationship\", \"object\": 5}", "\"object\" must be a URI"},
	{"{\"type\": \"Relationship\", \"object\": []}", "empty"},
	{"{\"type\": \"Relationship\", \"object\": [\"urn:x:1\", 5]}", "\"object\""},
	{"{\"type\": \"Relationship\", \"object\": \"urn:ngsi-ld:null\"}", "urn:ngsi-ld:null"},
	{"{\"type\": \"Relationship\", \"object\": \"urn:x:1\", \"unitCode\": \"CEL\"}", "\"unitCode\""},
	{"{\"type\": \"Relationship\", \"object\": \"urn:x:1\", \"valueType\": \"T\"}", "\"valueType\""},
	{"{\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [200, 0]}}", "geometry"},
	{"{\"type\": \"GeoProperty\", \"value\": 5}", "geometry"},
	{"{\"type\": \"GeoProperty\", \"value\": \"POINT (1 2)\"}", "geometry"},
	{"{\"type\": \"GeometryCollection\", \"geometries\": []}", "geometry"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {}}", "languageMap"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": \"en\"}", "languageMap"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {\"e n\": \"x\"}}", "language tag"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": 5}}", "\"en\""},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {\"@none\": \"urn:ngsi-ld:null\"}}", "@none"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"x\"}, \"unitCode\": \"C\"}", "unitCode"},
	{"{\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"x\"}, \"valueType\": \"C\"}", "langString"},
	{"{\"type\": \"VocabProperty\", \"vocab\": 5}", "\"vocab\""},
	{"{\"type\": \"VocabProperty\", \"vocab\": []}", "\"vocab\""},
	{"{\"type\": \"JsonProperty\", \"json\": \"urn:ngsi-ld:null\"}", "urn:ngsi-ld:null"},
	{"{\"type\": \"ListProperty\", \"valueList\": 5}", "\"valueList\" must be an array"},
	{"{\"type\": \"ListProperty\", \"valueList\": [null]}", "null"},
	{"{\"type\": \"ListProperty\", \"valueList\": [\"urn:ngsi-ld:null\"]}", "urn:ngsi-ld:null"},
	{"{\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:x:1\", \"b\": 1}]}", "item 1"},
	{"{\"type\": \"ListRelationship\", \"objectList\": [\"urn:x:1\", \"x\"]}", "not a URI"},
	{"{\"type\": \"TemporalProperty\", \"value\": 1}", "\"TemporalProperty\" is no kind of attribute"},
	{"{\"type\": \"Car\", \"value\": 1}", "\"Car\" is no kind of attribute"},
	{"{\"type\": 5, \"value\": 1}", "\"type\" must be a text"},
	{"{\"type\": \"Property\", \"@type\": \"Property\", \"value\": 1}", "given twice"},
	{"{\"unitCode\": \"CEL\"}", "neither"},
	{"[{\"value\": 1}, {\"value\": 2}]", "no \"datasetId\""},
	{"[{\"value\": 1, \"datasetId\": \"urn:d\"}, {\"value\": 2, \"datasetId\": \"urn:d\"}]", "occurs twice"},
	{"[{\"value\": 1}, 5]", "other things"},
	{"[[{\"value\": 1}], {\"value\": 1}]", "other things"},
	{"{\"value\": 1, \"b\": {\"type\": \"Relationship\"}}", "sub-attribute \"b\""},
	{"{\"value\": 1, \"b c\": 5}", "\"b c\""},
	{"{\"value\": 1, \"b\": 5, \"https://uri.etsi.org/ngsi-ld/default-context/b\": 6}", "two names"},
	{"{\"value\": 1, \"values\": 5}", "\"values\" is not allowed"},
};

static void attributes_that_break_a_rule_are_refused_by_name(void)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct str text = arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": %s}",
					       refusals[i].attribute);

		check_refused(text.at, false, refusals[i].says, ERR_INVALID);
		check_refused(text.at, false, "attribute \"a\"", ERR_INVALID);
	}
}

static void entities_that_break_a_rule_are_refused(void)
{
	check_refused("{\"type\": \"T\"}", false, "\"id\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\"}", false, "\"type\"", ERR_INVALID);
	check_refused("[]", false, "object", ERR_INVALID);
	check_refused("{\"id\": \"x\", \"type\": \"T\"}", false, "\"id\" must be a URI", ERR_INVALID);
	check_refused("{\"id\": 5, \"type\": \"T\"}", false, "\"id\" must be a URI", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": []}", false, "\"type\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": [5]}", false, "\"type\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"bad type\"}", false, "\"bad type\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"urn:ngsi-ld:null\"}", false, "\"type\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"@id\": \"urn:x:1\", \"type\": \"T\"}", false, "twice", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"scope\": []}", false, "\"scope\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"scope\": \"/a//b\"}", false, "\"/a//b\"", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"scope\": \"urn:ngsi-ld:null\"}", false, "\"scope\"",
		      ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"expiresAt\": \"never\"}", false, "\"expiresAt\"",
		      ERR_INVALID);
	/* 4.5.1: terms that the core defines as non-reified Properties. */
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"datasetId\": 5}", false, "\"datasetId\" is reserved",
		      ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"instanceId\": 5}", false, "\"instanceId\" is reserved",
		      ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"value\": 5}", false, "\"value\" is reserved",
		      ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"https://uri.etsi.org/ngsi-ld/hasValue\": 5}", false,
		      "reserved", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"ngsi-ld:observedAt\": 5}", false, "reserved",
		      ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"@graph\": 5}", false, "@graph", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"\": 5}", false, "no name", ERR_INVALID);
	check_refused("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": 5,"
		      " \"https://uri.etsi.org/ngsi-ld/default-context/a\": 6}",
		      false, "two names", ERR_INVALID);
}

static void too_many_members_are_over_a_limit(void)
{
	struct json body = json_object();

	json_add(&arena, &body, STR("id"), json_string(STR("urn:x:1")));
	json_add(&arena, &body, STR("type"), json_string(STR("T")));
	for (int i = 0; i < EXPAND_ATTRIBUTES_MAX; i++)
		json_add(&arena, &body, arena_printf(&arena, "a%d", i), json_bool(true));
	struct expand_options options = {.context = core, .now_us = NOW_US};
	struct json *entity = NULL;

	CHECK(expand_entity(&arena, &body, &options, &entity, &err) == ERR_INVALID);
	body.count = EXPAND_ATTRIBUTES_MAX;
	CHECK_OK(expand_entity(&arena, &body, &options, &entity, &err), &err);
	/* Two aliases among thousands are found too. */
	body.members[100].key = STR(DEFAULT_VOCAB "a3000");
	CHECK(expand_entity(&arena, &body, &options, &entity, &err) == ERR_INVALID);
}

static void names_follow_the_grammar_over_unicode(void)
{
	static const struct {
		const char *name;
		bool good;
	} names[] = {
		{"speed", true},
		{"s", true},
		{"speed_2", true},
		{"größe", true},
		{"速度", true},
		{"速度²", true}, /* U+00B2 is a number (No) */
		{"ⅷ", false}, /* U+2177 is a number (Nl) and no letter */
		{"2speed", false},
		{"_speed", false},
		{"my-speed", false},
		{"my speed", false},
		{"my.speed", false},
		{"speed!", false},
		{"a😀", false}, /* So */
		{"fiware:speed", true},
		{"fiware:2speed", true}, /* a URI */
		{"http://example.org/my-speed", true},
		{"http://example.org/my speed", false},
		{"urn:a:b", true},
		{":speed", false},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str text =
			arena_printf(&arena, "{\"id\": \"urn:x:1\", \"type\": \"T\", \"%s\": 5}", names[i].name);
		struct json *entity = NULL;

		if (!CHECK((expand_text(text.at, core, false, &entity) == ERR_OK) == names[i].good))
			printf("# %s\n", names[i].name);
	}
}

static void uris_are_told_from_other_texts(void)
{
	/* RFC 3986, section 1.1.2 gives these; then what its grammar excludes. */
	static const char *const good[] = {"ftp://ftp.is.co.za/rfc/rfc1808.txt",
					   "http://www.ietf.org/rfc/rfc2396.txt",
					   "ldap://[2001:db8::7]/c=GB?objectClass?one",
					   "mailto:John.Doe@example.com",
					   "news:comp.infosystems.www.servers.unix",
					   "tel:+1-816-555-1212",
					   "telnet://192.0.2.16:80/",
					   "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
					   "urn:ngsi-ld:Vehicle:A4567",
					   "http://例え.jp/パス",
					   "x:\xc2\xa0\xed\x9f\xbf\xef\xb7\x8f\xf0\x90\x80\x80", /* ends of ucschar */
					   "x:?\xee\x80\x80", /* private use: in a query only */
					   "a:%41",
					   "x:a#b"};
	static const char *const bad[] = {
		"", "urn", "urn:", ":x", "1a:b", "a b:c", "urn:a b", "urn:a<b>", "x:\"", "x:%4", "x:%zz", "x:a#b#c",
		"x:a[1]", "x:a\\b", "x:{a}", "/relative", "x:^", "x:`", "http://[::1]/[a]",
		/* Not UTF-8, as a Link header may bring it: it would stand in an answer. */
		"http://x/\xff", "x:\xc3", "x:\xc3(", "x:\xc0\xaf", "x:\xe0\x80\x80", "x:\xed\xa0\x80",
		"x:\xf0\x80\x80\x80", "x:\xf4\x90\x80\x80",
		/* No ucschar (RFC 3987, 2.2), or one that sets the direction (4.1). */
		"x:\xc2\x9f", "x:\xee\x80\x80", "x:?a#\xee\x80\x80", "x:\xef\xb7\x90", "x:\xef\xbf\xb0",
		"x:\xef\xbf\xbf", "x:\xf0\x9f\xbf\xbe", "x:\xf3\xa0\x80\x81", "x:\xf3\xb0\x80\x80", "x:\xe2\x80\x8e",
		"x:\xe2\x80\xaa", "x:\xe2\x80\xae"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!CHECK(expand_is_uri(str_from(good[i]))))
			printf("# %s\n", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK(!expand_is_uri(str_from(bad[i]))))
			printf("# %s\n", bad[i]);
}

/* ---- fragments ---- */

static void a_fragment_needs_neither_id_nor_type_and_may_delete(void)
{
	/* 5.4, example 2, and the forms of Null of 4.5.0. */
	struct json *fragment = NULL;

	CHECK_OK(expand_text("{\"batteryLevel\": {\"type\": \"Property\", \"value\": 7, \"observedAt\":"
			     " \"2022-03-14T12:51:02.000Z\", \"providedBy\": \"urn:ngsi-ld:null\"},"
			     " \"uncharged\": {\"type\": \"Property\", \"value\": \"urn:ngsi-ld:null\"},"
			     " \"gone\": \"urn:ngsi-ld:null\", \"rel\": {\"object\": \"urn:ngsi-ld:null\"},"
			     " \"says\": {\"languageMap\": {\"@none\": \"urn:ngsi-ld:null\"}},"
			     " \"list\": {\"valueList\": [\"urn:ngsi-ld:null\"]},"
			     " \"way\": {\"objectList\": [\"urn:ngsi-ld:null\"]},"
			     " \"place\": {\"type\": \"GeoProperty\", \"value\": \"urn:ngsi-ld:null\"}}",
			     core, true, &fragment),
		 &err);
	CHECK(!json_get(fragment, STR("id")) && !json_get(fragment, STR("type")));
	check_refused("{\"a\": {\"type\": \"Property\", \"value\": {\"b\": \"urn:ngsi-ld:null\"}}}", true,
		      "nothing can be", ERR_INVALID);
	check_refused("{\"a\": {\"type\": \"Property\", \"value\": 1, \"datasetId\": \"urn:ngsi-ld:null\"}}", true,
		      "datasetId", ERR_INVALID);
	check_refused("{\"type\": \"urn:ngsi-ld:null\"}", true, "type", ERR_INVALID);
	check_refused("{\"id\": \"urn:ngsi-ld:null\"}", true, "id", ERR_INVALID);
	check_refused("{\"a\": {\"type\": \"Property\"}}", true, "needs \"value\"", ERR_INVALID);
	check_refused("{\"a\": {\"languageMap\": {\"en\": \"urn:ngsi-ld:null\"}}}", true, "\"en\"", ERR_INVALID);
}

static void one_attribute_may_come_in_part(void)
{
	struct expand_options options = {.context = core, .now_us = NOW_US, .fragment = true};
	struct json *instances = NULL;
	struct str iri = STR_NONE;

	/* 5.6.4 with the fragment of 5.5.8, example 1, without its value. */
	CHECK_OK(expand_attribute(&arena, STR("temperature"), parse("{\"observedAt\": \"2022-03-14T13:00:00.000Z\"}"),
				  &options, &iri, &instances, &err),
		 &err);
	CHECK_STR(iri, STR(DEFAULT_VOCAB "temperature"));
	CHECK(json_equal(instances, parse("[{\"observedAt\": \"2022-03-14T13:00:00.000Z\", " STAMP "}]")));
	CHECK_OK(expand_attribute(&arena, STR("temperature"), parse("{\"type\": \"Property\", \"unitCode\": \"CEL\"}"),
				  &options, &iri, &instances, &err),
		 &err);
	options.fragment = false;
	CHECK(expand_attribute(&arena, STR("temperature"), parse("{\"type\": \"Property\", \"unitCode\": \"CEL\"}"),
			       &options, &iri, &instances, &err) == ERR_INVALID);
	CHECK(expand_attribute(&arena, STR("observedAt"), parse("5"), &options, &iri, &instances, &err) == ERR_INVALID);
	CHECK_OK(expand_attribute(&arena, STR("temperature"), parse("{\"@context\": {}, \"value\": 5}"), &options, &iri,
				  &instances, &err),
		 &err);
	CHECK(json_equal(instances, parse("[{\"type\": \"Property\", \"value\": 5, " STAMP "}]")));
	CHECK_OK(expand_attribute(&arena, STR("temperature"), parse("5"), &options, &iri, &instances, &err), &err);
	CHECK(instances && instances->count == 1);
}

static void no_memory_is_an_error_and_nothing_else(void)
{
	struct json *body = parse(VEHICLE_NORMALIZED);
	struct expand_options options = {.context = annex, .now_us = NOW_US};
	enum err_code code = ERR_MEMORY;

	for (size_t bytes = 0; bytes < 65536 && code; bytes += 512) {
		struct arena small;
		struct json *entity = NULL;

		arena_init(&small, bytes);
		code = expand_entity(&small, body, &options, &entity, &err);
		CHECK(code == ERR_OK || (code == ERR_MEMORY && !entity));
		arena_done(&small);
	}
	CHECK(code == ERR_OK);
	/* Who wants no text gets the code all the same. */
	struct json *entity;

	CHECK(expand_entity(&arena, parse("{\"id\": \"urn:x:1\", \"type\": \"T\", \"a\": {\"value\": null}}"), &options,
			    &entity, NULL) == ERR_INVALID);
}

int main(void)
{
	bench_open();
	RUN(annex_c_parking_becomes_the_document_that_the_clauses_describe);
	RUN(concise_and_normalized_examples_of_annex_c_expand_alike);
	RUN(types_terms_and_lists_of_annex_c_are_coerced_to_iris);
	RUN(instances_lie_in_an_array_with_the_default_one_first);
	RUN(a_value_alone_is_a_property_or_a_geoproperty);
	RUN(every_kind_of_attribute_is_inferred_from_its_value_member);
	RUN(members_of_the_system_are_ignored);
	RUN(an_entity_may_have_types_scopes_and_an_end);
	RUN(a_signed_property_of_annex_c_is_taken);
	RUN(a_geometry_may_come_as_a_text);
	RUN(numbers_stay_as_they_were_written);
	RUN(attributes_that_break_a_rule_are_refused_by_name);
	RUN(entities_that_break_a_rule_are_refused);
	RUN(too_many_members_are_over_a_limit);
	RUN(names_follow_the_grammar_over_unicode);
	RUN(uris_are_told_from_other_texts);
	RUN(a_fragment_needs_neither_id_nor_type_and_may_delete);
	RUN(one_attribute_may_come_in_part);
	RUN(no_memory_is_an_error_and_nothing_else);
	bench_close();
	return check_done();
}
