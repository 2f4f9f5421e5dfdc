/* What changes of registrations mean to subscriptions, and what is owed for them (5.11, 5.12).
 *
 * registration_events() says which subscriptions a change concerns and why; it owes nothing, so that who tells somebody
 * else than a receiver (distributed subscriptions, 5.8.1.4) asks it too. */
#ifndef MACHI_BROKER_REGISTRATION_EVENTS_INT_H
#define MACHI_BROKER_REGISTRATION_EVENTS_INT_H

#include "broker/registrations_int.h"
#include "broker/subscriptions_int.h"
#include "ngsild/registration_notification.h"

/* registration_trigger() has what before and after are. */
struct registration_change {
	const struct registration *before, *after;
	int64_t now_us;
};

struct registration_event {
	const struct registration_change *change;
	struct subscribed *one;
	const struct compiled *compiled;
	const struct registration_question *question; /* of the subscription */
	enum trigger_reason reason; /* not TRIGGER_NONE */
};

/* registration_events.c: visits each subscription of the kind that the change concerns, whether it is active or not; an
 * error of visit ends it. The writer's thread. */
MUST_CHECK enum err_code registration_events(struct subscriptions *all, enum subscription_kind kind,
					     const struct registration_change *change, struct json_parser *parser,
					     enum err_code (*visit)(void *self, const struct registration_event *event,
								    struct error *err),
					     void *self, struct error *err);

/* registration_owed.c: owes what is to be told of a change, in its transaction, before the record with this id becomes
 * `record`, compiled as `made`; both NULL: before it goes, because it is deleted or has expired. */
MUST_CHECK enum err_code registration_owe(struct store_txn *txn, struct str id, struct registered *made,
					  const struct registration_record *record, struct error *err);

/* registration_list.c: owes a subscription's receiver all registrations that match, some in each of several writes, so
 * that others need not wait. Begins only, unless it is under way. The thread of broker_subscriptions_due(). */
MUST_CHECK enum err_code registration_list_owe(struct broker_reader *reader, struct str tenant, struct store *store,
					       struct subscribed *one, struct error *err);

/* registration_owed.c: puts what concerns the question of a registration into all->body, between notification_begin()
 * and notification_end(). record: that of the registration. The writer's thread. */
MUST_CHECK enum err_code registration_put(struct subscriptions *all, const struct notification_frame *frame,
					  const struct registration *registration,
					  const struct registration_record *record,
					  const struct registration_question *question, struct error *err);

#endif
