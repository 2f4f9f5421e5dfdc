/* Snapshots created, cloned, updated and deleted, as far as a request waits for it: the record in a transaction of the
 * tenant's store, what is in memory once that is durable. Making the contents comes after (snapshot_work.c).
 * Source: GS CIM 009 V1.9.1 clauses 5.16.1, 5.16.2, 5.16.4, 5.16.5. */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include "base/duration.h"
#include "base/time_value.h"

#include <stddef.h>

static struct snapshot_write *write_of(struct store_write *write)
{
	return (struct snapshot_write *)(void *)((char *)write - offsetof(struct snapshot_write, store_write));
}

static enum err_code not_found(struct str id, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no snapshot %.*s", STR_FMT(str_part(id, 0, 150)));
}

/* ---- records ---- */

enum err_code snapshot_record_get(struct store_txn *txn, struct str id, struct snapshot_record *ret, struct error *err)
{
	struct str text;
	enum err_code code = store_txn_record_get(txn, STR(SNAPSHOT_RECORD_KIND), id, &text, err);

	if (code == ERR_NOT_FOUND)
		return not_found(id, err);
	return code ? code : snapshot_record_parse(store_txn_parser(txn), store_txn_arena(txn), text, ret, err);
}

enum err_code snapshot_record_put(struct store_txn *txn, struct str id, const struct snapshot_record *record,
				  struct str *ret_text, struct error *err)
{
	struct buf text;

	buf_init(&text, 2 * BROKER_SNAPSHOT_BYTES_MAX);
	snapshot_record_write(&text, record);
	enum err_code code = buf_check(&text, "a snapshot", err);

	if (code == ERR_OK)
		code = store_txn_record_put(txn, STR(SNAPSHOT_RECORD_KIND), id, buf_str(&text), err);
	if (code == ERR_OK) {
		*ret_text = arena_dup(store_txn_arena(txn), buf_str(&text));
		if (!ret_text->at)
			code = err_set(err, ERR_MEMORY, "no memory for a snapshot");
	}
	buf_done(&text);
	return code;
}

int64_t snapshot_life_us(const struct broker *broker, const struct json *document)
{
	uint32_t max_s = broker->options.snapshot_life_s_max;
	int64_t us = BROKER_SNAPSHOT_LIFE_S_DEFAULT * US_PER_S;
	int64_t max_us = (max_s ? max_s : BROKER_SNAPSHOT_LIFE_S_MAX) * US_PER_S;

	(void)duration_parse_iso(json_text(json_get(document, STR("snapshotLifetime"))), &us);
	return us < max_us ? us : max_us;
}

/* ---- creating, cloning ---- */

static enum err_code put_priority(struct arena *arena, struct json *document, struct error *err)
{
	if (json_get(document, STR("snapshotPriority")) ||
	    json_add(arena, document, STR("snapshotPriority"), json_int(arena, SNAPSHOT_PRIORITY_DEFAULT)))
		return ERR_OK;
	return err_set(err, ERR_MEMORY, "no memory for a snapshot");
}

static enum err_code put_queries(const struct snapshot_write *write, struct store_txn *txn,
				 struct snapshot_record *record, struct error *err)
{
	struct json *queries = NULL;
	struct buf text;

	if (write->operation != SNAPSHOT_CREATE)
		return ERR_OK;
	buf_init(&text, BROKER_SNAPSHOT_BYTES_MAX);
	for (size_t i = 0; i < write->query_count; i++) {
		buf_put_char(&text, i ? ',' : '[');
		snapshot_query_put(&text, &write->queries[i]);
	}
	buf_put_char(&text, ']');
	enum err_code code = buf_check(&text, "a snapshot's queries", err);

	if (code == ERR_OK)
		code = json_parse(store_txn_parser(txn), store_txn_arena(txn), buf_str(&text), NULL, &queries, err);
	buf_done(&text);
	record->queries = queries;
	return code;
}

/* What is cloned must be whole. */
static enum err_code check_source(const struct snapshot_write *write, struct store_txn *txn, struct error *err)
{
	struct snapshot_record source = {.document = NULL};

	if (write->operation != SNAPSHOT_CLONE)
		return ERR_OK;
	enum err_code code = snapshot_record_get(txn, write->source, &source, err);

	if (code == ERR_OK && source.state.expires_us <= broker_now_us(write->broker))
		return not_found(write->source, err);
	if (code == ERR_OK && source.state.status == SNAPSHOT_PREPARING)
		return err_set(err, ERR_CONFLICT, "the snapshot %.*s is still being prepared",
			       STR_FMT(str_part(write->source, 0, 120)));
	if (code == ERR_OK && source.state.status == SNAPSHOT_FAILURE)
		return err_set(err, ERR_CONFLICT, "the snapshot %.*s could not be made: it has no contents",
			       STR_FMT(str_part(write->source, 0, 120)));
	return code;
}

static enum err_code check_new(const struct snapshot_write *write, struct store_txn *txn, struct error *err)
{
	struct str there;
	enum err_code code = store_txn_record_get(txn, STR(SNAPSHOT_RECORD_KIND), write->id, &there, NULL);

	if (code == ERR_OK)
		return err_set(err, ERR_EXISTS, "the snapshot %.*s exists already",
			       STR_FMT(str_part(write->id, 0, 150)));
	return code == ERR_NOT_FOUND ? ERR_OK : err_set(err, code, "cannot look for a snapshot");
}

static int64_t new_number(struct subscriptions *all, int64_t now_us)
{
	/* Ascending and not used twice, whatever becomes of this transaction. */
	all->last_number = now_us > all->last_number ? now_us : all->last_number + 1;
	return all->last_number;
}

/* Gives the record a receiver and keeps its text for done(), both of this run. */
static enum err_code keep_run(struct snapshot_write *write, struct store_txn *txn, const struct snapshot_record *record,
			      struct error *err)
{
	struct str text;
	enum err_code code;

	write->receiver = subscribed_unref(write->receiver);
	code = snapshot_receiver(write->broker, record, store_txn_parser(txn), &write->receiver, err);
	if (code == ERR_OK)
		code = snapshot_record_put(txn, write->id, record, &text, err);
	if (code != ERR_OK)
		return code;
	write->text = arena_dup(write->arena, text);
	return write->text.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a snapshot");
}

static enum err_code run_create(struct snapshot_write *write, struct store_txn *txn, struct error *err)
{
	int64_t now_us = broker_now_us(write->broker);
	struct json *document = json_dup_nodes(store_txn_arena(txn), write->document);
	struct snapshot_record record = {
		.document = document,
		.context_value = write->context_value,
		.source = write->source,
		.digits = snapshot_digits(write->made),
		.state = {.status = SNAPSHOT_PREPARING,
			  .created_us = now_us,
			  .modified_us = now_us,
			  .expires_us = now_us + snapshot_life_us(write->broker, write->document),
			  .last_used_us = now_us}};
	enum err_code code = document ? put_priority(store_txn_arena(txn), document, err)
				      : err_set(err, ERR_MEMORY, "no memory for a snapshot");

	if (code == ERR_OK)
		code = check_source(write, txn, err);
	if (code == ERR_OK)
		code = check_new(write, txn, err);
	if (code == ERR_OK)
		code = put_queries(write, txn, &record, err);
	record.number = new_number(write->tenant->subscriptions, now_us);
	return code == ERR_OK ? keep_run(write, txn, &record, err) : code;
}

/* ---- updating ---- */

/* What is owed by an update goes to its own endpoint, which therefore takes its place before the commit … */
static enum err_code try_receiver(struct snapshot_write *write, struct error *err)
{
	struct snapshot *snapshot =
		snapshots_find(write->broker->snapshots, broker_place_tenant(write->tenant), write->id);

	write->made = snapshot;
	if (!snapshot || subscriptions_set_receiver(write->tenant->subscriptions, snapshot->receiver, write->receiver))
		return ERR_OK;
	return err_set(err, ERR_MEMORY, "no memory for a snapshot's endpoint");
}

/* … and gives it back when nothing comes of it. */
static void give_receiver_back(struct snapshot_write *write)
{
	if (write->made)
		(void)!subscriptions_set_receiver(write->tenant->subscriptions, write->receiver, write->made->receiver);
	write->made = snapshot_unref(write->made);
}

/* The time that is asked for counts from now (5.2.41). */
static enum err_code run_update(struct snapshot_write *write, struct store_txn *txn, struct error *err)
{
	int64_t now_us = broker_now_us(write->broker);
	struct snapshot_record record;
	struct json *document = NULL;
	enum err_code code = snapshot_record_get(txn, write->id, &record, err);

	give_receiver_back(write); /* of a run before */
	if (code == ERR_OK && record.state.expires_us <= now_us)
		return not_found(write->id, err);
	if (code == ERR_OK)
		code = snapshot_merge(store_txn_arena(txn), record.document, write->document, &document, err);
	if (code == ERR_OK)
		code = put_priority(store_txn_arena(txn), document, err);
	if (code != ERR_OK)
		return code;
	record.document = document;
	record.state.modified_us = now_us;
	if (json_get(write->document, STR("snapshotLifetime")))
		record.state.expires_us = now_us + snapshot_life_us(write->broker, document);
	code = keep_run(write, txn, &record, err);
	if (code == ERR_OK)
		code = try_receiver(write, err);
	return code == ERR_OK ? snapshot_owe(write->tenant, txn, &record, false, now_us, err) : code;
}

/* ---- deleting ---- */

/* Who has an endpoint is told; until then a record says whom. */
static enum err_code say_farewell(struct snapshot_write *write, struct store_txn *txn,
				  const struct snapshot_record *record, struct error *err)
{
	struct buf text;

	if (!snapshot_has_endpoint(record))
		return ERR_OK;
	buf_init(&text, 2 * BROKER_SNAPSHOT_BYTES_MAX);
	snapshot_record_write(&text, record);
	enum err_code code = buf_check(&text, "a snapshot", err);

	if (code == ERR_OK)
		code = store_txn_record_put(txn, STR(SNAPSHOT_FAREWELL_KIND), record->digits, buf_str(&text), err);
	buf_done(&text);
	return code ? code : snapshot_owe(write->tenant, txn, record, true, broker_now_us(write->broker), err);
}

static enum err_code run_delete(struct snapshot_write *write, struct store_txn *txn, struct error *err)
{
	struct snapshot_record record;
	enum err_code code = snapshot_record_get(txn, write->id, &record, err);

	if (code == ERR_OK)
		code = store_txn_record_delete(txn, STR(SNAPSHOT_RECORD_KIND), write->id, err);
	return code == ERR_OK ? say_farewell(write, txn, &record, err) : code;
}

static enum err_code run(struct store_write *store_write, struct store_txn *txn, struct error *err)
{
	struct snapshot_write *write = write_of(store_write);

	switch (write->operation) {
	case SNAPSHOT_UPDATE:
		return run_update(write, txn, err);
	case SNAPSHOT_DELETE:
		return run_delete(write, txn, err);
	default:
		return run_create(write, txn, err);
	}
}

/* ---- once it is durable ---- */

static enum err_code created(struct snapshot_write *write, struct error *err)
{
	struct snapshots *all = write->broker->snapshots;
	struct snapshot *snapshot = write->made;

	snapshot_set_receiver(all, write->tenant, snapshot, write->receiver);
	write->receiver = NULL;
	(void)pthread_mutex_lock(&all->lock);
	bool good = snapshot_know(snapshot, write->text) && map_set(&all->by_key, snapshot->key, snapshot);

	if (good) {
		write->made = NULL; /* the map has it */
		snapshots_queue(all, snapshot);
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (!good)
		snapshot_set_receiver(all, write->tenant, snapshot, NULL);
	/* The record is there: it will be made at the next start. */
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to make the snapshot before the next start");
}

static enum err_code updated(struct snapshot_write *write, struct error *err)
{
	struct snapshots *all = write->broker->snapshots;
	struct snapshot *snapshot = write->made;

	if (!snapshot)
		return ERR_OK; /* it expires just now */
	(void)pthread_mutex_lock(&all->lock);
	struct subscribed *before = snapshot->receiver;
	bool good = snapshot_know(snapshot, write->text);

	snapshot->receiver = write->receiver;
	(void)pthread_mutex_unlock(&all->lock);
	write->receiver = before; /* to be let go of */
	return good ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to know the snapshot before the next start");
}

static void deleted(struct snapshot_write *write)
{
	struct snapshots *all = write->broker->snapshots;
	struct str key = write->made->key;

	(void)pthread_mutex_lock(&all->lock);
	struct snapshot *snapshot = map_remove(&all->by_key, key);
	struct tenant *place = snapshot ? snapshot->place : NULL;

	if (snapshot) {
		all->count--;
		snapshot->gone = true;
		snapshot->place = NULL;
	}
	if (snapshot && snapshot->receiver && !snapshot->waits) {
		snapshot->next = all->farewells;
		all->farewells = snapshot_ref(snapshot);
	}
	(void)pthread_cond_signal(&all->wake);
	(void)pthread_mutex_unlock(&all->lock);
	if (place)
		places_retire(write->broker, place);
	(void)snapshot_unref(snapshot);
}

static void done(struct store_write *store_write, enum err_code code, const struct error *err)
{
	struct snapshot_write *write = write_of(store_write);
	struct snapshots *all = write->broker->snapshots;
	bool creates = write->operation == SNAPSHOT_CREATE || write->operation == SNAPSHOT_CLONE;
	struct error local;

	if (code != ERR_OK && write->operation == SNAPSHOT_UPDATE)
		give_receiver_back(write);
	if (code != ERR_OK && creates) {
		(void)pthread_mutex_lock(&all->lock);
		all->count--;
		(void)pthread_mutex_unlock(&all->lock);
	} else if (code == ERR_OK && write->operation == SNAPSHOT_DELETE) {
		deleted(write);
	} else if (code == ERR_OK) {
		code = creates ? created(write, &local) : updated(write, &local);
		err = &local;
	}
	write->receiver = subscribed_unref(write->receiver);
	write->made = snapshot_unref(write->made);
	write->done(write, code, err);
}

/* ---- submitting ---- */

static enum err_code take_room(struct snapshots *all, struct error *err)
{
	uint32_t max = all->broker->options.snapshots_max;
	enum err_code code = ERR_OK;

	if (max == 0 || max > BROKER_SNAPSHOTS_MAX)
		max = BROKER_SNAPSHOTS_MAX;
	(void)pthread_mutex_lock(&all->lock);
	if (all->count < max)
		all->count++;
	else
		code = err_set(err, ERR_LIMIT, "there are %u snapshots already: delete one, or let one expire", max);
	(void)pthread_mutex_unlock(&all->lock);
	return code;
}

/* Deleting needs the key alone. */
static enum err_code prepare(struct snapshot_write *write, struct str tenant, struct error *err)
{
	char digits[RANDOM_ID_BYTES] = "";
	bool creates = write->operation == SNAPSHOT_CREATE || write->operation == SNAPSHOT_CLONE;
	enum err_code code = ERR_OK;

	if (write->id.len == 0 || write->id.len > BROKER_SNAPSHOT_ID_BYTES_MAX)
		return creates ? err_set(err, ERR_INVALID, "a snapshot's id has at most %u bytes",
					 BROKER_SNAPSHOT_ID_BYTES_MAX)
			       : not_found(write->id, err);
	if (creates)
		code = random_id(digits, err);
	if (code == ERR_OK && write->operation != SNAPSHOT_UPDATE)
		code = snapshot_new(tenant, write->id, str_from(digits), &write->made, err);
	if (code == ERR_OK && creates)
		code = take_room(write->broker->snapshots, err);
	return code;
}

enum err_code broker_snapshot_submit(struct broker *broker, struct str tenant, struct snapshot_write *write,
				     struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, false, &store, err);

	if (code == ERR_OK && !broker->snapshots)
		code = err_set(err, ERR_UNSUPPORTED, "this broker does not offer snapshots");
	if (code != ERR_OK)
		return code;
	write->broker = broker;
	write->tenant = tenant_find(broker, tenant);
	write->made = NULL;
	write->receiver = NULL;
	write->text = STR_NONE;
	write->store_write = (struct store_write){.run = run, .done = done};
	code = prepare(write, tenant, err);
	bool counted = code == ERR_OK && (write->operation == SNAPSHOT_CREATE || write->operation == SNAPSHOT_CLONE);

	if (code == ERR_OK)
		code = store_submit(store, &write->store_write, err);
	if (code == ERR_OK)
		return ERR_OK;
	if (counted) {
		(void)pthread_mutex_lock(&broker->snapshots->lock);
		broker->snapshots->count--;
		(void)pthread_mutex_unlock(&broker->snapshots->lock);
	}
	write->made = snapshot_unref(write->made);
	return code;
}
