/* The index of values: rows (value, entity) of one attribute in their order, some 3 KB of them in each row of the table
 * "value_chunk".
 *
 * As a row of its own each would cost 18 bytes and a search down a tree for every change; one behind the other they
 * take 2 to 3 bytes where values repeat, and thousands of changes are merged by reading and writing each chunk once.
 * A chunk that becomes too large is written as several of about equal size, and one that is left small joins the next.
 * Ranges of chunks do not overlap: a row belongs to the first chunk that ends with it or behind it, and what lies
 * behind all of them to the last. */
#include "store/sqlite_int.h"

#define CHUNK_BYTES_MAX 3800u /* of a body: with the rest of its row it fits a page */
#define CHUNK_BYTES_MIN 500u /* a smaller one joins the next */
#define MERGED_BYTES_MAX ((size_t)256 << 20) /* of one chunk with all its changes */

struct chunk { /* one that was read; cid 0: there is none */
	int64_t cid;
	struct str body; /* in the merge's arena */
	bool ends; /* it is the last: all that comes behind it is its, too */
};

struct merge {
	struct sqlite_conn *conn;
	int64_t nid;
	const struct sqlite_pending_row *const *changes;
	size_t change_count, change_at;
	struct value_change *rows; /* owned; merged, to be written */
	size_t count, room;
	struct buf body;
	struct arena arena; /* bodies that rows have texts of */
};

/* ---- reading ---- */

static enum err_code read_chunk(struct merge *merge, enum sqlite_sql sql, const struct value_change *key,
				struct chunk *chunk, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(merge->conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, merge->nid);
	if (sql == SQL_CHUNK_FIND) {
		sqlite_bind_value(stmt, 2, &key->value);
		sqlite_bind_int(stmt, 3, key->iid);
	}
	code = sqlite_step(merge->conn, stmt, "reading the index of values", &row, err);
	if (code == ERR_OK && row) {
		chunk->cid = sqlite3_column_int64(stmt, 0);
		chunk->body = arena_dup(&merge->arena, sqlite_text(stmt, 1));
		if (!chunk->body.at)
			code = err_set(err, ERR_MEMORY, "no memory for the index of values");
	}
	sqlite_give(merge->conn, sql, stmt);
	return code;
}

/* The chunk to merge into next: where what is left small goes on, or where the next change belongs. */
static enum err_code next_chunk(struct merge *merge, struct chunk *chunk, struct error *err)
{
	bool carried = merge->count > 0;
	const struct value_change *key =
		carried ? &merge->rows[merge->count - 1] : &merge->changes[merge->change_at]->change;

	*chunk = (struct chunk){0};
	enum err_code code = read_chunk(merge, SQL_CHUNK_FIND, key, chunk, err);

	if (code || chunk->cid)
		return code;
	chunk->ends = true;
	return carried ? ERR_OK : read_chunk(merge, SQL_CHUNK_LAST, NULL, chunk, err);
}

/* ---- merging ---- */

static enum err_code keep(struct merge *merge, const struct value_change *row, struct error *err)
{
	if (merge->count == merge->room) {
		size_t room = merge->room ? merge->room * 2 : 1024;
		struct value_change *rows = reallocarray(merge->rows, room, sizeof(*rows));

		if (!rows)
			return err_set(err, ERR_MEMORY, "no memory for the index of values");
		merge->rows = rows;
		merge->room = room;
	}
	merge->rows[merge->count++] = *row;
	return ERR_OK;
}

static enum err_code contradiction(const struct merge *merge, struct error *err)
{
	return err_set(err, ERR_CORRUPT, "%s: the index of values and its log contradict each other",
		       merge->conn->path);
}

/* The changes that lie before a row of the chunk (NULL: all the rest). *ret_gone: one of them removes the row. */
static enum err_code take_changes(struct merge *merge, const struct value_change *row, bool *ret_gone,
				  struct error *err)
{
	*ret_gone = false;
	for (; merge->change_at < merge->change_count; merge->change_at++) {
		const struct value_change *change = &merge->changes[merge->change_at]->change;
		int order = row ? value_change_cmp(change, row) : -1;

		if (order > 0)
			return ERR_OK;
		if (change->add == (order == 0))
			return contradiction(merge, err);
		*ret_gone = order == 0;
		enum err_code code = change->add ? keep(merge, change, err) : ERR_OK;

		if (code)
			return code;
	}
	return ERR_OK;
}

static enum err_code merge_chunk(struct merge *merge, const struct chunk *chunk, struct error *err)
{
	struct value_change row = {0};
	struct str rest = chunk->body;
	enum err_code code = ERR_OK;
	bool gone;

	while (code == ERR_OK && value_log_next(&rest, &row)) {
		code = take_changes(merge, &row, &gone, err);
		if (code == ERR_OK && !gone)
			code = keep(merge, &row, err);
	}
	if (code == ERR_OK && rest.len > 0)
		code = err_set(err, ERR_CORRUPT, "%s: the index of values is damaged", merge->conn->path);
	return code || !chunk->ends ? code : take_changes(merge, NULL, &gone, err);
}

/* ---- writing ---- */

/* Stores the body, whose last row is given: in the place of cid, unless that is 0. */
static enum err_code write_chunk(struct merge *merge, int64_t cid, const struct value_change *last, size_t rows,
				 struct error *err)
{
	enum sqlite_sql sql = cid ? SQL_CHUNK_SET : SQL_CHUNK_ADD;
	sqlite3_stmt *stmt;
	enum err_code code = buf_check(&merge->body, "index of values", err);

	if (code == ERR_OK)
		code = sqlite_take(merge->conn, sql, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, cid ? cid : merge->nid);
	sqlite_bind_value(stmt, 2, &last->value);
	sqlite_bind_int(stmt, 3, last->iid);
	sqlite_bind_int(stmt, 4, (int64_t)rows);
	sqlite_bind_bytes(stmt, 5, buf_str(&merge->body));
	return sqlite_finish(merge->conn, sql, stmt, "writing the index of values", err);
}

static enum err_code drop_chunk(struct merge *merge, int64_t cid, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(merge->conn, SQL_CHUNK_DROP, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, cid);
	return sqlite_finish(merge->conn, SQL_CHUNK_DROP, stmt, "writing the index of values", err);
}

/* Puts rows from first on into the body, until it has so many bytes; returns the end. */
static size_t put_rows(struct merge *merge, size_t first, size_t bytes)
{
	size_t i = first;

	buf_clear(&merge->body);
	for (; i < merge->count && (i == first || merge->body.len < bytes); i++)
		value_log_put(&merge->body, i > first ? &merge->rows[i - 1] : NULL, &merge->rows[i]);
	return i;
}

/* A piece ends with the row that fills it: its length, and what the last row may add, are within the bound. */
static enum err_code write_rows(struct merge *merge, int64_t cid, struct error *err)
{
	const size_t bytes_max = CHUNK_BYTES_MAX - INDEX_TEXT_BYTES_MAX - 16;
	size_t pieces = merge->body.len / bytes_max + 1, bytes = merge->body.len / pieces + 1;
	enum err_code code = ERR_OK;

	for (size_t first = 0, end; code == ERR_OK && first < merge->count; first = end) {
		end = pieces == 1 ? merge->count : put_rows(merge, first, bytes);
		code = write_chunk(merge, cid, &merge->rows[end - 1], end - first, err);
		cid = 0;
	}
	merge->count = 0;
	arena_clear(&merge->arena);
	return code;
}

static enum err_code merge_next(struct merge *merge, struct error *err)
{
	struct chunk chunk;
	enum err_code code = next_chunk(merge, &chunk, err);

	if (code == ERR_OK)
		code = merge_chunk(merge, &chunk, err);
	if (code)
		return code;
	(void)put_rows(merge, 0, SIZE_MAX);
	/* Nothing is left of it, or so little that it goes on in the next. */
	bool small = merge->count == 0 || (merge->body.len < CHUNK_BYTES_MIN && !chunk.ends);

	if (small)
		return chunk.cid ? drop_chunk(merge, chunk.cid, err) : ERR_OK;
	return write_rows(merge, chunk.cid, err);
}

enum err_code sqlite_chunks_merge(struct sqlite_conn *conn, int64_t nid, const struct sqlite_pending_row *const *rows,
				  size_t count, struct error *err)
{
	struct merge merge = {.conn = conn, .nid = nid, .changes = rows, .change_count = count};
	enum err_code code = ERR_OK;

	buf_init(&merge.body, MERGED_BYTES_MAX);
	arena_init(&merge.arena, MERGED_BYTES_MAX);
	while (code == ERR_OK && (merge.change_at < count || merge.count > 0))
		code = merge_next(&merge, err);
	free(merge.rows);
	buf_done(&merge.body);
	arena_done(&merge.arena);
	return code;
}
