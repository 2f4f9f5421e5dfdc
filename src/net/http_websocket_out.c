/* What goes out on a WebSocket (RFC 6455 section 5): messages in frames of a block, so that none is ever held whole,
 * and control frames between them (section 5.4). A socket that takes no more holds one block. */
#include "net/http_websocket_int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

ssize_t http_websocket_on_send(const uint8_t *at, size_t len, int flags, void *user_data)
{
	struct http_websocket *socket = user_data;
	ssize_t sent = send(socket->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));

	if (sent <= 0) {
		socket->blocked = sent == 0 || errno == EAGAIN || errno == EINTR;
		socket->failed = !socket->blocked;
		return -1;
	}
	socket->moved_us = socket->request->stream_sent_us = http_coarse_us();
	socket->request->response_bytes += (uint64_t)sent;
	return sent;
}

static bool put_control(struct http_websocket *socket, uint8_t opcode, const char *at, size_t len)
{
	memcpy(socket->control, at, len);
	socket->out = (struct http_frame_out){true, opcode, 1, socket->control, len, 0};
	return true;
}

static bool put_data(struct http_websocket *socket)
{
	bool ends = false;
	ssize_t got = socket->pull(socket->request, socket->block, sizeof(socket->block), &ends);

	if (got < 0) {
		http_websocket_close(socket, HTTP_CLOSE_TRY_AGAIN_LATER, HTTP_WEBSOCKET_FELL_BEHIND);
		return put_control(socket, WSLAY_CONNECTION_CLOSE, socket->close, socket->close_len);
	}
	if (got == 0)
		return socket->closing && put_control(socket, WSLAY_CONNECTION_CLOSE, socket->close, socket->close_len);
	socket->out =
		(struct http_frame_out){.under_way = true,
					.opcode = socket->in_message ? WSLAY_CONTINUATION_FRAME : WSLAY_TEXT_FRAME,
					.fin = ends,
					.at = socket->block,
					.len = (size_t)got};
	socket->in_message = !ends;
	return true;
}

/* False: there is nothing to send. Control frames may go between the frames of a message (section 5.4). */
static bool next_frame(struct http_websocket *socket)
{
	if (socket->close_sent)
		return false;
	if (socket->pong_wanted) {
		socket->pong_wanted = false;
		return put_control(socket, WSLAY_PONG, socket->pong, socket->pong_len);
	}
	if (socket->closing)
		return put_control(socket, WSLAY_CONNECTION_CLOSE, socket->close, socket->close_len);
	if (socket->ping_wanted) {
		socket->ping_wanted = false;
		return put_control(socket, WSLAY_PING, "", 0);
	}
	return put_data(socket);
}

static void send_frame(struct http_websocket *socket)
{
	struct http_frame_out *out = &socket->out;
	struct wslay_frame_iocb frame = {.fin = out->fin,
					 .opcode = out->opcode,
					 .payload_length = out->len,
					 .data = (const uint8_t *)out->at + out->sent,
					 .data_length = out->len - out->sent};
	ssize_t sent = wslay_frame_send(socket->frames, &frame);

	assert(sent >= 0 || sent == WSLAY_ERR_WANT_WRITE);
	if (sent > 0)
		out->sent += (size_t)sent;
	if (sent < 0 || out->sent < out->len)
		return;
	out->under_way = false;
	if (out->opcode == WSLAY_CONNECTION_CLOSE)
		socket->close_sent = true;
}

bool http_websocket_send(struct http_websocket *socket)
{
	uint64_t before = socket->request->response_bytes;

	socket->blocked = false;
	while (!socket->failed && (socket->out.under_way || next_frame(socket))) {
		send_frame(socket);
		if (socket->blocked || socket->request->response_bytes - before > HTTP_WEBSOCKET_BYTES_PER_TURN)
			return false;
	}
	return true;
}
