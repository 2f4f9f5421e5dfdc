/* Registrations created, updated and deleted: the record in a transaction, what is in memory once it is durable.
 *
 * What a transaction has made is known to those behind it in the same one, so that no two of them claim the same.
 * Source: GS CIM 009 V1.9.1 clauses 5.9.2–5.9.4. */
#include "broker/read_int.h"
#include "broker/registration_events_int.h"
#include "broker/registrations_int.h"
#include "broker/source_copies_int.h"

#include <stddef.h>
#include <stdio.h>

#define SEARCH_BYTES_MAX ((size_t)64 << 20) /* one entity, parsed */

static struct registration_write *write_of(struct store_write *write)
{
	return (struct registration_write *)(void *)((char *)write - offsetof(struct registration_write, store_write));
}

static struct str shown(struct str id)
{
	return str_part(id, 0, 150);
}

/* ---- what a transaction has made ---- */

static void take_out(struct registrations *all, struct registered *one)
{
	(void)pthread_mutex_lock(&all->lock);
	struct registered **at = &all->written;

	while (*at && *at != one)
		at = &(*at)->next;
	if (*at)
		*at = one->next;
	(void)pthread_mutex_unlock(&all->lock);
}

static void put_in(struct registrations *all, struct registered *one)
{
	(void)pthread_mutex_lock(&all->lock);
	one->next = all->written;
	all->written = one;
	(void)pthread_mutex_unlock(&all->lock);
}

static void drop_made(struct registration_write *write)
{
	if (!write->made)
		return;
	take_out(write->tenant->registrations, write->made);
	write->made = registered_unref(write->made);
}

/* ---- conflicts ---- */

static bool is_proxied(enum registration_mode mode)
{
	return mode == REGISTRATION_EXCLUSIVE || mode == REGISTRATION_REDIRECT;
}

/* The newest of what the transaction has of it counts, and that of others. */
static const struct registered *find_conflict(const struct registrations *all, const struct registered *one,
					      int64_t now_us)
{
	if (!is_proxied(registration_mode(one->registration)))
		return NULL;
	for (const struct registered *other = all->written; other; other = other->next)
		if (!str_eq(registered_id(one), registered_id(other)) &&
		    registration_conflicts(one->registration, other->registration))
			return other;
	return registrations_rival(all, one, now_us);
}

static enum err_code check_conflicts(struct registration_write *write, struct error *err)
{
	struct registrations *all = write->tenant->registrations;
	char id[151] = "";

	(void)pthread_mutex_lock(&all->lock);
	const struct registered *other = find_conflict(all, write->made, broker_now_us(write->broker));

	if (other)
		(void)snprintf(id, sizeof(id), "%.*s", STR_FMT(shown(registered_id(other))));
	(void)pthread_mutex_unlock(&all->lock);
	return other ? err_set(err, ERR_CONFLICT, "the registration %s claims the same entity and attributes", id)
		     : ERR_OK;
}

static enum err_code check_entity(struct registration_write *write, struct store_txn *txn, struct str id,
				  struct error *err)
{
	struct json *entity = NULL;
	enum err_code code = store_txn_get(txn, id, &entity, err);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code == ERR_OK && registration_claims(write->made->registration, entity))
		return err_set(err, ERR_CONFLICT, "the entity %.*s is here, and holds what the registration claims",
			       STR_FMT(shown(id)));
	return code;
}

/* Entities that are named are looked at here, within the transaction; others were looked for before (submit). */
static enum err_code check_entities(struct registration_write *write, struct store_txn *txn, struct error *err)
{
	struct registration_claim claim = {0};
	enum err_code code = ERR_OK;

	if (!is_proxied(registration_mode(write->made->registration)))
		return ERR_OK;
	registration_claim(write->made->registration, &claim);
	for (size_t i = 0; code == ERR_OK && i < claim.id_count; i++)
		code = check_entity(write, txn, claim.ids[i], err);
	return code;
}

/* ---- running ---- */

static enum err_code make(struct registration_write *write, struct store_txn *txn,
			  const struct registration_record *record, struct error *err)
{
	enum err_code code = registered_new(record->document, broker_core_context(write->broker), &write->made, err);

	if (code != ERR_OK)
		return code;
	put_in(write->tenant->registrations, write->made);
	code = check_conflicts(write, err);
	if (code == ERR_OK)
		code = check_entities(write, txn, err);
	if (code == ERR_OK)
		code = registration_owe(txn, write->id, write->made, record, err);
	return code ? code : registration_record_put(write->broker, txn, record, err);
}

/* ERR_NOT_FOUND also for one that has expired (5.9.2.4: it is deleted then). */
static enum err_code read_record(struct registration_write *write, struct store_txn *txn,
				 struct registration_record *ret, struct error *err)
{
	enum err_code code = registration_record_get(txn, write->id, ret, err);

	if (code == ERR_OK && ret->expires_us <= broker_now_us(write->broker))
		code = ERR_NOT_FOUND;
	return code == ERR_NOT_FOUND
		       ? err_set(err, ERR_NOT_FOUND, "there is no registration %.*s", STR_FMT(shown(write->id)))
		       : code;
}

static size_t count_of(struct registrations *all)
{
	(void)pthread_mutex_lock(&all->lock);
	size_t count = all->by_id.count;

	(void)pthread_mutex_unlock(&all->lock);
	return count;
}

static enum err_code run_create(struct registration_write *write, struct store_txn *txn, struct error *err)
{
	int64_t now_us = broker_now_us(write->broker);
	const struct registration_record made = {
		.document = write->document, .created_us = now_us, .modified_us = now_us};
	struct registration_record there;
	struct error local;
	enum err_code code = read_record(write, txn, &there, &local);

	if (code == ERR_OK)
		return err_set(err, ERR_EXISTS, "the registration %.*s exists already", STR_FMT(shown(write->id)));
	if (code != ERR_NOT_FOUND) {
		*err = local;
		return code;
	}
	if (count_of(write->tenant->registrations) >= BROKER_REGISTRATIONS_MAX)
		return err_set(err, ERR_LIMIT, "there are %u registrations already", BROKER_REGISTRATIONS_MAX);
	return make(write, txn, &made, err);
}

static enum err_code run_update(struct registration_write *write, struct store_txn *txn, struct error *err)
{
	struct registration_record record;
	struct json *merged = NULL;
	int64_t now_us = broker_now_us(write->broker);
	enum err_code code = read_record(write, txn, &record, err);

	if (code == ERR_OK)
		code = registration_open(write->broker, store_txn_arena(txn), &record, err);
	if (code == ERR_OK)
		code = registration_merge(store_txn_arena(txn), record.document, write->document, now_us, &merged, err);
	if (code != ERR_OK)
		return code;
	const struct registration_record made = {
		.document = merged, .created_us = record.created_us, .modified_us = now_us};

	return make(write, txn, &made, err);
}

static enum err_code run_delete(struct registration_write *write, struct store_txn *txn, struct error *err)
{
	struct registration_record record;
	enum err_code code = read_record(write, txn, &record, err);

	if (code == ERR_OK)
		code = registration_owe(txn, write->id, NULL, NULL, err);
	return code ? code : store_txn_record_delete(txn, STR(REGISTRATION_RECORD_KIND), write->id, err);
}

static enum err_code run_one(struct registration_write *write, struct store_txn *txn, struct error *err)
{
	switch (write->operation) {
	case REGISTRATION_CREATE:
		return run_create(write, txn, err);
	case REGISTRATION_UPDATE:
		return run_update(write, txn, err);
	default:
		return run_delete(write, txn, err);
	}
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct registration_write *write = write_of(store_write);

	drop_made(write); /* of a run before */
	enum err_code code = run_one(write, txn, err);

	if (code != ERR_OK)
		drop_made(write); /* so that those behind it in the transaction do not see it */
	return code;
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct registration_write *write = write_of(store_write);
	struct registrations *all = write->tenant->registrations;
	struct error local;

	if (code != ERR_OK) {
		drop_made(write);
	} else if (!write->made) {
		registrations_remove(all, write->id);
	} else {
		struct registered *made = write->made;

		take_out(all, made);
		write->made = NULL;
		if (!registrations_put(all, made)) {
			/* The record is there: it will be loaded at the next start. */
			code = err_set(&local, ERR_MEMORY, "no memory to use the registration before the next start");
			err = &local;
		}
	}
	if (code == ERR_OK)
		source_copies_stale(write->broker, str_from(write->tenant->name), STR_NONE);
	write->done(write, code, err);
}

/* ---- entities that are here (5.9.2.4) ---- */

struct search {
	const struct registration *registration;
	struct arena arena;
	struct str found; /* an id, in the arena */
};

static bool look_at(void *self, struct json *entity)
{
	struct search *search = self;

	if (registration_claims(search->registration, entity))
		search->found = document_id(entity);
	return !search->found.at;
}

/* Of those that are named the transaction decides. Others may come between this look and the commit, as they may come
 * at any time after it: what then happens to them is the operation's business that brings them. */
static enum err_code search_entities(struct broker_reader *reader, struct store_reader *store,
				     const struct registration *registration, struct error *err)
{
	struct search search = {.registration = registration};
	const struct store_tree_sight sight = {
		.visit = look_at, .self = &search, .parser = reader->parser, .arena = &search.arena};
	struct registration_claim claim = {0};

	registration_claim(registration, &claim);
	if (claim.id_count)
		return ERR_OK;
	const struct narrow narrow = {.type_iris = claim.type_iris, .type_count = claim.type_count};

	arena_init(&search.arena, SEARCH_BYTES_MAX);
	enum err_code code = store_scan_trees(store, &narrow, &sight, err);

	if (code == ERR_OK && search.found.at)
		code = err_set(err, ERR_CONFLICT, "the entity %.*s is here, and holds what the registration claims",
			       STR_FMT(shown(search.found)));
	arena_done(&search.arena);
	return code;
}

/* The document that the write will make, as far as can be told before it. */
static enum err_code document_of(struct broker_reader *reader, struct str tenant,
				 const struct registration_write *write, const struct json **ret, struct error *err)
{
	struct registration_look look;
	struct json *merged = NULL;

	*ret = write->document;
	if (write->operation == REGISTRATION_CREATE)
		return ERR_OK;
	enum err_code code = broker_registration_get(reader, tenant, write->id, write->arena, &look, err);

	if (code == ERR_OK)
		code = registration_merge(write->arena, look.document, write->document,
					  broker_now_us(reader_broker(reader)), &merged, err);
	*ret = merged;
	return code;
}

static enum err_code check_here(struct broker_reader *reader, struct str tenant, const struct registration_write *write,
				struct error *err)
{
	const struct json *document = NULL;
	struct store_reader *store;
	struct registered *one = NULL;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code == ERR_OK)
		code = document_of(reader, tenant, write, &document, err);
	if (code != ERR_OK || registration_mode_of(document) != REGISTRATION_REDIRECT)
		return code;
	code = registered_new(document, broker_core_context(reader_broker(reader)), &one, err);
	if (code == ERR_OK)
		code = search_entities(reader, store, one->registration, err);
	(void)registered_unref(one);
	return code;
}

enum err_code broker_registration_submit(struct broker_reader *reader, struct str tenant,
					 struct registration_write *write, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, write->operation == REGISTRATION_CREATE, &store, err);

	write->broker = broker;
	write->made = NULL;
	write->store_write = (struct store_write){.run = run, .done = done};
	if (code == ERR_OK && write->operation != REGISTRATION_DELETE)
		code = check_here(reader, tenant, write, err);
	if (code != ERR_OK)
		return code;
	write->tenant = tenant_find(broker, tenant);
	return store_submit(store, &write->store_write, err);
}
