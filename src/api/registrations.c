/* /csourceRegistrations: register, discover, retrieve, update, delete.
 * Source: GS CIM 009 V1.9.1 clauses 5.9, 5.10, 6.8, 6.9. */
#include "api/query_int.h"

#include "broker/registrations.h"
#include "ngsild/expand.h"
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

/* What is asked, and what has to be let go of. */
struct question {
	struct registration_question asked;
	struct query *query, *csf; /* owned */
	struct temporal_query temporal;
	struct str *attributes, *datasets; /* in the call's arena */
};

static void question_done(struct question *question)
{
	query_done(question->query);
	query_done(question->csf);
}

static size_t count_items(struct str list)
{
	struct str item;
	size_t count = 0;

	while (list.at && str_next(&list, ',', &item))
		count++;
	return count;
}

/* Of pick the attributes, without what is asked of those linked to ("a{b,c}"). */
static bool names_attribute(struct str name, bool picked)
{
	return !picked || (!str_eq(name, STR("id")) && !str_eq(name, STR("type")) && !str_eq(name, STR("scope")));
}

/* Cuts the next name off; commas between braces are those of linked entities. */
static bool next_name(struct str *rest, struct str *ret_name)
{
	size_t depth = 0, end = 0;

	if (!rest->at)
		return false;
	for (; end < rest->len && (depth > 0 || rest->at[end] != ','); end++)
		depth += rest->at[end] == '{' ? 1 : rest->at[end] == '}' && depth > 0 ? (size_t)-1 : 0;
	struct str whole = str_part(*rest, 0, end), name;

	*rest = end < rest->len ? str_part(*rest, end + 1, rest->len) : STR_NONE;
	(void)str_next(&whole, '{', &name);
	*ret_name = str_trim(name);
	return true;
}

static enum err_code add_attributes(struct call *call, struct question *question, enum parameter parameter)
{
	struct str rest = call->parameters[parameter], name;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && next_name(&rest, &name)) {
		if (!names_attribute(name, parameter == P_PICK))
			continue;
		code = expand_attribute_iri(call->arena, call->context, name,
					    &question->attributes[question->asked.attribute_count], &call->error);
		question->asked.attribute_count += code == ERR_OK;
	}
	return code ? err_while(&call->error, "reading %s", parameter == P_PICK ? "pick" : "attrs") : ERR_OK;
}

static enum err_code take_attributes(struct call *call, struct question *question)
{
	const struct str *texts = call->parameters;

	question->attributes =
		arena_array(call->arena, struct str, count_items(texts[P_ATTRS]) + count_items(texts[P_PICK]));
	if (!question->attributes)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	question->asked.attribute_iris = question->attributes;
	enum err_code code = add_attributes(call, question, P_ATTRS);

	return code ? code : add_attributes(call, question, P_PICK);
}

static enum err_code take_datasets(struct call *call, struct question *question)
{
	struct str rest = call->parameters[P_DATASET_ID], item;

	question->datasets = arena_array(call->arena, struct str, count_items(rest));
	if (!question->datasets)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	question->asked.dataset_ids = question->datasets;
	while (rest.at && str_next(&rest, ',', &item)) {
		item = str_trim(item);
		if (!expand_is_uri(item) && !str_eq(item, STR("@none")))
			return err_set(&call->error, ERR_INVALID, "datasetId: \"%.*s\" is neither a URI nor @none",
				       STR_FMT(str_part(item, 0, 100)));
		question->datasets[question->asked.dataset_count++] = item;
	}
	return ERR_OK;
}

static enum err_code take_temporal(struct call *call, struct question *question)
{
	const struct str *texts = call->parameters;
	const struct temporal_text text = {.timerel = texts[P_TIMEREL],
					   .time_at = texts[P_TIME_AT],
					   .end_time_at = texts[P_END_TIME_AT],
					   .timeproperty = texts[P_TIMEPROPERTY]};
	enum err_code code = temporal_query_read(&text, &question->temporal, &call->error);

	if (code == ERR_OK && text.timerel.at)
		question->asked.temporal = &question->temporal;
	return code;
}

/* Attribute names are matched with those registered, and not held against an entity: they leave the query. */
static enum err_code take_query(struct call *call, struct question *question)
{
	struct query_text text = query_text_of(call);
	const struct query_text filter = {.q = call->parameters[P_CSF]};
	struct json_parser *parser = broker_reader_parser(call->loop->reader);

	text.attrs = STR_NONE;
	if (str_eq(text.type, STR("*")))
		text.type = STR_NONE;
	enum err_code code = query_new(call->arena, parser, &text, call->context, &question->query, &call->error);

	question->asked.query = question->query;
	if (code != ERR_OK || !filter.q.at)
		return code;
	code = query_new(call->arena, parser, &filter, call->context, &question->csf, &call->error);
	question->asked.csf = question->csf;
	return code ? err_while(&call->error, "reading csf") : ERR_OK;
}

/* 5.10.2.4: a type, an attribute, q or a geo-query; ids alone are too wide. */
static bool asks_something(const struct call *call, const struct question *question)
{
	const struct str *texts = call->parameters;

	return texts[P_TYPE].len || question->asked.attribute_count || texts[P_Q].len || texts[P_GEOREL].len;
}

static bool ask(struct call *call, struct question *question)
{
	enum err_code code = take_attributes(call, question);

	if (code == ERR_OK)
		code = take_datasets(call, question);
	if (code == ERR_OK)
		code = take_temporal(call, question);
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
