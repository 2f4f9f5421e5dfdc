/* Context Source Registrations after GS CIM 009 V1.9.1 clauses 4.3.6, 4.20, 5.2.8–5.2.11, 5.2.34, 5.5.8, 5.9.2, 5.9.3,
 * 5.10.2 and 5.12.
 *
 * Goal: each restriction of the tables refuses what breaks it, naming the member; updates follow 5.5.8; a registration
 * matches a question exactly when each condition of 5.10.2.4 and 5.12 says so; proxied ones conflict and claim as
 * 5.9.2.4 has it. Method: annex C.3's registration and small ones, of which each case changes one thing. */
#include "ngsild/registration.h"
#include "ngsild_bench.h"

#include "base/cleanup.h"

DEFINE_CLEANUP(struct registration *, registration);

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define BASE "{\"type\": \"ContextSourceRegistration\", \"endpoint\": \"http://h\""
#define OF_T BASE ", \"information\": [{\"entities\": [{\"type\": \"T\"}]}]"
#define INFO(info) BASE ", \"information\": [{" info "}]}"
#define ENTITY(entity) INFO("\"entities\": [{" entity "}]")

/* C.3, without its @context. */
#define ANNEX_C3                                                                                                       \
	"{\"id\": \"urn:ngsi-ld:ContextSourceRegistration:csr1a3456\", \"type\": \"ContextSourceRegistration\","       \
	"\"information\": [{\"entities\": [{\"id\": \"urn:ngsi-ld:Vehicle:A456\", \"type\": \"Vehicle\"}],"            \
	"  \"propertyNames\": [\"brandName\", \"speed\"], \"relationshipNames\": [\"isParked\"]},"                     \
	" {\"entities\": [{\"idPattern\": \".*downtown$\", \"type\": \"OffStreetParking\"},"                           \
	"   {\"idPattern\": \".*47$\", \"type\": \"OffStreetParking\"}],"                                              \
	"  \"propertyNames\": [\"availableSpotNumber\", \"totalSpotNumber\"], \"relationshipNames\": "                 \
	"[\"isNextTo\"]}],"                                                                                            \
	"\"endpoint\": \"http://my.csource.org:1026\", \"location\": {\"type\": \"Polygon\", \"coordinates\":"         \
	" [[[8, 40], [9, 40], [9, 41], [8, 41], [8, 40]]]}}"

/* ---- shape ---- */

static void accepted(const char *text, bool fragment)
{
	if (!CHECK_OK(registration_check(parse(text), fragment, NOW_US, &err), &err))
		printf("# in %s\n", text);
}

static void refused_as(const char *text, bool fragment, enum err_code code, const char *member)
{
	err = (struct error){0};
	enum err_code is = registration_check(parse(text), fragment, NOW_US, &err);

	if (!CHECK(is == code) || !CHECK(str_contains(str_from(err.detail), str_from(member))))
		printf("# %s: %s, not naming %s, in %s\n", err_name(is), err.detail, member, text);
}

static void refused(const char *text, const char *member)
{
	refused_as(text, false, ERR_INVALID, member);
}

static void annex_c_and_every_member_is_accepted(void)
{
	accepted(ANNEX_C3, false);
	accepted(
		"{\"id\": \"urn:r:1\", \"type\": \"ContextSourceRegistration\", \"endpoint\": "
		"\"https://u:p@h:1/x?y#z\","
		" \"information\": [{\"entities\": [{\"type\": [\"A\", \"https://x.org/B\"], \"idPattern\": \"^urn\"}],"
		"  \"propertyNames\": [\"a\"], \"relationshipNames\": [\"https://x.org/b\"]}, {\"propertyNames\":"
		"  [\"c\"]}, {\"relationshipNames\": [\"d\"]}], \"contextSourceAlias\": \"broker-1\","
		" \"contextSourceInfo\": [{\"key\": \"Authorization\", \"value\": \"Bearer x\"}, {\"key\": \"accept\","
		"  \"value\": \"application/ld+json\"}, {\"key\": \"contentType\", \"value\": \"application/json\"},"
		"  {\"key\": \"jsonldContext\", \"value\": \"https://x.org/c.jsonld\"}, {\"key\": "
		"\"ngsildConformance\","
		"  \"value\": \"1.6\"}, {\"key\": \"X-User\", \"value\": \"urn:ngsi-ld:request\"}],"
		" \"datasetId\": [\"urn:d:1\", \"@none\"], \"description\": \"d\", \"expiresAt\":"
		" \"2027-01-15T08:00:01Z\", \"location\": {\"type\": \"Point\", \"coordinates\": [8, 40]},"
		" \"management\": {\"cacheDuration\": \"PT10S\", \"cooldown\": 0.5, \"localOnly\": true,"
		"  \"timeout\": 100}, \"managementInterval\": {\"startAt\": \"2020-01-01T00:00:00Z\"}, \"mode\":"
		" \"inclusive\", \"observationInterval\": {\"startAt\": \"2020-01-01T00:00:00Z\", \"endAt\":"
		"  \"2021-01-01T00:00:00Z\"}, \"observationSpace\": {\"type\": \"LineString\", \"coordinates\":"
		"  [[1, 1], [2, 2]]}, \"operations\": [\"federationOps\", \"createEntity\"], \"operationSpace\":"
		" {\"type\": \"MultiPoint\", \"coordinates\": [[1, 1]]}, \"refreshRate\": \"PT15M\","
		" \"registrationName\": \"n\", \"scope\": [\"/A/B\", \"C\"], \"tenant\": \"t\"}",
		false);
	/* Read-only members are ignored (table 5.2.9-2), and so is what nobody knows. */
	accepted(OF_T ", \"status\": 5, \"timesSent\": \"x\", \"lastFailure\": [], \"createdAt\": 7, \"other\": {}}",
		 false);
}

static void each_restriction_of_a_registration_is_kept(void)
{
	refused("[]", "object");
	refused(OF_T ", \"id\": \"none\"}", "id is no URI");
	refused("{\"endpoint\": \"http://h\", \"information\": [{\"propertyNames\": [\"a\"]}]}", "type is missing");
	refused("{\"type\": \"Registration\", \"endpoint\": \"http://h\"}", "type is to be");
	refused("{\"type\": \"ContextSourceRegistration\", \"information\": [{\"propertyNames\": [\"a\"]}]}",
		"endpoint is missing");
	refused(OF_T ", \"contextSourceAlias\": \"\"}", "contextSourceAlias is empty");
	refused(OF_T ", \"contextSourceAlias\": \"a b\"}", "contextSourceAlias");
	refused(OF_T ", \"contextSourceAlias\": \"a\\u0000\"}", "contextSourceAlias");
	accepted(OF_T ", \"contextSourceAlias\": \"host:1026\"}", false);
	refused(OF_T ", \"description\": \"\"}", "description is empty");
	refused(OF_T ", \"registrationName\": \"\"}", "registrationName is empty");
	refused(OF_T ", \"registrationName\": 5}", "registrationName");
	refused(OF_T ", \"tenant\": 5}", "tenant");
	refused(OF_T ", \"tenant\": \"a\\r\\nb\"}", "tenant");
	refused(OF_T ", \"datasetId\": \"urn:d:1\"}", "datasetId");
	refused(OF_T ", \"datasetId\": [\"d\"]}", "datasetId[0]");
	refused(OF_T ", \"mode\": \"shared\"}", "mode");
	refused(OF_T ", \"scope\": \"/1\"}", "scope");
	refused(OF_T ", \"scope\": [\"A\", \"//\"]}", "scope[1]");
	refused(OF_T ", \"scope\": []}", "scope");
	accepted(OF_T ", \"scope\": \"A/B\"}", false);
	refused(OF_T ", \"operations\": \"createEntity\"}", "operations");
	refused(OF_T ", \"operations\": [\"createEntity\", \"killEntity\"]}", "operations[1]");
	refused(OF_T ", \"mode\": null}", "mode is null");
}

static void endpoints_are_web_addresses(void)
{
	static const char *const bad[] = {"h",           "http://",     "http:///p",       "http://:80/",
					  "ftp://h/",    "urn:x:1",     "file:///etc/pwd", "mqtt://h/topic",
					  "http://u@/p", "http://h h/p"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(arena_printf(&arena,
				     "{\"type\": \"ContextSourceRegistration\", \"information\": [{\"propertyNames\":"
				     " [\"a\"]}], \"endpoint\": \"%s\"}",
				     bad[i])
				.at,
			"endpoint");
}

static void information_is_checked(void)
{
	refused(BASE "}", "information is missing");
	refused(BASE ", \"information\": []}", "information");
	refused(BASE ", \"information\": {}}", "information");
	refused(BASE ", \"information\": [5]}", "information[0]");
	refused(BASE ", \"information\": [{\"propertyNames\": [\"a\"]}, {}]}", "information[1] needs entities");
	refused(INFO("\"entities\": []"), "information[0].entities");
	refused(INFO("\"propertyNames\": []"), "information[0].propertyNames");
	refused(INFO("\"propertyNames\": \"a\""), "information[0].propertyNames");
	refused(INFO("\"propertyNames\": [\"id\"]"), "information[0].propertyNames[0]");
	refused(INFO("\"relationshipNames\": []"), "information[0].relationshipNames");
	refused(INFO("\"relationshipNames\": [\"<>\"]"), "information[0].relationshipNames[0]");
	refused(ENTITY("\"id\": \"urn:x:1\""), "information[0].entities[0].type is missing");
	refused(ENTITY("\"type\": \"\""), "information[0].entities[0].type");
	refused(ENTITY("\"type\": \"A,B\""), "information[0].entities[0].type");
	refused(ENTITY("\"type\": []"), "information[0].entities[0].type");
	refused(ENTITY("\"type\": [\"A\", 5]"), "information[0].entities[0].type[1]");
	refused(ENTITY("\"type\": \"T\", \"id\": \"x\""), "information[0].entities[0].id");
	refused(ENTITY("\"type\": \"T\", \"id\": [\"urn:x:1\"]"), "information[0].entities[0].id");
	refused(ENTITY("\"type\": \"T\", \"idPattern\": 5"), "information[0].entities[0].idPattern");
}

static void times_places_and_durations_are_checked(void)
{
	refused(OF_T ", \"expiresAt\": \"tomorrow\"}", "expiresAt is no DateTime");
	refused(OF_T ", \"expiresAt\": \"2027-01-15T07:59:59Z\"}", "expiresAt lies in the past");
	refused_as("{\"expiresAt\": \"2020-01-01T00:00:00Z\"}", true, ERR_INVALID, "expiresAt lies in the past");
	refused(OF_T ", \"observationInterval\": {\"endAt\": \"2020-01-01T00:00:00Z\"}}",
		"observationInterval.startAt is missing");
	refused(OF_T ", \"observationInterval\": {\"startAt\": 5}}", "observationInterval.startAt");
	refused(OF_T ", \"managementInterval\": {\"startAt\": \"2020-01-01\"}}", "managementInterval.startAt");
	refused(OF_T ", \"managementInterval\": {\"startAt\": \"2020-01-01T00:00:00Z\", \"endAt\": \"x\"}}",
		"managementInterval.endAt");
	refused(OF_T ", \"managementInterval\": {\"startAt\": \"2020-01-02T00:00:00Z\", \"endAt\":"
		     " \"2020-01-01T00:00:00Z\"}}",
		"managementInterval ends");
	refused(OF_T ", \"location\": {\"type\": \"Point\"}}", "location is no geometry");
	refused(OF_T ", \"location\": \"here\"}", "location");
	refused(OF_T ", \"location\": {\"type\": \"GeometryCollection\", \"geometries\": []}}", "location");
	refused(OF_T ", \"observationSpace\": {\"type\": \"Point\", \"coordinates\": [200, 0]}}", "observationSpace");
	refused(OF_T ", \"operationSpace\": {\"type\": \"Polygon\", \"coordinates\": [[[0, 0], [1, 1]]]}}",
		"operationSpace");
	refused(OF_T ", \"refreshRate\": \"15 minutes\"}", "refreshRate");
	refused(OF_T ", \"management\": 5}", "management");
	refused(OF_T ", \"management\": {\"cacheDuration\": \"10\"}}", "management.cacheDuration");
	refused(OF_T ", \"management\": {\"cooldown\": 0}}", "management.cooldown");
	refused(OF_T ", \"management\": {\"timeout\": -1}}", "management.timeout");
	refused(OF_T ", \"management\": {\"timeout\": \"1\"}}", "management.timeout");
	refused(OF_T ", \"management\": {\"localOnly\": 1}}", "management.localOnly");
}

static void context_source_info_is_checked(void)
{
#define PAIR(pair) OF_T ", \"contextSourceInfo\": [" pair "]}"
	refused(OF_T ", \"contextSourceInfo\": {}}", "contextSourceInfo");
	refused(PAIR("{\"key\": \"a\"}"), "contextSourceInfo[0].value is missing");
	refused(PAIR("{\"value\": \"a\"}"), "contextSourceInfo[0].key is missing");
	refused(PAIR("{\"key\": \"a b\", \"value\": \"a\"}"), "contextSourceInfo[0].key");
	refused(PAIR("{\"key\": \"a\", \"value\": \"a\\nb\"}"), "contextSourceInfo[0].value");
	refused(PAIR("{\"key\": \"accept\", \"value\": \"application/geo+json\"}"), "contextSourceInfo[0].value");
	refused(PAIR("{\"key\": \"contentType\", \"value\": \"text/plain\"}"), "contextSourceInfo[0].value");
	refused(PAIR("{\"key\": \"jsonldContext\", \"value\": \"c.jsonld\"}"), "contextSourceInfo[0].value");
	refused(PAIR("{\"key\": \"jsonldContext\", \"value\": \"urn:c\"}"), "contextSourceInfo[0].value");
	refused(PAIR("{\"key\": \"ngsildConformance\", \"value\": \"1\"}"), "contextSourceInfo[0].value");
	accepted(PAIR("{\"key\": \"Accept\", \"value\": \"text/plain\"}"), false); /* a header, no key of 4.3.6.6 */
#undef PAIR
}

static void modes_demand_of_other_members(void)
{
#define EXCLUSIVE(info) BASE ", \"mode\": \"exclusive\", \"information\": [" info "]}"
#define GOOD "{\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\"}], \"propertyNames\": [\"a\"]}"
	accepted(EXCLUSIVE(GOOD), false);
	accepted(EXCLUSIVE("{\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\"}], \"relationshipNames\": [\"a\"]}"),
		 false);
	refused(EXCLUSIVE(GOOD ", {\"propertyNames\": [\"a\"]}"), "information[1].entities");
	refused(EXCLUSIVE("{\"entities\": [{\"type\": \"T\"}], \"propertyNames\": [\"a\"]}"),
		"information[0].entities[0].id");
	refused(EXCLUSIVE("{\"entities\": [{\"type\": \"T\", \"idPattern\": \"x\"}], \"propertyNames\": [\"a\"]}"),
		"information[0].entities[0].id");
	refused(EXCLUSIVE("{\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\", \"idPattern\": \"x\"}],"
			  " \"propertyNames\": [\"a\"]}"),
		"information[0].entities[0].idPattern");
	refused(EXCLUSIVE("{\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\"}]}"), "information[0] needs");
#define AUXILIARY(more) OF_T ", \"mode\": \"auxiliary\"" more "}"
	accepted(AUXILIARY(", \"operations\": [\"retrieveOps\", \"retrieveEntity\", \"queryEntity\"]"), false);
	refused(AUXILIARY(""), "operations");
	refused(AUXILIARY(", \"operations\": [\"retrieveEntity\", \"queryBatch\"]"), "operations[1]");
	refused(AUXILIARY(", \"operations\": [\"federationOps\"]"), "operations[0]");
	accepted(OF_T ", \"mode\": \"redirect\"}", false);
	/* What several members demand of each other the merge looks at. */
	accepted("{\"mode\": \"exclusive\", \"information\": [{\"propertyNames\": [\"a\"]}]}", true);
	accepted("{\"mode\": \"auxiliary\"}", true);
#undef EXCLUSIVE
#undef AUXILIARY
}

/* start, so many times part with commas between, end. */
static const char *repeated(const char *start, const char *part, int times, const char *end)
{
	struct buf text;

	buf_init(&text, 4u << 20);
	buf_put(&text, str_from(start));
	for (int i = 0; i < times; i++)
		buf_printf(&text, "%s%s", i ? "," : "", part);
	buf_put(&text, str_from(end));
	const char *copy = arena_dup(&arena, buf_str(&text)).at;

	buf_done(&text);
	return copy;
}

static void too_much_is_too_complex(void)
{
	accepted(repeated(BASE ", \"information\": [{\"propertyNames\": [", "\"a\"", 1024, "]}]}"), false);
	refused_as(repeated(BASE ", \"information\": [{\"propertyNames\": [", "\"a\"", 1025, "]}]}"), false,
		   ERR_TOO_COMPLEX, "information[0].propertyNames");
}

/* The same JSON, members in any order. */
static void same(const struct json *is, const char *expected)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	if (is)
		json_write(&out, is);
	CHECK_JSON(buf_str(&out), expected);
	buf_done(&out);
}

/* ---- updates ---- */

static const struct json *merged_kept(const struct json *kept, const char *fragment)
{
	struct json *result = NULL;

	CHECK_OK(registration_check(parse(fragment), true, NOW_US, &err), &err);
	CHECK_OK(registration_merge(&arena, kept, parse(fragment), NOW_US, &result, &err), &err);
	return result;
}

static const struct json *merged(const char *document, const char *fragment)
{
	struct json *kept = NULL;

	CHECK_OK(registration_check(parse(document), false, NOW_US, &err), &err);
	CHECK_OK(registration_keep(&arena, parse(document), &kept, &err), &err);
	return merged_kept(kept, fragment);
}

static void unmerged(const char *document, const char *fragment, const char *member)
{
	struct json *result = NULL;

	CHECK_OK(registration_check(parse(fragment), true, NOW_US, &err), &err);
	if (!CHECK(registration_merge(&arena, parse(document), parse(fragment), NOW_US, &result, &err) ==
		   ERR_INVALID) ||
	    !CHECK(str_contains(str_from(err.detail), str_from(member))))
		printf("# %s, not naming %s\n", err.detail, member);
	CHECK(!result);
}

static void members_are_kept_added_replaced_and_removed(void)
{
	same(merged(OF_T ", \"status\": \"ok\", \"other\": 1}", "{}"), OF_T "}");
	same(merged(OF_T ", \"description\": \"d\", \"scope\": \"A\"}",
		    "{\"description\": null, \"scope\": [\"urn:ngsi-ld:null\"], \"tenant\": \"t\","
		    " \"endpoint\": \"https://i\", \"timesSent\": 5}"),
	     "{\"type\": \"ContextSourceRegistration\", \"endpoint\": \"https://i\", \"information\":"
	     " [{\"entities\": [{\"type\": \"T\"}]}], \"tenant\": \"t\"}");
	/* 5.5.8: as a whole. */
	same(merged(OF_T ", \"management\": {\"timeout\": 5}}",
		    "{\"management\": {\"cooldown\": 7, \"timeout\": null}}"),
	     OF_T ", \"management\": {\"cooldown\": 7}}");
	refused_as("{\"endpoint\": null}", true, ERR_INVALID, "endpoint cannot be removed");
	refused_as("{\"information\": \"urn:ngsi-ld:null\"}", true, ERR_INVALID, "information cannot be removed");
	refused_as("{\"information\": [{}]}", true, ERR_INVALID, "information[0]");
	unmerged(OF_T ", \"id\": \"urn:r:1\"}", "{\"id\": \"urn:r:2\"}", "id is");
	unmerged(OF_T "}", "{\"mode\": \"exclusive\"}", "information[0].entities[0].id");
	unmerged(OF_T "}", "{\"mode\": \"auxiliary\"}", "operations");
	unmerged(OF_T ", \"mode\": \"auxiliary\", \"operations\": [\"retrieveOps\"]}", "{\"operations\": null}",
		 "operations");
	(void)merged(OF_T "}", "{\"mode\": \"auxiliary\", \"operations\": [\"retrieveOps\"]}");
}

/* ---- compiled ---- */

static struct registration *compiled(const char *text)
{
	struct registration *registration = NULL;
	struct json *kept = NULL;

	CHECK_OK(registration_check(parse(text), false, NOW_US, &err), &err);
	CHECK_OK(registration_keep(&arena, parse(text), &kept, &err), &err);
	if (!CHECK_OK(registration_new(kept, core, &registration, &err), &err)) {
		printf("# in %s\n", text);
		abort();
	}
	return registration;
}

static void uncompiled(const char *text, enum err_code code, const char *member)
{
	struct registration *registration = NULL;
	enum err_code is = registration_new(parse(text), core, &registration, &err);

	if (!CHECK(is == code) || !CHECK(str_contains(str_from(err.detail), str_from(member))))
		printf("# %s: %s, not naming %s\n", err_name(is), err.detail, member);
	CHECK(!registration);
}

static void what_it_says_can_be_asked_for(void)
{
	CLEANUP(registration) struct registration *plain = compiled(OF_T "}");
	CLEANUP(registration)
	struct registration *full = compiled(OF_T ", \"id\": \"urn:r:1\", \"mode\": \"redirect\", \"expiresAt\":"
						  " \"2027-01-15T08:00:01Z\"}");

	CHECK(!registration_id(plain).at && registration_mode(plain) == REGISTRATION_INCLUSIVE);
	CHECK(registration_expires_us(plain) == INT64_MAX);
	CHECK_STR(registration_id(full), STR("urn:r:1"));
	CHECK(registration_mode(full) == REGISTRATION_REDIRECT);
	CHECK(registration_expires_us(full) == NOW_US + 1000000);
	uncompiled(ENTITY("\"type\": \"T\", \"idPattern\": \"(\""), ERR_INVALID,
		   "information[0].entities[0].idPattern");
	uncompiled(INFO("\"propertyNames\": [\"https://uri.etsi.org/ngsi-ld/hasValue\"]"), ERR_INVALID,
		   "information[0].propertyNames[0]");
}

static void what_takes_too_much_to_compile_is_too_complex(void)
{
	const char *entities = repeated("{\"entities\": [", "{\"type\": \"T\"}", 1000, "]}");

	(void)registration_free(compiled(repeated(BASE ", \"information\": [", entities, 4, "]}")));
	uncompiled(repeated(BASE ", \"information\": [", entities, 5, "]}"), ERR_TOO_COMPLEX,
		   "information[4].entities");
	(void)registration_free(compiled(repeated(BASE ", \"information\": [{\"entities\": [",
						  "{\"type\": \"T\", \"idPattern\": \"a\"}", 256, "]}]}")));
	uncompiled(repeated(BASE ", \"information\": [{\"entities\": [", "{\"type\": \"T\", \"idPattern\": \"a\"}", 257,
			    "]}]}"),
		   ERR_TOO_COMPLEX, "information[0].entities[256].idPattern");
}

/* ---- matching ---- */

/* A question as texts; NULL where nothing is asked. */
struct asked {
	const char *type, *ids, *pattern, *attributes, *q, *scope_q, *georel, *geometry, *coordinates, *geoproperty;
	const char *datasets, *csf;
	const struct temporal_query *temporal;
};

static struct query *query_of(const struct query_text *text)
{
	struct query *query = NULL;

	CHECK_OK(query_new(&arena, parser, text, core, &query, &err), &err);
	return query;
}

static size_t split(const char *text, const char *prefix, struct str *ret)
{
	struct str rest = str_from(text), piece;
	size_t count = 0;

	while (rest.at && str_next(&rest, ',', &piece))
		ret[count++] = arena_concat(&arena, str_from(prefix), piece);
	return count;
}

/* 1: it matches; 0: it does not. filtered: how many elements of information stay, when not NULL. */
static bool asks(const char *text, const struct asked *asked, uint32_t *ret_kept)
{
	const struct query_text of_query = {.type = str_from(asked->type),
					    .ids = str_from(asked->ids),
					    .id_pattern = str_from(asked->pattern),
					    .q = str_from(asked->q),
					    .scope_q = str_from(asked->scope_q),
					    .georel = str_from(asked->georel),
					    .geometry = str_from(asked->geometry),
					    .coordinates = str_from(asked->coordinates),
					    .geoproperty = str_from(asked->geoproperty)};
	CLEANUP(registration) struct registration *registration = compiled(text);
	struct query *query = query_of(&of_query);
	struct query *csf = asked->csf ? query_of(&(struct query_text){.q = str_from(asked->csf)}) : NULL;
	struct str attributes[8], datasets[8];
	const struct registration_question question = {.query = query,
						       .attribute_iris = attributes,
						       .attribute_count = split(asked->attributes, V, attributes),
						       .dataset_ids = datasets,
						       .dataset_count = split(asked->datasets, "", datasets),
						       .temporal = asked->temporal,
						       .csf = csf,
						       .now_us = NOW_US};
	bool matches = registration_matches(registration, &question);

	if (ret_kept) {
		const struct json *filtered = registration_filtered(&arena, registration, parse(text), &question);

		*ret_kept = json_get(filtered, STR("information"))->count;
	}
	query_done(query);
	query_done(csf);
	return matches;
}

#define ASKS(text, ...) asks((text), &(const struct asked){__VA_ARGS__}, NULL)

/* "if the type selector matches the entity types in the EntityInfo element and one of the following conditions
 * holds" */
static void entity_specifications_match_as_the_clause_lists(void)
{
	static const char any[] = ENTITY("\"type\": \"T\""), one[] = ENTITY("\"type\": \"T\", \"id\": \"urn:x:1\"");
	static const char some[] = ENTITY("\"type\": \"T\", \"idPattern\": \"^urn:x:\"");
	static const char both[] = ENTITY("\"type\": [\"A\", \"B\"]");

	CHECK(ASKS(any, .type = "T") && ASKS(any, .type = "U,T") && !ASKS(any, .type = "U"));
	CHECK(ASKS(any, .type = "*") && !ASKS(any, .type = "(T;U)"));
	CHECK(ASKS(both, .type = "(A;B)") && ASKS(both, .type = "A") && !ASKS(both, .type = "C"));
	/* The EntityInfo contains neither an id nor an idPattern. */
	CHECK(ASKS(any, .type = "T", .ids = "urn:y:1") && ASKS(any, .type = "T", .pattern = "y"));
	CHECK(!ASKS(any, .type = "U", .ids = "urn:y:1"));
	/* One of the specified Entity identifiers matches the id in the EntityInfo. */
	CHECK(ASKS(one, .type = "T", .ids = "urn:y:1,urn:x:1") && !ASKS(one, .type = "T", .ids = "urn:y:1"));
	CHECK(!ASKS(one, .type = "U", .ids = "urn:x:1"));
	/* At least one of the specified Entity identifiers matches the idPattern in the EntityInfo. */
	CHECK(ASKS(some, .type = "T", .ids = "urn:y:1,urn:x:7") && !ASKS(some, .type = "T", .ids = "urn:y:1"));
	/* The specified id pattern matches the id in the EntityInfo. */
	CHECK(ASKS(one, .type = "T", .pattern = "x:1$") && !ASKS(one, .type = "T", .pattern = "x:2$"));
	/* Both a specified id pattern and an idPattern in the EntityInfo are present. */
	CHECK(ASKS(some, .type = "T", .pattern = "^urn:y:"));
	/* id takes precedence over idPattern (5.2.8). */
	CHECK(!ASKS(ENTITY("\"type\": \"T\", \"id\": \"urn:x:1\", \"idPattern\": \"y\""), .type = "T",
		    .ids = "urn:y:1"));
	/* What is not asked restricts nothing. */
	CHECK(ASKS(one, .type = "T") && ASKS(some, .type = "T"));
	/* "If there is no EntityInfo specified …, the entity specification is considered matching." */
	CHECK(ASKS(INFO("\"propertyNames\": [\"a\"]"), .type = "T", .ids = "urn:x:1"));
	/* At least one EntityInfo of one RegistrationInfo. */
	CHECK(ASKS(INFO("\"entities\": [{\"type\": \"A\"}, {\"type\": \"T\"}]"), .type = "T"));
	CHECK(ASKS(INFO("\"entities\": [{\"type\": \"A\"}]}, {\"entities\": [{\"type\": \"T\"}]"), .type = "T"));
}

static void several_selectors_match_when_any_does(void)
{
	const struct query_selector selectors[] = {{.type = STR("A")}, {.ids = STR("urn:x:1"), .type = STR("T")}};
	struct query *query = query_of(&(struct query_text){.selectors = selectors, .selector_count = 2});
	const struct registration_question question = {.query = query, .now_us = NOW_US};
	CLEANUP(registration) struct registration *one = compiled(ENTITY("\"type\": \"T\", \"id\": \"urn:x:1\""));
	CLEANUP(registration) struct registration *two = compiled(ENTITY("\"type\": \"T\", \"id\": \"urn:x:2\""));

	CHECK(registration_matches(one, &question) && !registration_matches(two, &question));
	query_done(query);
}

/* "Attribute names match the combination of Properties and Relationships if one of the following conditions hold" */
static void attribute_names_match_as_the_clause_lists(void)
{
	static const char named[] = INFO("\"propertyNames\": [\"r\", \"b\"], \"relationshipNames\": [\"a\"]");

	/* No Attribute names have been specified. */
	CHECK(ASKS(named, .type = "T"));
	/* The combination of Properties and Relationships is empty. */
	CHECK(ASKS(OF_T "}", .attributes = "z"));
	/* At least one of the specified attribute names matches a Property or Relationship. */
	CHECK(ASKS(named, .attributes = "z,a") && ASKS(named, .attributes = "r") && !ASKS(named, .attributes = "z"));
	/* Attributes of q and the geo-query count in the same way (5.10.2.4). */
	CHECK(ASKS(named, .q = "a>1|z==2") && ASKS(named, .q = "r.z==1") && !ASKS(named, .q = "z.a==1"));
	CHECK(ASKS(named, .q = "z==1", .attributes = "a"));
	CHECK(ASKS(named, .georel = "within", .geometry = "Point", .coordinates = "[1,1]", .geoproperty = "b"));
	CHECK(!ASKS(named, .georel = "within", .geometry = "Point", .coordinates = "[1,1]"));
	/* Core members are no attributes. */
	CHECK(ASKS(named, .q = "createdAt>2020-01-01T00:00:00Z"));
	/* Entities and attributes of one element, not of two. */
	CHECK(!ASKS(INFO("\"entities\": [{\"type\": \"A\"}], \"propertyNames\": [\"a\"]}, {\"entities\": [{\"type\":"
			 " \"B\"}], \"propertyNames\": [\"b\"]"),
		    .type = "A", .attributes = "b"));
}

static void datasets_match_when_one_is_common(void)
{
	static const char some[] = OF_T ", \"datasetId\": [\"urn:d:1\", \"@none\"]}";

	CHECK(ASKS(some, .type = "T", .datasets = "urn:d:2,urn:d:1") && ASKS(some, .type = "T", .datasets = "@none"));
	CHECK(!ASKS(some, .type = "T", .datasets = "urn:d:2"));
	CHECK(ASKS(some, .type = "T") && ASKS(OF_T "}", .type = "T", .datasets = "urn:d:2"));
}

static void scopes_are_held_against_the_scope_query(void)
{
	CHECK(ASKS(OF_T ", \"scope\": [\"/A/B\", \"C\"]}", .type = "T", .scope_q = "/A/#"));
	CHECK(ASKS(OF_T ", \"scope\": \"C\"}", .type = "T", .scope_q = "/C"));
	CHECK(!ASKS(OF_T ", \"scope\": \"C\"}", .type = "T", .scope_q = "/D"));
	CHECK(ASKS(OF_T "}", .type = "T", .scope_q = "/D"));
}

static bool near_place(const char *geometry, const char *georel, const char *type, const char *coordinates,
		       const char *property)
{
	const char *text = arena_printf(&arena, OF_T ", \"%s\": %s}", property ? property : "location", geometry).at;

	return ASKS(text, .type = "T", .georel = georel, .geometry = type, .coordinates = coordinates,
		    .geoproperty = property);
}

#define SQUARE "{\"type\": \"Polygon\", \"coordinates\": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}"
#define POINT_11 "{\"type\": \"Point\", \"coordinates\": [1, 1]}"
#define AROUND "[[[-1,-1],[3,-1],[3,3],[-1,3],[-1,-1]]]"
#define ACROSS "[[[1,1],[3,1],[3,3],[1,3],[1,1]]]"
#define INSIDE "[[[0.5,0.5],[1,0.5],[1,1],[0.5,1],[0.5,0.5]]]"
#define BESIDE "[[[5,5],[6,5],[6,6],[5,6],[5,5]]]"

/* "if the location directly matches or if the location possibly contains locations that would match the geoquery" */
static void places_match_when_they_may_hold_one_that_does(void)
{
	CHECK(near_place(SQUARE, "within", "Polygon", AROUND, NULL));
	CHECK(near_place(SQUARE, "within", "Polygon", ACROSS, NULL));
	CHECK(near_place(SQUARE, "within", "Polygon", INSIDE, NULL));
	CHECK(!near_place(SQUARE, "within", "Polygon", BESIDE, NULL));
	CHECK(near_place(SQUARE, "intersects", "Polygon", ACROSS, NULL));
	CHECK(!near_place(SQUARE, "overlaps", "Polygon", BESIDE, NULL));
	CHECK(near_place(SQUARE, "contains", "Polygon", INSIDE, NULL));
	CHECK(!near_place(SQUARE, "contains", "Polygon", ACROSS, NULL));
	CHECK(near_place(SQUARE, "equals", "Polygon", INSIDE, NULL));
	CHECK(near_place(POINT_11, "equals", "Point", "[1,1]", NULL));
	CHECK(near_place(SQUARE, "equals", "Point", "[2,1]", NULL)); /* the edge belongs to it */
	CHECK(!near_place(SQUARE, "equals", "Point", "[5,5]", NULL));
	CHECK(near_place(SQUARE, "disjoint", "Polygon", BESIDE, NULL));
	CHECK(near_place(SQUARE, "disjoint", "Polygon", ACROSS, NULL));
	CHECK(!near_place(SQUARE, "disjoint", "Polygon", AROUND, NULL));
	/* One degree of the equator is 111.2 km. */
	CHECK(near_place(SQUARE, "near;maxDistance==112000", "Point", "[3,0]", NULL));
	CHECK(!near_place(SQUARE, "near;maxDistance==110000", "Point", "[3,0]", NULL));
	CHECK(near_place(SQUARE, "near;maxDistance==1", "Point", "[1,1]", NULL));
	CHECK(near_place(SQUARE, "near;minDistance==1000000", "Point", "[1,1]", NULL));
	CHECK(!near_place(POINT_11, "near;minDistance==1000", "Point", "[1,1]", NULL));
	CHECK(near_place(POINT_11, "near;minDistance==1000", "Point", "[1,2]", NULL));
}

static void the_geo_property_asked_for_is_looked_at(void)
{
	CHECK(near_place(SQUARE, "within", "Polygon", ACROSS, "observationSpace"));
	CHECK(!near_place(SQUARE, "within", "Polygon", BESIDE, "observationSpace"));
	CHECK(!near_place(SQUARE, "within", "Polygon", BESIDE, "operationSpace"));
	/* Of a registration without that geometry nothing is known. */
	CHECK(ASKS(OF_T ", \"observationSpace\": " SQUARE "}", .type = "T", .georel = "within", .geometry = "Polygon",
		   .coordinates = BESIDE));
	CHECK(ASKS(OF_T "}", .type = "T", .georel = "within", .geometry = "Polygon", .coordinates = BESIDE));
}

static bool at_time(const char *intervals, enum temporal_property property, enum temporal_relation relation,
		    int64_t at_day, int64_t end_day)
{
	const int64_t day_us = INT64_C(86400000000);
	const struct temporal_query temporal = {
		.property = property, .relation = relation, .at_us = at_day * day_us, .end_us = end_day * day_us};
	const char *text = arena_printf(&arena, OF_T "%s}", intervals).at;

	return ASKS(text, .type = "T", .temporal = &temporal);
}

static void times_match_as_the_clause_says(void)
{
	/* Days 10 to 20. */
	static const char observed[] = ", \"observationInterval\": {\"startAt\": \"1970-01-11T00:00:00Z\", \"endAt\":"
				       " \"1970-01-21T00:00:00Z\"}";
	static const char managed[] = ", \"managementInterval\": {\"startAt\": \"1970-01-11T00:00:00Z\"}";

	/* Without a temporal query: sources of latest information alone. */
	CHECK(ASKS(OF_T "}", .type = "T"));
	CHECK(!ASKS(OF_T ", \"observationInterval\": {\"startAt\": \"1970-01-11T00:00:00Z\"}}", .type = "T"));
	CHECK(!ASKS(OF_T ", \"managementInterval\": {\"startAt\": \"1970-01-11T00:00:00Z\"}}", .type = "T"));
	/* With one: those with the interval that timeproperty looks at. */
	CHECK(!at_time("", TEMPORAL_OBSERVED_AT, TEMPORAL_ANY, 0, 0));
	CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_ANY, 0, 0));
	CHECK(!at_time(managed, TEMPORAL_OBSERVED_AT, TEMPORAL_AFTER, 15, 0));
	CHECK(!at_time(observed, TEMPORAL_MODIFIED_AT, TEMPORAL_AFTER, 15, 0));
	CHECK(at_time(managed, TEMPORAL_CREATED_AT, TEMPORAL_AFTER, 15, 0));
	CHECK(at_time(managed, TEMPORAL_MODIFIED_AT, TEMPORAL_BEFORE, 15, 0));
	CHECK(at_time(managed, TEMPORAL_DELETED_AT, TEMPORAL_BEFORE, 1000, 0)); /* open */
	/* before, after: timeAt is contained in or is an endpoint. */
	for (int i = 0; i < 2; i++) {
		enum temporal_relation relation = i ? TEMPORAL_BEFORE : TEMPORAL_AFTER;

		CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, relation, 10, 0));
		CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, relation, 20, 0));
		CHECK(!at_time(observed, TEMPORAL_OBSERVED_AT, relation, 9, 0));
		CHECK(!at_time(observed, TEMPORAL_OBSERVED_AT, relation, 21, 0));
	}
	/* between: an overlap. */
	CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 5, 12));
	CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 12, 13));
	CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 5, 50));
	CHECK(at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 20, 50));
	CHECK(!at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 5, 9));
	CHECK(!at_time(observed, TEMPORAL_OBSERVED_AT, TEMPORAL_BETWEEN, 21, 50));
}

static void csf_asks_for_members_of_the_registration(void)
{
	static const char text[] = OF_T ", \"registrationName\": \"n\", \"description\": \"d\", \"scope\": \"A\","
					" \"management\": {\"timeout\": 5}, \"operations\": [\"retrieveOps\"],"
					" \"location\": " POINT_11 ", \"contextSourceInfo\": [{\"key\": \"k\","
					" \"value\": \"secret\"}], \"expiresAt\": \"2028-01-01T00:00:00Z\"}";

	CHECK(ASKS(text, .type = "T", .csf = "endpoint==\"http://h\"") &&
	      !ASKS(text, .type = "T", .csf = "endpoint==\"x\""));
	CHECK(ASKS(text, .type = "T", .csf = "registrationName~=\"^n\";description==\"d\""));
	CHECK(ASKS(text, .type = "T", .csf = "mode==\"inclusive\"") && !ASKS(text, .type = "T", .csf = "tenant"));
	CHECK(ASKS(text, .type = "T", .csf = "management[timeout]>4"));
	CHECK(ASKS(text, .type = "T", .csf = "operations==\"retrieveOps\""));
	CHECK(ASKS(text, .type = "T", .csf = "location") && !ASKS(text, .type = "T", .csf = "operationSpace"));
	CHECK(ASKS(text, .type = "T", .csf = "expiresAt>2027-12-31T00:00:00Z"));
	CHECK(!ASKS(text, .type = "T", .csf = "contextSourceInfo"));
	CHECK(!ASKS(text, .type = "T", .csf = "unknown==1"));
}

static void what_has_expired_matches_nothing(void)
{
	CLEANUP(registration)
	struct registration *registration = compiled(OF_T ", \"expiresAt\": \"2027-01-15T08:00:01Z\"}");
	struct registration_question question = {.now_us = NOW_US};

	CHECK(registration_matches(registration, &question));
	question.now_us = NOW_US + 1000000;
	CHECK(!registration_matches(registration, &question));
}

static void only_matching_information_is_left(void)
{
	static const char text[] = INFO("\"entities\": [{\"type\": \"A\"}]}, {\"entities\": [{\"type\": \"B\"}],"
					" \"propertyNames\": [\"b\"]}, {\"propertyNames\": [\"c\"]");
	uint32_t kept = 0;

	CHECK(asks(text, &(struct asked){.type = "A"}, &kept) && kept == 2);
	CHECK(asks(text, &(struct asked){.type = "B", .attributes = "b"}, &kept) && kept == 1);
	CHECK(asks(text, &(struct asked){.attributes = "z"}, &kept) && kept == 1);
}

static void annex_c3_is_found_for_a_parking_downtown(void)
{
	struct registration *annex_c3 = NULL;
	struct query *query = NULL, *other = NULL;
	const struct query_text text = {.type = STR("OffStreetParking"), .ids = STR("urn:p:downtown")};
	const struct query_text nowhere = {.type = STR("OffStreetParking"), .ids = STR("urn:p:uptown")};

	CHECK_OK(registration_new(parse(ANNEX_C3), annex, &annex_c3, &err), &err);
	CHECK_OK(query_new(&arena, parser, &text, annex, &query, &err), &err);
	CHECK_OK(query_new(&arena, parser, &nowhere, annex, &other, &err), &err);
	CHECK(registration_matches(annex_c3, &(struct registration_question){.query = query}));
	CHECK(!registration_matches(annex_c3, &(struct registration_question){.query = other}));
	query_done(query);
	query_done(other);
	(void)registration_free(annex_c3);
}

/* ---- proxied ones ---- */

#define PROXIED(mode, info) BASE ", \"mode\": \"" mode "\", \"information\": [{" info "}]}"
#define OF_ONE(type, id, names)                                                                                        \
	"\"entities\": [{\"type\": \"" type "\", \"id\": \"" id "\"}], \"propertyNames\": [" names "]"

static bool conflict(const char *one, const char *other)
{
	CLEANUP(registration) struct registration *a = compiled(one);
	CLEANUP(registration) struct registration *b = compiled(other);

	CHECK(registration_conflicts(a, b) == registration_conflicts(b, a));
	return registration_conflicts(a, b);
}

static void exclusive_ones_conflict_over_entity_and_attribute(void)
{
	static const char one[] = PROXIED("exclusive", OF_ONE("T", "urn:x:1", "\"a\", \"c\""));

	CHECK(conflict(one, one));
	CHECK(conflict(one, PROXIED("exclusive", OF_ONE("U", "urn:x:1", "\"b\", \"c\"")))); /* the id says it all */
	CHECK(!conflict(one, PROXIED("exclusive", OF_ONE("T", "urn:x:1", "\"b\""))));
	CHECK(!conflict(one, PROXIED("exclusive", OF_ONE("T", "urn:x:2", "\"a\""))));
	CHECK(conflict(one, PROXIED("redirect", OF_ONE("T", "urn:x:1", "\"a\""))));
	CHECK(conflict(one, PROXIED("redirect", "\"entities\": [{\"type\": \"T\"}]")));
	CHECK(!conflict(one, PROXIED("redirect", "\"entities\": [{\"type\": \"U\"}]")));
	CHECK(conflict(one, PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"idPattern\": \"x:1\"}]")));
	CHECK(!conflict(one, PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"idPattern\": \"y:1\"}]")));
	CHECK(conflict(one, PROXIED("redirect", "\"relationshipNames\": [\"c\"]")));
	CHECK(!conflict(one, PROXIED("redirect", "\"propertyNames\": [\"d\"]")));
	/* Additive ones never do, nor two redirect ones. */
	CHECK(!conflict(one, PROXIED("inclusive", OF_ONE("T", "urn:x:1", "\"a\""))));
	CHECK(!conflict(PROXIED("redirect", "\"propertyNames\": [\"d\"]"),
			PROXIED("redirect", "\"propertyNames\": [\"d\"]")));
}

static bool claims(const char *registration, const char *entity)
{
	CLEANUP(registration) struct registration *r = compiled(registration);

	return registration_claims(r, parse(entity));
}

static void proxied_ones_claim_what_is_held_elsewhere(void)
{
	static const char entity[] = "{\"id\": \"urn:x:1\", \"type\": [\"" V "T\", \"" V "U\"], \"" V
				     "a\": [{\"type\": \"Property\", \"value\": 1}]}";

	CHECK(claims(PROXIED("exclusive", OF_ONE("T", "urn:x:1", "\"b\", \"a\"")), entity));
	CHECK(claims(PROXIED("exclusive", OF_ONE("W", "urn:x:1", "\"a\"")), entity));
	CHECK(!claims(PROXIED("exclusive", OF_ONE("T", "urn:x:1", "\"b\"")), entity));
	CHECK(!claims(PROXIED("exclusive", OF_ONE("T", "urn:x:2", "\"a\"")), entity));
	CHECK(claims(PROXIED("redirect", "\"entities\": [{\"type\": \"U\"}]"), entity));
	CHECK(claims(PROXIED("redirect", "\"entities\": [{\"type\": [\"U\", \"T\"]}]"), entity));
	CHECK(!claims(PROXIED("redirect", "\"entities\": [{\"type\": [\"U\", \"W\"]}]"), entity));
	CHECK(!claims(PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:2\"}]"), entity));
	CHECK(claims(PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"idPattern\": \"x\"}]"), entity));
	CHECK(!claims(PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"idPattern\": \"y\"}]"), entity));
	CHECK(claims(
		PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\", \"idPattern\": \"y\"}]"),
		entity)); /* id takes precedence over idPattern (5.2.8) */
	CHECK(claims(PROXIED("redirect", "\"propertyNames\": [\"a\"]"), entity));
	CHECK(!claims(PROXIED("redirect", "\"entities\": [{\"type\": \"T\"}], \"propertyNames\": [\"b\"]"), entity));
	CHECK(!claims(PROXIED("inclusive", "\"propertyNames\": [\"a\"]"), entity));
}

static void a_store_gets_ids_or_types_to_look_for(void)
{
	CLEANUP(registration)
	struct registration *ids =
		compiled(PROXIED("exclusive", OF_ONE("T", "urn:x:1", "\"a\"") "}, {" OF_ONE("T", "urn:x:2", "\"a\"")));
	CLEANUP(registration)
	struct registration *types =
		compiled(PROXIED("redirect", "\"entities\": [{\"type\": \"T\", \"id\": \"urn:x:1\"},"
					     " {\"type\": [\"U\", \"W\"]}]"));
	CLEANUP(registration)
	struct registration *any = compiled(PROXIED("redirect", OF_ONE("T", "urn:x:1", "\"a\"") "}, {\"propertyNames\":"
												" [\"b\"]"));
	struct registration_claim claim;

	registration_claim(ids, &claim);
	CHECK(claim.id_count == 2 && claim.type_count == 0);
	CHECK_STR(claim.ids[1], STR("urn:x:2"));
	registration_claim(types, &claim);
	CHECK(claim.id_count == 0 && claim.type_count == 2);
	CHECK_STR(claim.type_iris[1], STR(V "U"));
	registration_claim(any, &claim);
	CHECK(claim.id_count == 0 && claim.type_count == 0);
}

/* ---- as clients get it ---- */

static const struct registration_state fresh = {
	.last_success_us = INT64_MIN, .last_failure_us = INT64_MIN, .created_us = NOW_US, .modified_us = NOW_US};

static const struct json *shown(const char *text, const struct registration_state *state, bool sys_attrs)
{
	const struct registration_show show = {.context = core, .sys_attrs = sys_attrs};
	const struct json *result = NULL;
	struct buf out;

	buf_init(&out, 1u << 20);
	if (CHECK_OK(registration_represent(&out, &arena, parse(text), core, state, &show, &err), &err))
		result = parse(arena_dup(&arena, buf_str(&out)).at);
	buf_done(&out);
	return result;
}

static void it_comes_back_as_it_was_sent_with_its_figures(void)
{
	struct registration_state used = fresh;

	same(shown(ANNEX_C3, &fresh, false), ANNEX_C3);
	same(shown(OF_T "}", &fresh, true),
	     OF_T ", \"createdAt\": \"2027-01-15T08:00:00Z\", \"modifiedAt\": \"2027-01-15T08:00:00Z\"}");
	used.used = true;
	used.times_sent = 5;
	used.last_success_us = NOW_US;
	same(shown(OF_T "}", &used, false),
	     OF_T ", \"status\": \"ok\", \"timesSent\": 5, \"timesFailed\": 0, \"lastSuccess\":"
		  " \"2027-01-15T08:00:00Z\"}");
	used.failed_last = true;
	used.times_failed = 2;
	used.last_failure_us = NOW_US;
	CHECK_STR(json_text(json_get(shown(OF_T "}", &used, false), STR("status"))), STR("failed"));
	CHECK(json_get(shown(OF_T "}", &used, false), STR("lastFailure")));
}

#define PAIR(key, value) "{\"key\": \"" key "\", \"value\": \"" value "\"}"
#define WITH_INFO(pairs) ", \"contextSourceInfo\": [" pairs "]}"

/* "***" stands for what is kept of that key, of several in their order. */
static void hidden_values_stay(void)
{
	const char *kept = OF_T WITH_INFO(PAIR("A", "1") "," PAIR("B", "2") "," PAIR("A", "3"));

	same(merged(kept, "{\"contextSourceInfo\": [" PAIR("A", "***") "," PAIR("C", "c") "," PAIR("A", "***") "]}"),
	     OF_T WITH_INFO(PAIR("A", "1") "," PAIR("C", "c") "," PAIR("A", "3")));
	unmerged(kept, "{\"contextSourceInfo\": [" PAIR("B", "***") "," PAIR("B", "***") "]}",
		 "contextSourceInfo[1].value");
	unmerged(OF_T "}", "{\"contextSourceInfo\": [" PAIR("B", "***") "]}", "contextSourceInfo[0].value");
	refused_as(OF_T WITH_INFO(PAIR("B", "2") "," PAIR("A", "***")), false, ERR_INVALID,
		   "contextSourceInfo[1].value");
}

/* What stands beside a value that cannot be had is its keeper's: updates leave it, clients neither see nor set it. */
static void what_cannot_be_had_is_kept(void)
{
	const char *lost = OF_T WITH_INFO("{\"key\": \"A\", \"value\": \"***\", \"sealed\": \"s\"}");

	same(merged_kept(parse(lost), "{\"description\": null}"), lost);
	same(merged_kept(parse(lost), "{\"contextSourceInfo\": [" PAIR("A", "***") "]}"), lost);
	same(merged_kept(parse(lost),
			 "{\"contextSourceInfo\": [{\"key\": \"A\", \"value\": \"n\", \"sealed\": \"x\"}]}"),
	     OF_T WITH_INFO(PAIR("A", "n")));
	const struct json *pair = json_at(json_get(shown(lost, &fresh, false), STR("contextSourceInfo")), 0);

	CHECK_STR(json_text(json_get(pair, STR("value"))), STR("***"));
	CHECK(!json_get(pair, STR("sealed")));
}

static void secrets_are_not_shown(void)
{
	static const char *const secret[] = {"authorization", "Proxy-Authorization", "COOKIE", "X-Auth-Token",
					     "api-key",       "Client-Secret"};

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		const char *text = arena_printf(&arena,
						OF_T ", \"contextSourceInfo\": [{\"key\": \"%s\", \"value\": \"s\"},"
						     " {\"key\": \"%s\", \"value\": \"urn:ngsi-ld:request\"},"
						     " {\"key\": \"X-Plain\", \"value\": \"p\"}]}",
						secret[i], secret[i])
					   .at;
		const struct json *pairs = json_get(shown(text, &fresh, false), STR("contextSourceInfo"));

		CHECK_STR(json_text(json_get(json_at(pairs, 0), STR("value"))), STR("***"));
		CHECK_STR(json_text(json_get(json_at(pairs, 1), STR("value"))), STR("urn:ngsi-ld:request"));
		CHECK_STR(json_text(json_get(json_at(pairs, 2), STR("value"))), STR("p"));
	}
}

static void names_follow_the_context_of_the_answer(void)
{
	const struct json *document = parse(ANNEX_C3);
	struct json *iris = NULL, *back = NULL;

	CHECK_OK(registration_rename(&arena, document, annex, NULL, &iris, &err), &err);
	const struct json *info = json_at(json_get(iris, STR("information")), 0);

	CHECK_STR(json_text(json_get(json_at(json_get(info, STR("entities")), 0), STR("type"))),
		  STR("http://example.org/vehicle/Vehicle"));
	CHECK_STR(json_text(json_at(json_get(info, STR("relationshipNames")), 0)),
		  STR("http://example.org/common/isParked"));
	CHECK_OK(registration_rename(&arena, iris, core, annex, &back, &err), &err);
	same(back, ANNEX_C3);
}

/* An arena that refuses earlier and later: an error, or the whole answer. */
static void refused_memory_is_an_error(void)
{
	const struct json *document = parse(ANNEX_C3), *fragment = parse("{\"location\": null, \"tenant\": \"t\"}");
	const struct registration_show show = {.context = core, .sys_attrs = true};
	enum err_code code = ERR_MEMORY;
	size_t room = 0;

	for (; code == ERR_MEMORY && room < 1u << 20; room += 64) {
		struct json *result = NULL;
		struct arena small;
		struct buf out;

		arena_init(&small, room);
		buf_init(&out, 1u << 20);
		code = registration_merge(&small, document, fragment, NOW_US, &result, &err);
		if (code == ERR_OK)
			code = registration_represent(&out, &small, result, annex, &fresh, &show, &err);
		CHECK(code == ERR_OK || code == ERR_MEMORY);
		buf_done(&out);
		arena_done(&small);
	}
	CHECK(code == ERR_OK && room > 1024);
}

int main(void)
{
	bench_open();
	RUN(annex_c_and_every_member_is_accepted);
	RUN(each_restriction_of_a_registration_is_kept);
	RUN(endpoints_are_web_addresses);
	RUN(information_is_checked);
	RUN(times_places_and_durations_are_checked);
	RUN(context_source_info_is_checked);
	RUN(modes_demand_of_other_members);
	RUN(too_much_is_too_complex);
	RUN(members_are_kept_added_replaced_and_removed);
	RUN(what_it_says_can_be_asked_for);
	RUN(what_takes_too_much_to_compile_is_too_complex);
	RUN(entity_specifications_match_as_the_clause_lists);
	RUN(several_selectors_match_when_any_does);
	RUN(attribute_names_match_as_the_clause_lists);
	RUN(datasets_match_when_one_is_common);
	RUN(scopes_are_held_against_the_scope_query);
	RUN(places_match_when_they_may_hold_one_that_does);
	RUN(the_geo_property_asked_for_is_looked_at);
	RUN(times_match_as_the_clause_says);
	RUN(csf_asks_for_members_of_the_registration);
	RUN(what_has_expired_matches_nothing);
	RUN(only_matching_information_is_left);
	RUN(annex_c3_is_found_for_a_parking_downtown);
	RUN(exclusive_ones_conflict_over_entity_and_attribute);
	RUN(proxied_ones_claim_what_is_held_elsewhere);
	RUN(a_store_gets_ids_or_types_to_look_for);
	RUN(it_comes_back_as_it_was_sent_with_its_figures);
	RUN(hidden_values_stay);
	RUN(what_cannot_be_had_is_kept);
	RUN(secrets_are_not_shown);
	RUN(names_follow_the_context_of_the_answer);
	RUN(refused_memory_is_an_error);
	bench_close();
	return check_done();
}
