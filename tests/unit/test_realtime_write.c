/* The way back: what the store has becomes a message again. Held against protoc, and against what was told before: the
 * message, taken by a second realtime, gives the same entities. */
#include "protoc_util.h"
#include "realtime_util.h"

static struct gtfsrt_stop_update stops[2];
static struct gtfsrt_selector informed[1];
static const struct gtfsrt_text header[] = {{{"Stop moved", 10}, {"en", 2}}, {{"移動", 6}, {NULL, 0}}};
static struct gtfsrt_period period;

static struct gtfsrt_alert some_alert(void)
{
	struct gtfsrt_alert alert = gtfsrt_alert_none();

	period = (struct gtfsrt_period){at_s("2024-06-04T08:00:00Z"), GTFSRT_TIME_NONE};
	informed[0] = gtfsrt_selector_none();
	informed[0].route_id = STR("1");
	informed[0].stop_id = STR("a b/c?");
	alert.periods = &period;
	alert.period_count = 1;
	alert.informed = informed;
	alert.informed_count = 1;
	alert.cause = 10;
	alert.effect = 9;
	alert.severity = 3;
	alert.header = (struct gtfsrt_texts){header, 2};
	return alert;
}

static struct gtfsrt_vehicle some_vehicle(void)
{
	struct gtfsrt_vehicle vehicle =
		vehicle_at("v 1", trip_named("plain", "20240604", ""), 0.25, "2024-06-04T08:07:00Z");

	vehicle.lat = 0.5;
	vehicle.bearing_deg = 90;
	vehicle.speed_m_s = 7.5;
	vehicle.vehicle.label = STR("Bus 7");
	vehicle.stop_id = STR("q");
	vehicle.status = GTFSRT_INCOMING_AT;
	vehicle.occupancy = 5;
	vehicle.occupancy_percent = 100;
	return vehicle;
}

static struct gtfsrt_trip_update some_update(void)
{
	struct gtfsrt_trip_update update = gtfsrt_trip_update_none();

	stops[0] = stops[1] = gtfsrt_stop_update_none();
	stops[0].stop_sequence = 2;
	stops[0].departure.delay_s = 60;
	stops[1].stop_sequence = 3;
	stops[1].relation = GTFSRT_STOP_SKIPPED;
	update.trip = trip_named("plain", "20240604", "");
	update.vehicle.id = STR("v 1");
	update.stops = stops;
	update.stop_count = 2;
	return update;
}

static void tell_all(struct realtime_test *test)
{
	struct gtfsrt_vehicle vehicle = some_vehicle();
	struct gtfsrt_trip_update update = some_update(), copied = some_update();
	struct gtfsrt_alert alert = some_alert();

	copied.trip.relation = GTFSRT_TRIP_DUPLICATED;
	copied.new_trip_id = STR("copy");
	copied.new_start_date = STR("20240604");
	copied.new_start_time = STR("08:30:00");
	copied.vehicle.id = STR_NONE;
	add_vehicle(test, "v", &vehicle);
	add_update(test, "u", &update);
	add_update(test, "c", &copied);
	add_alert(test, "a", &alert);
	take(test, "2024-06-04T08:07:10Z");
	CHECK(test->report.created == 4);
}

static const char *const ids[] = {
	"urn:ngsi-ld:Vehicle:live:v%201",
	"urn:ngsi-ld:GtfsTripUpdate:live:plain:20240604:08:00:00",
	"urn:ngsi-ld:GtfsTripUpdate:live:copy~duplicated:20240604:08:30:00",
	"urn:ngsi-ld:Alert:live:a",
};
#define ID_COUNT (sizeof(ids) / sizeof(ids[0]))

static struct str written(struct realtime_test *test, const char *timetable, unsigned expected)
{
	struct realtime_writer_options options = {.timetable = str_from(timetable)};
	struct realtime_writer *writer = NULL;
	struct str bytes = STR_NONE;
	struct error err = {0};
	unsigned count = 0;
	bool taken;

	CHECK_OK(realtime_writer_new(&options, &test->base.arena, &writer, &err), &err);
	for (size_t i = 0; i < ID_COUNT; i++) {
		struct json *entity = retrieve(test, ids[i]);

		if (!CHECK(entity))
			continue;
		CHECK_OK(realtime_writer_add(writer, entity, &taken, &err), &err);
		count += taken;
	}
	/* What is none of the three is passed over. */
	CHECK_OK(realtime_writer_add(writer, retrieve(test, "urn:ngsi-ld:GtfsTrip:tiny:plain"), &taken, &err), &err);
	CHECK(!taken && count == expected);
	CHECK_OK(realtime_writer_done(writer, at("2024-06-04T08:07:20Z"), &bytes, &err), &err);
	return bytes;
}

static void protoc_reads_what_the_store_has(void)
{
	struct realtime_test test;
	struct buf text;

	realtime_test_open(&test);
	tell_all(&test);
	struct str bytes = written(&test, "tiny", 4);

	buf_init(&text, 1u << 20);
	if (protoc_decode(bytes, source_root(), &text)) {
		struct str said = buf_str(&text);

		CHECK(protoc_says(said,
				  "header { gtfs_realtime_version: \"2.0\" incrementality: FULL_DATASET timestamp: "
				  "1717488440 }"));
		CHECK(protoc_says(said, "vehicle { trip { trip_id: \"plain\" start_time: \"08:00:00\" start_date: "
					"\"20240604\" schedule_relationship: SCHEDULED route_id: \"1\" } position { "
					"latitude: 0.5 longitude: 0.25 bearing: 90 speed: 7.5 } current_status: "
					"INCOMING_AT timestamp: 1717488420 stop_id: \"q\" vehicle { id: \"v 1\" label: "
					"\"Bus 7\" } occupancy_status: FULL occupancy_percentage: 100 }"));
		/* q departs at 08:11 + 60 s, s is reached at 08:40 + 60 s. */
		CHECK(protoc_says(said,
				  "trip_update { trip { trip_id: \"plain\" start_time: \"08:00:00\" start_date: "
				  "\"20240604\" schedule_relationship: SCHEDULED route_id: \"1\" } "
				  "stop_time_update { stop_sequence: 2 departure { delay: 60 time: 1717488720 } "
				  "stop_id: \"q\" } stop_time_update { stop_sequence: 3 stop_id: \"r\" "
				  "schedule_relationship: SKIPPED } stop_time_update { stop_sequence: 4 arrival { "
				  "delay: 60 time: 1717490460 } departure { delay: 60 time: 1717490460 } stop_id: "
				  "\"s\" } vehicle { id: \"v 1\" } timestamp: 1717488430 }"));
		CHECK(protoc_says(said,
				  "trip { trip_id: \"plain\" schedule_relationship: DUPLICATED route_id: \"1\" }"));
		CHECK(protoc_says(said, "trip_properties { trip_id: \"copy\" start_date: \"20240604\" start_time: "
					"\"08:30:00\" }"));
		CHECK(protoc_says(said, "alert { active_period { start: 1717488000 } informed_entity { route_id: \"1\" "
					"stop_id: \"a b/c?\" } cause: CONSTRUCTION effect: STOP_MOVED header_text { "
					"translation { text: \"Stop moved\" language: \"en\" } translation { text: "
					"\"\\347\\247\\273\\345\\213\\225\" } } severity_level: WARNING }"));
	}
	buf_done(&text);
	realtime_test_close(&test);
}

static void what_was_written_tells_the_same_again(void)
{
	struct realtime_test test;
	struct json *before[ID_COUNT];
	struct error err = {0};

	realtime_test_open(&test);
	tell_all(&test);
	for (size_t i = 0; i < ID_COUNT; i++)
		before[i] = retrieve(&test, ids[i]);
	struct str bytes = written(&test, "tiny", 4);

	/* The same realtime, whose memory says what the store has: nothing of vehicles and trips differs. Entities of
	 * the message are named by their URNs, so alerts are others. */
	CHECK_OK(take_bytes(&test, 0, bytes, "2024-06-04T08:07:20Z", &err), &err);
	CHECK(test.report.unchanged == 3 && test.report.created == 1 && test.report.deleted == 1);
	CHECK(test.report.by_reason[REALTIME_MATCHED] == 2 && test.report.by_reason[REALTIME_EXTRA] == 1);
	struct json *alert = retrieve(&test, "urn:ngsi-ld:Alert:live:urn:ngsi-ld:Alert:live:a");
	const char *const same[] = {VOCAB "informedEntities", VOCAB "activePeriods", VOCAB "name",
				    VOCAB "severity",         VOCAB "cause",         VOCAB "hasStop"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		CHECK(json_equal(value_of(before[3], same[i]), value_of(alert, same[i])));
	realtime_test_close(&test);
}

static void what_is_not_about_the_timetable_is_passed_over(void)
{
	struct realtime_test test;

	realtime_test_open(&test);
	tell_all(&test);
	struct gtfsrt_message message;
	struct error err = {0};

	CHECK_OK(gtfsrt_decode(written(&test, "other", 0), &test.base.arena, &message, &err), &err);
	CHECK(message.entity_count == 0);
	realtime_test_close(&test);
}

static void planned_vehicles_are_told_only_when_asked_for(void)
{
	static const char text[] =
		"{\"id\":\"urn:ngsi-ld:Vehicle:tiny:plain:20240604:08:00:00\",\"type\":[\"" VOCAB "Vehicle\"],"
		"\"" LOCATION "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[0.5,0.25]},"
		"\"observedAt\":\"2024-06-04T08:05:00Z\"}],\"" VOCAB
		"positionBasis\":[{\"type\":\"Property\",\"value\":"
		"\"scheduled\"}],\"" VOCAB "hasTrip\":[{\"type\":\"Relationship\",\"object\":"
		"\"urn:ngsi-ld:GtfsTrip:tiny:plain\"}]}";
	struct realtime_writer_options options = {.timetable = STR("tiny")};
	struct realtime_test test;
	struct error err = {0};
	struct json *entity = NULL;
	bool taken = true;

	realtime_test_open(&test);
	CHECK_OK(json_parse(broker_reader_parser(test.base.reader), &test.base.arena, STR(text), NULL, &entity, &err),
		 &err);
	for (unsigned i = 0; i < 2; i++) {
		struct realtime_writer *writer = NULL;

		options.planned_too = i == 1;
		CHECK_OK(realtime_writer_new(&options, &test.base.arena, &writer, &err), &err);
		CHECK_OK(realtime_writer_add(writer, entity, &taken, &err), &err);
		CHECK(taken == options.planned_too);
	}
	realtime_test_close(&test);
}

static void vehicles_that_nobody_has_seen_for_long_are_passed_over(void)
{
	static const char text[] =
		"{\"id\":\"urn:ngsi-ld:Vehicle:live:7\",\"type\":[\"" VOCAB "Vehicle\"],"
		"\"" LOCATION "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[0.5,0.25]},"
		"\"observedAt\":\"2024-06-04T08:05:00Z\"}],\"" VOCAB
		"positionBasis\":[{\"type\":\"Property\",\"value\":\"observed\"}],\"" VOCAB
		"hasTrip\":[{\"type\":\"Relationship\",\"object\":\"urn:ngsi-ld:GtfsTrip:tiny:plain\"}]}";
	struct realtime_writer_options options = {.timetable = STR("tiny")};
	struct realtime_test test;
	struct error err = {0};
	struct json *entity = NULL;
	bool taken = false;

	realtime_test_open(&test);
	CHECK_OK(json_parse(broker_reader_parser(test.base.reader), &test.base.arena, STR(text), NULL, &entity, &err),
		 &err);
	for (int64_t later_s = 0; later_s < 2; later_s++) {
		struct realtime_writer *writer = NULL;

		options.seen_from_s = at_s("2024-06-04T08:05:00Z") + later_s;
		CHECK_OK(realtime_writer_new(&options, &test.base.arena, &writer, &err), &err);
		CHECK_OK(realtime_writer_add(writer, entity, &taken, &err), &err);
		CHECK(taken == (later_s == 0));
	}
	realtime_test_close(&test);
}

int main(void)
{
	RUN(protoc_reads_what_the_store_has);
	RUN(what_was_written_tells_the_same_again);
	RUN(what_is_not_about_the_timetable_is_passed_over);
	RUN(planned_vehicles_are_told_only_when_asked_for);
	RUN(vehicles_that_nobody_has_seen_for_long_are_passed_over);
	return check_done();
}
