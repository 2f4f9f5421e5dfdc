/* Buckets by texts; each thing remembers which it is in, so that it is taken out without its texts. */
#include "broker/key_index.h"

#include <assert.h>
#include <stdlib.h>

struct key_bucket {
	struct map *map; /* that it stands in */
	void **at; /* owned, unless it is `first` */
	void *first;
	uint32_t count, room;
	size_t key_bytes;
	char key[];
};

void key_index_init(struct key_index *index, uint64_t seed)
{
	for (size_t i = 0; i < KEY_KINDS_MAX; i++)
		map_init(&index->buckets[i], seed);
}

static void bucket_free(struct key_bucket *bucket)
{
	if (bucket->at != &bucket->first)
		free(bucket->at);
	free(bucket);
}

void key_index_done(struct key_index *index)
{
	struct str key;
	void *value;

	for (size_t i = 0; i < KEY_KINDS_MAX; i++) {
		for (size_t at = 0; map_each(&index->buckets[i], &at, &key, &value);)
			bucket_free(value);
		map_done(&index->buckets[i]);
	}
}

static struct key_bucket *bucket_new(struct map *map, struct str key)
{
	struct key_bucket *bucket = calloc(1, sizeof(*bucket) + key.len);

	if (!bucket)
		return NULL;
	bucket->map = map;
	bucket->at = &bucket->first;
	bucket->room = 1;
	bucket->key_bytes = key.len;
	if (key.len)
		memcpy(bucket->key, key.at, key.len);
	if (map_set(map, (struct str){bucket->key, bucket->key_bytes}, bucket))
		return bucket;
	bucket_free(bucket);
	return NULL;
}

static void bucket_drop(struct key_bucket *bucket)
{
	(void)map_remove(bucket->map, (struct str){bucket->key, bucket->key_bytes});
	bucket_free(bucket);
}

static bool make_room(struct key_bucket *bucket)
{
	bool inside = bucket->at == &bucket->first;
	uint32_t room = bucket->room * 2; /* 1 at first */

	assert(bucket->room > 0);
	if (bucket->count < bucket->room)
		return true;
	void **grown = realloc(inside ? NULL : bucket->at, room * sizeof(*grown));

	if (!grown)
		return false;
	if (inside)
		grown[0] = bucket->first;
	bucket->at = grown;
	bucket->room = room;
	return true;
}

static bool remember(struct key_places *places, struct key_bucket *bucket)
{
	bool full = (places->count & (places->count - 1)) == 0;

	if (full) {
		size_t room = places->count ? (size_t)places->count * 2 : 1;
		struct key_bucket **grown = realloc(places->at, room * sizeof(struct key_bucket *));

		if (!grown)
			return false;
		places->at = grown;
	}
	places->at[places->count++] = bucket;
	return true;
}

bool key_index_add(struct key_index *index, unsigned kind, struct str key, void *thing, struct key_places *places)
{
	assert(kind < KEY_KINDS_MAX);
	struct map *map = &index->buckets[kind];
	struct key_bucket *bucket = map_get(map, key);

	if (bucket && bucket->at[bucket->count - 1] == thing)
		return true; /* it says the same twice */
	if (!bucket)
		bucket = bucket_new(map, key);
	if (!bucket)
		return false;
	if (make_room(bucket) && remember(places, bucket)) {
		bucket->at[bucket->count++] = thing;
		return true;
	}
	if (bucket->count == 0)
		bucket_drop(bucket);
	return false;
}

static void bucket_remove(struct key_bucket *bucket, const void *thing)
{
	for (uint32_t i = 0; i < bucket->count; i++)
		if (bucket->at[i] == thing) {
			bucket->at[i] = bucket->at[--bucket->count];
			break;
		}
	if (bucket->count == 0)
		bucket_drop(bucket);
}

void key_index_remove(struct key_places *places, const void *thing)
{
	for (uint32_t i = 0; i < places->count; i++)
		bucket_remove(places->at[i], thing);
	free(places->at);
	*places = (struct key_places){.at = NULL};
}

struct key_list key_index_find(const struct key_index *index, unsigned kind, struct str key)
{
	const struct map *map = &index->buckets[kind];
	const struct key_bucket *bucket = map->count ? map_get(map, key) : NULL;

	return bucket ? (struct key_list){bucket->at, bucket->count} : (struct key_list){.at = NULL};
}
