/* A session: messages are read, held against the tables, and given to who knows them. */
#include "ocpp/session_int.h"

#include "ocpp/read_int.h"

#include <assert.h>
#include <stdlib.h>

enum err_code ocpp_session_new(const struct ocpp_session_options *options, struct ocpp_session **ret_session,
			       struct error *err)
{
	if (!options->parser || !options->send || !options->event || (options->version == OCPP_1_6 && !options->number))
		return err_set(err, ERR_INVALID, "a session needs a parser and its callbacks");
	struct ocpp_session *session = calloc(1, sizeof(*session));

	if (!session)
		return err_set(err, ERR_MEMORY, "no memory for a session");
	session->options = *options;
	if (!session->options.heartbeat_s)
		session->options.heartbeat_s = OCPP_HEARTBEAT_S;
	if (!session->options.call_timeout_s)
		session->options.call_timeout_s = OCPP_CALL_TIMEOUT_S;
	if (!session->options.command_wait_s)
		session->options.command_wait_s = OCPP_COMMAND_WAIT_S;
	session->ticket_next = options->first_id ? options->first_id : 1;
	session->heard_us = OCPP_NO_TIME;
	arena_init(&session->arena, OCPP_ARENA_BYTES_MAX);
	*ret_session = session;
	return ERR_OK;
}

struct ocpp_session *ocpp_session_free(struct ocpp_session *session)
{
	if (!session)
		return NULL;
	session->connected = false;
	ocpp_calls_drop(session);
	ocpp_replies_forget(session);
	ocpp_past_forget(session);
	arena_done(&session->arena);
	free(session);
	return NULL;
}

void ocpp_session_connected(struct ocpp_session *session, int64_t now_us)
{
	if (session->connected)
		ocpp_session_disconnected(session, now_us);
	session->now_us = now_us;
	session->connected = true;
	session->connection++;
	ocpp_calls_pump(session);
}

void ocpp_session_disconnected(struct ocpp_session *session, int64_t now_us)
{
	session->now_us = now_us;
	session->connected = false;
	ocpp_replies_forget(session);
	ocpp_calls_lost(session);
}

enum ocpp_version ocpp_session_version(const struct ocpp_session *session)
{
	return session->options.version;
}

enum ocpp_registration ocpp_session_registration(const struct ocpp_session *session)
{
	return session->registration;
}

int64_t ocpp_session_heard_us(const struct ocpp_session *session)
{
	return session->heard_us;
}

struct ocpp_counts ocpp_session_counts(const struct ocpp_session *session)
{
	return session->counts;
}

/* Before it is accepted, a station may not ask, and is told SecurityError (1.6, 4.2; 2.0.1 B02.FR.09, B03.FR.07); but
 * while it is pending it may be asked to send messages, so that only those are refused that nobody could have asked
 * for. */
static bool may_ask(const struct ocpp_session *session, const struct ocpp_frame *frame)
{
	static const char *const never_asked_for[] = {"Authorize", "StartTransaction", "StopTransaction"};

	if (str_eq(frame->action, STR("BootNotification")) || session->registration == OCPP_ACCEPTED ||
	    session->registration == OCPP_UNREGISTERED)
		return true;
	if (session->registration == OCPP_REJECTED)
		return false;
	for (size_t i = 0; i < sizeof(never_asked_for) / sizeof(never_asked_for[0]); i++)
		if (str_eq(frame->action, str_from(never_asked_for[i])))
			return false;
	return !str_eq(frame->action, STR("TransactionEvent")) ||
	       str_eq(ocpp_text_of(frame->payload, "triggerReason"), STR("Trigger"));
}

static enum err_code refuse(struct ocpp_session *session, struct str id, const struct ocpp_fault *fault,
			    uint64_t *count, struct error *err)
{
	(*count)++;
	return ocpp_reply_fault(session, id, fault, err);
}

/* The answer goes out, or waits; then the event is told. */
static enum err_code answer(struct ocpp_hearing *hearing, const struct ocpp_action *action, struct error *err)
{
	struct ocpp_session *session = hearing->session;
	uint64_t handle = 0;

	if (hearing->past) {
		session->counts.repeated++;
		return ocpp_reply_answer(hearing, &handle, err);
	}
	if (!ocpp_check(action, OCPP_ANSWER, &hearing->answer, &hearing->fault)) {
		hearing->fault.code = OCPP_INTERNAL_ERROR;
		return refuse(session, hearing->frame->id, &hearing->fault, &session->counts.refused, err);
	}
	enum err_code code = ocpp_reply_answer(hearing, &handle, err);

	if (code)
		return code;
	hearing->event.handle = handle;
	session->options.event(session->options.user, &hearing->event);
	return ERR_OK;
}

static enum err_code hear(struct ocpp_session *session, const struct ocpp_action *action, ocpp_hear hearer,
			  const struct ocpp_frame *frame, struct error *err)
{
	struct ocpp_hearing hearing = {
		.session = session,
		.arena = &session->arena,
		.frame = frame,
		.payload = frame->payload,
		.event = {.received_us = session->now_us, .action = frame->action, .payload = frame->payload},
		.answer = json_object(),
	};

	if (!hearer(&hearing))
		return refuse(session, frame->id, &hearing.fault, &session->counts.refused, err);
	return answer(&hearing, action, err);
}

/* Why a call is refused before its payload is looked at; true when it is not. */
static bool is_offered(const struct ocpp_session *session, const struct ocpp_frame *frame,
		       const struct ocpp_action *action, ocpp_hear hearer, struct ocpp_fault *fault)
{
	if (!action)
		return ocpp_fault_set(fault, OCPP_NOT_IMPLEMENTED, "no such action");
	if (!hearer)
		return ocpp_fault_set(fault, OCPP_NOT_SUPPORTED, "%.*s is not offered here", STR_FMT(frame->action));
	return may_ask(session, frame) || ocpp_fault_set(fault, OCPP_SECURITY_ERROR, "the station is not accepted");
}

static enum err_code take_call(struct ocpp_session *session, const struct ocpp_frame *frame, struct error *err)
{
	enum ocpp_version version = session->options.version;
	const struct ocpp_action *action = ocpp_action_find(version, frame->action);
	ocpp_hear hearer = version == OCPP_1_6 ? ocpp_hearer_16(frame->action) : ocpp_hearer_201(frame->action);
	struct ocpp_fault fault = {.code = OCPP_NO_FAULT};

	if (ocpp_reply_waits(session, frame->id)) {
		session->counts.repeated++; /* its answer is on the way */
		return ERR_OK;
	}
	if (!is_offered(session, frame, action, hearer, &fault))
		return refuse(session, frame->id, &fault, &session->counts.refused, err);
	assert(action && hearer);
	if (!ocpp_check(action, OCPP_REQUEST, frame->payload, &fault))
		return refuse(session, frame->id, &fault, &session->counts.violations, err);
	return hear(session, action, hearer, frame, err);
}

/* 1.6 has no answer for what has no id, and passes over types of messages that it does not know (OCPP-J 1.6, 4.1.3);
 * 2.0.1 answers either (part 4, 4.2.3 and 4.4). Nothing is ever answered to an answer. */
static enum err_code take_malformed(struct ocpp_session *session, const struct ocpp_frame *frame,
				    const struct ocpp_fault *fault, struct error *err)
{
	session->counts.malformed++;
	if (frame->message == OCPP_RESULT || frame->message == OCPP_ERROR) {
		ocpp_calls_answered(session, frame, fault);
		return ERR_OK;
	}
	if (session->options.version == OCPP_1_6 && (frame->id.len == 0 || fault->code == OCPP_MESSAGE_TYPE))
		return ERR_OK;
	return ocpp_reply_fault(session, frame->id, fault, err);
}

enum err_code ocpp_session_receive(struct ocpp_session *session, struct str text, int64_t now_us, struct error *err)
{
	struct ocpp_fault fault = {.code = OCPP_NO_FAULT};
	enum err_code code = ERR_OK;
	struct ocpp_frame frame;

	assert(session->connected);
	session->now_us = session->heard_us = now_us;
	session->counts.received++;
	if (!ocpp_frame_read(session->options.parser, &session->arena, text, &frame, &fault))
		code = take_malformed(session, &frame, &fault, err);
	else if (frame.message == OCPP_CALL)
		code = take_call(session, &frame, err);
	else
		ocpp_calls_answered(session, &frame, NULL);
	arena_clear(&session->arena);
	/* A station that was rejected may be accepted now. */
	ocpp_calls_pump(session);
	return code;
}
