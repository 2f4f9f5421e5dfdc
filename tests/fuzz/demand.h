/* Of a fuzz target: what has to hold. */
#ifndef MACHI_TESTS_DEMAND_H
#define MACHI_TESTS_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void demand(bool condition)
{
	if (!condition)
		abort();
}

#endif
