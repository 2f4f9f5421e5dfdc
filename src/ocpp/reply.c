/* Answers, in the order of the questions.
 *
 * Each call of the station gets a place in a short list. An answer that waits for nothing is ready at once, one that
 * tells of something durable when its handle is confirmed; what is ready at the head of the list goes out.
 *
 * Messages about transactions are remembered with their answers, so that one that comes again is answered alike and
 * not told again. While the first is not confirmed, a repeat waits for the same handle: so it can neither be answered
 * before the thing is durable, nor be told twice. */
#include "ocpp/session_int.h"

#include <assert.h>
#include <stdlib.h>

#define UNKNOWN_ID STR("-1") /* 2.0.1 part 4, 4.2.3: of a message whose own cannot be read */

void ocpp_send(struct ocpp_session *session, struct str text)
{
	session->counts.sent++;
	session->options.send(session->options.user, text);
}

static void reply_done(struct ocpp_reply *reply)
{
	free(reply->text);
	*reply = (struct ocpp_reply){.handle = 0};
}

/* The list is brought up to date before each message goes, so that the callback may call the session. */
static void flush(struct ocpp_session *session)
{
	while (session->connected && session->reply_count > 0 && session->replies[0].ready) {
		struct ocpp_reply reply = session->replies[0];

		session->reply_count--;
		memmove(&session->replies[0], &session->replies[1], session->reply_count * sizeof(reply));
		if (reply.text)
			ocpp_send(session, (struct str){reply.text, reply.text_len});
		reply_done(&reply);
	}
}

bool ocpp_reply_waits(const struct ocpp_session *session, struct str id)
{
	for (size_t i = 0; i < session->reply_count; i++)
		if (str_eq(id, (struct str){session->replies[i].id, session->replies[i].id_len}))
			return true;
	return false;
}

void ocpp_replies_forget(struct ocpp_session *session)
{
	for (size_t i = 0; i < session->reply_count; i++)
		reply_done(&session->replies[i]);
	session->reply_count = 0;
}

/* Appends; takes over the buffer's text. */
static enum err_code append(struct ocpp_session *session, struct str id, struct buf *text, uint64_t handle,
			    struct error *err)
{
	if (session->reply_count == OCPP_ANSWERS_MAX)
		return err_set(err, ERR_LIMIT, "the station has %u calls without an answer, and calls again",
			       OCPP_ANSWERS_MAX);
	enum err_code code = buf_check(text, "an answer", err);

	if (code)
		return code;
	struct ocpp_reply *reply = &session->replies[session->reply_count++];

	*reply = (struct ocpp_reply){.handle = handle, .id_len = id.len, .ready = handle == 0};
	assert(id.len <= sizeof(reply->id));
	memcpy(reply->id, id.at, id.len);
	reply->text = buf_take(text, &reply->text_len);
	return ERR_OK;
}

enum err_code ocpp_reply_fault(struct ocpp_session *session, struct str id, const struct ocpp_fault *fault,
			       struct error *err)
{
	struct buf buf;

	if (id.len == 0)
		id = UNKNOWN_ID;
	buf_init(&buf, OCPP_FRAME_BYTES_MAX);
	ocpp_frame_error(&buf, session->options.version, id, fault);
	enum err_code code = append(session, id, &buf, 0, err);

	buf_done(&buf);
	if (!code)
		flush(session);
	return code;
}

static void past_done(struct ocpp_past *past)
{
	free(past->key);
	free(past->payload);
	*past = (struct ocpp_past){.handle = 0};
}

static void past_remove(struct ocpp_session *session, size_t index)
{
	past_done(&session->past[index]);
	session->past_count--;
	memmove(&session->past[index], &session->past[index + 1],
		(session->past_count - index) * sizeof(session->past[0]));
}

void ocpp_past_forget(struct ocpp_session *session)
{
	while (session->past_count > 0)
		past_remove(session, session->past_count - 1);
}

/* Makes room: the oldest that is confirmed, else the oldest. */
static void past_evict(struct ocpp_session *session)
{
	for (size_t i = 0; i < session->past_count; i++)
		if (session->past[i].handle == 0) {
			past_remove(session, i);
			return;
		}
	past_remove(session, 0);
}

static enum err_code remember(struct ocpp_hearing *hearing, struct str payload, uint64_t handle, struct error *err)
{
	struct ocpp_session *session = hearing->session;
	struct ocpp_past past = {.key = str_to_c(hearing->key),
				 .key_len = hearing->key.len,
				 .core_len = hearing->core_len,
				 .payload = str_to_c(payload),
				 .payload_len = payload.len,
				 .handle = handle,
				 .connection = session->connection,
				 .id_len = hearing->frame->id.len};

	if (!past.key || !past.payload) {
		past_done(&past);
		return err_set(err, ERR_MEMORY, "no memory to remember a message");
	}
	memcpy(past.id, hearing->frame->id.at, past.id_len);
	if (session->past_count == OCPP_PAST_MAX)
		past_evict(session);
	session->past[session->past_count++] = past;
	return ERR_OK;
}

static bool is_past(const struct ocpp_past *past, const struct ocpp_hearing *hearing)
{
	struct str key = {past->key, past->key_len}, core = {past->key, past->core_len};

	if (str_eq(key, hearing->key))
		return true;
	return past->connection == hearing->session->connection && past->core_len == hearing->core_len &&
	       str_eq(core, str_part(hearing->key, 0, hearing->core_len)) &&
	       str_eq((struct str){past->id, past->id_len}, hearing->frame->id);
}

bool ocpp_known(struct ocpp_hearing *hearing, struct str core, struct str rest)
{
	struct ocpp_session *session = hearing->session;

	hearing->key = arena_concat(hearing->arena, core, rest);
	hearing->core_len = core.len;
	for (size_t i = 0; hearing->key.at && !hearing->past && i < session->past_count; i++)
		if (is_past(&session->past[i], hearing))
			hearing->past = &session->past[i];
	return hearing->past != NULL;
}

enum err_code ocpp_reply_answer(struct ocpp_hearing *hearing, uint64_t *ret_handle, struct error *err)
{
	struct ocpp_session *session = hearing->session;
	const struct ocpp_past *past = hearing->past;
	uint64_t handle = past ? past->handle : hearing->durable ? session->handle_last + 1 : 0;
	struct buf payload, frame;

	buf_init(&payload, OCPP_FRAME_BYTES_MAX);
	buf_init(&frame, OCPP_FRAME_BYTES_MAX);
	if (past)
		buf_put(&payload, (struct str){past->payload, past->payload_len});
	else
		json_write(&payload, &hearing->answer);
	ocpp_frame_result(&frame, hearing->frame->id, buf_str(&payload));
	enum err_code code = buf_check(&payload, "an answer", err);

	if (!code)
		code = append(session, hearing->frame->id, &frame, handle, err);
	if (!code && !past && hearing->key.len > 0)
		code = remember(hearing, buf_str(&payload), handle, err);
	buf_done(&payload);
	buf_done(&frame);
	if (code)
		return code;
	if (!past && handle)
		session->handle_last = handle;
	*ret_handle = handle;
	flush(session);
	return ERR_OK;
}

bool ocpp_session_confirm(struct ocpp_session *session, uint64_t handle)
{
	bool found = false;

	for (size_t i = 0; handle && i < session->past_count; i++)
		if (session->past[i].handle == handle)
			session->past[i].handle = 0;
	for (size_t i = 0; handle && i < session->reply_count; i++)
		if (session->replies[i].handle == handle) {
			session->replies[i].handle = 0;
			session->replies[i].ready = found = true;
		}
	flush(session);
	return found;
}

/* The answer becomes an error. Without memory for it, it says nothing: the station's own time-out does. */
static void turn_into_fault(struct ocpp_session *session, struct ocpp_reply *reply)
{
	struct ocpp_fault fault;
	struct buf buf;

	(void)ocpp_fault_set(&fault, OCPP_INTERNAL_ERROR, "it could not be stored");
	buf_init(&buf, OCPP_FRAME_BYTES_MAX);
	ocpp_frame_error(&buf, session->options.version, (struct str){reply->id, reply->id_len}, &fault);
	free(reply->text);
	reply->text = buf_take(&buf, &reply->text_len);
	buf_done(&buf);
	reply->handle = 0;
	reply->ready = true;
}

bool ocpp_session_refuse(struct ocpp_session *session, uint64_t handle)
{
	bool found = false;

	for (size_t i = 0; handle && i < session->past_count;)
		if (session->past[i].handle == handle)
			past_remove(session, i);
		else
			i++;
	for (size_t i = 0; handle && i < session->reply_count; i++)
		if (session->replies[i].handle == handle) {
			turn_into_fault(session, &session->replies[i]);
			session->counts.refused++;
			found = true;
		}
	flush(session);
	return found;
}
