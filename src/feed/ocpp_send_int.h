/* What the files of commands to charge points share. */
#ifndef MACHI_FEED_OCPP_SEND_INT_H
#define MACHI_FEED_OCPP_SEND_INT_H

#include "feed/ocpp_feed_int.h"

#define OCPP_PROFILE_NUMBER_MAX 1000000.0

enum ocpp_send_action {
	OCPP_SEND_REMOTE_START,
	OCPP_SEND_REMOTE_STOP,
	OCPP_SEND_LIMIT,
	OCPP_SEND_SET_PROFILE,
	OCPP_SEND_CLEAR_PROFILE,
	OCPP_SEND_AVAILABILITY,
	OCPP_SEND_RESET,
	OCPP_SEND_UNLOCK,
	OCPP_SEND_TRIGGER,
	OCPP_SEND_CALL,
	OCPP_SEND_COUNT
};

struct ocpp_send { /* of one command, in the feed's arena */
	enum ocpp_send_action action;
	struct name_pattern text; /* token, transaction, message or payload */
	bool has_text;
	struct str call; /* the action of OCPP */
	struct str token_type;
	enum ocpp_unit unit;
	enum ocpp_purpose purpose;
	bool purpose_told, hard;
	double profile, stack_level, phases; /* 0: not told, of phases */
};

/* Whom the entity of a command is about. */
struct ocpp_target {
	struct ocpp_station *station;
	int64_t evse, connector; /* OCPP_NONE: not said */
	struct str transaction; /* STR_NONE: none */
	bool is_session;
};

/* ocpp_profile.c: the profile that a command's value describes; what it has lies in the arena. ERR_INVALID. */
MUST_CHECK enum err_code ocpp_profile_read(struct arena *arena, const struct json *value, struct ocpp_profile *ret,
					   struct error *err);

#endif
