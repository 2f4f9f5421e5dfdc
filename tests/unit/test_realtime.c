/* Messages about the tiny feed and what they tell the store. Times are those of tests/data/gtfs-tiny (Tuesday
 * 2024-06-04, service W, UTC): plain leaves p at 08:00, is at q 08:10 to 08:11, at r 08:20:40 (a third of the way from
 * q to s) and at s 08:40; its stop_sequences are 1 to 4. Delays are calculated by hand from them. */
#include "realtime_util.h"

#define V1 "urn:ngsi-ld:Vehicle:live:v1"
#define PLAIN "urn:ngsi-ld:GtfsTripUpdate:live:plain:20240604:08:00:00"

/* ---- vehicles ---- */

static void a_vehicle_says_where_it_was_seen(void)
{
	struct realtime_test test;
	struct gtfsrt_vehicle vehicle =
		vehicle_at("v1", trip_named("plain", "20240604", ""), 0.005, "2024-06-04T08:07:00Z");

	realtime_test_open(&test);
	vehicle.bearing_deg = 90;
	vehicle.speed_m_s = 5;
	vehicle.stop_sequence = 2;
	vehicle.occupancy = 1;
	vehicle.occupancy_percent = 20;
	vehicle.vehicle.label = STR("Bus 7");
	add_vehicle(&test, "e", &vehicle);
	take(&test, "2024-06-04T08:07:10Z");
	CHECK(test.report.vehicles == 1 && test.report.by_reason[REALTIME_MATCHED] == 1 && test.report.created == 1);
	struct json *entity = retrieve(&test, V1);
	struct geo_point place = {NAN, NAN};

	CHECK(geo_point_of(value_of(entity, LOCATION), &place));
	CHECK_NEAR(place.lon, 0.005, 1e-12);
	CHECK_STR(observed_of(entity, LOCATION), STR("2024-06-04T08:07:00Z"));
	CHECK(number_of(entity, VOCAB "bearing") == 90);
	CHECK_NEAR(number_of(entity, VOCAB "speed"), 18, 1e-9);
	CHECK_STR(text_of(entity, VOCAB "positionBasis"), STR("observed"));
	CHECK_STR(text_of(entity, VOCAB "hasTrip"), STR("urn:ngsi-ld:GtfsTrip:tiny:plain"));
	CHECK_STR(text_of(entity, VOCAB "hasRoute"), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	CHECK_STR(text_of(entity, VOCAB "serviceDate"), STR("2024-06-04"));
	CHECK_STR(text_of(entity, VOCAB "startTime"), STR("08:00:00"));
	CHECK_STR(text_of(entity, VOCAB "nextStop"), STR("urn:ngsi-ld:GtfsStop:tiny:q"));
	CHECK_STR(text_of(entity, VOCAB "stopStatus"), STR("inTransitTo"));
	CHECK_STR(text_of(entity, VOCAB "occupancy"), STR("manySeatsAvailable"));
	CHECK(number_of(entity, VOCAB "occupancyPercentage") == 20);
	CHECK_STR(text_of(entity, VOCAB "fleetVehicleId"), STR("v1"));
	CHECK_STR(text_of(entity, VOCAB "vehicleLabel"), STR("Bus 7"));
	/* Half way to q, where the timetable has it at 08:05. */
	CHECK(number_of(entity, VOCAB "delay") == 120);
	CHECK_STR(text_of(entity, VOCAB "delayBasis"), STR("position"));
	realtime_test_close(&test);
}

static double delay_standing(struct realtime_test *test, struct gtfsrt_trip trip, uint32_t sequence, const char *time)
{
	struct gtfsrt_vehicle vehicle = vehicle_at("v1", trip, 0.01, time);

	vehicle.stop_sequence = sequence;
	vehicle.status = GTFSRT_STOPPED_AT;
	add_vehicle(test, "e", &vehicle);
	take(test, time);
	CHECK(test->report.by_reason[REALTIME_MATCHED] == 1);
	return number_of(retrieve(test, V1), VOCAB "delay");
}

static void delays_at_stops_are_those_of_the_timetable(void)
{
	struct realtime_test test;

	realtime_test_open(&test);
	struct gtfsrt_trip plain = trip_named("plain", "", "08:00:00");

	CHECK(delay_standing(&test, plain, 2, "2024-06-04T08:08:00Z") == -120);
	CHECK(delay_standing(&test, plain, 2, "2024-06-04T08:10:30Z") == 0); /* it stands there until 08:11 */
	CHECK(delay_standing(&test, plain, 2, "2024-06-04T08:12:00Z") == 60);
	/* Of frequencies without exact times: often left at 08:05 and takes 20 minutes to p. */
	CHECK(delay_standing(&test, trip_named("often", "20240604", "08:05:00"), 20, "2024-06-04T08:27:00Z") == 120);
	/* 25:40 of Saturday is 01:40 of Sunday; the day is not told. */
	CHECK(delay_standing(&test, trip_named("night", "", ""), 2, "2024-06-09T01:41:00Z") == 60);
	CHECK_STR(text_of(retrieve(&test, V1), VOCAB "serviceDate"), STR("2024-06-08"));
	CHECK_STR(text_of(retrieve(&test, V1), VOCAB "startTime"), STR("25:10:00"));
	realtime_test_close(&test);
}

static void only_what_changed_is_told_and_what_vanished_goes(void)
{
	struct realtime_test test;
	struct gtfsrt_trip plain = trip_named("plain", "20240604", "");

	realtime_test_open(&test);
	uint64_t entities = count_entities(&test.base);
	struct gtfsrt_vehicle one = vehicle_at("v1", plain, 0.001, "2024-06-04T08:01:00Z");
	struct gtfsrt_vehicle two = vehicle_at("v2", gtfsrt_trip_none(), 0.002, "2024-06-04T08:01:00Z");

	one.speed_m_s = 3;
	add_vehicle(&test, "1", &one);
	add_vehicle(&test, "2", &two);
	take(&test, "2024-06-04T08:01:05Z");
	CHECK(test.report.created == 2 && test.told == 2 && count_entities(&test.base) == entities + 2);
	struct str created = json_text(json_get(retrieve(&test, V1), STR("createdAt")));

	/* The first moves on, the second says the same again. */
	one.lon = 0.002;
	one.timestamp_s += 20;
	add_vehicle(&test, "1", &one);
	add_vehicle(&test, "2", &two);
	take(&test, "2024-06-04T08:01:25Z");
	CHECK(test.report.changed == 1 && test.report.unchanged == 1 && test.told == 1);
	CHECK_STR(observed_of(retrieve(&test, V1), LOCATION), STR("2024-06-04T08:01:20Z"));
	CHECK_STR(observed_of(retrieve(&test, V1), VOCAB "speed"), STR("2024-06-04T08:01:00Z"));
	CHECK_STR(json_text(json_get(retrieve(&test, V1), STR("createdAt"))), created);
	/* Its speed is told no more: it is written whole, without. */
	one.speed_m_s = NAN;
	one.timestamp_s += 20;
	add_vehicle(&test, "1", &one);
	take(&test, "2024-06-04T08:01:45Z");
	CHECK(test.report.created == 1 && test.report.deleted == 1 && count_entities(&test.base) == entities + 1);
	CHECK(isnan(number_of(retrieve(&test, V1), VOCAB "speed")));
	CHECK(!retrieve(&test, "urn:ngsi-ld:Vehicle:live:v2"));
	CHECK(realtime_has(test.realtime, STR(V1)) && !realtime_has(test.realtime, STR("urn:ngsi-ld:Vehicle:live:v2")));
	realtime_lost(test.realtime, STR(V1));
	add_vehicle(&test, "1", &one);
	take(&test, "2024-06-04T08:01:46Z");
	CHECK(test.report.created == 1);
	realtime_test_close(&test);
}

static void what_is_not_matched_has_a_reason(void)
{
	struct realtime_test test;
	const struct {
		struct gtfsrt_trip trip;
		enum realtime_reason reason;
	} cases[] = {
		{trip_named("plain", "20240604", "08:00:00"), REALTIME_MATCHED},
		{trip_named("nosuch", "20240604", ""), REALTIME_UNKNOWN_TRIP},
		{trip_named("plain", "2024-06-04", ""), REALTIME_BAD_DATE},
		{trip_named("plain", "20240604", "8 o'clock"), REALTIME_BAD_TIME},
		{trip_named("plain", "20240608", ""), REALTIME_OTHER_DAY}, /* a Saturday */
		{trip_named("plain", "20240603", ""), REALTIME_OTHER_DAY}, /* taken out by calendar_dates.txt */
		{trip_named("night", "20240604", ""), REALTIME_OTHER_DAY},
		{trip_named("night", "", ""), REALTIME_OTHER_DAY}, /* it runs on Saturday alone */
		{trip_named("plain", "20240604", "08:00:01"), REALTIME_OTHER_TIME},
		{trip_named("often", "20240604", "05:59:59"), REALTIME_OTHER_TIME},
		{trip_named("often", "20240604", "09:00:00"), REALTIME_OTHER_TIME},
		{trip_named("often", "20240604", ""), REALTIME_TIME_WANTED},
		{trip_named("", "20240604", ""), REALTIME_NO_TRIP},
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	struct gtfsrt_vehicle vehicles[sizeof(cases) / sizeof(cases[0])];
	char ids[sizeof(cases) / sizeof(cases[0])][4];

	realtime_test_open(&test);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "v%zu", i);
		vehicles[i] = vehicle_at(ids[i], cases[i].trip, 0.001, "2024-06-04T08:01:00Z");
		if (cases[i].reason == REALTIME_NO_TRIP)
			vehicles[i].trip.route_id = STR("1");
		add_vehicle(&test, ids[i], &vehicles[i]);
	}
	take(&test, "2024-06-04T08:01:05Z");
	for (unsigned reason = 0; reason < REALTIME_REASON_COUNT; reason++) {
		uint32_t expected = 0;

		for (size_t i = 0; i < count; i++)
			expected += cases[i].reason == reason;
		if (!CHECK(test.report.by_reason[reason] == expected))
			printf("# %s: %u instead of %u\n", realtime_reason_text(reason), test.report.by_reason[reason],
			       expected);
	}
	CHECK(test.report.finding_count == REALTIME_FINDINGS &&
	      test.report.findings[0].reason == REALTIME_UNKNOWN_TRIP);
	CHECK_STR(str_from(test.report.findings[0].trip), STR("nosuch"));
	/* They are seen all the same, and where they are is told. */
	CHECK(test.report.created == count);
	CHECK(isnan(number_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:v1"), VOCAB "delay")));
	CHECK(!value_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:v1"), VOCAB "hasTrip"));
	CHECK_STR(text_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:v1"), VOCAB "tripCode"), STR("nosuch"));
	CHECK_STR(text_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:v12"), VOCAB "hasRoute"),
		  STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	realtime_test_close(&test);
}

static void odd_vehicles_do_no_harm(void)
{
	struct realtime_test test;
	struct gtfsrt_trip none = gtfsrt_trip_none();
	struct gtfsrt_vehicle nowhere = vehicle_at("a", none, 0, "2024-06-04T08:01:00Z"); /* 0,0 */
	struct gtfsrt_vehicle beyond = vehicle_at("b", none, 181, "2024-06-04T08:01:00Z");
	struct gtfsrt_vehicle twice = vehicle_at("c", none, 0.5, "2024-06-04T08:01:00Z"), again = twice;
	struct gtfsrt_vehicle unnamed = vehicle_at("", none, 0.25, NULL);
	struct gtfsrt_vehicle by_trip = vehicle_at("", trip_named("odd id/1", "20240604", ""), 0.25, NULL);
	static char long_id[300];

	realtime_test_open(&test);
	memset(long_id, 'x', sizeof(long_id) - 1);
	struct gtfsrt_vehicle named_long = vehicle_at(long_id, none, 0.5, NULL);

	again.lon = 0.75;
	nowhere.stop_id = STR("nosuch");
	add_vehicle(&test, "1", &nowhere);
	add_vehicle(&test, "2", &beyond);
	add_vehicle(&test, "3", &twice);
	add_vehicle(&test, "4", &again);
	add_vehicle(&test, "5", &unnamed);
	add_vehicle(&test, "6", &by_trip);
	add_vehicle(&test, "7", &named_long);
	test.entities[test.count++] = (struct gtfsrt_entity){.id = STR("8"), .is_deleted = true, .vehicle = &twice};
	take(&test, "2024-06-04T08:01:05Z");
	CHECK(test.report.places_refused == 2 && test.report.stops_unknown == 1 && test.report.repeated == 1);
	CHECK(test.report.ignored == 2 && test.report.created == 5);
	CHECK(!value_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:a"), LOCATION));
	/* Without a time of its own it was seen when the message was made. */
	CHECK_STR(observed_of(retrieve(&test, "urn:ngsi-ld:Vehicle:live:entity~5"), LOCATION),
		  STR("2024-06-04T08:01:05Z"));
	CHECK(retrieve(&test, "urn:ngsi-ld:Vehicle:live:odd%20id%2F1~20240604:") != NULL);
	realtime_test_close(&test);
}

/* ---- messages ---- */

static void messages_come_in_order_of_their_times(void)
{
	struct realtime_test test;
	struct gtfsrt_vehicle vehicle = vehicle_at("v1", gtfsrt_trip_none(), 0.5, "2024-06-04T08:01:00Z");
	struct error err = {0};

	realtime_test_open(&test);
	add_vehicle(&test, "1", &vehicle);
	struct str bytes = message_bytes(&test, "2024-06-04T08:01:05Z");

	CHECK_OK(take_bytes(&test, 0, bytes, "2024-06-04T08:01:06Z", &err), &err);
	CHECK(!test.report.old && test.told == 1);
	CHECK_OK(take_bytes(&test, 0, bytes, "2024-06-04T08:01:16Z", &err), &err);
	CHECK(test.report.old && test.told == 0 && realtime_has(test.realtime, STR(V1)));
	/* Each source has its own times, and deletes what it told itself. */
	bytes = message_bytes(&test, "2024-06-04T08:01:00Z");
	CHECK_OK(take_bytes(&test, 1, bytes, "2024-06-04T08:01:16Z", &err), &err);
	CHECK(!test.report.old && test.told == 0 && realtime_has(test.realtime, STR(V1)));
	CHECK(take_bytes(&test, 0, message_bytes(&test, "2024-06-04T10:00:00Z"), "2024-06-04T08:59:59Z", &err) ==
	      ERR_INVALID);
	CHECK(str_contains(str_from(err.detail), STR("ahead")));
	/* Incrementality DIFFERENTIAL. */
	CHECK(take_bytes(&test, 0,
			 STR("\x0a\x07\x0a\x03"
			     "2.0"
			     "\x10\x01"),
			 "2024-06-04T09:00:00Z", &err) == ERR_UNSUPPORTED);
	CHECK(str_contains(str_from(err.detail), STR("DIFFERENTIAL")));
	CHECK(take_bytes(&test, 0, STR("<html>"), "2024-06-04T09:00:00Z", &err) == ERR_INVALID);
	CHECK(realtime_has(test.realtime, STR(V1)) && retrieve(&test, V1));
	realtime_test_close(&test);
}

static void after_a_failed_write_all_is_told_again(void)
{
	struct realtime_test test;
	struct gtfsrt_vehicle one = vehicle_at("v1", gtfsrt_trip_none(), 0.5, "2024-06-04T08:01:00Z");
	struct gtfsrt_vehicle two = vehicle_at("v2", gtfsrt_trip_none(), 0.5, "2024-06-04T08:01:00Z");
	struct error err = {0};

	realtime_test_open(&test);
	add_vehicle(&test, "1", &one);
	add_vehicle(&test, "2", &two);
	struct str bytes = message_bytes(&test, "2024-06-04T08:01:05Z");

	test.fail_at = 2;
	CHECK(take_bytes(&test, 0, bytes, "2024-06-04T08:01:06Z", &err) == ERR_IO);
	test.fail_at = 0;
	CHECK_OK(take_bytes(&test, 0, bytes, "2024-06-04T08:01:16Z", &err), &err);
	CHECK(!test.report.old && test.report.created == 2 && retrieve(&test, "urn:ngsi-ld:Vehicle:live:v2"));
	/* A new timetable, or none: the same. */
	realtime_set_timetable(test.realtime, NULL, NULL);
	add_vehicle(&test, "1", &one);
	one.trip = trip_named("plain", "", "");
	take(&test, "2024-06-04T08:02:05Z");
	CHECK(test.report.created == 1 && test.report.deleted == 1);
	CHECK(test.report.by_reason[REALTIME_NO_TIMETABLE] == 1);
	realtime_test_close(&test);
}

/* ---- trip updates ---- */

static struct gtfsrt_stop_update stop_told(uint32_t sequence, int32_t arrival_s, int32_t departure_s)
{
	struct gtfsrt_stop_update stop = gtfsrt_stop_update_none();

	stop.stop_sequence = sequence;
	stop.arrival.delay_s = arrival_s;
	stop.departure.delay_s = departure_s;
	return stop;
}

static struct gtfsrt_trip_update update_of(struct gtfsrt_trip trip, uint8_t relation,
					   const struct gtfsrt_stop_update *stops, uint32_t count)
{
	struct gtfsrt_trip_update update = gtfsrt_trip_update_none();

	update.trip = trip;
	update.trip.relation = relation;
	update.stops = stops;
	update.stop_count = count;
	return update;
}

static void check_call(const struct json *entity, uint32_t i, const char *expected)
{
	const struct json *call = json_at(value_of(entity, VOCAB "calls"), i);
	struct buf text;

	buf_init(&text, 4096);
	if (CHECK(call))
		json_write(&text, call);
	CHECK_STR(buf_str(&text), str_from(expected));
	buf_done(&text);
}

static void delays_hold_for_the_stops_that_follow(void)
{
	struct realtime_test test;
	struct gtfsrt_stop_update stops[] = {stop_told(2, 120, 90),
					     stop_told(3, GTFSRT_NUMBER_NONE, GTFSRT_NUMBER_NONE)};
	struct gtfsrt_trip_update update =
		update_of(trip_named("plain", "20240604", ""), GTFSRT_TRIP_SCHEDULED, stops, 2);
	struct gtfsrt_vehicle vehicle = vehicle_at("v1", trip_named("plain", "", ""), 0.005, "2024-06-04T08:07:00Z");

	realtime_test_open(&test);
	stops[1].relation = GTFSRT_STOP_SKIPPED;
	update.vehicle.id = STR("v1");
	update.timestamp_s = at_s("2024-06-04T08:06:50Z");
	vehicle.stop_sequence = 2;
	add_update(&test, "u", &update);
	add_vehicle(&test, "v", &vehicle);
	take(&test, "2024-06-04T08:07:10Z");
	CHECK(test.report.trip_updates == 1 && test.report.by_reason[REALTIME_MATCHED] == 2 && test.told == 2);
	struct json *entity = retrieve(&test, PLAIN);

	CHECK(value_of(entity, VOCAB "calls") && value_of(entity, VOCAB "calls")->count == 3);
	check_call(entity, 0,
		   "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:q\",\"stopSequence\":2,\"arrival\":\"2024-06-04T08:12:00Z\","
		   "\"departure\":\"2024-06-04T08:12:30Z\",\"arrivalDelay\":120,\"departureDelay\":90}");
	check_call(entity, 1,
		   "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:r\",\"stopSequence\":3,\"relationship\":\"skipped\"}");
	check_call(entity, 2,
		   "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:s\",\"stopSequence\":4,\"arrival\":\"2024-06-04T08:41:30Z\","
		   "\"departure\":\"2024-06-04T08:41:30Z\",\"arrivalDelay\":90,\"departureDelay\":90}");
	CHECK(number_of(entity, VOCAB "delay") == 90);
	CHECK_STR(observed_of(entity, VOCAB "delay"), STR("2024-06-04T08:06:50Z"));
	CHECK_STR(text_of(entity, VOCAB "scheduleRelationship"), STR("scheduled"));
	CHECK_STR(text_of(entity, VOCAB "hasTrip"), STR("urn:ngsi-ld:GtfsTrip:tiny:plain"));
	CHECK_STR(text_of(entity, VOCAB "hasVehicle"), STR(V1));
	CHECK(json_is(value_of(entity, VOCAB "hasStop"), JSON_ARRAY) && value_of(entity, VOCAB "hasStop")->count == 3);
	/* The vehicle has the delay of its trip, not one by its place. */
	CHECK(number_of(retrieve(&test, V1), VOCAB "delay") == 90);
	CHECK_STR(text_of(retrieve(&test, V1), VOCAB "delayBasis"), STR("tripUpdate"));
	CHECK_STR(text_of(retrieve(&test, V1), VOCAB "hasTripUpdate"), STR(PLAIN));
	CHECK(test.report.punctuality.on_time == 1 && test.report.punctuality.late == 0);
	/* A later message: q by an instant, which takes precedence; then no data. */
	stops[0].departure.time_s = at_s("2024-06-04T08:17:00Z");
	stops[1] = stop_told(GTFSRT_COUNT_NONE, GTFSRT_NUMBER_NONE, GTFSRT_NUMBER_NONE);
	stops[1].stop_id = STR("s");
	stops[1].relation = GTFSRT_STOP_NO_DATA;
	add_update(&test, "u", &update);
	add_vehicle(&test, "v", &vehicle);
	take(&test, "2024-06-04T08:07:20Z");
	entity = retrieve(&test, PLAIN);
	CHECK(number_of(entity, VOCAB "delay") == 360 && test.report.punctuality.late == 1);
	check_call(entity, 1,
		   "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:r\",\"stopSequence\":3,\"arrival\":\"2024-06-04T08:26:40Z\","
		   "\"departure\":\"2024-06-04T08:26:40Z\",\"arrivalDelay\":360,\"departureDelay\":360}");
	check_call(entity, 2,
		   "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:s\",\"stopSequence\":4,\"relationship\":\"noData\"}");
	CHECK(test.report.changed == 2 && number_of(retrieve(&test, V1), VOCAB "delay") == 360);
	/* The same again, and then not at all. */
	add_update(&test, "u", &update);
	take(&test, "2024-06-04T08:07:30Z");
	CHECK(test.report.unchanged == 1 && test.report.deleted == 1);
	take(&test, "2024-06-04T08:07:40Z");
	CHECK(test.report.deleted == 1 && !retrieve(&test, PLAIN));
	realtime_test_close(&test);
}

static void stops_that_are_not_the_trips_are_counted(void)
{
	struct realtime_test test;
	struct gtfsrt_stop_update stops[] = {stop_told(3, 60, 60), stop_told(2, 600, 600), stop_told(9, 1, 1)};
	struct gtfsrt_trip_update update = update_of(trip_named("plain", "", ""), GTFSRT_WORD_NONE, stops, 3);

	realtime_test_open(&test);
	update.delay_s = 30; /* of the trip, up to the first stop told of */
	add_update(&test, "u", &update);
	take(&test, "2024-06-04T08:07:10Z");
	CHECK(test.report.stops_unknown == 2);
	struct json *entity = retrieve(&test, PLAIN);

	CHECK(value_of(entity, VOCAB "calls")->count == 4);
	CHECK(json_get(json_at(value_of(entity, VOCAB "calls"), 1), STR("departureDelay"))->number == 30);
	CHECK(json_get(json_at(value_of(entity, VOCAB "calls"), 2), STR("departureDelay"))->number == 60);
	CHECK(number_of(entity, VOCAB "delay") == 30); /* it has not left q */
	realtime_test_close(&test);
}

static void a_cancelled_trip_says_so(void)
{
	struct realtime_test test;
	struct gtfsrt_trip_update update =
		update_of(trip_named("plain", "20240604", ""), GTFSRT_TRIP_CANCELED, NULL, 0);
	struct gtfsrt_trip_update deleted =
		update_of(trip_named("odd id/1", "20240604", ""), GTFSRT_TRIP_DELETED, NULL, 0);
	struct gtfsrt_trip_update unknown = update_of(trip_named("nosuch", "", ""), GTFSRT_TRIP_CANCELED, NULL, 0);

	realtime_test_open(&test);
	add_update(&test, "1", &update);
	add_update(&test, "2", &deleted);
	add_update(&test, "3", &unknown);
	take(&test, "2024-06-04T07:00:00Z");
	CHECK(test.report.created == 2 && test.report.by_reason[REALTIME_UNKNOWN_TRIP] == 1);
	CHECK_STR(text_of(retrieve(&test, PLAIN), VOCAB "scheduleRelationship"), STR("canceled"));
	CHECK(value_of(retrieve(&test, PLAIN), VOCAB "calls")->count == 0);
	CHECK(!value_of(retrieve(&test, PLAIN), VOCAB "delay"));
	CHECK_STR(text_of(retrieve(&test, "urn:ngsi-ld:GtfsTripUpdate:live:odd%20id%2F1:20240604:10:00:00"),
			  VOCAB "scheduleRelationship"),
		  STR("deleted"));
	/* The timetable's own entity is as it was. */
	CHECK(retrieve(&test, "urn:ngsi-ld:GtfsTrip:tiny:plain") != NULL);
	realtime_test_close(&test);
}

static void extra_trips_have_ids_of_their_own(void)
{
	struct realtime_test test;
	struct gtfsrt_stop_update stops[] = {gtfsrt_stop_update_none(), gtfsrt_stop_update_none(),
					     gtfsrt_stop_update_none()};
	struct gtfsrt_stop_update late = stop_told(2, GTFSRT_NUMBER_NONE, 30);

	realtime_test_open(&test);
	stops[0].stop_id = STR("p");
	stops[0].departure.time_s = at_s("2024-06-04T08:30:00Z");
	stops[1].stop_id = STR("q");
	stops[1].arrival.time_s = at_s("2024-06-04T08:45:00Z");
	stops[1].arrival.scheduled_time_s = at_s("2024-06-04T08:44:00Z");
	stops[2].stop_id = STR("nosuch");
	/* Added under the planned trip's own name; copied to 08:30; new. */
	struct gtfsrt_trip_update added = update_of(trip_named("plain", "20240604", ""), GTFSRT_TRIP_ADDED, stops, 3);
	struct gtfsrt_trip_update copied = update_of(trip_named("plain", "", ""), GTFSRT_TRIP_DUPLICATED, &late, 1);
	struct gtfsrt_trip_update planned = update_of(trip_named("plain", "", ""), GTFSRT_WORD_NONE, NULL, 0);
	struct gtfsrt_vehicle vehicle = vehicle_at("v1", trip_named("copy", "20240604", "08:30:00"), 0.001, NULL);

	added.trip.route_id = STR("1");
	copied.new_trip_id = STR("copy");
	copied.new_start_date = STR("20240604");
	copied.new_start_time = STR("08:30:00");
	planned.delay_s = 0;
	vehicle.trip.relation = GTFSRT_TRIP_DUPLICATED;
	add_update(&test, "1", &added);
	add_update(&test, "2", &copied);
	add_update(&test, "3", &planned);
	add_vehicle(&test, "4", &vehicle);
	take(&test, "2024-06-04T08:15:00Z");
	CHECK(test.report.by_reason[REALTIME_EXTRA] == 3 && test.report.by_reason[REALTIME_MATCHED] == 1);
	CHECK(test.report.created == 4 && test.report.repeated == 0 && test.report.stops_unknown == 1);
	struct json *entity = retrieve(&test, "urn:ngsi-ld:GtfsTripUpdate:live:plain~added:20240604");

	CHECK(entity && !value_of(entity, VOCAB "hasTrip"));
	CHECK_STR(text_of(entity, VOCAB "tripCode"), STR("plain"));
	CHECK_STR(text_of(entity, VOCAB "hasRoute"), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	check_call(entity, 0, "{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:p\",\"departure\":\"2024-06-04T08:30:00Z\"}");
	check_call(
		entity, 1,
		"{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:q\",\"arrival\":\"2024-06-04T08:45:00Z\",\"arrivalDelay\":60}");
	/* The format's own example: a copy leaves later by what its start is later, and its delay: q 08:41 + 30 s. */
	entity = retrieve(&test, "urn:ngsi-ld:GtfsTripUpdate:live:copy~duplicated:20240604:08:30:00");
	CHECK_STR(text_of(entity, VOCAB "copyOf"), STR("urn:ngsi-ld:GtfsTrip:tiny:plain"));
	CHECK_STR(text_of(entity, VOCAB "startTime"), STR("08:30:00"));
	check_call(
		entity, 0,
		"{\"stop\":\"urn:ngsi-ld:GtfsStop:tiny:q\",\"stopSequence\":2,\"departure\":\"2024-06-04T08:41:30Z\","
		"\"departureDelay\":30}");
	CHECK(number_of(retrieve(&test, V1), VOCAB "delay") == 30 && !value_of(retrieve(&test, V1), VOCAB "hasTrip"));
	CHECK_STR(text_of(retrieve(&test, PLAIN), VOCAB "scheduleRelationship"), STR("scheduled"));
	realtime_test_close(&test);
}

/* Three of four runs came, one of them 300 s late, which is still on time; passengers who come at random wait 375 s
 * where the timetable says 300. */
static void check_summary(struct realtime_test *test)
{
	const struct realtime_sink sink = {apply, test};
	struct realtime_summary summary;
	struct error err = {0};

	CHECK_OK(realtime_summarise(test->realtime, &test->base.arena, &summary, &err), &err);
	CHECK(summary.told[0] == 0 && summary.told[1] == 4 && summary.told[2] == 0);
	CHECK_OK(realtime_tell_summary(test->realtime, broker_core_context(test->base.broker), &summary,
				       test->report.by_reason, at("2024-06-04T08:00:00Z"), &test->base.arena, &sink,
				       &err),
		 &err);
	struct json *feed = retrieve(test, "urn:ngsi-ld:GtfsRealtimeReport:live");
	struct json *route = retrieve(test, "urn:ngsi-ld:GtfsRouteReport:live:1");

	CHECK_STR(text_of(feed, VOCAB "timetable"), STR("tiny"));
	CHECK(number_of(feed, VOCAB "tripUpdates") == 4 && number_of(feed, VOCAB "tripsMatched") == 4);
	CHECK(number_of(feed, VOCAB "runsOnTime") == 3 && number_of(feed, VOCAB "runsLate") == 0);
	CHECK(number_of(feed, VOCAB "onTimeShare") == 1 && number_of(feed, VOCAB "meanDelay") == 100);
	CHECK_STR(observed_of(feed, VOCAB "onTimeShare"), STR("2024-06-04T08:00:00Z"));
	CHECK_STR(text_of(route, VOCAB "hasRoute"), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	CHECK(number_of(route, VOCAB "runsOnTime") == 3 && number_of(route, VOCAB "meanDelay") == 100);
	CHECK(number_of(route, VOCAB "headway") == 600 && number_of(route, VOCAB "plannedHeadway") == 600);
	CHECK(number_of(route, VOCAB "excessWait") == 75);
	CHECK(!retrieve(test, "urn:ngsi-ld:GtfsRouteReport:live:T")); /* nothing is known of it */
}

static void headways_come_from_what_was_told(void)
{
	struct realtime_test test;
	struct gtfsrt_stop_update on_time = stop_told(10, 0, 0), late = stop_told(10, 0, 300);
	struct gtfsrt_trip_update updates[] = {
		update_of(trip_named("often", "20240604", "08:00:00"), GTFSRT_TRIP_UNSCHEDULED, &on_time, 1),
		update_of(trip_named("often", "20240604", "08:10:00"), GTFSRT_TRIP_UNSCHEDULED, &late, 1),
		update_of(trip_named("often", "20240604", "08:20:00"), GTFSRT_TRIP_UNSCHEDULED, &on_time, 1),
		update_of(trip_named("often", "20240604", "08:30:00"), GTFSRT_TRIP_CANCELED, NULL, 0),
	};
	struct transit_headway *headways = NULL;
	struct error err = {0};
	size_t count = 0;

	realtime_test_open(&test);
	for (size_t i = 0; i < 4; i++)
		add_update(&test, i == 0 ? "1" : i == 1 ? "2" : i == 2 ? "3" : "4", &updates[i]);
	take(&test, "2024-06-04T08:00:00Z");
	CHECK_OK(realtime_headways(test.realtime, &test.base.arena, &headways, &count, &err), &err);
	/* s every ten minutes at 08:00 to 08:30; came at 08:00, 08:15, 08:20. */
	if (CHECK(count == 1)) {
		CHECK(headways->planned_count == 3 && headways->observed_count == 2);
		CHECK_NEAR(headways->planned_mean_s, 600, 1e-9);
		CHECK_NEAR(headways->observed_mean_s, 600, 1e-9);
		CHECK_NEAR(headways->observed_max_s, 900, 1e-9);
		CHECK_NEAR(headways->observed_wait_s, (225.0 + 25) / 40 * 60, 1e-9);
	}
	check_summary(&test);
	realtime_test_close(&test);
}

/* ---- alerts ---- */

static void an_alert_is_an_entity_with_its_texts_and_targets(void)
{
	const struct gtfsrt_period periods[] = {{at_s("2024-06-04T08:00:00Z"), at_s("2024-06-04T09:00:00Z")},
						{at_s("2024-06-05T08:00:00Z"), at_s("2024-06-05T09:30:00Z")}};
	const struct gtfsrt_text header[] = {
		{STR("Stop moved"), STR("en")}, {STR("twice"), STR("en")}, {STR("移動"), STR_NONE}};
	const struct gtfsrt_text bad[] = {{STR("x"), STR("no tag!")}};
	struct gtfsrt_selector informed[] = {gtfsrt_selector_none(), gtfsrt_selector_none()};
	struct gtfsrt_alert alert = gtfsrt_alert_none();
	struct realtime_test test;
	const char *id = "urn:ngsi-ld:Alert:live:a%2F1";

	realtime_test_open(&test);
	informed[0].route_id = STR("1");
	informed[0].stop_id = STR("q");
	informed[1].stop_id = STR("hub"); /* a station */
	informed[1].trip = trip_named("night", "20240608", "");
	alert.periods = periods;
	alert.period_count = 2;
	alert.informed = informed;
	alert.informed_count = 2;
	alert.cause = 10;
	alert.effect = 9;
	alert.severity = 4;
	alert.header = (struct gtfsrt_texts){header, 3};
	alert.description = (struct gtfsrt_texts){bad, 1};
	add_alert(&test, "a/1", &alert);
	take(&test, "2024-06-04T07:30:00Z");
	CHECK(test.report.alerts == 1 && test.report.created == 1);
	struct json *entity = retrieve(&test, id);

	CHECK_STR(text_of(entity, VOCAB "category"), STR("traffic"));
	CHECK_STR(text_of(entity, VOCAB "severity"), STR("high"));
	CHECK_STR(text_of(entity, VOCAB "cause"), STR("construction"));
	CHECK_STR(text_of(entity, VOCAB "effect"), STR("stopMoved"));
	CHECK_STR(json_text(json_get(value_of(entity, VOCAB "name"), STR("en"))), STR("Stop moved"));
	CHECK_STR(json_text(json_get(value_of(entity, VOCAB "name"), STR("@none"))), STR("移動"));
	CHECK_STR(json_text(json_get(value_of(entity, "http://purl.org/dc/terms/description"), STR("@none"))),
		  STR("x"));
	CHECK_STR(json_text(json_get(value_of(entity, VOCAB "validFrom"), STR("@value"))), STR("2024-06-04T08:00:00Z"));
	CHECK_STR(json_text(json_get(value_of(entity, VOCAB "validTo"), STR("@value"))), STR("2024-06-05T09:30:00Z"));
	CHECK_STR(text_of(entity, VOCAB "hasRoute"), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	CHECK_STR(text_of(entity, VOCAB "hasTrip"), STR("urn:ngsi-ld:GtfsTrip:tiny:night"));
	CHECK_STR(json_text(json_at(value_of(entity, VOCAB "hasStop"), 1)), STR("urn:ngsi-ld:GtfsStation:tiny:hub"));
	const struct json *both = json_at(value_of(entity, VOCAB "informedEntities"), 0);

	CHECK_STR(json_text(json_get(both, STR("route"))), STR("urn:ngsi-ld:GtfsRoute:tiny:1"));
	CHECK_STR(json_text(json_get(both, STR("stop"))), STR("urn:ngsi-ld:GtfsStop:tiny:q"));
	/* Again the same; then with another effect; then not. */
	add_alert(&test, "a/1", &alert);
	take(&test, "2024-06-04T07:31:00Z");
	CHECK(test.report.unchanged == 1 && test.told == 0);
	alert.effect = 4;
	add_alert(&test, "a/1", &alert);
	take(&test, "2024-06-04T07:32:00Z");
	CHECK(test.told == 1);
	CHECK_STR(text_of(retrieve(&test, id), VOCAB "effect"), STR("detour"));
	take(&test, "2024-06-04T07:33:00Z");
	CHECK(test.report.deleted == 1 && !retrieve(&test, id));
	realtime_test_close(&test);
}

int main(void)
{
	RUN(a_vehicle_says_where_it_was_seen);
	RUN(delays_at_stops_are_those_of_the_timetable);
	RUN(only_what_changed_is_told_and_what_vanished_goes);
	RUN(what_is_not_matched_has_a_reason);
	RUN(odd_vehicles_do_no_harm);
	RUN(messages_come_in_order_of_their_times);
	RUN(after_a_failed_write_all_is_told_again);
	RUN(delays_hold_for_the_stops_that_follow);
	RUN(stops_that_are_not_the_trips_are_counted);
	RUN(a_cancelled_trip_says_so);
	RUN(extra_trips_have_ids_of_their_own);
	RUN(headways_come_from_what_was_told);
	RUN(an_alert_is_an_entity_with_its_texts_and_targets);
	return check_done();
}
