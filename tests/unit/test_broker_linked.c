/* Linked entities of a read (GS CIM 009 V1.9.1 clause 4.5.23), on both stores.
 *
 * Goal: they come from the snapshot of the entity that links to them, each is read once, what has expired is not there,
 * and what leads too far ends with an error. Method: entities in a broker, visited, with writes in between. */
#include "broker/broker.h"
#include "check.h"
#include "ngsild/expand.h"

#include <string.h>
#include <unistd.h>

#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US INT64_C(1795321260000000) /* 2026-11-22T04:21:00Z */

static int64_t now_us;
static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return now_us;
}

static void open_broker(void)
{
	struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	now_us = START_US;
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
}

static void close_broker(void)
{
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
	arena_clear(&arena);
}

static void write_entity(enum broker_operation operation, const char *text)
{
	struct expand_options options = {.context = broker_core_context(broker), .now_us = now_us};
	struct json *body, *entity = NULL;
	struct store *store = NULL;
	struct broker_item item = {.operation = operation};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};

	if (!CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &body, &err), &err) ||
	    !CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err) ||
	    !CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err))
		return;
	item.id = document_id(entity);
	item.entity = entity;
	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK_OK(item.outcome.code, &item.outcome.error);
}

static double value_of(const struct json *entity, const char *name)
{
	const struct json *value =
		document_value(document_instance(entity, arena_concat(&arena, STR(VOCAB), str_from(name)), STR_NONE));

	return value ? value->number : NAN;
}

static struct query *query_of(const char *q, uint32_t levels)
{
	struct query_text text = {.q = str_from(q), .linked_levels = levels};
	struct query *query = NULL;

	CHECK_OK(query_new(&arena, parser, &text, broker_core_context(broker), &query, &err), &err);
	return query;
}

/* ---- cases ---- */

struct look {
	int visits;
	bool write; /* changes the linked entity between two looks at it */
	double first, second;
	const struct json *entities[2];
};

static bool look_at_links(void *self, const struct json *entity)
{
	struct look *look = self;
	struct linked_source linked = broker_linked_source(reader);

	(void)entity;
	look->visits++;
	if (look->write)
		write_entity(BROKER_REPLACE, "{\"id\":\"urn:b:1\",\"type\":\"B\",\"v\":2}");
	look->entities[0] = linked.find(linked.self, STR("urn:b:1"));
	look->first = value_of(look->entities[0], "v");
	look->entities[1] = linked.find(linked.self, STR("urn:b:1"));
	look->second = value_of(look->entities[1], "v");
	CHECK(!linked.find(linked.self, STR("urn:gone:1")));
	return true;
}

static void store_pair(void)
{
	write_entity(BROKER_CREATE, "{\"id\":\"urn:a:1\",\"type\":\"A\",\"r\":{\"object\":\"urn:b:1\"}}");
	write_entity(BROKER_CREATE, "{\"id\":\"urn:b:1\",\"type\":\"B\",\"v\":1}");
}

static void linked_entities_come_from_the_snapshot_of_the_read(void)
{
	const struct broker_page page = {.limit = 10};
	struct broker_page_result result;
	struct look look = {.write = folder != NULL}; /* the memory store keeps no documents of before */

	store_pair();
	CHECK_OK(broker_retrieve_linked(reader, STR_NONE, STR("urn:a:1"), look_at_links, &look, &err), &err);
	CHECK(look.visits == 1 && look.first == 1 && look.second == 1 && look.entities[0] == look.entities[1]);
	struct query *query = query_of("r", 0);

	write_entity(BROKER_REPLACE, "{\"id\":\"urn:b:1\",\"type\":\"B\",\"v\":1}");
	CHECK_OK(broker_query(reader, STR_NONE, query, &page, look_at_links, &look, &result, &err), &err);
	CHECK(look.visits == 2 && look.first == 1 && look.entities[0] == look.entities[1] && result.returned == 1);
	look.write = false;
	CHECK_OK(broker_retrieve_linked(reader, STR_NONE, STR("urn:a:1"), look_at_links, &look, &err), &err);
	CHECK(look.first == (folder ? 2 : 1));
	query_done(query);
}

static void outside_of_a_read_there_are_none(void)
{
	struct linked_source linked = broker_linked_source(reader);
	struct look look = {.visits = 0};

	CHECK(!linked.find(linked.self, STR("urn:b:1")));
	store_pair();
	CHECK(broker_retrieve_linked(reader, STR_NONE, STR("urn:gone:1"), look_at_links, &look, &err) == ERR_NOT_FOUND);
	CHECK(broker_retrieve_linked(reader, STR("none"), STR("urn:a:1"), look_at_links, &look, &err) == ERR_TENANT);
	CHECK(look.visits == 0 && !linked.find(linked.self, STR("urn:b:1")));
}

static uint64_t count_matches(const char *q, uint32_t levels)
{
	const struct broker_page page = {.limit = 0, .count = true};
	struct broker_page_result result = {0};
	struct query *query = query_of(q, levels);

	CHECK_OK(broker_query(reader, STR_NONE, query, &page, NULL, NULL, &result, &err), &err);
	query_done(query);
	return result.total;
}

static void queries_reach_into_linked_entities(void)
{
	char text[160];

	for (int i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:a:%d\",\"type\":\"A\",\"r\":{\"object\":[\"urn:b:%d\",\"urn:gone:1\"]}}",
			       i, i % 50);
		write_entity(BROKER_CREATE, text);
	}
	for (int i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"urn:b:%d\",\"type\":\"B\",\"v\":%d,\"up\":{\"object\":\"urn:a:%d\"}}", i, i,
			       i);
		write_entity(BROKER_CREATE, text);
	}
	CHECK(count_matches("r{v}<10", 1) == 40 && count_matches("r{B:v}==49", 1) == 4 &&
	      count_matches("r{A:v}", 1) == 0);
	CHECK(count_matches("r{up{r{v}}}==7", 3) == 4 && count_matches("up{r{v}}!=7", 2) == 49);
}

static void what_has_expired_is_not_linked_to(void)
{
	struct look look = {.visits = 0};

	store_pair();
	write_entity(BROKER_REPLACE,
		     "{\"id\":\"urn:b:1\",\"type\":\"B\",\"v\":{\"value\":1,\"expiresAt\":\"2026-11-22T05:00:00Z\"},"
		     "\"expiresAt\":\"2026-11-22T06:00:00Z\"}");
	CHECK_OK(broker_retrieve_linked(reader, STR_NONE, STR("urn:a:1"), look_at_links, &look, &err), &err);
	CHECK(look.entities[0] && look.first == 1 && count_matches("r{v}==1", 1) == 1);
	now_us = START_US + INT64_C(3600000000); /* 05:21 */
	CHECK_OK(broker_retrieve_linked(reader, STR_NONE, STR("urn:a:1"), look_at_links, &look, &err), &err);
	CHECK(look.entities[0] && isnan(look.first) && count_matches("r{v}==1", 1) == 0);
	now_us = START_US + INT64_C(7200000000); /* 06:21 */
	CHECK_OK(broker_retrieve_linked(reader, STR_NONE, STR("urn:a:1"), look_at_links, &look, &err), &err);
	CHECK(!look.entities[0]);
}

static void links_that_lead_too_far_end_with_an_error(void)
{
	struct buf text;
	const struct broker_page page = {.limit = 0, .count = true};
	struct broker_page_result result = {0};

	/* Thirty entities that each link to all of them: 30⁴ ways of four steps, none of which ends in a match. */
	for (int i = 0; i < 30; i++) {
		buf_init(&text, 1 << 16);
		buf_printf(&text, "{\"id\":\"urn:a:%d\",\"type\":\"A\",\"r\":{\"object\":[", i);
		for (int k = 0; k < 30; k++)
			buf_printf(&text, "%s\"urn:a:%d\"", k ? "," : "", k);
		buf_put(&text, STR("]}}"));
		write_entity(BROKER_CREATE, arena_dup(&arena, buf_str(&text)).at);
		buf_done(&text);
	}
	struct query *query = query_of("r{r{r{r{v}}}}", 4);

	CHECK(broker_query(reader, STR_NONE, query, &page, NULL, NULL, &result, &err) == ERR_TOO_COMPLEX);
	CHECK(str_contains(str_from(err.detail), STR("200000 linked entities")));
	query_done(query);
	CHECK(count_matches("r{r{r}}", 2) == 30); /* the reader goes on */
}

static void on_each_store(void (*run)(void), const char *name)
{
	char place[] = "/tmp/machi-linked-XXXXXX";
	char shown[128];

	for (int sqlite = 0; sqlite < 2; sqlite++) {
		folder = sqlite ? mkdtemp(place) : NULL;
		CHECK(!sqlite || folder);
		open_broker();
		(void)snprintf(shown, sizeof(shown), "%s (%s)", name, sqlite ? "sqlite" : "memory");
		check_run(run, shown);
		close_broker();
		if (sqlite) {
			static const char *const files[] = {"machi.db", "machi.db-wal", "machi.db-shm", "tenants"};

			for (int i = 0; i < 4; i++)
				(void)remove(arena_printf(&arena, "%s/%s", folder, files[i]).at);
			(void)rmdir(folder);
		}
	}
}

#define ON_EACH_STORE(name) on_each_store(name, #name)

int main(void)
{
	arena_init(&arena, 256u << 20);
	parser = json_parser_new();
	ON_EACH_STORE(linked_entities_come_from_the_snapshot_of_the_read);
	ON_EACH_STORE(outside_of_a_read_there_are_none);
	ON_EACH_STORE(queries_reach_into_linked_entities);
	ON_EACH_STORE(what_has_expired_is_not_linked_to);
	ON_EACH_STORE(links_that_lead_too_far_end_with_an_error);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
