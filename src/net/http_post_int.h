/* The headers of a post: what they may say, and libcurl's list of them. */
#ifndef MACHI_NET_HTTP_POST_INT_H
#define MACHI_NET_HTTP_POST_INT_H

#include "net/http_sender.h"

#include <curl/curl.h>

struct http_post_fields;

/* ERR_INVALID, ERR_LIMIT. */
MUST_CHECK enum err_code http_post_check(const struct http_post *post, struct error *err);

/* Memory for the list of one post after the other; NULL: there is none. */
struct http_post_fields *http_post_fields_new(void);
struct http_post_fields *http_post_fields_free(struct http_post_fields *fields);
/* The post's headers, then what keeps libcurl from sending some by itself. It stays the fields', until the next one;
 * NULL without memory. */
struct curl_slist *http_post_fields_list(struct http_post_fields *fields, const struct http_post *post);

#endif
