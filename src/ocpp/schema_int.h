/* Tables of payloads: a shape is a list of fields. Of the room only. */
#ifndef MACHI_OCPP_SCHEMA_INT_H
#define MACHI_OCPP_SCHEMA_INT_H

#include "ocpp/schema.h"

enum ocpp_kind {
	OCPP_TEXT, /* of at most `max` characters; 0: as long as it likes */
	OCPP_TIME,
	OCPP_INTEGER,
	OCPP_NATURAL, /* an integer from 0 on */
	OCPP_PERCENT, /* an integer from 0 to 100 */
	OCPP_NUMBER,
	OCPP_TENTHS, /* a number in steps of 0.1 */
	OCPP_BOOLEAN,
	OCPP_CHOICE, /* one of the words in `choices` */
	OCPP_OBJECT, /* as `shape` says */
	OCPP_ANY,
};

struct ocpp_shape;

struct ocpp_field {
	const char *name;
	enum ocpp_kind kind;
	bool must; /* has to be there */
	bool list; /* an array of such values */
	uint32_t max;
	uint32_t list_min, list_max; /* items; list_max 0: any number */
	const char *choices; /* words, a blank between */
	const struct ocpp_shape *shape;
};

struct ocpp_shape {
	const struct ocpp_field *fields;
	size_t field_count;
	bool custom; /* 2.0.1: may have a customData object */
	bool open; /* may have members that nobody knows */
};

#define OCPP_BY_STATION 1u
#define OCPP_BY_CITY 2u

struct ocpp_action {
	const char *name;
	enum ocpp_version version;
	uint32_t by; /* who asks */
	const struct ocpp_shape *request, *answer;
};

/* How the tables are written. */
#define MUST .must = true
#define TEXT(characters) .kind = OCPP_TEXT, .max = (characters)
#define TIME .kind = OCPP_TIME
#define INTEGER .kind = OCPP_INTEGER
#define NATURAL .kind = OCPP_NATURAL
#define PERCENT .kind = OCPP_PERCENT
#define NUMBER .kind = OCPP_NUMBER
#define TENTHS .kind = OCPP_TENTHS
#define BOOLEAN .kind = OCPP_BOOLEAN
#define ANY .kind = OCPP_ANY
#define CHOICE(words) .kind = OCPP_CHOICE, .choices = (words)
#define OBJECT(name) .kind = OCPP_OBJECT, .shape = &(name)
#define LIST(min, max_) .list = true, .list_min = (min), .list_max = (max_)
#define FIELDS(name) .fields = (name), .field_count = sizeof(name) / sizeof((name)[0])

extern const struct ocpp_action ocpp_actions_16[], ocpp_actions_201_station[], ocpp_actions_201_city[];
extern const size_t ocpp_actions_16_count, ocpp_actions_201_station_count, ocpp_actions_201_city_count;

/* Objects that more than one of 2.0.1's messages has. */
extern const struct ocpp_shape ocpp_id_token, ocpp_ocsp_request_data, ocpp_message_content, ocpp_id_token_info,
	ocpp_charging_station, ocpp_status_info, ocpp_evse, ocpp_clear_charging_profile,
	ocpp_charging_profile_criterion, ocpp_composite_schedule, ocpp_component_variable, ocpp_get_variable_data,
	ocpp_get_variable_result, ocpp_meter_value, ocpp_charging_schedule, ocpp_charging_limit, ocpp_message_info,
	ocpp_charging_needs, ocpp_event_data, ocpp_monitoring_data, ocpp_report_data, ocpp_charging_profile,
	ocpp_authorization_data, ocpp_set_variable_data, ocpp_set_variable_result, ocpp_transaction;

#endif
