/* Evolutions retrieved and queried: one entity, or a page of those that match, within one snapshot.
 *
 * A page's entities are kept until all of them are read, for where one of them is cut, all are (temporal_read.c). What
 * they hold together is bounded by total_max: a page that would hold more ends early (5.5.9.1). */
#include "broker/entity_map.h"
#include "broker/temporal_int.h"

#define PAGE_ENTITIES_FIRST 16u

static enum err_code retrieve(struct temporal_reading *reading, struct str id, struct temporal_entity *ret_entity,
			      struct broker_temporal_cut *range)
{
	const struct broker_temporal_ask *ask = reading->ask;
	struct error *err = reading->err;
	struct store_subject subject;
	const struct store_series *series = NULL;
	size_t count = 0;
	bool has = true;
	enum err_code code = store_subject_get(reading->store, id, reading->scratch, &subject, err);

	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "nothing is known of an entity %.*s", STR_FMT(str_part(id, 0, 150)));
	if (code == ERR_OK)
		code = temporal_series_list(reading, id, &series, &count);
	if (code == ERR_OK && (ask->temporal->relation != TEMPORAL_ANY || ask->represent->show.attrs))
		code = temporal_has_instances(reading, id, series, count, &has);
	if (code == ERR_OK && !has)
		return err_set(err, ERR_NOT_FOUND, "the entity has no instances of these attributes at this time");
	return code ? code : temporal_entity_read(reading, &subject, series, count, ret_entity, range);
}

enum err_code broker_temporal_retrieve(struct broker_reader *reader, struct str tenant, struct str id,
				       const struct broker_temporal_ask *ask, struct arena *arena,
				       struct temporal_entity *ret_entity, struct broker_temporal_cut *ret_range,
				       struct error *err)
{
	struct temporal_reading reading;
	struct store_reader *store;
	struct broker_temporal_cut range = {.cut = false};
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code == ERR_OK) {
		store = temporal_reader_of(ask, store);
		code = store ? store_hold(store, err) : err_set(err, ERR_MEMORY, "no memory for a reader");
	}
	if (code != ERR_OK)
		return code;
	if (ask->merged)
		range = ask->merged->cut;
	arena_clear(&reader->scratch);
	temporal_reading_init(&reading, store, ask, arena, &reader->scratch, err);
	code = retrieve(&reading, id, ret_entity, &range);
	store_release(store);
	if (code != ERR_OK)
		return code;
	temporal_range_apply(&reading, ret_entity, 1, &range);
	*ret_range = range;
	return ERR_OK;
}

/* ---- pages ---- */

struct temporal_walk {
	struct matching *matching;
	struct temporal_reading reading;
	const struct broker_page *page;
	struct sorted *sorted; /* ids are gathered here; NULL: the page itself is read */
	struct temporal_entity *entities; /* in the arena */
	size_t count, room;
	struct broker_temporal_cut range;
	uint64_t offset;
	uint64_t matches; /* so far */
	bool more, early;
	struct broker_page_result result;
	enum err_code code;
};

static bool make_room(struct temporal_walk *walk)
{
	struct temporal_entity *entities = arena_grow(walk->reading.arena, walk->entities, walk->count, &walk->room,
						      sizeof(*entities), PAGE_ENTITIES_FIRST);

	if (entities)
		walk->entities = entities;
	return entities != NULL;
}

/* False: the page is full. */
static bool show(struct temporal_walk *walk, const struct store_subject *subject, const struct store_series *series,
		 size_t series_count)
{
	struct temporal_reading *reading = &walk->reading;
	struct broker_temporal_cut range = walk->range;

	if (!make_room(walk)) {
		walk->code = err_set(reading->err, ERR_MEMORY, "no memory for a page");
		return false;
	}
	walk->code = temporal_entity_read(reading, subject, series, series_count, &walk->entities[walk->count], &range);
	if (walk->code != ERR_OK)
		return false;
	if (walk->count && reading->total > reading->ask->total_max) {
		walk->early = walk->more = true;
		return false;
	}
	walk->range = range;
	walk->count++;
	return true;
}

static bool take_id(struct temporal_walk *walk, struct str id)
{
	struct json entity = json_object();

	if (!json_add(walk->reading.scratch, &entity, STR("id"), json_string(id))) {
		walk->code = err_set(walk->reading.err, ERR_MEMORY, "no memory to order entities");
		return false;
	}
	bool more = sorted_take(walk->sorted, &entity);

	walk->code = walk->matching->code;
	return more;
}

/* A match more: in the page it is shown; behind it only the count, or that there is one, matters. */
static bool take_match(struct temporal_walk *walk, const struct store_subject *subject,
		       const struct store_series *series, size_t series_count)
{
	uint64_t at = walk->matches++;

	if (walk->sorted)
		return take_id(walk, subject->id);
	if (at < walk->offset)
		return true;
	if (walk->early || at - walk->offset >= walk->page->limit) {
		walk->more = true;
		return walk->page->count;
	}
	if (show(walk, subject, series, series_count))
		return true;
	return walk->code == ERR_OK && walk->page->count;
}

static bool visit_subject(void *self, int64_t number, const struct store_subject *subject)
{
	struct temporal_walk *walk = self;
	const struct store_series *series = NULL;
	size_t count = 0;
	bool matches = false;

	(void)number;
	arena_clear(walk->reading.scratch);
	if (!matching_in_time(walk->matching)) {
		walk->code = walk->matching->code;
		return false;
	}
	walk->code = temporal_match(&walk->reading, subject, &series, &count, &matches);
	if (walk->code != ERR_OK)
		return false;
	return !matches || take_match(walk, subject, series, count);
}

static enum err_code run_walk(struct temporal_walk *walk, uint64_t offset)
{
	const struct narrow *narrow = query_narrow(walk->reading.ask->query);

	walk->offset = offset;
	walk->matches = 0;
	walk->count = 0;
	walk->reading.total = 0;
	walk->more = walk->early = false;
	enum err_code code = store_subject_each(walk->reading.store, narrow, 0, visit_subject, walk, walk->reading.err);

	return code == ERR_OK ? walk->code : code;
}

static enum err_code creation_page(struct temporal_walk *walk)
{
	const struct broker_page *page = walk->page;
	enum err_code code = run_walk(walk, page->offset);

	if (code == ERR_OK && page->last_when_beyond && page->limit > 0 && walk->matches > 0 &&
	    walk->offset > walk->matches)
		code = run_walk(walk, walk->matches - 1);
	return code;
}

/* A candidate, shown if it matches; *ret_more false: the page is full. It may have gone since its id was gathered. */
static enum err_code look_at(void *self, struct str id, bool shown, bool *ret_matches, bool *ret_more)
{
	struct temporal_walk *walk = self;
	struct store_subject subject;
	const struct store_series *series = NULL;
	size_t count = 0;

	arena_clear(walk->reading.scratch);
	enum err_code code = store_subject_get(walk->reading.store, id, walk->reading.scratch, &subject, NULL);

	*ret_matches = false;
	*ret_more = true;
	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code == ERR_OK)
		code = temporal_match(&walk->reading, &subject, &series, &count, ret_matches);
	if (code == ERR_OK && *ret_matches && shown)
		*ret_more = show(walk, &subject, series, count);
	return code == ERR_OK ? walk->code : code;
}

static enum err_code ordered_page(struct temporal_walk *walk, struct sorted *sorted)
{
	const struct broker_page *page = walk->page;
	bool matches, more = true;

	walk->sorted = sorted;
	enum err_code code = run_walk(walk, page->offset);

	if (code != ERR_OK)
		return code;
	sorted_finish(sorted);
	if (page->last_when_beyond && page->limit > 0 && walk->matches > 0 && walk->offset > walk->matches)
		walk->offset = walk->matches - 1;
	for (uint64_t at = walk->offset; more && code == ERR_OK && at < sorted->count; at++)
		if (at - walk->offset < page->limit)
			code = look_at(walk, sorted_id(sorted, (size_t)at), true, &matches, &more);
	walk->more = walk->offset + walk->count < walk->matches;
	return code;
}

static enum err_code order_walk(struct temporal_walk *walk)
{
	const struct broker_page *page = walk->page;
	uint64_t keep = page->limit > UINT64_MAX - page->offset ? UINT64_MAX : page->offset + page->limit;
	struct sorted sorted;

	sorted_init(&sorted, walk->matching, page->order, page->limit ? keep : 0);
	enum err_code code = ordered_page(walk, &sorted);

	sorted_done(&sorted);
	return code;
}

/* ---- out of an entity map (5.5.9.3) ---- */

static enum err_code map_page_read(struct temporal_walk *walk)
{
	struct map_look look;
	struct broker_page_result *result = &walk->result;
	enum err_code code = map_look_init(&look, walk->reading.ask->query, look_at, walk, walk->reading.err);

	if (code == ERR_OK)
		code = store_hold(walk->reading.store, walk->reading.err);
	if (code == ERR_OK) {
		code = map_look_page(&look, walk->page, result);
		store_release(walk->reading.store);
	}
	map_look_done(&look);
	if (code != ERR_OK)
		return code;
	result->returned = walk->count;
	/* The last one did not fit, and is what follows. */
	if (walk->early) {
		result->behind = result->last;
		result->more = true;
	}
	return code;
}

/* ---- all of it ---- */

static void say_page(const struct temporal_walk *walk, struct broker_temporal_page *ret)
{
	struct broker_page_result *result = &ret->result;

	*ret = (struct broker_temporal_page){.entities = walk->entities,
					     .count = walk->count,
					     .result = walk->result,
					     .early = walk->early,
					     .range = walk->range};
	if (walk->page->map)
		return;
	result->total = walk->matches;
	result->returned = walk->count;
	result->first = walk->offset;
	result->behind = walk->offset + walk->count;
	result->last = walk->count ? result->behind - 1 : 0;
	result->more = walk->more;
	result->before = page_offset_before(walk->page, result);
}

enum err_code broker_temporal_query(struct broker_reader *reader, struct str tenant,
				    const struct broker_temporal_ask *ask, const struct broker_page *page,
				    struct arena *arena, struct broker_temporal_page *ret_page, struct error *err)
{
	struct matching matching;
	enum err_code code = matching_init(&matching, reader, tenant, ask->query, err);

	if (code != ERR_OK)
		return code;
	struct temporal_walk walk = {.matching = &matching, .page = page};
	struct store_reader *store = temporal_reader_of(ask, matching.store_reader);

	if (!store)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	if (ask->merged)
		walk.range = ask->merged->cut;
	temporal_reading_init(&walk.reading, store, ask, arena, &reader->scratch, err);
	if (page->map)
		code = map_page_read(&walk);
	else
		code = page->order ? order_walk(&walk) : creation_page(&walk);
	linked_end(&reader->linked);
	if (code != ERR_OK)
		return code;
	temporal_range_apply(&walk.reading, walk.entities, walk.count, &walk.range);
	say_page(&walk, ret_page);
	return ERR_OK;
}

enum err_code broker_temporal_ids(struct broker_reader *reader, struct str tenant,
				  const struct broker_temporal_ask *ask, const struct order *order,
				  bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	const struct broker_page everything = {.limit = UINT64_MAX};
	struct matching matching;
	struct sorted sorted;
	enum err_code code = matching_init(&matching, reader, tenant, ask->query, err);

	if (code != ERR_OK)
		return code;
	struct temporal_walk walk = {.matching = &matching, .page = &everything, .sorted = &sorted};
	struct arena unused;

	arena_init(&unused, 0);
	sorted_init(&sorted, &matching, order, UINT64_MAX);
	sorted.count_max = ENTITY_MAP_IDS_MAX;
	sorted.bytes_max = ENTITY_MAP_BYTES_MAX;
	temporal_reading_init(&walk.reading, matching.store_reader, ask, &unused, &reader->scratch, err);
	code = run_walk(&walk, 0);
	linked_end(&reader->linked);
	if (code == ERR_OK)
		sorted_finish(&sorted);
	else
		code = err_while(err, "making an entity map");
	for (size_t i = 0; code == ERR_OK && i < sorted.count; i++)
		if (!visit(self, sorted_id(&sorted, i)))
			break;
	sorted_done(&sorted);
	return code;
}
