/* Documents in rows: packed ones as BLOBs, and as text what an earlier version wrote or what is not worth packing.
 *
 * Each connection remembers the names it has met. They are never changed or removed, so an entry stays true whatever
 * other processes write; only the writer may have seen one that is not to be, and forgets all of them after a rollback
 * of names. What is remembered stays where it is, as trees borrow from it; when that is full, others are looked up. */
#include "store/document_pack.h"
#include "store/sqlite_int.h"

#include <assert.h>
#include <string.h>

#define NAMES_ROOM_FIRST 64u

/* ---- names ---- */

void sqlite_name_texts_init(struct sqlite_conn *conn)
{
	conn->names = (struct sqlite_name_texts){0};
	arena_init(&conn->names.texts, SQLITE_NAME_TEXTS_BYTES_MAX);
	arena_init(&conn->names.once, SQLITE_SCRATCH_BYTES_MAX);
}

void sqlite_name_texts_done(struct sqlite_conn *conn)
{
	free(conn->names.at);
	arena_done(&conn->names.texts);
	arena_done(&conn->names.once);
	sqlite_name_texts_init(conn);
}

static size_t address_slot(const char *at)
{
	return ((uintptr_t)at >> 4) % SQLITE_NAME_ADDRESSES;
}

static bool is_text_of(const struct sqlite_conn *conn, int64_t nid, struct str iri)
{
	return (uint64_t)nid < conn->names.room && conn->names.at[nid].at == iri.at &&
	       conn->names.at[nid].len == iri.len;
}

int64_t sqlite_name_by_address(const struct sqlite_store *store, struct str iri)
{
	int64_t nid = store->name_addresses[address_slot(iri.at)];

	return nid && is_text_of(&store->writer, nid, iri) ? nid : 0;
}

void sqlite_name_note_address(struct sqlite_store *store, struct str iri, int64_t nid)
{
	static_assert(SQLITE_NAMES_CACHED_MAX <= UINT16_MAX, "numbers that are remembered fit");
	if (nid > 0 && is_text_of(&store->writer, nid, iri))
		store->name_addresses[address_slot(iri.at)] = (uint16_t)nid;
}

/* Room for this number; false: it is not remembered. */
static bool make_room(struct sqlite_name_texts *names, int64_t number)
{
	size_t room = names->room ? names->room : NAMES_ROOM_FIRST;

	if (number >= SQLITE_NAMES_CACHED_MAX)
		return false;
	while (room <= (size_t)number)
		room *= 2;
	if (room == names->room)
		return true;
	struct str *at = realloc(names->at, room * sizeof(*at));

	if (!at)
		return false;
	memset(at + names->room, 0, (room - names->room) * sizeof(*at));
	names->at = at;
	names->room = room;
	return true;
}

static enum err_code look_up(struct sqlite_conn *conn, int64_t number, struct arena *arena, struct str *ret_iri,
			     struct error *err)
{
	struct sqlite_name_texts *names = &conn->names;

	if (!arena) {
		arena_clear(&names->once);
		arena = &names->once;
	}
	enum err_code code = sqlite_name_of(conn, number, arena, ret_iri, err);
	struct str kept = code == ERR_OK && make_room(names, number) ? arena_dup(&names->texts, *ret_iri) : STR_NONE;

	/* Without memory it is looked up again the next time. */
	if (kept.at)
		*ret_iri = names->at[number] = kept;
	return code;
}

static enum err_code name_of(void *self, int64_t number, struct arena *arena, struct str *ret_iri, struct error *err)
{
	struct sqlite_conn *conn = self;

	if ((uint64_t)number < conn->names.room && conn->names.at[number].at) {
		*ret_iri = conn->names.at[number];
		return ERR_OK;
	}
	return look_up(conn, number, arena, ret_iri, err);
}

/* The same in the arena, where it stays when the connection is closed. */
static enum err_code copy_of(void *self, int64_t number, struct arena *arena, struct str *ret_iri, struct error *err)
{
	struct str iri;
	enum err_code code = name_of(self, number, arena, &iri, err);

	if (code)
		return code;
	*ret_iri = arena_dup(arena, iri);
	return ret_iri->at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a document");
}

static enum err_code number_of(void *self, struct str iri, int64_t *ret_number, struct error *err)
{
	return sqlite_name_number(self, iri, ret_number, err);
}

/* ---- reading ---- */

static enum err_code while_reading(const struct sqlite_conn *conn, enum err_code code, struct error *err)
{
	return code && err ? err_while(err, "reading a document of %s", conn->path) : code;
}

static enum err_code read_tree(struct sqlite_conn *conn, const struct document_names *names, sqlite3_stmt *stmt,
			       int column, struct json_parser *parser, struct arena *arena, struct json **ret_document,
			       struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct str bytes = sqlite_text(stmt, column);

	if (sqlite3_column_type(stmt, column) == SQLITE_BLOB)
		return while_reading(conn, document_unpack(bytes, names, arena, ret_document, err), err);
	enum err_code code = json_parse(parser, arena, bytes, &options, ret_document, err);

	if (code == ERR_INVALID)
		return err_set(err, ERR_CORRUPT, "%s: a document is not JSON", conn->path);
	return code;
}

enum err_code sqlite_document_read(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column, struct json_parser *parser,
				   struct arena *arena, struct json **ret_document, struct error *err)
{
	const struct document_names names = {.self = conn, .name_of = copy_of};

	return read_tree(conn, &names, stmt, column, parser, arena, ret_document, err);
}

enum err_code sqlite_document_borrow(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column,
				     struct json_parser *parser, struct arena *arena, struct json **ret_document,
				     struct error *err)
{
	const struct document_names names = {.self = conn, .name_of = name_of};

	return read_tree(conn, &names, stmt, column, parser, arena, ret_document, err);
}

enum err_code sqlite_document_text(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column, struct buf *text,
				   struct str *ret_text, struct error *err)
{
	const struct document_names names = {.self = conn, .name_of = name_of};

	if (sqlite3_column_type(stmt, column) != SQLITE_BLOB) {
		*ret_text = sqlite_text(stmt, column);
		return ERR_OK;
	}
	buf_clear(text);
	enum err_code code =
		while_reading(conn, document_unpack_text(sqlite_text(stmt, column), &names, text, err), err);

	if (code == ERR_OK)
		*ret_text = buf_str(text);
	return code;
}

/* ---- writing ---- */

static enum err_code write_packed(struct sqlite_store *store, const struct json *document, enum document_kind kind,
				  struct buf *out, bool *ret_packed, bool *ret_expires, struct error *err)
{
	const struct document_names names = {.self = store, .number_of = number_of};

	buf_clear(out);
	enum err_code code = document_pack(document, kind, &names, out, ret_packed, ret_expires, err);

	if (code || *ret_packed)
		return code;
	buf_clear(out);
	*ret_expires = true; /* a walk through the tree tells */
	json_write(out, document);
	return buf_check(out, kind == DOCUMENT_ENTITY ? "document" : "attribute instance", err);
}

enum err_code sqlite_document_write(struct sqlite_store *store, const struct json *entity, bool *ret_packed,
				    bool *ret_expires, struct error *err)
{
	return write_packed(store, entity, DOCUMENT_ENTITY, &store->document, ret_packed, ret_expires, err);
}

enum err_code sqlite_instance_write(struct sqlite_store *store, const struct json *instance, bool *ret_packed,
				    struct error *err)
{
	bool expires;

	return write_packed(store, instance, DOCUMENT_INSTANCE, &store->text, ret_packed, &expires, err);
}

void sqlite_bind_document(sqlite3_stmt *stmt, int index, const struct buf *document, bool packed)
{
	if (packed)
		sqlite_bind_bytes(stmt, index, buf_str(document));
	else
		sqlite_bind_text(stmt, index, buf_str(document));
}
