/* Reading and writing a city entity of about 1 KB.
 *
 * Sides: our parse (validated, tree in an arena, numbers as text and double) and write; simdjson's DOM parse alone,
 * which is the library's own tree without keeping how numbers were written; simdjson's first stage alone, the floor of
 * what we build on; memcpy of the text. */
#include "bench.h"
#include "json/json.h"
#include "json/json_int.h"

#include <string.h>

/* bench_json_peer.cc */
void peer_open(void);
void peer_close(void);
size_t peer_dom_parse(const char *text, size_t len); /* number of top-level members, 0 on failure */

static const char entity[] =
	"{\"id\":\"urn:ngsi-ld:Vehicle:singapore:bus:10-1-0612\",\"type\":\"Vehicle\",\"vehicleType\":{\"type\":"
	"\"Property\",\"value\":\"bus\"},\"location\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\","
	"\"coordinates\":[103.819836,1.352083]},\"observedAt\":\"2026-11-22T04:21:00Z\"},\"heading\":{\"type\":"
	"\"Property\",\"value\":271.5,\"unitCode\":\"DD\",\"observedAt\":\"2026-11-22T04:21:00Z\"},\"speed\":{\"type\":"
	"\"Property\",\"value\":31.25,\"unitCode\":\"KMH\",\"observedAt\":\"2026-11-22T04:21:00Z\"},\"nextStop\":"
	"{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsStop:singapore:76059\"},\"isOnTrip\":{\"type\":"
	"\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsTrip:singapore:10-WD-1-0612\"},\"scheduledDelay\":{\"type\":"
	"\"Property\",\"value\":0,\"unitCode\":\"SEC\"},\"passengers\":{\"type\":\"Property\",\"value\":42,"
	"\"providedBy\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Device:counter:0612\"}},\"serviceStatus\":"
	"{\"type\":\"Property\",\"value\":[\"onRoute\",\"scheduled\"]},\"@context\":["
	"\"https://example.org/transport.jsonld\","
	"\"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld\"]}";

struct ours {
	struct json_parser *parser;
	struct json_index *index;
	struct arena arena;
	struct json *tree;
	struct buf out;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_json: %s failed\n", what);
	exit(1);
}

static void run_parse(void *self, uint64_t times)
{
	struct ours *ours = self;
	struct str text = {entity, sizeof(entity) - 1};
	struct error err;

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&ours->arena);
		if (json_parse(ours->parser, &ours->arena, text, NULL, &ours->tree, &err) != ERR_OK ||
		    ours->tree->count != 12)
			fail(err.detail);
	}
}

static void run_dom(void *self, uint64_t times)
{
	(void)self;
	for (uint64_t i = 0; i < times; i++)
		if (peer_dom_parse(entity, sizeof(entity) - 1) != 12)
			fail("simdjson DOM");
}

static void run_index(void *self, uint64_t times)
{
	struct ours *ours = self;
	char padded[sizeof(entity) + JSON_PADDING_BYTES] = {0};
	const uint32_t *positions;
	uint32_t count = 0;

	memcpy(padded, entity, sizeof(entity));
	for (uint64_t i = 0; i < times; i++)
		if (json_index_build(ours->index, padded, sizeof(entity) - 1, &positions, &count) != JSON_INDEX_OK)
			fail("simdjson's first stage");
}

static void run_write(void *self, uint64_t times)
{
	struct ours *ours = self;

	for (uint64_t i = 0; i < times; i++) {
		buf_clear(&ours->out);
		json_write(&ours->out, ours->tree);
	}
	if (ours->out.len != sizeof(entity) - 1)
		fail("writing");
}

static void run_copy(void *self, uint64_t times)
{
	static char to[sizeof(entity)];

	(void)self;
	for (uint64_t i = 0; i < times; i++) {
		memcpy(to, entity, sizeof(entity));
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

int main(void)
{
	struct ours ours = {.parser = json_parser_new(), .index = json_index_new()};
	char what[100];

	if (!ours.parser || !ours.index)
		return 1;
	arena_init(&ours.arena, 1 << 20);
	buf_init(&ours.out, 1 << 20);
	peer_open();
	(void)snprintf(what, sizeof(what), "JSON, one entity of %zu bytes", sizeof(entity) - 1);
	const struct bench_side sides[] = {{"ours: parse to tree", run_parse, &ours},
					   {"simdjson 3.0.1 DOM", run_dom, NULL},
					   {"simdjson 3.0.1 first stage", run_index, &ours},
					   {"ours: write", run_write, &ours},
					   {"memcpy", run_copy, NULL}};

	run_parse(&ours, 1);
	bench_sides(what, sides, 5, BENCH_ROUNDS, 0, "ns");
	run_parse(&ours, 1);
	bench_sides(what, sides, 4, BENCH_ROUNDS, (double)(sizeof(entity) - 1) / 1e6, "MB/s");
	peer_close();
	buf_done(&ours.out);
	arena_done(&ours.arena);
	(void)json_index_free(ours.index);
	ours.parser = json_parser_free(ours.parser);
	return 0;
}
