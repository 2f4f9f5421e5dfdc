/* Putting a feed in order behind its last row: references forward, ranges, calendars, shapes, frequency windows. The
 * stop times have a file of their own. */
#include "engine/transit/feed_int.h"
#include "engine/transit/group_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_parents(struct transit_feed *feed)
{
	struct transit_tables *tables = &feed->tables;

	for (uint32_t i = 0; i < tables->stop_count; i++) {
		struct transit_stop *stop = &tables->stops[i];

		if (stop->parent_id.len == 0)
			continue;
		stop->parent = transit_find_stop(feed, stop->parent_id);
		if (stop->parent == TRANSIT_NONE)
			transit_tell(feed, TRANSIT_STOPS, stop->line, TRANSIT_REPAIRED,
				     "parent_station \"%.*s\" is not in stops.txt and was left out",
				     STR_FMT(str_part(stop->parent_id, 0, 80)));
	}
}

static void check_zones(struct transit_feed *feed)
{
	const struct transit_tables *tables = &feed->tables;

	for (uint32_t i = 1; i < tables->agency_count; i++)
		if (!str_eq(tables->agencies[i].timezone, tables->agencies[0].timezone))
			transit_tell(feed, TRANSIT_AGENCY, tables->agencies[i].line, TRANSIT_NOTE,
				     "all times are read in the time zone of the first agency, \"%.*s\"",
				     STR_FMT(tables->agencies[0].timezone));
}

static int compare_exceptions(const void *a_void, const void *b_void)
{
	const struct transit_exception *a = a_void, *b = b_void;

	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static enum err_code check_exceptions(struct transit_feed *feed, struct error *err)
{
	struct transit_tables *tables = &feed->tables;
	CLEANUP_MEMORY uint32_t *starts = NULL;
	enum err_code code = group_rows((void **)&tables->exceptions, tables->exception_count,
					sizeof(*tables->exceptions), tables->service_count, &starts, err);
	uint32_t kept = 0;

	if (code)
		return code;
	for (uint32_t s = 0; s < tables->service_count; s++) {
		uint32_t first = kept;

		group_sort(&tables->exceptions[starts[s]], starts[s + 1] - starts[s], sizeof(*tables->exceptions),
			   compare_exceptions);
		for (uint32_t i = starts[s]; i < starts[s + 1]; i++) {
			const struct transit_exception *row = &tables->exceptions[i];

			if (kept > first && tables->exceptions[kept - 1].day == row->day)
				transit_tell(feed, TRANSIT_CALENDAR_DATES, row->line, TRANSIT_SKIPPED,
					     "the service has an exception on this date already");
			else
				tables->exceptions[kept++] = *row;
		}
		tables->services[s].exceptions = first;
		tables->services[s].exception_count = kept - first;
	}
	tables->exception_count = kept;
	return ERR_OK;
}

static int compare_points(const void *a_void, const void *b_void)
{
	const struct transit_point *a = a_void, *b = b_void;

	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* Distances help only when every point has one and none is smaller than the one before. */
static bool distances_hold(const struct transit_point *points, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (isnan(points[i].distance) || (i > 0 && points[i].distance < points[i - 1].distance))
			return false;
	return count > 1 && points[count - 1].distance > points[0].distance;
}

static enum err_code check_shapes(struct transit_feed *feed, struct error *err)
{
	struct transit_tables *tables = &feed->tables;
	CLEANUP_MEMORY uint32_t *starts = NULL;
	enum err_code code = group_rows((void **)&tables->points, tables->point_count, sizeof(*tables->points),
					tables->shape_count, &starts, err);

	if (code)
		return code;
	for (uint32_t s = 0; s < tables->shape_count; s++) {
		struct transit_shape *shape = &tables->shapes[s];

		shape->points = starts[s];
		shape->point_count = starts[s + 1] - starts[s];
		group_sort(&tables->points[shape->points], shape->point_count, sizeof(*tables->points), compare_points);
		shape->has_distances = distances_hold(&tables->points[shape->points], shape->point_count);
		if (shape->point_count < 2)
			transit_tell(feed, TRANSIT_SHAPES, tables->points[shape->points].line, TRANSIT_NOTE,
				     "shape \"%.*s\" has one point only and is not used", STR_FMT(shape->id));
	}
	for (uint32_t t = 0; t < tables->trip_count; t++) {
		struct transit_trip *trip = &tables->trips[t];

		if (trip->shape != TRANSIT_NONE && tables->shapes[trip->shape].point_count < 2)
			trip->shape = TRANSIT_NONE;
	}
	return ERR_OK;
}

static int compare_frequencies(const void *a_void, const void *b_void)
{
	const struct transit_frequency *a = a_void, *b = b_void;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* A trip's windows: one that begins when another does is left out, one that reaches into the next ends there. Returns
 * how many are kept at the beginning of windows. */
static uint32_t check_windows(struct transit_feed *feed, struct transit_frequency *windows, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct transit_frequency row = windows[i];
		struct transit_frequency *before = kept ? &windows[kept - 1] : NULL;

		if (before && before->start == row.start) {
			transit_tell(feed, TRANSIT_FREQUENCIES, row.line, TRANSIT_SKIPPED,
				     "the trip has a window with this start_time already");
			continue;
		}
		if (before && before->end > row.start) {
			transit_tell(feed, TRANSIT_FREQUENCIES, before->line, TRANSIT_REPAIRED,
				     "the window reaches into the trip's next one (line %u) and ends where that begins",
				     row.line);
			before->end = row.start;
		}
		windows[kept++] = row;
	}
	return kept;
}

static enum err_code check_frequencies(struct transit_feed *feed, struct error *err)
{
	struct transit_tables *tables = &feed->tables;
	CLEANUP_MEMORY uint32_t *starts = NULL;
	enum err_code code = group_rows((void **)&tables->frequencies, tables->frequency_count,
					sizeof(*tables->frequencies), tables->trip_count, &starts, err);
	uint32_t kept = 0;

	if (code)
		return code;
	for (uint32_t t = 0; t < tables->trip_count; t++) {
		struct transit_frequency *windows = &tables->frequencies[starts[t]];
		uint32_t count = starts[t + 1] - starts[t];

		group_sort(windows, count, sizeof(*windows), compare_frequencies);
		count = check_windows(feed, windows, count);
		if (count > 0)
			memmove(&tables->frequencies[kept], windows, count * sizeof(*windows));
		tables->trips[t].frequencies = kept;
		tables->trips[t].frequency_count = count;
		kept += count;
	}
	tables->frequency_count = kept;
	return ERR_OK;
}

enum err_code transit_feed_check(struct transit_feed *feed, struct error *err)
{
	const struct transit_tables *tables = &feed->tables;
	uint32_t usable = 0;

	check_parents(feed);
	check_zones(feed);
	enum err_code code = check_exceptions(feed, err);

	if (!code)
		code = check_shapes(feed, err);
	if (!code)
		code = transit_check_times(feed, err);
	if (!code)
		code = check_frequencies(feed, err);
	if (code)
		return code;
	for (uint32_t t = 0; t < tables->trip_count; t++)
		usable += !tables->trips[t].left_out;
	if (tables->agency_count == 0)
		return err_set(err, ERR_INVALID, "agency.txt has no usable agency");
	if (usable == 0)
		return err_set(err, ERR_INVALID, "no trip of the feed has two stops with times");
	return ERR_OK;
}
