/* A subscription as clients get it: its names under their @context, with what the system tells beside. */
#include "ngsild/subscription_int.h"

#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/name_int.h"

/* ---- names ---- */

struct renaming {
	struct arena *arena;
	const struct context *from, *to; /* to NULL: IRIs */
	bool failed; /* no memory */
};

/* A name under the other @context; as it is where it means nothing, or is a member's. */
static struct str renamed(struct renaming *r, struct str name)
{
	struct error unseen;
	struct str iri;

	if (!name_is_legal(name) || member_of(name) != MEMBER_NONE)
		return name;
	enum err_code code = context_expand(r->from, r->arena, name, &iri, &unseen);

	r->failed = r->failed || code == ERR_MEMORY;
	if (code)
		return name;
	return r->to ? represent_name(r->to, r->arena, iri) : iri;
}

/* A text of names with these marks between them: a type selection, a projection. */
static struct json renamed_all(struct renaming *r, struct str text, const char *marks)
{
	struct buf out;
	size_t at = 0;

	buf_init(&out, SUBSCRIPTION_BYTES_MAX);
	while (at < text.len) {
		size_t from = at;

		while (at < text.len && !strchr(marks, text.at[at]))
			at++;
		if (at > from)
			buf_put(&out, renamed(r, str_part(text, from, at)));
		if (at < text.len)
			buf_put_char(&out, text.at[at++]);
	}
	struct str result = arena_dup(r->arena, buf_str(&out));

	r->failed = r->failed || out.failed || !result.at;
	buf_done(&out);
	return json_string(result);
}

static const char type_marks[] = "|,;() ";
static const char projection_marks[] = ",|{} \t\r\n";

static void set(struct renaming *r, struct json *object, struct str key, struct json value)
{
	if (!json_set(r->arena, object, key, value))
		r->failed = true;
}

/* The named member of an object of ours: a text of names, or an array of such texts. */
static void rename_member(struct renaming *r, struct json *object, struct str key, const char *marks)
{
	const struct json *value = json_get(object, key);
	struct json list = json_array();

	if (json_is(value, JSON_STRING) && !node_is_null(value))
		set(r, object, key, renamed_all(r, json_text(value), marks));
	if (!json_is(value, JSON_ARRAY))
		return;
	for (uint32_t i = 0; i < value->count; i++) {
		const struct json *item = &value->items[i];

		if (!json_push(r->arena, &list, node_is_null(item) ? *item : renamed_all(r, json_text(item), marks)))
			r->failed = true;
	}
	set(r, object, key, list);
}

/* The object that is a member, copied so that its members can be set; NULL when it is none. */
static struct json *own_object(struct renaming *r, struct json *outer, struct str key)
{
	struct json *value = json_get(outer, key);
	struct json copy = json_object();

	if (!json_is(value, JSON_OBJECT))
		return NULL;
	for (uint32_t i = 0; i < value->count; i++)
		if (!json_add(r->arena, &copy, value->members[i].key, value->members[i].value))
			r->failed = true;
	*value = copy;
	return value;
}

static void rename_selectors(struct renaming *r, struct json *document)
{
	struct json *entities = json_get(document, STR("entities"));
	struct json list = json_array();

	for (uint32_t i = 0; json_is(entities, JSON_ARRAY) && i < entities->count; i++) {
		struct json holder = json_object(), *selector;

		set(r, &holder, STR("_"), entities->items[i]);
		selector = own_object(r, &holder, STR("_"));
		if (selector)
			rename_member(r, selector, STR("type"), type_marks);
		if (!json_push(r->arena, &list, selector ? *selector : entities->items[i]))
			r->failed = true;
	}
	if (json_is(entities, JSON_ARRAY))
		*entities = list;
}

static void rename_all(struct renaming *r, struct json *document)
{
	struct json *notification = own_object(r, document, STR("notification"));
	struct json *geo = own_object(r, document, STR("geoQ"));

	rename_selectors(r, document);
	rename_member(r, document, STR("watchedAttributes"), "");
	if (notification) {
		rename_member(r, notification, STR("attributes"), "");
		rename_member(r, notification, STR("pick"), projection_marks);
		rename_member(r, notification, STR("omit"), projection_marks);
	}
	if (geo)
		rename_member(r, geo, STR("geoproperty"), "");
}

/* The members of the document in an object of our own. */
static struct json *copied(struct arena *arena, const struct json *document)
{
	struct json *copy = json_new(arena, json_object());

	for (uint32_t i = 0; copy && json_is(document, JSON_OBJECT) && i < document->count; i++)
		if (!json_add(arena, copy, document->members[i].key, document->members[i].value))
			return NULL;
	return copy;
}

enum err_code subscription_rename(struct arena *arena, const struct json *document, const struct context *from,
				  const struct context *to, struct json **ret_document, struct error *err)
{
	struct renaming r = {arena, from, to, false};
	struct json *result = copied(arena, document);

	if (result)
		rename_all(&r, result);
	if (!result || r.failed)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	*ret_document = result;
	return ERR_OK;
}

/* ---- what the system tells ---- */

static void set_time(struct renaming *r, struct json *object, struct str key, int64_t us)
{
	char text[TIME_ISO_BYTES];

	if (us == INT64_MIN)
		return;
	struct str copy = arena_dup(r->arena, time_format_iso(us, text));

	r->failed = r->failed || !copy.at;
	set(r, object, key, json_string(copy));
}

static void set_count(struct renaming *r, struct json *object, struct str key, uint64_t count)
{
	if (count > 0)
		set(r, object, key, json_int(r->arena, count > INT64_MAX ? INT64_MAX : (int64_t)count));
}

/* 5.2.14.2 */
static void tell_notification(struct renaming *r, struct json *notification, const struct subscription_state *state)
{
	set_count(r, notification, STR("timesSent"), state->times_sent);
	set_count(r, notification, STR("timesFailed"), state->times_failed);
	set_time(r, notification, STR("lastNotification"), state->last_notification_us);
	set_time(r, notification, STR("lastSuccess"), state->last_success_us);
	set_time(r, notification, STR("lastFailure"), state->last_failure_us);
	if (state->times_sent > 0)
		set(r, notification, STR("status"), json_string(state->failed_last ? STR("failed") : STR("ok")));
}

static struct str status_name(enum subscription_status status)
{
	return status == SUBSCRIPTION_ACTIVE   ? STR("active")
	       : status == SUBSCRIPTION_PAUSED ? STR("paused")
					       : STR("expired");
}

enum err_code subscription_represent(struct buf *out, struct arena *arena, const struct json *document,
				     const struct context *own_context, const struct subscription_state *state,
				     const struct subscription_show *show, struct error *err)
{
	struct renaming r = {arena, own_context, show->context, false};
	struct json *result = copied(arena, document), *notification = NULL;

	if (!result)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	rename_all(&r, result);
	notification = json_get(result, STR("notification")); /* a copy by now */
	if (json_is(notification, JSON_OBJECT))
		tell_notification(&r, notification, state);
	set(&r, result, STR("status"), json_string(status_name(state->status)));
	if (show->sys_attrs) {
		set_time(&r, result, STR("createdAt"), state->created_us);
		set_time(&r, result, STR("modifiedAt"), state->modified_us);
	}
	if (show->context_value)
		set(&r, result, STR("@context"), *show->context_value);
	if (r.failed)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	json_write(out, result);
	return ERR_OK;
}
