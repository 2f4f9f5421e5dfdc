/* What is told without a change. Subscriptions with a timeInterval (5.8.6, 5.11.7): each time it is over, all that
 * matches is told of, entities in one notification, which goes through the outbox like any other. Who delivers calls,
 * with a clock that nobody sets; after a start the first wait is what is left of the one before. Those to registrations
 * begin with all that match. */
#include "base/time_value.h"
#include "broker/read_int.h"
#include "broker/registration_events_int.h"
#include "broker/subscriptions_int.h"

#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX ((size_t)64 << 20)

struct interval_write {
	struct store_write store_write; /* first */
	struct subscriptions *all;
	struct subscribed *one; /* held */
	int64_t now_us;
	struct buf body;
};

struct telling {
	struct notification_frame frame;
	struct buf *out;
	struct arena *scratch;
	size_t entities;
	enum err_code code;
	struct error *err;
};

static bool tell(void *self, const struct json *entity)
{
	struct telling *telling = self;
	const struct subscription_event event = {.after = entity, .at_us = telling->frame.notified_us};

	arena_clear(telling->scratch);
	telling->code = notification_entity(telling->out, telling->scratch, &telling->frame, &event, telling->err);
	telling->entities++;
	return telling->code == ERR_OK;
}

static enum err_code write_body(struct broker_reader *reader, struct str tenant, const struct subscribed *one,
				struct interval_write *write, size_t *ret_entities, struct error *err)
{
	const struct broker_page page = {.limit = UINT32_MAX};
	const struct linked_source linked = broker_linked_source(reader);
	char id[BROKER_NOTIFICATION_ID_BYTES];
	struct broker_page_result result;
	struct arena scratch;

	struct telling telling = {.out = &write->body, .scratch = &scratch, .err = err};
	enum err_code code = subscriptions_frame(one->timed, TRIGGER_NONE, write->now_us, id, &telling.frame, err);

	if (code != ERR_OK)
		return code;
	struct notification_met *met = notification_met_new();

	if (!met)
		return err_set(err, ERR_MEMORY, "no memory for a notification");
	arena_init(&scratch, BODY_BYTES_MAX);
	telling.frame.linked = &linked;
	telling.frame.met = met;
	notification_begin(&write->body, &telling.frame);
	code = broker_query(reader, tenant, subscription_query(one->timed->subscription), &page, tell, &telling,
			    &result, err);

	code = code ? code : telling.code;
	notification_end(&write->body, &telling.frame);
	arena_done(&scratch);
	(void)notification_met_free(met);
	*ret_entities = telling.entities;
	return code ? code : buf_check(&write->body, "a notification", err);
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct interval_write *write = (struct interval_write *)store_write;

	return subscriptions_owe(write->all, txn, write->one, STR_NONE, write->now_us, buf_str(&write->body), err);
}

static void write_free(struct interval_write *write)
{
	(void)subscribed_unref(write->one);
	buf_done(&write->body);
	free(write);
}

/* What could not be stored is told the next time: it says what is then. */
static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	(void)code;
	(void)err;
	write_free((struct interval_write *)store_write);
}

static enum err_code owe(struct broker_reader *reader, struct str tenant, struct store *store,
			 struct subscriptions *all, struct subscribed *one, struct error *err)
{
	struct interval_write *write = calloc(1, sizeof(*write));
	size_t entities = 0;

	if (!write)
		return err_set(err, ERR_MEMORY, "no memory for a notification");
	*write = (struct interval_write){.store_write = {.run = run, .done = done},
					 .all = all,
					 .one = subscribed_ref(one),
					 .now_us = broker_now_us(reader_broker(reader))};
	buf_init(&write->body, BODY_BYTES_MAX);
	enum err_code code = write_body(reader, tenant, one, write, &entities, err);

	if (code == ERR_OK && entities > 0)
		code = store_submit(store, &write->store_write, err);
	if (code != ERR_OK || entities == 0)
		write_free(write);
	return code;
}

/* ---- when ---- */

/* What is left of the interval that began with the last notification, by the clock; never more than a whole one,
 * wherever the clock stands. */
static int64_t first_wait_us(struct subscriptions *all, const struct subscribed *one, int64_t now_us)
{
	int64_t interval_us = one->interval_us;

	(void)pthread_mutex_lock(&all->lock);
	int64_t last_us = one->last_notification_us;

	(void)pthread_mutex_unlock(&all->lock);
	if (last_us == INT64_MIN || last_us > now_us)
		return interval_us;
	return now_us - last_us >= interval_us ? 0 : interval_us - (now_us - last_us);
}

/* Has the time come? One that is untold has nothing to wait for, but then for its interval. */
static bool is_due(struct subscriptions *all, struct subscribed *one, int64_t steady_us, int64_t now_us)
{
	int64_t interval_us = one->interval_us;

	(void)pthread_mutex_lock(&all->lock);
	bool untold = one->untold_us != 0;

	(void)pthread_mutex_unlock(&all->lock);
	if (untold || !interval_us) {
		one->next_us = interval_us ? steady_us + interval_us : INT64_MAX;
		return untold;
	}
	if (!one->next_us)
		one->next_us = steady_us + first_wait_us(all, one, now_us);
	if (steady_us < one->next_us)
		return false;
	/* Those that were missed are not made up for. */
	one->next_us += (1 + (steady_us - one->next_us) / interval_us) * interval_us;
	return true;
}

static enum err_code look_at(struct broker_reader *reader, struct str tenant, struct store *store,
			     struct subscriptions *all, struct subscribed *one, int64_t steady_us, struct error *err)
{
	int64_t now_us = broker_now_us(reader_broker(reader));
	enum err_code code = ERR_OK;

	if (!one->timed) /* its conditions for this thread */
		code = subscribed_compile(one, broker_core_context(all->broker), broker_reader_parser(reader),
					  &one->timed, err);
	if (code != ERR_OK || !is_due(all, one, steady_us, now_us) ||
	    subscribed_status(one, now_us) != SUBSCRIPTION_ACTIVE)
		return code;
	if (one->kind == SUBSCRIPTION_TO_REGISTRATIONS)
		return registration_list_owe(reader, tenant, store, one, err);
	return owe(reader, tenant, store, all, one, err);
}

struct looking {
	struct broker_reader *reader;
	int64_t steady_us, next_us;
	enum err_code code;
	struct error *err;
};

static void look(void *self, struct str tenant, struct store *store)
{
	struct looking *looking = self;
	struct subscriptions *all = store_owner(store);
	struct subscribed **list = NULL;
	size_t count = 0;

	(void)pthread_mutex_lock(&all->lock);
	if (all->timed_count)
		list = malloc(all->timed_count * sizeof(struct subscribed *));
	for (; list && count < all->timed_count; count++)
		list[count] = subscribed_ref(all->timed[count]);
	(void)pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; i < count; i++) {
		enum err_code code =
			look_at(looking->reader, tenant, store, all, list[i], looking->steady_us, looking->err);

		if (code == ERR_OK && list[i]->next_us < looking->next_us)
			looking->next_us = list[i]->next_us;
		looking->code = looking->code ? looking->code : code;
		(void)subscribed_unref(list[i]);
	}
	free(list);
}

enum err_code broker_subscriptions_due(struct broker_reader *reader, int64_t steady_us, int64_t *ret_next_us,
				       struct error *err)
{
	struct looking looking = {.reader = reader, .steady_us = steady_us, .next_us = INT64_MAX, .err = err};

	broker_each_place(reader_broker(reader), look, &looking);
	*ret_next_us = looking.next_us;
	return looking.code;
}
