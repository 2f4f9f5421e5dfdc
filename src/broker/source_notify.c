/* What a copy of a subscription tells, told on to who made the subscription (GS CIM 009 V1.9.1, 5.8.6): owed in the
 * outbox, so that the source may forget it once it is answered.
 *
 * Whether a change calls for a notification the source has decided. Where entities may be spread over sources, what is
 * here of them is put to what came, and they are held against the filters; else the source has done that too, perhaps
 * by attributes that it does not show. */
#include "broker/source_copies_int.h"

#include "broker/subscriptions_int.h"
#include "ngsild/union.h"

#include <stddef.h>

struct telling {
	struct source_notification *notification;
	struct subscriptions *all;
	struct store_txn *txn;
	const struct compiled *compiled;
	struct notification_frame frame;
	struct txn_links links;
	struct linked_source linked;
	size_t told;
	int64_t now_us;
	struct error *err;
};

static struct source_notification *notification_of(struct store_write *write)
{
	return (struct source_notification *)(void *)((char *)write -
						      offsetof(struct source_notification, store_write));
}

/* The entity as far as it is known here; NULL: nothing is left of it. */
static enum err_code put_together(struct telling *t, const struct source_notified *notified, struct json **ret)
{
	struct arena *arena = store_txn_arena(t->txn);
	struct union_version versions[2];
	size_t count = 0;
	struct json *here = NULL;

	*ret = NULL;
	if (t->notification->split) {
		enum err_code code = store_txn_get(t->txn, document_id(notified->entity), &here, t->err);

		if (code != ERR_OK && code != ERR_NOT_FOUND)
			return code;
	}
	if (here)
		versions[count++] = (struct union_version){.entity = here};
	if (!notified->deleted_us) {
		versions[count] = (struct union_version){.entity = json_dup_nodes(arena, notified->entity)};
		if (!versions[count++].entity)
			return err_set(t->err, ERR_MEMORY, "no memory for a notification");
	}
	return count ? union_entity(arena, versions, count, t->now_us, ret, t->err) : ERR_OK;
}

static bool is_wanted(const struct telling *t, const struct json *entity)
{
	const struct query *query = subscription_query(t->compiled->subscription);

	return t->notification->split ? query_matches_linked(query, entity, &t->linked) : query_selects(query, entity);
}

static enum err_code tell_one(struct telling *t, const struct source_notified *notified)
{
	const struct query *query = subscription_query(t->compiled->subscription);
	struct json *whole = NULL;
	enum err_code code = put_together(t, notified, &whole);
	const struct subscription_event event = {.before = notified->entity,
						 .after = whole,
						 .changes = notified->deleted,
						 .at_us = notified->deleted_us ? notified->deleted_us : t->now_us,
						 .linked = &t->linked};

	if (code != ERR_OK)
		return code;
	if (whole ? !is_wanted(t, whole) : !notified->deleted_us || !query_selects(query, notified->entity))
		return ERR_OK;
	arena_clear(&t->all->scratch);
	t->told++;
	return notification_entity(&t->all->body, &t->all->scratch, &t->frame, &event, t->err);
}

static enum err_code tell_all(struct telling *t)
{
	const struct source_notification *notification = t->notification;
	enum err_code code = ERR_OK;

	buf_clear(&t->all->body);
	notification_begin(&t->all->body, &t->frame);
	for (size_t i = 0; code == ERR_OK && i < notification->count; i++)
		code = tell_one(t, &notification->entities[i]);
	notification_end(&t->all->body, &t->frame);
	return code ? code : buf_check(&t->all->body, "a notification", t->err);
}

static enum err_code tell(struct telling *t, struct subscribed *one)
{
	const struct source_notification *notification = t->notification;
	char id[BROKER_NOTIFICATION_ID_BYTES];
	enum err_code code = subscriptions_frame(t->compiled, TRIGGER_NONE, t->now_us, id, &t->frame, t->err);

	if (code != ERR_OK)
		return code;
	t->linked = (struct linked_source){txn_links_find, &t->links};
	t->frame.linked = &t->linked;
	t->frame.met = notification->count > 1 ? notification_met_new() : NULL;
	code = tell_all(t);
	t->frame.met = notification_met_free(t->frame.met);
	if (code != ERR_OK || t->told == 0)
		return code;
	return subscriptions_owe(t->all, t->txn, one,
				 notification->count == 1 ? document_id(notification->entities[0].entity) : STR_NONE,
				 t->now_us, buf_str(&t->all->body), t->err);
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct source_notification *notification = notification_of(store_write);
	struct telling t = {.notification = notification,
			    .all = notification->tenant->subscriptions,
			    .txn = txn,
			    .links = {.txn = txn},
			    .now_us = broker_now_us(notification->broker),
			    .err = err};
	struct subscribed *one = subscriptions_find(t.all, SUBSCRIPTION_TO_ENTITIES, notification->subscription);
	enum err_code code = ERR_OK;

	if (!one)
		return err_set(err, ERR_NOT_FOUND, "the subscription is gone");
	if (subscribed_status(one, t.now_us) == SUBSCRIPTION_ACTIVE) {
		code = subscriptions_use(t.all, one, t.now_us, store_txn_parser(txn), &t.compiled, err);
		if (code == ERR_OK)
			code = tell(&t, one);
	}
	(void)subscribed_unref(one);
	return code;
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct source_notification *notification = notification_of(store_write);

	notification->done(notification, code, err);
}

enum err_code broker_source_notify(struct broker *broker, struct str tenant, struct source_notification *notification,
				   struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, false, &store, err);

	notification->store_write = (struct store_write){.run = run, .done = done};
	notification->broker = broker;
	if (code == ERR_OK)
		notification->tenant = tenant_find(broker, tenant);
	return code ? code : store_submit(store, &notification->store_write, err);
}
