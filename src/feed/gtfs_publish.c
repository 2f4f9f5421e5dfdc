/* The publisher of GTFS: who waits, what is kept, and the two threads that make it. */
#include "feed/gtfs_publish_int.h"

#include "feed/feed_int.h"

#include <stdlib.h>
#include <string.h>

struct worker {
	struct gtfs_publisher *publisher;
	pthread_t thread;
	bool running;
	pthread_cond_t asked;
	struct gtfs_ask *first, *last;
	size_t count;
};

enum { MESSAGES, ZIPS, WORKERS };

struct gtfs_publisher {
	struct broker *broker;
	pthread_mutex_t lock; /* guards what follows */
	struct worker workers[WORKERS];
	struct kept *kept[GTFS_PUBLICATIONS_MAX];
	size_t count;
	uint64_t uses;
	_Atomic bool stopping; /* set under the lock; what is being made looks at it without */
};

struct gtfs_publication *gtfs_publication_unref(struct gtfs_publication *publication)
{
	struct kept *kept = (struct kept *)(void *)publication;

	if (kept && atomic_fetch_sub(&kept->holders, 1) == 1) {
		free((void *)(uintptr_t)kept->publication.bytes.at);
		free(kept);
	}
	return NULL;
}

static struct kept *ref(struct kept *kept)
{
	(void)atomic_fetch_add(&kept->holders, 1);
	return kept;
}

/* ---- what is kept ---- */

static bool fits(const struct kept *kept, const struct store *store, const struct gtfs_ask *ask)
{
	return kept->store == store && kept->document == ask->document && kept->planned_too == ask->planned_too &&
	       str_eq(str_from(kept->timetable), ask->timetable);
}

/* A reference; NULL: there is none. */
static struct kept *find(struct gtfs_publisher *publisher, const struct store *store, const struct gtfs_ask *ask)
{
	struct kept *found = NULL;

	(void)pthread_mutex_lock(&publisher->lock);
	for (size_t i = 0; i < publisher->count && !found; i++)
		if (fits(publisher->kept[i], store, ask))
			found = ref(publisher->kept[i]);
	if (found)
		found->used = ++publisher->uses;
	(void)pthread_mutex_unlock(&publisher->lock);
	return found;
}

/* Under the lock. */
static void drop(struct gtfs_publisher *publisher, size_t at)
{
	(void)gtfs_publication_unref(&publisher->kept[at]->publication);
	publisher->kept[at] = publisher->kept[--publisher->count];
}

static size_t bytes_kept(const struct gtfs_publisher *publisher, size_t *ret_oldest)
{
	size_t bytes = 0;

	*ret_oldest = 0;
	for (size_t i = 0; i < publisher->count; i++) {
		bytes += publisher->kept[i]->publication.bytes.len;
		if (publisher->kept[i]->used < publisher->kept[*ret_oldest]->used)
			*ret_oldest = i;
	}
	return bytes;
}

/* In place of what was made of the same before. */
static void add(struct gtfs_publisher *publisher, struct kept *kept, const struct gtfs_ask *ask)
{
	size_t oldest;

	(void)pthread_mutex_lock(&publisher->lock);
	for (size_t i = publisher->count; i-- > 0;)
		if (fits(publisher->kept[i], kept->store, ask))
			drop(publisher, i);
	while (publisher->count &&
	       (bytes_kept(publisher, &oldest) + kept->publication.bytes.len > GTFS_PUBLICATION_BYTES_MAX ||
		publisher->count == GTFS_PUBLICATIONS_MAX))
		drop(publisher, oldest);
	kept->used = ++publisher->uses;
	publisher->kept[publisher->count++] = ref(kept);
	(void)pthread_mutex_unlock(&publisher->lock);
}

/* ---- making ---- */

static bool goes_on(void *self)
{
	struct gtfs_publisher *publisher = self;

	return !atomic_load(&publisher->stopping);
}

static enum err_code answer(struct gtfs_publisher *publisher, struct gtfs_ask *ask, struct error *err)
{
	const struct gtfs_watch watch = {goes_on, publisher};
	struct store *store = NULL;
	struct kept *made = NULL;
	bool fresh = false;
	enum err_code code = broker_tenant(publisher->broker, ask->tenant, false, &store, err);

	if (code)
		return code;
	struct kept *before = find(publisher, store, ask);

	if (before)
		code = gtfs_publication_is_fresh(store, before, &fresh, err);
	if (!code && fresh) {
		ask->publication = &before->publication;
		return ERR_OK;
	}
	if (!code)
		code = gtfs_publication_make(publisher->broker, store, ask, &watch, before, &made, err);
	if (before)
		(void)gtfs_publication_unref(&before->publication);
	if (code)
		return code;
	add(publisher, made, ask);
	ask->publication = &made->publication;
	return ERR_OK;
}

/* ---- the threads ---- */

/* NULL: the publisher stops. */
static struct gtfs_ask *next_ask(struct worker *worker)
{
	struct gtfs_publisher *publisher = worker->publisher;
	struct gtfs_ask *ask = NULL;

	(void)pthread_mutex_lock(&publisher->lock);
	while (!publisher->stopping && !worker->first)
		(void)pthread_cond_wait(&worker->asked, &publisher->lock);
	if (!publisher->stopping) {
		ask = worker->first;
		worker->first = ask->next;
		worker->count--;
	}
	(void)pthread_mutex_unlock(&publisher->lock);
	return ask;
}

static void *work(void *self)
{
	struct worker *worker = self;
	struct gtfs_ask *ask;

	while ((ask = next_ask(worker))) {
		struct error err;
		enum err_code code = answer(worker->publisher, ask, &err);

		ask->done(ask, code, &err);
	}
	return NULL;
}

/* Under the lock. */
static enum err_code start(struct worker *worker, struct error *err)
{
	int failed = worker->running ? 0 : feed_thread_start(&worker->thread, work, worker);

	if (failed)
		return err_set(err, ERR_IO, "cannot start a thread to publish GTFS: %s", strerror(failed));
	worker->running = true;
	return ERR_OK;
}

static enum err_code queue(struct worker *worker, struct gtfs_ask *ask, struct error *err)
{
	if (worker->publisher->stopping)
		return err_set(err, ERR_CONFLICT, "the server is being stopped");
	if (worker->count == GTFS_ASKS_MAX)
		return err_set(err, ERR_LIMIT, "%u requests wait for GTFS feeds already", GTFS_ASKS_MAX);
	enum err_code code = start(worker, err);

	if (code)
		return code;
	ask->next = NULL;
	if (worker->first)
		worker->last->next = ask;
	else
		worker->first = ask;
	worker->last = ask;
	worker->count++;
	(void)pthread_cond_signal(&worker->asked);
	return ERR_OK;
}

enum err_code gtfs_publisher_ask(struct gtfs_publisher *publisher, struct gtfs_ask *ask, struct error *err)
{
	enum err_code code = gtfs_check_feed_name(ask->timetable, err);

	if (code)
		return code;
	ask->publication = NULL;
	(void)pthread_mutex_lock(&publisher->lock);
	code = queue(&publisher->workers[ask->document == GTFS_DOCUMENT_ZIP ? ZIPS : MESSAGES], ask, err);
	(void)pthread_mutex_unlock(&publisher->lock);
	return code;
}

/* ---- making and stopping ---- */

enum err_code gtfs_publisher_new(struct broker *broker, struct gtfs_publisher **ret_publisher, struct error *err)
{
	struct gtfs_publisher *publisher = calloc(1, sizeof(*publisher));

	if (!publisher)
		return err_set(err, ERR_MEMORY, "no memory to publish GTFS");
	publisher->broker = broker;
	(void)pthread_mutex_init(&publisher->lock, NULL);
	for (size_t i = 0; i < WORKERS; i++) {
		publisher->workers[i].publisher = publisher;
		(void)pthread_cond_init(&publisher->workers[i].asked, NULL);
	}
	*ret_publisher = publisher;
	return ERR_OK;
}

static void stop_worker(struct worker *worker)
{
	struct gtfs_ask *ask = NULL, *next;
	struct error err;

	(void)pthread_cond_broadcast(&worker->asked);
	if (worker->running)
		(void)pthread_join(worker->thread, NULL);
	worker->running = false;
	ask = worker->first;
	worker->first = NULL;
	for (; ask; ask = next) {
		next = ask->next;
		ask->done(ask, err_set(&err, ERR_CONFLICT, "the server is being stopped"), &err);
	}
}

void gtfs_publisher_stop(struct gtfs_publisher *publisher)
{
	(void)pthread_mutex_lock(&publisher->lock);
	publisher->stopping = true;
	(void)pthread_mutex_unlock(&publisher->lock);
	for (size_t i = 0; i < WORKERS; i++)
		stop_worker(&publisher->workers[i]);
}

struct gtfs_publisher *gtfs_publisher_free(struct gtfs_publisher *publisher)
{
	if (!publisher)
		return NULL;
	gtfs_publisher_stop(publisher);
	while (publisher->count)
		drop(publisher, publisher->count - 1);
	for (size_t i = 0; i < WORKERS; i++)
		(void)pthread_cond_destroy(&publisher->workers[i].asked);
	(void)pthread_mutex_destroy(&publisher->lock);
	free(publisher);
	return NULL;
}
