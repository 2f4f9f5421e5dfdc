/* Documents on the writer's connection: get, put, delete, ids, meta. */
#include "store/sqlite_int.h"

#include "base/time_value.h"

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

static struct sqlite_known *known_slot(struct sqlite_store *store, struct str id)
{
	return &store->known[str_hash(id, 0) % SQLITE_KNOWN_IDS];
}

static void known_set(struct sqlite_store *store, struct str id, int64_t iid)
{
	struct sqlite_known *known = known_slot(store, id);

	known->iid = 0;
	if (id.len > SQLITE_KNOWN_ID_BYTES || id.len == 0)
		return;
	memcpy(known->id, id.at, id.len);
	known->len = (uint32_t)id.len;
	known->iid = iid;
}

static enum err_code find_iid(struct sqlite_store *store, struct str id, int64_t *ret_iid, struct error *err)
{
	const struct sqlite_known *known = known_slot(store, id);
	sqlite3_stmt *stmt;
	int64_t iid;
	bool row;

	if (known->iid && str_eq((struct str){known->id, known->len}, id)) {
		*ret_iid = known->iid;
		return ERR_OK;
	}
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_number(&store->writer, SQL_ENTITY_IID, stmt, "looking for an entity", &iid, &row, err);
	if (code)
		return code;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id));
	*ret_iid = iid;
	return ERR_OK;
}

/* ---- get ---- */

enum err_code sqlite_txn_get(struct store_backend *backend, struct store_txn *txn, struct str id,
			     struct json **ret_entity, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	const struct json_parse_options options = {.duplicates_allowed = true};
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_step(&store->writer, stmt, "reading an entity", &row, err);
	if (code == ERR_OK && !row)
		code = err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
	if (code == ERR_OK) {
		known_set(store, id, sqlite3_column_int64(stmt, 0));
		code = json_parse(txn->parser, &txn->arena, sqlite_text(stmt, 1), &options, ret_entity, err);
		if (code == ERR_INVALID)
			code = err_set(err, ERR_CORRUPT, "%s: the document of %.*s is not JSON", store->path,
				       STR_FMT(id));
	}
	sqlite_give(&store->writer, SQL_ENTITY_GET, stmt);
	return code;
}

/* ---- put ---- */

bool sqlite_expires(const struct json *entity, int64_t *ret_us)
{
	return time_parse_iso(json_text(json_get(entity, STR("expiresAt"))), true, ret_us);
}

/* Binds created, modified, expires and doc to four parameters from first on. */
static void bind_document(const struct sqlite_store *store, sqlite3_stmt *stmt, int first, const struct json *entity)
{
	int64_t expires_us;

	sqlite_bind_int(stmt, first, document_created_us(entity));
	sqlite_bind_int(stmt, first + 1, document_modified_us(entity));
	if (sqlite_expires(entity, &expires_us))
		sqlite_bind_int(stmt, first + 2, expires_us);
	else
		(void)sqlite3_bind_null(stmt, first + 2);
	sqlite_bind_text(stmt, first + 3, buf_str(&store->text));
}

static enum err_code insert_entity(struct sqlite_store *store, struct store_txn *txn, const struct json *entity,
				   int64_t *ret_iid, struct error *err)
{
	struct str id = document_id(entity);
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_ENTITY_INSERT, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	bind_document(store, stmt, 2, entity);
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_CONSTRAINT_UNIQUE)
		code = err_set(err, ERR_EXISTS, "entity %.*s exists already", STR_FMT(id));
	else if (rc != SQLITE_DONE)
		code = sqlite_fail(&store->writer, rc, "storing an entity", err);
	sqlite_give(&store->writer, SQL_ENTITY_INSERT, stmt);
	if (code)
		return code;
	txn->changed = true;
	store->entities_delta++;
	*ret_iid = sqlite3_last_insert_rowid(store->writer.db);
	known_set(store, id, *ret_iid);
	return ERR_OK;
}

static enum err_code update_entity(struct sqlite_store *store, struct store_txn *txn, const struct json *entity,
				   int64_t *ret_iid, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = find_iid(store, document_id(entity), ret_iid, err);

	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_ENTITY_UPDATE, &stmt, err);
	if (code)
		return code;
	txn->changed = true;
	sqlite_bind_int(stmt, 1, *ret_iid);
	bind_document(store, stmt, 2, entity);
	return sqlite_finish(&store->writer, SQL_ENTITY_UPDATE, stmt, "storing an entity", err);
}

enum err_code sqlite_txn_put(struct store_backend *backend, struct store_txn *txn, const struct json *before,
			     const struct json *entity, struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	int64_t iid = 0;

	if (document_id(entity).len == 0)
		return err_set(err, ERR_INVALID, "an entity without id cannot be stored");
	buf_clear(&store->text);
	json_write(&store->text, entity);
	enum err_code code = buf_check(&store->text, "document", err);

	if (code == ERR_OK)
		code = before ? update_entity(store, txn, entity, &iid, err)
			      : insert_entity(store, txn, entity, &iid, err);
	return code ? code : sqlite_index_update(store, iid, before, entity, err);
}

enum err_code sqlite_txn_delete(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				struct error *err)
{
	struct sqlite_store *store = sqlite_store(backend);
	sqlite3_stmt *stmt;
	int64_t iid;
	enum err_code code = find_iid(store, document_id(before), &iid, err);

	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_ENTITY_DELETE, &stmt, err);
	if (code)
		return code;
	txn->changed = true;
	store->entities_delta--;
	known_slot(store, document_id(before))->iid = 0;
	sqlite_bind_int(stmt, 1, iid);
	code = sqlite_finish(&store->writer, SQL_ENTITY_DELETE, stmt, "deleting an entity", err);
	return code ? code : sqlite_index_update(store, iid, before, NULL, err);
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
