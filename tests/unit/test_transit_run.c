/* The transit engine, running: which trips are under way, and where. Expected values are hand calculations on the
 * equator, where 0.01° are 1,111.95 m, and a brute-force placement and count that know nothing of the engine's ways. */
#include "transit_util.h"

#define MINUTE_US (60 * US_PER_S)

/* ---- running ---- */

static void windows_run_by_arithmetic(void)
{
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,05:00:00,05:00:00,p,1\nt,05:25:00,05:25:00,q,2\n"},
		{TRANSIT_FREQUENCIES,
		 "trip_id,start_time,end_time,headway_secs,exact_times\nt,08:00:00,08:30:00,600,1\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 3, &told, NULL), "UTC0");

	/* Departures 08:00, 08:10, 08:20 (08:30 is outside), each 25 minutes; Monday 2024-06-03. */
	CHECK(active(plan, at("2024-06-03T07:59:59Z")) == 0);
	CHECK(active(plan, at("2024-06-03T08:00:00Z")) == 1);
	CHECK(active(plan, at("2024-06-03T08:24:59Z")) == 3);
	CHECK(active(plan, at("2024-06-03T08:25:00Z")) == 2);
	CHECK(active(plan, at("2024-06-03T08:31:00Z")) == 2);
	CHECK(active(plan, at("2024-06-03T08:44:59.999999Z")) == 1);
	CHECK(active(plan, at("2024-06-03T08:45:00Z")) == 0);
	CHECK(active(plan, at("2024-06-03T05:10:00Z")) == 0); /* the stop times' own hour is not run */
	CHECK(active(plan, at("2024-06-02T08:10:00Z")) == 0); /* Sunday */
	plan = transit_plan_free(plan);
}

static void service_days_follow_calendar_and_exceptions(void)
{
	const struct text_file files[] = {
		{TRANSIT_CALENDAR_DATES, "service_id,date,exception_type\nW,20240603,2\nW,20240602,1\nX,20240601,1\n"},
		{TRANSIT_TRIPS, TRIPS "1,W,t\n1,X,x\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,08:00:00,08:00:00,p,1\nt,08:30:00,08:30:00,q,2\n"
					   "x,25:00:00,25:00:00,p,1\nx,25:30:00,25:30:00,q,2\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 3, &told, NULL), "UTC0");

	CHECK(active(plan, at("2024-06-03T08:10:00Z")) == 0); /* Monday, removed */
	CHECK(active(plan, at("2024-06-02T08:10:00Z")) == 1); /* Sunday, added */
	CHECK(active(plan, at("2024-06-04T08:10:00Z")) == 1);
	CHECK(active(plan, at("2025-06-03T08:10:00Z")) == 0); /* behind end_date */
	CHECK(active(plan, at("2024-06-02T01:10:00Z")) == 1); /* 25:10 of June 1 */
	CHECK(active(plan, at("2024-06-01T01:10:00Z")) == 0);
	plan = transit_plan_free(plan);
}

static void clocks_put_forward_shift_the_night_not_the_day(void)
{
	const struct text_file files[] = {
		{TRANSIT_CALENDAR,
		 "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
		 "W,1,1,1,1,1,1,1,20240101,20241231\n"},
		{TRANSIT_TRIPS, TRIPS "1,W,night\n1,W,day\n"},
		{TRANSIT_STOP_TIMES, TIMES "night,00:10:00,00:10:00,p,1\nnight,00:20:00,00:20:00,q,2\n"
					   "day,08:00:00,08:00:00,p,1\nday,08:30:00,08:30:00,q,2\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 3, &told, NULL), "EST5EDT,M3.2.0,M11.1.0");

	/* 2024-03-10: noon minus 12 h is 23:00 EST of the 9th (04:00Z), so 00:10 is 04:10Z; 08:00 is 12:00Z. */
	CHECK(active(plan, at("2024-03-10T04:15:00Z")) == 1);
	CHECK(active(plan, at("2024-03-10T05:15:00Z")) == 0);
	CHECK(active(plan, at("2024-03-10T12:15:00Z")) == 1);
	CHECK(active(plan, at("2024-03-09T05:15:00Z")) == 1); /* an ordinary day: 00:15 EST */
	plan = transit_plan_free(plan);
}

static bool take_run(void *self, const struct transit_run *run)
{
	*(struct transit_run *)self = *run;
	return false;
}

static struct transit_position position_at(const struct transit_plan *plan, const char *text)
{
	struct transit_position position = {0};
	struct transit_run run;

	if (CHECK(transit_active(plan, at(text), take_run, &run) == 1))
		CHECK(transit_run_position(plan, &run, at(text), &position));
	return position;
}

static void vehicles_move_evenly_and_wait_at_stops(void)
{
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES,
		 TIMES "t,08:00:00,08:00:00,p,1\nt,08:10:00,08:12:00,q,2\nt,08:20:00,08:20:00,s,3\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 2, &told, NULL), "UTC0");
	struct transit_position position = position_at(plan, "2024-06-03T08:05:00Z");

	CHECK_NEAR(position.place.lon, 0.005, 1e-9);
	CHECK_NEAR(position.place.lat, 0, 1e-12);
	CHECK_NEAR(position.bearing_deg, 90, 1e-6);
	CHECK_NEAR(position.speed_m_s, 1111.9508 / 600, 1e-3);
	CHECK(position.next_stop == 1 && !position.standing);
	CHECK(position.next_arrival_us == at("2024-06-03T08:10:00Z"));
	position = position_at(plan, "2024-06-03T08:11:00Z");
	CHECK(position.speed_m_s == 0 && position.standing && position.next_stop == 1);
	CHECK_NEAR(position.place.lon, 0.01, 1e-8);
	position = position_at(plan, "2024-06-03T08:16:00Z"); /* halfway from 0.01 to 0.04 */
	CHECK_NEAR(position.place.lon, 0.025, 1e-8);
	CHECK(position.next_stop == 2);
	struct transit_run run = {
		.trip = 0, .day = (int32_t)days_from_civil((struct civil_date){2024, 6, 3}), .start_s = 8 * 3600};

	CHECK(!transit_run_position(plan, &run, at("2024-06-03T07:59:59Z"), &position));
	CHECK(!transit_run_position(plan, &run, at("2024-06-03T08:20:00Z"), &position));
	plan = transit_plan_free(plan);
}

static void stops_of_one_minute_do_not_make_it_jump(void)
{
	/* p and q both at 08:00, s at 08:08: q lies a quarter of the way, so it is passed at 08:02. */
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES,
		 TIMES "t,08:00:00,08:00:00,p,1\nt,08:00:00,08:00:00,q,2\nt,08:08:00,08:08:00,s,3\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 2, &told, NULL), "UTC0");

	CHECK_NEAR(position_at(plan, "2024-06-03T08:01:00Z").place.lon, 0.005, 1e-8);
	CHECK_NEAR(position_at(plan, "2024-06-03T08:04:00Z").place.lon, 0.02, 1e-8);
	plan = transit_plan_free(plan);

	/* The last two at one time: the time is borrowed from the leg before. */
	const struct text_file end[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,t\n"},
		{TRANSIT_STOP_TIMES,
		 TIMES "t,08:00:00,08:00:00,p,1\nt,08:08:00,08:08:00,q,2\nt,08:08:00,08:08:00,s,3\n"},
	};

	plan = plan_of(load(end, 2, &told, NULL), "UTC0");
	CHECK_NEAR(position_at(plan, "2024-06-03T08:01:00Z").place.lon, 0.005, 1e-8);
	CHECK_NEAR(position_at(plan, "2024-06-03T08:07:00Z").place.lon, 0.035, 1e-8);
	plan = transit_plan_free(plan);
}

/* A line out and back on the same street: 0 → 0.04 → 0, 0.0001° (11 m) north of the stops. */
#define THERE_AND_BACK                                                                                                 \
	"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"                                                       \
	"l,0.0001,0,1\nl,0.0001,0.02,2\nl,0.0001,0.04,3\nl,0.0001,0.02,4\nl,0.0001,0,5\n"

static void stops_are_placed_in_order_where_a_line_returns(void)
{
	const struct text_file files[] = {
		{TRANSIT_SHAPES, THERE_AND_BACK},
		{TRANSIT_TRIPS, "route_id,service_id,trip_id,shape_id\n1,W,t,l\n"},
		{TRANSIT_STOP_TIMES, TIMES "t,08:00:00,08:00:00,p,1\nt,08:10:00,08:10:00,q,2\nt,08:20:00,08:20:00,s,3\n"
					   "t,08:30:00,08:30:00,q,4\nt,08:40:00,08:40:00,p,5\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 3, &told, NULL), "UTC0");
	struct transit_way way = transit_trip_way(plan, 0);
	double degree = 111195.08;

	CHECK_NEAR((double)way.stop_along_m[0], 0, 0.5);
	CHECK_NEAR((double)way.stop_along_m[1], 0.01 * degree, 0.5);
	CHECK_NEAR((double)way.stop_along_m[2], 0.04 * degree, 0.5);
	CHECK_NEAR((double)way.stop_along_m[3], 0.07 * degree, 0.5);
	CHECK_NEAR((double)way.stop_along_m[4], 0.08 * degree, 0.5);
	struct transit_position position = position_at(plan, "2024-06-03T08:35:00Z");

	CHECK_NEAR(position.place.lon, 0.005, 1e-6);
	CHECK_NEAR(position.bearing_deg, 270, 1e-4);
	plan = transit_plan_free(plan);
}

static void distances_of_the_feed_place_stops_when_they_fit(void)
{
	/* Distances in the feed's own unit (0 to 8 for 0.08°). The stop q is told to be passed on the way back
	 * only, which no geometry could know. */
	const struct text_file files[] = {
		{TRANSIT_SHAPES, "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n"
				 "l,0,0,1,0\nl,0,0.04,3,4\nl,0,0,5,8\n"},
		{TRANSIT_TRIPS, "route_id,service_id,trip_id,shape_id\n1,W,t,l\n"},
		{TRANSIT_STOP_TIMES,
		 "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n"
		 "t,08:00:00,08:00:00,p,1,0\nt,08:10:00,08:10:00,q,2,7\nt,08:20:00,08:20:00,p,3,8\n"},
	};
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 3, &told, NULL), "UTC0");
	struct transit_way way = transit_trip_way(plan, 0);

	CHECK_NEAR((double)way.stop_along_m[1], 0.07 * 111195.08, 0.5);
	plan = transit_plan_free(plan);
}

/* ---- against brute force ---- */

static uint64_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static double fraction(uint64_t *state)
{
	return (double)draw(state) / 2147483648.0;
}

/* The best placement among places every few metres along the way, found by trying all in order. */
static double brute_cost(const struct transit_way *way, const struct geo_point *stops, uint32_t count)
{
	enum { PLACES = 400 };
	static double best[PLACES], next[PLACES];
	double whole = way->along_m[way->point_count - 1];

	for (int i = 0; i < PLACES; i++)
		best[i] = 0;
	for (uint32_t s = 0; s < count; s++) {
		double least = INFINITY;
		uint32_t segment = 0;

		for (int i = 0; i < PLACES; i++) {
			double along = whole * i / (PLACES - 1);

			while (segment + 2 < way->point_count && way->along_m[segment + 1] < along)
				segment++;
			double part = way->along_m[segment + 1] - way->along_m[segment];
			double t = part > 0 ? (along - way->along_m[segment]) / part : 0;
			struct geo_point place = {way->lon[segment] + t * (way->lon[segment + 1] - way->lon[segment]),
						  way->lat[segment] + t * (way->lat[segment + 1] - way->lat[segment])};
			double metres = geo_distance_m(place, stops[s]);

			least = fmin(least, best[i]);
			next[i] = least + metres * metres;
		}
		memcpy(best, next, sizeof(best));
	}
	double least = INFINITY;

	for (int i = 0; i < PLACES; i++)
		least = fmin(least, best[i]);
	return least;
}

static struct geo_point place_on(const struct transit_way *way, double along)
{
	uint32_t i = 0;

	while (i + 2 < way->point_count && way->along_m[i + 1] < along)
		i++;
	double part = way->along_m[i + 1] - way->along_m[i], t = part > 0 ? (along - way->along_m[i]) / part : 0;

	return (struct geo_point){way->lon[i] + t * (way->lon[i + 1] - way->lon[i]),
				  way->lat[i] + t * (way->lat[i + 1] - way->lat[i])};
}

/* A random way of a city's size that crosses itself, and stops at known places along it, some metres off. */
struct drawn {
	struct buf shape, stops, times;
	struct geo_point places[16];
	double along_m[16]; /* the truth */
	uint32_t count;
};

static void draw_line(struct drawn *line, uint64_t *state)
{
	struct geo_point points[13];
	uint32_t point_count = 2 + (uint32_t)(draw(state) % 12);
	double along_m[13] = {0};

	line->count = 2 + (uint32_t)(draw(state) % 8);
	buf_init(&line->shape, 100000);
	buf_init(&line->stops, 100000);
	buf_init(&line->times, 100000);
	buf_put(&line->shape, STR("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"));
	buf_put(&line->stops, STR("stop_id,stop_lat,stop_lon\n"));
	buf_put(&line->times, STR(TIMES));
	for (uint32_t i = 0; i < point_count; i++) {
		points[i] = (struct geo_point){103.8 + 0.04 * fraction(state), 1.3 + 0.04 * fraction(state)};
		if (i > 0)
			along_m[i] = along_m[i - 1] + geo_distance_m(points[i - 1], points[i]);
		buf_printf(&line->shape, "l,%.9f,%.9f,%u\n", points[i].lat, points[i].lon, i);
	}
	double whole = along_m[point_count - 1];
	uint32_t segment = 0;

	for (uint32_t i = 0; i < line->count; i++) {
		double along = whole * (i + 0.8 * fraction(state)) / line->count;

		while (segment + 2 < point_count && along_m[segment + 1] < along)
			segment++;
		double t = (along - along_m[segment]) / (along_m[segment + 1] - along_m[segment]);

		line->along_m[i] = along;
		line->places[i] =
			(struct geo_point){points[segment].lon + t * (points[segment + 1].lon - points[segment].lon) +
						   1e-4 * (fraction(state) - 0.5),
					   points[segment].lat + t * (points[segment + 1].lat - points[segment].lat) +
						   1e-4 * (fraction(state) - 0.5)};
		buf_printf(&line->stops, "%u,%.9f,%.9f\n", i, line->places[i].lat, line->places[i].lon);
		buf_printf(&line->times, "t,08:%02u:00,08:%02u:00,%u,%u\n", i, i, i, i);
	}
	buf_put(&line->shape, (struct str){"", 1});
	buf_put(&line->stops, (struct str){"", 1});
	buf_put(&line->times, (struct str){"", 1});
}

static void placements_are_as_good_as_any_in_order(void)
{
	uint64_t state = 42;
	double off_m = 0;
	unsigned stop_count = 0;

	for (int round = 0; round < 300; round++) {
		struct drawn line;

		draw_line(&line, &state);
		const struct text_file files[] = {{TRANSIT_STOPS, line.stops.at},
						  {TRANSIT_SHAPES, line.shape.at},
						  {TRANSIT_TRIPS, "route_id,service_id,trip_id,shape_id\n1,W,t,l\n"},
						  {TRANSIT_STOP_TIMES, line.times.at}};
		struct told told;
		struct transit_plan *plan = plan_of(load(files, 4, &told, NULL), "UTC0");
		struct transit_way way = transit_trip_way(plan, 0);
		double cost = 0;

		for (uint32_t i = 0; i < line.count; i++, stop_count++) {
			double metres = geo_distance_m(place_on(&way, (double)way.stop_along_m[i]), line.places[i]);

			cost += metres * metres;
			off_m += fabs((double)way.stop_along_m[i] - line.along_m[i]);
			CHECK(i == 0 || way.stop_along_m[i] >= way.stop_along_m[i - 1]);
		}
		CHECK(cost <= brute_cost(&way, line.places, line.count) + 1);
		plan = transit_plan_free(plan);
		buf_done(&line.shape);
		buf_done(&line.stops);
		buf_done(&line.times);
	}
	/* Stops lie within 8 m of the way, so they are found within about that; a few at crossings on the other
	 * branch. */
	printf("# placed %u stops, on average %.1f m from where they were drawn\n", stop_count, off_m / stop_count);
	CHECK(off_m / stop_count < 20);
}

/* A feed with every kind of trip, its runs listed one by one by hand arithmetic. */
static const struct text_file mixed[] = {
	{TRANSIT_CALENDAR_DATES, "service_id,date,exception_type\nW,20240605,2\nS,20240608,1\nS,20240609,1\n"},
	{TRANSIT_SHAPES, THERE_AND_BACK},
	{TRANSIT_TRIPS, "route_id,service_id,trip_id,shape_id\n1,W,a,l\n1,W,b,\n1,S,c,\n1,W,d,l\n"},
	{TRANSIT_STOP_TIMES, TIMES "a,06:00:00,06:00:00,p,1\na,06:20:00,06:21:00,s,2\na,06:47:00,06:47:00,p,3\n"
				   "b,23:30:00,23:30:00,p,1\nb,24:40:00,24:40:00,s,2\n"
				   "c,00:00:00,00:00:00,q,1\nc,30:30:00,30:30:00,r,2\n"
				   "d,00:00:00,00:00:00,p,1\nd,00:09:00,00:09:00,q,2\nd,00:18:00,00:18:00,p,3\n"},
	{TRANSIT_FREQUENCIES, "trip_id,start_time,end_time,headway_secs,exact_times\n"
			      "a,06:00:00,09:00:00,420,0\na,09:00:00,22:10:00,1000,0\nd,22:00:00,26:00:00,60,1\n"},
};

static uint64_t brute_count(const struct transit_plan *plan, int64_t now_us)
{
	static const struct {
		uint32_t trip;
		int start, end, headway, length;
	} runs[] = {{0, 21600, 32400, 420, 2820},
		    {0, 32400, 79800, 1000, 2820},
		    {3, 79200, 93600, 60, 1080},
		    {1, 84600, 84601, 1, 4200},
		    {2, 0, 1, 1, 109800}};
	int32_t first = (int32_t)days_from_civil((struct civil_date){2024, 6, 1});
	uint64_t count = 0;

	for (int32_t day = first; day < first + 14; day++)
		for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
			for (int start = runs[i].start; start < runs[i].end; start += runs[i].headway) {
				int64_t from = (day * INT64_C(86400) + start) * US_PER_S;

				count += transit_trip_runs_on(plan, runs[i].trip, day) && from <= now_us &&
					 now_us < from + runs[i].length * US_PER_S;
			}
	return count;
}

struct watch {
	const struct transit_plan *plan;
	int64_t now_us;
	uint64_t seen;
};

static bool check_on_way(void *self, const struct transit_run *run)
{
	struct watch *watch = self;
	struct transit_way way = transit_trip_way(watch->plan, run->trip);
	struct transit_position position, later;

	watch->seen++;
	if (!CHECK(transit_run_position(watch->plan, run, watch->now_us, &position)))
		return false;
	struct geo_point place = place_on(&way, position.along_m);

	CHECK(geo_distance_m(place, position.place) < 0.01);
	CHECK(position.next_arrival_us + (position.standing ? MINUTE_US : 0) >= watch->now_us);
	if (transit_run_position(watch->plan, run, watch->now_us + 7 * US_PER_S, &later))
		CHECK(later.along_m >= position.along_m - 1e-6);
	return true;
}

static void runs_are_as_many_as_counting_finds_and_keep_to_their_way(void)
{
	struct told told;
	struct transit_plan *plan = plan_of(load(mixed, 5, &told, NULL), "UTC0");
	int64_t from = at("2024-06-03T00:00:00Z");

	for (int64_t now = from; now < from + 8 * US_PER_DAY; now += 613 * US_PER_S + 7) {
		struct watch watch = {plan, now, 0};
		uint64_t count = transit_active(plan, now, check_on_way, &watch);

		if (!CHECK(count == brute_count(plan, now) && count == watch.seen))
			break;
	}
	struct transit_plan_size size;

	transit_plan_size(plan, &size);
	CHECK(size.trips == 4 && size.windows == 3 && size.patterns == 4);
	plan = transit_plan_free(plan);
}

static void trips_that_drive_alike_share_a_pattern(void)
{
	const struct text_file files[] = {
		{TRANSIT_TRIPS, TRIPS "1,W,a\n1,W,b\n1,W,c\n"},
		{TRANSIT_STOP_TIMES, TIMES "a,08:00:00,08:00:00,p,1\na,08:10:00,08:10:00,q,2\n"
					   "b,09:30:00,09:30:00,p,1\nb,09:40:00,09:40:00,q,2\n"
					   "c,09:30:00,09:30:00,p,1\nc,09:41:00,09:41:00,q,2\n"},
	};
	struct transit_plan_size size;
	struct told told;
	struct transit_plan *plan = plan_of(load(files, 2, &told, NULL), "UTC0");

	transit_plan_size(plan, &size);
	CHECK(size.trips == 3 && size.patterns == 2);
	plan = transit_plan_free(plan);
}

int main(void)
{
	RUN(windows_run_by_arithmetic);
	RUN(service_days_follow_calendar_and_exceptions);
	RUN(clocks_put_forward_shift_the_night_not_the_day);
	RUN(vehicles_move_evenly_and_wait_at_stops);
	RUN(stops_of_one_minute_do_not_make_it_jump);
	RUN(stops_are_placed_in_order_where_a_line_returns);
	RUN(distances_of_the_feed_place_stops_when_they_fit);
	RUN(placements_are_as_good_as_any_in_order);
	RUN(runs_are_as_many_as_counting_finds_and_keep_to_their_way);
	RUN(trips_that_drive_alike_share_a_pattern);
	return check_done();
}
