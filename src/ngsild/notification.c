/* The body of a notification (5.3.1, 5.8.6): what happened to an entity becomes a document, which represent.h writes.
 *
 * What went stands in it as NGSI-LD Null: an attribute that went as a whole is its name and the Null; one of which a
 * datasetId, a stamp or a previous value is to be told is an instance that holds the Null. Of a deleted entity id, type
 * and deletedAt are told, with showChanges also each attribute that it had. */
#include "ngsild/subscription_int.h"

#include "base/map.h"
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/registration_notification.h"
#include "ngsild/represent_int.h"

#include <stdlib.h>

#define MET_BYTES_MAX (64u << 20) /* ids of the entities of one notification */

/* ---- the frame ---- */

static void put_member_text(struct buf *out, struct str key, struct str text)
{
	put_key(out, key);
	json_write_string(out, text);
	put(out, STR(","));
}

static bool is_collection(const struct notification_frame *frame)
{
	return frame->subscription->endpoint.accept == SUBSCRIPTION_GEO_JSON;
}

void notification_begin(struct buf *out, const struct notification_frame *frame)
{
	char text[TIME_ISO_BYTES];

	put(out, STR("{"));
	put_member_text(out, STR("id"), frame->id);
	put_member_text(out, STR("type"), frame->reason ? STR("ContextSourceNotification") : STR("Notification"));
	put_member_text(out, STR("subscriptionId"), subscription_id(frame->subscription));
	put_member_text(out, STR("notifiedAt"), time_format_iso(frame->notified_us, text));
	if (frame->reason)
		put_member_text(out, STR("triggerReason"), trigger_reason_name(frame->reason));
	put_key(out, STR("data"));
	put(out, is_collection(frame) ? STR("{\"type\":\"FeatureCollection\",\"features\":[") : STR("["));
}

void notification_end(struct buf *out, const struct notification_frame *frame)
{
	bool told = !frame->subscription->endpoint.context_linked && frame->context_value;

	close_with(out, ']');
	put(out, STR(","));
	if (told) {
		put_key(out, STR("@context"));
		put_value(out, frame->context_value);
	}
	if (is_collection(frame)) {
		close_with(out, '}');
		put(out, STR(","));
	}
	close_with(out, '}');
}

/* ---- what happened, as a document ---- */

struct telling {
	struct arena *arena;
	const struct subscription *subscription;
	const struct subscription_event *event;
	struct json deleted_at; /* the text; JSON_NULL without memory */
	bool failed; /* no memory */
};

static void add(struct telling *t, struct json *object, struct str key, struct json value)
{
	if (!json_add(t->arena, object, key, value))
		t->failed = true;
}

static void push(struct telling *t, struct json *array, struct json value)
{
	if (!json_push(t->arena, array, value))
		t->failed = true;
}

/* What an instance of this kind holds when it is gone (4.5.0). */
static struct json null_value(struct telling *t, const struct attribute_kind *kind)
{
	struct json null = json_string(NGSILD_NULL), list = json_array(), object = json_object();

	switch (kind->value) {
	case MEMBER_LANGUAGE_MAP:
		add(t, &object, NGSILD_DATASET_DEFAULT, null);
		return object;
	case MEMBER_VALUE_LIST:
		push(t, &list, null);
		return list;
	case MEMBER_OBJECT_LIST:
		add(t, &object, STR("object"), null);
		push(t, &list, object);
		return list;
	default:
		return null;
	}
}

/* previousValue and its like: only where the kind stayed, for other kinds may not have it. */
static void add_previous(struct telling *t, struct json *instance, const struct attribute_kind *kind,
			 const struct json *before)
{
	const struct attribute_kind *was = attribute_kind_of(before);
	const struct json *value = instance_value(before);

	if (!t->subscription->show_changes || !was || was->value != kind->value || !value)
		return;
	add(t, instance, member_name((enum member)(MEMBER_PREVIOUS_VALUE + (kind->value - MEMBER_VALUE))), *value);
}

static bool needs_object(const struct telling *t, const struct json *before, bool alone)
{
	return !alone || instance_dataset(before).len || t->subscription->represent.sys_attrs ||
	       t->subscription->show_changes;
}

/* An instance that is gone. alone: nothing is left of its attribute, and nothing else of it went. */
static struct json gone(struct telling *t, const struct json *before, bool alone)
{
	static const char *const stamps[] = {"createdAt", "modifiedAt"};
	const struct attribute_kind *kind = attribute_kind_of(before);
	struct json instance = json_object();

	if (!kind || !needs_object(t, before, alone))
		return json_string(NGSILD_NULL);
	add(t, &instance, STR("type"), json_string(kind->name));
	add(t, &instance, member_name(kind->value), null_value(t, kind));
	add_previous(t, &instance, kind, before);
	if (instance_dataset(before).len)
		add(t, &instance, STR("datasetId"), json_string(instance_dataset(before)));
	if (!t->subscription->represent.sys_attrs)
		return instance;
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		const struct json *stamp = json_get(before, str_from(stamps[i]));

		if (stamp)
			add(t, &instance, str_from(stamps[i]), *stamp);
	}
	add(t, &instance, STR("deletedAt"), t->deleted_at);
	return instance;
}

/* Instances of an entity that is gone. */
static struct json all_gone(struct telling *t, const struct json *instances)
{
	struct json list = json_array();

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		push(t, &list, gone(t, &instances->items[i], instances->count == 1));
	return list;
}

static void tell_deleted(struct telling *t, struct json *result)
{
	const struct json *before = t->event->before;

	for (uint32_t i = 0; json_is(before, JSON_OBJECT) && i < before->count; i++) {
		const struct json_member *member = &before->members[i];
		enum member which = member_of(member->key);

		if (which == MEMBER_ID || which == MEMBER_TYPE || which == MEMBER_CREATED_AT ||
		    which == MEMBER_MODIFIED_AT)
			add(t, result, member->key, member->value);
		else if (t->subscription->show_changes && document_is_attribute(member->key))
			add(t, result, member->key, all_gone(t, &member->value));
	}
	add(t, result, STR("deletedAt"), t->deleted_at);
}

/* ---- an entity that is still there ---- */

/* The last change of this instance: one write may change it more than once. */
static const struct change *change_of(const struct telling *t, struct str iri, struct str dataset)
{
	const struct change *found = NULL;

	for (const struct change *change = t->event->changes; change; change = change->next)
		if (str_eq(change->attribute_iri, iri) && str_eq(change->dataset_id, dataset))
			found = change;
	return found;
}

/* What it was before the write: the first change knows. */
static const struct json *first_before(const struct telling *t, struct str iri, struct str dataset)
{
	for (const struct change *change = t->event->changes; change; change = change->next)
		if (str_eq(change->attribute_iri, iri) && str_eq(change->dataset_id, dataset))
			return change->before;
	return NULL;
}

static struct json told_instance(struct telling *t, struct str iri, const struct json *instance)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);
	const struct json *before = first_before(t, iri, instance_dataset(instance));
	struct json told = json_object();

	if (!t->subscription->show_changes || !before || !kind)
		return *instance;
	for (uint32_t i = 0; i < instance->count; i++) {
		add(t, &told, instance->members[i].key, instance->members[i].value);
		if (member_of(instance->members[i].key) == kind->value)
			add_previous(t, &told, kind, before);
	}
	return told;
}

static bool is_gone(const struct telling *t, const struct change *change)
{
	return change->kind == CHANGE_DELETED && change_of(t, change->attribute_iri, change->dataset_id) == change &&
	       !document_instance(t->event->after, change->attribute_iri, change->dataset_id);
}

/* The instances of one attribute: those that are there, then those that went. */
static struct json told_instances(struct telling *t, struct str iri, const struct json *instances)
{
	struct json list = json_array();
	size_t went = 0;

	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		push(t, &list, told_instance(t, iri, &instances->items[i]));
	for (const struct change *change = t->event->changes; change; change = change->next)
		went += str_eq(change->attribute_iri, iri) && is_gone(t, change);
	for (const struct change *change = t->event->changes; change; change = change->next)
		if (str_eq(change->attribute_iri, iri) && is_gone(t, change)) {
			const struct json *was = first_before(t, iri, change->dataset_id);

			push(t, &list, gone(t, was ? was : change->before, list.count == 0 && went == 1));
		}
	return list;
}

static bool is_touched(const struct telling *t, struct str iri)
{
	for (const struct change *change = t->event->changes; change; change = change->next)
		if (str_eq(change->attribute_iri, iri))
			return true;
	return false;
}

static void tell_changed(struct telling *t, struct json *result)
{
	const struct json *after = t->event->after, none = json_array();

	for (uint32_t i = 0; json_is(after, JSON_OBJECT) && i < after->count; i++) {
		const struct json_member *member = &after->members[i];

		add(t, result, member->key,
		    is_touched(t, member->key) ? told_instances(t, member->key, &member->value) : member->value);
	}
	for (const struct change *change = t->event->changes; change; change = change->next)
		if (is_gone(t, change) && !json_get(result, change->attribute_iri))
			add(t, result, change->attribute_iri, told_instances(t, change->attribute_iri, &none));
	if (t->event->scope_changed && !json_get(after, STR("scope")) && json_get(t->event->before, STR("scope")))
		add(t, result, STR("scope"), json_string(NGSILD_NULL)); /* 4.18 */
}

/* Is the entity as it is now all there is to tell? */
static bool is_plain(const struct telling *t)
{
	const struct subscription_event *event = t->event;

	if (!event->after || (event->scope_changed && !json_get(event->after, STR("scope"))))
		return false;
	for (const struct change *change = event->changes; event->before && change; change = change->next)
		if (t->subscription->show_changes || change->kind == CHANGE_DELETED)
			return false;
	return true;
}

static const struct json *told(struct telling *t)
{
	char text[TIME_ISO_BYTES];

	if (is_plain(t))
		return t->event->after;
	struct str at = arena_dup(t->arena, time_format_iso(t->event->at_us, text));
	struct json *result = json_new(t->arena, json_object());

	if (!at.at || !result)
		return NULL;
	t->deleted_at = json_string(at);
	if (t->event->after)
		tell_changed(t, result);
	else
		tell_deleted(t, result);
	return t->failed ? NULL : result;
}

/* ---- linked entities that follow it (4.5.23.3) ---- */

/* An entity of the notification, and by how many links it was reached at the nearest. */
struct met {
	struct str id;
	uint32_t level;
};

struct notification_met {
	struct arena arena;
	struct map by_id; /* struct met */
};

struct notification_met *notification_met_new(void)
{
	struct notification_met *met = calloc(1, sizeof(*met));

	if (!met)
		return NULL;
	arena_init(&met->arena, MET_BYTES_MAX);
	map_init(&met->by_id, 0);
	return met;
}

struct notification_met *notification_met_free(struct notification_met *met)
{
	if (!met)
		return NULL;
	map_done(&met->by_id);
	arena_done(&met->arena);
	free(met);
	return NULL;
}

struct follower {
	const struct json *entity;
	struct str id;
	struct represent_selection show;
	uint32_t level;
	bool told; /* it stands in the notification already: only its links are followed, which now reach farther */
	struct follower *next;
};

struct walk {
	struct arena *arena;
	const struct linked_source *linked;
	struct notification_met *met; /* NULL: none is kept */
	struct follower *first, *last;
	uint32_t count, level; /* of the one that is looked at */
	enum err_code code;
};

/* Keeps the id as met at this level. *ret_told: it was met before; false when there is nothing new about it. */
static bool meet(struct walk *walk, struct str id, uint32_t level, bool *ret_told)
{
	struct met *met = walk->met ? map_get(&walk->met->by_id, id) : NULL;
	bool nearer = met && level < met->level;

	*ret_told = met != NULL;
	if (!walk->met || met) {
		if (nearer)
			met->level = level;
		return !met || nearer;
	}
	met = arena_new(&walk->met->arena, struct met);
	if (met)
		*met = (struct met){arena_dup(&walk->met->arena, id), level};
	if (!met || !met->id.at || !map_set(&walk->met->by_id, met->id, met))
		walk->code = ERR_MEMORY;
	return walk->code == ERR_OK;
}

static bool follow(void *self, struct str id, const struct represent_selection *show)
{
	struct walk *walk = self;
	bool told;

	for (const struct follower *met = walk->first; met; met = met->next)
		if (str_eq(met->id, id))
			return true;
	const struct json *entity = walk->linked->find(walk->linked->self, id);

	if (!entity || !meet(walk, id, walk->level + 1, &told))
		return walk->code == ERR_OK;
	struct follower *follower = arena_new(walk->arena, struct follower);

	if (!follower || walk->count == REPRESENT_LINKED_MAX) {
		walk->code = follower ? ERR_LIMIT : ERR_MEMORY;
		return false;
	}
	*follower = (struct follower){entity, document_id(entity), *show, walk->level + 1, told, NULL};
	walk->last->next = follower;
	walk->last = follower;
	walk->count++;
	return true;
}

/* Breadth first, so that each is met by the shortest way. */
static enum err_code put_followers(struct buf *out, struct arena *scratch, const struct notification_frame *frame,
				   const struct json *entity, struct represent_options *options, struct error *err)
{
	struct follower own = {entity, document_id(entity), options->show, 0, true, NULL};
	struct walk walk = {.arena = scratch, .linked = frame->linked, .met = frame->met, .first = &own, .last = &own};
	bool told;

	(void)meet(&walk, own.id, 0, &told);
	for (const struct follower *at = &own; at; at = at->next) {
		options->show = at->show;
		walk.level = at->level;
		if (at->level < frame->subscription->levels && !walk.code)
			represent_each_link(at->entity, options, follow, &walk);
		if (walk.code)
			return err_set(err, walk.code, "following the links of a notification");
		if (at->told)
			continue;
		enum err_code code = represent_entity(out, scratch, at->entity, options, err);

		if (code)
			return code;
		put(out, STR(","));
	}
	return ERR_OK;
}

/* ---- one entity ---- */

enum err_code notification_entity(struct buf *out, struct arena *scratch, const struct notification_frame *frame,
				  const struct subscription_event *event, struct error *err)
{
	const struct subscription *s = frame->subscription;
	struct telling t = {.arena = scratch, .subscription = s, .event = event};
	const struct json *entity = told(&t);
	struct represent_options options = s->represent;
	struct represent_links links = {.levels = s->levels};

	if (!entity)
		return err_set(err, ERR_MEMORY, "no memory for a notification");
	options.context = frame->context;
	if (s->join == JOIN_INLINE && frame->linked) {
		links.source = *frame->linked;
		options.links = &links;
	}
	enum err_code code = represent_entity(out, scratch, entity, &options, err);

	if (code)
		return code;
	put(out, STR(","));
	if (s->join == JOIN_FLAT && frame->linked)
		code = put_followers(out, scratch, frame, entity, &options, err);
	return code;
}
