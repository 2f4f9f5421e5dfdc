/* The outbox in the memory store: items whose key is the number, and whose text is a head and three texts. */
#include "store/memory_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct head {
	int64_t number, subscription, made_us, due_us, dead_us;
	size_t entity_len, body_len, why_len; /* behind this struct, in this order */
	uint32_t tries;
	bool dead;
};

static struct memory_store *memory_store(struct store_backend *backend)
{
	return (struct memory_store *)backend;
}

static struct str key_of(const int64_t *number)
{
	return (struct str){(const char *)number, sizeof(*number)};
}

/* ---- texts ---- */

static void put_part(char **at, struct str part)
{
	if (part.len)
		memcpy(*at, part.at, part.len);
	*at += part.len;
}

static struct memory_text *pack(const struct store_dead *from, bool dead)
{
	const struct store_owed *owed = &from->owed;
	const struct head head = {.number = owed->number,
				  .subscription = owed->subscription,
				  .made_us = owed->made_us,
				  .due_us = owed->due_us,
				  .dead_us = from->dead_us,
				  .entity_len = owed->entity_id.len,
				  .body_len = owed->body.len,
				  .why_len = from->why.len,
				  .tries = owed->tries,
				  .dead = dead};
	size_t len = sizeof(head) + head.entity_len + head.body_len + head.why_len;
	CLEANUP_MEMORY char *bytes = malloc(len);

	if (!bytes)
		return NULL;
	char *at = bytes;

	put_part(&at, (struct str){(const char *)&head, sizeof(head)});
	put_part(&at, owed->entity_id);
	put_part(&at, owed->body);
	put_part(&at, from->why);
	return memory_text_new((struct str){bytes, len});
}

/* Borrows from the text; whether it is a dead letter. */
static bool unpack(const struct memory_text *text, struct store_dead *ret)
{
	struct head head;

	memcpy(&head, text->at, sizeof(head));
	const char *entity = text->at + sizeof(head), *body = entity + head.entity_len;

	*ret = (struct store_dead){
		.owed = {.number = head.number,
			 .subscription = head.subscription,
			 .entity_id = {entity, head.entity_len},
			 .made_us = head.made_us,
			 .due_us = head.due_us,
			 .tries = head.tries,
			 .body = {body, head.body_len}},
		.dead_us = head.dead_us,
		.why = {body + head.body_len, head.why_len},
	};
	return head.dead;
}

/* ---- in a write ---- */

/* What the transaction sees of a number, as it was asked for; NULL: there is none. */
static struct memory_item *find(struct memory_store *store, int64_t number, bool dead, struct store_dead *ret)
{
	struct memory_item *item = map_get(&store->outbox.pending, key_of(&number));

	return item && unpack(item->pending, ret) == dead ? item : NULL;
}

static enum err_code not_there(const char *what, int64_t number, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no %s %lld", what, (long long)number);
}

static enum err_code set(struct memory_store *store, struct store_txn *txn, struct memory_item *item,
			 const struct store_dead *to, bool dead, struct error *err)
{
	struct memory_text *text = pack(to, dead);

	if (!text)
		return err_set(err, ERR_MEMORY, "no memory for notification %lld", (long long)to->owed.number);
	txn->changed = true;
	return memory_item_change(store, &store->outbox, item, text, err);
}

static enum err_code drop(struct memory_store *store, struct store_txn *txn, struct memory_item *item,
			  struct error *err)
{
	txn->changed = true;
	return memory_item_change(store, &store->outbox, item, NULL, err);
}

static bool gives_way(const struct store_owed *there, const struct store_owed *owed)
{
	return there->subscription == owed->subscription && str_eq(there->entity_id, owed->entity_id) &&
	       there->tries == 0 && there->due_us > there->made_us && there->due_us > owed->made_us;
}

static enum err_code give_way(struct memory_store *store, struct store_txn *txn, const struct store_owed *owed,
			      int64_t *due_us, struct error *err)
{
	struct memory_item *next;
	bool any = false;
	enum err_code code = ERR_OK;

	for (struct memory_item *item = store->outbox.first; code == ERR_OK && item; item = next) {
		struct store_dead there;

		next = item->next;
		if (!item->pending || unpack(item->pending, &there) || !gives_way(&there.owed, owed))
			continue;
		if (!any || there.owed.due_us < *due_us)
			*due_us = there.owed.due_us;
		any = true;
		code = drop(store, txn, item, err);
	}
	return code;
}

enum err_code memory_txn_owe(struct store_backend *backend, struct store_txn *txn, const struct store_owed *owed,
			     bool replace, int64_t *ret_number, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead added = {.owed = *owed};
	enum err_code code = replace ? give_way(store, txn, owed, &added.owed.due_us, err) : ERR_OK;

	if (code)
		return code;
	added.owed.number = store->owed_last + 1;
	struct memory_item *item = memory_item_new(store, &store->outbox, key_of(&added.owed.number));

	if (!item)
		return err_set(err, ERR_MEMORY, "no memory for notification %lld", (long long)added.owed.number);
	code = set(store, txn, item, &added, false, err);
	if (code == ERR_OK)
		*ret_number = ++store->owed_last;
	return code;
}

enum err_code memory_txn_owed_done(struct store_backend *backend, struct store_txn *txn, const int64_t *numbers,
				   size_t count, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		struct store_dead there;
		struct memory_item *item = find(store, numbers[i], false, &there);

		if (item)
			code = drop(store, txn, item, err);
	}
	return code;
}

enum err_code memory_txn_owed_retry(struct store_backend *backend, struct store_txn *txn, int64_t number,
				    int64_t due_us, uint32_t tries, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead there;
	struct memory_item *item = find(store, number, false, &there);

	if (!item)
		return not_there("owed notification", number, err);
	there.owed.due_us = due_us;
	there.owed.tries = tries;
	return set(store, txn, item, &there, false, err);
}

enum err_code memory_txn_owed_joined(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     struct str body, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead there;
	struct memory_item *item = find(store, number, false, &there);

	if (!item)
		return not_there("owed notification", number, err);
	there.owed.entity_id = STR_NONE;
	there.owed.body = body;
	return set(store, txn, item, &there, false, err);
}

enum err_code memory_txn_owed_bury(struct store_backend *backend, struct store_txn *txn, int64_t number, int64_t now_us,
				   struct str why, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead there;
	struct memory_item *item = find(store, number, false, &there);

	if (!item)
		return not_there("owed notification", number, err);
	there.dead_us = now_us;
	there.why = why;
	return set(store, txn, item, &there, true, err);
}

/* First what is owed, then dead letters; *rows counts on. */
static enum err_code drop_some(struct memory_store *store, struct store_txn *txn, int64_t subscription, bool dead,
			       uint32_t rows_max, uint32_t *rows, bool *more, struct error *err)
{
	struct memory_item *next;
	enum err_code code = ERR_OK;

	for (struct memory_item *item = store->outbox.first; code == ERR_OK && item; item = next) {
		struct store_dead there;

		next = item->next;
		if (!item->pending || unpack(item->pending, &there) != dead || there.owed.subscription != subscription)
			continue;
		*more = *more || *rows == rows_max;
		if (*rows == rows_max)
			break;
		code = drop(store, txn, item, err);
		++*rows;
	}
	return code;
}

enum err_code memory_txn_owed_drop(struct store_backend *backend, struct store_txn *txn, int64_t subscription,
				   bool dead_too, uint32_t rows_max, bool *ret_more, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	uint32_t rows = 0;
	bool more = false;
	enum err_code code = drop_some(store, txn, subscription, false, rows_max, &rows, &more, err);

	if (code == ERR_OK && dead_too)
		code = drop_some(store, txn, subscription, true, rows_max, &rows, &more, err);
	if (code == ERR_OK)
		*ret_more = more;
	return code;
}

enum err_code memory_txn_dead_replay(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     int64_t now_us, struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead there;
	struct memory_item *item = find(store, number, true, &there);

	if (!item)
		return not_there("dead letter", number, err);
	there.owed.made_us = there.owed.due_us = now_us;
	there.owed.tries = 0;
	there.dead_us = 0;
	there.why = STR_NONE;
	return set(store, txn, item, &there, false, err);
}

enum err_code memory_txn_dead_drop(struct store_backend *backend, struct store_txn *txn, int64_t number,
				   struct error *err)
{
	struct memory_store *store = memory_store(backend);
	struct store_dead there;
	struct memory_item *item = find(store, number, true, &there);

	return item ? drop(store, txn, item, err) : not_there("dead letter", number, err);
}

/* ---- reading, under the lock ---- */

static enum err_code read_locked(const struct memory_store *store, struct outbox_list *list, struct error *err)
{
	enum err_code code = ERR_OK;
	bool full = false;

	/* Items stand in the order in which they were made, which is that of their numbers. */
	for (const struct memory_item *item = store->outbox.first; code == ERR_OK && !full && item; item = item->next) {
		struct store_dead there;

		if (!item->committed || unpack(item->committed, &there) != list->dead ||
		    there.owed.number <= list->after)
			continue;
		if (list->subscription && there.owed.subscription != list->subscription)
			continue;
		code = outbox_list_add(list, &there, &full, err);
	}
	return code;
}

enum err_code memory_outbox_read(struct store_snapshot *snapshot, struct outbox_list *list, struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;

	(void)pthread_mutex_lock(&store->lock);
	enum err_code code = read_locked(store, list, err);

	(void)pthread_mutex_unlock(&store->lock);
	return code;
}

static enum err_code count_one(struct outbox_debts *debts, const struct store_owed *owed, bool dead, struct error *err)
{
	size_t i = 0;
	enum err_code code = ERR_OK;

	while (i < debts->count && debts->at[i].subscription != owed->subscription)
		i++;
	if (i == debts->count)
		code = outbox_debts_add(debts,
					&(struct store_debt){.subscription = owed->subscription,
							     .oldest_us = INT64_MAX,
							     .next_due_us = INT64_MAX},
					err);
	if (code)
		return code;
	struct store_debt *debt = &debts->at[i];

	debt->dead += dead;
	if (dead)
		return ERR_OK;
	debt->last = owed->number;
	if (debt->owed++ == 0) {
		debt->first = owed->number;
		debt->oldest_us = owed->made_us;
	}
	if (owed->due_us < debt->next_due_us)
		debt->next_due_us = owed->due_us;
	return ERR_OK;
}

static int debt_cmp(const void *a, const void *b)
{
	const struct store_debt *x = a, *y = b;

	return (x->subscription > y->subscription) - (x->subscription < y->subscription);
}

enum err_code memory_outbox_debts(struct store_snapshot *snapshot, struct outbox_debts *debts, struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&store->lock);
	for (const struct memory_item *item = store->outbox.first; code == ERR_OK && item; item = item->next) {
		struct store_dead there;
		bool dead = item->committed && unpack(item->committed, &there);

		if (item->committed)
			code = count_one(debts, &there.owed, dead, err);
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (code == ERR_OK && debts->count > 1)
		qsort(debts->at, debts->count, sizeof(*debts->at), debt_cmp);
	return code;
}
