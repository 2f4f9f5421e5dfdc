/* What subscriptions and registrations have in common: documents that clients manage by ids of their own. */
#include "api/query_int.h"

#include "broker/random_id.h"
#include "ngsild/expand.h"

#include <string.h>

/* In front, where people look for it. */
static bool put_id(struct call *call, struct json *document, struct str id)
{
	struct json whole = json_object();

	if (!json_add(call->arena, &whole, STR("id"), json_string(id)))
		return false;
	for (uint32_t i = 0; i < document->count; i++)
		if (!json_add(call->arena, &whole, document->members[i].key, document->members[i].value))
			return false;
	*document = whole;
	return true;
}

bool managed_id_make(struct call *call, struct json *document, struct str prefix, struct str *ret_id)
{
	char random[RANDOM_ID_BYTES];

	*ret_id = json_text(json_get(document, STR("id")));
	if (ret_id->at)
		return true;
	enum err_code code = random_id(random, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	*ret_id = arena_concat(call->arena, prefix, str_from(random));
	if (ret_id->at && put_id(call, document, *ret_id))
		return true;
	answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
	return false;
}

bool managed_id_take(struct call *call, const char *what, struct str *ret_id)
{
	*ret_id = call->variables[0];
	if (expand_is_uri(*ret_id))
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "a %s's id is a URI, not \"%.*s\"", what,
		       STR_FMT(str_part(*ret_id, 0, 150)));
	return false;
}

static void answer(struct call *call, enum err_code code, struct buf *out)
{
	if (code == ERR_OK)
		code = buf_check(out, "the answer", &call->error);
	if (code == ERR_OK) {
		answer_represented(call, out);
		return;
	}
	buf_done(out);
	answer_error(call, code, &call->error);
}

void managed_answer_one(struct call *call, const struct managed_looks *looks)
{
	const struct context *context = call->context;
	const struct json *member;
	struct buf out;

	call_context_out(call, &context, &member);
	buf_init(&out, call->api->options.answer_bytes_max);
	answer(call, looks->represent(call, &out, looks->at, 0, context, member), &out);
}

static enum err_code represent_all(struct call *call, struct buf *out, const struct managed_looks *looks)
{
	const struct context *context = call->context;
	const struct json *member;
	enum err_code code = ERR_OK;

	call_context_out(call, &context, &member);
	buf_put_char(out, '[');
	for (size_t i = 0; code == ERR_OK && i < looks->count; i++) {
		if (i > 0)
			buf_put_char(out, ',');
		code = looks->represent(call, out, looks->at, i, context, member);
	}
	buf_put_char(out, ']');
	return code;
}

void managed_answer_page(struct call *call, const struct broker_page *page, const struct managed_looks *looks,
			 uint64_t total)
{
	const struct broker_page_result result = {
		.total = total,
		.first = page->offset,
		.returned = looks->count,
		.behind = page->offset + looks->count,
		.more = page->offset + looks->count<total, .before = page->offset> page->limit
				? page->offset - page->limit
				: 0,
	};
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = represent_all(call, &out, looks);

	if (code == ERR_OK)
		code = page_headers(call, page, &result, false);
	answer(call, code, &out);
}
