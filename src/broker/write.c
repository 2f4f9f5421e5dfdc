/* Writes: a list of items as one store_write, and single items within somebody else's. */
#include "broker/broker_int.h"

#include <assert.h>
#include <stddef.h>

static struct broker_write *write_of(struct store_write *write)
{
	return (struct broker_write *)(void *)((char *)write - offsetof(struct broker_write, store_write));
}

static enum err_code run_write(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct broker_write *write = write_of(store_write);
	int64_t now_us = broker_now_us(write->broker); /* one stamp for all of a batch (5.5.11.0) */

	for (size_t i = 0; i < write->item_count; i++) {
		struct broker_item *item = &write->items[i];

		arena_clear(store_txn_arena(txn)); /* a batch's worth of documents would not fit */
		enum err_code code = item_apply(txn, item, now_us, write->arena, err);

		if (code != ERR_OK)
			return code;
		if (item->outcome.code == ERR_OK || !write->atomic)
			continue;
		if (err)
			*err = item->outcome.error;
		return item->outcome.code;
	}
	return ERR_OK;
}

static void write_is_done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct broker_write *write = write_of(store_write);

	write->done(write, code, err);
}

static enum err_code prepare(struct broker *broker, struct broker_write *write, struct error *err)
{
	assert(write->item_count == 0 || (write->items && write->arena));
	if (write->item_count > BROKER_BATCH_ENTITIES_MAX)
		return err_set(err, ERR_LIMIT, "a batch of %zu entities, at most %d are taken", write->item_count,
			       BROKER_BATCH_ENTITIES_MAX);
	write->broker = broker;
	write->store_write = (struct store_write){.run = run_write};
	return ERR_OK;
}

enum err_code broker_submit(struct broker *broker, struct store *store, struct broker_write *write, struct error *err)
{
	enum err_code code = prepare(broker, write, err);

	assert(write->done);
	if (code != ERR_OK)
		return code;
	write->store_write.done = write_is_done;
	return store_submit(store, &write->store_write, err);
}

enum err_code broker_apply(struct broker *broker, struct store *store, struct broker_write *write, struct error *err)
{
	enum err_code code = prepare(broker, write, err);

	return code == ERR_OK ? store_apply(store, &write->store_write, err) : code;
}

enum err_code broker_apply_item(struct broker *broker, struct store_txn *txn, struct broker_item *item,
				struct arena *arena, struct error *err)
{
	return item_apply(txn, item, broker_now_us(broker), arena, err);
}
