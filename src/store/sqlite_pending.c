/* Rows of the index of values that a transaction has yet to write.
 *
 * A batch of a thousand entities changes thousands of rows all over the index. Written as they come, each touches a
 * page of its own, which by then has left the cache and is read, changed and written to the log again and again. So
 * they are gathered and written in the order of the index, at the latest with the commit: a page is touched once.
 * Nothing on the writer's connection reads that index.
 *
 * A row that comes and goes within the transaction is not written at all. Under savepoints the rows of a write are
 * written before its end, so that undoing takes them back with everything else. */
#include "store/sqlite_int.h"

#include <string.h>

#define PENDING_ROWS_MAX 32768u /* then they are written */
#define PENDING_ROWS_KEPT 1024u /* room that stays between transactions */
#define PENDING_TEXT_BYTES_MAX ((size_t)16 << 20)

struct sqlite_pending_row {
	int64_t nid, iid;
	struct index_value value; /* text in the arena */
	uint32_t order; /* of arrival */
	bool add;
};

void sqlite_pending_init(struct sqlite_pending *pending)
{
	*pending = (struct sqlite_pending){0};
	arena_init(&pending->texts, PENDING_TEXT_BYTES_MAX);
}

void sqlite_pending_done(struct sqlite_pending *pending)
{
	free(pending->rows);
	arena_done(&pending->texts);
	sqlite_pending_init(pending);
}

void sqlite_pending_clear(struct sqlite_pending *pending)
{
	pending->count = 0;
	arena_clear(&pending->texts);
	if (pending->room <= PENDING_ROWS_KEPT)
		return;
	free(pending->rows);
	pending->rows = NULL;
	pending->room = 0;
}

/* ---- sorting ---- */

static int compare_values(const struct index_value *a, const struct index_value *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == INDEX_NUMBER)
		return a->number < b->number ? -1 : a->number > b->number;
	return a->kind == INDEX_TEXT ? str_cmp(a->text, b->text) : 0;
}

static int compare_keys(const struct sqlite_pending_row *a, const struct sqlite_pending_row *b)
{
	if (a->nid != b->nid)
		return a->nid < b->nid ? -1 : 1;
	int order = compare_values(&a->value, &b->value);

	return order != 0 || a->iid == b->iid ? order : a->iid < b->iid ? -1 : 1;
}

static int compare_rows(const void *a, const void *b)
{
	const struct sqlite_pending_row *x = *(const struct sqlite_pending_row *const *)a;
	const struct sqlite_pending_row *y = *(const struct sqlite_pending_row *const *)b;
	int order = compare_keys(x, y);

	return order != 0 ? order : x->order < y->order ? -1 : x->order > y->order;
}

/* Numbers in the order of values of one kind, as far as eight bytes tell. */
static uint64_t rank_of(const struct index_value *value)
{
	uint64_t rank = 0;

	if (value->kind == INDEX_NUMBER && value->number != 0) {
		memcpy(&rank, &value->number, sizeof(rank));
		return rank >> 63 ? ~rank : rank | UINT64_C(1) << 63;
	}
	if (value->kind == INDEX_NUMBER)
		return UINT64_C(1) << 63; /* also that below zero */
	for (size_t i = 0; value->kind == INDEX_TEXT && i < sizeof(rank); i++)
		rank = rank << 8 | (i < value->text.len ? (unsigned char)value->text.at[i] : 0);
	return rank;
}

struct sqlite_pending_key {
	uint64_t rank;
	const struct sqlite_pending_row *row;
};

/* One byte of what the key sorts by: of the rank, then the kind, then the name. */
static unsigned digit_of(const struct sqlite_pending_key *key, unsigned digit)
{
	if (digit < 8)
		return (unsigned)(key->rank >> digit * 8) & 255;
	if (digit == 8)
		return key->row->value.kind;
	return (unsigned)((uint64_t)key->row->nid >> (digit - 9) * 8) & 255;
}

#define DIGITS 17u
#define BY_DIGITS_MIN 512u /* rows; fewer are sorted by comparing */

/* Sorts from into to by one digit, what is equal in it staying as it was; false when all are equal. */
static bool sort_by_digit(const struct sqlite_pending_key *from, struct sqlite_pending_key *to, size_t count,
			  unsigned digit)
{
	size_t places[257] = {0};

	for (size_t i = 0; i < count; i++)
		places[digit_of(&from[i], digit) + 1]++;
	if (places[digit_of(&from[0], digit) + 1] == count)
		return false;
	for (size_t i = 0; i < 256; i++)
		places[i + 1] += places[i];
	for (size_t i = 0; i < count; i++)
		to[places[digit_of(&from[i], digit)]++] = from[i];
	return true;
}

/* Between rows[0] and the end of what the digits could not tell apart; sorts that by comparing, and returns the end. */
static size_t settle_run(const struct sqlite_pending_row **rows, size_t count)
{
	uint64_t rank = rank_of(&rows[0]->value);
	bool sorted = true;
	size_t end = 1;

	for (; end < count && rows[end]->nid == rows[0]->nid && rows[end]->value.kind == rows[0]->value.kind &&
	       rank_of(&rows[end]->value) == rank;
	     end++)
		sorted = sorted && compare_rows(&rows[end - 1], &rows[end]) <= 0;
	if (!sorted)
		qsort(rows, end, sizeof(*rows), compare_rows);
	return end;
}

/* Fills rows with pointers to all in the order of the index, and of arrival where rows are the same. keys has room for
 * twice as many. */
static void sort_rows(const struct sqlite_pending *pending, struct sqlite_pending_key *keys,
		      const struct sqlite_pending_row **rows)
{
	struct sqlite_pending_key *from = keys, *to = keys + pending->count;

	if (pending->count < BY_DIGITS_MIN) {
		for (size_t i = 0; i < pending->count; i++)
			rows[i] = &pending->rows[i];
		qsort(rows, pending->count, sizeof(*rows), compare_rows);
		return;
	}
	for (size_t i = 0; i < pending->count; i++)
		from[i] = (struct sqlite_pending_key){rank_of(&pending->rows[i].value), &pending->rows[i]};
	for (unsigned digit = 0; digit < DIGITS; digit++)
		if (sort_by_digit(from, to, pending->count, digit)) {
			struct sqlite_pending_key *swap = from;

			from = to;
			to = swap;
		}
	for (size_t i = 0; i < pending->count; i++)
		rows[i] = from[i].row;
	for (size_t i = 0; i < pending->count;)
		i += settle_run(rows + i, pending->count - i);
}

/* ---- writing ---- */

static enum err_code write_row(struct sqlite_conn *conn, const struct sqlite_pending_row *row, struct error *err)
{
	enum sqlite_sql sql = row->add ? SQL_VALUE_ADD : SQL_VALUE_DELETE;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, row->nid);
	sqlite_bind_value(stmt, 2, &row->value);
	sqlite_bind_int(stmt, 3, row->iid);
	return sqlite_finish(conn, sql, stmt, "writing the index of values", err);
}

static enum err_code write_sorted(struct sqlite_store *store, const struct sqlite_pending_row *const *rows,
				  size_t count, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t i = 0, next; code == ERR_OK && i < count; i = next) {
		for (next = i + 1; next < count && compare_keys(rows[i], rows[next]) == 0;)
			next++;
		/* A row comes and goes in turns: after an even number of them it is as it was. */
		if ((next - i) % 2 == 1)
			code = write_row(&store->writer, rows[i], err);
	}
	return code;
}

enum err_code sqlite_pending_write(struct sqlite_store *store, struct error *err)
{
	struct sqlite_pending *pending = &store->pending;

	if (pending->count == 0)
		return ERR_OK;
	CLEANUP_MEMORY struct sqlite_pending_key *keys = reallocarray(NULL, pending->count, 2 * sizeof(*keys));
	CLEANUP_MEMORY const struct sqlite_pending_row **rows = reallocarray(NULL, pending->count, sizeof(*rows));

	if (!keys || !rows)
		return err_set(err, ERR_MEMORY, "no memory to write the index of values");
	sort_rows(pending, keys, rows);
	enum err_code code = write_sorted(store, rows, pending->count, err);

	sqlite_pending_clear(pending);
	return code;
}

/* ---- gathering ---- */

static bool reserve(struct sqlite_pending *pending)
{
	if (pending->count < pending->room)
		return true;
	size_t room = pending->room ? pending->room * 2 : 64;
	struct sqlite_pending_row *rows = reallocarray(pending->rows, room, sizeof(*rows));

	if (!rows)
		return false;
	pending->rows = rows;
	pending->room = room;
	return true;
}

enum err_code sqlite_pending_add(struct sqlite_store *store, int64_t nid, int64_t iid,
				 const struct index_change *change, struct error *err)
{
	struct sqlite_pending *pending = &store->pending;
	struct index_value value = change->value;

	if (pending->count >= PENDING_ROWS_MAX) {
		enum err_code code = sqlite_pending_write(store, err);

		if (code)
			return code;
	}
	if (value.kind == INDEX_TEXT) {
		value.text = arena_dup(&pending->texts, value.text);
		if (!value.text.at)
			return err_set(err, ERR_MEMORY, "no memory for an index row");
	}
	if (!reserve(pending))
		return err_set(err, ERR_MEMORY, "no memory for an index row");
	pending->rows[pending->count] = (struct sqlite_pending_row){
		.nid = nid, .iid = iid, .value = value, .order = (uint32_t)pending->count, .add = change->add};
	pending->count++;
	return ERR_OK;
}
