/* The outbox: the calls, for every kind of store. */
#include "store/store_int.h"

#include <assert.h>
#include <string.h>

#define ROOM_FIRST 16u

/* ---- in a write ---- */

static enum err_code check_owed(const struct store_owed *owed, struct error *err)
{
	if (owed->subscription <= 0)
		return err_set(err, ERR_INVALID, "a notification for subscription %lld: numbers begin with 1",
			       (long long)owed->subscription);
	if (owed->body.len > STORE_OWED_BODY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a notification for subscription %lld has %zu bytes, more than %zu",
			       (long long)owed->subscription, owed->body.len, STORE_OWED_BODY_BYTES_MAX);
	return ERR_OK;
}

enum err_code store_txn_owe(struct store_txn *txn, const struct store_owed *owed, bool replace, int64_t *ret_number,
			    struct error *err)
{
	struct error local = {0};
	int64_t number;
	enum err_code code = store_txn_check(txn, err);

	if (code == ERR_OK)
		code = check_owed(owed, err);
	if (code)
		return code;
	code = txn->store->ops->txn_owe(txn->store->backend, txn, owed, replace, &number, &local);
	if (code == ERR_OK && ret_number)
		*ret_number = number;
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_owed_done(struct store_txn *txn, const int64_t *numbers, size_t count, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_owed_done(txn->store->backend, txn, numbers, count, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_owed_joined(struct store_txn *txn, int64_t number, struct str body, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code == ERR_OK && body.len > STORE_OWED_BODY_BYTES_MAX)
		code = err_set(err, ERR_LIMIT, "a notification has %zu bytes, more than %zu", body.len,
			       STORE_OWED_BODY_BYTES_MAX);
	if (code)
		return code;
	code = txn->store->ops->txn_owed_joined(txn->store->backend, txn, number, body, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_owed_retry(struct store_txn *txn, int64_t number, int64_t due_us, uint32_t tries,
				   struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_owed_retry(txn->store->backend, txn, number, due_us, tries, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_owed_bury(struct store_txn *txn, int64_t number, int64_t now_us, struct str why,
				  struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_owed_bury(txn->store->backend, txn, number, now_us, why, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_owed_drop(struct store_txn *txn, int64_t subscription, bool dead_too, uint32_t rows_max,
				  bool *ret_more, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	assert(rows_max > 0);
	if (code)
		return code;
	code = txn->store->ops->txn_owed_drop(txn->store->backend, txn, subscription, dead_too, rows_max, ret_more,
					      &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_dead_replay(struct store_txn *txn, int64_t number, int64_t now_us, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_dead_replay(txn->store->backend, txn, number, now_us, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_dead_drop(struct store_txn *txn, int64_t number, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_dead_drop(txn->store->backend, txn, number, &local);
	return store_txn_change(txn, code, &local, err);
}

/* ---- lists in an arena ---- */

/* With the parser's padding; an empty text stays STR_NONE. False when refused. */
static bool copy_text(struct arena *arena, struct str *text)
{
	char *copy = text->len ? arena_bytes(arena, text->len, STORE_PADDING_BYTES) : NULL;

	if (text->len == 0) {
		*text = STR_NONE;
		return true;
	}
	if (!copy)
		return false;
	memcpy(copy, text->at, text->len);
	text->at = copy;
	return true;
}

enum err_code outbox_list_add(struct outbox_list *list, const struct store_dead *dead, bool *ret_full,
			      struct error *err)
{
	size_t len = dead->owed.body.len;

	*ret_full = list->count >= list->count_max ||
		    (list->count > 0 && (len > list->bytes_max || list->bytes > list->bytes_max - len));
	if (*ret_full)
		return ERR_OK;
	struct store_dead *at = arena_grow(list->arena, list->at, list->count, &list->room, sizeof(*at), ROOM_FIRST);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory to list %zu notifications", list->count + 1);
	list->at = at;
	struct store_dead *added = &list->at[list->count];

	*added = *dead;
	if (!copy_text(list->arena, &added->owed.entity_id) || !copy_text(list->arena, &added->owed.body) ||
	    !copy_text(list->arena, &added->why))
		return err_set(err, ERR_MEMORY, "no memory for notification %lld of %zu bytes",
			       (long long)dead->owed.number, len);
	list->count++;
	list->bytes += len;
	return ERR_OK;
}

enum err_code outbox_debts_add(struct outbox_debts *debts, const struct store_debt *debt, struct error *err)
{
	struct store_debt *at =
		arena_grow(debts->arena, debts->at, debts->count, &debts->room, sizeof(*at), ROOM_FIRST);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory to list what is owed to %zu subscriptions",
			       debts->count + 1);
	debts->at = at;
	debts->at[debts->count++] = *debt;
	return ERR_OK;
}

/* ---- reading ---- */

enum err_code store_owed_read(struct store_reader *reader, int64_t subscription, int64_t after, uint32_t count_max,
			      size_t bytes_max, struct arena *arena, struct store_owed_list *ret, struct error *err)
{
	struct outbox_list list = {.subscription = subscription,
				   .after = after,
				   .count_max = count_max,
				   .bytes_max = bytes_max,
				   .arena = arena};

	enum err_code code = reader->store->ops->outbox_read(reader->snapshot, &list, err);

	if (code)
		return store_read_ended(reader->store, code);
	struct store_owed *at = arena_array(arena, struct store_owed, list.count);

	if (!at)
		return err_set(err, ERR_MEMORY, "no memory to list %zu notifications", list.count);
	for (size_t i = 0; i < list.count; i++)
		at[i] = list.at[i].owed;
	*ret = (struct store_owed_list){at, list.count};
	return ERR_OK;
}

enum err_code store_debts(struct store_reader *reader, struct arena *arena, struct store_debt **ret, size_t *ret_count,
			  struct error *err)
{
	struct outbox_debts debts = {.arena = arena};
	enum err_code code = reader->store->ops->outbox_debts(reader->snapshot, &debts, err);

	if (code)
		return store_read_ended(reader->store, code);
	*ret = debts.at;
	*ret_count = debts.count;
	return ERR_OK;
}

enum err_code store_dead_read(struct store_reader *reader, int64_t subscription, int64_t after, uint32_t count_max,
			      size_t bytes_max, struct arena *arena, struct store_dead **ret, size_t *ret_count,
			      struct error *err)
{
	struct outbox_list list = {.dead = true,
				   .subscription = subscription,
				   .after = after,
				   .count_max = count_max,
				   .bytes_max = bytes_max,
				   .arena = arena};
	enum err_code code = reader->store->ops->outbox_read(reader->snapshot, &list, err);

	if (code)
		return store_read_ended(reader->store, code);
	*ret = list.at;
	*ret_count = list.count;
	return ERR_OK;
}
