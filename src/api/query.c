/* Queries: GET /entities and POST /entityOperations/query. Source: GS CIM 009 V1.9.1 clauses 5.7.2, 5.5.9, 6.3.7,
 * 6.3.10, 6.3.11, 6.3.13, 6.3.15, 6.4.3.2, 6.23.3.1. */
#include "api/gather_int.h"

/* ---- the page ---- */

struct page_writer {
	struct call *call;
	struct represent_options options;
	struct buf out;
	uint64_t written; /* entities */
	struct linked_page *linked; /* join=flat; NULL: none */
	size_t bytes_max; /* of the answer */
	bool cut; /* the answer is as long as one may be: the page ends early */
	enum err_code code;
};

/* join=flat: what the entity just written links to. What does not fit fails the buffer as a long entity would. */
static bool take_links(struct page_writer *writer, const struct json *entity)
{
	if (!writer->linked || writer->out.failed ||
	    linked_page_add(writer->linked, entity, writer->bytes_max - writer->out.len))
		return true;
	writer->code = linked_page_code(writer->linked);
	writer->out.failed = ERR_LIMIT;
	return writer->code == ERR_OK;
}

static bool page_visit(void *self, const struct json *entity)
{
	struct page_writer *writer = self;
	struct arena *scratch = &writer->call->loop->scratch;
	size_t before = writer->out.len;

	if (writer->linked)
		writer->out.bytes_max = writer->bytes_max - linked_page_bytes(writer->linked);
	if (writer->written > 0)
		buf_put_char(&writer->out, ',');
	writer->code = represent_entity(&writer->out, scratch, entity, &writer->options, &writer->call->error);
	arena_clear(scratch);
	if (writer->code != ERR_OK || !take_links(writer, entity))
		return false;
	if (writer->out.failed == ERR_LIMIT && writer->written > 0) {
		writer->out.failed = ERR_OK;
		writer->out.len = before;
		writer->cut = true;
		return false;
	}
	writer->written++;
	return !writer->out.failed;
}

void collection_open(struct buf *out, enum media media)
{
	if (media == MEDIA_GEO_JSON)
		buf_put(out, STR("{\"type\":\"FeatureCollection\",\"features\":"));
	buf_put_char(out, '[');
}

void collection_close(struct buf *out, enum media media, const struct json *context_member)
{
	out->bytes_max = SIZE_MAX; /* the closing brackets always fit */
	buf_put_char(out, ']');
	if (media != MEDIA_GEO_JSON)
		return;
	if (context_member) {
		buf_put(out, STR(",\"@context\":"));
		json_write(out, context_member);
	}
	buf_put_char(out, '}');
}

static enum err_code linked_open(struct page_writer *writer)
{
	struct call *call = writer->call;
	struct call_join join;
	enum err_code code = call_join(call, &join, &call->error);

	writer->bytes_max = writer->out.bytes_max;
	if (code != ERR_OK || join.kind != JOIN_FLAT)
		return code;
	return linked_page_new(call, &join, &writer->options, &writer->linked, &call->error);
}

static enum err_code page_run(struct page_writer *writer, const struct page_feed *feed, const struct broker_page *page)
{
	struct call *call = writer->call;
	struct broker_page_result result = {0};
	const struct json *member = NULL;

	call_context_out(call, &writer->options.context, &member);
	if (call->media != MEDIA_GEO_JSON)
		writer->options.context_value = member;
	collection_open(&writer->out, call->media);
	enum err_code code = linked_open(writer);

	if (code == ERR_OK)
		code = feed->run(feed->self, page_visit, writer, &result);
	if (code == ERR_OK)
		code = writer->code;
	if (code == ERR_OK && writer->out.failed == ERR_LIMIT)
		return err_set(&call->error, ERR_LIMIT, "one entity alone is larger than an answer may be");
	if (writer->linked) {
		writer->out.bytes_max = SIZE_MAX; /* they fit, which was seen to */
		linked_page_write(writer->linked, &writer->out, writer->written == 0);
	}
	collection_close(&writer->out, call->media, member);
	if (code == ERR_OK)
		code = buf_check(&writer->out, "the answer", &call->error);
	if (code != ERR_OK)
		return code;
	return page_headers(call, page, &result, writer->cut);
}

void answer_query_error(struct call *call, enum err_code code)
{
	if (code == ERR_LIMIT)
		answer_problem(call, PROBLEM_TOO_MANY_RESULTS, "%s", call->error.detail);
	else
		answer_error(call, code, &call->error);
}

void query_page_answer(struct call *call, const struct represent_options *options, const struct broker_page *page,
		       const struct page_feed *feed, int status)
{
	struct page_writer writer = {.call = call, .options = *options};

	buf_init(&writer.out, call->api->options.answer_bytes_max);
	enum err_code code = page_run(&writer, feed, page);

	writer.linked = linked_page_free(writer.linked);
	if (code == ERR_OK) {
		answer_represented_as(call, status, &writer.out);
		return;
	}
	buf_done(&writer.out);
	answer_query_error(call, code);
}

/* ---- this broker alone ---- */

struct own_page {
	struct call *call;
	const struct query *query;
	const struct broker_page *page;
};

static enum err_code feed_own(void *self, bool (*visit)(void *visitor, const struct json *entity), void *visitor,
			      struct broker_page_result *ret_result)
{
	const struct own_page *own = self;
	struct call *call = own->call;

	return broker_query(call->loop->reader, call->tenant, own->query, own->page, visit, visitor, ret_result,
			    &call->error);
}

static void query_own(struct call *call, const struct asked *asked, struct broker_page *page,
		      const struct represent_options *options)
{
	struct own_page own = {call, asked->query, page};
	const struct page_feed feed = {feed_own, &own};
	bool created = false;
	enum err_code code = page_map_take(call, asked, page, &created);

	if (code == ERR_OK)
		query_page_answer(call, options, page, &feed, created ? 201 : 200);
	else
		answer_query_error(call, code);
	(void)entity_map_unref(page->map);
}

void query_run(struct call *call, struct query_text *text)
{
	struct asked *asked = arena_new(call->arena, struct asked);
	struct represent_options options;
	struct broker_page page;
	bool answered = false;

	if (!asked) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	if (!query_ask(call, text, asked))
		return;
	bool distributed = !asked->local && call_is_distributed(call, &answered);

	if (!answered && page_take(call, &page)) {
		page.order = asked->order;
		enum err_code code = call_representation(call, &options, &call->error);

		if (code != ERR_OK) {
			answer_query_error(call, code);
		} else if (distributed) {
			gather_query(call, text, asked, &page, &options, false);
			return;
		} else {
			query_own(call, asked, &page, &options);
		}
	}
	asked_done(asked);
}

static void query_by_get(struct call *call)
{
	struct query_text text = query_text_of(call);

	query_run(call, &text);
}

void query_entities(struct call *call)
{
	call_with_context(call, query_by_get);
}
