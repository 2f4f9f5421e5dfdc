/* Roll-ups: hand-made buckets come back, and sums over them are those of their points. */
#include "check.h"

#include "series/rollup.h"

#define HOUR_US INT64_C(3600000000)

/* 1.5, 2.5 and −4 in one hour: 0 together, 24.5 their squares, mean 0, deviation √(24.5 / 3). */
static void a_bucket_by_hand(void)
{
	struct series_bucket buckets[3] = {{.index = -1}, {.index = 5}, {.index = 6}}, *back = NULL;
	struct series_rollup rollup;
	struct arena arena;
	struct error err;
	struct buf piece;

	arena_init(&arena, (size_t)16 << 20);
	buf_init(&piece, 100000);
	for (int i = 0; i < 3; i++)
		series_sums_clear(&buckets[i].sums, &arena);
	series_sums_add_decimal(&buckets[0].sums, -5, 1, 15, 1);
	series_sums_add_decimal(&buckets[0].sums, -4, 2, 25, 1);
	series_sums_add_decimal(&buckets[0].sums, -3, 3, -4, 0);
	CHECK_OK(series_sums_add_double(&buckets[1].sums, 5 * HOUR_US, 7, 1e300, &err), &err);
	CHECK_OK(series_sums_add_double(&buckets[1].sums, 5 * HOUR_US + 1, 8, -0.1234567890123456, &err), &err);
	buckets[2].sums.others = 3;
	CHECK_OK(series_rollup_write(&piece, HOUR_US, true, buckets, 3, &err), &err);
	CHECK_OK(series_rollup_open(buf_str(&piece), &rollup, &err), &err);
	CHECK(rollup.derived && rollup.count == 3 && rollup.first == -1 && rollup.last == 6);
	CHECK_OK(series_rollup_read(&rollup, &arena, &back, &err), &err);
	CHECK(back[0].index == -1 && back[1].index == 5 && back[2].index == 6);
	CHECK(back[0].sums.count == 3 && series_sums_sum(&back[0].sums) == 0.0);
	CHECK(series_sums_sumsq(&back[0].sums) == 24.5);
	CHECK(back[0].sums.min == -4 && back[0].sums.max == 2.5 && back[0].sums.first == 1.5);
	CHECK(back[0].sums.last == -4 && back[0].sums.last_us == -3 && back[0].sums.last_number == 3);
	CHECK(series_sums_sum(&back[1].sums) == series_sums_sum(&buckets[1].sums));
	CHECK(series_sums_stddev(&back[1].sums) == series_sums_stddev(&buckets[1].sums));
	CHECK(back[1].sums.first == 1e300 && back[1].sums.last == -0.1234567890123456);
	CHECK(back[2].sums.count == 0 && back[2].sums.others == 3);
	for (size_t len = 0; len < piece.len; len++)
		(void)!series_rollup_open((struct str){piece.at, len}, &rollup, &err);
	buf_done(&piece);
	arena_done(&arena);
}

static void count_cut(void *self, int64_t from_us, int64_t to_us)
{
	CHECK(from_us == HOUR_US && to_us == 2 * HOUR_US);
	(*(int *)self)++;
}

/* Hours 0, 1 and 2 with 1, 2 and 4: an edge at half past one leaves hour 1 out. */
static void an_edge_cuts_a_bucket(void)
{
	static const int64_t edges[] = {0, HOUR_US + HOUR_US / 2, 3 * HOUR_US};
	struct series_bucket buckets[3];
	struct series_sums sums[2];
	struct series_rollup rollup;
	struct arena arena;
	struct error err;
	struct buf piece;
	int cuts = 0;

	arena_init(&arena, (size_t)16 << 20);
	buf_init(&piece, 100000);
	for (int i = 0; i < 3; i++) {
		buckets[i].index = i;
		series_sums_clear(&buckets[i].sums, &arena);
		series_sums_add_decimal(&buckets[i].sums, i * HOUR_US + 1, i, 1 << i, 0);
	}
	for (int i = 0; i < 2; i++)
		series_sums_clear(&sums[i], &arena);
	CHECK_OK(series_rollup_write(&piece, HOUR_US, false, buckets, 3, &err), &err);
	CHECK_OK(series_rollup_open(buf_str(&piece), &rollup, &err), &err);
	CHECK_OK(series_rollup_sum(&rollup, &(struct series_periods){edges, 3, sums}, count_cut, &cuts, &arena, &err),
		 &err);
	CHECK(cuts == 1 && sums[0].count == 1 && sums[1].count == 1);
	CHECK(series_sums_sum(&sums[0]) == 1 && series_sums_sum(&sums[1]) == 4);
	buf_done(&piece);
	arena_done(&arena);
}

int main(void)
{
	RUN(a_bucket_by_hand);
	RUN(an_edge_cuts_a_bucket);
	return check_done();
}
