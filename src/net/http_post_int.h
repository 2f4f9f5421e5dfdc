/* A post's method and headers: what they may say, libcurl's list of them, and those of the answer. */
#ifndef MACHI_NET_HTTP_POST_INT_H
#define MACHI_NET_HTTP_POST_INT_H

#include "net/http_sender.h"

#include <curl/curl.h>

struct http_post_fields;

/* ERR_INVALID, ERR_LIMIT. Empties the wanted values. */
MUST_CHECK enum err_code http_post_check(struct http_post *post, struct error *err);

/* Memory for the list of one post after the other; NULL: there is none. */
struct http_post_fields *http_post_fields_new(void);
struct http_post_fields *http_post_fields_free(struct http_post_fields *fields);
/* The post's headers, then what keeps libcurl from sending some by itself. It stays the fields', until the next one;
 * NULL without memory. */
struct curl_slist *http_post_fields_list(struct http_post_fields *fields, const struct http_post *post);

/* Fills in the headers wanted from the answer that curl has. ERR_LIMIT, ERR_MEMORY: all are then empty. */
MUST_CHECK enum err_code http_post_take_wanted(struct http_post *post, CURL *curl, struct error *err);

#endif
