/* What expires in the memory store: found by reading all documents that name an expiresAt. */
#include "store/memory_int.h"

#include "base/cleanup.h"
#include "ngsild/expiry.h"

#include <stdlib.h>
#include <string.h>

#define EXPIRY_DOCUMENT_BYTES_MAX ((size_t)256 << 20)

/* The earliest expiry of a document; INT64_MAX: never. */
static enum err_code text_expiry(struct json_parser *parser, struct arena *arena, const struct memory_text *text,
				 int64_t *ret_us, struct error *err)
{
	static const char name[] = "\"expiresAt\"";
	const struct json_parse_options options = {.duplicates_allowed = true};
	struct json *entity;

	*ret_us = INT64_MAX;
	if (!memmem(text->at, text->len, name, sizeof(name) - 1))
		return ERR_OK;
	arena_clear(arena);
	enum err_code code = json_parse(parser, arena, (struct str){text->at, text->len}, &options, &entity, err);

	if (code == ERR_OK)
		(void)expiry_earliest(entity, ret_us);
	return code;
}

enum err_code memory_next_expiry(struct store_snapshot *snapshot, int64_t *ret_us, struct error *err)
{
	struct memory_reader *reader = (struct memory_reader *)snapshot;
	int64_t earliest = INT64_MAX, us = INT64_MAX;
	enum err_code code = ERR_OK;
	struct arena arena;

	arena_init(&arena, EXPIRY_DOCUMENT_BYTES_MAX);
	(void)pthread_mutex_lock(&reader->store->lock);
	for (struct memory_item *item = reader->store->entities.first; item && code == ERR_OK; item = item->next) {
		if (item->committed)
			code = text_expiry(reader->parser, &arena, item->committed, &us, err);
		earliest = item->committed && us < earliest ? us : earliest;
	}
	(void)pthread_mutex_unlock(&reader->store->lock);
	arena_done(&arena);
	if (code == ERR_OK)
		*ret_us = earliest;
	return code;
}

struct expired {
	int64_t us;
	struct memory_text *id;
};

static int expired_cmp(const void *a, const void *b)
{
	const struct expired *x = a, *y = b;

	return x->us < y->us ? -1 : x->us > y->us;
}

static enum err_code list_expired(struct memory_store *store, int64_t now_us, struct expired *list, size_t *ret_count,
				  struct error *err)
{
	struct json_parser *parser = json_parser_new();
	struct arena arena;
	size_t at = 0, count = 0;
	struct str id;
	void *item;
	enum err_code code = parser ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a parser");

	arena_init(&arena, EXPIRY_DOCUMENT_BYTES_MAX);
	while (code == ERR_OK && map_each(&store->entities.pending, &at, &id, &item)) {
		int64_t us;

		code = text_expiry(parser, &arena, ((struct memory_item *)item)->pending, &us, err);
		if (code || us > now_us)
			continue;
		list[count] = (struct expired){us, memory_text_new(id)};
		if (list[count].id)
			count++;
		else
			code = err_set(err, ERR_MEMORY, "no memory to list what has expired");
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	*ret_count = count;
	return code;
}

enum err_code memory_txn_each_expired(struct store_backend *backend, int64_t now_us, uint32_t count_max,
				      bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	struct memory_store *store = (struct memory_store *)backend;
	CLEANUP_MEMORY struct expired *list = calloc(store->entities.pending.count + 1, sizeof(*list));
	size_t count = 0;
	enum err_code code = list ? list_expired(store, now_us, list, &count, err)
				  : err_set(err, ERR_MEMORY, "no memory to list what has expired");

	if (count > 1)
		qsort(list, count, sizeof(*list), expired_cmp);
	for (size_t i = 0; code == ERR_OK && i < count && i < count_max; i++)
		if (!visit(self, (struct str){list[i].id->at, list[i].id->len}))
			break;
	for (size_t i = 0; i < count; i++)
		(void)memory_text_unref(list[i].id);
	return code;
}
