/* Batch operations: many entities in one transaction, each succeeding or failing on its own.
 *
 * The context of a list is that of its items (application/ld+json) or of the Link header, so the list is prepared item
 * by item and may be suspended at any of them. Items that do not even expand go straight to the errors; the others are
 * written together.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.7 to 5.6.10, 5.6.20, 5.2.16, 5.2.17, 6.14 to 6.17, 6.31. */
#include "api/batch_int.h"
#include "api/distribute_int.h"

#include "ngsild/expand.h"

/* ---- the answer ---- */

bool batch_has_error(const struct broker_outcome *outcome)
{
	return outcome->code != ERR_OK || outcome->refusals;
}

bool batch_has_success(const struct broker_outcome *outcome)
{
	return outcome->code == ERR_OK && (!outcome->refusals || outcome->changed);
}

void batch_error_write(struct buf *out, const struct broker_outcome *outcome)
{
	struct error err;

	if (outcome->code != ERR_OK) {
		problem_write(out, outcome->code, &outcome->error);
		return;
	}
	problem_write(out,
		      err_set(&err, ERR_EXISTS, "attributes that exist were not overwritten, the first is %.*s",
			      STR_FMT(outcome->refusals->attribute_iri)),
		      &err);
}

static void result_write(struct buf *out, const struct batch *batch)
{
	bool first = true;

	buf_put(out, STR("{\"success\":["));
	for (uint32_t i = 0; i < batch->list->count; i++) {
		if (!batch_has_success(&batch->outcomes[i]))
			continue;
		if (!first)
			buf_put_char(out, ',');
		json_write_string(out, batch->ids[i]);
		first = false;
	}
	buf_put(out, STR("],\"errors\":["));
	first = true;
	for (uint32_t i = 0; i < batch->list->count; i++) {
		const struct broker_outcome *outcome = &batch->outcomes[i];

		if (!batch_has_error(outcome))
			continue;
		if (!first)
			buf_put_char(out, ',');
		buf_put(out, STR("{\"entityId\":"));
		json_write_string(out, batch->ids[i]);
		buf_put(out, STR(",\"error\":"));
		batch_error_write(out, outcome);
		buf_put_char(out, '}');
		first = false;
	}
	buf_put(out, STR("]}"));
}

static void created_write(struct buf *out, const struct batch *batch)
{
	bool first = true;

	buf_put_char(out, '[');
	for (uint32_t i = 0; i < batch->list->count; i++) {
		if (!batch->outcomes[i].created)
			continue;
		if (!first)
			buf_put_char(out, ',');
		json_write_string(out, batch->ids[i]);
		first = false;
	}
	buf_put_char(out, ']');
}

static void batch_answer(struct call *call, const struct batch *batch)
{
	bool failed = false, created = false;
	struct buf out;

	for (uint32_t i = 0; i < batch->list->count; i++) {
		failed = failed || batch_has_error(&batch->outcomes[i]);
		created = created || batch->outcomes[i].created;
	}
	buf_init(&out, call->api->options.answer_bytes_max);
	if (failed)
		result_write(&out, batch);
	else if (created)
		created_write(&out, batch);
	if (out.failed || (failed || created) == false) {
		buf_done(&out);
		if (failed || created)
			answer_problem(call, PROBLEM_TOO_MANY_RESULTS,
				       "the result of this batch is too large an answer");
		else
			answer_empty(call, 204);
		return;
	}
	answer_buf(call, failed ? 207 : 201, STR("application/json"), &out);
}

/* ---- writing ---- */

static void batch_written(struct call *call)
{
	struct batch *batch = call->work;

	if (call->write_code != ERR_OK) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	for (size_t i = 0; i < batch->item_count; i++)
		batch->outcomes[batch->places[i]] = batch->items[i].outcome;
	batch_answer(call, batch);
}

static void batch_submit(struct call *call)
{
	struct batch *batch = call->work;

	if (batch->item_count == 0)
		batch_answer(call, batch);
	else
		call_write(call, batch->items, batch->item_count, batch_written);
}

static void batch_distribute(struct call *call)
{
	bool answered = false;

	if (call_is_distributed(call, &answered))
		distribute_batch(call, call->work, batch_submit);
	else if (!answered)
		batch_submit(call);
}

/* ---- preparing ---- */

static void item_fail(struct batch *batch, size_t place, enum err_code code, const struct error *err)
{
	batch->outcomes[place].code = code;
	batch->outcomes[place].error = *err;
}

static struct broker_item *item_add(struct batch *batch, size_t place)
{
	batch->places[batch->item_count] = place;
	return &batch->items[batch->item_count++];
}

/* The context of an item by 6.3.5; ERR_TIMEOUT: suspended. */
static enum err_code item_context(struct call *call, struct batch *batch, struct json *entity, struct context **ret)
{
	const struct json *value = json_get(entity, STR("@context"));

	if (!call->ld_body) {
		*ret = call->context;
		return ERR_OK;
	}
	if (!value)
		return err_set(&call->error, ERR_INVALID,
			       "an entity in a list of application/ld+json needs an @context");
	if (!batch->last_value || !json_equal(batch->last_value, value)) {
		enum err_code code =
			call->context_tries > API_CONTEXT_TRIES_MAX
				? err_set(&call->error, ERR_CONTEXT, "too many remote @contexts in one list")
				: call_context(call, value, &batch->last_context);

		if (code != ERR_OK)
			return code;
		batch->last_value = json_new(call->arena, *value);
	}
	(void)json_remove(entity, STR("@context"));
	*ret = batch->last_context;
	return ERR_OK;
}

/* ERR_TIMEOUT: suspended at this item. Any other failure is the item's own. */
static enum err_code item_prepare(struct call *call, struct batch *batch, size_t place)
{
	struct json *entity = json_at(batch->list, place);
	struct json *expanded = NULL;
	struct context *context = NULL;
	bool merges = batch->operation == BROKER_MERGE;
	enum err_code code = item_context(call, batch, entity, &context);

	if (code != ERR_OK)
		return code;
	const struct expand_options options = {.context = context,
					       .now_us = batch->now_us,
					       .fragment = batch->operation == BROKER_APPEND_ATTRIBUTES || merges,
					       .merge = merges};

	code = expand_entity(call->arena, entity, &options, &expanded, &call->error);
	if (code == ERR_OK && !document_id(expanded).len)
		code = err_set(&call->error, ERR_INVALID, "an entity in a list needs an id");
	if (code != ERR_OK)
		return code;
	struct broker_item *item = item_add(batch, place);

	batch->ids[place] = document_id(expanded);
	batch->contexts[place] = context;
	batch->context_values[place] = call->ld_body ? batch->last_value : call->context_value;
	*item = (struct broker_item){.id = document_id(expanded),
				     .entity = expanded,
				     .overwrite = batch->overwrite,
				     .operation = batch->operation};
	return ERR_OK;
}

static void batch_prepare(struct call *call)
{
	struct batch *batch = call->work;

	call->resume = batch_prepare;
	for (; batch->next < batch->list->count; batch->next++) {
		enum err_code code = item_prepare(call, batch, batch->next);

		if (code == ERR_TIMEOUT)
			return;
		if (code != ERR_OK)
			item_fail(batch, batch->next, code, &call->error);
	}
	batch_distribute(call);
}

/* Bounds, null items (5.6.7.4), and mixtures of media type and @context (6.3.5) concern the list as a whole. */
static bool list_check(struct call *call)
{
	const struct json *list = call->body;

	if (list->count == 0) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "the list is empty");
		return false;
	}
	if (list->count > call->api->options.batch_entities_max) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "a batch has at most %u items here",
			       call->api->options.batch_entities_max);
		return false;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		enum json_kind wanted = call->operation->body == BODY_IDS ? JSON_STRING : JSON_OBJECT;

		if (!json_is(&list->items[i], wanted)) {
			answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "item %u of the list is no %s", i,
				       wanted == JSON_STRING ? "string" : "object");
			return false;
		}
		if (!call->ld_body && json_get(&list->items[i], STR("@context"))) {
			answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
				       "item %u has an @context: send it as application/ld+json", i);
			return false;
		}
	}
	return true;
}

static struct batch *batch_new(struct call *call, enum broker_operation operation)
{
	struct batch *batch = arena_new(call->arena, struct batch);
	uint32_t count = call->body->count;

	if (!list_check(call))
		return NULL;
	if (batch) {
		batch->list = call->body;
		batch->operation = operation;
		batch->overwrite = !(call->options & OPTION_NO_OVERWRITE);
		batch->now_us = broker_now_us(call->api->options.broker);
		batch->ids = arena_array(call->arena, struct str, count);
		batch->outcomes = arena_array(call->arena, struct broker_outcome, count);
		batch->items = arena_array(call->arena, struct broker_item, count);
		batch->places = arena_array(call->arena, size_t, count);
		batch->contexts = arena_zalloc(call->arena, count * sizeof(struct context *));
		batch->context_values = arena_zalloc(call->arena, count * sizeof(struct json *));
	}
	if (!batch || !batch->ids || !batch->outcomes || !batch->items || !batch->places || !batch->contexts ||
	    !batch->context_values) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for a batch of %u", count);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct json *item = &call->body->items[i];
		const struct json *own = json_get(item, STR("id"));
		struct str id = json_text(json_is(item, JSON_STRING) ? item : own ? own : json_get(item, STR("@id")));

		batch->ids[i] = id.at ? id : STR("");
		batch->outcomes[i] = (struct broker_outcome){0};
	}
	call->work = batch;
	return batch;
}

void batch_create(struct call *call)
{
	if (batch_new(call, BROKER_CREATE))
		call_with_context(call, batch_prepare);
}

void batch_upsert(struct call *call)
{
	bool update = call->options & OPTION_UPDATE;

	if (update && (call->options & OPTION_REPLACE)) {
		answer_problem(call, PROBLEM_INVALID_REQUEST, "the options update and replace exclude each other");
		return;
	}
	if (batch_new(call, update ? BROKER_UPSERT : BROKER_REPLACE))
		call_with_context(call, batch_prepare);
}

void batch_update(struct call *call)
{
	if (batch_new(call, BROKER_APPEND_ATTRIBUTES))
		call_with_context(call, batch_prepare);
}

void batch_delete(struct call *call)
{
	struct batch *batch = batch_new(call, BROKER_DELETE);

	if (!batch)
		return;
	for (uint32_t i = 0; i < batch->list->count; i++) {
		struct str id = batch->ids[i];

		if (expand_is_uri(id))
			*item_add(batch, i) = (struct broker_item){.operation = BROKER_DELETE, .id = id};
		else
			item_fail(batch, i, err_set(&call->error, ERR_INVALID, "an entity's id is a URI"),
				  &call->error);
	}
	batch_distribute(call);
}

void batch_merge(struct call *call)
{
	if (batch_new(call, BROKER_MERGE))
		call_with_context(call, batch_prepare);
}
