/* One HTTP(S) document fetched over libcurl, bounded in size, time, redirects and addresses. Thread: any; blocks its
 * caller, so never call it on an event loop. */
#ifndef MACHI_NET_HTTP_CLIENT_H
#define MACHI_NET_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct address_policy;

struct http_fetch_options {
	uint32_t timeout_ms; /* the whole, redirects included; 0: 10,000 */
	uint32_t redirects_max; /* 0: none followed */
	const char *accept; /* NULL: no Accept header */
	const char *user_agent; /* NULL: "machi" */
	/* Which addresses may be connected to, for URLs that a stranger gave. NULL: any, for those of the operator. */
	const struct address_policy *policy;
	/* Conditions of RFC 9110, 13.1: the answer may then be 304 without a body. NULL: none. */
	const char *if_none_match, *if_modified_since;
	/* A media type: when the document is not JSON and names a representation of this type by a Link header with
	 * rel=alternate, that one is fetched instead and counts as a redirect (JSON-LD 1.1 API, 9.4.1). NULL: no. */
	const char *alternate_type;
	/* "Name: value", NULL at the end; NULL: none. They may hold keys: no redirect takes them to another origin. */
	const char *const *headers;
	/* Another method than GET, with a body of this type; redirects are then not followed. NULL: GET. */
	const char *method, *content_type;
	struct str body;
	bool any_status; /* whatever the status, the answer is taken as it is */
	bool status_only; /* its body is not read, nor its end waited for */
	bool compressed; /* the answer may come gzipped; the bound of size is that of what is unpacked */
	bool hides_query; /* errors show URLs without what stands behind "?", which may be a key */
	/* Asked at least once a second while the request runs: false ends it with ERR_CONFLICT, also where a name is
	 * being looked up. NULL: it runs until its time is over. */
	bool (*goes_on)(void *self);
	void *self;
};

/* May a caller give this header? Not those that say where a message ends and whom the connection is with. ERR_INVALID
 * names the header, never its value. */
MUST_CHECK enum err_code http_header_check(struct str name, struct str value, struct error *err);

/* The answer that counted; texts lie in the arena, STR_NONE where the field was absent. */
struct http_answer {
	int status; /* 200, or 304 to a condition; with any_status: any */
	struct str url; /* where the document came from, after redirects */
	struct str content_type, etag, last_modified, cache_control, expires, date, age, retry_after;
};

/* Appends the body of a 200 answer to body (its bytes_max is the size limit). http and https only, never from https
 * down to http. Errors: ERR_INVALID (URL), ERR_LIMIT (size, redirects), ERR_TIMEOUT, ERR_NOT_FOUND (404, 410),
 * ERR_DENIED (the policy), ERR_CONFLICT (goes_on), ERR_IO (connection, TLS, other status), each naming the URL without
 * its user part. */
MUST_CHECK enum err_code http_get(const char *url, const struct http_fetch_options *options, struct arena *arena,
				  struct http_answer *ret_answer, struct buf *body, struct error *err);

/* The same, of which only the body matters. options may be NULL. */
MUST_CHECK enum err_code http_fetch(const char *url, const struct http_fetch_options *options, struct buf *body,
				    struct error *err);

#endif
