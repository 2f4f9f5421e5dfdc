/* A feed's inside, shared within this room. */
#ifndef MACHI_ENGINE_TRANSIT_FEED_INT_H
#define MACHI_ENGINE_TRANSIT_FEED_INT_H

#include "engine/transit/feed.h"

enum transit_table {
	TABLE_AGENCIES,
	TABLE_STOPS,
	TABLE_ROUTES,
	TABLE_SERVICES,
	TABLE_EXCEPTIONS,
	TABLE_SHAPES,
	TABLE_POINTS,
	TABLE_TRIPS,
	TABLE_TIMES,
	TABLE_FREQUENCIES,
	TABLE_TRANSFERS,
	TABLE_FARES,
	TABLE_FARE_RULES,
	TABLE_TEXTS,
	TABLE_COUNT
};

struct transit_feed {
	struct transit_tables tables;
	uint32_t rooms[TABLE_COUNT]; /* rows allocated */
	struct map ids[TABLE_COUNT]; /* id → index + 1; for the tables that have ids, and the texts */
	struct arena texts;
	struct transit_report report;
};

/* Tells the caller's report; what is a format. */
void transit_tell(struct transit_feed *feed, enum transit_file file, uint64_t line, enum transit_finding finding,
		  const char *what, ...) __attribute__((format(printf, 5, 6)));

/* check_times.c: the stop times of all trips. */
MUST_CHECK enum err_code transit_check_times(struct transit_feed *feed, struct error *err);

#endif
