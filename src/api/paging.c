/* Pages: their bounds, and the pointers to other ones.
 * Source: GS CIM 009 V1.9.1 clauses 4.12, 4.13, 5.5.9, 6.3.10, 6.3.13. */
#include "api/query_int.h"

#define LINK_BYTES_MAX 65536

bool page_take(struct call *call, struct broker_page *ret_page)
{
	uint32_t limit_max = atomic_load(&call->api->page_max);
	struct broker_page page = {.limit = atomic_load(&call->api->page_default), .last_when_beyond = true};

	if (!call_number(call, P_LIMIT, &page.limit) || !call_number(call, P_OFFSET, &page.offset) ||
	    !call_flag(call, P_COUNT, &page.count))
		return false;
	page.count = page.count || (call->options & OPTION_COUNT);
	if (page.limit == 0 && !page.count) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "limit=0 goes only together with count=true");
		return false;
	}
	if (page.limit > limit_max && call->parameters[P_LIMIT].at) {
		answer_problem(call, PROBLEM_TOO_MANY_RESULTS, "limit is at most %u here", limit_max);
		return false;
	}
	if (page.limit > limit_max) /* the two settings are read one after the other */
		page.limit = limit_max;
	*ret_page = page;
	return true;
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

static bool is_own(struct str piece)
{
	return piece.len == 0 || str_starts(piece, STR("limit=")) || str_starts(piece, STR("offset=")) ||
	       str_starts(piece, STR("entityMapId="));
}

/* Clause 5.5.9: pointers that hold everything needed; the request's own text with limit and offset replaced, and the
 * entity map that was used, which a client would otherwise have to say in a header. */
static enum err_code link_page(struct call *call, const char *relation, const struct broker_page *page, uint64_t offset)
{
	struct str piece, rest = http_request_query(call->request);
	struct str media = media_name(call->media);
	struct buf link;

	buf_init(&link, LINK_BYTES_MAX);
	buf_put_char(&link, '<');
	put_target(&link, http_request_path(call->request));
	buf_put_char(&link, '?');
	while (str_next(&rest, '&', &piece)) {
		if (is_own(piece))
			continue;
		put_target(&link, piece);
		buf_put_char(&link, '&');
	}
	if (page->map)
		buf_printf(&link, "entityMapId=%.*s&", STR_FMT(entity_map_id(page->map)));
	buf_printf(&link, "limit=%llu&offset=%llu>; rel=\"%s\"; type=\"%.*s\"", (unsigned long long)page->limit,
		   (unsigned long long)offset, relation, STR_FMT(media));
	bool fits = !link.failed && link.len + call->context_link.len < http_response_room(call->request) &&
		    http_response_header(call->request, "Link", buf_str(&link));

	buf_done(&link);
	if (fits)
		return ERR_OK;
	return err_set(&call->error, ERR_INVALID,
		       "this URL is too long for pointers to further pages; send the query to entityOperations/query");
}

enum err_code page_headers(struct call *call, const struct broker_page *page, const struct broker_page_result *result,
			   bool cut)
{
	enum err_code code = ERR_OK;

	if (page->count)
		(void)http_response_header(call->request, "NGSILD-Results-Count",
					   arena_printf(call->arena, "%llu", (unsigned long long)result->total));
	if (page->limit == 0)
		return ERR_OK;
	if (result->first > 0)
		code = link_page(call, "prev", page, result->before);
	if (code == ERR_OK && (result->more || cut))
		code = link_page(call, "next", page, cut ? result->last : result->behind);
	return code;
}
