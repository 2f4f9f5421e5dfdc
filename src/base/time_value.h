/* Time values: microseconds since 1970-01-01T00:00:00Z, civil dates, ISO 8601 texts. Pure: no clock is read here.
 * Source: GS CIM 009 V1.9.1 clause 4.6.3 (DateTime, Date, Time); days-from-civil after Howard Hinnant's public
 * derivation of the proleptic Gregorian calendar. */
#ifndef MACHI_BASE_TIME_VALUE_H
#define MACHI_BASE_TIME_VALUE_H

#include "base/buf.h"
#include "base/str.h"

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)

struct civil_date {
	int32_t year; /* 1 to 9999 where texts are concerned */
	int32_t month; /* 1 to 12 */
	int32_t day; /* 1 to 31 */
};

int64_t days_from_civil(struct civil_date date); /* days since 1970-01-01 */
struct civil_date civil_from_days(int64_t days);
int weekday_from_days(int64_t days); /* 0 = Monday … 6 = Sunday */

/* "YYYY-MM-DDThh:mm:ss[.,]ffffffZ": 0 to 6 decimals, every field in range (leap days checked, second 60 refused).
 * Offsets such as +08:00 are refused unless offset_allowed. False when it is not such a text. */
bool time_parse_iso(struct str text, bool offset_allowed, int64_t *ret_us);
bool date_parse_iso(struct str text, struct civil_date *ret_date); /* "YYYY-MM-DD" */
bool time_of_day_parse_iso(struct str text, int64_t *ret_us); /* "hh:mm:ss[.ffffff]Z", since midnight UTC */

#define TIME_ISO_BYTES 28
/* "2026-11-22T04:21:00Z", or with 3 or 6 decimals when they are needed. Returns the text in the caller's buffer. */
struct str time_format_iso(int64_t us, char buffer[static TIME_ISO_BYTES]);

/* The same for one moment after another, {.len = 0} at first: what is as it was is not written again, so that moments
 * of one day cost little. The text lives in `last` until the next one. */
struct time_text {
	int64_t us;
	size_t len;
	char at[TIME_ISO_BYTES];
};
struct str time_text_next(struct time_text *last, int64_t us);

#endif
