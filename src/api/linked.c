/* Linked Entity retrieval (4.5.23): the linked entities that follow the matches in a flat answer, and the retrieval of
 * one entity with what it links to. Source: GS CIM 009 V1.9.1 clauses 4.5.23.3, 5.7.1.5, 5.7.2.5.
 *
 * While the matches of a page are visited, each is asked for its links, breadth first down to joinLevel, and every
 * entity met for the first time is written out at once, into a text of its own: so all of it comes from the snapshot
 * that the matches come from, and no tree outlives its visit. An entity that later proves to be a match itself stands
 * among the matches and is left out of the linked ones. One that is met again closer to a match is followed again, as
 * deep as joinLevel allows from there; so what an answer holds does not depend on the order of the matches. */
#include "api/api_int.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct met {
	struct str id; /* in the arena */
	size_t from, to; /* its text in out; both 0 for a match */
	uint32_t level; /* links between it and the nearest match so far */
	bool match;
	bool contained; /* the request says that it has been met before: never shown, never followed */
};

struct visit {
	const struct json *entity;
	struct represent_selection show;
	uint32_t level;
	struct visit *next;
};

struct linked_page {
	struct call *call;
	struct call_join join;
	struct represent_options options; /* of the entity that the walk looks at */
	struct represent_selection show; /* of the matches */
	struct linked_source source;
	struct arena arena; /* ids */
	struct arena walk; /* the queue of one match */
	struct buf out; /* the linked entities, each with a comma behind it */
	struct map by_id; /* struct met */
	struct met **list; /* in the order of meeting them; malloc */
	size_t count, room;
	struct visit *last; /* of the queue */
	uint32_t level; /* of what the walk looks at */
	bool full; /* no room for more entities or text */
	enum err_code code;
	struct error *err;
};

struct linked_page *linked_page_free(struct linked_page *page)
{
	if (!page)
		return NULL;
	map_done(&page->by_id);
	buf_done(&page->out);
	arena_done(&page->arena);
	arena_done(&page->walk);
	free(page->list);
	free(page);
	return NULL;
}

static bool no_memory(struct linked_page *page)
{
	page->code = err_set(page->err, ERR_MEMORY, "no memory for linked entities");
	return false;
}

/* Takes a new id into the list; NULL when that is full or memory is refused. */
static struct met *met_new(struct linked_page *page, struct str id)
{
	if (page->count >= REPRESENT_LINKED_MAX) {
		page->full = true;
		return NULL;
	}
	if (page->count == page->room) {
		size_t room = page->room ? page->room * 2 : 64;
		struct met **grown = realloc(page->list, room * sizeof(struct met *));

		if (!grown) {
			(void)no_memory(page);
			return NULL;
		}
		page->list = grown;
		page->room = room;
	}
	struct met *met = arena_new(&page->arena, struct met);

	if (met)
		met->id = arena_dup(&page->arena, id);
	if (!met || !met->id.at || !map_set(&page->by_id, met->id, met)) {
		(void)no_memory(page);
		return NULL;
	}
	page->list[page->count++] = met;
	return met;
}

enum err_code linked_page_new(struct call *call, const struct call_join *join, const struct represent_options *options,
			      struct linked_page **ret_page, struct error *err)
{
	struct linked_page *page = calloc(1, sizeof(*page));

	if (!page)
		return err_set(err, ERR_MEMORY, "no memory for linked entities");
	page->call = call;
	page->join = *join;
	page->options = *options;
	page->show = options->show;
	page->source = call->linked.find ? call->linked : broker_linked_source(call->loop->reader);
	page->err = err;
	arena_init(&page->arena, API_SCRATCH_BYTES_MAX);
	arena_init(&page->walk, API_SCRATCH_BYTES_MAX);
	buf_init(&page->out, call->api->options.answer_bytes_max);
	map_init(&page->by_id, (uint64_t)api_now_us());
	for (size_t i = 0; i < join->met_count && page->code == ERR_OK; i++) {
		struct met *met = map_get(&page->by_id, join->met[i]);

		met = met ? met : met_new(page, join->met[i]);
		if (met)
			met->contained = true;
	}
	if (page->code != ERR_OK || page->full) {
		enum err_code code =
			page->full ? err_set(err, ERR_TOO_COMPLEX, "containedBy names too many entities") : page->code;

		(void)linked_page_free(page);
		return code;
	}
	*ret_page = page;
	return ERR_OK;
}

/* ---- the walk ---- */

static bool enqueue(struct linked_page *page, const struct json *entity, const struct represent_selection *show,
		    uint32_t level)
{
	struct visit *visit = arena_new(&page->walk, struct visit);

	if (!visit)
		return no_memory(page);
	*visit = (struct visit){.entity = entity, .show = *show, .level = level};
	if (page->last)
		page->last->next = visit;
	page->last = visit;
	return true;
}

static bool write_linked(struct linked_page *page, struct met *met, const struct json *entity,
			 const struct represent_selection *show)
{
	struct represent_options options = page->options;
	struct arena *scratch = &page->call->loop->scratch;

	options.show = *show;
	met->from = page->out.len;
	page->code = represent_entity(&page->out, scratch, entity, &options, page->err);
	buf_put_char(&page->out, ',');
	met->to = page->out.len;
	arena_clear(scratch);
	page->full = page->out.failed == ERR_LIMIT;
	if (page->code == ERR_OK && page->out.failed && !page->full)
		return no_memory(page);
	return page->code == ERR_OK && !page->full;
}

/* One link of the entity that the walk looks at. */
static bool follow(void *self, struct str id, const struct represent_selection *show)
{
	struct linked_page *page = self;
	struct met *met = map_get(&page->by_id, id);
	uint32_t level = page->level + 1;

	if (met && (met->contained || met->level <= level))
		return true;
	const struct json *entity = page->source.find(page->source.self, id);

	if (!entity)
		return true;
	if (!met) {
		met = met_new(page, id);
		if (!met || !write_linked(page, met, entity, show))
			return false;
	}
	met->level = level;
	return level >= page->join.levels || enqueue(page, entity, show, level);
}

/* The page's own entity: no linked one from now on. */
static bool take_match(struct linked_page *page, const struct json *match)
{
	struct met *met = map_get(&page->by_id, document_id(match));

	if (!met)
		met = met_new(page, document_id(match));
	if (!met)
		return false;
	met->match = true;
	met->level = 0;
	return true;
}

/* As it was before this match, whose entity may have been linked to before. */
static void take_back(struct linked_page *page, const struct json *match, size_t count, size_t out_len)
{
	while (page->count > count)
		(void)map_remove(&page->by_id, page->list[--page->count]->id);
	struct met *met = map_get(&page->by_id, document_id(match));

	if (met)
		met->match = false;
	page->out.failed = ERR_OK;
	page->out.len = out_len;
	page->full = false;
}

bool linked_page_add(struct linked_page *page, const struct json *match, size_t room)
{
	size_t count = page->count, out_len = page->out.len;

	arena_clear(&page->walk);
	page->last = NULL;
	page->out.bytes_max = room;
	bool good = take_match(page, match) && enqueue(page, match, &page->show, 0);

	for (struct visit *visit = page->last; good && visit; visit = visit->next) {
		page->level = visit->level;
		page->options.show = visit->show;
		represent_each_link(visit->entity, &page->options, follow, page);
		good = page->code == ERR_OK && !page->full;
	}
	if (page->full)
		take_back(page, match, count, out_len);
	return good;
}

enum err_code linked_page_code(const struct linked_page *page)
{
	return page->code;
}

size_t linked_page_bytes(const struct linked_page *page)
{
	return page->out.len;
}

void linked_page_write(const struct linked_page *page, struct buf *out, bool first)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct met *met = page->list[i];

		if (met->match || met->contained)
			continue;
		if (!first)
			buf_put_char(out, ',');
		first = false;
		buf_put(out, (struct str){page->out.at + met->from, met->to - met->from - 1});
	}
}

/* ---- one entity ---- */

struct retrieval {
	struct call *call;
	const struct represent_options *options;
	struct linked_page *page; /* NULL: inline */
	struct buf *out;
	bool fits;
	enum err_code code;
};

static bool retrieved(void *self, const struct json *entity)
{
	struct retrieval *retrieval = self;
	struct call *call = retrieval->call;
	struct buf *out = retrieval->out;

	retrieval->code = call_selects(call, call->parameters[P_TYPE], call->parameters[P_ATTRS], entity,
				       &retrieval->fits, &call->error);
	if (retrieval->code != ERR_OK || !retrieval->fits)
		return false;
	retrieval->code = represent_entity(out, call->arena, entity, retrieval->options, &call->error);
	if (retrieval->code == ERR_OK && retrieval->page && !out->failed &&
	    !linked_page_add(retrieval->page, entity, out->bytes_max - out->len)) {
		retrieval->code = retrieval->page->code;
		out->failed = retrieval->code == ERR_OK ? ERR_LIMIT : out->failed;
	}
	return false;
}

static enum err_code retrieve(struct retrieval *retrieval, struct str id)
{
	struct call *call = retrieval->call;
	enum err_code code =
		broker_retrieve_linked(call->loop->reader, call->tenant, id, retrieved, retrieval, &call->error);

	if (code == ERR_OK)
		code = retrieval->code;
	if (code == ERR_OK && retrieval->out->failed == ERR_LIMIT)
		return err_set(&call->error, ERR_TOO_COMPLEX,
			       "the entity with all that it links to is larger than an answer may be; a smaller "
			       "joinLevel or pick gives less");
	if (code == ERR_OK && !retrieval->fits)
		return err_set(&call->error, ERR_NOT_FOUND,
			       "the entity %.*s is not of the types asked for or has none of the attributes",
			       STR_FMT(id));
	return code;
}

enum err_code linked_retrieve(struct call *call, const struct call_join *join, struct str id,
			      struct represent_options *options, struct buf *out)
{
	struct retrieval retrieval = {.call = call, .options = options, .out = out};
	const struct json *member = NULL;
	enum err_code code = ERR_OK;

	call_context_out(call, &options->context, &member);
	if (join->kind == JOIN_INLINE || call->media != MEDIA_GEO_JSON)
		options->context_value = member;
	if (join->kind == JOIN_INLINE)
		return retrieve(&retrieval, id);
	collection_open(out, call->media);
	code = linked_page_new(call, join, options, &retrieval.page, &call->error);
	if (code == ERR_OK)
		code = retrieve(&retrieval, id);
	if (code == ERR_OK) {
		linked_page_write(retrieval.page, out, false);
		collection_close(out, call->media, member);
	}
	(void)linked_page_free(retrieval.page);
	return code;
}
