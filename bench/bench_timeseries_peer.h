/* What the files of bench_timeseries_peer share. */
#ifndef MACHI_BENCH_TIMESERIES_PEER_H
#define MACHI_BENCH_TIMESERIES_PEER_H

#include "meters.h"

#include <sys/resource.h>

/* Which meters, how long, from when. */
struct peer_slice {
	uint32_t first_meter, meters, minutes;
	int64_t start_s;
};

__attribute__((noreturn)) void peer_fail(const char *what, const char *why);

/* User and system time of this process so far, in seconds. */
static inline double peer_cpu_s(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		peer_fail("getrusage", "failed");
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The slice's values; ends the program when there is no memory. */
struct meters peer_meters(const struct peer_slice *slice);

/* Makes a database of a row a point, or of a row a meter and minute; prints "POINTS CPU_SECONDS". */
void peer_sqlite_fill(const char *path, int row_a_point, const struct peer_slice *slice);
/* Adds to it, unmeasured. */
void peer_sqlite_add(const char *path, int row_a_point, const struct peer_slice *slice);
/* Asks for the slice's power of one meter after the other, as JSON: all values, or hourly means. Prints the median
 * milliseconds. */
void peer_sqlite_ask(const char *path, int row_a_point, int hourly, const struct peer_slice *slice);

/* Makes a store whose history has the slice, by the bulk way, moment by moment or series by series; prints
 * "POINTS CPU_SECONDS". prefix stands before the meter's number in the id. */
void peer_bulk(const char *path, const char *prefix, int by_series, const struct peer_slice *slice);

#endif
