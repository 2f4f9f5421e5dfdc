/* A batch over sources on its way: asking and writing (distribute_batch.c), and what the client is told of all of it
 * (distribute_batch_answer.c). All of it in the call's arena.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.7.4 to 5.6.10.4, 5.6.20.4. Thread: the loop of the call. */
#ifndef MACHI_API_DISTRIBUTE_BATCH_INT_H
#define MACHI_API_DISTRIBUTE_BATCH_INT_H

#include "api/batch_int.h"
#include "api/distribute_int.h"

struct part { /* of one entity, for one source */
	size_t item; /* of the batch's items */
	const struct json *body; /* NULL: a deletion */
	bool created, failed;
	bool again; /* it exists there already: to be replaced or updated instead (5.6.8.4) */
	struct forward *forward; /* that carried it; NULL: the source supports none of the operations */
	bool loops; /* as of struct share */
	/* Nobody knows the entity's type, and the source is registered for some: it gets the entity alone, these being
	 * a condition. STR_NONE: as all others. */
	struct str type;
	struct str problem; /* a problem document; STR_NONE: what became of the forward says it */
	struct part *next; /* of the same source */
};

struct group { /* of one source */
	struct source *source;
	struct part *parts, **last;
	size_t count;
	struct group *next;
};

struct batch_distribution {
	struct call *call;
	struct batch *batch;
	void (*alone)(struct call *call);
	struct group *groups, **last;
	size_t next; /* item, group to look at */
	struct group *building;
	struct forward_round *round;
	bool second; /* the round of those that exist already */
	bool *here; /* of each item: something is left for here */
	bool *lacks; /* of each item: some of its attributes no source gets */
	struct broker_item *own; /* those items */
	size_t *own_items; /* which of the batch's they are */
	size_t own_count;
};

/* What a source that takes batches has to support. */
enum source_operation distribute_batch_operation(const struct batch *batch);
/* All has been done, here and elsewhere: 201, 204 or 207. */
void distribute_batch_answer(struct batch_distribution *d);

#endif
