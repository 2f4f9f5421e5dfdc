/* Pages of a query's matches in the order of creation, and what all walks over matches share. */
#include "broker/read_int.h"
#include "ngsild/expiry.h"
#include "store/expiry.h"

#include "base/time_value.h"

#include <time.h>

#define CANDIDATES_PER_LOOK 16u /* at the clock */

/* ---- matches ---- */

/* Has anything in the store expired that is not removed yet? */
static enum err_code may_expire(const struct matching *matching, bool *ret_may)
{
	int64_t next_us;
	enum err_code code = store_next_expiry(matching->store_reader, &next_us, matching->err);

	if (code == ERR_OK)
		*ret_may = next_us <= matching->now_us;
	return code;
}

static int64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* A query runs on an event loop, whose other clients wait: there is no answer that they should wait for however long.
 * False when its time is over. */
bool matching_in_time(struct matching *matching)
{
	if ((!matching->until_us && !matching->stop) || ++matching->looked < CANDIDATES_PER_LOOK)
		return true;
	matching->looked = 0;
	if (matching->stop && atomic_load(matching->stop)) {
		matching->code = err_set(matching->err, ERR_CONFLICT, "the server ends");
		return false;
	}
	if (!matching->until_us)
		return true;
	if (monotonic_us() < matching->until_us)
		return true;
	matching->code = err_set(matching->err, ERR_TOO_COMPLEX, "the query takes longer than %u ms",
				 matching->reader->broker->options.query_ms_max);
	return false;
}

enum err_code matching_init(struct matching *matching, struct broker_reader *reader, struct str tenant,
			    const struct query *query, struct error *err)
{
	*matching = (struct matching){
		.reader = reader, .query = query, .now_us = broker_now_us(reader->broker), .err = err};
	const uint32_t ms_max = reader->broker->options.query_ms_max;
	enum err_code code = store_reader_of(reader, tenant, &matching->store_reader, err);

	if (ms_max)
		matching->until_us = monotonic_us() + ms_max * INT64_C(1000);
	if (code == ERR_OK)
		linked_begin(&reader->linked, matching->store_reader, reader->parser, matching->now_us);
	if (code == ERR_OK && query_narrow(query)->exact) {
		bool may = true;

		code = may_expire(matching, &may);
		matching->exact = !may;
	}
	return code;
}

/* False: nothing more of this walk. */
static bool take_candidate(struct matching *matching, struct json *entity)
{
	if (!matching_in_time(matching))
		return false;
	if (!matching->exact)
		(void)expiry_hide(entity, matching->now_us);
	return true;
}

/* False when an entity linked to could not be read. */
static bool links_good(struct matching *matching)
{
	const struct linked *linked = &matching->reader->linked;

	if (matching->code == ERR_OK && linked->code != ERR_OK) {
		matching->code = linked->code;
		*matching->err = linked->error;
	}
	return matching->code == ERR_OK;
}

static bool matches(const struct matching *matching, const struct json *entity)
{
	const struct linked_source linked = broker_linked_source(matching->reader);

	return query_matches_linked(matching->query, entity, &linked) && !item_is_expired(entity, matching->now_us);
}

static bool visit_candidate(void *self, struct json *entity)
{
	struct matching *matching = self;

	matching->looked += matching->reader->linked.finds; /* the last one's links took their time too */
	linked_next(&matching->reader->linked);
	if (!take_candidate(matching, entity))
		return false;
	if (!matching->exact && !matches(matching, entity))
		return links_good(matching);
	bool more = links_good(matching) && matching->visit(matching->self, entity);

	return links_good(matching) && more;
}

enum err_code matching_scan(struct matching *matching, uint64_t skip)
{
	struct narrow narrow = *query_narrow(matching->query);

	narrow.skip = skip;
	const struct store_tree_sight sight = {.visit = visit_candidate,
					       .self = matching,
					       .parser = matching->reader->parser,
					       .arena = &matching->reader->scratch};
	enum err_code code = store_scan_trees(matching->store_reader, &narrow, &sight, matching->err);

	return code == ERR_OK ? matching->code : code;
}

enum err_code matching_get(struct matching *matching, struct str id, bool *ret_matches, bool *ret_more)
{
	struct arena *scratch = &matching->reader->scratch;
	struct json *entity;

	*ret_matches = false;
	*ret_more = true;
	arena_clear(scratch);
	linked_next(&matching->reader->linked);
	enum err_code code =
		store_get_tree(matching->store_reader, id, matching->reader->parser, scratch, &entity, matching->err);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code == ERR_OK && take_candidate(matching, entity)) {
		*ret_matches = matches(matching, entity) && links_good(matching);
		if (*ret_matches)
			*ret_more = matching->visit(matching->self, entity);
		(void)links_good(matching);
	}
	return code == ERR_OK ? matching->code : code;
}

struct held {
	enum err_code (*run)(void *self);
	void *self;
	bool ran;
	enum err_code code;
};

static bool run_held(void *self, struct str bytes)
{
	struct held *held = self;

	(void)bytes;
	held->ran = true;
	held->code = held->run(held->self);
	return false;
}

/* A store keeps its snapshot while it scans, for whatever its reader does meanwhile: so the first entity of a scan over
 * all of them is where the work is done. */
enum err_code matching_hold(struct matching *matching, enum err_code (*run)(void *self), void *self, bool *ret_run)
{
	const struct narrow all = {.exact = true};
	struct held held = {.run = run, .self = self};
	enum err_code code = store_scan(matching->store_reader, &all, run_held, &held, matching->err);

	*ret_run = held.ran;
	return code == ERR_OK ? held.code : code;
}

/* ---- pages in the order of creation ---- */

struct walk {
	struct matching *matching;
	const struct broker_page *page;
	uint64_t offset;
	bool count_all; /* the walk must go on behind the page */
	bool (*visit)(void *self, const struct json *entity);
	void *self;
	uint64_t matches; /* so far; those that were skipped too */
	uint64_t returned;
	bool more;
};

/* One match more. In the page it is shown; behind it only the count, or that there is one, matters. */
static bool take_match(void *self, const struct json *entity)
{
	struct walk *walk = self;
	uint64_t at = walk->matches++;

	if (at < walk->offset)
		return true;
	if (at - walk->offset >= walk->page->limit) {
		walk->more = true;
		return walk->count_all;
	}
	walk->returned++;
	return walk->visit(walk->self, entity);
}

static enum err_code run_walk(struct walk *walk, uint64_t offset)
{
	struct matching *matching = walk->matching;

	walk->offset = offset;
	walk->matches = matching->exact ? offset : 0;
	matching->visit = take_match;
	matching->self = walk;
	return matching_scan(matching, walk->matches);
}

/* All matches there are, to see where an offset that gave nothing lies. */
static enum err_code count_matches(const struct walk *walk, uint64_t *ret_count)
{
	const struct matching *matching = walk->matching;

	if (matching->exact)
		return store_count(matching->store_reader, query_narrow(matching->query), ret_count, matching->err);
	*ret_count = walk->matches;
	return ERR_OK;
}

static enum err_code walk_page(struct walk *walk, struct broker_page_result *result)
{
	const struct broker_page *page = walk->page;
	enum err_code code = run_walk(walk, page->offset);

	if (walk->count_all)
		result->total = walk->matches;
	if (code == ERR_OK && page->last_when_beyond && page->offset > 0 && page->limit > 0 && walk->returned == 0) {
		uint64_t count = 0;

		code = count_matches(walk, &count);
		if (code == ERR_OK && count > 0 && count < page->offset)
			code = run_walk(walk, count - 1);
	}
	return code;
}

static enum err_code creation_page(struct walk *walk, struct broker_page_result *result)
{
	struct matching *matching = walk->matching;
	const struct broker_page *page = walk->page;
	enum err_code code = ERR_OK;

	walk->offset = page->offset;
	walk->count_all = page->count && !matching->exact;
	if (matching->exact && page->count)
		code = store_count(matching->store_reader, query_narrow(matching->query), &result->total,
				   matching->err);
	/* With nothing to show, the index alone may have answered. */
	if (code == ERR_OK && (page->limit > 0 || walk->count_all))
		code = walk_page(walk, result);
	if (code != ERR_OK)
		return code;
	result->returned = walk->returned;
	result->more = walk->more || (page->limit == 0 && result->total > page->offset);
	result->first = walk->offset;
	result->behind = walk->offset + walk->returned;
	result->last = walk->returned ? result->behind - 1 : 0;
	return ERR_OK;
}

/* One page back; from behind the end, when that is known, as many as it takes to meet a match. */
uint64_t page_offset_before(const struct broker_page *page, const struct broker_page_result *result)
{
	uint64_t pages = 1;

	if (page->limit == 0)
		return 0;
	if (page->count && result->returned == 0 && result->first >= result->total)
		pages += (result->first - result->total) / page->limit;
	return result->first / page->limit >= pages ? result->first - pages * page->limit : 0;
}

enum err_code broker_query(struct broker_reader *reader, struct str tenant, const struct query *query,
			   const struct broker_page *page, bool (*visit)(void *self, const struct json *entity),
			   void *self, struct broker_page_result *ret_result, struct error *err)
{
	struct matching matching;
	struct broker_page_result result = {0};
	enum err_code code = matching_init(&matching, reader, tenant, query, err);

	if (code != ERR_OK)
		return code;
	matching.visit = visit;
	matching.self = self;
	if (page->order) {
		code = order_page(&matching, page, &result);
	} else if (page->map) {
		code = map_page(&matching, page, &result);
	} else {
		struct walk walk = {.matching = &matching, .page = page, .visit = visit, .self = self};

		code = creation_page(&walk, &result);
	}
	linked_end(&reader->linked);
	if (code != ERR_OK)
		return code;
	if (page->order || !page->map)
		result.before = page_offset_before(page, &result);
	*ret_result = result;
	return ERR_OK;
}
