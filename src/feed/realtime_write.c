/* From entities back to a message for journey planners.
 *
 * Attributes are found by the last part of their IRI, as when a timetable is loaded, so that entities written with a
 * context of their own are understood as well. Everything that goes into the message is copied. */
#include "feed/realtime_int.h"
#include "ngsild/document.h"

#include <math.h>
#include <string.h>

#define KM_H_PER_M_S 3.6
#define ENTITIES_FIRST 64u

struct realtime_writer {
	struct realtime_writer_options options;
	struct arena *arena;
	struct gtfsrt_entity *entities;
	size_t count, room;
	const struct json *from; /* the entity being added */
	bool failed; /* the arena refused */
	bool ours; /* something in it is the timetable's */
};

/* ---- attributes ---- */

static bool is_named(struct str iri, struct str name)
{
	size_t before = iri.len - name.len;

	return iri.at && str_ends(iri, name) && (before == 0 || iri.at[before - 1] == '/' || iri.at[before - 1] == '#');
}

/* The first instance; NULL when the attribute is not there. */
static const struct json *instance_of(const struct realtime_writer *writer, enum realtime_name name)
{
	for (uint32_t i = 0; i < writer->from->count; i++)
		if (is_named(writer->from->members[i].key, realtime_name_text(name)))
			return json_at(&writer->from->members[i].value, 0);
	return NULL;
}

static const struct json *value_of(const struct realtime_writer *writer, enum realtime_name name)
{
	const struct json *instance = instance_of(writer, name);

	return instance ? document_value(instance) : NULL;
}

static struct str copy(struct realtime_writer *writer, struct str text)
{
	struct str same = text.len ? arena_dup(writer->arena, text) : STR_NONE;

	writer->failed = writer->failed || (text.len && !same.at);
	return same;
}

static struct str text_of(struct realtime_writer *writer, enum realtime_name name)
{
	return copy(writer, json_text(value_of(writer, name)));
}

static double number_of(const struct realtime_writer *writer, enum realtime_name name)
{
	const struct json *value = value_of(writer, name);

	return json_is(value, JSON_NUMBER) ? value->number : (double)NAN;
}

/* Within the format's int32; otherwise not given. */
static int32_t whole_of(const struct json *value)
{
	int64_t number;

	return json_int64(value, &number) && number > INT32_MIN && number <= INT32_MAX ? (int32_t)number
										       : GTFSRT_NUMBER_NONE;
}

static int64_t time_of(const struct json *text)
{
	int64_t us;

	return time_parse_iso(json_text(text), true, &us) && us > 0 ? us / US_PER_S : GTFSRT_TIME_NONE;
}

static int64_t observed_of(const struct realtime_writer *writer, enum realtime_name name)
{
	return time_of(json_get(instance_of(writer, name), STR("observedAt")));
}

/* ---- ids ---- */

/* The GTFS id behind a URN of this type and timetable; STR_NONE when it is another's. */
static struct str id_of(struct realtime_writer *writer, enum gtfs_type type, struct str urn)
{
	struct str id = gtfs_id(writer->arena, type, writer->options.timetable, urn);

	writer->ours = writer->ours || id.at;
	return id;
}

static struct str stop_id_of(struct realtime_writer *writer, struct str urn)
{
	static const enum gtfs_type types[] = {GTFS_STOP, GTFS_STATION, GTFS_ACCESS_POINT};
	struct str id = STR_NONE;

	for (size_t i = 0; i < 3 && !id.len; i++)
		id = id_of(writer, types[i], urn);
	return id;
}

/* "2024-06-04" as "20240604". */
static struct str plain_date(struct realtime_writer *writer, struct str text)
{
	struct civil_date date;
	struct str plain = STR_NONE;

	if (!date_parse_iso(text, &date))
		return STR_NONE;
	plain = arena_printf(writer->arena, "%04d%02d%02d", (int)date.year, (int)date.month, (int)date.day);
	writer->failed = writer->failed || !plain.at;
	return plain;
}

/* The trip that the entity names: one of the timetable's, or an extra one by its tripCode. */
static struct gtfsrt_trip trip_of(struct realtime_writer *writer)
{
	struct gtfsrt_trip trip = gtfsrt_trip_none();

	trip.trip_id = id_of(writer, GTFS_TRIP, json_text(value_of(writer, RT_HAS_TRIP)));
	if (!trip.trip_id.len)
		trip.trip_id = text_of(writer, RT_TRIP_CODE);
	trip.route_id = id_of(writer, GTFS_ROUTE, json_text(value_of(writer, RT_HAS_ROUTE)));
	trip.start_date = plain_date(writer, json_text(value_of(writer, RT_SERVICE_DATE)));
	trip.start_time = text_of(writer, RT_START_TIME);
	trip.relation =
		realtime_word_number(realtime_trip_word, json_text(value_of(writer, RT_RELATION)), GTFSRT_WORD_NONE);
	trip.given = trip.trip_id.len || trip.route_id.len;
	return trip;
}

/* ---- vehicles ---- */

static void set_place(const struct realtime_writer *writer, struct gtfsrt_vehicle *vehicle)
{
	struct geo_point place;

	if (!geo_point_of(value_of(writer, RT_LOCATION), &place))
		return;
	vehicle->has_position = true;
	vehicle->lat = place.lat;
	vehicle->lon = place.lon;
	vehicle->bearing_deg = number_of(writer, RT_BEARING);
	vehicle->speed_m_s = number_of(writer, RT_SPEED) / KM_H_PER_M_S;
	vehicle->timestamp_s = observed_of(writer, RT_LOCATION);
}

static const struct gtfsrt_vehicle *vehicle_of(struct realtime_writer *writer)
{
	struct gtfsrt_vehicle *vehicle = arena_new(writer->arena, struct gtfsrt_vehicle);
	bool planned = !str_eq(json_text(value_of(writer, RT_BASIS)), STR("observed"));
	double percent = number_of(writer, RT_OCCUPANCY_PERCENT);

	if (!vehicle) {
		writer->failed = true;
		return NULL;
	}
	if (planned && !writer->options.planned_too)
		return NULL;
	*vehicle = gtfsrt_vehicle_none();
	vehicle->trip = trip_of(writer);
	vehicle->vehicle.id = text_of(writer, RT_FLEET_ID);
	vehicle->vehicle.label = text_of(writer, RT_VEHICLE_LABEL);
	vehicle->vehicle.license_plate = text_of(writer, RT_PLATE);
	set_place(writer, vehicle);
	if (vehicle->timestamp_s == GTFSRT_TIME_NONE)
		vehicle->timestamp_s = observed_of(writer, RT_NEXT_STOP);
	if (!planned && vehicle->timestamp_s != GTFSRT_TIME_NONE && vehicle->timestamp_s < writer->options.seen_from_s)
		return NULL;
	vehicle->stop_id = stop_id_of(writer, json_text(value_of(writer, RT_NEXT_STOP)));
	vehicle->status = realtime_word_number(realtime_status_word, json_text(value_of(writer, RT_STOP_STATUS)),
					       GTFSRT_IN_TRANSIT_TO);
	vehicle->congestion = realtime_word_number(realtime_congestion_word, json_text(value_of(writer, RT_CONGESTION)),
						   GTFSRT_WORD_NONE);
	vehicle->occupancy = realtime_word_number(realtime_occupancy_word, json_text(value_of(writer, RT_OCCUPANCY)),
						  GTFSRT_WORD_NONE);
	if (percent >= 0 && percent < 1e6)
		vehicle->occupancy_percent = (uint32_t)percent;
	return vehicle;
}

/* ---- trip updates ---- */

static struct gtfsrt_event event_of(const struct json *call, struct str time, struct str delay)
{
	struct gtfsrt_event event = gtfsrt_event_none();

	event.time_s = time_of(json_get(call, time));
	event.delay_s = whole_of(json_get(call, delay));
	return event;
}

static struct gtfsrt_stop_update stop_of(struct realtime_writer *writer, const struct json *call)
{
	struct gtfsrt_stop_update stop = gtfsrt_stop_update_none();
	int32_t sequence = whole_of(json_get(call, STR("stopSequence")));

	stop.stop_id = stop_id_of(writer, json_text(json_get(call, STR("stop"))));
	if (sequence >= 0)
		stop.stop_sequence = (uint32_t)sequence;
	stop.arrival = event_of(call, STR("arrival"), STR("arrivalDelay"));
	stop.departure = event_of(call, STR("departure"), STR("departureDelay"));
	stop.relation = realtime_word_number(realtime_stop_word, json_text(json_get(call, STR("relationship"))),
					     GTFSRT_STOP_SCHEDULED);
	return stop;
}

/* urn:ngsi-ld:Vehicle:FEED:ID; a feed's name has no colon. */
static struct str vehicle_id_of(struct realtime_writer *writer, struct str urn)
{
	struct str prefix = STR("urn:ngsi-ld:Vehicle:"), rest;
	size_t colon;

	if (!str_starts(urn, prefix))
		return STR_NONE;
	rest = str_part(urn, prefix.len, urn.len);
	if (!str_find(rest, ':', &colon))
		return STR_NONE;
	rest = gtfs_unescaped(writer->arena, str_part(rest, colon + 1, rest.len));
	writer->failed = writer->failed || !rest.at;
	return rest;
}

static const struct gtfsrt_trip_update *update_of(struct realtime_writer *writer)
{
	const struct json *calls = value_of(writer, RT_CALLS);
	uint32_t count = json_is(calls, JSON_ARRAY) ? calls->count : 0;
	struct gtfsrt_trip_update *update = arena_new(writer->arena, struct gtfsrt_trip_update);
	struct gtfsrt_stop_update *stops = arena_array(writer->arena, struct gtfsrt_stop_update, count);

	if (!update || !stops) {
		writer->failed = true;
		return NULL;
	}
	*update = gtfsrt_trip_update_none();
	update->trip = trip_of(writer);
	if (update->trip.relation == GTFSRT_TRIP_DUPLICATED) {
		update->new_trip_id = update->trip.trip_id;
		update->new_start_date = update->trip.start_date;
		update->new_start_time = update->trip.start_time;
		update->trip.trip_id = id_of(writer, GTFS_TRIP, json_text(value_of(writer, RT_COPY_OF)));
		update->trip.start_date = update->trip.start_time = STR_NONE;
	}
	update->vehicle.id = vehicle_id_of(writer, json_text(value_of(writer, RT_HAS_VEHICLE)));
	/* The trip's own delay would hold for the calls before the first one told of. */
	if (count == 0)
		update->delay_s = whole_of(value_of(writer, RT_DELAY));
	update->timestamp_s = observed_of(writer, RT_RELATION);
	for (uint32_t i = 0; i < count; i++)
		stops[i] = stop_of(writer, &calls->items[i]);
	update->stops = stops;
	update->stop_count = count;
	return update;
}

/* ---- alerts ---- */

static struct gtfsrt_texts texts_of(struct realtime_writer *writer, enum realtime_name name)
{
	const struct json *value = value_of(writer, name);
	uint32_t count = json_is(value, JSON_OBJECT) ? value->count : json_is(value, JSON_STRING) ? 1 : 0;
	struct gtfsrt_text *items = arena_array(writer->arena, struct gtfsrt_text, count);
	struct gtfsrt_texts texts = {items, count};

	if (!items) {
		writer->failed = true;
		return (struct gtfsrt_texts){0};
	}
	for (uint32_t i = 0; i < count; i++) {
		bool map = json_is(value, JSON_OBJECT);
		struct str tag = map ? value->members[i].key : STR("@none");

		items[i].text = copy(writer, json_text(map ? &value->members[i].value : value));
		items[i].language = str_eq(tag, STR("@none")) ? STR_NONE : copy(writer, tag);
	}
	return texts;
}

static struct gtfsrt_selector selector_of(struct realtime_writer *writer, const struct json *item)
{
	struct gtfsrt_selector selector = gtfsrt_selector_none();
	int32_t direction = whole_of(json_get(item, STR("direction")));

	selector.agency_id = id_of(writer, GTFS_AGENCY, json_text(json_get(item, STR("agency"))));
	selector.route_id = id_of(writer, GTFS_ROUTE, json_text(json_get(item, STR("route"))));
	selector.stop_id = stop_id_of(writer, json_text(json_get(item, STR("stop"))));
	selector.route_type = whole_of(json_get(item, STR("routeType")));
	selector.trip.trip_id = id_of(writer, GTFS_TRIP, json_text(json_get(item, STR("trip"))));
	selector.trip.given = selector.trip.trip_id.len > 0;
	selector.trip.start_date = copy(writer, json_text(json_get(item, STR("serviceDate"))));
	selector.trip.start_time = copy(writer, json_text(json_get(item, STR("startTime"))));
	if (direction >= 0)
		selector.direction = (uint32_t)direction;
	return selector;
}

/* The model's severities that the format has no word for go to its next one. */
static uint8_t severity_of(struct str text)
{
	if (str_eq(text, STR("critical")))
		return GTFSRT_SEVERITY_MAX;
	if (str_eq(text, STR("low")))
		text = STR("informational");
	return realtime_word_number(realtime_severity_word, text, GTFSRT_SEVERITY_UNKNOWN);
}

static void set_periods(struct realtime_writer *writer, struct gtfsrt_alert *alert)
{
	const struct json *list = value_of(writer, RT_PERIODS);
	uint32_t count = json_is(list, JSON_ARRAY) ? list->count : 0;
	struct gtfsrt_period *periods = arena_array(writer->arena, struct gtfsrt_period, count);

	if (!periods) {
		writer->failed = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		periods[i] = (struct gtfsrt_period){time_of(json_get(&list->items[i], STR("start"))),
						    time_of(json_get(&list->items[i], STR("end")))};
	alert->periods = periods;
	alert->period_count = count;
}

static const struct gtfsrt_alert *alert_of(struct realtime_writer *writer)
{
	const struct json *list = value_of(writer, RT_INFORMED);
	uint32_t count = json_is(list, JSON_ARRAY) ? list->count : 0;
	struct gtfsrt_alert *alert = arena_new(writer->arena, struct gtfsrt_alert);
	struct gtfsrt_selector *informed = arena_array(writer->arena, struct gtfsrt_selector, count);

	if (!alert || !informed) {
		writer->failed = true;
		return NULL;
	}
	*alert = gtfsrt_alert_none();
	alert->cause =
		realtime_word_number(realtime_cause_word, json_text(value_of(writer, RT_CAUSE)), GTFSRT_CAUSE_UNKNOWN);
	alert->effect = realtime_word_number(realtime_effect_word, json_text(value_of(writer, RT_EFFECT)),
					     GTFSRT_EFFECT_UNKNOWN);
	alert->severity = severity_of(json_text(value_of(writer, RT_SEVERITY)));
	alert->header = texts_of(writer, RT_NAME);
	alert->description = texts_of(writer, RT_DESCRIPTION);
	alert->url = texts_of(writer, RT_PAGE);
	set_periods(writer, alert);
	for (uint32_t i = 0; i < count; i++)
		informed[i] = selector_of(writer, &list->items[i]);
	alert->informed = informed;
	alert->informed_count = count;
	return alert;
}

/* ---- the message ---- */

enum err_code realtime_writer_new(const struct realtime_writer_options *options, struct arena *arena,
				  struct realtime_writer **ret_writer, struct error *err)
{
	struct realtime_writer *writer = arena_new(arena, struct realtime_writer);
	enum err_code code = gtfs_check_feed_name(options->timetable, err);

	if (code)
		return code;
	if (!writer)
		return err_set(err, ERR_MEMORY, "no memory for a GTFS Realtime message");
	writer->options = *options;
	writer->arena = arena;
	writer->options.timetable = copy(writer, options->timetable);
	if (writer->failed)
		return err_set(err, ERR_MEMORY, "no memory for a GTFS Realtime message");
	*ret_writer = writer;
	return ERR_OK;
}

static bool has_type(const struct json *entity, enum realtime_type type)
{
	const struct json *types = json_get(entity, STR("type"));

	for (uint32_t i = 0; json_is(types, JSON_ARRAY) && i < types->count; i++)
		if (is_named(json_text(&types->items[i]), realtime_type_text(type)))
			return true;
	return false;
}

enum err_code realtime_writer_add(struct realtime_writer *writer, const struct json *entity, bool *ret_taken,
				  struct error *err)
{
	struct gtfsrt_entity to = {.id = copy(writer, document_id(entity))};

	writer->from = entity;
	writer->ours = false;
	if (has_type(entity, REALTIME_VEHICLE))
		to.vehicle = vehicle_of(writer);
	else if (has_type(entity, REALTIME_TRIP))
		to.trip_update = update_of(writer);
	else if (has_type(entity, REALTIME_ALERT))
		to.alert = alert_of(writer);
	bool taken = writer->ours && (to.vehicle || to.trip_update || to.alert);

	if (taken && writer->count == GTFSRT_ENTITIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u entities for a message", GTFSRT_ENTITIES_MAX);
	if (taken && !writer->failed) {
		void *grown = arena_grow(writer->arena, writer->entities, writer->count, &writer->room, sizeof(to),
					 ENTITIES_FIRST);

		writer->failed = !grown;
		if (grown) {
			writer->entities = grown;
			writer->entities[writer->count++] = to;
		}
	}
	if (writer->failed)
		return err_set(err, ERR_MEMORY, "no memory for a GTFS Realtime message");
	*ret_taken = taken;
	return ERR_OK;
}

enum err_code realtime_writer_done(struct realtime_writer *writer, int64_t now_us, struct str *ret_bytes,
				   struct error *err)
{
	struct gtfsrt_message message = {
		.timestamp_s = now_us / US_PER_S,
		.entities = writer->entities,
		.entity_count = (uint32_t)writer->count,
	};

	return gtfsrt_encode(&message, writer->arena, ret_bytes, err);
}
