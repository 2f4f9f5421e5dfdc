/* Putting the stop times of every trip in order.
 *
 * A vehicle can be followed only when its times never run back. Feeds of real agencies break that in two ways: times
 * past midnight written as 00:05:00 instead of 24:05:00, and times collected stop by stop ("first bus at this stop")
 * that do not belong to one journey. The first is told by a step back of more than half a day and gets 24 hours. In
 * the second the legs on either side of the step are still good, so all that follows is moved by one amount: what the
 * step took back, and the time that the leg needs at the trip's own mean speed. Each is told to the report, so the
 * feed's publisher can put it right. Missing times are shared out by the way between the stops. */
#include "engine/transit/feed_int.h"
#include "engine/transit/group_int.h"

#include <math.h>
#include <string.h>

#define HALF_DAY_S 43200
#define DAY_S 86400
#define SPEED_DEFAULT_M_S 5.5 /* a bus in a city, stops included; for trips without one good leg */
#define SPEED_MIN_M_S 0.5
#define SPEED_MAX_M_S 90.0

static int compare_times(const void *a_void, const void *b_void)
{
	const struct transit_stop_time *a = a_void, *b = b_void;

	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static bool timed(const struct transit_stop_time *row)
{
	return row->arrival != TRANSIT_TIME_NONE;
}

static double leg_m(const struct transit_feed *feed, const struct transit_stop_time *from,
		    const struct transit_stop_time *to)
{
	return geo_distance_m(feed->tables.stops[from->stop].place, feed->tables.stops[to->stop].place);
}

/* Leaves out rows that repeat a stop_sequence. */
static uint32_t keep_distinct(struct transit_feed *feed, struct transit_stop_time *rows, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (kept > 0 && rows[kept - 1].sequence == rows[i].sequence)
			transit_tell(feed, TRANSIT_STOP_TIMES, rows[i].line, TRANSIT_SKIPPED,
				     "stop_sequence is there already");
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

/* Leaves out untimed rows before the first and behind the last timed one. */
static uint32_t keep_between_timed(struct transit_feed *feed, struct transit_stop_time *rows, uint32_t count)
{
	uint32_t kept = 0, end = count;

	while (end > 0 && !timed(&rows[end - 1]))
		end--;
	for (uint32_t i = 0; i < count; i++) {
		if (!timed(&rows[i]) && (kept == 0 || i >= end))
			transit_tell(feed, TRANSIT_STOP_TIMES, rows[i].line, TRANSIT_SKIPPED,
				     "no time, and no timed stop on both sides to interpolate between");
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

/* The mean speed over the legs whose times are in order. */
static double mean_speed(const struct transit_feed *feed, const struct transit_stop_time *rows, uint32_t count)
{
	double metres = 0, seconds = 0;

	for (uint32_t i = 1; i < count; i++) {
		if (!timed(&rows[i - 1]) || !timed(&rows[i]) || rows[i].arrival <= rows[i - 1].departure)
			continue;
		metres += leg_m(feed, &rows[i - 1], &rows[i]);
		seconds += rows[i].arrival - rows[i - 1].departure;
	}
	double speed = seconds > 0 && metres > 0 ? metres / seconds : SPEED_DEFAULT_M_S;

	return fmin(fmax(speed, SPEED_MIN_M_S), SPEED_MAX_M_S);
}

/* How much later a row that runs back, and all behind it, must be. */
static int32_t move_for(struct transit_feed *feed, const struct transit_stop_time *rows, uint32_t count, uint32_t at,
			uint32_t before, int32_t back_s)
{
	if (back_s > HALF_DAY_S) {
		int32_t days = (back_s + DAY_S - 1) / DAY_S;

		transit_tell(feed, TRANSIT_STOP_TIMES, rows[at].line, TRANSIT_REPAIRED,
			     "the time runs back over midnight; %d hours were added from here to the trip's end",
			     days * 24);
		return days * DAY_S;
	}
	int32_t leg_s = (int32_t)lrint(leg_m(feed, &rows[before], &rows[at]) / mean_speed(feed, rows, count));

	transit_tell(feed, TRANSIT_STOP_TIMES, rows[at].line, TRANSIT_REPAIRED,
		     "the time is %d s before the stop before; it and the later ones of the trip were moved by %d s",
		     back_s, back_s + leg_s);
	return back_s + leg_s;
}

/* Makes the times of a trip run forward. Returns how many rows stay. */
static uint32_t straighten(struct transit_feed *feed, struct transit_stop_time *rows, uint32_t count)
{
	int32_t move = 0;
	uint32_t before = 0;

	for (uint32_t i = 1; i < count; i++) {
		if (!timed(&rows[i]))
			continue;
		int32_t back = rows[before].departure - (rows[i].arrival + move);

		/* The rows behind `i` are as they came, so the mean speed is that of the unmoved legs. */
		if (back > 0)
			move += move_for(feed, rows, count, i, before, back);
		if (rows[i].departure > TRANSIT_TIME_MAX_S - move) {
			for (uint32_t j = before + 1; j < count; j++)
				transit_tell(feed, TRANSIT_STOP_TIMES, rows[j].line, TRANSIT_SKIPPED,
					     "the trip would take more than %d days", TRANSIT_TIME_MAX_S / DAY_S);
			return before + 1;
		}
		rows[i].arrival += move;
		rows[i].departure += move;
		if (move)
			rows[i].flags |= TRANSIT_TIME_MOVED;
		before = i;
	}
	return count;
}

/* How far along the way from rows[0] a row lies, 0 to 1; by the feed's distances, by the lines between the stops, or
 * by number when both say nothing. share has count places. */
static void shares_of(const struct transit_feed *feed, const struct transit_stop_time *rows, uint32_t count,
		      double *share)
{
	bool given = !isnan(rows[0].distance);

	for (uint32_t i = 1; i < count; i++)
		given = given && rows[i].distance >= rows[i - 1].distance;
	given = given && rows[count - 1].distance > rows[0].distance;
	share[0] = 0;
	for (uint32_t i = 1; i < count; i++)
		share[i] = given ? rows[i].distance - rows[0].distance
				 : share[i - 1] + leg_m(feed, &rows[i - 1], &rows[i]);
	double whole = share[count - 1];

	for (uint32_t i = 1; i < count; i++)
		share[i] = whole > 0 ? share[i] / whole : (double)i / (count - 1);
}

/* Gives times to the untimed rows; the first and the last are timed. share: scratch of count places. */
static void interpolate(const struct transit_feed *feed, struct transit_stop_time *rows, uint32_t count, double *share)
{
	uint32_t from = 0;

	for (uint32_t i = 1; i < count; i++) {
		if (!timed(&rows[i]))
			continue;
		int32_t start = rows[from].departure, seconds = rows[i].arrival - start;

		if (i > from + 1)
			shares_of(feed, &rows[from], i - from + 1, share);
		for (uint32_t j = from + 1; j < i; j++) {
			rows[j].arrival = rows[j].departure = start + (int32_t)lrint(seconds * share[j - from]);
			rows[j].timepoint = 0;
			rows[j].flags |= TRANSIT_TIME_INTERPOLATED;
		}
		from = i;
	}
}

static void leave_out(struct transit_feed *feed, struct transit_trip *trip, const struct transit_stop_time *rows,
		      uint32_t count)
{
	trip->left_out = true;
	transit_tell(feed, TRANSIT_TRIPS, trip->line, TRANSIT_SKIPPED,
		     "trip \"%.*s\" has fewer than two stops with times", STR_FMT(trip->id));
	for (uint32_t i = 0; i < count; i++)
		transit_tell(feed, TRANSIT_STOP_TIMES, rows[i].line, TRANSIT_SKIPPED,
			     "the only stop with a time of trip \"%.*s\"", STR_FMT(trip->id));
}

static uint32_t widest(const uint32_t *starts, uint32_t count)
{
	uint32_t most = 1;

	for (uint32_t i = 0; i < count; i++)
		if (starts[i + 1] - starts[i] > most)
			most = starts[i + 1] - starts[i];
	return most;
}

enum err_code transit_check_times(struct transit_feed *feed, struct error *err)
{
	struct transit_tables *tables = &feed->tables;
	CLEANUP_MEMORY uint32_t *starts = NULL;
	enum err_code code = group_rows((void **)&tables->times, tables->time_count, sizeof(*tables->times),
					tables->trip_count, &starts, err);
	uint32_t kept = 0;

	if (code)
		return code;
	CLEANUP_MEMORY double *share = calloc(widest(starts, tables->trip_count), sizeof(*share));

	if (!share)
		return err_set(err, ERR_MEMORY, "no memory to check stop times");
	for (uint32_t t = 0; t < tables->trip_count; t++) {
		struct transit_trip *trip = &tables->trips[t];
		struct transit_stop_time *rows = &tables->times[starts[t]];
		uint32_t count = starts[t + 1] - starts[t];

		group_sort(rows, count, sizeof(*rows), compare_times);
		count = keep_between_timed(feed, rows, keep_distinct(feed, rows, count));
		if (count > 1)
			count = straighten(feed, rows, count);
		if (count < 2) {
			leave_out(feed, trip, rows, count);
			count = 0;
		} else {
			interpolate(feed, rows, count, share);
			memmove(&tables->times[kept], rows, count * sizeof(*rows));
		}
		trip->times = kept;
		trip->time_count = count;
		kept += count;
	}
	tables->time_count = kept;
	return ERR_OK;
}
