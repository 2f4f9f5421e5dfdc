/* What the snapshots' thread writes into records: what came of making one, when one was used last, and that those who
 * were told of a deletion need not be remembered any more. */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include "store/outbox.h"

#define DROPPED_AT_ONCE 10000u

/* ---- a record changed by this thread, which waits for it ---- */

struct finish {
	struct store_write write; /* first */
	struct snapshots *all;
	struct snapshot *snapshot;
	struct tenant *tenant;
	const struct snapshot_result *result; /* NULL: it is noted when it was used last */
	struct buf text; /* the record, as it will be */
	pthread_mutex_t lock; /* guards the following */
	pthread_cond_t wake;
	bool over;
	enum err_code code;
	struct error error;
};

static enum err_code parse_details(struct store_txn *txn, struct str text, const struct json **ret, struct error *err)
{
	struct json *json = NULL;

	*ret = NULL;
	if (!text.len)
		return ERR_OK;
	enum err_code code = json_parse(store_txn_parser(txn), store_txn_arena(txn), text, NULL, &json, err);

	*ret = json;
	return code;
}

static enum err_code set_result(struct store_txn *txn, const struct snapshot_result *result,
				struct snapshot_record *record, struct error *err)
{
	struct snapshot_state *state = &record->state;
	enum err_code code = parse_details(txn, result->details, &state->details, err);

	if (code == ERR_OK)
		code = parse_details(txn, result->temporal_details, &state->temporal_details, err);
	if (result->failed)
		state->status = SNAPSHOT_FAILURE;
	else if (record->source.at)
		state->status = SNAPSHOT_SUCCESS;
	else
		state->status = snapshot_status_of(state->details, state->temporal_details);
	return code;
}

static enum err_code change(const struct finish *finish, struct store_txn *txn, struct snapshot_record *record,
			    struct error *err)
{
	struct snapshots *all = finish->all;

	(void)pthread_mutex_lock(&all->lock);
	record->state.last_used_us = finish->snapshot->last_used_us;
	(void)pthread_mutex_unlock(&all->lock);
	if (!finish->result)
		return ERR_OK;
	record->state.modified_us = broker_now_us(all->broker);
	enum err_code code = set_result(txn, finish->result, record, err);

	return code ? code : snapshot_owe(finish->tenant, txn, record, false, record->state.modified_us, err);
}

static enum err_code run_finish(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct finish *finish = (struct finish *)write;
	struct snapshot *snapshot = finish->snapshot;
	struct snapshot_record record;
	struct str text = STR_NONE;
	enum err_code code = snapshot_record_get(txn, snapshot->id, &record, err);

	/* Another one may have its id by now. */
	if (code == ERR_OK && !str_eq(record.digits, snapshot_digits(snapshot)))
		code = err_set(err, ERR_NOT_FOUND, "the snapshot is not there any more");
	if (code == ERR_OK)
		code = change(finish, txn, &record, err);
	if (code == ERR_OK)
		code = snapshot_record_put(txn, snapshot->id, &record, &text, err);
	buf_clear(&finish->text);
	if (code == ERR_OK)
		buf_put(&finish->text, text);
	return code ? code : buf_check(&finish->text, "a snapshot", err);
}

/* On the writer's thread, as all changes of what is in memory: so they come in the order of the commits. */
static enum err_code take(struct finish *finish, struct error *err)
{
	struct snapshots *all = finish->all;
	struct snapshot *snapshot = finish->snapshot;
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&all->lock);
	if (!snapshot_know(snapshot, buf_str(&finish->text)))
		code = err_set(err, ERR_MEMORY, "no memory for a snapshot");
	if (code == ERR_OK && finish->result) {
		snapshot->place = finish->result->place;
		all->made++;
		all->failed += snapshot->status == SNAPSHOT_FAILURE;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return code;
}

static void done_finish(struct store_write *write, enum err_code code, const struct error *err)
{
	struct finish *finish = (struct finish *)write;

	if (code != ERR_OK)
		finish->error = *err;
	else
		code = take(finish, &finish->error);
	(void)pthread_mutex_lock(&finish->lock);
	finish->code = code;
	finish->over = true;
	(void)pthread_cond_signal(&finish->wake);
	(void)pthread_mutex_unlock(&finish->lock);
}

static enum err_code run_and_wait(struct finish *finish, struct error *err)
{
	enum err_code code = store_submit(finish->tenant->store, &finish->write, err);

	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_lock(&finish->lock);
	while (!finish->over)
		(void)pthread_cond_wait(&finish->wake, &finish->lock);
	(void)pthread_mutex_unlock(&finish->lock);
	if (finish->code != ERR_OK)
		*err = finish->error;
	return finish->code;
}

enum err_code snapshot_finish(struct snapshots *all, struct snapshot *snapshot, const struct snapshot_result *result,
			      struct error *err)
{
	struct finish finish = {.write = {.run = run_finish, .done = done_finish},
				.all = all,
				.snapshot = snapshot,
				.tenant = tenant_find(all->broker, snapshot_tenant(snapshot)),
				.result = result};

	buf_init(&finish.text, 2 * BROKER_SNAPSHOT_BYTES_MAX);
	(void)pthread_mutex_init(&finish.lock, NULL);
	(void)pthread_cond_init(&finish.wake, NULL);
	enum err_code code = run_and_wait(&finish, err);

	(void)pthread_cond_destroy(&finish.wake);
	(void)pthread_mutex_destroy(&finish.lock);
	buf_done(&finish.text);
	return code;
}

/* ---- when they were used ---- */

static struct snapshot *take_used(struct snapshots *all)
{
	struct snapshot *found = NULL;
	struct str key;
	void *value;
	size_t at = 0;

	(void)pthread_mutex_lock(&all->lock);
	while (!found && map_each(&all->by_key, &at, &key, &value))
		if (((const struct snapshot *)value)->used)
			found = snapshot_ref(value);
	if (found)
		found->used = false;
	(void)pthread_mutex_unlock(&all->lock);
	return found;
}

/* One that cannot be written now is written after its next use. */
void snapshots_note_uses(struct snapshots *all)
{
	struct snapshot *snapshot;
	struct error err;

	while ((snapshot = take_used(all)) != NULL) {
		(void)!snapshot_finish(all, snapshot, NULL, &err);
		(void)snapshot_unref(snapshot);
	}
}

/* ---- farewells ---- */

struct farewell {
	struct store_write write; /* first */
	const struct snapshot *snapshot;
};

static enum err_code run_farewell(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct snapshot *snapshot = ((struct farewell *)write)->snapshot;
	bool more;
	enum err_code code = store_txn_record_delete(txn, STR(SNAPSHOT_FAREWELL_KIND), snapshot_digits(snapshot), err);

	if (code == ERR_OK || code == ERR_NOT_FOUND)
		code = store_txn_owed_drop(txn, snapshot->receiver->number, true, DROPPED_AT_ONCE, &more, err);
	return code;
}

static bool is_owed(struct snapshots *all, const struct snapshot *snapshot)
{
	struct store_owed_list list = {.count = 0};
	struct store_reader *reader;
	struct arena arena;
	struct error err;
	enum err_code code = store_reader_of(all->reader, snapshot_tenant(snapshot), &reader, &err);

	arena_init(&arena, SNAPSHOT_ARENA_BYTES_MAX);
	if (code == ERR_OK)
		code = store_owed_read(reader, snapshot->receiver->number, 0, 1, 1, &arena, &list, &err);
	arena_done(&arena);
	return code != ERR_OK || list.count > 0;
}

static bool end_farewell(struct snapshots *all, struct snapshot *snapshot)
{
	struct tenant *tenant = tenant_find(all->broker, snapshot_tenant(snapshot));
	struct farewell farewell = {.write = {.run = run_farewell}, .snapshot = snapshot};
	struct error err;

	if (is_owed(all, snapshot) || store_apply(tenant->store, &farewell.write, &err) != ERR_OK)
		return false;
	return subscriptions_set_receiver(tenant->subscriptions, snapshot->receiver, NULL);
}

/* Others only put some in front. */
static void take_out_of_farewells(struct snapshots *all, const struct snapshot *snapshot)
{
	(void)pthread_mutex_lock(&all->lock);
	struct snapshot **at = &all->farewells;

	while (*at != snapshot)
		at = &(*at)->next;
	*at = snapshot->next;
	(void)pthread_mutex_unlock(&all->lock);
}

void snapshots_end_farewells(struct snapshots *all)
{
	(void)pthread_mutex_lock(&all->lock);
	struct snapshot *snapshot = all->farewells;

	(void)pthread_mutex_unlock(&all->lock);
	while (snapshot && !atomic_load(&all->stop)) {
		struct snapshot *next = snapshot->next;

		if (end_farewell(all, snapshot)) {
			take_out_of_farewells(all, snapshot);
			(void)snapshot_unref(snapshot);
		}
		snapshot = next;
	}
}
