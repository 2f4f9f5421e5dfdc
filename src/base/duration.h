/* ISO 8601 durations as texts. Pure. */
#ifndef MACHI_BASE_DURATION_H
#define MACHI_BASE_DURATION_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* "P1DT2H", "PT0.5S", "P2W": years, months, weeks, days, hours, minutes and seconds in this order, each at most once
 * and one of them at least; the last may have decimals (point or comma). A year counts as 365 days and a month as 30,
 * for a duration without a date to begin at has no other length. What is longer than int64_t holds is its largest
 * value. False when it is no such text. */
bool duration_parse_iso(struct str text, int64_t *ret_us);

/* "90 s", "15min", "1 h", "7 d", as settings have it: a whole number and a unit in upper or lower case; seconds where
 * it has none. False when it is no such text, or more than uint64_t holds. */
bool duration_parse_seconds(struct str text, uint64_t *ret_s);

#define DURATION_MONTHS_MAX 120000 /* 10,000 years */

/* The same for what begins at a date: years and months as months, which a calendar gives their lengths, and all else in
 * µs. Years and months are whole; false also for more than DURATION_MONTHS_MAX. */
bool duration_parse_calendar(struct str text, int32_t *ret_months, int64_t *ret_us);

#endif
