/* One document over HTTP by libcurl, with nothing taken from the environment: no proxy, no netrc, no cookies, no other
 * protocol, no step from https down to http.
 *
 * libcurl's global state is counted and guarded by its own lock since 7.84 (CURL_VERSION_THREADSAFE), so every fetch
 * takes and gives back a reference, from whatever thread. */
#include "net/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_TIMEOUT_MS_DEFAULT 10000u
#define FETCH_URL_BYTES_MAX 8192u

struct fetch {
	CURL *curl;
	CURLU *parts;
	struct curl_slist *headers;
	char *shown; /* the URL as errors show it, without user and password; curl's memory */
	struct buf *body;
	size_t body_start; /* bytes that were there before */
	bool too_large;
};

static void fetch_done(struct fetch *fetch)
{
	curl_easy_cleanup(fetch->curl);
	curl_slist_free_all(fetch->headers);
	curl_free(fetch->shown);
	curl_url_cleanup(fetch->parts);
}

/* libcurl dictates the type of at. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static size_t on_bytes(char *at, size_t size, size_t count, void *cls)
{
	struct fetch *fetch = cls;

	buf_put(fetch->body, (struct str){at, size * count});
	fetch->too_large = fetch->body->failed == ERR_LIMIT;
	return fetch->body->failed ? 0 : size * count;
}

static enum err_code fetch_url(struct fetch *fetch, const char *url, bool *ret_secure, struct error *err)
{
	char *scheme = NULL, *host = NULL;

	fetch->parts = curl_url();
	if (!fetch->parts)
		return err_set(err, ERR_MEMORY, "no memory to fetch a URL");
	if (strlen(url) > FETCH_URL_BYTES_MAX ||
	    curl_url_set(fetch->parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "not a URL of http or https: \"%.100s\"", url);
	bool good = curl_url_get(fetch->parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(fetch->parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] &&
		    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	*ret_secure = good && strcmp(scheme, "https") == 0;
	curl_free(scheme);
	curl_free(host);
	CURLU *shown = curl_url_dup(fetch->parts);

	if (!shown)
		return err_set(err, ERR_MEMORY, "no memory to fetch a URL");
	(void)curl_url_set(shown, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(shown, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_get(shown, CURLUPART_URL, &fetch->shown, 0);
	curl_url_cleanup(shown);
	if (!good || !fetch->shown)
		return err_set(err, ERR_INVALID, "not a URL of http or https: \"%.100s\"",
			       fetch->shown ? fetch->shown : "");
	return ERR_OK;
}

/* True when every option was taken. */
static bool fetch_setup(struct fetch *fetch, const struct http_fetch_options *options, bool secure)
{
	CURL *curl = fetch->curl;
	const char *protocols = secure ? "https" : "http,https";
	long timeout_ms = options->timeout_ms ? (long)options->timeout_ms : (long)FETCH_TIMEOUT_MS_DEFAULT;
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(curl, CURLOPT_CURLU, fetch->parts);
	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, options->redirects_max > 0 ? 1L : 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)options->redirects_max);
	bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, options->user_agent ? options->user_agent : "machi");
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
	if (options->accept) {
		size_t len = strlen(options->accept) + sizeof("Accept: ");
		char *field = malloc(len);

		if (!field)
			return false;
		(void)snprintf(field, len, "Accept: %s", options->accept);
		fetch->headers = curl_slist_append(NULL, field);
		free(field);
	} else {
		fetch->headers = curl_slist_append(NULL, "Accept:"); /* curl would send its own */
	}
	bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetch->headers);
	return bad == CURLE_OK && fetch->headers;
}

static enum err_code fetch_outcome(const struct fetch *fetch, CURLcode code, struct error *err)
{
	long status = 0;

	if (fetch->too_large)
		return err_set(err, ERR_LIMIT, "%.120s is larger than %zu bytes", fetch->shown, fetch->body->bytes_max);
	if (fetch->body->failed)
		return err_set(err, ERR_MEMORY, "no memory for %.120s", fetch->shown);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ERR_TIMEOUT, "%.120s did not answer in time", fetch->shown);
	if (code == CURLE_TOO_MANY_REDIRECTS)
		return err_set(err, ERR_LIMIT, "%.120s redirects too often", fetch->shown);
	if (code != CURLE_OK)
		return err_set(err, ERR_IO, "cannot fetch %.120s: %s", fetch->shown, curl_easy_strerror(code));
	(void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 404 || status == 410)
		return err_set(err, ERR_NOT_FOUND, "%.120s is not there (status %ld)", fetch->shown, status);
	if (status != 200)
		return err_set(err, ERR_IO, "%.120s answered with status %ld", fetch->shown, status);
	return ERR_OK;
}

static enum err_code fetch_run(struct fetch *fetch, const char *url, const struct http_fetch_options *options,
			       struct error *err)
{
	bool secure;
	enum err_code code = fetch_url(fetch, url, &secure, err);

	if (code != ERR_OK)
		return code;
	fetch->curl = curl_easy_init();
	if (!fetch->curl || !fetch_setup(fetch, options, secure))
		return err_set(err, ERR_MEMORY, "libcurl refuses to fetch %.120s", fetch->shown);
	return fetch_outcome(fetch, curl_easy_perform(fetch->curl), err);
}

enum err_code http_fetch(const char *url, const struct http_fetch_options *options, struct buf *body, struct error *err)
{
	static const struct http_fetch_options defaults;
	struct fetch fetch = {.body = body, .body_start = body->len};

	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_THREADSAFE))
		return err_set(err, ERR_UNSUPPORTED, "this libcurl was built without thread safety");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_MEMORY, "libcurl does not start");
	enum err_code code = fetch_run(&fetch, url, options ? options : &defaults, err);

	if (code != ERR_OK) {
		/* The body of a failed answer is not what was asked for. */
		body->len = fetch.body_start;
		body->failed = ERR_OK;
	}
	fetch_done(&fetch);
	curl_global_cleanup();
	return code;
}
