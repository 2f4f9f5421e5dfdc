/* What became of notifications, written back to their outbox many at a time. */
#include "notify/notify_int.h"

#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_US 10000 /* at most, for others to come */
#define ENOUGH 512u /* to be written at once */
#define DROP_ROWS 10000u /* of a subscription that is gone, in one transaction */
#define AGAIN_US US_PER_S /* after a write that failed */

struct outcomes_write {
	struct store_write store_write; /* first */
	struct outbox *outbox;
	struct outcome *at; /* owned */
	size_t count;
	int64_t *numbers; /* owned: those that are done, ascending */
	size_t number_count;
};

bool outcome_add(struct outbox *outbox, const struct outcome *outcome)
{
	struct outcomes *outcomes = &outbox->outcomes;

	if (outcomes->count == outcomes->room) {
		size_t room = outcomes->room ? outcomes->room * 2 : 64;
		struct outcome *grown = realloc(outcomes->at, room * sizeof(*grown));

		if (!grown)
			return false; /* it stays owed, and is sent again at the next start */
		outcomes->at = grown;
		outcomes->room = room;
	}
	if (outcomes->count == 0)
		outcomes->since_us = notify_steady_us();
	outcomes->at[outcomes->count++] = *outcome;
	if (outcome->kind == OUTCOME_BURIED)
		(void)atomic_fetch_add(&outbox->notifier->dead, 1);
	return true;
}

static enum err_code write_one(struct store_txn *txn, const struct outcome *outcome, struct error *err)
{
	bool more = true;
	enum err_code code = ERR_OK;

	switch (outcome->kind) {
	case OUTCOME_DONE:
		break;
	case OUTCOME_RETRY:
		code = store_txn_owed_retry(txn, outcome->number, outcome->due_us, outcome->tries, err);
		break;
	case OUTCOME_BURIED:
		/* The last try counts too. */
		if (outcome->tries)
			code = store_txn_owed_retry(txn, outcome->number, notify_now_us(), outcome->tries, err);
		if (code == ERR_OK)
			code = store_txn_owed_bury(txn, outcome->number, notify_now_us(), str_from(outcome->why), err);
		break;
	case OUTCOME_JOINED:
		code = store_txn_owed_joined(txn, outcome->number, (struct str){outcome->body, outcome->body_bytes},
					     err);
		break;
	case OUTCOME_EXPIRED:
	case OUTCOME_GONE:
		code = store_txn_owed_drop(txn, outcome->number, outcome->kind == OUTCOME_GONE, DROP_ROWS, &more, err);
		break;
	}
	return code == ERR_NOT_FOUND ? ERR_OK : code; /* it went with its subscription */
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct outcomes_write *write = (struct outcomes_write *)store_write;
	enum err_code code = ERR_OK;

	if (write->number_count)
		code = store_txn_owed_done(txn, write->numbers, write->number_count, err);
	for (size_t i = 0; code == ERR_OK && i < write->count; i++)
		code = write_one(txn, &write->at[i], err);
	return code;
}

static void write_free(struct outcomes_write *write)
{
	for (size_t i = 0; i < write->count; i++)
		free(write->at[i].body);
	free(write->at);
	free(write->numbers);
	free(write);
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct outcomes_write *write = (struct outcomes_write *)store_write;
	struct outbox *outbox = write->outbox;
	struct notifier *notifier = outbox->notifier;

	(void)pthread_mutex_lock(&outbox->lock);
	if (code == ERR_OK) {
		write_free(write);
	} else {
		outbox->failed = write;
		outbox->failure = *err;
	}
	outbox->writing = false;
	senders_wake(notifier);
	(void)pthread_cond_signal(&outbox->idle);
	(void)pthread_mutex_unlock(&outbox->lock);
}

static int by_number(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Takes all outcomes that there are. NULL: no memory. */
static struct outcomes_write *take_all(struct outbox *outbox)
{
	struct outcomes *outcomes = &outbox->outcomes;
	struct outcomes_write *write = calloc(1, sizeof(*write));
	int64_t *numbers = malloc(outcomes->count * sizeof(*numbers));

	if (!write || !numbers) {
		free(write);
		free(numbers);
		return NULL;
	}
	*write = (struct outcomes_write){.store_write = {.run = run, .done = done},
					 .outbox = outbox,
					 .at = outcomes->at,
					 .count = outcomes->count,
					 .numbers = numbers};
	for (size_t i = 0; i < write->count; i++)
		if (write->at[i].kind == OUTCOME_DONE)
			numbers[write->number_count++] = write->at[i].number;
	qsort(numbers, write->number_count, sizeof(*numbers), by_number);
	*outcomes = (struct outcomes){0};
	return write;
}

static void submit(struct outbox *outbox, int64_t now_us)
{
	struct outcomes_write *write = take_all(outbox);
	struct error err;

	if (!write)
		return;
	outbox->flushes++;
	outbox->writing = true;
	enum err_code code = store_submit(outbox->store, &write->store_write, &err);

	if (code == ERR_OK)
		return;
	notify_complain(outbox->notifier, str_from(outbox->tenant), &err);
	outbox->writing = false;
	outbox->failed = write;
	outbox->again_us = now_us + AGAIN_US;
}

/* What could not be written comes before what has come since. */
static void take_back(struct outbox *outbox, int64_t now_us)
{
	struct outcomes_write *write = outbox->failed;

	if (!write || now_us < outbox->again_us)
		return;
	outbox->failed = NULL;
	for (size_t i = 0; i < write->count; i++)
		outcome_add(outbox, &write->at[i]);
	write_free(write);
}

static void flush(struct outbox *outbox, int64_t now_us)
{
	struct notifier *notifier = outbox->notifier;
	struct outcomes *outcomes = &outbox->outcomes;

	(void)pthread_mutex_lock(&outbox->lock);
	bool writing = outbox->writing;

	if (!writing && outbox->failed && outbox->again_us == 0) {
		notify_complain(notifier, str_from(outbox->tenant), &outbox->failure);
		outbox->again_us = now_us + AGAIN_US;
	}
	(void)pthread_mutex_unlock(&outbox->lock);
	if (!writing && !outbox->failed)
		outbox->flushed = outbox->flushes;
	if (!writing && outbox->failed) {
		take_back(outbox, now_us);
		if (outbox->failed)
			return;
		outbox->again_us = 0;
		submit(outbox, now_us); /* at once: nothing of it counts as written meanwhile */
		return;
	}
	if (writing || outcomes->count == 0)
		return;
	if (outcomes->count >= ENOUGH || now_us - outcomes->since_us >= WAIT_US)
		submit(outbox, now_us);
	else if (outcomes->since_us + WAIT_US < notifier->wake_us)
		notifier->wake_us = outcomes->since_us + WAIT_US;
}

void outcomes_flush(struct notifier *notifier, int64_t now_us)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next)
		flush(outbox, now_us);
}

static void wait_until_idle(struct outbox *outbox)
{
	(void)pthread_mutex_lock(&outbox->lock);
	while (outbox->writing)
		(void)pthread_cond_wait(&outbox->idle, &outbox->lock);
	(void)pthread_mutex_unlock(&outbox->lock);
}

void outcomes_wait(struct notifier *notifier)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next)
		wait_until_idle(outbox);
}

bool outcomes_drop(struct outbox *outbox)
{
	(void)pthread_mutex_lock(&outbox->lock);
	bool writing = outbox->writing;

	(void)pthread_mutex_unlock(&outbox->lock);
	if (writing)
		return false;
	if (outbox->failed)
		write_free(outbox->failed);
	outbox->failed = NULL;
	for (size_t i = 0; i < outbox->outcomes.count; i++)
		free(outbox->outcomes.at[i].body);
	outbox->outcomes.count = 0;
	return true;
}

void outcomes_end(struct notifier *notifier)
{
	for (struct outbox *outbox = notifier->outboxes; outbox; outbox = outbox->next) {
		wait_until_idle(outbox);
		if (outbox->failed)
			write_free(outbox->failed); /* these are sent again */
		outbox->failed = NULL;
		if (outbox->outcomes.count)
			submit(outbox, 0);
		wait_until_idle(outbox);
		if (outbox->failed)
			write_free(outbox->failed);
		outbox->failed = NULL;
	}
}
