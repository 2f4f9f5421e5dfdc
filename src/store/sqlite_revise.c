/* Changing the history after the fact: deleting what is no longer to be kept, correcting an instance that was wrong.
 *
 * What lies in bundles is made single points first, and what is packed is taken out of its block. A corrected instance
 * becomes a row again, in the slice that its order number names; the next packing takes it. */
#include "store/sqlite_block_revise.h"

static void bind_meant(sqlite3_stmt *stmt, const struct sqlite_meant *meant)
{
	int64_t slice, seq;

	sqlite_bind_int(stmt, 1, meant->subject);
	if (meant->nid)
		sqlite_bind_int(stmt, 2, meant->nid);
	else
		(void)sqlite3_bind_null(stmt, 2);
	if (meant->any_dataset)
		(void)sqlite3_bind_null(stmt, 3);
	else
		sqlite_bind_text(stmt, 3, meant->dataset);
	if (!meant->one) {
		(void)sqlite3_bind_null(stmt, 4);
		(void)sqlite3_bind_null(stmt, 5);
		return;
	}
	sqlite_number_split(meant->number, &slice, &seq);
	sqlite_bind_int(stmt, 4, slice);
	sqlite_bind_int(stmt, 5, seq);
}

static enum err_code run_on_subject(struct sqlite_store *store, enum sqlite_sql sql, int64_t subject, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	return sqlite_finish(&store->writer, sql, stmt, "changing history", err);
}

/* ---- rows ---- */

#define SLICES_A_TURN 256

struct slice_share {
	int64_t slice, points;
};

/* How many of the points meant lie in which slices, a few slices at a time: *ret_count 0 when there are none. */
static enum err_code count_points(struct sqlite_store *store, const struct sqlite_meant *meant,
				  struct slice_share shares[static SLICES_A_TURN], size_t *ret_count, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(&store->writer, SQL_POINT_COUNT, &stmt, err);

	if (code)
		return code;
	bind_meant(stmt, meant);
	*ret_count = 0;
	while (*ret_count < SLICES_A_TURN) {
		code = sqlite_step(&store->writer, stmt, "changing history", &row, err);
		if (code || !row)
			break;
		shares[(*ret_count)++] =
			(struct slice_share){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
	}
	sqlite_give(&store->writer, SQL_POINT_COUNT, stmt);
	return code;
}

static enum err_code remove_in_slice(struct sqlite_store *store, const struct sqlite_meant *meant,
				     const struct slice_share *share, struct error *err)
{
	struct sqlite_conn *conn = &store->writer;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_POINT_REMOVE, &stmt, err);

	if (code)
		return code;
	bind_meant(stmt, meant);
	sqlite_bind_int(stmt, 6, share->slice);
	code = sqlite_finish(conn, SQL_POINT_REMOVE, stmt, "deleting history", err);
	if (code == ERR_OK)
		code = sqlite_take(conn, SQL_SLICE_TAKE, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, share->slice);
	sqlite_bind_int(stmt, 2, share->points);
	code = sqlite_finish(conn, SQL_SLICE_TAKE, stmt, "counting history", err);
	if (code == ERR_OK)
		code = sqlite_take(conn, SQL_SLICE_DROP_EMPTY, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, share->slice);
	return sqlite_finish(conn, SQL_SLICE_DROP_EMPTY, stmt, "counting history", err);
}

static enum err_code remove_rows(struct sqlite_store *store, const struct sqlite_meant *meant, uint64_t *ret_count,
				 struct error *err)
{
	struct slice_share shares[SLICES_A_TURN];
	size_t count = SLICES_A_TURN;
	enum err_code code = run_on_subject(store, SQL_SUBJECT_UNPACK, meant->subject, err);

	if (code == ERR_OK)
		code = run_on_subject(store, SQL_SUBJECT_UNBUNDLE, meant->subject, err);
	while (code == ERR_OK && count == SLICES_A_TURN) {
		code = count_points(store, meant, shares, &count, err);
		for (size_t i = 0; code == ERR_OK && i < count; i++) {
			code = remove_in_slice(store, meant, &shares[i], err);
			*ret_count += (uint64_t)shares[i].points;
			store->now.points -= shares[i].points;
		}
	}
	return code;
}

/* All that is meant, wherever it lies. */
static enum err_code remove_points(struct sqlite_store *store, const struct sqlite_meant *meant, uint64_t *ret_count,
				   struct error *err)
{
	*ret_count = 0;
	/* The sums of slices that are kept aside must be in the table before it is changed. */
	enum err_code code = sqlite_sums_store(store, err);

	uint64_t packed = 0, buckets = 0;

	if (code == ERR_OK)
		code = sqlite_segments_settle(store, err);
	if (code == ERR_OK)
		code = remove_rows(store, meant, ret_count, err);
	if (code == ERR_OK)
		code = sqlite_blocks_remove(&store->writer, meant, &packed, &buckets, err);
	*ret_count += packed + buckets;
	store->now.points -= (int64_t)packed;
	return code;
}

/* ---- what is asked for ---- */

static enum err_code not_there(struct error *err, struct str id)
{
	return err_set(err, ERR_NOT_FOUND, "there is no such history of %.*s", STR_FMT(str_part(id, 0, 150)));
}

/* nid stays 0 when there is no such attribute anywhere. */
static enum err_code find_meant(struct sqlite_store *store, struct str id, struct str attribute_iri,
				struct sqlite_meant *meant, struct error *err)
{
	enum err_code code = sqlite_subject_find(&store->writer, id, &meant->subject, err);

	if (code == ERR_OK)
		code = sqlite_name_find(&store->writer, attribute_iri, &meant->nid, err);
	if (code == ERR_OK && (meant->subject == 0 || meant->nid == 0))
		code = not_there(err, id);
	return code;
}

static enum err_code entity_is_there(struct sqlite_store *store, struct str id, bool *ret_there, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t iid;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	return sqlite_number(&store->writer, SQL_ENTITY_IID, stmt, "looking for an entity", &iid, ret_there, err);
}

enum err_code sqlite_txn_subject_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
					struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	struct sqlite_meant meant = {.any_dataset = true};
	uint64_t count;
	bool entity = false;
	enum err_code code = sqlite_subject_find(&store->writer, id, &meant.subject, err);

	if (code == ERR_OK && meant.subject == 0)
		return not_there(err, id);
	txn->changed = true;
	if (code == ERR_OK)
		code = remove_points(store, &meant, &count, err);
	if (code == ERR_OK)
		code = run_on_subject(store, SQL_SUBJECT_TYPE_DROP, meant.subject, err);
	if (code == ERR_OK)
		code = entity_is_there(store, id, &entity, err);
	if (code == ERR_OK && !entity) {
		code = run_on_subject(store, SQL_SUBJECT_DROP, meant.subject, err);
		sqlite_known_clear(store);
		if (code == ERR_OK)
			code = sqlite_subject_dropped(&store->writer, err);
	}
	return code;
}

enum err_code sqlite_txn_series_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
				       struct str attribute_iri, struct str dataset_id, bool all, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	struct sqlite_meant meant = {.dataset = dataset_id, .any_dataset = all};
	uint64_t count;
	enum err_code code = find_meant(store, id, attribute_iri, &meant, err);

	if (code)
		return code;
	txn->changed = true;
	code = remove_points(store, &meant, &count, err);
	return code == ERR_OK && count == 0 ? not_there(err, id) : code;
}

/* ---- one instance ---- */

/* The instance meant, in the transaction's arena: NULL when it is not there. */
static enum err_code get_row(struct sqlite_store *store, struct store_txn *txn, struct sqlite_meant *meant,
			     struct json **ret_document, enum change_kind *ret_kind, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(&store->writer, SQL_POINT_DOC, &stmt, err);

	if (code)
		return code;
	bind_meant(stmt, meant);
	code = sqlite_step(&store->writer, stmt, "looking for an instance", &row, err);
	if (code == ERR_OK && row) {
		meant->dataset = arena_dup(&txn->arena, sqlite_text(stmt, 1));
		meant->any_dataset = false;
		*ret_kind = (enum change_kind)sqlite3_column_int(stmt, 2);
		code = sqlite_document_borrow(&store->writer, stmt, 0, txn->parser, &txn->arena, ret_document, err);
	}
	sqlite_give(&store->writer, SQL_POINT_DOC, stmt);
	return code;
}

static enum err_code find_instance(struct sqlite_store *store, struct store_txn *txn, struct sqlite_meant *meant,
				   struct json **ret_document, enum change_kind *ret_kind, struct error *err)
{
	*ret_document = NULL;
	enum err_code code = run_on_subject(store, SQL_SUBJECT_UNPACK, meant->subject, err);

	if (code == ERR_OK)
		code = run_on_subject(store, SQL_SUBJECT_UNBUNDLE, meant->subject, err);
	if (code == ERR_OK)
		code = get_row(store, txn, meant, ret_document, ret_kind, err);
	if (code == ERR_OK && !*ret_document)
		code = sqlite_blocks_find(&store->writer, meant, txn->parser, &txn->arena, ret_document, ret_kind, err);
	return code;
}

enum err_code sqlite_txn_instance_replace(struct store_backend *backend, struct store_txn *txn, struct str id,
					  struct str attribute_iri, int64_t number, const struct json *instance,
					  int64_t now_us, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	struct sqlite_meant meant = {.any_dataset = true, .one = true, .number = number};
	struct json *before = NULL, *document = NULL;
	enum change_kind kind = CHANGE_CREATED;
	uint64_t count;
	enum err_code code = find_meant(store, id, attribute_iri, &meant, err);

	if (code)
		return code;
	txn->changed = true;
	code = find_instance(store, txn, &meant, &before, &kind, err);
	if (code == ERR_OK && !before)
		return not_there(err, id);
	if (code == ERR_OK && instance)
		code = store_instance_correct(&txn->arena, before, instance, now_us, &document, err);
	if (code == ERR_OK)
		code = remove_points(store, &meant, &count, err);
	if (code || !instance)
		return code;
	return sqlite_point_put_back(store, &meant, kind == CHANGE_DELETED ? CHANGE_UPDATED : kind, document, err);
}
