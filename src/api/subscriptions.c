/* /subscriptions: create, list, retrieve, update, delete.
 * Source: GS CIM 009 V1.9.1 clauses 5.8, 6.10, 6.11. */
#include "api/query_int.h"

#include "broker/context_store.h"
#include "broker/random_id.h"
#include "broker/subscriptions.h"
#include "ngsild/expand.h"

#include <string.h>

#define ID_PREFIX "urn:ngsi-ld:Subscription:"

struct subscription_call {
	struct subscription_write write;
	struct stored_context_write hosting; /* of an @context that has no URL */
	struct json *document;
	const struct json *shown; /* jsonldContext; NULL: none */
	char id[sizeof(ID_PREFIX) - 1 + RANDOM_ID_BYTES];
};

/* ---- writing ---- */

static void on_done(struct subscription_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

static void answer_written(struct call *call)
{
	const struct subscription_call *work = call->work;

	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else if (work->write.operation == SUBSCRIPTION_CREATE)
		answer_created_at(call, STR(API_ROOT "/subscriptions/"), work->write.id);
	else
		answer_empty(call, 204);
}

static void submit(struct call *call)
{
	struct subscription_call *work = call->work;

	work->write.context = call->context;
	work->write.context_value = call->context_value;
	work->write.arena = call->arena;
	work->write.done = on_done;
	work->write.self = call;
	enum err_code code =
		broker_subscription_submit(call->api->options.broker, call->tenant, &work->write, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer_written);
}

/* The @context of notifications has to be at hand (5.8.1.4): 504 where it cannot be had, 400 where it is none. */
static void resolve_shown(struct call *call)
{
	struct subscription_call *work = call->work;

	if (work->shown) {
		call->resume = resolve_shown;
		if (call->context_tries > API_CONTEXT_TRIES_MAX) {
			(void)err_set(&call->error, ERR_CONTEXT, "jsonldContext did not come in %u tries",
				      API_CONTEXT_TRIES_MAX);
			answer_error(call, ERR_CONTEXT, &call->error);
			return;
		}
		enum err_code code = call_context(call, work->shown, &work->write.shown);

		if (code == ERR_TIMEOUT)
			return; /* suspended */
		if (code != ERR_OK) {
			answer_error(call, code, &call->error);
			return;
		}
	}
	submit(call);
}

/* ---- an @context without a URL (5.13.1) ---- */

static void on_hosted(struct stored_context_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

/* It is hosted by now, and its URL is where notifications say that it is. */
static void use_hosted(struct call *call)
{
	struct subscription_call *work = call->work;
	struct str url = call_stored_context_url(call, str_from(work->hosting.id));

	if (call->write_code != ERR_OK) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	if (!json_add(call->arena, work->document, STR("jsonldContext"), json_string(url))) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	work->shown = json_get(work->document, STR("jsonldContext"));
	resolve_shown(call);
}

/* jsonldContext is "initialized with the @context applicable for the Subscription" (5.8.1.4). Where that is no URL and
 * notifications need one, the broker hosts it. */
static void initialize_shown(struct call *call)
{
	struct subscription_call *work = call->work;
	struct broker *broker = call->api->options.broker;
	struct store *store;

	if (work->shown || !call->context_value || context_lone_url(call->context_value).at ||
	    !subscription_links_context(work->document)) {
		resolve_shown(call);
		return;
	}
	work->hosting.tenant = call->tenant;
	work->hosting.done = on_hosted;
	work->hosting.self = call;
	enum err_code code = broker_tenant(broker, call->tenant, true, &store, &call->error);

	if (code == ERR_OK)
		code = stored_context_add(broker, CONTEXT_IMPLICIT, call->context_value, &work->hosting, &call->error);
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, use_hosted);
}

/* ---- creating, updating, deleting ---- */

static struct subscription_call *work_new(struct call *call, enum subscription_operation operation)
{
	struct subscription_call *work = arena_new(call->arena, struct subscription_call);

	if (!work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	work->write.operation = operation;
	call->work = work;
	return work;
}

/* In front, where people look for it. */
static bool put_id(struct call *call, struct subscription_call *work)
{
	struct json *document = work->document, whole = json_object();

	if (!json_add(call->arena, &whole, STR("id"), json_string(str_from(work->id))))
		return false;
	for (uint32_t i = 0; i < document->count; i++)
		if (!json_add(call->arena, &whole, document->members[i].key, document->members[i].value))
			return false;
	*document = whole;
	return true;
}

static bool make_id(struct call *call, struct subscription_call *work)
{
	memcpy(work->id, ID_PREFIX, sizeof(ID_PREFIX));
	enum err_code code = random_id(work->id + sizeof(ID_PREFIX) - 1, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	if (put_id(call, work))
		return true;
	answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
	return false;
}

/* The body checked, what is known of it kept, names as IRIs: true under any @context. A fragment keeps its nulls, which
 * remove members; what nobody knows of it is passed over when it is merged. */
static bool take_body(struct call *call, struct subscription_call *work, bool fragment)
{
	int64_t now_us = broker_now_us(call->api->options.broker);
	struct json *kept = NULL;
	enum err_code code = subscription_check(call->body, fragment, now_us, &call->error);

	if (code == ERR_OK && !fragment)
		code = subscription_keep(call->arena, call->body, &kept, &call->error);
	if (code == ERR_OK)
		code = subscription_rename(call->arena, fragment ? call->body : kept, call->context, NULL,
					   &work->document, &call->error);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	work->write.document = work->document;
	work->shown = json_get(work->document, STR("jsonldContext"));
	if (!json_is(work->shown, JSON_STRING) || str_eq(json_text(work->shown), NGSILD_NULL))
		work->shown = NULL; /* removed */
	return true;
}

static void create_checked(struct call *call)
{
	struct subscription_call *work = work_new(call, SUBSCRIPTION_CREATE);

	if (!work || !take_body(call, work, false))
		return;
	if (!json_get(work->document, STR("id")) && !make_id(call, work))
		return;
	work->write.id = json_text(json_get(work->document, STR("id")));
	initialize_shown(call);
}

void create_subscription(struct call *call)
{
	call_with_context(call, create_checked);
}

static bool take_id(struct call *call, struct str *ret_id)
{
	struct str id = call->variables[0];

	if (!expand_is_uri(id)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "a subscription's id is a URI, not \"%.*s\"",
			       STR_FMT(str_part(id, 0, 150)));
		return false;
	}
	*ret_id = id;
	return true;
}

static void update_checked(struct call *call)
{
	struct subscription_call *work = work_new(call, SUBSCRIPTION_UPDATE);

	if (!work || !take_id(call, &work->write.id) || !take_body(call, work, true))
		return;
	resolve_shown(call);
}

void update_subscription(struct call *call)
{
	call_with_context(call, update_checked);
}

void delete_subscription(struct call *call)
{
	struct subscription_call *work = work_new(call, SUBSCRIPTION_DELETE);

	if (work && take_id(call, &work->write.id))
		submit(call);
}

/* ---- reading ---- */

static enum err_code represent(struct call *call, struct buf *out, const struct subscription_look *look,
			       const struct context *context, const struct json *member)
{
	const struct subscription_show show = {
		.context = context, .context_value = member, .sys_attrs = call->options & OPTION_SYS_ATTRS};

	return subscription_represent(out, call->arena, look->document, look->context, &look->state, &show,
				      &call->error);
}

static void answer_out(struct call *call, enum err_code code, struct buf *out)
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

static void retrieve(struct call *call)
{
	struct subscription_look look;
	struct str id;
	struct buf out;

	if (!take_id(call, &id))
		return;
	enum err_code code =
		broker_subscription_get(call->loop->reader, call->tenant, id, call->arena, &look, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	const struct context *context = call->context;
	const struct json *member;

	call_context_out(call, &context, &member);
	buf_init(&out, call->api->options.answer_bytes_max);
	code = represent(call, &out, &look, context, member);
	(void)context_unref(look.context);
	answer_out(call, code, &out);
}

void retrieve_subscription(struct call *call)
{
	call_with_context(call, retrieve);
}

static enum err_code represent_all(struct call *call, struct buf *out, const struct subscription_look *looks,
				   size_t count)
{
	const struct context *context = call->context;
	const struct json *member;
	enum err_code code = ERR_OK;

	call_context_out(call, &context, &member);
	buf_put_char(out, '[');
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		if (i > 0)
			buf_put_char(out, ',');
		code = represent(call, out, &looks[i], context, member);
	}
	buf_put_char(out, ']');
	return code;
}

static void query(struct call *call)
{
	struct subscription_look *looks = NULL;
	struct broker_page page = {0};
	struct broker_page_result result = {0};
	size_t count = 0;
	struct buf out;

	if (!page_take(call, &page))
		return;
	enum err_code code = broker_subscription_list(call->loop->reader, call->tenant, page.offset, page.limit,
						      call->arena, &looks, &count, &result.total, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	result.first = page.offset;
	result.returned = count;
	result.behind = page.offset + count;
	result.more = result.behind < result.total;
	result.before = page.offset > page.limit ? page.offset - page.limit : 0;
	buf_init(&out, call->api->options.answer_bytes_max);
	code = represent_all(call, &out, looks, count);
	for (size_t i = 0; i < count; i++)
		(void)context_unref(looks[i].context);
	if (code == ERR_OK)
		code = page_headers(call, &page, &result, false);
	answer_out(call, code, &out);
}

void query_subscriptions(struct call *call)
{
	call_with_context(call, query);
}
