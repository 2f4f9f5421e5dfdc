/* The snapshots' thread: it makes what was asked for, one after the other, deletes what has expired, and closes what is
 * gone.
 *
 * A store is filled beside the list of places and put into it when it is whole; only then does the record say so. What
 * a crash leaves of it is found by the record (preparing: removed, and made anew) or by the lack of one (removed). */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include <time.h>

#define LOOK_MS_MAX 500u /* how often it looks for what has expired, or may be closed: at least so often */
#define RETRY_MS 10000 /* after one whose record could not be written */
#define WARNINGS_BYTES_MAX ((size_t)16 << 10) /* of one query: about sources; more are left out */
#define NOTE_MS 10000u /* how often uses are written into records, where no sweep is configured */

struct work {
	struct snapshots *all;
	struct snapshot *snapshot;
	struct arena arena; /* of the record */
	struct snapshot_record record;
	struct store *store; /* owned, until it is a place */
	struct buf details, temporal_details;
	bool again; /* its record could not be written */
};

/* Nobody wants it any more, or not now. */
static bool is_over(const void *self)
{
	const struct work *work = self;
	struct snapshots *all = work->all;

	if (atomic_load(&all->stop))
		return true;
	(void)pthread_mutex_lock(&all->lock);
	bool gone = work->snapshot->gone;

	(void)pthread_mutex_unlock(&all->lock);
	return gone;
}

static void complain(const struct work *work, const char *doing, const struct error *cause)
{
	const struct broker_options *options = &work->all->broker->options;
	struct error err = *cause;

	(void)err_while(&err, "%s the snapshot %.*s", doing, STR_FMT(str_part(work->snapshot->id, 0, 100)));
	if (options->complain && !atomic_load(&work->all->stop))
		options->complain(options->complain_self, snapshot_tenant(work->snapshot), &err);
}

/* ---- an empty store, or a copy ---- */

static enum err_code fresh_options(const struct work *work, char path[static PATH_MAX], struct store_options *ret,
				   struct error *err)
{
	const struct broker *broker = work->all->broker;
	struct str place = str_from(work->snapshot->place_name);

	snapshot_files_remove(broker, place); /* what was half made before */
	return snapshot_options(broker, place, true, path, ret, err);
}

static enum err_code open_empty(struct work *work, struct error *err)
{
	char path[PATH_MAX];
	struct store_options options;
	enum err_code code = fresh_options(work, path, &options, err);

	if (code == ERR_OK)
		code = store_sqlite_open(&options, &work->store, err);
	return code ? code : identity_ensure(work->store, err);
}

static struct tenant *hold_source(const struct work *work)
{
	struct snapshots *all = work->all;
	struct snapshot *source = snapshots_find(all, snapshot_tenant(work->snapshot), work->record.source);
	struct tenant *place = NULL;

	if (!source)
		return NULL;
	(void)pthread_mutex_lock(&all->lock);
	if (source->place) {
		place = source->place;
		(void)atomic_fetch_add(&place->uses, 1);
	}
	(void)pthread_mutex_unlock(&all->lock);
	(void)snapshot_unref(source);
	return place;
}

static enum err_code copy(struct work *work, struct error *err)
{
	char path[PATH_MAX];
	struct store_options options;
	struct tenant *source = hold_source(work);
	enum err_code code = source ? fresh_options(work, path, &options, err)
				    : err_set(err, ERR_NOT_FOUND, "what was to be cloned is not there any more");

	if (code == ERR_OK)
		code = store_clone(source->store, &options, &work->store, err);
	broker_place_release(source);
	return code ? code : identity_renew(work->store, err);
}

/* ---- filling ---- */

/* As the document has it: temporal ones stand behind the others, among what is run. */
static const struct json *document_query(const struct work *work, uint32_t at)
{
	const struct json *list = json_get(work->record.document, STR("snapshotQueries"));

	if (json_is(list, JSON_ARRAY)) {
		if (at < list->count)
			return &list->items[at];
		at -= list->count;
	}
	list = json_get(work->record.document, STR("snapshotTemporalQueries"));
	return json_is(list, JSON_ARRAY) && at < list->count ? &list->items[at] : NULL;
}

static enum err_code run_query(struct work *work, struct snapshot_sink *sink, struct context *context, uint32_t at,
			       struct error *err)
{
	struct snapshot_query query;
	uint64_t found = 0;
	struct error cause = {.code = ERR_OK};
	struct buf warnings;
	enum err_code code = snapshot_query_read(&work->arena, &work->record.queries->items[at], &query, err);

	if (code != ERR_OK)
		return code;
	query.document = document_query(work, at);
	query.context_value = work->record.context_value;
	struct buf *out = query.temporal ? &work->temporal_details : &work->details;

	sink->again = query.temporal && out->len > 0;
	buf_init(&warnings, WARNINGS_BYTES_MAX);
	code = snapshot_gather(work->all->reader, snapshot_tenant(work->snapshot), &query, context, sink, &warnings,
			       &found, &cause);
	if (snapshot_sink_failed(sink)) {
		*err = cause;
	} else {
		buf_put_char(out, out->len ? ',' : '[');
		snapshot_details_put(out, code, &cause, found, buf_str(&warnings));
		code = ERR_OK;
	}
	buf_done(&warnings);
	return code;
}

static enum err_code run_queries(struct work *work, struct snapshot_sink *sink, struct context *context,
				 struct error *err)
{
	const struct json *queries = work->record.queries;
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && queries && i < queries->count; i++)
		code = run_query(work, sink, context, i, err);
	if (work->details.len)
		buf_put_char(&work->details, ']');
	if (work->temporal_details.len)
		buf_put_char(&work->temporal_details, ']');
	if (code == ERR_OK)
		code = buf_check(&work->details, "a snapshot's details", err);
	return code ? code : buf_check(&work->temporal_details, "a snapshot's details", err);
}

/* All queries see the tenant as it is at one moment, where its store can hold one. */
static enum err_code fill(struct work *work, struct error *err)
{
	struct broker *broker = work->all->broker;
	struct store_reader *reader = NULL;
	struct context *context = NULL;
	struct snapshot_sink sink;
	enum err_code code = broker_context(broker, work->record.context_value, NULL, NULL, &context, err);

	if (code == ERR_OK)
		code = open_empty(work, err);
	if (code == ERR_OK)
		code = store_reader_of(work->all->reader, snapshot_tenant(work->snapshot), &reader, err);
	if (code == ERR_OK)
		code = store_hold(reader, err);
	if (code == ERR_OK) {
		snapshot_sink_init(&sink, broker, work->store, is_over, work);
		code = run_queries(work, &sink, context, err);
		snapshot_sink_done(&sink);
		store_release(reader);
	}
	(void)context_unref(context);
	return code;
}

/* ---- one ---- */

static enum err_code read_record(struct work *work, struct error *err)
{
	struct snapshots *all = work->all;

	(void)pthread_mutex_lock(&all->lock);
	struct str text = arena_dup(&work->arena, (struct str){work->snapshot->text, work->snapshot->text_bytes});

	(void)pthread_mutex_unlock(&all->lock);
	if (!text.at)
		return err_set(err, ERR_MEMORY, "no memory to make a snapshot");
	return snapshot_record_parse(broker_reader_parser(all->reader), &work->arena, text, &work->record, err);
}

static enum err_code make_place(struct work *work, struct tenant **ret_place, struct error *err)
{
	struct broker *broker = work->all->broker;
	struct str name = str_from(work->snapshot->place_name);

	(void)pthread_mutex_lock(&broker->tenants.opening);
	enum err_code code = tenants_add(broker, name, work->snapshot->id, work->store, err);

	(void)pthread_mutex_unlock(&broker->tenants.opening);
	work->store = NULL;
	if (code != ERR_OK)
		return code;
	*ret_place = broker_place_hold(broker, name);
	broker_place_release(*ret_place); /* the list holds it */
	return ERR_OK;
}

static enum err_code make_contents(struct work *work, struct tenant **ret_place, struct error *err)
{
	enum err_code code = is_over(work) ? err_set(err, ERR_CONFLICT, "the snapshot is not wanted any more")
					   : read_record(work, err);

	if (code == ERR_OK && work->record.state.status != SNAPSHOT_PREPARING)
		code = err_set(err, ERR_NOT_FOUND, "its contents are lost");
	if (code == ERR_OK)
		code = work->record.source.at ? copy(work, err) : fill(work, err);
	if (code == ERR_OK && is_over(work))
		code = err_set(err, ERR_CONFLICT, "the snapshot is not wanted any more");
	return code ? code : make_place(work, ret_place, err);
}

static void remove_remains(struct work *work, struct tenant *place)
{
	if (place)
		places_retire(work->all->broker, place); /* its files go when it is closed */
	work->store = store_free(work->store);
	if (!place)
		snapshot_files_remove(work->all->broker, str_from(work->snapshot->place_name));
}

static void make(struct work *work)
{
	struct tenant *place = NULL;
	struct snapshot_result result = {.failed = false};
	struct error err = {.code = ERR_OK};
	enum err_code code = make_contents(work, &place, &err);

	if (code != ERR_OK && is_over(work)) {
		remove_remains(work, NULL); /* deleted, or made anew at the next start */
		return;
	}
	if (code != ERR_OK) {
		complain(work, "making", &err);
		result.failed = true;
		remove_remains(work, NULL);
	}
	result.place = place;
	result.details = buf_str(&work->details);
	result.temporal_details = buf_str(&work->temporal_details);
	code = snapshot_finish(work->all, work->snapshot, &result, &err);
	if (code == ERR_OK)
		return;
	work->again = code != ERR_NOT_FOUND; /* else it was deleted meanwhile */
	if (work->again)
		complain(work, "keeping", &err);
	remove_remains(work, place);
}

/* ---- the thread ---- */

/* Of the monotonic clock. */
static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static struct snapshot *take_next(struct snapshots *all)
{
	if (now_ms() < all->retry_ms)
		return NULL;
	(void)pthread_mutex_lock(&all->lock);
	struct snapshot *snapshot = all->first;

	if (snapshot)
		all->first = snapshot->next;
	(void)pthread_mutex_unlock(&all->lock);
	return snapshot;
}

/* It is not among those that wait any more; who deleted it meanwhile left the farewell to this. */
static void finish_with(struct snapshots *all, struct snapshot *snapshot, bool again)
{
	(void)pthread_mutex_lock(&all->lock);
	snapshot->waits = false;
	bool farewell = snapshot->gone && snapshot->receiver;

	if (again && !snapshot->gone) {
		snapshots_queue(all, snapshot);
		all->retry_ms = now_ms() + RETRY_MS;
	}

	if (farewell) {
		snapshot->next = all->farewells;
		all->farewells = snapshot;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (!farewell)
		(void)snapshot_unref(snapshot);
}

static void make_next(struct snapshots *all, struct snapshot *snapshot)
{
	struct work work = {.all = all, .snapshot = snapshot};

	arena_init(&work.arena, SNAPSHOT_ARENA_BYTES_MAX);
	buf_init(&work.details, BROKER_SNAPSHOT_BYTES_MAX);
	buf_init(&work.temporal_details, BROKER_SNAPSHOT_BYTES_MAX);
	make(&work);
	buf_done(&work.temporal_details);
	buf_done(&work.details);
	arena_done(&work.arena);
	finish_with(all, snapshot, work.again);
}

static struct snapshot *find_expired(struct snapshots *all)
{
	int64_t now_us = broker_now_us(all->broker);
	struct snapshot *found = NULL;
	struct str key;
	void *value;
	size_t at = 0;

	(void)pthread_mutex_lock(&all->lock);
	while (!found && map_each(&all->by_key, &at, &key, &value))
		if (((const struct snapshot *)value)->expires_us <= now_us)
			found = snapshot_ref(value);
	(void)pthread_mutex_unlock(&all->lock);
	return found;
}

struct expiry {
	struct snapshot_write write;
	pthread_mutex_t lock; /* guards the following */
	pthread_cond_t wake;
	bool over;
	enum err_code code;
};

static void expiry_done(struct snapshot_write *write, enum err_code code, const struct error *err)
{
	struct expiry *expiry = write->self;

	(void)err;
	(void)pthread_mutex_lock(&expiry->lock);
	expiry->code = code;
	expiry->over = true;
	(void)pthread_cond_signal(&expiry->wake);
	(void)pthread_mutex_unlock(&expiry->lock);
}

/* Waits for it. False: it cannot be deleted now. */
static bool delete_expired(struct snapshots *all, const struct snapshot *snapshot)
{
	struct expiry expiry = {.write = {.operation = SNAPSHOT_DELETE, .id = snapshot->id, .done = expiry_done}};
	struct error err;

	expiry.write.self = &expiry;
	(void)pthread_mutex_init(&expiry.lock, NULL);
	(void)pthread_cond_init(&expiry.wake, NULL);
	enum err_code code = broker_snapshot_submit(all->broker, snapshot_tenant(snapshot), &expiry.write, &err);

	if (code == ERR_OK) {
		(void)pthread_mutex_lock(&expiry.lock);
		while (!expiry.over)
			(void)pthread_cond_wait(&expiry.wake, &expiry.lock);
		(void)pthread_mutex_unlock(&expiry.lock);
		code = expiry.code;
	}
	(void)pthread_cond_destroy(&expiry.wake);
	(void)pthread_mutex_destroy(&expiry.lock);
	return code == ERR_OK || code == ERR_NOT_FOUND;
}

static void expire(struct snapshots *all)
{
	struct snapshot *snapshot;
	bool more = true;

	while (more && !atomic_load(&all->stop) && (snapshot = find_expired(all)) != NULL) {
		more = delete_expired(all, snapshot);
		(void)snapshot_unref(snapshot);
	}
}

static void on_closed(void *self, struct str name)
{
	snapshot_files_remove(((const struct snapshots *)self)->broker, name);
}

static void wait_a_while(struct snapshots *all, uint32_t ms)
{
	int64_t until_ms = now_ms() + ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

	(void)pthread_mutex_lock(&all->lock);
	if (!all->ending && (!all->first || now_ms() < all->retry_ms))
		(void)pthread_cond_timedwait(&all->wake, &all->lock, &until);
	(void)pthread_mutex_unlock(&all->lock);
}

void *snapshots_main(void *self)
{
	struct snapshots *all = self;
	uint32_t sweep_ms = all->broker->options.sweep_interval_ms;
	uint32_t note_ms = sweep_ms ? sweep_ms : NOTE_MS;
	int64_t next_ms = now_ms() + note_ms;

	while (!atomic_load(&all->stop)) {
		struct snapshot *snapshot = take_next(all);

		if (snapshot)
			make_next(all, snapshot);
		expire(all);
		places_close_gone(all->broker, on_closed, all);
		if (now_ms() >= next_ms) {
			snapshots_note_uses(all);
			snapshots_end_farewells(all);
			next_ms = now_ms() + note_ms;
		}
		broker_reader_let_go(all->reader);
		wait_a_while(all, note_ms < LOOK_MS_MAX ? note_ms : LOOK_MS_MAX);
	}
	snapshots_note_uses(all);
	return NULL;
}
