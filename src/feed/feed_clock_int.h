/* The clock by which feeds wait and pause. */
#ifndef MACHI_FEED_FEED_CLOCK_INT_H
#define MACHI_FEED_FEED_CLOCK_INT_H

#include <stdint.h>
#include <time.h>

static inline int64_t feed_clock_ms(void) /* CLOCK_MONOTONIC */
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
