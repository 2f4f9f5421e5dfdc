/* Subjects: whose history there is, and of which types. The types of an entity are those of its document; beside them a
 * table has the types of what is gone, and those that were given with a temporal representation only. */
#include "store/sqlite_int.h"

#define SUBJECT_PAGE 256
#define SUBJECT_ARENA_BYTES_MAX ((size_t)64 << 20)

struct type_list {
	struct str *at;
	size_t count, room;
	struct arena *arena;
};

static bool type_list_add(struct type_list *list, struct str iri)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->at[i], iri))
			return true;
	struct str *at = arena_grow(list->arena, list->at, list->count, &list->room, sizeof(*at), 4);
	struct str copy = arena_dup(list->arena, iri);

	if (!at || !copy.at)
		return false;
	list->at = at;
	list->at[list->count++] = copy;
	return true;
}

/* ---- one subject ---- */

static enum err_code add_types_of(const struct json *entity, struct type_list *types, struct error *err)
{
	const struct json *type = json_get(entity, STR("type"));
	bool added = true;

	if (json_is(type, JSON_STRING))
		added = type_list_add(types, json_text(type));
	for (uint32_t i = 0; json_is(type, JSON_ARRAY) && added && i < type->count; i++)
		if (json_is(&type->items[i], JSON_STRING))
			added = type_list_add(types, json_text(&type->items[i]));
	return added ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for types");
}

/* The types of the document that the statement stands on, in its order. */
static enum err_code read_types(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct type_list *types,
				struct error *err)
{
	bool packed = sqlite3_column_type(stmt, 2) == SQLITE_BLOB;
	struct json_parser *parser = packed ? NULL : json_parser_new();
	struct json *entity;
	struct arena arena;

	if (!packed && !parser)
		return err_set(err, ERR_MEMORY, "no memory for a parser");
	arena_init(&arena, SQLITE_SCRATCH_BYTES_MAX);
	enum err_code code = sqlite_document_borrow(conn, stmt, 2, parser, &arena, &entity, err);

	if (code == ERR_OK)
		code = add_types_of(entity, types, err);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}

static enum err_code add_entity_types(struct sqlite_conn *conn, struct str id, struct type_list *types,
				      struct store_subject *subject, bool *ret_entity, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_ENTITY_TYPES, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_step(conn, stmt, "reading an entity's types", ret_entity, err);
	if (code == ERR_OK && *ret_entity) {
		subject->created_us = sqlite3_column_int64(stmt, 0);
		subject->modified_us = sqlite3_column_int64(stmt, 1);
		code = read_types(conn, stmt, types, err);
	}
	sqlite_give(conn, SQL_ENTITY_TYPES, stmt);
	return code;
}

static enum err_code add_other_types(struct sqlite_conn *conn, int64_t number, struct type_list *types,
				     struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_TYPES, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	while (code == ERR_OK) {
		code = sqlite_step(conn, stmt, "reading a subject's types", &row, err);
		if (code || !row)
			break;
		if (!type_list_add(types, sqlite_text(stmt, 0)))
			code = err_set(err, ERR_MEMORY, "no memory for types");
	}
	sqlite_give(conn, SQL_SUBJECT_TYPES, stmt);
	return code;
}

/* Fills in what is known beside id and gone_us. */
static enum err_code describe(struct sqlite_conn *conn, int64_t number, struct arena *arena,
			      struct store_subject *subject, struct error *err)
{
	struct type_list types = {.arena = arena};
	bool entity = false;

	subject->created_us = subject->modified_us = STORE_NO_TIME;
	enum err_code code = add_entity_types(conn, subject->id, &types, subject, &entity, err);

	if (code == ERR_OK)
		code = add_other_types(conn, number, &types, err);
	if (entity)
		subject->gone_us = STORE_NO_TIME;
	subject->types = types.at;
	subject->type_count = types.count;
	return code;
}

enum err_code sqlite_subject_id(struct sqlite_conn *conn, int64_t number, struct arena *arena, struct str *ret_id,
				struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_ID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, number);
	code = sqlite_step(conn, stmt, "looking up a subject", &row, err);
	*ret_id = code == ERR_OK && row ? arena_dup(arena, sqlite_text(stmt, 0)) : STR_NONE;
	sqlite_give(conn, SQL_SUBJECT_ID, stmt);
	if (code == ERR_OK && row && !ret_id->at)
		code = err_set(err, ERR_MEMORY, "no memory for a subject");
	return code;
}

enum err_code sqlite_subject_types(struct sqlite_conn *conn, int64_t number, struct arena *arena,
				   const struct str **ret_types, size_t *ret_count, struct error *err)
{
	struct store_subject subject = {.gone_us = STORE_NO_TIME};
	enum err_code code = sqlite_subject_id(conn, number, arena, &subject.id, err);

	if (code == ERR_OK && subject.id.at)
		code = describe(conn, number, arena, &subject, err);
	*ret_types = subject.types;
	*ret_count = subject.type_count;
	return code;
}

/* *ret_number is 0 when there is none. */
static enum err_code find_subject(struct sqlite_conn *conn, struct str id, int64_t *ret_number, int64_t *ret_gone_us,
				  struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_SUBJECT_FIND, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_step(conn, stmt, "looking up a subject", &row, err);
	*ret_number = row ? sqlite3_column_int64(stmt, 0) : 0;
	*ret_gone_us =
		row && sqlite3_column_type(stmt, 1) == SQLITE_INTEGER ? sqlite3_column_int64(stmt, 1) : STORE_NO_TIME;
	sqlite_give(conn, SQL_SUBJECT_FIND, stmt);
	return code;
}

static enum err_code get_subject(struct sqlite_conn *conn, struct str id, struct arena *arena, int64_t *ret_number,
				 struct store_subject *ret, struct error *err)
{
	struct store_subject subject = {.id = arena_dup(arena, id)};
	enum err_code code = find_subject(conn, id, ret_number, &subject.gone_us, err);

	if (code)
		return code;
	if (*ret_number == 0)
		return err ? err_set(err, ERR_NOT_FOUND, "there is no history of %.*s", STR_FMT(id)) : ERR_NOT_FOUND;
	if (!subject.id.at)
		return err_set(err, ERR_MEMORY, "no memory for a subject");
	code = describe(conn, *ret_number, arena, &subject, err);
	if (code == ERR_OK)
		*ret = subject;
	return code;
}

enum err_code sqlite_subject_get(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 struct store_subject *ret, struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	int64_t number;
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	code = get_subject(&reader->conn, id, arena, &number, ret, err);
	sqlite_snapshot_end(reader);
	return code;
}

/* ---- many ---- */

struct walk {
	struct sqlite_conn *conn;
	bool (*visit)(void *self, int64_t number, const struct store_subject *subject);
	void *self;
	struct arena arena;
	int64_t type_numbers[2]; /* a type's number; with several types all subjects are candidates */
	size_t type_count;
	bool stopped;
	struct error *err;
};

struct page {
	int64_t numbers[SUBJECT_PAGE];
	struct store_subject subjects[SUBJECT_PAGE];
	size_t count;
};

/* The next subjects behind `after`, without their types. */
static enum err_code read_page(struct walk *walk, int64_t after, struct page *page)
{
	enum sqlite_sql sql = walk->type_count == 1 ? SQL_SUBJECT_OF_TYPE : SQL_SUBJECT_AFTER;
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(walk->conn, sql, &stmt, walk->err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, after);
	sqlite_bind_int(stmt, 2, SUBJECT_PAGE);
	if (walk->type_count == 1)
		sqlite_bind_int(stmt, 3, walk->type_numbers[0]);
	page->count = 0;
	while (page->count < SUBJECT_PAGE) {
		code = sqlite_step(walk->conn, stmt, "listing subjects", &row, walk->err);
		if (code || !row)
			break;
		struct store_subject *subject = &page->subjects[page->count];

		*subject = (struct store_subject){.id = arena_dup(&walk->arena, sqlite_text(stmt, 1))};
		page->numbers[page->count] = sqlite3_column_int64(stmt, 0);
		subject->gone_us =
			sqlite3_column_type(stmt, 2) == SQLITE_INTEGER ? sqlite3_column_int64(stmt, 2) : STORE_NO_TIME;
		if (!subject->id.at) {
			code = err_set(walk->err, ERR_MEMORY, "no memory to list subjects");
			break;
		}
		page->count++;
	}
	sqlite_give(walk->conn, sql, stmt);
	return code;
}

static enum err_code show(struct walk *walk, int64_t number, struct store_subject *subject)
{
	enum err_code code = describe(walk->conn, number, &walk->arena, subject, walk->err);

	if (code == ERR_OK)
		walk->stopped = !walk->visit(walk->self, number, subject);
	return code;
}

static enum err_code walk_all(struct walk *walk, int64_t after)
{
	CLEANUP_MEMORY struct page *page = malloc(sizeof(*page));
	enum err_code code = page ? ERR_OK : err_set(walk->err, ERR_MEMORY, "no memory to list subjects");
	bool more = true;

	while (code == ERR_OK && more && !walk->stopped) {
		arena_clear(&walk->arena);
		code = read_page(walk, after, page);
		if (code)
			break;
		more = page->count == SUBJECT_PAGE;
		for (size_t i = 0; code == ERR_OK && !walk->stopped && i < page->count; i++) {
			after = page->numbers[i];
			code = show(walk, after, &page->subjects[i]);
		}
	}
	return code;
}

static int compare_found(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

struct found {
	int64_t number;
	struct store_subject subject;
};

/* Those of a list of ids, in the order of their numbers. */
static enum err_code walk_ids(struct walk *walk, const struct narrow *narrow, int64_t after)
{
	struct found *found = arena_array(&walk->arena, struct found, narrow->id_count);
	size_t count = 0;

	if (!found)
		return err_set(walk->err, ERR_MEMORY, "no memory to list subjects");
	for (size_t i = 0; i < narrow->id_count; i++) {
		struct found *at = &found[count];
		enum err_code code =
			get_subject(walk->conn, narrow->ids[i], &walk->arena, &at->number, &at->subject, walk->err);

		if (code == ERR_OK)
			count++;
		else if (code != ERR_NOT_FOUND)
			return code;
	}
	qsort(found, count, sizeof(*found), compare_found);
	for (size_t i = 0; i < count && !walk->stopped; i++) {
		bool again = i > 0 && found[i].number == found[i - 1].number;

		if (found[i].number > after && !again)
			walk->stopped = !walk->visit(walk->self, found[i].number, &found[i].subject);
	}
	return ERR_OK;
}

static enum err_code walk_subjects(struct walk *walk, const struct narrow *narrow, int64_t after)
{
	if (narrow->id_count > 0)
		return walk_ids(walk, narrow, after);
	if (narrow->type_count == 1) {
		enum err_code code =
			sqlite_name_find(walk->conn, narrow->type_iris[0], &walk->type_numbers[0], walk->err);

		walk->type_count = 1;
		if (code || walk->type_numbers[0] == 0)
			return code;
	}
	return walk_all(walk, after);
}

enum err_code sqlite_subject_each(struct store_snapshot *snapshot, const struct narrow *narrow, int64_t after,
				  bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				  void *self, struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	struct walk walk = {.conn = &reader->conn, .visit = visit, .self = self, .err = err};
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	arena_init(&walk.arena, SUBJECT_ARENA_BYTES_MAX);
	code = walk_subjects(&walk, narrow, after);
	arena_done(&walk.arena);
	sqlite_snapshot_end(reader);
	return code;
}

/* ---- inside a transaction ---- */

static enum err_code add_type(struct sqlite_store *store, int64_t subject, struct str iri, struct error *err)
{
	sqlite3_stmt *stmt;
	int64_t nid;
	enum err_code code = sqlite_name_number(store, iri, &nid, err);

	if (code == ERR_OK)
		code = sqlite_take(&store->writer, SQL_SUBJECT_TYPE_ADD, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	sqlite_bind_int(stmt, 2, nid);
	return sqlite_finish(&store->writer, SQL_SUBJECT_TYPE_ADD, stmt, "noting a type", err);
}

enum err_code sqlite_subject_keep_types(struct sqlite_store *store, int64_t subject, const struct json *entity,
					struct error *err)
{
	const struct json *types = json_get(entity, STR("type"));
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; json_is(types, JSON_ARRAY) && code == ERR_OK && i < types->count; i++)
		if (json_is(&types->items[i], JSON_STRING))
			code = add_type(store, subject, json_text(&types->items[i]), err);
	return code;
}

enum err_code sqlite_txn_subject_add(struct store_backend *backend, struct store_txn *txn, struct str id,
				     const struct str *types, size_t type_count, bool *ret_created, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)backend;
	int64_t subject;

	txn->changed = true;
	enum err_code code = sqlite_subject_number(store, id, &subject, ret_created, err);

	for (size_t i = 0; code == ERR_OK && i < type_count; i++)
		code = add_type(store, subject, types[i], err);
	return code;
}

enum err_code sqlite_txn_subject_has(struct store_backend *backend, struct str id, bool *ret_has, struct error *err)
{
	int64_t subject;
	enum err_code code = sqlite_subject_find(&((struct sqlite_store *)backend)->writer, id, &subject, err);

	*ret_has = code == ERR_OK && subject != 0;
	return code;
}
