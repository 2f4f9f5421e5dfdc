/* Log lines of hostile values: always one line, and nothing in it that a terminal obeys. */
#include "base/log_line.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = {(const char *)data, size};
	struct log_field field = LOG_TEXT("value", value);

	for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++) {
		struct buf line;

		buf_init(&line, LOG_LINE_BYTES_MAX);
		log_line(&line, format, 0, LOG_INFO, value, &field, 1);
		assert(!line.failed && line.len > 0 && line.at[line.len - 1] == '\n');
		for (size_t i = 0; i + 1 < line.len; i++)
			assert((unsigned char)line.at[i] >= 0x20 && line.at[i] != 0x7F);
		buf_done(&line);
	}
	return 0;
}
