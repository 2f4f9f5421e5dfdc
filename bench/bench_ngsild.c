/* Expanding, representing and merging a city entity of about 1 KB, the work of every PUT and GET.
 *
 * Sides: ours, with the core context alone (default vocabulary) and with a user context that names every term.
 * Limits: writing the same expanded tree as plain JSON, and parsing the client's text, which any broker does too. */
#include "bench.h"
#include "ngsild/expand.h"
#include "ngsild/merge.h"
#include "ngsild/represent.h"
#include "json/json.h"

static const char vehicle[] =
	"{\"id\":\"urn:ngsi-ld:Vehicle:singapore:bus:10-1-0612\",\"type\":\"Vehicle\",\"vehicleType\":{\"type\":"
	"\"Property\",\"value\":\"bus\"},\"location\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\","
	"\"coordinates\":[103.819836,1.352083]},\"observedAt\":\"2026-11-22T04:21:00Z\"},\"heading\":{\"type\":"
	"\"Property\",\"value\":271.5,\"unitCode\":\"DD\",\"observedAt\":\"2026-11-22T04:21:00Z\"},\"speed\":{\"type\":"
	"\"Property\",\"value\":31.25,\"unitCode\":\"KMH\",\"observedAt\":\"2026-11-22T04:21:00Z\"},\"nextStop\":"
	"{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsStop:singapore:76059\"},\"isOnTrip\":{\"type\":"
	"\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsTrip:singapore:10-WD-1-0612\"},\"scheduledDelay\":{\"type\":"
	"\"Property\",\"value\":0,\"unitCode\":\"SEC\"},\"passengers\":{\"type\":\"Property\",\"value\":42,"
	"\"providedBy\":{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:Device:counter:0612\"}},\"serviceStatus\":"
	"{\"type\":\"Property\",\"value\":[\"onRoute\",\"scheduled\"]}}";

/* The terms of the Smart Data Models' context that the entity uses. */
static const char terms[] =
	"{\"Vehicle\":\"https://smartdatamodels.org/dataModel.Transportation/Vehicle\","
	"\"vehicleType\":\"https://smartdatamodels.org/dataModel.Transportation/vehicleType\","
	"\"heading\":\"https://smartdatamodels.org/dataModel.Transportation/heading\","
	"\"speed\":\"https://smartdatamodels.org/dataModel.Transportation/speed\","
	"\"nextStop\":\"https://smartdatamodels.org/dataModel.Transportation/nextStop\","
	"\"isOnTrip\":\"https://smartdatamodels.org/dataModel.Transportation/isOnTrip\","
	"\"scheduledDelay\":\"https://smartdatamodels.org/dataModel.Transportation/scheduledDelay\","
	"\"passengers\":\"https://smartdatamodels.org/dataModel.Transportation/passengers\","
	"\"providedBy\":\"https://smartdatamodels.org/dataModel.Transportation/providedBy\","
	"\"serviceStatus\":\"https://smartdatamodels.org/dataModel.Transportation/serviceStatus\"}";

struct work {
	struct json_parser *parser;
	struct arena kept, scratch;
	struct context *context;
	const struct json *body, *entity;
	struct buf out;
	enum represent_format format;
	size_t text_bytes; /* of the last text written */
};

static _Noreturn void fail(const char *what)
{
	(void)fprintf(stderr, "bench_ngsild: %s failed\n", what);
	exit(1);
}

static void run_parse(void *self, uint64_t times)
{
	struct work *work = self;
	struct json *tree;

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&work->scratch);
		if (json_parse(work->parser, &work->scratch, (struct str){vehicle, sizeof(vehicle) - 1}, NULL, &tree,
			       NULL))
			fail("parsing");
	}
}

static void run_expand(void *self, uint64_t times)
{
	struct work *work = self;
	struct expand_options options = {.context = work->context, .now_us = 1};
	struct json *entity;

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&work->scratch);
		if (expand_entity(&work->scratch, work->body, &options, &entity, NULL))
			fail("expanding");
	}
}

static void run_represent(void *self, uint64_t times)
{
	struct work *work = self;
	struct represent_options options = {.context = work->context, .format = work->format};

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&work->scratch);
		buf_clear(&work->out);
		if (represent_entity(&work->out, &work->scratch, work->entity, &options, NULL) || work->out.failed)
			fail("representing");
	}
	work->text_bytes = work->out.len;
}

static void run_write(void *self, uint64_t times)
{
	struct work *work = self;

	for (uint64_t i = 0; i < times; i++) {
		buf_clear(&work->out);
		json_write(&work->out, work->entity);
	}
	work->text_bytes = work->out.len;
}

/* Puts the same entity on itself: everything is compared, nothing changes. */
static void run_merge(void *self, uint64_t times)
{
	struct work *work = self;
	struct merge_result result;
	struct json entity = *work->entity;

	for (uint64_t i = 0; i < times; i++) {
		arena_clear(&work->scratch);
		if (merge_append(&work->scratch, &entity, work->entity, true, 2, &result, NULL) || result.changed)
			fail("merging");
	}
}

static void prepare(struct work *work, struct context *context)
{
	struct expand_options options = {.context = context, .now_us = INT64_C(1800000000000000)};
	struct json *body, *entity;

	work->context = context;
	if (json_parse(work->parser, &work->kept, (struct str){vehicle, sizeof(vehicle) - 1}, NULL, &body, NULL) ||
	    expand_entity(&work->kept, body, &options, &entity, NULL))
		fail("preparing");
	work->body = body;
	work->entity = entity;
}

static void bench_formats(struct work *work, const char *context_name)
{
	static const char *const names[] = {"normalized", "concise", "simplified"};

	for (int format = REPRESENT_NORMALIZED; format <= REPRESENT_SIMPLIFIED; format++) {
		const struct bench_side sides[] = {{"ours", run_represent, work}};
		char what[120];

		work->format = (enum represent_format)format;
		run_represent(work, 1);
		(void)snprintf(what, sizeof(what), "represent %s, %zu bytes out, %s", names[format], work->text_bytes,
			       context_name);
		bench_sides(what, sides, 1, BENCH_ROUNDS, (double)work->text_bytes / 1e6, "MB/s");
	}
}

int main(void)
{
	struct work work = {.parser = json_parser_new()};
	struct context *core = NULL, *user = NULL;
	struct json *value = NULL;
	char what[120];

	arena_init(&work.kept, 8u << 20);
	arena_init(&work.scratch, 8u << 20);
	buf_init(&work.out, 1u << 20);
	if (!work.parser || context_core_new(&core, NULL) ||
	    json_parse(work.parser, &work.kept, (struct str){terms, sizeof(terms) - 1}, NULL, &value, NULL) ||
	    context_new(core, value, NULL, &user, NULL))
		fail("the contexts");
	prepare(&work, core);
	bench_formats(&work, "core context");
	prepare(&work, user);
	bench_formats(&work, "user context");
	run_write(&work, 1);
	const struct bench_side write[] = {{"limit: the expanded tree as plain JSON", run_write, &work}};

	(void)snprintf(what, sizeof(what), "json_write, %zu bytes out", work.text_bytes);
	bench_sides(what, write, 1, BENCH_ROUNDS, (double)work.text_bytes / 1e6, "MB/s");
	const struct bench_side work_sides[] = {{"ours: expand the parsed tree", run_expand, &work},
						{"limit: json_parse of the same text", run_parse, &work},
						{"ours: append the same again", run_merge, &work}};

	(void)snprintf(what, sizeof(what), "expand, entity of %zu bytes", sizeof(vehicle) - 1);
	bench_sides(what, work_sides, 3, BENCH_ROUNDS, 0, NULL);
	buf_done(&work.out);
	arena_done(&work.scratch);
	arena_done(&work.kept);
	user = context_unref(user);
	core = context_unref(core);
	work.parser = json_parser_free(work.parser);
	return 0;
}
