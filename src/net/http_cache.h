/* How long an answer may be used without asking its source again: RFC 9111 (HTTP Caching, successor of RFC 7234) as a
 * shared cache keeps it, for one URL and one representation. Pure: the time is handed in. Thread: any. */
#ifndef MACHI_NET_HTTP_CACHE_H
#define MACHI_NET_HTTP_CACHE_H

#include "base/str.h"

/* Header fields of an answer as received; STR_NONE: absent. */
struct http_cache_fields {
	struct str cache_control, expires, date, age, last_modified;
};

struct http_freshness {
	bool stated; /* by s-maxage, max-age or Expires; otherwise there is only the heuristic below, or nothing */
	bool no_store; /* not to be kept beyond its immediate use */
	uint64_t fresh_s; /* from now on; with stated or heuristic. At most HTTP_FRESH_S_MAX */
	bool heuristic; /* not stated: a tenth of the time since Last-Modified (RFC 9111, 4.2.2) */
};

#define HTTP_FRESH_S_MAX (UINT64_C(3650) * 86400)

struct http_freshness http_freshness(const struct http_cache_fields *fields, int64_t now_s);

/* Retry-After (RFC 9110, 10.2.3): seconds from now on, 0 for a moment that is over. False: it says nothing readable. */
bool http_retry_after_s(struct str retry_after, int64_t now_s, uint64_t *ret_s);

/* The value of a Link header's first link whose relation is `relation` and whose type is `type` (RFC 8288);
 * STR_NONE when there is none. */
struct str http_link_target(struct str link, struct str relation, struct str type);

#endif
