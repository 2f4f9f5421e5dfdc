/* Subscriptions (GS CIM 009 V1.9.1, 5.8, to registrations 5.11): kept, held against every change, and what they owe.
 *
 * A subscription is a record beside the entities. Those of a tenant are indexed in memory by the ids, types and
 * attributes that they speak of, and compiled for as long as they are candidates; the writer's thread finds the
 * candidates of a change there, and what is owed goes into the outbox (store/outbox.h) in the change's own
 * transaction. Who delivers is told after the commit, asks for the receiver, and says how it went. How often and
 * when notifications were sent is kept in memory and written from time to time: a crash loses some seconds of these
 * figures, and of nothing else. Those to registrations are of the same kind, but for what they are held against, and
 * are named apart: one of each kind may have the same id. Thread: any, but where said. */
#ifndef MACHI_BROKER_SUBSCRIPTIONS_H
#define MACHI_BROKER_SUBSCRIPTIONS_H

#include "broker/broker.h"
#include "broker/random_id.h"
#include "ngsild/subscription.h"

#define BROKER_SUBSCRIPTIONS_MAX 1000000u /* of a tenant */
#define BROKER_REGISTRATION_SUBSCRIPTIONS_MAX 10000u /* of a tenant: a change of a registration looks at each */
#define BROKER_SUBSCRIPTION_BYTES_MAX ((size_t)1 << 20) /* of one as JSON */

/* ---- changing (asynchronous, as broker_write) ---- */

enum subscription_operation { SUBSCRIPTION_CREATE, SUBSCRIPTION_UPDATE, SUBSCRIPTION_DELETE };

struct subscription_write {
	struct store_write store_write; /* the broker's, as all down to operation */
	struct broker *broker;
	struct tenant *tenant;
	struct subscribed *made, *gone;
	enum subscription_kind kind;
	enum subscription_operation operation;
	struct str id;
	/* SUBSCRIPTION_CREATE: a whole one that subscription_check() took, its id among its members; _UPDATE: a
	 * fragment of one. Without "@context". */
	const struct json *document;
	struct context *context; /* by which its names are to be read; held by the caller until done() */
	const struct json *context_value; /* its "@context"; NULL: the core */
	struct context *shown; /* of the document's jsonldContext, held likewise; NULL: it has none */
	/* _CREATE: an array of the pseudonyms of the brokers that it came through (6.3.18), which are not given copies
	 * of it; NULL: none. */
	const struct json *via;
	struct arena *arena; /* the caller's, used by the writer's thread until done() */
	/* Writer's thread, once, when ERR_OK was returned. ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID, … */
	void (*done)(struct subscription_write *write, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

MUST_CHECK enum err_code broker_subscription_submit(struct broker *broker, struct str tenant,
						    struct subscription_write *write, struct error *err);

/* ---- looking ---- */

struct subscription_look { /* in the arena asked for */
	const struct json *document; /* as it was created and updated */
	const struct json *context_value; /* of its names; NULL: the core */
	struct context *context; /* a reference: context_unref() */
	struct subscription_state state;
};

MUST_CHECK enum err_code broker_subscription_get(struct broker_reader *reader, struct str tenant,
						 enum subscription_kind kind, struct str id, struct arena *arena,
						 struct subscription_look *ret, struct error *err);
/* In the order of their ids, `offset` of them passed over, limit at most; *ret_total: all of them. */
MUST_CHECK enum err_code broker_subscription_list(struct broker_reader *reader, struct str tenant,
						  enum subscription_kind kind, uint64_t offset, uint64_t limit,
						  struct arena *arena, struct subscription_look **ret,
						  size_t *ret_count, uint64_t *ret_total, struct error *err);

/* ---- delivering ---- */

#define BROKER_NOTIFICATION_PREFIX "urn:ngsi-ld:Notification:"
#define BROKER_NOTIFICATION_ID_BYTES (sizeof(BROKER_NOTIFICATION_PREFIX) - 1 + RANDOM_ID_BYTES)
/* A new URI. */
MUST_CHECK enum err_code broker_notification_id(char id[static BROKER_NOTIFICATION_ID_BYTES], struct error *err);

/* owed(self) is called on a writer's thread after a commit that owes something, and may be called for nothing: it must
 * not block. NULL: nobody is told any more. */
void broker_on_owed(struct broker *broker, void (*owed)(void *self), void *self);

/* Is there something new in a tenant's outbox since the last call, by this process's commits? */
bool broker_take_owed(struct broker *broker, struct str tenant);
/* Dead letters of this subscription are owed again, and committed: tells who delivers. */
void broker_owed_again(struct broker *broker, struct str tenant, int64_t subscription);
/* These subscriptions, at most `room`, perhaps one several times, each call told once. */
size_t broker_take_owed_again(struct broker *broker, struct str tenant, int64_t *ret, size_t room);

/* A receiver: held until broker_target_release(). parser: the calling thread's. ERR_NOT_FOUND: there is no such
 * subscription (any more). */
struct broker_target;
MUST_CHECK enum err_code broker_target_get(struct broker *broker, struct str tenant, int64_t subscription,
					   struct json_parser *parser, struct broker_target **ret, struct error *err);
/* There is one, but its @context could not be had at the start: it keeps what it is owed. */
bool broker_subscription_is_unusable(struct broker *broker, struct str tenant, int64_t subscription);
void broker_target_release(struct broker_target *target);
const struct subscription_endpoint *broker_target_endpoint(const struct broker_target *target);
/* What a Link header names as the @context of notifications; STR_NONE: it is in the body. */
struct str broker_target_context_url(const struct broker_target *target);
bool broker_target_is_stale(const struct broker_target *target); /* deleted or updated: get it anew */
int64_t broker_target_throttling_us(const struct broker_target *target); /* between two notifications; 0: none */
enum subscription_status broker_target_status(const struct broker_target *target, int64_t now_us);
/* A notification was sent and answered so. */
void broker_target_sent(struct broker_target *target, bool good, int64_t at_us);

/* Owes what subscriptions with a timeInterval have to tell by now, and those to registrations that were not told yet of
 * all that match (5.11.2, 5.11.3); *ret_next_us: when the next one has. steady_us: a clock that nobody sets. One
 * thread, always the same. An error is that of the first that failed; the others went on. */
MUST_CHECK enum err_code broker_subscriptions_due(struct broker_reader *reader, int64_t steady_us, int64_t *ret_next_us,
						  struct error *err);
/* Is there one to registrations that has come or changed since the last call? Call the above at once. */
bool broker_take_untold(struct broker *broker);

/* Writes what has changed of the figures of all tenants' subscriptions; any thread but a writer's. */
MUST_CHECK enum err_code broker_subscriptions_flush(struct broker *broker, struct error *err);

struct broker_subscription_stats {
	uint64_t subscriptions; /* to entities */
	uint64_t to_registrations;
	uint64_t unusable; /* they could not be loaded at the start, and are not matched */
	uint64_t in_use; /* compiled: a change made them candidates in the last minute or so */
	uint64_t dead; /* letters, when who delivers last counted them */
};
void broker_dead_counted(struct broker *broker, struct str tenant, uint64_t dead); /* for the figures below */
void broker_subscription_stats(struct broker *broker, struct str tenant, struct broker_subscription_stats *ret);

#endif
