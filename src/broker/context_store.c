/* The table of stored @contexts: remote ones by their URL, all by their id. */
#include "broker/context_int.h"
#include "broker/random_id.h"

#include "base/time_value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct str id_prefix = {"urn:uuid:", 9};

/* ---- bodies and usages ---- */

struct body *body_new(struct str text, struct str base)
{
	struct body *body = malloc(sizeof(*body) + text.len + base.len);

	if (!body)
		return NULL;
	atomic_init(&body->references, 1);
	body->len = text.len;
	if (text.len)
		memcpy(body->bytes, text.at, text.len);
	body->base = STR_NONE;
	if (base.len) {
		memcpy(body->bytes + text.len, base.at, base.len);
		body->base = (struct str){body->bytes + text.len, base.len};
	}
	return body;
}

void body_unref(struct body *body)
{
	if (body && atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1)
		free(body);
}

void usage_unref(struct usage *usage)
{
	if (usage && atomic_fetch_sub_explicit(&usage->references, 1, memory_order_acq_rel) == 1)
		free(usage);
}

void usage_note(struct usage *usage, int64_t now_us)
{
	if (!atomic_load_explicit(&usage->missed, memory_order_relaxed) || !atomic_exchange(&usage->missed, false))
		(void)atomic_fetch_add_explicit(&usage->hits, 1, memory_order_relaxed);
	atomic_store_explicit(&usage->last_us, now_us, memory_order_relaxed);
}

/* ---- documents ---- */

struct document *document_new(enum stored_context_kind kind, struct str url, struct str tenant)
{
	struct document *document = calloc(1, sizeof(*document) + url.len + 1);
	struct usage *usage = calloc(1, sizeof(*usage));

	if (!document || !usage) {
		free(document);
		free(usage);
		return NULL;
	}
	assert(tenant.len < sizeof(document->tenant));
	atomic_init(&usage->references, 1);
	document->usage = usage;
	document->kind = kind;
	document->state = DOCUMENT_SETTLED;
	document->url_len = url.len;
	if (url.len)
		memcpy(document->url, url.at, url.len);
	if (tenant.len)
		memcpy(document->tenant, tenant.at, tenant.len);
	return document;
}

void document_free(struct document *document)
{
	body_unref(document->body);
	usage_unref(document->usage);
	free(document);
}

static void make_id(char id[static CONTEXT_ID_BYTES])
{
	static_assert(CONTEXT_ID_BYTES == sizeof("urn:uuid:") - 1 + RANDOM_UUID_BYTES, "a UUID fits");
	memcpy(id, id_prefix.at, id_prefix.len);
	if (random_uuid(id + id_prefix.len, NULL) != ERR_OK)
		abort(); /* the kernel is broken */
}

bool documents_name(struct context_store *store, struct document *document)
{
	if (!document->id[0])
		make_id(document->id);
	return map_set(&store->by_id, str_from(document->id), document);
}

void documents_set_body(struct context_store *store, struct document *document, struct body *body)
{
	size_t *bytes = document->kind == CONTEXT_CACHED ? &store->cached_bytes : &store->stored_bytes;

	*bytes -= document->body ? document->body->len : 0;
	body_unref(document->body);
	document->body = body;
	*bytes += body ? body->len : 0;
}

/* Its record goes with the next one that is stored; when too many wait, at the next start. */
static void drop_record(struct context_store *store, const struct document *document)
{
	if (document->has_record && store->drop_count < CONTEXT_DROPS_MAX)
		memcpy(store->drops[store->drop_count++], document->id, CONTEXT_ID_BYTES);
}

void documents_remove(struct context_store *store, struct document *document)
{
	if (document->url_len)
		(void)map_remove(&store->by_url, (struct str){document->url, document->url_len});
	(void)map_remove(&store->by_id, str_from(document->id));
	documents_set_body(store, document, NULL);
	if (document->kind != CONTEXT_CACHED)
		store->stored_count--;
	if (document->state == DOCUMENT_SETTLED)
		document_free(document);
	else
		document->gone = true;
}

/* Drops the settled remote one that was not used for the longest time. */
static bool drop_oldest(struct context_store *store)
{
	struct document *oldest = NULL;
	struct str url;
	void *value;
	size_t at = 0;

	while (map_each(&store->by_url, &at, &url, &value)) {
		struct document *document = value;

		if (document->state == DOCUMENT_SETTLED && !document->deleting &&
		    (!oldest || document->used < oldest->used))
			oldest = document;
	}
	if (!oldest)
		return false;
	drop_record(store, oldest);
	documents_remove(store, oldest);
	return true;
}

bool documents_make_room(struct context_store *store)
{
	/* At most CONTEXT_FETCHES_MAX of them are not settled, so that there is one to drop unless all are deleted. */
	static_assert(CONTEXT_FETCHES_MAX < CONTEXT_DOCUMENTS_MAX, "a full table has a settled document");
	return store->by_url.count < CONTEXT_DOCUMENTS_MAX || drop_oldest(store);
}

void documents_trim(struct context_store *store)
{
	while (store->cached_bytes > CONTEXT_DOCUMENTS_BYTES_MAX && drop_oldest(store))
		;
}

/* ---- the store ---- */

enum err_code context_store_new(struct broker *broker, struct context_store **ret_store, struct error *err)
{
	struct context_store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(err, ERR_MEMORY, "no memory for the @context store");
	store->broker = broker;
	store->core = broker->core;
	map_init(&store->by_url, (uint64_t)(uintptr_t)store);
	map_init(&store->by_id, (uint64_t)(uintptr_t)store);
	(void)pthread_mutex_init(&store->lock, NULL);
	(void)pthread_cond_init(&store->wanted, NULL);
	(void)pthread_cond_init(&store->settled, NULL);
	*ret_store = store;
	return ERR_OK;
}

struct context_store *context_store_free(struct context_store *store)
{
	struct str key;
	void *document;
	size_t at = 0;

	if (!store)
		return NULL;
	context_fetch_stop(store);
	while (map_each(&store->by_id, &at, &key, &document))
		document_free(document);
	map_done(&store->by_id);
	map_done(&store->by_url);
	(void)pthread_cond_destroy(&store->settled);
	(void)pthread_cond_destroy(&store->wanted);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}

/* ---- finding ---- */

struct document *documents_find(struct context_store *store, struct str tenant, struct str name)
{
	struct document *document = map_get(&store->by_id, name);

	if (!document)
		document = map_get(&store->by_url, name);
	/* Without a body it is known only as what could not be had. */
	if (!document || document->pending || !document->body)
		return NULL;
	return str_eq(str_from(document->tenant), tenant) ? document : NULL;
}

/* The hosted or implicitly created one that a URL names: by its id, or by the path that we serve it under. */
static struct document *find_own(struct context_store *store, struct str url)
{
	char id[CONTEXT_ID_BYTES];
	struct str path = STR(CONTEXT_PATH), rest = url;
	size_t len = 0;

	for (size_t at = 0; at + path.len <= url.len; at++)
		if (str_starts(str_part(url, at, url.len), path))
			rest = str_part(url, at + path.len, url.len);
	/* Colons may come percent-encoded. */
	for (size_t at = 0; at < rest.len; at++) {
		struct str encoded = str_part(rest, at, at + 3);
		bool colon = str_eq_nocase(encoded, STR("%3A"));

		if (len == sizeof(id))
			return NULL;
		id[len++] = colon ? ':' : rest.at[at];
		at += colon ? 2 : 0;
	}
	struct document *document = map_get(&store->by_id, (struct str){id, len});

	return document && document->kind != CONTEXT_CACHED && !document->pending ? document : NULL;
}

static void take_part(struct context_store *store, struct document *document, int64_t until_us, struct part *ret)
{
	document->used = ++store->uses;
	(void)atomic_fetch_add_explicit(&document->body->references, 1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&document->usage->references, 1, memory_order_relaxed);
	*ret = (struct part){document->body, document->usage, until_us};
}

static enum err_code get_remote(struct context_store *store, struct str url, struct part *ret_part, struct error *err)
{
	struct document *document = map_get(&store->by_url, url);

	if (!store->broker->options.fetch && !(document && document->body))
		return err_set(err, ERR_CONTEXT, "remote @contexts are not fetched here");
	if (!str_eq_nocase(str_part(url, 0, 7), STR("http://")) && !str_eq_nocase(str_part(url, 0, 8), STR("https://")))
		return err_set(err, ERR_CONTEXT, "the @context %.*s is not stored here, and no URL of http or https",
			       STR_FMT(str_part(url, 0, 120)));
	if (url.len > CONTEXT_URL_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "an @context URL of %zu bytes, at most %d are taken", url.len,
			       CONTEXT_URL_BYTES_MAX);
	if (!document || !document_is_current(store, document)) {
		if (!document || !context_fetch_behind(store, document))
			return err_set(err, ERR_TIMEOUT, "the @context must be fetched first");
		/* Looked at again soon, for what the fetch brings. */
		take_part(store, document, broker_now_us(store->broker) + CONTEXT_FRESH_S_MIN * US_PER_S, ret_part);
		return ERR_OK;
	}
	if (!document->body) {
		if (err)
			*err = document->failure;
		return document->failure.code;
	}
	take_part(store, document, document->again_us, ret_part);
	return ERR_OK;
}

enum err_code context_store_get(struct context_store *store, struct str url, struct part *ret_part, struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	struct document *own = find_own(store, url);

	if (own)
		take_part(store, own, INT64_MAX, ret_part);
	else
		code = get_remote(store, url, ret_part, err);
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}
