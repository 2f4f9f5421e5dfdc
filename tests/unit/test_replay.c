/* Goal: a recording's rows are given when their shifted time has come, with that time, in order, again and again
 * where it loops. Method: a clock that the test moves; each time below follows by hand from base + (t − t0) / speed.
 * Also run under ThreadSanitizer. */
#include "check.h"
#include "folder_util.h"

#include "base/time_value.h"
#include "feed/feed.h"

#include <stdatomic.h>
#include <string.h>

#define START "2026-01-01T00:00:00Z"
#define PATIENCE 20000 /* times half a millisecond; the feed looks at the clock once a second at least */

static atomic_int_fast64_t clock_now;
static char folder[] = "/tmp/machi-replay-XXXXXX";
static struct broker *broker;
static struct feed_set *set;
static struct arena arena;
static int64_t start_us;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

static void set_seconds(double seconds)
{
	atomic_store(&clock_now, start_us + (int64_t)(seconds * 1e6));
}

static uint64_t messages(void)
{
	struct feed_info info = {0};
	struct error err;

	CHECK_OK(feed_set_get(set, STR("tape"), &info, &err), &err);
	return info.stats.messages;
}

/* Exactly so many rows have been given, also a while later. */
static bool gives(double seconds, uint64_t count)
{
	set_seconds(seconds);
	for (int i = 0; i < PATIENCE && messages() < count; i++)
		(void)usleep(500);
	(void)usleep(20000);
	return messages() == count;
}

static void write_file(const char *name, const char *text)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void start(const char *file, const char *settings, const char *columns)
{
	const struct broker_options broker_options = {.create = true, .clock_us = test_clock};
	struct yaml_tree *list = NULL;
	char document[1024];
	struct error err;

	CHECK(time_parse_iso(STR(START), false, &start_us));
	set_seconds(0);
	arena_init(&arena, 16 << 20);
	CHECK_OK(broker_new(&broker_options, &broker, &err), &err);
	const struct feed_set_options options = {.broker = broker};

	CHECK_OK(feed_set_new(&options, &set, &err), &err);
	(void)snprintf(document, sizeof(document),
		       "- name: tape\n  replay: {file: %s/%s, %s}\n  map: {id: 'urn:x:{room}', type: Room, attributes: "
		       "{t: {kind: number, column: %s, observed_at: {column: at}}}}\n",
		       folder, file, settings, columns);
	CHECK_OK(yaml_tree_parse(&arena, STR("test"), str_from(document), &list, &err), &err);
	CHECK_OK(feed_check(&list->items[0], &err), &err);
	CHECK_OK(feed_set_use(set, list, &err), &err);
}

static void stop(void)
{
	feed_set_stop(set);
	set = feed_set_free(set);
	broker = broker_free(broker);
	arena_done(&arena);
}

/* What the store has of a room, as text; "" when nothing. */
static struct str stored(const char *id)
{
	struct store_reader *reader = NULL;
	struct store *store = NULL;
	struct str bytes = STR("");
	struct error err;

	CHECK_OK(broker_tenant(broker, STR_NONE, false, &store, &err), &err);
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	if (store_get(reader, str_from(id), &arena, &bytes, &err) != ERR_OK)
		bytes = STR("");
	(void)store_reader_free(reader);
	return bytes;
}

/* Once it is committed. */
static bool says(const char *id, const char *value, const char *observed_at)
{
	for (int i = 0; i < PATIENCE; i++) {
		struct str text = stored(id);

		if (str_contains(text, str_from(value)) && str_contains(text, str_from(observed_at)))
			return true;
		(void)usleep(500);
	}
	printf("# %.*s\n", STR_FMT(stored(id)));
	return false;
}

static void rows_come_when_their_time_has_come(void)
{
	write_file("a.csv", "room,t,at\na,1,2020-05-05T12:00:00Z\na,2,2020-05-05T12:00:10Z\nb,3,2020-05-05T12:00:10Z\n"
			    "a,4,2020-05-05T12:01:00.5Z\n");
	start("a.csv", "time: {column: at}, speed: 2", "t");
	CHECK(gives(0, 1) && says("urn:x:a", "\"value\":1", "2026-01-01T00:00:00Z"));
	CHECK(gives(4.999, 1));
	CHECK(gives(5, 3) && says("urn:x:a", "\"value\":2", "2026-01-01T00:00:05Z"));
	CHECK(says("urn:x:b", "\"value\":3", "2026-01-01T00:00:05Z"));
	CHECK(gives(30.2, 3));
	CHECK(gives(30.25, 4) && says("urn:x:a", "\"value\":4", "2026-01-01T00:00:30.250Z"));
	CHECK(gives(1000, 4));
	stop();
}

static void a_loop_goes_on_behind_its_end(void)
{
	write_file("loop.csv",
		   "at,room,t\n01/01/2020 00:00:00,a,1\n01/01/2020 00:00:20,a,2\n01/01/2020 00:00:30,a,3\n");
	start("loop.csv", "time: {column: at, format: '%d/%m/%Y %H:%M:%S', zone: '+09:00'}, loop: true", "t");
	CHECK(gives(0, 1));
	CHECK(gives(30, 3));
	CHECK(gives(39.9, 3)); /* the last two are 10 s apart, and so is the next round */
	CHECK(gives(40, 4) && says("urn:x:a", "\"value\":1", "2026-01-01T00:00:40Z"));
	CHECK(gives(70, 6) && says("urn:x:a", "\"value\":3", "2026-01-01T00:01:10Z"));
	CHECK(gives(161, 13) && says("urn:x:a", "\"value\":1", "2026-01-01T00:02:40Z"));
	stop();
}

static void lines_of_json_are_shifted_where_they_have_the_time(void)
{
	write_file("a.jsonl", "{\"room\":\"a\",\"t\":1,\"at\":1588680000}\n\n{\"room\":\"a\",\"t\":2}\n{\n"
			      "{\"room\":\"a\",\"t\":3,\"at\":1588680060,\"more\":{\"x\":[1,2]}}\n");
	start("a.jsonl", "time: {column: at, format: unix}, speed: 60, start: '2026-01-01T00:00:10Z'", "t");
	CHECK(gives(9, 0));
	CHECK(gives(10, 3) && says("urn:x:a", "\"value\":1", "2026-01-01T00:00:10Z"));
	CHECK(gives(11, 4) && says("urn:x:a", "\"value\":3", "2026-01-01T00:00:11Z"));
	struct feed_info info = {0};
	struct error err;

	CHECK_OK(feed_set_get(set, STR("tape"), &info, &err), &err);
	CHECK(info.stats.dropped[FEED_DROP_INVALID] == 2); /* no time, no JSON */
	CHECK_STR(str_from(info.stats.drop), STR("a.jsonl:4: it has no time at \"at\" that can be read"));
	stop();
}

static void a_file_is_put_in_order(void)
{
	write_file("mixed.csv", "room,t,at\na,1,2020-05-05T12:00:00+1100\na,3,2020-05-05T12:00:20+1100\n"
				"b,4,2020-05-05T12:00:10+1100\nc,5,never\nb,6,2020-05-05T12:00:30+1100\n");
	start("mixed.csv", "time: {column: at}, sort: true", "t");
	CHECK(gives(0, 1) && says("urn:x:a", "\"value\":1", "2026-01-01T00:00:00Z"));
	CHECK(gives(10, 3) && says("urn:x:b", "\"value\":4", "2026-01-01T00:00:10Z")); /* and the one that is dropped */
	CHECK(gives(20, 4) && says("urn:x:a", "\"value\":3", "2026-01-01T00:00:20Z"));
	CHECK(gives(30, 5) && says("urn:x:b", "\"value\":6", "2026-01-01T00:00:30Z"));
	stop();
	start("mixed.csv", "time: {column: at}", "t"); /* as they stand: what is late comes at once */
	CHECK(gives(0, 1));
	CHECK(gives(20, 4) && says("urn:x:b", "\"value\":4", "2026-01-01T00:00:10Z"));
	stop();
}

static void a_file_may_come_later(void)
{
	struct feed_info info = {0};
	struct error err;

	start("later.csv", "time: {column: at}, loop: true", "t");
	for (int i = 0; i < PATIENCE && !info.stats.error[0]; i++) {
		(void)usleep(500);
		CHECK_OK(feed_set_get(set, STR("tape"), &info, &err), &err);
	}
	CHECK(str_contains(str_from(info.stats.error), STR("No such file")));
	set_seconds(100);
	write_file("later.csv", "room,t,at\na,1,2020-05-05T12:00:00Z\n");
	CHECK(gives(100, 1) && says("urn:x:a", "\"value\":1", "2026-01-01T00:01:40Z")); /* it begins then */
	CHECK(gives(101, 2) && says("urn:x:a", "\"value\":1", "2026-01-01T00:01:41Z"));
	stop();
}

int main(void)
{
	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	RUN(rows_come_when_their_time_has_come);
	RUN(a_loop_goes_on_behind_its_end);
	RUN(lines_of_json_are_shifted_where_they_have_the_time);
	RUN(a_file_is_put_in_order);
	RUN(a_file_may_come_later);
	remove_folder(folder);
	return check_done();
}
