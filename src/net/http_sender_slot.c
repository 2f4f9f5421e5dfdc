/* A slot: an easy handle that sends one post after the other, and what becomes of each. */
#include "net/http_sender_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define SENDER_CONNECT_TIMEOUT_MS 5000
/* How long a connection may have been idle to be used again. What is sent once must not meet one that the receiver is
 * about to close, and many close after five seconds. */
#define SENDER_IDLE_S_MAX 118L
#define SENDER_ONCE_IDLE_S_MAX 1L

/* ---- the end of a post ---- */

/* Takes the post out of its slot first: done() may do what it likes. */
static void slot_end(struct sender_slot *slot, const struct http_post_result *result)
{
	struct http_sender *sender = slot->sender;
	struct http_post *post = TAKE(slot->post);

	slot->next_free = sender->free_slots;
	sender->free_slots = slot;
	sender_host_ended(sender, post->host);
	sender_post_done(sender, post, result);
}

static void slot_fail(struct sender_slot *slot, enum err_code code, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The sentence begins with the URL as it may be shown. */
static void slot_fail(struct sender_slot *slot, enum err_code code, int status, const char *format, ...)
{
	struct http_post_result result = {.code = code, .status = status};
	char *shown = slot->url.parts ? http_url_shown(&slot->url, false) : NULL;
	char text[ERROR_DETAIL_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)err_set(&result.error, code, "%.120s %s", shown ? shown : "a URL", text);
	curl_free(shown);
	slot_end(slot, &result);
}

/* The post's buf is again as it was given. */
static void drop_answer(struct sender_slot *slot)
{
	struct buf *answer = slot->post->answer;

	if (!answer)
		return;
	answer->len = slot->answer_start;
	answer->failed = ERR_OK;
}

static void slot_failed(struct sender_slot *slot, CURLcode code)
{
	const struct buf *answer = slot->post->answer;
	size_t bytes_max = answer ? answer->bytes_max - slot->answer_start : slot->sender->options.answer_bytes_max;
	bool no_memory = code == CURLE_OUT_OF_MEMORY || (answer && answer->failed == ERR_MEMORY);

	drop_answer(slot);
	if (slot->too_large)
		slot_fail(slot, ERR_LIMIT, 0, "answered more than %zu bytes", bytes_max);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		slot_fail(slot, ERR_TIMEOUT, 0, "did not answer in time");
	else if (code == CURLE_COULDNT_CONNECT && slot->gate.denied)
		slot_fail(slot, ERR_DENIED, 0, "leads to the address %s, which may not be connected to from here",
			  slot->gate.address);
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		slot_fail(slot, ERR_IO, 0, "closed the connection before an answer, and is not asked once more");
	else
		slot_fail(slot, no_memory ? ERR_MEMORY : ERR_IO, 0, "cannot be sent to: %s", curl_easy_strerror(code));
}

/* ---- slots ---- */

/* libcurl dictates the type of at. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static size_t on_answer(char *at, size_t size, size_t count, void *cls)
{
	struct sender_slot *slot = cls;
	struct buf *answer = slot->post->answer;
	size_t bytes = size * count;

	if (answer) {
		buf_put(answer, (struct str){at, bytes});
		slot->too_large = answer->failed == ERR_LIMIT;
		return answer->failed ? 0 : bytes;
	}
	slot->answer_bytes += bytes;
	slot->too_large = slot->answer_bytes > slot->sender->options.answer_bytes_max;
	return slot->too_large ? 0 : bytes;
}

/* libcurl has a connection and is about to send. It comes here again where a kept connection ended without a byte of
 * an answer: the receiver may have read the request, so what is to be sent once is given up. libcurl dictates types. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static int on_connected(void *cls, char *to, char *from, int to_port, int from_port)
{
	struct sender_slot *slot = cls;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	return slot->tries++ > 0 && slot->post->once ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool slot_options(struct sender_slot *slot)
{
	CURL *curl = slot->curl;
	CURLcode bad = CURLE_OK;

	slot->gate.policy = slot->sender->options.policy;
	if (!http_outgoing_guard(curl, &slot->gate, slot->sender->options.user_agent))
		return false;
	bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)SENDER_CONNECT_TIMEOUT_MS);
	/* A name that nobody resolves must not hold up the owner when its time is out: the lookup ends by itself. */
	bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQDATA, slot);
	bad |= curl_easy_setopt(curl, CURLOPT_PRIVATE, slot);
	return bad == CURLE_OK;
}

/* Makes what a slot keeps, at its first use. */
static bool slot_open(struct sender_slot *slot)
{
	if (slot->curl)
		return true;
	if (!slot->fields)
		slot->fields = http_post_fields_new();
	if (!slot->fields)
		return false;
	slot->curl = curl_easy_init();
	if (slot->curl && slot_options(slot))
		return true;
	curl_easy_cleanup(slot->curl);
	slot->curl = NULL;
	return false;
}

void sender_slot_done(struct sender_slot *slot)
{
	curl_easy_cleanup(slot->curl);
	http_url_done(&slot->url);
	buf_done(&slot->url_text);
	(void)http_post_fields_free(slot->fields);
}

/* libcurl's GET is any method without content, and its POST any with content, even an empty one; the name is ours. */
static bool set_method(CURL *curl, const struct http_post *post)
{
	const char *method = post->method ? post->method : "POST";
	bool is_get = strcmp(method, "GET") == 0;
	CURLcode bad = CURLE_OK;

	if (is_get || (post->body.len == 0 && strcmp(method, "DELETE") == 0)) {
		bad |= curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	} else {
		bad |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.at ? post->body.at : "");
	}
	bad |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_get || strcmp(method, "POST") == 0 ? NULL : method);
	return bad == CURLE_OK;
}

/* Hands slot->url and the post to libcurl. */
static bool slot_send(struct sender_slot *slot, int64_t left_ms)
{
	const struct http_post *post = slot->post;
	long idle_s = post->once ? SENDER_ONCE_IDLE_S_MAX : SENDER_IDLE_S_MAX;
	CURL *curl = slot->curl;
	CURLcode bad = CURLE_OK;

	drop_answer(slot);
	slot->answer_bytes = 0;
	slot->tries = 0;
	slot->too_large = slot->gate.denied = false;
	bad |= curl_easy_setopt(curl, CURLOPT_CURLU, slot->url.parts);
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
	bad |= curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, idle_s);
	return bad == CURLE_OK && set_method(curl, post) &&
	       curl_multi_add_handle(slot->sender->multi, curl) == CURLM_OK;
}

static bool slot_take_url(struct sender_slot *slot)
{
	struct error err;

	if (slot->url.parts && sender_is_text(&slot->url_text, slot->post->url))
		return true;
	buf_clear(&slot->url_text);
	if (http_url_take(&slot->url, slot->post->url, &err) != ERR_OK)
		return false;
	(void)sender_keep_text(&slot->url_text, slot->post->url);
	return true;
}

void sender_slot_start(struct sender_slot *slot, struct http_post *post)
{
	uint32_t timeout_ms = post->timeout_ms ? post->timeout_ms : HTTP_OUTGOING_TIMEOUT_MS_DEFAULT;
	int64_t now_ms = http_outgoing_now_ms();

	slot->post = post;
	slot->hops = 0;
	slot->answer_start = post->answer ? post->answer->len : 0;
	slot->gate.host = post->host->name;
	slot->deadline_ms = (post->waiting_counts ? post->given_ms : now_ms) + timeout_ms;
	bool ready = slot_open(slot) && slot_take_url(slot);
	struct curl_slist *headers = ready ? http_post_fields_list(slot->fields, post) : NULL;

	if (headers && slot->deadline_ms <= now_ms)
		slot_fail(slot, ERR_TIMEOUT, 0, "was not sent to: its turn did not come in time");
	else if (!headers || curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
		 !slot_send(slot, slot->deadline_ms - now_ms))
		slot_fail(slot, ERR_MEMORY, 0, "cannot be sent to: no memory");
}

struct http_post *sender_slot_cancel(struct sender_slot *slot)
{
	if (!slot->post)
		return NULL;
	(void)curl_multi_remove_handle(slot->sender->multi, slot->curl);
	drop_answer(slot);
	return TAKE(slot->post);
}

/* ---- answers ---- */

/* The user of the URL goes along, since the place is the same. */
static bool keep_user(CURLU *to, CURLU *from)
{
	static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD};
	bool good = true;

	for (size_t i = 0; i < 2; i++) {
		char *text = NULL;

		if (curl_url_get(from, parts[i], &text, 0) == CURLUE_OK && text)
			good = good && curl_url_set(to, parts[i], text, 0) == CURLUE_OK;
		curl_free(text);
	}
	return good;
}

/* True when the answer sends the post to another place on the same host, where it now is under way. */
static bool slot_redirect(struct sender_slot *slot, long status)
{
	int64_t left_ms = slot->deadline_ms - http_outgoing_now_ms();
	struct http_url url = {0};
	struct sender_host *host = NULL;
	const char *text = NULL;
	struct error err;

	if ((status != 307 && status != 308) || slot->hops >= HTTP_POST_REDIRECTS_MAX || left_ms <= 0 ||
	    curl_easy_getinfo(slot->curl, CURLINFO_REDIRECT_URL, &text) != CURLE_OK || !text)
		return false;
	if (http_url_take(&url, text, &err) != ERR_OK || sender_host_of(slot->sender, &url, &host, &err) != ERR_OK ||
	    host != slot->post->host || !keep_user(url.parts, slot->url.parts)) {
		http_url_done(&url);
		return false;
	}
	http_url_done(&slot->url);
	slot->url = url;
	buf_clear(&slot->url_text);
	slot->hops++;
	return slot_send(slot, left_ms);
}

static void slot_answered(struct sender_slot *slot)
{
	struct http_post_result result = {.code = ERR_OK};
	struct error err;
	long status = 0;

	(void)curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
	bool good = status >= 200 && status < 300;

	if (!good && slot_redirect(slot, status))
		return;
	if (http_post_take_wanted(slot->post, slot->curl, &err) != ERR_OK) {
		drop_answer(slot);
		slot_fail(slot, err.code, (int)status, "answered with status %ld, but %s", status, err.detail);
	} else if (good) {
		result.status = (int)status;
		slot_end(slot, &result);
	} else {
		slot_fail(slot, ERR_IO, (int)status, "answered with status %ld", status);
	}
}

void sender_slot_ended(struct sender_slot *slot, CURLcode code)
{
	if (code == CURLE_OK)
		slot_answered(slot);
	else
		slot_failed(slot, code);
}
