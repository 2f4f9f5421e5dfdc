/* The timetable feeds that a daemon runs: started from the configuration, watched for the log, shown in /metrics. */
#ifndef MACHI_MAIN_TIMETABLES_H
#define MACHI_MAIN_TIMETABLES_H

#include "feed/timetable.h"
#include "main/config.h"
#include "main/log.h"

#include <pthread.h>

struct timetable_slot {
	struct timetable *timetable;
	char feed[CONFIG_FEED_NAME_BYTES_MAX + 1], tenant[CONFIG_FEED_NAME_BYTES_MAX + 1];
	bool running; /* has moved vehicles and said so */
	struct error told; /* the last error that was logged */
	uint64_t refused_told;
};

struct timetables {
	pthread_mutex_t lock; /* guards slots and count: metrics are written on other threads */
	struct timetable_slot slots[CONFIG_FEEDS_MAX];
	size_t count;
};

void timetables_init(struct timetables *timetables);
void timetables_done(struct timetables *timetables); /* stops what runs */
/* Starts those of the configuration, which may go afterwards; stops all and says why when one cannot be started. */
MUST_CHECK enum err_code timetables_start(struct timetables *timetables, struct broker *broker,
					  const struct config *config, struct error *err);
void timetables_stop(struct timetables *timetables);
/* Logs what changed since the last call: first vehicles, errors, refused ones. */
void timetables_watch(struct timetables *timetables, struct log *log);
/* Prometheus lines; self is the struct timetables. */
void timetables_write_metrics(void *self, struct buf *out);

#endif
