/* Shared by index_rows.c and index_boxes.c: who is told of rows, and the boxes' part. */
#ifndef MACHI_STORE_INDEX_ROWS_INT_H
#define MACHI_STORE_INDEX_ROWS_INT_H

#include "store/index_rows.h"

struct index_visitor {
	enum err_code (*visit)(void *self, const struct index_change *change, struct error *err);
	void *self;
	struct error *err;
};

static inline enum err_code index_tell(const struct index_visitor *visitor, const struct index_change *change)
{
	return visitor->visit(visitor->self, change, visitor->err);
}

/* Of two objects. */
MUST_CHECK enum err_code index_diff_boxes(const struct index_visitor *visitor, const struct json *before,
					  const struct json *entity);

#endif
