/* The subscriptions of a tenant in memory: who they are, and which of them are compiled. */
#include "broker/subscriptions_int.h"

#include "base/time_value.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_ARENA_BYTES_MAX ((size_t)64 << 20) /* one record, parsed */
#define BODY_BYTES_MAX ((size_t)64 << 20) /* of a notification */
#define IDLE_US (60 * US_PER_S) /* not looked at for so long: it is compiled again when it is */
#define COOL_AT_ONCE 100u
#define SCRATCH_BYTES_MAX ((size_t)256 << 20) /* of one notification's entity */

struct subscriptions *subscriptions_new(struct broker *broker)
{
	struct subscriptions *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->broker = broker;
	(void)pthread_mutex_init(&all->lock, NULL);
	for (size_t kind = 0; kind < SUBSCRIPTION_KIND_COUNT; kind++)
		map_init(&all->by_name[kind], (uint64_t)(uintptr_t)all);
	map_init(&all->by_number, (uint64_t)(uintptr_t)all);
	key_index_init(&all->index, (uint64_t)(uintptr_t)all);
	streams_init(&all->streams, (uint64_t)(uintptr_t)all);
	buf_init(&all->body, BODY_BYTES_MAX);
	arena_init(&all->scratch, SCRATCH_BYTES_MAX);
	return all;
}

static void names_done(struct map *by_name)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_each(by_name, &at, &key, &value))
		(void)subscribed_unref(value);
	map_done(by_name);
}

struct subscriptions *subscriptions_free(struct subscriptions *all)
{
	if (!all)
		return NULL;
	free(all->again);
	free(all->timed);
	for (size_t i = 0; i < all->warm_count; i++)
		(void)subscribed_unref(all->warm[i]);
	free(all->warm);
	free(all->unusable);
	streams_done(all);
	key_index_done(&all->index);
	for (size_t kind = 0; kind < SUBSCRIPTION_KIND_COUNT; kind++)
		names_done(&all->by_name[kind]);
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
	if (!one->interval_us && !one->untold_us)
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
	bool indexed = one->kind == SUBSCRIPTION_TO_ENTITIES;
	struct map *by_name = &all->by_name[one->kind];
	struct str id = subscribed_id(one);

	if (indexed && !subscription_index_add(&all->index, one))
		return false;
	(void)pthread_mutex_lock(&all->lock);
	bool good = map_set(&all->by_number, subscribed_key(one), one);

	if (good && !map_set(by_name, id, one)) {
		(void)map_remove(&all->by_number, subscribed_key(one));
		good = false;
	}
	if (good && !add_timed(all, one)) {
		(void)map_remove(&all->by_number, subscribed_key(one));
		(void)map_remove(by_name, id);
		good = false;
	}
	if (good && indexed) {
		(void)compiled_unref(one->compiled); /* until it is used; each of the others is, by every change */
		one->compiled = NULL;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (!good)
		subscription_index_remove(one);
	return good;
}

struct subscribed *subscriptions_find(struct subscriptions *all, enum subscription_kind kind, struct str id)
{
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *one = map_get(&all->by_name[kind], id);

	if (one)
		(void)subscribed_ref(one);
	(void)pthread_mutex_unlock(&all->lock);
	return one;
}

struct subscribed *subscriptions_find_number(struct subscriptions *all, int64_t number)
{
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *one = map_get(&all->by_number, (struct str){(const char *)&number, sizeof(number)});

	if (one)
		(void)subscribed_ref(one);
	(void)pthread_mutex_unlock(&all->lock);
	return one;
}

void subscriptions_remove(struct subscriptions *all, struct subscribed *one)
{
	subscription_index_remove(one);
	(void)pthread_mutex_lock(&all->lock);
	atomic_store(&one->removed, true);
	remove_timed(all, one);
	if (map_get(&all->by_number, subscribed_key(one)) == one)
		(void)map_remove(&all->by_number, subscribed_key(one));
	if (map_get(&all->by_name[one->kind], subscribed_id(one)) == one)
		(void)map_remove(&all->by_name[one->kind], subscribed_id(one));
	(void)pthread_mutex_unlock(&all->lock);
	(void)subscribed_unref(one); /* the map's */
}

/* ---- to registrations: told of all that match ---- */

void subscriptions_told(struct subscriptions *all, struct subscribed *one, int64_t untold_us)
{
	(void)pthread_mutex_lock(&all->lock);
	if (one->untold_us == untold_us)
		one->untold_us = 0;
	if (!one->untold_us && !one->interval_us)
		remove_timed(all, one);
	(void)pthread_mutex_unlock(&all->lock);
}

bool subscriptions_set_receiver(struct subscriptions *all, struct subscribed *before, struct subscribed *one)
{
	bool good = true;

	(void)pthread_mutex_lock(&all->lock);
	if (before) {
		atomic_store(&before->removed, true);
		if (map_get(&all->by_number, subscribed_key(before)) == before)
			(void)map_remove(&all->by_number, subscribed_key(before));
	}
	if (one) {
		atomic_store(&one->removed, false);
		all->last_number = all->last_number > one->number ? all->last_number : one->number;
		good = map_set(&all->by_number, subscribed_key(one), one);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return good;
}

/* ---- compiled while they are used ---- */

static bool make_warm(struct subscriptions *all, struct subscribed *one)
{
	if (all->warm_count == all->warm_room) {
		size_t room = all->warm_room ? all->warm_room * 2 : 64;
		struct subscribed **grown = realloc(all->warm, room * sizeof(struct subscribed *));

		if (!grown)
			return false;
		all->warm = grown;
		all->warm_room = room;
	}
	all->warm[all->warm_count++] = subscribed_ref(one);
	atomic_store(&all->in_use, all->warm_count);
	one->warm = true;
	return true;
}

static void set_compiled(struct subscriptions *all, struct subscribed *one, struct compiled *compiled)
{
	(void)pthread_mutex_lock(&all->lock);
	struct compiled *was = one->compiled;

	one->compiled = compiled;
	(void)pthread_mutex_unlock(&all->lock);
	(void)compiled_unref(was);
}

enum err_code subscriptions_use(struct subscriptions *all, struct subscribed *one, int64_t now_us,
				struct json_parser *parser, const struct compiled **ret, struct error *err)
{
	struct compiled *compiled = one->compiled;
	enum err_code code = ERR_OK;

	if (!compiled)
		code = subscribed_compile(one, broker_core_context(all->broker), parser, &compiled, err);
	if (code == ERR_OK && !one->compiled && !one->warm && !make_warm(all, one)) {
		(void)compiled_unref(compiled);
		code = err_set(err, ERR_MEMORY, "no memory for subscriptions");
	}
	if (code != ERR_OK)
		return code;
	if (!one->compiled)
		set_compiled(all, one, compiled);
	one->used_us = now_us;
	*ret = compiled;
	return ERR_OK;
}

void subscriptions_cool(struct subscriptions *all)
{
	if (all->warm_count == 0)
		return;
	int64_t now_us = broker_now_us(all->broker);

	for (unsigned i = 0; i < COOL_AT_ONCE && all->warm_count > 0; i++) {
		if (all->warm_at >= all->warm_count)
			all->warm_at = 0;
		struct subscribed *one = all->warm[all->warm_at];
		int64_t idle_us = now_us - one->used_us; /* less than 0: the clock was set */

		if (!atomic_load(&one->removed) && idle_us >= 0 && idle_us < IDLE_US) {
			all->warm_at++;
			continue;
		}
		all->warm[all->warm_at] = all->warm[--all->warm_count];
		atomic_store(&all->in_use, all->warm_count);
		one->warm = false;
		set_compiled(all, one, NULL);
		(void)subscribed_unref(one);
	}
}

/* ---- loading ---- */

struct load {
	struct subscriptions *all;
	enum subscription_kind kind;
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
	code = subscribed_new(record->document, load->kind, &contexts, load->parser, &one, load->err);
	(void)context_unref(contexts.own);
	(void)context_unref(contexts.shown);
	if (code != ERR_OK)
		return code;
	one->number = record->number;
	one->untold_us = record->untold_us;
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
	struct subscribed *one = map_get(&load->all->by_name[load->kind], id);

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
	if (one->throttling_us && one->sent)
		one->free_us = one->last_notification_us + one->throttling_us;
	return true;
}

static enum err_code load_kind(struct load *load, struct store_reader *reader)
{
	enum err_code code = store_record_each(reader, subscription_record_kinds[load->kind], STR_NONE, load_record,
					       load, load->err);

	code = code ? code : load->code;
	if (code == ERR_OK)
		code = store_record_each(reader, subscription_figures_kinds[load->kind], STR_NONE, load_figures, load,
					 load->err);
	return code;
}

enum err_code subscriptions_load(struct subscriptions *all, struct store *store, struct error *err)
{
	struct load load = {.all = all, .err = err, .parser = json_parser_new()};
	struct store_reader *reader = NULL;
	enum err_code code = load.parser ? store_reader_new(store, &reader, err)
					 : err_set(err, ERR_MEMORY, "no memory for subscriptions");

	arena_init(&load.arena, LOAD_ARENA_BYTES_MAX);
	for (load.kind = 0; code == ERR_OK && load.kind < SUBSCRIPTION_KIND_COUNT; load.kind++)
		code = load_kind(&load, reader);
	(void)store_reader_free(reader);
	arena_done(&load.arena);
	(void)json_parser_free(load.parser);
	return code;
}
