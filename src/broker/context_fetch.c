/* Fetching remote @context documents: few threads, each document once however many want it, kept as long as its source
 * allows, served stale when it cannot be had again.
 *
 * A document goes through the states queued, fetching, settled. A failed fetch of one that we have leaves the old body
 * in use, and is tried again after CONTEXT_RETRY_S; a failed fetch of one that we do not have is remembered for as
 * long, so that a dead server is not asked for every request that names it. Only the first fetch after a good one is
 * waited for: as long as a source fails, what we have serves at once and the fetches run behind. What comes back is
 * checked and cut down to its "@context" here, and its record stored, before anybody is told. Nothing is called with
 * the lock held. */
#include "broker/context_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_ARENA_BYTES_MAX ((size_t)64 << 20) /* one document, parsed */

/* What one fetch brought. */
struct outcome {
	enum err_code code;
	struct error error;
	struct body *body; /* NULL when the old one still holds, or on failure */
	struct context_answer answer;
};

bool document_is_current(const struct context_store *store, const struct document *document)
{
	/* One that is being reloaded is as good as it was until the new one is there. */
	if (document->state != DOCUMENT_SETTLED && !document->body)
		return false;
	/* Where nothing is fetched, what there is serves for ever. */
	return !store->broker->options.fetch || broker_now_us(store->broker) < document->again_us;
}

/* ---- one fetch ---- */

/* Only the "@context" of the document counts (JSON-LD 1.1, 3.1). */
static enum err_code cut_down(struct str text, struct buf *out, struct error *err)
{
	struct json_parser *parser = json_parser_new();
	struct arena arena;
	struct json *document;

	if (!parser)
		return err_set(err, ERR_MEMORY, "no memory for an @context document");
	arena_init(&arena, FETCH_ARENA_BYTES_MAX);
	enum err_code code = json_parse(parser, &arena, text, NULL, &document, err);
	const struct json *value = code == ERR_OK ? json_get(document, STR("@context")) : NULL;

	if (code == ERR_OK && !value)
		code = err_set(err, ERR_INVALID, "no \"@context\" in the document");
	if (value) {
		context_document_write(out, value);
		code = buf_check(out, "the @context document", err);
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}

static enum err_code take_body(const struct context_store *store, const struct document *document, struct str text,
			       struct outcome *outcome)
{
	struct str base = str_from(outcome->answer.url);
	struct buf cut;

	buf_init(&cut, CONTEXT_BODY_BYTES_MAX);
	enum err_code code = cut_down(text, &cut, &outcome->error);

	if (code == ERR_OK)
		code = context_check(store->core, buf_str(&cut), &outcome->error);
	if (code == ERR_LIMIT)
		code = outcome->error.code = ERR_INVALID; /* of what the document says, not of ours */
	if (code == ERR_OK) {
		outcome->body =
			body_new(buf_str(&cut), base.len ? base : (struct str){document->url, document->url_len});
		if (!outcome->body)
			code = err_set(&outcome->error, ERR_MEMORY, "no memory for an @context document");
	}
	if (code != ERR_OK)
		(void)err_while(&outcome->error, "reading the @context %.100s", document->url);
	buf_done(&cut);
	return code;
}

static void fetch(struct context_store *store, const struct document *document, bool conditional,
		  struct outcome *outcome)
{
	const struct broker_options *options = &store->broker->options;
	const struct context_request request = {
		.url = document->url,
		.etag = conditional && document->etag[0] ? document->etag : NULL,
		.last_modified = conditional && document->last_modified[0] ? document->last_modified : NULL,
	};
	struct buf text;

	buf_init(&text, CONTEXT_BODY_BYTES_MAX);
	outcome->answer.fresh_s = -1;
	outcome->code = options->fetch(options->fetch_self, &request, &outcome->answer, &text, &outcome->error);
	if (outcome->code == ERR_OK)
		outcome->code = buf_check(&text, "the @context document", &outcome->error);
	if (outcome->code != ERR_OK && outcome->code != ERR_MEMORY)
		outcome->code = outcome->error.code = ERR_CONTEXT; /* whatever went wrong on the way */
	if (outcome->code == ERR_OK && !(outcome->answer.not_modified && conditional))
		outcome->code = take_body(store, document, buf_str(&text), outcome);
	buf_done(&text);
}

/* ---- settling ---- */

static int64_t fresh_us(const struct context_store *store, const struct context_answer *answer)
{
	int64_t keep_s = (int64_t)store->broker->options.context_keep_s, fresh_s = answer->fresh_s;

	if (fresh_s < 0)
		fresh_s = keep_s;
	else if (answer->heuristic)
		fresh_s = fresh_s > keep_s ? keep_s : fresh_s < CONTEXT_GUESS_S_MIN ? CONTEXT_GUESS_S_MIN : fresh_s;
	if (fresh_s < CONTEXT_FRESH_S_MIN)
		fresh_s = CONTEXT_FRESH_S_MIN;
	return (fresh_s > CONTEXT_FRESH_S_MAX ? CONTEXT_FRESH_S_MAX : fresh_s) * US_PER_S;
}

/* With the lock held: the document as a good fetch leaves it. */
static void settle_good(struct context_store *store, struct document *document, struct outcome *outcome, int64_t now_us)
{
	document->again_us = now_us + fresh_us(store, &outcome->answer);
	document->failure = (struct error){0};
	if (outcome->body) {
		if (!document->body)
			atomic_store(&document->usage->missed, true);
		documents_set_body(store, document, outcome->body);
		document->created_us = now_us;
		memcpy(document->etag, outcome->answer.etag, sizeof(document->etag));
		memcpy(document->last_modified, outcome->answer.last_modified, sizeof(document->last_modified));
		/* A built context lasts no longer than its parts are fresh; only a forced fetch comes before that. */
		if (document->forced)
			(void)atomic_fetch_add(&store->generation, 1);
	}
	document->forced = false;
}

/* Gives back those who waited. */
static struct waiter *settle(struct context_store *store, struct document *document, struct outcome *outcome,
			     bool has_record)
{
	int64_t now_us = broker_now_us(store->broker);

	(void)pthread_mutex_lock(&store->lock);
	struct waiter *waiters = document->waiters;

	document->waiters = NULL;
	for (const struct waiter *waiter = waiters; waiter; waiter = waiter->next)
		store->waiter_count--;
	store->fetch_count--;
	document->state = DOCUMENT_SETTLED;
	document->used = ++store->uses;
	if (document->gone) {
		body_unref(outcome->body);
		document_free(document);
	} else if (outcome->code == ERR_OK) {
		document->has_record = document->has_record || has_record;
		settle_good(store, document, outcome, now_us);
		documents_trim(store);
	} else {
		document->failure = outcome->error;
		document->failure.code = outcome->code;
		if (now_us >= document->again_us) /* a forced fetch that failed leaves what is still fresh alone */
			document->again_us = now_us + CONTEXT_RETRY_S * US_PER_S;
		document->forced = false;
	}
	(void)pthread_cond_broadcast(&store->settled);
	(void)pthread_mutex_unlock(&store->lock);
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

/* ---- the threads ---- */

static struct document *take_next(struct context_store *store, bool *ret_conditional, bool *ret_stopping)
{
	(void)pthread_mutex_lock(&store->lock);
	while (!store->head && !store->stopping)
		(void)pthread_cond_wait(&store->wanted, &store->lock);
	struct document *document = store->head;

	if (document) {
		store->head = document->next;
		if (!store->head)
			store->tail = NULL;
		document->next = NULL;
		document->state = DOCUMENT_FETCHING;
		*ret_conditional = document->body && !document->forced;
	}
	*ret_stopping = store->stopping;
	(void)pthread_mutex_unlock(&store->lock);
	return document;
}

/* The record as the document will be when it has settled. True when it was stored. */
static bool keep_record(struct context_store *store, const struct document *document, const struct outcome *outcome)
{
	int64_t now_us = broker_now_us(store->broker);
	const struct context_record record = {
		.id = str_from(document->id),
		.kind = document->kind,
		.url = {document->url, document->url_len},
		.base = outcome->body->base,
		.etag = str_from(outcome->answer.etag),
		.last_modified = str_from(outcome->answer.last_modified),
		.created_us = now_us,
		.again_us = now_us + fresh_us(store, &outcome->answer),
		.document = {outcome->body->bytes, outcome->body->len},
	};

	return context_record_keep(store, document, &record);
}

static void *fetcher_main(void *self)
{
	struct context_store *store = self;
	struct document *document;
	bool conditional = false, stopping = false;

	/* A document that is not settled is nobody else's to change or free: its URL and tags may be read here. */
	while ((document = take_next(store, &conditional, &stopping)) != NULL) {
		struct outcome outcome = {0};

		if (stopping)
			outcome.code = err_set(&outcome.error, ERR_CONTEXT, "the broker is closing");
		else
			fetch(store, document, conditional, &outcome);
		bool kept = outcome.code == ERR_OK && outcome.body && !outcome.answer.no_store &&
			    keep_record(store, document, &outcome);

		wake_all(settle(store, document, &outcome, kept));
	}
	return NULL;
}

/* With the lock held. Signals belong to the program's main thread. */
static enum err_code start_thread(struct context_store *store, struct error *err)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int refused = pthread_create(&store->threads[store->thread_count], NULL, fetcher_main, store);

	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (refused)
		return err_set(err, ERR_IO, "cannot start an @context thread: %s", strerror(refused));
	(void)pthread_setname_np(store->threads[store->thread_count], "contexts");
	store->thread_count++;
	return ERR_OK;
}

void context_fetch_stop(struct context_store *store)
{
	(void)pthread_mutex_lock(&store->lock);
	store->stopping = true;
	(void)pthread_cond_broadcast(&store->wanted);
	size_t count = store->thread_count;

	(void)pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(store->threads[i], NULL);
}

/* ---- asking ---- */

/* With the lock held. */
static enum err_code enqueue(struct context_store *store, struct document *document, struct error *err)
{
	if (document->state != DOCUMENT_SETTLED)
		return ERR_OK;
	if (store->fetch_count >= CONTEXT_FETCHES_MAX)
		return err_set(err, ERR_CONTEXT, "%d @contexts are being fetched already", CONTEXT_FETCHES_MAX);
	if (store->stopping)
		return err_set(err, ERR_CONTEXT, "the broker is closing");
	if (store->fetch_count >= store->thread_count && store->thread_count < CONTEXT_FETCH_THREADS_MAX) {
		enum err_code code = start_thread(store, err);

		/* Fewer threads do the same more slowly. */
		if (code != ERR_OK && store->thread_count == 0)
			return code;
	}
	document->state = DOCUMENT_QUEUED;
	store->fetch_count++;
	if (store->tail)
		store->tail->next = document;
	else
		store->head = document;
	store->tail = document;
	(void)pthread_cond_signal(&store->wanted);
	return ERR_OK;
}

enum err_code context_fetch_start(struct context_store *store, struct document *document, void (*wake)(void *wake_self),
				  void *wake_self, struct error *err)
{
	if (store->waiter_count >= CONTEXT_WAITERS_MAX)
		return err_set(err, ERR_CONTEXT, "%d requests wait for @contexts already", CONTEXT_WAITERS_MAX);
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (!waiter)
		return err_set(err, ERR_MEMORY, "no memory to wait for an @context");
	enum err_code code = enqueue(store, document, err);

	if (code != ERR_OK) {
		free(waiter);
		return code;
	}
	*waiter = (struct waiter){wake, wake_self, document->waiters};
	document->waiters = waiter;
	store->waiter_count++;
	return ERR_OK;
}

bool context_fetch_behind(struct context_store *store, struct document *document)
{
	struct error unseen;

	if (!document->body)
		return false;
	if (document->failure.code == ERR_OK)
		return store->fetch_count >= CONTEXT_FETCHES_MAX || store->waiter_count >= CONTEXT_WAITERS_MAX;
	(void)enqueue(store, document, &unseen); /* or the next one who asks */
	return true;
}

/* With the lock held; the document may go while we wait, so it is looked up each time. */
static void wait_settled(struct context_store *store, struct str url)
{
	for (;;) {
		const struct document *document = map_get(&store->by_url, url);

		if (!document || document->state == DOCUMENT_SETTLED)
			return;
		(void)pthread_cond_wait(&store->settled, &store->lock);
	}
}

/* With the lock held; NULL when there is no room or memory. */
static struct document *add_document(struct context_store *store, struct str url)
{
	struct document *document = documents_make_room(store) ? document_new(CONTEXT_CACHED, url, STR_NONE) : NULL;

	if (!document)
		return NULL;
	if (documents_name(store, document) && map_set(&store->by_url, (struct str){document->url, url.len}, document))
		return document;
	(void)map_remove(&store->by_id, str_from(document->id));
	document_free(document);
	return NULL;
}

enum err_code context_store_want(struct context_store *store, struct str url, void (*wake)(void *wake_self),
				 void *wake_self, bool *ret_ready, struct error *err)
{
	enum err_code code = ERR_OK;
	bool ready = false;

	assert(url.len <= CONTEXT_URL_BYTES_MAX);
	(void)pthread_mutex_lock(&store->lock);
	struct document *document = map_get(&store->by_url, url);

	if (document && document_is_current(store, document)) {
		ready = true; /* it came in the meantime */
	} else {
		if (!document)
			document = add_document(store, url);
		if (!document)
			code = err_set(err, ERR_MEMORY, "no memory to fetch an @context");
		else if (wake)
			code = context_fetch_start(store, document, wake, wake_self, err);
		else
			code = enqueue(store, document, err);
		if (code == ERR_OK && !wake)
			wait_settled(store, url);
		ready = !wake;
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (code == ERR_OK)
		*ret_ready = ready;
	return code;
}
