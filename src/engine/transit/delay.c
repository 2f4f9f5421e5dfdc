/* Delays along a trip, punctuality and headways. */
#include "engine/transit/delay.h"

#include <math.h>
#include <stdlib.h>

void transit_spread_delays(const struct transit_told *told, size_t told_count, int32_t trip_delay_s,
			   struct transit_call_delay *ret_delays, size_t call_count)
{
	int32_t holds = trip_delay_s;
	size_t next = 0;

	for (size_t i = 0; i < call_count; i++) {
		const struct transit_told *here = next < told_count && told[next].call == i ? &told[next++] : NULL;
		struct transit_call_delay delay = {.arrival_s = holds, .departure_s = holds};

		if (here && here->kind == TRANSIT_TOLD_SKIPPED) {
			delay = (struct transit_call_delay){TRANSIT_DELAY_NONE, TRANSIT_DELAY_NONE, true};
		} else if (here && here->kind == TRANSIT_TOLD_NO_DATA) {
			holds = TRANSIT_DELAY_NONE;
			delay.arrival_s = delay.departure_s = holds;
		} else if (here) {
			bool arrives = here->arrival_delay_s != TRANSIT_DELAY_NONE;
			bool departs = here->departure_delay_s != TRANSIT_DELAY_NONE;

			holds = departs ? here->departure_delay_s : here->arrival_delay_s;
			delay.arrival_s = arrives ? here->arrival_delay_s : departs ? delay.arrival_s : holds;
			delay.departure_s = holds;
		}
		ret_delays[i] = delay;
	}
}

/* ---- punctuality ---- */

void transit_count_delay(struct transit_punctuality *counts, const struct transit_on_time *window, int32_t delay_s)
{
	if (delay_s == TRANSIT_DELAY_NONE)
		return;
	if (delay_s < -window->early_s)
		counts->early++;
	else if (delay_s > window->late_s)
		counts->late++;
	else
		counts->on_time++;
}

void transit_count_departures(struct transit_punctuality *counts, const struct transit_on_time *window,
			      const struct transit_call_delay *delays, size_t call_count)
{
	for (size_t i = 0; i + 1 < call_count; i++)
		if (!delays[i].skipped)
			transit_count_delay(counts, window, delays[i].departure_s);
}

double transit_on_time_share(const struct transit_punctuality *counts)
{
	uint64_t all = counts->early + counts->on_time + counts->late;

	return all ? (double)counts->on_time / (double)all : (double)NAN;
}

/* ---- headways ---- */

static int compare_groups(const struct transit_departure *a, const struct transit_departure *b)
{
	if (a->route != b->route)
		return a->route < b->route ? -1 : 1;
	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	return a->stop < b->stop ? -1 : a->stop > b->stop;
}

/* An instant that is not known is the smallest, and so comes first. */
static int compare_planned(const void *left, const void *right)
{
	const struct transit_departure *a = left, *b = right;
	int order = compare_groups(a, b);

	return order ? order : a->planned_us < b->planned_us ? -1 : a->planned_us > b->planned_us;
}

static int compare_observed(const void *left, const void *right)
{
	const struct transit_departure *a = left, *b = right;

	return a->observed_us < b->observed_us ? -1 : a->observed_us > b->observed_us;
}

struct gaps {
	double sum_s, squares, max_s;
	uint32_t count;
	int64_t last_us;
};

static void add_instant(struct gaps *gaps, int64_t at_us)
{
	double gap_s = gaps->last_us == TRANSIT_INSTANT_NONE ? 0 : (double)(at_us - gaps->last_us) / 1e6;

	if (at_us == TRANSIT_INSTANT_NONE)
		return;
	if (gaps->last_us != TRANSIT_INSTANT_NONE) {
		gaps->count++;
		gaps->sum_s += gap_s;
		gaps->squares += gap_s * gap_s;
		gaps->max_s = gap_s > gaps->max_s ? gap_s : gaps->max_s;
	}
	gaps->last_us = at_us;
}

/* One group, in the order of planned departures; leaves it in that of observed ones. */
static struct transit_headway headway_of(struct transit_departure *group, size_t count)
{
	struct gaps planned = {.last_us = TRANSIT_INSTANT_NONE}, observed = {.last_us = TRANSIT_INSTANT_NONE};

	for (size_t i = 0; i < count; i++)
		add_instant(&planned, group[i].planned_us);
	qsort(group, count, sizeof(*group), compare_observed);
	for (size_t i = 0; i < count; i++)
		add_instant(&observed, group[i].observed_us);
	return (struct transit_headway){
		.route = group->route,
		.stop = group->stop,
		.direction = group->direction,
		.planned_count = planned.count,
		.observed_count = observed.count,
		.planned_mean_s = planned.count ? planned.sum_s / planned.count : (double)NAN,
		.observed_mean_s = observed.count ? observed.sum_s / observed.count : (double)NAN,
		.observed_max_s = observed.count ? observed.max_s : (double)NAN,
		.planned_wait_s = planned.sum_s > 0 ? planned.squares / (2 * planned.sum_s) : (double)NAN,
		.observed_wait_s = observed.sum_s > 0 ? observed.squares / (2 * observed.sum_s) : (double)NAN,
	};
}

size_t transit_headways(struct transit_departure *departures, size_t count, struct transit_headway *ret_headways)
{
	size_t written = 0;

	if (count)
		qsort(departures, count, sizeof(*departures), compare_planned);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && compare_groups(&departures[from], &departures[to]) == 0;)
			to++;
		ret_headways[written++] = headway_of(departures + from, to - from);
	}
	return written;
}
