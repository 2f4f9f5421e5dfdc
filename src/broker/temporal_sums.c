/* Aggregates of a series.
 *
 * Where nothing but the window restricts it and all values are numbers, the store sums it without handing out
 * instances. In all other cases the instances are read, and what are numbers among them is summed here, by the same
 * arithmetic, so that both ways give the same to the last digit. */
#include "broker/temporal_int.h"

#include "series/sums.h"

static enum err_code no_memory(const struct temporal_reading *reading)
{
	return err_set(reading->err, ERR_MEMORY, "no memory for so many periods; ask for less at once");
}

/* Only what is asked for: each division of exact sums costs as much as adding up some dozens of values. */
static struct temporal_sums sums_of(const struct series_sums *sums, uint32_t methods)
{
	struct temporal_sums of = {.count = sums->count};

	if (!sums->count)
		return of;
	of.min = sums->min;
	of.max = sums->max;
	if (methods & 1u << TEMPORAL_SUM)
		of.sum = series_sums_sum(sums);
	if (methods & 1u << TEMPORAL_SUMSQ)
		of.sumsq = series_sums_sumsq(sums);
	if (methods & 1u << TEMPORAL_AVG)
		of.avg = series_sums_avg(sums);
	if (methods & 1u << TEMPORAL_STDDEV)
		of.stddev = series_sums_stddev(sums);
	return of;
}

static enum err_code keep_sums(const struct temporal_reading *reading, const struct series_sums *sums, size_t count,
			       struct temporal_aggregate *aggregate)
{
	uint32_t methods = reading->ask->temporal->methods;
	struct temporal_sums *kept = arena_array(reading->arena, struct temporal_sums, count);

	if (!kept)
		return no_memory(reading);
	for (size_t i = 0; i < count; i++)
		kept[i] = sums_of(&sums[i], methods);
	aggregate->sums = kept;
	return ERR_OK;
}

static enum err_code make_periods(struct temporal_reading *reading, int64_t first_us, int64_t last_us,
				  struct temporal_aggregate *aggregate)
{
	enum err_code code = temporal_periods_make(reading->arena, reading->ask->temporal, first_us, last_us,
						   &aggregate->periods, reading->err);

	if (code == ERR_OK)
		reading->total += aggregate->periods.count;
	return code;
}

/* ---- by instances ---- */

static bool is_number(const struct temporal_point *point)
{
	return json_is(point->value, JSON_NUMBER) || json_is(point->value, JSON_BOOL);
}

static struct str number_text(const struct json *value)
{
	if (json_is(value, JSON_BOOL))
		return value->boolean ? STR("true") : STR("false");
	return (struct str){value->text, value->count};
}

static enum err_code add_up(struct temporal_reading *reading, struct temporal_aggregate *aggregate)
{
	const struct temporal_periods *periods = &aggregate->periods;
	enum temporal_property property = reading->ask->temporal->property;
	struct series_sums *sums = arena_array(reading->scratch, struct series_sums, periods->count);
	enum err_code code = ERR_OK;
	size_t period = 0;

	if (!sums)
		return no_memory(reading);
	for (size_t i = 0; i < periods->count; i++)
		series_sums_clear(&sums[i], reading->scratch);
	for (size_t i = 0; i < aggregate->count && code == ERR_OK; i++) {
		const struct temporal_point *point = &aggregate->points[i];
		int64_t at_us = temporal_point_time(point, property);

		while (period + 1 < periods->count && at_us >= periods->edges[period + 1])
			period++;
		code = series_sums_add_text(&sums[period], at_us, point->number, number_text(point->value),
					    reading->err);
	}
	return code == ERR_OK ? keep_sums(reading, sums, periods->count, aggregate) : code;
}

/* Values of Properties: other kinds hold no numbers, or count them differently. */
static bool are_numbers(const struct temporal_points *points)
{
	for (size_t i = 0; i < points->count; i++)
		if (!is_number(&points->at[i]))
			return false;
	return true;
}

static void drop_deletions(struct temporal_points *points)
{
	size_t kept = 0;

	for (size_t i = 0; i < points->count; i++)
		if (!points->at[i].deleted)
			points->at[kept++] = points->at[i];
	points->count = kept;
}

static enum err_code aggregate_points(struct temporal_reading *reading, const struct temporal_series *series,
				      struct temporal_aggregate *aggregate, bool *ret_any)
{
	enum temporal_property property = reading->ask->temporal->property;
	uint64_t last_n = reading->ask->temporal->last_n;
	struct temporal_points points;
	enum err_code code = temporal_points_all(reading, series, &points);

	if (code != ERR_OK)
		return code;
	drop_deletions(&points);
	if (last_n && points.count > last_n) {
		points.at += points.count - last_n;
		points.count = (size_t)last_n;
	}
	*ret_any = points.count > 0;
	if (points.count == 0)
		return ERR_OK;
	aggregate->points = points.at;
	aggregate->count = points.count;
	code = make_periods(reading, temporal_point_time(&points.at[0], property),
			    temporal_point_time(&points.at[points.count - 1], property), aggregate);
	if (code == ERR_OK && are_numbers(&points))
		code = add_up(reading, aggregate);
	return code;
}

/* ---- by the store ---- */

/* The first or the last instance's time; the first as the aggregate's example of its kind. */
static enum err_code read_end(struct temporal_reading *reading, const struct temporal_series *series, bool latest,
			      struct temporal_points *ret)
{
	enum err_code code = temporal_points_read(reading, series, latest, 1, ret);

	ret->more = false;
	return code;
}

/* Buckets that are all that is left of instances widen the range, within the window. */
static enum err_code widen_ends(struct temporal_reading *reading, const struct temporal_series *series, bool any,
				int64_t *first_us, int64_t *last_us, bool *ret_any)
{
	const struct temporal_query *query = reading->ask->temporal;
	bool from_said = query->relation == TEMPORAL_AFTER || query->relation == TEMPORAL_BETWEEN;
	bool to_said = query->relation == TEMPORAL_BEFORE || query->relation == TEMPORAL_BETWEEN;
	int64_t to_us = query->relation == TEMPORAL_BETWEEN ? query->end_us : query->at_us;
	struct store_span span = {.any = false};
	enum err_code code = ERR_OK;

	if (reading->window.by == STORE_OBSERVED_AT)
		code = store_series_kept(reading->store, series->id, series->iri, series->dataset_id,
					 from_said ? query->at_us : INT64_MIN, to_said ? to_us - 1 : INT64_MAX, &span,
					 reading->err);
	*ret_any = any || span.any;
	if (span.any && (!any || span.from_us < *first_us))
		*first_us = span.from_us;
	if (span.any && (!any || span.to_us > *last_us))
		*last_us = span.to_us;
	return code;
}

/* What stands for instances of whom only roll-ups are left: those are of Properties. */
static enum err_code make_example(const struct temporal_reading *reading, int64_t first_us, struct temporal_points *ret)
{
	struct temporal_point *point = arena_new(reading->arena, struct temporal_point);
	struct json *document = json_new(reading->arena, json_object());
	struct json *value = NULL;

	if (document && json_set(reading->arena, document, STR("type"), json_string(STR("Property"))))
		value = json_set(reading->arena, document, STR("value"), json_int(reading->arena, 0));
	if (!point || !value)
		return no_memory(reading);
	*point = (struct temporal_point){.observed_us = first_us,
					 .created_us = TEMPORAL_NO_TIME,
					 .modified_us = TEMPORAL_NO_TIME,
					 .deleted_us = TEMPORAL_NO_TIME,
					 .instance = document,
					 .value = value};
	*ret = (struct temporal_points){.at = point, .count = 1};
	return ERR_OK;
}

/* *ret_done false: there are values that are no numbers. */
static enum err_code aggregate_sums(struct temporal_reading *reading, const struct temporal_series *series,
				    struct temporal_aggregate *aggregate, bool *ret_any, bool *ret_done)
{
	enum temporal_property property = reading->ask->temporal->property;
	struct temporal_points first, last;
	enum err_code code = read_end(reading, series, false, &first);
	uint64_t total = reading->total, counted = 0, others = 0;
	int64_t first_us = 0, last_us = 0;

	*ret_done = true;
	*ret_any = false;
	if (code == ERR_OK && first.count > 0)
		code = read_end(reading, series, true, &last);
	if (code == ERR_OK && first.count > 0) {
		first_us = temporal_point_time(&first.at[0], property);
		last_us = temporal_point_time(&last.at[0], property);
	}
	if (code == ERR_OK)
		code = widen_ends(reading, series, first.count > 0, &first_us, &last_us, ret_any);
	if (code != ERR_OK || !*ret_any)
		return code;
	if (first.count == 0)
		code = make_example(reading, first_us, &first);
	if (code == ERR_OK)
		code = make_periods(reading, first_us, last_us, aggregate);
	if (code != ERR_OK)
		return code;
	const struct temporal_periods *periods = &aggregate->periods;
	struct series_sums *sums = arena_array(reading->scratch, struct series_sums, periods->count);

	if (!sums)
		return no_memory(reading);
	code = store_series_sums(reading->store, series->id, series->iri, series->dataset_id, reading->window.by,
				 periods->edges, periods->count + 1, reading->scratch, sums, reading->err);
	for (size_t i = 0; i < periods->count && code == ERR_OK; i++) {
		counted += sums[i].count;
		others += sums[i].others;
	}
	*ret_any = counted + others > 0;
	*ret_done = others == 0;
	if (code != ERR_OK || !*ret_any || others) {
		reading->total = total;
		return code;
	}
	aggregate->points = first.at;
	aggregate->count = 1;
	return keep_sums(reading, sums, periods->count, aggregate);
}

enum err_code temporal_aggregate_read(struct temporal_reading *reading, const struct temporal_series *series,
				      struct temporal_aggregate *ret_aggregate, bool *ret_any)
{
	const struct temporal_query *query = reading->ask->temporal;
	bool each = query->last_n || (query->methods & 1u << TEMPORAL_DISTINCT_COUNT) ||
		    temporal_is_filtered(reading, series->iri) || str_eq(series->iri, TEMPORAL_SCOPE);
	struct temporal_aggregate aggregate = {.count = 0};
	bool done = false;
	enum err_code code = ERR_OK;

	if (!each)
		code = aggregate_sums(reading, series, &aggregate, ret_any, &done);
	if (code == ERR_OK && !done) {
		aggregate = (struct temporal_aggregate){.count = 0};
		code = aggregate_points(reading, series, &aggregate, ret_any);
	}
	if (code == ERR_OK)
		*ret_aggregate = aggregate;
	return code;
}
