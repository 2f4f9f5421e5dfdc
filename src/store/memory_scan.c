/* Reading the memory store: every committed document is parsed and held against the conditions. Nothing is narrowed by
 * an index here, so these answers are what the indices of other stores are tested against. */
#include "store/memory_int.h"

#include "base/cleanup.h"
#include "store/index_rows.h"

#include <stdlib.h>
#include <string.h>

#define SCAN_ARENA_BYTES_MAX ((size_t)256 << 20)

enum err_code memory_reader_new(struct store_backend *backend, struct store_snapshot **ret_snapshot, struct error *err)
{
	struct memory_reader *reader = calloc(1, sizeof(*reader));

	if (reader)
		reader->parser = json_parser_new();
	if (!reader || !reader->parser) {
		free(reader);
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	}
	reader->store = (struct memory_store *)backend;
	*ret_snapshot = (struct store_snapshot *)reader;
	return ERR_OK;
}

void memory_reader_free(struct store_snapshot *snapshot)
{
	struct memory_reader *reader = (struct memory_reader *)snapshot;

	(void)json_parser_free(reader->parser);
	free(reader);
}

struct memory_text *memory_text_find(struct memory_store *store, const struct memory_list *list, struct str key)
{
	(void)pthread_mutex_lock(&store->lock);
	const struct memory_item *item = map_get(&list->committed, key);
	struct memory_text *text = item ? memory_text_ref(item->committed) : NULL;

	(void)pthread_mutex_unlock(&store->lock);
	return text;
}

enum err_code memory_text_copy(struct memory_text *text, struct arena *arena, struct str *ret, struct error *err)
{
	char *copy = arena_bytes(arena, text->len, STORE_PADDING_BYTES);
	size_t len = text->len;

	if (copy)
		memcpy(copy, text->at, len);
	(void)memory_text_unref(text);
	if (!copy)
		return err_set(err, ERR_MEMORY, "no memory for %zu bytes of a document", len);
	*ret = (struct str){copy, len};
	return ERR_OK;
}

enum err_code memory_get(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			 struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;
	struct memory_text *text = memory_text_find(store, &store->entities, id);

	if (!text)
		return err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
	return memory_text_copy(text, arena, ret_bytes, err);
}

enum err_code memory_get_meta(struct store_snapshot *snapshot, struct str key, struct arena *arena,
			      struct str *ret_value, struct error *err)
{
	struct memory_store *store = ((struct memory_reader *)snapshot)->store;
	struct memory_text *text = memory_text_find(store, &store->metas, key);

	if (text)
		return memory_text_copy(text, arena, ret_value, err);
	*ret_value = STR("");
	return ERR_OK;
}

/* ---- conditions ---- */

static bool type_matches(const struct narrow *narrow, const struct json *entity)
{
	for (size_t i = 0; i < narrow->type_count; i++)
		if (document_has_type(entity, narrow->type_iris[i]))
			return true;
	return narrow->type_count == 0;
}

static bool id_matches(const struct narrow *narrow, struct str id)
{
	if (!str_starts(id, narrow->id_prefix))
		return false;
	for (size_t i = 0; i < narrow->id_count; i++)
		if (str_eq(narrow->ids[i], id))
			return true;
	return narrow->id_count == 0;
}

static bool either_matches(const struct narrow *narrow, const struct json *entity)
{
	for (size_t i = 0; i < narrow->either_id_count; i++)
		if (str_eq(narrow->either_ids[i], document_id(entity)))
			return true;
	for (size_t i = 0; i < narrow->either_type_count; i++)
		if (document_has_type(entity, narrow->either_type_iris[i]))
			return true;
	return narrow->either_id_count + narrow->either_type_count == 0;
}

static bool scope_matches(struct str prefix, const struct json *scopes)
{
	if (prefix.len == 0)
		return true;
	prefix = index_scope(prefix);
	for (uint32_t i = 0; json_is(scopes, JSON_ARRAY) && i < scopes->count; i++) {
		struct str scope = index_scope(json_text(&scopes->items[i]));

		if (str_starts(scope, prefix) && (scope.len == prefix.len || scope.at[prefix.len] == '/'))
			return true;
	}
	return false;
}

struct range_test {
	const struct narrow_attribute *attribute;
	bool holds;
};

static bool test_scalar(void *self, const struct json *scalar)
{
	struct range_test *test = self;
	const struct narrow_attribute *a = test->attribute;

	if (a->is_text && scalar->kind == JSON_STRING)
		test->holds = (!a->has_low || str_cmp(json_text(scalar), a->low_text) >= 0) &&
			      (!a->has_high || str_cmp(json_text(scalar), a->high_text) <= 0);
	else if (!a->is_text && scalar->kind == JSON_NUMBER)
		test->holds = (!a->has_low || scalar->number >= a->low_number) &&
			      (!a->has_high || scalar->number <= a->high_number);
	return !test->holds;
}

static bool attribute_matches(const struct narrow_attribute *attribute, const struct json *entity)
{
	const struct json *instances = json_get(entity, attribute->attribute_iri);
	struct range_test test = {.attribute = attribute};

	if (!instances || attribute->op == NARROW_EXISTS)
		return instances != NULL;
	query_each_narrow_value(instances, test_scalar, &test);
	return test.holds;
}

static bool place_matches(const struct narrow *narrow, const struct json *entity)
{
	const struct json *instances = json_get(entity, narrow->geo_attribute_iri);
	struct geo_box box;

	if (narrow->geo_attribute_iri.len == 0)
		return true;
	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++) {
		const struct json *instance = &instances->items[i];

		if (str_eq(json_text(json_get(instance, STR("type"))), STR("GeoProperty")) &&
		    geo_bounds(json_get(instance, STR("value")), &box) && geo_box_overlaps(box, narrow->geo_box))
			return true;
	}
	return false;
}

static bool entity_matches(const struct narrow *narrow, const struct json *entity)
{
	if (!type_matches(narrow, entity) || !id_matches(narrow, document_id(entity)) ||
	    !either_matches(narrow, entity) || !scope_matches(narrow->scope_prefix, json_get(entity, STR("scope"))) ||
	    !place_matches(narrow, entity))
		return false;
	for (size_t i = 0; i < narrow->attribute_count; i++)
		if (!attribute_matches(&narrow->attributes[i], entity))
			return false;
	return true;
}

/* ---- scanning ---- */

/* All committed documents in the order of creation, each with a reference; NULL without memory. */
static struct memory_text **take_all(struct memory_store *store, size_t *ret_count)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&store->lock);
	struct memory_text **texts = calloc(store->entities.committed.count + 1, sizeof(struct memory_text *));

	for (struct memory_item *item = store->entities.first; texts && item; item = item->next)
		if (item->committed)
			texts[count++] = memory_text_ref(item->committed);
	(void)pthread_mutex_unlock(&store->lock);
	*ret_count = count;
	return texts;
}

static enum err_code scan_text(const struct memory_reader *reader, struct arena *arena, const struct narrow *narrow,
			       struct str bytes, bool *ret_matches, struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *entity;

	arena_clear(arena);
	enum err_code code = json_parse(reader->parser, arena, bytes, &options, &entity, err);

	if (code == ERR_OK)
		*ret_matches = entity_matches(narrow, entity);
	return code;
}

enum err_code memory_scan(struct store_snapshot *snapshot, const struct narrow *narrow,
			  bool (*visit)(void *self, struct str bytes), void *self, uint64_t *ret_count,
			  struct error *err)
{
	struct memory_reader *reader = (struct memory_reader *)snapshot;
	size_t count = 0;
	CLEANUP_MEMORY struct memory_text **texts = take_all(reader->store, &count);
	uint64_t candidates = 0;
	bool more = true;
	struct arena arena;
	enum err_code code = texts ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to search");

	arena_init(&arena, SCAN_ARENA_BYTES_MAX);
	for (size_t i = 0; texts && i < count; i++) {
		struct str bytes = {texts[i]->at, texts[i]->len};
		bool matches = false;

		if (code == ERR_OK && more)
			code = scan_text(reader, &arena, narrow, bytes, &matches, err);
		if (matches) {
			candidates++;
			more = !visit || candidates <= narrow->skip || visit(self, bytes);
		}
		(void)memory_text_unref(texts[i]);
	}
	arena_done(&arena);
	if (code == ERR_OK)
		*ret_count = candidates;
	return code;
}
