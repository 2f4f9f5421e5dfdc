/* Up to four lines as orderBy, orderFrom, orderGeometry and collation: refused with a reason, or keys without harm, the
 * same ones when asked again. An empty line leaves its parameter out. */
#include "ngsild/order.h"
#include "query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(const struct order *order, const struct query_fuzz *fuzz, struct arena *scratch)
{
	struct error err = {.code = ERR_OK};
	struct buf first, again;

	buf_init(&first, ORDER_KEY_BYTES_MAX);
	buf_init(&again, ORDER_KEY_BYTES_MAX);
	for (int i = 0; i < FUZZ_ENTITIES; i++) {
		enum err_code code = order_key(order, scratch, fuzz->entities[i], &first, &err);

		assert(code == ERR_OK && first.len > 0);
		code = order_key(order, scratch, fuzz->entities[i], &again, &err);
		assert(code == ERR_OK && str_eq(buf_str(&first), buf_str(&again)));
	}
	buf_done(&first);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	struct str rest = {(const char *)data, size}, line;
	struct order_text text = {.order_by = STR("a")};
	struct str *const slots[] = {&text.order_by, &text.from, &text.geometry, &text.collation};
	struct error err = {.code = ERR_OK};
	struct order *order;
	struct arena arena;

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]) && str_next(&rest, '\n', &line); i++)
		if (line.len)
			*slots[i] = line;
	arena_init(&arena, 1 << 22);
	if (order_new(&arena, fuzz->parser, &text, fuzz->core, &order, &err) == ERR_OK) {
		check_keys(order, fuzz, &arena);
		order_done(order);
	} else {
		assert(err.code != ERR_OK && err.code != ERR_INTERNAL && err.detail[0]);
	}
	arena_done(&arena);
	return 0;
}
