/* What the files of the HTTP server share: the server, its loops, a connection, a request.
 *
 * Ownership: the server owns the loops; a loop owns its libmicrohttpd daemon, its connections and requests, and is
 * touched by its own thread only, except for what is marked atomic. */
#ifndef MACHI_NET_HTTP_INT_H
#define MACHI_NET_HTTP_INT_H

#include "net/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_CONNECTIONS_MAX_DEFAULT 10000u
#define HTTP_CONNECTION_BYTES_DEFAULT 16384u
#define HTTP_CONNECTION_BYTES_MIN 4096u
#define HTTP_IDLE_TIMEOUT_S_DEFAULT 60u
#define HTTP_LOOPS_MAX 256u
#define HTTP_BACKLOG 4096
#define HTTP_ACCEPTS_PER_WAKE 64 /* then the loop serves what it has first */
#define HTTP_ACCEPT_PAUSE_MS 100 /* after the system ran out of descriptors */
#define HTTP_BODIES_BYTES_DEFAULT ((size_t)256 << 20)
#define HTTP_RESPONSE_HEAD_BYTES 1024u /* status line, Date, X-Request-Id and what else every answer has */
#define HTTP_PARAMETERS_MAX 64u
#define HTTP_RESPONSE_HEADERS_MAX 32u
#define HTTP_REQUEST_ID_BYTES_MAX 64u
#define HTTP_BODY_PADDING_BYTES 64u
#define HTTP_SPARE_REQUESTS_MAX 32u /* kept per loop for reuse … */
#define HTTP_SPARE_ARENA_BYTES_MAX 65536u /* … with an arena of at most this size */
#define HTTP_ARENA_BODY_BYTES_MAX 65536u /* a longer body has memory of its own … */
#define HTTP_SPARE_BODIES_MAX 4u /* … of which a loop keeps so many … */
#define HTTP_SPARE_BODY_BYTES_MAX ((size_t)4 << 20) /* … of at most this size */
#define HTTP_CHUNKED_BODY_BYTES_MIN 16384u /* a body of unknown length begins with so much, and doubles */
#define HTTP_DISCARD_BYTES_MAX                                                                                         \
	(UINT64_C(16) << 20) /* of a refused body read and dropped so that the client hears why */
#define HTTP_SLOW_BYTES_PER_S 1024u /* a body or an answer that moves slower than this is cut */
#define HTTP_TRIM_BYTES                                                                                                \
	((size_t)4 << 20) /* of a request: then freed memory goes back to the system at the next sweep */
#define HTTP_DRAIN_TICK_MS 20
#define HTTP_DRAIN_QUIET_MS 250 /* a connection silent for less may be about to ask, and is answered once more */
#define HTTP_SWEEP_MS 1000
#define HTTP_STREAM_GRACE_MS 1000 /* for the last bytes of a stream that is ended */
#define HTTP_STREAM_BLOCK_BYTES 16384u /* a chunk at most */
#define HTTP_WEBSOCKET_DROPPED_BYTES_MAX 4096u /* of a client's message where none are taken */
#define HTTP_WEBSOCKET_KEPT_BYTES_MAX 4096u /* of memory, from one message of a client to the next */
#define HTTP_WEBSOCKET_READS_PER_TURN 4u /* of 4 KiB each; then others have their turn … */
#define HTTP_WEBSOCKET_BYTES_PER_TURN ((uint64_t)256 << 10) /* … as after so much sent */
#define HTTP_ACCEPT_BYTES 29 /* of Sec-WebSocket-Accept, with a NUL */
#define HTTP_EVENTS_PER_TURN 64
#define HTTP_PEER_BYTES 64
#define HTTP_LINGERS_MAX 64u /* connections of a loop at a time that are closed gently … */
#define HTTP_LINGER_MS 2000 /* … for at most so long */
#define HTTP_LINGER_TICK_MS 10 /* looked at so often … */
#define HTTP_LINGER_TICK_BYTES ((size_t)1 << 20) /* … and at most this is read away each time */
#define HTTP_IDLE_TURNS_MAX 8u /* turns in a row that brought nothing; then the daemon is not asked more often … */
#define HTTP_IDLE_TICK_MS 20 /* … than so, until something comes */
#define HTTP_STUCK_SWEEPS 2u /* a chunked body that is not read on although there is more */
#define HTTP_RAW_ANSWER_BYTES_MAX 8192u

/* A message to a loop: a request to go on with, or a connection to adopt. */
struct http_message {
	struct http_message *next;
	bool is_connection;
};

struct http_connection {
	struct http_message message; /* first: the inbox hands out its address */
	struct http_connection *next, *previous; /* the loop's list */
	struct http_request *request; /* the one under way; NULL between requests */
	int64_t since_us; /* opened, or when the last answer was out */
	int fd; /* the daemon's once adopted */
	char peer[HTTP_PEER_BYTES];
	size_t peer_len;
	struct MHD_Connection *mhd;
	bool linger; /* the last answer went out before its request was read: what still comes is to be read away */
};

struct http_linger {
	int fd;
	int64_t until_us;
};

enum http_phase {
	HTTP_HEAD, /* request line seen, headers may be incomplete */
	HTTP_BODY,
	HTTP_HANDLING, /* a handler runs */
	HTTP_SUSPENDED,
	HTTP_WOKEN, /* resumed; the daemon is about to call */
	HTTP_ANSWERING,
	HTTP_STREAMING /* an answer that goes on; it may be suspended, see stream_state */
};

enum http_stream_state {
	HTTP_STREAM_PULLS, /* has bytes under way, or is about to ask for some */
	HTTP_STREAM_MISSED, /* the same, and was woken since it asked */
	HTTP_STREAM_WAITS, /* suspended: whoever gets it out of this state resumes it */
	HTTP_STREAM_RUNG /* suspended; the message that resumes it is in the inbox */
};

struct http_response_field {
	const char *name;
	const char *value; /* NUL-terminated */
};

struct http_request {
	struct http_message message; /* first */
	struct http_request *next_spare;
	struct http_loop *loop;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	struct arena arena;
	enum http_phase phase;
	struct str method, path, query, id;
	const char *raw_target; /* where libmicrohttpd received it; its parameters are cut off there */
	size_t raw_target_len;
	struct http_parameter *parameters;
	size_t parameter_count;
	char *body;
	size_t body_len, body_room; /* room: what Content-Length announced, or what a chunked one has by now */
	bool body_owned; /* malloc's, else the arena's */
	bool chunked;
	uint32_t stuck_sweeps; /* of a chunked body: since the last bytes of it */
	char *scratch; /* owned, see http_request_scratch() */
	size_t scratch_bytes;
	size_t head_bytes; /* of the request, as received */
	uint64_t discarded; /* bytes of a refused body dropped so far */
	int refusal_status; /* != 0: answered by refuse() once the body is through */
	const char *refusal_reason;
	struct http_response_field fields[HTTP_RESPONSE_HEADERS_MAX];
	size_t field_count, field_bytes;
	void (*woken)(struct http_request *request);
	void *state;
	int64_t start_us, answered_us;
	ssize_t (*pull)(struct http_request *request, char *at, size_t room, bool beat); /* of a stream, as all below */
	_Atomic int stream_state; /* enum http_stream_state */
	_Atomic bool stream_cut;
	int64_t stream_sent_us; /* when pull() last gave something */
	int64_t stream_ending_us; /* 0: it goes on */
	struct http_websocket *websocket; /* owned; NULL: none */
	int status; /* 0: not answered */
	uint64_t response_bytes;
	bool http_1_1;
	bool handled; /* handle() or refuse() saw it: finished() is owed */
	bool suspend_wanted;
	bool raw; /* the answer goes past the daemon, which would not take one now */
	bool last; /* where the request ends cannot be known: the connection is closed after the answer */
};

struct http_counters { /* written by the loop's thread, read by any */
	_Atomic uint64_t connections, connections_refused, requests, responses_5xx, responses_4xx, bytes_in, bytes_out;
	_Atomic uint64_t connections_open, requests_open;
};

struct http_spare_body {
	char *at; /* owned */
	size_t bytes;
};

struct http_loop {
	struct http_server *server;
	uint32_t index;
	pthread_t thread;
	bool thread_started;
	struct MHD_Daemon *daemon;
	int epoll_fd; /* the daemon's epoll set, the inbox and the listening socket */
	int inbox_fd; /* eventfd: the inbox went from empty to not */
	_Atomic(struct http_message *) inbox; /* newest first; any thread pushes */
	_Atomic uint32_t waking; /* threads inside http_loop_post(): the loop's memory is still theirs */
	void *state; /* loop_start()'s */
	struct http_connection *connections; /* list */
	struct http_connection *adopting; /* the one handed to MHD_add_connection() right now */
	struct http_request *spare;
	uint32_t spare_count;
	struct http_spare_body spare_bodies[HTTP_SPARE_BODIES_MAX];
	uint32_t spare_body_count;
	bool spare_bodies_used; /* since the last sweep */
	uint64_t calls; /* of the daemon's, as they come */
	uint32_t idle_turns; /* in a row: nothing came, and the daemon called nobody */
	uint64_t suspended; /* requests that somebody owes a wake */
	uint64_t request_counter;
	int64_t sweep_us; /* next look for slow clients */
	int64_t accept_again_us; /* 0: accepting */
	bool trim_wanted; /* a large request has ended since the last sweep */
	bool quiet; /* draining: has accepted its last */
	struct http_linger lingers[HTTP_LINGERS_MAX];
	uint32_t linger_count;
	struct http_counters counters;
};

struct http_server {
	struct http_server_options options; /* defaults filled in */
	char *address; /* owned copy */
	uint16_t port;
	int listen_fd;
	char id_prefix[9]; /* random, hexadecimal */
	size_t head_bytes_max; /* request line and headers: what the pool holds with room for an answer's */
	struct http_loop *loops;
	_Atomic size_t bodies_bytes; /* held by all requests now */
	_Atomic bool draining;
	_Atomic int64_t drain_deadline_us;
	_Atomic uint32_t loops_quiet; /* that will not accept any more */
	_Atomic bool closed; /* the listening socket is gone, and nobody hands connections over any more */
	pthread_mutex_t lock; /* guards the rest: starting and ending */
	pthread_cond_t changed;
	uint32_t loops_started, loops_ended;
	enum err_code start_code; /* the first failure of a loop's start */
	struct error start_error;
};

int64_t http_now_us(void); /* CLOCK_MONOTONIC */
int64_t http_coarse_us(void); /* the same, up to a tick (some ms) behind, and cheaper */

/* http_loop.c */
MUST_CHECK enum err_code http_loop_init(struct http_loop *loop, struct http_server *server, uint32_t index,
					struct error *err);
void http_loop_done(struct http_loop *loop); /* the thread has ended or never ran */
void *http_loop_main(void *arg); /* a loop */
void http_loop_post(struct http_loop *loop, struct http_message *message); /* any thread */
void http_loop_nudge(struct http_loop *loop); /* any thread: look at the server's state */

/* http_accept.c */
enum { HTTP_EVENT_DAEMON, HTTP_EVENT_INBOX, HTTP_EVENT_LISTEN }; /* in a loop's epoll set; else a WebSocket's request */
void http_listen_watch(struct http_loop *loop, bool watched); /* any thread before the loop watches itself */
bool http_accept_some(struct http_loop *loop); /* true when the backlog is empty */
void http_accept_rest(struct http_server *server); /* when every loop is quiet, right before closing */
void http_connection_adopt(struct http_loop *loop, struct http_connection *connection);
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
			enum MHD_ConnectionNotificationCode code); /* libmicrohttpd's callback, cls is the loop */

/* http_linger.c */
void http_linger_start(struct http_loop *loop, const struct http_connection *connection); /* the daemon closes it now */
void http_linger_sweep(struct http_loop *loop, int64_t now_us);
void http_linger_done(struct http_loop *loop);

/* http_request.c: libmicrohttpd's callbacks, cls is the loop. */
void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				const char *version, const char *upload, size_t *upload_bytes, void **context);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);
size_t http_on_unescape(void *cls, struct MHD_Connection *mhd, char *text);
/* The connection is closed. libmicrohttpd says nothing of a request that it gave up before its head was complete. */
void http_connection_lost(struct http_connection *connection);
void http_request_resume(struct http_request *request);
void http_requests_free(struct http_loop *loop);

/* Refuses at once, in the middle of a body, when the daemon takes no answer; the connection must be closed then. */
void http_request_refuse_raw(struct http_request *request, int status, const char *reason);

/* http_body.c */
/* Room for a body whose length is known. False: no memory. */
MUST_CHECK bool http_body_announce(struct http_request *request, size_t len);
/* Room for so many bytes behind what has come. False: no memory. */
MUST_CHECK bool http_body_grow(struct http_request *request, size_t more);
void http_body_drop(struct http_request *request);
void http_bodies_sweep(struct http_loop *loop); /* those kept go when none was used since the last call */
void http_bodies_free(struct http_loop *loop);

/* http_stream.c */
/* Whose it is to go on with the request, from one HTTP_STREAM_… to another. False: it stood elsewhere. */
bool http_stream_turn(struct http_request *request, int from, int to);
void http_stream_resume(struct http_request *request); /* its message has come */
/* Beats, clients that have gone, streams that are cut; when draining it ends them. */
void http_stream_sweep(struct http_request *request, int64_t now_us, bool draining);

/* http_websocket.c */
void http_websocket_event(struct http_request *request); /* its socket has something, or takes something */
void http_websocket_resume(struct http_request *request); /* as http_stream_resume(), which calls it */
void http_websocket_sweep(struct http_request *request, int64_t now_us, bool draining); /* the same */
void http_websocket_free(struct http_request *request); /* the request ends */

/* http_handshake.c: Sec-WebSocket-Accept of a well-formed key (RFC 6455 section 4.2.2). False: no SHA-1 to be had. */
MUST_CHECK bool http_websocket_accept(struct str key, char ret_accept[static HTTP_ACCEPT_BYTES]);

/* http_exchange.c: adds the headers and queues. False: libmicrohttpd does not take it. Drops its reference. */
bool http_response_queue(struct http_request *request, int status, struct MHD_Response *response);

/* http_check.c */
struct http_fields { /* those that the server itself looks at */
	struct arena *arena;
	struct str host, length, coding, expect, id;
	uint32_t hosts, lengths; /* how often they came */
	bool broken; /* a name is no token */
	bool chunked; /* said so that libmicrohttpd understands it too */
};
void http_fields_read(const struct http_request *request, struct http_fields *fields);
/* Refuses what RFC 9112 sections 3, 5.1 and 6 have refused, and what is over our bounds. *ret_length: of the body, 0
 * when the head does not say. method and version: as libmicrohttpd hands them over. */
void http_head_check(struct http_request *request, const char *method, const char *version,
		     const struct http_fields *fields, uint64_t *ret_length);
/* The request will be answered by refuse() once its body is through. The first reason counts. */
void http_refuse_later(struct http_request *request, int status, const char *reason);
bool http_is_server_wide(const struct http_request *request); /* "OPTIONS *" (RFC 9110 section 9.3.7) */

/* http_head.c */
/* The path keeps its escapes and is "/" when empty; scheme and authority of an absolute target are left out. */
void http_target_split(struct str target, struct str *ret_path, struct str *ret_query);
/* A name that RFC 9110 section 5.6.2 allows; "Transfer-Encoding " with a blank behind it is none. */
bool http_is_token(struct str name);
/* No blanks, controls or DEL, which another server on the way may have taken for the end of the target. */
bool http_target_plain(struct str target);
/* False when a NUL of the client's hides a part of the head, or a header is folded over lines (RFC 9112 section 5.2
 * lets a server refuse those). method and version: as libmicrohttpd hands them over. */
bool http_head_whole(const struct http_request *request, const char *method, const char *version);

/* http_decode.c */
/* A field that comes more than once means its values joined by commas (RFC 9110 section 5.3). */
struct str http_field_join(struct arena *arena, struct str first, struct str next);
bool http_utf8_valid(struct str text);
/* "a=b&c" to parameters, decoded. False with *ret_reason: a bad escape, or more than HTTP_PARAMETERS_MAX. */
bool http_query_parse(struct arena *arena, struct str query, struct http_parameter **ret_parameters, size_t *ret_count,
		      const char **ret_reason);
bool http_request_id_valid(struct str id);

#endif
