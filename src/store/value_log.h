/* How rows of the index of values, and changes of them, are written down one behind the other. Pure.
 *
 * A change is a byte (kind, whether the row comes, whether its value is that of the change before it), the entity's
 * number in 7-bit groups, lowest first (with the same value: how much more it is than the one before), and the value
 * unless it is the same: eight bytes of a double, lowest first, or a text of a length byte and so many bytes. A row is
 * a change that comes. */
#ifndef MACHI_STORE_VALUE_LOG_H
#define MACHI_STORE_VALUE_LOG_H

#include "base/buf.h"
#include "store/index_rows.h"

struct value_change {
	int64_t iid;
	struct index_value value;
	bool add; /* false: the row goes */
};

/* By value, then entity: <0, 0, >0. */
int value_change_cmp(const struct value_change *a, const struct value_change *b);

/* before: the change that was put before it, NULL: it stands for itself. */
void value_log_put(struct buf *log, const struct value_change *before, const struct value_change *change);
/* Takes the first change off *log, its text borrowed from there. *change is the one before, or zeroed, and becomes this
 * one. False at the end and where the log is damaged: then something is left of it. */
bool value_log_next(struct str *log, struct value_change *change);

#endif
