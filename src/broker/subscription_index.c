/* Which subscriptions a change can concern: by the entity's id, by its types, by the attributes that changed. An id
 * says more than a type, a type more than an attribute: each selector stands under the first of these that it has.
 * What has neither stands among those that are looked at for every change. */
#include "broker/subscriptions_int.h"

enum kind { BY_ID, BY_TYPE, BY_ATTRIBUTE, ANY };

static bool add(struct key_index *index, enum kind kind, const struct str *keys, size_t count, struct subscribed *one)
{
	for (size_t i = 0; i < count; i++)
		if (!key_index_add(index, kind, keys[i], one, &one->places))
			return false;
	return true;
}

bool subscription_index_add(struct key_index *index, struct subscribed *one)
{
	const struct subscription *subscription = one->compiled->subscription;
	const struct subscription_key *keys;
	size_t watched_count, count = subscription_keys(subscription, &keys);
	const struct str *watched = subscription_watched(subscription, &watched_count);
	const struct str any = STR("");
	bool good = true;

	for (size_t i = 0; i < count && good; i++)
		if (keys[i].id_count)
			good = add(index, BY_ID, keys[i].ids, keys[i].id_count, one);
		else if (keys[i].type_count)
			good = add(index, BY_TYPE, keys[i].type_iris, keys[i].type_count, one);
		else
			good = add(index, ANY, &any, 1, one);
	if (count == 0 && watched_count)
		good = add(index, BY_ATTRIBUTE, watched, watched_count, one);
	else if (count == 0)
		good = add(index, ANY, &any, 1, one);
	if (!good)
		subscription_index_remove(one);
	return good;
}

void subscription_index_remove(struct subscribed *one)
{
	key_index_remove(&one->places, one);
}

static void look(const struct key_index *index, enum kind kind, struct str key,
		 void (*visit)(void *self, struct subscribed *one), void *self)
{
	const struct key_list list = key_index_find(index, kind, key);

	for (size_t i = 0; i < list.count; i++)
		visit(self, list.at[i]);
}

void subscription_index_find(const struct key_index *index, struct str id, const struct json *types,
			     const struct change *changes, void (*visit)(void *self, struct subscribed *one),
			     void *self)
{
	look(index, BY_ID, id, visit, self);
	for (uint32_t i = 0; json_is(types, JSON_ARRAY) && i < types->count; i++)
		look(index, BY_TYPE, json_text(&types->items[i]), visit, self);
	for (const struct change *change = changes; change; change = change->next)
		look(index, BY_ATTRIBUTE, change->attribute_iri, visit, self);
	look(index, ANY, STR(""), visit, self);
}
