/* Vehicle positions to Vehicle entities.
 *
 *  * The delay is that of the vehicle's trip update where one was told. Where none was, it is estimated by the stop
 * that the vehicle is at or heads for: standing there it is the time against the timetable's; on the way, its place
 * between the two stops (by the distances to both) says when the timetable has it there. delayBasis tells the two
 * apart. */
#include "engine/transit/value.h"
#include "feed/realtime_int.h"
#include "feed/vehicle_type_int.h"

#include <math.h>

#define KM_H_PER_M_S 3.6
#define SPEED_E1_MAX 20000.0 /* tenths of km/h; what is faster was not measured */
#define ATTRIBUTES 24u /* of a vehicle that tells everything */
#define ESTIMATE_STEP_S 10 /* estimated delays are no finer */
#define ESTIMATE_S_MAX (6 * 3600) /* what is farther off is no delay but another run */

/* A vehicle of the message, and what was found out about it. */
struct seen {
	const struct gtfsrt_vehicle *from;
	struct str entity_id;
	struct realtime_match match;
	const struct told *trip; /* its trip update; NULL: none was told */
	uint32_t call; /* of the run, at or before nextStop; TRANSIT_NONE */
	struct realtime_vehicle state;
	bool estimated; /* the delay */
};

struct str realtime_vehicle_urn(struct take *take, struct str entity_id, struct str vehicle_id,
				const struct gtfsrt_trip *trip)
{
	struct str feed = take->realtime->options.feed, type = realtime_type_text(REALTIME_VEHICLE);
	struct str when;

	if (vehicle_id.len)
		return gtfs_urn(take->arena, type, feed, vehicle_id);
	if (!trip->trip_id.len)
		return gtfs_urn_two(take->arena, type, feed, STR("entity"), '~', entity_id);
	when = arena_printf(take->arena, "%.*s:%.*s", STR_FMT(trip->start_date), STR_FMT(trip->start_time));
	return when.at ? gtfs_urn_two(take->arena, type, feed, trip->trip_id, '~', when) : STR_NONE;
}

/* ---- what changes ---- */

static void set_place(struct take *take, struct seen *seen)
{
	const struct gtfsrt_vehicle *from = seen->from;
	struct realtime_vehicle *state = &seen->state;

	state->lon_e6 = state->lat_e6 = REALTIME_NOWHERE;
	state->speed_e1 = state->bearing = -1;
	if (!from->has_position)
		return;
	/* 0,0 is what receivers say before they know. NAN fails every comparison. */
	if (!(fabs(from->lat) <= 90 && fabs(from->lon) <= 180) || (from->lat == 0 && from->lon == 0)) {
		take->report->places_refused++;
		return;
	}
	state->lon_e6 = (int32_t)lrint(from->lon * 1e6);
	state->lat_e6 = (int32_t)lrint(from->lat * 1e6);
	double speed = from->speed_m_s * KM_H_PER_M_S * 10;

	if (speed >= 0 && speed <= SPEED_E1_MAX)
		state->speed_e1 = (int32_t)lrint(speed);
	if (from->bearing_deg >= 0 && from->bearing_deg <= 360)
		state->bearing = (int32_t)(lrint(from->bearing_deg) % 360);
}

/* The stop: by its sequence in the trip, else by its id. */
static void set_stop(struct take *take, struct seen *seen)
{
	const struct gtfsrt_vehicle *from = seen->from;
	const struct transit_tables *tables = take->realtime->tables;
	bool matched = seen->match.reason == REALTIME_MATCHED;
	uint32_t trip = seen->match.run.trip;

	seen->call = seen->state.stop = TRANSIT_NONE;
	seen->state.status = GTFSRT_WORD_NONE;
	if (from->stop_sequence == GTFSRT_COUNT_NONE && !from->stop_id.len)
		return;
	if (matched && from->stop_sequence != GTFSRT_COUNT_NONE)
		seen->call = transit_call_of_sequence(tables, trip, from->stop_sequence);
	if (from->stop_id.len)
		seen->state.stop = realtime_find_stop(take, from->stop_id);
	if (matched && seen->call == TRANSIT_NONE && seen->state.stop != TRANSIT_NONE)
		seen->call = transit_call_of_stop(tables, trip, seen->state.stop, 0);
	if (seen->call != TRANSIT_NONE && seen->state.stop == TRANSIT_NONE)
		seen->state.stop = tables->times[tables->trips[trip].times + seen->call].stop;
	if (seen->state.stop == TRANSIT_NONE)
		take->report->stops_unknown++;
	else
		seen->state.status = from->status;
}

/* When the timetable has a vehicle there, in seconds of the service day; before and after a stop's standing time the
 * nearer end counts. */
static bool planned_at(const struct transit_tables *tables, const struct seen *seen, int64_t at_s, double *ret_s)
{
	const struct transit_stop_time *here = &tables->times[tables->trips[seen->match.run.trip].times + seen->call];
	struct geo_point place = {seen->state.lon_e6 / 1e6, seen->state.lat_e6 / 1e6};

	if (seen->state.status == GTFSRT_STOPPED_AT) {
		*ret_s = (double)(at_s < here->arrival     ? here->arrival
				  : at_s > here->departure ? here->departure
							   : at_s);
		return true;
	}
	if (seen->call == 0 || seen->state.lon_e6 == REALTIME_NOWHERE)
		return false;
	const struct transit_stop_time *before = here - 1;
	double from = geo_distance_m(tables->stops[before->stop].place, place);
	double to = geo_distance_m(place, tables->stops[here->stop].place);

	if (!(from + to > 0))
		return false;
	*ret_s = before->departure + from / (from + to) * (here->arrival - before->departure);
	return true;
}

static void estimate_delay(struct take *take, struct seen *seen)
{
	struct realtime *realtime = take->realtime;
	const struct transit_tables *tables = realtime->tables;
	double planned_s;

	if (seen->call == TRANSIT_NONE || seen->state.at_s == GTFSRT_TIME_NONE)
		return;
	/* Runs of frequencies leave at other times than the trip's stop times say. */
	const struct transit_run *run = &seen->match.run;
	int32_t shift = run->start_s - tables->times[tables->trips[run->trip].times].departure;
	int64_t at_s = seen->state.at_s - realtime_day_start(realtime, run->day) - shift;

	if (!planned_at(tables, seen, at_s, &planned_s))
		return;
	double delay = rint(((double)at_s - planned_s) / ESTIMATE_STEP_S) * ESTIMATE_STEP_S;

	if (fabs(delay) > ESTIMATE_S_MAX)
		return;
	seen->state.delay_s = (int32_t)delay;
	seen->estimated = true;
}

static void set_delay(struct take *take, struct seen *seen)
{
	bool extra = seen->match.reason == REALTIME_EXTRA && seen->from->trip.trip_id.len;
	bool matched = seen->match.reason == REALTIME_MATCHED;

	seen->state.delay_s = TRANSIT_DELAY_NONE;
	if (matched || extra)
		seen->trip = map_get(&take->realtime->told, realtime_run_urn(take, &seen->match, &seen->from->trip));
	if (seen->trip)
		seen->state.delay_s = seen->trip->run.delay_s;
	if (matched && seen->state.delay_s == TRANSIT_DELAY_NONE)
		estimate_delay(take, seen);
}

static void set_state(struct take *take, struct seen *seen)
{
	const struct gtfsrt_vehicle *from = seen->from;

	seen->state.at_s = from->timestamp_s;
	seen->state.occupancy = from->occupancy;
	seen->state.occupancy_percent = from->occupancy_percent;
	seen->state.congestion = from->congestion;
	set_place(take, seen);
	set_stop(take, seen);
	set_delay(take, seen);
}

/* ---- entities ---- */

static struct str iri(const struct take *take, enum realtime_name name)
{
	return take->realtime->iris[name];
}

static void add_location(struct take *take, struct entity *entity, const struct realtime_vehicle *state)
{
	if (state->lon_e6 != REALTIME_NOWHERE)
		entity_geo(entity, iri(take, RT_LOCATION),
			   entity_point(entity, (struct geo_point){state->lon_e6 / 1e6, state->lat_e6 / 1e6}, 6));
}

static void add_words(struct take *take, struct entity *entity, const struct realtime_vehicle *before,
		      const struct realtime_vehicle *state)
{
	if (!before || before->occupancy != state->occupancy)
		entity_text(entity, iri(take, RT_OCCUPANCY), realtime_occupancy_word(state->occupancy));
	if (!before || before->congestion != state->congestion)
		entity_text(entity, iri(take, RT_CONGESTION), realtime_congestion_word(state->congestion));
	if (!before || before->status != state->status)
		entity_text(entity, iri(take, RT_STOP_STATUS), realtime_status_word(state->status));
	if (state->occupancy_percent != GTFSRT_COUNT_NONE &&
	    (!before || before->occupancy_percent != state->occupancy_percent))
		entity_with_unit(entity, iri(take, RT_OCCUPANCY_PERCENT),
				 json_int(entity->arena, state->occupancy_percent), STR("P1"));
}

/* All that changes, or what differs from before. A place is told with every new time: somebody saw it there. */
static void add_moving(struct take *take, struct entity *entity, const struct realtime_vehicle *before,
		       const struct realtime_vehicle *state)
{
	struct str at = realtime_time(take, state->at_s == GTFSRT_TIME_NONE ? take->message_s : state->at_s);

	entity->failed = entity->failed || !at.at;
	entity->observed = json_string(at);
	if (!before || before->at_s != state->at_s || before->lon_e6 != state->lon_e6 ||
	    before->lat_e6 != state->lat_e6)
		add_location(take, entity, state);
	if (state->bearing >= 0 && (!before || before->bearing != state->bearing))
		entity_with_unit(entity, iri(take, RT_BEARING), json_int(entity->arena, state->bearing), STR("DD"));
	if (state->speed_e1 >= 0 && (!before || before->speed_e1 != state->speed_e1))
		entity_with_unit(entity, iri(take, RT_SPEED), json_decimal(entity->arena, state->speed_e1 / 10.0, 1),
				 STR("KMH"));
	if (state->stop != TRANSIT_NONE && (!before || before->stop != state->stop))
		entity_relationship(entity, iri(take, RT_NEXT_STOP), take->realtime->tables->stops[state->stop].id);
	if (state->delay_s != TRANSIT_DELAY_NONE && (!before || before->delay_s != state->delay_s))
		entity_with_unit(entity, iri(take, RT_DELAY), json_int(entity->arena, state->delay_s), STR("SEC"));
	add_words(take, entity, before, state);
	entity->observed = json_null();
}

static void add_word_list(struct entity *entity, struct str name, struct str first, struct str second)
{
	struct json words = entity_array(entity, 2);

	entity_push(entity, &words, json_string(first));
	if (second.len)
		entity_push(entity, &words, json_string(second));
	entity_property(entity, name, words);
}

/* What is the same of all vehicles is made once for each message, and shared by its entities. */
static void add_constants(struct take *take, struct entity *entity)
{
	struct entity made;

	if (take->constants.count == 0) {
		entity_begin_fragment(&made, take->arena, take->now_us);
		entity_text(&made, iri(take, RT_BASIS), STR("observed"));
		add_word_list(&made, iri(take, RT_CATEGORY), STR("public"), STR("tracked"));
		add_word_list(&made, iri(take, RT_SERVICE_PROVIDED), STR("urbanTransit"), STR_NONE);
		entity->failed = entity->failed || made.failed;
		if (!made.failed)
			take->constants = made.root;
	}
	for (uint32_t i = 0; i < take->constants.count; i++)
		entity_member(entity, &entity->root, take->constants.members[i].key, take->constants.members[i].value);
}

static void add_trip(struct take *take, struct entity *entity, const struct seen *seen)
{
	const struct transit_tables *tables = take->realtime->tables;
	const struct realtime_match *match = &seen->match;
	char buffer[TRANSIT_TIME_BYTES];

	if (match->route != TRANSIT_NONE)
		entity_relationship(entity, iri(take, RT_HAS_ROUTE), tables->routes[match->route].id);
	if (seen->trip)
		entity_relationship(entity, iri(take, RT_HAS_TRIP_UPDATE), seen->trip->id);
	if (seen->from->trip.given)
		entity_text(entity, iri(take, RT_RELATION), realtime_trip_word(match->relation));
	if (match->reason == REALTIME_MATCHED) {
		struct civil_date date = civil_from_days(match->run.day);

		entity_relationship(entity, iri(take, RT_HAS_TRIP), tables->trips[match->run.trip].id);
		entity_text(
			entity, iri(take, RT_SERVICE_DATE),
			arena_printf(entity->arena, "%04d-%02d-%02d", (int)date.year, (int)date.month, (int)date.day));
		entity_text(entity, iri(take, RT_START_TIME),
			    arena_dup(entity->arena, transit_format_time(match->run.start_s, buffer)));
	} else {
		entity_text(entity, iri(take, RT_TRIP_CODE), seen->from->trip.trip_id);
	}
}

static const struct json *whole_entity(struct take *take, const struct seen *seen, struct str id)
{
	const struct transit_tables *tables = take->realtime->tables;
	const struct transit_route *route =
		seen->match.route == TRANSIT_NONE ? NULL : &tables->routes[seen->match.route];
	const struct gtfsrt_vehicle_name *name = &seen->from->vehicle;
	struct str line = !route ? STR_NONE : route->short_name.len ? route->short_name : route->long_name;
	struct entity entity;

	entity_begin(&entity, take->arena, id, take->realtime->types[REALTIME_VEHICLE], take->now_us);
	entity_expect(&entity, ATTRIBUTES);
	add_moving(take, &entity, NULL, &seen->state);
	entity_text(&entity, iri(take, RT_NAME), line.len ? line : name->label);
	entity_text(&entity, iri(take, RT_VEHICLE_TYPE), vehicle_type(route ? route->type : 3));
	add_constants(take, &entity);
	if (seen->from->trip.trip_id.len)
		entity_text(&entity, iri(take, RT_SERVICE_STATUS), STR("onRoute"));
	if (seen->state.delay_s != TRANSIT_DELAY_NONE)
		entity_text(&entity, iri(take, RT_DELAY_BASIS), seen->estimated ? STR("position") : STR("tripUpdate"));
	entity_text(&entity, iri(take, RT_FLEET_ID), name->id);
	entity_text(&entity, iri(take, RT_VEHICLE_LABEL), name->label);
	entity_text(&entity, iri(take, RT_PLATE), name->license_plate);
	add_trip(take, &entity, seen);
	return entity_done(&entity);
}

/* ---- telling ---- */

/* Of what is told whole only; and of which attributes are there, since a fragment cannot take one away. */
static uint64_t hash_of(const struct seen *seen)
{
	const struct realtime_vehicle *state = &seen->state;
	const struct realtime_match *match = &seen->match;
	bool has_delay = state->delay_s != TRANSIT_DELAY_NONE;
	const int64_t facts[] = {
		match->reason,
		match->run.trip,
		match->run.day,
		match->run.start_s,
		match->route,
		match->relation,
		seen->trip != NULL,
		has_delay,
		has_delay && seen->estimated,
		state->lon_e6 != REALTIME_NOWHERE,
		state->bearing >= 0,
		state->speed_e1 >= 0,
		state->stop != TRANSIT_NONE,
		realtime_occupancy_word(state->occupancy).len != 0,
		realtime_congestion_word(state->congestion).len != 0,
		state->status != GTFSRT_WORD_NONE,
		state->occupancy_percent != GTFSRT_COUNT_NONE,
		seen->from->trip.given,
	};
	uint64_t hash = realtime_mix(1, facts, sizeof(facts));

	if (match->reason != REALTIME_MATCHED)
		hash = realtime_mix_text(hash, seen->from->trip.trip_id);
	hash = realtime_mix_text(hash, seen->from->vehicle.id);
	hash = realtime_mix_text(hash, seen->from->vehicle.label);
	return realtime_mix_text(hash, seen->from->vehicle.license_plate);
}

static bool same_state(const struct realtime_vehicle *a, const struct realtime_vehicle *b)
{
	return a->at_s == b->at_s && a->lon_e6 == b->lon_e6 && a->lat_e6 == b->lat_e6 && a->speed_e1 == b->speed_e1 &&
	       a->bearing == b->bearing && a->delay_s == b->delay_s && a->stop == b->stop &&
	       a->occupancy_percent == b->occupancy_percent && a->occupancy == b->occupancy &&
	       a->congestion == b->congestion && a->status == b->status;
}

static enum err_code tell_vehicle(struct take *take, const struct seen *seen, struct told *told, bool is_new,
				  struct error *err)
{
	uint64_t hash = hash_of(seen);
	bool whole = is_new || !told->written || told->hash != hash;
	struct realtime_vehicle before = told->vehicle;
	/* Older than what is known: a source that lags behind another. */
	bool older = !whole && seen->state.at_s < before.at_s;

	if (!whole && (older || same_state(&before, &seen->state))) {
		take->report->unchanged++;
		return ERR_OK;
	}
	told->hash = hash;
	told->vehicle = seen->state;
	if (whole)
		return realtime_tell(take, told, BROKER_REPLACE, whole_entity(take, seen, told->id), err);
	struct entity entity;

	entity_begin_fragment(&entity, take->arena, take->now_us);
	add_moving(take, &entity, &before, &seen->state);
	/* A new time alone says nothing of a vehicle without a place. */
	if (entity.root.count == 0 && !entity.failed) {
		take->report->unchanged++;
		return ERR_OK;
	}
	return realtime_tell(take, told, BROKER_APPEND_ATTRIBUTES, entity_done(&entity), err);
}

enum err_code realtime_take_vehicle(struct take *take, struct str entity_id, const struct gtfsrt_vehicle *vehicle,
				    struct error *err)
{
	struct seen seen = {.from = vehicle, .entity_id = entity_id};
	struct str urn = realtime_vehicle_urn(take, entity_id, vehicle->vehicle.id, &vehicle->trip);
	bool is_new;
	struct told *told = realtime_told(take, REALTIME_VEHICLE, urn, &is_new);

	if (!told)
		return err_set(err, urn.at ? ERR_LIMIT : ERR_MEMORY, "no room for a realtime feed's vehicle");
	if (!realtime_see(take, told))
		return ERR_OK;
	take->report->vehicles++;
	seen.match = realtime_match_trip(take, &vehicle->trip);
	realtime_note(take, &seen.match, entity_id, vehicle->trip.trip_id);
	set_state(take, &seen);
	return tell_vehicle(take, &seen, told, is_new, err);
}
