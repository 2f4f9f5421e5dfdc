/* Entity numbers that an index does not give in order: read bit by bit, then sorted. */
#ifndef MACHI_STORE_SQLITE_GATHER_H
#define MACHI_STORE_SQLITE_GATHER_H

#include "store/sqlite_int.h"

/* Rows of the index of values that are looked for. */
struct value_search {
	int64_t nid;
	struct index_value low, high; /* texts borrowed */
	bool partial_too; /* rows that stand for values which are not listed lie outside of the bounds, and count */
};

struct iid_gather {
	sqlite3_stmt *stmt; /* NULL: not begun */
	enum sqlite_sql sql;
	struct value_search
		search; /* when the statement gives chunks of the index of values; else column 0 is the number */
	int64_t *ids; /* owned */
	size_t count, room;
	bool complete; /* there are no more */
};

/* Begins to look for values: reads what the log says of them. */
MUST_CHECK enum err_code gather_values(struct sqlite_conn *conn, struct iid_gather *gather,
				       const struct value_search *search, struct error *err);
/* Reads on until there are bound numbers, or all. */
MUST_CHECK enum err_code gather_read(struct sqlite_conn *conn, struct iid_gather *gather, uint64_t bound,
				     struct error *err);
void gather_sort(struct iid_gather *gather); /* ascending, each once */
void gather_done(struct sqlite_conn *conn, struct iid_gather *gather); /* also of a zeroed one */

#endif
