/* What the tests of expansion, representation and merging share: one arena, one parser, contexts, and the standard's
 * own examples (GS CIM 009 V1.9.1 annex C) as texts. */
#ifndef MACHI_TESTS_NGSILD_BENCH_H
#define MACHI_TESTS_NGSILD_BENCH_H

#include "check.h"
#include "ngsild/expand.h"
#include "ngsild/represent.h"
#include "json/json.h"

#include <string.h>

#define NOW_US INT64_C(1800000000000000) /* 2027-01-15T08:00:00Z */

static struct arena arena;
static struct json_parser *parser;
static struct context *core, *annex; /* the core alone; with the user context of annex C */
static struct error err;

/* C.2.4, without the core's own terms. */
#define ANNEX_CONTEXT                                                                                                  \
	"{\"Vehicle\": \"http://example.org/vehicle/Vehicle\", \"street\": \"http://example.org/vehicle/street\","     \
	"\"brandName\": \"http://example.org/vehicle/brandName\","                                                     \
	"\"category\": \"http://example.org/vehicle/category\","                                                       \
	"\"tyreTreadDepths\": \"http://example.org/vehicle/tyreTreadDepths\","                                         \
	"\"passengers\": \"http://example.org/vehicle/passengers\", \"speed\": \"http://example.org/vehicle/speed\","  \
	"\"isParked\": {\"@type\": \"@id\", \"@id\": \"http://example.org/common/isParked\"},"                         \
	"\"OffStreetParking\": \"http://example.org/parking/OffStreetParking\","                                       \
	"\"availableSpotNumber\": \"http://example.org/parking/availableSpotNumber\","                                 \
	"\"totalSpotNumber\": \"http://example.org/parking/totalSpotNumber\","                                         \
	"\"reliability\": \"http://example.org/common/reliability\","                                                  \
	"\"providedBy\": {\"@type\": \"@id\", \"@id\": \"http://example.org/common/providedBy\"},"                     \
	"\"name\": \"http://example.org/common/name\", \"source\": \"http://example.org/hasSource\","                  \
	"\"commercial\": \"http://example.org/vehicle/commercial\","                                                   \
	"\"non-commercial\": \"http://example.org/vehicle/non-commercial\","                                           \
	"\"Integer\": \"http://www.w3.org/2001/XMLSchema#Integer\"}"

/* C.2.2, normalized, concise and simplified (missing quotes and commas of the print put in). */
#define VEHICLE_NORMALIZED                                                                                             \
	"{\"id\": \"urn:ngsi-ld:Vehicle:A4567\", \"type\": \"Vehicle\","                                               \
	"\"brandName\": {\"type\": \"Property\", \"value\": \"Mercedes\"},"                                            \
	"\"street\": {\"type\": \"LanguageProperty\","                                                                 \
	"            \"languageMap\": {\"fr\": \"Grand Place\", \"nl\": \"Grote Markt\"}},"                            \
	"\"isParked\": {\"type\": \"Relationship\", \"objectType\": \"OffStreetParking\","                             \
	"  \"object\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"observedAt\": \"2017-07-29T12:00:04Z\","          \
	"  \"providedBy\": {\"type\": \"Relationship\", \"object\": \"urn:ngsi-ld:Person:Bob\"}},"                     \
	"\"category\": {\"type\": \"VocabProperty\", \"vocab\": \"non-commercial\"},"                                  \
	"\"tyreTreadDepths\": {\"type\": \"ListProperty\", \"valueList\": [300, 300, 120, 6],"                         \
	"  \"valueType\": \"Integer\", \"unitCode\": \"MMT\"},"                                                        \
	"\"passengers\": {\"type\": \"Relationship\", \"objectType\": \"Person\","                                     \
	"  \"object\": [\"urn:ngsi-ld:Person:Alice\", \"urn:ngsi-ld:Person:Bob\"]},"                                   \
	"\"route\": {\"type\": \"ListRelationship\", \"objectType\": \"City\","                                        \
	"  \"objectList\": [{\"object\": \"urn:ngsi-ld:City:Antwerp\"}, {\"object\": \"urn:ngsi-ld:City:Rotterdam\"}," \
	"                   {\"object\": \"urn:ngsi-ld:City:Amsterdam\"}]}}"
#define VEHICLE_CONCISE                                                                                                \
	"{\"id\": \"urn:ngsi-ld:Vehicle:A4567\", \"type\": \"Vehicle\", \"brandName\": \"Mercedes\","                  \
	"\"street\": {\"languageMap\": {\"fr\": \"Grand Place\", \"nl\": \"Grote Markt\"}},"                           \
	"\"isParked\": {\"object\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"objectType\": \"OffStreetParking\"," \
	"  \"observedAt\": \"2017-07-29T12:00:04Z\", \"providedBy\": {\"object\": \"urn:ngsi-ld:Person:Bob\"}},"       \
	"\"category\": {\"vocab\": \"non-commercial\"},"                                                               \
	"\"tyreTreadDepths\": {\"valueList\": [300, 300, 120, 6], \"valueType\": \"Integer\", \"unitCode\": \"MMT\"}," \
	"\"passengers\": {\"objectType\": \"Person\","                                                                 \
	"  \"object\": [\"urn:ngsi-ld:Person:Alice\", \"urn:ngsi-ld:Person:Bob\"]},"                                   \
	"\"route\": {\"objectType\": \"City\", \"objectList\": [\"urn:ngsi-ld:City:Antwerp\","                         \
	"  \"urn:ngsi-ld:City:Rotterdam\", \"urn:ngsi-ld:City:Amsterdam\"]}}"
#define VEHICLE_SIMPLIFIED                                                                                             \
	"{\"id\": \"urn:ngsi-ld:Vehicle:A4567\", \"type\": \"Vehicle\", \"brandName\": \"Mercedes\","                  \
	"\"street\": {\"languageMap\": {\"fr\": \"Grand Place\", \"nl\": \"Grote Markt\"}},"                           \
	"\"isParked\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"category\": {\"vocab\": \"non-commercial\"},"     \
	"\"tyreTreadDepths\": [300, 300, 120, 6],"                                                                     \
	"\"passengers\": [\"urn:ngsi-ld:Person:Alice\", \"urn:ngsi-ld:Person:Bob\"],"                                  \
	"\"route\": [\"urn:ngsi-ld:City:Antwerp\", \"urn:ngsi-ld:City:Rotterdam\", \"urn:ngsi-ld:City:Amsterdam\"]}"

/* C.2.2, the multiple attribute. */
#define SPEEDS_NORMALIZED                                                                                              \
	"{\"id\": \"urn:ngsi-ld:Vehicle:A4567\", \"type\": \"Vehicle\", \"speed\": ["                                  \
	"{\"type\": \"Property\", \"value\": 55, \"source\": {\"type\": \"Property\", \"value\": \"Speedometer\"},"    \
	" \"datasetId\": \"urn:ngsi-ld:Property:speedometerA4567-speed\"},"                                            \
	"{\"type\": \"Property\", \"value\": 54.5, \"source\": {\"type\": \"Property\", \"value\": \"GPS\"},"          \
	" \"datasetId\": \"urn:ngsi-ld:Property:gpsBxyz123-speed\"}]}"
#define SPEEDS_SIMPLIFIED                                                                                              \
	"{\"id\": \"urn:ngsi-ld:Vehicle:A4567\", \"type\": \"Vehicle\", \"speed\": {\"dataset\": {"                    \
	"\"urn:ngsi-ld:Property:speedometerA4567-speed\": 55, \"urn:ngsi-ld:Property:gpsBxyz123-speed\": 54.5}}}"

/* C.2.3. */
#define PARKING_NORMALIZED                                                                                             \
	"{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"type\": \"OffStreetParking\","                         \
	"\"name\": {\"type\": \"Property\", \"value\": \"Downtown One\"},"                                             \
	"\"availableSpotNumber\": {\"type\": \"Property\", \"value\": 121, \"observedAt\": \"2017-07-29T12:05:02Z\","  \
	"  \"reliability\": {\"type\": \"Property\", \"value\": 0.7},"                                                 \
	"  \"providedBy\": {\"type\": \"Relationship\", \"object\": \"urn:ngsi-ld:Camera:C1\"}},"                      \
	"\"totalSpotNumber\": {\"type\": \"Property\", \"value\": 200},"                                               \
	"\"location\": {\"type\": \"GeoProperty\", \"value\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}}"
#define PARKING_CONCISE                                                                                                \
	"{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"type\": \"OffStreetParking\","                         \
	"\"name\": \"Downtown One\", \"availableSpotNumber\": {\"value\": 121, \"observedAt\":"                        \
	"  \"2017-07-29T12:05:02Z\", \"reliability\": 0.7, \"providedBy\": {\"object\": \"urn:ngsi-ld:Camera:C1\"}},"  \
	"\"totalSpotNumber\": 200, \"location\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}"
#define PARKING_SIMPLIFIED                                                                                             \
	"{\"id\": \"urn:ngsi-ld:OffStreetParking:Downtown1\", \"type\": \"OffStreetParking\","                         \
	"\"name\": \"Downtown One\", \"availableSpotNumber\": 121, \"totalSpotNumber\": 200,"                          \
	"\"location\": {\"type\": \"Point\", \"coordinates\": [-8.5, 41.2]}}"

/* C.11: a signed Property (the proof's texts shortened). */
#define STORE_SIGNED                                                                                                   \
	"{\"id\": \"urn:ngsi-ld:Store:002\", \"type\": \"Store\", \"address\": {\"type\": \"Property\", \"value\": {"  \
	"\"streetAddress\": [\"Tiger Street 4\", \"al\"], \"addressRegion\": \"Metropolis\"},"                         \
	"\"ngsildproof\": {\"type\": \"Property\", \"entityIdSealed\": \"urn:ngsi-ld:Store:002\","                     \
	"\"entityTypeSealed\": \"Store\", \"value\": {\"type\": \"DataIntegrityProof\", \"proofValue\": \"z3X\"}}}}"

static struct json *parse(const char *text)
{
	struct json *json = NULL;

	err = (struct error){0};
	if (!CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &json, &err), &err))
		printf("# in %s\n", text);
	return json;
}

static inline enum err_code expand_text(const char *text, const struct context *context, bool fragment,
					struct json **ret)
{
	struct expand_options options = {.context = context, .now_us = NOW_US, .fragment = fragment};
	struct json *body = parse(text);

	return body ? expand_entity(&arena, body, &options, ret, &err) : ERR_INTERNAL;
}

/* The expanded document; the case fails when it is refused. */
static inline struct json *expanded(const char *text, const struct context *context)
{
	struct json *entity = NULL;

	if (!CHECK_OK(expand_text(text, context, false, &entity), &err))
		printf("# in %s\n", text);
	return entity;
}

static inline struct str represented(const struct json *entity, const struct represent_options *options)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK_OK(represent_entity(&out, &arena, entity, options, &err), &err);
	CHECK_OK(buf_check(&out, "the text", &err), &err);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

/* Same JSON, members in any order. */
static inline bool check_json(struct str text, const char *expected, const char *file, int line)
{
	struct json *a = NULL, *b = parse(expected);

	if (!CHECK_OK(json_parse(parser, &arena, text, NULL, &a, &err), &err) || !json_equal(a, b)) {
		printf("# %s:%d: %.*s\n#   against %s\n", file, line, STR_FMT(text), expected);
		return check_true(false, "the same JSON", file, line);
	}
	return true;
}
#define CHECK_JSON(text, expected) check_json((text), (expected), __FILE__, __LINE__)

static inline struct context *user_context(const char *text)
{
	struct context *context = NULL;

	CHECK_OK(context_new(core, parse(text), NULL, &context, &err), &err);
	return context;
}

static inline void bench_open(void)
{
	arena_init(&arena, 256u << 20);
	parser = json_parser_new();
	if (!parser || context_core_new(&core, &err))
		abort();
	annex = user_context(ANNEX_CONTEXT);
	if (!annex)
		abort();
}

static inline void bench_close(void)
{
	annex = context_unref(annex);
	core = context_unref(core);
	parser = json_parser_free(parser);
	arena_done(&arena);
}

#endif
