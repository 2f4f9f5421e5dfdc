/* Which runs are under way at an instant, and where.
 *
 * A run belongs to a service day. At an instant T several days may have runs: yesterday's that go past midnight, and,
 * where clocks are put forward, even tomorrow's (its noon minus twelve hours lies before midnight). For each such day
 * the time since its start is t. A trip without windows runs when depart ≤ t < depart + length. A window with start s,
 * end e and headway h has runs at s + k·h < e, k = 0, 1, …; those under way have
 *
 *	t − length < s + k·h ≤ t   and   0 ≤ k ≤ (e − s − 1) / h,
 *
 * which is a range of k: nothing is listed that does not run. */
#include "engine/transit/plan_int.h"

#include "base/time_value.h"

#include <math.h>

/* Integer division that rounds down, for positive divisors. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static bool service_runs(const struct transit_plan *plan, const struct plan_service *service, int32_t day)
{
	uint32_t low = service->exceptions, high = low + service->exception_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (plan->exceptions[middle].day == day)
			return plan->exceptions[middle].added;
		if (plan->exceptions[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return day >= service->first_day && day <= service->last_day &&
	       (service->weekdays >> weekday_from_days(day) & 1);
}

bool transit_trip_runs_on(const struct transit_plan *plan, uint32_t trip, int32_t day)
{
	return service_runs(plan, &plan->services[plan->trips[trip].service], day);
}

/* Visiting, with the count and whether the visitor wants more. */
struct visit {
	bool (*visit)(void *self, const struct transit_run *run);
	void *self;
	uint64_t count;
	bool stopped;
};

static void visit_run(struct visit *visit, const struct transit_run *run)
{
	if (visit->stopped)
		return;
	visit->count++;
	visit->stopped = !visit->visit(visit->self, run);
}

/* How long a run of the trip takes, in µs. */
static int64_t length_us(const struct transit_plan *plan, const struct plan_trip *trip)
{
	const struct pattern *pattern = &plan->patterns[trip->pattern];

	return llrint((double)pattern->arrive_s[pattern->stop_count - 1] * 1e6);
}

static void visit_window(const struct window *window, int64_t t_us, int64_t length, struct transit_run run,
			 struct visit *visit)
{
	int64_t headway = window->headway * US_PER_S;
	int64_t since = t_us - window->start * US_PER_S;
	/* s + k·h ≤ t, and the first k with s + k·h > t − length. */
	int64_t last = floor_div(since, headway);
	int64_t first = floor_div(since - length, headway) + 1;
	int64_t most = (window->end - window->start - 1) / window->headway;

	if (first < 0)
		first = 0;
	if (last > most)
		last = most;
	run.by_frequency = true;
	run.exact = window->exact;
	for (int64_t k = first; k <= last; k++) {
		run.start_s = (int32_t)(window->start + k * window->headway);
		visit_run(visit, &run);
	}
}

static void visit_day(const struct transit_plan *plan, int32_t day, int64_t at_us, struct visit *visit)
{
	int64_t t_us = at_us - transit_zone_day_start_s(plan->zone, day) * US_PER_S;

	if (t_us < 0 || t_us > plan->span_s * US_PER_S)
		return;
	for (uint32_t i = 0; i < plan->trip_count && !visit->stopped; i++) {
		const struct plan_trip *trip = &plan->trips[i];
		struct transit_run run = {.trip = i, .day = day, .start_s = trip->depart_s, .exact = true};
		int64_t length = length_us(plan, trip);

		if (!service_runs(plan, &plan->services[trip->service], day))
			continue;
		if (trip->window_count == 0 && trip->depart_s * US_PER_S <= t_us &&
		    t_us < trip->depart_s * US_PER_S + length)
			visit_run(visit, &run);
		for (uint32_t w = 0; w < trip->window_count; w++)
			visit_window(&plan->windows[trip->windows + w], t_us, length, run, visit);
	}
}

uint64_t transit_active(const struct transit_plan *plan, int64_t at_us,
			bool (*visit)(void *self, const struct transit_run *run), void *self)
{
	struct visit visiting = {.visit = visit, .self = self};
	int64_t at_s = floor_div(at_us, US_PER_S);
	int64_t today = floor_div(at_s + transit_zone_offset_s(plan->zone, at_s), 86400);
	int64_t first = today - plan->span_s / 86400 - 1;

	for (int64_t day = first; day <= today + 1 && !visiting.stopped; day++)
		visit_day(plan, (int32_t)day, at_us, &visiting);
	return visiting.count;
}

/* The last stop whose departure is not behind the second. */
static uint32_t stop_left(const struct pattern *pattern, double second)
{
	uint32_t low = 0, high = pattern->stop_count - 1;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if ((double)pattern->depart_s[middle] <= second)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

bool transit_run_position(const struct transit_plan *plan, const struct transit_run *run, int64_t at_us,
			  struct transit_position *ret_position)
{
	const struct plan_trip *trip = &plan->trips[run->trip];
	const struct pattern *pattern = &plan->patterns[trip->pattern];
	int64_t start_us = (transit_zone_day_start_s(plan->zone, run->day) + run->start_s) * US_PER_S;

	if (at_us < start_us || at_us >= start_us + length_us(plan, trip))
		return false;
	double second = (double)(at_us - start_us) / 1e6;
	uint32_t left = stop_left(pattern, second);
	uint32_t next = left + 1 < pattern->stop_count ? left + 1 : left;
	double depart = (double)pattern->depart_s[left], arrive = (double)pattern->arrive_s[next];
	double from = (double)pattern->along_m[left], to = (double)pattern->along_m[next];
	bool standing = second >= arrive;
	double t = standing || arrive <= depart ? 1 : (second - depart) / (arrive - depart);
	struct transit_position position = {
		.along_m = from + t * (to - from),
		.speed_m_s = standing || arrive <= depart ? 0 : (to - from) / (arrive - depart),
		.next_stop = next,
		.standing = standing,
		.next_arrival_us = start_us + llrint(arrive * 1e6),
	};

	position.place = path_at(&plan->paths[pattern->path], position.along_m, &position.bearing_deg);
	*ret_position = position;
	return true;
}
