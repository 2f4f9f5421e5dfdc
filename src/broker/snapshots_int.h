/* The inside of snapshots, shared by their files. */
#ifndef MACHI_BROKER_SNAPSHOTS_INT_H
#define MACHI_BROKER_SNAPSHOTS_INT_H

#include "broker/broker_int.h"
#include "broker/random_id.h"
#include "broker/snapshots.h"

#include <limits.h>

#define SNAPSHOT_RECORD_KIND "snapshot"
#define SNAPSHOT_FAREWELL_KIND "snapshot-farewell" /* of one deleted whose endpoint is yet to be told */
#define SNAPSHOT_ARENA_BYTES_MAX ((size_t)64 << 20) /* of a record, parsed */

/* One of a tenant. */
struct snapshot {
	atomic_uint references;
	char place_name[BROKER_PLACE_NAME_BYTES_MAX + 1];
	size_t tenant_bytes; /* of it: the tenant's name */
	struct str id; /* behind the struct */
	struct str key; /* the place of its id in the map: tenant, NUL, id; likewise */
	/* Guarded by snapshots->lock. */
	char *text; /* owned: its record, as it is durable */
	size_t text_bytes;
	enum snapshot_status status;
	int64_t expires_us, last_used_us;
	bool used; /* since the record was written */
	bool gone; /* deleted */
	struct tenant *place; /* the list's; NULL: there is none (yet) */
	struct subscribed *receiver; /* owned: of its endpoint; NULL: it has none */
	bool waits; /* among those to be made */
	struct snapshot *next; /* there, or among those that say farewell */
};

struct snapshots {
	struct broker *broker;
	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t wake;
	struct map by_key; /* a reference each */
	size_t count; /* with those that are being created */
	struct snapshot *first, *last; /* to be made, in their order; a reference each */
	struct snapshot *farewells; /* a reference each */
	bool ending, started;
	int64_t retry_ms; /* CLOCK_MONOTONIC: none is made before; the thread's */
	uint64_t made, failed;
	atomic_bool stop; /* whatever is under way comes to no end */
	pthread_t thread;
	struct broker_reader *reader; /* the thread's */
};

/* snapshots.c */
MUST_CHECK enum err_code snapshots_new(struct broker *broker, struct snapshots **ret, struct error *err);
MUST_CHECK enum err_code snapshots_start(struct snapshots *all, struct error *err);
struct snapshots *snapshots_free(struct snapshots *all); /* before the tenants close */
/* Those of a tenant that has just been opened, with tenants.opening held. */
MUST_CHECK enum err_code snapshots_load(struct snapshots *all, struct str tenant, struct error *err);
/* A new one, which nobody knows yet, with one reference. digits: of its place. */
MUST_CHECK enum err_code snapshot_new(struct str tenant, struct str id, struct str digits, struct snapshot **ret,
				      struct error *err);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
struct snapshot *snapshot_unref(struct snapshot *snapshot);
struct str snapshot_tenant(const struct snapshot *snapshot); /* STR_NONE: the default one */
struct str snapshot_digits(const struct snapshot *snapshot);
struct snapshot *snapshots_find(struct snapshots *all, struct str tenant, struct str id); /* a reference; NULL */
/* Under the lock: the record that it has by now. False: no memory. */
struct snapshot_record;
MUST_CHECK bool snapshot_take_text(struct snapshot *snapshot, struct str text, const struct snapshot_record *record);
bool snapshot_know(struct snapshot *snapshot, struct str text); /* the same, from the text alone */
void snapshots_queue(struct snapshots *all, struct snapshot *snapshot); /* to be made; under the lock */

/* snapshot_files.c: the database of a place; in memory nothing. Files that are not there are fine. */
/* path: its memory; ret->path points there. create: the folder is made too. */
MUST_CHECK enum err_code snapshot_options(const struct broker *broker, struct str place, bool create,
					  char path[static PATH_MAX], struct store_options *ret, struct error *err);
void snapshot_files_remove(const struct broker *broker, struct str place);
/* All that no snapshot of the tenant has as its place, by known(). */
void snapshot_files_sweep(const struct broker *broker, struct str tenant, bool (*known)(void *self, struct str place),
			  void *self);

/* snapshot_record.c */
struct snapshot_record {
	const struct json *document, *context_value; /* context_value NULL: the core */
	const struct json *queries; /* an array of what snapshot_query_put() made; NULL: it is a clone */
	struct str source; /* of a clone: of what */
	struct str digits; /* of its place's name */
	int64_t number; /* of its receiver, in the outbox */
	struct snapshot_state state;
};
void snapshot_record_write(struct buf *out, const struct snapshot_record *record);
MUST_CHECK enum err_code snapshot_record_read(const struct json *json, struct snapshot_record *ret, struct error *err);
/* From its text. */
MUST_CHECK enum err_code snapshot_record_parse(struct json_parser *parser, struct arena *arena, struct str text,
					       struct snapshot_record *ret, struct error *err);
void snapshot_query_put(struct buf *out, const struct snapshot_query *query);
MUST_CHECK enum err_code snapshot_query_read(struct arena *arena, const struct json *json, struct snapshot_query *ret,
					     struct error *err);
/* ExecutionResultDetails (5.2.42) of one query. */
void snapshot_details_put(struct buf *out, enum err_code code, const struct error *err, uint64_t found,
			  struct str warnings); /* about sources; empty: there are none */
enum snapshot_status snapshot_status_of(const struct json *details, const struct json *temporal_details);

/* snapshot_notice.c: its endpoint told (5.16.6). */
bool snapshot_has_endpoint(const struct snapshot_record *record);
/* NULL when it has none. ERR_INVALID: what is wrong with it. */
MUST_CHECK enum err_code snapshot_receiver(struct broker *broker, const struct snapshot_record *record,
					   struct json_parser *parser, struct subscribed **ret, struct error *err);
/* Owes what the record says by now; gone: it is deleted. Inside a write to the tenant's store. */
MUST_CHECK enum err_code snapshot_owe(struct tenant *tenant, struct store_txn *txn,
				      const struct snapshot_record *record, bool gone, int64_t now_us,
				      struct error *err);
/* What takes the place of the receiver before, if any; takes the reference over. Under no lock. */
void snapshot_set_receiver(struct snapshots *all, struct tenant *tenant, struct snapshot *snapshot,
			   struct subscribed *receiver);

/* snapshot_write.c */
/* The record as it is within the transaction. ERR_NOT_FOUND. */
MUST_CHECK enum err_code snapshot_record_get(struct store_txn *txn, struct str id, struct snapshot_record *ret,
					     struct error *err);
MUST_CHECK enum err_code snapshot_record_put(struct store_txn *txn, struct str id, const struct snapshot_record *record,
					     struct str *ret_text, struct error *err); /* in the txn's arena */
int64_t snapshot_life_us(const struct broker *broker, const struct json *document);

/* snapshot_finish.c: what came of making one; what its record is to say from time to time. They wait. */
struct snapshot_result {
	bool failed; /* there is nothing: details are of no matter */
	struct str details, temporal_details; /* JSON texts of arrays; STR_NONE: there is none */
	struct tenant *place; /* in the list already; NULL when failed */
};
/* ERR_NOT_FOUND: it was deleted meanwhile. */
MUST_CHECK enum err_code snapshot_finish(struct snapshots *all, struct snapshot *snapshot,
					 const struct snapshot_result *result, struct error *err);
void snapshots_note_uses(struct snapshots *all);
void snapshots_end_farewells(struct snapshots *all);

/* snapshot_work.c: the thread. */
void *snapshots_main(void *self);

/* snapshot_fill.c */
struct snapshot_sink {
	struct store *store;
	const struct broker *broker;
	bool (*is_over)(const void *self); /* it is of no use any more */
	const void *self;
	const atomic_bool *stop; /* the program ends */
	bool again; /* evolutions may be there already */
	struct arena arena;
	const struct json **entities; /* in the arena: those that wait */
	size_t count;
	struct store_reader *reader; /* owned: to look what is there */
	enum err_code code; /* not ERR_OK: it has failed */
};
void snapshot_sink_init(struct snapshot_sink *sink, struct broker *broker, struct store *store,
			bool (*is_over)(const void *self), const void *self);
/* Writes what waits. */
MUST_CHECK enum err_code snapshot_sink_flush(struct snapshot_sink *sink, struct error *err);
void snapshot_sink_done(struct snapshot_sink *sink);

#endif
