/* Reading: one reader a thread, with a parser, scratch for one candidate, and a store reader for each tenant that this
 * thread has looked at lately. */
#include "base/time_value.h"
#include "broker/broker_int.h"

#include <stdlib.h>
#include <string.h>

#define READER_STORES_MAX 16 /* store readers kept open; the longest unused one makes room */
#define CANDIDATE_BYTES_MAX ((size_t)256 << 20) /* scratch for one document */

struct open_store {
	struct store *store;
	struct store_reader *reader;
	uint64_t used; /* the reader's count of uses at the last one */
};

struct broker_reader {
	struct broker *broker;
	struct json_parser *parser;
	struct arena scratch; /* one candidate at a time */
	struct open_store open[READER_STORES_MAX];
	uint64_t uses;
};

enum err_code broker_reader_new(struct broker *broker, struct broker_reader **ret_reader, struct error *err)
{
	struct broker_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	reader->broker = broker;
	arena_init(&reader->scratch, CANDIDATE_BYTES_MAX);
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
		(void)store_reader_free(reader->open[i].reader);
	(void)json_parser_free(reader->parser);
	arena_done(&reader->scratch);
	free(reader);
	return NULL;
}

struct json_parser *broker_reader_parser(struct broker_reader *reader)
{
	return reader->parser;
}

static enum err_code store_reader_of(struct broker_reader *reader, struct str tenant, struct store_reader **ret_reader,
				     struct error *err)
{
	struct store *store;
	enum err_code code = broker_tenant(reader->broker, tenant, false, &store, err);
	struct open_store *oldest = &reader->open[0];

	if (code != ERR_OK)
		return code;
	reader->uses++;
	for (struct open_store *open = reader->open; open < reader->open + READER_STORES_MAX; open++) {
		if (open->reader && open->store == store) {
			open->used = reader->uses;
			*ret_reader = open->reader;
			return ERR_OK;
		}
		if (open->used < oldest->used)
			oldest = open;
	}
	struct store_reader *store_reader;

	code = store_reader_new(store, &store_reader, err);
	if (code != ERR_OK)
		return code;
	(void)store_reader_free(oldest->reader);
	*oldest = (struct open_store){.store = store, .reader = store_reader, .used = reader->uses};
	*ret_reader = store_reader;
	return ERR_OK;
}

/* Our own text: its members are known to be unique. */
static enum err_code parse(struct broker_reader *reader, struct arena *arena, struct str bytes,
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
	struct str bytes;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, err);

	if (code != ERR_OK)
		return code;
	arena_clear(&reader->scratch);
	code = store_get(store_reader, id, &reader->scratch, &bytes, err);
	if (code == ERR_OK)
		code = parse(reader, arena, bytes, &entity, err);
	if (code == ERR_NOT_FOUND || (code == ERR_OK && item_is_expired(entity, broker_now_us(reader->broker))))
		return err_set(err, ERR_NOT_FOUND, "there is no entity %.*s", STR_FMT(str_part(id, 0, 150)));
	if (code == ERR_OK)
		*ret_entity = entity;
	return code;
}

/* ---- queries ---- */

struct scan {
	struct broker_reader *reader;
	const struct query *query;
	const struct broker_page *page;
	bool exact; /* every candidate matches and none can have expired: no need to look inside */
	bool count_all; /* the scan must go on behind the page */
	int64_t now_us;
	bool (*visit)(void *self, const struct json *entity);
	void *self;
	uint64_t matches; /* so far */
	uint64_t returned;
	bool more;
	enum err_code code;
	struct error *err;
};

/* One match more. In the page it is shown; behind it only the count, or that there is one, matters. */
static bool take_match(struct scan *scan, const struct json *entity)
{
	uint64_t at = scan->matches++;

	if (at < scan->page->offset)
		return true;
	if (at - scan->page->offset >= scan->page->limit) {
		scan->more = true;
		return scan->count_all;
	}
	scan->returned++;
	return scan->visit(scan->self, entity);
}

static bool in_page(const struct scan *scan)
{
	return scan->matches >= scan->page->offset && scan->matches - scan->page->offset < scan->page->limit;
}

static bool visit_candidate(void *self, struct str bytes)
{
	struct scan *scan = self;
	struct json *entity;

	if (scan->exact && !in_page(scan))
		return take_match(scan, NULL);
	arena_clear(&scan->reader->scratch);
	scan->code = parse(scan->reader, &scan->reader->scratch, bytes, &entity, scan->err);
	if (scan->code != ERR_OK)
		return false;
	if (!scan->exact && (!query_matches(scan->query, entity) || item_is_expired(entity, scan->now_us)))
		return true;
	return take_match(scan, entity);
}

static enum err_code may_expire(struct broker_reader *reader, struct store_reader *store_reader, bool *ret_may,
				struct error *err)
{
	struct str value;

	arena_clear(&reader->scratch);
	enum err_code code = store_get_meta(store_reader, STR(BROKER_META_EXPIRING), &reader->scratch, &value, err);

	if (code == ERR_OK)
		*ret_may = value.len > 0;
	return code;
}

static enum err_code run_scan(struct scan *scan, struct store_reader *store_reader)
{
	enum err_code code = store_scan(store_reader, query_narrow(scan->query), visit_candidate, scan, scan->err);

	return code == ERR_OK ? scan->code : code;
}

enum err_code broker_query(struct broker_reader *reader, struct str tenant, const struct query *query,
			   const struct broker_page *page, bool (*visit)(void *self, const struct json *entity),
			   void *self, struct broker_page_result *ret_result, struct error *err)
{
	struct scan scan = {.reader = reader,
			    .query = query,
			    .page = page,
			    .now_us = broker_now_us(reader->broker),
			    .visit = visit,
			    .self = self,
			    .err = err};
	struct broker_page_result result = {0};
	struct store_reader *store_reader;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, err);

	if (code != ERR_OK)
		return code;
	if (query_narrow(query)->exact) {
		bool may = true;

		code = may_expire(reader, store_reader, &may, err);
		scan.exact = !may;
	}
	scan.count_all = page->count && !scan.exact;
	if (code == ERR_OK && scan.exact && page->count)
		code = store_count(store_reader, query_narrow(query), &result.total, err);
	/* With nothing to show, the index alone may have answered. */
	if (code == ERR_OK && (page->limit > 0 || scan.count_all))
		code = run_scan(&scan, store_reader);
	if (code != ERR_OK)
		return code;
	if (scan.count_all)
		result.total = scan.matches;
	result.returned = scan.returned;
	result.more = scan.more || (page->limit == 0 && result.total > page->offset);
	*ret_result = result;
	return ERR_OK;
}
