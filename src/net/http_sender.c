/* Many HTTP requests at once over libcurl's multi interface.
 *
 * libcurl only ever sees posts that have a connection's turn; the rest waits here, by host. Otherwise each turn of its
 * loop would visit all that wait, and a dead host's posts would stand before everybody else's. A slot is an easy handle
 * with the memory of its headers; both are used again, and where the next post of a slot goes to the same URL that is
 * not parsed again either. Redirects are followed here, so that they stay with the host that the post was for. */
#include "net/http_sender.h"

#include "net/http_sender_int.h"

#include <stdlib.h>
#include <sys/random.h>

#define SENDER_CONNECTIONS_DEFAULT 64u
#define SENDER_HOST_CONNECTIONS_DEFAULT 8u
#define SENDER_ANSWER_BYTES_DEFAULT ((size_t)64 << 10)

/* ---- giving posts ---- */

static enum err_code find_host(struct http_sender *sender, const char *url, struct sender_host **ret_host,
			       struct error *err)
{
	if (sender->last_host && sender_is_text(&sender->last_url_text, url)) {
		*ret_host = sender->last_host;
		return ERR_OK;
	}
	sender->last_host = NULL;
	enum err_code code = http_url_take(&sender->last_url, url, err);

	if (code == ERR_OK)
		code = sender_host_of(sender, &sender->last_url, ret_host, err);
	if (code == ERR_OK && sender_keep_text(&sender->last_url_text, url))
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
	sender->post_count++;
	if (post->waiting_counts)
		post->given_ms = http_outgoing_now_ms();
	sender_host_give(sender, host, post);
	return ERR_OK;
}

uint32_t http_sender_count(const struct http_sender *sender)
{
	return sender->post_count;
}

void sender_post_done(struct http_sender *sender, struct http_post *post, const struct http_post_result *result)
{
	sender->post_count--;
	sender->ended_count++;
	post->done(post, result);
}

/* ---- the run ---- */

/* Gives the free slots to the hosts that wait, in turn. */
static void start_ready(struct http_sender *sender)
{
	struct http_post *post;

	while (sender->free_slots && (post = sender_host_take(sender))) {
		struct sender_slot *slot = sender->free_slots;

		sender->free_slots = slot->next_free;
		sender_slot_start(slot, post);
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
		sender_slot_ended(slot, code);
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
		sender_slot_done(&sender->slots[i]);
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
		struct http_post *post = sender_slot_cancel(&sender->slots[i]);

		if (post)
			sender_post_done(sender, post, result);
	}
	while (map_each(&sender->hosts, &at, &key, &found)) {
		struct sender_host *host = found;

		while (host->first) {
			struct http_post *post = host->first;

			host->first = post->next;
			sender_post_done(sender, post, result);
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
