/* Which subscriptions a change can concern: by the entity's id, by its types, by the attributes that changed. An id
 * says more than a type, a type more than an attribute: each selector stands in the buckets of the first that it has.
 * What has neither stands among those that are looked at for every change. */
#include "broker/subscriptions_int.h"

#include <stdlib.h>
#include <string.h>

struct subscription_bucket {
	struct subscribed **at; /* owned */
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
	if (bucket)
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

static struct subscription_bucket *bucket_new(struct str key)
{
	struct subscription_bucket *bucket = calloc(1, sizeof(*bucket) + key.len);

	if (!bucket)
		return NULL;
	bucket->key_bytes = key.len;
	if (key.len)
		memcpy(bucket->key, key.at, key.len);
	return bucket;
}

static bool bucket_add(struct subscription_bucket *bucket, struct subscribed *one)
{
	if (bucket->count > 0 && bucket->at[bucket->count - 1] == one)
		return true; /* two selectors that say the same */
	if (bucket->count == bucket->room) {
		uint32_t room = bucket->room ? bucket->room * 2 : 1;
		struct subscribed **grown = realloc(bucket->at, room * sizeof(*grown));

		if (!grown)
			return false;
		bucket->at = grown;
		bucket->room = room;
	}
	bucket->at[bucket->count++] = one;
	return true;
}

static void bucket_remove(struct subscription_bucket *bucket, const struct subscribed *one)
{
	for (uint32_t i = 0; bucket && i < bucket->count;)
		if (bucket->at[i] == one)
			bucket->at[i] = bucket->at[--bucket->count];
		else
			i++;
}

static bool map_add(struct map *map, struct str key, struct subscribed *one)
{
	struct subscription_bucket *bucket = map_get(map, key);

	if (bucket)
		return bucket_add(bucket, one);
	bucket = bucket_new(key);
	if (bucket && bucket_add(bucket, one) && map_set(map, (struct str){bucket->key, bucket->key_bytes}, bucket))
		return true;
	bucket_free(bucket);
	return false;
}

static void map_drop(struct map *map, struct str key, const struct subscribed *one)
{
	struct subscription_bucket *bucket = map_get(map, key);

	if (!bucket)
		return;
	bucket_remove(bucket, one);
	if (bucket->count > 0)
		return;
	(void)map_remove(map, key);
	bucket_free(bucket);
}

static bool any_add(struct subscription_index *index, struct subscribed *one)
{
	if (!index->any)
		index->any = bucket_new(STR_NONE);
	return index->any && bucket_add(index->any, one);
}

static bool list_add(struct map *map, const struct str *keys, size_t count, struct subscribed *one)
{
	for (size_t i = 0; i < count; i++)
		if (!map_add(map, keys[i], one))
			return false;
	return true;
}

static void list_drop(struct map *map, const struct str *keys, size_t count, const struct subscribed *one)
{
	for (size_t i = 0; i < count; i++)
		map_drop(map, keys[i], one);
}

bool subscription_index_add(struct subscription_index *index, struct subscribed *one)
{
	const struct subscription_key *keys;
	size_t watched_count, count = subscription_keys(one->compiled, &keys);
	const struct str *watched = subscription_watched(one->compiled, &watched_count);
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
		subscription_index_remove(index, one);
	return good;
}

void subscription_index_remove(struct subscription_index *index, struct subscribed *one)
{
	const struct subscription_key *keys;
	size_t watched_count, count = subscription_keys(one->compiled, &keys);
	const struct str *watched = subscription_watched(one->compiled, &watched_count);

	for (size_t i = 0; i < count; i++) {
		list_drop(&index->by_id, keys[i].ids, keys[i].id_count, one);
		list_drop(&index->by_type, keys[i].type_iris, keys[i].type_count, one);
	}
	if (count == 0)
		list_drop(&index->by_attribute, watched, watched_count, one);
	bucket_remove(index->any, one);
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
