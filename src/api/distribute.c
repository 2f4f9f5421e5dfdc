/* A change of one entity over sources: each gets what it is registered for, what is left is written here.
 * The sources come first, side by side; then what is left is submitted.
 * Source: GS CIM 009 V1.9.1 clauses 5.6.1 to 5.6.6, 5.6.11 to 5.6.19. */
#include "api/distribute_int.h"
#include "api/gather_int.h"

#include "broker/temporal.h"
#include "ngsild/entity_rename.h"
#include "ngsild/expand.h"

#include <string.h>

/* ---- parts ---- */

bool entity_attributes(struct call *call, const struct json *entity, const struct str **ret, size_t *ret_count)
{
	struct str *iris = arena_array(call->arena, struct str, entity ? entity->count : 0);
	size_t count = 0;

	for (uint32_t i = 0; iris && entity && i < entity->count; i++)
		if (document_is_attribute(entity->members[i].key))
			iris[count++] = entity->members[i].key;
	*ret = iris;
	*ret_count = count;
	return iris != NULL;
}

bool entity_types(struct call *call, const struct json *entity, struct registration_entity *about)
{
	const struct json *types = json_get(entity, STR("type"));
	size_t count = json_is(types, JSON_ARRAY) ? types->count : 0;
	struct str *iris = arena_array(call->arena, struct str, count);

	for (size_t i = 0; iris && i < count; i++)
		iris[i] = json_text(&types->items[i]);
	about->type_iris = iris;
	about->type_count = count;
	return iris != NULL;
}

bool share_of(struct call *call, const struct source *source, const struct registration_entity *entity,
	      const struct str *attribute_iris, size_t count, unsigned char *taken, const struct str **ret,
	      size_t *ret_count, bool *ret_whole)
{
	enum registration_mode mode = source_mode(source);
	struct str *theirs = arena_array(call->arena, struct str, count);
	unsigned char keeps_off = mode == REGISTRATION_INCLUSIVE  ? TAKEN_EXCLUSIVE | TAKEN_REDIRECT
				  : mode == REGISTRATION_REDIRECT ? TAKEN_EXCLUSIVE
								  : 0;
	size_t found = 0;

	if (!theirs)
		return false;
	for (size_t i = 0; i < count; i++) {
		if ((taken[i] & keeps_off) || !source_covers(source, entity, attribute_iris[i]))
			continue;
		theirs[found++] = attribute_iris[i];
		if (mode == REGISTRATION_EXCLUSIVE)
			taken[i] |= TAKEN_EXCLUSIVE;
		else if (mode == REGISTRATION_REDIRECT)
			taken[i] |= TAKEN_REDIRECT;
	}
	*ret = theirs;
	*ret_count = found;
	/* Of an attribute that nobody can have registered by name. */
	*ret_whole = source_covers(source, entity, STR("machi:any"));
	return true;
}

void share_note(const struct str *attribute_iris, size_t count, unsigned char *taken, const struct str *theirs,
		size_t their_count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < their_count; j++)
			if (str_eq(attribute_iris[i], theirs[j]))
				taken[i] |= GIVEN;
}

bool share_lacks(const unsigned char *taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!taken[i])
			return true;
	return false;
}

static bool is_named(const struct str *iris, size_t count, struct str iri)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(iris[i], iri))
			return true;
	return false;
}

static bool is_identity(struct str key)
{
	return str_eq(key, STR("id")) || str_eq(key, STR("@id")) || str_eq(key, STR("type")) ||
	       str_eq(key, STR("@type"));
}

struct json *share_body(struct call *call, const struct json *body, const struct context *context,
			const struct str *attribute_iris, size_t count, bool whole)
{
	struct json *part = json_new(call->arena, json_object());
	bool good = part != NULL;

	for (uint32_t i = 0; good && json_is(body, JSON_OBJECT) && i < body->count; i++) {
		const struct json_member *member = &body->members[i];
		struct str iri;
		bool attribute = expand_attribute_iri(call->arena, context, member->key, &iri, NULL) == ERR_OK;

		if (attribute ? is_named(attribute_iris, count, iri) : whole || is_identity(member->key))
			good = json_add(call->arena, part, member->key, member->value) != NULL;
	}
	return good ? part : NULL;
}

struct json *share_left(struct call *call, const struct json *entity, const struct str *attribute_iris, size_t count,
			const unsigned char *taken, size_t *ret_left)
{
	struct json *left = json_new(call->arena, json_object());
	bool good = left != NULL;
	size_t at = 0;

	*ret_left = 0;
	for (uint32_t i = 0; good && i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];

		if (document_is_attribute(member->key)) {
			while (at < count && !str_eq(attribute_iris[at], member->key))
				at++;
			if (at < count && (taken[at] & TAKEN))
				continue;
			++*ret_left;
		}
		good = json_add(call->arena, left, member->key, member->value) != NULL;
	}
	return good ? left : NULL;
}

/* ---- here ---- */

static void share_settle(struct share *share, enum distributed_result result)
{
	const struct json *body, *list;

	(void)forward_settle(share->forward, false);
	if (share->forward->status != 207)
		return;
	body = forward_body(share->forward);
	list = json_get(body, result == RESULT_OF_ENTITY ? STR("errors") : STR("notUpdated"));
	if (json_is(list, JSON_ARRAY) && list->count > 0)
		share->partial = list;
}

static void write_here(struct call *call)
{
	struct distribution *d = call->work;

	for (size_t i = 0; i < d->share_count; i++)
		if (d->shares[i].forward)
			share_settle(&d->shares[i], d->how.result);
	if (!d->here) {
		distribution_finish(call);
		return;
	}
	d->written = true;
	call_write(call, d->item, 1, distribution_finish);
}

/* ---- asking ---- */

/* The client's own parameters but for local, which is not passed on, and type, which says what is registered: whatever
 * the entity is, the source is to change it only when it is of that (4.3.6.1). */
static struct str parameters_make(struct call *call, struct str type)
{
	struct str piece, rest = http_request_query(call->request);
	struct buf out;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	while (rest.len && str_next(&rest, '&', &piece)) {
		if (!piece.len || str_starts(piece, STR("local=")) || str_starts(piece, STR("type=")))
			continue;
		if (out.len)
			buf_put_char(&out, '&');
		buf_put(&out, piece);
	}
	if (call->operation->parameters & PARAMETER_BIT(P_TYPE))
		put_parameter(&out, STR("type"), type);
	return buf_to_arena(&out, call->arena);
}

static struct str path_make(struct call *call, const struct distribution *d, const struct context *names)
{
	struct str path = http_request_path(call->request);
	struct buf out;

	if (names == call->context || !d->item->attribute_iri.at)
		return str_part(path, sizeof(API_ROOT) - 1, path.len);
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	if (is_of_evolutions(d->how.operation))
		buf_put(&out, STR("/temporal"));
	buf_put(&out, entity_path(call->arena, d->about.id));
	buf_put(&out, STR("/attrs/"));
	put_escaped(&out, context_compact(names, call->arena, d->item->attribute_iri));
	if (call->variables[2].at) { /* an instance of it */
		buf_put_char(&out, '/');
		put_escaped(&out, call->variables[2]);
	}
	return buf_to_arena(&out, call->arena);
}

/* The body of an instance of an evolution is a fragment with its attribute (5.6.14.3). */
static const struct json *renamed(struct call *call, const struct distribution *d, const struct json *body,
				  const struct context *names)
{
	bool fragment = d->item->entity || d->how.operation == SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL;

	return fragment ? entity_rename(call->arena, body, call->context, names)
			: attribute_rename(call->arena, body, call->context, names);
}

/* ERR_TIMEOUT: suspended. */
static enum err_code request_make(struct call *call, struct distribution *d, struct share *share, bool whole)
{
	const struct query_text text = {.id_pattern = STR_NONE};
	struct narrowed narrowed = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};
	struct context *names = NULL;
	const struct json *body = call->body;
	enum err_code code = forward_names(call, share->source, &names);

	if (code == ERR_OK)
		code = gather_narrow(call, share->source, &d->match, &text, names, &narrowed);
	if (code != ERR_OK)
		return code;
	if (body && d->item->entity)
		body = share_body(call, body, call->context, share->attribute_iris, share->attribute_count, whole);
	if (body && names != call->context)
		body = renamed(call, d, body, names);
	share->forward = forward_add(d->round, share->source, method_name(call->operation->method).at,
				     path_make(call, d, names));
	if (!share->forward || (call->body && !body))
		return err_set(&call->error, ERR_MEMORY, "no memory for requests to other sources");
	share->forward->query = parameters_make(call, narrowed.type);
	share->forward->body = body;
	share->forward->context_value = call->context_value;
	return share->forward->query.at ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for a request");
}

/* ERR_TIMEOUT: suspended; asked again for the same source, with the same outcome. */
static enum err_code share_add(struct call *call, struct distribution *d, struct source *source)
{
	bool proxied = source_mode(source) == REGISTRATION_EXCLUSIVE || source_mode(source) == REGISTRATION_REDIRECT;
	struct share *share = &d->shares[d->share_count];
	bool whole = false;

	*share = (struct share){.source = source};
	if (source_mode(source) == REGISTRATION_AUXILIARY || !source_covers(source, &d->about, STR_NONE))
		return ERR_OK;
	if (!share_of(call, source, &d->about, d->attribute_iris, d->attribute_count, d->taken, &share->attribute_iris,
		      &share->attribute_count, &whole))
		return err_set(&call->error, ERR_MEMORY, "no memory for requests to other sources");
	if (d->attribute_count > 0 && share->attribute_count == 0)
		return ERR_OK;
	d->whole_taken = d->whole_taken || (whole && source_mode(source) == REGISTRATION_REDIRECT);
	if (call_has_passed(call, source)) {
		share->loops = true;
		d->share_count += proxied;
		return ERR_OK;
	}
	if (!source_supports(source, d->how.operation)) {
		d->share_count += proxied;
		return ERR_OK;
	}
	enum err_code code = request_make(call, d, share, whole);

	if (code == ERR_OK && !proxied)
		share_note(d->attribute_iris, d->attribute_count, d->taken, share->attribute_iris,
			   share->attribute_count);
	if (code == ERR_OK)
		d->share_count++;
	return code;
}

/* What is for here: all that no proxied registration has. */
static enum err_code leave_here(struct call *call, struct distribution *d)
{
	size_t left = d->attribute_count;

	d->here = !call->not_here;
	if (!d->item->entity) {
		/* One attribute that somebody else has; a deletion of all is always done here too (5.6.6.4). */
		if (d->attribute_count == 1 && (d->taken[0] & TAKEN))
			d->here = false;
		return ERR_OK;
	}
	d->item->entity = share_left(call, d->item->entity, d->attribute_iris, d->attribute_count, d->taken, &left);
	if (!d->item->entity)
		return err_set(&call->error, ERR_MEMORY, "no memory for what is left of the entity");
	if (d->whole_taken || (d->attribute_count > 0 && left == 0))
		d->here = false;
	return ERR_OK;
}

static void ask(struct call *call)
{
	struct distribution *d = call->work;
	enum err_code code = ERR_OK;

	call->resume = ask;
	for (; code == ERR_OK && d->next < d->sources.count; d->next++) {
		code = share_add(call, d, d->sources.at[d->next]);
		if (code == ERR_TIMEOUT)
			return;
	}
	if (code == ERR_OK && d->share_count == 0) {
		if (call->not_here)
			answer_error(call, ERR_NOT_FOUND, &call->error);
		else
			call_write(call, d->item, 1, d->how.answer);
		return;
	}
	if (code == ERR_OK)
		code = leave_here(call, d);
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		forward_send(d->round, write_here);
}

/* Types that the request says, else those that the entity has here; of evolutions also those of what is gone. */
static enum err_code types_find(struct call *call, struct distribution *d)
{
	struct json *entity = NULL;
	struct error err;
	bool typed = json_get(d->item->entity, STR("type")) != NULL;

	if (!typed && is_of_evolutions(d->how.operation))
		return broker_temporal_types(call->loop->reader, call->tenant, d->item->id, call->arena,
					     &d->about.type_iris, &d->about.type_count, &call->error);
	if (!typed && !call->not_here &&
	    broker_retrieve(call->loop->reader, call->tenant, d->item->id, call->arena, &entity, &err) != ERR_OK)
		entity = NULL;
	return entity_types(call, typed ? d->item->entity : entity, &d->about)
		       ? ERR_OK
		       : err_set(&call->error, ERR_MEMORY, "no memory for this request");
}

static enum err_code about_make(struct call *call, struct distribution *d)
{
	d->about.id = d->item->id;
	enum err_code code = types_find(call, d);

	if (code != ERR_OK)
		return code;
	if (!d->item->entity && d->item->attribute_iri.at) {
		d->attribute_iris = &d->item->attribute_iri;
		d->attribute_count = 1;
	} else if (!entity_attributes(call, d->item->entity, &d->attribute_iris, &d->attribute_count)) {
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	}
	d->taken = arena_zalloc(call->arena, d->attribute_count);
	return d->taken ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for this request");
}

static enum err_code sources_find(struct call *call, struct distribution *d)
{
	const struct query_text text = {.ids = d->about.id, .type = call->parameters[P_TYPE]};
	enum err_code code = ERR_OK;

	d->match = (struct registration_question){.attribute_iris = d->attribute_iris,
						  .attribute_count = d->attribute_count,
						  .any_time = is_of_evolutions(d->how.operation)};
	if (text.type.at) {
		code = query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context,
				 &d->by_type, &call->error);
		d->match.query = d->by_type;
	} else {
		d->match.entity = d->about;
	}
	if (code == ERR_OK)
		code = call_sources(call, d->how.operation, true, &d->match, &d->sources);

	if (code != ERR_OK)
		return code;
	d->shares = arena_array(call->arena, struct share, d->sources.count);
	return d->shares ? forward_round_new(call, &d->round)
			 : err_set(&call->error, ERR_MEMORY, "no memory for this request");
}

static void release(void *self)
{
	query_done(((struct distribution *)self)->by_type);
}

void distribute_write(struct call *call, struct broker_item *item, const struct distributed *how)
{
	struct distribution *d;
	bool answered = false;

	if (!call_is_distributed(call, &answered)) {
		if (!answered && call->not_here)
			answer_error(call, ERR_NOT_FOUND, &call->error);
		else if (!answered)
			call_write(call, item, 1, how->answer);
		return;
	}
	d = arena_new(call->arena, struct distribution);
	enum err_code code = d ? ERR_OK : err_set(&call->error, ERR_MEMORY, "no memory for this request");
	struct error not_here = call->error;

	if (code == ERR_OK) {
		*d = (struct distribution){.how = *how, .item = item};
		call->work = d;
		code = call_on_end(call, release, d) ? about_make(call, d)
						     : err_set(&call->error, ERR_MEMORY, "no memory for this request");
	}
	if (code == ERR_OK)
		code = sources_find(call, d);
	if (call->not_here && code == ERR_OK)
		d->absent = call->error = not_here;
	if (code == ERR_OK)
		ask(call);
	else
		answer_error(call, code, &call->error);
}
