/* What the C benches share: a clock, medians of interleaved rounds, and the lines that bench/run.py reads.
 *
 * A bench compares sides: ours and its peers (another program or library doing the same work) or limits (the bare
 * machine). Rounds go side by side, first ours, then each peer, then again, so that a machine that slows down slows
 * all of them; the order turns round every round. The figure is the median. Thread: one. */
#ifndef MACHI_BENCH_BENCH_H
#define MACHI_BENCH_BENCH_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 101u
#define BENCH_SIDES_MAX 8u
#define BENCH_ROUNDS 7u /* where nothing speaks for another number */

struct bench_side {
	const char *name; /* "ours", or the peer's or limit's name with its version */
	void (*run)(void *self, uint64_t times); /* does the work so many times */
	void *self; /* borrowed */
};

static inline int64_t bench_now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int bench_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values; the mean of the middle two when count is even. */
static inline double bench_median(double *values, size_t count)
{
	assert(count > 0);
	qsort(values, count, sizeof(*values), bench_compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* One line for the runner: what was measured, on which side, the median, lowest and highest round, the unit. Texts
 * hold no tabs. Input (a file, its size, its count) belongs into what. */
static inline void bench_report(const char *what, const char *side, double median, double low, double high,
				const char *unit)
{
	printf("result\t%s\t%s\t%.6g\t%.6g\t%.6g\t%s\n", what, side, median, low, high, unit);
	(void)fflush(stdout);
}

/* Reports rounds that the caller timed itself; sorts them. */
static inline void bench_report_rounds(const char *what, const char *side, double *rounds, size_t count,
				       const char *unit)
{
	double median = bench_median(rounds, count);

	bench_report(what, side, median, rounds[0], rounds[count - 1], unit);
}

/* A line of plain text for the reader: a machine's limit, a remark on the input. */
static inline void bench_note(const char *text)
{
	printf("note\t%s\n", text);
	(void)fflush(stdout);
}

/* How often the work fits into about 100 ms. */
static inline uint64_t bench_times(const struct bench_side *side)
{
	uint64_t times = 1;

	for (;; times *= 2) {
		int64_t start = bench_now_ns();

		side->run(side->self, times);
		int64_t took = bench_now_ns() - start;

		if (took > 10000000)
			return times * 100000000 / (uint64_t)took + 1;
	}
}

/* Runs all sides in interleaved rounds. Reports nanoseconds a time for each, or, where per_time is not 0, that many
 * things of `unit` a second (per_time = 1.2, unit "MB/s": every time handles 1.2 MB). */
static inline void bench_sides(const char *what, const struct bench_side *sides, size_t count, size_t rounds,
			       double per_time, const char *unit)
{
	double figures[BENCH_SIDES_MAX][BENCH_ROUNDS_MAX];
	uint64_t times[BENCH_SIDES_MAX];

	assert(count > 0 && count <= BENCH_SIDES_MAX && rounds > 0 && rounds <= BENCH_ROUNDS_MAX);
	for (size_t i = 0; i < count; i++)
		times[i] = bench_times(&sides[i]);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++) {
			size_t side = round % 2 ? count - 1 - i : i;
			int64_t start = bench_now_ns();

			sides[side].run(sides[side].self, times[side]);
			double ns = (double)(bench_now_ns() - start) / (double)times[side];

			figures[side][round] = per_time != 0.0 ? per_time * 1e9 / ns : ns;
		}
	for (size_t i = 0; i < count; i++)
		bench_report_rounds(what, sides[i].name, figures[i], rounds, per_time != 0.0 ? unit : "ns");
}

#endif
