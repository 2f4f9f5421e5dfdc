/* A vehicle's entity: the Smart Data Model "Vehicle" (dataModel.Transportation) with the relationships of a run.
 *
 * What is written is where the timetable has the vehicle, not where anybody saw it: positionBasis says "scheduled", and
 * scheduledDelay is 0 by definition. observedAt is the instant, by the clock, from which on the value holds in this
 * city ("became valid", GS CIM 009 clause 4.8). Where the timetable's time is not the clock's (a demonstration at night
 * shows a morning), the location carries the timetable's instant beside it as scheduledTime. */
#include "base/time_value.h"
#include "feed/timetable_int.h"
#include "feed/vehicle_type_int.h"

#include "engine/transit/value.h"

#include <math.h>
#include <stdio.h>

#define NAMES_BYTES_MAX 65536u
#define KM_H_PER_M_S 3.6

enum err_code vehicle_names_init(struct vehicle_names *names, const struct context *context, struct error *err)
{
	static const char *const texts[VEHICLE_NAME_COUNT] = {
		[VEHICLE_NAME] = "name",
		[VEHICLE_TYPE] = "vehicleType",
		[VEHICLE_CATEGORY] = "category",
		[VEHICLE_SERVICE_PROVIDED] = "serviceProvided",
		[VEHICLE_SERVICE_STATUS] = "serviceStatus",
		[VEHICLE_LOCATION] = "location",
		[VEHICLE_BEARING] = "bearing",
		[VEHICLE_SPEED] = "speed",
		[VEHICLE_ROUTE] = "hasRoute",
		[VEHICLE_TRIP] = "hasTrip",
		[VEHICLE_NEXT_STOP] = "nextStop",
		[VEHICLE_DELAY] = "scheduledDelay",
		[VEHICLE_BASIS] = "positionBasis",
		[VEHICLE_SERVICE_DATE] = "serviceDate",
		[VEHICLE_START_TIME] = "startTime",
		[VEHICLE_EXACT_TIMES] = "exactTimes",
		[VEHICLE_SCHEDULED_TIME] = "scheduledTime",
	};

	arena_init(&names->arena, NAMES_BYTES_MAX);
	enum err_code code = context_expand(context, &names->arena, STR("Vehicle"), &names->type, err);

	for (size_t i = 0; i < VEHICLE_NAME_COUNT && !code; i++)
		code = context_expand(context, &names->arena, str_from(texts[i]), &names->iris[i], err);
	return code;
}

struct str vehicle_urn(struct arena *arena, struct str feed, const struct transit_plan *plan,
		       const struct transit_run *run)
{
	/* The trip's id in the plan is its URN: what follows the feed's name there is escaped already. */
	struct str trip = transit_plan_trip(plan, run->trip).id;
	struct str tail = str_part(trip, STR("urn:ngsi-ld:GtfsTrip:").len + feed.len + 1, trip.len);
	struct civil_date date = civil_from_days(run->day);
	char start[TRANSIT_TIME_BYTES];

	return arena_printf(arena, "urn:ngsi-ld:Vehicle:%.*s:%.*s:%04d%02d%02d:%.*s", STR_FMT(feed), STR_FMT(tail),
			    (int)date.year, (int)date.month, (int)date.day,
			    STR_FMT(transit_format_time(run->start_s, start)));
}

struct vehicle_state vehicle_state_of(const struct transit_plan *plan, const struct transit_run *run,
				      const struct transit_position *position)
{
	return (struct vehicle_state){
		.lon_e6 = (int32_t)lrint(position->place.lon * 1e6),
		.lat_e6 = (int32_t)lrint(position->place.lat * 1e6),
		.speed_e1 = (int32_t)lrint(position->speed_m_s * KM_H_PER_M_S * 10),
		.bearing = (int16_t)(lrint(position->bearing_deg) % 360),
		.stop = transit_plan_trip(plan, run->trip).stops[position->next_stop],
	};
}

struct str vehicle_type(int32_t route_type)
{
	switch (route_type >= 100 ? route_type / 100 * 100 : route_type) {
	case 0:
	case 900:
		return STR("tram");
	case 1:
	case 400:
		return STR("subway");
	case 2:
	case 100:
		return STR("train");
	case 4:
	case 1000:
	case 1200:
		return STR("ferry");
	case 5:
		return STR("cableTram");
	case 6:
	case 1300:
		return STR("aerialLift");
	case 7:
	case 1400:
		return STR("funicular");
	case 11:
	case 800:
		return STR("trolleybus");
	case 12:
		return STR("monorail");
	default:
		return STR("bus");
	}
}

static void add_location(const struct vehicle_names *names, struct entity *entity, const struct vehicle_state *state,
			 const struct vehicle_moment *moment)
{
	struct geo_point place = {state->lon_e6 / 1e6, state->lat_e6 / 1e6};

	entity_geo(entity, names->iris[VEHICLE_LOCATION], entity_point(entity, place, 6));
	if (!moment->scheduled_at.len || entity->failed)
		return;
	struct json value = json_object(), sub = json_object(), subs = json_array();

	entity_member(entity, &value, STR("@type"), json_string(STR("DateTime")));
	entity_member(entity, &value, STR("@value"), json_string(moment->scheduled_at));
	entity_member(entity, &sub, STR("type"), json_string(STR("Property")));
	entity_member(entity, &sub, STR("value"), value);
	entity_member(entity, &sub, STR("createdAt"), entity->created);
	entity_push(entity, &subs, sub);
	struct json *instances = &entity->root.members[entity->root.count - 1].value;

	entity_member(entity, json_at(instances, 0), names->iris[VEHICLE_SCHEDULED_TIME], subs);
}

static void add_bearing(const struct vehicle_names *names, struct entity *entity, const struct vehicle_state *state)
{
	entity_with_unit(entity, names->iris[VEHICLE_BEARING], json_int(entity->arena, state->bearing), STR("DD"));
}

static void add_speed(const struct vehicle_names *names, struct entity *entity, const struct vehicle_state *state)
{
	entity_with_unit(entity, names->iris[VEHICLE_SPEED], json_decimal(entity->arena, state->speed_e1 / 10.0, 1),
			 STR("KMH"));
}

static void add_next_stop(const struct vehicle_names *names, struct entity *entity, const struct transit_plan *plan,
			  const struct vehicle_state *state)
{
	entity_relationship(entity, names->iris[VEHICLE_NEXT_STOP], transit_plan_stop(plan, state->stop)->id);
}

static void add_moving(const struct vehicle_names *names, struct entity *entity, const struct transit_plan *plan,
		       const struct vehicle_state *state, const struct vehicle_moment *moment)
{
	entity->observed = json_string(moment->observed_at);
	add_location(names, entity, state, moment);
	add_bearing(names, entity, state);
	add_speed(names, entity, state);
	add_next_stop(names, entity, plan, state);
	entity_with_unit(entity, names->iris[VEHICLE_DELAY], json_int(entity->arena, 0), STR("SEC"));
	entity->observed = json_null();
}

static void add_word_list(struct entity *entity, struct str iri, struct str word)
{
	struct json words = json_array();

	entity_push(entity, &words, json_string(word));
	entity_property(entity, iri, words);
}

struct json *vehicle_entity(const struct vehicle_names *names, struct arena *arena, struct str urn,
			    const struct transit_plan *plan, const struct transit_run *run,
			    const struct vehicle_state *state, const struct vehicle_moment *moment)
{
	struct transit_plan_trip trip = transit_plan_trip(plan, run->trip);
	const struct transit_plan_route *route = transit_plan_route(plan, trip.route);
	struct civil_date date = civil_from_days(run->day);
	char buffer[TRANSIT_TIME_BYTES];
	struct str start = arena_dup(arena, transit_format_time(run->start_s, buffer));
	struct str day = arena_printf(arena, "%04d-%02d-%02d", (int)date.year, (int)date.month, (int)date.day);
	struct entity entity;

	if (!start.at || !day.at)
		return NULL;
	entity_begin(&entity, arena, urn, names->type, moment->now_us);
	add_moving(names, &entity, plan, state, moment);
	entity_text(&entity, names->iris[VEHICLE_NAME], route->short_name.len ? route->short_name : route->long_name);
	entity_text(&entity, names->iris[VEHICLE_TYPE], vehicle_type(route->type));
	add_word_list(&entity, names->iris[VEHICLE_CATEGORY], STR("public"));
	add_word_list(&entity, names->iris[VEHICLE_SERVICE_PROVIDED], STR("urbanTransit"));
	entity_text(&entity, names->iris[VEHICLE_SERVICE_STATUS], STR("onRoute"));
	entity_relationship(&entity, names->iris[VEHICLE_ROUTE], route->id);
	entity_relationship(&entity, names->iris[VEHICLE_TRIP], trip.id);
	entity_text(&entity, names->iris[VEHICLE_BASIS], STR("scheduled"));
	entity_text(&entity, names->iris[VEHICLE_SERVICE_DATE], day);
	entity_text(&entity, names->iris[VEHICLE_START_TIME], start);
	entity_property(&entity, names->iris[VEHICLE_EXACT_TIMES], json_bool(run->exact));
	return entity_done(&entity);
}

struct json *vehicle_changes(const struct vehicle_names *names, struct arena *arena, const struct transit_plan *plan,
			     const struct vehicle_state *before, const struct vehicle_state *state,
			     const struct vehicle_moment *moment, bool *ret_same)
{
	struct entity entity;

	entity_begin_fragment(&entity, arena, moment->now_us);
	entity.observed = json_string(moment->observed_at);
	if (before->lon_e6 != state->lon_e6 || before->lat_e6 != state->lat_e6)
		add_location(names, &entity, state, moment);
	if (before->bearing != state->bearing)
		add_bearing(names, &entity, state);
	if (before->speed_e1 != state->speed_e1)
		add_speed(names, &entity, state);
	if (before->stop != state->stop)
		add_next_stop(names, &entity, plan, state);
	*ret_same = entity.root.count == 0;
	return entity_done(&entity);
}
