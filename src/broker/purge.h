/* Purge Entities: every entity that a query matches is deleted, or loses some of its attributes.
 *
 * The matches are listed first, in one reading; then they go in small transactions, between which other writes have
 * their turn, so a purge of a whole city blocks nobody for long. Each entity is looked at again inside its transaction:
 * one that no longer matches is left alone. A purge is therefore not atomic; its entries say what became of each.
 * Source: GS CIM 009 V1.9.1 clause 5.6.21. */
#ifndef MACHI_BROKER_PURGE_H
#define MACHI_BROKER_PURGE_H

#include "broker/broker.h"

#define PURGES_MAX 64 /* that wait; one more is ERR_LIMIT */
#define PURGE_LIST_BYTES_MAX ((size_t)256 << 20) /* of ids; more matches are ERR_TOO_COMPLEX and nothing is purged */
#define PURGE_ENTITIES_TXN_MAX 256 /* in one transaction … */
#define PURGE_US_TXN_MAX 20000 /* … which takes no further one after so long */

enum broker_purge_state {
	PURGE_WAITS, /* its turn did not come */
	PURGE_DONE, /* purged, durably; also when it had nothing that was to go */
	PURGE_LEFT, /* it was gone, or matched no more */
	PURGE_FAILED
};

struct broker_purge_entry {
	struct str id; /* in the purge's arena */
	enum broker_purge_state state;
	const struct error *error; /* PURGE_FAILED: why, in the purge's arena; NULL when memory was refused */
};

struct broker_purge {
	struct str tenant;
	const struct query *query; /* used by another thread until done() */
	struct entity_map *map; /* only entities in it (entity_map.h), whose reference the caller keeps; NULL: all */
	const struct merge_reduction *reduction; /* which attributes go; NULL: the entities go */
	/* The purging thread. ERR_OK: look at the entries. Else nothing was purged (ERR_TENANT, ERR_TOO_COMPLEX, …). */
	void (*done)(struct broker_purge *purge, enum err_code code, const struct error *err);
	void *self; /* the caller's */

	struct broker_purge_entry *entries; /* what matched, in the order of creation */
	size_t count;
	size_t failed;
	size_t room; /* the broker's, as the rest */
	struct arena arena;
	struct broker_purge *next;
};

/* Queues a purge that the caller has filled down to self, the rest zero; it and all it points to stay until done(),
 * which is called exactly once when ERR_OK is returned. Purges run one after the other. ERR_LIMIT, ERR_CONFLICT when
 * the broker ends, ERR_MEMORY, ERR_IO (no thread). Any thread. */
MUST_CHECK enum err_code broker_purge_submit(struct broker *broker, struct broker_purge *purge, struct error *err);
/* The same, waiting, on the caller's thread with its reader; done is ignored. */
MUST_CHECK enum err_code broker_purge_apply(struct broker *broker, struct broker_reader *reader,
					    struct broker_purge *purge, struct error *err);
/* Frees the entries. */
void broker_purge_clear(struct broker_purge *purge);
/* Purges end with the transaction that runs: what was not purged yet fails with ERR_CONFLICT. For a server that drains;
 * there is no way back. Any thread. */
void broker_purge_stop(struct broker *broker);

#endif
