/* Any text as q, linked entities and expanded values included: refused with a reason, or evaluated without harm; what
 * matches satisfies the narrow conditions. */
#include "query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_text text = {.q = {(const char *)data, size},
				  .linked_levels = 3,
				  .expand_values = STR("a,b"),
				  .json_keys = STR("b")};

	query_fuzz_run(&text);
	return 0;
}
