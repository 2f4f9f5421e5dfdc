/* Subscriptions to registrations: what they ask, whether and why a registration is told of, and how.
 *
 * Source: GS CIM 009 V1.9.1 clauses 5.3.2, 5.3.3, 5.11.2, 5.11.7, 5.12. Pure. */
#ifndef MACHI_NGSILD_REGISTRATION_NOTIFICATION_H
#define MACHI_NGSILD_REGISTRATION_NOTIFICATION_H

#include "ngsild/registration.h"
#include "ngsild/subscription.h"

/* What a subscription, of either kind, asks registrations for (5.11.2.4): its entities; watchedAttributes and
 * notification.attributes (or pick) together, all where either is missing; geoQ, scopeQ, temporalQ, csf, datasetId. It
 * borrows of the subscription and is for its thread. now_us is 0. */
void subscription_question(const struct subscription *subscription, struct registration_question *ret);

/* Why a change of a registration is told to who asks so (5.3.3); TRIGGER_NONE: it is not. before NULL: it is new; after
 * NULL: it is deleted, or has expired. before matched until now, whether it has expired since or not; after is held
 * against now_us. question: its now_us is set. */
enum trigger_reason registration_trigger(const struct registration *before, const struct registration *after,
					 struct registration_question *question, int64_t now_us);
/* "newlyMatching", … */
struct str trigger_reason_name(enum trigger_reason reason);

/* One registration of a notification that was begun with a reason, between notification_begin() and _end(). document:
 * what registration_filtered() gave, its names as IRIs; core: by which those are read. */
MUST_CHECK enum err_code notification_registration(struct buf *out, struct arena *scratch,
						   const struct notification_frame *frame, const struct context *core,
						   const struct json *document, const struct registration_state *state,
						   struct error *err);

#endif
