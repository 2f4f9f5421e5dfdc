/* How changes of the index of values are written down in the log that comes before it. Pure.
 *
 * A change is a byte (kind, and whether the row comes), the entity's number in 7-bit groups, lowest first, and the
 * value: eight bytes of a double, lowest first, or a text of a length byte and so many bytes. */
#ifndef MACHI_STORE_VALUE_LOG_H
#define MACHI_STORE_VALUE_LOG_H

#include "base/buf.h"
#include "store/index_rows.h"

struct value_change {
	int64_t iid;
	struct index_value value;
	bool add; /* false: the row goes */
};

void value_log_put(struct buf *log, const struct value_change *change);
/* Takes the first change off *log, its text borrowed from there. False at the end and where the log is damaged: then
 * something is left of it. */
bool value_log_next(struct str *log, struct value_change *ret_change);

#endif
