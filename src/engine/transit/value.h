/* The field types of GTFS: texts to values. Pure. Source: the GTFS Schedule reference, field types. */
#ifndef MACHI_ENGINE_TRANSIT_VALUE_H
#define MACHI_ENGINE_TRANSIT_VALUE_H

#include "base/buf.h"
#include "base/str.h"

/* "H:MM:SS", "HH:MM:SS" and beyond 24 hours, as seconds; bounded by TRANSIT_TIME_MAX_S. */
bool transit_parse_time(struct str text, int32_t *ret_s);
/* "YYYYMMDD" as days since 1970-01-01. */
bool transit_parse_date(struct str text, int32_t *ret_day);
/* Whole numbers within [min, max]. */
bool transit_parse_int(struct str text, int32_t min, int32_t max, int32_t *ret);
/* Decimal degrees within ±180 and ±90. */
bool transit_parse_place(struct str lon, struct str lat, double *ret_lon, double *ret_lat);
/* A distance: finite and not negative. */
bool transit_parse_distance(struct str text, double *ret);

#define TRANSIT_TIME_BYTES 16
/* "HH:MM:SS", hours past 24 as they are; in the caller's buffer. seconds is not negative. */
struct str transit_format_time(int32_t seconds, char buffer[static TRANSIT_TIME_BYTES]);

#endif
