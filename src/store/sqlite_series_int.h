/* Shared by what reads a series: sqlite_series.c (instances), sqlite_series_sums.c (sums). */
#ifndef MACHI_STORE_SQLITE_SERIES_INT_H
#define MACHI_STORE_SQLITE_SERIES_INT_H

#include "store/sqlite_int.h"

struct sqlite_series {
	int64_t subject, nid; /* 0: there is none */
	struct str dataset_id;
};

MUST_CHECK enum err_code sqlite_find_series(struct sqlite_conn *conn, struct str id, struct str attribute_iri,
					    struct sqlite_series *series, struct error *err);
MUST_CHECK enum err_code sqlite_make_parser(struct sqlite_reader *reader, struct error *err);
/* The row that stmt stands on. */
MUST_CHECK enum err_code sqlite_read_row(struct sqlite_reader *reader, sqlite3_stmt *stmt, struct arena *arena,
					 struct store_instance *ret, struct error *err);
typedef enum err_code (*sqlite_row_visitor)(void *self, struct sqlite_reader *reader, sqlite3_stmt *stmt,
					    struct error *err);
/* Each row of a series whose point lies between two times, by these in order. */
MUST_CHECK enum err_code sqlite_each_row(struct sqlite_reader *reader, const struct sqlite_series *series,
					 int64_t from_us, int64_t to_us, bool latest, sqlite_row_visitor visit,
					 void *self, struct error *err);

#endif
