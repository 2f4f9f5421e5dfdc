/* /csourceRegistrations: register, discover, retrieve, update, delete.
 * Source: GS CIM 009 V1.9.1 clauses 5.9, 5.10, 6.8, 6.9. */
#include "api/query_int.h"

#include "broker/registrations.h"
#include "ngsild/temporal.h"

struct registration_call {
	struct registration_write write;
	struct json *document;
};

/* ---- writing ---- */

static void on_done(struct registration_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

static void answer_written(struct call *call)
{
	const struct registration_call *work = call->work;

	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else if (work->write.operation == REGISTRATION_CREATE)
		answer_created_at(call, STR(API_ROOT "/csourceRegistrations/"), work->write.id);
	else
		answer_empty(call, 204);
}

static struct registration_call *work_new(struct call *call, enum registration_operation operation)
{
	struct registration_call *work = arena_new(call->arena, struct registration_call);

	if (!work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	work->write.operation = operation;
	call->work = work;
	return work;
}

static void submit(struct call *call)
{
	struct registration_call *work = call->work;

	work->write.document = work->document;
	work->write.arena = call->arena;
	work->write.done = on_done;
	work->write.self = call;
	enum err_code code = broker_registration_submit(call->loop->reader, call->tenant, &work->write, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer_written);
}

/* The body checked, what is known of it kept, names as IRIs: true under any @context. A fragment keeps its nulls, which
 * remove members; what nobody knows of it is passed over when it is merged. */
static bool take_body(struct call *call, struct registration_call *work, bool fragment)
{
	struct json *kept = NULL;
	enum err_code code =
		registration_check(call->body, fragment, broker_now_us(call->api->options.broker), &call->error);

	if (code == ERR_OK && !fragment)
		code = registration_keep(call->arena, call->body, &kept, &call->error);
	if (code == ERR_OK)
		code = registration_rename(call->arena, fragment ? call->body : kept, call->context, NULL,
					   &work->document, &call->error);
	if (code == ERR_OK)
		return true;
	answer_error(call, code, &call->error);
	return false;
}

static void create_checked(struct call *call)
{
	struct registration_call *work = work_new(call, REGISTRATION_CREATE);

	if (work && take_body(call, work, false) &&
	    managed_id_make(call, work->document, STR("urn:ngsi-ld:ContextSourceRegistration:"), &work->write.id))
		submit(call);
}

void create_registration(struct call *call)
{
	call_with_context(call, create_checked);
}

static void update_checked(struct call *call)
{
	struct registration_call *work = work_new(call, REGISTRATION_UPDATE);

	if (work && managed_id_take(call, "registration", &work->write.id) && take_body(call, work, true))
		submit(call);
}

void update_registration(struct call *call)
{
	call_with_context(call, update_checked);
}

void delete_registration(struct call *call)
{
	struct registration_call *work = work_new(call, REGISTRATION_DELETE);

	if (work && managed_id_take(call, "registration", &work->write.id))
		submit(call);
}

/* ---- reading ---- */

static enum err_code represent(struct call *call, struct buf *out, const void *at, size_t i,
			       const struct context *context, const struct json *member)
{
	const struct registration_look *look = (const struct registration_look *)at + i;
	const struct registration_show show = {
		.context = context, .context_value = member, .sys_attrs = call->options & OPTION_SYS_ATTRS};

	return registration_represent(out, call->arena, look->document, broker_core_context(call->api->options.broker),
				      &look->state, &show, &call->error);
}

static void retrieve(struct call *call)
{
	struct registration_look look;
	struct str id;

	if (!managed_id_take(call, "registration", &id))
		return;
	enum err_code code =
		broker_registration_get(call->loop->reader, call->tenant, id, call->arena, &look, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	managed_answer_one(call, &(struct managed_looks){represent, &look, 1});
}

void retrieve_registration(struct call *call)
{
	call_with_context(call, retrieve);
}

/* ---- discovery ---- */

/* Attribute names are matched with those registered, and not held against an entity: they leave the query. */
static enum err_code take_query(struct call *call, struct question *question)
{
	struct query_text text = query_text_of(call);
	struct json_parser *parser = broker_reader_parser(call->loop->reader);

	text.attrs = STR_NONE;
	if (str_eq(text.type, STR("*")))
		text.type = STR_NONE;
	enum err_code code = query_new(call->arena, parser, &text, call->context, &question->query, &call->error);

	question->asked.query = question->query;
	return code == ERR_OK ? question_take_csf(call, question) : code;
}

/* 5.10.2.4: a type, an attribute, q or a geo-query; ids alone are too wide. */
static bool asks_something(const struct call *call, const struct question *question)
{
	const struct str *texts = call->parameters;

	return texts[P_TYPE].len || question->asked.attribute_count || texts[P_Q].len || texts[P_GEOREL].len;
}

static bool ask(struct call *call, struct question *question)
{
	enum err_code code = question_take_attributes(call, question);

	if (code == ERR_OK)
		code = question_take_datasets(call, question);
	if (code == ERR_OK)
		code = question_take_temporal(call, question);
	if (code == ERR_OK)
		code = take_query(call, question);
	if (code == ERR_OK && asks_something(call, question))
		return true;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "too wide a query: give at least one of type, attrs, q or georel");
	return false;
}

static void discover(struct call *call, struct question *question)
{
	struct registration_look *looks = NULL;
	struct broker_page page = {0};
	uint64_t total = 0;
	size_t count = 0;

	if (!page_take(call, &page))
		return;
	enum err_code code = broker_registration_query(call->loop->reader, call->tenant, &question->asked, page.offset,
						       page.limit, call->arena, &looks, &count, &total, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	managed_answer_page(call, &page, &(struct managed_looks){represent, looks, count}, total);
}

static void query(struct call *call)
{
	struct question question = {.query = NULL};

	if (ask(call, &question))
		discover(call, &question);
	question_done(&question);
}

void query_registrations(struct call *call)
{
	call_with_context(call, query);
}
