/* The memory store: transactions by an undo list, the operations in them, the table of operations. */
#include "store/memory_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct memory_store *memory_store(struct store_backend *backend)
{
	return (struct memory_store *)backend;
}

/* ---- transactions ---- */

static void undo_item(struct memory_store *store, const struct memory_undo *undo)
{
	struct memory_text *now = undo->item->pending;

	memory_item_set_pending(undo->list, undo->item, undo->before);
	(void)memory_text_unref(now);
	if (undo->item->pending || undo->item->committed)
		return;
	/* Its creation was taken back. */
	(void)pthread_mutex_lock(&store->lock);
	memory_item_free(undo->list, undo->item);
	(void)pthread_mutex_unlock(&store->lock);
}

static void undo_to(struct memory_store *store, size_t count)
{
	while (store->undo_count > count) {
		const struct memory_undo *undo = &store->undo[--store->undo_count];

		if (undo->kind == UNDO_ITEM) {
			undo_item(store, undo);
		} else {
			(void)pthread_mutex_lock(&store->lock);
			memory_history_undo(undo);
			(void)pthread_mutex_unlock(&store->lock);
		}
	}
}

static enum err_code memory_begin(struct store_backend *backend, struct error *err)
{
	(void)err;
	assert(memory_store(backend)->undo_count == 0);
	return ERR_OK;
}

static void commit_item(const struct memory_undo *undo)
{
	struct memory_item *item = undo->item;

	(void)memory_text_unref(undo->before);
	if (item->committed == item->pending)
		return;
	(void)memory_text_unref(item->committed);
	item->committed = memory_text_ref(item->pending);
	if (item->committed)
		memory_map_put(&undo->list->committed, item->key, item);
	else if (map_get(&undo->list->committed, item->key) == item)
		(void)map_remove(&undo->list->committed, item->key);
}

static void free_dead(struct memory_list *list)
{
	struct memory_item *next;

	for (struct memory_item *item = list->first; item; item = next) {
		next = item->next;
		if (!item->pending && !item->committed)
			memory_item_free(list, item);
	}
}

static enum err_code memory_commit(struct store_backend *backend, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	bool went = false;

	(void)err;
	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->undo_count; i++) {
		if (store->undo[i].kind != UNDO_ITEM)
			continue;
		commit_item(&store->undo[i]);
		went = went || !store->undo[i].item->pending;
	}
	memory_history_commit(store);
	store->undo_count = 0;
	store->owed_committed = store->owed_last;
	if (went) {
		free_dead(&store->entities);
		free_dead(&store->metas);
		free_dead(&store->records);
		free_dead(&store->subjects);
		free_dead(&store->outbox);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return ERR_OK;
}

static void memory_rollback(struct store_backend *backend)
{
	undo_to(memory_store(backend), 0);
	memory_store(backend)->owed_last = memory_store(backend)->owed_committed;
}

static enum err_code memory_savepoint(struct store_backend *backend, struct error *err)
{
	(void)err;
	memory_store(backend)->savepoint = memory_store(backend)->undo_count;
	memory_store(backend)->owed_savepoint = memory_store(backend)->owed_last;
	return ERR_OK;
}

static enum err_code memory_undo(struct store_backend *backend, struct error *err)
{
	(void)err;
	undo_to(memory_store(backend), memory_store(backend)->savepoint);
	memory_store(backend)->owed_last = memory_store(backend)->owed_savepoint;
	return ERR_OK;
}

static enum err_code memory_nothing(struct store_backend *backend, struct error *err)
{
	(void)backend;
	(void)err;
	return ERR_OK;
}

static bool memory_alive(struct store_backend *backend)
{
	(void)backend;
	return true;
}

static void memory_write_start(struct store_backend *backend)
{
	(void)backend;
}

static void memory_housekeeping(struct store_backend *backend)
{
	(void)backend;
}

/* ---- operations in a transaction ---- */

static enum err_code not_there(struct str id, struct error *err)
{
	return err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
}

static enum err_code memory_txn_get(struct store_backend *backend, struct store_txn *txn, struct str id,
				    struct json **ret_entity, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	const struct memory_item *item = map_get(&memory_store(backend)->entities.pending, id);

	if (!item)
		return not_there(id, err);
	return json_parse(txn->parser, &txn->arena, (struct str){item->pending->at, item->pending->len}, &options,
			  ret_entity, err);
}

static enum err_code memory_txn_put(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				    const struct json *entity, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct str id = document_id(entity);
	struct memory_item *item = map_get(&store->entities.pending, id);

	if (id.len == 0)
		return err_set(err, ERR_INVALID, "an entity without id cannot be stored");
	if (before && !item)
		return not_there(id, err);
	if (!before && item)
		return err_set(err, ERR_EXISTS, "entity %.*s exists already", STR_FMT(id));
	struct memory_text *text = memory_text_json(entity);

	if (text && !item)
		item = memory_item_new(store, &store->entities, id);
	if (!text || !item) {
		(void)memory_text_unref(text);
		return err_set(err, ERR_MEMORY, "no memory for %.*s", STR_FMT(id));
	}
	txn->changed = true;
	enum err_code code = memory_item_change(store, &store->entities, item, text, err);
	bool created;

	return code || before ? code : memory_subject_add(store, txn, id, NULL, 0, &created, err);
}

/* The types of an entity that goes stay with its subject. */
static enum err_code keep_types(struct memory_store *store, struct store_txn *txn, const struct json *entity,
				struct error *err)
{
	const struct json *list = json_get(entity, STR("type"));
	uint32_t count = json_is(list, JSON_ARRAY) ? list->count : 0;
	struct str *types = arena_array(&txn->arena, struct str, count);
	bool created;

	if (!types)
		return err_set(err, ERR_MEMORY, "no memory for types");
	for (uint32_t i = 0; i < count; i++)
		types[i] = json_text(&list->items[i]);
	return memory_subject_add(store, txn, document_id(entity), types, count, &created, err);
}

static enum err_code memory_txn_delete(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				       struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct memory_item *item = map_get(&store->entities.pending, document_id(before));

	if (!item)
		return not_there(document_id(before), err);
	txn->changed = true;
	enum err_code code = memory_item_change(store, &store->entities, item, NULL, err);

	return code ? code : keep_types(store, txn, before, err);
}

static enum err_code memory_txn_set_meta(struct store_backend *backend, struct store_txn *txn, struct str key,
					 struct str value, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct memory_item *item = map_get(&store->metas.pending, key);

	if (str_eq(key, STR("schema_version")))
		return err_set(err, ERR_INVALID, "schema_version is the store's own");
	txn->changed = true;
	if (!value.at)
		return item ? memory_item_change(store, &store->metas, item, NULL, err) : ERR_OK;
	struct memory_text *text = memory_text_new(value);

	if (text && !item)
		item = memory_item_new(store, &store->metas, key);
	if (!text || !item) {
		(void)memory_text_unref(text);
		return err_set(err, ERR_MEMORY, "no memory for a mark");
	}
	return memory_item_change(store, &store->metas, item, text, err);
}

static int text_cmp(const void *a, const void *b)
{
	const struct memory_text *const *x = a, *const *y = b;

	return str_cmp((struct str){(*x)->at, (*x)->len}, (struct str){(*y)->at, (*y)->len});
}

static enum err_code memory_txn_each_id(struct store_backend *backend, struct str prefix,
					bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	const struct map *map = &memory_store(backend)->entities.pending;
	CLEANUP_MEMORY struct memory_text **ids = calloc(map->count + 1, sizeof(struct memory_text *));
	size_t count = 0, at = 0;
	struct str id;
	void *item;
	enum err_code code = ids ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to list ids");

	while (code == ERR_OK && map_each(map, &at, &id, &item)) {
		if (!str_starts(id, prefix))
			continue;
		ids[count] = memory_text_new(id);
		if (ids[count])
			count++;
		else
			code = err_set(err, ERR_MEMORY, "no memory to list ids");
	}
	if (count > 1)
		qsort(ids, count, sizeof(struct memory_text *), text_cmp);
	for (size_t i = 0; code == ERR_OK && i < count; i++)
		if (!visit(self, (struct str){ids[i]->at, ids[i]->len}))
			break;
	for (size_t i = 0; i < count; i++)
		(void)memory_text_unref(ids[i]);
	return code;
}

/* ---- the store ---- */

static enum err_code memory_stats(struct store_backend *backend, struct store_stats *stats, struct error *err)
{
	struct memory_store *store = memory_store(backend);

	(void)err;
	(void)pthread_mutex_lock(&store->lock);
	stats->entities = store->entities.committed.count;
	stats->history_rows = memory_history_count(store);
	(void)pthread_mutex_unlock(&store->lock);
	return ERR_OK;
}

static enum err_code memory_history_stats(struct store_backend *backend, struct store_history_stats *ret_stats,
					  struct error *err)
{
	struct memory_store *store = memory_store(backend);

	(void)err;
	(void)pthread_mutex_lock(&store->lock);
	uint64_t points = memory_history_count(store);

	(void)pthread_mutex_unlock(&store->lock);
	*ret_stats = (struct store_history_stats){.points = points, .points_unpacked = points};
	return ERR_OK;
}

static void list_free(struct memory_list *list)
{
	while (list->first)
		memory_item_free(list, list->first);
	map_done(&list->pending);
	map_done(&list->committed);
}

static void memory_close(struct store_backend *backend)
{
	struct memory_store *store = memory_store(backend);

	list_free(&store->entities);
	list_free(&store->metas);
	list_free(&store->records);
	list_free(&store->subjects);
	list_free(&store->outbox);
	memory_history_free(store);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->undo);
	free(store);
}

static enum err_code memory_clone(struct store_backend *backend, const struct store_options *options,
				  struct store **ret_store, struct error *err);

static const struct store_backend_ops memory_ops = {
	.clone = memory_clone,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.savepoint = memory_savepoint,
	.undo = memory_undo,
	.release = memory_nothing,
	.alive = memory_alive,
	.write_start = memory_write_start,
	.write_finish = memory_nothing,
	.housekeeping = memory_housekeeping,
	.txn_get = memory_txn_get,
	.txn_put = memory_txn_put,
	.txn_delete = memory_txn_delete,
	.txn_history = memory_txn_history,
	.txn_has_instance = memory_txn_has_instance,
	.txn_each_id = memory_txn_each_id,
	.txn_set_meta = memory_txn_set_meta,
	.txn_record_put = memory_txn_record_put,
	.txn_record_delete = memory_txn_record_delete,
	.txn_record_get = memory_txn_record_get,
	.txn_each_expired = memory_txn_each_expired,
	.txn_prune = memory_txn_prune,
	.txn_subject_add = memory_txn_subject_add,
	.txn_subject_has = memory_txn_subject_has,
	.txn_subject_delete = memory_txn_subject_delete,
	.txn_series_delete = memory_txn_series_delete,
	.txn_instance_replace = memory_txn_instance_replace,
	.txn_owe = memory_txn_owe,
	.txn_owed_done = memory_txn_owed_done,
	.txn_owed_joined = memory_txn_owed_joined,
	.txn_owed_retry = memory_txn_owed_retry,
	.txn_owed_bury = memory_txn_owed_bury,
	.txn_owed_drop = memory_txn_owed_drop,
	.txn_dead_replay = memory_txn_dead_replay,
	.txn_dead_drop = memory_txn_dead_drop,
	.reader_new = memory_reader_new,
	.reader_free = memory_reader_free,
	.stats = memory_stats,
	.close = memory_close,
	.get = memory_get,
	.scan = memory_scan,
	.get_meta = memory_get_meta,
	.next_expiry = memory_next_expiry,
	.record_get = memory_record_get,
	.record_each = memory_record_each,
	.history_stats = memory_history_stats,
	.pack = memory_pack,
	.series_read = memory_series_read,
	.series_sums = memory_series_sums,
	.series_kept = memory_series_kept,
	.series_list = memory_series_list,
	.subject_get = memory_subject_get,
	.subject_each = memory_subject_each,
	.outbox_read = memory_outbox_read,
	.outbox_debts = memory_outbox_debts,
	.census = memory_census,
};

static struct memory_store *memory_new(void)
{
	struct memory_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	(void)pthread_mutex_init(&store->lock, NULL);
	map_init(&store->entities.pending, 0);
	map_init(&store->entities.committed, 0);
	map_init(&store->metas.pending, 0);
	map_init(&store->metas.committed, 0);
	map_init(&store->records.pending, 0);
	map_init(&store->records.committed, 0);
	map_init(&store->outbox.pending, 0);
	map_init(&store->outbox.committed, 0);
	map_init(&store->subjects.pending, 0);
	map_init(&store->subjects.committed, 0);
	return store;
}

enum err_code store_memory_open(struct store **ret_store, struct error *err)
{
	struct memory_store *store = memory_new();

	if (!store)
		return err_set(err, ERR_MEMORY, "no memory for a store");
	return store_new(&memory_ops, (struct store_backend *)store, false, ret_store, err);
}

/* The committed side; both have the same texts. */
static bool copy_list(struct memory_store *to, struct memory_list *list, const struct memory_list *from)
{
	for (const struct memory_item *item = from->first; item; item = item->next) {
		struct memory_item *copy = item->committed ? memory_item_new(to, list, item->key) : NULL;

		if (item->committed && !copy)
			return false;
		if (!copy)
			continue;
		memory_item_set_pending(list, copy, memory_text_ref(item->committed));
		copy->committed = memory_text_ref(item->committed);
		memory_map_put(&list->committed, copy->key, copy);
	}
	return true;
}

static enum err_code memory_clone(struct store_backend *backend, const struct store_options *options,
				  struct store **ret_store, struct error *err)
{
	struct memory_store *from = memory_store(backend), *to = memory_new();
	bool good = to != NULL;

	(void)options;
	(void)pthread_mutex_lock(&from->lock);
	good = good && copy_list(to, &to->entities, &from->entities) && copy_list(to, &to->subjects, &from->subjects) &&
	       copy_list(to, &to->metas, &from->metas) && memory_history_copy(to, from);
	(void)pthread_mutex_unlock(&from->lock);
	if (good)
		return store_new(&memory_ops, (struct store_backend *)to, false, ret_store, err);
	if (to)
		memory_close((struct store_backend *)to);
	return err_set(err, ERR_MEMORY, "no memory to copy a store");
}
