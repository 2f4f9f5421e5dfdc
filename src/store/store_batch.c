/* Group commit: many writes, one transaction.
 *
 * The writer takes all writes that wait (up to STORE_COMMIT_WRITES_MAX), runs them in one transaction and commits once.
 * A savepoint around each write would make every one of them pay for the few that fail, so the first pass has none:
 *  - a write that fails before it changed anything is left out and the pass goes on;
 *  - a write that fails after it changed something ends the pass: all is rolled back and the others run a second time,
 *    now with a savepoint each, so that further failures cost one write only. A batch thus runs twice at most;
 *  - so does one for which the backend cannot store what it gathered for the end of the transaction.
 * When the transaction itself is lost (disk full, I/O error, failed commit) every write that had succeeded so far gets
 * that error; the next batch starts afresh. */
#include "store/store_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <time.h>

enum pass_outcome { PASS_COMMITTED, PASS_REPEAT, PASS_LOST };

static void entry_fail(struct batch_entry *entry, enum err_code code, const struct error *err)
{
	entry->code = code;
	entry->error = malloc(sizeof(*entry->error));
	if (!entry->error)
		return;
	*entry->error = *err;
	entry->error->code = code;
}

/* The transaction is lost: whoever had not failed for a reason of its own gets this one. */
static enum pass_outcome pass_lost(struct store *store, enum err_code code, const struct error *err)
{
	for (size_t i = 0; i < store->batch_count; i++)
		if (store->batch[i].code == ERR_OK)
			entry_fail(&store->batch[i], code, err);
	return PASS_LOST;
}

static enum err_code run_one(struct store *store, struct store_write *write, struct error *err)
{
	struct store_txn *txn = &store->txn;

	arena_clear(&txn->arena);
	txn->changed = false;
	txn->broken = ERR_OK;
	store->ops->write_start(store->backend);
	if (store->owner_calls)
		store->owner_calls->runs(store->owner);
	enum err_code code = write->run(write, txn, err);

	/* A change that failed half-way must not be committed, whatever run() made of it. */
	if (txn->broken) {
		*err = txn->broken_error;
		return txn->broken;
	}
	if (code == ERR_OK && txn->changed)
		code = store->ops->write_finish(store->backend, err);
	return code;
}

/* Runs one entry in the open transaction. PASS_COMMITTED stands for "go on" here. */
static enum pass_outcome run_entry(struct store *store, struct batch_entry *entry, bool savepoints)
{
	const struct store_backend_ops *ops = store->ops;
	struct error err = {0};
	enum err_code code = savepoints ? ops->savepoint(store->backend, &err) : ERR_OK;

	if (code)
		return pass_lost(store, code, &err);
	code = run_one(store, entry->write, &err);
	if (code) {
		entry_fail(entry, code, &err);
		if (!ops->alive(store->backend))
			return savepoints ? pass_lost(store, code, &err) : PASS_REPEAT;
		if (store->txn.changed && !savepoints)
			return PASS_REPEAT;
		if (store->txn.changed && ops->undo(store->backend, &err))
			return pass_lost(store, err.code, &err);
		if (store->owner_calls)
			store->owner_calls->undone(store->owner);
	}
	if (savepoints && ops->release(store->backend, &err))
		return pass_lost(store, err.code, &err);
	return PASS_COMMITTED;
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What is stored at the end for all may be one write's fault: with savepoints it is stored for each. */
static enum pass_outcome end_pass(struct store *store, bool savepoints)
{
	struct error err = {0};
	enum err_code code = store->ops->settle ? store->ops->settle(store->backend, &err) : ERR_OK;

	if (code) {
		store->ops->rollback(store->backend);
		return savepoints ? pass_lost(store, code, &err) : PASS_REPEAT;
	}
	int64_t start = now_ns();

	code = store->ops->commit(store->backend, &err);
	store->commit_ns = now_ns() - start;
	return code ? pass_lost(store, code, &err) : PASS_COMMITTED;
}

static enum pass_outcome run_pass(struct store *store, bool savepoints)
{
	struct error err = {0};
	enum err_code code = store->ops->begin(store->backend, &err);

	if (code)
		return pass_lost(store, code, &err);
	if (store->owner_calls)
		store->owner_calls->begins(store->owner);
	bool any = false;

	for (size_t i = 0; i < store->batch_count; i++) {
		if (store->batch[i].code)
			continue;
		enum pass_outcome outcome = run_entry(store, &store->batch[i], savepoints);

		if (outcome != PASS_COMMITTED) {
			store->ops->rollback(store->backend);
			return outcome;
		}
		any = any || store->batch[i].code == ERR_OK;
	}
	if (!any) {
		store->ops->rollback(store->backend);
		return PASS_COMMITTED;
	}
	return end_pass(store, savepoints);
}

static void count_batch(struct store *store, bool repeated, bool committed)
{
	uint64_t failed = 0;

	for (size_t i = 0; i < store->batch_count; i++)
		failed += store->batch[i].code != ERR_OK;
	(void)pthread_mutex_lock(&store->lock);
	store->stats.writes += store->batch_count;
	store->stats.write_errors += failed;
	store->stats.replays += repeated;
	store->stats.commits += committed;
	(void)pthread_mutex_unlock(&store->lock);
}

void store_run_batch(struct store *store)
{
	enum pass_outcome outcome = run_pass(store, false);
	bool repeated = outcome == PASS_REPEAT;

	if (repeated)
		outcome = run_pass(store, true);
	arena_clear(&store->txn.arena);
	count_batch(store, repeated, outcome == PASS_COMMITTED);
	if (outcome == PASS_COMMITTED && store->owner_calls)
		store->owner_calls->committed(store->owner);
	for (size_t i = 0; i < store->batch_count; i++) {
		struct batch_entry *entry = &store->batch[i];
		CLEANUP_MEMORY struct error *error = entry->error;
		struct error none = {0};

		if (entry->code && !error)
			(void)err_set(&none, entry->code, "no memory to say why");
		/* The write may be gone when this returns. */
		entry->write->done(entry->write, entry->code, error ? error : &none);
	}
}
