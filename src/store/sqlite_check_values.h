/* The index of values and its log, for the check. */
#ifndef MACHI_STORE_SQLITE_CHECK_VALUES_H
#define MACHI_STORE_SQLITE_CHECK_VALUES_H

#include "store/sqlite_int.h"

struct check_values {
	struct sqlite_conn *conn; /* these three are the caller's, and set */
	void (*find)(void *self, struct str finding);
	void *self;
	struct sqlite_pending list; /* the log, whole */
	const struct sqlite_pending_row **changes; /* owned; what is left of it to be done, in the order of the index */
	size_t change_count;
	int64_t rows; /* of the index, once the log is merged */
	bool damaged; /* not all could be read, which was found: nobody knows what is in it */
};

/* Reads both out of the snapshot that is open: chunks must be readable, in order, and as their columns say, and the log
 * must suit them. To be done with also when this fails. */
MUST_CHECK enum err_code check_values_init(struct check_values *values, struct error *err);
void check_values_done(struct check_values *values); /* also of a zeroed one */

/* Will the row be there? */
MUST_CHECK enum err_code check_values_has(const struct check_values *values, int64_t nid,
					  const struct value_change *row, bool *ret_has, struct error *err);
/* Finds the entities that rows name and that are not there. */
MUST_CHECK enum err_code check_values_orphans(const struct check_values *values, struct error *err);

#endif
