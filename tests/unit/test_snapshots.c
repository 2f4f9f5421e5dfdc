/* Snapshots in the broker, on both stores: what is found is there whole and as it was; nobody sees a half one, before
 * or after a restart; who holds one may go on while it is deleted; its endpoint is owed what 5.16.6 says. */
#include "base/time_value.h"
#include "broker/snapshots.h"
#include "broker/temporal.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"
#include "store/outbox.h"
#include "store/temporal.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define TYPE "https://uri.etsi.org/ngsi-ld/default-context/"
#define SPEED TYPE "speed"
#define WAIT_MS 20000
#define INSTANCES 10000 /* more than are read at once */
#define AT_ONE_MOMENT 6000 /* likewise */
#define WHOLE "{\"id\":\"urn:s:%s\",\"type\":\"Snapshot\",\"snapshotQueries\":[{\"type\":\"Query\"}]%s}"

static struct broker *broker;
static struct store *store;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;
static atomic_llong now_us;
static bool on_disk;
static char folder_path[64];
static const char *folder; /* NULL: in memory */

static int64_t test_clock(void)
{
	return atomic_load(&now_us);
}

static void city_begin(void)
{
	const struct broker_options options = {.data_path = folder,
					       .create = true,
					       .clock_us = test_clock,
					       .sweep_interval_ms = 20,
					       .snapshots = true,
					       .snapshots_max = 3,
					       .snapshot_life_s_max = 7200};

	CHECK_OK(broker_new(&options, &broker, &err), &err);
	CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err);
	CHECK_OK(broker_reader_new(broker, &reader, &err), &err);
}

static void city_end(void)
{
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
}

/* Of a case, with its own folder. */
static void city_new(void)
{
	(void)snprintf(folder_path, sizeof(folder_path), "/tmp/machi-snapshots-XXXXXX");
	arena_clear(&arena);
	folder = on_disk ? mkdtemp(folder_path) : NULL;
	CHECK(!on_disk || folder);
	city_begin();
}

static void city_over(void)
{
	city_end();
	if (folder)
		remove_folder(folder);
}

static void city_again(void)
{
	city_end();
	city_begin();
}

static struct json *parse(struct str text)
{
	struct json *json = NULL;

	CHECK_OK(json_parse(parser, &arena, text, NULL, &json, &err), &err);
	return json;
}

static void wait_a_little(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* ---- entities ---- */

static void put(const char *text)
{
	struct json *entity = NULL;
	struct expand_options options = {.context = broker_core_context(broker), .now_us = test_clock()};

	CHECK_OK(expand_entity(&arena, parse(str_from(text)), &options, &entity, &err), &err);
	struct broker_item item = {.operation = BROKER_REPLACE, .id = document_id(entity), .entity = entity};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};

	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK_OK(item.outcome.code, &item.outcome.error);
}

static void put_car(int number, int speed)
{
	put(arena_printf(&arena,
			 "{\"id\":\"urn:car:%d\",\"type\":\"Car\",\"speed\":{\"type\":\"Property\",\"value\":%d}}",
			 number, speed)
		    .at);
}

/* The speed that a place says, -1: there is no such car. */
static int speed_in(struct str place, int number)
{
	struct json *entity = NULL;
	int64_t speed = -1;
	struct str id = arena_printf(&arena, "urn:car:%d", number);

	if (broker_retrieve(reader, place, id, &arena, &entity, &err) == ERR_OK)
		CHECK(json_int64(json_get(json_at(json_get(entity, STR(SPEED)), 0), STR("value")), &speed));
	return (int)speed;
}

/* ---- snapshots ---- */

struct waiting {
	struct snapshot_write write;
	sem_t done;
	enum err_code code;
};

static void on_written(struct snapshot_write *write, enum err_code code, const struct error *why)
{
	struct waiting *waiting = write->self;

	if (code != ERR_OK)
		err = *why;
	waiting->code = code;
	(void)sem_post(&waiting->done);
}

static enum err_code submit(struct waiting *waiting)
{
	waiting->write.arena = &arena;
	waiting->write.done = on_written;
	waiting->write.self = waiting;
	(void)sem_init(&waiting->done, 0, 0);
	enum err_code code = broker_snapshot_submit(broker, STR_NONE, &waiting->write, &err);

	if (code != ERR_OK)
		return code;
	(void)sem_wait(&waiting->done);
	(void)sem_destroy(&waiting->done);
	return waiting->code;
}

static struct str id_of(const char *name)
{
	return arena_printf(&arena, "urn:s:%s", name);
}

/* more: members of the document, with a comma before. */
static enum err_code create_with(const char *name, const struct snapshot_query *queries, size_t count, const char *more)
{
	struct waiting waiting = {.write = {.operation = SNAPSHOT_CREATE,
					    .id = id_of(name),
					    .document = parse(arena_printf(&arena, WHOLE, name, more)),
					    .queries = queries,
					    .query_count = count}};

	return submit(&waiting);
}

static const struct snapshot_query cars = {.text = {.type = {"Car", 3}}};

static enum err_code create(const char *name)
{
	return create_with(name, &cars, 1, "");
}

static enum err_code clone_of(const char *source, const char *name)
{
	struct waiting waiting = {.write = {.operation = SNAPSHOT_CLONE,
					    .id = id_of(name),
					    .source = id_of(source),
					    .document = parse(arena_printf(&arena, WHOLE, name, ""))}};

	return submit(&waiting);
}

static enum err_code update(const char *name, const char *fragment)
{
	struct waiting waiting = {
		.write = {.operation = SNAPSHOT_UPDATE, .id = id_of(name), .document = parse(str_from(fragment))}};

	return submit(&waiting);
}

static enum err_code delete (const char *name) {
	struct waiting waiting = {.write = {.operation = SNAPSHOT_DELETE, .id = id_of(name)}};

	return submit(&waiting);
}

static enum err_code look(const char *name, struct snapshot_look *ret)
{
	return broker_snapshot_get(broker, STR_NONE, id_of(name), parser, &arena, ret, &err);
}

static enum snapshot_status made(const char *name)
{
	struct snapshot_look seen = {.state = {.status = SNAPSHOT_STATUS_COUNT}};

	for (int ms = 0; ms < WAIT_MS; ms += 5) {
		CHECK_OK(look(name, &seen), &err);
		if (seen.state.status != SNAPSHOT_PREPARING)
			break;
		wait_a_little();
	}
	return seen.state.status;
}

static struct tenant *hold(const char *name)
{
	struct tenant *place = NULL;

	CHECK_OK(broker_snapshot_hold(broker, STR_NONE, id_of(name), &place, &err), &err);
	return place;
}

/* What a snapshot says of a car. */
static int speed_of(const char *name, int number)
{
	struct tenant *place = hold(name);
	int speed = speed_in(broker_place_name(place), number);

	broker_place_release(place);
	return speed;
}

static size_t files(void)
{
	struct str path = arena_printf(&arena, "%s/snapshots", folder ? folder : "/nowhere");
	DIR *dir = opendir(path.at);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		count += str_ends(str_from(entry->d_name), STR(".db"));
	if (dir)
		(void)closedir(dir);
	return count;
}

/* And stay so for a while: one that is deleted before it was made may have a file for a moment. */
static bool files_become(size_t count)
{
	int so = 0;

	for (int ms = 0; folder && ms < WAIT_MS && so < 10; ms += 5) {
		so = files() == count ? so + 1 : 0;
		broker_reader_let_go(reader);
		wait_a_little();
	}
	return !folder || files() == count;
}

static struct store *store_of(const struct tenant *place)
{
	struct store *found = NULL;

	CHECK_OK(broker_tenant(broker, broker_place_name(place), false, &found, &err), &err);
	return found;
}

/* ---- evolutions ---- */

static struct store_instances series_of(struct store *of, const char *id)
{
	const struct store_window all = {
		.by = STORE_MODIFIED_AT, .all = true, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_instances instances = {.count = 0};
	struct store_reader *records = NULL;

	CHECK_OK(store_reader_new(of, &records, &err), &err);
	CHECK_OK(store_series_read(records, str_from(id), STR(SPEED), STR_NONE, &all, false, 1000000, &arena,
				   &instances, &err),
		 &err);
	(void)store_reader_free(records);
	return instances;
}

static bool are_same(const struct store_instances *a, const struct store_instances *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++) {
		const struct store_instance *x = &a->at[i], *y = &b->at[i];

		if (x->observed_us != y->observed_us || x->created_us != y->created_us ||
		    x->modified_us != y->modified_us || x->deleted_us != y->deleted_us ||
		    x->shape->kind != y->shape->kind || !json_equal(&x->value, &y->value))
			return false;
	}
	return a->count == b->count;
}

static struct snapshot_query evolutions(const char *timeproperty)
{
	struct snapshot_query query = cars;

	query.temporal = true;
	query.when = (struct temporal_text){.timerel = STR("after"),
					    .time_at = STR("2000-01-01T00:00:00Z"),
					    .timeproperty = str_from(timeproperty)};
	return query;
}

/* One write, an instance each second, the last ones all at one moment. */
static void put_evolution(const char *id)
{
	struct json *entity = NULL;
	struct buf text;
	char time[TIME_ISO_BYTES];
	struct expand_options options = {
		.context = broker_core_context(broker), .now_us = test_clock(), .temporal = true};

	buf_init(&text, (size_t)8 << 20);
	buf_printf(&text, "{\"id\":\"%s\",\"type\":\"Car\",\"speed\":[", id);
	for (int i = 0; i < INSTANCES; i++) {
		int64_t at_s = i < INSTANCES - AT_ONE_MOMENT ? i : INSTANCES;

		buf_printf(&text, "%s{\"type\":\"Property\",\"value\":%d,\"observedAt\":\"%.*s\"}", i ? "," : "", i,
			   STR_FMT(time_format_iso(1700000000 * US_PER_S + at_s * US_PER_S, time)));
	}
	buf_put(&text, STR("]}"));
	CHECK_OK(expand_entity(&arena, parse(buf_str(&text)), &options, &entity, &err), &err);
	buf_done(&text);
	struct broker_item item = {.operation = BROKER_TEMPORAL_UPSERT, .id = str_from(id), .entity = entity};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};

	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK_OK(item.outcome.code, &item.outcome.error);
}

/* ---- promises ---- */

static void evolutions_are_whole_and_as_they_were(void)
{
	const struct snapshot_query queries[] = {evolutions("observedAt"), evolutions("modifiedAt")};

	city_new();
	put_evolution("urn:car:9");
	atomic_fetch_add(&now_us, US_PER_S);
	CHECK_OK(create_with("one", queries, 1, ""), &err);
	CHECK_OK(create_with("both", queries, 2, ""), &err);
	CHECK(made("one") == SNAPSHOT_SUCCESS && made("both") == SNAPSHOT_SUCCESS);
	struct tenant *one = hold("one"), *both = hold("both");
	struct store_instances there = series_of(store, "urn:car:9"), copy = series_of(store_of(one), "urn:car:9");

	CHECK(there.count == INSTANCES && are_same(&there, &copy));
	copy = series_of(store_of(both), "urn:car:9"); /* found twice, there once */
	CHECK(are_same(&there, &copy));
	broker_place_release(both);
	broker_place_release(one);
	city_over();
}

static void deletions_are_told_with_their_times(void)
{
	const struct snapshot_query query = evolutions("modifiedAt");

	city_new();
	for (int round = 0; round < 3; round++) {
		put_car(1, round);
		atomic_fetch_add(&now_us, 60 * US_PER_S);
		put("{\"id\":\"urn:car:1\",\"type\":\"Car\"}"); /* without speed */
		atomic_fetch_add(&now_us, 60 * US_PER_S);
	}
	CHECK_OK(create_with("a", &query, 1, ""), &err);
	CHECK(made("a") == SNAPSHOT_SUCCESS);
	struct tenant *place = hold("a");
	struct store_instances there = series_of(store, "urn:car:1"), copy = series_of(store_of(place), "urn:car:1");

	CHECK(there.count == 6 && there.at[5].shape->kind == CHANGE_DELETED);
	CHECK(are_same(&there, &copy));
	broker_place_release(place);
	city_over();
}

static void a_clone_is_what_the_snapshot_is(void)
{
	city_new();
	put_car(1, 10);
	CHECK_OK(create("a"), &err);
	CHECK(clone_of("a", "b") == ERR_CONFLICT || made("b") == SNAPSHOT_SUCCESS); /* it may be made by now */
	CHECK(made("a") == SNAPSHOT_SUCCESS);
	put_car(1, 11);
	CHECK_OK(clone_of("a", "c"), &err);
	CHECK(made("c") == SNAPSHOT_SUCCESS && speed_of("c", 1) == 10);
	CHECK_OK(delete ("a"), &err);
	CHECK(speed_of("c", 1) == 10);
	CHECK(clone_of("a", "d") == ERR_NOT_FOUND && clone_of("c", "c") == ERR_EXISTS);
	city_over();
}

static void there_are_not_more_than_allowed(void)
{
	city_new();
	CHECK_OK(create("a"), &err);
	CHECK_OK(create("b"), &err);
	CHECK_OK(create("c"), &err);
	CHECK(create("d") == ERR_LIMIT && create("a") == ERR_LIMIT);
	CHECK(made("a") == SNAPSHOT_EMPTY && made("b") == SNAPSHOT_EMPTY && made("c") == SNAPSHOT_EMPTY);
	CHECK_OK(delete ("a"), &err);
	CHECK(create("b") == ERR_EXISTS);
	CHECK_OK(create("d"), &err); /* the one that failed gave its room back */
	CHECK(made("d") == SNAPSHOT_EMPTY);
	city_over();
}

static void who_holds_one_goes_on_while_it_is_deleted(void)
{
	city_new();
	put_car(1, 10);
	CHECK_OK(create("a"), &err);
	CHECK(made("a") == SNAPSHOT_SUCCESS);
	struct tenant *place = hold("a"), *again = NULL;
	struct store *held = store_of(place);
	struct store_reader *records = NULL;
	struct str bytes;

	CHECK_OK(delete ("a"), &err);
	CHECK(broker_place_is_gone(place));
	CHECK(broker_snapshot_hold(broker, STR_NONE, id_of("a"), &again, &err) == ERR_NOT_FOUND);
	CHECK(broker_place_hold(broker, broker_place_name(place)) == NULL);
	CHECK(speed_in(broker_place_name(place), 1) == -1);
	CHECK_OK(create("a"), &err); /* its id is free */
	CHECK(made("a") == SNAPSHOT_SUCCESS && files() == (folder ? 2 : 0));
	CHECK_OK(store_reader_new(held, &records, &err), &err);
	CHECK_OK(store_get(records, STR("urn:car:1"), &arena, &bytes, &err), &err);
	(void)store_reader_free(records);
	broker_place_release(place);
	CHECK(files_become(1) && speed_of("a", 1) == 10);
	city_over();
}

static void what_has_expired_is_gone(void)
{
	struct snapshot_look seen;

	city_new();
	put_car(1, 10);
	CHECK_OK(create_with("a", &cars, 1, ",\"snapshotLifetime\":\"PT10M\""), &err);
	CHECK_OK(create_with("b", &cars, 1, ",\"snapshotLifetime\":\"P1Y\""), &err); /* more than is allowed */
	CHECK(made("a") == SNAPSHOT_SUCCESS && made("b") == SNAPSHOT_SUCCESS);
	CHECK_OK(look("a", &seen), &err);
	CHECK(seen.state.expires_us == seen.state.created_us + 600 * US_PER_S);
	CHECK_OK(look("b", &seen), &err);
	CHECK(seen.state.expires_us == seen.state.created_us + 7200 * US_PER_S);
	atomic_fetch_add(&now_us, 600 * US_PER_S);
	CHECK(look("a", &seen) == ERR_NOT_FOUND);
	CHECK(update("a", "{\"snapshotLifetime\":\"PT1H\"}") == ERR_NOT_FOUND);
	CHECK(files_become(1) && speed_of("b", 1) == 10);
	city_over();
}

static bool owes(int64_t after, const char *first, const char *second)
{
	struct store_owed_list list = {.count = 0};
	struct store_reader *records = NULL;

	CHECK_OK(store_reader_new(store, &records, &err), &err);
	CHECK_OK(store_owed_read(records, 0, after, 10, 100000, &arena, &list, &err), &err);
	(void)store_reader_free(records);
	return list.count > 0 && str_contains(list.at[0].body, str_from(first)) &&
	       str_contains(list.at[0].body, str_from(second));
}

static enum err_code run_done(struct store_write *write, struct store_txn *txn, struct error *ret_err)
{
	const int64_t numbers[] = {1, 2, 3};

	(void)write;
	return store_txn_owed_done(txn, numbers, 3, ret_err);
}

static bool note(void *self, struct str id, struct str doc)
{
	(void)id;
	(void)doc;
	*(bool *)self = true;
	return false;
}

static bool has_farewell(void)
{
	struct store_reader *records = NULL;
	bool found = false;

	CHECK_OK(store_reader_new(store, &records, &err), &err);
	CHECK_OK(store_record_each(records, STR("snapshot-farewell"), STR_NONE, note, &found, &err), &err);
	(void)store_reader_free(records);
	return found;
}

static void its_endpoint_is_owed_the_news(void)
{
	struct store_write told = {.run = run_done};

	city_new();
	put_car(1, 10);
	CHECK(create_with("x", &cars, 1, ",\"endpoint\":\"mqtt://host\"") == ERR_INVALID); /* no topic */
	CHECK_OK(create_with("a", &cars, 1, ",\"endpoint\":\"http://127.0.0.1:9/\""), &err);
	CHECK(made("a") == SNAPSHOT_SUCCESS);
	CHECK(owes(0, "\"type\":\"SnapshotNotification\",\"snapshotId\":\"urn:s:a\"",
		   "\"snapshotStatus\":\"success\",\"snapshotQueriesDetails\":[{\"resultStatus\":\"success\"}]}"));
	CHECK_OK(update("a", "{\"snapshotPriority\":8}"), &err);
	CHECK(owes(1, "\"snapshotPriority\":8,\"snapshotStatus\":\"success\"", "urn:s:a"));
	if (folder)
		city_again();
	CHECK_OK(delete ("a"), &err);
	CHECK(owes(2, "\"snapshotReady\":false", "urn:s:a") && has_farewell());
	if (folder)
		city_again();
	CHECK(has_farewell());
	CHECK_OK(store_apply(store, &told, &err), &err);
	for (int ms = 0; ms < WAIT_MS && has_farewell(); ms += 5)
		wait_a_little();
	CHECK(!has_farewell());
	city_over();
}

/* ---- restarts ---- */

static void a_restart_finishes_what_was_begun(void)
{
	city_new();
	for (int i = 0; i < 1000; i++)
		put_car(i, i);
	for (int round = 0; round < 6; round++) {
		CHECK_OK(create("a"), &err);
		for (int i = 0; i < round; i++)
			wait_a_little();
		city_again();
		CHECK(made("a") == SNAPSHOT_SUCCESS && speed_of("a", 0) == 0 && speed_of("a", 999) == 999);
		CHECK_OK(clone_of("a", "b"), &err);
		city_again();
		CHECK(made("b") == SNAPSHOT_SUCCESS && speed_of("b", 999) == 999 && files() == 2);
		CHECK_OK(delete ("a"), &err);
		CHECK_OK(delete ("b"), &err);
		CHECK(files_become(0));
	}
	city_over();
}

static void when_it_was_used_last_survives(void)
{
	struct snapshot_look seen;

	city_new();
	CHECK_OK(create("a"), &err);
	CHECK(made("a") == SNAPSHOT_EMPTY);
	atomic_fetch_add(&now_us, 100 * US_PER_S);
	broker_place_release(hold("a"));
	city_again();
	CHECK_OK(look("a", &seen), &err);
	CHECK(seen.state.last_used_us == test_clock() && seen.state.modified_us < seen.state.last_used_us);
	city_over();
}

static void write_file(const char *name)
{
	CLEANUP_FILE FILE *file = fopen(arena_printf(&arena, "%s/snapshots/%s", folder, name).at, "w");

	CHECK(file && fputs("half", file) > 0);
}

static void what_is_lost_is_said_and_what_is_nobodys_goes(void)
{
	struct tenant *place = NULL;

	city_new();
	CHECK_OK(create("a"), &err);
	CHECK_OK(create("b"), &err);
	CHECK(made("a") == SNAPSHOT_EMPTY && made("b") == SNAPSHOT_EMPTY);
	struct tenant *held = hold("a");
	struct str lost = arena_printf(&arena, "%s/snapshots/%.*s.db", folder, STR_FMT(broker_place_name(held)));

	broker_place_release(held);
	city_end();
	CHECK(unlink(lost.at) == 0);
	write_file("@0123456789abcdef0123456789abcdef.db");
	write_file("@0123456789abcdef0123456789abcdef.db.x81Hq2");
	write_file("city@0123456789abcdef0123456789abcdef.db");
	city_begin();
	CHECK(made("b") == SNAPSHOT_EMPTY);
	for (int ms = 0; ms < WAIT_MS && made("a") != SNAPSHOT_FAILURE; ms += 5)
		wait_a_little();
	CHECK(made("a") == SNAPSHOT_FAILURE);
	CHECK(broker_snapshot_hold(broker, STR_NONE, id_of("a"), &place, &err) == ERR_NOT_FOUND);
	CHECK(clone_of("a", "c") == ERR_CONFLICT);
	CHECK(files() == 2); /* b's, and that of a tenant which is not open */
	CHECK_OK(delete ("a"), &err);
	city_over();
}

/* ---- threads ---- */

static void *use_it(void *self)
{
	struct broker_reader *own = NULL;
	struct arena scratch;
	struct error local;

	(void)self;
	arena_init(&scratch, 1 << 20);
	CHECK_OK(broker_reader_new(broker, &own, &local), &local);
	for (int i = 0; i < 300; i++) {
		struct tenant *place = NULL;
		struct json *entity = NULL;

		arena_clear(&scratch);
		if (broker_snapshot_hold(broker, STR_NONE, STR("urn:s:a"), &place, &local) == ERR_OK)
			(void)!broker_retrieve(own, broker_place_name(place), STR("urn:car:1"), &scratch, &entity,
					       &local);
		broker_place_release(place);
		broker_reader_let_go(own);
		(void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	(void)broker_reader_free(own);
	arena_done(&scratch);
	return NULL;
}

static void it_comes_and_goes_while_others_use_it(void)
{
	pthread_t threads[3];

	city_new();
	put_car(1, 10);
	for (size_t i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, use_it, NULL) == 0);
	for (int round = 0; round < 10; round++) {
		CHECK_OK(create("a"), &err);
		if (round % 3)
			CHECK(made("a") == SNAPSHOT_SUCCESS);
		CHECK_OK(delete ("a"), &err);
	}
	for (size_t i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(files_become(0));
	city_over();
}

/* ---- all of it ---- */

int main(void)
{
	arena_init(&arena, (size_t)1 << 30);
	parser = json_parser_new();
	atomic_store(&now_us, 1767225600 * US_PER_S);
	for (int kind = 0; kind < 2; kind++) {
		on_disk = kind == 1;
		RUN_LARGE(evolutions_are_whole_and_as_they_were);
		RUN(deletions_are_told_with_their_times);
		RUN(a_clone_is_what_the_snapshot_is);
		RUN(there_are_not_more_than_allowed);
		RUN(who_holds_one_goes_on_while_it_is_deleted);
		RUN(what_has_expired_is_gone);
		RUN(its_endpoint_is_owed_the_news);
		RUN(it_comes_and_goes_while_others_use_it);
	}
	RUN(a_restart_finishes_what_was_begun);
	RUN(when_it_was_used_last_survives);
	RUN(what_is_lost_is_said_and_what_is_nobodys_goes);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
