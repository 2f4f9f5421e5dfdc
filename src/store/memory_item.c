/* Texts and items of the memory store. */
#include "store/memory_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

struct memory_text *memory_text_new(struct str text)
{
	struct memory_text *copy = calloc(1, sizeof(*copy) + text.len + STORE_PADDING_BYTES);

	if (!copy)
		return NULL;
	atomic_init(&copy->references, 1);
	copy->len = text.len;
	if (text.len)
		memcpy(copy->at, text.at, text.len);
	return copy;
}

struct memory_text *memory_text_ref(struct memory_text *text)
{
	if (text)
		atomic_fetch_add(&text->references, 1);
	return text;
}

struct memory_text *memory_text_unref(struct memory_text *text)
{
	if (text && atomic_fetch_sub(&text->references, 1) == 1)
		free(text);
	return NULL;
}

struct memory_text *memory_text_json(const struct json *node)
{
	struct buf buf;

	buf_init(&buf, STORE_DOCUMENT_BYTES_MAX);
	json_write(&buf, node);
	struct memory_text *text = buf_check(&buf, "document", NULL) == ERR_OK ? memory_text_new(buf_str(&buf)) : NULL;

	buf_done(&buf);
	return text;
}

/* ---- items ---- */

void memory_map_put(struct map *map, struct str key, void *value)
{
	bool good = map_set(map, key, value);

	assert(good); /* a store for tests: it cannot go on without memory */
	(void)good;
}

struct memory_item *memory_item_new(struct memory_store *store, struct memory_list *list, struct str key)
{
	struct memory_item *item = calloc(1, sizeof(*item) + key.len + 1);

	if (!item)
		return NULL;
	char *copy = (char *)(item + 1);

	if (key.len)
		memcpy(copy, key.at, key.len);
	item->key = (struct str){copy, key.len};
	(void)pthread_mutex_lock(&store->lock);
	item->number = (int64_t)++store->items;
	item->previous = list->last;
	if (list->last)
		list->last->next = item;
	else
		list->first = item;
	list->last = item;
	(void)pthread_mutex_unlock(&store->lock);
	return item;
}

/* Under the lock. */
void memory_item_free(struct memory_list *list, struct memory_item *item)
{
	if (item->previous)
		item->previous->next = item->next;
	else
		list->first = item->next;
	if (item->next)
		item->next->previous = item->previous;
	else
		list->last = item->previous;
	(void)memory_text_unref(item->pending);
	(void)memory_text_unref(item->committed);
	free(item);
}

/* Takes text over (NULL: the item goes). */
void memory_item_set_pending(struct memory_list *list, struct memory_item *item, struct memory_text *text)
{
	item->pending = text;
	if (text)
		memory_map_put(&list->pending, item->key, item);
	else if (map_get(&list->pending, item->key) == item)
		(void)map_remove(&list->pending, item->key);
}

bool memory_undo_reserve(struct memory_store *store)
{
	if (store->undo_count < store->undo_room)
		return true;
	size_t room = store->undo_room ? store->undo_room * 2 : 64;
	struct memory_undo *grown = realloc(store->undo, room * sizeof(*grown));

	if (!grown)
		return false;
	store->undo = grown;
	store->undo_room = room;
	return true;
}

/* Sets what is pending and notes how to take it back. Takes text over. */
enum err_code memory_item_change(struct memory_store *store, struct memory_list *list, struct memory_item *item,
				 struct memory_text *text, struct error *err)
{
	if (!memory_undo_reserve(store)) {
		(void)memory_text_unref(text);
		return err_set(err, ERR_MEMORY, "no memory for a change");
	}
	store->undo[store->undo_count++] =
		(struct memory_undo){.kind = UNDO_ITEM, .list = list, .item = item, .before = item->pending};
	memory_item_set_pending(list, item, text);
	return ERR_OK;
}
