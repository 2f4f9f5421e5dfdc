/* What the city may ask of a station, the same for OCPP 1.6 and 2.0.1. Sources as in event.h; which message each
 * becomes stands beside it, 1.6's before 2.0.1's. */
#ifndef MACHI_OCPP_COMMAND_H
#define MACHI_OCPP_COMMAND_H

#include "ocpp/charging.h"

#define OCPP_VALUES_MAX 64u /* settings that are asked for at once */

enum ocpp_command_kind {
	OCPP_COMMAND_START, /* RemoteStartTransaction, RequestStartTransaction */
	OCPP_COMMAND_STOP, /* RemoteStopTransaction, RequestStopTransaction */
	OCPP_COMMAND_SET_PROFILE, /* SetChargingProfile */
	OCPP_COMMAND_CLEAR_PROFILE, /* ClearChargingProfile */
	OCPP_COMMAND_COMPOSITE, /* GetCompositeSchedule */
	OCPP_COMMAND_AVAILABILITY, /* ChangeAvailability */
	OCPP_COMMAND_RESET, /* Reset */
	OCPP_COMMAND_UNLOCK, /* UnlockConnector */
	OCPP_COMMAND_TRIGGER, /* TriggerMessage */
	OCPP_COMMAND_SET_VALUE, /* ChangeConfiguration, SetVariables */
	OCPP_COMMAND_GET_VALUES, /* GetConfiguration, GetVariables */
	OCPP_COMMAND_CLEAR_CACHE, /* ClearCache */
};

/* A setting of the station. */
struct ocpp_variable_name {
	struct str component, component_instance; /* 2.0.1; the instance may be {NULL, 0} */
	struct str name, instance; /* 1.6: the key is the name */
};

struct ocpp_command {
	enum ocpp_command_kind kind;
	/* START: evse or OCPP_NONE (the station chooses); SET_PROFILE, COMPOSITE, AVAILABILITY: evse, 0 for the whole
	 * station; AVAILABILITY, TRIGGER: the connector too, or OCPP_NONE; CLEAR_PROFILE, TRIGGER: evse or OCPP_NONE;
	 * RESET: evse, 2.0.1 only, or OCPP_NONE; UNLOCK: evse, and in 2.0.1 its connector. */
	struct ocpp_place place;
	union {
		struct {
			struct ocpp_token token; /* in 2.0.1 with its type; without one: Central */
			int64_t remote_start; /* 2.0.1: comes back in the transaction that it leads to */
			const struct ocpp_profile *profile; /* an OCPP_TX without transaction; NULL: none */
		} start;
		struct {
			struct str transaction; /* 1.6: the number in digits */
		} stop;
		const struct ocpp_profile *profile; /* SET_PROFILE */
		struct {
			int64_t id; /* alone; or OCPP_NONE, and what is told below */
			bool purpose_told;
			enum ocpp_purpose purpose;
			int64_t stack_level; /* or OCPP_NONE */
		} clear;
		struct {
			int64_t duration_s;
			bool unit_told;
			enum ocpp_unit unit;
		} composite;
		bool operative; /* AVAILABILITY */
		bool at_once; /* RESET: Hard, Immediate; else Soft, OnIdle */
		struct str message; /* TRIGGER: "StatusNotification" */
		struct {
			struct ocpp_variable_name variable;
			struct str value;
		} set;
		struct {
			const struct ocpp_variable_name *at; /* 1.6: none: all there are */
			size_t count;
		} get;
	};
};

/* The action and the payload of a command, in the arena (borrowing the command's texts). ERR_INVALID, ERR_UNSUPPORTED,
 * ERR_MEMORY; the payload is still to be held against the action's table (ocpp_session_command() does). */
MUST_CHECK enum err_code ocpp_command_json(struct arena *arena, enum ocpp_version version,
					   const struct ocpp_command *command, struct str *ret_action,
					   struct json **ret_payload, struct error *err);

#endif
