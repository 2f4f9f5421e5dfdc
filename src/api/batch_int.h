/* A batch on its way (5.6.7 to 5.6.10, 5.6.20). */
#ifndef MACHI_API_BATCH_INT_H
#define MACHI_API_BATCH_INT_H

#include "api/api_int.h"

struct batch {
	const struct json *list;
	struct str *ids; /* of each item, STR_NONE when it has none that could be read */
	struct broker_outcome *outcomes; /* of each item */
	struct broker_item *items; /* those to be written */
	size_t *places; /* of items in the list */
	size_t item_count;
	size_t next; /* item to prepare */
	const struct json *last_value; /* @context value of the latest item … */
	struct context *last_context; /* … and what it became: lists repeat one @context */
	enum broker_operation operation;
	bool overwrite;
	int64_t now_us; /* one stamp for all (5.5.11.0) */
	const struct json **context_values; /* of each item, as sent; NULL: the core's */
	struct context **contexts; /* of each item; NULL: it was not read */
};

/* Attributes that noOverwrite left alone are told as an error; what was appended beside them is a success too. */
bool batch_has_error(const struct broker_outcome *outcome);
bool batch_has_success(const struct broker_outcome *outcome);
void batch_error_write(struct buf *out, const struct broker_outcome *outcome); /* the problem document */

/* distribute_batch.c: other sources get their parts, then what is left is written here, and all of it answered;
 * alone(call) when none of them has a part. */
void distribute_batch(struct call *call, struct batch *batch, void (*alone)(struct call *call));

#endif
