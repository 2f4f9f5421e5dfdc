/* /snapshots: create, clone, status, update, delete, purge. Work on a snapshot goes through the other operations, with
 * the header NGSILD-Snapshot (request.c).
 * Source: GS CIM 009 V1.9.1 clauses 5.16, 6.36 to 6.38. */
#include "api/query_int.h"

#include "broker/snapshots.h"

#include <string.h>

#define SNAPSHOT_ROOT API_ROOT "/snapshots/"

struct snapshot_call {
	struct snapshot_write write;
	struct json *document;
	struct snapshot_query *queries; /* in the call's arena */
	size_t query_count;
};

/* ---- writing ---- */

static void on_done(struct snapshot_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

static struct snapshot_call *work_new(struct call *call, enum snapshot_operation operation)
{
	struct snapshot_call *work = arena_new(call->arena, struct snapshot_call);

	if (!work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	work->write.operation = operation;
	call->work = work;
	return work;
}

static void submit(struct call *call, void (*answer)(struct call *call))
{
	struct snapshot_call *work = call->work;

	work->write.arena = call->arena;
	work->write.done = on_done;
	work->write.self = call;
	enum err_code code =
		broker_snapshot_submit(call->api->options.broker, call->tenant, &work->write, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer);
}

static void answer_made(struct call *call)
{
	const struct snapshot_call *work = call->work;

	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else
		answer_created_at(call, STR(SNAPSHOT_ROOT), work->write.id);
}

static void answer_deleted(struct call *call)
{
	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 204);
}

/* ---- the queries of a new one ---- */

/* Linked entities come with an answer; into a snapshot goes what is found, and what shows it is asked for then. */
static bool join_refuse(struct call *call)
{
	if (!call->parameters[P_JOIN].at || str_eq(call->parameters[P_JOIN], STR("@none")))
		return true;
	answer_problem(call, PROBLEM_OPERATION_NOT_SUPPORTED,
		       "this broker does not offer \"join\" in the queries of a snapshot: ask for linked entities too");
	return false;
}

/* What the call's parameters hold by now. */
static struct snapshot_query query_of(const struct call *call, const struct query_text *text, bool temporal)
{
	const struct str *texts = call->parameters;
	struct snapshot_query query = {.text = *text,
				       .pick = texts[P_PICK],
				       .omit = texts[P_OMIT],
				       .dataset_id = texts[P_DATASET_ID],
				       .temporal = temporal,
				       .when = {.timerel = texts[P_TIMEREL],
						.time_at = texts[P_TIME_AT],
						.end_time_at = texts[P_END_TIME_AT],
						.timeproperty = texts[P_TIMEPROPERTY],
						.last_n = texts[P_LAST_N]}};

	query.text.attrs = texts[P_ATTRS];
	query.text.expand_values = texts[P_EXPAND_VALUES];
	query.text.json_keys = texts[P_JSON_KEYS];
	return query;
}

static enum err_code temporal_check(struct call *call, const struct snapshot_query *query)
{
	struct temporal_query when;

	if (!query->temporal)
		return ERR_OK;
	enum err_code code = temporal_query_read(&query->when, &when, &call->error);

	if (code == ERR_OK && when.relation == TEMPORAL_ANY)
		code = err_set(&call->error, ERR_INVALID, "a temporalQ needs timerel and timeAt (5.7.4.4)");
	return code;
}

/* One query, checked as if it were asked now. False: answered. */
static bool read_query(struct call *call, struct json *body, bool temporal, struct snapshot_query *ret)
{
	struct represent_options shown;
	struct query_text text;
	struct asked asked;

	memset(call->parameters, 0, sizeof(call->parameters));
	call->body = body;
	enum err_code code = query_body_read(call, &text);

	if (code == ERR_OK) {
		*ret = query_of(call, &text, temporal);
		code = temporal_check(call, ret);
	}
	if (code == ERR_OK)
		code = call_representation(call, &shown, &call->error);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	if (!join_refuse(call) || !query_ask(call, &text, &asked))
		return false;
	asked_done(&asked);
	return true;
}

static bool read_queries(struct call *call, struct snapshot_call *work, const struct json *document)
{
	struct json *const lists[] = {json_get(document, STR("snapshotQueries")),
				      json_get(document, STR("snapshotTemporalQueries"))};
	size_t room = (lists[0] ? lists[0]->count : 0) + (lists[1] ? lists[1]->count : 0);

	work->queries = arena_array(call->arena, struct snapshot_query, room);
	if (!work->queries) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return false;
	}
	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = 0; lists[k] && i < lists[k]->count; i++)
			if (!read_query(call, &lists[k]->items[i], k > 0, &work->queries[work->query_count++]))
				return false;
	return true;
}

/* ---- creating, cloning ---- */

static bool take_document(struct call *call, struct snapshot_call *work, enum snapshot_use use)
{
	struct json *kept = NULL;
	enum err_code code = snapshot_check(call->body, use, &call->error);

	if (code == ERR_OK)
		code = snapshot_keep(call->arena, call->body, &kept, &call->error);
	if (code == ERR_OK)
		code = snapshot_rename(call->arena, kept, call->context, NULL, &work->document, &call->error);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	return managed_id_make(call, work->document, STR("urn:ngsi-ld:Snapshot:"), &work->write.id);
}

static void create(struct call *call)
{
	struct snapshot_call *work = work_new(call, SNAPSHOT_CREATE);

	if (!work || !take_document(call, work, SNAPSHOT_TO_CREATE) || !read_queries(call, work, call->body))
		return;
	work->write.document = work->document;
	work->write.context_value = call->context_value;
	work->write.queries = work->queries;
	work->write.query_count = work->query_count;
	submit(call, answer_made);
}

void create_snapshot(struct call *call)
{
	call_with_context(call, create);
}

static void clone_checked(struct call *call)
{
	struct snapshot_call *work = work_new(call, SNAPSHOT_CLONE);

	if (!work || !managed_id_take(call, "snapshot", &work->write.source) ||
	    !take_document(call, work, SNAPSHOT_TO_CLONE))
		return;
	work->write.document = work->document;
	submit(call, answer_made);
}

void clone_snapshot(struct call *call)
{
	call_with_context(call, clone_checked);
}

/* ---- status ---- */

static enum err_code represent(struct call *call, struct buf *out, const void *at, size_t i,
			       const struct context *context, const struct json *member)
{
	const struct snapshot_look *look = (const struct snapshot_look *)at + i;

	/* Names are IRIs by now, which mean the same under any @context. */
	return snapshot_represent(out, call->arena, look->document, call->context, &look->state, context, member,
				  &call->error);
}

static void answer_status(struct call *call, struct str id)
{
	struct snapshot_look look;
	enum err_code code =
		broker_snapshot_get(call->api->options.broker, call->tenant, id,
				    broker_reader_parser(call->loop->reader), call->arena, &look, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		managed_answer_one(call, &(struct managed_looks){represent, &look, 1});
}

static void retrieve(struct call *call)
{
	struct str id;

	if (managed_id_take(call, "snapshot", &id))
		answer_status(call, id);
}

void retrieve_snapshot(struct call *call)
{
	call_with_context(call, retrieve);
}

static void answer_updated(struct call *call)
{
	const struct snapshot_call *work = call->work;

	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else
		answer_status(call, work->write.id);
}

static void update(struct call *call)
{
	struct snapshot_call *work = work_new(call, SNAPSHOT_UPDATE);

	if (!work || !managed_id_take(call, "snapshot", &work->write.id))
		return;
	enum err_code code = snapshot_check(call->body, SNAPSHOT_TO_UPDATE, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	work->write.document = call->body;
	submit(call, answer_updated);
}

void update_snapshot(struct call *call)
{
	call_with_context(call, update);
}

void delete_snapshot(struct call *call)
{
	struct snapshot_call *work = work_new(call, SNAPSHOT_DELETE);

	if (work && managed_id_take(call, "snapshot", &work->write.id))
		submit(call, answer_deleted);
}

/* ---- purging ---- */

struct purged {
	struct str id;
	enum err_code code;
	struct error error;
};

struct snapshot_purge {
	struct snapshot_write write;
	struct purged *at; /* in the call's arena */
	size_t count, next, failed;
};

static enum err_code purge_query(struct call *call, struct query **ret_query)
{
	const struct query_text text = {.q = call->parameters[P_Q]};
	struct query *query = NULL;

	if (!text.q.len)
		return err_set(&call->error, ERR_INVALID, "purging snapshots needs q");
	enum err_code code = query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context,
				       &query, &call->error);

	if (code == ERR_OK && !snapshot_query_fits(query, call->context, call->arena)) {
		query_done(query);
		return err_set(&call->error, ERR_INVALID, "q may speak of members of a snapshot alone (5.2.41)");
	}
	*ret_query = query;
	return code;
}

static enum err_code look_at(struct call *call, const struct query *query, struct str id, bool *ret_matches)
{
	struct snapshot_look look;
	struct json *members = NULL;
	enum err_code code =
		broker_snapshot_get(call->api->options.broker, call->tenant, id,
				    broker_reader_parser(call->loop->reader), call->arena, &look, &call->error);

	*ret_matches = false;
	if (code == ERR_NOT_FOUND)
		return ERR_OK; /* it has gone meanwhile */
	if (code == ERR_OK)
		code = snapshot_members(call->arena, look.document, &look.state, call->context, &members, &call->error);
	if (code == ERR_OK)
		*ret_matches = query_matches(query, members);
	return code;
}

static enum err_code find_purged(struct call *call, const struct query *query, struct snapshot_purge *work)
{
	struct str *ids = NULL;
	size_t count = 0;
	bool matches;
	enum err_code code =
		broker_snapshot_list(call->api->options.broker, call->tenant, call->arena, &ids, &count, &call->error);

	if (code != ERR_OK)
		return code;
	work->at = arena_array(call->arena, struct purged, count);
	if (!work->at)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		code = look_at(call, query, ids[i], &matches);
		if (code == ERR_OK && matches)
			work->at[work->count++] = (struct purged){.id = ids[i]};
	}
	return code;
}

/* A BatchOperationResult (5.2.16). */
static void answer_partly_purged(struct call *call, const struct snapshot_purge *work)
{
	struct buf out;
	bool first = true;

	buf_init(&out, call->api->options.answer_bytes_max);
	buf_put(&out, STR("{\"success\":["));
	for (size_t i = 0; i < work->count; i++) {
		if (work->at[i].code != ERR_OK)
			continue;
		buf_put(&out, first ? STR("") : STR(","));
		json_write_string(&out, work->at[i].id);
		first = false;
	}
	buf_put(&out, STR("],\"errors\":["));
	first = true;
	for (size_t i = 0; i < work->count; i++) {
		if (work->at[i].code == ERR_OK)
			continue;
		buf_put(&out, first ? STR("{\"entityId\":") : STR(",{\"entityId\":"));
		json_write_string(&out, work->at[i].id);
		buf_put(&out, STR(",\"error\":"));
		problem_write(&out, work->at[i].code, &work->at[i].error);
		buf_put_char(&out, '}');
		first = false;
	}
	buf_put(&out, STR("]}"));
	answer_buf(call, 207, STR("application/json"), &out);
}

static void purge_next(struct call *call);

static void note_purged(struct call *call, enum err_code code)
{
	struct snapshot_purge *work = call->work;
	struct purged *purged = &work->at[work->next++];

	if (code == ERR_OK || code == ERR_NOT_FOUND) /* somebody else was faster */
		return;
	purged->code = code;
	purged->error = call->error;
	work->failed++;
}

static void purged_one(struct call *call)
{
	note_purged(call, call->write_code);
	purge_next(call);
}

static void purge_next(struct call *call)
{
	struct snapshot_purge *work = call->work;

	while (work->next < work->count) {
		work->write = (struct snapshot_write){.operation = SNAPSHOT_DELETE,
						      .id = work->at[work->next].id,
						      .arena = call->arena,
						      .done = on_done,
						      .self = call};
		enum err_code code =
			broker_snapshot_submit(call->api->options.broker, call->tenant, &work->write, &call->error);

		if (code == ERR_OK) {
			call_wait(call, purged_one);
			return;
		}
		note_purged(call, code);
	}
	if (work->failed)
		answer_partly_purged(call, work);
	else
		answer_empty(call, 204);
}

static void purge(struct call *call)
{
	struct snapshot_purge *work = arena_new(call->arena, struct snapshot_purge);
	struct query *query = NULL;
	enum err_code code =
		work ? purge_query(call, &query) : err_set(&call->error, ERR_MEMORY, "no memory for this request");

	if (code == ERR_OK)
		code = find_purged(call, query, work);
	query_done(query);
	call->work = work;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else if (work->count == 0)
		answer_problem(call, PROBLEM_NOT_FOUND, "no snapshot matches");
	else
		purge_next(call);
}

void purge_snapshots(struct call *call)
{
	call_with_context(call, purge);
}
