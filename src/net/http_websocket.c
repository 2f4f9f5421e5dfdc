/* WebSockets (RFC 6455): messages go out; what comes in is control frames, and messages where somebody takes them.
 *
 * libmicrohttpd hands the socket over after its 101, suspends the connection, and has it back when all is over; in
 * between the socket is in the loop's own epoll set. Who may go on with the request is told by the same word as with
 * other streams (http_stream.c): as long as something is owed to the socket it stays with the loop, otherwise it waits
 * to be rung. */
#include "net/http_websocket_int.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

void http_websocket_close(struct http_websocket *socket, uint16_t code, const char *reason)
{
	size_t reason_len = strlen(reason);

	if (socket->closing)
		return;
	assert(reason_len <= HTTP_CONTROL_BYTES_MAX - HTTP_CODE_BYTES);
	socket->closing = true;
	socket->request->stream_ending_us = http_coarse_us();
	if (code == 0)
		return;
	socket->close[0] = (char)(code >> 8);
	socket->close[1] = (char)(code & 0xff);
	memcpy(socket->close + HTTP_CODE_BYTES, reason, reason_len);
	socket->close_len = HTTP_CODE_BYTES + reason_len;
}

/* False: a message is under way that will resume the request. */
static bool is_ours(struct http_request *request)
{
	int state = atomic_load(&request->stream_state);

	if (state == HTTP_STREAM_WAITS)
		return http_stream_turn(request, HTTP_STREAM_WAITS, HTTP_STREAM_PULLS);
	return state != HTTP_STREAM_RUNG;
}

static void watch(struct http_websocket *socket, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = (uintptr_t)socket->request};

	if (socket->in_set && events == socket->watched)
		return;
	if (epoll_ctl(socket->request->loop->epoll_fd, socket->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket->fd,
		      &event) != 0) {
		socket->failed = true;
		return;
	}
	socket->in_set = true;
	socket->watched = events;
}

/* What still comes is read away by http_linger.c where an error is to reach its client. */
static void give_back(struct http_websocket *socket)
{
	struct http_request *request = socket->request;

	socket->done = true;
	(void)epoll_ctl(request->loop->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
	request->connection->linger = socket->broken && !socket->failed;
	if (socket->failed)
		(void)shutdown(socket->fd, SHUT_RDWR);
	(void)MHD_upgrade_action(socket->handle, MHD_UPGRADE_ACTION_CLOSE);
}

static bool is_over(const struct http_websocket *socket)
{
	return socket->failed || (socket->close_sent && (socket->close_received || socket->broken));
}

/* The request is ours. Afterwards it waits, or is watched for room, or is given back. */
static void go_on(struct http_websocket *socket)
{
	struct http_request *request = socket->request;

	do {
		atomic_store(&request->stream_state, HTTP_STREAM_PULLS);
		http_websocket_offer(socket);
		if (atomic_load(&request->stream_cut))
			http_websocket_close(socket, HTTP_CLOSE_TRY_AGAIN_LATER, HTTP_WEBSOCKET_FELL_BEHIND);
		socket->owes = !http_websocket_send(socket);
		if (!is_over(socket))
			watch(socket, (http_websocket_reads(socket) ? EPOLLIN : 0) | (socket->owes ? EPOLLOUT : 0));
		if (is_over(socket)) {
			give_back(socket);
			return;
		}
	} while (!socket->owes && !http_stream_turn(request, HTTP_STREAM_PULLS, HTTP_STREAM_WAITS));
}

/* A socket that is not read says so again and again. */
static bool has_hung_up(const struct http_websocket *socket)
{
	struct pollfd end = {.fd = socket->fd};

	return poll(&end, 1, 0) == 1;
}

void http_websocket_event(struct http_request *request)
{
	struct http_websocket *socket = request->websocket;

	if (socket->done)
		return;
	if (socket->in.held && has_hung_up(socket))
		socket->failed = true;
	http_websocket_receive(socket);
	if (is_ours(request))
		go_on(socket);
}

void http_websocket_resume(struct http_request *request)
{
	atomic_store(&request->stream_state, HTTP_STREAM_PULLS);
	go_on(request->websocket);
}

/* Nothing goes out, or nothing comes back, for too long. */
static bool is_dead(const struct http_websocket *socket, int64_t now_us)
{
	const struct http_request *request = socket->request;
	int64_t idle_us = request->loop->server->options.idle_timeout_s * INT64_C(1000000);

	return (socket->owes && now_us - socket->moved_us > idle_us) ||
	       (socket->pinged_us && now_us - socket->pinged_us > idle_us) ||
	       (request->stream_ending_us && now_us - request->stream_ending_us > HTTP_STREAM_GRACE_MS * INT64_C(1000));
}

void http_websocket_sweep(struct http_request *request, int64_t now_us, bool draining)
{
	struct http_websocket *socket = request->websocket;

	if (socket->done)
		return;
	if (draining)
		http_websocket_close(socket, WSLAY_CODE_GOING_AWAY, "the server ends");
	if (socket->in.held)
		socket->pinged_us = 0; /* his answer cannot be read now, which is no fault of his */
	if (is_dead(socket, now_us))
		socket->failed = true;
	if (!socket->in.held && now_us - request->stream_sent_us >= HTTP_STREAM_BEAT_MS * INT64_C(1000) &&
	    !socket->ping_wanted) {
		socket->ping_wanted = true;
		socket->pinged_us = socket->pinged_us ? socket->pinged_us : now_us;
	}
	if ((socket->failed || socket->closing || socket->ping_wanted || atomic_load(&request->stream_cut)) &&
	    is_ours(request))
		go_on(socket);
}

/* ---- beginning and end ---- */

static void on_upgrade(void *cls, struct MHD_Connection *mhd, void *context, const char *early, size_t early_len,
		       MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = cls;
	struct http_websocket *socket = request->websocket;
	int yes = 1;

	(void)mhd;
	(void)context;
	request->loop->calls++;
	request->loop->suspended++;
	request->phase = HTTP_STREAMING;
	request->stream_sent_us = socket->moved_us = http_coarse_us();
	socket->handle = handle;
	socket->fd = fd;
	if (early_len > 0) {
		socket->early = arena_dup(&request->arena, (struct str){early, early_len});
		socket->failed = socket->early.len == 0;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	watch(socket, EPOLLIN | EPOLLOUT); /* which comes at once, and begins */
}

static struct http_websocket *socket_new(struct http_request *request)
{
	static const struct wslay_frame_callbacks callbacks = {.send_callback = http_websocket_on_send,
							       .recv_callback = http_websocket_on_receive};
	struct http_websocket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		return NULL;
	socket->request = request;
	socket->fd = -1;
	if (wslay_frame_context_init(&socket->frames, &callbacks, socket) == 0)
		return socket;
	free(socket);
	return NULL;
}

void http_websocket_free(struct http_request *request)
{
	struct http_websocket *socket = request->websocket;

	if (!socket)
		return;
	if (socket->handle)
		request->loop->suspended--;
	http_websocket_forget(socket);
	buf_done(&socket->in.text);
	wslay_frame_context_free(socket->frames);
	free(socket);
	request->websocket = NULL;
}

void http_websocket_end(struct http_request *request, uint16_t code, const char *reason)
{
	http_websocket_close(request->websocket, code, reason);
}

void http_respond_websocket(struct http_request *request,
			    ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool *ret_ends))
{
	http_respond_websocket_talk(
		request,
		&(struct http_websocket_talk){.pull = pull, .message_bytes_max = HTTP_WEBSOCKET_DROPPED_BYTES_MAX});
}

void http_respond_websocket_talk(struct http_request *request, const struct http_websocket_talk *talk)
{
	struct str key = http_request_header(request, STR("Sec-WebSocket-Key"));
	char accept[HTTP_ACCEPT_BYTES];

	assert(!request->status && !request->suspend_wanted && request->phase == HTTP_HANDLING && !request->raw);
	request->websocket = socket_new(request);
	if (!request->websocket || !http_websocket_accept(key, accept) ||
	    !http_response_header(request, "Upgrade", STR("websocket")) ||
	    !http_response_header(request, "Sec-WebSocket-Accept", str_from(accept)) ||
	    (talk->subprotocol.at && !http_response_header(request, "Sec-WebSocket-Protocol", talk->subprotocol)))
		return;
	request->websocket->pull = talk->pull;
	request->websocket->take = talk->take;
	request->websocket->message_bytes_max = talk->message_bytes_max;
	buf_init(&request->websocket->in.text, talk->message_bytes_max);
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, request);

	if (response && http_response_queue(request, MHD_HTTP_SWITCHING_PROTOCOLS, response))
		request->phase = HTTP_ANSWERING;
}
