/* The inside of the broker, shared by its files. */
#ifndef MACHI_BROKER_BROKER_INT_H
#define MACHI_BROKER_BROKER_INT_H

#include "base/map.h"
#include "broker/broker.h"

#include <pthread.h>

/* Set in a store's named texts, within the transaction, when its first entity with an expiresAt is stored: only then
 * must a reader look for expired ones where documents need not be read. */
#define BROKER_META_EXPIRING "broker.expiring"

/* Levels of JSON in an entity as stored, which may be more than its sender wrote. What is stored must be readable with
 * the parser's default bound, also as the properties of a Feature within a collection. */
#define BROKER_ENTITY_DEPTH_MAX (JSON_DEPTH_MAX - 4)

struct tenant {
	char name[BROKER_TENANT_NAME_BYTES_MAX + 1]; /* "" is the default tenant */
	struct store *store; /* owned; never changes while the broker lives */
};

struct tenants {
	pthread_mutex_t lock; /* guards list, count and by_name; held for a look only */
	pthread_mutex_t opening; /* held while a store is opened, taken before lock */
	struct tenant *list[BROKER_TENANTS_MAX + 1]; /* owned; the default one first */
	size_t count;
	struct map by_name;
};

struct context_cache;

struct broker {
	struct broker_options options;
	char *data_path; /* owned; options.data_path points here */
	struct context *core;
	struct tenants tenants;
	struct context_cache *contexts;
};

/* tenants.c: the default tenant is opened by tenants_open(); tenants_close() is fine at any stage. */
void tenants_init(struct broker *broker);
MUST_CHECK enum err_code tenants_open(struct broker *broker, struct error *err);
void tenants_close(struct broker *broker);

/* context_cache.c */
MUST_CHECK enum err_code context_cache_new(struct broker *broker, struct context_cache **ret_cache, struct error *err);
struct context_cache *context_cache_free(struct context_cache *cache);

/* item.c: one item in a transaction. What the item itself got wrong is in its outcome and ERR_OK is returned; an error
 * returned means that the transaction must be given up. */
MUST_CHECK enum err_code item_apply(struct broker *broker, struct store_txn *txn, struct broker_item *item,
				    struct arena *arena, struct error *err);
/* Has the entity an expiresAt that lies at or before now? */
bool item_is_expired(const struct json *entity, int64_t now_us);

#endif
