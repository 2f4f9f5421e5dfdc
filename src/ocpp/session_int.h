/* The inside of a session. Of the room only. */
#ifndef MACHI_OCPP_SESSION_INT_H
#define MACHI_OCPP_SESSION_INT_H

#include "ocpp/session.h"

#define OCPP_ARENA_BYTES_MAX (24u << 20) /* of a message's tree: 512 KiB of brackets alone take a third of it */
#define OCPP_CALL_ID_BYTES 24u /* of our messages: a number in digits */

/* An answer that has not gone out: its question's id, its text, and what it waits for. */
struct ocpp_reply {
	uint64_t handle; /* 0: waits for nothing */
	char id[OCPP_ID_BYTES_MAX];
	size_t id_len;
	char *text; /* owned */
	size_t text_len;
	bool ready;
};

/* A message about a transaction that was taken, and how it was answered. */
struct ocpp_past {
	char *key; /* owned: what makes the message the same */
	size_t key_len;
	size_t core_len; /* of the key without the time, which is enough where the id of the message is the same too */
	char *payload; /* owned: the answer */
	size_t payload_len;
	uint64_t handle; /* of the event, while it is not confirmed; else 0 */
	uint64_t connection;
	char id[OCPP_ID_BYTES_MAX];
	size_t id_len;
};

/* A command that has not ended. */
struct ocpp_call {
	uint64_t ticket; /* and its id, in digits */
	const struct ocpp_action *action;
	char *text; /* owned */
	size_t text_len;
	int64_t deadline_us; /* for being sent; once sent, for being answered */
	bool sent;
};

struct ocpp_session {
	struct ocpp_session_options options;
	struct ocpp_counts counts;
	enum ocpp_registration registration;
	bool connected;
	uint64_t connection; /* numbers connections */
	int64_t now_us, heard_us;
	uint64_t handle_last, ticket_next;
	struct arena arena; /* of the message being taken */
	struct ocpp_reply replies[OCPP_ANSWERS_MAX]; /* oldest first */
	size_t reply_count;
	struct ocpp_past past[OCPP_PAST_MAX]; /* oldest first */
	size_t past_count;
	struct ocpp_call calls[OCPP_COMMANDS_MAX]; /* in their order: the first may be sent */
	size_t call_count;
};

/* A call being taken: what a hearer gets and gives. */
struct ocpp_hearing {
	struct ocpp_session *session;
	struct arena *arena;
	const struct ocpp_frame *frame;
	const struct json *payload;
	struct ocpp_event event; /* the kind and what belongs to it, to be filled */
	struct json answer; /* an object, empty at first */
	bool durable; /* the answer waits for a confirm */
	struct str key; /* not empty: remembered under it */
	size_t core_len;
	const struct ocpp_past *past; /* found under it: answered as then */
	struct ocpp_fault fault; /* where it returns false */
};

/* Takes a checked payload; false with the fault. */
typedef bool (*ocpp_hear)(struct ocpp_hearing *hearing);
ocpp_hear ocpp_hearer_16(struct str action); /* NULL: not offered */
ocpp_hear ocpp_hearer_201(struct str action);

/* What hearers of both versions do. */
bool ocpp_hear_heartbeat(struct ocpp_hearing *hearing);
bool ocpp_hear_transfer(struct ocpp_hearing *hearing);
bool ocpp_hear_security(struct ocpp_hearing *hearing);
bool ocpp_hear_firmware(struct ocpp_hearing *hearing);
bool ocpp_hear_log(struct ocpp_hearing *hearing);
bool ocpp_hear_boot(struct ocpp_hearing *hearing); /* once the event's boot is filled */
struct ocpp_authorisation ocpp_ask(const struct ocpp_hearing *hearing, const struct ocpp_token *token, int64_t at_us);
/* Looks whether the message was taken before; true: it was, and nothing more is to be done. Core and rest together are
 * what makes it the same. */
bool ocpp_known(struct ocpp_hearing *hearing, struct str core, struct str rest);

/* Members of the answer; an arena that refuses leaves them out, and the table then says so. */
void ocpp_set(struct ocpp_hearing *hearing, struct json *object, const char *name, struct json value);
struct json ocpp_time_json(struct arena *arena, int64_t us); /* to the millisecond */

/* reply.c: what goes out to answer. */
MUST_CHECK enum err_code ocpp_reply_fault(struct ocpp_session *session, struct str id, const struct ocpp_fault *fault,
					  struct error *err);
MUST_CHECK enum err_code ocpp_reply_answer(struct ocpp_hearing *hearing, uint64_t *ret_handle, struct error *err);
bool ocpp_reply_waits(const struct ocpp_session *session, struct str id);
void ocpp_replies_forget(struct ocpp_session *session);
void ocpp_past_forget(struct ocpp_session *session);
void ocpp_send(struct ocpp_session *session, struct str text);

/* call.c: commands. */
void ocpp_calls_pump(struct ocpp_session *session);
void ocpp_calls_answered(struct ocpp_session *session, const struct ocpp_frame *frame, const struct ocpp_fault *fault);
void ocpp_calls_lost(struct ocpp_session *session);
void ocpp_calls_drop(struct ocpp_session *session);

#endif
