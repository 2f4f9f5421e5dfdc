/* Trip updates to GtfsTripUpdate entities: one for each run, with a list of its calls.
 *
 * A planned run has the timetable's calls with the delays that were told, spread as the format says. A duplicated trip
 * has those of the trip that it copies, moved to its own start. Other extra trips have the calls that the update names,
 * since no timetable knows them. Calls of which nothing is known, passed ones for the most part, are left out; where
 * knowledge ends, the next call has the relationship noData. */
#include "engine/transit/value.h"
#include "feed/realtime_int.h"

#include <stdlib.h>
#include <string.h>

#define DELAY_S_MAX (2 * 86400) /* what is farther off the timetable is about another run */

/* A call as it is written; without padding, since its bytes are hashed. */
struct call {
	int64_t arrival_s, departure_s; /* since 1970; GTFSRT_TIME_NONE */
	int32_t arrival_delay_s, departure_delay_s; /* TRANSIT_DELAY_NONE */
	uint32_t stop, sequence; /* sequence GTFSRT_COUNT_NONE: not told */
	uint32_t relation; /* enum gtfsrt_stop_relation */
	uint32_t nothing;
};

/* An update, and what was found out about it. */
struct updated {
	const struct gtfsrt_trip_update *from;
	struct gtfsrt_trip named; /* who it is: of a duplicated trip the new names */
	struct realtime_match match;
	struct transit_run run; /* whose timetable counts; trip TRANSIT_NONE: nobody's */
	struct transit_call_delay *delays; /* of all calls of the run */
	uint32_t delay_count;
	struct call *calls;
	uint32_t call_count;
	int32_t delay_s; /* now */
	int64_t at_s; /* when it was measured */
	bool cancelled;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a trip update");
}

/* ---- planned calls ---- */

static int32_t shift_of(const struct transit_tables *tables, const struct transit_run *run)
{
	return run->start_s - tables->times[tables->trips[run->trip].times].departure;
}

/* A time that is told takes precedence over a delay. */
static int32_t delay_of(const struct gtfsrt_event *event, int64_t planned_s)
{
	int64_t delay = event->time_s != GTFSRT_TIME_NONE      ? event->time_s - planned_s
			: event->delay_s != GTFSRT_NUMBER_NONE ? event->delay_s
							       : TRANSIT_DELAY_NONE;

	return delay > DELAY_S_MAX || delay < -DELAY_S_MAX ? TRANSIT_DELAY_NONE : (int32_t)delay;
}

/* Which call an update is about; TRANSIT_NONE: none behind those before it. */
static uint32_t call_of(struct take *take, const struct updated *updated, const struct gtfsrt_stop_update *stop,
			uint32_t from)
{
	const struct transit_tables *tables = take->realtime->tables;
	uint32_t call = TRANSIT_NONE;

	if (stop->stop_sequence != GTFSRT_COUNT_NONE)
		call = transit_call_of_sequence(tables, updated->run.trip, stop->stop_sequence);
	else if (stop->stop_id.len)
		call = transit_call_of_stop(tables, updated->run.trip, realtime_find_stop(take, stop->stop_id), from);
	return call != TRANSIT_NONE && call >= from ? call : TRANSIT_NONE;
}

static void set_told(const struct gtfsrt_stop_update *stop, const struct transit_stop_time *time, int64_t base_s,
		     struct transit_told *told)
{
	told->kind = stop->relation == GTFSRT_STOP_SKIPPED   ? TRANSIT_TOLD_SKIPPED
		     : stop->relation == GTFSRT_STOP_NO_DATA ? TRANSIT_TOLD_NO_DATA
							     : TRANSIT_TOLD_TIMES;
	told->arrival_delay_s = delay_of(&stop->arrival, base_s + time->arrival);
	told->departure_delay_s = delay_of(&stop->departure, base_s + time->departure);
}

static enum err_code spread(struct take *take, struct updated *updated, int64_t base_s, struct error *err)
{
	const struct transit_tables *tables = take->realtime->tables;
	const struct transit_trip *trip = &tables->trips[updated->run.trip];
	const struct gtfsrt_trip_update *from = updated->from;
	struct transit_told *told = arena_array(take->arena, struct transit_told, from->stop_count);
	uint32_t count = 0, next = 0;

	updated->delay_count = trip->time_count;
	updated->delays = arena_array(take->arena, struct transit_call_delay, trip->time_count);
	if (!told || !updated->delays)
		return no_memory(err);
	for (uint32_t i = 0; i < from->stop_count; i++) {
		uint32_t call = call_of(take, updated, &from->stops[i], next);

		if (call == TRANSIT_NONE) {
			take->report->stops_unknown++;
			continue;
		}
		next = call + 1;
		told[count].call = call;
		set_told(&from->stops[i], &tables->times[trip->times + call], base_s, &told[count++]);
	}
	int32_t whole = from->delay_s == GTFSRT_NUMBER_NONE ? TRANSIT_DELAY_NONE : from->delay_s;

	transit_spread_delays(told, count, whole, updated->delays, trip->time_count);
	return ERR_OK;
}

/* The delay at the first stop that is not left yet; of a run that is over, the last one known. */
static int32_t delay_now(const struct transit_stop_time *times, const struct updated *updated, int64_t base_s)
{
	int32_t last = TRANSIT_DELAY_NONE;

	for (uint32_t i = 0; i < updated->delay_count; i++) {
		int32_t delay = updated->delays[i].departure_s;

		if (delay == TRANSIT_DELAY_NONE)
			continue;
		last = delay;
		if (base_s + times[i].departure + delay >= updated->at_s)
			break;
	}
	return last;
}

static int64_t late(int64_t planned_s, int32_t delay_s)
{
	return delay_s == TRANSIT_DELAY_NONE ? GTFSRT_TIME_NONE : planned_s + delay_s;
}

static enum err_code plan_calls(struct take *take, struct updated *updated, struct error *err)
{
	struct realtime *realtime = take->realtime;
	const struct transit_stop_time *times =
		&realtime->tables->times[realtime->tables->trips[updated->run.trip].times];
	int64_t base_s = realtime_day_start(realtime, updated->run.day) + shift_of(realtime->tables, &updated->run);
	enum err_code code = spread(take, updated, base_s, err);

	if (code)
		return code;
	updated->calls = arena_array(take->arena, struct call, updated->delay_count);
	if (!updated->calls)
		return no_memory(err);
	for (uint32_t i = 0; i < updated->delay_count; i++) {
		const struct transit_call_delay *delay = &updated->delays[i];

		bool known = delay->skipped || delay->arrival_s != TRANSIT_DELAY_NONE ||
			     delay->departure_s != TRANSIT_DELAY_NONE;

		/* The first one of which nothing is known any more says so, for all behind it. */
		if (!known && (updated->call_count == 0 ||
			       updated->calls[updated->call_count - 1].relation == GTFSRT_STOP_NO_DATA))
			continue;
		updated->calls[updated->call_count++] = (struct call){
			.stop = times[i].stop,
			.sequence = times[i].sequence,
			.arrival_s = late(base_s + times[i].arrival, delay->arrival_s),
			.departure_s = late(base_s + times[i].departure, delay->departure_s),
			.arrival_delay_s = delay->arrival_s,
			.departure_delay_s = delay->departure_s,
			.relation = delay->skipped                                       ? GTFSRT_STOP_SKIPPED
				    : !known                                             ? GTFSRT_STOP_NO_DATA
				    : updated->match.relation == GTFSRT_TRIP_UNSCHEDULED ? GTFSRT_STOP_UNSCHEDULED
											 : GTFSRT_STOP_SCHEDULED,
		};
	}
	updated->delay_s = delay_now(times, updated, base_s);
	return ERR_OK;
}

/* ---- calls of trips that no timetable knows ---- */

/* The time told, or the one it was to be at and the delay. */
static int64_t time_of(const struct gtfsrt_event *event)
{
	if (event->time_s != GTFSRT_TIME_NONE || event->scheduled_time_s == GTFSRT_TIME_NONE)
		return event->time_s;
	return event->scheduled_time_s + (event->delay_s == GTFSRT_NUMBER_NONE ? 0 : event->delay_s);
}

static int32_t extra_delay(const struct gtfsrt_event *event)
{
	return event->scheduled_time_s == GTFSRT_TIME_NONE
		       ? (event->delay_s == GTFSRT_NUMBER_NONE ? TRANSIT_DELAY_NONE : event->delay_s)
		       : delay_of(event, event->scheduled_time_s);
}

static enum err_code name_calls(struct take *take, struct updated *updated, struct error *err)
{
	const struct gtfsrt_trip_update *from = updated->from;

	updated->delay_s = from->delay_s == GTFSRT_NUMBER_NONE ? TRANSIT_DELAY_NONE : from->delay_s;
	updated->calls = arena_array(take->arena, struct call, from->stop_count);
	if (!updated->calls)
		return no_memory(err);
	for (uint32_t i = 0; i < from->stop_count; i++) {
		const struct gtfsrt_stop_update *stop = &from->stops[i];
		uint32_t row = realtime_find_stop(take, stop->stop_id);

		if (row == TRANSIT_NONE) {
			take->report->stops_unknown++;
			continue;
		}
		updated->calls[updated->call_count++] = (struct call){
			.stop = row,
			.sequence = stop->stop_sequence,
			.arrival_s = time_of(&stop->arrival),
			.departure_s = time_of(&stop->departure),
			.arrival_delay_s = extra_delay(&stop->arrival),
			.departure_delay_s = extra_delay(&stop->departure),
			.relation = stop->relation,
		};
	}
	return ERR_OK;
}

/* ---- matching ---- */

/* A duplicated trip runs as the one it copies, from its own start on. */
static void match_copy(struct take *take, struct updated *updated)
{
	struct realtime *realtime = take->realtime;
	const struct gtfsrt_trip_update *from = updated->from;
	int32_t day, start_s;

	if (from->new_trip_id.len) {
		updated->named.trip_id = from->new_trip_id;
		updated->named.start_date = from->new_start_date;
		updated->named.start_time = from->new_start_time;
	}
	uint32_t trip = realtime->timetable
				? transit_find_trip(realtime->timetable,
						    gtfs_urn(take->arena, gtfs_type_name(GTFS_TRIP),
							     realtime->options.timetable, from->trip.trip_id))
				: TRANSIT_NONE;

	/* Frequencies without exact times cannot be duplicated. */
	if (trip == TRANSIT_NONE || realtime->tables->trips[trip].left_out ||
	    realtime->tables->trips[trip].frequency_count || !transit_parse_date(updated->named.start_date, &day) ||
	    !transit_parse_time(updated->named.start_time, &start_s))
		return;
	updated->run = (struct transit_run){.trip = trip, .day = day, .start_s = start_s, .exact = true};
	updated->match.route = realtime->tables->trips[trip].route;
}

static enum err_code find_out(struct take *take, struct updated *updated, struct error *err)
{
	const struct gtfsrt_trip_update *from = updated->from;

	updated->named = from->trip;
	updated->run = updated->match.run;
	updated->delay_s = TRANSIT_DELAY_NONE;
	updated->at_s = from->timestamp_s == GTFSRT_TIME_NONE ? take->message_s : from->timestamp_s;
	updated->cancelled =
		updated->match.relation == GTFSRT_TRIP_CANCELED || updated->match.relation == GTFSRT_TRIP_DELETED;
	if (updated->match.relation == GTFSRT_TRIP_DUPLICATED)
		match_copy(take, updated);
	if (updated->cancelled)
		return ERR_OK;
	return updated->run.trip == TRANSIT_NONE ? name_calls(take, updated, err) : plan_calls(take, updated, err);
}

/* ---- entities ---- */

static struct str iri(const struct take *take, enum realtime_name name)
{
	return take->realtime->iris[name];
}

static void add_time(struct take *take, struct entity *entity, struct json *object, struct str name, int64_t at_s)
{
	/* A delay may lead beyond the years that a DateTime can tell. */
	if (at_s < 0 || at_s > GTFSRT_TIME_MAX)
		return;
	struct str text = realtime_time(take, at_s);

	entity->failed = entity->failed || !text.at;
	entity_member(entity, object, name, json_string(text));
}

static void add_number(struct entity *entity, struct json *object, struct str name, int64_t value)
{
	struct json number = json_int(entity->arena, value);

	entity->failed = entity->failed || number.kind == JSON_NULL;
	entity_member(entity, object, name, number);
}

static struct json call_object(struct take *take, struct entity *entity, const struct call *call)
{
	struct json object = json_object();

	entity_member(entity, &object, STR("stop"), json_string(take->realtime->tables->stops[call->stop].id));
	if (call->sequence != GTFSRT_COUNT_NONE)
		add_number(entity, &object, STR("stopSequence"), call->sequence);
	add_time(take, entity, &object, STR("arrival"), call->arrival_s);
	add_time(take, entity, &object, STR("departure"), call->departure_s);
	if (call->arrival_delay_s != TRANSIT_DELAY_NONE)
		add_number(entity, &object, STR("arrivalDelay"), call->arrival_delay_s);
	if (call->departure_delay_s != TRANSIT_DELAY_NONE)
		add_number(entity, &object, STR("departureDelay"), call->departure_delay_s);
	if (call->relation != GTFSRT_STOP_SCHEDULED)
		entity_member(entity, &object, STR("relationship"),
			      json_string(realtime_stop_word((uint8_t)call->relation)));
	return object;
}

static void add_calls(struct take *take, struct entity *entity, const struct updated *updated)
{
	struct json calls = entity_array(entity, updated->call_count);

	for (uint32_t i = 0; i < updated->call_count; i++)
		entity_push(entity, &calls, call_object(take, entity, &updated->calls[i]));
	entity_list(entity, iri(take, RT_CALLS), calls);
}

static void add_delay(struct take *take, struct entity *entity, const struct updated *updated)
{
	if (updated->delay_s != TRANSIT_DELAY_NONE)
		entity_with_unit(entity, iri(take, RT_DELAY), json_int(entity->arena, updated->delay_s), STR("SEC"));
}

static void set_observed(struct take *take, struct entity *entity, const struct updated *updated)
{
	struct str at = realtime_time(take, updated->at_s);

	entity->failed = entity->failed || !at.at;
	entity->observed = json_string(at);
}

static void add_stops(struct take *take, struct entity *entity, const struct updated *updated)
{
	struct json stops = entity_array(entity, updated->call_count);

	if (updated->call_count == 0)
		return;
	for (uint32_t i = 0; i < updated->call_count; i++)
		entity_push(entity, &stops, json_string(take->realtime->tables->stops[updated->calls[i].stop].id));
	entity_relationships(entity, iri(take, RT_HAS_STOP), stops);
}

/* Which run it is: of a planned one as the timetable says it, of an extra one as its producer does. */
static void add_run(struct take *take, struct entity *entity, const struct updated *updated)
{
	const struct transit_tables *tables = take->realtime->tables;
	bool planned = updated->match.reason == REALTIME_MATCHED;
	int32_t day = updated->run.day, start_s = updated->run.start_s;
	bool has_day = updated->run.trip != TRANSIT_NONE, has_start = has_day;
	char buffer[TRANSIT_TIME_BYTES];

	if (planned)
		entity_relationship(entity, iri(take, RT_HAS_TRIP), tables->trips[updated->run.trip].id);
	else if (has_day)
		entity_relationship(entity, iri(take, RT_COPY_OF), tables->trips[updated->run.trip].id);
	if (!has_day) {
		has_day = transit_parse_date(updated->named.start_date, &day);
		has_start = transit_parse_time(updated->named.start_time, &start_s);
	}
	if (!planned)
		entity_text(entity, iri(take, RT_TRIP_CODE), updated->named.trip_id);
	if (has_day) {
		struct civil_date date = civil_from_days(day);

		entity_text(
			entity, iri(take, RT_SERVICE_DATE),
			arena_printf(entity->arena, "%04d-%02d-%02d", (int)date.year, (int)date.month, (int)date.day));
	}
	if (has_start)
		entity_text(entity, iri(take, RT_START_TIME),
			    arena_dup(entity->arena, transit_format_time(start_s, buffer)));
}

static const struct json *whole_entity(struct take *take, const struct updated *updated, struct str id)
{
	const struct transit_tables *tables = take->realtime->tables;
	const struct gtfsrt_vehicle_name *vehicle = &updated->from->vehicle;
	struct entity entity;

	entity_begin(&entity, take->arena, id, take->realtime->types[REALTIME_TRIP], take->now_us);
	set_observed(take, &entity, updated);
	entity_text(&entity, iri(take, RT_RELATION), realtime_trip_word(updated->match.relation));
	add_delay(take, &entity, updated);
	add_calls(take, &entity, updated);
	entity.observed = json_null();
	add_stops(take, &entity, updated);
	add_run(take, &entity, updated);
	if (updated->match.route != TRANSIT_NONE)
		entity_relationship(&entity, iri(take, RT_HAS_ROUTE), tables->routes[updated->match.route].id);
	if (vehicle->id.len)
		entity_relationship(&entity, iri(take, RT_HAS_VEHICLE),
				    realtime_vehicle_urn(take, STR_NONE, vehicle->id, &updated->named));
	return entity_done(&entity);
}

static const struct json *fragment(struct take *take, const struct updated *updated, const struct realtime_run *before,
				   uint64_t calls_hash)
{
	struct entity entity;

	entity_begin_fragment(&entity, take->arena, take->now_us);
	set_observed(take, &entity, updated);
	if (before->delay_s != updated->delay_s)
		add_delay(take, &entity, updated);
	if (before->calls_hash != calls_hash)
		add_calls(take, &entity, updated);
	return entity_done(&entity);
}

/* ---- telling ---- */

/* Of what is told whole only. */
static uint64_t hash_of(const struct updated *updated)
{
	const int64_t facts[] = {updated->match.reason, updated->match.relation,
				 updated->match.route,  updated->run.trip,
				 updated->run.day,      updated->run.start_s,
				 updated->call_count,   updated->delay_s != TRANSIT_DELAY_NONE};
	uint64_t hash = realtime_mix(2, facts, sizeof(facts));

	for (uint32_t i = 0; i < updated->call_count; i++)
		hash = realtime_mix(hash, &updated->calls[i].stop, sizeof(updated->calls[i].stop));
	return realtime_mix_text(hash, updated->from->vehicle.id);
}

/* What vehicles and headways ask later. */
static bool keep_run(struct realtime_run *run, const struct updated *updated, uint64_t calls_hash)
{
	struct transit_call_delay *delays = NULL;

	if (updated->delay_count) {
		delays = malloc(updated->delay_count * sizeof(*delays));
		if (!delays)
			return false;
		memcpy(delays, updated->delays, updated->delay_count * sizeof(*delays));
	}
	free(run->delays);
	*run = (struct realtime_run){.run = updated->run,
				     .delay_s = updated->delay_s,
				     .calls_hash = calls_hash,
				     .delays = delays,
				     .cancelled = updated->cancelled};
	return true;
}

static enum err_code tell_trip(struct take *take, const struct updated *updated, struct told *told, bool is_new,
			       struct error *err)
{
	uint64_t hash = hash_of(updated);
	uint64_t calls_hash = realtime_mix(3, updated->calls, updated->call_count * sizeof(struct call));
	bool whole = is_new || !told->written || told->hash != hash;
	const struct json *entity;

	if (!whole && told->run.delay_s == updated->delay_s && told->run.calls_hash == calls_hash) {
		take->report->unchanged++;
		return ERR_OK;
	}
	entity = whole ? whole_entity(take, updated, told->id) : fragment(take, updated, &told->run, calls_hash);
	told->hash = hash;
	if (!keep_run(&told->run, updated, calls_hash))
		return no_memory(err);
	return realtime_tell(take, told, whole ? BROKER_REPLACE : BROKER_APPEND_ATTRIBUTES, entity, err);
}

enum err_code realtime_take_trip(struct take *take, struct str entity_id, const struct gtfsrt_trip_update *update,
				 struct error *err)
{
	struct updated updated = {.from = update, .match = realtime_match_trip(take, &update->trip)};
	bool is_new;

	take->report->trip_updates++;
	realtime_note(take, &updated.match, entity_id, update->trip.trip_id);
	/* Of a trip that is not the timetable's nothing can be said, unless it says itself that it is an extra one. */
	if (updated.match.reason > REALTIME_EXTRA || !update->trip.trip_id.len)
		return ERR_OK;
	enum err_code code = find_out(take, &updated, err);

	if (code)
		return code;
	struct str urn = realtime_run_urn(take, &updated.match, &updated.named);
	struct told *told = realtime_told(take, REALTIME_TRIP, urn, &is_new);

	if (!told)
		return err_set(err, urn.at ? ERR_LIMIT : ERR_MEMORY, "no room for a realtime feed's trip update");
	if (!realtime_see(take, told))
		return ERR_OK;
	transit_count_delay(&take->report->punctuality, &take->realtime->options.on_time, updated.delay_s);
	return tell_trip(take, &updated, told, is_new, err);
}
