/* Entity numbers that an index does not give in order: read bit by bit, then sorted. */
#ifndef MACHI_STORE_SQLITE_GATHER_H
#define MACHI_STORE_SQLITE_GATHER_H

#include "store/sqlite_int.h"

struct iid_gather {
	sqlite3_stmt *stmt; /* column 0 is the number; NULL: not begun */
	enum sqlite_sql sql;
	int64_t *ids; /* owned */
	size_t count, room;
	bool complete; /* there are no more */
};

/* Reads on until there are bound numbers, or all. */
MUST_CHECK enum err_code gather_read(struct sqlite_conn *conn, struct iid_gather *gather, uint64_t bound,
				     struct error *err);
/* Adds the entities that the log of values gives a value from low to high of the attribute, or one that is not indexed.
 * To be asked before reading. */
MUST_CHECK enum err_code gather_logged(struct sqlite_conn *conn, struct iid_gather *gather, int64_t nid,
				       const struct index_value *low, const struct index_value *high,
				       struct error *err);
void gather_sort(struct iid_gather *gather); /* ascending, each once */
void gather_done(struct sqlite_conn *conn, struct iid_gather *gather); /* also of a zeroed one */

#endif
