/* Matching what somebody names with a run of the feed. */
#include "engine/transit/match.h"

#include "base/time_value.h"

#define DAYS_BEFORE 2 /* a run that is a day late and began past midnight */

bool transit_service_runs(const struct transit_tables *tables, uint32_t service, int32_t day)
{
	const struct transit_service *row = &tables->services[service];
	uint32_t low = row->exceptions, high = low + row->exception_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (tables->exceptions[middle].day == day)
			return tables->exceptions[middle].type == 1;
		if (tables->exceptions[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return row->has_week && day >= row->first_day && day <= row->last_day &&
	       (row->weekdays >> weekday_from_days(day) & 1);
}

uint32_t transit_call_of_sequence(const struct transit_tables *tables, uint32_t trip, uint32_t sequence)
{
	const struct transit_trip *row = &tables->trips[trip];
	uint32_t low = row->times, high = low + row->time_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (tables->times[middle].sequence == sequence)
			return middle - row->times;
		if (tables->times[middle].sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return TRANSIT_NONE;
}

uint32_t transit_call_of_stop(const struct transit_tables *tables, uint32_t trip, uint32_t stop, uint32_t from)
{
	const struct transit_trip *row = &tables->trips[trip];

	for (uint32_t i = from; i < row->time_count; i++)
		if (tables->times[row->times + i].stop == stop)
			return i;
	return TRANSIT_NONE;
}

/* Sets start and the run's kind; the day is another matter. */
static enum transit_fit match_start(const struct transit_tables *tables, const struct transit_trip *trip,
				    int32_t start_s, struct transit_run *run)
{
	int32_t leaves = tables->times[trip->times].departure;

	run->exact = true;
	run->start_s = leaves;
	if (trip->frequency_count == 0)
		return start_s == TRANSIT_TIME_NONE || start_s == leaves ? TRANSIT_FITS : TRANSIT_OTHER_TIME;
	if (start_s == TRANSIT_TIME_NONE)
		return TRANSIT_TIME_WANTED;
	run->by_frequency = true;
	run->start_s = start_s;
	for (uint32_t i = 0; i < trip->frequency_count; i++) {
		const struct transit_frequency *window = &tables->frequencies[trip->frequencies + i];

		if (start_s < window->start || start_s >= window->end)
			continue;
		run->exact = window->exact;
		return !window->exact || (start_s - window->start) % window->headway == 0 ? TRANSIT_FITS
											  : TRANSIT_OTHER_TIME;
	}
	return TRANSIT_OTHER_TIME;
}

/* How far an instant is from a run's time under way; 0 within it. */
static int64_t distance_us(const struct transit_tables *tables, const struct transit_zone *zone,
			   const struct transit_trip *trip, const struct transit_run *run, int64_t near_us)
{
	const struct transit_stop_time *times = &tables->times[trip->times];
	int64_t start_us = (transit_zone_day_start_s(zone, run->day) + run->start_s) * US_PER_S;
	int64_t end_us = start_us + (times[trip->time_count - 1].arrival - times[0].departure) * US_PER_S;

	return near_us < start_us ? start_us - near_us : near_us > end_us ? near_us - end_us : 0;
}

/* The day of which the run is nearest; of two equally near ones the later. */
static bool nearest_day(const struct transit_tables *tables, const struct transit_zone *zone,
			const struct transit_trip *trip, int64_t near_us, struct transit_run *run)
{
	int64_t near_s = near_us / US_PER_S, best = INT64_MAX;
	int64_t local = near_s + transit_zone_offset_s(zone, near_s);
	int32_t today = (int32_t)(local / 86400 - (local % 86400 < 0)), found = TRANSIT_DAY_NONE;

	for (run->day = today - DAYS_BEFORE; run->day <= today + 1; run->day++) {
		int64_t far;

		if (!transit_service_runs(tables, trip->service, run->day))
			continue;
		far = distance_us(tables, zone, trip, run, near_us);
		if (far <= best) {
			best = far;
			found = run->day;
		}
	}
	run->day = found;
	return found != TRANSIT_DAY_NONE;
}

enum transit_fit transit_match(const struct transit_tables *tables, const struct transit_zone *zone,
			       const struct transit_asked *asked, struct transit_run *ret_run)
{
	const struct transit_trip *trip = &tables->trips[asked->trip];
	struct transit_run run = {.trip = asked->trip, .day = asked->day};

	if (trip->left_out || trip->time_count < 2)
		return TRANSIT_NOT_RUNNING;
	enum transit_fit fit = match_start(tables, trip, asked->start_s, &run);

	if (fit == TRANSIT_FITS && asked->day == TRANSIT_DAY_NONE)
		fit = nearest_day(tables, zone, trip, asked->near_us, &run) ? TRANSIT_FITS : TRANSIT_OTHER_DAY;
	else if (fit == TRANSIT_FITS && !transit_service_runs(tables, trip->service, asked->day))
		fit = TRANSIT_OTHER_DAY;
	if (fit == TRANSIT_FITS)
		*ret_run = run;
	return fit;
}
