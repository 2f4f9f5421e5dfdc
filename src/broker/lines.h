/* InfluxDB line protocol into the history of a tenant: "measurement,tag=value field=1.5 1609459200000000000".
 *
 * A line is what one thing said at one moment. The thing's id is the tag `id` when that is a URI, else the URN that
 * measurement and tags give (lineproto/series_key.h); its type is the measurement, each field a Property with that
 * observedAt, names expanded by the core @context. The values become history at once (store/bulk.h); the current state
 * of entities is not touched. Lines that break a rule are left out, counted and the first of them named; the others are
 * stored in one transaction.
 *
 * Numbers of things and attributes are remembered for each tenant, so that a known one costs a look into a map; unknown
 * ones are asked of the store first, all of a request together. */
#ifndef MACHI_BROKER_LINES_H
#define MACHI_BROKER_LINES_H

#include "broker/broker.h"
#include "lineproto/lines.h"

#define LINES_BAD_SHOWN 10u
#define LINES_NAMES_MAX 1000000u /* things and attributes remembered for a tenant; more: it begins anew */

struct lines_bad {
	uint64_t number; /* of the line in the text, from 1 */
	struct str reason;
};

struct lines_names; /* what is remembered of a tenant */
struct store_bulk;

/* One request. Caller: fill in what stands before "results" and call broker_lines_run(); while it says that it waits,
 * do nothing until wake() is called (on another thread), then call it again. All of it stays alive until it does not
 * wait any more. broker_lines_done() in any case at the end. */
struct broker_lines {
	struct broker *broker;
	struct store *store;
	struct str text;
	enum line_precision precision;
	struct arena *arena; /* of the request */
	void (*wake)(struct broker_lines *lines); /* another thread; may be called before run() returns */
	void *self; /* the caller's */
	/* results */
	uint64_t line_count, value_count; /* stored */
	uint64_t bad_count;
	struct lines_bad bad[LINES_BAD_SHOWN];
	/* the broker's own */
	struct store_write write;
	struct lines_names *names;
	struct store_bulk *bulk;
	struct lines_wanted *wanted;
	enum { LINES_READ, LINES_NAMED, LINES_STORED } phase;
	unsigned int tries;
	enum err_code code;
	struct error error;
};

/* One thread at a time (not the store's writer). ret_waits as above. ERR_OK and no wait: done, durable, look at the
 * results. Errors: those of store_submit(), ERR_LIMIT, ERR_MEMORY, ERR_UNSUPPORTED (a tenant in memory), ERR_IO …;
 * then nothing was stored. */
MUST_CHECK enum err_code broker_lines_run(struct broker_lines *lines, bool *ret_waits, struct error *err);
void broker_lines_done(struct broker_lines *lines);

#endif
