/* Documents on the writer's connection: get, put, delete, ids, meta. */
#include "store/sqlite_int.h"

#include <string.h>

#define EACH_ID_PAGE 256 /* ids read at once; between the pages the visitor may change anything */

static struct sqlite_store *sqlite_store(struct store_backend *backend)
{
	return (struct sqlite_store *)backend;
}

/* ---- entity numbers looked up a moment ago ---- */

void sqlite_known_clear(struct sqlite_store *store)
{
	for (size_t i = 0; i < SQLITE_KNOWN_IDS; i++)
		store->known[i].iid = 0;
}

/* Where an entity's row and its history are. */
struct place {
	int64_t iid;
	int64_t subject;
	int64_t expires_us; /* as stored; INT64_MAX: NULL */
};

static struct sqlite_known *known_slot(struct sqlite_store *store, struct str id)
{
	return &store->known[str_hash(id, 0) % SQLITE_KNOWN_IDS];
}

struct sqlite_known *sqlite_known_find(struct sqlite_store *store, struct str id)
{
	struct sqlite_known *known = known_slot(store, id);

	return known->iid && str_eq((struct str){known->id, known->len}, id) ? known : NULL;
}

static void known_set(struct sqlite_store *store, struct str id, const struct place *place)
{
	struct sqlite_known *known = known_slot(store, id);

	known->iid = 0;
	if (id.len > SQLITE_KNOWN_ID_BYTES || id.len == 0)
		return;
	memcpy(known->id, id.at, id.len);
	known->len = (uint32_t)id.len;
	known->iid = place->iid;
	known->subject = place->subject;
	known->expires_us = place->expires_us;
}

/* Of a row that begins with iid, id, subject, expires. */
static struct place read_place(sqlite3_stmt *stmt)
{
	bool expires = sqlite3_column_type(stmt, 3) != SQLITE_NULL;

	return (struct place){.iid = sqlite3_column_int64(stmt, 0),
			      .subject = sqlite3_column_int64(stmt, 2),
			      .expires_us = expires ? sqlite3_column_int64(stmt, 3) : INT64_MAX};
}

static enum err_code find_place(struct sqlite_store *store, struct str id, struct place *ret_place, struct error *err)
{
	const struct sqlite_known *known = sqlite_known_find(store, id);
	sqlite3_stmt *stmt;
	bool row = false;

	if (known) {
		*ret_place = (struct place){known->iid, known->subject, known->expires_us};
		return ERR_OK;
	}
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_step(&store->writer, stmt, "looking for an entity", &row, err);
	if (code == ERR_OK && row)
		*ret_place = read_place(stmt);
	sqlite_give(&store->writer, SQL_ENTITY_IID, stmt);
	if (code == ERR_OK && !row)
		code = err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id));
	return code;
}

/* ---- get ---- */

enum err_code sqlite_txn_get(struct store_backend *backend, struct store_txn *txn, struct str id,
			     struct json **ret_entity, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	struct sqlite_row row;
	enum err_code code =
		sqlite_find_row(&store->writer, store->places, SQL_ENTITY_AT, SQL_ENTITY_GET, id, &row, err);

	if (code)
		return code;
	if (!row.stmt)
		code = err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
	if (code == ERR_OK) {
		struct place place = read_place(row.stmt);

		known_set(store, id, &place);
		code = sqlite_document_borrow(&store->writer, row.stmt, 4, txn->parser, &txn->arena, ret_entity, err);
	}
	sqlite_give(&store->writer, row.sql, row.stmt);
	return code;
}

/* ---- put ---- */

/* The entity, written into store->document. */
struct putting {
	const struct json *entity;
	bool packed;
	int64_t expires_us; /* INT64_MAX: nothing of it does */
};

/* Binds created, modified and doc to three parameters from first on. */
static void bind_document(const struct sqlite_store *store, sqlite3_stmt *stmt, int first,
			  const struct putting *putting)
{
	sqlite_bind_int(stmt, first, document_created_us(putting->entity));
	sqlite_bind_int(stmt, first + 1, document_modified_us(putting->entity));
	sqlite_bind_document(stmt, first + 2, &store->document, putting->packed);
}

static void bind_expires(sqlite3_stmt *stmt, int index, int64_t expires_us)
{
	if (expires_us != INT64_MAX)
		sqlite_bind_int(stmt, index, expires_us);
	else
		(void)sqlite3_bind_null(stmt, index);
}

static enum err_code insert_entity(struct sqlite_store *store, struct store_txn *txn, const struct putting *putting,
				   int64_t *ret_iid, struct error *err)
{
	struct str id = document_id(putting->entity);
	struct place place = {.expires_us = putting->expires_us};
	bool subject_new;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_subject_add(store, id, &place.subject, &subject_new, err);

	if (code)
		return code;
	txn->changed = txn->changed || subject_new;
	code = sqlite_take(&store->writer, SQL_ENTITY_INSERT, &stmt, err);
	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	sqlite_bind_int(stmt, 6, place.subject);
	bind_document(store, stmt, 2, putting);
	bind_expires(stmt, 5, place.expires_us);
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_CONSTRAINT_UNIQUE)
		code = err_set(err, ERR_EXISTS, "entity %.*s exists already", STR_FMT(id));
	else if (rc != SQLITE_DONE)
		code = sqlite_fail(&store->writer, rc, "storing an entity", err);
	sqlite_give(&store->writer, SQL_ENTITY_INSERT, stmt);
	if (code)
		return code;
	txn->changed = true;
	store->now.entities++;
	place.iid = *ret_iid = sqlite3_last_insert_rowid(store->writer.db);
	known_set(store, id, &place);
	sqlite_places_set(store->places, str_hash(id, 0), place.iid);
	return subject_new ? ERR_OK : sqlite_subject_note_gone(&store->writer, place.subject, NULL, err);
}

static enum err_code update_entity(struct sqlite_store *store, struct store_txn *txn, const struct putting *putting,
				   int64_t *ret_iid, struct error *err)
{
	struct str id = document_id(putting->entity);
	struct place place;
	sqlite3_stmt *stmt;
	enum err_code code = find_place(store, id, &place, err);

	if (code)
		return code;
	bool same = putting->expires_us == place.expires_us;
	enum sqlite_sql sql = same ? SQL_ENTITY_UPDATE : SQL_ENTITY_UPDATE_EXPIRES;

	code = sqlite_take(&store->writer, sql, &stmt, err);
	if (code)
		return code;
	txn->changed = true;
	place.expires_us = putting->expires_us;
	known_set(store, id, &place);
	*ret_iid = place.iid;
	sqlite_bind_int(stmt, 1, place.iid);
	bind_document(store, stmt, 2, putting);
	if (!same)
		bind_expires(stmt, 5, putting->expires_us);
	return sqlite_finish(&store->writer, sql, stmt, "storing an entity", err);
}

enum err_code sqlite_txn_put(struct store_backend *backend, struct store_txn *txn, const struct json *before,
			     const struct json *entity, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	int64_t iid = 0;

	if (document_id(entity).len == 0)
		return err_set(err, ERR_INVALID, "an entity without id cannot be stored");
	struct putting putting = {.entity = entity, .expires_us = INT64_MAX};
	bool expires;
	enum err_code code = sqlite_document_write(store, entity, &putting.packed, &expires, err);

	if (code == ERR_OK && expires && !sqlite_expires(entity, &putting.expires_us))
		putting.expires_us = INT64_MAX;
	if (code == ERR_OK)
		code = before ? update_entity(store, txn, &putting, &iid, err)
			      : insert_entity(store, txn, &putting, &iid, err);
	if (code == ERR_OK)
		code = census_change(&store->census, before, entity, err);
	return code ? code : sqlite_index_update(store, iid, before, entity, err);
}

enum err_code sqlite_txn_delete(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	sqlite3_stmt *stmt;
	const int64_t always_us = 0; /* until its history says when */
	struct place place = {0};
	enum err_code code = find_place(store, document_id(before), &place, err);

	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_ENTITY_DELETE, &stmt, err);
	if (code)
		return code;
	txn->changed = true;
	store->now.entities--;
	known_slot(store, document_id(before))->iid = 0;
	sqlite_bind_int(stmt, 1, place.iid);
	code = sqlite_finish(&store->writer, SQL_ENTITY_DELETE, stmt, "deleting an entity", err);
	if (code == ERR_OK)
		code = sqlite_subject_note_gone(&store->writer, place.subject, &always_us, err);
	if (code == ERR_OK)
		code = sqlite_subject_keep_types(store, place.subject, before, err);
	if (code == ERR_OK)
		code = census_change(&store->census, before, NULL, err);
	return code ? code : sqlite_index_update(store, place.iid, before, NULL, err);
}

/* ---- ids ---- */

struct str sqlite_prefix_end(struct arena *arena, struct str prefix)
{
	while (prefix.len > 0 && (unsigned char)prefix.at[prefix.len - 1] == 0xFF)
		prefix.len--;
	if (prefix.len == 0)
		return STR_NONE;
	char *end = arena_bytes(arena, prefix.len, 1);

	if (!end)
		return STR_NONE; /* no upper end: a superset */
	memcpy(end, prefix.at, prefix.len);
	end[prefix.len - 1] = (char)((unsigned char)end[prefix.len - 1] + 1);
	return (struct str){end, prefix.len};
}

struct id_page {
	struct str ids[EACH_ID_PAGE];
	size_t count;
};

static enum err_code read_id_page(struct sqlite_store *store, struct arena *arena, struct str from, struct str end,
				  struct id_page *page, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IDS, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, from);
	if (end.at)
		sqlite_bind_text(stmt, 2, end);
	else
		sqlite_bind_partial(stmt, 2); /* above every text */
	sqlite_bind_int(stmt, 3, EACH_ID_PAGE);
	page->count = 0;
	while (page->count < EACH_ID_PAGE) {
		code = sqlite_step(&store->writer, stmt, "listing ids", &row, err);
		if (code || !row)
			break;
		struct str id = arena_dup(arena, sqlite_text(stmt, 0));

		if (!id.at) {
			code = err_set(err, ERR_MEMORY, "no memory to list ids");
			break;
		}
		page->ids[page->count++] = id;
	}
	sqlite_give(&store->writer, SQL_ENTITY_IDS, stmt);
	return code;
}

static enum err_code each_id(struct sqlite_store *store, struct arena *arena, struct str prefix,
			     bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	CLEANUP_MEMORY char *from_text = NULL;
	CLEANUP_MEMORY struct id_page *page = malloc(sizeof(*page));
	struct str from = prefix;
	enum err_code code = page ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to list ids");

	while (code == ERR_OK) {
		arena_clear(arena);
		code = read_id_page(store, arena, from, sqlite_prefix_end(arena, prefix), page, err);
		for (size_t i = 0; code == ERR_OK && i < page->count; i++)
			if (!visit(self, page->ids[i]))
				return ERR_OK;
		if (code || page->count < EACH_ID_PAGE)
			return code;
		/* The next id there can be: the last one and a NUL. */
		struct str last = page->ids[page->count - 1];
		char *next = malloc(last.len + 1);

		if (!next)
			return err_set(err, ERR_MEMORY, "no memory to list ids");
		memcpy(next, last.at, last.len);
		next[last.len] = '\0';
		free(from_text);
		from_text = next;
		from = (struct str){next, last.len + 1};
	}
	return code;
}

enum err_code sqlite_txn_each_id(struct store_backend *backend, struct str prefix,
				 bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	struct arena arena; /* visit may use the store's scratch */

	arena_init(&arena, SQLITE_SCRATCH_BYTES_MAX);
	enum err_code code = each_id(sqlite_store(backend), &arena, prefix, visit, self, err);

	arena_done(&arena);
	return code;
}

/* ---- meta ---- */

enum err_code sqlite_txn_set_meta(struct store_backend *backend, struct store_txn *txn, struct str key,
				  struct str value, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	enum sqlite_sql sql = value.at ? SQL_META_SET : SQL_META_DELETE;
	sqlite3_stmt *stmt;

	if (str_eq(key, STR("schema_version")))
		return err_set(err, ERR_INVALID, "schema_version is the store's own");
	enum err_code code = sqlite_take(&store->writer, sql, &stmt, err);

	if (code)
		return code;
	txn->changed = true;
	sqlite_bind_text(stmt, 1, key);
	if (value.at)
		sqlite_bind_text(stmt, 2, value);
	return sqlite_finish(&store->writer, sql, stmt, "storing a mark", err);
}
