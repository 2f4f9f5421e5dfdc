/* The samples of one series. Where only the latest at each step is wanted, the store is asked for sums between the
 * steps, which know the last value of each and need not read whole chunks; otherwise the instances are read a page at a
 * time. Either way what remains is 16 bytes a sample. */
#include "broker/samples_int.h"

#include "base/time_value.h"

#include <math.h>

#define PAGE_INSTANCES 8192u
#define LATEST_INSTANCES 2u /* the latest may be a deletion */
#define EDGES_MAX (PROMQL_STEPS_MAX * 2u) /* more steps (subqueries): the instances are read */

static const struct store_window always = {
	.by = STORE_OBSERVED_AT, .all = true, .from_us = INT64_MIN, .to_us = INT64_MAX};

static int64_t ms_of(int64_t us)
{
	return us / US_PER_MS - (us % US_PER_MS < 0 ? 1 : 0);
}

/* The first microsecond of a millisecond; open where int64_t has no room. */
static int64_t us_of(int64_t ms)
{
	if (ms > INT64_MAX / US_PER_MS)
		return INT64_MAX;
	return ms < INT64_MIN / US_PER_MS ? INT64_MIN : ms * US_PER_MS;
}

static bool number_of(const struct json *value, double *ret)
{
	if (json_is(value, JSON_BOOL))
		*ret = value->boolean;
	else if (json_is(value, JSON_NUMBER))
		*ret = value->number;
	else
		return false;
	return true;
}

enum err_code samples_latest(struct store_reader *reader, struct samples_series *series, struct arena *arena,
			     struct error *err)
{
	struct store_instances instances = {0};
	enum err_code code = store_series_read(reader, series->id, series->attribute_iri, series->dataset_id, &always,
					       true, LATEST_INSTANCES, arena, &instances, err);
	double number;

	series->by = STORE_OBSERVED_AT;
	series->numeric = false;
	series->unit = STR_NONE;
	for (size_t i = instances.count; code == ERR_OK && i > 0; i--) {
		const struct store_instance *instance = &instances.at[i - 1];

		if (instance->shape->kind == CHANGE_DELETED)
			continue;
		series->by = instance->observed_us == STORE_NO_TIME ? STORE_MODIFIED_AT : STORE_OBSERVED_AT;
		series->numeric = number_of(&instance->value, &number);
		series->unit = json_text(json_get(instance->shape->instance, STR("unitCode")));
		break;
	}
	return code;
}

/* ---- samples that grow ---- */

struct samples {
	struct promql_point *points;
	size_t count, room;
	struct arena *arena;
	struct error *err;
};

static enum err_code add_sample(struct samples *samples, int64_t time_ms, double value)
{
	if (samples->count > 0 && samples->points[samples->count - 1].time_ms == time_ms)
		samples->count--; /* of several in one millisecond the last */
	if (samples->count == SAMPLES_POINTS_MAX)
		return err_set(samples->err, ERR_TOO_COMPLEX, "a series of more than %u samples in this range",
			       SAMPLES_POINTS_MAX);
	struct promql_point *points =
		arena_grow(samples->arena, samples->points, samples->count, &samples->room, sizeof(*points), 32);

	if (!points)
		return err_set(samples->err, ERR_MEMORY, "a query needs more memory than it may have");
	samples->points = points;
	samples->points[samples->count++] = (struct promql_point){time_ms, value};
	return ERR_OK;
}

/* ---- the last between steps ---- */

/* The edges of periods that end with what a step can see: the first begins where the range does. */
static size_t edges_of(const struct promql_request *request, int64_t *edges)
{
	size_t count = 0;

	edges[count++] = us_of(request->from_ms);
	if (request->step_ms > 0)
		for (int64_t ms = request->start_ms; ms < request->to_ms; ms += request->step_ms)
			edges[count++] = us_of(ms + 1);
	edges[count++] = us_of(request->to_ms + 1);
	return count;
}

static bool steps_are_few(const struct promql_request *request)
{
	if (request->range_ms > 0 || request->to_ms < request->from_ms)
		return false;
	return request->step_ms <= 0 || (request->to_ms - request->start_ms) / request->step_ms + 3 < EDGES_MAX;
}

static enum err_code read_last(struct store_reader *reader, const struct samples_series *series,
			       const struct promql_request *request, struct arena *scratch, struct samples *samples)
{
	size_t steps = request->step_ms > 0 ? (size_t)((request->to_ms - request->start_ms) / request->step_ms) : 0;
	int64_t *edges = arena_array(scratch, int64_t, steps + 4);
	struct series_sums *sums = arena_array(scratch, struct series_sums, steps + 4);

	if (!edges || !sums)
		return err_set(samples->err, ERR_MEMORY, "a query needs more memory than it may have");
	size_t count = edges_of(request, edges);
	enum err_code code = store_series_sums(reader, series->id, series->attribute_iri, series->dataset_id,
					       series->by, edges, count, scratch, sums, samples->err);

	for (size_t i = 0; code == ERR_OK && i + 1 < count; i++)
		if (sums[i].count > 0)
			code = add_sample(samples, ms_of(sums[i].last_us), sums[i].last);
	return code;
}

/* ---- all of them ---- */

static int64_t time_of(const struct samples_series *series, const struct store_instance *instance)
{
	return series->by == STORE_OBSERVED_AT ? instance->observed_us : instance->modified_us;
}

/* How many of a page's instances may be taken when others follow: those of its last moment may go on in the next, which
 * begins with them again. */
static size_t whole_moments(const struct samples_series *series, const struct store_instances *page)
{
	size_t count = page->count;
	int64_t last_us = time_of(series, &page->at[count - 1]);

	while (count > 0 && time_of(series, &page->at[count - 1]) == last_us)
		count--;
	return count ? count : page->count; /* all at one moment: the latest of these is as good as any */
}

static enum err_code take_page(const struct samples_series *series, const struct store_instances *page, size_t count,
			       struct samples *samples)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		const struct store_instance *instance = &page->at[i];
		double number;

		if (instance->shape->kind != CHANGE_DELETED && number_of(&instance->value, &number))
			code = add_sample(samples, ms_of(time_of(series, instance)), number);
	}
	return code;
}

static enum err_code read_all(struct store_reader *reader, const struct samples_series *series,
			      const struct promql_request *request, struct arena *scratch, struct samples *samples)
{
	struct store_window window = {
		.by = series->by, .from_us = us_of(request->from_ms), .to_us = us_of(request->to_ms + 1) - 1};
	struct store_instances page = {.more = true};
	enum err_code code = ERR_OK;

	while (code == ERR_OK && page.more) {
		arena_clear(scratch);
		code = store_series_read(reader, series->id, series->attribute_iri, series->dataset_id, &window, false,
					 PAGE_INSTANCES, scratch, &page, samples->err);
		if (code || page.count == 0)
			break;
		size_t count = page.more ? whole_moments(series, &page) : page.count;

		code = take_page(series, &page, count, samples);
		window.from_us = time_of(series, &page.at[count - 1]) + 1;
	}
	return code;
}

enum err_code samples_read(struct store_reader *reader, const struct samples_series *series,
			   const struct promql_request *request, struct arena *scratch, struct arena *arena,
			   const struct promql_point **ret_points, size_t *ret_count, struct error *err)
{
	struct samples samples = {.arena = arena, .err = err};

	arena_clear(scratch);
	enum err_code code = steps_are_few(request) ? read_last(reader, series, request, scratch, &samples)
						    : read_all(reader, series, request, scratch, &samples);

	if (code)
		return code;
	*ret_points = samples.points;
	*ret_count = samples.count;
	return ERR_OK;
}
