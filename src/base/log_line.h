/* One line of the log, built in a buffer: logfmt or JSON. Pure; who writes it where is the caller's business.
 *
 * Whatever a stranger managed to get into a value stays inside that value: quotes, line ends, control characters,
 * line separators and characters that turn the direction of text are escaped, bytes that are no UTF-8 become U+FFFD,
 * and a value beyond LOG_VALUE_BYTES_MAX is cut at a character and marked with "…". Times: RFC 3339 in UTC. */
#ifndef MACHI_BASE_LOG_LINE_H
#define MACHI_BASE_LOG_LINE_H

#include "base/buf.h"
#include "base/str.h"

#define LOG_VALUE_BYTES_MAX 1024
#define LOG_LINE_BYTES_MAX 16384 /* a buffer of this size holds any line of up to LOG_FIELDS_MAX short fields */
#define LOG_FIELDS_MAX 16

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };

const char *log_level_name(enum log_level level); /* "error", "warning", "info", "debug" */

struct log_field {
	const char *key; /* lower-case letters, digits, "_"; ours, never a stranger's */
	bool is_number;
	struct str text;
	int64_t number;
};

#define LOG_TEXT(name, value) ((struct log_field){.key = (name), .text = (value)})
#define LOG_NUMBER(name, value) ((struct log_field){.key = (name), .is_number = true, .number = (value)})

/* Appends text as a line of a log or terminal may show it: unsafe characters escaped, bytes that are no UTF-8 replaced,
 * quotes left alone, any length. */
void log_put_safe(struct buf *out, struct str text);

/* Appends `time=… level=… msg=… key=value …` or the same as a JSON object, and a line end. Errors are the buffer's. */
void log_line(struct buf *out, enum log_format format, int64_t time_us, enum log_level level, struct str message,
	      const struct log_field *fields, size_t field_count);

#endif
