/* History in the memory store: a list of series, each an array of points in the order of arrival. */
#include "store/memory_int.h"

#include <stdlib.h>
#include <string.h>

static char *copy_behind(char *at, struct str text, struct str *ret)
{
	if (text.len)
		memcpy(at, text.at, text.len);
	*ret = (struct str){at, text.len};
	return at + text.len;
}

struct memory_series *memory_series_find(const struct memory_store *store, struct str id, struct str attribute_iri,
					 struct str dataset_id)
{
	for (struct memory_series *series = store->series; series; series = series->next)
		if (str_eq(series->id, id) && str_eq(series->attribute_iri, attribute_iri) &&
		    str_eq(series->dataset_id, dataset_id))
			return series;
	return NULL;
}

static struct memory_series *add_series(struct memory_store *store, struct str id, struct str attribute_iri,
					struct str dataset_id)
{
	struct memory_series *series = memory_series_find(store, id, attribute_iri, dataset_id);

	if (series)
		return series;
	series = calloc(1, sizeof(*series) + id.len + attribute_iri.len + dataset_id.len + 1);
	if (!series)
		return NULL;
	char *at = copy_behind((char *)(series + 1), id, &series->id);

	at = copy_behind(at, attribute_iri, &series->attribute_iri);
	(void)copy_behind(at, dataset_id, &series->dataset_id);
	series->next = store->series;
	store->series = series;
	return series;
}

/* Under the lock. */
static bool append(struct memory_store *store, struct str id, const struct change *change, int64_t now_us,
		   uint64_t order)
{
	bool deleted = change->kind == CHANGE_DELETED;
	const struct json *instance = deleted ? change->before : change->after;
	struct memory_series *series = add_series(store, id, change->attribute_iri, change->dataset_id);

	if (!series || !memory_undo_reserve(store))
		return false;
	if (series->point_count == series->point_room) {
		size_t room = series->point_room ? series->point_room * 2 : 8;
		struct memory_point *grown = realloc(series->points, room * sizeof(*grown));

		if (!grown)
			return false;
		series->points = grown;
		series->point_room = room;
	}
	struct memory_text *doc = memory_text_json(instance);

	if (!doc)
		return false;
	series->points[series->point_count++] = (struct memory_point){
		.at_us = store_change_at_us(change, now_us),
		.order = order,
		.kind = change->kind,
		.doc = doc,
	};
	store->undo[store->undo_count++] = (struct memory_undo){.kind = UNDO_APPEND, .series = series};
	return true;
}

static bool copy_series(struct memory_store *store, const struct memory_series *from)
{
	struct memory_series *series = add_series(store, from->id, from->attribute_iri, from->dataset_id);

	if (!series)
		return false;
	series->points = calloc(from->point_count + 1, sizeof(*series->points));
	if (!series->points)
		return false;
	series->point_room = from->point_count + 1;
	for (size_t i = 0; i < from->point_count; i++) {
		if (!from->points[i].committed)
			continue;
		struct memory_point *point = &series->points[series->point_count++];

		*point = from->points[i];
		point->doc = memory_text_ref(point->doc);
		point->gone = false; /* what a transaction under way does is not done yet */
	}
	return true;
}

bool memory_history_copy(struct memory_store *store, const struct memory_store *from)
{
	bool good = true;

	for (const struct memory_series *series = from->series; good && series; series = series->next)
		good = copy_series(store, series);
	store->order = from->order;
	return good;
}

bool memory_history_put(struct memory_store *store, struct str id, const struct change *change, int64_t now_us,
			uint64_t order)
{
	(void)pthread_mutex_lock(&store->lock);
	bool good = append(store, id, change, now_us, order);

	(void)pthread_mutex_unlock(&store->lock);
	return good;
}

enum err_code memory_txn_history(struct store_backend *backend, struct store_txn *txn, struct str id,
				 const struct change *changes, int64_t now_us, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	bool good = true, created;
	enum err_code code = memory_subject_add(store, txn, id, NULL, 0, &created, err);

	if (code)
		return code;
	(void)pthread_mutex_lock(&store->lock);
	for (const struct change *change = changes; good && change; change = change->next)
		good = append(store, id, change, now_us, store->order++);
	(void)pthread_mutex_unlock(&store->lock);
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for history");
}

enum err_code memory_txn_prune(struct store_backend *backend, struct store_txn *txn, struct str id_prefix,
			       int64_t before_us, uint32_t rows_max, uint32_t *ret_rows, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	uint32_t rows = 0;
	bool good = true;

	txn->changed = true;
	(void)pthread_mutex_lock(&store->lock);
	for (struct memory_series *series = store->series; good && series; series = series->next) {
		if (!str_starts(series->id, id_prefix))
			continue;
		for (size_t i = 0; good && i < series->point_count && rows < rows_max; i++) {
			struct memory_point *point = &series->points[i];

			if (point->gone || point->at_us >= before_us)
				continue;
			good = memory_undo_reserve(store);
			if (!good)
				break;
			store->undo[store->undo_count++] =
				(struct memory_undo){.kind = UNDO_PRUNE, .series = series, .order = point->order};
			point->gone = true;
			rows++;
		}
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (!good)
		return err_set(err, ERR_MEMORY, "no memory to prune history");
	*ret_rows = rows;
	return ERR_OK;
}

void memory_history_undo(const struct memory_undo *undo)
{
	struct memory_series *series = undo->series;

	if (undo->kind == UNDO_APPEND) {
		(void)memory_text_unref(series->points[--series->point_count].doc);
		return;
	}
	for (size_t i = 0; i < series->point_count; i++)
		if (series->points[i].order == undo->order)
			series->points[i].gone = false;
}

void memory_history_commit(struct memory_store *store)
{
	for (struct memory_series *series = store->series; series; series = series->next) {
		size_t kept = 0;

		for (size_t i = 0; i < series->point_count; i++) {
			struct memory_point point = series->points[i];

			if (point.gone) {
				(void)memory_text_unref(point.doc);
				continue;
			}
			point.committed = true;
			series->points[kept++] = point;
		}
		series->point_count = kept;
	}
}

uint64_t memory_history_count(const struct memory_store *store)
{
	uint64_t count = 0;

	for (const struct memory_series *series = store->series; series; series = series->next)
		for (size_t i = 0; i < series->point_count; i++)
			count += series->points[i].committed && !series->points[i].kept_us;
	return count;
}

void memory_history_free(struct memory_store *store)
{
	while (store->series) {
		struct memory_series *series = store->series;

		store->series = series->next;
		for (size_t i = 0; i < series->point_count; i++)
			(void)memory_text_unref(series->points[i].doc);
		free(series->points);
		free(series);
	}
}

/* ---- reading ---- */

static int point_cmp(const void *a, const void *b)
{
	const struct memory_point *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

struct memory_point *memory_points_take(struct memory_store *store, const struct memory_series *series, int64_t from_us,
					int64_t to_us, size_t *ret_count)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&store->lock);
	struct memory_point *points = calloc(series->point_count + 1, sizeof(*points));

	for (size_t i = 0; points && i < series->point_count; i++) {
		const struct memory_point *point = &series->points[i];

		if (!point->committed || point->at_us < from_us || point->at_us > to_us)
			continue;
		points[count] = *point;
		(void)memory_text_ref(points[count++].doc);
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (count > 1)
		qsort(points, count, sizeof(*points), point_cmp);
	*ret_count = count;
	return points;
}
