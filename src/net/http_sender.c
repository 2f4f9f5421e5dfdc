/* Many HTTP POSTs at once over libcurl's multi interface.
 *
 * libcurl only ever sees posts that have a connection's turn; the rest waits here, by host. Otherwise each turn of its
 * loop would visit all that wait, and a dead host's posts would stand before everybody else's. A slot is an easy handle
 * with the memory of its headers; both are used again, and where the next post of a slot goes to the same URL that is
 * not parsed again either. Redirects are followed here, so that they stay with the host that the post was for. */
#include "net/http_sender.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "net/http_outgoing_int.h"
#include "net/http_post_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SENDER_CONNECTIONS_DEFAULT 64u
#define SENDER_HOST_CONNECTIONS_DEFAULT 8u
#define SENDER_ANSWER_BYTES_DEFAULT ((size_t)64 << 10)
#define SENDER_CONNECT_TIMEOUT_MS 5000
#define SENDER_IDLE_HOSTS_MAX 256u /* without posts, kept for the next one */

struct sender_host {
	struct str key; /* "http://host:port"; the map's */
	char *name; /* as the policy is asked */
	struct http_post *first, *last; /* wait for their turn */
	uint32_t active;
	bool ready; /* in the queue of hosts that may start a post */
	struct sender_host *next_ready;
	struct sender_host *older, *newer; /* among the idle ones */
	char text[];
};

struct sender_slot {
	CURL *curl;
	struct http_sender *sender;
	struct http_post *post; /* NULL: the slot is free */
	struct sender_slot *next_free;
	struct http_post_fields *fields;
	struct buf url_text; /* that `url` was made of, NUL included; empty after a redirect */
	struct http_url url;
	struct http_gate gate;
	size_t answer_bytes;
	int64_t deadline_ms;
	uint32_t hops;
	bool too_large;
};

struct http_sender {
	CURLM *multi;
	struct http_sender_options options;
	struct sender_slot *slots; /* connections_max */
	struct sender_slot *free_slots; /* the last used comes first */
	struct map hosts;
	struct sender_host *first_ready, *last_ready;
	struct sender_host *oldest_idle, *newest_idle;
	uint32_t idle_count;
	uint32_t post_count;
	uint32_t ended_count; /* in this run */
	struct http_url last_url; /* of the last post given, … */
	struct buf last_url_text; /* … whose text this is … */
	struct sender_host *last_host; /* … and whose host; NULL: none */
	bool closing;
};

/* ---- hosts ---- */

static void idle_remove(struct http_sender *sender, struct sender_host *host)
{
	*(host->older ? &host->older->newer : &sender->oldest_idle) = host->newer;
	*(host->newer ? &host->newer->older : &sender->newest_idle) = host->older;
	host->older = host->newer = NULL;
	sender->idle_count--;
}

static void host_free(struct http_sender *sender, struct sender_host *host)
{
	(void)map_remove(&sender->hosts, host->key);
	if (sender->last_host == host)
		sender->last_host = NULL;
	free(host->name);
	free(host);
}

static bool is_idle(const struct sender_host *host)
{
	return !host->first && host->active == 0;
}

static void idle_add(struct http_sender *sender, struct sender_host *host)
{
	host->older = sender->newest_idle;
	*(host->older ? &host->older->newer : &sender->oldest_idle) = host;
	sender->newest_idle = host;
	if (++sender->idle_count > SENDER_IDLE_HOSTS_MAX) {
		struct sender_host *oldest = sender->oldest_idle;

		idle_remove(sender, oldest);
		host_free(sender, oldest);
	}
}

/* A host that has posts and a connection to spare waits for its turn. */
static void host_ready(struct http_sender *sender, struct sender_host *host)
{
	if (host->ready || !host->first || host->active >= sender->options.host_connections_max)
		return;
	host->ready = true;
	host->next_ready = NULL;
	*(sender->last_ready ? &sender->last_ready->next_ready : &sender->first_ready) = host;
	sender->last_ready = host;
}

static enum err_code host_make(struct http_sender *sender, struct str key, const char *name,
			       struct sender_host **ret_host, struct error *err)
{
	CLEANUP_MEMORY struct sender_host *host = calloc(1, sizeof(*host) + key.len);

	if (!host)
		return err_set(err, ERR_MEMORY, "no memory for a host");
	memcpy(host->text, key.at, key.len);
	host->key = (struct str){host->text, key.len};
	host->name = strdup(name);
	if (!host->name)
		return err_set(err, ERR_MEMORY, "no memory for a host");
	if (!map_set(&sender->hosts, host->key, host)) {
		free(host->name);
		return err_set(err, ERR_MEMORY, "no memory for a host");
	}
	idle_add(sender, host);
	*ret_host = TAKE(host);
	return ERR_OK;
}

/* The host of a URL, made where it is new. Names differ by case in nothing. */
static enum err_code host_of(struct http_sender *sender, const struct http_url *url, struct sender_host **ret_host,
			     struct error *err)
{
	char *port = NULL;

	if (curl_url_get(url->parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return err_set(err, ERR_MEMORY, "no memory for a URL");
	char key[HTTP_URL_BYTES_MAX + sizeof("https://:65535")];
	int len = snprintf(key, sizeof(key), "%s://%s:%s", url->secure ? "https" : "http", url->host, port);

	curl_free(port);
	assert(len > 0 && (size_t)len < sizeof(key));
	for (int i = 0; i < len; i++)
		if (key[i] >= 'A' && key[i] <= 'Z')
			key[i] = (char)(key[i] - 'A' + 'a');
	struct sender_host *host = map_get(&sender->hosts, (struct str){key, (size_t)len});

	if (!host)
		return host_make(sender, (struct str){key, (size_t)len}, url->host, ret_host, err);
	*ret_host = host;
	return ERR_OK;
}

/* ---- giving posts ---- */

static bool is_text(const struct buf *buf, const char *text)
{
	size_t len = strlen(text) + 1;

	return buf->len == len && memcmp(buf->at, text, len) == 0;
}

/* False without memory; the buffer is then empty. */
static bool keep_text(struct buf *buf, const char *text)
{
	buf_clear(buf);
	buf_put(buf, (struct str){text, strlen(text) + 1});
	if (!buf->failed)
		return true;
	buf_clear(buf);
	return false;
}

static enum err_code find_host(struct http_sender *sender, const char *url, struct sender_host **ret_host,
			       struct error *err)
{
	if (sender->last_host && is_text(&sender->last_url_text, url)) {
		*ret_host = sender->last_host;
		return ERR_OK;
	}
	sender->last_host = NULL;
	enum err_code code = http_url_take(&sender->last_url, url, err);

	if (code == ERR_OK)
		code = host_of(sender, &sender->last_url, ret_host, err);
	if (code == ERR_OK && keep_text(&sender->last_url_text, url))
		sender->last_host = *ret_host;
	return code;
}

enum err_code http_sender_post(struct http_sender *sender, struct http_post *post, struct error *err)
{
	struct sender_host *host = NULL;

	if (sender->closing)
		return err_set(err, ERR_CONFLICT, "the sender is being closed");
	if (sender->post_count >= HTTP_SENDER_POSTS_MAX)
		return err_set(err, ERR_LIMIT, "%u posts have not ended yet", HTTP_SENDER_POSTS_MAX);
	enum err_code code = http_post_check(post, err);

	if (code == ERR_OK)
		code = find_host(sender, post->url, &host, err);
	if (code != ERR_OK)
		return code;
	if (is_idle(host))
		idle_remove(sender, host);
	post->host = host;
	post->next = NULL;
	*(host->first ? &host->last->next : &host->first) = post;
	host->last = post;
	sender->post_count++;
	host_ready(sender, host);
	return ERR_OK;
}

/* ---- the end of a post ---- */

static void post_done(struct http_sender *sender, struct http_post *post, const struct http_post_result *result)
{
	sender->post_count--;
	sender->ended_count++;
	post->done(post, result);
}

/* Takes the post out of its slot first: done() may do what it likes. */
static void slot_end(struct sender_slot *slot, const struct http_post_result *result)
{
	struct http_sender *sender = slot->sender;
	struct http_post *post = TAKE(slot->post);
	struct sender_host *host = post->host;

	slot->next_free = sender->free_slots;
	sender->free_slots = slot;
	host->active--;
	if (is_idle(host))
		idle_add(sender, host);
	else
		host_ready(sender, host);
	post_done(sender, post, result);
}

static void slot_fail(struct sender_slot *slot, enum err_code code, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The sentence begins with the URL as it may be shown. */
static void slot_fail(struct sender_slot *slot, enum err_code code, int status, const char *format, ...)
{
	struct http_post_result result = {.code = code, .status = status};
	char *shown = slot->url.parts ? http_url_shown(&slot->url) : NULL;
	char text[ERROR_DETAIL_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)err_set(&result.error, code, "%.120s %s", shown ? shown : "a URL", text);
	curl_free(shown);
	slot_end(slot, &result);
}

static void slot_failed(struct sender_slot *slot, CURLcode code)
{
	if (slot->too_large)
		slot_fail(slot, ERR_LIMIT, 0, "answered more than %zu bytes", slot->sender->options.answer_bytes_max);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		slot_fail(slot, ERR_TIMEOUT, 0, "did not answer in time");
	else if (code == CURLE_COULDNT_CONNECT && slot->gate.denied)
		slot_fail(slot, ERR_DENIED, 0, "leads to the address %s, which may not be connected to from here",
			  slot->gate.address);
	else
		slot_fail(slot, code == CURLE_OUT_OF_MEMORY ? ERR_MEMORY : ERR_IO, 0, "cannot be posted to: %s",
			  curl_easy_strerror(code));
}

/* ---- slots ---- */

/* libcurl dictates the type of at. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static size_t on_answer(char *at, size_t size, size_t count, void *cls)
{
	struct sender_slot *slot = cls;

	(void)at;
	slot->answer_bytes += size * count;
	slot->too_large = slot->answer_bytes > slot->sender->options.answer_bytes_max;
	return slot->too_large ? 0 : size * count;
}

static bool slot_options(struct sender_slot *slot)
{
	CURL *curl = slot->curl;
	CURLcode bad = CURLE_OK;

	slot->gate.policy = slot->sender->options.policy;
	if (!http_outgoing_guard(curl, &slot->gate, slot->sender->options.user_agent))
		return false;
	bad |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)SENDER_CONNECT_TIMEOUT_MS);
	/* A name that nobody resolves must not hold up the owner when its time is out: the lookup ends by itself. */
	bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
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

static void slot_done(struct sender_slot *slot)
{
	curl_easy_cleanup(slot->curl);
	http_url_done(&slot->url);
	buf_done(&slot->url_text);
	(void)http_post_fields_free(slot->fields);
}

/* Hands slot->url and the post to libcurl. */
static bool slot_send(struct sender_slot *slot, int64_t left_ms)
{
	const struct http_post *post = slot->post;
	CURL *curl = slot->curl;
	CURLcode bad = CURLE_OK;

	slot->answer_bytes = 0;
	slot->too_large = slot->gate.denied = false;
	bad |= curl_easy_setopt(curl, CURLOPT_CURLU, slot->url.parts);
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
	bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
	bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.at ? post->body.at : "");
	return bad == CURLE_OK && curl_multi_add_handle(slot->sender->multi, curl) == CURLM_OK;
}

static bool slot_take_url(struct sender_slot *slot)
{
	struct error err;

	if (slot->url.parts && is_text(&slot->url_text, slot->post->url))
		return true;
	buf_clear(&slot->url_text);
	if (http_url_take(&slot->url, slot->post->url, &err) != ERR_OK)
		return false;
	(void)keep_text(&slot->url_text, slot->post->url);
	return true;
}

static void slot_start(struct sender_slot *slot, struct http_post *post)
{
	uint32_t timeout_ms = post->timeout_ms ? post->timeout_ms : HTTP_OUTGOING_TIMEOUT_MS_DEFAULT;

	slot->post = post;
	slot->hops = 0;
	slot->gate.host = post->host->name;
	slot->deadline_ms = http_outgoing_now_ms() + timeout_ms;
	struct curl_slist *headers = slot_open(slot) ? http_post_fields_list(slot->fields, post) : NULL;

	if (!headers || !slot_take_url(slot) || curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
	    !slot_send(slot, timeout_ms))
		slot_fail(slot, ERR_MEMORY, 0, "cannot be posted to: no memory");
}

/* Gives the free slots to the hosts that wait, in turn. */
static void start_ready(struct http_sender *sender)
{
	while (sender->free_slots && sender->first_ready) {
		struct sender_host *host = sender->first_ready;
		struct sender_slot *slot = sender->free_slots;
		struct http_post *post = host->first;

		sender->first_ready = host->next_ready;
		if (!sender->first_ready)
			sender->last_ready = NULL;
		host->ready = false;
		sender->free_slots = slot->next_free;
		host->first = post->next;
		if (!host->first)
			host->last = NULL;
		host->active++;
		host_ready(sender, host);
		slot_start(slot, post);
	}
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
	if (http_url_take(&url, text, &err) != ERR_OK || host_of(slot->sender, &url, &host, &err) != ERR_OK ||
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
	long status = 0;

	(void)curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300) {
		const struct http_post_result good = {.code = ERR_OK, .status = (int)status};

		slot_end(slot, &good);
	} else if (!slot_redirect(slot, status)) {
		slot_fail(slot, ERR_IO, (int)status, "answered with status %ld", status);
	}
}

static void reap(struct http_sender *sender)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(sender->multi, &left))) {
		struct sender_slot *slot = NULL;
		CURLcode code = message->data.result;

		if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot) != CURLE_OK)
			continue;
		(void)curl_multi_remove_handle(sender->multi, slot->curl);
		if (code == CURLE_OK)
			slot_answered(slot);
		else
			slot_failed(slot, code);
	}
}

static enum err_code multi_failed(CURLMcode code, struct error *err)
{
	return err_set(err, code == CURLM_OUT_OF_MEMORY ? ERR_MEMORY : ERR_INTERNAL, "libcurl is stuck: %s",
		       curl_multi_strerror(code));
}

enum err_code http_sender_run(struct http_sender *sender, uint32_t timeout_ms, struct error *err)
{
	int running = 0;

	sender->ended_count = 0;
	start_ready(sender);
	CURLMcode code = curl_multi_perform(sender->multi, &running);

	if (code != CURLM_OK)
		return multi_failed(code, err);
	reap(sender);
	if (sender->ended_count > 0)
		return ERR_OK;
	code = curl_multi_poll(sender->multi, NULL, 0, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms, NULL);
	if (code == CURLM_OK)
		code = curl_multi_perform(sender->multi, &running);
	if (code != CURLM_OK)
		return multi_failed(code, err);
	reap(sender);
	return ERR_OK;
}

void http_sender_wake(struct http_sender *sender)
{
	(void)curl_multi_wakeup(sender->multi);
}

/* ---- the whole ---- */

static bool multi_options(struct http_sender *sender)
{
	CURLM *multi = sender->multi;
	long connections = (long)sender->options.connections_max;
	int bad = 0;

	bad |= curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	bad |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
	bad |= curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
	bad |= curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)sender->options.host_connections_max);
	return bad == 0;
}

static void take_options(struct http_sender *sender, const struct http_sender_options *given)
{
	struct http_sender_options *options = &sender->options;

	if (given)
		*options = *given;
	if (options->connections_max == 0)
		options->connections_max = SENDER_CONNECTIONS_DEFAULT;
	if (options->host_connections_max == 0)
		options->host_connections_max = SENDER_HOST_CONNECTIONS_DEFAULT;
	if (options->answer_bytes_max == 0)
		options->answer_bytes_max = SENDER_ANSWER_BYTES_DEFAULT;
	if (options->connections_max > HTTP_SENDER_CONNECTIONS_MAX)
		options->connections_max = HTTP_SENDER_CONNECTIONS_MAX;
	if (options->host_connections_max > options->connections_max)
		options->host_connections_max = options->connections_max;
}

static void sender_done(struct http_sender *sender)
{
	size_t at = 0;
	struct str key;
	void *host;

	for (uint32_t i = 0; sender->slots && i < sender->options.connections_max; i++)
		slot_done(&sender->slots[i]);
	free(sender->slots);
	(void)curl_multi_cleanup(sender->multi);
	while (map_each(&sender->hosts, &at, &key, &host)) {
		free(((struct sender_host *)host)->name);
		free(host);
	}
	map_done(&sender->hosts);
	http_url_done(&sender->last_url);
	buf_done(&sender->last_url_text);
	free(sender);
}

static enum err_code sender_make(const struct http_sender_options *options, struct http_sender **ret_sender,
				 struct error *err)
{
	struct http_sender *sender = calloc(1, sizeof(*sender));
	uint64_t seed = 0;

	if (!sender)
		return err_set(err, ERR_MEMORY, "no memory for a sender");
	take_options(sender, options);
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	map_init(&sender->hosts, seed);
	buf_init(&sender->last_url_text, HTTP_URL_BYTES_MAX + 1);
	sender->multi = curl_multi_init();
	sender->slots = calloc(sender->options.connections_max, sizeof(*sender->slots));
	if (!sender->slots || !sender->multi || !multi_options(sender)) {
		sender_done(sender);
		return err_set(err, ERR_MEMORY, "no memory for a sender");
	}
	for (uint32_t i = sender->options.connections_max; i-- > 0;) {
		struct sender_slot *slot = &sender->slots[i];

		slot->sender = sender;
		buf_init(&slot->url_text, HTTP_URL_BYTES_MAX + 1);
		slot->next_free = sender->free_slots;
		sender->free_slots = slot;
	}
	*ret_sender = sender;
	return ERR_OK;
}

enum err_code http_sender_new(const struct http_sender_options *options, struct http_sender **ret_sender,
			      struct error *err)
{
	enum err_code code = http_outgoing_start(err);

	if (code != ERR_OK)
		return code;
	code = sender_make(options, ret_sender, err);
	if (code != ERR_OK)
		curl_global_cleanup();
	return code;
}

/* Every post that has not ended: its done() is called, and nothing is under way any more. */
static void cancel_all(struct http_sender *sender, const struct http_post_result *result)
{
	size_t at = 0;
	struct str key;
	void *found;

	for (uint32_t i = 0; i < sender->options.connections_max; i++) {
		struct sender_slot *slot = &sender->slots[i];
		struct http_post *post = TAKE(slot->post);

		if (post) {
			(void)curl_multi_remove_handle(sender->multi, slot->curl);
			post_done(sender, post, result);
		}
	}
	while (map_each(&sender->hosts, &at, &key, &found)) {
		struct sender_host *host = found;

		while (host->first) {
			struct http_post *post = host->first;

			host->first = post->next;
			post_done(sender, post, result);
		}
	}
}

struct http_sender *http_sender_free(struct http_sender *sender)
{
	struct http_post_result result = {.code = ERR_CONFLICT};

	if (!sender)
		return NULL;
	(void)err_set(&result.error, ERR_CONFLICT, "the sender was closed before an answer came");
	sender->closing = true;
	cancel_all(sender, &result);
	sender_done(sender);
	curl_global_cleanup();
	return NULL;
}
