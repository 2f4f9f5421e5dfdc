/* Entity numbers that an index does not give in order, read into memory and sorted.
 *
 * They are read while conditions race for having the fewest (sqlite_scan.c), and the race goes on where it paused: what
 * wins has been read already. Numbers of one search lie close together, so that marking them in a field of bits and
 * reading it out is nearly always the quickest way to sort them. */
#include "store/sqlite_gather.h"

#include <string.h>

#define ROOM_MIN 128u
#define BITS_PER_NUMBER_MAX 256 /* a sparser field of bits costs more than sorting */

static bool reserve(struct iid_gather *gather)
{
	if (gather->count < gather->room)
		return true;
	size_t room = gather->room ? gather->room * 2 : ROOM_MIN;
	int64_t *ids = reallocarray(gather->ids, room, sizeof(*ids));

	if (!ids)
		return false;
	gather->ids = ids;
	gather->room = room;
	return true;
}

static enum err_code add(struct iid_gather *gather, int64_t iid, struct error *err)
{
	if (!reserve(gather))
		return err_set(err, ERR_MEMORY, "no memory to search");
	gather->ids[gather->count++] = iid;
	return ERR_OK;
}

/* ---- values ---- */

static bool is_partial(const struct index_value *value)
{
	return value->kind == INDEX_PARTIAL;
}

static bool is_sought(const struct value_search *search, const struct index_value *value)
{
	return (search->partial_too && is_partial(value)) ||
	       (index_value_cmp(&search->low, value) <= 0 && index_value_cmp(value, &search->high) <= 0);
}

static enum err_code damaged(const struct sqlite_conn *conn, const char *what, struct error *err)
{
	return err_set(err, ERR_CORRUPT, "%s: the %s is damaged", conn->path, what);
}

static enum err_code add_logged(const struct sqlite_conn *conn, struct iid_gather *gather, struct str piece,
				struct error *err)
{
	struct value_change change = {0};
	enum err_code code = ERR_OK;

	while (code == ERR_OK && value_log_next(&piece, &change))
		if (change.add && is_sought(&gather->search, &change.value))
			code = add(gather, change.iid, err);
	return code || piece.len == 0 ? code : damaged(conn, "log of values", err);
}

static enum err_code read_log(struct sqlite_conn *conn, struct iid_gather *gather, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_VALUE_LOG_READ, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, gather->search.nid);
	for (;;) {
		code = sqlite_step(conn, stmt, "searching the log of values", &row, err);
		if (code || !row)
			break;
		code = add_logged(conn, gather, sqlite_text(stmt, 0), err);
		if (code)
			break;
	}
	sqlite_give(conn, SQL_VALUE_LOG_READ, stmt);
	return code;
}

enum err_code gather_values(struct sqlite_conn *conn, struct iid_gather *gather, const struct value_search *search,
			    struct error *err)
{
	const struct index_value partial = {.kind = INDEX_PARTIAL};

	gather->search = *search;
	gather->search.partial_too = index_value_cmp(&search->high, &partial) < 0;
	gather->sql = SQL_CHUNK_READ;
	enum err_code code = sqlite_take(conn, gather->sql, &gather->stmt, err);

	if (code)
		return code;
	sqlite_bind_int(gather->stmt, 1, search->nid);
	sqlite_bind_value(gather->stmt, 2, &gather->search.low);
	return read_log(conn, gather, err);
}

/* Adds what is sought of a chunk; *ret_behind: no later one has any. */
static enum err_code add_chunk(const struct sqlite_conn *conn, struct iid_gather *gather, struct str body,
			       bool *ret_behind, struct error *err)
{
	struct value_change row = {0};
	enum err_code code = ERR_OK;

	while (code == ERR_OK && value_log_next(&body, &row)) {
		if (index_value_cmp(&row.value, &gather->search.high) > 0) {
			*ret_behind = true;
			return ERR_OK;
		}
		if (index_value_cmp(&gather->search.low, &row.value) <= 0)
			code = add(gather, row.iid, err);
	}
	return code || body.len == 0 ? code : damaged(conn, "index of values", err);
}

/* The bounds are read: what is left are the rows that stand for values which are not listed, if they lie behind. */
static void go_on_with_partial(struct iid_gather *gather)
{
	gather->complete = !gather->search.partial_too;
	if (gather->complete)
		return;
	gather->search.partial_too = false;
	gather->search.low = gather->search.high = (struct index_value){.kind = INDEX_PARTIAL};
	(void)sqlite3_reset(gather->stmt);
	sqlite_bind_value(gather->stmt, 2, &gather->search.low);
}

/* ---- reading ---- */

static enum err_code take_row(struct sqlite_conn *conn, struct iid_gather *gather, struct error *err)
{
	bool behind = false;

	if (gather->sql != SQL_CHUNK_READ)
		return add(gather, sqlite3_column_int64(gather->stmt, 0), err);
	enum err_code code = add_chunk(conn, gather, sqlite_text(gather->stmt, 0), &behind, err);

	if (code == ERR_OK && behind)
		go_on_with_partial(gather);
	return code;
}

enum err_code gather_read(struct sqlite_conn *conn, struct iid_gather *gather, uint64_t bound, struct error *err)
{
	bool row = true;

	while (!gather->complete && gather->count < bound) {
		enum err_code code = sqlite_step(conn, gather->stmt, "searching an index", &row, err);

		if (code == ERR_OK && row)
			code = take_row(conn, gather, err);
		else if (code == ERR_OK && gather->sql == SQL_CHUNK_READ)
			go_on_with_partial(gather);
		else
			gather->complete = code == ERR_OK;
		if (code)
			return code;
	}
	return ERR_OK;
}

/* ---- sorting ---- */

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_by_comparing(struct iid_gather *gather)
{
	size_t kept = 0;

	qsort(gather->ids, gather->count, sizeof(*gather->ids), compare_numbers);
	for (size_t i = 0; i < gather->count; i++)
		if (kept == 0 || gather->ids[kept - 1] != gather->ids[i])
			gather->ids[kept++] = gather->ids[i];
	gather->count = kept;
}

/* bits has a bit for each number from least on, all clear. */
static void sort_by_bits(struct iid_gather *gather, uint64_t *bits, size_t words, int64_t least)
{
	size_t kept = 0;

	for (size_t i = 0; i < gather->count; i++) {
		uint64_t at = (uint64_t)gather->ids[i] - (uint64_t)least;

		bits[at / 64] |= UINT64_C(1) << at % 64;
	}
	for (size_t word = 0; word < words; word++)
		for (uint64_t left = bits[word]; left; left &= left - 1)
			gather->ids[kept++] = least + (int64_t)(word * 64) + __builtin_ctzll(left);
	gather->count = kept;
}

void gather_sort(struct iid_gather *gather)
{
	if (gather->count < 2)
		return;
	int64_t least = gather->ids[0], greatest = gather->ids[0];

	for (size_t i = 1; i < gather->count; i++) {
		least = gather->ids[i] < least ? gather->ids[i] : least;
		greatest = gather->ids[i] > greatest ? gather->ids[i] : greatest;
	}
	uint64_t span = (uint64_t)greatest - (uint64_t)least;
	bool dense = span / BITS_PER_NUMBER_MAX < gather->count;
	size_t words = dense ? (size_t)(span / 64) + 1 : 0;
	uint64_t *bits = dense ? calloc(words, sizeof(*bits)) : NULL;

	if (bits)
		sort_by_bits(gather, bits, words, least);
	else
		sort_by_comparing(gather);
	free(bits);
}

void gather_done(struct sqlite_conn *conn, struct iid_gather *gather)
{
	sqlite_give(conn, gather->sql, gather->stmt);
	free(gather->ids);
	*gather = (struct iid_gather){0};
}
