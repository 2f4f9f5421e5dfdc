/* Sums that the database keeps of its rows: how many entities and points there are, and what a slice of the history
 * holds. Each is one row that nearly every write changes, so they are added up aside and stored once a transaction.
 *
 * `now` belongs to the write that runs, `kept` to those that are done; a write that is undone takes only its own with
 * it. A write that had to store them early (pruning looks at them) gives back what it took of `kept` when undone. All
 * of `kept` is of one slice: of the writes that come into another one, the sums of the slice are stored at once. */
#include "store/sqlite_int.h"

void sqlite_sums_clear(struct sqlite_store *store)
{
	store->now = store->kept = store->spent = (struct sqlite_sums){0};
}

void sqlite_sums_start(struct sqlite_store *store)
{
	store->now = store->spent = (struct sqlite_sums){0};
}

void sqlite_sums_undo(struct sqlite_store *store)
{
	/* While something is spent, nothing has been kept since: that happens when a write is done. */
	if (store->spent.used)
		store->kept = store->spent;
	sqlite_sums_start(store);
}

/* ---- storing ---- */

static enum err_code add_counter(struct sqlite_store *store, struct str name, int64_t delta, struct error *err)
{
	sqlite3_stmt *stmt;

	if (delta == 0)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_COUNTER_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, name);
	sqlite_bind_int(stmt, 2, delta);
	return sqlite_finish(&store->writer, SQL_COUNTER_ADD, stmt, "counting", err);
}

static enum err_code add_slice(struct sqlite_store *store, const struct sqlite_slice_sum *slice, struct error *err)
{
	sqlite3_stmt *stmt;

	if (slice->points == 0)
		return ERR_OK;
	enum err_code code = sqlite_take(&store->writer, SQL_SLICE_ADD, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, slice->number);
	sqlite_bind_int(stmt, 2, slice->at_us_min);
	sqlite_bind_int(stmt, 3, slice->at_us_max);
	sqlite_bind_int(stmt, 4, slice->points);
	return sqlite_finish(&store->writer, SQL_SLICE_ADD, stmt, "noting a slice of the history", err);
}

static enum err_code store_sums(struct sqlite_store *store, const struct sqlite_sums *sums, struct error *err)
{
	enum err_code code = add_counter(store, STR("entities"), sums->entities, err);

	if (code == ERR_OK)
		code = add_counter(store, STR("points"), sums->points, err);
	return code ? code : add_slice(store, &sums->slice, err);
}

enum err_code sqlite_sums_store(struct sqlite_store *store, struct error *err)
{
	enum err_code code = store_sums(store, &store->kept, err);

	if (code == ERR_OK)
		code = store_sums(store, &store->now, err);
	if (code)
		return code;
	if (store->kept.used)
		store->spent = store->kept;
	store->kept = store->now = (struct sqlite_sums){0};
	return ERR_OK;
}

/* ---- adding up ---- */

static void widen(struct sqlite_slice_sum *slice, const struct sqlite_slice_sum *more)
{
	if (slice->points == 0) {
		*slice = *more;
		return;
	}
	if (more->at_us_min < slice->at_us_min)
		slice->at_us_min = more->at_us_min;
	if (more->at_us_max > slice->at_us_max)
		slice->at_us_max = more->at_us_max;
	slice->points += more->points;
}

enum err_code sqlite_sums_points(struct sqlite_store *store, const struct sqlite_slice_sum *points, struct error *err)
{
	struct sqlite_slice_sum *sum = &store->now.slice;

	if (sum->points > 0 && sum->number != points->number) {
		enum err_code code = add_slice(store, sum, err);

		if (code)
			return code;
		sum->points = 0;
	}
	widen(sum, points);
	store->now.points += points->points;
	return ERR_OK;
}

enum err_code sqlite_sums_finish(struct sqlite_store *store, struct error *err)
{
	struct sqlite_sums *kept = &store->kept, *now = &store->now;

	if (kept->slice.points > 0 && now->slice.points > 0 && kept->slice.number != now->slice.number) {
		enum err_code code = add_slice(store, &now->slice, err);

		if (code)
			return code;
		now->slice.points = 0;
	}
	if (now->slice.points > 0)
		widen(&kept->slice, &now->slice);
	kept->entities += now->entities;
	kept->points += now->points;
	kept->used = true;
	sqlite_sums_start(store);
	return ERR_OK;
}
