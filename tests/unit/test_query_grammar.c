/* q production by production (GS CIM 009 V1.9.1 clause 4.9, the ABNF), and every operator on every kind of attribute
 * and value, held against a table written from the clause's sentences. */
#include "query_check.h"

static bool q(const char *text, const struct json *document)
{
	struct query_text query = {.q = str_from(text)};
	bool result = matches(&query, document);

	return result;
}

static bool refused(const char *text)
{
	struct query_text query_text = {.q = str_from(text)};
	struct query *query = NULL;
	struct error err = {.code = ERR_OK};
	bool good = query_new(&arena, parser, &query_text, core, &query, &err) == ERR_INVALID;

	if (!good)
		printf("# taken: %s\n", text);
	query_done(query);
	return good;
}

#define ENTITY(attributes) entity("{'id':'urn:ngsi-ld:T:1','type':'T'," attributes "}")
#define PROPERTY(value) ENTITY("'a':{'type':'Property','value':" value "}")

static void query_is_terms_and_associations(void)
{
	const struct json *ab = ENTITY("'a':{'type':'Property','value':1},'b':{'type':'Property','value':2}");

	/* Query = (QueryTerm / QueryTermAssoc) *(LogicalOp (QueryTerm / QueryTermAssoc)) */
	CHECK(q("a", ab) && q("a;b", ab) && q("a|c", ab) && q("(a);b", ab) && q("a;(b|c)", ab) && q("(a)|(c)", ab));
	CHECK(!q("a;c", ab) && !q("c|d", ab) && !q("(a;c)|(b;c)", ab) && q("(a;b)|(c;d)", ab));
	/* QueryTermAssoc = ( QueryTerm *(LogicalOp QueryTerm) ) */
	CHECK(q("(a==1)", ab) && q("(a==1;b==2)", ab) && q("(a==9|b==2)", ab) && !q("(a==9|b==9)", ab));
	CHECK(refused("()") && refused("(a;)") && refused("a b") && refused(";a") && refused("(a)(b)") &&
	      refused("a&b"));
}

static void attributes_are_names_with_dots_and_brackets(void)
{
	const struct json *deep = ENTITY(
		"'a':{'type':'Property','value':{'x':{'y':1,'\xc3\xa9 t':2,'a-b':3}},'b':{'type':'Property','value':2,"
		"'c':{'type':'Property','value':{'k':5}}}}");

	/* ValuePath = DottedPath *1([DottedPath]); DottedPath = AttrName *(.AttrName) */
	CHECK(q("a.b==2", deep) && q("a.b.c[k]==5", deep) && q("a[x.y]==1", deep) && q("a[x]", deep));
	CHECK(q("a[x.a-b]==3", deep) && !q("a[x.z]", deep) && !q("a.b.d", deep) && !q("b", deep));
	CHECK(refused("a[]") && refused("a[x.]") && refused("a[.x]") && refused("a[x][y]") && refused("a.") &&
	      refused(".a"));
}

static void names_are_letters_and_numbers_of_all_scripts(void)
{
	/* AttrName = unicodeLetter *TermChar; TermChar: unicodeNumber, unicodeLetter, _ */
	const struct json *names =
		ENTITY("'\xe0\xb8\x81\xe0\xb9\x91':{'type':'Property','value':1},"
		       "'\xd0\x96_\xc2\xbd':{'type':'Property','value':2},'z9_':{'type':'Property','value':3}");

	CHECK(q("\xe0\xb8\x81\xe0\xb9\x91==1", names) && q("\xd0\x96_\xc2\xbd==2", names) && q("z9_==3", names));
	CHECK(refused("_a==1") && refused("9a==1") && refused("\xe0\xb9\x91\xe0\xb8\x81") && refused("a\xe2\x82\xac"));
}

static void operators_are_these_six_and_two_for_patterns(void)
{
	const struct json *five = PROPERTY("5");

	CHECK(q("a==5", five) && q("a!=4", five) && q("a>=5", five) && q("a>4", five) && q("a<=5", five) &&
	      q("a<6", five));
	CHECK(q("a~=x", PROPERTY("'x'")) && q("a!~=y", PROPERTY("'x'")));
	CHECK(refused("a=5") && refused("a=>5") && refused("a<>5") && refused("a~5") && refused("a!~5") &&
	      refused("a!5"));
}

static void numbers_are_those_of_json(void)
{
	CHECK(q("a==-0.5e+2", PROPERTY("-50")) && q("a==1E3", PROPERTY("1000")) && q("a==0", PROPERTY("-0.0")));
	CHECK(q("a==100000000000000000000", PROPERTY("1e20")) && q("a>1e300", PROPERTY("1e301")));
	CHECK(refused("a==+5") && refused("a==05") && refused("a==.5") && refused("a==5.") && refused("a==0x10") &&
	      refused("a==1e") && refused("a==-"));
}

static void strings_are_those_of_json(void)
{
	CHECK(q("a==\"\\u0041\\n\\/\"", PROPERTY("'A\\n/'")) &&
	      q("a==\"\\ud83d\\ude00\"", PROPERTY("'\xf0\x9f\x98\x80'")));
	CHECK(q("a==\"(;|),[]{}..\"", PROPERTY("'(;|),[]{}..'")) && q("a==\"\"", PROPERTY("''")));
	CHECK(refused("a==\"\\q\"") && refused("a==\"x") && refused("a=='x'") && refused("a==\"\\ud83d\"") &&
	      refused("a==\"\x01\""));
}

static void times_are_those_of_the_standard(void)
{
	CHECK(q("a==2020-02-29T23:59:59.123456Z", PROPERTY("'2020-02-29T23:59:59.123456Z'")));
	CHECK(q("a==2020-02-29T23:59:59,5Z", PROPERTY("'2020-02-29T23:59:59.500Z'")));
	CHECK(q("a>2020-02-28", PROPERTY("'2020-02-29'")) && q("a<23:59:59.5Z", PROPERTY("'23:59:59,25Z'")));
	CHECK(q("a==2020-01-01..2020-12-31", PROPERTY("'2020-02-29'")) &&
	      q("a!=2020-01-01..2020-01-31", PROPERTY("'2020-02-29'")));
	CHECK(refused("a==2021-02-29") && refused("a==2020-02-29T24:00:00Z") && refused("a==2020-02-29T12:00Z") &&
	      refused("a==2020-02-29T12:00:00+01:00") && refused("a==12:00:00") &&
	      refused("a==2020-02-29T12:00:00.1234567Z"));
}

static void values_ranges_and_lists_follow_equality_only(void)
{
	/* CompEqualityValue = OtherValue / ValueList / Range / URI; Range = ComparableValue dots ComparableValue */
	CHECK(q("a==true", PROPERTY("true")) && q("a!=false", PROPERTY("true")) &&
	      q("a==1,2,true,\"x\",2020-01-01", PROPERTY("true")));
	CHECK(q("a==1..2", PROPERTY("1.5")) && q("a==\"a\"..\"b\"", PROPERTY("'aa'")) &&
	      q("a==10:00:00Z..11:00:00Z", PROPERTY("'10:30:00Z'")));
	CHECK(q("a==urn:x:1", ENTITY("'a':{'type':'Relationship','object':'urn:x:1'}")));
	CHECK(q("a==urn:x:1,urn:x:2", ENTITY("'a':{'type':'Relationship','object':'urn:x:2'}")));
	CHECK(refused("a>1,2") && refused("a>1..2") && refused("a>=true") && refused("a<urn:x:1") &&
	      refused("a==1..true") && refused("a==1...2") && refused("a==1,,2") && refused("a==1,") &&
	      refused("a==,1") && refused("a==true..false"));
}

static void patterns_are_regular_expressions(void)
{
	CHECK(q("a~=\"^[A-C]{2}\\.(x|y)$\"", PROPERTY("'AB.x'")) && q("a~=^A.+;a", PROPERTY("'AB'")) &&
	      !q("a~=\"^B\"", PROPERTY("'AB'")));
	CHECK(refused("a~=") && refused("a~=\"[\"") && refused("a~=\"a{2,1}\"") && refused("a!~=\"(\""));
}

/* ---- operators on kinds ---- */

enum answers { EXISTS = 1, EQ = 2, NE = 4, GT = 8, GE = 16, LT = 32, LE = 64, MATCH = 128, NO_MATCH = 256 };

/* What the value "m" (or the URI urn:x:m where uri) gives under each operator, the pattern being "m". */
static int ask(const struct json *document, const char *path, bool uri)
{
	static const char *const ops[] = {"", "==", "!=", ">", ">=", "<", "<=", "~=", "!~="};
	int answers = 0;

	for (int i = 0; i < 9; i++) {
		const char *value = i == 0 ? "" : i >= 7 ? "\"m\"" : uri ? "\"urn:x:m\"" : "\"m\"";

		if (q(arena_printf(&arena, "%s%s%s", path, ops[i], value).at, document))
			answers |= 1 << i;
	}
	return answers;
}

static void asked(const char *attribute, const char *path, bool uri, int expected)
{
	struct str text = arena_printf(&arena, "{'id':'urn:x:1','type':'T','a':%s}", attribute);
	int answers = ask(entity(text.at), path, uri);

	if (!CHECK(answers == expected))
		printf("# %s, %s: %x instead of %x\n", attribute, path, answers, expected);
}

static void every_operator_on_every_kind_of_attribute(void)
{
	const int equal = EXISTS | EQ | GE | LE | MATCH, above = EXISTS | NE | GT | GE | NO_MATCH;
	const int other = EXISTS | NE; /* of another type: unequal, no order, no string */

	asked("{'type':'Property','value':'m'}", "a", false, equal);
	asked("{'type':'Property','value':'z'}", "a", false, above);
	asked("{'type':'Property','value':'a'}", "a", false, EXISTS | NE | LT | LE | NO_MATCH);
	asked("{'type':'Property','value':5}", "a", false, other);
	asked("{'type':'Property','value':true}", "a", false, other);
	asked("{'type':'Property','value':{'m':'m'}}", "a", false, other);
	asked("{'type':'Property','value':{'m':'m'}}", "a[m]", false, equal);
	asked("{'type':'Property','value':{'m':'m'}}", "a[x]", false, 0);
	asked("{'type':'Property','value':['x','m']}", "a", false, EXISTS | EQ | GE | LE);
	asked("{'type':'Property','value':['x','y']}", "a", false, other);
	asked("{'type':'Property','value':[['m']]}", "a", false, other); /* one level is looked into */
	asked("{'type':'GeoProperty','value':{'type':'Point','coordinates':[1,2]}}", "a", false, other);
	asked("{'type':'GeoProperty','value':{'type':'Point','coordinates':[1,2]}}", "a[type]", false,
	      EXISTS | NE | LT | LE | NO_MATCH);
	asked("{'type':'LanguageProperty','languageMap':{'en':'m','fr':'z'}}", "a", false,
	      EXISTS | EQ | GT | GE | LE | MATCH);
	asked("{'type':'LanguageProperty','languageMap':{'en':'m','fr':'z'}}", "a[*]", false,
	      EXISTS | EQ | GT | GE | LE | MATCH);
	asked("{'type':'LanguageProperty','languageMap':{'en':'m','fr':'z'}}", "a[en]", false, equal);
	asked("{'type':'LanguageProperty','languageMap':{'en':'m','fr':'z'}}", "a[fr]", false, above);
	asked("{'type':'LanguageProperty','languageMap':{'en':'m','fr':'z'}}", "a[de]", false, 0);
	asked("{'type':'LanguageProperty','languageMap':{'en':['z','m']}}", "a[en]", false, EXISTS | EQ | GE | LE);
	asked("{'type':'JsonProperty','json':{'k':'m','n':null}}", "a[k]", false, equal);
	asked("{'type':'JsonProperty','json':{'k':'m','n':null}}", "a[n]", false, other);
	asked("{'type':'JsonProperty','json':'m'}", "a", false, equal);
	asked("{'type':'ListProperty','valueList':['x','m']}", "a", false, EXISTS | EQ | GE | LE);
	asked("{'type':'ListProperty','valueList':['x','y']}", "a", false, other);
	asked("{'type':'VocabProperty','vocab':'urn:x:m'}", "a", true, equal);
	asked("{'type':'VocabProperty','vocab':['urn:x:m','urn:x:z']}", "a", true, EXISTS | EQ | GE | LE);
	asked("{'type':'VocabProperty','vocab':'m'}", "a", false,
	      EXISTS | NE | LT | LE | MATCH); /* it is a URI, https://…/m */
	asked("{'type':'Relationship','object':'urn:x:m'}", "a", true, EXISTS | EQ);
	asked("{'type':'Relationship','object':'urn:x:z'}", "a", true, other);
	asked("{'type':'Relationship','object':['urn:x:z','urn:x:m']}", "a", true, EXISTS | EQ);
	asked("{'type':'ListRelationship','objectList':[{'object':'urn:x:z'},{'object':'urn:x:m'}]}", "a", true,
	      EXISTS | EQ);
	asked("{'type':'ListRelationship','objectList':[{'object':'urn:x:z'}]}", "a", true, other);
	asked("{'type':'Property','value':1,'s':{'type':'Relationship','object':'urn:x:m'}}", "a.s", true, EXISTS | EQ);
	asked("{'type':'Property','value':1,'unitCode':'m'}", "a.unitCode", false, equal);
	asked("{'type':'Property','value':1,'datasetId':'urn:x:m'}", "a.datasetId", true, equal);
	asked("{'type':'Property','value':1}", "a.observedAt", false, 0);
}

static void members_of_the_entity_can_be_asked(void)
{
	const struct json *document =
		entity("{'id':'urn:x:1','type':'T','scope':['/a','/b'],'expiresAt':'2100-01-01T00:00:00Z',"
		       "'a':{'type':'Property','value':1}}");

	CHECK(q("scope==\"/b\"", document) && q("scope!=\"/c\"", document) &&
	      q("expiresAt>2099-01-01T00:00:00Z", document));
	CHECK(q("createdAt==2024-01-01T00:00:00Z;a.createdAt<=2024-01-01T00:00:00Z", document));
	CHECK(refused("id==\"x\"") && refused("type") && refused("a.value==1") && refused("a.type==\"x\"") &&
	      refused("observedAt"));
}

int main(void)
{
	query_check_begin();
	RUN(query_is_terms_and_associations);
	RUN(attributes_are_names_with_dots_and_brackets);
	RUN(names_are_letters_and_numbers_of_all_scripts);
	RUN(operators_are_these_six_and_two_for_patterns);
	RUN(numbers_are_those_of_json);
	RUN(strings_are_those_of_json);
	RUN(times_are_those_of_the_standard);
	RUN(values_ranges_and_lists_follow_equality_only);
	RUN(patterns_are_regular_expressions);
	RUN(every_operator_on_every_kind_of_attribute);
	RUN(members_of_the_entity_can_be_asked);
	return query_check_end();
}
