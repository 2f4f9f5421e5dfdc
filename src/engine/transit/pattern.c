/* Driving times of a pattern: stops that a feed gives one and the same time.
 *
 * Most feeds are written in whole minutes, so two stops a few hundred metres apart often share a minute, and a vehicle
 * that kept to it would jump. A group of stops i … j with one time t is therefore read as "left i at t": the stops
 * behind i get times up to the arrival at j + 1, by the way between them. When j is the last stop, or the vehicle waits
 * there, the time is borrowed from the leg before i instead. When neither is possible the group stays. */
#include "engine/transit/plan_int.h"

#include <math.h>

/* Gives the stops between two timed ones times by the way. */
static void share_out(struct pattern *pattern, uint32_t from, uint32_t to)
{
	double way = (double)pattern->along_m[to] - (double)pattern->along_m[from];
	double start = (double)pattern->depart_s[from];
	double seconds = (double)pattern->arrive_s[to] - start;

	if (way <= 0)
		return;
	for (uint32_t i = from + 1; i < to; i++) {
		double share = ((double)pattern->along_m[i] - (double)pattern->along_m[from]) / way;

		pattern->arrive_s[i] = pattern->depart_s[i] = (float)(start + seconds * share);
	}
}

static bool waits(const struct pattern *pattern, uint32_t i)
{
	return pattern->depart_s[i] > pattern->arrive_s[i];
}

void pattern_spread(struct pattern *pattern)
{
	uint32_t last = pattern->stop_count - 1;

	for (uint32_t i = 0; i < last; i++) {
		uint32_t j = i;

		while (j < last && pattern->arrive_s[j + 1] <= pattern->depart_s[i])
			j++;
		if (j == i)
			continue;
		if (j < last && !waits(pattern, j))
			share_out(pattern, i, j + 1);
		else if (i > 0 && !waits(pattern, i))
			share_out(pattern, i - 1, j);
		i = j - 1;
	}
}
