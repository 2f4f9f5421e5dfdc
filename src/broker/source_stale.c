/* Which copies of subscriptions may not be as they should. A short list of names; more than fit stand for all of a
 * tenant, and what is lost for want of memory is found by the next look at everything. */
#include "broker/source_copies_int.h"

#include "broker/broker_int.h"

#include <stdlib.h>
#include <string.h>

#define STALE_MAX 256u /* subscriptions, of all tenants; beyond it tenants are named */

struct stale {
	size_t tenant_bytes, subscription_bytes; /* of the subscription 0: all of the tenant */
	char bytes[];
};

struct stale_copies {
	pthread_mutex_t lock; /* guards all that follows, also while stale() is called */
	struct stale *at[STALE_MAX + BROKER_TENANTS_MAX + 1]; /* owned each */
	size_t count;
	void (*stale)(void *self);
	void *self;
};

struct stale_copies *stale_copies_new(void)
{
	struct stale_copies *all = calloc(1, sizeof(*all));

	if (all)
		(void)pthread_mutex_init(&all->lock, NULL);
	return all;
}

struct stale_copies *stale_copies_free(struct stale_copies *all)
{
	if (!all)
		return NULL;
	while (all->count)
		free(all->at[--all->count]);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

static struct str tenant_of(const struct stale *stale)
{
	return (struct str){stale->bytes, stale->tenant_bytes};
}

static struct str subscription_of(const struct stale *stale)
{
	return (struct str){stale->bytes + stale->tenant_bytes, stale->subscription_bytes};
}

static bool is_known(const struct stale_copies *all, struct str tenant, struct str subscription)
{
	for (size_t i = 0; i < all->count; i++)
		if (str_eq(tenant_of(all->at[i]), tenant) &&
		    (all->at[i]->subscription_bytes == 0 || str_eq(subscription_of(all->at[i]), subscription)))
			return true;
	return false;
}

static void add(struct stale_copies *all, struct str tenant, struct str subscription)
{
	if (all->count >= STALE_MAX)
		subscription = STR_NONE;
	if (is_known(all, tenant, subscription) || all->count == sizeof(all->at) / sizeof(all->at[0]))
		return;
	struct stale *stale = malloc(sizeof(*stale) + tenant.len + subscription.len);

	if (!stale)
		return;
	stale->tenant_bytes = tenant.len;
	stale->subscription_bytes = subscription.len;
	if (tenant.len)
		memcpy(stale->bytes, tenant.at, tenant.len);
	if (subscription.len)
		memcpy(stale->bytes + tenant.len, subscription.at, subscription.len);
	all->at[all->count++] = stale;
}

void source_copies_stale(struct broker *broker, struct str tenant, struct str subscription)
{
	struct stale_copies *all = broker->stale_copies;

	/* What is done on a snapshot is done here alone (5.5.15). */
	if (tenant.len && !broker_tenant_is_name(tenant))
		return;
	(void)pthread_mutex_lock(&all->lock);
	if (all->stale) {
		add(all, tenant, subscription);
		all->stale(all->self);
	}
	(void)pthread_mutex_unlock(&all->lock);
}

void broker_stale_copies_add(struct broker *broker, struct str tenant, struct str subscription)
{
	source_copies_stale(broker, tenant, subscription);
}

void broker_on_stale_copies(struct broker *broker, void (*stale)(void *self), void *self)
{
	struct stale_copies *all = broker->stale_copies;

	(void)pthread_mutex_lock(&all->lock);
	all->stale = stale;
	all->self = self;
	(void)pthread_mutex_unlock(&all->lock);
}

bool broker_take_stale_copies(struct broker *broker, struct arena *arena, struct str *ret_tenant,
			      struct str *ret_subscription)
{
	struct stale_copies *all = broker->stale_copies;
	struct stale *stale = NULL;

	(void)pthread_mutex_lock(&all->lock);
	if (all->count)
		stale = all->at[--all->count];
	(void)pthread_mutex_unlock(&all->lock);
	if (!stale)
		return false;
	*ret_tenant = arena_dup(arena, tenant_of(stale));
	*ret_subscription = stale->subscription_bytes ? arena_dup(arena, subscription_of(stale)) : STR_NONE;
	free(stale);
	return true;
}
