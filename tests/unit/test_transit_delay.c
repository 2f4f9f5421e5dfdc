/* Delays, punctuality and headways by hand. The rules are those of
 * gtfs.org, GTFS Realtime, "Trip Updates"; its example of 20 stops is the first case here. */
#include "check.h"
#include "engine/transit/delay.h"

#define NONE TRANSIT_DELAY_NONE

static void the_example_of_the_format(void)
{
	/* Delay of 5 min for stop 3, of 1 min for 8, of unspecified duration for 10: stops 3 to 7 have 5 min, 8 and 9
	 * have 1 min, those from 10 on an unknown one. Here stops count from 0. */
	const struct transit_told told[] = {{3, TRANSIT_TOLD_TIMES, 300, 300},
					    {8, TRANSIT_TOLD_TIMES, 60, 60},
					    {10, TRANSIT_TOLD_TIMES, NONE, NONE}};
	struct transit_call_delay delays[20];

	transit_spread_delays(told, 3, NONE, delays, 20);
	for (int i = 0; i < 20; i++) {
		int32_t expected = i < 3 ? NONE : i < 8 ? 300 : i < 10 ? 60 : NONE;

		CHECK(delays[i].arrival_s == expected && delays[i].departure_s == expected && !delays[i].skipped);
	}
}

static void skipped_stops_are_passed_over_and_no_data_ends(void)
{
	const struct transit_told told[] = {{1, TRANSIT_TOLD_TIMES, 120, NONE},
					    {2, TRANSIT_TOLD_SKIPPED, 999, 999},
					    {4, TRANSIT_TOLD_NO_DATA, 999, 999},
					    {6, TRANSIT_TOLD_TIMES, NONE, -30}};
	struct transit_call_delay delays[8];

	transit_spread_delays(told, 4, 40, delays, 8);
	CHECK(delays[0].arrival_s == 40 && delays[0].departure_s == 40); /* the trip's own */
	CHECK(delays[1].arrival_s == 120 && delays[1].departure_s == 120);
	CHECK(delays[2].skipped && delays[2].departure_s == NONE);
	CHECK(delays[3].arrival_s == 120 && !delays[3].skipped);
	CHECK(delays[4].arrival_s == NONE && delays[5].departure_s == NONE);
	CHECK(delays[6].arrival_s == NONE && delays[6].departure_s == -30);
	CHECK(delays[7].arrival_s == -30 && delays[7].departure_s == -30);
}

static void a_departure_alone_leaves_the_arrival_as_it_was(void)
{
	const struct transit_told told[] = {{0, TRANSIT_TOLD_TIMES, NONE, 60}, {1, TRANSIT_TOLD_TIMES, NONE, 0}};
	struct transit_call_delay delays[3];

	transit_spread_delays(told, 2, NONE, delays, 3);
	CHECK(delays[1].arrival_s == 60 && delays[1].departure_s == 0 && delays[2].arrival_s == 0);
}

static void on_time_is_a_window_with_both_ends(void)
{
	const struct transit_on_time window = {TRANSIT_EARLY_S, TRANSIT_LATE_S};
	struct transit_punctuality counts = {0};
	const int32_t delays[] = {-61, -60, 0, 300, 301, NONE};
	const struct transit_call_delay calls[] = {{0, 400, false}, {0, NONE, true}, {0, 10, false}, {0, 900, false}};

	CHECK(isnan(transit_on_time_share(&counts)));
	for (size_t i = 0; i < 6; i++)
		transit_count_delay(&counts, &window, delays[i]);
	CHECK(counts.early == 1 && counts.on_time == 3 && counts.late == 1);
	CHECK_NEAR(transit_on_time_share(&counts), 0.6, 1e-12);
	transit_count_departures(&counts, &window, calls, 4); /* the last stop is not departed from */
	CHECK(counts.early == 1 && counts.on_time == 4 && counts.late == 2);
}

#define AT(minutes) (INT64_C(60000000) * (minutes))

static void headways_are_those_of_each_route_direction_and_stop(void)
{
	/* Planned every 10 minutes; the second runs 8 min late, the third on time: they bunch. The fourth is cancelled,
	 * an extra one comes at 26. */
	struct transit_departure departures[] = {
		{7, 2, 0, AT(20), AT(20)}, {7, 2, 0, AT(0), AT(0)},
		{7, 2, 0, AT(10), AT(18)}, {7, 2, 0, AT(30), TRANSIT_INSTANT_NONE},
		{7, 2, 1, AT(5), AT(5)},   {7, 2, 0, TRANSIT_INSTANT_NONE, AT(26)},
		{6, 2, 0, AT(1), AT(3)},   {6, 2, 0, AT(4), AT(5)},
	};
	struct transit_headway headways[8];

	CHECK(transit_headways(departures, 8, headways) == 3);
	CHECK(headways[0].route == 6 && headways[1].route == 7 && headways[1].direction == 0 &&
	      headways[2].direction == 1);
	CHECK_NEAR(headways[0].planned_mean_s, 180, 1e-9);
	CHECK_NEAR(headways[0].observed_mean_s, 120, 1e-9);
	CHECK(headways[1].planned_count == 3 && headways[1].observed_count == 3);
	CHECK_NEAR(headways[1].planned_mean_s, 600, 1e-9);
	CHECK_NEAR(headways[1].planned_wait_s, 300, 1e-9); /* half of it */
	CHECK_NEAR(headways[1].observed_mean_s, 26 * 60 / 3.0, 1e-9);
	CHECK_NEAR(headways[1].observed_max_s, 18 * 60, 1e-9);
	/* (18² + 2² + 6²) / (2 · 26) minutes = 364 / 52 = 7. */
	CHECK_NEAR(headways[1].observed_wait_s, 7 * 60, 1e-9);
	CHECK(headways[2].planned_count == 0 && isnan(headways[2].planned_mean_s) &&
	      isnan(headways[2].observed_wait_s));
	CHECK(transit_headways(NULL, 0, headways) == 0);
}

int main(void)
{
	RUN(the_example_of_the_format);
	RUN(skipped_stops_are_passed_over_and_no_data_ends);
	RUN(a_departure_alone_leaves_the_arrival_as_it_was);
	RUN(on_time_is_a_window_with_both_ends);
	RUN(headways_are_those_of_each_route_direction_and_stop);
	return check_done();
}
