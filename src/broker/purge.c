/* Purging: the list of matches, then one small transaction after the other. A thread of its own, started by the first
 * purge, does it for requests, so that no event loop waits. */
#include "broker/purge.h"

#include "base/time_value.h"
#include "broker/broker_int.h"
#include "ngsild/expiry.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct purger {
	struct broker *broker;
	pthread_mutex_t lock; /* guards the fields down to depth */
	pthread_cond_t wake;
	struct broker_purge *head, *tail;
	unsigned int depth;
	bool started, ending;
	atomic_bool stop;
	pthread_t thread;
	struct broker_reader *reader; /* the thread's */
};

/* One purge under way. */
struct work {
	struct broker *broker;
	struct broker_purge *purge;
	struct store *store;
	size_t from, to; /* entries of the transaction that runs */
	enum err_code code;
	struct error *err;
};

static int64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* ---- the list ---- */

static bool list_grow(struct broker_purge *purge)
{
	size_t room = purge->room ? purge->room * 2 : 256;
	struct broker_purge_entry *grown = realloc(purge->entries, room * sizeof(*grown));

	if (!grown)
		return false;
	purge->entries = grown;
	purge->room = room;
	return true;
}

static bool list_match(void *self, const struct json *entity)
{
	struct work *work = self;
	struct broker_purge *purge = work->purge;
	struct str id = document_id(entity);

	if (purge->arena.bytes + purge->room * sizeof(*purge->entries) > PURGE_LIST_BYTES_MAX) {
		work->code =
			err_set(work->err, ERR_TOO_COMPLEX,
				"more than %zu entities match, too many for one purge; narrow the query", purge->count);
		return false;
	}
	if (purge->count < purge->room || list_grow(purge))
		id = arena_dup(&purge->arena, id);
	else
		id = STR_NONE;
	if (!id.at) {
		work->code = err_set(work->err, ERR_MEMORY, "no memory to list what is purged");
		return false;
	}
	purge->entries[purge->count++] = (struct broker_purge_entry){.id = id};
	return true;
}

static enum err_code list_matches(struct work *work, struct broker_reader *reader)
{
	const struct broker_page everything = {.limit = UINT64_MAX, .map = work->purge->map, .map_keeps = true};
	struct broker_page_result result;
	enum err_code code = broker_query(reader, work->purge->tenant, work->purge->query, &everything, list_match,
					  work, &result, work->err);

	return code == ERR_OK ? work->code : code;
}

/* ---- one transaction ---- */

static void entry_fail(struct broker_purge *purge, struct broker_purge_entry *entry, enum err_code code,
		       const struct error *err)
{
	struct error *kept = arena_new(&purge->arena, struct error);

	entry->state = PURGE_FAILED;
	if (kept) {
		*kept = *err;
		kept->code = code;
	}
	entry->error = kept;
}

/* Is it still there, and does what can be seen of it still match? */
static enum err_code still_matches(const struct work *work, struct entity_change *change, const struct json *entity,
				   bool *ret_matches)
{
	int64_t expires_us;

	*ret_matches = false;
	if (item_is_expired(entity, change->now_us))
		return ERR_OK;
	if (expiry_earliest(entity, &expires_us) && expires_us <= change->now_us) {
		struct json *seen = json_dup(store_txn_arena(change->txn), entity);

		if (!seen)
			return err_set(change->err, ERR_MEMORY, "no memory to look at an entity");
		(void)expiry_hide(seen, change->now_us);
		entity = seen;
	}
	*ret_matches = query_matches(work->purge->query, entity);
	return ERR_OK;
}

static enum err_code reduce(struct entity_change *change, const struct merge_reduction *reduction, struct json *entity)
{
	struct arena *scratch = store_txn_arena(change->txn);
	struct json *before = json_dup(scratch, entity);
	struct merge_result expired, result = {0};

	if (!before)
		return err_set(change->err, ERR_MEMORY, "no memory to change the entity");
	enum err_code code = entity_expire(change, entity, &expired);

	if (code == ERR_OK)
		code = merge_reduce(scratch, entity, reduction, change->now_us, &result, change->err);
	if (code != ERR_OK || !result.changed)
		return code;
	entity_changes_join(&expired, &result);
	return entity_put(change, before, entity, &result);
}

/* An error returned is the transaction's; what lies in the entity is its entry's. */
static enum err_code purge_one(struct work *work, struct store_txn *txn, struct broker_purge_entry *entry,
			       struct error *err)
{
	struct entity_change change = {.txn = txn, .now_us = broker_now_us(work->broker), .err = err};
	struct json *entity = NULL;
	bool matches = false;

	*entry = (struct broker_purge_entry){.id = entry->id, .state = PURGE_LEFT};
	arena_clear(store_txn_arena(txn));
	enum err_code code = store_txn_get(txn, entry->id, &entity, err);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code == ERR_OK)
		code = still_matches(work, &change, entity, &matches);
	if (code == ERR_OK && !matches)
		return ERR_OK;
	if (code == ERR_OK)
		code = work->purge->reduction ? reduce(&change, work->purge->reduction, entity)
					      : entity_delete(&change, entity);
	if (code == ERR_OK)
		entry->state = PURGE_DONE;
	else if (!change.storing && (code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT))
		entry_fail(work->purge, entry, code, err);
	else
		return code;
	return ERR_OK;
}

struct purge_write {
	struct store_write store_write; /* first: the queue's pointer is this struct's */
	struct work *work;
};

static enum err_code run_txn(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct work *work = ((struct purge_write *)write)->work;
	int64_t until_us = monotonic_us() + PURGE_US_TXN_MAX;

	for (work->to = work->from; work->to < work->purge->count; work->to++) {
		size_t done = work->to - work->from;

		if (done == PURGE_ENTITIES_TXN_MAX || (done > 0 && monotonic_us() >= until_us))
			break;
		enum err_code code = purge_one(work, txn, &work->purge->entries[work->to], err);

		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

/* ---- all of it ---- */

/* The entries from work->from on will not be purged. */
static void fail_rest(struct work *work, enum err_code code, const struct error *err)
{
	struct error *kept = arena_new(&work->purge->arena, struct error);

	if (kept) {
		*kept = *err;
		kept->code = code;
	}
	for (; work->from < work->purge->count; work->from++)
		work->purge->entries[work->from] = (struct broker_purge_entry){
			.id = work->purge->entries[work->from].id, .state = PURGE_FAILED, .error = kept};
}

static void purge_listed(struct work *work)
{
	struct purge_write write = {.store_write = {.run = run_txn}, .work = work};
	struct error err = {0};
	enum err_code code = ERR_OK;

	while (work->from < work->purge->count && code == ERR_OK) {
		if (atomic_load(&work->broker->purger->stop))
			code = err_set(&err, ERR_CONFLICT, "the server ends; this entity was not purged");
		else
			code = store_apply(work->store, &write.store_write, &err);
		if (code == ERR_OK)
			work->from = work->to;
	}
	if (code != ERR_OK)
		fail_rest(work, code, &err);
	for (size_t i = 0; i < work->purge->count; i++)
		work->purge->failed += work->purge->entries[i].state == PURGE_FAILED;
}

enum err_code broker_purge_apply(struct broker *broker, struct broker_reader *reader, struct broker_purge *purge,
				 struct error *err)
{
	struct work work = {.broker = broker, .purge = purge, .err = err};

	arena_init(&purge->arena, 2 * PURGE_LIST_BYTES_MAX);
	enum err_code code = broker_tenant(broker, purge->tenant, false, &work.store, err);

	if (code == ERR_OK)
		code = list_matches(&work, reader);
	if (code == ERR_OK)
		purge_listed(&work);
	else
		broker_purge_clear(purge);
	return code;
}

void broker_purge_clear(struct broker_purge *purge)
{
	free(purge->entries);
	purge->entries = NULL;
	purge->count = purge->room = purge->failed = 0;
	arena_done(&purge->arena);
}

/* ---- the thread ---- */

/* NULL when the broker ends and nothing waits. */
static struct broker_purge *next_purge(struct purger *purger)
{
	(void)pthread_mutex_lock(&purger->lock);
	while (!purger->head && !purger->ending)
		(void)pthread_cond_wait(&purger->wake, &purger->lock);
	struct broker_purge *purge = purger->head;

	if (purge) {
		purger->head = purge->next;
		purger->depth--;
	}
	if (!purger->head)
		purger->tail = NULL;
	(void)pthread_mutex_unlock(&purger->lock);
	return purge;
}

static void *purger_main(void *self)
{
	struct purger *purger = self;
	struct broker_purge *purge;

	while ((purge = next_purge(purger))) {
		struct error err = {0};
		enum err_code code = broker_purge_apply(purger->broker, purger->reader, purge, &err);

		reader_leave_snapshots(purger->reader);
		purge->done(purge, code, &err); /* the purge may be gone when this returns */
	}
	return NULL;
}

/* With the lock held. */
static enum err_code start(struct purger *purger, struct error *err)
{
	enum err_code code = purger->reader ? ERR_OK : broker_reader_new(purger->broker, &purger->reader, err);

	if (code != ERR_OK || purger->started)
		return code;
	int refused = pthread_create(&purger->thread, NULL, purger_main, purger);

	if (refused)
		return err_set(err, ERR_IO, "cannot start a thread for purging: %s", strerrordesc_np(refused));
	(void)pthread_setname_np(purger->thread, "purge");
	purger->started = true;
	return ERR_OK;
}

enum err_code broker_purge_submit(struct broker *broker, struct broker_purge *purge, struct error *err)
{
	struct purger *purger = broker->purger;
	enum err_code code = ERR_OK;

	assert(purge->done);
	(void)pthread_mutex_lock(&purger->lock);
	if (purger->ending)
		code = err_set(err, ERR_CONFLICT, "the server ends");
	else if (purger->depth >= PURGES_MAX)
		code = err_set(err, ERR_LIMIT, "%d purges wait already", PURGES_MAX);
	else
		code = start(purger, err);
	if (code == ERR_OK) {
		purge->next = NULL;
		if (purger->tail)
			purger->tail->next = purge;
		else
			purger->head = purge;
		purger->tail = purge;
		purger->depth++;
		(void)pthread_cond_signal(&purger->wake);
	}
	(void)pthread_mutex_unlock(&purger->lock);
	return code;
}

void broker_purge_stop(struct broker *broker)
{
	atomic_store(&broker->purger->stop, true);
}

enum err_code purger_new(struct broker *broker, struct purger **ret_purger, struct error *err)
{
	struct purger *purger = calloc(1, sizeof(*purger));

	if (!purger)
		return err_set(err, ERR_MEMORY, "no memory for purging");
	purger->broker = broker;
	(void)pthread_mutex_init(&purger->lock, NULL);
	(void)pthread_cond_init(&purger->wake, NULL);
	*ret_purger = purger;
	return ERR_OK;
}

struct purger *purger_free(struct purger *purger)
{
	if (!purger)
		return NULL;
	atomic_store(&purger->stop, true);
	(void)pthread_mutex_lock(&purger->lock);
	purger->ending = true;
	(void)pthread_cond_signal(&purger->wake);
	(void)pthread_mutex_unlock(&purger->lock);
	if (purger->started)
		(void)pthread_join(purger->thread, NULL);
	(void)broker_reader_free(purger->reader);
	(void)pthread_cond_destroy(&purger->wake);
	(void)pthread_mutex_destroy(&purger->lock);
	free(purger);
	return NULL;
}
