/* What the tests of registrations share: a broker with a clock of its own, and writes that are waited for. */
#ifndef MACHI_TESTS_REGISTRATION_UTIL_H
#define MACHI_TESTS_REGISTRATION_UTIL_H

#include "base/time_value.h"
#include "broker/registrations.h"
#include "check.h"
#include "gate_util.h"
#include "store_util.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#define TYPE "https://uri.etsi.org/ngsi-ld/default-context/"

static struct broker *broker;
static struct store *store;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;
static atomic_llong now_us;

static inline int64_t test_clock(void)
{
	return atomic_load(&now_us);
}

/* What the broker complained of since the city began. */
static size_t complaints;
static struct error complaint; /* the last */

static inline void on_complaint(void *self, struct str tenant, const struct error *why)
{
	(void)self;
	(void)tenant;
	complaints++;
	complaint = *why;
}

static inline void city_begin(const char *folder, uint32_t sweep_ms)
{
	const struct broker_options options = {.data_path = folder,
					       .create = true,
					       .clock_us = test_clock,
					       .sweep_interval_ms = sweep_ms,
					       .complain = on_complaint};

	complaints = 0;

	CHECK_OK(broker_new(&options, &broker, &err), &err);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	CHECK_OK(broker_reader_new(broker, &reader, &err), &err);
}

static inline void city_end(void)
{
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
}

static inline struct json *parse(const char *text)
{
	struct json *json = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &json, &err), &err);
	return json;
}

struct waiting {
	struct registration_write write;
	sem_t done;
	enum err_code code;
};

static inline void ended(struct waiting *waiting, enum err_code code)
{
	waiting->code = code;
	(void)sem_post(&waiting->done);
}

static inline void on_written(struct registration_write *write, enum err_code code, const struct error *why)
{
	(void)why;
	ended(write->self, code);
}

static inline void begin(struct waiting *waiting, enum registration_operation operation, const char *id,
			 const char *text)
{
	*waiting = (struct waiting){.write = {.operation = operation,
					      .id = arena_dup(&arena, str_from(id)),
					      .document = text ? parse(text) : NULL,
					      .arena = &arena,
					      .done = on_written,
					      .self = waiting}};
	(void)sem_init(&waiting->done, 0, 0);
	enum err_code code = broker_registration_submit(reader, STR_NONE, &waiting->write, &err);

	if (code != ERR_OK)
		on_written(&waiting->write, code, &err);
}

static inline enum err_code finish(struct waiting *waiting)
{
	(void)sem_wait(&waiting->done);
	(void)sem_destroy(&waiting->done);
	return waiting->code;
}

static inline enum err_code submit(enum registration_operation operation, const char *id, const char *text)
{
	struct waiting waiting;

	begin(&waiting, operation, id, text);
	return finish(&waiting);
}

static inline void cases_begin(void)
{
	parser = json_parser_new();
	arena_init(&arena, (size_t)64 << 20);
	atomic_store(&now_us, INT64_C(1790000000) * US_PER_S);
}

static inline int cases_end(void)
{
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}

/* One of type T and attribute n; rest: members, each with a comma behind. */
static inline const char *document(const char *id, const char *rest)
{
	return arena_printf(&arena,
			    "{\"id\":\"%s\",\"type\":\"ContextSourceRegistration\",\"endpoint\":\"http://h/\",%s"
			    "\"information\":[{\"entities\":[{\"id\":\"urn:e\",\"type\":\"" TYPE
			    "T\"}],\"propertyNames\":[\"" TYPE "n\"]}]}",
			    id, rest)
		.at;
}

#endif
