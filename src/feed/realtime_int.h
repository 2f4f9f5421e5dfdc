/* The inside of GTFS Realtime in this room. */
#ifndef MACHI_FEED_REALTIME_INT_H
#define MACHI_FEED_REALTIME_INT_H

#include "base/map.h"
#include "base/time_value.h"
#include "engine/transit/match.h"
#include "feed/entity_int.h"
#include "feed/gtfs_int.h"
#include "feed/realtime.h"
#include "gtfsrt/gtfsrt.h"

/* ---- realtime_names.c: types, attributes and words ---- */

enum realtime_type { REALTIME_VEHICLE, REALTIME_TRIP, REALTIME_ALERT };

enum realtime_name {
	RT_NAME,
	RT_VEHICLE_TYPE,
	RT_CATEGORY,
	RT_SERVICE_PROVIDED,
	RT_SERVICE_STATUS,
	RT_FLEET_ID,
	RT_PLATE,
	RT_LOCATION,
	RT_BEARING,
	RT_SPEED,
	RT_HAS_ROUTE,
	RT_HAS_TRIP,
	RT_HAS_STOP,
	RT_NEXT_STOP,
	RT_BASIS,
	RT_SERVICE_DATE,
	RT_START_TIME,
	RT_DELAY,
	RT_DELAY_BASIS,
	RT_OCCUPANCY,
	RT_OCCUPANCY_PERCENT,
	RT_CONGESTION,
	RT_STOP_STATUS,
	RT_VEHICLE_LABEL,
	RT_RELATION,
	RT_HAS_TRIP_UPDATE,
	RT_HAS_VEHICLE,
	RT_TRIP_CODE,
	RT_COPY_OF,
	RT_CALLS,
	RT_ALERT_SOURCE,
	RT_DATE_ISSUED,
	RT_VALID_FROM,
	RT_VALID_TO,
	RT_SEVERITY,
	RT_DESCRIPTION,
	RT_PAGE,
	RT_CAUSE,
	RT_EFFECT,
	RT_PERIODS,
	RT_HAS_AGENCY,
	RT_INFORMED,
	RT_NAME_COUNT
};

struct str realtime_name_text(enum realtime_name name);
struct str realtime_type_text(enum realtime_type type);

/* The format's words in our spelling ("manySeatsAvailable"), by their numbers; STR_NONE for what is not told. */
struct str realtime_trip_word(uint8_t relation);
struct str realtime_stop_word(uint8_t relation);
struct str realtime_status_word(uint8_t status);
struct str realtime_congestion_word(uint8_t congestion);
struct str realtime_occupancy_word(uint8_t occupancy);
struct str realtime_cause_word(uint8_t cause);
struct str realtime_effect_word(uint8_t effect);
struct str realtime_severity_word(uint8_t severity);
/* And back: the number of a word by one of the functions above, none when it is no such word. */
uint8_t realtime_word_number(struct str (*word)(uint8_t number), struct str text, uint8_t none);

/* ---- memory of what was told ---- */

/* What of a vehicle changes, rounded as it is written. */
struct realtime_vehicle {
	int64_t at_s; /* when it was there; GTFSRT_TIME_NONE */
	int32_t lon_e6, lat_e6; /* REALTIME_NOWHERE: no position */
	int32_t speed_e1; /* tenths of km/h; −1: not told */
	int32_t bearing; /* degrees; −1 */
	int32_t delay_s; /* TRANSIT_DELAY_NONE */
	uint32_t stop; /* TRANSIT_NONE */
	uint32_t occupancy_percent; /* GTFSRT_COUNT_NONE */
	uint8_t occupancy, congestion, status; /* GTFSRT_WORD_NONE */
};

#define REALTIME_NOWHERE INT32_MAX
#define GTFS_ALERT_TARGETS_MAX 1000u /* of one relationship; informedEntities has all */

/* What a trip's run has to do with vehicles and headways. */
struct realtime_run {
	struct transit_run run; /* trip TRANSIT_NONE: none of the timetable's */
	int32_t delay_s; /* now */
	uint64_t calls_hash;
	struct transit_call_delay *delays; /* owned, one for each call of the trip; NULL: none */
	bool cancelled;
};

/* One entity that was told. */
struct told {
	struct str id; /* behind this struct */
	uint32_t source;
	uint64_t seen; /* the take that saw it last */
	uint64_t hash; /* of what is told whole only */
	bool written; /* the store has it as it was told last */
	enum realtime_type type;
	union {
		struct realtime_vehicle vehicle;
		struct realtime_run run;
	};
};

struct realtime {
	struct realtime_options options;
	char feed_text[GTFS_FEED_NAME_BYTES_MAX + 1];
	char timetable_text[GTFS_FEED_NAME_BYTES_MAX + 1];
	const struct transit_feed *timetable;
	const struct transit_tables *tables; /* NULL: no timetable */
	const struct transit_zone *zone;
	struct arena names; /* the IRIs and prefixes */
	struct str types[REALTIME_TYPES];
	struct str iris[RT_NAME_COUNT];
	struct str prefixes[REALTIME_TYPES];
	struct str trip_prefix; /* of the timetable's trips */
	struct map told; /* id → struct told */
	int64_t timestamp_s[REALTIME_SOURCES_MAX]; /* of the last message taken */
	uint64_t takes;
	int32_t day; /* of day_start_s; TRANSIT_DAY_NONE */
	int64_t day_start_s;
};

/* A message being taken. */
struct take {
	struct realtime *realtime;
	struct arena *arena;
	const struct realtime_sink *sink;
	struct realtime_report *report;
	uint32_t source;
	int64_t now_us;
	int64_t message_s; /* the header's time, or now's */
	struct time_text observed; /* the last time written */
	struct str observed_text; /* the same in the arena */
	struct json constants; /* attributes that all vehicles share; none until the first is made */
};

/* What is kept of an id, made when it is new. NULL when memory is refused. */
struct told *realtime_told(struct take *take, enum realtime_type type, struct str id, bool *ret_new);
/* Marks it as seen by this take. False when it was already: the message repeats itself. */
bool realtime_see(struct take *take, struct told *told);
/* Hands an entity to the sink and counts it. entity NULL: memory was refused while it was made. */
MUST_CHECK enum err_code realtime_tell(struct take *take, struct told *told, enum broker_operation operation,
				       const struct json *entity, struct error *err);
/* "2026-11-30T00:00:00Z" in the arena; the same text for the same time in a row. */
struct str realtime_time(struct take *take, int64_t at_s);
/* When a service day begins, seconds since 1970. */
int64_t realtime_day_start(struct realtime *realtime, int32_t day);
/* May this be part of an id? */
bool realtime_id_fits(struct str id);
/* Mixes bytes into a hash. */
uint64_t realtime_mix(uint64_t hash, const void *bytes, size_t len);
uint64_t realtime_mix_text(uint64_t hash, struct str text);

/* ---- realtime_match.c ---- */

struct realtime_match {
	enum realtime_reason reason;
	struct transit_run run; /* when matched */
	uint32_t route; /* TRANSIT_NONE: not known */
	uint8_t relation; /* enum gtfsrt_trip_relation */
};

struct realtime_match realtime_match_trip(struct take *take, const struct gtfsrt_trip *trip);
/* Counts how it went and notes what was not matched. */
void realtime_note(struct take *take, const struct realtime_match *match, struct str entity_id, struct str trip_id);
/* Is the trip said to be an extra one, with an id of its own? */
bool realtime_is_extra(uint8_t relation);
/* The id of the GtfsTripUpdate of a run, planned or extra; STR_NONE when the arena refuses. */
struct str realtime_run_urn(struct take *take, const struct realtime_match *match, const struct gtfsrt_trip *trip);
/* The row of a stop_id or route_id of the message; TRANSIT_NONE. */
uint32_t realtime_find_stop(struct take *take, struct str stop_id);
uint32_t realtime_find_route(struct take *take, struct str route_id);

/* ---- realtime_vehicle.c, realtime_trip.c, realtime_alert.c ---- */

MUST_CHECK enum err_code realtime_take_vehicle(struct take *take, struct str entity_id,
					       const struct gtfsrt_vehicle *vehicle, struct error *err);
/* The id of a vehicle's entity by its descriptor, its trip or the entity's id in the message. */
struct str realtime_vehicle_urn(struct take *take, struct str entity_id, struct str vehicle_id,
				const struct gtfsrt_trip *trip);
MUST_CHECK enum err_code realtime_take_trip(struct take *take, struct str entity_id,
					    const struct gtfsrt_trip_update *update, struct error *err);
MUST_CHECK enum err_code realtime_take_alert(struct take *take, struct str entity_id, const struct gtfsrt_alert *alert,
					     struct error *err);

#endif
