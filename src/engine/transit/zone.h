/* Time zones from TZif files: the offset from UTC at an instant, and where a service day begins. Pure over the file's
 * bytes, which the caller reads. Source: RFC 8536; the footer's rules are those of the TZ variable in POSIX.1, chapter
 * 8.3, with the hours of −167 to 167 that RFC 8536 section 3.3.1 adds. Immutable once parsed: any thread. */
#ifndef MACHI_ENGINE_TRANSIT_ZONE_H
#define MACHI_ENGINE_TRANSIT_ZONE_H

#include "base/error.h"
#include "base/str.h"

#define TRANSIT_ZONE_FILE_BYTES_MAX 262144u
#define TRANSIT_ZONE_TRANSITIONS_MAX 8192u

struct transit_zone;

/* Version 1, 2 or 3 (of which the 64-bit part is used). ERR_CORRUPT says what is wrong with the file. */
MUST_CHECK enum err_code transit_zone_parse(struct str bytes, struct transit_zone **ret_zone, struct error *err);
struct transit_zone *transit_zone_free(struct transit_zone *zone);

/* Seconds to add to UTC. */
int32_t transit_zone_offset_s(const struct transit_zone *zone, int64_t unix_s);
/* The instant (seconds since 1970) that GTFS times of this date are counted from: noon minus twelve hours, which is
 * midnight but for the days on which the clocks change. day: since 1970-01-01. */
int64_t transit_zone_day_start_s(const struct transit_zone *zone, int32_t day);

/* May this be a zone's name, safe to use as a path below the folder of zones ("Asia/Singapore")? */
bool transit_zone_name_good(struct str name);

#endif
