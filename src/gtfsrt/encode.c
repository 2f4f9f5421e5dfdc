/* Writing a FeedMessage: protobuf-c's structs are made in the arena and packed by it. */
#include "gtfsrt/gtfsrt_int.h"

#include <math.h>
#include <string.h>

void *pack_room(struct packing *packing, size_t count, size_t size)
{
	void *room = packing->failed ? NULL : arena_array_alloc(packing->arena, count, size);

	if (!room) {
		packing->failed = true;
		return NULL;
	}
	return memset(room, 0, count * size);
}

char *pack_text(struct packing *packing, struct str text)
{
	char *copy;

	if (text.len == 0)
		return NULL;
	copy = PACK_ARRAY(packing, char, text.len + 1);
	if (copy)
		memcpy(copy, text.at, text.len);
	return copy;
}

/* A required text, which may be empty. */
static char *pack_required(struct packing *packing, struct str text)
{
	return text.len ? pack_text(packing, text) : PACK_NEW(packing, char);
}

TransitRealtime__TripDescriptor *pack_trip(struct packing *packing, const struct gtfsrt_trip *trip)
{
	TransitRealtime__TripDescriptor *to = PACK_NEW(packing, TransitRealtime__TripDescriptor);

	if (!to)
		return NULL;
	transit_realtime__trip_descriptor__init(to);
	to->trip_id = pack_text(packing, trip->trip_id);
	to->route_id = pack_text(packing, trip->route_id);
	to->start_time = pack_text(packing, trip->start_time);
	to->start_date = pack_text(packing, trip->start_date);
	to->has_direction_id = trip->direction != GTFSRT_COUNT_NONE;
	to->direction_id = trip->direction;
	to->has_schedule_relationship = trip->relation != GTFSRT_WORD_NONE;
	to->schedule_relationship = (TransitRealtime__TripDescriptor__ScheduleRelationship)trip->relation;
	return to;
}

static TransitRealtime__VehicleDescriptor *pack_name(struct packing *packing, const struct gtfsrt_vehicle_name *name)
{
	TransitRealtime__VehicleDescriptor *to;

	if (!name->id.len && !name->label.len && !name->license_plate.len && !name->wheelchair)
		return NULL;
	to = PACK_NEW(packing, TransitRealtime__VehicleDescriptor);
	if (!to)
		return NULL;
	transit_realtime__vehicle_descriptor__init(to);
	to->id = pack_text(packing, name->id);
	to->label = pack_text(packing, name->label);
	to->license_plate = pack_text(packing, name->license_plate);
	to->has_wheelchair_accessible = name->wheelchair != 0;
	to->wheelchair_accessible = (TransitRealtime__VehicleDescriptor__WheelchairAccessible)name->wheelchair;
	return to;
}

static TransitRealtime__Position *pack_position(struct packing *packing, const struct gtfsrt_vehicle *vehicle)
{
	TransitRealtime__Position *to = vehicle->has_position ? PACK_NEW(packing, TransitRealtime__Position) : NULL;

	if (!to)
		return NULL;
	transit_realtime__position__init(to);
	to->latitude = (float)vehicle->lat;
	to->longitude = (float)vehicle->lon;
	to->has_bearing = !isnan(vehicle->bearing_deg);
	to->bearing = to->has_bearing ? (float)vehicle->bearing_deg : 0;
	to->has_odometer = !isnan(vehicle->odometer_m);
	to->odometer = to->has_odometer ? vehicle->odometer_m : 0;
	to->has_speed = !isnan(vehicle->speed_m_s);
	to->speed = to->has_speed ? (float)vehicle->speed_m_s : 0;
	return to;
}

static TransitRealtime__VehiclePosition *pack_vehicle(struct packing *packing, const struct gtfsrt_vehicle *vehicle)
{
	TransitRealtime__VehiclePosition *to = PACK_NEW(packing, TransitRealtime__VehiclePosition);

	if (!to)
		return NULL;
	transit_realtime__vehicle_position__init(to);
	to->trip = vehicle->trip.given ? pack_trip(packing, &vehicle->trip) : NULL;
	to->vehicle = pack_name(packing, &vehicle->vehicle);
	to->position = pack_position(packing, vehicle);
	to->has_current_stop_sequence = vehicle->stop_sequence != GTFSRT_COUNT_NONE;
	to->current_stop_sequence = vehicle->stop_sequence;
	to->stop_id = pack_text(packing, vehicle->stop_id);
	to->has_current_status = to->has_current_stop_sequence || to->stop_id;
	to->current_status = (TransitRealtime__VehiclePosition__VehicleStopStatus)vehicle->status;
	to->has_congestion_level = vehicle->congestion != GTFSRT_WORD_NONE;
	to->congestion_level = (TransitRealtime__VehiclePosition__CongestionLevel)vehicle->congestion;
	to->has_occupancy_status = vehicle->occupancy != GTFSRT_WORD_NONE;
	to->occupancy_status = (TransitRealtime__VehiclePosition__OccupancyStatus)vehicle->occupancy;
	to->has_occupancy_percentage = vehicle->occupancy_percent != GTFSRT_COUNT_NONE;
	to->occupancy_percentage = vehicle->occupancy_percent;
	to->has_timestamp = vehicle->timestamp_s != GTFSRT_TIME_NONE;
	to->timestamp = (uint64_t)vehicle->timestamp_s;
	return to;
}

static TransitRealtime__TripUpdate__StopTimeEvent *pack_event(struct packing *packing, const struct gtfsrt_event *event)
{
	TransitRealtime__TripUpdate__StopTimeEvent *to;

	if (event->time_s == GTFSRT_TIME_NONE && event->delay_s == GTFSRT_NUMBER_NONE &&
	    event->scheduled_time_s == GTFSRT_TIME_NONE)
		return NULL;
	to = PACK_NEW(packing, TransitRealtime__TripUpdate__StopTimeEvent);
	if (!to)
		return NULL;
	transit_realtime__trip_update__stop_time_event__init(to);
	to->has_time = event->time_s != GTFSRT_TIME_NONE;
	to->time = event->time_s;
	to->has_scheduled_time = event->scheduled_time_s != GTFSRT_TIME_NONE;
	to->scheduled_time = event->scheduled_time_s;
	to->has_delay = event->delay_s != GTFSRT_NUMBER_NONE;
	to->delay = event->delay_s;
	to->has_uncertainty = event->uncertainty_s != GTFSRT_NUMBER_NONE;
	to->uncertainty = event->uncertainty_s;
	return to;
}

static TransitRealtime__TripUpdate__StopTimeUpdate *pack_stop(struct packing *packing,
							      const struct gtfsrt_stop_update *stop)
{
	TransitRealtime__TripUpdate__StopTimeUpdate *to =
		PACK_NEW(packing, TransitRealtime__TripUpdate__StopTimeUpdate);

	if (!to)
		return NULL;
	transit_realtime__trip_update__stop_time_update__init(to);
	to->has_stop_sequence = stop->stop_sequence != GTFSRT_COUNT_NONE;
	to->stop_sequence = stop->stop_sequence;
	to->stop_id = pack_text(packing, stop->stop_id);
	to->arrival = pack_event(packing, &stop->arrival);
	to->departure = pack_event(packing, &stop->departure);
	to->has_schedule_relationship = stop->relation != GTFSRT_STOP_SCHEDULED;
	to->schedule_relationship = (TransitRealtime__TripUpdate__StopTimeUpdate__ScheduleRelationship)stop->relation;
	return to;
}

static TransitRealtime__TripUpdate__TripProperties *pack_properties(struct packing *packing,
								    const struct gtfsrt_trip_update *update)
{
	TransitRealtime__TripUpdate__TripProperties *to;

	if (!update->new_trip_id.len && !update->new_start_date.len && !update->new_start_time.len)
		return NULL;
	to = PACK_NEW(packing, TransitRealtime__TripUpdate__TripProperties);
	if (!to)
		return NULL;
	transit_realtime__trip_update__trip_properties__init(to);
	to->trip_id = pack_text(packing, update->new_trip_id);
	to->start_date = pack_text(packing, update->new_start_date);
	to->start_time = pack_text(packing, update->new_start_time);
	return to;
}

static TransitRealtime__TripUpdate *pack_update(struct packing *packing, const struct gtfsrt_trip_update *update)
{
	TransitRealtime__TripUpdate *to = PACK_NEW(packing, TransitRealtime__TripUpdate);
	TransitRealtime__TripUpdate__StopTimeUpdate **stops =
		PACK_ARRAY(packing, TransitRealtime__TripUpdate__StopTimeUpdate *, update->stop_count);

	if (!to || !stops)
		return NULL;
	transit_realtime__trip_update__init(to);
	to->trip = pack_trip(packing, &update->trip);
	to->vehicle = pack_name(packing, &update->vehicle);
	to->trip_properties = pack_properties(packing, update);
	to->stop_time_update = stops;
	to->n_stop_time_update = update->stop_count;
	for (uint32_t i = 0; i < update->stop_count; i++)
		stops[i] = pack_stop(packing, &update->stops[i]);
	to->has_delay = update->delay_s != GTFSRT_NUMBER_NONE;
	to->delay = update->delay_s;
	to->has_timestamp = update->timestamp_s != GTFSRT_TIME_NONE;
	to->timestamp = (uint64_t)update->timestamp_s;
	return to;
}

static TransitRealtime__FeedEntity *pack_entity(struct packing *packing, const struct gtfsrt_entity *entity)
{
	TransitRealtime__FeedEntity *to = PACK_NEW(packing, TransitRealtime__FeedEntity);

	if (!to)
		return NULL;
	transit_realtime__feed_entity__init(to);
	to->id = pack_required(packing, entity->id);
	to->has_is_deleted = entity->is_deleted;
	to->is_deleted = entity->is_deleted;
	to->vehicle = entity->vehicle ? pack_vehicle(packing, entity->vehicle) : NULL;
	to->trip_update = entity->trip_update ? pack_update(packing, entity->trip_update) : NULL;
	to->alert = entity->alert ? pack_alert(packing, entity->alert) : NULL;
	return to;
}

static void pack_header(struct packing *packing, const struct gtfsrt_message *message, TransitRealtime__FeedHeader *to)
{
	to->gtfs_realtime_version = pack_text(packing, message->version.len ? message->version : STR("2.0"));
	to->has_incrementality = true;
	to->incrementality = message->differential ? TRANSIT_REALTIME__FEED_HEADER__INCREMENTALITY__DIFFERENTIAL
						   : TRANSIT_REALTIME__FEED_HEADER__INCREMENTALITY__FULL_DATASET;
	to->has_timestamp = message->timestamp_s != GTFSRT_TIME_NONE;
	to->timestamp = (uint64_t)message->timestamp_s;
	to->feed_version = pack_text(packing, message->feed_version);
}

enum err_code gtfsrt_encode(const struct gtfsrt_message *message, struct arena *arena, struct str *ret_bytes,
			    struct error *err)
{
	struct packing packing = {.arena = arena};
	TransitRealtime__FeedHeader header = TRANSIT_REALTIME__FEED_HEADER__INIT;
	TransitRealtime__FeedMessage to = TRANSIT_REALTIME__FEED_MESSAGE__INIT;

	if (message->entity_count > GTFSRT_ENTITIES_MAX)
		return err_set(err, ERR_LIMIT, "a message of %u entities, more than %u", message->entity_count,
			       GTFSRT_ENTITIES_MAX);
	pack_header(&packing, message, &header);
	to.header = &header;
	to.n_entity = message->entity_count;
	to.entity = PACK_ARRAY(&packing, TransitRealtime__FeedEntity *, message->entity_count);
	for (uint32_t i = 0; i < message->entity_count && !packing.failed; i++)
		to.entity[i] = pack_entity(&packing, &message->entities[i]);
	if (packing.failed)
		return err_set(err, ERR_MEMORY, "no memory to write a GTFS Realtime message");
	size_t len = transit_realtime__feed_message__get_packed_size(&to);
	char *bytes = len <= GTFSRT_BYTES_MAX ? arena_bytes(arena, len, 0) : NULL;

	if (!bytes)
		return err_set(err, len > GTFSRT_BYTES_MAX ? ERR_LIMIT : ERR_MEMORY,
			       "no room for a GTFS Realtime message of %zu bytes", len);
	*ret_bytes = (struct str){bytes, transit_realtime__feed_message__pack(&to, (uint8_t *)bytes)};
	return ERR_OK;
}
