/* Asking a compiled subscription: what it says, and whether a change concerns it (the rules: subscription.c). */
#include "ngsild/subscription_int.h"

struct str subscription_id(const struct subscription *subscription)
{
	return json_text(json_get(subscription->document, STR("id")));
}

bool subscription_is_paused(const struct subscription *subscription)
{
	return subscription->paused;
}

int64_t subscription_expires_us(const struct subscription *subscription)
{
	return subscription->expires_us;
}

int64_t subscription_throttling_us(const struct subscription *subscription)
{
	return subscription->throttling_us;
}

int64_t subscription_interval_us(const struct subscription *subscription)
{
	return subscription->interval_us;
}

const struct subscription_endpoint *subscription_endpoint(const struct subscription *subscription)
{
	return &subscription->endpoint;
}

enum subscription_status subscription_status_at(bool paused, int64_t expires_us, int64_t now_us)
{
	if (expires_us <= now_us)
		return SUBSCRIPTION_EXPIRED;
	return paused ? SUBSCRIPTION_PAUSED : SUBSCRIPTION_ACTIVE;
}

size_t subscription_keys(const struct subscription *subscription, const struct subscription_key **ret_keys)
{
	*ret_keys = subscription->keys;
	return subscription->key_count;
}

const struct str *subscription_watched(const struct subscription *subscription, size_t *ret_count)
{
	*ret_count = subscription->watched_count;
	return subscription->watched;
}

const struct query *subscription_query(const struct subscription *subscription)
{
	return subscription->query;
}

/* ---- triggers ---- */

static bool is_watched(const struct subscription *s, struct str iri)
{
	for (size_t i = 0; i < s->watched_count; i++)
		if (str_eq(s->watched[i], iri))
			return true;
	return s->watched_count == 0;
}

static bool has_attribute(const struct json *entity)
{
	for (uint32_t i = 0; json_is(entity, JSON_OBJECT) && i < entity->count; i++)
		if (document_is_attribute(entity->members[i].key))
			return true;
	return json_get(entity, STR("scope")) != NULL;
}

/* An entity came or went, with all that it has. Where attributes are watched it must have one of them. */
static bool whole_triggers(const struct subscription *s, const struct json *entity, unsigned int of_entity,
			   unsigned int of_attributes)
{
	if (!(s->triggers & (of_entity | of_attributes)))
		return false;
	for (size_t i = 0; i < s->watched_count; i++)
		if (json_get(entity, s->watched[i]))
			return true;
	return s->watched_count == 0 && ((s->triggers & of_entity) || has_attribute(entity));
}

static unsigned int trigger_of_change(enum change_kind kind)
{
	return kind == CHANGE_CREATED   ? SUBSCRIPTION_ATTRIBUTE_CREATED
	       : kind == CHANGE_DELETED ? SUBSCRIPTION_ATTRIBUTE_DELETED
					: SUBSCRIPTION_ATTRIBUTE_UPDATED;
}

static bool scope_triggers(const struct subscription *s, const struct subscription_event *event)
{
	enum change_kind kind = !json_get(event->before, STR("scope"))  ? CHANGE_CREATED
				: !json_get(event->after, STR("scope")) ? CHANGE_DELETED
									: CHANGE_UPDATED;

	return event->scope_changed && s->watched_count == 0 && (s->triggers & trigger_of_change(kind));
}

static bool triggers(const struct subscription *s, const struct subscription_event *event)
{
	if (!event->before)
		return whole_triggers(s, event->after, SUBSCRIPTION_ENTITY_CREATED, SUBSCRIPTION_ATTRIBUTE_CREATED);
	if (!event->after)
		return whole_triggers(s, event->before, SUBSCRIPTION_ENTITY_DELETED, SUBSCRIPTION_ATTRIBUTE_DELETED);
	for (const struct change *change = event->changes; change; change = change->next)
		if ((s->triggers & trigger_of_change(change->kind)) && is_watched(s, change->attribute_iri))
			return true;
	return scope_triggers(s, event);
}

bool subscription_concerns(const struct subscription *subscription, const struct subscription_event *event)
{
	const struct json *entity = event->after ? event->after : event->before;

	return entity && subscription->interval_us == 0 && triggers(subscription, event) &&
	       query_matches_linked(subscription->query, entity, event->linked);
}
