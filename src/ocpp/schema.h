/* What payloads of OCPP look like, and whether one is such: members, types, lengths, enumerations, occurrences.
 *
 * Source: the facts of the JSON schemas that the Open Charge Alliance publishes with OCPP 1.6 edition 2, with its
 * security whitepaper edition 2, and with OCPP 2.0.1, as carried by the npm package ocpp-rpc 2.2.1; the tables are
 * ours. Times are RFC 3339 with a zone. Pure; thread-safe, the tables are constant. */
#ifndef MACHI_OCPP_SCHEMA_H
#define MACHI_OCPP_SCHEMA_H

#include "ocpp/frame.h"

#define OCPP_SCHEMA_DEPTH_MAX 16u /* of objects within a payload; no table is deeper */

struct ocpp_action;

enum ocpp_part { OCPP_REQUEST, OCPP_ANSWER };

/* An action by its name, as the version has it and our tables know it; NULL when they do not. */
const struct ocpp_action *ocpp_action_find(enum ocpp_version version, struct str name);
struct str ocpp_action_name(const struct ocpp_action *action);
/* May the station, or the city, be the one that asks? Either may for DataTransfer. */
bool ocpp_action_of_station(const struct ocpp_action *action);
bool ocpp_action_of_city(const struct ocpp_action *action);

/* Holds a payload against the action's table. False: the first thing that is wrong, with its place, such as
 * "meterValue[0].sampledValue[2].value". Which codes: missing members and lists too short or too long are
 * OCPP_OCCURRENCE_VIOLATION, another JSON type OCPP_TYPE_VIOLATION, values out of their enumeration, length or range
 * OCPP_PROPERTY_VIOLATION, members that the object does not have OCPP_FORMAT_VIOLATION in 1.6 and OCPP_PROTOCOL_ERROR
 * in 2.0.1 (each "not conform the PDU structure" in that version's list of codes). */
MUST_CHECK bool ocpp_check(const struct ocpp_action *action, enum ocpp_part part, const struct json *payload,
			   struct ocpp_fault *fault);

/* Reading of what was checked; also right where it was not. */
bool ocpp_time(const struct json *text, int64_t *ret_us); /* RFC 3339 with a zone; beyond microseconds it is cut */
bool ocpp_integer(const struct json *number, int64_t *ret); /* 3 and 3.0 */

#endif
