/* The broker: use cases on entities, for HTTP, imports and feeds alike.
 *
 * It owns the tenants (one store each), the cache of @contexts and the clock. Writing: fill a broker_write, submit it,
 * be called back on the writer's thread when it is durable. Reading: through a broker_reader, one per thread.
 * Source of the operations: GS CIM 009 V1.9.1 clauses 5.6, 5.7, 4.14. Thread: the broker from any; see below. */
#ifndef MACHI_BROKER_BROKER_H
#define MACHI_BROKER_BROKER_H

#include "ngsild/context.h"
#include "ngsild/order.h"
#include "ngsild/represent.h"
#include "store/retention.h"
#include "store/store.h"

#define BROKER_TENANTS_MAX 256
#define BROKER_TENANT_NAME_BYTES_MAX 64 /* letters, digits, "_" and "-" */
#define BROKER_PLACE_NAME_BYTES_MAX (BROKER_TENANT_NAME_BYTES_MAX + 33) /* a tenant's, "@" and 32 digits */
#define BROKER_BATCH_ENTITIES_MAX 10000

struct broker;
struct tenant;
struct context_request;
struct context_answer;
struct snapshot_asking;

struct broker_rule {
	struct str tenant; /* "*": every one; "": the default one */
	struct store_rule rule;
};

/* The rules that are meant for a tenant, those that name it before those for all, into ret, which has room for `count`;
 * what their texts are stays the rules'. Returns how many. Any thread. */
size_t broker_rules_for(const struct broker_rule *rules, size_t count, struct str tenant, struct store_rule *ret);

struct broker_options {
	/* Folder: machi.db for the default tenant, tenants/NAME.db for the others, secret.key for what is sealed in
	 * them (seal/seal.h). NULL: everything in memory. */
	const char *data_path;
	bool create; /* the folder and the default tenant's database may be created */
	bool read_only;
	uint32_t cache_bytes_max; /* struct store_options */
	int64_t (*clock_us)(void); /* NULL: CLOCK_REALTIME */
	/* Fetches a remote @context (context_store.h; blocking, on several threads of the broker's own). *answer comes
	 * zeroed but for fresh_s, -1. NULL: remote contexts are refused. */
	enum err_code (*fetch)(void *self, const struct context_request *request, struct context_answer *answer,
			       struct buf *body, struct error *err);
	void *fetch_self;
	/* How old a copy may become whose source does not say; served stale when it cannot be had; 0: 86,400. */
	uint32_t context_keep_s;
	uint32_t sweep_interval_ms; /* how often a thread removes what has expired; 0: no such thread */
	const struct broker_rule *rules; /* of retention; borrowed, for as long as the broker lives */
	size_t rule_count; /* at most STORE_RULES_MAX */
	/* Tells of what the broker could not do by itself: its thread, once for each cause, or when a tenant opens. err
	 * is borrowed. NULL: nobody. */
	void (*complain)(void *self, struct str tenant, const struct error *err);
	void *complain_self;
	uint32_t query_ms_max; /* a query that takes longer is ERR_TOO_COMPLEX; 0: however long it takes */
	/* Snapshots (snapshots.h) are offered: those that are there are opened, those half made are made anew. */
	bool snapshots;
	uint32_t snapshots_max; /* of all tenants; 0: BROKER_SNAPSHOTS_MAX, which is also the most */
	uint32_t snapshot_life_s_max; /* 0: BROKER_SNAPSHOT_LIFE_S_MAX */
	/* Runs a snapshot's query where other context sources have a part in it (snapshots.h); blocks; the snapshots'
	 * thread. NULL: snapshots hold what this broker has. */
	enum err_code (*ask)(void *self, const struct snapshot_asking *asking, struct error *err);
	void *ask_self;
};

MUST_CHECK enum err_code broker_new(const struct broker_options *options, struct broker **ret_broker,
				    struct error *err);
/* Drains and closes every tenant. Every reader must be freed before. */
struct broker *broker_free(struct broker *broker);
int64_t broker_now_us(const struct broker *broker);

/* A name for what says who somebody is, by the broker's keys (seal_pseudonym()); hexadecimal digits and a NUL. Another
 * one for each purpose and tenant, so that these cannot be joined. Any thread. */
#define BROKER_PSEUDONYM_DIGITS 32
MUST_CHECK enum err_code broker_pseudonym(struct broker *broker, struct str tenant, struct str purpose, struct str text,
					  char ret_digits[static BROKER_PSEUDONYM_DIGITS + 1], struct error *err);

/* ---- contexts (any thread) ---- */

struct context *broker_core_context(struct broker *broker); /* borrowed, lives as long as the broker */

/* The context for an "@context" value (NULL or the core's URL: the core). ERR_OK: *ret is a new reference.
 * When a remote part is not at hand, and `wake` is not NULL, the fetch starts in the background, ERR_TIMEOUT is
 * returned with *ret untouched, and wake(wake_self) is called once from another thread (perhaps before this returns):
 * call again then. With `wake` NULL it blocks. Other errors: ERR_INVALID, ERR_CONTEXT, ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code broker_context(struct broker *broker, const struct json *context_value,
					void (*wake)(void *wake_self), void *wake_self, struct context **ret,
					struct error *err);

/* ---- tenants (any thread) ---- */

/* name STR_NONE: the default tenant. create: opens a new one (write operations do that implicitly, 4.14).
 * ERR_TENANT when it is not there, ERR_INVALID for a bad name, ERR_LIMIT. The store lives as long as the broker. */
MUST_CHECK enum err_code broker_tenant(struct broker *broker, struct str name, bool create, struct store **ret_store,
				       struct error *err);
/* visit every open tenant ("" is the default one). */
void broker_each_tenant(struct broker *broker, void (*visit)(void *self, struct str name, struct store *store),
			void *self);
/* May a client name a tenant so? */
bool broker_tenant_is_name(struct str name);

/* ---- places (any thread) ----
 *
 * Where entities are: a tenant, or a snapshot of one (snapshots.h). All calls that take a tenant's name take a place's;
 * a snapshot's is one that broker_tenant_is_name() refuses, so that no client can write it. A tenant's place lasts as
 * long as the broker. A snapshot's may go at any time, unless it is held: who works on one holds it meanwhile. */

struct tenant *broker_place_hold(struct broker *broker, struct str name); /* NULL: it is not open (any more) */
void broker_place_release(struct tenant *place); /* NULL is fine */
bool broker_place_is_gone(const struct tenant *place); /* nobody finds it any more; let go of it */
struct str broker_place_name(const struct tenant *place);
struct str broker_place_tenant(const struct tenant *place); /* "" is the default one */
struct str broker_place_snapshot(const struct tenant *place); /* its id; STR_NONE: this is a tenant */
/* visit every tenant and every snapshot that is open, each held meanwhile. */
void broker_each_place(struct broker *broker, void (*visit)(void *self, struct str name, struct store *store),
		       void *self);

/* ---- writing ---- */

enum broker_operation {
	BROKER_CREATE, /* 5.6.1 */
	BROKER_UPDATE_ATTRIBUTES, /* 5.6.2 */
	BROKER_APPEND_ATTRIBUTES, /* 5.6.3 */
	BROKER_PARTIAL_UPDATE, /* 5.6.4: attribute_iri and instances */
	BROKER_DELETE_ATTRIBUTE, /* 5.6.5 */
	BROKER_DELETE, /* 5.6.6 */
	BROKER_REPLACE, /* the entity is created or becomes this one; unchanged parts keep their stamps */
	BROKER_UPSERT, /* created, or updated as by BROKER_UPDATE_ATTRIBUTES (5.6.8 with "update") */
	BROKER_MERGE, /* 5.6.17: entity is a fragment expanded for merging; patch */
	BROKER_REPLACE_ATTRIBUTE, /* 5.6.19: attribute_iri and instances */
	/* Temporal evolutions alone; the current state stays as it is. */
	BROKER_TEMPORAL_UPSERT, /* 5.6.11: entity was expanded with options.temporal */
	BROKER_TEMPORAL_APPEND, /* 5.6.12: a fragment of one */
	BROKER_TEMPORAL_DELETE_ATTRIBUTE, /* 5.6.13: as BROKER_DELETE_ATTRIBUTE; "scope" too, as for those below */
	BROKER_TEMPORAL_REPLACE_INSTANCE, /* 5.6.14: attribute_iri, instance_number, instances (one) */
	BROKER_TEMPORAL_DELETE_INSTANCE, /* 5.6.15 */
	BROKER_TEMPORAL_DELETE /* 5.6.16 */
};

/* What became of one entity. */
struct broker_outcome {
	enum err_code code;
	bool created; /* it did not exist before */
	bool changed; /* false: it said the same already, nothing was written */
	bool late; /* newest_stays: something of it went into the history alone, and was not there before */
	struct merge_refusal *refusals; /* attributes not updated; in the write's arena */
	struct error error; /* when code != ERR_OK */
};

struct broker_item {
	enum broker_operation operation;
	struct str id;
	const struct json *entity; /* expanded document or fragment; must outlive the write */
	struct str attribute_iri; /* BROKER_PARTIAL_UPDATE, BROKER_DELETE_ATTRIBUTE, BROKER_REPLACE_ATTRIBUTE */
	const struct json *instances; /* BROKER_PARTIAL_UPDATE, BROKER_REPLACE_ATTRIBUTE */
	const struct merge_patch_options *patch; /* BROKER_MERGE; NULL: none of them */
	struct str dataset_id; /* BROKER_DELETE_ATTRIBUTE */
	bool delete_all; /* BROKER_DELETE_ATTRIBUTE: every instance */
	int64_t instance_number; /* BROKER_TEMPORAL_…_INSTANCE (ngsild/temporal.h) */
	bool overwrite; /* BROKER_APPEND_ATTRIBUTES */
	bool create_missing; /* BROKER_APPEND_ATTRIBUTES: an entity that is not there is created */
	/* BROKER_APPEND_ATTRIBUTES: an instance that was observed before the entity's own one does not take its place
	 * but goes into the history alone: what arrives late. What stands there already, in all but the broker's
	 * stamps, is left out: it arrives again. Where that cannot be read because it is damaged, it is kept. */
	bool newest_stays;
	bool must_exist; /* BROKER_REPLACE: an absent entity is ERR_NOT_FOUND (5.6.18) */
	bool no_history; /* nothing is appended to the history (static data that would only repeat itself) */
	struct broker_outcome outcome; /* set by the write */
};

/* One transaction. Items succeed or fail on their own unless `atomic`: then the first failure undoes all and is the
 * write's own error. The struct, items and all they point to stay alive until done(). */
struct broker_write {
	struct store_write store_write; /* the broker's */
	struct broker *broker; /* the broker's */
	struct broker_item *items;
	size_t item_count;
	bool atomic;
	struct arena *arena; /* the caller's, used by the writer's thread until done(): refusals and the like */
	/* Writer's thread; code is ERR_OK when the transaction is durable (look at the outcomes then). */
	void (*done)(struct broker_write *write, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* done() is called exactly once when ERR_OK is returned, never otherwise. */
MUST_CHECK enum err_code broker_submit(struct broker *broker, struct store *store, struct broker_write *write,
				       struct error *err);
/* The same, waiting (commands, imports). done is ignored. */
MUST_CHECK enum err_code broker_apply(struct broker *broker, struct store *store, struct broker_write *write,
				      struct error *err);

/* For writers that make their items one by one inside one transaction (imports of whole feeds): runs one item within
 * a store_write's own run(). What the item itself got wrong (it exists, it is not there, …) is in its outcome, and
 * ERR_OK is returned; an error returned is the transaction's and must be returned from run(). */
MUST_CHECK enum err_code broker_apply_item(struct broker *broker, struct store_txn *txn, struct broker_item *item,
					   struct arena *arena, struct error *err);

/* Removes what has expired from this store, with history, in transactions of at most 256 entities (4.22); readers do
 * not see it in any case. ret_entities: how many were deleted or lost something. The broker's own thread does the same.
 * Waits; any thread but a store's writer. */
MUST_CHECK enum err_code broker_sweep(struct broker *broker, struct store *store, uint64_t *ret_entities,
				      struct error *err);
/* Of the broker's thread, since it was started: entities swept, and sweeps of a store that failed. Any thread. */
void broker_sweep_stats(const struct broker *broker, uint64_t *ret_entities, uint64_t *ret_failures);

/* ---- reading (a reader belongs to one thread) ---- */

struct broker_reader;
struct entity_map; /* entity_map.h */
MUST_CHECK enum err_code broker_reader_new(struct broker *broker, struct broker_reader **ret_reader, struct error *err);
struct broker_reader *broker_reader_free(struct broker_reader *reader);
/* Lets go of snapshots that are gone. For every now and then, while nothing is being read. */
void broker_reader_let_go(struct broker_reader *reader);
struct json_parser *broker_reader_parser(struct broker_reader *reader);

/* The expanded document in the arena. ERR_NOT_FOUND, ERR_TENANT. */
MUST_CHECK enum err_code broker_retrieve(struct broker_reader *reader, struct str tenant, struct str id,
					 struct arena *arena, struct json **ret_entity, struct error *err);

/* Linked entities (4.5.23), while an entity is visited by broker_query() or broker_retrieve_linked(): from the same
 * snapshot, each read once. What find() gives lives until visit returns. A find that fails says NULL, and the call that
 * visits returns the error: ERR_TOO_COMPLEX when an entity leads to too many others. */
struct linked_source broker_linked_source(struct broker_reader *reader);

/* Hands the entity to visit (whose result is ignored), in scratch. ERR_NOT_FOUND, ERR_TENANT, and those of find(). */
MUST_CHECK enum err_code broker_retrieve_linked(struct broker_reader *reader, struct str tenant, struct str id,
						bool (*visit)(void *self, const struct json *entity), void *self,
						struct error *err);

struct broker_page {
	uint64_t offset, limit; /* limit 0: nothing but the count */
	bool count; /* total wanted */
	/* An offset beyond all matches is taken as that of the last one (6.3.10); false: such a page is empty. */
	bool last_when_beyond;
	const struct order *order; /* NULL: the order of creation, or the map's own */
	struct entity_map *map; /* the candidates (entity_map.h), offset a place in it; NULL: all entities */
	bool map_keeps; /* what does not match stays in the map: this is not the query that it was made for */
	/* Of temporal evolutions: nothing is known but of the candidates from offset up to the place map_end. */
	bool map_partly;
	uint64_t map_end;
};

struct broker_page_result {
	uint64_t total; /* all matches; only with page.count */
	uint64_t returned;
	uint64_t first; /* the page's offset, as it was taken */
	uint64_t last; /* the offset that the latest match visited has; only when something was returned */
	uint64_t behind; /* the offset of what follows the page */
	uint64_t before; /* the offset of the page before */
	bool more; /* matches follow behind this page */
};

/* What an order keeps while it looks for a page: offset + limit matches, or all of them when there are fewer. */
#define BROKER_ORDER_ENTITIES_MAX 1000000u
#define BROKER_ORDER_BYTES_MAX (UINT64_C(64) << 20)

/* visit gets every match of the page in its order; entity lies in scratch that is reused after visit returns. visit
 * returning false stops with ERR_OK. Expired entities are left out. ERR_LIMIT: more than BROKER_ORDER_…_MAX to keep in
 * mind. */
MUST_CHECK enum err_code broker_query(struct broker_reader *reader, struct str tenant, const struct query *query,
				      const struct broker_page *page,
				      bool (*visit)(void *self, const struct json *entity), void *self,
				      struct broker_page_result *ret_result, struct error *err);

#endif
