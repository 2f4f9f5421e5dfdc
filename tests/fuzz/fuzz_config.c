/* Configuration files from whoever may write one: no text may crash the loader, and what it accepts must show itself as
 * a file that it accepts again with the same values. */
#include "main/config.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_sources sources = {.file_name = STR("fuzz.yaml"), .file_text = {(const char *)data, size}};
	struct config *config = NULL, *again = NULL;
	struct error err;
	struct buf a, b;

	if (config_load(&sources, &config, &err))
		return 0;
	buf_init(&a, 1 << 22);
	buf_init(&b, 1 << 22);
	config_write_values(config, false, &a);
	sources.file_text = buf_str(&a);
	enum err_code code = config_load(&sources, &again, &err);

	assert(code == ERR_OK);
	config_write_values(again, false, &b);
	assert(str_eq(buf_str(&a), buf_str(&b)));
	buf_done(&a);
	buf_done(&b);
	(void)config_free(config);
	(void)config_free(again);
	return 0;
}
