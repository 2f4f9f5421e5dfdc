/* Where the rows of entities are: a table from ids to row numbers, shared by the writer and all readers of a store,
 * that saves searching by text.
 *
 * A number found here is only a guess: other processes write the same file, transactions are rolled back, snapshots lag
 * behind, entities come and go, two ids may share a hash, and while a slot is written its two halves may be of two
 * entities. Whoever follows it reads the row and compares its id. So nothing need be locked, or ever taken out.
 *
 * 4 MiB, of which only what is used becomes memory; in larger cities the latest of those that share a set are known. */
#include "store/sqlite_int.h"

#include <stdatomic.h>

#define PLACES_SLOTS ((size_t)256 * 1024) /* a power of two */
#define PLACES_WAYS 4u

struct place_slot {
	_Atomic uint64_t hash; /* of the id */
	_Atomic int64_t iid; /* 0: empty */
};

struct sqlite_places {
	struct place_slot slots[PLACES_SLOTS];
};

struct sqlite_places *sqlite_places_new(void)
{
	return calloc(1, sizeof(struct sqlite_places));
}

static struct place_slot *set_of(struct sqlite_places *places, uint64_t hash)
{
	return &places->slots[(hash * PLACES_WAYS) & (PLACES_SLOTS - 1)];
}

int64_t sqlite_places_get(struct sqlite_places *places, uint64_t hash)
{
	struct place_slot *set = set_of(places, hash);

	for (size_t i = 0; i < PLACES_WAYS; i++)
		if (atomic_load_explicit(&set[i].hash, memory_order_relaxed) == hash)
			return atomic_load_explicit(&set[i].iid, memory_order_relaxed);
	return 0;
}

void sqlite_places_set(struct sqlite_places *places, uint64_t hash, int64_t iid)
{
	struct place_slot *set = set_of(places, hash), *slot = NULL;

	for (size_t i = 0; i < PLACES_WAYS && !slot; i++)
		if (atomic_load_explicit(&set[i].hash, memory_order_relaxed) == hash ||
		    atomic_load_explicit(&set[i].iid, memory_order_relaxed) == 0)
			slot = &set[i];
	/* With none left one goes, as good as any. */
	if (!slot)
		slot = &set[(hash >> 60) % PLACES_WAYS];
	atomic_store_explicit(&slot->hash, hash, memory_order_relaxed);
	atomic_store_explicit(&slot->iid, iid, memory_order_relaxed);
}

/* ---- finding a row ---- */

static enum err_code step_to(struct sqlite_conn *conn, enum sqlite_sql sql, int64_t iid, struct str id,
			     struct sqlite_row *ret_row, struct error *err)
{
	bool found = false;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	if (iid)
		sqlite_bind_int(stmt, 1, iid);
	else
		sqlite_bind_text(stmt, 1, id);
	code = sqlite_step(conn, stmt, "reading an entity", &found, err);
	if (code == ERR_OK && found && str_eq(sqlite_text(stmt, 1), id)) {
		*ret_row = (struct sqlite_row){stmt, sql};
		return ERR_OK;
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_find_row(struct sqlite_conn *conn, struct sqlite_places *places, enum sqlite_sql at,
			      enum sqlite_sql by_id, struct str id, struct sqlite_row *ret_row, struct error *err)
{
	uint64_t hash = str_hash(id, 0);
	int64_t iid = places ? sqlite_places_get(places, hash) : 0;
	enum err_code code = ERR_OK;

	*ret_row = (struct sqlite_row){NULL, at};
	if (iid)
		code = step_to(conn, at, iid, id, ret_row, err);
	if (code || ret_row->stmt)
		return code;
	code = step_to(conn, by_id, 0, id, ret_row, err);
	if (places && ret_row->stmt)
		sqlite_places_set(places, hash, sqlite3_column_int64(ret_row->stmt, 0));
	return code;
}
