/* The log that comes before the index of values.
 *
 * A changed value is a row that goes and one that comes, each on a page of its own somewhere in the index: in a large
 * city a new entity of twelve attributes would touch twelve pages, and write them to the log of the database and back.
 * So changes are first written down one behind the other, by attribute (table "value_log"), in the transaction that
 * they belong to. When there are thousands of one attribute they are sorted and merged into the index
 * (sqlite_chunks.c), many on each page. Who reads the index reads the log too
 * (sqlite_gather.c): what the log adds belongs to it, what it takes away may still be found, which costs the evaluator
 * a look.
 *
 * Sizes are known only as far as this store has written them; they decide about merging, and nothing else. A merge
 * reads from the table what there is, whoever wrote it. */
#include "store/sqlite_int.h"

#include <string.h>

#define GATHERED_ROWS_MAX 32768u /* in memory; then they are logged */
#define MERGE_ROWS 16384 /* of one attribute, the one with the most of a transaction, … */
#define MERGE_ROWS_MAX 65536 /* … and of any other */
#define LOG_ROWS_MAX 524288 /* of all attributes */
#define PIECE_BYTES 3500u /* of log: a shorter one is continued; what is on its page is written anyway */
#define PIECE_BYTES_MAX ((size_t)16 << 20)

void sqlite_values_init(struct sqlite_store *store)
{
	sqlite_pending_init(&store->pending);
	store->value_sizes = (struct sqlite_value_sizes){0};
	buf_init(&store->value_sizes.text, PIECE_BYTES_MAX);
}

void sqlite_values_done(struct sqlite_store *store)
{
	sqlite_pending_done(&store->pending);
	free(store->value_sizes.at);
	buf_done(&store->value_sizes.text);
}

/* ---- sizes ---- */

void sqlite_values_forget(struct sqlite_store *store)
{
	store->value_sizes.known = false;
}

/* Where nid is, or would be. */
static size_t place_of(const struct sqlite_value_sizes *sizes, int64_t nid)
{
	size_t low = 0, high = sizes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sizes->at[middle].nid < nid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum err_code add_size(struct sqlite_value_sizes *sizes, int64_t nid, int64_t rows, struct error *err)
{
	size_t at = place_of(sizes, nid);

	if (at == sizes->count || sizes->at[at].nid != nid) {
		if (sizes->count == sizes->room) {
			size_t room = sizes->room ? sizes->room * 2 : 64;
			struct sqlite_value_size *grown = reallocarray(sizes->at, room, sizeof(*grown));

			if (!grown)
				return err_set(err, ERR_MEMORY, "no memory for the sizes of the log of values");
			sizes->at = grown;
			sizes->room = room;
		}
		memmove(&sizes->at[at + 1], &sizes->at[at], (sizes->count - at) * sizeof(*sizes->at));
		sizes->at[at] = (struct sqlite_value_size){.nid = nid};
		sizes->count++;
	}
	sizes->at[at].rows += rows;
	sizes->total += rows;
	return ERR_OK;
}

static enum err_code read_sizes(struct sqlite_store *store, struct error *err)
{
	struct sqlite_value_sizes *sizes = &store->value_sizes;
	sqlite3_stmt *stmt;
	bool row = true;

	if (sizes->known)
		return ERR_OK;
	sizes->count = 0;
	sizes->total = 0;
	enum err_code code = sqlite_take(&store->writer, SQL_VALUE_LOG_SIZES, &stmt, err);

	if (code)
		return code;
	for (;;) {
		code = sqlite_step(&store->writer, stmt, "reading the log of values", &row, err);
		if (code || !row)
			break;
		code = add_size(sizes, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1), err);
		if (code)
			break;
	}
	sqlite_give(&store->writer, SQL_VALUE_LOG_SIZES, stmt);
	sizes->known = code == ERR_OK;
	return code;
}

/* ---- logging ---- */

enum err_code sqlite_values_change(struct sqlite_store *store, int64_t nid, const struct value_change *change,
				   struct error *err)
{
	enum err_code code = ERR_OK;

	if (store->pending.count >= GATHERED_ROWS_MAX)
		code = sqlite_values_log(store, err);
	return code ? code : sqlite_pending_add(&store->pending, nid, change, err);
}

/* Fills the text with the attribute's last piece when that is to be continued: *ret_lid, else 0. */
static enum err_code begin_piece(struct sqlite_store *store, int64_t nid, int64_t *ret_lid, struct error *err)
{
	struct buf *text = &store->value_sizes.text;
	sqlite3_stmt *stmt;
	bool row = false;

	buf_clear(text);
	*ret_lid = 0;
	enum err_code code = sqlite_take(&store->writer, SQL_VALUE_LOG_LAST, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	code = sqlite_step(&store->writer, stmt, "reading the log of values", &row, err);
	if (code == ERR_OK && row && sqlite_text(stmt, 1).len < PIECE_BYTES) {
		*ret_lid = sqlite3_column_int64(stmt, 0);
		buf_put(text, sqlite_text(stmt, 1));
	}
	sqlite_give(&store->writer, SQL_VALUE_LOG_LAST, stmt);
	return code;
}

/* Logs rows of one attribute. */
static enum err_code log_attribute(struct sqlite_store *store, const struct sqlite_pending_row *const *rows,
				   size_t count, struct error *err)
{
	struct buf *text = &store->value_sizes.text;
	int64_t nid = rows[0]->nid, lid;
	sqlite3_stmt *stmt;
	enum err_code code = begin_piece(store, nid, &lid, err);

	if (code)
		return code;
	for (size_t i = 0; i < count; i++)
		value_log_put(text, i > 0 ? &rows[i - 1]->change : NULL, &rows[i]->change);
	enum sqlite_sql sql = lid ? SQL_VALUE_LOG_EXTEND : SQL_VALUE_LOG_ADD;

	code = buf_check(text, "log of values", err);
	if (code == ERR_OK)
		code = sqlite_take(&store->writer, sql, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, lid ? lid : nid);
	sqlite_bind_int(stmt, 2, (int64_t)count);
	sqlite_bind_bytes(stmt, 3, buf_str(text));
	code = sqlite_finish(&store->writer, sql, stmt, "writing the log of values", err);
	return code ? code : add_size(&store->value_sizes, nid, (int64_t)count, err);
}

enum err_code sqlite_values_log(struct sqlite_store *store, struct error *err)
{
	CLEANUP_MEMORY const struct sqlite_pending_row **rows = NULL;
	size_t count = 0;

	if (store->pending.count == 0)
		return ERR_OK;
	enum err_code code = read_sizes(store, err);

	if (code == ERR_OK)
		code = sqlite_pending_sort(&store->pending, &rows, &count, err);
	for (size_t i = 0, next; code == ERR_OK && i < count; i = next) {
		for (next = i + 1; next < count && rows[next]->nid == rows[i]->nid;)
			next++;
		code = log_attribute(store, rows + i, next - i, err);
	}
	sqlite_pending_clear(&store->pending);
	return code;
}

/* ---- merging ---- */

enum err_code sqlite_values_unpack(const struct sqlite_conn *conn, struct sqlite_pending *list, int64_t nid,
				   struct str changes, struct error *err)
{
	struct value_change change = {0};

	while (value_log_next(&changes, &change)) {
		enum err_code code = sqlite_pending_add(list, nid, &change, err);

		if (code)
			return code;
	}
	return changes.len == 0 ? ERR_OK : err_set(err, ERR_CORRUPT, "%s: the log of values is damaged", conn->path);
}

static enum err_code read_attribute(struct sqlite_store *store, int64_t nid, struct sqlite_pending *list,
				    struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(&store->writer, SQL_VALUE_LOG_READ, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	for (;;) {
		code = sqlite_step(&store->writer, stmt, "reading the log of values", &row, err);
		if (code || !row)
			break;
		code = sqlite_values_unpack(&store->writer, list, nid, sqlite_text(stmt, 0), err);
		if (code)
			break;
	}
	sqlite_give(&store->writer, SQL_VALUE_LOG_READ, stmt);
	return code;
}

static enum err_code clear_attribute(struct sqlite_store *store, int64_t nid, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(&store->writer, SQL_VALUE_LOG_CLEAR, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	return sqlite_finish(&store->writer, SQL_VALUE_LOG_CLEAR, stmt, "emptying the log of values", err);
}

static enum err_code merge_attribute(struct sqlite_store *store, struct sqlite_value_size *size, struct error *err)
{
	CLEANUP_MEMORY const struct sqlite_pending_row **rows = NULL;
	struct sqlite_pending list;
	size_t count = 0;

	sqlite_pending_init(&list);
	enum err_code code = read_attribute(store, size->nid, &list, err);

	if (code == ERR_OK)
		code = sqlite_pending_sort(&list, &rows, &count, err);
	if (code == ERR_OK)
		code = sqlite_chunks_merge(&store->writer, size->nid, rows, count, err);
	sqlite_pending_done(&list);
	if (code == ERR_OK)
		code = clear_attribute(store, size->nid, err);
	if (code)
		return code;
	store->value_sizes.total -= size->rows;
	size->rows = 0;
	return ERR_OK;
}

static struct sqlite_value_size *largest(const struct sqlite_value_sizes *sizes)
{
	struct sqlite_value_size *found = NULL;

	for (size_t i = 0; i < sizes->count; i++)
		if (!found || sizes->at[i].rows > found->rows)
			found = &sizes->at[i];
	return found;
}

/* One attribute at a time, so that no commit has to wait for all of them. */
enum err_code sqlite_values_merge(struct sqlite_store *store, bool all, struct error *err)
{
	struct sqlite_value_sizes *sizes = &store->value_sizes;
	int64_t bound = all ? 1 : MERGE_ROWS;
	enum err_code code = all ? read_sizes(store, err) : ERR_OK;

	/* Known since something was logged; if nothing was, nothing is due. */
	while (sizes->known && code == ERR_OK && sizes->total >= bound) {
		struct sqlite_value_size *size = largest(sizes);

		if (size->rows < bound && sizes->total <= LOG_ROWS_MAX)
			break;
		code = merge_attribute(store, size, err);
		bound = all ? 1 : MERGE_ROWS_MAX;
	}
	return code;
}
