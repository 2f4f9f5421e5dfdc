/* Batches of measured values: numbers for subjects and attributes, and storing finished blocks. */
#include "store/bulk_int.h"
#include "store/sqlite_pack_int.h"

#define DROPS "drops" /* the counter of subjects that went */

static enum err_code read_generation(struct sqlite_conn *conn, int64_t *ret, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_COUNTER_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, STR(DROPS));
	return sqlite_number(conn, SQL_COUNTER_GET, stmt, "looking for what is gone", ret, &row, err);
}

enum err_code sqlite_subject_dropped(struct sqlite_conn *conn, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_COUNTER_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, STR(DROPS));
	sqlite_bind_int(stmt, 2, 1);
	return sqlite_finish(conn, SQL_COUNTER_ADD, stmt, "counting what is gone", err);
}

enum err_code sqlite_txn_bulk_subjects(struct store_backend *backend, struct store_txn *txn,
				       struct store_bulk_subject *subjects, size_t count, int64_t *ret_generation,
				       struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	enum err_code code = ERR_OK;

	txn->changed = true;
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		struct store_bulk_subject *subject = &subjects[i];
		bool created;

		code = sqlite_txn_subject_add(backend, txn, subject->id, &subject->type_iri,
					      subject->type_iri.len ? 1 : 0, &created, err);
		if (code == ERR_OK)
			code = sqlite_subject_number(store, subject->id, &subject->number, NULL, err);
	}
	return code ? code : read_generation(&store->writer, ret_generation, err);
}

enum err_code sqlite_txn_bulk_name(struct store_backend *backend, struct store_txn *txn, struct str attribute_iri,
				   int64_t *ret_number, struct error *err)
{
	txn->changed = true;
	return sqlite_name_number((struct sqlite_store *)backend, attribute_iri, ret_number, err);
}

static enum err_code add_segment(struct sqlite_store *store, const struct store_bulk *bulk, struct error *err)
{
	struct made_segment segment;
	sqlite3_stmt *stmt;

	if (!store_bulk_segment(bulk, &segment))
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_SEGMENT_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, segment.at_us_min);
	sqlite_bind_int(stmt, 2, segment.at_us_max);
	sqlite_bind_int(stmt, 3, segment.points);
	(void)sqlite3_bind_blob64(stmt, 4, segment.bytes.at, segment.bytes.len, SQLITE_STATIC);
	return sqlite_finish(&store->writer, SQL_SEGMENT_ADD, stmt, "storing a batch", err);
}

enum err_code sqlite_txn_bulk(struct store_backend *backend, struct store_txn *txn, struct store_bulk *bulk,
			      struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	int64_t generation = 0;
	enum err_code code = read_generation(&store->writer, &generation, err);

	if (code == ERR_OK && generation != store_bulk_generation(bulk))
		code = err_set(err, ERR_CONFLICT, "subjects of the batch may be gone");
	if (code)
		return code;
	txn->changed = true;
	store->now.points += (int64_t)store_bulk_points(bulk);
	code = add_segment(store, bulk, err);
	return code ? code : sqlite_run_add(store, 0, store_bulk_sink(bulk), err);
}
