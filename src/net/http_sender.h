/* Many HTTP(S) requests at once over libcurl's multi interface: notifications to receivers, and requests to other
 * brokers, that may be slow, dead or hostile.
 *
 * A post is a request that was given to the sender, as a letter is posted: its method may be another than POST. Posts
 * to one scheme, host and port begin in the order in which they were given, at most host_connections_max at once; hosts
 * take turns, so that a dead one holds no more than its share. done() is called in the order in which posts end.
 * Connections are kept alive and used again; where the receiver closes a kept one without a byte of an answer, the post
 * is sent once more on a new one, so a receiver may see a post twice unless it is `once`. Redirects (307, 308) are
 * followed within the host that the post was for, with the same method and body. Thread: one owner, but for
 * http_sender_wake(). SIGPIPE must be ignored by the program. */
#ifndef MACHI_NET_HTTP_SENDER_H
#define MACHI_NET_HTTP_SENDER_H

#include "base/error.h"
#include "base/str.h"

#define HTTP_SENDER_CONNECTIONS_MAX 4096u /* connections_max is no more */
#define HTTP_SENDER_POSTS_MAX 65536u /* posts that have not ended, waiting ones included */
#define HTTP_POST_HEADERS_MAX 100u
#define HTTP_POST_HEADER_BYTES_MAX ((size_t)64 << 10) /* of all headers of a post */
#define HTTP_POST_REDIRECTS_MAX 3u
#define HTTP_POST_WANTED_MAX 16u /* headers of the answer */
#define HTTP_POST_WANTED_BYTES_MAX ((size_t)16 << 10) /* of their values together */
#define HTTP_POST_WANTED_FIELDS_MAX 64u /* with one name */

struct address_policy;
struct arena;
struct buf;
struct http_sender;

struct http_sender_options {
	const struct address_policy *policy; /* NULL: any address; borrowed */
	uint32_t connections_max; /* 0: 64 */
	uint32_t host_connections_max; /* to one scheme, host and port; 0: 8 */
	size_t answer_bytes_max; /* of an answer's body that is read and dropped; 0: 64 KiB; more is an error */
	const char *user_agent; /* NULL: "machi" */
};

/* Names are tokens and values hold no control characters but tabs. What frames the message or belongs to the connection
 * (Content-Length, Transfer-Encoding, Host, Connection, Expect …) is the sender's and refused. */
struct http_post_header {
	struct str name, value;
};

/* A header of the answer that the caller wants, in any spelling of its name. */
struct http_post_wanted {
	const char *name;
	struct str value; /* for the sender to fill in: STR_NONE where absent, repeated fields joined by ", " */
};

struct http_post_result {
	/* ERR_OK: an answer with 2xx. Else ERR_IO (another status, connection, TLS, no HTTP), ERR_TIMEOUT, ERR_DENIED
	 * (the policy), ERR_LIMIT (the answer or its wanted headers are too long), ERR_CONFLICT (the sender was freed;
	 * nothing is known), or ERR_MEMORY. */
	enum err_code code;
	int status; /* of the whole answer; 0: there was none, or it was given up */
	struct error error; /* names the URL without its user part; code ERR_OK: empty */
};

/* The caller's, as everything it points to, unchanged until done(), which may free it and give further posts. */
struct http_post {
	const char *url;
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE"; NULL: "POST" */
	const struct http_post_header *headers;
	size_t header_count;
	struct str body; /* a GET has none; a DELETE without one says nothing of its length, the others say 0 */
	uint32_t timeout_ms; /* from when its turn comes, redirects included; 0: 10,000 */
	/* The time runs from when the post was given, so that it may end (ERR_TIMEOUT) without having been sent. That
	 * is seen when its turn comes, which is when those before it have ended by their own time. */
	bool waiting_counts;
	/* Never sent a second time when it may have been received: for what must not happen twice (RFC 9110, 9.2.2). It
	 * takes a kept connection only if that was used in the last second or two; where that one is closed without an
	 * answer all the same, the post ends with ERR_IO, and nobody knows whether it was received. Redirects are
	 * followed: who answers with one has done nothing. */
	bool once;
	/* Takes the body of the answer, whatever its status, behind what it holds; its bytes_max is the bound. It is as
	 * it was where there is no whole answer. Bodies stay as they come: no content coding is undone, nor asked for
	 * unless the caller's headers do (Accept-Encoding: identity). NULL: the body is dropped. */
	struct buf *answer;
	struct http_post_wanted *wanted; /* headers of the last answer, whatever its status */
	size_t wanted_count;
	struct arena *arena; /* for their values; nobody else uses it before done() */
	void (*done)(struct http_post *post, const struct http_post_result *result);
	void *self;
	/* The sender's: */
	struct http_post *next;
	struct sender_host *host;
	int64_t given_ms;
};

MUST_CHECK enum err_code http_sender_new(const struct http_sender_options *options, struct http_sender **ret_sender,
					 struct error *err);
/* Calls done() with ERR_CONFLICT for what has not ended; posts given by these are refused. */
struct http_sender *http_sender_free(struct http_sender *sender);

/* Errors leave the post alone, done() is not called: ERR_INVALID (the URL, the method, a header, a GET with a body),
 * ERR_LIMIT (too many posts or headers), ERR_CONFLICT (the sender is being freed), ERR_MEMORY. Nothing is sent before
 * http_sender_run(). */
MUST_CHECK enum err_code http_sender_post(struct http_sender *sender, struct http_post *post, struct error *err);

/* Starts what may start, waits up to timeout_ms for something to happen unless something has, and calls done() for
 * what has ended. ERR_MEMORY, ERR_INTERNAL: libcurl is stuck. */
MUST_CHECK enum err_code http_sender_run(struct http_sender *sender, uint32_t timeout_ms, struct error *err);

/* Posts that have not ended. */
uint32_t http_sender_count(const struct http_sender *sender);

/* Any thread, while the sender lives: a run that waits returns, or the next one does not wait. */
void http_sender_wake(struct http_sender *sender);

#endif
