/* GTFS Realtime: where vehicles are, how late trips run, and what passengers should know, as one FeedMessage of bytes
 * and back.
 *
 * Source: GTFS Realtime reference 2.0 (gtfs.org/documentation/realtime/reference), whose field names are named here;
 * the wire format is that of Protocol Buffers (proto2). The messages themselves are read and written by protobuf-c from
 * our gtfs_realtime.proto; fields that it does not name, extensions among them, are skipped.
 *
 * Times are seconds since 1970 as in the format, GTFSRT_TIME_NONE where they are not given; a 0 counts as not given,
 * since producers write it where they know nothing. Texts are UTF-8 and empty where they are not given; one ends at its
 * first zero byte. Numbers that are not given are NAN or a …_NONE. A value of an enum that the format does not know
 * (yet) counts as not given, which is proto2's rule. Pure. Thread: a message belongs to one. */
#ifndef MACHI_GTFSRT_GTFSRT_H
#define MACHI_GTFSRT_GTFSRT_H

#include "base/arena.h"
#include "base/error.h"

#define GTFSRT_BYTES_MAX ((size_t)128 << 20) /* of a message */
#define GTFSRT_ENTITIES_MAX 500000u
#define GTFSRT_PARTS_MAX 100000u /* stop time updates, periods, selectors or translations of one entity */

#define GTFSRT_TIME_NONE INT64_MIN
#define GTFSRT_TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z; what is later was given in other units */
#define GTFSRT_NUMBER_NONE INT32_MIN /* of signed numbers: delays, types of routes */
#define GTFSRT_COUNT_NONE UINT32_MAX /* of unsigned ones: sequences, directions, percentages */
#define GTFSRT_WORD_NONE UINT8_MAX /* of enums that have no default */

/* The numbers are those of the format. */
enum gtfsrt_trip_relation {
	GTFSRT_TRIP_SCHEDULED = 0,
	GTFSRT_TRIP_ADDED = 1,
	GTFSRT_TRIP_UNSCHEDULED = 2, /* of frequencies without exact times */
	GTFSRT_TRIP_CANCELED = 3,
	GTFSRT_TRIP_REPLACEMENT = 5,
	GTFSRT_TRIP_DUPLICATED = 6, /* a planned trip once more, at another time */
	GTFSRT_TRIP_DELETED = 7, /* cancelled, and not to be shown */
	GTFSRT_TRIP_NEW = 8, /* no relation to any planned trip */
};

enum gtfsrt_stop_relation {
	GTFSRT_STOP_SCHEDULED = 0,
	GTFSRT_STOP_SKIPPED = 1,
	GTFSRT_STOP_NO_DATA = 2,
	GTFSRT_STOP_UNSCHEDULED = 3,
};

enum gtfsrt_stop_status { GTFSRT_INCOMING_AT = 0, GTFSRT_STOPPED_AT = 1, GTFSRT_IN_TRANSIT_TO = 2 };

#define GTFSRT_CONGESTION_MAX 4u /* UNKNOWN_CONGESTION_LEVEL … SEVERE_CONGESTION */
#define GTFSRT_OCCUPANCY_MAX 8u /* EMPTY … NOT_BOARDABLE */
#define GTFSRT_WHEELCHAIR_MAX 3u /* NO_VALUE … WHEELCHAIR_INACCESSIBLE */
#define GTFSRT_CAUSE_MAX 13u /* from 1: UNKNOWN_CAUSE … SPECIAL_EVENT */
#define GTFSRT_EFFECT_MAX 11u /* from 1: NO_SERVICE … ACCESSIBILITY_ISSUE */
#define GTFSRT_SEVERITY_MAX 4u /* from 1: UNKNOWN_SEVERITY … SEVERE */
#define GTFSRT_CAUSE_UNKNOWN 1u
#define GTFSRT_EFFECT_UNKNOWN 8u
#define GTFSRT_SEVERITY_UNKNOWN 1u

/* TripDescriptor: which run of which trip. */
struct gtfsrt_trip {
	struct str trip_id, route_id;
	struct str start_time; /* HH:MM:SS, may pass 24:00:00 */
	struct str start_date; /* YYYYMMDD */
	uint32_t direction; /* GTFSRT_COUNT_NONE */
	uint8_t relation; /* enum gtfsrt_trip_relation; GTFSRT_WORD_NONE: not given, which means scheduled */
	bool given; /* the message holds a descriptor, be it an empty one */
};

/* VehicleDescriptor */
struct gtfsrt_vehicle_name {
	struct str id, label, license_plate;
	uint8_t wheelchair; /* 0: not told */
};

/* VehiclePosition */
struct gtfsrt_vehicle {
	struct gtfsrt_trip trip;
	struct gtfsrt_vehicle_name vehicle;
	bool has_position;
	double lat, lon; /* degrees, as floats have them; not checked for range */
	double bearing_deg, odometer_m, speed_m_s; /* NAN: not given */
	uint32_t stop_sequence; /* current_stop_sequence; GTFSRT_COUNT_NONE */
	struct str stop_id;
	uint8_t status; /* enum gtfsrt_stop_status; in transit where it is not given */
	uint8_t congestion, occupancy; /* GTFSRT_WORD_NONE */
	uint32_t occupancy_percent; /* GTFSRT_COUNT_NONE; may pass 100 */
	int64_t timestamp_s; /* when it was there */
};

/* StopTimeEvent */
struct gtfsrt_event {
	int64_t time_s; /* takes precedence over the delay */
	int64_t scheduled_time_s; /* of trips that no timetable knows */
	int32_t delay_s; /* positive: late; GTFSRT_NUMBER_NONE */
	int32_t uncertainty_s; /* GTFSRT_NUMBER_NONE */
};

/* StopTimeUpdate */
struct gtfsrt_stop_update {
	uint32_t stop_sequence; /* GTFSRT_COUNT_NONE */
	struct str stop_id;
	struct gtfsrt_event arrival, departure;
	uint8_t relation; /* enum gtfsrt_stop_relation */
};

struct gtfsrt_trip_update {
	struct gtfsrt_trip trip;
	struct gtfsrt_vehicle_name vehicle;
	struct str new_trip_id, new_start_date, new_start_time; /* trip_properties of a duplicated trip */
	const struct gtfsrt_stop_update *stops; /* stop_count, in the message's order */
	uint32_t stop_count;
	int32_t delay_s; /* of the trip as a whole; GTFSRT_NUMBER_NONE */
	int64_t timestamp_s; /* when progress was measured */
};

struct gtfsrt_period {
	int64_t start_s, end_s; /* active from start to before end; GTFSRT_TIME_NONE: open */
};

/* EntitySelector: concerns what fits all that is given. */
struct gtfsrt_selector {
	struct str agency_id, route_id, stop_id;
	struct gtfsrt_trip trip;
	int32_t route_type; /* GTFSRT_NUMBER_NONE */
	uint32_t direction; /* GTFSRT_COUNT_NONE */
};

struct gtfsrt_text {
	struct str text, language; /* BCP 47; empty: not told */
};

/* TranslatedString */
struct gtfsrt_texts {
	const struct gtfsrt_text *items;
	uint32_t count;
};

struct gtfsrt_alert {
	const struct gtfsrt_period *periods; /* none: active while it is in the feed */
	const struct gtfsrt_selector *informed;
	uint32_t period_count, informed_count;
	uint8_t cause, effect, severity; /* the unknown ones where they are not given */
	struct gtfsrt_texts header, description, url;
};

struct gtfsrt_entity {
	struct str id; /* unique within the message, no more */
	bool is_deleted;
	const struct gtfsrt_trip_update *trip_update; /* NULL: none; producers give one of the three */
	const struct gtfsrt_vehicle *vehicle;
	const struct gtfsrt_alert *alert;
};

struct gtfsrt_message {
	struct str version; /* gtfs_realtime_version: "1.0", "2.0" */
	struct str feed_version; /* feed_info.feed_version of the timetable that it is about */
	bool differential; /* DIFFERENTIAL, whose meaning the format leaves open */
	int64_t timestamp_s; /* when the message was made */
	const struct gtfsrt_entity *entities;
	uint32_t entity_count;
	uint32_t refused_count; /* entities left out, because they break the format or are no UTF-8 */
	struct error refused; /* why the first of them was; code ERR_OK: none */
};

/* Reads a message. All that it holds lies in the arena, and nothing of it in the bytes. An entity that breaks the
 * format is left out and counted, since a producer's one bad entity should not hide all others.
 * Errors: ERR_INVALID (says at which byte the frame of the message breaks, or what is wrong with the header), ERR_LIMIT
 * (too long, too many entities, or more memory than the arena may have). */
MUST_CHECK enum err_code gtfsrt_decode(struct str bytes, struct arena *arena, struct gtfsrt_message *ret_message,
				       struct error *err);

/* Writes a message; the bytes lie in the arena. A version that is empty becomes "2.0". Texts must be UTF-8 without zero
 * bytes. Errors: ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code gtfsrt_encode(const struct gtfsrt_message *message, struct arena *arena, struct str *ret_bytes,
				       struct error *err);

/* Structs in which nothing is given, to fill in before encoding. */
struct gtfsrt_trip gtfsrt_trip_none(void);
struct gtfsrt_vehicle gtfsrt_vehicle_none(void);
struct gtfsrt_event gtfsrt_event_none(void);
struct gtfsrt_stop_update gtfsrt_stop_update_none(void);
struct gtfsrt_trip_update gtfsrt_trip_update_none(void);
struct gtfsrt_selector gtfsrt_selector_none(void);
struct gtfsrt_alert gtfsrt_alert_none(void);

#endif
