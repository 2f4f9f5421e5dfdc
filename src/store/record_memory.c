/* Named records in the memory store: items whose key is the kind, a NUL and the id. */
#include "store/memory_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX (2 * STORE_RECORD_NAME_BYTES_MAX + 1)

struct record_key {
	struct str text;
	char bytes[KEY_BYTES_MAX];
};

/* False when no record can have such a name. */
static bool make_key(struct record_key *key, struct str kind, struct str id)
{
	if (kind.len > STORE_RECORD_NAME_BYTES_MAX || id.len > STORE_RECORD_NAME_BYTES_MAX)
		return false;
	if (kind.len)
		memcpy(key->bytes, kind.at, kind.len);
	key->bytes[kind.len] = '\0';
	if (id.len)
		memcpy(key->bytes + kind.len + 1, id.at, id.len);
	key->text = (struct str){key->bytes, kind.len + 1 + id.len};
	return true;
}

static struct memory_store *memory_store(struct store_backend *backend)
{
	return (struct memory_store *)backend;
}

static enum err_code not_there(struct str kind, struct str id, struct error *err)
{
	return err ? err_set(err, ERR_NOT_FOUND, "there is no %.*s %.*s", STR_FMT(kind), STR_FMT(id)) : ERR_NOT_FOUND;
}

static struct memory_item *pending_item(struct store_backend *backend, struct str kind, struct str id)
{
	struct record_key key;

	return make_key(&key, kind, id) ? map_get(&memory_store(backend)->records.pending, key.text) : NULL;
}

enum err_code memory_txn_record_put(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str doc, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct memory_item *item = pending_item(backend, kind, id);
	struct memory_text *text = memory_text_new(doc);
	struct record_key key;

	if (text && !item && make_key(&key, kind, id))
		item = memory_item_new(store, &store->records, key.text);
	if (!text || !item) {
		(void)memory_text_unref(text);
		return err_set(err, ERR_MEMORY, "no memory for a record");
	}
	txn->changed = true;
	return memory_item_change(store, &store->records, item, text, err);
}

enum err_code memory_txn_record_delete(struct store_backend *backend, struct store_txn *txn, struct str kind,
				       struct str id, struct error *err)
{
	struct memory_item *item = pending_item(backend, kind, id);

	if (!item)
		return not_there(kind, id, err);
	txn->changed = true;
	return memory_item_change(memory_store(backend), &memory_store(backend)->records, item, NULL, err);
}

enum err_code memory_txn_record_get(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str *ret_doc, struct error *err)
{
	const struct memory_item *item = pending_item(backend, kind, id);

	if (!item)
		return not_there(kind, id, err);
	return memory_text_copy(memory_text_ref(item->pending), &txn->arena, ret_doc, err);
}

enum err_code memory_record_get(struct store_snapshot *snapshot, struct str kind, struct str id, struct arena *arena,
				struct str *ret_doc, struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;
	struct memory_text *text = NULL;
	struct record_key key;

	if (make_key(&key, kind, id))
		text = memory_text_find(store, &store->records, key.text);
	return text ? memory_text_copy(text, arena, ret_doc, err) : not_there(kind, id, err);
}

/* ---- all of a kind ---- */

struct found {
	char *key; /* owned copy */
	size_t len;
	struct memory_text *text; /* counted */
};

static int found_cmp(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return str_cmp((struct str){x->key, x->len}, (struct str){y->key, y->len});
}

/* Under the lock. Fewer than there are when memory is refused: *ret_whole is false then. */
static size_t collect(const struct memory_store *store, struct str from, size_t kind_len, struct found *found,
		      bool *ret_whole)
{
	struct str prefix = str_part(from, 0, kind_len + 1), key;
	size_t count = 0, at = 0;
	void *value;

	*ret_whole = true;
	while (map_each(&store->records.committed, &at, &key, &value)) {
		const struct memory_item *item = value;

		if (!str_starts(key, prefix) || str_cmp(key, from) <= 0)
			continue;
		char *copy = malloc(key.len);

		if (!copy) {
			*ret_whole = false;
			return count;
		}
		memcpy(copy, key.at, key.len);
		found[count++] = (struct found){copy, key.len, memory_text_ref(item->committed)};
	}
	return count;
}

enum err_code memory_record_each(struct store_snapshot *snapshot, struct str kind, struct str after,
				 bool (*visit)(void *self, struct str id, struct str doc), void *self,
				 struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;
	struct record_key from;
	bool whole = false, go_on = true;
	size_t count = 0;

	if (!make_key(&from, kind, after))
		return ERR_OK;
	(void)pthread_mutex_lock(&store->lock);
	CLEANUP_MEMORY struct found *found = calloc(store->records.committed.count + 1, sizeof(*found));

	if (found)
		count = collect(store, from.text, kind.len, found, &whole);
	(void)pthread_mutex_unlock(&store->lock);
	if (count > 1)
		qsort(found, count, sizeof(*found), found_cmp);
	for (size_t i = 0; i < count; i++) {
		struct str id = str_part((struct str){found[i].key, found[i].len}, kind.len + 1, found[i].len);

		go_on = go_on && whole && visit(self, id, (struct str){found[i].text->at, found[i].text->len});
		free(found[i].key);
		(void)memory_text_unref(found[i].text);
	}
	return whole ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to list records");
}
