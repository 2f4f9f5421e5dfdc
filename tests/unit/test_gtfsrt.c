/* GTFS Realtime messages against other hands: bytes written by the rules of Protocol Buffers' documentation
 * ("Encoding"), recorded feeds whose counts and sums were taken with protoc --decode and the published .proto
 * (libprotoc 3.21.12), and protoc reading what our encoder wrote. */
#include "check.h"
#include "gtfsrt/gtfsrt.h"
#include "protoc_util.h"

#include "base/cleanup.h"

#include <string.h>

#define FEED_BYTES_MAX ((size_t)1 << 20)
#define HEADER                                                                                                         \
	"\x0a\x05\x0a\x03"                                                                                             \
	"2.0" /* field 1, 5 bytes: field 1, 3 bytes */

static struct arena arena;

static const char *source_root(void)
{
	const char *root = getenv("TEST_SOURCE_ROOT");

	return root ? root : ".";
}

static struct gtfsrt_message decoded(struct str bytes)
{
	struct gtfsrt_message message = {0};
	struct error err = {0};

	CHECK_OK(gtfsrt_decode(bytes, &arena, &message, &err), &err);
	return message;
}

static void refused(struct str bytes, enum err_code code, const char *part)
{
	struct gtfsrt_message message = {.entity_count = 7};
	struct error err = {0};

	CHECK(gtfsrt_decode(bytes, &arena, &message, &err) == code && message.entity_count == 7);
	if (!CHECK(str_contains(str_from(err.detail), str_from(part))))
		printf("# said: %s\n", err.detail);
}

/* ---- by hand ---- */

static void a_header_alone_is_a_message(void)
{
	struct gtfsrt_message message = decoded(STR(HEADER));

	CHECK_STR(message.version, STR("2.0"));
	CHECK(message.entity_count == 0 && !message.differential && message.timestamp_s == GTFSRT_TIME_NONE);
	/* Incrementality 1 and timestamp 300 (varint ac 02). */
	message = decoded(STR("\x0a\x0a\x0a\x03"
			      "1.0"
			      "\x10\x01\x18\xac\x02"));
	CHECK(message.differential && message.timestamp_s == 300);
}

static void frames_that_break_are_named_by_their_byte(void)
{
	refused(STR_NONE, ERR_INVALID, "0 headers");
	refused(STR(HEADER HEADER), ERR_INVALID, "2 headers");
	refused(STR("<html>"), ERR_INVALID, "byte 0 of 6");
	refused(STR(HEADER "\x12\x05\x0a"), ERR_INVALID, "byte 7 of 10"); /* says 5 bytes, has 1 */
	refused(STR(HEADER "\x12"), ERR_INVALID, "byte 7 of 8");
	refused(STR(HEADER "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_INVALID, "byte 7"); /* 2^64 − 1 bytes */
	refused(STR(HEADER "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_INVALID, "byte 7"); /* 11 bytes */
	refused(STR(HEADER "\x10\x01"), ERR_INVALID, "field 2 at byte 7");
	refused(STR(HEADER "\x1b\x1c"), ERR_INVALID, "byte 7"); /* a group */
	refused(STR(HEADER "\x02\x00"), ERR_INVALID, "byte 7"); /* field 0 */
	refused(STR("\x0a\x02\x10\x00"), ERR_INVALID, "gtfs_realtime_version");
	refused(STR("\x0a\x03\x0a\x01\xff"), ERR_INVALID, "UTF-8");
	/* 1728169927000, milliseconds. */
	refused(STR("\x0a\x0c\x0a\x03"
		    "2.0"
		    "\x18\xd8\xc2\xd1\xf7\xa5\x32"),
		ERR_INVALID, "1728169927000");
}

static void one_bad_entity_does_not_hide_the_others(void)
{
	/* {id "a"}, {no id}, {id no UTF-8}, {id "b", a vehicle whose position lacks its longitude}, {id "c"}. */
	struct gtfsrt_message message = decoded(STR(HEADER "\x12\x03\x0a\x01"
							   "a"
							   "\x12\x00\x12\x03\x0a\x01\xc0"
							   "\x12\x0c\x0a\x01"
							   "b"
							   "\x22\x07\x12\x05\x0d\x00\x00\x80\x3f"
							   "\x12\x03\x0a\x01"
							   "c"));

	CHECK(message.entity_count == 2 && message.refused_count == 3);
	CHECK_STR(message.entities[0].id, STR("a"));
	CHECK_STR(message.entities[1].id, STR("c"));
	CHECK(str_contains(str_from(message.refused.detail), STR("byte 12")));
	CHECK(!message.entities[0].vehicle && !message.entities[0].trip_update && !message.entities[0].alert);
}

static void what_is_unknown_is_skipped(void)
{
	/* At the top field 1000 (c2 3e) with 2 bytes and field 9 as a varint; in the entity field 6 (a shape), then an
	 * alert with cause 99 and effect 1, and a field 16 of 4 bytes. */
	struct gtfsrt_message message = decoded(STR("\xc2\x3e\x02xy\x48\x05" HEADER "\x12\x13\x0a\x01"
						    "a"
						    "\x32\x02\x0a\x00"
						    "\x2a\x0a\x30\x63\x38\x01\x85\x01\x01\x02\x03\x04"));

	CHECK(message.entity_count == 1 && message.refused_count == 0);
	const struct gtfsrt_alert *alert = message.entities[0].alert;

	CHECK(alert && alert->cause == GTFSRT_CAUSE_UNKNOWN && alert->effect == 1);
}

static void numbers_are_read_to_their_edges(void)
{
	/* A trip update {id "d"}: trip {}, stop {sequence 2^32 − 1, arrival {delay −1 (ten bytes), time 1}}. */
	struct gtfsrt_message message =
		decoded(STR(HEADER "\x12\x1e\x0a\x01"
				   "d"
				   "\x1a\x19\x0a\x00\x12\x15\x08\xff\xff\xff\xff\x0f"
				   "\x12\x0d\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01"));
	const struct gtfsrt_trip_update *update = message.entity_count ? message.entities[0].trip_update : NULL;

	if (!CHECK(update && update->stop_count == 1))
		return;
	CHECK(update->trip.given && update->trip.relation == GTFSRT_WORD_NONE);
	CHECK(update->stops[0].stop_sequence == UINT32_MAX && update->stops[0].arrival.delay_s == -1);
	CHECK(update->stops[0].arrival.time_s == 1 && update->stops[0].departure.time_s == GTFSRT_TIME_NONE);
	CHECK(update->stops[0].arrival.uncertainty_s == GTFSRT_NUMBER_NONE);
	/* A vehicle with the timestamp 2^63 is refused, one with 0 knows no time. */
	message = decoded(STR(HEADER "\x12\x10\x0a\x01"
				     "v"
				     "\x22\x0b\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
				     "\x12\x07\x0a\x01"
				     "w"
				     "\x22\x02\x28\x00"));
	CHECK(message.entity_count == 1 && message.refused_count == 1);
	CHECK(message.entities[0].vehicle && message.entities[0].vehicle->timestamp_s == GTFSRT_TIME_NONE);
}

static void memory_is_bounded(void)
{
	struct arena small;
	struct gtfsrt_message message;
	struct error err = {0};
	static char many[20000];

	memcpy(many, HEADER, 7);
	for (size_t i = 7; i + 5 <= sizeof(many) - 3; i += 5)
		memcpy(many + i, "\x12\x03\x0a\x01x", 5);
	arena_init(&small, 200000);
	size_t whole = 7 + (sizeof(many) - 3 - 7) / 5 * 5;

	CHECK(gtfsrt_decode((struct str){many, whole}, &small, &message, &err) == ERR_LIMIT);
	arena_done(&small);
	arena_init(&small, 8u << 20);
	CHECK_OK(gtfsrt_decode((struct str){many, whole}, &small, &message, &err), &err);
	CHECK(message.entity_count == (whole - 7) / 5);
	arena_done(&small);
}

/* ---- recorded feeds ---- */

static struct str recorded(const char *name, char *buffer)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/../shared/data/gtfs-rt/%s", source_root(), name);
	CLEANUP_FILE FILE *file = fopen(path, "rb");

	if (!file) {
		printf("# SKIPPED: %s is not there\n", path);
		return STR_NONE;
	}
	return (struct str){buffer, fread(buffer, 1, FEED_BYTES_MAX, file)};
}

struct counts {
	uint32_t vehicles, updates, alerts, positions, times, occupancies, percents, bearings, speeds, stopped,
		stop_ids, stops, arrivals, departures;
	double lat, lon, speed;
	int64_t time, percent, direction, event_time;
};

static void count_vehicle(struct counts *counts, const struct gtfsrt_vehicle *vehicle)
{
	counts->vehicles++;
	counts->positions += vehicle->has_position;
	counts->lat += vehicle->lat;
	counts->lon += vehicle->lon;
	counts->bearings += isnan(vehicle->bearing_deg) ? 0 : 1;
	counts->speeds += isnan(vehicle->speed_m_s) ? 0 : 1;
	counts->speed += isnan(vehicle->speed_m_s) ? 0 : vehicle->speed_m_s;
	counts->times += vehicle->timestamp_s != GTFSRT_TIME_NONE;
	counts->time += vehicle->timestamp_s == GTFSRT_TIME_NONE ? 0 : vehicle->timestamp_s;
	counts->occupancies += vehicle->occupancy != GTFSRT_WORD_NONE;
	counts->percents += vehicle->occupancy_percent != GTFSRT_COUNT_NONE;
	counts->percent += vehicle->occupancy_percent == GTFSRT_COUNT_NONE ? 0 : vehicle->occupancy_percent;
	counts->direction += vehicle->trip.direction == GTFSRT_COUNT_NONE ? 0 : vehicle->trip.direction;
	counts->stopped += vehicle->status == GTFSRT_STOPPED_AT;
	counts->stop_ids += vehicle->stop_id.len > 0;
}

static void count_update(struct counts *counts, const struct gtfsrt_trip_update *update)
{
	counts->updates++;
	counts->stops += update->stop_count;
	for (uint32_t i = 0; i < update->stop_count; i++) {
		const struct gtfsrt_event *arrival = &update->stops[i].arrival,
					  *departure = &update->stops[i].departure;

		counts->arrivals += arrival->time_s != GTFSRT_TIME_NONE;
		counts->departures += departure->time_s != GTFSRT_TIME_NONE;
		counts->event_time += arrival->time_s == GTFSRT_TIME_NONE ? 0 : arrival->time_s;
		counts->event_time += departure->time_s == GTFSRT_TIME_NONE ? 0 : departure->time_s;
	}
}

static struct counts count(const struct gtfsrt_message *message)
{
	struct counts counts = {0};

	for (uint32_t i = 0; i < message->entity_count; i++) {
		const struct gtfsrt_entity *entity = &message->entities[i];

		if (entity->vehicle)
			count_vehicle(&counts, entity->vehicle);
		if (entity->trip_update)
			count_update(&counts, entity->trip_update);
		counts.alerts += entity->alert != NULL;
	}
	return counts;
}

static void mississauga_is_what_protoc_says(void)
{
	CLEANUP_MEMORY char *buffer = malloc(FEED_BYTES_MAX);
	struct str bytes = recorded("miway_VehiclePositions.pb", buffer);

	if (bytes.len == 0)
		return;
	struct gtfsrt_message message = decoded(bytes);
	struct counts counts = count(&message);

	CHECK_STR(message.version, STR("2.0"));
	CHECK(message.timestamp_s == 1728169927 && message.entity_count == 139 && message.refused_count == 0);
	CHECK(counts.vehicles == 139 && counts.positions == 139 && counts.times == 139 && counts.occupancies == 88);
	CHECK(counts.percents == 79 && counts.bearings == 135 && counts.speeds == 85 && counts.stop_ids == 0);
	CHECK(counts.time == 240215617272 && counts.percent == 3700 && counts.direction == 398);
	/* protoc prints nine digits of a float. */
	CHECK_NEAR(counts.lat, 6060.5855333, 1e-5);
	CHECK_NEAR(counts.lon, -11072.0233836, 1e-5);
	CHECK_NEAR(counts.speed, 680.39488, 1e-4);
	const struct gtfsrt_vehicle *first = message.entities[0].vehicle;

	CHECK_STR(message.entities[0].id, STR("1003"));
	CHECK_STR(first->trip.trip_id, STR("26997328"));
	CHECK_STR(first->trip.start_date, STR("20241005"));
	CHECK_STR(first->trip.route_id, STR("1"));
	CHECK(first->trip.direction == 6 && first->bearing_deg == 315 && first->timestamp_s == 1728169903);
	CHECK_NEAR(first->lat, 43.5429802, 1e-7);
	CHECK_NEAR(first->lon, -79.6831131, 1e-7);
	CHECK_STR(first->vehicle.id, STR("2103"));
	CHECK_STR(first->vehicle.label, STR("1003"));
	CHECK(message.entities[1].vehicle->occupancy == 1 && message.entities[1].vehicle->occupancy_percent == 20);
}

static void an_extension_of_1_0_is_no_hindrance(void)
{
	CLEANUP_MEMORY char *buffer = malloc(FEED_BYTES_MAX);
	struct str bytes = recorded("bullrunner-vehicle-positions.pb", buffer);

	if (bytes.len == 0)
		return;
	struct gtfsrt_message message = decoded(bytes);
	struct counts counts = count(&message);

	CHECK_STR(message.version, STR("1.0"));
	CHECK(message.timestamp_s == 1505314375 && counts.vehicles == 10 && counts.positions == 10 &&
	      counts.times == 0);
	CHECK(counts.occupancies == 10 && counts.bearings == 10 && counts.speeds == 0);
	CHECK_STR(message.entities[0].vehicle->trip.route_id, STR("F"));
	CHECK(message.entities[0].vehicle->trip.trip_id.len == 0);
	CHECK_STR(message.entities[9].vehicle->vehicle.id, STR("9012"));
	CHECK_NEAR(message.entities[9].vehicle->lat, 28.0573, 1e-6);
}

static void new_york_is_what_protoc_says(void)
{
	static const struct {
		const char *name;
		uint32_t entities, vehicles, updates, stops, arrivals, departures, stopped, stop_ids;
	} files[] = {
		{"nyct_wrong_way/g.pb", 42, 21, 21, 376, 376, 376, 7, 21},
		{"nyct_wrong_way/j.pb", 50, 25, 25, 486, 486, 486, 13, 25},
		{"nyct_wrong_way/l.pb", 60, 21, 39, 639, 623, 600, 18, 21},
		{"nyct_wrong_way/m.pb", 258, 129, 129, 3383, 3383, 3383, 77, 129},
	};
	CLEANUP_MEMORY char *buffer = malloc(FEED_BYTES_MAX);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct str bytes = recorded(files[i].name, buffer);

		if (bytes.len == 0)
			return;
		struct gtfsrt_message message = decoded(bytes);
		struct counts counts = count(&message);

		CHECK(message.entity_count == files[i].entities && counts.vehicles == files[i].vehicles);
		CHECK(counts.updates == files[i].updates && counts.stops == files[i].stops && counts.alerts == 0);
		CHECK(counts.arrivals == files[i].arrivals && counts.departures == files[i].departures);
		CHECK(counts.stopped == files[i].stopped && counts.stop_ids == files[i].stop_ids);
		CHECK(counts.positions == 0 && message.refused_count == 0);
		if (i < 3)
			continue;
		CHECK(counts.event_time == 11450633994138);
		const struct gtfsrt_trip_update *update = message.entities[0].trip_update;

		CHECK_STR(update->trip.trip_id, STR("067000_B..N"));
		CHECK_STR(update->trip.start_time, STR("11:10:00"));
		CHECK_STR(update->stops[0].stop_id, STR("A15N"));
		CHECK(update->stops[0].arrival.time_s == 1692375420);
	}
}

/* ---- what we write ---- */

static struct gtfsrt_vehicle some_vehicle(void)
{
	struct gtfsrt_vehicle vehicle = gtfsrt_vehicle_none();

	vehicle.trip.given = true;
	vehicle.trip.trip_id = STR("t1");
	vehicle.trip.start_date = STR("20240604");
	vehicle.trip.start_time = STR("25:10:00");
	vehicle.trip.direction = 1;
	vehicle.trip.relation = GTFSRT_TRIP_DUPLICATED;
	vehicle.vehicle.id = STR("町 7");
	vehicle.vehicle.wheelchair = 2;
	vehicle.has_position = true;
	vehicle.lat = -1.5;
	vehicle.lon = 103.25;
	vehicle.bearing_deg = 270;
	vehicle.speed_m_s = 8.5;
	vehicle.odometer_m = 123456.75;
	vehicle.stop_id = STR("p");
	vehicle.stop_sequence = 3;
	vehicle.status = GTFSRT_STOPPED_AT;
	vehicle.congestion = 4;
	vehicle.occupancy = 5;
	vehicle.occupancy_percent = 101;
	vehicle.timestamp_s = 1717488300;
	return vehicle;
}

static struct gtfsrt_trip_update some_update(struct gtfsrt_stop_update stops[static 2])
{
	struct gtfsrt_trip_update update = gtfsrt_trip_update_none();

	stops[0] = stops[1] = gtfsrt_stop_update_none();
	stops[0].stop_sequence = 2;
	stops[0].stop_id = STR("q");
	stops[0].arrival.delay_s = -60;
	stops[0].departure.time_s = 1717488660;
	stops[0].departure.uncertainty_s = 0;
	stops[1].stop_id = STR("s");
	stops[1].relation = GTFSRT_STOP_SKIPPED;
	update.trip.given = true;
	update.trip.trip_id = STR("plain");
	update.trip.relation = GTFSRT_TRIP_SCHEDULED;
	update.new_trip_id = STR("copy");
	update.new_start_time = STR("08:30:00");
	update.stops = stops;
	update.stop_count = 2;
	update.delay_s = 30;
	update.timestamp_s = 1717488301;
	return update;
}

static const struct gtfsrt_period periods[] = {{1717488000, 1717491600}, {1717495200, GTFSRT_TIME_NONE}};
static const struct gtfsrt_text texts[] = {{{"Stop moved", 10}, {"en", 2}}, {{"移動", 6}, {NULL, 0}}};

static struct gtfsrt_alert some_alert(struct gtfsrt_selector informed[static 2])
{
	struct gtfsrt_alert alert = gtfsrt_alert_none();

	informed[0] = informed[1] = gtfsrt_selector_none();
	informed[0].route_id = STR("1");
	informed[0].stop_id = STR("q");
	informed[0].direction = 0;
	informed[1].trip.given = true;
	informed[1].trip.trip_id = STR("night");
	informed[1].route_type = 3;
	alert.periods = periods;
	alert.period_count = 2;
	alert.informed = informed;
	alert.informed_count = 2;
	alert.cause = 10;
	alert.effect = 9;
	alert.severity = 3;
	alert.header = (struct gtfsrt_texts){texts, 2};
	alert.url = (struct gtfsrt_texts){texts + 1, 1};
	return alert;
}

static struct str encoded_all(void)
{
	struct gtfsrt_stop_update stops[2];
	struct gtfsrt_selector informed[2];
	struct gtfsrt_vehicle vehicle = some_vehicle();
	struct gtfsrt_trip_update update = some_update(stops);
	struct gtfsrt_alert alert = some_alert(informed);
	const struct gtfsrt_entity entities[] = {{.id = STR("v"), .vehicle = &vehicle},
						 {.id = STR("u"), .trip_update = &update},
						 {.id = STR("a"), .alert = &alert},
						 {.id = STR("gone"), .is_deleted = true}};
	struct gtfsrt_message message = {
		.timestamp_s = 1717488310, .feed_version = STR("7"), .entities = entities, .entity_count = 4};
	struct str bytes = STR_NONE;
	struct error err = {0};

	CHECK_OK(gtfsrt_encode(&message, &arena, &bytes, &err), &err);
	return bytes;
}

static void protoc_reads_what_we_write(void)
{
	struct buf text;

	buf_init(&text, 1u << 20);
	if (protoc_decode(encoded_all(), source_root(), &text)) {
		struct str said = buf_str(&text);

		CHECK(protoc_says(said,
				  "header { gtfs_realtime_version: \"2.0\" incrementality: FULL_DATASET timestamp: "
				  "1717488310 feed_version: \"7\" }"));
		CHECK(protoc_says(said,
				  "vehicle { trip { trip_id: \"t1\" start_time: \"25:10:00\" start_date: \"20240604\" "
				  "schedule_relationship: DUPLICATED direction_id: 1 } position { latitude: -1.5 "
				  "longitude: 103.25 bearing: 270 odometer: 123456.75 speed: 8.5 } "
				  "current_stop_sequence: 3 current_status: STOPPED_AT timestamp: 1717488300 "
				  "congestion_level: SEVERE_CONGESTION stop_id: \"p\" vehicle { id: "
				  "\"\\347\\224\\272 7\" wheelchair_accessible: WHEELCHAIR_ACCESSIBLE } "
				  "occupancy_status: FULL occupancy_percentage: 101 }"));
		CHECK(protoc_says(said,
				  "trip_update { trip { trip_id: \"plain\" schedule_relationship: SCHEDULED } "
				  "stop_time_update { stop_sequence: 2 arrival { delay: -60 } departure { time: "
				  "1717488660 uncertainty: 0 } stop_id: \"q\" } stop_time_update { stop_id: \"s\" "
				  "schedule_relationship: SKIPPED } timestamp: 1717488301 delay: 30 trip_properties { "
				  "trip_id: \"copy\" start_time: \"08:30:00\" } }"));
		CHECK(protoc_says(said,
				  "alert { active_period { start: 1717488000 end: 1717491600 } active_period { start: "
				  "1717495200 } informed_entity { route_id: \"1\" stop_id: \"q\" direction_id: 0 } "
				  "informed_entity { route_type: 3 trip { trip_id: \"night\" } } cause: CONSTRUCTION "
				  "effect: STOP_MOVED url { translation { text: \"\\347\\247\\273\\345\\213\\225\" } } "
				  "header_text { translation { text: \"Stop moved\" language: \"en\" }"));
		CHECK(protoc_says(said, "severity_level: WARNING"));
		CHECK(protoc_says(said, "entity { id: \"gone\" is_deleted: true }"));
	}
	buf_done(&text);
}

static void what_was_written_reads_back(void)
{
	struct gtfsrt_message message = decoded(encoded_all());

	if (!CHECK(message.entity_count == 4 && message.refused_count == 0))
		return;
	const struct gtfsrt_vehicle *vehicle = message.entities[0].vehicle;
	const struct gtfsrt_trip_update *update = message.entities[1].trip_update;
	const struct gtfsrt_alert *alert = message.entities[2].alert;

	CHECK_STR(vehicle->vehicle.id, STR("町 7"));
	CHECK(vehicle->lat == -1.5 && vehicle->odometer_m == 123456.75 && vehicle->occupancy_percent == 101);
	CHECK(vehicle->trip.relation == GTFSRT_TRIP_DUPLICATED && vehicle->status == GTFSRT_STOPPED_AT);
	CHECK(update->stop_count == 2 && update->stops[0].arrival.delay_s == -60 && update->delay_s == 30);
	CHECK(update->stops[0].departure.uncertainty_s == 0 && update->stops[1].relation == GTFSRT_STOP_SKIPPED);
	CHECK_STR(update->new_trip_id, STR("copy"));
	CHECK(alert->period_count == 2 && alert->periods[1].end_s == GTFSRT_TIME_NONE && alert->informed_count == 2);
	CHECK(alert->informed[1].trip.given && !alert->informed[0].trip.given && alert->informed[1].route_type == 3);
	CHECK(alert->informed[0].direction == 0 && alert->severity == 3 && alert->header.count == 2);
	CHECK_STR(alert->header.items[1].text, STR("移動"));
	CHECK(message.entities[3].is_deleted);
}

int main(void)
{
	arena_init(&arena, (size_t)256 << 20);
	RUN(a_header_alone_is_a_message);
	RUN(frames_that_break_are_named_by_their_byte);
	RUN(one_bad_entity_does_not_hide_the_others);
	RUN(what_is_unknown_is_skipped);
	RUN(numbers_are_read_to_their_edges);
	RUN(memory_is_bounded);
	RUN(mississauga_is_what_protoc_says);
	RUN(an_extension_of_1_0_is_no_hindrance);
	RUN(new_york_is_what_protoc_says);
	RUN(protoc_reads_what_we_write);
	RUN(what_was_written_reads_back);
	arena_done(&arena);
	return check_done();
}
