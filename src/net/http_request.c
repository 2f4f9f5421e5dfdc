/* A request's life, driven by libmicrohttpd's callbacks on the loop's thread:
 * request line → head → body into the arena → handle() → answered, or suspended and woken → finished.
 *
 * libmicrohttpd answers by itself only what it cannot parse at all; whatever can be parsed and is still wrong (too
 * long, no Host, ambiguous length) is answered through refuse(). A refused body is read and dropped as far as
 * HTTP_DISCARD_BYTES_MAX, since closing on unread data would reset the connection and take the answer with it. */
#include "net/http_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and dropping ---- */

static struct http_request *request_new(struct http_loop *loop)
{
	struct http_request *request = loop->spare;

	if (request) {
		struct arena arena = request->arena;

		loop->spare = request->next_spare;
		loop->spare_count--;
		memset(request, 0, offsetof(struct http_request, fields));
		memset(&request->field_count, 0, sizeof(*request) - offsetof(struct http_request, field_count));
		request->arena = arena;
	} else {
		request = calloc(1, sizeof(*request));
		if (!request)
			return NULL;
		arena_init(&request->arena, loop->server->options.arena_bytes_max);
	}
	request->loop = loop;
	request->start_us = http_now_us();
	return request;
}

static void request_drop(struct http_request *request)
{
	struct http_loop *loop = request->loop;

	if (request->body_len)
		atomic_fetch_sub(&loop->server->bodies_bytes, request->body_len);
	http_body_drop(request);
	arena_clear(&request->arena);
	if (loop->spare_count >= HTTP_SPARE_REQUESTS_MAX) {
		arena_done(&request->arena);
		free(request);
		return;
	}
	if (request->arena.bytes > HTTP_SPARE_ARENA_BYTES_MAX)
		arena_done(&request->arena);
	request->next_spare = loop->spare;
	loop->spare = request;
	loop->spare_count++;
}

void http_requests_free(struct http_loop *loop)
{
	while (loop->spare) {
		struct http_request *request = loop->spare;

		loop->spare = request->next_spare;
		arena_done(&request->arena);
		free(request);
	}
	http_bodies_free(loop);
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* libmicrohttpd makes an entry of its pool for every parameter, which nobody reads, and closes the connection without a
 * word when there is no more room. Parameters are cut off before it looks: the text is its receive buffer. */
static void hide_parameters(const char *uri)
{
	char *mark = strchr((char *)(uintptr_t)uri, '?');

	if (mark && mark[1])
		mark[1] = '\0';
}

void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_loop *loop = cls;
	struct http_request *request = request_new(loop);

	loop->calls++;
	if (!request)
		return NULL;
	struct str raw = arena_dup(&request->arena, str_from(uri));

	if (raw.len == 0) {
		request_drop(request);
		return NULL;
	}
	request->raw_target = uri;
	request->raw_target_len = raw.len;
	hide_parameters(uri);
	http_target_split(raw, &request->path, &request->query);
	request->mhd = mhd;
	request->connection = connection_of(mhd);
	request->connection->request = request;
	atomic_fetch_add_explicit(&loop->counters.requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&loop->counters.requests_open, 1, memory_order_relaxed);
	return request;
}

/* libmicrohttpd would decode paths whole, before they can be cut into segments, and take "+" for a space. */
size_t http_on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

/* ---- the head ---- */

static size_t put_hex(char *at, uint64_t value)
{
	size_t len = 1;

	while (len < 16 && value >> (4 * len))
		len++;
	for (size_t i = len; i > 0; i--, value >>= 4)
		at[i - 1] = "0123456789abcdef"[value & 15];
	return len;
}

/* Ours: prefix-loop-count. */
static struct str id_make(struct http_request *request)
{
	struct http_loop *loop = request->loop;
	const size_t prefix = sizeof(loop->server->id_prefix) - 1;
	char *id = arena_bytes(&request->arena, prefix + 8 + 16 + 2, 1);
	size_t len = prefix;

	if (!id)
		return STR("-");
	memcpy(id, loop->server->id_prefix, prefix);
	id[len++] = '-';
	len += put_hex(id + len, loop->index);
	id[len++] = '-';
	len += put_hex(id + len, ++loop->request_counter);
	id[len] = '\0';
	return (struct str){id, len};
}

static void answer_server_wide(struct http_request *request)
{
	request->phase = HTTP_HANDLING;
	(void)http_response_header(request, "Allow", STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
	http_respond(request, MHD_HTTP_NO_CONTENT, STR(""));
}

static void request_refuse(struct http_request *request)
{
	const struct http_server_options *options = &request->loop->server->options;
	struct str reason = str_from(request->refusal_reason);

	request->phase = HTTP_HANDLING;
	request->handled = true;
	if (options->refuse)
		options->refuse(options->self, request, request->refusal_status, request->refusal_reason);
	if (request->status)
		return;
	(void)http_response_header(request, "Content-Type", STR("text/plain; charset=utf-8"));
	http_respond(request, request->refusal_status, reason);
}

static enum MHD_Result answered_or_closed(const struct http_request *request)
{
	return request->status || request->phase == HTTP_SUSPENDED ? MHD_YES : MHD_NO;
}

static enum MHD_Result request_head(struct http_request *request, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct http_fields fields = {.arena = &request->arena};
	uint64_t length;

	http_fields_read(request, &fields);
	request->head_bytes = info ? info->header_size : 0;
	atomic_fetch_add_explicit(&request->loop->counters.bytes_in, request->head_bytes, memory_order_relaxed);
	request->http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
	request->method = arena_dup(&request->arena, str_from(method));
	request->id = http_request_id_valid(fields.id) ? arena_dup(&request->arena, fields.id) : id_make(request);
	http_head_check(request, method, version, &fields, &length);
	request->phase = HTTP_BODY;
	if (!request->method.at || !request->id.at)
		return MHD_NO; /* no memory for two short texts */
	if (!request->refusal_status && length > 0 && !http_body_announce(request, (size_t)length))
		http_refuse_later(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the body");
	/* Answering before the body closes the connection; fine for a client that waits for "100 Continue" first, or
	 * for one whose body is not worth reading, or has no end that we could trust. */
	if (request->refusal_status &&
	    (request->last || length > HTTP_DISCARD_BYTES_MAX || (length > 0 && fields.expect.at))) {
		request->connection->linger = true;
		request_refuse(request);
		return answered_or_closed(request);
	}
	/* Should the chunks break a rule, the answer to that is to arrive whatever else does. */
	request->connection->linger = request->chunked;
	return MHD_YES;
}

/* ---- the body ---- */

/* Counts what has come, not what was announced: announcing costs nobody memory. */
static bool bodies_take(const struct http_request *request, size_t len)
{
	struct http_server *server = request->loop->server;

	if (atomic_fetch_add(&server->bodies_bytes, len) + len <= server->options.bodies_bytes_max)
		return true;
	atomic_fetch_sub(&server->bodies_bytes, len);
	return false;
}

void http_request_refuse_raw(struct http_request *request, int status, const char *reason)
{
	request->raw = true;
	http_refuse_later(request, status, reason);
	request_refuse(request);
}

/* Nobody knows how much of a chunked body is still to come: over a bound the answer goes out at once. */
static bool chunk_refused(struct http_request *request, size_t len)
{
	request->stuck_sweeps = 0;
	if (request->refusal_status)
		return false;
	if (len > request->loop->server->options.body_bytes_max - request->body_len)
		http_request_refuse_raw(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	else if (!http_body_grow(request, len))
		http_request_refuse_raw(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the body");
	return request->refusal_status != 0;
}

static enum MHD_Result request_body(struct http_request *request, const char *upload, size_t *upload_bytes)
{
	size_t len = *upload_bytes;

	*upload_bytes = 0;
	atomic_fetch_add_explicit(&request->loop->counters.bytes_in, len, memory_order_relaxed);
	if (request->chunked && chunk_refused(request, len))
		return MHD_NO;
	assert(request->refusal_status || len <= request->body_room - request->body_len);
	if (!request->refusal_status && !bodies_take(request, len))
		http_refuse_later(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many bodies are under way");
	if (request->refusal_status) {
		request->discarded += len;
		return request->discarded > HTTP_DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
	}
	memcpy(request->body + request->body_len, upload, len);
	request->body_len += len;
	return MHD_YES;
}

/* ---- handling ---- */

/* After a handler or woken(): it has answered, or asked for a suspension, or must not leave the client waiting. */
static enum MHD_Result request_settle(struct http_request *request)
{
	if (request->status)
		return MHD_YES;
	if (request->suspend_wanted) {
		request->suspend_wanted = false;
		request->phase = HTTP_SUSPENDED;
		request->loop->suspended++;
		MHD_suspend_connection(request->mhd);
		return MHD_YES;
	}
	http_refuse_later(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "the request was not answered");
	request_refuse(request);
	return answered_or_closed(request);
}

static enum MHD_Result request_handle(struct http_request *request)
{
	const struct http_server_options *options = &request->loop->server->options;

	request->connection->linger = false;
	if (request->body)
		memset(request->body + request->body_len, 0, HTTP_BODY_PADDING_BYTES);
	if (request->refusal_status) {
		request_refuse(request);
		return answered_or_closed(request);
	}
	if (http_is_server_wide(request)) {
		answer_server_wide(request);
		return answered_or_closed(request);
	}
	request->phase = HTTP_HANDLING;
	request->handled = true;
	options->handle(options->self, request->loop->state, request);
	return request_settle(request);
}

static enum MHD_Result request_woken(struct http_request *request)
{
	void (*woken)(struct http_request * request) = request->woken;

	request->phase = HTTP_HANDLING;
	request->woken = NULL;
	woken(request);
	return request_settle(request);
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				const char *version, const char *upload, size_t *upload_bytes, void **context)
{
	struct http_request *request = *context;
	struct http_loop *loop = cls;

	loop->calls++;
	(void)mhd;
	(void)url;
	if (!request)
		return MHD_NO; /* no memory at the request line */
	switch (request->phase) {
	case HTTP_HEAD:
		return request_head(request, method, version);
	case HTTP_BODY:
		return *upload_bytes ? request_body(request, upload, upload_bytes) : request_handle(request);
	case HTTP_WOKEN:
		return request_woken(request);
	case HTTP_HANDLING:
	case HTTP_SUSPENDED:
	case HTTP_ANSWERING:
	case HTTP_STREAMING:
		break;
	}
	return MHD_YES;
}

static void request_end(struct http_request *request)
{
	struct http_loop *loop = request->loop;
	const struct http_server_options *options = &loop->server->options;

	atomic_fetch_sub_explicit(&loop->counters.requests_open, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&loop->counters.bytes_out, request->response_bytes, memory_order_relaxed);
	if (request->status >= 500)
		atomic_fetch_add_explicit(&loop->counters.responses_5xx, 1, memory_order_relaxed);
	else if (request->status >= 400)
		atomic_fetch_add_explicit(&loop->counters.responses_4xx, 1, memory_order_relaxed);
	if (request->handled && options->finished)
		options->finished(options->self, loop->state, request);
	http_websocket_free(request);
	if (request->arena.bytes + request->body_len + request->response_bytes > HTTP_TRIM_BYTES)
		loop->trim_wanted = true;
	request->connection->request = NULL;
	request->connection->since_us = http_coarse_us();
	request_drop(request);
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *context;

	(void)cls;
	(void)mhd;
	(void)code;
	if (!request)
		return;
	*context = NULL;
	request_end(request);
}

void http_connection_lost(struct http_connection *connection)
{
	if (connection->request)
		request_end(connection->request);
}

/* ---- suspending ---- */

void http_request_suspend(struct http_request *request, void (*woken)(struct http_request *request))
{
	assert(!request->status && !request->suspend_wanted && request->phase == HTTP_HANDLING);
	request->woken = woken;
	request->suspend_wanted = true;
}

void http_request_wake(struct http_request *request)
{
	http_loop_post(request->loop, &request->message);
}

/* From the inbox, on the loop's thread. A connection that was lost meanwhile is found out when the answer is sent. */
void http_request_resume(struct http_request *request)
{
	if (request->phase == HTTP_STREAMING) {
		http_stream_resume(request);
		return;
	}
	assert(request->phase == HTTP_SUSPENDED);
	request->phase = HTTP_WOKEN;
	request->loop->suspended--;
	MHD_resume_connection(request->mhd);
}
