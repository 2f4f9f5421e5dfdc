/* Queries against the text of the standard: every example of GS CIM 009 V1.9.1 clause 4.9 with the entity beside it or,
 * where it has none, with entities that its sentence tells apart, and the sentences of 4.9 on operators and types. */
#include "query_check.h"

static bool q(const char *text, const struct json *document)
{
	struct query_text query = {.q = str_from(text)};
	bool result = matches(&query, document);

	return result;
}

static void refused(const char *text, enum err_code expected, const char *why)
{
	struct query_text query_text = {.q = str_from(text)};
	struct query *query = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = query_new(&arena, parser, &query_text, core, &query, &err);

	if (!CHECK(code == expected && !query))
		printf("# %s: %s\n", text, err_name(code));
	else if (!CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# %s: %s\n", text, err.detail);
}

#define ENTITY(attributes) entity("{'id':'urn:ngsi-ld:T:1','type':'T'," attributes "}")
#define PROPERTY(name, value) ENTITY("'" name "':{'type':'Property','value':" value "}")

static void examples_0_to_5_test_single_attributes(void)
{
	struct json *warm = PROPERTY("temperature", "20"), *cool = PROPERTY("temperature", "19.5");
	struct json *parked =
		ENTITY("'isParked':{'type':'Relationship','object':'urn:ngsi-ld:OffStreetParking:Downtown1'},"
		       "'brandName':{'type':'Property','value':'Volvo'},'speed':{'type':'Property','value':51}");
	struct json *mercedes = ENTITY("'brandName':{'type':'Property','value':'Mercedes'},"
				       "'speed':{'type':'Property','value':80}");

	CHECK(q("temperature", warm) && q("temperature", cool) && !q("temperature", parked));
	CHECK(q("temperature==20", warm) && !q("temperature==20", cool) && !q("temperature==20", parked));
	CHECK(q("temperature==2.0e1", warm) && q("temperature==19.50", cool));
	CHECK(q("brandName!=\"Mercedes\"", parked) && !q("brandName!=\"Mercedes\"", mercedes));
	CHECK(!q("brandName!=\"Mercedes\"", warm)); /* it shall contain the target element */
	CHECK(q("isParked==\"urn:ngsi-ld:OffStreetParking:Downtown1\"", parked));
	CHECK(q("isParked==urn:ngsi-ld:OffStreetParking:Downtown1", parked));
	CHECK(!q("isParked==urn:ngsi-ld:OffStreetParking:Downtown2", parked));
	CHECK(q("speed>50;brandName!=\"Mercedes\"", parked) && !q("speed>50;brandName!=\"Mercedes\"", mercedes));
	CHECK(q("isParked", parked) && !q("isMonitoredBy", parked));
}

static void examples_6_and_7_combine_terms(void)
{
	static const char six[] = "((speed>50|rpm>3000);brandName==\"Mercedes\")";
	static const char seven[] = "(temperature>=20;temperature<=25)|capacity<=10";

	CHECK(q(six,
		ENTITY("'speed':{'type':'Property','value':51},'brandName':{'type':'Property','value':'Mercedes'}")));
	CHECK(q(six,
		ENTITY("'rpm':{'type':'Property','value':3001},'brandName':{'type':'Property','value':'Mercedes'}")));
	CHECK(!q(six,
		 ENTITY("'speed':{'type':'Property','value':50},'brandName':{'type':'Property','value':'Mercedes'}")));
	CHECK(!q(six,
		 ENTITY("'speed':{'type':'Property','value':51},'brandName':{'type':'Property','value':'Volvo'}")));
	CHECK(q(seven, PROPERTY("temperature", "20")) && q(seven, PROPERTY("temperature", "25")));
	CHECK(!q(seven, PROPERTY("temperature", "26")) && q(seven, PROPERTY("capacity", "10")));
	CHECK(q(seven, ENTITY("'temperature':{'type':'Property','value':9},'capacity':{'type':'Property','value':9}")));
}

static void and_binds_tighter_than_or(void)
{
	struct json *a = PROPERTY("a", "1"),
		    *bc = ENTITY("'b':{'type':'Property','value':1},'c':{'type':'Property','value':1}");

	CHECK(q("a|b;c", a) && q("a|b;c", bc) && q("b;c|a", a));
	CHECK(!q("(a|b);c", a) && q("(a|b);c", bc) && !q("a;(b|c)", bc));
	CHECK(q("((((a))))", a) && q(" ( a == 1 ) ", a));
}

static void example_8_addresses_observed_at(void)
{
	struct json *at = ENTITY(
		"'temperature':{'type':'Property','value':1,'observedAt':'2017-12-24T12:00:00Z','unitCode':'CEL'}");
	struct json *before =
		ENTITY("'temperature':{'type':'Property','value':1,'observedAt':'2017-12-24T11:59:59.9Z'}");

	CHECK(q("temperature.observedAt>=2017-12-24T12:00:00Z", at));
	CHECK(!q("temperature.observedAt>=2017-12-24T12:00:00Z", before));
	CHECK(!q("temperature.observedAt>=2017-12-24T12:00:00Z", PROPERTY("temperature", "1")));
	CHECK(q("temperature.observedAt==2017-12-24T12:00:00.000Z", at)); /* a time, not a text */
	CHECK(q("temperature.observedAt==2017-12-24T12:00:00,0Z", at));
	CHECK(q("temperature.observedAt==\"2017-12-24T12:00:00.0Z\"", at));
	CHECK(q("temperature.observedAt==2017-12-24T11:00:00,5Z..2017-12-24T11:59:59.95Z", before));
	CHECK(!q("temperature.observedAt==2017-12-24", at));
	CHECK(q("temperature.unitCode==\"CEL\"", at) && !q("temperature.unitCode", before));
	CHECK(q("temperature.createdAt==2024-01-01T00:00:00Z", at) &&
	      q("temperature.modifiedAt<2024-01-01T00:00:01Z", at));
	CHECK(q("createdAt>2023-12-31T23:59:59Z;modifiedAt<=2024-01-01T00:00:00Z", at));
	CHECK(!q("createdAt>5", at) && q("createdAt!=5", at) && !q("expiresAt", at) && q("createdAt", at));
}

static void examples_9_and_10_enter_compound_values(void)
{
	struct json *nine =
		entity("{'id':'urn:ngsi-ld:placedescription:123','type':'PlaceDescription',"
		       "'address':{'type':'Property','value':{'city':'Berlin','street':'Ulrich Strasse'}}}");
	struct json *ten = entity("{'id':'urn:ngsi-ld:particulatemeasurement:345','type':'ParticulateMeasurement',"
				  "'sensor':{'type':'Property','value':40,'rawdata':{'type':'Property','value':"
				  "{'airquality':{'particulate':40,'PM20':85}}}}}");

	CHECK(q("address[city]==\"Berlin\"", nine) && !q("address[city]==\"Bonn\"", nine));
	CHECK(q("address[city]", nine) && !q("address[zip]", nine) && !q("address[zip]!=1", nine));
	CHECK(!q("address[city.x]", nine) && !q("address.city==\"Berlin\"", nine) && !q("city==\"Berlin\"", nine));
	CHECK(q("sensor.rawdata[airquality.particulate]==40", ten));
	CHECK(!q("sensor.rawdata[airquality.PM20]<85", ten) && q("sensor.rawdata[airquality.PM20]<=85", ten));
	CHECK(q("sensor==40;sensor.rawdata", ten) && !q("sensor[airquality.particulate]==40", ten));
}

static void example_11_targets_json_as_it_is(void)
{
	struct json *car = entity("{'id':'urn:ngsi-ld:Car:6152s','type':'Car','parkingTickets':{'type':'JsonProperty',"
				  "'json':{'id':'85a6cc52-0589-45f9','value':'Overstay 60 minutes'}}}");
	struct query_text text = {.q = STR("parkingTickets[value]==\"Overstay 60 minutes\""),
				  .json_keys = STR("parkingTickets")};

	CHECK(matches(&text, car));
	text.q = STR("parkingTickets[value]==\"Overstay\"");
	CHECK(!matches(&text, car));
	CHECK(q("parkingTickets[value]==\"Overstay 60 minutes\"", car)); /* keys of JSON are never expanded (5.5.7) */
}

static void example_12_expands_values_to_uris(void)
{
	struct json *person = entity("{'id':'urn:ngsi-ld:Person:678','type':'Person',"
				     "'gender':{'type':'VocabProperty','vocab':'Male'}}");
	struct query_text text = {.q = STR("gender==Male"), .expand_values = STR("gender")};

	CHECK(matches(&text, person));
	text.q = STR("gender==\"Male\"");
	CHECK(matches(&text, person));
	text.q = STR("gender==Female,\"Male\"");
	CHECK(matches(&text, person));
	text.q = STR("gender==Female");
	CHECK(!matches(&text, person));
	text.q = STR("gender!=Male");
	CHECK(!matches(&text, person));
	text.q = STR("gender!=Female");
	CHECK(matches(&text, person));
	text.q = STR("gender==" VOCAB "Male");
	CHECK(matches(&text, person));
	text.q = STR("gender==Male");
	text.expand_values = STR("name,sex");
	CHECK(!matches(&text, person));
	text.expand_values = text.json_keys = STR("name,gender"); /* jsonKeys wins */
	CHECK(!matches(&text, person));
	/* Without expandValues the value is what it is, the target is a URI. */
	CHECK(q("gender==" VOCAB "Male", person) && q("gender==\"" VOCAB "Male\"", person));
	CHECK(!q("gender==Male", person) && q("gender!=Male", person));
}

static void expanded_values_reach_vocabularies_of_attributes(void)
{
	struct json *two =
		ENTITY("'a':{'type':'Property','value':'Male','b':{'type':'VocabProperty','vocab':['Male','X']}}");
	struct query_text text = {.q = STR("a.b==Male"), .expand_values = STR("b")};

	CHECK(matches(&text, two));
	text.expand_values = STR("a");
	CHECK(!matches(&text, two));
	text.q = STR("a==Male"); /* the target's value would be expanded alike */
	CHECK(matches(&text, two));
	struct query *query = NULL;
	struct error err;

	text = (struct query_text){.q = STR("a"), .expand_values = STR("a{b}")};
	CHECK(query_new(&arena, parser, &text, core, &query, &err) == ERR_INVALID);
	CHECK(str_contains(str_from(err.detail), STR("expandValues")));
	text = (struct query_text){.q = STR("a"), .json_keys = STR("a;b")};
	CHECK(query_new(&arena, parser, &text, core, &query, &err) == ERR_INVALID);
}

static void examples_13_and_14_need_join(void)
{
	refused("sensor{humidity}==40", ERR_INVALID, "character 7: reaching into linked entities");
	refused("sensor{Device:humidity}==40", ERR_INVALID, "needs join");
}

/* The colours of the paragraphs on == and !=. */
static void equality_looks_into_arrays_and_lists(void)
{
	struct json *red = PROPERTY("color", "'red'"), *black = PROPERTY("color", "'black'");
	struct json *with_red = PROPERTY("color", "['blue','red','green']");
	struct json *without_red = PROPERTY("color", "['blue','black','green']");
	struct json *others = PROPERTY("color", "['blue','yellow','green']");

	CHECK(q("color==\"red\"", red) && q("color==\"red\"", with_red) && !q("color==\"red\"", without_red));
	CHECK(q("color==\"black\", \"red\"", red) && q("color==\"black\",\"red\"", with_red));
	CHECK(!q("color==\"black\",\"red\"", others));
	CHECK(q("color!=\"red\"", black) && q("color!=\"red\"", without_red) && !q("color!=\"red\"", with_red));
	CHECK(q("color!= \"black\", \"red\"", PROPERTY("color", "'blue'")) && q("color!=\"black\",\"red\"", others));
	CHECK(!q("color!=\"black\",\"red\"", with_red) && !q("color!=\"black\",\"red\"", black));
}

static void ranges_hold_both_ends(void)
{
	CHECK(q("temperature==10..20", PROPERTY("temperature", "15")));
	CHECK(q("temperature==10..20", PROPERTY("temperature", "10")) &&
	      q("temperature==10..20", PROPERTY("temperature", "20")));
	CHECK(!q("temperature==10..20", PROPERTY("temperature", "20.01")) &&
	      q("temperature!=10..20", PROPERTY("temperature", "9")));
	CHECK(!q("temperature!=10..20", PROPERTY("temperature", "10")));
	CHECK(q("temperature!=10..20", PROPERTY("temperature", "'15'"))); /* another type is unequal */
	CHECK(q("t==-1.5..-0.5", PROPERTY("t", "-1")) && q("name==\"a\"..\"c\"", PROPERTY("name", "'bee'")));
	CHECK(!q("t==20..10", PROPERTY("t", "15")));
}

static void different_types_are_unequal_and_without_order(void)
{
	struct json *text = PROPERTY("a", "'20'"), *number = PROPERTY("a", "20"), *yes = PROPERTY("a", "true");

	CHECK(!q("a==20", text) && q("a!=20", text) && !q("a>1", text) && !q("a<=20", text));
	CHECK(!q("a==\"20\"", number) && q("a!=\"20\"", number) && !q("a>=\"20\"", number) && !q("a<\"9\"", number));
	CHECK(q("a==true", yes) && !q("a==false", yes) && q("a!=false", yes) && !q("a==1", yes) &&
	      !q("a==\"true\"", yes));
	CHECK(!q("a>1", PROPERTY("a", "[2,3]")) && !q("a~=\"x\"", PROPERTY("a", "['x']")));
	CHECK(q("a==1,\"20\",true", text) && q("a==1,\"20\",true", yes) && !q("a==1,\"20\",true", number));
	CHECK(!q("a==\"{}\"", PROPERTY("a", "{'b':1}")) && q("a!=1", PROPERTY("a", "{'b':1}")));
}

static void order_is_strict_or_not(void)
{
	struct json *n = PROPERTY("a", "5"), *s = PROPERTY("a", "'m'");

	CHECK(!q("a>5", n) && q("a>=5", n) && !q("a<5", n) && q("a<=5", n) && q("a>4.999", n) && q("a<5e3", n));
	CHECK(!q("a>\"m\"", s) && q("a>=\"m\"", s) && q("a>\"l\"", s) && q("a<\"ma\"", s) && q("a<\"\\u00e9\"", s));
	CHECK(q("a==9007199254740993", PROPERTY("a", "9007199254740993")));
	CHECK(!q("a==9007199254740993", PROPERTY("a", "9007199254740992")));
	CHECK(q("a<9007199254740993", PROPERTY("a", "9007199254740992")));
	CHECK(q("a>=20", PROPERTY("a", "[20,3]")) && !q("a>=20", PROPERTY("a", "[21,3]"))); /* only its "equal" half */
}

static void times_compare_as_times(void)
{
	struct json *text = PROPERTY("t", "'2018-12-04T12:00:00.5Z'"), *date = PROPERTY("t", "'2018-12-04'");
	struct json *typed = PROPERTY("t", "{'@type':'DateTime','@value':'2018-12-04T12:00:00.500Z'}");
	struct json *of_day = PROPERTY("t", "{'@type':'Time','@value':'12:00:00Z'}");

	CHECK(q("t==2018-12-04T12:00:00.50Z", text) && q("t==2018-12-04T12:00:00.50Z", typed));
	CHECK(q("t>2018-12-04T12:00:00Z", text) && q("t>2018-12-04T12:00:00Z", typed) &&
	      !q("t<2018-12-04T12:00:00Z", typed));
	CHECK(q("t==\"2018-12-04T12:00:00.5Z\"", text) &&
	      !q("t==\"2018-12-04T12:00:00.50Z\"", text)); /* quoted: text */
	CHECK(q("t==2018-12-04", date) && q("t>2018-12-03", date) && !q("t>2018-12-03", text) &&
	      !q("t>2018-12-03T00:00:00Z", date));
	CHECK(q("t==12:00:00.0Z", of_day) && q("t<12:00:00.000001Z", of_day) && !q("t==12:00:00Z", date));
	CHECK(q("t==2018-12-04T00:00:00Z..2018-12-05T00:00:00Z", typed) && q("t==2018-12-03..2018-12-05", date));
	CHECK(q("t==2018-12-04T12:00:00,5Z,2019-01-01T00:00:00Z", text));
}

static void any_instance_of_an_attribute_suffices(void)
{
	struct json *two =
		ENTITY("'speed':[{'type':'Property','value':54.5,'source':{'type':'Property','value':'GPS'}},"
		       "{'type':'Property','value':60,'datasetId':'urn:ngsi-ld:d:2','source':"
		       "{'type':'Property','value':'camera'}}]");

	CHECK(q("speed==60", two) && q("speed==54.5", two) && q("speed!=60", two) && !q("speed==1", two));
	CHECK(q("speed.source==\"camera\"", two) && q("speed.source!=\"GPS\"", two) && q("speed.source~=\"PS\"", two));
	CHECK(q("speed.datasetId==\"urn:ngsi-ld:d:2\"", two) && !q("speed.datasetId==\"urn:ngsi-ld:d:3\"", two));
}

#define SPEECH(map) ENTITY("'color':{'type':'LanguageProperty','languageMap':" map "}")

static void languages_are_asked_one_or_all(void)
{
	struct json *red = SPEECH("{'fr':'rouge','en':'red','de':'rot'}");
	struct json *black = SPEECH("{'fr':'red','en':'black','de':'blue'}");
	struct json *cats = SPEECH("{'fr':['chat','rouge'],'en':['red','cat'],'de':['rote','Katze']}");
	struct json *coal = SPEECH("{'fr':['chat','rouge'],'en':['coal','black'],'de':['blaue','Engel']}");

	CHECK(q("color[en]==\"red\"", red) && !q("color[en]==\"red\"", black));
	CHECK(q("color[en]==\"red\"", cats) && !q("color[en]==\"red\"", coal));
	CHECK(q("color[*]==\"red\"", red) && q("color[*]==\"red\"", black) && q("color[*]==\"red\"", cats));
	CHECK(q("color==\"red\"", red) && !q("color[*]==\"red\"", coal));
	CHECK(q("color[en]!=\"red\"", black) && !q("color[en]!=\"red\"", red));
	CHECK(q("color[en]!=\"red\"", coal) && !q("color[en]!=\"red\"", cats));
	CHECK(!q("color[*]!=\"red\"", red) && !q("color!=\"red\"", black) && q("color[*]!=\"red\"", coal));
	CHECK(q("color[EN]", red) && !q("color[it]", red) && !q("color[it]!=\"red\"", red));
	CHECK(q("color~=\"^ro\"", red) && q("color[de]~=\"^ro\"", red) && !q("color[en]~=\"^ro\"", red));
	CHECK(q("color!~=\"x\"", red) && !q("color!~=\"^ro\"", red));
}

static void relationships_know_equality_only(void)
{
	struct json *one = ENTITY("'r':{'type':'Relationship','object':'urn:x:2'}");
	struct json *many = ENTITY("'r':{'type':'Relationship','object':['urn:x:1','urn:x:2']}");
	struct json *list =
		ENTITY("'r':{'type':'ListRelationship','objectList':[{'object':'urn:x:1'},{'object':'urn:x:2'}]}");
	struct json *documents[] = {one, many, list};

	for (int i = 0; i < 3; i++) {
		CHECK(q("r==urn:x:2", documents[i]) && q("r==\"urn:x:9\",\"urn:x:2\"", documents[i]));
		CHECK(!q("r==urn:x:3", documents[i]) && !q("r!=urn:x:2", documents[i]) &&
		      q("r!=urn:x:3", documents[i]));
		CHECK(!q("r>\"a\"", documents[i]) && !q("r<=\"urn:x:2\"", documents[i]) &&
		      !q("r~=\"urn\"", documents[i]));
		CHECK(!q("r!~=\"nothing\"", documents[i]) && q("r", documents[i]));
	}
	CHECK(q("l==2", ENTITY("'l':{'type':'ListProperty','valueList':[1,2]}")));
	CHECK(!q("l!=2", ENTITY("'l':{'type':'ListProperty','valueList':[1,2]}")));
}

static void patterns_are_posix_extended_and_searched(void)
{
	struct json *name = PROPERTY("name", "'Room-12b'"), *line = PROPERTY("name", "'a\\nb'");

	CHECK(q("name~=\"oom\"", name) && q("name~=^Room-[0-9]+[ab]$", name) && !q("name~=\"^oom\"", name));
	CHECK(q("name~=\"[[:digit:]]{2}b\"", name) && q("name~=R(oo|u)m;name", name) && q("name~=^x|name", name));
	CHECK(!q("name!~=\"oom\"", name) && q("name!~=\"^oom\"", name) && !q("name!~=\"x\"", PROPERTY("name", "3")));
	CHECK(!q("name~=\"x\"", PROPERTY("name", "3")) && !q("name!~=\"x\"", PROPERTY("other", "'y'")));
	CHECK(q("name~=\"a.b\"", line) && !q("name~=\"^b\"", line) && q("name~=[|;)]", PROPERTY("name", "';'")));
	CHECK(q("name~=\"\xe0\xb8\x81.\xe0\xb8\x99\"", PROPERTY("name", "'\xe0\xb8\x81\xe0\xb8\xb4\xe0\xb8\x99'")));
	refused("name~=\"(a\"", ERR_INVALID, "character 7");
	refused("name~=\"(a)\\1\"", ERR_INVALID, "regular expression");
	refused("name~=\"((a{1,200}){1,200}){1,200}\"", ERR_INVALID, "regular expression");
	refused("name~=", ERR_INVALID, "expected a regular expression");
}

static void texts_take_json_escapes_and_all_scripts(void)
{
	struct json *text = PROPERTY("a", "'say \\\"hi\\\";|), \\\\ \\u00e9'");

	CHECK(q("a==\"say \\\"hi\\\";|), \\\\ \\u00e9\"", text) && q("a==\"say \\\"hi\\\";|), \\\\ \xc3\xa9\"", text));
	CHECK(q("na\xc3\xafve==1", PROPERTY("na\xc3\xafve", "1")));
	CHECK(q("a==\"\"", PROPERTY("a", "''")) && !q("a==\"\"", text));
}

static void broken_queries_say_where(void)
{
	refused("", ERR_INVALID, "q is empty");
	refused("a==", ERR_INVALID, "character 4");
	refused("a=1", ERR_INVALID, "character 2");
	refused("a;", ERR_INVALID, "character 3");
	refused("a||b", ERR_INVALID, "character 3");
	refused("(a", ERR_INVALID, "character 3");
	refused("a)", ERR_INVALID, "character 2");
	refused("1a==2", ERR_INVALID, "character 1");
	refused("a-b==2", ERR_INVALID, "character 2");
	refused("a..b", ERR_INVALID, "character 3");
	refused("a[", ERR_INVALID, "character 3");
	refused("a[b", ERR_INVALID, "character 4");
	refused("a[b][c]", ERR_INVALID, "character 5");
	refused("a.observedAt.b", ERR_INVALID, "character 14");
	refused("a==\"x", ERR_INVALID, "does not end");
	refused("a==\"\\x\"", ERR_INVALID, "not valid JSON");
	refused("\xc3\xa9==2x", ERR_INVALID, "character 4");
	refused("a>true", ERR_INVALID, "operators");
	refused("a>1,2", ERR_INVALID, "character 4");
	refused("a>=urn:x:1", ERR_INVALID, "operators");
	refused("a==1..\"x\"", ERR_INVALID, "range");
	refused("a==1..2,3", ERR_INVALID, "range");
	refused("a==2018-13-01", ERR_INVALID, "texts need quotes");
	refused("type==\"T\"", ERR_INVALID, "no attribute");
}

static void bounds_are_kept(void)
{
	char text[4096];
	size_t len = 0;

	for (int i = 0; i < QUERY_Q_TERMS_MAX; i++, len += 2)
		memcpy(text + len, "a;", 3);
	text[len - 1] = '\0';
	CHECK(q(text, PROPERTY("a", "1")));
	memcpy(text + len - 1, ";a", 3);
	refused(text, ERR_TOO_COMPLEX, "256 terms");
	memset(text, '(', QUERY_Q_DEPTH_MAX);
	text[QUERY_Q_DEPTH_MAX] = 'a';
	memset(text + QUERY_Q_DEPTH_MAX + 1, ')', QUERY_Q_DEPTH_MAX);
	text[2 * QUERY_Q_DEPTH_MAX + 1] = '\0';
	CHECK(q(text, PROPERTY("a", "1")));
	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(text, ERR_TOO_COMPLEX, "32 deep");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "a~=", 3);
	refused(text, ERR_TOO_COMPLEX, "512 bytes");
}

int main(void)
{
	query_check_begin();
	RUN(examples_0_to_5_test_single_attributes);
	RUN(examples_6_and_7_combine_terms);
	RUN(and_binds_tighter_than_or);
	RUN(example_8_addresses_observed_at);
	RUN(examples_9_and_10_enter_compound_values);
	RUN(example_11_targets_json_as_it_is);
	RUN(example_12_expands_values_to_uris);
	RUN(expanded_values_reach_vocabularies_of_attributes);
	RUN(examples_13_and_14_need_join);
	RUN(equality_looks_into_arrays_and_lists);
	RUN(ranges_hold_both_ends);
	RUN(different_types_are_unequal_and_without_order);
	RUN(order_is_strict_or_not);
	RUN(times_compare_as_times);
	RUN(any_instance_of_an_attribute_suffices);
	RUN(languages_are_asked_one_or_all);
	RUN(relationships_know_equality_only);
	RUN(patterns_are_posix_extended_and_searched);
	RUN(texts_take_json_escapes_and_all_scripts);
	RUN(broken_queries_say_where);
	RUN(bounds_are_kept);
	return query_check_end();
}
