/* Rows as moments of entities (mode "series"): values with a time go into the history by the store's bulk way, past the
 * documents of entities. What was imported before is not imported again. Thread: one owner. */
#ifndef MACHI_FEED_CSV_SERIES_INT_H
#define MACHI_FEED_CSV_SERIES_INT_H

#include "base/arena.h"
#include "ngsild/context.h"
#include "store/bulk.h"

#define CSV_SERIES_VALUES_MAX 200000u /* that wait for a transaction; one row may add MAPPING_ATTRIBUTES_MAX more */
#define CSV_SERIES_NAMES_MAX 1024u /* different attributes of a file */

struct csv_series;

MUST_CHECK enum err_code csv_series_new(struct csv_series **ret, struct error *err);
struct csv_series *csv_series_free(struct csv_series *series);

/* The values of a row that have a time, from the entity that the mapping made of it; texts are borrowed until
 * csv_series_clear(). *ret_latest_us: the latest of its times; INT64_MIN when it has none.
 * ERR_INVALID: an attribute with a time that is more than a number, truth or text (unit, dataset, sub-attributes), or
 * whose name cannot be expanded; nothing of the row was taken. ERR_LIMIT: CSV_SERIES_NAMES_MAX. */
MUST_CHECK enum err_code csv_series_take(struct csv_series *series, const struct context *context,
					 const struct json *body, int64_t *ret_latest_us, struct error *err);
bool csv_series_is_full(const struct csv_series *series);
/* Forgets the values of an entity that is refused. */
void csv_series_drop(struct csv_series *series, struct str id);
/* Makes a batch of what waits and is not in the store yet. To be called again when the write is ERR_CONFLICT. */
MUST_CHECK enum err_code csv_series_prepare(struct csv_series *series, struct store *store, int64_t now_us,
					    struct error *err);
/* Inside a write: stores the batch. */
MUST_CHECK enum err_code csv_series_store(struct csv_series *series, struct store_txn *txn, struct error *err);
uint64_t csv_series_points(const struct csv_series *series); /* in the batch */
void csv_series_clear(struct csv_series *series);

#endif
