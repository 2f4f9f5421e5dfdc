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

/* The fields that the server itself looks at, found in one pass. */
struct head_fields {
	struct arena *arena;
	struct str host, length, coding, expect, id;
};

static enum MHD_Result head_visit(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				  const char *value, size_t value_len)
{
	struct head_fields *fields = cls;
	struct str name = {key, key_len};
	struct str *field = NULL;

	(void)kind;
	if (str_eq_nocase(name, STR("Host")))
		field = &fields->host;
	else if (str_eq_nocase(name, STR("Content-Length")))
		field = &fields->length;
	else if (str_eq_nocase(name, STR("Transfer-Encoding")))
		field = &fields->coding;
	else if (str_eq_nocase(name, STR("Expect")))
		field = &fields->expect;
	else if (str_eq_nocase(name, STR("X-Request-Id")))
		field = &fields->id;
	if (field)
		*field = http_field_join(fields->arena, *field, str_trim((struct str){value ? value : "", value_len}));
	return MHD_YES;
}

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

static void refuse_later(struct http_request *request, int status, const char *reason)
{
	if (request->refusal_status)
		return;
	request->refusal_status = status;
	request->refusal_reason = reason;
}

/* RFC 9110 section 9.3.7: "OPTIONS *" asks about the server as such. */
static bool is_server_wide(const struct http_request *request)
{
	return str_eq(request->path, STR("*")) && str_eq(request->method, STR("OPTIONS"));
}

static void answer_server_wide(struct http_request *request)
{
	request->phase = HTTP_HANDLING;
	(void)http_response_header(request, "Allow", STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
	http_respond(request, MHD_HTTP_NO_CONTENT, STR(""));
}

/* What RFC 9112 sections 3.2 and 6.3 ask of a head, and our bounds. ret_length: of the body, when it says so. */
static void head_check(struct http_request *request, const char *method, const char *version,
		       const struct head_fields *fields, uint64_t *ret_length)
{
	const struct http_server *server = request->loop->server;
	const char *reason = NULL;

	*ret_length = 0;
	if (request->path.len + request->query.len > server->head_bytes_max / 2)
		refuse_later(request, MHD_HTTP_URI_TOO_LONG, "the request target is too long");
	if (request->head_bytes > server->head_bytes_max)
		refuse_later(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's headers are too large");
	if (!http_head_whole(request, method, version))
		refuse_later(request, MHD_HTTP_BAD_REQUEST, "the request's head has a NUL or a folded header");
	if (request->path.at[0] != '/' && !is_server_wide(request))
		refuse_later(request, MHD_HTTP_BAD_REQUEST, "the request target is neither a path nor an http URL");
	if (strcmp(version, MHD_HTTP_VERSION_1_1) == 0 && !fields->host.at)
		refuse_later(request, MHD_HTTP_BAD_REQUEST, "an HTTP/1.1 request needs a Host header");
	if (fields->coding.at && fields->length.at)
		refuse_later(request, MHD_HTTP_BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other");
	if (fields->coding.at && !str_eq_nocase(fields->coding, STR("chunked")))
		refuse_later(request, MHD_HTTP_NOT_IMPLEMENTED, "the only transfer coding taken is chunked");
	if (fields->length.at && !fields->coding.at && !str_to_uint64(fields->length, ret_length))
		refuse_later(request, MHD_HTTP_BAD_REQUEST, "Content-Length is not one number");
	if (*ret_length > server->options.body_bytes_max)
		refuse_later(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	if (request->query.len && !http_query_parse(&request->arena, request->query, &request->parameters,
						    &request->parameter_count, &reason))
		refuse_later(request, MHD_HTTP_BAD_REQUEST, reason);
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
	struct head_fields fields = {.arena = &request->arena};
	uint64_t length;

	(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, head_visit, &fields);
	request->head_bytes = info ? info->header_size : 0;
	atomic_fetch_add_explicit(&request->loop->counters.bytes_in, request->head_bytes, memory_order_relaxed);
	request->method = arena_dup(&request->arena, str_from(method));
	request->id = http_request_id_valid(fields.id) ? arena_dup(&request->arena, fields.id) : id_make(request);
	head_check(request, method, version, &fields, &length);
	request->phase = HTTP_BODY;
	if (!request->method.at || !request->id.at)
		return MHD_NO; /* no memory for two short texts */
	if (!request->refusal_status && length > 0) {
		request->body = arena_bytes(&request->arena, (size_t)length, HTTP_BODY_PADDING_BYTES);
		request->body_room = (size_t)length;
		if (!request->body)
			refuse_later(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the body");
	}
	/* Answering before the body closes the connection; fine for a client that waits for "100 Continue" first, or
	 * for one whose body is not worth reading. */
	if (request->refusal_status && (fields.coding.at || fields.length.at) &&
	    (length > HTTP_DISCARD_BYTES_MAX || fields.expect.at)) {
		request_refuse(request);
		return answered_or_closed(request);
	}
	return MHD_YES;
}

/* ---- the body ---- */

/* Chunked bodies: twice the room whenever it is full, so all copies together are as long as the body. */
static bool body_grow(struct http_request *request, size_t need)
{
	size_t max = request->loop->server->options.body_bytes_max;
	size_t room = request->body_room ? request->body_room : 4096;

	while (room < need)
		room *= 2;
	if (room > max)
		room = max;
	char *body = arena_bytes(&request->arena, room, HTTP_BODY_PADDING_BYTES);

	if (!body)
		return false;
	if (request->body_len)
		memcpy(body, request->body, request->body_len);
	request->body = body;
	request->body_room = room;
	return true;
}

/* Counts what has come, not what was announced: announcing costs nobody memory. */
static bool bodies_take(const struct http_request *request, size_t len)
{
	struct http_server *server = request->loop->server;

	if (atomic_fetch_add(&server->bodies_bytes, len) + len <= server->options.bodies_bytes_max)
		return true;
	atomic_fetch_sub(&server->bodies_bytes, len);
	return false;
}

static enum MHD_Result request_body(struct http_request *request, const char *upload, size_t *upload_bytes)
{
	size_t len = *upload_bytes;

	*upload_bytes = 0;
	atomic_fetch_add_explicit(&request->loop->counters.bytes_in, len, memory_order_relaxed);
	if (!request->refusal_status && len > request->loop->server->options.body_bytes_max - request->body_len)
		refuse_later(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	if (!request->refusal_status && request->body_len + len > request->body_room &&
	    !body_grow(request, request->body_len + len))
		refuse_later(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the body");
	if (!request->refusal_status && !bodies_take(request, len))
		refuse_later(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many bodies are under way");
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
	refuse_later(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "the request was not answered");
	request_refuse(request);
	return answered_or_closed(request);
}

static enum MHD_Result request_handle(struct http_request *request)
{
	const struct http_server_options *options = &request->loop->server->options;

	if (request->body)
		memset(request->body + request->body_len, 0, HTTP_BODY_PADDING_BYTES);
	if (request->refusal_status) {
		request_refuse(request);
		return answered_or_closed(request);
	}
	if (is_server_wide(request)) {
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

	(void)cls;
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
	if (request->arena.bytes + request->response_bytes > HTTP_TRIM_BYTES)
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
	assert(request->phase == HTTP_SUSPENDED);
	request->phase = HTTP_WOKEN;
	request->loop->suspended--;
	MHD_resume_connection(request->mhd);
}
