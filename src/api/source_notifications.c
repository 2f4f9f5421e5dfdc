/* POST /api/v1/sources/notifications/{token}: what a context source notifies of a copy of a subscription that this
 * broker made there (GS CIM 009 V1.9.1, 5.8.6, 6.3.8). The token says of which, and of which tenant: the header
 * NGSILD-Tenant is the source's. 200 when who subscribed here is owed it; 404 by a token that nobody has, 410 when the
 * subscription is to be there no more.
 *
 * What is deleted stands in a notification as NGSI-LD Null. Such instances are no entity's, and are read apart. */
#include "api/gather_int.h"

#include "base/time_value.h"
#include "broker/source_copies.h"
#include "ngsild/expand.h"

#define NOTIFIED_MAX 10000u /* entities of one notification */

struct notified_work {
	struct source_notification notification;
	struct source_copy copy;
	struct source_list sources;
	struct source_notified *entities;
};

/* ---- what is deleted ---- */

static bool is_null(const struct json *value)
{
	return str_eq(json_text(value), NGSILD_NULL);
}

static bool is_gone(const struct json *instance)
{
	static const char *const plain[] = {"value", "object", "vocab", "json"};
	const struct json *list = json_get(instance, STR("valueList")),
			  *objects = json_get(instance, STR("objectList"));

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (is_null(json_get(instance, str_from(plain[i]))))
			return true;
	return is_null(instance) || is_null(json_get(json_get(instance, STR("languageMap")), STR("@none"))) ||
	       is_null(list) || is_null(json_at(list, 0)) || is_null(json_get(json_at(objects, 0), STR("object")));
}

static bool add_instances(struct arena *arena, const struct json_member *member, bool gone, struct json *object)
{
	const struct json *value = &member->value;
	struct json list = json_array();

	if (!json_is(value, JSON_ARRAY))
		return is_gone(value) != gone || json_add(arena, object, member->key, *value);
	for (uint32_t i = 0; i < value->count; i++)
		if (is_gone(&value->items[i]) == gone && !json_push(arena, &list, value->items[i]))
			return false;
	return list.count == 0 || json_add(arena, object, member->key, list);
}

/* The entity with what is there of it, or with what is gone. False: no memory. */
static bool part_of(struct arena *arena, const struct json *body, bool gone, bool whole, struct json *ret)
{
	*ret = json_object();
	for (uint32_t i = 0; i < body->count; i++) {
		const struct json_member *member = &body->members[i];
		bool named = str_eq(member->key, STR("id")) || str_eq(member->key, STR("type"));

		if (named ? !json_add(arena, ret, member->key, member->value)
			  : whole && !add_instances(arena, member, gone, ret))
			return false;
	}
	return true;
}

/* Its attributes as changes. False: no memory. */
static bool changes_of(struct arena *arena, const struct json *entity, struct change **ret)
{
	for (uint32_t i = 0; i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];

		for (uint32_t k = 0; document_is_attribute(member->key) && k < member->value.count; k++) {
			struct change *change = arena_new(arena, struct change);

			if (!change)
				return false;
			*change = (struct change){
				.kind = CHANGE_DELETED,
				.attribute_iri = member->key,
				.dataset_id = json_text(json_get(&member->value.items[k], STR("datasetId"))),
				.before = &member->value.items[k],
				.next = *ret};
			*ret = change;
		}
	}
	return true;
}

/* ---- one entity ---- */

static enum err_code expand_part(struct call *call, const struct json *body, bool gone, bool whole,
				 struct json **ret_entity)
{
	const struct expand_options options = {.context = call->context,
					       .now_us = broker_now_us(call->api->options.broker),
					       .fragment = gone,
					       .stamped = true};
	struct json *part = json_new(call->arena, json_object());

	if (!part || !part_of(call->arena, body, gone, whole, part))
		return err_set(&call->error, ERR_MEMORY, "no memory for a notification");
	return expand_entity(call->arena, part, &options, ret_entity, &call->error);
}

static bool is_registered(const struct notified_work *work, struct json *entity)
{
	return gather_keep_registered(work->sources.at[0], entity);
}

static enum err_code take_entity(struct call *call, const struct json *body)
{
	struct notified_work *work = call->work;
	struct source_notified *notified = &work->entities[work->notification.count];
	const struct json *deleted = json_get(body, STR("deletedAt"));
	struct json *gone = NULL;

	if (!json_is(body, JSON_OBJECT))
		return err_set(&call->error, ERR_INVALID, "what is notified is no entity");
	*notified = (struct source_notified){.entity = NULL};
	if (deleted && !time_parse_iso(json_text(deleted), false, &notified->deleted_us))
		return err_set(&call->error, ERR_INVALID, "deletedAt is no DateTime");
	enum err_code code = expand_part(call, body, false, !deleted, &notified->entity);

	if (code == ERR_OK)
		code = expand_part(call, body, true, !deleted, &gone);
	if (code != ERR_OK)
		return code;
	if (!is_registered(work, notified->entity) || !is_registered(work, gone))
		return ERR_OK;
	if (!changes_of(call->arena, gone, &notified->deleted))
		return err_set(&call->error, ERR_MEMORY, "no memory for a notification");
	work->notification.count++;
	return ERR_OK;
}

/* ---- all of them ---- */

static void answer_taken(struct call *call)
{
	if (call->write_code == ERR_NOT_FOUND)
		answer_empty(call, 410);
	else if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 200);
}

static void on_done(struct source_notification *notification, enum err_code code, const struct error *err)
{
	call_ended(notification->self, code, err);
}

static void submit(struct call *call)
{
	struct notified_work *work = call->work;

	work->notification.subscription = work->copy.subscription;
	work->notification.split = work->copy.split;
	work->notification.entities = work->entities;
	work->notification.arena = call->arena;
	work->notification.done = on_done;
	work->notification.self = call;
	enum err_code code =
		broker_source_notify(call->api->options.broker, call->tenant, &work->notification, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer_taken);
}

static void take_all(struct call *call)
{
	struct notified_work *work = call->work;
	const struct json *data = json_get(call->body, STR("data"));
	enum err_code code = ERR_OK;

	if (!json_is(data, JSON_ARRAY) || data->count > NOTIFIED_MAX)
		code = err_set(&call->error, ERR_INVALID, "data is to be an array of at most %u entities",
			       NOTIFIED_MAX);
	work->entities = arena_array(call->arena, struct source_notified, data ? data->count : 0);
	if (code == ERR_OK && !work->entities)
		code = err_set(&call->error, ERR_MEMORY, "no memory for a notification");
	for (uint32_t i = 0; code == ERR_OK && i < data->count; i++)
		code = take_entity(call, &data->items[i]);
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else if (work->notification.count == 0)
		answer_empty(call, 200);
	else
		submit(call);
}

/* ---- whose it is ---- */

static void release(void *list)
{
	sources_release(list);
}

/* The copy, and the registration, which may have gone meanwhile. */
static enum err_code find_copy(struct call *call, struct notified_work *work)
{
	struct broker_reader *reader = call->loop->reader;
	struct str rest = call->variables[0], token;

	if (!str_next(&rest, '.', &token))
		token = STR_NONE;
	call->tenant = rest.len ? rest : STR_NONE;
	if (rest.len && !broker_tenant_is_name(rest))
		return ERR_NOT_FOUND;
	enum err_code code = broker_source_copy(reader, call->tenant, token, call->arena, &work->copy, &call->error);

	if (code == ERR_OK && !work->copy.leaving_us)
		code = broker_source_get(reader, call->tenant, work->copy.registration, call->arena, &work->sources,
					 &call->error);
	if (code == ERR_OK && work->sources.count && !call_on_end(call, release, &work->sources)) {
		sources_release(&work->sources);
		code = err_set(&call->error, ERR_MEMORY, "no memory for a notification");
	}
	return code;
}

static enum err_code parse(struct call *call)
{
	enum err_code code = json_parse(broker_reader_parser(call->loop->reader), call->arena,
					http_request_body(call->request), NULL, &call->body, &call->error);

	if (code == ERR_OK && !json_is(call->body, JSON_OBJECT))
		code = err_set(&call->error, ERR_INVALID, "a notification is a JSON object");
	call->ld_body = json_get(call->body, STR("@context")) != NULL;
	return code;
}

void take_source_notification(struct call *call)
{
	struct notified_work *work = arena_new(call->arena, struct notified_work);

	if (!work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	call->work = work;
	enum err_code code = find_copy(call, work);

	if (code == ERR_TENANT || code == ERR_NOT_FOUND) {
		answer_empty(call, 404);
		return;
	}
	if (code == ERR_OK && work->sources.count == 0) {
		answer_empty(call, 410);
		return;
	}
	if (code == ERR_OK)
		code = parse(call);
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_with_context(call, take_all);
}
