/* Entities for clients of earlier versions: each row of tables 4.3.6.8-1 to 4.3.6.8-3 of GS CIM 009 V1.9.1 is tried at
 * the version that introduced it and at the one before. Method: an entity that has everything is expanded, represented
 * for each version and held against what the tables say by hand. */
#include "ngsild_bench.h"

static const char everything[] =
	"{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"], \"scope\": \"/s\", \"expiresAt\": \"2999-01-01T00:00:00Z\","
	"\"p\": [{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"CEL\", \"observedAt\": "
	"\"2020-01-01T00:00:00Z\","
	" \"valueType\": \"xsd:int\", \"expiresAt\": \"2999-01-01T00:00:00Z\","
	" \"sub\": {\"type\": \"JsonProperty\", \"json\": {\"a\": [1]}}},"
	" {\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:1\"}],"
	"\"greeting\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"x\"}},"
	"\"colours\": {\"type\": \"VocabProperty\", \"vocab\": [\"red\", \"blue\"]},"
	"\"items\": {\"type\": \"ListProperty\", \"valueList\": [1, \"b\"]},"
	"\"rel\": {\"type\": \"Relationship\", \"object\": \"urn:y:1\", \"objectType\": \"Y\"},"
	"\"rels\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:y:1\"}, {\"object\": "
	"\"urn:y:2\"}]}}";

#define FALLEN_LISTS                                                                                                   \
	"\"colours\": {\"type\": \"Property\", \"value\": [\"red\", \"blue\"]},"                                       \
	"\"items\": {\"type\": \"Property\", \"value\": [1, \"b\"]},"                                                  \
	"\"rel\": {\"type\": \"Relationship\", \"object\": \"urn:y:1\"},"                                              \
	"\"rels\": {\"type\": \"Relationship\", \"object\": [\"urn:y:1\", \"urn:y:2\"]}}"
#define FALLEN_SUB "\"sub\": {\"type\": \"Property\", \"value\": {\"a\": [1]}}"
#define LANGUAGES "\"greeting\": {\"type\": \"LanguageProperty\", \"languageMap\": {\"en\": \"x\"}},"
#define FALLEN_LANGUAGES "\"greeting\": {\"type\": \"Property\", \"value\": {\"en\": \"x\"}},"

static const char version_1_8[] =
	"{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"], \"scope\": \"/s\","
	"\"p\": [{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"CEL\", \"observedAt\": "
	"\"2020-01-01T00:00:00Z\","
	" \"sub\": {\"type\": \"JsonProperty\", \"json\": {\"a\": [1]}}},"
	" {\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:1\"}]," LANGUAGES
	"\"colours\": {\"type\": \"VocabProperty\", \"vocab\": [\"red\", \"blue\"]},"
	"\"items\": {\"type\": \"ListProperty\", \"valueList\": [1, \"b\"]},"
	"\"rel\": {\"type\": \"Relationship\", \"object\": \"urn:y:1\", \"objectType\": \"Y\"},"
	"\"rels\": {\"type\": \"ListRelationship\", \"objectList\": [{\"object\": \"urn:y:1\"}, {\"object\": "
	"\"urn:y:2\"}]}}";

static const char version_1_4[] =
	"{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"], \"scope\": \"/s\","
	"\"p\": [{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"CEL\", \"observedAt\": "
	"\"2020-01-01T00:00:00Z\"," FALLEN_SUB
	"}, {\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:1\"}]," LANGUAGES FALLEN_LISTS;

static const char version_1_3[] =
	"{\"id\": \"urn:x:1\", \"type\": [\"A\", \"B\"],"
	"\"p\": [{\"type\": \"Property\", \"value\": 1, \"unitCode\": \"CEL\", \"observedAt\": "
	"\"2020-01-01T00:00:00Z\"," FALLEN_SUB
	"}, {\"type\": \"Property\", \"value\": 2, \"datasetId\": \"urn:d:1\"}]," FALLEN_LANGUAGES FALLEN_LISTS;

static const char version_1_0[] =
	"{\"id\": \"urn:x:1\", \"type\": \"A\", \"p\": {\"type\": \"Property\", \"value\": 1," FALLEN_SUB
	"}," FALLEN_LANGUAGES FALLEN_LISTS;

static struct str at_version(const char *text, unsigned int version)
{
	const struct represent_options options = {.context = core, .version = version, .sys_attrs = false};

	return represented(expanded(text, core), &options);
}

static void each_version_gets_what_it_knows(void)
{
	CHECK_JSON(at_version(everything, 108), version_1_8);
	CHECK_JSON(at_version(everything, 107), version_1_4);
	CHECK_JSON(at_version(everything, 104), version_1_4);
	CHECK_JSON(at_version(everything, 103), version_1_3);
	CHECK_JSON(at_version(everything, 102), version_1_0);
	CHECK_JSON(at_version(everything, 100), version_1_0);
}

static void the_newest_version_is_the_entity_itself(void)
{
	CHECK_STR(at_version(everything, 109), at_version(everything, 0));
}

/* Not even with sysAttrs, which show it to clients of 1.9. */
static void expiry_is_unknown_before_1_9(void)
{
	struct represent_options options = {.context = core, .version = 108, .sys_attrs = true};
	const struct json *entity = expanded(everything, core);

	CHECK(!str_contains(represented(entity, &options), STR("expiresAt")));
	CHECK(str_contains(represented(entity, &options), STR("createdAt")));
	options.version = 109;
	CHECK(str_contains(represented(entity, &options), STR("expiresAt")));
}

static void other_representations_follow(void)
{
	struct represent_options options = {.context = core, .version = 103, .format = REPRESENT_SIMPLIFIED};

	CHECK_JSON(
		represented(expanded("{\"id\": \"urn:x:1\", \"type\": \"A\","
				     "\"greeting\": {\"languageMap\": {\"en\": \"x\"}}, \"v\": {\"vocab\": \"red\"}}",
				     core),
			    &options),
		"{\"id\": \"urn:x:1\", \"type\": \"A\", \"greeting\": {\"en\": \"x\"}, \"v\": \"red\"}");
}

int main(void)
{
	bench_open();
	RUN(each_version_gets_what_it_knows);
	RUN(the_newest_version_is_the_entity_itself);
	RUN(expiry_is_unknown_before_1_9);
	RUN(other_representations_follow);
	bench_close();
	return check_done();
}
