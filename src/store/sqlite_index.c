/* Index rows and the dictionary of names, on the writer's connection.
 *
 * The dictionary's cache holds what this connection has seen. Names are never changed or removed, so an entry stays
 * true whatever other processes write; a name that this transaction added is not true after a rollback, which therefore
 * empties the cache. */
#include "store/sqlite_int.h"

#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2⁵³: up to here an integer is the double it came as */

/* ---- names ---- */

void sqlite_names_clear(struct sqlite_store *store)
{
	map_done(&store->names);
	arena_clear(&store->name_texts);
}

static void names_remember(struct sqlite_store *store, struct str iri, int64_t nid)
{
	if (store->names.count >= SQLITE_NAMES_CACHED_MAX)
		sqlite_names_clear(store);
	struct str copy = arena_dup(&store->name_texts, iri);

	/* Without memory it is looked up again the next time. */
	if (copy.at)
		(void)!map_set(&store->names, copy, (void *)(uintptr_t)nid);
}

enum err_code sqlite_name_find(struct sqlite_conn *conn, struct str iri, int64_t *ret_nid, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_NAME_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, iri);
	return sqlite_number(conn, SQL_NAME_GET, stmt, "looking up a name", ret_nid, &row, err);
}

enum err_code sqlite_name_look_up(struct sqlite_store *store, struct str iri, int64_t *ret_nid, struct error *err)
{
	int64_t nid = sqlite_name_by_address(store, iri);

	if (!nid) {
		nid = (int64_t)(uintptr_t)map_get(&store->names, iri);
		sqlite_name_note_address(store, iri, nid);
	}
	*ret_nid = nid;
	if (nid)
		return ERR_OK;
	enum err_code code = sqlite_name_find(&store->writer, iri, ret_nid, err);

	if (code == ERR_OK && *ret_nid)
		names_remember(store, iri, *ret_nid);
	return code;
}

enum err_code sqlite_name_number(struct sqlite_store *store, struct str iri, int64_t *ret_nid, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_name_look_up(store, iri, ret_nid, err);

	if (code || *ret_nid)
		return code;
	code = sqlite_take(&store->writer, SQL_NAME_ADD, &stmt, err);
	if (code)
		return code;
	sqlite_bind_text(stmt, 1, iri);
	code = sqlite_finish(&store->writer, SQL_NAME_ADD, stmt, "adding a name", err);
	if (code)
		return code;
	*ret_nid = sqlite3_last_insert_rowid(store->writer.db);
	store->names_new = true;
	names_remember(store, iri, *ret_nid);
	return ERR_OK;
}

/* ---- rows ---- */

void sqlite_bind_value(sqlite3_stmt *stmt, int index, const struct index_value *value)
{
	double number = value->number;

	switch (value->kind) {
	case INDEX_NUMBER:
		/* Small integers take a byte or two instead of eight. */
		if (number >= -EXACT_INTEGER_MAX && number <= EXACT_INTEGER_MAX && number == (double)(int64_t)number)
			sqlite_bind_int(stmt, index, (int64_t)number);
		else
			sqlite_bind_double(stmt, index, number);
		break;
	case INDEX_TEXT:
		sqlite_bind_text(stmt, index, value->text);
		break;
	case INDEX_PARTIAL:
		sqlite_bind_partial(stmt, index);
		break;
	case INDEX_PRESENT:
		sqlite_bind_present(stmt, index);
		break;
	}
}

struct index_target {
	struct sqlite_store *store;
	int64_t iid;
	struct str name; /* of the last value, and its number: what goes and what comes follow each other */
	int64_t nid;
};

static enum err_code change_type(const struct index_target *target, const struct index_change *change,
				 struct error *err)
{
	struct sqlite_conn *conn = &target->store->writer;
	enum sqlite_sql sql = change->add ? SQL_TYPE_ADD : SQL_TYPE_DELETE;
	sqlite3_stmt *stmt;
	int64_t nid;
	enum err_code code = sqlite_name_number(target->store, change->name, &nid, err);

	if (code == ERR_OK)
		code = sqlite_take(conn, sql, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	sqlite_bind_int(stmt, 2, target->iid);
	return sqlite_finish(conn, sql, stmt, "writing the index of types", err);
}

static enum err_code change_scope(const struct index_target *target, const struct index_change *change,
				  struct error *err)
{
	struct sqlite_conn *conn = &target->store->writer;
	enum sqlite_sql sql = change->add ? SQL_SCOPE_ADD : SQL_SCOPE_DELETE;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, change->name);
	sqlite_bind_int(stmt, 2, target->iid);
	return sqlite_finish(conn, sql, stmt, "writing the index of scopes", err);
}

static enum err_code change_value(struct index_target *target, const struct index_change *change, struct error *err)
{
	bool again = target->nid && target->name.at == change->name.at && target->name.len == change->name.len;
	enum err_code code = again ? ERR_OK : sqlite_name_number(target->store, change->name, &target->nid, err);

	if (code)
		return code;
	target->name = change->name;
	return sqlite_values_change(
		target->store, target->nid,
		&(struct value_change){.iid = target->iid, .value = change->value, .add = change->add}, err);
}

static enum err_code change_box(const struct index_target *target, const struct index_change *change, struct error *err)
{
	struct sqlite_conn *conn = &target->store->writer;
	enum sqlite_sql sql = change->add ? SQL_GEO_PUT : SQL_GEO_DELETE;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, target->iid * INDEX_GEO_SLOTS + change->slot);
	if (change->add) {
		sqlite_bind_double(stmt, 2, change->box.west);
		sqlite_bind_double(stmt, 3, change->box.east);
		sqlite_bind_double(stmt, 4, change->box.south);
		sqlite_bind_double(stmt, 5, change->box.north);
	}
	return sqlite_finish(conn, sql, stmt, "writing the index of places", err);
}

static enum err_code change_cell(const struct index_target *target, const struct index_change *change,
				 struct error *err)
{
	struct sqlite_conn *conn = &target->store->writer;
	enum sqlite_sql sql = change->add ? SQL_CELL_ADD : SQL_CELL_DELETE;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, change->cell);
	sqlite_bind_int(stmt, 2, target->iid * INDEX_GEO_SLOTS + change->slot);
	return sqlite_finish(conn, sql, stmt, "writing the index of places", err);
}

static enum err_code change_row(void *self, const struct index_change *change, struct error *err)
{
	struct index_target *target = self;

	switch (change->table) {
	case INDEX_TYPE:
		return change_type(target, change, err);
	case INDEX_SCOPE:
		return change_scope(target, change, err);
	case INDEX_ATTRIBUTE:
		return change_value(target, change, err);
	case INDEX_GEO:
		return change_box(target, change, err);
	case INDEX_CELL:
		return change_cell(target, change, err);
	case INDEX_TABLES:
		break;
	}
	return err_set(err, ERR_INTERNAL, "index table %d", (int)change->table);
}

enum err_code sqlite_index_update(struct sqlite_store *store, int64_t iid, const struct json *before,
				  const struct json *entity, struct error *err)
{
	struct index_target target = {.store = store, .iid = iid};

	return index_diff(before, entity, change_row, &target, err);
}
