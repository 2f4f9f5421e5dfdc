/* Purge Entities: DELETE /entities. The purge runs on the broker's thread for it; the answer waits until it is over and
 * says what was not purged, if anything. Source: GS CIM 009 V1.9.1 clauses 5.6.21, 6.4.3.3, 5.2.16, 5.2.17. */
#include "api/distribute_int.h"
#include "api/gather_int.h"

#include "broker/purge.h"
#include "ngsild/expand.h"

#define SCOPE_IRI STR("https://uri.etsi.org/ngsi-ld/scope")

struct purge_call {
	struct broker_purge purge;
	struct merge_reduction reduction;
	struct query *query;
	struct entity_map *map; /* a reference; NULL: none */
	/* Other sources: */
	struct query_text text;
	struct question question;
	struct source_list sources;
	struct share *shares;
	size_t share_count, next;
	struct forward_round *round;
};

static void work_done(struct purge_call *work)
{
	query_done(work->query);
	question_done(&work->question);
	(void)entity_map_unref(work->map);
}

static bool share_failed(const struct share *share)
{
	return !share->forward || share->forward->code != ERR_OK;
}

static size_t shares_failed(const struct purge_call *work)
{
	size_t failed = 0;

	for (size_t i = 0; i < work->share_count; i++)
		failed += share_failed(&work->shares[i]);
	return failed;
}

/* ---- the answer ---- */

static void share_problem_write(struct buf *out, const struct share *share)
{
	if (share->forward)
		(void)forward_problem_write(share->forward, out);
	else
		(void)share_conflict_write(share, SOURCE_PURGE_ENTITY, out);
}

/* Which entities a source would have purged nobody knows when it did not: its registration stands for them. */
static void shares_write(struct buf *out, const struct purge_call *work, bool first)
{
	for (size_t i = 0; i < work->share_count; i++) {
		if (!share_failed(&work->shares[i]))
			continue;
		if (!first)
			buf_put_char(out, ',');
		first = false;
		buf_put(out, STR("{\"entityId\":"));
		json_write_string(out, source_id(work->shares[i].source));
		buf_put(out, STR(",\"error\":"));
		share_problem_write(out, &work->shares[i]);
		buf_put(out, STR(",\"registrationId\":"));
		json_write_string(out, source_id(work->shares[i].source));
		buf_put_char(out, '}');
	}
}

/* A BatchOperationResult: what was purged, and what was not and why. */
static void result_write(struct buf *out, const struct purge_call *work)
{
	const struct broker_purge *purge = &work->purge;

	static const struct error unsaid = {.detail = "no memory to say why"};
	bool first = true;

	buf_put(out, STR("{\"success\":["));
	for (size_t i = 0; i < purge->count; i++) {
		if (purge->entries[i].state != PURGE_DONE)
			continue;
		if (!first)
			buf_put_char(out, ',');
		json_write_string(out, purge->entries[i].id);
		first = false;
	}
	buf_put(out, STR("],\"errors\":["));
	first = true;
	for (size_t i = 0; i < purge->count; i++) {
		const struct error *error = purge->entries[i].error ? purge->entries[i].error : &unsaid;

		if (purge->entries[i].state != PURGE_FAILED)
			continue;
		if (!first)
			buf_put_char(out, ',');
		buf_put(out, STR("{\"entityId\":"));
		json_write_string(out, purge->entries[i].id);
		buf_put(out, STR(",\"error\":"));
		problem_write(out, error == &unsaid ? ERR_MEMORY : error->code, error);
		buf_put_char(out, '}');
		first = false;
	}
	shares_write(out, work, first);
	buf_put(out, STR("]}"));
}

/* Nothing was purged, and it is the same trouble for all: then it is the request's. */
static const struct error *common_error(const struct broker_purge *purge)
{
	const struct error *error = NULL;

	for (size_t i = 0; i < purge->count; i++) {
		if (purge->entries[i].state == PURGE_LEFT)
			continue;
		if (purge->entries[i].state == PURGE_DONE || (error && error != purge->entries[i].error))
			return NULL;
		error = purge->entries[i].error;
	}
	return error;
}

static void answer_failures(struct call *call, const struct purge_call *work)
{
	const struct broker_purge *purge = &work->purge;
	const struct error *common = work->share_count ? NULL : common_error(purge);
	struct buf out;

	if (common) {
		answer_error(call, common->code, common);
		return;
	}
	buf_init(&out, call->api->options.answer_bytes_max);
	result_write(&out, work);
	if (!out.failed) {
		answer_buf(call, 207, STR("application/json"), &out);
		return;
	}
	buf_done(&out);
	answer_problem(call, PROBLEM_TOO_MANY_RESULTS,
		       "%zu of %zu entities were not purged; their names are too large an answer", purge->failed,
		       purge->count);
}

static void answer(struct call *call)
{
	struct purge_call *work = call->work;

	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else if (work->purge.failed > 0 || shares_failed(work) > 0)
		answer_failures(call, work);
	else
		answer_empty(call, 204);
	broker_purge_clear(&work->purge);
	work_done(work);
}

static void on_done(struct broker_purge *purge, enum err_code code, const struct error *err)
{
	call_ended(purge->self, code, err);
}

/* ---- the question ---- */

/* One name of keep or drop as an IRI. id and type are no attributes: keeping them says nothing, dropping is wrong. */
static enum err_code name_read(struct call *call, struct str name, bool keep, struct str *ret_iri)
{
	if (str_eq(name, STR("scope")) || str_eq(name, SCOPE_IRI)) {
		*ret_iri = SCOPE_IRI;
		return ERR_OK;
	}
	if (keep && (str_eq(name, STR("id")) || str_eq(name, STR("type")))) {
		*ret_iri = name;
		return ERR_OK;
	}
	return expand_attribute_iri(call->arena, call->context, name, ret_iri, &call->error);
}

static enum err_code names_read(struct call *call, enum parameter parameter, const struct str **ret_iris,
				size_t *ret_count)
{
	struct str name, rest = call->parameters[parameter], given = rest;
	size_t room = 1, count = 0;

	if (!given.at)
		return ERR_OK;
	for (size_t i = 0; i < given.len; i++)
		room += given.at[i] == ',';
	struct str *iris = arena_array(call->arena, struct str, room);

	if (!iris)
		return err_set(&call->error, ERR_MEMORY, "no memory for a list of names");
	while (str_next(&rest, ',', &name)) {
		enum err_code code = name_read(call, name, parameter == P_KEEP, &iris[count++]);

		if (code != ERR_OK)
			return err_while(&call->error, "reading the parameter \"%.*s\"",
					 STR_FMT(parameter_rules[parameter].name));
	}
	*ret_iris = iris;
	*ret_count = count;
	return count > 0 ? ERR_OK
			 : err_set(&call->error, ERR_INVALID, "the parameter \"%.*s\" names nothing",
				   STR_FMT(parameter_rules[parameter].name));
}

static enum err_code query_read(struct call *call, struct purge_call *work, struct query_text *text)
{
	const struct str *texts = call->parameters;

	*text = (struct query_text){.ids = texts[P_ID],
				    .id_pattern = texts[P_ID_PATTERN],
				    .type = str_eq(texts[P_TYPE], STR("*")) ? STR_NONE : texts[P_TYPE],
				    .attrs = texts[P_ATTRS],
				    .q = texts[P_Q],
				    .scope_q = texts[P_SCOPE_Q],
				    .georel = texts[P_GEOREL],
				    .geometry = texts[P_GEOMETRY],
				    .coordinates = texts[P_COORDINATES],
				    .geoproperty = texts[P_GEOPROPERTY]};
	enum err_code code = query_new(call->arena, broker_reader_parser(call->loop->reader), text, call->context,
				       &work->query, &call->error);

	return code == ERR_LIMIT ? ERR_TOO_COMPLEX : code;
}

/* Clause 5.6.21.4, a) to e): a purge of everything must be said. A list of attributes to drop is one of b); one of
 * those to keep is not, since it would leave only them in every entity there is. */
static bool asks_something(struct call *call, const struct purge_call *work, const struct query_text *text)
{
	bool any_type = str_eq(call->parameters[P_TYPE], STR("*")), local;

	if (!call_flag(call, P_LOCAL, &local))
		return false;
	if (any_type && call->parameters[P_LOCAL].at && !local) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "type=* and local=false exclude each other");
		return false;
	}
	if (any_type || local || text->type.len || text->georel.len || query_names_attribute(work->query) ||
	    work->reduction.drop_count > 0)
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
		       "too wide a purge: give at least one of type, attrs, drop or q with an attribute that is not "
		       "the system's, georel, or local=true");
	return false;
}

/* ---- all of it ---- */

static enum err_code purge_read(struct call *call, struct purge_call *work, struct query_text *text)
{
	enum err_code code = names_read(call, P_KEEP, &work->reduction.keep, &work->reduction.keep_count);

	if (code == ERR_OK)
		code = names_read(call, P_DROP, &work->reduction.drop, &work->reduction.drop_count);
	/* The clause does not say what both would do to an attribute in neither list. */
	if (code == ERR_OK && work->reduction.keep && work->reduction.drop)
		code = err_set(&call->error, ERR_INVALID, "keep and drop exclude each other");
	if (code == ERR_OK)
		code = query_read(call, work, text);
	return code == ERR_OK ? entity_map_named(call, &work->map) : code;
}

static void submit(struct call *call, struct purge_call *work)
{
	bool reduces = work->reduction.keep || work->reduction.drop;

	work->purge = (struct broker_purge){.tenant = call->tenant,
					    .query = work->query,
					    .map = work->map,
					    .reduction = reduces ? &work->reduction : NULL,
					    .done = on_done,
					    .self = call};
	call->work = work;
	enum err_code code = broker_purge_submit(call->api->options.broker, &work->purge, &call->error);

	if (code == ERR_OK) {
		call_wait(call, answer);
		return;
	}
	work_done(work);
	answer_error(call, code, &call->error);
}

/* ---- other sources ---- */

static void purge_here(struct call *call)
{
	struct purge_call *work = call->work;

	for (size_t i = 0; i < work->share_count; i++)
		if (work->shares[i].forward)
			(void)forward_settle(work->shares[i].forward, false);
	submit(call, work);
}

/* What of the purge is said in its own words goes along as it came. ERR_TIMEOUT: suspended. */
static enum err_code request_add(struct call *call, struct purge_call *work, struct share *share)
{
	static const enum parameter as_they_are[] = {P_KEEP,     P_DROP,        P_SCOPE_Q,     P_GEOREL,
						     P_GEOMETRY, P_COORDINATES, P_GEOPROPERTY, P_GEOMETRY_PROPERTY};
	struct narrowed narrowed = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};
	struct context *names = NULL;
	struct str q = call->parameters[P_Q];
	struct buf out;
	enum err_code code = forward_names(call, share->source, &names);

	if (code == ERR_OK)
		code = gather_narrow(call, share->source, &work->question.asked, &work->text, names, &narrowed);
	if (code == ERR_OK)
		code = forward_rename_q(call, names, &q, &q);
	if (code != ERR_OK)
		return code;
	share->forward = forward_add(work->round, share->source, "DELETE", STR("/entities"));
	if (!share->forward)
		return ERR_LIMIT;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	put_parameter(&out, STR("id"), narrowed.ids);
	put_parameter(&out, STR("idPattern"), narrowed.id_pattern);
	put_parameter(&out, STR("type"), narrowed.type);
	/* Of a source that is registered for some attributes alone no whole entity may go. */
	if (narrowed.attrs.at && !call->parameters[P_ATTRS].at && !call->parameters[P_KEEP].at &&
	    !call->parameters[P_DROP].at)
		put_parameter(&out, STR("drop"), narrowed.attrs);
	else
		put_parameter(&out, STR("attrs"), narrowed.attrs);
	put_parameter(&out, STR("q"), q);
	for (size_t i = 0; i < sizeof(as_they_are) / sizeof(as_they_are[0]); i++)
		put_parameter(&out, parameter_rules[as_they_are[i]].name, call->parameters[as_they_are[i]]);
	share->forward->query = buf_to_arena(&out, call->arena);
	share->forward->context_value = call->context_value;
	return share->forward->query.at ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for a request");
}

static enum err_code share_add(struct call *call, struct purge_call *work, struct source *source)
{
	enum registration_mode mode = source_mode(source);
	struct share *share = &work->shares[work->share_count];
	enum err_code code = ERR_OK;

	*share = (struct share){.source = source};
	if (mode == REGISTRATION_AUXILIARY || (mode == REGISTRATION_INCLUSIVE && call_has_passed(call, source)))
		return ERR_OK;
	share->loops = call_has_passed(call, source);
	if (!share->loops && source_supports(source, SOURCE_PURGE_ENTITY))
		code = request_add(call, work, share);
	else if (mode == REGISTRATION_INCLUSIVE)
		return ERR_OK;
	work->share_count += code == ERR_OK;
	return code;
}

static void ask_sources(struct call *call)
{
	struct purge_call *work = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask_sources;
	for (; code == ERR_OK && work->next < work->sources.count; work->next++) {
		code = share_add(call, work, work->sources.at[work->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK) {
		forward_send(work->round, purge_here);
		return;
	}
	work_done(work);
	answer_error(call, code, &call->error);
}

static enum err_code sources_find(struct call *call, struct purge_call *work)
{
	enum err_code code = question_take_attributes(call, &work->question);

	if (code == ERR_OK)
		code = question_take_csf(call, &work->question);
	work->question.asked.query = work->query;
	if (code == ERR_OK)
		code = call_sources(call, SOURCE_PURGE_ENTITY, true, &work->question.asked, &work->sources);
	if (code == ERR_OK)
		code = forward_round_new(call, &work->round);
	if (code == ERR_OK)
		work->shares = arena_array(call->arena, struct share, work->sources.count);
	return code == ERR_OK && !work->shares ? err_set(&call->error, ERR_MEMORY, "no memory for sources") : code;
}

/* Unless it is limited to this broker: the sources first, side by side. */
static void purge_everywhere(struct call *call, struct purge_call *work)
{
	bool answered = false;

	call->work = work;
	if (str_eq(call->parameters[P_TYPE], STR("*")) || !call_is_distributed(call, &answered)) {
		if (answered)
			work_done(work);
		else
			submit(call, work);
		return;
	}
	enum err_code code = sources_find(call, work);

	if (code == ERR_OK) {
		ask_sources(call);
		return;
	}
	work_done(work);
	answer_error(call, code, &call->error);
}

static void purge(struct call *call)
{
	struct purge_call *work = arena_new(call->arena, struct purge_call);
	struct query_text text = {0};
	enum err_code code =
		work ? purge_read(call, work, &text) : err_set(&call->error, ERR_MEMORY, "no memory for this request");

	if (code != ERR_OK) {
		if (work)
			work_done(work);
		answer_error(call, code, &call->error);
	} else if (asks_something(call, work, &text)) {
		work->text = text;
		purge_everywhere(call, work);
	} else {
		work_done(work);
	}
}

void purge_entities(struct call *call)
{
	call_with_context(call, purge);
}
