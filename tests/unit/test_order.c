/* The order of entities (GS CIM 009 V1.9.1 clause 4.23): the types of values in the order of 4.23.2, texts by ICU's
 * collations, distances by haversine, several keys, both directions. What comes before what is the clause's table, the
 * rules of DIN 5007 for German, and distances worked out by hand; keys are only held against each other. */
#include "ngsild/order.h"
#include "query_check.h"

#include <string.h>

static struct order_text asked; /* of the case at hand */

static struct order *order_of(const struct order_text *of)
{
	struct order *order = NULL;
	struct error err;

	CHECK_OK(order_new(&arena, parser, of, core, &order, &err), &err);
	return order;
}

static struct str key_of(const struct order *order, const struct json *of)
{
	struct buf out;
	struct error err;

	buf_init(&out, ORDER_KEY_BYTES_MAX);
	CHECK_OK(order_key(order, &arena, of, &out, &err), &err);
	struct str key = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return key;
}

/* <0, 0, >0: the entity with the members `a` (JSON with ' for ") comes before, with or behind the one with `b`. */
static int compared(const char *a, const char *b)
{
	struct order *order = order_of(&asked);

	if (!order)
		return 99;
	struct str x = arena_printf(&arena, "{'id':'urn:x:1','type':'T'%s%s}", a[0] ? "," : "", a);
	struct str y = arena_printf(&arena, "{'id':'urn:x:1','type':'T'%s%s}", b[0] ? "," : "", b);
	int result = str_cmp(key_of(order, entity(x.at)), key_of(order, entity(y.at)));

	order_done(order);
	return result;
}

static int by_value(const char *a, const char *b)
{
	return compared(a[0] ? arena_printf(&arena, "'a':{'type':'Property','value':%s}", a).at : "",
			b[0] ? arena_printf(&arena, "'a':{'type':'Property','value':%s}", b).at : "");
}

/* Each value stands before all that follow, and none is equal to another. */
static void ascending(const char *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CHECK(by_value(values[i], values[i]) == 0);
		for (size_t j = i + 1; j < count; j++)
			if (!CHECK(by_value(values[i], values[j]) < 0) || !CHECK(by_value(values[j], values[i]) > 0))
				printf("# %s against %s\n", values[i], values[j]);
	}
}

#define ASCENDING(...)                                                                                                 \
	do {                                                                                                           \
		static const char *const values[] = {__VA_ARGS__};                                                     \
                                                                                                                       \
		ascending(values, sizeof(values) / sizeof(values[0]));                                                 \
	} while (0)

/* ---- types ---- */

#define MIXED                                                                                                          \
	"-5", "3.5", "'apple'", "{'x':1}", "[1,2]", "false", "true", "{'@type':'Time','@value':'10:00:00Z'}",          \
		"'11:00:00Z'", "{'@type':'Date','@value':'2020-01-01'}", "'2020-01-02'",                               \
		"{'@type':'DateTime','@value':'2019-01-01T00:00:00Z'}", "'2019-01-01T00:00:00.5Z'",                    \
		"{'@type':'@json','@value':null}", ""

static void types_are_in_the_order_of_4_23_2(void)
{
	asked = (struct order_text){.order_by = STR("a")};
	ASCENDING(MIXED);
}

static void descending_turns_values_but_leaves_the_order_of_types(void)
{
	asked = (struct order_text){.order_by = STR("a;desc")};
	ASCENDING("3.5", "-5", "'pear'", "'apple'", "{'x':1}", "[2]", "[1]", "true", "false", "'11:00:00Z'",
		  "'10:00:00Z'", "'2020-01-02'", "'2020-01-01'", "'2020-01-01T00:00:00Z'", "'2019-01-01T00:00:00Z'",
		  "{'@type':'@json','@value':null}", "");
}

static void numbers_are_in_their_order_to_the_last_digit(void)
{
	asked = (struct order_text){.order_by = STR("a")};
	ASCENDING("-1e300", "-9007199254740993", "-9007199254740992", "-2", "-1.5", "-0.1", "0", "0.1", "1", "1.5", "2",
		  "9007199254740992", "9007199254740993", "9007199254740994", "1e300");
	CHECK(by_value("0", "-0.0") == 0 && by_value("1000", "1e3") == 0 && by_value("0.50", "5e-1") == 0);
}

static void arrays_differ_by_their_first_element_that_does(void)
{
	asked = (struct order_text){.order_by = STR("a")};
	ASCENDING("[]", "[1]", "[1,1]", "[1,2]", "[2]", "['a']", "['a',1]", "['b']", "[[]]", "[true]");
}

/* ---- texts ---- */

static void the_root_collation_is_the_default(void)
{
	/* Unicode's root: punctuation, digits, letters without regard to case or accents first; those decide last. */
	asked = (struct order_text){.order_by = STR("a")};
	ASCENDING("''", "'-'", "'1'", "'a'", "'A'", "'\u00e4'", "'ab'", "'Ab'", "'\u00e4z'", "'B'", "'z'");
}

static void name(const char *collation, const char *a, const char *b, int expected)
{
	asked = (struct order_text){.order_by = STR("a"), .collation = str_from(collation)};
	int result = by_value(a, b);

	if (!CHECK((result > 0) - (result < 0) == expected))
		printf("# %s: %s against %s\n", collation, a, b);
}

static void german_has_an_order_for_dictionaries_and_one_for_phone_books(void)
{
	/* DIN 5007-1: \u00e4 as a. DIN 5007-2: \u00e4 as ae. Goethe, G\u00f6bel, Goldmann. */
	name("de", "'G\u00f6bel'", "'Goethe'", -1);
	name("de", "'Goethe'", "'Goldmann'", -1);
	name("de-u-co-phonebk", "'G\u00f6bel'", "'Goethe'", -1);
	name("de-u-co-phonebk", "'G\u00f6the'", "'Goldmann'", -1);
	name("de", "'G\u00f6the'", "'Goldmann'", 1);
	name("de", "'Muller'", "'M\u00fcller'", -1);
	name("de", "'Mullerz'", "'M\u00fcller'", 1);
	name("de-u-co-phonebk", "'Mullerz'", "'M\u00fcller'", 1);
	name("de-u-co-phonebk", "'Mufler'", "'M\u00fcller'", 1);
	name("de", "'Mufler'", "'M\u00fcller'", -1);
}

static void languages_have_their_own_order(void)
{
	name("sv", "'z'", "'\u00e4'", -1); /* \u00e5 \u00e4 \u00f6 end the Swedish alphabet */
	name("und", "'z'", "'\u00e4'", 1);
	name("es-u-co-trad", "'cz'", "'ch'", -1); /* ch is a letter of the traditional Spanish alphabet */
	name("es", "'cz'", "'ch'", 1);
	name("und-x-icu", "'b'", "'A'", 1);
	name("de-x-icu", "'b'", "'A'", 1);
}

static void settings_of_rfc_6067_are_understood(void)
{
	name("und-u-ks-level2", "'abc'", "'ABC'", 0); /* case does not count */
	name("und-u-ks-level1", "'abc'", "'\u00c4BC'", 0); /* nor accents */
	name("und-u-ks-identic", "'abc'", "'ABC'", -1); /* differs, but not before all letters agree */
	name("und-u-ks-identic", "'abd'", "'ABC'", 1);
	name("und", "'item10'", "'item9'", -1);
	name("und-u-kn-true", "'item10'", "'item9'", 1); /* digits by their value */
	name("und-u-kf-upper", "'a'", "'A'", 1);
}

static void refused(struct order_text of, enum err_code expected, const char *why)
{
	struct order *order = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = order_new(&arena, parser, &of, core, &order, &err);

	if (!CHECK(code == expected && !order))
		printf("# %s instead of \"%s\"\n", err_name(code), why);
	else if (!CHECK(str_contains(str_from(err.detail), str_from(why))))
		printf("# \"%s\" instead of \"%s\"\n", err.detail, why);
	order_done(order);
}

static void unknown_collations_are_refused(void)
{
	static const char *const names[] = {
		"",       "tlh",    "xx",         "de-u-co-pinyin",  "de-u-co-foobar", "de-u-ks-foo",
		"de_DE",  "german", "de-x-foo",   "de-u-nu-arab",    "und-u-ks-",      "de-u-co-phonebook",
		"und\nx", "--",     "C.UTF-8-@x", "de-u-co-phonebk-"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refused((struct order_text){.order_by = STR("a"), .collation = str_from(names[i])}, ERR_INVALID,
			"no ICU collation");
	struct str long_name = {memset(arena_bytes(&arena, 400, 0), 'a', 400), 400};

	refused((struct order_text){.order_by = STR("a"), .collation = long_name}, ERR_INVALID, "too long");
	refused((struct order_text){.order_by = STR("a"), .collation = {"de\0x", 4}}, ERR_INVALID, "no ICU collation");
}

/* ---- paths ---- */

static void paths_lead_to_values_members_and_sub_attributes(void)
{
	asked = (struct order_text){.order_by = STR("address[city]")};
	CHECK(compared("'address':{'type':'Property','value':{'city':'Berlin','zip':9}}",
		       "'address':{'type':'Property','value':{'city':'Madrid','zip':1}}") < 0);
	CHECK(compared("'address':{'type':'Property','value':{'zip':9}}",
		       "'address':{'type':'Property','value':{'city':'Madrid'}}") > 0);
	asked = (struct order_text){.order_by = STR("name.observedAt;desc")};
	CHECK(compared("'name':{'type':'Property','value':1,'observedAt':'2020-01-01T00:00:00Z'}",
		       "'name':{'type':'Property','value':1,'observedAt':'2021-01-01T00:00:00Z'}") > 0);
	asked = (struct order_text){.order_by = STR("name.accuracy")};
	CHECK(compared("'name':{'type':'Property','value':1,'accuracy':{'type':'Property','value':10}}",
		       "'name':{'type':'Property','value':1,'accuracy':{'type':'Property','value':9}}") > 0);
	asked = (struct order_text){.order_by = STR("owner")};
	CHECK(compared("'owner':{'type':'Relationship','object':'urn:x:a'}",
		       "'owner':{'type':'Relationship','object':'urn:x:b'}") < 0);
	asked = (struct order_text){.order_by = STR("title[de]")};
	CHECK(compared("'title':{'type':'LanguageProperty','languageMap':{'en':'z','DE':'a'}}",
		       "'title':{'type':'LanguageProperty','languageMap':{'en':'a','de':'z'}}") < 0);
	asked = (struct order_text){.order_by = STR("a")};
	CHECK(compared("'a':[{'type':'Property','value':2},{'type':'Property','value':1,'datasetId':'urn:d:1'}]",
		       "'a':{'type':'Property','value':1.5}") > 0);
}

static void entity_members_can_be_keys(void)
{
	struct order *order;

	asked = (struct order_text){.order_by = STR("id;desc")};
	order = order_of(&asked);
	CHECK(str_cmp(key_of(order, entity("{'id':'urn:x:1','type':'T'}")),
		      key_of(order, entity("{'id':'urn:x:2','type':'T'}"))) > 0);
	order_done(order);
	asked = (struct order_text){.order_by = STR("type")};
	order = order_of(&asked);
	/* Names as clients see them, not IRIs: "https://…" would come before "Zoo" in any case. */
	CHECK(str_cmp(key_of(order, entity("{'id':'urn:x:1','type':'Zoo'}")),
		      key_of(order, entity("{'id':'urn:x:1','type':'https://example.org/Attic'}"))) > 0);
	CHECK(str_cmp(key_of(order, entity("{'id':'urn:x:1','type':'A'}")),
		      key_of(order, entity("{'id':'urn:x:1','type':'B'}"))) < 0);
	order_done(order);
	asked = (struct order_text){.order_by = STR("scope")};
	CHECK(compared("'scope':'/Berlin'", "'scope':'/Madrid'") < 0);
	CHECK(compared("'scope':'/Madrid'", "'scope':['/Berlin','/Madrid']") < 0); /* a text before an array */
	CHECK(compared("'scope':'/Madrid'", "") < 0);
}

static void later_keys_decide_between_equals(void)
{
	asked = (struct order_text){.order_by = STR("name, age;desc")};
	const char *ann_9 = "'name':{'type':'Property','value':'Ann'},'age':{'type':'Property','value':9}";
	const char *ann_10 = "'name':{'type':'Property','value':'Ann'},'age':{'type':'Property','value':10}";
	const char *anna_1 = "'name':{'type':'Property','value':'Anna'},'age':{'type':'Property','value':1}";
	const char *ann = "'name':{'type':'Property','value':'Ann'}";

	CHECK(compared(ann_9, ann_10) > 0 && compared(ann_10, anna_1) < 0 && compared(ann_9, anna_1) < 0);
	CHECK(compared(ann, ann_9) > 0 && compared(ann, anna_1) < 0);
}

/* ---- distances ---- */

#define PLACE(type, coordinates)                                                                                       \
	"'spot':{'type':'GeoProperty','value':{'type':'" type "','coordinates':" coordinates "}}"

static void distance_orders_places_and_puts_what_is_none_behind(void)
{
	asked = (struct order_text){.order_by = STR("spot;dist-asc"), .from = STR("[8,40]")};
	/* A degree of longitude at 40\u00b0 N is cos 40\u00b0 = 0.766 of one of latitude. */
	CHECK(compared(PLACE("Point", "[8,40]"), PLACE("Point", "[8.1,40]")) < 0);
	CHECK(compared(PLACE("Point", "[9,40]"), PLACE("Point", "[8,40.8]")) < 0);
	CHECK(compared(PLACE("Point", "[9,40]"), PLACE("Point", "[8,40.7]")) > 0);
	CHECK(compared(PLACE("Point", "[-172,-40]"), PLACE("Point", "[-171,-40]")) > 0); /* the antipode is farthest */
	CHECK(compared(PLACE("Point", "[-172,-40]"), "'spot':{'type':'Property','value':1}") < 0);
	CHECK(compared("'spot':{'type':'Property','value':1}", "'spot':{'type':'Property','value':'a'}") < 0);
	CHECK(compared("'spot':{'type':'Property','value':'a'}", "") < 0);
	/* A line that passes at 0.05\u00b0 is nearer than a point at 0.1\u00b0. */
	CHECK(compared(PLACE("LineString", "[[7,40.05],[9,40.05]]"), PLACE("Point", "[8,40.1]")) < 0);
	asked = (struct order_text){.order_by = STR("spot;dist-desc"), .from = STR("[8,40]")};
	CHECK(compared(PLACE("Point", "[8,40]"), PLACE("Point", "[8.1,40]")) > 0);
	CHECK(compared(PLACE("Point", "[8,40]"), "'spot':{'type':'Property','value':1}") < 0);
}

static void distance_is_taken_across_the_antimeridian_and_near_the_poles(void)
{
	asked = (struct order_text){.order_by = STR("spot;dist-asc"), .from = STR("[179.5,0]")};
	CHECK(compared(PLACE("Point", "[-179.5,0]"), PLACE("Point", "[178,0]")) < 0);
	asked = (struct order_text){.order_by = STR("spot;dist-asc"), .from = STR("[0,89]")};
	CHECK(compared(PLACE("Point", "[180,89.5]"), PLACE("Point", "[0,87]")) <
	      0); /* 1.5\u00b0 over the pole, 2\u00b0 */
}

static void the_reference_may_be_any_geometry(void)
{
	asked = (struct order_text){.order_by = STR("spot;dist-asc"),
				    .from = STR("[[8,40],[9,42],[9,45],[8,40]]"),
				    .geometry = STR("LineString")};
	CHECK(compared(PLACE("Point", "[9,44]"), PLACE("Point", "[8,39.9]")) < 0);
	asked = (struct order_text){.order_by = STR("spot;dist-asc"),
				    .from = STR("[[[0,0],[4,0],[4,4],[0,4],[0,0]]]"),
				    .geometry = STR("Polygon")};
	CHECK(compared(PLACE("Point", "[1,1]"), PLACE("Point", "[3,2]")) == 0); /* both inside */
	CHECK(compared(PLACE("Polygon", "[[[5,0],[6,0],[6,1],[5,0]]]"), PLACE("Point", "[0,-0.5]")) > 0);
}

/* ---- mistakes ---- */

static void mistakes_are_named(void)
{
	refused((struct order_text){.order_by = STR("")}, ERR_INVALID, "empty");
	refused((struct order_text){.order_by = STR("a;up")}, ERR_INVALID, "orderBy, character 3");
	refused((struct order_text){.order_by = STR("a,,b")}, ERR_INVALID, "orderBy, character 3");
	refused((struct order_text){.order_by = STR("a b")}, ERR_INVALID, "orderBy, character 3");
	refused((struct order_text){.order_by = STR("a;asc;desc")}, ERR_INVALID, "orderBy");
	refused((struct order_text){.order_by = STR("a[b")}, ERR_INVALID, "orderBy");
	refused((struct order_text){.order_by = STR("owner{name}")}, ERR_INVALID, "linked");
	refused((struct order_text){.order_by = STR("type.x")}, ERR_INVALID, "orderBy");
	refused((struct order_text){.order_by = STR("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")}, ERR_TOO_COMPLEX, "16 terms");
	refused((struct order_text){.order_by = STR("spot;dist-asc")}, ERR_INVALID, "needs orderFrom");
	refused((struct order_text){.order_by = STR("a"), .geometry = STR("Point")}, ERR_INVALID, "needs orderFrom");
	refused((struct order_text){.order_by = STR("a;dist-asc"), .from = STR("[200,0]")}, ERR_INVALID, "orderFrom");
	refused((struct order_text){.order_by = STR("a;dist-asc"), .from = STR("8,40")}, ERR_INVALID, "orderFrom");
	refused((struct order_text){.order_by = STR("a;dist-asc"), .from = STR("[8,40]"), .geometry = STR("Line")},
		ERR_INVALID, "orderGeometry");
	refused((struct order_text){.order_by = STR("a;dist-asc"),
				    .from = STR("[]"),
				    .geometry = STR("GeometryCollection")},
		ERR_INVALID, "orderGeometry");
}

static void long_values_are_told_apart_by_their_beginning(void)
{
	asked = (struct order_text){.order_by = STR("a,b")};
	char *many = memset(arena_bytes(&arena, 100001, 1), 'x', 100000);

	many[100000] = '\0';
	struct str first =
		arena_printf(&arena, "'a':{'type':'Property','value':'%s1'},'b':{'type':'Property','value':1}", many);
	struct str second =
		arena_printf(&arena, "'a':{'type':'Property','value':'%s0'},'b':{'type':'Property','value':2}", many);

	CHECK(compared(first.at, second.at) < 0);
}

int main(void)
{
	query_check_begin();
	RUN(types_are_in_the_order_of_4_23_2);
	RUN(descending_turns_values_but_leaves_the_order_of_types);
	RUN(numbers_are_in_their_order_to_the_last_digit);
	RUN(arrays_differ_by_their_first_element_that_does);
	RUN(the_root_collation_is_the_default);
	RUN(german_has_an_order_for_dictionaries_and_one_for_phone_books);
	RUN(languages_have_their_own_order);
	RUN(settings_of_rfc_6067_are_understood);
	RUN(unknown_collations_are_refused);
	RUN(paths_lead_to_values_members_and_sub_attributes);
	RUN(entity_members_can_be_keys);
	RUN(later_keys_decide_between_equals);
	RUN(distance_orders_places_and_puts_what_is_none_behind);
	RUN(distance_is_taken_across_the_antimeridian_and_near_the_poles);
	RUN(the_reference_may_be_any_geometry);
	RUN(mistakes_are_named);
	RUN(long_values_are_told_apart_by_their_beginning);
	return query_check_end();
}
