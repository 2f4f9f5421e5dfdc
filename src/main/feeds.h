/* The feeds that a daemon runs: started from the configuration, watched for the log, shown in /metrics. */
#ifndef MACHI_MAIN_FEEDS_H
#define MACHI_MAIN_FEEDS_H

#include "feed/timetable.h"
#include "main/config.h"
#include "main/log.h"

#include <pthread.h>

struct feed_slot {
	struct timetable *timetable;
	char feed[CONFIG_FEED_NAME_BYTES_MAX + 1], tenant[CONFIG_FEED_NAME_BYTES_MAX + 1];
	bool running; /* has moved vehicles and said so */
	struct error told; /* the last error that was logged */
	uint64_t refused_told;
};

struct feeds {
	pthread_mutex_t lock; /* guards slots and count: metrics are written on other threads */
	struct feed_slot slots[CONFIG_FEEDS_MAX];
	size_t count;
};

void feeds_init(struct feeds *feeds);
void feeds_done(struct feeds *feeds); /* stops what runs */
/* Starts those of the configuration, which may go afterwards; stops all and says why when one cannot be started. */
MUST_CHECK enum err_code feeds_start(struct feeds *feeds, struct broker *broker, const struct config *config,
				     struct error *err);
void feeds_stop(struct feeds *feeds);
/* Logs what changed since the last call: first vehicles, errors, refused ones. */
void feeds_watch(struct feeds *feeds, struct log *log);
/* Prometheus lines; self is the struct feeds. */
void feeds_write_metrics(void *self, struct buf *out);

#endif
