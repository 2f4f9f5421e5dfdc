/* One document over HTTP by libcurl, with nothing taken from the environment: no proxy, no netrc, no cookies, no other
 * protocol, no step from https down to http.
 *
 * Redirects are followed here and not by libcurl, so that the policy of addresses knows the host of every step and the
 * bounds hold for all of them together. */
#include "net/http_client.h"

#include "net/http_cache.h"
#include "net/http_outgoing_int.h"
#include "net/http_url.h"

#include <stdlib.h>
#include <string.h>

#define FETCH_ARENA_BYTES_MAX ((size_t)1 << 20)
#define FETCH_LINKS_MAX 16u /* Link headers looked at */

struct fetch {
	const struct http_fetch_options *options;
	CURL *curl;
	struct curl_slist *headers;
	const char *first; /* the URL that was asked for; in the arena */
	struct arena *arena;
	struct buf *body;
	size_t body_start; /* bytes that were there before */
	int64_t deadline_ms; /* CLOCK_MONOTONIC */
	uint32_t hops; /* redirects followed so far */
	/* Of the step that runs: */
	struct http_url parts;
	struct http_gate gate;
	struct str url; /* in the arena */
	char *shown; /* the URL as errors show it, without user and password; curl's memory */
	bool too_large;
	bool dropped; /* the body of an answer that is not the document */
	bool over; /* goes_on() said no */
};

static void step_done(struct fetch *fetch)
{
	curl_free(fetch->shown);
	fetch->shown = NULL;
	http_url_done(&fetch->parts);
}

static void fetch_done(struct fetch *fetch)
{
	curl_easy_cleanup(fetch->curl);
	curl_slist_free_all(fetch->headers);
	step_done(fetch);
}

/* ---- callbacks ---- */

/* libcurl dictates the type of at. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static size_t on_bytes(char *at, size_t size, size_t count, void *cls)
{
	struct fetch *fetch = cls;
	long status = 0;

	(void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (fetch->options->status_only || (status != 200 && !fetch->options->any_status)) {
		fetch->dropped = true;
		return 0;
	}
	buf_put(fetch->body, (struct str){at, size * count});
	fetch->too_large = fetch->body->failed == ERR_LIMIT;
	return fetch->body->failed ? 0 : size * count;
}

static int on_progress(void *cls, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct fetch *fetch = cls;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	fetch->over = fetch->over || !fetch->options->goes_on(fetch->options->self);
	return fetch->over;
}

/* ---- one step ---- */

static enum err_code take_url(struct fetch *fetch, struct str url, struct error *err)
{
	bool was_secure = fetch->parts.secure && fetch->hops > 0;

	step_done(fetch);
	fetch->url = url;
	enum err_code code = http_url_take(&fetch->parts, url.at, err);

	if (code != ERR_OK)
		return code;
	fetch->gate.host = fetch->parts.host;
	fetch->shown = http_url_shown(&fetch->parts, fetch->options->hides_query);
	if (!fetch->shown)
		return err_set(err, ERR_MEMORY, "no memory to fetch a URL");
	if (was_secure && !fetch->parts.secure)
		return err_set(err, ERR_IO, "%.120s: a redirect from https to http is not followed", fetch->shown);
	return ERR_OK;
}

static bool add_header(struct fetch *fetch, const char *name, const char *value)
{
	struct str field =
		value ? arena_printf(fetch->arena, "%s: %s", name, value) : arena_printf(fetch->arena, "%s:", name);
	struct curl_slist *longer = field.at ? curl_slist_append(fetch->headers, field.at) : NULL;

	if (longer)
		fetch->headers = longer;
	return longer != NULL;
}

static bool setup_body(struct fetch *fetch)
{
	const struct http_fetch_options *options = fetch->options;
	struct str body = options->body.at ? options->body : STR("");
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_POSTFIELDS, body.at);
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_CUSTOMREQUEST, options->method);
	return bad == CURLE_OK && add_header(fetch, "Content-Type", options->content_type) &&
	       add_header(fetch, "Expect", NULL);
}

static bool add_callers_headers(struct fetch *fetch)
{
	const char *const *headers = fetch->options->headers;

	if (!headers || (fetch->hops > 0 && !http_url_same_origin(fetch->first, fetch->url.at)))
		return true;
	for (size_t i = 0; headers[i]; i++) {
		struct curl_slist *longer = curl_slist_append(fetch->headers, headers[i]);

		if (!longer)
			return false;
		fetch->headers = longer;
	}
	return true;
}

/* Of the step that comes. True when every one was taken. */
static bool setup_headers(struct fetch *fetch)
{
	const struct http_fetch_options *options = fetch->options;

	curl_slist_free_all(fetch->headers);
	fetch->headers = NULL;
	/* Without a value libcurl leaves out the field that it would send by itself. */
	if (!add_header(fetch, "Accept", options->accept))
		return false;
	if (options->if_none_match && !add_header(fetch, "If-None-Match", options->if_none_match))
		return false;
	if (options->if_modified_since && !add_header(fetch, "If-Modified-Since", options->if_modified_since))
		return false;
	return (!options->method || setup_body(fetch)) && add_callers_headers(fetch) &&
	       curl_easy_setopt(fetch->curl, CURLOPT_HTTPHEADER, fetch->headers) == CURLE_OK;
}

/* A lookup of a name that was given up ends by itself, in a thread that libcurl lets go (QUICK_EXIT): it may take half
 * a minute. */
static bool setup_progress(struct fetch *fetch)
{
	CURLcode bad = CURLE_OK;

	if (!fetch->options->goes_on)
		return true;
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_XFERINFODATA, fetch);
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_NOPROGRESS, 0L);
	bad |= curl_easy_setopt(fetch->curl, CURLOPT_QUICK_EXIT, 1L);
	return bad == CURLE_OK;
}

/* True when every option was taken. */
static bool fetch_setup(struct fetch *fetch)
{
	const struct http_fetch_options *options = fetch->options;
	CURL *curl = fetch->curl;
	CURLcode bad = CURLE_OK;

	if (!http_outgoing_guard(curl, &fetch->gate, options->user_agent) || !setup_progress(fetch))
		return false;
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
	if (options->compressed)
		bad |= curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	return bad == CURLE_OK;
}

static enum err_code step_failed(const struct fetch *fetch, CURLcode code, struct error *err)
{
	if (fetch->too_large)
		return err_set(err, ERR_LIMIT, "%.120s is larger than %zu bytes", fetch->shown, fetch->body->bytes_max);
	if (fetch->body->failed)
		return err_set(err, ERR_MEMORY, "no memory for %.120s", fetch->shown);
	if (fetch->over)
		return err_set(err, ERR_CONFLICT, "%.120s: the request was ended", fetch->shown);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ERR_TIMEOUT, "%.120s did not answer in time", fetch->shown);
	if (code == CURLE_COULDNT_CONNECT && fetch->gate.denied)
		return err_set(err, ERR_DENIED, "%.120s: the address %s may not be connected to from here",
			       fetch->shown, fetch->gate.address);
	return err_set(err, ERR_IO, "cannot fetch %.120s: %s", fetch->shown, curl_easy_strerror(code));
}

/* Sends the request for fetch->url and reads the answer. */
static enum err_code step_run(struct fetch *fetch, long *ret_status, struct error *err)
{
	int64_t left_ms = fetch->deadline_ms - http_outgoing_now_ms();

	if (left_ms <= 0)
		return err_set(err, ERR_TIMEOUT, "%.120s did not answer in time", fetch->shown);
	fetch->body->len = fetch->body_start;
	fetch->dropped = fetch->gate.denied = false;
	if (!setup_headers(fetch) || curl_easy_setopt(fetch->curl, CURLOPT_CURLU, fetch->parts.parts) != CURLE_OK ||
	    curl_easy_setopt(fetch->curl, CURLOPT_TIMEOUT_MS, (long)left_ms) != CURLE_OK)
		return err_set(err, ERR_MEMORY, "libcurl refuses to fetch %.120s", fetch->shown);
	CURLcode code = curl_easy_perform(fetch->curl);

	if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && fetch->dropped))
		return step_failed(fetch, code, err);
	(void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, ret_status);
	return ERR_OK;
}

/* ---- what the answer says ---- */

static struct str header_at(const struct fetch *fetch, const char *name, size_t index)
{
	struct curl_header *header;

	if (curl_easy_header(fetch->curl, name, index, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return STR_NONE;
	return arena_dup(fetch->arena, str_from(header->value));
}

/* Several fields of one name are one list (RFC 9110, 5.3). */
static struct str header_list(const struct fetch *fetch, const char *name)
{
	struct str list = header_at(fetch, name, 0);

	for (size_t i = 1; list.at && i < FETCH_LINKS_MAX; i++) {
		struct str more = header_at(fetch, name, i);

		if (!more.at)
			break;
		list = arena_printf(fetch->arena, "%.*s, %.*s", STR_FMT(list), STR_FMT(more));
	}
	return list;
}

static bool is_json(struct str content_type)
{
	size_t end;
	struct str type = str_find(content_type, ';', &end) ? str_part(content_type, 0, end) : content_type;

	type = str_trim(type);
	struct str suffix = str_part(type, type.len < 5 ? 0 : type.len - 5, type.len);

	return str_eq_nocase(type, STR("application/json")) || str_eq_nocase(suffix, STR("+json"));
}

static struct str absolute(const struct fetch *fetch, struct str reference)
{
	CURLU *parts = curl_url_dup(fetch->parts.parts);
	struct str text = arena_dup(fetch->arena, reference);
	char *url = NULL;

	if (parts && text.at && curl_url_set(parts, CURLUPART_URL, text.at, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_URL, &url, 0) == CURLUE_OK)
		text = arena_dup(fetch->arena, str_from(url));
	else
		text = STR_NONE;
	curl_free(url);
	curl_url_cleanup(parts);
	return text;
}

/* Where the document is instead; STR_NONE: here. */
static struct str elsewhere(const struct fetch *fetch, long status)
{
	const char *alternate = fetch->options->alternate_type;

	if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
		struct str location = header_at(fetch, "Location", 0);

		return location.at ? absolute(fetch, location) : STR_NONE;
	}
	if (status != 200 || !alternate || is_json(header_at(fetch, "Content-Type", 0)))
		return STR_NONE;
	struct str target = http_link_target(header_list(fetch, "Link"), STR("alternate"), str_from(alternate));

	return target.at ? absolute(fetch, target) : STR_NONE;
}

static enum err_code take_answer(struct fetch *fetch, long status, struct http_answer *ret_answer, struct error *err)
{
	bool conditional = fetch->options->if_none_match || fetch->options->if_modified_since;

	bool any = fetch->options->any_status;

	if (!any && (status == 404 || status == 410))
		return err_set(err, ERR_NOT_FOUND, "%.120s is not there (status %ld)", fetch->shown, status);
	if (!any && status != 200 && !(status == 304 && conditional))
		return err_set(err, ERR_IO, "%.120s answered with status %ld", fetch->shown, status);
	*ret_answer = (struct http_answer){
		.status = (int)status,
		.url = fetch->url,
		.content_type = header_at(fetch, "Content-Type", 0),
		.etag = header_at(fetch, "ETag", 0),
		.last_modified = header_at(fetch, "Last-Modified", 0),
		.cache_control = header_list(fetch, "Cache-Control"),
		.expires = header_at(fetch, "Expires", 0),
		.date = header_at(fetch, "Date", 0),
		.age = header_at(fetch, "Age", 0),
		.retry_after = header_at(fetch, "Retry-After", 0),
	};
	return ERR_OK;
}

/* ---- the whole ---- */

static enum err_code fetch_run(struct fetch *fetch, struct str url, struct http_answer *ret_answer, struct error *err)
{
	for (;; fetch->hops++) {
		long status = 0;
		enum err_code code = take_url(fetch, url, err);

		if (code == ERR_INVALID && fetch->hops > 0)
			return err_set(err, ERR_IO, "a redirect leads to what is no URL of http or https: \"%.100s\"",
				       url.at);
		if (code == ERR_OK)
			code = step_run(fetch, &status, err);
		if (code != ERR_OK)
			return code;
		url = elsewhere(fetch, status);
		if (!url.at || fetch->options->redirects_max == 0 || fetch->options->method)
			return take_answer(fetch, status, ret_answer, err);
		if (fetch->hops == fetch->options->redirects_max)
			return err_set(err, ERR_LIMIT, "%.120s redirects too often", fetch->shown);
	}
}

static enum err_code fetch_start(struct fetch *fetch, const char *url, struct http_answer *ret_answer,
				 struct error *err)
{
	uint32_t timeout_ms = fetch->options->timeout_ms;
	struct str first = arena_dup(fetch->arena, str_from(url));

	fetch->first = first.at;
	fetch->curl = curl_easy_init();
	if (!fetch->curl || !first.at || !fetch_setup(fetch))
		return err_set(err, ERR_MEMORY, "no memory to fetch a URL");
	fetch->deadline_ms = http_outgoing_now_ms() + (timeout_ms ? timeout_ms : HTTP_OUTGOING_TIMEOUT_MS_DEFAULT);
	return fetch_run(fetch, first, ret_answer, err);
}

enum err_code http_get(const char *url, const struct http_fetch_options *options, struct arena *arena,
		       struct http_answer *ret_answer, struct buf *body, struct error *err)
{
	static const struct http_fetch_options defaults;
	struct fetch fetch = {
		.options = options ? options : &defaults, .arena = arena, .body = body, .body_start = body->len};

	enum err_code code = http_outgoing_start(err);

	if (code != ERR_OK)
		return code;
	fetch.gate.policy = fetch.options->policy;
	code = fetch_start(&fetch, url, ret_answer, err);
	if (code != ERR_OK) {
		/* The body of a failed answer is not what was asked for. */
		body->len = fetch.body_start;
		body->failed = ERR_OK;
	}
	fetch_done(&fetch);
	curl_global_cleanup();
	return code;
}

enum err_code http_fetch(const char *url, const struct http_fetch_options *options, struct buf *body, struct error *err)
{
	struct http_answer answer;
	struct arena arena;

	arena_init(&arena, FETCH_ARENA_BYTES_MAX);
	enum err_code code = http_get(url, options, &arena, &answer, body, err);

	arena_done(&arena);
	return code;
}
