/* A batch over sources: each gets those entities, and of them those attributes, that it is registered for, as one batch
 * where it takes batches, else one by one; what no proxied registration has is written here.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.7.4 to 5.6.10.4, 5.6.20.4. */
#include "api/distribute_batch_int.h"
#include "ngsild/entity_rename.h"

#define BATCH_ITEMS_A_REQUEST 1000u

static enum err_code no_memory(struct call *call)
{
	return err_set(&call->error, ERR_MEMORY, "no memory for the parts of a batch");
}

/* ---- which operations ---- */

struct means { /* how a source that takes no batch gets one entity of it */
	enum source_operation operation;
	const char *method;
	const char *behind; /* the entity's path; NULL: below /entities */
	const char *query;
};

enum source_operation distribute_batch_operation(const struct batch *batch)
{
	switch (batch->operation) {
	case BROKER_CREATE:
		return SOURCE_CREATE_BATCH;
	case BROKER_APPEND_ATTRIBUTES:
		return SOURCE_UPDATE_BATCH;
	case BROKER_DELETE:
		return SOURCE_DELETE_BATCH;
	case BROKER_MERGE:
		return SOURCE_MERGE_BATCH;
	default:
		return SOURCE_UPSERT_BATCH;
	}
}

static const struct means create_one = {SOURCE_CREATE_ENTITY, "POST", NULL, ""};
static const struct means replace_one = {SOURCE_REPLACE_ENTITY, "PUT", "", ""};
static const struct means update_one = {SOURCE_UPDATE_ENTITY, "PATCH", "/attrs", ""};
static const struct means append_one = {SOURCE_APPEND_ATTRS, "POST", "/attrs", "options=noOverwrite"};
static const struct means delete_one = {SOURCE_DELETE_ENTITY, "DELETE", "", ""};
static const struct means merge_one = {SOURCE_MERGE_ENTITY, "PATCH", "", ""};

/* What changes an entity that is there already. */
static const struct means *change_means(const struct batch *batch)
{
	return batch->operation == BROKER_UPSERT ? &update_one : &replace_one;
}

/* NULL: the source supports nothing that would do. */
static const struct means *means_of(const struct batch *batch, const struct source *source)
{
	const struct means *means = NULL;

	switch (batch->operation) {
	case BROKER_CREATE:
		means = &create_one;
		break;
	case BROKER_APPEND_ATTRIBUTES:
		means = batch->overwrite ? &update_one : &append_one;
		break;
	case BROKER_DELETE:
		means = &delete_one;
		break;
	case BROKER_MERGE:
		means = &merge_one;
		break;
	default:
		means = source_supports(source, SOURCE_CREATE_ENTITY) ? &create_one : change_means(batch);
		break;
	}
	return source_supports(source, means->operation) ? means : NULL;
}

/* ---- here ---- */

/* What is not here may well be elsewhere: where a source was asked, that is no error. */
static bool was_elsewhere(const struct batch_distribution *d, size_t item)
{
	for (const struct group *group = d->groups; group; group = group->next)
		for (const struct part *part = group->parts; part; part = part->next)
			if (part->item == item)
				return true;
	return false;
}

static void written(struct call *call)
{
	struct batch_distribution *d = call->work;
	struct batch *batch = d->batch;

	if (call->write_code != ERR_OK) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	for (size_t i = 0; i < d->own_count; i++) {
		struct broker_outcome *outcome = &batch->outcomes[batch->places[d->own_items[i]]];

		*outcome = d->own[i].outcome;
		if (outcome->code == ERR_NOT_FOUND && !d->lacks[d->own_items[i]] && was_elsewhere(d, d->own_items[i])) {
			*outcome = (struct broker_outcome){0};
			d->own_items[i] = d->own_items[d->own_count - 1];
			d->own[i] = d->own[--d->own_count];
			i--;
		}
	}
	distribute_batch_answer(d);
}

static void write_here(struct batch_distribution *d)
{
	struct batch *batch = d->batch;
	struct call *call = d->call;

	for (size_t i = 0; i < batch->item_count; i++) {
		if (!d->here[i])
			continue;
		d->own_items[d->own_count] = i;
		d->own[d->own_count++] = batch->items[i];
	}
	if (d->own_count == 0)
		distribute_batch_answer(d);
	else
		call_write(call, d->own, d->own_count, written);
}

/* ---- what came back ---- */

static struct str text_of(struct call *call, const struct json *node)
{
	struct buf out;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	json_write(&out, node);
	return buf_to_arena(&out, call->arena);
}

static bool names_id(const struct json *list, struct str id)
{
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		if (str_eq(json_text(&list->items[i]), id))
			return true;
	return false;
}

static const struct json *error_for(const struct json *errors, struct str id)
{
	for (uint32_t i = 0; json_is(errors, JSON_ARRAY) && i < errors->count; i++)
		if (str_eq(json_text(json_get(&errors->items[i], STR("entityId"))), id))
			return json_get(&errors->items[i], STR("error"));
	return NULL;
}

/* By what the source says of its batch (5.2.16), or of one entity. */
static void part_take(struct batch_distribution *d, struct part *part, const struct json *body)
{
	struct forward *forward = part->forward;
	struct str id = d->batch->ids[d->batch->places[part->item]];
	const struct json *error = error_for(json_get(body, STR("errors")), id);

	part->failed = forward->code != ERR_OK;
	if (forward->status == 207 && error) {
		part->failed = true;
		part->problem = text_of(d->call, error);
	}
	if (forward->status == 201)
		part->created = !json_is(body, JSON_ARRAY) || names_id(body, id);
	if (forward->status == 409 && d->batch->operation != BROKER_CREATE && !d->second &&
	    str_ends(json_text(json_get(body, STR("type"))), STR("/AlreadyExists")))
		part->again = true;
}

static void take_all(struct batch_distribution *d)
{
	for (size_t i = 0; i < d->round->count; i++)
		(void)forward_settle(d->round->at[i], false);
	for (struct group *group = d->groups; group; group = group->next) {
		struct forward *latest = NULL;
		struct json *body = NULL;

		for (struct part *part = group->parts; part; part = part->next) {
			if (d->second && !part->again)
				continue;
			if (part->forward && part->forward != latest)
				body = forward_body(part->forward);
			latest = part->forward;
			if (part->forward)
				part_take(d, part, body);
		}
	}
}

static enum err_code request_add(struct batch_distribution *d, struct group *group, struct part *part,
				 const struct means *means);

static void take_second(struct call *call)
{
	struct batch_distribution *d = call->work;

	take_all(d);
	write_here(d);
}

/* Those that exist there already (5.6.8.4). */
static void take_answers(struct call *call)
{
	struct batch_distribution *d = call->work;
	const struct means *means = change_means(d->batch);
	enum err_code code;

	take_all(d);
	d->second = true;
	code = forward_round_new(call, &d->round);
	for (struct group *group = d->groups; group; group = group->next)
		for (struct part *part = group->parts; part && code == ERR_OK; part = part->next)
			if (part->again && source_supports(group->source, means->operation))
				code = request_add(d, group, part, means);
			else
				part->again = false;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else if (d->round->count > 0)
		forward_send(d->round, take_second);
	else
		write_here(d);
}

/* ---- asking ---- */

static enum err_code request_add(struct batch_distribution *d, struct group *group, struct part *part,
				 const struct means *means)
{
	struct call *call = d->call;
	struct batch *batch = d->batch;
	size_t place = batch->places[part->item];
	struct str path = STR("/entities");
	struct buf query;

	if (means->behind)
		path = arena_concat(call->arena, entity_path(call->arena, batch->ids[place]), str_from(means->behind));
	part->forward = forward_add(d->round, group->source, means->method, path);
	if (!part->forward)
		return ERR_LIMIT;
	buf_init(&query, API_SCRATCH_BYTES_MAX);
	buf_put(&query, str_from(means->query));
	if (means->behind)
		put_parameter(&query, STR("type"), part->type);
	part->forward->query = buf_to_arena(&query, call->arena);
	if (!part->forward->query.at)
		return no_memory(call);
	part->forward->body = part->body;
	part->forward->context_value = batch->context_values[place];
	return ERR_OK;
}

/* Bodies of one @context go into one request; BATCH_ITEMS_A_REQUEST of them at most. */
static enum err_code batch_request_add(struct batch_distribution *d, struct group *group, struct part **part)
{
	static const char *const paths[] = {
		[BROKER_CREATE] = "/entityOperations/create", [BROKER_APPEND_ATTRIBUTES] = "/entityOperations/update",
		[BROKER_DELETE] = "/entityOperations/delete", [BROKER_REPLACE] = "/entityOperations/upsert",
		[BROKER_UPSERT] = "/entityOperations/upsert", [BROKER_MERGE] = "/entityOperations/merge"};
	struct call *call = d->call;
	struct batch *batch = d->batch;
	const struct json *context_value = batch->context_values[batch->places[(*part)->item]];
	struct json *list = json_new(call->arena, json_array());
	struct forward *forward = forward_add(d->round, group->source, "POST", str_from(paths[batch->operation]));

	if (!forward || !list)
		return forward ? no_memory(call) : ERR_LIMIT;
	for (; *part && list->count < BATCH_ITEMS_A_REQUEST; *part = (*part)->next) {
		size_t place = batch->places[(*part)->item];

		if (batch->context_values[place] != context_value || (*part)->loops ||
		    ((*part)->type.at && means_of(batch, group->source)))
			break;
		(*part)->forward = forward;
		if (!json_push(call->arena, list, (*part)->body ? *(*part)->body : json_string(batch->ids[place])))
			return no_memory(call);
	}
	forward->body = list;
	forward->context_value = context_value;
	if (batch->operation == BROKER_UPSERT)
		forward->query = STR("options=update");
	else if (batch->operation == BROKER_APPEND_ATTRIBUTES && !batch->overwrite)
		forward->query = STR("options=noOverwrite");
	return ERR_OK;
}

/* ERR_TIMEOUT: suspended. */
static enum err_code group_rename(struct batch_distribution *d, struct group *group)
{
	struct call *call = d->call;
	struct context *names = NULL;
	enum err_code code = ERR_OK;

	if (!source_info_value(group->source, STR("jsonldContext")).at)
		return ERR_OK;
	code = forward_names(call, group->source, &names);
	for (struct part *part = group->parts; part && code == ERR_OK; part = part->next) {
		if (!part->body)
			continue;
		part->body =
			entity_rename(call->arena, part->body, d->batch->contexts[d->batch->places[part->item]], names);
		code = part->body ? ERR_OK : no_memory(call);
	}
	return code;
}

static enum err_code group_ask(struct batch_distribution *d, struct group *group)
{
	const struct means *means = means_of(d->batch, group->source);
	bool batches = source_supports(group->source, distribute_batch_operation(d->batch));
	enum err_code code = ERR_OK;

	for (struct part *part = group->parts; part && code == ERR_OK;) {
		if (batches && !part->loops && !(part->type.at && means)) {
			code = batch_request_add(d, group, &part);
			continue;
		}
		if (means && !part->loops)
			code = request_add(d, group, part, means);
		else
			part->failed = true;
		part = part->next;
	}
	return code;
}

static void ask(struct call *call)
{
	struct batch_distribution *d = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; d->building && code == ERR_OK; d->building = d->building->next) {
		code = group_rename(d, d->building);
		if (code == ERR_TIMEOUT)
			return;
		if (code == ERR_OK)
			code = group_ask(d, d->building);
	}
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		forward_send(d->round, take_answers);
}

/* ---- whose parts ---- */

static struct group *group_of(struct batch_distribution *d, struct source *source)
{
	struct group *group = d->groups;

	while (group && !str_eq(source_id(group->source), source_id(source)))
		group = group->next;
	if (group)
		return group;
	group = arena_new(d->call->arena, struct group);
	if (!group)
		return NULL;
	group->source = source;
	group->last = &group->parts;
	*d->last = group;
	d->last = &group->next;
	return group;
}

static bool does_something(const struct batch_distribution *d, const struct source *source)
{
	enum registration_mode mode = source_mode(source);

	if (mode == REGISTRATION_EXCLUSIVE || mode == REGISTRATION_REDIRECT)
		return true; /* a Conflict at least */
	return mode == REGISTRATION_INCLUSIVE &&
	       (source_supports(source, distribute_batch_operation(d->batch)) || means_of(d->batch, source));
}

struct whole_item {
	struct registration_entity about;
	const struct str *attribute_iris;
	size_t attribute_count;
	unsigned char *taken;
	bool whole_taken;
};

/* The types that the source is registered for, as IRIs; STR_NONE: any. */
static bool registered_types(const struct batch_distribution *d, const struct registration_entity *about,
			     const struct source *source, struct str *ret)
{
	const struct registration_question match = {.entity = *about};
	struct registration_part *parts = NULL, part = {0};
	size_t count = 0;
	struct buf out;

	*ret = STR_NONE;
	if (!source_parts(source, &match, d->call->arena, &parts, &count) ||
	    !registration_parts_join(d->call->arena, parts, count, &part))
		return false;
	if (part.type_count == 0)
		return true;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	for (size_t i = 0; i < part.type_count; i++) {
		if (i > 0)
			buf_put_char(&out, ',');
		buf_put(&out, part.type_iris[i]);
	}
	*ret = buf_to_arena(&out, d->call->arena);
	return ret->at != NULL;
}

static enum err_code part_add(struct batch_distribution *d, size_t item, struct whole_item *about,
			      struct source *source)
{
	struct call *call = d->call;
	struct batch *batch = d->batch;
	size_t place = batch->places[item], count = 0;
	const struct str *theirs = NULL;
	bool whole = false;
	struct part *part;
	struct group *group;

	if (!does_something(d, source) || !source_covers(source, &about->about, STR_NONE) ||
	    (source_mode(source) == REGISTRATION_INCLUSIVE && call_has_passed(call, source)))
		return ERR_OK;
	if (!share_of(call, source, &about->about, about->attribute_iris, about->attribute_count, about->taken, &theirs,
		      &count, &whole))
		return no_memory(call);
	if (about->attribute_count > 0 && count == 0)
		return ERR_OK;
	about->whole_taken = about->whole_taken || (whole && source_mode(source) == REGISTRATION_REDIRECT);
	group = group_of(d, source);
	part = arena_new(call->arena, struct part);
	if (!group || !part)
		return no_memory(call);
	part->item = item;
	part->loops = call_has_passed(call, source);
	if (about->about.type_count == 0 && !registered_types(d, &about->about, source, &part->type))
		return no_memory(call);
	if (batch->operation != BROKER_DELETE) {
		part->body = share_body(call, &batch->list->items[place], batch->contexts[place], theirs, count, whole);
		if (!part->body)
			return no_memory(call);
	}
	if (source_mode(source) == REGISTRATION_INCLUSIVE)
		share_note(about->attribute_iris, about->attribute_count, about->taken, theirs, count);
	*group->last = part;
	group->last = &part->next;
	group->count++;
	return ERR_OK;
}

static enum err_code item_about(struct batch_distribution *d, const struct broker_item *item, struct whole_item *about)
{
	struct call *call = d->call;
	const struct json *entity = item->entity;
	struct json *own = NULL;
	struct error err;

	about->about.id = item->id;
	if (!json_get(entity, STR("type")) &&
	    broker_retrieve(call->loop->reader, call->tenant, item->id, call->arena, &own, &err) != ERR_OK)
		own = NULL;
	if (!entity_types(call, own ? own : entity, &about->about) ||
	    !entity_attributes(call, entity, &about->attribute_iris, &about->attribute_count))
		return no_memory(call);
	about->taken = arena_zalloc(call->arena, about->attribute_count);
	return about->taken ? ERR_OK : no_memory(call);
}

static enum err_code item_split(struct batch_distribution *d, size_t i)
{
	struct call *call = d->call;
	struct broker_item *item = &d->batch->items[i];
	struct whole_item about = {.attribute_count = 0};
	struct source_list sources = {0};
	enum err_code code = item_about(d, item, &about);

	if (code == ERR_OK) {
		struct registration_question match = {.entity = about.about,
						      .attribute_iris = about.attribute_iris,
						      .attribute_count = about.attribute_count};

		code = call_sources(call, distribute_batch_operation(d->batch), true, &match, &sources);
	}
	for (size_t s = 0; code == ERR_OK && s < sources.count; s++)
		code = part_add(d, i, &about, sources.at[s]);
	if (code != ERR_OK)
		return code;
	size_t left = 0;

	d->here[i] = true;
	if (!item->entity || sources.count == 0)
		return ERR_OK;
	item->entity = share_left(call, item->entity, about.attribute_iris, about.attribute_count, about.taken, &left);
	d->here[i] = !about.whole_taken && (about.attribute_count == 0 || left > 0);
	d->lacks[i] = share_lacks(about.taken, about.attribute_count);
	return item->entity ? ERR_OK : no_memory(call);
}

void distribute_batch(struct call *call, struct batch *batch, void (*alone)(struct call *call))
{
	struct batch_distribution *d = arena_new(call->arena, struct batch_distribution);
	enum err_code code = ERR_OK;

	if (d) {
		*d = (struct batch_distribution){.call = call, .batch = batch, .last = &d->groups};
		d->here = arena_zalloc(call->arena, batch->item_count);
		d->lacks = arena_zalloc(call->arena, batch->item_count);
		d->own = arena_array(call->arena, struct broker_item, batch->item_count);
		d->own_items = arena_array(call->arena, size_t, batch->item_count);
	}
	if (!d || !d->here || !d->lacks || !d->own || !d->own_items)
		code = no_memory(call);
	for (size_t i = 0; code == ERR_OK && i < batch->item_count; i++)
		code = item_split(d, i);
	if (code == ERR_OK && !d->groups) {
		alone(call);
		return;
	}
	if (code == ERR_OK)
		code = forward_round_new(call, &d->round);
	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	call->work = d;
	d->building = d->groups;
	ask(call);
}
