/* URLs of http and https as those who fetch have to look at them. Pure. Thread: any. */
#ifndef MACHI_NET_HTTP_URL_H
#define MACHI_NET_HTTP_URL_H

#include "base/arena.h"
#include "base/error.h"

struct http_url_view { /* texts in the arena, a NUL behind each */
	struct str shown; /* without user, query and fragment, where keys may stand: for people */
	struct str path; /* "/" at least; encoded as it was written */
};

/* ERR_INVALID: no URL of http or https; ERR_MEMORY. */
MUST_CHECK enum err_code http_url_look(const char *url, struct arena *arena, struct http_url_view *ret_view,
				       struct error *err);

/* What a reference means in a document at base (RFC 3986, 5.2), in the arena. ERR_INVALID: no URL of http or https. */
MUST_CHECK enum err_code http_url_resolve(const char *base, struct str reference, struct arena *arena,
					  struct str *ret_url, struct error *err);

/* Are scheme, host and port the same (RFC 6454, 5)? No, when one is no URL of http or https. */
bool http_url_same_origin(const char *a, const char *b);

#endif
