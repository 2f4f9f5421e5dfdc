/* What everything that goes out over libcurl shares: URLs taken apart, the gate of addresses, and the options that keep
 * the environment out. Thread: each object belongs to one. */
#ifndef MACHI_NET_HTTP_OUTGOING_INT_H
#define MACHI_NET_HTTP_OUTGOING_INT_H

#include "base/error.h"
#include "net/address_policy.h"

#include <curl/curl.h>

#define HTTP_URL_BYTES_MAX 8192u
#define HTTP_OUTGOING_TIMEOUT_MS_DEFAULT 10000u

struct http_url {
	CURLU *parts; /* owned */
	char *host; /* curl's memory */
	bool secure; /* https */
};

/* Takes the place of what url held. ERR_INVALID: no URL of http or https; ERR_MEMORY. After an error url is empty. */
MUST_CHECK enum err_code http_url_take(struct http_url *url, const char *text, struct error *err);
void http_url_done(struct http_url *url);
/* As errors show it, without user and password, and perhaps without its query: to be given to curl_free(). NULL without
 * memory. */
char *http_url_shown(const struct http_url *url, bool hides_query);

/* Stands before every socket that libcurl is about to connect. */
struct http_gate {
	const struct address_policy *policy; /* NULL: all may pass */
	const char *host; /* that the addresses belong to; borrowed */
	bool denied; /* the policy refused an address … */
	char address[ADDRESS_TEXT_BYTES]; /* … the last such */
};

/* http and https only, redirects left to us, nothing from the environment, no signals, sockets through the gate. False:
 * libcurl refuses. */
bool http_outgoing_guard(CURL *curl, struct http_gate *gate, const char *user_agent);

/* A reference on libcurl's global state, which counts them under a lock of its own since 7.84
 * (CURL_VERSION_THREADSAFE): so from any thread. It is given back by curl_global_cleanup(). */
MUST_CHECK enum err_code http_outgoing_start(struct error *err);

int64_t http_outgoing_now_ms(void); /* CLOCK_MONOTONIC */

#endif
