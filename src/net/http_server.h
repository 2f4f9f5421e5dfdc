/* The HTTP server: N event loops over libmicrohttpd that share one listening address and nothing else.
 *
 * Every request is handled on the loop that its connection belongs to. A handler answers at once, or suspends the
 * request and answers when woken; waking may come from any thread, the woken callback runs on the loop again. So no
 * handler ever needs a lock for its request. Bounded: connections, header bytes, body bytes, time idle. */
#ifndef MACHI_NET_HTTP_SERVER_H
#define MACHI_NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/error.h"

#include <sys/types.h>

struct http_server;
struct http_request;

struct http_server_options {
	const char *address; /* "127.0.0.1", "::1", "0.0.0.0", … */
	uint16_t port; /* 0: any free one; http_server_port() tells */
	uint32_t loop_count; /* 0: as many as processors */
	uint32_t connections_max; /* over all loops; 0: 10,000. One more is closed at once and counted */
	uint32_t connection_bytes; /* libmicrohttpd's pool: bounds request line and headers; 0: 16 KiB */
	uint32_t idle_timeout_s; /* 0: 60 */
	size_t body_bytes_max; /* a longer body is answered 413; a chunked one while it still comes */
	size_t bodies_bytes_max; /* of all bodies held at once, over all loops; more is answered 503. 0: 256 MiB */
	size_t arena_bytes_max; /* of a request's arena, a body of up to 64 KiB included */
	/* Called on the loop's thread when the loop starts and ends: the loop's own state (read connections …). */
	enum err_code (*loop_start)(void *self, uint32_t loop_index, void **ret_loop_state, struct error *err);
	void (*loop_stop)(void *self, void *loop_state);
	/* Called once per request when it is complete. It must respond, or suspend with http_request_suspend(). */
	void (*handle)(void *self, void *loop_state, struct http_request *request);
	/* For what the server refuses by itself (413, 414, 431, 400, 503 …): answers it. NULL: plain text. What cannot
	 * be parsed at all, or does not fit into connection_bytes, libmicrohttpd answers in its own words. */
	void (*refuse)(void *self, struct http_request *request, int status, const char *reason);
	/* Called once per request that handle() or refuse() saw, after its response was sent or its connection lost;
	 * for logs and metrics. May be NULL. */
	void (*finished)(void *self, void *loop_state, struct http_request *request);
	void *self;
};

/* Binds, listens and starts the loops. ERR_IO names address, port and the system's reason (port in use …). */
MUST_CHECK enum err_code http_server_new(const struct http_server_options *options, struct http_server **ret_server,
					 struct error *err);
uint16_t http_server_port(const struct http_server *server);
/* Stops accepting, closes idle connections, lets requests under way finish for up to timeout_ms, then stops: what is
 * still coming in or going out is cut then. A suspended request is waited for however long, since somebody owes it a
 * wake: keep whoever wakes alive until this returns. Answers meanwhile say "Connection: close". Blocks. */
void http_server_drain(struct http_server *server, uint32_t timeout_ms);
/* Drains with no time when that was not done before. NULL is fine; returns NULL. */
struct http_server *http_server_free(struct http_server *server);

struct http_server_stats {
	uint64_t connections, connections_refused, requests, responses_5xx, responses_4xx, bytes_in, bytes_out;
	uint64_t connections_open, requests_open;
};
void http_server_stats(const struct http_server *server, struct http_server_stats *ret_stats); /* any thread */

/* ---- a request, on its loop's thread ---- */

struct http_parameter {
	struct str key, value; /* percent-decoded UTF-8; "+" is left alone as RFC 3986 says */
};

struct arena *http_request_arena(struct http_request *request);
void *http_request_loop_state(const struct http_request *request);
struct str http_request_method(const struct http_request *request);
struct str http_request_path(const struct http_request *request); /* raw, without the query: decode by segment */
struct str http_request_query(const struct http_request *request); /* raw text behind "?" */
const struct http_parameter *http_request_parameters(const struct http_request *request, size_t *ret_count);
struct str http_request_header(const struct http_request *request, struct str name); /* STR_NONE when absent */
struct str http_request_body(const struct http_request *request); /* readable 64 bytes beyond its end */
/* A large piece of memory that lives as long as the request, without asking the system for fresh pages each time. A
 * request has one: a second call loses what the first one gave.
 * NULL: no memory. *ret_bytes: at least what was asked. */
char *http_request_scratch(struct http_request *request, size_t bytes, size_t *ret_bytes);
struct str http_request_id(const struct http_request *request); /* ours, or a well-formed X-Request-Id of the client */
struct str http_request_peer(const struct http_request *request); /* "127.0.0.1:4711" */
int64_t http_request_start_us(const struct http_request *request); /* CLOCK_MONOTONIC */
int http_request_status(const struct http_request *request); /* once answered */
uint64_t http_request_response_bytes(const struct http_request *request);
void http_request_set_state(struct http_request *request, void *state); /* the handler's own, in the arena */
void *http_request_state(const struct http_request *request);
/* Percent-decodes a path segment or parameter into the arena. False on a bad escape, NUL or invalid UTF-8. */
bool http_decode(struct arena *arena, struct str raw, struct str *ret_text);

/* Header added to the response; name is static, value is copied. False when memory is refused or the value is longer
 * than http_response_room(). */
bool http_response_header(struct http_request *request, const char *name, struct str value);
/* Bytes that names and values of further headers may have: request and response heads share connection_bytes. */
size_t http_response_room(const struct http_request *request);
/* Answers. body must live in the request's arena or be static; it goes out without a copy. Once per request. */
void http_respond(struct http_request *request, int status, struct str body);
/* The same with memory from malloc, which the server frees after sending. */
void http_respond_owned(struct http_request *request, int status, char *body, size_t len);

/* ---- an answer that goes on ---- */

#define HTTP_STREAM_BEAT_MS 15000 /* nothing sent for so long: pull() is asked for a sign of life */
#define HTTP_STREAM_END (-1)

/* Answers with a body without an end known, as chunks. pull() runs on the loop's thread whenever the connection takes
 * more: it puts up to room bytes and says how many; 0: nothing now, until somebody calls http_stream_wake();
 * HTTP_STREAM_END: that was all. beat: HTTP_STREAM_BEAT_MS are over. Such a request has no bound in time; it ends
 * when the client goes, when it takes nothing for the idle timeout although there is something, and when the server
 * drains. */
void http_respond_stream(struct http_request *request, int status,
			 ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool beat));
/* Any thread, any number of times, from handle() to finished(): there is something to pull. */
void http_stream_wake(struct http_request *request);
/* The same: the client has lost its place; the connection is cut within a second. */
void http_stream_cut(struct http_request *request);

/* ---- a WebSocket instead of an answer (RFC 6455) ---- */

/* 0: the request asks for none; as RFC 9110 section 7.8 has it, Upgrade says nothing in HTTP/1.0, and here nothing in
 * another method than GET. 101: it does, by a handshake as section 4.2.1 demands. Else the status to refuse it with,
 * for *ret_reason; headers that such a refusal needs are set. Whether the page that asks (Origin) may is for the caller
 * to say. */
int http_websocket_check(struct http_request *request, const char **ret_reason);
/* After 101 of http_websocket_check(). pull() runs on the loop's thread whenever the connection takes more: it puts up
 * to room bytes of one text message (UTF-8) and says how many, and whether the message ends with them; 0: nothing now,
 * only between messages, until somebody calls http_stream_wake(); HTTP_STREAM_END: the client has lost its place. Pings
 * go out after HTTP_STREAM_BEAT_MS of silence. The client's messages are dropped. It ends as a stream does, and when a
 * ping brings nothing within the idle timeout; where it can be, the client is told why: 1001 when the server drains,
 * 1013 by http_stream_cut() or HTTP_STREAM_END, 1002, 1007 or 1009 for what it has sent. */
void http_respond_websocket(struct http_request *request,
			    ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool *ret_ends));

/* ---- … whose client is listened to ---- */

/* The first of the sub-protocols that the client offers which is also in the list, as that has it (RFC 6455 section
 * 4.2.2, the client's being "ordered by preference"). STR_NONE: it offers none of them. */
struct str http_websocket_subprotocol(const struct http_request *request, const char *const *known, size_t count);

struct http_websocket_talk {
	ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool *ret_ends); /* as above */
	/* A whole text message of the client, UTF-8 and borrowed; the loop's thread. False: it cannot be taken now.
	 * Then nothing more is read from this client, and the same message comes again after each http_stream_wake().
	 * */
	bool (*take)(struct http_request *request, struct str text);
	size_t message_bytes_max; /* of such a message; a longer one ends the connection: 1009 */
	struct str subprotocol; /* told to the client; static. STR_NONE: none */
};

/* As http_respond_websocket(), but for the client's messages. Binary ones end the connection (1003), and so do (1013)
 * those for which there is no room within bodies_bytes_max. */
void http_respond_websocket_talk(struct http_request *request, const struct http_websocket_talk *talk);
/* From pull() alone, which then returns 0: the connection is closed with this code of RFC 6455 section 7.4 and a reason
 * of at most 123 bytes, both of the caller's choice. The first one counts. */
void http_websocket_end(struct http_request *request, uint16_t code, const char *reason);

/* The handler returns without an answer; woken() runs on this loop after somebody called http_request_wake(). */
void http_request_suspend(struct http_request *request, void (*woken)(struct http_request *request));
/* Any thread, exactly once per suspension. The request must not be touched by the caller afterwards. */
void http_request_wake(struct http_request *request);

#endif
