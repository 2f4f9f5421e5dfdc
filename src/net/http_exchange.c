/* What a handler may ask of a request, and how it answers. */
#include "net/http_int.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* ---- answering ---- */

bool http_response_header(struct http_request *request, const char *name, struct str value)
{
	size_t bytes = strlen(name) + value.len + sizeof(": \r\n") - 1;

	if (request->field_count == HTTP_RESPONSE_HEADERS_MAX || value.len > http_response_room(request))
		return false;
	struct str copy = arena_dup(&request->arena, value);

	if (!copy.at)
		return false;
	request->field_bytes += bytes;
	request->fields[request->field_count++] = (struct http_response_field){name, copy.at};
	return true;
}

size_t http_response_room(const struct http_request *request)
{
	size_t used = request->head_bytes + request->field_bytes + HTTP_RESPONSE_HEAD_BYTES;
	size_t all = request->loop->server->options.connection_bytes;

	return used < all ? all - used : 0;
}

bool http_response_queue(struct http_request *request, int status, struct MHD_Response *response)
{
	for (size_t i = 0; i < request->field_count; i++)
		(void)MHD_add_response_header(response, request->fields[i].name, request->fields[i].value);
	(void)MHD_add_response_header(response, "X-Request-Id", request->id.at);
	if (status != MHD_HTTP_SWITCHING_PROTOCOLS &&
	    (request->last || atomic_load_explicit(&request->loop->server->draining, memory_order_relaxed)))
		(void)MHD_add_response_header(response, "Connection", "close");
	bool queued = MHD_queue_response(request->mhd, (unsigned int)status, response) == MHD_YES;

	if (queued) {
		request->status = status;
		request->answered_us = http_coarse_us();
	}
	MHD_destroy_response(response);
	return queued;
}

/* False when there is no memory for a response: the body is the caller's still. */
static bool respond(struct http_request *request, int status, struct str body, enum MHD_ResponseMemoryMode mode)
{
	assert(!request->status && !request->suspend_wanted && request->phase == HTTP_HANDLING);
	/* The daemon only reads it; its face has no const. */
	struct MHD_Response *response = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.at, mode);

	if (!response)
		return false;
	if (http_response_queue(request, status, response)) {
		request->response_bytes = body.len;
		request->phase = HTTP_ANSWERING;
	}
	return true;
}

/* RFC 9110 section 5.6.7. */
static bool put_date(struct buf *out)
{
	time_t now = time(NULL);
	struct tm utc;
	char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];

	if (!gmtime_r(&now, &utc) || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
		return false;
	buf_printf(out, "Date: %s\r\n", text);
	return true;
}

/* The answer past the daemon, which takes none before a body is through. It is short, and nothing has been sent, so
 * that the system has room for it; if not, the client sees a closed connection. */
static void respond_raw(struct http_request *request, int status, struct str body)
{
	struct buf out;

	buf_init(&out, HTTP_RAW_ANSWER_BYTES_MAX);
	buf_printf(&out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\nX-Request-Id: %s\r\n", status,
		   MHD_get_reason_phrase_for((unsigned int)status), body.len, request->id.at);
	(void)put_date(&out);
	for (size_t i = 0; i < request->field_count; i++)
		buf_printf(&out, "%s: %s\r\n", request->fields[i].name, request->fields[i].value);
	buf_put(&out, STR("\r\n"));
	buf_put(&out, body);
	if (!out.failed)
		(void)!send(request->connection->fd, out.at, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_done(&out);
	request->connection->linger = true;
	request->status = status;
	request->response_bytes = body.len;
	request->answered_us = http_coarse_us();
}

void http_respond(struct http_request *request, int status, struct str body)
{
	if (request->raw) {
		respond_raw(request, status, body);
		return;
	}
	(void)respond(request, status, body.len ? body : STR(""), MHD_RESPMEM_PERSISTENT);
}

void http_respond_owned(struct http_request *request, int status, char *body, size_t len)
{
	if (request->raw) {
		respond_raw(request, status, (struct str){body, len});
		free(body);
		return;
	}
	if (!respond(request, status, (struct str){body, len}, MHD_RESPMEM_MUST_FREE))
		free(body);
}

/* ---- reading ---- */

static const char empty_body[HTTP_BODY_PADDING_BYTES + 1];

struct arena *http_request_arena(struct http_request *request)
{
	return &request->arena;
}

void *http_request_loop_state(const struct http_request *request)
{
	return request->loop->state;
}

struct str http_request_method(const struct http_request *request)
{
	return request->method;
}

struct str http_request_path(const struct http_request *request)
{
	return request->path;
}

struct str http_request_query(const struct http_request *request)
{
	return request->query;
}

const struct http_parameter *http_request_parameters(const struct http_request *request, size_t *ret_count)
{
	*ret_count = request->parameter_count;
	return request->parameters;
}

struct header_search {
	struct http_request *request;
	struct str name, value;
};

static enum MHD_Result header_visit(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				    const char *value, size_t value_len)
{
	struct header_search *search = cls;

	(void)kind;
	if (str_eq_nocase((struct str){key, key_len}, search->name))
		search->value = http_field_join(&search->request->arena, search->value,
						str_trim((struct str){value ? value : "", value_len}));
	return MHD_YES;
}

struct str http_request_header(const struct http_request *request, struct str name)
{
	/* The arena grows when a field has to be joined; the request is the same to its reader. */
	struct header_search search = {(struct http_request *)(uintptr_t)request, name, STR_NONE};

	(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, header_visit, &search);
	return search.value;
}

struct str http_request_body(const struct http_request *request)
{
	return request->body ? (struct str){request->body, request->body_len} : (struct str){empty_body, 0};
}

struct str http_request_id(const struct http_request *request)
{
	return request->id;
}

struct str http_request_peer(const struct http_request *request)
{
	return (struct str){request->connection->peer, request->connection->peer_len};
}

int64_t http_request_start_us(const struct http_request *request)
{
	return request->start_us;
}

int http_request_status(const struct http_request *request)
{
	return request->status;
}

uint64_t http_request_response_bytes(const struct http_request *request)
{
	return request->response_bytes;
}

void http_request_set_state(struct http_request *request, void *state)
{
	request->state = state;
}

void *http_request_state(const struct http_request *request)
{
	return request->state;
}
