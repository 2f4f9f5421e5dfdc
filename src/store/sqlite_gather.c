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

enum err_code gather_read(struct sqlite_conn *conn, struct iid_gather *gather, uint64_t bound, struct error *err)
{
	bool row = true;

	while (!gather->complete && gather->count < bound) {
		enum err_code code = sqlite_step(conn, gather->stmt, "searching an index", &row, err);

		if (code)
			return code;
		gather->complete = !row;
		if (!row)
			break;
		if (!reserve(gather))
			return err_set(err, ERR_MEMORY, "no memory to search");
		gather->ids[gather->count++] = sqlite3_column_int64(gather->stmt, 0);
	}
	return ERR_OK;
}

/* ---- the log of values ---- */

struct value_range {
	const struct index_value *low, *high;
};

static bool is_within(const struct value_range *range, const struct index_value *value)
{
	return value->kind == INDEX_PARTIAL ||
	       (index_value_cmp(range->low, value) <= 0 && index_value_cmp(value, range->high) <= 0);
}

static enum err_code add_piece(const struct sqlite_conn *conn, struct iid_gather *gather,
			       const struct value_range *range, struct str changes, struct error *err)
{
	struct value_change change;

	while (value_log_next(&changes, &change)) {
		if (!change.add || !is_within(range, &change.value))
			continue;
		if (!reserve(gather))
			return err_set(err, ERR_MEMORY, "no memory to search");
		gather->ids[gather->count++] = change.iid;
	}
	return changes.len == 0 ? ERR_OK : err_set(err, ERR_CORRUPT, "%s: the log of values is damaged", conn->path);
}

enum err_code gather_logged(struct sqlite_conn *conn, struct iid_gather *gather, int64_t nid,
			    const struct index_value *low, const struct index_value *high, struct error *err)
{
	const struct value_range range = {low, high};
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_VALUE_LOG_READ, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, nid);
	for (;;) {
		code = sqlite_step(conn, stmt, "searching the log of values", &row, err);
		if (code || !row)
			break;
		code = add_piece(conn, gather, &range, sqlite_text(stmt, 0), err);
		if (code)
			break;
	}
	sqlite_give(conn, SQL_VALUE_LOG_READ, stmt);
	return code;
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
