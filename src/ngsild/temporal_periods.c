/* The periods of an aggregation (4.5.19.1).
 *
 * The edge of number n lies n periods behind the beginning: n × months on the calendar, where the day of a month that
 * is too short becomes its last one, and n × µs behind that. Counting from the beginning, not from the edge before,
 * keeps the 31st: January 31st, February 28th, March 31st. DateTimes are UTC (4.6.3), so a day is always 24 hours.
 * Edges grow strictly, so the period that holds an instant is found by halving; periods before the first instance and
 * behind the last one are never made. */
#include "ngsild/temporal.h"

#include "base/time_value.h"

#include <assert.h>

#define EDGE_NUMBER_MAX ((int64_t)1 << 60)
#define YEAR_MAX 9999
#define LAST_US INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

/* x + y × z, at most INT64_MAX. y and z are not negative. */
static int64_t add_product(int64_t x, int64_t y, int64_t z)
{
	int64_t product, sum;

	if (__builtin_mul_overflow(y, z, &product) || __builtin_add_overflow(x, product, &sum))
		return INT64_MAX;
	return sum;
}

static int32_t month_days(int32_t year, int32_t month)
{
	struct civil_date first = {year, month, 1};
	struct civil_date next = {month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1};

	return (int32_t)(days_from_civil(next) - days_from_civil(first));
}

/* So many months later at the same time of day; INT64_MAX beyond the calendar. */
static int64_t add_months(int64_t us, int64_t months)
{
	int64_t days = us / US_PER_DAY - (us % US_PER_DAY < 0), rest_us = us - days * US_PER_DAY;
	struct civil_date date = civil_from_days(days);
	int64_t month = add_product((int64_t)date.year * 12 + date.month - 1, months, 1);

	if (month / 12 > YEAR_MAX)
		return INT64_MAX;
	date.year = (int32_t)(month / 12);
	date.month = (int32_t)(month % 12) + 1;
	int32_t last = month_days(date.year, date.month);

	if (date.day > last)
		date.day = last;
	return days_from_civil(date) * US_PER_DAY + rest_us;
}

static int64_t edge(const struct temporal_query *query, int64_t start_us, int64_t number)
{
	int64_t at_us = start_us;

	if (query->period_months) {
		int64_t months = add_product(0, number, query->period_months);

		at_us = months == INT64_MAX ? INT64_MAX : add_months(start_us, months);
	}
	return at_us == INT64_MAX ? INT64_MAX : add_product(at_us, number, query->period_us);
}

/* The number of the period that holds us, which is not before start_us. */
static int64_t period_of(const struct temporal_query *query, int64_t start_us, int64_t us)
{
	int64_t low = 0, high = EDGE_NUMBER_MAX; /* edge(low) <= us < edge(high), or the calendar ends before */

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (edge(query, start_us, middle) <= us)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the periods");
}

/* A duration of 0: the range as a whole. */
static enum err_code whole_range(struct arena *arena, int64_t start_us, int64_t end_us, bool closed, int64_t last_us,
				 struct temporal_periods *ret, struct error *err)
{
	int64_t *edges = arena_array(arena, int64_t, 2);

	if (!edges)
		return no_memory(err);
	edges[0] = start_us;
	edges[1] = end_us;
	*ret = (struct temporal_periods){edges, 1, closed ? end_us : last_us};
	return ERR_OK;
}

enum err_code temporal_periods_make(struct arena *arena, const struct temporal_query *query, int64_t first_us,
				    int64_t last_us, struct temporal_periods *ret_periods, struct error *err)
{
	bool from_said = query->relation == TEMPORAL_AFTER || query->relation == TEMPORAL_BETWEEN;
	bool closed = query->relation == TEMPORAL_BEFORE || query->relation == TEMPORAL_BETWEEN;
	int64_t start_us = from_said ? query->at_us : first_us;
	int64_t end_us = query->relation == TEMPORAL_BETWEEN ? query->end_us : closed ? query->at_us : last_us + 1;

	assert(start_us <= first_us && first_us <= last_us && last_us < end_us);
	if (!query->period_months && !query->period_us)
		return whole_range(arena, start_us, end_us, closed, last_us, ret_periods, err);
	int64_t from = period_of(query, start_us, first_us), to = period_of(query, start_us, last_us);

	if (to - from >= TEMPORAL_PERIODS_MAX)
		return err_set(err, ERR_TOO_COMPLEX, "more than %u periods of aggrPeriodDuration between the instances",
			       TEMPORAL_PERIODS_MAX);
	size_t count = (size_t)(to - from) + 1;
	int64_t *edges = arena_array(arena, int64_t, count + 1);

	if (!edges)
		return no_memory(err);
	for (size_t i = 0; i <= count; i++)
		edges[i] = edge(query, start_us, from + (int64_t)i);
	if (closed && edges[count] > end_us)
		edges[count] = end_us;
	*ret_periods = (struct temporal_periods){edges, count, edges[count]};
	if (edges[count] > LAST_US) { /* no DateTime says that */
		edges[count] = end_us;
		ret_periods->end_us = last_us;
	}
	return ERR_OK;
}
