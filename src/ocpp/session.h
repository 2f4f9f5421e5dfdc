/* A charge point's session: what it sends becomes events, what the city wants becomes messages.
 *
 * Texts of the WebSocket go in, with the time; texts to be sent and events come out by callbacks. Nothing else happens:
 * no socket, no clock. A session outlives connections, so that what a station repeats after a break is known again. It
 * does not outlive the process; what has to is said at the callbacks.
 *
 * Rules and their sources: one call at a time in each direction, answers found by their id (OCPP-J 1.6, 4.1; 2.0.1 part
 * 4, 4.1); a message is answered once the city has it for good (the answer to StartTransaction, StopTransaction,
 * MeterValues and TransactionEvent lets the station forget it: 1.6, 3.7; 2.0.1 part 2, E04, E13); before it is accepted
 * a station may ask nothing but BootNotification (1.6, 4.2; 2.0.1 B02, B03).
 *
 * Thread: one owner. Callbacks may call the session, but for ocpp_session_receive(), _connected(), _disconnected(),
 * _tick() and _free(). */
#ifndef MACHI_OCPP_SESSION_H
#define MACHI_OCPP_SESSION_H

#include "ocpp/command.h"
#include "ocpp/event.h"
#include "ocpp/schema.h"

#define OCPP_ANSWERS_MAX 16u /* calls of the station that wait for an answer; by the rule it is one */
#define OCPP_COMMANDS_MAX 32u /* commands that wait, the one that is sent included */
#define OCPP_PAST_MAX 32u /* messages about transactions that are remembered, to know them again */
#define OCPP_SAMPLES_MAX 4096u /* in a message */
#define OCPP_CALL_TIMEOUT_S 30u /* for an answer of the station */
#define OCPP_COMMAND_WAIT_S 120u /* for being sent */
#define OCPP_HEARTBEAT_S 300u

enum ocpp_registration {
	OCPP_UNREGISTERED, /* nothing was said since the session began: a station that reconnects need not boot again */
	OCPP_ACCEPTED,
	OCPP_PENDING, /* may be asked, and asks nothing about tokens and transactions */
	OCPP_REJECTED, /* neither asks nor is asked */
};

/* What a 1.6 point wants a number for. */
struct ocpp_start {
	struct ocpp_place place;
	struct ocpp_token token;
	int64_t meter_wh;
	int64_t at_us;
	int64_t reservation; /* or OCPP_NONE */
};

struct ocpp_session_options {
	enum ocpp_version version;
	struct json_parser *parser; /* borrowed; of the session's thread, any number of sessions may share it */
	void *user; /* for the callbacks */
	/* A message to the station, on the connection that stands. */
	void (*send)(void *user, struct str text);
	void (*event)(void *user, const struct ocpp_event *event);
	/* May this station join? Asked at each boot. NULL: yes. */
	enum ocpp_registration (*registration)(void *user, const struct ocpp_boot *boot);
	/* at_us: when the token was shown. NULL: every token is unknown. */
	struct ocpp_authorisation (*authorise)(void *user, const struct ocpp_token *token, int64_t at_us);
	/* 1.6: a number for a transaction, from 0 to 2³¹ − 1. The same start must get the same number, also after a
	 * restart of the city (the session knows repeats while it lives, not beyond). False: none is to be had now, the
	 * station will ask again. */
	bool (*number)(void *user, const struct ocpp_start *start, int64_t *ret_number);
	uint32_t heartbeat_s; /* how often the station is to report; 0: OCPP_HEARTBEAT_S */
	uint32_t call_timeout_s, command_wait_s; /* 0: as above */
	uint64_t first_id; /* messages of the city are numbered from here; let it grow from run to run of the city */
};

struct ocpp_counts {
	uint64_t received, sent; /* messages */
	uint64_t malformed; /* no messages, or of no form */
	uint64_t violations; /* calls whose payload breaks a table */
	uint64_t refused; /* calls that are not offered, or not allowed now */
	uint64_t repeated; /* calls that were answered as before */
	uint64_t unexpected; /* answers to nothing that waits */
	uint64_t errors; /* commands that the station answered with an error, or wrongly */
	uint64_t timeouts; /* commands without an answer */
};

struct ocpp_session;

/* ERR_INVALID: a callback or the parser is missing (send, event, and number for 1.6 have to be there). */
MUST_CHECK enum err_code ocpp_session_new(const struct ocpp_session_options *options, struct ocpp_session **ret_session,
					  struct error *err);
struct ocpp_session *ocpp_session_free(struct ocpp_session *session); /* tells of commands that wait: OCPP_DROPPED */

/* A WebSocket stands; what waits is sent. A session begins without. */
void ocpp_session_connected(struct ocpp_session *session, int64_t now_us);
/* It is gone: answers that wait are forgotten (the station will repeat its messages; a confirm that comes later still
 * counts for what is repeated), the command that was sent is OCPP_LOST, those behind it wait for the next
 * connection. */
void ocpp_session_disconnected(struct ocpp_session *session, int64_t now_us);

/* A text message of the station. ERR_OK also when it is refused: the station is told so. ERR_LIMIT: more than
 * OCPP_ANSWERS_MAX calls wait, against the rule; ERR_MEMORY. After an error the connection should be closed. */
MUST_CHECK enum err_code ocpp_session_receive(struct ocpp_session *session, struct str text, int64_t now_us,
					      struct error *err);

/* What an event told is durable: its answer goes out, in the order of the questions. False: no such handle, which is so
 * after a disconnect or a second confirm. */
bool ocpp_session_confirm(struct ocpp_session *session, uint64_t handle);
/* It cannot be kept: the station is told InternalError and may send it again. */
bool ocpp_session_refuse(struct ocpp_session *session, uint64_t handle);

/* Puts a command at the end of those that wait; its end is told by OCPP_EVENT_ANSWERED with the ticket, never from
 * within this call. ERR_LIMIT: OCPP_COMMANDS_MAX wait; ERR_INVALID: what the protocol would not allow, such as a token
 * too long; ERR_UNSUPPORTED: the version has no such command; ERR_MEMORY. */
MUST_CHECK enum err_code ocpp_session_command(struct ocpp_session *session, const struct ocpp_command *command,
					      int64_t now_us, uint64_t *ret_ticket, struct error *err);
/* The same for any action of the city that the tables know, with a payload of the caller's making. */
MUST_CHECK enum err_code ocpp_session_call(struct ocpp_session *session, struct str action, const struct json *payload,
					   int64_t now_us, uint64_t *ret_ticket, struct error *err);

/* Ends what has waited too long. To be called at the time that _deadline_us() names, or later. */
void ocpp_session_tick(struct ocpp_session *session, int64_t now_us);
int64_t ocpp_session_deadline_us(const struct ocpp_session *session); /* INT64_MAX: nothing waits */

enum ocpp_version ocpp_session_version(const struct ocpp_session *session);
enum ocpp_registration ocpp_session_registration(const struct ocpp_session *session);
int64_t ocpp_session_heard_us(const struct ocpp_session *session); /* the last message; OCPP_NO_TIME: none yet */
struct ocpp_counts ocpp_session_counts(const struct ocpp_session *session);

#endif
