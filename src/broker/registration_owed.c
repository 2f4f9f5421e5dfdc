/* What a change of a registration owes to subscriptions to registrations, in the change's own transaction (5.11.7). */
#include "broker/registration_events_int.h"

/* A change with the records that are shown. */
struct owing {
	struct subscriptions *all;
	struct store_txn *txn;
	struct str id; /* of the registration */
	const struct registration_record *was, *is;
};

enum err_code registration_put(struct subscriptions *all, const struct notification_frame *frame,
			       const struct registration *registration, const struct registration_record *record,
			       const struct registration_question *question, struct error *err)
{
	const struct registration_state state = {.last_success_us = INT64_MIN,
						 .last_failure_us = INT64_MIN,
						 .created_us = record->created_us,
						 .modified_us = record->modified_us};

	arena_clear(&all->scratch);
	const struct json *shown = registration_filtered(&all->scratch, registration, record->document, question);

	return shown ? notification_registration(&all->body, &all->scratch, frame, broker_core_context(all->broker),
						 shown, &state, err)
		     : err_set(err, ERR_MEMORY, "no memory for a notification");
}

/* One that matches no longer is shown as it last did: of what it is now nothing concerns the subscription. */
static enum err_code owe_event(void *self, const struct registration_event *event, struct error *err)
{
	const struct owing *owing = self;
	struct subscriptions *all = owing->all;
	const struct registration_change *change = event->change;
	bool gone = event->reason == TRIGGER_NO_LONGER_MATCHING;
	char id[BROKER_NOTIFICATION_ID_BYTES];
	struct notification_frame frame;

	if (event->one->interval_us || subscribed_status(event->one, change->now_us) != SUBSCRIPTION_ACTIVE)
		return ERR_OK;
	enum err_code code = subscriptions_frame(event->compiled, event->reason, change->now_us, id, &frame, err);

	if (code != ERR_OK)
		return code;
	buf_clear(&all->body);
	notification_begin(&all->body, &frame);
	code = registration_put(all, &frame, gone ? change->before : change->after, gone ? owing->was : owing->is,
				event->question, err);
	notification_end(&all->body, &frame);
	if (code == ERR_OK)
		code = buf_check(&all->body, "a notification", err);
	return code ? code
		    : subscriptions_owe(all, owing->txn, event->one, owing->id, change->now_us, buf_str(&all->body),
					err);
}

static enum err_code owe_change(struct owing *owing, const struct registration *before,
				const struct registration *after, struct error *err)
{
	const struct registration_change change = {before, after, broker_now_us(owing->all->broker)};

	if (!before && !after)
		return ERR_OK;
	return registration_events(owing->all, SUBSCRIPTION_TO_REGISTRATIONS, &change, store_txn_parser(owing->txn),
				   owe_event, owing, err);
}

/* One that has expired and was not swept yet has gone before another takes its id. */
static enum err_code owe_both(struct owing *owing, const struct registration *before, const struct registration *after,
			      struct error *err)
{
	bool expired = before && registration_expires_us(before) <= broker_now_us(owing->all->broker);

	if (!expired)
		return owe_change(owing, before, after, err);
	enum err_code code = owe_change(owing, before, NULL, err);

	return code ? code : owe_change(owing, NULL, after, err);
}

enum err_code registration_owe(struct store_txn *txn, struct str id, struct registered *made,
			       const struct registration_record *record, struct error *err)
{
	struct registration_record was;
	struct registered *before = NULL;
	struct subscriptions *all = store_txn_owner(txn);
	struct owing owing = {all, txn, id, &was, record};

	if (!all)
		return ERR_OK;
	all->registration_changes++;
	if (made)
		made->change = all->registration_changes;
	if (all->by_name[SUBSCRIPTION_TO_REGISTRATIONS].count == 0)
		return ERR_OK;
	enum err_code code = registration_record_get(txn, id, &was, err);

	if (code == ERR_OK)
		code = registered_new(was.document, broker_core_context(all->broker), &before, err);
	if (code == ERR_OK || code == ERR_NOT_FOUND)
		code = owe_both(&owing, before ? before->registration : NULL, made ? made->registration : NULL, err);
	(void)registered_unref(before);
	return code;
}
