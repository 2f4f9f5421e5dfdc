/* The timetable feed on the tiny feed, with a clock that the test moves: which vehicles run is counted by hand from
 * tests/data/gtfs-tiny (Tuesday 2024-06-04, service W, UTC), and where they are follows from 0.01° of the equator being
 * 1,111.95 m. Also run under ThreadSanitizer. */
#include "gtfs_util.h"

#include "base/time_value.h"
#include "feed/timetable.h"
#include "ngsild/document.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define PLAIN "urn:ngsi-ld:Vehicle:tiny:plain:20240604:08:00:00"
#define OFTEN "urn:ngsi-ld:Vehicle:tiny:often:20240604:08:00:00"

static atomic_int_fast64_t clock_now;
static struct gtfs_report report;
static struct timetable *timetable;
static sem_t step;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

static void set_clock(const char *text)
{
	int64_t us = 0;

	CHECK(time_parse_iso(str_from(text), false, &us));
	atomic_store(&clock_now, us);
}

/* Until the test moves the clock; now and then for nothing, so that a stop is noticed. */
static void wait_for_step(void *self, int64_t us)
{
	struct timespec until;

	(void)us;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)sem_timedwait(self, &until);
}

static struct timetable_stats stats_now(void)
{
	struct timetable_stats stats;

	timetable_stats(timetable, &stats);
	return stats;
}

static void await_ticks(uint64_t ticks)
{
	for (int i = 0; i < 20000 && stats_now().ticks < ticks; i++)
		(void)usleep(500);
	CHECK(stats_now().ticks == ticks);
}

/* Moves the clock and lets the feed make one tick. */
static void tick(int64_t seconds)
{
	uint64_t ticks = stats_now().ticks;

	(void)atomic_fetch_add(&clock_now, seconds * US_PER_S);
	(void)sem_post(&step);
	await_ticks(ticks + 1);
}

static struct timetable_options options_of(const char *feed)
{
	struct timetable_options options = timetable_defaults();

	options.feed = str_from(feed);
	options.wait = wait_for_step;
	options.wait_self = &step;
	return options;
}

static void start(struct gtfs_test *test, const struct timetable_options *options)
{
	struct error err = {0};

	(void)sem_init(&step, 0, 0);
	if (!CHECK_OK(timetable_start(test->broker, options, &timetable, &err), &err))
		abort();
	await_ticks(1);
}

static void stop(void)
{
	timetable = timetable_stop(timetable);
	(void)sem_destroy(&step);
}

static void import_tiny(struct gtfs_test *test)
{
	struct error err = {0};

	CHECK_OK(import_path(test, test->feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
}

static struct json *retrieve(struct gtfs_test *test, const char *id)
{
	struct json *entity = NULL;
	struct error err = {0};

	enum err_code code = broker_retrieve(test->reader, STR_NONE, str_from(id), &test->arena, &entity, &err);

	CHECK(code == ERR_OK || code == ERR_NOT_FOUND);
	return code ? NULL : entity;
}

static struct json *instance_of(const struct json *entity, const char *iri)
{
	return entity ? document_instance(entity, str_from(iri), STR_NONE) : NULL;
}

static struct str text_of(const struct json *entity, const char *iri)
{
	return json_text(document_value(instance_of(entity, iri)));
}

static double number_of(const struct json *entity, const char *iri)
{
	const struct json *instance = instance_of(entity, iri);
	const struct json *value = instance ? document_value(instance) : NULL;

	return value && value->kind == JSON_NUMBER ? value->number : (double)NAN;
}

static struct geo_point place_of(const struct json *entity)
{
	struct geo_point place = {NAN, NAN};
	const struct json *location = instance_of(entity, "https://uri.etsi.org/ngsi-ld/location");

	CHECK(location && geo_point_of(document_value(location), &place));
	return place;
}

static void vehicles_run_as_the_timetable_says(void)
{
	struct gtfs_test test;

	set_clock("2024-06-04T08:05:00Z");
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");

	start(&test, &options);
	/* plain since 08:00; often every 10 minutes for 20: those of 07:50 and 08:00. */
	CHECK(stats_now().vehicles == 3 && stats_now().error.code == ERR_OK);
	struct json *plain = retrieve(&test, PLAIN);

	CHECK(plain && document_has_type(plain, STR(VOCAB "Vehicle")));
	CHECK_NEAR(place_of(plain).lon, 0.005, 1e-6);
	CHECK_NEAR(place_of(plain).lat, 0, 1e-6);
	CHECK(number_of(plain, VOCAB "bearing") == 90);
	CHECK_NEAR(number_of(plain, VOCAB "speed"), 6.7, 0.001); /* 1,111.95 m in 600 s: 6.67 km/h */
	CHECK(number_of(plain, VOCAB "scheduledDelay") == 0);
	CHECK_STR(text_of(plain, VOCAB "nextStop"), STR("urn:ngsi-ld:GtfsStop:tiny:q"));
	CHECK_STR(text_of(plain, VOCAB "hasTrip"), STR("urn:ngsi-ld:GtfsTrip:tiny:plain"));
	CHECK_STR(text_of(plain, VOCAB "hasRoute"), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	CHECK_STR(text_of(plain, VOCAB "vehicleType"), STR("bus"));
	CHECK_STR(text_of(plain, VOCAB "positionBasis"), STR("scheduled"));
	const struct json *location = instance_of(plain, "https://uri.etsi.org/ngsi-ld/location");

	CHECK_STR(json_text(json_get(location, STR("observedAt"))), STR("2024-06-04T08:05:00Z"));
	CHECK(!json_get(location, STR(VOCAB "scheduledTime"))); /* the timetable's time is the clock's */
	CHECK(number_of(retrieve(&test, OFTEN), VOCAB "bearing") == 270);

	tick(6 * 60); /* 08:11: leaving q; often of 07:50 is over, one of 08:10 began */
	plain = retrieve(&test, PLAIN);
	CHECK_STR(text_of(plain, VOCAB "nextStop"), STR("urn:ngsi-ld:GtfsStop:tiny:r"));
	CHECK(stats_now().vehicles == 3);
	CHECK(!retrieve(&test, "urn:ngsi-ld:Vehicle:tiny:often:20240604:07:50:00"));
	CHECK(retrieve(&test, "urn:ngsi-ld:Vehicle:tiny:often:20240604:08:10:00"));
	tick(29 * 60); /* 08:40: at its last stop */
	CHECK(!retrieve(&test, PLAIN) && stats_now().vehicles == 2);
	stop();
	gtfs_test_close(&test);
}

static bool count_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	(void)at_us;
	(void)kind;
	(void)bytes;
	(*(unsigned *)self)++;
	return true;
}

static unsigned points_of(struct gtfs_test *test, const char *id, const char *iri)
{
	struct store_reader *reader = NULL;
	struct error err = {0};
	unsigned count = 0;

	CHECK_OK(store_reader_new(test->store, &reader, &err), &err);
	CHECK_OK(store_history(reader, str_from(id), str_from(iri), STR_NONE, 0, INT64_MAX, count_point, &count, &err),
		 &err);
	(void)store_reader_free(reader);
	return count;
}

static void only_what_changes_is_written_and_old_history_goes(void)
{
	struct gtfs_test test;

	set_clock("2024-06-04T08:01:00Z");
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");

	options.history_keep_s = 30;
	start(&test, &options);
	for (int i = 0; i < 4; i++)
		tick(5);
	CHECK(points_of(&test, PLAIN, "https://uri.etsi.org/ngsi-ld/location") == 5);
	CHECK(points_of(&test, PLAIN, VOCAB "bearing") == 1); /* straight on at one speed */
	CHECK(points_of(&test, PLAIN, VOCAB "speed") == 1);
	for (int i = 0; i < 12; i++)
		tick(5);
	/* Now 80 s later: of every 5 s those of the last 30 s, and the one of just then, are left. */
	unsigned left = points_of(&test, PLAIN, "https://uri.etsi.org/ngsi-ld/location");

	CHECK(left >= 6 && left <= 7 && stats_now().history_pruned > 0);
	stop();
	gtfs_test_close(&test);
}

static void a_vehicle_that_waits_is_not_written(void)
{
	struct gtfs_test test;

	set_clock("2024-06-04T08:10:00Z"); /* at q until 08:11; often of 08:00 and 08:10 */
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");

	start(&test, &options);
	uint64_t writes = stats_now().writes;

	CHECK(number_of(retrieve(&test, PLAIN), VOCAB "speed") == 0);
	tick(5);
	CHECK(stats_now().writes == writes + 2);
	stop();
	gtfs_test_close(&test);
}

static void a_start_removes_what_is_left_over(void)
{
	struct gtfs_test test;

	set_clock("2024-06-04T08:05:00Z");
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");
	uint64_t entities = count_entities(&test);

	start(&test, &options);
	CHECK(count_entities(&test) == entities + 3);
	stop();
	CHECK(count_entities(&test) == entities + 3);
	set_clock("2024-06-04T10:15:00Z");
	start(&test, &options);
	CHECK(stats_now().vehicles == 1 && count_entities(&test) == entities + 1);
	CHECK(retrieve(&test, "urn:ngsi-ld:Vehicle:tiny:odd%20id%2F1:20240604:10:00:00"));
	stop();
	gtfs_test_close(&test);
}

static void an_import_is_noticed_and_so_is_a_removal(void)
{
	struct gtfs_test test;
	struct error err = {0};

	set_clock("2024-06-04T08:05:00Z");
	gtfs_test_open(&test, test_clock);
	struct timetable_options options = options_of("tiny");

	start(&test, &options);
	CHECK(stats_now().vehicles == 0 && stats_now().loads == 0 && stats_now().error.code == ERR_OK);
	import_tiny(&test);
	tick(5);
	CHECK(stats_now().vehicles == 3 && stats_now().loads == 1);
	edit_file(test.feed, "frequencies.txt", "often,06:00:00,09:00:00,600,0", "often,06:00:00,09:00:00,60,0");
	import_tiny(&test);
	tick(5);
	CHECK(stats_now().vehicles == 21 && stats_now().loads == 2); /* plain, and often's last twenty minutes */
	import_tiny(&test); /* the same again */
	tick(5);
	CHECK(stats_now().loads == 2);
	CHECK_OK(gtfs_remove(test.broker, test.store, STR("tiny"), NULL, &err), &err);
	tick(5);
	CHECK(stats_now().vehicles == 0 && count_entities(&test) == 0);
	stop();
	gtfs_test_close(&test);
}

static void a_vehicle_that_somebody_deleted_comes_back_whole(void)
{
	struct broker_item item = {.operation = BROKER_DELETE, .id = STR(PLAIN)};
	struct gtfs_test test;
	struct error err = {0};

	set_clock("2024-06-04T08:05:00Z");
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &test.arena};

	start(&test, &options);
	CHECK_OK(broker_apply(test.broker, test.store, &write, &err), &err);
	CHECK(!retrieve(&test, PLAIN));
	tick(5);
	tick(5);
	CHECK_STR(text_of(retrieve(&test, PLAIN), VOCAB "positionBasis"), STR("scheduled"));
	stop();
	gtfs_test_close(&test);
}

static void another_time_can_be_shown_at_another_speed(void)
{
	struct gtfs_test test;

	set_clock("2026-11-22T23:30:00Z"); /* a Sunday night */
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");

	CHECK(time_parse_iso(STR("2024-06-04T08:02:00Z"), false, &options.start_us));
	options.speed = 12;
	start(&test, &options);
	CHECK_NEAR(place_of(retrieve(&test, PLAIN)).lon, 0.002, 1e-6);
	tick(10);
	struct json *plain = retrieve(&test, PLAIN);
	const struct json *location = instance_of(plain, "https://uri.etsi.org/ngsi-ld/location");

	CHECK_NEAR(place_of(plain).lon, 0.004, 1e-6);
	CHECK_STR(json_text(json_get(location, STR("observedAt"))), STR("2026-11-22T23:30:10Z"));
	const struct json *scheduled = json_at(json_get(location, STR(VOCAB "scheduledTime")), 0);

	CHECK_STR(json_text(json_get(json_get(scheduled, STR("value")), STR("@value"))), STR("2024-06-04T08:04:00Z"));
	stop();
	gtfs_test_close(&test);
}

static void bounds_hold_and_late_ticks_are_left_out(void)
{
	struct gtfs_test test;

	set_clock("2024-06-04T08:05:00Z");
	gtfs_test_open(&test, test_clock);
	import_tiny(&test);
	struct timetable_options options = options_of("tiny");

	options.vehicles_max = 1;
	start(&test, &options);
	CHECK(stats_now().vehicles == 1 && stats_now().vehicles_refused == 2);
	tick(62); /* due after 5, 10, … 60 s: one is made, eleven are not */
	CHECK(stats_now().ticks == 2 && stats_now().ticks_late == 11);
	tick(5);
	CHECK(stats_now().ticks == 3);
	stop();

	struct error err = {0};
	struct timetable *none = NULL;

	options.interval_ms = 5;
	CHECK(timetable_start(test.broker, &options, &none, &err) == ERR_INVALID);
	options = options_of("no good");
	CHECK(timetable_start(test.broker, &options, &none, &err) == ERR_INVALID);
	options = options_of("tiny");
	options.tenant = STR("nobody");
	CHECK(timetable_start(test.broker, &options, &none, &err) == ERR_TENANT && !none);
	gtfs_test_close(&test);
}

int main(void)
{
	RUN(vehicles_run_as_the_timetable_says);
	RUN(only_what_changes_is_written_and_old_history_goes);
	RUN(a_vehicle_that_waits_is_not_written);
	RUN(a_start_removes_what_is_left_over);
	RUN(an_import_is_noticed_and_so_is_a_removal);
	RUN(a_vehicle_that_somebody_deleted_comes_back_whole);
	RUN(another_time_can_be_shown_at_another_speed);
	RUN(bounds_hold_and_late_ticks_are_left_out);
	return check_done();
}
