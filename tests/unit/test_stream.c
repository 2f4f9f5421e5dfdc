/* Streams of changes, the same on the memory store and on SQLite.
 *
 * Goal: what commits is heard once and in order, what is taken back is not, also where a batch of writes has to run a
 * second time; who comes back misses nothing or is told to read anew; who does not read is cut; streams come and go
 * while others write. Method: a write that waits for the test holds the writer, so that those behind it are one batch.
 */
#include "base/time_value.h"
#include "broker/streams.h"
#include "check.h"
#include "ngsild/expand.h"
#include "ngsild/subscription.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEARD_BYTES_MAX ((size_t)8 << 20)
#define WRITES 50
#define LISTENERS 3

static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static void check_number(uint64_t is, uint64_t wanted)
{
	if (!CHECK(is == wanted))
		printf("# %llu against %llu\n", (unsigned long long)is, (unsigned long long)wanted);
}

struct listener {
	struct stream_open open;
	sem_t opened;
	enum err_code code;
	atomic_uint wakes, cuts;
	struct broker_stream *stream;
	char *heard; /* NUL-terminated */
};

static void open_broker(void)
{
	struct broker_options options = {.data_path = folder, .create = true};

	if (!CHECK_OK(broker_new(&options, &broker, &err), &err))
		abort();
}

static void close_broker(void)
{
	broker = broker_free(broker);
	arena_clear(&arena);
}

/* ---- listening ---- */

static void on_wake(void *self)
{
	atomic_fetch_add(&((struct listener *)self)->wakes, 1);
}

static void on_cut(void *self)
{
	atomic_fetch_add(&((struct listener *)self)->cuts, 1);
}

static void on_open(struct stream_open *open, enum err_code code, const struct error *why)
{
	struct listener *listener = open->self;

	(void)why;
	listener->code = code;
	listener->stream = open->stream;
	(void)sem_post(&listener->opened);
}

/* last_number 0: it comes for the first time. */
static void listen_as(struct listener *listener, enum broker_stream_form form, struct json *document,
		      uint64_t last_number)
{
	struct error why = {0};

	memset(listener, 0, sizeof(*listener));
	(void)sem_init(&listener->opened, 0, 0);
	listener->open = (struct stream_open){.document = document,
					      .context = broker_core_context(broker),
					      .form = form,
					      .resumes = last_number > 0,
					      .last_number = last_number,
					      .wake = on_wake,
					      .cut = on_cut,
					      .done = on_open,
					      .self = listener};
	listener->heard = calloc(1, HEARD_BYTES_MAX);
	if (!CHECK_OK(broker_stream_submit(broker, STR_NONE, &listener->open, &why), &why))
		abort();
	(void)sem_wait(&listener->opened);
	check_number(listener->code, ERR_OK);
}

static void listen_to(struct listener *listener, struct json *document, uint64_t last_number)
{
	listen_as(listener, BROKER_STREAM_EVENTS, document, last_number);
}

static struct json *selecting(const char *type)
{
	struct json *document = NULL;
	struct str text = arena_printf(&arena,
				       "{\"id\":\"urn:s:1\",\"type\":\"Subscription\",\"entities\":[{\"type\":\"%s\"}],"
				       "\"notification\":{\"format\":\"keyValues\",\"endpoint\":{\"uri\":"
				       "\"http://localhost/\"}}}%64s",
				       type, "");

	if (CHECK_OK(json_parse(parser, &arena, (struct str){text.at, text.len - 64}, NULL, &document, &err), &err))
		CHECK_OK(subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, 0, &err), &err);
	return document;
}

/* All that is there now; false: cut. */
static bool hear(struct listener *listener)
{
	size_t len = strlen(listener->heard), got;

	while ((got = broker_stream_read(listener->stream, listener->heard + len, 100)) > 0) {
		if (got == BROKER_STREAM_READ_LOST)
			return false;
		len += got;
	}
	return true;
}

/* The next message, read by so many bytes at a time, as JSON; NULL: there is none. */
static const struct json *hear_message(struct listener *listener, size_t room)
{
	size_t len = 0, got = 0;
	struct json *message = NULL;
	bool ends = false;

	while (!ends && (got = broker_stream_read_message(listener->stream, listener->heard + len, room, &ends)) > 0)
		len += got;
	CHECK(ends == (len > 0));
	struct str text = arena_printf(&arena, "%.*s%64s", (int)len, listener->heard, "");

	if (len > 0)
		CHECK_OK(json_parse(parser, &arena, (struct str){text.at, len}, NULL, &message, &err), &err);
	return message;
}

static void leave(struct listener *listener)
{
	broker_stream_close(listener->stream);
	(void)sem_destroy(&listener->opened);
	free(listener->heard);
}

static unsigned int count(const char *text, const char *part)
{
	unsigned int found = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		found++;
	return found;
}

static uint64_t last_id(const char *heard)
{
	const char *at = heard, *last = NULL;

	while ((at = strstr(at, "id: ")))
		last = at++;
	uint64_t id = 0;

	return last && str_to_uint64((struct str){last + 4, strcspn(last + 4, "\n")}, &id) ? id : 0;
}

/* ---- writing ---- */

static const struct json *entity_of(struct arena *where, const char *id, const char *type, const char *value)
{
	struct expand_options options = {.context = broker_core_context(broker), .now_us = broker_now_us(broker)};
	struct json *body = NULL, *entity = NULL;
	struct json_parser *own = json_parser_new();
	struct str text = arena_printf(
		where, "{\"id\":\"urn:x:%s\",\"type\":\"%s\",\"level\":{\"type\":\"Property\",\"value\":\"%s\"}}%64s",
		id, type, value, "");
	struct error why = {0};

	if (CHECK_OK(json_parse(own, where, (struct str){text.at, text.len - 64}, NULL, &body, &why), &why))
		CHECK_OK(expand_entity(where, body, &options, &entity, &why), &why);
	(void)json_parser_free(own);
	return entity;
}

static struct broker_item item_of(enum broker_operation operation, const struct json *entity)
{
	return (struct broker_item){
		.operation = operation, .id = document_id(entity), .entity = entity, .overwrite = true};
}

static void put(const char *id, const char *type, const char *value)
{
	struct broker_item item = item_of(BROKER_UPSERT, entity_of(&arena, id, type, value));
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};
	struct store *store = NULL;

	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	check_number(item.outcome.code, ERR_OK);
}

/* ---- cases ---- */

static void changes_are_heard_once_and_in_order(void)
{
	struct listener rooms, others;

	open_broker();
	listen_to(&rooms, selecting("Room"), 0);
	listen_to(&others, selecting("Door"), 0);
	for (int i = 0; i < 5; i++)
		put("a", "Room", arena_printf(&arena, "v%d-", i).at);
	CHECK(hear(&rooms) && hear(&others));
	check_number(count(rooms.heard, "event: change\n"), 5);
	check_number(count(others.heard, "event: change\n"), 0);
	CHECK(strstr(rooms.heard, "v0-") < strstr(rooms.heard, "v4-"));
	CHECK(atomic_load(&rooms.wakes) > 0);
	check_number(atomic_load(&others.wakes), 0);
	leave(&rooms);
	leave(&others);
	close_broker();
}

struct held_write {
	struct store_write write;
	sem_t *runs, *goes_on;
};

static enum err_code hold(struct store_write *write, struct store_txn *txn, struct error *why)
{
	struct held_write *held = (struct held_write *)write;

	(void)txn;
	(void)why;
	(void)sem_post(held->runs);
	(void)sem_wait(held->goes_on);
	return ERR_OK;
}

static sem_t written;

static void on_held(struct store_write *write, enum err_code code, const struct error *why)
{
	(void)write;
	(void)code;
	(void)why;
	(void)sem_post(&written);
}

static void on_written(struct broker_write *write, enum err_code code, const struct error *why)
{
	(void)why;
	check_number(code != ERR_OK, write->atomic);
	(void)sem_post(&written);
}

/* One batch of three writes; the second stores something and then fails, so all runs again with savepoints. */
static void what_is_taken_back_is_not_heard(void)
{
	struct listener rooms;
	struct store *store = NULL;
	struct store_stats stats;
	sem_t runs, goes_on;
	struct held_write held = {{.run = hold, .done = on_held}, &runs, &goes_on};

	open_broker();
	put("there", "Room", "old");
	(void)sem_init(&runs, 0, 0);
	(void)sem_init(&goes_on, 0, 0);
	(void)sem_init(&written, 0, 0);
	listen_to(&rooms, selecting("Room"), 0);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	struct broker_item first = item_of(BROKER_CREATE, entity_of(&arena, "first", "Room", "1"));
	struct broker_item second[2] = {item_of(BROKER_CREATE, entity_of(&arena, "gone", "Room", "1")),
					item_of(BROKER_CREATE, entity_of(&arena, "there", "Room", "1"))};
	struct broker_item third = item_of(BROKER_CREATE, entity_of(&arena, "third", "Room", "1"));
	struct arena arenas[3];
	struct broker_write writes[3] = {{.items = &first, .item_count = 1, .done = on_written},
					 {.items = second, .item_count = 2, .atomic = true, .done = on_written},
					 {.items = &third, .item_count = 1, .done = on_written}};

	CHECK_OK(store_submit(store, &held.write, &err), &err);
	(void)sem_wait(&runs);
	for (int i = 0; i < 3; i++) {
		arena_init(&arenas[i], (size_t)1 << 20);
		writes[i].arena = &arenas[i];
		CHECK_OK(broker_submit(broker, store, &writes[i], &err), &err);
	}
	(void)sem_post(&goes_on);
	for (int i = 0; i < 4; i++)
		(void)sem_wait(&written);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.replays > 0);
	CHECK(hear(&rooms));
	check_number(count(rooms.heard, "event: change\n"), 2);
	check_number(count(rooms.heard, "urn:x:first"), 1);
	check_number(count(rooms.heard, "urn:x:third"), 1);
	check_number(count(rooms.heard, "urn:x:gone"), 0);
	leave(&rooms);
	for (int i = 0; i < 3; i++)
		arena_done(&arenas[i]);
	close_broker();
}

static void who_comes_back_misses_nothing_that_is_held(void)
{
	struct listener first, again;

	open_broker();
	listen_to(&first, selecting("Room"), 0);
	put("a", "Room", "one");
	CHECK(hear(&first));
	uint64_t last = last_id(first.heard);

	leave(&first);
	put("a", "Room", "two");
	listen_to(&again, selecting("Room"), last);
	CHECK(hear(&again));
	check_number(count(again.heard, "event: reset"), 0);
	CHECK(strstr(again.heard, "two") && !strstr(again.heard, "one"));
	leave(&again);
	listen_to(&again, selecting("Door"), last);
	CHECK(hear(&again) && strstr(again.heard, "event: reset\n"));
	CHECK(last_id(again.heard) > last);
	leave(&again);
	close_broker();
}

static struct str text_of(const struct json *object, struct str name)
{
	const struct json *member = object ? json_get(object, name) : NULL;

	return member && json_is(member, JSON_STRING) ? json_text(member) : STR_NONE;
}

/* Both forms of one selector share a channel. */
static void messages_are_whole_and_say_what_events_say(void)
{
	static const size_t rooms[] = {1, 7, 4096};
	struct listener events, messages, again;
	struct broker_stream_stats stats;

	open_broker();
	listen_to(&events, selecting("Room"), 0);
	listen_as(&messages, BROKER_STREAM_MESSAGES, selecting("Room"), 0);
	CHECK_STR(text_of(hear_message(&messages, 3), STR("event")), STR("open"));
	CHECK(!hear_message(&messages, 3));
	for (size_t i = 0; i < 3; i++)
		put("a", "Room", arena_printf(&arena, "v%zu-", i).at);
	CHECK(hear(&events));
	for (size_t i = 0; i < 3; i++) {
		const struct json *message = hear_message(&messages, rooms[i]);
		struct str id = text_of(message, STR("id"));

		CHECK_STR(text_of(message, STR("event")), STR("change"));
		CHECK(strstr(events.heard, arena_printf(&arena, "id: %.*s\n", STR_FMT(id)).at));
		CHECK(message && json_get(json_get(message, STR("data")), STR("data")));
		CHECK(strstr(messages.heard, arena_printf(&arena, "v%zu-", i).at));
	}
	CHECK(!hear_message(&messages, 100));
	broker_stream_stats(broker, &stats);
	check_number(stats.selectors, 1);
	listen_as(&again, BROKER_STREAM_MESSAGES, selecting("Door"), last_id(events.heard));
	CHECK_STR(text_of(hear_message(&again, 100), STR("event")), STR("reset"));
	leave(&again);
	listen_as(&again, BROKER_STREAM_MESSAGES, selecting("Room"), last_id(events.heard));
	CHECK_STR(text_of(hear_message(&again, 100), STR("event")), STR("open"));
	CHECK(!hear_message(&again, 100));
	leave(&again);
	leave(&events);
	leave(&messages);
	close_broker();
}

static void who_does_not_read_is_cut(void)
{
	struct listener slow, other;
	size_t big_len = 200000;
	char *big = malloc(big_len + 1);

	memset(big, 'x', big_len);
	big[big_len] = '\0';
	open_broker();
	listen_to(&slow, selecting("Room"), 0);
	listen_to(&other, selecting("Room"), 0);
	for (int i = 0; i < 12; i++) {
		big[0] = (char)('a' + i);
		put("a", "Room", big);
		CHECK(hear(&other));
		arena_clear(&arena);
	}
	check_number(count(other.heard, "event: change\n"), 12);
	check_number(atomic_load(&slow.cuts), 1);
	check_number(atomic_load(&other.cuts), 0);
	CHECK(!hear(&slow));
	struct broker_stream_stats stats;

	broker_stream_stats(broker, &stats);
	check_number(stats.streams, 2);
	check_number(stats.selectors, 1);
	CHECK(stats.bytes > 0 && stats.bytes <= BROKER_STREAM_BYTES_MAX);
	leave(&slow);
	leave(&other);
	broker_stream_stats(broker, &stats);
	check_number(stats.streams, 0);
	free(big);
	close_broker();
}

static struct json *shared_document;

static void *listen_now_and_then(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		struct listener one;

		listen_to(&one, shared_document, 0);
		for (int turn = 0; turn < 5; turn++) {
			CHECK(hear(&one));
			(void)usleep(500);
		}
		leave(&one);
	}
	return NULL;
}

static void *write_all(void *arg)
{
	struct arena own;

	arena_init(&own, (size_t)1 << 20);
	for (int i = 0; i < WRITES; i++) {
		char value[32];
		struct store *store = NULL;
		struct error why = {0};

		(void)snprintf(value, sizeof(value), "v%d", i);
		struct broker_item item = item_of(BROKER_UPSERT, entity_of(&own, arg, "Room", value));
		struct broker_write write = {.items = &item, .item_count = 1, .arena = &own};

		CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &why), &why);
		CHECK_OK(broker_apply(broker, store, &write, &why), &why);
		arena_clear(&own);
	}
	arena_done(&own);
	return NULL;
}

static void streams_come_and_go_while_others_write(void)
{
	struct listener all;
	pthread_t writers[2], listeners[LISTENERS];
	static char names[2][8] = {"one", "two"};

	open_broker();
	shared_document = selecting("Room");
	listen_to(&all, shared_document, 0);
	for (int i = 0; i < 2; i++)
		(void)pthread_create(&writers[i], NULL, write_all, names[i]);
	for (int i = 0; i < LISTENERS; i++)
		(void)pthread_create(&listeners[i], NULL, listen_now_and_then, NULL);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(writers[i], NULL);
	for (int i = 0; i < LISTENERS; i++)
		(void)pthread_join(listeners[i], NULL);
	CHECK(hear(&all));
	check_number(count(all.heard, "event: change\n"), 2 * WRITES);
	leave(&all);
	close_broker();
}

static void run_all(const char *path)
{
	folder = path;
	RUN(changes_are_heard_once_and_in_order);
	RUN(what_is_taken_back_is_not_heard);
	RUN(who_comes_back_misses_nothing_that_is_held);
	RUN(messages_are_whole_and_say_what_events_say);
	RUN(who_does_not_read_is_cut);
	RUN(streams_come_and_go_while_others_write);
}

static void remove_folder(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char file[300];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(file, sizeof(file), "%s/machi.db%s", path, ends[i]);
		(void)unlink(file);
	}
	CHECK(rmdir(path) == 0);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/machi-test-stream-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		return EXIT_FAILURE;
	arena_init(&arena, (size_t)64 << 20);
	parser = json_parser_new();
	run_all(NULL);
	run_all(path);
	remove_folder(path);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
