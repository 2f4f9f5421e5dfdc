/* Copies of subscriptions at other context sources (GS CIM 009 V1.9.1, 5.8.1.4, 5.8.2.4, 5.8.5.4, 5.8.6): which there
 * are to be, which there are, and what they tell.
 *
 * A record says what is known of a copy, from before it is made there until it is gone there, so that a crash leaves
 * none behind. What is to be is always found anew, from the subscription and the registrations that match it; who keeps
 * the two alike (api/source_copies.h) is told what may have changed. Thread: any, with a reader of its own, but where
 * said. */
#ifndef MACHI_BROKER_SOURCE_COPIES_H
#define MACHI_BROKER_SOURCE_COPIES_H

#include "broker/random_id.h"
#include "broker/sources.h"

#define SOURCE_COPY_ID_PREFIX "urn:ngsi-ld:Subscription:machi:" /* of a copy's id at the source; its token follows */
#define SOURCE_COPY_TOKEN_BYTES (16 + RANDOM_ID_BYTES) /* with a NUL */
#define SOURCE_COPY_BYTES_MAX ((size_t)4 << 20) /* of a record */

/* What is known of a copy. Texts and trees lie in the arena asked for. */
struct source_copy {
	struct str token; /* nobody guesses it: whoever knows it may tell something by it */
	struct str subscription, registration; /* ids */
	struct str remote; /* its id at the source */
	const struct json *sent; /* what it was made or updated to; NULL: it may not be there */
	const struct json *source; /* the registration as it was then, its secrets sealed */
	bool unsure; /* it may also be something else, of members that sent has */
	bool split; /* filters and projections are not in it */
	int64_t refused_us; /* the source would not have it then; 0: it has not said so */
	int64_t leaving_us; /* it is to be deleted there since; 0: it is not */
};

struct source_copies {
	struct source_copy *at;
	size_t count;
};

/* A copy that is to be. */
struct source_wish {
	struct source *source;
	struct json *copy; /* subscription_copy(), without its address */
	bool split; /* as in struct source_copy */
	const struct json *context_value; /* what names in it stand for; NULL: nothing but the core context is needed */
	const struct json *via; /* as in struct subscription_write */
};

struct source_wishes {
	struct source_wish *at;
	size_t count;
	struct source_list sources; /* held */
};

/* A new token for a copy of this subscription, whose copies stand together. ERR_IO. */
MUST_CHECK enum err_code source_copy_token(struct str subscription, char token[static SOURCE_COPY_TOKEN_BYTES],
					   struct error *err);

/* The copies of one subscription. */
MUST_CHECK enum err_code broker_source_copies(struct broker_reader *reader, struct str tenant, struct str subscription,
					      struct arena *arena, struct source_copies *ret, struct error *err);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err_code broker_source_copy(struct broker_reader *reader, struct str tenant, struct str token,
					    struct arena *arena, struct source_copy *ret, struct error *err);
/* Those that there are to be: none of one that is unknown, paused, expired or local. split: whether entities may be
 * spread over sources when the subscription does not say. */
MUST_CHECK enum err_code broker_source_wishes(struct broker_reader *reader, struct str tenant, struct str subscription,
					      bool split, struct arena *arena, struct source_wishes *ret,
					      struct error *err);
void source_wishes_release(struct source_wishes *wishes);

/* The source of a registration as it is now (none: the list is empty), and as it was when a copy was made. Released by
 * sources_release(). */
MUST_CHECK enum err_code broker_source_get(struct broker_reader *reader, struct str tenant, struct str id,
					   struct arena *arena, struct source_list *ret, struct error *err);
MUST_CHECK enum err_code broker_source_of_copy(struct broker_reader *reader, const struct source_copy *copy,
					       struct arena *arena, struct source_list *ret, struct error *err);
/* A source's registration as a record keeps it. */
MUST_CHECK enum err_code broker_source_seal(struct broker_reader *reader, const struct source *source,
					    struct arena *arena, const struct json **ret, struct error *err);

/* Ids of subscriptions, `room` at most, those behind *after (STR_NONE: from the first), which is set for the next call:
 * of all, or of all that have copies (perhaps one several times). *ret_count 0: that was all. */
MUST_CHECK enum err_code broker_source_subscriptions(struct broker_reader *reader, struct str tenant, bool with_copies,
						     struct str *after, struct arena *arena, struct str *ret,
						     size_t room, size_t *ret_count, struct error *err);

struct source_copy_change {
	struct source_copy copy;
	bool gone; /* its record goes; else it is put */
};
/* Waits until they are durable; never on a loop. */
MUST_CHECK enum err_code broker_source_copies_put(struct broker *broker, struct str tenant,
						  const struct source_copy_change *changes, size_t count,
						  struct error *err);

/* ---- what may have changed ---- */

/* stale(self) is called when there is something to take; it must not block. NULL: nobody is told any more. */
void broker_on_stale_copies(struct broker *broker, void (*stale)(void *self), void *self);
/* One subscription whose copies may not be as they should, or a tenant of which any may (*ret_subscription STR_NONE).
 * In the arena. False: there is none (left). */
bool broker_take_stale_copies(struct broker *broker, struct arena *arena, struct str *ret_tenant,
			      struct str *ret_subscription);

/* Likewise, from who keeps them: this one is to be looked at once more. */
void broker_stale_copies_add(struct broker *broker, struct str tenant, struct str subscription);

/* ---- what they tell (asynchronous) ---- */

/* Entities that a source has notified, owed to who made the local subscription in one notification (5.8.6). */
struct source_notification {
	struct store_write store_write; /* the broker's, as all down to subscription */
	struct broker *broker;
	struct tenant *tenant;
	struct str subscription; /* id */
	bool split; /* they may be parts: what is here is put to them, and the filters are applied */
	/* Expanded, and of what is registered; each with what has been deleted of it, or the whole of it deleted. */
	const struct source_notified *entities;
	size_t count;
	struct arena *arena; /* the caller's, used by the writer's thread until done() */
	void (*done)(struct source_notification *notification, enum err_code code, const struct error *err);
	void *self;
};

struct source_notified {
	struct json *entity;
	struct change *deleted; /* CHANGE_DELETED, of attributes; before: what stands for them */
	int64_t deleted_us; /* the entity is gone since then; 0: it is not */
};

/* done(): ERR_NOT_FOUND when there is no such subscription (any more). */
MUST_CHECK enum err_code broker_source_notify(struct broker *broker, struct str tenant,
					      struct source_notification *notification, struct error *err);

#endif
