/* @contexts: terms to IRIs and back, after GS CIM 009 V1.9.1 clauses 4.4 and 5.5.7 and JSON-LD 1.1.
 *
 * Goal: the core has precedence, the default vocabulary catches the rest, prefixes work in both directions, and what
 * is compacted expands to the same IRI again. Expected IRIs are read off the core @context file and the clauses. */
#include "check.h"
#include "ngsild/context.h"
#include "ngsild/document.h"

#include <string.h>

#define NGSILD "https://uri.etsi.org/ngsi-ld/"

static struct json_parser *parser;
static struct arena arena;
static struct context *core;
static struct error err;

struct page { /* a remote document */
	const char *url, *body;
	const char *base; /* where it was found, when elsewhere */
};

static enum err_code fetch_page(void *self, struct str url, struct context_document *ret_document, struct error *error)
{
	for (const struct page *page = self; page->url; page++) {
		if (!str_eq(url, str_from(page->url)))
			continue;
		*ret_document = (struct context_document){str_from(page->body), str_from(page->base)};
		return ERR_OK;
	}
	return err_set(error, ERR_CONTEXT, "no such page");
}

static enum err_code build(const char *text, const struct page *pages, struct context **ret)
{
	union {
		const struct page *from;
		void *to;
	} self = {.from = pages};
	struct context_resolver resolver = {fetch_page, self.to};
	struct json *value;

	err = (struct error){0};
	if (!CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &value, &err), &err))
		return ERR_INTERNAL;
	return context_new(core, value, pages ? &resolver : NULL, ret, &err);
}

static struct context *built(const char *text)
{
	struct context *context = NULL;

	CHECK_OK(build(text, NULL, &context), &err);
	return context;
}

static struct str expanded(const struct context *context, const char *name)
{
	struct str iri = STR_NONE;

	if (context)
		CHECK_OK(context_expand(context, &arena, str_from(name), &iri, &err), &err);
	return iri;
}

static struct str compacted(const struct context *context, const char *iri)
{
	return context ? context_compact(context, &arena, str_from(iri)) : STR_NONE;
}

static void refused(const char *text, const struct page *pages, enum err_code code, const char *said)
{
	struct context *context = NULL;

	if (!CHECK(build(text, pages, &context) == code) || !CHECK(str_contains(str_from(err.detail), str_from(said))))
		printf("# %s: %s: %s\n", text, err_name(err.code), err.detail);
	CHECK(context == NULL);
}

static void core_terms_expand_by_the_core_context(void)
{
	CHECK_STR(expanded(core, "location"), STR(NGSILD "location"));
	CHECK_STR(expanded(core, "description"), STR("http://purl.org/dc/terms/description"));
	CHECK_STR(expanded(core, "title"), STR("http://purl.org/dc/terms/title"));
	CHECK_STR(expanded(core, "value"), STR(NGSILD "hasValue"));
	CHECK_STR(expanded(core, "Point"), STR("https://purl.org/geojson/vocab#Point"));
	CHECK_STR(expanded(core, "Property"), STR(NGSILD "Property"));
	CHECK_STR(compacted(core, NGSILD "location"), STR("location"));
	CHECK_STR(compacted(core, "http://purl.org/dc/terms/title"), STR("title"));
	CHECK_STR(compacted(core, NGSILD "hasObject"), STR("object"));
	CHECK_STR(context_term_type(core, STR("observedAt")), STR(NGSILD "DateTime"));
	CHECK_STR(context_term_type(core, STR("object")), STR("@id"));
	CHECK_STR(context_term_type(core, STR("vocab")), STR("@vocab"));
	CHECK(context_term_type(core, STR("location")).at == NULL);
	CHECK(context_term_type(core, STR("nothing")).at == NULL);
}

static void unknown_names_get_the_default_vocabulary(void)
{
	CHECK_STR(expanded(core, "speed"), STR(NGSILD "default-context/speed"));
	CHECK_STR(expanded(core, "Vehicle"), STR(NGSILD "default-context/Vehicle"));
	CHECK_STR(expanded(core, "ល្បឿន"), STR(NGSILD "default-context/ល្បឿន"));
	CHECK_STR(compacted(core, NGSILD "default-context/speed"), STR("speed"));
	CHECK_STR(compacted(core, NGSILD "default-context/"), STR("ngsi-ld:default-context/"));
}

static void iris_stay_and_prefixes_of_the_core_are_known(void)
{
	CHECK_STR(expanded(core, "https://example.org/speed"), STR("https://example.org/speed"));
	CHECK_STR(expanded(core, "urn:example:speed"), STR("urn:example:speed"));
	CHECK_STR(expanded(core, "ngsi-ld:foo"), STR(NGSILD "foo"));
	CHECK_STR(expanded(core, "geojson:Point"), STR("https://purl.org/geojson/vocab#Point"));
	/* "location" is a term but no prefix: its IRI ends in no separator (JSON-LD 1.1, 4.4). */
	CHECK_STR(expanded(core, "location:x"), STR("location:x"));
	CHECK_STR(compacted(core, "https://example.org/speed"), STR("https://example.org/speed"));
	CHECK_STR(compacted(core, NGSILD "foo"), STR("ngsi-ld:foo"));
}

static void keywords_and_empty_names_are_refused(void)
{
	static const char *const names[] = {"", "@id", "@type", "@context", "id", "type"};
	struct str iri;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(context_expand(core, &arena, str_from(names[i]), &iri, &err) == ERR_INVALID);
}

static void user_terms_expand_and_compact(void)
{
	struct context *context =
		built("{\"Vehicle\":\"https://example.org/v/Vehicle\",\"ex\":\"https://example.org/p#\","
		      "\"speed\":{\"@id\":\"ex:speed\",\"@type\":\"xsd:double\"},\"isParked\":{\"@id\":\"ex:isParked\","
		      "\"@type\":\"@id\"},\"xsd\":\"http://www.w3.org/2001/XMLSchema#\"}");

	CHECK_STR(expanded(context, "Vehicle"), STR("https://example.org/v/Vehicle"));
	CHECK_STR(expanded(context, "speed"), STR("https://example.org/p#speed"));
	CHECK_STR(expanded(context, "ex:colour"), STR("https://example.org/p#colour"));
	CHECK_STR(expanded(context, "brand"), STR(NGSILD "default-context/brand"));
	CHECK_STR(expanded(context, "location"), STR(NGSILD "location"));
	CHECK_STR(compacted(context, "https://example.org/p#speed"), STR("speed"));
	CHECK_STR(compacted(context, "https://example.org/p#colour"), STR("ex:colour"));
	CHECK_STR(compacted(context, NGSILD "location"), STR("location"));
	CHECK_STR(context_term_type(context, STR("speed")), STR("http://www.w3.org/2001/XMLSchema#double"));
	CHECK_STR(context_term_type(context, STR("isParked")), STR("@id"));
	CHECK_STR(context_term_type(context, STR("observedAt")), STR(NGSILD "DateTime"));
	(void)context_unref(context);
}

static void the_core_has_absolute_precedence(void)
{
	struct context *context = built("{\"location\":\"https://example.org/location\",\"title\":null,"
					"\"ngsi-ld\":\"https://evil.example/\",\"@vocab\":\"https://example.org/v/\"}");

	CHECK_STR(expanded(context, "location"), STR(NGSILD "location"));
	CHECK_STR(expanded(context, "title"), STR("http://purl.org/dc/terms/title"));
	CHECK_STR(expanded(context, "ngsi-ld:x"), STR(NGSILD "x"));
	CHECK_STR(expanded(context, "speed"), STR(NGSILD "default-context/speed"));
	CHECK_STR(compacted(context, "https://example.org/location"), STR("https://example.org/location"));
	(void)context_unref(context);
}

static void a_users_vocabulary_serves_terms_without_an_id(void)
{
	struct context *context = built("[{\"@vocab\":\"https://example.org/v/\",\"speed\":{\"@type\":\"@id\"},"
					"\"flow\":\"rate\"},{\"mass\":\"mass\"},{\"@vocab\":null,\"heat\":{}}]");

	CHECK_STR(expanded(context, "speed"), STR("https://example.org/v/speed"));
	CHECK_STR(expanded(context, "flow"), STR("https://example.org/v/rate"));
	CHECK_STR(expanded(context, "mass"), STR("https://example.org/v/mass"));
	CHECK_STR(expanded(context, "heat"), STR(NGSILD "default-context/heat"));
	(void)context_unref(context);
}

static void a_term_that_shadows_a_default_name_is_not_used_for_it(void)
{
	struct context *context = built("{\"speed\":\"https://example.org/speed\",\"a\":\"https://example.org/a/\"}");

	/* "speed" now means another IRI, so the default one must not come out as "speed". */
	CHECK_STR(compacted(context, NGSILD "default-context/speed"), STR("ngsi-ld:default-context/speed"));
	CHECK_STR(compacted(context, NGSILD "default-context/a:b"), STR("ngsi-ld:default-context/a:b"));
	(void)context_unref(context);
}

static void the_shortest_name_is_chosen(void)
{
	struct context *context =
		built("{\"velocity\":\"https://e.org/speed\",\"speed\":\"https://e.org/speed\",\"sbeed\":"
		      "\"https://e.org/speed\",\"long\":\"https://e.org/\",\"e\":\"https://e.org/\","
		      "\"deep\":\"https://e.org/a/b/\"}");

	CHECK_STR(compacted(context, "https://e.org/speed"), STR("sbeed"));
	CHECK_STR(compacted(context, "https://e.org/mass"), STR("e:mass"));
	CHECK_STR(compacted(context, "https://e.org/a/b/c"), STR("deep:c"));
	(void)context_unref(context);
}

static void what_is_compacted_expands_to_the_same_again(void)
{
	static const char *const iris[] = {NGSILD "location",
					   NGSILD "default-context/speed",
					   NGSILD "default-context/location",
					   NGSILD "default-context/id",
					   NGSILD "default-context/@x",
					   NGSILD "default-context/a:b",
					   NGSILD "default-context/e:b",
					   NGSILD "default-context/1:b",
					   NGSILD "default-context/_:b",
					   NGSILD "default-context/a//b",
					   NGSILD,
					   "https://e.org/a#b",
					   "https://e.org/",
					   "https://e.org//x",
					   "https://e.org/a:b",
					   "urn:x:y",
					   "geo:1,2",
					   "_:b0"};
	struct context *context = built("{\"e\":\"https://e.org/\",\"geo\":\"https://geo.org/\",\"t\":\"e:a#b\"}");

	for (size_t i = 0; context && i < sizeof(iris) / sizeof(iris[0]); i++) {
		struct str name = compacted(context, iris[i]), iri = STR_NONE;

		/* "geo:1,2" is an IRI that this context reads as a compact one: the one case that cannot be told
		 * apart (JSON-LD 1.1, 5.3, calls it an error or leaves it). */
		if (strcmp(iris[i], "geo:1,2") == 0)
			continue;
		CHECK(context_expand(context, &arena, name, &iri, &err) == ERR_OK);
		CHECK_STR(iri, str_from(iris[i]));
	}
	(void)context_unref(context);
}

static void arrays_and_remote_parts_are_read_in_order(void)
{
	static const struct page pages[] = {
		{"https://e.org/one.jsonld", "{\"@context\":{\"a\":\"https://one.org/a\",\"b\":\"https://one.org/b\"}}",
		 NULL},
		{"https://e.org/two.jsonld",
		 "{\"@context\":[\"https://e.org/one.jsonld\",{\"b\":\"https://two.org/b\"}]}", NULL},
		{"https://e.org/three", "{\"@context\":{\"@import\":\"https://e.org/one.jsonld\",\"a\":\"urn:x:a\"}}",
		 NULL},
		{NULL, NULL, NULL}};
	struct context *context = NULL;

	if (CHECK_OK(build("[\"https://e.org/two.jsonld\",{\"c\":\"https://in.org/c\"},\"" NGSILD_CORE_CONTEXT_URL
			   "\"]",
			   pages, &context),
		     &err)) {
		CHECK_STR(expanded(context, "a"), STR("https://one.org/a"));
		CHECK_STR(expanded(context, "b"), STR("https://two.org/b"));
		CHECK_STR(expanded(context, "c"), STR("https://in.org/c"));
		context = context_unref(context);
	}
	if (CHECK_OK(build("\"https://e.org/three\"", pages, &context), &err)) {
		CHECK_STR(expanded(context, "a"), STR("urn:x:a"));
		CHECK_STR(expanded(context, "b"), STR("https://one.org/b"));
		context = context_unref(context);
	}
	if (CHECK_OK(build("[\"https://e.org/one.jsonld\",null,{\"c\":\"https://in.org/c\"}]", pages, &context),
		     &err)) {
		CHECK_STR(expanded(context, "a"), STR(NGSILD "default-context/a"));
		CHECK_STR(expanded(context, "c"), STR("https://in.org/c"));
		context = context_unref(context);
	}
	refused("\"https://e.org/none\"", pages, ERR_CONTEXT, "https://e.org/none");
	refused("\"https://e.org/one.jsonld\"", NULL, ERR_CONTEXT, "one.jsonld");
}

static void broken_contexts_are_refused_by_name(void)
{
	static const struct page pages[] = {{"https://e.org/loop", "{\"@context\":\"https://e.org/pool\"}", NULL},
					    {"https://e.org/pool", "{\"@context\":[\"https://e.org/loop\"]}", NULL},
					    {"https://e.org/html", "<html>", NULL},
					    {"https://e.org/bare", "{\"a\":\"b\"}", NULL},
					    {NULL, NULL, NULL}};

	refused("1", NULL, ERR_INVALID, "must be a URL");
	refused("[[{}]]", NULL, ERR_INVALID, "element 0");
	refused("{\"a\":1}", NULL, ERR_INVALID, "\"a\"");
	refused("{\"a\":[\"b\"]}", NULL, ERR_INVALID, "\"a\"");
	refused("{\"a\":{\"@id\":1}}", NULL, ERR_INVALID, "@id");
	refused("{\"a\":{\"@id\":\"urn:a:a\",\"@type\":[]}}", NULL, ERR_INVALID, "@type");
	refused("{\"a\":{\"@id\":\"urn:a:a\",\"@context\":{}}}", NULL, ERR_INVALID, "scoped");
	refused("{\"a\":\"b:x\",\"b\":\"a:y\"}", NULL, ERR_INVALID, "defined by itself");
	refused("{\"\":\"urn:a:a\"}", NULL, ERR_INVALID, "empty term");
	refused("{\"a\":\"\"}", NULL, ERR_INVALID, "empty");
	refused("{\"@vocab\":1}", NULL, ERR_INVALID, "@vocab");
	refused("{\"@context\":{}}", NULL, ERR_INVALID, "within");
	refused("\"context.jsonld\"", NULL, ERR_INVALID, "absolute");
	refused("\"https://e.org/loop\"", pages, ERR_INVALID, "refers to itself");
	refused("\"https://e.org/html\"", pages, ERR_INVALID, "https://e.org/html");
	refused("\"https://e.org/bare\"", pages, ERR_INVALID, "no \"@context\"");
}

static void sizes_are_bounded(void)
{
	static char text[1 << 20];
	size_t at = 0;

	for (int i = 0; i <= CONTEXT_TERMS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%c\"t%d\":\"urn:x:%d\"", i ? ',' : '{', i, i);
	(void)snprintf(text + at, sizeof(text) - at, "}");
	refused(text, NULL, ERR_LIMIT, "terms");
	at = 0;
	for (int i = 0; i <= CONTEXT_PARTS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%c{}", i ? ',' : '[');
	(void)snprintf(text + at, sizeof(text) - at, "]");
	refused(text, NULL, ERR_LIMIT, "parts");
	/* A chain of prefixes, each defined by the next. */
	at = 0;
	for (int i = 0; i < 1000; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%c\"p%d\":\"p%d:/\"", i ? ',' : '{', i, i + 1);
	(void)snprintf(text + at, sizeof(text) - at, "}");
	refused(text, NULL, ERR_LIMIT, "depend");
}

static void core_context_urls_are_recognised(void)
{
	CHECK(context_url_is_core(STR(NGSILD_CORE_CONTEXT_URL)));
	CHECK(context_url_is_core(STR("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld")));
	CHECK(context_url_is_core(STR("http://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.jsonld")));
	CHECK(!context_url_is_core(STR("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-test-suite-context.jsonld")));
	CHECK(!context_url_is_core(STR("https://example.org/ngsi-ld-core-context.jsonld")));
	CHECK(!context_url_is_core(STR("https")) && !context_url_is_core(STR_NONE));
	/* Known without a resolver. */
	struct context *context = built("\"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld\"");

	CHECK_STR(expanded(context, "location"), STR(NGSILD "location"));
	(void)context_unref(context);
}

static void documents_tell_attributes_from_core_members(void)
{
	struct json *entity;

	CHECK(document_is_attribute(STR("https://e.org/speed")) && document_is_attribute(STR(NGSILD "location")));
	CHECK(!document_is_attribute(STR("createdAt")) && !document_is_attribute(STR_NONE));
	if (!CHECK_OK(json_parse(parser, &arena,
				 STR("{\"id\":\"urn:x:1\",\"type\":[\"urn:t:a\",\"urn:t:b\"],\"createdAt\":5,"
				     "\"urn:a:speed\":[{\"type\":\"Property\",\"value\":3,\"createdAt\":5,"
				     "\"modifiedAt\":7},{\"type\":\"Property\",\"value\":4,\"datasetId\":\"urn:d:1\"}],"
				     "\"urn:a:in\":[{\"type\":\"Relationship\",\"object\":\"urn:x:2\"}]}"),
				 NULL, &entity, &err),
		      &err))
		return;
	CHECK_STR(document_id(entity), STR("urn:x:1"));
	CHECK(document_has_type(entity, STR("urn:t:b")) && !document_has_type(entity, STR("urn:t:c")));
	CHECK(document_created_us(entity) == 5 && document_modified_us(entity) == 5);
	struct json *first = document_instance(entity, STR("urn:a:speed"), STR_NONE);

	CHECK(first && document_modified_us(first) == 7 && document_value(first)->number == 3);
	CHECK(document_value(document_instance(entity, STR("urn:a:speed"), STR("urn:d:1")))->number == 4);
	CHECK(document_instance(entity, STR("urn:a:speed"), STR("urn:d:2")) == NULL);
	CHECK_STR(json_text(document_value(document_instance(entity, STR("urn:a:in"), STR_NONE))), STR("urn:x:2"));
	CHECK(document_value(NULL) == NULL);
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, 64u << 20);
	if (!CHECK_OK(context_core_new(&core, &err), &err))
		return check_done();
	RUN(core_terms_expand_by_the_core_context);
	RUN(unknown_names_get_the_default_vocabulary);
	RUN(iris_stay_and_prefixes_of_the_core_are_known);
	RUN(keywords_and_empty_names_are_refused);
	RUN(user_terms_expand_and_compact);
	RUN(the_core_has_absolute_precedence);
	RUN(a_users_vocabulary_serves_terms_without_an_id);
	RUN(a_term_that_shadows_a_default_name_is_not_used_for_it);
	RUN(the_shortest_name_is_chosen);
	RUN(what_is_compacted_expands_to_the_same_again);
	RUN(arrays_and_remote_parts_are_read_in_order);
	RUN(broken_contexts_are_refused_by_name);
	RUN(sizes_are_bounded);
	RUN(core_context_urls_are_recognised);
	RUN(documents_tell_attributes_from_core_members);
	core = context_unref(core);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
