/* What a charge point says, as plain structs that are the same for OCPP 1.6 and 2.0.1.
 *
 * Texts and lists are borrowed: they live until the callback that got them returns. A text that was not sent is
 * {NULL, 0}, a number OCPP_NONE, a time OCPP_NO_TIME. Times are microseconds since 1970, UTC, by the station's clock.
 * Sources: OCPP 1.6 edition 2 (sections 6, 7), OCPP 2.0.1 edition 2 part 2 (messages and datatypes). */
#ifndef MACHI_OCPP_EVENT_H
#define MACHI_OCPP_EVENT_H

#include "ocpp/frame.h"

#define OCPP_NONE INT64_C(-1)
#define OCPP_NO_TIME INT64_MIN

/* Where at the station. 1.6 has connectors, from 1, and 0 for the whole station: they are evse here. */
struct ocpp_place {
	int64_t evse; /* 2.0.1's EVSE, from 1, or 0: the whole station */
	int64_t connector; /* 2.0.1: of the EVSE, from 1; 1.6: OCPP_NONE */
};

struct ocpp_token {
	struct str id; /* idTag or idToken; 1.6's are the same in upper and lower case */
	struct str type; /* 2.0.1: ISO14443, eMAID, …; 1.6: {NULL, 0} */
};

/* What the city thinks of a token. 1.6 has no word for the last: it is told Invalid. */
enum ocpp_verdict {
	OCPP_TOKEN_ACCEPTED,
	OCPP_TOKEN_BLOCKED,
	OCPP_TOKEN_EXPIRED,
	OCPP_TOKEN_INVALID,
	OCPP_TOKEN_CONCURRENT, /* it is in use in another transaction */
	OCPP_TOKEN_UNKNOWN,
};

struct ocpp_authorisation {
	enum ocpp_verdict verdict;
	int64_t expires_us; /* until when the station may remember it; OCPP_NO_TIME: not said */
	struct str parent; /* parentIdTag (at most 20 characters), groupIdToken (36); {NULL, 0}: none */
};

struct ocpp_boot {
	struct str vendor, model, serial, firmware;
	struct str box_serial, iccid, imsi, meter_type, meter_serial; /* all but iccid and imsi: 1.6 */
	struct str reason; /* 2.0.1: PowerUp, Watchdog, … */
};

struct ocpp_status {
	struct ocpp_place place;
	struct str status; /* 1.6: Available, Preparing, Charging, …; 2.0.1: Available, Occupied, … */
	struct str error, info, vendor, vendor_error; /* 1.6 */
	int64_t at_us; /* 1.6 may leave it out: then when it came */
};

/* One value of a meter, with the defaults of the specification filled in. */
struct ocpp_sample {
	int64_t at_us;
	double value; /* with 2.0.1's multiplier applied: value × 10^multiplier; NAN when it is no number */
	struct str text; /* 1.6: the value as sent, a decimal number or signed data; 2.0.1: the signed data, if any */
	struct str measurand; /* Energy.Active.Import.Register when nothing was said */
	struct str phase; /* L1, L1-N, …; {NULL, 0}: of all phases together */
	struct str location; /* Outlet when nothing was said */
	struct str context; /* Sample.Periodic when nothing was said */
	struct str unit; /* Wh for energy when nothing was said, else {NULL, 0}; 1.6's Celcius is Celsius */
	bool is_signed; /* 1.6: the text is signed data; 2.0.1: there is signed data beside the value */
};

struct ocpp_samples {
	const struct ocpp_sample *at;
	size_t count;
};

enum ocpp_stage { OCPP_STARTED, OCPP_UPDATED, OCPP_ENDED };

struct ocpp_transaction {
	enum ocpp_stage stage;
	struct str id; /* 2.0.1: the station's; 1.6: the number that the city gave, in digits */
	int64_t number; /* 1.6 */
	int64_t at_us; /* when it happened, however late it is told */
	struct ocpp_place place; /* where a message does not say (1.6's end): OCPP_NONE */
	struct ocpp_token token;
	bool authorised; /* a token was asked about, and this is the answer: */
	enum ocpp_verdict verdict;
	double meter_wh; /* 1.6: meterStart or meterStop; 2.0.1: the register at begin or end; NAN: not sent */
	int64_t reservation; /* or OCPP_NONE */
	struct str reason; /* why it ended: Local, Remote, EVDisconnected, … */
	/* 2.0.1 */
	struct str trigger, charging_state;
	int64_t sequence; /* from 0 in each transaction */
	int64_t remote_start; /* of the RequestStartTransaction that it came from */
	bool offline; /* it happened while the station had no connection */
	struct ocpp_samples samples;
};

struct ocpp_meter {
	struct ocpp_place place;
	int64_t transaction; /* 1.6; or OCPP_NONE */
	struct ocpp_samples samples;
};

struct ocpp_progress {
	struct str status;
	int64_t request; /* of the command that it belongs to; or OCPP_NONE */
};

struct ocpp_security {
	struct str type, info;
	int64_t at_us;
};

/* A variable of the station (2.0.1): in NotifyEvent what happened to it, in NotifyReport what it is. */
struct ocpp_datum {
	struct str component, component_instance, variable, variable_instance;
	struct ocpp_place place; /* OCPP_NONE: of the station */
	struct str value;
	struct str attribute; /* NotifyReport: Actual, Target, MinSet, MaxSet */
	struct str trigger; /* NotifyEvent: Alerting, Delta, Periodic */
	int64_t at_us;
	bool cleared; /* NotifyEvent: what was monitored is over */
};

struct ocpp_data {
	int64_t request; /* NotifyReport; or OCPP_NONE */
	int64_t sequence;
	bool more; /* tbc: the next message goes on */
	const struct ocpp_datum *at;
	size_t count;
};

/* How a command of the city ended. */
enum ocpp_outcome {
	OCPP_DONE, /* the station answered: `status` is its word (Accepted, Rejected, …), the payload its answer */
	OCPP_FAILED, /* it answered with an error: code and description */
	OCPP_BAD_ANSWER, /* its answer is not what the protocol says; description */
	OCPP_TIMED_OUT, /* sent, and no answer in time: it may have been done none the less */
	OCPP_EXPIRED, /* not sent in time, so certainly not done */
	OCPP_LOST, /* the connection went away while the answer was awaited: it may have been done */
	OCPP_DROPPED, /* the session ended before it was sent */
};

struct ocpp_answered {
	uint64_t ticket; /* as ocpp_session_command() gave it */
	enum ocpp_outcome outcome;
	struct str status; /* of an answer that has one */
	struct str code, description;
};

enum ocpp_event_kind {
	OCPP_EVENT_BOOT,
	OCPP_EVENT_HEARTBEAT,
	OCPP_EVENT_STATUS,
	OCPP_EVENT_AUTHORISE, /* a token was shown; the answer was given by the authorise callback */
	OCPP_EVENT_TRANSACTION,
	OCPP_EVENT_METER, /* 1.6: within or outside of a transaction; 2.0.1: outside */
	OCPP_EVENT_FIRMWARE,
	OCPP_EVENT_LOG, /* diagnostics (1.6) and logs */
	OCPP_EVENT_SECURITY,
	OCPP_EVENT_TRANSFER, /* DataTransfer, which was answered UnknownVendorId; see the payload */
	OCPP_EVENT_DATA, /* NotifyEvent, NotifyReport */
	OCPP_EVENT_OTHER, /* any other message that is taken: the action and the payload say all */
	OCPP_EVENT_ANSWERED, /* a command of the city */
};

struct ocpp_event {
	enum ocpp_event_kind kind;
	/* Not 0: the station is answered when ocpp_session_confirm() is called with it, which should be when what is
	 * told here is durable. 0: nothing waits. */
	uint64_t handle;
	int64_t received_us; /* by the city's clock */
	struct str action; /* "MeterValues" */
	const struct json *payload; /* whole, checked; NULL where a command got no answer */
	union {
		struct ocpp_boot boot;
		struct ocpp_status status;
		struct {
			struct ocpp_token token;
			enum ocpp_verdict verdict;
		} authorise;
		struct ocpp_transaction transaction;
		struct ocpp_meter meter;
		struct ocpp_progress progress; /* firmware, log */
		struct ocpp_security security;
		struct ocpp_data data;
		struct ocpp_answered answered;
	};
};

#endif
