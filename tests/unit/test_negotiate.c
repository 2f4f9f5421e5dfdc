/* Accept, Content-Type and Link headers. Expected values: clauses 6.3.4 and 6.3.5 of GS CIM 009 V1.9.1, the rules of
 * RFC 9110 section 12.5.1 and the grammar of RFC 8288 section 3. */
#include "api/negotiate.h"
#include "check.h"

#define ALL (1u << MEDIA_JSON | 1u << MEDIA_LD_JSON | 1u << MEDIA_GEO_JSON)
#define PLAIN (1u << MEDIA_JSON | 1u << MEDIA_LD_JSON)

struct accept_case {
	const char *header;
	unsigned int offered;
	enum media wanted;
};

static void the_first_of_the_standards_list_wins_ties(void)
{
	static const struct accept_case cases[] = {
		{NULL, ALL, MEDIA_JSON},
		{"", ALL, MEDIA_JSON},
		{"*/*", ALL, MEDIA_JSON},
		{"application/*", ALL, MEDIA_JSON},
		{"application/ld+json, application/json", ALL, MEDIA_JSON},
		{"application/geo+json, application/ld+json", ALL, MEDIA_LD_JSON},
		{"application/geo+json", ALL, MEDIA_GEO_JSON},
		{"Application/JSON", ALL, MEDIA_JSON},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(accept_choose(str_from(cases[i].header), cases[i].offered) == cases[i].wanted))
			printf("# %s\n", cases[i].header);
}

static void weights_and_closeness_decide_before_the_list(void)
{
	static const struct accept_case cases[] = {
		{"application/json;q=0.1, application/ld+json;q=0.2", ALL, MEDIA_LD_JSON},
		{"application/json ; q=0 , */*", ALL, MEDIA_LD_JSON}, /* the closest range counts: JSON is not wanted */
		{"application/*;q=0.5, application/geo+json", ALL, MEDIA_GEO_JSON},
		{"*/*;q=0.1, application/ld+json;q=0.05", ALL, MEDIA_JSON},
		{"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", ALL, MEDIA_JSON},
		{"application/ld+json;profile=\"a,b;q=0\"", ALL, MEDIA_LD_JSON}, /* quoted commas separate nothing */
		{"application/ld+json;q=1.5, application/json;q=0.1", ALL, MEDIA_JSON}, /* no weight above 1 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(accept_choose(str_from(cases[i].header), cases[i].offered) == cases[i].wanted))
			printf("# %s\n", cases[i].header);
}

static void what_is_not_offered_is_not_chosen(void)
{
	CHECK(accept_choose(STR("application/geo+json"), PLAIN) == MEDIA_COUNT);
	CHECK(accept_choose(STR("text/html"), ALL) == MEDIA_COUNT);
	CHECK(accept_choose(STR("*/*;q=0"), ALL) == MEDIA_COUNT);
	CHECK(accept_choose(STR("application/json;q=nan"), ALL) == MEDIA_COUNT);
	CHECK(accept_choose(STR("application/geo+json, application/json;q=0.1"), PLAIN) == MEDIA_JSON);
}

static void content_types_are_known_with_parameters_or_without(void)
{
	CHECK(content_type(STR("application/json")) == CONTENT_JSON);
	CHECK(content_type(STR(" application/JSON ; charset=utf-8")) == CONTENT_JSON);
	CHECK(content_type(STR("application/ld+json;profile=\"x;y\"")) == CONTENT_LD_JSON);
	CHECK(content_type(STR("application/merge-patch+json")) == CONTENT_MERGE_PATCH);
	CHECK(content_type(STR("application/jsonp")) == CONTENT_OTHER);
	CHECK(content_type(STR("")) == CONTENT_OTHER);
	CHECK(content_type(STR_NONE) == CONTENT_OTHER);
}

static struct str context_of(const char *header)
{
	struct str url = STR("untouched");

	return link_context(str_from(header), &url) ? url : STR("malformed");
}

static void the_link_to_the_context_is_found_among_others(void)
{
	CHECK_STR(
		context_of("<http://json-ld.org/contexts/person.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\"; "
			   "type=\"application/ld+json\""),
		STR("http://json-ld.org/contexts/person.jsonld"));
	CHECK_STR(context_of("<https://uri.etsi.org/ngsi-ld/profile/1.9>; rel=\"profile\", "
			     "<http://a/b,c>;rel=http://www.w3.org/ns/json-ld#context"),
		  STR("http://a/b,c"));
	CHECK_STR(context_of("<http://a>; title=\"x, <y>; rel=z\"; REL=\"other http://www.w3.org/ns/json-ld#context\""),
		  STR("http://a"));
	CHECK_STR(context_of("<http://a>; rel=\"next\""), STR_NONE);
	CHECK_STR(context_of(""), STR_NONE);
}

static void several_contexts_or_bad_grammar_are_refused(void)
{
	static const char *const bad[] = {
		"http://a; rel=\"http://www.w3.org/ns/json-ld#context\"",
		"<http://a; rel=\"http://www.w3.org/ns/json-ld#context\"",
		"<http://a>; rel=\"" LINK_REL_CONTEXT "\", <http://b>; rel=\"" LINK_REL_CONTEXT "\"",
		"<http://a>; rel=\"next\", oops",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_STR(context_of(bad[i]), STR("malformed"));
}

/* RFC 7240: names in any case, quoted values, parameters, several preferences; 4.3.6.8: major.minor. */
static void the_version_preferred_is_found_and_kept_in_range(void)
{
	CHECK(prefer_version(STR("ngsi-ld=1.5")) == 105);
	CHECK(prefer_version(STR("body=json, NGSI-LD = \"1.3\"; x=y")) == 103);
	CHECK(prefer_version(STR("ngsi-ld=1.9")) == 109);
	CHECK(prefer_version(STR("ngsi-ld=1.10")) == 109 && prefer_version(STR("ngsi-ld=2.0")) == 109);
	CHECK(prefer_version(STR("ngsi-ld=0.9")) == 100 && prefer_version(STR("ngsi-ld=1.0")) == 100);
	CHECK(prefer_version(STR("ngsi-ld=99999999999999999999.1")) == 0);
	CHECK(prefer_version(STR("ngsi-ld")) == 0 && prefer_version(STR("ngsi-ld=1")) == 0);
	CHECK(prefer_version(STR("ngsi-ld=1.x")) == 0 && prefer_version(STR("ngsi-ld=-1.2")) == 0);
	CHECK(prefer_version(STR("body=json")) == 0 && prefer_version(STR_NONE) == 0 && prefer_version(STR("")) == 0);
}

int main(void)
{
	RUN(the_version_preferred_is_found_and_kept_in_range);
	RUN(the_first_of_the_standards_list_wins_ties);
	RUN(weights_and_closeness_decide_before_the_list);
	RUN(what_is_not_offered_is_not_chosen);
	RUN(content_types_are_known_with_parameters_or_without);
	RUN(the_link_to_the_context_is_found_among_others);
	RUN(several_contexts_or_bad_grammar_are_refused);
	return check_done();
}
