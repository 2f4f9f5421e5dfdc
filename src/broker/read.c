/* Reading: one reader a thread, with a parser, scratch for one candidate, and a store reader for each tenant that this
 * thread has looked at lately. */
#include "base/time_value.h"
#include "broker/read_int.h"
#include "ngsild/expiry.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATE_BYTES_MAX ((size_t)256 << 20) /* scratch for one document */

static void close_store(struct open_store *open)
{
	(void)store_reader_free(open->reader);
	broker_place_release(open->place);
	*open = (struct open_store){.reader = NULL};
}

enum err_code broker_reader_new(struct broker *broker, struct broker_reader **ret_reader, struct error *err)
{
	struct broker_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	reader->broker = broker;
	arena_init(&reader->scratch, CANDIDATE_BYTES_MAX);
	linked_init(&reader->linked);
	reader->parser = json_parser_new();
	if (!reader->parser) {
		(void)broker_reader_free(reader);
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	}
	*ret_reader = reader;
	return ERR_OK;
}

struct broker_reader *broker_reader_free(struct broker_reader *reader)
{
	if (!reader)
		return NULL;
	for (size_t i = 0; i < READER_STORES_MAX; i++)
		close_store(&reader->open[i]);
	(void)json_parser_free(reader->parser);
	linked_done(&reader->linked);
	arena_done(&reader->scratch);
	free(reader);
	return NULL;
}

struct json_parser *broker_reader_parser(struct broker_reader *reader)
{
	return reader->parser;
}

struct broker *reader_broker(const struct broker_reader *reader)
{
	return reader->broker;
}

enum err_code store_reader_of(struct broker_reader *reader, struct str tenant, struct store_reader **ret_reader,
			      struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(reader->broker, tenant, false, &store, err);
	struct open_store *oldest = &reader->open[0];

	if (code != ERR_OK)
		return code;
	reader->uses++;
	for (struct open_store *open = reader->open; open < reader->open + READER_STORES_MAX; open++) {
		if (open->reader && open->place->store == store) {
			open->used = reader->uses;
			*ret_reader = open->reader;
			return ERR_OK;
		}
		if (open->used < oldest->used)
			oldest = open;
	}
	struct open_store made = {.place = broker_place_hold(reader->broker, tenant), .used = reader->uses};

	if (!made.place)
		return err_set(err, ERR_NOT_FOUND, "the snapshot is not there any more");
	code = store_reader_new(made.place->store, &made.reader, err);
	if (code != ERR_OK) {
		broker_place_release(made.place);
		return code;
	}
	close_store(oldest);
	*oldest = made;
	*ret_reader = made.reader;
	return ERR_OK;
}

void reader_leave_snapshots(struct broker_reader *reader)
{
	for (struct open_store *open = reader->open; open < reader->open + READER_STORES_MAX; open++)
		if (open->reader && open->place->snapshot)
			close_store(open);
}

void broker_reader_let_go(struct broker_reader *reader)
{
	unsigned int gone = atomic_load(&reader->broker->tenants.gone_count);

	if (gone == reader->gone_seen)
		return;
	reader->gone_seen = gone;
	for (struct open_store *open = reader->open; open < reader->open + READER_STORES_MAX; open++)
		if (open->reader && broker_place_is_gone(open->place))
			close_store(open);
}

enum err_code reader_parse(struct broker_reader *reader, struct arena *arena, struct str bytes,
			   struct json **ret_entity, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	enum err_code code = json_parse(reader->parser, arena, bytes, &options, ret_entity, err);

	if (code == ERR_INVALID)
		return err_set(err, ERR_CORRUPT, "a stored document of %zu bytes is not JSON", bytes.len);
	return code;
}

enum err_code broker_retrieve(struct broker_reader *reader, struct str tenant, struct str id, struct arena *arena,
			      struct json **ret_entity, struct error *err)
{
	struct store_reader *store_reader;
	struct json *entity = NULL;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, err);

	if (code != ERR_OK)
		return code;
	code = store_get_tree(store_reader, id, reader->parser, arena, &entity, err);
	int64_t now_us = broker_now_us(reader->broker);

	if (code == ERR_NOT_FOUND || (code == ERR_OK && item_is_expired(entity, now_us)))
		return err_set(err, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(str_part(id, 0, 150)));
	if (code != ERR_OK)
		return code;
	(void)expiry_hide(entity, now_us);
	*ret_entity = entity;
	return ERR_OK;
}
