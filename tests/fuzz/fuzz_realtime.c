/* A realtime feed with a small timetable: whatever message comes, what is told are ids of the feed with documents that
 * are true JSON; the same message again tells nothing new; and what was told makes a message that reads. */
#include "demand.h"

#include "feed/gtfs_int.h"
#include "feed/realtime.h"
#include "gtfsrt/gtfsrt.h"
#include "ngsild/context.h"
#include "json/json.h"

#include <string.h>

#define NOW_US (INT64_C(1717488320) * 1000000)

struct told {
	struct realtime_writer *writer;
	unsigned count;
};

static struct transit_feed *make_timetable(void)
{
	static const struct str stops[] = {{"urn:ngsi-ld:GtfsStop:tiny:p", 27},
					   {"urn:ngsi-ld:GtfsStop:tiny:q", 27},
					   {"urn:ngsi-ld:GtfsStop:tiny:s", 27}};
	struct transit_agency agency = {.id = STR("a"), .timezone = STR("Etc/UTC")};
	struct transit_service service = {
		.id = STR("W"), .has_week = true, .weekdays = 127, .first_day = 0, .last_day = 100000};
	struct transit_route route = {.id = STR("urn:ngsi-ld:GtfsRoute:tiny:1"), .agency = TRANSIT_NONE, .type = 3};
	struct transit_trip trip = {.id = STR("urn:ngsi-ld:GtfsTrip:tiny:plain"), .shape = TRANSIT_NONE};
	struct transit_feed *feed = NULL;
	struct error err;
	uint32_t row;

	demand(!transit_feed_new(NULL, &feed, &err) && !transit_add_agency(feed, &agency, &row, &err));
	demand(!transit_add_service(feed, &service, &row, &err) && !transit_add_route(feed, &route, &row, &err));
	demand(!transit_add_trip(feed, &trip, &row, &err));
	for (uint32_t i = 0; i < 3; i++) {
		struct transit_stop stop = {
			.id = stops[i], .has_place = true, .parent = TRANSIT_NONE, .place = {0.01 * i, 0}};
		struct transit_stop_time time = {.sequence = i + 1,
						 .arrival = (int32_t)(28800 + i * 600),
						 .departure = (int32_t)(28860 + i * 600),
						 .timepoint = -1,
						 .distance = i};

		demand(!transit_add_stop(feed, &stop, &time.stop, &err));
		demand(!transit_add_stop_time(feed, &time, &err));
	}
	demand(!transit_feed_check(feed, &err));
	return feed;
}

static enum err_code look_at(void *self, enum broker_operation operation, struct str id, const struct json *entity,
			     struct error *err)
{
	struct told *told = self;
	struct json_parser *parser = json_parser_new();
	struct json *again = NULL;
	struct arena arena;
	struct buf text;
	bool taken;

	told->count++;
	demand(str_starts(id, STR("urn:ngsi-ld:")) && str_contains(id, STR(":live:")));
	demand(operation == BROKER_REPLACE);
	arena_init(&arena, (size_t)64 << 20);
	buf_init(&text, (size_t)64 << 20);
	json_write(&text, entity);
	demand(!json_parse(parser, &arena, buf_str(&text), NULL, &again, err) && json_equal(entity, again));
	demand(!realtime_writer_add(told->writer, entity, &taken, err));
	buf_done(&text);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct realtime_options options = {.feed = STR("live"), .timetable = STR("tiny")};
	struct realtime_writer_options writing = {.timetable = STR("tiny")};
	struct transit_feed *feed = make_timetable();
	struct transit_zone *zone = NULL;
	struct realtime *realtime = NULL;
	struct context *context = NULL;
	struct told told = {0};
	struct realtime_sink sink = {look_at, &told};
	static struct realtime_report report;
	struct gtfsrt_message message;
	struct arena arena;
	struct error err = {0};
	struct str bytes;

	arena_init(&arena, (size_t)256 << 20);
	demand(!gtfs_read_zone(STR("Etc/UTC"), &zone, &err) && !context_core_new(&context, &err));
	demand(!realtime_new(&options, context, feed, zone, &realtime, &err));
	demand(!realtime_writer_new(&writing, &arena, &told.writer, &err));
	struct str input = {(const char *)data, size};

	if (!realtime_take(realtime, 0, input, NOW_US, &arena, &sink, &report, &err)) {
		demand(told.count == report.created && report.changed == 0 && report.deleted == 0);
		/* From another source there is no order of times. */
		demand(!realtime_take(realtime, 1, input, NOW_US, &arena, &sink, &report, &err));
		demand(report.created == 0 && report.changed == 0 && report.deleted == 0);
		demand(!realtime_writer_done(told.writer, NOW_US, &bytes, &err));
		demand(!gtfsrt_decode(bytes, &arena, &message, &err) && message.refused_count == 0);
	}
	(void)realtime_free(realtime);
	(void)transit_feed_free(feed);
	(void)transit_zone_free(zone);
	(void)context_unref(context);
	arena_done(&arena);
	return 0;
}
