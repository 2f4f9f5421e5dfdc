/* Queries: GET /entities and POST /entityOperations/query. Source: GS CIM 009 V1.9.1 clauses 5.7.2, 5.5.9, 6.3.7,
 * 6.3.10, 6.3.11, 6.3.13, 6.3.15, 6.4.3.2, 6.23.3.1. */
#include "api/api_int.h"

#include "ngsild/expand.h"

#include <stdio.h>

/* ---- what is shown ---- */

/* Names of entity members that are no attributes (4.21). */
static bool is_member(struct str name)
{
	return str_eq(name, STR("id")) || str_eq(name, STR("type")) || str_eq(name, STR("scope"));
}

enum err_code names_expand(struct call *call, struct str names, bool members, struct str **ret_iris, size_t *ret_count,
			   struct error *err)
{
	struct str name, piece, rest = names;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < names.len; i++)
		room += names.at[i] == ',' || names.at[i] == '|';
	struct str *iris = arena_array(call->arena, struct str, room);

	if (!iris)
		return err_set(err, ERR_MEMORY, "no memory for a list of names");
	while (str_next(&rest, ',', &piece)) {
		while (str_next(&piece, '|', &name)) {
			if (str_contains(name, STR("{")))
				return err_set(err, ERR_INVALID,
					       "\"%.*s\" selects from linked entities, which needs join",
					       STR_FMT(name));
			enum err_code code = ERR_OK;

			if (members && is_member(name))
				iris[count] = name;
			else
				code = context_expand(call->context, call->arena, name, &iris[count], err);
			if (code != ERR_OK)
				return err_while(err, "reading the list of names \"%.*s\"", STR_FMT(names));
			count++;
		}
	}
	*ret_iris = iris;
	*ret_count = count;
	return ERR_OK;
}

/* Clauses 5.7.1.4, 6.4.3.2: URIs, or "@none" for the default instance. */
static enum err_code dataset_check(struct str given, struct error *err)
{
	struct str id, rest = given;

	while (given.at && str_next(&rest, ',', &id))
		if (!str_eq(id, STR("@none")) && !expand_is_uri(id))
			return err_set(err, ERR_INVALID, "datasetId is a URI or \"@none\", not \"%.*s\"", STR_FMT(id));
	if (str_contains(given, STR(",")))
		return err_set(err, ERR_UNSUPPORTED, "datasetId takes one instance, not a list, in this version");
	return ERR_OK;
}

enum err_code call_representation(struct call *call, struct represent_options *ret_options, struct error *err)
{
	const struct str *texts = call->parameters;
	struct represent_options options = {.context = call->context,
					    .format = call->format,
					    .sys_attrs = call->options & OPTION_SYS_ATTRS,
					    .dataset_id = texts[P_DATASET_ID]};
	struct str *names = NULL;
	enum err_code code = dataset_check(texts[P_DATASET_ID], err);

	if (code == ERR_OK && texts[P_ATTRS].at) {
		code = names_expand(call, texts[P_ATTRS], false, &names, &options.attrs_count, err);
		options.attrs = names;
	}
	if (code == ERR_OK && texts[P_PICK].at) {
		code = names_expand(call, texts[P_PICK], true, &names, &options.pick_count, err);
		options.pick = names;
	}
	if (code == ERR_OK && texts[P_OMIT].at) {
		code = names_expand(call, texts[P_OMIT], true, &names, &options.omit_count, err);
		options.omit = names;
	}
	if (call->media == MEDIA_GEO_JSON) {
		options.format = REPRESENT_GEOJSON;
		options.properties_format = call->format;
	}
	if (code == ERR_OK && call->media == MEDIA_GEO_JSON)
		code = context_expand(call->context, call->arena,
				      texts[P_GEOMETRY_PROPERTY].at ? texts[P_GEOMETRY_PROPERTY] : STR("location"),
				      &options.geometry_property, err);
	if (code == ERR_OK)
		*ret_options = options;
	return code;
}

enum err_code call_selects(struct call *call, struct str type, struct str attrs, const struct json *entity,
			   bool *ret_fits, struct error *err)
{
	const struct query_text text = {.type = type, .attrs = attrs};
	struct query *query;

	*ret_fits = true;
	if (!type.at && !attrs.at)
		return ERR_OK;
	enum err_code code =
		query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context, &query, err);

	if (code != ERR_OK)
		return code;
	*ret_fits = query_matches(query, entity);
	query_done(query);
	return ERR_OK;
}

/* ---- the page ---- */

struct page_writer {
	struct call *call;
	struct represent_options options;
	struct buf out;
	uint64_t written; /* entities */
	bool cut; /* the answer is as long as one may be: the page ends early */
	bool too_large; /* not even one entity fits */
	enum err_code code;
};

static bool page_visit(void *self, const struct json *entity)
{
	struct page_writer *writer = self;
	struct arena *scratch = &writer->call->loop->scratch;
	size_t before = writer->out.len;

	if (writer->written > 0)
		buf_put_char(&writer->out, ',');
	writer->code = represent_entity(&writer->out, scratch, entity, &writer->options, &writer->call->error);
	arena_clear(scratch);
	if (writer->code != ERR_OK)
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

/* RFC 8288 has a URI reference between "<" and ">": what RFC 3986 does not allow in a query is percent-encoded, which
 * means the same. */
static void put_target(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c <= ' ' || c > '~' || str_contains(STR("<>\"\\^`{|}"), (struct str){&text.at[i], 1}))
			buf_printf(out, "%%%02X", (unsigned int)c);
		else
			buf_put_char(out, (char)c);
	}
}

/* Clause 5.5.9: pointers that hold everything needed; the request's own text with limit and offset replaced. */
static enum err_code link_page(struct call *call, const char *relation, uint64_t limit, uint64_t offset)
{
	struct str piece, rest = http_request_query(call->request);
	struct str media = media_name(call->media);
	struct buf link;

	buf_init(&link, 65536);
	buf_put_char(&link, '<');
	put_target(&link, http_request_path(call->request));
	buf_put_char(&link, '?');
	while (str_next(&rest, '&', &piece)) {
		if (piece.len == 0 || str_starts(piece, STR("limit=")) || str_starts(piece, STR("offset=")))
			continue;
		put_target(&link, piece);
		buf_put_char(&link, '&');
	}
	buf_printf(&link, "limit=%llu&offset=%llu>; rel=\"%s\"; type=\"%.*s\"", (unsigned long long)limit,
		   (unsigned long long)offset, relation, STR_FMT(media));
	bool fits = !link.failed && link.len + call->context_link.len < http_response_room(call->request) &&
		    http_response_header(call->request, "Link", buf_str(&link));

	buf_done(&link);
	if (fits)
		return ERR_OK;
	return err_set(&call->error, ERR_INVALID,
		       "this URL is too long for pointers to further pages; send the query to entityOperations/query");
}

/* One page back; from behind the end, when that is known, as many as it takes to meet a match. */
static uint64_t offset_before(const struct broker_page *page, uint64_t total)
{
	uint64_t pages = 1;

	if (page->count && page->offset >= total)
		pages += (page->offset - total) / page->limit;
	return page->offset / page->limit >= pages ? page->offset - pages * page->limit : 0;
}

static enum err_code page_headers(struct page_writer *writer, const struct broker_page *page,
				  const struct broker_page_result *result)
{
	struct call *call = writer->call;
	enum err_code code = ERR_OK;

	if (page->count)
		(void)http_response_header(call->request, "NGSILD-Results-Count",
					   arena_printf(call->arena, "%llu", (unsigned long long)result->total));
	if (page->limit == 0)
		return ERR_OK;
	if (page->offset > 0)
		code = link_page(call, "prev", page->limit, offset_before(page, result->total));
	if (code == ERR_OK && (result->more || writer->cut))
		code = link_page(call, "next", page->limit, page->offset + writer->written);
	return code;
}

static bool page_bounds(struct call *call, struct broker_page *ret_page)
{
	const struct api_options *options = &call->api->options;
	struct broker_page page = {.limit = options->page_entities_default};

	if (!call_number(call, P_LIMIT, &page.limit) || !call_number(call, P_OFFSET, &page.offset) ||
	    !call_flag(call, P_COUNT, &page.count))
		return false;
	page.count = page.count || (call->options & OPTION_COUNT);
	if (page.limit == 0 && !page.count) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "limit=0 goes only together with count=true");
		return false;
	}
	if (page.limit > options->page_entities_max) {
		answer_problem(call, PROBLEM_TOO_MANY_RESULTS, "limit is at most %u here", options->page_entities_max);
		return false;
	}
	*ret_page = page;
	return true;
}

static void writer_open(struct page_writer *writer)
{
	if (writer->call->media == MEDIA_GEO_JSON)
		buf_put(&writer->out, STR("{\"type\":\"FeatureCollection\",\"features\":"));
	buf_put_char(&writer->out, '[');
}

static void writer_close(struct page_writer *writer, const struct json *context_member)
{
	writer->out.bytes_max = SIZE_MAX; /* the closing brackets always fit */
	buf_put_char(&writer->out, ']');
	if (writer->call->media != MEDIA_GEO_JSON)
		return;
	if (context_member) {
		buf_put(&writer->out, STR(",\"@context\":"));
		json_write(&writer->out, context_member);
	}
	buf_put_char(&writer->out, '}');
}

static enum err_code page_run(struct page_writer *writer, const struct query *query, const struct broker_page *page)
{
	struct call *call = writer->call;
	struct broker_page_result result = {0};
	const struct json *member = NULL;

	call_context_out(call, &writer->options.context, &member);
	if (call->media != MEDIA_GEO_JSON)
		writer->options.context_value = member;
	writer_open(writer);
	enum err_code code =
		broker_query(call->loop->reader, call->tenant, query, page, page_visit, writer, &result, &call->error);

	if (code == ERR_OK)
		code = writer->code;
	writer->too_large = code == ERR_OK && writer->out.failed == ERR_LIMIT;
	if (writer->too_large)
		return err_set(&call->error, ERR_LIMIT, "one entity alone is larger than an answer may be");
	writer_close(writer, member);
	if (code == ERR_OK)
		code = buf_check(&writer->out, "the answer", &call->error);
	if (code != ERR_OK)
		return code;
	return page_headers(writer, page, &result);
}

static void query_answer(struct call *call, const struct query *query)
{
	struct page_writer writer = {.call = call};
	struct broker_page page;

	if (!page_bounds(call, &page))
		return;
	enum err_code code = call_representation(call, &writer.options, &call->error);

	buf_init(&writer.out, call->api->options.answer_bytes_max);
	if (code == ERR_OK)
		code = page_run(&writer, query, &page);
	if (code == ERR_OK) {
		answer_represented(call, &writer.out);
		return;
	}
	buf_done(&writer.out);
	if (writer.too_large)
		answer_problem(call, PROBLEM_TOO_MANY_RESULTS, "%s", call->error.detail);
	else
		answer_error(call, code, &call->error);
}

/* ---- what is asked for ---- */

/* Is this broker alone meant? "*" for a type implies it, and is taken out of the text. */
static bool local_take(struct call *call, struct query_text *text, bool *ret_local)
{
	bool local, any_type = str_eq(text->type, STR("*"));

	if (!call_flag(call, P_LOCAL, &local))
		return false;
	if (any_type && call->parameters[P_LOCAL].at && !local) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "type=* and local=false exclude each other");
		return false;
	}
	if (any_type)
		text->type = STR_NONE;
	*ret_local = any_type || local;
	return true;
}

/* Clause 5.7.2.4: a type, an attribute that is not the system's, in attrs or in q, a geo-query, or local scope. */
static bool asks_something(const struct query *query, const struct query_text *text, bool local)
{
	return local || text->type.len || text->georel.len || query_names_attribute(query);
}

void query_run(struct call *call, struct query_text *text)
{
	struct query *query;
	bool local;

	if (!local_take(call, text, &local))
		return;
	enum err_code code = query_new(call->arena, broker_reader_parser(call->loop->reader), text, call->context,
				       &query, &call->error);

	if (code != ERR_OK) { /* a bound met while reading the query is the query's: coordinates nested too deep */
		answer_error(call, code == ERR_LIMIT ? ERR_TOO_COMPLEX : code, &call->error);
		return;
	}
	if (asks_something(query, text, local))
		query_answer(call, query);
	else
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "too wide a query: give at least one of type, attrs or q with an attribute that is not "
			       "the system's, georel, or local=true");
	query_done(query);
}

static void query_by_get(struct call *call)
{
	const struct str *texts = call->parameters;
	struct query_text text = {.ids = texts[P_ID],
				  .id_pattern = texts[P_ID_PATTERN],
				  .type = texts[P_TYPE],
				  .attrs = texts[P_ATTRS],
				  .q = texts[P_Q],
				  .scope_q = texts[P_SCOPE_Q],
				  .georel = texts[P_GEOREL],
				  .geometry = texts[P_GEOMETRY],
				  .coordinates = texts[P_COORDINATES],
				  .geoproperty = texts[P_GEOPROPERTY]};

	query_run(call, &text);
}

void query_entities(struct call *call)
{
	call_with_context(call, query_by_get);
}
