/* /subscriptions, and /csourceSubscriptions, which are those to registrations: create, list, retrieve, update, delete.
 * Source: GS CIM 009 V1.9.1 clauses 5.8, 5.11, 6.10–6.13. */
#include "api/forward_int.h"
#include "api/query_int.h"

#include "broker/context_store.h"
#include "broker/subscriptions.h"

#include <string.h>

struct subscription_call {
	struct subscription_write write;
	struct stored_context_write hosting; /* of an @context that has no URL */
	struct json *document;
	const struct json *shown; /* jsonldContext; NULL: none */
};

/* The path says which of the two it is. */
static enum subscription_kind kind_of(const struct call *call)
{
	static const struct str path = {"/csourceSubscriptions", sizeof("/csourceSubscriptions") - 1};

	return str_eq(str_part(str_from(call->operation->path), 0, path.len), path) ? SUBSCRIPTION_TO_REGISTRATIONS
										    : SUBSCRIPTION_TO_ENTITIES;
}

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
		answer_created_at(call,
				  work->write.kind == SUBSCRIPTION_TO_ENTITIES ? STR(API_ROOT "/subscriptions/")
									       : STR(API_ROOT "/csourceSubscriptions/"),
				  work->write.id);
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
	work->hosting.tenant = call->tenant_name;
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
	work->write.kind = kind_of(call);
	work->write.operation = operation;
	call->work = work;
	return work;
}

/* The body checked, what is known of it kept, names as IRIs: true under any @context. A fragment keeps its nulls, which
 * remove members; what nobody knows of it is passed over when it is merged. */
static bool take_body(struct call *call, struct subscription_call *work, bool fragment)
{
	int64_t now_us = broker_now_us(call->api->options.broker);
	struct json *kept = NULL;
	enum err_code code = subscription_check(call->body, work->write.kind, fragment, now_us, &call->error);

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

/* Whom it came through (6.3.18): no copies of it go there. False: it is answered. */
static bool take_via(struct call *call, struct subscription_call *work)
{
	struct str via[VIA_MAX];
	size_t count = via_read(http_request_header(call->request, STR("Via")), via, VIA_MAX);
	struct json *list = json_new(call->arena, json_array());

	if (!call_is_first(call))
		return false;
	for (size_t i = 0; list && i < count; i++)
		if (!json_push(call->arena, list, json_string(via[i])))
			list = NULL;
	work->write.via = count ? list : NULL;
	if (list)
		return true;
	answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
	return false;
}

static void create_checked(struct call *call)
{
	struct subscription_call *work = work_new(call, SUBSCRIPTION_CREATE);

	if (!work || !take_via(call, work) || !take_body(call, work, false))
		return;
	if (managed_id_make(call, work->document, STR("urn:ngsi-ld:Subscription:"), &work->write.id))
		initialize_shown(call);
}

void create_subscription(struct call *call)
{
	call_with_context(call, create_checked);
}

static void update_checked(struct call *call)
{
	struct subscription_call *work = work_new(call, SUBSCRIPTION_UPDATE);

	if (!work || !managed_id_take(call, "subscription", &work->write.id) || !take_body(call, work, true))
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

	if (work && managed_id_take(call, "subscription", &work->write.id))
		submit(call);
}

/* ---- reading ---- */

static enum err_code represent(struct call *call, struct buf *out, const void *at, size_t i,
			       const struct context *context, const struct json *member)
{
	const struct subscription_look *look = (const struct subscription_look *)at + i;
	const struct subscription_show show = {
		.context = context, .context_value = member, .sys_attrs = call->options & OPTION_SYS_ATTRS};

	return subscription_represent(out, call->arena, look->document, look->context, &look->state, &show,
				      &call->error);
}

static void retrieve(struct call *call)
{
	struct subscription_look look;
	struct str id;

	if (!managed_id_take(call, "subscription", &id))
		return;
	enum err_code code = broker_subscription_get(call->loop->reader, call->tenant, kind_of(call), id, call->arena,
						     &look, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	managed_answer_one(call, &(struct managed_looks){represent, &look, 1});
	(void)context_unref(look.context);
}

void retrieve_subscription(struct call *call)
{
	call_with_context(call, retrieve);
}

static void query(struct call *call)
{
	struct subscription_look *looks = NULL;
	struct broker_page page = {0};
	uint64_t total = 0;
	size_t count = 0;

	if (!page_take(call, &page))
		return;
	enum err_code code = broker_subscription_list(call->loop->reader, call->tenant, kind_of(call), page.offset,
						      page.limit, call->arena, &looks, &count, &total, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	managed_answer_page(call, &page, &(struct managed_looks){represent, looks, count}, total);
	for (size_t i = 0; i < count; i++)
		(void)context_unref(looks[i].context);
}

void query_subscriptions(struct call *call)
{
	call_with_context(call, query);
}
