/* Many points of one write in one row of the history.
 *
 * An entity that is created or replaced brings a point for each of its attributes. Each as a row of its own costs more
 * than storing the entity; together they are one row, a list that SQLite's JSON functions take apart when a series is
 * read. Pruning removes a bundle that is old as a whole; of one that is not, it makes single points first. */
#include "store/sqlite_int.h"

#include "base/time_value.h"

#define BUNDLE_POINTS_MIN 4 /* fewer stay single: what moves is read and pruned often */
#define BUNDLE_BYTES_MAX ((size_t)256 << 10)

struct bundle {
	int64_t slice, subject, seq, at_us_min, at_us_max, points;
};

static bool worth_it(const struct change *changes)
{
	size_t count = 0;

	for (; changes && count < BUNDLE_POINTS_MIN; changes = changes->next)
		count++;
	return count == BUNDLE_POINTS_MIN;
}

/* Appends "[nid,dataset,at_us,kind,instance]," to the text. */
static enum err_code put_change(struct sqlite_store *store, const struct change *change, int64_t at_us,
				struct error *err)
{
	struct buf *text = &store->text;
	int64_t nid;
	enum err_code code = sqlite_name_number(store, change->attribute_iri, &nid, err);

	if (code)
		return code;
	buf_put_char(text, '[');
	buf_put_int64(text, nid);
	buf_put_char(text, ',');
	json_write_string(text, change->dataset_id);
	buf_put_char(text, ',');
	buf_put_int64(text, at_us);
	buf_put_char(text, ',');
	buf_put_int64(text, (int64_t)change->kind);
	buf_put_char(text, ',');
	json_write(text, change->kind == CHANGE_DELETED ? change->before : change->after);
	buf_put(text, STR("],"));
	return buf_check(text, "history", err);
}

/* The text and the bounds; *ret_fits is false when it becomes too long for one row. */
static enum err_code put_changes(struct sqlite_store *store, const struct change *changes, int64_t now_us,
				 struct bundle *bundle, bool *ret_fits, struct error *err)
{
	buf_clear(&store->text);
	buf_put_char(&store->text, '[');
	for (; changes; changes = changes->next) {
		int64_t at_us = store_change_at_us(changes, now_us);
		enum err_code code = put_change(store, changes, at_us, err);

		if (code)
			return code;
		*ret_fits = store->text.len <= BUNDLE_BYTES_MAX;
		if (!*ret_fits)
			return ERR_OK;
		if (bundle->points == 0 || at_us < bundle->at_us_min)
			bundle->at_us_min = at_us;
		if (bundle->points == 0 || at_us > bundle->at_us_max)
			bundle->at_us_max = at_us;
		bundle->points++;
	}
	store->text.at[store->text.len - 1] = ']';
	return ERR_OK;
}

static enum err_code insert(struct sqlite_store *store, const struct bundle *bundle, bool *ret_added, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_BUNDLE_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bundle->slice);
	sqlite_bind_int(stmt, 2, bundle->subject);
	sqlite_bind_int(stmt, 3, bundle->seq);
	sqlite_bind_int(stmt, 4, bundle->at_us_min);
	sqlite_bind_int(stmt, 5, bundle->at_us_max);
	sqlite_bind_int(stmt, 6, bundle->points);
	sqlite_bind_text(stmt, 7, buf_str(&store->text));
	code = sqlite_finish(&store->writer, SQL_BUNDLE_ADD, stmt, "appending to the history", err);
	*ret_added = sqlite3_changes(store->writer.db) == 1;
	return code;
}

/* Another process, or a clock that was set back, may have given the same order number. */
static enum err_code insert_in_order(struct sqlite_store *store, struct bundle *bundle, struct error *err)
{
	bool added = false, row;
	sqlite3_stmt *stmt;
	enum err_code code = insert(store, bundle, &added, err);

	if (code || added)
		return code;
	code = sqlite_take(&store->writer, SQL_BUNDLE_NEXT_SEQ, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bundle->slice);
	sqlite_bind_int(stmt, 2, bundle->subject);
	code = sqlite_number(&store->writer, SQL_BUNDLE_NEXT_SEQ, stmt, "appending to the history", &bundle->seq, &row,
			     err);
	if (code == ERR_OK)
		code = insert(store, bundle, &added, err);
	if (code == ERR_OK && !added)
		code = err_set(err, ERR_CORRUPT, "%s: the history's order numbers contradict each other", store->path);
	return code;
}

enum err_code sqlite_bundle_append(struct sqlite_store *store, int64_t subject, const struct change *changes,
				   int64_t now_us, bool *ret_appended, struct error *err)
{
	struct bundle bundle = {.subject = subject};
	bool fits = false;

	*ret_appended = false;
	if (!worth_it(changes))
		return ERR_OK;
	enum err_code code = put_changes(store, changes, now_us, &bundle, &fits, err);

	if (code || !fits)
		return code;
	bundle.slice = sqlite_slice_take(store, now_us, bundle.points, &bundle.seq);
	code = insert_in_order(store, &bundle, err);
	*ret_appended = true;
	if (code)
		return code;
	return sqlite_sums_points(store,
				  &(struct sqlite_slice_sum){.number = bundle.slice,
							     .points = bundle.points,
							     .at_us_min = bundle.at_us_min,
							     .at_us_max = bundle.at_us_max},
				  err);
}

/* ---- pruning ---- */

/* The subject's next bundle that holds something older than before_us. */
static enum err_code next_old(struct sqlite_conn *conn, struct bundle *bundle, int64_t before_us, bool *ret_found,
			      struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_BUNDLE_OLD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bundle->slice);
	sqlite_bind_int(stmt, 2, bundle->subject);
	sqlite_bind_int(stmt, 3, before_us);
	code = sqlite_step(conn, stmt, "looking for old history", ret_found, err);
	if (code == ERR_OK && *ret_found) {
		bundle->seq = sqlite3_column_int64(stmt, 0);
		bundle->points = sqlite3_column_int64(stmt, 1);
		bundle->at_us_max = sqlite3_column_int64(stmt, 2);
	}
	sqlite_give(conn, SQL_BUNDLE_OLD, stmt);
	return code;
}

static enum err_code run_on_bundle(struct sqlite_conn *conn, enum sqlite_sql sql, const struct bundle *bundle,
				   struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, bundle->slice);
	sqlite_bind_int(stmt, 2, bundle->subject);
	sqlite_bind_int(stmt, 3, bundle->seq);
	return sqlite_finish(conn, sql, stmt, "pruning history", err);
}

enum err_code sqlite_bundle_prune(struct sqlite_conn *conn, int64_t slice, int64_t subject, int64_t before_us,
				  uint32_t rows_max, uint32_t *ret_rows, struct error *err)
{
	struct bundle bundle = {.slice = slice, .subject = subject};
	bool found = true;

	*ret_rows = 0;
	while (*ret_rows < rows_max) {
		enum err_code code = next_old(conn, &bundle, before_us, &found, err);

		if (code || !found)
			return code;
		bool whole = bundle.at_us_max < before_us && bundle.points <= (int64_t)(rows_max - *ret_rows);

		if (whole)
			*ret_rows += (uint32_t)bundle.points;
		else
			code = run_on_bundle(conn, SQL_BUNDLE_UNPACK, &bundle, err);
		if (code == ERR_OK)
			code = run_on_bundle(conn, SQL_BUNDLE_DELETE, &bundle, err);
		if (code)
			return code;
	}
	return ERR_OK;
}
