/* The daemon's log. */
#include "main/log.h"

#include "base/time_value.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

void log_init(struct log *log, int fd, enum log_level level, enum log_format format)
{
	log->fd = fd;
	atomic_init(&log->level, (unsigned)level);
	atomic_init(&log->format, (unsigned)format);
}

bool log_wants(const struct log *log, enum log_level level)
{
	return (unsigned)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

void log_fields(struct log *log, enum log_level level, struct str message, const struct log_field *fields, size_t count)
{
	struct timespec now;
	struct buf line;

	if (!log_wants(log, level))
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	buf_init(&line, LOG_LINE_BYTES_MAX * 2);
	log_line(&line, (enum log_format)atomic_load_explicit(&log->format, memory_order_relaxed),
		 now.tv_sec * US_PER_S + now.tv_nsec / 1000, level, message, fields, count);
	/* A log that cannot be written is nothing that the city should stop for. */
	while (!line.failed && write(log->fd, line.at, line.len) < 0 && errno == EINTR)
		continue;
	buf_done(&line);
}
