/* The timetable feed: keeps one Vehicle entity for every trip of an imported GTFS feed that should be running now.
 *
 * A thread of its own loads the feed's entities (again whenever an import changed them), and at each tick writes where
 * each vehicle should be. What it writes is planned, not observed, and says so; README.md of this room tells how, and
 * what observedAt means here. Thread: start, stop and stats from any; a struct timetable is one feed. */
#ifndef MACHI_FEED_TIMETABLE_H
#define MACHI_FEED_TIMETABLE_H

#include "broker/broker.h"

#define TIMETABLE_START_NOW INT64_MIN
#define TIMETABLE_INTERVAL_MS_DEFAULT 5000u
#define TIMETABLE_VEHICLES_MAX_DEFAULT 20000u
#define TIMETABLE_HISTORY_KEEP_S_DEFAULT 3600u
#define TIMETABLE_SPEED_MAX 1000.0

struct timetable_options {
	struct str tenant; /* STR_NONE: the default one */
	struct str feed; /* as imported */
	uint32_t interval_ms; /* between ticks; 0: TIMETABLE_INTERVAL_MS_DEFAULT; at least 100 */
	double speed; /* seconds of timetable for each second of the clock; 0: 1 */
	int64_t start_us; /* the timetable's instant at which the feed starts; TIMETABLE_START_NOW: the real one */
	uint32_t vehicles_max; /* over it runs are left out and counted; 0: TIMETABLE_VEHICLES_MAX_DEFAULT */
	uint32_t history_keep_s; /* older history of its vehicles is pruned, by the broker's clock; 0: never */
	/* For tests: called instead of sleeping for us, on the feed's thread; it must return once timetable_stop() was
	 * called. NULL: real time. */
	void (*wait)(void *self, int64_t us);
	void *wait_self;
};

/* A struct with every default set; the feed must be named. */
struct timetable_options timetable_defaults(void);

struct timetable;

/* Copies the options and starts the thread. The broker must outlive it. A feed that is not there (yet) is waited for.
 * Errors: ERR_INVALID (options), ERR_TENANT, ERR_MEMORY. */
MUST_CHECK enum err_code timetable_start(struct broker *broker, const struct timetable_options *options,
					 struct timetable **ret_timetable, struct error *err);
/* Asks the thread to end, joins it (at most the write under way is waited for) and frees. Vehicles stay as they are
 * and are put right at the next start. NULL is fine; returns NULL. */
struct timetable *timetable_stop(struct timetable *timetable);

struct timetable_stats {
	uint64_t vehicles; /* running now */
	uint64_t vehicles_refused; /* runs left out at the last tick because of vehicles_max */
	uint64_t ticks; /* completed */
	uint64_t ticks_late; /* skipped because the one before took too long */
	uint64_t writes; /* entities created, updated or deleted */
	uint64_t write_errors; /* entities whose write failed */
	uint64_t history_pruned; /* history points deleted */
	uint64_t loads; /* times that the feed was read from the store */
	int64_t tick_us; /* duration of the last tick, until durable */
	int64_t schedule_us; /* the timetable's instant at the last tick */
	struct error error; /* the last one; code ERR_OK when there was none */
};

void timetable_stats(struct timetable *timetable, struct timetable_stats *ret_stats);

#endif
