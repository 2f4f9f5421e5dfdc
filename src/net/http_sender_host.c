/* Hosts: a queue of posts for each scheme, host and port. The idle ones are kept for a while, oldest out first. */
#include "net/http_sender_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SENDER_IDLE_HOSTS_MAX 256u /* without posts, kept for the next one */

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

/* Names differ by case in nothing. */
enum err_code sender_host_of(struct http_sender *sender, const struct http_url *url, struct sender_host **ret_host,
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

void sender_host_give(struct http_sender *sender, struct sender_host *host, struct http_post *post)
{
	if (is_idle(host))
		idle_remove(sender, host);
	post->host = host;
	post->next = NULL;
	*(host->first ? &host->last->next : &host->first) = post;
	host->last = post;
	host_ready(sender, host);
}

struct http_post *sender_host_take(struct http_sender *sender)
{
	struct sender_host *host = sender->first_ready;

	if (!host)
		return NULL;
	struct http_post *post = host->first;

	sender->first_ready = host->next_ready;
	if (!sender->first_ready)
		sender->last_ready = NULL;
	host->ready = false;
	host->first = post->next;
	if (!host->first)
		host->last = NULL;
	host->active++;
	host_ready(sender, host);
	return post;
}

void sender_host_ended(struct http_sender *sender, struct sender_host *host)
{
	host->active--;
	if (is_idle(host))
		idle_add(sender, host);
	else
		host_ready(sender, host);
}
