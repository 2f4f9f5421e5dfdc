/* Writing vehicles: items collected into chunks, two of which may be in flight, so that the store's writer always has
 * work and other writers get their turn between. */
#include "feed/timetable_int.h"

#include "base/time_value.h"

#include <stddef.h>

static void chunk_done(struct broker_write *write, enum err_code code, const struct error *err)
{
	struct chunk *chunk = write->self;
	struct timetable *timetable = chunk->timetable;

	(void)pthread_mutex_lock(&timetable->lock);
	for (size_t i = 0; i < write->item_count; i++) {
		const struct broker_outcome *outcome = &chunk->items[i].outcome;
		bool gone = chunk->items[i].operation == BROKER_DELETE && outcome->code == ERR_NOT_FOUND;

		if (!code && (!outcome->code || gone)) {
			timetable->stats.writes++;
			continue;
		}
		/* The whole entity is written at the next tick. */
		if (chunk->vehicles[i] != TRANSIT_NONE)
			timetable->vehicles[chunk->vehicles[i]].written = false;
		timetable->stats.write_errors++;
		if (!code && outcome->code != ERR_NOT_FOUND)
			timetable->stats.error = outcome->error;
	}
	if (code && err)
		timetable->stats.error = *err;
	chunk->busy = false;
	(void)pthread_cond_broadcast(&timetable->changed);
	(void)pthread_mutex_unlock(&timetable->lock);
}

struct arena *timetable_arena(struct timetable *timetable)
{
	struct chunk *chunk = timetable->filling;

	if (chunk)
		return &chunk->arena;
	(void)pthread_mutex_lock(&timetable->lock);
	while (!chunk) {
		for (size_t i = 0; i < CHUNKS && !chunk; i++)
			if (!timetable->chunks[i].busy)
				chunk = &timetable->chunks[i];
		if (!chunk)
			(void)pthread_cond_wait(&timetable->changed, &timetable->lock);
	}
	(void)pthread_mutex_unlock(&timetable->lock);
	arena_clear(&chunk->arena);
	chunk->write =
		(struct broker_write){.items = chunk->items, .arena = &chunk->arena, .done = chunk_done, .self = chunk};
	timetable->filling = chunk;
	return &chunk->arena;
}

enum err_code timetable_flush(struct timetable *timetable, struct error *err)
{
	struct chunk *chunk = timetable->filling;

	timetable->filling = NULL;
	if (!chunk || chunk->write.item_count == 0)
		return ERR_OK;
	(void)pthread_mutex_lock(&timetable->lock);
	chunk->busy = true;
	(void)pthread_mutex_unlock(&timetable->lock);
	enum err_code code = broker_submit(timetable->broker, timetable->store, &chunk->write, err);

	if (code) {
		struct error refused = {.code = code};

		chunk_done(&chunk->write, code, err ? err : &refused);
	}
	return code;
}

enum err_code timetable_add(struct timetable *timetable, enum broker_operation operation, struct str id,
			    const struct json *entity, uint32_t vehicle, struct error *err)
{
	struct chunk *chunk = timetable->filling;

	chunk->vehicles[chunk->write.item_count] = vehicle;
	chunk->items[chunk->write.item_count++] =
		(struct broker_item){.operation = operation, .id = id, .entity = entity, .overwrite = true};
	return chunk->write.item_count == CHUNK_ITEMS ? timetable_flush(timetable, err) : ERR_OK;
}

void timetable_settle(struct timetable *timetable)
{
	bool busy = true;

	(void)pthread_mutex_lock(&timetable->lock);
	while (busy) {
		busy = timetable->prune.busy;
		for (size_t i = 0; i < CHUNKS; i++)
			busy = busy || timetable->chunks[i].busy;
		if (busy)
			(void)pthread_cond_wait(&timetable->changed, &timetable->lock);
	}
	(void)pthread_mutex_unlock(&timetable->lock);
}

/* ---- pruning ---- */

#define PRUNE_ROWS_MIN 1000u /* a step, besides four points for each vehicle: more than a tick adds */

static struct prune *prune_of(struct store_write *write)
{
	return (struct prune *)(void *)((char *)write - offsetof(struct prune, write));
}

static enum err_code run_prune(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct prune *prune = prune_of(write);

	prune->rows = 0;
	return store_txn_prune_history(txn, prune->prefix, prune->before_us, prune->rows_max, &prune->rows, err);
}

static void prune_done(struct store_write *write, enum err_code code, const struct error *err)
{
	struct prune *prune = prune_of(write);
	struct timetable *timetable = prune->timetable;

	(void)pthread_mutex_lock(&timetable->lock);
	if (!code)
		timetable->stats.history_pruned += prune->rows;
	else if (err)
		timetable->stats.error = *err;
	prune->busy = false;
	(void)pthread_cond_broadcast(&timetable->changed);
	(void)pthread_mutex_unlock(&timetable->lock);
}

enum err_code timetable_prune(struct timetable *timetable, struct error *err)
{
	struct prune *prune = &timetable->prune;

	if (timetable->options.history_keep_s == 0)
		return ERR_OK;
	(void)pthread_mutex_lock(&timetable->lock);
	prune->busy = true;
	(void)pthread_mutex_unlock(&timetable->lock);
	prune->write = (struct store_write){.run = run_prune, .done = prune_done};
	prune->timetable = timetable;
	prune->prefix = timetable->prefix;
	prune->before_us = timetable->moment.now_us - timetable->options.history_keep_s * US_PER_S;
	prune->rows_max = PRUNE_ROWS_MIN + 4 * timetable->vehicle_count;
	enum err_code code = store_submit(timetable->store, &prune->write, err);

	if (code) {
		(void)pthread_mutex_lock(&timetable->lock);
		prune->busy = false;
		(void)pthread_mutex_unlock(&timetable->lock);
	}
	return code;
}
