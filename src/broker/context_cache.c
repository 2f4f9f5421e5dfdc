/* Contexts at hand for every request: built ones are kept by the text of their "@context" value.
 *
 * A value that names documents is built from those that the store of contexts has; the first one missing stops the
 * attempt, is fetched, and the attempt is repeated. Each round has one document more, so the rounds are bounded. What
 * is kept is bounded by the bytes that it was built from, and is built again when a part has grown old or when a stored
 * context was deleted or reloaded since (the store's generation). */
#include "broker/context_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define CONTEXTS_MAX 256 /* built contexts kept */
#define CONTEXTS_SOURCE_BYTES_MAX ((size_t)8 << 20) /* of the texts that they were built from */
#define CONTEXT_KEY_BYTES_MAX 16384 /* larger values are built each time */
#define CONTEXT_ROUNDS_MAX (CONTEXT_PARTS_MAX * 2)

struct entry {
	struct context *context; /* counted */
	int64_t until_us; /* to be built again */
	uint64_t generation; /* of the store, when it was built */
	size_t source_bytes;
	uint64_t used;
	struct usage **usages; /* of its parts; counted */
	size_t usage_count;
	size_t key_len;
	char key[];
};

struct context_cache {
	const struct broker *broker;
	struct context_store *store;
	pthread_mutex_t lock; /* guards all below; held for a look only */
	struct map by_key; /* struct entry, owned */
	size_t source_bytes;
	uint64_t uses;
};

/* One attempt to build. */
struct attempt {
	struct context_store *store;
	struct part parts[CONTEXT_PARTS_MAX]; /* counted, until the context is built */
	size_t part_count;
	size_t source_bytes;
	int64_t until_us;
	uint64_t generation;
	char missing[CONTEXT_URL_BYTES_MAX]; /* the document that must be fetched first */
	size_t missing_len;
};

enum err_code context_cache_new(struct broker *broker, struct context_cache **ret_cache, struct error *err)
{
	struct context_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return err_set(err, ERR_MEMORY, "no memory for the @context cache");
	cache->broker = broker;
	map_init(&cache->by_key, (uint64_t)(uintptr_t)cache);
	(void)pthread_mutex_init(&cache->lock, NULL);
	enum err_code code = context_store_new(broker, &cache->store, err);

	if (code != ERR_OK) {
		(void)context_cache_free(cache);
		return code;
	}
	*ret_cache = cache;
	return ERR_OK;
}

enum err_code context_cache_load(struct context_cache *cache, struct error *err)
{
	return context_store_load(cache->store, err);
}

struct context_store *context_cache_store(struct context_cache *cache)
{
	return cache->store;
}

static void entry_free(struct entry *entry)
{
	for (size_t i = 0; i < entry->usage_count; i++)
		usage_unref(entry->usages[i]);
	free(entry->usages);
	(void)context_unref(entry->context);
	free(entry);
}

struct context_cache *context_cache_free(struct context_cache *cache)
{
	struct str key;
	void *entry;
	size_t at = 0;

	if (!cache)
		return NULL;
	(void)context_store_free(cache->store);
	while (map_each(&cache->by_key, &at, &key, &entry))
		entry_free(entry);
	map_done(&cache->by_key);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
	return NULL;
}

/* ---- what is kept ---- */

static struct context *find(struct context_cache *cache, struct str key)
{
	struct context *context = NULL;
	int64_t now_us = broker_now_us(cache->broker);
	uint64_t generation = atomic_load(&cache->store->generation);

	(void)pthread_mutex_lock(&cache->lock);
	struct entry *entry = map_get(&cache->by_key, key);

	if (entry && now_us < entry->until_us && entry->generation == generation) {
		entry->used = ++cache->uses;
		context = context_ref(entry->context);
		for (size_t i = 0; i < entry->usage_count; i++)
			usage_note(entry->usages[i], now_us);
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return context;
}

/* With the lock held. */
static void drop(struct context_cache *cache, struct entry *entry)
{
	(void)map_remove(&cache->by_key, (struct str){entry->key, entry->key_len});
	cache->source_bytes -= entry->source_bytes;
	entry_free(entry);
}

static void make_room(struct context_cache *cache, size_t source_bytes)
{
	while (cache->by_key.count >= CONTEXTS_MAX || cache->source_bytes + source_bytes > CONTEXTS_SOURCE_BYTES_MAX) {
		struct entry *oldest = NULL;
		struct str key;
		void *value;
		size_t at = 0;

		while (map_each(&cache->by_key, &at, &key, &value)) {
			struct entry *entry = value;

			if (!oldest || entry->used < oldest->used)
				oldest = entry;
		}
		if (!oldest)
			return;
		drop(cache, oldest);
	}
}

/* Keeps a context; that it cannot be kept is no error. */
static void keep(struct context_cache *cache, struct str key, struct context *context, const struct attempt *attempt)
{
	size_t source_bytes = attempt->source_bytes + key.len;

	if (key.len > CONTEXT_KEY_BYTES_MAX || source_bytes > CONTEXTS_SOURCE_BYTES_MAX)
		return;
	struct entry *entry = malloc(sizeof(*entry) + key.len);
	struct usage **usages = calloc(attempt->part_count + 1, sizeof(struct usage *));

	if (!entry || !usages) {
		free(entry);
		free(usages);
		return;
	}
	*entry = (struct entry){.context = context_ref(context),
				.until_us = attempt->until_us,
				.generation = attempt->generation,
				.source_bytes = source_bytes,
				.usages = usages,
				.key_len = key.len};
	memcpy(entry->key, key.at, key.len);
	for (; entry->usage_count < attempt->part_count; entry->usage_count++) {
		usages[entry->usage_count] = attempt->parts[entry->usage_count].usage;
		(void)atomic_fetch_add_explicit(&usages[entry->usage_count]->references, 1, memory_order_relaxed);
	}
	(void)pthread_mutex_lock(&cache->lock);
	struct entry *old = map_get(&cache->by_key, key);

	if (old)
		drop(cache, old);
	make_room(cache, source_bytes);
	entry->used = ++cache->uses;
	bool kept = map_set(&cache->by_key, (struct str){entry->key, key.len}, entry);

	if (kept)
		cache->source_bytes += source_bytes;
	(void)pthread_mutex_unlock(&cache->lock);
	if (!kept)
		entry_free(entry);
}

/* ---- building ---- */

static enum err_code resolve(void *self, struct str url, struct context_document *ret_document, struct error *err)
{
	struct attempt *attempt = self;
	struct part part;

	if (attempt->part_count == CONTEXT_PARTS_MAX)
		return err_set(err, ERR_LIMIT, "an @context of more than %d remote parts", CONTEXT_PARTS_MAX);
	enum err_code code = context_store_get(attempt->store, url, &part, err);

	if (code == ERR_TIMEOUT) {
		memcpy(attempt->missing, url.at, url.len);
		attempt->missing_len = url.len;
	}
	if (code != ERR_OK)
		return code;
	attempt->parts[attempt->part_count++] = part;
	attempt->source_bytes += part.body->len;
	if (part.until_us < attempt->until_us)
		attempt->until_us = part.until_us;
	*ret_document = (struct context_document){{part.body->bytes, part.body->len}, part.body->base};
	return ERR_OK;
}

static void release_parts(const struct attempt *attempt, bool used, int64_t now_us)
{
	for (size_t i = 0; i < attempt->part_count; i++) {
		if (used)
			usage_note(attempt->parts[i].usage, now_us);
		usage_unref(attempt->parts[i].usage);
		body_unref(attempt->parts[i].body);
	}
}

/* Builds from what is at hand. ERR_TIMEOUT: attempt->missing must be fetched first. */
static enum err_code build(struct broker *broker, const struct json *value, struct str key, struct attempt *attempt,
			   struct context **ret, struct error *err)
{
	struct context_cache *cache = broker->contexts;
	struct context_resolver resolver = {resolve, attempt};
	struct context *context;

	attempt->store = cache->store;
	attempt->part_count = attempt->source_bytes = attempt->missing_len = 0;
	attempt->until_us = INT64_MAX;
	attempt->generation = atomic_load(&cache->store->generation);
	enum err_code code = context_new(broker->core, value, &resolver, &context, err);

	if (code == ERR_OK)
		keep(cache, key, context, attempt);
	release_parts(attempt, code == ERR_OK, broker_now_us(broker));
	if (code == ERR_OK)
		*ret = context;
	return code;
}

static bool is_core(const struct json *value)
{
	if (!value || json_is(value, JSON_NULL))
		return true;
	if (json_is(value, JSON_STRING))
		return context_url_is_core(json_text(value));
	if (!json_is(value, JSON_ARRAY))
		return false;
	for (uint32_t i = 0; i < value->count; i++)
		if (!json_is(&value->items[i], JSON_STRING) || !context_url_is_core(json_text(&value->items[i])))
			return false;
	return true;
}

/* Repeats the attempt until nothing is missing, or until something has to be waited for. */
static enum err_code build_rounds(struct broker *broker, const struct json *value, struct str key,
				  void (*wake)(void *wake_self), void *wake_self, struct context **ret,
				  struct error *err)
{
	CLEANUP_MEMORY struct attempt *attempt = malloc(sizeof(*attempt));

	if (!attempt)
		return err_set(err, ERR_MEMORY, "no memory for an @context");
	for (int round = 0; round < CONTEXT_ROUNDS_MAX; round++) {
		enum err_code code = build(broker, value, key, attempt, ret, err);
		bool ready;

		if (code != ERR_TIMEOUT)
			return code;
		struct str url = {attempt->missing, attempt->missing_len};

		code = context_store_want(broker->contexts->store, url, wake, wake_self, &ready, err);
		if (code != ERR_OK)
			return code;
		if (!ready)
			return err_set(err, ERR_TIMEOUT, "the @context %.*s is being fetched",
				       STR_FMT(str_part(url, 0, 150)));
	}
	return err_set(err, ERR_CONTEXT, "the parts of an @context do not stay in the cache together");
}

enum err_code broker_context(struct broker *broker, const struct json *context_value, void (*wake)(void *wake_self),
			     void *wake_self, struct context **ret, struct error *err)
{
	struct buf key;

	if (is_core(context_value)) {
		*ret = context_ref(broker->core);
		return ERR_OK;
	}
	buf_init(&key, SIZE_MAX / 2);
	json_write(&key, context_value);
	enum err_code code = buf_check(&key, "an @context", err);
	struct context *context = code == ERR_OK ? find(broker->contexts, buf_str(&key)) : NULL;

	if (context)
		*ret = context;
	else if (code == ERR_OK)
		code = build_rounds(broker, context_value, buf_str(&key), wake, wake_self, ret, err);
	buf_done(&key);
	return code;
}
