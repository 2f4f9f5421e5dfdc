/* What comes in on a WebSocket (RFC 6455 section 5): wslay cuts it into frames; which may come is decided here.
 * Control frames are acted upon. Messages are put together and handed over whole, where they are taken, and else
 * dropped as they come, either within a bound. Of pings only the latest is kept, as section 5.5.3 allows, so that a
 * flood of them costs no memory. */
#include "net/http_websocket_int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void break_off(struct http_websocket *socket, uint16_t code, const char *reason)
{
	socket->broken = true;
	http_websocket_close(socket, code, reason);
}

ssize_t http_websocket_on_receive(uint8_t *at, size_t room, int flags, void *user_data)
{
	struct http_websocket *socket = user_data;
	ssize_t got;

	(void)flags;
	if (socket->early.len > 0) {
		got = (ssize_t)(socket->early.len < room ? socket->early.len : room);
		memcpy(at, socket->early.at, (size_t)got);
		socket->early = str_part(socket->early, (size_t)got, socket->early.len);
	} else {
		if (socket->reads_left == 0)
			return -1;
		socket->reads_left--;
		got = recv(socket->fd, at, room, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			socket->failed = true;
	}
	if (got <= 0)
		return -1;
	socket->pinged_us = 0;
	atomic_fetch_add_explicit(&socket->request->loop->counters.bytes_in, (uint64_t)got, memory_order_relaxed);
	return got;
}

static bool is_control(uint8_t opcode)
{
	return wslay_is_ctrl_frame(opcode);
}

static bool data_begins(struct http_websocket *socket, const struct wslay_frame_iocb *frame)
{
	struct http_frame_in *in = &socket->in;

	if ((frame->opcode == WSLAY_CONTINUATION_FRAME) != in->in_message) {
		break_off(socket, WSLAY_CODE_PROTOCOL_ERROR, "frames of messages are mixed up");
		return false;
	}
	if (!in->in_message) {
		in->message_bytes = 0;
		in->is_text = frame->opcode == WSLAY_TEXT_FRAME;
	}
	in->in_message = !frame->fin;
	in->message_bytes += frame->payload_length;
	if (socket->take && !in->is_text)
		break_off(socket, WSLAY_CODE_UNSUPPORTED_DATA, "messages are texts here");
	else if (in->message_bytes > socket->message_bytes_max)
		break_off(socket, WSLAY_CODE_MESSAGE_TOO_BIG, "nothing of this size is taken");
	else
		return true;
	return false;
}

/* ---- messages that are taken ---- */

void http_websocket_forget(struct http_websocket *socket)
{
	struct http_frame_in *in = &socket->in;

	atomic_fetch_sub(&socket->request->loop->server->bodies_bytes, in->counted);
	in->counted = 0;
	in->held = false;
	if (in->text.room > HTTP_WEBSOCKET_KEPT_BYTES_MAX)
		buf_done(&in->text);
	buf_clear(&in->text);
}

static void text_grows(struct http_websocket *socket, struct str part)
{
	struct http_server *server = socket->request->loop->server;
	struct http_frame_in *in = &socket->in;

	in->counted += part.len;
	bool fits = atomic_fetch_add(&server->bodies_bytes, part.len) + part.len <= server->options.bodies_bytes_max;

	buf_put(&in->text, part);
	if (!fits || in->text.failed)
		break_off(socket, HTTP_CLOSE_TRY_AGAIN_LATER, "there is no room for a message now");
}

static void hand_over(struct http_websocket *socket)
{
	socket->in.held = !socket->take(socket->request, buf_str(&socket->in.text));
	if (!socket->in.held)
		http_websocket_forget(socket);
}

static void text_ends(struct http_websocket *socket)
{
	if (!http_utf8_valid(buf_str(&socket->in.text)))
		break_off(socket, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "a text message is UTF-8");
	else
		hand_over(socket);
}

void http_websocket_offer(struct http_websocket *socket)
{
	if (!socket->in.held)
		return;
	if (socket->closing)
		http_websocket_forget(socket);
	else
		hand_over(socket);
	if (!socket->in.held)
		http_websocket_receive(socket); /* some of it may be here already, and no event will say so */
}

/* ---- frames ---- */

static bool frame_begins(struct http_websocket *socket, const struct wslay_frame_iocb *frame)
{
	socket->in.under_way = true;
	socket->in.opcode = frame->opcode;
	socket->in.left = frame->payload_length;
	socket->in.control_len = 0;
	if (!frame->mask || frame->rsv)
		break_off(socket, WSLAY_CODE_PROTOCOL_ERROR, "a frame is unmasked, or of an extension");
	else if (is_control(frame->opcode) ? frame->opcode > WSLAY_PONG : frame->opcode > WSLAY_BINARY_FRAME)
		break_off(socket, WSLAY_CODE_PROTOCOL_ERROR, "there is no such opcode");
	else
		return is_control(frame->opcode) || data_begins(socket, frame);
	return false;
}

/* RFC 6455 section 7.4, and what IANA has registered since. */
static bool may_be_sent(unsigned int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void close_came(struct http_websocket *socket)
{
	const struct http_frame_in *in = &socket->in;
	unsigned int code = 0;

	if (in->control_len >= HTTP_CODE_BYTES)
		code = (unsigned int)(unsigned char)in->control[0] << 8 | (unsigned char)in->control[1];
	if (in->control_len == 1 || (in->control_len >= HTTP_CODE_BYTES && !may_be_sent(code)))
		break_off(socket, WSLAY_CODE_PROTOCOL_ERROR, "there is no such close code");
	else if (in->control_len > HTTP_CODE_BYTES &&
		 !http_utf8_valid((struct str){in->control + HTTP_CODE_BYTES, in->control_len - HTTP_CODE_BYTES}))
		break_off(socket, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "a reason is UTF-8");
	else
		http_websocket_close(socket, (uint16_t)code, "");
	socket->close_received = true;
}

static void frame_ends(struct http_websocket *socket)
{
	const struct http_frame_in *in = &socket->in;

	if (in->opcode == WSLAY_CONNECTION_CLOSE)
		close_came(socket);
	if (!is_control(in->opcode) && socket->take && !in->in_message && !socket->broken && !socket->closing)
		text_ends(socket);
	if (in->opcode != WSLAY_PING || socket->closing)
		return;
	memcpy(socket->pong, in->control, in->control_len);
	socket->pong_len = in->control_len;
	socket->pong_wanted = true;
}

static void take(struct http_websocket *socket, const struct wslay_frame_iocb *part)
{
	struct http_frame_in *in = &socket->in;

	if (!in->under_way && !frame_begins(socket, part))
		return;
	if (is_control(in->opcode)) {
		assert(part->data_length <= HTTP_CONTROL_BYTES_MAX - in->control_len);
		memcpy(in->control + in->control_len, part->data, part->data_length);
		in->control_len += part->data_length;
	} else if (socket->take && !socket->closing) {
		text_grows(socket, (struct str){(const char *)part->data, part->data_length});
	}
	assert(part->data_length <= in->left);
	in->left -= part->data_length;
	in->under_way = in->left > 0;
	if (!in->under_way)
		frame_ends(socket);
}

bool http_websocket_reads(const struct http_websocket *socket)
{
	return !socket->failed && !socket->broken && !socket->close_received && !socket->in.held;
}

void http_websocket_receive(struct http_websocket *socket)
{
	socket->reads_left = HTTP_WEBSOCKET_READS_PER_TURN;
	while (http_websocket_reads(socket)) {
		struct wslay_frame_iocb part = {0};
		ssize_t got = wslay_frame_recv(socket->frames, &part);

		if (got == WSLAY_ERR_WANT_READ)
			return;
		if (got < 0)
			break_off(socket, WSLAY_CODE_PROTOCOL_ERROR, "a frame's head is wrong");
		else
			take(socket, &part);
	}
}
