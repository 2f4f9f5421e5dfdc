/* Looking at stored @contexts: list, details, content. Source: GS CIM 009 V1.9.1 clauses 5.13.3, 5.13.4. */
#include "broker/context_int.h"

#include <stdlib.h>

static bool describe(const struct document *document, struct arena *arena, struct stored_context *ret)
{
	bool cached = document->kind == CONTEXT_CACHED;

	*ret = (struct stored_context){
		.id = arena_dup(arena, str_from(document->id)),
		.kind = document->kind,
		.created_us = document->created_us,
		.expires_us = cached ? document->again_us : 0,
		.last_usage_us = atomic_load(&document->usage->last_us),
		.hits = atomic_load(&document->usage->hits),
		.bytes = document->body->len,
	};
	if (cached)
		ret->url = arena_dup(arena, (struct str){document->url, document->url_len});
	if (document->etag[0])
		ret->etag = arena_dup(arena, str_from(document->etag));
	if (document->failure.code != ERR_OK)
		ret->failure = arena_dup(arena, str_from(document->failure.detail));
	return ret->id.at && (!cached || ret->url.at);
}

static int by_age(const void *a, const void *b)
{
	const struct stored_context *x = a, *y = b;

	if (x->created_us != y->created_us)
		return x->created_us < y->created_us ? -1 : 1;
	return str_cmp(x->id, y->id);
}

/* With the lock held; false when memory is refused. */
static bool list_all(const struct context_store *store, struct str tenant, unsigned int kinds, struct arena *arena,
		     struct stored_context *list, size_t *ret_count)
{
	struct str id;
	void *value;
	size_t at = 0, count = 0;

	while (map_each(&store->by_id, &at, &id, &value)) {
		const struct document *document = value;

		if (document->pending || !document->body || !(kinds & (1u << document->kind)) ||
		    !str_eq(str_from(document->tenant), tenant))
			continue;
		if (!describe(document, arena, &list[count++]))
			return false;
	}
	*ret_count = count;
	return true;
}

enum err_code stored_context_list(struct broker *broker, struct str tenant, unsigned int kinds, struct arena *arena,
				  struct stored_context **ret_list, size_t *ret_count, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	size_t count = 0;

	(void)pthread_mutex_lock(&store->lock);
	struct stored_context *list = arena_array(arena, struct stored_context, store->by_id.count + 1);
	bool good = list && list_all(store, tenant, kinds, arena, list, &count);

	(void)pthread_mutex_unlock(&store->lock);
	if (!good)
		return err_set(err, ERR_MEMORY, "no memory to list @contexts");
	qsort(list, count, sizeof(*list), by_age);
	*ret_list = list;
	*ret_count = count;
	return ERR_OK;
}

enum err_code context_not_there(struct str name, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no stored @context %.*s", STR_FMT(str_part(name, 0, 150)));
}

enum err_code stored_context_find(struct broker *broker, struct str tenant, struct str name, struct arena *arena,
				  struct stored_context *ret_context, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	const struct document *document = documents_find(store, tenant, name);

	if (!document)
		code = context_not_there(name, err);
	else if (!describe(document, arena, ret_context))
		code = err_set(err, ERR_MEMORY, "no memory to show an @context");
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}

enum err_code stored_context_serve(struct broker *broker, struct str tenant, struct str name, struct arena *arena,
				   struct str *ret_document, struct error *err)
{
	struct context_store *store = context_cache_store(broker->contexts);
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	const struct document *document = documents_find(store, tenant, name);

	if (!document && !tenant.at) {
		document = map_get(&store->by_id, name);
		if (document && (document->pending || document->kind == CONTEXT_CACHED))
			document = NULL;
	}
	if (!document) {
		code = context_not_there(name, err);
	} else if (document->kind == CONTEXT_CACHED) {
		code = err_set(err, ERR_UNSUPPORTED, "a cached @context is not served; it is to be had at %.150s",
			       document->url);
	} else {
		*ret_document = arena_dup(arena, (struct str){document->body->bytes, document->body->len});
		usage_note(document->usage, broker_now_us(broker));
		if (!ret_document->at)
			code = err_set(err, ERR_MEMORY, "no memory to show an @context");
	}
	(void)pthread_mutex_unlock(&store->lock);
	return code;
}
