/* The registrations of a tenant in memory, read from their records at the start. */
#include "broker/registration_events_int.h"
#include "broker/registrations_int.h"
#include "broker/source_copies_int.h"

#include <stdlib.h>

#define LOAD_ARENA_BYTES_MAX ((size_t)64 << 20) /* one record, parsed; the ids of all that are to be sealed */
#define RESEALED_AT_ONCE 64u /* records in a transaction */

/* ---- records ---- */

static void write_record(struct buf *out, const struct registration_record *record, const struct json *sealed)
{
	buf_printf(out, "{\"createdAt\":%lld,\"modifiedAt\":%lld,\"document\":", (long long)record->created_us,
		   (long long)record->modified_us);
	json_write(out, sealed);
	buf_put_char(out, '}');
}

enum err_code registration_record_put(struct broker *broker, struct store_txn *txn,
				      const struct registration_record *record, struct error *err)
{
	const struct json *sealed = NULL;
	struct buf text;
	enum err_code code = registration_seal(broker, store_txn_arena(txn), record->document, &sealed, err);

	if (code != ERR_OK)
		return code;
	buf_init(&text, BROKER_REGISTRATION_BYTES_MAX);
	write_record(&text, record, sealed);
	code = buf_check(&text, "a registration", err);
	if (code == ERR_OK)
		code = store_txn_record_put(txn, STR(REGISTRATION_RECORD_KIND),
					    json_text(json_get(record->document, STR("id"))), buf_str(&text), err);
	buf_done(&text);
	return code;
}

enum err_code registration_record_read(const struct json *record, struct registration_record *ret, struct error *err)
{
	*ret = (struct registration_record){.document = json_get(record, STR("document"))};
	if (!json_is(ret->document, JSON_OBJECT) || !json_int64(json_get(record, STR("createdAt")), &ret->created_us) ||
	    !json_int64(json_get(record, STR("modifiedAt")), &ret->modified_us))
		return err_set(err, ERR_CORRUPT, "the record of a registration is damaged");
	ret->expires_us = registration_expires_of(ret->document);
	return ERR_OK;
}

enum err_code registration_record_get(struct store_txn *txn, struct str id, struct registration_record *ret,
				      struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	struct str text;
	enum err_code code = store_txn_record_get(txn, STR(REGISTRATION_RECORD_KIND), id, &text, err);

	if (code == ERR_OK)
		code = json_parse(store_txn_parser(txn), store_txn_arena(txn), text, &options, &json, err);
	return code == ERR_OK ? registration_record_read(json, ret, err) : code;
}

/* ---- all ---- */

struct registrations *registrations_new(struct broker *broker, struct str tenant)
{
	struct registrations *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->broker = broker;
	all->tenant = tenant;
	all->count = &broker->registered[broker_registered_slot(tenant)];
	(void)pthread_mutex_init(&all->lock, NULL);
	map_init(&all->by_id, (uint64_t)(uintptr_t)all);
	key_index_init(&all->index, (uint64_t)(uintptr_t)all);
	return all;
}

struct registrations *registrations_free(struct registrations *all)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (!all)
		return NULL;
	(void)atomic_fetch_sub(all->count, all->by_id.count);
	key_index_done(&all->index);
	while (map_each(&all->by_id, &at, &key, &value))
		(void)registered_unref(value);
	map_done(&all->by_id);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

struct registrations *registrations_of(struct broker *broker, struct str name)
{
	const struct tenant *tenant = tenant_find(broker, name);

	return tenant ? tenant->registrations : NULL;
}

/* With the lock held: the registration is found no more; its reference is the caller's. */
static void take_away(struct registrations *all, struct registered *one)
{
	(void)map_remove(&all->by_id, registered_id(one));
	registration_index_remove(one);
	(void)atomic_fetch_sub(all->count, 1);
}

static bool put_in(struct registrations *all, struct registered *one)
{
	if (registration_index_add(all, one)) {
		if (map_set(&all->by_id, registered_id(one), one))
			return true;
		registration_index_remove(one);
	}
	(void)atomic_fetch_sub(all->count, 1);
	return false;
}

bool registrations_put(struct registrations *all, struct registered *one)
{
	int64_t now_us = broker_now_us(all->broker);

	(void)pthread_mutex_lock(&all->lock);
	struct registered *was = map_get(&all->by_id, registered_id(one));

	if (was && !registered_expired(was, now_us)) {
		(void)source_figures_unref(one->figures);
		one->figures = source_figures_ref(was->figures);
	}
	/* Counted first: who looks without the lock is not to see none. */
	(void)atomic_fetch_add(all->count, 1);
	if (was)
		take_away(all, was);
	bool good = put_in(all, one);

	(void)pthread_mutex_unlock(&all->lock);
	(void)registered_unref(was);
	if (!good)
		(void)registered_unref(one);
	return good;
}

void registrations_remove(struct registrations *all, struct str id)
{
	(void)pthread_mutex_lock(&all->lock);
	struct registered *was = map_get(&all->by_id, id);

	if (was)
		take_away(all, was);
	(void)pthread_mutex_unlock(&all->lock);
	(void)registered_unref(was);
}

struct registered *registrations_find(struct registrations *all, struct str id)
{
	(void)pthread_mutex_lock(&all->lock);
	struct registered *one = map_get(&all->by_id, id);

	if (one)
		(void)registered_ref(one);
	(void)pthread_mutex_unlock(&all->lock);
	return one;
}

/* ---- loading ---- */

struct load {
	struct registrations *all;
	struct json_parser *parser;
	struct arena arena; /* of a record */
	struct arena plain_arena;
	struct plain_id *plain; /* in plain_arena: of those that are to be sealed */
	struct error *err;
	enum err_code code;
};

struct plain_id {
	struct plain_id *next;
	struct str id;
};

static void complain(const struct registrations *all, const struct error *err)
{
	const struct broker_options *options = &all->broker->options;

	if (options->complain)
		options->complain(options->complain_self, all->tenant, err);
}

static enum err_code note_plain(struct load *load, struct str id)
{
	struct plain_id *plain = arena_new(&load->plain_arena, struct plain_id);

	if (!plain)
		return err_set(load->err, ERR_MEMORY, "no memory for registrations");
	*plain = (struct plain_id){load->plain, arena_dup(&load->plain_arena, id)};
	load->plain = plain;
	return plain->id.at ? ERR_OK : err_set(load->err, ERR_MEMORY, "no memory for registrations");
}

/* It stays in the list, that somebody sees to it. Its name comes first, for a sentence may be cut. */
static void tell_locked(const struct load *load, struct str id, const struct registration_record *record)
{
	struct error err;

	(void)err_set(&err, record->why.code, "the source of the registration %.*s is not used: %s",
		      STR_FMT(str_part(id, 0, 80)), record->why.detail);
	complain(load->all, &err);
}

static enum err_code load_one(struct load *load, struct str id, struct str doc)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct registration_record record = {.document = NULL};
	struct registered *one = NULL;
	struct json *json = NULL;
	enum err_code code = json_parse(load->parser, &load->arena, doc, &options, &json, load->err);

	if (code == ERR_OK)
		code = registration_record_read(json, &record, load->err);
	if (code == ERR_OK)
		code = registration_open(load->all->broker, &load->arena, &record, load->err);
	if (code == ERR_OK && record.locked)
		tell_locked(load, id, &record);
	if (code == ERR_OK && record.plain)
		code = note_plain(load, id);
	if (code == ERR_OK)
		code = registered_new(record.document, broker_core_context(load->all->broker), &one, load->err);
	if (code == ERR_OK && !registrations_put(load->all, one))
		code = err_set(load->err, ERR_MEMORY, "no memory for registrations");
	return code;
}

static bool load_record(void *self, struct str id, struct str doc)
{
	struct load *load = self;

	arena_clear(&load->arena);
	load->code = load_one(load, id, doc);
	if (load->code == ERR_OK || load->code == ERR_MEMORY)
		return load->code == ERR_OK;
	/* One that is damaged keeps no other from being used. */
	(void)err_while(load->err, "loading the registration %.*s, which is not used", STR_FMT(str_part(id, 0, 100)));
	complain(load->all, load->err);
	load->code = ERR_OK;
	return true;
}

/* ---- records from before there were seals, or of a key that is to go ---- */

struct resealing {
	struct store_write store_write; /* first */
	struct registrations *all;
	const struct plain_id *next; /* the first that the transaction is to seal */
};

static enum err_code reseal_one(const struct resealing *resealing, struct store_txn *txn, struct str id,
				struct error *err)
{
	struct broker *broker = resealing->all->broker;
	struct registration_record record;
	enum err_code code = registration_record_get(txn, id, &record, err);

	if (code == ERR_OK)
		code = registration_open(broker, store_txn_arena(txn), &record, err);
	return code ? code : registration_record_put(broker, txn, &record, err);
}

static enum err_code run_resealing(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	const struct resealing *resealing = (const struct resealing *)store_write;
	const struct plain_id *plain = resealing->next;
	enum err_code code = ERR_OK;

	for (unsigned i = 0; code == ERR_OK && plain && i < RESEALED_AT_ONCE; i++, plain = plain->next)
		code = reseal_one(resealing, txn, plain->id, err);
	return code;
}

/* What cannot be sealed now is tried again at the next start, and used none the less. */
static void reseal(const struct load *load, struct store *store)
{
	struct resealing resealing = {.store_write = {.run = run_resealing}, .all = load->all, .next = load->plain};
	enum err_code code = ERR_OK;

	while (code == ERR_OK && resealing.next) {
		code = store_apply(store, &resealing.store_write, load->err);
		for (unsigned i = 0; resealing.next && i < RESEALED_AT_ONCE; i++)
			resealing.next = resealing.next->next;
	}
	if (code == ERR_OK)
		return;
	(void)err_while(load->err, "sealing what registrations keep secret, some of which lies open in the store");
	complain(load->all, load->err);
}

enum err_code registrations_load(struct registrations *all, struct store *store, struct error *err)
{
	struct load load = {.all = all, .err = err, .parser = json_parser_new()};
	struct store_reader *reader = NULL;
	enum err_code code = load.parser ? store_reader_new(store, &reader, err)
					 : err_set(err, ERR_MEMORY, "no memory for registrations");

	arena_init(&load.arena, LOAD_ARENA_BYTES_MAX);
	arena_init(&load.plain_arena, LOAD_ARENA_BYTES_MAX);
	if (code == ERR_OK)
		code = store_record_each(reader, STR(REGISTRATION_RECORD_KIND), STR_NONE, load_record, &load, err);
	code = code ? code : load.code;
	(void)store_reader_free(reader);
	if (code == ERR_OK)
		reseal(&load, store);
	arena_done(&load.plain_arena);
	arena_done(&load.arena);
	(void)json_parser_free(load.parser);
	return code;
}

/* ---- expiry (5.9.2.4) ---- */

struct expiry {
	struct store_write store_write; /* first */
	struct registrations *all;
	int64_t now_us;
	struct arena arena;
	struct str *ids; /* in the arena: of those that have expired */
	size_t count;
};

static enum err_code find_expired(struct expiry *expiry, struct error *err)
{
	struct registrations *all = expiry->all;
	struct str key;
	void *value;
	size_t at = 0;
	bool good = true;

	(void)pthread_mutex_lock(&all->lock);
	while (map_each(&all->by_id, &at, &key, &value))
		expiry->count += registered_expired(value, expiry->now_us);
	expiry->ids = arena_array(&expiry->arena, struct str, expiry->count);
	good = expiry->ids != NULL;
	expiry->count = 0;
	for (at = 0; good && map_each(&all->by_id, &at, &key, &value);) {
		if (!registered_expired(value, expiry->now_us))
			continue;
		expiry->ids[expiry->count] = arena_dup(&expiry->arena, key);
		good = expiry->ids[expiry->count++].at != NULL;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to remove registrations");
}

/* Its record may be another by now. */
static enum err_code drop_record(const struct expiry *expiry, struct store_txn *txn, struct str id, struct error *err)
{
	struct registration_record record;
	enum err_code code = registration_record_get(txn, id, &record, err);

	if (code == ERR_OK && record.expires_us > expiry->now_us)
		return ERR_OK;
	if (code == ERR_OK)
		code = registration_owe(txn, id, NULL, NULL, err);
	if (code == ERR_OK)
		code = store_txn_record_delete(txn, STR(REGISTRATION_RECORD_KIND), id, err);
	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code run_expiry(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct expiry *expiry = (struct expiry *)store_write;
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < expiry->count; i++)
		code = drop_record(expiry, txn, expiry->ids[i], err);
	return code;
}

static void forget_expired(struct expiry *expiry)
{
	struct registrations *all = expiry->all;

	for (size_t i = 0; i < expiry->count; i++) {
		(void)pthread_mutex_lock(&all->lock);
		struct registered *one = map_get(&all->by_id, expiry->ids[i]);
		bool gone = one && registered_expired(one, expiry->now_us);

		if (gone)
			take_away(all, one);
		(void)pthread_mutex_unlock(&all->lock);
		if (gone)
			(void)registered_unref(one);
	}
}

enum err_code registrations_sweep(struct registrations *all, struct store *store, struct error *err)
{
	struct expiry expiry = {.store_write = {.run = run_expiry}, .all = all, .now_us = broker_now_us(all->broker)};

	arena_init(&expiry.arena, LOAD_ARENA_BYTES_MAX);
	enum err_code code = find_expired(&expiry, err);

	if (code == ERR_OK && expiry.count > 0)
		code = store_apply(store, &expiry.store_write, err);
	if (code == ERR_OK)
		forget_expired(&expiry);
	if (code == ERR_OK && expiry.count > 0)
		source_copies_stale(all->broker, all->tenant, STR_NONE);
	arena_done(&expiry.arena);
	return code;
}
