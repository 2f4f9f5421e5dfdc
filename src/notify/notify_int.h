/* The inside of notify, shared by its files. All of it belongs to the notifier's thread but what is said. */
#ifndef MACHI_NOTIFY_NOTIFY_INT_H
#define MACHI_NOTIFY_NOTIFY_INT_H

#include "base/map.h"
#include "broker/subscriptions.h"
#include "net/http_sender.h"
#include "net/mqtt_sender.h"
#include "notify/notify.h"
#include "store/outbox.h"

#include <pthread.h>
#include <stdatomic.h>

#define NOTIFY_ARENA_BYTES_MAX ((size_t)256 << 20)
#define LANE_MESSAGES_MAX 64u /* read ahead */
#define LANE_BYTES_MAX ((size_t)1 << 20) /* of their bodies; one may be longer */
#define LANE_SENDING_MAX 16u /* side by side */
#define SENDING_MAX 4096u /* of all lanes */
#define ENDPOINT_SENDING_MAX 16u /* to one receiver: one that is silent must not hold all that may be sent */
#define WAITING_MAX 16384u /* messages of all lanes: beyond, lanes read theirs when they have their turn */
#define MESSAGE_HEADERS_MAX 32u /* beside those of receiverInfo */

struct lane;
struct outbox;

struct message { /* one notification */
	union {
		struct http_post post;
		struct mqtt_publish publish;
	};
	struct lane *lane;
	struct message *next;
	int64_t number, made_us;
	uint32_t tries;
	uint64_t entity; /* hash of the entity's id; 0: none, which waits for all before it */
	bool sending;
	struct http_post_header *headers; /* owned; HTTP */
	char *wrapped; /* owned; the body as MQTT has it */
	char *body; /* owned */
	size_t body_bytes;
};

enum lane_place { LANE_NOWHERE, LANE_READY, LANE_PAUSED, LANE_QUEUED };

struct lane { /* a subscription that is owed something */
	struct outbox *outbox;
	enum lane_place place;
	struct lane *next; /* in the notifier's list of its place */
	int64_t subscription;
	struct broker_target *target; /* held; NULL: not looked for yet */
	struct endpoint *endpoint;
	struct message *first, *last; /* in the order of their numbers; owned */
	uint32_t count, sending;
	int64_t after; /* all up to here has been read */
	int64_t pause_us; /* steady clock: nothing is sent before */
	uint32_t fails; /* one after the other */
	bool more; /* there may be more in the outbox */
	bool resumed; /* its first may have been sent before this process, under its id */
	bool joined; /* its first is what several were */
	bool again; /* and not as it was read, or of lower numbers than `after`: it has to begin anew */
	int64_t due_us; /* steady clock: when the first that is not due yet is; 0: there is none such */
	struct lane *next_idle;
	bool idle; /* in the notifier's list of those that may go once they are flushed */
	uint64_t flush_needed; /* outbox->flushed, before what was delivered has left the outbox */
	char *url; /* owned */
};

struct lane_queue {
	struct lane *first, *last; /* last: only while there is a first */
};

/* What answers, or does not: a scheme, host and port. */
struct endpoint {
	uint32_t lanes; /* that refer to it */
	uint32_t sending;
	struct lane_queue queue; /* lanes that wait until fewer are sending to it */
	uint32_t silent; /* tries without any answer, one after the other, of all lanes */
	int64_t open_us; /* steady clock: the breaker is open until then; 0: it is closed */
	bool probing; /* one try is under way to see whether it answers again */
	size_t key_bytes;
	char key[];
};

enum outcome_kind { OUTCOME_DONE, OUTCOME_JOINED, OUTCOME_RETRY, OUTCOME_BURIED, OUTCOME_EXPIRED, OUTCOME_GONE };

struct outcome { /* to be written to the outbox */
	enum outcome_kind kind;
	int64_t number; /* OUTCOME_EXPIRED, OUTCOME_GONE: the subscription's */
	int64_t due_us;
	uint32_t tries;
	const char *why; /* static */
	char *body; /* OUTCOME_JOINED: owned */
	size_t body_bytes;
};

struct outcomes {
	struct outcome *at; /* owned */
	size_t count, room;
	int64_t since_us; /* steady clock: when the first was added */
};

struct outbox { /* of a tenant or a snapshot */
	struct outbox *next;
	struct notifier *notifier;
	struct tenant *place; /* held */
	struct store *store; /* the place's */
	struct store_reader *reader; /* owned */
	char tenant[BROKER_PLACE_NAME_BYTES_MAX + 1]; /* the place's name */
	struct map lanes; /* by the eight bytes of lane->subscription */
	int64_t after; /* up to here every notification is in a lane, or in the outbox of a lane that has more */
	bool looked; /* `after` holds: all that was owed before is known by its lanes */
	bool unread; /* there may be more behind `after` */
	struct outcomes outcomes;
	uint64_t flushes, flushed; /* writes of outcomes that were begun, and are durable */
	int64_t again_us; /* steady clock: when what failed is tried again */
	pthread_mutex_t lock; /* guards the following */
	pthread_cond_t idle;
	bool writing; /* a write of outcomes is under way */
	struct outcomes_write *failed; /* owned */
	struct error failure;
};

struct notifier {
	struct notifier_options options;
	pthread_t thread;
	struct arena arena; /* of one look */
	struct outbox *outboxes; /* owned */
	struct map endpoints; /* owned */
	struct lane_queue ready; /* lanes that may have something to do */
	struct lane *idle; /* lanes that had nothing left; what they delivered may still be in the outbox */
	struct lane *paused; /* those that wait for a time */
	int64_t paused_us; /* steady clock: not before need they be looked at */
	struct http_sender *http; /* owned */
	struct mqtt_sender *mqtt; /* owned */
	uint32_t sending, publishing; /* publishing: of these, over MQTT */
	struct broker_reader *reader; /* owned: for those with a timeInterval */
	struct json_parser *parser; /* owned */
	int64_t due_us; /* steady clock: when the next of them is due */
	int64_t wake_us; /* steady clock */
	uint64_t random;
	char complaint[ERROR_DETAIL_BYTES];
	/* Any thread. */
	atomic_bool ending, owed;
	atomic_uint_fast64_t sent, succeeded, failed, dead, waiting, lane_count, lanes_waiting, breakers_open;
};

/* notify.c */
int64_t notify_now_us(void); /* the clock */
int64_t notify_steady_us(void); /* one that nobody sets */
void notify_complain(struct notifier *notifier, struct str tenant, const struct error *err);
struct outbox *notify_outbox(struct notifier *notifier, struct str tenant, struct store *store); /* NULL: no memory */

/* message.c */
struct message *message_new(struct lane *lane, const struct store_owed *owed); /* NULL: no memory */
void message_append(struct lane *lane, struct message *message); /* gives it */
void message_take_out(struct lane *lane, struct message *message); /* and frees it */

/* lane.c */
enum lane_wake {
	WAKE_FOUND, /* it is owed something: `first` is the lowest number */
	WAKE_AGAIN /* dead letters have been replayed, because somebody thinks that they can be delivered */
};
void lane_wake(struct outbox *outbox, int64_t subscription, enum lane_wake why, int64_t first);
/* A notification that follows all that is known of its lane. */
void lane_take(struct outbox *outbox, const struct store_owed *owed, int64_t now_us);
/* Some of what it may have read ahead is no longer owed, by outcomes that were added: it begins anew behind them. */
void lane_read_anew(struct outbox *outbox, int64_t subscription);
void lanes_run(struct notifier *notifier, int64_t now_us); /* sends what may be sent; sets wake_us */
void lanes_free(struct notifier *notifier);
void lane_free(struct lane *lane); /* one that stands nowhere */
/* lane_drop.c */
bool lanes_drop(struct outbox *outbox); /* all of an outbox that goes; false: something is under way */
/* A message has been answered: with success, or not; or nobody answered. */
void lane_answered(struct message *message, bool good, bool answered);

/* throttle.c: what waited behind the first of the lane, which was not tried, becomes one with it in the outbox, once
 * the outcomes are written. False: nothing did. */
bool lane_join(struct lane *lane);

/* endpoint.c */
struct endpoint *endpoint_of(struct notifier *notifier, struct str uri); /* a reference; NULL: no memory */
void endpoint_release(struct notifier *notifier, struct endpoint *endpoint);
void endpoints_free(struct notifier *notifier);
/* May something be sent now? Otherwise *ret_us says when to ask again. One that may is a probe if the breaker is
 * open. */
bool endpoint_may_send(struct endpoint *endpoint, int64_t now_us, int64_t *ret_us);
void endpoint_answered(struct notifier *notifier, struct endpoint *endpoint, bool answered, int64_t now_us);

/* outcome.c */
bool outcome_add(struct outbox *outbox, const struct outcome *outcome); /* false: no memory */
void outcomes_flush(struct notifier *notifier, int64_t now_us); /* those that have waited long enough; sets wake_us */
void outcomes_wait(struct notifier *notifier); /* until none are being written */
bool outcomes_drop(struct outbox *outbox); /* of an outbox that goes; false: a write is under way */
void outcomes_end(struct notifier *notifier); /* all of them, waiting for it */

/* sender.c */
MUST_CHECK enum err_code senders_new(struct notifier *notifier, struct error *err);
void senders_free(struct notifier *notifier);
void senders_run(struct notifier *notifier, uint32_t timeout_ms);
void senders_wake(struct notifier *notifier); /* any thread */
/* False: it cannot be sent at all (err says why), and never will be. */
MUST_CHECK bool message_send(struct message *message, struct error *err);

#endif
