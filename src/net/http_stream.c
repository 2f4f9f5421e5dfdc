/* Answers that go on. libmicrohttpd asks for bytes when the connection takes some; where there are none the connection
 * is suspended, and resumed by whoever has some, from any thread.
 *
 * One word says who may resume: a waker turns WAITS into RUNG and posts the request to its loop, the loop's own sweep
 * turns WAITS into PULLS and resumes at once. So a request is in the inbox once at most, and only while suspended,
 * which keeps it alive. A wake while bytes are asked for or under way leaves MISSED, and pull() is asked again. */
#include "net/http_int.h"

#include <assert.h>
#include <poll.h>
#include <sys/socket.h>

bool http_stream_turn(struct http_request *request, int from, int to)
{
	return atomic_compare_exchange_strong(&request->stream_state, &from, to);
}

/* ---- on the loop ---- */

static bool is_over(const struct http_request *request)
{
	return request->stream_ending_us || atomic_load(&request->stream_cut);
}

static ssize_t on_pull(void *cls, uint64_t at_byte, char *at, size_t room)
{
	struct http_request *request = cls;
	int64_t now_us = http_coarse_us();

	(void)at_byte;
	request->loop->calls++;
	do {
		atomic_store(&request->stream_state, HTTP_STREAM_PULLS);
		bool beat = now_us - request->stream_sent_us >= HTTP_STREAM_BEAT_MS * INT64_C(1000);
		ssize_t got = is_over(request) ? HTTP_STREAM_END : request->pull(request, at, room, beat);

		if (got < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (got > 0) {
			request->stream_sent_us = now_us;
			request->response_bytes += (uint64_t)got;
			return got;
		}
	} while (!http_stream_turn(request, HTTP_STREAM_PULLS, HTTP_STREAM_WAITS));
	request->loop->suspended++;
	MHD_suspend_connection(request->mhd);
	return 0;
}

void http_respond_stream(struct http_request *request, int status,
			 ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool beat))
{
	assert(!request->status && !request->suspend_wanted && request->phase == HTTP_HANDLING && !request->raw);
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HTTP_STREAM_BLOCK_BYTES, on_pull, request, NULL);

	if (!response)
		return;
	request->pull = pull;
	request->stream_sent_us = http_coarse_us();
	if (http_response_queue(request, status, response))
		request->phase = HTTP_STREAMING;
}

static void resume(struct http_request *request)
{
	request->loop->suspended--;
	MHD_resume_connection(request->mhd);
}

void http_stream_resume(struct http_request *request)
{
	if (request->websocket) {
		http_websocket_resume(request);
		return;
	}
	atomic_store(&request->stream_state, HTTP_STREAM_PULLS);
	resume(request);
}

/* A suspended connection is watched by nobody, so its end is looked for. */
static bool client_has_gone(const struct http_request *request)
{
	struct pollfd end = {.fd = request->connection->fd, .events = POLLRDHUP};

	return poll(&end, 1, 0) == 1;
}

void http_stream_sweep(struct http_request *request, int64_t now_us, bool draining)
{
	bool beat = now_us - request->stream_sent_us >= HTTP_STREAM_BEAT_MS * INT64_C(1000);

	if (request->websocket) {
		http_websocket_sweep(request, now_us, draining);
		return;
	}
	if (!request->stream_ending_us && (draining || client_has_gone(request)))
		request->stream_ending_us = now_us;
	if (atomic_load(&request->stream_cut) ||
	    (request->stream_ending_us && now_us - request->stream_ending_us > HTTP_STREAM_GRACE_MS * INT64_C(1000)))
		(void)shutdown(request->connection->fd, SHUT_RDWR);
	if ((beat || is_over(request)) && http_stream_turn(request, HTTP_STREAM_WAITS, HTTP_STREAM_PULLS))
		resume(request);
}

/* ---- any thread ---- */

void http_stream_wake(struct http_request *request)
{
	for (;;) {
		int state = atomic_load(&request->stream_state);

		if (state == HTTP_STREAM_MISSED || state == HTTP_STREAM_RUNG)
			return;
		if (state == HTTP_STREAM_PULLS && http_stream_turn(request, state, HTTP_STREAM_MISSED))
			return;
		if (state == HTTP_STREAM_WAITS && http_stream_turn(request, state, HTTP_STREAM_RUNG)) {
			http_loop_post(request->loop, &request->message);
			return;
		}
	}
}

void http_stream_cut(struct http_request *request)
{
	atomic_store(&request->stream_cut, true);
	http_stream_wake(request);
}
