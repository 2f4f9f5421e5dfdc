/* Dead letters: whose they are, pages of them, and changing many in small transactions. */
#include "broker/dead_letters.h"

#include "base/time_value.h"
#include "broker/read_int.h"
#include "broker/subscriptions_int.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define RECORD_BYTES_MAX ((size_t)64 << 20) /* one record of a subscription, parsed */
#define NAMES_BYTES_MAX ((size_t)1 << 30)
#define LETTERS_BYTES_MAX ((size_t)256 << 20) /* of a batch, read */

/* ---- whose they are ---- */

static enum err_code read_record(struct json_parser *parser, struct arena *arena, struct str text,
				 struct subscription_record *ret, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	enum err_code code = json_parse(parser, arena, text, &options, &json, err);

	return code == ERR_OK ? subscription_record_read(json, ret, err) : code;
}

enum err_code dead_letters_subscription(struct store_reader *reader, struct json_parser *parser, struct str id,
					int64_t *ret_number, struct error *err)
{
	struct subscription_record record;
	struct arena arena;
	struct str text;

	arena_init(&arena, RECORD_BYTES_MAX);
	enum err_code code = ERR_NOT_FOUND;

	/* Where one of each kind has the id, the one to entities is meant. */
	for (size_t kind = 0; code == ERR_NOT_FOUND && kind < SUBSCRIPTION_KIND_COUNT; kind++)
		code = store_record_get(reader, subscription_record_kinds[kind], id, &arena, &text, err);
	if (code == ERR_NOT_FOUND)
		(void)err_set(err, ERR_NOT_FOUND, "there is no subscription %.*s", STR_FMT(str_part(id, 0, 150)));
	if (code == ERR_OK)
		code = read_record(parser, &arena, text, &record, err);
	if (code == ERR_OK)
		*ret_number = record.number;
	arena_done(&arena);
	return code;
}

struct name {
	int64_t number, expires_us; /* expires_us INT64_MAX: never */
	struct str id;
};

struct names_load {
	struct dead_letters_names *names;
	struct json_parser *parser;
	struct arena arena; /* of one record */
	enum err_code code;
	struct error *err;
};

static struct str key_of(const int64_t *number)
{
	return (struct str){(const char *)number, sizeof(*number)};
}

/* A record that is damaged names nobody. */
static bool load_name(void *self, struct str id, struct str doc)
{
	struct names_load *load = self;
	struct subscription_record record;

	arena_clear(&load->arena);
	if (read_record(load->parser, &load->arena, doc, &record, load->err) != ERR_OK)
		return true;
	struct name *name = arena_new(&load->names->arena, struct name);
	struct str expires = json_text(json_get(record.document, STR("expiresAt")));

	if (name) {
		*name = (struct name){record.number, INT64_MAX, arena_dup(&load->names->arena, id)};
		(void)time_parse_iso(expires, true, &name->expires_us);
	}
	if (name && name->id.at && map_set(&load->names->by_number, key_of(&name->number), name))
		return true;
	load->code = err_set(load->err, ERR_MEMORY, "no memory for the names of subscriptions");
	return false;
}

enum err_code dead_letters_names_load(struct dead_letters_names *names, struct store_reader *reader,
				      struct json_parser *parser, struct error *err)
{
	struct names_load load = {.names = names, .parser = parser, .err = err};

	arena_init(&names->arena, NAMES_BYTES_MAX);
	map_init(&names->by_number, (uint64_t)(uintptr_t)names);
	arena_init(&load.arena, RECORD_BYTES_MAX);
	enum err_code code = ERR_OK;

	for (size_t kind = 0; code == ERR_OK && kind < SUBSCRIPTION_KIND_COUNT; kind++)
		code = store_record_each(reader, subscription_record_kinds[kind], STR_NONE, load_name, &load, err);
	arena_done(&load.arena);
	return code ? code : load.code;
}

void dead_letters_names_done(struct dead_letters_names *names)
{
	map_done(&names->by_number);
	arena_done(&names->arena);
}

struct str dead_letters_name(const struct dead_letters_names *names, int64_t number)
{
	const struct name *name = map_get(&names->by_number, key_of(&number));

	return name ? name->id : STR_NONE;
}

/* ---- looking ---- */

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.at)
		json_write_string(out, text);
	else
		buf_put(out, STR("null"));
}

void dead_letter_write(struct buf *out, const struct dead_letter *letter, bool whole)
{
	const struct store_owed *owed = &letter->dead.owed;
	char time[TIME_ISO_BYTES];

	buf_printf(out, "\"number\":%lld", (long long)owed->number);
	put_text(out, "subscription", letter->subscription);
	put_text(out, "entity", owed->entity_id);
	put_text(out, "madeAt", time_format_iso(owed->made_us, time));
	put_text(out, "deadAt", time_format_iso(letter->dead.dead_us, time));
	put_text(out, "why", letter->dead.why);
	buf_printf(out, ",\"tries\":%u", owed->tries);
	if (!whole)
		return;
	buf_put(out, STR(",\"notification\":"));
	buf_put(out, owed->body);
}

static bool add_names(struct broker *broker, struct str tenant, struct dead_letter *letters, size_t count,
		      struct arena *arena)
{
	struct subscriptions *all = subscriptions_of(broker, tenant);

	for (size_t i = 0; i < count; i++) {
		int64_t number = letters[i].dead.owed.subscription;

		if (i > 0 && letters[i - 1].dead.owed.subscription == number) {
			letters[i].subscription = letters[i - 1].subscription;
			continue;
		}
		struct subscribed *one = all ? subscriptions_find_number(all, number) : NULL;

		if (!one)
			continue;
		letters[i].subscription = arena_dup(arena, subscribed_id(one));
		(void)subscribed_unref(one);
		if (!letters[i].subscription.at)
			return false;
	}
	return true;
}

enum err_code broker_dead_letters(struct broker_reader *reader, struct str tenant, const struct dead_letters_page *page,
				  struct arena *arena, struct dead_letter **ret, size_t *ret_count, bool *ret_more,
				  struct error *err)
{
	struct store_reader *store_reader;
	struct store_dead *dead = NULL, *behind;
	int64_t subscription = 0;
	size_t count = 0, more = 0;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, err);

	if (code == ERR_OK && page->subscription.at)
		code = dead_letters_subscription(store_reader, reader->parser, page->subscription, &subscription, err);
	if (code == ERR_OK)
		code = store_dead_read(store_reader, subscription, page->after, page->limit, DEAD_LETTERS_BYTES_AT_ONCE,
				       arena, &dead, &count, err);
	if (code == ERR_OK && count > 0)
		code = store_dead_read(store_reader, subscription, dead[count - 1].owed.number, 1, 1, arena, &behind,
				       &more, err);
	if (code != ERR_OK)
		return code;
	struct dead_letter *letters = arena_array(arena, struct dead_letter, count + 1);

	for (size_t i = 0; letters && i < count; i++)
		letters[i] = (struct dead_letter){.dead = dead[i]};
	if (!letters || !add_names(reader->broker, tenant, letters, count, arena))
		return err_set(err, ERR_MEMORY, "no memory for %zu dead letters", count);
	*ret = letters;
	*ret_count = count;
	*ret_more = more > 0;
	return ERR_OK;
}

/* ---- which come next ---- */

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

size_t dead_letters_sort(int64_t *numbers, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(numbers, count, sizeof(*numbers), by_number);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

/* What a subscription is owed that has expired, or is none, is dropped by who delivers. */
static bool can_be_told(const struct dead_letters_work *work, int64_t subscription)
{
	if (!work->broker) {
		const struct name *name = map_get(&work->names->by_number, key_of(&subscription));

		return name && name->expires_us > work->now_us;
	}
	struct subscriptions *all = subscriptions_of(work->broker, work->tenant);
	struct subscribed *one = all ? subscriptions_find_number(all, subscription) : NULL;
	bool can = one && subscribed_status(one, work->now_us) != SUBSCRIPTION_EXPIRED;

	(void)subscribed_unref(one);
	return can;
}

static void take(struct dead_letters_work *work, const struct store_dead *dead)
{
	if (work->operation == DEAD_LETTERS_REPLAY && !can_be_told(work, dead->owed.subscription)) {
		work->left++;
		return;
	}
	work->batch[work->batch_count].number = dead->owed.number;
	work->batch[work->batch_count++].subscription = dead->owed.subscription;
}

static enum err_code next_named(struct dead_letters_work *work, struct store_reader *reader, struct arena *arena,
				struct error *err)
{
	while (work->batch_count < DEAD_LETTERS_AT_ONCE && work->at < work->number_count) {
		int64_t number = work->numbers[work->at];
		struct store_dead *dead = NULL;
		size_t count = 0;

		assert(number > 0);
		arena_clear(arena);
		enum err_code code = store_dead_read(reader, 0, number - 1, 1, 1, arena, &dead, &count, err);

		if (code != ERR_OK)
			return code;
		work->at++;
		if (count == 1 && dead->owed.number == number)
			take(work, dead);
		else
			work->missing[work->missing_count++] = number;
	}
	return ERR_OK;
}

static enum err_code next_of_all(struct dead_letters_work *work, struct store_reader *reader, struct arena *arena,
				 struct error *err)
{
	size_t count = 1;

	while (work->batch_count == 0 && count > 0) {
		struct store_dead *dead = NULL;

		arena_clear(arena);
		enum err_code code = store_dead_read(reader, work->subscription, work->after, DEAD_LETTERS_AT_ONCE,
						     DEAD_LETTERS_BYTES_AT_ONCE, arena, &dead, &count, err);

		if (code != ERR_OK)
			return code;
		for (size_t i = 0; i < count; i++)
			take(work, &dead[i]);
		if (count > 0)
			work->after = dead[count - 1].owed.number;
	}
	return ERR_OK;
}

enum err_code dead_letters_next(struct dead_letters_work *work, struct store_reader *reader, struct error *err)
{
	struct arena arena;

	assert(work->broker || work->names || work->operation == DEAD_LETTERS_DROP);
	work->batch_count = 0;
	arena_init(&arena, LETTERS_BYTES_MAX);
	enum err_code code =
		work->numbers ? next_named(work, reader, &arena, err) : next_of_all(work, reader, &arena, err);

	arena_done(&arena);
	return code;
}

enum err_code broker_dead_letters_next(struct dead_letters_work *work, struct broker_reader *reader, struct error *err)
{
	struct store_reader *store_reader;
	enum err_code code = store_reader_of(reader, work->tenant, &store_reader, err);

	work->broker = reader->broker;
	work->now_us = broker_now_us(work->broker);
	return code == ERR_OK ? dead_letters_next(work, store_reader, err) : code;
}

enum err_code broker_dead_letters_of(struct dead_letters_work *work, struct broker_reader *reader, struct str id,
				     struct error *err)
{
	struct store_reader *store_reader;
	enum err_code code = store_reader_of(reader, work->tenant, &store_reader, err);

	if (code != ERR_OK)
		return code;
	return dead_letters_subscription(store_reader, reader->parser, id, &work->subscription, err);
}

/* ---- changing them ---- */

static struct dead_letters_work *work_of(struct store_write *write)
{
	return (struct dead_letters_work *)(void *)((char *)write - offsetof(struct dead_letters_work, store_write));
}

static enum err_code run(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct dead_letters_work *work = work_of(write);
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < work->batch_count; i++) {
		int64_t number = work->batch[i].number;

		code = work->operation == DEAD_LETTERS_REPLAY ? store_txn_dead_replay(txn, number, work->now_us, err)
							      : store_txn_dead_drop(txn, number, err);
		work->batch[i].gone = code == ERR_NOT_FOUND;
		code = code == ERR_NOT_FOUND ? ERR_OK : code;
	}
	return code;
}

/* The batch is durable. */
static void count_batch(struct dead_letters_work *work)
{
	for (size_t i = 0; i < work->batch_count; i++) {
		if (!work->batch[i].gone)
			work->changed++;
		else if (work->numbers)
			work->missing[work->missing_count++] = work->batch[i].number;
	}
}

static void tell(const struct dead_letters_work *work)
{
	int64_t told = 0;

	for (size_t i = 0; i < work->batch_count; i++) {
		int64_t subscription = work->batch[i].subscription;

		if (subscription != told)
			broker_owed_again(work->broker, work->tenant, subscription);
		told = subscription;
	}
}

static void done(struct store_write *write, enum err_code code, const struct error *err)
{
	struct dead_letters_work *work = work_of(write);

	if (code == ERR_OK) {
		count_batch(work);
		if (work->operation == DEAD_LETTERS_REPLAY)
			tell(work);
	}
	work->done(work, code, err);
}

enum err_code dead_letters_apply(struct dead_letters_work *work, struct store *store, struct error *err)
{
	work->store_write = (struct store_write){.run = run};
	enum err_code code = store_apply(store, &work->store_write, err);

	if (code == ERR_OK)
		count_batch(work);
	return code;
}

enum err_code broker_dead_letters_submit(struct dead_letters_work *work, struct broker *broker, struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(broker, work->tenant, false, &store, err);

	assert(work->done);
	work->broker = broker;
	work->store_write = (struct store_write){.run = run, .done = done};
	return code == ERR_OK ? store_submit(store, &work->store_write, err) : code;
}
