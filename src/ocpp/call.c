/* Commands of the city: a bounded queue of which the first is sent, and the next only when it has ended. */
#include "ocpp/schema_int.h"
#include "ocpp/session_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND_ARENA_BYTES_MAX (4u << 20) /* of a command's payload: a schedule of OCPP_PERIODS_MAX periods fits */

/* The list is brought up to date first, so that the callback may put in the next command. */
static void end(struct ocpp_session *session, size_t index, struct ocpp_answered answered, const struct json *payload)
{
	struct ocpp_call call = session->calls[index];

	session->call_count--;
	memmove(&session->calls[index], &session->calls[index + 1], (session->call_count - index) * sizeof(call));
	answered.ticket = call.ticket;
	struct ocpp_event event = {.kind = OCPP_EVENT_ANSWERED,
				   .received_us = session->now_us,
				   .action = ocpp_action_name(call.action),
				   .payload = payload,
				   .answered = answered};

	session->counts.timeouts += answered.outcome == OCPP_TIMED_OUT;
	session->counts.errors += answered.outcome == OCPP_FAILED || answered.outcome == OCPP_BAD_ANSWER;
	free(call.text);
	session->options.event(session->options.user, &event);
}

static bool is_sent(const struct ocpp_session *session)
{
	return session->call_count > 0 && session->calls[0].sent;
}

void ocpp_calls_pump(struct ocpp_session *session)
{
	if (!session->connected || session->call_count == 0 || is_sent(session) ||
	    session->registration == OCPP_REJECTED)
		return;
	struct ocpp_call *call = &session->calls[0];

	call->sent = true;
	call->deadline_us = session->now_us + (int64_t)session->options.call_timeout_s * US_PER_S;
	ocpp_send(session, (struct str){call->text, call->text_len});
}

static bool is_of(const struct ocpp_call *call, struct str id)
{
	uint64_t ticket = 0;

	return str_to_uint64(id, &ticket) && ticket == call->ticket;
}

/* An answer, or what was one by its kind and id but could not be read: then the fault says why. */
void ocpp_calls_answered(struct ocpp_session *session, const struct ocpp_frame *frame, const struct ocpp_fault *fault)
{
	struct ocpp_fault own = {.code = OCPP_NO_FAULT};
	struct ocpp_answered answered = {.outcome = OCPP_DONE};

	if (!is_sent(session) || !is_of(&session->calls[0], frame->id)) {
		session->counts.unexpected++;
		return;
	}
	if (!fault && frame->message == OCPP_RESULT &&
	    !ocpp_check(session->calls[0].action, OCPP_ANSWER, frame->payload, &own))
		fault = &own;
	if (fault) {
		answered.outcome = OCPP_BAD_ANSWER;
		answered.description = str_from(fault->text);
	} else if (frame->message == OCPP_ERROR) {
		answered.outcome = OCPP_FAILED;
		answered.code = frame->code;
		answered.description = frame->description;
	} else {
		answered.status = json_text(json_get(frame->payload, STR("status")));
	}
	end(session, 0, answered, frame->payload);
	ocpp_calls_pump(session);
}

void ocpp_calls_lost(struct ocpp_session *session)
{
	if (is_sent(session))
		end(session, 0, (struct ocpp_answered){.outcome = OCPP_LOST}, NULL);
}

void ocpp_calls_drop(struct ocpp_session *session)
{
	while (session->call_count > 0)
		end(session, 0, (struct ocpp_answered){.outcome = session->calls[0].sent ? OCPP_LOST : OCPP_DROPPED},
		    NULL);
}

void ocpp_session_tick(struct ocpp_session *session, int64_t now_us)
{
	session->now_us = now_us;
	for (size_t i = session->call_count; i > 0; i--) {
		if (i > session->call_count || session->calls[i - 1].deadline_us > now_us)
			continue;
		enum ocpp_outcome outcome = session->calls[i - 1].sent ? OCPP_TIMED_OUT : OCPP_EXPIRED;

		end(session, i - 1, (struct ocpp_answered){.outcome = outcome}, NULL);
	}
	ocpp_calls_pump(session);
}

int64_t ocpp_session_deadline_us(const struct ocpp_session *session)
{
	int64_t deadline_us = INT64_MAX;

	for (size_t i = 0; i < session->call_count; i++)
		if (session->calls[i].deadline_us < deadline_us)
			deadline_us = session->calls[i].deadline_us;
	return deadline_us;
}

static enum err_code enqueue(struct ocpp_session *session, const struct ocpp_action *action, struct buf *text,
			     int64_t now_us, uint64_t *ret_ticket, struct error *err)
{
	enum err_code code = buf_check(text, "a command", err);

	if (code)
		return code;
	struct ocpp_call call = {.ticket = session->ticket_next++,
				 .action = action,
				 .deadline_us = now_us + (int64_t)session->options.command_wait_s * US_PER_S};

	call.text = buf_take(text, &call.text_len);
	session->calls[session->call_count++] = call;
	*ret_ticket = call.ticket;
	session->now_us = now_us;
	ocpp_calls_pump(session);
	return ERR_OK;
}

enum err_code ocpp_session_call(struct ocpp_session *session, struct str name, const struct json *payload,
				int64_t now_us, uint64_t *ret_ticket, struct error *err)
{
	const struct ocpp_action *action = ocpp_action_find(session->options.version, name);
	char id[OCPP_CALL_ID_BYTES];
	struct ocpp_fault fault;
	struct buf buf;

	if (!action || !ocpp_action_of_city(action))
		return err_set(err, ERR_UNSUPPORTED, "%.*s is nothing that a station of %.*s can be asked",
			       STR_FMT(name), STR_FMT(ocpp_version_subprotocol(session->options.version)));
	if (session->call_count == OCPP_COMMANDS_MAX)
		return err_set(err, ERR_LIMIT, "%u commands wait for the station already", OCPP_COMMANDS_MAX);
	if (!ocpp_check(action, OCPP_REQUEST, payload, &fault))
		return err_set(err, ERR_INVALID, "%s: %s", action->name, fault.text);
	int len = snprintf(id, sizeof(id), "%llu", (unsigned long long)session->ticket_next);

	assert(len > 0 && (size_t)len < sizeof(id));
	buf_init(&buf, OCPP_FRAME_BYTES_MAX);
	ocpp_frame_call(&buf, (struct str){id, (size_t)len}, name, payload);
	enum err_code code = enqueue(session, action, &buf, now_us, ret_ticket, err);

	buf_done(&buf);
	return code;
}

enum err_code ocpp_session_command(struct ocpp_session *session, const struct ocpp_command *command, int64_t now_us,
				   uint64_t *ret_ticket, struct error *err)
{
	struct json *payload = NULL;
	struct str action = STR_NONE;
	struct arena arena;

	arena_init(&arena, COMMAND_ARENA_BYTES_MAX);
	enum err_code code = ocpp_command_json(&arena, session->options.version, command, &action, &payload, err);

	if (!code)
		code = ocpp_session_call(session, action, payload, now_us, ret_ticket, err);
	arena_done(&arena);
	return code;
}
