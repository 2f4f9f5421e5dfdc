/* Numbers at random from a fixed seed (xorshift64, Marsaglia 2003), for tests that roll their cases. */
#ifndef MACHI_TESTS_RANDOM_UTIL_H
#define MACHI_TESTS_RANDOM_UTIL_H

#include <stdint.h>

struct random {
	uint64_t state; /* not 0 */
};

static inline uint32_t roll(struct random *random, uint32_t below)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (uint32_t)(random->state >> 33) % below;
}

#endif
