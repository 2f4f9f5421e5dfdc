/* The inside of the broker, shared by its files. */
#ifndef MACHI_BROKER_BROKER_INT_H
#define MACHI_BROKER_BROKER_INT_H

#include "base/map.h"
#include "broker/broker.h"
#include "broker/snapshots.h"

#include <pthread.h>
#include <stdatomic.h>

/* Levels of JSON in an entity as stored, which may be more than its sender wrote. What is stored must be readable with
 * the parser's default bound, also as the properties of a Feature within a collection. */
#define BROKER_ENTITY_DEPTH_MAX (JSON_DEPTH_MAX - 4)

#define BROKER_REGISTERED_SLOTS 256 /* by the hash of the tenant's name */

struct tenant { /* a place: a tenant, or a snapshot of one */
	char name[BROKER_PLACE_NAME_BYTES_MAX + 1]; /* "" is the default tenant */
	size_t tenant_bytes; /* of the name: the tenant's */
	char *snapshot; /* owned: its id; NULL: this is a tenant */
	atomic_uint uses; /* of a snapshot: who holds it, the list among them */
	atomic_bool gone; /* of a snapshot: it is not in the list any more */
	struct tenant *next_gone;
	struct store *store; /* owned; never changes */
	struct store_retention retention; /* the store's; rules owned */
	struct store_rule *rules;
	struct lines_names *lines_names; /* owned; made at the first lines, under the lock */
	struct subscriptions *subscriptions; /* owned */
	struct registrations *registrations; /* owned */
};

struct tenants {
	pthread_mutex_t lock; /* guards all else; held for a look only */
	pthread_mutex_t opening; /* held while a store is opened, taken before lock */
	struct tenant *list[BROKER_TENANTS_MAX + 1]; /* owned; the default one first */
	size_t count;
	struct tenant *snapshots[BROKER_SNAPSHOTS_MAX]; /* held each */
	size_t snapshot_count;
	struct tenant *gone; /* owned: snapshots that are not in the list any more, until nobody holds them */
	atomic_uint gone_count; /* ever */
	struct map by_name; /* of both lists */
};

struct context_cache;
struct purger;
struct sweeper;
struct entity_maps;
struct subscriptions;
struct registrations;
struct seal_keys;
struct snapshots;

struct broker {
	struct broker_options options;
	char *data_path; /* owned; options.data_path points here */
	struct context *core;
	struct tenants tenants;
	struct context_cache *contexts;
	struct purger *purger;
	struct sweeper *sweeper;
	struct entity_maps *maps;
	struct seal_keys *keys;
	struct snapshots *snapshots; /* NULL: they are not offered */
	bool contexts_loaded; /* before there are other threads */
	pthread_mutex_t owed_lock; /* guards the following two, also while owed() is called */
	void (*owed)(void *self); /* broker_on_owed() */
	void *owed_self;
	atomic_bool untold; /* broker_take_untold() */
	struct stale_copies *stale_copies; /* source_copies_int.h */
	/* streams.h: of all tenants. */
	atomic_uint_fast32_t streams, stream_selectors;
	atomic_size_t stream_bytes;
	atomic_uint_fast32_t
		registered[BROKER_REGISTERED_SLOTS]; /* registrations, so that no lock is needed to see none */
};

static inline size_t broker_registered_slot(struct str tenant)
{
	return str_hash(tenant, 0) % BROKER_REGISTERED_SLOTS;
}

/* tenants.c: the default tenant is opened by tenants_open(); tenants_close() is fine at any stage. */
void tenants_init(struct broker *broker);
MUST_CHECK enum err_code tenants_open(struct broker *broker, struct error *err);
void tenants_close(struct broker *broker);
/* NULL: it is not open. A tenant lives as long as the broker, a snapshot while the caller's caller holds it. */
struct tenant *tenant_find(struct broker *broker, struct str name);
/* Puts an opened store, which is taken over also on failure, into the list as a place of this name; snapshot: the id of
 * one, STR_NONE: a tenant. With tenants.opening held. */
MUST_CHECK enum err_code tenants_add(struct broker *broker, struct str name, struct str snapshot, struct store *store,
				     struct error *err);

/* places.c */
struct tenant *tenant_free(struct tenant *tenant);
void places_retire(struct broker *broker, struct tenant *place); /* takes a snapshot out of the list */
/* Closes the snapshots that are gone and that nobody holds; closed() is called with each name after that. */
void places_close_gone(struct broker *broker, void (*closed)(void *self, struct str name), void *self);

/* context_cache.c */
MUST_CHECK enum err_code context_cache_new(struct broker *broker, struct context_cache **ret_cache, struct error *err);
struct context_cache *context_cache_free(struct context_cache *cache);
/* Takes the stored ones from the default tenant's store, which is open by now. */
MUST_CHECK enum err_code context_cache_load(struct context_cache *cache, struct error *err);
struct context_store;
struct context_store *context_cache_store(struct context_cache *cache);

/* entity_map.c */
MUST_CHECK enum err_code entity_maps_new(struct entity_maps **ret_maps, struct error *err);
struct entity_maps *entity_maps_free(struct entity_maps *maps);

/* purge.c, sweep.c: both end before the tenants close. */
MUST_CHECK enum err_code purger_new(struct broker *broker, struct purger **ret_purger, struct error *err);
struct purger *purger_free(struct purger *purger);
MUST_CHECK enum err_code sweeper_new(struct broker *broker, struct sweeper **ret_sweeper, struct error *err);
MUST_CHECK enum err_code sweeper_start(struct sweeper *sweeper, struct error *err); /* when the options ask for it */
struct sweeper *sweeper_free(struct sweeper *sweeper);

/* item.c: one item in a transaction. What the item itself got wrong is in its outcome and ERR_OK is returned; an error
 * returned means that the transaction must be given up. */
MUST_CHECK enum err_code item_apply(struct store_txn *txn, struct broker_item *item, int64_t now_us,
				    struct arena *arena, struct error *err);
/* Has the entity an expiresAt that lies at or before now? */
bool item_is_expired(const struct json *entity, int64_t now_us);

/* entity.c: what every change of one entity comes down to, inside a transaction. */
struct entity_change {
	struct store_txn *txn;
	int64_t now_us;
	bool no_history;
	bool storing; /* the store has been asked to change something */
	struct error *err;
};

/* Is what is to be stored nested no deeper than BROKER_ENTITY_DEPTH_MAX? */
MUST_CHECK enum err_code entity_check_depth(const struct json *entity, struct error *err);
/* Stores entity (before NULL: it is new) with what changed. */
MUST_CHECK enum err_code entity_put(struct entity_change *change, const struct json *before, const struct json *entity,
				    const struct merge_result *result);
/* Deletes the entity whose document is before; all its attributes are deletions in the history. */
MUST_CHECK enum err_code entity_delete(struct entity_change *change, const struct json *before);
/* Has something of its attributes expired? */
bool entity_is_due(const struct entity_change *change, const struct json *entity);
/* Takes out of entity, in place, what has expired of its attributes; result says what that was. The entity itself must
 * not have expired. */
MUST_CHECK enum err_code entity_expire(struct entity_change *change, struct json *entity, struct merge_result *result);
/* Puts first's changes before those of result, which then has them too. */
void entity_changes_join(const struct merge_result *first, struct merge_result *result);

/* temporal_write.c: an item of a BROKER_TEMPORAL_… operation. */
MUST_CHECK enum err_code temporal_item_run(struct entity_change *change, struct broker_item *item);

/* read.c: the store of a tenant, as this reader has it open (kept until others make room: use it at once). */
MUST_CHECK enum err_code store_reader_of(struct broker_reader *reader, struct str tenant,
					 struct store_reader **ret_reader, struct error *err);
struct broker *reader_broker(const struct broker_reader *reader);
/* Holds no snapshot any more: of a thread that then waits for long. */
void reader_leave_snapshots(struct broker_reader *reader);

/* identity.c: a store that is open for writing gets an id if it has none. */
MUST_CHECK enum err_code identity_ensure(struct store *store, struct error *err);
/* Another one than it has: of a copy. */
MUST_CHECK enum err_code identity_renew(struct store *store, struct error *err);

#endif
