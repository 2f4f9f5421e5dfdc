/* Any text as q: refused with a reason, or evaluated without harm; what matches satisfies the narrow conditions. */
#include "query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_text text = {.q = {(const char *)data, size}};

	query_fuzz_run(&text);
	return 0;
}
