/* Who is owed something, told to who delivers after the commit; the receivers, and what came of it. */
#include "broker/subscriptions_int.h"

#include "store/outbox.h"

#include <stdlib.h>

/* ---- who is owed ---- */

enum err_code subscriptions_frame(const struct compiled *compiled, enum trigger_reason reason, int64_t now_us,
				  char id[static BROKER_NOTIFICATION_ID_BYTES], struct notification_frame *ret,
				  struct error *err)
{
	enum err_code code = broker_notification_id(id, err);

	*ret = (struct notification_frame){.subscription = compiled->subscription,
					   .context = compiled->shown,
					   .context_value = compiled->shown_value,
					   .id = str_from(id),
					   .notified_us = now_us,
					   .reason = reason};
	return code;
}

/* With throttling, what changes before the next may be sent waits; what is told of an entity gives way to what comes
 * after it, of a registration each change has a reason of its own. Who delivers keeps notifications of several entities
 * apart. */
enum err_code subscriptions_owe(struct subscriptions *all, struct store_txn *txn, struct subscribed *one,
				struct str entity_id, int64_t now_us, struct str body, struct error *err)
{
	int64_t throttling_us = one->throttling_us;
	bool replace = throttling_us > 0 && one->kind == SUBSCRIPTION_TO_ENTITIES;
	struct store_owed owed = {
		.subscription = one->number, .entity_id = entity_id, .made_us = now_us, .due_us = now_us, .body = body};

	/* A moment farther away than that is of a clock that was set back. */
	if (one->free_us > now_us && one->free_us - now_us <= throttling_us)
		owed.due_us = one->free_us;
	enum err_code code = store_txn_owe(txn, &owed, replace, NULL, err);

	if (code == ERR_OK && throttling_us > 0 && owed.due_us == now_us)
		one->free_us = now_us + throttling_us;
	if (code == ERR_OK)
		all->owes = true;
	return code;
}

void subscriptions_mark_owed(struct subscriptions *all)
{
	all->owes = true;
}

static void tell(struct broker *broker)
{
	/* Who delivers may be going just now. */
	(void)pthread_mutex_lock(&broker->owed_lock);
	if (broker->owed)
		broker->owed(broker->owed_self);
	(void)pthread_mutex_unlock(&broker->owed_lock);
}

static void begins(void *self)
{
	struct subscriptions *all = self;

	streams_begin(&all->streams);
	subscriptions_cool(all);
}

static void runs(void *self)
{
	streams_mark(&((struct subscriptions *)self)->streams);
}

static void undone(void *self)
{
	streams_undo(&((struct subscriptions *)self)->streams);
}

static void committed(void *self)
{
	struct subscriptions *all = self;

	streams_publish(all);
	if (!all->owes)
		return;
	all->owes = false;
	atomic_store(&all->owed, true);
	tell(all->broker);
}

void broker_owed_again(struct broker *broker, struct str tenant, int64_t subscription)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	int64_t *grown = realloc(all->again, (all->again_count + 1) * sizeof(*grown));

	if (grown) {
		all->again = grown;
		all->again[all->again_count++] = subscription;
	} /* or else found by the next look at the outbox */
	(void)pthread_mutex_unlock(&all->lock);
	atomic_store(&all->owed, true);
	tell(broker);
}

void subscriptions_untold(struct subscriptions *all)
{
	atomic_store(&all->broker->untold, true);
	tell(all->broker);
}

bool broker_take_untold(struct broker *broker)
{
	return atomic_exchange(&broker->untold, false);
}

const struct store_owner_calls subscriptions_calls = {
	.begins = begins, .runs = runs, .undone = undone, .committed = committed};

void broker_on_owed(struct broker *broker, void (*owed)(void *self), void *self)
{
	(void)pthread_mutex_lock(&broker->owed_lock);
	broker->owed_self = self;
	broker->owed = owed;
	(void)pthread_mutex_unlock(&broker->owed_lock);
}

bool broker_take_owed(struct broker *broker, struct str tenant)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	return all && atomic_exchange(&all->owed, false);
}

size_t broker_take_owed_again(struct broker *broker, struct str tenant, int64_t *ret, size_t room)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);
	size_t count = 0;

	if (!all)
		return 0;
	(void)pthread_mutex_lock(&all->lock);
	while (count < room && all->again_count > 0)
		ret[count++] = all->again[--all->again_count];
	(void)pthread_mutex_unlock(&all->lock);
	return count;
}

/* ---- receivers ---- */

struct broker_target {
	struct subscribed *one; /* held */
	struct compiled *compiled; /* held */
	struct subscriptions *all;
};

/* One that is idle is compiled for this target alone: what is kept for others is the writer's thread's to set. */
static enum err_code take_compiled(struct broker_target *target, struct json_parser *parser, struct error *err)
{
	struct subscriptions *all = target->all;

	(void)pthread_mutex_lock(&all->lock);
	if (target->one->compiled)
		target->compiled = compiled_ref(target->one->compiled);
	(void)pthread_mutex_unlock(&all->lock);
	if (target->compiled)
		return ERR_OK;
	return subscribed_compile(target->one, broker_core_context(all->broker), parser, &target->compiled, err);
}

enum err_code broker_target_get(struct broker *broker, struct str tenant, int64_t subscription,
				struct json_parser *parser, struct broker_target **ret, struct error *err)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);
	struct subscribed *one = all ? subscriptions_find_number(all, subscription) : NULL;

	if (!one)
		return err_set(err, ERR_NOT_FOUND, "there is no subscription %lld", (long long)subscription);
	struct broker_target *target = calloc(1, sizeof(*target));

	if (!target) {
		(void)subscribed_unref(one);
		return err_set(err, ERR_MEMORY, "no memory to deliver notifications");
	}
	*target = (struct broker_target){.one = one, .all = all};
	enum err_code code = take_compiled(target, parser, err);

	if (code == ERR_OK)
		*ret = target;
	else
		broker_target_release(target);
	return code;
}

bool broker_subscription_is_unusable(struct broker *broker, struct str tenant, int64_t subscription)
{
	const struct subscriptions *all = subscriptions_of(broker, tenant);

	/* Nothing changes here after loading. */
	for (size_t i = 0; all && i < all->unusable_count; i++)
		if (all->unusable[i] == subscription)
			return true;
	return false;
}

void broker_target_release(struct broker_target *target)
{
	if (!target)
		return;
	(void)compiled_unref(target->compiled);
	(void)subscribed_unref(target->one);
	free(target);
}

const struct subscription_endpoint *broker_target_endpoint(const struct broker_target *target)
{
	return subscription_endpoint(target->compiled->subscription);
}

struct str broker_target_context_url(const struct broker_target *target)
{
	return subscription_endpoint(target->compiled->subscription)->context_linked ? target->compiled->shown_url
										     : STR_NONE;
}

bool broker_target_is_stale(const struct broker_target *target)
{
	return atomic_load(&target->one->removed);
}

int64_t broker_target_throttling_us(const struct broker_target *target)
{
	return target->one->throttling_us;
}

enum subscription_status broker_target_status(const struct broker_target *target, int64_t now_us)
{
	return subscribed_status(target->one, now_us);
}

void broker_target_sent(struct broker_target *target, bool good, int64_t at_us)
{
	struct subscribed *one = target->one;

	(void)pthread_mutex_lock(&target->all->lock);
	one->fresh = one->sent = true;
	one->times_sent++;
	one->times_failed += !good;
	one->failed_last = !good;
	one->last_notification_us = at_us;
	if (good)
		one->last_success_us = at_us;
	else
		one->last_failure_us = at_us;
	(void)pthread_mutex_unlock(&target->all->lock);
}

void broker_dead_counted(struct broker *broker, struct str tenant, uint64_t dead)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	if (all)
		atomic_store(&all->dead, dead);
}

void broker_subscription_stats(struct broker *broker, struct str tenant, struct broker_subscription_stats *ret)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	*ret = (struct broker_subscription_stats){0};
	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	ret->subscriptions = all->by_name[SUBSCRIPTION_TO_ENTITIES].count;
	ret->to_registrations = all->by_name[SUBSCRIPTION_TO_REGISTRATIONS].count;
	ret->unusable = all->unusable_count;
	(void)pthread_mutex_unlock(&all->lock);
	ret->in_use = atomic_load(&all->in_use);
	ret->dead = atomic_load(&all->dead);
}
