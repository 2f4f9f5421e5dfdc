/* Up to five lines as type, scopeQ, idPattern, attrs and id: refused with a reason, or evaluated without harm; what
 * matches satisfies the narrow conditions. An empty line leaves its parameter out. */
#include "query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	struct query_text text = {.type = STR_NONE};
	struct str *const slots[] = {&text.type, &text.scope_q, &text.id_pattern, &text.attrs, &text.ids};

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]) && str_next(&rest, '\n', &line); i++)
		if (line.len)
			*slots[i] = line;
	query_fuzz_run(&text);
	return 0;
}
