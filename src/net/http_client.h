/* One HTTP(S) document fetched over libcurl, bounded in size, time and redirects. Thread: any; blocks its caller, so
 * never call it on an event loop. */
#ifndef MACHI_NET_HTTP_CLIENT_H
#define MACHI_NET_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

struct http_fetch_options {
	uint32_t timeout_ms; /* whole transfer; 0: 10,000 */
	uint32_t redirects_max; /* 0: none followed */
	const char *accept; /* NULL: no Accept header */
	const char *user_agent; /* NULL: "machi" */
};

/* Appends the body of a 200 answer to body (its bytes_max is the size limit). http and https only.
 * Errors: ERR_INVALID (URL), ERR_LIMIT (size), ERR_TIMEOUT, ERR_NOT_FOUND (404), ERR_IO (connection, TLS, other
 * status), each naming the URL without its user part. */
MUST_CHECK enum err_code http_fetch(const char *url, const struct http_fetch_options *options, struct buf *body,
				    struct error *err);

#endif
