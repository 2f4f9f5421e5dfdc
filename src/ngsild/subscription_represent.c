/* A subscription as clients get it: its names under their @context, with what the system tells beside. */
#include "ngsild/rename_int.h"
#include "ngsild/subscription_int.h"

/* ---- names ---- */

static const char type_marks[] = "|,;() ";
static const char projection_marks[] = ",|{} \t\r\n";

static void rename_selector(struct renaming *r, struct json *selector)
{
	rename_member(r, selector, STR("type"), type_marks);
}

static void rename_all(struct renaming *r, struct json *document)
{
	struct json *notification = rename_own(r, document, STR("notification"));
	struct json *geo = rename_own(r, document, STR("geoQ"));

	rename_items(r, document, STR("entities"), rename_selector);
	rename_member(r, document, STR("watchedAttributes"), "");
	if (notification) {
		rename_member(r, notification, STR("attributes"), "");
		rename_member(r, notification, STR("pick"), projection_marks);
		rename_member(r, notification, STR("omit"), projection_marks);
	}
	if (geo)
		rename_member(r, geo, STR("geoproperty"), "");
}

enum err_code subscription_rename(struct arena *arena, const struct json *document, const struct context *from,
				  const struct context *to, struct json **ret_document, struct error *err)
{
	struct renaming r = {arena, from, to, false};
	struct json *result = rename_copy(&r, document);

	if (result)
		rename_all(&r, result);
	if (!result || r.failed)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	*ret_document = result;
	return ERR_OK;
}

/* ---- what the system tells ---- */

/* 5.2.14.2 */
static void tell_notification(struct renaming *r, struct json *notification, const struct subscription_state *state)
{
	if (state->times_sent > 0)
		rename_set_count(r, notification, STR("timesSent"), state->times_sent);
	if (state->times_failed > 0)
		rename_set_count(r, notification, STR("timesFailed"), state->times_failed);
	rename_set_time(r, notification, STR("lastNotification"), state->last_notification_us);
	rename_set_time(r, notification, STR("lastSuccess"), state->last_success_us);
	rename_set_time(r, notification, STR("lastFailure"), state->last_failure_us);
	if (state->times_sent > 0)
		rename_set(r, notification, STR("status"), json_string(state->failed_last ? STR("failed") : STR("ok")));
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
	struct json *result = rename_copy(&r, document), *notification = NULL;

	if (!result)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	rename_all(&r, result);
	notification = json_get(result, STR("notification")); /* a copy by now */
	if (json_is(notification, JSON_OBJECT))
		tell_notification(&r, notification, state);
	rename_set(&r, result, STR("status"), json_string(status_name(state->status)));
	if (show->sys_attrs) {
		rename_set_time(&r, result, STR("createdAt"), state->created_us);
		rename_set_time(&r, result, STR("modifiedAt"), state->modified_us);
	}
	if (show->context_value)
		rename_set(&r, result, STR("@context"), *show->context_value);
	if (r.failed)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	json_write(out, result);
	return ERR_OK;
}
