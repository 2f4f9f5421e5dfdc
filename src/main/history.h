/* The history of a tenant, page by page, for whoever writes it out: entity by entity, attribute by attribute, in the
 * order of time. However long a history is, a page of it is in memory. Thread: the reader's. */
#ifndef MACHI_MAIN_HISTORY_H
#define MACHI_MAIN_HISTORY_H

#include "base/buf.h"
#include "ngsild/context.h"
#include "store/temporal.h"

#define HISTORY_PAGE_MAX 16384u /* instances of a page */
#define HISTORY_SAME_TIME_MAX 1024000u /* instances of a series at the same time: so many a page may have to hold */
#define HISTORY_NAMES_MAX 1000u /* types, ids, attributes asked for */

struct history_request {
	const struct str *type_iris; /* an entity of one of these; count 0: all */
	size_t type_count;
	const struct str *ids;
	size_t id_count;
	const struct str *attribute_iris; /* or STORE_SCOPE_SERIES */
	size_t attribute_count;
	struct store_window window; /* not `all` */
	uint32_t page_max; /* instances of a page, where they are not of the same time; 1 to HISTORY_PAGE_MAX */
};

/* Instances of one series, one at least. Borrowed until the call returns. */
struct history_page {
	const struct store_subject *subject;
	const struct store_series *series;
	const struct store_instance *at;
	size_t count;
	struct arena *arena; /* scratch of this page */
};

/* Calls take for every page, within one snapshot; an error of it ends the walk and is returned. ERR_LIMIT beyond
 * HISTORY_SAME_TIME_MAX, and the store's errors. */
MUST_CHECK enum err_code history_each(struct store_reader *reader, const struct history_request *request,
				      enum err_code (*take)(void *self, const struct history_page *page,
							    struct error *err),
				      void *self, struct error *err);

/* The instance's time by the window: that of its property, else when it was modified. */
int64_t history_time(const struct store_window *window, const struct store_instance *instance);

/* ---- CSV ---- */

enum history_column {
	HISTORY_ID,
	HISTORY_TYPE, /* several joined by a blank */
	HISTORY_ATTRIBUTE,
	HISTORY_DATASET_ID,
	HISTORY_TIME, /* observedAt, else modifiedAt */
	HISTORY_OBSERVED_AT,
	HISTORY_CREATED_AT,
	HISTORY_MODIFIED_AT,
	HISTORY_DELETED_AT,
	HISTORY_UNIT_CODE,
	HISTORY_VALUE, /* numbers as they were sent, texts bare, all else as JSON; nothing where it was deleted */
	HISTORY_COLUMNS
};

struct history_table {
	enum history_column columns[HISTORY_COLUMNS];
	size_t count;
	const struct context *context; /* shortens names */
};

/* Column names, comma-separated, each once. ERR_INVALID names the one that is wrong. */
MUST_CHECK enum err_code history_table_read(struct history_table *table, struct str names, struct error *err);
void history_put_header(const struct history_table *table, struct buf *out);
/* A row an instance (RFC 4180, lines end in LF). A buffer that cannot take it stays failed. */
void history_put_rows(const struct history_table *table, const struct history_page *page, struct buf *out);

#endif
