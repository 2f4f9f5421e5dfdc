/* Documents that feeds fetch over HTTP: what is sent along, which answers are none, when to ask again. */
#ifndef MACHI_FEED_FEED_FETCH_INT_H
#define MACHI_FEED_FEED_FETCH_INT_H

#include "feed/feed_int.h"
#include "net/http_client.h"

#define FEED_HEADERS_MAX 32u

struct feed_headers {
	const char *lines[FEED_HEADERS_MAX + 4]; /* "Name: value", in the feed's arena; NULL at the end */
	size_t count;
	bool has_accept;
};

/* "headers" of a kind's settings: names and values, which may be keys and are never shown. */
MUST_CHECK enum err_code feed_read_headers(struct feed *feed, const struct mapping_reader *reader,
					   const struct yaml_tree *map, struct feed_headers *headers);
/* One more, for the kind itself. */
MUST_CHECK enum err_code feed_add_header(struct feed *feed, const struct mapping_reader *reader, const char *name,
					 struct str value, struct feed_headers *headers);

struct feed_fetch {
	struct feed *feed;
	struct str shown; /* the place without what may be a key, for errors */
	uint32_t timeout_s;
	const struct feed_headers *headers;
	const char *accept; /* where the headers have none */
	const char *if_none_match, *if_modified_since; /* NULL: no condition */
	const char *method, *content_type; /* NULL: GET */
	struct str body;
	uint64_t retry_after_s; /* result: it wants to be left alone for so long; 0: it does not say */
};

/* Status 200, or 304 to a condition; all else is an error, as http_get() has them. ERR_CONFLICT: the feed stops. While
 * the answer is waited for, the intake, commands, and what cannot wait (meanwhile() of the kind) have their turns. */
MUST_CHECK enum err_code feed_fetch(struct feed_fetch *fetch, const char *url, struct arena *arena,
				    struct http_answer *ret_answer, struct buf *body, struct error *err);

/* ---- http_send.c: commands over HTTP, for any kind that its peer does not tell otherwise ---- */

MUST_CHECK enum err_code feed_http_read_send(struct feed *feed, const struct mapping_reader *reader,
					     const struct command_plan *plan, const struct yaml_tree *node,
					     void **ret_send);
enum feed_send feed_http_send(struct feed *feed, const struct feed_command *command);

/* How long to wait after one more failure in a row: shorter than the interval at first, longer at last. last_ms 0: the
 * first failure. */
int64_t feed_back_off_ms(int64_t last_ms, uint32_t interval_s);
/* Waits until there is room for a message. False: the feed stops. */
bool feed_wait_for_room(struct feed *feed);

#endif
