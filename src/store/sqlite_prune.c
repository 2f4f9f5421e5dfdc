/* Pruning the history by age: bounded work, from the oldest slice on.
 *
 * Without a prefix a slice that is old as a whole goes at once. With one, the slice's subjects are looked at in turn,
 * each asked for its id. Those of others would be passed again at every call, so the place where a prefix
 * may still have points is remembered; it is only a short cut, forgotten with a rollback or another prefix.
 *
 * Once nothing old is left, subjects without entity and without points go, a few at a time: vehicles that ran once
 * would otherwise pile up as names of whom nothing can be read. */
#include "store/sqlite_int.h"

#include <string.h>

#define PRUNE_SUBJECTS_MAX 64u /* dropped by one call */
#define PRUNE_LOOKS_EXTRA 4096u /* subjects looked at in slices, beyond four for each row that may go */

struct pruning {
	struct sqlite_store *store;
	struct str prefix;
	int64_t before_us;
	uint32_t rows_left; /* how many may still go */
	uint64_t looks_left; /* how many subjects may still be looked at */
	uint32_t rows; /* gone */
};

struct slice {
	int64_t number, at_us_max, points;
};

/* Points of the prefix may be left from here on. The first call of a pruning counts. */
static void keep_mark(const struct pruning *pruning, int64_t slice, int64_t subject)
{
	struct sqlite_prune_mark *mark = &pruning->store->prune;

	if (mark->set || pruning->prefix.len > sizeof(mark->prefix))
		return;
	if (pruning->prefix.len)
		memcpy(mark->prefix, pruning->prefix.at, pruning->prefix.len);
	mark->prefix_len = pruning->prefix.len;
	mark->slice = slice;
	mark->subject = subject;
	mark->set = true;
}

static enum err_code next_slice(const struct pruning *pruning, int64_t from, struct slice *ret_slice, bool *ret_found,
				struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_SLICE_OLDER, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, from);
	sqlite_bind_int(stmt, 2, pruning->before_us);
	code = sqlite_step(conn, stmt, "looking for old history", ret_found, err);
	if (code == ERR_OK && *ret_found) {
		*ret_slice = (struct slice){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
					    sqlite3_column_int64(stmt, 2)};
		/* Slices in between are too young now, not for ever. */
		if (sqlite3_column_type(stmt, 3) == SQLITE_INTEGER)
			keep_mark(pruning, sqlite3_column_int64(stmt, 3), INT64_MIN);
	}
	sqlite_give(conn, SQL_SLICE_OLDER, stmt);
	return code;
}

static enum err_code next_subject(const struct pruning *pruning, int64_t slice, int64_t from, int64_t *ret_subject,
				  bool *ret_found, struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_POINT_NEXT_SUBJECT, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice);
	sqlite_bind_int(stmt, 2, from);
	return sqlite_number(conn, SQL_POINT_NEXT_SUBJECT, stmt, "looking for old history", ret_subject, ret_found,
			     err);
}

static enum err_code subject_is_meant(const struct pruning *pruning, int64_t subject, bool *ret_meant,
				      struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;
	bool row = false;

	if (pruning->prefix.len == 0) {
		*ret_meant = true;
		return ERR_OK;
	}
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_ID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	code = sqlite_step(conn, stmt, "looking for old history", &row, err);
	if (code == ERR_OK)
		*ret_meant = row && str_starts(sqlite_text(stmt, 0), pruning->prefix);
	sqlite_give(conn, SQL_SUBJECT_ID, stmt);
	return code;
}

static enum err_code prune_subject(struct pruning *pruning, int64_t slice, int64_t subject, struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;
	bool meant = false;
	enum err_code code = subject_is_meant(pruning, subject, &meant, err);

	if (code || !meant)
		return code;
	uint32_t bundled;

	code = sqlite_bundle_prune(conn, slice, subject, pruning->before_us, pruning->rows_left, &bundled, err);
	if (code)
		return code;
	pruning->rows += bundled;
	pruning->rows_left -= bundled;
	code = sqlite_take(conn, SQL_POINT_DELETE, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice);
	sqlite_bind_int(stmt, 2, subject);
	sqlite_bind_int(stmt, 3, pruning->before_us);
	sqlite_bind_int(stmt, 4, pruning->rows_left);
	code = sqlite_finish(conn, SQL_POINT_DELETE, stmt, "pruning history", err);
	if (code == ERR_OK) {
		uint32_t rows = (uint32_t)sqlite3_changes64(conn->db);

		pruning->rows += rows;
		pruning->rows_left -= rows;
	}
	return code;
}

static enum err_code prune_slice(struct pruning *pruning, const struct slice *slice, int64_t from_subject,
				 struct error *err)
{
	int64_t subject = from_subject;
	bool found = false;
	enum err_code code = next_subject(pruning, slice->number, subject, &subject, &found, err);

	if (slice->at_us_max >= pruning->before_us)
		keep_mark(pruning, slice->number, from_subject);
	while (code == ERR_OK && found) {
		if (pruning->rows_left > 0 && pruning->looks_left > 0)
			code = prune_subject(pruning, slice->number, subject, err);
		if (code)
			break;
		/* With no row left this subject may have more. */
		if (pruning->rows_left == 0 || pruning->looks_left == 0) {
			keep_mark(pruning, slice->number, subject);
			break;
		}
		pruning->looks_left--;
		if (subject == INT64_MAX)
			break;
		code = next_subject(pruning, slice->number, subject + 1, &subject, &found, err);
	}
	return code;
}

static enum err_code prune_whole(struct pruning *pruning, const struct slice *slice, struct error *err)
{
	static const enum sqlite_sql sqls[] = {SQL_POINT_DELETE_SLICE, SQL_BUNDLE_DELETE_SLICE};
	struct sqlite_conn *conn = &pruning->store->writer;

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		sqlite3_stmt *stmt;
		enum err_code code = sqlite_take(conn, sqls[i], &stmt, err);

		if (code)
			return code;
		sqlite_bind_int(stmt, 1, slice->number);
		code = sqlite_finish(conn, sqls[i], stmt, "pruning history", err);
		if (code)
			return code;
	}
	pruning->rows += (uint32_t)slice->points;
	pruning->rows_left -= (uint32_t)slice->points;
	return ERR_OK;
}

static enum err_code subtract(struct pruning *pruning, const struct slice *slice, uint32_t rows, struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;

	if (rows == 0)
		return ERR_OK;
	pruning->store->now.points -= rows;
	enum err_code code = sqlite_take(conn, SQL_SLICE_TAKE, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice->number);
	sqlite_bind_int(stmt, 2, rows);
	code = sqlite_finish(conn, SQL_SLICE_TAKE, stmt, "noting what was pruned", err);
	if (code == ERR_OK)
		code = sqlite_take(conn, SQL_SLICE_DROP_EMPTY, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice->number);
	return sqlite_finish(conn, SQL_SLICE_DROP_EMPTY, stmt, "noting what was pruned", err);
}

static enum err_code prune_from(struct pruning *pruning, int64_t from, int64_t from_subject, struct error *err)
{
	struct slice slice = {0};
	bool found = false;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && pruning->rows_left > 0 && pruning->looks_left > 0) {
		uint32_t rows_before = pruning->rows;

		code = next_slice(pruning, from, &slice, &found, err);
		if (code || !found)
			break;
		if (pruning->prefix.len == 0 && slice.at_us_max < pruning->before_us &&
		    slice.points <= (int64_t)pruning->rows_left)
			code = prune_whole(pruning, &slice, err);
		else
			code = prune_slice(pruning, &slice, slice.number == from ? from_subject : INT64_MIN, err);
		if (code == ERR_OK)
			code = subtract(pruning, &slice, pruning->rows - rows_before, err);
		from = slice.number + 1;
		from_subject = INT64_MIN;
	}
	keep_mark(pruning, from, INT64_MIN);
	return code;
}

/* ---- subjects ---- */

static enum err_code run_on_subject(struct sqlite_conn *conn, enum sqlite_sql sql, int64_t subject, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	return sqlite_finish(conn, sql, stmt, "dropping a subject of history", err);
}

static enum err_code note_last(void *self, int64_t bid, const struct series_block *block, uint32_t index,
			       struct error *err)
{
	int64_t *last_us = self;
	struct series_chunk chunk;
	enum err_code code = series_block_chunk(block, index, &chunk, err);

	(void)bid;
	if (code == ERR_OK && chunk.at_us.max > *last_us)
		*last_us = chunk.at_us.max;
	return code;
}

/* The latest point of a subject, or bucket of a roll-up. */
static enum err_code find_last(struct sqlite_conn *conn, int64_t subject, bool *ret_any, int64_t *ret_us,
			       struct error *err)
{
	sqlite3_stmt *stmt;
	bool row, has_point = false;
	int64_t last_us = 0;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_LAST_POINT, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	code = sqlite_step(conn, stmt, "looking for old history", &row, err);
	if (code == ERR_OK && row && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER) {
		has_point = true;
		last_us = sqlite3_column_int64(stmt, 0);
	}
	sqlite_give(conn, SQL_SUBJECT_LAST_POINT, stmt);
	if (code)
		return code;
	if (!has_point) {
		last_us = INT64_MIN;
		code = sqlite_each_chunk(conn, &(struct sqlite_series_key){.subject = subject}, &sqlite_all, note_last,
					 &last_us, err);
		if (code == ERR_OK)
			code = sqlite_each_rollup(conn, &(struct sqlite_series_key){.subject = subject}, &sqlite_all,
						  note_last, &last_us, err);
		has_point = code == ERR_OK && last_us > INT64_MIN;
	}
	*ret_any = has_point;
	*ret_us = last_us;
	return code;
}

/* Drops it, or notes until when its latest point keeps it. */
static enum err_code drop_subject(struct sqlite_conn *conn, int64_t subject, struct error *err)
{
	bool has_point;
	int64_t last_us;
	enum err_code code = find_last(conn, subject, &has_point, &last_us, err);

	if (code)
		return code;
	if (has_point)
		return sqlite_subject_note_gone(conn, subject, &last_us, err);
	code = run_on_subject(conn, SQL_SUBJECT_TYPE_DROP, subject, err);
	if (code == ERR_OK)
		code = run_on_subject(conn, SQL_SUBJECT_DROP, subject, err);
	return code ? code : sqlite_subject_dropped(conn, err);
}

/* Whatever is noted: a subject whose entity is there stays, the entity's row names it. */
static enum err_code drop_unless_present(struct sqlite_conn *conn, int64_t subject, struct str id, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t iid;
	bool present;
	enum err_code code = sqlite_take(conn, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_number(conn, SQL_ENTITY_IID, stmt, "looking for an entity", &iid, &present, err);
	if (code)
		return code;
	return present ? sqlite_subject_note_gone(conn, subject, NULL, err) : drop_subject(conn, subject, err);
}

enum err_code sqlite_subject_forget(struct sqlite_store *store, int64_t subject, struct error *err)
{
	struct buf *id = &store->text;
	sqlite3_stmt *stmt;
	bool row = false, any;
	int64_t last_us;
	enum err_code code = sqlite_take(&store->writer, SQL_SUBJECT_ID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	code = sqlite_step(&store->writer, stmt, "looking for old history", &row, err);
	buf_clear(id);
	if (code == ERR_OK && row)
		buf_put(id, sqlite_text(stmt, 0));
	sqlite_give(&store->writer, SQL_SUBJECT_ID, stmt);
	if (code == ERR_OK && row)
		code = buf_check(id, "an entity's id", err);
	if (code || !row)
		return code;
	code = find_last(&store->writer, subject, &any, &last_us, err);
	if (code || any)
		return code;
	code = drop_unless_present(&store->writer, subject, buf_str(id), err);
	sqlite_known_clear(store);
	return code;
}

/* The first subject of the prefix, from the id in `from` on, whose entity went before before_us; `from` moves behind
 * it. */
static enum err_code next_gone(const struct pruning *pruning, struct buf *from, int64_t *ret_subject, bool *ret_found,
			       struct error *err)
{
	struct sqlite_conn *conn = &pruning->store->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_NEXT_GONE, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, buf_str(from));
	sqlite_bind_int(stmt, 2, pruning->before_us);
	code = sqlite_step(conn, stmt, "looking for subjects that are gone", ret_found, err);
	if (code == ERR_OK && *ret_found) {
		struct str id = sqlite_text(stmt, 1);

		*ret_subject = sqlite3_column_int64(stmt, 0);
		*ret_found = str_starts(id, pruning->prefix);
		buf_clear(from);
		buf_put(from, id);
		buf_put_char(from, '\x01'); /* below every character that a URI can go on with */
		code = buf_check(from, "an entity's id", err);
	}
	sqlite_give(conn, SQL_SUBJECT_NEXT_GONE, stmt);
	return code;
}

static enum err_code drop_subjects(const struct pruning *pruning, struct error *err)
{
	struct buf *from = &pruning->store->text;
	int64_t subject = 0;
	bool found = true;
	enum err_code code = ERR_OK;

	buf_clear(from);
	buf_put(from, pruning->prefix);
	for (uint32_t i = 0; code == ERR_OK && i < PRUNE_SUBJECTS_MAX; i++) {
		code = next_gone(pruning, from, &subject, &found, err);
		if (code || !found)
			break;
		code = drop_unless_present(&pruning->store->writer, subject,
					   str_part(buf_str(from), 0, buf_str(from).len - 1), err);
	}
	return code;
}

enum err_code sqlite_txn_prune(struct store_backend *backend, struct store_txn *txn, struct str id_prefix,
			       int64_t before_us, uint32_t rows_max, uint32_t *ret_rows, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	struct sqlite_prune_mark *mark = &store->prune;
	struct pruning pruning = {.store = store,
				  .prefix = id_prefix,
				  .before_us = before_us,
				  .rows_left = rows_max,
				  .looks_left = (uint64_t)rows_max * 4 + PRUNE_LOOKS_EXTRA};
	bool same = mark->set && str_eq((struct str){mark->prefix, mark->prefix_len}, id_prefix);

	/* What this write appended must be in the slices' sums before anything is taken from them. */
	enum err_code code = sqlite_sums_store(store, err);

	if (code)
		return code;
	txn->changed = true;
	mark->set = false;
	code = prune_from(&pruning, same ? mark->slice : INT64_MIN, same ? mark->subject : INT64_MIN, err);
	if (code == ERR_OK && pruning.rows_left > 0)
		code = sqlite_prune_packed(store, id_prefix, before_us, rows_max, &pruning.rows, err);
	if (code == ERR_OK && pruning.rows < rows_max && pruning.looks_left > 0)
		code = drop_subjects(&pruning, err);
	if (code == ERR_OK)
		*ret_rows = pruning.rows;
	return code;
}
