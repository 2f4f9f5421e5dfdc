/* The log of values, whole and sorted, for the check: what it says of a row of the index. */
#ifndef MACHI_STORE_SQLITE_CHECK_VALUES_H
#define MACHI_STORE_SQLITE_CHECK_VALUES_H

#include "store/sqlite_int.h"

struct check_log {
	struct sqlite_pending list;
	const struct sqlite_pending_row **rows; /* owned; what is left to be done, in the order of the index */
	size_t count;
	int64_t more; /* rows that the index will have when all is done, beside those that it has */
	bool damaged; /* it could not be read, which was found; there are no rows then */
	void (*find)(void *self, struct str finding);
	void *self;
};

/* Reads it out of the snapshot that is open and compares it with the index. find and self are the caller's and set. To
 * be done with also when this fails. */
MUST_CHECK enum err_code check_log_init(struct sqlite_conn *conn, struct check_log *log, struct error *err);
void check_log_done(struct check_log *log); /* also of a zeroed one */

/* 1: the row comes, -1: it goes, 0: the log does not know it. */
int check_log_says(const struct check_log *log, int64_t nid, int64_t iid, const struct index_value *value);
/* Finds the rows that will have no entity. */
MUST_CHECK enum err_code check_log_orphans(struct sqlite_conn *conn, const struct check_log *log, struct error *err);

#endif
