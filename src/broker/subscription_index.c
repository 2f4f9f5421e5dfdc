/* Which subscriptions a change can concern: by the entity's id, by its types, by the attributes that changed. An id
 * says more than a type, a type more than an attribute: each selector stands in the buckets of the first that it has.
 * What has neither stands among those that are looked at for every change. */
#include "broker/subscriptions_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct subscription_bucket {
	struct map *map; /* that it stands in; NULL: it stands for itself */
	struct subscribed **at; /* owned, unless it is `first` */
	struct subscribed *first;
	uint32_t count, room;
	size_t key_bytes;
	char key[];
};

void subscription_index_init(struct subscription_index *index, uint64_t seed)
{
	*index = (struct subscription_index){0};
	map_init(&index->by_id, seed);
	map_init(&index->by_type, seed);
	map_init(&index->by_attribute, seed);
}

static void bucket_free(struct subscription_bucket *bucket)
{
	if (bucket && bucket->at != &bucket->first)
		free(bucket->at);
	free(bucket);
}

static void buckets_done(struct map *map)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(map, &at, &key, &value))
		bucket_free(value);
	map_done(map);
}

void subscription_index_done(struct subscription_index *index)
{
	buckets_done(&index->by_id);
	buckets_done(&index->by_type);
	buckets_done(&index->by_attribute);
	bucket_free(index->any);
	index->any = NULL;
}

static struct subscription_bucket *bucket_new(struct map *map, struct str key)
{
	struct subscription_bucket *bucket = calloc(1, sizeof(*bucket) + key.len);

	if (!bucket)
		return NULL;
	bucket->map = map;
	bucket->at = &bucket->first;
	bucket->room = 1;
	bucket->key_bytes = key.len;
	if (key.len)
		memcpy(bucket->key, key.at, key.len);
	return bucket;
}

static bool make_room(struct subscription_bucket *bucket)
{
	bool inside = bucket->at == &bucket->first;
	uint32_t room = bucket->room * 2; /* 1 at first */

	assert(bucket->room > 0);
	if (bucket->count < bucket->room)
		return true;
	struct subscribed **grown = realloc(inside ? NULL : bucket->at, room * sizeof(*grown));

	if (!grown)
		return false;
	if (inside)
		grown[0] = bucket->first;
	bucket->at = grown;
	bucket->room = room;
	return true;
}

/* The one remembers where it stands, so that taking it out needs nothing but itself. */
static bool remember(struct subscribed *one, struct subscription_bucket *bucket)
{
	bool full = (one->bucket_count & (one->bucket_count - 1)) == 0;

	if (full) {
		size_t room = one->bucket_count ? (size_t)one->bucket_count * 2 : 1;
		struct subscription_bucket **grown = realloc(one->buckets, room * sizeof(struct subscription_bucket *));

		if (!grown)
			return false;
		one->buckets = grown;
	}
	one->buckets[one->bucket_count++] = bucket;
	return true;
}

static bool bucket_add(struct subscription_bucket *bucket, struct subscribed *one)
{
	if (bucket->count > 0 && bucket->at[bucket->count - 1] == one)
		return true; /* two selectors that say the same */
	if (!make_room(bucket) || !remember(one, bucket))
		return false;
	bucket->at[bucket->count++] = one;
	return true;
}

static bool map_add(struct map *map, struct str key, struct subscribed *one)
{
	struct subscription_bucket *bucket = map_get(map, key);

	if (bucket)
		return bucket_add(bucket, one);
	bucket = bucket_new(map, key);
	if (!bucket)
		return false;
	if (!map_set(map, (struct str){bucket->key, bucket->key_bytes}, bucket)) {
		bucket_free(bucket);
		return false;
	}
	if (bucket_add(bucket, one))
		return true;
	(void)map_remove(map, key);
	bucket_free(bucket);
	return false;
}

static bool any_add(struct subscription_index *index, struct subscribed *one)
{
	if (!index->any)
		index->any = bucket_new(NULL, STR_NONE);
	return index->any && bucket_add(index->any, one);
}

static bool list_add(struct map *map, const struct str *keys, size_t count, struct subscribed *one)
{
	for (size_t i = 0; i < count; i++)
		if (!map_add(map, keys[i], one))
			return false;
	return true;
}

bool subscription_index_add(struct subscription_index *index, struct subscribed *one)
{
	const struct subscription *subscription = one->compiled->subscription;
	const struct subscription_key *keys;
	size_t watched_count, count = subscription_keys(subscription, &keys);
	const struct str *watched = subscription_watched(subscription, &watched_count);
	bool good = true;

	for (size_t i = 0; i < count && good; i++)
		if (keys[i].id_count)
			good = list_add(&index->by_id, keys[i].ids, keys[i].id_count, one);
		else if (keys[i].type_count)
			good = list_add(&index->by_type, keys[i].type_iris, keys[i].type_count, one);
		else
			good = any_add(index, one);
	if (count == 0 && watched_count)
		good = list_add(&index->by_attribute, watched, watched_count, one);
	else if (count == 0)
		good = any_add(index, one);
	if (!good)
		subscription_index_remove(one);
	return good;
}

static void bucket_remove(struct subscription_bucket *bucket, const struct subscribed *one)
{
	for (uint32_t i = 0; i < bucket->count; i++)
		if (bucket->at[i] == one) {
			bucket->at[i] = bucket->at[--bucket->count];
			break;
		}
	if (bucket->count > 0 || !bucket->map)
		return;
	(void)map_remove(bucket->map, (struct str){bucket->key, bucket->key_bytes});
	bucket_free(bucket);
}

void subscription_index_remove(struct subscribed *one)
{
	for (uint32_t i = 0; i < one->bucket_count; i++)
		bucket_remove(one->buckets[i], one);
	free(one->buckets);
	one->buckets = NULL;
	one->bucket_count = 0;
}

static void visit_bucket(const struct subscription_bucket *bucket, void (*visit)(void *self, struct subscribed *one),
			 void *self)
{
	for (uint32_t i = 0; bucket && i < bucket->count; i++)
		visit(self, bucket->at[i]);
}

void subscription_index_find(const struct subscription_index *index, struct str id, const struct json *types,
			     const struct change *changes, void (*visit)(void *self, struct subscribed *one),
			     void *self)
{
	if (index->by_id.count)
		visit_bucket(map_get(&index->by_id, id), visit, self);
	for (uint32_t i = 0; index->by_type.count && json_is(types, JSON_ARRAY) && i < types->count; i++)
		visit_bucket(map_get(&index->by_type, json_text(&types->items[i])), visit, self);
	for (const struct change *change = changes; index->by_attribute.count && change; change = change->next)
		visit_bucket(map_get(&index->by_attribute, change->attribute_iri), visit, self);
	visit_bucket(index->any, visit, self);
}
