/* Entities of a feed on their way into the store, in batches: one is committed while the next is filled.
 *
 * Each message that a batch is made of may leave a receipt, which is given back once the batch is durable. A batch
 * that the store cannot take is kept and tried again, with pauses; until then the next one fills up and the feed is
 * told that there is no room, so that nothing is lost that the peer can hold back. Thread: the feed's, which is woken
 * by wake_fd. */
#ifndef MACHI_FEED_INTAKE_H
#define MACHI_FEED_INTAKE_H

#include "broker/broker.h"
#include "feed/mapping.h"

#define INTAKE_ENTITIES_MAX 4096u /* in a batch, beyond which there is no room */
#define INTAKE_BATCH_BYTES_MAX ((size_t)256 << 20)
/* Behind a batch the next one is gathered for so long: under load a commit then holds many messages, and a socket is
 * read seldom; what comes alone does not wait. */
#define INTAKE_GATHER_MS 5
#define INTAKE_RETRY_MS_MIN 250
#define INTAKE_RETRY_MS_MAX 10000

struct intake;

struct intake_receipt {
	uint64_t first, second; /* the feed's; of MQTT: which connection, which message */
	/* The intake's, once it is given back: what became of the entities that were added behind it, up to the next
	 * one or the end of the batch. */
	size_t entities, absent, refused; /* the last two as in struct intake_counts */
	const struct error *why; /* the last of these was not stored; NULL: there is none */
	size_t from; /* the first one in its batch */
};

struct intake_counts { /* since it was made */
	uint64_t created, changed, unchanged, deleted; /* entities */
	uint64_t late; /* of these: something went into the history alone */
	uint64_t absent; /* mode update: there is no such entity */
	uint64_t refused; /* by the broker, for what they say */
	uint64_t commits, commit_failures;
};

struct intake_options {
	struct broker *broker;
	struct store *store;
	int wake_fd; /* an eventfd, written to when a batch is done */
	/* What they stand for is durable (err NULL), or dropped because the store did not take it until the feed ended.
	 * NULL: nobody asks. */
	void (*settled)(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err);
	/* Why an entity was not stored; the last one of a batch is told. */
	void (*refused)(void *self, const struct error *err);
	/* Of each entity that was not stored and had a tag; before `refused`. NULL: nobody asks. */
	void (*not_stored)(void *self, uint64_t tag);
	/* An operation on this entity came to nothing, though its batch is durable. NULL: nobody asks. */
	void (*lost)(void *self, struct str id);
	void *self;
};

MUST_CHECK enum err_code intake_new(const struct intake_options *options, struct intake **ret_intake,
				    struct error *err);
/* Waits for what is being committed, which is all that there is behind intake_settle(). */
struct intake *intake_free(struct intake *intake);

bool intake_has_room(const struct intake *intake);
/* Of the batch that is being filled: what is added must lie in here, or live as long. */
struct arena *intake_arena(struct intake *intake);
/* An expanded entity. tag: the caller's, 0: none. False: no memory, nothing was added. */
bool intake_add(struct intake *intake, const struct json *entity, enum mapping_mode mode, bool history, uint64_t tag);
/* Likewise an operation as it is: BROKER_REPLACE, BROKER_APPEND_ATTRIBUTES with a fragment to overwrite by, or
 * BROKER_DELETE (entity NULL), for kinds that know what the store has of their entities. */
bool intake_add_operation(struct intake *intake, enum broker_operation operation, struct str id,
			  const struct json *entity);
bool intake_add_receipt(struct intake *intake, uint64_t first, uint64_t second);

bool intake_is_idle(const struct intake *intake); /* all that was added is durable, or known not to be */
/* Is it too early for the next batch? Then there is no hurry to fill it: until intake_deadline_ms(). */
bool intake_is_gathering(const struct intake *intake);
/* Gives receipts of what is durable, tries again what was not, and hands over what has been filled. */
void intake_turn(struct intake *intake);
/* Commits what has been filled and waits for it; where the store does not take it, it is dropped. */
void intake_settle(struct intake *intake);
int64_t intake_deadline_ms(const struct intake *intake); /* of the next turn; CLOCK_MONOTONIC */
void intake_counts(const struct intake *intake, struct intake_counts *ret_counts);
/* Why the store does not take what is handed over; NULL: it does. */
const struct error *intake_trouble(const struct intake *intake);

#endif
