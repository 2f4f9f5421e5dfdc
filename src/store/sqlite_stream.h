/* Ascending streams of entity numbers out of the indices, and their intersection.
 *
 * A stream that an index gives in order can be moved ahead at the cost of one look into it; a sorted one (ranges,
 * boxes) is read and sorted by SQLite at the start, which spills to a temporary file rather than take memory. */
#ifndef MACHI_STORE_SQLITE_STREAM_H
#define MACHI_STORE_SQLITE_STREAM_H

#include "store/sqlite_int.h"

struct iid_stream {
	enum sqlite_sql sql;
	sqlite3_stmt *stmt; /* NULL: ids */
	int from_index; /* parameter that says where to begin; 0: the stream cannot jump */
	const int64_t *ids; /* ascending, instead of a statement */
	size_t id_count, id_at;
	int64_t at; /* the current number; INT64_MIN before the first, INT64_MAX at the end */
};

struct iid_union { /* the numbers of any of the streams */
	struct iid_stream *streams;
	size_t count;
};

/* The least number not below from that is in every union: *ret_iid, INT64_MAX when there is none. Ask with ascending
 * from. count must not be 0. */
MUST_CHECK enum err_code iid_next(struct sqlite_conn *conn, struct iid_union *const *unions, size_t count, int64_t from,
				  int64_t *ret_iid, struct error *err);
void iid_union_done(struct sqlite_conn *conn, struct iid_union *streams); /* gives its statements back */

#endif
