/* What the files of the sender share: hosts, slots and the sender itself. Thread: the sender's owner. */
#ifndef MACHI_NET_HTTP_SENDER_INT_H
#define MACHI_NET_HTTP_SENDER_INT_H

#include "base/buf.h"
#include "base/map.h"
#include "net/http_outgoing_int.h"
#include "net/http_post_int.h"
#include "net/http_sender.h"

#include <string.h>

struct sender_host {
	struct str key; /* "http://host:port"; the map's */
	char *name; /* as the policy is asked */
	struct http_post *first, *last; /* wait for their turn */
	uint32_t active;
	bool ready; /* in the queue of hosts that may start a post */
	struct sender_host *next_ready;
	struct sender_host *older, *newer; /* among the idle ones */
	char text[];
};

struct sender_slot {
	CURL *curl;
	struct http_sender *sender;
	struct http_post *post; /* NULL: the slot is free */
	struct sender_slot *next_free;
	struct http_post_fields *fields;
	struct buf url_text; /* that `url` was made of, NUL included; empty after a redirect */
	struct http_url url;
	struct http_gate gate;
	size_t answer_bytes; /* of this step's answer */
	size_t answer_start; /* what the post's buf held before */
	int64_t deadline_ms;
	uint32_t hops; /* redirects followed */
	uint32_t tries; /* of this step: libcurl may send it once more */
	bool too_large;
};

struct http_sender {
	CURLM *multi;
	struct http_sender_options options;
	struct sender_slot *slots; /* connections_max */
	struct sender_slot *free_slots; /* the last used comes first */
	struct map hosts;
	struct sender_host *first_ready, *last_ready;
	struct sender_host *oldest_idle, *newest_idle;
	uint32_t idle_count;
	uint32_t post_count;
	uint32_t ended_count; /* in this run */
	struct http_url last_url; /* of the last post given, … */
	struct buf last_url_text; /* … whose text this is … */
	struct sender_host *last_host; /* … and whose host; NULL: none */
	bool closing;
};

/* http_sender_host.c */

/* The host of a URL, made where it is new. ERR_MEMORY. */
MUST_CHECK enum err_code sender_host_of(struct http_sender *sender, const struct http_url *url,
					struct sender_host **ret_host, struct error *err);
/* The last of the host's queue. */
void sender_host_give(struct http_sender *sender, struct sender_host *host, struct http_post *post);
/* The first post of the host whose turn it is, which from now on counts as active; NULL: none may start. */
struct http_post *sender_host_take(struct http_sender *sender);
/* A post that was taken has ended. */
void sender_host_ended(struct http_sender *sender, struct sender_host *host);

/* http_sender_slot.c */

/* Sends the post; where that fails at once, done() was called. */
void sender_slot_start(struct sender_slot *slot, struct http_post *post);
/* libcurl is through with the slot's request: follows the redirect, or ends the post. */
void sender_slot_ended(struct sender_slot *slot, CURLcode code);
/* Takes the post away from libcurl; NULL: there is none. */
struct http_post *sender_slot_cancel(struct sender_slot *slot);
void sender_slot_done(struct sender_slot *slot);

/* http_sender.c: counts the post out and calls done(). */
void sender_post_done(struct http_sender *sender, struct http_post *post, const struct http_post_result *result);

/* True when the buf holds this text, NUL included. */
static inline bool sender_is_text(const struct buf *buf, const char *text)
{
	size_t len = strlen(text) + 1;

	return buf->len == len && memcmp(buf->at, text, len) == 0;
}

/* False without memory; the buf is then empty. */
static inline bool sender_keep_text(struct buf *buf, const char *text)
{
	buf_clear(buf);
	buf_put(buf, (struct str){text, strlen(text) + 1});
	if (!buf->failed)
		return true;
	buf_clear(buf);
	return false;
}

#endif
