/* Subscriptions in the broker: found by what they select, however idle they were, and not found any more once they are
 * gone. On the memory store; who delivers is not there, so what is owed lies in the outbox. */
#include "base/time_value.h"
#include "broker/subscriptions.h"
#include "check.h"
#include "store/outbox.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "https://uri.etsi.org/ngsi-ld/default-context/"
#define IDLE_S 61 /* as long as subscriptions are kept compiled, and a second */

static struct broker *broker;
static struct store *store;
static struct json_parser *parser;
static struct arena arena;
static struct error err;
static int64_t now_us;

static int64_t test_clock(void)
{
	return now_us;
}

static int64_t seen; /* numbers of notifications up to here were looked at */

static void city_begin(void)
{
	seen = 0;
	now_us = INT64_C(1790000000) * US_PER_S;
	CHECK_OK(broker_new(&(struct broker_options){.create = true, .clock_us = test_clock}, &broker, &err), &err);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
}

static void city_end(void)
{
	broker = broker_free(broker);
	arena_clear(&arena);
}

static struct json *parse(const char *text)
{
	struct json *json = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &json, &err), &err);
	return json;
}

struct waiting {
	sem_t done;
	enum err_code code;
};

static void on_written(struct subscription_write *write, enum err_code code, const struct error *why)
{
	struct waiting *waiting = write->self;

	if (code != ERR_OK)
		printf("# %s\n", why->detail);
	waiting->code = code;
	(void)sem_post(&waiting->done);
}

static enum err_code submit(enum subscription_operation operation, const char *id, const char *text)
{
	struct waiting waiting = {.code = ERR_OK};
	char urn[64];

	(void)snprintf(urn, sizeof(urn), "urn:s:%s", id);
	struct subscription_write write = {.operation = operation,
					   .id = str_from(urn),
					   .document = text ? parse(text) : NULL,
					   .context = broker_core_context(broker),
					   .arena = &arena,
					   .done = on_written,
					   .self = &waiting};

	(void)sem_init(&waiting.done, 0, 0);
	CHECK_OK(broker_subscription_submit(broker, STR_NONE, &write, &err), &err);
	(void)sem_wait(&waiting.done);
	(void)sem_destroy(&waiting.done);
	return waiting.code;
}

/* rest: members beside the notification, with a comma behind. */
static void subscribe(const char *id, const char *rest)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{\"id\":\"urn:s:%s\",\"type\":\"Subscription\",%s\"notification\":{\"endpoint\":{\"uri\":"
		       "\"http://h/%s\"}}}",
		       id, rest, id);
	CHECK(submit(SUBSCRIPTION_CREATE, id, text) == ERR_OK);
}

static void set(const char *id, const char *type, const char *attribute, int value)
{
	char text[512];
	struct broker_item item = {.operation = BROKER_UPSERT, .id = str_from(id)};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};

	(void)snprintf(text, sizeof(text),
		       "{\"id\":\"%s\",\"type\":[\"" TYPE "%s\"],\"createdAt\":1,\"" TYPE
		       "%s\":[{\"type\":\"Property\",\"value\":%d,\"createdAt\":1}]}",
		       id, type, attribute, value);
	item.entity = parse(text);
	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK(item.outcome.code == ERR_OK);
}

static void change(const char *id, const char *type, int value)
{
	set(id, type, "n", value);
}

static uint64_t in_use(void)
{
	struct broker_subscription_stats stats;

	broker_subscription_stats(broker, STR_NONE, &stats);
	return stats.in_use;
}

/* All have been idle for long but those that are looked at for every change; writes of others make it show. */
static void wait_until_idle(uint64_t left)
{
	now_us += IDLE_S * US_PER_S;
	for (int i = 0; i < 3; i++)
		set("urn:nobody", "Nobody", "other", i + (int)(now_us / US_PER_S % 1000000));
	CHECK(in_use() == left);
}

/* ---- what is owed ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *line_of(const struct store_owed *owed)
{
	struct broker_target *target = NULL;
	struct json *body = parse(arena_dup(&arena, owed->body).at);
	const struct json *data = json_get(body, STR("data"));
	const struct json *value = data ? json_get(json_get(&data->items[0], STR("n")), STR("value")) : NULL;
	char *line = arena_bytes(&arena, 64, 0);

	if (!CHECK_OK(broker_target_get(broker, STR_NONE, owed->subscription, parser, &target, &err), &err))
		return line;
	struct str uri = broker_target_endpoint(target)->uri;

	(void)snprintf(line, 64, "%.*s=%g", STR_FMT(str_part(uri, 9, uri.len)), value ? value->number : -1);
	broker_target_release(target);
	return line;
}

/* "path=value" of each notification that was not looked at before, in the order of the alphabet. */
static struct str owed(void)
{
	struct store_reader *reader = NULL;
	struct store_owed_list list = {.count = 0};
	char *lines[64];
	struct buf out;

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	CHECK_OK(store_owed_read(reader, 0, seen, 64, 1 << 20, &arena, &list, &err), &err);
	(void)store_reader_free(reader);
	CHECK(broker_take_owed(broker, STR_NONE) == (list.count > 0));
	for (size_t i = 0; i < list.count; i++) {
		lines[i] = line_of(&list.at[i]);
		seen = list.at[i].number;
	}
	qsort(lines, list.count, sizeof(lines[0]), compare);
	buf_init(&out, 4096);
	for (size_t i = 0; i < list.count; i++)
		buf_printf(&out, "%s%s", i ? " " : "", lines[i]);
	struct str text = arena_dup(&arena, buf_str(&out));

	buf_done(&out);
	return text;
}

/* The number of the subscription that is owed something. */
static int64_t owed_number(void)
{
	struct store_reader *reader = NULL;
	struct store_owed_list list = {.count = 0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	CHECK_OK(store_owed_read(reader, 0, 0, 1, 1 << 20, &arena, &list, &err), &err);
	(void)store_reader_free(reader);
	return CHECK(list.count == 1) ? list.at[0].subscription : 0;
}

/* ---- promises ---- */

static void all_kinds_of_selectors_are_found_after_a_long_idleness(void)
{
	city_begin();
	subscribe("id", "\"entities\":[{\"id\":\"urn:a\",\"type\":\"" TYPE "T\"}],");
	subscribe("type", "\"entities\":[{\"type\":\"" TYPE "T\"}],");
	subscribe("pattern", "\"entities\":[{\"idPattern\":\"^urn:.$\",\"type\":\"*\"}],");
	subscribe("watched", "\"watchedAttributes\":[\"n\"],");
	subscribe("q", "\"entities\":[{\"type\":\"" TYPE "T\"}],\"q\":\"n>5\",");
	CHECK(in_use() == 0);
	change("urn:a", "T", 7);
	CHECK_STR(owed(), STR("id=7 pattern=7 q=7 type=7 watched=7"));
	CHECK(in_use() == 5);
	change("urn:b", "U", 1);
	CHECK_STR(owed(), STR("pattern=1 watched=1"));
	wait_until_idle(1);
	CHECK_STR(owed(), STR(""));
	change("urn:a", "T", 8);
	CHECK_STR(owed(), STR("id=8 pattern=8 q=8 type=8 watched=8"));
	/* Those that are used now and again stay. */
	now_us += IDLE_S * US_PER_S / 2;
	change("urn:b", "U", 2);
	now_us += IDLE_S * US_PER_S / 2 + 1;
	change("urn:c", "V", 3);
	CHECK_STR(owed(), STR("pattern=2 pattern=3 watched=2 watched=3"));
	CHECK(in_use() == 2);
	city_end();
}

static void an_idle_one_is_updated_and_deleted(void)
{
	city_begin();
	subscribe("a", "\"entities\":[{\"type\":\"" TYPE "T\"}],");
	subscribe("b", "\"entities\":[{\"id\":\"urn:a\",\"type\":\"" TYPE "T\"}],");
	subscribe("c", "\"entities\":[{\"type\":\"" TYPE "T\"}],");
	CHECK(submit(SUBSCRIPTION_UPDATE, "a", "{\"q\":\"n<5\"}") == ERR_OK);
	CHECK(submit(SUBSCRIPTION_UPDATE, "b", "{\"entities\":[{\"type\":\"" TYPE "U\"}]}") == ERR_OK);
	CHECK(submit(SUBSCRIPTION_UPDATE, "c", "{\"isActive\":false}") == ERR_OK);
	change("urn:a", "T", 7);
	CHECK_STR(owed(), STR(""));
	change("urn:a", "T", 3);
	change("urn:b", "U", 4);
	CHECK_STR(owed(), STR("a=3 b=4"));
	wait_until_idle(0);
	CHECK(submit(SUBSCRIPTION_UPDATE, "c", "{\"isActive\":true}") == ERR_OK);
	CHECK(submit(SUBSCRIPTION_DELETE, "a", NULL) == ERR_OK);
	CHECK(submit(SUBSCRIPTION_DELETE, "a", NULL) == ERR_NOT_FOUND);
	change("urn:a", "T", 2);
	CHECK_STR(owed(), STR("c=2"));
	city_end();
}

/* One that stands in the index many times, some of them twice, leaves it as if it had never been there. */
static void many_selectors_go_together(void)
{
	city_begin();
	subscribe("many", "\"entities\":[{\"id\":[\"urn:a\",\"urn:b\",\"urn:a\"],\"type\":\"" TYPE "T\"},"
			  "{\"type\":\"" TYPE "T\"},{\"type\":\"" TYPE "U\"},{\"id\":\"urn:a\",\"type\":\"*\"},"
			  "{\"idPattern\":\"x$\",\"type\":\"*\"}],");
	subscribe("one", "\"entities\":[{\"id\":\"urn:b\",\"type\":\"" TYPE "T\"}],");
	change("urn:a", "T", 1);
	change("urn:b", "T", 2);
	change("urn:c", "U", 3);
	change("urn:x", "X", 4);
	change("urn:y", "Y", 5);
	CHECK_STR(owed(), STR("many=1 many=2 many=3 many=4 one=2"));
	CHECK(submit(SUBSCRIPTION_DELETE, "many", NULL) == ERR_OK);
	change("urn:a", "T", 6);
	change("urn:b", "T", 7);
	change("urn:c", "U", 8);
	change("urn:x", "X", 9);
	CHECK_STR(owed(), STR("one=7"));
	city_end();
}

/* Who delivers may hold one that becomes idle, is updated or goes. */
/* ---- several writes of one transaction ---- */

struct holding {
	struct store_write store_write; /* first */
	sem_t entered, open;
};

static enum err_code hold(struct store_write *store_write, struct store_txn *txn, struct error *why)
{
	struct holding *holding = (struct holding *)store_write;

	(void)txn;
	(void)why;
	(void)sem_post(&holding->entered);
	(void)sem_wait(&holding->open);
	return ERR_OK;
}

static void let_go(struct store_write *store_write, enum err_code code, const struct error *why)
{
	(void)store_write;
	(void)why;
	CHECK(code == ERR_OK);
}

static void one_that_is_changed_twice_at_once_is_changed_twice(void)
{
	struct holding holding = {.store_write = {.run = hold, .done = let_go}};
	struct waiting waiting[3] = {{.code = ERR_OK}};
	struct subscription_write writes[3];
	static const char *const fragments[] = {"{\"throttling\":1}", "{\"throttling\":2}", NULL};
	struct broker_subscription_stats stats;

	city_begin();
	subscribe("twice", "\"entities\":[{\"type\":\"T\"}],");
	(void)sem_init(&holding.entered, 0, 0);
	(void)sem_init(&holding.open, 0, 0);
	CHECK_OK(store_submit(store, &holding.store_write, &err), &err);
	(void)sem_wait(&holding.entered);
	for (size_t i = 0; i < 3; i++) {
		(void)sem_init(&waiting[i].done, 0, 0);
		writes[i] = (struct subscription_write){.operation = fragments[i] ? SUBSCRIPTION_UPDATE
										  : SUBSCRIPTION_DELETE,
							.id = STR("urn:s:twice"),
							.document = fragments[i] ? parse(fragments[i]) : NULL,
							.context = broker_core_context(broker),
							.arena = &arena,
							.done = on_written,
							.self = &waiting[i]};
		CHECK_OK(broker_subscription_submit(broker, STR_NONE, &writes[i], &err), &err);
	}
	(void)sem_post(&holding.open);
	for (size_t i = 0; i < 3; i++) {
		(void)sem_wait(&waiting[i].done);
		(void)sem_destroy(&waiting[i].done);
		CHECK(waiting[i].code == ERR_OK);
	}
	broker_subscription_stats(broker, STR_NONE, &stats);
	CHECK(stats.subscriptions == 0);
	(void)sem_destroy(&holding.entered);
	(void)sem_destroy(&holding.open);
	city_end();
}

static void a_receiver_is_held(void)
{
	struct broker_target *target = NULL, *fresh = NULL;

	city_begin();
	subscribe("a", "\"entities\":[{\"type\":\"" TYPE "T\"}],\"throttling\":2,");
	change("urn:a", "T", 1);
	int64_t number = owed_number();

	CHECK_OK(broker_target_get(broker, STR_NONE, number, parser, &target, &err), &err);
	wait_until_idle(0);
	CHECK(!broker_target_is_stale(target));
	CHECK_STR(broker_target_endpoint(target)->uri, STR("http://h/a"));
	CHECK(submit(SUBSCRIPTION_UPDATE, "a", "{\"notification\":{\"endpoint\":{\"uri\":\"http://h/b\"}}}") == ERR_OK);
	CHECK(broker_target_is_stale(target));
	CHECK_STR(broker_target_endpoint(target)->uri, STR("http://h/a"));
	CHECK_OK(broker_target_get(broker, STR_NONE, number, parser, &fresh, &err), &err);
	CHECK_STR(broker_target_endpoint(fresh)->uri, STR("http://h/b"));
	CHECK(broker_target_throttling_us(fresh) == 2 * US_PER_S);
	CHECK(submit(SUBSCRIPTION_DELETE, "a", NULL) == ERR_OK);
	broker_target_release(target);
	CHECK_STR(broker_target_endpoint(fresh)->uri, STR("http://h/b"));
	broker_target_release(fresh);
	CHECK(broker_target_get(broker, STR_NONE, number, parser, &target, &err) == ERR_NOT_FOUND);
	city_end();
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, (size_t)64 << 20);
	RUN(all_kinds_of_selectors_are_found_after_a_long_idleness);
	RUN(an_idle_one_is_updated_and_deleted);
	RUN(many_selectors_go_together);
	RUN(one_that_is_changed_twice_at_once_is_changed_twice);
	RUN(a_receiver_is_held);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}
