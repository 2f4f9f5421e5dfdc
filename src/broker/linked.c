/* Linked entities of one read, and the retrieval of an entity within a snapshot that they are read from too. */
#include "broker/linked_int.h"
#include "broker/read_int.h"
#include "ngsild/expiry.h"

struct linked_entity {
	const struct json *document; /* NULL: there is none */
};

void linked_init(struct linked *linked)
{
	arena_init(&linked->trees, LINKED_BYTES_MAX);
	map_init(&linked->by_id, (uintptr_t)linked);
}

void linked_done(struct linked *linked)
{
	map_done(&linked->by_id);
	arena_done(&linked->trees);
}

static void forget(struct linked *linked)
{
	map_done(&linked->by_id);
	map_init(&linked->by_id, (uintptr_t)linked);
	arena_clear(&linked->trees);
}

void linked_begin(struct linked *linked, struct store_reader *store, struct json_parser *parser, int64_t now_us)
{
	linked_end(linked);
	linked->begun = true;
	linked->store = store;
	linked->parser = parser;
	linked->now_us = now_us;
	linked->code = ERR_OK;
	linked->finds = 0;
}

void linked_end(struct linked *linked)
{
	if (linked->by_id.count > 0)
		forget(linked);
	linked->begun = false;
}

void linked_next(struct linked *linked)
{
	linked->finds = 0;
	if (linked->trees.bytes > LINKED_KEEP_BYTES)
		forget(linked);
}

/* ---- finding ---- */

/* *ret is NULL when there is no entity of this id, or it has expired. */
static enum err_code read_entity(struct linked *linked, struct str id, const struct json **ret)
{
	struct json *entity = NULL;
	enum err_code code = store_get_tree(linked->store, id, linked->parser, &linked->trees, &entity, &linked->error);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code == ERR_MEMORY)
		return err_set(&linked->error, ERR_TOO_COMPLEX, "the entities linked to need more than %zu MiB",
			       LINKED_BYTES_MAX >> 20);
	if (code != ERR_OK || expiry_is_over(entity, linked->now_us))
		return code;
	(void)expiry_hide(entity, linked->now_us);
	*ret = entity;
	return ERR_OK;
}

static enum err_code remember(struct linked *linked, struct str id, struct linked_entity **ret)
{
	struct linked_entity *entry = arena_new(&linked->trees, struct linked_entity);
	struct str key = arena_dup(&linked->trees, id);

	if (!entry || !key.at)
		return err_set(&linked->error, ERR_MEMORY, "no memory for linked entities");
	enum err_code code = read_entity(linked, id, &entry->document);

	if (code != ERR_OK)
		return code;
	if (!map_set(&linked->by_id, key, entry))
		return err_set(&linked->error, ERR_MEMORY, "no memory for linked entities");
	*ret = entry;
	return ERR_OK;
}

const struct json *linked_find(void *self, struct str id)
{
	struct linked *linked = self;
	struct linked_entity *entry = NULL;

	if (!linked->begun || linked->code != ERR_OK)
		return NULL;
	if (++linked->finds > LINKED_FINDS_MAX) {
		linked->code = err_set(&linked->error, ERR_TOO_COMPLEX,
				       "one entity leads to more than %u linked entities", LINKED_FINDS_MAX);
		return NULL;
	}
	entry = map_get(&linked->by_id, id);
	if (!entry)
		linked->code = remember(linked, id, &entry);
	return entry ? entry->document : NULL;
}

struct linked_source broker_linked_source(struct broker_reader *reader)
{
	return (struct linked_source){.find = linked_find, .self = &reader->linked};
}

/* ---- one entity ---- */

struct one {
	int64_t now_us;
	bool (*visit)(void *self, const struct json *entity);
	void *self;
	bool found;
};

static bool visit_one(void *self, struct json *entity)
{
	struct one *one = self;

	if (expiry_is_over(entity, one->now_us))
		return false;
	(void)expiry_hide(entity, one->now_us);
	one->found = true;
	(void)one->visit(one->self, entity);
	return false;
}

enum err_code broker_retrieve_linked(struct broker_reader *reader, struct str tenant, struct str id,
				     bool (*visit)(void *self, const struct json *entity), void *self,
				     struct error *err)
{
	const struct narrow narrow = {.ids = &id, .id_count = 1, .exact = true};
	struct one one = {.now_us = broker_now_us(reader->broker), .visit = visit, .self = self};
	const struct store_tree_sight sight = {
		.visit = visit_one, .self = &one, .parser = reader->parser, .arena = &reader->scratch};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code != ERR_OK)
		return code;
	linked_begin(&reader->linked, store, reader->parser, one.now_us);
	code = store_scan_trees(store, &narrow, &sight, err);
	if (code == ERR_OK && reader->linked.code != ERR_OK) {
		*err = reader->linked.error;
		code = reader->linked.code;
	}
	linked_end(&reader->linked);
	if (code == ERR_OK && !one.found)
		return err_set(err, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(str_part(id, 0, 150)));
	return code;
}
