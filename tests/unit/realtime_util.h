/* What the tests of GTFS Realtime share: the tiny feed imported and loaded, messages made of structs by our encoder
 * (which test_gtfsrt.c holds against protoc), and what they tell applied to the store at once. */
#ifndef MACHI_TESTS_REALTIME_UTIL_H
#define MACHI_TESTS_REALTIME_UTIL_H

#include "base/time_value.h"
#include "feed/gtfs_int.h"
#include "feed/realtime.h"
#include "gtfs_util.h"
#include "gtfsrt/gtfsrt.h"
#include "ngsild/document.h"
#include "ngsild/expand.h"
#include "ngsild/represent.h"

#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define LOCATION "https://uri.etsi.org/ngsi-ld/location"
#define ENTITIES_MAX 16u

struct realtime_test {
	struct gtfs_test base;
	struct store_reader *reader;
	struct transit_feed *feed;
	struct transit_zone *zone;
	struct realtime *realtime;
	struct realtime_report report; /* of the last message */
	unsigned told; /* by the last message */
	unsigned fail_at; /* the sink refuses the n-th; 0: none */
	struct gtfsrt_entity entities[ENTITIES_MAX]; /* of the next message */
	uint32_t count;
};

static inline int64_t at(const char *text)
{
	int64_t us = 0;

	CHECK(time_parse_iso(str_from(text), false, &us));
	return us;
}

static inline int64_t at_s(const char *text)
{
	return at(text) / US_PER_S;
}

static inline void realtime_test_open(struct realtime_test *test)
{
	static struct gtfs_report report;
	struct realtime_options options = {.feed = STR("live"), .timetable = STR("tiny")};
	struct error err = {0};

	memset(test, 0, sizeof(*test));
	gtfs_test_open(&test->base, NULL);
	CHECK_OK(import_path(&test->base, test->base.feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
	if (!CHECK_OK(store_reader_new(test->base.store, &test->reader, &err), &err) ||
	    !CHECK_OK(gtfs_load(test->reader, STR("tiny"), NULL, &test->feed, &err), &err) ||
	    !CHECK_OK(gtfs_read_zone(transit_feed_tables(test->feed)->agencies[0].timezone, &test->zone, &err), &err) ||
	    !CHECK_OK(realtime_new(&options, broker_core_context(test->base.broker), test->feed, test->zone,
				   &test->realtime, &err),
		      &err))
		abort();
}

static inline void realtime_test_close(struct realtime_test *test)
{
	test->realtime = realtime_free(test->realtime);
	test->feed = transit_feed_free(test->feed);
	test->zone = transit_zone_free(test->zone);
	test->reader = store_reader_free(test->reader);
	gtfs_test_close(&test->base);
}

/* What a client would get of the document and send in again is the document. */
static inline void check_document(struct realtime_test *test, const struct json *entity)
{
	struct arena *arena = &test->base.arena;
	struct expand_options expanding = {.context = broker_core_context(test->base.broker),
					   .now_us = document_created_us(entity)};
	struct represent_options options = {.context = expanding.context, .format = REPRESENT_NORMALIZED};
	struct json *body = NULL, *again = NULL, *copy = json_dup(arena, entity);
	struct json_parser *parser = json_parser_new();
	struct error err = {0};
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK_OK(represent_entity(&out, arena, copy, &options, &err), &err);
	CHECK_OK(json_parse(parser, arena, buf_str(&out), NULL, &body, &err), &err);
	if (CHECK_OK(expand_entity(arena, body, &expanding, &again, &err), &err) && !CHECK(json_equal(copy, again)))
		printf("# %.*s\n", STR_FMT(buf_str(&out)));
	buf_done(&out);
	(void)json_parser_free(parser);
}

static inline enum err_code apply(void *self, enum broker_operation operation, struct str id, const struct json *entity,
				  struct error *err)
{
	struct realtime_test *test = self;
	struct broker_item item = {.operation = operation, .id = id, .entity = entity, .overwrite = true};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &test->base.arena};

	if (++test->told == test->fail_at)
		return err_set(err, ERR_IO, "the test says no");
	if (operation == BROKER_REPLACE)
		check_document(test, entity);
	CHECK_OK(broker_apply(test->base.broker, test->base.store, &write, err), err);
	CHECK_OK(item.outcome.code, &item.outcome.error);
	return ERR_OK;
}

/* The message of all that was added, made at this time. */
static inline struct str message_bytes(struct realtime_test *test, const char *time)
{
	struct gtfsrt_message message = {.timestamp_s = time ? at_s(time) : GTFSRT_TIME_NONE,
					 .entities = test->entities,
					 .entity_count = test->count};
	struct str bytes = STR_NONE;
	struct error err = {0};

	CHECK_OK(gtfsrt_encode(&message, &test->base.arena, &bytes, &err), &err);
	test->count = 0;
	return bytes;
}

static inline enum err_code take_bytes(struct realtime_test *test, uint32_t source, struct str bytes, const char *now,
				       struct error *err)
{
	struct realtime_sink sink = {apply, test};

	test->told = 0;
	return realtime_take(test->realtime, source, bytes, at(now), &test->base.arena, &sink, &test->report, err);
}

/* Takes what was added as a message of this time, which is now. */
static inline void take(struct realtime_test *test, const char *time)
{
	struct error err = {0};

	CHECK_OK(take_bytes(test, 0, message_bytes(test, time), time, &err), &err);
}

static inline void add_vehicle(struct realtime_test *test, const char *id, const struct gtfsrt_vehicle *vehicle)
{
	test->entities[test->count++] = (struct gtfsrt_entity){.id = str_from(id), .vehicle = vehicle};
}

static inline void add_update(struct realtime_test *test, const char *id, const struct gtfsrt_trip_update *update)
{
	test->entities[test->count++] = (struct gtfsrt_entity){.id = str_from(id), .trip_update = update};
}

static inline void add_alert(struct realtime_test *test, const char *id, const struct gtfsrt_alert *alert)
{
	test->entities[test->count++] = (struct gtfsrt_entity){.id = str_from(id), .alert = alert};
}

static inline struct json *retrieve(struct realtime_test *test, const char *id)
{
	struct json *entity = NULL;
	struct error err = {0};
	enum err_code code =
		broker_retrieve(test->base.reader, STR_NONE, str_from(id), &test->base.arena, &entity, &err);

	CHECK(code == ERR_OK || code == ERR_NOT_FOUND);
	return code ? NULL : entity;
}

static inline const struct json *value_of(const struct json *entity, const char *iri)
{
	struct json *instance = entity ? document_instance(entity, str_from(iri), STR_NONE) : NULL;

	return instance ? document_value(instance) : NULL;
}

static inline struct str text_of(const struct json *entity, const char *iri)
{
	return json_text(value_of(entity, iri));
}

static inline double number_of(const struct json *entity, const char *iri)
{
	const struct json *value = value_of(entity, iri);

	return json_is(value, JSON_NUMBER) ? value->number : (double)NAN;
}

static inline struct str observed_of(const struct json *entity, const char *iri)
{
	return json_text(
		json_get(entity ? document_instance(entity, str_from(iri), STR_NONE) : NULL, STR("observedAt")));
}

static inline struct gtfsrt_trip trip_named(const char *trip_id, const char *date, const char *start)
{
	struct gtfsrt_trip trip = gtfsrt_trip_none();

	trip.given = true;
	trip.trip_id = str_from(trip_id);
	trip.start_date = str_from(date);
	trip.start_time = str_from(start);
	return trip;
}

/* On the equator. */
static inline struct gtfsrt_vehicle vehicle_at(const char *id, struct gtfsrt_trip trip, double lon, const char *time)
{
	struct gtfsrt_vehicle vehicle = gtfsrt_vehicle_none();

	vehicle.vehicle.id = str_from(id);
	vehicle.trip = trip;
	vehicle.has_position = true;
	vehicle.lon = lon;
	vehicle.timestamp_s = time ? at_s(time) : GTFSRT_TIME_NONE;
	return vehicle;
}

#endif
