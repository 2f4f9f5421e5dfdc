/* The outbox: what is owed to receivers, kept in the same transaction as the change that owes it.
 *
 * A write owes a notification. Once committed it stays, whatever happens to the program, until somebody says that it is
 * delivered (done), or never will be (bury: it becomes a dead letter). The store knows whose it is, since when and when
 * it is due; the body means nothing to it. Who delivers decides in which order; numbers say what was committed before
 * what.
 *
 * Numbers ascend in the order of commits within a store, from 1 on, and are never used again once committed, also when
 * nothing is left and the store is opened anew; those of a write that failed are given again. A notification keeps its
 * number as a dead letter, and when it is owed again.
 * Thread: store_txn_… inside a write's run(); the rest as a struct store_reader. */
#ifndef MACHI_STORE_OUTBOX_H
#define MACHI_STORE_OUTBOX_H

#include "store/store.h"

#define STORE_OWED_BODY_BYTES_MAX ((size_t)64 << 20)

struct store_owed {
	int64_t number; /* given by store_txn_owe() */
	int64_t subscription; /* the caller's number for it, > 0 */
	struct str entity_id; /* whose order matters; STR_NONE: none (several entities) */
	int64_t made_us; /* when the change was, or the replay */
	int64_t due_us; /* not to be sent before */
	uint32_t tries; /* that failed */
	struct str body; /* opaque to the store */
};

/* ---- in a write ---- */

/* Owes a notification; its number is ignored and returned (ret_number may be NULL). Texts are copied.
 * replace: those of the same subscription and entity (STR_NONE is the same as STR_NONE) that were made to wait
 * (due_us behind their own made_us), still do at owed->made_us, and were not tried, give way to this one (throttling);
 * it keeps their due_us, the earliest if there are several.
 * ERR_LIMIT: the body is longer than STORE_OWED_BODY_BYTES_MAX; ERR_INVALID: subscription is not above 0. */
MUST_CHECK enum err_code store_txn_owe(struct store_txn *txn, const struct store_owed *owed, bool replace,
				       int64_t *ret_number, struct error *err);
/* They are delivered. In any order; numbers that are not owed (any more) are passed over. */
MUST_CHECK enum err_code store_txn_owed_done(struct store_txn *txn, const int64_t *numbers, size_t count,
					     struct error *err);
/* It says what several said that are done, in a body of its own: of several entities. ERR_NOT_FOUND: it is not owed
 * (any more); ERR_LIMIT: the body is too long. */
MUST_CHECK enum err_code store_txn_owed_joined(struct store_txn *txn, int64_t number, struct str body,
					       struct error *err);
/* It was tried in vain: when it is due again, and how often it was tried. ERR_NOT_FOUND: it is not owed (any more). */
MUST_CHECK enum err_code store_txn_owed_retry(struct store_txn *txn, int64_t number, int64_t due_us, uint32_t tries,
					      struct error *err);
/* It becomes a dead letter, with when and why. ERR_NOT_FOUND: it is not owed (any more). */
MUST_CHECK enum err_code store_txn_owed_bury(struct store_txn *txn, int64_t number, int64_t now_us, struct str why,
					     struct error *err);
/* All that is owed to a subscription goes (it has expired), dead letters too if asked (it is deleted), at most rows_max
 * (> 0) in one call; *ret_more: call again, in a write of its own. */
MUST_CHECK enum err_code store_txn_owed_drop(struct store_txn *txn, int64_t subscription, bool dead_too,
					     uint32_t rows_max, bool *ret_more, struct error *err);
/* A dead letter is owed again under its own number, made and due at now_us, tries 0, so that its age counts anew: who
 * reads on behind a higher number has to begin anew too. ERR_NOT_FOUND: there is no such dead letter. */
MUST_CHECK enum err_code store_txn_dead_replay(struct store_txn *txn, int64_t number, int64_t now_us,
					       struct error *err);
/* A dead letter goes for good. ERR_NOT_FOUND: there is no such dead letter. */
MUST_CHECK enum err_code store_txn_dead_drop(struct store_txn *txn, int64_t number, struct error *err);

/* ---- reading ---- */

struct store_owed_list {
	struct store_owed *at; /* in the arena, with their texts; bodies have a parser's padding behind them */
	size_t count;
};

/* What is owed to one subscription (0: to all), due or not, of numbers above after, in their order: at most count_max,
 * and as many as have bodies of bytes_max together, one at least. An empty list: nothing. */
MUST_CHECK enum err_code store_owed_read(struct store_reader *reader, int64_t subscription, int64_t after,
					 uint32_t count_max, size_t bytes_max, struct arena *arena,
					 struct store_owed_list *ret, struct error *err);

struct store_debt {
	int64_t subscription;
	uint64_t owed, dead; /* how many */
	int64_t first, last; /* the lowest and the highest number that is owed; 0: none is owed */
	int64_t oldest_us; /* made_us of the owed one with the lowest number; INT64_MAX: none is owed */
	int64_t next_due_us; /* the earliest due_us of those owed; INT64_MAX: none is owed */
};

/* One for each subscription that is owed or has dead letters, ascending, in the arena. Bodies are not read, but every
 * row is counted: some 200 ms for a million. */
MUST_CHECK enum err_code store_debts(struct store_reader *reader, struct arena *arena, struct store_debt **ret,
				     size_t *ret_count, struct error *err);

struct store_dead {
	struct store_owed owed; /* as it was when it was buried */
	int64_t dead_us;
	struct str why; /* the caller's words */
};

/* Dead letters of a subscription (0: of all), else as store_owed_read(). */
MUST_CHECK enum err_code store_dead_read(struct store_reader *reader, int64_t subscription, int64_t after,
					 uint32_t count_max, size_t bytes_max, struct arena *arena,
					 struct store_dead **ret, size_t *ret_count, struct error *err);

#endif
