/* OCPP-J: the envelope of the Open Charge Point Protocol's messages, texts of a WebSocket.
 *
 * [2, id, action, payload] asks, [3, id, payload] answers, [4, id, code, description, details] says that it went wrong.
 * Source: OCPP 1.6 JSON specification (OCPP-J), section 4.2, and OCPP 2.0.1 edition 2, part 4, section 4.2 and 4.3.
 * Pure. Thread: whatever the caller's parser and arena belong to. */
#ifndef MACHI_OCPP_FRAME_H
#define MACHI_OCPP_FRAME_H

#include "json/json.h"

#define OCPP_FRAME_BYTES_MAX (512u * 1024u) /* of a message: a profile of 3 × 1024 periods takes less */
#define OCPP_ID_CHARS_MAX 36u /* part 4, 4.1.4; long enough for a UUID */
#define OCPP_ID_BYTES_MAX (4u * OCPP_ID_CHARS_MAX)
#define OCPP_DEPTH_MAX 32u /* brackets within brackets; the deepest message, NotifyEVChargingSchedule, has 13 */
#define OCPP_FAULT_TEXT_BYTES 256u /* part 4, 4.2.3: an error's description has at most 255 characters */

enum ocpp_version { OCPP_1_6, OCPP_2_0_1 };

/* From the WebSocket's sub-protocol, "ocpp1.6" or "ocpp2.0.1"; false when it is another. */
bool ocpp_version_from(struct str subprotocol, enum ocpp_version *ret_version);
struct str ocpp_version_subprotocol(enum ocpp_version version);

/* What can be wrong with a message, to be told to who sent it. */
enum ocpp_fault_code {
	OCPP_NO_FAULT,
	OCPP_NOT_IMPLEMENTED, /* no such action */
	OCPP_NOT_SUPPORTED, /* an action of the protocol that is not offered */
	OCPP_INTERNAL_ERROR,
	OCPP_PROTOCOL_ERROR, /* 2.0.1: the payload is not of the action's form, as with members that it does not have */
	OCPP_SECURITY_ERROR,
	OCPP_FORMAT_VIOLATION, /* no form at all; 1.6 spells it FormationViolation and counts unknown members to it */
	OCPP_PROPERTY_VIOLATION, /* a value that is not allowed */
	OCPP_OCCURRENCE_VIOLATION, /* missing, too few or too many; 1.6 spells it Occurence… */
	OCPP_TYPE_VIOLATION, /* a text where a number should be */
	OCPP_GENERIC_ERROR,
	OCPP_MESSAGE_TYPE, /* 2.0.1: neither 2, 3 nor 4; 1.6 lets such messages pass in silence */
	OCPP_FRAMEWORK_ERROR, /* 2.0.1: no message at all; in 1.6 FormationViolation */
	OCPP_FAULT_COUNT
};

/* As the version spells it; GenericError for what the version does not know. Static. */
struct str ocpp_fault_name(enum ocpp_version version, enum ocpp_fault_code code);

struct ocpp_fault {
	enum ocpp_fault_code code;
	char text[OCPP_FAULT_TEXT_BYTES]; /* NUL-terminated: what, and where in the payload */
};

/* Fills the fault and returns false, so that a cause reads `return ocpp_fault_set(fault, …);`. */
bool ocpp_fault_set(struct ocpp_fault *fault, enum ocpp_fault_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

enum ocpp_message { OCPP_MESSAGE_NONE = 0, OCPP_CALL = 2, OCPP_RESULT = 3, OCPP_ERROR = 4 };

/* A message; texts lie in the arena that it was read into. */
struct ocpp_frame {
	enum ocpp_message message;
	struct str id; /* 1 to OCPP_ID_CHARS_MAX characters; {NULL, 0} when it cannot be read */
	struct str action; /* of a call */
	const struct json *payload; /* an object, of an error its details; null is read as {} (4.2.1; 4.1.5) */
	struct str code, description; /* of an error */
};

/* False: the fault says why, and the frame has the message's kind and id where these could be read (an answer may thus
 * be refused by its id). Memory that is refused is OCPP_INTERNAL_ERROR. */
MUST_CHECK bool ocpp_frame_read(struct json_parser *parser, struct arena *arena, struct str text,
				struct ocpp_frame *ret_frame, struct ocpp_fault *ret_fault);

/* Append a message; errors are the buffer's sticky ones. */
void ocpp_frame_call(struct buf *buf, struct str id, struct str action, const struct json *payload);
void ocpp_frame_result(struct buf *buf, struct str id, struct str payload); /* JSON already */
void ocpp_frame_error(struct buf *buf, enum ocpp_version version, struct str id, const struct ocpp_fault *fault);

/* Characters of a UTF-8 text: bytes that do not go on with one. */
size_t ocpp_chars(struct str text);

#endif
