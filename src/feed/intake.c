/* Entities of a feed on their way into the store. */
#include "feed/intake.h"

#include "base/cleanup.h"
#include "feed/feed_clock_int.h"

#include <pthread.h>
#include <stdlib.h>

#define BATCHES 2u
#define ITEMS_FIRST 64u

enum batch_state {
	BATCH_FREE, /* or being filled */
	BATCH_FLYING, /* the store has it, until it has landed */
	BATCH_GROUNDED, /* it is to be tried again */
};

struct batch {
	struct intake *intake;
	enum batch_state state; /* the feed's thread */
	bool landed; /* under the lock: by the store's writer */
	struct arena arena;
	struct broker_item *items; /* owned */
	uint64_t *tags; /* of the items; owned */
	size_t item_room, tag_room;
	struct intake_receipt *receipts; /* owned */
	size_t receipt_count, receipt_room;
	struct broker_write write;
	enum err_code code; /* under the lock until it has landed, as the error */
	struct error error;
	int64_t retry_ms;
	int64_t pause_ms;
};

struct intake {
	struct intake_options options;
	pthread_mutex_t lock; /* guards what says so */
	pthread_cond_t landed;
	struct batch batches[BATCHES];
	struct batch *filling; /* NULL: both are under way */
	int64_t gather_until_ms;
	struct intake_counts counts;
	struct error trouble; /* code ERR_OK: none */
};

/* ---- making ---- */

enum err_code intake_new(const struct intake_options *options, struct intake **ret_intake, struct error *err)
{
	struct intake *intake = calloc(1, sizeof(*intake));

	if (!intake)
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	intake->options = *options;
	(void)pthread_mutex_init(&intake->lock, NULL);
	(void)pthread_cond_init(&intake->landed, NULL);
	for (size_t i = 0; i < BATCHES; i++) {
		intake->batches[i].intake = intake;
		arena_init(&intake->batches[i].arena, INTAKE_BATCH_BYTES_MAX);
	}
	intake->filling = &intake->batches[0];
	*ret_intake = intake;
	return ERR_OK;
}

static void await_landing(struct intake *intake)
{
	(void)pthread_mutex_lock(&intake->lock);
	for (size_t i = 0; i < BATCHES; i++)
		while (intake->batches[i].state == BATCH_FLYING && !intake->batches[i].landed)
			(void)pthread_cond_wait(&intake->landed, &intake->lock);
	(void)pthread_mutex_unlock(&intake->lock);
}

struct intake *intake_free(struct intake *intake)
{
	if (!intake)
		return NULL;
	await_landing(intake);
	for (size_t i = 0; i < BATCHES; i++) {
		arena_done(&intake->batches[i].arena);
		free(intake->batches[i].items);
		free(intake->batches[i].tags);
		free(intake->batches[i].receipts);
	}
	(void)pthread_cond_destroy(&intake->landed);
	(void)pthread_mutex_destroy(&intake->lock);
	free(intake);
	return NULL;
}

/* ---- filling ---- */

bool intake_has_room(const struct intake *intake)
{
	const struct batch *batch = intake->filling;

	return batch && batch->write.item_count < INTAKE_ENTITIES_MAX && batch->receipt_count < INTAKE_ENTITIES_MAX &&
	       batch->arena.bytes < INTAKE_BATCH_BYTES_MAX / 2;
}

struct arena *intake_arena(struct intake *intake)
{
	return &intake->filling->arena;
}

/* Room for one more; false without memory. */
static bool grow(void **list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return true;
	size_t more = *room ? *room * 2 : ITEMS_FIRST;
	void *grown = realloc(*list, more * size);

	if (!grown)
		return false;
	*list = grown;
	*room = more;
	return true;
}

static bool add_item(struct intake *intake, const struct broker_item *item, uint64_t tag)
{
	struct batch *batch = intake->filling;

	if (!grow((void **)&batch->items, batch->write.item_count, &batch->item_room, sizeof(*batch->items)) ||
	    !grow((void **)&batch->tags, batch->write.item_count, &batch->tag_room, sizeof(*batch->tags)))
		return false;
	batch->tags[batch->write.item_count] = tag;
	batch->items[batch->write.item_count++] = *item;
	return true;
}

bool intake_add(struct intake *intake, const struct json *entity, enum mapping_mode mode, bool history, uint64_t tag)
{
	const struct broker_item item = {
		.operation = mode == MAPPING_REPLACE ? BROKER_REPLACE : BROKER_APPEND_ATTRIBUTES,
		.id = document_id(entity),
		.entity = entity,
		.overwrite = true,
		.create_missing = mode != MAPPING_UPDATE,
		.newest_stays = mode != MAPPING_REPLACE,
		.no_history = !history,
	};

	return add_item(intake, &item, tag);
}

bool intake_add_operation(struct intake *intake, enum broker_operation operation, struct str id,
			  const struct json *entity)
{
	const struct broker_item item = {.operation = operation, .id = id, .entity = entity, .overwrite = true};

	return add_item(intake, &item, 0);
}

bool intake_add_receipt(struct intake *intake, uint64_t first, uint64_t second)
{
	struct batch *batch = intake->filling;

	if (!grow((void **)&batch->receipts, batch->receipt_count, &batch->receipt_room, sizeof(*batch->receipts)))
		return false;
	batch->receipts[batch->receipt_count++] =
		(struct intake_receipt){.first = first, .second = second, .from = batch->write.item_count};
	return true;
}

/* ---- committing ---- */

static void land(struct batch *batch, enum err_code code, const struct error *err)
{
	struct intake *intake = batch->intake;
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&intake->lock);
	batch->code = code;
	if (code)
		batch->error = err ? *err : (struct error){.code = code};
	batch->landed = true;
	(void)pthread_cond_broadcast(&intake->landed);
	(void)!write(intake->options.wake_fd, &one, sizeof(one)); /* under the lock: the fd may go right behind it */
	(void)pthread_mutex_unlock(&intake->lock);
}

static void batch_done(struct broker_write *write, enum err_code code, const struct error *err)
{
	land(write->self, code, err);
}

static void submit(struct intake *intake, struct batch *batch)
{
	struct error err;

	batch->write.items = batch->items;
	batch->write.arena = &batch->arena;
	batch->write.done = batch_done;
	batch->write.self = batch;
	batch->state = BATCH_FLYING;
	batch->landed = false;
	enum err_code code = broker_submit(intake->options.broker, intake->options.store, &batch->write, &err);

	if (code)
		land(batch, code, &err);
}

static void count_outcomes(struct intake *intake, const struct batch *batch)
{
	struct intake_counts *counts = &intake->counts;
	const struct error *last = NULL;

	for (size_t i = 0; i < batch->write.item_count; i++) {
		const struct broker_item *item = &batch->items[i];
		const struct broker_outcome *outcome = &item->outcome;

		if (item->operation == BROKER_DELETE && (outcome->code == ERR_OK || outcome->code == ERR_NOT_FOUND)) {
			counts->deleted += outcome->code == ERR_OK;
			continue;
		}
		counts->created += outcome->code == ERR_OK && outcome->created;
		counts->changed += outcome->code == ERR_OK && !outcome->created && outcome->changed;
		counts->unchanged += outcome->code == ERR_OK && !outcome->created && !outcome->changed;
		counts->late += outcome->code == ERR_OK && outcome->late;
		counts->absent += outcome->code == ERR_NOT_FOUND;
		counts->refused += outcome->code != ERR_OK && outcome->code != ERR_NOT_FOUND;
		if (!outcome->code)
			continue;
		last = &outcome->error;
		if (batch->tags[i] && intake->options.not_stored)
			intake->options.not_stored(intake->options.self, batch->tags[i]);
		if (intake->options.lost)
			intake->options.lost(intake->options.self, item->id);
	}
	counts->commits++;
	if (last && intake->options.refused)
		intake->options.refused(intake->options.self, last);
}

/* What became of the entities of one receipt. */
static void fill_receipt(const struct batch *batch, size_t index)
{
	struct intake_receipt *receipt = &batch->receipts[index];
	size_t to = index + 1 < batch->receipt_count ? batch->receipts[index + 1].from : batch->write.item_count;

	receipt->entities = to - receipt->from;
	for (size_t i = receipt->from; i < to; i++) {
		const struct broker_outcome *outcome = &batch->items[i].outcome;

		receipt->absent += outcome->code == ERR_NOT_FOUND;
		receipt->refused += outcome->code != ERR_OK && outcome->code != ERR_NOT_FOUND;
		if (outcome->code)
			receipt->why = &outcome->error;
	}
}

static void give_receipts(const struct intake *intake, const struct batch *batch, const struct error *err)
{
	if (!err && intake->options.settled)
		for (size_t i = 0; i < batch->receipt_count; i++)
			fill_receipt(batch, i);
	if (batch->receipt_count && intake->options.settled)
		intake->options.settled(intake->options.self, batch->receipts, batch->receipt_count, err);
}

static void clear(struct batch *batch)
{
	arena_clear(&batch->arena);
	batch->write.item_count = 0;
	batch->receipt_count = 0;
	batch->pause_ms = 0;
	batch->state = BATCH_FREE;
}

static void collect(struct intake *intake, struct batch *batch)
{
	if (batch->code) {
		batch->pause_ms = batch->pause_ms ? batch->pause_ms * 2 : INTAKE_RETRY_MS_MIN;
		if (batch->pause_ms > INTAKE_RETRY_MS_MAX)
			batch->pause_ms = INTAKE_RETRY_MS_MAX;
		batch->retry_ms = feed_clock_ms() + batch->pause_ms;
		batch->state = BATCH_GROUNDED;
		intake->trouble = batch->error;
		intake->counts.commit_failures++;
		return;
	}
	intake->trouble.code = ERR_OK;
	count_outcomes(intake, batch);
	give_receipts(intake, batch, NULL);
	clear(batch);
	if (!intake->filling)
		intake->filling = batch;
}

static bool has_landed(struct intake *intake, struct batch *batch)
{
	(void)pthread_mutex_lock(&intake->lock);
	bool landed = batch->state == BATCH_FLYING && batch->landed;

	(void)pthread_mutex_unlock(&intake->lock);
	return landed;
}

bool intake_is_idle(const struct intake *intake)
{
	for (size_t i = 0; i < BATCHES; i++) {
		const struct batch *batch = &intake->batches[i];

		if (batch->state != BATCH_FREE || batch->write.item_count || batch->receipt_count)
			return false;
	}
	return true;
}

bool intake_is_gathering(const struct intake *intake)
{
	return feed_clock_ms() < intake->gather_until_ms;
}

static void turn(struct intake *intake, bool gathers)
{
	bool busy = false;

	for (size_t i = 0; i < BATCHES; i++) {
		struct batch *batch = &intake->batches[i];

		if (has_landed(intake, batch))
			collect(intake, batch);
		if (batch->state == BATCH_GROUNDED && feed_clock_ms() >= batch->retry_ms)
			submit(intake, batch);
		busy = busy || batch->state != BATCH_FREE;
	}
	/* One at a time, so that what they say of an entity is stored in its order even when one must be repeated. */
	struct batch *full = intake->filling;

	if (busy || !full || (full->write.item_count == 0 && full->receipt_count == 0) ||
	    (gathers && intake_is_gathering(intake) && intake_has_room(intake)))
		return;
	intake->gather_until_ms = feed_clock_ms() + INTAKE_GATHER_MS;
	intake->filling = full == &intake->batches[0] ? &intake->batches[1] : &intake->batches[0];
	submit(intake, full);
}

void intake_turn(struct intake *intake)
{
	turn(intake, true);
}

int64_t intake_deadline_ms(const struct intake *intake)
{
	const struct batch *filling = intake->filling;
	bool waits = filling && (filling->write.item_count || filling->receipt_count);
	int64_t deadline_ms = INT64_MAX;

	for (size_t i = 0; i < BATCHES; i++) {
		const struct batch *batch = &intake->batches[i];

		waits = waits && batch->state == BATCH_FREE; /* else its landing is waited for */
		if (batch->state == BATCH_GROUNDED && batch->retry_ms < deadline_ms)
			deadline_ms = batch->retry_ms;
	}
	if ((waits || intake_is_gathering(intake)) && intake->gather_until_ms < deadline_ms)
		deadline_ms = intake->gather_until_ms;
	return deadline_ms;
}

void intake_settle(struct intake *intake)
{
	/* What is under way, then what was filled meanwhile. */
	for (size_t i = 0; i < BATCHES; i++) {
		await_landing(intake);
		turn(intake, false);
	}
	await_landing(intake);
	turn(intake, false);
	for (size_t i = 0; i < BATCHES; i++) {
		give_receipts(intake, &intake->batches[i], &intake->trouble);
		clear(&intake->batches[i]);
	}
	if (!intake->filling)
		intake->filling = &intake->batches[0];
}

void intake_counts(const struct intake *intake, struct intake_counts *ret_counts)
{
	*ret_counts = intake->counts;
}

const struct error *intake_trouble(const struct intake *intake)
{
	return intake->trouble.code ? &intake->trouble : NULL;
}
