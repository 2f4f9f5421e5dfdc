/* Headways of the trips that realtime messages told of. */
#include "feed/realtime_int.h"

static size_t count_calls(const struct realtime *realtime)
{
	size_t at = 0, count = 0;
	struct str id;
	void *value;

	while (map_each(&realtime->told, &at, &id, &value)) {
		const struct told *told = value;

		if (told->type == REALTIME_TRIP && told->run.run.trip != TRANSIT_NONE)
			count += realtime->tables->trips[told->run.run.trip].time_count;
	}
	return count;
}

/* The departures of one run: at all its stops but the last. */
static size_t put_departures(const struct realtime *realtime, const struct told *told, struct transit_departure *to)
{
	const struct transit_tables *tables = realtime->tables;
	const struct realtime_run *run = &told->run;
	const struct transit_trip *trip = &tables->trips[run->run.trip];
	const struct transit_stop_time *times = &tables->times[trip->times];
	int64_t base_s = transit_zone_day_start_s(realtime->zone, run->run.day) + run->run.start_s - times[0].departure;
	/* A copy is an extra one. */
	bool planned = !str_contains(told->id, STR("~"));

	for (uint32_t i = 0; i + 1 < trip->time_count; i++) {
		const struct transit_call_delay *delay = run->delays ? &run->delays[i] : NULL;
		bool known = delay && !delay->skipped && delay->departure_s != TRANSIT_DELAY_NONE && !run->cancelled;

		to[i] = (struct transit_departure){
			.route = trip->route,
			.stop = times[i].stop,
			.direction = trip->direction,
			.planned_us = planned ? (base_s + times[i].departure) * US_PER_S : TRANSIT_INSTANT_NONE,
			.observed_us = known ? (base_s + times[i].departure + delay->departure_s) * US_PER_S
					     : TRANSIT_INSTANT_NONE,
		};
	}
	return trip->time_count - 1;
}

enum err_code realtime_headways(const struct realtime *realtime, struct arena *arena,
				struct transit_headway **ret_headways, size_t *ret_count, struct error *err)
{
	size_t room = realtime->tables ? count_calls(realtime) : 0, count = 0, at = 0;
	struct transit_departure *departures = arena_array(arena, struct transit_departure, room);
	struct transit_headway *headways = arena_array(arena, struct transit_headway, room);
	struct str id;
	void *value;

	if (!departures || !headways)
		return err_set(err, ERR_MEMORY, "no memory for headways");
	while (room && map_each(&realtime->told, &at, &id, &value)) {
		const struct told *told = value;

		if (told->type == REALTIME_TRIP && told->run.run.trip != TRANSIT_NONE)
			count += put_departures(realtime, told, departures + count);
	}
	*ret_count = transit_headways(departures, count, headways);
	*ret_headways = headways;
	return ERR_OK;
}
