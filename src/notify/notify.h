/* Delivering what subscriptions are owed: out of the tenants' outboxes to the receivers, at least once, for each
 * subscription in the order of each entity's changes.
 *
 * One thread. Each subscription that is owed something has a lane: a few notifications read from its outbox, sent side
 * by side unless they are of one entity. What was answered with success leaves the outbox, many at a time; a crash in
 * between sends it again, the same bytes with the same id. What fails is tried again after a growing while, and the
 * lane waits meanwhile; receivers that do not answer at all are given one try at a time by all lanes together (circuit
 * breaker). After too many tries, or when it is too old, a notification becomes a dead letter. So a slow or dead
 * receiver costs the memory of its lane and nothing else. */
#ifndef MACHI_NOTIFY_NOTIFY_H
#define MACHI_NOTIFY_NOTIFY_H

#include "base/buf.h"
#include "broker/broker.h"

struct address_policy;
struct notifier;

struct notifier_options {
	struct broker *broker; /* outlives the notifier */
	const struct address_policy *policy; /* of receivers' addresses; NULL: any */
	uint32_t tries_max; /* then it is a dead letter; 0: 20 */
	uint32_t age_max_s; /* of a notification, then likewise; 0: a day */
	uint32_t owed_max; /* of a subscription; the oldest beyond become dead letters; 0: 100,000 */
	uint32_t retry_first_ms, retry_max_ms; /* the while before the second try, and the longest; 0: 1 s, 5 min */
	/* Tells of what could not be read or written, once for each cause; err is borrowed. NULL: nobody. */
	void (*complain)(void *self, struct str tenant, const struct error *err);
	void *complain_self;
};

/* Starts the thread, which first looks at all that is owed. */
MUST_CHECK enum err_code notifier_new(const struct notifier_options *options, struct notifier **ret, struct error *err);
/* Leaves off: what is not answered yet is sent again after the next start. */
struct notifier *notifier_free(struct notifier *notifier);

struct notifier_stats {
	uint64_t sent, succeeded, failed, dead; /* since the start */
	uint64_t waiting; /* read from the outboxes, not answered yet */
	uint64_t lanes,
		lanes_waiting; /* subscriptions that are owed something; of these, those that wait for a retry */
	uint64_t breakers_open; /* receivers that do not answer */
};
void notifier_stats(struct notifier *notifier, struct notifier_stats *ret); /* any thread */
void notifier_write_metrics(void *self, struct buf *out); /* in Prometheus's text format; any thread */

#endif
