/* The daemon's log: lines of base/log_line.h on standard error, one write() each.
 *
 * Thread: any. Level and format may be changed while others write. */
#ifndef MACHI_MAIN_LOG_H
#define MACHI_MAIN_LOG_H

#include "base/log_line.h"

#include <stdatomic.h>

struct log {
	int fd;
	atomic_uint level; /* enum log_level; less important lines are left out */
	atomic_uint format; /* enum log_format */
};

void log_init(struct log *log, int fd, enum log_level level, enum log_format format);
bool log_wants(const struct log *log, enum log_level level);
void log_fields(struct log *log, enum log_level level, struct str message, const struct log_field *fields,
		size_t count);

/* log_say(log, LOG_INFO, "ready", LOG_TEXT("url", url), LOG_NUMBER("loops", 2)); at least one field. */
#define log_say(log, level, message, ...)                                                                              \
	log_fields((log), (level), STR(message), (const struct log_field[]){__VA_ARGS__},                              \
		   sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
