/* Remote @context documents: fetched by one thread, kept for a while, served stale when they cannot be had again.
 *
 * A document goes through the states below. A failed fetch of one that we have counts as a success of the old body,
 * and is tried again after CONTEXT_RETRY_S; a failed fetch of one that we do not have is remembered for as long, so
 * that a dead server is not asked for every request that names it. Nothing is called with the lock held. */
#include "broker/context_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum document_state { DOCUMENT_QUEUED, DOCUMENT_FETCHING, DOCUMENT_SETTLED };

struct waiter {
	void (*wake)(void *wake_self);
	void *wake_self;
	struct waiter *next;
};

struct document {
	char url[CONTEXT_URL_BYTES_MAX + 1];
	size_t url_len;
	enum document_state state;
	struct body *body; /* counted; NULL: never had */
	struct error error; /* of the last fetch, while there is no body */
	int64_t again_us; /* when to fetch again */
	uint64_t used; /* the fetcher's count of uses at the last one */
	struct waiter *waiters;
	struct document *next; /* in the queue */
};

struct fetcher {
	enum err_code (*fetch)(const char *url, struct buf *body, struct error *err);
	int64_t (*clock_us)(void);
	int64_t keep_us;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wanted; /* the queue is no longer empty, or stopping */
	pthread_cond_t settled; /* some document has settled */
	bool stopping;
	struct map by_url; /* struct document, owned */
	size_t body_bytes;
	struct document *head, *tail; /* the queue */
	size_t fetch_count; /* queued and fetching */
	size_t waiter_count;
	uint64_t uses;
};

void body_unref(struct body *body)
{
	if (body && atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1)
		free(body);
}

static struct str url_of(const struct document *document)
{
	return (struct str){document->url, document->url_len};
}

static void document_free(struct document *document)
{
	body_unref(document->body);
	free(document);
}

/* ---- the table ---- */

/* Drops the settled document that was not used for the longest time; false when there is none. */
static bool drop_oldest(struct fetcher *fetcher)
{
	struct document *oldest = NULL;
	struct str url;
	void *value;
	size_t at = 0;

	while (map_each(&fetcher->by_url, &at, &url, &value)) {
		struct document *document = value;

		if (document->state == DOCUMENT_SETTLED && (!oldest || document->used < oldest->used))
			oldest = document;
	}
	if (!oldest)
		return false;
	(void)map_remove(&fetcher->by_url, url_of(oldest));
	fetcher->body_bytes -= oldest->body ? oldest->body->len : 0;
	document_free(oldest);
	return true;
}

static struct document *add_document(struct fetcher *fetcher, struct str url)
{
	/* At most CONTEXT_FETCHES_MAX of them are not settled, so that there is always one to drop. */
	static_assert(CONTEXT_FETCHES_MAX < CONTEXT_DOCUMENTS_MAX, "a full table has a settled document");
	if (fetcher->by_url.count >= CONTEXT_DOCUMENTS_MAX && !drop_oldest(fetcher))
		return NULL;
	struct document *document = calloc(1, sizeof(*document));

	if (!document)
		return NULL;
	memcpy(document->url, url.at, url.len);
	document->url_len = url.len;
	document->state = DOCUMENT_SETTLED;
	if (map_set(&fetcher->by_url, url_of(document), document))
		return document;
	free(document);
	return NULL;
}

static bool is_current(const struct fetcher *fetcher, const struct document *document)
{
	return document->state == DOCUMENT_SETTLED && fetcher->clock_us() < document->again_us;
}

/* ---- the thread ---- */

static struct document *take_next(struct fetcher *fetcher)
{
	(void)pthread_mutex_lock(&fetcher->lock);
	while (!fetcher->head && !fetcher->stopping)
		(void)pthread_cond_wait(&fetcher->wanted, &fetcher->lock);
	struct document *document = fetcher->head;

	if (document) {
		fetcher->head = document->next;
		if (!fetcher->head)
			fetcher->tail = NULL;
		document->next = NULL;
		document->state = DOCUMENT_FETCHING;
	}
	(void)pthread_mutex_unlock(&fetcher->lock);
	return document;
}

static enum err_code fetch_body(const struct fetcher *fetcher, const char *url, struct body **ret_body,
				struct error *err)
{
	struct buf buf;

	buf_init(&buf, CONTEXT_BODY_BYTES_MAX);
	enum err_code code = fetcher->fetch(url, &buf, err);

	if (code == ERR_OK)
		code = buf_check(&buf, "the @context document", err);
	if (code == ERR_OK) {
		struct body *body = malloc(sizeof(*body) + buf.len);

		if (body) {
			atomic_init(&body->references, 1);
			body->len = buf.len;
			if (buf.len)
				memcpy(body->bytes, buf.at, buf.len);
			*ret_body = body;
		} else {
			code = err_set(err, ERR_MEMORY, "no memory for an @context document");
		}
	}
	buf_done(&buf);
	return code;
}

/* Takes the body over (NULL: the fetch failed) and gives back those who waited. */
static struct waiter *settle(struct fetcher *fetcher, struct document *document, struct body *body,
			     const struct error *err)
{
	int64_t now_us = fetcher->clock_us();

	(void)pthread_mutex_lock(&fetcher->lock);
	if (body) {
		fetcher->body_bytes -= document->body ? document->body->len : 0;
		body_unref(document->body);
		document->body = body;
		fetcher->body_bytes += body->len;
		/* Never this one: it has not settled yet. */
		while (fetcher->body_bytes > CONTEXT_DOCUMENTS_BYTES_MAX && drop_oldest(fetcher))
			;
	} else if (!document->body) {
		document->error = *err;
	}
	document->again_us = now_us + (body ? fetcher->keep_us : CONTEXT_RETRY_S * US_PER_S);
	document->state = DOCUMENT_SETTLED;
	document->used = ++fetcher->uses;
	struct waiter *waiters = document->waiters;

	document->waiters = NULL;
	for (const struct waiter *waiter = waiters; waiter; waiter = waiter->next)
		fetcher->waiter_count--;
	fetcher->fetch_count--;
	(void)pthread_cond_broadcast(&fetcher->settled);
	(void)pthread_mutex_unlock(&fetcher->lock);
	return waiters;
}

static void wake_all(struct waiter *waiters)
{
	while (waiters) {
		struct waiter *next = waiters->next;

		waiters->wake(waiters->wake_self);
		free(waiters);
		waiters = next;
	}
}

static void *fetcher_main(void *self)
{
	struct fetcher *fetcher = self;
	struct document *document;

	while ((document = take_next(fetcher)) != NULL) {
		struct body *body = NULL;
		struct error err = {0};

		(void)pthread_mutex_lock(&fetcher->lock);
		bool stopping = fetcher->stopping;

		(void)pthread_mutex_unlock(&fetcher->lock);
		/* A document that is not settled is nobody else's to change or drop: its URL may be read here. */
		enum err_code code = stopping ? err_set(&err, ERR_CONTEXT, "the broker is closing")
					      : fetch_body(fetcher, document->url, &body, &err);

		if (code != ERR_OK && code != ERR_MEMORY)
			err.code = ERR_CONTEXT; /* whatever went wrong on the way */
		wake_all(settle(fetcher, document, body, &err));
	}
	return NULL;
}

/* Signals belong to the program's main thread. */
static enum err_code start_thread(struct fetcher *fetcher, struct error *err)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int refused = pthread_create(&fetcher->thread, NULL, fetcher_main, fetcher);

	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (refused)
		return err_set(err, ERR_IO, "cannot start the @context thread: %s", strerror(refused));
	(void)pthread_setname_np(fetcher->thread, "contexts");
	fetcher->has_thread = true;
	return ERR_OK;
}

enum err_code fetcher_new(const struct broker *broker, struct fetcher **ret_fetcher, struct error *err)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (!fetcher)
		return err_set(err, ERR_MEMORY, "no memory for the @context cache");
	fetcher->fetch = broker->options.fetch;
	fetcher->clock_us = broker->options.clock_us;
	fetcher->keep_us = (int64_t)broker->options.context_keep_s * US_PER_S;
	map_init(&fetcher->by_url, (uint64_t)(uintptr_t)fetcher);
	(void)pthread_mutex_init(&fetcher->lock, NULL);
	(void)pthread_cond_init(&fetcher->wanted, NULL);
	(void)pthread_cond_init(&fetcher->settled, NULL);
	enum err_code code = fetcher->fetch ? start_thread(fetcher, err) : ERR_OK;

	if (code != ERR_OK) {
		(void)fetcher_free(fetcher);
		return code;
	}
	*ret_fetcher = fetcher;
	return ERR_OK;
}

struct fetcher *fetcher_free(struct fetcher *fetcher)
{
	struct str url;
	void *document;
	size_t at = 0;

	if (!fetcher)
		return NULL;
	(void)pthread_mutex_lock(&fetcher->lock);
	fetcher->stopping = true;
	(void)pthread_cond_signal(&fetcher->wanted);
	(void)pthread_mutex_unlock(&fetcher->lock);
	if (fetcher->has_thread)
		(void)pthread_join(fetcher->thread, NULL);
	while (map_each(&fetcher->by_url, &at, &url, &document))
		document_free(document);
	map_done(&fetcher->by_url);
	(void)pthread_cond_destroy(&fetcher->settled);
	(void)pthread_cond_destroy(&fetcher->wanted);
	(void)pthread_mutex_destroy(&fetcher->lock);
	free(fetcher);
	return NULL;
}

/* ---- asking ---- */

enum err_code fetcher_get(struct fetcher *fetcher, struct str url, struct body **ret_body, int64_t *ret_keep_until_us,
			  struct error *err)
{
	enum err_code code = ERR_OK;

	if (!fetcher->fetch)
		return err_set(err, ERR_CONTEXT, "remote @contexts are not fetched here");
	if (url.len > CONTEXT_URL_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "an @context URL of %zu bytes, at most %d are taken", url.len,
			       CONTEXT_URL_BYTES_MAX);
	(void)pthread_mutex_lock(&fetcher->lock);
	struct document *document = map_get(&fetcher->by_url, url);

	if (!document || !is_current(fetcher, document)) {
		code = err_set(err, ERR_TIMEOUT, "the @context must be fetched first");
	} else if (!document->body) {
		code = document->error.code;
		if (err)
			*err = document->error;
	} else {
		document->used = ++fetcher->uses;
		(void)atomic_fetch_add_explicit(&document->body->references, 1, memory_order_relaxed);
		*ret_body = document->body;
		*ret_keep_until_us = document->again_us;
	}
	(void)pthread_mutex_unlock(&fetcher->lock);
	return code;
}

/* With the lock held. */
static enum err_code enqueue(struct fetcher *fetcher, struct document *document, struct error *err)
{
	if (document->state != DOCUMENT_SETTLED)
		return ERR_OK;
	if (fetcher->fetch_count >= CONTEXT_FETCHES_MAX)
		return err_set(err, ERR_LIMIT, "%d @contexts are being fetched already", CONTEXT_FETCHES_MAX);
	document->state = DOCUMENT_QUEUED;
	fetcher->fetch_count++;
	if (fetcher->tail)
		fetcher->tail->next = document;
	else
		fetcher->head = document;
	fetcher->tail = document;
	(void)pthread_cond_signal(&fetcher->wanted);
	return ERR_OK;
}

/* With the lock held. */
static enum err_code add_waiter(struct fetcher *fetcher, struct document *document, void (*wake)(void *wake_self),
				void *wake_self, struct error *err)
{
	struct waiter *waiter = NULL;

	if (fetcher->waiter_count >= CONTEXT_WAITERS_MAX)
		return err_set(err, ERR_LIMIT, "%d requests wait for @contexts already", CONTEXT_WAITERS_MAX);
	waiter = malloc(sizeof(*waiter));
	if (!waiter)
		return err_set(err, ERR_MEMORY, "no memory to wait for an @context");
	*waiter = (struct waiter){wake, wake_self, document->waiters};
	document->waiters = waiter;
	fetcher->waiter_count++;
	return ERR_OK;
}

/* With the lock held; the document may go while we wait, so it is looked up each time. */
static void wait_settled(struct fetcher *fetcher, struct str url)
{
	for (;;) {
		const struct document *document = map_get(&fetcher->by_url, url);

		if (!document || document->state == DOCUMENT_SETTLED)
			return;
		(void)pthread_cond_wait(&fetcher->settled, &fetcher->lock);
	}
}

enum err_code fetcher_want(struct fetcher *fetcher, struct str url, void (*wake)(void *wake_self), void *wake_self,
			   bool *ret_ready, struct error *err)
{
	enum err_code code = ERR_OK;
	bool ready = false;

	assert(fetcher->fetch && url.len <= CONTEXT_URL_BYTES_MAX);
	(void)pthread_mutex_lock(&fetcher->lock);
	struct document *document = map_get(&fetcher->by_url, url);

	if (document && is_current(fetcher, document)) {
		ready = true; /* it came in the meantime */
	} else {
		if (!document)
			document = add_document(fetcher, url);
		code = document ? enqueue(fetcher, document, err)
				: err_set(err, ERR_MEMORY, "no memory to fetch an @context");
		if (code == ERR_OK && wake)
			code = add_waiter(fetcher, document, wake, wake_self, err);
		else if (code == ERR_OK)
			wait_settled(fetcher, url);
		ready = !wake;
	}
	(void)pthread_mutex_unlock(&fetcher->lock);
	if (code == ERR_OK)
		*ret_ready = ready;
	return code;
}
