/* The outbox in SQLite: a table of what is owed and one of dead letters, both by number.
 *
 * Rows come at the end of the table; beside it they go into one small index, and into a second one only where they were
 * made to wait. The last number given is kept in memory while a transaction runs and stored with its end; it is read
 * anew in the next one, because another process may have written meanwhile. docs/decisions/0013-outbox.md says what was
 * compared. */
#include "store/sqlite_int.h"

#include <stdlib.h>
#include <string.h>

static struct sqlite_store *sqlite_store(struct store_backend *backend)
{
	return (struct sqlite_store *)backend;
}

/* ---- numbers ---- */

void sqlite_outbox_forget(struct sqlite_store *store)
{
	store->outbox = (struct sqlite_outbox){.known = false};
}

void sqlite_outbox_start(struct sqlite_store *store)
{
	store->outbox.known_before = store->outbox.known;
	store->outbox.last_before = store->outbox.last;
}

void sqlite_outbox_undo(struct sqlite_store *store)
{
	store->outbox.known = store->outbox.known_before;
	store->outbox.last = store->outbox.last_before;
}

enum err_code sqlite_outbox_store(struct sqlite_store *store, struct error *err)
{
	struct sqlite_outbox *outbox = &store->outbox;
	sqlite3_stmt *stmt;

	if (!outbox->known || outbox->last == outbox->stored)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_OWED_NOTE, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, outbox->last);
	code = sqlite_finish(&store->writer, SQL_OWED_NOTE, stmt, "noting the last number of the outbox", err);
	if (code == ERR_OK)
		outbox->stored = outbox->last;
	return code;
}

static enum err_code know_last(struct sqlite_store *store, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t last;
	bool row;

	if (store->outbox.known)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_OWED_LAST, &stmt, err);

	if (code == ERR_OK)
		code = sqlite_number(&store->writer, SQL_OWED_LAST, stmt, "reading the last number of the outbox",
				     &last, &row, err);
	if (code == ERR_OK && (last < 0 || last == INT64_MAX))
		code = err_set(err, ERR_CORRUPT, "%s: the last number of the outbox is %lld", store->writer.path,
			       (long long)last);
	if (code)
		return code;
	store->outbox.last = store->outbox.stored = last;
	store->outbox.known = true;
	return ERR_OK;
}

/* ---- in a write ---- */

/* What waits for the same gives way; *due_us becomes its earliest. */
static enum err_code give_way(struct sqlite_conn *conn, const struct store_owed *owed, int64_t *due_us,
			      struct error *err)
{
	sqlite3_stmt *stmt;
	bool row, any = false;
	enum err_code code = sqlite_take(conn, SQL_OWED_REPLACE, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, owed->subscription);
	sqlite_bind_text(stmt, 2, owed->entity_id);
	sqlite_bind_int(stmt, 3, owed->made_us);
	for (;;) {
		code = sqlite_step(conn, stmt, "replacing a notification", &row, err);
		if (code || !row)
			break;
		int64_t due = sqlite3_column_int64(stmt, 0);

		if (!any || due < *due_us)
			*due_us = due;
		any = true;
	}
	sqlite_give(conn, SQL_OWED_REPLACE, stmt);
	return code;
}

static enum err_code add(struct sqlite_conn *conn, const struct store_owed *owed, int64_t number, int64_t due_us,
			 struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_OWED_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	sqlite_bind_int(stmt, 2, owed->subscription);
	sqlite_bind_text(stmt, 3, owed->entity_id);
	sqlite_bind_int(stmt, 4, owed->made_us);
	sqlite_bind_int(stmt, 5, due_us);
	sqlite_bind_int(stmt, 6, owed->tries);
	sqlite_bind_bytes(stmt, 7, owed->body);
	return sqlite_finish(conn, SQL_OWED_ADD, stmt, "owing a notification", err);
}

enum err_code sqlite_txn_owe(struct store_backend *backend, struct store_txn *txn, const struct store_owed *owed,
			     bool replace, int64_t *ret_number, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	int64_t due_us = owed->due_us;
	enum err_code code = know_last(store, err);

	if (code)
		return code;
	txn->changed = true;
	if (replace)
		code = give_way(&store->writer, owed, &due_us, err);
	if (code == ERR_OK)
		code = add(&store->writer, owed, store->outbox.last + 1, due_us, err);
	if (code == ERR_OK)
		*ret_number = ++store->outbox.last;
	return code;
}

/* Runs a statement whose first two parameters are these numbers; *ret_rows says how many rows it changed. */
static enum err_code change(struct store_backend *backend, struct store_txn *txn, enum sqlite_sql sql, int64_t first,
			    int64_t second, int64_t *ret_rows, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, first);
	sqlite_bind_int(stmt, 2, second);
	code = sqlite_finish(conn, sql, stmt, "changing the outbox", err);
	if (code)
		return code;
	*ret_rows = sqlite3_changes64(conn->db);
	txn->changed = txn->changed || *ret_rows > 0;
	return ERR_OK;
}

static int number_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* A copy in ascending order, or the same where they ascend; NULL when refused. */
static const int64_t *ascending(struct arena *arena, const int64_t *numbers, size_t count)
{
	size_t i = 1;

	while (i < count && numbers[i - 1] < numbers[i])
		i++;
	if (i >= count)
		return numbers;
	int64_t *copy = arena_array(arena, int64_t, count);

	if (!copy)
		return NULL;
	memcpy(copy, numbers, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), number_cmp);
	return copy;
}

enum err_code sqlite_txn_owed_done(struct store_backend *backend, struct store_txn *txn, const int64_t *numbers,
				   size_t count, struct error *err)
{
	const int64_t *sorted = count ? ascending(&txn->arena, numbers, count) : NULL;
	enum err_code code = ERR_OK;
	int64_t rows;

	if (count && !sorted)
		return err_set(err, ERR_MEMORY, "no memory for %zu numbers of notifications", count);
	/* One statement for each stretch of numbers without a gap: what receivers of one pace leave behind. */
	for (size_t i = 0, next; code == ERR_OK && i < count; i = next) {
		for (next = i + 1; next < count && sorted[next] - 1 <= sorted[next - 1];)
			next++;
		code = change(backend, txn, SQL_OWED_DONE, sorted[i], sorted[next - 1], &rows, err);
	}
	return code;
}

static enum err_code not_there(const char *what, int64_t number, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no %s %lld", what, (long long)number);
}

/* Of a statement that changes the one that is owed under this number. */
static enum err_code finish_one(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt, const char *doing,
				int64_t number, struct store_txn *txn, struct error *err)
{
	enum err_code code = sqlite_finish(conn, sql, stmt, doing, err);

	if (code)
		return code;
	if (sqlite3_changes64(conn->db) == 0)
		return not_there("owed notification", number, err);
	txn->changed = true;
	return ERR_OK;
}

enum err_code sqlite_txn_owed_retry(struct store_backend *backend, struct store_txn *txn, int64_t number,
				    int64_t due_us, uint32_t tries, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_OWED_RETRY, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	sqlite_bind_int(stmt, 2, due_us);
	sqlite_bind_int(stmt, 3, tries);
	return finish_one(conn, SQL_OWED_RETRY, stmt, "putting a notification off", number, txn, err);
}

enum err_code sqlite_txn_owed_joined(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     struct str body, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_OWED_JOINED, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	sqlite_bind_bytes(stmt, 2, body);
	return finish_one(conn, SQL_OWED_JOINED, stmt, "joining notifications", number, txn, err);
}

enum err_code sqlite_txn_owed_bury(struct store_backend *backend, struct store_txn *txn, int64_t number, int64_t now_us,
				   struct str why, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	int64_t rows;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_OWED_BURY, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	sqlite_bind_int(stmt, 2, now_us);
	sqlite_bind_text(stmt, 3, why);
	code = finish_one(conn, SQL_OWED_BURY, stmt, "burying a notification", number, txn, err);
	return code ? code : change(backend, txn, SQL_OWED_DONE, number, number, &rows, err);
}

enum err_code sqlite_txn_owed_drop(struct store_backend *backend, struct store_txn *txn, int64_t subscription,
				   bool dead_too, uint32_t rows_max, bool *ret_more, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	int64_t owed = 0, dead = 0, left = 0;
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = change(backend, txn, SQL_OWED_DROP, subscription, rows_max, &owed, err);

	if (code == ERR_OK && dead_too)
		code = change(backend, txn, SQL_DEAD_DROP_SOME, subscription, rows_max - owed, &dead, err);
	if (code == ERR_OK)
		code = sqlite_take(conn, SQL_OWED_LEFT, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subscription);
	sqlite_bind_int(stmt, 2, dead_too);
	code = sqlite_number(conn, SQL_OWED_LEFT, stmt, "looking what is left in the outbox", &left, &row, err);
	if (code == ERR_OK)
		*ret_more = left != 0;
	return code;
}

enum err_code sqlite_txn_dead_replay(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     int64_t now_us, struct error *err)
{
	int64_t rows;
	enum err_code code = change(backend, txn, SQL_DEAD_REPLAY, number, now_us, &rows, err);

	return code ? code : sqlite_txn_dead_drop(backend, txn, number, err);
}

enum err_code sqlite_txn_dead_drop(struct store_backend *backend, struct store_txn *txn, int64_t number,
				   struct error *err)
{
	struct sqlite_conn *conn = &sqlite_store(backend)->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_DEAD_DROP, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	code = sqlite_finish(conn, SQL_DEAD_DROP, stmt, "dropping a dead letter", err);
	if (code)
		return code;
	if (sqlite3_changes64(conn->db) == 0)
		return not_there("dead letter", number, err);
	txn->changed = true;
	return ERR_OK;
}

/* ---- reading ---- */

static struct store_dead row_of(sqlite3_stmt *stmt, bool dead)
{
	return (struct store_dead){
		.owed = {.number = sqlite3_column_int64(stmt, 0),
			 .subscription = sqlite3_column_int64(stmt, 1),
			 .entity_id = sqlite_text(stmt, 2),
			 .made_us = sqlite3_column_int64(stmt, 3),
			 .due_us = sqlite3_column_int64(stmt, 4),
			 .tries = (uint32_t)sqlite3_column_int64(stmt, 5),
			 .body = sqlite_text(stmt, 6)},
		.dead_us = dead ? sqlite3_column_int64(stmt, 7) : 0,
		.why = dead ? sqlite_text(stmt, 8) : STR_NONE,
	};
}

enum err_code sqlite_outbox_read(struct store_snapshot *snapshot, struct outbox_list *list, struct error *err)
{
	struct sqlite_conn *conn = &((struct sqlite_reader *)snapshot)->conn;
	const enum sqlite_sql statements[2][2] = {{SQL_OWED_READ_ALL, SQL_OWED_READ},
						  {SQL_DEAD_READ_ALL, SQL_DEAD_READ}};
	enum sqlite_sql sql = statements[list->dead][list->subscription != 0];
	sqlite3_stmt *stmt;
	bool row, full = false;

	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, list->after);
	if (list->subscription)
		sqlite_bind_int(stmt, 2, list->subscription);
	while (!full) {
		code = sqlite_step(conn, stmt, "reading the outbox", &row, err);
		if (code || !row)
			break;
		struct store_dead dead = row_of(stmt, list->dead);

		code = outbox_list_add(list, &dead, &full, err);
		if (code)
			break;
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_outbox_debts(struct store_snapshot *snapshot, struct outbox_debts *debts, struct error *err)
{
	struct sqlite_conn *conn = &((struct sqlite_reader *)snapshot)->conn;
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_OWED_DEBTS, &stmt, err);

	if (code)
		return code;
	for (;;) {
		code = sqlite_step(conn, stmt, "counting what is owed", &row, err);
		if (code || !row)
			break;
		bool owed = sqlite3_column_int64(stmt, 1) > 0;

		code = outbox_debts_add(debts,
					&(struct store_debt){
						.subscription = sqlite3_column_int64(stmt, 0),
						.owed = (uint64_t)sqlite3_column_int64(stmt, 1),
						.dead = (uint64_t)sqlite3_column_int64(stmt, 2),
						.first = owed ? sqlite3_column_int64(stmt, 5) : 0,
						.last = owed ? sqlite3_column_int64(stmt, 6) : 0,
						.oldest_us = owed ? sqlite3_column_int64(stmt, 3) : INT64_MAX,
						.next_due_us = owed ? sqlite3_column_int64(stmt, 4) : INT64_MAX,
					},
					err);
		if (code)
			break;
	}
	sqlite_give(conn, SQL_OWED_DEBTS, stmt);
	return code;
}
