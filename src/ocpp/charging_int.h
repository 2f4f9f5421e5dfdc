/* Of charging profiles, within the room. */
#ifndef MACHI_OCPP_CHARGING_INT_H
#define MACHI_OCPP_CHARGING_INT_H

#include "ocpp/charging.h"

#define OCPP_RATE_MAX 1e9 /* W or A: a gigawatt is more than any station has */
#define OCPP_SPAN_MAX_S INT64_C(315360000) /* ten years, of a schedule */
#define OCPP_TIME_MAX_US INT64_C(253402300799999999) /* the end of 9999 */

struct str ocpp_purpose_name(enum ocpp_version version, enum ocpp_purpose purpose);
struct str ocpp_unit_name(enum ocpp_unit unit);

#endif
