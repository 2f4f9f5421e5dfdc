/* History on the writer's connection: appending. (Pruning: sqlite_prune.c.)
 *
 * A series is one attribute instance of one subject (an entity's id, which outlives the entity). Its points do not lie
 * together: a city of thousands of moving things would then touch one page for each of them at every step. Points lie
 * by slice of time of arrival (2²⁴ µs, 16.8 s), and in the slice by series: a step touches the pages of one slice, and
 * a series is read with one look into each slice. The table "slice" says which times a slice holds, so that slices
 * outside of the times asked for are not looked into. Rows of old slices are meant to be packed into chunks. */
#include "store/sqlite_int.h"

#include "base/time_value.h"

#define SLICE_BITS 24

int64_t store_instance_at_us(const struct json *instance)
{
	int64_t at_us;

	if (time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &at_us))
		return at_us;
	return document_modified_us(instance);
}

/* ---- series ---- */

static enum err_code find_or_add(struct sqlite_store *store, enum sqlite_sql add, sqlite3_stmt *found,
				 enum sqlite_sql get, int64_t *ret_number, sqlite3_stmt **ret_add, struct error *err)
{
	bool row;
	enum err_code code = sqlite_number(&store->writer, get, found, "looking up a series", ret_number, &row, err);

	*ret_add = NULL;
	if (code || row)
		return code;
	return sqlite_take(&store->writer, add, ret_add, err);
}

static enum err_code subject_number(struct sqlite_store *store, struct str id, int64_t *ret_subject, struct error *err)
{
	sqlite3_stmt *stmt, *add;
	enum err_code code = sqlite_take(&store->writer, SQL_SUBJECT_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = find_or_add(store, SQL_SUBJECT_ADD, stmt, SQL_SUBJECT_GET, ret_subject, &add, err);
	if (code || !add)
		return code;
	sqlite_bind_text(add, 1, id);
	code = sqlite_finish(&store->writer, SQL_SUBJECT_ADD, add, "adding a subject", err);
	*ret_subject = sqlite3_last_insert_rowid(store->writer.db);
	return code;
}

static enum err_code series_number(struct sqlite_store *store, int64_t subject, const struct change *change,
				   int64_t *ret_sid, struct error *err)
{
	sqlite3_stmt *stmt, *add;
	int64_t nid;
	enum err_code code = sqlite_name_number(store, change->attribute_iri, &nid, err);

	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_SERIES_GET, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	sqlite_bind_int(stmt, 2, nid);
	sqlite_bind_text(stmt, 3, change->dataset_id);
	code = find_or_add(store, SQL_SERIES_ADD, stmt, SQL_SERIES_GET, ret_sid, &add, err);
	if (code || !add)
		return code;
	sqlite_bind_int(add, 1, subject);
	sqlite_bind_int(add, 2, nid);
	sqlite_bind_text(add, 3, change->dataset_id);
	code = sqlite_finish(&store->writer, SQL_SERIES_ADD, add, "adding a series", err);
	*ret_sid = sqlite3_last_insert_rowid(store->writer.db);
	return code;
}

/* ---- appending ---- */

struct point {
	int64_t slice, sid, at_us;
	enum change_kind kind;
};

/* Several points of one series may be of one moment: seq keeps their order. *ret_added is false when it is taken. */
static enum err_code insert_point(struct sqlite_store *store, const struct point *point, int64_t seq, bool *ret_added,
				  struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_POINT_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, point->slice);
	sqlite_bind_int(stmt, 2, point->sid);
	sqlite_bind_int(stmt, 3, point->at_us);
	sqlite_bind_int(stmt, 4, seq);
	sqlite_bind_int(stmt, 5, (int64_t)point->kind);
	sqlite_bind_text(stmt, 6, buf_str(&store->text));
	code = sqlite_finish(&store->writer, SQL_POINT_ADD, stmt, "appending to the history", err);
	*ret_added = sqlite3_changes(store->writer.db) == 1;
	return code;
}

static enum err_code append_point(struct sqlite_store *store, const struct point *point, struct error *err)
{
	bool added = false, row;
	int64_t seq;
	sqlite3_stmt *stmt;
	enum err_code code = insert_point(store, point, 0, &added, err);

	if (code || added)
		return code;
	code = sqlite_take(&store->writer, SQL_POINT_NEXT_SEQ, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, point->slice);
	sqlite_bind_int(stmt, 2, point->sid);
	sqlite_bind_int(stmt, 3, point->at_us);
	code = sqlite_number(&store->writer, SQL_POINT_NEXT_SEQ, stmt, "appending to the history", &seq, &row, err);
	if (code == ERR_OK)
		code = insert_point(store, point, seq, &added, err);
	if (code == ERR_OK && !added)
		code = err_set(err, ERR_CORRUPT, "%s: the history's order numbers contradict each other", store->path);
	return code;
}

/* The sums of a slice are kept aside until the write ends or goes on in another slice. */
static enum err_code count_point(struct sqlite_store *store, const struct point *point, struct error *err)
{
	if (store->slice_points > 0 && store->slice_number != point->slice) {
		enum err_code code = sqlite_history_flush(store, err);

		if (code)
			return code;
	}
	if (store->slice_points == 0) {
		store->slice_number = point->slice;
		store->slice_at_us_min = point->at_us;
		store->slice_at_us_max = point->at_us;
	}
	if (point->at_us < store->slice_at_us_min)
		store->slice_at_us_min = point->at_us;
	if (point->at_us > store->slice_at_us_max)
		store->slice_at_us_max = point->at_us;
	store->slice_points++;
	store->points_delta++;
	/* Only a clock that was set back comes to slices which pruning has left behind. */
	if (point->slice <= store->prune.slice)
		store->prune.set = false;
	return ERR_OK;
}

enum err_code sqlite_history_flush(struct sqlite_store *store, struct error *err)
{
	sqlite3_stmt *stmt;

	if (store->slice_points == 0)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_SLICE_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, store->slice_number);
	sqlite_bind_int(stmt, 2, store->slice_at_us_min);
	sqlite_bind_int(stmt, 3, store->slice_at_us_max);
	sqlite_bind_int(stmt, 4, store->slice_points);
	store->slice_points = 0;
	return sqlite_finish(&store->writer, SQL_SLICE_ADD, stmt, "noting a slice of the history", err);
}

static enum err_code append_change(struct sqlite_store *store, int64_t subject, const struct change *change,
				   int64_t now_us, struct error *err)
{
	bool deleted = change->kind == CHANGE_DELETED;
	const struct json *instance = deleted ? change->before : change->after;
	struct point point = {.slice = now_us >> SLICE_BITS,
			      .at_us = deleted ? now_us : store_instance_at_us(instance),
			      .kind = change->kind};

	buf_clear(&store->text);
	json_write(&store->text, instance);
	enum err_code code = buf_check(&store->text, "attribute instance", err);

	if (code == ERR_OK)
		code = series_number(store, subject, change, &point.sid, err);
	if (code == ERR_OK)
		code = append_point(store, &point, err);
	return code ? code : count_point(store, &point, err);
}

/* Notes on the subject whether there is an entity of its id, when the changes can have altered that. */
static enum err_code note_presence(struct sqlite_store *store, int64_t subject, struct str id,
				   const struct change *changes, int64_t now_us, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t iid;
	bool present, matters = false;

	for (; changes && !matters; changes = changes->next)
		matters = changes->kind != CHANGE_UPDATED;
	if (!matters)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_number(&store->writer, SQL_ENTITY_IID, stmt, "looking for an entity", &iid, &present, err);
	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_SUBJECT_GONE, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	if (present)
		(void)sqlite3_bind_null(stmt, 2);
	else
		sqlite_bind_int(stmt, 2, now_us);
	return sqlite_finish(&store->writer, SQL_SUBJECT_GONE, stmt, "noting what is gone", err);
}

enum err_code sqlite_txn_history(struct store_backend *backend, struct store_txn *txn, struct str id,
				 const struct change *changes, int64_t now_us, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	int64_t subject;

	txn->changed = true;
	enum err_code code = subject_number(store, id, &subject, err);

	for (const struct change *change = changes; code == ERR_OK && change; change = change->next)
		code = append_change(store, subject, change, now_us, err);
	return code ? code : note_presence(store, subject, id, changes, now_us, err);
}
