/* Subscriptions created, updated and deleted: the record in a transaction, what is in memory once it is durable. Both
 * on the writer's thread, so that no change falls between them.
 * Source: GS CIM 009 V1.9.1 clauses 5.8.1, 5.8.2, 5.8.5. */
#include "broker/subscriptions_int.h"

#include "store/outbox.h"

#include <stddef.h>

#define DROPPED_AT_ONCE 10000u /* of what a deleted one is owed; who delivers drops the rest */

static struct subscription_write *write_of(struct store_write *write)
{
	return (struct subscription_write *)(void *)((char *)write - offsetof(struct subscription_write, store_write));
}

static enum err_code not_found(struct str id, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no subscription %.*s", STR_FMT(str_part(id, 0, 150)));
}

static enum err_code put_record(struct store_txn *txn, const struct subscribed *one,
				const struct subscription_record *record, struct error *err)
{
	struct buf text;

	buf_init(&text, BROKER_SUBSCRIPTION_BYTES_MAX);
	subscription_record_write(&text, record);
	enum err_code code = buf_check(&text, "a subscription", err);

	if (code == ERR_OK)
		code = store_txn_record_put(txn, STR(SUBSCRIPTION_RECORD_KIND), subscribed_id(one), buf_str(&text),
					    err);
	buf_done(&text);
	return code;
}

static enum err_code run_create(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscriptions *all = write->tenant->subscriptions;
	struct subscribed *one = write->made;
	int64_t now_us = broker_now_us(write->broker);
	struct str there;
	enum err_code code = store_txn_record_get(txn, STR(SUBSCRIPTION_RECORD_KIND), write->id, &there, NULL);

	if (code == ERR_OK)
		return err_set(err, ERR_EXISTS, "the subscription %.*s exists already",
			       STR_FMT(str_part(write->id, 0, 150)));
	if (code != ERR_NOT_FOUND)
		return err_set(err, code, "cannot look for the subscription %.*s",
			       STR_FMT(str_part(write->id, 0, 150)));
	if (all->by_name.count >= BROKER_SUBSCRIPTIONS_MAX) /* the writer's thread alone changes it */
		return err_set(err, ERR_LIMIT, "there are %u subscriptions already", BROKER_SUBSCRIPTIONS_MAX);
	/* Numbers ascend and are not used twice, whatever becomes of this transaction. */
	all->last_number = now_us > all->last_number ? now_us : all->last_number + 1;
	one->number = all->last_number;
	const struct subscription_record record = {.document = write->document,
						   .context_value = write->context_value,
						   .number = one->number,
						   .created_us = now_us,
						   .modified_us = now_us};

	return put_record(txn, one, &record, err);
}

static enum err_code read_record(struct subscription_write *write, struct store_txn *txn,
				 struct subscription_record *ret, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	struct str text;
	enum err_code code = store_txn_record_get(txn, STR(SUBSCRIPTION_RECORD_KIND), write->id, &text, err);

	if (code == ERR_NOT_FOUND)
		return not_found(write->id, err);
	if (code == ERR_OK)
		code = json_parse(store_txn_parser(txn), store_txn_arena(txn), text, &options, &json, err);
	return code == ERR_OK ? subscription_record_read(json, ret, err) : code;
}

/* The names in q are those of the @context that came with it; all others are IRIs by now. */
static enum err_code compile_again(struct subscription_write *write, struct store_txn *txn,
				   const struct subscribed *was, const struct subscription_record *record,
				   struct error *err)
{
	struct json *merged = NULL;
	bool new_names = json_get(write->document, STR("q")) != NULL;
	bool shown = json_get(write->document, STR("jsonldContext")) != NULL;
	struct subscribed_contexts contexts = {.own = new_names ? write->context : was->context,
					       .own_value = new_names ? write->context_value : record->context_value,
					       .core = broker_core_context(write->broker)};
	enum err_code code = subscription_merge(store_txn_arena(txn), record->document, write->document,
						broker_now_us(write->broker), &merged, err);

	if (code != ERR_OK)
		return code;
	if (json_get(merged, STR("jsonldContext")))
		contexts.shown = shown ? write->shown : was->shown;
	code = subscribed_new(merged, &contexts, store_txn_parser(txn), &write->made, err);
	if (code != ERR_OK)
		return code;
	const struct subscription_record made = {.document = merged,
						 .context_value = contexts.own_value,
						 .number = record->number,
						 .created_us = record->created_us,
						 .modified_us = broker_now_us(write->broker)};

	write->made->number = record->number;
	return put_record(txn, write->made, &made, err);
}

static enum err_code run_update(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscription_record record;
	enum err_code code = read_record(write, txn, &record, err);

	write->made = subscribed_unref(write->made); /* of a run before */
	write->gone = subscribed_unref(write->gone);
	if (code != ERR_OK)
		return code;
	write->gone = subscriptions_find(write->tenant->subscriptions, write->id);
	if (!write->gone)
		return err_set(err, ERR_CONFLICT, "the subscription %.*s cannot be used: its @context could not be had",
			       STR_FMT(str_part(write->id, 0, 150)));
	return compile_again(write, txn, write->gone, &record, err);
}

static enum err_code run_delete(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscription_record record;
	bool more;
	enum err_code code = read_record(write, txn, &record, err);

	write->gone = subscribed_unref(write->gone);
	if (code == ERR_OK)
		code = store_txn_record_delete(txn, STR(SUBSCRIPTION_RECORD_KIND), write->id, err);
	if (code == ERR_OK) {
		code = store_txn_record_delete(txn, STR(SUBSCRIPTION_FIGURES_KIND), write->id, err);
		code = code == ERR_NOT_FOUND ? ERR_OK : code;
	}
	if (code == ERR_OK)
		code = store_txn_owed_drop(txn, record.number, true, DROPPED_AT_ONCE, &more, err);
	if (code == ERR_OK)
		write->gone = subscriptions_find(write->tenant->subscriptions, write->id);
	return code;
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct subscription_write *write = write_of(store_write);

	switch (write->operation) {
	case SUBSCRIPTION_CREATE:
		return run_create(write, txn, err);
	case SUBSCRIPTION_UPDATE:
		return run_update(write, txn, err);
	default:
		return run_delete(write, txn, err);
	}
}

/* The new one goes on counting where the old one was. */
static void take_figures(struct subscriptions *all, const struct subscribed *was, struct subscribed *one)
{
	(void)pthread_mutex_lock(&all->lock);
	one->sent = was->sent;
	one->failed_last = was->failed_last;
	one->times_sent = was->times_sent;
	one->times_failed = was->times_failed;
	one->last_notification_us = was->last_notification_us;
	one->last_success_us = was->last_success_us;
	one->last_failure_us = was->last_failure_us;
	one->fresh = was->fresh;
	one->free_us = was->free_us;
	(void)pthread_mutex_unlock(&all->lock);
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct subscription_write *write = write_of(store_write);
	struct subscriptions *all = write->tenant->subscriptions;
	struct error local;

	if (code == ERR_OK && write->gone) {
		if (write->made)
			take_figures(all, write->gone, write->made);
		subscriptions_remove(all, write->gone);
	}
	if (code == ERR_OK && write->made) {
		if (subscriptions_add(all, write->made)) {
			write->made = NULL;
		} else {
			/* The record is there: it will be loaded at the next start. */
			code = err_set(&local, ERR_MEMORY, "no memory to use the subscription before the next start");
			err = &local;
		}
	}
	write->made = subscribed_unref(write->made);
	write->gone = subscribed_unref(write->gone);
	write->done(write, code, err);
}

static enum err_code prepare_create(struct broker *broker, struct subscription_write *write, struct error *err)
{
	const struct subscribed_contexts contexts = {write->context, write->context_value, write->shown,
						     broker_core_context(broker)};
	struct json_parser *parser = json_parser_new();
	enum err_code code = parser ? subscribed_new(write->document, &contexts, parser, &write->made, err)
				    : err_set(err, ERR_MEMORY, "no memory for a subscription");

	(void)json_parser_free(parser);
	return code;
}

enum err_code broker_subscription_submit(struct broker *broker, struct str tenant, struct subscription_write *write,
					 struct error *err)
{
	struct store *store;
	bool create = write->operation == SUBSCRIPTION_CREATE;
	enum err_code code = broker_tenant(broker, tenant, create, &store, err);

	write->broker = broker;
	write->made = write->gone = NULL;
	write->store_write = (struct store_write){.run = run, .done = done};
	if (code == ERR_OK)
		write->tenant = tenant_find(broker, tenant);
	if (code == ERR_OK && create)
		code = prepare_create(broker, write, err);
	if (code == ERR_OK)
		code = store_submit(store, &write->store_write, err);
	if (code != ERR_OK)
		write->made = subscribed_unref(write->made);
	return code;
}
