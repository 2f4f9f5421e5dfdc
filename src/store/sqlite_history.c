/* History on the writer's connection: appending. (Pruning: sqlite_prune.c.)
 *
 * A series is one attribute instance of one subject (an entity's id, which outlives the entity): subject, name, dataset
 * in a point's key, no table of its own. Its points do not lie
 * together: a city of thousands of moving things would then touch one page for each of them at every step. Points lie
 * by slices of arrival, and in a slice by series: a step touches the pages of one slice, and a series is read with one
 * look into each slice. A slice ends after 16.8 s (2²⁴ µs), and with the transaction that brings it to 1,024 points:
 * changes at random places in a larger one would each write a page of their own. The table "slice" says which times a
 * slice holds, so that slices outside of the times asked for are not looked into. Old slices are packed into blocks
 * (sqlite_pack.c). */
#include "store/sqlite_int.h"

#include "base/time_value.h"

#define SLICE_UNIT_BITS 10 /* slices are numbered by the moment at which they begin, in units of 1.024 ms */
#define SLICE_UNITS 16384 /* 16.8 s */
#define SLICE_POINTS_FULL 1024
#define SLICE_POINTS_MAX 65536 /* what packing has to take at once */

int64_t store_instance_at_us(const struct json *instance)
{
	int64_t at_us;

	if (time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &at_us))
		return at_us;
	return document_modified_us(instance);
}

int64_t store_change_at_us(const struct change *change, int64_t now_us)
{
	if (change->kind != CHANGE_DELETED)
		return store_instance_at_us(change->after);
	return change->deleted_us ? change->deleted_us : now_us;
}

/* ---- subjects ---- */

enum err_code sqlite_subject_find(struct sqlite_conn *conn, struct str id, int64_t *ret_subject, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	return sqlite_number(conn, SQL_SUBJECT_GET, stmt, "looking up a subject", ret_subject, &row, err);
}

enum err_code sqlite_subject_add(struct sqlite_store *store, struct str id, int64_t *ret_subject, bool *ret_added,
				 struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_SUBJECT_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_finish(&store->writer, SQL_SUBJECT_ADD, stmt, "adding a subject", err);
	if (code)
		return code;
	*ret_added = sqlite3_changes(store->writer.db) == 1;
	if (!*ret_added)
		return sqlite_subject_find(&store->writer, id, ret_subject, err);
	*ret_subject = sqlite3_last_insert_rowid(store->writer.db);
	return ERR_OK;
}

enum err_code sqlite_subject_number(struct sqlite_store *store, struct str id, int64_t *ret_subject, bool *ret_added,
				    struct error *err)
{
	const struct sqlite_known *known = sqlite_known_find(store, id);
	bool added = false;

	if (known) {
		*ret_subject = known->subject;
	} else {
		enum err_code code = sqlite_subject_find(&store->writer, id, ret_subject, err);

		if (code == ERR_OK && *ret_subject == 0)
			code = sqlite_subject_add(store, id, ret_subject, &added, err);
		if (code)
			return code;
	}
	if (ret_added)
		*ret_added = added;
	return ERR_OK;
}

enum err_code sqlite_subject_note_gone(struct sqlite_conn *conn, int64_t subject, const int64_t *gone_us,
				       struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_GONE, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	if (gone_us)
		sqlite_bind_int(stmt, 2, *gone_us);
	else
		(void)sqlite3_bind_null(stmt, 2);
	return sqlite_finish(conn, SQL_SUBJECT_GONE, stmt, "noting what is gone", err);
}

/* ---- appending ---- */

/* A number that this connection has not used: order numbers in it begin anew. */
static int64_t new_slice(const struct sqlite_slice *slice, int64_t unit)
{
	bool near = slice->open && unit <= slice->number && unit + SLICE_UNITS > slice->number;

	return near ? slice->number + 1 : unit;
}

/* The slice for what arrives at now_us. Only between transactions is a slice given up because it is full: what is
 * written at once, a whole step of a feed perhaps, lies together, up to a bound. A slice that follows another one in
 * the same millisecond is a little ahead of the clock, which does not end it. */
int64_t sqlite_slice_take(struct sqlite_store *store, int64_t now_us, int64_t points, int64_t *ret_seq)
{
	int64_t unit = now_us >> SLICE_UNIT_BITS;
	struct sqlite_slice *slice = &store->slice;
	bool full = slice->points_before >= SLICE_POINTS_FULL ||
		    (slice->points > 0 && slice->points + points > SLICE_POINTS_MAX);

	if (!slice->open || full || unit + SLICE_UNITS <= slice->number || unit >= slice->number + SLICE_UNITS)
		*slice = (struct sqlite_slice){.number = new_slice(slice, unit), .open = true};
	*ret_seq = slice->points;
	slice->points += points;
	/* Only a clock that was set back comes to slices which pruning has left behind. */
	if (slice->number <= store->prune.slice)
		store->prune.set = false;
	return slice->number;
}

void sqlite_slice_end(struct sqlite_store *store)
{
	store->slice.points_before = SLICE_POINTS_FULL;
}

void sqlite_slice_settle(struct sqlite_store *store)
{
	store->slice.points_before = store->slice.points;
}

struct point {
	int64_t slice, subject, nid, at_us, seq;
	struct str dataset_id;
	enum change_kind kind;
	bool packed; /* its instance, which is in store->text */
};

static void bind_point(sqlite3_stmt *stmt, const struct point *point)
{
	sqlite_bind_int(stmt, 1, point->slice);
	sqlite_bind_int(stmt, 2, point->subject);
	sqlite_bind_int(stmt, 3, point->nid);
	sqlite_bind_text(stmt, 4, point->dataset_id);
	sqlite_bind_int(stmt, 5, point->at_us);
}

/* *ret_added is false when its order number is taken. */
static enum err_code insert_point(struct sqlite_store *store, const struct point *point, bool *ret_added,
				  struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_POINT_ADD, &stmt, err);

	if (code)
		return code;
	bind_point(stmt, point);
	sqlite_bind_int(stmt, 6, point->seq);
	sqlite_bind_int(stmt, 7, (int64_t)point->kind);
	sqlite_bind_document(stmt, 8, &store->text, point->packed);
	code = sqlite_finish(&store->writer, SQL_POINT_ADD, stmt, "appending to the history", err);
	*ret_added = sqlite3_changes(store->writer.db) == 1;
	return code;
}

/* Several points of one series may be of one moment: their order numbers in the slice keep them apart. Only another
 * process, or a clock that was set back, can have given the same one. */
static enum err_code append_point(struct sqlite_store *store, struct point *point, struct error *err)
{
	bool added = false, row;
	sqlite3_stmt *stmt;
	enum err_code code = insert_point(store, point, &added, err);

	if (code || added)
		return code;
	code = sqlite_take(&store->writer, SQL_POINT_NEXT_SEQ, &stmt, err);
	if (code)
		return code;
	bind_point(stmt, point);
	code = sqlite_number(&store->writer, SQL_POINT_NEXT_SEQ, stmt, "appending to the history", &point->seq, &row,
			     err);
	if (code == ERR_OK)
		code = insert_point(store, point, &added, err);
	if (code == ERR_OK && !added)
		code = err_set(err, ERR_CORRUPT, "%s: the history's order numbers contradict each other", store->path);
	return code;
}

static enum err_code append_change(struct sqlite_store *store, int64_t subject, const struct change *change,
				   int64_t now_us, struct error *err)
{
	bool deleted = change->kind == CHANGE_DELETED;
	const struct json *instance = deleted ? change->before : change->after;
	struct point point = {.subject = subject,
			      .at_us = store_change_at_us(change, now_us),
			      .dataset_id = change->dataset_id,
			      .kind = change->kind};

	point.slice = sqlite_slice_take(store, now_us, 1, &point.seq);
	enum err_code code = sqlite_instance_write(store, instance, &point.packed, err);

	if (code == ERR_OK)
		code = sqlite_name_number(store, change->attribute_iri, &point.nid, err);
	if (code == ERR_OK)
		code = append_point(store, &point, err);
	if (code)
		return code;
	return sqlite_sums_points(store, &(struct sqlite_slice_sum){point.slice, 1, point.at_us, point.at_us}, err);
}

/* Rows that are packed and wait for their deletion must not come to light again with a row that is put back. */
static enum err_code clear_packed_slice(struct sqlite_store *store, int64_t slice, struct error *err)
{
	static const enum sqlite_sql steps[] = {SQL_POINT_DELETE_SLICE, SQL_BUNDLE_DELETE_SLICE, SQL_SLICE_DELETE};
	sqlite3_stmt *stmt;
	int64_t number;
	bool packed = false;
	enum err_code code = sqlite_take(&store->writer, SQL_SLICE_IS_PACKED, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice);
	code = sqlite_number(&store->writer, SQL_SLICE_IS_PACKED, stmt, "correcting history", &number, &packed, err);
	for (size_t i = 0; code == ERR_OK && packed && i < sizeof(steps) / sizeof(steps[0]); i++) {
		code = sqlite_take(&store->writer, steps[i], &stmt, err);
		if (code)
			return code;
		sqlite_bind_int(stmt, 1, slice);
		if (steps[i] == SQL_SLICE_DELETE)
			sqlite_bind_int(stmt, 2, 1);
		code = sqlite_finish(&store->writer, steps[i], stmt, "correcting history", err);
	}
	return code;
}

enum err_code sqlite_point_put_back(struct sqlite_store *store, const struct sqlite_meant *meant, enum change_kind kind,
				    const struct json *document, struct error *err)
{
	struct point point = {.subject = meant->subject,
			      .nid = meant->nid,
			      .at_us = store_instance_at_us(document),
			      .dataset_id = meant->dataset,
			      .kind = kind};

	sqlite_number_split(meant->number, &point.slice, &point.seq);
	enum err_code code = sqlite_instance_write(store, document, &point.packed, err);

	if (code == ERR_OK)
		code = clear_packed_slice(store, point.slice, err);
	if (code == ERR_OK)
		code = append_point(store, &point, err);
	if (code)
		return code;
	return sqlite_sums_points(store, &(struct sqlite_slice_sum){point.slice, 1, point.at_us, point.at_us}, err);
}

/* Notes since when there is no entity of the id; that there is one again is noted where it is stored. */
static enum err_code note_absence(struct sqlite_store *store, int64_t subject, struct str id,
				  const struct change *changes, int64_t now_us, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t iid;
	bool present, matters = false;

	for (; changes && !matters; changes = changes->next)
		matters = changes->kind != CHANGE_UPDATED;
	if (!matters || sqlite_known_find(store, id))
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_number(&store->writer, SQL_ENTITY_IID, stmt, "looking for an entity", &iid, &present, err);
	return code || present ? code : sqlite_subject_note_gone(&store->writer, subject, &now_us, err);
}

enum err_code sqlite_txn_history(struct store_backend *backend, struct store_txn *txn, struct str id,
				 const struct change *changes, int64_t now_us, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	int64_t subject;
	bool bundled = false;

	txn->changed = true;
	enum err_code code = sqlite_subject_number(store, id, &subject, NULL, err);

	if (code == ERR_OK)
		code = sqlite_bundle_append(store, subject, changes, now_us, &bundled, err);
	for (const struct change *change = changes; code == ERR_OK && !bundled && change; change = change->next)
		code = append_change(store, subject, change, now_us, err);
	return code ? code : note_absence(store, subject, id, changes, now_us, err);
}
