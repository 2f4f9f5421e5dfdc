/* What both kinds of store need to read the outbox. */
#ifndef MACHI_STORE_OUTBOX_INT_H
#define MACHI_STORE_OUTBOX_INT_H

#include "store/outbox.h"

/* A question for notifications, and what was found so far. */
struct outbox_list {
	bool dead; /* dead letters, else what is owed */
	int64_t subscription; /* 0: all */
	int64_t after; /* numbers above this one */
	uint32_t count_max;
	size_t bytes_max; /* of bodies */
	struct arena *arena;
	struct store_dead *at; /* in the arena; of what is owed only `owed` counts */
	size_t count, room, bytes;
};

/* Copies one more into the list; *ret_full: it has no place, and the walk is over. Call in the order of numbers. */
MUST_CHECK enum err_code outbox_list_add(struct outbox_list *list, const struct store_dead *dead, bool *ret_full,
					 struct error *err);

struct outbox_debts {
	struct arena *arena;
	struct store_debt *at; /* in the arena */
	size_t count, room;
};

/* Appends one. */
MUST_CHECK enum err_code outbox_debts_add(struct outbox_debts *debts, const struct store_debt *debt, struct error *err);

#endif
