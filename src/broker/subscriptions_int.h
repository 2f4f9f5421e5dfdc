/* The inside of subscriptions, shared by their files. */
#ifndef MACHI_BROKER_SUBSCRIPTIONS_INT_H
#define MACHI_BROKER_SUBSCRIPTIONS_INT_H

#include "broker/broker_int.h"
#include "broker/key_index.h"
#include "broker/random_id.h"
#include "broker/subscriptions.h"

#include <stdatomic.h>

/* Of records in the store, by the kinds of subscriptions. */
extern const struct str subscription_record_kinds[SUBSCRIPTION_KIND_COUNT];
extern const struct str subscription_figures_kinds[SUBSCRIPTION_KIND_COUNT]; /* written from time to time */

/* What a subscription is while it is used. Immutable. */
struct compiled {
	atomic_uint references;
	struct subscription *subscription; /* owned; its conditions are one thread's to evaluate */
	struct context *shown; /* held: by which notifications are written */
	struct arena arena;
	const struct json *shown_value; /* "@context" of notifications; in the arena */
	struct str shown_url; /* what a Link header names; STR_NONE: nothing can be named */
};

/* One of a tenant. Everything but what is said is set before others see it. There may be very many, most of them idle:
 * what can be made from its text is there only while it is used. */
struct subscribed {
	atomic_uint references;
	uint32_t id_bytes, text_bytes;
	int64_t number; /* never used again; the outbox's */
	struct context *context; /* held: of its names */
	struct context *shown; /* held: of its jsonldContext; NULL: it has none */
	struct stream_channel *channel; /* a stream's selector, which nothing is owed to; NULL: a subscription */
	int64_t expires_us, throttling_us, interval_us;
	enum subscription_kind kind;
	bool paused;
	bool warm; /* the writer's thread's: among subscriptions->warm */
	atomic_bool removed; /* deleted, or another has taken its place */
	/* Guarded by subscriptions->lock. */
	bool fresh; /* figures have changed since they were written */
	bool sent, failed_last;
	bool listing; /* to registrations: all that match are being told */
	uint64_t times_sent, times_failed;
	int64_t last_notification_us, last_success_us, last_failure_us;
	int64_t untold_us; /* to registrations: made or updated then, and not told yet of all that match; 0: it is */
	struct compiled
		*compiled; /* held; NULL: it is idle. Set by the writer's thread, which reads it without the lock */
	/* The writer's thread's. */
	struct key_places places; /* in the index */
	uint64_t seen; /* the event that it was last a candidate of */
	int64_t used_us; /* when it last was, by the clock */
	int64_t free_us; /* throttling: nothing is due before */
	uint64_t since; /* to registrations: it is told of their changes by numbers above this one */
	/* That of who delivers. */
	struct compiled *timed; /* held: with a timeInterval, compiled once more */
	int64_t next_us; /* steady clock: when the interval is over; 0: not looked at yet */
	char bytes[]; /* the id, then the text: {"context": …, "document": …} */
};

/* Of a tenant; the writer's thread's. */
struct streams {
	struct map channels; /* by their keys; owned */
	uint64_t last_number; /* of an event */
	int64_t sweep_us; /* next look for channels that nobody listens to */
	struct stream_event *first, *last; /* what this transaction has for streams; owned */
	struct stream_event *mark; /* the last when this write began; NULL: there was none */
	size_t bytes;
	bool lost; /* something of it could not be kept: every stream is told to read anew */
};

struct subscriptions {
	struct broker *broker;
	pthread_mutex_t lock; /* guards all down to timed, and what subscribed says */
	struct map by_name[SUBSCRIPTION_KIND_COUNT]; /* ids; the writer's thread, which alone changes it, may look
						      * without the lock */
	struct map by_number; /* the eight bytes of subscribed->number */
	int64_t *again; /* owned: numbers of those whose dead letters were replayed, not told yet to who delivers */
	size_t again_count;
	int64_t *unusable; /* owned: numbers of those that could not be loaded */
	size_t unusable_count;
	struct subscribed **timed; /* owned: those with a timeInterval, or untold; borrowed from by_name */
	size_t timed_count, timed_room;
	/* The writer's thread's. */
	struct key_index index; /* of subscriptions and channels */
	struct streams streams;
	struct subscribed **warm; /* held each; owned: those that are compiled */
	size_t warm_count, warm_room, warm_at; /* warm_at: who is looked at next */
	uint64_t events, registration_changes;
	struct buf body;
	struct arena scratch;
	int64_t last_number;
	bool owes; /* since the last commit */
	atomic_bool owed; /* any thread: so does what is committed, not told yet to who delivers */
	atomic_uint_fast64_t dead, in_use; /* any thread */
};

struct subscriptions *subscriptions_new(struct broker *broker); /* NULL: no memory */
struct subscriptions *subscriptions_free(struct subscriptions *all);
/* Takes the records of the store, before anything is written to it. */
MUST_CHECK enum err_code subscriptions_load(struct subscriptions *all, struct store *store, struct error *err);
extern const struct store_owner_calls subscriptions_calls; /* for store_set_owner() */
/* The writer's thread. False: no memory. */
MUST_CHECK bool subscriptions_add(struct subscriptions *all, struct subscribed *one); /* takes the reference over */
void subscriptions_remove(struct subscriptions *all, struct subscribed *one); /* gives the map's reference up */
/* What it is, compiled now if it was idle; borrowed, until the transaction ends at least. */
MUST_CHECK enum err_code subscriptions_use(struct subscriptions *all, struct subscribed *one, int64_t now_us,
					   struct json_parser *parser, const struct compiled **ret, struct error *err);
/* Between two transactions: a few of those that have not been used for a while are idle again. */
void subscriptions_cool(struct subscriptions *all);
/* What a notification of this one begins with, under a new id. reason: TRIGGER_NONE, or why registrations are told. */
MUST_CHECK enum err_code subscriptions_frame(const struct compiled *compiled, enum trigger_reason reason,
					     int64_t now_us, char id[static BROKER_NOTIFICATION_ID_BYTES],
					     struct notification_frame *ret, struct error *err);
/* Puts a body into the outbox, to be told after the commit. entity_id: whose order matters; STR_NONE: several. */
MUST_CHECK enum err_code subscriptions_owe(struct subscriptions *all, struct store_txn *txn, struct subscribed *one,
					   struct str entity_id, int64_t now_us, struct str body, struct error *err);
/* There is something in the outbox that subscriptions_owe() has not put there. */
void subscriptions_mark_owed(struct subscriptions *all);
/* Any thread. One to registrations is untold; or it is told of all that match since it was made or updated then. */
void subscriptions_untold(struct subscriptions *all);
void subscriptions_told(struct subscriptions *all, struct subscribed *one, int64_t untold_us);
/* A receiver that no change is matched against: what it is told of is owed under its number by whoever keeps it. `one`
 * takes the place of `before` at once; either may be NULL. The map borrows the reference. False: no memory. */
MUST_CHECK bool subscriptions_set_receiver(struct subscriptions *all, struct subscribed *before,
					   struct subscribed *one);
/* Any thread: a reference, or NULL. */
struct subscribed *subscriptions_find(struct subscriptions *all, enum subscription_kind kind, struct str id);
struct subscribed *subscriptions_find_number(struct subscriptions *all, int64_t number);
struct subscriptions *subscriptions_of(struct broker *broker, struct str name); /* NULL: it is not open */
MUST_CHECK enum err_code subscriptions_flush(struct subscriptions *all, struct store *store, struct error *err);

/* subscription_match.c: entities that Relationships lead to, for q and for notification.join, as they are within the
 * transaction; a struct linked_source's find(). */
struct txn_links {
	struct store_txn *txn;
	uint32_t finds; /* so far */
};
const struct json *txn_links_find(void *self, struct str id);
/* subscription_match.c: owes what this change owes, in its transaction. before NULL: created; after NULL: deleted. */
MUST_CHECK enum err_code subscriptions_match(struct entity_change *change, const struct json *before,
					     const struct json *after, const struct merge_result *result);

/* stream_channel.c: the writer's thread. What a transaction has for streams is gathered while it runs … */
void streams_init(struct streams *streams, uint64_t seed);
void streams_done(struct subscriptions *all);
void streams_begin(struct streams *streams);
void streams_mark(struct streams *streams);
void streams_undo(struct streams *streams);
void streams_keep(struct streams *streams, struct stream_channel *channel, struct str body);
/* … and goes to those who listen once it is durable. */
void streams_publish(struct subscriptions *all);

/* subscription_index.c */
/* One that is compiled. False: no memory. */
MUST_CHECK bool subscription_index_add(struct key_index *index, struct subscribed *one);
void subscription_index_remove(struct subscribed *one); /* from the index that it was added to, if it was */
/* Those that may be concerned, one perhaps several times. */
void subscription_index_find(const struct key_index *index, struct str id, const struct json *types,
			     const struct change *changes, void (*visit)(void *self, struct subscribed *one),
			     void *self);

/* subscribed.c: one of them */
struct subscribed_contexts { /* borrowed */
	struct context *own; /* of its names */
	const struct json *own_value; /* NULL: the core */
	struct context *shown; /* that of jsonldContext; NULL: there is none */
	struct context *core;
};
/* Compiled, and without number. ERR_INVALID: a condition is wrong. */
MUST_CHECK enum err_code subscribed_new(const struct json *document, enum subscription_kind kind,
					const struct subscribed_contexts *contexts, struct json_parser *parser,
					struct subscribed **ret, struct error *err);
struct subscribed *subscribed_ref(struct subscribed *one);
struct subscribed *subscribed_unref(struct subscribed *one);
struct str subscribed_id(const struct subscribed *one);
struct str subscribed_key(const struct subscribed *one); /* for by_number */
enum subscription_status subscribed_status(const struct subscribed *one, int64_t now_us);
/* From its text; a reference. Any thread. */
MUST_CHECK enum err_code subscribed_compile(const struct subscribed *one, struct context *core,
					    struct json_parser *parser, struct compiled **ret, struct error *err);
struct compiled *compiled_ref(struct compiled *compiled);
struct compiled *compiled_unref(struct compiled *compiled);

/* The record that is kept. */
struct subscription_record {
	const struct json *document, *context_value;
	const struct json *via; /* the pseudonyms of brokers that it came through; NULL: none */
	int64_t number, created_us, modified_us;
	int64_t untold_us; /* as in subscribed */
};
void subscription_record_write(struct buf *out, const struct subscription_record *record);
MUST_CHECK enum err_code subscription_record_read(const struct json *record, struct subscription_record *ret,
						  struct error *err);
/* subscription_write.c: in a transaction. ERR_NOT_FOUND. */
MUST_CHECK enum err_code subscription_record_get(struct store_txn *txn, enum subscription_kind kind, struct str id,
						 struct subscription_record *ret, struct error *err);
MUST_CHECK enum err_code subscription_record_put(struct store_txn *txn, enum subscription_kind kind, struct str id,
						 const struct subscription_record *record, struct error *err);

#endif
