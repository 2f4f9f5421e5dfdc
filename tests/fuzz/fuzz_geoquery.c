/* Three lines as georel, geometry and coordinates (the rest): refused with a reason, or evaluated without harm; what
 * matches lies in the query's box. */
#include "query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct query_text text = {.georel = STR_NONE};

	if (!str_next(&rest, '\n', &text.georel) || !str_next(&rest, '\n', &text.geometry))
		return 0;
	text.coordinates = rest;
	query_fuzz_run(&text);
	return 0;
}
