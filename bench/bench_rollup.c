/* Roll-ups of the synthetic meters: bytes a bucket beside bytes a point, and the sums of a year of minutes by hours and
 * by days from points and from buckets of an hour, in processor time of one series. */
#include "bench.h"
#include "meters.h"

#include "series/block.h"
#include "series/rollup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS 365
#define MINUTES (DAYS * 1440u)
#define MINUTE_US INT64_C(60000000)
#define HOUR_US (60 * MINUTE_US)
#define ROUNDS 20

static int64_t cpu_now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void demand(bool good)
{
	if (!good)
		abort();
}

static int64_t times[MINUTES], values[MINUTES], edges[DAYS * 24 + 1];
static struct series_bucket buckets[DAYS * 96];
static struct series_sums sums[2][DAYS * 24];
static struct arena arena, scratch;

static size_t roll_up(int64_t period_us, unsigned decimals, struct buf *pieces, size_t *offsets)
{
	struct error err;
	size_t count = 0, parts = 0;

	for (uint32_t i = 0; i < MINUTES; i++) {
		int64_t index = series_bucket_index(times[i], period_us);

		if (count == 0 || buckets[count - 1].index != index) {
			buckets[count].index = index;
			series_sums_clear(&buckets[count++].sums, &arena);
		}
		series_sums_add_decimal(&buckets[count - 1].sums, times[i], times[i], values[i], (uint8_t)decimals);
	}
	buf_clear(pieces);
	for (size_t from = 0; from < count; from += SERIES_ROLLUP_BUCKETS_MAX) {
		uint32_t part =
			(uint32_t)(count - from < SERIES_ROLLUP_BUCKETS_MAX ? count - from : SERIES_ROLLUP_BUCKETS_MAX);

		offsets[parts++] = pieces->len;
		demand(series_rollup_write(pieces, period_us, true, buckets + from, part, &err) == ERR_OK);
	}
	offsets[parts] = pieces->len;
	return parts;
}

static double by_rollups(const struct buf *pieces, const size_t *offsets, size_t parts, const struct series_periods *to)
{
	struct error err;
	int64_t begin = cpu_now_ns();

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i + 1 < to->edge_count; i++)
			series_sums_clear(&to->sums[i], &arena);
		for (size_t i = 0; i < parts; i++) {
			struct series_rollup rollup;

			arena_clear(&scratch);
			demand(series_rollup_open((struct str){pieces->at + offsets[i], offsets[i + 1] - offsets[i]},
						  &rollup, &err) == ERR_OK);
			demand(series_rollup_sum(&rollup, to, NULL, NULL, &scratch, &err) == ERR_OK);
		}
	}
	return (double)(cpu_now_ns() - begin) / ROUNDS / 1e6;
}

static double by_points(const struct series_block *block, const struct series_periods *to)
{
	struct error err;
	int64_t begin = cpu_now_ns();

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i + 1 < to->edge_count; i++)
			series_sums_clear(&to->sums[i], &arena);
		for (uint32_t i = 0; i < block->count; i++)
			demand(series_block_sum_periods(block, i, to->edges, to->edge_count, to->sums, &err) == ERR_OK);
	}
	return (double)(cpu_now_ns() - begin) / ROUNDS / 1e6;
}

static size_t make_periods(int64_t step_us)
{
	size_t count = 0;

	for (int64_t us = times[0]; us <= times[0] + DAYS * 24 * HOUR_US; us += step_us)
		edges[count++] = us;
	return count;
}

static void measure(const char *name, unsigned decimals)
{
	static const struct str shape = {"", 0};
	static size_t offsets[DAYS * 96 / SERIES_ROLLUP_BUCKETS_MAX + 3];
	struct series_builder *builder = NULL;
	struct series_block block;
	struct str bytes;
	struct error err;
	struct buf pieces;

	buf_init(&pieces, (size_t)64 << 20);
	demand(series_builder_new(SERIES_BLOCK_BYTES_MAX, &builder, &err) == ERR_OK);
	for (uint32_t from = 0; from < MINUTES; from += SERIES_POINTS_MAX) {
		uint32_t count = MINUTES - from < SERIES_POINTS_MAX ? MINUTES - from : SERIES_POINTS_MAX;
		const struct series_points points = {.kind = SERIES_FIXED,
						     .scale = (uint8_t)decimals,
						     .count = count,
						     .at_us = times + from,
						     .number = {times + from, 0},
						     .shapes = &shape,
						     .shape_count = 1,
						     .mantissas = values + from};

		demand(series_builder_add(builder, &(struct series_key){1, 2, STR_NONE}, &points, &err) == ERR_OK);
	}
	demand(series_builder_finish(builder, &bytes, &err) == ERR_OK);
	demand(series_block_open(bytes, &arena, &block, &err) == ERR_OK);
	(void)roll_up(15 * MINUTE_US, decimals, &pieces, offsets);
	double quarter = (double)pieces.len / (DAYS * 96);
	size_t parts = roll_up(HOUR_US, decimals, &pieces, offsets);

	printf("%-8s point %.3f bytes, bucket of 15 min %.2f, of 1 h %.2f bytes", name, (double)bytes.len / MINUTES,
	       quarter, (double)pieces.len / (DAYS * 24));
	for (int64_t step_us = HOUR_US; step_us <= 24 * HOUR_US; step_us += 23 * HOUR_US) {
		size_t count = make_periods(step_us);
		const struct series_periods a = {edges, count, sums[0]}, b = {edges, count, sums[1]};
		double points = by_points(&block, &a), rolled = by_rollups(&pieces, offsets, parts, &b);

		for (size_t i = 0; i + 1 < count; i++)
			demand(series_sums_sum(&sums[0][i]) == series_sums_sum(&sums[1][i]) &&
			       series_sums_stddev(&sums[0][i]) == series_sums_stddev(&sums[1][i]));
		printf("; year by %s: points %.3f ms, roll-ups %.3f ms", step_us == HOUR_US ? "hours" : "days", points,
		       rolled);
	}
	printf("\n");
	(void)series_builder_free(builder);
	buf_done(&pieces);
}

int main(void)
{
	struct meters meters;

	arena_init(&arena, (size_t)1 << 30);
	arena_init(&scratch, (size_t)1 << 28);
	meters = meters_new(METERS_SEED, 0, 1, MINUTES);
	demand(meters.values != NULL);
	for (uint32_t i = 0; i < MINUTES; i++)
		times[i] = METERS_START_S * 1000000 + (int64_t)i * MINUTE_US;
	for (unsigned field = 0; field < METERS_FIELDS; field++) {
		for (uint32_t i = 0; i < MINUTES; i++)
			values[i] = meters.values[(size_t)field * MINUTES + i];
		measure(meters_fields[field].name, meters_fields[field].decimals);
	}
	meters_done(&meters);
	arena_done(&scratch);
	arena_done(&arena);
	return 0;
}
