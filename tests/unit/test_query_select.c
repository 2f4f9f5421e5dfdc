/* Types, scopes, places, ids and attributes against GS CIM 009 V1.9.1 clauses 4.10, 4.17, 4.18, 4.19 and 5.7.2.4: each
 * example with entities that its sentence tells apart; and what stores may narrow by. */
#include "query_check.h"

static void refused(struct query_text text, enum err_code expected, const char *why)
{
	struct query *query = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = query_new(&arena, parser, &text, core, &query, &err);

	if (!CHECK(code == expected && !query))
		printf("# %s instead of \"%s\"\n", err_name(code), why);
	else if (!CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# \"%s\" instead of \"%s\"\n", err.detail, why);
}

static bool type(const char *text, const char *types)
{
	struct query_text query = {.type = str_from(text)};
	struct str source = arena_printf(&arena, "{'id':'urn:x:1','type':%s}", types);

	return matches(&query, entity(source.at));
}

static void types_are_selected_as_in_4_17(void)
{
	static const char *const either[] = {"Building|House", "Building,House"};
	static const char *const mixed[] = {"(Home;Vehicle)|Motorhome", "(Home;Vehicle),Motorhome"};

	for (int i = 0; i < 2; i++) {
		CHECK(type(either[i], "'Building'") && type(either[i], "'House'") && !type(either[i], "'Home'"));
		CHECK(type(either[i], "['Shed','House']"));
		CHECK(type(mixed[i], "['Vehicle','Home','Boat']") && type(mixed[i], "'Motorhome'"));
		CHECK(!type(mixed[i], "'Home'") && !type(mixed[i], "'Vehicle'"));
	}
	CHECK(type("(Home;Vehicle)", "['Home','Vehicle']") && !type("(Home;Vehicle)", "'Home'"));
	CHECK(type(VOCAB "House", "'House'") && type("House", "'" VOCAB "House'") && type("(House)", "'House'"));
	CHECK(type("https://example.org/House|Hut", "'https://example.org/House'") && type("*", "'Anything'"));
	refused((struct query_text){.type = STR("Home;Vehicle")}, ERR_INVALID, "type, character 5");
	refused((struct query_text){.type = STR("(Home|Vehicle)")}, ERR_INVALID, "type, character 6");
	refused((struct query_text){.type = STR("Home,,Vehicle")}, ERR_INVALID, "type, character 6");
	refused((struct query_text){.type = STR("(Home")}, ERR_INVALID, "the end");
	refused((struct query_text){.type = STR("7up")}, ERR_INVALID, "neither a name nor a URI");
	refused((struct query_text){.type = STR("")}, ERR_INVALID, "type is empty");
}

static bool scope(const char *text, const char *scopes)
{
	struct query_text query = {.scope_q = str_from(text)};
	struct str source =
		arena_printf(&arena, "{'id':'urn:x:1','type':'T'%s%s}", scopes[0] ? ",'scope':" : "", scopes);

	return matches(&query, entity(source.at));
}

static void scopes_are_selected_as_in_4_19(void)
{
	static const char *const five[] = {"(/Madrid/Districts;/CompanyA)|CompanyB",
					   "(/Madrid/Districts;/CompanyA),CompanyB"};

	CHECK(scope("/Madrid", "'/Madrid'") && scope("/Madrid", "'Madrid'") && scope("/Madrid", "['/X','/Madrid']"));
	CHECK(!scope("/Madrid", "'/Madrid/Gardens'") && !scope("/Madrid", "'/Madri'") && !scope("/Madrid", ""));
	CHECK(scope("/Madrid/Gardens/#", "'/Madrid/Gardens'") &&
	      scope("/Madrid/Gardens/#", "'/Madrid/Gardens/ParqueNorte'"));
	CHECK(scope("/Madrid/Gardens/#", "'/Madrid/Gardens/ParqueNorte/Parterre1'"));
	CHECK(scope("/Madrid/Gardens/#", "'/Madrid/Gardens/ParqueSur'") && !scope("/Madrid/Gardens/#", "'/Madrid'"));
	CHECK(!scope("/Madrid/Gardens/#", "'/Madrid/GardensX'"));
	CHECK(scope("/Madrid/+/ParqueNorte", "'/Madrid/Gardens/ParqueNorte'"));
	CHECK(scope("/Madrid/+/ParqueNorte", "'/Madrid/Sights/ParqueNorte'"));
	CHECK(!scope("/Madrid/+/ParqueNorte", "'/Madrid/ParqueNorte'"));
	CHECK(!scope("/Madrid/+/ParqueNorte", "'/Madrid/Gardens/ParqueNorte/P1'"));
	CHECK(scope("(/Madrid/Districts;/CompanyA)", "['/Madrid/Districts','/CompanyA']"));
	CHECK(!scope("(/Madrid/Districts;/CompanyA)", "'/CompanyA'"));
	for (int i = 0; i < 2; i++) {
		CHECK(scope(five[i], "'CompanyB'") && scope(five[i], "['/CompanyA','/Madrid/Districts']"));
		CHECK(!scope(five[i], "'/CompanyA'"));
	}
	/* Without the parentheses ";" binds closer. */
	CHECK(scope("/M;/N|/O", "['/N','/M']") && scope("/M;/N|/O", "'/O'") && !scope("/M;/N,/O", "'/M'"));
	CHECK(scope("/#", "'/Anything/at_all'") && scope("/#", "'Any'") && !scope("/#", ""));
	refused((struct query_text){.scope_q = STR("/Madrid//X")}, ERR_INVALID, "no scope");
	refused((struct query_text){.scope_q = STR("/Madrid#")}, ERR_INVALID, "no scope");
	refused((struct query_text){.scope_q = STR("/#/Madrid")}, ERR_INVALID, "no scope");
	refused((struct query_text){.scope_q = STR("/M;/N)")}, ERR_INVALID, "scopeQ, character 6");
	refused((struct query_text){.scope_q = STR("/")}, ERR_INVALID, "no scope");
}

#define AT(name, coordinates)                                                                                          \
	entity("{'id':'urn:x:1','type':'T','" name                                                                     \
	       "':{'type':'GeoProperty','value':{'type':'Point','coordinates':" coordinates "}}}")

static struct query_text geo(const char *georel, const char *geometry, const char *coordinates)
{
	return (struct query_text){
		.georel = str_from(georel), .geometry = str_from(geometry), .coordinates = str_from(coordinates)};
}

static bool at(struct query_text text, const struct json *document)
{
	return matches(&text, document);
}

static void places_are_selected_as_in_4_10(void)
{
	struct query_text one = geo("near;maxDistance==2000", "Point", "[8,40]"), three = one;
	struct query_text two =
		geo("within", "Polygon", "[[[100.0,0.0],[101.0,0.0],[101.0,1.0],\n[100.0,1.0],[100.0,0.0]]]");

	one.geoproperty = STR("observationSpace");
	two.geoproperty = STR("location");
	/* 0.0179° of latitude are 1,990 m, 0.0181° 2,013 m */
	CHECK(at(one, AT("observationSpace", "[8,40.0179]")) && !at(one, AT("observationSpace", "[8,40.0181]")));
	one.geoproperty = STR("https://uri.etsi.org/ngsi-ld/observationSpace");
	CHECK(at(one, AT("observationSpace", "[8,40.0179]")) && !at(one, AT("location", "[8,40]")));
	one.geoproperty = STR("observationSpace");
	CHECK(!at(one, AT("location", "[8,40]")) && at(three, AT("location", "[8,40]")));
	CHECK(at(two, AT("location", "[100.5,0.5]")) && !at(two, AT("location", "[101.5,0.5]")));
	CHECK(!at(two, AT("location", "[101.0,0.5]"))); /* the boundary is not within */
	CHECK(at(geo("near;minDistance==2000", "Point", "[8,40]"), AT("location", "[8,40.0181]")));
	CHECK(!at(geo("near;minDistance==2000", "Point", "[8,40]"), AT("location", "[8,40.0179]")));
	CHECK(at(geo("near;minDistance==1000;maxDistance==2000", "Point", "[8,40]"), AT("location", "[8,40.0179]")));
	CHECK(at(geo("equals", "Point", "[8,40]"), AT("location", "[8.0,40.0]")));
	CHECK(at(geo("contains", "Point", "[8,40]"), AT("location", "[8,40]")));
	CHECK(at(geo("intersects", "LineString", "[[7,40],[9,40]]"), AT("location", "[8,40]")));
	CHECK(at(geo("disjoint", "Point", "[8,40]"), AT("location", "[8,41]")));
	CHECK(!at(geo("overlaps", "Point", "[8,40]"), AT("location", "[8,40]")));
	CHECK(!at(geo("disjoint", "Point", "[8,40]"), AT("elsewhere", "[8,41]"))); /* no target: no match */
	struct query_text home = geo("disjoint", "Point", "[8,40]");

	home.geoproperty = STR("home"); /* no GeoProperty */
	CHECK(!at(home, entity("{'id':'urn:x:1','type':'T','home':{'type':'Property','value':'here'}}")));
}

static void any_instance_of_a_place_suffices(void)
{
	const struct json *two =
		entity("{'id':'urn:x:1','type':'T','location':[{'type':'GeoProperty','value':{'type':'Point',"
		       "'coordinates':[1,1]}},{'type':'GeoProperty','datasetId':'urn:x:d','value':{'type':'Point',"
		       "'coordinates':[8,40]}}]}");

	CHECK(at(geo("near;maxDistance==10", "Point", "[8,40]"), two));
	CHECK(!at(geo("near;maxDistance==10", "Point", "[8,41]"), two));
}

static void broken_geo_queries_are_refused(void)
{
	refused((struct query_text){.georel = STR("within")}, ERR_INVALID, "geometry is missing");
	refused((struct query_text){.geometry = STR("Point"), .coordinates = STR("[1,2]")}, ERR_INVALID,
		"georel is missing");
	refused(geo("near", "Point", "[1,2]"), ERR_INVALID, "georel, character 5");
	refused(geo("near;maxDistance==0", "Point", "[1,2]"), ERR_INVALID, "georel, character 19");
	refused(geo("near;maxDistance==-5", "Point", "[1,2]"), ERR_INVALID, "greater than 0");
	refused(geo("near;maxDistance==\"5\"", "Point", "[1,2]"), ERR_INVALID, "metres");
	refused(geo("near;maxDistance==5;maxDistance==6", "Point", "[1,2]"), ERR_INVALID, "given twice");
	refused(geo("near;maxDistance=5", "Point", "[1,2]"), ERR_INVALID, "georel, character 17");
	refused(geo("withinn", "Point", "[1,2]"), ERR_INVALID, "georel, character 7");
	refused(geo("touches", "Point", "[1,2]"), ERR_INVALID, "georel, character 1");
	refused(geo("within", "Circle", "[1,2]"), ERR_INVALID, "Circle");
	refused(geo("within", "Point", "[1,2"), ERR_INVALID, "coordinates");
	refused(geo("within", "Point", "[1,200]"), ERR_INVALID, "latitude 200");
	refused(geo("within", "Polygon", "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]"), ERR_INVALID, "Self-intersection");
}

static void ids_patterns_and_attributes_select(void)
{
	const struct json *bus =
		entity("{'id':'urn:ngsi-ld:Bus:7','type':'Bus','speed':{'type':'Property','value':1}}");
	struct query_text text = {.ids = STR("urn:ngsi-ld:Bus:9,urn:ngsi-ld:Bus:7")};

	CHECK(matches(&text, bus));
	text.id_pattern = STR("^urn:ngsi-ld:Tram:");
	CHECK(!matches(&text, bus)); /* both conditions hold together */
	text = (struct query_text){.ids = STR("urn:ngsi-ld:Bus:8")};
	CHECK(!matches(&text, bus));
	text = (struct query_text){.id_pattern = STR("Bus:[0-9]+$")};
	CHECK(matches(&text, bus));
	text = (struct query_text){.id_pattern = STR(".*downtown$")}; /* annex C.3 */
	CHECK(!matches(&text, bus));
	text = (struct query_text){.attrs = STR("heading, speed")};
	CHECK(matches(&text, bus));
	text = (struct query_text){.attrs = STR("heading")};
	CHECK(!matches(&text, bus));
	text = (struct query_text){.attrs = STR("modifiedAt,heading")};
	CHECK(matches(&text, bus));
	text = (struct query_text){.attrs = STR(VOCAB "speed")};
	CHECK(matches(&text, bus));
	refused((struct query_text){.ids = STR("urn:x:1,two")}, ERR_INVALID, "id, character 9");
	refused((struct query_text){.id_pattern = STR("a(")}, ERR_INVALID, "idPattern");
	refused((struct query_text){.attrs = STR("a,,b")}, ERR_INVALID, "attrs, character 3");
	refused((struct query_text){.attrs = STR("type")}, ERR_INVALID, "no attribute");
}

static void types_and_ids_alone_are_exact(void)
{
	struct query_text texts[] = {
		{.type = STR("A,B,A"), .ids = STR("urn:x:2,urn:x:1,urn:x:2")},
		{.type = STR("(A;B)|C")},
		{.type = STR("A"), .q = STR("b")},
		{.type = STR("A"), .attrs = STR("b")},
		{.id_pattern = STR("^urn:x:")},
		{.type = STR("*")},
	};
	static const bool exact[] = {true, false, false, false, false, true};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct query *query = build(&texts[i]);
		const struct narrow *narrow = query_narrow(query);

		CHECK(narrow->exact == exact[i]);
		if (i == 0 && CHECK(narrow->type_count == 2 && narrow->id_count == 2)) {
			CHECK_STR(narrow->type_iris[1], STR(VOCAB "B"));
			CHECK_STR(narrow->ids[0], STR("urn:x:1"));
		}
		query_done(query);
	}
}

static void check_narrow(struct query_text text, struct str id_prefix, struct str scope_prefix)
{
	struct query *query = build(&text);
	const struct narrow *narrow = query_narrow(query);

	CHECK_STR(narrow->id_prefix, id_prefix);
	CHECK_STR(narrow->scope_prefix, scope_prefix);
	query_done(query);
}

static void prefixes_are_what_every_match_has(void)
{
	check_narrow((struct query_text){.id_pattern = STR("^urn:x:.*")}, STR("urn:x:"), STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("urn:x:.*")}, STR_NONE, STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^urn:y\\.z:1?")}, STR("urn:y.z:"), STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^urn:ab+")}, STR("urn:ab"), STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^urn:ab{0,2}")}, STR("urn:a"), STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^urn|^x")}, STR_NONE, STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^urn:\\d")}, STR("urn:"), STR_NONE);
	check_narrow((struct query_text){.id_pattern = STR("^\xc3\xa9*")}, STR_NONE, STR_NONE);
	check_narrow((struct query_text){.scope_q = STR("/M/G/#")}, STR_NONE, STR("/M/G"));
	check_narrow((struct query_text){.scope_q = STR("M/+/P")}, STR_NONE, STR("/M"));
	check_narrow((struct query_text){.scope_q = STR("/M/G,(/M/S;/X)")}, STR_NONE, STR("/M"));
	check_narrow((struct query_text){.scope_q = STR("/M|/N")}, STR_NONE, STR_NONE);
	check_narrow((struct query_text){.scope_q = STR("/#")}, STR_NONE, STR_NONE);
}

static void conditions_on_attributes_narrow(void)
{
	struct query_text text = geo("near;maxDistance==1000", "Point", "[8,40]");

	text.q = STR("a>=5;(b==1..2|b==7);c!=\"x\";(d>1|e>1);(f==1|f==\"x\");g==\"p\",\"k\";h.observedAt>2020-01-01T00:"
		     "00:00Z");
	struct query *query = build(&text);
	const struct narrow *narrow = query_narrow(query);
	const struct narrow_attribute *a = narrow->attributes;

	CHECK_STR(narrow->geo_attribute_iri, STR("https://uri.etsi.org/ngsi-ld/location"));
	CHECK(narrow->geo_box.south < 39.992 && narrow->geo_box.south > 39.99);
	if (CHECK(narrow->attribute_count == 6)) {
		CHECK_STR(a[0].attribute_iri, STR(VOCAB "a"));
		CHECK(a[0].op == NARROW_RANGE && a[0].has_low && !a[0].has_high && a[0].low_number == 5);
		CHECK_STR(a[1].attribute_iri, STR(VOCAB "b"));
		CHECK(a[1].op == NARROW_RANGE && a[1].low_number == 1 && a[1].high_number == 7 && a[1].has_high);
		CHECK_STR(a[2].attribute_iri, STR(VOCAB "c"));
		CHECK(a[2].op == NARROW_EXISTS);
		CHECK_STR(a[3].attribute_iri, STR(VOCAB "f"));
		CHECK(a[3].op == NARROW_EXISTS);
		CHECK(a[4].op == NARROW_RANGE && a[4].is_text);
		CHECK_STR(a[4].low_text, STR("k"));
		CHECK_STR(a[4].high_text, STR("p"));
		CHECK_STR(a[5].attribute_iri, STR(VOCAB "h"));
		CHECK(a[5].op == NARROW_EXISTS);
	}
	query_done(query);
	query_done(NULL);
}

int main(void)
{
	query_check_begin();
	RUN(types_are_selected_as_in_4_17);
	RUN(scopes_are_selected_as_in_4_19);
	RUN(places_are_selected_as_in_4_10);
	RUN(any_instance_of_a_place_suffices);
	RUN(broken_geo_queries_are_refused);
	RUN(ids_patterns_and_attributes_select);
	RUN(types_and_ids_alone_are_exact);
	RUN(prefixes_are_what_every_match_has);
	RUN(conditions_on_attributes_narrow);
	return query_check_end();
}
