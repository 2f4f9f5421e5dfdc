/* Purge Entities: DELETE /entities. The purge runs on the broker's thread for it; the answer waits until it is over and
 * says what was not purged, if anything. Source: GS CIM 009 V1.9.1 clauses 5.6.21, 6.4.3.3, 5.2.16, 5.2.17. */
#include "api/query_int.h"

#include "broker/purge.h"
#include "ngsild/expand.h"

#define SCOPE_IRI STR("https://uri.etsi.org/ngsi-ld/scope")

struct purge_call {
	struct broker_purge purge;
	struct merge_reduction reduction;
	struct query *query;
	struct entity_map *map; /* a reference; NULL: none */
};

static void work_done(struct purge_call *work)
{
	query_done(work->query);
	(void)entity_map_unref(work->map);
}

/* ---- the answer ---- */

/* A BatchOperationResult: what was purged, and what was not and why. */
static void result_write(struct buf *out, const struct broker_purge *purge)
{
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

static void answer_failures(struct call *call, const struct broker_purge *purge)
{
	const struct error *common = common_error(purge);
	struct buf out;

	if (common) {
		answer_error(call, common->code, common);
		return;
	}
	buf_init(&out, call->api->options.answer_bytes_max);
	result_write(&out, purge);
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
	else if (work->purge.failed > 0)
		answer_failures(call, &work->purge);
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
		submit(call, work);
	} else {
		work_done(work);
	}
}

void purge_entities(struct call *call)
{
	call_with_context(call, purge);
}
