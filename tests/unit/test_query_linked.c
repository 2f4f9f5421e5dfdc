/* q over linked entities (GS CIM 009 V1.9.1 clause 4.9: LinkedEntityRelation, LinkedEntityPath, examples 13 and 14;
 * 5.7.2.4 on depth). The entities linked to come from a table, as from a store. */
#include "query_check.h"

#define STORED_MAX 16

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

static const struct json *store(const char *text)
{
	return stored[stored_count++] = entity(text);
}

static const struct linked_source source = {find, NULL};

static bool linked_with(const char *text, uint32_t levels, const struct context *context, const struct json *document)
{
	struct query_text query_text = {.q = str_from(text), .linked_levels = levels};
	struct query *query = NULL;
	struct error err;

	if (!CHECK_OK(query_new(&arena, parser, &query_text, context, &query, &err), &err))
		return false;
	bool result = query_matches_linked(query, document, &source);

	/* What matches has the Relationship at least, as a store may narrow by. */
	for (size_t i = 0; result && i < query_narrow(query)->attribute_count; i++)
		CHECK(json_get(document, query_narrow(query)->attributes[i].attribute_iri) != NULL);
	query_done(query);
	return result;
}

static bool linked(const char *text, uint32_t levels, const struct json *document)
{
	return linked_with(text, levels, core, document);
}

static void refused(const char *text, uint32_t levels, const char *why)
{
	struct query_text query_text = {.q = str_from(text), .linked_levels = levels};
	struct query *query = NULL;
	struct error err = {.code = ERR_OK};

	if (!CHECK(query_new(&arena, parser, &query_text, core, &query, &err) == ERR_INVALID && !query) ||
	    !CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# %s: %s\n", text, err.detail);
}

static const struct json *station(void)
{
	stored_count = 0;
	(void)store("{'id':'urn:ngsi-ld:Device:345','type':'Device','humidity':{'type':'Property','value':40},"
		    "'rawdata':{'type':'Property','value':{'air':{'pm10':7}},'by':{'type':'Property','value':'x'}},"
		    "'owner':{'type':'Relationship','object':'urn:ngsi-ld:Person:1'}}");
	(void)store("{'id':'urn:ngsi-ld:Person:1','type':'Person','name':{'type':'LanguageProperty','languageMap':"
		    "{'en':'Bob','th':'Bop'}},'scope':'/a/b'}");
	(void)store(
		"{'id':'urn:ngsi-ld:Device:346','type':['Device','Meter'],'humidity':{'type':'Property','value':60}}");
	return entity("{'id':'urn:ngsi-ld:WeatherStation:123','type':'WeatherStation','sensor':{'type':'Relationship',"
		      "'objectType':'Device','object':'urn:ngsi-ld:Device:345'},"
		      "'sensors':{'type':'Relationship','object':['urn:gone:1','urn:ngsi-ld:Device:345',"
		      "'urn:ngsi-ld:Device:346']},'route':{'type':'ListRelationship','objectList':["
		      "{'object':'urn:ngsi-ld:Device:346'}]},'lost':{'type':'Relationship','object':'urn:gone:1'},"
		      "'text':{'type':'Property','value':'urn:ngsi-ld:Device:345'},'sets':[{'type':'Relationship',"
		      "'object':'urn:gone:1'},{'type':'Relationship','object':'urn:ngsi-ld:Device:346',"
		      "'datasetId':'urn:d:1'}]}");
}

static void examples_13_and_14_ask_the_linked_entity(void)
{
	const struct json *document = station();

	CHECK(linked("sensor{humidity}==40", 1, document) && !linked("sensor{humidity}==41", 1, document));
	CHECK(linked("sensor{Device:humidity}==40", 1, document));
	CHECK(!linked("sensor{Camera:humidity}==40", 1, document));
	CHECK(linked("sensor{Camera,Device:humidity}==40", 1, document));
	CHECK(linked("sensor { Camera , Device : humidity } == 40", 1, document));
	CHECK(linked("sensor{humidity}", 1, document) && !linked("sensor{pressure}", 1, document));
	CHECK(linked("sensor{humidity}!=41;sensor{humidity}>39;sensor{humidity}<=40;sensor{humidity}==30..50", 1,
		     document));
	CHECK(!linked("sensor{pressure}!=41", 1, document)); /* it shall contain the target element */
}

static void paths_in_braces_are_whole_paths(void)
{
	const struct json *document = station();

	CHECK(linked("sensor{rawdata[air.pm10]}==7", 1, document) && linked("sensor{rawdata.by}==\"x\"", 1, document));
	CHECK(linked("sensor{rawdata.by}~=\"^x$\"", 1, document) &&
	      linked("sensor{createdAt}>2020-01-01T00:00:00Z", 1, document));
	CHECK(linked("sensor{humidity.modifiedAt}==2024-01-01T00:00:00Z", 1, document));
	CHECK(linked("sensor{owner}==urn:ngsi-ld:Person:1", 1, document));
	CHECK(linked("sensor{owner{name}}==\"Bob\"", 2, document) &&
	      linked("sensor{owner{name[th]}}==\"Bop\"", 2, document));
	CHECK(linked("sensor{Device:owner{Person:name[en]}}~=B.b", 2, document));
	CHECK(!linked("sensor{Device:owner{Device:name[en]}}~=B.b", 2, document));
	CHECK(linked("sensor{owner{scope}}", 2, document));
}

static void any_of_the_entities_linked_to_suffices(void)
{
	const struct json *document = station();

	CHECK(linked("sensors{humidity}==40", 1, document) && linked("sensors{humidity}==60", 1, document));
	CHECK(linked("sensors{humidity}!=60", 1, document) && !linked("sensors{humidity}>60", 1, document));
	CHECK(linked("sensors{Meter:humidity}==60", 1, document) &&
	      !linked("sensors{Meter:humidity}==40", 1, document));
	CHECK(linked("route{humidity}==60", 1, document) && linked("sets{humidity}==60", 1, document));
	CHECK(!linked("lost{humidity}", 1, document) && !linked("lost{humidity}!=1", 1, document));
	CHECK(!linked("text{humidity}==40", 1, document)); /* a Property links to nothing */
	CHECK(linked("lost;sensor{humidity}|none", 1, document) &&
	      linked("(none|sensor{humidity}==40);lost", 1, document));
}

static void without_a_source_no_linked_term_holds(void)
{
	const struct json *document = station();
	struct query_text text = {.q = STR("sensor{humidity}==40"), .linked_levels = 1};

	CHECK(!matches(&text, document));
	text.q = STR("sensor{humidity}==40|sensor");
	CHECK(matches(&text, document));
}

static void a_known_prefix_is_no_type(void)
{
	struct context *context = NULL;
	struct error err;

	CHECK_OK(context_new(core, parse("{'Device':'https://example.org/Device/','dev':'" VOCAB "'}"), NULL, &context,
			     &err),
		 &err);
	const struct json *document = station();

	/* dev:humidity is the attribute; what "Device" is a prefix of is another one. */
	CHECK(linked_with("sensor{dev:humidity}==40", 1, context, document));
	CHECK(!linked_with("sensor{Device:humidity}==40", 1, context, document));
	CHECK(linked_with("sensor{dev:Device:humidity}==40", 1, context, document)); /* a prefixed type */
	CHECK(linked_with("sensor{dev:Device:dev:humidity}==40", 1, context, document));
	CHECK(linked_with("sensor{dev:Device,dev:Meter:dev:humidity}==40", 1, context, document));
	context = context_unref(context);
}

static void depth_is_bounded_by_join_level(void)
{
	refused("a{b}==1", 0, "character 2: reaching into linked entities (attribute{…}) needs join");
	refused("a{b{c}}==1", 1, "character 4: too deep a query");
	refused("a;b{c{d{e}}}", 2, "joinLevel, which is 2");
	CHECK(!linked("a{b{c{d}}}", 3, station()));
}

static void broken_paths_say_where(void)
{
	refused("a{", 1, "character 3");
	refused("a{}", 1, "character 3");
	refused("a{b", 1, "expected }");
	refused("a{b]", 1, "character 4");
	refused("{b}", 1, "character 1");
	refused("a.b{c}", 1, "only the name of a Relationship");
	refused("scope{c}", 1, "only the name of a Relationship");
	refused("a{b}.c", 1, "character 5");
	refused("a{b}[c]", 1, "character 5");
	refused("a{b}{c}", 1, "character 5");
	refused("a{b==1}", 1, "character 4");
	refused("a{:b}", 1, "character 3");
	refused("a{T:}", 1, "character 5");
	refused("a{T,:b}", 1, "no entity type");
	refused("a{T,b}", 1, "expected }");
	refused("a[b{c}]", 1, "character 4");
	refused("a{type}", 1, "no attribute that can be queried");
}

static void a_linked_entity_is_looked_for_only_where_it_matters(void)
{
	const struct json *document = station();

	finds = 0;
	CHECK(!linked("none;sensor{humidity}==40", 1, document) && finds == 0);
	CHECK(linked("sensor|sensor{humidity}==40", 1, document) && finds == 0);
	CHECK(linked("sensor{humidity}==40", 1, document) && finds == 1);
}

static void attrs_with_braces_select_by_their_names_alone(void)
{
	struct query_text text = {.attrs = STR("gone,sensor{nothing|more}"), .linked_levels = 1};
	const struct json *document = station();

	CHECK(matches(&text, document));
	text.attrs = STR("gone|none{humidity}");
	CHECK(!matches(&text, document));
	text.linked_levels = 0;
	struct query *query = NULL;
	struct error err;

	CHECK(query_new(&arena, parser, &text, core, &query, &err) == ERR_INVALID);
}

int main(void)
{
	query_check_begin();
	RUN(examples_13_and_14_ask_the_linked_entity);
	RUN(paths_in_braces_are_whole_paths);
	RUN(any_of_the_entities_linked_to_suffices);
	RUN(without_a_source_no_linked_term_holds);
	RUN(a_known_prefix_is_no_type);
	RUN(depth_is_bounded_by_join_level);
	RUN(broken_paths_say_where);
	RUN(a_linked_entity_is_looked_for_only_where_it_matters);
	RUN(attrs_with_braces_select_by_their_names_alone);
	return query_check_end();
}
