/* The language filter against GS CIM 009 V1.9.1 clause 4.15 and its examples, RFC 4647's examples of lookup (section
 * 3.4), RFC 9110's rules on weights and "*" (12.4.2, 12.5.4), and annex C.2.2's prints with lang=fr. */
#include "ngsild/language.h"
#include "ngsild_bench.h"

static struct language_filter *filter_of(const char *text)
{
	struct language_filter *filter = NULL;

	if (!CHECK_OK(language_filter_new(&arena, str_from(text), &filter, &err), &err))
		printf("# in %s\n", text);
	return filter;
}

/* Which of the languages (separated by spaces) the filter takes. */
static bool takes(const char *filter, const char *languages, const char *expected)
{
	struct str tag, rest = str_from(languages);
	struct json map = json_object();

	while (str_next(&rest, ' ', &tag))
		json_add(&arena, &map, tag, json_string(STR("text")));
	const struct json_member *member = language_choose(filter_of(filter), &map);
	bool good = CHECK(member != NULL) && str_eq(member->key, str_from(expected));

	if (!good && member)
		printf("# %s of %s: %.*s\n", filter, languages, STR_FMT(member->key));
	return good;
}

static void the_clauses_examples_choose_as_they_say(void)
{
	CHECK(takes("en", "fr en de", "en") && takes("\"en\"", "fr en de", "en"));
	CHECK(takes("fr-CH,fr", "de fr", "fr") && takes("fr-CH,fr", "fr-CH de", "fr-CH"));
	CHECK(takes("*", "de fr", "de") && takes("*", "de @none", "@none"));
	CHECK(takes("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "de en fr", "fr"));
	CHECK(takes("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "de en it", "en"));
	CHECK(takes("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "de it", "de"));
}

static void weights_decide_before_the_order_of_the_list(void)
{
	CHECK(takes("en;q=0.2,fr;q=0.21", "en fr", "fr") && takes("en;q=0.9,fr", "en fr", "fr"));
	CHECK(takes("en;q=0.500, fr;q=0.5", "fr en", "en")); /* equal: as sent */
	CHECK(takes("EN ; Q=1.000", "fr en", "en"));
	CHECK(takes("fr;q=0.1,*;q=0.8", "fr de", "de")); /* "*" is what no other range names */
	CHECK(takes("fr;q=0.1,*;q=0.8", "fr", "fr"));
	CHECK(takes("*,de;q=0", "de en", "en") && takes("de;q=0", "de-AT en", "en") && takes("de;q=0", "de", "de"));
}

static void subtags_are_cut_from_the_end(void)
{
	/* RFC 4647, 3.4: it falls back to zh-Hant-CN-x-private1, zh-Hant-CN, zh-Hant, zh. */
	static const char range[] = "zh-Hant-CN-x-private1-private2";

	CHECK(takes(range, "zh zh-Hant zh-Hant-CN zh-Hant-CN-x-private1", "zh-Hant-CN-x-private1"));
	CHECK(takes(range, "zh zh-Hant zh-Hant-CN", "zh-Hant-CN") && takes(range, "zh zh-Hant", "zh-Hant"));
	CHECK(takes(range, "en zh", "zh") && takes(range, "en zh-Hant-CN-x", "en"));
	CHECK(takes("fr-FR,en", "en fr", "fr")); /* a range is exhausted before the next one is looked at */
	CHECK(takes("de-ch", "fr de-CH de", "de-CH")); /* without regard to case */
}

static void a_range_takes_the_tags_that_it_begins(void)
{
	/* RFC 3282 by RFC 3066, 2.5; RFC 4647, 3.3.1. */
	CHECK(takes("en", "fr en-GB en-US", "en-GB") && takes("en", "fr eng", "fr") && takes("en-G", "fr en-GB", "fr"));
}

static void without_a_match_the_default_is_taken_if_any(void)
{
	CHECK(takes("it", "fr @none de", "@none") && takes("it", "fr de", "fr"));
	CHECK(language_choose(filter_of("it"), parse("{}")) == NULL && language_choose(filter_of("it"), NULL) == NULL);
}

static void broken_filters_are_refused_by_name(void)
{
	static const char *const texts[] = {
		"",       "en,", "en;q",     "en;q=", "en;q=1.1",  "en;q=2", "en;q=0.1234", "1en",       "en-",
		"en--GB", "e n", "en;q=0,5", "*-CH",  "abcdefghi", "en;x",   "en;q=1;",     "@none;q=1", "en;q=-0.1"};
	struct language_filter *filter = NULL;
	struct str many = STR("en");

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!CHECK(language_filter_new(&arena, str_from(texts[i]), &filter, &err) == ERR_INVALID) ||
		    !CHECK(str_starts(str_from(err.detail), STR("lang: "))))
			printf("# accepted: \"%s\"\n", texts[i]);
	for (int i = 1; i <= LANGUAGE_RANGES_MAX; i++)
		many = arena_concat(&arena, many, STR(",en"));
	CHECK(language_filter_new(&arena, many, &filter, &err) == ERR_TOO_COMPLEX && !filter);
}

static void annex_c_comes_out_in_french(void)
{
	const struct json *vehicle = expanded(VEHICLE_NORMALIZED, annex);
	struct represent_options options = {.context = annex, .language = filter_of("fr")};
	struct json *normal = parse(VEHICLE_NORMALIZED), *concise = parse(VEHICLE_CONCISE),
		    *simple = parse(VEHICLE_SIMPLIFIED);
	struct buf out;

	json_set(&arena, normal, STR("street"),
		 *parse("{\"type\": \"Property\", \"value\": \"Grand Place\", \"lang\": \"fr\"}"));
	json_set(&arena, concise, STR("street"), *parse("{\"value\": \"Grand Place\", \"lang\": \"fr\"}"));
	json_set(&arena, simple, STR("street"), *parse("\"Grand Place\""));
	const struct json *const expected[] = {normal, concise, simple};

	for (int i = 0; i < 3; i++) {
		options.format = (enum represent_format)i;
		buf_init(&out, 1 << 16);
		json_write(&out, expected[i]);
		CHECK_JSON(represented(vehicle, &options), arena_dup(&arena, buf_str(&out)).at);
		buf_done(&out);
	}
}

static void the_rest_of_a_language_property_stays(void)
{
	const struct json *entity = expanded(
		"{\"id\": \"urn:x:1\", \"type\": \"T\", \"says\": [{\"languageMap\": {\"en\": [\"yes\", \"aye\"],"
		" \"fr\": \"oui\"}, \"observedAt\": \"2020-01-01T00:00:00Z\", \"by\": {\"languageMap\":"
		" {\"en\": \"man\", \"fr\": \"homme\"}}}, {\"languageMap\": {\"de\": \"ja\"},"
		" \"datasetId\": \"urn:d:1\"}]}",
		core);
	struct represent_options options = {.context = core, .language = filter_of("en")};

	CHECK_JSON(
		represented(entity, &options),
		"{\"id\": \"urn:x:1\", \"type\": \"T\", \"says\": [{\"type\": \"Property\", \"value\": [\"yes\", "
		"\"aye\"],"
		" \"lang\": \"en\", \"observedAt\": \"2020-01-01T00:00:00Z\", \"by\": {\"type\": \"Property\","
		" \"value\": \"man\", \"lang\": \"en\"}}, {\"type\": \"Property\", \"value\": \"ja\", \"lang\": \"de\","
		" \"datasetId\": \"urn:d:1\"}]}");
	options.format = REPRESENT_SIMPLIFIED;
	CHECK_JSON(represented(entity, &options),
		   "{\"id\": \"urn:x:1\", \"type\": \"T\", \"says\": {\"dataset\": {\"@none\": [\"yes\", \"aye\"],"
		   " \"urn:d:1\": \"ja\"}}}");
	options.format = REPRESENT_GEOJSON;
	options.properties_format = REPRESENT_CONCISE;
	options.geometry_property = STR("https://uri.etsi.org/ngsi-ld/location");
	CHECK(str_contains(represented(entity, &options), STR("\"by\":{\"value\":\"man\",\"lang\":\"en\"}")));
}

int main(void)
{
	bench_open();
	RUN(the_clauses_examples_choose_as_they_say);
	RUN(weights_decide_before_the_order_of_the_list);
	RUN(subtags_are_cut_from_the_end);
	RUN(a_range_takes_the_tags_that_it_begins);
	RUN(without_a_match_the_default_is_taken_if_any);
	RUN(broken_filters_are_refused_by_name);
	RUN(annex_c_comes_out_in_french);
	RUN(the_rest_of_a_language_property_stays);
	bench_close();
	return check_done();
}
