/* How often and when notifications were sent: kept in memory, written from time to time for many at once, so that no
 * notification costs a write. */
#include "broker/subscriptions_int.h"

#include <stdlib.h>

struct figures_write {
	struct store_write store_write; /* first */
	struct subscriptions *all;
	struct subscribed **list; /* held each */
	size_t count;
};

static void write_figures(struct buf *out, const struct subscribed *one)
{
	buf_clear(out);
	buf_printf(out, "{\"timesSent\":%llu,\"timesFailed\":%llu,\"lastNotification\":%lld",
		   (unsigned long long)one->times_sent, (unsigned long long)one->times_failed,
		   (long long)one->last_notification_us);
	if (one->last_success_us != INT64_MIN)
		buf_printf(out, ",\"lastSuccess\":%lld", (long long)one->last_success_us);
	if (one->last_failure_us != INT64_MIN)
		buf_printf(out, ",\"lastFailure\":%lld", (long long)one->last_failure_us);
	buf_put_char(out, '}');
}

static enum err_code run_figures(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct figures_write *write = (struct figures_write *)store_write;
	enum err_code code = ERR_OK;
	struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; code == ERR_OK && i < write->count; i++) {
		struct subscribed *one = write->list[i];

		(void)pthread_mutex_lock(&write->all->lock);
		bool removed = atomic_load(&one->removed);

		write_figures(&text, one);
		(void)pthread_mutex_unlock(&write->all->lock);
		if (!removed)
			code = store_txn_record_put(txn, subscription_figures_kinds[one->kind], subscribed_id(one),
						    buf_str(&text), err);
	}
	buf_done(&text);
	return code;
}

static size_t count_fresh(const struct map *names)
{
	struct str key;
	void *value;
	size_t at = 0, count = 0;

	while (map_each(names, &at, &key, &value))
		count += ((struct subscribed *)value)->fresh;
	return count;
}

static void list_fresh(const struct map *names, struct figures_write *write)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(names, &at, &key, &value)) {
		struct subscribed *one = value;

		if (!one->fresh)
			continue;
		one->fresh = false;
		write->list[write->count++] = subscribed_ref(one);
	}
}

/* Those whose figures are to be written, no longer fresh. By their names: what only has a number is no subscription. */
static enum err_code take_fresh(struct subscriptions *all, struct figures_write *write, struct error *err)
{
	size_t room = 0;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&all->lock);
	for (size_t kind = 0; kind < SUBSCRIPTION_KIND_COUNT; kind++)
		room += count_fresh(&all->by_name[kind]);
	write->list = room ? malloc(room * sizeof(struct subscribed *)) : NULL;
	if (room && !write->list)
		code = err_set(err, ERR_MEMORY, "no memory to write the figures of subscriptions");
	for (size_t kind = 0; write->list && kind < SUBSCRIPTION_KIND_COUNT; kind++)
		list_fresh(&all->by_name[kind], write);
	(void)pthread_mutex_unlock(&all->lock);
	return code;
}

static void give_back(struct subscriptions *all, struct figures_write *write, bool written)
{
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < write->count; i++)
		write->list[i]->fresh = write->list[i]->fresh || !written;
	(void)pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; i < write->count; i++)
		(void)subscribed_unref(write->list[i]);
	free(write->list);
}

enum err_code subscriptions_flush(struct subscriptions *all, struct store *store, struct error *err)
{
	struct figures_write write = {.store_write = {.run = run_figures}, .all = all};
	enum err_code code = take_fresh(all, &write, err);

	if (code == ERR_OK && write.count > 0)
		code = store_apply(store, &write.store_write, err);
	give_back(all, &write, code == ERR_OK);
	return code;
}

struct flush {
	enum err_code code;
	struct error *err;
};

static void flush_tenant(void *self, struct str name, struct store *store)
{
	struct flush *flush = self;
	(void)name;
	struct subscriptions *all = store_owner(store);

	if (flush->code == ERR_OK && all)
		flush->code = subscriptions_flush(all, store, flush->err);
}

enum err_code broker_subscriptions_flush(struct broker *broker, struct error *err)
{
	struct flush flush = {.err = err};

	broker_each_place(broker, flush_tenant, &flush);
	return flush.code;
}
