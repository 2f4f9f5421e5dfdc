/* A GTFS feed in memory: tables of plain rows that refer to each other by index.
 *
 * Rows come in through a reader (read.h) or, from other sources, through the add functions; transit_feed_check() then
 * puts the feed in order: rows that cannot stand are left out, what can be put right is put right, and each of both is
 * told to the caller's report. Texts live in the feed's arena. Source: the GTFS Schedule reference, gtfs.org; field
 * names there are named here. Pure. Thread: a feed has one owner. */
#ifndef MACHI_ENGINE_TRANSIT_FEED_H
#define MACHI_ENGINE_TRANSIT_FEED_H

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "geo/geo.h"

#define TRANSIT_NONE UINT32_MAX /* no such row */
#define TRANSIT_ROWS_MAX 100000000u /* in one table */
#define TRANSIT_ID_BYTES_MAX 256u
#define TRANSIT_TEXT_BYTES_MAX (INT64_C(1) << 30) /* all texts together */
#define TRANSIT_TIME_NONE INT32_MIN /* a time not given */
#define TRANSIT_TIME_MAX_S (14 * 86400) /* times of day go past 24:00:00, but not past this */

enum transit_file {
	TRANSIT_AGENCY,
	TRANSIT_STOPS,
	TRANSIT_ROUTES,
	TRANSIT_CALENDAR,
	TRANSIT_CALENDAR_DATES,
	TRANSIT_SHAPES,
	TRANSIT_TRIPS,
	TRANSIT_STOP_TIMES,
	TRANSIT_FREQUENCIES,
	TRANSIT_TRANSFERS,
	TRANSIT_FARE_ATTRIBUTES,
	TRANSIT_FARE_RULES,
	TRANSIT_FEED_INFO,
	TRANSIT_FILE_COUNT
};

/* "stop_times.txt" and so on. */
const char *transit_file_name(enum transit_file file);

struct transit_agency {
	struct str id; /* may be empty when it is the only one */
	struct str name, url, timezone, lang, phone, fare_url, email;
	uint32_t line;
};

struct transit_stop {
	struct str id, code, name, desc, zone, url, timezone, platform, parent_id;
	struct geo_point place;
	bool has_place;
	uint8_t location_type; /* 0 stop, 1 station, 2 entrance, 3 node, 4 boarding area */
	uint8_t wheelchair; /* 0 unknown, 1 possible, 2 not */
	uint32_t parent; /* a stop; set by the check */
	uint32_t line;
};

struct transit_route {
	struct str id, short_name, long_name, desc, url, color, text_color;
	uint32_t agency; /* TRANSIT_NONE: not told */
	int32_t type; /* route_type: 0 tram, 1 metro, 2 rail, 3 bus, 4 ferry … 12, and 100–1799 */
	int32_t sort_order; /* −1: none */
	uint32_t line;
};

/* One service_id, from calendar.txt, calendar_dates.txt or both. */
struct transit_service {
	struct str id;
	bool has_week; /* calendar.txt names it */
	uint8_t weekdays; /* bit 0 Monday … bit 6 Sunday */
	int32_t first_day, last_day; /* days since 1970-01-01, inclusive */
	uint32_t line;
	uint32_t exceptions, exception_count; /* a range of the exceptions; set by the check */
};

struct transit_exception {
	uint32_t service;
	int32_t day; /* since 1970-01-01 */
	uint8_t type; /* 1 added, 2 removed */
	uint32_t line;
};

struct transit_shape {
	struct str id;
	uint32_t points, point_count; /* a range of the points; set by the check */
	bool has_distances; /* all points have one, none smaller than the one before */
};

struct transit_point {
	uint32_t shape;
	uint32_t sequence;
	double lon, lat; /* degrees */
	double distance; /* shape_dist_traveled, in the feed's own unit; NAN: not given */
	uint32_t line;
};

struct transit_trip {
	struct str id, headsign, short_name, block;
	uint32_t route, service;
	uint32_t shape; /* TRANSIT_NONE: straight lines from stop to stop */
	int8_t direction; /* 0, 1; −1: not told */
	uint8_t wheelchair, bikes;
	bool left_out; /* the check found it unusable: too few stop times */
	uint32_t times, time_count; /* a range of the stop times; set by the check */
	uint32_t frequencies, frequency_count; /* set by the check */
	uint32_t line;
};

enum { TRANSIT_TIME_INTERPOLATED = 1, TRANSIT_TIME_MOVED = 2 };

struct transit_stop_time {
	uint32_t trip, stop, sequence;
	int32_t arrival, departure; /* seconds since the service day's start; TRANSIT_TIME_NONE: to be interpolated */
	double distance; /* shape_dist_traveled; NAN: not given */
	uint32_t headsign; /* an index into texts; 0: none */
	uint8_t pickup, drop_off; /* 0 to 3 */
	int8_t timepoint; /* 0 approximate, 1 exact, −1: not told (exact) */
	uint8_t flags;
	uint32_t line;
};

struct transit_frequency {
	uint32_t trip;
	int32_t start, end; /* seconds; runs leave at start + k × headway < end */
	int32_t headway; /* seconds, positive */
	bool exact; /* exact_times 1 */
	uint32_t line;
};

struct transit_transfer {
	uint32_t from_stop, to_stop;
	uint8_t type; /* 0 recommended, 1 timed, 2 takes min_time, 3 not possible, 4 in-seat, 5 in-seat not allowed */
	int32_t min_time_s; /* −1: not told */
	uint32_t line;
};

struct transit_fare {
	struct str id, currency;
	double price;
	struct str price_text; /* as written */
	uint8_t payment; /* 0 on board, 1 before boarding */
	int8_t transfers; /* −1: unlimited */
	uint32_t agency;
	int32_t transfer_duration_s; /* −1: not told */
	uint32_t line;
};

struct transit_fare_rule {
	uint32_t fare;
	uint32_t route; /* TRANSIT_NONE: any */
	struct str origin, destination, contains; /* zones; empty: any */
	uint32_t line;
};

struct transit_feed_info {
	struct str publisher, publisher_url, lang, version;
	int32_t first_day, last_day; /* INT32_MIN: not told */
};

/* What a feed holds. Borrowed; rows keep their places until the check, which sorts the big tables. */
struct transit_tables {
	struct transit_agency *agencies;
	struct transit_stop *stops;
	struct transit_route *routes;
	struct transit_service *services;
	struct transit_exception *exceptions; /* after the check by service and day */
	struct transit_shape *shapes;
	struct transit_point *points; /* after the check by shape and sequence */
	struct transit_trip *trips;
	struct transit_stop_time *times; /* after the check by trip and sequence */
	struct transit_frequency *frequencies; /* after the check by trip and start */
	struct transit_transfer *transfers;
	struct transit_fare *fares;
	struct transit_fare_rule *fare_rules;
	struct str *texts; /* 0 is empty */
	uint32_t agency_count, stop_count, route_count, service_count, exception_count, shape_count, point_count,
		trip_count, time_count, frequency_count, transfer_count, fare_count, fare_rule_count, text_count;
	struct transit_feed_info info;
	bool has_info;
};

enum transit_finding { TRANSIT_SKIPPED, TRANSIT_REPAIRED, TRANSIT_NOTE };

/* Who is told what was left out or put right. line 0: the file as a whole. */
struct transit_report {
	void (*tell)(void *self, enum transit_file file, uint64_t line, enum transit_finding finding, const char *what);
	void *self;
};

struct transit_feed;

MUST_CHECK enum err_code transit_feed_new(const struct transit_report *report, struct transit_feed **ret_feed,
					  struct error *err);
struct transit_feed *transit_feed_free(struct transit_feed *feed);
const struct transit_tables *transit_feed_tables(const struct transit_feed *feed);

/* A copy in the feed's arena; the same text gives the same copy where it pays (short and repeated). */
MUST_CHECK enum err_code transit_text(struct transit_feed *feed, struct str text, struct str *ret_copy,
				      struct error *err);
/* The index of a text in tables.texts. */
MUST_CHECK enum err_code transit_text_index(struct transit_feed *feed, struct str text, uint32_t *ret_index,
					    struct error *err);

/* Appends a row as it is (texts from transit_text) and returns its index. Rows with an id already there are ERR_EXISTS,
 * too many rows ERR_LIMIT. */
MUST_CHECK enum err_code transit_add_agency(struct transit_feed *feed, const struct transit_agency *row,
					    uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_stop(struct transit_feed *feed, const struct transit_stop *row,
					  uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_route(struct transit_feed *feed, const struct transit_route *row,
					   uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_service(struct transit_feed *feed, const struct transit_service *row,
					     uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_exception(struct transit_feed *feed, const struct transit_exception *row,
					       struct error *err);
MUST_CHECK enum err_code transit_add_shape(struct transit_feed *feed, const struct transit_shape *row,
					   uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_point(struct transit_feed *feed, const struct transit_point *row,
					   struct error *err);
MUST_CHECK enum err_code transit_add_trip(struct transit_feed *feed, const struct transit_trip *row,
					  uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_stop_time(struct transit_feed *feed, const struct transit_stop_time *row,
					       struct error *err);
MUST_CHECK enum err_code transit_add_frequency(struct transit_feed *feed, const struct transit_frequency *row,
					       struct error *err);
MUST_CHECK enum err_code transit_add_transfer(struct transit_feed *feed, const struct transit_transfer *row,
					      struct error *err);
MUST_CHECK enum err_code transit_add_fare(struct transit_feed *feed, const struct transit_fare *row,
					  uint32_t *ret_index, struct error *err);
MUST_CHECK enum err_code transit_add_fare_rule(struct transit_feed *feed, const struct transit_fare_rule *row,
					       struct error *err);
void transit_set_info(struct transit_feed *feed, const struct transit_feed_info *info);

/* The row with this id, or TRANSIT_NONE. */
uint32_t transit_find_agency(const struct transit_feed *feed, struct str id);
uint32_t transit_find_stop(const struct transit_feed *feed, struct str id);
uint32_t transit_find_route(const struct transit_feed *feed, struct str id);
uint32_t transit_find_service(const struct transit_feed *feed, struct str id);
uint32_t transit_find_shape(const struct transit_feed *feed, struct str id);
uint32_t transit_find_trip(const struct transit_feed *feed, struct str id);
uint32_t transit_find_fare(const struct transit_feed *feed, struct str id);

/* Once, behind the last row: resolves what refers forward, sorts, and makes every trip that stays usable:
 *  - stop times in order of stop_sequence, two at least, all with times that never run back. Missing times are
 *    interpolated along the way. A time that runs back by more than twelve hours is one past midnight (24 h are
 *    added); another one moves all later times of the trip so that the leg takes as long as its length says;
 *  - frequency windows of a trip in order, none overlapping the next (it ends where the next begins).
 * Trips with too few stop times are marked left_out. Errors: ERR_INVALID when nothing is left to run, ERR_MEMORY. */
MUST_CHECK enum err_code transit_feed_check(struct transit_feed *feed, struct error *err);

#endif
