/* Contents on their way into a snapshot's store: entities gathered and written many at a time, evolutions as they
 * come. Documents and instances stay what they were, times of the system's too. */
#include "broker/snapshots_int.h"

#include "ngsild/document.h"
#include "store/temporal.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256u /* entities … */
#define WAITING_BYTES ((size_t)8 << 20) /* … or so many bytes, then they are written */
#define SINK_ARENA_BYTES_MAX ((size_t)256 << 20)
#define LOOK_MAX 1000000u /* instances looked at for whether they are there already */

void snapshot_sink_init(struct snapshot_sink *sink, struct broker *broker, struct store *store,
			bool (*is_over)(const void *self), const void *self)
{
	*sink = (struct snapshot_sink){
		.store = store, .broker = broker, .is_over = is_over, .self = self, .stop = &broker->snapshots->stop};
	arena_init(&sink->arena, SINK_ARENA_BYTES_MAX);
}

void snapshot_sink_done(struct snapshot_sink *sink)
{
	(void)store_reader_free(sink->reader);
	arena_done(&sink->arena);
}

bool snapshot_sink_failed(const struct snapshot_sink *sink)
{
	return sink->code != ERR_OK;
}

static enum err_code fail(struct snapshot_sink *sink, enum err_code code)
{
	sink->code = code;
	return code;
}

static enum err_code no_memory(struct snapshot_sink *sink, struct error *err)
{
	return fail(sink, err_set(err, ERR_MEMORY, "no memory to fill a snapshot"));
}

/* ---- entities ---- */

struct entities_write {
	struct store_write write; /* first */
	const struct snapshot_sink *sink;
};

/* What the snapshot has of it, with the members of the one that was found. */
static enum err_code join(struct store_txn *txn, const struct json *before, const struct json *entity,
			  struct error *err)
{
	struct json *joined = json_dup_nodes(store_txn_arena(txn), before);

	for (uint32_t i = 0; joined && i < entity->count; i++)
		if (!json_set(store_txn_arena(txn), joined, entity->members[i].key, entity->members[i].value))
			joined = NULL;
	return joined ? store_txn_put(txn, before, joined, err)
		      : err_set(err, ERR_MEMORY, "no memory to fill a snapshot");
}

static enum err_code run_entities(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct snapshot_sink *sink = ((struct entities_write *)write)->sink;
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < sink->count; i++) {
		struct json *before = NULL;

		arena_clear(store_txn_arena(txn));
		code = store_txn_get(txn, document_id(sink->entities[i]), &before, NULL);
		if (code == ERR_NOT_FOUND)
			code = store_txn_put(txn, NULL, sink->entities[i], err);
		else if (code == ERR_OK)
			code = join(txn, before, sink->entities[i], err);
		else
			code = err_set(err, code, "cannot look what the snapshot has already");
	}
	return code;
}

enum err_code snapshot_sink_flush(struct snapshot_sink *sink, struct error *err)
{
	struct entities_write write = {.write = {.run = run_entities}, .sink = sink};
	enum err_code code = ERR_OK;

	if (sink->is_over(sink->self))
		return fail(sink, err_set(err, ERR_CONFLICT, "the snapshot is not wanted any more"));
	if (sink->count > 0)
		code = store_apply(sink->store, &write.write, err);
	sink->count = 0;
	sink->entities = NULL;
	arena_clear(&sink->arena);
	return code ? fail(sink, code) : ERR_OK;
}

enum err_code snapshot_sink_entity(struct snapshot_sink *sink, const struct json *entity, struct error *err)
{
	enum err_code code = ERR_OK;

	if (sink->count == WAITING_MAX || sink->arena.bytes > WAITING_BYTES)
		code = snapshot_sink_flush(sink, err);
	if (code != ERR_OK)
		return code;
	if (!sink->entities)
		sink->entities = arena_array(&sink->arena, const struct json *, WAITING_MAX);
	const struct json *copy = sink->entities ? json_dup(&sink->arena, entity) : NULL;

	if (!copy)
		return no_memory(sink, err);
	sink->entities[sink->count++] = copy;
	return ERR_OK;
}

/* ---- evolutions ---- */

struct series_write {
	struct store_write write; /* first */
	const struct broker *broker;
	struct str id;
	const struct str *types;
	size_t type_count;
	const struct change *changes;
};

static enum err_code run_series(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct series_write *series = (struct series_write *)write;
	bool created;
	enum err_code code = store_txn_subject_add(txn, series->id, series->types, series->type_count, &created, err);

	if (code == ERR_OK && series->changes)
		code = store_txn_history(txn, series->id, series->changes, broker_now_us(series->broker), err);
	return code;
}

static int64_t modified(const struct store_instance *instance)
{
	return instance->modified_us;
}

static bool is_same(const struct store_instance *a, const struct store_instance *b)
{
	return a->modified_us == b->modified_us && a->observed_us == b->observed_us && a->created_us == b->created_us &&
	       a->deleted_us == b->deleted_us && json_equal(&a->value, &b->value);
}

/* there: by the time of modification. */
static bool is_there(const struct store_instances *there, const struct store_instance *instance)
{
	size_t low = 0, high = there->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (modified(&there->at[middle]) < modified(instance))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < there->count && modified(&there->at[low]) == modified(instance); low++)
		if (is_same(&there->at[low], instance))
			return true;
	return false;
}

/* Of these series the snapshot may have something from a query before. */
static enum err_code look(struct snapshot_sink *sink, struct str id, const struct change *series,
			  const struct store_instance *instances, size_t count, struct store_instances *ret,
			  struct error *err)
{
	struct store_window window = {
		.by = STORE_MODIFIED_AT, .or_modified = true, .from_us = INT64_MAX, .to_us = INT64_MIN};
	enum err_code code = ERR_OK;

	*ret = (struct store_instances){.count = 0};
	if (!sink->again || count == 0)
		return ERR_OK;
	for (size_t i = 0; i < count; i++) {
		int64_t us = modified(&instances[i]);

		window.from_us = us < window.from_us ? us : window.from_us;
		window.to_us = us > window.to_us ? us : window.to_us;
	}
	if (!sink->reader)
		code = store_reader_new(sink->store, &sink->reader, err);
	if (code == ERR_OK)
		code = store_series_read(sink->reader, id, series->attribute_iri, series->dataset_id, &window, false,
					 LOOK_MAX, &sink->arena, ret, err);
	return code;
}

static enum err_code make_changes(struct snapshot_sink *sink, const struct change *like,
				  const struct store_instance *instances, size_t count,
				  const struct store_instances *there, struct change **ret, struct error *err)
{
	struct change *changes = arena_array(&sink->arena, struct change, count);
	struct change **end = ret;

	*ret = NULL;
	for (size_t i = 0; changes && i < count; i++) {
		if (is_there(there, &instances[i]))
			continue;
		struct json *document = store_instance_document(&sink->arena, &instances[i]);
		bool deleted = instances[i].shape->kind == CHANGE_DELETED;

		if (!document)
			return no_memory(sink, err);
		changes[i] = *like;
		changes[i].kind = instances[i].shape->kind;
		changes[i].before = deleted ? document : NULL;
		changes[i].after = deleted ? NULL : document;
		changes[i].deleted_us = deleted ? instances[i].deleted_us : 0;
		*end = &changes[i];
		end = &changes[i].next;
	}
	return changes ? ERR_OK : no_memory(sink, err);
}

enum err_code snapshot_sink_series(struct snapshot_sink *sink, struct str id, const struct str *types,
				   size_t type_count, struct str attribute_iri, struct str dataset_id,
				   const struct store_instance *instances, size_t count, struct error *err)
{
	const struct change like = {.attribute_iri = attribute_iri, .dataset_id = dataset_id};
	struct series_write write = {.write = {.run = run_series},
				     .broker = sink->broker,
				     .id = id,
				     .types = types,
				     .type_count = type_count};
	struct store_instances there;
	struct change *changes = NULL;
	enum err_code code = snapshot_sink_flush(sink, err);

	if (code == ERR_OK)
		code = look(sink, id, &like, instances, count, &there, err);
	if (code == ERR_OK)
		code = make_changes(sink, &like, instances, count, &there, &changes, err);
	write.changes = changes;
	if (code == ERR_OK)
		code = store_apply(sink->store, &write.write, err);
	arena_clear(&sink->arena);
	return code ? fail(sink, code) : ERR_OK;
}
