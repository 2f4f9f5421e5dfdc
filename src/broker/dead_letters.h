/* Dead letters: notifications that could not be delivered, to be looked at, owed again (replayed) or dropped.
 *
 * They lie in the tenant's outbox (store/outbox.h). Many are changed in transactions of DEAD_LETTERS_AT_ONCE, so that
 * other writes need not wait: each step reads which come next, on the caller's thread, and writes them, on the store's.
 * What came between a read and its write is found there and passed over. Used by the daemon, with its broker, and by
 * commands, on a store alone. */
#ifndef MACHI_BROKER_DEAD_LETTERS_H
#define MACHI_BROKER_DEAD_LETTERS_H

#include "base/map.h"
#include "broker/broker.h"
#include "store/outbox.h"

#define DEAD_LETTERS_AT_ONCE 256u
#define DEAD_LETTERS_BYTES_AT_ONCE ((size_t)8 << 20) /* of their bodies, which are read; one may be longer */
#define DEAD_LETTERS_NUMBERS_MAX 10000u /* that one work may name */

/* ---- whose they are ---- */

/* The outbox's number of a subscription by its id; ERR_NOT_FOUND names it. */
MUST_CHECK enum err_code dead_letters_subscription(struct store_reader *reader, struct json_parser *parser,
						   struct str id, int64_t *ret_number, struct error *err);

/* The subscriptions of a store, by number: for commands. */
struct dead_letters_names {
	struct map by_number;
	struct arena arena;
};
MUST_CHECK enum err_code dead_letters_names_load(struct dead_letters_names *names, struct store_reader *reader,
						 struct json_parser *parser, struct error *err);
void dead_letters_names_done(struct dead_letters_names *names); /* fine also when loading failed */
struct str dead_letters_name(const struct dead_letters_names *names, int64_t number); /* STR_NONE: unknown */

/* ---- looking ---- */

struct dead_letter { /* in the arena asked for */
	struct store_dead dead;
	struct str subscription; /* its id; STR_NONE: it cannot be used, or is deleted */
};

/* Its members as JSON, without the braces; whole: the notification, as it was to be sent, is the last. */
void dead_letter_write(struct buf *out, const struct dead_letter *letter, bool whole);

struct dead_letters_page {
	struct str subscription; /* only of this one; STR_NONE: of all. ERR_NOT_FOUND names it */
	int64_t after; /* numbers above */
	uint32_t limit;
};

/* In the order of their numbers; fewer than the limit where bodies are long. *ret_more: there are others behind. */
MUST_CHECK enum err_code broker_dead_letters(struct broker_reader *reader, struct str tenant,
					     const struct dead_letters_page *page, struct arena *arena,
					     struct dead_letter **ret, size_t *ret_count, bool *ret_more,
					     struct error *err);

/* ---- replaying and dropping ---- */

enum dead_letters_operation { DEAD_LETTERS_REPLAY, DEAD_LETTERS_DROP };

struct dead_letters_work {
	struct store_write store_write; /* ours, as all down to operation */
	struct broker *broker;
	size_t at; /* how far in numbers */
	int64_t after; /* how far without numbers */
	struct {
		int64_t number, subscription;
		bool gone; /* it was not there any more */
	} batch[DEAD_LETTERS_AT_ONCE];
	size_t batch_count;
	enum dead_letters_operation operation;
	struct str tenant; /* must last */
	const int64_t *numbers; /* those meant, from 1 on, sorted by dead_letters_sort(); NULL: all of subscription */
	size_t number_count;
	int64_t subscription; /* without numbers; 0: of all */
	/* Commands: whose subscriptions there are; the daemon's are the broker's. */
	const struct dead_letters_names *names;
	int64_t now_us; /* the clock */
	/* What has been done so far. */
	uint64_t changed;
	uint64_t left; /* not replayed: their subscriptions have expired or cannot be used, so they would be dropped */
	int64_t *missing; /* the caller's, room for number_count: those that are no dead letters */
	size_t missing_count;
	/* Writer's thread, once for each submission: when the batch is durable, or why not. NULL: a command. */
	void (*done)(struct dead_letters_work *work, enum err_code code, const struct error *err);
	void *self; /* the caller's */
};

/* Before anything else: only those of the subscription with this id, which ERR_NOT_FOUND names. */
MUST_CHECK enum err_code broker_dead_letters_of(struct dead_letters_work *work, struct broker_reader *reader,
						struct str id, struct error *err);
size_t dead_letters_sort(int64_t *numbers, size_t count); /* ascending, each once; returns how many */

/* What comes next: work->batch_count letters, 0 when all has been done. broker_…: the daemon. */
MUST_CHECK enum err_code dead_letters_next(struct dead_letters_work *work, struct store_reader *reader,
					   struct error *err);
MUST_CHECK enum err_code broker_dead_letters_next(struct dead_letters_work *work, struct broker_reader *reader,
						  struct error *err);
/* Writes the batch, waiting for it. */
MUST_CHECK enum err_code dead_letters_apply(struct dead_letters_work *work, struct store *store, struct error *err);
/* Writes it without waiting, and tells who delivers; done() is called when ERR_OK is returned. */
MUST_CHECK enum err_code broker_dead_letters_submit(struct dead_letters_work *work, struct broker *broker,
						    struct error *err);

#endif
