/* A query's bound of time (query_ms_max). Who takes a match here takes a millisecond for it, so that a query over
 * enough of them cannot end in time on any machine; and one without a bound ends however long it takes. */
#include "broker/broker.h"
#include "check.h"
#include "ngsild/expand.h"

#include <time.h>

#define ENTITIES 100

static bool take_long(void *self, const struct json *entity)
{
	(void)entity;
	++*(int *)self;
	(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return true;
}

static void fill(struct broker *broker, struct arena *arena)
{
	struct json_parser *parser = json_parser_new();
	const struct expand_options options = {.context = broker_core_context(broker), .now_us = 1};
	struct store *store = NULL;
	struct error err = {0};

	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	for (int i = 0; i < ENTITIES; i++) {
		struct str text = arena_printf(arena, "{\"id\":\"urn:x:%d\",\"type\":\"T\",\"n\":%d}", i, i);
		struct json *body = NULL, *entity = NULL;

		CHECK_OK(json_parse(parser, arena, text, NULL, &body, &err), &err);
		CHECK_OK(expand_entity(arena, body, &options, &entity, &err), &err);
		struct broker_item item = {
			.operation = BROKER_CREATE, .id = document_id(entity), .entity = entity, .overwrite = true};
		struct broker_write write = {.items = &item, .item_count = 1, .arena = arena};

		CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	}
	(void)json_parser_free(parser);
}

/* Asks for all of them; how many were met before the end. */
static enum err_code ask(uint32_t ms_max, int *ret_met, struct error *err)
{
	const struct broker_options options = {.create = true, .query_ms_max = ms_max};
	const struct query_text text = {.type = STR("T")};
	const struct broker_page page = {.limit = ENTITIES};
	struct broker_page_result result;
	struct broker_reader *reader = NULL;
	struct broker *broker = NULL;
	struct query *query = NULL;
	struct arena arena;
	struct json_parser *parser = json_parser_new();

	*ret_met = 0;
	arena_init(&arena, 1 << 24);
	if (!CHECK_OK(broker_new(&options, &broker, err), err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, err), err) ||
	    !CHECK_OK(query_new(&arena, parser, &text, broker_core_context(broker), &query, err), err))
		abort();
	fill(broker, &arena);
	enum err_code code = broker_query(reader, STR_NONE, query, &page, take_long, ret_met, &result, err);

	query_done(query);
	(void)broker_reader_free(reader);
	(void)broker_free(broker);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return code;
}

static void a_query_that_takes_too_long_is_too_complex(void)
{
	struct error err = {0};
	int met;

	CHECK(ask(5, &met, &err) == ERR_TOO_COMPLEX);
	CHECK(met > 0 && met < ENTITIES);
	CHECK(str_contains(str_from(err.detail), STR("5 ms")));
}

static void a_query_without_a_bound_ends(void)
{
	struct error err = {0};
	int met;

	CHECK_OK(ask(0, &met, &err), &err);
	CHECK(met == ENTITIES);
}

int main(void)
{
	RUN(a_query_that_takes_too_long_is_too_complex);
	RUN(a_query_without_a_bound_ends);
	return check_done();
}
