/* Places: tenants and snapshots as those who work on them see them. A tenant stays; a snapshot that is deleted leaves
 * the list at once, and its store is closed once the last who holds it has let go. */
#include "broker/lines_int.h"
#include "broker/registrations_int.h"
#include "broker/subscriptions_int.h"

#include <stdlib.h>

struct tenant *tenant_free(struct tenant *tenant)
{
	if (!tenant)
		return NULL;
	(void)store_free(tenant->store);
	(void)lines_names_free(tenant->lines_names);
	(void)subscriptions_free(tenant->subscriptions);
	(void)registrations_free(tenant->registrations);
	free(tenant->rules);
	free(tenant->snapshot);
	free(tenant);
	return NULL;
}

/* ---- holding ---- */

struct tenant *broker_place_hold(struct broker *broker, struct str name)
{
	struct tenants *tenants = &broker->tenants;

	(void)pthread_mutex_lock(&tenants->lock);
	struct tenant *place = map_get(&tenants->by_name, name);

	if (place)
		(void)atomic_fetch_add(&place->uses, 1);
	(void)pthread_mutex_unlock(&tenants->lock);
	return place;
}

void broker_place_release(struct tenant *place)
{
	if (place)
		(void)atomic_fetch_sub(&place->uses, 1);
}

bool broker_place_is_gone(const struct tenant *place)
{
	return atomic_load(&place->gone);
}

struct str broker_place_name(const struct tenant *place)
{
	return str_from(place->name);
}

struct str broker_place_tenant(const struct tenant *place)
{
	return (struct str){place->name, place->tenant_bytes};
}

struct str broker_place_snapshot(const struct tenant *place)
{
	return str_from(place->snapshot);
}

/* ---- visiting ---- */

void broker_each_tenant(struct broker *broker, void (*visit)(void *self, struct str name, struct store *store),
			void *self)
{
	struct tenants *tenants = &broker->tenants;
	struct tenant *list[BROKER_TENANTS_MAX + 1];

	(void)pthread_mutex_lock(&tenants->lock);
	size_t count = tenants->count;

	memcpy(list, tenants->list, count * sizeof(list[0]));
	(void)pthread_mutex_unlock(&tenants->lock);
	for (size_t i = 0; i < count; i++)
		visit(self, str_from(list[i]->name), list[i]->store);
}

void broker_each_place(struct broker *broker, void (*visit)(void *self, struct str name, struct store *store),
		       void *self)
{
	struct tenants *tenants = &broker->tenants;
	struct tenant *list[BROKER_SNAPSHOTS_MAX];

	broker_each_tenant(broker, visit, self);
	(void)pthread_mutex_lock(&tenants->lock);
	size_t count = tenants->snapshot_count;

	for (size_t i = 0; i < count; i++) {
		list[i] = tenants->snapshots[i];
		(void)atomic_fetch_add(&list[i]->uses, 1);
	}
	(void)pthread_mutex_unlock(&tenants->lock);
	for (size_t i = 0; i < count; i++) {
		visit(self, str_from(list[i]->name), list[i]->store);
		broker_place_release(list[i]);
	}
}

/* ---- going ---- */

void places_retire(struct broker *broker, struct tenant *place)
{
	struct tenants *tenants = &broker->tenants;

	(void)pthread_mutex_lock(&tenants->lock);
	for (size_t i = 0; i < tenants->snapshot_count; i++) {
		if (tenants->snapshots[i] != place)
			continue;
		tenants->snapshots[i] = tenants->snapshots[--tenants->snapshot_count];
		(void)map_remove(&tenants->by_name, str_from(place->name));
		place->next_gone = tenants->gone;
		tenants->gone = place;
		atomic_store(&place->gone, true);
		(void)atomic_fetch_add(&tenants->gone_count, 1);
		broker_place_release(place); /* the list's */
		break;
	}
	(void)pthread_mutex_unlock(&tenants->lock);
}

/* Nobody who does not hold it already can: so one that nobody holds stays so. */
static struct tenant *take_unheld(struct tenants *tenants)
{
	struct tenant **at = &tenants->gone;

	(void)pthread_mutex_lock(&tenants->lock);
	while (*at && atomic_load(&(*at)->uses) > 0)
		at = &(*at)->next_gone;
	struct tenant *place = *at;

	if (place)
		*at = place->next_gone;
	(void)pthread_mutex_unlock(&tenants->lock);
	return place;
}

void places_close_gone(struct broker *broker, void (*closed)(void *self, struct str name), void *self)
{
	struct tenant *place;

	while ((place = take_unheld(&broker->tenants)) != NULL) {
		char name[BROKER_PLACE_NAME_BYTES_MAX + 1];

		memcpy(name, place->name, sizeof(name));
		(void)tenant_free(place);
		closed(self, str_from(name));
	}
}
