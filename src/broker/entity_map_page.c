/* Making entity maps and reading pages out of them (clause 5.5.9.3): what is in a map is only a candidate, each is held
 * against the query again, and pages are filled as long as candidates match. */
#include "broker/entity_map_int.h"

/* ---- making ---- */

static enum err_code map_of(const struct sorted *sorted, struct entity_map **ret_map, struct error *err)
{
	size_t text_bytes = 0;

	for (size_t i = 0; i < sorted->count; i++)
		text_bytes += sorted_id(sorted, i).len;
	enum err_code code = entity_map_new(sorted->count, text_bytes, ret_map, err);

	for (size_t i = 0; code == ERR_OK && i < sorted->count; i++)
		entity_map_put(*ret_map, i, sorted_id(sorted, i));
	return code;
}

/* Takes the map's only reference; hands it on when the map is kept. */
static enum err_code keep_map(struct broker *broker, struct str tenant, const struct entity_map_marks *marks,
			      int64_t life_us, struct entity_map *map, struct entity_map **ret_map, struct error *err)
{
	enum err_code code = entity_map_keep(broker, tenant, marks, life_us, map, err);

	if (code == ERR_OK)
		*ret_map = map;
	else
		(void)entity_map_unref(map);
	return code;
}

enum err_code broker_map_make(struct broker_reader *reader, struct str tenant, const struct query *query,
			      const struct order *order, const struct entity_map_marks *marks, int64_t life_us,
			      struct entity_map **ret_map, struct error *err)
{
	struct matching matching;
	struct sorted sorted;
	struct entity_map *map;
	enum err_code code = matching_init(&matching, reader, tenant, query, err);

	if (code != ERR_OK)
		return code;
	sorted_init(&sorted, &matching, order, UINT64_MAX);
	sorted.count_max = ENTITY_MAP_IDS_MAX;
	sorted.bytes_max = ENTITY_MAP_BYTES_MAX;
	matching.visit = sorted_take;
	matching.self = &sorted;
	code = matching_scan(&matching, 0);
	linked_end(&reader->linked);
	if (code != ERR_OK)
		code = err_while(err, "making an entity map");
	sorted_finish(&sorted);
	if (code == ERR_OK)
		code = map_of(&sorted, &map, err);
	sorted_done(&sorted);
	return code == ERR_OK ? keep_map(reader->broker, tenant, marks, life_us, map, ret_map, err) : code;
}

enum err_code broker_map_make_one(struct broker *broker, struct str tenant, struct str entity_id,
				  const struct entity_map_marks *marks, int64_t life_us, struct entity_map **ret_map,
				  struct error *err)
{
	struct entity_map *map;
	enum err_code code = entity_map_new(1, entity_id.len, &map, err);

	if (code != ERR_OK)
		return code;
	entity_map_put(map, 0, entity_id);
	return keep_map(broker, tenant, marks, life_us, map, ret_map, err);
}

/* ---- reading ---- */

struct map_reading {
	const struct map_look *look;
	const struct broker_page *page;
	size_t end; /* places from here on are not looked at */
	struct broker_page_result result;
};

enum err_code map_look_init(struct map_look *look, const struct query *query,
			    enum err_code (*run)(void *self, struct str id, bool shown, bool *ret_matches,
						 bool *ret_more),
			    void *self, struct error *err)
{
	const struct narrow *narrow = query_narrow(query);

	*look = (struct map_look){.run = run, .self = self};
	map_init(&look->ids, (uint64_t)(uintptr_t)look);
	for (size_t i = 0; i < narrow->id_count; i++)
		if (!map_set(&look->ids, narrow->ids[i], look))
			return err_set(err, ERR_MEMORY, "no memory to search");
	return ERR_OK;
}

void map_look_done(struct map_look *look)
{
	map_done(&look->ids);
}

static enum err_code look_at(const struct map_look *look, struct str id, bool shown, bool *ret_matches, bool *ret_more)
{
	if (look->ids.count > 0 && !map_get(&look->ids, id))
		return ERR_OK;
	return look->run(look->self, id, shown, ret_matches, ret_more);
}

/* One place: what does not match, or is not there, is marked as gone, when the map trims. */
static enum err_code check_place(const struct map_look *look, struct entity_map *map, bool trims, size_t at, bool shown,
				 bool *ret_matches, bool *ret_more)
{
	*ret_matches = false;
	*ret_more = true;
	if (entity_map_is_gone(map, at))
		return ERR_OK;
	enum err_code code = look_at(look, entity_map_at(map, at), shown, ret_matches, ret_more);

	if (code == ERR_OK && !*ret_matches && trims)
		entity_map_mark_gone(map, at);
	return code;
}

static enum err_code place_matches(const struct map_reading *reading, size_t at, bool *ret_matches)
{
	const struct broker_page *page = reading->page;
	bool more;

	return check_place(reading->look, page->map, !page->map_keeps, at, false, ret_matches, &more);
}

/* Fills the page from its first place on. */
static enum err_code fill_page(struct map_reading *reading, size_t from)
{
	const struct broker_page *page = reading->page;
	struct broker_page_result *result = &reading->result;
	bool matches, more = true;
	size_t at = from;

	result->first = from;
	for (; more && at < reading->end && result->returned < page->limit; at++) {
		enum err_code code = check_place(reading->look, page->map, !page->map_keeps, at, true, &matches, &more);

		if (code != ERR_OK)
			return code;
		if (matches) {
			result->returned++;
			result->last = at;
		}
	}
	result->behind = at;
	return ERR_OK;
}

/* Is there a match at this place or behind it (step 1), or before it (step -1)? Which is the first of them? */
static enum err_code seek_match(const struct map_reading *reading, size_t from, int step, bool *ret_found,
				size_t *ret_at)
{
	bool matches = false;
	size_t at = from;

	*ret_found = false;
	while (step > 0 ? at < reading->end : at > 0) {
		size_t place = step > 0 ? at : at - 1;
		enum err_code code = place_matches(reading, place, &matches);

		if (code != ERR_OK)
			return code;
		if (matches) {
			*ret_found = true;
			*ret_at = place;
			return ERR_OK;
		}
		at = step > 0 ? at + 1 : at - 1;
	}
	return ERR_OK;
}

static enum err_code count_map(struct map_reading *reading)
{
	bool matches;
	enum err_code code = ERR_OK;

	if (reading->page->map_partly)
		reading->result.total = entity_map_left(reading->page->map);
	for (size_t at = 0; code == ERR_OK && !reading->page->map_partly && at < reading->end; at++) {
		code = place_matches(reading, at, &matches);
		reading->result.total += matches;
	}
	return code;
}

static enum err_code read_map(void *self)
{
	struct map_reading *reading = self;
	const struct broker_page *page = reading->page;
	size_t count = page->map->count, ahead;
	size_t from = page->offset < count ? (size_t)page->offset : count;
	bool found = true;
	enum err_code code = ERR_OK;

	if (page->last_when_beyond && !page->map_partly && page->limit > 0 && page->offset > count) {
		code = seek_match(reading, count, -1, &found, &from);
		if (!found)
			from = count;
	}
	if (code == ERR_OK)
		code = fill_page(reading, from);
	if (code == ERR_OK && page->count)
		code = count_map(reading);
	if (code == ERR_OK)
		code = seek_match(reading, (size_t)reading->result.behind, 1, &reading->result.more, &ahead);
	for (size_t at = reading->end; !reading->result.more && at < count; at++)
		reading->result.more = !entity_map_is_gone(page->map, at);
	reading->result.before = entity_map_before(page->map, reading->result.first, page->limit);
	return code;
}

static struct map_reading reading_of(const struct map_look *look, const struct broker_page *page)
{
	size_t count = page->map->count;

	return (struct map_reading){.look = look,
				    .page = page,
				    .end = page->map_partly && page->map_end < count ? (size_t)page->map_end : count};
}

enum err_code map_look_page(const struct map_look *look, const struct broker_page *page,
			    struct broker_page_result *ret_result)
{
	struct map_reading reading = reading_of(look, page);
	enum err_code code = read_map(&reading);

	if (code == ERR_OK)
		*ret_result = reading.result;
	return code;
}

/* ---- entities ---- */

struct entity_look {
	struct matching *matching;
	bool (*visit)(void *self, const struct json *entity);
	void *self;
};

static bool take_nothing(void *self, const struct json *entity)
{
	(void)self;
	(void)entity;
	return true;
}

static enum err_code look_at_entity(void *self, struct str id, bool shown, bool *ret_matches, bool *ret_more)
{
	const struct entity_look *entities = self;

	entities->matching->visit = shown ? entities->visit : take_nothing;
	entities->matching->self = entities->self;
	return matching_get(entities->matching, id, ret_matches, ret_more);
}

enum err_code map_page(struct matching *matching, const struct broker_page *page, struct broker_page_result *ret_result)
{
	struct entity_look entities = {matching, matching->visit, matching->self};
	struct map_look look;
	struct map_reading reading = reading_of(&look, page);
	bool ran;
	enum err_code code = map_look_init(&look, matching->query, look_at_entity, &entities, matching->err);

	if (code == ERR_OK)
		code = matching_hold(matching, read_map, &reading, &ran);
	map_look_done(&look);

	if (code == ERR_OK)
		*ret_result = reading.result;
	return code;
}

enum err_code map_walk(struct matching *matching, struct entity_map *map, bool trims)
{
	struct entity_look entities = {matching, matching->visit, matching->self};
	struct map_look look;
	bool matches, more = true;
	enum err_code code = map_look_init(&look, matching->query, look_at_entity, &entities, matching->err);

	for (size_t at = 0; code == ERR_OK && more && at < map->count; at++)
		code = check_place(&look, map, trims, at, true, &matches, &more);
	map_look_done(&look);
	return code;
}
