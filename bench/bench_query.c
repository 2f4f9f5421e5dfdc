/* Holding queries against stored entities of about 1 KB: what a scan costs for each candidate.
 *
 * Sides: parsing the document and matching; matching a tree that is there; parsing alone, the floor of any scan that
 * reads documents; SQLite's JSON functions evaluating the same condition on the same text, for the first query. */
#include "bench.h"
#include "ngsild/query.h"

#include <sqlite3.h>
#include <string.h>

#define ENTITIES 1024u
#define VOCAB NGSILD_DEFAULT_VOCAB

struct fleet {
	struct json_parser *parser;
	struct context *core;
	struct arena arena; /* of texts, trees and queries */
	struct arena scratch; /* of one parse */
	struct str texts[ENTITIES];
	struct json *trees[ENTITIES];
	const struct query *query; /* the one that is measured */
	uint64_t expected; /* matches among all entities */
	sqlite3_stmt *statement;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_query: %s\n", what);
	exit(1);
}

/* A bus as the timetable feed keeps it, expanded; ' stands for ". */
static const char vehicle_format[] =
	"{'id':'urn:ngsi-ld:Vehicle:singapore:bus:10-1-%04u','type':['" VOCAB "Vehicle'],"
	"'createdAt':1763785260000000,'modifiedAt':17637852600%05u,"
	"'" VOCAB "vehicleType':[{'type':'Property','value':'bus','createdAt':1763785260000000}],"
	"'https://uri.etsi.org/ngsi-ld/location':[{'type':'GeoProperty','value':{'type':'Point',"
	"'coordinates':[103.%06u,1.3%05u]},'observedAt':'2026-11-22T04:21:00Z','createdAt':1763785260000000}],"
	"'" VOCAB "heading':[{'type':'Property','value':%u.5,'unitCode':'DD','createdAt':1763785260000000}],"
	"'" VOCAB "speed':[{'type':'Property','value':%u.25,'unitCode':'KMH',"
	"'observedAt':'2026-11-22T04:21:00Z','createdAt':1763785260000000}],"
	"'" VOCAB "nextStop':[{'type':'Relationship','object':'urn:ngsi-ld:GtfsStop:singapore:%05u',"
	"'createdAt':1763785260000000}],"
	"'" VOCAB "serviceStatus':[{'type':'Property','value':['%s','scheduled'],'createdAt':1763785260000000}]}";

static struct str vehicle(struct arena *arena, unsigned i)
{
	char text[2048];
	int len = snprintf(text, sizeof(text), vehicle_format, i, i, 600000 + i * 397 % 400000, i * 7919 % 100000,
			   i * 7 % 360, i * 13 % 60, 76000 + i % 100, i % 3 ? "onRoute" : "atStop");

	for (int at = 0; at < len; at++)
		text[at] = text[at] == '\'' ? '"' : text[at];
	return arena_dup(arena, (struct str){text, (size_t)len});
}

static void run_parse_and_match(void *self, uint64_t times)
{
	struct fleet *fleet = self;
	uint64_t matches = 0;
	struct error err;

	for (uint64_t i = 0; i < times * ENTITIES; i++) {
		struct json *tree;
		static const struct json_parse_options ours = {.duplicates_allowed = true};

		arena_clear(&fleet->scratch);
		if (json_parse(fleet->parser, &fleet->scratch, fleet->texts[i % ENTITIES], &ours, &tree, &err))
			fail(err.detail);
		matches += query_matches(fleet->query, tree);
	}
	if (matches != times * fleet->expected)
		fail("parse and match: another number of matches");
}

static void run_match(void *self, uint64_t times)
{
	struct fleet *fleet = self;
	uint64_t matches = 0;

	for (uint64_t i = 0; i < times * ENTITIES; i++)
		matches += query_matches(fleet->query, fleet->trees[i % ENTITIES]);
	if (matches != times * fleet->expected)
		fail("match: another number of matches");
}

static void run_parse(void *self, uint64_t times)
{
	struct fleet *fleet = self;
	struct error err;

	for (uint64_t i = 0; i < times * ENTITIES; i++) {
		struct json *tree;
		static const struct json_parse_options ours = {.duplicates_allowed = true};

		arena_clear(&fleet->scratch);
		if (json_parse(fleet->parser, &fleet->scratch, fleet->texts[i % ENTITIES], &ours, &tree, &err) ||
		    tree->count != 10)
			fail("parse");
	}
}

static void run_sqlite(void *self, uint64_t times)
{
	struct fleet *fleet = self;
	uint64_t matches = 0;

	for (uint64_t i = 0; i < times * ENTITIES; i++) {
		struct str text = fleet->texts[i % ENTITIES];

		if (sqlite3_bind_text(fleet->statement, 1, text.at, (int)text.len, SQLITE_STATIC) != SQLITE_OK ||
		    sqlite3_step(fleet->statement) != SQLITE_ROW)
			fail("SQLite");
		matches += (uint64_t)sqlite3_column_int(fleet->statement, 0);
		(void)sqlite3_reset(fleet->statement);
	}
	if (matches != times * fleet->expected)
		fail("SQLite: another number of matches");
}

static sqlite3 *sqlite_ready(struct fleet *fleet)
{
	static const char sql[] =
		"SELECT json_extract(?1, '$.\"" VOCAB "speed\"[0].value') > 20 AND EXISTS(SELECT 1 FROM "
		"json_each(?1, '$.\"" VOCAB "serviceStatus\"[0].value') WHERE value = 'onRoute')";
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &fleet->statement, NULL) != SQLITE_OK)
		fail("SQLite does not open");
	return db;
}

static void measure(struct fleet *fleet, const char *name, const struct query_text *text, bool sqlite)
{
	struct query *query;
	struct error err;
	char what[160], remark[160];

	if (query_new(&fleet->arena, fleet->parser, text, fleet->core, &query, &err))
		fail(err.detail);
	fleet->query = query;
	fleet->expected = 0;
	for (unsigned i = 0; i < ENTITIES; i++)
		fleet->expected += query_matches(query, fleet->trees[i]);
	(void)snprintf(what, sizeof(what), "entities of %zu bytes a second, %s", fleet->texts[0].len, name);
	(void)snprintf(remark, sizeof(remark), "%s: %llu of %u match", name, (unsigned long long)fleet->expected,
		       ENTITIES);
	bench_note(remark);
	const struct bench_side sides[] = {{"ours: parse and match", run_parse_and_match, fleet},
					   {"ours: match", run_match, fleet},
					   {"limit: parse alone", run_parse, fleet},
					   {"SQLite " SQLITE_VERSION " json_extract, json_each", run_sqlite, fleet}};

	bench_sides(what, sides, sqlite ? 4 : 3, BENCH_ROUNDS, (double)ENTITIES, "/s");
	query_done(query);
}

int main(void)
{
	static struct fleet fleet;
	struct error err;

	arena_init(&fleet.arena, 64u << 20);
	arena_init(&fleet.scratch, 1u << 20);
	fleet.parser = json_parser_new();
	if (!fleet.parser || context_core_new(&fleet.core, &err))
		fail("no context");
	for (unsigned i = 0; i < ENTITIES; i++) {
		fleet.texts[i] = vehicle(&fleet.arena, i);
		if (json_parse(fleet.parser, &fleet.arena, fleet.texts[i], NULL, &fleet.trees[i], &err))
			fail(err.detail);
	}
	sqlite3 *db = sqlite_ready(&fleet);

	measure(&fleet, "q: a number and a text in an array",
		&(struct query_text){.type = STR("Vehicle"), .q = STR("speed>20;serviceStatus==\"onRoute\"")}, true);
	measure(&fleet, "q: six terms with OR and a time",
		&(struct query_text){.q = STR("(heading<90|heading>=270);speed==10..50;nextStop!=urn:x:1;"
					      "(location.observedAt>2026-01-01T00:00:00Z|missing)")},
		false);
	measure(&fleet, "idPattern and ~=",
		&(struct query_text){.id_pattern = STR("bus:10-[0-9]-0[0-4]"),
				     .q = STR("vehicleType~=\"^(bus|tram)$\"")},
		false);
	measure(&fleet, "near a point",
		&(struct query_text){.georel = STR("near;maxDistance==10000"),
				     .geometry = STR("Point"),
				     .coordinates = STR("[103.8,1.35]")},
		false);
	measure(&fleet, "within a polygon of 6 corners",
		&(struct query_text){.georel = STR("within"),
				     .geometry = STR("Polygon"),
				     .coordinates = STR("[[[103.7,1.3],[103.8,1.28],[103.9,1.31],[103.92,1.37],"
							"[103.8,1.4],[103.72,1.36],[103.7,1.3]]]")},
		false);
	(void)sqlite3_finalize(fleet.statement);
	(void)sqlite3_close(db);
	fleet.core = context_unref(fleet.core);
	fleet.parser = json_parser_free(fleet.parser);
	arena_done(&fleet.scratch);
	arena_done(&fleet.arena);
	return 0;
}
