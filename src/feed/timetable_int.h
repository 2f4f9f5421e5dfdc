/* The inside of the timetable feed, shared by its files. */
#ifndef MACHI_FEED_TIMETABLE_INT_H
#define MACHI_FEED_TIMETABLE_INT_H

#include "base/time_value.h"
#include "engine/transit/plan.h"
#include "feed/entity_int.h"
#include "feed/gtfs_int.h"
#include "feed/id_set.h"
#include "feed/timetable.h"

#include <pthread.h>

#define CHUNK_ITEMS 500u /* entities in one write, so that other writers get their turn */
#define CHUNKS 2u /* writes in flight */
#define CHUNK_BYTES_MAX ((size_t)64 << 20)

/* ---- vehicle.c: what a vehicle's entity says ---- */

enum vehicle_name {
	VEHICLE_NAME,
	VEHICLE_TYPE,
	VEHICLE_CATEGORY,
	VEHICLE_SERVICE_PROVIDED,
	VEHICLE_SERVICE_STATUS,
	VEHICLE_LOCATION,
	VEHICLE_BEARING,
	VEHICLE_SPEED,
	VEHICLE_ROUTE,
	VEHICLE_TRIP,
	VEHICLE_NEXT_STOP,
	VEHICLE_DELAY,
	VEHICLE_BASIS,
	VEHICLE_SERVICE_DATE,
	VEHICLE_START_TIME,
	VEHICLE_EXACT_TIMES,
	VEHICLE_SCHEDULED_TIME,
	VEHICLE_NAME_COUNT
};

struct vehicle_names {
	struct arena arena;
	struct str type;
	struct str iris[VEHICLE_NAME_COUNT];
};

/* What of a vehicle changes, rounded as it is written. */
struct vehicle_state {
	int32_t lon_e6, lat_e6; /* millionths of a degree */
	int32_t speed_e1; /* tenths of km/h */
	int16_t bearing; /* degrees */
	uint32_t stop; /* the next one; index in the plan */
};

struct vehicle {
	struct transit_run run;
	struct vehicle_state state; /* as written last */
	bool written; /* the store has it as state says */
};

/* When a tick is, in words that live as long as its writes. */
struct vehicle_moment {
	int64_t now_us;
	char observed[TIME_ISO_BYTES];
	struct str observed_at; /* the clock */
	char scheduled[TIME_ISO_BYTES];
	struct str scheduled_at; /* the timetable; STR_NONE while it is the same */
};

MUST_CHECK enum err_code vehicle_names_init(struct vehicle_names *names, const struct context *context,
					    struct error *err);
/* urn:ngsi-ld:Vehicle:FEED:TRIP:SERVICE DATE:START TIME; STR_NONE when the arena refuses. */
struct str vehicle_urn(struct arena *arena, struct str feed, const struct transit_plan *plan,
		       const struct transit_run *run);
struct vehicle_state vehicle_state_of(const struct transit_plan *plan, const struct transit_run *run,
				      const struct transit_position *position);
/* The whole entity, or NULL. */
struct json *vehicle_entity(const struct vehicle_names *names, struct arena *arena, struct str urn,
			    const struct transit_plan *plan, const struct transit_run *run,
			    const struct vehicle_state *state, const struct vehicle_moment *moment);
/* What differs from what was written; *ret_same when nothing does. NULL when the arena refuses. */
struct json *vehicle_changes(const struct vehicle_names *names, struct arena *arena, const struct transit_plan *plan,
			     const struct vehicle_state *before, const struct vehicle_state *state,
			     const struct vehicle_moment *moment, bool *ret_same);

/* ---- timetable.c, timetable_write.c ---- */

struct chunk {
	struct broker_write write;
	struct timetable *timetable;
	struct arena arena;
	struct broker_item items[CHUNK_ITEMS];
	uint32_t vehicles[CHUNK_ITEMS]; /* of each item; TRANSIT_NONE for a deletion */
	bool busy; /* under the lock: submitted and not done */
};

struct prune {
	struct store_write write;
	struct timetable *timetable;
	struct str prefix;
	int64_t before_us;
	uint32_t rows_max;
	uint32_t rows; /* of the last run */
	bool busy; /* under the lock */
};

struct timetable {
	struct broker *broker;
	struct store *store;
	struct timetable_options options;
	char feed_text[GTFS_FEED_NAME_BYTES_MAX + 1];
	char prefix_text[GTFS_FEED_NAME_BYTES_MAX + 32];
	struct str prefix; /* of its vehicles' ids */
	struct vehicle_names names;
	pthread_t thread;

	/* The thread's own. */
	struct store_reader *reader;
	struct transit_plan *plan; /* NULL: no feed */
	char mark[64]; /* of the import that the plan was loaded from */
	int64_t retry_us; /* no earlier is a failed load tried again */
	int64_t origin_us; /* clock at the start */
	struct vehicle *vehicles; /* running, in the order of transit_active() */
	uint32_t vehicle_count, vehicle_room;
	struct vehicle *before; /* those of the tick before */
	uint32_t before_count, before_room;
	struct vehicle_moment moment;
	struct chunk *filling; /* NULL: none is open */
	struct chunk chunks[CHUNKS];
	struct prune prune;
	bool swept; /* leftovers were removed since the plan was loaded */

	pthread_mutex_t
		lock; /* guards what follows, `busy` of chunks and prune, and vehicles[].written during a tick */
	pthread_cond_t changed; /* a write is done, or stopping was set */
	bool stopping;
	struct timetable_stats stats;
};

void timetable_note_error(struct timetable *timetable, const struct error *err);

/* Adds one item to the chunk being filled, submitting it when full. entity may be NULL for a deletion. */
MUST_CHECK enum err_code timetable_add(struct timetable *timetable, enum broker_operation operation, struct str id,
				       const struct json *entity, uint32_t vehicle, struct error *err);
/* The arena of the chunk that the next item goes into; waits for a free chunk. NULL when memory is refused. */
struct arena *timetable_arena(struct timetable *timetable);
/* Submits what is being filled. */
MUST_CHECK enum err_code timetable_flush(struct timetable *timetable, struct error *err);
/* Until nothing of this feed is in flight. */
void timetable_settle(struct timetable *timetable);
/* Takes a bounded step of pruning, together with the tick's writes. */
MUST_CHECK enum err_code timetable_prune(struct timetable *timetable, struct error *err);

/* ---- timetable_load.c ---- */

/* Loads the feed when its import mark has changed. Afterwards plan is NULL when there is no feed. */
MUST_CHECK enum err_code timetable_load(struct timetable *timetable, struct error *err);
/* Deletes vehicles of this feed that do not run now. */
MUST_CHECK enum err_code timetable_sweep(struct timetable *timetable, struct error *err);

#endif
