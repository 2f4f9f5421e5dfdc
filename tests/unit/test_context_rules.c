/* The rules of JSON-LD 1.1 that a user's @context may lean on, case by case.
 *
 * Goal: definitions are accepted, refused and used as the algorithms "Context Processing" (4.1.2), "Create Term
 * Definition" (4.2.2), "IRI Expansion" (5.2.2) and "IRI Compaction" (7.2.2) of the JSON-LD 1.1 API say, with the core
 * in the last place (GS CIM 009 V1.9.1, 4.4). Method: each case is a context and what a name in it means, worked out by
 * hand from those texts; relative references are the examples of RFC 3986, 5.4. */
#include "check.h"
#include "ngsild/context.h"

#define DEFAULT NGSILD_DEFAULT_VOCAB

static struct json_parser *parser;
static struct arena arena;
static struct context *core;
static struct error err;

struct page {
	const char *url, *body, *base;
};

static const struct page pages[] = {
	{"https://e.org/dir/rel.jsonld", "{\"@context\":[\"other.jsonld\",\"../up.jsonld\",\"/root.jsonld\"]}", NULL},
	{"https://e.org/dir/other.jsonld", "{\"@context\":{\"other\":\"urn:x:other\"}}", NULL},
	{"https://e.org/up.jsonld", "{\"@context\":{\"up\":\"urn:x:up\"}}", NULL},
	{"https://e.org/root.jsonld", "{\"@context\":{\"root\":\"urn:x:root\"}}", NULL},
	{"https://e.org/moved", "{\"@context\":\"other.jsonld\"}", "https://e.org/dir/moved.jsonld"},
	{"https://e.org/self", "{\"@context\":[{\"a\":\"urn:x:a\"},\"./self\"]}", NULL},
	{"https://e.org/imported",
	 "{\"@context\":{\"ex\":\"https://one.org/\",\"a\":\"ex:a\",\"b\":\"ex:b\",\"@vocab\":\"https://v.org/\"}}",
	 NULL},
	{"https://e.org/importing", "{\"@context\":{\"@import\":\"imported\",\"c\":{}}}", NULL},
	{"https://e.org/array", "{\"@context\":[{\"a\":\"urn:x:a\"}]}", NULL},
	{"https://e.org/bomb", "{\"@context\":[\"bomb1\",\"bomb1\",\"bomb1\",\"bomb1\",\"bomb1\",\"bomb1\"]}", NULL},
	{"https://e.org/bomb1", "{\"@context\":[\"bomb2\",\"bomb2\",\"bomb2\",\"bomb2\",\"bomb2\",\"bomb2\"]}", NULL},
	{"https://e.org/bomb2", "{\"@context\":{\"a\":\"urn:x:a\"}}", NULL},
};

static enum err_code fetch_page(void *self, struct str url, struct context_document *ret_document, struct error *error)
{
	(void)self;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (!str_eq(url, str_from(pages[i].url)))
			continue;
		*ret_document = (struct context_document){str_from(pages[i].body), str_from(pages[i].base)};
		return ERR_OK;
	}
	return err_set(error, ERR_CONTEXT, "no such page");
}

static enum err_code build(const char *text, struct context **ret)
{
	struct context_resolver resolver = {fetch_page, NULL};
	struct json *value;

	err = (struct error){0};
	if (!CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &value, &err), &err))
		return ERR_INTERNAL;
	return context_new(core, value, &resolver, ret, &err);
}

/* What a name means: an IRI, or the error that using it is. */
struct expansion {
	const char *context, *name, *iri;
};

static void check_expansions(const struct expansion *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct context *context = NULL;
		struct str iri = STR_NONE;

		if (!CHECK_OK(build(cases[i].context, &context), &err)) {
			printf("# %s\n", cases[i].context);
			continue;
		}
		enum err_code code = context_expand(context, &arena, str_from(cases[i].name), &iri, &err);

		if (!CHECK(cases[i].iri ? code == ERR_OK && str_eq(iri, str_from(cases[i].iri)) : code == ERR_INVALID))
			printf("# %s in %s: %.*s\n", cases[i].name, cases[i].context, STR_FMT(iri));
		(void)context_unref(context);
	}
}

static void check_compactions(const struct expansion *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct context *context = NULL;

		if (!CHECK_OK(build(cases[i].context, &context), &err))
			continue;
		struct str name = context_compact(context, &arena, str_from(cases[i].iri));

		if (!CHECK(str_eq(name, str_from(cases[i].name))))
			printf("# %s in %s: %.*s\n", cases[i].iri, cases[i].context, STR_FMT(name));
		(void)context_unref(context);
	}
}

struct refusal {
	const char *context, *said;
};

static void check_refusals(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct context *context = NULL;

		if (!CHECK(build(cases[i].context, &context) == ERR_INVALID &&
			   str_contains(str_from(err.detail), str_from(cases[i].said))))
			printf("# %s: %s\n", cases[i].context, err.detail);
		(void)context_unref(context);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void prefixes_are_what_json_ld_says(void)
{
	static const struct expansion cases[] = {
		/* A simple term is a prefix when its IRI ends in a gen-delim (4.2.2, 14.2.6). */
		{"{\"p\":\"https://e.org/\"}", "p:x", "https://e.org/x"},
		{"{\"p\":\"https://e.org#\"}", "p:x", "https://e.org#x"},
		{"{\"p\":\"urn:e:\"}", "p:x", "urn:e:x"},
		{"{\"p\":\"https://e.org/p\"}", "p:x", "p:x"},
		/* An expanded one only with @prefix. */
		{"{\"p\":{\"@id\":\"https://e.org/\"}}", "p:x", "p:x"},
		{"{\"p\":{\"@id\":\"https://e.org/p\",\"@prefix\":true}}", "p:x", "https://e.org/px"},
		{"{\"p\":{\"@id\":\"https://e.org/\",\"@prefix\":false}}", "p:x", "p:x"},
		/* What has "//" behind its colon, or "_" before it, is no compact IRI (5.2.2, 6). */
		{"{\"p\":\"https://e.org/\"}", "p://x", "p://x"},
		{"{\"_\":\"https://e.org/\"}", "_:x", "_:x"},
		/* Prefixes may stand in definitions, in any order. */
		{"{\"a\":\"pq:a\",\"pq\":\"p:q/\",\"p\":\"https://e.org/\"}", "a", "https://e.org/q/a"},
		/* A term that is a compact IRI itself. */
		{"{\"p\":\"https://e.org/\",\"p:x\":{\"@type\":\"@id\"}}", "p:x", "https://e.org/x"},
		{"{\"p\":\"https://e.org/\",\"p:x\":\"https://e.org/x\"}", "p:x", "https://e.org/x"},
		{"{\"p\":\"https://e.org/\"}", "p:", "https://e.org/"},
	};

	check_expansions(cases, COUNT(cases));
}

static void the_users_vocabulary_ends_before_the_core(void)
{
	static const struct expansion cases[] = {
		{"{\"@vocab\":\"https://v.org/\"}", "x", DEFAULT "x"},
		{"{\"@vocab\":\"https://v.org/\",\"x\":{\"@type\":\"@id\"}}", "x", "https://v.org/x"},
		{"{\"@vocab\":\"https://v.org/\",\"x\":\"y\"}", "x", "https://v.org/y"},
		{"{\"p\":\"https://e.org/\",\"@vocab\":\"p:v#\",\"x\":{}}", "x", "https://e.org/v#x"},
		{"[{\"@vocab\":\"https://v.org/\"},{\"x\":{}}]", "x", "https://v.org/x"},
		{"[{\"@vocab\":\"https://v.org/\"},{\"@vocab\":null,\"x\":{}}]", "x", DEFAULT "x"},
		{"{\"x\":{}}", "x", DEFAULT "x"},
		{"{\"x\":\"x\"}", "x", DEFAULT "x"},
	};

	check_expansions(cases, COUNT(cases));
}

static void null_takes_a_meaning_away(void)
{
	static const struct expansion cases[] = {
		/* Such a term is not the default vocabulary's either (5.2.2, 4): it means nothing. */
		{"{\"x\":null}", "x", NULL},
		{"{\"x\":{\"@id\":null}}", "x", NULL},
		{"[{\"x\":\"urn:x:x\"},{\"x\":null}]", "x", NULL},
		{"[{\"x\":null},{\"x\":\"urn:x:x\"}]", "x", "urn:x:x"},
		{"[{\"x\":null},null]", "x", DEFAULT "x"},
		/* The core stands behind it. */
		{"{\"location\":null}", "location", "https://uri.etsi.org/ngsi-ld/location"},
		/* A null term is no prefix; what is left is an absolute IRI. */
		{"{\"p\":null}", "p:x", "p:x"},
	};
	static const struct expansion back[] = {
		{"{\"x\":null}", "ngsi-ld:default-context/x", DEFAULT "x"},
		{"[{\"x\":\"urn:x:x\"},{\"x\":null}]", "urn:x:x", "urn:x:x"},
	};

	check_expansions(cases, COUNT(cases));
	check_compactions(back, COUNT(back));
}

static void keywords_have_other_names_but_none_of_an_attribute(void)
{
	static const struct expansion cases[] = {
		{"{\"ident\":\"@id\"}", "ident", NULL},
		{"{\"kind\":{\"@id\":\"@type\",\"@container\":\"@set\"}}", "kind", NULL},
		{"{\"graph\":\"@graph\"}", "graph", NULL},
		{"{\"a\":\"ident\",\"ident\":\"@id\"}", "a", NULL},
		/* What only looks like a keyword is passed over (4.2.2, 5 and 14.2.2). */
		{"{\"@future\":\"urn:x:x\",\"a\":\"urn:x:a\"}", "a", "urn:x:a"},
		{"{\"a\":\"@future\"}", "a", DEFAULT "a"},
		{"{\"a\":{\"@id\":\"@future\"}}", "a", DEFAULT "a"},
		/* @type may be declared a set; other keywords may not be defined. */
		{"{\"@type\":{\"@container\":\"@set\",\"@protected\":true},\"a\":\"urn:x:a\"}", "a", "urn:x:a"},
		{"{\"@version\":1.1,\"@language\":\"en\",\"@direction\":null,\"@propagate\":true,\"@base\":\"https://"
		 "b.org/\","
		 "\"a\":\"urn:x:a\"}",
		 "a", "urn:x:a"},
		/* @base is for values relative to the document; names have none (5.2.2, 7 before 8). */
		{"{\"@base\":\"https://b.org/\"}", "a", DEFAULT "a"},
		{"{\"@base\":null}", "a", DEFAULT "a"},
	};
	static const struct refusal refusals[] = {
		{"{\"@id\":\"urn:x:x\"}", "@id"},
		{"{\"@value\":{}}", "@value"},
		{"{\"@type\":\"urn:x:x\"}", "@type"},
		{"{\"@type\":{\"@container\":\"@list\"}}", "@type"},
		{"{\"@type\":{}}", "@type"},
		{"{\"a\":\"@context\"}", "@context"},
		{"{\"@version\":1.0}", "1.1"},
		{"{\"@version\":\"1.1\"}", "1.1"},
		{"{\"@base\":1}", "@base"},
		{"{\"@language\":1}", "@language"},
		{"{\"@direction\":\"up\"}", "@direction"},
		{"{\"@propagate\":1}", "@propagate"},
		{"{\"@protected\":\"yes\"}", "@protected"},
		{"{\"@vocab\":[]}", "@vocab"},
	};

	check_expansions(cases, COUNT(cases));
	check_refusals(refusals, COUNT(refusals));
}

static void definitions_may_say_all_that_json_ld_knows(void)
{
	static const struct expansion cases[] = {
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"@json\"}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"@none\"}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"DateTime\"}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":\"@list\"}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[\"@set\",\"@index\"],\"@index\":\"urn:x:i\"}}", "a",
		 "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[\"@graph\",\"@id\",\"@set\"]}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":\"@language\",\"@language\":null}}", "a", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@nest\":\"@nest\",\"@direction\":\"rtl\",\"@protected\":false}}", "a",
		 "urn:x:a"},
		/* A reverse property is a definition like others, but no name of an attribute. */
		{"{\"a\":{\"@reverse\":\"urn:x:a\"},\"b\":\"urn:x:b\"}", "b", "urn:x:b"},
		{"{\"a\":{\"@reverse\":\"urn:x:a\",\"@container\":\"@set\"}}", "a", NULL},
	};
	static const struct refusal refusals[] = {
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"@set\"}}", "@set"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":\"@none\"}}", "@container"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[\"@list\",\"@set\"]}}", "@container"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[\"@index\",\"@id\"]}}", "@container"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[\"@graph\",\"@list\"]}}", "@container"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":[]}}", "@container"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":\"@type\",\"@type\":\"@json\"}}", "@type"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@index\":\"urn:x:i\"}}", "@index"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@nest\":\"@id\"}}", "@nest"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@language\":1}}", "@language"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@prefix\":1}}", "@prefix"},
		{"{\"a:b\":{\"@id\":\"urn:x:a\",\"@prefix\":true}}", "@prefix"},
		{"{\"a\":{\"@id\":\"@type\",\"@prefix\":true}}", "prefix"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"label\":\"A\"}}", "label"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@value\":\"A\"}}", "@value"},
		{"{\"a\":{\"@reverse\":\"urn:x:a\",\"@id\":\"urn:x:b\"}}", "@reverse"},
		{"{\"a\":{\"@reverse\":\"urn:x:a\",\"@container\":\"@list\"}}", "@container"},
		/* A compact IRI cannot be given another meaning than its own (4.2.2, 14.2.5). */
		{"{\"p\":\"https://e.org/\",\"p:x\":\"https://other.org/x\"}", "means"},
		{"{\"https://uri.etsi.org/ngsi-ld/hasValue\":\"urn:x:mine\"}", "means"},
		{"{\"x\":null,\"y\":\"x\"}", "null"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@context\":null}}", "scoped"},
		{"{\"location\":{\"@id\":\"urn:x:a\",\"@context\":{}}}", "scoped"},
	};

	check_expansions(cases, COUNT(cases));
	check_refusals(refusals, COUNT(refusals));
}

static void protected_terms_stay(void)
{
	static const struct expansion cases[] = {
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},{\"a\":\"urn:x:a\"}]", "a", "urn:x:a"},
		{"[{\"a\":{\"@id\":\"urn:x:a\",\"@protected\":true}},{\"b\":\"urn:x:b\"}]", "a", "urn:x:a"},
		{"[{\"@protected\":true,\"a\":{\"@id\":\"urn:x:a\",\"@protected\":false}},{\"a\":\"urn:x:b\"}]", "a",
		 "urn:x:b"},
		{"[{\"a\":\"urn:x:a\"},{\"a\":\"urn:x:b\"}]", "a", "urn:x:b"},
	};
	static const struct refusal refusals[] = {
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},{\"a\":\"urn:x:b\"}]", "protected"},
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},{\"a\":null}]", "protected"},
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"@id\"}}]",
		 "protected"},
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},{\"a\":\"urn:x:a\"},{\"a\":\"urn:x:b\"}]", "protected"},
		{"[{\"@protected\":true,\"a\":\"urn:x:a\"},null]", "protected"},
	};

	check_expansions(cases, COUNT(cases));
	check_refusals(refusals, COUNT(refusals));
}

static void the_term_that_fits_a_node_best_is_compacted_to(void)
{
	static const struct expansion cases[] = {
		/* The shortest, then the first in byte order (4.3.2, 3). */
		{"{\"bb\":\"urn:x:a\",\"b\":\"urn:x:a\",\"a\":\"urn:x:a\"}", "a", "urn:x:a"},
		/* For a node, @id before no type; @set before no container (7.2.2, 4.15 and 4.8). */
		{"{\"a\":\"urn:x:a\",\"long\":{\"@id\":\"urn:x:a\",\"@type\":\"@id\"}}", "long", "urn:x:a"},
		{"{\"a\":\"urn:x:a\",\"long\":{\"@id\":\"urn:x:a\",\"@container\":\"@set\"}}", "long", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@container\":\"@list\"},\"long\":\"urn:x:a\"}", "long", "urn:x:a"},
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@language\":\"en\"},\"long\":\"urn:x:a\"}", "long", "urn:x:a"},
		/* 4.4 asks for datatypes in the definitions of properties: they compact all the same. */
		{"{\"a\":{\"@id\":\"urn:x:a\",\"@type\":\"http://www.w3.org/2001/XMLSchema#double\"}}", "a", "urn:x:a"},
		/* A term before a compact IRI, however long; the shortest compact IRI (7.2.2, 7). */
		{"{\"p\":\"https://e.org/\",\"along\":\"https://e.org/a\"}", "along", "https://e.org/a"},
		{"{\"p\":\"https://e.org/\",\"pp\":\"https://e.org/a/\"}", "pp:b", "https://e.org/a/b"},
		{"{\"q\":\"https://e.org/\",\"p\":\"https://e.org/\"}", "p:a", "https://e.org/a"},
		{"{\"p\":{\"@id\":\"https://e.org/\"}}", "https://e.org/a", "https://e.org/a"},
		{"{\"p\":{\"@id\":\"https://e.org/a\",\"@prefix\":true}}", "https://e.org/ab", "https://e.org/ab"},
		{"{\"a\":{\"@reverse\":\"urn:x:a\"}}", "urn:x:a", "urn:x:a"},
		/* No term with a colon is a prefix (4.2.2, 14.2.6): "p::a" would be read as p and ":a". */
		{"{\"p:\":\"https://e.org/\"}", "https://e.org/a", "https://e.org/a"},
		{"{\"p:\":\"https://e.org/\"}", "p:", "https://e.org/"},
	};

	check_compactions(cases, COUNT(cases));
}

static void references_are_relative_to_their_document(void)
{
	static const struct expansion cases[] = {
		{"\"https://e.org/dir/rel.jsonld\"", "other", "urn:x:other"},
		{"\"https://e.org/dir/rel.jsonld\"", "up", "urn:x:up"},
		{"\"https://e.org/dir/rel.jsonld#part\"", "root", "urn:x:root"},
		{"\"https://e.org/moved\"", "other", "urn:x:other"},
		{"\"https://e.org/importing\"", "a", "https://one.org/a"},
		{"\"https://e.org/importing\"", "c", "https://v.org/c"},
		/* What imports wins, also inside what is imported: one object is made of the two (4.1.2, 5.6.7). */
		{"{\"@import\":\"https://e.org/imported\",\"ex\":\"https://two.org/\",\"b\":\"urn:x:b\"}", "a",
		 "https://two.org/a"},
		{"{\"@import\":\"https://e.org/imported\",\"b\":\"urn:x:b\"}", "b", "urn:x:b"},
	};
	static const struct refusal refusals[] = {
		{"\"other.jsonld\"", "absolute"},
		{"\"//e.org/x\"", "absolute"},
		{"\"\"", "absolute"},
		{"\"https://e.org/self\"", "refers to itself"},
		{"{\"@import\":1}", "@import"},
		{"{\"@import\":\"imported\"}", "absolute"},
		{"{\"@import\":\"https://e.org/array\"}", "one object"},
		{"{\"@import\":\"https://e.org/importing\"}", "one object"},
	};

	check_expansions(cases, COUNT(cases));
	check_refusals(refusals, COUNT(refusals));
}

static void bombs_are_bounded(void)
{
	struct context *context = NULL;

	CHECK(build("\"https://e.org/bomb\"", &context) == ERR_LIMIT && !context);
}

static void relative_references_are_resolved_as_rfc_3986_says(void)
{
	/* Section 5.4, "http://a/b/c/d;p?q", without fragments. */
	static const char *const cases[][2] = {
		{"g:h", "g:h"},
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g"},
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q"},
		{"g#s", "http://a/b/c/g"},
		{";x", "http://a/b/c/;x"},
		{"", "http://a/b/c/d;p?q"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str url = STR_NONE;

		CHECK(context_url_resolve(&arena, STR("http://a/b/c/d;p?q"), str_from(cases[i][0]), &url));
		if (!CHECK(str_eq(url, str_from(cases[i][1]))))
			printf("# %s: %.*s\n", cases[i][0], STR_FMT(url));
	}
	struct str url;

	CHECK(!context_url_resolve(&arena, STR_NONE, STR("g"), &url));
	CHECK(!context_url_resolve(&arena, STR("urn:x:y"), STR("g"), &url));
	CHECK(context_url_resolve(&arena, STR("http://a"), STR("g"), &url) && str_eq(url, STR("http://a/g")));
}

static void every_place_of_the_core_is_known(void)
{
	static const char *const good[] = {
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld",
		"http://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.1.jsonld",
		"https://forge.etsi.org/gitlab/NGSI-LD/NGSI-LD/raw/master/coreContext/ngsi-ld-core-context.jsonld",
		"https://forge.etsi.org/gitlab/NGSI-LD/NGSI-LD/raw/master/coreContext/ngsi-ld-core-context.json",
		"https://forge.etsi.org/rep/NGSI-LD/NGSI-LD/-/raw/1.8.1/coreContext/ngsi-ld-core-context-v1.8.jsonld",
		"https://forge.etsi.org/rep/NGSI-LD/NGSI-LD/raw/master/coreContext/ngsi-ld-core-context.jsonld",
	};
	static const char *const bad[] = {
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-test-suite-context.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld/x.jsonld",
		"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-vx.jsonld",
		"https://uri.etsi.org.evil.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
		"ftp://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
		"https://forge.etsi.org/rep/NGSI-LD/NGSI-LD/raw/coreContext/ngsi-ld-core-context.jsonld",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		if (!CHECK(context_url_is_core(str_from(good[i]))))
			printf("# %s\n", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(!context_url_is_core(str_from(bad[i]))))
			printf("# %s\n", bad[i]);
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, 64u << 20);
	if (!CHECK_OK(context_core_new(&core, &err), &err))
		return check_done();
	RUN(prefixes_are_what_json_ld_says);
	RUN(the_users_vocabulary_ends_before_the_core);
	RUN(null_takes_a_meaning_away);
	RUN(keywords_have_other_names_but_none_of_an_attribute);
	RUN(definitions_may_say_all_that_json_ld_knows);
	RUN(protected_terms_stay);
	RUN(the_term_that_fits_a_node_best_is_compacted_to);
	RUN(references_are_relative_to_their_document);
	RUN(bombs_are_bounded);
	RUN(relative_references_are_resolved_as_rfc_3986_says);
	RUN(every_place_of_the_core_is_known);
	core = context_unref(core);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
