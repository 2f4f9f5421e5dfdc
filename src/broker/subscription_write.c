/* Subscriptions created, updated and deleted: the record in a transaction, what is in memory once it is durable. Both
 * on the writer's thread, so that no change falls between them.
 * Source: GS CIM 009 V1.9.1 clauses 5.8.1, 5.8.2, 5.8.5, 5.11.2, 5.11.3, 5.11.6. */
#include "broker/source_copies_int.h"
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

enum err_code subscription_record_put(struct store_txn *txn, enum subscription_kind kind, struct str id,
				      const struct subscription_record *record, struct error *err)
{
	struct buf text;

	buf_init(&text, BROKER_SUBSCRIPTION_BYTES_MAX);
	subscription_record_write(&text, record);
	enum err_code code = buf_check(&text, "a subscription", err);

	if (code == ERR_OK)
		code = store_txn_record_put(txn, subscription_record_kinds[kind], id, buf_str(&text), err);
	buf_done(&text);
	return code;
}

/* 5.11.2.4, 5.11.3.4: "initially on subscription", and when it was updated. */
static int64_t untold_since(const struct subscription_write *write, int64_t now_us)
{
	return write->kind == SUBSCRIPTION_TO_REGISTRATIONS ? now_us : 0;
}

static size_t room_for(enum subscription_kind kind)
{
	return kind == SUBSCRIPTION_TO_ENTITIES ? BROKER_SUBSCRIPTIONS_MAX : BROKER_REGISTRATION_SUBSCRIPTIONS_MAX;
}

static enum err_code run_create(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscriptions *all = write->tenant->subscriptions;
	struct subscribed *one = write->made;
	int64_t now_us = broker_now_us(write->broker);
	struct str there;
	enum err_code code = store_txn_record_get(txn, subscription_record_kinds[write->kind], write->id, &there, NULL);

	if (code == ERR_OK)
		return err_set(err, ERR_EXISTS, "the subscription %.*s exists already",
			       STR_FMT(str_part(write->id, 0, 150)));
	if (code != ERR_NOT_FOUND)
		return err_set(err, code, "cannot look for the subscription %.*s",
			       STR_FMT(str_part(write->id, 0, 150)));
	if (all->by_name[write->kind].count >= room_for(write->kind))
		return err_set(err, ERR_LIMIT, "there are %zu subscriptions already", room_for(write->kind));
	/* Numbers ascend and are not used twice, whatever becomes of this transaction. */
	all->last_number = now_us > all->last_number ? now_us : all->last_number + 1;
	one->number = all->last_number;
	one->untold_us = untold_since(write, now_us);
	const struct subscription_record record = {.document = write->document,
						   .context_value = write->context_value,
						   .via = write->via,
						   .number = one->number,
						   .created_us = now_us,
						   .modified_us = now_us,
						   .untold_us = one->untold_us};

	return subscription_record_put(txn, write->kind, write->id, &record, err);
}

enum err_code subscription_record_get(struct store_txn *txn, enum subscription_kind kind, struct str id,
				      struct subscription_record *ret, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	struct str text;
	enum err_code code = store_txn_record_get(txn, subscription_record_kinds[kind], id, &text, err);

	if (code == ERR_NOT_FOUND)
		return not_found(id, err);
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
	int64_t now_us = broker_now_us(write->broker);
	bool new_names = json_get(write->document, STR("q")) != NULL;
	bool shown = json_get(write->document, STR("jsonldContext")) != NULL;
	struct subscribed_contexts contexts = {.own = new_names ? write->context : was->context,
					       .own_value = new_names ? write->context_value : record->context_value,
					       .core = broker_core_context(write->broker)};
	enum err_code code = subscription_merge(store_txn_arena(txn), write->kind, record->document, write->document,
						now_us, &merged, err);

	if (code != ERR_OK)
		return code;
	if (json_get(merged, STR("jsonldContext")))
		contexts.shown = shown ? write->shown : was->shown;
	code = subscribed_new(merged, write->kind, &contexts, store_txn_parser(txn), &write->made, err);
	if (code != ERR_OK)
		return code;
	const struct subscription_record made = {.document = merged,
						 .context_value = contexts.own_value,
						 .via = record->via,
						 .number = record->number,
						 .created_us = record->created_us,
						 .modified_us = now_us,
						 .untold_us = untold_since(write, now_us)};

	write->made->number = record->number;
	write->made->untold_us = made.untold_us;
	return subscription_record_put(txn, write->kind, write->id, &made, err);
}

static enum err_code run_update(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscription_record record;
	enum err_code code = subscription_record_get(txn, write->kind, write->id, &record, err);

	write->made = subscribed_unref(write->made); /* of a run before */
	write->gone = subscribed_unref(write->gone);
	if (code != ERR_OK)
		return code;
	write->gone = subscriptions_find(write->tenant->subscriptions, write->kind, write->id);
	if (!write->gone)
		return err_set(err, ERR_CONFLICT, "the subscription %.*s cannot be used: its @context could not be had",
			       STR_FMT(str_part(write->id, 0, 150)));
	return compile_again(write, txn, write->gone, &record, err);
}

static enum err_code run_delete(struct subscription_write *write, struct store_txn *txn, struct error *err)
{
	struct subscription_record record;
	bool more;
	enum err_code code = subscription_record_get(txn, write->kind, write->id, &record, err);

	write->gone = subscribed_unref(write->gone);
	if (code == ERR_OK)
		code = store_txn_record_delete(txn, subscription_record_kinds[write->kind], write->id, err);
	if (code == ERR_OK) {
		code = store_txn_record_delete(txn, subscription_figures_kinds[write->kind], write->id, err);
		code = code == ERR_NOT_FOUND ? ERR_OK : code;
	}
	if (code == ERR_OK)
		code = store_txn_owed_drop(txn, record.number, true, DROPPED_AT_ONCE, &more, err);
	if (code == ERR_OK)
		write->gone = subscriptions_find(write->tenant->subscriptions, write->kind, write->id);
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

/* The one that is used now, which another write of the same transaction may have put there since run(). */
static void take_away(struct subscription_write *write)
{
	struct subscriptions *all = write->tenant->subscriptions;

	(void)subscribed_unref(write->gone);
	write->gone = subscriptions_find(all, write->kind, write->id);
	if (!write->gone)
		return;
	if (write->made)
		take_figures(all, write->gone, write->made);
	subscriptions_remove(all, write->gone);
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct subscription_write *write = write_of(store_write);
	struct subscriptions *all = write->tenant->subscriptions;
	struct error local;

	if (code == ERR_OK && write->operation != SUBSCRIPTION_CREATE)
		take_away(write);
	if (code == ERR_OK && write->made) {
		write->made->since = all->registration_changes;
		if (subscriptions_add(all, write->made)) {
			write->made = NULL;
			if (write->kind == SUBSCRIPTION_TO_REGISTRATIONS)
				subscriptions_untold(all);
		} else {
			/* The record is there: it will be loaded at the next start. */
			code = err_set(&local, ERR_MEMORY, "no memory to use the subscription before the next start");
			err = &local;
		}
	}
	write->made = subscribed_unref(write->made);
	write->gone = subscribed_unref(write->gone);
	if (code == ERR_OK && write->kind == SUBSCRIPTION_TO_ENTITIES)
		source_copies_stale(write->broker, str_from(write->tenant->name), write->id);
	write->done(write, code, err);
}

static enum err_code prepare_create(struct broker *broker, struct subscription_write *write, struct error *err)
{
	const struct subscribed_contexts contexts = {write->context, write->context_value, write->shown,
						     broker_core_context(broker)};
	struct json_parser *parser = json_parser_new();
	enum err_code code = parser ? subscribed_new(write->document, write->kind, &contexts, parser, &write->made, err)
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
