/* The write queue, the writer thread, and waiting for a write.
 *
 * Clients that wait for an answer before they write again fall into two groups on a slow disk: while one is committed
 * the other waits, and each commit holds half of them. So where a commit takes long, the writer waits a small part of
 * that time for those whom it has just answered, and they share the next one. */
#include "store/store_int.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMPANY_COMMIT_NS_MIN 1000000 /* commits that take less are not worth waiting */
#define COMPANY_SHARE 4 /* of the time that a commit takes … */
#define COMPANY_NS_MAX 4000000 /* … and at most so long */

/* Under the lock, after a batch: sleeps until as many wait as were in it more than wait now, or the time is over. One
 * who writes alone is not waited for. */
static void await_company(struct store *store)
{
	int64_t patience_ns = store->commit_ns / COMPANY_SHARE;
	uint64_t expected = store->depth + store->batch_count;
	struct timespec until;

	if (store->commit_ns < COMPANY_COMMIT_NS_MIN || store->batch_count < 2 || store->closing)
		return;
	if (patience_ns > COMPANY_NS_MAX)
		patience_ns = COMPANY_NS_MAX;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += patience_ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	store->wake_depth = expected < STORE_COMMIT_WRITES_MAX ? expected : STORE_COMMIT_WRITES_MAX;
	while (store->depth < store->wake_depth && !store->closing &&
	       pthread_cond_timedwait(&store->wake, &store->lock, &until) == 0)
		continue;
}

/* Waits for writes and moves them into the batch. False when the store closes and nothing waits. */
static bool take_batch(struct store *store)
{
	(void)pthread_mutex_lock(&store->lock);
	await_company(store);
	while (!store->head && !store->closing) {
		store->wake_depth = 1;
		(void)pthread_cond_wait(&store->wake, &store->lock);
	}
	store->wake_depth = 0;
	size_t count = 0;

	while (store->head && count < STORE_COMMIT_WRITES_MAX) {
		struct store_write *write = store->head;

		store->head = write->next;
		write->next = NULL;
		store->batch[count++] = (struct batch_entry){.write = write};
	}
	if (!store->head)
		store->tail = NULL;
	store->depth -= count;
	store->batch_count = count;
	(void)pthread_mutex_unlock(&store->lock);
	return count > 0;
}

static void *writer_main(void *self)
{
	struct store *store = self;

	while (take_batch(store)) {
		store_run_batch(store);
		store->ops->housekeeping(store->backend);
	}
	return NULL;
}

/* Signals belong to the program's main thread. */
static int start_thread(struct store *store)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int refused = pthread_create(&store->thread, NULL, writer_main, store);

	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!refused)
		(void)pthread_setname_np(store->thread, "store-writer");
	return refused;
}

static enum err_code start_writer(struct store *store, struct error *err)
{
	arena_init(&store->txn.arena, STORE_TXN_ARENA_BYTES_MAX);
	store->txn.store = store;
	store->txn.parser = json_parser_new();
	store->batch = calloc(STORE_COMMIT_WRITES_MAX, sizeof(*store->batch));
	if (!store->txn.parser || !store->batch)
		return err_set(err, ERR_MEMORY, "no memory for the store's writer");
	int refused = start_thread(store);

	if (refused)
		return err_set(err, ERR_IO, "cannot start the store's writer thread: %s", strerror(refused));
	store->has_writer = true;
	return ERR_OK;
}

/* Measured by a clock that nobody sets. */
static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

enum err_code store_new(const struct store_backend_ops *ops, struct store_backend *backend, bool read_only,
			struct store **ret_store, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		ops->close(backend);
		return err_set(err, ERR_MEMORY, "no memory for a store");
	}
	store->ops = ops;
	store->backend = backend;
	store->read_only = read_only;
	(void)pthread_mutex_init(&store->lock, NULL);
	init_wake(&store->wake);
	enum err_code code = read_only ? ERR_OK : start_writer(store, err);

	if (code) {
		(void)store_free(store);
		return code;
	}
	*ret_store = store;
	return ERR_OK;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	(void)pthread_mutex_lock(&store->lock);
	assert(store->readers == 0);
	store->closing = true;
	(void)pthread_cond_signal(&store->wake);
	(void)pthread_mutex_unlock(&store->lock);
	if (store->has_writer)
		(void)pthread_join(store->thread, NULL);
	store->ops->close(store->backend);
	arena_done(&store->txn.arena);
	(void)json_parser_free(store->txn.parser);
	free(store->batch);
	(void)pthread_cond_destroy(&store->wake);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}

enum err_code store_clone(struct store *store, const struct store_options *options, struct store **ret_store,
			  struct error *err)
{
	return store->ops->clone(store->backend, options, ret_store, err);
}

enum err_code store_submit(struct store *store, struct store_write *write, struct error *err)
{
	assert(write->run);
	assert(write->done);
	enum err_code code = ERR_OK;

	if (store->read_only)
		return err_set(err, ERR_DENIED, "the store is open for reading only");
	(void)pthread_mutex_lock(&store->lock);
	if (store->closing) {
		code = err_set(err, ERR_CONFLICT, "the store is closing");
	} else if (store->depth >= STORE_QUEUE_MAX) {
		code = err_set(err, ERR_LIMIT, "%d writes wait already", STORE_QUEUE_MAX);
	} else {
		write->next = NULL;
		if (store->tail)
			store->tail->next = write;
		else
			store->head = write;
		store->tail = write;
		store->depth++;
		if (store->wake_depth && store->depth >= store->wake_depth)
			(void)pthread_cond_signal(&store->wake);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}

bool store_is_closing(struct store *store)
{
	(void)pthread_mutex_lock(&store->lock);
	bool closing = store->closing;

	(void)pthread_mutex_unlock(&store->lock);
	return closing;
}

void store_set_owner(struct store *store, void *owner, const struct store_owner_calls *calls)
{
	store->owner = owner;
	store->owner_calls = calls;
}

void *store_owner(const struct store *store)
{
	return store->owner;
}

void *store_txn_owner(const struct store_txn *txn)
{
	return txn->store->owner;
}

void store_set_retention(struct store *store, const struct store_retention *retention)
{
	store->retention = retention;
}

enum err_code store_pack(struct store *store, const struct store_pack_options *options,
			 struct store_pack_result *ret_result, struct error *err)
{
	struct store_pack_result result = {0};
	enum err_code code = ERR_OK;

	if (store->read_only)
		return err_set(err, ERR_DENIED, "the store is open for reading only");
	if (store->ops->pack)
		code = store->ops->pack(store, store->backend, options, &result, err);
	(void)pthread_mutex_lock(&store->lock);
	store->stats.points_packed += result.points;
	store->stats.points_expired += result.expired_points;
	store->stats.buckets_expired += result.expired_buckets;
	if (code == ERR_OK)
		store->stats.damaged = result.damaged;
	(void)pthread_mutex_unlock(&store->lock);
	if (code == ERR_OK)
		*ret_result = result;
	return code;
}

enum err_code store_read_ended(struct store *store, enum err_code code)
{
	if (code != ERR_CORRUPT)
		return code;
	(void)pthread_mutex_lock(&store->lock);
	store->stats.damaged_reads++;
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}

enum err_code store_history_stats(struct store *store, struct store_history_stats *ret_stats, struct error *err)
{
	return store->ops->history_stats(store->backend, ret_stats, err);
}

/* A write that somebody waits for: stands in the queue for the caller's own. */
struct apply_wait {
	struct store_write stand_in; /* first: the queue's pointer is this struct's */
	struct store_write *write;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t settled;
	bool is_settled;
	enum err_code code;
	struct error error;
};

static enum err_code apply_run(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct store_write *inner = ((struct apply_wait *)write)->write;

	return inner->run(inner, txn, err);
}

static void apply_done(struct store_write *write, enum err_code code, const struct error *err)
{
	struct apply_wait *wait = (struct apply_wait *)write;

	(void)pthread_mutex_lock(&wait->lock);
	wait->code = code;
	if (code)
		wait->error = *err;
	wait->is_settled = true;
	(void)pthread_cond_signal(&wait->settled);
	(void)pthread_mutex_unlock(&wait->lock);
}

enum err_code store_apply(struct store *store, struct store_write *write, struct error *err)
{
	assert(!write->done);
	struct apply_wait wait = {.stand_in = {.run = apply_run, .done = apply_done}, .write = write};

	(void)pthread_mutex_init(&wait.lock, NULL);
	(void)pthread_cond_init(&wait.settled, NULL);
	enum err_code code = store_submit(store, &wait.stand_in, err);

	if (code == ERR_OK) {
		(void)pthread_mutex_lock(&wait.lock);
		while (!wait.is_settled)
			(void)pthread_cond_wait(&wait.settled, &wait.lock);
		(void)pthread_mutex_unlock(&wait.lock);
		code = wait.code;
		if (code && err)
			*err = wait.error;
	}
	(void)pthread_cond_destroy(&wait.settled);
	(void)pthread_mutex_destroy(&wait.lock);
	return code;
}

enum err_code store_stats(struct store *store, struct store_stats *ret_stats, struct error *err)
{
	struct store_stats stats;

	(void)pthread_mutex_lock(&store->lock);
	stats = store->stats;
	stats.queue_depth = store->depth;
	(void)pthread_mutex_unlock(&store->lock);
	enum err_code code = store->ops->stats(store->backend, &stats, err);

	if (code == ERR_OK)
		*ret_stats = stats;
	return code;
}
