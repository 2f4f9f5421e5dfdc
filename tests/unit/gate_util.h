/* Writes of one batch, for the tests of the store: a gate holds the writer until all of them are queued. */
#ifndef MACHI_TESTS_GATE_UTIL_H
#define MACHI_TESTS_GATE_UTIL_H

#include "store_util.h"

#include <pthread.h>

struct gate {
	pthread_mutex_t lock; /* guards the following and what a write's done() sets */
	pthread_cond_t changed;
	bool entered, open;
	int done; /* writes, that of the gate is one of them */
};

struct queued {
	struct test_write test; /* first */
	struct gate *gate;
	enum err_code code;
	char detail[ERROR_DETAIL_BYTES];
	int order; /* writes of the gate that were done before */
};

static inline void queued_done(struct store_write *write, enum err_code code, const struct error *err)
{
	struct queued *queued = (struct queued *)write;

	(void)pthread_mutex_lock(&queued->gate->lock);
	queued->code = code;
	(void)snprintf(queued->detail, sizeof(queued->detail), "%s", err->detail);
	queued->order = queued->gate->done++;
	(void)pthread_cond_broadcast(&queued->gate->changed);
	(void)pthread_mutex_unlock(&queued->gate->lock);
}

static inline void gate_submit(struct store *store, struct gate *gate, struct queued *queued,
			       enum err_code (*body)(struct store_txn *txn, void *self, struct error *err), void *self)
{
	struct error err = {0};

	*queued = (struct queued){.test = {.write = {.run = test_run, .done = queued_done}, .body = body, .self = self},
				  .gate = gate};
	CHECK_OK(store_submit(store, &queued->test.write, &err), &err);
}

static inline enum err_code pass_gate(struct store_txn *txn, void *self, struct error *err)
{
	struct gate *gate = self;

	(void)txn;
	(void)err;
	(void)pthread_mutex_lock(&gate->lock);
	gate->entered = true;
	(void)pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		(void)pthread_cond_wait(&gate->changed, &gate->lock);
	(void)pthread_mutex_unlock(&gate->lock);
	return ERR_OK;
}

/* Returns when the writer waits at the gate. */
static inline void gate_shut(struct store *store, struct gate *gate, struct queued *first)
{
	*gate = (struct gate){.open = false};
	(void)pthread_mutex_init(&gate->lock, NULL);
	(void)pthread_cond_init(&gate->changed, NULL);
	gate_submit(store, gate, first, pass_gate, gate);
	(void)pthread_mutex_lock(&gate->lock);
	while (!gate->entered)
		(void)pthread_cond_wait(&gate->changed, &gate->lock);
	(void)pthread_mutex_unlock(&gate->lock);
}

/* Returns when so many writes are done; 0: at once. */
static inline void gate_open(struct gate *gate, int writes)
{
	(void)pthread_mutex_lock(&gate->lock);
	gate->open = true;
	(void)pthread_cond_broadcast(&gate->changed);
	while (gate->done < writes)
		(void)pthread_cond_wait(&gate->changed, &gate->lock);
	(void)pthread_mutex_unlock(&gate->lock);
}

#endif
