/* A thread with a sender of its own (http_sender.h), to which any thread gives requests: those that this broker makes
 * of others on behalf of its clients.
 *
 * A forwarder never waits for anybody, and nobody for it but http_forwarder_free(). Thread: any, where not said
 * otherwise. SIGPIPE must be ignored by the program. */
#ifndef MACHI_NET_HTTP_FORWARDER_H
#define MACHI_NET_HTTP_FORWARDER_H

#include "net/http_sender.h"

struct http_forwarder;

/* Starts the thread. options may be NULL; what they point to must outlive the forwarder. ERR_MEMORY, ERR_IO (no
 * thread), ERR_UNSUPPORTED (this libcurl). */
MUST_CHECK enum err_code http_forwarder_new(const struct http_sender_options *options,
					    struct http_forwarder **ret_forwarder, struct error *err);
/* Calls done() with ERR_CONFLICT for every post that has not ended, on the forwarder's thread, and returns when that
 * thread has. From another thread, and when no other one may come to http_forwarder_send() any more; only done() may
 * still call that, and gets ERR_CONFLICT. */
struct http_forwarder *http_forwarder_free(struct http_forwarder *forwarder);

/* Takes all posts, in this order, or none, and does not wait. The posts are the forwarder's until done(), which is
 * called exactly once for each, on the forwarder's thread, never from within this call; it must be short, since all
 * other requests wait for it, and may send further posts. What http_sender_post() would refuse (the URL, the method, a
 * header) is taken, and done() gets the error. Errors: ERR_LIMIT (more than HTTP_SENDER_POSTS_MAX would not have ended,
 * those counted that ended in the thread's present turn), ERR_CONFLICT (the forwarder is being freed). */
MUST_CHECK enum err_code http_forwarder_send(struct http_forwarder *forwarder, struct http_post *const *posts,
					     size_t count, struct error *err);

#endif
