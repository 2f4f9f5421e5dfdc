/* All registrations that match a subscription: told when it is created or updated (5.11.2.4, 5.11.3.4), and at its
 * intervals (5.11.7).
 *
 * Who delivers looks through the records, aside from the writer, and notes the ids of what matches. Then a write takes
 * some of them, looks at each as it is by then, and owes them in one notification; when it is durable, the next one
 * goes. So a creation is answered at once, and no other write waits long, however many there are.
 *
 * Nothing is missed. A subscription hears of every change that runs once it is known; whatever ran before is in the
 * records when the walk begins. What changes while the list is under way was told by itself, and is left out. What says
 * that a subscription is untold stands in its record until the last write, which takes it out: a crash before that has
 * the list begin anew. */
#include "broker/read_int.h"
#include "broker/registration_events_int.h"

#include <stdlib.h>

#define TOLD_AT_ONCE 256u /* in one notification, and one write */
#define IDS_BYTES_MAX ((size_t)256 << 20)

struct list {
	struct store_write store_write; /* first */
	struct subscriptions *all;
	struct registrations *registrations;
	struct store *store;
	struct subscribed *one; /* held */
	int64_t untold_us; /* what was told as a whole at the end; 0: its time has come, no more */
	struct arena arena; /* of the ids */
	struct str *ids; /* owned */
	size_t count, room;
	size_t at, next; /* told so far, and with the write under way */
};

/* ---- the walk ---- */

struct walk {
	struct list *list;
	struct registration_question question;
	enum err_code code;
	struct error *err;
};

static bool add_id(struct list *list, struct str id)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct str *grown = realloc(list->ids, room * sizeof(*grown));

		if (!grown)
			return false;
		list->ids = grown;
		list->room = room;
	}
	list->ids[list->count] = arena_dup(&list->arena, id);
	return list->ids[list->count++].at != NULL;
}

/* One that is not in memory yet is looked at when it is told. */
static bool look_at(void *self, struct str id, struct str doc)
{
	struct walk *walk = self;
	struct registrations *registrations = walk->list->registrations;

	(void)doc;
	(void)pthread_mutex_lock(&registrations->lock);
	const struct registered *one = map_get(&registrations->by_id, id);
	bool wanted = !one || registration_matches(one->registration, &walk->question);

	(void)pthread_mutex_unlock(&registrations->lock);
	if (wanted && !add_id(walk->list, id))
		walk->code = err_set(walk->err, ERR_MEMORY, "no memory to list registrations");
	return walk->code == ERR_OK;
}

static enum err_code find_all(struct broker_reader *reader, struct str tenant, struct list *list, struct error *err)
{
	struct walk walk = {.list = list, .err = err};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	subscription_question(list->one->timed->subscription, &walk.question);
	walk.question.now_us = broker_now_us(reader_broker(reader));
	if (code == ERR_OK)
		code = store_record_each(store, STR(REGISTRATION_RECORD_KIND), STR_NONE, look_at, &walk, err);
	return code ? code : walk.code;
}

/* ---- telling: the writer's thread ---- */

/* What the transaction has made of it comes first. With the lock held. */
static const struct registered *newest(const struct registrations *registrations, struct str id)
{
	for (const struct registered *one = registrations->written; one; one = one->next)
		if (str_eq(registered_id(one), id))
			return one;
	return map_get(&registrations->by_id, id);
}

static enum err_code put_one(struct list *list, struct store_txn *txn, const struct notification_frame *frame,
			     struct registration_question *question, struct str id, size_t *told, struct error *err)
{
	struct registrations *registrations = list->registrations;
	struct registration_record record;
	enum err_code code = registration_record_get(txn, id, &record, err);

	if (code != ERR_OK)
		return code == ERR_NOT_FOUND ? ERR_OK : code;
	(void)pthread_mutex_lock(&registrations->lock);
	const struct registered *one = newest(registrations, id);
	bool told_already = one && !list->one->interval_us && one->change > list->one->since;

	if (one && !told_already && registration_matches(one->registration, question)) {
		code = registration_put(list->all, frame, one->registration, &record, question, err);
		++*told;
	}
	(void)pthread_mutex_unlock(&registrations->lock);
	return code;
}

static enum err_code put_some(struct list *list, struct store_txn *txn, const struct notification_frame *frame,
			      struct registration_question *question, size_t *told, struct error *err)
{
	struct buf *body = &list->all->body;
	enum err_code code = ERR_OK;

	buf_clear(body);
	notification_begin(body, frame);
	for (list->next = list->at; code == ERR_OK && list->next < list->count && list->next - list->at < TOLD_AT_ONCE;
	     list->next++)
		code = put_one(list, txn, frame, question, list->ids[list->next], told, err);
	notification_end(body, frame);
	return code ? code : buf_check(body, "a notification", err);
}

static enum err_code owe_some(struct list *list, struct store_txn *txn, int64_t now_us, struct error *err)
{
	char id[BROKER_NOTIFICATION_ID_BYTES];
	struct registration_question question;
	struct notification_frame frame;
	const struct compiled *compiled;
	size_t told = 0;
	enum err_code code = subscriptions_use(list->all, list->one, now_us, store_txn_parser(txn), &compiled, err);

	if (code == ERR_OK)
		code = subscriptions_frame(compiled, TRIGGER_NEWLY_MATCHING, now_us, id, &frame, err);
	if (code != ERR_OK)
		return code;
	subscription_question(compiled->subscription, &question);
	question.now_us = now_us;
	code = put_some(list, txn, &frame, &question, &told, err);
	if (code != ERR_OK || told == 0)
		return code;
	return subscriptions_owe(list->all, txn, list->one, STR_NONE, now_us, buf_str(&list->all->body), err);
}

/* The record is another's by now if it was updated since, in this transaction perhaps. */
static enum err_code note_told(const struct list *list, struct store_txn *txn, struct error *err)
{
	struct subscription_record record;
	struct str id = subscribed_id(list->one);
	enum err_code code = subscription_record_get(txn, list->one->kind, id, &record, err);

	if (code == ERR_NOT_FOUND || (code == ERR_OK && record.untold_us != list->untold_us))
		return ERR_OK;
	record.untold_us = 0;
	return code ? code : subscription_record_put(txn, list->one->kind, id, &record, err);
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct list *list = (struct list *)store_write;
	int64_t now_us = broker_now_us(list->all->broker);
	enum err_code code = ERR_OK;

	list->next = list->count;
	if (atomic_load(&list->one->removed) || subscribed_status(list->one, now_us) != SUBSCRIPTION_ACTIVE)
		return ERR_OK; /* the end of it */
	if (list->count > 0)
		code = owe_some(list, txn, now_us, err);
	if (code == ERR_OK && list->next == list->count && list->untold_us)
		code = note_told(list, txn, err);
	return code;
}

static void list_end(struct list *list)
{
	(void)pthread_mutex_lock(&list->all->lock);
	list->one->listing = false;
	(void)pthread_mutex_unlock(&list->all->lock);
	(void)subscribed_unref(list->one);
	arena_done(&list->arena);
	free(list->ids);
	free(list);
}

/* What failed begins anew at the next look, or the next time. */
static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct list *list = (struct list *)store_write;
	struct error ignored;

	(void)err;
	list->at = list->next;
	if (code == ERR_OK && list->at < list->count && store_submit(list->store, store_write, &ignored) == ERR_OK)
		return;
	if (code == ERR_OK && list->at == list->count && list->untold_us)
		subscriptions_told(list->all, list->one, list->untold_us);
	list_end(list);
}

/* ---- all of it ---- */

/* False: it is under way. */
static bool begin(struct list *list)
{
	(void)pthread_mutex_lock(&list->all->lock);
	bool first = !list->one->listing;

	list->one->listing = true;
	list->untold_us = list->one->untold_us;
	(void)pthread_mutex_unlock(&list->all->lock);
	return first;
}

enum err_code registration_list_owe(struct broker_reader *reader, struct str tenant, struct store *store,
				    struct subscribed *one, struct error *err)
{
	struct list *list = calloc(1, sizeof(*list));

	if (!list)
		return err_set(err, ERR_MEMORY, "no memory to list registrations");
	*list = (struct list){.store_write = {.run = run, .done = done},
			      .all = store_owner(store),
			      .registrations = registrations_of(reader_broker(reader), tenant),
			      .store = store,
			      .one = one};
	if (!begin(list)) {
		free(list);
		return ERR_OK;
	}
	(void)subscribed_ref(one);
	arena_init(&list->arena, IDS_BYTES_MAX);
	enum err_code code = find_all(reader, tenant, list, err);

	bool begins = code == ERR_OK && (list->count > 0 || list->untold_us);

	if (begins)
		code = store_submit(store, &list->store_write, err);
	if (!begins || code != ERR_OK)
		list_end(list);
	return code;
}
