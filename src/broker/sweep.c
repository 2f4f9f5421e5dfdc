/* The sweep: what has expired (4.22) is hidden from every reader at once; here it is removed, with its history, in
 * small transactions between which other writes have their turn. A thread looks at every open tenant from time to time;
 * a look at one where nothing is due costs one step in an index. The same thread packs history (store/pack.h). */
#include "base/time_value.h"
#include "broker/registrations_int.h"
#include "store/expiry.h"
#include "store/pack.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SWEEP_ENTITIES_TXN_MAX 256u /* in one transaction … */
#define PACK_INTERVAL_S 10 /* how often it is looked whether history should be packed */
#define SWEEP_US_TXN_MAX 20000 /* … which takes no further one after so long */

struct sweeper {
	struct broker *broker;
	pthread_mutex_t lock; /* guards ending */
	pthread_cond_t wake;
	bool ending;
	atomic_bool stop; /* also between the transactions of one tenant */
	atomic_uint_fast64_t removed, failures;
	char complaint[ERROR_DETAIL_BYTES]; /* the last; the thread's own */
	bool started;
	pthread_t thread;
};

/* One transaction's work. */
struct sweep {
	struct store_write store_write; /* first: the queue's pointer is this struct's */
	struct broker *broker;
	struct store_txn *txn;
	int64_t now_us, until_us;
	uint32_t looked_at, swept;
	bool cut; /* the time was over before all were looked at */
	enum err_code code;
	struct error *err;
};

static int64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static enum err_code sweep_attributes(struct entity_change *change, struct json *entity)
{
	struct json *before = json_dup(store_txn_arena(change->txn), entity);
	struct merge_result expired;

	if (!before)
		return err_set(change->err, ERR_MEMORY, "no memory to remove what has expired");
	enum err_code code = entity_expire(change, entity, &expired);

	if (code != ERR_OK || !expired.changed)
		return code;
	return entity_put(change, before, entity, &expired);
}

static bool sweep_one(void *self, struct str id)
{
	struct sweep *sweep = self;
	struct entity_change change = {.txn = sweep->txn, .now_us = sweep->now_us, .err = sweep->err};
	struct json *entity = NULL;

	if (sweep->looked_at > 0 && monotonic_us() >= sweep->until_us) {
		sweep->cut = true;
		return false;
	}
	sweep->looked_at++;
	arena_clear(store_txn_arena(sweep->txn));
	enum err_code code = store_txn_get(sweep->txn, id, &entity, sweep->err);

	if (code == ERR_OK)
		code = item_is_expired(entity, sweep->now_us) ? entity_delete(&change, entity)
							      : sweep_attributes(&change, entity);
	if (code == ERR_OK)
		sweep->swept++;
	else if (change.storing || code != ERR_CORRUPT) /* a damaged document is passed over; machi check names it */
		sweep->code = code;
	return sweep->code == ERR_OK;
}

static enum err_code run_txn(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct sweep *sweep = (struct sweep *)write;

	sweep->txn = txn;
	sweep->now_us = broker_now_us(sweep->broker); /* what is removed now is filed behind what came meanwhile */
	sweep->until_us = monotonic_us() + SWEEP_US_TXN_MAX;
	sweep->looked_at = sweep->swept = 0;
	sweep->cut = false;
	sweep->code = ERR_OK;
	sweep->err = err;
	enum err_code code = store_txn_each_expired(txn, sweep->now_us, SWEEP_ENTITIES_TXN_MAX, sweep_one, sweep, err);

	return code == ERR_OK ? sweep->code : code;
}

static enum err_code next_expiry(struct store *store, int64_t *ret_us, struct error *err)
{
	struct store_reader *reader;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code != ERR_OK)
		return code;
	code = store_next_expiry(reader, ret_us, err);
	(void)store_reader_free(reader);
	return code;
}

enum err_code broker_sweep(struct broker *broker, struct store *store, uint64_t *ret_entities, struct error *err)
{
	struct sweep sweep = {.store_write = {.run = run_txn}, .broker = broker, .now_us = broker_now_us(broker)};
	bool more = true;
	uint64_t entities = 0;
	int64_t next_us;
	enum err_code code = next_expiry(store, &next_us, err);

	more = code == ERR_OK && next_us <= sweep.now_us;
	while (more && !atomic_load(&broker->sweeper->stop)) {
		code = store_apply(store, &sweep.store_write, err);
		if (code != ERR_OK)
			break;
		entities += sweep.swept;
		more = sweep.swept > 0 && (sweep.cut || sweep.looked_at == SWEEP_ENTITIES_TXN_MAX);
	}
	if (code == ERR_OK)
		*ret_entities = entities;
	return code;
}

/* ---- the thread ---- */

/* What fails now fails again at the next look: it is said once. */
static void complain(struct sweeper *sweeper, struct str tenant, const struct error *err)
{
	const struct broker_options *options = &sweeper->broker->options;

	if (!options->complain || strcmp(sweeper->complaint, err->detail) == 0)
		return;
	memcpy(sweeper->complaint, err->detail, sizeof(sweeper->complaint));
	options->complain(options->complain_self, tenant, err);
}

static void sweep_tenant(void *self, struct str name, struct store *store)
{
	struct sweeper *sweeper = self;
	uint64_t entities = 0;
	struct error err;

	/* What could not be removed now is hidden all the same, and tried again. */
	if (broker_sweep(sweeper->broker, store, &entities, &err) != ERR_OK) {
		atomic_fetch_add(&sweeper->failures, 1);
		complain(sweeper, name, &err);
	}
	atomic_fetch_add(&sweeper->removed, entities);
	struct registrations *registrations = registrations_of(sweeper->broker, name);

	/* A snapshot that has just been deleted is not found any more. */
	if (registrations && registrations_sweep(registrations, store, &err) != ERR_OK) {
		atomic_fetch_add(&sweeper->failures, 1);
		complain(sweeper, name, &err);
	}
}

static void pack_tenant(void *self, struct str name, struct store *store)
{
	struct sweeper *sweeper = self;
	const struct store_pack_options options = {.now_us = broker_now_us(sweeper->broker)};
	struct store_pack_result result;
	struct error err;
	enum err_code code = store_pack(store, &options, &result, &err);

	if (code == ERR_OK && result.damage.code != ERR_OK)
		complain(sweeper, name, &result.damage);
	/* Another process that packs is as good. */
	if (code == ERR_OK || code == ERR_CONFLICT)
		return;
	atomic_fetch_add(&sweeper->failures, 1);
	complain(sweeper, name, &err);
}

/* A second of the monotonic clock. */
static time_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void *sweeper_main(void *self)
{
	struct sweeper *sweeper = self;
	uint32_t interval_ms = sweeper->broker->options.sweep_interval_ms;
	struct timespec until;
	time_t pack_at_s = now_s() + PACK_INTERVAL_S;

	(void)pthread_mutex_lock(&sweeper->lock);
	while (!sweeper->ending) {
		(void)pthread_mutex_unlock(&sweeper->lock);
		broker_each_place(sweeper->broker, sweep_tenant, sweeper);
		if (now_s() >= pack_at_s) {
			broker_each_place(sweeper->broker, pack_tenant, sweeper);
			pack_at_s = now_s() + PACK_INTERVAL_S;
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += (long)(interval_ms % 1000) * 1000000;
		until.tv_sec += interval_ms / 1000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		(void)pthread_mutex_lock(&sweeper->lock);
		while (!sweeper->ending && pthread_cond_timedwait(&sweeper->wake, &sweeper->lock, &until) != ETIMEDOUT)
			;
	}
	(void)pthread_mutex_unlock(&sweeper->lock);
	return NULL;
}

enum err_code sweeper_new(struct broker *broker, struct sweeper **ret_sweeper, struct error *err)
{
	struct sweeper *sweeper = calloc(1, sizeof(*sweeper));
	pthread_condattr_t monotonic;

	if (!sweeper)
		return err_set(err, ERR_MEMORY, "no memory for the sweep");
	sweeper->broker = broker;
	(void)pthread_mutex_init(&sweeper->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&sweeper->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*ret_sweeper = sweeper;
	return ERR_OK;
}

enum err_code sweeper_start(struct sweeper *sweeper, struct error *err)
{
	const struct broker_options *options = &sweeper->broker->options;

	if (!options->sweep_interval_ms || options->read_only)
		return ERR_OK;
	int refused = pthread_create(&sweeper->thread, NULL, sweeper_main, sweeper);

	if (refused)
		return err_set(err, ERR_IO, "cannot start the sweep's thread: %s", strerrordesc_np(refused));
	(void)pthread_setname_np(sweeper->thread, "sweep");
	sweeper->started = true;
	return ERR_OK;
}

void broker_sweep_stats(const struct broker *broker, uint64_t *ret_entities, uint64_t *ret_failures)
{
	*ret_entities = atomic_load(&broker->sweeper->removed);
	*ret_failures = atomic_load(&broker->sweeper->failures);
}

struct sweeper *sweeper_free(struct sweeper *sweeper)
{
	if (!sweeper)
		return NULL;
	atomic_store(&sweeper->stop, true);
	(void)pthread_mutex_lock(&sweeper->lock);
	sweeper->ending = true;
	(void)pthread_cond_signal(&sweeper->wake);
	(void)pthread_mutex_unlock(&sweeper->lock);
	if (sweeper->started)
		(void)pthread_join(sweeper->thread, NULL);
	(void)pthread_cond_destroy(&sweeper->wake);
	(void)pthread_mutex_destroy(&sweeper->lock);
	free(sweeper);
	return NULL;
}
