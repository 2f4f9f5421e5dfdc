/* What became of a change that was made in parts (5.2.16 to 5.2.19, 6.3.17). */
#include "api/distribute_int.h"

static bool share_done(const struct share *share)
{
	return share->forward && share->forward->code == ERR_OK;
}

/* One instance is in one place: that others do not have it is no failure, as long as one has (5.6.14.4, 5.6.15.4). */
static bool share_failed(const struct distribution *d, const struct share *share)
{
	bool of_instance = d->how.operation == SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL ||
			   d->how.operation == SOURCE_DELETE_ATTR_INSTANCE_TEMPORAL;

	return !share_done(share) && !(of_instance && share->forward && share->forward->status == 404);
}

int share_conflict_write(const struct share *share, enum source_operation operation, struct buf *out)
{
	struct error err;
	struct str name = source_operation_name(operation), id = source_id(share->source);

	if (share->loops) {
		(void)err_set(&err, ERR_CONFLICT, "registration %.*s leads back to where the request comes from",
			      STR_FMT(str_part(id, 0, 150)));
		return problem_kind_write(out, PROBLEM_LOOP, err.detail);
	}
	(void)err_set(&err, ERR_CONFLICT, "registration %.*s has this for itself and does not support %.*s",
		      STR_FMT(str_part(id, 0, 150)), STR_FMT(name));
	return problem_kind_write(out, PROBLEM_CONFLICT, err.detail);
}

static int share_problem_write(const struct distribution *d, const struct share *share, struct buf *out)
{
	return share->forward ? forward_problem_write(share->forward, out)
			      : share_conflict_write(share, d->how.operation, out);
}

static bool local_failed(const struct call *call, const struct distribution *d, enum err_code *ret_code,
			 const struct error **ret_error)
{
	const struct broker_outcome *outcome = &d->item->outcome;

	if (!d->written && !call->not_here)
		return false;
	if (!d->written) {
		*ret_code = ERR_NOT_FOUND;
		*ret_error = &d->absent;
		return share_lacks(d->taken, d->attribute_count);
	}
	*ret_code = call->write_code != ERR_OK ? call->write_code : outcome->code;
	*ret_error = call->write_code != ERR_OK ? &call->error : &outcome->error;
	/* What is not here may be elsewhere: it is no error as long as others were asked (5.6.2.4 and its like) and no
	 * attribute went nowhere. */
	return *ret_code != ERR_OK &&
	       (*ret_code != ERR_NOT_FOUND || d->share_count == 0 || share_lacks(d->taken, d->attribute_count));
}

static void comma(struct buf *out, bool *first)
{
	if (!*first)
		buf_put_char(out, ',');
	*first = false;
}

/* problem NULL: what became of the share says it. */
static void share_error_write(const struct distribution *d, const struct share *share, const struct json *problem,
			      struct buf *out, bool *first)
{
	comma(out, first);
	buf_put(out, STR("{\"entityId\":"));
	json_write_string(out, d->about.id);
	buf_put(out, STR(",\"error\":"));
	if (problem)
		json_write(out, problem);
	else
		(void)share_problem_write(d, share, out);
	buf_put(out, STR(",\"registrationId\":"));
	json_write_string(out, source_id(share->source));
	buf_put_char(out, '}');
}

static void errors_write(struct call *call, const struct distribution *d, struct buf *out)
{
	const struct error *error = NULL;
	enum err_code code;
	bool first = true;

	for (size_t i = 0; i < d->share_count; i++) {
		const struct json *partial = d->shares[i].partial;

		if (share_failed(d, &d->shares[i]))
			share_error_write(d, &d->shares[i], NULL, out, &first);
		for (uint32_t j = 0; partial && j < partial->count; j++)
			if (json_get(&partial->items[j], STR("error")))
				share_error_write(d, &d->shares[i], json_get(&partial->items[j], STR("error")), out,
						  &first);
	}
	if (!local_failed(call, d, &code, &error))
		return;
	comma(out, &first);
	buf_put(out, STR("{\"entityId\":"));
	json_write_string(out, d->about.id);
	buf_put(out, STR(",\"error\":"));
	problem_write(out, code, error);
	buf_put_char(out, '}');
}

static void entity_result_write(struct call *call, const struct distribution *d, struct buf *out)
{
	buf_put(out, STR("{\"success\":["));
	json_write_string(out, d->about.id);
	buf_put(out, STR("],\"errors\":["));
	errors_write(call, d, out);
	buf_put(out, STR("]}"));
}

static void not_updated_write(struct buf *out, struct str iri, struct str reason, struct str registration, bool *first)
{
	comma(out, first);
	buf_put(out, STR("{\"attributeName\":"));
	json_write_string(out, iri);
	buf_put(out, STR(",\"reason\":"));
	json_write_string(out, reason);
	if (registration.at) {
		buf_put(out, STR(",\"registrationId\":"));
		json_write_string(out, registration);
	}
	buf_put_char(out, '}');
}

/* The problem's own sentence. */
static struct str reason_of(struct call *call, const struct distribution *d, const struct share *share)
{
	struct json *problem = NULL;
	struct buf out;
	struct str reason = STR_NONE;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	(void)share_problem_write(d, share, &out);
	(void)buf_extend(&out, 64);
	if (!out.failed && json_parse(broker_reader_parser(call->loop->reader), call->arena,
				      str_part(buf_str(&out), 0, out.len - 64), NULL, &problem, NULL) == ERR_OK)
		reason = json_text(json_get(problem, STR("detail")));
	buf_done(&out);
	return reason.at ? reason : STR("the source failed");
}

static bool refused_here(const struct broker_item *item, struct str iri)
{
	for (const struct merge_refusal *refusal = item->outcome.refusals; refusal; refusal = refusal->next)
		if (str_eq(refusal->attribute_iri, iri))
			return true;
	return false;
}

/* Attributes that went in here. */
static void updated_here_write(struct call *call, const struct distribution *d, struct buf *out, bool *first)
{
	const struct error *error;
	enum err_code code = ERR_OK;

	if (!d->written || local_failed(call, d, &code, &error) || code != ERR_OK)
		return;
	for (size_t i = 0; i < d->attribute_count; i++) {
		if ((d->taken[i] & TAKEN) || refused_here(d->item, d->attribute_iris[i]))
			continue;
		comma(out, first);
		json_write_string(out, d->attribute_iris[i]);
	}
}

/* What the source itself says it has not updated (5.2.19); NULL: this one it has. */
static const struct json *left_by_source(struct call *call, const struct share *share, struct str iri)
{
	for (uint32_t i = 0; share->partial && i < share->partial->count; i++) {
		struct str name = json_text(json_get(&share->partial->items[i], STR("attributeName"))), named;

		if (name.len && context_expand(call->context, call->arena, name, &named, NULL) == ERR_OK &&
		    str_eq(named, iri))
			return &share->partial->items[i];
	}
	return NULL;
}

static void updated_there_write(struct call *call, const struct share *share, struct buf *out, bool *first)
{
	for (size_t i = 0; share_done(share) && i < share->attribute_count; i++) {
		if (left_by_source(call, share, share->attribute_iris[i]))
			continue;
		comma(out, first);
		json_write_string(out, share->attribute_iris[i]);
	}
}

static void left_there_write(struct call *call, const struct distribution *d, const struct share *share,
			     struct buf *out, bool *first)
{
	for (size_t i = 0; i < share->attribute_count; i++) {
		const struct json *left = left_by_source(call, share, share->attribute_iris[i]);
		struct str reason = json_text(json_get(left, STR("reason")));

		if (share_failed(d, share))
			reason = reason_of(call, d, share);
		else if (!left)
			continue;
		not_updated_write(out, share->attribute_iris[i], reason.len ? reason : STR("not said"),
				  source_id(share->source), first);
	}
}

static void attributes_result_write(struct call *call, const struct distribution *d, struct buf *out)
{
	const struct error *error = NULL;
	enum err_code code = ERR_OK;
	bool first = true;

	buf_put(out, STR("{\"updated\":["));
	for (size_t i = 0; i < d->share_count; i++)
		updated_there_write(call, &d->shares[i], out, &first);
	updated_here_write(call, d, out, &first);
	buf_put(out, STR("],\"notUpdated\":["));
	first = true;
	for (size_t i = 0; i < d->share_count; i++)
		left_there_write(call, d, &d->shares[i], out, &first);
	for (const struct merge_refusal *refusal = d->item->outcome.refusals; refusal; refusal = refusal->next)
		not_updated_write(out, refusal->attribute_iri, str_from(refusal->reason), STR_NONE, &first);
	if (local_failed(call, d, &code, &error))
		for (size_t i = 0; i < d->attribute_count; i++)
			if (!(d->taken[i] & TAKEN) && (code != ERR_NOT_FOUND || !d->taken[i]))
				not_updated_write(out, d->attribute_iris[i], str_from(error->detail), STR_NONE, &first);
	buf_put(out, STR("]}"));
}

static struct str root_of(const struct distribution *d)
{
	return is_of_evolutions(d->how.operation) ? STR(API_ROOT "/temporal") : STR(API_ROOT);
}

static void location_put(struct call *call, const struct distribution *d)
{
	struct str path = entity_path(call->arena, d->about.id);

	if (path.at)
		(void)http_response_header(call->request, "Location", arena_concat(call->arena, root_of(d), path));
}

/* Was anything made, here or elsewhere? */
static bool is_created(const struct distribution *d)
{
	bool created = d->how.status == 201 || (d->written && d->item->outcome.created);

	for (size_t i = 0; d->how.status == 0 && i < d->share_count; i++)
		created = created || (share_done(&d->shares[i]) && d->shares[i].forward->status == 201);
	return created;
}

static void answer_in_part(struct call *call, const struct distribution *d)
{
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	if (d->how.result == RESULT_OF_ATTRIBUTES)
		attributes_result_write(call, d, &out);
	else
		entity_result_write(call, d, &out);
	if (is_created(d))
		location_put(call, d);
	answer_buf(call, 207, STR("application/json"), &out);
}

/* Nothing was done: the first failure is the request's. */
static void answer_failure(struct call *call, const struct distribution *d)
{
	const struct error *error = NULL;
	enum err_code code = ERR_NOT_FOUND;
	struct buf out;

	for (size_t i = 0; i < d->share_count; i++) {
		if (share_done(&d->shares[i]))
			continue;
		buf_init(&out, API_SCRATCH_BYTES_MAX);
		int status = share_problem_write(d, &d->shares[i], &out);

		answer_buf(call, status, STR("application/json"), &out);
		return;
	}
	(void)local_failed(call, d, &code, &error);
	answer_error(call, code, error ? error : &call->error);
}

void distribution_finish(struct call *call)
{
	struct distribution *d = call->work;
	const struct error *error;
	enum err_code code = ERR_OK;
	bool here_failed = local_failed(call, d, &code, &error), here_done = d->written && code == ERR_OK;
	size_t failed = here_failed, done = here_done;

	for (size_t i = 0; i < d->share_count; i++) {
		failed += share_failed(d, &d->shares[i]) || d->shares[i].partial;
		done += share_done(&d->shares[i]);
	}
	if (done == 0)
		answer_failure(call, d);
	else if (failed > 0 || d->item->outcome.refusals)
		answer_in_part(call, d);
	else if (is_created(d))
		answer_created_at(call, arena_concat(call->arena, root_of(d), STR("/entities/")), d->about.id);
	else
		answer_empty(call, 204);
}
