/* From protobuf-c's structs of an entity to ours. */
#include "gtfsrt/gtfsrt_int.h"

#include <math.h>

struct reading {
	struct arena *arena;
	const char *id; /* of the entity, for errors */
	enum err_code code; /* sticky */
	struct error *err;
};

static void refuse(struct reading *reading, enum err_code code, const char *what)
{
	if (!reading->code)
		reading->code = err_set(reading->err, code, "entity \"%.80s\": %s", reading->id, what);
}

static struct str text_of(struct reading *reading, const char *text)
{
	struct str ret = STR_NONE;

	if (text && !decode_text(text, &ret)) {
		refuse(reading, ERR_INVALID, "a text is no UTF-8");
		ret = STR_NONE;
	}
	return ret;
}

static int64_t time_of(struct reading *reading, int given, uint64_t value)
{
	int64_t seconds;

	if (!decode_time(given != 0, value, &seconds))
		refuse(reading, ERR_INVALID, "a time is not in seconds since 1970");
	return seconds;
}

static void *room_for(struct reading *reading, size_t count, size_t size)
{
	void *room = count <= GTFSRT_PARTS_MAX ? arena_array_alloc(reading->arena, count, size) : NULL;

	if (!room)
		refuse(reading, ERR_LIMIT, "too many parts, or no memory for them");
	return room;
}

/* A value that the format does not know counts as not given. */
static uint8_t word_of(int given, int value, unsigned max, uint8_t none)
{
	return given && value >= 0 && (unsigned)value <= max ? (uint8_t)value : none;
}

static struct gtfsrt_trip trip_of(struct reading *reading, const TransitRealtime__TripDescriptor *from)
{
	struct gtfsrt_trip trip = gtfsrt_trip_none();

	if (!from)
		return trip;
	trip.given = true;
	trip.trip_id = text_of(reading, from->trip_id);
	trip.route_id = text_of(reading, from->route_id);
	trip.start_time = text_of(reading, from->start_time);
	trip.start_date = text_of(reading, from->start_date);
	if (from->has_direction_id)
		trip.direction = from->direction_id;
	/* 4 was never given out. */
	trip.relation = word_of(from->has_schedule_relationship, (int)from->schedule_relationship, GTFSRT_TRIP_NEW,
				GTFSRT_WORD_NONE);
	if (trip.relation == 4)
		trip.relation = GTFSRT_WORD_NONE;
	return trip;
}

static struct gtfsrt_vehicle_name name_of(struct reading *reading, const TransitRealtime__VehicleDescriptor *from)
{
	struct gtfsrt_vehicle_name name = {0};

	if (!from)
		return name;
	name.id = text_of(reading, from->id);
	name.label = text_of(reading, from->label);
	name.license_plate = text_of(reading, from->license_plate);
	name.wheelchair =
		word_of(from->has_wheelchair_accessible, (int)from->wheelchair_accessible, GTFSRT_WHEELCHAIR_MAX, 0);
	return name;
}

static const struct gtfsrt_vehicle *vehicle_of(struct reading *reading, const TransitRealtime__VehiclePosition *from)
{
	struct gtfsrt_vehicle *vehicle = room_for(reading, 1, sizeof(*vehicle));

	if (!vehicle)
		return NULL;
	*vehicle = gtfsrt_vehicle_none();
	vehicle->trip = trip_of(reading, from->trip);
	vehicle->vehicle = name_of(reading, from->vehicle);
	if (from->position) {
		const TransitRealtime__Position *position = from->position;

		vehicle->has_position = true;
		vehicle->lat = (double)position->latitude;
		vehicle->lon = (double)position->longitude;
		vehicle->bearing_deg = position->has_bearing ? (double)position->bearing : (double)NAN;
		vehicle->odometer_m = position->has_odometer ? position->odometer : (double)NAN;
		vehicle->speed_m_s = position->has_speed ? (double)position->speed : (double)NAN;
	}
	if (from->has_current_stop_sequence)
		vehicle->stop_sequence = from->current_stop_sequence;
	vehicle->stop_id = text_of(reading, from->stop_id);
	vehicle->status = word_of(from->has_current_status, (int)from->current_status, GTFSRT_IN_TRANSIT_TO,
				  GTFSRT_IN_TRANSIT_TO);
	vehicle->congestion = word_of(from->has_congestion_level, (int)from->congestion_level, GTFSRT_CONGESTION_MAX,
				      GTFSRT_WORD_NONE);
	vehicle->occupancy = word_of(from->has_occupancy_status, (int)from->occupancy_status, GTFSRT_OCCUPANCY_MAX,
				     GTFSRT_WORD_NONE);
	if (from->has_occupancy_percentage)
		vehicle->occupancy_percent = from->occupancy_percentage;
	vehicle->timestamp_s = time_of(reading, from->has_timestamp, from->timestamp);
	return vehicle;
}

static struct gtfsrt_event event_of(struct reading *reading, const TransitRealtime__TripUpdate__StopTimeEvent *from)
{
	struct gtfsrt_event event = gtfsrt_event_none();

	if (!from)
		return event;
	/* A negative time is a huge one here, and refused. */
	event.time_s = time_of(reading, from->has_time, (uint64_t)from->time);
	event.scheduled_time_s = time_of(reading, from->has_scheduled_time, (uint64_t)from->scheduled_time);
	if (from->has_delay)
		event.delay_s = from->delay;
	if (from->has_uncertainty)
		event.uncertainty_s = from->uncertainty;
	return event;
}

static const struct gtfsrt_trip_update *update_of(struct reading *reading, const TransitRealtime__TripUpdate *from)
{
	struct gtfsrt_trip_update *update = room_for(reading, 1, sizeof(*update));
	struct gtfsrt_stop_update *stops = room_for(reading, from->n_stop_time_update, sizeof(*stops));

	if (!update || !stops)
		return NULL;
	*update = gtfsrt_trip_update_none();
	update->trip = trip_of(reading, from->trip);
	update->vehicle = name_of(reading, from->vehicle);
	update->stops = stops;
	update->stop_count = (uint32_t)from->n_stop_time_update;
	update->timestamp_s = time_of(reading, from->has_timestamp, from->timestamp);
	if (from->has_delay)
		update->delay_s = from->delay;
	if (from->trip_properties) {
		update->new_trip_id = text_of(reading, from->trip_properties->trip_id);
		update->new_start_date = text_of(reading, from->trip_properties->start_date);
		update->new_start_time = text_of(reading, from->trip_properties->start_time);
	}
	for (uint32_t i = 0; i < update->stop_count; i++) {
		const TransitRealtime__TripUpdate__StopTimeUpdate *stop = from->stop_time_update[i];

		stops[i] = (struct gtfsrt_stop_update){
			.stop_sequence = stop->has_stop_sequence ? stop->stop_sequence : GTFSRT_COUNT_NONE,
			.stop_id = text_of(reading, stop->stop_id),
			.arrival = event_of(reading, stop->arrival),
			.departure = event_of(reading, stop->departure),
			.relation = word_of(stop->has_schedule_relationship, (int)stop->schedule_relationship,
					    GTFSRT_STOP_UNSCHEDULED, GTFSRT_STOP_SCHEDULED),
		};
	}
	return update;
}

static struct gtfsrt_texts texts_of(struct reading *reading, const TransitRealtime__TranslatedString *from)
{
	struct gtfsrt_texts texts = {0};
	struct gtfsrt_text *items;

	if (!from || from->n_translation == 0)
		return texts;
	items = room_for(reading, from->n_translation, sizeof(*items));
	if (!items)
		return texts;
	for (size_t i = 0; i < from->n_translation; i++)
		items[i] = (struct gtfsrt_text){.text = text_of(reading, from->translation[i]->text),
						.language = text_of(reading, from->translation[i]->language)};
	texts.items = items;
	texts.count = (uint32_t)from->n_translation;
	return texts;
}

static struct gtfsrt_selector selector_of(struct reading *reading, const TransitRealtime__EntitySelector *from)
{
	struct gtfsrt_selector selector = gtfsrt_selector_none();

	selector.agency_id = text_of(reading, from->agency_id);
	selector.route_id = text_of(reading, from->route_id);
	selector.stop_id = text_of(reading, from->stop_id);
	selector.trip = trip_of(reading, from->trip);
	if (from->has_route_type)
		selector.route_type = from->route_type;
	if (from->has_direction_id)
		selector.direction = from->direction_id;
	return selector;
}

static const struct gtfsrt_alert *alert_of(struct reading *reading, const TransitRealtime__Alert *from)
{
	struct gtfsrt_alert *alert = room_for(reading, 1, sizeof(*alert));
	struct gtfsrt_period *periods = room_for(reading, from->n_active_period, sizeof(*periods));
	struct gtfsrt_selector *informed = room_for(reading, from->n_informed_entity, sizeof(*informed));

	if (!alert || !periods || !informed)
		return NULL;
	*alert = gtfsrt_alert_none();
	for (size_t i = 0; i < from->n_active_period; i++) {
		const TransitRealtime__TimeRange *range = from->active_period[i];

		/* Some write the greatest number where they mean no end. */
		periods[i].start_s = time_of(reading, range->has_start, range->start);
		periods[i].end_s =
			range->end > GTFSRT_TIME_MAX ? GTFSRT_TIME_NONE : time_of(reading, range->has_end, range->end);
	}
	for (size_t i = 0; i < from->n_informed_entity; i++)
		informed[i] = selector_of(reading, from->informed_entity[i]);
	alert->periods = periods;
	alert->period_count = (uint32_t)from->n_active_period;
	alert->informed = informed;
	alert->informed_count = (uint32_t)from->n_informed_entity;
	alert->cause =
		word_of(from->has_cause && from->cause != 0, (int)from->cause, GTFSRT_CAUSE_MAX, GTFSRT_CAUSE_UNKNOWN);
	alert->effect = word_of(from->has_effect && from->effect != 0, (int)from->effect, GTFSRT_EFFECT_MAX,
				GTFSRT_EFFECT_UNKNOWN);
	alert->severity = word_of(from->has_severity_level && from->severity_level != 0, (int)from->severity_level,
				  GTFSRT_SEVERITY_MAX, GTFSRT_SEVERITY_UNKNOWN);
	alert->header = texts_of(reading, from->header_text);
	alert->description = texts_of(reading, from->description_text);
	alert->url = texts_of(reading, from->url);
	return alert;
}

enum err_code decode_entity(struct arena *arena, const TransitRealtime__FeedEntity *from,
			    struct gtfsrt_entity *ret_entity, struct error *err)
{
	struct reading reading = {.arena = arena, .id = "", .err = err};
	struct gtfsrt_entity entity = {.id = text_of(&reading, from->id)};

	if (reading.code)
		return reading.code;
	reading.id = from->id;
	entity.is_deleted = from->has_is_deleted && from->is_deleted;
	if (from->vehicle)
		entity.vehicle = vehicle_of(&reading, from->vehicle);
	if (from->trip_update)
		entity.trip_update = update_of(&reading, from->trip_update);
	if (from->alert)
		entity.alert = alert_of(&reading, from->alert);
	if (!reading.code)
		*ret_entity = entity;
	return reading.code;
}
