/* The snapshots of all tenants in memory: known by tenant and id, loaded with their tenant, held by who works on them.
 *
 * A record changes on the writer's thread of its tenant's store alone, and what is in memory follows once that is
 * durable (snapshot_write.c, snapshot_finish.c). */
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one ---- */

enum err_code snapshot_new(struct str tenant, struct str id, struct str digits, struct snapshot **ret,
			   struct error *err)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot) + tenant.len + 1 + id.len);

	if (!snapshot)
		return err_set(err, ERR_MEMORY, "no memory for a snapshot");
	char *at = (char *)(snapshot + 1);

	if (tenant.len)
		memcpy(at, tenant.at, tenant.len);
	memcpy(at + tenant.len + 1, id.at, id.len);
	snapshot->key = (struct str){at, tenant.len + 1 + id.len};
	snapshot->id = (struct str){at + tenant.len + 1, id.len};
	snapshot->tenant_bytes = tenant.len;
	atomic_init(&snapshot->references, 1);
	(void)snprintf(snapshot->place_name, sizeof(snapshot->place_name), "%.*s@%.*s", STR_FMT(tenant),
		       STR_FMT(digits));
	*ret = snapshot;
	return ERR_OK;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	(void)atomic_fetch_add(&snapshot->references, 1);
	return snapshot;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) > 1)
		return NULL;
	(void)subscribed_unref(snapshot->receiver);
	free(snapshot->text);
	free(snapshot);
	return NULL;
}

struct str snapshot_tenant(const struct snapshot *snapshot)
{
	return snapshot->tenant_bytes ? (struct str){snapshot->place_name, snapshot->tenant_bytes} : STR_NONE;
}

struct str snapshot_digits(const struct snapshot *snapshot)
{
	return str_from(snapshot->place_name + snapshot->tenant_bytes + 1);
}

bool snapshot_take_text(struct snapshot *snapshot, struct str text, const struct snapshot_record *record)
{
	char *copy = malloc(text.len);

	if (!copy)
		return false;
	memcpy(copy, text.at, text.len);
	free(snapshot->text);
	snapshot->text = copy;
	snapshot->text_bytes = text.len;
	snapshot->status = record->state.status;
	snapshot->expires_us = record->state.expires_us;
	if (record->state.last_used_us > snapshot->last_used_us)
		snapshot->last_used_us = record->state.last_used_us;
	return true;
}

bool snapshot_know(struct snapshot *snapshot, struct str text)
{
	struct json_parser *parser = json_parser_new();
	struct snapshot_record record;
	struct arena arena;

	arena_init(&arena, SNAPSHOT_ARENA_BYTES_MAX);
	bool good = parser && snapshot_record_parse(parser, &arena, text, &record, NULL) == ERR_OK &&
		    snapshot_take_text(snapshot, text, &record);

	arena_done(&arena);
	(void)json_parser_free(parser);
	return good;
}

/* ---- all ---- */

enum err_code snapshots_new(struct broker *broker, struct snapshots **ret, struct error *err)
{
	struct snapshots *all = calloc(1, sizeof(*all));
	pthread_condattr_t monotonic;

	if (!all)
		return err_set(err, ERR_MEMORY, "no memory for snapshots");
	all->broker = broker;
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&all->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	map_init(&all->by_key, (uint64_t)(uintptr_t)all);
	*ret = all;
	return ERR_OK;
}

enum err_code snapshots_start(struct snapshots *all, struct error *err)
{
	enum err_code code = broker_reader_new(all->broker, &all->reader, err);

	if (code != ERR_OK)
		return code;
	int refused = pthread_create(&all->thread, NULL, snapshots_main, all);

	if (refused)
		return err_set(err, ERR_IO, "cannot start the snapshots' thread: %s", strerrordesc_np(refused));
	(void)pthread_setname_np(all->thread, "snapshots");
	all->started = true;
	return ERR_OK;
}

struct snapshots *snapshots_free(struct snapshots *all)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (!all)
		return NULL;
	atomic_store(&all->stop, true);
	(void)pthread_mutex_lock(&all->lock);
	all->ending = true;
	(void)pthread_cond_signal(&all->wake);
	(void)pthread_mutex_unlock(&all->lock);
	if (all->started)
		(void)pthread_join(all->thread, NULL);
	(void)broker_reader_free(all->reader);
	for (struct snapshot *next, *one = all->first; one; one = next) {
		next = one->next;
		(void)snapshot_unref(one);
	}
	for (struct snapshot *next, *one = all->farewells; one; one = next) {
		next = one->next;
		(void)snapshot_unref(one);
	}
	while (map_each(&all->by_key, &at, &key, &value))
		(void)snapshot_unref(value);
	map_done(&all->by_key);
	(void)pthread_cond_destroy(&all->wake);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

void snapshots_queue(struct snapshots *all, struct snapshot *snapshot)
{
	snapshot->waits = true;
	snapshot->next = NULL;
	if (all->first)
		all->last->next = snapshot_ref(snapshot);
	else
		all->first = snapshot_ref(snapshot);
	all->last = snapshot;
	(void)pthread_cond_signal(&all->wake);
}

/* ---- finding ---- */

#define KEY_BYTES_MAX (BROKER_TENANT_NAME_BYTES_MAX + 1 + BROKER_SNAPSHOT_ID_BYTES_MAX)

/* Under the lock; borrowed. What has expired is there no more. */
static struct snapshot *find(struct snapshots *all, struct str tenant, struct str id)
{
	char key[KEY_BYTES_MAX];

	if (tenant.len > BROKER_TENANT_NAME_BYTES_MAX || id.len > BROKER_SNAPSHOT_ID_BYTES_MAX)
		return NULL;
	if (tenant.len)
		memcpy(key, tenant.at, tenant.len);
	key[tenant.len] = '\0';
	if (id.len)
		memcpy(key + tenant.len + 1, id.at, id.len);
	struct snapshot *snapshot = map_get(&all->by_key, (struct str){key, tenant.len + 1 + id.len});

	return snapshot && snapshot->expires_us > broker_now_us(all->broker) ? snapshot : NULL;
}

struct snapshot *snapshots_find(struct snapshots *all, struct str tenant, struct str id)
{
	(void)pthread_mutex_lock(&all->lock);
	struct snapshot *snapshot = find(all, tenant, id);

	if (snapshot)
		(void)snapshot_ref(snapshot);
	(void)pthread_mutex_unlock(&all->lock);
	return snapshot;
}

static enum err_code tenant_is_there(struct broker *broker, struct str tenant, struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(broker, tenant, false, &store, err);

	if (code == ERR_OK && !broker->snapshots)
		code = err_set(err, ERR_UNSUPPORTED, "this broker does not offer snapshots");
	return code;
}

static enum err_code not_found(struct str id, struct error *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no snapshot %.*s", STR_FMT(str_part(id, 0, 150)));
}

/* Under the lock. Its record is brought up to date by the thread, now and then. */
static enum err_code use(struct snapshots *all, struct snapshot *snapshot, struct str id, struct tenant **ret_place,
			 struct error *err)
{
	if (!snapshot)
		return not_found(id, err);
	if (snapshot->status == SNAPSHOT_PREPARING)
		return err_set(err, ERR_CONFLICT, "the snapshot %.*s is still being prepared",
			       STR_FMT(str_part(id, 0, 120)));
	if (!snapshot->place)
		return err_set(err, ERR_NOT_FOUND, "the snapshot %.*s could not be made: it has no contents",
			       STR_FMT(str_part(id, 0, 120)));
	snapshot->used = true;
	snapshot->last_used_us = broker_now_us(all->broker);
	(void)atomic_fetch_add(&snapshot->place->uses, 1); /* the list holds it: it is not gone */
	*ret_place = snapshot->place;
	return ERR_OK;
}

enum err_code broker_snapshot_hold(struct broker *broker, struct str tenant, struct str id, struct tenant **ret_place,
				   struct error *err)
{
	struct snapshots *all = broker->snapshots;
	enum err_code code = tenant_is_there(broker, tenant, err);

	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_lock(&all->lock);
	code = use(all, find(all, tenant, id), id, ret_place, err);
	(void)pthread_mutex_unlock(&all->lock);
	return code;
}

enum err_code broker_snapshot_get(struct broker *broker, struct str tenant, struct str id, struct json_parser *parser,
				  struct arena *arena, struct snapshot_look *ret, struct error *err)
{
	struct snapshots *all = broker->snapshots;
	struct snapshot_record record;
	enum err_code code = tenant_is_there(broker, tenant, err);

	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_lock(&all->lock);
	const struct snapshot *snapshot = find(all, tenant, id);
	int64_t last_used_us = snapshot ? snapshot->last_used_us : 0;
	struct str text = STR_NONE;
	bool there = snapshot != NULL;

	if (there)
		text = arena_dup(arena, (struct str){snapshot->text, snapshot->text_bytes});
	(void)pthread_mutex_unlock(&all->lock);
	if (!there)
		return not_found(id, err);
	if (!text.at)
		return err_set(err, ERR_MEMORY, "no memory for a snapshot");
	code = snapshot_record_parse(parser, arena, text, &record, err);
	if (code != ERR_OK)
		return code;
	*ret = (struct snapshot_look){record.document, record.state};
	ret->state.last_used_us = last_used_us;
	return ERR_OK;
}

static int compare_texts(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum err_code broker_snapshot_list(struct broker *broker, struct str tenant, struct arena *arena, struct str **ret_ids,
				   size_t *ret_count, struct error *err)
{
	struct snapshots *all = broker->snapshots;
	struct str *ids = arena_array(arena, struct str, BROKER_SNAPSHOTS_MAX);
	enum err_code code = tenant_is_there(broker, tenant, err);
	int64_t now_us = broker_now_us(broker);
	size_t count = 0, at = 0;
	bool good = ids != NULL;
	struct str key;
	void *value;

	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_lock(&all->lock);
	while (good && count < BROKER_SNAPSHOTS_MAX && map_each(&all->by_key, &at, &key, &value)) {
		const struct snapshot *snapshot = value;

		if (!str_eq(snapshot_tenant(snapshot), tenant) || snapshot->expires_us <= now_us)
			continue;
		ids[count] = arena_dup(arena, snapshot->id);
		good = ids[count++].at != NULL;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (!good)
		return err_set(err, ERR_MEMORY, "no memory for a list of snapshots");
	qsort(ids, count, sizeof(*ids), compare_texts);
	*ret_ids = ids;
	*ret_count = count;
	return ERR_OK;
}

void broker_snapshot_stats(struct broker *broker, struct broker_snapshot_stats *ret)
{
	struct snapshots *all = broker->snapshots;

	*ret = (struct broker_snapshot_stats){0};
	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	*ret = (struct broker_snapshot_stats){all->by_key.count, all->made, all->failed};
	(void)pthread_mutex_unlock(&all->lock);
}
