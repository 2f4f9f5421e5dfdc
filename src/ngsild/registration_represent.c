/* A registration as clients get it: its names under their @context, with what the system tells beside, without the
 * secrets that only the source is to see. */
#include "ngsild/registration_int.h"
#include "ngsild/rename_int.h"

static void rename_entity(struct renaming *r, struct json *entity)
{
	rename_member(r, entity, STR("type"), "");
}

static void rename_info(struct renaming *r, struct json *info)
{
	rename_items(r, info, STR("entities"), rename_entity);
	rename_member(r, info, STR("propertyNames"), "");
	rename_member(r, info, STR("relationshipNames"), "");
}

enum err_code registration_rename(struct arena *arena, const struct json *document, const struct context *from,
				  const struct context *to, struct json **ret_document, struct error *err)
{
	struct renaming r = {arena, from, to, false};
	struct json *result = rename_copy(&r, document);

	if (result)
		rename_items(&r, result, STR("information"), rename_info);
	if (r.failed)
		return err_set(err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
	*ret_document = result;
	return ERR_OK;
}

/* ---- secrets ---- */

static bool ends_nocase(struct str text, struct str end)
{
	return text.len >= end.len && str_eq_nocase(str_part(text, text.len - end.len, text.len), end);
}

static bool is_secret(struct str key)
{
	return str_eq_nocase(key, STR("Authorization")) || str_eq_nocase(key, STR("Proxy-Authorization")) ||
	       str_eq_nocase(key, STR("Cookie")) || ends_nocase(key, STR("-Token")) || ends_nocase(key, STR("-Key")) ||
	       ends_nocase(key, STR("-Secret"));
}

static void hide_secret(struct renaming *r, struct json *pair)
{
	(void)json_remove(pair, STR(REGISTRATION_SEALED)); /* its value is hidden already */
	if (is_secret(json_text(json_get(pair, STR("key")))) &&
	    !str_eq(json_text(json_get(pair, STR("value"))), STR("urn:ngsi-ld:request")))
		rename_set(r, pair, STR("value"), json_string(STR(REGISTRATION_HIDDEN)));
}

/* ---- what the system tells ---- */

/* Table 5.2.9-2. */
static void tell(struct renaming *r, struct json *result, const struct registration_state *state)
{
	if (!state->used)
		return;
	rename_set(r, result, STR("status"), json_string(state->failed_last ? STR("failed") : STR("ok")));
	rename_set_count(r, result, STR("timesSent"), state->times_sent);
	rename_set_count(r, result, STR("timesFailed"), state->times_failed);
	rename_set_time(r, result, STR("lastSuccess"), state->last_success_us);
	rename_set_time(r, result, STR("lastFailure"), state->last_failure_us);
}

enum err_code registration_represent(struct buf *out, struct arena *arena, const struct json *document,
				     const struct context *own_context, const struct registration_state *state,
				     const struct registration_show *show, struct error *err)
{
	struct renaming r = {arena, own_context, show->context, false};
	struct json *result = rename_copy(&r, document);

	if (!result)
		return err_set(err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
	rename_items(&r, result, STR("information"), rename_info);
	rename_items(&r, result, STR("contextSourceInfo"), hide_secret);
	tell(&r, result, state);
	if (show->sys_attrs) {
		rename_set_time(&r, result, STR("createdAt"), state->created_us);
		rename_set_time(&r, result, STR("modifiedAt"), state->modified_us);
	}
	if (show->context_value)
		rename_set(&r, result, STR("@context"), *show->context_value);
	if (r.failed)
		return err_set(err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
	json_write(out, result);
	return ERR_OK;
}
