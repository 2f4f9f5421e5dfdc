/* What the fuzz targets of documents share that are read by the core context. */
#ifndef MACHI_TESTS_TRIAL_FUZZ_H
#define MACHI_TESTS_TRIAL_FUZZ_H

#include "demand.h"
#include "ngsild/context.h"
#include "json/json.h"

struct trial {
	struct arena arena;
	struct json_parser *parser;
	struct context *context;
};

/* What each target makes of its bytes. */
static void run(struct trial *trial, struct str bytes);

static inline int run_trial(const uint8_t *data, size_t size, size_t arena_bytes_max)
{
	static struct context *core;
	struct trial trial = {.parser = json_parser_new()};
	struct error err;

	demand(trial.parser && (core || context_core_new(&core, &err) == ERR_OK));
	trial.context = core;
	arena_init(&trial.arena, arena_bytes_max);
	run(&trial, (struct str){(const char *)data, size});
	arena_done(&trial.arena);
	trial.parser = json_parser_free(trial.parser);
	return 0;
}

#endif
