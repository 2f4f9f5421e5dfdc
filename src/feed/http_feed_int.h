/* What the files of feeds of kind http share. */
#ifndef MACHI_FEED_HTTP_FEED_INT_H
#define MACHI_FEED_HTTP_FEED_INT_H

#include "feed/feed_fetch_int.h"
#include "feed/json_path.h"

#define HTTP_FEED_PLACES_MAX 64u
#define HTTP_FEED_PAGES_MAX 10000u
#define HTTP_FEED_BODY_BYTES_MAX ((size_t)16 << 20)

struct http_feed_place {
	const char *url;
	struct str shown; /* without what may be a key */
	struct str topic; /* its path, without the "/" that it begins with */
};

struct http_feed_settings {
	struct http_feed_place *places; /* in the feed's arena */
	size_t place_count;
	uint32_t interval_s, timeout_s;
	struct feed_headers headers;
	const char *method, *content_type;
	bool is_get;
	struct str body;
	bool has_next;
	struct json_path next; /* of the next page's URL */
	uint32_t pages_max;
};

/* http_poll.c: the kind's run() */
void http_feed_run(struct feed *feed);
void http_feed_forget(struct feed *feed, uint64_t tag);

#endif
