/* Lists of changes of the index of values, sorted in its order.
 *
 * A batch of a thousand entities changes thousands of rows all over the index. Written as they come, each touches a
 * page of its own, which by then has left the cache and is read, changed and written again and again. In the order of
 * the index a page is touched once.
 *
 * A row comes and goes in turns: of the changes of one row only an odd number leaves something to be done, which is
 * what the last one says. */
#include "store/sqlite_int.h"

#include <string.h>

#define PENDING_ROWS_KEPT 32768u /* room that stays when a list is emptied: 2 MiB, of which only what was used counts */
#define PENDING_TEXT_BYTES_MAX ((size_t)256 << 20)

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

enum err_code sqlite_pending_add(struct sqlite_pending *pending, int64_t nid, const struct value_change *change,
				 struct error *err)
{
	struct value_change kept = *change;

	if (kept.value.kind == INDEX_TEXT) {
		kept.value.text = arena_dup(&pending->texts, kept.value.text);
		if (!kept.value.text.at)
			return err_set(err, ERR_MEMORY, "no memory for an index row");
	}
	if (!reserve(pending))
		return err_set(err, ERR_MEMORY, "no memory for an index row");
	pending->rows[pending->count] =
		(struct sqlite_pending_row){.nid = nid, .change = kept, .order = (uint32_t)pending->count};
	pending->count++;
	return ERR_OK;
}

/* ---- sorting ---- */

int sqlite_pending_cmp(const struct sqlite_pending_row *a, const struct sqlite_pending_row *b)
{
	if (a->nid != b->nid)
		return a->nid < b->nid ? -1 : 1;
	return value_change_cmp(&a->change, &b->change);
}

static int compare_rows(const void *a, const void *b)
{
	const struct sqlite_pending_row *x = *(const struct sqlite_pending_row *const *)a;
	const struct sqlite_pending_row *y = *(const struct sqlite_pending_row *const *)b;
	int order = sqlite_pending_cmp(x, y);

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
		return key->row->change.value.kind;
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
	uint64_t rank = rank_of(&rows[0]->change.value);
	bool sorted = true;
	size_t end = 1;

	for (; end < count && rows[end]->nid == rows[0]->nid &&
	       rows[end]->change.value.kind == rows[0]->change.value.kind && rank_of(&rows[end]->change.value) == rank;
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
		from[i] = (struct sqlite_pending_key){rank_of(&pending->rows[i].change.value), &pending->rows[i]};
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

/* Keeps what is left to be done; returns how many. */
static size_t keep_last(const struct sqlite_pending_row **rows, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && sqlite_pending_cmp(rows[i], rows[next]) == 0;)
			next++;
		if ((next - i) % 2 == 1)
			rows[kept++] = rows[next - 1];
	}
	return kept;
}

enum err_code sqlite_pending_sort(const struct sqlite_pending *pending, const struct sqlite_pending_row ***ret_rows,
				  size_t *ret_count, struct error *err)
{
	size_t room = pending->count ? pending->count : 1;
	CLEANUP_MEMORY struct sqlite_pending_key *keys = reallocarray(NULL, room, 2 * sizeof(*keys));
	CLEANUP_MEMORY const struct sqlite_pending_row **rows = reallocarray(NULL, room, sizeof(*rows));

	if (!keys || !rows)
		return err_set(err, ERR_MEMORY, "no memory to sort the index of values");
	sort_rows(pending, keys, rows);
	*ret_count = keep_last(rows, pending->count);
	*ret_rows = TAKE(rows);
	return ERR_OK;
}
