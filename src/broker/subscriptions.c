/* The subscriptions of a tenant in memory: who they are, what has become of their notifications, and who is owed. */
#include "broker/subscriptions_int.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_ARENA_BYTES_MAX ((size_t)64 << 20) /* one record, parsed */
#define BODY_BYTES_MAX ((size_t)64 << 20) /* of a notification */
#define SCRATCH_BYTES_MAX ((size_t)256 << 20) /* of one notification's entity */

struct subscriptions *subscriptions_new(struct broker *broker)
{
	struct subscriptions *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->broker = broker;
	(void)pthread_mutex_init(&all->lock, NULL);
	map_init(&all->by_name, (uint64_t)(uintptr_t)all);
	map_init(&all->by_number, (uint64_t)(uintptr_t)all);
	subscription_index_init(&all->index, (uint64_t)(uintptr_t)all);
	streams_init(&all->streams, (uint64_t)(uintptr_t)all);
	buf_init(&all->body, BODY_BYTES_MAX);
	arena_init(&all->scratch, SCRATCH_BYTES_MAX);
	return all;
}

struct subscriptions *subscriptions_free(struct subscriptions *all)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (!all)
		return NULL;
	for (size_t i = 0; i < all->owing_count; i++)
		(void)subscribed_unref(all->owing[i]);
	free(all->owing);
	free(all->timed);
	free(all->unusable);
	streams_done(all);
	subscription_index_done(&all->index);
	while (map_each(&all->by_name, &at, &key, &value))
		(void)subscribed_unref(value);
	map_done(&all->by_name);
	map_done(&all->by_number);
	buf_done(&all->body);
	arena_done(&all->scratch);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

/* ---- coming and going (the writer's thread, or before there is one) ---- */

/* With the lock held. */
static bool add_timed(struct subscriptions *all, struct subscribed *one)
{
	if (!subscription_interval_us(one->compiled))
		return true;
	if (all->timed_count == all->timed_room) {
		size_t room = all->timed_room ? all->timed_room * 2 : 8;
		struct subscribed **grown = realloc(all->timed, room * sizeof(struct subscribed *));

		if (!grown)
			return false;
		all->timed = grown;
		all->timed_room = room;
	}
	all->timed[all->timed_count++] = one;
	return true;
}

static void remove_timed(struct subscriptions *all, const struct subscribed *one)
{
	for (size_t i = 0; i < all->timed_count; i++)
		if (all->timed[i] == one)
			all->timed[i--] = all->timed[--all->timed_count];
}

bool subscriptions_add(struct subscriptions *all, struct subscribed *one)
{
	struct str id = str_from(one->id);

	if (!subscription_index_add(&all->index, one))
		return false;
	(void)pthread_mutex_lock(&all->lock);
	bool good = map_set(&all->by_number, subscribed_key(one), one);

	if (good && !map_set(&all->by_name, id, one)) {
		(void)map_remove(&all->by_number, subscribed_key(one));
		good = false;
	}
	if (good && !add_timed(all, one)) {
		(void)map_remove(&all->by_number, subscribed_key(one));
		(void)map_remove(&all->by_name, id);
		good = false;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (!good)
		subscription_index_remove(&all->index, one);
	return good;
}

struct subscribed *subscriptions_find(struct subscriptions *all, struct str id)
{
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *one = map_get(&all->by_name, id);

	if (one)
		(void)subscribed_ref(one);
	(void)pthread_mutex_unlock(&all->lock);
	return one;
}

void subscriptions_remove(struct subscriptions *all, struct subscribed *one)
{
	subscription_index_remove(&all->index, one);
	(void)pthread_mutex_lock(&all->lock);
	atomic_store(&one->removed, true);
	remove_timed(all, one);
	if (map_get(&all->by_number, subscribed_key(one)) == one)
		(void)map_remove(&all->by_number, subscribed_key(one));
	if (map_get(&all->by_name, str_from(one->id)) == one)
		(void)map_remove(&all->by_name, str_from(one->id));
	(void)pthread_mutex_unlock(&all->lock);
	(void)subscribed_unref(one); /* the map's */
}

/* ---- loading ---- */

struct load {
	struct subscriptions *all;
	struct json_parser *parser;
	struct arena arena;
	struct error *err;
	enum err_code code;
};

/* What its notifications are written by must be had without asking the network for long: what was fetched once is in
 * the broker's cache. */
static enum err_code find_contexts(struct load *load, const struct subscription_record *record,
				   struct subscribed_contexts *ret, struct error *err)
{
	struct broker *broker = load->all->broker;
	const struct json *shown = json_get(record->document, STR("jsonldContext"));
	struct context *own = NULL, *other = NULL;
	enum err_code code = broker_context(broker, record->context_value, NULL, NULL, &own, err);

	if (code == ERR_OK && shown) {
		code = broker_context(broker, shown, NULL, NULL, &other, err);
		if (code != ERR_OK)
			(void)context_unref(own);
	}
	if (code == ERR_OK)
		*ret = (struct subscribed_contexts){own, record->context_value, other, broker_core_context(broker)};
	return code;
}

static enum err_code load_one(struct load *load, const struct subscription_record *record)
{
	struct subscribed_contexts contexts;
	struct subscribed *one = NULL;
	enum err_code code = find_contexts(load, record, &contexts, load->err);

	if (code != ERR_OK)
		return code;
	code = subscribed_new(record->document, &contexts, load->parser, &one, load->err);
	(void)context_unref(contexts.own);
	(void)context_unref(contexts.shown);
	if (code != ERR_OK)
		return code;
	one->number = record->number;
	one->created_us = record->created_us;
	one->modified_us = record->modified_us;
	if (load->all->last_number < one->number)
		load->all->last_number = one->number;
	if (subscriptions_add(load->all, one))
		return ERR_OK;
	(void)subscribed_unref(one);
	return err_set(load->err, ERR_MEMORY, "no memory for subscriptions");
}

static void complain(struct load *load, struct str id)
{
	const struct broker_options *options = &load->all->broker->options;

	(void)err_while(load->err, "loading the subscription %.*s, which is not matched",
			STR_FMT(str_part(id, 0, 100)));
	if (options->complain)
		options->complain(options->complain_self, STR_NONE, load->err);
}

/* What it is owed stays. */
static void remember_unusable(struct subscriptions *all, int64_t number)
{
	int64_t *grown = realloc(all->unusable, (all->unusable_count + 1) * sizeof(*grown));

	if (!grown)
		return;
	all->unusable = grown;
	all->unusable[all->unusable_count++] = number;
	all->last_number = all->last_number > number ? all->last_number : number;
}

static bool load_record(void *self, struct str id, struct str doc)
{
	struct load *load = self;
	struct json_parse_options options = {.duplicates_allowed = true};
	struct subscription_record record = {.number = 0};
	struct json *json = NULL;

	arena_clear(&load->arena);
	load->code = json_parse(load->parser, &load->arena, doc, &options, &json, load->err);
	if (load->code == ERR_OK)
		load->code = subscription_record_read(json, &record, load->err);
	if (load->code == ERR_OK)
		load->code = load_one(load, &record);
	if (load->code != ERR_OK && load->code != ERR_MEMORY) {
		complain(load, id);
		if (record.number)
			remember_unusable(load->all, record.number);
		load->code = ERR_OK;
	}
	return load->code == ERR_OK;
}

static void read_time(const struct json *record, struct str name, int64_t *ret)
{
	(void)json_int64(json_get(record, name), ret);
}

static bool load_figures(void *self, struct str id, struct str doc)
{
	struct load *load = self;
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	int64_t sent = 0, failed = 0;
	struct subscribed *one = map_get(&load->all->by_name, id);

	arena_clear(&load->arena);
	if (!one || json_parse(load->parser, &load->arena, doc, &options, &json, load->err) != ERR_OK)
		return true; /* figures only */
	read_time(json, STR("timesSent"), &sent);
	read_time(json, STR("timesFailed"), &failed);
	read_time(json, STR("lastNotification"), &one->last_notification_us);
	read_time(json, STR("lastSuccess"), &one->last_success_us);
	read_time(json, STR("lastFailure"), &one->last_failure_us);
	one->times_sent = (uint64_t)sent;
	one->times_failed = (uint64_t)failed;
	one->sent = sent > 0;
	one->failed_last = one->last_failure_us > one->last_success_us;
	if (subscription_throttling_us(one->compiled) && one->sent)
		one->free_us = one->last_notification_us + subscription_throttling_us(one->compiled);
	return true;
}

enum err_code subscriptions_load(struct subscriptions *all, struct store *store, struct error *err)
{
	struct load load = {.all = all, .err = err, .parser = json_parser_new()};
	struct store_reader *reader = NULL;
	enum err_code code = load.parser ? store_reader_new(store, &reader, err)
					 : err_set(err, ERR_MEMORY, "no memory for subscriptions");

	arena_init(&load.arena, LOAD_ARENA_BYTES_MAX);
	if (code == ERR_OK)
		code = store_record_each(reader, STR(SUBSCRIPTION_RECORD_KIND), STR_NONE, load_record, &load, err);
	code = code ? code : load.code;
	if (code == ERR_OK)
		code = store_record_each(reader, STR(SUBSCRIPTION_FIGURES_KIND), STR_NONE, load_figures, &load, err);
	(void)store_reader_free(reader);
	arena_done(&load.arena);
	(void)json_parser_free(load.parser);
	return code;
}

/* ---- who is owed ---- */

static void put_owing(struct subscriptions *all, struct subscribed *one)
{
	if (atomic_exchange(&one->owing, true))
		return;
	(void)pthread_mutex_lock(&all->lock);
	if (all->owing_count == all->owing_room) {
		size_t room = all->owing_room ? all->owing_room * 2 : 64;
		struct subscribed **grown = realloc(all->owing, room * sizeof(struct subscribed *));

		if (grown) {
			all->owing = grown;
			all->owing_room = room;
		}
	}
	if (all->owing_count < all->owing_room)
		all->owing[all->owing_count++] = subscribed_ref(one);
	else
		atomic_store(&one->owing, false); /* the next time; who delivers looks at the outbox by itself too */
	(void)pthread_mutex_unlock(&all->lock);
}

void subscriptions_owe(struct subscriptions *all, struct subscribed *one)
{
	all->owes = true;
	put_owing(all, one);
}

static void tell(struct broker *broker)
{
	/* Who delivers may be going just now. */
	(void)pthread_mutex_lock(&broker->owed_lock);
	if (broker->owed)
		broker->owed(broker->owed_self);
	(void)pthread_mutex_unlock(&broker->owed_lock);
}

static void begins(void *self)
{
	streams_begin(&((struct subscriptions *)self)->streams);
}

static void runs(void *self)
{
	streams_mark(&((struct subscriptions *)self)->streams);
}

static void undone(void *self)
{
	streams_undo(&((struct subscriptions *)self)->streams);
}

static void committed(void *self)
{
	struct subscriptions *all = self;

	streams_publish(all);
	if (!all->owes)
		return;
	all->owes = false;
	tell(all->broker);
}

static struct subscribed *find_number(struct subscriptions *all, int64_t number)
{
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *one = map_get(&all->by_number, (struct str){(const char *)&number, sizeof(number)});

	if (one)
		(void)subscribed_ref(one);
	(void)pthread_mutex_unlock(&all->lock);
	return one;
}

void broker_owed_again(struct broker *broker, struct str tenant, int64_t subscription)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);
	struct subscribed *one = all ? find_number(all, subscription) : NULL;

	if (!one)
		return;
	atomic_store(&one->again, true); /* before it is in the list, from which it may be taken at once */
	put_owing(all, one);
	(void)subscribed_unref(one);
	tell(broker);
}

const struct store_owner_calls subscriptions_calls = {
	.begins = begins, .runs = runs, .undone = undone, .committed = committed};

void broker_on_owed(struct broker *broker, void (*owed)(void *self), void *self)
{
	(void)pthread_mutex_lock(&broker->owed_lock);
	broker->owed_self = self;
	broker->owed = owed;
	(void)pthread_mutex_unlock(&broker->owed_lock);
}

size_t broker_take_owed(struct broker *broker, struct str tenant, struct broker_owing *ret, size_t room)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);
	size_t count = 0;

	if (!all)
		return 0;
	(void)pthread_mutex_lock(&all->lock);
	while (count < room && all->owing_count > 0) {
		struct subscribed *one = all->owing[--all->owing_count];

		atomic_store(&one->owing, false);
		ret[count++] = (struct broker_owing){one->number, atomic_exchange(&one->again, false)};
		(void)subscribed_unref(one);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return count;
}

/* ---- receivers ---- */

struct broker_target {
	struct subscribed *one; /* held */
	struct subscriptions *all;
};

struct broker_target *broker_target_get(struct broker *broker, struct str tenant, int64_t subscription)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);
	struct broker_target *target = all ? calloc(1, sizeof(*target)) : NULL;

	if (!target)
		return NULL;
	target->all = all;
	target->one = find_number(all, subscription);
	if (target->one)
		return target;
	free(target);
	return NULL;
}

bool broker_subscription_is_unusable(struct broker *broker, struct str tenant, int64_t subscription)
{
	const struct subscriptions *all = subscriptions_of(broker, tenant);

	/* Nothing changes here after loading. */
	for (size_t i = 0; all && i < all->unusable_count; i++)
		if (all->unusable[i] == subscription)
			return true;
	return false;
}

void broker_target_release(struct broker_target *target)
{
	if (target)
		(void)subscribed_unref(target->one);
	free(target);
}

const struct subscription_endpoint *broker_target_endpoint(const struct broker_target *target)
{
	return subscription_endpoint(target->one->compiled);
}

struct str broker_target_id(const struct broker_target *target)
{
	return str_from(target->one->id);
}

struct str broker_target_context_url(const struct broker_target *target)
{
	return subscription_endpoint(target->one->compiled)->context_linked ? target->one->shown_url : STR_NONE;
}

bool broker_target_is_stale(const struct broker_target *target)
{
	return atomic_load(&target->one->removed);
}

int64_t broker_target_throttling_us(const struct broker_target *target)
{
	return subscription_throttling_us(target->one->compiled);
}

enum subscription_status broker_target_status(const struct broker_target *target, int64_t now_us)
{
	return subscription_status_at(target->one->compiled, now_us);
}

void broker_target_sent(struct broker_target *target, bool good, int64_t at_us)
{
	struct subscribed *one = target->one;

	(void)pthread_mutex_lock(&target->all->lock);
	one->fresh = one->sent = true;
	one->times_sent++;
	one->times_failed += !good;
	one->failed_last = !good;
	one->last_notification_us = at_us;
	if (good)
		one->last_success_us = at_us;
	else
		one->last_failure_us = at_us;
	(void)pthread_mutex_unlock(&target->all->lock);
}

void broker_dead_counted(struct broker *broker, struct str tenant, uint64_t dead)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	if (all)
		atomic_store(&all->dead, dead);
}

void broker_subscription_stats(struct broker *broker, struct str tenant, struct broker_subscription_stats *ret)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	*ret = (struct broker_subscription_stats){0};
	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	ret->subscriptions = all->by_name.count;
	ret->unusable = all->unusable_count;
	(void)pthread_mutex_unlock(&all->lock);
	ret->dead = atomic_load(&all->dead);
}

/* ---- figures ---- */

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
			code = store_txn_record_put(txn, STR(SUBSCRIPTION_FIGURES_KIND), str_from(one->id),
						    buf_str(&text), err);
	}
	buf_done(&text);
	return code;
}

/* Those whose figures are to be written, no longer fresh. */
static enum err_code take_fresh(struct subscriptions *all, struct figures_write *write, struct error *err)
{
	struct str key;
	void *value;
	size_t at = 0, room = 0;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&all->lock);
	while (map_each(&all->by_name, &at, &key, &value))
		room += ((struct subscribed *)value)->fresh;
	write->list = room ? malloc(room * sizeof(struct subscribed *)) : NULL;
	if (room && !write->list)
		code = err_set(err, ERR_MEMORY, "no memory to write the figures of subscriptions");
	for (at = 0; write->list && map_each(&all->by_name, &at, &key, &value);) {
		struct subscribed *one = value;

		if (!one->fresh)
			continue;
		one->fresh = false;
		write->list[write->count++] = subscribed_ref(one);
	}
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

	broker_each_tenant(broker, flush_tenant, &flush);
	return flush.code;
}
